//! Small facts about brokers, groups, breakers, endpoints and refused requests.

use serde::{Deserialize, Serialize};

/// Names a cluster: its id where the brokers tell it, and the name of the source that reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterRef {
    /// The broker family: `kafka`.
    pub system: String,
    /// The cluster id, if known.
    pub cluster_id: Option<String>,
    /// Name of the source that reads the cluster.
    pub name: String,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// A cluster's brokers.
    Cluster(ClusterFact),
    /// A topic's partitions.
    Topic(TopicFact),
    /// A topic that was there and is no more.
    TopicGone {
        /// Its cluster.
        cluster: ClusterRef,
        /// Its name.
        topic: String,
    },
    /// A consumer group's state, members and offsets.
    Group(GroupFact),
    /// A group that was there and is no more.
    GroupGone {
        /// Its cluster.
        cluster: ClusterRef,
        /// Its name.
        group: String,
    },
    /// A circuit breaker's state, as reported now.
    Breaker(BreakerFact),
    /// Something that happened to a breaker, with its library's own time.
    BreakerEvent(BreakerEventFact),
    /// What answers behind an address.
    Instance(InstanceFact),
    /// What a health endpoint said.
    Health(HealthFact),
    /// A connection or request that was refused.
    Refused(Refusal),
    /// This machine's clock was set by so much, ns: ahead where it is above zero. Told times go on by a clock that does not jump.
    ClockSet {
        /// By how much.
        by_ns: i64,
    },
}

/// A broker of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broker {
    /// Its id.
    pub broker_id: i32,
    /// Its advertised host.
    pub host: String,
    /// Its advertised port.
    pub port: u16,
}

/// A cluster as its metadata says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterFact {
    /// Which.
    pub cluster: ClusterRef,
    /// Its brokers.
    pub brokers: Vec<Broker>,
}

/// Whether a topic's records are read, and why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TailState {
    /// Records are read.
    Tailed,
    /// They are not, for this reason.
    NotTailed(String),
}

/// A partition as metadata and watermarks say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionFact {
    /// Its number.
    pub partition: i32,
    /// The broker that leads it; `None` = none does, or unknown.
    pub leader: Option<i32>,
    /// Low watermark; `None` = unknown.
    pub low: Option<i64>,
    /// High watermark; `None` = unknown.
    pub high: Option<i64>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicFact {
    /// Its cluster.
    pub cluster: ClusterRef,
    /// Its name.
    pub topic: String,
    /// Its partitions, in order.
    pub partitions: Vec<PartitionFact>,
    /// Whether its records are read.
    pub tail: TailState,
    /// Its id as the brokers give it: another once the topic was made again; `None` = unknown.
    pub topic_id: Option<String>,
    /// When it was seen to be made again under the same name, ns since the Unix epoch; `None` = it was not.
    pub made_again_ns: Option<i64>,
}

/// A member of a consumer group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    /// Given by the broker.
    pub member_id: String,
    /// `client.id` of the consumer.
    pub client_id: String,
    /// Address it connected from.
    pub host: String,
    /// Partitions assigned to it: topic and partition.
    pub assignment: Vec<(String, i32)>,
}

/// A transaction that has written to a partition and has neither committed nor aborted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpenTransaction {
    /// `transactional.id` of its producer; `None` = unknown.
    pub transactional_id: Option<String>,
    /// When it began, ns since the Unix epoch; `None` = unknown.
    pub since_ns: Option<i64>,
    /// Whether `since_ns` is only when it was first seen: it may have begun before.
    #[serde(default)]
    pub since_at_least: bool,
    /// Its first offset in the partition; `None` = unknown.
    pub first_offset: Option<i64>,
}

/// Where a group stands in a partition. Committed was read before end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupOffset {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Committed offset; `None` = no commit, or unknown.
    pub committed: Option<i64>,
    /// High watermark read after it; `None` = unknown.
    pub end: Option<i64>,
    /// Low watermark; `None` = unknown.
    pub low: Option<i64>,
    /// Last stable offset, up to which a reader of committed records (`read_committed`) may read; `None` = unknown.
    pub last_stable: Option<i64>,
    /// Records between committed and end that can be read, control markers left out; `None` = not known.
    pub readable_behind: Option<u64>,
    /// The oldest open transaction of the partition; `None` = none, or unknown.
    pub open_transaction: Option<OpenTransaction>,
}

/// The kinds of groups that read topics, by the protocol that they follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// The classic protocol.
    Classic,
    /// The consumer protocol of KIP-848.
    Consumer,
    /// A share group (KIP-932): records are acknowledged one by one, so there is no committed offset.
    Share,
    /// A Streams group (KIP-1071).
    Streams,
    /// Any other, as the brokers call it.
    Other(String),
}

