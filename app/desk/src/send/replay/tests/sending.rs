//! What is asked for, sent, stopped and written down.

use switchboard_model::OperationInfo;

use super::*;
use crate::ledger::{Intent, NewRun, Settled, Settlement};
use crate::operations::Teller;

#[tokio::test]
async fn all_open_ones_of_a_cause_are_meant_however_many_they_are() {
    let desk = Desk::new(World::new(12));
    let parked = AskedLetters::These(vec![asked(4)]);
    desk.desk.command(ReplayCommand::Park { letters: parked, note: "later".into() });
    desk.until("parked", |board| matches!(board.state(&key(4)), LetterState::Parked(_))).await;
    let all = |except: &[i64]| AskedLetters::AllOpen { cause: cause(), until_ns: i64::MAX, except: except.iter().map(|offset| key(*offset)).collect() };
    desk.desk.command(ask(CLUSTER, TARGET, all(&[0, 7])));
    let board = desk.until("preview", |board| board.preview.is_some()).await;
    let preview = board.preview.as_ref().expect("a preview");
    let offsets: Vec<i64> = preview.planned.iter().filter_map(|planned| planned.asked.letter.at.place.offset()).collect();
    assert_eq!((offsets, preview.num_stored), (vec![1, 2, 3, 5, 6, 8, 9, 10, 11], 12));
    // What came after they were marked is not among them.
    let late = AskedLetters::AllOpen { cause: cause(), until_ns: -1, except: BTreeSet::new() };
    desk.desk.command(ask(CLUSTER, TARGET, late));
    desk.until("refusal", |board| board.refusal.as_deref() == Some("no open letter is meant")).await;
    desk.desk.command(ReplayCommand::Park { letters: all(&[]), note: "all of them".into() });
    desk.until("all parked", |board| (0..12).all(|offset| matches!(board.state(&key(offset)), LetterState::Parked(_)))).await;
    desk.desk.command(ReplayCommand::Dismiss);
    desk.desk.command(ask(CLUSTER, TARGET, all(&[])));
    desk.until("refusal", |board| board.refusal.as_deref() == Some("no open letter is meant")).await;
}

#[tokio::test]
async fn three_outcomes_are_told_apart_and_what_is_in_doubt_is_never_sent_again() {
    let world = World::new(12);
    *world.fortunes.lock() = (0..12).map(|place| [Fortune::Acknowledged, Fortune::Refused, Fortune::Doubtful][place % 3]).collect();
    let desk = Desk::new(world);
    let board = desk.preview(0..12).await;
    desk.start(&board, None);
    desk.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.waiting == 7 && run.counts.in_flight == 0)).await;
    desk.world.read_all();
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    let counts = board.run.as_ref().expect("a run").counts;
    assert_eq!((counts.persisted, counts.not_persisted, counts.possibly_persisted, counts.sum()), (4, 4, 4, 12));
    let keys: BTreeSet<_> = desk.world.sent().iter().map(|record| record.key.clone()).collect();
    assert_eq!((keys.len(), desk.world.sent().len()), (12, 12), "none was sent twice");
    let of = |outcome: SettledAs, lines: &[(i64, SettledAs)]| lines.iter().filter(|line| line.1 == outcome).count();
    let lines = desk.outcomes().await;
    assert_eq!([SettledAs::Done, SettledAs::NotDone, SettledAs::Possibly].map(|outcome| of(outcome, &lines)), [4, 4, 4]);

    // Asked for all again, only those are offered that surely were not written.
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("nothing", |board| board.run.is_none()).await;
    let board = desk.preview(0..12).await;
    let preview = board.preview.as_ref().expect("a preview");
    assert_eq!(preview.planned.iter().filter_map(|planned| planned.asked.letter.at.place.offset()).collect::<Vec<_>>(), [1, 4, 7, 10]);
    let doubtful = preview.skipped.iter().filter(|skipped| skipped.reason.contains("may have been sent")).count();
    assert_eq!((preview.skipped.len(), doubtful), (8, 4));
}

