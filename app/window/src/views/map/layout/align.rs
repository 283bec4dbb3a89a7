//! The heights of boxes: edges as level as the order of each column and the room between boxes allow.

use super::Item;

const NUM_SWEEPS: usize = 40;

/// Height of the middle of each item: least squares over all edges, column by column until it is steady.
pub(super) fn heights(items: &[Item], columns: &[Vec<usize>]) -> Vec<f32> {
    let mut y = vec![0.0_f32; items.len()];
    for column in columns {
        let total: f32 = column.iter().map(|&item| items[item].height).sum();
        let mut top = -total / 2.0;
        for &item in column {
            y[item] = top + items[item].height / 2.0;
            top += items[item].height;
        }
    }
    for sweep in 0..NUM_SWEEPS {
        let mut moved = 0.0_f32;
        for step in 0..columns.len() {
            let column = &columns[if sweep % 2 == 0 { step } else { columns.len() - 1 - step }];
            let wanted: Vec<(f32, f32)> = column.iter().map(|&item| wanted(&items[item], y[item], &y)).collect();
            let room: Vec<f32> = column.windows(2).map(|pair| f32::midpoint(items[pair[0]].height, items[pair[1]].height)).collect();
            for (&item, height) in column.iter().zip(apart(&wanted, &room)) {
                moved = moved.max((y[item] - height).abs());
                y[item] = height;
            }
        }
        if moved < 0.25 {
            break;
        }
    }
    // Even numbers, rounded alike: rooms are even too, so nothing comes closer than it may.
    y.into_iter().map(|y| (y / 2.0).round() * 2.0).collect()
}

/// Where an item would like to be, and how much.
fn wanted(item: &Item, own: f32, y: &[f32]) -> (f32, f32) {
    let neighbours = || item.left.iter().chain(&item.right);
    let weight: f32 = neighbours().map(|(_, weight)| weight).sum();
    if weight == 0.0 {
        return (own, 0.01);
    }
    (neighbours().map(|(neighbour, weight)| y[*neighbour] * weight).sum::<f32>() / weight, weight)
}

/// Heights nearest to the wanted ones (weighted least squares) that keep the order and at least the given room between
/// neighbours: isotonic regression by pooling.
fn apart(wanted: &[(f32, f32)], room: &[f32]) -> Vec<f32> {
    let mut offset = 0.0_f32;
    let mut offsets = Vec::with_capacity(wanted.len());
    // Pools of neighbours that touch: mean, weight, number.
    let mut pools: Vec<(f32, f32, usize)> = Vec::new();
    for (index, &(height, weight)) in wanted.iter().enumerate() {
        if index > 0 {
            offset += room[index - 1];
        }
        offsets.push(offset);
        let mut pool = (height - offset, weight, 1);
        while let Some(&(mean, pool_weight, num)) = pools.last()
            && mean > pool.0
        {
            let weight = pool_weight + pool.1;
            pool = ((mean * pool_weight + pool.0 * pool.1) / weight, weight, num + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let means = pools.into_iter().flat_map(|(mean, _, num)| std::iter::repeat_n(mean, num));
    means.zip(offsets).map(|(mean, offset)| mean + offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_room_stays_and_what_collides_shares_the_way() {
        assert_eq!(apart(&[(0.0, 1.0), (100.0, 1.0)], &[40.0]), [0.0, 100.0]);
        assert_eq!(apart(&[(10.0, 1.0), (10.0, 1.0)], &[40.0]), [-10.0, 30.0]);
        assert_eq!(apart(&[(10.0, 3.0), (10.0, 1.0)], &[40.0]), [0.0, 40.0]);
    }
}
