//! One connection to the server: a request goes out, the head of its answer comes back.

use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor as _;
use hyper_util::rt::TokioIo;
use switchboard_model::AnswerNews;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::deadline::{Deadline, Late};
use super::request::Prepared;
use super::tasks::Tasks;
use super::watch::{Stream, Watch, Watched};

/// The most bytes of an answer's head, and of a buffer.
pub(super) const HEAD_BYTES_MAX: usize = 256 << 10;
/// The most lines of an answer's head.
pub(super) const HEAD_LINES_MAX: usize = 1_000;
/// How long a connection is kept for the next request. Servers close idle ones from 5 s on, which must not be run into.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// How long the connection may take to be ready for another request, after it had one, or to say why it ended.
const READY_WITHIN: Duration = Duration::from_millis(100);

type Answering = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

/// How requests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// An open connection. Dropped, it is closed at once, whatever is under way.
pub(super) struct Connection {
    sender: Sender,
    watch: Watch,
    /// What the connection ended with, if that was an error.
    ended: oneshot::Receiver<hyper::Error>,
    used_at: Instant,
    /// They drive the connection as long as it is there.
    _tasks: Tasks,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// Why no answer came.
pub(super) enum NoAnswer {
    /// It cannot be written as the protocol wants it, for this reason.
    Unsendable(String),
    /// It was too late.
    Late(Late),
    /// The server spoke before the request left; with the first bytes that came over the connection.
    Unasked(Vec<u8>),
    /// The connection, or the server on it, failed; with the first bytes that came over it.
    Broken(hyper::Error, Vec<u8>),
}

impl Connection {
    /// Begins to speak HTTP.
    pub async fn new(stream: Stream, protocol: Protocol) -> hyper::Result<Self> {
        let (stream, watch) = Watched::new(stream);
        let tasks = Tasks::default();
        let starter = tasks.starter();
        let (tell_ended, ended) = oneshot::channel();
        let sender = match protocol {
            Protocol::Http1 => {
                let mut builder = http1::Builder::new();
                builder.max_buf_size(HEAD_BYTES_MAX).max_header_size(HEAD_BYTES_MAX).max_headers(HEAD_LINES_MAX);
                let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
                starter.execute(told_at_end(connection, tell_ended));
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(starter.clone());
                builder.max_header_list_size(HEAD_BYTES_MAX as u32);
                let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
                starter.execute(told_at_end(connection, tell_ended));
                Sender::Http2(sender)
            }
        };
        Ok(Self { sender, watch, ended, used_at: Instant::now(), _tasks: tasks })
    }

    /// Whether another request can be sent here.
    pub async fn is_usable(&mut self) -> bool {
        self.used_at.elapsed() < IDLE_MAX && matches!(timeout(READY_WITHIN, self.ready()).await, Ok(Ok(()))) && !self.is_closed()
    }

    /// Sends a request, and waits for the head of its answer. Before its first byte is written, this tells that it leaves, and sets `has_left`.
    pub async fn send(
        &mut self,
        prepared: &Prepared,
        deadline: Deadline,
        has_left: &mut bool,
        told: &mut (dyn FnMut(AnswerNews) + Send),
    ) -> Result<Response<Incoming>, NoAnswer> {
        let request = match &self.sender {
            Sender::Http1(_) => prepared.for_http1(),
            Sender::Http2(_) => prepared.for_http2(),
        };
        let request = request.map_err(NoAnswer::Unsendable)?;
        if let Err(error) = deadline.run(self.ready()).await.map_err(NoAnswer::Late)? {
            return Err(self.broken(error).await);
        }
        self.watch.shut();
        let mut answering: Answering = match &mut self.sender {
            Sender::Http1(sender) => Box::pin(sender.send_request(request)),
            Sender::Http2(sender) => Box::pin(sender.send_request(request)),
        };
        // An error may come first, or what the server says without being asked: that is no answer to this, which has not even left.
        let first = std::future::poll_fn(|context| match answering.as_mut().poll(context) {
            Poll::Ready(answered) => Poll::Ready(Some(answered)),
            Poll::Pending => self.watch.poll_knock(context).map(|()| None),
        });
        match deadline.run(first).await.map_err(NoAnswer::Late)? {
            None => {}
            Some(Ok(_)) => return Err(NoAnswer::Unasked(self.watch.first_bytes())),
            Some(Err(error)) => return Err(self.broken(error).await),
        }
        *has_left = true;
        told(AnswerNews::Leaves);
        self.watch.open();
        match deadline.run(answering).await.map_err(NoAnswer::Late)? {
            Ok(response) => Ok(response),
            Err(error) => Err(self.broken(error).await),
        }
    }

    /// Whoever sends is sometimes told only that the connection is no longer there: why is known to the connection.
    async fn broken(&mut self, error: hyper::Error) -> NoAnswer {
        let cause = if error.is_closed() || error.is_canceled() { timeout(READY_WITHIN, &mut self.ended).await.ok().and_then(Result::ok) } else { None };
        NoAnswer::Broken(cause.unwrap_or(error), self.watch.first_bytes())
    }

    /// Says that a request is over, and the connection free for the next.
    pub fn is_done(&mut self) {
        self.used_at = Instant::now();
    }

    async fn ready(&mut self) -> hyper::Result<()> {
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await,
            Sender::Http2(sender) => sender.ready().await,
        }
    }

    fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => sender.is_closed(),
            Sender::Http2(sender) => sender.is_closed(),
        }
    }
}

async fn told_at_end(connection: impl Future<Output = hyper::Result<()>>, tell_ended: oneshot::Sender<hyper::Error>) {
    if let Err(error) = connection.await {
        // Nobody may wait for it.
        let _ = tell_ended.send(error);
    }
}
