//! What can be seen of replaying: replaced as a whole with each change, and never waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use switchboard_model::OriginalRecord;

use crate::ledger::{Ending, KindHash, LetterKey, LetterRecord, LetterState, Letters, SentState, SettledAs};
use crate::send::edit::MaskedRecord;
use crate::send::record_file::RecordExportState;
use crate::send::replay::{Planned, Preview, Readers, ShownRecord, Sighting, target_words};

/// All that can be seen of replaying.
#[derive(Clone, Debug, Default)]
pub struct ReplayBoard {
    /// Rises with each change.
    pub version: u64,
    /// Rises with each change of the two that follow.
    pub letters_version: u64,
    /// Letters that somebody dealt with.
    pub letters: Letters,
    /// The same, counted by what they died of.
    pub handled: Arc<BTreeMap<KindKey, Vec<Handled>>>,
    /// Where the ledger lies, and why it can not be used.
    pub ledger_failure: Option<String>,
    /// The clusters of the profile.
    pub clusters: Arc<Vec<ClusterBoard>>,
    /// A preview that is being made.
    pub preparing: Option<Preparing>,
    /// The preview that was made last.
    pub preview: Option<Arc<Preview>>,
    /// A record of the preview that was read again to be looked at.
    pub looked_at: Option<Arc<LookBoard>>,
    /// The file into which a plan was written last, and of which preview.
    pub plan_file: Option<(String, PathBuf)>,
    /// How far the last export of records is; `None` = there was none, or what became of it was read.
    pub export: Option<RecordExportState>,
    /// A record that was read again to be edited, with its secrets.
    pub editing: Option<Arc<EditBoard>>,
    /// The run, from its start until it is dismissed.
    pub run: Option<Arc<RunBoard>>,
    /// Why the last command was not carried out.
    pub refusal: Option<String>,
}

/// A record of a preview that is read again to be looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct LookBoard {
    /// Id of the preview.
    pub replay_id: String,
    /// Which record.
    pub letter: LetterKey,
    /// What would be sent; `None` = it is being read. An error says why it cannot be looked at.
    pub read: Option<Result<Arc<ShownRecord>, String>>,
}

/// A record that is being edited.
#[derive(Clone, Debug)]
pub struct EditBoard {
    /// Which.
    pub letter: LetterKey,
    /// What it is on the broker; `None` = it is being read. An error says why it cannot be read.
    pub read: Option<Result<OriginalRecord, String>>,
    /// Whether key, value or headers hold secrets, by their names or their shapes.
    pub has_secrets: bool,
    /// The record with these masked, so that it can be edited without seeing them; `None` = there are none, or they could not be put back for sure.
    pub masked: Option<Arc<MaskedRecord>>,
}

/// What letters died of, on which channel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindKey {
    /// Name of the source.
    pub cluster: String,
    /// The dead-letter channel.
    pub channel: String,
    /// Origin and fingerprint.
    pub kind: KindHash,
}

/// A letter that was dealt with, as far as counting needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handled {
    /// The record's time, ns since the Unix epoch.
    pub timestamp_ns: Option<i64>,
    /// As what it counts.
    pub outcome: HandledAs,
}

/// As what a letter counts that is no longer open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HandledAs {
    /// Sent.
    Sent,
    /// It may have been sent: nobody knows.
    Possibly,
    /// Consumed.
    Consumed,
    /// Dead again.
    DeadAgain,
    /// Parked.
    Parked,
}

/// A cluster of the profile, and whether it may be written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterBoard {
    /// Name of the source.
    pub name: String,
    /// Whether it may be written to.
    pub writing: Writing,
}

/// Whether a cluster may be written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writing {
    /// No, and nobody can allow it here; why, and what to do about it.
    ReadOnly(String),
    /// Not yet: it can be allowed for this session.
    Locked {
        /// Why not, and what else to do about it.
        reason: String,
        /// Whether its name has to be typed for that: it is production.
        asks_for_name: bool,
    },
    /// Yes, once its name was typed.
    AsksForName,
    /// Yes.
    Allowed,
}