#[tokio::test]
async fn stopping_ends_at_once_and_says_what_became_of_what_was_on_its_way() {
    let world = World::new(12);
    *world.fortunes.lock() = vec![Fortune::Silent; 12];
    let desk = Desk::new(world);
    let board = desk.preview(0..12).await;
    desk.start(&board, None);
    desk.until("flight", |board| board.run.as_ref().is_some_and(|run| run.counts.in_flight == 5)).await;
    desk.desk.command(ReplayCommand::Stop);
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board).0, Ending::Stopped);
    let counts = board.run.as_ref().expect("a run").counts;
    assert_eq!((counts.possibly_persisted, counts.waiting, counts.sum()), (5, 7, 12));
    let lines = desk.ledger().lines(1_000).await.expect("lines");
    let cut: Vec<&str> = lines.iter().filter(|line| line.settled.counts_as() == SettledAs::Possibly).map(|line| line.settled.reason()).collect();
    assert_eq!(cut, ["cancelled in flight"; 5], "the sender ends it at once, not the guard a second later");
    assert_eq!(board.state(&key(0)), &LetterState::Sent(SentState::Possibly));
    assert!(board.state(&key(5)).is_open());
}

const GONE: &str = "its source was changed or removed";

#[tokio::test]
async fn a_run_at_the_gate_whose_source_is_made_read_only_sends_nothing_more() {
    let desk = Desk::new(World::new(12));
    desk.send_first().await;
    desk.world.read_all();
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    let others = [Arc::new(World { write: false, ..World::new(12) }), Arc::new(World::new(12))];
    for other in &others {
        desk.desk.remove_cluster(CLUSTER);
        desk.desk.add_cluster(CLUSTER, Arc::clone(other) as Arc<dyn ClusterAccess>);
        desk.desk.command(ReplayCommand::Continue);
    }
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board), (Ending::Halted, GONE.to_owned()));
    let counts = board.run.as_ref().expect("a run").counts;
    assert_eq!((counts.persisted, counts.waiting, counts.sum()), (5, 7, 12));
    assert_eq!(desk.world.sent().len(), 5, "nothing goes to what is no source any more");
    assert!(others.iter().all(|other| other.sent().is_empty()), "nor to what has its name now");
    let outcomes = desk.outcomes().await;
    assert!(outcomes.len() == 5 && outcomes.iter().all(|(_, outcome)| *outcome == SettledAs::Done), "{outcomes:?}");
    assert!((5..12).all(|offset| board.state(&key(offset)).is_open()), "the rest can be sent another time");
    let ledger = rusqlite::Connection::open(desk.folder.path().join("ledger.sqlite")).expect("opens");
    let told: (String, String) = ledger.query_row("SELECT ending, reason FROM runs", [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a run");
    assert_eq!(told.1, GONE, "{told:?}");
}

#[tokio::test]
async fn a_run_whose_source_is_removed_stops_in_the_midst_and_loses_nothing_from_its_sums() {
    const LETTERS: usize = 400;
    let world = World::new(LETTERS as i64);
    *world.fortunes.lock() = (0..LETTERS).map(|place| if place == 6 { Fortune::Silent } else { Fortune::Acknowledged }).collect();
    let desk = Desk::new(world);
    let board = desk.preview(0..LETTERS as i64).await;
    desk.start(&board, None);
    desk.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    desk.world.read_all();
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    desk.desk.command(ReplayCommand::Continue);
    desk.until("the rest", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted >= 20)).await;
    desk.desk.remove_cluster(CLUSTER);
    // Whoever sends does so on this thread.
    let num_sent = desk.world.sent().len();
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board), (Ending::Halted, GONE.to_owned()));
    assert_eq!(desk.world.sent().len(), num_sent, "not one more");
    let counts = board.run.as_ref().expect("a run").counts;
    assert_eq!((counts.possibly_persisted, counts.in_flight, counts.sum()), (1, 0, LETTERS), "{counts:?}");
    assert!(counts.persisted + 1 == num_sent && counts.waiting > 0 && counts.skipped <= 1, "{counts:?}");
    let outcomes = desk.outcomes().await;
    let of = |outcome: SettledAs| outcomes.iter().filter(|line| line.1 == outcome).count();
    assert_eq!((of(SettledAs::Done), of(SettledAs::Possibly), of(SettledAs::Skipped)), (counts.persisted, 1, counts.skipped));
}

