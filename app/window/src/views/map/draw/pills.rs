//! Pills: signs and numbers on boxes and edges, where they cover nothing. Pure.

use egui::{Pos2, Rect, Vec2, pos2, vec2};
use switchboard_engine::view::NodeKind;

use super::{Detail, Lit, NodeMark, Sight, is_edge};
use crate::{
    figures,
    fonts::MONO_ADVANCE,
    ink::{Glyph, Tone},
    theme::TEXT_MIN_PT,
    views::map::{
        edge_label::{EdgeLabel, EdgeLabels},
        scene::{Badge, SceneEdge, Selection},
    },
};

/// With more pills in view only the most urgent are drawn.
const PILLS_MAX: usize = 160;
/// Edges for whose pills room is looked for: among more than that the figures of one are not read anyway, and each look costs.
const LOOKED_FOR_MAX: usize = 240;
/// Where along its edge a pill stands, the first that is free.
const SHARES: [f32; 13] = [0.5, 0.55, 0.45, 0.6, 0.4, 0.65, 0.35, 0.7, 0.3, 0.8, 0.2, 0.87, 0.13];
/// Room between what stands on a box, points.
const BADGE_GAP: f32 = 4.0;
/// Height of a pill, points.
const PILL_HEIGHT: f32 = 20.0;
/// Room for a sign in a pill, points.
pub(crate) const GLYPH_ROOM: f32 = 14.0;

/// A pill to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PillMark {
    /// Where, on screen.
    pub rect: Rect,
    /// Its sign; none for plain figures.
    pub glyph: Option<Glyph>,
    /// Its text; empty where there is only room for the sign.
    pub text: String,
    /// Size of the text, points.
    pub text_pt: f32,
    /// Whether the sign stands by itself on its line, the text above it.
    pub on_line: bool,
    /// Whether it is a plain figure that stands on its edge as on every other: without a frame.
    pub is_label: bool,
    /// How urgent.
    pub tone: Tone,
    /// What a click on it selects.
    pub selects: Selection,
}

impl PillMark {
    /// All that it covers: a sign on its line has its text above it.
    pub(crate) fn covers(&self) -> Rect {
        if !self.on_line {
            return self.rect;
        }
        let half = self.text.chars().count() as f32 * self.text_pt * MONO_ADVANCE / 2.0 + 2.0;
        let top = self.rect.center_top() - vec2(0.0, self.text_pt * 1.35);
        self.rect.union(Rect::from_min_max(top - vec2(half, 0.0), top + vec2(half, 1.0)))
    }
}

pub(super) fn pills(sight: &Sight<'_>, lit: &Lit, nodes: &[NodeMark], in_view: &[usize], detail: Detail) -> Vec<PillMark> {
    let style = PillStyle { compact: detail == Detail::Spots, text_pt: TEXT_MIN_PT * sight.camera.scale.clamp(1.0, 1.3) };
    // A box without a second line has no room for more than the sign.
    let on_box = PillStyle { compact: detail < Detail::Full, ..style };
    let mut by_urgency: Vec<usize> = in_view.iter().copied().filter(|&index| wants_pill(sight, lit, index, detail)).collect();
    by_urgency.sort_by_key(|&index| (std::cmp::Reverse(sight.scene.edges[index].tone), index));
    by_urgency.truncate(LOOKED_FOR_MAX);
    // A breaker's mark stands where its edge begins; what stands on a box gives way to it.
    let breakers: Vec<PillMark> = by_urgency.iter().filter_map(|&index| breaker_pill(sight, index, style)).collect();
    let mut pills: Vec<PillMark> = Vec::new();
    for mark in nodes {
        let node = &sight.scene.nodes[mark.node];
        let mut right = mark.rect.right() + if node.kind == NodeKind::Channel { -6.0 } else { 6.0 };
        let top = if on_box.compact { mark.rect.top() } else { mark.rect.top() - 4.0 * style.text_pt / TEXT_MIN_PT };
        // A group is large enough for its number at any scale at which it has a name.
        let short = node.cluster.is_some() && detail == Detail::Names;
        let on_box = if short { PillStyle { compact: false, ..on_box } } else { on_box };
        let top = if short { top - 8.0 } else { top };
        let recovered = node.recovered.as_ref().map(|_| recovered_badge());
        for badge in node.badges.iter().chain(&recovered) {
            let first_word = || badge.text.split(' ').next().unwrap_or_default().to_owned();
            let badge = &if short { Badge { text: first_word(), ..badge.clone() } } else { badge.clone() };
            let on_box = if badge.glyph == Glyph::Check { PillStyle { compact: true, ..on_box } } else { on_box };
            let size = on_box.size(badge, true);
            right = free_right(right, mark.rect.left(), top, size, &breakers);
            pills.push(on_box.pill(badge, pos2(right - size.x / 2.0, top), true, Selection::Node(node.node_id)));
            right -= size.x + BADGE_GAP;
        }
    }
    for index in by_urgency {
        if pills.len() >= PILLS_MAX {
            break;
        }
        pills.extend(breaker_pill(sight, index, style));
        pills.extend(edge_pill(sight, lit, (nodes, detail), &pills, index, style));
    }
    pills
}

