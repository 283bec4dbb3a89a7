//! What the window draws: independently versioned parts behind `Arc`, rebuilt only where something changed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use switchboard_model::{BreakerState, GroupKind, ItemKind, SourceKind, SourcePhase};

use crate::view::{CountsReport, Evidence, LagVerdict, LeftOut, LimitsReport, Pace};

/// One consistent view of the engine. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Rises by one with each publication.
    pub generation: u64,
    /// The engine's time: of the last tick or batch, ns since the Unix epoch.
    pub as_of_ns: i64,
    /// When the session began, ns since the Unix epoch.
    pub started_ns: i64,
    /// Nodes and edges. Another `Arc` only when a node or an edge came or changed its kind.
    pub topology: Arc<Topology>,
    /// Figures of nodes and edges over the last 60 s and the whole session.
    pub figures: Arc<Figures>,
    /// Service to service interactions.
    pub interactions: Arc<Vec<InteractionView>>,
    /// Consumer groups.
    pub groups: Arc<Vec<GroupView>>,
    /// Circuit breakers.
    pub breakers: Arc<Vec<BreakerView>>,
    /// Dead letters.
    pub dead_letters: Arc<Vec<DeadLetterView>>,
    /// Sources.
    pub sources: Arc<Vec<SourceView>>,
    /// Sums for status lines.
    pub totals: Totals,
}

/// Sums over the session.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Spans, records and logs kept now.
    pub stored: u64,
    /// Bytes of the store, by capacity.
    pub stored_bytes: u64,
    /// Oldest span kept, ns since the Unix epoch.
    pub oldest_span_ns: Option<i64>,
    /// Items folded as noise (own polls, metrics).
    pub folded: u64,
    /// What the limits of joining and counting left out.
    pub limits: LimitsReport,
    /// The last time that the machine's clock was set.
    pub clock_set: Option<ClockSet>,
}

/// The clock of the machine that Switchboard runs on was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSet {
    /// When, by the clock that goes on, ns since the Unix epoch.
    pub at_ns: i64,
    /// By how much, ns: ahead where it is above zero.
    pub by_ns: i64,
}

/// A node of the map. Given once and never reused in a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeId(pub u32);

/// An edge of the map. Given once and never reused in a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EdgeId(pub u32);

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// A service.
    Service,
    /// A topic, queue or exchange.
    Channel,
    /// A consumer group (or subscription).
    Group,
    /// A database.
    Database,
    /// A peer that is known only by its address or name.
    External,
    /// Whoever calls a root server span: not instrumented.
    User,
    /// The parent of a span, told by its id and never seen.
    Missing,
    /// All that came after a cap was reached.
    Other,
}

/// How a node is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeBasis {
    /// It sends spans itself.
    Traced,
    /// A broker told of it.
    Broker,
    /// Inferred from what others say of it.
    Inferred,
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its id.
    pub node_id: NodeId,
    /// What it is.
    pub kind: NodeKind,
    /// Its name.
    pub name: String,
    /// Namespace of a service; unknown = `None`.
    pub namespace: Option<String>,
    /// Environment; unknown = `None`.
    pub environment: Option<String>,
    /// `kafka`, `postgresql` … where one is known.
    pub system: Option<String>,
    /// Version last seen.
    pub version: Option<String>,
    /// How it is known.
    pub basis: NodeBasis,
    /// Instances seen; `None` where nothing tells.
    pub instances: Vec<InstanceView>,
    /// When it first sent something itself, ns since the Unix epoch; `None` where only others tell of it.
    pub first_seen_ns: Option<i64>,
    /// When it last did, ns since the Unix epoch.
    pub last_seen_ns: Option<i64>,
    /// To what a service belongs, as its resource says: attribute and value (`k8s.namespace.name`, `team` …), by attribute.
    pub labels: Vec<(String, String)>,
    /// The channel that this one belongs to: the origin of a dead-letter or retry channel.
    pub folded_into: Option<NodeId>,
}

/// An instance of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceView {
    /// Its identity.
    pub instance: String,
    /// Version.
    pub version: Option<String>,
    /// Last seen, ns since the Unix epoch.
    pub last_seen_ns: i64,
}

/// What a step of an interaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HopKind {
    /// Client → server.
    Call,
    /// Service → channel.
    Publish,
    /// Channel → group.
    Deliver,
    /// Group → service.
    Process,
}

