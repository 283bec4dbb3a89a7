//! Whatever a record holds, it is read, planned, sent and read again byte for byte, and one that is changed differs by its change alone.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::SystemTime;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use switchboard_desk::send::edit::{Change, Changes, NewBytes};
use switchboard_desk::send::replay::{AskedFile, AskedLetter, AskedLetters, ReplayAsk, ReplayCommand, ReplayOptions, ReplayTarget, RunBoard, RunPhase};
use switchboard_desk::send::{RecordExport, RecordExportState};
use switchboard_engine::view::{Answer, ChannelKey, PointQuery, Query, RecordView};
use switchboard_kafka::testing::sending::{header, read_all, send_as_it_is};
use switchboard_model::{MessageRef, OriginalRecord, OutgoingRecord, Place, RawHeader, Route, SOURCE_HEADER};

use crate::cluster::Cluster;
use crate::session::{Replaying, SOURCE, until};

/// The most records of one run.
const NUM_RECORDS: usize = 40;
/// So often others are drawn, each time for a session and topics of their own.
const NUM_TIMES: u32 = 2;
/// How long it is looked for fewer and smaller records that fail as well: the runner ends a test that takes too long.
const SHRINKS_WITHIN_MS: u32 = 20_000;
/// What they are drawn from, unless something else is asked for.
const SEED: [u8; 32] = *b"Switchboard: records of any kind";
pub const NUM_PARTITIONS: i32 = 2;
/// What this program adds, in this order; and to what was edited besides.
const MARKS: [&str; 3] = ["x-switchboard-replay-id", SOURCE_HEADER, "x-switchboard-replay-count"];
const EDITED: &str = "x-switchboard-edited";

/// Headers that can be printed.
pub type Headers = Vec<(String, Option<Vec<u8>>)>;

/// A record that is written, and what is changed of it, if anything.
#[derive(Clone, Debug)]
struct Case {
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Headers,
    /// How long before now it says that it was written: not so long that brokers give it up.
    ago_ms: i64,
    edit: Edit,
}

/// A change, and what makes it easy to say what has to come of it.
#[derive(Clone, Debug)]
enum Edit {
    None,
    Key(Option<Vec<u8>>),
    Value(Option<Vec<u8>>),
    /// A header that the record may have never, once or often.
    SetHeader(String, Option<Vec<u8>>),
    RemoveHeader(String),
    RenameHeader(String, String),
    /// The value is this text, a JSON number and this text: the number becomes another.
    Number(String, String),
}

pub fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => prop::collection::vec(any::<u8>(), 0..64),
        1 => Just(Vec::new()),
        1 => "\\PC{0,40}".prop_map(String::into_bytes),
        1 => "[ \\t\\n]{0,3}\\{\"card\" ?: ?\"4111111111111111\", \"password\":\"[a-z0-9]{1,12}\"\\}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 900..3_000),
    ]
}

pub fn nullable() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![1 => Just(None), 5 => bytes().prop_map(Some)]
}

/// Names of which few are alike, some that mean something elsewhere, and any text but NUL, at which the client's library ends a name.
pub fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec!["a", "b", "A", "traceparent", "authorization", "Content-Type", "x-correlation-id", "ключ"]).prop_map(str::to_owned),
        2 => "\\PC{1,12}",
        1 => "[\\x01-\\x1f]{1,4}",
    ]
}

fn headers() -> impl Strategy<Value = Headers> {
    prop::collection::vec((name(), nullable()), 0..8)
}

