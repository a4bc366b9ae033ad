use super::Found;

pub(super) fn find(found: &mut Found<'_>) {
    let cgroup = found.file("/proc/self/cgroup").unwrap_or_default();
    // With cgroup namespaces the own path says nothing, but files that the runtime mounts come from the container's folder.
    let id = cgroup.lines().find_map(|line| id_in(line.rsplit('/').next()?));
    let id = id.or_else(|| {
        let mounts = found.file("/proc/self/mountinfo")?;
        let roots =
            mounts.lines().filter(|line| line.contains("/containers/") || line.contains("-containers/"));
        roots.flat_map(|line| line.split(['/', ' '])).find_map(|part| is_id(part).then(|| part.to_owned()))
    });
    found.set_some("container.id", id);
}

/// The id in the last part of a cgroup's path: alone, or as `docker-ID.scope`, `cri-containerd-ID`, `crio-ID.scope`.
fn id_in(part: &str) -> Option<String> {
    let part = part.strip_suffix(".scope").unwrap_or(part);
    let id = part.rsplit(['-', ':']).next().unwrap_or(part);
    is_id(id).then(|| id.to_owned())
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::super::{
        Detector,
        tests::{found, map},
    };

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn every_runtime_hides_the_id_in_its_own_place() {
        let cgroups = [
            format!("12:pids:/docker/{ID}\n0::/\n"),
            format!("0::/system.slice/docker-{ID}.scope\n"),
            format!("1:name=systemd:/kubepods/besteffort/pod1-2/cri-containerd-{ID}.scope\n"),
            format!("0::/kubepods.slice/kubepods-pod12.slice/crio-{ID}.scope\n"),
        ];
        for cgroup in &cgroups {
            let found = found(Detector::CONTAINER, &[("proc/self/cgroup", cgroup)], &[]);
            assert_eq!(found, map(&[("container.id", ID)]), "{cgroup}");
        }
        let mounts = [
            format!(
                "700 1 8:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/sda1 rw\n"
            ),
            format!(
                "7 1 0:2 /containers/storage/overlay-containers/{ID}/userdata/hostname /etc/hostname rw - tmpfs x rw\n"
            ),
        ];
        for mounts in &mounts {
            let files = [("proc/self/cgroup", "0::/\n"), ("proc/self/mountinfo", mounts)];
            assert_eq!(found(Detector::CONTAINER, &files, &[]), map(&[("container.id", ID)]), "{mounts}");
        }
    }

    #[test]
    fn a_session_of_a_login_is_no_container() {
        let files = [
            ("proc/self/cgroup", "0::/user.slice/user-1000.slice/session-4.scope\n"),
            ("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"),
        ];
        assert!(found(Detector::CONTAINER, &files, &[]).is_empty());
    }
}
