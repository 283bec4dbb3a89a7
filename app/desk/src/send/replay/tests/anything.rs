//! What is no dead letter, what is changed before, what goes to another cluster, and plans in files.

use switchboard_model::EDITED_HEADER;

use super::*;
use crate::ledger::RunLock;
use crate::send::edit::{Change, Changes, NewBytes};
use crate::send::replay::{PartitionRule, RecordPart, SkippedLetter, read_plan};

fn set(path: &str, json: &str) -> Change {
    Change::Set { path: path.parse().expect("a path"), json: json.to_owned() }
}

fn to_all(changes: Vec<Change>) -> Arc<Changes> {
    Arc::new(Changes { to_all: changes, ..Changes::default() })
}

/// A record of the target, which is no dead letter.
fn plain(offset: i64) -> AskedLetter {
    let view = RecordView { at: at(TARGET, offset), timestamp_ns: Some(offset), raw_hash: RawHash(offset as u128 + 1), ..RecordView::default() };
    AskedLetter::of_record(&view)
}

fn asks(target: &str, letters: Vec<AskedLetter>, options: ReplayOptions) -> ReplayAsk {
    ReplayAsk {
        cluster: CLUSTER.into(),
        target: target.into(),
        num_stored: letters.len() as u64,
        letters: AskedLetters::These(letters),
        plan_key: None,
        options,
    }
}

#[tokio::test]
async fn poison_is_changed_by_a_rule_and_drained() {
    let desk = Desk::new(World::new(12));
    let options = ReplayOptions { changes: to_all(vec![set("order", "4711"), set("parcels", "1")]), ..ReplayOptions::default() };
    let board = desk.previewed(asks(TARGET, (0..12).map(asked).collect(), options)).await;
    let preview = board.preview.as_ref().expect("a preview");
    assert!(preview.planned.iter().all(|planned| planned.edited) && preview.skipped.is_empty());
    let shown = preview.planned[3].shown.as_ref().expect("shown");
    let value = shown.value.clone().expect("a value");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    assert!(text(&value).starts_with("{\"order\":4711,") && text(&value).ends_with(",\"parcels\":1}"), "{}", text(&value));
    let [(RecordPart::Value, changed)] = &shown.changed[..] else { panic!("the value alone: {:?}", shown.changed) };
    let told: Vec<(&str, &str)> = changed.places.iter().map(|place| (place.was.text.as_str(), place.now.text.as_str())).collect();
    assert_eq!(told, [("3", "4711"), ("", ",\"parcels\":1")]);
    assert!(!text(&value).contains("hunter2") && !format!("{changed:?}").contains("hunter2"));
    desk.start(&board, None);
    desk.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    desk.world.read_all();
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    desk.desk.command(ReplayCommand::Continue);
    desk.until_phase(is_ended).await;
    desk.world.read_all();
    desk.until("consumed", |board| (0..12).all(|offset| *board.state(&key(offset)) == LetterState::Consumed)).await;
    for record in desk.world.sent() {
        // What no change names is as it was, the secret among it.
        assert_eq!(text(record.value.as_deref().expect("a value")), "{\"order\":4711,\"password\":\"hunter2\",\"parcels\":1}");
        assert!(record.headers.contains(&header(EDITED_HEADER, "1")) && record.headers.iter().any(|header| header.name == "traceparent"));
    }
    let lines = desk.ledger().lines(100).await.expect("lines");
    assert!(lines.len() == 12 && lines.iter().all(|line| line.edited));
}

