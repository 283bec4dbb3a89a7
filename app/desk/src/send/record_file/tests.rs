use proptest::prelude::*;
use switchboard_model::{MessageRef, OriginalRecord, Place, RawHash, RawHeader, Redactor, SeenRecord, TimestampType, ToldPlace};

use super::file::{FILE_RECORDS_MAX, FileMistake, RecordFile, records_of};
use super::line::write;
use crate::ledger::{ClusterIds, HashKey, KindHash, Ledger};
use crate::send::testing::original;

/// A key as the ledger has one.
fn hash_key(folder: &tempfile::TempDir) -> HashKey {
    Ledger::open(&folder.path().join("ledger.sqlite")).expect("a ledger").hash_key().clone()
}

fn record(topic: &str, offset: i64, value: &[u8]) -> OriginalRecord {
    let at = MessageRef { cluster: "lab".into(), channel: topic.into(), place: Place::at(2, offset) };
    let (seen, key) = (SeenRecord { at, raw_hash: RawHash::UNKNOWN }, Some(b"k".to_vec()));
    OriginalRecord { seen, key, timestamp_ms: Some(1_790_000_000_000), timestamp_type: TimestampType::Create, ..original(value, &[]) }
}

fn read(folder: &tempfile::TempDir, text: &str, known: &ClusterIds) -> Result<RecordFile, String> {
    let path = folder.path().join("records.jsonl");
    std::fs::write(&path, text).expect("written");
    RecordFile::read(&path, known, &hash_key(folder))
}

fn lab() -> ClusterIds {
    ClusterIds::from([("lab".to_owned(), "lkc-1".to_owned())])
}

#[test]
fn a_line_is_written_as_it_is_documented_and_read_as_it_was() {
    let header = |name: &str, value: Option<&[u8]>| RawHeader { name: name.into(), value: value.map(<[u8]>::to_vec) };
    let headers = vec![header("a", Some(b"1")), header("a", None), header("b", Some(b"\xff"))];
    let line = write(&OriginalRecord { headers, ..record("orders", 7, b"{\"n\":1}") }, "lkc-1").expect("written");
    assert_eq!(
        line,
        r#"{"cluster":"lkc-1","topic":"orders","partition":2,"offset":7,"timestamp_ms":1790000000000,"timestamp_type":"create","key":{"text":"k"},"value":{"text":"{\"n\":1}"},"headers":[{"name":"a","value":{"text":"1"}},{"name":"a","value":"null"},{"name":"b","value":{"hex":"ff"}}]}"#
    );
}

#[test]
fn what_is_no_record_says_in_which_line_and_nothing_of_what_stands_there() {
    const SECRET: &str = "hunter2Zq7";
    for (line, why) in [
        ("{\"topic\":\"orders\"}", "missing field `value`"),
        ("{\"topic\":\"orders\",\"value\":\"hunter2Zq7\"}", "bytes are written as {\"text\": \"…\"}"),
        ("{\"topic\":\"orders\",\"value\":{\"hunter2Zq7\":\"x\"}}", "bytes are written as {\"text\": \"…\"}"),
        ("{\"topic\":\"orders\",\"value\":null}", "bytes are written as {\"text\": \"…\"}"),
        ("{\"topic\":\"orders\",\"value\":{\"hex\":\"hunter2Zq7\"}}", "the value is written as hex, and is no hexadecimal digits"),
        ("{\"topic\":\"orders\",\"offset\":\"hunter2Zq7\",\"value\":\"null\"}", "something else than expected: i64"),
        ("{\"topic\":\"orders\",\"offset\":\"a, expected hunter2Zq7\",\"value\":\"null\"}", "something else than expected: i64"),
        ("{\"topic\":\"orders\",\"value\":\"null\",\"a, expected hunter2Zq7\":1}", "it has a part that no record has; a record has one of `cluster`"),
        ("{\"topic\":\"orders\",\"value\":\"null\",\"hunter2Zq7\":1}", "it has a part that no record has; a record has one of `cluster`"),
        ("{\"topic\":\"\",\"value\":\"null\"}", "`topic` is empty"),
        ("{\"topic\":\"orders\",\"partition\":-1,\"value\":\"null\"}", "partitions begin with 0"),
        ("{\"topic\":\"orders\",\"timestamp_ms\":9223372036854775807,\"value\":\"null\"}", "is no time in ms"),
        ("{\"topic\":\"orders\",\"tstype\":\"create\",\"ts\":1,\"key\":null,\"headers\":[\"a\"],\"payload\":\"x\"}", "a name without a value"),
        ("{\"topic\":\"orders\",\"tstype\":\"create\",\"ts\":1,\"key\":null}", "missing field `payload`"),
        ("hunter2Zq7", "expected value"),
    ] {
        let text = format!("{{\"topic\":\"orders\",\"value\":\"null\"}}\n\n{line}\n");
        let mistake = records_of(text.as_bytes()).expect_err(line);
        let told = mistake.to_string();
        assert!(told.starts_with("line 3: ") && !told.contains(SECRET), "{told}");
        // What is expected, or else that nothing was.
        assert!(told.contains(why) || (why == "expected value" && told.contains("bytes are written")), "{line}: {told}");
    }
    assert!(
        matches!(records_of(b"{\"topic\":\"o\",\"value\":{\"text\":\"\xff\"}}"), Err(FileMistake::Line { line: 1, reason }) if reason.contains("no UTF-8 from byte 31"))
    );
    assert_eq!(records_of(b" \n\r\n"), Err(FileMistake::Empty));
    let many = "{\"topic\":\"o\",\"value\":\"null\"}\n".repeat(FILE_RECORDS_MAX + 1);
    assert_eq!(records_of(many.as_bytes()), Err(FileMistake::TooMany));
}

