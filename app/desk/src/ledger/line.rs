//! The lines of the ledger, and what they come to for a dead letter.

use std::fmt;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher13;
use switchboard_engine::view::{LetterView, Severity};
use switchboard_model::{MessageRef, Outcome, Place, Receipt};

/// Which dead letter: where it lies, and its own time, so that a channel made anew under the same name is not mistaken for
/// the old one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterKey {
    /// Where it lies. The ledger knows the cluster by what it calls itself, whatever sources are called.
    pub at: MessageRef,
    /// The record's time, ns since the Unix epoch; `None` = unknown.
    pub timestamp_ns: Option<i64>,
}

impl LetterKey {
    /// Of a stored letter.
    pub fn of(view: &LetterView) -> Self {
        Self { at: view.at.clone(), timestamp_ns: view.timestamp_ns }
    }

    /// The same letter, where its cluster is read by this source.
    pub(super) fn read_by(&self, source: &str) -> Self {
        Self { at: MessageRef { cluster: source.to_owned(), ..self.at.clone() }, timestamp_ns: self.timestamp_ns }
    }
}

/// Stands for an origin and a fingerprint, which may hold text of strangers. Stable over versions and machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KindHash(pub i64);

impl KindHash {
    /// Of a channel they came from and what they died of.
    pub fn of(origin: Option<&str>, fingerprint: &str) -> Self {
        let mut hasher = SipHasher13::new();
        for part in [origin.unwrap_or_default(), fingerprint] {
            hasher.write_u64(part.len() as u64);
            hasher.write(part.as_bytes());
        }
        Self(hasher.finish() as i64)
    }
}

/// A run in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub i64);

/// A send in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SendId(pub i64);

/// A run that is about to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// Its id, which each record it sends carries.
    pub replay_id: String,
    /// Name of the profile.
    pub profile: String,
    /// Who: the user's name on this machine.
    pub operator: String,
    /// Name of the source.
    pub cluster: String,
    /// What the cluster calls itself.
    pub cluster_id: String,
    /// The channel that is sent to, or how many are ([`several_channels`]); each send has its own.
    pub target: String,
    /// How many records it means to send.
    pub num_planned: u64,
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
}

/// What a run has as its target that sends to so many channels.
pub fn several_channels(num: usize) -> String {
    format!("{num}{SEVERAL}")
}

/// The end of that.
pub(super) const SEVERAL: &str = " topics";

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// All that was planned was tried.
    Finished,
    /// The operator stopped it.
    Stopped,
    /// It stopped itself; the reason says why.
    Halted,
}

/// A record that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The run.
    pub run_id: RunId,
    /// The dead letter, or another record.
    pub letter: LetterKey,
    /// What the cluster that it lies on calls itself; `None` = it is the one that the run sends to.
    pub cluster_id: Option<String>,
    /// What it died of.
    pub kind: KindHash,
    /// The group that it died in; `None` = unknown.
    pub failed_group: Option<String>,
    /// The channel that is sent to.
    pub target: String,
    /// The partition, where one is asked for; `None` = the key decides.
    pub target_partition: Option<i32>,
    /// Keyed hash of the very bytes, hexadecimal.
    pub hash: String,
    /// Their number: key, value and headers.
    pub size_bytes: u64,
    /// How often this record was replayed before, as its headers say, and once more.
    pub replay_count: u32,
    /// The id that the record carries.
    pub replay_id: String,
    /// Whether it was changed by hand.
    pub edited: bool,
    /// Why it is sent although it was sent before, or may have been; `None` = then it is not.
    pub again: Option<String>,
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
}

/// Something composed that is about to be sent. It lay nowhere before, so nothing is known to be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposedIntent {
    /// What it goes to.
    pub target_kind: TargetKind,
    /// The channel, or the server.
    pub target: String,
    /// Method and path, or service and method; empty for a record. Never a query, a header or a body.
    pub call: String,
    /// The partition, where one is asked for.
    pub partition: Option<i32>,
    /// Keyed hash of the very bytes, hexadecimal.
    pub hash: String,
    /// Their number.
    pub size_bytes: u64,
    /// The id by which it is known.
    pub send_name: String,
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
}

/// What something goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetKind {
    /// A channel of a cluster.
    Channel,
    /// An HTTP server.
    Http,
    /// A gRPC server.
    Grpc,
}

impl TargetKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Channel, Self::Http, Self::Grpc];

    /// As the ledger writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Http => "http",
            Self::Grpc => "grpc",
        }
    }
}

/// What became of what a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was sent, or was meant to be, and came to this.
    Tried(Outcome),
    /// It was not tried; the reason says why.
    Skipped(String),
    /// It was not allowed; the reason says why.
    Refused(String),
}

impl Settled {
    /// As what it counts.
    pub fn counts_as(&self) -> SettledAs {
        match self {
            Self::Tried(Outcome::Done(_)) => SettledAs::Done,
            Self::Tried(Outcome::NotDone(_)) => SettledAs::NotDone,
            Self::Tried(Outcome::Possibly(_)) => SettledAs::Possibly,
            Self::Skipped(_) => SettledAs::Skipped,
            Self::Refused(_) => SettledAs::Refused,
        }
    }

    /// As the ledger writes it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Tried(outcome) => outcome.word(),
            Self::Skipped(_) => SettledAs::Skipped.word(),
            Self::Refused(_) => SettledAs::Refused.word(),
        }
    }

    /// Why; empty where there is nothing to say.
    pub fn reason(&self) -> &str {
        match self {
            Self::Tried(Outcome::Done(_)) => "",
            Self::Tried(Outcome::NotDone(reason) | Outcome::Possibly(reason)) | Self::Skipped(reason) | Self::Refused(reason) => reason,
        }
    }

    /// Where it was written to, as the broker told.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Tried(outcome) => outcome.place(),
            Self::Skipped(_) | Self::Refused(_) => None,
        }
    }
}

