//! A request to be composed for an object that is looked at: to whom, and with what is known of it. Pure.

mod spans;

use switchboard_desk::{
    send::{
        draft::{Draft, GrpcDraft, HeaderDraft, HttpDraft, Payload, RecordDraft, Request, RequestKind},
        exchange::CREDENTIAL_LEFT_OUT,
    },
    sources::SourceProfile,
};
use switchboard_engine::view::{ChannelKey, Edge, LetterView, Node, NodeId, NodeKind, RecordView, Snapshot, UsedOf};
use switchboard_model::{Origin, RawHeader, headers_kept};

use crate::{
    figures,
    view::{Begun, Seen, Target},
    widgets::payload::hex,
};

pub(crate) use spans::most_used;
use spans::of_span;

/// Headers that say how a message came to be where it is, and are made anew with each that is sent.
const NOT_COPIED: [&str; 4] = ["traceparent", "tracestate", "b3", "x-correlation-id"];

/// Why there is no request to begin with, where nothing more is to be said.
pub(crate) const NOTHING: &str = "nothing is selected that something can be sent to";

/// The request to begin with, or why there is none. `seen` is what the view that has it knows of it.
pub(crate) fn begun_of(target: &Target, snapshot: &Snapshot, seen: Seen<'_>) -> Result<Begun, &'static str> {
    match (target, seen) {
        (Target::Source(_), Seen::Source(source)) => of_source(source),
        (Target::Source(_), _) => Err("the profile does not have this source"),
        (Target::DeadLetters { .. }, Seen::Letter(letter, Some(record))) => Ok(letter_again(letter, record)),
        (Target::DeadLetters { .. }, Seen::Letter(_, None)) => Err("the letter is still being read"),
        (Target::DeadLetters { .. }, _) => Err("no letter is selected"),
        _ => of_object(target, snapshot, seen).ok_or(NOTHING),
    }
}

fn of_object(target: &Target, snapshot: &Snapshot, seen: Seen<'_>) -> Option<Begun> {
    match target {
        Target::Channel(channel) => Some(record_to(channel).into()),
        Target::Record { channel, .. } => match seen {
            Seen::Record(record) => Some(record_again(channel, record)),
            _ => Some(record_to(channel).into()),
        },
        Target::Group { cluster, topic, .. } if !topic.is_empty() => Some(record_to(&ChannelKey { cluster: cluster.clone(), name: topic.clone() }).into()),
        Target::Node(node_id) | Target::Instance { node_id, .. } => of_node(*node_id, snapshot, None),
        Target::Edge(edge_id) => {
            let edge = snapshot.topology.edges.iter().find(|edge| edge.edge_id == *edge_id)?;
            of_node(edge.to, snapshot, Some(edge))
        }
        Target::Trace { span_id: Some(_), .. } => match seen {
            Seen::Span(span) => of_span(span),
            _ => None,
        },
        _ => None,
    }
}

fn record_to(channel: &ChannelKey) -> Draft {
    let record = RecordDraft { cluster: channel.cluster.clone().unwrap_or_default(), topic: channel.name.clone(), ..RecordDraft::default() };
    Draft { name: String::new(), request: Request::Record(record) }
}

/// A request to the server of a source, or a record to its cluster.
fn of_source(source: &SourceProfile) -> Result<Begun, &'static str> {
    let address = source.address();
    let request = match source.family().takes {
        Some(RequestKind::Record) => Request::Record(RecordDraft { cluster: source.name().to_owned(), ..RecordDraft::default() }),
        Some(RequestKind::Http) => Request::Http(HttpDraft { url: literal(&address), ..HttpDraft::default() }),
        Some(RequestKind::Grpc) => {
            // A call goes to the server, whatever path stands behind it.
            let server = Origin::parse(&address).map_or(address, |(origin, _)| origin.to_string());
            Request::Grpc(GrpcDraft { url: literal(&server), ..GrpcDraft::default() })
        }
        None => return Err("it only receives: nothing can be sent to it"),
    };
    let left_out = || format!("{CREDENTIAL_LEFT_OUT}: that of the source is for what it asks itself. Name a secret of the profile under Auth");
    let notes = source.keeps_credentials().then(left_out).into_iter().collect();
    Ok(Begun { notes, ..Begun::from(Draft { name: String::new(), request }) })
}

/// A text that is no template: braces stand for themselves.
fn literal(text: &str) -> String {
    text.replace("{{", "\\{{")
}

