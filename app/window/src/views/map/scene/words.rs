//! Boxes and edges in words, for those who do not see them.

use switchboard_engine::view::{HopKind, LagVerdict, NodeKind, breaker_word};
use switchboard_model::BreakerState;

use super::{Badge, Recovered, Scene, SceneEdge, SceneNode};
use crate::{
    figures,
    ink::{Glyph, Tone},
};

/// The word for a kind of box.
pub(crate) fn kind_word(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Service => "service",
        NodeKind::Channel => "channel",
        NodeKind::Group => "group",
        NodeKind::Database => "database",
        NodeKind::External => "external",
        NodeKind::User => "caller",
        NodeKind::Missing => "missing",
        NodeKind::Other => "other",
    }
}

/// A box in words, for those who do not see it: `service orders, 2 instances, 40 req/s, 12 % failed`.
pub(crate) fn node_in_words(node: &SceneNode) -> String {
    let kind = if node.cluster.is_some() { "group of boxes" } else { kind_word(node.kind) };
    let mut parts = vec![format!("{kind} {}", node.full_name)];
    if node.num_instances > 0 {
        parts.push(figures::things(node.num_instances as u64, "instance", "instances"));
    } else if !node.detail.is_empty() {
        parts.push(node.detail.clone());
    }
    if let Some(silent_ns) = node.silent_ns {
        parts.push(format!("silent for {}", figures::age(silent_ns)));
    }
    if !node.rate.is_empty() && node.rate != "–" {
        parts.push(node.rate.clone());
    }
    // A probe is told with all that is known of it.
    parts.extend(node.badges.iter().filter(|badge| badge.glyph != Glyph::Probe || node.probes.is_empty()).map(badge_in_words));
    parts.extend(node.probes.iter().cloned());
    parts.extend(node.recovered.as_ref().map(Recovered::in_words));
    parts.join(", ")
}

impl Recovered {
    /// `recovered 2 min ago, after 40 s: 12 % failed`.
    pub(crate) fn in_words(&self) -> String {
        let words = format!("recovered {} ago, after {}", figures::age(self.ago_ns), figures::age(self.lasted_ns));
        if self.was.is_empty() { words } else { format!("{words}: {}", self.was) }
    }
}

/// An edge in words.
pub(crate) fn edge_in_words(scene: &Scene, edge: &SceneEdge) -> String {
    let mut parts = vec![format!("{} {} to {}", edge_word(edge.kind), scene.nodes[edge.from].name, scene.nodes[edge.to].name)];
    if edge.figure.recent_calls > 0 {
        parts.push(format!("{}/s", figures::rate(edge.figure.rate_per_s)));
    }
    parts.extend(edge.pill.iter().map(badge_in_words));
    if let Some(mark) = edge.breaker.as_ref().filter(|mark| mark.tone > Tone::Quiet) {
        parts.push(badge_in_words(&mark.badge()));
    }
    parts.extend(edge.recovered.as_ref().map(Recovered::in_words));
    parts.join(", ")
}

/// The word for a kind of edge.
pub(crate) fn edge_word(kind: HopKind) -> &'static str {
    match kind {
        HopKind::Call => "call",
        HopKind::Publish => "publish",
        HopKind::Deliver => "deliver",
        HopKind::Process => "process",
    }
}

/// A sign with its number in words.
pub(crate) fn badge_in_words(badge: &Badge) -> String {
    let text = &badge.text;
    match badge.glyph {
        Glyph::Cross if text.contains("failed") => text.clone(),
        Glyph::Cross => format!("{text} failed"),
        Glyph::Envelope => format!("{text} dead letters"),
        Glyph::Rising => format!("lag {text}, {}", LagVerdict::Growing.word()),
        Glyph::Stuck => format!("lag {text}, {}", LagVerdict::Stuck.word()),
        Glyph::Nobody | Glyph::Dot if text.starts_with(|first: char| first.is_ascii_digit()) => format!("lag {text}"),
        Glyph::BreakerOpen => format!("breaker {} in {text} instances", breaker_word(Some(BreakerState::Open))),
        Glyph::BreakerHalfOpen => format!("breaker {} in {text} instances", breaker_word(Some(BreakerState::HalfOpen))),
        Glyph::BreakerForced => format!("breaker {} in {text} instances", breaker_word(Some(BreakerState::ForcedOpen))),
        Glyph::Question if text.starts_with("lag") => format!("{text}, not read since"),
        Glyph::BreakerUnknown => format!("breaker {}", breaker_word(None)),
        Glyph::Question => "state unknown".to_owned(),
        Glyph::Probe => format!("probe failed {text}"),
        Glyph::Check | Glyph::Dot | Glyph::Nobody => text.clone(),
    }
}
