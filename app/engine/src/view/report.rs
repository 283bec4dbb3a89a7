//! The report: what was seen from start to end, as JSON with `"schema": 1`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchboard_model::{SourceKind, SourcePhase};

use crate::view::{
    Basis, BreakerView, CountsReport, Evidence, GroupView, HopKind, LagVerdict, LeftOut, LimitsReport, Pace, Severity, SpanReader, StateSource, Style,
    group_kind_word, rfc3339,
};

/// Changes of a breaker's state that the report lists.
const MAX_TRANSITIONS: usize = 64;

/// Version of the report's form.
pub const REPORT_SCHEMA: u32 = 1;

/// The whole report. Rows are sorted by their names, so that equal truths are equal texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_SCHEMA`].
    pub schema: u32,
    /// From the session's start to its last tick, in seconds.
    pub duration_s: f64,
    /// The sources and their counts.
    pub sources: Vec<SourceReport>,
    /// Services.
    pub services: Vec<ServiceReport>,
    /// Channels.
    pub channels: Vec<ChannelReport>,
    /// Who talks to whom: service to service, over a call or a channel.
    pub interactions: Vec<InteractionReport>,
    /// The steps that interactions are made of.
    pub hops: Vec<HopReport>,
    /// Consumer groups, one row a topic that they read.
    pub groups: Vec<GroupReport>,
    /// Circuit breakers, one row an instance.
    pub breakers: Vec<BreakerReport>,
    /// Dead letters by channel and fingerprint.
    pub dead_letters: Vec<DeadLetterReport>,
    /// Refused connections and requests, newest last.
    pub refused: Vec<RefusedReport>,
    /// When the clock of the machine that Switchboard runs on was set, newest last.
    #[serde(default)]
    pub clock_set: Vec<ClockSetReport>,
    /// What the limits of joining and counting left out.
    pub limits: LimitsReport,
}

/// The machine's clock was set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockSetReport {
    /// When, RFC 3339, by the clock that goes on.
    pub at: String,
    /// By how much, in s: ahead where it is above zero.
    pub by_s: f64,
}

/// A source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Its name in the profile.
    pub name: String,
    /// Its family.
    pub kind: SourceKind,
    /// How it is doing.
    pub state: SourcePhase,
    /// The word for that.
    #[serde(default)]
    pub word: String,
    /// How urgent that is.
    #[serde(default)]
    pub severity: Severity,
    /// What happened, in a sentence.
    pub detail: String,
    /// What to do next; empty where nothing is needed.
    pub next_step: String,
    /// Items, all kinds summed.
    pub counts: CountsReport,
    /// Items, kind by kind.
    pub by_kind: BTreeMap<String, CountsReport>,
    /// Requests that could not be decoded.
    pub undecodable_requests: u64,
    /// Bytes of those requests.
    pub undecodable_bytes: u64,
    /// What found no room.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceReport {
    /// `service.name`.
    pub name: String,
    /// `service.namespace`; unknown = null.
    pub namespace: Option<String>,
    /// Environment; unknown = null.
    pub environment: Option<String>,
    /// Instances seen; null where no span told.
    pub instances: Option<u64>,
    /// Calls received: server and process spans.
    pub calls: u64,
    /// Of these, failed.
    pub errors: u64,
    /// Median duration of calls received.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the duration of calls received.
    pub p95_ms: Option<f64>,
    /// By how much its clock runs ahead of this machine's, in s; below zero: behind, or its spans come that late. null where they
    /// agree as far as can be told.
    pub clock_ahead_s: Option<f64>,
    /// What its last minute comes to, as every view shows it: `as usual`, `fails`, `silent`.
    #[serde(default)]
    pub word: String,
    /// How urgent that is.
    #[serde(default)]
    pub severity: Severity,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelReport {
    /// Its name.
    pub name: String,
    /// The broker family.
    pub system: Option<String>,
    /// Name of the source that reads its cluster; null where only spans name the channel.
    pub cluster: Option<String>,
    /// Partitions; unknown = null.
    pub partitions: Option<u64>,
    /// Sum of high − low watermark; unknown = null.
    pub records: Option<u64>,
    /// When it was seen to be made again, RFC 3339; null = it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_again: Option<String>,
    /// What its messages come to, as every view shows it: `as usual`, or that some of them died.
    #[serde(default)]
    pub word: String,
    /// How urgent that is.
    #[serde(default)]
    pub severity: Severity,
}

