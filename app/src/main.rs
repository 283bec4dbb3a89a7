//! Reads the command line and starts what it names.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser as _;
use parking_lot::Mutex;
use switchboard::cli::{Cli, Command, DemoArgs, LabArgs, ReplayArgs, RunArgs, SendArgs, WatchArgs};
use switchboard::demo::{HeldPorts, LabChild, LabDesk};
use switchboard::folders;
use switchboard::headless::{self, Ending, Shown};
use switchboard::interruptions::Interruptions;
use switchboard::live::LiveSession;
use switchboard::remembered;
use switchboard::terminal::{LogWriter, StatusLines, Stream};
use switchboard::written;
use switchboard_desk::own_log::OwnLog;
use switchboard_desk::profile::Profile;
use switchboard_desk::sources::SourceProfile;
use switchboard_window::{SnapshotSource as _, WindowOptions, run_window};
use tokio::runtime::{Handle, Runtime};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// A window that was told to close and is not closed by then is not waited for: a hidden one may draw no more frames.
const CLOSED_WITHIN: Duration = Duration::from_secs(3);

/// What others say of themselves: the Kafka client that asks warns of each broker that is away, and the source's state says that already.
const OTHERS: &str = "warn,krafka=error";

/// Threads that have not ended by then are left behind.
const LEFT_BEHIND_AFTER: Duration = Duration::from_secs(2);

/// What the whole program needs.
struct Program {
    started: Instant,
    own_log: OwnLog,
    /// Standard error.
    errors: StatusLines,
}

fn main() -> ExitCode {
    let started = Instant::now();
    let cli = Cli::parse();
    let Ok(errors) = StatusLines::to(Stream::Err) else { return ExitCode::FAILURE };
    let program = Program { started, own_log: OwnLog::default(), errors };
    program.log();
    // Fails only if a provider is there already, which then is the one we want.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let ending = match cli.command {
        Some(Command::Lab(args)) => lab(args),
        Some(Command::Demo(args)) => program.demo(&args),
        Some(Command::Watch(args)) => program.watch(&args),
        Some(Command::Send(args)) => send(args),
        Some(Command::Replay(args)) => replay(args),
        None => program.watch(&WatchArgs { profile: cli.watch.profile.clone().or_else(remembered::last_profile), ..cli.watch }),
    };
    ExitCode::from(conclude(&program.errors, ending))
}

/// Threads for input and output; tokio itself would end the program over a number that it cannot use.
fn runtime() -> anyhow::Result<Runtime> {
    let asked = std::env::var_os("TOKIO_WORKER_THREADS");
    let num_threads =
        match &asked {
            None => std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            Some(text) => text.to_str().and_then(|text| text.trim().parse().ok()).filter(|number| (1..=1_024).contains(number)).with_context(|| {
                format!("the environment variable TOKIO_WORKER_THREADS is {}; set it to a number from 1 to 1024, or unset it", text.display())
            })?,
        };
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(num_threads).enable_all().thread_name("switchboard-io").build().context("no threads for input and output")
}

fn lab(args: LabArgs) -> anyhow::Result<Ending> {
    let config = switchboard_lab::LabConfig {
        kafka: args.kafka,
        books: args.books,
        otlp_grpc_port: args.otlp_grpc_port,
        otlp_http_port: args.otlp_http_port,
        rate: args.rate,
        script: !args.no_script,
        hold: args.hold,
        ..switchboard_lab::LabConfig::default()
    };
    let runtime = runtime()?;
    runtime.block_on(switchboard_lab::run(config))?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(Ending::Done)
}

fn send(args: SendArgs) -> anyhow::Result<Ending> {
    told(async |interruptions| switchboard::send::run(args, interruptions).await)
}

fn replay(args: ReplayArgs) -> anyhow::Result<Ending> {
    told(async |interruptions| switchboard::replay::run(args, interruptions).await)
}

/// Something that is done without a window and told of on standard output.
fn told(run: impl AsyncFnOnce(&mut Interruptions) -> anyhow::Result<Ending>) -> anyhow::Result<Ending> {
    let threads = Threads::new(runtime()?);
    let mut interruptions = Interruptions::listen(&threads.handle);
    let ending = threads.handle.block_on(run(&mut interruptions));
    threads.end();
    ending
}

