//! The whole trace in a strip: its rows pressed into a few lanes. Pure; linear in spans, then bounded by lanes and columns.

use super::tree::Tree;
use super::waterfall::TimeView;

/// Lanes of the strip.
pub(crate) const NUM_LANES: usize = 12;

/// A run of columns in a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stripe {
    /// The lane, from the top.
    pub lane: usize,
    /// Left end, points.
    pub left: f32,
    /// Right end.
    pub right: f32,
    /// Whether something failed in it.
    pub is_error: bool,
}

/// The stripes of a trace. Spans of more than one column that hold others are left out where there are more spans than lanes:
/// what a parent does its children show.
pub(crate) fn stripes(tree: &Tree, width_pt: f32) -> Vec<Stripe> {
    let num_columns = (width_pt.floor().max(1.0) as usize).min(4_096);
    let num_nodes = tree.nodes.len();
    let view = TimeView::whole(tree, num_columns as f32);
    let is_crowded = num_nodes > NUM_LANES;
    // Where runs begin and end: +1 and −1, for all and for failures.
    let mut edges = vec![[0_i32; 2]; NUM_LANES * (num_columns + 1)];
    for (place, node) in tree.nodes.iter().enumerate() {
        if is_crowded && node.num_below > 0 && !node.is_error {
            continue;
        }
        let lane = if is_crowded { place * NUM_LANES / num_nodes } else { place };
        let left = (view.x(node.start_ns).max(0.0) as usize).min(num_columns - 1);
        let right = (view.x(node.end_ns).max(0.0).ceil() as usize).clamp(left + 1, num_columns);
        let at = lane * (num_columns + 1);
        for (kind, counts) in [true, node.is_origin_of_error()].into_iter().enumerate() {
            if counts {
                edges[at + left][kind] += 1;
                edges[at + right][kind] -= 1;
            }
        }
    }
    let mut stripes: Vec<Stripe> = Vec::new();
    let scale = width_pt / num_columns as f32;
    for lane in 0..NUM_LANES {
        let [mut any, mut bad] = [0, 0];
        for column in 0..num_columns {
            let [any_more, bad_more] = edges[lane * (num_columns + 1) + column];
            any += any_more;
            bad += bad_more;
            if any <= 0 {
                continue;
            }
            let (left, right, is_error) = (column as f32 * scale, (column + 1) as f32 * scale, bad > 0);
            match stripes.last_mut() {
                Some(last) if last.lane == lane && last.is_error == is_error && (last.right - left).abs() < 0.01 => last.right = right,
                _ => stripes.push(Stripe { lane, left, right, is_error }),
            }
        }
    }
    stripes
}
