//! The desk over servers that are made up: how soon it lets go, and how much it keeps of a session.

use std::net::SocketAddr;
use std::sync::OnceLock;

use http::HeaderMap;
use switchboard_engine::view::{Query, Snapshot};
use switchboard_model::{AnswerNews, CallNews, Outcome, OutgoingCall, OutgoingRequest, PermitRefused, Receipt, Target};
use tokio::time::Instant;

use super::super::*;
use crate::ledger::{LedgerPlace, Settled};
use crate::secret::NamedSecret;
use crate::send::access::{Answering, MethodSchema, SchemaFiles, Server, Tell, TlsFiles, Untold, Waiting};
use crate::send::board::Answer;
use crate::send::draft::{Draft, GrpcDraft, HttpDraft, Request};
use crate::send::testing::{MadeUpSchema, method};

/// What a cancel may take.
const LETS_GO_WITHIN: Duration = Duration::from_millis(200);
/// On a busy machine one of so many has to be in time: what always takes longer is the desk's own.
const TRIES: usize = 8;

/// Nothing was observed.
struct Nothing;

impl Observed for Nothing {
    fn snapshot(&self) -> Snapshot {
        Snapshot::default()
    }

    fn query(&self, _query: Query) -> Answering {
        Box::pin(std::future::ready(None))
    }

    fn now_ns(&self) -> i64 {
        switchboard_model::now_ns()
    }
}

/// At what the servers never come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hangs {
    Name,
    Reflection,
    Request,
    Call,
    /// Reflection, because of what an answer holds.
    Again,
    /// The command for a request's credential.
    #[cfg(unix)]
    RequestCredential,
    /// The same of a call whose method is known already.
    #[cfg(unix)]
    CallCredential,
}

/// Servers that hang at something, and when that was let go.
struct Servers {
    at: Hangs,
    is_held: Arc<Mutex<bool>>,
    let_go: Arc<Mutex<Option<Instant>>>,
}

/// While somebody waits; dropped, it tells when.
struct Held {
    is_held: Arc<Mutex<bool>>,
    let_go: Arc<Mutex<Option<Instant>>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        *self.is_held.lock() = false;
        *self.let_go.lock() = Some(Instant::now());
    }
}

impl Servers {
    /// Waits for ever.
    fn hang<T: Send + 'static>(&self) -> Waiting<T> {
        let held = Held { is_held: Arc::clone(&self.is_held), let_go: Arc::clone(&self.let_go) };
        Box::pin(async move {
            *held.is_held.lock() = true;
            let held = held;
            std::future::pending::<()>().await;
            drop(held);
            unreachable!("it waits for ever")
        })
    }
}

impl ServerAccess for Servers {
    fn resolve(&self, origin: &Origin) -> Waiting<Result<Vec<SocketAddr>, String>> {
        if self.at == Hangs::Name { self.hang() } else { Box::pin(std::future::ready(Ok(vec![SocketAddr::from(([127, 0, 0, 1], origin.port()))]))) }
    }

    fn may_send(&self, _server: &Server, _typed_name: Option<&str>) -> Result<(), PermitRefused> {
        Ok(())
    }

    fn allow(&self, _server: &Server, _typed_name: Option<&str>) -> Result<(), PermitRefused> {
        Ok(())
    }

    fn type_name(&self, _target: &Target) -> Option<String> {
        None
    }

    fn request(&self, _: Server, _: OutgoingRequest, _: TlsFiles, _: Duration, _: Option<String>, mut tell: Tell<AnswerNews>) -> Waiting<Outcome> {
        tell(AnswerNews::Leaves);
        self.hang()
    }

    fn call(&self, _: Server, _: OutgoingCall, _: TlsFiles, messages: mpsc::Receiver<Bytes>, _: Option<String>, mut tell: Tell<CallNews>) -> Waiting<Outcome> {
        tell(CallNews::Leaves);
        if self.at == Hangs::Again {
            tell(CallNews::Message(Bytes::from_static(b"unheard.of.Type")));
        }
        let hanging = self.hang();
        Box::pin(async move {
            let _open = messages;
            hanging.await
        })
    }

    fn reflect(&self, _: Server, _: HeaderMap, types: Vec<String>, _: TlsFiles, mut tell: Tell<CallNews>) -> Waiting<Result<Arc<dyn MethodSchema>, Untold>> {
        tell(CallNews::Leaves);
        if self.at == Hangs::Reflection || self.at == Hangs::Again && !types.is_empty() {
            return self.hang();
        }
        let schema = MadeUpSchema::of(vec![method("a.B", "Get", (false, false), "a.I", "a.O"), method("a.B", "Talk", (true, true), "a.I", "a.O")]);
        Box::pin(std::future::ready(Ok(Arc::new(schema) as Arc<dyn MethodSchema>)))
    }

