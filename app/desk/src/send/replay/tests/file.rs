//! Records of a file: written from a cluster, read once, and sent by the same way as those on a broker, which they are known as.

use std::path::{Path, PathBuf};

use super::*;
use crate::send::edit::{Change, Changes, NewBytes};
use crate::send::replay::{AskedFile, ReplayTarget, read_plan};
use crate::send::{RecordExport, RecordExportState, RecordsExported};

fn of_file(path: &Path) -> ReplayAsk {
    ReplayAsk {
        cluster: CLUSTER.into(),
        target: ReplayTarget::Own(BTreeMap::new()),
        letters: AskedLetters::File(AskedFile::at(path)),
        num_stored: 0,
        plan_key: None,
        options: ReplayOptions::default(),
    }
}

fn again(path: &Path) -> ReplayAsk {
    ReplayAsk { options: ReplayOptions { again: true, ..ReplayOptions::default() }, ..of_file(path) }
}

impl Desk {
    fn written(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    async fn export(&self, records: Vec<MessageRef>, file: &str) -> Result<RecordsExported, String> {
        self.desk.command(ReplayCommand::CloseExport);
        self.until("nothing", |board| board.export.is_none()).await;
        self.desk.command(ReplayCommand::Export(RecordExport { records, file: file.to_owned() }));
        let is_over = |board: &ReplayBoard| matches!(board.export, Some(RecordExportState::Done(_) | RecordExportState::Failed(_)));
        match self.until("the export", is_over).await.export.clone() {
            Some(RecordExportState::Done(done)) => Ok(done),
            Some(RecordExportState::Failed(reason)) => Err(reason),
            other => panic!("{other:?}"),
        }
    }

    /// Sends all of a preview that fits into the first few, and puts it away.
    async fn sent_of(&self, board: &ReplayBoard) {
        let num = board.preview.as_ref().expect("a preview").planned.len();
        self.start(board, None);
        self.until("all sent", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == num)).await;
        self.desk.command(ReplayCommand::Stop);
        self.until_phase(is_ended).await;
        self.desk.command(ReplayCommand::Dismiss);
        self.until("nothing", |board| board.run.is_none() && board.preview.is_none()).await;
    }
}

fn planned(board: &ReplayBoard) -> usize {
    board.preview.as_ref().unwrap_or_else(|| panic!("{:?}", board.refusal)).planned.len()
}

fn skipped(board: &ReplayBoard) -> Vec<&str> {
    board.preview.as_ref().expect("a preview").skipped.iter().map(|skipped| skipped.reason.as_str()).collect()
}

fn values(records: &[OutgoingRecord]) -> Vec<String> {
    records.iter().map(|record| String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()).collect()
}

#[tokio::test]
async fn what_was_sent_from_the_broker_or_from_its_export_was_sent_before_whichever_way_it_comes_again() {
    let desk = Desk::new(World::new(3));
    let done = desk.export([0, 1, 2, 9].map(|offset| at(DEAD, offset)).to_vec(), "letters.jsonl").await.expect("written");
    assert_eq!((done.num_records, done.num_cut, done.path.clone()), (3, 0, desk.folder.path().join("exports/letters.jsonl")));
    assert_eq!(done.skipped.values().sum::<u64>(), 1, "{:?}", done.skipped);
    assert!(done.skipped.keys().all(|reason| reason.contains("expired")));
    let text = std::fs::read_to_string(&done.path).expect("there");
    assert!(text.lines().count() == 3 && text.contains("hunter2") && text.len() as u64 == done.num_bytes, "as it lies on the broker: {text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&done.path).expect("there").permissions().mode() & 0o777, 0o600);
    }
    // Two of them from the broker, by their places.
    let of_broker = |offsets: &[i64]| {
        let letters = offsets.iter().map(|offset| AskedLetter::at(at(DEAD, *offset))).collect();
        ReplayAsk { target: TARGET.into(), letters: AskedLetters::These(letters), ..of_file(Path::new("")) }
    };
    let board = desk.previewed(of_broker(&[0, 1])).await;
    desk.sent_of(&board).await;
    let to_target = || ReplayAsk { target: TARGET.into(), ..of_file(&done.path) };
    let board = desk.previewed(to_target()).await;
    assert_eq!((planned(&board), skipped(&board)), (1, vec!["sent before", "sent before"]));
    let preview = board.preview.as_ref().expect("a preview");
    assert!(preview.planned[0].asked.is_dead && preview.file.is_some() && preview.num_stored == 3);
    desk.sent_of(&board).await;
    let board = desk.previewed(of_broker(&[2])).await;
    assert_eq!((planned(&board), skipped(&board)), (0, vec!["sent before"]));
    let sent = desk.world.sent();
    assert_eq!(sent.len(), 3);
    let source = sent[2].headers.iter().find(|header| header.name == SOURCE_HEADER).and_then(|header| header.value.clone());
    assert_eq!((sent[2].key.clone(), source), (Some(b"order-2".to_vec()), Some(b"orders-dlt/0/2".to_vec())));
    assert!(values(&sent)[2].contains("hunter2"));
    let lines = desk.ledger().lines(10).await.expect("lines");
    assert!(lines.iter().all(|line| line.cluster_id.as_deref() == Some(CLUSTER_ID)), "{lines:?}");
}

