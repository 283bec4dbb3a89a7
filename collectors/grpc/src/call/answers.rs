//! One call under way: what is sent, and the messages that come back.

use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Uri};
use switchboard_model::{CallEnd, Compression, SENT_USER_AGENT};
use tonic::client::Grpc;
use tonic::codec::{CompressionEncoding, Streaming};
use tonic::codegen::tokio_stream::Stream;
use tonic::metadata::MetadataMap;
use tonic::{CancellationHandle, Code, Request, Status};

use super::codec::Raw;
use super::connection::Connection;
use super::end::{Broken, told_end};
use super::watched::{Seen, Watched};
use crate::schema::one_line;

/// What a call begins with.
pub(super) struct Beginning {
    /// The method.
    pub path: PathAndQuery,
    /// What goes with it.
    pub metadata: HeaderMap,
    /// How long the server is told that it has.
    pub timeout: Option<Duration>,
    /// How messages to the server are compressed.
    pub compression: Option<Compression>,
    /// The most bytes of a message that comes.
    pub message_bytes_max: usize,
}

/// How a call ended.
pub(super) enum End {
    /// The server said so, with this code; where its last message is not whole, the end has a code of its own.
    Told(i32, CallEnd),
    /// Nobody said so.
    Broken(Broken),
}

/// The messages that a call brings. Dropped before its end, it cancels the call (`RST_STREAM`).
pub(super) struct Answers {
    seen: Seen,
    cancel: Option<CancellationHandle>,
    messages: Option<Streaming<Bytes>>,
    /// What tonic, on this side, says of what came.
    complaint: Option<Status>,
    message_bytes_max: usize,
}

impl Answers {
    /// Sends, and waits for the headers of the answer, or its end.
    pub async fn of(connection: &Connection, uri: &Uri, beginning: Beginning, messages: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        let seen = Seen::default();
        let service = Watched { send: connection.send(), seen: seen.clone() };
        let mut client = Grpc::with_origin(service, uri.clone())
            .max_decoding_message_size(beginning.message_bytes_max)
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd);
        if let Some(compression) = beginning.compression {
            client = client.send_compressed(match compression {
                Compression::Gzip => CompressionEncoding::Gzip,
                Compression::Zstd => CompressionEncoding::Zstd,
            });
        }
        let mut metadata = beginning.metadata;
        metadata.entry(http::header::USER_AGENT).or_insert_with(user_agent);
        let mut request = Request::new(messages);
        *request.metadata_mut() = MetadataMap::from_headers(metadata);
        if let Some(timeout) = beginning.timeout {
            request.set_timeout(timeout);
        }
        let cancel = Some(request.cancellation_handle());
        let mut answers = Self { seen, cancel, messages: None, complaint: None, message_bytes_max: beginning.message_bytes_max };
        match client.streaming(request, beginning.path, Raw).await {
            Ok(response) => answers.messages = Some(response.into_inner()),
            Err(status) => answers.complaint = Some(status),
        }
        answers
    }

    /// The headers of the answer; `None` = it ended with them, or before.
    pub fn headers(&self) -> Option<HeaderMap> {
        self.seen.sight().headers.clone()
    }

    /// The next message; `None` = there is none any more.
    pub async fn next(&mut self) -> Option<Bytes> {
        match self.messages.as_mut()?.message().await {
            Ok(message) => message,
            Err(status) => {
                self.complaint = Some(status);
                None
            }
        }
    }

    /// How it ended, once there are no more messages.
    pub fn end(&self) -> End {
        let mut sight = self.seen.sight();
        let num_missing = sight.framing.num_missing();
        let message_bytes = sight.framing.message_bytes;
        if let Some(end) = sight.trailers.clone().and_then(told_end) {
            let is_cut = num_missing > 0 && end.code == Code::Ok as i32;
            return End::Told(end.code, if is_cut { cut(end, num_missing) } else { end });
        }
        if let Some(broken) = sight.broken.take() {
            return End::Broken(broken);
        }
        End::Broken(match &self.complaint {
            _ if message_bytes > self.message_bytes_max => {
                let reason = format!("a message of {message_bytes} bytes came, more than the {} that are taken. Raise that bound", self.message_bytes_max);
                Broken::new(Code::ResourceExhausted, reason)
            }
            _ if sight.is_over && num_missing > 0 => {
                let reason = format!("the server ended the call without a status, in the midst of a message: at least {num_missing} bytes of it did not come");
                Broken::new(Code::Internal, reason)
            }
            _ if sight.is_over => no_status(),
            Some(status) if status.code() == Code::ResourceExhausted => {
                let reason = format!("a message came that has more than {} bytes when it is decompressed. Raise that bound", self.message_bytes_max);
                Broken::new(Code::ResourceExhausted, reason)
            }
            Some(status) => Broken::new(status.code(), format!("what came cannot be read ({})", one_line(status.message()))),
            None => no_status(),
        })
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        // After its end there is nothing to cancel but messages that nobody waits for.
        if let Some(cancel) = self.cancel.take() {
            cancel.cancel();
        }
    }
}

fn no_status() -> Broken {
    Broken::new(Code::Unknown, "the server ended the call without a status, or something between did".to_owned())
}

/// The server said that all is well, and the last message is not whole all the same.
fn cut(end: CallEnd, num_missing: usize) -> CallEnd {
    let message = format!("the server ended the call with OK in the midst of a message: at least {num_missing} bytes of it did not come");
    CallEnd { code: Code::Internal as i32, message, ..end }
}

fn user_agent() -> HeaderValue {
    let own = format!("{SENT_USER_AGENT}/{}", env!("CARGO_PKG_VERSION"));
    HeaderValue::from_str(&own).unwrap_or(HeaderValue::from_static(SENT_USER_AGENT))
}
