//! Bytes that all requests in flight hold together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A bound on bytes, shared by all requests.
#[derive(Debug)]
pub(crate) struct Budget {
    limit_bytes: usize,
    used_bytes: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(limit_bytes: usize) -> Arc<Self> {
        Arc::new(Self { limit_bytes, used_bytes: AtomicUsize::new(0) })
    }

    /// Takes so many bytes, if there is room for them.
    pub(crate) fn reserve(self: &Arc<Self>, num_bytes: usize) -> Option<Reservation> {
        let mut reservation = Reservation { budget: Arc::clone(self), num_bytes: 0 };
        reservation.grow_to(num_bytes).then_some(reservation)
    }

    fn take(&self, num_bytes: usize) -> bool {
        let more = |used: usize| used.checked_add(num_bytes).filter(|sum| *sum <= self.limit_bytes);
        self.used_bytes.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    #[cfg(test)]
    pub(crate) fn used_bytes(&self) -> usize {
        self.used_bytes.load(Ordering::SeqCst)
    }
}

/// One request's share; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    num_bytes: usize,
}

impl Reservation {
    /// Makes sure of so many bytes in all. `false` = there is no room; what was reserved before stays.
    pub(crate) fn grow_to(&mut self, num_bytes: usize) -> bool {
        let more = num_bytes.saturating_sub(self.num_bytes);
        if more > 0 && !self.budget.take(more) {
            return false;
        }
        self.num_bytes += more;
        true
    }

    /// Holds so many bytes from now on, whether there is room or not: they exist already.
    pub(crate) fn set(&mut self, num_bytes: usize) {
        if num_bytes < self.num_bytes {
            self.budget.used_bytes.fetch_sub(self.num_bytes - num_bytes, Ordering::SeqCst);
        } else {
            self.budget.used_bytes.fetch_add(num_bytes - self.num_bytes, Ordering::SeqCst);
        }
        self.num_bytes = num_bytes;
    }

    /// How much is held.
    pub(crate) fn num_bytes(&self) -> usize {
        self.num_bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_reserved_is_given_back() {
        let budget = Budget::new(100);
        let mut first = budget.reserve(60).expect("room");
        assert!(budget.reserve(41).is_none());
        assert!(first.grow_to(100));
        assert!(!first.grow_to(101));
        assert!(!first.grow_to(usize::MAX));
        assert_eq!(budget.used_bytes(), 100);
        first.set(120);
        assert_eq!(budget.used_bytes(), 120);
        first.set(10);
        assert!(budget.reserve(90).is_some());
        drop(first);
        assert_eq!(budget.used_bytes(), 0);
    }
}
