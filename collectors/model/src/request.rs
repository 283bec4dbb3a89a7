//! Requests and calls to be sent, and what is told of them while they are answered. Names and values are of types that hold no line breaks, so
//! that nothing can be put in between.

use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};

use crate::Origin;

/// An HTTP request to be sent. Credentials are in its headers: it is never stored, logged or shown as it is.
#[derive(Clone)]
pub struct OutgoingRequest {
    /// The server.
    pub origin: Origin,
    /// The method.
    pub method: Method,
    /// What is asked for there.
    pub path: PathAndQuery,
    /// Its headers; `Host`, and those that say how long the body is, are told by whoever sends it.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// A part of the time that a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// The host's name is looked up.
    Resolve,
    /// A connection is made.
    Connect,
    /// TLS is agreed upon.
    Tls,
    /// The request is written, and waited for until the head of the answer has come.
    FirstByte,
    /// The rest of the answer comes.
    Rest,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Resolve, Self::Connect, Self::Tls, Self::FirstByte, Self::Rest];

    /// As it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "TLS",
            Self::FirstByte => "first byte",
            Self::Rest => "rest",
        }
    }
}

/// What is told of a request while it is answered.
#[derive(Clone, Debug)]
pub enum AnswerNews {
    /// A phase has ended.
    Took(Phase, Duration),
    /// From here on bytes of the request may have left this machine: it is no longer sure that it was not sent.
    Leaves,
    /// The answer begins.
    Head {
        /// Its status.
        status: u16,
        /// The protocol: `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
        version: &'static str,
        /// Its headers, as they came.
        headers: HeaderMap,
    },
    /// A part of the body, decompressed, as it came.
    Body(Bytes),
    /// The answer has ended.
    Ended(AnswerEnd),
}

/// How an answer ended.
#[derive(Clone, Debug, Default)]
pub struct AnswerEnd {
    /// Bytes of the body as it came over the wire.
    pub wire_bytes: u64,
    /// Bytes of the body, decompressed.
    pub body_bytes: u64,
    /// Why there was more, or what came was not whole; `None` = all of it came.
    pub cut: Option<String>,
    /// Headers that came after the body.
    pub trailers: HeaderMap,
}

/// A gRPC call to be begun; its messages come after. Credentials are in its metadata: it is never stored, logged or shown as it is.
#[derive(Clone)]
pub struct OutgoingCall {
    /// The server: `http` is plain text, `https` TLS.
    pub authority: Origin,
    /// `/package.Service/Method`.
    pub method: PathAndQuery,
    /// Its metadata; values under names that end with `-bin` are base64, as on the wire.
    pub metadata: HeaderMap,
    /// How long it may take, told to the server as well; `None` = as long as it likes.
    pub deadline: Option<Duration>,
    /// How much of that was over before the call is handed over: its server was looked up and asked what the method takes.
    pub spent: Duration,
    /// How its messages are compressed; `None` = not at all.
    pub compression: Option<Compression>,
}

/// How messages of a call are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

/// What is told of a call while it goes on.
#[derive(Clone, Debug)]
pub enum CallNews {
    /// A phase has ended.
    Took(Phase, Duration),
    /// From here on bytes of the call may have left this machine.
    Leaves,
    /// The server's headers came.
    Headers(HeaderMap),
    /// A message came.
    Message(Bytes),
    /// The call has ended.
    Ended(CallEnd),
}

/// How a call ended, as the server said, or this machine found.
#[derive(Clone, Debug, Default)]
pub struct CallEnd {
    /// Code of its status (google.rpc.Code).
    pub code: i32,
    /// The status in words.
    pub message: String,
    /// `grpc-status-details-bin`, decoded from base64; empty where there is none.
    pub details: Bytes,
    /// All that came after the last message.
    pub trailers: HeaderMap,
}

/// The names of gRPC's status codes, by their numbers (google.rpc.Code).
pub const RPC_STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
