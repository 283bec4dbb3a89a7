//! Replaying on a cluster of the test's own making: what is sent, in which order, what is written down, and when it stops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use switchboard_engine::view::{
    Answer, ChannelFigures, ConversationItem, DeadLetterView, Figures, GroupDetail, GroupView, LagVerdict, LetterPage, LetterView, MemberView, Node, NodeBasis,
    NodeId, NodeKind, PartitionLag, Query, RecordView, Snapshot, SourceView, SpanView, Topology,
};
use switchboard_model::{
    OriginalRecord, Outcome as Sent, OutgoingRecord, PermitRefused, Position, REPLAY_COUNT_HEADER, REPLAY_ID_HEADER, RawHash, RawHeader, Redactor,
    SOURCE_HEADER, Skipped, SourceKind, SourcePhase, SpanId, SpanKind, TimestampType, TraceId,
};
use tokio::sync::{Notify, watch};

use crate::ledger::{Ending, KindHash, Ledger, LetterKey, LetterState, Outcome, SentState};
use crate::replay::{
    Answering, AskedLetter, AskedLetters, ClusterAccess, LetterCause, Observed, Pace, RecordSender, ReplayAsk, ReplayBoard, ReplayCommand, ReplayDesk,
    ReplayDeskConfig, RunPhase, Waiting, Writing,
};

const CLUSTER: &str = "local";
const CLUSTER_ID: &str = "lkc-1";
const TARGET: &str = "orders";
const DEAD: &str = "orders-dlt";
const GROUP: &str = "inventory";
const WITHIN: Duration = Duration::from_secs(20);

fn redactor() -> Arc<Redactor> {
    Arc::new(Redactor::new([7; 16], &[]))
}

fn header(name: &str, value: &str) -> RawHeader {
    RawHeader { name: name.into(), value: Some(value.as_bytes().to_vec()) }
}

/// What a send comes to.
#[derive(Clone, Copy, Debug)]
enum Fortune {
    Acknowledged,
    Refused,
    Doubtful,
    /// Until it is cancelled.
    Silent,
}

/// A cluster of one dead-letter channel and one target.
struct World {
    records: Mutex<BTreeMap<i64, OriginalRecord>>,
    write: bool,
    is_production: bool,
    num_connects: AtomicUsize,
    num_reads: AtomicUsize,
    sent: Arc<Mutex<Vec<OutgoingRecord>>>,
    fortunes: Arc<Mutex<Vec<Fortune>>>,
    cancelled: Arc<watch::Sender<bool>>,
    groups: Mutex<BTreeMap<(String, String), Consumers>>,
    back: Mutex<Vec<LetterView>>,
    /// Records elsewhere that bear the ids of replays, and spans.
    items: Mutex<Vec<ConversationItem>>,
    /// Channels beside the target, and why they are not read.
    channels: Vec<(String, Option<String>)>,
    /// As its letters tell.
    failed_group: Option<String>,
    retried_ns: Option<i64>,
}

/// A group on a channel, by its name and the channel's.
#[derive(Clone, Debug, Default)]
struct Consumers {
    committed: Option<i64>,
    num_members: Option<usize>,
}

impl World {
    fn new(num_letters: i64) -> Self {
        let record = |offset: i64| OriginalRecord {
            position: Position { topic: DEAD.into(), partition: 0, offset, raw_hash: RawHash(offset as u128 + 1) },
            key: Some(format!("order-{offset}").into_bytes()),
            value: Some(format!("{{\"order\":{offset},\"password\":\"hunter2\"}}").into_bytes()),
            headers: vec![
                header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
                header("kafka_dlt-exception-message", "shipTo is null"),
            ],
            timestamp_ms: Some(1_000 + offset),
            timestamp_type: TimestampType::Create,
        };
        Self {
            records: Mutex::new((0..num_letters).map(|offset| (offset, record(offset))).collect()),
            write: true,
            is_production: false,
            num_connects: AtomicUsize::new(0),
            num_reads: AtomicUsize::new(0),
            sent: Arc::default(),
            fortunes: Arc::default(),
            cancelled: Arc::new(watch::channel(false).0),
            groups: Mutex::new(BTreeMap::from([((GROUP.into(), TARGET.into()), Consumers { committed: Some(0), num_members: None })])),
            back: Mutex::default(),
            items: Mutex::default(),
            channels: Vec::new(),
            failed_group: Some(GROUP.into()),
            retried_ns: None,
        }
    }

