//! Ranges of a channel, of records that were never read before.

use switchboard_model::{REPLAY_ID_HEADER, RawHeader};

use super::*;
use crate::send::replay::{AskedRange, Preparing, RangeOf, read_plan};

const COPY: &str = "orders-copy";

fn offsets(from: i64, to: i64) -> AskedRange {
    AskedRange { channel: TARGET.into(), of: RangeOf::Offsets { partition: 0, from, to } }
}

/// Of a record at an offset the time is 1,000 ms and its offset.
fn times(from_ms: i64, to_ms: i64) -> AskedRange {
    AskedRange { channel: TARGET.into(), of: RangeOf::Times { from_ns: from_ms * 1_000_000, to_ns: to_ms * 1_000_000 } }
}

fn ask_for(target: &str, ranges: Vec<AskedRange>) -> ReplayAsk {
    ReplayAsk {
        cluster: CLUSTER.into(),
        target: target.into(),
        num_stored: 0,
        letters: AskedLetters::Ranges(ranges),
        plan_key: None,
        options: ReplayOptions::default(),
    }
}

/// The offsets that are planned.
fn planned(board: &ReplayBoard) -> Vec<i64> {
    let preview = board.preview.as_ref().unwrap_or_else(|| panic!("{:?}", board.refusal));
    preview.planned.iter().filter_map(|planned| planned.asked.letter.at.place.offset()).collect()
}

#[tokio::test]
async fn what_lies_in_a_range_now_is_planned_sent_and_known_as_any_other_record() {
    let world = World { holes: [5].into(), ..World::new(12) };
    let desk = Desk::new(world);
    let board = desk.previewed(ask_for(COPY, vec![offsets(3, 20)])).await;
    assert_eq!(planned(&board), [3, 4, 6, 7, 8, 9, 10, 11]);
    let preview = board.preview.as_ref().expect("a preview");
    let found = preview.ranges.as_ref().expect("of a range");
    assert_eq!((found.num_places, found.num_empty, found.num_outside, preview.num_stored, preview.skipped.len()), (9, 1, 0, 8, 0));
    assert_eq!(found.notes, ["orders 0 ends before offset 12: nothing lies there yet"]);
    assert!(!preview.is_of_the_dead() && preview.planned[0].asked.letter.at.channel == TARGET);
    let board = desk.send_all(&board).await;
    assert_eq!(ending(&board), (Ending::Finished, String::new()));
    assert_eq!(*desk.world.batch_limits.lock(), [Some(1 << 20)], "several together are no larger than the preview says of one");
    let keys: Vec<Vec<u8>> = desk.world.sent().into_iter().filter_map(|record| record.key).collect();
    assert_eq!(keys, [3, 4, 6, 7, 8, 9, 10, 11].map(|offset| format!("order-{offset}").into_bytes()));
    // Asked for once more, only what was not sent before is planned.
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("nothing", |board| board.run.is_none()).await;
    let board = desk.previewed(ask_for(COPY, vec![offsets(0, 11)])).await;
    assert_eq!(planned(&board), [0, 1, 2]);
    assert!(board.preview.as_ref().is_some_and(|preview| preview.skipped.len() == 8 && preview.skipped.iter().all(|skipped| skipped.reason == "sent before")));
}

#[tokio::test]
async fn a_span_of_time_has_the_records_that_bear_a_time_of_it() {
    let world = World::new(12);
    // One that came late lies among them.
    world.records.lock().get_mut(&3).expect("it lies there").timestamp_ms = Some(500);
    let desk = Desk::new(world);
    let board = desk.previewed(ask_for(COPY, vec![times(1_002, 1_005)])).await;
    assert_eq!(planned(&board), [2, 4]);
    let found = board.preview.as_ref().and_then(|preview| preview.ranges.clone()).expect("of a range");
    assert_eq!((found.num_places, found.num_outside), (3, 1));
    // Ranges may overlap, and each record goes once.
    let board = desk.previewed(ask_for(COPY, vec![times(1_002, 1_005), offsets(3, 6), offsets(5, 7)])).await;
    assert_eq!(planned(&board), [2, 4, 3, 5, 6, 7]);
    assert_eq!(board.preview.as_ref().map(|preview| preview.num_stored), Some(6));
    let board = desk.previewed(ask_for(COPY, vec![times(5_000, 6_000)])).await;
    assert!(planned(&board).is_empty(), "nobody wrote then");
}

#[tokio::test]
async fn what_a_replay_put_into_its_own_range_does_not_go_round() {
    let world = World::new(6);
    let mark = RawHeader { name: REPLAY_ID_HEADER.to_owned(), value: Some(b"r-1.2".to_vec()) };
    world.records.lock().get_mut(&4).expect("it lies there").headers.push(mark);
    let desk = Desk::new(world);
    let board = desk.previewed(ask_for(TARGET, vec![offsets(0, 5)])).await;
    assert_eq!(planned(&board), [0, 1, 2, 3, 5]);
    let skipped = board.preview.as_ref().map(|preview| preview.skipped.clone()).unwrap_or_default();
    assert!(matches!(&skipped[..], [one] if one.reason.starts_with("a replay put it there")), "{skipped:?}");
    let again = ReplayOptions { again: true, ..ReplayOptions::default() };
    let board = desk.previewed(ReplayAsk { options: again, ..ask_for(TARGET, vec![offsets(0, 5)]) }).await;
    assert_eq!(planned(&board), [0, 1, 2, 3, 4, 5], "it was asked for once more");
    let board = desk.previewed(ask_for(COPY, vec![offsets(0, 5)])).await;
    assert_eq!(planned(&board), [0, 1, 2, 3, 4, 5], "elsewhere it is new");
}