    fn schema_of(&self, _files: SchemaFiles) -> Result<Arc<dyn MethodSchema>, String> {
        Err("there are no files".to_owned())
    }
}

fn desk(servers: Arc<dyn ServerAccess>, folder: &std::path::Path) -> SendDesk {
    desk_with(servers, folder, Vec::new(), Box::new(|| ()))
}

fn desk_with(servers: Arc<dyn ServerAccess>, folder: &std::path::Path, secrets: Vec<NamedSecret>, on_change: Box<dyn Fn() + Send + Sync>) -> SendDesk {
    let runtime = tokio::runtime::Handle::current();
    let config = SendDeskConfig {
        ledger: LazyLedger::new(Some(LedgerPlace::own(&folder.join("ledger.sqlite")))),
        profile: "test".to_owned(),
        operator: "tester".to_owned(),
        operations: Operations::new(&runtime, Box::new(|| ())),
        observed: Arc::new(Nothing),
        clusters: ReplayClusters::default(),
        servers,
        requests: None,
        secrets,
    };
    SendDesk::start(config, &runtime, on_change)
}

fn ask(request: Request) -> SendAsk {
    let draft = Arc::new(Draft { name: String::new(), request });
    SendAsk { draft, environment: None, given: BTreeMap::new(), by_hand: false, is_probe: false }
}

