//! Reads the command line and starts what it names.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser as _;
use switchboard::cli::{Cli, Command, DemoArgs, LabArgs, RunArgs, WatchArgs};
use switchboard::demo::{LabChild, free_otlp_ports};
use switchboard::headless::{self, Ending, Shown, say};
use switchboard::live::LiveSession;
use switchboard::own_log::OwnLog;
use switchboard::profile::{OtlpProfile, Profile};
use switchboard::remembered;
use switchboard::window::{SnapshotSource as _, WindowOptions, run_window};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let own_log = OwnLog::default();
    log_to(&own_log);
    // Fails only if a provider is there already, which then is the one we want.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let ending = match cli.command {
        Some(Command::Lab(args)) => lab(args),
        Some(Command::Demo(args)) => demo(&args, &own_log),
        Some(Command::Watch(args)) => watch(&args, &own_log),
        None => watch(&WatchArgs { profile: cli.watch.profile.clone().or_else(remembered::last_profile), ..cli.watch }, &own_log),
    };
    match ending {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::NoAdapter) => ExitCode::from(3),
        Err(error) => {
            eprintln!("switchboard: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What goes to the terminal is chosen by `SWITCHBOARD_LOG`; the window's log keeps more of this program, and warnings of others.
fn log_to(own_log: &OwnLog) {
    let chosen = EnvFilter::try_from_env("SWITCHBOARD_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let terminal = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(chosen);
    let window = own_log.layer().with_filter(EnvFilter::new("warn,switchboard=debug"));
    tracing_subscriber::registry().with(terminal).with(window).init();
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("switchboard-io").build().context("no threads for input and output")
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
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    Ok(Ending::Done)
}

fn demo(args: &DemoArgs, own_log: &OwnLog) -> anyhow::Result<Ending> {
    let runtime = runtime()?;
    let headless = is_headless(&args.run)?;
    let (grpc_port, http_port) = free_otlp_ports()?;
    let (mut lab, profile) = runtime.block_on(LabChild::start(args, grpc_port, http_port))?;
    let go = move |runtime: &tokio::runtime::Runtime| -> anyhow::Result<LabChild> {
        runtime.block_on(lab.go())?;
        Ok(lab)
    };
    observe(&runtime, (&profile, None), &args.run, headless, own_log, Some(go))
}

fn watch(args: &WatchArgs, own_log: &OwnLog) -> anyhow::Result<Ending> {
    let runtime = runtime()?;
    let headless = is_headless(&args.run)?;
    let mut profile = match &args.profile {
        Some(path) => {
            let profile = Profile::read(path)?;
            remembered::remember_profile(path);
            profile
        }
        None => Profile::default(),
    };
    let port = |given: Option<u16>, of_profile: u16| given.unwrap_or(of_profile);
    profile.otlp = OtlpProfile {
        grpc_port: port(args.otlp_grpc_port, profile.otlp.grpc_port),
        http_port: port(args.otlp_http_port, profile.otlp.http_port),
        ..profile.otlp
    };
    observe(&runtime, (&profile, args.profile.as_deref()), &args.run, headless, own_log, None::<fn(&tokio::runtime::Runtime) -> anyhow::Result<LabChild>>)
}

/// Observes a profile's systems, in a window or without; `go` lets the lab begin once all listens.
fn observe(
    runtime: &tokio::runtime::Runtime,
    (profile, path): (&Profile, Option<&std::path::Path>),
    args: &RunArgs,
    headless: bool,
    own_log: &OwnLog,
    go: Option<impl FnOnce(&tokio::runtime::Runtime) -> anyhow::Result<LabChild>>,
) -> anyhow::Result<Ending> {
    let mut live = LiveSession::start(profile, path, args.memory, runtime.handle())?;
    runtime.block_on(live.listening());
    let lab = go.map(|go| go(runtime)).transpose()?;
    let port = |port: u16| (port != 0).then_some(port);
    let options = WindowOptions {
        profile_name: profile.name.clone(),
        otlp_grpc_port: port(profile.otlp.grpc_port),
        otlp_http_port: port(profile.otlp.http_port),
        theme: args.theme.map(Into::into),
        links: profile.links.clone(),
        own_log: own_log.clone(),
    };
    let shown = |live: &mut LiveSession| Shown { options: options.clone(), sources: live.sources() };
    if headless {
        return runtime.block_on(headless::run(live.take()?, lab, args, &shown(&mut live)));
    }
    live.wake_with_lines_of(own_log);
    live.close_at(args.run_for.map(|run_for| Instant::now() + run_for));
    run_window(live.clone(), options.clone()).map_err(|error| anyhow::anyhow!("the window could not be opened: {error}. Try --headless"))?;
    // Closing the window ends the run; what was asked for is still written.
    runtime.block_on(headless::finish(live.take()?, lab, args, &shown(&mut live)))
}

fn is_headless(args: &RunArgs) -> anyhow::Result<bool> {
    if args.headless {
        return Ok(true);
    }
    if cfg!(target_os = "linux") && ["DISPLAY", "WAYLAND_DISPLAY"].iter().all(|name| std::env::var_os(name).is_none_or(|value| value.is_empty())) {
        say("No display (neither DISPLAY nor WAYLAND_DISPLAY is set), so this goes on without a window; Ctrl+C ends it")?;
        return Ok(true);
    }
    Ok(false)
}
