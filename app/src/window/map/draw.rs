//! What is drawn of the map, as a list: boxes, edges and pills in place, by meaning. Pure; `paint` turns it into shapes.

use std::collections::BTreeSet;

use egui::{Pos2, Rect, Vec2, pos2, vec2};
use switchboard_engine::view::{NodeId, NodeKind};

use super::{
    geometry::Geometry,
    scene::{Badge, Glyph, Scene, SceneEdge, Selection, Tone, recovered_words},
};
use crate::window::{
    figures,
    fonts::MONO_ADVANCE,
    theme::{Ink, TEXT_MIN_PT},
};

/// From this scale on a box shows its second line.
const FULL_SCALE: f32 = 0.66;
/// From this scale on a box shows its name.
const NAMES_SCALE: f32 = 0.42;
/// With more edges in view they are drawn straight and without arrow heads.
const FINE_EDGES_MAX: usize = 800;
/// With more pills in view only the most urgent are drawn.
const PILLS_MAX: usize = 160;
/// Height of a pill, points.
const PILL_HEIGHT: f32 = 20.0;
/// Room for a sign in a pill, points.
pub(crate) const GLYPH_ROOM: f32 = 14.0;

/// From the map's units to the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Camera {
    /// Points on screen for each unit of the map.
    pub scale: f32,
    /// Where the map's origin is on screen.
    pub origin: Pos2,
}

impl Default for Camera {
    fn default() -> Self {
        Self { scale: 1.0, origin: Pos2::ZERO }
    }
}

impl Camera {
    /// Shows all of `bounds` in the middle of `viewport`, neither too large nor too small to read.
    pub(crate) fn fit(bounds: Rect, viewport: Rect) -> Self {
        // Nothing is shown larger than this, however few there are.
        const SCALE_MAX: f32 = 1.6;
        let room = (viewport.size() - vec2(44.0, 56.0)).max(Vec2::splat(40.0));
        let scale = (room.x / bounds.width().max(1.0)).min(room.y / bounds.height().max(1.0)).clamp(0.02, SCALE_MAX);
        Self { scale, origin: viewport.center() - bounds.center().to_vec2() * scale }
    }

    /// A point of the map on screen.
    pub(crate) fn on_screen(&self, point: Pos2) -> Pos2 {
        self.origin + point.to_vec2() * self.scale
    }

    /// A box of the map on screen.
    pub(crate) fn rect_on_screen(&self, rect: Rect) -> Rect {
        Rect::from_min_max(self.on_screen(rect.min), self.on_screen(rect.max))
    }

    /// A point on screen in the map.
    pub(crate) fn on_map(&self, point: Pos2) -> Pos2 {
        ((point - self.origin) / self.scale).to_pos2()
    }

    /// The same around `fixed`, which stays where it is on screen.
    pub(crate) fn zoomed(&self, factor: f32, fixed: Pos2) -> Self {
        let scale = (self.scale * factor).clamp(0.02, 4.0);
        Self { scale, origin: fixed - (fixed - self.origin) * (scale / self.scale) }
    }
}

/// How much of a box is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// A spot.
    Spots,
    /// Its name.
    Names,
    /// Name, second line and figure.
    Full,
}

impl Detail {
    fn at(scale: f32) -> Self {
        match scale {
            scale if scale >= FULL_SCALE => Self::Full,
            scale if scale >= NAMES_SCALE => Self::Names,
            _ => Self::Spots,
        }
    }
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dash {
    /// Not at all.
    Solid,
    /// Asynchronous.
    Dashes,
    /// Only inferred.
    Dots,
}

/// An edge to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EdgeMark {
    /// Its index in the scene.
    pub edge: usize,
    /// Width, points.
    pub width: f32,
    /// Colour.
    pub ink: Ink,
    /// Its pattern.
    pub dash: Dash,
    /// Whether it is selected: a halo says so, whatever its colour.
    pub selected: bool,
}

