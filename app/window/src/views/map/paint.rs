//! Turns a draw list into shapes.

use std::{collections::HashMap, sync::Arc};

use egui::{Color32, CornerRadius, FontId, Galley, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, epaint::PathShape, pos2, text::TextWrapping, vec2};
use switchboard_engine::view::{NodeId, NodeKind};

use super::{
    colours::spot_fill,
    draw::{Dash, Detail, DrawList, EdgeMark, GLYPH_ROOM, NodeMark, PillMark, Sight, has_data_name},
    scene::SceneNode,
};
use crate::{
    figures, fonts,
    ink::{Glyph, StrokeMesh, Tone, cut_to, fitted, glyph, one_line, tone_inks},
    theme::{DesignTokens, Ink, RADIUS_PT, TEXT_BODY_PT, TEXT_MIN_PT},
};

const DASHES: [f32; 2] = [7.0, 4.5];
const DOTS: [f32; 2] = [2.5, 3.5];
const BORDER_DASHES: [f32; 2] = [4.0, 3.0];
/// More texts than this are not kept.
const GALLEYS_MAX: usize = 4_096;
/// Text that does not fit as a whole is cut to steps of this, points.
const ROOM_STEP_PT: f32 = 8.0;

/// Dots that move along some edges.
pub(crate) struct Dots {
    /// How far they have come, points.
    pub way_pt: f32,
    /// Indices of the edges.
    pub edges: Vec<usize>,
}

/// Paints draw lists; keeps laid out texts from frame to frame.
#[derive(Default)]
pub(crate) struct MapPainter {
    galleys: HashMap<(NodeId, Slot), Kept>,
    /// The empty text, as egui laid it out in the last frame that was painted.
    empty: Option<Arc<Galley>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Slot {
    Name,
    Detail,
    Rate,
    Duration,
    Failures,
}

struct Kept {
    text: String,
    /// Size and pixels per point, as bits.
    measures: [u32; 2],
    /// The room it had, in steps, points.
    room: f32,
    /// What it takes as a whole, points.
    whole_pt: f32,
    /// Nothing was left out.
    is_whole: bool,
    galley: Arc<Galley>,
}

impl MapPainter {
    /// Paints everything.
    pub(crate) fn paint(&mut self, painter: &Painter, sight: &Sight<'_>, list: &DrawList, dots: Option<&Dots>, tokens: &DesignTokens) {
        self.forget_galleys(painter);
        let ppp = painter.pixels_per_point();
        let mut edges = StrokeMesh::new(ppp);
        for mark in &list.edges {
            edge_into(&mut edges, sight, mark, list.fine_edges, tokens);
        }
        painter.add(Shape::mesh(edges.into_mesh()));
        if let Some(dots) = dots {
            for mark in list.edges.iter().filter(|mark| dots.edges.contains(&mark.edge)) {
                paint_dots(painter, sight, mark, dots.way_pt, tokens);
            }
        }
        if list.detail == Detail::Spots {
            paint_spots(painter, sight, list, tokens);
        } else {
            for mark in &list.nodes {
                self.paint_node(painter, sight, mark, list.detail, tokens);
            }
        }
        for pill in &list.pills {
            paint_pill(painter, pill, tokens);
        }
        for mark in list.nodes.iter().filter(|mark| mark.tagged) {
            paint_tag(painter, &sight.scene.nodes[mark.node], mark, tokens);
        }
    }

    /// Forgets all texts where they are too many, or where egui has made its atlas of glyphs anew: they say where in the former
    /// one their glyphs lay. That is the case after a change of theme, and whenever the atlas was nearly full. egui does not tell,
    /// but lets go of its own texts then: the empty one, asked for in each frame, is another after that.
    fn forget_galleys(&mut self, painter: &Painter) {
        let empty = one_line(painter, "", &fonts::words(TEXT_MIN_PT), TextWrapping::no_max_width());
        let is_same_atlas = self.empty.as_ref().is_some_and(|before| Arc::ptr_eq(before, &empty));
        if !is_same_atlas || self.galleys.len() > GALLEYS_MAX {
            self.galleys.clear();
        }
        self.empty = Some(empty);
    }

