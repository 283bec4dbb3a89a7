//! What can be seen of sending: replaced as a whole with each change, and never waited for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use switchboard_engine::view::RecordView;
use switchboard_model::{Origin, Phase, Place, TraceId};

use crate::ledger::{Settled, TargetKind, outcome_word};
use crate::send::access::MethodSchema;
use crate::send::charset::{reading, text_of};
use crate::send::command::SendAsk;
use crate::send::draft::{GrpcDraft, Request, SchemaFrom};
use crate::send::figures::RepeatFigures;
use crate::send::plan::Mistake;
use crate::send::saved::SavedBoard;

/// Of an answer's body so much is shown, bytes.
pub const SHOWN_BYTES: usize = 1 << 20;

/// All that can be seen of sending.
#[derive(Clone, Debug, Default)]
pub struct SendBoard {
    /// Rises with each change.
    pub version: u64,
    /// What was sent in this session, the last one first.
    pub sent: Vec<Arc<Sent>>,
    /// How many more there were, which were forgotten for their room.
    pub num_forgotten: u64,
    /// What has to be answered before the last one is sent.
    pub asking: Option<Arc<Asking>>,
    /// What is wrong with the last draft, and where.
    pub mistake: Option<Mistake>,
    /// Why the last command was not carried out; what to do.
    pub refusal: Option<String>,
    /// How many commands were not carried out since too many waited.
    pub num_lost: u64,
    /// The body that was written into a file last: of which answer, and where it lies.
    pub written: Option<(SentId, String)>,
    /// What became of the last message that was written into an open stream by hand; `None` = none was yet.
    pub by_hand: Option<ByHand>,
    /// The requests that are kept in files, and the environments beside them.
    pub saved: Arc<SavedBoard>,
    /// What methods take, by where that is known from.
    pub schemas: BTreeMap<SchemaKey, SchemaBoard>,
    /// Clusters that records can be sent to, by the names of their sources.
    pub clusters: Vec<String>,
    /// Secrets of the profile that a request can name, each with the one server that it may go to.
    pub secrets: Vec<(String, Origin)>,
}

impl SendBoard {
    /// What was sent last, as long as it goes on; a probe goes on beside.
    pub fn going(&self) -> Option<&Arc<Sent>> {
        self.sent.iter().find(|sent| !sent.is_probe()).filter(|sent| sent.is_going())
    }

    /// Probes that run, the last one first.
    pub fn probes(&self) -> impl Iterator<Item = &Arc<Sent>> {
        self.sent.iter().filter(|sent| sent.is_probe() && sent.is_going())
    }
}

/// Number of something that was sent; never given again in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SentId(pub u64);

/// Something that was sent, or is being.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Which.
    pub sent_id: SentId,
    /// What was asked for.
    pub ask: SendAsk,
    /// What that comes to in a few words, without what may be secret: `POST /checkout`.
    pub call: String,
    /// Where it goes: an origin, or a cluster by the name of its source.
    pub target: String,
    /// How many requests or records it is.
    pub num: u64,
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
    /// The trace that it, or the first of it, begins; `None` = none.
    pub trace_id: Option<TraceId>,
    /// Its correlation id; `None` = none.
    pub correlation_id: Option<String>,
    /// What became of it; `None` = it goes on.
    pub settled: Option<Settled>,
    /// When that was known, ns since the Unix epoch.
    pub ended_ns: Option<i64>,
    /// Whether messages can be added by hand.
    pub is_open: bool,
    /// What was answered until now.
    pub answer: Answer,
    /// The reply that a record awaits; `None` = none is awaited.
    pub reply: Option<Reply>,
    /// Figures of many; `None` = it is one, or records. The answer is that of the first, of a probe that of the last.
    pub figures: Option<Arc<RepeatFigures>>,
}

impl Sent {
    /// Whether it goes on.
    pub fn is_going(&self) -> bool {
        self.settled.is_none() || matches!(self.reply, Some(Reply::Awaited))
    }

