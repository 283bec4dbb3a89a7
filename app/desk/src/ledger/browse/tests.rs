//! The ledger as it is looked through: what is listed, what is found, what is said where nothing can be read, and that nobody waits.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::params;
use switchboard_model::{MessageRef, OperationEnd, Outcome, Place, Receipt};

use super::reading::{Reading, Unread};
use super::*;
use crate::ledger::place::encode;
use crate::ledger::{
    ComposedIntent, Ending, Fate, FateLine, Intent, KindHash, Ledger, LedgerPlace, LetterKey, NewRun, Refusal, RunId, Settled, Settlement, TargetKind, schema,
    several_channels,
};

const T: i64 = 1_795_258_800_000_000_000;

fn wait<T>(future: impl Future<Output = T>) -> T {
    pollster::block_on(future)
}

fn run(replay_id: &str, target: &str, num_planned: u64, at_ns: i64) -> NewRun {
    NewRun {
        replay_id: replay_id.into(),
        profile: "shop".into(),
        operator: "ada".into(),
        cluster: if target.contains("://") { target.into() } else { "local".into() },
        cluster_id: "lkc-1".into(),
        target: target.into(),
        num_planned,
        at_ns,
    }
}

fn letter(offset: i64) -> LetterKey {
    let at = MessageRef { cluster: "local".into(), channel: "orders.placed-dlt".into(), place: Place::at(0, offset) };
    LetterKey { at, timestamp_ns: Some(T - offset) }
}

fn intent(run_id: RunId, offset: i64) -> Intent {
    Intent {
        cluster_id: None,
        edited: false,
        again: None,
        run_id,
        letter: letter(offset),
        kind: KindHash::of(Some("orders.placed"), "NullPointerException"),
        failed_group: Some("inventory".into()),
        target: "orders.placed".into(),
        target_partition: Some(3),
        hash: format!("{offset:032x}"),
        size_bytes: 412,
        replay_count: 1,
        replay_id: format!("r-1.{offset}"),
        at_ns: T + offset,
    }
}

fn composed(kind: TargetKind, target: &str, call: &str, name: &str) -> ComposedIntent {
    ComposedIntent {
        target_kind: kind,
        target: target.into(),
        call: call.into(),
        partition: None,
        hash: "ab".repeat(16),
        size_bytes: 68,
        send_name: name.into(),
        at_ns: T,
    }
}

/// A ledger with a replay of four, a request, a call, a record that never left, and a refusal.
fn ledger(path: &Path) -> Ledger {
    let ledger = Ledger::open(path).expect("a ledger");
    let run_id = wait(ledger.begin_run(run("r-1", "orders.placed", 4, T))).expect("written");
    let settle = |offset: i64, outcome: Outcome| {
        let send_id = wait(ledger.intend(intent(run_id, offset))).expect("written");
        wait(ledger.settle(send_id, &letter(offset), Settlement { settled: Settled::Tried(outcome), at_ns: T + 50 })).expect("written");
        send_id
    };
    let first = settle(1, Outcome::persisted(Some(Place::at(2, 77))));
    settle(2, Outcome::NotDone("the broker refused it: RecordTooLarge".into()));
    settle(3, Outcome::persisted(Some(Place::at(2, 78))));
    wait(ledger.intend(intent(run_id, 4))).expect("written");
    wait(ledger.follow(first, &letter(1), FateLine { fate: Fate::Consumed, evidence: "inventory committed 78".into(), at_ns: T + 90 })).expect("written");
    wait(ledger.end_run(run_id, Ending::Halted, "the first five were not read", T + 100)).expect("written");
    let call = |name: &str, at_ns: i64, intent: ComposedIntent, outcome: Outcome| {
        let ids = wait(ledger.begin_call(run(name, &intent.target, 1, at_ns), intent)).expect("written");
        let settlement = Settlement { settled: Settled::Tried(outcome), at_ns: at_ns + 9 };
        wait(ledger.end_call(ids, settlement, Ending::Finished)).expect("written");
    };
    let request = composed(TargetKind::Http, "http://localhost:8080", "POST /checkout", "s-1");
    call("s-1", T + 1_000, request.clone(), Outcome::Done(Receipt::Answered(201)));
    call("s-2", T + 2_000, composed(TargetKind::Grpc, "http://localhost:50051", "shop.v1.Orders/Place", "s-2"), Outcome::Done(Receipt::Called(5)));
    call("s-3", T + 3_000, request, Outcome::NotDone("nobody listens on localhost:8080".into()));
    let run_id = wait(ledger.begin_run(run("s-4", "orders.placed", 2, T + 4_000))).expect("written");
    wait(ledger.end_run(run_id, Ending::Halted, "no broker answered", T + 4_001)).expect("written");
    let refusal = |command: &str, cluster: &str, target: &str, at_ns: i64| Refusal {
        profile: "shop".into(),
        operator: "ada".into(),
        cluster: cluster.into(),
        command: command.into(),
        target: target.into(),
        num_letters: 4,
        reason: "the profile is read-only".into(),
        at_ns,
    };
    wait(ledger.refuse(refusal("replay", "local", "orders.placed", T + 5_000))).expect("written");
    wait(ledger.refuse(refusal("send", "https://shop.example", "DELETE /orders", T + 500))).expect("written");
    ledger
}