#[tokio::test]
async fn where_a_range_is_cut_is_said_and_what_one_run_does_not_send_is_left() {
    let desk = Desk::new(World { end: Some(60_000), ..World::new(3) });
    let board = desk.previewed(ask_for(COPY, vec![offsets(0, 59_999)])).await;
    let found = board.preview.as_ref().and_then(|preview| preview.ranges.clone()).expect("of a range");
    assert_eq!((planned(&board), found.num_places), (vec![0, 1, 2], 50_000));
    assert_eq!(found.notes, ["cut at 50000 places: orders 0 from offset 50000 to 59999 is left for another range"]);

    let caps = Caps { num_most: Some(2), ..Caps::default() };
    let desk = Desk::new(World { caps, ..World::new(12) });
    let board = desk.previewed(ask_for(COPY, vec![offsets(0, 11), offsets(0, 5)])).await;
    assert_eq!((planned(&board), board.preview.as_ref().map(|preview| preview.skipped.len())), (vec![0, 1], Some(10)));
}

#[tokio::test]
async fn a_range_that_makes_no_sense_is_refused_before_anything_is_read() {
    let desk = Desk::new(World::new(3));
    let elsewhere = AskedRange { channel: TARGET.into(), of: RangeOf::Offsets { partition: 4, from: 0, to: 1 } };
    for (target, range, told) in [
        (COPY, offsets(2, 1), "its last offset lies before its first"),
        (COPY, times(2, 2), "it ends before it begins"),
        (DEAD, offsets(0, 1), "is a dead-letter channel"),
        ("", offsets(0, 1), "Name the channel"),
        (COPY, elsewhere, "orders has no partition 4: it has 1, from 0 on"),
    ] {
        desk.desk.command(ReplayCommand::Preview(ask_for(target, vec![range])));
        let board = desk.until(told, |board| board.refusal.as_ref().is_some_and(|refusal| refusal.contains(told))).await;
        assert!(board.preview.is_none() && board.preparing.is_none());
    }
    assert_eq!(desk.world.num_reads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_question_what_lies_in_a_range_can_be_stopped() {
    let desk = Desk::new(World { tells_no_extents: true, ..World::new(3) });
    desk.desk.command(ReplayCommand::Preview(ask_for(COPY, vec![offsets(0, 2)])));
    let board = desk.until("the question", |board| board.preparing.is_some()).await;
    assert_eq!(board.preparing, Some(Preparing { num_read: 0, num_asked: None }), "how many there are is not known yet");
    let board = desk.until_operations("the operation", |board| board.running.len() == 1).await;
    desk.operations.cancel(board.running[0].id);
    let board = desk.until("its end", |board| board.preparing.is_none() && board.refusal.is_some()).await;
    assert!(board.refusal.as_ref().is_some_and(|refusal| refusal.contains("stopped")) && board.preview.is_none(), "{:?}", board.refusal);
}

#[tokio::test]
async fn how_many_lie_in_a_range_is_told_once_it_is_known() {
    let desk = Desk::new(World { is_mute: watch::channel(true).0, ..World::new(3) });
    desk.desk.command(ReplayCommand::Preview(ask_for(COPY, vec![offsets(0, 2)])));
    desk.until("how many", |board| board.preparing == Some(Preparing { num_read: 0, num_asked: Some(3) })).await;
}

#[tokio::test]
async fn a_partition_without_a_leader_holds_up_no_other_and_is_told() {
    let desk = Desk::new(World { leaderless: vec![2, 5], ..World::new(6) });
    let board = desk.previewed(ask_for(COPY, vec![times(1_001, 1_004)])).await;
    assert_eq!(planned(&board), [1, 2, 3]);
    let found = board.preview.as_ref().and_then(|preview| preview.ranges.clone()).expect("of a range");
    let told = |partition| format!("partition {partition} of orders is left out: it has no leader now. Ask for the range again once it can be read");
    assert_eq!((found.num_partitions_left_out, found.notes), (2, vec![told(2), told(5)]));
    let board = desk.previewed(ask_for(COPY, vec![offsets(0, 1)])).await;
    assert_eq!(planned(&board), [0, 1], "of another partition nobody is asked");
    let without = AskedRange { channel: TARGET.into(), of: RangeOf::Offsets { partition: 2, from: 0, to: 1 } };
    desk.desk.command(ReplayCommand::Preview(ask_for(COPY, vec![without])));
    let told = "partition 2 of orders cannot be read: it has no leader now. Wait until a broker leads it again";
    desk.until(told, |board| board.refusal.as_deref() == Some(told) && board.preview.is_none()).await;
}

#[tokio::test]
async fn a_plan_of_ranges_is_written_by_hand_and_saved_as_its_records() {
    let desk = Desk::new(World::new(12));
    let path = desk.folder.path().join("range.json");
    let text = r#"{"switchboard_plan":1,"from":"local","target":"orders-copy","ranges":[{"channel":"orders","partition":0,"from":2,"to":4}]}"#;
    std::fs::write(&path, text).expect("written");
    let ask = read_plan(&path).expect("a plan");
    assert_eq!(ask, ask_for(COPY, vec![offsets(2, 4)]));
    let board = desk.previewed(ask).await;
    assert_eq!(planned(&board), [2, 3, 4]);
    desk.desk.command(ReplayCommand::WritePlan { replay_id: board.preview.as_ref().expect("a preview").replay_id.clone() });
    let (_, path) = desk.until("the file", |board| board.plan_file.is_some()).await.plan_file.clone().expect("a file");
    // From here on it is of these records, whatever lies in the range later.
    let AskedLetters::These(letters) = read_plan(&path).expect("a plan").letters else { panic!("of records") };
    assert!(letters.len() == 3 && letters.iter().all(|letter| letter.planned_hash.is_some()));
}