    fn paint_node(&mut self, painter: &Painter, sight: &Sight<'_>, mark: &NodeMark, detail: Detail, tokens: &DesignTokens) {
        let node = &sight.scene.nodes[mark.node];
        let scale = sight.camera.scale;
        if node.kind == NodeKind::User {
            self.paint_user(painter, mark, node, scale, tokens);
            return;
        }
        paint_shape(painter, mark, node, scale, tokens);
        paint_corner(painter, mark, scale, tokens);
        let pad = (9.0 * scale).clamp(5.0, 14.0);
        let left = mark.rect.left() + pad;
        let right = mark.rect.right() - if node.kind == NodeKind::Channel { mark.rect.height() * 0.38 } else { pad };
        let sizes = TextSizes::at(scale);
        let font = if has_data_name(node.kind) { fonts::data(sizes.name - 1.0_f32.min(sizes.name - TEXT_MIN_PT)) } else { fonts::strong(sizes.name) };
        // A group's box has room for two lines long before others have.
        let full = detail >= Detail::Full || node.cluster.is_some() && detail == Detail::Names;
        let partitions = node.num_partitions.filter(|_| detail == Detail::More).map(|num| figures::things(num, "partition", "partitions"));
        let one_line = !full || node.detail.is_empty() && partitions.is_none();
        if one_line {
            let mut room = right - left;
            if full && node.kind == NodeKind::Channel && !node.rate.is_empty() {
                let rate = self.galley(painter, (node.node_id, Slot::Rate), &node.rate, &fonts::data(sizes.small), room);
                let name_width = node.name.chars().count() as f32 * font.size * fonts::MONO_ADVANCE;
                // The name matters more than its figure.
                // It keeps off the rim of the open end.
                let off_rim = pad * 0.5;
                if name_width + rate.size().x + 8.0 + off_rim <= room {
                    room -= rate.size().x + 8.0 + off_rim;
                    place(painter, rate, pos2(right - off_rim, mark.rect.center().y), Side::Right, tokens.ink(Ink::Dim));
                }
            }
            let name = self.galley(painter, (node.node_id, Slot::Name), &node.name, &font, room);
            let middle = mark.rect.center();
            if node.kind == NodeKind::Group {
                let width = name.size().x;
                place(painter, name, middle - vec2(width / 2.0, 0.0), Side::Left, tokens.ink(mark.name));
            } else {
                place(painter, name, pos2(left, middle.y), Side::Left, tokens.ink(mark.name));
            }
            return;
        }
        let third = if detail == Detail::More && node.cluster.is_none() { third_line(node) } else { None };
        let shares = match (node.kind, third.is_some()) {
            (NodeKind::Database, false) => [0.44, 0.77, 0.0],
            (NodeKind::Database, true) => [0.36, 0.62, 0.83],
            (_, false) => [0.32, 0.71, 0.0],
            (_, true) => [0.25, 0.56, 0.80],
        };
        let [name_y, detail_y, third_y] = shares.map(|share| mark.rect.top() + mark.rect.height() * share);
        let name = self.galley(painter, (node.node_id, Slot::Name), &node.name, &font, right - left);
        place(painter, name, pos2(left, name_y), Side::Left, tokens.ink(mark.name));
        let version = node.version.as_ref().filter(|_| detail == Detail::More && node.silent_ns.is_none()).map(|version| match version.as_bytes() {
            [b'0'..=b'9', ..] => format!("{} · v{version}", node.detail),
            _ => format!("{} · {version}", node.detail),
        });
        let words = partitions.as_ref().or(version.as_ref()).unwrap_or(&node.detail);
        let is_sure = node.cluster.is_none() && !node.dashed && node.silent_ns.is_none();
        self.paint_pair(painter, node, [Slot::Detail, Slot::Rate], [words, &node.rate], is_sure, (left, right, detail_y), sizes.small, tokens);
        if let Some((duration, mut failures)) = third {
            let num_chars = duration.chars().count() + 1 + failures.chars().count();
            if num_chars as f32 * sizes.small * fonts::MONO_ADVANCE > right - left {
                // A share is one of failures also where there is no room for the word.
                failures.truncate(failures.len() - FAILED.len());
            }
            self.paint_pair(painter, node, [Slot::Duration, Slot::Failures], [&duration, &failures], true, (left, right, third_y), sizes.small, tokens);
        }
    }