/// Headers as they lie on a broker.
pub fn raw(headers: &[(String, Option<Vec<u8>>)]) -> Vec<RawHeader> {
    headers.iter().map(|(name, value)| header(name, value.as_deref())).collect()
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => Just(Edit::None),
        1 => nullable().prop_map(Edit::Key),
        1 => nullable().prop_map(Edit::Value),
        1 => (name(), nullable()).prop_map(|(name, value)| Edit::SetHeader(name, value)),
        1 => name().prop_map(Edit::RemoveHeader),
        1 => (name(), name()).prop_map(|(name, to)| Edit::RenameHeader(name, to)),
        2 => (r#"[ \n\t]{0,3}\{ ?"é" ?:[ ]{0,2}"\\u00e9\\/",\n?"parcels":[ ]{0,3}"#, r#"[ \n]{0,3},[ ]?"n":1\.50e\+3 ?\}[ \n]{0,2}"#)
            .prop_map(|(before, after)| Edit::Number(before, after)),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    (nullable(), nullable(), headers(), 0..3_600_000_i64, edit()).prop_map(|(key, value, headers, ago_ms, edit)| {
        let value = if let Edit::Number(before, after) = &edit { Some(format!("{before}0{after}").into_bytes()) } else { value };
        Case { key, value, headers, ago_ms, edit }
    })
}

fn new_bytes(bytes: Option<&Vec<u8>>) -> NewBytes {
    NewBytes::of(bytes.map(Vec::as_slice))
}

impl Case {
    fn written(&self, channel: &str, number: usize, now_ms: i64) -> OutgoingRecord {
        OutgoingRecord {
            channel: channel.to_owned(),
            route: Route::Partition((number % NUM_PARTITIONS as usize) as i32),
            key: self.key.clone(),
            value: self.value.clone(),
            headers: raw(&self.headers),
            timestamp_ms: Some(now_ms - self.ago_ms),
        }
    }

    /// What is asked for; `None` = to send it as it is.
    fn change(&self) -> Option<Change> {
        Some(match &self.edit {
            Edit::None => return None,
            Edit::Key(key) => Change::Key(new_bytes(key.as_ref())),
            Edit::Value(value) => Change::Value(new_bytes(value.as_ref())),
            Edit::SetHeader(name, value) => Change::SetHeader { name: name.clone(), value: new_bytes(value.as_ref()) },
            Edit::RemoveHeader(name) => Change::RemoveHeader { name: name.clone() },
            Edit::RenameHeader(name, to) => Change::RenameHeader { name: name.clone(), to: to.clone() },
            Edit::Number(..) => Change::Set { path: "parcels".parse().expect("a path"), json: "1".to_owned() },
        })
    }

    /// Key, value and headers as they have to arrive, but for the marks, by another way than the one that is tested.
    fn arrives(&self) -> (Option<Vec<u8>>, Option<Vec<u8>>, Vec<RawHeader>) {
        let (mut key, mut value, mut headers) = (self.key.clone(), self.value.clone(), raw(&self.headers));
        match &self.edit {
            Edit::None => {}
            Edit::Key(new) => key.clone_from(new),
            Edit::Value(new) => value.clone_from(new),
            Edit::Number(before, after) => value = Some(format!("{before}1{after}").into_bytes()),
            Edit::RemoveHeader(name) => headers.retain(|header| header.name != *name),
            Edit::RenameHeader(name, to) => {
                headers.iter_mut().filter(|header| header.name == *name).for_each(|header| header.name.clone_from(to));
            }
            Edit::SetHeader(name, new) => {
                let mut is_set = false;
                headers = headers
                    .into_iter()
                    .filter_map(|header| {
                        if header.name == *name { (!std::mem::replace(&mut is_set, true)).then(|| self::header(name, new.as_deref())) } else { Some(header) }
                    })
                    .collect();
            }
        }
        (key, value, headers)
    }

    /// A header that is new comes after the marks, for these are planned before.
    fn comes_last(&self) -> Option<RawHeader> {
        match &self.edit {
            Edit::SetHeader(name, new) if !self.headers.iter().any(|(own, _)| own == name) => Some(header(name, new.as_deref())),
            _ => None,
        }
    }

    /// Whether the change makes anything of it another.
    fn is_changed(&self) -> bool {
        self.arrives() != (self.key.clone(), self.value.clone(), raw(&self.headers)) || self.comes_last().is_some()
    }
}

/// Records that the session has stored of the channel, by partition and offset.
pub fn browsed(replaying: &Replaying, channel: &str) -> BTreeMap<(i32, i64), RecordView> {
    let channel = ChannelKey { cluster: Some(SOURCE.to_owned()), name: channel.to_owned() };
    let ask = |query: PointQuery| replaying.session.query(Query::Point(query)).recv_timeout(std::time::Duration::from_secs(10)).expect("an answer");
    let Answer::Records(page) = ask(PointQuery::Records { channel, after: None, limit: 1_000 }) else { return BTreeMap::new() };
    let Answer::RecordDetails(records) = ask(PointQuery::RecordDetails { rows: page.rows.iter().map(|line| line.row).collect() }) else { panic!("no details") };
    let place = |record: RecordView| Some(((record.at.place.partition()?, record.at.place.offset()?), record));
    records.into_iter().flatten().filter_map(place).collect()
}

/// What a session shows of a record is what lies there, but for secrets, which it says.
pub fn shows(view: &RecordView, lies: &OriginalRecord) {
    let headers: Vec<(String, Option<Vec<u8>>)> = lies.headers.iter().map(|header| (header.name.clone(), header.value.clone())).collect();
    let is_same = (&view.key, &view.value, &view.headers) == (&lies.key, &lies.value, &headers);
    assert!(is_same || view.redacted, "{view:#?}\nlies there as\n{lies:#?}");
    let names = |headers: &[(String, Option<Vec<u8>>)]| headers.iter().map(|(name, value)| (name.clone(), value.is_none())).collect::<Vec<_>>();
    assert_eq!((names(&view.headers), view.truncated, view.headers_readable), (names(&headers), false, true));
}

/// What the records are drawn from, which is told: the same each time, others with `SWITCHBOARD_SEED=random`, and those again with what was told then.
fn seed() -> [u8; 32] {
    let mut seed = SEED;
    match std::env::var("SWITCHBOARD_SEED") {
        Ok(text) if text == "random" => getrandom::fill(&mut seed).expect("random bytes"),
        Ok(text) => {
            assert_eq!(text.len(), 2 * seed.len(), "a seed is 64 hex digits: {text}");
            for (place, byte) in seed.iter_mut().enumerate() {
                *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).expect("hex digits");
            }
        }
        Err(_) => {}
    }
    eprintln!("SWITCHBOARD_SEED={}", seed.map(|byte| format!("{byte:02x}")).concat());
    seed
}

