//! The paths of edges between placed boxes. Pure; recomputed only when boxes or edges come or go, or a box is carried.

mod route;

use std::collections::{BTreeMap, BTreeSet};

use egui::{Pos2, Rect, Vec2, pos2, vec2};
use switchboard_engine::view::NodeId;

use super::{
    layout::{Lane, Layout},
    scene::Scene,
};

/// Points for each curve.
const CURVE_STEPS: usize = 20;
/// Roundness of corners of paths that lead back.
const CORNER: f32 = 14.0;
/// With more edges than this those that lead back are straight: ways around would be all one sees.
const WAYS_AROUND_EDGES_MAX: usize = 1_500;
/// Rows of one part stand nearer than this, parts farther apart, in the map's units, as they were laid out.
const SAME_PART_GAP: f32 = 66.0;
/// Height of most boxes: it does not grow as rows are spread.
const BOX_HEIGHT: f32 = 46.0;
/// Room between paths that lead back.
const BACK_GAP: f32 = 12.0;
/// With more boxes than this only edges of boxes that were moved are led around what stands in their way.
const ROUTED_BOXES_MAX: usize = 150;
/// More edges than this are not led around anything.
const ROUTED_MAX: usize = 32;

/// The path of an edge, in the map's units.
#[derive(Clone, Debug)]
pub(crate) struct EdgePath {
    /// Close enough to the curve to look like one.
    pub fine: Vec<Pos2>,
    /// A few points, for when it is drawn small.
    pub coarse: Vec<Pos2>,
    /// What it lies in.
    pub bounds: Rect,
    /// Length of `fine`.
    pub length: f32,
}

impl Default for EdgePath {
    fn default() -> Self {
        Self { fine: Vec::new(), coarse: Vec::new(), bounds: Rect::NOTHING, length: 0.0 }
    }
}

impl EdgePath {
    fn new(fine: Vec<Pos2>, coarse: Vec<Pos2>) -> Self {
        let bounds = Rect::from_points(&fine);
        let length = fine.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
        Self { fine, coarse, bounds, length }
    }

    /// The point at a distance from the start, and the direction there.
    pub(crate) fn at(&self, distance: f32) -> (Pos2, Vec2) {
        let mut left = distance.clamp(0.0, self.length);
        for pair in self.fine.windows(2) {
            let step = pair[0].distance(pair[1]);
            if left <= step && step > 0.0 {
                return (pair[0].lerp(pair[1], left / step), (pair[1] - pair[0]) / step);
            }
            left -= step;
        }
        (self.fine.last().copied().unwrap_or_default(), Vec2::RIGHT)
    }

    /// How far a point is from the path.
    pub(crate) fn distance_to(&self, point: Pos2) -> f32 {
        self.fine.windows(2).map(|pair| distance_to_segment(point, pair[0], pair[1])).fold(f32::INFINITY, f32::min)
    }
}

fn distance_to_segment(point: Pos2, a: Pos2, b: Pos2) -> f32 {
    let along = b - a;
    let length_sq = along.length_sq();
    let share = if length_sq > 0.0 { ((point - a).dot(along) / length_sq).clamp(0.0, 1.0) } else { 0.0 };
    point.distance(a + along * share)
}

/// Places and paths of a whole map.
#[derive(Clone, Debug, Default)]
pub(crate) struct Geometry {
    /// Places, by index of the box; `None` where it has none yet.
    pub rects: Vec<Option<Rect>>,
    /// Paths, by index of the edge; empty where an end has no place yet.
    pub paths: Vec<EdgePath>,
    /// What everything lies in.
    pub bounds: Option<Rect>,
    /// Whose places and paths these are.
    boxes: Vec<NodeId>,
    ends: Vec<(usize, usize)>,
}

