//! An Apache Kafka of one's own, by `tests/peers/kafka.sh`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A broker that ends with this value, and its data with it. Every call panics where the script fails.
pub struct Broker {
    folder: PathBuf,
    /// Where to connect to.
    pub address: String,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/kafka.sh")
}

fn run(verb: &str, folders: &[&Path]) -> String {
    let output = Command::new(script()).arg(verb).args(folders).output().expect("kafka.sh can be run");
    assert!(output.status.success(), "kafka.sh {verb} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Broker {
    /// Starts one, and waits until it answers.
    pub fn start() -> Self {
        Self::by("start", None)
    }

    /// Starts one with a listener for TLS and SASL (see the script), whose address this is then; the file `mutual` holds that of a
    /// listener which asks for a certificate.
    pub fn secured() -> Self {
        Self::by("secured", None)
    }

    /// Starts one more broker of the cluster whose first one this is.
    #[must_use]
    pub fn joined(&self) -> Self {
        Self::by("join", Some(self))
    }

    fn by(verb: &str, first: Option<&Self>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("switchboard-kafka-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let folders: Vec<&Path> = std::iter::once(folder.as_path()).chain(first.map(|first| first.folder.as_path())).collect();
        let address = run(verb, &folders);
        Self { folder, address }
    }

    /// A file of its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Ends it in order.
    pub fn stop(&self) {
        run("stop", &[&self.folder]);
    }

    /// Ends it as a crash does.
    pub fn kill(&self) {
        run("kill", &[&self.folder]);
    }

    /// Starts it again, on the same port with the same data.
    pub fn start_again(&self) {
        assert_eq!(run("start", &[&self.folder]), self.address);
    }

    /// Sends its process a signal, such as `STOP`.
    pub fn signal(&self, signal: &str) {
        let pid = std::fs::read_to_string(self.file("pid")).expect("a pid");
        let done = Command::new("kill").args([&format!("-{signal}"), pid.trim()]).status().expect("kill can be run");
        assert!(done.success(), "signal {signal}");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // One that has ended already cannot be ended, which is what we want.
        let _ended = Command::new(script()).arg("kill").arg(&self.folder).output();
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}
