//! A session without a window: status lines, report, screenshot.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use switchboard_engine::EngineState;
use switchboard_engine::view::{Answer, LagVerdict, NodeBasis, NodeKind, Query, Report, Snapshot};
use switchboard_model::{BreakerState, SourceCommand, SourcePhase};

use crate::cli::RunArgs;
use crate::demo::LabChild;
use crate::replay::{ReplayBoard, ReplayCommand};
use crate::session::Session;
use crate::sources::SourcesBoard;
use crate::window::{SessionCommand, SnapshotSource, WindowOptions};

/// Totals count as final once they have been the same for so long …
const STILL_FOR: Duration = Duration::from_secs(3);
/// … or after this at the latest.
const STILL_WITHIN: Duration = Duration::from_secs(25);

/// The engine answers a picture's question within this time, or it is drawn without.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Parts of an answer that a picture takes in.
const PARTS_MAX: usize = 256;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As asked.
    Done,
    /// As asked, but without the picture: there is no graphics adapter.
    NoAdapter,
}

/// Runs a session until its time is over or it is interrupted, then [`finish`]es it.
pub async fn run(session: Session, lab: Option<LabChild>, args: &RunArgs, shown: &Shown) -> anyhow::Result<Ending> {
    watch(&session, lab.as_ref().map(LabChild::said), args.run_for).await?;
    finish(session, lab, args, shown).await
}

/// What a picture shows besides what was observed.
pub struct Shown {
    /// What the window knows from the start.
    pub options: WindowOptions,
    /// The sources as the profile has them.
    pub sources: Arc<SourcesBoard>,
}

/// Ends a session: reads states, lets the lab come to rest, reads totals, and writes what was asked for.
pub async fn finish(session: Session, mut lab: Option<LabChild>, args: &RunArgs, shown: &Shown) -> anyhow::Result<Ending> {
    let states = session.report()?;
    let snapshot = session.snapshot();
    if let Some(lab) = lab.as_mut().filter(|lab| lab.keeps_books() || args.report.is_some()) {
        say("The lab comes to rest …")?;
        lab.settle().await?;
    }
    if let Some(path) = &args.report {
        session.command(&SourceCommand::Refresh);
        let totals = settled(&session, lab.is_some()).await?;
        write_report(path, &merge(states, totals))?;
        say(&format!("Report written to {}", path.display()))?;
    }
    // A picture asks the engine, and what it previews is read from the brokers: so it is drawn before they end.
    let ending = args.screenshot.as_ref().map(|path| screenshot(path, &session, snapshot, args, shown));
    if let Some(lab) = lab {
        lab.quit().await;
    }
    session.stop().await;
    ending.unwrap_or(Ok(Ending::Done))
}

/// Prints a status line each second that has news, until the time is over or the program is interrupted.
async fn watch(session: &Session, mut said: Option<tokio::sync::watch::Receiver<String>>, run_for: Option<Duration>) -> anyhow::Result<()> {
    let deadline = run_for.map(|run_for| tokio::time::Instant::now() + run_for);
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    let mut interrupted = std::pin::pin!(interrupted());
    let mut last_line = String::new();
    let mut last_sources = Vec::new();
    loop {
        tokio::select! {
            () = async { match deadline { Some(deadline) => tokio::time::sleep_until(deadline).await, None => std::future::pending().await } } => return Ok(()),
            () = &mut interrupted => return Ok(()),
            _ = interval.tick() => {}
        }
        if let EngineState::Panicked(text) = session.engine_state() {
            anyhow::bail!("the engine stopped: {text}. What was observed is lost; start again");
        }
        let snapshot = session.snapshot();
        for source in snapshot.sources.iter() {
            let now = (source.name.clone(), source.phase, source.detail.clone());
            if source.phase != SourcePhase::Connecting && !last_sources.contains(&now) {
                last_sources.retain(|(name, _, _)| *name != source.name);
                last_sources.push(now);
                say(&source_line(&source.name, source.phase, &source.detail, &source.next_step))?;
            }
        }
        if let Some(said) = &mut said
            && said.has_changed().unwrap_or(false)
        {
            let line = said.borrow_and_update().clone();
            say(&format!("         lab · {line}"))?;
        }
        let line = status_line(&snapshot);
        if line != last_line {
            say(&format!("{} {line}", clock(snapshot.as_of_ns)))?;
            last_line = line;
        }
    }
}