    /// What became of it, in a word: `answered`, `called`, `persisted`, `not sent`, `not persisted`, `possibly sent` (no answer came, so a server may have
    /// carried it out), `possibly persisted`; `None` = it goes on.
    pub fn outcome_word(&self) -> Option<&'static str> {
        let kind = match &self.ask.draft.request {
            Request::Http(_) => TargetKind::Http,
            Request::Grpc(_) => TargetKind::Grpc,
            Request::Record(_) => TargetKind::Channel,
        };
        self.settled.as_ref().map(|settled| outcome_word(settled, kind))
    }

    /// Whether it is a probe, which is sent again and again until it is stopped.
    pub fn is_probe(&self) -> bool {
        self.ask.is_probe
    }

    /// How long it took, or takes until now, ns.
    pub fn took_ns(&self, now_ns: i64) -> i64 {
        (self.ended_ns.unwrap_or(now_ns) - self.at_ns).max(0)
    }
}

/// What was answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// How long its parts took, in their order.
    pub took: Vec<(Phase, Duration)>,
    /// What it says of itself; `None` = nothing yet.
    pub status: Option<Status>,
    /// Headers, in their order; bytes that are no text are written out.
    pub headers: Vec<(String, String)>,
    /// What came after the body or the last message.
    pub trailers: Vec<(String, String)>,
    /// The beginning of the body, decompressed, at most [`SHOWN_BYTES`].
    pub body: Bytes,
    /// Bytes of all of the body that came, decompressed.
    pub body_bytes: u64,
    /// Bytes of it on the wire; `None` = not known yet.
    pub wire_bytes: Option<u64>,
    /// Why not all of it came; `None` = all came, or more comes.
    pub cut: Option<String>,
    /// Whether it was given up here after it had left; what had come by then stands here.
    pub is_cancelled: bool,
    /// Messages of a gRPC call, ours and the server's, in the order in which they went and came.
    pub messages: Vec<Message>,
    /// How many more there were, which are not kept.
    pub messages_left_out: u64,
    /// Details of a gRPC status: a type, and what it says.
    pub details: Vec<(String, String)>,
    /// Records that were written: how many copies, and the last of their places.
    pub num_persisted: u64,
}

impl Answer {
    /// How many messages of a gRPC call the server sent, of those that are kept.
    pub fn num_received(&self) -> u64 {
        self.messages.iter().filter(|message| !message.is_ours).count() as u64
    }

    /// The beginning of the body as text, and its encoding where that is none of UTF-8; `None` = it is no text, as far as it says.
    pub fn text(&self) -> Option<(Cow<'_, str>, Option<&'static str>)> {
        text_of(&self.body, self.content_type(), self.is_body_a_beginning())
    }

    /// Whether the body is text, as far as it says.
    pub fn is_text(&self) -> bool {
        reading(&self.body, self.content_type(), self.is_body_a_beginning()).is_some()
    }

    /// Whether more of the body came than is kept, comes yet, or would have come.
    fn is_body_a_beginning(&self) -> bool {
        self.wire_bytes.is_none() || self.cut.is_some() || (self.body.len() as u64) < self.body_bytes
    }

    fn content_type(&self) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"))?;
        Some(value)
    }

    /// What was received of a gRPC call: the server's messages that are kept, one JSON a line; `None` = none came.
    pub fn received(&self) -> Option<String> {
        let lines: Vec<String> = self.messages.iter().filter(|message| !message.is_ours).map(|message| in_one_line(&message.text)).collect();
        (!lines.is_empty()).then(|| lines.join("\n") + "\n")
    }

    /// Whether the server sent a message of a gRPC call that is kept.
    pub fn has_received(&self) -> bool {
        self.messages.iter().any(|message| !message.is_ours)
    }
}

/// JSON in one line: only what stands between its tokens goes. What is no JSON, bytes of an unknown type, becomes a string of it.
fn in_one_line(text: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return serde_json::Value::from(text).to_string();
    }
    let (mut line, mut is_in_string, mut is_escaped) = (String::with_capacity(text.len()), false, false);
    for c in text.chars() {
        if is_in_string {
            is_in_string = is_escaped || c != '"';
            is_escaped = c == '\\' && !is_escaped;
        } else if c.is_ascii_whitespace() {
            continue;
        } else {
            is_in_string = c == '"';
        }
        line.push(c);
    }
    line
}

/// What an answer says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Of HTTP.
    Http {
        /// The status.
        status: u16,
        /// The protocol.
        version: &'static str,
    },
    /// Of gRPC.
    Grpc {
        /// google.rpc.Code.
        code: i32,
        /// In the server's words.
        message: String,
    },
    /// A broker acknowledged a record.
    Persisted {
        /// Where it lies; `None` = the broker did not say.
        at: Option<Place>,
    },
}

