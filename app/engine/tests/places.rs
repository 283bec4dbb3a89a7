//! Messages whose places are opaque bytes, or that have none, from a batch to every answer that tells where a message lies.

mod batches;

use std::collections::HashSet;

use batches::{Record, apply, assert_conserved, engine, intake, pairs, records};
use switchboard_engine::Engine;
use switchboard_engine::view::{Answer, ChannelKey, ConversationItem, FindHit, PointQuery, Query, RecordLine, RecordView, ScanQuery};
use switchboard_model::{Batch, CorrelationId, MAX_PLACE_BYTES, Place, PlaceRow};

macro_rules! ask {
    ($engine:expr, $query:expr, $answer:ident) => {
        match $engine.query(&$query) {
            Answer::$answer(answer) => answer,
            other => panic!("another answer: {other:?}"),
        }
    };
}

fn opaque(bytes: &[u8]) -> Place {
    Place::Opaque(bytes.to_vec())
}

/// Records of `orders` that bear one id, at these places. They hold the same, but for the place.
fn batch(received_ms: i64, places: &[Place]) -> Batch {
    let headers = pairs(&[("type", "Placed")]);
    let record = Record { topic: "orders", partition: 0, offset: 0, trace: Some((7, 1)), correlation: Some("order-4711"), headers };
    let Batch::Records(mut batch) = records(received_ms, &vec![record; places.len()]) else { unreachable!("records were made") };
    for (row, place) in batch.records.iter_mut().zip(places) {
        row.place = match place {
            Place::Offset { partition, offset } => PlaceRow::Offset { partition: *partition, offset: *offset },
            Place::Opaque(bytes) => PlaceRow::Opaque(batch.text.push(bytes)),
            Place::None => PlaceRow::None,
        };
    }
    Batch::Records(batch)
}

fn orders() -> ChannelKey {
    ChannelKey { cluster: None, name: "orders".to_owned() }
}

fn lines(engine: &mut Engine) -> Vec<RecordLine> {
    ask!(engine, Query::Point(PointQuery::Records { channel: orders(), after: None, limit: 100 }), Records).rows
}

fn places(engine: &mut Engine) -> Vec<Place> {
    lines(engine).into_iter().map(|line| line.place).collect()
}

fn details(engine: &mut Engine) -> Vec<RecordView> {
    let rows = lines(engine).iter().map(|line| line.row).collect();
    ask!(engine, Query::Point(PointQuery::RecordDetails { rows }), RecordDetails).into_iter().map(|view| view.expect("stored")).collect()
}

/// The records that a text finds: where they lie, and what was found.
fn found(engine: &mut Engine, text: &str) -> Vec<(Place, String)> {
    let told = |hit| match hit {
        FindHit::Record { place, field, excerpt, .. } => Some((place, format!("{field} {excerpt}"))),
        FindHit::Span { .. } | FindHit::Log { .. } => None,
    };
    ask!(engine, Query::Scan(ScanQuery::Find { text: text.to_owned(), limit: 100 }), Found).hits.into_iter().filter_map(told).collect()
}

#[test]
fn an_opaque_place_and_none_come_through_to_every_answer() {
    let mut engine = engine();
    let told = [opaque(&[0x0a, 0x7f]), Place::None, Place::at(2, 100), opaque(&[0x0a]), Place::None];
    apply(&mut engine, &[batch(10, &told)]);
    assert_eq!(places(&mut engine), told);
    for (view, place) in details(&mut engine).iter().zip(&told) {
        assert_eq!((&view.place, view.channel.as_str(), view.trace_id.map(|id| id.0), view.headers.len()), (place, "orders", Some(7), 1));
    }
    for (text, place) in [("0x0a7f", &told[0]), ("orders@0x0a7f", &told[0]), ("ORDERS 0x0A", &told[3]), ("p2@100", &told[2])] {
        assert_eq!(found(&mut engine, text), [(place.clone(), format!("lies at {place}"))], "{text}");
    }
    assert!(found(&mut engine, "0x0b").is_empty() && found(&mut engine, "audit 0x0a").is_empty() && found(&mut engine, "0@0").is_empty());
    let filter = Query::Scan(ScanQuery::RecordMatches { channel: orders(), text: "0x0a7f".to_owned(), after: None, limit: 100 });
    let matches = ask!(engine, filter, RecordMatches);
    assert_eq!(matches.rows.iter().map(|line| &line.place).collect::<Vec<_>>(), [&told[0]]);
    let conversation = ask!(engine, Query::Point(PointQuery::Conversation { id: CorrelationId::Text("order-4711".to_owned()), limit: 100 }), Conversation);
    let of_record = |item| match item {
        ConversationItem::Record(record) => Some(record.place),
        ConversationItem::Span(_) | ConversationItem::Log(_) => None,
    };
    let (mut in_it, mut expected): (Vec<Place>, Vec<Place>) = (conversation.into_iter().filter_map(of_record).collect(), told.to_vec());
    in_it.sort();
    expected.sort();
    assert_eq!(in_it, expected);
}

#[test]
fn the_same_opaque_place_twice_is_a_duplicate_and_no_place_twice_is_two() {
    let mut engine = engine();
    let batches =
        [batch(10, &[opaque(&[1]), opaque(&[2]), Place::None, Place::at(0, 1)]), batch(20, &[opaque(&[2]), Place::None, Place::at(0, 1), opaque(&[3])])];
    apply(&mut engine, &batches);
    assert_eq!(places(&mut engine), [opaque(&[1]), opaque(&[2]), Place::None, Place::at(0, 1), Place::None, opaque(&[3])]);
    assert_conserved(&mut engine, &batches);
    let counts = &engine.report(&intake(&batches)).sources[0].counts;
    assert_eq!((counts.stored, counts.duplicate, counts.truncated), (6, 2, 0));
}

#[test]
fn a_hostile_place_is_not_kept_and_told_as_cut() {
    let mut engine = engine();
    let (most, hostile) = (Place::Opaque(vec![5; MAX_PLACE_BYTES]), Place::Opaque(vec![5; 64 << 10]));
    let batches = [batch(10, &[most.clone(), hostile])];
    apply(&mut engine, &batches);
    let views: Vec<(Place, bool)> = details(&mut engine).into_iter().map(|view| (view.place, view.truncated)).collect();
    assert_eq!(views, [(most.clone(), false), (Place::None, true)]);
    let counts = &engine.report(&intake(&batches)).sources[0].counts;
    assert_eq!((counts.stored, counts.truncated), (2, 1));
    // As long as it is, it is found by what is printed of it.
    let found: HashSet<Place> = found(&mut engine, &most.to_string()).into_iter().map(|(place, _)| place).collect();
    assert_eq!(found, HashSet::from([most]));
}
