//! Rows in an order that is worked out once for what they show, and that stays while the pointer rests on them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::table::{SortKey, Sorting, TableState};
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
    sorting: Sorting,
}

impl<K, T> Default for KeptOrder<K, T> {
    fn default() -> Self {
        Self { items: Arc::default(), keys: Vec::new(), places: Vec::new(), is_behind: false, is_stale: true, sorting: Sorting::default() }
    }
}

impl<K: Clone + Eq + Hash, T> KeptOrder<K, T> {
    /// Takes in what the rows of a table show. `natural` gives places of items as they stand before a heading was clicked, `cell` what they are sorted
    /// by in a column. Where the pointer rests on the rows and none came or went, they stay in the order of before.
    pub(crate) fn take(
        &mut self,
        items: &Arc<Vec<T>>,
        table: &TableState,
        key: impl Fn(&T) -> K,
        natural: impl FnOnce(&[T]) -> Vec<usize>,
        cell: impl Fn(&T, &'static str) -> SortKey,
    ) {
        let is_stale = self.is_stale || self.sorting != table.sorting();
        let is_pointed_at = table.is_pointer_inside();
        let is_same = Arc::ptr_eq(&self.items, items);
        if is_same && !is_stale && (is_pointed_at || !self.is_behind) {
            return;
        }
        if is_pointed_at && !is_stale && self.keep(items, &key) {
            return;
        }
        self.sorting = table.sorting();
        self.places = natural(items);
        self.sorting.arrange(&mut self.places, items, cell);
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

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// What a row shows.
    pub(crate) fn item(&self, row: usize) -> Option<&T> {
        self.items.get(*self.places.get(row)?)
    }

    /// What the rows show, from top to bottom.
    pub(crate) fn items(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|place| self.items.get(*place))
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
    use crate::widgets::table::Way;

    fn by_value(items: &[(u8, i32)]) -> Vec<usize> {
        let mut places: Vec<usize> = (0..items.len()).collect();
        places.sort_by_key(|place| items[*place].1);
        places
    }

    fn shown(order: &KeptOrder<u8, (u8, i32)>) -> Vec<(u8, i32)> {
        (0..order.len()).filter_map(|row| order.item(row).copied()).collect()
    }

    /// A table whose rows the pointer rests on, or not.
    fn table(is_pointed_at: bool, sorting: Sorting) -> TableState {
        TableState::for_tests(is_pointed_at, sorting)
    }

    fn cell() -> impl Fn(&(u8, i32), &'static str) -> SortKey {
        |item, _title| SortKey::Number(f64::from(item.0))
    }

    #[test]
    fn rows_under_the_pointer_change_and_stay_where_they_are_until_one_comes() {
        let mut order = KeptOrder::default();
        let mut take = |items: &Arc<Vec<(u8, i32)>>, is_pointed_at: bool| {
            order.take(items, &table(is_pointed_at, Sorting::default()), |item| item.0, by_value, cell());
            shown(&order)
        };
        assert_eq!(take(&Arc::new(vec![(1, 30), (2, 10), (3, 20)]), false), [(2, 10), (3, 20), (1, 30)]);
        let turned = Arc::new(vec![(3, 90), (1, 1), (2, 50)]);
        assert_eq!(take(&turned, true), [(2, 50), (3, 90), (1, 1)], "new figures, the same order");
        assert_eq!(take(&turned, false), [(1, 1), (2, 50), (3, 90)], "the pointer has left");
        assert_eq!(take(&Arc::new(vec![(3, 2), (4, 0)]), true), [(4, 0), (3, 2)], "another came");
    }

    #[test]
    fn what_was_sorted_is_not_sorted_again_until_a_heading_is_clicked() {
        let items = Arc::new(vec![(1_u8, 30), (2, 10)]);
        let mut order = KeptOrder::default();
        let mut num_sorted = 0;
        let by_key = Sorting::by("key", Way::Down);
        let mut seen = Vec::new();
        for sorting in [Sorting::default(), Sorting::default(), by_key, by_key, Sorting::default()] {
            let natural = |items: &[(u8, i32)]| {
                num_sorted += 1;
                by_value(items)
            };
            order.take(&items, &table(true, sorting), |item| item.0, natural, cell());
            seen.push(shown(&order)[0].0);
        }
        assert_eq!((num_sorted, seen), (3, vec![2, 2, 2, 2, 2]));
        order.take(&items, &table(true, Sorting::by("key", Way::Up)), |item| item.0, by_value, cell());
        assert_eq!(shown(&order)[0].0, 1);
    }
}