#[tokio::test]
async fn an_export_is_never_written_over_a_file_and_says_why_nothing_was_written() {
    let desk = Desk::new(World::new(1));
    desk.export(vec![at(DEAD, 0)], "one.jsonl").await.expect("written");
    for (records, file, why) in [
        (vec![at(DEAD, 0)], "one.jsonl", "is there already and is not written over"),
        (vec![at(DEAD, 0)], "../one.jsonl", "leads out of the folder"),
        (vec![at(DEAD, 7)], "gone.jsonl", "No record could be read again: expired"),
        (Vec::new(), "none.jsonl", "there is no record to write"),
        (vec![MessageRef { cluster: "nowhere".into(), ..at(DEAD, 0) }], "far.jsonl", "nowhere has not said yet what it calls itself"),
    ] {
        let told = desk.export(records, file).await.expect_err(file);
        assert!(told.contains(why), "{told}");
    }
    let names: Vec<String> = std::fs::read_dir(desk.folder.path().join("exports"))
        .expect("there")
        .map(|entry| entry.expect("one").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, ["one.jsonl"], "nothing is left of what was not written");
}

#[tokio::test]
async fn a_file_is_held_as_it_was_previewed_and_is_sent_a_second_time_only_where_that_is_asked_for() {
    let desk = Desk::new(World::new(1));
    let text = "{\"topic\":\"orders\",\"key\":{\"text\":\"k\"},\"value\":{\"text\":\"{\\\"parcels\\\":0}\"}}\n".repeat(2)
        + "{\"cluster\":\"lkc-7\",\"topic\":\"orders\",\"partition\":0,\"offset\":5,\"timestamp_ms\":1000,\"value\":{\"text\":\"far\"}}\n";
    let path = desk.written("orders.jsonl", &text);
    let board = desk.previewed(of_file(&path)).await;
    assert_eq!(planned(&board), 3, "two that hold the same are two: {:?}", skipped(&board));
    // What becomes of the file is nothing to what was previewed.
    desk.written("orders.jsonl", "gone");
    desk.sent_of(&board).await;
    assert_eq!(values(&desk.world.sent()), ["{\"parcels\":0}", "{\"parcels\":0}", "far"]);
    let path = desk.written("orders.jsonl", &text);
    let board = desk.previewed(of_file(&path)).await;
    assert_eq!((planned(&board), skipped(&board)), (0, vec!["sent before"; 3]));
    let board = desk.previewed(again(&path)).await;
    assert_eq!(planned(&board), 3);
    let ids: BTreeSet<Option<String>> = desk.ledger().lines(10).await.expect("lines").into_iter().map(|line| line.cluster_id).collect();
    assert_eq!(ids, BTreeSet::from([Some("a file".to_owned()), Some("lkc-7".to_owned())]));
}

