//! What the panels say beyond the snapshot: how figures ran, traces, logs, partitions, and what is missing.

use switchboard_engine::view::{GroupDetail, NodeBasis, NodeKind, TraceList};
use switchboard_model::TraceId;

use super::{
    About,
    rows::{capped, section},
    trend::{self, TrendKind},
};
use crate::{
    figures,
    ink::{Glyph, Tone, signs::group_tone},
    sanitise::visible,
    view::{Target, ViewAction},
    views::map::scene::{SceneEdge, SceneNode, find},
    widgets::detail::{Row, Section, goto},
    words::{
        groups::{catch_up_words, cells, pace_words, reader_of},
        traces::{part_took, trace_took},
    },
};

/// Partitions that are told one by one; of more those furthest behind. The strip shows all.
const PARTITIONS_MAX: usize = 8;

impl About<'_> {
    /// Rate, errors and p95 over the range against as long before; nothing until it is answered.
    pub(super) fn trend_section(&self, is_timed: bool) -> Option<Section> {
        let (history, range) = (self.known.answers.history.as_ref()?, self.known.answers.range?);
        let trends = trend::trends(history, range);
        let none = || "–".to_owned();
        let row = |label: &str, value: String, of: &trend::Trend, kind: TrendKind| {
            let (change, tone) = of.change(kind);
            Row::Spark { label: label.to_owned(), value, change, tone, points: of.points.clone(), num_before: of.num_before }
        };
        let mut rows = vec![row("rate", trends.rate.now.map_or_else(none, |rate| format!("{} /s", figures::rate(rate))), &trends.rate, TrendKind::Rate)];
        let callee = self.known.answers.callee.as_ref().map(|history| trend::trends(history, range)).filter(|callee| callee.rate.now > Some(0.0));
        let errors = |label: &str, of: &trend::Trend| row(label, of.now.map_or_else(none, figures::percent), of, TrendKind::Errors);
        let p95 = |label: &str, of: &trend::Trend| row(label, of.now.map_or_else(none, |ns| figures::duration(ns as i64)), of, TrendKind::Duration);
        match callee {
            _ if !is_timed => {}
            None => rows.extend([errors("errors", &trends.errors), p95("p95", &trends.p95)]),
            Some(callee) => rows.extend([
                errors("errors", &trends.errors),
                errors("at callee", &callee.errors),
                p95("p95, caller", &trends.p95),
                p95("p95, callee", &callee.p95),
            ]),
        }
        let title = format!("Last {}", figures::age(trends.length_ns));
        Some(section(&title, if trends.has_before { "against as long before" } else { "" }, rows))
    }

    /// Failed and slowest traces.
    pub(super) fn trace_sections(&self) -> [Section; 2] {
        let list = |title: &str, traces: Option<&TraceList>, is_failed: bool| {
            let Some(traces) = traces.filter(|traces| !traces.rows.is_empty()) else { return Section::default() };
            let rows = traces.rows.iter().map(|trace| Row::Link {
                glyph: is_failed.then_some(Glyph::Cross),
                label: format!("{} {}", visible(&trace.root_service), visible(&trace.root_name)),
                value: trace.part.map_or_else(|| trace_took(trace), part_took),
                detail: format!(
                    "{} ago · {}{}{}",
                    figures::age(self.now_ns.saturating_sub(trace.start_ns)),
                    figures::things(u64::from(trace.num_spans), "span", "spans"),
                    trace.part.and(trace.duration_ns).map(|whole_ns| format!(" in {}", figures::duration(whole_ns))).unwrap_or_default(),
                    if trace.num_errors > 0 { format!(" · {} failed", trace.num_errors) } else { String::new() }
                ),
                tone: if trace.part.map_or(trace.num_errors > 0, |part| part.is_failed) { Tone::Bad } else { Tone::Quiet },
                action: goto(Target::Trace { trace_id: trace.trace_id, span_id: trace.part.map(|part| part.span_id) }),
            });
            let more = if traces.matching > traces.rows.len() as u64 {
                format!("{} of {}", traces.rows.len(), figures::count(traces.matching))
            } else {
                String::new()
            };
            section(title, &more, rows.collect())
        };
        let answers = self.known.answers;
        [list("Failed traces", answers.failed.as_ref(), true), list("Slowest traces", answers.slowest.as_ref(), false)]
    }

    /// Log records from warnings up.
    pub(super) fn log_section(&self) -> Section {
        let Some(logs) = self.known.answers.logs.as_ref() else { return Section::default() };
        let rows = logs.iter().map(|log| Row::Link {
            glyph: None,
            label: visible(&log.body).into_owned(),
            value: if log.severity >= 17 { "error" } else { "warn" }.to_owned(),
            detail: format!(
                "{} ago{}",
                figures::age(self.now_ns.saturating_sub(log.at_ns())),
                log.instance.as_deref().map(|instance| format!(" · {}", visible(instance))).unwrap_or_default()
            ),
            tone: if log.severity >= 17 { Tone::Bad } else { Tone::Warn },
            action: (log.trace_id.0 != 0)
                .then_some(ViewAction::Goto(Target::Trace { trace_id: log.trace_id, span_id: (log.span_id.0 != 0).then_some(log.span_id) })),
        });
        section("Logs from warn up", "newest first", rows.collect())
    }

    /// How far each partition is behind, who reads it, and when its commit last moved; and how long catching up takes.
    pub(super) fn partition_sections(&self) -> Vec<Section> {
        let Some(group) = self.known.answers.group.as_ref() else { return Vec::new() };
        let mut sections = Vec::new();
        let mut rows = vec![Row::pair("caught up", &catch_up_words(&group.view))];
        if let Some((comes, handled)) = pace_words(&group.view) {
            rows.push(Row::pair("come in", &comes));
            rows.push(Row::pair("are handled", &handled));
        }
        let points: Vec<Option<f64>> = group.history.iter().map(|point| point.lag.map(|lag| lag as f64)).collect();
        let mut note = String::new();
        if let [first, _, ..] = group.history.as_slice() {
            note = format!("last {}", figures::age(self.known.now_ns.saturating_sub(first.at_ns)));
            let value = group.view.lag.map_or_else(|| "?".to_owned(), figures::count);
            rows.push(Row::Spark { label: "lag".to_owned(), value, change: String::new(), tone: Tone::Quiet, points, num_before: 0 });
        }
        sections.push(section("Catching up", &note, rows));
        sections.push(self.partitions(group));
        sections
    }

    fn partitions(&self, group: &GroupDetail) -> Section {
        let worst = group.partitions.iter().filter_map(|partition| partition.lag).max().unwrap_or(0).max(1);
        let owner = |member_id: &Option<String>| {
            let member_id = member_id.as_deref()?;
            let member = group.view.members.iter().flatten().find(|member| *member.member_id == *member_id);
            Some(visible(member.map_or(member_id, |member| &member.client_id)).into_owned())
        };
        let target = Target::Group { cluster: group.view.cluster.clone(), group: group.view.group.clone(), topic: group.view.topic.clone() };
        let mut furthest: Vec<_> = group.partitions.iter().collect();
        if furthest.len() > PARTITIONS_MAX {
            furthest.sort_by_key(|partition| (std::cmp::Reverse(partition.lag), partition.partition));
            furthest.truncate(PARTITIONS_MAX);
        }
        let strip = (!furthest.is_empty()).then(|| Row::Heat { cells: cells(group, self.snapshot, self.now_ns) });
        let bars = furthest.into_iter().map(|partition| {
            let from_spans = || {
                reader_of(&group.view, partition.partition)
                    .map(|reader| format!("{} (from spans)", visible(reader.client_id.as_deref().unwrap_or(&reader.service))))
            };
            let nobody = || if group.view.members.is_some() { "no owner" } else { "owner not known" }.to_owned();
            let mut detail = vec![owner(&partition.member_id).or_else(from_spans).unwrap_or_else(nobody)];
            detail.extend(partition.committed_ns.map(|committed_ns| format!("committed {} ago", figures::age(self.now_ns.saturating_sub(committed_ns)))));
            Row::Bar {
                label: format!("p{}", partition.partition),
                detail: detail.join(" · "),
                value: partition.lag.map_or_else(|| "?".to_owned(), figures::count),
                share: partition.lag.map(|lag| lag as f32 / worst as f32),
                tone: if group.view.partition == Some(partition.partition) { group_tone(&group.view) } else { Tone::Quiet },
                action: goto(target.clone()),
            }
        });
        let num = group.partitions.len();
        let note = if num > PARTITIONS_MAX { format!("{PARTITIONS_MAX} of {num}, the furthest behind") } else { String::new() };
        section("Partitions", &note, strip.into_iter().chain(bars).collect())
    }

    /// What a service would have to be told so that more is known of it.
    pub(super) fn missing(&self, node: &SceneNode) -> Section {
        let Some(known) = find(&self.snapshot.topology, node.node_id).filter(|_| node.kind == NodeKind::Service) else { return Section::default() };
        let own = self.scene.node_index(node.node_id);
        let mut rows = Vec::new();
        if known.basis != NodeBasis::Traced {
            rows.extend(self.missing_spans(Some(&known.name)));
        } else if node.num_instances == 0 {
            rows.push(Row::text("Which instances there are: none of its spans names one"));
            rows.push(Row::paste("OTEL_RESOURCE_ATTRIBUTES=service.instance.id=$HOSTNAME"));
        }
        let calls_others = self.scene.edges.iter().any(|edge| Some(edge.from) == own && !edge.is_asynchronous());
        let has_breakers = self.snapshot.breakers.iter().any(|breaker| breaker.caller_node == Some(node.node_id));
        if calls_others && !has_breakers {
            rows.push(Row::text("Whether it has circuit breakers: a Spring service with Resilience4j tells with this setting"));
            rows.push(Row::paste("management.endpoints.web.exposure.include=health,circuitbreakers,circuitbreakerevents"));
        }
        section("Not known", "", rows)
    }

    /// What makes services send spans.
    pub(super) fn missing_spans(&self, name: Option<&str>) -> Vec<Row> {
        let Some(endpoint) = self.known.otlp_endpoint else {
            return vec![Row::text("Spans: the profile has no OTLP receiver to send them to")];
        };
        let mut rows = vec![Row::text("What it does itself: it sends no spans. An OpenTelemetry SDK does with this setting")];
        let service = name.map(|name| format!(" OTEL_SERVICE_NAME={}", visible(name))).unwrap_or_default();
        rows.push(Row::paste(&format!("OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}{service}")));
        rows
    }

    /// The callee of a call that sends no spans.
    pub(super) fn missing_callee(&self, edge: &SceneEdge) -> Section {
        let callee = &self.scene.nodes[edge.to];
        let silent = find(&self.snapshot.topology, callee.node_id).is_some_and(|known| known.kind == NodeKind::Service && known.basis != NodeBasis::Traced);
        let rows = if silent && !edge.is_asynchronous() { self.missing_spans(Some(&callee.full_name)) } else { Vec::new() };
        section("Not known", "", capped(rows))
    }
}

/// A trace id as 32 hex digits; `None` if it is none.
pub(super) fn trace_id(text: &str) -> Option<TraceId> {
    u128::from_str_radix(text, 16).ok().filter(|id| *id != 0).map(TraceId)
}