fn look(filter: LedgerFilter, sends: Option<RunId>) -> LedgerLook {
    LedgerLook { runs: RunsQuery { filter, skip: 0 }, sends: sends.map(|run_id| SendsQuery { run_id, skip: 0 }) }
}

fn read(path: &Path, filter: LedgerFilter, sends: Option<RunId>) -> (RunsPage, Option<SendsPage>) {
    let mut reading = Reading::open(path).expect("it is read");
    let (mut runs, sends) = reading.look(&look(filter, sends)).expect("it is read");
    reading.count(&mut runs.rows).expect("counted");
    (runs, sends)
}

/// Each line in words.
fn words(page: &RunsPage) -> Vec<String> {
    let became = |row: &RunLine| row.became().into_iter().map(|(became, num)| format!(" · {num} {}", row.word(became))).collect::<Vec<_>>().concat();
    page.rows
        .iter()
        .map(|row| format!("{}{} {}{}{}", if row.is_refusal() { "refused " } else { "" }, row.kind.word(), row.target, row.call, became(row)))
        .collect()
}

#[test]
fn runs_and_refusals_are_listed_the_newest_first_with_what_became_of_their_sends() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let _open = ledger(&path);
    let (page, _) = read(&path, LedgerFilter::default(), None);
    assert_eq!((page.total, page.num_all), (7, 7));
    assert_eq!(
        words(&page),
        [
            "refused replay orders.placed",
            "record orders.placed",
            "request http://localhost:8080POST /checkout · 1 not sent",
            "call http://localhost:50051shop.v1.Orders/Place · 1 called",
            "request http://localhost:8080POST /checkout · 1 answered",
            "refused send https://shop.exampleDELETE /orders",
            "replay orders.placed · 2 persisted · 1 consumed · 1 not persisted · 1 possibly persisted",
        ]
    );
    let replay = page.rows.last().expect("a replay");
    assert_eq!((replay.ending, replay.reason.as_str(), replay.num_planned), (Some(Ending::Halted), "the first five were not read", 4));
    assert_eq!((replay.operator.as_str(), replay.profile.as_deref(), replay.cluster.as_str()), ("ada", Some("shop"), "local"));
    assert_eq!((replay.at_ns, replay.ended_ns, replay.replay_id.as_str()), (T, Some(T + 100), "r-1"));
    assert_eq!(page.rows.iter().map(|row| row.status).collect::<Vec<_>>(), [None, None, None, Some(5), Some(201), None, None], "where all have the same");
    let counts = replay.counts.expect("counted");
    assert_eq!((counts.total, counts.unsettled, counts.possibly), (4, 1, 0));
    let json = replay.to_json();
    assert_eq!((json["what"].as_str(), json["became"]["not persisted"].as_u64(), json["ending"].as_str()), (Some("replay"), Some(1), Some("halted")));
}