/// What a box of the map can be sent; over an edge, what its caller sends.
fn of_node(node_id: NodeId, snapshot: &Snapshot, edge: Option<&Edge>) -> Option<Begun> {
    let node = node_of(node_id, snapshot)?;
    match node.kind {
        NodeKind::Channel => {
            let figures = snapshot.figures.channels.iter().find(|channel| channel.node_id == node_id);
            Some(record_to(&ChannelKey { cluster: figures.and_then(|figures| figures.cluster.clone()), name: node.name.clone() }).into())
        }
        NodeKind::Group => {
            let group = snapshot.groups.iter().find(|group| group.node_id == Some(node_id) && !group.topic.is_empty())?;
            Some(record_to(&ChannelKey { cluster: group.cluster.clone(), name: group.topic.clone() }).into())
        }
        NodeKind::Service | NodeKind::External => {
            let via = edge.and_then(|edge| edge.via.as_deref());
            let is_rpc = via.and_then(|via| match via {
                "grpc" | "rpc" => Some(true),
                "http" => Some(false),
                _ => None,
            });
            let url = address(node).unwrap_or_default();
            let request = if is_rpc == Some(true) {
                Request::Grpc(GrpcDraft { url, ..GrpcDraft::default() })
            } else {
                Request::Http(HttpDraft { url, ..HttpDraft::default() })
            };
            let caller = edge.and_then(|edge| node_of(edge.from, snapshot)).filter(|caller| caller.kind == NodeKind::Service);
            let of = UsedOf { callee: node.name.clone(), caller: caller.map(|caller| caller.name.clone()), is_rpc };
            Some(Begun { most_used: Some(of), ..Begun::from(Draft { name: String::new(), request }) })
        }
        NodeKind::Database | NodeKind::User | NodeKind::Missing | NodeKind::Other => None,
    }
}

fn node_of(node_id: NodeId, snapshot: &Snapshot) -> Option<&Node> {
    snapshot.topology.nodes.iter().find(|node| node.node_id == node_id)
}

/// What is said where no call was seen.
pub(crate) fn never_asked(of: &UsedOf) -> String {
    let by = of.caller.as_ref().map(|caller| format!(" by {caller}")).unwrap_or_default();
    let fill_in = if of.is_rpc == Some(true) { "write its address, and ask the server which methods it has" } else { "write its address, method and path" };
    format!("No call of {}{by} is stored, so what it is asked is not known: {fill_in}", of.callee)
}

/// Where a node is known to listen: its name, or that of its only instance, where that is a host and a port.
fn address(node: &Node) -> Option<String> {
    let is_address = |text: &str| {
        let (host, port) = text.rsplit_once(':')?;
        let is_host = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':'));
        (is_host && port.parse::<u16>().is_ok_and(|port| port != 0)).then(|| format!("http://{text}/"))
    };
    is_address(&node.name).or_else(|| if let [only] = node.instances.as_slice() { is_address(&only.instance) } else { None })
}

/// A record with the contents of one that is stored, to where that lies.
fn record_again(channel: &ChannelKey, record: &RecordView) -> Begun {
    taken_over(record_to(channel), record, "Replay it in Messages, where it is read again from the broker and can be edited before")
}

/// A record with the contents of a dead letter, to where it came from and without what was written down about its failure, as a replay goes.
fn letter_again(letter: &LetterView, record: Option<&RecordView>) -> Begun {
    let again = "Replay it in Dead letters, where it is read again from the broker and can be edited before";
    // No letter is made by chance: where it came from is written by somebody, if it is not told.
    let origin = letter.origin.clone().unwrap_or_default();
    let draft = record_to(&ChannelKey { cluster: Some(letter.at.cluster.clone()), name: origin.clone() });
    let mut notes = vec![if origin.is_empty() {
        format!("Where the letter of {} came from is not told: write the topic", letter.at.channel)
    } else {
        format!("It goes to {origin}, where the letter of {} came from", letter.at.channel)
    }];
    let lost = |why: &str| Some(format!("Key, value and headers were not taken over: {why}. {again}"));
    let Some(record) = record else {
        return Begun { notes, unknown: lost("the letter is not at hand here any more"), ..Begun::from(draft) };
    };
    if record.key.is_none() && record.value.is_none() {
        // So do share groups write down where a record died, and not which.
        return Begun { notes, unknown: Some("The letter holds neither key nor value of what died".to_owned()), ..Begun::from(draft) };
    }
    let raw: Vec<RawHeader> = record.headers.iter().map(|(name, value)| RawHeader { name: name.clone(), value: value.clone() }).collect();
    let kept = headers_kept(&raw);
    let num_left_out = kept.iter().filter(|kept| !**kept).count() as u64;
    let headers = raw.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(header, _)| (header.name, header.value)).collect();
    let mut begun = taken_over(draft, &RecordView { headers, redacted: record.redacted || letter.redacted, ..record.clone() }, again);
    if begun.unknown.is_none() && num_left_out > 0 {
        notes.push(format!("What tells of its failure was left out: {}", figures::things(num_left_out, "header", "headers")));
    }
    begun.notes.splice(0..0, notes);
    begun
}

