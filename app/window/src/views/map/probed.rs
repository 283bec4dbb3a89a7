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
        if !self.told_nothing.is_empty() {
            let remembered: BTreeSet<TraceId> = failing.iter().flat_map(|probe| last_of(board, probe)).filter_map(|one| one.trace_id).collect();
            self.told_nothing.retain(|trace_id| remembered.contains(trace_id));
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
        let mut unknown = failing.iter().filter(|probe| !self.services.contains_key(&probe.sent_id));
        unknown.find_map(|probe| {
            let ready = last_of(board, probe).iter().rev().filter(|one| clock_ns.saturating_sub(one.at_ns) >= SPANS_WITHIN_NS);
            let trace_id = ready.filter_map(|one| one.trace_id).find(|trace_id| !self.told_nothing.contains(trace_id))?;
            Some((probe.sent_id, trace_id))
        })
    }
}

/// Its last requests, as far as they are remembered.
fn last_of<'a>(board: &'a SendBoard, probe: &FailingProbe) -> &'a [One] {
    let sent = board.probes().find(|sent| sent.sent_id == probe.sent_id);
    sent.and_then(|sent| sent.figures.as_ref()).map_or(&[], |figures| figures.last.as_slice())
}

/// The service at which a trace begins.
fn answered_by(trace: &TraceView) -> Option<String> {
    let serves = trace.spans.iter().filter(|span| span.kind == SpanKind::Server);
    serves.min_by_key(|span| span.start_ns).map(|span| span.service.clone())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc::sync_channel};

    use switchboard_desk::send::{RepeatFigures, Sent};

    use super::*;
    use crate::{
        testing::NOW_NS,
        views::{send::sample, traces::sample as traces},
    };

    #[test]
    fn the_first_that_serves_has_answered() {
        assert_eq!(answered_by(&traces::checkout()).as_deref(), Some("web-bff"));
        assert_eq!(answered_by(&TraceView::default()), None);
    }

    #[test]
    fn a_probe_of_which_no_trace_tells_keeps_no_other_from_being_asked_about() {
        let silent = sample::failing_probe();
        let mut figures = RepeatFigures::clone(silent.figures.as_deref().expect("figures"));
        figures.last.iter_mut().for_each(|one| one.trace_id = Some(traces::TRACE));
        let other = Sent { sent_id: SentId(11), figures: Some(Arc::new(figures)), ..silent.clone() };
        let both = SendBoard { sent: [silent, other.clone()].map(Arc::new).to_vec(), ..sample::board() };
        let (mut probed, mut asker) = (Probed::default(), Asker::default());
        let mut told = Vec::new();
        for frame in 0..100 {
            asker.take(1, 7, f64::from(frame));
            told = probed.take(&both, &mut asker, NOW_NS);
            asker.send(|query| {
                let is_of_other = query == Query::Point(PointQuery::Trace { trace_id: traces::TRACE });
                let (sender, receiver) = sync_channel(1);
                sender.send(Answer::Trace(Arc::new(if is_of_other { traces::checkout() } else { TraceView::default() }))).expect("room");
                receiver
            });
        }
        let told: Vec<_> = told.iter().map(|probe| (probe.sent_id, probe.service.as_deref())).collect();
        assert_eq!(told, [(SentId(10), None), (SentId(11), Some("web-bff"))]);
        assert_eq!(probed.told_nothing.len(), 40);
        let alone = SendBoard { sent: vec![Arc::new(other)], ..sample::board() };
        probed.take(&alone, &mut asker, NOW_NS);
        assert!(probed.told_nothing.is_empty(), "what nobody remembers is forgotten");
    }
}
