//! What becomes of letters that were sent, and what that lets the rest do.

use super::*;

#[tokio::test]
async fn a_few_go_first_and_the_rest_only_once_those_were_read() {
    let desk = Desk::new(World::new(12));
    let board = desk.preview(0..12).await;
    let preview = board.preview.as_ref().expect("a preview");
    assert_eq!((preview.planned.len(), preview.skipped.len()), (12, 0));
    assert_eq!(preview.readers.groups[0].group, GROUP);
    assert!(preview.readers.groups[0].has_failed);
    let shown = preview.planned[3].shown.as_ref().expect("shown");
    assert!(shown.redacted && !String::from_utf8_lossy(shown.value.as_deref().unwrap_or_default()).contains("hunter2"), "{shown:?}");
    assert!(desk.world.sent().is_empty(), "a preview sends nothing");

    desk.start(&board, None);
    desk.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    desk.desk.command(ReplayCommand::Continue);
    // Told to go on too early: they wait all the same, until the first were read.
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("refusal", |board| board.refusal.as_ref().is_some_and(|reason| reason.contains("going on"))).await;
    desk.until_phase(|phase| *phase == RunPhase::Watching).await;
    assert_eq!(desk.world.sent().len(), 5);
    desk.world.read_all();
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board), (Ending::Finished, String::new()));
    let run = board.run.as_ref().expect("a run");
    assert_eq!((run.counts.persisted, run.counts.sum(), run.canary.len()), (12, 12, 5));

    // The same bytes, but for the declared headers.
    let sent = desk.world.sent();
    let records = desk.world.records.lock().clone();
    for (place, (record, original)) in sent.iter().zip(records.values()).enumerate() {
        assert_eq!((&record.key, &record.value, &record.route), (&original.key, &original.value, &Route::Partition(0)));
        let names: Vec<&str> = record.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(names, ["traceparent", REPLAY_ID_HEADER, SOURCE_HEADER, REPLAY_COUNT_HEADER]);
        assert_eq!(record.headers[0], original.headers[0]);
        assert_eq!(record.headers[1].value.as_deref(), Some(format!("{}.{}", run.replay_id, place + 1).as_bytes()));
        assert_eq!(format!("{:032x}", desk.ledger().hash_key().hash(record).0), desk.ledger().lines(100).await.expect("lines")[place].hash);
    }
    desk.world.read_all();
    desk.until("consumed", |board| (0..12).all(|offset| *board.state(&key(offset)) == LetterState::Consumed)).await;
    assert!(desk.ledger().letters().values().all(|record| record.state == LetterState::Consumed));
}

#[tokio::test]
async fn one_of_the_first_that_comes_back_dead_stops_the_run() {
    let desk = Desk::new(World::new(12));
    let board = desk.preview(0..12).await;
    desk.start(&board, None);
    let board = desk.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    let replay_id = board.run.as_ref().expect("a run").replay_id.clone();
    // It is read, as every dead letter was, and then given up again.
    desk.world.read_all();
    desk.world.dies_again(&format!("{replay_id}.3"));
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    let (ending, reason) = ending(&board);
    // Depending on what was seen first, the pause after the reading or the run itself ends it; never more than the first go.
    assert_eq!(ending, Ending::Halted, "{reason}");
    assert!(reason.contains("0@2 came back dead"), "{reason}");
    assert_eq!(board.state(&key(2)), &LetterState::DeadAgain);
    assert!(desk.world.sent().len() < 12, "the rest stays");
    assert!(board.state(&key(11)).is_open());
}

#[tokio::test]
async fn that_others_read_it_says_nothing_while_the_group_that_failed_is_stopped() {
    let world = World::new(12);
    world.group(GROUP, TARGET, Some(0), Some(0));
    world.group("mail", TARGET, Some(12), Some(1));
    let desk = Desk::new(world);
    let _replay_id = desk.send_first().await;
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_waits_for("inventory has no members").await;
    let run = board.run.as_ref().expect("a run");
    assert_eq!((run.num_consumed, run.others.iter().map(String::as_str).collect::<Vec<_>>()), (0, vec!["mail"]));
    // Somebody sets its offsets to the end while it is stopped: nobody has read anything.
    desk.world.group(GROUP, TARGET, Some(12), Some(0));
    let board = desk.until_waits_for("nobody was in it since").await;
    assert_eq!((board.run.as_ref().expect("a run").num_consumed, desk.world.sent().len()), (0, 5));
    assert!((0..5).all(|offset| *board.state(&key(offset)) == LetterState::Sent(SentState::Persisted)));
    // It comes back, and reads.
    desk.world.group(GROUP, TARGET, Some(0), Some(1));
    desk.until("its reading", |board| board.run.as_ref().is_some_and(|run| run.waits_for.contains("stands at"))).await;
    desk.world.group(GROUP, TARGET, Some(12), Some(1));
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board).0, Ending::Finished);
}