impl Program {
    /// What goes to the terminal is chosen by `SWITCHBOARD_LOG`; the window's log keeps more of this program, and warnings of others.
    fn log(&self) {
        let targets = |text: &str| text.parse::<Targets>();
        let ours = targets(OTHERS).expect("our own");
        let asked = std::env::var("SWITCHBOARD_LOG").ok().filter(|text| !text.is_empty());
        let chosen = asked.and_then(|text| targets(&text).ok()).unwrap_or_else(|| ours.clone());
        let writer = LogWriter(self.errors.clone());
        // Without colours: what a terminal would obey is written out, whoever wrote it.
        let terminal = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone()).with_filter(chosen);
        let window = self.own_log.layer().with_filter(ours.with_target("switchboard", tracing::Level::DEBUG));
        tracing_subscriber::registry().with(terminal).with(window).init();
        let errors = self.errors.clone();
        std::panic::set_hook(Box::new(move |panic| {
            errors.say_all(&format!("switchboard: thread {}: {panic}", std::thread::current().name().unwrap_or("without a name")));
            let backtrace = std::backtrace::Backtrace::capture();
            if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
                errors.say_all(&backtrace.to_string());
            }
            errors.flush();
        }));
    }

    fn demo(&self, args: &DemoArgs) -> anyhow::Result<Ending> {
        let run = Run::new(self, &args.run)?;
        if let Some(path) = &args.books {
            written::check("books", path)?;
        }
        let held = HeldPorts::new()?;
        let ports = held.numbers()?;
        let mut interruptions = run.interruptions.clone();
        let (lab, profile) = run.threads.handle.block_on(async {
            tokio::select! {
                started = LabChild::start(args, ports.0, ports.1) => started,
                () = interruptions.next() => anyhow::bail!("told to end before the lab was ready"),
            }
        })?;
        run.observe(&profile, None, Some((lab, args, held)))
    }

    fn watch(&self, args: &WatchArgs) -> anyhow::Result<Ending> {
        let run = Run::new(self, &args.run)?;
        let mut profile = match &args.profile {
            Some(path) => {
                let profile = Profile::read(path)?;
                remembered::remember_profile(path);
                profile
            }
            None => Profile::default(),
        };
        for source in &mut profile.sources {
            if let SourceProfile::Otlp(otlp) = source {
                otlp.grpc_port = args.otlp_grpc_port.unwrap_or(otlp.grpc_port);
                otlp.http_port = args.otlp_http_port.unwrap_or(otlp.http_port);
            }
        }
        run.observe(&profile, args.profile.as_deref(), None)
    }
}

/// Where OTLP is listened for, over gRPC and over HTTP; `None` = not at all.
fn otlp_ports(profile: &Profile) -> (Option<u16>, Option<u16>) {
    let port = |port: u16| (port != 0).then_some(port);
    let ports = |source: &SourceProfile| if let SourceProfile::Otlp(otlp) = source { Some((port(otlp.grpc_port), port(otlp.http_port))) } else { None };
    profile.sources.iter().find_map(ports).unwrap_or_default()
}

/// The threads for input and output, until somebody ends them.
#[derive(Clone)]
struct Threads {
    handle: Handle,
    runtime: Arc<Mutex<Option<Runtime>>>,
}

impl Threads {
    fn new(runtime: Runtime) -> Self {
        Self { handle: runtime.handle().clone(), runtime: Arc::new(Mutex::new(Some(runtime))) }
    }

    /// Ends what runs on them, and with it the commands that it asked. Not to be called on one of them.
    fn end(&self) {
        let runtime = self.runtime.lock().take();
        if let Some(runtime) = runtime {
            // A disk that does not answer may hold a thread for ever.
            runtime.shutdown_timeout(LEFT_BEHIND_AFTER);
        }
    }
}

/// One run of a session.
struct Run<'a> {
    program: &'a Program,
    args: &'a RunArgs,
    threads: Threads,
    interruptions: Interruptions,
    lines: StatusLines,
    headless: bool,
}

impl<'a> Run<'a> {
    /// Looks whether what was asked for can be had.
    fn new(program: &'a Program, args: &'a RunArgs) -> anyhow::Result<Self> {
        let threads = Threads::new(runtime()?);
        let interruptions = Interruptions::listen(&threads.handle);
        headless::check_outputs(args)?;
        // Standard output is the report's, where it was asked for there.
        let lines = if args.report.as_deref().is_some_and(written::is_standard_output) { program.errors.clone() } else { StatusLines::to(Stream::Out)? };
        let headless = is_headless(args, &lines);
        Ok(Self { program, args, threads, interruptions, lines, headless })
    }

    /// Observes a profile's systems, in a window or without; the lab begins once all listens.
    fn observe(mut self, profile: &Profile, path: Option<&Path>, lab: Option<(LabChild, &DemoArgs, HeldPorts)>) -> anyhow::Result<Ending> {
        let lab = match lab {
            Some((lab, args, held)) => {
                let ports = held.numbers()?;
                // From here on the session listens there.
                drop(held);
                Some((lab, args, ports))
            }
            None => None,
        };
        let mut live = LiveSession::start(profile, path, folders::data(), self.args.memory, &self.threads.handle)?;
        let desk = self.threads.handle.block_on(async {
            let Some((mut lab, args, ports)) = lab else { return Ok(None) };
            live.listening().await;
            lab.go().await?;
            anyhow::Ok(Some(LabDesk::new(args.clone(), ports, lab, &Handle::current())))
        })?;
        let (otlp_grpc_port, otlp_http_port) = otlp_ports(profile);
        let options = WindowOptions {
            profile_name: profile.name.clone(),
            otlp_grpc_port,
            otlp_http_port,
            theme: self.args.theme,
            links: profile.links.clone(),
            own_log: self.program.own_log.clone(),
        };
        let ending = if self.headless {
            let shown = Shown { options, sources: live.sources(), lines: self.lines.clone() };
            let lab = desk.and_then(|desk| desk.take());
            self.threads.handle.block_on(headless::run(live.take()?, lab, self.args, &shown, &mut self.interruptions))
        } else {
            if let Some(desk) = &desk {
                live.keep_lab(desk.clone());
            }
            self.in_window(&live, desk, options)
        };
        self.lines.flush();
        self.threads.end();
        ending
    }