#[tokio::test]
async fn a_preview_whose_source_is_removed_while_it_is_made_is_given_up() {
    let desk = Desk::new(World { is_mute: watch::channel(true).0, ..World::new(3) });
    desk.desk.command(ask(CLUSTER, TARGET, AskedLetters::These(vec![asked(0)])));
    desk.until("reading", |board| board.preparing.is_some()).await;
    desk.desk.remove_cluster(CLUSTER);
    let board = desk.until("its end", |board| board.preparing.is_none()).await;
    assert_eq!((board.refusal.as_deref(), board.preview.is_none()), (Some(GONE), true));
}

#[tokio::test]
async fn a_preview_is_an_operation_that_tells_how_far_it_is_and_can_be_stopped() {
    let desk = Desk::new(World::new(12));
    desk.preview(0..12).await;
    let board = desk.until_operations("its end", |board| board.ended.len() == 1).await;
    let made = &board.ended[0];
    assert_eq!((made.info.what.as_str(), made.info.source.as_str()), ("Preview of a replay to orders", CLUSTER));
    assert_eq!(made.progress, Some(Progress { done: 12, total: Some(12), unit: "letters" }));
    assert_eq!(made.end.as_ref().map(|end| end.how.clone()), Some(OperationEnd::Done));

    let desk = Desk::new(World { is_mute: watch::channel(true).0, ..World::new(3) });
    desk.desk.command(ask(CLUSTER, TARGET, AskedLetters::These(vec![asked(0)])));
    let board = desk.until_operations("progress", |board| board.running.iter().any(|view| view.progress.is_some())).await;
    assert_eq!(board.running[0].progress, Some(Progress { done: 0, total: Some(1), unit: "letters" }));
    desk.operations.cancel(board.running[0].id);
    let board = desk.until("its end", |board| board.preparing.is_none() && board.refusal.is_some()).await;
    assert!(board.preview.is_none() && board.refusal.as_ref().is_some_and(|reason| reason.contains("stopped")), "{:?}", board.refusal);
    desk.until_operations("its end", |board| board.running.is_empty() && board.ended.len() == 1).await;
}

#[tokio::test]
async fn a_preview_that_cannot_begin_leaves_the_one_that_is_shown() {
    let desk = Desk::new(World::new(12));
    let shown = desk.preview(0..12).await.preview.clone().expect("a preview");
    desk.until_operations("its end", |board| board.ended.len() == 1).await;
    let mut others = Vec::new();
    let full = loop {
        let info = OperationInfo { what: "another".into(), source: CLUSTER.into() };
        match desk.operations.start(info, |_teller: Teller<()>| std::future::pending()) {
            Ok(operation) => others.push(operation),
            Err(refused) => break refused.to_string(),
        }
    };
    desk.desk.command(ask(CLUSTER, TARGET, AskedLetters::These(vec![asked(0)])));
    let board = desk.until("a refusal", |board| board.refusal.is_some()).await;
    assert_eq!((board.refusal.clone(), board.preparing.is_none()), (Some(full), true));
    assert_eq!(board.preview.as_ref().map(|preview| &preview.replay_id), Some(&shown.replay_id));
    desk.start(&board, None);
    desk.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
}

#[tokio::test]
async fn a_preview_that_is_dismissed_or_asked_for_anew_is_a_cancelled_operation() {
    let desk = Desk::new(World { is_mute: watch::channel(true).0, ..World::new(3) });
    desk.desk.command(ask(CLUSTER, TARGET, AskedLetters::These(vec![asked(0)])));
    desk.desk.command(ask(CLUSTER, TARGET, AskedLetters::These(vec![asked(1)])));
    desk.until_operations("another", |board| board.running.len() == 1 && board.ended.len() == 1).await;
    desk.desk.command(ReplayCommand::Dismiss);
    let operations = desk.until_operations("its end", |board| board.running.is_empty() && board.ended.len() == 2).await;
    assert!(operations.ended.iter().all(|view| view.end.as_ref().is_some_and(|end| end.how == OperationEnd::Cancelled)), "{operations:#?}");
    let board = desk.until("nothing", |board| board.preparing.is_none()).await;
    assert_eq!((board.preview.is_none(), board.refusal.as_deref()), (true, None));
}

