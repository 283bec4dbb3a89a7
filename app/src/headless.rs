//! A session without a window: status lines, report, screenshot.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use switchboard_engine::EngineState;
use switchboard_engine::view::{Answer, NodeBasis, NodeKind, Query, Report, Snapshot, breaker_refuses, source_word};
use switchboard_model::{SourceCommand, SourcePhase};

use crate::cli::RunArgs;
use crate::demo::LabChild;
use crate::interruptions::Interruptions;
use crate::terminal::StatusLines;
use crate::written;
use switchboard_desk::ledger::{LedgerBoard, LedgerLook};
use switchboard_desk::operations::OperationsBoard;
use switchboard_desk::send::SendBoard;
use switchboard_desk::send::replay::{ReplayBoard, ReplayCommand};
use switchboard_desk::session::Session;
use switchboard_desk::sources_desk::SourcesBoard;
use switchboard_window::{SessionCommand, SnapshotSource, WindowOptions};

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
    /// What was sent was answered with a failure.
    Failed,
    /// What was sent may have arrived; nobody knows.
    Possibly,
    /// What was to be sent surely was not.
    NotSent,
}

/// What a session is run with besides its profile.
pub struct Shown {
    /// What the window knows from the start.
    pub options: WindowOptions,
    /// The sources as the profile has them.
    pub sources: Arc<SourcesBoard>,
    /// Where status lines go.
    pub lines: StatusLines,
}

/// Looks whether all that was asked for can be written, before anything is started for it.
pub fn check_outputs(args: &RunArgs) -> anyhow::Result<()> {
    if let Some(path) = args.report.as_deref().filter(|path| !written::is_standard_output(path)) {
        written::check("report", path)?;
    }
    args.screenshot.as_deref().map_or(Ok(()), |path| written::check("screenshot", path))
}

/// Runs a session until its time is over, it is interrupted or the lab ends, then [`finish`]es it.
pub async fn run(session: Session, lab: Option<LabChild>, args: &RunArgs, shown: &Shown, interruptions: &mut Interruptions) -> anyhow::Result<Ending> {
    if let Err(error) = watch(&session, lab.as_ref(), args, &shown.lines, interruptions).await {
        end(session, lab).await;
        return Err(error);
    }
    finish(session, lab, args, shown, interruptions).await
}

/// Ends a session: reads states, lets the lab come to rest, reads totals, and writes what was asked for. Told once more to end, it
/// waits for nothing and writes what is known.
pub async fn finish(session: Session, mut lab: Option<LabChild>, args: &RunArgs, shown: &Shown, interruptions: &mut Interruptions) -> anyhow::Result<Ending> {
    let written = write_all(&session, lab.as_mut(), args, shown, interruptions).await;
    let ended = lab.as_ref().and_then(|lab| lab.ended().borrow().clone());
    end(session, lab).await;
    let ending = written?;
    match ended {
        Some(how) => anyhow::bail!("the demo's lab ended by itself ({how}). What was seen until then is what this run tells; start it again"),
        None => Ok(ending),
    }
}

async fn end(session: Session, lab: Option<LabChild>) {
    if let Some(lab) = lab {
        lab.quit().await;
    }
    session.stop().await;
}

/// Writes report and picture; one that cannot be written does not keep the other from being tried.
async fn write_all(session: &Session, lab: Option<&mut LabChild>, args: &RunArgs, shown: &Shown, interruptions: &mut Interruptions) -> anyhow::Result<Ending> {
    let lines = &shown.lines;
    let (states, snapshot) = (session.report()?, session.snapshot());
    let mut is_hurried = false;
    let runs = |lab: &LabChild| lab.ended().borrow().is_none();
    let at_rest = lab.is_some();
    if let Some(lab) = lab.filter(|lab| runs(lab) && (lab.keeps_books() || args.report.is_some())) {
        lines.say("The lab comes to rest …");
        tokio::select! {
            settled = lab.settle() => if let Err(error) = settled {
                // What was seen is seen all the same.
                lines.say(&format!("{error:#}; the report may lack what was still on its way"));
            },
            () = interruptions.next() => is_hurried = true,
        }
    }
    let report = match &args.report {
        Some(path) => {
            session.command(&SourceCommand::Refresh);
            let totals = if is_hurried {
                session.report()?
            } else {
                tokio::select! {
                    totals = settled(session, at_rest) => totals?,
                    () = interruptions.next() => session.report()?,
                }
            };
            write_report(path, &merge(states, totals), lines)
        }
        None => Ok(()),
    };
    // A picture asks the engine, and what it previews is read from the brokers: so it is drawn before they end.
    let ending = args.screenshot.as_ref().map_or(Ok(Ending::Done), |path| screenshot(path, session, snapshot, args, shown));
    report.and(ending)
}

