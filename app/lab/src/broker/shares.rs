use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use crate::broker::NUM_PARTITIONS;

/// How long the partitions of a reader that died lie idle, as they do until a broker misses its heartbeats.
pub(crate) const TAKEN_OVER_AFTER: Duration = Duration::from_secs(2);

/// Deals partitions out to the readers of each group, where no reader may join a group at the broker: librdkafka's mock cluster ends
/// the process (`Assertion '!member->resp'`) when a member joins again while its first join is pending, as happens on a busy machine.
#[derive(Default)]
pub(crate) struct Shares {
    groups: Mutex<BTreeMap<&'static str, Deal>>,
    changed: watch::Sender<u64>,
}

/// One group: its readers by the number of their life, and who holds which partition.
#[derive(Default)]
struct Deal {
    lives: u64,
    readers: BTreeMap<u64, Reader>,
    holders: BTreeMap<i32, Holder>,
}

struct Reader {
    name: &'static str,
    /// When it died; `None` while it lives.
    died_at: Option<Instant>,
    /// A later life of the same name has its place.
    is_replaced: bool,
}

struct Holder {
    life: u64,
    /// Its holder was told to let go of it.
    is_leaving: bool,
}

/// What a reader has to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Partitions to commit and let go of.
    pub(crate) release: Vec<i32>,
    /// Partitions that are its own from now on.
    pub(crate) take: Vec<i32>,
    /// When to look again, though nothing is told.
    pub(crate) again_at: Option<Instant>,
}

/// A reader's place in its group; dropped, the reader has died.
pub(crate) struct Seat {
    shares: Arc<Shares>,
    group: &'static str,
    life: u64,
}

impl Shares {
    /// Gives a reader of this name a place in a group; a former life of it gives way.
    pub(crate) fn sit(self: &Arc<Self>, group: &'static str, name: &'static str) -> Arc<Seat> {
        let mut groups = self.groups.lock();
        let deal = groups.entry(group).or_default();
        deal.lives += 1;
        let life = deal.lives;
        for reader in deal.readers.values_mut().filter(|reader| reader.name == name) {
            reader.is_replaced = true;
        }
        deal.forget(|reader| reader.is_replaced && reader.died_at.is_some());
        deal.readers.insert(life, Reader { name, died_at: None, is_replaced: false });
        drop(groups);
        self.tell();
        Arc::new(Seat { shares: self.clone(), group, life })
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    fn change(&self, group: &'static str, change: impl FnOnce(&mut Deal)) {
        change(self.groups.lock().entry(group).or_default());
        self.tell();
    }
}

impl Deal {
    /// Takes readers and what they hold away.
    fn forget(&mut self, is_gone: impl Fn(&Reader) -> bool) {
        self.readers.retain(|_, reader| !is_gone(reader));
        self.holders.retain(|_, holder| self.readers.contains_key(&holder.life));
    }

    fn turn(&mut self, life: u64, now: Instant) -> Turn {
        self.forget(|reader| reader.died_at.is_some_and(|at| now >= at + TAKEN_OVER_AFTER));
        // One that died counts until it is missed: its partitions lie idle.
        let seated: Vec<u64> = self.readers.iter().filter(|(_, reader)| !reader.is_replaced).map(|(life, _)| *life).collect();
        let owner = |partition: i32| seated.get(partition as usize % seated.len().max(1)).copied();
        let mut turn = Turn { release: Vec::new(), take: Vec::new(), again_at: self.readers.values().filter_map(|reader| reader.died_at).min() };
        turn.again_at = turn.again_at.map(|at| at + TAKEN_OVER_AFTER);
        for partition in 0..NUM_PARTITIONS {
            let is_due = owner(partition) == Some(life);
            match self.holders.get_mut(&partition) {
                Some(holder) if holder.life == life && !is_due && !holder.is_leaving => {
                    holder.is_leaving = true;
                    turn.release.push(partition);
                }
                None if is_due => {
                    self.holders.insert(partition, Holder { life, is_leaving: false });
                    turn.take.push(partition);
                }
                _ => {}
            }
        }
        turn
    }
}

impl Seat {
    /// What to do now; each step is told once.
    pub(crate) fn turn(&self, now: Instant) -> Turn {
        self.shares.groups.lock().entry(self.group).or_default().turn(self.life, now)
    }

    /// Waits for what is told after this call.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.shares.changed.subscribe()
    }

    /// These are held no more.
    pub(crate) fn released(&self, partitions: &[i32]) {
        let life = self.life;
        self.shares.change(self.group, |deal| deal.holders.retain(|partition, holder| holder.life != life || !partitions.contains(partition)));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let life = self.life;
        self.shares.change(self.group, |deal| {
            if let Some(reader) = deal.readers.get_mut(&life) {
                reader.died_at = Some(Instant::now());
            }
            deal.forget(|reader| reader.is_replaced && reader.died_at.is_some());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(release: &[i32], take: &[i32]) -> Turn {
        Turn { release: release.to_vec(), take: take.to_vec(), again_at: None }
    }

    #[test]
    fn a_reader_alone_has_all_and_shares_with_the_second_once_it_let_go() {
        let shares = Arc::new(Shares::default());
        let now = Instant::now();
        let first = shares.sit("orders", "orders-1");
        assert_eq!(first.turn(now), turn(&[], &[0, 1, 2, 3]));
        assert_eq!(first.turn(now), turn(&[], &[]), "told once");
        let mut news = first.news();
        let second = shares.sit("orders", "orders-2");
        assert!(news.has_changed().unwrap());
        assert_eq!(second.turn(now), turn(&[], &[]), "the first still holds them");
        assert_eq!(first.turn(now), turn(&[1, 3], &[]));
        assert_eq!(first.turn(now), turn(&[], &[]), "told once");
        news.mark_unchanged();
        first.released(&[1, 3]);
        assert!(news.has_changed().unwrap());
        assert_eq!(second.turn(now), turn(&[], &[1, 3]));
        assert_eq!(first.turn(now), turn(&[], &[]));
        let other = shares.sit("inventory", "inventory-1");
        assert_eq!(other.turn(now), turn(&[], &[0, 1, 2, 3]), "another group is another matter");
    }

    #[test]
    fn what_a_dead_reader_held_lies_idle_and_is_then_taken_over() {
        let shares = Arc::new(Shares::default());
        let (first, second) = (shares.sit("orders", "orders-1"), shares.sit("orders", "orders-2"));
        let now = Instant::now();
        assert_eq!((first.turn(now).take, second.turn(now).take), (vec![0, 2], vec![1, 3]));
        drop(second);
        let idle = first.turn(Instant::now());
        assert_eq!((&idle.release, &idle.take), (&vec![], &vec![]));
        let again_at = idle.again_at.unwrap();
        assert_eq!(first.turn(again_at), turn(&[], &[1, 3]));
    }

    #[test]
    fn a_later_life_has_the_place_of_the_former_once_that_is_gone() {
        let shares = Arc::new(Shares::default());
        let (first, second) = (shares.sit("orders", "orders-1"), shares.sit("orders", "orders-2"));
        let now = Instant::now();
        let _taken = (first.turn(now), second.turn(now));
        let again = shares.sit("orders", "orders-2");
        assert_eq!(again.turn(now), turn(&[], &[]), "the former life still reads");
        drop(second);
        assert_eq!(again.turn(now), turn(&[], &[1, 3]));
        drop(again);
        let third = shares.sit("orders", "orders-2");
        assert_eq!(third.turn(now), turn(&[], &[1, 3]), "it does not wait to be missed");
        assert_eq!(first.turn(now), turn(&[], &[]));
    }
}
