//! A whole session that is told to send, and what can be seen of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_desk::ledger::{Ledger, LedgerLine};
use switchboard_desk::profile::Profile;
use switchboard_desk::send::draft::{Draft, GrpcDraft, HttpDraft, RecordDraft, Request};
use switchboard_desk::send::{Question, SchemaBoard, SchemaKey, SendAsk, SendBoard, SendCommand, Sent};
use switchboard_desk::session::Session;

const WITHIN: Duration = Duration::from_secs(30);

/// A session of a profile, with a ledger of its own.
pub struct Sending {
    pub session: Session,
    pub folder: tempfile::TempDir,
}

impl Sending {
    /// Of a profile whose text this is, but for its name and its ledger.
    pub fn start(profile: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!("name = \"send test\"\nledger = \"{}\"\n{profile}", ledger_path(folder.path()));
        let path = folder.path().join("profile.toml");
        std::fs::write(&path, text).expect("written");
        let profile = Profile::read(&path).expect("valid");
        let session = Session::start(&profile, None, 64 << 20, &tokio::runtime::Handle::current(), Box::new(|| ())).expect("a session");
        Self { session, folder }
    }

    /// Waits until the board shows this.
    pub async fn until<T>(&self, what: &str, look: impl Fn(&SendBoard) -> Option<T>) -> T {
        let deadline = Instant::now() + WITHIN;
        loop {
            let board = self.session.send_board();
            if let Some(found) = look(&board) {
                return found;
            }
            assert!(Instant::now() < deadline, "no {what}: {board:#?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Asks for something to be sent, and waits until that has shown.
    pub async fn send(&self, draft: Draft) -> Told {
        self.send_in(draft, None).await
    }

    /// The same with the variables of an environment.
    pub async fn send_in(&self, draft: Draft, environment: Option<&str>) -> Told {
        self.ask(draft, environment, false).await
    }

    /// Asks for something to be sent as a probe, and waits until that has shown.
    pub async fn probe(&self, draft: Draft) -> Told {
        self.ask(draft, None, true).await
    }

    async fn ask(&self, draft: Draft, environment: Option<&str>, is_probe: bool) -> Told {
        self.say(SendCommand::Send(SendAsk { environment: environment.map(str::to_owned), is_probe, ..asked(draft) })).await
    }

    /// Says something that is answered, and waits until that has shown.
    pub async fn say(&self, command: SendCommand) -> Told {
        if let SendCommand::Describe(grpc, _) = &command {
            return self.described(&grpc.clone(), command).await;
        }
        let (num_sent, version) = self.before();
        self.session.send(command);
        self.told(num_sent, version).await
    }

    /// Says something because of which a server is asked what its methods take, and waits until that has shown.
    pub async fn described(&self, grpc: &GrpcDraft, command: SendCommand) -> Told {
        let key = SchemaKey::of(grpc);
        let (_, version) = self.before();
        self.session.send(command);
        let look = |board: &SendBoard| {
            let known = board.schemas.get(&key);
            match (&board.asking, known) {
                _ if board.version <= version => None,
                (Some(asking), None) => Some(Told::Asks(asking.question.clone())),
                (None, Some(SchemaBoard::Failed(reason))) => Some(Told::Refused(reason.clone())),
                (None, Some(SchemaBoard::Known(_))) => Some(Told::Known),
                _ => None,
            }
        };
        self.until("word of it", look).await
    }

    /// Answers what was asked, and waits until that has shown.
    pub async fn confirm(&self, typed_name: Option<&str>) -> Told {
        let (num_sent, version) = self.before();
        self.session.send(SendCommand::Confirm { typed_name: typed_name.map(str::to_owned) });
        self.told(num_sent, version).await
    }

    fn before(&self) -> (usize, u64) {
        let board = self.session.send_board();
        (board.sent.len(), board.version)
    }

    async fn told(&self, num_sent: usize, version: u64) -> Told {
        let look = |board: &SendBoard| {
            // What shows is of before until the command is taken up, which changes the board.
            if board.version <= version {
                return None;
            }
            if let Some(asking) = &board.asking {
                return Some(Told::Asks(asking.question.clone()));
            }
            if let Some(mistake) = &board.mistake {
                return Some(Told::Mistake(mistake.field, mistake.reason.clone()));
            }
            if board.sent.len() > num_sent {
                return Some(Told::Sent(Arc::clone(&board.sent[0])));
            }
            board.refusal.clone().map(Told::Refused)
        };
        self.until("word of it", look).await
    }

    /// What was sent last, once it is known what became of it.
    pub async fn settled(&self) -> Arc<Sent> {
        self.until("end", |board| board.sent.first().filter(|sent| !sent.is_going()).cloned()).await
    }

    /// Lines of the ledger; none where there is no ledger.
    pub async fn lines(&self) -> Vec<LedgerLine> {
        lines(self.folder.path()).await
    }
}

/// Lines of the ledger of a session that has, or had, its folder here; none where there is no ledger.
pub async fn lines(folder: &Path) -> Vec<LedgerLine> {
    let path = ledger_path(folder);
    if !Path::new(&path).exists() {
        return Vec::new();
    }
    Ledger::open(Path::new(&path)).expect("a ledger").lines(10_000).await.expect("lines")
}

fn ledger_path(folder: &Path) -> String {
    folder.join("ledger.sqlite").display().to_string()
}

/// What came of asking.
#[derive(Debug)]
pub enum Told {
    Asks(Question),
    Mistake(&'static str, String),
    Refused(String),
    Sent(Arc<Sent>),
    Known,
}

/// A request that is sent once.
pub fn asked(draft: Draft) -> SendAsk {
    SendAsk { draft: Arc::new(draft), environment: None, given: BTreeMap::new(), by_hand: false, is_probe: false }
}

pub fn http(change: impl FnOnce(&mut HttpDraft)) -> Draft {
    let mut draft = HttpDraft::default();
    change(&mut draft);
    Draft { name: String::new(), request: Request::Http(draft) }
}

pub fn grpc(change: impl FnOnce(&mut GrpcDraft)) -> Draft {
    let mut draft = GrpcDraft::default();
    change(&mut draft);
    Draft { name: String::new(), request: Request::Grpc(draft) }
}

pub fn record(change: impl FnOnce(&mut RecordDraft)) -> Draft {
    let mut draft = RecordDraft::default();
    change(&mut draft);
    Draft { name: String::new(), request: Request::Record(draft) }
}
