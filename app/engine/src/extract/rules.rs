//! The conventions' rules: what a span does, over what, whether it failed and whether time ran out.

use switchboard_model::{SpanBatch, SpanKind, SpanRow, SpanStatus, Str, TextArena, Value, WellKnown};

use crate::extract::told::{DATABASE, HTTP, MESSAGING, RPC, Told};
use crate::extract::{Role, rows};
use crate::figures::StatusId;
use crate::flow::{FlowNames, Via};

/// What a span does: by its messaging operation first, by its kind second.
pub(super) fn role(kind: SpanKind, told: &Told<'_>, text: &TextArena) -> Role {
    let operation = told.get(WellKnown::MessagingOperationType).or(told.get(WellKnown::MessagingOperationOld));
    if let Some(Value::Str(at)) = operation {
        match text.bytes(at) {
            b"create" | b"publish" | b"send" => return Role::Publish,
            b"receive" => return Role::Receive,
            b"process" | b"deliver" => return Role::Process,
            b"settle" => return Role::Settle,
            _ => {}
        }
    }
    let is_messaging = told.has(MESSAGING);
    match kind {
        SpanKind::Producer => Role::Publish,
        SpanKind::Consumer => Role::Process,
        SpanKind::Server => Role::Server,
        // A call to a broker. Its own word tells which; without one it manages.
        SpanKind::Client if is_messaging => match told.get(WellKnown::MessagingOperationName) {
            Some(Value::Str(at)) => match text.bytes(at) {
                b"publish" | b"send" | b"produce" => Role::Publish,
                b"poll" | b"receive" | b"fetch" | b"get" => Role::Receive,
                _ => Role::Settle,
            },
            _ => Role::Settle,
        },
        SpanKind::Client => Role::Client,
        SpanKind::Internal | SpanKind::Unspecified => Role::Internal,
    }
}

/// The protocol of a call.
pub(super) fn via(told: &Told<'_>, text: &TextArena) -> Via {
    if told.has(DATABASE) {
        Via::Database
    } else if told.has(RPC) {
        match told.get(WellKnown::RpcSystem) {
            Some(Value::Str(at)) if text.bytes(at) == b"grpc" => Via::Grpc,
            _ => Via::Rpc,
        }
    } else if told.has(HTTP) {
        Via::Http
    } else {
        Via::Call
    }
}

/// RPC statuses that are the server's fault: UNKNOWN, `DEADLINE_EXCEEDED`, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, `DATA_LOSS`
/// (semantic conventions, gRPC).
pub(crate) const SERVER_FAULTS: [i64; 6] = [2, 4, 12, 13, 14, 15];
const DEADLINE_EXCEEDED: i64 = 4;
/// The names of gRPC's status codes.
pub(crate) const RPC_STATUSES: [&str; 17] = [
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

/// An RPC status as gRPC's number, from a number or a name in any case (Connect's are lower case); `None` for others.
fn rpc_status(value: Value, text: &TextArena) -> Option<i64> {
    value.to_i64(text).or_else(|| {
        let Value::Str(at) = value else { return None };
        let name = text.get(at);
        RPC_STATUSES.iter().position(|known| known.eq_ignore_ascii_case(name)).map(|code| code as i64)
    })
}

/// Whether a span failed: by its status, else by what its protocol calls a failure on its side, else by `error.type`.
pub(super) fn is_error(span: &SpanRow, role: Role, told: &Told<'_>, text: &TextArena) -> bool {
    match span.status {
        SpanStatus::Error => return true,
        SpanStatus::Ok => return false,
        SpanStatus::Unset => {}
    }
    let is_server = role == Role::Server;
    if let Some(status) = told.get(WellKnown::HttpStatus).and_then(|value| value.to_i64(text)) {
        return status >= if is_server { 500 } else { 400 };
    }
    if let Some(value) = told.get(WellKnown::RpcStatus) {
        return match rpc_status(value, text) {
            Some(status) if is_server => SERVER_FAULTS.contains(&status),
            Some(status) => status != 0,
            None => true,
        };
    }
    if let Some(flag) = told.get(WellKnown::ErrorFlag) {
        return !matches!(flag.to_text(text).as_ref(), "" | "false" | "0");
    }
    told.get(WellKnown::ErrorType).is_some_and(|value| !matches!(value, Value::Str(Str::EMPTY)))
}

/// What a span ended with: the RPC's status, HTTP's, `error.type`, the type of an exception; as a last resort its own status.
pub(super) fn status(batch: &SpanBatch, span: &SpanRow, told: &Told<'_>, names: &mut FlowNames) -> StatusId {
    let text = &batch.text;
    if let Some(value) = told.get(WellKnown::RpcStatus) {
        return rpc_status(value, text).map_or_else(|| names.status_word(&value.to_text(text)), StatusId::rpc);
    }
    if let Some(status) = told.get(WellKnown::HttpStatus).and_then(|value| value.to_i64(text)) {
        return StatusId::http(status);
    }
    // `_OTHER` says that there is no word for it (semantic conventions, `error.type`).
    let word = |value: Value| Some(value.to_text(text)).filter(|word| !matches!(word.as_ref(), "" | "_OTHER"));
    let of_exception = || {
        let attrs = rows(&batch.events, span.events).iter().flat_map(|event| rows(&batch.attrs, event.attrs));
        attrs.filter(|attr| attr.known == WellKnown::ExceptionType).find_map(|attr| word(attr.value))
    };
    let is_failed = span.status == SpanStatus::Error;
    match told.get(WellKnown::ErrorType).and_then(word).or_else(|| if is_failed { of_exception() } else { None }) {
        Some(word) => names.status_word(&word),
        None => match span.status {
            SpanStatus::Error => StatusId::FAILED,
            SpanStatus::Ok => StatusId::OK,
            SpanStatus::Unset => StatusId::NONE,
        },
    }
}

/// Whether a failed span says that time ran out: by `error.type`, the RPC status, an exception or the status text.
pub(super) fn says_timeout(batch: &SpanBatch, span: &SpanRow, told: &Told<'_>) -> bool {
    let text = &batch.text;
    let says = |value: Option<Value>| matches!(value, Some(Value::Str(at)) if is_timeout_text(text.bytes(at)));
    if told.get(WellKnown::RpcStatus).is_some_and(|value| rpc_status(value, text) == Some(DEADLINE_EXCEEDED)) {
        return true;
    }
    if says(told.get(WellKnown::ErrorType)) || is_timeout_text(text.bytes(span.status_message)) {
        return true;
    }
    rows(&batch.events, span.events).iter().any(|event| {
        rows(&batch.attrs, event.attrs)
            .iter()
            .any(|attr| matches!(attr.known, WellKnown::ExceptionType | WellKnown::ExceptionMessage) && says(Some(attr.value)))
    })
}

fn is_timeout_text(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 5] = [b"timeout", b"timed out", b"time-out", b"deadline exceeded", b"deadline_exceeded"];
    let head = &text[..text.len().min(512)];
    WORDS.iter().any(|word| head.len() >= word.len() && head.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word)))
}
