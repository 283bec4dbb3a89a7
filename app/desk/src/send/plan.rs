//! What a draft comes to, before anything is sent: its variables filled in, checked field by field, and what it carries made. Pure: files were read
//! before, credentials are fetched after, once there is leave to send.

mod body;
mod call;
mod record;
mod request;
#[cfg(test)]
mod tests;

pub use call::server_address;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use switchboard_model::{Origin, OutgoingCall, OutgoingRecord, OutgoingRequest, TraceId};

use crate::send::draft::{Auth, Carries, Draft, Pair, RecordDraft, Request, SchemaFrom, TlsDraft};
use crate::send::rows::Rows;
use crate::send::variables::{Variables, uuid};

/// Headers and messages of one request at most.
const MAX_PAIRS: usize = 1_000;

/// What is wrong with a draft, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Mistake {
    /// The field, as it is called on screen and in the file: `url`, `headers`.
    pub field: &'static str,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl Mistake {
    pub(crate) fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self { field, reason: reason.into() }
    }
}

/// Files that a draft names, as they were read.
pub type Files = BTreeMap<String, Bytes>;

/// What is sent, but for the credential that goes with it.
#[derive(Clone)]
pub struct Plan {
    /// What it is.
    pub what: Planned,
    /// The trace that it begins; `None` = none.
    pub trace_id: Option<TraceId>,
    /// Its correlation id; `None` = it carries none.
    pub correlation_id: Option<String>,
}

/// What is sent.
#[derive(Clone)]
pub enum Planned {
    /// An HTTP request.
    Http(Box<PlannedRequest>),
    /// A gRPC call.
    Grpc(Box<PlannedCall>),
    /// A record.
    Record(Box<PlannedRecord>),
}

/// An HTTP request that is sent.
#[derive(Clone)]
pub struct PlannedRequest {
    /// The request, without its credential.
    pub request: OutgoingRequest,
    /// Who asks.
    pub auth: Auth,
    /// How long it may take, seconds.
    pub timeout_s: f64,
    /// How the server proves who it is.
    pub tls: TlsDraft,
}

/// A gRPC call that is made.
#[derive(Clone)]
pub struct PlannedCall {
    /// The call, without its credential.
    pub call: OutgoingCall,
    /// Its messages as JSON.
    pub messages: Vec<String>,
    /// Where it is known from what the method takes.
    pub schema: SchemaFrom,
    /// Who calls.
    pub auth: Auth,
    /// What the server is asked for as; `None` = its address.
    pub authority: Option<String>,
    /// How the server proves who it is.
    pub tls: TlsDraft,
}

/// A record that is sent.
#[derive(Clone)]
pub struct PlannedRecord {
    /// Name of the source; empty = the only one.
    pub cluster: String,
    /// The record.
    pub record: OutgoingRecord,
    /// The reply that is awaited; `None` = none.
    pub reply: Option<AwaitedReply>,
}

/// A reply that is awaited.
#[derive(Clone, Debug, PartialEq)]
pub struct AwaitedReply {
    /// Where.
    pub topic: String,
    /// Name of the header with its id.
    pub id_header: String,
    /// The id, as it is written.
    pub id: Vec<u8>,
    /// How long it is waited for, seconds.
    pub within_s: f64,
}

/// Makes a plan of a draft, of which no file of rows was read.
pub fn plan(draft: &Draft, variables: &Variables<'_>, files: &Files) -> Result<Plan, Mistake> {
    plan_with_rows(draft, variables, files, &Rows::default())
}

/// Makes a plan of a draft; `rows` are those of its file, where messages of one call are made of them.
pub(in crate::send) fn plan_with_rows(draft: &Draft, variables: &Variables<'_>, files: &Files, rows: &Rows) -> Result<Plan, Mistake> {
    let planner = Planner { variables, files, rows };
    match &draft.request {
        Request::Http(http) => planner.request(http),
        Request::Grpc(grpc) => planner.call(grpc),
        Request::Record(record) => planner.record(record),
    }
}

