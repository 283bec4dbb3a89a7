//! What became of a message, which channel is meant, which group is which queue.

use serde_json::{Value, json};
use switchboard_engine::view::{HopKind, LagVerdict, NodeKind};
use switchboard_model::Fact;

use crate::batches;
use crate::wire::{self, CLIENT, CONSUMER, PRODUCER, Wire, channels, ended, hops, report, row, rows, span, statuses};

const SPRING: &str = "org.springframework.kafka.listener.";

fn listener(topic: &str, offset: i64, id: u64) -> Wire {
    span("billing", CONSUMER, id, id, 0).with(json!({
        "messaging.system": "kafka",
        "messaging.operation": "process",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": "0",
        "messaging.kafka.message.offset": offset,
        "messaging.kafka.consumer.group": "billing",
    }))
}

fn threw(wire: Wire, class: &str, stack: &str) -> Wire {
    wire.failed().event(json!({ "exception.type": class, "exception.message": "Listener failed", "exception.stacktrace": stack }))
}

#[test]
fn a_listener_s_status_is_the_cause_beneath_its_wrappers() {
    let (timestamped, failed) = (format!("{SPRING}TimestampedException"), format!("{SPRING}ListenerExecutionFailedException"));
    let stack = |cause: &str| {
        format!(
            "{timestamped}: Exception thrown at 2026\n\tat a.B.c(B.java:1)\nCaused by: {failed}: Listener method threw\n\tat d\nCaused by: {cause}: no\n\t... 3 more\n"
        )
    };
    let declined = "shop.CardDeclined";
    let table = [
        (threw(listener("orders", 1, 1), &timestamped, &stack(declined)), declined),
        (
            threw(
                listener("orders", 1, 1),
                &failed,
                &format!("{failed}: x\nCaused by: {declined}: y\nCaused by: java.net.SocketTimeoutException: Read timed out"),
            ),
            "java.net.SocketTimeoutException",
        ),
        // By another event, by the message, or by nothing.
        (threw(listener("orders", 1, 1).event(json!({ "exception.type": declined })), &failed, ""), declined),
        (
            listener("orders", 1, 1)
                .failed()
                .event(json!({ "exception.type": failed, "exception.message": "failed; nested exception is shop.CardDeclined: no" })),
            declined,
        ),
        (threw(listener("orders", 1, 1), &failed, ""), failed.as_str()),
        (threw(listener("orders", 1, 1).with(json!({ "error.type": failed })), &failed, &stack(declined)), declined),
        // What is no wrapper is the status, whatever is beneath.
        (threw(listener("orders", 1, 1), declined, "shop.CardDeclined: no\nCaused by: java.io.IOException: pipe"), declined),
    ];
    for (wire, status) in table {
        let text = wire.json.to_string();
        assert_eq!(ended(wire), (1, format!("{status} x1")), "{text}");
    }
    let late =
        threw(span("shop", CLIENT, 1, 1, 0), "java.util.concurrent.ExecutionException", "x\nCaused by: java.net.http.HttpTimeoutException: request timed out");
    assert_eq!(rows(&[late]), ["shop > ? call x1 e1 t1"]);
}

#[test]
fn a_record_that_is_not_due_yet_waits_and_has_not_failed() {
    let backoff = format!("{SPRING}KafkaBackoffException");
    let failed = format!("{SPRING}ListenerExecutionFailedException");
    let stack = format!(
        "{failed}: x\nCaused by: {backoff}: Partition 0 from topic orders-retry-1000 is not ready for consumption, backing off for approx. 998 millis."
    );
    let waiting = [
        threw(listener("orders-retry-1000", 5, 1), &failed, &stack).at(1_000, 1),
        threw(listener("orders-retry-1000", 5, 2), &format!("{SPRING}TimestampedException"), &stack).at(1_500, 1),
        listener("orders-retry-1000", 5, 3).failed().with(json!({ "error.type": backoff })).at(1_700, 1),
    ];
    let mut all = waiting.to_vec();
    all.push(threw(listener("orders-retry-1000", 5, 4), "shop.CardDeclined", "shop.CardDeclined: no").at(2_000, 5));
    let report = report(&all);
    // The first time that it is due is no retry either.
    assert_eq!(report.interactions.iter().map(row).collect::<Vec<_>>(), ["? > billing orders-retry-1000 x4 e1"]);
    assert_eq!(statuses(&report, HopKind::Process), ["shop.CardDeclined x1", "waiting x3"]);
}

