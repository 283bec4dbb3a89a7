//! Replaying on a cluster of the test's own making: what is sent, in which order, what is written down, and when it stops.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use switchboard_engine::view::{
    Answer, ChannelFigures, ConversationItem, DeadLetterView, Edge, EdgeId, Evidence, Figure, Figures, GroupDetail, GroupView, HopKind, LagVerdict, LetterPage,
    LetterView, MemberView, Node, NodeBasis, NodeId, NodeKind, PartitionLag, PointQuery, Query, RecordView, ScanQuery, Snapshot, SourceView, SpanView,
    Topology,
};
use switchboard_model::{
    FailureKind, MessageRef, OperationEnd, OperationFailure, OriginalRecord, Outcome, OutgoingRecord, PermitRefused, Place, Progress, REPLAY_COUNT_HEADER,
    REPLAY_ID_HEADER, RawHash, RawHeader, Redactor, Route, SOURCE_HEADER, SeenRecord, Skipped, SourceKind, SourcePhase, SpanId, SpanKind, TimestampType,
    ToldPlace, TraceId, is_dead_letter_name,
};
use tokio::sync::{Notify, watch};

use crate::ledger::{Ending, KindHash, LazyLedger, Ledger, LedgerPlace, LetterKey, LetterState, SentState, SettledAs};
use crate::operations::{Operations, OperationsBoard};
use crate::send::access::Queued;
use crate::send::replay::{
    Answering, AskedLetter, AskedLetters, Caps, ClusterAccess, Extents, LetterCause, Observed, Pace, RecordSender, ReplayAsk, ReplayBoard, ReplayCommand,
    ReplayDesk, ReplayDeskConfig, ReplayOptions, RunBoard, RunPhase, Waiting, Writing,
};

mod anything;
mod by_place;
mod desk;
mod fates;
mod file;
mod gate;
mod looking;
mod pace;
mod ranges;
mod saving;
mod sending;
mod targets;

use desk::{Desk, ending, is_ended};

const CLUSTER: &str = "local";
const CLUSTER_ID: &str = "lkc-1";
/// Another cluster, to which something can be sent from the first.
const OTHER: &str = "staging";
const OTHER_ID: &str = "lkc-2";
const TARGET: &str = "orders";
const DEAD: &str = "orders-dlt";
/// One that the profile calls so.
const FAILED: &str = "orders.rejected";
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
    /// Acknowledged once that is let.
    Late,
}

