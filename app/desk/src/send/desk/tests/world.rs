//! A cluster and a server of the tests' own making, and a desk on them.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::AtomicI64;
use std::time::Instant;

use http::HeaderMap;
use switchboard_engine::view::{Query, Snapshot};
use switchboard_model::{
    AnswerNews, CallNews, OperationFailure, OriginalRecord, Outcome, OutgoingCall, OutgoingRecord, OutgoingRequest, PermitRefused, Place, Receipt, SeenRecord,
    Skipped, Target,
};

use super::super::*;
use crate::ledger::{Ledger, LedgerLine, LedgerPlace};
use crate::send::access::{
    Answering, Caps, ClusterAccess, Extents, MethodSchema, Queued, RecordSender, SchemaFiles, Server, ServerAccess, Tell, TlsFiles, Untold, Waiting,
};
use crate::send::command::SendAsk;
use crate::send::draft::{Draft, RecordDraft, Request};
use crate::send::testing::{MadeUpSchema, method};

const CLUSTER: &str = "shop";
/// What is waited for comes within this, however busy the machine is.
pub(super) const WITHIN: Duration = Duration::from_secs(30);

/// Cluster and server in one.
#[derive(Default)]
pub(super) struct World {
    /// Where names of servers lead; nowhere in particular on this machine where it is left out.
    pub addresses: Vec<SocketAddr>,
    /// Whether names of servers lead elsewhere each time they are looked up.
    pub moves: bool,
    pub num_resolved: AtomicU64,
    /// Who was called, and who was asked for types, each time.
    pub called: Mutex<Vec<Server>>,
    pub asked: Mutex<Vec<Server>>,
    /// How much topics take.
    pub takes: BTreeMap<&'static str, u64>,
    /// How large a batch of several may be to each sender that was made.
    pub batch_limits: Mutex<Vec<Option<u64>>>,
    pub sent: Arc<Mutex<Vec<OutgoingRecord>>>,
    pub num_requests: AtomicU64,
    /// How often it was asked what its methods take.
    pub num_asked: AtomicU64,
    /// When the answer to a question for a type was no longer waited for, by the clock; `None` = it still is.
    pub given_up_ns: Arc<Mutex<Option<i64>>>,
    pub clock_ns: Arc<AtomicI64>,
    /// Whether a call is answered with what holds a type that nobody knows.
    pub has_unheard: bool,
    /// When each record, request and call came.
    pub came: Arc<Mutex<Vec<Instant>>>,
}

impl ClusterAccess for World {
    fn read(&self, _seen: Vec<SeenRecord>) -> Waiting<Vec<Result<OriginalRecord, Skipped>>> {
        panic!("nothing is read")
    }

    fn extent(&self, _channel: &str, _partition: i32) -> Waiting<Result<Range<i64>, OperationFailure>> {
        panic!("nothing is read")
    }

    fn extents(&self, _channel: &str, _times_ms: Range<i64>) -> Waiting<Result<Extents, OperationFailure>> {
        panic!("nothing is read")
    }

    fn may_write(&self, _cluster_id: Option<&str>, _typed_name: Option<&str>) -> Result<(), PermitRefused> {
        Ok(())
    }

    fn allow(&self, _cluster_id: Option<&str>, _typed_name: Option<&str>) -> Result<(), PermitRefused> {
        Ok(())
    }

    fn asks_for_name(&self) -> bool {
        false
    }

    fn is_production(&self) -> bool {
        false
    }

    fn caps(&self) -> Caps {
        Caps::default()
    }

    fn size_limit(&self, channel: &str) -> Waiting<Result<u64, String>> {
        let told = self.takes.get(channel).copied().ok_or_else(|| "nobody told".to_owned());
        Box::pin(std::future::ready(told))
    }

    fn size_there(&self, record: &OutgoingRecord) -> u64 {
        record.size_bytes() as u64
    }

    fn connect(&self, _cluster_id: Option<String>, _typed_name: Option<String>, size_limit: Option<u64>) -> Waiting<Result<Arc<dyn RecordSender>, String>> {
        self.batch_limits.lock().push(size_limit);
        let sender: Arc<dyn RecordSender> = Arc::new(Line { sent: Arc::clone(&self.sent), came: Arc::clone(&self.came) });
        Box::pin(std::future::ready(Ok(sender)))
    }
}