#[test]
fn a_group_of_a_retry_topic_waits_and_does_not_fall_behind() {
    let stack = |ms: u32| {
        format!(
            "x\nCaused by: {SPRING}KafkaBackoffException: Partition 0 from topic orders-retry is not ready for consumption, backing off for approx. {ms} millis."
        )
    };
    let told = |waits_ms: Option<u32>| {
        let mut engine = wire::engine();
        for at in 0..40_i64 {
            let mut group = batches::group("billing", "orders-retry", 1, 5 + at, at * 2_000);
            if let Fact::Group(group) = &mut group {
                group.members = None;
            }
            batches::apply(&mut engine, &[batches::facts(at * 2_000, vec![batches::topic("orders-retry", 5 + at), group])]);
        }
        if let Some(ms) = waits_ms {
            let waits = threw(listener("orders-retry", 1, 1), &format!("{SPRING}ListenerExecutionFailedException"), &stack(ms)).at(40_000, 1);
            batches::apply(&mut engine, &wire::batches(&wire::request(&[waits]), 40_000));
        }
        batches::apply(&mut engine, &[batches::tick(78_500)]);
        let groups = engine.report(&[]).groups;
        (groups[0].verdict, groups[0].reason.contains("waits until its records are due"))
    };
    let (without, is_waiting) = told(None);
    assert!(matches!(without, LagVerdict::Stuck | LagVerdict::Growing) && !is_waiting, "{without:?}");
    assert_eq!(told(Some(60_000)), (LagVerdict::Waits, true));
    // What was due long ago explains nothing.
    assert_eq!(told(Some(5_000)), (without, false));
}

#[test]
fn a_record_that_a_group_has_again_is_a_retry() {
    // 4 deliveries of one offset, another offset, another group, another partition.
    let mut all: Vec<Wire> = (1..=4).map(|at| threw(listener("orders", 7, at), "shop.Poison", "").at(1_000 + at as i64 * 20, 5)).collect();
    all.push(listener("orders", 8, 5));
    all.push(listener("orders", 7, 6).with(json!({ "messaging.consumer.group.name": "audit" })));
    all.push(listener("orders", 7, 7).with(json!({ "messaging.kafka.destination.partition": 1, "messaging.destination.partition.id": "1" })));
    assert_eq!(rows(&all), ["? > billing orders x7 e4 r3"]);
    // One span within another is one and the same time.
    let outer = listener("orders", 7, 1).at(1_000, 10);
    let mut inner = listener("orders", 7, 2).at(1_001, 5);
    inner.json["traceId"] = outer.json["traceId"].clone();
    inner.json["parentSpanId"] = outer.json["spanId"].clone();
    assert_eq!(report(&[outer, inner]).interactions.iter().map(|row| row.retries).sum::<u64>(), 0);
}

#[test]
fn a_message_that_is_published_over_http_is_one_message() {
    let sent = span("shop", PRODUCER, 1, 1, 0)
        .with(json!({ "messaging.system": "aws_sqs", "messaging.operation.type": "send", "messaging.destination.name": "orders" }));
    let call = span("shop", CLIENT, 1, 2, 1).with(json!({ "http.request.method": "POST", "server.address": "sqs.eu-west-1.amazonaws.com" }));
    let told = report(&[sent.clone(), call.clone()]);
    assert_eq!((told.interactions.len(), hops(&told, HopKind::Publish)), (0, vec!["shop > orders x1".to_owned()]));
    // A broker with a protocol of its own is not reached so: that is a schema registry.
    let mut kafka = sent;
    kafka.json["attributes"][0]["value"]["stringValue"] = "kafka".into();
    let kafka = span("shop", PRODUCER, 1, 1, 0)
        .with(json!({ "messaging.system": "kafka", "messaging.operation.type": "send", "messaging.destination.name": "orders" }));
    assert_eq!(rows(&[kafka, call]), ["shop > sqs.eu-west-1.amazonaws.com http x1"]);
}

fn rabbit(kind: u8, trace: u64, id: u64, parent: u64, attrs: Value) -> Wire {
    let service = if kind == PRODUCER { "shop" } else { "mail" };
    span(service, kind, trace, id, parent).at(if kind == PRODUCER { 1_000 } else { 1_020 }, 5).with(json!({ "messaging.system": "rabbitmq" })).with(attrs)
}

