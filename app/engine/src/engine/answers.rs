//! What the engine answers: at once where it looks at little, by a scan where it looks at many rows.

use std::sync::Arc;

use switchboard_model::ItemKind;

use super::Engine;
use crate::queries::{FindScan, LetterScan, LogScan, MostUsedScan, NotKept, RecordScan, Scan, TraceScan, record_page};
use crate::view::{Answer, GroupDetail, GroupView, LagVerdict, LetterOrder, PointQuery, Query, RECORD_DETAILS_MAX, ScanQuery};

/// Most items that one query may ask for.
const MAX_ANSWER: usize = 10_000;
/// Channels that are named as not looked at; more are counted.
const MAX_NOT_TAILED: usize = 20;

impl Engine {
    /// Answers a question, here and now, however much there is to look at.
    pub fn query(&mut self, query: &Query) -> Answer {
        match query {
            Query::Point(query) => self.answer(query),
            Query::Scan(query) => self.scan(query).finish(),
        }
    }

    /// Answers a question that looks at little.
    pub(crate) fn answer(&mut self, query: &PointQuery) -> Answer {
        match query {
            PointQuery::Trace { trace_id } => Answer::Trace(Arc::new(self.store.trace(*trace_id))),
            PointQuery::Conversation { id, limit } => Answer::Conversation(self.store.conversation(id, (*limit).min(MAX_ANSWER))),
            PointQuery::Figures { range, as_of_ns } => {
                let range = crate::view::Range { to_ns: range.to_ns.min(*as_of_ns), ..*range };
                let report = self.with_chart(&[], |chart, observed| chart.report(observed, Some(range)));
                Answer::Figures(Box::new(report))
            }
            PointQuery::Records { channel, after, limit } => Answer::Records(record_page(&self.store, channel, *after, (*limit).min(MAX_ANSWER))),
            PointQuery::RecordDetails { rows } => {
                let rows = rows.iter().take(RECORD_DETAILS_MAX);
                Answer::RecordDetails(rows.map(|row| self.store.record_view((*row).into())).collect())
            }
            PointQuery::Group { cluster, group, topic } => Answer::Group(self.group(cluster.as_deref(), group, topic).map(Box::new)),
            PointQuery::History { of, range } => Answer::History(self.chart.history(&self.flow, *of, *range, self.now_ns)),
            PointQuery::Statuses { of, range } => Answer::Statuses(self.chart.statuses(&self.flow, *of, *range, self.now_ns)),
            PointQuery::Refused { limit } => {
                let mut refusals = self.sources.refusals();
                refusals.truncate(*limit);
                Answer::Refused(refusals)
            }
        }
    }

    /// Begins what looks at many rows, so that another thread may run it.
    pub(crate) fn scan(&self, query: &ScanQuery) -> Scan {
        let Self { store, .. } = self;
        match query {
            ScanQuery::Traces { filter, order, limit } => {
                let limit = (*limit).min(MAX_ANSWER);
                let channels =
                    filter.through.as_ref().map(|(from, to)| (self.chart.called_channels(&self.flow, from), self.chart.called_channels(&self.flow, to)));
                let channels = channels.unwrap_or_default();
                let addresses = filter.through.as_ref().map(|(_, to)| self.flow.addresses_of(to)).unwrap_or_default();
                Scan::Traces(TraceScan { spans: store.spans.held(), seed: store.seed, filter: filter.clone(), addresses, channels, order: *order, limit })
            }
            ScanQuery::Logs { service, instance, min_severity, limit } => {
                let limit = (*limit).min(MAX_ANSWER);
                let (service, instance) = (service.clone(), instance.clone());
                Scan::Logs(LogScan { logs: store.logs.held(), service, instance, min_severity: *min_severity, limit })
            }
            ScanQuery::MostUsed(of) => {
                Scan::MostUsed(MostUsedScan { spans: store.spans.held(), of: of.clone(), addresses: self.flow.addresses_of(&of.callee) })
            }
            ScanQuery::RecordMatches { channel, text, after, limit } => Scan::Records(RecordScan {
                records: store.records.held(),
                channel: channel.clone(),
                text: text.clone(),
                after: *after,
                limit: (*limit).min(MAX_ANSWER),
            }),
            ScanQuery::DeadLetters { channel, origin, fingerprint, order, skip, limit } => Scan::Letters(LetterScan {
                records: store.records.held(),
                asked: self.dead_letters.kinds_named(channel, origin.as_deref(), fingerprint),
                since_ns: i64::MIN,
                order: order.clone(),
                skip: *skip,
                limit: (*limit).min(MAX_ANSWER),
            }),
            ScanQuery::DeadLettersSince { cluster, since_ns, skip, limit } => Scan::Letters(LetterScan {
                records: store.records.held(),
                asked: self.dead_letters.kinds_in(cluster),
                since_ns: *since_ns,
                order: LetterOrder::OldestFirst,
                skip: *skip,
                limit: (*limit).min(MAX_ANSWER),
            }),
            ScanQuery::Find { text, limit } => Scan::Find(Box::new(FindScan {
                spans: store.spans.held(),
                records: store.records.held(),
                logs: store.logs.held(),
                seed: store.seed,
                text: text.clone(),
                limit: (*limit).min(MAX_ANSWER),
                not_kept: self.not_kept(),
            })),
        }
    }

    /// A group as a broker tells of it, or else as spans do.
    fn group(&mut self, cluster: Option<&str>, group: &str, topic: &str) -> Option<GroupDetail> {
        let shown = self.chart.last().groups;
        let is_asked_for = |known: &&GroupView| known.group == group && known.topic == topic && (cluster.is_none() || known.cluster.as_deref() == cluster);
        let shown = shown.iter().find(is_asked_for);
        match self.groups.detail((cluster, group, topic), self.now_ns, &self.sources) {
            Some(mut detail) => {
                detail.view.node_id = shown.and_then(|known| known.node_id);
                detail.view.readers = shown.map(|known| known.readers.clone()).unwrap_or_default();
                if let Some(shown) = shown.filter(|shown| shown.verdict == LagVerdict::Waits && shown.read_ns == detail.view.read_ns) {
                    // What the group's spans say of its back-off explains its partitions too.
                    let GroupView { verdict, partition, since_ns, reason, .. } = shown.clone();
                    (detail.view.verdict, detail.view.partition, detail.view.since_ns, detail.view.reason) = (verdict, partition, since_ns, reason);
                    for known in detail.partitions.iter_mut().filter(|known| matches!(known.verdict, LagVerdict::Growing | LagVerdict::Stuck)) {
                        known.verdict = LagVerdict::Waits;
                    }
                }
                Some(detail)
            }
            None => shown.map(|view| GroupDetail { view: view.clone(), partitions: Vec::new(), history: Vec::new(), others: Vec::new() }),
        }
    }

    fn not_kept(&self) -> NotKept {
        let (not_tailed, num_more_not_tailed) = self.groups.not_tailed(MAX_NOT_TAILED);
        NotKept {
            evicted: [ItemKind::Span, ItemKind::Record, ItemKind::Log].map(|kind| self.store.num_evicted(kind)),
            folded: self.num_folded(&[]),
            not_tailed: not_tailed.into_iter().map(str::to_owned).collect(),
            num_more_not_tailed,
        }
    }
}
