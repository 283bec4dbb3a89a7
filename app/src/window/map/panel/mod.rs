//! What the side panel says about what is selected, as data: the panel draws it, the clipboard gets it as text. Pure.

pub(crate) mod answers;
mod edge;
mod group;
mod more;
mod node;
mod rows;
mod topic;
pub(crate) mod trend;

use switchboard_engine::view::{EdgeId, Evidence, Snapshot};

use super::{
    noise::NoiseRules,
    problems,
    scene::{Glyph, Scene, Selection, Tone},
    topic::Topic,
};
use crate::window::{figures, sanitise::visible, view::Target};
use answers::Answers;
use rows::{capped, section};

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
        /// Where a click leads; `None` where nothing shows it.
        target: Option<Target>,
    },
    /// A figure and how it ran.
    Spark {
        /// What it measures.
        label: String,
        /// As measured.
        value: String,
        /// Against as long before.
        change: String,
        /// How unusual that is.
        tone: Tone,
        /// Bucket by bucket, the oldest first; `None` = nothing to measure.
        points: Vec<Option<f64>>,
    },
    /// A part of something, with a bar.
    Bar {
        /// Which part.
        label: String,
        /// Whose it is; may be empty.
        detail: String,
        /// As measured.
        value: String,
        /// How long the bar is, 0 to 1; `None` = not known.
        share: Option<f32>,
        /// How unusual it is.
        tone: Tone,
        /// Where a click leads.
        target: Option<Target>,
    },
    /// A line to be pasted somewhere.
    Paste {
        /// The line.
        text: String,
    },
    /// A rule for what is hidden.
    Rule {
        /// Its number.
        number: usize,
        /// What it hides.
        text: String,
        /// How much that is now.
        num_hidden: u64,
        /// Whether it holds.
        is_on: bool,
    },
    /// Room for a new rule.
    NewRule,
}

impl Row {
    fn figure(label: &str, value: String) -> Self {
        Self::Figure { label: label.to_owned(), value, other: String::new(), tone: Tone::Quiet }
    }

    fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), tone: Tone::Quiet }
    }

    fn paste(text: impl Into<String>) -> Self {
        Self::Paste { text: text.into() }
    }

    fn tone(&self) -> Tone {
        match self {
            Self::Figure { tone, .. } | Self::Text { tone, .. } | Self::Link { tone, .. } | Self::Spark { tone, .. } | Self::Bar { tone, .. } => *tone,
            Self::Paste { .. } | Self::Rule { .. } | Self::NewRule => Tone::Quiet,
        }
    }
}

impl Panel {
    /// The panel for a selection; without one, that of a topic.
    pub(crate) fn build(
        (full, shown): (&Scene, &Scene),
        snapshot: &Snapshot,
        (selection, topic): (Option<Selection>, Topic),
        noise: &NoiseRules,
        known: &Known<'_>,
    ) -> Self {
        let about = About { scene: full, snapshot, now_ns: known.now_ns, known };
        let selected = match selection {
            // Groups and bundles are only there where boxes are shown in groups.
            Some(Selection::Node(node_id)) => {
                let group = || shown.node_index(node_id).map(|index| about.group(&shown.nodes[index]));
                full.node_index(node_id).map(|index| about.node(&full.nodes[index])).or_else(group)
            }
            Some(Selection::Edge(edge_id)) => {
                let bundle = || shown.edge_index(edge_id).map(|index| about.bundle(shown, &shown.edges[index]));
                full.edge_index(edge_id).map(|index| about.edge(&full.edges[index])).or_else(bundle)
            }
            None => None,
        };
        selected.unwrap_or_else(|| about.topic(topic, noise))
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
                    Row::Text { text, .. } | Row::Paste { text } => format!("  {text}"),
                    Row::Rule { text, num_hidden, is_on, .. } => format!("  {} {text}: {num_hidden}", if *is_on { "on" } else { "off" }),
                    Row::Spark { label, value, change, .. } if change.is_empty() => format!("  {label}: {value}"),
                    Row::Spark { label, value, change, .. } => format!("  {label}: {value} ({change})"),
                    Row::Bar { label, detail, value, .. } if detail.is_empty() => format!("  {label}: {value}"),
                    Row::Bar { label, detail, value, .. } => format!("  {label}: {value} · {detail}"),
                    Row::NewRule => continue,
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

/// What is known beside the snapshot.
pub(crate) struct Known<'a> {
    /// The time on the wall, ns since the Unix epoch.
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
    fn problems(&self) -> Panel {
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
                target: Some(Target::Source(source.name.clone())),
            }
        });
        section("Sources", "", capped(rows.collect()))
    }

    fn evidence(&self, edge_id: EdgeId) -> Option<&Evidence> {
        let rows = &self.snapshot.figures.edges;
        rows.binary_search_by_key(&edge_id, |row| row.0).ok().map(|row| &rows[row].2)
    }
}