#[test]
fn with_an_empty_exchange_the_routing_key_is_the_channel() {
    let mut all = Vec::new();
    for (at, (exchange, key, name)) in [
        ("", "messaging.rabbitmq.destination.routing_key", "messaging.destination.name"),
        ("<default>", "messaging.rabbitmq.routing_key", "messaging.destination"),
        ("amq.default", "messaging.rabbitmq.destination.routing_key", "messaging.destination.name"),
    ]
    .into_iter()
    .enumerate()
    {
        let (trace, queue) = (at as u64 + 1, format!("q3{}", at + 1));
        all.push(rabbit(PRODUCER, trace, 1, 0, json!({ name: exchange, key: queue })));
        all.push(rabbit(CONSUMER, trace, 2, 1, json!({ name: exchange, key: queue })));
    }
    let told = report(&all);
    assert_eq!(channels(&told), ["q31 (rabbitmq)", "q32 (rabbitmq)", "q33 (rabbitmq)"]);
    assert_eq!(told.interactions.iter().map(row).collect::<Vec<_>>(), ["shop > mail q31 x1", "shop > mail q32 x1", "shop > mail q33 x1"]);
    // An exchange of its own keeps its name; a consumer that names the queue alone meets the key.
    let named = [rabbit(PRODUCER, 1, 1, 0, json!({ "messaging.destination": "ex", "messaging.rabbitmq.routing_key": "k" }))];
    assert_eq!(channels(&report(&named)), ["ex (rabbitmq)"]);
    let queue = [
        rabbit(PRODUCER, 1, 1, 0, json!({ "messaging.destination": "", "messaging.rabbitmq.routing_key": "q31" })),
        rabbit(CONSUMER, 1, 2, 1, json!({ "messaging.destination.name": "q31" })),
    ];
    assert_eq!(channels(&report(&queue)), ["q31 (rabbitmq)"]);
}

/// Whether the map leads from who publishes to who handles.
fn is_joined(of: &[Wire], from: &str, to: &str) -> bool {
    let topology = wire::snapshot(of).topology;
    let named = |name: &str| topology.nodes.iter().find(|node| node.name == name && node.kind == NodeKind::Service).map(|node| node.node_id);
    let (Some(from), Some(to)) = (named(from), named(to)) else { return false };
    let mut reached = vec![from];
    while let Some(next) = topology.edges.iter().find(|edge| reached.contains(&edge.from) && !reached.contains(&edge.to)) {
        reached.push(next.to);
    }
    reached.contains(&to)
}

#[test]
fn exchange_key_and_queue_are_one_way() {
    let sent = |trace: u64, name: &str| rabbit(PRODUCER, trace, 1, 0, json!({ "messaging.destination.name": name }));
    let had = |trace: u64, id: u64, name: &str| rabbit(CONSUMER, trace, id, 1, json!({ "messaging.destination.name": name }));
    let all = [sent(1, "ex:key"), had(1, 2, "ex:key:queue")];
    let told = report(&all);
    assert_eq!(told.interactions.iter().map(row).collect::<Vec<_>>(), ["shop > mail ex:key x1"]);
    assert_eq!(channels(&told), ["ex:key (rabbitmq)"]);
    assert_eq!((hops(&told, HopKind::Deliver), hops(&told, HopKind::Process)), (vec!["ex:key > queue x1".to_owned()], vec!["queue > mail x1".to_owned()]));
    assert!(is_joined(&all, "shop", "mail"));
    // Two queues get each message; keys may hold colons; an exchange alone is a beginning too.
    let fanned = [sent(1, "ex:a:b"), had(1, 2, "ex:a:b:one"), had(1, 3, "ex:a:b:two"), sent(2, "topics"), had(2, 2, "topics:k:q")];
    let told = report(&fanned);
    assert_eq!(channels(&told), ["ex:a:b (rabbitmq)", "topics (rabbitmq)"]);
    assert_eq!(hops(&told, HopKind::Deliver), ["ex:a:b > one x1", "ex:a:b > two x1", "topics > k:q x1"]);
    // A queue to which nobody publishes, and names with colons elsewhere, stay as they are.
    assert_eq!(channels(&report(&[had(1, 2, "ex:key:queue")])), ["ex:key:queue (rabbitmq)"]);
    let kafka = |kind: u8, id: u64, parent: u64, name: &str| {
        span("shop", kind, 1, id, parent).with(json!({ "messaging.system": "kafka", "messaging.destination.name": name }))
    };
    assert_eq!(channels(&report(&[kafka(PRODUCER, 1, 0, "a"), kafka(CONSUMER, 2, 0, "a:b")])), ["a (kafka)", "a:b (kafka)"]);
}

#[test]
fn a_queue_named_alone_belongs_to_the_exchange_that_its_messages_were_published_to() {
    let sent = |trace: u64, name: &str| rabbit(PRODUCER, trace, 1, 0, json!({ "messaging.destination.name": name }));
    let had = |trace: u64, name: &str| rabbit(CONSUMER, trace, 2, 1, json!({ "messaging.destination.name": name }));
    let all = [sent(1, "ex"), had(1, "q"), sent(2, "ex"), had(2, "other-q")];
    let told = report(&all);
    assert_eq!(channels(&told), ["ex (rabbitmq)"]);
    assert_eq!(told.interactions.iter().map(row).collect::<Vec<_>>(), ["shop > mail ex x2"]);
    assert_eq!(hops(&told, HopKind::Deliver), ["ex > other-q x1", "ex > q x1"]);
    assert!(is_joined(&all, "shop", "mail"));
    // Of two exchanges, of a queue that is published to by its name, and without a pair nothing is certain.
    let two = [sent(1, "ex"), had(1, "q"), sent(2, "other"), had(2, "q")];
    assert_eq!(channels(&report(&two)), ["ex (rabbitmq)", "other (rabbitmq)", "q (rabbitmq)"]);
    let direct = [sent(1, "ex"), had(1, "q"), sent(2, "q"), had(2, "q")];
    assert_eq!(channels(&report(&direct)), ["ex (rabbitmq)", "q (rabbitmq)"]);
    let apart = [sent(1, "ex"), rabbit(CONSUMER, 2, 2, 0, json!({ "messaging.destination.name": "q" }))];
    assert_eq!(channels(&report(&apart)), ["ex (rabbitmq)", "q (rabbitmq)"]);
}