/// Ends when the user or the system asks for it.
async fn interrupted() {
    #[cfg(unix)]
    {
        let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(terminate) => terminate,
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be caught; only --for ends this run.");
                return std::future::pending().await;
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits until nothing waits for the engine and, where the system observed is at rest, totals stay the same.
async fn settled(session: &Session, at_rest: bool) -> anyhow::Result<Report> {
    let deadline = Instant::now() + if at_rest { STILL_WITHIN } else { STILL_FOR };
    let mut still_since = Instant::now();
    let mut last: Option<Report> = None;
    loop {
        let report = session.report()?;
        if session.num_bytes_queued() > 0 || last.as_ref().is_none_or(|last| !same_totals(last, &report)) {
            still_since = Instant::now();
        }
        let still = still_since.elapsed() >= STILL_FOR;
        if Instant::now() >= deadline || (at_rest && still) || (!at_rest && session.num_bytes_queued() == 0 && last.is_some()) {
            return Ok(report);
        }
        last = Some(report);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn same_totals(one: &Report, other: &Report) -> bool {
    let lags = |report: &Report| report.groups.iter().map(|group| (group.group.clone(), group.topic.clone(), group.lag)).collect::<Vec<_>>();
    one.services == other.services
        && one.channels == other.channels
        && one.interactions == other.interactions
        && one.hops == other.hops
        && one.dead_letters == other.dead_letters
        && lags(one) == lags(other)
}

/// States are of the moment when time was over; sums are of the end.
fn merge(states: Report, totals: Report) -> Report {
    Report { groups: states.groups, breakers: states.breakers, ..totals }
}

fn write_report(path: &Path, report: &Report) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("the report could not be written to {}", path.display()))
}

fn screenshot(path: &Path, session: &Session, snapshot: Snapshot, args: &RunArgs, shown: &Shown) -> anyhow::Result<Ending> {
    use crate::window::{ScreenshotError, ScreenshotOptions, ThemeChoice};
    let options = ScreenshotOptions {
        size_px: args.size,
        theme: args.theme.map_or(ThemeChoice::Dark, ThemeChoice::from),
        view: args.view.into(),
        keys: args.keys.clone(),
    };
    let mut source = Observed { session, snapshot, sources: Arc::clone(&shown.sources) };
    match crate::window::screenshot(&mut source, &shown.options, &options, path) {
        Ok(()) => {
            say(&format!("Screenshot written to {}", path.display()))?;
            Ok(Ending::Done)
        }
        Err(ScreenshotError::NoAdapter(reason)) => {
            say(&format!("No screenshot: {reason}"))?;
            Ok(Ending::NoAdapter)
        }
        Err(error) => Err(error).with_context(|| format!("the screenshot could not be written to {}", path.display())),
    }
}

/// A session at one moment, which answers questions in place.
struct Observed<'a> {
    session: &'a Session,
    snapshot: Snapshot,
    sources: Arc<SourcesBoard>,
}

impl SnapshotSource for Observed<'_> {
    fn snapshot(&mut self) -> Snapshot {
        self.snapshot.clone()
    }

    // A picture does not change.
    fn on_publish(&mut self, _wake: Box<dyn Fn() + Send + Sync>) {}

    fn query(&mut self, query: Query) -> Receiver<Answer> {
        let asked = self.session.query(query);
        let (sender, receiver) = sync_channel(PARTS_MAX);
        // A search answers in parts; the last one hangs up.
        while let Ok(answer) = asked.recv_timeout(ANSWERED_WITHIN) {
            if sender.try_send(answer).is_err() {
                break;
            }
        }
        receiver
    }

    fn replay(&mut self) -> Arc<ReplayBoard> {
        self.session.replay_board()
    }

    fn sources(&mut self) -> Arc<SourcesBoard> {
        Arc::clone(&self.sources)
    }

    // A picture only looks: letters are read again for it, and nothing is sent.
    fn command(&mut self, command: SessionCommand) {
        let SessionCommand::Replay(command) = command else { return };
        if let command @ ReplayCommand::Preview(_) = *command {
            self.session.replay(command);
            let deadline = Instant::now() + ANSWERED_WITHIN;
            let is_told = |board: &ReplayBoard| board.preview.is_some() || board.refusal.is_some();
            while !is_told(&self.session.replay_board()) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// One line that says how all is.
fn status_line(snapshot: &Snapshot) -> String {
    let count = |kind: NodeKind| snapshot.topology.nodes.iter().filter(|node| node.kind == kind && node.basis != NodeBasis::Inferred).count();
    let mut parts = vec![format!("{} services", count(NodeKind::Service)), format!("{} channels", count(NodeKind::Channel))];
    let open = snapshot.breakers.iter().filter(|breaker| matches!(breaker.state, Some(BreakerState::Open | BreakerState::ForcedOpen))).count();
    parts.push(format!("{open} breakers open"));
    let behind = snapshot.groups.iter().filter(|group| matches!(group.verdict, LagVerdict::Growing | LagVerdict::Stuck | LagVerdict::NoMembers));
    for group in behind.take(3) {
        let lag = group.lag.map_or_else(|| "?".to_owned(), |lag| lag.to_string());
        let lag_s = group.lag_s.map(|lag_s| format!(", {lag_s:.0} s")).unwrap_or_default();
        parts.push(format!("{} {lag} behind{lag_s} ({})", group.group, verdict_word(group.verdict)));
    }
    let dead: u64 = snapshot.dead_letters.iter().map(|letters| letters.count).sum();
    parts.push(format!("{dead} dead"));
    parts.push(format!("{} items stored", snapshot.totals.stored));
    parts.join(" · ")
}

fn verdict_word(verdict: LagVerdict) -> &'static str {
    match verdict {
        LagVerdict::Ok => "ok",
        LagVerdict::Growing => "growing",
        LagVerdict::Stuck => "stuck",
        LagVerdict::NoMembers => "no members",
        LagVerdict::Unknown => "unknown",
    }
}

fn source_line(name: &str, phase: SourcePhase, detail: &str, next_step: &str) -> String {
    let phase = match phase {
        SourcePhase::Connecting => "connecting",
        SourcePhase::Live => "live",
        SourcePhase::Degraded => "degraded",
        SourcePhase::Failed => "failed",
        SourcePhase::Stopped => "stopped",
    };
    let mut line = format!("         {name} · {phase}");
    for part in [detail, next_step] {
        if !part.is_empty() {
            line = format!("{line} · {part}");
        }
    }
    line
}

fn clock(at_ns: i64) -> String {
    let seconds = at_ns.div_euclid(1_000_000_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Prints a line; what a terminal would obey is shown, not obeyed.
pub fn say(line: &str) -> anyhow::Result<()> {
    let shown: String = line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    writeln!(std::io::stdout().lock(), "{shown}").context("standard output is closed")
}
