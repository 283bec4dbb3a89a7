use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::broker::SUBSCRIPTIONS;

/// How far each group has come with what the lab itself has written, so that it is known when all is consumed.
#[derive(Default)]
pub(crate) struct Progress(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Channel and partition → the offset after the last record that was acknowledged.
    written: BTreeMap<(String, i32), i64>,
    /// Group, channel and partition → the offset that the broker has committed.
    committed: BTreeMap<(&'static str, String, i32), i64>,
}

impl Progress {
    /// A record was acknowledged.
    pub(crate) fn written(&self, channel: &str, partition: i32, offset: i64) {
        let mut inner = self.0.lock();
        let end = inner.written.entry((channel.to_owned(), partition)).or_default();
        *end = (*end).max(offset + 1);
    }

    /// The broker took a group's commit of `next`, the offset of the record it will read next.
    pub(crate) fn committed(&self, group: &'static str, channel: &str, partition: i32, next: i64) {
        let mut inner = self.0.lock();
        let at = inner.committed.entry((group, channel.to_owned(), partition)).or_default();
        *at = (*at).max(next);
    }

    /// Each group that has not committed all that was written to its channel, and by how many records it is behind.
    pub(crate) fn behind(&self) -> Vec<(&'static str, &'static str, i64)> {
        let inner = self.0.lock();
        let lag = |group: &'static str, channel: &str| -> i64 {
            let written = inner.written.iter().filter(|((c, _), _)| c == channel);
            written.map(|((c, p), end)| (end - inner.committed.get(&(group, c.clone(), *p)).copied().unwrap_or(0)).max(0)).sum()
        };
        SUBSCRIPTIONS.iter().map(|&(group, channel)| (group, channel, lag(group, channel))).filter(|(_, _, lag)| *lag > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::INVENTORY_RESERVED;

    #[test]
    fn a_group_is_behind_until_it_committed_all_that_was_written() {
        let progress = Progress::default();
        assert!(progress.behind().is_empty());
        progress.written(INVENTORY_RESERVED, 0, 4);
        progress.written(INVENTORY_RESERVED, 2, 0);
        progress.written(INVENTORY_RESERVED, 0, 2);
        assert_eq!(progress.behind(), [("orders", INVENTORY_RESERVED, 6)]);
        progress.committed("orders", INVENTORY_RESERVED, 0, 5);
        progress.committed("orders", INVENTORY_RESERVED, 0, 3);
        assert_eq!(progress.behind(), [("orders", INVENTORY_RESERVED, 1)]);
        progress.committed("orders", INVENTORY_RESERVED, 2, 1);
        assert!(progress.behind().is_empty());
    }
}
