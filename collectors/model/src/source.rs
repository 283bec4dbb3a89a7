//! Sources: what is observed, how it is doing, and what it can be told.

use serde::{Deserialize, Serialize};

/// A source of this session, numbered by the session in the order of the profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceId(pub u32);

/// The families of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// OTLP receiver, gRPC and HTTP.
    Otlp,
    /// A Kafka cluster.
    Kafka,
    /// An HTTP endpoint that is polled (an actuator).
    Http,
    /// A gRPC endpoint's health service.
    Grpc,
}

impl SourceKind {
    /// Whether it is a broker: it has channels, groups and records, and an id of its own.
    pub fn has_channels(self) -> bool {
        match self {
            Self::Kafka => true,
            Self::Otlp | Self::Http | Self::Grpc => false,
        }
    }
}

/// The kinds of item that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// Spans.
    Span,
    /// Records of a broker.
    Record,
    /// Log records.
    Log,
    /// Metric data points: counted and folded.
    MetricPoint,
    /// Facts about brokers, breakers and instances.
    Fact,
}

impl ItemKind {
    /// Every kind, in the order of the report.
    pub const ALL: [Self; 5] = [Self::Span, Self::Record, Self::Log, Self::MetricPoint, Self::Fact];

    /// Position in [`ItemKind::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Span => "span",
            Self::Record => "record",
            Self::Log => "log",
            Self::MetricPoint => "metric_point",
            Self::Fact => "fact",
        }
    }
}

/// What a source is, told to the engine when the session makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// Its number.
    pub id: SourceId,
    /// Its name, from the profile.
    pub name: String,
    /// Its family.
    pub kind: SourceKind,
    /// The environment it belongs to; `None` = unknown.
    pub environment: Option<String>,
}

/// How a source is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourcePhase {
    /// Not yet answered.
    Connecting,
    /// All is as asked for.
    Live,
    /// Works, but not all of it.
    Degraded,
    /// Does not work; tried again by itself.
    Failed,
    /// Ended by the session.
    Stopped,
}

/// Why a source does not do all that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// No connection.
    Connect,
    /// Who we are was not accepted.
    Authenticate,
    /// What we ask for is not allowed to us.
    Authorise,
    /// The answer was not what the protocol says.
    Protocol,
    /// A limit of ours or theirs was reached.
    Limit,
    /// The peer answered with an error of its own.
    Peer,
    /// A fault of this program.
    Internal,
}

/// The state of a source, as its collector last said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStatus {
    /// Which source.
    pub source: SourceId,
    /// When this was said, ns since the Unix epoch.
    pub at_ns: i64,
    /// How it is doing.
    pub phase: SourcePhase,
    /// Why, where it is not live.
    pub failure: Option<FailureKind>,
    /// What happened, in a sentence: what failed and why.
    pub detail: String,
    /// What the user can do next; empty where nothing is needed.
    pub next_step: String,
}

/// From where a channel's records are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TailFrom {
    /// Only what comes from now on.
    End,
    /// All that is still there.
    Beginning,
    /// From this offset of every partition.
    Offset(i64),
    /// From this time, ns since the Unix epoch.
    Time(i64),
}

/// What the session can tell a source. What a kind of source does not know it ignores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceCommand {
    /// Read again now, without waiting for the next poll.
    Refresh,
    /// Names that came up in spans: channels to tail by default, groups to follow where listing is refused.
    Seen {
        /// Topics named by spans.
        channels: Vec<String>,
        /// Consumer groups named by spans.
        groups: Vec<String>,
    },
}
