//! A session as the window has one: it is told to send, and looks at its board whenever that has changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_desk::ledger::{Settled, SettledAs};
use switchboard_desk::profile::Profile;
use switchboard_desk::send::draft::Draft;
use switchboard_desk::send::{SendAsk, SendBoard, SendCommand, Sent};
use switchboard_desk::session::Session;

const WITHIN: Duration = Duration::from_mins(2);
/// Looked at so often also where nothing is told.
const LOOK: Duration = Duration::from_millis(20);

pub struct Desk {
    pub session: Session,
    pub runtime: tokio::runtime::Runtime,
    pub folder: tempfile::TempDir,
}

impl Desk {
    /// A session of this profile, with a ledger of its own. It tells the thread that makes it of each change.
    pub fn start(profile: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = folder.path().join("ledger.sqlite").display().to_string();
        let path = folder.path().join("profile.toml");
        std::fs::create_dir_all(folder.path().join("requests")).expect("a folder");
        std::fs::write(&path, format!("name = \"bench\"\nledger = {ledger:?}\n[otlp]\ngrpc_port = 0\nhttp_port = 0\n{profile}")).expect("written");
        let profile = Profile::read(&path).expect("valid");
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let told = std::thread::current();
        let session = Session::start(&profile, None, 64 << 20, runtime.handle(), Box::new(move || told.unpark())).expect("a session");
        Self { session, runtime, folder }
    }

    /// Looks until there is something.
    pub fn until<T>(&self, what: &str, look: impl Fn(&SendBoard) -> Option<T>) -> T {
        let deadline = Instant::now() + WITHIN;
        loop {
            let board = self.session.send_board();
            if let Some(found) = look(&board) {
                return found;
            }
            assert!(Instant::now() < deadline, "no {what}: {board:#?}");
            std::thread::park_timeout(LOOK);
        }
    }

    /// Sends it, confirms it where that is asked, and waits for its end: the time from the command (or the confirmation) until its answer shows, and
    /// until its outcome stands in the ledger.
    pub fn send(&self, draft: &Arc<Draft>) -> (Duration, Duration, Arc<Sent>) {
        let before = self.session.send_board().sent.first().map(|sent| sent.sent_id);
        let ask = SendAsk { draft: Arc::clone(draft), environment: None, given: BTreeMap::new(), by_hand: false, is_probe: false };
        let mut begun = Instant::now();
        self.session.send(SendCommand::Send(ask));
        let newest = |board: &SendBoard| board.sent.first().filter(|sent| Some(sent.sent_id) != before).cloned();
        let is_asked = self.until("word of it", |board| {
            assert!(board.mistake.is_none() && board.refusal.is_none(), "{:?} {:?}", board.mistake, board.refusal);
            if board.asking.is_some() { Some(true) } else { newest(board).map(|_| false) }
        });
        if is_asked {
            begun = Instant::now();
            self.session.send(SendCommand::Confirm { typed_name: None });
        }
        let shown = self.until("answer", |board| newest(board).filter(|sent| sent.answer.status.is_some() || sent.settled.is_some()));
        let answered = begun.elapsed();
        let sent = if shown.settled.is_some() { shown } else { self.until("end", |board| newest(board).filter(|sent| sent.settled.is_some())) };
        let settled = begun.elapsed();
        assert_eq!(sent.settled.as_ref().map(Settled::counts_as), Some(SettledAs::Done), "{sent:#?}");
        (answered, settled, sent)
    }

    pub fn stop(self) {
        self.runtime.block_on(self.session.stop());
    }
}
