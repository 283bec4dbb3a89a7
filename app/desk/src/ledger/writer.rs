//! The thread that owns the file, and how others reach it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::line::SentState;
use super::{
    ClusterIds, ComposedIntent, Ending, Fate, FateLine, HashKey, Intent, KindHash, LedgerLine, LedgerPlace, LetterKey, LetterRecord, LetterState, NewRun,
    Refusal, RunId, SendId, SettledAs, Settlement, import, key, read, schema, write,
};

/// Jobs that may wait for the thread.
const MAX_JOBS: usize = 1_024;
/// Jobs that share one commit.
const MAX_SHARED: usize = 256;

/// Why the ledger did not take a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The file cannot be used.
    #[error("the ledger {} cannot be used: {reason}. Nothing is sent without it; {next_step}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
        /// What to do about it.
        next_step: &'static str,
    },
    /// A line could not be written.
    #[error("the ledger {} could not be written: {reason}. Nothing more is sent; {next_step}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
        /// What to do about it.
        next_step: &'static str,
    },
    /// This letter was sent before, or may have been.
    #[error("{letter} was sent before, or may have been; it is not sent twice")]
    SentBefore {
        /// The letter.
        letter: LetterKey,
    },
    /// The thread has ended.
    #[error("the ledger has ended. Nothing more is sent; start again")]
    Ended,
}

impl LedgerError {
    /// A line was not written; whoever hands it on names the file.
    pub(super) fn unwritten(reason: String, next_step: &'static str) -> Self {
        Self::Write { path: PathBuf::new(), reason, next_step }
    }

    /// The same, of this file.
    fn named(self, file: &Path) -> Self {
        match self {
            Self::Write { reason, next_step, .. } => Self::Write { path: file.to_owned(), reason, next_step },
            other => other,
        }
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::unwritten(error.to_string(), schema::next_step(&error))
    }
}

type Reply<T> = oneshot::Sender<Result<T, LedgerError>>;

enum Job {
    BeginRun(NewRun, Reply<RunId>),
    EndRun(RunId, Ending, String, i64, Reply<()>),
    Intend(Intent, Reply<SendId>),
    Settle(SendId, LetterKey, Settlement, Reply<()>),
    IntendComposed(RunId, Vec<ComposedIntent>, Reply<Vec<SendId>>),
    BeginCall(NewRun, ComposedIntent, Reply<(RunId, SendId)>),
    EndCall((RunId, SendId), Settlement, Ending, Reply<()>),
    SettleComposed(Vec<(SendId, Settlement)>, Reply<()>),
    Follow(SendId, LetterKey, FateLine, Reply<()>),
    Refuse(Refusal, Reply<()>),
    Park { letters: Vec<(LetterKey, KindHash)>, note: Option<String>, operator: String, at_ns: i64, reply: Reply<()> },
    Lines(usize, Reply<Vec<LedgerLine>>),
    KnowClusters(ClusterIds, Reply<()>),
}

/// Letters that somebody dealt with, as of one moment.
pub type Letters = Arc<BTreeMap<LetterKey, LetterRecord>>;

#[derive(Default)]
struct Known {
    letters: BTreeMap<LetterKey, LetterRecord>,
    /// Rises with each change.
    version: u64,
    shared: Option<(u64, Letters)>,
    /// Runs of this session, with what their cluster calls itself.
    runs: BTreeMap<RunId, String>,
    /// What the clusters in reach call themselves.
    clusters: Arc<ClusterIds>,
}

/// The ledger. Cheap to clone; the thread ends, all written, once the last clone is gone.
#[derive(Clone)]
pub struct Ledger {
    jobs: mpsc::Sender<Job>,
    known: Arc<Mutex<Known>>,
    path: Arc<Path>,
    hash_key: HashKey,
}

impl Ledger {
    /// Opens the ledger in a file of its own.
    pub fn open(file: &Path) -> Result<Self, LedgerError> {
        Self::open_at(&LedgerPlace::own(file))
    }

    /// Opens a ledger, made if it is not there, takes over what was kept elsewhere before, and starts the thread. Reads what was done before:
    /// to be called where waiting for a disk is allowed.
    pub fn open_at(place: &LedgerPlace) -> Result<Self, LedgerError> {
        let mut connection = schema::open(&place.file)?;
        let mut taken = import::Taken::new();
        import::take_over(&mut connection, place, &mut taken)?;
        Self::on(place, connection, taken)
    }

