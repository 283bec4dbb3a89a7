use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::timeout};

use crate::{books::Books, broker::Headers, dice::Uuid};

/// How many orders the table remembers, to know replies and repeated requests by.
const ORDERS_KEPT: usize = 20_000;
/// How many events may wait for the broker before orders are refused.
const OUTBOX_LIMIT: usize = 50_000;

/// An event that waits in the outbox, with the trace context it was written in.
#[derive(Clone, Debug)]
pub(crate) struct OutboxRow {
    pub(crate) row_id: u64,
    pub(crate) event_id: Uuid,
    pub(crate) order_id: String,
    pub(crate) correlation_id: Uuid,
    pub(crate) traceparent: Option<String>,
    /// `None` takes the order back.
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) headers: Headers,
}

/// What became of an attempt to write an order down.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    New,
    /// The order was there already: the request was a repeated one.
    Known,
    /// The outbox is full.
    Refused,
}

/// The database of the orders service, which both instances share: a row an order, and the outbox written with it.
pub(crate) struct OrderTable {
    inner: Mutex<Inner>,
    written: Notify,
}

#[derive(Default)]
struct Inner {
    /// Order id → correlation id, and whether inventory answered.
    orders: HashMap<String, (Uuid, bool)>,
    by_age: VecDeque<String>,
    num_rows_ever: u64,
    waiting: VecDeque<(Option<&'static str>, OutboxRow)>,
    /// Rows that an instance is publishing.
    taken: HashMap<u64, (&'static str, OutboxRow)>,
}

impl OrderTable {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::default(), written: Notify::new() }
    }

    /// Writes an order and its events in one go; the rows get their ids here.
    pub(crate) fn place(&self, instance: &'static str, order_id: &str, correlation_id: Uuid, rows: Vec<OutboxRow>) -> Placed {
        let mut inner = self.inner.lock();
        if inner.orders.contains_key(order_id) {
            return Placed::Known;
        }
        if inner.waiting.len() + rows.len() > OUTBOX_LIMIT {
            return Placed::Refused;
        }
        if inner.by_age.len() == ORDERS_KEPT
            && let Some(oldest) = inner.by_age.pop_front()
        {
            inner.orders.remove(&oldest);
        }
        inner.orders.insert(order_id.to_owned(), (correlation_id, false));
        inner.by_age.push_back(order_id.to_owned());
        for mut row in rows {
            inner.num_rows_ever += 1;
            row.row_id = inner.num_rows_ever;
            inner.waiting.push_back((Some(instance), row));
        }
        drop(inner);
        self.written.notify_waiters();
        Placed::New
    }

    /// Takes up to `max` rows for an instance to publish: its own, and those whose instance is gone. Waits a moment where there are none.
    pub(crate) async fn take(&self, instance: &'static str, max: usize) -> Vec<OutboxRow> {
        let rows = self.take_now(instance, max);
        if !rows.is_empty() {
            return rows;
        }
        // A row written in between is found at the latest then.
        let _ = timeout(Duration::from_millis(25), self.written.notified()).await;
        self.take_now(instance, max)
    }

    fn take_now(&self, instance: &'static str, max: usize) -> Vec<OutboxRow> {
        let mut inner = self.inner.lock();
        let mut rows = Vec::new();
        let mut others = VecDeque::new();
        while rows.len() < max
            && let Some((owner, row)) = inner.waiting.pop_front()
        {
            if owner.is_none_or(|owner| owner == instance) {
                inner.taken.insert(row.row_id, (instance, row.clone()));
                rows.push(row);
            } else {
                others.push_back((owner, row));
            }
        }
        others.append(&mut inner.waiting);
        inner.waiting = others;
        rows
    }

    /// The row's record was acknowledged.
    pub(crate) fn published(&self, row_id: u64) {
        self.inner.lock().taken.remove(&row_id);
    }

    /// The row's record was refused: it waits again.
    pub(crate) fn put_back(&self, row_id: u64) {
        let mut inner = self.inner.lock();
        if let Some((instance, row)) = inner.taken.remove(&row_id) {
            inner.waiting.push_front((Some(instance), row));
        }
    }

