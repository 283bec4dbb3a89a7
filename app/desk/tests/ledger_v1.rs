//! A ledger as version 1 of its tables was written, checked in as `fixtures/ledger-v1.sqlite`: whatever this program becomes, it
//! reads every line of it as it was meant, and sends nothing twice that stands in it.
//!
//! The file was made by the program of 2026-11-28, before anything in its ledger was changed, with the story that is told below. It is never made
//! anew, for no program of today writes version 1.

use std::path::{Path, PathBuf};

use switchboard_desk::ledger::{
    Ending, Fate, FateLine, Intent, KindHash, Ledger, LedgerError, LedgerLine, LedgerPlace, LetterKey, LetterRecord, LetterState, NewRun, Refusal, SentState,
    Settled, SettledAs, Settlement,
};
use switchboard_model::{MessageRef, Outcome, Place};

/// When the story begins, ns since the Unix epoch: 2026-11-28 06:00.
const BEGIN_NS: i64 = 1_795_845_600_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;

fn at(second: i64) -> i64 {
    BEGIN_NS + second * SECOND_NS
}

/// A letter of the story. Those of `eu` have no time of their own.
fn letter(cluster: &str, channel: &str, offset: i64) -> LetterKey {
    let timestamp_ns = (cluster != "eu").then(|| at(offset - 3_600));
    let at = MessageRef { cluster: cluster.into(), channel: channel.into(), place: Place::at((offset % 3) as i32, offset) };
    LetterKey { at, timestamp_ns }
}

fn orders(offset: i64) -> LetterKey {
    letter("local", "orders-dlt", offset)
}

fn kind(letter: &LetterKey) -> KindHash {
    KindHash::of(Some(&letter.at.channel), "NullPointerException Shipping.price")
}

/// What became of a send, in which words, and where it was written to.
type Came = (SettledAs, &'static str, Option<(i32, i64)>);

fn settled((came, reason, position): Came) -> Settled {
    let reason = reason.to_owned();
    match came {
        SettledAs::Done => Settled::Tried(Outcome::persisted(position.map(|(partition, offset)| Place::at(partition, offset)))),
        SettledAs::NotDone => Settled::Tried(Outcome::NotDone(reason)),
        SettledAs::Possibly => Settled::Tried(Outcome::Possibly(reason)),
        SettledAs::Skipped => Settled::Skipped(reason),
        SettledAs::Refused => Settled::Refused(reason),
    }
}

/// Partition and offset, as the snapshot writes them.
fn position(place: &Place) -> Option<(i32, i64)> {
    place.partition().zip(place.offset())
}

struct Send {
    letter: LetterKey,
    failed_group: Option<&'static str>,
    target_partition: Option<i32>,
    settled: Option<Came>,
    fates: &'static [(Fate, &'static str)],
}

fn send(letter: LetterKey, settled: Option<Came>, fates: &'static [(Fate, &'static str)]) -> Send {
    Send { letter, failed_group: Some("inventory"), target_partition: Some(1), settled, fates }
}