    /// What a group has committed on a channel, and how many are in it.
    fn group(&self, group: &str, channel: &str, committed: Option<i64>, num_members: Option<usize>) {
        self.groups.lock().insert((group.to_owned(), channel.to_owned()), Consumers { committed, num_members });
    }

    /// A record that was sent with this id is moved to another channel.
    fn moves(&self, replay_id: &str, channel: &str, headers: &[(&str, &[u8])]) {
        let own = [(REPLAY_ID_HEADER, replay_id.as_bytes())];
        let headers = own.iter().chain(headers).map(|(name, value)| ((*name).to_owned(), Some(value.to_vec()))).collect();
        let now_ns = crate::session::now_ns();
        let offset = self.items.lock().len() as i64;
        let record = RecordView { channel: channel.into(), offset, timestamp_ns: Some(now_ns), received_ns: now_ns, headers, ..RecordView::default() };
        self.items.lock().push(ConversationItem::Record(record));
    }

    fn sent(&self) -> Vec<OutgoingRecord> {
        self.sent.lock().clone()
    }

    /// The group reads all that was written.
    fn read_all(&self) {
        let committed = Some(self.sent.lock().len() as i64);
        if let Some(group) = self.groups.lock().get_mut(&(GROUP.to_owned(), TARGET.to_owned())) {
            group.committed = committed;
        }
    }

    /// A record of the target dies again.
    fn dies_again(&self, replay_id: &str) {
        let view = LetterView { replay_id: Some(replay_id.to_owned()), ..stored(900) };
        self.back.lock().push(view);
    }

    /// It dies in another group.
    fn dies_in(&self, group: &str, replay_id: &str) {
        let view = LetterView { replay_id: Some(replay_id.to_owned()), origin_group: Some(group.to_owned()), ..stored(902) };
        self.back.lock().push(view);
    }

    /// So does the one at this offset, by a consumer that leaves its headers out.
    fn dies_without_headers(&self, offset: i64) {
        let timestamp_ns = Some(crate::session::now_ns());
        let view = LetterView { origin: Some(TARGET.into()), origin_partition: Some(0), origin_offset: Some(offset), timestamp_ns, ..stored(901) };
        self.back.lock().push(view);
    }

    /// The stored letters, oldest first.
    fn stored(&self) -> Vec<LetterView> {
        self.records.lock().keys().map(|offset| stored(*offset)).collect()
    }
}

/// A dead letter as the engine tells of it.
fn stored(offset: i64) -> LetterView {
    LetterView {
        cluster: CLUSTER.into(),
        channel: DEAD.into(),
        offset,
        timestamp_ns: Some(offset),
        raw_hash: RawHash(offset as u128 + 1),
        origin: Some(TARGET.into()),
        origin_partition: Some(0),
        origin_group: Some(GROUP.into()),
        ..LetterView::default()
    }
}

/// A page of letters.
fn page(of: &[LetterView], skip: usize, limit: usize) -> Answer {
    let letters: Vec<LetterView> = of.iter().skip(skip).take(limit).cloned().collect();
    Answer::DeadLetters(LetterPage { letters, skipped: skip as u64, total: of.len() as u64 })
}

impl ClusterAccess for World {
    fn read(&self, positions: Vec<Position>) -> Waiting<Vec<Result<OriginalRecord, Skipped>>> {
        self.num_reads.fetch_add(1, Ordering::Relaxed);
        let records = self.records.lock();
        let read = |position: &Position| match records.get(&position.offset) {
            None => Err(Skipped::Expired { low_watermark: 1 }),
            Some(record) if record.position.raw_hash != position.raw_hash => Err(Skipped::Changed),
            Some(record) => Ok(record.clone()),
        };
        let read: Vec<_> = positions.iter().map(read).collect();
        Box::pin(async move { read })
    }

    fn may_write(&self, cluster_id: Option<&str>, typed_name: Option<&str>) -> Result<(), PermitRefused> {
        let source_name = CLUSTER.to_owned();
        match cluster_id {
            _ if !self.write => Err(PermitRefused::ReadOnly { source_name }),
            None => Err(PermitRefused::ClusterUnknown { source_name }),
            Some(_) if self.is_production && typed_name != Some(CLUSTER) => Err(PermitRefused::NotConfirmed { source_name }),
            Some(_) => Ok(()),
        }
    }

