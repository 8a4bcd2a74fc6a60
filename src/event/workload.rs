//! Whose container it is, as its labels say: a pod's, a service's, a project's. Who makes a container sets its labels, so
//! this is what it claims to be.

use super::Event;

/// Labels of Kubernetes, Swarm and Compose, each with the field it becomes.
const LABELS: [(&str, &str); 16] = [
    ("io.kubernetes.pod.namespace", "namespace"),
    ("io.kubernetes.pod.name", "pod"),
    ("io.kubernetes.pod.uid", "pod_uid"),
    ("io.kubernetes.container.name", "container"),
    ("com.docker.stack.namespace", "namespace"),
    ("com.docker.swarm.service.name", "service"),
    ("com.docker.swarm.service.id", "service_id"),
    ("com.docker.swarm.task.name", "task"),
    ("com.docker.swarm.node.id", "node"),
    ("com.docker.compose.project", "project"),
    ("com.docker.compose.service", "service"),
    ("com.docker.compose.container-number", "number"),
    ("io.podman.compose.project", "project"),
    ("io.podman.compose.service", "service"),
    ("podId", "pod_id"),
    // Whose end is worth an alert of its own; the users' way to say so.
    ("wazuh.core", "core"),
];

/// Whether it is a label that says whose container it is.
#[must_use]
pub fn is_label(key: &str) -> bool {
    LABELS.iter().any(|(label, _)| *label == key)
}

/// The fields of an event's workload, each with its value; the first label that says something wins.
#[must_use]
pub fn of_event<'e>(event: &'e Event<'_>) -> Vec<(&'static str, &'e str)> {
    if !event.may_have_labels() {
        return Vec::new();
    }
    let rank = |key: &str| LABELS.iter().position(|(label, _)| *label == key);
    let of_pod = event.attribute("podId");
    let labels = event.labels().filter_map(|label| Some((rank(label.key)?, label.value.as_text()?)));
    let mut found: Vec<(usize, &str)> =
        labels.chain(rank("podId").map(|rank| (rank, of_pod))).filter(|(_, value)| !value.is_empty()).collect();
    found.sort_unstable_by_key(|(rank, _)| *rank);
    let mut fields: Vec<(&'static str, &'e str)> = Vec::new();
    for (rank, value) in found {
        if let Some((_, field)) = LABELS.get(rank)
            && fields.iter().all(|(known, _)| known != field)
        {
            fields.push((field, value));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_services_and_projects_are_told_apart() {
        for (labels, expected) in [
            (
                r#""io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"shop","io.kubernetes.container.name":"nginx""#,
                "namespace=shop pod=web-1 container=nginx",
            ),
            (
                r#""com.docker.swarm.service.name":"shop_web","com.docker.swarm.task.name":"shop_web.1.x","com.docker.stack.namespace":"shop""#,
                "namespace=shop service=shop_web task=shop_web.1.x",
            ),
            (
                r#""com.docker.compose.project":"shop","com.docker.compose.service":"web","com.docker.compose.container-number":"2""#,
                "project=shop service=web number=2",
            ),
            (r#""wazuh.core":"true","team":"blue""#, "core=true"),
            (r#""com.docker.compose.project":"""#, ""),
            ("", ""),
        ] {
            let line =
                format!(r#"{{"Type":"container","Action":"start","Actor":{{"ID":"c","Attributes":{{{labels}}}}}}}"#);
            let event = Event::parse(line.as_bytes()).unwrap();
            let fields: Vec<String> =
                of_event(&event).into_iter().map(|(key, value)| format!("{key}={value}")).collect();
            assert_eq!(fields.join(" "), expected);
        }
        let network = br#"{"Type":"network","Action":"create","Actor":{"Attributes":{"wazuh.core":"true"}}}"#;
        assert_eq!(of_event(&Event::parse(network).unwrap()), []);
    }
}
