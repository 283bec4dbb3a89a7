//! Peers in other languages: started by the script of `tests/peers`, ended with their standard input.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The script that installs and starts them.
pub fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/send.sh")
}

/// A running peer.
pub struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    addresses: Value,
    folder: TempDir,
}

/// Whether this run has peers.
pub fn has_peers() -> bool {
    let has_peers = std::env::var_os("CI_PEERS").is_some();
    if !has_peers {
        eprintln!("skipped: CI_PEERS is not set (this test fetches modules of Go and packages of PyPI, and needs curl and kcat)");
    }
    has_peers
}

/// Installs what is fetched and built once; `None` where this run has no peers.
fn installed() -> Option<()> {
    if !has_peers() {
        return None;
    }
    let output = Command::new(script()).arg("install").stdin(Stdio::null()).output().expect("the script");
    assert!(output.status.success(), "the peers cannot be built:\n{}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

/// The peer in Go.
pub fn go_peer() -> Option<Peer> {
    installed()?;
    let folder = tempfile::tempdir().expect("a folder");
    Some(Peer::begin(&["go", &folder.path().display().to_string()], folder))
}

/// The peer in Python.
pub fn python_peer() -> Option<Peer> {
    installed()?;
    Some(Peer::begin(&["python"], tempfile::tempdir().expect("a folder")))
}

impl Peer {
    fn begin(args: &[&str], folder: TempDir) -> Self {
        let mut child = Command::new(script()).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the script");
        let input = child.stdin.take();
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("its addresses");
        let addresses = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { child, input, addresses, folder }
    }

    /// Where one of its servers listens, as host:port.
    pub fn address(&self, name: &str) -> &str {
        self.addresses[name].as_str().unwrap_or_else(|| panic!("no server is called {name}: {}", self.addresses))
    }

    /// Where it keeps the certificate of its authority.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends when its input does; the script has a limit of time besides.
        drop(self.input.take());
        let _ended = self.child.wait();
    }
}