#[tokio::test]
async fn where_nobody_tells_which_group_failed_nothing_is_consumed_and_the_operator_decides() {
    let desk = Desk::new(World { failed_group: None, ..World::new(12) });
    desk.send_first().await;
    desk.world.read_all();
    let board = desk.until_waits_for("do not tell in which group").await;
    let run = board.run.as_ref().expect("a run");
    assert!(run.is_untellable && run.num_consumed == 0);
    let board = desk.until("the reader's name", |board| board.run.as_ref().is_some_and(|run| run.others.contains(GROUP))).await;
    assert_eq!(board.state(&key(0)), &LetterState::Sent(SentState::Persisted));
    assert_eq!(desk.world.sent().len(), 5);
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    assert_eq!((ending(&board).0, desk.world.sent().len()), (Ending::Finished, 12));
}

/// In so many seconds, as Java writes it.
fn due(in_s: i64) -> Vec<u8> {
    let ms = crate::session::now_ns() / 1_000_000 + in_s * 1_000;
    ms.to_be_bytes().to_vec()
}

#[tokio::test]
async fn what_moved_to_a_retry_channel_is_being_tried_again_though_its_group_has_committed_past_it() {
    let desk = Desk::new(World { channels: vec![("orders-retry-0".into(), None)], ..World::new(12) });
    let replay_id = desk.send_first().await;
    // The listener moves them on before it commits.
    for number in 1..=5 {
        desk.world.moves(
            &format!("{replay_id}.{number}"),
            "orders-retry-0",
            &[("retry_topic-attempts", &[0, 0, 0, 2]), ("retry_topic-backoff-timestamp", &due(60))],
        );
    }
    desk.world.read_all();
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_waits_for("5 of the first are being tried again on orders-retry-0").await;
    let run = board.run.as_ref().expect("a run");
    assert_eq!((run.num_consumed, run.num_retried, desk.world.sent().len()), (0, 5, 5));
    assert!(run.canary.iter().all(|line| line.is_being_retried() && line.state == LetterState::Sent(SentState::Persisted)), "{run:#?}");
    assert!(run.canary.iter().all(|line| line.seen.retry.as_ref().is_some_and(|retry| retry.next_try == Some(2) && retry.due_ns.is_some())));
    // Its retries go well, in the group that works them off.
    desk.world.group("inventory-retry-0", "orders-retry-0", Some(5), Some(1));
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board).0, Ending::Finished);
    assert!(board.letters[&key(0)].reason.contains("inventory-retry-0 past 0@0"), "{}", board.letters[&key(0)].reason);
}

#[tokio::test]
async fn the_gate_opens_only_after_the_whole_chain_and_closes_where_all_die_at_its_end() {
    let retried_ns = Some(2_000_000_000);
    let desk = Desk::new(World { retried_ns, channels: vec![("orders-retry-0".into(), None)], ..World::new(12) });
    let began = Instant::now();
    let replay_id = desk.send_first().await;
    for number in 1..=5 {
        desk.world.moves(&format!("{replay_id}.{number}"), "orders-retry-0", &[("retry_topic-attempts", &[0, 0, 0, 2])]);
    }
    desk.world.read_all();
    desk.until_waits_for("all tries are over in").await;
    let board = desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    assert!(began.elapsed() >= Duration::from_millis(1_800), "{:?}", began.elapsed());
    assert_eq!(board.run.as_ref().expect("a run").num_consumed, 0, "that it did not come back says not that it was consumed");
    // And then all five come back.
    for number in 1..=5 {
        desk.world.dies_again(&format!("{replay_id}.{number}"));
    }
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board).0, Ending::Halted);
    let board = desk.until("all five", |board| board.run.as_ref().is_some_and(|run| run.num_dead_again == 5)).await;
    let run = board.run.as_ref().expect("a run");
    assert_eq!((run.num_consumed, run.num_retried, desk.world.sent().len()), (0, 0, 5));
    assert!((0..5).all(|offset| *board.state(&key(offset)) == LetterState::DeadAgain));
}

