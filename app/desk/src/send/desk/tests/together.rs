//! Sending at a cluster and a server of the test's own making: what goes together, and what is written down when.

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
use crate::ledger::{Ledger, LedgerLine, LedgerPlace, SettledAs};
use crate::send::access::{
    Answering, AsRead, Caps, ClusterAccess, Extents, Field, Method, MethodSchema, Queued, RecordSender, SchemaFiles, Server, ServerAccess, Tell, TlsFiles,
    Untold, Waiting,
};
use crate::send::command::SendAsk;
use crate::send::draft::{Body, Draft, GrpcDraft, HttpDraft, Payload, RecordDraft, RepeatDraft, Request};

const CLUSTER: &str = "shop";
const WITHIN: Duration = Duration::from_secs(30);

/// Cluster and server in one.
#[derive(Default)]
struct World {
    /// How much topics take.
    takes: BTreeMap<&'static str, u64>,
    /// How large a batch of several may be to each sender that was made.
    batch_limits: Mutex<Vec<Option<u64>>>,
    sent: Arc<Mutex<Vec<OutgoingRecord>>>,
    num_requests: AtomicU64,
    /// How often it was asked what its methods take.
    num_asked: AtomicU64,
    /// When the answer to a question after the first was no longer waited for, by the clock; `None` = it still is.
    given_up_ns: Arc<Mutex<Option<i64>>>,
    clock_ns: Arc<AtomicI64>,
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
        let sender: Arc<dyn RecordSender> = Arc::new(Line(Arc::clone(&self.sent)));
        Box::pin(std::future::ready(Ok(sender)))
    }
}

struct Line(Arc<Mutex<Vec<OutgoingRecord>>>);

impl RecordSender for Line {
    fn num_partitions(&self, _topic: &str) -> Waiting<Result<i32, String>> {
        Box::pin(std::future::ready(Ok(1)))
    }

    fn ends(&self, _topic: &str) -> Waiting<Result<Vec<i64>, String>> {
        Box::pin(std::future::ready(Ok(vec![0])))
    }

    fn queue(&self, record: OutgoingRecord) -> Waiting<Queued> {
        let mut sent = self.0.lock();
        sent.push(record);
        let place = Place::at(0, sent.len() as i64 - 1);
        Box::pin(std::future::ready(Queued::new(std::future::ready(Outcome::persisted(Some(place))))))
    }

    fn cancel(&self) {}
}

/// One method, and answers of a type that it does not know.
#[derive(Debug)]
struct Schema(Vec<Method>);

impl MethodSchema for Schema {
    fn methods(&self) -> &[Method] {
        &self.0
    }

    fn notes(&self) -> &[String] {
        &[]
    }

    fn knows(&self, _message: &str) -> bool {
        false
    }

    fn template(&self, _method: &str) -> Result<String, String> {
        Err("none".to_owned())
    }

    fn fields(&self, _message: &str) -> Vec<Field> {
        Vec::new()
    }

    fn types(&self) -> &[String] {
        &[]
    }

    fn any_example(&self, _message: &str) -> Option<String> {
        None
    }

    fn encode(&self, _method: &str, json: &str) -> Result<Bytes, String> {
        Ok(Bytes::copy_from_slice(json.as_bytes()))
    }

    fn decode(&self, _method: &str, _is_input: bool, _bytes: &[u8]) -> Result<AsRead<String>, String> {
        Ok(AsRead { says: "?".to_owned(), unknown_types: vec!["shop.Unheard".to_owned()] })
    }

