//! The course of a group's state as its coordinator tells it: since when it is being rebalanced.

/// Changes that are kept.
const MAX_POINTS: usize = 32;

/// Whether a state means that the partitions are being given out anew, however the protocol calls it.
pub(crate) fn is_rebalancing(state: &str) -> bool {
    let folded: String = state.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase()).collect();
    matches!(folded.as_str(), "preparingrebalance" | "completingrebalance" | "awaitingsync" | "assigning" | "reconciling" | "rebalancing")
}

/// At which readings a group was being rebalanced; where there are many, of equal ones in a row the first and the last.
#[derive(Clone, Debug, Default)]
pub(crate) struct StateCourse {
    /// Sorted by time.
    points: Vec<(i64, bool)>,
}

impl StateCourse {
    /// Takes a reading, in any order of time.
    pub(crate) fn observe(&mut self, read_ns: i64, state: Option<&str>) {
        let point = (read_ns, state.is_some_and(is_rebalancing));
        let Err(at) = self.points.binary_search(&point) else { return };
        self.points.insert(at, point);
        if self.points.len() > MAX_POINTS {
            // What lies inside a run tells least.
            let inside = self.points.windows(3).position(|run| run.iter().all(|(_, is)| *is == run[0].1));
            self.points.remove(inside.map_or(0, |before| before + 1));
        }
    }

    /// Since when the group is being rebalanced, as of its newest reading; `None` = it is not.
    pub(crate) fn rebalancing_since_ns(&self) -> Option<i64> {
        self.points.iter().rev().take_while(|(_, is)| *is).last().map(|(read_ns, _)| *read_ns)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn states_of_all_protocols_tell_of_rebalancing() {
        for state in ["PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling", "PREPARING_REBALANCE", "preparing-rebalance"] {
            assert!(is_rebalancing(state), "{state}");
        }
        for state in ["Stable", "Empty", "Dead", "NotReady", ""] {
            assert!(!is_rebalancing(state), "{state}");
        }
    }

    proptest! {
        #[test]
        fn the_last_run_is_told_from_its_first_reading_whatever_the_order(states in prop::collection::vec(any::<bool>(), 1..MAX_POINTS / 2), shuffled in any::<u64>()) {
            let readings: Vec<(i64, bool)> = states.iter().enumerate().map(|(at, is)| (at as i64, *is)).collect();
            let expected = readings.iter().rev().take_while(|(_, is)| *is).last().map(|(at, _)| *at);
            let mut order = readings.clone();
            order.sort_by_key(|(at, _)| (*at as u64 + 1).wrapping_mul(shuffled | 1).rotate_left(17));
            let mut course = StateCourse::default();
            for (at, is) in order {
                course.observe(at, Some(if is { "Assigning" } else { "Stable" }));
            }
            prop_assert_eq!(course.rebalancing_since_ns(), expected);
        }
    }
}
