use switchboard_model::MessageRef;

use super::*;
use crate::send::replay::tests::snapshot_of_channels;

const SECOND_NS: i64 = 1_000_000_000;

fn at(channel: &str, partition: i32, offset: i64) -> At {
    At { channel: channel.into(), partition, offset }
}

fn reading(committed: Option<i64>, low: Option<i64>, end: Option<i64>, is_empty_since: Option<i64>) -> GroupReading {
    GroupReading { partitions: BTreeMap::from([(2, PartitionReading { committed, low, end })]), is_empty_since, answered_ns: 0 }
}

#[test]
fn a_commit_past_a_record_proves_that_it_was_processed_only_where_it_can_have_been() {
    const SENT_NS: i64 = 1_000;
    for (name, partition, of, told) in [
        ("past it", 2, reading(Some(101), None, None, None), Ok("stock past 2@100")),
        ("past it, within what is there", 2, reading(Some(101), Some(100), Some(101), None), Ok("stock past 2@100")),
        ("at it", 2, reading(Some(100), None, None, None), Err("stock stands at 2@100, before 2@100")),
        ("no commit", 2, reading(None, None, None, None), Err("stock has committed nothing on partition 2")),
        // Sent to a channel with other partitions than the one it came from.
        ("another partition", 5, reading(Some(500), None, None, None), Err("stock has committed nothing on partition 5")),
        ("stopped before it was sent, and not yet past it", 2, reading(Some(7), None, None, Some(900)), Err("stock has no members")),
        ("stopped, and never committed there", 2, reading(None, None, None, Some(900)), Err("stock has no members")),
        (
            "stopped before it was sent, and past it: somebody reset its offsets",
            2,
            reading(Some(101), None, None, Some(SENT_NS)),
            Err("stock is past 2@100, but nobody was in it since: its offsets were set from outside"),
        ),
        ("stopped after it was sent, and past it", 2, reading(Some(101), None, None, Some(SENT_NS + 1)), Ok("stock past 2@100")),
        (
            "compacted or expired meanwhile",
            2,
            reading(Some(150), Some(101), Some(150), None),
            Err("stock is past 2@100, which is no longer on the broker: it may have been passed over"),
        ),
        ("beyond the end", 2, reading(Some(500), Some(0), Some(101), None), Err("stock has committed 2@500, beyond the end: the channel was made anew or cut")),
    ] {
        let said = of.has_read("stock", &at("orders", partition, 100), SENT_NS);
        assert_eq!(said, told.map(str::to_owned).map_err(str::to_owned), "{name}");
    }
}

#[test]
fn a_group_and_those_that_work_off_its_retries_are_told_from_others() {
    for (group, failed, is_of) in [
        ("stock", "stock", true),
        ("stock-retry-0", "stock", true),
        ("stock-retry-30000", "stock", true),
        ("stock.retry", "stock", true),
        ("stock_Retry_1", "stock", true),
        ("connect-sink", "sink", true),
        ("stock-2", "stock", false),
        ("stock-audit", "stock", false),
        ("stockretry", "stock", false),
        ("mail", "stock", false),
        ("stock", "stock-retry-0", false),
        ("", "stock", false),
    ] {
        assert_eq!(is_of_group(group, failed), is_of, "{group} {failed}");
    }
}

/// A span that processes `orders` 2@100, but for what is changed.
fn span(changes: &[(&str, Option<&str>)], status: SpanStatus, kind: SpanKind) -> ConversationItem {
    let told = [
        ("messaging.destination.name", "orders"),
        ("messaging.destination.partition.id", "2"),
        ("messaging.kafka.message.offset", "100"),
        ("messaging.consumer.group.name", "stock"),
        ("messaging.operation.type", "process"),
    ];
    let mut attributes: Vec<(String, String)> = told.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for (name, value) in changes {
        attributes.retain(|(known, _)| known != name);
        attributes.extend(value.map(|value| ((*name).to_owned(), value.to_owned())));
    }
    ConversationItem::Span(SpanView { service: "inventory".into(), attributes, status, kind, trace_id: TraceId(7), span_id: SpanId(1), ..SpanView::default() })
}

