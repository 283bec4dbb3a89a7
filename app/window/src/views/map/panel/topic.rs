//! Lists behind the parts of the sentence.

use switchboard_engine::view::{NodeBasis, NodeKind};

use super::{
    About, Panel, RuleRow,
    rows::{capped, section},
};
use crate::{
    figures,
    ink::{Glyph, Tone},
    sanitise::visible,
    view::Target,
    views::map::{
        noise::NoiseRules,
        problems::{Problem, problems},
        scene::{Recovered, SceneNode, Selection, find},
        topic::Topic,
    },
    widgets::detail::{Detail, Row, goto},
};

impl About<'_> {
    /// The panel of a topic.
    pub(super) fn topic(&self, topic: Topic, noise: &NoiseRules) -> Panel {
        match topic {
            Topic::Hidden => self.hidden(noise),
            other => self.list_of(other).into(),
        }
    }

    fn list_of(&self, topic: Topic) -> Detail {
        match topic {
            Topic::Problems | Topic::Hidden => self.problems(),
            Topic::Services => self.services("Services", "all that send spans or are told of", |_, _| true),
            Topic::Traced => self.services("Traced", "they send spans themselves", |node, basis| basis == Some(NodeBasis::Traced) && node.silent_ns.is_none()),
            Topic::BrokerOnly => {
                let mut panel = self.services("Known from the broker only", "they send no spans", |_, basis| basis == Some(NodeBasis::Broker));
                panel.sections.push(section("What would tell more", "", self.missing_spans(None)));
                panel
            }
            Topic::Untraced => self.services("Without spans", "only their callers tell of them", |_, basis| basis == Some(NodeBasis::Inferred)),
            Topic::Silent => self.services("Silent", "they sent spans before", |node, _| node.silent_ns.is_some()),
            Topic::Channels => {
                let rows = self.scene.nodes.iter().filter(|node| node.kind == NodeKind::Channel).map(node_row).collect();
                Self::list("Channels", "", rows)
            }
            Topic::Breakers => {
                self.some_problems("Breakers", "not closed", &[Glyph::BreakerOpen, Glyph::BreakerForced, Glyph::BreakerHalfOpen, Glyph::BreakerUnknown])
            }
            Topic::Behind => self.some_problems("Groups behind", "", &[Glyph::Rising, Glyph::Stuck, Glyph::Nobody]),
            Topic::Failing => self.some_problems("Failing", "last minute", &[Glyph::Cross]),
            Topic::Dead => self.some_problems("Dead letters", "by channel and reason", &[Glyph::Envelope]),
            Topic::Recovered => self.recovered(),
            Topic::Sampling => self.sampling(),
            Topic::Sources => {
                let newest = crate::view::newest_ns(self.snapshot);
                let verdict = newest
                    .map_or_else(|| "Nothing has come in yet".to_owned(), |at_ns| format!("Newest observation {} ago", figures::age(self.now_ns - at_ns)));
                Detail {
                    title: "Sources".to_owned(),
                    kind: "where the data come from".to_owned(),
                    verdict: vec![(verdict, Tone::Quiet)],
                    sections: vec![self.sources()],
                }
            }
        }
    }

    fn list(title: &str, kind: &str, mut rows: Vec<Row>) -> Detail {
        let verdict = figures::things(rows.len() as u64, "entry", "entries");
        // The most urgent first; what is as urgent keeps its order.
        rows.sort_by_key(|row| std::cmp::Reverse(row.tone()));
        Detail { title: title.to_owned(), kind: kind.to_owned(), verdict: vec![(verdict, Tone::Quiet)], sections: vec![section("", "", rows)] }
    }

    fn services(&self, title: &str, kind: &str, is_in: impl Fn(&SceneNode, Option<NodeBasis>) -> bool) -> Detail {
        let basis = |node: &SceneNode| find(&self.snapshot.topology, node.node_id).map(|known| known.basis);
        let rows = self.scene.nodes.iter().filter(|node| node.kind == NodeKind::Service && is_in(node, basis(node))).map(node_row).collect();
        Self::list(title, kind, rows)
    }

    fn some_problems(&self, title: &str, kind: &str, glyphs: &[Glyph]) -> Detail {
        let found = problems(self.scene, self.snapshot, self.now_ns);
        Self::list(title, kind, found.into_iter().filter(|problem| glyphs.contains(&problem.glyph)).map(problem_row).collect())
    }

    fn recovered(&self) -> Detail {
        let row = |label: String, recovered: &Recovered, selects: Selection| Row::Link {
            glyph: Some(Glyph::Check),
            label,
            value: String::new(),
            detail: recovered.in_words(),
            tone: Tone::Quiet,
            action: goto(Target::from(selects)),
        };
        let nodes = self.scene.nodes.iter().filter_map(|node| Some(row(node.full_name.clone(), node.recovered.as_ref()?, Selection::Node(node.node_id))));
        let edges = self.scene.edges.iter().filter_map(|edge| Some(row(self.scene.edge_title(edge), edge.recovered.as_ref()?, Selection::Edge(edge.edge_id))));
        Self::list("Recovered", "as usual again since a short while ago", nodes.chain(edges).collect())
    }

    fn sampling(&self) -> Detail {
        let name = |node_id: Option<switchboard_engine::view::NodeId>| {
            let index = node_id.and_then(|node_id| self.scene.node_index(node_id));
            index.map_or_else(|| "?".to_owned(), |index| self.scene.nodes[index].name.clone())
        };
        let mut shares: Vec<(f64, Row)> = Vec::new();
        for interaction in self.snapshot.interactions.iter() {
            let Some(share) = interaction.sampled_share.filter(|share| *share < 0.995) else { continue };
            let ends = (interaction.from.and_then(|id| self.scene.node_index(id)), interaction.to.and_then(|id| self.scene.node_index(id)));
            let edge = self.scene.edges.iter().find(|edge| (Some(edge.from), Some(edge.to)) == ends);
            let row = Row::Link {
                glyph: None,
                label: format!("{} → {}", name(interaction.from), name(interaction.to)),
                value: figures::percent(share),
                detail: format!("over {}", visible(&interaction.via)),
                tone: Tone::Quiet,
                action: goto(edge.map(|edge| Target::Edge(edge.edge_id))),
            };
            shares.push((share, row));
        }
        shares.sort_by(|a, b| a.0.total_cmp(&b.0));
        let unknown = self.snapshot.interactions.iter().filter(|interaction| interaction.sampled_share.is_none()).count() as u64;
        let mut panel = Self::list("Sampling", "the share of the traffic that was seen", shares.into_iter().map(|(_, row)| row).collect());
        panel.verdict = vec![("Rates and counts are of what was seen, not of all traffic".to_owned(), Tone::Quiet)];
        if unknown > 0 {
            panel.verdict.push((format!("Of {} the share is not known", figures::things(unknown, "interaction", "interactions")), Tone::Quiet));
        }
        panel
    }

    fn hidden(&self, noise: &NoiseRules) -> Panel {
        let total = self.scene.hidden.len() as u64;
        let rules = noise.0.iter().enumerate().map(|(number, rule)| RuleRow {
            number,
            text: format!("{} {}", rule.of.word(), visible(&rule.pattern)),
            num_hidden: self.scene.hidden.values().filter(|by| **by == number).count() as u64,
            is_on: rule.is_on,
        });
        let names = self.scene.hidden.keys().filter_map(|node_id| {
            let node = find(&self.snapshot.topology, *node_id)?;
            Some(Row::text(&format!("{} {}", crate::views::map::scene::kind_word(node.kind), visible(&node.name))))
        });
        let mut sections = vec![section("Hidden now", &figures::count(total), capped(names.collect()))];
        let folded = self.snapshot.totals.folded;
        if folded > 0 {
            sections.push(section("Left out before", "", vec![Row::figure("own polls, probes and metrics", figures::count(folded))]));
        }
        sections.retain(|section| !section.rows.is_empty());
        let verdict = format!("{} not shown; what they do is collected all the same", figures::things(total, "thing is", "things are"));
        let detail = Detail { title: "Hidden".to_owned(), kind: "noise, by name".to_owned(), verdict: vec![(verdict, Tone::Quiet)], sections };
        Panel { detail, rules: Some(rules.collect()) }
    }
}

pub(super) fn node_row(node: &SceneNode) -> Row {
    let unusual: Vec<&str> = node.badges.iter().map(|badge| badge.text.as_str()).filter(|text| !text.is_empty()).collect();
    Row::Link {
        glyph: node.badges.first().map(|badge| badge.glyph),
        label: node.full_name.clone(),
        value: if node.rate.is_empty() { "–".to_owned() } else { node.rate.clone() },
        detail: unusual.into_iter().chain(Some(node.detail.as_str()).filter(|detail| !detail.is_empty())).collect::<Vec<_>>().join(" · "),
        tone: node.tone,
        action: goto(Target::Node(node.node_id)),
    }
}

pub(super) fn problem_row(problem: Problem) -> Row {
    Row::Link {
        glyph: Some(problem.glyph),
        label: problem.title,
        value: String::new(),
        detail: problem.detail,
        tone: problem.tone,
        action: goto(problem.selects.map(Target::from)),
    }
}
