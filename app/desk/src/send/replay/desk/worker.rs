//! The one task behind the desk: it takes commands, keeps the ledger, starts runs, and follows what was sent. `previewing` is what is
//! asked before anything is sent, `saving` writes a plan, `exporting` records into a file.

mod exporting;
mod previewing;
mod saving;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::ledger::{ClusterIds, KindHash, Ledger, LedgerError, LetterKey, LetterState, Refusal, RunLock};
use crate::operations::OperationHandle;
use crate::send::record_file::RecordFile;
use crate::send::replay::board::handled;
use crate::send::replay::clusters::{Reach, ReplayClusters};
use crate::send::replay::desk::worker::previewing::end_of;
use crate::send::replay::desk::{ReplayDeskConfig, Shared};
use crate::send::replay::follow::{Follower, Round};
use crate::send::replay::pace::Pace;
use crate::send::replay::run::{GONE, Run, Wanted};
use crate::send::replay::source::Source;
use crate::send::replay::{AskedLetters, ReplayCommand};

/// A note is cut here, in characters.
const MAX_NOTE_CHARS: usize = 400;
/// Clusters of files whose names are kept.
const MAX_OF_FILES: usize = 1_000;
/// At the session's end so long is waited for what is under way; whoever ends it waits a little longer (`ReplayDesk::stop`).
const END_WITHIN: Duration = Duration::from_millis(1_300);

struct Going {
    reach: Reach,
    /// What is read from.
    from: Source,
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
    /// What the clusters of files that were read call themselves, by the names that they have here.
    of_files: ClusterIds,
    /// Records that are being written into a file.
    exporting: Option<OperationHandle<()>>,
    /// A plan that is being saved, or was.
    saving: Option<JoinHandle<()>>,
    /// A record that is being read again to be edited.
    editing: Option<JoinHandle<()>>,
    /// One of the preview that is being read again to be looked at.
    looking: Option<JoinHandle<()>>,
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
            of_files: ClusterIds::new(),
            exporting: None,
            saving: None,
            editing: None,
            looking: None,
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
                end = exporting::end_of(self.exporting.as_mut()) => self.show_export_ended(&end),
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
        if let Some(operation) = self.exporting.take() {
            operation.cancel();
        }
        let (run, saving) = (self.run.take(), self.saving.take());
        let stopped = async {
            if let Some(run) = run {
                stop(run, &self.shared).await;
            }
        };
        let saved = async {
            if let Some(saving) = saving {
                saving::end(saving, END_WITHIN).await;
            }
        };
        tokio::join!(stopped, saved);
    }

    async fn carry_out(&mut self, command: ReplayCommand) {
        // Looking is asked for by whoever goes through a list, and does not take away what was said of a command.
        if !matches!(command, ReplayCommand::Look { .. }) {
            self.shared.update(|board| board.refusal = None);
        }
        let done = match command {
            ReplayCommand::Preview(ask) => self.preview(ask).await,
            ReplayCommand::Pace { replay_id, pace } => self.choose_pace(&replay_id, pace),
            ReplayCommand::Allow { replay_id, typed_name } => self.allow(&replay_id, typed_name.as_deref()),
            ReplayCommand::Dismiss => self.dismiss(),
            ReplayCommand::WritePlan { replay_id } => self.write_plan(replay_id).await,
            ReplayCommand::Export(export) => self.export(export),
            ReplayCommand::CloseExport => {
                self.close_export();
                Ok(())
            }
            ReplayCommand::Look { replay_id, letter } => {
                self.look(replay_id, letter).await;
                Ok(())
            }
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
            ledger.know_clusters(self.named_clusters()).await?;
            return Ok(ledger);
        }
        match self.config.ledger.open().await {
            Ok(ledger) => {
                self.ledger = Some(ledger.clone());
                self.shared.update(|board| board.ledger_failure = None);
                ledger.know_clusters(self.named_clusters()).await?;
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

    /// The same with those of files that no source reads: what was sent of these is known by the names that the files have for them. Of the file whose
    /// preview stands it is known by that name in any case: a source that tells of the same cluster only now takes it away from no run that goes on.
    fn named_clusters(&self) -> ClusterIds {
        let mut ids = self.cluster_ids();
        let standing = self.shared.board.lock().preview.as_ref().and_then(|preview| preview.file.clone());
        let read: BTreeSet<String> = ids.values().cloned().collect();
        let unread = self.of_files.iter().filter(|(_, id)| !read.contains(*id));
        let of_files = unread.chain(standing.iter().flat_map(|file| file.cluster_ids()));
        for (name, id) in of_files {
            // A source has its name.
            ids.entry(name.clone()).or_insert_with(|| id.clone());
        }
        ids
    }

    /// From now on what was sent of this file is known by the names that it has for its clusters.
    fn know_file(&mut self, file: &RecordFile) {
        if self.of_files.len() + file.cluster_ids().len() > MAX_OF_FILES {
            self.of_files.clear();
        }
        self.of_files.extend(file.cluster_ids().iter().take(MAX_OF_FILES).map(|(name, id)| (name.clone(), id.clone())));
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
            targets: preview.iter().flat_map(|preview| preview.targets.iter().map(|target| (preview.cluster.as_str(), target.channel.as_str()))).collect(),
            traced: &traced,
            own_runs: &self.own_runs,
            ends: &ends,
            retried_ns: &retried_ns,
            quiet_ns: i64::try_from(self.config.pace.quiet.as_nanos()).unwrap_or(i64::MAX),
            is_for_the_dead: &|cluster, channel| self.clusters.reach(cluster).is_ok_and(|reach| reach.access().is_dead_letter_channel(channel)),
        };
        let followed = match ledger.know_clusters(self.named_clusters()).await {
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

    fn is_running(&self) -> bool {
        self.run.is_some() && self.shared.board.lock().run.as_ref().is_some_and(|run| !run.phase.is_ended())
    }

    fn end_run(&mut self) {
        if let Some(run) = self.run.take() {
            // It has ended and only watches.
            run.task.abort();
        }
    }

    fn dismiss(&mut self) -> Result<(), String> {
        if self.is_running() {
            return Err("a run is going on; stop it first".to_owned());
        }
        self.end_preparing();
        self.end_run();
        self.end_look();
        self.shared.update(|board| (board.preparing, board.preview, board.run, board.plan_file) = (None, None, None, None));
        Ok(())
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
        let reach = self.clusters.reach(&preview.cluster)?;
        let from = self.source_of(&preview)?;
        if let Err(refused) = reach.access.may_write(preview.cluster_id.as_deref(), typed_name.as_deref()) {
            let reason = refused.to_string();
            let refusal = Refusal {
                profile: self.config.profile.clone(),
                operator: self.config.operator.clone(),
                cluster: preview.cluster.clone(),
                command: "replay".to_owned(),
                target: preview.target_words(),
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
            pace: Pace { num_canary: preview.num_first, rate_per_s: preview.rate_per_s, ..self.config.pace },
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
            AskedLetters::Ranges(_) | AskedLetters::File(_) => return Err("only letters are put aside; mark them in Dead letters".to_owned()),
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

async fn stop(run: Going, shared: &Shared) {
    run.wanted.send_replace(Wanted::Stop);
    let is_ended = || shared.board.lock().run.as_ref().is_none_or(|run| run.phase.is_ended());
    // Once it has ended it only watches.
    let deadline = tokio::time::Instant::now() + END_WITHIN;
    while !is_ended() && !run.task.is_finished() && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    run.task.abort();
}
