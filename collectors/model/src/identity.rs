//! Identities of traces, spans and instances.

use serde::{Deserialize, Serialize};

/// A W3C trace id: 16 bytes, of which a 64-bit sender fills only the low 8 (the high 8 are zero).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TraceId(pub u128);

impl TraceId {
    /// Reads 16 big-endian bytes; all-zero or any other length is no trace id.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let id = u128::from_be_bytes(bytes.try_into().ok()?);
        (id != 0).then_some(Self(id))
    }

    /// Whether the sender may have used 64-bit ids: such ids match the low half of a 128-bit id.
    pub fn is_64_bit(self) -> bool {
        self.0 >> 64 == 0
    }

    /// The low 64 bits, which Datadog and old Zipkin senders carry alone.
    pub fn low(self) -> u64 {
        self.0 as u64
    }

    /// Whether both name the same trace, a 64-bit id matching the low half of a 128-bit one.
    pub fn matches(self, other: Self) -> bool {
        self == other || ((self.is_64_bit() || other.is_64_bit()) && self.low() == other.low())
    }
}

impl std::fmt::Display for TraceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A W3C span id: 8 bytes. Zero stands for "none" in rows that may lack one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpanId(pub u64);

impl SpanId {
    /// No span: the parent of a root.
    pub const NONE: Self = Self(0);

    /// Reads 8 big-endian bytes; all-zero or any other length is no span id.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let id = u64::from_be_bytes(bytes.try_into().ok()?);
        (id != 0).then_some(Self(id))
    }

    /// Whether this names a span at all.
    pub fn is_some(self) -> bool {
        self.0 != 0
    }
}

impl std::fmt::Display for SpanId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Where the identity of a service instance was read from, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstanceSource {
    /// `service.instance.id`.
    InstanceId,
    /// `k8s.pod.uid`.
    PodUid,
    /// `host.name` (or `host.id`) and `process.pid`.
    HostAndPid,
    /// None of these was sent.
    #[default]
    Unknown,
}
