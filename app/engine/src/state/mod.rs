//! What sources say of the world beside its traffic: topics, consumer groups and their lag, circuit breakers, dead
//! letters, and the sources themselves. Facts go in with the time at which they were received, views come out; no
//! clock, no order of arrival. Below the caps any permutation of the facts, each keeping its time, ends in the same views.

mod breaker_history;
mod breakers;
mod dead_letter_dialect;
mod dead_letters;
mod fingerprint;
mod groups;
mod inferred_breaker;
mod latest;
mod retry_topic;
mod sources;
mod span_readers;
mod told_events;
mod whereabouts;

pub(crate) use breakers::{Breakers, Guarded};
pub(crate) use dead_letter_dialect::DeadLetterInfo;
pub(crate) use dead_letters::{Asked, DeadLetters, KindNumber, death, dies_there};
pub(crate) use groups::{ChannelState, Groups};
pub(crate) use retry_topic::dues;
pub(crate) use sources::Sources;
pub(crate) use span_readers::{ReaderSpan, SpanReaders};
pub(crate) use whereabouts::Whereabouts;

#[cfg(test)]
mod tests;