struct Run {
    replay_id: &'static str,
    operator: &'static str,
    cluster: &'static str,
    cluster_id: &'static str,
    target: &'static str,
    began_s: i64,
    sends: Vec<Send>,
    ended: Option<(Ending, &'static str)>,
}

fn runs() -> Vec<Run> {
    let persisted = |offset: i64| Some((SettledAs::Done, "", Some((1, offset))));
    let of_orders =
        |replay_id, began_s, sends, ended| Run { replay_id, operator: "ada", cluster: "local", cluster_id: "lkc-1", target: "orders", began_s, sends, ended };
    let finished = vec![
        send(orders(0), persisted(100), &[(Fate::Consumed, "inventory past 1@100")]),
        send(orders(1), persisted(101), &[(Fate::Consumed, "inventory past 1@101"), (Fate::DeadAgain, "back on orders-dlt 1@900")]),
        send(orders(2), persisted(102), &[]),
    ];
    let halted = vec![
        send(orders(3), persisted(103), &[(Fate::DeadAgain, "back on orders-dlt 1@901, which came from orders 1@103")]),
        send(orders(4), Some((SettledAs::Done, "", None)), &[]),
        send(orders(5), Some((SettledAs::NotDone, "the broker refused it: message too large", None)), &[]),
        send(orders(6), Some((SettledAs::Skipped, "changed: its bytes are not those of the preview", None)), &[]),
    ];
    let stopped = vec![
        send(orders(7), Some((SettledAs::Possibly, "no answer within 30 s", None)), &[]),
        send(orders(8), Some((SettledAs::Possibly, "no answer within 30 s", None)), &[(Fate::DeadAgain, "back on orders-dlt 2@902")]),
        send(orders(9), Some((SettledAs::NotDone, "taken back from the queue", None)), &[]),
        send(orders(10), Some((SettledAs::Refused, "not allowed", None)), &[]),
    ];
    // The program was killed: two were on their way, and nobody wrote how the run ended.
    let killed = vec![send(orders(11), persisted(104), &[]), send(orders(12), None, &[]), Send { target_partition: None, ..send(orders(13), None, &[]) }];
    // What was surely not written may be sent again: a second line of the same letter.
    let again = vec![send(orders(5), persisted(105), &[(Fate::Consumed, "stock read it: orders process")])];
    let elsewhere = vec![
        Send {
            failed_group: None,
            target_partition: None,
            ..send(letter("eu", "größe.DLT", 1), persisted(7), &[(Fate::Consumed, "inventory, mail past 1@7")])
        },
        Send { failed_group: None, target_partition: None, ..send(letter("eu", "größe.DLT", 2), persisted(8), &[]) },
    ];
    vec![
        of_orders("r-finished", 10, finished, Some((Ending::Finished, ""))),
        of_orders("r-halted", 20, halted, Some((Ending::Halted, "orders-dlt 0@3 came back dead"))),
        of_orders("r-stopped", 30, stopped, Some((Ending::Stopped, ""))),
        of_orders("r-killed", 40, killed, None),
        of_orders("r-again", 50, again, Some((Ending::Finished, ""))),
        Run {
            operator: "grace", cluster: "eu", cluster_id: "lkc-2", target: "größe", ..of_orders("r-elsewhere", 60, elsewhere, Some((Ending::Finished, "")))
        },
    ]
}

/// Notes, in their order; `None` takes a letter out again.
fn parkings() -> Vec<(LetterKey, Option<&'static str>)> {
    vec![
        (orders(20), Some("ask the catalog team")),
        (orders(21), Some("first thought")),
        (orders(21), Some("größer als gedacht 🙂\nsecond line")),
        (orders(22), Some("a mistake")),
        (orders(22), None),
        // Surely not written, and then put aside.
        (orders(9), Some("too old by now")),
        // What was sent, or may have been, cannot be put aside.
        (orders(0), Some("never")),
        (orders(7), Some("never")),
        (orders(12), Some("never")),
    ]
}

/// Writes the story with the ledger of this program.
async fn write(path: &Path) -> Result<(), LedgerError> {
    let ledger = Ledger::open(path)?;
    for run in runs() {
        let Run { replay_id, operator, cluster, cluster_id, target, began_s, sends, ended } = run;
        let new_run = NewRun {
            replay_id: replay_id.into(),
            profile: "shop".into(),
            operator: operator.into(),
            cluster: cluster.into(),
            cluster_id: cluster_id.into(),
            target: target.into(),
            num_planned: sends.len() as u64,
            at_ns: at(began_s),
        };
        let run_id = ledger.begin_run(new_run).await?;
        for (index, send) in sends.into_iter().enumerate() {
            let second = began_s + 1 + index as i64;
            let intent = Intent {
                cluster_id: None,
                edited: false,
                again: None,
                run_id,
                kind: kind(&send.letter),
                letter: send.letter.clone(),
                failed_group: send.failed_group.map(str::to_owned),
                target: target.into(),
                target_partition: send.target_partition,
                hash: format!("{:032x}", 0xfeed_0000 + second),
                size_bytes: 400 + index as u64,
                replay_count: 1,
                replay_id: format!("{replay_id}.{}", index + 1),
                at_ns: at(second),
            };
            let send_id = ledger.intend(intent).await?;
            if let Some(came) = send.settled {
                let settlement = Settlement { settled: settled(came), at_ns: at(second) + 1 };
                ledger.settle(send_id, &send.letter, settlement).await?;
            }
            for (nth, (fate, evidence)) in send.fates.iter().enumerate() {
                let line = FateLine { fate: *fate, evidence: (*evidence).into(), at_ns: at(second) + 2 + nth as i64 };
                ledger.follow(send_id, &send.letter, line).await?;
            }
        }
        if let Some((ending, reason)) = ended {
            ledger.end_run(run_id, ending, reason, at(began_s + 9)).await?;
        }
    }
    let refusal = Refusal {
        profile: "shop".into(),
        operator: "ada".into(),
        cluster: "prod".into(),
        command: "replay".into(),
        target: "orders".into(),
        num_letters: 12,
        reason: "the source prod is read-only".into(),
        at_ns: at(70),
    };
    ledger.refuse(refusal).await?;
    for (nth, (letter, note)) in parkings().into_iter().enumerate() {
        let kind = kind(&letter);
        ledger.park(vec![(letter, kind)], note.map(str::to_owned), "ada", at(80 + nth as i64)).await?;
    }
    Ok(())
}

fn state_words(state: &LetterState) -> String {
    match state {
        LetterState::Open => "open".to_owned(),
        LetterState::Sent(SentState::Persisted) => "sent".to_owned(),
        LetterState::Sent(SentState::Possibly) => "possibly sent".to_owned(),
        LetterState::Consumed => "consumed".to_owned(),
        LetterState::DeadAgain => "dead again".to_owned(),
        LetterState::Parked(note) => format!("parked: {note:?}"),
    }
}

fn letter_words(letter: &LetterKey) -> String {
    let seconds = letter.timestamp_ns.map_or("no time".to_owned(), |ns| format!("{} s", (ns - BEGIN_NS) / SECOND_NS));
    format!("{} {letter} of {seconds}", letter.at.cluster)
}

fn record_words((letter, record): (&LetterKey, &LetterRecord)) -> String {
    assert_eq!(record.kind, kind(letter), "what it died of");
    let since = |ns: i64| if ns == 0 { "never".to_owned() } else { format!("{} ns", ns - BEGIN_NS) };
    let group = record.failed_group.as_deref().unwrap_or("unknown");
    let sent = match record.send_id {
        None => "never sent".to_owned(),
        Some(_) => format!(
            "{} to {} {:?} of {}, died in {group}, meant {}",
            record.replay_id,
            record.target,
            record.written_to.as_ref().and_then(position),
            record.cluster_id,
            since(record.intended_ns)
        ),
    };
    format!("{}: {} | {sent} | {} | {}", letter_words(letter), state_words(&record.state), record.reason, since(record.at_ns))
}

fn line_words(line: &LedgerLine) -> String {
    let letter = line.letter.as_ref().map_or("no letter".to_owned(), letter_words);
    format!(
        "{} ns {} {} {:?} {:?} | {letter} to {} | {} | {} | {}",
        line.at_ns - BEGIN_NS,
        line.operator,
        line.cluster,
        line.cluster_id,
        line.replay_id,
        line.target,
        line.hash,
        line.settled.word(),
        line.settled.reason()
    )
}

/// All that this program reads in a ledger: letters, then lines.
async fn read(path: &Path) -> String {
    read_ledger(&Ledger::open(path).expect("a ledger")).await
}

async fn read_ledger(ledger: &Ledger) -> String {
    let letters = ledger.letters();
    let lines = ledger.lines(1_000).await.expect("lines");
    let texts: Vec<String> = letters.iter().map(record_words).chain([String::new()]).chain(lines.iter().map(line_words)).collect();
    texts.join("\n")
}

/// The file that was checked in, copied: what is opened may be written to.
fn copy_of_the_old(folder: &Path) -> PathBuf {
    let path = folder.join("ledger.sqlite");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/ledger-v1.sqlite"), &path).expect("copied");
    assert_eq!(version_and_lines(&path).0, 1, "another file was checked in");
    path
}

#[test]
fn a_ledger_of_version_1_is_read_line_by_line_as_it_was_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = copy_of_the_old(folder.path());
    let before = std::fs::read(&path).expect("read");
    assert!(before.len() < 128 << 10, "{} bytes are too many to check in", before.len());
    insta::assert_snapshot!("ledger_v1", pollster::block_on(read(&path)));
}

