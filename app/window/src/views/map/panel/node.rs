//! The panel of a box.

use std::collections::BTreeMap;

use switchboard_engine::view::{BreakerView, ChannelKey, DeadLetterView, Health, Node, NodeBasis, NodeKind, silent_for_ns};

use super::{
    About,
    rows::{capped, figure_rows, rule_rows, section, session_note},
};
use crate::{
    figures,
    ink::{
        Glyph, Tone,
        signs::{breaker_tone, group_tone, verdict_glyph},
    },
    sanitise::visible,
    view::Target,
    views::map::{
        problems,
        scene::{SceneEdge, SceneNode, Selection, failure_badge, find, kind_word},
    },
    widgets::detail::{Detail, Row, Section, goto},
    words::{breakers::since_age, letters::open_words},
};

impl About<'_> {
    pub(super) fn node(&self, node: &SceneNode) -> Detail {
        let known = find(&self.snapshot.topology, node.node_id);
        let places: Vec<_> = known.into_iter().flat_map(|known| [&known.namespace, &known.environment]).flatten().map(|text| visible(text)).collect();
        let mut kind = kind_word(node.kind).to_owned();
        for place in places {
            kind = format!("{kind} · {place}");
        }
        if let Some(version) = known.and_then(|known| known.version.as_deref()) {
            kind = format!("{kind} · {}", visible(version));
        }
        let is_timed = !matches!(node.kind, NodeKind::Channel | NodeKind::Group);
        let mut sections = vec![self.trend_section(is_timed).unwrap_or_else(|| Self::node_figures(node))];
        if node.kind == NodeKind::Channel {
            sections.push(self.broker_figures(node));
        }
        sections.extend(self.trace_sections());
        sections.push(self.breakers_of(node));
        sections.push(self.groups_of(node));
        sections.push(self.dead_letters_of(node));
        sections.extend(self.neighbours_of(node));
        sections.push(self.log_section());
        sections.extend(known.map(|known| self.instances_of(node, known, None)));
        sections.push(section("Belongs to", "as its resource says", node.labels.iter().map(|(name, value)| Row::pair(name, value)).collect()));
        sections.push(self.node_evidence(node, known));
        sections.push(self.missing(node));
        sections.retain(|section| !section.rows.is_empty());
        Detail { title: node.full_name.clone(), kind, verdict: self.node_verdict(node, known), sections }
    }

    pub(super) fn node_verdict(&self, node: &SceneNode, known: Option<&Node>) -> Vec<(String, Tone)> {
        let mut verdict = Vec::new();
        let figure = &node.figure;
        if let Some(silent_ns) = node.silent_ns {
            verdict.push((format!("Nothing heard for {}, though it sent spans before", figures::age(silent_ns)), Health::Silent(silent_ns).severity().into()));
        }
        if let Some(badge) = failure_badge(figure) {
            let what = if node.kind == NodeKind::Channel { "messages" } else { "calls it received" };
            verdict.push((
                format!("{} of {} {what} failed in the last minute", figures::count(figure.recent_errors), figures::count(figure.recent_calls)),
                badge.tone,
            ));
        }
        for problem in problems::problems(self.scene, self.snapshot, self.now_ns) {
            let here = match problem.selects {
                Some(Selection::Node(node_id)) => node_id == node.node_id && problem.glyph != Glyph::Question,
                Some(Selection::Edge(edge_id)) => {
                    self.scene.edge_index(edge_id).is_some_and(|index| self.touches(index, node)) && problem.glyph != Glyph::Cross
                }
                None => false,
            };
            if here {
                verdict.push((format!("{}: {}", problem.title, problem.detail), problem.tone));
            }
        }
        if verdict.is_empty() {
            verdict.push((quiet_verdict(node, known), Tone::Quiet));
        }
        let num_more = verdict.len().saturating_sub(5);
        verdict.truncate(5);
        verdict.extend((num_more > 0).then(|| (format!("and {num_more} more"), Tone::Quiet)));
        verdict
    }

    pub(super) fn touches(&self, edge: usize, node: &SceneNode) -> bool {
        let edge = &self.scene.edges[edge];
        [edge.from, edge.to].into_iter().any(|index| self.scene.nodes[index].node_id == node.node_id)
    }

    pub(super) fn node_figures(node: &SceneNode) -> Section {
        if matches!(node.kind, NodeKind::User | NodeKind::Missing) {
            return Section::default();
        }
        let mut rows = figure_rows(&node.figure, None);
        if node.kind == NodeKind::Channel && node.figure.p95_ns.is_none() {
            // Messages pass a channel; nothing there takes time or fails.
            rows.truncate(1);
        }
        section("Last 60 s", &session_note(&node.figure), rows)
    }

    pub(super) fn broker_figures(&self, node: &SceneNode) -> Section {
        let Some(channel) = self.snapshot.figures.channels.iter().find(|channel| channel.node_id == node.node_id) else { return Section::default() };
        let known = |n: Option<u64>| n.map_or_else(|| "not known".to_owned(), figures::count);
        let mut rows = vec![Row::figure("partitions", known(channel.partitions)), Row::figure("records kept", known(channel.records))];
        rows.extend(channel.not_tailed.as_deref().map(|reason| Row::text(&format!("Its records are not read: {}", visible(reason)))));
        rows.extend(channel.made_again_ns.map(|at_ns| Row::pair("made again at", &figures::instant(at_ns))));
        section("As the broker says", "", rows)
    }

    pub(super) fn breakers_of(&self, node: &SceneNode) -> Section {
        let rows = self.snapshot.breakers.iter().filter(|breaker| breaker.caller_node == Some(node.node_id) || breaker.callee_node == Some(node.node_id));
        let mut rows: Vec<&BreakerView> = rows.collect();
        rows.sort_by_key(|breaker| std::cmp::Reverse(breaker_tone(breaker)));
        let rows = rows.into_iter().map(|breaker| {
            let held = breaker.caller_node == Some(node.node_id);
            let towards = if held {
                breaker.callee.as_deref().map(|callee| format!("→ {}", visible(callee)))
            } else {
                breaker.caller.as_deref().map(|caller| format!("of {}", visible(caller)))
            };
            self.breaker_row(breaker, towards)
        });
        section("Circuit breakers", "", capped(rows.collect()))
    }

    pub(super) fn breaker_row(&self, breaker: &BreakerView, towards: Option<String>) -> Row {
        let since = since_age(breaker, self.now_ns).map(|age| format!(" {age}")).unwrap_or_default();
        let source = super::call::source_word(breaker);
        let mut detail: Vec<String> = towards.into_iter().collect();
        detail.push(format!("{} · {source} {} ago", visible(&breaker.name), figures::age(self.now_ns - breaker.confirmed_ns)));
        if breaker.stale {
            detail.push("too old to rely on".to_owned());
        }
        detail.extend(breaker.disagreement.as_deref().map(|text| visible(text).into_owned()));
        Row::Link {
            glyph: None,
            label: breaker.instance.as_deref().map_or_else(|| "instance not known".to_owned(), |instance| visible(instance).into_owned()),
            value: format!("{}{since}", breaker.word()),
            detail: detail.join(" · "),
            tone: breaker_tone(breaker),
            action: goto(Target::Breaker { caller: breaker.caller.clone(), instance: breaker.instance.clone(), name: breaker.name.clone() }),
        }
    }

    pub(super) fn groups_of(&self, node: &SceneNode) -> Section {
        let rows = self.snapshot.groups.iter().enumerate().filter(|(row, group)| {
            let edge = self
                .scene
                .edges
                .iter()
                .any(|edge| edge.group_row == Some(*row) && [edge.from, edge.to].into_iter().any(|end| self.scene.nodes[end].node_id == node.node_id));
            edge || group.node_id == Some(node.node_id)
        });
        let rows = rows.map(|(row, group)| {
            let edge = self.scene.edges.iter().find(|edge| edge.group_row == Some(row));
            Row::Link {
                glyph: verdict_glyph(group.verdict),
                label: format!("{} on {}", visible(&group.group), visible(&group.topic)),
                value: group.lag.map_or_else(|| "unknown".to_owned(), |lag| format!("{} behind", figures::count(lag))),
                detail: visible(&group.sentence()).into_owned(),
                tone: group_tone(group),
                action: goto(edge.map_or_else(
                    || Target::Group { cluster: group.cluster.clone(), group: group.group.clone(), topic: group.topic.clone() },
                    |edge| Target::Edge(edge.edge_id),
                )),
            }
        });
        section("Groups", "", capped(rows.collect()))
    }

    pub(super) fn dead_letters_of(&self, node: &SceneNode) -> Section {
        let here = |letters: &&DeadLetterView| {
            letters
                .origin_node
                .or(letters.channel_node)
                .and_then(|node_id| self.scene.node_index(node_id))
                .is_some_and(|index| self.scene.nodes[index].node_id == node.node_id)
        };
        let letters: Vec<&DeadLetterView> = self.snapshot.dead_letters.iter().filter(here).collect();
        let sum = |of: fn(&DeadLetterView) -> u64| letters.iter().map(|letters| of(letters)).sum::<u64>();
        let counted = open_words(sum(|letters| letters.num_open), sum(|letters| letters.count));
        let rows = letters.into_iter().map(|letters| self.dead_letter_row(letters));
        section("Dead letters", &counted, capped(rows.collect()))
    }

    pub(super) fn dead_letter_row(&self, letters: &DeadLetterView) -> Row {
        let proof = letters.dialect.as_deref().map_or_else(|| "known by the channel's name only".to_owned(), |dialect| format!("{} headers", visible(dialect)));
        Row::Link {
            glyph: Some(Glyph::Envelope),
            label: visible(&letters.fingerprint).into_owned(),
            value: open_words(letters.num_open, letters.count),
            detail: format!("on {} · last {} ago · {proof}", visible(&letters.channel), figures::age(self.now_ns.saturating_sub(letters.last_ns))),
            tone: letters.severity().into(),
            action: goto(Target::DeadLetters {
                channel: ChannelKey { cluster: Some(letters.cluster.clone()), name: letters.channel.clone() },
                fingerprint: Some(letters.fingerprint.clone()),
            }),
        }
    }

    pub(super) fn neighbours_of(&self, node: &SceneNode) -> [Section; 2] {
        let Some(own) = self.scene.node_index(node.node_id) else { return Default::default() };
        let failed_share = |edge: &SceneEdge| (edge.figure.recent_calls > 0).then(|| edge.figure.recent_errors as f64 / edge.figure.recent_calls as f64);
        let link = |edge: &SceneEdge, other: usize| {
            let mut value = format!("{}/s", figures::rate(edge.figure.rate_per_s));
            if edge.figure.recent_calls == 0 {
                "–".clone_into(&mut value);
            }
            if let Some(badge) = failure_badge(&edge.figure).filter(|badge| badge.tone > Tone::Quiet) {
                value = format!("{value} · {}", badge.text);
            }
            Row::Bar {
                label: self.scene.nodes[other].name.clone(),
                detail: String::new(),
                value,
                share: failed_share(edge).filter(|share| *share > 0.0).map(|share| share as f32),
                tone: edge.tone,
                action: goto(Target::Edge(edge.edge_id)),
            }
        };
        let mut incoming: Vec<&SceneEdge> = self.scene.edges.iter().filter(|edge| edge.to == own && edge.from != own).collect();
        let mut outgoing: Vec<&SceneEdge> = self.scene.edges.iter().filter(|edge| edge.from == own && edge.to != own).collect();
        for edges in [&mut incoming, &mut outgoing] {
            edges.sort_by(|a, b| {
                let share = |edge: &SceneEdge| failed_share(edge).unwrap_or(-1.0);
                b.tone.cmp(&a.tone).then_with(|| share(b).total_cmp(&share(a))).then_with(|| b.figure.recent_calls.cmp(&a.figure.recent_calls))
            });
        }
        let (from, to) = match node.kind {
            NodeKind::Channel => ("Written by", "Read by"),
            _ => ("Called by", "Calls"),
        };
        [
            section(from, "", capped(incoming.into_iter().map(|edge| link(edge, edge.from)).collect())),
            section(to, "", capped(outgoing.into_iter().map(|edge| link(edge, edge.to)).collect())),
        ]
    }

    /// The instances of a service but for one.
    pub(super) fn instances_of(&self, node: &SceneNode, known: &Node, but: Option<&str>) -> Section {
        let rows = known.instances.iter().filter(|instance| but != Some(&instance.instance)).map(|instance| {
            let age = figures::age(self.now_ns.saturating_sub(instance.last_seen_ns));
            let silent = silent_for_ns(instance.last_seen_ns, self.now_ns).map(Health::Silent);
            Row::Link {
                glyph: None,
                label: visible(&instance.instance).into_owned(),
                value: silent.map_or_else(|| format!("{age} ago"), |silent| format!("{} for {age}", silent.word())),
                detail: instance.version.as_deref().map(|version| visible(version).into_owned()).unwrap_or_default(),
                tone: silent.map_or(Tone::Quiet, |silent| silent.severity().into()),
                action: goto(Target::Instance { node_id: node.node_id, instance: instance.instance.clone() }),
            }
        });
        section(if but.is_some() { "Other instances" } else { "Instances" }, "", capped(rows.collect()))
    }

    pub(super) fn node_evidence(&self, node: &SceneNode, known: Option<&Node>) -> Section {
        let mut rows = Vec::new();
        if let Some(known) = known {
            let basis = match (known.basis, known.kind) {
                (NodeBasis::Traced, NodeKind::Service) => "It sends spans itself",
                (NodeBasis::Broker, NodeKind::Service) => "A broker tells of it; it sends no spans",
                (NodeBasis::Inferred, NodeKind::Service) => "Only others tell of it; it sends no spans",
                (NodeBasis::Traced, _) => "Spans tell of it",
                (NodeBasis::Broker, _) => "A broker tells of it",
                (NodeBasis::Inferred, _) => "Only its callers tell of it",
            };
            let first_seen = known.first_seen_ns.map(|first_ns| format!(" · first seen {} ago", figures::age(self.now_ns - first_ns)));
            rows.push(Row::text(&format!("{basis}{}", first_seen.unwrap_or_default())));
            let folded: Vec<_> = self
                .snapshot
                .topology
                .nodes
                .iter()
                .filter(|other| self.scene.is_folded(other.node_id) && self.scene.node_index(other.node_id) == self.scene.node_index(node.node_id))
                .map(|other| visible(&other.name))
                .collect();
            if !folded.is_empty() {
                rows.push(Row::text(&format!("Shown with it: {}", folded.join(", "))));
            }
        }
        let own = self.scene.node_index(node.node_id);
        let mut rules: BTreeMap<&str, u64> = BTreeMap::new();
        for edge in self.scene.edges.iter().filter(|edge| Some(edge.from) == own || Some(edge.to) == own) {
            for (rule, n) in self.evidence(edge.edge_id).into_iter().flat_map(|evidence| &evidence.rules) {
                *rules.entry(rule).or_default() += n;
            }
        }
        rows.extend(rule_rows(rules.into_iter()));
        section("Evidence", "", rows)
    }
}

fn quiet_verdict(node: &SceneNode, known: Option<&Node>) -> String {
    match (node.kind, known.map(|known| known.basis)) {
        (NodeKind::User, _) => "Whoever calls from outside: not instrumented".to_owned(),
        (NodeKind::Missing, _) => "Spans name it as their parent, but none of its own has come".to_owned(),
        (NodeKind::Other, _) => "Everything past the limit of what the map keeps apart".to_owned(),
        (NodeKind::Service, Some(NodeBasis::Broker)) => "Sends no spans: known from the broker only".to_owned(),
        (NodeKind::Service, Some(NodeBasis::Inferred)) => "Sends no spans: known from what its callers say".to_owned(),
        _ if node.figure.recent_calls == 0 => "Nothing in the last minute".to_owned(),
        _ if node.figure.recent_errors == 0 => format!("As usual: {}, none failed", node.rate),
        _ => format!("As usual: {}, {} of {} failed", node.rate, figures::count(node.figure.recent_errors), figures::count(node.figure.recent_calls)),
    }
}
