use super::Found;

pub(super) fn find(found: &mut Found<'_>) {
    let cgroup = found.file("/proc/self/cgroup").unwrap_or_default();
    // The innermost: a service of a user runs below user@1000.service.
    let paths = cgroup.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let unit = paths.flat_map(|path| path.rsplit('/')).find(|part| part.ends_with(".service"));
    if let Some(unit) = unit.map(str::to_owned) {
        found.set("systemd.unit", unit.as_str());
        let invocation = found.env("INVOCATION_ID");
        found.set_some("systemd.invocation_id", invocation);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Detector,
        tests::{found, map},
    };

    #[test]
    fn the_innermost_service_is_the_unit() {
        let variables = [("INVOCATION_ID", "abc")];
        let unit = |cgroup| found(Detector::SYSTEMD, &[("proc/self/cgroup", cgroup)], &variables);
        let expected = [("systemd.unit", "thermostat.service"), ("systemd.invocation_id", "abc")];
        assert_eq!(unit("0::/system.slice/thermostat.service\n"), map(&expected));
        assert_eq!(unit("0::/user.slice/user@1000.service/app.slice/thermostat.service\n"), map(&expected));
        assert!(unit("0::/user.slice/user-1000.slice/session-4.scope\n").is_empty());
    }
}
