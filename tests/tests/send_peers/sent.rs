//! Sends drafts by the program itself, and keeps what it told.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use switchboard_desk::profile::Profile;
use switchboard_desk::send::access::MethodSchema;
use switchboard_desk::send::draft::GrpcDraft;
use switchboard_desk::send::{SchemaBoard, SendCommand};
use switchboard_desk::session::Session;
use switchboard_tests::program::{Program, until};
use tempfile::TempDir;

/// Longer than any time-out that a draft here has, and than what may come before.
const WITHIN: Duration = Duration::from_mins(1);
/// What a session in this process may store.
const MEMORY_BYTES: usize = 64 << 20;
/// What no answer may cost, bytes: what is kept of one and a bound beyond which none is read come to far less.
pub const PEAK_BYTES_MAX: u64 = 300 << 20;

/// Drafts' folder, and what the profile says.
pub struct Desk {
    folder: TempDir,
}

/// What became of one.
#[derive(Debug)]
pub struct Sent {
    pub code: i32,
    pub said: String,
    pub took: Duration,
    /// The most memory that it had; 0 where the system does not tell.
    pub peak_bytes: u64,
}

impl Desk {
    pub fn new() -> Self {
        Self::with_secrets(&[])
    }

    /// With secrets by their names, each for one server, from the environment of [`Self::send`].
    pub fn with_secrets(secrets: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut profile = "name = \"peers\"\n[otlp]\ngrpc_port = 0\nhttp_port = 0\n".to_owned();
        for (name, server) in secrets {
            profile.push_str(&format!("[[secrets]]\nname = \"{name}\"\nserver = \"{server}\"\nfrom = {{ env = \"{}\" }}\n", variable(name)));
        }
        std::fs::write(folder.path().join("profile.toml"), profile).expect("written");
        Self { folder }
    }

    /// Where files lie that a draft names.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file that a draft names.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.folder().join(name), content).expect("written");
    }

    /// Sends a draft, as its file has it.
    #[track_caller]
    pub fn send(&self, draft: &str) -> Sent {
        self.send_with(draft, &[])
    }

    /// The same with values of secrets.
    #[track_caller]
    pub fn send_with(&self, draft: &str, secrets: &[(&str, &str)]) -> Sent {
        self.send_until(draft, secrets, || false)
    }

    /// The same, told to end (SIGTERM) once something is so.
    #[track_caller]
    pub fn send_until(&self, draft: &str, secrets: &[(&str, &str)], is_to_end: impl Fn() -> bool) -> Sent {
        let began = Instant::now();
        let path = tempfile::Builder::new().suffix(".toml").tempfile_in(self.folder()).expect("a file").into_temp_path();
        std::fs::write(&path, draft).expect("written");
        let (path, profile) = (path.display().to_string(), self.folder().join("profile.toml").display().to_string());
        let mut program = Program::start_as(&["send", &path, "--profile", &profile], |command| {
            command.envs(secrets.iter().map(|(name, value)| (variable(name), value)));
        })
        .expect("starts");
        let (mut peak_bytes, mut is_told) = (0, false);
        while program.is_running().expect("asked") && began.elapsed() < WITHIN {
            peak_bytes = peak_bytes.max(peak_rss_bytes(program.pid()).unwrap_or_default());
            if !is_told && is_to_end() {
                is_told = true;
                program.signal("TERM").expect("told to end");
            }
            std::thread::sleep(Duration::from_millis(4));
        }
        let took = began.elapsed();
        let code = program.wait(Duration::from_secs(10)).unwrap_or_else(|error| panic!("{error}\n{draft}"));
        let sent = Sent { code, said: program.output(), took, peak_bytes };
        assert!(!sent.said.contains("panicked"), "{draft}\n{sent:#?}");
        assert!(sent.peak_bytes < PEAK_BYTES_MAX, "{draft}\n{} bytes: {}", sent.peak_bytes, sent.head());
        sent
    }

    /// What a server tells of its methods, as the window asks for it.
    #[track_caller]
    pub fn described(&self, address: &str) -> Arc<dyn MethodSchema> {
        let mut profile = Profile::read(&self.folder().join("profile.toml")).expect("a profile");
        profile.ledger = Some(self.folder().join("described.sqlite"));
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let session = Session::start(&profile, None, MEMORY_BYTES, runtime.handle(), Box::new(|| {})).expect("a session");
        session.send(SendCommand::Describe(Box::new(GrpcDraft { url: format!("http://{address}"), ..GrpcDraft::default() }), None));
        let schema = until("schema", WITHIN, || match session.send_board().schemas.values().next() {
            Some(SchemaBoard::Known(schema)) => Some(Arc::clone(schema)),
            Some(SchemaBoard::Failed(reason)) => panic!("{address}: {reason}"),
            Some(SchemaBoard::Asking) | None => None,
        });
        runtime.block_on(session.stop());
        schema
    }
}

impl Sent {
    /// All that was told.
    #[track_caller]
    pub fn told(&self) -> Value {
        serde_json::from_str(&self.said).unwrap_or_else(|error| panic!("{error}: {} {}", self.code, self.head()))
    }

    /// The body, as JSON.
    #[track_caller]
    pub fn body(&self) -> Value {
        let told = self.told();
        let body = told["body"].as_str().unwrap_or_else(|| panic!("no body: {told:#}"));
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {told:#}"))
    }

    /// The server's messages, as JSON.
    #[track_caller]
    pub fn messages(&self) -> Vec<Value> {
        let told = self.told();
        let messages = told["messages"].as_array().expect("messages").iter().filter(|message| message["ours"] == false);
        messages.map(|message| serde_json::from_str(message["message"].as_str().expect("text")).unwrap_or_else(|error| panic!("{error}: {message}"))).collect()
    }

    /// Exit code and the code of HTTP or gRPC.
    #[track_caller]
    pub fn codes(&self) -> (i32, i64) {
        let told = self.told();
        let answer = &told["answer"];
        (self.code, answer["status"].as_i64().or_else(|| answer["code"].as_i64()).unwrap_or_else(|| panic!("no answer: {told:#}")))
    }

    /// The beginning of what was told.
    pub fn head(&self) -> String {
        self.said.chars().take(3_000).collect()
    }
}

/// Whether pairs hold this one.
pub fn has_pair(pairs: &Value, name: &str, value: &str) -> bool {
    pairs.as_array().is_some_and(|pairs| pairs.iter().any(|pair| pair[0].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name)) && pair[1] == value))
}

/// Bytes as the peers tell them.
pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Name of the environment's variable for a secret.
pub fn variable(secret: &str) -> String {
    secret.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_")
}

fn peak_rss_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}