#[test]
fn sends_of_a_run_tell_all_that_the_ledger_knows_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let _open = ledger(&path);
    let (_, sends) = read(&path, LedgerFilter::default(), Some(RunId(1)));
    let sends = sends.expect("sends");
    assert_eq!((sends.total, sends.num_all, sends.rows.len()), (4, 4, 4));
    let first = &sends.rows[0];
    assert_eq!((first.letter.as_ref(), first.route.as_str(), first.size_bytes), (Some(&letter(1)), "partition 3", 412));
    assert_eq!((first.word(), first.settled.place(), first.settled_ns), ("persisted", Some(&Place::at(2, 77)), Some(T + 50)));
    assert_eq!((first.fate, first.evidence.as_str(), first.fate_ns), (Some(Fate::Consumed), "inventory committed 78", Some(T + 90)));
    assert_eq!((first.replay_id.as_str(), first.failed_group.as_deref(), first.is_edited), ("r-1.1", Some("inventory"), false));
    assert_eq!((sends.rows[1].word(), sends.rows[1].settled.reason()), ("not persisted", "the broker refused it: RecordTooLarge"));
    assert_eq!((sends.rows[3].word(), sends.rows[3].settled_ns), ("possibly persisted", None));
    let (_, sends) = read(&path, LedgerFilter::default(), Some(RunId(4)));
    let request = &sends.expect("sends").rows[0];
    assert_eq!((request.word(), request.call.as_str(), request.letter.as_ref(), request.route.as_str()), ("not sent", "POST /checkout", None, ""));
    let (_, sends) = read(&path, LedgerFilter::default(), Some(RunId(2)));
    assert_eq!(sends.expect("sends").rows[0].to_json()["status"], 201);
}

#[test]
fn a_text_a_target_and_an_outcome_find_runs_and_the_sends_that_are_meant() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let _open = ledger(&path);
    let text = |text: &str| LedgerFilter { text: text.into(), ..LedgerFilter::default() };
    let of = |target_kind: TargetKind| LedgerFilter { target_kind: Some(target_kind), ..LedgerFilter::default() };
    let became = |became: Became| LedgerFilter { became: Some(became), ..LedgerFilter::default() };
    let found = |filter: &LedgerFilter| read(&path, filter.clone(), None).0.rows.iter().map(|row| (row.at_ns - T) / 500).collect::<Vec<_>>();
    for (filter, at) in [
        (text("CHECKOUT"), vec![6, 2]),
        (text("r-1.3"), vec![0]),
        (text("recordtoolarge"), vec![0]),
        (text("inventory committed"), vec![0]),
        (text("orders.placed-dlt@0@17"), vec![]),
        (text("orders.placed-dlt@0@3"), vec![0]),
        (text("0@3"), vec![0]),
        (text("orders.placed 2@78"), vec![0]),
        (text("read-only"), vec![10, 1]),
        (text("100%"), vec![]),
        (text("ada"), vec![10, 8, 6, 4, 2, 1, 0]),
        (of(TargetKind::Channel), vec![10, 8, 0]),
        (of(TargetKind::Http), vec![6, 2, 1]),
        (of(TargetKind::Grpc), vec![4, 1]),
        (became(Became::Done), vec![4, 2, 0]),
        (became(Became::NotDone), vec![6, 0]),
        (became(Became::Possibly), vec![0]),
        (became(Became::Refused), vec![10, 1]),
        (became(Became::Consumed), vec![0]),
        (became(Became::DeadAgain), vec![]),
        (LedgerFilter { target: Some("http://localhost:8080".into()), became: Some(Became::NotDone), ..LedgerFilter::default() }, vec![6]),
    ] {
        assert_eq!(found(&filter), at, "{filter:?}");
    }
    let sends = |filter: LedgerFilter| {
        let sends = read(&path, filter, Some(RunId(1))).1.expect("sends");
        (sends.rows.iter().map(|send| send.replay_id.clone()).collect::<Vec<_>>().join(" "), sends.num_all)
    };
    assert_eq!(sends(became(Became::NotDone)), ("r-1.2".to_owned(), 4));
    assert_eq!(sends(text("0@3")), ("r-1.3".to_owned(), 4));
    assert_eq!(sends(text("first five")), ("r-1.1 r-1.2 r-1.3 r-1.4".to_owned(), 4), "a text of the run means all of its sends");
}