/// A cluster of one dead-letter channel and one target.
struct World {
    records: Mutex<BTreeMap<i64, OriginalRecord>>,
    write: bool,
    /// Whether somebody allowed it for this session.
    is_allowed: AtomicBool,
    is_production: bool,
    num_connects: AtomicUsize,
    num_reads: AtomicUsize,
    sent: Arc<Mutex<Vec<OutgoingRecord>>>,
    fortunes: Arc<Mutex<Vec<Fortune>>>,
    cancelled: Arc<watch::Sender<bool>>,
    /// Whether what comes late may come.
    is_late_let: Arc<watch::Sender<bool>>,
    groups: Mutex<BTreeMap<(String, String), Consumers>>,
    /// The same on the other cluster.
    groups_elsewhere: Mutex<BTreeMap<(String, String), Consumers>>,
    back: Mutex<Vec<LetterView>>,
    /// Where the dead-letter channel ends, as the brokers say.
    dead_end: i64,
    /// Records elsewhere that bear the ids of replays, and spans.
    items: Mutex<Vec<ConversationItem>>,
    /// Channels beside the target, and why they are not read.
    channels: Vec<(String, Option<String>)>,
    /// Offsets at which no record lies.
    holes: BTreeSet<i64>,
    /// Where its channels end; `None` = behind the last record.
    end: Option<i64>,
    /// How the service behind the group fares.
    fares: Mutex<Figure>,
    /// As its letters tell.
    failed_group: Option<String>,
    retried_ns: Option<i64>,
    /// What the profile says of replaying to it.
    caps: Caps,
    /// How many bytes a record may have on the target.
    size_limit: Result<u64, String>,
    /// Where it is fewer.
    smaller: BTreeMap<String, u64>,
    /// Whether nothing that is read comes, until it does.
    is_mute: watch::Sender<bool>,
    /// Whether it is not told either which offsets there are.
    tells_no_extents: bool,
    /// Partitions of the channels, beside the one with records, that nobody leads.
    leaderless: Vec<i32>,
    /// How large a batch of several may be to each sender that was made.
    batch_limits: Mutex<Vec<Option<u64>>>,
    /// A source that is added later: its name, and what its cluster calls itself.
    added: Mutex<Option<(String, String)>>,
    /// Channels of which it was asked where they end, in their order, and how many records were sent by then.
    ends_asked: Arc<Mutex<Vec<(String, usize)>>>,
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
            seen: SeenRecord { at: at(DEAD, offset), raw_hash: RawHash(offset as u128 + 1) },
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
            is_allowed: AtomicBool::new(false),
            is_production: false,
            num_connects: AtomicUsize::new(0),
            num_reads: AtomicUsize::new(0),
            sent: Arc::default(),
            fortunes: Arc::default(),
            cancelled: Arc::new(watch::channel(false).0),
            is_late_let: Arc::new(watch::channel(false).0),
            groups: Mutex::new(BTreeMap::from([((GROUP.into(), TARGET.into()), Consumers { committed: Some(0), num_members: None })])),
            groups_elsewhere: Mutex::default(),
            back: Mutex::default(),
            dead_end: num_letters,
            items: Mutex::default(),
            channels: Vec::new(),
            holes: BTreeSet::new(),
            end: None,
            fares: Mutex::default(),
            failed_group: Some(GROUP.into()),
            retried_ns: None,
            caps: Caps::default(),
            size_limit: Ok(1 << 20),
            smaller: BTreeMap::new(),
            is_mute: watch::channel(false).0,
            tells_no_extents: false,
            leaderless: Vec::new(),
            batch_limits: Mutex::default(),
            added: Mutex::default(),
            ends_asked: Arc::default(),
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
        let at = at(channel, self.items.lock().len() as i64);
        let record = RecordView { at, timestamp_ns: Some(now_ns), received_ns: now_ns, headers, ..RecordView::default() };
        self.items.lock().push(ConversationItem::Record(record));
    }

    fn end(&self) -> i64 {
        self.end.unwrap_or_else(|| self.records.lock().keys().next_back().map_or(0, |last| last + 1))
    }

    fn extents_told<T: Send + 'static>(&self, told: T) -> Waiting<T> {
        if self.tells_no_extents { Box::pin(std::future::pending()) } else { Box::pin(std::future::ready(told)) }
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

    /// So does the one at this offset, by a consumer that leaves its headers out: a letter at this place is read now.
    fn dies_without_headers(&self, offset: i64, at: i64, timestamp_ns: Option<i64>) {
        let (origin, received_ns) = (Some(TARGET.into()), crate::session::now_ns());
        let view = LetterView { origin, origin_place: ToldPlace::of(Some(0), Some(offset)), timestamp_ns, received_ns, ..stored(at) };
        self.back.lock().push(view);
    }

    /// The stored letters, oldest first.
    fn stored(&self) -> Vec<LetterView> {
        self.records.lock().keys().map(|offset| stored(*offset)).collect()
    }
}

/// In the one partition of a channel.
fn at(channel: &str, offset: i64) -> MessageRef {
    MessageRef { cluster: CLUSTER.into(), channel: channel.into(), place: Place::at(0, offset) }
}

/// A dead letter as the engine tells of it.
fn stored(offset: i64) -> LetterView {
    LetterView {
        at: at(DEAD, offset),
        timestamp_ns: Some(offset),
        raw_hash: RawHash(offset as u128 + 1),
        origin: Some(TARGET.into()),
        // Another place than any that is written to.
        origin_place: ToldPlace::of(Some(0), Some(50_000 + offset)),
        origin_group: Some(GROUP.into()),
        ..LetterView::default()
    }
}

/// A page of letters.
fn page(of: &[LetterView], skip: usize, limit: usize) -> Answer {
    let letters: Vec<LetterView> = of.iter().skip(skip).take(limit).cloned().collect();
    Answer::DeadLetters(LetterPage { letters, skipped: skip as u64, total: of.len() as u64, num_stored: of.len() as u64, ..LetterPage::default() })
}

