//! The way of what was sent last, each part of which lights up once on the map when its spans come in.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use switchboard_desk::send::{SendBoard, SentId};
use switchboard_engine::view::{Answer, Node, NodeKind, PointQuery, Query, SpanView, Topology, TraceView};
use switchboard_model::{SpanId, SpanKind};

use crate::{
    sanitise::visible,
    view::{Asker, Slot},
};

/// How long a part of the way stays lit, s.
const LIT_S: f64 = 3.0;
/// So long after it was sent its spans are looked for, ns.
const LOOKED_FOR_NS: i64 = 20_000_000_000;
/// Parts of one way that light up; a longer one is no way that anybody follows.
const PARTS_MAX: usize = 2_000;
/// A channel that belongs to one that belongs to another, and so on.
const FOLDS_MAX: usize = 8;

/// A part of a way, by names as the map has them, safe to show.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// From outside into a service.
    Entered(String),
    /// From one box to another.
    Hop(String, String),
    /// A box that works on it.
    Box(String),
}

/// What of a way is lit now, by names as the map has them, safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ways {
    /// From one box to another.
    pub hops: BTreeSet<(String, String)>,
    /// Into these from whoever calls from outside.
    pub entered: BTreeSet<String>,
    /// Boxes on it.
    pub boxes: BTreeSet<String>,
}

/// What is lit.
#[derive(Default)]
pub(crate) struct Lit {
    of: Option<(SentId, u64)>,
    /// Each part that was seen, and until when it is lit, s.
    parts: BTreeMap<Part, f64>,
    now: Ways,
}

impl Lit {
    /// Takes in what came of the last that was sent; what is lit now, and for how long that stays so, s.
    pub(crate) fn take(&mut self, board: &SendBoard, asker: &mut Asker, topology: &Topology, (clock_ns, now_s): (i64, f64)) -> (&Ways, Option<f64>) {
        let is_fresh = |at_ns: i64| (0..LOOKED_FOR_NS).contains(&clock_ns.saturating_sub(at_ns));
        let last = board.sent.iter().find(|sent| !sent.is_probe()).filter(|sent| is_fresh(sent.ended_ns.unwrap_or(clock_ns)));
        if let Some((sent, trace_id)) = last.and_then(|sent| Some((sent, sent.trace_id?))) {
            let standing = asker.standing(Slot::SentWay, &Query::Point(PointQuery::Trace { trace_id }));
            let of = (sent.sent_id, standing.revision);
            if standing.is_of_this_question
                && self.of != Some(of)
                && let Some(Answer::Trace(trace)) = standing.answer
            {
                if self.of.is_none_or(|(before, _)| before != sent.sent_id) {
                    self.parts.clear();
                }
                for part in parts(trace, topology) {
                    if self.parts.len() < PARTS_MAX {
                        self.parts.entry(part).or_insert(now_s + LIT_S);
                    }
                }
                self.of = Some(of);
            }
        }
        let lit = || self.parts.iter().filter(|(_, until_s)| now_s < **until_s);
        let next_s = lit().map(|(_, until_s)| until_s - now_s).min_by(f64::total_cmp);
        let mut now = Ways::default();
        for (part, _) in lit() {
            match part.clone() {
                Part::Entered(service) => now.entered.extend([service]),
                Part::Hop(from, to) => now.hops.extend([(from, to)]),
                Part::Box(name) => now.boxes.extend([name]),
            }
        }
        self.now = now;
        (&self.now, next_s)
    }
}

/// The first of these attributes.
fn attribute<'a>(span: &'a SpanView, names: &[&str]) -> Option<&'a str> {
    let all = || span.normalised.iter().chain(&span.attributes);
    names.iter().find_map(|name| all().find(|(key, _)| key == name)).map(|(_, value)| value.as_str())
}

/// What spans name that they call and that sends none: a service, an address, a database.
fn peers(span: &SpanView) -> impl Iterator<Item = String> {
    let named = ["peer.service", "db.namespace", "db.system.name", "db.system"].into_iter().filter_map(|name| attribute(span, &[name])).map(str::to_owned);
    let host = attribute(span, &["server.address", "net.peer.name"]);
    let port = attribute(span, &["server.port", "net.peer.port"]);
    let address = host.into_iter().flat_map(move |host| [Some(host.to_owned()), port.map(|port| format!("{host}:{port}"))].into_iter().flatten());
    named.chain(address)
}

