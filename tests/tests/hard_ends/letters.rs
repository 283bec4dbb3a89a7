//! Dead letters on a cluster, a plan of all of them, and what broker and ledger say of each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use switchboard_desk::ledger::{KindHash, Ledger, LedgerLine, SettledAs};
use switchboard_desk::profile::Profile;
use switchboard_desk::send::replay::{AskedLetter, AskedLetters, ReplayAsk, ReplayBoard, ReplayCommand, ReplayOptions};
use switchboard_desk::session::Session;
use switchboard_engine::view::{Answer, ChannelKey, LetterOrder, Query, ScanQuery};
use switchboard_kafka::testing::MockKafka;
use switchboard_kafka::testing::sending::{header, read_all, send_as_it_is};
use switchboard_kafka::testing::session::commit;
use switchboard_model::{OutgoingRecord, Route, SOURCE_HEADER};
use switchboard_tests::program::until;

pub const SOURCE: &str = "shop";
const NUM_PARTITIONS: i32 = 2;
const MEMORY_BYTES: usize = 128 << 20;
pub const WITHIN: Duration = Duration::from_mins(1);

/// A partition and an offset of the dead-letter topic.
pub type Lies = (i32, i64);

/// Where the letters lie, and where they are to go.
pub struct Cluster {
    /// Ends with this value.
    _mock: Option<MockKafka>,
    pub brokers: String,
    pub target: String,
    dead: String,
    group: String,
    /// Asks where topics end.
    client: BaseConsumer,
}

impl Cluster {
    fn of(mock: Option<MockKafka>, brokers: String, name: &str) -> Self {
        let client = ClientConfig::new().set("bootstrap.servers", &brokers).create().expect("a client");
        let (target, dead, group) = (format!("orders{name}"), format!("orders{name}-dlt"), format!("shipping{name}"));
        Self { _mock: mock, brokers, target, dead, group, client }
    }

    pub fn mock() -> Self {
        let mock = MockKafka::new(1).expect("a cluster");
        let brokers = mock.brokers();
        let cluster = Self::of(None, brokers, "");
        for topic in [&cluster.target, &cluster.dead] {
            mock.cluster().create_topic(topic, NUM_PARTITIONS, 1).expect("a topic");
        }
        Self { _mock: Some(mock), ..cluster }
    }

    /// Topics of its own on an Apache Kafka that others use too.
    pub fn apache(broker: String) -> Self {
        // Tests begin in the same moment.
        static NUM_MADE: AtomicUsize = AtomicUsize::new(0);
        let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let cluster = Self::of(None, broker, &format!("-{now_ms}-{}", NUM_MADE.fetch_add(1, Ordering::Relaxed)));
        let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", &cluster.brokers).create().expect("an admin client");
        let topics = [&cluster.target, &cluster.dead].map(|name| NewTopic::new(name, NUM_PARTITIONS, TopicReplication::Fixed(1)));
        let options = AdminOptions::new().operation_timeout(Some(WITHIN));
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let made = runtime.block_on(admin.create_topics(&topics, &options)).expect("answered");
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        cluster
    }

    /// Writes dead letters, in turn into the partitions. They do not tell in which group they died, so nobody is waited for.
    pub fn dead_letters(&self, num: usize) {
        let letter = |number: usize| {
            let partition = (number % NUM_PARTITIONS as usize) as i32;
            let failure = [("topic", self.target.as_bytes().to_vec()), ("partition", partition.to_be_bytes().to_vec())];
            let failure = failure.iter().map(|(name, value)| header(&format!("kafka_dlt-original-{name}"), Some(value)));
            OutgoingRecord {
                channel: self.dead.clone(),
                route: Route::Partition(partition),
                key: Some(format!("order-{number}").into_bytes()),
                value: Some(format!("{{\"order\":{number},\"parcels\":0}}").into_bytes()),
                headers: failure.chain([header("kafka_dlt-exception-fqcn", Some(b"java.lang.ArithmeticException"))]).collect(),
                timestamp_ms: None,
            }
        };
        send_as_it_is(&self.brokers, &(0..num).map(letter).collect::<Vec<_>>());
        // A group that has read all there is: the program need not wait for word of one.
        let read: Vec<(&str, i32, i64)> = (0..NUM_PARTITIONS).map(|partition| (self.target.as_str(), partition, 0)).collect();
        commit(&self.brokers, &self.group, &read);
    }

    /// How many records lie on the target.
    pub fn num_arrived(&self) -> usize {
        let end = |partition| self.client.fetch_watermarks(&self.target, partition, WITHIN).expect("the broker answers").1 as usize;
        (0..NUM_PARTITIONS).map(end).sum()
    }