#[tokio::test]
async fn one_record_is_edited_and_the_others_go_as_they_are() {
    let desk = Desk::new(World::new(3));
    desk.desk.command(ReplayCommand::Edit(asked(1)));
    let board = desk.until("what is edited", |board| board.editing.as_ref().is_some_and(|editing| editing.read.is_some())).await;
    let editing = board.editing.as_ref().expect("being edited");
    assert!(editing.has_secrets && editing.letter == key(1));
    let original = editing.read.clone().expect("read").expect("it lies there");
    let value = String::from_utf8(original.value.expect("a value")).expect("text").replace("\"order\":1", "\"order\":\"one\"");
    desk.desk.command(ReplayCommand::EndEdit);
    desk.until("its end", |board| board.editing.is_none()).await;
    let changes = Changes { to_one: BTreeMap::from([(key(1), vec![Change::Value(NewBytes::Text(value.clone()))])]), ..Changes::default() };
    let options = ReplayOptions { changes: Arc::new(changes), ..ReplayOptions::default() };
    let board = desk.previewed(asks(TARGET, (0..3).map(asked).collect(), options)).await;
    assert_eq!(board.preview.as_ref().expect("a preview").planned.iter().map(|planned| planned.edited).collect::<Vec<_>>(), [false, true, false]);
    desk.start(&board, None);
    desk.until("sent", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 3)).await;
    let sent = desk.world.sent();
    assert_eq!(sent[1].value.as_deref(), Some(value.as_bytes()));
    let edited: Vec<bool> = sent.iter().map(|record| record.headers.iter().any(|header| header.name == EDITED_HEADER)).collect();
    assert_eq!(edited, [false, true, false]);
    let gone = AskedLetter { letter: key(99), ..asked(99) };
    desk.desk.command(ReplayCommand::Edit(gone));
    let board = desk.until("why not", |board| board.editing.as_ref().is_some_and(|editing| editing.read.is_some())).await;
    assert!(board.editing.as_ref().is_some_and(|editing| editing.read.as_ref().is_some_and(|read| read.as_ref().is_err_and(|why| why.contains("expired")))));
}

#[tokio::test]
async fn what_cannot_be_changed_is_skipped_and_a_change_that_makes_no_sense_is_refused() {
    let world = World::new(3);
    world.records.lock().get_mut(&1).expect("it lies there").value = Some(b"hello".to_vec());
    world.records.lock().get_mut(&2).expect("it lies there").value = Some(b"{\"order\":4711}".to_vec());
    let desk = Desk::new(world);
    let options = ReplayOptions { changes: to_all(vec![set("order", "4711")]), ..ReplayOptions::default() };
    let board = desk.previewed(asks(TARGET, (0..3).map(asked).collect(), options)).await;
    let skipped: Vec<&str> = board.preview.as_ref().expect("a preview").skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
    assert!(matches!(skipped[..], [no_json, unchanged] if no_json.contains("is no JSON") && unchanged.contains("no change applies")), "{skipped:?}");
    let options = ReplayOptions { changes: to_all(vec![set("order", "47 11")]), ..ReplayOptions::default() };
    let board = desk.previewed(asks(TARGET, vec![asked(0)], options)).await;
    assert!(board.refusal.as_ref().is_some_and(|reason| reason.contains("is no JSON value")), "{:?}", board.refusal);
}

#[tokio::test]
async fn any_record_is_sent_again_and_twice_only_where_that_is_asked_for() {
    let desk = Desk::new(World::new(7));
    // To the very channel where it lies: it is no dead letter.
    let board = desk.previewed(asks(TARGET, (0..7).map(plain).collect(), ReplayOptions::default())).await;
    let board = desk.send_all(&board).await;
    assert_eq!(ending(&board), (Ending::Finished, String::new()));
    assert_eq!(desk.world.sent().len(), 7);
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("nothing", |board| board.run.is_none()).await;
    let board = desk.previewed(asks(TARGET, vec![plain(3)], ReplayOptions::default())).await;
    assert!(board.preview.as_ref().is_some_and(|preview| preview.planned.is_empty() && preview.skipped[0].reason == "sent before"));
    let again = ReplayOptions { again: true, keeps_time: true, by_key: true, ..ReplayOptions::default() };
    let board = desk.previewed(asks(TARGET, vec![plain(3)], again)).await;
    assert_eq!(board.preview.as_ref().expect("a preview").targets[0].partitions, PartitionRule::ByKeyAsAsked { num_partitions: Some(1) });
    let board = desk.send_all(&board).await;
    assert_eq!(ending(&board), (Ending::Finished, String::new()));
    let sent = desk.world.sent();
    assert_eq!((sent.len(), &sent[7].route, sent[7].timestamp_ms), (8, &Route::Key, Some(1_003)));
    assert_eq!((sent[3].timestamp_ms, &sent[3].route), (None, &Route::Partition(0)));
    // A third time only where that is asked for, too, whoever asks.
    let board = desk.previewed(asks(TARGET, vec![plain(3)], ReplayOptions::default())).await;
    assert!(board.preview.as_ref().is_some_and(|preview| preview.planned.is_empty()), "{board:#?}");
}

