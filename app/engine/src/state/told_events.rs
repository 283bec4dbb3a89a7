//! Which events of a guard of calls were counted. Each source that reads its ring tells it whole, and tells it again once it begins anew.

use std::collections::BTreeMap;

use switchboard_model::SourceId;

/// Times kept, the newest: more than a ring of the library holds, unless it is set otherwise (100).
const MAX_TIMES: usize = 128;

/// Events of one guard in one instance, by their own time.
#[derive(Debug)]
pub(crate) struct ToldEvents {
    /// Who told of how many of one time: two calls may end in the same millisecond.
    times: BTreeMap<i64, Vec<(SourceId, u32)>>,
    /// Up to here they are no longer kept: what is told of then was counted.
    gone_ns: i64,
}

impl Default for ToldEvents {
    fn default() -> Self {
        Self { times: BTreeMap::new(), gone_ns: i64::MIN }
    }
}

impl ToldEvents {
    /// Whether an event of this time is one more.
    pub(crate) fn is_new(&mut self, at_ns: i64, teller: SourceId) -> bool {
        if at_ns <= self.gone_ns {
            return false;
        }
        let tellers = self.times.entry(at_ns).or_default();
        let num_known = tellers.iter().map(|(_, num)| *num).max().unwrap_or_default();
        let is_new = if let Some((_, num)) = tellers.iter_mut().find(|(other, _)| *other == teller) {
            *num = num.saturating_add(1);
            *num > num_known
        } else {
            tellers.push((teller, 1));
            num_known == 0
        };
        if self.times.len() > MAX_TIMES
            && let Some((oldest_ns, _)) = self.times.pop_first()
        {
            self.gone_ns = oldest_ns;
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn num_new(told: &mut ToldEvents, times: &[i64], teller: u32) -> usize {
        times.iter().filter(|at_ns| told.is_new(**at_ns, SourceId(teller))).count()
    }

    #[test]
    fn a_ring_that_is_told_again_or_by_two_counts_once_and_what_is_new_in_it_counts() {
        let mut told = ToldEvents::default();
        assert_eq!(num_new(&mut told, &[30, 10, 20, 20], 1), 4, "out of order, and two of one time");
        assert_eq!(num_new(&mut told, &[10, 20, 20, 30], 2), 0, "by another");
        assert_eq!(num_new(&mut told, &[20, 20, 20, 30, 15], 3), 2, "anew, with a third of one time and one that was late");
        assert_eq!(num_new(&mut told, &[40], 1), 1);
        assert_eq!(num_new(&mut told, &[30, 40, 50], 4), 1);
    }

    #[test]
    fn what_is_no_longer_kept_was_counted_and_little_is_kept() {
        let ring: Vec<i64> = (0..1_000).collect();
        let mut told = ToldEvents::default();
        assert_eq!(num_new(&mut told, &ring, 1), 1_000);
        assert_eq!(told.times.len(), MAX_TIMES);
        assert_eq!(num_new(&mut told, &ring, 2), 0);
        assert_eq!(num_new(&mut told, &[999, 1_000], 3), 1);
    }
}