#[tokio::test]
async fn one_record_of_a_file_is_edited_and_its_plan_refuses_a_file_that_changed() {
    let desk = Desk::new(World::new(1));
    let line = |value: &str| format!("{{\"topic\":\"orders\",\"value\":{{\"text\":\"{value}\"}}}}\n");
    let path = desk.written("orders.jsonl", &(line("a") + "\n" + &line("b")));
    let board = desk.previewed(of_file(&path)).await;
    let letters: Vec<AskedLetter> = board.preview.as_ref().expect("a preview").planned.iter().map(|planned| planned.asked.clone()).collect();
    desk.desk.command(ReplayCommand::Edit(letters[1].clone()));
    let board = desk.until("what is edited", |board| board.editing.as_ref().is_some_and(|editing| editing.read.is_some())).await;
    let read = board.editing.as_ref().and_then(|editing| editing.read.clone()).expect("read").expect("it stands there");
    assert_eq!(read.value.as_deref(), Some(&b"b"[..]));
    let changes = Changes { to_one: BTreeMap::from([(letters[1].letter.clone(), vec![Change::Value(NewBytes::Text("c".into()))])]), ..Changes::default() };
    let board = desk.previewed(ReplayAsk { options: ReplayOptions { changes: Arc::new(changes), ..ReplayOptions::default() }, ..of_file(&path) }).await;
    let edited = |board: &ReplayBoard| board.preview.as_ref().expect("a preview").planned.iter().map(|planned| planned.edited).collect::<Vec<_>>();
    assert_eq!(edited(&board), [false, true]);
    desk.desk.command(ReplayCommand::WritePlan { replay_id: board.preview.as_ref().expect("a preview").replay_id.clone() });
    let (_, plan) = desk.until("the file", |board| board.plan_file.is_some()).await.plan_file.clone().expect("a file");
    let text = std::fs::read_to_string(&plan).expect("there");
    assert!(text.contains("orders.jsonl") && text.contains("\"line\": 3") && text.contains("\"file_hash\""), "{text}");
    let ask = read_plan(&plan).expect("a plan");
    let board = desk.previewed(ask.clone()).await;
    assert_eq!(edited(&board), [false, true]);
    desk.sent_of(&board).await;
    assert_eq!(values(&desk.world.sent()), ["a", "c"]);
    desk.written("orders.jsonl", &line("x"));
    let board = desk.previewed(ask).await;
    assert!(board.refusal.as_ref().is_some_and(|reason| reason.contains("is not what it was when it was planned")), "{:?}", board.refusal);
}

#[tokio::test]
async fn what_was_sent_of_a_file_is_followed_while_another_one_is_previewed_and_sent() {
    let desk = Desk::new(World::new(1));
    let line = |cluster: &str, offset: i64| {
        let time_ms = 1_000 + offset;
        let place = format!("\"topic\":\"{DEAD}\",\"partition\":0,\"offset\":{offset},\"timestamp_ms\":{time_ms}");
        format!("{{\"cluster\":\"{cluster}\",{place},\"value\":{{\"text\":\"of {cluster}\"}}}}\n")
    };
    // At the same places of two clusters that no source reads.
    let [first, second] = ["lkc-1", "lkc-2"].map(|cluster| desk.written(&format!("{cluster}.jsonl"), &(line(cluster, 0) + &line(cluster, 1))));
    let to_target = |path: &Path| ReplayAsk { target: TARGET.into(), ..of_file(path) };
    let letters = |board: &ReplayBoard| {
        let preview = board.preview.as_ref().unwrap_or_else(|| panic!("{:?}", board.refusal));
        (preview.replay_id.clone(), preview.planned.iter().map(|planned| planned.asked.letter.clone()).collect::<Vec<_>>())
    };
    let board = desk.previewed(to_target(&first)).await;
    let (replay_id, of_first) = letters(&board);
    desk.sent_of(&board).await;
    let board = desk.previewed(to_target(&second)).await;
    let (_, of_second) = letters(&board);
    let is_sent = |board: &ReplayBoard, letter: &LetterKey| *board.state(letter) == LetterState::Sent(SentState::Persisted);
    assert!(of_first.len() == 2 && of_first.iter().all(|letter| is_sent(&board, letter)), "{of_first:?}");
    assert!(of_second.len() == 2 && of_second.iter().all(|letter| *board.state(letter) == LetterState::Open), "{of_second:?}");
    // While the second stands there, and once it was sent.
    desk.world.dies_again(&format!("{replay_id}.1"));
    let board_of_second = desk.until("it died again", |board| *board.state(&of_first[0]) == LetterState::DeadAgain).await;
    assert!(is_sent(&board_of_second, &of_first[1]));
    desk.sent_of(&board_of_second).await;
    desk.until("the second is sent", |board| of_second.iter().all(|letter| is_sent(board, letter))).await;
    desk.world.dies_in(GROUP, &format!("{replay_id}.2"));
    let board = desk.until("the other died again", |board| *board.state(&of_first[1]) == LetterState::DeadAgain).await;
    assert!(of_second.iter().all(|letter| is_sent(&board, letter)), "each is of its own file");
    assert_eq!(values(&desk.world.sent()), ["of lkc-1", "of lkc-1", "of lkc-2", "of lkc-2"]);
}