#[tokio::test]
async fn without_leave_nothing_is_connected_to_and_every_attempt_is_a_line() {
    for (world, typed, told) in [
        (World { write: false, ..World::new(3) }, None, "read-only"),
        (World { is_production: true, ..World::new(3) }, None, "type its name"),
        (World { is_production: true, ..World::new(3) }, Some("Local"), "type its name"),
    ] {
        let desk = Desk::new(world);
        let board = desk.preview(0..3).await;
        assert_ne!(board.preview.as_ref().map(|preview| preview.writing.clone()), Some(Writing::Allowed));
        desk.start(&board, typed);
        let board = desk.until("refusal", |board| board.refusal.is_some()).await;
        assert!(board.refusal.as_ref().is_some_and(|reason| reason.contains(told)), "{:?}", board.refusal);
        assert!(board.run.is_none());
        let lines = desk.ledger().lines(10).await.expect("lines");
        assert_eq!((lines.len(), lines[0].settled.counts_as(), lines[0].operator.as_str()), (1, SettledAs::Refused, "ada"));
        assert!(lines[0].settled.reason().contains(told) && lines[0].settled.reason().starts_with("replay of 3"), "{}", lines[0].settled.reason());
        assert_eq!(desk.world.num_connects.load(Ordering::Relaxed), 0);
        assert!(desk.world.sent().is_empty());
    }
    let desk = Desk::new(World { is_production: true, ..World::new(3) });
    let board = desk.preview(0..3).await;
    desk.start(&board, Some(CLUSTER));
    desk.until("sent", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 3)).await;
}

#[tokio::test]
async fn a_preview_of_which_nothing_would_be_sent_says_so_and_why() {
    let world = World::new(3);
    world.records.lock().clear();
    let desk = Desk::new(world);
    let board = desk.preview(0..3).await;
    assert_eq!(board.preview.as_ref().map(|preview| (preview.planned.len(), preview.skipped.len())), Some((0, 3)), "it can be looked at");
    let board = desk.until_operations("its end", |board| board.ended.len() == 1).await;
    let Some(OperationEnd::Failed(failure)) = board.ended[0].end.as_ref().map(|end| end.how.clone()) else { panic!("{board:?}") };
    assert!(failure.reason.starts_with("nothing would be sent: every letter is skipped, 3 of them because: expired"), "{failure}");
}

#[tokio::test]
async fn what_has_expired_or_changed_is_skipped_with_its_reason_also_between_preview_and_run() {
    let world = World::new(4);
    world.records.lock().remove(&0);
    if let Some(record) = world.records.lock().get_mut(&1) {
        record.seen.raw_hash = RawHash(999);
    }
    let desk = Desk::new(world);
    let board = desk.preview(0..4).await;
    let preview = board.preview.as_ref().expect("a preview");
    let reasons: Vec<&str> = preview.skipped.iter().map(|skipped| skipped.reason.split(':').next().unwrap_or_default()).collect();
    assert_eq!((preview.planned.len(), reasons), (2, vec!["expired", "changed"]));
    // Its bytes are others by the time it is sent.
    if let Some(record) = desk.world.records.lock().get_mut(&2) {
        record.value = Some(b"other".to_vec());
    }
    desk.start(&board, None);
    desk.until("both tried", |board| board.run.as_ref().is_some_and(|run| run.counts.skipped == 1 && run.counts.persisted == 1)).await;
    assert_eq!(desk.world.sent().len(), 1);
    let lines = desk.ledger().lines(10).await.expect("lines");
    let skipped = lines.iter().find(|line| line.settled.counts_as() == SettledAs::Skipped).expect("a line");
    assert!(skipped.letter.as_ref().is_some_and(|letter| letter.at.place == Place::at(0, 2)) && skipped.settled.reason().starts_with("changed"), "{skipped:?}");
}

