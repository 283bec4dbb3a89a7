//! How a source is doing, told whenever that changes. All collectors tell it by a [`Teller`], and share its rules:
//!
//! - A [`Condition`] that says what the last one said is not told again, however often it is found.
//! - The newest one replaces an older one that still waits in the sink ([`Sink::status`]).
//!
//! Some share more:
//!
//! - What holds at the same time is told at once ([`Condition::and`]): the worst of it decides phase and kind, all of it is read. So OTLP
//!   tells of its ports and of what it passes on, and Kafka the first thing that is wrong with what it observes. HTTP tells the first
//!   thing that is wrong alone, gRPC the worst.
//! - One miss is no news ([`Misses`]): of a peer that has just answered, HTTP and gRPC tell what may pass by itself only if the next try
//!   fails too.
//!
//! Sentences begin with what they are about and end without a full stop; several are joined by one.

use std::collections::HashSet;

use crate::{FailureKind, Sink, SourcePhase, SourceStatus, now_ns};

/// How a source is doing: a [`SourceStatus`] but for which source it is and when that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// How it is doing.
    pub phase: SourcePhase,
    /// Why, where it is not live.
    pub failure: Option<FailureKind>,
    /// What is so, in sentences: what failed and why.
    pub detail: String,
    /// What the user can do next; empty where nothing is needed.
    pub next_step: String,
}

impl Condition {
    /// Not yet answered.
    pub fn connecting(detail: impl Into<String>) -> Self {
        Self { phase: SourcePhase::Connecting, failure: None, detail: detail.into(), next_step: String::new() }
    }

    /// All is as asked for.
    pub fn live(detail: impl Into<String>) -> Self {
        Self { phase: SourcePhase::Live, failure: None, detail: detail.into(), next_step: String::new() }
    }

    /// Works, but not all of it.
    pub fn degraded(failure: FailureKind, detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { phase: SourcePhase::Degraded, failure: Some(failure), detail: detail.into(), next_step: next_step.into() }
    }

    /// Does not work.
    pub fn failed(failure: FailureKind, detail: impl Into<String>, next_step: impl Into<String>) -> Self {
        Self { phase: SourcePhase::Failed, failure: Some(failure), detail: detail.into(), next_step: next_step.into() }
    }

    /// Ended, and not by itself.
    pub fn stopped(detail: impl Into<String>) -> Self {
        Self { phase: SourcePhase::Stopped, failure: None, detail: detail.into(), next_step: String::new() }
    }

    /// Both at once: phase and kind of the worse one (of two that are equally bad the first), and the sentences of both, each once.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let Self { phase, failure, detail, next_step } = other;
        if badness(phase) > badness(self.phase) {
            (self.phase, self.failure) = (phase, failure);
        }
        self.detail = sentences_of_both(&self.detail, &detail);
        self.next_step = sentences_of_both(&self.next_step, &next_step);
        self
    }
}

fn badness(phase: SourcePhase) -> u8 {
    match phase {
        SourcePhase::Live => 0,
        SourcePhase::Connecting => 1,
        SourcePhase::Degraded => 2,
        SourcePhase::Failed => 3,
        SourcePhase::Stopped => 4,
    }
}

fn sentences_of_both(first: &str, second: &str) -> String {
    let mut said = HashSet::new();
    let sentences = first.split(". ").chain(second.split(". "));
    sentences.filter(|sentence| !sentence.is_empty() && said.insert(*sentence)).collect::<Vec<_>>().join(". ")
}

/// Tells how a source is doing, whenever that changes. Threads that share one keep it behind a lock together with what they conclude
/// from, so that what is told last is what is so.
pub struct Teller {
    sink: Sink,
    told: Option<Condition>,
}

impl Teller {
    /// One that has told nothing yet.
    pub fn new(sink: Sink) -> Self {
        Self { sink, told: None }
    }

    /// Tells it, unless that is what was told last.
    pub fn tell(&mut self, condition: Condition) {
        if self.told.as_ref() == Some(&condition) {
            return;
        }
        let Condition { phase, failure, detail, next_step } = condition.clone();
        self.told = Some(condition);
        self.sink.status(SourceStatus { source: self.sink.source(), at_ns: now_ns(), phase, failure, detail, next_step });
    }
}

/// One miss is no news: of a peer that has just answered, a failure that may pass by itself is told only if the next try fails too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Misses {
    has_answered: bool,
}

impl Misses {
    /// The peer answered.
    pub fn answered(&mut self) {
        self.has_answered = true;
    }

