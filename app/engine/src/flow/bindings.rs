//! Queues behind exchanges.

use hashbrown::{HashMap, HashSet};
use switchboard_model::SourceId;

use crate::names::{ChannelId, Gone};
use crate::source_shares::{SharedMap, Shares};

/// Which queues had messages that were published to which exchanges, by pairs of spans: queue, exchange, and how many.
#[derive(Debug)]
pub(crate) struct Bindings {
    pairs: SharedMap<(ChannelId, ChannelId), u64>,
    /// Queues of which a pair found no room: what is known of them proves nothing.
    incomplete: HashSet<ChannelId>,
}

/// Pairs of queue and exchange kept, shared out by source; further ones are counted.
const MAX_BINDINGS: usize = 20_000;

impl Default for Bindings {
    fn default() -> Self {
        Self { pairs: SharedMap::new(MAX_BINDINGS, 0), incomplete: HashSet::new() }
    }
}

impl Bindings {
    /// One more, or one less, by what a source tells at a time.
    pub(super) fn count(&mut self, binding: (ChannelId, ChannelId), add: bool, (source, now_ns): (SourceId, i64)) {
        if add {
            let mut left = None;
            match self.pairs.see_and(&binding, source, now_ns, |pair, _| left = Some(pair)) {
                Some(num) => *num += 1,
                None => left = Some(binding),
            }
            self.incomplete.extend(left.map(|(queue, _)| queue));
        } else if let Some(num) = self.pairs.get_mut(&binding) {
            *num -= 1;
            if *num == 0 {
                self.pairs.remove(&binding);
            }
        }
    }

    /// Names that are gone are bound to nothing.
    pub(super) fn forget(&mut self, gone: &Gone) {
        self.pairs.retain(|(queue, exchange), _| !gone.has_channel(*queue) && !gone.has_channel(*exchange));
        self.incomplete.retain(|queue| !gone.has_channel(*queue));
    }

    /// The one exchange whose messages each queue had.
    pub(super) fn only(&self) -> HashMap<ChannelId, Option<ChannelId>> {
        let mut only: HashMap<ChannelId, Option<ChannelId>> = HashMap::new();
        for ((queue, exchange), _) in self.pairs.iter() {
            only.entry(*queue).and_modify(|known| *known = None).or_insert(Some(*exchange));
        }
        only.extend(self.incomplete.iter().map(|queue| (*queue, None)));
        only
    }

    /// Pairs that found no room.
    pub(super) fn shares(&self) -> &Shares {
        self.pairs.shares()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_queue_and_exchange_are_shared_out_and_what_found_no_room_proves_nothing() {
        const EXCHANGE: ChannelId = ChannelId(8_000);
        let mut bindings = Bindings::default();
        bindings.count((ChannelId(2), EXCHANGE), true, (SourceId(2), 1));
        // One source binds 300 queues to a hundred exchanges each.
        for queue in 0..300 {
            (0..100).for_each(|exchange| bindings.count((ChannelId(1_000 + queue), ChannelId(4_000 + exchange)), true, (SourceId(1), 2)));
        }
        let of = |source| bindings.shares().left_out().get(&SourceId(source)).copied();
        assert_eq!((bindings.pairs.len(), of(1), of(2)), (MAX_BINDINGS, Some(30_001 - MAX_BINDINGS as u64), None));
        // Another source finds its share, and what left for it proves nothing of its queue.
        bindings.count((ChannelId(3), EXCHANGE), true, (SourceId(2), 3));
        assert_eq!(bindings.shares().num_left_out(), 30_002 - MAX_BINDINGS as u64);
        bindings.count((ChannelId(1_000), EXCHANGE), true, (SourceId(2), 3));
        let only = bindings.only();
        assert_eq!(
            [ChannelId(2), ChannelId(3), ChannelId(1_000)].map(|queue| only.get(&queue).copied()),
            [Some(Some(EXCHANGE)), Some(Some(EXCHANGE)), Some(None)]
        );
        // Once nothing is bound any more, nothing is proved.
        bindings.count((ChannelId(2), EXCHANGE), false, (SourceId(2), 4));
        assert_eq!(bindings.only().get(&ChannelId(2)), None);
    }
}