#[test]
fn a_run_to_several_channels_is_found_by_each_of_them_with_the_sends_that_go_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let ledger = ledger(&path);
    let run_id = wait(ledger.begin_run(run("r-9", &several_channels(2), 3, T + 9_000))).expect("written");
    for (offset, target) in [(21, "payments"), (22, "orders.placed"), (23, "payments")] {
        let intent = Intent { target: target.into(), replay_id: format!("r-9.{offset}"), ..intent(run_id, offset) };
        wait(ledger.intend(intent)).expect("written");
    }
    let to = |target: &str| LedgerFilter { target: Some(target.into()), ..LedgerFilter::default() };
    let text = |text: &str| LedgerFilter { text: text.into(), ..LedgerFilter::default() };
    let found = |filter: LedgerFilter| {
        let (runs, sends) = read(&path, filter, Some(run_id));
        let sends: Vec<String> = sends.expect("sends").rows.iter().map(|send| format!("{} {}", send.replay_id, send.target)).collect();
        (runs.rows.iter().map(|row| (row.at_ns - T) / 500).collect::<Vec<_>>(), sends)
    };
    let all = ["r-9.21 payments", "r-9.22 orders.placed", "r-9.23 payments"];
    assert_eq!(found(to("payments")), (vec![18], vec![all[0].to_owned(), all[2].to_owned()]));
    assert_eq!(found(to("orders.placed")), (vec![18, 10, 8, 0], vec![all[1].to_owned()]));
    assert_eq!(found(to("2 topics")), (vec![18], all.map(str::to_owned).to_vec()));
    assert_eq!(found(text("payments")), (vec![18], all.map(str::to_owned).to_vec()));
    assert!(found(to("shipments")).0.is_empty());
}

/// A ledger with a run of so many sends, and as many requests before it.
fn large(path: &Path, num: i64) {
    let mut connection = schema::open(path).expect("a ledger");
    let at_once = connection.transaction().expect("begun");
    {
        let mut runs = at_once
            .prepare(
                "INSERT INTO runs (replay_id, profile, operator, cluster, cluster_id, target, num_planned, started_ns, ended_ns, ending, reason) \
                 VALUES (?, 'shop', 'ada', 'local', 'lkc-1', ?, ?, ?, ?, 'finished', '')",
            )
            .expect("prepared");
        let mut sends = at_once
            .prepare(
                "INSERT INTO sends (run_id, cluster, cluster_id, channel, place, timestamp_ns, kind, target_kind, target, call, route, hash, key_id, size_bytes, \
                 replay_count, replay_id, intended_ns, outcome, reason, settled_ns) VALUES (?, 'local', 'lkc-1', ?, ?, ?, 0, ?, ?, ?, 'key', ?, 'k', 412, 1, ?, \
                 ?, ?, '', ?)",
            )
            .expect("prepared");
        let hash = "ab".repeat(16);
        for number in 0..num {
            let (at_ns, name) = (T + number, format!("s-{number:020x}"));
            runs.execute(params![name, "http://localhost:8080", 1, at_ns, at_ns]).expect("written");
            let (call, nowhere) = (format!("POST /orders/{number}"), encode(&Place::default()));
            let run_id = at_once.last_insert_rowid();
            sends
                .execute(params![run_id, None::<&str>, nowhere, None::<i64>, "http", "http://localhost:8080", call, hash, name, at_ns, "answered", at_ns])
                .expect("written");
        }
        runs.execute(params!["r-large", "orders.placed", num, T + num, T + num]).expect("written");
        let run_id = at_once.last_insert_rowid();
        for number in 0..num {
            let outcome = if number % 1_000 == 0 { "not persisted" } else { "persisted" };
            let (place, at_ns, name) = (encode(&Place::at(0, number)), T + num + number, format!("r-large.{number}"));
            sends
                .execute(params![run_id, "orders.placed-dlt", place, at_ns, "channel", "orders.placed", None::<&str>, hash, name, at_ns, outcome, at_ns])
                .expect("written");
        }
    }
    at_once.commit().expect("written");
}