#[tokio::test]
async fn a_ledger_that_cannot_be_written_stops_sending() {
    let desk = Desk::new(World::new(12));
    let board = desk.preview(0..12).await;
    desk.start(&board, None);
    desk.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    desk.world.read_all();
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    desk.until("all consumed", |board| (0..5).all(|offset| *board.state(&key(offset)) == LetterState::Consumed)).await;
    let holder = rusqlite::Connection::open(desk.folder.path().join("ledger.sqlite")).expect("opens");
    holder.execute_batch("BEGIN IMMEDIATE").expect("held");
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    let (ending, reason) = ending(&board);
    assert_eq!(ending, Ending::Halted);
    assert!(reason.contains("ledger.sqlite could not be written") && reason.contains("close the other program"), "{reason}");
    assert_eq!(desk.world.sent().len(), 5, "nothing goes that does not stand in the ledger");
    holder.execute_batch("ROLLBACK").expect("let go");
}

#[tokio::test]
async fn what_comes_back_while_the_ledger_is_held_is_counted_at_once_and_reads_as_in_doubt() {
    let world = World::new(40);
    *world.fortunes.lock() = [vec![Fortune::Acknowledged; 5], vec![Fortune::Silent; 35]].concat();
    let desk = Desk::new(world);
    let board = desk.preview(0..40).await;
    desk.start(&board, None);
    desk.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    desk.world.read_all();
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    desk.until("all consumed", |board| (0..5).all(|offset| *board.state(&key(offset)) == LetterState::Consumed)).await;
    desk.desk.command(ReplayCommand::Continue);
    desk.until("flight", |board| board.run.as_ref().is_some_and(|run| run.counts.in_flight == 35)).await;
    let holder = rusqlite::Connection::open(desk.folder.path().join("ledger.sqlite")).expect("opens");
    holder.execute_batch("BEGIN IMMEDIATE").expect("held");
    desk.desk.command(ReplayCommand::Stop);
    // One after the other, 35 outcomes would wait for more than a minute.
    let board = desk.until_phase(is_ended).await;
    let counts = board.run.as_ref().expect("a run").counts;
    assert_eq!((counts.persisted, counts.possibly_persisted, counts.in_flight, counts.sum()), (5, 35, 0, 40));
    let (_, reason) = ending(&board);
    assert!(reason.contains("ledger.sqlite could not be written") && reason.contains("close the other program"), "{reason}");
    holder.execute_batch("ROLLBACK").expect("let go");
    assert_eq!(desk.outcomes().await.iter().filter(|line| line.1 == SettledAs::Possibly).count(), 35);
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("nothing", |board| board.run.is_none()).await;
    let board = desk.preview(0..40).await;
    assert!(board.preview.as_ref().expect("a preview").planned.is_empty(), "none of them is offered again");
}

#[tokio::test]
async fn without_a_whole_ledger_nothing_is_read_or_sent_and_once_it_is_back_all_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    std::fs::write(&path, "no ledger at all ".repeat(1_000)).expect("written");
    let desk = Desk::in_folder(World::new(12), folder);
    let board = desk.until("failure", |board| board.ledger_failure.is_some()).await;
    assert!(board.ledger_failure.as_ref().is_some_and(|told| told.contains(&path.display().to_string())), "{:?}", board.ledger_failure);
    let board = desk.preview(0..12).await;
    let refusal = board.refusal.clone().expect("refused");
    assert!(board.preview.is_none() && refusal.contains(&path.display().to_string()) && refusal.contains("Nothing is sent without it"), "{refusal}");
    assert_eq!((desk.world.num_connects.load(Ordering::Relaxed), desk.world.num_reads.load(Ordering::Relaxed)), (0, 0));
    std::fs::remove_file(&path).expect("taken away");
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("no refusal", |board| board.refusal.is_none()).await;
    let board = desk.preview(0..12).await;
    assert_eq!(board.preview.as_ref().map(|preview| preview.planned.len()), Some(12), "{:?}", board.refusal);
    assert_eq!(board.ledger_failure, None);
}

