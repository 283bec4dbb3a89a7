//! Made-up requests, answers and what they caused, for tests and pictures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use switchboard_desk::{
    ledger::Settled,
    send::{
        Answer, Asking, Ended, Message, One, Question, RepeatFigures, Reply, SavedBoard, SchemaBoard, SchemaKey, SendAsk, SendBoard, Sent, SentId, Status,
        access::Field,
        draft::{Auth, Body, Draft, GrpcDraft, HttpDraft, Pair, Payload, RecordDraft, RepeatDraft, Request, RequestKind, SchemaFrom},
        testing::{MadeUpSchema, method},
    },
};
use switchboard_engine::view::{Answer as EngineAnswer, ConversationItem, PointQuery, Query, RecordView, RowId};
use switchboard_model::{MessageRef, Origin, Outcome, Phase, Place, Receipt, TraceId};

use crate::{testing::NOW_NS, views::traces::sample as traces};

const SECOND_NS: i64 = 1_000_000_000;
const MS_NS: i64 = 1_000_000;

/// A checkout as somebody composed it.
pub(crate) fn checkout() -> Draft {
    let body = "{\n  \"order_id\": \"{{uuid}}\",\n  \"customer\": \"customer-3\",\n  \"country\": \"FR\",\n  \"parcels\": 1,\n  \"sku\": \"{{sku}}\",\n  \"amount_cents\": 9889\n}";
    let http = HttpDraft {
        method: "POST".to_owned(),
        url: "{{base}}/checkout".to_owned(),
        headers: vec![Pair::new("x-tenant", "shop"), Pair::new("accept-language", "fr"), Pair { off: true, ..Pair::new("x-debug", "1") }],
        auth: Auth::Bearer { secret: "token".to_owned() },
        body: Body::Json(body.to_owned()),
        ..HttpDraft::default()
    };
    Draft { name: "place an order".to_owned(), request: Request::Http(http) }
}

/// A call.
pub(crate) fn place_order() -> Draft {
    let grpc = GrpcDraft {
        url: "{{orders}}".to_owned(),
        method: "shop.v1.Orders/PlaceOrder".to_owned(),
        messages: vec!["{\n  \"orderId\": \"{{uuid}}\",\n  \"sku\": \"{{sku}}\"\n}".to_owned()],
        metadata: vec![Pair::new("x-tenant", "shop")],
        ..GrpcDraft::default()
    };
    Draft { name: String::new(), request: Request::Grpc(grpc) }
}

/// A record.
pub(crate) fn placed() -> Draft {
    let record = RecordDraft {
        cluster: "lab-kafka".to_owned(),
        topic: "orders.placed".to_owned(),
        key: Payload::Text("4711".to_owned()),
        value: Payload::Json("{ \"orderId\": {{counter}}, \"sku\": \"{{sku}}\" }".to_owned()),
        copies: 23,
        ..RecordDraft::default()
    };
    Draft { name: String::new(), request: Request::Record(record) }
}

fn ask(draft: Draft) -> SendAsk {
    SendAsk { draft: Arc::new(draft), environment: Some("local".to_owned()), given: BTreeMap::new(), by_hand: false, is_probe: false }
}

fn sent(number: u64, draft: Draft, call: &str, target: &str, ago_s: i64, took_us: i64) -> Sent {
    let at_ns = NOW_NS - ago_s * SECOND_NS;
    Sent {
        sent_id: SentId(number),
        ask: ask(draft),
        call: call.to_owned(),
        target: target.to_owned(),
        num: 1,
        at_ns,
        trace_id: None,
        correlation_id: None,
        settled: None,
        ended_ns: Some(at_ns + took_us * 1_000),
        is_open: false,
        answer: Answer::default(),
        reply: None,
        figures: None,
    }
}

fn text(of: &str) -> String {
    of.to_owned()
}

