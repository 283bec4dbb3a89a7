//! What was found, grouped by kind, and the sentence that says where was looked and where not. Pure.

use switchboard_engine::view::{ChannelKey, FindHit, FindPage, NodeKind, Snapshot};
use switchboard_model::CorrelationId;

use crate::{
    figures,
    view::{StoredRecord, Target},
};

/// Boxes of the map that are listed at most.
const BOXES_MAX: usize = 8;

/// A line of what was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Line {
    /// The name of a group, and how many are in it.
    Heading(String),
    /// Something found.
    Hit(Box<Hit>),
}

/// Something found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hit {
    /// Where it is: a name.
    pub place: String,
    /// What stands there.
    pub excerpt: String,
    /// When, ns since the Unix epoch.
    pub at_ns: Option<i64>,
    /// Where it leads; `None` = nowhere.
    pub target: Option<Target>,
}

/// Boxes of the map whose names contain the text.
fn boxes(text: &str, snapshot: &Snapshot) -> Vec<Hit> {
    let text = text.to_lowercase();
    let mut found: Vec<_> = snapshot.topology.nodes.iter().filter(|node| node.name.to_lowercase().contains(&text)).collect();
    // Names that begin with it first, short ones before long ones.
    found.sort_by_key(|node| (!node.name.to_lowercase().starts_with(&text), node.name.len(), node.node_id));
    let hit = |node: &&switchboard_engine::view::Node| {
        let kind = match node.kind {
            NodeKind::Service => "service",
            NodeKind::Channel => "channel",
            NodeKind::Group => "consumer group",
            NodeKind::Database => "database",
            NodeKind::External => "external",
            NodeKind::User | NodeKind::Missing | NodeKind::Other => "box",
        };
        Hit { place: node.name.clone(), excerpt: kind.to_owned(), at_ns: None, target: Some(Target::Node(node.node_id)) }
    };
    found.iter().take(BOXES_MAX).map(hit).collect()
}

/// All lines: boxes of the map, the conversation, traces, messages, logs.
pub(crate) fn lines(text: &str, snapshot: &Snapshot, page: Option<&FindPage>, conversation: Option<CorrelationId>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut add = |name: &str, hits: Vec<Hit>| {
        if !hits.is_empty() {
            lines.push(Line::Heading(format!("{name} · {}", figures::count(hits.len() as u64))));
            lines.extend(hits.into_iter().map(|hit| Line::Hit(Box::new(hit))));
        }
    };
    add("On the map", boxes(text, snapshot));
    let hits = page.map(|page| page.hits.as_slice()).unwrap_or_default();
    if let Some(id) = conversation {
        let excerpt = "everything that carries this id, over traces and channels".to_owned();
        add("Conversation", vec![Hit { place: text.to_owned(), excerpt, at_ns: None, target: Some(Target::Conversation(id)) }]);
    }
    add("Spans", hits.iter().filter_map(span).collect());
    add("Messages", hits.iter().filter_map(record).collect());
    add("Logs", hits.iter().filter_map(|hit| log(hit, snapshot)).collect());
    lines
}

/// The records among what was found.
pub(crate) fn records(page: &FindPage) -> Vec<StoredRecord> {
    let stored = |hit: &FindHit| match hit {
        FindHit::Record { row, at, .. } => Some(StoredRecord { channel: ChannelKey::of(at), row: *row, place: at.place.clone() }),
        FindHit::Span { .. } | FindHit::Log { .. } => None,
    };
    page.hits.iter().filter_map(stored).collect()
}

/// What can be done with the records that were found, of which so many are listed at most; an error says why nothing can.
pub(crate) fn replay_words(page: &FindPage, num_most: usize, replay_stands: bool) -> Result<String, &'static str> {
    let num = records(page).len();
    let things = figures::things(num as u64, "record", "records");
    match num {
        0 if page.is_done => Err("none of it is a stored record, so there is nothing to replay"),
        0 => Err("no record was found yet"),
        _ if replay_stands => Err("a replay stands already: close it before these are replayed"),
        _ if num >= num_most => Ok(format!("Replay {things}…: the newest, of which there may be more; a longer text finds fewer")),
        _ if !page.is_done => Ok(format!("Replay {things}…, as far as was looked")),
        _ => Ok(format!("Replay {things}…")),
    }
}

fn span(hit: &FindHit) -> Option<Hit> {
    let FindHit::Span { trace_id, span_id, service, name, at_ns, field, excerpt } = hit else { return None };
    let target = Target::Trace { trace_id: *trace_id, span_id: Some(*span_id) };
    Some(Hit { place: format!("{service} · {name}"), excerpt: format!("{field} {excerpt}"), at_ns: Some(*at_ns), target: Some(target) })
}

fn record(hit: &FindHit) -> Option<Hit> {
    let FindHit::Record { row, at, at_ns, field, excerpt, .. } = hit else { return None };
    let target = Target::Record { channel: ChannelKey::of(at), row: *row };
    Some(Hit { place: at.to_string(), excerpt: format!("{field} {excerpt}"), at_ns: *at_ns, target: Some(target) })
}