impl Geometry {
    /// Whether it has places and paths for these boxes and edges, in this order.
    pub(crate) fn is_of(&self, scene: &Scene) -> bool {
        self.boxes.len() == scene.nodes.len()
            && self.ends.len() == scene.edges.len()
            && self.boxes.iter().zip(&scene.nodes).all(|(own, node)| *own == node.node_id)
            && self.ends.iter().zip(&scene.edges).all(|(own, edge)| *own == (edge.from, edge.to))
    }

    /// Computes all paths; `moved` are the boxes that stand where the user put them.
    pub(crate) fn of(scene: &Scene, layout: &Layout, moved: &BTreeSet<NodeId>) -> Self {
        let rects: Vec<Option<Rect>> = scene.nodes.iter().map(|node| layout.rects.get(&node.node_id).copied()).collect();
        let ends: Vec<Option<(Rect, Rect)>> = scene.edges.iter().map(|edge| Some((rects[edge.from]?, rects[edge.to]?))).collect();
        let lanes_of = |index: usize| {
            let edge = &scene.edges[index];
            layout.lanes.get(&(scene.nodes[edge.from].node_id, scene.nodes[edge.to].node_id)).map_or(&[][..], Vec::as_slice)
        };
        let ports = Ports::spread(scene, &ends, &lanes_of);
        let all: Vec<Rect> = rects.iter().flatten().copied().collect();
        let has_groups = scene.is_grouped();
        let mut num_back = 0;
        let mut num_routed = 0;
        let part_gap = (SAME_PART_GAP + BOX_HEIGHT) * layout.rows - BOX_HEIGHT;
        let mut paths = Vec::with_capacity(scene.edges.len());
        for (index, ends) in ends.iter().enumerate() {
            let edge = &scene.edges[index];
            let mut path = match ends {
                None => EdgePath::default(),
                Some((from, _)) if edge.from == edge.to => own_loop(*from),
                Some((from, to)) if leads_back(*from, *to) && scene.edges.len() > WAYS_AROUND_EDGES_MAX => straight(*from, *to),
                // Between groups there are many ways back: softly behind everything instead of around it.
                Some((from, to)) if leads_back(*from, *to) && has_groups => soft_back(*from, *to),
                Some((from, to)) if leads_back(*from, *to) => {
                    num_back += 1;
                    back_path(*from, *to, (&all, part_gap), num_back)
                }
                Some((from, to)) => {
                    let start = pos2(from.right(), from.center().y + ports.out_of[index]);
                    let end = pos2(to.left(), to.center().y + ports.into[index]);
                    forward_path(start, end, lanes_of(index))
                }
            };
            let is_moved = [edge.from, edge.to].iter().any(|end| moved.contains(&scene.nodes[*end].node_id));
            let is_routed = is_moved || (!has_groups && rects.len() <= ROUTED_BOXES_MAX);
            if let Some((from, to)) = ends.filter(|_| is_routed && edge.from != edge.to && num_routed < ROUTED_MAX) {
                let through_own = || [from, to].iter().any(|rect| route::runs_through(&path.fine, rect.shrink(3.0)));
                let others = || rects.iter().enumerate().filter(|(other, _)| *other != edge.from && *other != edge.to).filter_map(|(_, rect)| *rect);
                if through_own() || others().any(|rect| path.bounds.intersects(rect) && route::runs_through(&path.fine, rect.shrink(1.0))) {
                    let others: Vec<Rect> = others().collect();
                    let offsets = [ports.out_of[index], ports.into[index]];
                    if let Some(corners) = route::around(from, to, offsets, &others, num_routed) {
                        path = EdgePath::new(round_corners(&corners), corners);
                    }
                    num_routed += 1;
                }
            }
            paths.push(path);
        }
        let bounds = all.iter().copied().chain(paths.iter().filter(|path| !path.fine.is_empty()).map(|path| path.bounds)).reduce(Rect::union);
        let boxes = scene.nodes.iter().map(|node| node.node_id).collect();
        let ends = scene.edges.iter().map(|edge| (edge.from, edge.to)).collect();
        Self { rects, paths, bounds, boxes, ends }
    }
}