/// A channel's name as the map has it: dead-letter and retry channels are part of the one that they belong to.
fn drawn(channel: &str, topology: &Topology) -> String {
    let node_of = |is: &dyn Fn(&Node) -> bool| topology.nodes.iter().find(|node| is(node));
    let mut found = node_of(&|node| node.kind == NodeKind::Channel && node.name == channel);
    for _ in 0..FOLDS_MAX {
        match found.and_then(|node| node.folded_into) {
            Some(into) => found = node_of(&|node| node.node_id == into).or(found),
            None => break,
        }
    }
    visible(found.map_or(channel, |node| node.name.as_str())).into_owned()
}

/// Who was called from outside, who called whom and what went over which channel, as a trace tells.
fn parts(trace: &TraceView, topology: &Topology) -> BTreeSet<Part> {
    let by_id: HashMap<SpanId, &SpanView> = trace.spans.iter().map(|span| (span.span_id, span)).collect();
    let answered: HashSet<SpanId> = trace.spans.iter().filter(|span| span.kind == SpanKind::Server).map(|span| span.parent_span_id).collect();
    let channel = |span: &SpanView| attribute(span, &["messaging.destination.name", "messaging.destination"]).map(|channel| drawn(channel, topology));
    let hop = |from: &str, to: &str| Part::Hop(from.to_owned(), to.to_owned());
    let mut parts = BTreeSet::new();
    for span in &trace.spans {
        let service = visible(&span.service).into_owned();
        let parent = by_id.get(&span.parent_span_id);
        match span.kind {
            SpanKind::Producer => {
                if let Some(channel) = channel(span) {
                    parts.extend([hop(&service, &channel), Part::Box(channel)]);
                }
            }
            SpanKind::Consumer => {
                let linked = || span.links.iter().find_map(|link| by_id.get(&link.span_id));
                let producer = parent.or_else(linked);
                if let Some(channel) = channel(span).or_else(|| producer.and_then(|producer| channel(producer))) {
                    // A group is a box of its own where several services work for it.
                    if let Some(group) = attribute(span, &["messaging.consumer.group.name", "messaging.kafka.consumer.group"]) {
                        let group = visible(group);
                        parts.extend([hop(&channel, &group), hop(&group, &service)]);
                    }
                    parts.extend([hop(&channel, &service), Part::Box(channel)]);
                }
            }
            SpanKind::Client if !answered.contains(&span.span_id) => parts.extend(peers(span).map(|peer| hop(&service, &visible(&peer)))),
            kind => match parent {
                Some(caller) if caller.service != span.service => parts.extend([hop(&visible(&caller.service), &service)]),
                None if kind == SpanKind::Server => parts.extend([Part::Entered(service.clone())]),
                _ => {}
            },
        }
        parts.insert(Part::Box(service));
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc::sync_channel};

    use switchboard_desk::send::Sent;
    use switchboard_engine::view::NodeId;

    use super::*;
    use crate::{
        testing::{self, NOW_NS},
        views::{send::sample, traces::sample as traces},
    };

    const SECOND_NS: i64 = 1_000_000_000;

    fn told(parts: &BTreeSet<Part>) -> Vec<String> {
        let told = |part: &Part| match part {
            Part::Entered(service) => format!("→ {service}"),
            Part::Hop(from, to) => format!("{from} → {to}"),
            Part::Box(name) => name.clone(),
        };
        parts.iter().map(told).collect()
    }

    fn span(id: u64, parent: u64, kind: SpanKind, service: &str, pairs: &[(&str, &str)]) -> SpanView {
        let attributes = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        SpanView { attributes, kind, ..traces::span(id, parent, service, "x", 0, 1) }
    }

    fn of(spans: &[SpanView], topology: &Topology) -> Vec<String> {
        told(&parts(&TraceView { spans: spans.to_vec(), ..TraceView::default() }, topology))
    }

    #[test]
    fn a_trace_tells_who_called_whom_and_over_which_channel() {
        let told = told(&parts(&traces::checkout(), &Topology::default()));
        for way in ["→ web-bff", "web-bff → orders", "orders → orders.placed", "orders.placed → inventory", "orders", "orders.placed"] {
            assert!(told.iter().any(|told| told == way), "{way}: {told:?}");
        }
    }

    #[test]
    fn a_request_to_one_service_enters_it_and_lights_its_box() {
        let none = Topology::default();
        assert_eq!(of(&[span(1, 99, SpanKind::Server, "orders", &[])], &none), ["→ orders", "orders"]);
        let spans =
            [span(1, 99, SpanKind::Server, "orders", &[]), span(2, 1, SpanKind::Client, "orders", &[("server.address", "bank"), ("server.port", "443")])];
        assert_eq!(of(&spans, &none), ["→ orders", "orders → bank", "orders → bank:443", "orders"]);
    }

    #[test]
    fn names_are_those_of_the_map() {
        let business = testing::order_business();
        let mut topology = (*business.topology).clone();
        let origin = topology.nodes.iter().find(|node| node.name == "orders.placed").expect("a topic").node_id;
        let dead = Node {
            node_id: NodeId(9_999),
            name: "orders.placed-dlt".to_owned(),
            folded_into: Some(origin),
            ..topology.nodes.iter().find(|node| node.node_id == origin).expect("it").clone()
        };
        topology.nodes.retain(|node| node.name != dead.name);
        topology.nodes.push(dead);
        let consumer =
            |channel: &str| span(1, 99, SpanKind::Consumer, "mailer", &[("messaging.destination.name", channel), ("messaging.consumer.group.name", "mail")]);
        assert_eq!(
            of(&[consumer("orders.placed-dlt")], &topology),
            ["mail → mailer", "orders.placed → mail", "orders.placed → mailer", "mailer", "orders.placed"]
        );
    }

    struct Sight {
        lit: Lit,
        asker: Asker,
        board: SendBoard,
        spans: Vec<SpanView>,
        generation: u64,
    }

    impl Sight {
        fn new(sent: Sent) -> Self {
            let board = SendBoard { sent: vec![Arc::new(sent)], ..SendBoard::default() };
            Self { lit: Lit::default(), asker: Asker::default(), board, spans: Vec::new(), generation: 0 }
        }

        /// The boxes that are lit, as of a frame after the answers of that moment have come.
        fn boxes(&mut self, at_s: i64) -> Vec<String> {
            let mut lit = Vec::new();
            for _ in 0..2 {
                self.generation += 1;
                self.asker.take(self.generation, 7, at_s as f64);
                let clock = (NOW_NS + at_s * SECOND_NS, at_s as f64);
                lit = self.lit.take(&self.board, &mut self.asker, &Topology::default(), clock).0.boxes.iter().cloned().collect();
                let trace = Arc::new(TraceView { spans: self.spans.clone(), ..TraceView::default() });
                self.asker.send(|_| {
                    let (sender, receiver) = sync_channel(1);
                    sender.send(Answer::Trace(Arc::clone(&trace))).expect("room");
                    receiver
                });
            }
            lit
        }
    }

    fn sent() -> Sent {
        Sent { at_ns: NOW_NS, ended_ns: Some(NOW_NS), ..sample::answered() }
    }

    #[test]
    fn each_part_lights_up_once_for_three_seconds() {
        let mut sight = Sight::new(sent());
        assert_eq!(sight.boxes(0), Vec::<String>::new(), "nothing has come");
        sight.spans = vec![span(1, 99, SpanKind::Server, "orders", &[])];
        assert_eq!(sight.boxes(2), ["orders"]);
        sight.spans.push(span(2, 1, SpanKind::Server, "payments", &[]));
        assert_eq!(sight.boxes(4), ["orders", "payments"]);
        assert_eq!(sight.boxes(6), ["payments"], "what came later stays for its own three seconds");
        sight.spans.push(span(3, 2, SpanKind::Server, "bank", &[]));
        assert_eq!(sight.boxes(8), ["bank"], "what was lit is not lit again");
        assert_eq!(sight.boxes(12), Vec::<String>::new());
        // The same way again, by another request.
        let again = Sent { sent_id: SentId(77), trace_id: Some(switchboard_model::TraceId(7)), ..sent() };
        sight.board = SendBoard { sent: vec![Arc::new(again)], ..SendBoard::default() };
        assert_eq!(sight.boxes(14), ["bank", "orders", "payments"]);
    }

    #[test]
    fn what_comes_too_late_or_of_a_probe_is_not_lit() {
        let mut late = Sight::new(sent());
        late.spans = vec![span(1, 99, SpanKind::Server, "orders", &[])];
        assert_eq!(late.boxes(19), ["orders"]);
        let mut late = Sight::new(sent());
        late.spans = vec![span(1, 99, SpanKind::Server, "orders", &[])];
        assert_eq!(late.boxes(20), Vec::<String>::new());
        let mut probe = Sight::new(Sent { trace_id: sent().trace_id, ..sample::probe() });
        probe.spans = vec![span(1, 99, SpanKind::Server, "orders", &[])];
        assert_eq!(probe.boxes(1), Vec::<String>::new());
    }
}
