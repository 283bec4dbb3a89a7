//! The demo's lab: a child process that a session watches like any other system. It may end by itself at any time; that is told, and it
//! can be started again.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpSocket;
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::{oneshot, watch};

use crate::cli::DemoArgs;
use switchboard_desk::lab::LabState;
use switchboard_desk::profile::Profile;

/// How long the lab may take to print its profile.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long the lab may take to drain its queues and flush its exporters.
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
/// How long the lab may take to end once it was told to.
const ENDED_WITHIN: Duration = Duration::from_secs(5);

/// The lab as a child. It ends with its standard input, so it never outlives this process.
pub struct LabChild {
    stdin: ChildStdin,
    /// The last line that the lab said, without the leading `# `.
    said: watch::Receiver<String>,
    /// How it ended, in words; `None` while it runs.
    ended: watch::Receiver<Option<String>>,
    /// Dropped or used, the lab is killed.
    kill: oneshot::Sender<()>,
    keeps_books: bool,
}

/// Ports for OTLP that nobody else gets while the lab opens its own. Nobody listens there yet.
pub struct HeldPorts {
    sockets: [TcpSocket; 2],
}

impl HeldPorts {
    /// Two that are free now.
    pub fn new() -> anyhow::Result<Self> {
        let held = || {
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            std::io::Result::Ok(socket)
        };
        Ok(Self { sockets: [held().context("no free port on loopback")?, held().context("no free port on loopback")?] })
    }

    /// Their numbers, for gRPC and for HTTP.
    pub fn numbers(&self) -> anyhow::Result<(u16, u16)> {
        let [grpc, http] = &self.sockets;
        Ok((grpc.local_addr()?.port(), http.local_addr()?.port()))
    }
}

impl LabChild {
    /// Starts the lab, at rest: no order is placed before [`LabChild::go`]. Gives the lab and the profile that it prints.
    pub async fn start(args: &DemoArgs, otlp_grpc_port: u16, otlp_http_port: u16) -> anyhow::Result<(Self, Profile)> {
        let mut child = command(args, otlp_grpc_port, otlp_http_port)?.spawn().context("the lab could not be started")?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else { bail!("the lab was started without pipes") };
        let mut lines = BufReader::new(stdout).lines();
        let read = tokio::time::timeout(READY_WITHIN, read_profile(&mut lines)).await;
        let profile = match read.context("the lab was not ready within 30 s; run `switchboard lab` to see why").flatten() {
            Ok(text) => Profile::parse(&text, "the lab's")?,
            Err(error) => {
                // Dead or hung: nothing of it is left behind.
                let _gone_already = child.kill().await;
                return Err(error);
            }
        };
        let (say, said) = watch::channel(String::new());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                say.send_replace(line.trim_start_matches("# ").to_owned());
            }
        });
        let (tell_ended, ended) = watch::channel(None);
        let (kill, killed) = oneshot::channel();
        tokio::spawn(async move {
            let status = tokio::select! {
                status = child.wait() => status,
                _ = killed => {
                    let _gone_already = child.start_kill();
                    child.wait().await
                }
            };
            tell_ended.send_replace(Some(how_it_ended(status)));
        });
        Ok((Self { stdin, said, ended, kill, keeps_books: args.books.is_some() }, profile))
    }

    /// Lets the business begin.
    pub async fn go(&mut self) -> anyhow::Result<()> {
        self.tell("go").await
    }

    /// The last thing the lab said; changes can be awaited.
    pub fn said(&self) -> watch::Receiver<String> {
        self.said.clone()
    }

    /// How it ended by itself, in words; `None` while it runs. Changes can be awaited.
    pub fn ended(&self) -> watch::Receiver<Option<String>> {
        self.ended.clone()
    }

    /// Whether it was asked to write its books.
    pub fn keeps_books(&self) -> bool {
        self.keeps_books
    }

    /// Stops the business: no new orders, queues drained as far as the faults allow, exporters flushed, books written.
    pub async fn settle(&mut self) -> anyhow::Result<()> {
        let mut said = self.said.clone();
        self.tell("stop").await?;
        tokio::time::timeout(STOPPED_WITHIN, said.wait_for(|line| line == "stopped"))
            .await
            .context("the lab did not come to rest within 30 s")?
            .context("the lab ended while it came to rest")?;
        Ok(())
    }

    /// Ends the lab.
    pub async fn quit(mut self) {
        // A lab that is gone already is what we want.
        let _gone = self.tell("quit").await;
        let Self { stdin, mut ended, kill, .. } = self;
        drop(stdin);
        if tokio::time::timeout(ENDED_WITHIN, ended.wait_for(Option::is_some)).await.is_err() {
            drop(kill);
            let _told = tokio::time::timeout(ENDED_WITHIN, ended.wait_for(Option::is_some)).await;
        }
    }

    async fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.context("the lab has ended")?;
        self.stdin.flush().await.context("the lab has ended")
    }
}