/// The end of a run whose records nobody reads, so nobody can be waited for.
async fn over(replaying: &Replaying) -> Arc<RunBoard> {
    let is_over = || {
        let board = replaying.session.replay_board();
        let run = board.run.as_ref()?;
        if run.phase == RunPhase::Watching && run.counts.in_flight == 0 {
            replaying.session.replay(ReplayCommand::Continue);
        }
        run.phase.is_ended().then(|| Arc::clone(run))
    };
    until("end", is_over).await
}

/// Where a record came from, as it says.
fn source(record: &OriginalRecord) -> Option<Vec<u8>> {
    record.headers.iter().find(|header| header.name == SOURCE_HEADER).and_then(|header| header.value.clone())
}

/// Letters and a record of another topic in one replay, each to its own.
pub async fn each_to_its_own(cluster: Cluster) {
    let place = &cluster.place;
    let (target, retry) = (place.target.clone(), place.retry());
    let (key, value) = (Some(b"k".to_vec()), Some(b"v".to_vec()));
    let other = OutgoingRecord { channel: retry.clone(), route: Route::Partition(1), key, value, headers: Vec::new(), timestamp_ms: None };
    send_as_it_is(cluster.brokers(), &[other]);
    let dead = cluster.dead_letters(2);
    let folder = tempfile::tempdir().expect("a folder");
    let replaying = Replaying::start(place, folder.path(), true);
    let mut letters = replaying.letters(2).await;
    letters.push(AskedLetter::at(MessageRef { cluster: SOURCE.to_owned(), channel: retry.clone(), place: Place::at(1, 0) }));
    let board = replaying.preview_of(ReplayAsk { target: ReplayTarget::Own(BTreeMap::new()), ..replaying.ask(letters) }).await;
    let preview = board.preview.as_ref().unwrap_or_else(|| panic!("{:?}", board.refusal));
    let targets: Vec<(&str, usize)> = preview.targets.iter().map(|of| (of.channel.as_str(), of.num)).collect();
    assert_eq!(targets, [(target.as_str(), 2), (retry.as_str(), 1)], "{:?}", preview.skipped);
    replaying.begin(&board);
    let run = over(&replaying).await;
    assert_eq!((run.counts.persisted, run.counts.sum()), (3, 3), "{:?} {:?}", run.phase, run.counts);
    let values = |records: &[OriginalRecord]| records.iter().filter_map(|record| record.value.clone()).collect::<BTreeSet<_>>();
    let arrived = read_all(cluster.brokers(), &target, 2);
    assert_eq!((arrived.len(), values(&arrived)), (2, dead.into_iter().map(|dead| dead.value).collect()));
    let beside = read_all(cluster.brokers(), &retry, 2);
    let copies: Vec<Vec<u8>> = beside.iter().filter_map(source).collect();
    assert_eq!((beside.len(), copies), (2, vec![format!("{retry}/1/0").into_bytes()]));
    replaying.session.stop().await;
}

/// The same records written into a file and sent from there to another topic: they arrive as they lay, and only once, whichever way they come.
pub async fn through_a_file(cluster: impl AsyncFn() -> Cluster) {
    hold(prop::collection::vec(case(), 1..=NUM_RECORDS), cluster, async |cluster, cases| arrive_by_a_file(cluster, cases).await).await;
}