#[tokio::test]
async fn parked_letters_stay_out_until_they_are_taken_out_also_after_a_restart() {
    let desk = Desk::new(World::new(3));
    desk.desk.command(ReplayCommand::Park { letters: AskedLetters::These(vec![asked(1)]), note: " ask the catalog team, password=hunter2 ".into() });
    let board = desk.until("parked", |board| matches!(board.state(&key(1)), LetterState::Parked(_))).await;
    let LetterState::Parked(note) = board.state(&key(1)) else { unreachable!("just seen") };
    assert!(note.starts_with("ask the catalog team"), "{note}");
    let board = desk.preview(0..3).await;
    assert_eq!(board.preview.as_ref().map(|preview| preview.planned.len()), Some(2));

    let Desk { desk: old, folder, .. } = desk;
    old.stop().await;
    let desk = Desk::in_folder(World::new(3), folder);
    desk.until("remembered", |board| matches!(board.state(&key(1)), LetterState::Parked(_))).await;
    desk.desk.command(ReplayCommand::Unpark { letters: vec![(key(1), KindHash(1))] });
    desk.until("open", |board| board.state(&key(1)).is_open() && !board.letters.is_empty()).await;
}

#[tokio::test]
async fn a_run_goes_by_what_the_profile_lets_and_leaves_the_others_for_another() {
    let caps = Caps { num_first: Some(2), rate_per_s: Some(1_000), num_most: Some(7) };
    let desk = Desk::new(World { caps, ..World::new(450) });
    let board = desk.preview(0..450).await;
    let preview = board.preview.as_ref().expect("a preview");
    assert_eq!((preview.planned.len(), preview.skipped.len(), preview.num_first, preview.rate_per_s), (7, 443, 2, 1_000));
    let why = "left for another run: the profile lets one send 7 at most. It stays as it is";
    assert!(preview.skipped.iter().all(|skipped| skipped.reason == why), "{:?}", preview.skipped[0]);
    assert_eq!(desk.world.num_reads.load(Ordering::Relaxed), 1, "what would not be sent is not read");
    desk.start(&board, None);
    let board = desk.until("the first two", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 2 && run.phase == RunPhase::Watching)).await;
    assert_eq!((desk.world.sent().len(), board.run.as_ref().map(|run| run.rate_per_s)), (2, Some(1_000)));
    desk.world.read_all();
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    assert_eq!((ending(&board), desk.world.sent().len()), ((Ending::Finished, String::new()), 7));
    // The next run goes on where this one ended.
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("nothing", |board| board.run.is_none()).await;
    let board = desk.preview(0..450).await;
    let next: Vec<i64> = board.preview.as_ref().expect("a preview").planned.iter().filter_map(|planned| planned.asked.letter.at.place.offset()).collect();
    assert_eq!(next, (7..14).collect::<Vec<i64>>());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_in_words() {
    let desk = Desk::new(World::new(3));
    for (target, cluster, told) in [("", CLUSTER, "Name the channel"), (DEAD, CLUSTER, "is a dead-letter channel"), (TARGET, "elsewhere", "no source")] {
        let mut letter = asked(0);
        letter.letter.at.cluster = cluster.to_owned();
        desk.desk.command(ask(cluster, target, AskedLetters::These(vec![letter])));
        let board = desk.until("refusal", |board| board.refusal.as_ref().is_some_and(|reason| reason.contains(told))).await;
        assert!(board.preview.is_none());
    }
    // What only its headers prove to be dead.
    let mut letter = asked(0);
    letter.letter.at.channel = "orders.v2".to_owned();
    desk.desk.command(ask(CLUSTER, "orders.v2", AskedLetters::These(vec![letter])));
    desk.until("refusal", |board| board.refusal.as_ref().is_some_and(|reason| reason.contains("where they lie dead"))).await;
    desk.desk.command(ReplayCommand::Continue);
    desk.until("refusal", |board| board.refusal.as_deref() == Some("no run is going on")).await;
    assert!(!desk.folder.path().join("ledger.sqlite").exists(), "a ledger is made only when it is needed");
}