/// A box to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NodeMark {
    /// Its index in the scene.
    pub node: usize,
    /// Where, on screen.
    pub rect: Rect,
    /// Colour of its face.
    pub fill: Ink,
    /// Colour of its border.
    pub stroke: Ink,
    /// Width of its border, points.
    pub stroke_width: f32,
    /// Colour of its name.
    pub name: Ink,
    /// Whether its name stands beside it, for it has no room inside.
    pub tagged: bool,
    /// Whether it came anew and has not been looked at.
    pub is_new: bool,
    /// Whether the user has put it where it stands.
    pub is_pinned: bool,
}

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

/// All that is drawn.
#[derive(Clone, Debug)]
pub(crate) struct DrawList {
    /// How much of each box.
    pub detail: Detail,
    /// Whether edges are drawn as curves with arrow heads.
    pub fine_edges: bool,
    /// Edges, the most important last.
    pub edges: Vec<EdgeMark>,
    /// Boxes.
    pub nodes: Vec<NodeMark>,
    /// Pills.
    pub pills: Vec<PillMark>,
    /// Boxes outside of the viewport.
    pub num_outside: usize,
}

/// What a list is made from.
pub(crate) struct Sight<'a> {
    /// What there is.
    pub scene: &'a Scene,
    /// Where it is.
    pub geometry: &'a Geometry,
    /// How it is looked at.
    pub camera: Camera,
    /// The part of the screen.
    pub viewport: Rect,
    /// What is under the pointer.
    pub hovered: Option<Selection>,
    /// What is selected.
    pub selected: Option<Selection>,
    /// Width step of each edge, 0 to 3.
    pub width_steps: &'a [u8],
    /// Boxes that came after the first layout and have not been looked at.
    pub newcomers: &'a BTreeSet<NodeId>,
    /// Boxes that the user has put where they stand.
    pub pinned: &'a BTreeSet<NodeId>,
}

/// The list for a sight.
pub(crate) fn draw_list(sight: &Sight<'_>) -> DrawList {
    let detail = Detail::at(sight.camera.scale);
    let lit = Lit::of(sight);
    let mut nodes = Vec::new();
    let mut num_outside = 0;
    for (index, rect) in sight.geometry.rects.iter().enumerate() {
        let Some(rect) = rect else { continue };
        let rect = sight.camera.rect_on_screen(*rect);
        if !rect.intersects(sight.viewport) {
            num_outside += 1;
            continue;
        }
        nodes.push(node_mark(sight, &lit, index, rect, detail));
    }
    let margin = sight.viewport.expand(24.0);
    let in_view: Vec<usize> = (0..sight.scene.edges.len())
        .filter(|&edge| {
            let path = &sight.geometry.paths[edge];
            !path.fine.is_empty() && sight.camera.rect_on_screen(path.bounds).intersects(margin)
        })
        .collect();
    let fine_edges = in_view.len() <= FINE_EDGES_MAX;
    let mut edges: Vec<(u8, EdgeMark)> = in_view.iter().map(|&edge| edge_mark(sight, &lit, edge)).collect();
    edges.sort_by_key(|(layer, mark)| (*layer, mark.edge));
    let pills = pills(sight, &lit, &nodes, &in_view, detail);
    DrawList { detail, fine_edges, edges: edges.into_iter().map(|(_, mark)| mark).collect(), nodes, pills, num_outside }
}

/// What stands out because of the pointer or the selection.
struct Lit {
    nodes: Vec<bool>,
    edges: Vec<bool>,
}

impl Lit {
    fn of(sight: &Sight<'_>) -> Self {
        let mut lit = Self { nodes: vec![false; sight.scene.nodes.len()], edges: vec![false; sight.scene.edges.len()] };
        for selection in [sight.hovered, sight.selected].into_iter().flatten() {
            match selection {
                Selection::Node(node_id) => {
                    let Some(node) = sight.scene.node_index(node_id) else { continue };
                    for (index, edge) in sight.scene.edges.iter().enumerate().filter(|(_, edge)| edge.from == node || edge.to == node) {
                        lit.light(index, edge);
                    }
                }
                Selection::Edge(edge_id) => {
                    let Some(index) = sight.scene.edge_index(edge_id) else { continue };
                    lit.light(index, &sight.scene.edges[index]);
                }
            }
        }
        lit
    }