/// The right edge of a badge of this size on a box, as far right as it covers no breaker's mark; where the box has no such place left of `right`, `right`.
fn free_right(right: f32, left: f32, middle: f32, size: Vec2, breakers: &[PillMark]) -> f32 {
    let wanted = right;
    let mut right = right;
    // Each of them moves it at most once, for it only goes left.
    for _ in 0..=breakers.len() {
        let rect = Rect::from_min_max(pos2(right - size.x, middle - size.y / 2.0), pos2(right, middle + size.y / 2.0));
        let Some(covered) = breakers.iter().map(PillMark::covers).find(|covers| covers.intersects(rect)) else { break };
        right = covered.left() - BADGE_GAP;
    }
    if right < left { wanted } else { right }
}

/// How pills look at a scale.
#[derive(Clone, Copy)]
struct PillStyle {
    /// Only the sign.
    compact: bool,
    text_pt: f32,
}

impl PillStyle {
    fn size(self, badge: &Badge, with_glyph: bool) -> Vec2 {
        if self.compact {
            return Vec2::splat(14.0);
        }
        let grown = self.text_pt / TEXT_MIN_PT;
        if badge.text.is_empty() {
            return Vec2::splat(18.0 * grown);
        }
        let glyph = if with_glyph { GLYPH_ROOM } else { 0.0 };
        vec2(badge.text.chars().count() as f32 * self.text_pt * MONO_ADVANCE + (glyph + 11.0) * grown, PILL_HEIGHT * grown)
    }

    fn pill(self, badge: &Badge, middle: Pos2, with_glyph: bool, selects: Selection) -> PillMark {
        PillMark {
            rect: Rect::from_center_size(middle, self.size(badge, with_glyph)),
            glyph: with_glyph.then_some(badge.glyph),
            text: if self.compact { String::new() } else { badge.text.clone() },
            text_pt: self.text_pt,
            on_line: false,
            is_label: false,
            tone: badge.tone,
            selects,
        }
    }
}

fn wants_pill(sight: &Sight<'_>, lit: &Lit, index: usize, detail: Detail) -> bool {
    let edge = &sight.scene.edges[index];
    let breaker = edge.breaker.as_ref().is_some_and(|mark| mark.tone > Tone::Quiet);
    edge.pill.is_some()
        || breaker
        || edge.recovered.is_some()
        || is_edge(sight.selected, edge)
        || is_edge(sight.hovered, edge)
        || (lit.edges[index] && detail >= Detail::Full)
        || (sight.labels.label != EdgeLabel::Auto && detail >= Detail::Names)
        || detail == Detail::More
}

/// The sign of what has recovered: one, and quiet.
fn recovered_badge() -> Badge {
    Badge { glyph: Glyph::Check, text: String::new(), tone: Tone::Quiet }
}

