//! The panel of an edge.

use std::collections::BTreeMap;

use switchboard_engine::view::{Figure, GroupView, HopKind, InteractionView, NodeId, Style};

use super::{
    About,
    more::trace_id,
    rows::{capped, figure_rows, rule_rows, section, session_note},
};
use crate::{
    figures,
    ink::{Glyph, Tone, signs::group_tone},
    sanitise::visible,
    view::Target,
    views::map::scene::{SceneEdge, edge_word, failure_badge, find, lag_badge},
    widgets::detail::{Detail, Row, Section, goto},
    words::groups::{num_members_words, reader_rows},
};

impl About<'_> {
    pub(super) fn edge(&self, edge: &SceneEdge) -> Detail {
        let mut kind = edge_word(edge.kind).to_owned();
        if let Some(via) = &edge.via {
            kind = format!("{kind} · {via}");
        }
        kind = format!("{kind} · {}", if edge.is_asynchronous() { "async" } else { "sync" });
        let interactions = self.interactions(edge);
        let callee_figure = interactions.iter().find_map(|interaction| interaction.callee_figure.as_ref()).filter(|_| edge.kind == HopKind::Call);
        let mut sections = Vec::new();
        if let Some(group) = edge.group_row.map(|row| &self.snapshot.groups[row]) {
            sections.push(self.lag_section(group));
            sections.extend(self.partition_sections());
        }
        let sides = if callee_figure.is_some() { "caller / callee".to_owned() } else { session_note(&edge.figure) };
        let now = || section("Last 60 s", &sides, figure_rows(&edge.figure, callee_figure));
        let mut figures = self.trend_section(edge.kind != HopKind::Publish).unwrap_or_else(now);
        figures.rows.extend(difference(&edge.figure, callee_figure));
        sections.push(figures);
        sections.extend(edge.breaker.as_ref().map(|mark| self.breaker_strips(mark)));
        sections.push(self.status_section(edge));
        sections.push(retries(&interactions));
        sections.extend(self.trace_sections());
        sections.push(self.style_section(edge, &interactions));
        if edge.kind == HopKind::Deliver {
            let channel = self.scene.nodes[edge.from].clone();
            sections.push(self.dead_letters_of(&channel));
        }
        sections.push(self.edge_evidence(edge, &interactions));
        sections.push(self.missing_callee(edge));
        sections.retain(|section| !section.rows.is_empty());
        Detail { title: self.scene.edge_title(edge), kind, verdict: self.edge_verdict(edge, callee_figure), sections }
    }

    pub(super) fn edge_verdict(&self, edge: &SceneEdge, callee_figure: Option<&Figure>) -> Vec<(String, Tone)> {
        let mut verdict = Vec::new();
        let figure = &edge.figure;
        if let Some(badge) = failure_badge(figure) {
            verdict
                .push((format!("{} of {} failed in the last minute", figures::count(figure.recent_errors), figures::count(figure.recent_calls)), badge.tone));
        }
        if let (Some(badge), Some(row)) = (edge.group_row.and_then(|row| lag_badge(&self.snapshot.groups[row])), edge.group_row) {
            let group = &self.snapshot.groups[row];
            verdict.push((format!("{} {}", visible(&group.group), visible(&group.sentence())), badge.tone));
        }
        if let Some(mark) = edge.breaker.as_ref().filter(|mark| mark.tone > Tone::Quiet) {
            let unknown = || mark.rows.iter().map(|row| &self.snapshot.breakers[*row]).filter(|breaker| breaker.state_now().is_none());
            let (what, num) = match mark.glyph {
                Glyph::BreakerHalfOpen => ("lets a few calls through to try", mark.num_tripped),
                Glyph::BreakerUnknown if unknown().all(|breaker| breaker.state.is_none()) => ("does not tell its state", unknown().count()),
                Glyph::BreakerUnknown => ("has not been heard of lately", unknown().count()),
                _ => ("refuses calls", mark.num_tripped),
            };
            verdict.push((format!("The caller's breaker {what} in {num} of {} instances", mark.num_instances), mark.tone));
        }
        if let (Some(own), Some(callee)) = (figure.p95_ns, callee_figure.and_then(|callee| callee.p95_ns))
            && figure.recent_errors > 0
            && own > callee * 4
        {
            verdict.push((format!("The caller waits {}, the callee says {}", figures::duration(own), figures::duration(callee)), Tone::Quiet));
        }
        if verdict.is_empty() {
            verdict.push((
                if figure.recent_calls == 0 {
                    "Nothing in the last minute".to_owned()
                } else {
                    format!(
                        "As usual: {}/s, {} of {} failed",
                        figures::rate(figure.rate_per_s),
                        figures::count(figure.recent_errors),
                        figures::count(figure.recent_calls)
                    )
                },
                Tone::Quiet,
            ));
        }
        verdict
    }

    /// Interactions that run over an edge.
    pub(super) fn interactions(&self, edge: &SceneEdge) -> Vec<&InteractionView> {
        let node = |index: usize| &self.scene.nodes[index];
        let is = |node_id: Option<NodeId>, index: usize| node_id.is_some_and(|node_id| self.scene.node_index(node_id) == Some(index));
        let channel_name = |index: usize| find(&self.snapshot.topology, node(index).node_id).map_or("", |channel| channel.name.as_str());
        let over = |interaction: &&InteractionView| match edge.kind {
            HopKind::Call => is(interaction.from, edge.from) && is(interaction.to, edge.to) && edge.via.as_deref().is_none_or(|via| via == interaction.via),
            HopKind::Publish => is(interaction.from, edge.from) && interaction.via == channel_name(edge.to),
            HopKind::Deliver => is(interaction.to, edge.to) && interaction.via == channel_name(edge.from),
            HopKind::Process => {
                is(interaction.to, edge.to) && self.scene.edges.iter().any(|deliver| deliver.to == edge.from && channel_name(deliver.from) == interaction.via)
            }
        };
        self.snapshot.interactions.iter().filter(over).collect()
    }

    pub(super) fn lag_section(&self, group: &GroupView) -> Section {
        let unknown = || "unknown".to_owned();
        let tone = group_tone(group);
        let mut rows = vec![
            Row::Text { text: visible(&group.sentence()).into_owned(), tone },
            Row::Figure { label: "messages behind".to_owned(), value: group.lag.map_or_else(unknown, figures::count), other: String::new(), tone },
            Row::Figure { label: "time behind".to_owned(), value: group.lag_s.map_or_else(unknown, figures::age_s), other: String::new(), tone },
            Row::figure("members", num_members_words(group)),
        ];
        rows.extend(group.state.as_deref().map(|state| Row::pair("state", state)));
        rows.extend(group.members_reason.as_deref().map(Row::text));
        rows.extend(reader_rows(group, self.snapshot, 6));
        for member in group.members.iter().flatten().take(6) {
            let partitions: Vec<String> = member.partitions.iter().take(8).map(ToString::to_string).collect();
            let more = if member.partitions.len() > 8 { " …" } else { "" };
            rows.push(Row::Figure {
                label: visible(&member.client_id).into_owned(),
                value: if partitions.is_empty() { "no partition".to_owned() } else { format!("p{}{more}", partitions.join(" p")) },
                other: String::new(),
                tone: Tone::Quiet,
            });
        }
        rows.extend(Row::more(group.members.as_ref().map_or(0, Vec::len), 6));
        let age = group.read_ns.map(|read_ns| format!("read {} ago", figures::age(self.now_ns - read_ns))).unwrap_or_default();
        section(&format!("Group {}", visible(&group.group)), &age, rows)
    }

    pub(super) fn style_section(&self, edge: &SceneEdge, interactions: &[&InteractionView]) -> Section {
        let mut rows = Vec::new();
        for interaction in interactions {
            let name = |node_id: Option<NodeId>| {
                let index = node_id.and_then(|node_id| self.scene.node_index(node_id));
                index.map_or_else(|| "?".to_owned(), |index| self.scene.nodes[index].name.clone())
            };
            let who = if edge.kind == HopKind::Call { String::new() } else { format!("{} → {} · ", name(interaction.from), name(interaction.to)) };
            let style = interaction.style.map_or("style not known", style_word);
            rows.push(Row::text(&format!("{who}{style}: {}", visible(&interaction.style_reason))));
        }
        section("Style", "", capped(rows))
    }

    pub(super) fn edge_evidence(&self, edge: &SceneEdge, interactions: &[&InteractionView]) -> Section {
        let mut rows = Vec::new();
        let hops = [Some(edge.edge_id), edge.process];
        let mut rules: BTreeMap<&str, u64> = BTreeMap::new();
        let mut example = None;
        for evidence in hops.into_iter().flatten().filter_map(|edge_id| self.evidence(edge_id)) {
            example = example.or_else(|| evidence.exemplars.first());
            for (rule, n) in &evidence.rules {
                *rules.entry(rule).or_default() += n;
            }
        }
        rows.extend(rule_rows(rules.into_iter()));
        if edge.inferred {
            rows.push(Row::text("Inferred: no pair of spans proves it"));
        }
        let shares: Vec<f64> = interactions.iter().filter_map(|interaction| interaction.sampled_share).collect();
        rows.push(Row::text(&match shares.iter().copied().reduce(f64::min) {
            Some(share) if share < 0.995 => format!("From {} of the traffic: the rest was not sampled", figures::percent(share)),
            Some(_) => "All traffic was seen".to_owned(),
            None => "What share of the traffic was sampled is not known".to_owned(),
        }));
        if let Some(example) = example {
            rows.push(Row::Link {
                glyph: None,
                label: "example trace".to_owned(),
                value: visible(&example.trace_id).into_owned(),
                detail: String::new(),
                tone: Tone::Quiet,
                action: goto(trace_id(&example.trace_id).map(|trace_id| Target::Trace { trace_id, span_id: None })),
            });
        }
        section("Evidence", &format!("n = {}", figures::count(edge.figure.total_calls)), rows)
    }
}

