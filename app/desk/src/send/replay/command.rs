//! What the window asks of replaying.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use switchboard_engine::view::{ChannelKey, DeadLetterView, Death, LetterOrder, LetterView, Query, RecordView, ScanQuery};
use switchboard_model::{MessageRef, OriginalRecord, RawHash, ToldPlace, TraceId};

use crate::ledger::{KindHash, LetterKey};
use crate::send::edit::{Change, Changes};
use crate::send::record_file::RecordExport;
use crate::send::replay::{AskedRange, ChosenPace, ReplayTarget};

/// A dead letter that is asked for, or another record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedLetter {
    /// Which.
    pub letter: LetterKey,
    /// What it died of.
    pub kind: KindHash,
    /// Whether it lies among the dead; else it is a record like any other.
    pub is_dead: bool,
    /// Keyed hash of its bytes when it was stored; [`RawHash::UNKNOWN`] = it is not known here.
    pub raw_hash: RawHash,
    /// Hash of its bytes under the ledger's key, as a plan that was written down has it; `None` = it is of no such plan.
    pub planned_hash: Option<RawHash>,
    /// The channel that a dead letter came from, as far as it tells.
    pub origin: Option<String>,
    /// Where it first lay, as far as it tells.
    pub origin_place: Option<ToldPlace>,
    /// The group it died in; unknown = `None`.
    pub failed_group: Option<String>,
    /// How often it was replayed before, as it says itself.
    pub replay_count: u32,
    /// The trace of its failure.
    pub trace_id: Option<TraceId>,
    /// How long it was tried again before it was given up, ns; `None` = it was not, or does not tell.
    pub retried_ns: Option<i64>,
}

impl AskedLetter {
    /// A stored letter of this kind.
    pub fn of(view: &LetterView, kind: KindHash) -> Self {
        Self {
            letter: LetterKey::of(view),
            kind,
            is_dead: true,
            raw_hash: view.raw_hash,
            planned_hash: None,
            origin: view.origin.clone(),
            origin_place: view.origin_place.clone(),
            failed_group: view.origin_group.clone(),
            replay_count: view.replay_count,
            trace_id: view.trace_id,
            retried_ns: view.retried_ns,
        }
    }

    /// A record that is no dead letter, by its place alone: whatever lies there is meant.
    pub fn at(at: MessageRef) -> Self {
        let view = RecordView { at, raw_hash: RawHash::UNKNOWN, ..RecordView::default() };
        Self::of_record(&view)
    }

    /// Takes in what a dead letter that was chosen by its place tells of its death, now that it was read.
    pub(super) fn learn(&mut self, original: &OriginalRecord) {
        let headers = original.headers.iter().map(|header| (header.name.as_str(), header.value.as_deref()));
        if let Some(death) = Death::of(&self.letter.at.channel, self.letter.timestamp_ns, headers) {
            (self.failed_group, self.retried_ns) = (death.group, death.retried_ns);
        }
    }

    /// A stored record that is no dead letter.
    pub fn of_record(view: &RecordView) -> Self {
        Self {
            letter: LetterKey { at: view.at.clone(), timestamp_ns: view.timestamp_ns },
            kind: KindHash::default(),
            is_dead: false,
            raw_hash: view.raw_hash,
            planned_hash: None,
            origin: None,
            origin_place: ToldPlace::of(view.at.place.partition(), view.at.place.offset()),
            failed_group: None,
            replay_count: 0,
            trace_id: view.trace_id,
            retried_ns: None,
        }
    }
}

/// Which letters are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedLetters {
    /// These, oldest first.
    These(Vec<AskedLetter>),
    /// All that are open of those that died of the same and had come by then, however many these are, but for some.
    AllOpen {
        /// What they died of.
        cause: LetterCause,
        /// What came later is not meant, ns since the Unix epoch.
        until_ns: i64,
        /// Those that are not meant.
        except: BTreeSet<LetterKey>,
    },
    /// What lies in these ranges now, whether it was ever read here or not.
    Ranges(Vec<AskedRange>),
    /// The records of a file, in its order.
    File(AskedFile),
}

/// A file of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Hash of all of it under the ledger's key, as a plan that was written down has it; `None` = it is of no such plan.
    pub planned_hash: Option<RawHash>,
    /// What is changed of the record in a line besides, as such a plan has it.
    pub line_changes: BTreeMap<usize, Vec<Change>>,
    /// The channels that its records belong to, once it was read for a preview.
    pub channels: BTreeSet<String>,
}

impl AskedFile {
    /// The file that lies here, as it is.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), planned_hash: None, line_changes: BTreeMap::new(), channels: BTreeSet::new() }
    }
}