/// Who talks to whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InteractionReport {
    /// The service that calls or publishes; unknown = null.
    pub from: Option<String>,
    /// The service that answers or handles; unknown = null.
    pub to: Option<String>,
    /// Namespace of `from`.
    pub from_namespace: Option<String>,
    /// Namespace of `to`.
    pub to_namespace: Option<String>,
    /// `http`, `grpc`, `database`, `rpc` or `call` for a call; the channel's name for messages.
    pub via: String,
    /// The style; null without evidence.
    pub style: Option<Style>,
    /// Calls, each attempt once; for messages pairs of producing and consuming span.
    pub calls: u64,
    /// Of these, failed.
    pub errors: u64,
    /// Of these, tried again after a failure (resend count or earlier attempts told).
    pub retries: u64,
    /// Of these, ended by a time-out at the caller.
    pub timeouts: u64,
    /// Median latency: of a call as its caller saw it; of a message from the producer's end to the consumer's start.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the same.
    pub p95_ms: Option<f64>,
    /// Latencies below zero (clocks differ between hosts); they are counted here and in no percentile.
    pub clock_differences: u64,
    /// What it rests on.
    pub basis: Basis,
    /// How it is known.
    pub evidence: Evidence,
}

/// One step: call (client → server), publish (service → channel), deliver (channel → group), process (group → service).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HopReport {
    /// Which step.
    pub kind: HopKind,
    /// Service, channel or group that it leaves; unknown = null.
    pub from: Option<String>,
    /// Service, channel or group that it reaches; unknown = null.
    pub to: Option<String>,
    /// Protocol of a call, channel of a process step; else null.
    pub via: Option<String>,
    /// How often.
    pub calls: u64,
    /// Of these, failed.
    pub errors: u64,
    /// Median duration.
    pub p50_ms: Option<f64>,
    /// 95th percentile of the duration.
    pub p95_ms: Option<f64>,
    /// How often it ended with which status: `503`, `DEADLINE_EXCEEDED`, the type of an error; `other` beyond 12 kinds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statuses: BTreeMap<String, u64>,
    /// What it rests on.
    pub basis: Basis,
    /// How it is known.
    pub evidence: Evidence,
}

/// A consumer group on a topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupReport {
    /// `group.id`.
    pub group: String,
    /// The topic; null where the brokers tell of the group and not of what it reads.
    #[serde(with = "empty_is_null")]
    pub topic: String,
    /// Name of the source that reads its cluster; null where only spans name the group.
    pub cluster: Option<String>,
    /// `consumer group`, `share group`, `streams group` …
    #[serde(default)]
    pub kind: String,
    /// State as the coordinator says; unknown = null.
    #[serde(default)]
    pub state: Option<String>,
    /// Members; unknown = null.
    pub members: Option<u64>,
    /// Who reads by what spans say, where the brokers tell of no members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers_from_spans: Vec<SpanReader>,
    /// Records not yet committed that can be read; unknown = null.
    pub lag: Option<u64>,
    /// How long ago the committed offset was the end; unknown = null.
    pub lag_s: Option<f64>,
    /// What it comes to.
    pub verdict: LagVerdict,
    /// The word for the verdict, as every view shows it.
    #[serde(default)]
    pub word: String,
    /// How urgent it is.
    #[serde(default)]
    pub severity: Severity,
    /// The partition that it is about, where it is about one.
    #[serde(default)]
    pub partition: Option<i32>,
    /// Since when it holds, RFC 3339; unknown, or of no matter = null.
    #[serde(default)]
    pub since: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// What came in and what was handled while that was observed; unknown = null.
    #[serde(default)]
    pub pace: Option<Pace>,
    /// How old the offsets are; unknown = null.
    pub age_s: Option<f64>,
}