async fn arrive_by_a_file(cluster: &Cluster, cases: &[Case]) {
    let num_records = cases.len();
    let (channel, other) = (cluster.place.target.clone(), cluster.place.retry());
    let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let written: Vec<OutgoingRecord> = cases.iter().enumerate().map(|(number, case)| case.written(&channel, number, now_ms)).collect();
    send_as_it_is(cluster.brokers(), &written);
    let folder = tempfile::tempdir().expect("a folder");
    let replaying = Replaying::start(&cluster.place, folder.path(), true);
    let place = |number: usize| Place::at((number % NUM_PARTITIONS as usize) as i32, (number / NUM_PARTITIONS as usize) as i64);
    let records: Vec<MessageRef> =
        (0..num_records).map(|number| MessageRef { cluster: SOURCE.to_owned(), channel: channel.clone(), place: place(number) }).collect();
    until("cluster id", || replaying.session.snapshot().sources.iter().any(|source| source.cluster_id.is_some()).then_some(())).await;
    let file = folder.path().join("records.jsonl");
    replaying.session.replay(ReplayCommand::Export(RecordExport { records: records.clone(), file: file.display().to_string() }));
    let export =
        until("export", || replaying.session.replay_board().export.clone().filter(|export| !matches!(export, RecordExportState::Writing { .. }))).await;
    assert!(matches!(&export, RecordExportState::Done(done) if done.num_records == num_records as u64), "{export:?}");

    let options = ReplayOptions { keeps_time: true, ..ReplayOptions::default() };
    let of_file =
        || ReplayAsk { target: other.clone().into(), letters: AskedLetters::File(AskedFile::at(&file)), options: options.clone(), ..replaying.ask(Vec::new()) };
    let board = replaying.preview_of(of_file()).await;
    let preview = board.preview.as_ref().unwrap_or_else(|| panic!("{:?}", board.refusal));
    assert_eq!((preview.planned.len(), preview.skipped.as_slice()), (num_records, &[][..]));
    replaying.begin(&board);
    let run = over(&replaying).await;
    assert_eq!((run.counts.persisted, run.counts.sum()), (num_records, num_records), "{:?} {:?}", run.phase, run.counts);
    let arrived = read_all(cluster.brokers(), &other, num_records);
    let copies: BTreeMap<Vec<u8>, &OriginalRecord> = arrived.iter().filter_map(|record| Some((source(record)?, record))).collect();
    assert_eq!((copies.len(), arrived.len()), (num_records, num_records));
    for (number, case) in cases.iter().enumerate() {
        let (partition, offset) = (place(number).partition().expect("a partition"), place(number).offset().expect("an offset"));
        let source = format!("{channel}/{partition}/{offset}");
        let copy = copies[source.as_bytes()];
        assert_eq!((&copy.key, &copy.value, copy.timestamp_ms), (&case.key, &case.value, Some(now_ms - case.ago_ms)), "{source}");
        let (own, marks) = copy.headers.split_at(case.headers.len());
        assert_eq!((own, copy.seen.at.place.partition()), (&raw(&case.headers)[..], Some(partition)), "{source}");
        assert_eq!(marks.iter().map(|header| header.name.as_str()).collect::<Vec<_>>(), MARKS, "{source}");
    }
    // From the broker they would be the same once more.
    for letters in [AskedLetters::These(records.into_iter().map(AskedLetter::at).collect()), AskedLetters::File(AskedFile::at(&file))] {
        replaying.dismiss().await;
        let board = replaying.preview_of(ReplayAsk { letters, ..of_file() }).await;
        let preview = board.preview.as_ref().unwrap_or_else(|| panic!("{:?}", board.refusal));
        assert_eq!((preview.planned.len(), preview.skipped.len()), (0, num_records));
        assert!(preview.skipped.iter().all(|skipped| skipped.reason.starts_with("sent before")), "{:?}", preview.skipped);
    }
    replaying.session.stop().await;
}

/// Draws values again and again, each for a cluster of its own; where one fails, it is told, and then a smaller one that fails as well is looked for.
pub async fn hold<T: std::fmt::Debug>(values: impl Strategy<Value = T>, cluster: impl AsyncFn() -> Cluster, holds: impl AsyncFn(&Cluster, &T)) {
    let config = Config { cases: NUM_TIMES, failure_persistence: None, max_shrink_time: SHRINKS_WITHIN_MS, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed()));
    let runtime = tokio::runtime::Handle::current();
    let is_told = Cell::new(false);
    let held = tokio::task::block_in_place(|| {
        runner.run(&values, |value| {
            let held = catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { holds(&cluster().await, &value).await })));
            if let Err(failure) = held {
                // Whoever waits no longer for a smaller one has this one.
                if !is_told.replace(true) {
                    eprintln!("it does not hold for {value:#?}");
                }
                resume_unwind(failure);
            }
            Ok(())
        })
    });
    held.unwrap_or_else(|failure| panic!("{failure}"));
}