    fn asks_for_name(&self) -> bool {
        self.write && self.is_production
    }

    fn connect(&self, _cluster_id: Option<String>, _typed_name: Option<String>) -> Waiting<Result<Arc<dyn RecordSender>, String>> {
        self.num_connects.fetch_add(1, Ordering::Relaxed);
        let sender = Line { sent: Arc::clone(&self.sent), fortunes: Arc::clone(&self.fortunes), cancelled: Arc::clone(&self.cancelled) };
        Box::pin(async move { Ok(Arc::new(sender) as Arc<dyn RecordSender>) })
    }
}

struct Line {
    sent: Arc<Mutex<Vec<OutgoingRecord>>>,
    fortunes: Arc<Mutex<Vec<Fortune>>>,
    cancelled: Arc<watch::Sender<bool>>,
}

impl RecordSender for Line {
    fn num_partitions(&self, _topic: &str) -> Waiting<Result<i32, String>> {
        Box::pin(async { Ok(1) })
    }

    fn send(&self, record: OutgoingRecord) -> Waiting<Sent> {
        let mut sent = self.sent.lock();
        let place = sent.len();
        sent.push(record);
        let fortune = self.fortunes.lock().get(place).copied().unwrap_or(Fortune::Acknowledged);
        let mut cancelled = self.cancelled.subscribe();
        Box::pin(async move {
            match fortune {
                Fortune::Acknowledged => Sent::Persisted { partition: 0, offset: Some(place as i64) },
                Fortune::Refused => Sent::NotPersisted("the broker refused it".into()),
                Fortune::Doubtful => Sent::PossiblyPersisted("timed out".into()),
                Fortune::Silent => {
                    let _gone = cancelled.wait_for(|cancelled| *cancelled).await;
                    Sent::PossiblyPersisted("cancelled in flight".into())
                }
            }
        })
    }

    fn cancel(&self) {
        self.cancelled.send_replace(true);
    }
}

fn group_view(group: &str, channel: &str, consumers: &Consumers) -> GroupView {
    let member = |number: usize| MemberView { member_id: format!("m-{number}").into(), client_id: "c".into(), host: "h".into(), partitions: [0].into() };
    GroupView {
        node_id: None,
        group: group.into(),
        topic: channel.into(),
        cluster: Some(CLUSTER.into()),
        state: None,
        members: consumers.num_members.map(|num| (0..num).map(member).collect()),
        members_reason: None,
        lag: Some(0),
        lag_s: None,
        verdict: LagVerdict::Ok,
        reason: "".into(),
        read_ns: None,
        committed_since_start: None,
        ..GroupView::default()
    }
}

struct Eyes(Arc<World>);

impl Observed for Eyes {
    fn snapshot(&self) -> Snapshot {
        let groups = self.0.groups.lock().iter().map(|((group, channel), consumers)| group_view(group, channel, consumers)).collect();
        let source = SourceView {
            name: CLUSTER.into(),
            kind: SourceKind::Kafka,
            cluster_id: Some(CLUSTER_ID.into()),
            phase: SourcePhase::Live,
            detail: String::new(),
            next_step: String::new(),
            at_ns: 0,
            counts: switchboard_engine::view::CountsReport::default(),
            by_kind: Vec::new(),
            left_out: Vec::new(),
        };
        let dead = DeadLetterView {
            channel: DEAD.into(),
            channel_node: None,
            origin: Some(TARGET.into()),
            origin_node: None,
            fingerprint: "NullPointerException".into(),
            count: 12 + self.0.back.lock().len() as u64,
            first_ns: 0,
            last_ns: 0,
            dialect: None,
            cluster: CLUSTER.into(),
            is_among_others: false,
        };
        let named = [(TARGET.to_owned(), None)].into_iter().chain(self.0.channels.clone());
        let node = |(number, (name, _)): (usize, &(String, Option<String>))| Node {
            node_id: NodeId(number as u32 + 1),
            kind: NodeKind::Channel,
            name: name.clone(),
            namespace: None,
            environment: None,
            system: None,
            version: None,
            basis: NodeBasis::Broker,
            instances: Vec::new(),
            first_seen_ns: None,
            labels: Vec::new(),
            folded_into: None,
        };
        let figures = |(number, (_, not_tailed)): (usize, &(String, Option<String>))| ChannelFigures {
            node_id: NodeId(number as u32 + 1),
            cluster: Some(CLUSTER.into()),
            partitions: Some(1),
            records: None,
            not_tailed: not_tailed.clone(),
            made_again_ns: None,
        };
        let channels: Vec<(String, Option<String>)> = named.collect();
        Snapshot {
            topology: Arc::new(Topology { version: 1, nodes: channels.iter().enumerate().map(node).collect(), edges: Vec::new() }),
            figures: Arc::new(Figures { channels: channels.iter().enumerate().map(figures).collect(), ..Figures::default() }),
            groups: Arc::new(groups),
            sources: Arc::new(vec![source]),
            dead_letters: Arc::new(vec![dead]),
            ..Snapshot::default()
        }
    }