#[test]
fn a_span_proves_only_for_its_group_at_that_place_and_without_an_error() {
    use SpanKind::{Consumer, Producer};
    use SpanStatus::{Error, Ok, Unset};
    for (name, item, consumes) in [
        ("its own", span(&[], Unset, Consumer), true),
        ("said to be good", span(&[], Ok, Consumer), true),
        ("in an older convention", span(&[("messaging.kafka.message.offset", None), ("messaging.kafka.offset", Some("100"))], Unset, Consumer), true),
        (
            "its group by an older name",
            span(&[("messaging.consumer.group.name", None), ("messaging.kafka.consumer.group", Some("stock"))], Unset, Consumer),
            true,
        ),
        ("it failed", span(&[], Error, Consumer), false),
        ("it failed, as its type tells", span(&[("error.type", Some("java.lang.NullPointerException"))], Unset, Consumer), false),
        ("another group", span(&[("messaging.consumer.group.name", Some("mail"))], Unset, Consumer), false),
        ("no group", span(&[("messaging.consumer.group.name", None)], Unset, Consumer), false),
        ("another offset", span(&[("messaging.kafka.message.offset", Some("101"))], Unset, Consumer), false),
        ("no offset", span(&[("messaging.kafka.message.offset", None)], Unset, Consumer), false),
        ("another partition", span(&[("messaging.destination.partition.id", Some("1"))], Unset, Consumer), false),
        ("another channel", span(&[("messaging.destination.name", Some("orders-dlt"))], Unset, Consumer), false),
        ("it was fetched, not processed", span(&[("messaging.operation.type", Some("receive"))], Unset, Consumer), false),
        ("it was sent", span(&[], Unset, Producer), false),
    ] {
        assert_eq!(consumed_in(&[item], &at("orders", 2, 100), Some("stock")).is_some(), consumes, "{name}");
    }
    let own = [span(&[], Unset, Consumer)];
    assert!(consumed_in(&own, &at("orders", 2, 100), None).is_none(), "nobody knows which group failed");
    // A listener that fails first and tries again in its place.
    let again = [span(&[], Error, Consumer), span(&[], Unset, Consumer)];
    assert!(consumed_in(&again, &at("orders", 2, 100), Some("stock")).is_some());
}

fn moved(channel: &str, headers: &[(&str, &[u8])], timestamp_ns: i64) -> RecordView {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), Some(value.to_vec()))).collect();
    RecordView {
        at: MessageRef { cluster: "c".into(), channel: channel.into(), place: Place::at(1, 3) },
        timestamp_ns: Some(timestamp_ns),
        received_ns: timestamp_ns + 5,
        headers,
        ..RecordView::default()
    }
}

#[test]
fn a_record_that_waits_to_be_tried_again_is_known_by_its_channel_or_its_headers() {
    let id: (&str, &[u8]) = (REPLAY_ID_HEADER, b"r-1.1");
    // Due at second 4, 6 and 4,000: 4,000, 6,000 and 4,000,000 ms.
    let (soon, later): (&[u8], &[u8]) = (&[0x0f, 0xa0], &[0x17, 0x70]);
    for (name, record, is_retry) in [
        ("by name", moved("orders-retry-0", &[id], 0), true),
        ("by name, of SmallRye", moved("delayed-retry-topic-orders-10000", &[id], 0), true),
        ("by headers", moved("again", &[id, ("retry_topic-attempts", &[0, 0, 0, 2]), (DUE_HEADER, later)], 5 * SECOND_NS), true),
        ("its time is over: it is dead", moved("graveyard", &[id, ("retry_topic-attempts", &[0, 0, 0, 4]), (DUE_HEADER, soon)], 5 * SECOND_NS), false),
        ("dead by name", moved("orders-retry-dlt", &[id, (DUE_HEADER, later)], 5 * SECOND_NS), false),
        ("an event that took the headers along", moved("shipments", &[id], 0), false),
        ("itself", moved("orders", &[id, (DUE_HEADER, later)], 0), false),
        ("another's", moved("orders-retry-0", &[(REPLAY_ID_HEADER, b"r-1.2")], 0), false),
        ("of the same trace", moved("orders-retry-0", &[], 0), false),
        ("marked again by a later replay", moved("orders-retry-0", &[id, (REPLAY_ID_HEADER, b"r-2.1")], 0), false),
    ] {
        assert_eq!(retry_of(&record, "r-1.1", "orders").is_some(), is_retry, "{name}");
    }
    let told = retry_of(&moved("orders-retry-1", &[id, ("retry_topic-attempts", &[0, 0, 0, 3]), (DUE_HEADER, later)], 5 * SECOND_NS), "r-1.1", "orders");
    // It came 5 ns after it was written.
    let right = Retry { at: at("orders-retry-1", 1, 3), next_try: Some(3), due_ns: Some(6 * SECOND_NS + 5), since_ns: 5 * SECOND_NS + 5, over_ns: None };
    assert_eq!(told, Some(right.clone()));
    // Who wrote it has another clock: it came when it came, and is due as long after that as it says.
    for behind_s in [300, -300] {
        let mut record = moved("orders-retry-1", &[id, ("retry_topic-attempts", &[0, 0, 0, 3]), (DUE_HEADER, later)], 5 * SECOND_NS);
        record.received_ns += behind_s * SECOND_NS;
        let (due_ns, since_ns) = (right.due_ns.map(|ns| ns + behind_s * SECOND_NS), right.since_ns + behind_s * SECOND_NS);
        assert_eq!(retry_of(&record, "r-1.1", "orders"), Some(Retry { due_ns, since_ns, ..right.clone() }), "{behind_s}");
    }
}