impl ClusterAccess for World {
    fn read(&self, seen: Vec<SeenRecord>) -> Waiting<Vec<Result<OriginalRecord, Skipped>>> {
        self.num_reads.fetch_add(1, Ordering::Relaxed);
        let records = self.records.lock();
        let read = |seen: &SeenRecord| match records.get(&seen.at.place.offset().expect("an offset")) {
            _ if self.holes.contains(&seen.at.place.offset().expect("an offset")) => Err(Skipped::Gone),
            None => Err(Skipped::Expired { low_watermark: 1 }),
            Some(record) if seen.raw_hash != RawHash::UNKNOWN && record.seen.raw_hash != seen.raw_hash => Err(Skipped::Changed),
            Some(record) => Ok(record.clone()),
        };
        let read: Vec<_> = seen.iter().map(read).collect();
        let mut is_mute = self.is_mute.subscribe();
        Box::pin(async move {
            if is_mute.wait_for(|is_mute| !is_mute).await.is_err() {
                std::future::pending::<()>().await;
            }
            read
        })
    }

    fn extent(&self, channel: &str, partition: i32) -> Waiting<Result<Range<i64>, OperationFailure>> {
        let refused = |reason: String, next_step: &str| Err(OperationFailure { kind: FailureKind::Peer, reason, next_step: next_step.to_owned() });
        let told = match partition {
            0 => Ok(0..self.end()),
            leaderless if self.leaderless.contains(&leaderless) => {
                refused(format!("partition {partition} of {channel} cannot be read: it has no leader now"), "Wait until a broker leads it again")
            }
            _ => refused(format!("{channel} has no partition {partition}: it has 1, from 0 on"), "Correct the range"),
        };
        self.extents_told(told)
    }

    fn extents(&self, _channel: &str, times_ms: Range<i64>) -> Waiting<Result<Extents, OperationFailure>> {
        let end = self.end();
        let records = self.records.lock();
        // As the broker does: the first one that is as late.
        let first = |ms: i64| records.iter().find(|(_, record)| record.timestamp_ms.is_some_and(|at| at >= ms)).map_or(end, |(offset, _)| *offset);
        let led = std::iter::once((0, Ok(first(times_ms.start)..first(times_ms.end))));
        let told = led.chain(self.leaderless.iter().map(|partition| (*partition, Err("it has no leader now".to_owned()))));
        self.extents_told(Ok(told.collect()))
    }

    fn may_write(&self, cluster_id: Option<&str>, typed_name: Option<&str>) -> Result<(), PermitRefused> {
        let name = CLUSTER.to_owned();
        match cluster_id {
            _ if !self.write && !self.is_allowed.load(Ordering::SeqCst) => Err(PermitRefused::ReadOnly { name }),
            None => Err(PermitRefused::ClusterUnknown { name }),
            Some(_) if self.is_production && typed_name != Some(CLUSTER) => Err(PermitRefused::NotConfirmed { name }),
            Some(_) => Ok(()),
        }
    }

    fn allow(&self, _cluster_id: Option<&str>, typed_name: Option<&str>) -> Result<(), PermitRefused> {
        if self.is_production && typed_name != Some(CLUSTER) {
            return Err(PermitRefused::NotConfirmed { name: CLUSTER.to_owned() });
        }
        self.is_allowed.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn asks_for_name(&self) -> bool {
        self.write && self.is_production
    }

    fn is_production(&self) -> bool {
        self.is_production
    }

    fn is_dead_letter_channel(&self, channel: &str) -> bool {
        channel == FAILED || is_dead_letter_name(channel)
    }

    fn caps(&self) -> Caps {
        self.caps
    }

    fn size_limit(&self, channel: &str) -> Waiting<Result<u64, String>> {
        let limit = self.smaller.get(channel).map_or_else(|| self.size_limit.clone(), |limit| Ok(*limit));
        Box::pin(std::future::ready(limit))
    }

    fn size_there(&self, record: &OutgoingRecord) -> u64 {
        record.value.as_ref().map_or(0, |value| value.len() as u64)
    }

    fn connect(&self, _cluster_id: Option<String>, _typed_name: Option<String>, size_limit: Option<u64>) -> Waiting<Result<Arc<dyn RecordSender>, String>> {
        self.batch_limits.lock().push(size_limit);
        self.num_connects.fetch_add(1, Ordering::Relaxed);
        let sender = Line {
            sent: Arc::clone(&self.sent),
            fortunes: Arc::clone(&self.fortunes),
            cancelled: Arc::clone(&self.cancelled),
            is_late_let: Arc::clone(&self.is_late_let),
            dead_end: self.dead_end,
            ends_asked: Arc::clone(&self.ends_asked),
        };
        Box::pin(async move { Ok(Arc::new(sender) as Arc<dyn RecordSender>) })
    }
}

struct Line {
    sent: Arc<Mutex<Vec<OutgoingRecord>>>,
    fortunes: Arc<Mutex<Vec<Fortune>>>,
    cancelled: Arc<watch::Sender<bool>>,
    is_late_let: Arc<watch::Sender<bool>>,
    dead_end: i64,
    ends_asked: Arc<Mutex<Vec<(String, usize)>>>,
}

impl RecordSender for Line {
    fn num_partitions(&self, _topic: &str) -> Waiting<Result<i32, String>> {
        Box::pin(async { Ok(1) })
    }

