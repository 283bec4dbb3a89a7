//! Carries out what the window asks to be done with sources, beside the window's thread.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use switchboard_model::{FailureKind, OperationEnd, OperationFailure, OperationId, OperationInfo, OperationNews, SourcePhase, SourceStatus};

use super::{SourceProfile, SourcesBoard, SourcesCommand, Trial, saved, trial};
use crate::operations::{OperationHandle, Operations};
use crate::profile::Profile;
use crate::session::{Session, collector::Prepared, now_ns};

/// The session that runs now; none while it is begun anew.
pub type Current = Arc<Mutex<Option<Session>>>;

/// Keeps the profile of a running session.
#[derive(Clone)]
pub struct SourcesDesk {
    shared: Arc<Shared>,
}

struct Shared {
    board: Mutex<Arc<SourcesBoard>>,
    /// The attempt that is shown, and where it runs.
    attempt: Mutex<Option<(Operations, OperationId)>>,
    /// Changes are carried out one after the other.
    turn: tokio::sync::Mutex<()>,
    memory_bytes: usize,
    runtime: tokio::runtime::Handle,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl SourcesDesk {
    /// A desk for a profile that is kept in this file; `wake` is called after each change of the board.
    pub fn new(profile: Profile, path: Option<PathBuf>, memory_bytes: usize, runtime: &tokio::runtime::Handle, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        let board = SourcesBoard { profile, path, ..SourcesBoard::default() };
        let shared = Shared {
            board: Mutex::new(Arc::new(board)),
            attempt: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            memory_bytes,
            runtime: runtime.clone(),
            wake,
        };
        Self { shared: Arc::new(shared) }
    }

    /// What can be seen.
    pub fn board(&self) -> Arc<SourcesBoard> {
        Arc::clone(&self.shared.board.lock())
    }

    /// Another profile in place of this one; its sources are started by whoever begins the session anew.
    pub fn replace(&self, profile: Profile) {
        self.update(|board| board.profile = profile);
    }

    fn update(&self, change: impl FnOnce(&mut SourcesBoard)) {
        let mut board = self.shared.board.lock();
        change(Arc::make_mut(&mut board));
        drop(board);
        (self.shared.wake)();
    }

    /// Carries out a command; returns at once.
    pub fn command(&self, current: &Current, command: SourcesCommand) {
        let (desk, current) = (self.clone(), Arc::clone(current));
        match command {
            SourcesCommand::Put { before, source } => {
                self.shared.runtime.spawn(async move { desk.put(&current, before, source).await });
            }
            SourcesCommand::Remove(name) => {
                self.shared.runtime.spawn(async move { desk.remove(&current, &name).await });
            }
            SourcesCommand::Test(source) => self.test(&current, source),
            SourcesCommand::CancelTest => self.cancel_test(),
        }
    }

    async fn put(&self, current: &Current, before: Option<String>, source: SourceProfile) {
        let _turn = self.shared.turn.lock().await;
        let profile = match self.board().profile.with_source(before.as_deref(), source.clone()) {
            Ok(profile) => profile,
            Err(error) => return self.update(|board| board.said = Some((error.to_string(), true))),
        };
        let name = source.name().to_owned();
        if let Some(session) = &*current.lock() {
            session.leave_cluster(before.as_deref().unwrap_or(&name));
        }
        let (prepared, saved) = self.prepare_and_save(&source, &profile).await;
        if let Some(session) = &*current.lock() {
            session.remove_source(before.as_deref().unwrap_or(&name));
            if profile.active_sources().any(|one| one.name() == name) {
                session.add_source(&source, &profile, prepared);
            }
        }
        self.tell(profile, &name, "started", saved.as_ref());
    }

    /// Fetches secrets and writes the file; both may wait, so neither happens on a thread that others need.
    async fn prepare_and_save(
        &self,
        source: &SourceProfile,
        profile: &Profile,
    ) -> (Result<Prepared, crate::profile::ProfileError>, Option<Result<(), String>>) {
        let (path, written) = (self.board().path.clone(), profile.clone());
        let saved = match tokio::task::spawn_blocking(move || path.map(|path| saved::save(&path, &written))).await {
            Ok(saved) => saved,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        (Prepared::of(source.clone(), profile.clone(), self.shared.memory_bytes).await, saved)
    }

    async fn remove(&self, current: &Current, name: &str) {
        let _turn = self.shared.turn.lock().await;
        let profile = self.board().profile.without_source(name);
        if let Some(session) = &*current.lock() {
            session.leave_cluster(name);
        }
        let (path, written) = (self.board().path.clone(), profile.clone());
        let saved = tokio::task::spawn_blocking(move || path.map(|path| saved::save(&path, &written))).await.unwrap_or(None);
        if let Some(session) = &*current.lock() {
            session.remove_source(name);
        }
        self.tell(profile, name, "removed", saved.as_ref());
    }

    fn tell(&self, profile: Profile, name: &str, done: &str, saved: Option<&Result<(), String>>) {
        let said = match saved {
            Some(Ok(())) => (format!("{name} {done} and the profile saved"), false),
            Some(Err(error)) => (format!("{name} {done} for this session; the profile is not changed: {error}"), true),
            None => (format!("{name} {done} for this session; it has no profile file"), false),
        };
        if let Some(Err(error)) = saved {
            tracing::error!(error, "The profile could not be saved.");
        }
        self.update(|board| {
            board.profile = profile;
            board.said = Some(said);
        });
    }

    fn test(&self, current: &Current, source: SourceProfile) {
        // Taken out first: what the one before still says is not shown.
        let before = self.shared.attempt.lock().take();
        if let Some((operations, id)) = before {
            operations.cancel(id);
        }
        let session = current.lock().as_ref().map(|session| (session.redactor(), session.operations().clone()));
        let name = source.name().to_owned();
        let begun =
            Trial { name: name.clone(), begun_ns: now_ns(), phase: SourcePhase::Connecting, detail: String::new(), next_step: String::new(), ended_ns: None };
        self.update(|board| board.trial = Some(begun));
        let Some((redactor, operations)) = session else {
            return self.end_trial(SourcePhase::Failed, Some(("The session is just begun anew".to_owned(), "Try again".to_owned())));
        };
        if self.board().profile.sources.iter().any(|own| own.shares_a_port_with(&source)) {
            let detail = "Switchboard itself listens on these ports now".to_owned();
            return self.end_trial(SourcePhase::Live, Some((detail, String::new())));
        }
        let (profile, memory_bytes, runtime) = (self.board().profile.clone(), self.shared.memory_bytes, self.shared.runtime.clone());
        let started = operations.start(OperationInfo { what: "Test".to_owned(), source: name }, |teller| async move {
            let trying = async {
                let prepared = Prepared::of(source, profile, memory_bytes).await.map_err(|error| {
                    // It names the command that was asked, whatever stands in that.
                    let reason = error.to_string();
                    let reason = redactor.redact_text(&reason).unwrap_or(reason);
                    OperationFailure { kind: FailureKind::Authenticate, reason, next_step: String::new() }
                })?;
                let said = |status: &SourceStatus| {
                    teller.page(status.clone(), status.detail.len() + status.next_step.len());
                };
                verdict(trial::attempt(prepared, redactor, runtime, said).await)
            };
            tokio::select! {
                biased;
                () = teller.cancelled() => Ok(()),
                tried = trying => tried,
            }
        });
        match started {
            Ok(operation) => {
                *self.shared.attempt.lock() = Some((operations, operation.id()));
                self.shared.runtime.spawn(self.clone().follow(operation));
            }
            Err(refused) => self.end_trial(SourcePhase::Failed, Some((refused.reason, refused.next_step))),
        }
    }

    /// Shows what an attempt says, until it ends or another is shown.
    async fn follow(self, mut operation: OperationHandle<SourceStatus>) {
        while let Some(news) = operation.next().await {
            let attempt = self.shared.attempt.lock();
            if attempt.as_ref().is_none_or(|(_, id)| *id != operation.id()) {
                return;
            }
            match news {
                OperationNews::Started | OperationNews::Progress(_) => {}
                OperationNews::Page(status) => self.update(|board| {
                    if let Some(trial) = &mut board.trial {
                        (trial.phase, trial.detail, trial.next_step) = (status.phase, status.detail, status.next_step);
                    }
                }),
                OperationNews::Ended(OperationEnd::Done) => self.end_trial(SourcePhase::Live, None),
                OperationNews::Ended(OperationEnd::Cancelled) => self.end_trial(SourcePhase::Stopped, Some(("Cancelled".to_owned(), String::new()))),
                OperationNews::Ended(OperationEnd::Failed(failure)) => {
                    // One that works in part has said so itself.
                    let said = self.board().trial.as_ref().map(|trial| trial.phase).filter(|phase| *phase != SourcePhase::Connecting);
                    self.end_trial(said.unwrap_or(SourcePhase::Failed), Some((failure.reason, failure.next_step)));
                }
            }
        }
    }

    fn end_trial(&self, phase: SourcePhase, words: Option<(String, String)>) {
        self.update(|board| {
            if let Some(trial) = &mut board.trial {
                trial.phase = phase;
                trial.ended_ns = Some(now_ns());
                if let Some((detail, next_step)) = words {
                    (trial.detail, trial.next_step) = (detail, next_step);
                }
            }
        });
    }

    fn cancel_test(&self) {
        if let Some((operations, id)) = &*self.shared.attempt.lock() {
            operations.cancel(*id);
        }
    }
}

/// What an attempt comes to, by what its source said last: whatever does not all that was asked for has a reason.
fn verdict(last: Option<SourceStatus>) -> Result<(), OperationFailure> {
    match last {
        Some(status) if status.phase == SourcePhase::Live => Ok(()),
        Some(status) if status.phase != SourcePhase::Connecting => {
            Err(OperationFailure { kind: status.failure.unwrap_or(FailureKind::Internal), reason: status.detail, next_step: status.next_step })
        }
        _ => Err(OperationFailure {
            kind: FailureKind::Connect,
            reason: format!("No answer within {} s", trial::WITHIN.as_secs()),
            next_step: "Check address and port, and whether it runs".to_owned(),
        }),
    }
}
