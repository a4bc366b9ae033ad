use super::Found;

pub(super) fn find(found: &mut Found<'_>) {
    found.set("os.type", std::env::consts::OS);
    let release = found.file("/etc/os-release").or_else(|| found.file("/usr/lib/os-release"));
    let release = release.unwrap_or_default();
    let field = |name: &str| {
        let value = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        let value = value.trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    };
    found.set_some("os.name", field("NAME"));
    found.set_some("os.version", field("VERSION_ID"));
    found.set_some("os.description", field("PRETTY_NAME"));
    found.set_some("os.build_id", field("BUILD_ID"));
}

#[cfg(test)]
mod tests {
    use super::super::{
        Detector,
        tests::{found, map},
    };

    #[test]
    fn a_release_file_names_the_system() {
        let release = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nBUILD_ID=\n";
        let os = [
            ("os.type", "linux"),
            ("os.name", "Debian GNU/Linux"),
            ("os.version", "12"),
            ("os.description", "Debian GNU/Linux 12 (bookworm)"),
        ];
        assert_eq!(found(Detector::OS, &[("etc/os-release", release)], &[]), map(&os));
    }
}