impl Status {
    /// Whether the server says that it failed, or refused.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Http { status, .. } => is_http_failure(*status),
            Self::Grpc { code, .. } => *code != 0,
            Self::Persisted { .. } => false,
        }
    }
}

/// Whether an HTTP status says that a request failed. The last word of a server is no 1xx; that of 101 is that it speaks something else from then on,
/// which nobody here asks for.
pub(super) fn is_http_failure(status: u16) -> bool {
    !(200..400).contains(&status)
}

/// The reply to a record, on another topic.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It has not come yet.
    Awaited,
    /// It came.
    Came {
        /// As it was read there.
        record: Arc<RecordView>,
        /// How long after the first record was sent, ns.
        took_ns: i64,
    },
    /// It did not come in time, or cannot be seen: why, and what to do.
    Missing(String),
}

impl Reply {
    /// Bytes that it takes to keep it.
    pub(super) fn kept_bytes(&self) -> usize {
        let Self::Came { record, .. } = self else { return 0 };
        let headers = record.headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, Vec::len));
        record.key.as_ref().map_or(0, Vec::len) + record.value.as_ref().map_or(0, Vec::len) + headers.sum::<usize>()
    }
}

/// A message of a gRPC call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether we sent it.
    pub is_ours: bool,
    /// When, ns since the Unix epoch.
    pub at_ns: i64,
    /// As JSON; where its type is not known, its bytes as hex.
    pub text: String,
    /// Bytes on the wire, decompressed.
    pub size_bytes: usize,
}

/// What became of a message that was written into an open stream by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByHand {
    /// Into which stream.
    pub sent_id: SentId,
    /// Rises with each such message.
    pub number: u64,
    /// Why it was not taken; `None` = it was.
    pub refused: Option<String>,
}

/// What has to be answered before something is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Asking {
    /// What would be sent.
    pub ask: SendAsk,
    /// Where: an origin, or a cluster by the name of its source.
    pub target: String,
    /// What is asked.
    pub question: Question,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Nothing allows sending there: whether it is allowed for this session.
    Allow {
        /// In production this has to be typed.
        type_name: Option<String>,
        /// What that means, in a sentence.
        means: String,
    },
    /// Whether it is meant: it may change something there.
    Confirm {
        /// What would be sent, in a sentence: with target and count.
        what: String,
        /// Whether it goes to this machine.
        is_here: bool,
    },
}

/// Where it is known from what methods take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaKey {
    /// The server's address as it is written, variables and all; empty where files tell.
    pub url: String,
    /// What it is asked for as, in the same way: behind one address there may be several.
    pub authority: String,
    /// From where.
    pub from: SchemaFrom,
}

impl SchemaKey {
    /// Of a call.
    pub fn of(draft: &GrpcDraft) -> Self {
        let (url, authority) = if draft.schema == SchemaFrom::Reflection { (draft.url.clone(), draft.authority.clone()) } else { Default::default() };
        Self { url, authority, from: draft.schema.clone() }
    }
}

/// What is known of methods.
#[derive(Clone, Debug)]
pub enum SchemaBoard {
    /// It is being asked.
    Asking,
    /// These.
    Known(Arc<dyn MethodSchema>),
    /// Why not; what to do.
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_received_is_a_json_a_line_of_which_no_value_is_changed() {
        let message = |is_ours: bool, text: &str| Message { is_ours, at_ns: 0, text: text.to_owned(), size_bytes: text.len() };
        let theirs = "{\n  \"a b\": \"x \\\" \\\\\",\n  \"num\": 12345678901234567890.10,\n  \"l\": [ 1, 2 ]\n}";
        let messages = vec![message(true, "{}"), message(false, theirs), message(false, "\\x08 \\x96"), message(false, "{ }")];
        let answer = Answer { messages, ..Answer::default() };
        let expected = "{\"a b\":\"x \\\" \\\\\",\"num\":12345678901234567890.10,\"l\":[1,2]}\n\"\\\\x08 \\\\x96\"\n{}\n";
        assert_eq!(answer.received().as_deref(), Some(expected));
        let ours = Answer { messages: vec![message(true, "{}")], ..Answer::default() };
        assert_eq!((ours.received(), ours.has_received(), answer.has_received()), (None, false, true));
    }
}