    fn query(&self, query: Query) -> Answering {
        let answer = match query {
            Query::Group { group, topic, .. } => {
                let known = self.0.groups.lock().get(&(group.clone(), topic.clone())).cloned();
                Some(Answer::Group(known.map(|consumers| {
                    let committed = consumers.committed;
                    let partition = PartitionLag { partition: 0, low: Some(0), end: None, committed, ..PartitionLag::default() };
                    let view = group_view(&group, &topic, &consumers);
                    Box::new(GroupDetail { view, partitions: vec![partition], history: Vec::new(), others: Vec::new() })
                })))
            }
            Query::DeadLettersSince { skip, limit, .. } => Some(page(&self.0.back.lock(), skip, limit)),
            // As the engine does where there are too many for one answer.
            Query::DeadLetters { skip, limit, .. } => Some(page(&self.0.stored(), skip, limit.min(5))),
            Query::Conversation { .. } => Some(Answer::Conversation(self.0.items.lock().clone())),
            _ => None,
        };
        Box::pin(async move { answer })
    }

    fn now_ns(&self) -> i64 {
        crate::session::now_ns()
    }
}

/// A desk on a world, with its ledger in a folder that goes with it.
struct Desk {
    world: Arc<World>,
    desk: ReplayDesk,
    changed: Arc<Notify>,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(world: World) -> Self {
        Self::in_folder(world, tempfile::tempdir().expect("a folder"))
    }

    fn in_folder(world: World, folder: tempfile::TempDir) -> Self {
        let world = Arc::new(world);
        let changed = Arc::new(Notify::new());
        let config = ReplayDeskConfig {
            ledger_path: Some(folder.path().join("ledger.sqlite")),
            operator: "ada".into(),
            redactor: redactor(),
            observed: Arc::new(Eyes(Arc::clone(&world))),
            pace: Pace { num_canary: 5, rate_per_s: 500, quiet: Duration::from_millis(20), lag_margin: 500, look_every: Duration::from_millis(10) },
        };
        let on_change = {
            let changed = Arc::clone(&changed);
            Box::new(move || changed.notify_one())
        };
        let desk = ReplayDesk::start(config, &tokio::runtime::Handle::current(), on_change);
        desk.add_cluster(CLUSTER, Arc::clone(&world) as Arc<dyn ClusterAccess>);
        Self { world, desk, changed, folder }
    }

    async fn until(&self, what: &str, is_there: impl Fn(&ReplayBoard) -> bool) -> Arc<ReplayBoard> {
        let deadline = Instant::now() + WITHIN;
        loop {
            let board = self.desk.board();
            if is_there(&board) {
                return board;
            }
            assert!(Instant::now() < deadline, "no {what}: {board:#?}");
            let _again = tokio::time::timeout(Duration::from_millis(50), self.changed.notified()).await;
        }
    }

    async fn preview(&self, offsets: impl IntoIterator<Item = i64>) -> Arc<ReplayBoard> {
        let told = |offset: i64| AskedLetter { failed_group: self.world.failed_group.clone(), retried_ns: self.world.retried_ns, ..asked(offset) };
        self.desk.command(ask(CLUSTER, TARGET, AskedLetters::These(offsets.into_iter().map(told).collect())));
        self.until("preview", |board| board.preview.is_some() || board.refusal.is_some()).await
    }

    fn start(&self, board: &ReplayBoard, typed_name: Option<&str>) {
        let replay_id = board.preview.as_ref().expect("a preview").replay_id.clone();
        self.desk.command(ReplayCommand::Start { replay_id, typed_name: typed_name.map(str::to_owned) });
    }

    /// Previews all twelve and sends the first five; the run's id.
    async fn send_first(&self) -> String {
        let board = self.preview(0..12).await;
        self.start(&board, None);
        let board = self.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
        board.run.as_ref().expect("a run").replay_id.clone()
    }