/// A consumer group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFact {
    /// Its cluster.
    pub cluster: ClusterRef,
    /// Its name (`group.id`).
    pub group: String,
    /// Its kind; `None` = unknown.
    pub kind: Option<GroupKind>,
    /// State as the coordinator says (`Stable`, `Empty`, …); `None` = unknown.
    pub state: Option<String>,
    /// Members; `None` = unknown, for `members_reason`.
    pub members: Option<Vec<GroupMember>>,
    /// Why members are unknown.
    pub members_reason: Option<String>,
    /// Committed and end offsets per partition.
    pub offsets: Vec<GroupOffset>,
    /// When the offsets were read, ns since the Unix epoch.
    pub read_ns: i64,
    /// What could not be read, and why.
    pub error: Option<String>,
}

/// State of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// Calls are refused.
    Open,
    /// A few calls are let through to try.
    HalfOpen,
    /// Held open by hand.
    ForcedOpen,
    /// Lets everything pass, and counts nothing.
    Disabled,
    /// Lets everything pass, and counts (Resilience4j's `METRICS_ONLY`).
    MetricsOnly,
}

/// A breaker's state as its library reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakerFact {
    /// Service that holds the breaker; `None` = not configured and not known.
    pub caller: Option<String>,
    /// Instance that holds it; `None` = unknown.
    pub instance: Option<String>,
    /// The breaker's own name.
    pub name: String,
    /// State; `None` = the library names breakers but not their states (Resilience4j 1.x), or a state not known.
    pub state: Option<BreakerState>,
    /// Failure rate in percent; `None` = too few calls, or not told.
    pub failure_rate_percent: Option<f64>,
    /// Calls refused so far; `None` = not told.
    pub not_permitted_calls: Option<u64>,
    /// Calls in the window; `None` = not told.
    pub buffered_calls: Option<u64>,
    /// Failed calls in the window; `None` = not told.
    pub failed_calls: Option<u64>,
    /// Where it was read, in words (`actuator`).
    pub origin: String,
}

/// What a breaker event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerEventKind {
    /// A change of state.
    Transition {
        /// Before.
        from: BreakerState,
        /// After.
        to: BreakerState,
    },
    /// A call refused.
    NotPermitted,
    /// A call failed.
    Error,
    /// A call succeeded.
    Success,
    /// A call is made once more, as a retry of this name tells.
    Retried,
    /// A call took too long, as a time limiter of this name tells.
    TimedOut,
    /// Any other event.
    Other,
}

/// Something that happened to a breaker, or to what guards the same calls under a name of its own: a retry, a time limiter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerEventFact {
    /// Service that holds the breaker; `None` = unknown.
    pub caller: Option<String>,
    /// Instance that holds it; `None` = unknown.
    pub instance: Option<String>,
    /// The breaker's own name.
    pub name: String,
    /// What happened.
    pub kind: BreakerEventKind,
    /// When, by the library's own clock, ns since the Unix epoch.
    pub at_ns: i64,
}

/// What answers behind a polled address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceFact {
    /// The address that is polled.
    pub address: String,
    /// The service, if known.
    pub service: Option<String>,
    /// The instance that answered now; `None` = it does not say.
    pub instance: Option<String>,
    /// Whether another instance answered at this address before, within the last minutes.
    pub changing: bool,
    /// The process that answered now; `None` = it does not say.
    #[serde(default)]
    pub process_id: Option<u64>,
}

/// State of a health check (`grpc.health.v1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// Serves.
    Serving,
    /// Says that it does not serve.
    NotServing,
    /// Does not know the service asked for.
    ServiceUnknown,
    /// Says that it does not know.
    Unknown,
    /// Could not be asked.
    NotAsked,
}

/// What a health endpoint said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthFact {
    /// The endpoint asked.
    pub endpoint: String,
    /// The service it belongs to on the map, if the profile says.
    pub service: Option<String>,
    /// The health service's name asked for; empty = the whole server.
    pub asked: String,
    /// The answer.
    pub state: HealthState,
}

/// A connection or request that was refused, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Address of the peer.
    pub peer: String,
    /// `Host` or `:authority` as sent.
    pub host: Option<String>,
    /// `Origin` as sent.
    pub origin: Option<String>,
    /// The rule that refused, in a few words: `host`, `origin`, `content type`, `size`, `budget` …
    pub rule: String,
    /// What the user can do, if it was meant to pass.
    pub next_step: String,
    /// How often the same was refused since it was last told; at least 1.
    pub count: u64,
}

impl Fact {
    /// What the fact weighs in a queue, in bytes (its text and a flat share for the rest).
    pub fn size_bytes(&self) -> usize {
        let text = match self {
            Self::Cluster(fact) => fact.brokers.len() * 64,
            Self::Topic(fact) => fact.topic.len() + fact.partitions.len() * size_of::<PartitionFact>(),
            Self::Group(fact) => {
                let members: usize = fact
                    .members
                    .iter()
                    .flatten()
                    .map(|member| 96 + member.member_id.len() + member.assignment.iter().map(|(topic, _)| topic.len() + 32).sum::<usize>())
                    .sum();
                fact.group.len() + members + fact.offsets.iter().map(|offset| size_of::<GroupOffset>() + offset.topic.len()).sum::<usize>()
            }
            _ => 256,
        };
        size_of::<Self>() + text
    }
}