    /// What lies on the target, by the letter it was made from; fails where one was sent twice.
    pub fn arrived(&self, at_least: usize) -> BTreeMap<Lies, String> {
        let records = read_all(&self.brokers, &self.target, at_least);
        let mut arrived = BTreeMap::new();
        for record in records {
            let source = record.headers.iter().find(|header| header.name == SOURCE_HEADER).and_then(|header| header.value.clone()).expect("it is marked");
            let source = String::from_utf8(source).expect("text");
            let mut parts = source.rsplit('/');
            let offset = parts.next().and_then(|part| part.parse().ok()).expect("an offset");
            let partition = parts.next().and_then(|part| part.parse().ok()).expect("a partition");
            let key = String::from_utf8(record.key.expect("a key")).expect("text");
            assert!(arrived.insert((partition, offset), key).is_none(), "{source} was sent twice");
        }
        arrived
    }

    /// Writes a profile that may send there, with a ledger of its own; its file.
    pub fn profile(&self, folder: &Path) -> PathBuf {
        let path = folder.join("shop.toml");
        let ledger = folder.join("ledger.sqlite").display().to_string();
        let (brokers, group) = (&self.brokers, &self.group);
        let kafka = format!("[[kafka]]\nname = \"{SOURCE}\"\nbrokers = \"{brokers}\"\ngroups = [\"{group}\"]\npoll_s = 0.2\nwrite = true\n");
        std::fs::write(&path, format!("name = \"kills\"\nledger = {ledger:?}\n{kafka}")).expect("written");
        path
    }
}

/// The letters, as a session knows them once it has read all of them.
fn letters(session: &Session, cluster: &Cluster, num: usize) -> Option<Vec<AskedLetter>> {
    let dead = session.snapshot().dead_letters.iter().find(|view| view.channel == cluster.dead && view.count >= num as u64).cloned()?;
    let query = Query::Scan(ScanQuery::DeadLetters {
        channel: ChannelKey { cluster: Some(dead.cluster.clone()), name: dead.channel.clone() },
        origin: dead.origin.clone(),
        fingerprint: dead.fingerprint,
        order: LetterOrder::OldestFirst,
        skip: 0,
        limit: num,
    });
    match session.query(query).recv_timeout(WITHIN) {
        Ok(Answer::DeadLetters(page)) if page.letters.len() == num => Some(page.letters.iter().map(|letter| AskedLetter::of(letter, KindHash(1))).collect()),
        _ => None,
    }
}

/// Writes a plan of all letters, as the window does; its file.
pub fn plan(cluster: &Cluster, profile: &Path, num: usize) -> PathBuf {
    let mut profile = Profile::read(profile).expect("a profile");
    profile.listen_nowhere();
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let session = Session::start(&profile, None, MEMORY_BYTES, runtime.handle(), Box::new(|| {})).expect("a session");
    let letters = until("dead letters", WITHIN, || letters(&session, cluster, num));
    until("id of the cluster", WITHIN, || session.snapshot().sources.iter().any(|source| source.cluster_id.is_some()).then_some(()));
    session.replay(ReplayCommand::Preview(ReplayAsk {
        cluster: SOURCE.to_owned(),
        target: cluster.target.clone().into(),
        num_stored: letters.len() as u64,
        letters: AskedLetters::These(letters),
        plan_key: None,
        options: ReplayOptions::default(),
    }));
    let told = |look: fn(&ReplayBoard) -> Option<String>| until("answer", WITHIN, || look(&session.replay_board()));
    let replay_id = told(|board| board.preview.as_ref().map(|preview| preview.replay_id.clone()));
    session.replay(ReplayCommand::WritePlan { replay_id });
    let path = told(|board| board.plan_file.as_ref().map(|(_, path)| path.display().to_string()));
    runtime.block_on(session.stop());
    path.into()
}

/// What the ledger says of each letter.
pub fn told(folder: &Path) -> BTreeMap<Lies, SettledAs> {
    let path = folder.join("ledger.sqlite");
    let ledger = Ledger::open(&path).expect("a ledger is whole after a kill");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let lines = runtime.block_on(ledger.lines(100_000)).expect("lines");
    let of = |line: &LedgerLine| {
        let place = line.letter.as_ref()?.at.place.clone();
        Some(((place.partition()?, place.offset()?), line.settled.counts_as()))
    };
    let mut told = BTreeMap::new();
    for line in &lines {
        let Some((lies, settled)) = of(line) else { continue };
        // What surely was not sent has a second line once it is sent after all.
        let before = told.insert(lies, settled);
        assert!(before.is_none_or(|before| matches!(before, SettledAs::NotDone | SettledAs::Skipped)), "{lies:?}: {before:?}, then {settled:?}");
    }
    told
}

/// Fails where the broker and the ledger contradict each other.
pub fn agree(told: &BTreeMap<Lies, SettledAs>, arrived: &BTreeMap<Lies, String>, when: &str) {
    for lies in arrived.keys() {
        let said = told.get(lies);
        assert!(matches!(said, Some(SettledAs::Done | SettledAs::Possibly)), "{when}: {lies:?} arrived and the ledger says {said:?}");
    }
    for (lies, said) in told {
        assert!(*said != SettledAs::Done || arrived.contains_key(lies), "{when}: {lies:?} is said to be persisted and did not arrive");
    }
}

pub fn in_doubt(told: &BTreeMap<Lies, SettledAs>) -> usize {
    told.values().filter(|said| **said == SettledAs::Possibly).count()
}