/// Another profile, which calls the cluster otherwise, sends the second letter.
async fn another_sends(ledger: &Ledger) {
    let run = NewRun {
        replay_id: "r-1".into(),
        profile: "another".into(),
        operator: "grace".into(),
        cluster: "main".into(),
        cluster_id: CLUSTER_ID.into(),
        target: TARGET.into(),
        num_planned: 1,
        at_ns: 1,
    };
    let mut letter = key(1);
    letter.at.cluster = "main".into();
    let intent = Intent {
        cluster_id: None,
        edited: false,
        again: None,
        run_id: ledger.begin_run(run).await.expect("written"),
        letter: letter.clone(),
        kind: KindHash(1),
        failed_group: None,
        target: TARGET.into(),
        target_partition: None,
        hash: String::new(),
        size_bytes: 1,
        replay_count: 1,
        replay_id: "r-1.1".into(),
        at_ns: 1,
    };
    let send_id = ledger.intend(intent).await.expect("written");
    ledger.settle(send_id, &letter, Settlement { settled: Settled::Tried(Outcome::persisted(None)), at_ns: 2 }).await.expect("written");
}

#[tokio::test]
async fn what_another_profile_sent_to_the_same_cluster_is_not_sent_again_whatever_its_source_is_called_there() {
    let folder = tempfile::tempdir().expect("a folder");
    another_sends(&Ledger::open(&folder.path().join("ledger.sqlite")).expect("a ledger")).await;

    let desk = Desk::in_folder(World::new(3), folder);
    let board = desk.preview(0..3).await;
    let preview = board.preview.as_ref().expect("a preview");
    let skipped: Vec<(&LetterKey, &str)> = preview.skipped.iter().map(|skipped| (&skipped.letter, skipped.reason.as_str())).collect();
    assert_eq!((preview.planned.len(), skipped), (2, vec![(&key(1), "sent before")]));
    desk.until("sent", |board| *board.state(&key(1)) == LetterState::Sent(SentState::Persisted)).await;
}

#[tokio::test]
async fn what_another_window_sent_since_the_preview_is_skipped_and_the_run_says_why() {
    let desk = Desk::new(World::new(3));
    let board = desk.preview(0..3).await;
    assert_eq!(board.preview.as_ref().map(|preview| preview.planned.len()), Some(3));
    another_sends(&desk.ledger()).await;
    desk.start(&board, None);
    let board = desk.until("all tried", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 2 && run.counts.skipped == 1)).await;
    assert_eq!(desk.world.sent().len(), 2);
    let told = &board.run.as_ref().expect("a run").held_back;
    assert!(told.contains(&key(1).to_string()) && told.ends_with("was sent before, or may have been; it is not sent twice"), "{told}");
}

#[tokio::test]
async fn what_nothing_allows_is_sent_once_it_was_allowed_for_this_session() {
    let desk = Desk::new(World { write: false, is_production: true, ..World::new(2) });
    let board = desk.preview(0..2).await;
    let preview = board.preview.as_ref().expect("a preview");
    assert!(matches!(&preview.writing, Writing::Locked { asks_for_name: true, .. }), "{:?}", preview.writing);
    let allow = |typed_name: Option<&str>| ReplayCommand::Allow { replay_id: preview.replay_id.clone(), typed_name: typed_name.map(str::to_owned) };
    desk.desk.command(allow(Some("locla")));
    desk.until("refusal", |board| board.refusal.as_ref().is_some_and(|reason| reason.contains("type its name"))).await;
    desk.desk.command(allow(Some(CLUSTER)));
    let board = desk.until("leave", |board| board.preview.as_ref().is_some_and(|preview| !matches!(preview.writing, Writing::Locked { .. }))).await;
    assert_eq!(desk.world.sent.lock().len(), 0);
    desk.start(&board, Some(CLUSTER));
    desk.until("both", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 2)).await;
}
