//! The order of boxes within their layers, so that few edges cross.

use super::Item;

/// Above so many items only barycentres are used, without looking at each pair of neighbours.
const PAIRS_ITEMS_MAX: usize = 400;

/// Items of each layer from top to bottom.
pub(super) fn order(items: &[Item], num_layers: usize) -> Vec<Vec<usize>> {
    let mut layers = first_order(items, num_layers);
    let mut position = vec![0_usize; items.len()];
    note_positions(&layers, &mut position);
    let num_sweeps = if items.len() > 2_000 { 6 } else { 24 };
    let mut best = layers.clone();
    let mut best_crossings = crossings(items, &layers, &position);
    for sweep in 0..num_sweeps {
        if best_crossings == 0 {
            break;
        }
        let rightwards = sweep % 2 == 0;
        for step in 0..num_layers {
            let layer = if rightwards { step } else { num_layers - 1 - step };
            sort_layer(items, &mut layers[layer], &position, rightwards);
            note_layer(&layers[layer], &mut position);
        }
        if items.len() <= PAIRS_ITEMS_MAX {
            swap_neighbours(items, &mut layers, &mut position);
        }
        let found = crossings(items, &layers, &position);
        if found < best_crossings {
            best_crossings = found;
            best.clone_from(&layers);
        }
    }
    best
}

/// As a walk from the left meets them: what belongs together stands together.
fn first_order(items: &[Item], num_layers: usize) -> Vec<Vec<usize>> {
    let mut layers = vec![Vec::new(); num_layers];
    let mut met = vec![false; items.len()];
    let mut roots: Vec<usize> = (0..items.len()).collect();
    roots.sort_by_key(|&item| (!items[item].left.is_empty(), items[item].layer, item));
    for root in roots {
        let mut open = vec![root];
        while let Some(item) = open.pop() {
            if std::mem::replace(&mut met[item], true) {
                continue;
            }
            layers[items[item].layer].push(item);
            open.extend(items[item].right.iter().rev().map(|(right, _)| *right));
        }
    }
    layers
}

fn note_positions(layers: &[Vec<usize>], position: &mut [usize]) {
    for layer in layers {
        note_layer(layer, position);
    }
}

fn note_layer(layer: &[usize], position: &mut [usize]) {
    layer.iter().enumerate().for_each(|(place, &item)| position[item] = place);
}

/// Sorts by the mean place of the neighbours on one side; who has none there keeps its place.
fn sort_layer(items: &[Item], layer: &mut [usize], position: &[usize], from_left: bool) {
    let mean = |item: usize| {
        let neighbours = if from_left { &items[item].left } else { &items[item].right };
        if neighbours.is_empty() {
            return position[item] as f64;
        }
        neighbours.iter().map(|(neighbour, _)| position[*neighbour] as f64).sum::<f64>() / neighbours.len() as f64
    };
    let mut keyed: Vec<(f64, usize)> = layer.iter().map(|&item| (mean(item), item)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    layer.iter_mut().zip(keyed).for_each(|(slot, (_, item))| *slot = item);
}

/// Swaps neighbours as long as that saves crossings.
fn swap_neighbours(items: &[Item], layers: &mut [Vec<usize>], position: &mut [usize]) {
    for _ in 0..8 {
        let mut improved = false;
        for layer in layers.iter_mut() {
            for place in 1..layer.len() {
                let (above, below) = (layer[place - 1], layer[place]);
                let as_is =
                    pair_crossings(&items[above].left, &items[below].left, position) + pair_crossings(&items[above].right, &items[below].right, position);
                let swapped =
                    pair_crossings(&items[below].left, &items[above].left, position) + pair_crossings(&items[below].right, &items[above].right, position);
                if swapped < as_is {
                    layer.swap(place - 1, place);
                    position[above] = place;
                    position[below] = place - 1;
                    improved = true;
                }
            }
        }
        if !improved {
            break;
        }
    }
}

fn pair_crossings(above: &[(usize, f32)], below: &[(usize, f32)], position: &[usize]) -> usize {
    above.iter().map(|(a, _)| below.iter().filter(|(b, _)| position[*b] < position[*a]).count()).sum()
}

/// Crossings between neighbouring layers, by counting inversions.
fn crossings(items: &[Item], layers: &[Vec<usize>], position: &[usize]) -> u64 {
    let mut total = 0_u64;
    for layer in layers {
        let mut ends: Vec<usize> = Vec::new();
        let mut size = 0;
        for &item in layer {
            let mut own: Vec<usize> = items[item].right.iter().map(|(right, _)| position[*right]).collect();
            own.sort_unstable();
            size = size.max(own.last().map_or(0, |last| last + 1));
            ends.extend(own);
        }
        // A Fenwick tree over the places on the right.
        let mut tree = vec![0_u64; size + 1];
        for (seen, &end) in ends.iter().enumerate() {
            let mut not_after = 0;
            let mut index = end + 1;
            while index > 0 {
                not_after += tree[index];
                index &= index - 1;
            }
            total += seen as u64 - not_after;
            let mut index = end + 1;
            while index <= size {
                tree[index] += 1;
                index += index & index.wrapping_neg();
            }
        }
    }
    total
}
