//! One connection: HTTP/1.1 or HTTP/2, watched for senders that begin and do not go on.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;

use crate::activity::{Activity, Patience};
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