/// Takes records in their order.
struct Line {
    sent: Arc<Mutex<Vec<OutgoingRecord>>>,
    came: Arc<Mutex<Vec<Instant>>>,
}

impl RecordSender for Line {
    fn num_partitions(&self, _topic: &str) -> Waiting<Result<i32, String>> {
        Box::pin(std::future::ready(Ok(1)))
    }

    fn ends(&self, _topic: &str) -> Waiting<Result<Vec<i64>, String>> {
        Box::pin(std::future::ready(Ok(vec![0])))
    }

    fn queue(&self, record: OutgoingRecord) -> Waiting<Queued> {
        self.came.lock().push(Instant::now());
        let mut sent = self.sent.lock();
        sent.push(record);
        let place = Place::at(0, sent.len() as i64 - 1);
        Box::pin(std::future::ready(Queued::new(std::future::ready(Outcome::persisted(Some(place))))))
    }

    fn cancel(&self) {}
}

/// Somebody waits for an answer; dropped, it notes when.
struct Awaited {
    clock_ns: Arc<AtomicI64>,
    given_up_ns: Arc<Mutex<Option<i64>>>,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.given_up_ns.lock().get_or_insert_with(|| self.clock_ns.load(Ordering::SeqCst));
    }
}

impl ServerAccess for World {
    fn resolve(&self, _origin: &Origin) -> Waiting<Result<Vec<SocketAddr>, String>> {
        let num_resolved = self.num_resolved.fetch_add(1, Ordering::SeqCst);
        if self.moves {
            return Box::pin(std::future::ready(Ok(vec![([127, 0, 0, 1], 1_000 + num_resolved as u16).into()])));
        }
        let addresses = if self.addresses.is_empty() { vec![([127, 0, 0, 1], 9).into()] } else { self.addresses.clone() };
        Box::pin(std::future::ready(Ok(addresses)))
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

    fn request(&self, _: Server, _: OutgoingRequest, _: TlsFiles, _: Duration, _: Option<String>, _: Tell<AnswerNews>) -> Waiting<Outcome> {
        self.came.lock().push(Instant::now());
        self.num_requests.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Outcome::Done(Receipt::Answered(200))))
    }

    fn call(&self, server: Server, _: OutgoingCall, _: TlsFiles, _: mpsc::Receiver<Bytes>, _: Option<String>, mut tell: Tell<CallNews>) -> Waiting<Outcome> {
        self.came.lock().push(Instant::now());
        self.num_requests.fetch_add(1, Ordering::SeqCst);
        self.called.lock().push(server);
        tell(CallNews::Leaves);
        if self.has_unheard {
            tell(CallNews::Message(Bytes::from_static(b"shop.Unheard")));
        }
        Box::pin(std::future::ready(Outcome::Done(Receipt::Called(0))))
    }

    /// Tells of its method, and never of a type that it is asked for.
    fn reflect(&self, server: Server, _: HeaderMap, types: Vec<String>, _: TlsFiles, _: Tell<CallNews>) -> Waiting<Result<Arc<dyn MethodSchema>, Untold>> {
        self.num_asked.fetch_add(1, Ordering::SeqCst);
        if !types.is_empty() {
            self.asked.lock().push(server);
            let awaited = Awaited { clock_ns: Arc::clone(&self.clock_ns), given_up_ns: Arc::clone(&self.given_up_ns) };
            return Box::pin(async move {
                let _awaited = awaited;
                std::future::pending().await
            });
        }
        let schema: Arc<dyn MethodSchema> = Arc::new(MadeUpSchema::of(vec![method("shop.Orders", "Place", (false, false), "In", "Out")]));
        Box::pin(std::future::ready(Ok(schema)))
    }

    fn schema_of(&self, _files: SchemaFiles) -> Result<Arc<dyn MethodSchema>, String> {
        Err("there are none".to_owned())
    }
}

/// Its clock is another each time it is looked at.
struct Eyes(Arc<World>);

impl Observed for Eyes {
    fn snapshot(&self) -> Snapshot {
        Snapshot::default()
    }