#[test]
fn a_line_of_kcat_is_a_record() {
    let text =
        r#"{"topic":"orders","partition":1,"offset":9,"tstype":"logappend","ts":17,"broker":1,"headers":["a","1","a",null],"key":null,"payload":"{\"n\":1}"}"#;
    let [record] = &records_of(text.as_bytes()).expect("read")[..] else { panic!("one") };
    let header = |value: Option<&[u8]>| RawHeader { name: "a".into(), value: value.map(<[u8]>::to_vec) };
    assert_eq!((record.partition, record.offset, record.timestamp_ms, record.timestamp_type), (Some(1), Some(9), Some(17), TimestampType::LogAppend));
    assert_eq!((&record.key, record.value.as_deref(), &record.headers), (&None, Some(&b"{\"n\":1}"[..]), &vec![header(Some(b"1")), header(None)]));
}

#[test]
fn a_record_is_known_by_where_it_lay_and_one_that_does_not_tell_by_what_it_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let exported = write(&record("orders", 7, b"x"), "lkc-1").expect("written");
    let by_hand = "{\"topic\":\"orders\",\"value\":{\"text\":\"y\"}}";
    let elsewhere = write(&record("orders", 7, b"x"), "lkc-9").expect("written");
    let placed = "{\"topic\":\"orders\",\"partition\":1,\"offset\":4,\"value\":{\"text\":\"y\"}}";
    let text = [exported.as_str(), by_hand, by_hand, &elsewhere, placed, &exported].join("\n");
    let file = read(&folder, &text, &lab()).expect("read");
    assert_eq!((file.num_records(), file.num_twice()), (5, 1), "the same place twice is the same record");
    let redactor = Redactor::new([7; 16], &[]);
    let letters = file.letters(&redactor, &|_, _| false);
    let clusters: Vec<&str> = letters.iter().map(|asked| asked.letter.at.cluster.as_str()).collect();
    assert_eq!(clusters, ["lab", "a file", "a file", "cluster lkc-9", "a file"]);
    assert_eq!((letters[0].letter.at.place.clone(), letters[0].letter.timestamp_ns), (Place::at(2, 7), Some(1_790_000_000_000_000_000)));
    let places: std::collections::BTreeSet<&Place> = letters.iter().map(|asked| &asked.letter.at.place).collect();
    assert_eq!(places.len(), 4, "each is known apart, on its cluster");
    assert_eq!(
        (letters[1].origin_place.clone(), letters[4].origin_place.clone()),
        (None, ToldPlace::of(Some(1), Some(4))),
        "it goes where it says that it lay"
    );
    // The same file again, read by another name of its cluster: the same records.
    let again = read(&folder, &text, &ClusterIds::new()).expect("read").letters(&redactor, &|_, _| false);
    assert_eq!(again[1..].iter().map(|asked| &asked.letter).collect::<Vec<_>>(), letters[1..].iter().map(|asked| &asked.letter).collect::<Vec<_>>());
    assert_eq!(again[0].letter.at.cluster, "cluster lkc-1");
    let other = write(&record("orders", 7, b"z"), "lkc-1").expect("written");
    let told = read(&folder, &[exported, other].join("\n"), &lab()).expect_err("two records at one place");
    assert!(told.contains("line 2: it says to lie at orders 2@7, where line 1 has another record. Mend the line"), "{told}");
}

