//! Runs the built `switchboard` as a user would.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// The program as this test run built it, beside the tests themselves.
pub fn path() -> anyhow::Result<PathBuf> {
    let tests = std::env::current_exe()?;
    let folder = tests.parent().and_then(Path::parent).context("this test lies in no target folder")?;
    let program = folder.join(format!("switchboard{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        bail!("{} is missing; run `cargo test --workspace`, which builds it, or `cargo build -p switchboard`", program.display());
    }
    Ok(program)
}

/// Two ports on loopback that are free now.
pub fn free_ports() -> anyhow::Result<(u16, u16)> {
    let one = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let other = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok((one.local_addr()?.port(), other.local_addr()?.port()))
}

/// A running program whose output is kept. Killed when dropped.
pub struct Program {
    child: Child,
    output: Arc<Mutex<Vec<String>>>,
}

impl Program {
    /// Starts the program without a display.
    pub fn start(args: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(path()?)
            .args(args)
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let output = Arc::new(Mutex::new(Vec::new()));
        let pipes: [Option<Box<dyn std::io::Read + Send>>; 2] =
            [child.stdout.take().map(|pipe| Box::new(pipe) as _), child.stderr.take().map(|pipe| Box::new(pipe) as _)];
        for pipe in pipes.into_iter().flatten() {
            let output = Arc::clone(&output);
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    output.lock().expect("no writer panics").push(line);
                }
            });
        }
        Ok(Self { child, output })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it printed so far.
    pub fn output(&self) -> String {
        self.output.lock().expect("no writer panics").join("\n")
    }

    /// Waits until a line holds the text.
    pub fn wait_for_line(&mut self, text: &str, timeout: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + timeout;
        while !self.output().contains(text) {
            if let Some(status) = self.child.try_wait()? {
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
