//! Ways around boxes: level and upright, from a side of one box to a side of another, through the room between all others.
//! Pure.

use egui::{Pos2, Rect, Vec2, pos2};
use petgraph::{
    algo::astar,
    graph::{NodeIndex, UnGraph},
};

/// Room between a way and the boxes it goes around, in the map's units: less where there is no more.
const CLEARANCES: [f32; 3] = [12.0, 8.0, 4.0];
/// So many ways side by side keep apart.
const SIDE_BY_SIDE: usize = 3;
/// What a turn costs, as so much more way.
const TURN_COST: f32 = 40.0;
/// What it costs to leave or to reach a box over its upper or lower side.
const SIDE_COST: f32 = 60.0;
/// So many boxes are gone around at first, the nearest; and if the way met another one, at last.
const AROUND: [usize; 2] = [20, 48];

/// Whether a line runs through a box.
pub(super) fn runs_through(line: &[Pos2], rect: Rect) -> bool {
    line.windows(2).any(|pair| crosses(pair[0], pair[1], rect))
}

/// Whether a part of the way from `a` to `b` is within a box: what is left of it between its sides.
fn crosses(a: Pos2, b: Pos2, rect: Rect) -> bool {
    let (mut from, mut to) = (0.0_f32, 1.0_f32);
    for (start, along, low, high) in [(a.x, b.x - a.x, rect.left(), rect.right()), (a.y, b.y - a.y, rect.top(), rect.bottom())] {
        if along.abs() < 1e-6 {
            if start <= low || start >= high {
                return false;
            }
            continue;
        }
        let (first, last) = ((low - start) / along, (high - start) / along);
        from = from.max(first.min(last));
        to = to.min(first.max(last));
    }
    from < to
}

/// The corners of a way from one box to another that runs through none of the others; `None` where there is no such way.
/// `ports` = how far from the middle of its side it leaves and arrives; `number` keeps ways apart that run side by side.
pub(super) fn around(from: Rect, to: Rect, ports: [f32; 2], others: &[Rect], number: usize) -> Option<Vec<Pos2>> {
    let span = from.union(to);
    let mut near: Vec<Rect> = others.to_vec();
    near.sort_by(|a, b| apart(*a, span).total_cmp(&apart(*b, span)));
    let is_free = |way: &Vec<Pos2>| !others.iter().any(|rect| runs_through(way, rect.shrink(0.5)));
    let spread = (number % SIDE_BY_SIDE) as f32 * 4.0;
    AROUND.iter().filter(|num| near.len() > AROUND[0] || **num == AROUND[0]).find_map(|&num| {
        let near = &near[..near.len().min(num)];
        CLEARANCES.iter().find_map(|&clearance| {
            let clearance = if clearance > CLEARANCES[1] { clearance + spread } else { clearance };
            Grid::new(from, to, ports, near, clearance).way().filter(is_free)
        })
    })
}

/// How far two boxes are from each other: 0 where they touch.
fn apart(a: Rect, b: Rect) -> f32 {
    let x = (a.left() - b.right()).max(b.left() - a.right()).max(0.0);
    let y = (a.top() - b.bottom()).max(b.top() - a.bottom()).max(0.0);
    x + y
}

/// A place where a way may begin or end: on the box, and as far from it as from all others.
struct End {
    on_box: Pos2,
    outside: Pos2,
    is_level: bool,
    cost: f32,
}

/// Both sides of the boxes and their ends as lines of a grid: a shortest way runs along them.
struct Grid {
    xs: Vec<f32>,
    ys: Vec<f32>,
    obstacles: Vec<Rect>,
    leaving: Vec<End>,
    arriving: Vec<End>,
}

impl Grid {
    fn new(from: Rect, to: Rect, ports: [f32; 2], others: &[Rect], clearance: f32) -> Self {
        let end = |on_box: Pos2, outwards: Vec2, cost: f32| End { on_box, outside: on_box + outwards * clearance, is_level: outwards.y == 0.0, cost };
        let beside = |rect: Rect| [end(rect.center_bottom(), Vec2::DOWN, SIDE_COST), end(rect.center_top(), Vec2::UP, SIDE_COST)];
        let leaving: Vec<End> = std::iter::once(end(from.right_center() + Vec2::DOWN * ports[0], Vec2::RIGHT, 0.0)).chain(beside(from)).collect();
        let arriving: Vec<End> = std::iter::once(end(to.left_center() + Vec2::DOWN * ports[1], Vec2::LEFT, 0.0)).chain(beside(to)).collect();
        let obstacles: Vec<Rect> = others.iter().chain([&from, &to]).map(|rect| rect.expand(clearance)).collect();
        let ends = || leaving.iter().chain(&arriving).map(|end| end.outside);
        let xs = lines(obstacles.iter().flat_map(|rect| [rect.left(), rect.right()]).chain(ends().map(|at| at.x)));
        let ys = lines(obstacles.iter().flat_map(|rect| [rect.top(), rect.bottom()]).chain(ends().map(|at| at.y)));
        Self { xs, ys, obstacles, leaving, arriving }
    }