#[tokio::test]
async fn what_lies_unread_on_a_retry_channel_holds_the_rest_however_long_its_tries_should_have_taken() {
    let world = World { retried_ns: Some(1_000_000), channels: vec![("orders-retry-0".into(), None)], ..World::new(12) };
    // Who works the retries off is stopped.
    world.group("inventory-retry-0", "orders-retry-0", Some(0), Some(0));
    let desk = Desk::new(world);
    let replay_id = desk.send_first().await;
    for number in 1..=5 {
        desk.world.moves(&format!("{replay_id}.{number}"), "orders-retry-0", &[("retry_topic-attempts", &[0, 0, 0, 2])]);
    }
    desk.world.read_all();
    let board = desk.until_waits_for("5 of the first are being tried again on orders-retry-0; all tries should be over by now, but inventory-retry-0").await;
    let run = board.run.as_ref().expect("a run");
    assert!(run.waits_for.ends_with("inventory-retry-0 has no members"), "{}", run.waits_for);
    assert_eq!((run.num_consumed, run.num_retried, desk.world.sent().len()), (0, 5, 5));
    // It stands before them once it is back, and then reads them.
    desk.world.group("inventory-retry-0", "orders-retry-0", Some(0), Some(1));
    desk.until_waits_for("but inventory-retry-0 stands at 0@0").await;
    desk.world.group("inventory-retry-0", "orders-retry-0", Some(5), Some(1));
    let board = desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    assert_eq!(board.run.as_ref().map(|run| run.num_retried), Some(0));
}

#[tokio::test]
async fn retries_that_nobody_sees_are_waited_for_as_long_as_they_took_the_last_time() {
    let unread = Some("at most 9 partitions are tailed".to_owned());
    let world = World { retried_ns: Some(1_000_000_000), channels: vec![("orders-retry-0".into(), unread.clone())], ..World::new(12) };
    let desk = Desk::new(world);
    desk.send_first().await;
    let began = Instant::now();
    desk.world.read_all();
    let board = desk.until_waits_for("nobody sees whether it is tried again").await;
    assert!(board.run.as_ref().is_some_and(|run| run.is_untellable), "who knows better need not wait so long");
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    assert!(began.elapsed() >= Duration::from_millis(900), "{:?}", began.elapsed());

    // Where nobody knows how long that takes, the operator decides.
    let desk = Desk::new(World { channels: vec![("orders-retry-0".into(), unread)], ..World::new(12) });
    desk.send_first().await;
    desk.world.read_all();
    let board = desk.until_waits_for("how long that takes is not told").await;
    let run = board.run.as_ref().expect("a run");
    assert!(run.is_untellable && run.num_consumed == 0);
}

#[tokio::test]
async fn a_letter_of_an_earlier_run_is_waited_for_as_long_as_it_was_tried_again_the_last_time() {
    let desk = Desk::new(World::new(2));
    let tried_again = AskedLetter { retried_ns: Some(3_600_000_000_000), ..asked(0) };
    for letter in [tried_again, asked(1)] {
        desk.desk.command(ask(CLUSTER, TARGET, AskedLetters::These(vec![letter])));
        let board = desk.until("preview", |board| board.preview.is_some()).await;
        desk.start(&board, None);
        desk.until("sent", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 1)).await;
        desk.desk.command(ReplayCommand::Stop);
        desk.until_phase(is_ended).await;
        desk.desk.command(ReplayCommand::Dismiss);
        desk.until("nothing", |board| board.run.is_none() && board.preview.is_none()).await;
    }
    desk.world.read_all();
    // Both were read at once; what settles is written down in their order.
    let board = desk.until("the second consumed", |board| *board.state(&key(1)) == LetterState::Consumed).await;
    assert_eq!(board.state(&key(0)), &LetterState::Sent(SentState::Persisted));
}

#[tokio::test]
async fn what_an_earlier_session_sent_is_consumed_only_once_its_letter_tells_whether_it_was_tried_again() {
    let desk = Desk::new(World::new(2));
    let board = desk.preview([0]).await;
    desk.start(&board, None);
    desk.until("sent", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 1)).await;
    let Desk { desk: old, folder, .. } = desk;
    old.stop().await;

    let desk = Desk::in_folder(World::new(2), folder);
    desk.world.group(GROUP, TARGET, Some(1), None);
    let board = desk.preview([1]).await;
    desk.start(&board, None);
    let board = desk.until("the second consumed", |board| *board.state(&key(1)) == LetterState::Consumed).await;
    assert_eq!(board.state(&key(0)), &LetterState::Sent(SentState::Persisted), "nobody knows by now whether it was tried again");
    // It is read again, and was not.
    desk.world.back.lock().push(stored(0));
    desk.until("the first consumed", |board| *board.state(&key(0)) == LetterState::Consumed).await;
}

#[tokio::test]
async fn a_retry_seen_only_after_the_gate_had_opened_closes_it() {
    let desk = Desk::new(World { channels: vec![("orders-retry-0".into(), None)], ..World::new(12) });
    let replay_id = desk.send_first().await;
    desk.world.read_all();
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    desk.world.moves(&format!("{replay_id}.2"), "orders-retry-0", &[]);
    let board = desk.until_waits_for("1 of the first is being tried again").await;
    let run = board.run.as_ref().expect("a run");
    assert_eq!((run.num_consumed, run.num_retried), (4, 1));
    desk.world.group("inventory-retry-0", "orders-retry-0", Some(1), None);
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
}