#[tokio::test]
async fn the_rest_of_what_never_was_dead_goes_once_every_group_has_read_the_first_few_and_nothing_of_it_is_called_consumed() {
    let desk = Desk::new(World::new(12));
    desk.world.group("audit", TARGET, Some(0), Some(1));
    let board = desk.previewed(asks(TARGET, (0..12).map(plain).collect(), ReplayOptions::default())).await;
    desk.start(&board, None);
    desk.until("the first few", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    let board = desk.until_waits_for("not yet read by audit, inventory").await;
    assert!(board.run.as_ref().is_some_and(|run| run.is_of_the_living() && !run.is_untellable && run.num_read == 0));
    desk.world.read_all();
    let board = desk.until_waits_for("read by inventory; not yet by audit").await;
    let run = board.run.as_ref().expect("a run");
    assert!(!run.is_untellable && run.others.is_empty() && desk.world.sent().len() == 5, "{run:#?}");
    desk.world.group("audit", TARGET, Some(5), Some(1));
    let board = desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    let run = board.run.as_ref().expect("a run");
    assert!(run.canary.iter().all(|line| line.seen.groups.as_ref().is_some_and(|groups| groups.words() == "read by audit, inventory")), "{run:#?}");
    assert_eq!((run.num_read, run.num_consumed, desk.world.sent().len()), (5, 0, 5));
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    assert_eq!((ending(&board).0, desk.world.sent().len()), (Ending::Finished, 12));
    desk.world.read_all();
    desk.world.group("audit", TARGET, Some(12), Some(1));
    let board = desk.until("all read", |board| board.run.as_ref().is_some_and(|run| run.num_read == 12)).await;
    let state = |offset: i64| board.state(&LetterKey { at: at(TARGET, offset), timestamp_ns: Some(offset) }).clone();
    assert!((0..12).all(|offset| state(offset) == LetterState::Sent(SentState::Persisted)), "{board:#?}");
    assert_eq!(board.run.as_ref().map(|run| run.num_consumed), Some(0));
}

#[tokio::test]
async fn where_a_group_that_has_not_read_them_is_stopped_the_operator_decides() {
    let desk = Desk::new(World::new(7));
    desk.world.group("audit", TARGET, Some(0), Some(0));
    let board = desk.previewed(asks(TARGET, (0..7).map(plain).collect(), ReplayOptions::default())).await;
    desk.start(&board, None);
    desk.until("the first few", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    let board = desk.until_waits_for("not yet read by audit, inventory: audit has no members").await;
    assert!(board.run.as_ref().is_some_and(|run| !run.is_untellable), "inventory is on its way to them");
    desk.world.read_all();
    let board = desk.until_waits_for("read by inventory; not yet by audit: audit has no members").await;
    assert!(board.run.as_ref().is_some_and(|run| run.is_untellable));
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    assert_eq!((ending(&board).0, desk.world.sent().len()), (Ending::Finished, 7));
}

#[tokio::test]
async fn what_was_never_dead_and_dies_after_all_stops_the_run_and_what_is_tried_again_is_waited_for() {
    let desk = Desk::new(World { channels: vec![("orders-retry-0".into(), None)], ..World::new(7) });
    let board = desk.previewed(asks(TARGET, (0..7).map(plain).collect(), ReplayOptions::default())).await;
    desk.start(&board, None);
    let board = desk.until("the first few", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    let replay_id = board.run.as_ref().expect("a run").replay_id.clone();
    // The listener moves one on before it commits.
    desk.world.moves(&format!("{replay_id}.2"), "orders-retry-0", &[("retry_topic-attempts", &[0, 0, 0, 2])]);
    desk.world.read_all();
    let board = desk.until_waits_for("1 of the first is being tried again on orders-retry-0").await;
    assert_eq!(board.run.as_ref().map(|run| (run.num_retried, run.num_consumed)), Some((1, 0)));
    desk.world.dies_again(&format!("{replay_id}.2"));
    let board = desk.until_phase(is_ended).await;
    let (ending, reason) = ending(&board);
    assert!(ending == Ending::Halted && reason.contains("came back dead"), "{reason}");
    assert_eq!(desk.world.sent().len(), 5);
}

#[tokio::test]
async fn of_a_dead_letter_that_was_chosen_by_its_place_and_does_not_tell_its_group_nothing_is_consumed() {
    let desk = Desk::new(World::new(7));
    let by_place = (0..7).map(|offset| AskedLetter::at(at(DEAD, offset))).collect();
    let board = desk.previewed(asks(TARGET, by_place, ReplayOptions::default())).await;
    desk.start(&board, None);
    desk.until("the first few", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    desk.world.read_all();
    let board = desk.until_waits_for("it was chosen by its place, and nothing tells in which group it died").await;
    let run = board.run.as_ref().expect("a run");
    assert!(run.is_untellable && !run.is_of_the_living() && run.num_consumed == 0, "{run:#?}");
    assert!(run.canary.iter().all(|line| line.state == LetterState::Sent(SentState::Persisted)), "{run:#?}");
}

#[tokio::test]
async fn records_go_to_another_cluster_with_its_leave_and_are_followed_there() {
    let desk = Desk::new(World::new(3));
    let other = Arc::new(World { write: false, ..World::new(0) });
    desk.desk.add_cluster(OTHER, Arc::clone(&other) as Arc<dyn ClusterAccess>);
    let options = ReplayOptions { to: Some(OTHER.into()), ..ReplayOptions::default() };
    let board = desk.previewed(asks(TARGET, (0..3).map(asked).collect(), options.clone())).await;
    let preview = board.preview.as_ref().expect("a preview");
    assert_eq!((preview.from.as_str(), preview.cluster.as_str(), preview.cluster_id.as_deref()), (CLUSTER, OTHER, Some(OTHER_ID)));
    assert!(matches!(preview.writing, Writing::Locked { .. }), "{:?}", preview.writing);
    desk.start(&board, None);
    desk.until("refusal", |board| board.refusal.is_some()).await;
    desk.desk.command(ReplayCommand::Allow { replay_id: preview.replay_id.clone(), typed_name: None });
    let board = desk.until("leave", |board| board.preview.as_ref().is_some_and(|preview| preview.writing == Writing::Allowed)).await;
    desk.start(&board, None);
    desk.until("sent", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 3)).await;
    assert_eq!((other.sent().len(), desk.world.sent().len(), other.sent()[0].channel.as_str()), (3, 0, TARGET));
    // The group of the first cluster says nothing of what lies on the other.
    desk.world.read_all();
    let board = desk.until("sent", |board| (0..3).all(|offset| matches!(board.state(&key(offset)), LetterState::Sent(_)))).await;
    assert_eq!(board.run.as_ref().expect("a run").num_consumed, 0);
    let ledger = desk.ledger();
    ledger.know_clusters([(CLUSTER.to_owned(), CLUSTER_ID.to_owned()), (OTHER.to_owned(), OTHER_ID.to_owned())].into()).await.expect("known");
    let record = ledger.letter(&key(0)).expect("it is known where it lies");
    assert_eq!((record.cluster_id.as_str(), record.target_cluster_id.as_str()), (CLUSTER_ID, OTHER_ID));
    let reads = |committed: i64| Consumers { committed: Some(committed), num_members: Some(1) };
    let group = (GROUP.to_owned(), TARGET.to_owned());
    desk.world.groups_elsewhere.lock().insert(group.clone(), reads(1));
    let board = desk.until("the first is consumed", |board| *board.state(&key(0)) == LetterState::Consumed).await;
    assert!(matches!(board.state(&key(2)), LetterState::Sent(_)), "the group there has not read it");
    desk.world.groups_elsewhere.lock().insert(group, reads(3));
    desk.until("all are consumed", |board| (0..3).all(|offset| *board.state(&key(offset)) == LetterState::Consumed)).await;
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board), (Ending::Finished, String::new()));
    let nobody = ReplayOptions { to: Some("nowhere".into()), ..ReplayOptions::default() };
    let board = desk.previewed(asks(TARGET, vec![asked(0)], nobody)).await;
    assert!(board.refusal.as_ref().is_some_and(|reason| reason.contains("nowhere")), "{:?}", board.refusal);
}

#[tokio::test]
async fn nothing_is_sent_to_the_dead_whoever_asks_and_wherever_they_lie() {
    let desk = Desk::new(World::new(3));
    desk.desk.add_cluster(OTHER, Arc::new(World::new(0)) as Arc<dyn ClusterAccess>);
    // What was chosen in a list of records by its place alone, as it lies among the dead.
    let by_place = || vec![AskedLetter::at(at(DEAD, 0))];
    let elsewhere = ReplayOptions { to: Some(OTHER.into()), ..ReplayOptions::default() };
    for (case, target, letters, options) in [
        ("where it lies", DEAD, by_place(), ReplayOptions::default()),
        ("where it lies, though it is sent once more", DEAD, by_place(), ReplayOptions { again: true, ..ReplayOptions::default() }),
        ("another of them", "payments.DLQ", by_place(), ReplayOptions::default()),
        ("a letter", DEAD, vec![asked(0)], ReplayOptions::default()),
        ("what is alive", "payments-dead-letter", vec![plain(1)], ReplayOptions::default()),
        ("another cluster", DEAD, vec![asked(0)], elsewhere.clone()),
        ("what the profile names", FAILED, vec![plain(1)], ReplayOptions::default()),
    ] {
        let board = desk.previewed(asks(target, letters, options)).await;
        let told = board.refusal.clone().unwrap_or_default();
        assert!(told.starts_with(target) && told.contains("is a dead-letter channel") && told.contains("Name the channel"), "{case}: {told}");
        assert!(board.preview.is_none() && desk.world.num_reads.load(Ordering::Relaxed) == 0, "{case}");
        desk.desk.command(ReplayCommand::Dismiss);
        desk.until("no refusal", |board| board.refusal.is_none()).await;
    }
    // A plan's file asks as anybody does.
    let board = desk.previewed(asks(TARGET, vec![asked(0)], ReplayOptions::default())).await;
    desk.desk.command(ReplayCommand::WritePlan { replay_id: board.preview.as_ref().expect("a preview").replay_id.clone() });
    let (_, path) = desk.until("the file", |board| board.plan_file.is_some()).await.plan_file.clone().expect("a file");
    let text = std::fs::read_to_string(&path).expect("it is there").replace("\"target\": \"orders\"", "\"target\": \"orders-dlt\"");
    std::fs::write(&path, text).expect("written");
    let board = desk.previewed(read_plan(&path).expect("a plan")).await;
    assert!(board.refusal.as_ref().is_some_and(|told| told.starts_with("orders-dlt is a dead-letter channel")), "{:?}", board.refusal);
    assert!(desk.world.sent().is_empty());
}

#[tokio::test]
async fn what_cannot_fit_into_the_target_is_skipped_as_it_would_be_sent_and_an_unknown_limit_is_told() {
    // `{"order":1,"password":"hunter2"}` has 32 bytes, the one of the third letter two more.
    let world = World { size_limit: Ok(32), ..World::new(3) };
    world.records.lock().get_mut(&2).expect("it lies there").value = Some(b"{\"order\":222,\"password\":\"hunter2\"}".to_vec());
    let desk = Desk::new(world);
    let board = desk.previewed(asks(TARGET, (0..3).map(asked).collect(), ReplayOptions::default())).await;
    let preview = board.preview.as_ref().expect("a preview");
    assert_eq!((preview.targets[0].size_limit.clone(), preview.planned.len(), preview.skipped.len()), (Ok(32), 2, 1));
    let SkippedLetter { letter, reason } = &preview.skipped[0];
    assert!(*letter == key(2) && reason.starts_with("too large:") && reason.contains("orders takes 32 bytes at most (max.message.bytes)"), "{reason}");
    // The ids of records go on without a gap, and what a change makes smaller fits.
    let options = ReplayOptions { changes: to_all(vec![set("order", "7")]), ..ReplayOptions::default() };
    let board = desk.previewed(asks(TARGET, (0..3).map(asked).collect(), options)).await;
    let preview = board.preview.as_ref().expect("a preview");
    assert!(preview.skipped.is_empty() && preview.planned[2].replay_id.ends_with(".3"), "{:?}", preview.skipped);
    // And what one makes larger does not.
    let options = ReplayOptions { changes: to_all(vec![set("order", "77777")]), ..ReplayOptions::default() };
    let board = desk.previewed(asks(TARGET, (0..3).map(asked).collect(), options)).await;
    assert_eq!(board.preview.as_ref().map(|preview| (preview.planned.len(), preview.skipped.len())), Some((0, 3)));

    let why = "these brokers do not tell the settings of topics".to_owned();
    let desk = Desk::new(World { size_limit: Err(why.clone()), ..World::new(3) });
    let board = desk.previewed(asks(TARGET, (0..3).map(asked).collect(), ReplayOptions::default())).await;
    let preview = board.preview.as_ref().expect("a preview");
    assert_eq!((preview.targets[0].size_limit.clone(), preview.planned.len()), (Err(why), 3));
}

#[tokio::test]
async fn a_plan_is_written_down_and_asks_for_the_same_again() {
    let desk = Desk::new(World::new(6));
    let changes = Changes {
        to_all: vec![set("parcels", "1")],
        to_one: BTreeMap::from([(key(2), vec![Change::SetHeader { name: "n".to_owned(), value: NewBytes::Hex("00ff".to_owned()) }])]),
    };
    let options = ReplayOptions { changes: Arc::new(changes), by_key: true, keeps_time: true, ..ReplayOptions::default() };
    let board = desk.previewed(asks(TARGET, (0..6).map(asked).collect(), options.clone())).await;
    let preview = Arc::clone(board.preview.as_ref().expect("a preview"));
    desk.desk.command(ReplayCommand::WritePlan { replay_id: preview.replay_id.clone() });
    let board = desk.until("the file", |board| board.plan_file.is_some()).await;
    let (of, path) = board.plan_file.clone().expect("a file");
    assert_eq!(of, preview.replay_id);
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert!(!text.contains("hunter2") && text.contains("\"num_records\": 6"), "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
    }
    let read = read_plan(&path).expect("a plan");
    assert_eq!((&read.options, &read.target, read.cluster.as_str()), (&options, &TARGET.into(), CLUSTER));
    // What lies there by now is looked at again: one is another record.
    desk.world.records.lock().get_mut(&4).expect("it lies there").value = Some(b"{\"other\":1}".to_vec());
    let board = desk.previewed(read.clone()).await;
    let again = board.preview.as_ref().expect("a preview");
    let bytes = |preview: &crate::send::replay::Preview| preview.planned.iter().map(|planned| planned.source_hash).collect::<Vec<_>>();
    let same: Vec<RawHash> = bytes(&preview).into_iter().enumerate().filter(|(place, _)| *place != 4).map(|(_, hash)| hash).collect();
    assert_eq!((bytes(again), again.skipped.len()), (same, 1));
    assert!(again.skipped[0].reason.contains("than the one that was planned"), "{:?}", again.skipped);
    let board = desk.previewed(ReplayAsk { plan_key: Some("another".to_owned()), ..read }).await;
    assert!(board.refusal.as_ref().is_some_and(|reason| reason.contains("another ledger")), "{:?}", board.refusal);
}

#[tokio::test]
async fn a_plan_of_an_edited_record_holds_no_secret_of_it_and_sends_it_all_the_same() {
    let desk = Desk::new(World::new(3));
    let by_hand = |value: &str| vec![Change::Value(NewBytes::Text(value.to_owned()))];
    let options = |edits: &[(i64, &str)]| {
        let to_one = edits.iter().map(|(offset, value)| (key(*offset), by_hand(value))).collect();
        ReplayOptions { changes: Arc::new(Changes { to_one, ..Changes::default() }), ..ReplayOptions::default() }
    };
    let one = "{\"order\":77,\"password\":\"hunter2\"}";
    let board = desk.previewed(asks(TARGET, vec![asked(1)], options(&[(1, one)]))).await;
    desk.desk.command(ReplayCommand::WritePlan { replay_id: board.preview.as_ref().expect("a preview").replay_id.clone() });
    let (_, path) = desk.until("the file", |board| board.plan_file.is_some()).await.plan_file.clone().expect("a file");
    let text = std::fs::read_to_string(&path).expect("it is there");
    assert!(!text.contains("hunter2") && text.contains("\"kept\"") && text.contains("77"), "{text}");
    // Where nobody can tell any more what was a secret there, nothing is written.
    let board = desk.previewed(asks(TARGET, vec![asked(2)], options(&[(2, one)]))).await;
    desk.world.records.lock().get_mut(&2).expect("it lies there").value = Some(b"{\"order\":3}".to_vec());
    desk.desk.command(ReplayCommand::WritePlan { replay_id: board.preview.as_ref().expect("a preview").replay_id.clone() });
    let board = desk.until("a refusal", |board| board.refusal.is_some()).await;
    assert!(board.refusal.as_ref().is_some_and(|why| why.starts_with("the plan is not saved: ") && why.contains("is edited")), "{:?}", board.refusal);
    assert!(board.plan_file.is_none());
    assert_eq!(std::fs::read_dir(path.parent().expect("a folder")).expect("it is there").count(), 1, "and none is left of it");
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("nothing", |board| board.preview.is_none() && board.refusal.is_none()).await;
    let board = desk.previewed(read_plan(&path).expect("a plan")).await;
    assert!(board.preview.as_ref().is_some_and(|preview| preview.planned.len() == 1 && preview.planned[0].edited), "{:?}", board.refusal);
    desk.start(&board, None);
    desk.until("it is sent", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 1)).await;
    assert_eq!(desk.world.sent().iter().map(|sent| sent.value.clone()).collect::<Vec<_>>(), [Some(one.as_bytes().to_vec())]);
}