    /// The shortest way, a turn counted as more way. Each crossing of two lines is there twice: passed level, and upright.
    fn way(&self) -> Option<Vec<Pos2>> {
        let (num_x, num_y) = (self.xs.len(), self.ys.len());
        let mut graph = UnGraph::<Pos2, f32>::with_capacity(num_x * num_y * 2 + 2, num_x * num_y * 3);
        for &y in &self.ys {
            for &x in &self.xs {
                let _level = graph.add_node(pos2(x, y));
                let _upright = graph.add_node(pos2(x, y));
            }
        }
        let node = |x: usize, y: usize, is_level: bool| NodeIndex::new((y * num_x + x) * 2 + usize::from(!is_level));
        let shut = self.shut();
        for y in 0..num_y {
            for x in 0..num_x {
                let shut = &shut[y * num_x + x];
                if !shut.here {
                    graph.add_edge(node(x, y, true), node(x, y, false), TURN_COST);
                }
                if x + 1 < num_x && !shut.rightwards {
                    graph.add_edge(node(x, y, true), node(x + 1, y, true), self.xs[x + 1] - self.xs[x]);
                }
                if y + 1 < num_y && !shut.downwards {
                    graph.add_edge(node(x, y, false), node(x, y + 1, false), self.ys[y + 1] - self.ys[y]);
                }
            }
        }
        let mut attach = |ends: &[End]| {
            let outer = graph.add_node(Pos2::ZERO);
            for end in ends {
                let (x, y) = (line_of(&self.xs, end.outside.x), line_of(&self.ys, end.outside.y));
                if !shut[y * num_x + x].here {
                    graph.add_edge(outer, node(x, y, end.is_level), end.cost);
                }
            }
            outer
        };
        let (start, goal) = (attach(&self.leaving), attach(&self.arriving));
        let (_, nodes) = astar(&graph, start, |node| node == goal, |edge| *edge.weight(), |_| 0.0)?;
        let inner: Vec<Pos2> = nodes[1..nodes.len() - 1].iter().map(|node| graph[*node]).collect();
        let end_at = |ends: &[End], at: Option<&Pos2>| ends.iter().find(|end| Some(&end.outside) == at).map(|end| end.on_box);
        let first = end_at(&self.leaving, inner.first())?;
        let last = end_at(&self.arriving, inner.last())?;
        Some(corners(std::iter::once(first).chain(inner).chain(std::iter::once(last))))
    }

    /// What of the grid lies within a box, with the room around it.
    fn shut(&self) -> Vec<Shut> {
        let num_x = self.xs.len();
        let mut shut = vec![Shut::default(); num_x * self.ys.len()];
        for rect in &self.obstacles {
            let (left, right) = (line_of(&self.xs, rect.left()), line_of(&self.xs, rect.right()));
            let (top, bottom) = (line_of(&self.ys, rect.top()), line_of(&self.ys, rect.bottom()));
            for y in top..=bottom {
                for x in left..=right {
                    let (inner_x, inner_y) = (x > left && x < right, y > top && y < bottom);
                    let shut = &mut shut[y * num_x + x];
                    shut.here |= inner_x && inner_y;
                    shut.rightwards |= inner_y && x < right;
                    shut.downwards |= inner_x && y < bottom;
                }
            }
        }
        shut
    }
}

/// What must not be passed: a crossing, and the ways from it to the next ones.
#[derive(Clone, Copy, Default)]
struct Shut {
    here: bool,
    rightwards: bool,
    downwards: bool,
}

/// Each line once, in order.
fn lines(at: impl Iterator<Item = f32>) -> Vec<f32> {
    let mut lines: Vec<f32> = at.collect();
    lines.sort_by(f32::total_cmp);
    lines.dedup();
    lines
}