/// The topic that a record goes to which these values fill in.
pub(in crate::send) fn topic(draft: &RecordDraft, variables: &Variables<'_>) -> Result<String, Mistake> {
    Planner { variables, files: &Files::new(), rows: &Rows::default() }.topic(draft)
}

/// Whether a method changes nothing where it is sent (RFC 9110, 9.2.1).
pub fn is_safe(method: &Method) -> bool {
    method.is_safe()
}

impl Plan {
    /// What it asks for in a few words, without what may be secret: `POST /checkout`, `shop.v1.Orders/PlaceOrder`, the topic.
    pub fn call(&self) -> String {
        match &self.what {
            Planned::Http(planned) => format!("{} {}", planned.request.method, planned.request.path.path()),
            Planned::Grpc(planned) => planned.call.method.path().trim_start_matches('/').to_owned(),
            Planned::Record(planned) => planned.record.channel.clone(),
        }
    }

    /// The server it goes to; `None` = a cluster.
    pub fn origin(&self) -> Option<&Origin> {
        match &self.what {
            Planned::Http(planned) => Some(&planned.request.origin),
            Planned::Grpc(planned) => Some(&planned.call.authority),
            Planned::Record(_) => None,
        }
    }

    /// How long all of a call may take; `None` = it is none.
    pub fn deadline(&self) -> Option<Duration> {
        match &self.what {
            Planned::Grpc(planned) => planned.call.deadline,
            Planned::Http(_) | Planned::Record(_) => None,
        }
    }

    /// Whether it may change something where it is sent.
    pub fn changes_something(&self) -> bool {
        match &self.what {
            Planned::Http(planned) => !is_safe(&planned.request.method),
            // What a method does, its name does not tell.
            Planned::Grpc(_) | Planned::Record(_) => true,
        }
    }

    /// Who asks.
    pub fn auth(&self) -> &Auth {
        match &self.what {
            Planned::Http(planned) => &planned.auth,
            Planned::Grpc(planned) => &planned.auth,
            Planned::Record(_) => &Auth::None,
        }
    }

    /// Bytes that go out: body, or messages, or key, value and headers.
    pub fn size_bytes(&self) -> u64 {
        let num = match &self.what {
            Planned::Http(planned) => planned.request.body.len(),
            Planned::Grpc(planned) => planned.messages.iter().map(String::len).sum(),
            Planned::Record(planned) => planned.record.size_bytes(),
        };
        num as u64
    }
}

/// What plans are made with.
struct Planner<'a> {
    variables: &'a Variables<'a>,
    files: &'a Files,
    rows: &'a Rows,
}

impl Planner<'_> {
    /// A text with its values; what this program put in the place of a secret is no value.
    fn fill(&self, field: &'static str, text: &str) -> Result<String, Mistake> {
        let filled = self.variables.fill(text).map_err(|error| Mistake::new(field, error.to_string()))?;
        if holds_placeholder(filled.as_bytes()) {
            return Err(Mistake::new(field, "it holds a placeholder for a secret that was redacted. Write the value, or name a secret of the profile"));
        }
        Ok(filled.into_owned())
    }

    fn file(&self, field: &'static str, name: &str) -> Result<Bytes, Mistake> {
        self.files.get(name).cloned().ok_or_else(|| Mistake::new(field, format!("the file {name} was not read")))
    }

    fn pairs(&self, field: &'static str, pairs: &[Pair]) -> Result<Vec<(String, String)>, Mistake> {
        let sent: Vec<&Pair> = pairs.iter().filter(|pair| !(pair.off || pair.name.is_empty() && pair.value.is_empty())).collect();
        if sent.len() > MAX_PAIRS {
            return Err(Mistake::new(field, format!("there are {}; {MAX_PAIRS} are the most", sent.len())));
        }
        sent.into_iter().map(|pair| Ok((self.fill(field, &pair.name)?, self.fill(field, &pair.value)?))).collect()
    }

    /// Header lines, of a type that holds no line breaks.
    fn headers(&self, field: &'static str, pairs: &[Pair]) -> Result<HeaderMap, Mistake> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.pairs(field, pairs)? {
            let (name, value) = header(field, name.trim(), value.trim())?;
            headers.append(name, value);
        }
        Ok(headers)
    }

    /// The context and correlation id that something carries, as headers.
    fn carried(&self, carries: &Carries) -> Result<Carried, Mistake> {
        let mut carried = Carried::default();
        if carries.traceparent {
            let trace_id = (self.variables.random)().max(1);
            let span_id = ((self.variables.random)() as u64).max(1);
            carried.trace_id = Some(TraceId(trace_id));
            carried.headers.push(("traceparent".to_owned(), format!("00-{trace_id:032x}-{span_id:016x}-01")));
        }
        if !carries.correlation_header.is_empty() {
            let name = self.fill("carries", &carries.correlation_header)?;
            let given = self.fill("carries", &carries.correlation_id)?;
            let correlation_id = if given.is_empty() { uuid((self.variables.random)()) } else { given };
            carried.headers.push((name, correlation_id.clone()));
            carried.correlation_id = Some(correlation_id);
        }
        Ok(carried)
    }
}

