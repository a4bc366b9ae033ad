use super::Found;

/// The attribute, the variable without and with `K8S_` before it, and the file of `/etc/podinfo`.
const NAMES: [(&str, &str, &str, &str); 6] = [
    ("k8s.pod.name", "POD_NAME", "K8S_POD_NAME", "name"),
    ("k8s.pod.uid", "POD_UID", "K8S_POD_UID", "uid"),
    ("k8s.namespace.name", "POD_NAMESPACE", "K8S_NAMESPACE_NAME", "namespace"),
    ("k8s.node.name", "NODE_NAME", "K8S_NODE_NAME", "nodename"),
    ("k8s.container.name", "CONTAINER_NAME", "K8S_CONTAINER_NAME", "containername"),
    ("k8s.cluster.name", "CLUSTER_NAME", "K8S_CLUSTER_NAME", "clustername"),
];
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

pub(super) fn find(found: &mut Found<'_>) {
    // Every container of a pod has this one. Without it, such general names as NODE_NAME mean something else.
    if found.env("KUBERNETES_SERVICE_HOST").is_none() {
        return;
    }
    for (key, short, long, file) in NAMES {
        let value = found.env(long).or_else(|| found.env(short));
        let value = value.or_else(|| found.file(&format!("/etc/podinfo/{file}")));
        let value = value.or_else(|| match key {
            // A pod's host name is its name, unless it was given another.
            "k8s.pod.name" => found.env("HOSTNAME"),
            "k8s.namespace.name" => found.file(NAMESPACE),
            _ => None,
        });
        found.set_some(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Detector,
        tests::{found, map},
    };

    const IN_A_POD: (&str, &str) = ("KUBERNETES_SERVICE_HOST", "10.0.0.1");

    #[test]
    fn variables_win_over_files_and_files_over_guesses() {
        let files = [
            ("etc/podinfo/name", "from-file\n"),
            ("etc/podinfo/uid", "u-1"),
            ("var/run/secrets/kubernetes.io/serviceaccount/namespace", "shop"),
        ];
        let variables = [IN_A_POD, ("K8S_NODE_NAME", "n1"), ("NODE_NAME", "n2"), ("HOSTNAME", "guess")];
        let pod = [
            ("k8s.pod.name", "from-file"),
            ("k8s.pod.uid", "u-1"),
            ("k8s.namespace.name", "shop"),
            ("k8s.node.name", "n1"),
        ];
        assert_eq!(found(Detector::KUBERNETES, &files, &variables), map(&pod));
        let guess = found(Detector::KUBERNETES, &[], &[IN_A_POD, ("HOSTNAME", "guess")]);
        assert_eq!(guess, map(&[("k8s.pod.name", "guess")]));
    }

    #[test]
    fn outside_of_a_cluster_general_names_mean_nothing() {
        assert!(found(Detector::KUBERNETES, &[], &[("NODE_NAME", "build-7")]).is_empty());
    }
}
