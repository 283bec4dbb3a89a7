//! What touches the world because somebody asked for it: an attempt to connect, reading records again, later sending and calling.
//! Each is an operation: it has an id, tells how far it is, hands over what it found, and ends in exactly one way.

use std::fmt;

use crate::FailureKind;

/// Number of an operation. It is never given again while the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationId(pub u64);

/// What an operation does, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationInfo {
    /// What is done: `Test`, `Preview of a replay to orders`.
    pub what: String,
    /// Name of the source that it is done with.
    pub source: String,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many are done.
    pub done: u64,
    /// Of so many; `None` = nobody knows how many there are.
    pub total: Option<u64>,
    /// What is counted, in the plural: `letters`.
    pub unit: &'static str,
}

impl Progress {
    /// The part that is done, from 0 to 1; `None` = the whole is not known.
    pub fn share(&self) -> Option<f64> {
        let total = self.total?;
        Some(if total == 0 { 1.0 } else { (self.done as f64 / total as f64).min(1.0) })
    }
}

/// Why an operation did not do what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationFailure {
    /// Of which kind the reason is.
    pub kind: FailureKind,
    /// What failed and why, in a sentence.
    pub reason: String,
    /// What the user can do next; empty where nothing is known.
    pub next_step: String,
}

impl fmt::Display for OperationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if self.next_step.is_empty() { Ok(()) } else { write!(f, ". {}", self.next_step) }
    }
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationEnd {
    /// It did what was asked for.
    Done,
    /// It was asked to stop.
    Cancelled,
    /// It did not do what was asked for.
    Failed(OperationFailure),
}

/// What an operation tells whoever asked for it, from `Started` to `Ended`. A page is of the asker's own type: answers and raw bytes
/// stay with whoever asked and never travel as batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationNews<P> {
    /// It runs.
    Started,
    /// It is so far; of several only the last is told.
    Progress(Progress),
    /// A part of what it found.
    Page(P),
    /// It ended; nothing comes after.
    Ended(OperationEnd),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_needs_a_whole_and_is_never_more_than_it() {
        let share = |done: u64, total: Option<u64>| Progress { done, total, unit: "letters" }.share();
        assert_eq!([share(0, Some(4)), share(1, Some(4)), share(9, Some(4)), share(0, Some(0))], [Some(0.0), Some(0.25), Some(1.0), Some(1.0)]);
        assert_eq!(share(9, None), None);
    }

    #[test]
    fn a_failure_says_why_and_what_to_do_next() {
        let told = |next_step: &str| {
            OperationFailure { kind: FailureKind::Connect, reason: "No answer within 10 s".to_owned(), next_step: next_step.to_owned() }.to_string()
        };
        assert_eq!([told(""), told("Check the port")], ["No answer within 10 s", "No answer within 10 s. Check the port"]);
    }
}