async fn until(what: &str, look: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !look() {
        assert!(Instant::now() < deadline, "no {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_hangs_is_let_go_at_once_and_the_ledger_says_what_had_left() {
    for at in [Hangs::Name, Hangs::Reflection, Hangs::Request, Hangs::Call] {
        let folder = tempfile::tempdir().expect("a folder");
        let servers = Arc::new(Servers { at, is_held: Arc::default(), let_go: Arc::default() });
        let desk = desk(Arc::clone(&servers) as Arc<dyn ServerAccess>, folder.path());
        let operations = desk.office.config.operations.clone();
        let mut quickest = Duration::MAX;
        for _ in 0..TRIES {
            *servers.let_go.lock() = None;
            let request = if matches!(at, Hangs::Name | Hangs::Request) {
                Request::Http(HttpDraft { url: "http://shop.test/".to_owned(), ..HttpDraft::default() })
            } else {
                Request::Grpc(GrpcDraft { url: "http://shop.test/".to_owned(), method: "a.B/Get".to_owned(), ..GrpcDraft::default() })
            };
            desk.command(SendCommand::Send(ask(request)));
            until("word", || *servers.is_held.lock() || desk.board().asking.is_some()).await;
            if desk.board().asking.is_some() {
                desk.command(SendCommand::Confirm { typed_name: None });
            }
            until("waiting", || *servers.is_held.lock()).await;
            let cancelled = Instant::now();
            // The board comes a little later than what it shows: whatever runs is meant.
            let is_let_go = || {
                operations.board().running.iter().for_each(|running| operations.cancel(running.id));
                servers.let_go.lock().is_some()
            };
            until("end", is_let_go).await;
            let let_go = servers.let_go.lock().unwrap_or(cancelled);
            quickest = quickest.min(let_go.duration_since(cancelled));
            until("board without it", || operations.board().running.is_empty()).await;
        }
        assert!(quickest <= LETS_GO_WITHIN, "{at:?}: {quickest:?}");
        // What is written down has its outcome: nothing is left in doubt that nobody waits for.
        desk.office.config.operations.end_all().await;
        if at == Hangs::Name {
            assert!(!desk.office.config.ledger.is_there() && desk.board().sent.is_empty(), "nothing was to leave yet");
            continue;
        }
        let ledger = desk.office.config.ledger.open().await.expect("a ledger");
        let lines = ledger.lines(100).await.expect("lines");
        let cancelled: Vec<&str> = lines.iter().map(|line| line.settled.reason()).filter(|reason| !reason.is_empty()).collect();
        assert_eq!(cancelled, vec!["cancelled after it had left"; TRIES], "{at:?}: {lines:#?}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_command_for_a_credential_that_hangs_is_let_go_at_once_and_nothing_is_written_down() {
    use crate::secret::Secret;
    use crate::send::board::SchemaBoard;
    use crate::send::draft::Auth;

    for at in [Hangs::RequestCredential, Hangs::CallCredential] {
        let folder = tempfile::tempdir().expect("a folder");
        let (hangs, held) = (folder.path().join("hangs"), folder.path().join("held"));
        // It prints something until it is to hang.
        let command = format!("if [ -e '{}' ]; then : > '{}'; exec sleep 1000; fi; echo x", hangs.display(), held.display());
        let secret = NamedSecret { name: "token".to_owned(), server: "http://shop.test".to_owned(), from: Secret::Command(command) };
        let servers = Arc::new(Servers { at, is_held: Arc::default(), let_go: Arc::default() });
        let desk = desk_with(servers, folder.path(), vec![secret], Box::new(|| ()));
        let operations = desk.office.config.operations.clone();
        let (url, auth) = ("http://shop.test/".to_owned(), Auth::Bearer { secret: "token".to_owned() });
        let grpc = GrpcDraft { url: url.clone(), method: "a.B/Get".to_owned(), messages: vec!["{}".to_owned()], auth: auth.clone(), ..GrpcDraft::default() };
        let http = HttpDraft { url, auth, ..HttpDraft::default() };
        if at == Hangs::CallCredential {
            desk.command(SendCommand::Describe(Box::new(grpc.clone()), None));
            until("method", || desk.board().schemas.values().any(|schema| matches!(schema, SchemaBoard::Known(_)))).await;
            until("end", || operations.board().running.is_empty()).await;
        }
        std::fs::write(&hangs, "").expect("written");
        let mut quickest = Duration::MAX;
        for _ in 0..TRIES {
            let request = if at == Hangs::CallCredential { Request::Grpc(grpc.clone()) } else { Request::Http(http.clone()) };
            desk.command(SendCommand::Send(ask(request)));
            until("word", || held.exists() || desk.board().asking.is_some()).await;
            if desk.board().asking.is_some() {
                desk.command(SendCommand::Confirm { typed_name: None });
            }
            until("waiting", || held.exists()).await;
            until("operation", || !operations.board().running.is_empty()).await;
            let cancelled = Instant::now();
            let is_let_go = || {
                operations.board().running.iter().for_each(|running| operations.cancel(running.id));
                operations.board().running.is_empty()
            };
            until("board without it", is_let_go).await;
            quickest = quickest.min(cancelled.elapsed());
            std::fs::remove_file(&held).expect("there");
        }
        assert!(quickest <= LETS_GO_WITHIN, "{at:?}: {quickest:?}");
        desk.office.config.operations.end_all().await;
        let ledger = desk.office.config.ledger.open().await.expect("a ledger");
        let lines = ledger.lines(100).await.expect("lines");
        assert!(lines.iter().all(|line| line.call.ends_with("ServerReflectionInfo")) && desk.board().sent.is_empty(), "{at:?}: {lines:#?}");
    }
}

/// Something that was sent, with an answer of so many bytes.
fn sent(office: &Office, num_bytes: usize, is_over: bool) -> Sent {
    Sent {
        sent_id: office.next_id(),
        ask: ask(Request::Http(HttpDraft::default())),
        call: "GET /".to_owned(),
        target: "http://shop.test".to_owned(),
        num: 1,
        at_ns: 0,
        trace_id: None,
        correlation_id: None,
        settled: is_over.then_some(Settled::Tried(Outcome::Done(Receipt::Answered(200)))),
        ended_ns: None,
        is_open: false,
        answer: Answer { body: vec![0; num_bytes].into(), ..Answer::default() },
        reply: None,
        figures: None,
    }
}

#[tokio::test]
async fn what_is_kept_of_a_session_is_bounded_in_number_and_bytes_but_for_what_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let servers = Arc::new(Servers { at: Hangs::Name, is_held: Arc::default(), let_go: Arc::default() });
    let desk = desk(servers, folder.path());
    let office = &desk.office;
    let going: Vec<SentId> = (0..3)
        .map(|_| {
            let sent = sent(office, 0, false);
            let sent_id = sent.sent_id;
            office.begins(sent);
            sent_id
        })
        .collect();
    let sends = |body_bytes: usize| {
        let sent = sent(office, body_bytes, true);
        let sent_id = sent.sent_id;
        office.begins(sent);
        office.ends(sent_id, |_| ());
    };
    (0..MAX_SENT + 50).for_each(|_| sends(10));
    let board = desk.board();
    let is_kept = |sent_id: &SentId| board.sent.iter().any(|sent| sent.sent_id == *sent_id);
    assert!(going.iter().all(is_kept), "what goes on is never forgotten");
    assert_eq!((board.sent.len(), board.num_forgotten), (MAX_SENT + going.len(), 50));
    assert!(board.sent.windows(2).all(|pair| pair[0].sent_id > pair[1].sent_id), "the last one first");
    // Two thirds of the room, three times.
    (0..3).for_each(|_| sends(KEPT_BYTES_MAX / 3 * 2));
    let board = desk.board();
    let kept: usize = board.sent.iter().map(|sent| sent.answer.kept_bytes()).sum();
    assert!(kept <= KEPT_BYTES_MAX, "{kept}");
    assert_eq!(board.sent.len() as u64 + board.num_forgotten, going.len() as u64 + MAX_SENT as u64 + 50 + 3, "each is kept or counted");
    assert_eq!(board.sent.iter().filter(|sent| sent.is_going()).count(), going.len());
    assert!(!board.sent[0].answer.body.is_empty(), "the last one is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_because_of_an_answer_has_a_line_of_its_own_and_its_outcome_where_the_call_is_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let servers = Arc::new(Servers { at: Hangs::Again, is_held: Arc::default(), let_go: Arc::default() });
    let desk = desk(servers, folder.path());
    let get = GrpcDraft { url: "http://shop.test/".to_owned(), method: "a.B/Get".to_owned(), messages: vec!["{}".to_owned()], ..GrpcDraft::default() };
    desk.command(SendCommand::Send(ask(Request::Grpc(get))));
    until("question", || desk.board().asking.is_some()).await;
    desk.command(SendCommand::Confirm { typed_name: None });
    let ledger = desk.office.config.ledger.open().await.expect("a ledger");
    let lines = async || {
        let lines = ledger.lines(100).await.expect("lines");
        let mut told: Vec<(String, String)> = lines.iter().map(|line| (line.call.clone(), line.settled.reason().to_owned())).collect();
        told.sort();
        told
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    while lines().await.len() < 3 {
        assert!(Instant::now() < deadline, "it was not asked again: {:?}", desk.board());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let sent_id = desk.board().sent.first().map_or(SentId(0), |sent| sent.sent_id);
    desk.command(SendCommand::Cancel(sent_id));
    let given_up = "cancelled after it had left";
    let reflection = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let expected = [("a.B/Get", given_up), (reflection, ""), (reflection, given_up)].map(|(call, reason)| (call.to_owned(), reason.to_owned()));
    while lines().await != expected {
        assert!(Instant::now() < deadline, "{:?}", lines().await);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_shows_as_open_can_be_written_into() {
    let folder = tempfile::tempdir().expect("a folder");
    let servers = Arc::new(Servers { at: Hangs::Call, is_held: Arc::default(), let_go: Arc::default() });
    // Looked at with each change, before anything else happens.
    let (looked, of) = (Arc::new(Mutex::new(Vec::new())), Arc::new(OnceLock::<Arc<Office>>::new()));
    let (looking, its) = (Arc::clone(&looked), Arc::clone(&of));
    let look = move || {
        let Some(office) = its.get() else { return };
        let shown = Arc::clone(&office.board.lock());
        let open = office.open.lock();
        looking.lock().extend(shown.sent.iter().filter(|sent| sent.is_open).map(|sent| open.contains_key(&sent.sent_id)));
    };
    let desk = desk_with(servers, folder.path(), Vec::new(), Box::new(look));
    assert!(of.set(Arc::clone(&desk.office)).is_ok());
    let talk = GrpcDraft { url: "http://shop.test/".to_owned(), method: "a.B/Talk".to_owned(), messages: vec!["{}".to_owned()], ..GrpcDraft::default() };
    desk.command(SendCommand::Send(SendAsk { by_hand: true, ..ask(Request::Grpc(talk)) }));
    until("question", || desk.board().asking.is_some()).await;
    desk.command(SendCommand::Confirm { typed_name: None });
    let sent = || desk.board().sent.first().cloned();
    until("open stream with its message", || sent().is_some_and(|sent| sent.is_open && !sent.answer.messages.is_empty())).await;
    let sent_id = sent().map_or(SentId(0), |sent| sent.sent_id);
    desk.command(SendCommand::Message(sent_id, "{}".to_owned()));
    until("word of the message", || desk.board().by_hand.is_some()).await;
    assert_eq!(desk.board().by_hand.as_ref().map(|by_hand| by_hand.refused.clone()), Some(None));
    desk.command(SendCommand::Cancel(sent_id));
    until("end", || sent().is_some_and(|sent| sent.settled.is_some() && !sent.is_open)).await;
    let looked = looked.lock();
    assert!(!looked.is_empty() && looked.iter().all(|is_open| *is_open), "{looked:?}");
}
