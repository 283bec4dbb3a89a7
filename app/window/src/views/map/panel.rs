//! What the side panel says about what is selected, as data: the panel draws it, the clipboard gets it as text. Pure.

pub(crate) mod answers;
mod call;
mod edge;
mod group;
mod instance;
mod more;
mod node;
mod rows;
mod topic;
pub(crate) mod trend;

use switchboard_engine::view::{EdgeId, Evidence, Snapshot};

use super::{
    noise::NoiseRules,
    problems,
    scene::{Scene, Selection},
    topic::Topic,
};
use crate::{
    figures,
    ink::Tone,
    sanitise::visible,
    view::Target,
    widgets::detail::{Detail, Row, Section, goto},
};
use answers::Answers;
use rows::{capped, section};

/// The side panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Panel {
    /// What it says.
    pub detail: Detail,
    /// The rules for what is hidden, where it is about them.
    pub rules: Option<Vec<RuleRow>>,
}

/// A rule for what is hidden.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RuleRow {
    /// Its number.
    pub number: usize,
    /// What it hides.
    pub text: String,
    /// How much that is now.
    pub num_hidden: u64,
    /// Whether it holds.
    pub is_on: bool,
}

impl From<Detail> for Panel {
    fn from(detail: Detail) -> Self {
        Self { detail, rules: None }
    }
}

impl Panel {
    /// The panel for a selection; without one, that of a topic.
    pub(crate) fn build(
        (full, shown): (&Scene, &Scene),
        snapshot: &Snapshot,
        (selection, instance, topic): (Option<Selection>, Option<&str>, Topic),
        noise: &NoiseRules,
        known: &Known<'_>,
    ) -> Self {
        let about = About { scene: full, snapshot, now_ns: known.now_ns, known };
        let selected = match selection {
            // Groups and bundles are only there where boxes are shown in groups.
            Some(Selection::Node(node_id)) => {
                let group = || shown.node_index(node_id).map(|index| about.group(&shown.nodes[index]));
                let own = |index: usize| match instance {
                    Some(instance) => about.instance(&full.nodes[index], instance),
                    None => about.node(&full.nodes[index]),
                };
                full.node_index(node_id).map(own).or_else(group)
            }
            Some(Selection::Edge(edge_id)) => {
                let bundle = || shown.edge_index(edge_id).map(|index| about.bundle(shown, &shown.edges[index]));
                full.edge_index(edge_id).map(|index| about.edge(&full.edges[index])).or_else(bundle)
            }
            None => None,
        };
        selected.map_or_else(|| about.topic(topic, noise), Self::from)
    }
}

/// What is known beside the snapshot.
pub(crate) struct Known<'a> {
    /// The instant that is looked at, ns since the Unix epoch.
    pub now_ns: i64,
    /// What was asked and answered.
    pub answers: &'a Answers,
    /// What SDKs have to be told; `None` without a receiver.
    pub otlp_endpoint: Option<&'a str>,
}

struct About<'a> {
    scene: &'a Scene,
    snapshot: &'a Snapshot,
    now_ns: i64,
    known: &'a Known<'a>,
}

impl From<Selection> for Target {
    fn from(selection: Selection) -> Self {
        match selection {
            Selection::Node(node_id) => Self::Node(node_id),
            Selection::Edge(edge_id) => Self::Edge(edge_id),
        }
    }
}

impl About<'_> {
    fn problems(&self) -> Detail {
        let found = problems::problems(self.scene, self.snapshot, self.now_ns);
        let verdict = if found.is_empty() {
            ("Nothing unusual: no open breaker, no group behind, no failures, no dead letters".to_owned(), Tone::Quiet)
        } else {
            (format!("{}, the most urgent first", figures::things(found.len() as u64, "thing is unusual", "things are unusual")), Tone::Quiet)
        };
        let rows = found.into_iter().map(topic::problem_row);
        let mut sections = vec![section("", "", rows.collect())];
        sections.push(self.sources());
        sections.retain(|section| !section.rows.is_empty());
        Detail { title: "Problems".to_owned(), kind: "last minute".to_owned(), verdict: vec![verdict], sections }
    }

    fn sources(&self) -> Section {
        let rows = self.snapshot.sources.iter().map(|source| {
            let counts = &source.counts;
            let lost = counts.refused + counts.evicted;
            let lost = if lost > 0 { format!(" · {} refused or given up", figures::count(lost)) } else { String::new() };
            Row::Link {
                glyph: None,
                label: visible(&source.name).into_owned(),
                value: source.word().to_owned(),
                detail: match source.left_out_words() {
                    Some(left_out) => format!("{} received{lost} · {}", figures::count(counts.received), visible(&left_out)),
                    None => format!("{} received{lost}", figures::count(counts.received)),
                },
                tone: source.severity().into(),
                action: goto(Target::Source(source.name.clone())),
            }
        });
        section("Sources", "", capped(rows.collect()))
    }

    fn evidence(&self, edge_id: EdgeId) -> Option<&Evidence> {
        let rows = &self.snapshot.figures.edges;
        rows.binary_search_by_key(&edge_id, |row| row.0).ok().map(|row| &rows[row].2)
    }
}
