use super::Found;

pub(super) fn find(found: &mut Found<'_>) {
    let name = found.file("/proc/sys/kernel/hostname");
    found.set_some("host.name", name);
    found.set("host.arch", arch());
    let id = found.file("/etc/machine-id").or_else(|| found.file("/var/lib/dbus/machine-id"));
    found.set_some("host.id", id);
}

/// The conventions' words for architectures.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Detector, tests::found};

    #[test]
    fn a_host_has_a_name_an_id_and_an_architecture() {
        let files = [("proc/sys/kernel/hostname", "box\n"), ("var/lib/dbus/machine-id", "0123abcd\n")];
        let host = found(Detector::HOST, &files, &[]);
        assert_eq!((&*host["host.name"], &*host["host.id"]), ("box", "0123abcd"));
        assert!(!host["host.arch"].is_empty() && host["host.arch"] != "x86_64");
    }
}