    /// The same, on a file that is open, into which these were taken over.
    pub(super) fn on(place: &LedgerPlace, mut connection: Connection, taken: import::Taken) -> Result<Self, LedgerError> {
        let path = place.file.as_path();
        let hash_key = key::of(path, &mut connection)?;
        let unreadable = |error: rusqlite::Error| {
            let next_step = schema::next_step(&error);
            LedgerError::Open { path: path.to_owned(), reason: format!("it cannot be read: {error}"), next_step }
        };
        let letters = read::letters(&connection, &ClusterIds::new()).map_err(unreadable)?;
        let known = Arc::new(Mutex::new(Known { letters, version: 1, ..Known::default() }));
        let (jobs, receiver) = mpsc::channel(MAX_JOBS);
        let writer = Writer { connection, place: place.clone(), taken, is_stale: false, known: Arc::clone(&known), key_id: hash_key.id().to_owned() };
        std::thread::Builder::new().name("ledger".to_owned()).spawn(move || writer.run(receiver)).map_err(|error| LedgerError::Open {
            path: path.to_owned(),
            reason: format!("its thread could not be started: {error}"),
            next_step: "end other programs and try again",
        })?;
        Ok(Self { jobs, known, path: path.into(), hash_key })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The key under which what is sent is hashed, also after a restart.
    pub fn hash_key(&self) -> &HashKey {
        &self.hash_key
    }

    /// What the clusters in reach call themselves, by the names of their sources: from then on letters are called by these names, whatever the
    /// sources were called from which they were sent.
    pub async fn know_clusters(&self, clusters: ClusterIds) -> Result<(), LedgerError> {
        if *self.known.lock().clusters == clusters {
            return Ok(());
        }
        self.ask(|reply| Job::KnowClusters(clusters, reply)).await
    }

    /// Rises with each change of what [`Ledger::letters`] gives.
    pub fn version(&self) -> u64 {
        self.known.lock().version
    }

    /// All letters that somebody dealt with. Copied anew only after a change.
    pub fn letters(&self) -> Letters {
        let mut known = self.known.lock();
        match &known.shared {
            Some((version, letters)) if *version == known.version => Arc::clone(letters),
            _ => {
                let letters = Arc::new(known.letters.clone());
                known.shared = Some((known.version, Arc::clone(&letters)));
                letters
            }
        }
    }

    /// What the ledger knows of a letter; `None` = nobody dealt with it.
    pub fn letter(&self, letter: &LetterKey) -> Option<LetterRecord> {
        self.known.lock().letters.get(letter).cloned()
    }

    /// Writes down that a run begins.
    pub async fn begin_run(&self, run: NewRun) -> Result<RunId, LedgerError> {
        self.ask(|reply| Job::BeginRun(run, reply)).await
    }

    /// Writes down how a run ended.
    pub async fn end_run(&self, run_id: RunId, ending: Ending, reason: &str, at_ns: i64) -> Result<(), LedgerError> {
        self.ask(|reply| Job::EndRun(run_id, ending, reason.to_owned(), at_ns, reply)).await
    }

    /// Writes down that a record is about to be sent. On the disk once this returns; an error means that it must not be sent.
    pub async fn intend(&self, intent: Intent) -> Result<SendId, LedgerError> {
        self.ask(|reply| Job::Intend(intent, reply)).await
    }

    /// The same of what was composed, of which many share a commit: all of it is on the disk once this returns, or none.
    pub async fn intend_composed(&self, run_id: RunId, intents: Vec<ComposedIntent>) -> Result<Vec<SendId>, LedgerError> {
        self.ask(|reply| Job::IntendComposed(run_id, intents, reply)).await
    }

    /// Writes down that a request or a call is about to be sent, which is a run of its own. On the disk once this returns; an error means that it must
    /// not be sent.
    pub async fn begin_call(&self, run: NewRun, intent: ComposedIntent) -> Result<(RunId, SendId), LedgerError> {
        self.ask(|reply| Job::BeginCall(run, intent, reply)).await
    }

    /// Writes down what became of it, and that its run has ended; once only.
    pub async fn end_call(&self, ids: (RunId, SendId), settlement: Settlement, ending: Ending) -> Result<(), LedgerError> {
        self.ask(|reply| Job::EndCall(ids, settlement, ending, reply)).await
    }

    /// Writes down what became of what was composed; once only.
    pub async fn settle_composed(&self, settled: Vec<(SendId, Settlement)>) -> Result<(), LedgerError> {
        self.ask(|reply| Job::SettleComposed(settled, reply)).await
    }

    /// Writes down what became of it; once only.
    pub async fn settle(&self, send_id: SendId, letter: &LetterKey, settlement: Settlement) -> Result<(), LedgerError> {
        self.ask(|reply| Job::Settle(send_id, letter.clone(), settlement, reply)).await
    }

    /// Writes down what became of a record after it was sent.
    pub async fn follow(&self, send_id: SendId, letter: &LetterKey, line: FateLine) -> Result<(), LedgerError> {
        self.ask(|reply| Job::Follow(send_id, letter.clone(), line, reply)).await
    }

    /// Writes down an attempt that was not allowed.
    pub async fn refuse(&self, refusal: Refusal) -> Result<(), LedgerError> {
        self.ask(|reply| Job::Refuse(refusal, reply)).await
    }

    /// Puts letters aside with a note, or takes them out again. Those that were sent stay as they are.
    pub async fn park(&self, letters: Vec<(LetterKey, KindHash)>, note: Option<String>, operator: &str, at_ns: i64) -> Result<(), LedgerError> {
        self.ask(|reply| Job::Park { letters, note, operator: operator.to_owned(), at_ns, reply }).await
    }

    /// Sends and refusals, the newest `limit` of each, in the order of their time.
    pub async fn lines(&self, limit: usize) -> Result<Vec<LedgerLine>, LedgerError> {
        self.ask(|reply| Job::Lines(limit, reply)).await
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, LedgerError> {
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).await.map_err(|_| LedgerError::Ended)?;
        answer.await.map_err(|_| LedgerError::Ended)?.map_err(|error| error.named(&self.path))
    }
}

struct Writer {
    connection: Connection,
    place: LedgerPlace,
    taken: import::Taken,
    /// Whether something was taken over that is not known yet.
    is_stale: bool,
    known: Arc<Mutex<Known>>,
    key_id: String,
}

/// Tells whoever asked how its commit ended, and keeps in memory what is known by it.
type Answering = Box<dyn FnOnce(Result<(), LedgerError>, &mut Known)>;

/// What is done once a commit is on the disk.
struct Afterwards {
    /// Why this line is not in the commit.
    failure: Option<LedgerError>,
    answer: Answering,
}

impl Writer {
    fn run(mut self, mut receiver: mpsc::Receiver<Job>) {
        while let Some(job) = receiver.blocking_recv() {
            let mut jobs = vec![job];
            while jobs.len() < MAX_SHARED
                && let Ok(job) = receiver.try_recv()
            {
                jobs.push(job);
            }
            let jobs = self.before_runs(jobs);
            self.commit(jobs);
        }
    }

