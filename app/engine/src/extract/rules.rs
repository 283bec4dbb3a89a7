//! The conventions' rules: what a span does, over what, whether it failed and whether time ran out.

use switchboard_model::{RPC_STATUSES, SpanBatch, SpanKind, SpanRow, SpanStatus, TextArena, Value, WellKnown};

use crate::extract::cause::{back_off_ms, cause, recorded};
use crate::extract::told::{DATABASE, ENDING, HTTP, MESSAGING, RPC, Told, is_told};
use crate::extract::{Role, rows};
use crate::names::{FlowNames, StatusId, Via};

/// What a span does: by its messaging operation first, by its kind second.
pub(super) fn role(kind: SpanKind, told: &Told<'_>, text: &TextArena) -> Role {
    let word = |known: WellKnown| told.get(known).filter(|value| is_told(*value));
    if let Some(Value::Str(at)) = word(WellKnown::MessagingOperationType).or_else(|| word(WellKnown::MessagingOperationOld)) {
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

/// An RPC status as gRPC's number, from a number or a name in any case (Connect's are lower case); `None` for others.
fn rpc_status(value: Value, text: &TextArena) -> Option<i64> {
    value.to_i64(text).or_else(|| {
        let Value::Str(at) = value else { return None };
        let name = text.get(at);
        RPC_STATUSES.iter().position(|known| known.eq_ignore_ascii_case(name)).map(|code| code as i64)
    })
}

/// How a span ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ending {
    /// Whether anything says that it failed.
    pub(super) error: bool,
    /// What decided; where it did not fail, what its protocol says.
    pub(super) status: StatusId,
    /// Whether time ran out.
    pub(super) timeout: bool,
    /// How long its message is not due yet, ms: then it only waited; 0 = it did not.
    pub(super) waiting_ms: u32,
    /// Whether it gave up waiting for what it had begun.
    pub(super) gave_up: bool,
}

/// Whether a word stands for nothing.
fn is_none(word: &str) -> bool {
    word.is_empty() || ["false", "0", "none", "null", "no"].iter().any(|none| word.eq_ignore_ascii_case(none))
}

/// Whether a flag is no more than a flag.
fn is_flag(word: &str) -> bool {
    ["true", "1", "yes"].iter().any(|flag| word.eq_ignore_ascii_case(flag))
}

/// Weighs all that a span says of its end: whatever says that it failed prevails, and what said so is its status.
pub(super) fn ending(batch: &SpanBatch, span: &SpanRow, role: Role, told: &Told<'_>, names: &mut FlowNames) -> Ending {
    let mut evidence = if told.has(ENDING) { by_attributes(role, told, &batch.text, names) } else { Evidence::default() };
    evidence.failed |= span.status == SpanStatus::Error;
    let (mut timeout, mut gave_up) = (false, false);
    let is_quiet = span.events.is_empty();
    let mut word: Option<&str> = None;
    if !is_quiet {
        for recorded in recorded(batch, span) {
            let is_time_limit = recorded.is_time_limit();
            gave_up |= is_time_limit;
            if recorded.escaped || (is_time_limit && role == Role::Client) {
                evidence.failed = true;
                timeout |= is_time_limit;
            }
        }
    }
    if !evidence.failed && evidence.decided.is_none() {
        let status = match span.status {
            _ if role == Role::Internal => StatusId::NONE,
            _ if evidence.shown != StatusId::NONE => evidence.shown,
            SpanStatus::Ok => StatusId::OK,
            _ => StatusId::NONE,
        };
        return Ending { error: false, status, timeout: false, waiting_ms: 0, gave_up };
    }
    let error_type = told.all(WellKnown::ErrorType).chain(told.all(WellKnown::ErrorFlag)).find_map(|value| match value {
        // `_OTHER` says that there is no word for it (semantic conventions, `error.type`).
        Value::Str(at) => Some(batch.text.get(at)).filter(|word| !is_none(word) && !is_flag(word) && *word != "_OTHER"),
        _ => None,
    });
    let is_message = matches!(role, Role::Publish | Role::Process | Role::Receive);
    if is_message && let Some(waiting_ms) = back_off_ms(batch, span, error_type) {
        return Ending { error: false, status: StatusId::WAITING, timeout: false, waiting_ms, gave_up: false };
    }
    let mut status = evidence.decided.unwrap_or(StatusId::NONE);
    if status == StatusId::NONE && role != Role::Internal {
        word = error_type.or_else(|| if is_quiet || evidence.explained.is_some() { None } else { of_exception(batch, span) });
        word = word.map(|class| cause(class, batch, span));
        status = match (word, evidence.explained) {
            (Some(word), _) => names.status_word(word),
            (None, Some(status)) => status,
            (None, None) if evidence.outcome.is_empty() => StatusId::FAILED,
            (None, None) => names.status_word(evidence.outcome),
        };
    }
    timeout |= says_timeout(batch, span, told) || word.is_some_and(|word| is_timeout_text(word.as_bytes()));
    Ending { error: true, status, timeout, waiting_ms: 0, gave_up: gave_up || timeout }
}

/// The class of the exception that a failed span recorded: of one that left it rather than of others.
fn of_exception<'a>(batch: &'a SpanBatch, span: &SpanRow) -> Option<&'a str> {
    let exceptions = recorded(batch, span);
    let escaped = exceptions.clone().filter(|recorded| recorded.escaped).find_map(|recorded| recorded.class());
    escaped.or_else(|| exceptions.clone().find_map(|recorded| recorded.class()))
}

