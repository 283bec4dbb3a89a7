//! Answers: OTLP's responses and `google.rpc.Status`, in the encoding of the request.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};

use crate::decode::{Encoding, Signal};
use crate::failure::Failure;
use crate::protobuf::Message;

/// Bytes of a message in an answer; the rest is cut.
const MAX_MESSAGE_BYTES: usize = 2 << 10;

pub(crate) const PROTOBUF: &str = "application/x-protobuf";
pub(crate) const JSON: &str = "application/json";
pub(crate) const GRPC: &str = "application/grpc";
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// How a request came, and so how its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Grpc,
    Http(Encoding),
}

/// A body that is known as a whole, and trailers after it.
#[derive(Debug, Default)]
pub(crate) struct AnswerBody {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}

/// What an accepted request is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partial {
    pub(crate) num_rejected: u64,
    /// In English; with nothing rejected it is a warning.
    pub(crate) message: String,
    /// What kind of part of a stored item could not be read first, what they all were, and how many.
    pub(crate) lost: Option<(&'static str, String, u64)>,
}

/// The answer to an accepted request.
pub(crate) fn success(protocol: Protocol, signal: Signal, partial: Option<&Partial>) -> Response<AnswerBody> {
    match protocol {
        Protocol::Http(Encoding::Json) => http(StatusCode::OK, JSON, json_success(signal, partial)),
        Protocol::Http(Encoding::Protobuf) => http(StatusCode::OK, PROTOBUF, protobuf_success(partial)),
        Protocol::Grpc => {
            let message = protobuf_success(partial);
            let mut framed = Vec::with_capacity(message.len() + 5);
            framed.push(0);
            framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
            framed.extend_from_slice(&message);
            let mut response = http(StatusCode::OK, GRPC, framed);
            let mut trailers = HeaderMap::new();
            trailers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"));
            response.body_mut().trailers = Some(trailers);
            response
        }
    }
}

/// `ExportTraceServiceResponse`, whose fields the other two share.
fn protobuf_success(partial: Option<&Partial>) -> Vec<u8> {
    let mut response = Message::default();
    if let Some(partial) = partial {
        let mut body = Message::default();
        if partial.num_rejected > 0 {
            body.varint(1, partial.num_rejected);
        }
        body.bytes(2, cut(&partial.message).as_bytes());
        response.message(1, &body);
    }
    response.into_bytes()
}

fn json_success(signal: Signal, partial: Option<&Partial>) -> Vec<u8> {
    let Some(partial) = partial else { return b"{}".to_vec() };
    let rejected = match signal {
        Signal::Traces => "rejectedSpans",
        Signal::Logs => "rejectedLogRecords",
        Signal::Metrics => "rejectedDataPoints",
    };
    serde_json::json!({ "partialSuccess": { rejected: partial.num_rejected.to_string(), "errorMessage": cut(&partial.message) } }).to_string().into_bytes()
}

/// The answer to a request that is not accepted: `google.rpc.Status`, over gRPC in the headers.
pub(crate) fn failure(protocol: Protocol, failure: &Failure) -> Response<AnswerBody> {
    let (code, message, retry_after) = (failure.grpc_code() as u8, failure.message(), failure.retry_after());
    let message = cut(&message);
    let status = failure.http_status();
    let mut response = match protocol {
        Protocol::Http(Encoding::Json) => http(status, JSON, json_status(code, message, retry_after)),
        Protocol::Http(Encoding::Protobuf) => http(status, PROTOBUF, protobuf_status(code, message, retry_after)),
        Protocol::Grpc => {
            // Refused at the door it is refused in HTTP's words too; past the door gRPC's status is the answer.
            let at_the_door = matches!(failure, Failure::Host(_) | Failure::Origin(_) | Failure::ContentType(_) | Failure::GrpcNeedsHttp2);
            let mut response = http(if at_the_door { status } else { StatusCode::OK }, GRPC, Vec::new());
            let details = STANDARD_NO_PAD.encode(protobuf_status(code, message, retry_after));
            let headers = response.headers_mut();
            headers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from(u16::from(code)));
            insert(headers, HeaderName::from_static("grpc-message"), &percent_encoded(message));
            insert(headers, HeaderName::from_static("grpc-status-details-bin"), &details);
            response
        }
    };
    let headers = response.headers_mut();
    if let (Some(after), Protocol::Http(_)) = (retry_after, protocol) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
    }
    match failure {
        Failure::Method(_) => drop(headers.insert(header::ALLOW, HeaderValue::from_static("POST"))),
        Failure::ContentEncoding(_) if protocol == Protocol::Grpc => {
            headers.insert(HeaderName::from_static("grpc-accept-encoding"), HeaderValue::from_static("identity,gzip,zstd"));
        }
        Failure::ContentEncoding(_) => drop(headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"))),
        _ => {}
    }
    response
}

fn protobuf_status(code: u8, message: &str, retry_after: Option<Duration>) -> Vec<u8> {
    let mut status = Message::default();
    status.varint(1, u64::from(code)).bytes(2, message.as_bytes());
    if let Some(after) = retry_after {
        let mut delay = Message::default();
        delay.varint(1, after.as_secs());
        if after.subsec_nanos() > 0 {
            delay.varint(2, u64::from(after.subsec_nanos()));
        }
        let mut retry_info = Message::default();
        retry_info.message(1, &delay);
        let mut any = Message::default();
        any.bytes(1, RETRY_INFO.as_bytes()).message(2, &retry_info);
        status.message(3, &any);
    }
    status.into_bytes()
}

fn json_status(code: u8, message: &str, retry_after: Option<Duration>) -> Vec<u8> {
    let mut status = serde_json::json!({ "code": code, "message": message });
    if let Some(after) = retry_after {
        status["details"] = serde_json::json!([{ "@type": RETRY_INFO, "retryDelay": format!("{}s", after.as_secs_f64()) }]);
    }
    status.to_string().into_bytes()
}

fn http(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<AnswerBody> {
    let data = (!body.is_empty()).then(|| Bytes::from(body));
    let mut response = Response::new(AnswerBody { data, trailers: None });
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The answer to a web page that asks whether it may send.
pub(crate) fn preflight(requested_headers: Option<&HeaderValue>) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let is_plain = |value: &&HeaderValue| {
        value.len() <= 1_024 && value.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b',' | b' '))
    };
    let allowed = requested_headers.filter(is_plain).cloned().unwrap_or(HeaderValue::from_static("content-type, content-encoding"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

/// Lets the page of that origin read the answer.
pub(crate) fn allow_origin(response: &mut Response<AnswerBody>, origin: &str) {
    let headers = response.headers_mut();
    insert(headers, header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn cut(message: &str) -> &str {
    let mut end = message.len().min(MAX_MESSAGE_BYTES);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

/// gRPC's `grpc-message`: printable ASCII but `%`, the rest as `%XX`.
fn percent_encoded(message: &str) -> String {
    use std::fmt::Write;
    let mut encoded = String::with_capacity(message.len());
    for byte in message.bytes() {
        if (0x20..=0x7e).contains(&byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else if write!(encoded, "%{byte:02X}").is_err() {
            break;
        }
    }
    encoded
}