#[test]
fn one_name_in_two_systems_is_two_channels() {
    let of = |system: Value, kind: u8, trace: u64, id: u64, parent: u64| {
        span(if kind == PRODUCER { "shop" } else { "mail" }, kind, trace, id, parent).with(json!({ "messaging.destination.name": "orders" })).with(system)
    };
    let (kafka, rabbit, none) = (json!({ "messaging.system": "kafka" }), json!({ "messaging.system": "rabbitmq" }), json!({}));
    let both =
        [of(kafka.clone(), PRODUCER, 1, 1, 0), of(kafka.clone(), CONSUMER, 1, 2, 1), of(rabbit.clone(), PRODUCER, 2, 1, 0), of(rabbit, CONSUMER, 2, 2, 1)];
    let told = report(&both);
    assert_eq!(channels(&told), ["orders (kafka)", "orders (rabbitmq)"]);
    assert_eq!(told.interactions.iter().map(|row| row.calls).sum::<u64>(), 2);
    // Who does not say which system it is means the one that there is.
    assert_eq!(channels(&report(&[of(kafka, PRODUCER, 1, 1, 0), of(none, CONSUMER, 1, 2, 1)])), ["orders (kafka)"]);
    // The same message id in another system is another message.
    let id = json!({ "messaging.message.id": "7" });
    let apart =
        [of(json!({ "messaging.system": "kafka" }), PRODUCER, 1, 1, 0).with(id.clone()), of(json!({ "messaging.system": "jms" }), CONSUMER, 2, 2, 0).with(id)];
    assert_eq!(rows(&apart), ["? > mail orders x1"]);
}

#[test]
fn temporary_queues_are_one_node() {
    let mut all = Vec::new();
    for at in 0..40_u64 {
        let queue = format!("amq.gen-{at:08x}");
        all.push(rabbit(PRODUCER, at + 1, 1, 0, json!({ "messaging.destination.name": "", "messaging.rabbitmq.destination.routing_key": queue })));
        all.push(rabbit(CONSUMER, at + 1, 2, 1, json!({ "messaging.destination.name": queue, "messaging.destination.temporary": true })));
    }
    let told = report(&all);
    assert_eq!(channels(&told), ["temporary queues of rabbitmq (rabbitmq)"]);
    assert_eq!(told.interactions.iter().map(row).collect::<Vec<_>>(), ["shop > mail temporary queues of rabbitmq x40"]);
    // Said by other words, or to be seen by the name; bound to an exchange they go on telling to which.
    let others = [
        json!({ "messaging.destination.name": "replies-7", "messaging.destination.anonymous": true }),
        json!({ "messaging.destination": "replies-8", "messaging.temp_destination": "true" }),
        json!({ "messaging.destination.name": "amq.rabbitmq.reply-to.g1h2" }),
        json!({ "messaging.destination.name": "spring.gen-9xY" }),
    ];
    let others: Vec<Wire> = (1..).zip(others).map(|(at, attrs)| rabbit(CONSUMER, at, at, 0, attrs)).collect();
    assert_eq!(channels(&report(&others)), ["temporary queues of rabbitmq (rabbitmq)"]);
    let bound = [
        rabbit(PRODUCER, 1, 1, 0, json!({ "messaging.destination.name": "ex:news" })),
        rabbit(CONSUMER, 1, 2, 1, json!({ "messaging.destination.name": "ex:news:amq.gen-1" })),
        rabbit(CONSUMER, 1, 3, 1, json!({ "messaging.destination.name": "ex:news:amq.gen-2" })),
    ];
    let told = report(&bound);
    assert_eq!(
        (channels(&told), hops(&told, HopKind::Deliver)),
        (vec!["ex:news (rabbitmq)".to_owned()], vec!["ex:news > temporary queues of rabbitmq x2".to_owned()])
    );
    let lasting = [rabbit(CONSUMER, 1, 1, 0, json!({ "messaging.destination.name": "orders", "messaging.destination.temporary": false }))];
    assert_eq!(channels(&report(&lasting)), ["orders (rabbitmq)"]);
}