/// A checkout that was answered.
pub(crate) fn answered() -> Sent {
    let body = br#"{"order_id":"8a0f4c98-9ab0-42e1-9540-5fb08035e729","state":"placed"}"#.to_vec();
    let ms = |ms: f64| Duration::from_secs_f64(ms / 1e3);
    let answer = Answer {
        took: vec![(Phase::Resolve, ms(0.2)), (Phase::Connect, ms(0.3)), (Phase::FirstByte, ms(8.1)), (Phase::Rest, ms(0.2))],
        status: Some(Status::Http { status: 200, version: "HTTP/1.1" }),
        headers: vec![
            (text("content-type"), text("application/json; charset=utf-8")),
            (text("server"), text("storefront")),
            (text("date"), text("Sat, 21 Nov 2026")),
        ],
        body_bytes: 68,
        wire_bytes: Some(68),
        body: body.into(),
        ..Answer::default()
    };
    Sent {
        trace_id: Some(traces::TRACE),
        correlation_id: Some(text("4704")),
        settled: Some(Settled::Tried(Outcome::Done(Receipt::Answered(200)))),
        answer,
        ..sent(5, checkout(), "POST /checkout", "http://localhost:8080", 40, 8_800)
    }
}

/// One that goes on.
pub(crate) fn going() -> Sent {
    Sent { settled: None, ended_ns: None, answer: Answer::default(), sent_id: SentId(6), at_ns: NOW_NS - SECOND_NS, ..answered() }
}

/// What was many times asked came to: three of a hundred failed.
fn figures_of_many() -> RepeatFigures {
    let us = Duration::from_micros;
    let columns = [2, 9, 18, 21, 16, 11, 7, 5, 3, 2, 1, 1, 0, 1, 0, 0, 1, 0, 0, 2];
    let histogram = columns.iter().enumerate().map(|(column, num)| (us((4_200.0 * 1.16_f64.powi(column as i32 + 1)) as u64), *num)).collect();
    RepeatFigures {
        num: 100,
        num_failed: 3,
        rate_per_s: 9.8,
        by_end: vec![(Ended::Http(200), 97), (Ended::Http(503), 3)],
        percentiles: Some([us(7_900), us(18_400), us(61_000), us(81_800)]),
        histogram,
        shortest: us(4_200),
        last: Vec::new(),
    }
}

/// A checkout that was sent a hundred times.
pub(crate) fn many() -> Sent {
    let Request::Http(http) = checkout().request else { unreachable!("a request of HTTP") };
    let draft = Draft { name: String::new(), request: Request::Http(HttpDraft { repeat: RepeatDraft { times: 100, ..RepeatDraft::default() }, ..http }) };
    Sent { sent_id: SentId(9), ask: ask(draft), num: 100, figures: Some(Arc::new(figures_of_many())), ended_ns: Some(NOW_NS - 29 * SECOND_NS), ..answered() }
}

/// A probe of the shop's health, which fails now and then.
pub(crate) fn probe() -> Sent {
    let one = |place: i64| {
        let is_bad = matches!(place, 21 | 22 | 37);
        let took = Duration::from_micros(1_900 + (place * 613 % 1_400) as u64);
        let (ended, why) = if place == 22 { (Ended::NotSent, "nobody listens on localhost:8080") } else { (Ended::Http(if is_bad { 503 } else { 200 }), "") };
        One { at_ns: NOW_NS - (40 - place) * 30 * SECOND_NS, took, ended, why: text(why), trace_id: Some(TraceId(place as u128 + 1)) }
    };
    let figures = RepeatFigures {
        num: 40,
        num_failed: 3,
        rate_per_s: 1.0 / 30.0,
        by_end: vec![(Ended::Http(200), 37), (Ended::Http(503), 2), (Ended::NotSent, 1)],
        last: (0..40).map(one).collect(),
        ..figures_of_many()
    };
    let health = Draft { request: Request::Http(HttpDraft { url: text("{{base}}/health"), ..HttpDraft::default() }), name: String::new() };
    Sent {
        ask: SendAsk { is_probe: true, ..ask(health) },
        sent_id: SentId(10),
        call: text("GET /health"),
        num: 1,
        figures: Some(Arc::new(figures)),
        settled: None,
        ended_ns: None,
        ..answered()
    }
}