#[tokio::test]
async fn a_run_pauses_where_something_gets_worse_and_goes_on_when_it_is_told_to() {
    let desk = Desk::new(World::new(200));
    let board = desk.preview(0..200).await;
    desk.start(&board, None);
    desk.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    desk.world.read_all();
    let board = desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    let replay_id = board.run.as_ref().expect("a run").replay_id.clone();
    desk.desk.command(ReplayCommand::Continue);
    desk.until("some of the rest", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted > 8)).await;
    desk.world.dies_again(&format!("{replay_id}.7"));
    let paused = |board: &ReplayBoard| match &board.run.as_ref().expect("a run").phase {
        RunPhase::Paused(reason) => Some(reason.clone()),
        _ => None,
    };
    let board = desk.until("a pause", |board| paused(board).is_some()).await;
    assert!(paused(&board).is_some_and(|reason| reason.contains("came back dead")), "{:?}", paused(&board));
    desk.until("all has landed", |board| board.run.as_ref().is_some_and(|run| run.counts.in_flight == 0)).await;
    let num = desk.world.sent().len();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(desk.world.sent().len(), num, "nothing goes while it pauses");
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board), (Ending::Finished, String::new()));
    assert_eq!(desk.world.sent().len(), 200, "the same does not make it pause again");
}