/// A preview that is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preparing {
    /// Letters that were read again.
    pub num_read: usize,
    /// Of so many; `None` = what lies in a range is being looked up.
    pub num_asked: Option<usize>,
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunPhase {
    /// The cluster is being connected to and checked.
    Connecting,
    /// The first few are being sent.
    Canary,
    /// The first few were sent; whether they are read is being watched.
    Watching,
    /// The first few were read: the rest may go.
    Passed,
    /// The rest is being sent.
    Rest,
    /// Nothing goes until the operator says so; why, in words.
    Paused(String),
    /// It was asked to stop; what is on its way is waited for.
    Stopping,
    /// Nothing more is sent; why, in words (empty where all was sent).
    Ended(Ending, String),
}

impl RunPhase {
    /// Whether nothing more is sent.
    pub fn is_ended(&self) -> bool {
        matches!(self, Self::Ended(..))
    }
}

/// Records of a run by what became of them. Their sum is what was planned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentCounts {
    /// Not yet tried.
    pub waiting: usize,
    /// Intended, and no outcome yet.
    pub in_flight: usize,
    /// Acknowledged.
    pub persisted: usize,
    /// Surely not written.
    pub not_persisted: usize,
    /// Nobody knows.
    pub possibly_persisted: usize,
    /// Not tried, with a reason.
    pub skipped: usize,
}

impl SentCounts {
    /// All of them.
    pub fn sum(&self) -> usize {
        self.waiting + self.in_flight + self.persisted + self.not_persisted + self.possibly_persisted + self.skipped
    }

    pub(super) fn settle(&mut self, outcome: SettledAs) {
        self.in_flight -= 1;
        match outcome {
            SettledAs::Done => self.persisted += 1,
            SettledAs::NotDone => self.not_persisted += 1,
            SettledAs::Possibly => self.possibly_persisted += 1,
            SettledAs::Skipped | SettledAs::Refused => self.skipped += 1,
        }
    }
}

/// One of the first few.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanaryLine {
    /// The letter.
    pub letter: LetterKey,
    /// What became of sending it; `None` = not yet known.
    pub outcome: Option<SettledAs>,
    /// Where it stands now.
    pub state: LetterState,
    /// How that is known, in words.
    pub evidence: String,
    /// What was seen of it since it was sent. Its trace is told only where it is not that of its failure.
    pub seen: Sighting,
    /// When that was last said, ns since the Unix epoch.
    pub at_ns: i64,
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunBoard {
    /// Its id.
    pub replay_id: String,
    /// Name of the source.
    pub cluster: String,
    /// The channels that are sent to, by name.
    pub targets: Vec<String>,
    /// Where it is.
    pub phase: RunPhase,
    /// Its records by what became of them.
    pub counts: SentCounts,
    /// Of those sent: processed by the group that failed.
    pub num_consumed: usize,
    /// Of those sent that never were dead letters: read by every group known where they lie. None of these counts as consumed.
    pub num_read: usize,
    /// Of those sent: moved to a retry channel, where they wait to be tried again.
    pub num_retried: usize,
    /// Of those sent: came back.
    pub num_dead_again: usize,
    /// The first few.
    pub canary: Vec<CanaryLine>,
    /// Why the ledger held a letter back, the last of those that it did, in words; empty where it held none.
    pub held_back: String,
    /// Who else read what was sent: groups that had not failed, and services that do not say for which group.
    pub others: BTreeSet<String>,
    /// What the first few wait for, in words; empty where they do not, or only for what is ordinary.
    pub waits_for: String,
    /// Whether waiting can not tell whether the first few are consumed: then the operator decides.
    pub is_untellable: bool,
    /// The groups on what is sent to, as of now.
    pub readers: Readers,
    /// When it began, ns since the Unix epoch.
    pub started_ns: i64,
    /// When sending ended, ns since the Unix epoch.
    pub ended_ns: Option<i64>,
    /// How many a second the rest goes at.
    pub rate_per_s: u32,
    /// It stops by itself where a group lags more than this.
    pub lag_limit: u64,
}