    fn light(&mut self, index: usize, edge: &SceneEdge) {
        self.edges[index] = true;
        self.nodes[edge.from] = true;
        self.nodes[edge.to] = true;
    }
}

fn is_edge(selection: Option<Selection>, edge: &SceneEdge) -> bool {
    match selection {
        Some(Selection::Edge(edge_id)) => edge.edge_id == edge_id || edge.process == Some(edge_id),
        _ => false,
    }
}

fn edge_mark(sight: &Sight<'_>, lit: &Lit, index: usize) -> (u8, EdgeMark) {
    let edge = &sight.scene.edges[index];
    let selected = is_edge(sight.selected, edge);
    let is_lit = lit.edges[index];
    let ink = match edge.tone {
        Tone::Bad => Ink::Bad,
        Tone::Warn => Ink::Warn,
        _ if selected => Ink::Accent,
        _ if edge.recovered_ns.is_some() => Ink::Good,
        _ if is_lit => Ink::Dim,
        // Among groups what is as usual stays in the background.
        _ if sight.scene.is_grouped() => Ink::Line,
        _ => Ink::Edge,
    };
    let step = f32::from(sight.width_steps.get(index).copied().unwrap_or(0));
    let width = (1.1 + 0.45 * step) * sight.camera.scale.clamp(0.55, 1.25) + if selected { 1.2 } else { 0.0 };
    let dash = match (edge.inferred, edge.is_asynchronous()) {
        (true, _) => Dash::Dots,
        (false, true) => Dash::Dashes,
        (false, false) => Dash::Solid,
    };
    let layer = u8::from(edge.tone > Tone::Quiet) + 2 * u8::from(is_lit) + 4 * u8::from(selected);
    (layer, EdgeMark { edge: index, width, ink, dash, selected })
}

fn node_mark(sight: &Sight<'_>, lit: &Lit, index: usize, rect: Rect, detail: Detail) -> NodeMark {
    let node = &sight.scene.nodes[index];
    let selected = sight.selected == Some(Selection::Node(node.node_id));
    let hovered = sight.hovered == Some(Selection::Node(node.node_id));
    let (stroke, stroke_width) = match node.tone {
        _ if selected => (Ink::Accent, 2.0),
        Tone::Bad => (Ink::Bad, 1.4),
        Tone::Warn => (Ink::Warn, 1.4),
        Tone::Quiet if node.recovered_ns.is_some() => (Ink::Good, 1.4),
        _ if hovered || lit.nodes[index] => (Ink::Dim, 1.2),
        _ => (Ink::Line, 1.2),
    };
    NodeMark {
        node: index,
        rect,
        fill: if hovered || selected { Ink::Raised } else { Ink::Card },
        stroke,
        stroke_width,
        name: if node.silent_ns.is_some() { Ink::Dim } else { Ink::Text },
        tagged: detail == Detail::Spots && (selected || hovered),
        is_new: sight.newcomers.contains(&node.node_id),
        is_pinned: sight.pinned.contains(&node.node_id),
    }
}

