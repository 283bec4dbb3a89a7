//! What opens the gate before the rest, and how a run ends of which all went among the first few.

use super::*;

/// Records of the target, which are no dead letters.
fn plain(num: i64) -> AskedLetters {
    let view = |offset: i64| RecordView { at: at(TARGET, offset), timestamp_ns: Some(offset), raw_hash: RawHash(offset as u128 + 1), ..RecordView::default() };
    AskedLetters::These((0..num).map(|offset| AskedLetter::of_record(&view(offset))).collect())
}

fn asks(letters: AskedLetters) -> ReplayAsk {
    ReplayAsk { cluster: CLUSTER.into(), target: TARGET.into(), num_stored: 0, letters, plan_key: None, options: ReplayOptions::default() }
}

#[tokio::test]
async fn a_run_of_the_first_few_alone_ends_by_itself_where_no_group_reads_its_topic() {
    for letters in [plain(3), AskedLetters::These((0..3).map(asked).collect())] {
        let desk = Desk::new(World::new(3));
        desk.world.groups.lock().clear();
        let board = desk.previewed(asks(letters)).await;
        desk.start(&board, None);
        let board = desk.until_phase(is_ended).await;
        assert_eq!((ending(&board), desk.world.sent().len()), ((Ending::Finished, String::new()), 3));
        // Another run may begin.
        desk.desk.command(ReplayCommand::Dismiss);
        desk.until("nothing", |board| board.run.is_none() && board.preview.is_none() && board.refusal.is_none()).await;
    }
}

#[tokio::test]
async fn where_more_is_left_and_no_group_reads_its_topic_nothing_ends_before_the_operator_says_so() {
    let desk = Desk::new(World::new(7));
    desk.world.groups.lock().clear();
    let board = desk.previewed(asks(plain(7))).await;
    desk.start(&board, None);
    desk.until_waits_for("no group is known that reads orders").await;
    assert_eq!(desk.world.sent().len(), 5);
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    assert_eq!((ending(&board).0, desk.world.sent().len()), (Ending::Finished, 7));
}

#[tokio::test]
async fn the_operators_word_counts_also_while_one_of_the_first_few_is_on_its_way() {
    let desk = Desk::new(World::new(7));
    desk.world.groups.lock().clear();
    *desk.world.fortunes.lock() = [Fortune::Acknowledged; 4].into_iter().chain([Fortune::Late]).collect();
    let board = desk.previewed(asks(plain(7))).await;
    desk.start(&board, None);
    desk.until_waits_for("no group is known that reads orders").await;
    let board = desk.until("the late one alone", |board| board.run.as_ref().is_some_and(|run| run.counts.in_flight == 1)).await;
    desk.desk.command(ReplayCommand::Continue);
    // It was taken in, and the last of the first few is waited for all the same.
    let board = desk.until("a few looks", |now| now.version > board.version + 5).await;
    assert!(board.run.as_ref().is_some_and(|run| run.phase == RunPhase::Watching) && desk.world.sent().len() == 5, "{board:#?}");
    desk.world.is_late_let.send_replace(true);
    let board = desk.until_phase(is_ended).await;
    assert_eq!((ending(&board).0, desk.world.sent().len()), (Ending::Finished, 7));
}

#[tokio::test]
async fn a_run_of_the_first_few_alone_of_which_waiting_does_not_tell_ends_at_the_operators_word() {
    let desk = Desk::new(World { failed_group: None, ..World::new(3) });
    let board = desk.preview(0..3).await;
    desk.start(&board, None);
    let board = desk.until_waits_for("do not tell in which group").await;
    assert!(board.run.as_ref().is_some_and(|run| run.is_untellable && run.counts.waiting == 0), "{board:#?}");
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board), (Ending::Finished, String::new()));
}

#[tokio::test]
async fn a_retry_that_was_read_opens_no_gate_while_another_group_has_not_read_the_record_itself() {
    // It is tried again for a second in all, as the name says.
    let world = World { channels: vec![("orders-retry-1000".into(), None)], ..World::new(7) };
    world.group("audit", TARGET, Some(0), Some(1));
    world.group("inventory-retry-1000", "orders-retry-1000", Some(9), Some(1));
    let desk = Desk::new(world);
    let board = desk.previewed(asks(plain(7))).await;
    desk.start(&board, None);
    let board = desk.until("the first few", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    let replay_id = board.run.as_ref().expect("a run").replay_id.clone();
    for number in 1..=5 {
        desk.world.moves(&format!("{replay_id}.{number}"), "orders-retry-1000", &[("retry_topic-attempts", &[0, 0, 0, 2])]);
    }
    desk.world.read_all();
    let board = desk.until_waits_for("all tries should be over by now, but read by inventory; not yet by audit").await;
    assert_eq!((board.run.as_ref().map(|run| run.num_retried), desk.world.sent().len()), (Some(5), 5));
    desk.world.group("audit", TARGET, Some(5), Some(1));
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
}
