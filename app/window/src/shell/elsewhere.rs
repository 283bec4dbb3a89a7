//! The selected object in another program: which template of the profile fits it, and its values.

use switchboard_engine::view::{NodeId, NodeKind, Snapshot};

use crate::view::Target;
use switchboard_desk::links::{LinkKind, Links};

/// The address of an object in another program, or why there is none.
pub(crate) fn address(target: &Target, snapshot: &Snapshot, links: &Links) -> Result<String, &'static str> {
    let (kind, values) = described(target, snapshot).ok_or("no other program shows this")?;
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    links.address(kind, &values).ok_or(match kind {
        LinkKind::Trace => "the profile has no [links] trace",
        LinkKind::Topic => "the profile has no [links] topic",
        LinkKind::Group => "the profile has no [links] group",
        LinkKind::Service => "the profile has no [links] service",
    })
}

type Described = (LinkKind, Vec<(&'static str, String)>);

fn described(target: &Target, snapshot: &Snapshot) -> Option<Described> {
    let some = |text: &Option<String>| text.clone().unwrap_or_default();
    match target {
        Target::Trace { trace_id, span_id } => {
            let span_id = span_id.map(|span_id| span_id.to_string()).unwrap_or_default();
            Some((LinkKind::Trace, vec![("trace_id", trace_id.to_string()), ("span_id", span_id)]))
        }
        Target::Node(node_id) | Target::Instance { node_id, .. } => node(*node_id, snapshot),
        Target::Edge(edge_id) => {
            let edge = snapshot.topology.edges.iter().find(|edge| edge.edge_id == *edge_id)?;
            node(edge.to, snapshot)
        }
        Target::Group { cluster, group, topic } => {
            Some((LinkKind::Group, vec![("group", group.clone()), ("topic", topic.clone()), ("cluster", some(cluster))]))
        }
        Target::Channel(channel) | Target::Record { channel, .. } | Target::DeadLetters { channel, .. } => {
            Some((LinkKind::Topic, vec![("topic", channel.name.clone()), ("cluster", some(&channel.cluster))]))
        }
        Target::Breaker { caller, .. } => caller.clone().map(|caller| (LinkKind::Service, vec![("service", caller)])),
        Target::Conversation(_)
        | Target::Traces(_)
        | Target::Draft(_)
        | Target::Begun(_)
        | Target::Sent(_)
        | Target::Saved(_)
        | Target::LedgerLine(_)
        | Target::Source(_)
        | Target::Replay(_)
        | Target::ReplayFile
        | Target::Find(_) => None,
    }
}

fn node(node_id: NodeId, snapshot: &Snapshot) -> Option<Described> {
    let node = snapshot.topology.nodes.iter().find(|node| node.node_id == node_id)?;
    let cluster = |of: &dyn Fn(&switchboard_engine::view::GroupView) -> bool| {
        snapshot.groups.iter().find(|group| of(group)).and_then(|group| group.cluster.clone()).unwrap_or_default()
    };
    match node.kind {
        NodeKind::Service => Some((LinkKind::Service, vec![("service", node.name.clone())])),
        NodeKind::Channel => Some((LinkKind::Topic, vec![("topic", node.name.clone()), ("cluster", cluster(&|group| group.topic == node.name))])),
        NodeKind::Group => {
            let group = snapshot.groups.iter().find(|group| group.node_id == Some(node_id));
            let topic = group.map(|group| group.topic.clone()).unwrap_or_default();
            Some((LinkKind::Group, vec![("group", node.name.clone()), ("topic", topic), ("cluster", cluster(&|group| group.node_id == Some(node_id)))]))
        }
        NodeKind::Database | NodeKind::External | NodeKind::User | NodeKind::Missing | NodeKind::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use switchboard_model::TraceId;

    #[test]
    fn each_object_has_its_address_or_a_reason() {
        let snapshot = testing::order_business();
        let links = Links {
            trace: Some("http://jaeger/trace/{trace_id}".to_owned()),
            topic: Some("http://ui/{cluster}/{topic}".to_owned()),
            group: None,
            service: Some("http://grafana/{service}".to_owned()),
        };
        let named = |name: &str| Target::Node(snapshot.topology.nodes.iter().find(|node| node.name == name).expect("a node").node_id);
        let trace = Target::Trace { trace_id: TraceId(0x4bf9), span_id: None };
        assert_eq!(address(&trace, &snapshot, &links).as_deref(), Ok("http://jaeger/trace/00000000000000000000000000004bf9"));
        assert_eq!(address(&named("orders.placed"), &snapshot, &links).as_deref(), Ok("http://ui/lab-kafka/orders.placed"));
        assert_eq!(address(&named("orders"), &snapshot, &links).as_deref(), Ok("http://grafana/orders"));
        assert_eq!(address(&named("postgres"), &snapshot, &links), Err("no other program shows this"));
        let group = Target::Group { cluster: None, group: "inventory".to_owned(), topic: "orders.placed".to_owned() };
        assert_eq!(address(&group, &snapshot, &links), Err("the profile has no [links] group"));
    }
}