    /// What a window of version 1 that is still open has sent by now is known before a run begins; a run that would begin without that does not.
    fn before_runs(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let begins = |job: &Job| matches!(job, Job::BeginRun(..));
        if !jobs.iter().any(begins) {
            return jobs;
        }
        let Err(error) = self.take_over() else { return jobs };
        let (runs, others): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(begins);
        for job in runs {
            job.fail(&error);
        }
        others
    }

    fn take_over(&mut self) -> Result<(), LedgerError> {
        let before = self.connection.total_changes();
        let taken = import::take_over(&mut self.connection, &self.place, &mut self.taken);
        // Also where a later file could not be taken over.
        self.is_stale |= self.connection.total_changes() > before;
        let read = if self.is_stale { self.read_again() } else { Ok(()) };
        taken.and(read)
    }

    fn read_again(&mut self) -> Result<(), LedgerError> {
        let clusters = Arc::clone(&self.known.lock().clusters);
        let letters = read::letters(&self.connection, &clusters)?;
        self.known.lock().read_again(letters, clusters);
        self.is_stale = false;
        Ok(())
    }

    /// Writes jobs in one transaction, and answers them when it is on the disk. Where it is undone, none of them stands.
    fn commit(&mut self, jobs: Vec<Job>) {
        let mut afterwards: Vec<Afterwards> = Vec::with_capacity(jobs.len());
        let clusters = Arc::clone(&self.known.lock().clusters);
        let committed = match self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate) {
            Ok(transaction) => {
                let mut undone = None;
                for job in jobs {
                    if let Some(error) = &undone {
                        job.fail(error);
                        continue;
                    }
                    let after = carry_out(&transaction, job, &clusters, &self.key_id);
                    // A full disk and its like undo the whole transaction: what came next would be written without it, line by line.
                    if transaction.is_autocommit() {
                        let unknown = || LedgerError::unwritten("what shared its commit was undone".to_owned(), "try again");
                        undone = Some(after.failure.clone().unwrap_or_else(unknown));
                    }
                    afterwards.push(after);
                }
                match undone {
                    Some(error) => Err(error),
                    None => transaction.commit().map_err(LedgerError::from),
                }
            }
            Err(error) => {
                let error = LedgerError::from(error);
                for job in jobs {
                    job.fail(&error);
                }
                return;
            }
        };
        let mut known = self.known.lock();
        for after in afterwards {
            (after.answer)(committed.clone(), &mut known);
        }
    }
}