fn pills(sight: &Sight<'_>, lit: &Lit, nodes: &[NodeMark], in_view: &[usize], detail: Detail) -> Vec<PillMark> {
    let style = PillStyle { compact: detail == Detail::Spots, text_pt: TEXT_MIN_PT * sight.camera.scale.clamp(1.0, 1.3) };
    // A box without a second line has no room for more than the sign.
    let on_box = PillStyle { compact: detail < Detail::Full, ..style };
    let mut pills: Vec<PillMark> = Vec::new();
    for mark in nodes {
        let node = &sight.scene.nodes[mark.node];
        let mut right = mark.rect.right() + if node.kind == NodeKind::Channel { -6.0 } else { 6.0 };
        let top = if on_box.compact { mark.rect.top() } else { mark.rect.top() - 4.0 * style.text_pt / TEXT_MIN_PT };
        // A group is large enough for its number at any scale at which it has a name.
        let short = node.cluster.is_some() && detail == Detail::Names;
        let on_box = if short { PillStyle { compact: false, ..on_box } } else { on_box };
        let top = if short { top - 8.0 } else { top };
        let recovered = node.recovered_ns.map(|_| Badge { glyph: Glyph::Check, text: String::new(), tone: Tone::Quiet });
        for badge in node.badges.iter().chain(&recovered) {
            let first_word = || badge.text.split(' ').next().unwrap_or_default().to_owned();
            let badge = &if short { Badge { text: first_word(), ..badge.clone() } } else { badge.clone() };
            let size = on_box.size(badge, true);
            pills.push(on_box.pill(badge, pos2(right - size.x / 2.0, top), true, Selection::Node(node.node_id)));
            right -= size.x + 4.0;
        }
    }
    let mut by_urgency: Vec<usize> = in_view.iter().copied().filter(|&index| wants_pill(sight, lit, index)).collect();
    by_urgency.sort_by_key(|&index| (std::cmp::Reverse(sight.scene.edges[index].tone), index));
    for index in by_urgency {
        if pills.len() >= PILLS_MAX {
            break;
        }
        pills.extend(breaker_pill(sight, index, style));
        pills.extend(edge_pill(sight, lit, nodes, &pills, index, style));
    }
    pills
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
            tone: badge.tone,
            selects,
        }
    }
}

fn wants_pill(sight: &Sight<'_>, lit: &Lit, index: usize) -> bool {
    let edge = &sight.scene.edges[index];
    let breaker = edge.breaker.as_ref().is_some_and(|mark| mark.tone > Tone::Quiet);
    edge.pill.is_some()
        || breaker
        || edge.recovered_ns.is_some()
        || is_edge(sight.selected, edge)
        || is_edge(sight.hovered, edge)
        || (lit.edges[index] && sight.camera.scale >= FULL_SCALE)
}

/// A breaker that is not closed, at the caller's end of its edge.
fn breaker_pill(sight: &Sight<'_>, index: usize, style: PillStyle) -> Option<PillMark> {
    let edge = &sight.scene.edges[index];
    let mark = edge.breaker.as_ref().filter(|mark| mark.tone > Tone::Quiet)?;
    let (point, _) = sight.geometry.paths[index].at(16.0 * (style.text_pt / TEXT_MIN_PT) / sight.camera.scale);
    let badge = Badge { glyph: mark.glyph, text: mark.text(), tone: mark.tone };
    let side = if style.compact { 14.0 } else { 17.0 * style.text_pt / TEXT_MIN_PT };
    let rect = Rect::from_center_size(sight.camera.on_screen(point), Vec2::splat(side));
    Some(PillMark { rect, on_line: !style.compact, ..style.pill(&badge, rect.center(), true, Selection::Edge(edge.edge_id)) })
}