#[test]
fn what_this_program_writes_reads_as_what_version_1_wrote() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = copy_of_the_old(folder.path());
    let new = folder.path().join("new.sqlite");
    pollster::block_on(write(&new)).expect("written");
    assert_eq!(pollster::block_on(read(&new)), pollster::block_on(read(&old)));
}

#[test]
fn runs_of_version_1_say_how_they_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = copy_of_the_old(folder.path());
    drop(Ledger::open(&path).expect("this program takes it over"));
    let connection = rusqlite::Connection::open(&path).expect("opens");
    let mut statement = connection.prepare("SELECT replay_id, operator, num_planned, ending, reason FROM runs ORDER BY started_ns").expect("runs");
    let text = |row: &rusqlite::Row<'_>| -> rusqlite::Result<String> {
        let (ending, reason): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
        Ok(format!("{} by {} of {}: {ending:?} {reason:?}", row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)?))
    };
    let told: Vec<String> = statement.query_map([], text).expect("rows").map(|row| row.expect("a row")).collect();
    let right = [
        "r-finished by ada of 3: Some(\"finished\") Some(\"\")",
        "r-halted by ada of 4: Some(\"halted\") Some(\"orders-dlt 0@3 came back dead\")",
        "r-stopped by ada of 4: Some(\"stopped\") Some(\"\")",
        "r-killed by ada of 3: None None",
        "r-again by ada of 1: Some(\"finished\") Some(\"\")",
        "r-elsewhere by grace of 2: Some(\"finished\") Some(\"\")",
    ];
    assert_eq!(told, right);
}

