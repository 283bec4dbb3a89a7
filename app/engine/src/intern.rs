//! Numbers for names that the whole engine shares. Each kind is numbered once, capped, and counts what came after the cap.

use hashbrown::HashTable;

/// A service. The number of services is capped; all that come later are [`ServiceId::OTHER`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ServiceId(pub(crate) u16);

impl ServiceId {
    /// No service.
    pub(crate) const NONE: Self = Self(0);
    /// All that came after the cap was reached.
    pub(crate) const OTHER: Self = Self(1);
}

/// The name of a span within its service, capped per service and in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct OperationId(pub(crate) u32);

impl OperationId {
    /// Came after the cap was reached.
    pub(crate) const OVERFLOW: Self = Self(u32::MAX);
}

/// Things found by their content, numbered from 2.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    pub(crate) items: Vec<T>,
    table: HashTable<u16>,
    pub(crate) num_overflowed: u64,
}

impl<T: Default> Registry<T> {
    /// Holds "none" and "other".
    pub(crate) fn new() -> Self {
        Self { items: vec![T::default(), T::default()], table: HashTable::new(), num_overflowed: 0 }
    }

    /// The number of a thing; 1, "other", once there are `cap` of them (counted).
    pub(crate) fn intern(&mut self, hash: u64, cap: usize, is_same: impl Fn(&T) -> bool, make: impl FnOnce() -> T, rehash: impl Fn(&T) -> u64) -> u16 {
        let items = &self.items;
        if let Some(known) = self.table.find(hash, |at| is_same(&items[*at as usize])) {
            return *known;
        }
        if self.items.len() >= cap + 2 {
            self.num_overflowed += 1;
            return 1;
        }
        let number = self.items.len() as u16;
        self.items.push(make());
        let items = &self.items;
        self.table.insert_unique(hash, number, |at| rehash(&items[*at as usize]));
        number
    }
}