/// What is unusual about an edge, or the figures of one that is looked at: the whole text where it finds room, else its
/// last part. Where neither finds room, plain figures are left out, and of what is unusual the sign is drawn in any case.
fn edge_pill(sight: &Sight<'_>, lit: &Lit, nodes: &[NodeMark], pills: &[PillMark], index: usize, style: PillStyle) -> Option<PillMark> {
    let edge = &sight.scene.edges[index];
    let path = &sight.geometry.paths[index];
    let looked_at = is_edge(sight.selected, edge) || is_edge(sight.hovered, edge);
    let recovered = edge.recovered_ns.map(|recovered_ns| {
        let text = if lit.edges[index] { recovered_words(recovered_ns) } else { String::new() };
        Badge { glyph: Glyph::Check, text, tone: Tone::Quiet }
    });
    let unusual = edge.pill.is_some() || recovered.is_some();
    let quiet = || if lit.edges[index] && !style.compact { quiet_badge(edge, looked_at) } else { None };
    let whole = edge.pill.clone().or(recovered).or_else(quiet)?;
    let last = whole.text.rsplit(" · ").next().unwrap_or_default();
    let short = Badge { text: last.to_owned(), ..whole.clone() };
    let at = |style: PillStyle, badge: &Badge, share: f32| {
        let middle = sight.camera.on_screen(path.at(path.length * share).0);
        style.pill(badge, middle, unusual, Selection::Edge(edge.edge_id))
    };
    let is_free = |mark: &PillMark| {
        // What is unusual may touch the boxes at both ends.
        let inner = if unusual { mark.rect.shrink2(vec2(5.0, 1.0)) } else { mark.rect };
        !nodes.iter().any(|node| node.rect.intersects(inner)) && !pills.iter().any(|pill| pill.covers().intersects(mark.rect))
    };
    let free = |badge: &Badge| [0.5, 0.55, 0.45, 0.6, 0.4, 0.7, 0.3, 0.8, 0.2].into_iter().map(|share| at(style, badge, share)).find(is_free);
    let sign = PillStyle { compact: true, ..style };
    free(&whole).or_else(|| free(&short)).or_else(|| unusual.then(|| at(sign, &short, 0.5)))
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

/// The width step for a rate, 0 to 3: below 1, below 10, below 100 and above. Once in a step, a rate has to leave it by a
/// fifth, so that lines do not flicker.
pub(crate) fn width_step(before: Option<u8>, rate_per_s: f64) -> u8 {
    const BOUNDS: [f64; 3] = [1.0, 10.0, 100.0];
    let plain = BOUNDS.iter().filter(|bound| rate_per_s >= **bound).count() as u8;
    let Some(before) = before else { return plain };
    let low = before.checked_sub(1).map_or(f64::NEG_INFINITY, |below| BOUNDS[usize::from(below)] * 0.8);
    let high = BOUNDS.get(usize::from(before)).map_or(f64::INFINITY, |bound| bound * 1.2);
    if (low..high).contains(&rate_per_s) { before } else { plain }
}

/// What lies under a point of the screen: a pill, a box, an edge.
pub(crate) fn hit(sight: &Sight<'_>, list: &DrawList, point: Pos2) -> Option<Selection> {
    if let Some(pill) = list.pills.iter().rev().find(|pill| pill.covers().contains(point)) {
        return Some(pill.selects);
    }
    if let Some(mark) = list.nodes.iter().rev().find(|mark| mark.rect.contains(point)) {
        return Some(Selection::Node(sight.scene.nodes[mark.node].node_id));
    }
    let reach = 6.0 / sight.camera.scale;
    let on_map = sight.camera.on_map(point);
    let near = list.edges.iter().filter_map(|mark| {
        let path = &sight.geometry.paths[mark.edge];
        let distance = path.bounds.expand(reach).contains(on_map).then(|| path.distance_to(on_map))?;
        (distance <= reach).then_some((distance, mark.edge))
    });
    let (_, edge) = near.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Selection::Edge(sight.scene.edges[edge].edge_id))
}

/// Whether a box of this kind writes its name in the data face.
pub(crate) fn has_data_name(kind: NodeKind) -> bool {
    matches!(kind, NodeKind::Channel | NodeKind::Group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_changes_its_width_only_when_the_rate_leaves_its_step_clearly() {
        assert_eq!([0.2, 5.0, 50.0, 500.0].map(|rate| width_step(None, rate)), [0, 1, 2, 3]);
        assert_eq!(width_step(Some(1), 11.0), 1);
        assert_eq!(width_step(Some(1), 12.5), 2);
        assert_eq!(width_step(Some(2), 9.0), 2);
        assert_eq!(width_step(Some(2), 7.0), 1);
        assert_eq!(width_step(Some(0), 500.0), 3);
    }

    #[test]
    fn zooming_keeps_the_point_under_the_pointer() {
        let camera = Camera { scale: 0.8, origin: pos2(40.0, 30.0) };
        let pointer = pos2(300.0, 200.0);
        let before = camera.on_map(pointer);
        let after = camera.zoomed(1.7, pointer).on_map(pointer);
        assert!(before.distance(after) < 0.01, "{before:?} became {after:?}");
        assert!(camera.on_screen(before).distance(pointer) < 0.01);
    }
}
