//! The filter of records beside a look at every record.

use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use switchboard_model::RecordBatch;

use super::find::{Record, record_batch};
use crate::queries::RecordScan;
use crate::store::Store;
use crate::view::{ChannelKey, RecordMatches, RowId};

fn matches(store: &Store, text: &str, after: Option<RowId>, limit: usize) -> RecordMatches {
    let channel = ChannelKey { cluster: None, name: "orders".to_owned() };
    let scan = RecordScan { records: store.records.held(), channel, text: text.to_owned(), after, limit };
    scan.run(&AtomicBool::new(false)).expect("nobody cancels it")
}

/// Offsets of all that match, asked for piece by piece, and how many were looked at.
fn all_matches(store: &Store, text: &str, limit: usize) -> (Vec<i64>, u64) {
    let (mut offsets, mut looked_at, mut after) = (Vec::new(), 0, None);
    loop {
        let found = matches(store, text, after, limit);
        offsets.extend(found.rows.iter().map(|line| line.place.offset().expect("an offset")));
        looked_at += found.looked_at;
        if !found.has_more {
            return (offsets, looked_at);
        }
        after = found.up_to;
    }
}

fn stored(batches: &[RecordBatch]) -> Store {
    let mut store = Store::new(64 << 20);
    for batch in batches {
        store.insert_records(batch, &[], &mut Vec::new());
    }
    store
}

fn order(offset: i64, key: &str) -> Record {
    Record {
        offset,
        key: Some(key.as_bytes().to_vec()),
        value: Some(format!("{{\"order_id\":\"{key}\",\"amount\":{}}}", offset * 3 + 1_000_000).into_bytes()),
        ..Record::default()
    }
}

#[test]
fn a_key_is_found_wherever_it_stands_among_many() {
    // One cluster's worth of a busy topic: more than one question about contents may ask for.
    let records: Vec<Record> = (0..5_070).map(|number| order(number, &(4_000 + number).to_string())).collect();
    let store = stored(&[record_batch(&records)]);
    for key in [4_000, 5_001, 7_341, 7_999, 9_069] {
        let (found, looked_at) = all_matches(&store, &key.to_string(), 10_000);
        assert!(found.contains(&(key - 4_000)), "{key}: {found:?}");
        assert_eq!(looked_at, 5_070);
    }
    // Every one is looked at by itself, whatever the piece.
    for record in records.iter().step_by(97) {
        let key = String::from_utf8(record.key.clone().expect("a key")).expect("text");
        assert!(all_matches(&store, &format!("order_id\":\"{key}"), 3).0 == [record.offset], "{key}");
    }
}

#[test]
fn what_is_on_screen_is_found() {
    let with = |offset: i64, key: Option<&[u8]>, value: Option<&[u8]>| Record {
        offset,
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        ..Record::default()
    };
    let uuid = 0xf81d_4fae_7dec_11d0_a765_00a0_c91e_6bf6_u128.to_be_bytes();
    let mut headed = with(6, Some(b"h"), Some(b"v"));
    headed.headers =
        vec![("ce_Type".to_owned(), Some(b"OrderPlaced".to_vec())), ("retries".to_owned(), Some(4711_i32.to_be_bytes().to_vec())), ("gone".to_owned(), None)];
    let store = stored(&[record_batch(&[
        with(0, Some(&7_341_i64.to_be_bytes()), Some(b"long")),
        with(1, Some(&(-7_341_i32).to_be_bytes()), Some(b"int")),
        with(2, Some(&uuid), Some(b"uuid")),
        with(3, Some(b"k"), Some(b"{\n  \"ship to\": \n  null\n}")),
        with(4, None, Some("Zürich".as_bytes())),
        with(5, Some(b"k"), Some(&[0, 1, 0xfe, b'A', b'v', b'r', b'o'])),
        headed,
    ])]);
    for (text, offsets) in [
        ("7341", vec![0, 1]),
        ("-7341", vec![1]),
        ("734", vec![0, 1]),
        ("F81D4FAE-7DEC", vec![2]),
        ("\"ship to\": null", vec![3]),
        ("ZÜRICH", vec![4]),
        ("null", vec![3, 4]),
        ("avro", vec![5]),
        ("0001fe", vec![5]),
        ("01FE4", vec![5]),
        ("ce_type", vec![6]),
        ("orderplaced", vec![6]),
        ("4711", vec![6]),
        ("0@2", vec![2]),
        (" p0@2 ", vec![2]),
        ("orders@0@2", vec![2]),
        ("orders 0@2", vec![2]),
        ("parcels@0@2", vec![]),
        ("1@2", vec![]),
        ("nothing like it", vec![]),
        ("  ", vec![]),
    ] {
        assert_eq!(all_matches(&store, text, 100).0, offsets, "{text}");
    }
    let elsewhere = ChannelKey { cluster: None, name: "parcels".to_owned() };
    let scan = RecordScan { records: store.records.held(), channel: elsewhere, text: "7341".to_owned(), after: None, limit: 10 };
    assert_eq!(scan.run(&AtomicBool::new(false)), Some(RecordMatches::default()));
    assert_eq!(RecordScan { channel: ChannelKey { cluster: None, name: "orders".to_owned() }, ..scan }.run(&AtomicBool::new(true)), None, "cancelled");
}

#[test]
fn what_a_look_could_not_see_is_counted_among_those_that_do_not_match() {
    let mut batch = record_batch(&[order(0, "a"), order(1, "b"), order(2, "c"), order(3, "needle")]);
    (batch.records[0].truncated, batch.records[1].redacted, batch.records[3].truncated) = (true, true, true);
    let binary = record_batch(&[Record { offset: 4, key: None, value: Some(vec![0; 5]), ..Record::default() }]);
    let store = stored(&[batch, binary]);
    let found = matches(&store, "needle", None, 10);
    assert_eq!((found.rows.len(), found.looked_at, found.num_cut, found.num_redacted, found.num_binary, found.has_more), (1, 5, 1, 1, 1, false));
    let rest = matches(&store, "needle", found.up_to, 10);
    assert_eq!(rest, RecordMatches::default(), "nothing came since");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_a_look_at_every_record_finds(
        parts in proptest::collection::vec(("[abAB]{0,4}", proptest::option::of("[abAB {}]{0,12}"), "[abAB]{0,3}"), 1..200),
        needle in "[abAB]{1,3}",
        limit in 1..40_usize,
        is_small in any::<bool>(),
    ) {
        let records: Vec<Record> = parts.iter().enumerate().map(|(offset, (key, value, header))| Record {
            offset: offset as i64,
            key: Some(key.clone().into_bytes()),
            value: value.clone().map(String::into_bytes),
            headers: vec![("h".to_owned(), Some(header.clone().into_bytes()))],
        }).collect();
        let mut store = Store::new(if is_small { 192 << 10 } else { 8 << 20 });
        for some in records.chunks(40) {
            store.insert_records(&record_batch(some), &[], &mut Vec::new());
        }
        let kept = records.len() - store.records.num_rows() as usize;
        let has = |text: &[u8]| String::from_utf8_lossy(text).to_lowercase().contains(&needle.to_lowercase());
        let expected: Vec<i64> = records[kept..].iter().filter(|record| {
            [&record.key, &record.value, &record.headers[0].1].into_iter().flatten().any(|bytes| has(bytes))
        }).map(|record| record.offset).collect();
        prop_assert_eq!(all_matches(&store, &needle, limit), (expected, store.records.num_rows()));
    }
}