/// Prints a status line each second that has news, until the time is over, the program is interrupted, the lab has ended, or nobody
/// reads the lines of a run that has no end of its own.
async fn watch(session: &Session, lab: Option<&LabChild>, args: &RunArgs, lines: &StatusLines, interruptions: &mut Interruptions) -> anyhow::Result<()> {
    let deadline = args.run_for.map(|run_for| tokio::time::Instant::now() + run_for);
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    let mut said = lab.map(LabChild::said);
    let mut lab_ended = lab.map(LabChild::ended);
    let mut last_line = String::new();
    let mut last_sources = Vec::new();
    loop {
        tokio::select! {
            () = until(deadline) => return Ok(()),
            () = interruptions.next() => return Ok(()),
            how = ended(lab_ended.as_mut()) => {
                lines.say(&format!("The demo's lab has ended by itself ({how}), so this run ends"));
                return Ok(());
            }
            _ = interval.tick() => {}
        }
        if lines.is_closed() && deadline.is_none() {
            return Ok(());
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
                lines.say(&source_line(&source.name, source.phase, &source.detail, &source.next_step));
            }
        }
        if let Some(said) = &mut said
            && said.has_changed().unwrap_or(false)
        {
            let line = said.borrow_and_update().clone();
            lines.say(&format!("         lab · {line}"));
        }
        let line = status_line(&snapshot);
        if line != last_line {
            lines.say(&format!("{} {line}", clock(snapshot.as_of_ns)));
            last_line = line;
        }
    }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Ends when the lab does, and says how.
async fn ended(lab_ended: Option<&mut tokio::sync::watch::Receiver<Option<String>>>) -> String {
    if let Some(lab_ended) = lab_ended
        && let Ok(how) = lab_ended.wait_for(Option::is_some).await
    {
        return how.clone().unwrap_or_default();
    }
    std::future::pending().await
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

fn write_report(path: &Path, report: &Report, lines: &StatusLines) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    written::text("report", path, &text)?;
    if !written::is_standard_output(path) {
        lines.say(&format!("Report written to {}", path.display()));
    }
    Ok(())
}

fn screenshot(path: &Path, session: &Session, snapshot: Snapshot, args: &RunArgs, shown: &Shown) -> anyhow::Result<Ending> {
    use switchboard_window::{ScreenshotError, ScreenshotOptions, ThemeChoice};
    let options = ScreenshotOptions { size_px: args.size, theme: args.theme.unwrap_or(ThemeChoice::Dark), view: args.view, keys: args.keys.clone() };
    let mut source = Observed { session, snapshot, sources: Arc::clone(&shown.sources) };
    let mut no_adapter = None;
    let drawn = written::whole(path, |part| {
        // A graphics driver's error is a panic of wgpu's; the rest of the run is still to be finished.
        let drawing = std::panic::AssertUnwindSafe(|| switchboard_window::screenshot(&mut source, &shown.options, &options, part));
        match std::panic::catch_unwind(drawing) {
            Ok(Err(ScreenshotError::NoAdapter(reason))) => {
                no_adapter = Some(reason);
                anyhow::bail!("no adapter")
            }
            Ok(other) => Ok(other?),
            Err(_) => anyhow::bail!("drawing broke down (see above)"),
        }
    });
    if let Some(reason) = no_adapter {
        shown.lines.say(&format!("No screenshot: {reason}"));
        return Ok(Ending::NoAdapter);
    }
    drawn.with_context(|| format!("the screenshot could not be written to {}", path.display()))?;
    shown.lines.say(&format!("Screenshot written to {}", path.display()));
    Ok(Ending::Done)
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

    fn send(&mut self) -> Arc<SendBoard> {
        self.session.send_board()
    }

    fn ledger(&mut self, look: Option<&LedgerLook>) -> Arc<LedgerBoard> {
        let deadline = Instant::now() + ANSWERED_WITHIN;
        loop {
            let board = self.session.ledger(look);
            let is_answered = look.is_none() || board.look.as_ref() == look && board.is_counted;
            if is_answered || Instant::now() >= deadline {
                return board;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn sources(&mut self) -> Arc<SourcesBoard> {
        Arc::clone(&self.sources)
    }

    fn operations(&mut self) -> Arc<OperationsBoard> {
        self.session.operations().board()
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
    let open = snapshot.breakers.iter().filter(|breaker| breaker_refuses(breaker.state_now())).count();
    parts.push(format!("{open} breakers open"));
    let behind = snapshot.groups.iter().filter(|group| group.is_behind());
    for group in behind.take(3) {
        let lag = group.lag.map_or_else(|| "?".to_owned(), |lag| lag.to_string());
        let lag_s = group.lag_s.map(|lag_s| format!(", {lag_s:.0} s")).unwrap_or_default();
        parts.push(format!("{} {lag} behind{lag_s} ({})", group.group, group.verdict.word()));
    }
    let dead: u64 = snapshot.dead_letters.iter().map(|letters| letters.count).sum();
    parts.push(format!("{dead} dead"));
    parts.push(format!("{} items stored", snapshot.totals.stored));
    parts.join(" · ")
}

fn source_line(name: &str, phase: SourcePhase, detail: &str, next_step: &str) -> String {
    let phase = source_word(phase);
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
