use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use serde_json::Value;

use crate::{sink::Ports, wait_until};

/// A lab as a child process; killed when it is dropped.
pub struct Lab {
    child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<Vec<String>>>,
    folder: tempfile::TempDir,
    /// The profile it printed.
    pub profile: toml::Table,
}

fn program() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join("examples").join(format!("lab{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is built by `cargo test -p switchboard-lab`, or by `cargo build --example lab`", path.display());
    path
}

impl Lab {
    /// Starts it and waits until it is ready.
    pub async fn start(ports: &Ports, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program());
        command.args(["--otlp-grpc-port", &ports.grpc.to_string(), "--otlp-http-port", &ports.http.to_string()]);
        command.arg("--books").arg(folder.path().join("books.json")).args(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let stdout = child.stdout.take().unwrap();
        std::thread::spawn({
            let said = said.clone();
            move || BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| said.lock().push(line))
        });
        wait_until("ready", Duration::from_secs(20), || said.lock().iter().any(|line| line == "# ready")).await;
        let profile = said.lock().join("\n").parse().unwrap();
        let stdin = child.stdin.take();
        Self { child, stdin, said, folder, profile }
    }

    /// Writes one line to its standard input.
    pub fn tell(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
        stdin.flush().unwrap();
    }

    /// Stops the business and gives all that it ever said after its profile.
    pub async fn stop(&mut self) -> Vec<String> {
        self.tell("stop");
        wait_until("stopped", Duration::from_secs(24), || self.said.lock().iter().any(|line| line == "# stopped")).await;
        let said = self.said.lock();
        let ready = said.iter().position(|line| line == "# ready").unwrap();
        assert!(said[ready..].iter().all(|line| line.starts_with("# ")), "{said:?}");
        assert_eq!(said.last().map(String::as_str), Some("# stopped"));
        said[ready..].to_vec()
    }

    /// Whether it said this line.
    pub fn has_said(&self, line: &str) -> bool {
        self.said.lock().iter().any(|said| said == line)
    }

    /// What stands in its books.
    pub fn books(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.folder.path().join("books.json")).unwrap()).unwrap()
    }

    /// What it writes into its books now.
    async fn books_now(&mut self) -> Value {
        let num_written = |said: &[String]| said.iter().filter(|line| line.starts_with("# books: ")).count();
        let before = num_written(&self.said.lock());
        self.tell("books");
        wait_until("the books are written", Duration::from_secs(20), || num_written(&self.said.lock()) > before).await;
        self.books()
    }

    /// Waits until its books say so, and gives them.
    pub async fn wait_for_books(&mut self, what: &str, within: Duration, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let books = self.books_now().await;
            if is_so(&books) {
                return books;
            }
            assert!(tokio::time::Instant::now() < deadline, "{what}: not within {within:?}: {books}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Goes away, as a parent that dies does.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Whether it ends of itself, and well, within this time.
    pub async fn ends_within(&mut self, within: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            if tokio::time::Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