    /// An instance is gone: what it held is anybody's again.
    pub(crate) fn release(&self, instance: &'static str) {
        let mut inner = self.inner.lock();
        let mut rows: Vec<OutboxRow> = inner.taken.extract_if(|_, (owner, _)| *owner == instance).map(|(_, (_, row))| row).collect();
        rows.sort_by_key(|row| row.row_id);
        for row in rows.into_iter().rev() {
            inner.waiting.push_front((None, row));
        }
        for (owner, _) in &mut inner.waiting {
            if *owner == Some(instance) {
                *owner = None;
            }
        }
    }

    /// Rows that are not acknowledged yet.
    pub(crate) fn num_pending(&self) -> usize {
        let inner = self.inner.lock();
        inner.waiting.len() + inner.taken.len()
    }

    /// Whether a reply with this correlation id is the first that answers the order of this id.
    pub(crate) fn answer(&self, order_id: &str, correlation_id: Uuid) -> bool {
        match self.inner.lock().orders.get_mut(order_id) {
            Some((expected, is_answered)) if *expected == correlation_id => !std::mem::replace(is_answered, true),
            _ => false,
        }
    }
}

/// Writes into the books that an order was placed.
pub(crate) fn book_row(books: &Books, is_withdrawn: bool) {
    books.order(|orders| {
        orders.rows += 1;
        orders.cancelled += u64::from(is_withdrawn);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(order_id: &str) -> OutboxRow {
        OutboxRow {
            row_id: 0,
            event_id: Uuid([1; 16]),
            order_id: order_id.to_owned(),
            correlation_id: Uuid([2; 16]),
            traceparent: None,
            payload: None,
            headers: Headers::default(),
        }
    }

    fn ids(rows: &[OutboxRow]) -> Vec<&str> {
        rows.iter().map(|row| row.order_id.as_str()).collect()
    }

    #[tokio::test]
    async fn an_order_is_written_once_and_published_by_its_own_instance() {
        let table = OrderTable::new();
        assert_eq!(table.place("orders-1", "a", Uuid([2; 16]), vec![row("a")]), Placed::New);
        assert_eq!(table.place("orders-2", "a", Uuid([3; 16]), vec![row("a")]), Placed::Known);
        table.place("orders-2", "b", Uuid([3; 16]), vec![row("b")]);
        assert!(!table.answer("a", Uuid([3; 16])) && !table.answer("c", Uuid([2; 16])));
        assert!(table.answer("a", Uuid([2; 16])) && !table.answer("a", Uuid([2; 16])), "the first answer only");
        let rows = table.take("orders-2", 10).await;
        assert_eq!(ids(&rows), ["b"]);
        assert_eq!(table.num_pending(), 2);
        table.published(rows[0].row_id);
        assert_eq!(table.num_pending(), 1);
    }

    #[tokio::test]
    async fn what_a_dead_instance_held_is_published_by_the_other_in_order() {
        let table = OrderTable::new();
        for order_id in ["a", "b", "c"] {
            table.place("orders-2", order_id, Uuid([2; 16]), vec![row(order_id)]);
        }
        assert_eq!(table.take("orders-2", 2).await.len(), 2);
        assert!(table.take("orders-1", 9).await.is_empty());
        table.release("orders-2");
        let rows = table.take("orders-1", 9).await;
        assert_eq!(ids(&rows), ["a", "b", "c"]);
        table.put_back(rows[0].row_id);
        assert_eq!(ids(&table.take("orders-1", 9).await), ["a"]);
    }

    #[test]
    fn a_full_outbox_refuses_orders() {
        let table = OrderTable::new();
        table.place("orders-1", "a", Uuid([2; 16]), vec![row("a"); OUTBOX_LIMIT]);
        assert_eq!(table.place("orders-1", "b", Uuid([2; 16]), vec![row("b")]), Placed::Refused);
    }
}
