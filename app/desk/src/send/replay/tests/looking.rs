//! What is looked at of a preview: the first, the last, and any that is chosen.

use super::*;
use crate::send::edit::{Change, Changes};
use crate::send::replay::{LookBoard, Planned, RecordPart};

/// A preview of so many, each with one field set.
async fn changed(desk: &Desk, num: i64) -> Arc<ReplayBoard> {
    let change = Change::Set { path: "parcels".parse().expect("a path"), json: "1".to_owned() };
    let changes = Arc::new(Changes { to_all: vec![change], ..Changes::default() });
    let options = ReplayOptions { changes, ..ReplayOptions::default() };
    let ask = ReplayAsk {
        cluster: CLUSTER.into(),
        target: TARGET.into(),
        letters: AskedLetters::These((0..num).map(asked).collect()),
        num_stored: num as u64,
        plan_key: None,
        options,
    };
    desk.previewed(ask).await
}

fn planned(board: &ReplayBoard, offset: usize) -> &Planned {
    &board.preview.as_ref().expect("a preview").planned[offset]
}

fn look(board: &ReplayBoard, offset: i64) -> ReplayCommand {
    ReplayCommand::Look { replay_id: board.preview.as_ref().expect("a preview").replay_id.clone(), letter: key(offset) }
}

async fn looked_at(desk: &Desk, offset: i64) -> Arc<LookBoard> {
    let is_read = |board: &ReplayBoard| board.looked_at.as_ref().is_some_and(|look| look.letter == key(offset) && look.read.is_some());
    let board = desk.until("what is looked at", is_read).await;
    board.looked_at.clone().expect("it was read")
}

#[tokio::test]
async fn the_first_and_the_last_are_shown_of_any_number_and_any_other_once_it_is_chosen() {
    let desk = Desk::new(World::new(450));
    let board = changed(&desk, 450).await;
    let preview = board.preview.as_ref().expect("a preview");
    let shown: Vec<usize> = (0..450).filter(|place| preview.planned[*place].shown.is_some()).collect();
    assert_eq!((preview.planned.len(), shown.len(), shown.last()), (450, 201, Some(&449)));
    let last = planned(&board, 449).shown.as_ref().expect("the last");
    assert!(last.value.as_deref().is_some_and(|value| value.starts_with(b"{\"order\":449,")), "{last:?}");
    assert!(board.shown(planned(&board, 300)).is_none(), "nobody looked at it yet");

    desk.desk.command(look(&board, 300));
    let found = looked_at(&desk, 300).await;
    let record = found.read.clone().expect("read").expect("as it was previewed");
    let text = String::from_utf8(record.value.clone().expect("a value")).expect("text");
    assert!(text.starts_with("{\"order\":300,") && text.ends_with(",\"parcels\":1}") && !text.contains("hunter2"), "{text}");
    assert!(record.redacted && matches!(&record.changed[..], [(RecordPart::Value, _)]), "{record:?}");
    let board = desk.desk.board();
    assert_eq!(board.shown(planned(&board, 300)), Some(Ok(&record)));
    assert!(board.shown(planned(&board, 301)).is_none() && desk.world.sent().is_empty());
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("nothing", |board| board.preview.is_none() && board.looked_at.is_none()).await;
}

#[tokio::test]
async fn of_several_only_the_last_that_is_chosen_is_told_and_why_one_cannot_be() {
    let desk = Desk::new(World::new(300));
    let board = changed(&desk, 300).await;
    for offset in [250, 251, 252] {
        desk.desk.command(look(&board, offset));
    }
    assert!(looked_at(&desk, 252).await.read.as_ref().is_some_and(Result::is_ok));
    let other = desk.world.records.lock()[&1].clone();
    desk.world.records.lock().insert(260, OriginalRecord { seen: SeenRecord { at: at(DEAD, 260), raw_hash: RawHash(261) }, ..other });
    desk.desk.command(look(&board, 260));
    let told = looked_at(&desk, 260).await.read.clone().expect("read").expect_err("another record");
    assert!(told.starts_with("changed: its bytes are not those of the preview"), "{told}");
    desk.world.records.lock().remove(&261);
    desk.desk.command(look(&board, 261));
    let told = looked_at(&desk, 261).await.read.clone().expect("read").expect_err("it is gone");
    assert!(told.starts_with("expired"), "{told}");
    desk.desk.command(ReplayCommand::Look { replay_id: "r-gone".into(), letter: key(262) });
    let told = looked_at(&desk, 262).await.read.clone().expect("read").expect_err("another preview");
    assert!(told.starts_with("the preview is gone"), "{told}");
    let board = desk.desk.board();
    assert!(board.shown(planned(&board, 262)).is_none() && board.refusal.is_none());
}

#[tokio::test]
async fn a_change_far_inside_a_long_value_is_told_where_it_is() {
    let world = World::new(1);
    let long = |parcels: u8| format!("{{\"note\":\"{}\",\"parcels\":{parcels}}}", "x".repeat(200_000));
    if let Some(record) = world.records.lock().get_mut(&0) {
        record.value = Some(long(0).into_bytes());
    }
    let desk = Desk::new(world);
    let board = changed(&desk, 1).await;
    let shown = planned(&board, 0).shown.clone().expect("shown");
    assert_eq!((shown.value.as_ref().map(Vec::len), shown.value_size_bytes), (Some(64 << 10), long(1).len()));
    let [(RecordPart::Value, changed)] = &shown.changed[..] else { panic!("the value alone: {:?}", shown.changed) };
    let told: Vec<[&str; 2]> = changed.places.iter().map(|place| [place.was.text.as_str(), place.now.text.as_str()]).collect();
    assert_eq!(told, [["0", "1"]]);
}

#[tokio::test]
async fn what_becomes_of_the_order_of_each_key_is_told_of_what_would_be_sent() {
    let world = World::new(12);
    for (offset, record) in world.records.lock().iter_mut() {
        record.key = Some(format!("customer-{}", offset % 5).into_bytes());
    }
    world.records.lock().remove(&11);
    let desk = Desk::new(world);
    let board = desk.preview(0..12).await;
    let order = &board.preview.as_ref().expect("a preview").key_order;
    // Eleven of five keys, of which one has three; each tells where it lay.
    assert_eq!((order.num_keys, order.num_kept, order.num_with_gaps, order.num_unread), (5, 5, 0, 1), "{order:?}");
    assert!(order.divided_otherwise.is_empty(), "{order:?}");
}