/// A breaker that is not closed, at the caller's end of its edge.
fn breaker_pill(sight: &Sight<'_>, index: usize, style: PillStyle) -> Option<PillMark> {
    let edge = &sight.scene.edges[index];
    let mark = edge.breaker.as_ref().filter(|mark| mark.tone > Tone::Quiet)?;
    let (point, _) = sight.geometry.paths[index].at(16.0 * (style.text_pt / TEXT_MIN_PT) / sight.camera.scale);
    let badge = mark.badge();
    let side = if style.compact { 14.0 } else { 17.0 * style.text_pt / TEXT_MIN_PT };
    let rect = Rect::from_center_size(sight.camera.on_screen(point), Vec2::splat(side));
    Some(PillMark { rect, on_line: !style.compact, ..style.pill(&badge, rect.center(), true, Selection::Edge(edge.edge_id)) })
}

/// What is unusual about an edge, or the figures of one that is looked at, or what stands on every edge: the whole text where it
/// finds room, else its last part. Where neither finds room, plain figures are left out, and of what is unusual the sign is drawn
/// in any case.
fn edge_pill(sight: &Sight<'_>, lit: &Lit, (nodes, detail): (&[NodeMark], Detail), pills: &[PillMark], index: usize, style: PillStyle) -> Option<PillMark> {
    let edge = &sight.scene.edges[index];
    let path = &sight.geometry.paths[index];
    let looked_at = is_edge(sight.selected, edge) || is_edge(sight.hovered, edge);
    let unusual = edge.pill.is_some();
    let figures = || if lit.edges[index] && !style.compact { quiet_badge(edge, looked_at) } else { None };
    let is_label = !unusual && !lit.edges[index];
    let labels = match sight.labels.label {
        EdgeLabel::Auto if detail == Detail::More => EdgeLabels { label: EdgeLabel::Rate, of_range: None },
        _ => sight.labels,
    };
    let label = || labels.of(edge).map(|text| Badge { glyph: Glyph::Question, text, tone: Tone::Quiet });
    let recovered = || edge.recovered.as_ref().map(|_| recovered_badge());
    let whole = edge.pill.clone().or_else(figures).or_else(|| label().filter(|_| !style.compact)).or_else(recovered)?;
    let has_glyph = unusual || whole.glyph == Glyph::Check;
    let last = whole.text.rsplit(" · ").next().unwrap_or_default();
    let short = Badge { text: last.to_owned(), ..whole.clone() };
    let at = |style: PillStyle, badge: &Badge, share: f32| {
        let middle = sight.camera.on_screen(path.at(path.length * share).0);
        let pill = style.pill(badge, middle, has_glyph, Selection::Edge(edge.edge_id));
        PillMark { is_label: is_label && !has_glyph, ..pill }
    };
    let is_free = |mark: &PillMark| {
        // What is unusual may touch the boxes at both ends.
        let inner = if unusual { mark.rect.shrink2(vec2(5.0, 1.0)) } else { mark.rect };
        !nodes.iter().any(|node| node.rect.intersects(inner)) && !pills.iter().any(|pill| pill.covers().intersects(mark.rect))
    };
    let free = |style: PillStyle, badge: &Badge| SHARES.into_iter().map(|share| at(style, badge, share)).find(is_free);
    let sign = PillStyle { compact: true, ..style };
    if whole.glyph == Glyph::Check {
        return free(sign, &whole);
    }
    let texts = free(style, &whole).or_else(|| if short.text == whole.text { None } else { free(style, &short) });
    texts.or_else(|| unusual.then(|| free(sign, &short).unwrap_or_else(|| at(sign, &short, 0.5))))
}

/// The rate of an edge; of one that is looked at `p95 41 ms · 38/s`.
fn quiet_badge(edge: &SceneEdge, looked_at: bool) -> Option<Badge> {
    if edge.figure.recent_calls == 0 {
        return None;
    }
    let mut text = format!("{}/s", figures::rate(edge.figure.rate_per_s));
    if let Some(p95_ns) = edge.figure.p95_ns.filter(|_| looked_at) {
        text = format!("p95 {} · {text}", figures::duration(p95_ns));
    }
    Some(Badge { glyph: Glyph::Question, text, tone: Tone::Quiet })
}