/// Whether an edge cannot be drawn from left to right.
pub(crate) fn leads_back(from: Rect, to: Rect) -> bool {
    to.left() < from.right() + 8.0
}

/// How far from the middle of a side each edge begins and ends, so that edges do not lie on one another.
struct Ports {
    out_of: Vec<f32>,
    into: Vec<f32>,
}

impl Ports {
    fn spread<'a>(scene: &Scene, ends: &[Option<(Rect, Rect)>], lanes_of: &dyn Fn(usize) -> &'a [Lane]) -> Self {
        let mut leaving: BTreeMap<usize, Vec<(f32, usize)>> = BTreeMap::new();
        let mut arriving: BTreeMap<usize, Vec<(f32, usize)>> = BTreeMap::new();
        for (index, edge) in scene.edges.iter().enumerate() {
            let Some((from, to)) = ends[index] else { continue };
            if leads_back(from, to) {
                continue;
            }
            let lanes = lanes_of(index);
            leaving.entry(edge.from).or_default().push((lanes.first().map_or(to.center().y, |lane| lane.y), index));
            arriving.entry(edge.to).or_default().push((lanes.last().map_or(from.center().y, |lane| lane.y), index));
        }
        let mut ports = Self { out_of: vec![0.0; ends.len()], into: vec![0.0; ends.len()] };
        for (sides, offsets, take_from) in [(leaving, &mut ports.out_of, true), (arriving, &mut ports.into, false)] {
            for mut side in sides.into_values() {
                side.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let height = ends[side[0].1].map_or(0.0, |(from, to)| if take_from { from.height() } else { to.height() });
                let step = if side.len() > 1 { ((height - 16.0).max(0.0) / (side.len() - 1) as f32).min(9.0) } else { 0.0 };
                let middle = (side.len() - 1) as f32 / 2.0;
                for (place, (_, index)) in side.into_iter().enumerate() {
                    offsets[index] = (place as f32 - middle) * step;
                }
            }
        }
        ports
    }
}

fn forward_path(start: Pos2, end: Pos2, lanes: &[Lane]) -> EdgePath {
    let mut fine = vec![start];
    let mut coarse = vec![start];
    let mut from = start;
    for lane in lanes {
        let (entry, exit) = (pos2(lane.left, lane.y), pos2(lane.right, lane.y));
        curve_to(&mut fine, from, entry);
        fine.push(exit);
        coarse.extend([entry, exit]);
        from = exit;
    }
    curve_to(&mut fine, from, end);
    coarse.push(end);
    EdgePath::new(fine, coarse)
}

/// A curve that leaves and arrives level.
fn curve_to(points: &mut Vec<Pos2>, from: Pos2, to: Pos2) {
    if (from.y - to.y).abs() < 1.0 {
        points.push(to);
        return;
    }
    let reach = vec2(((to.x - from.x) * 0.5).max(18.0), 0.0);
    cubic(points, from, from + reach, to - reach, to, CURVE_STEPS);
}

/// A cubic Bézier curve, by de Casteljau.
fn cubic(points: &mut Vec<Pos2>, from: Pos2, leaving: Pos2, arriving: Pos2, to: Pos2, steps: usize) {
    for step in 1..=steps {
        let share = step as f32 / steps as f32;
        let (first, middle, last) = (from.lerp(leaving, share), leaving.lerp(arriving, share), arriving.lerp(to, share));
        points.push(first.lerp(middle, share).lerp(middle.lerp(last, share), share));
    }
}

fn straight(from: Rect, to: Rect) -> EdgePath {
    let ends = vec![from.center(), to.center()];
    EdgePath::new(ends.clone(), ends)
}