    /// Waits until the first few are watched and this is said to be waited for.
    async fn until_waits_for(&self, what: &str) -> Arc<ReplayBoard> {
        self.until(what, |board| board.run.as_ref().is_some_and(|run| run.phase == RunPhase::Watching && run.waits_for.contains(what))).await
    }

    async fn until_phase(&self, phase: fn(&RunPhase) -> bool) -> Arc<ReplayBoard> {
        self.until("phase", |board| board.run.as_ref().is_some_and(|run| phase(&run.phase))).await
    }

    fn ledger(&self) -> Ledger {
        Ledger::open(&self.folder.path().join("ledger.sqlite")).expect("a ledger")
    }

    async fn outcomes(&self) -> Vec<(i64, Outcome)> {
        let lines = self.ledger().lines(1_000).await.expect("lines");
        lines.into_iter().map(|line| (line.letter.map_or(-1, |letter| letter.offset), line.outcome)).collect()
    }
}

fn key(offset: i64) -> LetterKey {
    LetterKey { cluster: CLUSTER.into(), channel: DEAD.into(), partition: 0, offset, timestamp_ns: Some(offset) }
}

fn asked(offset: i64) -> AskedLetter {
    AskedLetter::of(&stored(offset), KindHash(1))
}

fn cause() -> LetterCause {
    LetterCause { cluster: CLUSTER.into(), channel: DEAD.into(), origin: Some(TARGET.into()), fingerprint: "NullPointerException".into() }
}

fn ask(cluster: &str, target: &str, letters: AskedLetters) -> ReplayCommand {
    ReplayCommand::Preview(ReplayAsk { cluster: cluster.into(), target: target.into(), letters, num_stored: 12 })
}

fn is_ended(phase: &RunPhase) -> bool {
    phase.is_ended()
}

fn ending(board: &ReplayBoard) -> (Ending, String) {
    match &board.run.as_ref().expect("a run").phase {
        RunPhase::Ended(ending, reason) => (*ending, reason.clone()),
        phase => panic!("not ended: {phase:?}"),
    }
}

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
        assert_eq!((&record.key, &record.value, record.partition), (&original.key, &original.value, Some(0)));
        let names: Vec<&str> = record.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(names, ["traceparent", REPLAY_ID_HEADER, SOURCE_HEADER, REPLAY_COUNT_HEADER]);
        assert_eq!(record.headers[0], original.headers[0]);
        assert_eq!(record.headers[1].value.as_deref(), Some(format!("{}.{}", run.replay_id, place + 1).as_bytes()));
        assert_eq!(format!("{:032x}", record.hash(&redactor()).0), desk.ledger().lines(100).await.expect("lines")[place].hash);
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
async fn one_that_dies_again_without_its_headers_is_known_by_where_it_was_sent() {
    let desk = Desk::new(World::new(12));
    let board = desk.preview(0..12).await;
    desk.start(&board, None);
    desk.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    desk.world.dies_without_headers(3);
    desk.world.read_all();
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board).0, Ending::Halted);
    assert_eq!(board.state(&key(3)), &LetterState::DeadAgain);
    let evidence = &board.letters[&key(3)].reason;
    assert!(evidence.contains("orders-dlt 0@901, which came from orders 0@3"), "{evidence}");
}

#[tokio::test]
async fn all_open_ones_of_a_cause_are_meant_however_many_they_are() {
    let desk = Desk::new(World::new(12));
    let parked = AskedLetters::These(vec![asked(4)]);
    desk.desk.command(ReplayCommand::Park { letters: parked, note: "later".into() });
    desk.until("parked", |board| matches!(board.state(&key(4)), LetterState::Parked(_))).await;
    let all = |except: &[i64]| AskedLetters::AllOpen { cause: cause(), except: except.iter().map(|offset| key(*offset)).collect() };
    desk.desk.command(ask(CLUSTER, TARGET, all(&[0, 7])));
    let board = desk.until("preview", |board| board.preview.is_some()).await;
    let preview = board.preview.as_ref().expect("a preview");
    let offsets: Vec<i64> = preview.planned.iter().map(|planned| planned.asked.letter.offset).collect();
    assert_eq!((offsets, preview.num_stored), (vec![1, 2, 3, 5, 6, 8, 9, 10, 11], 12));
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
    let of = |outcome: Outcome, lines: &[(i64, Outcome)]| lines.iter().filter(|line| line.1 == outcome).count();
    let lines = desk.outcomes().await;
    assert_eq!([Outcome::Persisted, Outcome::NotPersisted, Outcome::PossiblyPersisted].map(|outcome| of(outcome, &lines)), [4, 4, 4]);

    // Asked for all again, only those are offered that surely were not written.
    desk.desk.command(ReplayCommand::Dismiss);
    desk.until("nothing", |board| board.run.is_none()).await;
    let board = desk.preview(0..12).await;
    let preview = board.preview.as_ref().expect("a preview");
    assert_eq!(preview.planned.iter().map(|planned| planned.asked.letter.offset).collect::<Vec<_>>(), [1, 4, 7, 10]);
    let doubtful = preview.skipped.iter().filter(|skipped| skipped.reason.contains("may have been sent")).count();
    assert_eq!((preview.skipped.len(), doubtful), (8, 4));
}