/// Tries to send each letter that a ledger of the story knows once more, to its own cluster; how many it holds back and lets go.
fn send_all_again(ledger: &Ledger, replay_id: &str) -> (usize, usize) {
    let (mut held, mut let_go) = (0, 0);
    for (number, (letter, record)) in ledger.letters().iter().enumerate() {
        let cluster_id = if letter.at.cluster == "eu" { "lkc-2" } else { "lkc-1" };
        let run = NewRun {
            replay_id: format!("{replay_id}{number}"),
            profile: "shop".into(),
            operator: "ada".into(),
            cluster: letter.at.cluster.clone(),
            cluster_id: cluster_id.into(),
            target: "orders".into(),
            num_planned: 1,
            at_ns: at(100),
        };
        let intent = Intent {
            cluster_id: None,
            edited: false,
            again: None,
            run_id: pollster::block_on(ledger.begin_run(run)).expect("written"),
            letter: letter.clone(),
            kind: record.kind,
            failed_group: None,
            target: "orders".into(),
            target_partition: None,
            hash: "00".into(),
            size_bytes: 1,
            replay_count: 2,
            replay_id: format!("{replay_id}{number}.1"),
            at_ns: at(101),
        };
        let may_be_sent = pollster::block_on(ledger.intend(intent)).is_ok();
        let is_free = matches!(record.state, LetterState::Open | LetterState::Parked(_));
        assert_eq!(may_be_sent, is_free, "{letter} {record:?}");
        *(if may_be_sent { &mut let_go } else { &mut held }) += 1;
    }
    (held, let_go)
}

#[test]
fn what_a_ledger_of_version_1_says_was_sent_is_not_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::open(&copy_of_the_old(folder.path())).expect("a ledger");
    assert_eq!(send_all_again(&ledger, "r-later"), (13, 6));
}

#[test]
fn what_stood_in_the_files_of_profiles_stands_in_the_one_ledger_of_all_and_they_stay_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = copy_of_the_old(folder.path());
    let bytes = std::fs::read(&old).expect("read");
    let place = LedgerPlace::shared_in(&folder.path().join("data"));
    let before = place.kept_before.clone().expect("a folder");
    std::fs::create_dir_all(&before).expect("made");
    // One is a copy of the other, as of a profile that was given another name.
    for name in ["shop.sqlite", "shop-2.sqlite"] {
        std::fs::copy(&old, before.join(name)).expect("copied");
    }
    assert!(place.is_there());
    let right = pollster::block_on(read(&old));
    for opened in ["first", "again"] {
        let ledger = Ledger::open_at(&place).expect("a ledger");
        assert_eq!(pollster::block_on(read_ledger(&ledger)), right, "{opened}");
        let lines = pollster::block_on(ledger.lines(1_000)).expect("lines");
        assert!(lines.iter().all(|line| line.profile.as_deref() == Some("shop-2")), "{opened}: they stand in the first of both");
    }
    let ledger = Ledger::open_at(&place).expect("a ledger");
    assert_eq!(send_all_again(&ledger, "r-later"), (13, 6));
    for name in ["shop.sqlite", "shop-2.sqlite"] {
        assert_eq!(std::fs::read(before.join(name)).expect("read"), bytes, "{name}");
    }
}