#[test]
fn of_a_large_ledger_pages_come_by_index_however_far_down_they_are() {
    const NUM: i64 = 50_000;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    large(&path, NUM);
    let mut reading = Reading::open(&path).expect("it is read");
    let took = |what: &str, reading: &mut Reading, look: &LedgerLook| {
        let begun = Instant::now();
        let pages = reading.look(look).expect("read");
        println!("{what}: {:.1} ms of {NUM} runs of one and one of {NUM}", begun.elapsed().as_secs_f64() * 1e3);
        pages
    };
    let whole = look(LedgerFilter::default(), Some(RunId(NUM + 1)));
    let (runs, sends) = took("first page", &mut reading, &whole);
    let mut rows = runs.rows.clone();
    let begun = Instant::now();
    reading.count(&mut rows).expect("counted");
    println!("counting it: {:.1} ms", begun.elapsed().as_secs_f64() * 1e3);
    assert_eq!((runs.total, runs.rows.len(), runs.rows[0].replay_id.as_str()), (NUM as usize + 1, PAGE, "r-large"));
    assert_eq!(rows[0].counts.map(|counts| (counts.done, counts.not_done)), Some((NUM as u64 - NUM as u64 / 1_000, NUM as u64 / 1_000)));
    let sends = sends.expect("sends");
    assert_eq!((sends.total, sends.rows.len()), (NUM as usize, PAGE));
    let last = SendsQuery { run_id: RunId(NUM + 1), skip: NUM as usize - 3 };
    let far = LedgerLook { sends: Some(last), runs: RunsQuery { skip: NUM as usize - 2, ..RunsQuery::default() } };
    let (runs, sends) = took("last page", &mut reading, &far);
    assert_eq!((runs.rows.len(), sends.map(|sends| sends.rows.len())), (3, Some(3)));
    let not_done = LedgerFilter { became: Some(Became::NotDone), ..LedgerFilter::default() };
    assert_eq!(took("by outcome", &mut reading, &look(not_done, Some(RunId(NUM + 1)))).1.map(|sends| sends.total), Some(NUM as usize / 1_000));
    let text = LedgerFilter { text: "/orders/49999".into(), ..LedgerFilter::default() };
    assert_eq!(took("by a text", &mut reading, &look(text, None)).0.total, 1);

    let plan = |sql: &str| -> String {
        let mut statement = reading.connection().prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a statement");
        let steps = statement.query_map([], |row| row.get::<_, String>(3)).expect("a plan");
        steps.map(|step| step.expect("a step")).collect::<Vec<_>>().join("; ")
    };
    for (sql, index) in [
        ("SELECT send_id FROM sends WHERE run_id = 1", "COVERING INDEX sends_of_run"),
        ("SELECT count(*) FROM sends WHERE run_id = 1", "COVERING INDEX sends_of_run"),
        ("SELECT total(outcome = 'persisted') FROM sends WHERE run_id = 1", "INDEX sends_of_run"),
        ("SELECT * FROM sends WHERE send_id = 1", "INTEGER PRIMARY KEY"),
        (
            "SELECT * FROM runs r LEFT JOIN sends s ON s.send_id = (SELECT send_id FROM sends WHERE run_id = r.run_id LIMIT 1) WHERE r.run_id = 1",
            "sends_of_run",
        ),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index) && !plan.contains("SCAN"), "{sql}: {plan}");
    }
}

#[test]
fn a_file_that_cannot_be_read_says_why_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        match Reading::open(&path).err() {
            Some(Unread::Failed { reason, next_step }) => format!("{reason}. {next_step}"),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(Reading::open(&folder.path().join("none.sqlite")).err(), Some(Unread::Nothing));
    assert_eq!(of("empty.sqlite", b""), "Some(Nothing)");
    let told = of("text.sqlite", "no database at all, but a text that goes on and on. ".repeat(40).as_bytes());
    assert!(told.contains("not a database") && told.contains("ledger = \"…\""), "{told}");
    let older = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ledger-v1.sqlite")).expect("checked in");
    let told = of("older.sqlite", &older);
    assert!(told.starts_with("An older Switchboard wrote it: version 1") && told.contains("Start again"), "{told}");
    let foreign = folder.path().join("foreign.sqlite");
    rusqlite::Connection::open(&foreign).and_then(|foreign| foreign.execute_batch("CREATE TABLE songs (name TEXT)")).expect("written");
    let told = of("copy.sqlite", &std::fs::read(&foreign).expect("there"));
    assert!(told.starts_with("It belongs to another program") && told.contains("Put the ledger in its place"), "{told}");
    let path = folder.path().join("newer.sqlite");
    schema::open(&path).and_then(|newer| Ok(newer.pragma_update(None, "user_version", 99)?)).expect("written");
    assert!(matches!(Reading::open(&path).err(), Some(Unread::Failed { reason, .. }) if reason.starts_with("A newer Switchboard wrote it: version 99")));
    assert!(matches!(Reading::open(folder.path()).err(), Some(Unread::Failed { reason, .. }) if reason == "What lies there is no file"));
}

