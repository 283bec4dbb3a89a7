//! The one task behind the desk: it takes commands, keeps the ledger, and follows what was sent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use switchboard_engine::view::{Answer, LetterOrder};
use switchboard_model::{OperationEnd, OperationInfo, OriginalRecord, Redactor, Skipped};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::ledger::{ClusterIds, KindHash, Ledger, LedgerError, LetterKey, LetterState, Refusal, RunLock};
use crate::operations::OperationHandle;
use crate::send::replay::board::{Preparing, handled};
use crate::send::replay::clusters::{Reach, ReplayClusters, writing};
use crate::send::replay::desk::{ReplayDeskConfig, Shared};
use crate::send::replay::follow::{Follower, Round};
use crate::send::replay::plan::{choose, wrong};
use crate::send::replay::plan_file::{self, plans_folder};
use crate::send::replay::prepare::seen;
use crate::send::replay::preview_task::PreviewTask;
use crate::send::replay::run::{GONE, Run, Wanted};
use crate::send::replay::{AskedLetter, AskedLetters, EditBoard, LetterCause, Preview, ReplayAsk, ReplayCommand};

/// Letters of a cause asked for at a time, where all are meant.
const LISTED_AT_ONCE: usize = 5_000;
/// A note is cut here, in characters.
const MAX_NOTE_CHARS: usize = 400;

struct Going {
    reach: Reach,
    /// What is read from.
    from: Reach,
    wanted: watch::Sender<Wanted>,
    task: JoinHandle<()>,
}

pub(super) struct Worker {
    config: ReplayDeskConfig,
    clusters: ReplayClusters,
    shared: Arc<Shared>,
    ledger: Option<Ledger>,
    ledger_version: u64,
    follower: Follower,
    /// Replay ids of runs that were started here.
    own_runs: BTreeSet<String>,
    run: Option<Going>,
    preparing: Option<(Reach, OperationHandle<()>)>,
    /// A record that is being read again to be edited.
    editing: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn new(config: ReplayDeskConfig, clusters: ReplayClusters, shared: Arc<Shared>) -> Self {
        Self {
            config,
            clusters,
            shared,
            ledger: None,
            ledger_version: 0,
            follower: Follower::default(),
            own_runs: BTreeSet::new(),
            run: None,
            preparing: None,
            editing: None,
        }
    }

