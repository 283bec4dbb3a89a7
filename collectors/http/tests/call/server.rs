//! Servers that answer byte by byte as a test says, and what is told of their answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use switchboard_http::{CallConfig, Caller};
use switchboard_model::{AnswerEnd, AnswerNews, Leave, Origin, Outcome, OutgoingRequest, Phase, SendPermit, SendRules, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How long a test may take at most.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Runs a test, and fails it where it does not end.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(DEADLINE, test).await.expect("the test ends in time") });
    runtime.shutdown_background();
}

/// A server on a free port of loopback. Dropped, it ends with all its connections.
pub struct Server {
    pub address: SocketAddr,
    num_connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts one that does this with each connection.
    pub async fn start<W>(mut answer: impl FnMut(TcpStream) -> W + Send + 'static) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let num_connections = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&num_connections);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                connections.spawn(answer(stream));
            }
        });
        Self { address, num_connections, task }
    }

    /// Starts one that reads a request, writes this, and ends the connection.
    pub async fn answers(answer: impl Into<Bytes>) -> Self {
        let answer = answer.into();
        Self::start(move |mut stream| {
            let answer = answer.clone();
            async move {
                read_head(&mut stream).await;
                // The client may have seen enough before all is written.
                let _ = stream.write_all(&answer).await;
                end(stream).await;
            }
        })
        .await
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn num_connections(&self) -> usize {
        self.num_connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads up to the end of a request's head.
pub async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Ends a connection in order: what the other side still sends is read, for it would be answered with a reset otherwise.
pub async fn end(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
}

/// A port of loopback at which nothing listens, and that nobody else is given as long as this is there.
pub struct DeadPort {
    pub address: SocketAddr,
    _bound: TcpSocket,
}

impl DeadPort {
    pub fn new() -> Self {
        let bound = TcpSocket::new_v4().expect("a socket");
        bound.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        Self { address: bound.local_addr().expect("bound"), _bound: bound }
    }
}

/// Leave to send to an address, whose host leads there.
pub fn permit(url: &str, addresses: &[SocketAddr]) -> SendPermit {
    let (origin, _) = Origin::parse(url).expect("an address");
    let target = Some(Target::Origin(origin));
    let rules = SendRules { name: "test", target, addresses, leave: Leave::Unsaid, is_unlocked: false, is_production: false, typed_name: None };
    SendPermit::from_rules(&rules).expect("loopback needs no allowing")
}

pub fn caller_with(url: &str, address: SocketAddr, config: CallConfig) -> Caller {
    Caller::new(permit(url, &[address]), config).expect("a caller")
}

pub fn caller(server: &Server) -> Caller {
    caller_with(&server.url(), server.address, CallConfig::default())
}

/// Allows so much time for the whole call.
pub fn impatient(milliseconds: u64) -> CallConfig {
    CallConfig { timeout: Some(Duration::from_millis(milliseconds)), ..CallConfig::default() }
}

pub fn get(url: &str) -> OutgoingRequest {
    request(Method::GET, url, Bytes::new())
}

pub fn request(method: Method, url: &str, body: impl Into<Bytes>) -> OutgoingRequest {
    let (origin, path) = Origin::parse(url).expect("an address");
    OutgoingRequest { origin, method, path, headers: HeaderMap::new(), body: body.into() }
}

/// What became of a call, and what was told of it.
#[derive(Debug)]
pub struct Told {
    pub outcome: Outcome,
    pub news: Vec<AnswerNews>,
}

/// Calls, and waits until it is over.
pub async fn call(caller: &Caller, request: OutgoingRequest) -> Told {
    let mut news = Vec::new();
    let outcome = caller.call(request, &mut |told| news.push(told)).await;
    let told = Told { outcome, news };
    told.check_order();
    told
}

/// Gets an address of this server with the default settings.
pub async fn get_from(server: &Server) -> Told {
    call(&caller(server), get(&server.url())).await
}

impl Told {
    /// Whatever happens, things are told in their order, and none twice.
    fn check_order(&self) {
        let place = |news: &AnswerNews| match news {
            AnswerNews::Took(Phase::Resolve, _) => panic!("nothing is looked up here"),
            AnswerNews::Took(Phase::Connect, _) => 1,
            AnswerNews::Took(Phase::Tls, _) => 2,
            AnswerNews::Leaves => 3,
            AnswerNews::Took(Phase::FirstByte, _) => 4,
            AnswerNews::Head { .. } => 5,
            AnswerNews::Body(_) => 6,
            AnswerNews::Took(Phase::Rest, _) => 7,
            AnswerNews::Ended(_) => 8,
        };
        let places: Vec<u8> = self.news.iter().map(place).collect();
        assert!(places.windows(2).all(|two| two[0] < two[1] || two == [6, 6]), "{places:?}");
        let has_ended = places.last() == Some(&8);
        assert_eq!(has_ended, matches!(self.outcome, Outcome::Done(_)), "{:?}", self.outcome);
        assert_eq!(self.has_left(), !matches!(self.outcome, Outcome::NotDone(_)), "{:?}", self.outcome);
        let longest = self.pieces().map(<[u8]>::len).max().unwrap_or_default();
        assert!(longest <= 64 << 10, "a piece of {longest} bytes");
    }

    pub fn has_left(&self) -> bool {
        self.news.iter().any(|news| matches!(news, AnswerNews::Leaves))
    }

    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.news.iter().filter_map(|news| match news {
            AnswerNews::Body(piece) => Some(&**piece),
            _ => None,
        })
    }

    pub fn body(&self) -> Vec<u8> {
        self.pieces().collect::<Vec<_>>().concat()
    }

    pub fn phases(&self) -> Vec<Phase> {
        self.news
            .iter()
            .filter_map(|news| match news {
                AnswerNews::Took(phase, _) => Some(*phase),
                _ => None,
            })
            .collect()
    }

    pub fn head(&self) -> (u16, &'static str, &HeaderMap) {
        let head = self.news.iter().find_map(|news| match news {
            AnswerNews::Head { status, version, headers } => Some((*status, *version, headers)),
            _ => None,
        });
        head.unwrap_or_else(|| panic!("no head, but {:?}", self.outcome))
    }

    pub fn end(&self) -> &AnswerEnd {
        match self.news.last() {
            Some(AnswerNews::Ended(end)) => end,
            _ => panic!("it has not ended, but {:?}", self.outcome),
        }
    }

    /// Why the body is not whole.
    pub fn cut(&self) -> &str {
        self.end().cut.as_deref().expect("the body is not whole")
    }

    #[track_caller]
    pub fn assert_possibly(&self, expected: &str) {
        let Outcome::Possibly(reason) = &self.outcome else { panic!("{:?}", self.outcome) };
        assert!(reason.contains(expected), "{reason}");
    }

    #[track_caller]
    pub fn assert_not_done(&self, expected: &str) {
        let Outcome::NotDone(reason) = &self.outcome else { panic!("{:?}", self.outcome) };
        assert!(reason.contains(expected), "{reason}");
    }
}
