//! What the side panel says about what is selected, as data: the panel draws it, the clipboard gets it as text. Pure.

use std::collections::BTreeMap;

use switchboard_engine::view::{
    BreakerView, DeadLetterView, EdgeId, Evidence, Figure, GroupView, HopKind, InteractionView, Node, NodeBasis, NodeId, NodeKind, Snapshot, StateSource,
    Style,
};

use super::{
    problems::{self, lag_word, state_tone, state_word},
    scene::{Glyph, Scene, SceneEdge, SceneNode, Selection, Tone, edge_word, failure_badge, find, kind_word, lag_badge},
};
use crate::window::{figures, sanitise::visible};

/// Longer lists end in `n more`.
const ROWS_MAX: usize = 12;

/// The side panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Panel {
    /// What it is about.
    pub title: String,
    /// What kind of thing that is.
    pub kind: String,
    /// What there is to say, in sentences.
    pub verdict: Vec<(String, Tone)>,
    /// Figures, lists, evidence.
    pub sections: Vec<Section>,
}

/// A part of the panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Section {
    /// Its heading.
    pub title: String,
    /// A word on the right of the heading.
    pub note: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Row {
    /// A figure.
    Figure {
        /// What it measures.
        label: String,
        /// As measured.
        value: String,
        /// As measured at the other end; empty where there is none.
        other: String,
        /// How unusual it is.
        tone: Tone,
    },
    /// A sentence.
    Text {
        /// Words.
        text: String,
        /// How unusual it is.
        tone: Tone,
    },
    /// Something that can be selected.
    Link {
        /// Its sign, where it is unusual.
        glyph: Option<Glyph>,
        /// Its name.
        label: String,
        /// Its figure.
        value: String,
        /// A second line; may be empty.
        detail: String,
        /// How unusual it is.
        tone: Tone,
        /// What a click selects; `None` where it is not on the map.
        selects: Option<Selection>,
    },
}

impl Row {
    fn figure(label: &str, value: String) -> Self {
        Self::Figure { label: label.to_owned(), value, other: String::new(), tone: Tone::Quiet }
    }

    fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), tone: Tone::Quiet }
    }
}

impl Panel {
    /// The panel for a selection; without one, what is wrong.
    pub(crate) fn build(scene: &Scene, snapshot: &Snapshot, selection: Option<Selection>, now_ns: i64) -> Self {
        let about = About { scene, snapshot, now_ns };
        let selected = match selection {
            Some(Selection::Node(node_id)) => scene.node_index(node_id).map(|index| about.node(&scene.nodes[index])),
            Some(Selection::Edge(edge_id)) => scene.edge_index(edge_id).map(|index| about.edge(&scene.edges[index])),
            None => None,
        };
        selected.unwrap_or_else(|| about.problems())
    }