    /// Carries out commands until nobody can give any more.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<ReplayCommand>) {
        // What was done before shows from the start, but a ledger that is not there is not made before it is needed.
        if self.config.ledger.is_there() {
            let _shown = self.ledger().await;
        }
        let mut look = self.config.pace.looks();
        let mut rounds = 0_u32;
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.carry_out(command).await,
                    None => break,
                },
                end = end_of(self.preparing.as_mut()) => self.show_preparing_ended(end),
                _ = look.tick() => {
                    self.leave_what_is_gone();
                    self.show_clusters();
                    rounds = rounds.wrapping_add(1);
                    if rounds.is_multiple_of(2) {
                        self.follow().await;
                    }
                    self.show_letters();
                }
            }
        }
        self.end_preparing();
        if let Some(run) = self.run.take() {
            stop(run, &self.shared).await;
        }
    }

    async fn carry_out(&mut self, command: ReplayCommand) {
        self.shared.update(|board| board.refusal = None);
        let done = match command {
            ReplayCommand::Preview(ask) => self.preview(ask).await,
            ReplayCommand::Allow { replay_id, typed_name } => self.allow(&replay_id, typed_name.as_deref()),
            ReplayCommand::Dismiss => self.dismiss(),
            ReplayCommand::WritePlan { replay_id } => self.write_plan(&replay_id).await,
            ReplayCommand::Edit(asked) => self.edit(asked),
            ReplayCommand::EndEdit => {
                self.end_edit();
                Ok(())
            }
            ReplayCommand::Start { replay_id, typed_name } => self.start(&replay_id, typed_name).await,
            ReplayCommand::Continue => self.go_on(),
            ReplayCommand::Stop => self.tell_run(Wanted::Stop),
            ReplayCommand::Park { letters, note } => self.park(letters, &note).await,
            ReplayCommand::Unpark { letters } => self.unpark(letters).await,
        };
        if let Err(reason) = done {
            self.shared.update(|board| board.refusal = Some(reason));
        }
        self.show_letters();
    }

    /// The ledger, made where it is not there yet.
    async fn ledger(&mut self) -> Result<Ledger, LedgerError> {
        if let Some(ledger) = self.ledger.clone() {
            ledger.know_clusters(self.cluster_ids()).await?;
            return Ok(ledger);
        }
        match self.config.ledger.open().await {
            Ok(ledger) => {
                self.ledger = Some(ledger.clone());
                self.shared.update(|board| board.ledger_failure = None);
                ledger.know_clusters(self.cluster_ids()).await?;
                Ok(ledger)
            }
            Err(error) => self.failed(error),
        }
    }

    fn failed(&self, error: LedgerError) -> Result<Ledger, LedgerError> {
        let text = error.to_string();
        self.shared.update(|board| board.ledger_failure = Some(text));
        Err(error)
    }

    fn show_letters(&mut self) {
        let Some(ledger) = &self.ledger else { return };
        let version = ledger.version();
        if version != self.ledger_version {
            self.ledger_version = version;
            let letters = ledger.letters();
            let handled = Arc::new(handled(&letters));
            self.shared.update(|board| (board.letters_version, board.letters, board.handled) = (version, letters, handled));
        }
    }

    /// Ids that the clusters told, by the names of their sources.
    fn cluster_ids(&self) -> ClusterIds {
        let snapshot = self.config.observed.snapshot();
        let told = snapshot.sources.iter().filter(|source| source.kind.has_channels());
        told.filter_map(|source| Some((source.name.clone(), source.cluster_id.clone()?))).collect()
    }

    fn show_clusters(&self) {
        let boards = self.clusters.boards(&self.cluster_ids());
        if *self.shared.board.lock().clusters != boards {
            self.shared.update(|board| board.clusters = Arc::new(boards));
        }
    }

    async fn follow(&mut self) {
        let Some(ledger) = self.ledger.clone() else { return };
        let ids = self.cluster_ids();
        let (traced, retried_ns) = (self.shared.wanted_traces.lock().clone(), self.shared.retried_ns.lock().clone());
        let ends = self.shared.ends.lock().clone();
        let preview = self.shared.board.lock().preview.clone();
        let round = Round {
            cluster_ids: &ids,
            target: preview.as_ref().map(|preview| (preview.cluster.as_str(), preview.target.as_str())),
            traced: &traced,
            own_runs: &self.own_runs,
            ends: &ends,
            retried_ns: &retried_ns,
            quiet_ns: i64::try_from(self.config.pace.quiet.as_nanos()).unwrap_or(i64::MAX),
        };
        let followed = match ledger.know_clusters(ids.clone()).await {
            Ok(()) => self.follower.round(&ledger, self.config.observed.as_ref(), &round).await,
            unknown => unknown,
        };
        let failure = followed.err().map(|error| error.to_string());
        // What was owed is written once it can be, and then nothing is wrong any more.
        if self.shared.board.lock().ledger_failure != failure {
            self.shared.update(|board| board.ledger_failure = failure);
        }
        if **self.shared.sightings.lock() != self.follower.sightings {
            *self.shared.sightings.lock() = Arc::new(self.follower.sightings.clone());
        }
    }

    /// Ends what was begun on a cluster that is reached no more, or otherwise than it was then.
    fn leave_what_is_gone(&mut self) {
        if let Some(run) = self.run.as_ref().filter(|run| !run.reach.is_there() || !run.from.is_there()) {
            run.wanted.send_if_modified(|wanted| {
                let goes_on = matches!(wanted, Wanted::Canary | Wanted::Rest);
                if goes_on {
                    *wanted = Wanted::Gone;
                }
                goes_on
            });
        }
        if let Some((_, operation)) = self.preparing.take_if(|(reach, _)| !reach.is_there()) {
            operation.cancel();
            self.shared.give_up_preview(GONE);
        }
    }

    /// The preview is made, or whoever looks at the operations stopped it, or it failed.
    fn show_preparing_ended(&mut self, end: OperationEnd) {
        self.preparing = None;
        match end {
            OperationEnd::Done => {}
            OperationEnd::Cancelled => self.shared.give_up_preview("the preview was stopped; ask for it again"),
            OperationEnd::Failed(failure) => self.shared.give_up_preview(&failure.to_string()),
        }
    }

    fn is_running(&self) -> bool {
        self.run.is_some() && self.shared.board.lock().run.as_ref().is_some_and(|run| !run.phase.is_ended())
    }

    async fn preview(&mut self, ask: ReplayAsk) -> Result<(), String> {
        if self.is_running() {
            return Err("a run is going on; stop it first".to_owned());
        }
        let (reach, to) = (self.clusters.reach(&ask.cluster)?, self.clusters.reach(ask.to())?);
        let to_name = to.name().to_owned();
        if let Some(mistake) = ask.options.changes.mistake() {
            return Err(mistake);
        }
        let ask = Arc::new(ask);
        let (letters, num_stored) = match &ask.letters {
            AskedLetters::These(letters) => (letters.clone(), ask.num_stored),
            AskedLetters::AllOpen { cause, until_ns, except } => {
                let ledger = self.ledger().await.map_err(|error| error.to_string())?;
                self.all_open(&ledger, cause, *until_ns, except).await?
            }
        };
        if let Some(reason) = wrong(&ask.cluster, &to_name, &ask.target, to.access.is_dead_letter_channel(&ask.target), &letters) {
            return Err(reason);
        }
        // Without a ledger nobody knows what was sent before.
        let ledger = self.ledger().await.map_err(|error| error.to_string())?;
        if ask.plan_key.as_ref().is_some_and(|plan_key| plan_key != ledger.hash_key().id()) {
            return Err("the plan was written beside another ledger, so nobody can tell whether its records are still the same. Make it anew here".to_owned());
        }
        let known = ledger.letters();
        let (chosen, skipped) = choose(letters, ask.options.again, |letter| known.get(letter).map(|record| record.state.clone()).unwrap_or_default());
        let ids = self.cluster_ids();
        let replay_id = new_replay_id()?;
        let task = PreviewTask {
            cluster_id: ids.get(&to_name).cloned(),
            cluster: to_name,
            from_id: ids.get(&ask.cluster).cloned(),
            from: ask.cluster.clone(),
            target: ask.target.clone(),
            ask,
            num_stored,
            chosen,
            replay_id,
            access: Arc::clone(&reach.access),
            to: Arc::clone(&to.access),
            letters: known,
            observed: Arc::clone(&self.config.observed),
            redactor: Arc::clone(&self.config.redactor),
            hash_key: ledger.hash_key().clone(),
        };
        let preparing = Preparing { num_read: 0, num_asked: task.chosen.len() };
        let info = OperationInfo { what: format!("Preview of a replay to {}", task.target), source: task.cluster.clone() };
        let shared = Arc::clone(&self.shared);
        let mut done = Ok(());
        // At once: what is shown stays where another cannot begin, and one that begins shows nothing before that is gone.
        shared.update(|board| match self.config.operations.start(info, |teller| task.run(skipped, Arc::clone(&shared), teller)) {
            Ok(operation) => {
                self.end_preparing();
                self.end_run();
                self.preparing = Some((reach, operation));
                (board.preparing, board.preview, board.run, board.plan_file) = (Some(preparing), None, None, None);
            }
            Err(failure) => done = Err(failure.to_string()),
        });
        done
    }

    /// All letters of a cause that are open and had come by then, oldest first, and how many of it are stored.
    async fn all_open(&self, ledger: &Ledger, cause: &LetterCause, until_ns: i64, except: &BTreeSet<LetterKey>) -> Result<(Vec<AskedLetter>, u64), String> {
        let (kind, known) = (cause.kind(), ledger.letters());
        let is_open = |letter: &LetterKey| known.get(letter).is_none_or(|record| record.state.is_open()) && !except.contains(letter);
        let (mut letters, mut num_read) = (Vec::new(), 0);
        loop {
            let Some(Answer::DeadLetters(page)) = self.config.observed.query(cause.query(LetterOrder::OldestFirst, num_read, LISTED_AT_ONCE)).await else {
                return Err("the engine did not answer in time; try again".to_owned());
            };
            num_read += page.letters.len();
            let had_come = page.letters.iter().filter(|view| view.received_ns <= until_ns);
            letters.extend(had_come.map(|view| AskedLetter::of(view, kind)).filter(|asked| is_open(&asked.letter)));
            if page.letters.is_empty() || page.num_left() == 0 {
                return Ok((letters, page.total));
            }
        }
    }

    fn end_preparing(&mut self) {
        if let Some((_, operation)) = self.preparing.take() {
            operation.cancel();
        }
    }

    fn end_run(&mut self) {
        if let Some(run) = self.run.take() {
            // It has ended and only watches.
            run.task.abort();
        }
    }

    fn allow(&mut self, replay_id: &str, typed_name: Option<&str>) -> Result<(), String> {
        let preview = self.shared.board.lock().preview.clone().filter(|preview| preview.replay_id == replay_id);
        let Some(preview) = preview else { return Err("the preview is gone; make it again".to_owned()) };
        let reach = self.clusters.reach(&preview.cluster)?;
        reach.access.allow(preview.cluster_id.as_deref(), typed_name).map_err(|refused| refused.to_string())?;
        let allowed = Preview { writing: writing(reach.access.as_ref(), preview.cluster_id.as_ref()), ..Preview::clone(&preview) };
        self.shared.update(|board| board.preview = Some(Arc::new(allowed)));
        self.show_clusters();
        Ok(())
    }

    fn dismiss(&mut self) -> Result<(), String> {
        if self.is_running() {
            return Err("a run is going on; stop it first".to_owned());
        }
        self.end_preparing();
        self.end_run();
        self.shared.update(|board| (board.preparing, board.preview, board.run, board.plan_file) = (None, None, None, None));
        Ok(())
    }

    /// Writes the preview into a file of its own.
    async fn write_plan(&self, replay_id: &str) -> Result<(), String> {
        let preview = self.shared.board.lock().preview.clone().filter(|preview| preview.replay_id == replay_id);
        let Some(preview) = preview else { return Err("the preview is gone; make it again".to_owned()) };
        let ledger = self.config.ledger.open().await.map_err(|error| error.to_string())?;
        let (folder, key_id) = (plans_folder(ledger.path()), ledger.hash_key().id().to_owned());
        let written = tokio::task::spawn_blocking(move || plan_file::write(&folder, &preview, &key_id)).await;
        let path = written.map_err(|error| error.to_string())??;
        self.shared.update(|board| board.plan_file = Some((replay_id.to_owned(), path)));
        Ok(())
    }

    /// Reads a record again, to be edited.
    fn edit(&mut self, asked: AskedLetter) -> Result<(), String> {
        let reach = self.clusters.reach(&asked.letter.at.cluster)?;
        let (shared, redactor, letter) = (Arc::clone(&self.shared), Arc::clone(&self.config.redactor), asked.letter.clone());
        shared.update(|board| board.editing = Some(Arc::new(EditBoard { letter: letter.clone(), read: None, has_secrets: false })));
        let reading = async move {
            let read = reach.access().read(vec![seen(&asked)]).await.pop();
            let read = read.unwrap_or_else(|| Err(Skipped::Refused("the reading ended early".to_owned()))).map_err(|skipped| skipped.to_string());
            let has_secrets = read.as_ref().is_ok_and(|record| has_secrets(record, &redactor));
            shared.update(|board| {
                if board.editing.as_ref().is_some_and(|editing| editing.letter == letter) {
                    board.editing = Some(Arc::new(EditBoard { letter: letter.clone(), read: Some(read.clone()), has_secrets }));
                }
            });
        };
        if let Some(before) = self.editing.replace(tokio::spawn(reading)) {
            before.abort();
        }
        Ok(())
    }

    fn end_edit(&mut self) {
        if let Some(reading) = self.editing.take() {
            reading.abort();
        }
        self.shared.update(|board| board.editing = None);
    }

    async fn start(&mut self, replay_id: &str, typed_name: Option<String>) -> Result<(), String> {
        if self.is_running() {
            return Err("a run is going on already".to_owned());
        }
        let preview = self.shared.board.lock().preview.clone().filter(|preview| preview.replay_id == replay_id);
        let Some(preview) = preview else { return Err("the preview is gone; make it again".to_owned()) };
        if preview.planned.is_empty() {
            return Err("nothing is left to send".to_owned());
        }
        if self.run.is_some() {
            return Err("this preview was sent already; make another".to_owned());
        }
        let ledger = self.ledger().await.map_err(|error| error.to_string())?;
        let (reach, from) = (self.clusters.reach(&preview.cluster)?, self.clusters.reach(&preview.from)?);
        if let Err(refused) = reach.access.may_write(preview.cluster_id.as_deref(), typed_name.as_deref()) {
            let reason = refused.to_string();
            let refusal = Refusal {
                profile: self.config.profile.clone(),
                operator: self.config.operator.clone(),
                cluster: preview.cluster.clone(),
                command: "replay".to_owned(),
                target: preview.target.clone(),
                num_letters: preview.planned.len() as u64,
                reason: reason.clone(),
                at_ns: self.config.observed.now_ns(),
            };
            ledger.refuse(refusal).await.map_err(|error| error.to_string())?;
            return Err(reason);
        }
        let lock = match RunLock::take(ledger.path(), preview.cluster_id.as_deref().unwrap_or(&preview.cluster)) {
            Ok(lock) => lock,
            Err(reason) => return Err(reason),
        };
        // Who is there to read is known before anything goes.
        self.follow().await;
        self.own_runs.insert(preview.replay_id.clone());
        self.forget_settled(&ledger);
        let (wanted, receiver) = watch::channel(Wanted::Canary);
        let going_from = from.clone();
        let run = Run {
            preview,
            reach: reach.clone(),
            from,
            lock: Some(lock),
            typed_name,
            ledger,
            observed: Arc::clone(&self.config.observed),
            redactor: Arc::clone(&self.config.redactor),
            profile: self.config.profile.clone(),
            operator: self.config.operator.clone(),
            shared: Arc::clone(&self.shared),
            wanted: receiver,
            pace: self.config.pace,
        };
        self.run = Some(Going { reach, from: going_from, wanted, task: tokio::spawn(run.run()) });
        Ok(())
    }

    /// Traces are wanted of the next run's first few only; how long letters were tried again, of all that are still followed.
    fn forget_settled(&self, ledger: &Ledger) {
        let letters = ledger.letters();
        let sent = letters.values().filter(|record| matches!(record.state, LetterState::Sent(_)));
        let followed: BTreeSet<&str> = sent.map(|record| record.replay_id.as_str()).collect();
        self.shared.wanted_traces.lock().clear();
        let is_followed = |replay_id: &String| followed.contains(replay_id.as_str()) || self.follower.sightings.contains_key(replay_id);
        self.shared.retried_ns.lock().retain(|replay_id, _| is_followed(replay_id));
    }

    fn go_on(&self) -> Result<(), String> {
        match &self.run {
            // The run notices it too, and ends.
            Some(run) if self.is_running() && !run.reach.is_there() => Err(GONE.to_owned()),
            _ => self.tell_run(Wanted::Rest),
        }
    }

    fn tell_run(&self, wanted: Wanted) -> Result<(), String> {
        match &self.run {
            Some(run) if self.is_running() => {
                run.wanted.send_replace(wanted);
                Ok(())
            }
            _ => Err("no run is going on".to_owned()),
        }
    }

    async fn park(&mut self, letters: AskedLetters, note: &str) -> Result<(), String> {
        let note: String = note.trim().chars().take(MAX_NOTE_CHARS).collect();
        let note = self.config.redactor.redact_text(&note).unwrap_or(note);
        let ledger = self.ledger().await.map_err(|error| error.to_string())?;
        let letters = match letters {
            AskedLetters::These(letters) => letters,
            AskedLetters::AllOpen { cause, until_ns, except } => self.all_open(&ledger, &cause, until_ns, &except).await?.0,
        };
        self.set_aside(ledger, letters.into_iter().map(|asked| (asked.letter, asked.kind)).collect(), Some(note)).await
    }

    async fn unpark(&mut self, letters: Vec<(LetterKey, KindHash)>) -> Result<(), String> {
        let ledger = self.ledger().await.map_err(|error| error.to_string())?;
        self.set_aside(ledger, letters, None).await
    }

    async fn set_aside(&self, ledger: Ledger, letters: Vec<(LetterKey, KindHash)>, note: Option<String>) -> Result<(), String> {
        let (operator, at_ns) = (self.config.operator.clone(), self.config.observed.now_ns());
        ledger.park(letters, note, &operator, at_ns).await.map_err(|error| error.to_string())
    }
}