/// Answers a job with what it gave, if the commit it was part of succeeded, and applies it to what is known.
fn after<T: 'static>(reply: Reply<T>, done: Result<T, LedgerError>, apply: impl FnOnce(&T, &mut Known) + 'static) -> Afterwards {
    let failure = done.as_ref().err().cloned();
    let answer = Box::new(move |committed: Result<(), LedgerError>, known: &mut Known| {
        let answer = done.and_then(|value| committed.map(|()| value));
        if let Ok(value) = &answer {
            apply(value, known);
        }
        // Who asked may have gone: the line stands all the same.
        let _gone = reply.send(answer);
    });
    Afterwards { failure, answer }
}

fn carry_out(connection: &Connection, job: Job, clusters: &ClusterIds, key_id: &str) -> Afterwards {
    match job {
        Job::BeginRun(run, reply) => after(reply, write::begin_run(connection, &run), move |run_id, known| drop(known.runs.insert(*run_id, run.cluster_id))),
        Job::EndRun(run_id, ending, reason, at_ns, reply) => after(reply, write::end_run(connection, run_id, ending, &reason, at_ns), |(), _| {}),
        Job::Intend(intent, reply) => after(reply, write::intend(connection, &intent, key_id), move |send_id, known| known.intended(*send_id, intent)),
        Job::Settle(send_id, letter, settlement, reply) => {
            after(reply, write::settle(connection, send_id, &settlement), move |(), known| known.settled(&letter, &settlement))
        }
        Job::IntendComposed(run_id, intents, reply) => {
            after(reply, write::together(connection, || write::intend_composed(connection, run_id, &intents, key_id)), |_, _| {})
        }
        Job::BeginCall(run, intent, reply) => {
            let begin = || {
                let run_id = write::begin_run(connection, &run)?;
                let send_ids = write::intend_composed(connection, run_id, &[intent], key_id)?;
                let unwritten = || LedgerError::unwritten("its run is not there".to_owned(), "look into it before more is sent");
                Ok((run_id, *send_ids.first().ok_or_else(unwritten)?))
            };
            after(reply, write::together(connection, begin), |_, _| {})
        }
        Job::EndCall((run_id, send_id), settlement, ending, reply) => {
            let end = || {
                write::settle(connection, send_id, &settlement)?;
                write::end_run(connection, run_id, ending, settlement.settled.reason(), settlement.at_ns)
            };
            after(reply, write::together(connection, end), |(), _| {})
        }
        Job::SettleComposed(settled, reply) => after(reply, write::together(connection, || write::settle_all(connection, &settled)), |(), _| {}),
        Job::Follow(send_id, letter, line, reply) => after(reply, write::follow(connection, send_id, &line), move |(), known| known.followed(&letter, &line)),
        Job::Refuse(refusal, reply) => after(reply, write::refuse(connection, &refusal), |(), _| {}),
        Job::Park { letters, note, operator, at_ns, reply } => {
            let parked = write::together(connection, || {
                letters.iter().try_for_each(|(letter, kind)| {
                    write::park(connection, letter, clusters.get(&letter.at.cluster).map(String::as_str), *kind, note.as_deref(), &operator, at_ns)
                })
            });
            after(reply, parked, move |(), known| {
                known.version += 1;
                for (letter, kind) in letters {
                    for letter in known.names(letter) {
                        let parking = read::Parking { note: note.clone(), operator: operator.clone(), at_ns };
                        read::apply_parking(&mut known.letters, letter, kind, parking);
                    }
                }
            })
        }
        Job::Lines(limit, reply) => after(reply, read::lines(connection, limit).map_err(Into::into), |_, _| {}),
        Job::KnowClusters(clusters, reply) => {
            let (done, letters) = match read::letters(connection, &clusters) {
                Ok(letters) => (Ok(()), letters),
                Err(error) => (Err(error.into()), BTreeMap::new()),
            };
            after(reply, done, move |(), known| known.read_again(letters, Arc::new(clusters)))
        }
    }
}

