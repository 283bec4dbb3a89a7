//! A plan that is saved: one at a time, with what fails told, and without secrets of its records.

use super::*;
use crate::send::edit::{Change, Changes, HeaderEdit, NewBytes, NewHeader};
use crate::send::replay::read_plan;

fn asks(letters: Vec<AskedLetter>, options: ReplayOptions) -> ReplayAsk {
    ReplayAsk { cluster: CLUSTER.into(), target: TARGET.into(), letters: AskedLetters::These(letters), num_stored: 3, plan_key: None, options }
}

/// A preview of one record with its value written anew.
async fn previewed_by_hand(desk: &Desk, offset: i64, value: &str) -> String {
    let to_one = BTreeMap::from([(key(offset), vec![Change::Value(NewBytes::Text(value.to_owned()))])]);
    let options = ReplayOptions { changes: Arc::new(Changes { to_one, ..Changes::default() }), ..ReplayOptions::default() };
    let board = desk.previewed(asks(vec![asked(offset)], options)).await;
    board.preview.as_ref().expect("a preview").replay_id.clone()
}

async fn dismissed(desk: &Desk) {
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("nothing", |board| board.preview.is_none() && board.refusal.is_none()).await;
}

#[tokio::test]
async fn plans_are_saved_one_at_a_time_and_what_fails_is_told_whatever_is_previewed_by_then() {
    let desk = Desk::new(World::new(3));
    let first = previewed_by_hand(&desk, 1, "{\"order\":1}").await;
    desk.world.is_mute.send_replace(true);
    let num_reads = desk.world.num_reads.load(Ordering::Relaxed);
    desk.desk.command(ReplayCommand::WritePlan { replay_id: first.clone() });
    desk.desk.command(ReplayCommand::WritePlan { replay_id: first.clone() });
    let board = desk.until("a refusal", |board| board.refusal.is_some()).await;
    assert_eq!(board.refusal.as_deref(), Some("a plan is being saved; save this one once that is done"));
    desk.world.is_mute.send_replace(false);
    let board = desk.until("the file", |board| board.plan_file.is_some()).await;
    assert_eq!((board.plan_file.as_ref().map(|(of, _)| of), desk.world.num_reads.load(Ordering::Relaxed)), (Some(&first), num_reads + 1));
    // Once it is there another may be saved. This one finds another record where it was, and another preview stands by then.
    dismissed(&desk).await;
    let second = previewed_by_hand(&desk, 2, "{\"order\":2}").await;
    desk.world.records.lock().get_mut(&2).expect("it lies there").value = Some(b"{\"order\":3}".to_vec());
    desk.world.is_mute.send_replace(true);
    desk.desk.command(ReplayCommand::WritePlan { replay_id: second.clone() });
    dismissed(&desk).await;
    desk.world.is_mute.send_replace(false);
    let board = desk.until("a refusal", |board| board.refusal.is_some()).await;
    let told = board.refusal.clone().unwrap_or_default();
    assert!(told.starts_with(&format!("the plan of {second}, a preview before, is not saved: ")) && told.contains("is edited"), "{told}");
    assert!(board.plan_file.is_none());
}

#[tokio::test]
async fn a_plan_that_is_being_saved_when_the_session_ends_is_saved() {
    let desk = Desk::new(World::new(3));
    let replay_id = previewed_by_hand(&desk, 1, "{\"order\":1}").await;
    let num_reads = desk.world.num_reads.load(Ordering::Relaxed);
    desk.world.is_mute.send_replace(true);
    desk.desk.command(ReplayCommand::WritePlan { replay_id: replay_id.clone() });
    let world = Arc::clone(&desk.world);
    let begun = async {
        while world.num_reads.load(Ordering::Relaxed) == num_reads {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(WITHIN, begun).await.expect("it is being saved");
    let Desk { desk, folder, .. } = desk;
    let stopping = tokio::spawn(desk.stop());
    // It waits for what is read, and goes on once that comes.
    tokio::task::yield_now().await;
    assert!(!stopping.is_finished());
    world.is_mute.send_replace(false);
    stopping.await.expect("stopped");
    let plan = folder.path().join("plans").join(format!("{replay_id}.json"));
    assert!(read_plan(&plan).is_ok(), "{}", plan.display());
}

#[tokio::test]
async fn a_plan_is_not_saved_where_an_edit_puts_a_secret_of_its_record_into_another_part_and_skipped_ones_are_told_without_it() {
    let desk = Desk::new(World::new(3));
    let at = |name: &str, value: &str| {
        let to = Some(NewHeader { name: name.to_owned(), value: NewBytes::Text(value.to_owned()) });
        Change::Headers(vec![HeaderEdit::At { name: name.to_owned(), nth: 0, to }])
    };
    let options = |change: Change| {
        let to_one = BTreeMap::from([(key(1), vec![change])]);
        ReplayOptions { changes: Arc::new(Changes { to_one, ..Changes::default() }), ..ReplayOptions::default() }
    };
    let write = |board: &ReplayBoard| ReplayCommand::WritePlan { replay_id: board.preview.as_ref().expect("a preview").replay_id.clone() };
    let added = Change::Headers(vec![HeaderEdit::Add(NewHeader { name: "note".to_owned(), value: NewBytes::Text("was hunter2".to_owned()) })]);
    let board = desk.previewed(asks(vec![asked(0), asked(1)], options(added))).await;
    desk.desk.command(write(&board));
    let board = desk.until("a refusal", |board| board.refusal.is_some()).await;
    let told = board.refusal.clone().unwrap_or_default();
    assert!(told.contains("is edited: the header note would hold a secret of the value") && !told.contains("hunter2"), "{told}");
    assert!(board.plan_file.is_none() && !desk.folder.path().join("plans").exists(), "nothing is written");
    dismissed(&desk).await;
    // The header is not there, so the record is skipped; neither the reason nor the plan says what it was to become.
    let board = desk.previewed(asks(vec![asked(0), asked(1)], options(at("authorization", "s3cr3t")))).await;
    let skipped = board.preview.as_ref().expect("a preview").skipped.clone();
    assert!(matches!(&skipped[..], [one] if one.reason.contains("headers by hand: authorization becomes another: ")), "{skipped:?}");
    desk.desk.command(write(&board));
    let (_, path) = desk.until("the file", |board| board.plan_file.is_some()).await.plan_file.clone().expect("a file");
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert!(!text.contains("s3cr3t") && text.contains("authorization becomes another"), "{text}");
}