    /// The peer did not answer as it should. Whether that is to be told now.
    pub fn failed(&mut self, is_passing: bool) -> bool {
        let had_answered = std::mem::take(&mut self.has_answered);
        !(had_answered && is_passing)
    }

    /// Whether the last try was answered.
    pub fn has_answered(&self) -> bool {
        self.has_answered
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Input, SourceId, channel};

    #[test]
    fn a_condition_is_told_when_anything_of_it_changes_and_only_then() {
        use FailureKind::{Connect, Peer};
        let (intake, mut outlet) = channel(1 << 20);
        let mut teller = Teller::new(intake.sink(SourceId(3)));
        let cases = [
            (Condition::connecting("asks a"), true),
            (Condition::connecting("asks a"), false),
            (Condition::live("a answers"), true),
            (Condition::live("a answers"), false),
            (Condition::live("a and b answer"), true),
            (Condition::degraded(Peer, "a and b answer", ""), true),
            (Condition::failed(Peer, "a and b answer", ""), true),
            (Condition::failed(Connect, "a and b answer", ""), true),
            (Condition::failed(Connect, "a and b answer", "Start b"), true),
            (Condition::failed(Connect, "a and b answer", "Start b"), false),
            (Condition::live("a answers"), true),
        ];
        for (condition, is_told) in cases {
            teller.tell(condition.clone());
            let told = match outlet.recv(Duration::ZERO) {
                Some(Input::Status(status)) => Some(status),
                _ => None,
            };
            assert_eq!(told.is_some(), is_told, "{condition:?}");
            if let Some(SourceStatus { source, at_ns, phase, failure, detail, next_step }) = told {
                assert!(source == SourceId(3) && at_ns > 0);
                assert_eq!(Condition { phase, failure, detail, next_step }, condition);
            }
        }
    }

    #[test]
    fn what_holds_at_once_is_read_whole_and_judged_by_its_worst() {
        use FailureKind::{Connect, Limit, Peer};
        let cases: [(&[Condition], Condition); 7] = [
            (&[Condition::live("a"), Condition::live("b")], Condition::live("a. b")),
            (&[Condition::live(""), Condition::live("b")], Condition::live("b")),
            (&[Condition::degraded(Peer, "a is slow", "Look at a"), Condition::live("3 of 4")], Condition::degraded(Peer, "a is slow. 3 of 4", "Look at a")),
            (
                &[Condition::live("3 of 4"), Condition::degraded(Limit, "a", "Do A"), Condition::degraded(Peer, "b", "Do B")],
                Condition::degraded(Limit, "3 of 4. a. b", "Do A. Do B"),
            ),
            (
                &[Condition::degraded(Limit, "a", "Do A"), Condition::failed(Connect, "b", ""), Condition::live("c")],
                Condition::failed(Connect, "a. b. c", "Do A"),
            ),
            (
                &[Condition::degraded(Peer, "a", "Do A"), Condition::degraded(Peer, "b", "Do B"), Condition::degraded(Peer, "c", "Do A")],
                Condition::degraded(Peer, "a. b. c", "Do A. Do B"),
            ),
            (&[Condition::live("a"), Condition::live("b"), Condition::live("a"), Condition::live("b. c")], Condition::live("a. b. c")),
        ];
        for (parts, expected) in cases {
            // Whichever two are joined first.
            let (from_first, from_last) = (parts.iter().cloned().reduce(Condition::and), parts.iter().cloned().rev().reduce(|rest, part| part.and(rest)));
            assert_eq!((from_first.as_ref(), from_last.as_ref()), (Some(&expected), Some(&expected)), "{parts:?}");
        }
    }

    #[test]
    fn one_miss_is_a_miss() {
        // What each try came to (`None` = answered, else whether it may pass by itself), and whether that is told.
        let cases: [&[(Option<bool>, bool)]; 4] = [
            &[(Some(true), true), (Some(true), true)],
            &[(None, false), (Some(true), false), (Some(true), true), (Some(true), true)],
            &[(None, false), (Some(true), false), (None, false), (Some(true), false)],
            &[(None, false), (Some(false), true), (Some(true), true)],
        ];
        for tries in cases {
            let mut misses = Misses::default();
            for (number, (came, is_told)) in tries.iter().enumerate() {
                let told = match came {
                    None => {
                        misses.answered();
                        false
                    }
                    Some(is_passing) => misses.failed(*is_passing),
                };
                assert_eq!((told, misses.has_answered()), (*is_told, came.is_none()), "try {number} of {tries:?}");
            }
        }
    }
}