impl Job {
    fn fail(self, error: &LedgerError) {
        // Who asked may have gone.
        let _gone = match self {
            Self::BeginRun(_, reply) => reply.send(Err(error.clone())).is_err(),
            Self::Intend(_, reply) => reply.send(Err(error.clone())).is_err(),
            Self::BeginCall(.., reply) => reply.send(Err(error.clone())).is_err(),
            Self::IntendComposed(.., reply) => reply.send(Err(error.clone())).is_err(),
            Self::Lines(_, reply) => reply.send(Err(error.clone())).is_err(),
            Self::EndRun(.., reply)
            | Self::Settle(.., reply)
            | Self::SettleComposed(_, reply)
            | Self::EndCall(.., reply)
            | Self::Follow(.., reply)
            | Self::Refuse(_, reply)
            | Self::Park { reply, .. }
            | Self::KnowClusters(_, reply) => reply.send(Err(error.clone())).is_err(),
        };
    }
}

impl Known {
    /// A letter by all names that sources of this session have for its cluster.
    fn names(&self, letter: LetterKey) -> Vec<LetterKey> {
        let cluster_id = self.clusters.get(&letter.at.cluster);
        let others = self.clusters.iter().filter(|(name, told)| **name != letter.at.cluster && Some(*told) == cluster_id);
        let others: Vec<LetterKey> = others.map(|(name, _)| letter.read_by(name)).collect();
        [vec![letter], others].concat()
    }

    /// Letters as the file tells of them now, and as they are called from now on.
    fn read_again(&mut self, mut letters: BTreeMap<LetterKey, LetterRecord>, clusters: Arc<ClusterIds>) {
        self.version += 1;
        for (letter, record) in &mut letters {
            // What is on its way from here has no outcome, and not because the program ended.
            let is_on_its_way = |before: &&LetterRecord| before.send_id == record.send_id && record.reason == read::NO_OUTCOME;
            if let Some(before) = self.letters.get(letter).filter(is_on_its_way) {
                record.reason.clone_from(&before.reason);
            }
        }
        (self.letters, self.clusters) = (letters, clusters);
    }

    fn intended(&mut self, send_id: SendId, intent: Intent) {
        self.version += 1;
        let target_cluster_id = self.runs.get(&intent.run_id).cloned().unwrap_or_default();
        let record = LetterRecord {
            state: LetterState::Sent(SentState::Possibly),
            kind: intent.kind,
            send_id: Some(send_id),
            replay_id: intent.replay_id,
            target: intent.target,
            written_to: None,
            reason: String::new(),
            at_ns: intent.at_ns,
            cluster_id: intent.cluster_id.unwrap_or_else(|| target_cluster_id.clone()),
            target_cluster_id,
            failed_group: intent.failed_group,
            intended_ns: intent.at_ns,
            parked_by: None,
        };
        for letter in self.names(intent.letter) {
            self.letters.insert(letter, record.clone());
        }
    }

    fn settled(&mut self, letter: &LetterKey, settlement: &Settlement) {
        self.version += 1;
        for letter in self.names(letter.clone()) {
            let Some(record) = self.letters.get_mut(&letter) else { continue };
            record.state = match settlement.settled.counts_as() {
                // It was seen to arrive before the broker's answer was.
                SettledAs::Done | SettledAs::Possibly if matches!(record.state, LetterState::Consumed | LetterState::DeadAgain) => record.state.clone(),
                SettledAs::Done => LetterState::Sent(SentState::Persisted),
                SettledAs::Possibly => LetterState::Sent(SentState::Possibly),
                SettledAs::NotDone | SettledAs::Skipped | SettledAs::Refused => LetterState::Open,
            };
            record.written_to = settlement.settled.place().cloned();
            settlement.settled.reason().clone_into(&mut record.reason);
            record.at_ns = settlement.at_ns;
        }
    }

    fn followed(&mut self, letter: &LetterKey, line: &FateLine) {
        for letter in self.names(letter.clone()) {
            let Some(record) = self.letters.get_mut(&letter).filter(|record| matches!(record.state, LetterState::Sent(_) | LetterState::Consumed)) else {
                continue;
            };
            self.version += 1;
            record.state = match line.fate {
                Fate::Consumed => LetterState::Consumed,
                Fate::DeadAgain => LetterState::DeadAgain,
            };
            record.reason.clone_from(&line.evidence);
            record.at_ns = line.at_ns;
        }
    }
}