/// The styles of interaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Style {
    /// A call and its answer.
    #[serde(rename = "request/response")]
    RequestResponse,
    /// A message, answered by a message over a reply channel with the same correlation id.
    #[serde(rename = "async request/response")]
    AsyncRequestResponse,
    /// A message to one group that nobody answers.
    #[serde(rename = "one-way notification")]
    OneWayNotification,
    /// A message to two groups or more.
    #[serde(rename = "publish/subscribe")]
    PublishSubscribe,
    /// A message to two groups or more of which some answer.
    #[serde(rename = "publish/async responses")]
    PublishAsyncResponses,
}

/// An edge: one hop.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Its id.
    pub edge_id: EdgeId,
    /// Where it leaves.
    pub from: NodeId,
    /// Where it goes.
    pub to: NodeId,
    /// Which step.
    pub kind: HopKind,
    /// Protocol of a call.
    pub via: Option<String>,
    /// Whether it is only inferred (peer attributes, offsets), not proved by a pair of spans.
    pub inferred: bool,
}

/// Nodes and edges, each sorted by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    /// Rises when anything in it changes but for when instances were last seen.
    pub version: u64,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// Edges.
    pub edges: Vec<Edge>,
}

/// Figures of one edge or node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figure {
    /// In the last 60 s.
    pub recent_calls: u64,
    /// Of these, failed.
    pub recent_errors: u64,
    /// Calls per second over the last 60 s, or since the session began if that is less.
    pub rate_per_s: f64,
    /// Median duration in the last 60 s, ns.
    pub p50_ns: Option<i64>,
    /// 95th percentile in the last 60 s, ns.
    pub p95_ns: Option<i64>,
    /// In the session.
    pub total_calls: u64,
    /// Of these, failed.
    pub total_errors: u64,
    /// Last observation, ns since the Unix epoch; `None` = none.
    pub last_ns: Option<i64>,
}

/// Figures of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NodeFigure {
    /// The node.
    pub node_id: NodeId,
    /// Calls received (services), messages through (channels), deliveries (groups).
    pub figure: Figure,
    /// By how much the clock of a service runs ahead of this machine's, ns; below zero: behind, or its spans come that late.
    /// `None` where they agree as far as can be told.
    pub clock_ahead_ns: Option<i64>,
}

/// Figures of all nodes and edges, sorted by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// By node.
    pub nodes: Vec<NodeFigure>,
    /// By edge.
    pub edges: Vec<(EdgeId, Figure, Evidence)>,
    /// Channels' broker figures.
    pub channels: Vec<ChannelFigures>,
}

/// What a broker says of a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelFigures {
    /// The channel's node.
    pub node_id: NodeId,
    /// Name of the source that reads its cluster; `None` = no broker tells of it.
    pub cluster: Option<String>,
    /// Partitions; unknown = `None`.
    pub partitions: Option<u64>,
    /// Sum of high − low; unknown = `None`.
    pub records: Option<u64>,
    /// Whether its records are read; the reason if they are not.
    pub not_tailed: Option<String>,
    /// When it was seen to be made again, ns since the Unix epoch; `None` = it was not.
    pub made_again_ns: Option<i64>,
}

/// A service-to-service interaction.
#[derive(Clone, Debug, PartialEq)]
pub struct InteractionView {
    /// Who calls or publishes; `None` = unknown.
    pub from: Option<NodeId>,
    /// Who answers or handles; `None` = unknown.
    pub to: Option<NodeId>,
    /// Protocol, or the channel's name.
    pub via: String,
    /// The style; `None` without evidence.
    pub style: Option<Style>,
    /// Why this style, in words.
    pub style_reason: String,
    /// As the caller saw it.
    pub figure: Figure,
    /// As the callee saw it, for calls with both sides traced.
    pub callee_figure: Option<Figure>,
    /// Retries among the session's calls.
    pub retries: u64,
    /// Time-outs among the session's calls.
    pub timeouts: u64,
    /// Share of the real traffic that was seen; `None` = unknown.
    pub sampled_share: Option<f64>,
    /// How it is known.
    pub evidence: Evidence,
}

/// A consumer group on a topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupView {
    /// The group's node, once it is on the map.
    pub node_id: Option<NodeId>,
    /// `group.id`.
    pub group: String,
    /// The topic; empty where the brokers tell of the group and not of what it reads.
    pub topic: String,
    /// Name of the source that reads its cluster.
    pub cluster: Option<String>,
    /// Its kind; `None` = unknown.
    pub kind: Option<GroupKind>,
    /// State as the coordinator says.
    pub state: Option<Arc<str>>,
    /// Members; `None` = unknown.
    pub members: Option<Vec<MemberView>>,
    /// Why members are unknown.
    pub members_reason: Option<String>,
    /// Who reads by what spans say, where the brokers tell of no members.
    pub readers: Vec<SpanReader>,
    /// Records not yet committed that can be read; `None` = unknown.
    pub lag: Option<u64>,
    /// How long ago the committed offset was the end, s; `None` = unknown.
    pub lag_s: Option<f64>,
    /// What it comes to: of its partitions, the worst.
    pub verdict: LagVerdict,
    /// The partition that it is about, where it is about one.
    pub partition: Option<i32>,
    /// Since when it holds, ns since the Unix epoch; `None` = unknown, or of no matter.
    pub since_ns: Option<i64>,
    /// Why, in words.
    pub reason: Arc<str>,
    /// What came in and what was handled while `reason` was observed; `None` = too little is known.
    pub pace: Option<Pace>,
    /// When the offsets were read, ns since the Unix epoch.
    pub read_ns: Option<i64>,
    /// Records committed since the session first saw the group: what it is known to have handled.
    pub committed_since_start: Option<u64>,
}

