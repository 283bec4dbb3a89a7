//! Questions that look at many rows. Each holds on to the segments that it looks at, so that another thread may run it.

mod find;
mod letters;
mod logs;
mod most_used;
mod record_matches;
mod records;
mod through;
mod traces;
mod written;

use std::sync::atomic::AtomicBool;

use crate::view::Answer;

pub(crate) use find::{FindScan, NotKept};
pub(crate) use letters::LetterScan;
pub use letters::letter_told;
pub(crate) use logs::LogScan;
pub(crate) use most_used::MostUsedScan;
pub(crate) use record_matches::RecordScan;
pub(crate) use records::record_page;
pub(crate) use traces::TraceScan;

/// A look over many rows.
#[derive(Debug)]
pub(crate) enum Scan {
    /// For traces.
    Traces(TraceScan),
    /// For log records.
    Logs(LogScan),
    /// For the request that is asked most.
    MostUsed(MostUsedScan),
    /// For dead letters.
    Letters(LetterScan),
    /// For records of a channel that hold a text.
    Records(RecordScan),
    /// For any text.
    Find(Box<FindScan>),
}

/// Scans of a kind supersede each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanKind {
    /// Of [`Scan::Traces`].
    Traces,
    /// Of [`Scan::Logs`].
    Logs,
    /// Of [`Scan::MostUsed`].
    MostUsed,
    /// Of [`Scan::Letters`].
    Letters,
    /// Of [`Scan::Records`].
    Records,
    /// Of [`Scan::Find`].
    Find,
}

impl ScanKind {
    /// How many scans there are of the kind at a time: one where a person types, some where several views ask.
    pub(crate) fn max_running(self) -> usize {
        match self {
            Self::Find | Self::Records | Self::MostUsed => 1,
            Self::Traces | Self::Logs | Self::Letters => 4,
        }
    }
}

impl Scan {
    /// Its kind.
    pub(crate) fn kind(&self) -> ScanKind {
        match self {
            Self::Traces(_) => ScanKind::Traces,
            Self::Logs(_) => ScanKind::Logs,
            Self::MostUsed(_) => ScanKind::MostUsed,
            Self::Letters(_) => ScanKind::Letters,
            Self::Records(_) => ScanKind::Records,
            Self::Find(_) => ScanKind::Find,
        }
    }

    /// Runs to the end, here and now.
    pub(crate) fn finish(self) -> Answer {
        let mut whole = None;
        self.run(&AtomicBool::new(false), &mut |part| whole = Some(merge(whole.take(), part)));
        whole.expect("a scan that nobody cancels answers")
    }

    /// Runs to the end, or until `cancelled` is set, and delivers what it finds: once, but for [`Scan::Find`].
    pub(crate) fn run(self, cancelled: &AtomicBool, deliver: &mut dyn FnMut(Answer)) {
        let answer = match self {
            Self::Find(scan) => return scan.run(cancelled, &mut |page| deliver(Answer::Found(page))),
            Self::Traces(scan) => scan.run(cancelled).map(Answer::Traces),
            Self::Logs(scan) => scan.run(cancelled).map(Answer::Logs),
            Self::MostUsed(scan) => scan.run(cancelled),
            Self::Letters(scan) => scan.run(cancelled).map(Answer::DeadLetters),
            Self::Records(scan) => scan.run(cancelled).map(Answer::RecordMatches),
        };
        if let Some(answer) = answer {
            deliver(answer);
        }
    }
}

/// Adds a later part of an answer to an earlier one.
pub(crate) fn merge(earlier: Option<Answer>, later: Answer) -> Answer {
    match (earlier, later) {
        (Some(Answer::Found(mut earlier)), Answer::Found(later)) => {
            earlier.hits.extend(later.hits);
            Answer::Found(crate::view::FindPage { hits: earlier.hits, ..later })
        }
        (_, later) => later,
    }
}

#[cfg(test)]
mod tests;