#[test]
fn what_was_changed_before_it_was_sent_is_told_where_the_file_has_a_column_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    drop(ledger(&path));
    let connection = rusqlite::Connection::open(&path).expect("it is there");
    let has_column = connection.prepare("SELECT edited FROM sends").is_ok();
    if !has_column {
        connection.execute_batch("ALTER TABLE sends ADD COLUMN edited INTEGER NOT NULL DEFAULT 0").expect("a column");
    }
    connection.execute("UPDATE sends SET edited = 1 WHERE replay_id = 'r-1.2'", []).expect("written");
    let edited: Vec<bool> = read(&path, LedgerFilter::default(), Some(RunId(1))).1.expect("sends").rows.iter().map(|send| send.is_edited).collect();
    assert_eq!(edited, [false, true, false, false]);
}

/// A desk on a file, and what runs it.
fn desk(path: &Path) -> (tokio::runtime::Runtime, Operations, LedgerDesk) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let operations = Operations::new(runtime.handle(), Box::new(|| {}));
    let desk = LedgerDesk::start(Some(LedgerPlace::own(path)), operations.clone(), runtime.handle(), Box::new(|| {}));
    (runtime, operations, desk)
}

/// The board once it is so.
fn until(desk: &LedgerDesk, what: &str, is_so: impl Fn(&LedgerBoard) -> bool) -> Arc<LedgerBoard> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let board = board(desk);
        if is_so(&board) {
            return board;
        }
        assert!(Instant::now() < deadline, "{what}: {board:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn ask(desk: &LedgerDesk, look: &LedgerLook) {
    drop(desk.look(Some(look)));
}

fn board(desk: &LedgerDesk) -> Arc<LedgerBoard> {
    Arc::clone(&desk.shared.board.lock())
}

#[test]
fn what_is_written_while_it_is_read_comes_by_itself_and_each_page_is_of_one_moment() {
    const NUM: i64 = 300;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let (_runtime, _, desk) = desk(&path);
    ask(&desk, &look(LedgerFilter::default(), Some(RunId(1))));
    until(&desk, "there is nothing", |board| board.state == LedgerState::Nothing);
    let ledger = Ledger::open(&path).expect("a ledger");
    let run_id = wait(ledger.begin_run(run("r-1", "orders.placed", NUM as u64, T))).expect("written");
    let writer = std::thread::spawn(move || {
        for offset in 0..NUM {
            let send_id = wait(ledger.intend(intent(run_id, offset))).expect("written");
            let settlement = Settlement { settled: Settled::Tried(Outcome::persisted(Some(Place::at(2, offset)))), at_ns: T + 50 };
            wait(ledger.settle(send_id, &letter(offset), settlement)).expect("written");
        }
        wait(ledger.end_run(run_id, Ending::Finished, "", T + 100)).expect("written");
        ledger
    });
    let mut reading: Option<Reading> = None;
    // Straight from the file, as fast as it goes: nothing is half there.
    while !writer.is_finished() {
        if reading.is_none() {
            reading = Reading::open(&path).ok();
        }
        let Some(reading) = &mut reading else { continue };
        let (mut runs, sends) = reading.look(&look(LedgerFilter::default(), Some(RunId(1)))).expect("read while it is written");
        if runs.rows.is_empty() {
            continue;
        }
        let sends = sends.expect("sends");
        let num_unsettled = sends.rows.iter().filter(|send| send.settled_ns.is_none()).count();
        assert!(num_unsettled <= 1 && sends.rows.len() == sends.total, "{num_unsettled} of {}", sends.total);
        reading.count(&mut runs.rows).expect("counted");
    }
    let _ledger = writer.join().expect("written");
    let is_whole = |board: &LedgerBoard| {
        ask(&desk, &look(LedgerFilter::default(), Some(RunId(1))));
        let counts = board.runs.rows.first().and_then(|row| row.counts);
        counts.is_some_and(|counts| counts.done == NUM as u64) && board.runs.rows[0].ending == Some(Ending::Finished)
    };
    let board = until(&desk, "all of it is read", is_whole);
    assert_eq!((board.state.clone(), board.sends.as_ref().map(|sends| sends.total)), (LedgerState::Read, Some(NUM as usize)));
}