/// What letters died of, and where they lie.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LetterCause {
    /// Name of the source.
    pub cluster: String,
    /// The dead-letter channel.
    pub channel: String,
    /// The channel they came from; `None` = they do not tell.
    pub origin: Option<String>,
    /// Exception, top frame and message without ids.
    pub fingerprint: String,
}

impl LetterCause {
    /// Of a row of the snapshot.
    pub fn of(view: &DeadLetterView) -> Self {
        Self { cluster: view.cluster.clone(), channel: view.channel.clone(), origin: view.origin.clone(), fingerprint: view.fingerprint.clone() }
    }

    /// What stands for it in the ledger.
    pub fn kind(&self) -> KindHash {
        KindHash::of(self.origin.as_deref(), &self.fingerprint)
    }

    /// Its channel on its cluster.
    pub fn channel_key(&self) -> ChannelKey {
        ChannelKey { cluster: Some(self.cluster.clone()), name: self.channel.clone() }
    }

    /// The question for its letters; so many of the first are left out.
    pub fn query(&self, order: LetterOrder, skip: usize, limit: usize) -> Query {
        let (channel, origin, fingerprint) = (self.channel_key(), self.origin.clone(), self.fingerprint.clone());
        Query::Scan(ScanQuery::DeadLetters { channel, origin, fingerprint, order, skip, limit })
    }
}

/// How records are sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayOptions {
    /// The cluster to send to, by the name of its source; `None` = the one on which they lie.
    pub to: Option<String>,
    /// What is changed before.
    pub changes: Arc<Changes>,
    /// Whether each goes by its key, and not into the partition where it first lay.
    pub by_key: bool,
    /// Whether each keeps its time; else it has that of sending.
    pub keeps_time: bool,
    /// Whether what was sent before, or may have been, is sent once more.
    pub again: bool,
    /// How many go first, and how fast the rest goes, as far as that is chosen.
    pub pace: ChosenPace,
}

/// Records of one cluster that are asked for, and where they are to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayAsk {
    /// Name of the source; of a file's records that of the cluster they go to, for they need lie on none that is in reach.
    pub cluster: String,
    /// Where they go.
    pub target: ReplayTarget,
    /// Which letters.
    pub letters: AskedLetters,
    /// How many are stored in all of those that died of the same.
    pub num_stored: u64,
    /// Under which key a plan that was written down has its hashes; `None` = it is of no such plan.
    pub plan_key: Option<String>,
    /// How.
    pub options: ReplayOptions,
}

impl ReplayAsk {
    /// Whether it is of dead letters, or of some among others; else of other records.
    pub fn is_of_the_dead(&self) -> bool {
        match &self.letters {
            AskedLetters::AllOpen { .. } => true,
            AskedLetters::These(letters) => letters.iter().any(|asked| asked.is_dead),
            AskedLetters::Ranges(_) | AskedLetters::File(_) => false,
        }
    }

    /// The cluster that is sent to, by the name of its source.
    pub fn to(&self) -> &str {
        self.options.to.as_deref().unwrap_or(&self.cluster)
    }
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayCommand {
    /// Read the letters again and say what would be sent. Sends nothing.
    Preview(ReplayAsk),
    /// Choose how many of the preview of this id go first, and how fast the rest goes. What was read stays; a pace that is not let changes nothing.
    Pace {
        /// Of which preview.
        replay_id: String,
        /// What is chosen.
        pace: ChosenPace,
    },
    /// Allow sending to the cluster of the preview of this id for as long as the session lasts; with its name as it was typed, in production.
    Allow {
        /// Of which preview.
        replay_id: String,
        /// What was typed.
        typed_name: Option<String>,
    },
    /// Forget the preview, or the run that has ended.
    Dismiss,
    /// Send the first few of the preview of this id, with the cluster's name as it was typed.
    Start {
        /// Of which preview.
        replay_id: String,
        /// What was typed.
        typed_name: Option<String>,
    },
    /// Write what the preview of this id would send into a file, from which it can be sent without a window.
    WritePlan {
        /// Of which preview.
        replay_id: String,
    },
    /// Write records as they lie on their brokers into a file.
    Export(RecordExport),
    /// What became of the last export was read.
    CloseExport,
    /// Read a record of the preview of this id again, to be looked at. Of several only the last that is asked for is read.
    Look {
        /// Of which preview.
        replay_id: String,
        /// Which record.
        letter: LetterKey,
    },
    /// Read this record again, to be edited.
    Edit(AskedLetter),
    /// What was read to be edited is not needed any more.
    EndEdit,
    /// Send the rest, or go on.
    Continue,
    /// Stop sending.
    Stop,
    /// Put letters aside with a note.
    Park {
        /// Which.
        letters: AskedLetters,
        /// Why, or for whom.
        note: String,
    },
    /// Take letters out again.
    Unpark {
        /// Which, and what they died of.
        letters: Vec<(LetterKey, KindHash)>,
    },
}
