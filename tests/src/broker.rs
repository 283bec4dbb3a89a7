//! An Apache Kafka of a test's own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// A single-node Apache Kafka on loopback. Ended when dropped; its data go with their folder.
pub struct Broker {
    folder: tempfile::TempDir,
    address: String,
}

/// A script of `tests/peers`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

impl Broker {
    /// Starts one; its jars are fetched where they are not yet there.
    pub fn start() -> anyhow::Result<Self> {
        let mut broker = Self { folder: tempfile::tempdir()?, address: String::new() };
        broker.start_again()?;
        Ok(broker)
    }

    /// `host:port`, the same after every start.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Starts it on the data that it has.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        // Not through a pipe that the broker would hold open, and with a limit that the script itself keeps.
        let printed = self.folder.path().join("address");
        let output = Command::new(script("kafka.sh"))
            .arg("start")
            .arg(self.folder.path().join("kafka"))
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&printed)?)
            .status()
            .context("kafka.sh could not be run")?;
        if !output.success() {
            bail!("kafka.sh start ended with {output}");
        }
        std::fs::read_to_string(&printed)?.trim().clone_into(&mut self.address);
        Ok(())
    }

    /// Ends it in order.
    pub fn stop(&self) -> anyhow::Result<()> {
        let status = Command::new(script("kafka.sh")).arg("stop").arg(self.folder.path().join("kafka")).stdin(Stdio::null()).status()?;
        if !status.success() {
            bail!("kafka.sh stop ended with {status}");
        }
        Ok(())
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&self) -> anyhow::Result<()> {
        let pid = std::fs::read_to_string(self.folder.path().join("kafka/pid"))?;
        signal("KILL", pid.trim())?;
        self.stop()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // One that has ended already cannot be ended, which is what we want.
        let _ended = self.stop();
    }
}

/// Sends a signal to a process that the test started.
pub fn signal(name: &str, pid: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").args(["-s", name, pid]).status()?;
    if !status.success() {
        bail!("no process {pid} for SIG{name}");
    }
    Ok(())
}
