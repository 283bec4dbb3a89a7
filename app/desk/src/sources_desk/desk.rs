//! Carries out what the window asks to be done with sources, beside the window's thread.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use switchboard_model::{Redactor, SourcePhase};

use super::{OTLP_NAME, SourceProfile, SourcesBoard, SourcesCommand, Trial, saved, trial};
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
    /// The attempt that runs, to be ended.
    attempt: Mutex<Option<tokio::task::JoinHandle<()>>>,
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
        self.cancel_test();
        let redactor: Option<Arc<Redactor>> = current.lock().as_ref().map(Session::redactor);
        let name = source.name().to_owned();
        let begun =
            Trial { name: name.clone(), begun_ns: now_ns(), phase: SourcePhase::Connecting, detail: String::new(), next_step: String::new(), ended_ns: None };
        self.update(|board| board.trial = Some(begun));
        let Some(redactor) = redactor else {
            return self.end_trial(SourcePhase::Failed, Some(("The session is just begun anew".to_owned(), "Try again".to_owned())));
        };
        if name == OTLP_NAME && self.board().profile.otlp_ports_overlap(&source) {
            let detail = "Switchboard itself listens on these ports now".to_owned();
            return self.end_trial(SourcePhase::Live, Some((detail, String::new())));
        }
        let desk = self.clone();
        let task = self.shared.runtime.spawn(async move {
            let profile = desk.board().profile.clone();
            let prepared = match Prepared::of(source, profile, desk.shared.memory_bytes).await {
                Ok(prepared) => prepared,
                Err(error) => return desk.end_trial(SourcePhase::Failed, Some((error.to_string(), String::new()))),
            };
            let teller = desk.clone();
            let said = move |status: &switchboard_model::SourceStatus| {
                teller.update(|board| {
                    if let Some(trial) = &mut board.trial {
                        (trial.phase, trial.detail, trial.next_step) = (status.phase, status.detail.clone(), status.next_step.clone());
                    }
                });
            };
            let phase = trial::attempt(prepared, redactor, desk.shared.runtime.clone(), said).await;
            let timed_out = (phase == SourcePhase::Connecting)
                .then(|| (format!("No answer within {} s", trial::WITHIN.as_secs()), "Check address and port, and whether it runs".to_owned()));
            let phase = if timed_out.is_some() { SourcePhase::Failed } else { phase };
            desk.end_trial(phase, timed_out);
        });
        *self.shared.attempt.lock() = Some(task);
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
        let Some(task) = self.shared.attempt.lock().take() else { return };
        if !task.is_finished() {
            task.abort();
            self.end_trial(SourcePhase::Stopped, Some(("Cancelled".to_owned(), String::new())));
        }
    }
}

impl Profile {
    /// Whether a receiver would need a port that this profile's has.
    fn otlp_ports_overlap(&self, source: &SourceProfile) -> bool {
        self.sources.iter().any(|own| own.shares_a_port_with(source))
    }
}
