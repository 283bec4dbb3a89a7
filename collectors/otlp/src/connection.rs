//! One connection: HTTP/1.1 or HTTP/2, watched for senders that begin and do not go on.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior};

use crate::config::Limits;
use crate::peers::Place;
use crate::service::Service;
use crate::stopping::Stopping;

/// Bytes of a request's head.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Streams of a connection at a time.
const MAX_STREAMS: u32 = 100;
/// Bytes that a stream may send ahead of its reader, and a connection all in all.
const WINDOW_BYTES: (u32, u32) = (512 << 10, 1 << 20);
/// Time for requests to end when the source is closed.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What a connection does, for those who watch it.
pub(crate) struct Activity {
    began: Instant,
    /// Requests in work.
    num_active: AtomicUsize,
    num_requests: AtomicU64,
    /// When the last request ended, ms since `began`.
    idle_since_ms: AtomicU64,
    /// When the first byte of a head came that is not whole yet, ms since `began` + 1; 0 = none.
    head_since_ms: AtomicU64,
    is_http2: AtomicBool,
    /// Whether the first byte is that of a TLS handshake.
    is_tls: AtomicBool,
    num_read: AtomicU64,
}

/// What the watcher thinks of a connection.
#[derive(Debug, PartialEq, Eq)]
enum Patience {
    Goes,
    /// Nothing to do for long: it is told to end.
    Idle,
    /// It keeps us waiting for a head: it is cut.
    SlowHead,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            began: Instant::now(),
            num_active: AtomicUsize::new(0),
            num_requests: AtomicU64::new(0),
            idle_since_ms: AtomicU64::new(0),
            head_since_ms: AtomicU64::new(0),
            is_http2: AtomicBool::new(false),
            is_tls: AtomicBool::new(false),
            num_read: AtomicU64::new(0),
        }
    }

    fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn bytes_came(&self, bytes: &[u8]) {
        if self.num_read.fetch_add(bytes.len() as u64, Ordering::Relaxed) == 0 {
            self.is_http2.store(bytes.starts_with(b"PRI"), Ordering::Relaxed);
            self.is_tls.store(bytes.starts_with(&[0x16, 0x03]), Ordering::Relaxed);
        }
        if self.num_active.load(Ordering::Relaxed) == 0 && self.head_since_ms.load(Ordering::Relaxed) == 0 {
            self.head_since_ms.store(self.now_ms() + 1, Ordering::Relaxed);
        }
    }

    pub(crate) fn request_began(&self) {
        self.num_active.fetch_add(1, Ordering::Relaxed);
        self.num_requests.fetch_add(1, Ordering::Relaxed);
        self.head_since_ms.store(0, Ordering::Relaxed);
    }

    pub(crate) fn request_ended(&self) {
        self.idle_since_ms.store(self.now_ms(), Ordering::Relaxed);
        self.head_since_ms.store(0, Ordering::Relaxed);
        self.num_active.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether it has sent no request yet.
    pub(crate) fn is_silent(&self) -> bool {
        self.num_requests.load(Ordering::Relaxed) == 0
    }

    /// Whether no request is in work.
    pub(crate) fn is_idle(&self) -> bool {
        self.num_active.load(Ordering::Relaxed) == 0
    }

    fn patience(&self, limits: &Limits) -> Patience {
        if self.num_active.load(Ordering::Relaxed) > 0 {
            return Patience::Goes;
        }
        let since = |ms: u64| Duration::from_millis(self.now_ms().saturating_sub(ms));
        let head_since = self.head_since_ms.load(Ordering::Relaxed);
        let is_http2 = self.is_http2.load(Ordering::Relaxed);
        if !is_http2 && head_since > 0 {
            // It is not silent, however late it began.
            return if since(head_since - 1) > limits.head { Patience::SlowHead } else { Patience::Goes };
        }
        let idle = since(self.idle_since_ms.load(Ordering::Relaxed));
        // Until the first request all that comes is a promise: a preface of HTTP/2, its settings and pings too.
        if self.is_silent() && idle > limits.head || idle > limits.idle { Patience::Idle } else { Patience::Goes }
    }
}

/// A stream that tells its activity what comes in.
struct Watched {
    stream: TcpStream,
    activity: Arc<Activity>,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let came = &buf.filled()[before..];
        if !came.is_empty() {
            self.activity.bytes_came(came);
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Ends its request in the activity also where the request's future is dropped.
struct InWork(Arc<Activity>);

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.request_ended();
    }
}

