//! The list of refused connections and requests: identical ones are one line with a count, and the list is bounded.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use switchboard_model::{Batch, BatchHeader, Fact, FactBatch, Offer, Refusal, Sink, now_ns};
use tokio::sync::Notify;

use crate::failure::{Failure, Refused};
use crate::stopping::Stopping;

/// Different refusals that wait at a time; what comes beyond is counted under one line.
const MAX_WAITING: usize = 256;
/// Characters of a host or origin that are listed.
const MAX_CHARS: usize = 200;
/// Time between two batches of refusals.
const PAUSE: Duration = Duration::from_secs(1);

/// Refusals that wait to be told.
#[derive(Clone, Default)]
pub(crate) struct Refusals {
    waiting: Arc<Mutex<Vec<Refusal>>>,
    came: Arc<Notify>,
}

impl Refusals {
    /// Lists a refused request.
    pub(crate) fn request(&self, peer: String, refused: Refused, failure: &Failure) {
        self.add(Refusal {
            peer,
            host: refused.host.map(short),
            origin: refused.origin.map(short),
            rule: failure.rule().to_owned(),
            next_step: short(failure.next_step()),
            count: 1,
        });
    }

    /// Lists parts that were left out of items that were stored.
    pub(crate) fn parts(&self, peer: String, rule: &str, what: &str, num: u64) {
        let next_step = short(format!("Look how the sender writes what was left out of stored items: {what}"));
        self.add(Refusal { peer, host: None, origin: None, rule: rule.to_owned(), next_step, count: num });
    }

    /// Lists a refused connection.
    pub(crate) fn connection(&self, peer: String, rule: &str, next_step: &str) {
        self.add(Refusal { peer, host: None, origin: None, rule: rule.to_owned(), next_step: next_step.to_owned(), count: 1 });
    }

    fn add(&self, refusal: Refusal) {
        let mut waiting = self.waiting.lock();
        let is_same =
            |other: &&mut Refusal| (&other.peer, &other.host, &other.origin, &other.rule) == (&refusal.peer, &refusal.host, &refusal.origin, &refusal.rule);
        if let Some(same) = waiting.iter_mut().find(is_same) {
            same.count += refusal.count;
        } else if waiting.len() < MAX_WAITING {
            waiting.push(refusal);
        } else if let Some(last) = waiting.last_mut() {
            if last.rule == "too many to list" {
                last.count += refusal.count;
            } else {
                let count = last.count + refusal.count;
                *last = Refusal {
                    peer: "several".to_owned(),
                    host: None,
                    origin: None,
                    rule: "too many to list".to_owned(),
                    next_step: "Find out who sends so many different requests here".to_owned(),
                    count,
                };
            }
        }
        drop(waiting);
        self.came.notify_one();
    }

    /// Tells the engine, at most once a second, until the source is closed.
    pub(crate) async fn tell(self, sink: Sink, mut stopping: Stopping) {
        loop {
            tokio::select! {
                () = self.came.notified() => {}
                () = stopping.told() => return,
            }
            let facts: Vec<Fact> = std::mem::take(&mut *self.waiting.lock()).into_iter().map(Fact::Refused).collect();
            if !facts.is_empty() {
                let header = BatchHeader { source: sink.source(), received_ns: now_ns(), ..BatchHeader::default() };
                match sink.offer(Batch::Facts(FactBatch { header, facts })) {
                    Offer::Taken => {}
                    Offer::Closed(_) => return,
                    Offer::Full(batch) => self.put_back(batch),
                }
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stopping.told() => return,
            }
        }
    }

    fn put_back(&self, batch: Batch) {
        let Batch::Facts(batch) = batch else { return };
        let newer = std::mem::take(&mut *self.waiting.lock());
        for fact in batch.facts {
            if let Fact::Refused(refusal) = fact {
                self.waiting.lock().push(refusal);
            }
        }
        for refusal in newer {
            self.add(refusal);
        }
        self.came.notify_one();
    }
}

fn short(text: String) -> String {
    if text.chars().count() <= MAX_CHARS { text } else { text.chars().take(MAX_CHARS).chain(std::iter::once('…')).collect() }
}