/// What attributes say of a span's end.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence<'a> {
    failed: bool,
    /// The protocol's status that says failed.
    decided: Option<StatusId>,
    /// The protocol's status that is no success, though by itself it does not say that this side failed.
    explained: Option<StatusId>,
    /// The protocol's status.
    shown: StatusId,
    /// The outcome that says failed.
    outcome: &'a str,
}

fn by_attributes<'a>(role: Role, told: &Told<'_>, text: &'a TextArena, names: &mut FlowNames) -> Evidence<'a> {
    let mut evidence = Evidence::default();
    let is_server = role == Role::Server;
    for value in told.all(WellKnown::RpcStatus) {
        let (status, is_success, fails) = if let Some(code) = rpc_status(value, text) {
            (StatusId::rpc(code), code == 0, if is_server { SERVER_FAULTS.contains(&code) } else { code != 0 })
        } else {
            let word = value.to_text(text);
            if is_none(&word) {
                continue;
            }
            (names.status_word(&word), false, true)
        };
        evidence.weigh(status, is_success, fails);
    }
    let plain = if matches!(role, Role::Server | Role::Client) { told.get(WellKnown::PlainStatus) } else { None };
    let plain = plain.and_then(|value| value.to_i64(text)).filter(|status| (100..600).contains(status));
    let mut worst = None;
    for status in told.all(WellKnown::HttpStatus).filter_map(|value| value.to_i64(text)).chain(plain) {
        worst = worst.max(Some(status));
    }
    if let Some(status) = worst.filter(|status| *status > 0) {
        evidence.weigh(StatusId::http(status), status < 400, status >= if is_server { 500 } else { 400 });
    }
    let says = |known: WellKnown| told.all(known).any(|value| !is_none(&value.to_text(text)));
    evidence.failed |= says(WellKnown::ErrorType) || says(WellKnown::ErrorFlag);
    for value in told.all(WellKnown::Outcome) {
        if let Value::Str(at) = value
            && is_failure(text.get(at), is_server)
        {
            (evidence.failed, evidence.outcome) = (true, text.get(at));
        }
    }
    evidence
}

impl Evidence<'_> {
    fn weigh(&mut self, status: StatusId, is_success: bool, fails: bool) {
        if fails {
            self.failed = true;
            self.decided.get_or_insert(status);
        } else if !is_success {
            self.explained.get_or_insert(status);
        }
        if self.shown == StatusId::NONE {
            self.shown = status;
        }
    }
}

/// Whether an outcome says that this side failed. What a client did wrong is no failure of the server's (Micrometer's
/// `CLIENT_ERROR`).
fn is_failure(outcome: &str, is_server: bool) -> bool {
    const FAILURES: [&str; 7] = ["SERVER_ERROR", "ERROR", "FAILURE", "FAILED", "FAULT", "TIMEOUT", "CLIENT_ERROR"];
    let failures = &FAILURES[..if is_server { 6 } else { 7 }];
    failures.iter().any(|failure| outcome.eq_ignore_ascii_case(failure))
}

/// Whether a failed span says that time ran out: by `error.type`, the RPC status, an exception or the status text.
pub(super) fn says_timeout(batch: &SpanBatch, span: &SpanRow, told: &Told<'_>) -> bool {
    let text = &batch.text;
    let says = |value: Option<Value>| matches!(value, Some(Value::Str(at)) if is_timeout_text(text.bytes(at)));
    if told.all(WellKnown::RpcStatus).any(|value| rpc_status(value, text) == Some(DEADLINE_EXCEEDED)) {
        return true;
    }
    if [WellKnown::ErrorType, WellKnown::ErrorFlag, WellKnown::Outcome].into_iter().any(|known| says(told.get(known)))
        || is_timeout_text(text.bytes(span.status_message))
    {
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