/// Where the time goes that only the caller sees.
fn difference(caller: &Figure, callee: Option<&Figure>) -> Option<Row> {
    let (caller, callee) = (caller.p95_ns?, callee?.p95_ns?);
    let apart = caller - callee;
    if apart < 0 {
        return Some(Row::text("The callee says more than the caller waited: their clocks or samples differ"));
    }
    (apart > 5_000_000 && caller > callee * 3 / 2).then(|| Row::text("The difference is spent before the callee: pool, network or time-out"))
}

fn retries(interactions: &[&InteractionView]) -> Section {
    let retries: u64 = interactions.iter().map(|interaction| interaction.retries).sum();
    let timeouts: u64 = interactions.iter().map(|interaction| interaction.timeouts).sum();
    if retries + timeouts == 0 {
        return Section::default();
    }
    section("Tried again", "in all", vec![Row::figure("retries", figures::count(retries)), Row::figure("time-outs", figures::count(timeouts))])
}

fn style_word(style: Style) -> &'static str {
    match style {
        Style::RequestResponse => "request/response",
        Style::AsyncRequestResponse => "async request/response",
        Style::OneWayNotification => "one-way notification",
        Style::PublishSubscribe => "publish/subscribe",
        Style::PublishAsyncResponses => "publish/async responses",
    }
}