fn log(hit: &FindHit, snapshot: &Snapshot) -> Option<Hit> {
    let FindHit::Log { service, at_ns, excerpt, trace_id, .. } = hit else { return None };
    let node = || snapshot.topology.nodes.iter().find(|node| node.kind == NodeKind::Service && node.name == *service);
    let target = if trace_id.0 == 0 { node().map(|node| Target::Node(node.node_id)) } else { Some(Target::Trace { trace_id: *trace_id, span_id: None }) };
    Some(Hit { place: service.clone(), excerpt: excerpt.clone(), at_ns: Some(*at_ns), target })
}

/// Where was looked, and where not: `last seen at … · looked at … · not looked at …`.
pub(crate) fn ending(page: &FindPage, now_ns: i64) -> String {
    let mut parts = Vec::new();
    if !page.is_done {
        parts.push(format!("looking: {} of {} rows", figures::count(page.looked_at), figures::count(page.total)));
    }
    match (page.last_seen_ns, page.hits.is_empty(), page.is_done) {
        (Some(last_ns), ..) => parts.push(format!("last seen at {}", figures::when(last_ns, now_ns).to_ms())),
        (None, true, true) => parts.push("not found".to_owned()),
        (None, ..) => {}
    }
    if page.is_done && !page.looked.is_empty() {
        parts.push(format!("looked at {}", page.looked.join(", ")));
    }
    if page.is_done && !page.not_looked.is_empty() {
        parts.push(format!("not looked at {}", page.not_looked.join(", ")));
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_NS};
    use switchboard_engine::view::RowId;
    use switchboard_model::{MessageRef, Place, SpanId, TraceId};

    fn page() -> FindPage {
        let span = FindHit::Span {
            trace_id: TraceId(7),
            span_id: SpanId(8),
            service: "orders".to_owned(),
            name: "POST /orders".to_owned(),
            at_ns: NOW_NS,
            field: "order.id".to_owned(),
            excerpt: "4711".to_owned(),
        };
        let record = FindHit::Record {
            row: RowId(3),
            at: MessageRef { cluster: "lab-kafka".to_owned(), channel: "orders.placed".to_owned(), place: Place::at(2, 40) },
            at_ns: None,
            field: "key".to_owned(),
            excerpt: "4711".to_owned(),
            trace_id: None,
        };
        let log = FindHit::Log { row: RowId(1), service: "orders".to_owned(), at_ns: NOW_NS, excerpt: "order 4711 placed".to_owned(), trace_id: TraceId(0) };
        FindPage {
            hits: vec![log, span, record],
            looked_at: 10,
            total: 10,
            is_done: true,
            last_seen_ns: Some(NOW_NS),
            looked: vec!["9 spans".to_owned(), "1 record".to_owned()],
            not_looked: vec!["orders.audit: not tailed".to_owned()],
        }
    }

    #[test]
    fn hits_are_grouped_and_each_leads_somewhere() {
        let snapshot = testing::order_business();
        let lines = lines("4711", &snapshot, Some(&page()), CorrelationId::parse(b"4711"));
        let headings: Vec<&str> = lines.iter().filter_map(|line| if let Line::Heading(text) = line { Some(text.as_str()) } else { None }).collect();
        assert_eq!(headings, ["Conversation · 1", "Spans · 1", "Messages · 1", "Logs · 1"]);
        assert!(lines.iter().all(|line| matches!(line, Line::Heading(_)) || matches!(line, Line::Hit(hit) if hit.target.is_some())));
        let by_name = super::lines("order", &snapshot, None, None);
        assert!(matches!(&by_name[1], Line::Hit(hit) if hit.place == "orders"), "{by_name:?}");
    }

    #[test]
    fn the_records_that_were_found_can_be_replayed_or_it_says_why_not() {
        let found = records(&page());
        assert_eq!(
            found,
            [StoredRecord { channel: ChannelKey { cluster: Some("lab-kafka".into()), name: "orders.placed".into() }, row: RowId(3), place: Place::at(2, 40) }]
        );
        let words = |page: &FindPage, num_most, stands| replay_words(page, num_most, stands);
        assert_eq!(words(&page(), 100, false), Ok("Replay 1 record…".to_owned()));
        assert!(words(&page(), 1, false).is_ok_and(|told| told.contains("there may be more")));
        assert!(words(&page(), 100, true).is_err_and(|why| why.contains("stands already")));
        assert!(words(&FindPage { is_done: false, ..page() }, 100, false).is_ok_and(|told| told.contains("as far as was looked")));
        let none = FindPage { hits: Vec::new(), ..page() };
        assert!(words(&none, 100, false).is_err_and(|why| why.contains("nothing to replay")));
    }

    #[test]
    fn the_ending_says_where_was_looked_and_where_not() {
        assert_eq!(ending(&page(), NOW_NS), "last seen at 11:00:00.000 · looked at 9 spans, 1 record · not looked at orders.audit: not tailed");
        let nothing = FindPage { hits: Vec::new(), last_seen_ns: None, ..page() };
        assert!(ending(&nothing, NOW_NS).starts_with("not found · looked at 9 spans"));
        let begun = FindPage { is_done: false, looked_at: 1_000, total: 20_000, hits: Vec::new(), last_seen_ns: None, ..page() };
        assert_eq!(ending(&begun, NOW_NS), "looking: 1,000 of 20,000 rows");
    }
}