#[test]
fn a_dead_letter_is_known_by_its_topic_or_its_headers() {
    let folder = tempfile::tempdir().expect("a folder");
    let header = |name: &str, value: &[u8]| RawHeader { name: name.into(), value: Some(value.to_vec()) };
    let headers = vec![
        header("kafka_dlt-original-topic", b"orders"),
        header("kafka_dlt-original-partition", &3_i32.to_be_bytes()),
        header("kafka_dlt-original-offset", &40_i64.to_be_bytes()),
        header("kafka_dlt-original-consumer-group", b"inventory"),
        header("kafka_dlt-exception-fqcn", b"java.lang.NullPointerException"),
        header("kafka_dlt-exception-message", b"shipTo is null"),
        header("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    let dead = write(&OriginalRecord { headers, ..record("orders-dlt", 7, b"x") }, "lkc-1").expect("written");
    let text = [dead, write(&record("rejected", 1, b"x"), "lkc-1").expect("written"), write(&record("orders", 1, b"x"), "lkc-1").expect("written")].join("\n");
    let is_for_the_dead = |cluster: &str, channel: &str| cluster == "lab" && (channel == "orders-dlt" || channel == "rejected");
    let letters = read(&folder, &text, &lab()).expect("read").letters(&Redactor::new([7; 16], &[]), &is_for_the_dead);
    assert_eq!(letters.iter().map(|asked| asked.is_dead).collect::<Vec<_>>(), [true, true, false]);
    let first = &letters[0];
    assert_eq!((first.origin.as_deref(), first.failed_group.as_deref()), (Some("orders"), Some("inventory")));
    assert_eq!(
        (first.origin_place.clone(), first.trace_id.map(|id| id.0)),
        (ToldPlace::of(Some(3), Some(40)), Some(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736))
    );
    assert!(first.kind != KindHash::default() && letters[2].kind == KindHash::default());
}

#[test]
fn what_cannot_be_read_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = hash_key(&folder);
    let read = |path: &std::path::Path| RecordFile::read(path, &lab(), &key).expect_err("no file of records");
    let told = read(&folder.path().join("none.jsonl"));
    assert!(told.contains("none.jsonl cannot be read") && told.contains("Name a file"), "{told}");
    assert!(read(folder.path()).contains("is no file"));
    let empty = folder.path().join("empty.jsonl");
    std::fs::write(&empty, "\n").expect("written");
    assert!(read(&empty).contains("it holds no record: write one a line, or export some in Messages"));
    let long = folder.path().join("long.jsonl");
    std::fs::File::create(&long).and_then(|file| file.set_len((64 << 20) + 1)).expect("made");
    assert!(read(&long).contains("is longer than 64 MiB. Split it"));
}

fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Vec::new())),
        3 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
        3 => "(?s).{0,30}".prop_map(|text| Some(text.into_bytes())),
    ]
}

proptest! {
    #[test]
    fn whatever_a_record_holds_it_is_the_same_in_a_file(
        (key, value) in (bytes(), bytes()),
        headers in prop::collection::vec(("(?s).{0,6}", bytes()), 0..6),
        (partition, offset) in (0..i32::MAX, 0..i64::MAX),
        (timestamp_ms, kind) in (prop::option::of(0..9_000_000_000_000_i64), 0..3_u8),
        (topic, cluster_id) in ("[a-z]{1,5}", "(?s).{1,9}"),
    ) {
        let timestamp_type = [TimestampType::Unknown, TimestampType::Create, TimestampType::LogAppend][usize::from(kind)];
        let headers = headers.into_iter().map(|(name, value)| RawHeader { name, value }).collect();
        let at = MessageRef { cluster: "lab".into(), channel: topic.clone(), place: Place::at(partition, offset) };
        let original = OriginalRecord { seen: SeenRecord { at, raw_hash: RawHash::UNKNOWN }, key, value, headers, timestamp_ms, timestamp_type };
        let line = write(&original, &cluster_id).expect("written");
        prop_assert!(!line.contains('\n'));
        let read = records_of(line.as_bytes()).expect("read").pop().expect("one");
        prop_assert_eq!((read.cluster_id, read.topic, read.partition, read.offset), (Some(cluster_id), topic, Some(partition), Some(offset)));
        prop_assert_eq!((read.timestamp_ms, read.timestamp_type), (original.timestamp_ms, original.timestamp_type));
        prop_assert_eq!((read.key, read.value, read.headers), (original.key, original.value, original.headers));
    }
}
