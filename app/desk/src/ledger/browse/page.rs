//! What is read of the ledger for people: runs and refusals, what became of their sends, and the sends one by one.

use serde_json::{Value, json};
use switchboard_model::{Place, Receipt};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::query::{Became, RunsQuery, SendsQuery, outcome_word};
use crate::ledger::{Ending, Fate, LetterKey, RunId, SendId, Settled, SettledAs, TargetKind};

/// Which line of the list: a run, or an attempt that was not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LineId {
    /// A run.
    Run(RunId),
    /// A refusal.
    Refusal(i64),
}

/// What was done, or would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// Dead letters were sent again.
    Replay,
    /// Records that were composed.
    Record,
    /// An HTTP request.
    Request,
    /// A gRPC call.
    Call,
    /// Something that was composed; the ledger does not say what.
    Send,
}

impl LineKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Record => "record",
            Self::Request => "request",
            Self::Call => "call",
            Self::Send => "send",
        }
    }
}

/// How many sends of a run came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendCounts {
    /// All.
    pub total: u64,
    /// Persisted, answered or called.
    pub done: u64,
    /// Surely not taken.
    pub not_done: u64,
    /// In doubt: so it was told.
    pub possibly: u64,
    /// No outcome was written: it is on its way, or the program ended in between.
    pub unsettled: u64,
    /// Not tried.
    pub skipped: u64,
    /// Not allowed.
    pub refused: u64,
    /// Of those that were done: consumed.
    pub consumed: u64,
    /// Of those that were done: dead again.
    pub dead_again: u64,
}

/// A run, or an attempt that was not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunLine {
    /// Which.
    pub id: LineId,
    /// What was done.
    pub kind: LineKind,
    /// What was sent to; `None` = the ledger does not say.
    pub target_kind: Option<TargetKind>,
    /// The channel or the server.
    pub target: String,
    /// Method and path, or service and method, of its first send; empty for records.
    pub call: String,
    /// The id that its sends carry; empty for a refusal.
    pub replay_id: String,
    /// Name of the profile; `None` = unknown.
    pub profile: Option<String>,
    /// Who.
    pub operator: String,
    /// Name of the source.
    pub cluster: String,
    /// What the cluster calls itself; `None` = unknown.
    pub cluster_id: Option<String>,
    /// How many it meant to send.
    pub num_planned: u64,
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
    /// When it ended, ns since the Unix epoch; `None` = it goes on, or the program ended in between.
    pub ended_ns: Option<i64>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// Why; empty where there is nothing to say.
    pub reason: String,
    /// What became of its sends; `None` = not counted yet, or a refusal.
    pub counts: Option<SendCounts>,
    /// The status that all of its sends have that were answered; `None` = none was, or they differ.
    pub status: Option<i32>,
}

/// A send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendLine {
    /// Which.
    pub send_id: SendId,
    /// Of which run.
    pub run_id: RunId,
    /// The dead letter; `None` = it was composed, and lay nowhere before.
    pub letter: Option<LetterKey>,
    /// What was sent to.
    pub target_kind: TargetKind,
    /// The channel or the server.
    pub target: String,
    /// Method and path, or service and method; empty for a record.
    pub call: String,
    /// How its partition was chosen: `key`, `partition 3`; empty where there is none.
    pub route: String,
    /// Number of its bytes.
    pub size_bytes: u64,
    /// Keyed hash of them, hexadecimal; empty for what was not to be sent.
    pub hash: String,
    /// Which key it was hashed with; `None` = one that is gone.
    pub key_id: Option<String>,
    /// How often it was replayed, this time included; 0 = it is no replay.
    pub replay_count: u32,
    /// The id that it carries.
    pub replay_id: String,
    /// Why it was sent although another line says that it was; `None` = no other does.
    pub again: Option<String>,
    /// Whether it was changed before it was sent.
    pub is_edited: bool,
    /// The group that its letter died in; `None` = unknown.
    pub failed_group: Option<String>,
    /// Name of the source that reads its cluster, as it was called then.
    pub cluster: String,
    /// When it was meant, ns since the Unix epoch.
    pub at_ns: i64,
    /// What became of it. One without an outcome reads as possibly persisted.
    pub settled: Settled,
    /// When that was written, ns since the Unix epoch; `None` = no outcome was.
    pub settled_ns: Option<i64>,
    /// What became of it afterwards.
    pub fate: Option<Fate>,
    /// How that is known; empty where it is not told.
    pub evidence: String,
    /// When that was, ns since the Unix epoch.
    pub fate_ns: Option<i64>,
}

/// A page of runs and refusals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunsPage {
    /// To what it is the answer.
    pub of: RunsQuery,
    /// The lines, of which so many of the newest are left out as the query says.
    pub rows: Vec<RunLine>,
    /// How many pass the filter.
    pub total: usize,
    /// How many there are at all.
    pub num_all: usize,
}

