//! Probes that fail, for the map: as the board of what is sent says, with the service that answered one of them, as its trace tells.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_desk::send::{One, SendBoard, SentId};
use switchboard_engine::view::{Answer, PointQuery, Query, TraceView};
use switchboard_model::{SpanKind, TraceId};

use crate::{
    view::{Asker, Slot},
    words::probes::FailingProbe,
};

/// So long after one was sent its spans have come, ns.
const SPANS_WITHIN_NS: i64 = 5_000_000_000;

/// What is known of probes.
#[derive(Default)]
pub(crate) struct Probed {
    /// Who answered.
    services: BTreeMap<SentId, String>,
    /// Traces that told of nobody.
    told_nothing: BTreeSet<TraceId>,
}

impl Probed {
    /// The probes that fail now.
    pub(crate) fn take(&mut self, board: &SendBoard, asker: &mut Asker, clock_ns: i64) -> Vec<FailingProbe> {
        let mut failing: Vec<FailingProbe> = board.probes().filter_map(|sent| FailingProbe::of(sent)).collect();
        self.services.retain(|sent_id, _| board.probes().any(|sent| sent.sent_id == *sent_id));
        if failing.is_empty() {
            self.told_nothing.clear();
        }
        if let Some((sent_id, trace_id)) = self.asks(board, &failing, clock_ns) {
            let standing = asker.standing(Slot::ProbeTrace, &Query::Point(PointQuery::Trace { trace_id }));
            if standing.is_of_this_question
                && let Some(Answer::Trace(trace)) = standing.answer
            {
                match answered_by(trace) {
                    Some(service) => {
                        self.services.insert(sent_id, service);
                    }
                    None => {
                        self.told_nothing.insert(trace_id);
                    }
                }
            }
        }
        for probe in &mut failing {
            probe.service = self.services.get(&probe.sent_id).cloned();
        }
        failing
    }

    /// The newest trace that may tell who answers a probe, and of which probe it is.
    fn asks(&self, board: &SendBoard, failing: &[FailingProbe], clock_ns: i64) -> Option<(SentId, TraceId)> {
        let unknown = failing.iter().find(|probe| !self.services.contains_key(&probe.sent_id))?;
        let sent = board.probes().find(|sent| sent.sent_id == unknown.sent_id)?;
        let last: &[One] = &sent.figures.as_ref()?.last;
        let ready = last.iter().rev().filter(|one| clock_ns.saturating_sub(one.at_ns) >= SPANS_WITHIN_NS);
        let trace_id = ready.filter_map(|one| one.trace_id).find(|trace_id| !self.told_nothing.contains(trace_id))?;
        Some((unknown.sent_id, trace_id))
    }
}

/// The service at which a trace begins.
fn answered_by(trace: &TraceView) -> Option<String> {
    let serves = trace.spans.iter().filter(|span| span.kind == SpanKind::Server);
    serves.min_by_key(|span| span.start_ns).map(|span| span.service.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::traces::sample as traces;

    #[test]
    fn the_first_that_serves_has_answered() {
        assert_eq!(answered_by(&traces::checkout()).as_deref(), Some("web-bff"));
        assert_eq!(answered_by(&TraceView::default()), None);
    }
}