/// The same draft with the contents of a record that is stored, as far as they are whole: what was cut or redacted is not made up. `again`: how it is
/// sent as it lies.
fn taken_over(mut draft: Draft, record: &RecordView, again: &str) -> Begun {
    let is_cut = |kept: Option<&Vec<u8>>, size_bytes: u32| record.truncated && kept.is_none_or(|kept| (kept.len() as u64) < u64::from(size_bytes));
    let is_cut = is_cut(record.key.as_ref(), record.key_size_bytes) || is_cut(record.value.as_ref(), record.value_size_bytes);
    if record.redacted || is_cut {
        let why = if record.redacted { "holds secrets, which are not kept" } else { "is longer than what is kept of a record" };
        return Begun { unknown: Some(format!("Key, value and headers were not taken over: the record {why}. {again}")), ..Begun::from(draft) };
    }
    let mut notes = Vec::new();
    if let Request::Record(made) = &mut draft.request {
        made.key = payload(record.key.as_deref(), false);
        made.value = payload(record.value.as_deref(), true);
        if record.headers_readable {
            let headers = record.headers.iter().filter(|(name, _)| !NOT_COPIED.contains(&name.to_ascii_lowercase().as_str()));
            made.headers = headers.map(|(name, value)| HeaderDraft { name: name.clone(), value: payload(value.as_deref(), false), off: false }).collect();
        } else {
            notes.push(format!("Its headers were not taken over, for they could not be read. {again}"));
        }
    }
    Begun { notes, ..Begun::from(draft) }
}

