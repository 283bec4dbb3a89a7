//! Which attributes of a resource say to what a service belongs: services can be shown in groups by them.

/// Names that are labels.
const NAMES: [&str; 14] = [
    "app.kubernetes.io/part-of",
    "cloud.region",
    "com.docker.compose.project",
    "domain",
    "k8s.cluster.name",
    "k8s.deployment.name",
    "k8s.namespace.name",
    "k8s.statefulset.name",
    "owner",
    "service.group",
    "service.owner",
    "service.team",
    "system",
    "team",
];
/// What labels of Kubernetes objects begin with, as its collectors name them.
const PREFIXES: [&str; 6] =
    ["k8s.pod.label.", "k8s.pod.labels.", "k8s.deployment.label.", "k8s.deployment.labels.", "k8s.namespace.label.", "k8s.namespace.labels."];
/// What tells one instance from another groups nothing.
const OF_ONE: [&str; 4] = ["pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"];

/// Whether an attribute says to what a service belongs.
pub(super) fn is_label(name: &str) -> bool {
    let of_object = || PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    NAMES.contains(&name) || of_object().is_some_and(|rest| !rest.is_empty() && !OF_ONE.contains(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_say_to_what_a_service_belongs_not_which_instance_it_is() {
        for name in ["k8s.namespace.name", "k8s.pod.label.app.kubernetes.io/part-of", "com.docker.compose.project", "team"] {
            assert!(is_label(name), "{name}");
        }
        for name in ["k8s.pod.name", "k8s.pod.label.", "k8s.pod.label.pod-template-hash", "service.instance.id", "host.name", "teams", ""] {
            assert!(!is_label(name), "{name}");
        }
    }
}