    fn query(&self, _query: Query) -> Answering {
        Box::pin(std::future::ready(None))
    }

    fn now_ns(&self) -> i64 {
        self.0.clock_ns.fetch_add(1, Ordering::SeqCst)
    }
}

/// A desk on a world, with its ledger and its requests in a folder that goes with it.
pub(super) struct Desk {
    pub world: Arc<World>,
    pub desk: SendDesk,
    folder: tempfile::TempDir,
}

impl Desk {
    pub fn new(world: World) -> Self {
        let (world, folder) = (Arc::new(world), tempfile::tempdir().expect("a folder"));
        let clusters = ReplayClusters::default();
        clusters.add(CLUSTER, Arc::clone(&world) as Arc<dyn ClusterAccess>);
        let runtime = tokio::runtime::Handle::current();
        let config = SendDeskConfig {
            ledger: LazyLedger::new(Some(LedgerPlace::own(&folder.path().join("ledger.sqlite")))),
            profile: "shop".into(),
            operator: "ada".into(),
            operations: Operations::new(&runtime, Box::new(|| {})),
            observed: Arc::new(Eyes(Arc::clone(&world))),
            clusters,
            servers: Arc::clone(&world) as Arc<dyn ServerAccess>,
            requests: Some(folder.path().to_owned()),
            secrets: Vec::new(),
        };
        Self { world, desk: SendDesk::start(config, &runtime, Box::new(|| {})), folder }
    }

    pub fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    pub async fn until<T>(&self, what: &str, look: impl Fn(&SendBoard) -> Option<T>) -> T {
        let deadline = Instant::now() + WITHIN;
        loop {
            let board = self.desk.board();
            if let Some(found) = look(&board) {
                return found;
            }
            assert!(Instant::now() < deadline, "no {what}: {:?} {:?}", board.mistake, board.refusal);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Asks for it to be sent.
    pub fn ask(&self, request: Request, is_probe: bool) {
        let draft = Arc::new(Draft { name: String::new(), request });
        self.desk.command(SendCommand::Send(SendAsk { draft, environment: None, given: BTreeMap::new(), by_hand: false, is_probe }));
    }

    /// Sends it, whatever is asked.
    pub async fn send(&self, request: Request, is_probe: bool) -> Arc<Sent> {
        self.ask(request, is_probe);
        self.until("question", |board| board.asking.clone()).await;
        self.desk.command(SendCommand::Confirm { typed_name: None });
        self.until("begin", |board| board.sent.first().cloned()).await
    }

    pub async fn settled(&self) -> Arc<Sent> {
        self.until("end", |board| board.sent.first().filter(|sent| !sent.is_going()).cloned()).await
    }

    pub async fn lines(&self) -> Vec<LedgerLine> {
        let ledger = Ledger::open(&self.folder.path().join("ledger.sqlite")).expect("a ledger");
        ledger.lines(10_000).await.expect("lines")
    }

    /// When the calls of this method settled, by the clock.
    pub fn settled_ns(&self, call: &str) -> Vec<i64> {
        let ledger = rusqlite::Connection::open(self.folder.path().join("ledger.sqlite")).expect("a ledger");
        let mut settled = ledger.prepare("SELECT settled_ns FROM sends WHERE call = ?1 AND settled_ns IS NOT NULL").expect("its sends");
        let rows = settled.query_map([call], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("times")
    }

    /// How many lines were written down together, the most first: what shares a commit was meant at the same time.
    pub async fn together(&self) -> Vec<usize> {
        let mut of_time: BTreeMap<i64, usize> = BTreeMap::new();
        for line in self.lines().await {
            *of_time.entry(line.at_ns).or_default() += 1;
        }
        let mut together: Vec<usize> = of_time.into_values().collect();
        together.sort_unstable_by_key(|num| std::cmp::Reverse(*num));
        together
    }
}

/// A record for the cluster.
pub(super) fn record(change: impl FnOnce(&mut RecordDraft)) -> Request {
    let mut draft = RecordDraft { cluster: CLUSTER.to_owned(), ..RecordDraft::default() };
    change(&mut draft);
    Request::Record(draft)
}
