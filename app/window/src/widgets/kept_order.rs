//! Rows in an order that is worked out once for what they show, and that stays while the pointer rests on them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::table::TableState;
use crate::view::UiCommand;

/// Rows in their order. `K` names a row whatever it shows.
pub(crate) struct KeptOrder<K, T> {
    items: Arc<Vec<T>>,
    keys: Vec<K>,
    /// The item of each row.
    places: Vec<usize>,
    /// Rows came anew while the pointer rested on them: their order is of before.
    is_behind: bool,
    is_stale: bool,
}

impl<K, T> Default for KeptOrder<K, T> {
    fn default() -> Self {
        Self { items: Arc::default(), keys: Vec::new(), places: Vec::new(), is_behind: false, is_stale: true }
    }
}

impl<K: Clone + Eq + Hash, T> KeptOrder<K, T> {
    /// Takes in what the rows show; `sorted` gives places of items. Where the pointer rests on the rows and none came or went,
    /// they stay in the order of before.
    pub(crate) fn take(&mut self, items: &Arc<Vec<T>>, is_pointed_at: bool, key: impl Fn(&T) -> K, sorted: impl FnOnce(&[T]) -> Vec<usize>) {
        let is_same = Arc::ptr_eq(&self.items, items);
        if is_same && !self.is_stale && (is_pointed_at || !self.is_behind) {
            return;
        }
        if is_pointed_at && !self.is_stale && self.keep(items, &key) {
            return;
        }
        self.places = sorted(items);
        self.keys = self.places.iter().map(|place| key(&items[*place])).collect();
        self.items = Arc::clone(items);
        (self.is_behind, self.is_stale) = (false, false);
    }

    fn keep(&mut self, items: &Arc<Vec<T>>, key: impl Fn(&T) -> K) -> bool {
        if items.len() != self.keys.len() {
            return false;
        }
        let place_of: HashMap<K, usize> = items.iter().enumerate().map(|(place, item)| (key(item), place)).collect();
        let Some(places) = self.keys.iter().map(|key| place_of.get(key).copied()).collect::<Option<Vec<usize>>>() else { return false };
        self.places = places;
        self.items = Arc::clone(items);
        self.is_behind = true;
        true
    }

    /// The next [`Self::take`] sorts anew.
    pub(crate) fn forget(&mut self) {
        self.is_stale = true;
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// What a row shows.
    pub(crate) fn item(&self, row: usize) -> Option<&T> {
        self.items.get(*self.places.get(row)?)
    }

    /// What names a row.
    pub(crate) fn key(&self, row: usize) -> Option<&K> {
        self.keys.get(row)
    }

    /// All names, from top to bottom.
    pub(crate) fn keys(&self) -> &[K] {
        &self.keys
    }

    /// Moves the selection as a command says, or clears it; false = it is no command of a list.
    pub(crate) fn walk(&self, command: UiCommand, table: &mut TableState, selected: &mut Option<K>) -> bool {
        if command == UiCommand::ClearSelection {
            return selected.take().is_some();
        }
        let at = selected.as_ref().and_then(|key| self.row_of(key));
        let Some(row) = table.run(command, at, self.len()) else { return false };
        *selected = self.key(row).cloned();
        true
    }

    /// The row of this name.
    pub(crate) fn row_of(&self, key: &K) -> Option<usize> {
        self.keys.iter().position(|own| own == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_value(items: &[(u8, i32)]) -> Vec<usize> {
        let mut places: Vec<usize> = (0..items.len()).collect();
        places.sort_by_key(|place| items[*place].1);
        places
    }

    fn shown(order: &KeptOrder<u8, (u8, i32)>) -> Vec<(u8, i32)> {
        (0..order.len()).filter_map(|row| order.item(row).copied()).collect()
    }

    #[test]
    fn rows_under_the_pointer_change_and_stay_where_they_are_until_one_comes() {
        let mut order = KeptOrder::default();
        let mut take = |items: &Arc<Vec<(u8, i32)>>, is_pointed_at: bool| {
            order.take(items, is_pointed_at, |item| item.0, by_value);
            shown(&order)
        };
        assert_eq!(take(&Arc::new(vec![(1, 30), (2, 10), (3, 20)]), false), [(2, 10), (3, 20), (1, 30)]);
        let turned = Arc::new(vec![(3, 90), (1, 1), (2, 50)]);
        assert_eq!(take(&turned, true), [(2, 50), (3, 90), (1, 1)], "new figures, the same order");
        assert_eq!(take(&turned, false), [(1, 1), (2, 50), (3, 90)], "the pointer has left");
        assert_eq!(take(&Arc::new(vec![(3, 2), (4, 0)]), true), [(4, 0), (3, 2)], "another came");
    }

    #[test]
    fn what_was_sorted_is_not_sorted_again() {
        let items = Arc::new(vec![(1_u8, 30), (2, 10)]);
        let mut order = KeptOrder::default();
        let mut num_sorted = 0;
        for is_forgotten in [false, false, false, true] {
            if is_forgotten {
                order.forget();
            }
            let sorted = |items: &[(u8, i32)]| {
                num_sorted += 1;
                by_value(items)
            };
            order.take(&items, false, |item| item.0, sorted);
        }
        assert_eq!(num_sorted, 2);
    }
}