    /// Shows a window until it is closed or the program is told to end. Either way the run is finished once, and what was asked for is
    /// written, even where the window broke down.
    fn in_window(&self, live: &LiveSession, lab: Option<LabDesk>, options: WindowOptions) -> anyhow::Result<Ending> {
        live.wake_with_lines_of(&self.program.own_log);
        let close_at = self.args.run_for.map(|run_for| Instant::now() + run_for);
        live.close_at(close_at);
        let finish = Finish {
            live: live.clone(),
            close_at,
            lab,
            args: self.args.clone(),
            options: options.clone(),
            lines: self.lines.clone(),
            interruptions: self.interruptions.clone(),
        };
        let is_finishing = Arc::new(AtomicBool::new(false));
        self.threads.handle.spawn(finish.clone().once_told(Arc::clone(&is_finishing), self.threads.clone(), self.program.errors.clone()));
        remembered::keep_settings();
        let closed = std::panic::catch_unwind(AssertUnwindSafe(|| run_window(live.clone(), options, self.program.started)));
        remembered::check_settings();
        if is_finishing.swap(true, Ordering::AcqRel) {
            // The program ends with what `once_told` does.
            loop {
                std::thread::park();
            }
        }
        let broken = match closed {
            Ok(Ok(())) => None,
            Ok(Err(error)) if live.was_shown() => {
                Some(anyhow::anyhow!("the window was lost: {error}. What was asked for is written; start again, or with --headless"))
            }
            Ok(Err(error)) => anyhow::bail!("the window could not be opened: {error}. Try --headless"),
            Err(_) => Some(anyhow::anyhow!("the window broke down (see above). What was asked for is written; start again, or with --headless")),
        };
        let ending = self.threads.handle.block_on(finish.run());
        broken.map_or(ending, Err)
    }
}

/// How the run of a window is finished.
#[derive(Clone)]
struct Finish {
    live: LiveSession,
    /// When its time is over.
    close_at: Option<Instant>,
    lab: Option<LabDesk>,
    args: RunArgs,
    options: WindowOptions,
    lines: StatusLines,
    interruptions: Interruptions,
}

impl Finish {
    async fn run(mut self) -> anyhow::Result<Ending> {
        self.interruptions.forget();
        let shown = Shown { options: self.options, sources: self.live.sources(), lines: self.lines };
        let lab = self.lab.and_then(|lab| lab.take());
        headless::finish(self.live.take()?, lab, &self.args, &shown, &mut self.interruptions).await
    }

    /// Closes the window when the program is told to end or its time is over, and finishes the run itself where that takes too long.
    async fn once_told(mut self, is_finishing: Arc<AtomicBool>, threads: Threads, errors: StatusLines) {
        self.interruptions.next_until(self.close_at).await;
        self.live.close_at(Some(Instant::now()));
        tokio::time::sleep(CLOSED_WITHIN).await;
        if is_finishing.swap(true, Ordering::AcqRel) {
            return;
        }
        // Drawing a picture blocks, and the other threads are ended, so this has a thread of its own.
        std::thread::spawn(move || {
            let lines = self.lines.clone();
            let finished = std::panic::catch_unwind(AssertUnwindSafe(|| threads.handle.block_on(self.run())));
            lines.flush();
            threads.end();
            let code = conclude(&errors, finished.unwrap_or_else(|_| Err(anyhow::anyhow!("the run could not be finished (see above)"))));
            std::process::exit(code.into());
        });
    }
}

/// The exit code; an error is the program's last word.
fn conclude(errors: &StatusLines, ending: anyhow::Result<Ending>) -> u8 {
    let code = match ending {
        Ok(Ending::Done) => 0,
        Ok(Ending::NoAdapter) => 3,
        Ok(Ending::NotSent) => 1,
        Ok(Ending::Failed) => 4,
        Ok(Ending::Possibly) => 5,
        Err(error) => {
            errors.say_all(&format!("switchboard: {error:#}"));
            1
        }
    };
    errors.flush();
    code
}

fn is_headless(args: &RunArgs, lines: &StatusLines) -> bool {
    if args.headless {
        return true;
    }
    if cfg!(target_os = "linux") && ["DISPLAY", "WAYLAND_DISPLAY"].iter().all(|name| std::env::var_os(name).is_none_or(|value| value.is_empty())) {
        lines.say("No display (neither DISPLAY nor WAYLAND_DISPLAY is set), so this goes on without a window; Ctrl+C ends it");
        return true;
    }
    false
}