    /// Words on the left and a figure on the right; where there is room for one only: how it is known, unless that is sure.
    #[expect(clippy::too_many_arguments, reason = "what is written, where, and in which of its box's places")]
    fn paint_pair(
        &mut self,
        painter: &Painter,
        node: &SceneNode,
        slots: [Slot; 2],
        texts: [&str; 2],
        is_sure: bool,
        (left, right, y): (f32, f32, f32),
        size: f32,
        tokens: &DesignTokens,
    ) {
        let words = self.galley(painter, (node.node_id, slots[0]), texts[0], &fonts::words(size), right - left);
        let figure = self.galley(painter, (node.node_id, slots[1]), texts[1], &fonts::data(size), right - left);
        let both = words.size().x + 6.0 + figure.size().x <= right - left;
        if both || is_sure {
            place(painter, figure, pos2(right, y), Side::Right, tokens.ink(Ink::Dim));
        }
        if both || !is_sure {
            place(painter, words, pos2(left, y), Side::Left, tokens.ink(Ink::Dim));
        }
    }

    fn paint_user(&mut self, painter: &Painter, mark: &NodeMark, node: &SceneNode, scale: f32, tokens: &DesignTokens) {
        let stroke = Stroke::new(1.4, tokens.ink(if mark.stroke == Ink::Line { Ink::Dim } else { mark.stroke }));
        glyph::person(painter, mark.rect.center() - vec2(0.0, 8.0 * scale), 9.0 * scale, stroke);
        let size = (TEXT_MIN_PT * scale).max(TEXT_MIN_PT).round();
        let name = self.galley(painter, (node.node_id, Slot::Name), &node.name, &fonts::words(size), mark.rect.width());
        let width = name.size().x;
        place(painter, name, pos2(mark.rect.center().x - width / 2.0, mark.rect.bottom() - 6.0 * scale), Side::Left, tokens.ink(Ink::Dim));
    }