#[tokio::test]
async fn what_is_no_file_of_records_and_what_would_go_to_the_dead_is_refused_and_says_what_to_do() {
    let mut world = World::new(1);
    world.caps = Caps { num_most: Some(2), ..Caps::default() };
    let desk = Desk::new(world);
    let line = |topic: &str| format!("{{\"topic\":\"{topic}\",\"value\":{{\"text\":\"x\"}}}}\n");
    let broken = desk.written("broken.jsonl", &(line("orders") + "{\"topic\":\"orders\"}\n"));
    let good = desk.written("good.jsonl", &line("orders").repeat(3));
    let dead = desk.written("dead.jsonl", &line(FAILED));
    for (ask, why) in [
        (of_file(&broken), "broken.jsonl, line 2: missing field `value`"),
        (of_file(Path::new("/nowhere/none.jsonl")), "none.jsonl cannot be read"),
        (ReplayAsk { target: DEAD.into(), ..of_file(&good) }, "orders-dlt is a dead-letter channel"),
        (ReplayAsk { target: "".into(), ..of_file(&good) }, "Name the channel to send them to"),
        (of_file(&dead), "Name one for those of orders.rejected"),
        (ReplayAsk { cluster: "nowhere".into(), ..of_file(&good) }, "no source of the profile is called nowhere"),
    ] {
        // What was refused before is read.
        desk.desk.command(ReplayCommand::Dismiss);
        desk.until("nothing", |board| board.refusal.is_none()).await;
        let board = desk.previewed(ask).await;
        assert!(board.preview.is_none() && board.refusal.as_ref().is_some_and(|reason| reason.contains(why)), "{why}: {:?}", board.refusal);
    }
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("nothing", |board| board.refusal.is_none()).await;
    let board = desk.previewed(of_file(&good)).await;
    assert_eq!(planned(&board), 2);
    assert!(matches!(skipped(&board)[..], [left] if left.contains("left for another run")), "{:?}", skipped(&board));
    assert!(desk.world.sent().is_empty());
}

#[tokio::test]
async fn a_source_that_tells_of_the_files_cluster_while_its_preview_stands_takes_no_name_from_its_letters() {
    let desk = Desk::new(World::new(1));
    let line = |offset: i64| {
        let time_ms = 1_000 + offset;
        format!(
            "{{\"cluster\":\"lkc-9\",\"topic\":\"{DEAD}\",\"partition\":0,\"offset\":{offset},\"timestamp_ms\":{time_ms},\"value\":{{\"text\":\"far\"}}}}\n"
        )
    };
    let path = desk.written("far.jsonl", &(0..7).map(line).collect::<Vec<_>>().concat());
    let board = desk.previewed(ReplayAsk { target: TARGET.into(), ..of_file(&path) }).await;
    assert_eq!(planned(&board), 7, "{:?}", skipped(&board));
    *desk.world.added.lock() = Some(("far".to_owned(), "lkc-9".to_owned()));
    desk.start(&board, None);
    let board = desk.until("the first few", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    let run = board.run.as_ref().expect("a run");
    let of_file = run.canary[2].letter.clone();
    let of_source = LetterKey { at: MessageRef { cluster: "far".into(), ..of_file.at.clone() }, ..of_file.clone() };
    assert_eq!(of_file.at.cluster, "cluster lkc-9");
    desk.until("both names", |board| [&of_file, &of_source].iter().all(|letter| *board.state(letter) == LetterState::Sent(SentState::Persisted))).await;
    desk.world.dies_again(&format!("{}.3", run.replay_id));
    let board = desk.until_phase(is_ended).await;
    let (ending, reason) = ending(&board);
    assert!(ending == Ending::Halted && reason.contains("came back dead"), "{reason}");
    let run = board.run.as_ref().expect("a run");
    assert_eq!((run.num_dead_again, run.canary[2].state.clone(), desk.world.sent().len()), (1, LetterState::DeadAgain, 5));
    desk.until("both names", |board| *board.state(&of_source) == LetterState::DeadAgain).await;
}
