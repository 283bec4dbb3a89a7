//! How fresh what is seen is.

use switchboard_engine::view::Snapshot;

use crate::figures;

/// Data older than this are not called live, ns.
const LIVE_WITHIN_NS: i64 = 10_000_000_000;
/// Words about freshness stay at least so long, ns.
const WORDS_STAY_NS: i64 = 1_000_000_000;

/// When something was last heard of anything, ns since the Unix epoch.
pub(crate) fn newest_ns(snapshot: &Snapshot) -> Option<i64> {
    let figures = snapshot.figures.nodes.iter().filter_map(|row| row.figure.last_ns);
    let edges = snapshot.figures.edges.iter().filter_map(|row| row.1.last_ns);
    let groups = snapshot.groups.iter().filter_map(|group| group.read_ns);
    let breakers = snapshot.breakers.iter().map(|breaker| breaker.confirmed_ns);
    let instances = snapshot.topology.nodes.iter().flat_map(|node| &node.instances).map(|instance| instance.last_seen_ns);
    figures.chain(edges).chain(groups).chain(breakers).chain(instances).max()
}

/// How fresh the data are: `live`, or how old; and whether that is as it should be.
fn freshness(snapshot: &Snapshot, now_ns: i64) -> (String, bool) {
    match newest_ns(snapshot).map(|newest_ns| now_ns - newest_ns) {
        None => ("waiting for data".to_owned(), false),
        Some(age_ns) if age_ns <= LIVE_WITHIN_NS => (format!("live, {} old", figures::age(age_ns)), true),
        Some(age_ns) => (format!("nothing new for {}", figures::age(age_ns)), false),
    }
}

/// How fresh the data are, in words that do not flicker.
#[derive(Default)]
pub(crate) struct Freshness {
    /// The words.
    pub words: String,
    /// Whether that is as it should be.
    pub is_live: bool,
    said_ns: Option<i64>,
}

impl Freshness {
    /// Looks again: at once when data come or cease, else at most once a second.
    pub(crate) fn take(&mut self, snapshot: &Snapshot, now_ns: i64) {
        let (words, is_live) = freshness(snapshot, now_ns);
        let stays = self.said_ns.is_some_and(|said_ns| (0..WORDS_STAY_NS).contains(&(now_ns - said_ns)));
        if !stays || is_live != self.is_live {
            *self = Self { words, is_live, said_ns: Some(now_ns) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_NS};

    #[test]
    fn words_about_freshness_move_at_most_once_a_second_unless_data_cease() {
        let snapshot = testing::order_business();
        let mut freshness = Freshness::default();
        freshness.take(&snapshot, NOW_NS);
        let words = freshness.words.clone();
        freshness.take(&snapshot, NOW_NS + 999_000_000);
        assert_eq!(freshness.words, words);
        freshness.take(&snapshot, NOW_NS + 1_000_000_000);
        assert_ne!(freshness.words, words);
        freshness.take(&snapshot, NOW_NS + 1_500_000_000);
        freshness.take(&Snapshot::default(), NOW_NS + 1_600_000_000);
        assert!(!freshness.is_live);
    }
}