/// The same probe, which fails since two minutes.
pub(crate) fn failing_probe() -> Sent {
    let sent = probe();
    let mut figures = RepeatFigures::clone(sent.figures.as_deref().unwrap_or(&RepeatFigures::default()));
    for one in figures.last.iter_mut().rev().take(4) {
        (one.ended, one.why) = (Ended::NotSent, text("nobody listens on localhost:8080"));
    }
    (figures.num_failed, figures.by_end) = (6, vec![(Ended::Http(200), 34), (Ended::NotSent, 5), (Ended::Http(503), 1)]);
    Sent { figures: Some(Arc::new(figures)), ..sent }
}

/// A checkout that was answered otherwise than the one before.
pub(crate) fn compared() -> SendBoard {
    let body = br#"{"order_id":"1b7e02aa-4c0d-4f43-8b0e-b3f04a0c93c1","state":"refused","reason":"no carrier"}"#.to_vec();
    let answer =
        Answer { status: Some(Status::Http { status: 503, version: "HTTP/1.1" }), body_bytes: body.len() as u64, body: body.into(), ..answered().answer };
    let refused = Sent { sent_id: SentId(6), answer, settled: Some(Settled::Tried(Outcome::Done(Receipt::Answered(503)))), ..answered() };
    SendBoard { sent: [refused, answered()].map(Arc::new).to_vec(), ..board() }
}