/// Whether anything in a record is a secret, by its name or its shape.
fn has_secrets(record: &OriginalRecord, redactor: &Redactor) -> bool {
    let is_secret = |bytes: Option<&[u8]>| bytes.is_some_and(|bytes| redactor.redact_bytes(bytes) != bytes);
    let in_headers = || record.headers.iter().any(|header| redactor.is_secret_name(&header.name) || is_secret(header.value.as_deref()));
    is_secret(record.key.as_deref()) || is_secret(record.value.as_deref()) || in_headers()
}

/// Waits for the end of a preview that is being made; without one for ever.
async fn end_of(preparing: Option<&mut (Reach, OperationHandle<()>)>) -> OperationEnd {
    match preparing {
        Some((_, operation)) => operation.end().await,
        None => std::future::pending().await,
    }
}

async fn stop(run: Going, shared: &Shared) {
    run.wanted.send_replace(Wanted::Stop);
    let is_ended = || shared.board.lock().run.as_ref().is_none_or(|run| run.phase.is_ended());
    // Once it has ended it only watches.
    let deadline = tokio::time::Instant::now() + Duration::from_millis(1_300);
    while !is_ended() && !run.task.is_finished() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    run.task.abort();
}

/// Tells runs apart over all sessions.
fn new_replay_id() -> Result<String, String> {
    const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut random = [0_u8; 10];
    getrandom::fill(&mut random).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    Ok(format!("r-{}", random.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect::<String>()))
}