/// Who reads a topic by what its spans say: no member as a broker knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpanReader {
    /// Its client id; `None` = its spans do not name one.
    pub client_id: Option<String>,
    /// Its service.
    pub service: String,
    /// The instance of the service; `None` = unknown.
    pub instance: Option<String>,
    /// Partitions that it was last to handle records of, in order.
    pub partitions: Vec<i32>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// Given by the broker.
    pub member_id: Arc<str>,
    /// Its client id.
    pub client_id: Arc<str>,
    /// Its address.
    pub host: Arc<str>,
    /// Partitions of this topic that it reads.
    pub partitions: Arc<[i32]>,
}

/// How a breaker's state is known, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateSource {
    /// An event with the library's own time.
    Event,
    /// A report of the current state.
    Report,
    /// The text of an exception in a span.
    Exception,
}

/// A circuit breaker in one instance.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerView {
    /// The service that holds it.
    pub caller: Option<String>,
    /// The caller's node, once it is on the map.
    pub caller_node: Option<NodeId>,
    /// The instance that holds it.
    pub instance: Option<String>,
    /// Its own name.
    pub name: String,
    /// The service it guards; `None` until there is evidence.
    pub callee: Option<String>,
    /// The callee's node.
    pub callee_node: Option<NodeId>,
    /// State; `None` = unknown.
    pub state: Option<BreakerState>,
    /// Since when, ns since the Unix epoch.
    pub since_ns: Option<i64>,
    /// Whether it was so before: the state was the same when it was first read, and no event tells of its beginning.
    pub since_at_least: bool,
    /// How the state is known.
    pub source: StateSource,
    /// When that was last confirmed, ns since the Unix epoch.
    pub confirmed_ns: i64,
    /// Whether the knowledge is too old to be relied on.
    pub stale: bool,
    /// What another source says, where they disagree, in words.
    pub disagreement: Option<String>,
    /// Calls it turned away, as it said last: since it opened, of Resilience4j; `None` = not told.
    pub not_permitted: Option<u64>,
    /// Changes of state, oldest first.
    pub transitions: Vec<(i64, BreakerState)>,
}

/// Dead letters that died of the same.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetterView {
    /// The dead-letter channel.
    pub channel: String,
    /// The channel's node.
    pub channel_node: Option<NodeId>,
    /// The channel they came from; unknown = `None`.
    pub origin: Option<String>,
    /// The origin's node.
    pub origin_node: Option<NodeId>,
    /// Exception, top frame and message without ids.
    pub fingerprint: String,
    /// How many.
    pub count: u64,
    /// How many of them still wait for somebody. The engine keeps no books of what is done about them: as it tells it, all do.
    pub num_open: u64,
    /// First seen, ns since the Unix epoch.
    pub first_ns: i64,
    /// Last seen, ns since the Unix epoch.
    pub last_ns: i64,
    /// The header dialect that proves them.
    pub dialect: Option<String>,
    /// Name of the source that reads the channel's cluster.
    pub cluster: String,
    /// Whether only their headers tell that they are dead: by its name and by choice, the channel is an ordinary one.
    pub is_among_others: bool,
}

/// A source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceView {
    /// Its name.
    pub name: String,
    /// Its family.
    pub kind: SourceKind,
    /// What its cluster calls itself; `None` = it is no cluster, or has not said.
    pub cluster_id: Option<String>,
    /// How it is doing.
    pub phase: SourcePhase,
    /// What happened, in a sentence.
    pub detail: String,
    /// What to do next.
    pub next_step: String,
    /// When that was said, ns since the Unix epoch.
    pub at_ns: i64,
    /// Items, all kinds summed.
    pub counts: CountsReport,
    /// Items by kind, where there are any.
    pub by_kind: Vec<(ItemKind, CountsReport)>,
    /// What it told of that found no room.
    pub left_out: Vec<LeftOut>,
}
