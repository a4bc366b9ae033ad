use super::Found;

pub(super) fn find(found: &mut Found<'_>) {
    found.set("process.pid", i64::from(std::process::id()));
    let status = found.file("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<i64>().ok()
    };
    if let Some(parent) = field("PPid:") {
        found.set("process.parent_pid", parent);
    }
    if let Some(owner) = field("Uid:").and_then(|id| user(&found.file("/etc/passwd")?, id)) {
        found.set("process.owner", owner.as_str());
    }
    if let Ok(path) = std::env::current_exe() {
        found.set_some("process.executable.path", path.to_str().map(str::to_owned));
        found.set_some(
            "process.executable.name",
            path.file_name().and_then(|n| n.to_str()).map(str::to_owned),
        );
    }
}

/// The name of the user with that number.
fn user(passwd: &str, id: i64) -> Option<String> {
    let line = passwd.lines().find(|line| line.split(':').nth(2) == Some(id.to_string().as_str()))?;
    line.split(':').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::{Detector, tests::found};

    #[test]
    fn a_process_has_an_id_a_parent_a_program_and_an_owner() {
        let files = [
            ("proc/self/status", "Name:\tx\nPPid:\t41\nUid:\t1000\t1000\t1000\t1000\n"),
            ("etc/passwd", "root:x:0:0::/:/bin/sh\nada:x:1000:1000:Ada:/home/ada:/bin/sh\n"),
        ];
        let process = found(Detector::PROCESS, &files, &[]);
        assert_eq!(process["process.pid"], std::process::id().to_string());
        assert_eq!((&*process["process.parent_pid"], &*process["process.owner"]), ("41", "ada"));
        let program = std::env::current_exe().unwrap();
        assert_eq!(process["process.executable.path"], program.to_str().unwrap());
        assert!(program.ends_with(&process["process.executable.name"]));
    }
}