/// From a box back to one further left, or to one above or below it, in one curve.
fn soft_back(from: Rect, to: Rect) -> EdgePath {
    let beside = from.left() < to.right() && to.left() < from.right();
    let (start, end, leaving, arriving) = if beside {
        let reach = vec2(26.0 + (from.center().y - to.center().y).abs() * 0.08, 0.0);
        let (start, end) = (from.right_center(), to.right_center());
        (start, end, start + reach, end + reach)
    } else {
        let (start, end) = (from.left_center(), to.right_center());
        let reach = vec2(((start.x - end.x) * 0.5).max(24.0), 0.0);
        (start, end, start - reach, end + reach)
    };
    let mut fine = vec![start];
    cubic(&mut fine, start, leaving, arriving, end, CURVE_STEPS);
    EdgePath::new(fine, vec![start, end])
}

/// From a box back to one further left: below all that stands between them, boxes that are farther apart than `part_gap` left out.
fn back_path(from: Rect, to: Rect, (all, part_gap): (&[Rect], f32), number: usize) -> EdgePath {
    let spread = (number % 5) as f32 * 5.0;
    let (out_below, in_below) = (is_lowest(from, all), is_lowest(to, all));
    let down_x = if out_below { from.center().x + spread } else { from.right() + 18.0 + spread };
    let up_x = if in_below { to.center().x - spread } else { to.left() - 22.0 - spread };
    let start = if out_below { pos2(down_x, from.bottom()) } else { pos2(from.right(), from.center().y + from.height() * 0.25) };
    let end = if in_below { pos2(up_x, to.bottom()) } else { pos2(to.left(), to.center().y + to.height() * 0.25) };
    let between = all.iter().filter(|rect| rect.right() > up_x.min(down_x) - 8.0 && rect.left() < up_x.max(down_x) + 8.0);
    // Only what stands in the way down: boxes of another part far below are not gone around.
    let mut floor = from.bottom().max(to.bottom());
    let mut below: Vec<Rect> = between.copied().collect();
    below.sort_by(|a, b| a.top().total_cmp(&b.top()));
    for rect in below {
        if rect.top() < floor + part_gap {
            floor = floor.max(rect.bottom());
        }
    }
    let lane = floor + 20.0 + (number - 1) as f32 % 6.0 * BACK_GAP;
    let mut corners = vec![start];
    if !out_below {
        corners.push(pos2(down_x, start.y));
    }
    corners.extend([pos2(down_x, lane), pos2(up_x, lane)]);
    if !in_below {
        corners.push(pos2(up_x, end.y));
    }
    corners.push(end);
    EdgePath::new(round_corners(&corners), corners)
}

/// Whether nothing stands below a box in its column, close enough to matter.
fn is_lowest(rect: Rect, all: &[Rect]) -> bool {
    !all.iter()
        .any(|other| other.top() > rect.bottom() - 1.0 && other.top() < rect.bottom() + 400.0 && other.left() < rect.right() && other.right() > rect.left())
}

fn round_corners(corners: &[Pos2]) -> Vec<Pos2> {
    let mut points = vec![corners[0]];
    for triple in corners.windows(3) {
        let (before, corner, after) = (triple[0], triple[1], triple[2]);
        let radius = CORNER.min(before.distance(corner) / 2.0).min(corner.distance(after) / 2.0);
        let enter = corner + (before - corner).normalized() * radius;
        let leave = corner + (after - corner).normalized() * radius;
        points.push(enter);
        cubic(&mut points, enter, enter.lerp(corner, 0.6), leave.lerp(corner, 0.6), leave, 5);
    }
    points.extend(corners.last());
    points
}

/// A box that calls itself: a small loop over its upper right corner.
fn own_loop(rect: Rect) -> EdgePath {
    let (start, end) = (pos2(rect.right(), rect.top() + 14.0), pos2(rect.right() - 18.0, rect.top()));
    let mut fine = vec![start];
    cubic(&mut fine, start, start + vec2(26.0, 0.0), end + vec2(0.0, -26.0), end, CURVE_STEPS);
    EdgePath::new(fine, vec![start, pos2(rect.right() + 12.0, rect.top() - 12.0), end])
}