/// Bytes as they can be typed: JSON where they are that, text, or hex. Braces that would be a variable are kept as braces.
fn payload(bytes: Option<&[u8]>, may_be_json: bool) -> Payload {
    let Some(bytes) = bytes else { return Payload::Null };
    let is_plain = |text: &str| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) => {
            let is_json = may_be_json && text.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            let escaped = literal(text);
            if is_json { Payload::Json(escaped) } else { Payload::Text(escaped) }
        }
        _ => Payload::Hex(hex(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        testing,
        views::traces::sample::{self, of_kind, span},
    };
    use switchboard_desk::profile::Profile;
    use switchboard_engine::view::{RowId, SpanView};
    use switchboard_model::{MessageRef, Place, REPLAY_COUNT_HEADER, SpanId, SpanKind};

    fn told(begun: Result<Begun, &'static str>) -> String {
        match begun.map(|begun| begun.draft.request) {
            Err(NOTHING) => "nothing".to_owned(),
            Err(why) => why.to_owned(),
            Ok(Request::Http(http)) => format!("{} {}", http.method, http.url),
            Ok(Request::Grpc(grpc)) => format!("gRPC {} {}", grpc.url, grpc.method),
            Ok(Request::Record(record)) => format!("record {} {} {:?} {:?} {}", record.cluster, record.topic, record.key, record.value, record.headers.len()),
        }
    }

    fn of_pairs(pairs: &[(&str, &str)]) -> SpanView {
        let attributes = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        SpanView { attributes, ..of_kind(SpanKind::Server, span(1, 0, "orders", "x", 0, 1)) }
    }

    #[test]
    fn each_object_becomes_the_request_that_goes_to_it() {
        let snapshot = testing::order_business();
        let named = |name: &str| Target::Node(snapshot.topology.nodes.iter().find(|node| node.name == name).expect("a node").node_id);
        let of = |target: &Target| told(begun_of(target, &snapshot, Seen::Nothing));
        let placed = ChannelKey { cluster: Some("lab-kafka".to_owned()), name: "orders.placed".to_owned() };
        let to_placed = "record lab-kafka orders.placed Null Json(\"{}\") 0";
        assert_eq!(of(&Target::Channel(placed.clone())), to_placed);
        assert_eq!(of(&named("orders.placed")), to_placed);
        assert_eq!(of(&Target::Record { channel: placed, row: RowId(1) }), to_placed, "of one that is not at hand only where it lay");
        assert_eq!((of(&named("orders")), of(&named("postgres"))), ("GET ".to_owned(), "nothing".to_owned()));
        let trace = Target::Trace { trace_id: sample::TRACE, span_id: Some(SpanId(1)) };
        assert_eq!(of(&trace), "nothing");
    }

    #[test]
    fn a_box_or_an_edge_becomes_what_is_asked_most_there() {
        let snapshot = testing::order_business();
        let of = |target: &Target| begun_of(target, &snapshot, Seen::Nothing).ok().and_then(|begun| begun.most_used);
        let node = |name: &str| snapshot.topology.nodes.iter().find(|node| node.name == name).expect("a node");
        let any = UsedOf { callee: "orders".to_owned(), caller: None, is_rpc: None };
        assert_eq!(of(&Target::Node(node("orders").node_id)), Some(any.clone()));
        let edge = snapshot.topology.edges.iter().find(|edge| edge.to == node("orders").node_id && edge.via.is_some()).expect("a call");
        let caller = node_of(edge.from, &snapshot).expect("a node").name.clone();
        let is_rpc = edge.via.as_deref().map(|via| via == "grpc");
        assert_eq!(of(&Target::Edge(edge.edge_id)), Some(UsedOf { caller: Some(caller), is_rpc, ..any.clone() }));
        assert_eq!(of(&Target::Node(node("orders.placed").node_id)), None, "a topic is asked nothing");
        assert_eq!(never_asked(&any), "No call of orders is stored, so what it is asked is not known: write its address, method and path");
    }

    #[test]
    fn a_span_tells_what_was_called() {
        let trace = Target::Trace { trace_id: sample::TRACE, span_id: Some(SpanId(1)) };
        let of = |pairs: &[(&str, &str)]| told(begun_of(&trace, &Snapshot::default(), Seen::Span(&of_pairs(pairs))));
        assert_eq!(of(&[("http.method", "POST"), ("http.url", "http://payments:8080/pay")]), "POST http://payments:8080/pay");
        let today = [("http.request.method", "GET"), ("url.path", "/orders/1"), ("server.address", "orders"), ("server.port", "8080")];
        assert_eq!(of(&today), "GET http://orders:8080/orders/1");
        assert_eq!(of(&[("http.request.method", "GET")]), "GET /");
        let rpc = [("rpc.service", "shop.v1.Orders"), ("rpc.method", "Place"), ("server.address", "orders"), ("server.port", "50051")];
        assert_eq!(of(&rpc), "gRPC http://orders:50051 shop.v1.Orders/Place");
        assert_eq!(of(&[("rpc.system.name", "grpc"), ("rpc.method", "shop.v1.Orders/Place")]), "gRPC  shop.v1.Orders/Place");
        assert_eq!(of(&[("messaging.destination.name", "orders.placed")]), "record  orders.placed Null Json(\"{}\") 0");
        assert_eq!(of(&[("db.system", "postgresql")]), "nothing");
    }

    #[test]
    fn a_record_is_sent_with_its_contents_only_where_they_are_whole() {
        let whole = RecordView { redacted: false, ..sample::record() };
        let channel = ChannelKey::of(&whole.at);
        let of =
            |record: &RecordView| told(begun_of(&Target::Record { channel: channel.clone(), row: record.row }, &Snapshot::default(), Seen::Record(record)));
        assert!(of(&whole).starts_with("record lab-kafka orders.placed Text(\"4704\") Json(\"{\\\"orderId\\\":4704"), "{}", of(&whole));
        assert!(of(&whole).ends_with(" 2"), "what carries is made anew");
        assert!(of(&sample::record()).ends_with("Null Json(\"{}\") 0"), "nothing redacted is sent");
        assert!(of(&RecordView { truncated: true, value_size_bytes: 9_999, ..whole.clone() }).ends_with("Null Json(\"{}\") 0"));
        let again = |record: &RecordView| record_again(&channel, record);
        let why = |record: &RecordView| again(record).unknown.unwrap_or_default();
        assert_eq!((why(&whole), again(&whole).notes.len()), (String::new(), 0));
        assert!(why(&sample::record()).contains("holds secrets"), "{}", why(&sample::record()));
        assert!(why(&RecordView { truncated: true, value_size_bytes: 9_999, ..whole.clone() }).contains("longer than what is kept"));
        let unreadable = again(&RecordView { headers_readable: false, ..whole.clone() });
        assert!(unreadable.notes[0].contains("could not be read"), "{:?}", unreadable.notes);
        let odd = RecordView { key: Some(vec![0xff]), value: Some(b"{{x}}".to_vec()), headers: Vec::new(), ..whole };
        assert_eq!(of(&odd), "record lab-kafka orders.placed Hex(\"ff\") Text(\"\\\\{{x}}\") 0");
    }

    #[test]
    fn a_source_becomes_what_can_be_sent_to_its_server() {
        let of = |table: &str| {
            let profile = Profile::parse(&format!("name = \"x\"\n{table}"), "x").expect("valid");
            let source = profile.sources.last().expect("a source").clone();
            begun_of(&Target::Source(source.name().to_owned()), &Snapshot::default(), Seen::Source(&source))
        };
        let actuator = "[[http]]\nname = \"a\"\nurl = \"http://h:2/actuator\"\n";
        for (table, told_of, num_notes) in [
            ("[[kafka]]\nname = \"lab-kafka\"\nbrokers = \"h:1\"", "record lab-kafka  Null Json(\"{}\") 0", 0),
            (actuator, "GET http://h:2/actuator", 0),
            (&format!("{actuator}bearer = {{ env = \"T\" }}"), "GET http://h:2/actuator", 1),
            ("[[http]]\nname = \"a\"\nurl = \"http://h/{{x}}\"", "GET http://h/\\{{x}}", 0),
            ("[[grpc]]\nname = \"g\"\nurl = \"https://h:50051/\"", "gRPC https://h:50051 ", 0),
        ] {
            let begun = of(table);
            assert_eq!((begun.as_ref().map_or(0, |begun| begun.notes.len()), told(begun)), (num_notes, told_of.to_owned()), "{table}");
        }
        assert_eq!(told(of("[otlp]\ngrpc_port = 1")), "it only receives: nothing can be sent to it");
        let gone = begun_of(&Target::Source("gone".to_owned()), &Snapshot::default(), Seen::Nothing);
        assert_eq!(told(gone), "the profile does not have this source");
    }

    #[test]
    fn a_dead_letter_goes_to_where_it_came_from_without_what_tells_of_its_failure() {
        let letter = LetterView {
            at: MessageRef { cluster: "lab-kafka".to_owned(), channel: "orders.placed-dlt".to_owned(), place: Place::at(0, 7) },
            origin: Some("orders.placed".to_owned()),
            ..LetterView::default()
        };
        let header = |name: &str| (name.to_owned(), Some(b"1".to_vec()));
        let names = ["traceparent", "ce_type", "kafka_dlt-original-topic", "kafka_dlt-original-offset", "kafka_dlt-exception-message", REPLAY_COUNT_HEADER];
        let record = RecordView {
            value: Some(b"{\"orderId\":1}".to_vec()),
            value_size_bytes: 13,
            headers: names.map(header).to_vec(),
            headers_readable: true,
            ..RecordView::default()
        };
        let target = Target::DeadLetters { channel: ChannelKey::of(&letter.at), fingerprint: None };
        let of = |letter: &LetterView, record: Option<&RecordView>| begun_of(&target, &Snapshot::default(), Seen::Letter(letter, Some(record)));
        let whole = of(&letter, Some(&record)).expect("a record");
        assert_eq!(
            whole.notes,
            ["It goes to orders.placed, where the letter of orders.placed-dlt came from", "What tells of its failure was left out: 4 headers"]
        );
        assert_eq!(told(Ok(whole)), "record lab-kafka orders.placed Null Json(\"{\\\"orderId\\\":1}\") 1");
        let blank = "record lab-kafka orders.placed Null Json(\"{}\") 0";
        for (letter, record, why) in [
            (&letter, None, "not at hand"),
            (&letter, Some(RecordView { redacted: true, ..record.clone() }), "holds secrets"),
            (&LetterView { redacted: true, ..letter.clone() }, Some(record.clone()), "holds secrets"),
            (&letter, Some(RecordView { truncated: true, value_size_bytes: 99, ..record.clone() }), "longer than what is kept"),
            (&letter, Some(RecordView { value: None, ..record.clone() }), "neither key nor value"),
        ] {
            let begun = of(letter, record.as_ref()).expect("a record");
            assert!(begun.unknown.as_ref().is_some_and(|unknown| unknown.contains(why)), "{why}: {:?}", begun.unknown);
            assert_eq!(told(Ok(begun)), blank, "{why}");
        }
        let of_nowhere = of(&LetterView { origin: None, ..letter }, Some(&record)).expect("a record");
        assert!(of_nowhere.notes[0].contains("not told: write the topic"), "{:?}", of_nowhere.notes);
        assert!(told(Ok(of_nowhere)).starts_with("record lab-kafka  "), "no letter is made by chance");
        assert_eq!(told(begun_of(&target, &Snapshot::default(), Seen::Nothing)), "no letter is selected");
        assert_eq!(told(begun_of(&target, &Snapshot::default(), Seen::Letter(&LetterView::default(), None))), "the letter is still being read");
    }
}