#[tokio::test]
async fn what_dies_again_after_the_run_has_ended_still_shows() {
    let desk = Desk::new(World::new(5));
    let board = desk.preview(0..5).await;
    desk.start(&board, None);
    desk.until("all", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    desk.world.read_all();
    let board = desk.until("all consumed", |board| board.run.as_ref().is_some_and(|run| run.phase.is_ended() && run.num_consumed == 5)).await;
    let replay_id = board.run.as_ref().expect("a run").replay_id.clone();
    desk.world.dies_again(&format!("{replay_id}.4"));
    let board = desk.until("dead again", |board| board.run.as_ref().is_some_and(|run| run.num_dead_again == 1)).await;
    let run = board.run.as_ref().expect("a run");
    assert_eq!((run.num_consumed, &run.canary[3].state), (4, &LetterState::DeadAgain));
    assert_eq!(board.state(&key(3)), &LetterState::DeadAgain);
}

#[tokio::test]
async fn what_dies_in_another_group_stops_the_run_and_is_not_called_dead_again() {
    let desk = Desk::new(World::new(12));
    let replay_id = desk.send_first().await;
    desk.world.dies_in("mail", &format!("{replay_id}.2"));
    desk.world.read_all();
    let board = desk.until_phase(is_ended).await;
    let (ending, reason) = ending(&board);
    assert_eq!(ending, Ending::Halted);
    assert!(reason.contains("0@1 is dead in mail, another group"), "{reason}");
    let board = desk.until("consumed", |board| *board.state(&key(1)) == LetterState::Consumed).await;
    assert_eq!(board.run.as_ref().map(|run| run.num_dead_again), Some(0));
}

#[tokio::test]
async fn a_trace_is_new_only_where_it_is_not_that_of_the_failure() {
    let failed_in = TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
    for (consumed_in, is_new) in [(failed_in, false), (TraceId(u128::from(failed_in.low())), false), (TraceId(0x1111), true)] {
        let desk = Desk::new(World::new(1));
        let letter = AskedLetter { trace_id: Some(failed_in), ..asked(0) };
        desk.desk.command(ask(CLUSTER, TARGET, AskedLetters::These(vec![letter])));
        let board = desk.until("preview", |board| board.preview.is_some()).await;
        let attributes = [("messaging.kafka.offset", "0"), ("messaging.consumer.group.name", GROUP)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (service, kind, span_id) = ("inventory".to_owned(), SpanKind::Consumer, SpanId(9));
        let span = SpanView { trace_id: consumed_in, span_id, kind, service, attributes: attributes.to_vec(), ..SpanView::default() };
        desk.world.items.lock().push(ConversationItem::Span(span));
        desk.start(&board, None);
        let board = desk.until("consumed", |board| board.run.as_ref().is_some_and(|run| run.num_consumed == 1)).await;
        let line = &board.run.as_ref().expect("a run").canary[0];
        assert_eq!(line.seen.new_trace.is_some(), is_new, "{consumed_in}");
        assert!(line.evidence.starts_with("inventory processed it for inventory"), "{}", line.evidence);
    }
}

#[tokio::test]
async fn one_that_dies_again_without_its_headers_is_known_by_where_it_was_sent_whatever_time_it_bears() {
    let now_ns = crate::session::now_ns();
    for timestamp_ns in [Some(now_ns), Some(now_ns - 300_000_000_000), Some(0), None] {
        let desk = Desk::new(World::new(12));
        desk.send_first().await;
        desk.world.dies_without_headers(3, 901, timestamp_ns);
        desk.world.read_all();
        let board = desk.until_phase(is_ended).await;
        assert_eq!(ending(&board).0, Ending::Halted, "{timestamp_ns:?}");
        assert_eq!(board.state(&key(3)), &LetterState::DeadAgain);
        let evidence = &board.letters[&key(3)].reason;
        assert!(evidence.contains("orders-dlt 0@901, which came from orders 0@3"), "{evidence}");
    }
}

#[tokio::test]
async fn a_letter_that_lay_there_before_and_is_read_while_a_replay_runs_is_none_that_came_back() {
    let desk = Desk::new(World { dead_end: 902, ..World::new(12) });
    desk.send_first().await;
    // It names the same place, of a target that was made anew since.
    desk.world.dies_without_headers(3, 901, Some(crate::session::now_ns()));
    desk.world.read_all();
    let is_consumed = |board: &ReplayBoard| *board.state(&key(3)) == LetterState::Consumed && board.run.as_ref().is_some_and(|run| run.num_consumed == 5);
    let board = desk.until("all five consumed", is_consumed).await;
    assert_eq!(board.run.as_ref().map(|run| run.num_dead_again), Some(0));
}