    fn ends(&self, topic: &str) -> Waiting<Result<Vec<i64>, String>> {
        self.ends_asked.lock().push((topic.to_owned(), self.sent.lock().len()));
        let told = if topic == DEAD { Ok(vec![self.dead_end]) } else { Err("no such topic".to_owned()) };
        Box::pin(async move { told })
    }

    fn queue(&self, record: OutgoingRecord) -> Waiting<Queued> {
        let mut sent = self.sent.lock();
        let place = sent.len();
        sent.push(record);
        let fortune = self.fortunes.lock().get(place).copied().unwrap_or(Fortune::Acknowledged);
        let (mut cancelled, mut is_late_let) = (self.cancelled.subscribe(), self.is_late_let.subscribe());
        let queued = Queued::new(async move {
            match fortune {
                Fortune::Acknowledged => Outcome::persisted(Some(Place::at(0, place as i64))),
                Fortune::Refused => Outcome::NotDone("the broker refused it".into()),
                Fortune::Doubtful => Outcome::Possibly("timed out".into()),
                Fortune::Silent => {
                    let _gone = cancelled.wait_for(|cancelled| *cancelled).await;
                    Outcome::Possibly("cancelled in flight".into())
                }
                Fortune::Late => {
                    let _let = is_late_let.wait_for(|is_let| *is_let).await;
                    Outcome::persisted(Some(Place::at(0, place as i64)))
                }
            }
        });
        Box::pin(std::future::ready(queued))
    }