#[test]
fn nobody_waits_for_what_is_read_and_only_the_last_look_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    large(&path, 20_000);
    let (_runtime, _, desk) = desk(&path);
    let mut longest = Duration::ZERO;
    for number in 0..200 {
        let text = LedgerFilter { text: format!("no such text {number}"), ..LedgerFilter::default() };
        let begun = Instant::now();
        ask(&desk, &look(text, None));
        longest = longest.max(begun.elapsed());
    }
    println!("a look takes whoever asks {longest:?} at most");
    assert!(longest < Duration::from_millis(100), "a look keeps whoever asks waiting: {longest:?}");
    let board = until(&desk, "the last look is answered", |board| board.runs.of.filter.text == "no such text 199");
    assert!(board.version < 150, "looks that nobody wanted any more were answered: {}", board.version);
    let begun = Instant::now();
    ask(&desk, &look(LedgerFilter { text: "another".into(), ..LedgerFilter::default() }, None));
    drop(desk);
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?}", begun.elapsed());
}

#[test]
fn while_nobody_sees_the_board_no_new_one_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let ledger = ledger(&path);
    let (_runtime, _, desk) = desk(&path);
    let whole = look(LedgerFilter::default(), None);
    ask(&desk, &whole);
    let before = until(&desk, "it is read", |board| board.is_counted);
    wait(ledger.begin_run(run("r-2", "orders.placed", 1, T + 9_000))).expect("written");
    std::thread::sleep(LOOK_EVERY * 2);
    assert_eq!(board(&desk).version, before.version, "the board of before was not seen");
    ask(&desk, &whole);
    until(&desk, "the new run is there", |board| board.runs.rows.first().is_some_and(|row| row.replay_id == "r-2"));
}

#[test]
fn what_is_listed_is_written_into_a_file_of_its_own_and_over_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let _open = ledger(&path);
    let (runtime, operations, desk) = desk(&path);
    let export = |filter: LedgerFilter, file: &str| {
        desk.export(LedgerExport { filter, file: file.into() });
        until(&desk, "it is written", |board| board.export.as_ref().is_some_and(|export| !matches!(export, ExportState::Writing { .. }))).export.clone()
    };
    let not_done = LedgerFilter { became: Some(Became::NotDone), ..LedgerFilter::default() };
    let Some(ExportState::Done(done)) = export(not_done.clone(), "not sent.jsonl") else { panic!("it is written: {:?}", board(&desk).export) };
    assert_eq!((done.path.clone(), done.num_lines, done.is_cut), (folder.path().join("exports/not sent.jsonl"), 4, false));
    let text = std::fs::read_to_string(&done.path).expect("there");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<(Option<&str>, Option<&str>)> = lines.iter().map(|line| (line["line"].as_str(), line["outcome"].as_str())).collect();
    assert_eq!(told, [(Some("run"), None), (Some("send"), Some("not sent")), (Some("run"), None), (Some("send"), Some("not persisted"))]);
    assert_eq!((lines[3]["letter"]["place"].as_str(), lines[3]["run"].as_str()), (Some("0@2"), Some("r-1")));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&done.path).expect("there").permissions().mode() & 0o777, 0o600);
    }
    for (file, why) in [("not sent.jsonl", "is there already"), ("../out.jsonl", "leads out of the folder"), ("deep/", "is a folder")] {
        assert!(matches!(export(not_done.clone(), file), Some(ExportState::Failed(told)) if told.contains(why)), "{file}: {:?}", board(&desk).export);
    }
    assert!(matches!(export(not_done, &path.display().to_string()), Some(ExportState::Failed(told)) if told.contains("is there already")));
    let Some(ExportState::Done(all)) = export(LedgerFilter::default(), "") else { panic!("it is written: {:?}", board(&desk).export) };
    assert_eq!(all.num_lines, 7 + 4 + 3);
    assert!(all.path.extension().is_some_and(|extension| extension == "jsonl"), "{}", all.path.display());
    let left: Vec<String> =
        std::fs::read_dir(folder.path().join("exports")).expect("there").map(|entry| entry.expect("one").file_name().to_string_lossy().into_owned()).collect();
    assert!(left.len() == 2 && !left.iter().any(|name| name.contains(".new")), "{left:?}");
    let deadline = Instant::now() + Duration::from_secs(5);
    while operations.board().ended.len() < 2 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let ended = operations.board().ended.iter().filter_map(|operation| operation.end.clone()).map(|end| end.how).collect::<Vec<_>>();
    assert_eq!(ended, [OperationEnd::Done, OperationEnd::Done]);
    drop(runtime);
}
