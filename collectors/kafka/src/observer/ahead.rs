//! What lies before groups that are behind.

use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use switchboard_model::{OpenTransaction, now_ns};

use super::Observer;
use crate::asking::{Ask, PartitionName, Patience, Which};
use crate::catalogue::{Catalogue, TopicId};
use crate::read_group::{Ahead, ReadGroup};

impl Observer {
    /// Looks at what lies before groups that are behind: how far it is stable, what holds it back, and how much of it can be read.
    pub(super) fn look_ahead(&mut self, ask: &dyn Ask, turn: &[ReadGroup], patience: &Patience<'_>) -> Ahead {
        let mut ahead = Ahead::default();
        let behind: Vec<_> = turn.iter().flat_map(|read| read.behind(&self.catalogue)).collect();
        let ends: HashMap<(TopicId, i32), i64> = behind.iter().map(|(topic, partition, _, end)| ((*topic, *partition), *end)).collect();
        if ends.is_empty() {
            return ahead;
        }
        let name = |catalogue: &Catalogue, (topic, partition): &(TopicId, i32)| (Arc::clone(&catalogue.topic(*topic).name), *partition);
        // Read after the ends: what is below an end then was held back when it was read.
        let asked: Vec<PartitionName> = ends.keys().map(|at| name(&self.catalogue, at)).collect();
        let (catalogue, stable) = (&mut self.catalogue, &mut ahead.stable);
        let done = ask.offsets(&asked, Which::LastStable, patience, &mut |topic, partition, offset| {
            if let (Ok(offset), Some(topic)) = (offset, catalogue.id(topic)) {
                stable.insert((topic, partition), offset);
            }
        });
        if let Err(error) = done {
            tracing::debug!("last stable offsets are unknown: {error}");
        }
        // A set: with transactions of a moment, all that a large cluster has may be held back at once.
        let held: HashSet<(TopicId, i32)> =
            ends.iter().filter(|(at, end)| ahead.stable.get(*at).is_some_and(|stable| stable < *end)).map(|(at, _)| *at).collect();
        self.transactions.retain(|at, _| held.contains(at) || !ends.contains_key(at));
        self.name_transactions(ask, &held, &mut ahead, patience);
        let places: Vec<_> = behind.iter().map(|(topic, partition, committed, end)| ((*topic, *partition, *committed), *end)).collect();
        ahead.readable = self.counter.count(&places, &self.catalogue, &self.config, &self.errors, patience.stopped);
        ahead
    }

    /// Finds out what holds these partitions back. Each transaction is asked for until its begin is told.
    fn name_transactions(&mut self, ask: &dyn Ask, held: &HashSet<(TopicId, i32)>, ahead: &mut Ahead, patience: &Patience<'_>) {
        let is_known = |at: &&(TopicId, i32)| {
            self.transactions.get(*at).is_some_and(|(stable, transaction)| ahead.stable.get(*at) == Some(stable) && !transaction.since_at_least)
        };
        let unknown: Vec<PartitionName> =
            held.iter().filter(|at| !is_known(at)).map(|(topic, partition)| (Arc::clone(&self.catalogue.topic(*topic).name), *partition)).collect();
        let mut found = if unknown.is_empty() {
            HashMap::new()
        } else {
            ask.open_transactions(&unknown, patience).unwrap_or_else(|error| {
                tracing::debug!("open transactions are unknown: {error}");
                HashMap::new()
            })
        };
        for at in held {
            let Some(stable) = ahead.stable.get(at).copied() else { continue };
            let known = self.transactions.get(at).filter(|(known, _)| *known == stable).map(|(_, transaction)| transaction.clone());
            let named = found.remove(&(self.catalogue.topic(at.0).name.to_string(), at.1));
            let transaction = dated(named, known, stable, now_ns());
            self.transactions.insert(*at, (stable, transaction.clone()));
            ahead.transactions.insert(*at, transaction);
        }
    }
}

/// What is known of the open transaction that holds a partition back at `stable`: as a broker names it now, or as it was known when it
/// was looked at before. Where nobody tells when it began, it is as old as it has been seen.
fn dated(named: Option<OpenTransaction>, known: Option<OpenTransaction>, stable: i64, now_ns: i64) -> OpenTransaction {
    let seen_since_ns = known.as_ref().and_then(|transaction| transaction.since_ns).unwrap_or(now_ns);
    let transaction = named.or(known).unwrap_or(OpenTransaction { first_offset: Some(stable), ..OpenTransaction::default() });
    if transaction.since_ns.is_some() {
        return transaction;
    }
    OpenTransaction { since_ns: Some(seen_since_ns), since_at_least: true, ..transaction }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_nobody_dates_is_as_old_as_it_has_been_seen() {
        let named = |since_ns| OpenTransaction { transactional_id: Some("tx".into()), since_ns, since_at_least: false, first_offset: Some(5) };
        let seen = dated(None, None, 5, 100);
        assert_eq!((seen.since_ns, seen.since_at_least, seen.first_offset), (Some(100), true, Some(5)));
        assert_eq!(dated(None, Some(seen.clone()), 5, 200), seen);
        let known = dated(Some(named(None)), Some(seen.clone()), 5, 300);
        assert_eq!(known, OpenTransaction { since_ns: Some(100), since_at_least: true, ..named(None) });
        assert_eq!(dated(Some(named(Some(40))), Some(known), 5, 400), named(Some(40)));
    }
}