    /// The text laid out in at most this width: smaller if it is longer, and cut in the middle if it is longer even in the smallest
    /// letters that can be read. While one zooms it is mostly the same as in
    /// the last frame: whole as long as it has room, and cut anew only when its room has changed by a step.
    fn galley(&mut self, painter: &Painter, key: (NodeId, Slot), text: &str, font: &FontId, width: f32) -> Arc<Galley> {
        let measures = [font.size, painter.pixels_per_point()].map(f32::to_bits);
        let room = (width / ROOM_STEP_PT).floor() * ROOM_STEP_PT;
        let kept = self.galleys.get(&key).filter(|kept| kept.text == text && kept.measures == measures);
        if let Some(kept) = kept
            && if kept.is_whole { kept.whole_pt <= width } else { kept.whole_pt > width && kept.room.to_bits() == room.to_bits() }
        {
            return Arc::clone(&kept.galley);
        }
        let whole = one_line(painter, text, font, TextWrapping::no_max_width());
        let whole_pt = whole.size().x;
        let is_whole = whole_pt <= width;
        let galley = if is_whole { whole } else { smaller_or_cut(painter, text, font, room, whole_pt) };
        let kept = Kept { text: text.to_owned(), measures, room, whole_pt, is_whole, galley: Arc::clone(&galley) };
        self.galleys.insert(key, kept);
        galley
    }
}

/// Sizes of a box's texts, points: in small boxes they are as large as their names leave room for, and they grow less than boxes do,
/// so that a large box holds more than a small one.
struct TextSizes {
    name: f32,
    small: f32,
}

impl TextSizes {
    fn at(scale: f32) -> Self {
        let name = (TEXT_BODY_PT * 1.27 * scale).min(TEXT_BODY_PT).max(TEXT_BODY_PT * scale.min(1.16)).max(TEXT_BODY_PT * 0.84 * scale);
        let small = (TEXT_MIN_PT * scale.min(1.1)).max(TEXT_MIN_PT * 0.82 * scale);
        Self { name: name.max(TEXT_MIN_PT).round(), small: small.max(TEXT_MIN_PT).round() }
    }
}

/// What is said of a share that failed.
const FAILED: &str = " failed";

/// How long a box takes and what share of it fails: `p95 41 ms` and `0.2 % failed`; `None` where neither is known.
fn third_line(node: &SceneNode) -> Option<(String, String)> {
    let figure = &node.figure;
    if figure.recent_calls == 0 || node.silent_ns.is_some() || node.kind == NodeKind::Channel {
        return None;
    }
    let duration = figure.p95_ns.map(|p95_ns| format!("p95 {}", figures::duration(p95_ns))).unwrap_or_default();
    let failed = figures::percent(figure.recent_errors as f64 / figure.recent_calls as f64);
    Some((duration, format!("{failed}{FAILED}")))
}

/// A text that is too long, as a whole in smaller letters, or else cut in the smallest.
fn smaller_or_cut(painter: &Painter, text: &str, font: &FontId, room: f32, whole_pt: f32) -> Arc<Galley> {
    let fits = (font.size * room / whole_pt.max(1.0)).floor();
    let small = FontId::new(fits.clamp(TEXT_MIN_PT.min(font.size), font.size), font.family.clone());
    let whole = one_line(painter, text, &small, TextWrapping::no_max_width());
    let small_pt = whole.size().x;
    if small_pt <= room { whole } else { cut_to(painter, text, &small, room, small_pt) }
}

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// Paints a text beginning or ending at a point, its middle at the point's height.
fn place(painter: &Painter, galley: Arc<Galley>, at: Pos2, side: Side, color: Color32) {
    let size = galley.size();
    let x = match side {
        Side::Left => at.x,
        Side::Right => at.x - size.x,
    };
    painter.galley(pos2(x, at.y - size.y / 2.0), galley, color);
}

fn edge_into(mesh: &mut StrokeMesh, sight: &Sight<'_>, mark: &EdgeMark, fine: bool, tokens: &DesignTokens) {
    let path = &sight.geometry.paths[mark.edge];
    let color = tokens.ink(mark.ink);
    if !fine {
        let points: Vec<Pos2> = path.coarse.iter().map(|point| sight.camera.on_screen(*point)).collect();
        mesh.line(&points, mark.width.min(1.6), color.gamma_multiply(0.8));
        return;
    }
    let points: Vec<Pos2> = path.fine.iter().map(|point| sight.camera.on_screen(*point)).collect();
    if mark.selected {
        mesh.line(&points, mark.width + 5.0, tokens.ink(Ink::Accent).gamma_multiply(0.35));
    }
    match mark.dash {
        Dash::Solid => mesh.line(&points, mark.width, color),
        Dash::Dashes => mesh.dashes(&points, mark.width, color, DASHES),
        Dash::Dots => mesh.dashes(&points, mark.width, color, DOTS),
    }
    let [.., before, tip] = points.as_slice() else { return };
    let along = (*tip - *before).normalized();
    let size = 5.0 * sight.camera.scale.clamp(0.7, 1.2);
    let (back, across) = (along * size * 1.3, along.rot90() * size * 0.75);
    mesh.line(&[*tip - back + across, *tip, *tip - back - across], mark.width.max(1.3), color);
}

/// Dots on their way along the selected edge, from the sender to the receiver.
fn paint_dots(painter: &Painter, sight: &Sight<'_>, mark: &EdgeMark, way_pt: f32, tokens: &DesignTokens) {
    const APART_PT: f32 = 46.0;
    let path = &sight.geometry.paths[mark.edge];
    let length_pt = path.length * sight.camera.scale;
    let mut at_pt = way_pt.rem_euclid(APART_PT);
    while at_pt < length_pt - 6.0 {
        let (point, _) = path.at(at_pt / sight.camera.scale);
        painter.circle_filled(sight.camera.on_screen(point), 2.4, tokens.ink(Ink::Text));
        at_pt += APART_PT;
    }
}

/// A dot for what is new, a needle for what was put there.
fn paint_corner(painter: &Painter, mark: &NodeMark, scale: f32, tokens: &DesignTokens) {
    let at = mark.rect.left_top();
    if mark.is_new {
        painter.circle(at, 4.0 * scale.max(0.8), tokens.ink(Ink::Good), Stroke::new(1.5, tokens.ink(Ink::Background)));
    } else if mark.is_pinned {
        painter.circle(at, 3.2 * scale.max(0.8), tokens.ink(Ink::Background), Stroke::new(1.4, tokens.ink(Ink::Dim)));
    }
}

/// Boxes too small for a name: all in one mesh.
fn paint_spots(painter: &Painter, sight: &Sight<'_>, list: &DrawList, tokens: &DesignTokens) {
    let mut mesh = StrokeMesh::new(painter.pixels_per_point());
    for mark in &list.nodes {
        let node = &sight.scene.nodes[mark.node];
        let inset = if node.kind == NodeKind::Channel { mark.rect.height() * 0.2 } else { 0.0 };
        let rect = mark.rect.shrink2(vec2(0.0, inset));
        let border = if node.dashed { tokens.ink(mark.stroke).gamma_multiply(0.6) } else { tokens.ink(mark.stroke) };
        mesh.rect(rect, border);
        let width = mark.stroke_width.min(rect.height() / 4.0);
        mesh.rect(rect.shrink(width), tokens.ink(spot_fill(node, mark.fill)));
    }
    painter.add(Shape::mesh(mesh.into_mesh()));
}

fn paint_shape(painter: &Painter, mark: &NodeMark, node: &SceneNode, scale: f32, tokens: &DesignTokens) {
    let rect = mark.rect;
    let fill = tokens.ink(if node.dashed || node.silent_ns.is_some() { Ink::Background } else { mark.fill });
    let stroke = Stroke::new(mark.stroke_width, tokens.ink(mark.stroke));
    if node.cluster.is_some() {
        // A stack: many in one place.
        for step in [2.0, 1.0] {
            let by = vec2(4.0, 4.0) * step * scale.clamp(0.5, 1.2);
            painter.rect(
                rect.translate(by),
                RADIUS_PT * scale.clamp(0.6, 1.2),
                tokens.ink(Ink::Background),
                Stroke::new(1.0, tokens.ink(Ink::Line)),
                StrokeKind::Middle,
            );
        }
    }
    match node.kind {
        NodeKind::Channel => pipe(painter, rect, fill, stroke),
        NodeKind::Database => cylinder(painter, rect, 6.0 * scale, fill, stroke),
        kind => {
            let radius = if kind == NodeKind::Group { rect.height() / 2.0 } else { RADIUS_PT * scale.clamp(0.6, 1.2) };
            if node.dashed {
                painter.rect_filled(rect, radius, fill);
                let mut mesh = StrokeMesh::new(painter.pixels_per_point());
                mesh.dashes(&rounded(rect, radius), stroke.width, stroke.color, BORDER_DASHES);
                painter.add(Shape::mesh(mesh.into_mesh()));
            } else {
                painter.rect(rect, CornerRadius::same(radius.round() as u8), fill, stroke, StrokeKind::Middle);
            }
        }
    }
    if node.silent_ns.is_some() {
        hatch(painter, rect.shrink(2.0), tokens.ink(Ink::Hatch));
    }
    if node.kind == NodeKind::Missing {
        glyph::question(painter, rect.right_top() + vec2(-14.0, 14.0) * scale, 5.0 * scale.max(0.8), tokens.ink(Ink::Dim));
    }
}

/// A lying cylinder: what is written on the left is read on the right.
fn pipe(painter: &Painter, rect: Rect, fill: Color32, stroke: Stroke) {
    let cap = rect.height() * 0.2;
    let radius = rect.height() * 0.2;
    let end = pos2(rect.right() - cap, rect.center().y);
    let half = vec2(cap, rect.height() / 2.0);
    let mut points = Vec::new();
    arc(&mut points, rect.left_top() + Vec2::splat(radius), Vec2::splat(radius), 0.5, 0.75, 5);
    arc(&mut points, end, half, 0.75, 1.25, 14);
    arc(&mut points, rect.left_bottom() + vec2(radius, -radius), Vec2::splat(radius), 0.25, 0.5, 5);
    painter.add(PathShape::convex_polygon(points, fill, stroke));
    let mut rim = Vec::new();
    arc(&mut rim, end, half, 0.25, 0.75, 14);
    painter.add(PathShape::line(rim, Stroke::new(1.0, stroke.color)));
}

/// A standing cylinder.
fn cylinder(painter: &Painter, rect: Rect, cap: f32, fill: Color32, stroke: Stroke) {
    let half = vec2(rect.width() / 2.0, cap);
    let (top, bottom) = (pos2(rect.center().x, rect.top() + cap), pos2(rect.center().x, rect.bottom() - cap));
    let mut points = Vec::new();
    arc(&mut points, top, half, 0.5, 1.0, 18);
    arc(&mut points, bottom, half, 0.0, 0.5, 18);
    painter.add(PathShape::convex_polygon(points, fill, stroke));
    let mut rim = Vec::new();
    arc(&mut rim, top, half, 0.0, 0.5, 18);
    painter.add(PathShape::line(rim, Stroke::new(1.0, stroke.color)));
}

/// Points of an arc from one part of a turn to another; 0 = right, 0.25 = down.
fn arc(points: &mut Vec<Pos2>, center: Pos2, half: Vec2, from: f32, to: f32, steps: usize) {
    for step in 0..=steps {
        let turn = (from + (to - from) * step as f32 / steps as f32) * std::f32::consts::TAU;
        points.push(center + vec2(turn.cos() * half.x, turn.sin() * half.y));
    }
}

/// The outline of a rounded rectangle, closed.
fn rounded(rect: Rect, radius: f32) -> Vec<Pos2> {
    let inner = rect.shrink(radius.min(rect.height() / 2.0));
    let half = Vec2::splat(radius);
    let mut points = Vec::new();
    arc(&mut points, inner.right_top(), half, 0.75, 1.0, 6);
    arc(&mut points, inner.right_bottom(), half, 0.0, 0.25, 6);
    arc(&mut points, inner.left_bottom(), half, 0.25, 0.5, 6);
    arc(&mut points, inner.left_top(), half, 0.5, 0.75, 6);
    points.push(points[0]);
    points
}

/// Slanted lines: nothing is heard of it.
fn hatch(painter: &Painter, rect: Rect, color: Color32) {
    let mut mesh = StrokeMesh::new(painter.pixels_per_point());
    let mut start = rect.left() - rect.height();
    while start < rect.right() {
        let from = (rect.left() - start).max(0.0);
        let to = (rect.right() - start).min(rect.height());
        if to > from {
            mesh.line(&[pos2(start + from, rect.bottom() - from), pos2(start + to, rect.bottom() - to)], 1.0, color);
        }
        start += 7.0;
    }
    painter.add(Shape::mesh(mesh.into_mesh()));
}

fn paint_pill(painter: &Painter, pill: &PillMark, tokens: &DesignTokens) {
    let (ink, fill) = tone_inks(pill.tone);
    let color = tokens.ink(ink);
    let border = if pill.tone == Tone::Quiet { tokens.ink(Ink::Line) } else { color };
    if pill.on_line {
        paint_on_line(painter, pill, color, tokens);
        return;
    }
    if pill.is_label {
        painter.rect_filled(pill.rect.shrink2(vec2(3.0, 2.0)), 3.0, tokens.ink(Ink::Background));
        painter.text(pill.rect.center(), egui::Align2::CENTER_CENTER, &pill.text, fonts::data(pill.text_pt), color);
        return;
    }
    let radius = CornerRadius::same((pill.rect.height() / 2.0) as u8);
    painter.rect(pill.rect, radius, tokens.ink(fill), Stroke::new(1.2, border), StrokeKind::Middle);
    if pill.text.is_empty() {
        if let Some(sign) = pill.glyph {
            glyph::paint(painter, sign, pill.rect.center(), 3.6, color);
        }
        return;
    }
    let grown = pill.text_pt / TEXT_MIN_PT;
    let mut x = pill.rect.left() + 6.0 * grown;
    match pill.glyph {
        // Which way it goes stands after the number, what it is before it.
        Some(sign @ (Glyph::Rising | Glyph::Stuck)) => {
            glyph::paint(painter, sign, pos2(pill.rect.right() - 10.5 * grown, pill.rect.center().y), 4.0 * grown, color);
        }
        Some(sign) => {
            glyph::paint(painter, sign, pos2(x + 4.5 * grown, pill.rect.center().y), 4.5 * grown, color);
            x += GLYPH_ROOM * grown;
        }
        None => {}
    }
    painter.text(pos2(x, pill.rect.center().y), egui::Align2::LEFT_CENTER, &pill.text, fonts::data(pill.text_pt), color);
}

/// A sign on its line, its number above it.
fn paint_on_line(painter: &Painter, pill: &PillMark, color: Color32, tokens: &DesignTokens) {
    let center = pill.rect.center();
    let radius = pill.rect.width() / 2.0;
    painter.circle_filled(center, radius + 1.5, tokens.ink(Ink::Background));
    if let Some(sign) = pill.glyph {
        glyph::paint(painter, sign, center, radius, color);
    }
    let galley = painter.layout_no_wrap(pill.text.clone(), fonts::data(pill.text_pt), color);
    let at = center - vec2(galley.size().x / 2.0, radius + galley.size().y);
    painter.rect_filled(Rect::from_min_size(at, galley.size()).expand2(vec2(2.0, 0.0)), 3.0, tokens.ink(Ink::Background));
    painter.galley(at, galley, color);
}

/// The name of a box that is too small to hold it.
fn paint_tag(painter: &Painter, node: &SceneNode, mark: &NodeMark, tokens: &DesignTokens) {
    let galley = fitted(painter, &node.name, &fonts::strong(12.0), 220.0);
    let rect = Rect::from_center_size(mark.rect.center_top() - vec2(0.0, 16.0), galley.size() + vec2(14.0, 8.0));
    painter.rect(rect, RADIUS_PT, tokens.ink(Ink::Panel), Stroke::new(1.0, tokens.ink(Ink::Line)), StrokeKind::Middle);
    painter.galley(rect.min + vec2(7.0, 4.0), galley, tokens.ink(Ink::Text));
}
