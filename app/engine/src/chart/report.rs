//! The report, drawn from the engine's parts.

use std::collections::BTreeMap;

use crate::chart::parts::groups_of_spans;
use crate::chart::told::Told;
use crate::chart::{Chart, Observed, bucket_of_any};
use crate::figures::BUCKET_NS;
use crate::flow::{Flow, Plan, Scope, flow_report};
use crate::guarded;
use crate::view::{
    BreakerReport, ClockSetReport, DeadLetterReport, DeadLetterView, GroupReport, Health, LimitsReport, NodeBasis, NodeKind, REPORT_SCHEMA, Range, Report,
    channel_word, rfc3339,
};

impl Chart {
    /// The report of the session, or of a range of time.
    pub(crate) fn report(&mut self, observed: &mut Observed<'_>, range: Option<Range>) -> Report {
        observed.flow.mend_examples();
        let told = self.told(observed);
        let flow = &*observed.flow;
        let plan = flow.plan(&mut self.ids, told.brokers(), false);
        self.nodes_left_out.clone_from(&plan.left_out);
        observed.left_out.set_shown(&plan.left_out, observed.groups.rows_left_out());
        let scope =
            range.map_or(Scope::Session, |range| Scope::Buckets(bucket_of_any(range.from_ns), bucket_of_any(range.to_ns.saturating_add(BUCKET_NS - 1))));
        let now_ns = observed.now_ns;
        let mut report = Report {
            schema: REPORT_SCHEMA,
            duration_s: now_ns.saturating_sub(self.started_ns).max(0) as f64 / 1e9,
            breakers: told.breakers.iter().map(|breaker| BreakerReport::of(breaker, now_ns)).collect(),
            dead_letters: dead_letter_reports(&told.dead_letters),
            refused: observed.sources.refused(),
            clock_set: observed.sources.clock_set().iter().map(|set| ClockSetReport { at: rfc3339(set.at_ns), by_s: set.by_ns as f64 / 1e9 }).collect(),
            limits: LimitsReport { capped: observed.left_out.total(), ..flow.limits() },
            ..Report::default()
        };
        let mut groups: Vec<GroupReport> =
            told.broker_groups().iter().cloned().chain(groups_of_spans(&plan, &told)).map(|group| GroupReport::of(group, now_ns)).collect();
        groups.sort_by(|one, other| (&one.group, &one.topic, &one.cluster).cmp(&(&other.group, &other.topic, &other.cluster)));
        report.groups = groups;
        report.breakers.sort_by(|one, other| (&one.caller, &one.instance, &one.name).cmp(&(&other.caller, &other.instance, &other.name)));
        flow_report(&mut report, flow, &plan, (told.channels.as_slice(), observed.sources), scope, &mut self.summaries);
        self.tell_verdicts(&mut report, flow, &plan, &told, now_ns);
        if range.is_none() {
            guarded::report(&told.guarded, &mut report.interactions);
        }
        report
    }

    /// Words and urgency of services and channels, as the map has them.
    fn tell_verdicts(&mut self, report: &mut Report, flow: &Flow, plan: &Plan, told: &Told, now_ns: i64) {
        let mut health: BTreeMap<(String, Option<String>, Option<String>), Health> = BTreeMap::new();
        for planned in plan.nodes.iter().filter(|planned| planned.node.kind == NodeKind::Service) {
            let figure = self.summaries.figure(&flow.rows, &planned.rows, &planned.rows, planned.num_more, now_ns, self.started_ns);
            let node = &planned.node;
            let key = (node.name.clone(), node.namespace.clone(), node.environment.clone());
            let heard_ns = node.last_seen_ns.filter(|_| node.basis == NodeBasis::Traced);
            health.insert(key, Health::of(&figure, heard_ns, now_ns));
        }
        for service in &mut report.services {
            let key = (service.name.clone(), service.namespace.clone(), service.environment.clone());
            let health = health.get(&key).copied().unwrap_or(Health::Usual);
            (service.word, service.severity) = (health.word().to_owned(), health.severity());
        }
        for channel in &mut report.channels {
            let is_its = |letters: &&DeadLetterView| {
                channel.cluster.as_ref().is_none_or(|cluster| *cluster == letters.cluster)
                    && letters.origin.as_deref().unwrap_or(&letters.channel) == channel.name
            };
            let (word, severity) = channel_word(told.dead_letters.iter().filter(is_its).map(|letters| letters.count).sum());
            (channel.word, channel.severity) = (word.to_owned(), severity);
        }
    }
}

/// By channel, origin and fingerprint, whatever the cluster.
fn dead_letter_reports(views: &[DeadLetterView]) -> Vec<DeadLetterReport> {
    let mut sums: BTreeMap<(String, Option<String>, String, Option<String>), u64> = BTreeMap::new();
    for view in views {
        *sums.entry((view.channel.clone(), view.origin.clone(), view.fingerprint.clone(), view.dialect.clone())).or_insert(0) += view.count;
    }
    let report = |((channel, origin, fingerprint, dialect), count)| DeadLetterReport { channel, origin, fingerprint, count, dialect };
    sums.into_iter().map(report).collect()
}