/// A record with the reply that came to it.
pub(crate) fn replied() -> Sent {
    let header = |name: &str, value: &[u8]| (text(name), Some(value.to_vec()));
    let reply = RecordView {
        row: RowId(77),
        at: MessageRef { cluster: text("lab-kafka"), channel: text("inventory.reserved"), place: Place::at(2, 311) },
        key: Some(b"4711".to_vec()),
        value: Some(br#"{"order_id":"4711","sku":"lamp","shelf":87}"#.to_vec()),
        value_size_bytes: 43,
        headers: vec![
            header("kafka_correlationId", &0x8a0f_4c98_9ab0_42e1_9540_5fb0_8035_e729_u128.to_be_bytes()),
            header("content-type", b"application/json"),
            header("ce_type", b"shop.inventory.reserved.v1"),
        ],
        headers_readable: true,
        received_ns: NOW_NS - 30 * SECOND_NS,
        ..RecordView::default()
    };
    Sent { reply: Some(Reply::Came { record: Arc::new(reply), took_ns: 41 * MS_NS }), ..awaiting() }
}

/// A record that awaits a reply.
pub(crate) fn awaiting() -> Sent {
    let Request::Record(record) = placed().request else { unreachable!("a record") };
    let record = RecordDraft { copies: 1, reply_topic: text("inventory.reserved"), ..record };
    let at = Place::at(3, 18_190);
    Sent {
        answer: Answer { status: Some(Status::Persisted { at: Some(at.clone()) }), num_persisted: 1, ..Answer::default() },
        settled: Some(Settled::Tried(Outcome::persisted(Some(at)))),
        reply: Some(Reply::Awaited),
        ..sent(8, Draft { name: String::new(), request: Request::Record(record) }, "orders.placed", "lab-kafka", 31, 4_000)
    }
}

/// A stream that is open for messages written by hand.
pub(crate) fn open_stream() -> Sent {
    let message =
        |is_ours: bool, at_ms: i64, json: &str| Message { is_ours, at_ns: NOW_NS - 3_000 * MS_NS + at_ms * MS_NS, text: text(json), size_bytes: json.len() };
    let messages =
        vec![message(true, 2, r#"{"sku":"lamp"}"#), message(false, 9, r#"{"sku":"lamp","stock":4}"#), message(false, 1_204, r#"{"sku":"lamp","stock":3}"#)];
    Sent {
        sent_id: SentId(7),
        ended_ns: None,
        is_open: true,
        answer: Answer { messages, ..Answer::default() },
        ..sent(7, place_order(), "shop.v1.Stock/Watch", "http://localhost:50051", 3, 0)
    }
}

/// A call that was answered with one message of so many lines.
pub(crate) fn called_with_lines(num: usize) -> Sent {
    let members: Vec<String> = (0..num).map(|line| format!("  \"line{line}\": {line}")).collect();
    let theirs = format!("{{\n{}\n}}", members.join(",\n"));
    let message =
        |is_ours: bool, json: &str, at_ms: i64| Message { is_ours, at_ns: NOW_NS - 204 * SECOND_NS + at_ms * MS_NS, text: text(json), size_bytes: 12 };
    let answer = Answer {
        status: Some(Status::Grpc { code: 0, message: String::new() }),
        messages: vec![message(true, r#"{"note":"an order as it was sent"}"#, 1), message(false, &theirs, 5)],
        headers: vec![(text("content-type"), text("application/grpc"))],
        trailers: vec![(text("x-took"), text("4 ms"))],
        ..Answer::default()
    };
    let settled = Some(Settled::Tried(Outcome::Done(Receipt::Called(0))));
    Sent { answer, settled, ..sent(2, place_order(), "shop.v1.Orders/PlaceOrder", "http://localhost:50051", 204, 6_000) }
}

/// A board with what was sent, what is kept, and what can be named.
pub(crate) fn board() -> SendBoard {
    let refused = Sent {
        answer: Answer { status: Some(Status::Http { status: 503, version: "HTTP/1.1" }), ..Answer::default() },
        settled: Some(Settled::Tried(Outcome::Done(Receipt::Answered(503)))),
        ..sent(4, checkout(), "POST /checkout", "http://localhost:8080", 61, 2_004_000)
    };
    let records = Sent {
        num: 23,
        answer: Answer { status: Some(Status::Persisted { at: Some(Place::at(3, 18_190)) }), num_persisted: 23, ..Answer::default() },
        settled: Some(Settled::Tried(Outcome::persisted(Some(Place::at(3, 18_190))))),
        ..sent(3, placed(), "orders.placed", "lab-kafka", 119, 2_300_000)
    };
    let message = Message { is_ours: false, at_ns: NOW_NS - 203 * SECOND_NS, text: text(r#"{"orderId":"8a0f4c98"}"#), size_bytes: 12 };
    let called = Sent {
        answer: Answer { status: Some(Status::Grpc { code: 0, message: String::new() }), messages: vec![message], ..Answer::default() },
        settled: Some(Settled::Tried(Outcome::Done(Receipt::Called(0)))),
        ..sent(2, place_order(), "shop.v1.Orders/PlaceOrder", "http://localhost:50051", 204, 6_000)
    };
    let unreachable = Sent {
        settled: Some(Settled::Tried(Outcome::NotDone(text("nobody listens on localhost:9999")))),
        ..sent(1, Draft::blank(RequestKind::Http), "GET /", "http://localhost:9999", 310, 1_000)
    };
    SendBoard {
        version: 1,
        sent: [answered(), refused, records, called, unreachable].map(Arc::new).to_vec(),
        saved: Arc::new(saved()),
        schemas: BTreeMap::from([(
            SchemaKey { url: text("{{orders}}"), authority: String::new(), from: SchemaFrom::Reflection },
            SchemaBoard::Known(Arc::new(schema())),
        )]),
        clusters: vec![text("lab-kafka")],
        secrets: vec![(text("token"), Origin::parse("http://localhost:8080").expect("an address").0)],
        ..SendBoard::default()
    }
}

/// What is kept in files.
pub(crate) fn saved() -> SavedBoard {
    let health = Draft { request: Request::Http(HttpDraft { url: text("{{base}}/health"), ..HttpDraft::default() }), name: String::new() };
    let requests = [("orders/place an order", checkout()), ("orders/PlaceOrder", place_order()), ("orders/placed", placed()), ("payments/health", health)];
    let pairs = |of: &[(&str, &str)]| of.iter().map(|(name, value)| (text(name), text(value))).collect::<BTreeMap<_, _>>();
    SavedBoard {
        folder: Some("/work/shop/requests".into()),
        requests: requests.into_iter().map(|(path, draft)| (text(path), Arc::new(draft))).collect(),
        environments: BTreeMap::from([
            (text("local"), pairs(&[("base", "http://localhost:8080"), ("orders", "http://localhost:50051"), ("sku", "lamp")])),
            (text("staging"), pairs(&[("base", "https://staging.shop.example"), ("sku", "lamp")])),
        ]),
        mistakes: Vec::new(),
    }
}

/// The same, with something to be answered before it is sent.
pub(crate) fn asking(question: Question) -> SendBoard {
    let asking = Asking { ask: ask(checkout()), target: text("http://localhost:8080"), question };
    SendBoard { version: 2, asking: Some(Arc::new(asking)), ..board() }
}

/// Production asks for a name.
pub(crate) fn type_name() -> Question {
    Question::Allow {
        type_name: Some(text("shop.example")),
        means: text("Requests composed here may change what is stored there, for as long as this session lasts"),
    }
}

/// Whether it is meant.
pub(crate) fn confirm() -> Question {
    Question::Confirm { what: text("POST /checkout to http://localhost:8080, once"), is_here: true }
}

/// A few methods of each kind, and of some messages what they hold.
pub(crate) fn schema() -> MadeUpSchema {
    let of = |service: &str, name: &str, streams: (bool, bool)| {
        method(service, name, streams, &format!("{service}.{name}Request"), &format!("{service}.{name}Reply"))
    };
    let field = |name: &str, type_words: &str, example: &str| Field {
        name: text(name),
        json_name: text(name),
        type_words: text(type_words),
        example: text(example),
        ..Field::default()
    };
    let message = |name: &str, message: &str, example: &str| Field { message: Some(text(message)), ..field(name, message, example) };
    let payment = Some(text("payment"));
    let order = vec![
        field("orderId", "string", "\"\""),
        Field { choices: vec![text("\"NEW\""), text("\"PAID\"")], ..field("state", "shop.v1.State", "\"NEW\"") },
        Field { oneof: payment.clone(), ..message("card", "shop.v1.Card", "{\n  \"number\": \"\"\n}") },
        Field { oneof: payment, ..field("cash", "bool", "false") },
        Field { map_key: Some(String::new()), ..field("labels", "map from string to string", "\"\"") },
        Field { choices: vec![text("\"{{now}}\"")], ..message("placedAt", "google.protobuf.Timestamp", "\"{{now}}\"") },
        message("extra", "google.protobuf.Any", "{}"),
    ];
    let methods = vec![
        of("shop.v1.Orders", "CancelOrder", (false, false)),
        of("shop.v1.Orders", "PlaceOrder", (false, false)),
        of("shop.v1.Stock", "Import", (true, false)),
        of("shop.v1.Stock", "Watch", (true, true)),
    ];
    MadeUpSchema::of(methods)
        .with_message("shop.v1.Orders.PlaceOrderRequest", order)
        .with_message("shop.v1.Stock.ImportRequest", vec![field("sku", "string", "\"\"")])
        .with_message("shop.v1.Card", vec![field("number", "string", "\"\"")])
        .with_types(&["shop.v1.Card", "shop.v1.Item"])
}

/// So many methods.
pub(crate) fn large_schema(num: usize) -> MadeUpSchema {
    let of = |number: usize| method(&format!("shop.v1.Service{}", number / 20), &format!("Method{number}"), (false, false), "In", "Out");
    MadeUpSchema::of((0..num).map(of).collect())
}

/// Answers what the view asks: of the checkout all is known, of others nothing.
pub(crate) fn answer(query: &Query) -> Option<EngineAnswer> {
    match query {
        Query::Point(PointQuery::Trace { trace_id }) if *trace_id == traces::TRACE => Some(EngineAnswer::Trace(Arc::new(traces::checkout()))),
        Query::Point(PointQuery::Trace { .. }) => Some(EngineAnswer::Trace(Arc::default())),
        Query::Point(PointQuery::Conversation { .. }) => {
            Some(EngineAnswer::Conversation(traces::checkout().records.into_iter().map(ConversationItem::Record).collect()))
        }
        _ => None,
    }
}