#[test]
fn a_letter_that_two_profiles_sent_stays_twice_in_the_one_ledger_and_is_not_sent_a_third_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = LedgerPlace::shared_in(folder.path());
    let before = place.kept_before.clone().expect("a folder");
    std::fs::create_dir_all(&before).expect("made");
    for name in ["one", "two"] {
        let path = before.join(format!("{name}.sqlite"));
        std::fs::copy(copy_of_the_old(folder.path()), &path).expect("copied");
        // Its runs are others than those of the first.
        let connection = rusqlite::Connection::open(&path).expect("opens");
        let rename = format!("UPDATE runs SET replay_id = '{name} ' || replay_id; UPDATE sends SET replay_id = '{name} ' || replay_id");
        connection.execute_batch(&rename).expect("renamed");
    }
    std::fs::remove_file(&place.file).expect("not the ledger");
    let ledger = Ledger::open_at(&place).expect("a ledger");
    assert_eq!(pollster::block_on(ledger.lines(1_000)).expect("lines").len(), 35);
    assert_eq!(send_all_again(&ledger, "r-later"), (13, 6));
    let connection = rusqlite::Connection::open(&place.file).expect("opens");
    let num_again: i64 = connection.query_row("SELECT count(*) FROM sends WHERE again IS NOT NULL", [], |row| row.get(0)).expect("counted");
    assert_eq!(num_again, 13);
}

#[test]
fn a_file_of_a_profile_that_is_damaged_is_told_and_nothing_is_taken_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = copy_of_the_old(folder.path());
    let place = LedgerPlace::shared_in(&folder.path().join("data"));
    let before = place.kept_before.clone().expect("a folder");
    std::fs::create_dir_all(&before).expect("made");
    let path = before.join("shop.sqlite");
    let whole = std::fs::read(&old).expect("read");
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("written");
    let told = Ledger::open_at(&place).err().expect("refused").to_string();
    assert!(told.contains("shop.sqlite") && told.contains("Nothing is sent without it; "), "{told}");
    std::fs::write(&path, &whole).expect("put back");
    let ledger = Ledger::open_at(&place).expect("a ledger");
    assert_eq!(send_all_again(&ledger, "r-later"), (13, 6));
}

/// What its tables hold, whatever they are.
fn version_and_lines(path: &Path) -> (i64, i64, i64) {
    let connection = rusqlite::Connection::open(path).expect("opens");
    let number = |query: &str| connection.query_row(query, [], |row| row.get(0)).expect("a number");
    (number("PRAGMA user_version"), number("SELECT count(*) FROM sends"), number("SELECT count(*) FROM parkings"))
}

#[test]
fn a_file_that_cannot_be_brought_to_this_version_stays_whole_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = copy_of_the_old(folder.path());
    let before = version_and_lines(&path);
    // A table that is in the way fails the last step but one.
    let connection = rusqlite::Connection::open(&path).expect("opens");
    connection.execute_batch("CREATE TABLE parkings_of_letter (something)").expect("made");
    let told = Ledger::open(&path).err().expect("refused").to_string();
    assert!(told.contains("ledger.sqlite") && told.contains("parkings_of_letter"), "{told}");
    assert_eq!(version_and_lines(&path), before);
    connection.execute_batch("DROP TABLE parkings_of_letter").expect("taken away");
    drop(connection);
    drop(Ledger::open(&path).expect("a ledger"));
    assert_eq!(version_and_lines(&path), (2, before.1, before.2));
}

#[test]
fn what_was_put_aside_is_of_the_cluster_that_its_source_read_where_that_is_certain() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = copy_of_the_old(folder.path());
    let connection = rusqlite::Connection::open(&path).expect("opens");
    let statements = "INSERT INTO parkings (cluster, channel, partition, offset, kind, note, operator, at_ns) VALUES ('new', 'c', 0, 1, 0, 'n', 'ada', 1); \
                      INSERT INTO runs (replay_id, operator, cluster, cluster_id, target, num_planned, started_ns) VALUES ('r-2', 'ada', 'eu', 'lkc-3', 't', 1, 1); \
                      INSERT INTO sends (run_id, cluster, channel, partition, offset, kind, target, hash, size_bytes, replay_count, replay_id, intended_ns) \
                      VALUES (last_insert_rowid(), 'eu', 'größe.DLT', 0, 9, 0, 't', '', 0, 1, 'r-2.1', 1); \
                      INSERT INTO parkings (cluster, channel, partition, offset, kind, note, operator, at_ns) VALUES ('eu', 'c', 0, 1, 0, 'n', 'ada', 1)";
    connection.execute_batch(statements).expect("written");
    drop(connection);
    drop(Ledger::open(&path).expect("a ledger"));
    let connection = rusqlite::Connection::open(&path).expect("opens");
    let mut statement = connection.prepare("SELECT DISTINCT cluster, cluster_id FROM parkings ORDER BY cluster").expect("parkings");
    let told: Vec<(String, Option<String>)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows").map(|row| row.expect("a row")).collect();
    assert_eq!(told, [("eu".to_owned(), None), ("local".to_owned(), Some("lkc-1".to_owned())), ("new".to_owned(), None)]);
}