    fn details(&self, _bytes: &[u8]) -> AsRead<Vec<(String, String)>> {
        AsRead::default()
    }
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
    fn resolve(&self, _origin: &Origin) -> Waiting<Result<Vec<std::net::SocketAddr>, String>> {
        Box::pin(std::future::ready(Ok(vec![([127, 0, 0, 1], 9).into()])))
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
        self.num_requests.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Outcome::Done(Receipt::Answered(200))))
    }

    fn call(&self, _: Server, _: OutgoingCall, _: TlsFiles, _: mpsc::Receiver<Bytes>, _: Option<String>, mut tell: Tell<CallNews>) -> Waiting<Outcome> {
        self.num_requests.fetch_add(1, Ordering::SeqCst);
        tell(CallNews::Leaves);
        tell(CallNews::Message(Bytes::from_static(b"x")));
        Box::pin(std::future::ready(Outcome::Done(Receipt::Called(0))))
    }

    /// Tells of its method, and never again of anything.
    fn reflect(&self, _: Server, _: HeaderMap, _: Vec<String>, _: TlsFiles, _: Tell<CallNews>) -> Waiting<Result<Arc<dyn MethodSchema>, Untold>> {
        if self.num_asked.fetch_add(1, Ordering::SeqCst) > 0 {
            let awaited = Awaited { clock_ns: Arc::clone(&self.clock_ns), given_up_ns: Arc::clone(&self.given_up_ns) };
            return Box::pin(async move {
                let _awaited = awaited;
                std::future::pending().await
            });
        }
        let of = |text: &str| text.to_owned();
        let method =
            Method { service: of("shop.Orders"), name: of("Place"), client_streaming: false, server_streaming: false, input: of("In"), output: of("Out") };
        let schema: Arc<dyn MethodSchema> = Arc::new(Schema(vec![method]));
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
struct Desk {
    world: Arc<World>,
    desk: SendDesk,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new(world: World) -> Self {
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

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("written");
    }

    async fn until<T>(&self, what: &str, look: impl Fn(&SendBoard) -> Option<T>) -> T {
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

    /// Sends it, whatever is asked.
    async fn send(&self, request: Request, is_probe: bool) -> Arc<Sent> {
        let draft = Arc::new(Draft { name: String::new(), request });
        self.desk.command(SendCommand::Send(SendAsk { draft, environment: None, given: BTreeMap::new(), by_hand: false, is_probe }));
        self.until("question", |board| board.asking.clone()).await;
        self.desk.command(SendCommand::Confirm { typed_name: None });
        self.until("begin", |board| board.sent.first().cloned()).await
    }

    async fn settled(&self) -> Arc<Sent> {
        self.until("end", |board| board.sent.first().filter(|sent| !sent.is_going()).cloned()).await
    }

    async fn lines(&self) -> Vec<LedgerLine> {
        let ledger = Ledger::open(&self.folder.path().join("ledger.sqlite")).expect("a ledger");
        ledger.lines(10_000).await.expect("lines")
    }

    /// When the calls of this method settled, by the clock.
    fn settled_ns(&self, call: &str) -> Vec<i64> {
        let ledger = rusqlite::Connection::open(self.folder.path().join("ledger.sqlite")).expect("a ledger");
        let mut settled = ledger.prepare("SELECT settled_ns FROM sends WHERE call = ?1 AND settled_ns IS NOT NULL").expect("its sends");
        let rows = settled.query_map([call], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("times")
    }

    /// How many lines were written down together, the most first: what shares a commit was meant at the same time.
    async fn together(&self) -> Vec<usize> {
        let mut of_time: BTreeMap<i64, usize> = BTreeMap::new();
        for line in self.lines().await {
            *of_time.entry(line.at_ns).or_default() += 1;
        }
        let mut together: Vec<usize> = of_time.into_values().collect();
        together.sort_unstable_by_key(|num| std::cmp::Reverse(*num));
        together
    }
}

fn record(change: impl FnOnce(&mut RecordDraft)) -> Request {
    let mut draft = RecordDraft { cluster: CLUSTER.to_owned(), ..RecordDraft::default() };
    change(&mut draft);
    Request::Record(draft)
}

/// Rows of which the first is short and the others are of a mebibyte.
fn rows(num: usize) -> String {
    let long = "x".repeat(1 << 20);
    let all = (0..num).map(|number| if number == 0 { "short\n" } else { long.as_str() });
    format!("text\n{}", all.collect::<Vec<&str>>().join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_records_for_several_topics_is_no_larger_than_the_one_takes_that_takes_least() {
    let takes = BTreeMap::from([("orders", 1 << 20), ("payments", 100_000), ("shipments", 500_000)]);
    let desk = Desk::new(World { takes, ..World::default() });
    desk.file("rows.csv", "to\norders\nunheard.of\nshipments\npayments\n");
    for (topic, copies, limit) in [
        ("orders", 2, Some(1 << 20)),
        ("{{row.to}}", 0, Some(100_000)),
        // Only what goes counts.
        ("{{row.to}}", 3, Some(500_000)),
        ("{{to}}", 9, Some(100_000)),
    ] {
        let num = desk.desk.board().sent.len();
        let several = record(|record| (record.topic, record.rows, record.copies, record.rate_per_s) = (topic.into(), "rows.csv".into(), copies, 1_000));
        desk.send(several, false).await;
        desk.until("its end", |board| (board.sent.len() > num && !board.sent[0].is_going()).then_some(())).await;
        assert_eq!(desk.world.batch_limits.lock().pop(), Some(limit), "{copies} to {topic}");
    }
    let topics: Vec<String> = desk.world.sent.lock().iter().skip(2).take(4).map(|record| record.channel.clone()).collect();
    assert_eq!(topics, ["orders", "unheard.of", "shipments", "payments"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_long_rows_are_written_down_and_sent_a_few_at_a_time_however_short_the_first_is() {
    let desk = Desk::new(World::default());
    desk.file("rows.csv", &rows(21));
    let long = record(|record| {
        (record.topic, record.rows, record.rate_per_s) = ("orders".into(), "rows.csv".into(), 100_000);
        record.value = Payload::Text("{{row.text}}".into());
    });
    desk.send(long, false).await;
    let sent = desk.settled().await;
    assert_eq!((sent.answer.num_persisted, desk.world.sent.lock().len()), (21, 21));
    // Of 8 MiB each, but for the last one.
    assert_eq!(desk.together().await, [9, 8, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_long_rows_are_written_down_and_sent_a_few_at_a_time_however_short_the_first_is() {
    let desk = Desk::new(World::default());
    desk.file("rows.csv", &rows(21));
    let long = HttpDraft {
        method: "POST".into(),
        url: "http://shop.test:9/orders".into(),
        body: Body::Text("{{row.text}}".into()),
        repeat: RepeatDraft { times: 0, rows: "rows.csv".into(), rate_per_s: 1_000, at_once: 4, ..RepeatDraft::default() },
        ..HttpDraft::default()
    };
    desk.send(Request::Http(long), false).await;
    desk.settled().await;
    assert_eq!((desk.world.num_requests.load(Ordering::SeqCst), desk.together().await), (21, vec![9, 8, 4]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_calls_is_written_down_before_their_answers_are_read_again() {
    for is_probe in [false, true] {
        let desk = Desk::new(World::default());
        let call = GrpcDraft {
            url: "http://shop.test:9".into(),
            method: "shop.Orders/Place".into(),
            messages: vec!["{}".into()],
            deadline_s: 60.0,
            repeat: RepeatDraft { times: 2, rate_per_s: 1_000, at_once: 2, every_s: 600.0, ..RepeatDraft::default() },
            ..GrpcDraft::default()
        };
        desk.send(Request::Grpc(call), is_probe).await;
        let num = if is_probe { 1 } else { 2 };
        // The server is asked for what the answer holds, and does not tell.
        let is_asked = || desk.world.num_asked.load(Ordering::SeqCst) == 2 && desk.world.num_requests.load(Ordering::SeqCst) == num;
        desk.until("question", |_| is_asked().then_some(())).await;
        let deadline = Instant::now() + WITHIN;
        loop {
            let mut lines = desk.lines().await;
            // What the method takes was asked before, by a call of its own.
            lines.retain(|line| line.call == "shop.Orders/Place");
            if lines.len() as u64 == num && lines.iter().all(|line| line.settled.counts_as() == SettledAs::Done) {
                break;
            }
            assert!(Instant::now() < deadline, "{lines:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // The server may not have been waited for until the ledger was read here, but it was when the calls settled.
        let given_up_ns = desk.world.given_up_ns.lock().unwrap_or(i64::MAX);
        let settled_ns = desk.settled_ns("shop.Orders/Place");
        assert_eq!(settled_ns.iter().filter(|ns| **ns < given_up_ns).count() as u64, num, "{settled_ns:?}, given up at {given_up_ns}");
    }
}
