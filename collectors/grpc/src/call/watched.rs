//! What comes back on the wire, looked at before tonic reads it. Tonic makes a status of whatever happens: only what is seen here tells the server's word
//! from what became of the connection.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, StdError};

use super::end::{Broken, STATUS};

/// Bytes before each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// What was seen of one call.
#[derive(Debug, Default)]
pub(super) struct Sight {
    /// The headers of the answer, where they were not its end, too.
    pub headers: Option<HeaderMap>,
    /// What came after the last message.
    pub trailers: Option<HeaderMap>,
    /// What became of the connection, or of the stream.
    pub broken: Option<Broken>,
    /// How far messages came.
    pub framing: Framing,
    /// Whether the answer ended in order, whatever came before.
    pub is_over: bool,
}

/// What is seen by one and read by another.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Mutex<Sight>>);

impl Seen {
    /// What was seen so far.
    pub fn sight(&self) -> MutexGuard<'_, Sight> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the last message ends.
#[derive(Debug, Default)]
pub(super) struct Framing {
    prefix: Vec<u8>,
    /// Bytes of the message that are still to come.
    missing: usize,
    /// Bytes that the last message was to have.
    pub message_bytes: usize,
}

impl Framing {
    /// How many bytes of the last message did not come, if it is not whole: at least so many.
    pub fn num_missing(&self) -> usize {
        if self.prefix.is_empty() { self.missing } else { PREFIX_BYTES - self.prefix.len() }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.missing.min(bytes.len());
            self.missing -= skipped;
            bytes.advance(skipped);
            if bytes.is_empty() {
                return;
            }
            let taken = (PREFIX_BYTES - self.prefix.len()).min(bytes.len());
            self.prefix.extend_from_slice(&bytes[..taken]);
            bytes.advance(taken);
            if let [_, length @ ..] = self.prefix.as_slice()
                && let Ok(length) = <[u8; 4]>::try_from(length)
            {
                self.message_bytes = u32::from_be_bytes(length) as usize;
                self.missing = self.message_bytes;
                self.prefix.clear();
            }
        }
    }
}

/// Sends one request, and looks at what comes back.
pub(super) struct Watched {
    pub send: SendRequest<Body>,
    pub seen: Seen,
}

impl Service<Request<Body>> for Watched {
    type Response = Response<WatchedBody>;
    type Error = StdError;
    type Future = BoxFuture<Response<WatchedBody>, StdError>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        self.send.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.send.try_send_request(request);
        let seen = self.seen.clone();
        Box::pin(async move {
            let answer = answer.await.map_err(|mut error| {
                // What is given back was not written.
                let is_unsent = error.take_message().is_some();
                let error = error.into_error();
                seen.sight().broken = Some(if is_unsent { Broken::unsent(&error) } else { Broken::lost(&error) });
                error
            })?;
            let (parts, body) = answer.into_parts();
            if parts.headers.contains_key(STATUS) {
                seen.sight().trailers = Some(parts.headers);
                return Err("ended".into());
            }
            let is_grpc = parts.headers.get(http::header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
            if parts.status != StatusCode::OK || !is_grpc {
                seen.sight().broken = Some(Broken::no_grpc(parts.status, &parts.headers));
                return Err("no gRPC".into());
            }
            seen.sight().headers = Some(parts.headers.clone());
            Ok(Response::from_parts(parts, WatchedBody { inner: body, seen }))
        })
    }
}

/// The body of an answer, whose end is looked at.
pub(super) struct WatchedBody {
    inner: Incoming,
    seen: Seen,
}

impl http_body::Body for WatchedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(Ok(match frame.into_trailers() {
                Ok(trailers) => {
                    self.seen.sight().trailers = Some(trailers);
                    // Tonic is told that all went well: it is not asked how it did.
                    Frame::trailers(HeaderMap::from_iter([(http::HeaderName::from_static(STATUS), HeaderValue::from_static("0"))]))
                }
                Err(frame) => {
                    if let Some(bytes) = frame.data_ref() {
                        self.seen.sight().framing.take(bytes);
                    }
                    frame
                }
            })),
            Some(Err(error)) => {
                self.seen.sight().broken = Some(Broken::lost(&error));
                Some(Err(error))
            }
            None => {
                self.seen.sight().is_over = true;
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_not_whole_is_known_however_it_is_cut() {
        let whole = [&[0, 0, 0, 0, 3][..], b"abc", &[1, 0, 0, 0, 0], &[0, 0, 0, 0, 1], b"z"].concat();
        let boundaries = [0, 8, 13, whole.len()];
        for step in 1..=whole.len() {
            for end in 0..=whole.len() {
                let mut framing = Framing::default();
                whole[..end].chunks(step).for_each(|piece| framing.take(piece));
                assert_eq!(framing.num_missing() == 0, boundaries.contains(&end), "{end} bytes in pieces of {step}");
            }
        }
    }
}