#[test]
fn who_gives_a_record_up_commits_too_so_a_retry_takes_a_proof_away() {
    let retry = |place: i64, next_try: u32| Retry {
        at: at(&format!("orders-retry-{place}"), 0, 3),
        next_try: Some(next_try),
        due_ns: None,
        since_ns: place,
        over_ns: None,
    };
    let proof = |at: At, since_ns: i64| Proof { evidence: "stock past".into(), at, since_ns, has_settled: false };
    let mut seen = Sighting::default();
    seen.proved(proof(at("orders", 2, 100), 1));
    seen.proved(proof(at("orders", 2, 100), 9));
    assert_eq!(seen.proof.as_ref().map(|proof| proof.since_ns), Some(1), "the first of a place stays");
    assert!(!seen.is_being_retried());
    seen.retried(retry(0, 2));
    assert!(seen.is_being_retried() && seen.proof.is_none());
    seen.proved(proof(at("orders-retry-0", 0, 3), 20));
    assert!(!seen.is_being_retried(), "the retry went well");
    seen.retried(retry(0, 2));
    assert!(!seen.is_being_retried(), "the same retry seen again changes nothing");
    seen.retried(retry(1, 3));
    assert!(seen.is_being_retried(), "it did not go well after all");
    seen.retried(retry(0, 2));
    assert_eq!(seen.retry.as_ref().map(|retry| retry.at.channel.as_str()), Some("orders-retry-1"), "an older one comes too late");
}

fn channels(names: &[(&str, Option<&str>)]) -> RetryChannels {
    let snapshot = snapshot_of_channels("c", names);
    let all = retry_channels(&snapshot);
    assert_eq!(RetryChannels::of(&all, "another", "orders"), RetryChannels::default());
    RetryChannels::of(&all, "c", "orders")
}

#[test]
fn the_retry_channels_of_a_channel_are_those_named_after_it() {
    let found = channels(&[
        ("orders", None),
        ("orders-retry-0", None),
        ("orders-stock-retry-1", Some("at most 9 partitions are tailed")),
        ("delayed-retry-topic-orders-10000", None),
        ("reorders-retry-0", None),
        ("orders2-retry-0", None),
        ("payments-retry-0", None),
        ("orders-dlt", None),
        ("orders-retry-dlt", None),
    ]);
    assert_eq!(found.names.iter().map(String::as_str).collect::<Vec<_>>(), ["delayed-retry-topic-orders-10000", "orders-retry-0", "orders-stock-retry-1"]);
    assert_eq!(found.unread.keys().map(String::as_str).collect::<Vec<_>>(), ["orders-stock-retry-1"]);
}

#[test]
fn what_nobody_sees_being_tried_again_settles_only_after_the_whole_chain() {
    const QUIET_NS: i64 = 3 * SECOND_NS;
    let unread = Some("at most 9 partitions are tailed");
    for (name, names, retried_s, told) in [
        ("no retries at all", vec![], None, Some(3)),
        ("retries that are read", vec![("orders-retry-0", None), ("orders-retry-1", None)], Some(14), Some(3)),
        ("it was tried again, nobody knows where", vec![], Some(14), Some(17)),
        ("retries that are not read, and it tells how long", vec![("orders-retry-0", unread)], Some(14), Some(17)),
        ("their names tell how long", vec![("orders-retry-1000", None), ("orders-retry-2000", unread)], None, Some(6)),
        ("nothing tells how long", vec![("orders-retry-0", unread)], None, None),
        ("one of them does not tell how long", vec![("orders-retry-0", unread), ("orders-retry-5000", None)], None, None),
    ] {
        let settles = settles(&channels(&names), Retried::of(retried_s.map(|s: i64| s * SECOND_NS)), QUIET_NS);
        match told {
            Some(told) => assert_eq!(settles, Settles::After(told * SECOND_NS), "{name}"),
            None => assert!(matches!(&settles, Settles::Unknown(why) if why.contains("orders-retry-0 is not read (at most 9")), "{name}: {settles:?}"),
        }
    }
    // Sent by an earlier session.
    let unknown = |names: &[(&str, Option<&str>)]| settles(&channels(names), Retried::Unknown, QUIET_NS);
    assert_eq!(unknown(&[("orders-retry-0", None)]), Settles::After(QUIET_NS), "its retries would be seen");
    assert_eq!(unknown(&[("orders-retry-1000", unread)]), Settles::After(SECOND_NS + QUIET_NS), "their name tells how long");
    assert!(matches!(unknown(&[]), Settles::Unknown(why) if why.contains("an earlier session sent it")));
}
