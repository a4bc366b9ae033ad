use super::Found;

pub(super) fn find(found: &mut Found<'_>) {
    let is = |name| found.env(name).is_some();
    if is("AWS_LAMBDA_FUNCTION_NAME") {
        lambda(found);
    } else if is("ECS_CONTAINER_METADATA_URI_V4") {
        platform(found, "aws", "aws_ecs");
        copy(found, &[("cloud.region", "AWS_REGION")]);
    } else if is("K_SERVICE") {
        cloud_run(found);
    } else if is("GAE_SERVICE") {
        platform(found, "gcp", "gcp_app_engine");
        let names = [
            ("faas.name", "GAE_SERVICE"),
            ("faas.version", "GAE_VERSION"),
            ("faas.instance", "GAE_INSTANCE"),
        ];
        copy(found, &names);
        copy(found, &[("cloud.account.id", "GOOGLE_CLOUD_PROJECT")]);
    } else if is("WEBSITE_SITE_NAME") {
        app_service(found);
    }
}

fn lambda(found: &mut Found<'_>) {
    platform(found, "aws", "aws_lambda");
    let names = [
        ("cloud.region", "AWS_REGION"),
        ("faas.name", "AWS_LAMBDA_FUNCTION_NAME"),
        ("faas.version", "AWS_LAMBDA_FUNCTION_VERSION"),
        ("faas.instance", "AWS_LAMBDA_LOG_STREAM_NAME"),
    ];
    copy(found, &names);
    // The variable is in MiB, the attribute in bytes.
    let memory = found.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").and_then(|mib| mib.parse::<i64>().ok());
    if let Some(bytes) = memory.and_then(|mib| mib.checked_mul(1 << 20)) {
        found.set("faas.max_memory", bytes);
    }
}

fn cloud_run(found: &mut Found<'_>) {
    let is_function = found.env("FUNCTION_TARGET").is_some();
    platform(found, "gcp", if is_function { "gcp_cloud_functions" } else { "gcp_cloud_run" });
    let names = [
        ("faas.name", "K_SERVICE"),
        ("faas.version", "K_REVISION"),
        ("cloud.account.id", "GOOGLE_CLOUD_PROJECT"),
        ("cloud.region", "GOOGLE_CLOUD_REGION"),
    ];
    copy(found, &names);
}

fn app_service(found: &mut Found<'_>) {
    let is_function = found.env("FUNCTIONS_EXTENSION_VERSION").is_some();
    platform(found, "azure", if is_function { "azure_functions" } else { "azure_app_service" });
    if is_function {
        copy(found, &[("faas.name", "WEBSITE_SITE_NAME"), ("faas.instance", "WEBSITE_INSTANCE_ID")]);
    }
    copy(found, &[("cloud.region", "REGION_NAME")]);
    // Subscription+resource group-region.
    let owner = found.env("WEBSITE_OWNER_NAME");
    found.set_some("cloud.account.id", owner.and_then(|owner| owner.split('+').next().map(str::to_owned)));
}

fn platform(found: &mut Found<'_>, provider: &str, platform: &str) {
    found.set("cloud.provider", provider);
    found.set("cloud.platform", platform);
}

fn copy(found: &mut Found<'_>, names: &[(&str, &str)]) {
    for (key, variable) in names {
        let value = found.env(variable);
        found.set_some(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Detector,
        tests::{found, map},
    };

    #[test]
    fn functions_and_apps_are_known_by_their_variables() {
        let lambda = [
            ("AWS_LAMBDA_FUNCTION_NAME", "f"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ];
        let expected = [
            ("cloud.provider", "aws"),
            ("cloud.platform", "aws_lambda"),
            ("cloud.region", "eu-central-1"),
            ("faas.name", "f"),
            ("faas.max_memory", "134217728"),
        ];
        assert_eq!(found(Detector::CLOUD, &[], &lambda), map(&expected));

        let run = [("K_SERVICE", "shop"), ("K_REVISION", "shop-1"), ("GOOGLE_CLOUD_PROJECT", "p")];
        let expected = [
            ("cloud.provider", "gcp"),
            ("cloud.platform", "gcp_cloud_run"),
            ("faas.name", "shop"),
            ("faas.version", "shop-1"),
            ("cloud.account.id", "p"),
        ];
        assert_eq!(found(Detector::CLOUD, &[], &run), map(&expected));

        let app = [
            ("WEBSITE_SITE_NAME", "shop"),
            ("REGION_NAME", "westeurope"),
            ("WEBSITE_OWNER_NAME", "sub+rg-x"),
        ];
        let expected = [
            ("cloud.provider", "azure"),
            ("cloud.platform", "azure_app_service"),
            ("cloud.region", "westeurope"),
            ("cloud.account.id", "sub"),
        ];
        assert_eq!(found(Detector::CLOUD, &[], &app), map(&expected));
    }
}
