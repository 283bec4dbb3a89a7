//! The way of what was sent last, which lights up once on the map while its spans come in.

use std::collections::{BTreeSet, HashMap};

use switchboard_desk::send::{SendBoard, SentId};
use switchboard_engine::view::{Answer, PointQuery, Query, SpanView, TraceView};
use switchboard_model::{SpanId, SpanKind};

use crate::{
    sanitise::visible,
    view::{Asker, Slot},
};

/// How long a way stays lit after the last of it has come, s.
const LIT_S: f64 = 3.0;
/// So long after it was sent its spans are looked for, ns.
const LOOKED_FOR_NS: i64 = 20_000_000_000;

/// From one box to another, by their names, safe to show.
pub(crate) type Ways = BTreeSet<(String, String)>;

/// What is lit.
#[derive(Default)]
pub(crate) struct Lit {
    of: Option<(SentId, u64)>,
    ways: Ways,
    until_s: f64,
    /// What is lit after that.
    none: Ways,
}

impl Lit {
    /// Takes in what came of the last that was sent; the ways that are lit now.
    pub(crate) fn take(&mut self, board: &SendBoard, asker: &mut Asker, (clock_ns, now_s): (i64, f64)) -> &Ways {
        let is_fresh = |at_ns: i64| (0..LOOKED_FOR_NS).contains(&clock_ns.saturating_sub(at_ns));
        let last = board.sent.iter().find(|sent| !sent.is_probe()).filter(|sent| is_fresh(sent.ended_ns.unwrap_or(clock_ns)));
        if let Some((sent, trace_id)) = last.and_then(|sent| Some((sent, sent.trace_id?))) {
            let standing = asker.standing(Slot::SentWay, &Query::Point(PointQuery::Trace { trace_id }));
            let of = (sent.sent_id, standing.revision);
            if standing.is_of_this_question
                && self.of != Some(of)
                && let Some(Answer::Trace(trace)) = standing.answer
            {
                let ways = ways(trace);
                let is_same = self.of.is_some_and(|(before, _)| before == sent.sent_id);
                if !(ways.is_empty() || is_same && ways == self.ways) {
                    (self.ways, self.until_s) = (ways, now_s + LIT_S);
                }
                self.of = Some(of);
            }
        }
        if now_s < self.until_s { &self.ways } else { &self.none }
    }
}

/// Who called whom and what went over which channel, as a trace tells.
fn ways(trace: &TraceView) -> Ways {
    let by_id: HashMap<SpanId, &SpanView> = trace.spans.iter().map(|span| (span.span_id, span)).collect();
    let channel = |span: &SpanView| {
        let all = span.normalised.iter().chain(&span.attributes);
        let mut named = all.filter(|(name, _)| name == "messaging.destination.name" || name == "messaging.destination");
        named.next().map(|(_, value)| visible(value).into_owned())
    };
    let mut ways = Ways::new();
    for span in &trace.spans {
        let service = visible(&span.service).into_owned();
        match span.kind {
            SpanKind::Producer => ways.extend(channel(span).map(|channel| (service, channel))),
            SpanKind::Consumer => {
                let linked = || span.links.iter().find_map(|link| by_id.get(&link.span_id));
                let producer = by_id.get(&span.parent_span_id).or_else(linked);
                let channel = channel(span).or_else(|| producer.and_then(|producer| channel(producer)));
                ways.extend(channel.map(|channel| (channel, service)));
            }
            _ => {
                let caller = by_id.get(&span.parent_span_id).filter(|caller| caller.service != span.service);
                ways.extend(caller.map(|caller| (visible(&caller.service).into_owned(), service)));
            }
        }
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::traces::sample as traces;

    #[test]
    fn a_trace_tells_who_called_whom_and_over_which_channel() {
        let ways = ways(&traces::checkout());
        let told: Vec<String> = ways.iter().map(|(from, to)| format!("{from} → {to}")).collect();
        for way in ["web-bff → orders", "orders → orders.placed", "orders.placed → inventory"] {
            assert!(told.iter().any(|told| told == way), "{way}: {told:?}");
        }
    }
}
