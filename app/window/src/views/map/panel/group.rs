//! The panels of what stands for many: a group of boxes, a bundle of edges.

use super::{
    About,
    rows::{capped, figure_rows, section, session_note},
    topic::node_row,
};
use crate::{
    figures,
    ink::Tone,
    view::Target,
    views::map::scene::{Scene, SceneEdge, SceneNode, failure_badge},
    widgets::detail::{Detail, Row, goto},
};

impl About<'_> {
    /// A group: its members, the unusual first.
    pub(super) fn group(&self, group: &SceneNode) -> Detail {
        let Some(cluster) = &group.cluster else { return self.node(group) };
        let mut members: Vec<&SceneNode> =
            cluster.members.iter().filter_map(|node_id| self.scene.node_index(*node_id)).map(|index| &self.scene.nodes[index]).collect();
        members.sort_by(|a, b| b.tone.cmp(&a.tone).then_with(|| a.kind.cmp(&b.kind)).then_with(|| a.full_name.cmp(&b.full_name)));
        let outside = match cluster.num_outside {
            0 => String::new(),
            n => format!(", {n} more stand outside"),
        };
        let verdict = match cluster.num_unusual {
            0 => (format!("Nothing unusual in it{outside}"), Tone::Quiet),
            n => (
                format!("{} unusual{outside}", figures::things(n as u64, "box is", "boxes are")),
                group.badges.iter().map(|badge| badge.tone).max().unwrap_or_default(),
            ),
        };
        let sections = vec![
            section("Last 60 s", &session_note(&group.figure), figure_rows(&group.figure, None).into_iter().take(2).collect()),
            section("Members", &figures::count(members.len() as u64), members.into_iter().map(node_row).collect()),
        ];
        Detail { title: group.full_name.clone(), kind: "group of boxes · Enter opens it".to_owned(), verdict: vec![verdict], sections }
    }

    /// Several edges between the same two boxes, the unusual first.
    pub(super) fn bundle(&self, shown: &Scene, bundle: &SceneEdge) -> Detail {
        let mut edges: Vec<&SceneEdge> =
            bundle.bundle.iter().filter_map(|edge_id| self.scene.edge_index(*edge_id)).map(|index| &self.scene.edges[index]).collect();
        edges.sort_by(|a, b| b.tone.cmp(&a.tone).then_with(|| b.figure.recent_calls.cmp(&a.figure.recent_calls)).then_with(|| a.edge_id.cmp(&b.edge_id)));
        let unusual = edges.iter().filter(|edge| edge.tone > Tone::Quiet).count() as u64;
        let verdict = match unusual {
            0 => ("Nothing unusual on the way".to_owned(), Tone::Quiet),
            n => (format!("{} unusual", figures::things(n, "edge is", "edges are")), bundle.tone),
        };
        let rows = edges.iter().map(|edge| Row::Link {
            glyph: edge.pill.as_ref().map(|pill| pill.glyph).or(edge.breaker.as_ref().filter(|mark| mark.tone > Tone::Quiet).map(|mark| mark.glyph)),
            label: self.scene.edge_title(edge),
            value: if edge.figure.recent_calls > 0 { format!("{}/s", figures::rate(edge.figure.rate_per_s)) } else { "–".to_owned() },
            detail: failure_badge(&edge.figure).map(|badge| badge.text).unwrap_or_default(),
            tone: edge.tone,
            action: goto(Target::Edge(edge.edge_id)),
        });
        let sections = vec![
            section("Last 60 s", &session_note(&bundle.figure), figure_rows(&bundle.figure, None).into_iter().take(2).collect()),
            section("Edges", &figures::count(edges.len() as u64), capped(rows.collect())),
        ];
        let kind = format!("{} · {}", figures::things(edges.len() as u64, "edge", "edges"), if bundle.is_asynchronous() { "async" } else { "sync" });
        Detail { title: shown.edge_title(bundle), kind, verdict: vec![verdict], sections }
    }
}