fn command(args: &DemoArgs, otlp_grpc_port: u16, otlp_http_port: u16) -> anyhow::Result<Command> {
    let program = std::env::current_exe().context("this program's own path is unknown, so the lab cannot be started")?;
    let mut command = Command::new(program);
    command.arg("lab").args(["--otlp-grpc-port", &otlp_grpc_port.to_string(), "--otlp-http-port", &otlp_http_port.to_string()]);
    command.arg("--hold").args(["--rate", &args.rate.to_string()]);
    if let Some(kafka) = &args.kafka {
        command.args(["--kafka", kafka]);
    }
    if let Some(books) = &args.books {
        command.arg("--books").arg(books);
    }
    if args.no_script {
        command.arg("--no-script");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    // Ctrl+C in a terminal goes to a whole group: the lab is to come to rest first, and to write its books.
    #[cfg(unix)]
    command.process_group(0);
    Ok(command)
}

async fn read_profile(lines: &mut tokio::io::Lines<BufReader<ChildStdout>>) -> anyhow::Result<String> {
    let mut text = String::new();
    while let Some(line) = lines.next_line().await? {
        if line == "# ready" {
            return Ok(text);
        }
        text.push_str(&line);
        text.push('\n');
    }
    bail!("the lab ended before it was ready; run `switchboard lab` to see why")
}

fn how_it_ended(status: std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Keeps the lab of a window: notices its end, and starts it again.
#[derive(Clone)]
pub struct LabDesk {
    shared: Arc<Shared>,
}

struct Shared {
    args: DemoArgs,
    /// Where OTLP goes, over gRPC and over HTTP: the same for every lab of this session.
    ports: (u16, u16),
    lab: Mutex<Option<LabChild>>,
    /// Whoever took it ends it: that is not by itself.
    is_taken: AtomicBool,
    state: Mutex<LabState>,
    runtime: tokio::runtime::Handle,
    wake: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
}

impl LabDesk {
    /// A desk for a lab that runs.
    pub fn new(args: DemoArgs, ports: (u16, u16), lab: LabChild, runtime: &tokio::runtime::Handle) -> Self {
        let shared = Shared {
            args,
            ports,
            lab: Mutex::default(),
            is_taken: AtomicBool::new(false),
            state: Mutex::default(),
            runtime: runtime.clone(),
            wake: Mutex::default(),
        };
        let desk = Self { shared: Arc::new(shared) };
        desk.keep(lab);
        desk
    }

    /// Calls `wake` after each change of the state from now on.
    pub fn on_change(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        *self.shared.wake.lock() = Some(wake);
    }

    /// How it is.
    pub fn state(&self) -> LabState {
        self.shared.state.lock().clone()
    }

    /// Takes the lab out, to be finished.
    pub fn take(&self) -> Option<LabChild> {
        self.shared.is_taken.store(true, Ordering::Release);
        self.shared.lab.lock().take()
    }

    /// Starts another lab in place of one that ended, at rest; gives the profile that it prints.
    pub(crate) async fn start_again(&self) -> anyhow::Result<Profile> {
        {
            // Asked for twice at once, only one is started.
            let mut state = self.shared.state.lock();
            anyhow::ensure!(matches!(*state, LabState::Ended(_)), "the lab has not ended");
            *state = LabState::Starting;
        }
        self.wake();
        // Its process has ended and was waited for.
        drop(self.shared.lab.lock().take());
        match LabChild::start(&self.shared.args, self.shared.ports.0, self.shared.ports.1).await {
            Ok((lab, profile)) => {
                self.put(lab);
                Ok(profile)
            }
            Err(error) => {
                self.set(LabState::Ended(format!("it could not be started again: {error:#}")));
                Err(error)
            }
        }
    }

    /// Lets the business begin.
    pub(crate) async fn go(&self) {
        let Some(mut lab) = self.shared.lab.lock().take() else { return };
        if let Err(error) = lab.go().await {
            tracing::error!(%error, "The lab cannot be told to begin.");
        }
        *self.shared.lab.lock() = Some(lab);
    }

    /// Puts another lab in the place of one that ended.
    fn put(&self, lab: LabChild) {
        // Before its end is listened for: one that dies at once is told as ended.
        self.set(LabState::Well);
        self.keep(lab);
    }

    fn keep(&self, lab: LabChild) {
        let mut ended = lab.ended();
        *self.shared.lab.lock() = Some(lab);
        let desk = self.clone();
        self.shared.runtime.spawn(async move {
            let Ok(how) = ended.wait_for(Option::is_some).await.map(|how| how.clone().unwrap_or_default()) else { return };
            if !desk.shared.is_taken.load(Ordering::Acquire) {
                tracing::error!("The demo's lab has ended by itself ({how}).");
                desk.set(LabState::Ended(how));
            }
        });
    }

    fn set(&self, state: LabState) {
        *self.shared.state.lock() = state;
        self.wake();
    }

    fn wake(&self) {
        let wake = self.shared.wake.lock().clone();
        if let Some(wake) = wake {
            wake();
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    /// A lab that runs, or that has ended in these words.
    fn lab(how_it_ended: Option<&str>) -> LabChild {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("a child");
        let stdin = child.stdin.take().expect("piped");
        let (_, said) = watch::channel(String::new());
        let (tell_ended, ended) = watch::channel(how_it_ended.map(str::to_owned));
        let (kill, killed) = oneshot::channel();
        tokio::spawn(async move {
            let _killed = killed.await;
            let _gone_already = child.kill().await;
            drop(tell_ended);
        });
        LabChild { stdin, said, ended, kill, keeps_books: false }
    }

    #[test]
    fn ports_that_are_held_are_nobody_elses() {
        let held = HeldPorts::new().expect("free ports");
        let (grpc, http) = held.numbers().expect("bound");
        let is_free = |port: u16| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        assert!(grpc != http && !is_free(grpc) && !is_free(http));
        // That nobody listens is told at once.
        let refused = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, grpc)).expect_err("nobody listens");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn a_lab_that_is_started_again_and_dies_at_once_is_told_as_ended() {
        let Some(crate::cli::Command::Demo(args)) = Cli::parse_from(["switchboard", "demo"]).command else { panic!("another command") };
        let desk = LabDesk::new(args, (0, 0), lab(None), &tokio::runtime::Handle::current());
        drop(desk.shared.lab.lock().take());
        desk.set(LabState::Starting);
        let (told, mut tells) = watch::channel(Vec::new());
        let seen = desk.clone();
        desk.on_change(Arc::new(move || told.send_modify(|all| all.push((seen.state(), seen.shared.lab.lock().is_some())))));
        desk.put(lab(Some("exit status: 1")));
        let ended = LabState::Ended("exit status: 1".to_owned());
        let all = tokio::time::timeout(READY_WITHIN, tells.wait_for(|all| all.len() == 2)).await.expect("told").expect("a desk").clone();
        assert_eq!(all, [(LabState::Well, false), (ended.clone(), true)], "it is well before its end can be heard of");
        assert_eq!(desk.state(), ended);
    }
}
