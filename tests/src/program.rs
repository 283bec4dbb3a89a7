//! Runs the built `switchboard` as a user would.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// The program as this test run built it, beside the tests themselves.
fn path() -> anyhow::Result<PathBuf> {
    let tests = std::env::current_exe()?;
    let folder = tests.parent().and_then(Path::parent).context("this test lies in no target folder")?;
    let program = folder.join(format!("switchboard{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        bail!("{} is missing; run `cargo test --workspace --release`, which builds it, or `cargo build --release`", program.display());
    }
    Ok(program)
}

/// Sends a process a signal, such as `KILL`.
pub fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status()?;
    if status.success() { Ok(()) } else { bail!("process {pid} cannot be sent {name}") }
}

/// Waits until something is so.
pub fn wait_until(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + within;
    while !is_so() {
        if Instant::now() > deadline {
            bail!("{what}: not within {within:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Looks again and again until something is there.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Two ports on loopback that are free now, below those that the system hands out by itself: no connection that begins meanwhile gets one.
pub fn free_ports() -> anyhow::Result<(u16, u16)> {
    let (one, other) = (free_port()?, free_port()?);
    Ok((one.local_addr()?.port(), other.local_addr()?.port()))
}

fn free_port() -> anyhow::Result<TcpListener> {
    const LOWEST: u16 = 10_000;
    const MOST_TRIES: usize = 100;
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let handed_out_from = range.split_ascii_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(32_768_u16);
    // Where all are handed out, one of those is as good as any.
    let Some(num_below) = handed_out_from.checked_sub(LOWEST).filter(|num_below| *num_below >= 1_000) else {
        return Ok(TcpListener::bind(("127.0.0.1", 0))?);
    };
    for _ in 0..MOST_TRIES {
        let random = RandomState::new().build_hasher().finish() % u64::from(num_below);
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", LOWEST + u16::try_from(random)?)) {
            return Ok(listener);
        }
    }
    bail!("no free port found from {LOWEST} to {handed_out_from}")
}

/// Within this time all is read that an ended program printed; a child that it left behind may hold its pipes open for longer.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// A running program whose output is kept. Killed when dropped.
pub struct Program {
    child: Child,
    output: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
    home: TempDir,
}

impl Program {
    /// Starts the program without a display, in a home of its own: what whoever runs the tests has in theirs is neither read nor written.
    pub fn start(args: &[&str]) -> anyhow::Result<Self> {
        Self::start_as(args, |_| {})
    }

    /// The same, with other surroundings.
    pub fn start_as(args: &[&str], surround: impl FnOnce(&mut Command)) -> anyhow::Result<Self> {
        Self::begin(Command::new(path()?), args, surround)
    }

    /// The same, after what a shell does first.
    pub fn start_after(first: &str, args: &[&str]) -> anyhow::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{first}; exec \"$0\" \"$@\"")]).arg(path()?);
        Self::begin(shell, args, |_| {})
    }

    fn begin(mut command: Command, args: &[&str], surround: impl FnOnce(&mut Command)) -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        command.args(args).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(name, home.path());
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        surround(&mut command);
        let mut child = command.spawn()?;
        // Its ends of pipes are the child's alone from here on.
        drop(command);
        let output = Arc::new(Mutex::new(Vec::new()));
        let pipes: [Option<Box<dyn std::io::Read + Send>>; 2] =
            [child.stdout.take().map(|pipe| Box::new(pipe) as _), child.stderr.take().map(|pipe| Box::new(pipe) as _)];
        let mut readers = Vec::new();
        for pipe in pipes.into_iter().flatten() {
            let output = Arc::clone(&output);
            readers.push(std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    output.lock().expect("no writer panics").push(line);
                }
            }));
        }
        Ok(Self { child, output, readers, home })
    }

    /// Its home, which goes with it.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        signal(self.pid(), name)
    }

    /// Ends it at once, by `SIGKILL` on Unix: nothing is closed or flushed.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill()?)
    }

    /// Its children, by their process ids; Linux only.
    pub fn children(&self) -> Vec<u32> {
        let stats = std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse::<u32>().ok()?;
            Some((pid, std::fs::read_to_string(entry.path().join("stat")).ok()?))
        });
        // The name in brackets may hold anything; state and parent come after it.
        let parent = |stat: &str| stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        stats.filter(|(_, stat)| parent(stat) == Some(self.pid())).map(|(pid, _)| pid).collect()
    }

    /// All that it printed so far.
    pub fn output(&self) -> String {
        self.output.lock().expect("no writer panics").join("\n")
    }

    /// Waits until all is read that it printed before it ended.
    fn read_out(&self) {
        let deadline = Instant::now() + READ_WITHIN;
        while !self.readers.iter().all(JoinHandle::is_finished) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Asks it to end, as Ctrl+C does.
    pub fn interrupt(&self) -> anyhow::Result<()> {
        let done = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status()?;
        if !done.success() {
            bail!("the program cannot be interrupted");
        }
        Ok(())
    }

    /// Waits until a line holds the text.
    pub fn wait_for_line(&mut self, text: &str, timeout: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + timeout;
        while !self.output().contains(text) {
            if let Some(status) = self.child.try_wait()? {
                self.read_out();
                if self.output().contains(text) {
                    return Ok(());
                }
                bail!("the program ended with {status} before it said {text:?}:\n{}", self.output());
            }
            if Instant::now() > deadline {
                bail!("the program did not say {text:?} within {timeout:?}:\n{}", self.output());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until it ends, and gives its exit code.
    pub fn wait(&mut self, timeout: Duration) -> anyhow::Result<i32> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.read_out();
                return status.code().with_context(|| format!("the program was killed: {status}:\n{}", self.output()));
            }
            if Instant::now() > deadline {
                bail!("the program did not end within {timeout:?}:\n{}", self.output());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is what we want.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Reads a JSON file.
pub fn read_json(path: &Path) -> anyhow::Result<serde_json::Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} was not written", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}