#[tokio::test]
async fn stopping_ends_within_200_ms_and_says_what_became_of_what_was_on_its_way() {
    let world = World::new(12);
    *world.fortunes.lock() = vec![Fortune::Silent; 12];
    let desk = Desk::new(world);
    let board = desk.preview(0..12).await;
    desk.start(&board, None);
    desk.until("flight", |board| board.run.as_ref().is_some_and(|run| run.counts.in_flight == 5)).await;
    let began = Instant::now();
    desk.desk.command(ReplayCommand::Stop);
    let board = desk.until_phase(is_ended).await;
    let took = began.elapsed();
    assert!(took <= Duration::from_millis(200), "{took:?}");
    assert_eq!(ending(&board).0, Ending::Stopped);
    let counts = board.run.as_ref().expect("a run").counts;
    assert_eq!((counts.possibly_persisted, counts.waiting, counts.sum()), (5, 7, 12));
    assert_eq!(desk.outcomes().await.iter().filter(|line| line.1 == Outcome::PossiblyPersisted).count(), 5);
    assert_eq!(board.state(&key(0)), &LetterState::Sent(SentState::Possibly));
    assert!(board.state(&key(5)).is_open());
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
        assert_eq!((lines.len(), lines[0].outcome, lines[0].operator.as_str()), (1, Outcome::Refused, "ada"));
        assert!(lines[0].reason.contains(told) && lines[0].reason.starts_with("replay of 3"), "{}", lines[0].reason);
        assert_eq!(desk.world.num_connects.load(Ordering::Relaxed), 0);
        assert!(desk.world.sent().is_empty());
    }
    let desk = Desk::new(World { is_production: true, ..World::new(3) });
    let board = desk.preview(0..3).await;
    desk.start(&board, Some(CLUSTER));
    desk.until("sent", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 3)).await;
}

#[tokio::test]
async fn what_has_expired_or_changed_is_skipped_with_its_reason_also_between_preview_and_run() {
    let world = World::new(4);
    world.records.lock().remove(&0);
    if let Some(record) = world.records.lock().get_mut(&1) {
        record.position.raw_hash = RawHash(999);
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
    let skipped = lines.iter().find(|line| line.outcome == Outcome::Skipped).expect("a line");
    assert!(skipped.letter.as_ref().is_some_and(|letter| letter.offset == 2) && skipped.reason.starts_with("changed"), "{skipped:?}");
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
    assert_eq!(desk.outcomes().await.iter().filter(|line| line.1 == Outcome::PossiblyPersisted).count(), 35);
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
async fn what_makes_no_sense_is_refused_in_words() {
    let desk = Desk::new(World::new(3));
    for (target, cluster, told) in [("", CLUSTER, "nowhere to send"), (DEAD, CLUSTER, "where they lie dead"), (TARGET, "elsewhere", "no source")] {
        let mut letter = asked(0);
        letter.letter.cluster = cluster.to_owned();
        desk.desk.command(ask(cluster, target, AskedLetters::These(vec![letter])));
        let board = desk.until("refusal", |board| board.refusal.as_ref().is_some_and(|reason| reason.contains(told))).await;
        assert!(board.preview.is_none());
    }
    desk.desk.command(ReplayCommand::Continue);
    desk.until("refusal", |board| board.refusal.as_deref() == Some("no run is going on")).await;
    assert!(!desk.folder.path().join("ledger.sqlite").exists(), "a ledger is made only when it is needed");
}