    /// The panel as text, for the clipboard.
    pub(crate) fn to_text(&self) -> String {
        let mut lines = vec![format!("{} ({})", self.title, self.kind)];
        lines.extend(self.verdict.iter().map(|(text, _)| text.clone()));
        for section in &self.sections {
            lines.push(String::new());
            lines.push(if section.note.is_empty() { section.title.clone() } else { format!("{} ({})", section.title, section.note) });
            for row in &section.rows {
                lines.push(match row {
                    Row::Figure { label, value, other, .. } if other.is_empty() => format!("  {label}: {value}"),
                    Row::Figure { label, value, other, .. } => format!("  {label}: {value} / {other}"),
                    Row::Text { text, .. } => format!("  {text}"),
                    Row::Link { label, value, detail, .. } => {
                        let parts: Vec<_> = [label, value, detail].into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
                        format!("  {}", parts.join(" · "))
                    }
                });
            }
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

struct About<'a> {
    scene: &'a Scene,
    snapshot: &'a Snapshot,
    now_ns: i64,
}

impl About<'_> {
    fn problems(&self) -> Panel {
        let found = problems::problems(self.scene, self.snapshot, self.now_ns);
        let verdict = if found.is_empty() {
            ("Nothing unusual: no open breaker, no group behind, no failures, no dead letters".to_owned(), Tone::Quiet)
        } else {
            (format!("{}, the most urgent first", figures::things(found.len() as u64, "thing is unusual", "things are unusual")), Tone::Quiet)
        };
        let rows = found.into_iter().map(|problem| Row::Link {
            glyph: Some(problem.glyph),
            label: problem.title,
            value: String::new(),
            detail: problem.detail,
            tone: problem.tone,
            selects: problem.selects,
        });
        let mut sections = vec![section("", "", rows.collect())];
        sections.push(self.sources());
        sections.retain(|section| !section.rows.is_empty());
        Panel { title: "Problems".to_owned(), kind: "last minute".to_owned(), verdict: vec![verdict], sections }
    }

    fn sources(&self) -> Section {
        let rows = self.snapshot.sources.iter().map(|source| {
            let phase = match source.phase {
                switchboard_model::SourcePhase::Connecting => "connecting",
                switchboard_model::SourcePhase::Live => "live",
                switchboard_model::SourcePhase::Degraded => "in part",
                switchboard_model::SourcePhase::Failed => "failed",
                switchboard_model::SourcePhase::Stopped => "stopped",
            };
            let counts = &source.counts;
            let lost = counts.refused + counts.evicted;
            let lost = if lost > 0 { format!(" · {} refused or given up", figures::count(lost)) } else { String::new() };
            Row::Link {
                glyph: None,
                label: visible(&source.name).into_owned(),
                value: phase.to_owned(),
                detail: format!("{} received{lost}", figures::count(counts.received)),
                tone: Tone::Quiet,
                selects: None,
            }
        });
        section("Sources", "", capped(rows.collect()))
    }

    fn node(&self, node: &SceneNode) -> Panel {
        let known = find(&self.snapshot.topology, node.node_id);
        let places: Vec<_> = known.into_iter().flat_map(|known| [&known.namespace, &known.environment]).flatten().map(|text| visible(text)).collect();
        let mut kind = kind_word(node.kind).to_owned();
        for place in places {
            kind = format!("{kind} · {place}");
        }
        let mut sections = vec![Self::node_figures(node)];
        if node.kind == NodeKind::Channel {
            sections.push(self.broker_figures(node));
        }
        sections.push(self.breakers_of(node));
        sections.push(self.groups_of(node));
        sections.push(self.dead_letters_of(node));
        sections.extend(self.neighbours_of(node));
        sections.extend(known.map(|known| self.instances_of(known)));
        sections.push(self.node_evidence(node, known));
        sections.retain(|section| !section.rows.is_empty());
        Panel { title: node.name.clone(), kind, verdict: self.node_verdict(node, known), sections }
    }

    fn node_verdict(&self, node: &SceneNode, known: Option<&Node>) -> Vec<(String, Tone)> {
        let mut verdict = Vec::new();
        let figure = &node.figure;
        if let Some(silent_ns) = node.silent_ns {
            verdict.push((format!("Nothing heard for {}, though it sent spans before", figures::age(silent_ns)), Tone::Unknown));
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
                Some(Selection::Edge(edge_id)) => self.scene.edge_index(edge_id).is_some_and(|index| self.touches(index, node)) && problem.glyph != Glyph::Cross,
                None => false,
            };
            if here {
                verdict.push((format!("{}: {}", problem.title, problem.detail), problem.tone));
            }
        }
        if verdict.is_empty() {
            verdict.push((quiet_verdict(node, known), Tone::Quiet));
        }
        verdict.truncate(5);
        verdict
    }

    fn touches(&self, edge: usize, node: &SceneNode) -> bool {
        let edge = &self.scene.edges[edge];
        [edge.from, edge.to].into_iter().any(|index| self.scene.nodes[index].node_id == node.node_id)
    }