/// A page of sends.
#[derive(Clone, Debug, PartialEq)]
pub struct SendsPage {
    /// To what it is the answer.
    pub of: SendsQuery,
    /// The sends.
    pub rows: Vec<SendLine>,
    /// How many are meant.
    pub total: usize,
    /// How many the run has.
    pub num_all: usize,
}

impl RunLine {
    /// Whether it was not allowed.
    pub fn is_refusal(&self) -> bool {
        matches!(self.id, LineId::Refusal(_))
    }

    /// What its sends came to, most urgent last; empty for a refusal, or where they are not counted.
    pub fn became(&self) -> Vec<(Became, u64)> {
        let Some(counts) = self.counts else { return Vec::new() };
        let all = [
            (Became::Done, counts.done),
            (Became::Consumed, counts.consumed),
            (Became::Skipped, counts.skipped),
            (Became::Refused, counts.refused),
            (Became::NotDone, counts.not_done),
            (Became::Possibly, counts.possibly + counts.unsettled),
            (Became::DeadAgain, counts.dead_again),
        ];
        all.into_iter().filter(|(_, num)| *num > 0).collect()
    }

    /// The word for that: it depends on what was sent to.
    pub fn word(&self, became: Became) -> &'static str {
        let to_server = matches!(self.target_kind, Some(TargetKind::Http | TargetKind::Grpc));
        match (became, self.target_kind) {
            (Became::Done, Some(TargetKind::Http)) => "answered",
            (Became::Done, Some(TargetKind::Grpc)) => "called",
            (Became::NotDone, _) if to_server => "not sent",
            (Became::Possibly, _) if to_server => "possibly sent",
            (Became::Done, _) => SettledAs::Done.word(),
            (Became::NotDone, _) => SettledAs::NotDone.word(),
            (Became::Possibly, _) => SettledAs::Possibly.word(),
            (Became::Skipped, _) => SettledAs::Skipped.word(),
            (Became::Refused, _) => SettledAs::Refused.word(),
            (Became::Consumed, _) => fate_word(Fate::Consumed),
            (Became::DeadAgain, _) => fate_word(Fate::DeadAgain),
        }
    }

    /// One JSON value with ids and times.
    pub fn to_json(&self) -> Value {
        let counts =
            self.counts.map(|_| self.became().into_iter().map(|(became, num)| (self.word(became).to_owned(), json!(num))).collect::<serde_json::Map<_, _>>());
        json!({
            "line": if self.is_refusal() { "refusal" } else { "run" },
            "at": instant(self.at_ns),
            "what": self.kind.word(),
            "target_kind": self.target_kind.map(TargetKind::word),
            "target": self.target,
            "call": some(&self.call),
            "replay_id": some(&self.replay_id),
            "profile": self.profile,
            "operator": self.operator,
            "cluster": self.cluster,
            "cluster_id": self.cluster_id,
            "planned": self.num_planned,
            "became": counts,
            "ending": self.ending.map(Ending::word),
            "reason": some(&self.reason),
            "ended": self.ended_ns.map(instant),
        })
    }
}

impl SendLine {
    /// The word for its outcome.
    pub fn word(&self) -> &'static str {
        outcome_word(&self.settled, self.target_kind)
    }

    /// The status that a server answered with.
    pub fn status(&self) -> Option<i32> {
        match &self.settled {
            Settled::Tried(switchboard_model::Outcome::Done(Receipt::Answered(status))) => Some(i32::from(*status)),
            Settled::Tried(switchboard_model::Outcome::Done(Receipt::Called(code))) => Some(*code),
            _ => None,
        }
    }

    /// One JSON value with ids and times.
    pub fn to_json(&self) -> Value {
        let letter = self.letter.as_ref().map(|letter| {
            json!({
                "cluster": letter.at.cluster, "channel": letter.at.channel, "place": letter.at.place.to_string(),
                "partition": letter.at.place.partition(), "offset": letter.at.place.offset(), "timestamp": letter.timestamp_ns.map(instant),
            })
        });
        json!({
            "line": "send",
            "at": instant(self.at_ns),
            "letter": letter,
            "target_kind": self.target_kind.word(),
            "target": self.target,
            "call": some(&self.call),
            "route": some(&self.route),
            "size_bytes": self.size_bytes,
            "edited": self.is_edited,
            "replay_id": self.replay_id,
            "replay_count": self.replay_count,
            "again": self.again,
            "outcome": self.word(),
            "reason": some(self.settled.reason()),
            "status": self.status(),
            "written_to": self.settled.place().map(Place::to_string),
            "settled": self.settled_ns.map(instant),
            "fate": self.fate.map(fate_word),
            "evidence": some(&self.evidence),
            "fate_at": self.fate_ns.map(instant),
            "hash": some(&self.hash),
            "key_id": self.key_id,
            "failed_group": self.failed_group,
        })
    }
}

/// The word for what became of a record after it was sent.
pub fn fate_word(fate: Fate) -> &'static str {
    match fate {
        Fate::Consumed => "consumed",
        Fate::DeadAgain => "dead again",
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// An instant, UTC; one that no year has as its number.
pub(super) fn instant(at_ns: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ns)).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| format!("{at_ns} ns"))
}
