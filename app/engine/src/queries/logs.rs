//! Log records, newest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::{Held, LogRef, LogSegment, Segment, StoredAt, log_view};
use crate::view::LogView;

/// A look over all stored log records.
#[derive(Debug)]
pub(crate) struct LogScan {
    pub(crate) logs: Held<LogSegment>,
    pub(crate) service: Option<String>,
    pub(crate) instance: Option<String>,
    pub(crate) min_severity: u8,
    pub(crate) limit: usize,
}

impl LogScan {
    /// Runs to the end, or until `cancelled` is set: then `None`. Of equal times the later arrival is the newer.
    pub(crate) fn run(&self, cancelled: &AtomicBool) -> Option<Vec<LogView>> {
        let mut newest: BinaryHeap<Reverse<(i64, StoredAt)>> = BinaryHeap::new();
        for (number, segment) in self.logs.segments() {
            if cancelled.load(Ordering::Relaxed) {
                return None;
            }
            let is_of_some = self.service.is_some() || self.instance.is_some();
            let of_some = is_of_some.then(|| segment.resources_of(self.service.as_deref(), self.instance.as_deref()));
            if of_some.as_ref().is_some_and(|resources| !resources.contains(&true)) {
                continue;
            }
            for (row, moment_ns) in segment.moments().enumerate() {
                let is_wanted = segment.severity(row) >= self.min_severity
                    && of_some.as_ref().is_none_or(|resources| resources.get(segment.resource_of(row) as usize) == Some(&true));
                let place = (moment_ns, StoredAt { segment: number, row: row as u16 });
                if is_wanted && (newest.len() < self.limit || newest.peek().is_some_and(|Reverse(oldest)| *oldest < place)) {
                    newest.push(Reverse(place));
                    if newest.len() > self.limit {
                        newest.pop();
                    }
                }
            }
        }
        // Sorted as it is wrapped: newest first.
        let places = newest.into_sorted_vec().into_iter().map(|Reverse((_, at))| at);
        let view = |at: StoredAt| {
            let segment = self.logs.segment(at.segment).filter(|segment| usize::from(at.row) < segment.num_rows())?;
            Some(log_view(at, LogRef::new(segment, at.row.into())))
        };
        Some(places.filter_map(view).collect())
    }
}
