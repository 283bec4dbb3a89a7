//! Why a record died, read from the headers that frameworks write. Values are bytes of strangers.

use switchboard_model::FailureField::{
    Attempts, Cause, CauseMessage, DueMs, Exception, FirstTryMs, Group, Message, NextAttempt, Offset, Origin, Partition, Reason, Stack, TimestampMs,
};
use switchboard_model::{FAILURE_DIALECTS, FailureField, HeaderDecoder, ToldPlace, group_in_name, may_tell_failure};

use crate::state::fingerprint;
use crate::words;

/// Headers of a record that are looked at.
const MAX_HEADERS: usize = 512;
/// Bytes of a text that are looked at.
const MAX_TEXT_BYTES: usize = 4096;
/// Bytes of a stack trace that are looked at.
const MAX_STACK_BYTES: usize = 64 * 1024;
/// Characters of a name that are kept.
const MAX_NAME_CHARS: usize = 255;
/// Characters of a message that are kept.
const MAX_MESSAGE_CHARS: usize = 1000;

/// What a dead letter's headers tell. All text is safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeadLetterInfo {
    /// The dialect that proves it.
    pub(crate) dialect: &'static str,
    /// The channel it truly came from.
    pub(crate) origin: Option<String>,
    /// Where it lay there, as far as that is told.
    pub(crate) origin_place: Option<ToldPlace>,
    /// Its timestamp there, ns since the Unix epoch.
    pub(crate) origin_timestamp_ns: Option<i64>,
    /// Class of the exception.
    pub(crate) exception: Option<String>,
    /// Class of what caused it, which tells more where the framework wraps what the application threw.
    pub(crate) cause: Option<String>,
    /// Message that belongs to the cause, or else to the exception.
    pub(crate) message: Option<String>,
    /// Where that was thrown: type and function.
    pub(crate) stack_top_frame: Option<String>,
    /// How often it was tried.
    pub(crate) attempts: Option<u64>,
    /// When its tries began, ns since the Unix epoch.
    pub(crate) first_try_ns: Option<i64>,
    /// When it is to be tried again, or was the last time, ns since the Unix epoch.
    pub(crate) due_ns: Option<i64>,
    /// The consumer group (or connector, or consumer) that gave it up.
    pub(crate) group: Option<String>,
    /// Whether the headers prove that it failed, wherever it lies.
    pub(crate) is_proof: bool,
}

impl DeadLetterInfo {
    /// Exception, top frame and message without ids: what equal deaths have in common.
    pub(crate) fn fingerprint(&self) -> String {
        let class = self.cause.as_deref().or(self.exception.as_deref());
        fingerprint::fingerprint(class, self.stack_top_frame.as_deref(), self.message.as_deref())
    }

    /// The group that gave up a record which lies on this channel. Spring Cloud Stream's headers leave it out; the name of its channel has it.
    pub(crate) fn group_on(&self, channel: &str) -> Option<String> {
        self.group.clone().or_else(|| group_in_name(channel, self.origin.as_deref()?).map(str::to_owned))
    }

    /// How long it was tried before it was given up at this time, ns.
    pub(crate) fn retried_ns(&self, timestamp_ns: Option<i64>) -> Option<i64> {
        let first_ns = self.first_try_ns?;
        timestamp_ns.map(|at_ns| at_ns.saturating_sub(first_ns)).filter(|ns| *ns >= 0)
    }
}

/// Reads a record's headers, in their order; `None` where no dialect fits.
pub(crate) fn parse<'a>(headers: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>) -> Option<DeadLetterInfo> {
    let mut found = vec![([None::<&[u8]>; FailureField::NUM], [HeaderDecoder::Text; FailureField::NUM], 0_usize); FAILURE_DIALECTS.len()];
    for (name, value) in headers.into_iter().take(MAX_HEADERS).filter(|(name, _)| may_tell_failure(name)) {
        let Some(value) = value else { continue };
        for (dialect, (values, decoders, num)) in FAILURE_DIALECTS.iter().zip(&mut found) {
            let header = dialect.headers.iter().find(|(header, ..)| *header == name);
            let Some((_, field, decoder)) = header.filter(|(_, _, decoder)| decoder.reads(value)) else { continue };
            let slot = &mut values[*field as usize];
            *num += usize::from(slot.is_none());
            let first_counts = dialect.appends_origin && matches!(field, Origin | Partition | Offset | TimestampMs | FirstTryMs);
            if slot.is_none() || !first_counts {
                (*slot, decoders[*field as usize]) = (Some(value), *decoder);
            }
        }
    }
    let best = found.iter().zip(FAILURE_DIALECTS).rev().filter(|((_, _, num), dialect)| *num >= dialect.min_headers).max_by_key(|((_, _, num), _)| *num);
    let ((values, decoders, _), dialect) = best?;

    let text = |field: FailureField, max_bytes: usize| values[field as usize].map(|value| lossy(value, max_bytes)).filter(|text| !text.trim().is_empty());
    let number = |field: FailureField| values[field as usize].and_then(|value| decoders[field as usize].number(value)).filter(|number| *number >= 0);
    let time_ns = |field: FailureField| number(field).and_then(|number| number.checked_mul(1_000_000));
    let name = |field: FailureField| text(field, MAX_TEXT_BYTES).map(|text| words::visible(text.trim(), MAX_NAME_CHARS));
    let stack = text(Stack, MAX_STACK_BYTES).unwrap_or_default();
    let thrown = fingerprint::Thrown::of(
        text(Exception, MAX_TEXT_BYTES).as_deref(),
        text(Cause, MAX_TEXT_BYTES).as_deref(),
        text(Message, MAX_TEXT_BYTES).or_else(|| text(Reason, MAX_TEXT_BYTES)).as_deref(),
        text(CauseMessage, MAX_TEXT_BYTES).as_deref(),
        &stack,
    );
    Some(DeadLetterInfo {
        dialect: dialect.name,
        origin: name(Origin),
        origin_place: ToldPlace::of(number(Partition).and_then(|number| i32::try_from(number).ok()), number(Offset)),
        origin_timestamp_ns: time_ns(TimestampMs).or_else(|| time_ns(FirstTryMs)),
        exception: name(Exception),
        cause: thrown.cause.map(|cause| words::visible(cause.trim(), MAX_NAME_CHARS)),
        message: thrown.message.map(|message| words::visible(message.trim(), MAX_MESSAGE_CHARS)),
        stack_top_frame: thrown.top_frame.map(|frame| words::visible(&frame, MAX_NAME_CHARS)),
        attempts: number(Attempts).or_else(|| number(NextAttempt).map(|next| (next - 1).max(0))).map(|number| number as u64),
        first_try_ns: time_ns(FirstTryMs),
        due_ns: time_ns(DueMs),
        group: name(Group),
        is_proof: dialect.proves(|field| values[field as usize].is_some()),
    })
}

/// The text, cut, with a mark in the place of what is not UTF-8.
fn lossy(value: &[u8], max_bytes: usize) -> String {
    String::from_utf8_lossy(&value[..value.len().min(max_bytes)]).into_owned()
}

#[cfg(test)]
mod tests;