impl RunBoard {
    /// The channel that is sent to, or how many are.
    pub fn target_words(&self) -> String {
        target_words(self.targets.iter().map(String::as_str))
    }

    /// Whether some of what was sent never was a dead letter, as far as it was looked at: then no group is the one that failed.
    pub fn is_of_the_living(&self) -> bool {
        self.canary.iter().any(|line| line.seen.groups.is_some())
    }

    /// Whether some of what was sent was a dead letter, or may have been, beside what never was one.
    pub fn is_of_both(&self) -> bool {
        let was_sent = |line: &&CanaryLine| line.state != LetterState::Open;
        self.is_of_the_living() && self.canary.iter().filter(was_sent).any(|line| line.seen.groups.is_none())
    }
}

impl CanaryLine {
    /// Whether it waits on a retry channel to be tried again.
    pub fn is_being_retried(&self) -> bool {
        self.state != LetterState::DeadAgain && self.seen.is_being_retried()
    }
}

impl HandledAs {
    /// As what a letter counts in this state; `None` = nobody dealt with it.
    pub fn of(state: &LetterState) -> Option<Self> {
        match state {
            LetterState::Open => None,
            LetterState::Sent(SentState::Persisted) => Some(Self::Sent),
            LetterState::Sent(SentState::Possibly) => Some(Self::Possibly),
            LetterState::Consumed => Some(Self::Consumed),
            LetterState::DeadAgain => Some(Self::DeadAgain),
            LetterState::Parked(_) => Some(Self::Parked),
        }
    }

    /// The word for it, as for the state that it stands for.
    pub fn word(self) -> &'static str {
        let state = match self {
            Self::Sent => LetterState::Sent(SentState::Persisted),
            Self::Possibly => LetterState::Sent(SentState::Possibly),
            Self::Consumed => LetterState::Consumed,
            Self::DeadAgain => LetterState::DeadAgain,
            Self::Parked => LetterState::Parked(String::new()),
        };
        state.word()
    }
}

/// Letters counted by what they died of.
pub(super) fn handled(letters: &BTreeMap<LetterKey, LetterRecord>) -> BTreeMap<KindKey, Vec<Handled>> {
    let mut handled: BTreeMap<KindKey, Vec<Handled>> = BTreeMap::new();
    for (letter, record) in letters {
        let Some(outcome) = HandledAs::of(&record.state) else { continue };
        let key = KindKey { cluster: letter.at.cluster.clone(), channel: letter.at.channel.clone(), kind: record.kind };
        handled.entry(key).or_default().push(Handled { timestamp_ns: letter.timestamp_ns, outcome });
    }
    handled
}

impl ReplayBoard {
    /// Whether a replay stands: it is previewed or runs, or a record is edited for one.
    pub fn stands(&self) -> bool {
        self.run.is_some() || self.preparing.is_some() || self.preview.is_some() || self.editing.is_some()
    }

    /// Where a letter stands.
    pub fn state(&self, letter: &LetterKey) -> &LetterState {
        self.letters.get(letter).map_or(&LetterState::Open, |record| &record.state)
    }

    /// What a record of the preview looks like: as it was read for that, or when it was looked at since. `None` = it was not yet; an error says why it
    /// cannot be looked at.
    pub fn shown<'a>(&'a self, planned: &'a Planned) -> Option<Result<&'a Arc<ShownRecord>, &'a str>> {
        planned.shown.as_ref().map(Ok).or_else(|| {
            let looked_at = self.looked_at.as_ref().filter(|look| self.is_of_preview(look) && look.letter == planned.asked.letter)?;
            looked_at.read.as_ref().map(|read| read.as_ref().map_err(String::as_str))
        })
    }

    fn is_of_preview(&self, look: &LookBoard) -> bool {
        self.preview.as_ref().is_some_and(|preview| preview.replay_id == look.replay_id)
    }

    /// Whether a cluster may be written to; `None` = no such cluster.
    pub fn writing(&self, cluster: &str) -> Option<&Writing> {
        self.clusters.iter().find(|board| board.name == cluster).map(|board| &board.writing)
    }
}