    fn node_figures(node: &SceneNode) -> Section {
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

    fn broker_figures(&self, node: &SceneNode) -> Section {
        let Some(channel) = self.snapshot.figures.channels.iter().find(|channel| channel.node_id == node.node_id) else { return Section::default() };
        let known = |n: Option<u64>| n.map_or_else(|| "not known".to_owned(), figures::count);
        let mut rows = vec![Row::figure("partitions", known(channel.partitions)), Row::figure("records kept", known(channel.records))];
        rows.extend(channel.not_tailed.as_deref().map(|reason| Row::text(format!("Its records are not read: {}", visible(reason)))));
        section("As the broker says", "", rows)
    }

    fn breakers_of(&self, node: &SceneNode) -> Section {
        let rows = self.snapshot.breakers.iter().filter(|breaker| breaker.caller_node == Some(node.node_id) || breaker.callee_node == Some(node.node_id));
        let mut rows: Vec<&BreakerView> = rows.collect();
        rows.sort_by_key(|breaker| std::cmp::Reverse(state_tone(breaker)));
        let rows = rows.into_iter().map(|breaker| {
            let held = breaker.caller_node == Some(node.node_id);
            let towards = if held { breaker.callee.as_deref().map(|callee| format!("→ {}", visible(callee))) } else { breaker.caller.as_deref().map(|caller| format!("of {}", visible(caller))) };
            self.breaker_row(breaker, towards)
        });
        section("Circuit breakers", "", capped(rows.collect()))
    }

    fn breaker_row(&self, breaker: &BreakerView, towards: Option<String>) -> Row {
        let since = breaker.since_ns.map(|since_ns| format!(" {}", figures::age(self.now_ns - since_ns))).unwrap_or_default();
        let source = match breaker.source {
            StateSource::Event => "its own event",
            StateSource::Report => "reported",
            StateSource::Exception => "seen in an exception",
        };
        let mut detail: Vec<String> = towards.into_iter().collect();
        detail.push(format!("{} · {source} {} ago", visible(&breaker.name), figures::age(self.now_ns - breaker.confirmed_ns)));
        if breaker.stale {
            detail.push("too old to rely on".to_owned());
        }
        detail.extend(breaker.disagreement.as_deref().map(|text| visible(text).into_owned()));
        let callee = breaker.callee_node.and_then(|callee| self.scene.node_index(callee));
        let caller = breaker.caller_node.and_then(|caller| self.scene.node_index(caller));
        let edge = self.scene.edges.iter().find(|edge| Some(edge.from) == caller && Some(edge.to) == callee && edge.breaker.is_some());
        Row::Link {
            glyph: None,
            label: breaker.instance.as_deref().map_or_else(|| "instance not known".to_owned(), |instance| visible(instance).into_owned()),
            value: format!("{}{since}", state_word(breaker.state)),
            detail: detail.join(" · "),
            tone: state_tone(breaker),
            selects: edge.map(|edge| Selection::Edge(edge.edge_id)),
        }
    }

    fn groups_of(&self, node: &SceneNode) -> Section {
        let rows = self.snapshot.groups.iter().enumerate().filter(|(row, group)| {
            let edge = self.scene.edges.iter().any(|edge| edge.group_row == Some(*row) && [edge.from, edge.to].into_iter().any(|end| self.scene.nodes[end].node_id == node.node_id));
            edge || group.node_id == Some(node.node_id)
        });
        let rows = rows.map(|(row, group)| {
            let badge = lag_badge(group);
            let edge = self.scene.edges.iter().find(|edge| edge.group_row == Some(row));
            Row::Link {
                glyph: badge.as_ref().map(|badge| badge.glyph),
                label: format!("{} on {}", visible(&group.group), visible(&group.topic)),
                value: group.lag.map_or_else(|| "not known".to_owned(), |lag| format!("{} behind", figures::count(lag))),
                detail: visible(&group.reason).into_owned(),
                tone: badge.map_or(Tone::Quiet, |badge| badge.tone),
                selects: edge.map(|edge| Selection::Edge(edge.edge_id)),
            }
        });
        section("Groups", "", capped(rows.collect()))
    }

    fn dead_letters_of(&self, node: &SceneNode) -> Section {
        let here = |letters: &&DeadLetterView| letters.origin_node.or(letters.channel_node).and_then(|node_id| self.scene.node_index(node_id)).is_some_and(|index| self.scene.nodes[index].node_id == node.node_id);
        let letters: Vec<&DeadLetterView> = self.snapshot.dead_letters.iter().filter(here).collect();
        let total: u64 = letters.iter().map(|letters| letters.count).sum();
        let rows = letters.into_iter().map(|letters| self.dead_letter_row(letters));
        section("Dead letters", &figures::count(total), capped(rows.collect()))
    }

    fn dead_letter_row(&self, letters: &DeadLetterView) -> Row {
        let proof = letters.dialect.as_deref().map_or_else(|| "known by the channel's name only".to_owned(), |dialect| format!("{} headers", visible(dialect)));
        Row::Link {
            glyph: Some(Glyph::Envelope),
            label: visible(&letters.fingerprint).into_owned(),
            value: figures::count(letters.count),
            detail: format!("on {} · last {} ago · {proof}", visible(&letters.channel), figures::age(self.now_ns - letters.last_ns)),
            tone: Tone::Bad,
            selects: None,
        }
    }

    fn neighbours_of(&self, node: &SceneNode) -> [Section; 2] {
        let Some(own) = self.scene.node_index(node.node_id) else { return Default::default() };
        let link = |edge: &SceneEdge, other: usize| {
            let failed = failure_badge(&edge.figure);
            let mut value = format!("{}/s", figures::rate(edge.figure.rate_per_s));
            if edge.figure.recent_calls == 0 {
                "–".clone_into(&mut value);
            }
            if let Some(badge) = failed.as_ref().filter(|badge| badge.tone > Tone::Quiet) {
                value = format!("{value} · {}", badge.text);
            }
            Row::Link {
                glyph: None,
                label: self.scene.nodes[other].name.clone(),
                value,
                detail: String::new(),
                tone: edge.tone,
                selects: Some(Selection::Edge(edge.edge_id)),
            }
        };
        let mut incoming: Vec<&SceneEdge> = self.scene.edges.iter().filter(|edge| edge.to == own && edge.from != own).collect();
        let mut outgoing: Vec<&SceneEdge> = self.scene.edges.iter().filter(|edge| edge.from == own && edge.to != own).collect();
        for edges in [&mut incoming, &mut outgoing] {
            edges.sort_by_key(|edge| std::cmp::Reverse((edge.tone, edge.figure.recent_errors, edge.figure.recent_calls)));
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

    fn instances_of(&self, node: &Node) -> Section {
        let rows = node.instances.iter().map(|instance| Row::Figure {
            label: visible(&instance.instance).into_owned(),
            value: format!("{} ago", figures::age(self.now_ns - instance.last_seen_ns)),
            other: instance.version.as_deref().map(|version| visible(version).into_owned()).unwrap_or_default(),
            tone: Tone::Quiet,
        });
        section("Instances", "", capped(rows.collect()))
    }

    fn node_evidence(&self, node: &SceneNode, known: Option<&Node>) -> Section {
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
            rows.push(Row::text(format!("{basis} · first seen {} ago", figures::age(self.now_ns - known.first_seen_ns))));
            let folded: Vec<_> = self.snapshot.topology.nodes.iter().filter(|other| self.scene.is_folded(other.node_id) && self.scene.node_index(other.node_id) == self.scene.node_index(node.node_id)).map(|other| visible(&other.name)).collect();
            if !folded.is_empty() {
                rows.push(Row::text(format!("Shown with it: {}", folded.join(", "))));
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

    fn evidence(&self, edge_id: EdgeId) -> Option<&Evidence> {
        let rows = &self.snapshot.figures.edges;
        rows.binary_search_by_key(&edge_id, |row| row.0).ok().map(|row| &rows[row].2)
    }

    fn edge(&self, edge: &SceneEdge) -> Panel {
        let mut kind = edge_word(edge.kind).to_owned();
        if let Some(via) = &edge.via {
            kind = format!("{kind} · {via}");
        }
        kind = format!("{kind} · {}", if edge.is_asynchronous() { "async" } else { "sync" });
        let interactions = self.interactions(edge);
        let callee_figure = interactions.iter().find_map(|interaction| interaction.callee_figure.as_ref()).filter(|_| edge.kind == HopKind::Call);
        let mut sections = Vec::new();
        let sides = if callee_figure.is_some() { "caller / callee" } else { "" };
        let mut figures = section("Last 60 s", &if sides.is_empty() { session_note(&edge.figure) } else { sides.to_owned() }, figure_rows(&edge.figure, callee_figure));
        figures.rows.extend(difference(&edge.figure, callee_figure));
        sections.push(figures);
        if let Some(group) = edge.group_row.map(|row| &self.snapshot.groups[row]) {
            sections.push(self.lag_section(group));
        }
        if let Some(mark) = &edge.breaker {
            let rows = mark.rows.iter().map(|&row| self.breaker_row(&self.snapshot.breakers[row], None));
            sections.push(section("Circuit breaker", &format!("not closed in {} of {}", mark.num_tripped, mark.num_instances), capped(rows.collect())));
        }
        sections.push(retries(&interactions));
        sections.push(self.style_section(edge, &interactions));
        if edge.kind == HopKind::Deliver {
            let channel = self.scene.nodes[edge.from].clone();
            sections.push(self.dead_letters_of(&channel));
        }
        sections.push(self.edge_evidence(edge, &interactions));
        sections.retain(|section| !section.rows.is_empty());
        Panel { title: self.scene.edge_title(edge), kind, verdict: self.edge_verdict(edge, callee_figure), sections }
    }

    fn edge_verdict(&self, edge: &SceneEdge, callee_figure: Option<&Figure>) -> Vec<(String, Tone)> {
        let mut verdict = Vec::new();
        let figure = &edge.figure;
        if let Some(badge) = failure_badge(figure) {
            verdict.push((format!("{} of {} failed in the last minute", figures::count(figure.recent_errors), figures::count(figure.recent_calls)), badge.tone));
        }
        if let (Some(badge), Some(row)) = (edge.group_row.and_then(|row| lag_badge(&self.snapshot.groups[row])), edge.group_row) {
            let group = &self.snapshot.groups[row];
            verdict.push((format!("{} {}: {}", visible(&group.group), lag_word(group.verdict), visible(&group.reason)), badge.tone));
        }
        if let Some(mark) = edge.breaker.as_ref().filter(|mark| mark.tone > Tone::Quiet) {
            let what = match mark.glyph {
                Glyph::BreakerHalfOpen => "lets a few calls through to try",
                Glyph::BreakerUnknown => "has not been heard of lately",
                _ => "refuses calls",
            };
            verdict.push((format!("The caller's breaker {what} in {} of {} instances", mark.num_tripped.max(1), mark.num_instances), mark.tone));
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
                    format!("As usual: {}/s, {} of {} failed", figures::rate(figure.rate_per_s), figures::count(figure.recent_errors), figures::count(figure.recent_calls))
                },
                Tone::Quiet,
            ));
        }
        verdict
    }

    /// Interactions that run over an edge.
    fn interactions(&self, edge: &SceneEdge) -> Vec<&InteractionView> {
        let node = |index: usize| &self.scene.nodes[index];
        let is = |node_id: Option<NodeId>, index: usize| node_id.is_some_and(|node_id| self.scene.node_index(node_id) == Some(index));
        let channel_name = |index: usize| find(&self.snapshot.topology, node(index).node_id).map_or("", |channel| channel.name.as_str());
        let over = |interaction: &&InteractionView| match edge.kind {
            HopKind::Call => is(interaction.from, edge.from) && is(interaction.to, edge.to) && edge.via.as_deref().is_none_or(|via| via == interaction.via),
            HopKind::Publish => is(interaction.from, edge.from) && interaction.via == channel_name(edge.to),
            HopKind::Deliver => is(interaction.to, edge.to) && interaction.via == channel_name(edge.from),
            HopKind::Process => is(interaction.to, edge.to) && self.scene.edges.iter().any(|deliver| deliver.to == edge.from && channel_name(deliver.from) == interaction.via),
        };
        self.snapshot.interactions.iter().filter(over).collect()
    }

    fn lag_section(&self, group: &GroupView) -> Section {
        let not_known = || "not known".to_owned();
        let tone = lag_badge(group).map_or(Tone::Quiet, |badge| badge.tone);
        let mut rows = vec![
            Row::Figure { label: "messages behind".to_owned(), value: group.lag.map_or_else(not_known, figures::count), other: String::new(), tone },
            Row::Figure { label: "time behind".to_owned(), value: group.lag_s.map_or_else(not_known, figures::age_s), other: String::new(), tone },
            Row::figure("members", group.members.as_ref().map_or_else(not_known, |members| figures::count(members.len() as u64))),
        ];
        rows.extend(group.members_reason.as_deref().map(|reason| Row::text(visible(reason))));
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
        let age = group.read_ns.map(|read_ns| format!("read {} ago", figures::age(self.now_ns - read_ns))).unwrap_or_default();
        section(&format!("Group {}", visible(&group.group)), &age, rows)
    }

    fn style_section(&self, edge: &SceneEdge, interactions: &[&InteractionView]) -> Section {
        let mut rows = Vec::new();
        for interaction in interactions {
            let name = |node_id: Option<NodeId>| {
                let index = node_id.and_then(|node_id| self.scene.node_index(node_id));
                index.map_or_else(|| "?".to_owned(), |index| self.scene.nodes[index].name.clone())
            };
            let who = if edge.kind == HopKind::Call { String::new() } else { format!("{} → {} · ", name(interaction.from), name(interaction.to)) };
            let style = interaction.style.map_or("style not known", style_word);
            rows.push(Row::text(format!("{who}{style}: {}", visible(&interaction.style_reason))));
        }
        section("Style", "", capped(rows))
    }

    fn edge_evidence(&self, edge: &SceneEdge, interactions: &[&InteractionView]) -> Section {
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
        rows.push(Row::text(match shares.iter().copied().reduce(f64::min) {
            Some(share) if share < 0.995 => format!("From {} of the traffic: the rest was not sampled", figures::percent(share)),
            Some(_) => "All traffic was seen".to_owned(),
            None => "What share of the traffic was sampled is not known".to_owned(),
        }));
        if let Some(example) = example {
            rows.push(Row::Figure { label: "example trace".to_owned(), value: visible(&example.trace_id).into_owned(), other: String::new(), tone: Tone::Quiet });
        }
        section("Evidence", &format!("n = {}", figures::count(edge.figure.total_calls)), rows)
    }
}

fn section(title: &str, note: &str, rows: Vec<Row>) -> Section {
    Section { title: title.to_owned(), note: note.to_owned(), rows }
}

fn capped(mut rows: Vec<Row>) -> Vec<Row> {
    let num_more = rows.len().saturating_sub(ROWS_MAX);
    if num_more > 0 {
        rows.truncate(ROWS_MAX);
        rows.push(Row::text(format!("{} more", figures::count(num_more as u64))));
    }
    rows
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

fn session_note(figure: &Figure) -> String {
    format!("{} in all", figures::count(figure.total_calls))
}

/// Rate, errors and latencies; the other end's beside them.
fn figure_rows(figure: &Figure, other: Option<&Figure>) -> Vec<Row> {
    let errors = |figure: &Figure| match figure.recent_calls {
        0 => "–".to_owned(),
        calls => figures::percent(figure.recent_errors as f64 / calls as f64),
    };
    let duration = |ns: Option<i64>| ns.map_or_else(|| "–".to_owned(), figures::duration);
    let row = |label: &str, read: &dyn Fn(&Figure) -> String, tone: Tone| Row::Figure {
        label: label.to_owned(),
        value: read(figure),
        other: other.map(read).unwrap_or_default(),
        tone,
    };
    vec![
        row("rate", &|figure| format!("{} /s", figures::rate(figure.rate_per_s)), Tone::Quiet),
        row("errors", &errors, failure_badge(figure).map_or(Tone::Quiet, |badge| badge.tone)),
        row("p50", &|figure| duration(figure.p50_ns), Tone::Quiet),
        row("p95", &|figure| duration(figure.p95_ns), Tone::Quiet),
    ]
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

fn rule_rows<'a>(rules: impl Iterator<Item = (&'a str, u64)>) -> Vec<Row> {
    rules.map(|(rule, n)| Row::figure(&format!("by {}", visible(rule)), figures::count(n))).collect()
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