fn line_of(lines: &[f32], at: f32) -> usize {
    lines.partition_point(|line| *line < at).min(lines.len() - 1)
}

/// Whether three points of a way lie on one level or upright line.
fn is_line(a: Pos2, b: Pos2, c: Pos2) -> bool {
    let is_same = |a: f32, b: f32| (a - b).abs() < 1e-3;
    (is_same(a.x, b.x) && is_same(b.x, c.x)) || (is_same(a.y, b.y) && is_same(b.y, c.y))
}

/// Ends and corners only.
fn corners(points: impl Iterator<Item = Pos2>) -> Vec<Pos2> {
    let mut corners: Vec<Pos2> = Vec::new();
    for point in points {
        if corners.last() == Some(&point) {
            continue;
        }
        if let [.., before, last] = corners.as_slice()
            && is_line(*before, *last, point)
        {
            corners.pop();
        }
        corners.push(point);
    }
    corners
}

#[cfg(test)]
mod tests {
    use egui::vec2;
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        /// Boxes of some sizes that keep some room to one another.
        fn boxes()(cells in prop::collection::btree_set((0_u8..7, 0_u8..6), 2..26), sizes in prop::collection::vec((20_u8..100, 10_u8..46), 26))
            -> Vec<Rect> {
            cells.into_iter().zip(sizes).map(|((x, y), (width, height))| {
                let middle = pos2(f32::from(x) * 130.0, f32::from(y) * 70.0);
                Rect::from_center_size(middle, vec2(f32::from(width), f32::from(height)))
            }).collect()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_way_runs_through_no_box_and_from_one_end_to_the_other(boxes in boxes(), ends in (any::<prop::sample::Index>(), any::<prop::sample::Index>()), number in 0_usize..9) {
            let (from, to) = (ends.0.index(boxes.len()), ends.1.index(boxes.len()));
            prop_assume!(from != to);
            let others: Vec<Rect> = boxes.iter().enumerate().filter(|(index, _)| *index != from && *index != to).map(|(_, rect)| *rect).collect();
            let way = around(boxes[from], boxes[to], [3.0, -2.0], &others, number);
            prop_assert!(way.is_some(), "there is room between all of them");
            let way = way.unwrap_or_default();
            for rect in &others {
                prop_assert!(!runs_through(&way, *rect), "{way:?} runs through {rect:?}");
            }
            // The ends touch their boxes, and nothing runs through those either.
            prop_assert!(boxes[from].expand(0.01).contains(way[0]) && boxes[to].expand(0.01).contains(way[way.len() - 1]));
            prop_assert!(!runs_through(&way, boxes[from].shrink(0.1)) && !runs_through(&way, boxes[to].shrink(0.1)));
            prop_assert!(way.windows(2).all(|pair| is_line(pair[0], pair[1], pair[1])), "level and upright only");
        }
    }

    #[test]
    fn there_is_no_way_out_of_where_all_is_shut() {
        let from = Rect::from_center_size(Pos2::ZERO, vec2(40.0, 20.0));
        let wall = |middle: Pos2, size: Vec2| Rect::from_center_size(middle, size);
        let walls = [
            wall(pos2(0.0, -40.0), vec2(200.0, 20.0)),
            wall(pos2(0.0, 40.0), vec2(200.0, 20.0)),
            wall(pos2(-90.0, 0.0), vec2(20.0, 100.0)),
            wall(pos2(90.0, 0.0), vec2(20.0, 100.0)),
        ];
        let to = Rect::from_center_size(pos2(400.0, 0.0), vec2(40.0, 20.0));
        assert_eq!(around(from, to, [0.0; 2], &walls, 0), None);
        assert!(around(from, to, [0.0; 2], &walls[..3], 0).is_some());
    }

    #[test]
    fn a_line_that_only_touches_a_box_does_not_run_through_it() {
        let rect = Rect::from_min_max(pos2(10.0, 10.0), pos2(20.0, 20.0));
        assert!(runs_through(&[pos2(0.0, 0.0), pos2(30.0, 30.0)], rect));
        assert!(runs_through(&[pos2(15.0, 0.0), pos2(15.0, 15.0)], rect));
        assert!(!runs_through(&[pos2(0.0, 10.0), pos2(30.0, 10.0)], rect));
        assert!(!runs_through(&[pos2(0.0, 0.0), pos2(9.0, 30.0)], rect));
    }
}