    fn cancel(&self) {
        self.cancelled.send_replace(true);
    }
}

fn group_view(cluster: &str, group: &str, channel: &str, consumers: &Consumers) -> GroupView {
    let member = |number: usize| MemberView { member_id: format!("m-{number}").into(), client_id: "c".into(), host: "h".into(), partitions: [0].into() };
    GroupView {
        node_id: None,
        group: group.into(),
        topic: channel.into(),
        cluster: Some(cluster.into()),
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
        let num = 12 + self.0.back.lock().len() as u64;
        let mut groups = Vec::new();
        for (cluster, of) in [(CLUSTER, &self.0.groups), (OTHER, &self.0.groups_elsewhere)] {
            groups.extend(of.lock().iter().map(|((group, channel), consumers)| group_view(cluster, group, channel, consumers)));
        }
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
        let other = SourceView { name: OTHER.into(), cluster_id: Some(OTHER_ID.into()), ..source.clone() };
        let added = self.0.added.lock().clone().map(|(name, id)| SourceView { name, cluster_id: Some(id), ..source.clone() });
        let dead = DeadLetterView {
            channel: DEAD.into(),
            channel_node: None,
            origin: Some(TARGET.into()),
            origin_node: None,
            fingerprint: "NullPointerException".into(),
            count: num,
            num_open: num,
            first_ns: 0,
            last_ns: 0,
            dialect: None,
            cluster: CLUSTER.into(),
            is_among_others: false,
        };
        let channels = self.0.channels.iter().map(|(name, unread)| (name.as_str(), unread.as_deref()));
        let channels: Vec<(&str, Option<&str>)> = [(TARGET, None)].into_iter().chain(channels).collect();
        let of_channels = snapshot_of_channels(CLUSTER, &channels);
        let snapshot = behind_a_group(of_channels, GROUP, "stock", "postgres", *self.0.fares.lock());
        Snapshot {
            groups: Arc::new(groups),
            sources: Arc::new([source, other].into_iter().chain(added).collect()),
            dead_letters: Arc::new(vec![dead]),
            ..snapshot
        }
    }

    fn query(&self, query: Query) -> Answering {
        let answer = match query {
            Query::Point(PointQuery::Group { group, topic, cluster }) => {
                let (cluster, of) = if cluster.as_deref() == Some(OTHER) { (OTHER, &self.0.groups_elsewhere) } else { (CLUSTER, &self.0.groups) };
                let known = of.lock().get(&(group.clone(), topic.clone())).cloned();
                Some(Answer::Group(known.map(|consumers| {
                    let committed = consumers.committed;
                    let partition = PartitionLag { partition: 0, low: Some(0), end: None, committed, ..PartitionLag::default() };
                    let view = group_view(cluster, &group, &topic, &consumers);
                    Box::new(GroupDetail { view, partitions: vec![partition], history: Vec::new(), others: Vec::new() })
                })))
            }
            Query::Scan(ScanQuery::DeadLettersSince { skip, limit, .. }) => Some(page(&self.0.back.lock(), skip, limit)),
            // As the engine does where there are too many for one answer.
            Query::Scan(ScanQuery::DeadLetters { skip, limit, .. }) => Some(page(&self.0.stored(), skip, limit.min(5))),
            Query::Point(PointQuery::Conversation { .. }) => Some(Answer::Conversation(self.0.items.lock().clone())),
            _ => None,
        };
        Box::pin(async move { answer })
    }

    fn now_ns(&self) -> i64 {
        crate::session::now_ns()
    }
}

pub(super) fn node(number: u32, kind: NodeKind, name: &str) -> Node {
    Node {
        node_id: NodeId(number),
        kind,
        name: name.to_owned(),
        namespace: None,
        environment: None,
        system: None,
        version: None,
        basis: NodeBasis::Broker,
        instances: Vec::new(),
        first_seen_ns: None,
        last_seen_ns: None,
        labels: Vec::new(),
        folded_into: None,
    }
}

/// The same with a group on the first channel, a service that works for it and fares like this, and what that calls, always well.
pub(super) fn behind_a_group(snapshot: Snapshot, group: &str, service: &str, callee: &str, fares: Figure) -> Snapshot {
    let mut topology = Topology::clone(&snapshot.topology);
    topology.nodes.extend([node(101, NodeKind::Group, group), node(102, NodeKind::Service, service), node(103, NodeKind::Database, callee)]);
    let edges = [(1, 101, HopKind::Deliver), (101, 102, HopKind::Process), (102, 103, HopKind::Call), (102, 103, HopKind::Call), (102, 1, HopKind::Publish)];
    let edge = |(number, (from, to, kind)): (usize, (u32, u32, HopKind))| Edge {
        edge_id: EdgeId(number as u32),
        from: NodeId(from),
        to: NodeId(to),
        kind,
        via: None,
        inferred: false,
    };
    topology.edges = edges.into_iter().enumerate().map(edge).collect();
    let well = Figure { recent_calls: 3, total_calls: 30, ..Figure::default() };
    let figure = |edge: &Edge| (edge.edge_id, if edge.kind == HopKind::Process { fares } else { well }, Evidence::default());
    let figures = Figures { edges: topology.edges.iter().map(figure).collect(), ..Figures::clone(&snapshot.figures) };
    Snapshot { topology: Arc::new(topology), figures: Arc::new(figures), ..snapshot }
}

/// A snapshot of channels of a cluster: their names, and why they are not read.
pub(super) fn snapshot_of_channels(cluster: &str, of: &[(&str, Option<&str>)]) -> Snapshot {
    let node = |(number, (name, _)): (usize, &(&str, Option<&str>))| node(number as u32 + 1, NodeKind::Channel, name);
    let figures = |(number, (_, unread)): (usize, &(&str, Option<&str>))| ChannelFigures {
        node_id: NodeId(number as u32 + 1),
        cluster: Some(cluster.into()),
        partitions: Some(1),
        records: None,
        not_tailed: unread.map(str::to_owned),
        made_again_ns: None,
    };
    Snapshot {
        topology: Arc::new(Topology { version: 1, nodes: of.iter().enumerate().map(node).collect(), edges: Vec::new() }),
        figures: Arc::new(Figures { channels: of.iter().enumerate().map(figures).collect(), ..Figures::default() }),
        ..Snapshot::default()
    }
}

fn key(offset: i64) -> LetterKey {
    LetterKey { at: at(DEAD, offset), timestamp_ns: Some(offset) }
}

fn asked(offset: i64) -> AskedLetter {
    AskedLetter::of(&stored(offset), KindHash(1))
}

fn cause() -> LetterCause {
    LetterCause { cluster: CLUSTER.into(), channel: DEAD.into(), origin: Some(TARGET.into()), fingerprint: "NullPointerException".into() }
}

fn ask(cluster: &str, target: &str, letters: AskedLetters) -> ReplayCommand {
    ReplayCommand::Preview(ReplayAsk {
        cluster: cluster.into(),
        target: target.into(),
        letters,
        num_stored: 12,
        plan_key: None,
        options: ReplayOptions::default(),
    })
}