/// The same as far as it is counted and coloured: without reasons and places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SettledAs {
    /// The broker acknowledged it, or a server answered it.
    Done,
    /// It was refused, or never left this machine.
    NotDone,
    /// Nobody knows: it may have been written, or carried out. Not sent again unless that is asked for.
    Possibly,
    /// It was not tried.
    Skipped,
    /// It was not allowed.
    Refused,
}

impl SettledAs {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Done, Self::NotDone, Self::Possibly, Self::Skipped, Self::Refused];

    /// How urgent it is: what was not sent can be sent again, what is in doubt never is and has to be looked for.
    pub fn severity(self) -> Severity {
        match self {
            Self::Done => Severity::Quiet,
            Self::NotDone | Self::Skipped | Self::Refused => Severity::Warning,
            Self::Possibly => Severity::Bad,
        }
    }

    /// As it is called everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => Receipt::PERSISTED,
            Self::NotDone => Outcome::NOT_DONE,
            Self::Possibly => Outcome::POSSIBLY,
            Self::Skipped => "skipped",
            Self::Refused => "refused",
        }
    }
}

impl Ending {
    /// As the ledger writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Halted => "halted",
        }
    }
}

/// The outcome of a send, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// What became of it.
    pub settled: Settled,
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
}

/// What became of a record after it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// The group that failed has read past it.
    Consumed,
    /// It came back to a dead-letter channel.
    DeadAgain,
}

/// A fate, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FateLine {
    /// What became of it.
    pub fate: Fate,
    /// How that is known, in words.
    pub evidence: String,
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
}

/// An attempt that was not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Name of the profile.
    pub profile: String,
    /// Who asked.
    pub operator: String,
    /// Name of the source.
    pub cluster: String,
    /// What was asked for: `replay`.
    pub command: String,
    /// The channel that would have been sent to.
    pub target: String,
    /// How many records.
    pub num_letters: u64,
    /// Why not.
    pub reason: String,
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
}

/// What the work on a dead letter has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum LetterState {
    /// Nobody has dealt with it.
    #[default]
    Open,
    /// It is being sent, or was: not yet seen to be consumed.
    Sent(SentState),
    /// It was sent and read.
    Consumed,
    /// It was sent and died again, as another letter.
    DeadAgain,
    /// Put aside, with a note.
    Parked(String),
}

/// How sure it is that a letter was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SentState {
    /// The broker acknowledged it, or a server answered it.
    Persisted,
    /// Nobody knows.
    Possibly,
}

impl LetterState {
    /// Whether it still waits for somebody.
    pub fn is_open(&self) -> bool {
        *self == Self::Open
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Sent(SentState::Persisted) => "sent",
            Self::Sent(SentState::Possibly) => "sent?",
            Self::Consumed => "consumed",
            Self::DeadAgain => "dead again",
            Self::Parked(_) => "parked",
        }
    }

    /// How urgent it is what the work on it came to; that it died is told of its channel.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Open | Self::Consumed => Severity::Quiet,
            Self::Sent(SentState::Persisted) => SettledAs::Done.severity(),
            Self::Sent(SentState::Possibly) => SettledAs::Possibly.severity(),
            Self::DeadAgain => Severity::Bad,
            Self::Parked(_) => Severity::Notice,
        }
    }
}

/// All that the ledger knows of a letter that somebody dealt with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterRecord {
    /// What it comes to.
    pub state: LetterState,
    /// What it died of.
    pub kind: KindHash,
    /// The last send, where there was one.
    pub send_id: Option<SendId>,
    /// What the cluster on which it lies called itself then.
    pub cluster_id: String,
    /// What the cluster that it was sent to called itself then.
    pub target_cluster_id: String,
    /// The group that it died in; `None` = unknown.
    pub failed_group: Option<String>,
    /// When it was meant to be sent, ns since the Unix epoch; 0 = never.
    pub intended_ns: i64,
    /// The id that the record carries.
    pub replay_id: String,
    /// The channel it was sent to.
    pub target: String,
    /// Where it was written there, as the broker told.
    pub written_to: Option<Place>,
    /// What the last outcome or fate was, in words; empty where there is nothing to say.
    pub reason: String,
    /// When that was, ns since the Unix epoch.
    pub at_ns: i64,
    /// Who parked it, or took it out again, last; `None` = nobody did, or the ledger does not say.
    pub parked_by: Option<String>,
}

/// One line as it is read back, sends and refusals alike, for tests, reports and people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// The run's replay id; `None` = a refused command.
    pub replay_id: Option<String>,
    /// Name of the profile; `None` = unknown, as where version 1 named its file otherwise.
    pub profile: Option<String>,
    /// Who.
    pub operator: String,
    /// Name of the source.
    pub cluster: String,
    /// What the cluster calls itself, where known.
    pub cluster_id: Option<String>,
    /// The letter; `None` = a refused command.
    pub letter: Option<LetterKey>,
    /// What it goes to.
    pub target_kind: TargetKind,
    /// The channel or the server that is sent to.
    pub target: String,
    /// Method and path, or service and method; empty for a record.
    pub call: String,
    /// Hash of the bytes; empty for what was not to be sent.
    pub hash: String,
    /// Which key it was hashed with; `None` = one that is gone.
    pub key_id: Option<String>,
    /// Whether it was changed by hand.
    pub edited: bool,
    /// What became of it. An intent without an outcome reads as possibly persisted.
    pub settled: Settled,
    /// When it was meant, ns since the Unix epoch.
    pub at_ns: i64,
}

impl fmt::Display for LetterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}
