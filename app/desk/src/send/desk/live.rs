//! An answer while it comes: told from wherever it comes, shown at most some thirty times a second.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use parking_lot::Mutex;
use switchboard_model::Phase;

use super::Office;
use crate::send::board::{Answer, Message, SHOWN_BYTES, SentId, Status};

/// Between two looks at what came.
pub(super) const SHOW_EVERY: Duration = Duration::from_millis(34);
/// Of a body so much is kept at most, bytes: no more of it is read.
const WHOLE_BYTES_MAX: usize = 64 << 20;
/// Messages of a call that are kept.
const MAX_MESSAGES: usize = 5_000;
/// Bytes of their texts.
const MESSAGES_BYTES_MAX: usize = 8 << 20;

/// An answer while it comes. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Live(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answer: Answer,
    /// The body while it grows, as much of it as is kept.
    body: Vec<u8>,
    /// Whether all of it is kept; else what is shown.
    is_kept_whole: bool,
    messages_bytes: usize,
    /// Whether bytes of what is sent may have left this machine.
    has_left: bool,
    is_changed: bool,
}

impl Live {
    /// One that keeps the whole body, which may be asked for once it has come.
    pub(super) fn whole() -> Self {
        Self(Arc::new(Mutex::new(State { is_kept_whole: true, ..State::default() })))
    }

    /// The whole body, where it is longer than what is shown and was kept.
    pub(super) fn take_whole(&self) -> Option<Bytes> {
        let mut state = self.0.lock();
        let is_longer = state.is_kept_whole && state.body.len() > SHOWN_BYTES && state.body.len() as u64 == state.answer.body_bytes;
        is_longer.then(|| std::mem::take(&mut state.body).into())
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock();
        change(&mut state);
        state.is_changed = true;
    }

    pub(super) fn took(&self, phase: Phase, took: Duration) {
        self.change(|state| state.answer.took.push((phase, took)));
    }

    pub(super) fn leaves(&self) {
        self.change(|state| state.has_left = true);
    }

    /// Whether bytes of what is sent may have left this machine.
    pub(super) fn has_left(&self) -> bool {
        self.0.lock().has_left
    }

    /// It is given up.
    pub(super) fn cancels(&self) {
        self.change(|state| state.answer.is_cancelled = state.has_left);
    }

    pub(super) fn status(&self, status: Status) {
        self.change(|state| state.answer.status = Some(status));
    }

    /// What the answer says of itself, until now.
    pub(super) fn status_now(&self) -> Option<Status> {
        self.0.lock().answer.status.clone()
    }

    /// All that came until now.
    #[cfg(test)]
    pub(super) fn answer_now(&self) -> Answer {
        self.0.lock().answer.clone()
    }

    pub(super) fn headers(&self, headers: &HeaderMap) {
        self.change(|state| state.answer.headers = lines(headers));
    }

    pub(super) fn body(&self, part: &Bytes) {
        self.change(|state| {
            state.answer.body_bytes += part.len() as u64;
            let most = if state.is_kept_whole { WHOLE_BYTES_MAX } else { SHOWN_BYTES };
            let room = most.saturating_sub(state.body.len());
            state.body.extend_from_slice(&part[..part.len().min(room)]);
        });
    }

    pub(super) fn ended(&self, wire_bytes: u64, cut: Option<String>, trailers: &HeaderMap) {
        self.change(|state| {
            state.answer.wire_bytes = Some(wire_bytes);
            state.answer.cut = cut;
            state.answer.trailers = lines(trailers);
        });
    }

    /// A message of a call, as JSON; its place among those that are kept, or `None` where it is not.
    pub(super) fn message(&self, is_ours: bool, text: String, size_bytes: usize, at_ns: i64) -> Option<usize> {
        let mut place = None;
        self.change(|state| {
            if state.answer.messages.len() >= MAX_MESSAGES || state.messages_bytes + text.len() > MESSAGES_BYTES_MAX {
                state.answer.messages_left_out += 1;
            } else {
                place = Some(state.answer.messages.len());
                state.messages_bytes += text.len();
                state.answer.messages.push(Message { is_ours, at_ns, text, size_bytes });
            }
        });
        place
    }

    /// The same message in other words, now that more is known of it; where there is room for these.
    pub(super) fn reword(&self, place: usize, text: String) {
        self.change(|state| {
            let Some(message) = state.answer.messages.get_mut(place) else { return };
            let others = state.messages_bytes.saturating_sub(message.text.len());
            if others + text.len() <= MESSAGES_BYTES_MAX {
                state.messages_bytes = others + text.len();
                message.text = text;
            }
        });
    }

    /// Details of the status, now that more is known of them.
    pub(super) fn details(&self, details: Vec<(String, String)>) {
        self.change(|state| state.answer.details = details);
    }

    pub(super) fn trailers(&self, trailers: &HeaderMap, details: Vec<(String, String)>) {
        self.change(|state| (state.answer.trailers, state.answer.details) = (lines(trailers), details));
    }

    pub(super) fn persisted(&self, status: Status, num_persisted: u64) {
        self.change(|state| (state.answer.status, state.answer.num_persisted) = (Some(status), num_persisted));
    }

    /// Shows what came since the last look.
    pub(super) fn show(&self, office: &Office, sent_id: SentId) {
        let answer = {
            let mut state = self.0.lock();
            if !std::mem::take(&mut state.is_changed) {
                return;
            }
            let shown = state.body.len().min(SHOWN_BYTES);
            if state.answer.body.len() < shown {
                state.answer.body = Bytes::copy_from_slice(&state.body[..shown]);
            }
            state.answer.clone()
        };
        office.change(sent_id, |sent| sent.answer = answer);
    }
}

/// Header lines in their order; bytes that are no text are written out.
fn lines(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_string(), value.to_str().map_or_else(|_| value.as_bytes().escape_ascii().to_string(), str::to_owned))).collect()
}

impl Answer {
    /// Bytes that it takes to keep it.
    pub(super) fn kept_bytes(&self) -> usize {
        let pairs = |pairs: &[(String, String)]| pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        let messages: usize = self.messages.iter().map(|message| message.text.len() + size_of::<Message>()).sum();
        self.body.len() + messages + pairs(&self.headers) + pairs(&self.trailers) + pairs(&self.details)
    }
}