#[tokio::test]
async fn a_run_pauses_where_more_fails_behind_the_group_and_does_so_once() {
    let desk = Desk::new(World::new(200));
    // Some had failed before it began, and the minute before is no reason.
    let fares = |recent_errors: u64, total_errors: u64| Figure { recent_calls: 40, recent_errors, total_calls: 1_000, total_errors, ..Figure::default() };
    *desk.world.fares.lock() = fares(2, 30);
    let board = desk.preview(0..200).await;
    assert_eq!(board.preview.as_ref().map(|preview| preview.readers.calls.len()), Some(2));
    *desk.world.fares.lock() = fares(4, 36);
    desk.start(&board, None);
    desk.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    desk.world.read_all();
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    desk.desk.command(ReplayCommand::Continue);
    desk.until("some of the rest", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted > 8)).await;
    *desk.world.fares.lock() = fares(10, 42);
    let board = desk.until_phase(|phase| matches!(phase, RunPhase::Paused(_))).await;
    let told = "inventory → stock fails more: 10 of 40 in the last minute, 10 % before";
    assert_eq!(board.run.as_ref().expect("a run").phase, RunPhase::Paused(told.to_owned()));
    assert!(desk.world.sent().len() < 200, "the rest waits");
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board), (Ending::Finished, String::new()), "the same does not make it pause again");
    assert_eq!(desk.world.sent().len(), 200);
}

#[tokio::test]
async fn one_run_at_a_time_sends_to_a_cluster_over_all_programs() {
    let desk = Desk::new(World::new(3));
    let board = desk.preview(0..3).await;
    let elsewhere = RunLock::take(&desk.folder.path().join("ledger.sqlite"), CLUSTER_ID).expect("nobody has it");
    desk.start(&board, None);
    let board = desk.until("refusal", |board| board.refusal.is_some()).await;
    assert!(board.refusal.as_ref().is_some_and(|reason| reason.contains("another window or command")) && desk.world.sent().is_empty());
    drop(elsewhere);
    desk.start(&board, None);
    desk.until("sent", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 3)).await;
}