/// What is carried so that what is caused can be seen.
#[derive(Default)]
struct Carried {
    trace_id: Option<TraceId>,
    correlation_id: Option<String>,
    headers: Vec<(String, String)>,
}

impl Carried {
    /// Puts them among other headers, but for those that were written there by hand; these then say which trace it is.
    fn put_into(self, headers: &mut HeaderMap) -> Result<(Option<TraceId>, Option<String>), Mistake> {
        let (mut trace_id, mut correlation_id) = (self.trace_id, self.correlation_id);
        for (name, value) in self.headers {
            let (name, value) = header("carries", &name, &value)?;
            match headers.get(&name).and_then(|own| own.to_str().ok()) {
                Some(own) if name == "traceparent" => trace_id = switchboard_model::parse_traceparent(own).map(|context| context.trace_id),
                Some(own) => correlation_id = Some(own.to_owned()),
                None => {
                    headers.append(name, value);
                }
            }
        }
        Ok((trace_id, correlation_id))
    }
}

fn header(field: &'static str, name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Mistake> {
    let told: String = name.chars().take(80).collect();
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Mistake::new(field, format!("`{}` is no name of a header", told.escape_debug())))?;
    let value = HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| Mistake::new(field, format!("the value of {told} holds a line break or another character that no header can hold")))?;
    Ok((name, value))
}

/// Whether bytes hold what this program puts in the place of secrets: `redacted:` and six hexadecimal digits.
pub(crate) fn holds_placeholder(bytes: &[u8]) -> bool {
    const WORD: &[u8] = b"redacted:";
    let mut rest = bytes;
    while let Some(at) = rest.windows(WORD.len()).position(|window| window == WORD) {
        rest = &rest[at + WORD.len()..];
        if rest.get(..6).is_some_and(|digits| digits.iter().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit))) {
            return true;
        }
    }
    false
}

/// Whether a text is JSON; where it is not, and how. A number of any length stays as it is written, for the text itself is sent.
fn check_json(field: &'static str, text: &str) -> Result<(), Mistake> {
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map(drop)
        .map_err(|error| Mistake::new(field, format!("this is no JSON: {error}. Choose text to send it all the same")))
}

/// Bytes that hexadecimal digits write; spaces between them are passed by.
pub(in crate::send) fn from_hex(field: &'static str, text: &str) -> Result<Vec<u8>, Mistake> {
    let mut digits = Vec::with_capacity(text.len());
    for c in text.chars().filter(|c| !c.is_whitespace()) {
        digits.push(c.to_digit(16).ok_or_else(|| Mistake::new(field, format!("`{}` is no hexadecimal digit", c.escape_debug())))? as u8);
    }
    if digits.len() % 2 == 1 {
        return Err(Mistake::new(field, "a byte has two hexadecimal digits; here one is left over"));
    }
    Ok(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