/// Serves a connection until it ends, is cut, or the source is closed.
pub(crate) async fn serve(stream: TcpStream, peer: SocketAddr, local: IpAddr, service: Arc<Service>, place: Place, mut stopping: Stopping) {
    let activity = Arc::clone(&place.activity);
    let io = TokioIo::new(Watched { stream, activity: Arc::clone(&activity) });
    let answer = {
        let (service, activity) = (Arc::clone(&service), Arc::clone(&activity));
        service_fn(move |request: http::Request<Incoming>| {
            let service = Arc::clone(&service);
            activity.request_began();
            let in_work = InWork(Arc::clone(&activity));
            async move {
                let response = service.answer(peer, local, request).await;
                drop(in_work);
                Ok::<_, std::convert::Infallible>(response)
            }
        })
    };
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(WINDOW_BYTES.0)
        .initial_connection_window_size(WINDOW_BYTES.1);
    let mut connection = pin!(builder.serve_connection(io, answer));
    let limits = &service.limits;
    let mut look = tokio::time::interval((limits.head / 2).max(Duration::from_millis(10)));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    refuse_what_is_not_http(error.as_ref(), &activity, peer, &service);
                }
                return;
            }
            () = stopping.told() => break,
            () = place.gives_way.notified() => return,
            _ = look.tick() => match activity.patience(limits) {
                Patience::Goes => {}
                Patience::Idle => break,
                Patience::SlowHead => {
                    service.refusals.connection(peer.ip().to_string(), "slow head", "Look at the sender: it began a request and did not go on");
                    return;
                }
            },
        }
    }
    connection.as_mut().graceful_shutdown();
    // Whatever has not ended by then is cut.
    tokio::time::timeout(LAST_WORDS, connection).await.ok();
}

/// Lists a connection that ended because what came is not HTTP. One that the peer merely dropped is nobody's mistake.
fn refuse_what_is_not_http(error: &(dyn std::error::Error + Send + Sync + 'static), activity: &Activity, peer: SocketAddr, service: &Service) {
    let Some(error) = error.downcast_ref::<hyper::Error>().filter(|error| error.is_parse()) else { return };
    let (rule, next_step) = if activity.is_tls.load(Ordering::Relaxed) {
        ("tls", "Let the exporter send without TLS: http:// in its endpoint, or its setting \"insecure\"")
    } else if error.is_parse_too_large() {
        ("head size", "Send fewer or shorter headers: 64 KiB in all")
    } else {
        ("not http", "Look what connects here: OTLP comes over HTTP or gRPC")
    };
    service.refusals.connection(peer.ip().to_string(), rule, next_step);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_began_late_is_not_taken_for_silence() {
        let limits = Limits::default();
        let long_ago = Instant::now().checked_sub(limits.head + Duration::from_secs(1)).expect("a machine that has run for some seconds");
        let late = Activity { began: long_ago, ..Activity::new() };
        assert_eq!(late.patience(&limits), Patience::Idle);
        late.bytes_came(b"POST /v1");
        assert_eq!(late.patience(&limits), Patience::Goes);
        late.head_since_ms.store(1, Ordering::Relaxed);
        assert_eq!(late.patience(&limits), Patience::SlowHead);
    }

    #[tokio::test]
    async fn patience_ends() {
        let limits = Limits { head: Duration::from_millis(20), idle: Duration::from_millis(200), ..Limits::default() };
        let wait = |ms| tokio::time::sleep(Duration::from_millis(ms));
        let silent = Activity::new();
        assert_eq!(silent.patience(&limits), Patience::Goes);
        let (slow, http2) = (Activity::new(), Activity::new());
        slow.bytes_came(b"POST /v1");
        http2.bytes_came(b"PRI * HTTP/2.0");
        wait(40).await;
        assert_eq!(silent.patience(&limits), Patience::Idle);
        assert_eq!(slow.patience(&limits), Patience::SlowHead);
        assert_eq!(http2.patience(&limits), Patience::Idle);
        http2.request_began();
        http2.request_ended();
        http2.bytes_came(b"ping");
        assert_eq!(http2.patience(&limits), Patience::Goes);
        slow.request_began();
        assert_eq!(slow.patience(&limits), Patience::Goes);
        slow.request_ended();
        assert_eq!(slow.patience(&limits), Patience::Goes);
        wait(250).await;
        assert_eq!(slow.patience(&limits), Patience::Idle);
        assert_eq!(http2.patience(&limits), Patience::Idle);
    }
}