/// An empty text stands for what is not known.
mod empty_is_null {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        Some(text).filter(|text| !text.is_empty()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or_default())
    }
}

/// A circuit breaker in one instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakerReport {
    /// The service that holds it.
    pub caller: Option<String>,
    /// The instance that holds it.
    pub instance: Option<String>,
    /// Its own name.
    pub name: String,
    /// The service it guards; null until there is evidence.
    pub callee: Option<String>,
    /// `closed`, `open`, `half_open`, `forced_open`, `disabled`, `metrics_only`; unknown = null.
    pub state: Option<switchboard_model::BreakerState>,
    /// The word for that, as every view shows it: `was open` where nothing confirmed it lately.
    #[serde(default)]
    pub word: String,
    /// How urgent it is.
    #[serde(default)]
    pub severity: Severity,
    /// Since when, RFC 3339; unknown = null.
    pub since: Option<String>,
    /// Whether it was so before `since`: then it was first read.
    #[serde(default)]
    pub since_at_least: bool,
    /// How the state is known.
    pub source: StateSource,
    /// How old that knowledge is.
    pub age_s: Option<f64>,
    /// Changes of state seen, with times, oldest first (at most 64).
    pub transitions: Vec<(String, switchboard_model::BreakerState)>,
}

/// Dead letters that died of the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterReport {
    /// The dead-letter channel.
    pub channel: String,
    /// The channel they came from; unknown = null.
    pub origin: Option<String>,
    /// Exception, top frame and message without ids.
    pub fingerprint: String,
    /// How many.
    pub count: u64,
    /// The header dialect that proves them, or null where only the channel's name says so.
    pub dialect: Option<String>,
}

/// A refused connection or request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedReport {
    /// The source that refused.
    pub source: String,
    /// Address of the peer.
    pub peer: String,
    /// `Host` as sent.
    pub host: Option<String>,
    /// `Origin` as sent.
    pub origin: Option<String>,
    /// The rule that refused.
    pub rule: String,
    /// What to do, if it was meant to pass.
    pub next_step: String,
    /// How often the same was refused.
    pub count: u64,
}

fn age_s(now_ns: i64, at_ns: i64) -> f64 {
    (now_ns.saturating_sub(at_ns).max(0) / 1_000_000) as f64 / 1e3
}

impl GroupReport {
    /// A group as it is reported at an instant.
    pub fn of(group: GroupView, now_ns: i64) -> Self {
        Self {
            kind: group_kind_word(group.kind.as_ref()).to_owned(),
            word: group.verdict.word().to_owned(),
            severity: group.severity(),
            since: group.since_ns.map(rfc3339),
            members: group.members.as_ref().map(|members| members.len() as u64),
            age_s: group.read_ns.map(|read_ns| age_s(now_ns, read_ns)),
            group: group.group,
            topic: group.topic,
            cluster: group.cluster,
            state: group.state.as_deref().map(str::to_owned),
            readers_from_spans: group.readers,
            lag: group.lag,
            lag_s: group.lag_s,
            verdict: group.verdict,
            partition: group.partition,
            reason: group.reason.to_string(),
            pace: group.pace,
        }
    }
}

impl BreakerReport {
    /// A breaker as it is reported at an instant.
    pub fn of(breaker: &BreakerView, now_ns: i64) -> Self {
        let skip = breaker.transitions.len().saturating_sub(MAX_TRANSITIONS);
        Self {
            caller: breaker.caller.clone(),
            instance: breaker.instance.clone(),
            name: breaker.name.clone(),
            callee: breaker.callee.clone(),
            state: breaker.state,
            word: breaker.word(),
            severity: breaker.severity(),
            since: breaker.since_ns.map(rfc3339),
            since_at_least: breaker.since_at_least,
            source: breaker.source,
            age_s: Some(age_s(now_ns, breaker.confirmed_ns)),
            transitions: breaker.transitions.iter().skip(skip).map(|(at_ns, state)| (rfc3339(*at_ns), *state)).collect(),
        }
    }
}