pub async fn any_record(cluster: impl AsyncFn() -> Cluster) {
    hold(prop::collection::vec(case(), 1..=NUM_RECORDS), cluster, async |cluster, cases| arrive(cluster, cases).await).await;
}

/// Records are written, read, replayed and read again.
async fn arrive(cluster: &Cluster, cases: &[Case]) {
    let num_records = cases.len();
    let channel = cluster.place.target.clone();
    let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let written: Vec<OutgoingRecord> = cases.iter().enumerate().map(|(number, case)| case.written(&channel, number, now_ms)).collect();
    send_as_it_is(cluster.brokers(), &written);
    let folder = tempfile::tempdir().expect("a folder");
    let replaying = Replaying::start_reading(&cluster.place, folder.path(), &channel);
    let browsed = until("records", || Some(browsed(&replaying, &channel)).filter(|found| found.len() == num_records)).await;

    // The records of a partition lie there in the order in which they were written.
    let lies: Vec<(i32, i64)> = (0..num_records).map(|number| ((number % NUM_PARTITIONS as usize) as i32, (number / NUM_PARTITIONS as usize) as i64)).collect();
    let asked: Vec<AskedLetter> = lies.iter().map(|place| AskedLetter::of_record(&browsed[place])).collect();
    let changes = asked.iter().zip(cases).filter_map(|(asked, case)| Some((asked.letter.clone(), vec![case.change()?])));
    let options =
        ReplayOptions { changes: Arc::new(Changes { to_one: changes.collect(), ..Changes::default() }), keeps_time: true, ..ReplayOptions::default() };
    let ask = ReplayAsk { letters: AskedLetters::These(asked.clone()), options, ..replaying.ask(Vec::new()) };
    let board = replaying.preview_of(ask).await;
    let preview = board.preview.as_ref().unwrap_or_else(|| panic!("{:?}", board.refusal));
    let goes: Vec<bool> = cases.iter().map(|case| case.change().is_none() || case.is_changed()).collect();
    let is_planned = |asked: &AskedLetter| preview.planned.iter().any(|planned| planned.asked.letter == asked.letter);
    for ((asked, case), goes) in asked.iter().zip(cases).zip(&goes) {
        assert_eq!(is_planned(asked), *goes, "{case:?}: {:?}", preview.skipped);
    }
    let num_sent = goes.iter().filter(|goes| **goes).count();
    if num_sent > 0 {
        replaying.begin(&board);
        let run = over(&replaying).await;
        assert_eq!((run.counts.persisted, run.counts.sum()), (num_sent, num_sent), "{:?} {:?}", run.phase, run.counts);
    }

    let all = read_all(cluster.brokers(), &channel, num_records + num_sent);
    let place = |record: &OriginalRecord| (record.seen.at.place.partition().expect("a partition"), record.seen.at.place.offset().expect("an offset"));
    let copies: BTreeMap<Vec<u8>, &OriginalRecord> = all.iter().filter_map(|record| Some((source(record)?, record))).collect();
    assert_eq!((copies.len(), all.len()), (num_sent, num_records + num_sent));
    for (((partition, offset), case), goes) in lies.iter().zip(cases).zip(&goes) {
        let source = format!("{channel}/{partition}/{offset}");
        let copy = copies.get(source.as_bytes());
        assert_eq!(copy.is_some(), *goes, "{source}");
        let Some(copy) = copy else { continue };
        let (key, value, headers) = case.arrives();
        assert_eq!((&copy.key, &copy.value), (&key, &value), "{source}: {:?}", case.edit);
        assert_eq!((copy.timestamp_ms, place(copy).0), (Some(now_ms - case.ago_ms), *partition), "{source}");
        let (own, marks) = copy.headers.split_at(headers.len());
        assert_eq!(own, headers, "{source}: {:?}", case.edit);
        let mut added: Vec<&str> = marks.iter().map(|header| header.name.as_str()).collect();
        if let Some(last) = case.comes_last() {
            assert!(marks.contains(&last), "{source}: {marks:?}");
            added.retain(|name| *name != last.name);
        }
        let expected: Vec<&str> = MARKS.into_iter().chain(case.change().is_some().then_some(EDITED)).collect();
        assert_eq!(added, expected, "{source}: {:?}", case.edit);
    }
    // And what was sent is seen as it lies there.
    let browsed = until("copies", || Some(self::browsed(&replaying, &channel)).filter(|found| found.len() == all.len())).await;
    for record in &all {
        shows(&browsed[&place(record)], record);
    }
    replaying.session.stop().await;
}
