//! The queue between collectors and engine: bounded in bytes, counted in items, never silent.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::{Batch, ItemKind, Redactor, SourceId, SourceStatus};

/// Makes a queue that holds at most `capacity_bytes` of batches (one larger batch is taken when it is empty).
pub fn channel(capacity_bytes: usize) -> (Intake, Outlet) {
    let shared =
        Arc::new(Shared { capacity_bytes, queue: Mutex::new(Queue::default()), filled: Condvar::new(), drained: Condvar::new(), redactor: OnceLock::new() });
    (Intake { shared: Arc::clone(&shared) }, Outlet { shared })
}

/// What a source brought in, per kind of item, as the queue saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntakeCounts {
    /// Items that arrived, whatever became of them.
    pub received: [u64; ItemKind::ALL.len()],
    /// Items that were turned away with an answer that says so.
    pub refused: [u64; ItemKind::ALL.len()],
    /// Items that were counted and not kept, as meant (metrics, own polls).
    pub folded: [u64; ItemKind::ALL.len()],
    /// Items that wait in the queue.
    pub queued: [u64; ItemKind::ALL.len()],
    /// Requests that could not be decoded at all, so that their items have no number.
    pub undecodable_requests: u64,
    /// Bytes of such requests.
    pub undecodable_bytes: u64,
}

#[derive(Default)]
struct Counters {
    received: [AtomicU64; ItemKind::ALL.len()],
    refused: [AtomicU64; ItemKind::ALL.len()],
    folded: [AtomicU64; ItemKind::ALL.len()],
    queued: [AtomicU64; ItemKind::ALL.len()],
    undecodable_requests: AtomicU64,
    undecodable_bytes: AtomicU64,
}

fn read(counters: &[AtomicU64; ItemKind::ALL.len()]) -> [u64; ItemKind::ALL.len()] {
    std::array::from_fn(|at| counters[at].load(Ordering::SeqCst))
}

struct Gate {
    source: SourceId,
    open: AtomicBool,
    counters: Counters,
}

#[derive(Default)]
struct Queue {
    batches: VecDeque<(Arc<Gate>, Batch, usize)>,
    num_bytes: usize,
    statuses: VecDeque<SourceStatus>,
    gates: HashMap<SourceId, Vec<Arc<Gate>>>,
    woken: bool,
    outlet_gone: bool,
}

struct Shared {
    capacity_bytes: usize,
    queue: Mutex<Queue>,
    filled: Condvar,
    drained: Condvar,
    /// Takes secrets out of facts and states, whichever collector they come from.
    redactor: OnceLock<Arc<Redactor>>,
}

/// The session's end of the queue: makes sinks, shuts them, reads their counts.
#[derive(Clone)]
pub struct Intake {
    shared: Arc<Shared>,
}

impl Intake {
    /// From now on facts and states hold no secrets. The first redactor that is given counts.
    pub fn redact_with(&self, redactor: Arc<Redactor>) {
        self.shared.redactor.get_or_init(|| redactor);
    }

    /// A sink for a source. A source that was closed and is opened again gets a new one; its counts go on.
    pub fn sink(&self, source: SourceId) -> Sink {
        let gate = Arc::new(Gate { source, open: AtomicBool::new(true), counters: Counters::default() });
        self.shared.queue.lock().gates.entry(source).or_default().push(Arc::clone(&gate));
        Sink { shared: Arc::clone(&self.shared), gate }
    }

    /// Shuts all sinks of a source: no batch and no status of it comes after this returns.
    pub fn close(&self, source: SourceId) {
        let queue = self.shared.queue.lock();
        for gate in queue.gates.get(&source).into_iter().flatten() {
            gate.open.store(false, Ordering::SeqCst);
        }
        self.shared.drained.notify_all();
    }

    /// What the sources brought in so far, by source.
    pub fn counts(&self) -> Vec<(SourceId, IntakeCounts)> {
        let queue = self.shared.queue.lock();
        let mut all: Vec<(SourceId, IntakeCounts)> = queue
            .gates
            .iter()
            .map(|(source, gates)| {
                let mut sum = IntakeCounts::default();
                for gate in gates {
                    let counters = &gate.counters;
                    for (total, part) in [
                        (&mut sum.received, &counters.received),
                        (&mut sum.refused, &counters.refused),
                        (&mut sum.folded, &counters.folded),
                        (&mut sum.queued, &counters.queued),
                    ] {
                        for (total, part) in total.iter_mut().zip(read(part)) {
                            *total += part;
                        }
                    }
                    sum.undecodable_requests += counters.undecodable_requests.load(Ordering::SeqCst);
                    sum.undecodable_bytes += counters.undecodable_bytes.load(Ordering::SeqCst);
                }
                (*source, sum)
            })
            .collect();
        all.sort_by_key(|(source, _)| *source);
        all
    }

    /// How many bytes wait.
    pub fn num_bytes_queued(&self) -> usize {
        self.shared.queue.lock().num_bytes
    }
}

/// What became of an offer.
#[derive(Debug)]
pub enum Offer {
    /// Queued.
    Taken,
    /// No room: the batch comes back, nothing is counted.
    Full(Batch),
    /// The source was closed or the engine has ended: the batch comes back, nothing is counted.
    Closed(Batch),
}

/// A collector's end of the queue. Cheap to clone.
#[derive(Clone)]
pub struct Sink {
    shared: Arc<Shared>,
    gate: Arc<Gate>,
}

impl Sink {
    /// The source this sink belongs to.
    pub fn source(&self) -> SourceId {
        self.gate.source
    }

    /// Queues a batch if there is room for it now, and counts its items as received.
    pub fn offer(&self, batch: Batch) -> Offer {
        let batch = self.clean(batch);
        let size_bytes = batch.size_bytes();
        let mut queue = self.shared.queue.lock();
        if queue.outlet_gone || !self.gate.open.load(Ordering::SeqCst) {
            return Offer::Closed(batch);
        }
        if queue.num_bytes > 0 && queue.num_bytes + size_bytes > self.shared.capacity_bytes {
            return Offer::Full(batch);
        }
        self.push(&mut queue, batch, size_bytes);
        Offer::Taken
    }

    /// Queues a batch, waiting for room at most so long. For threads of a client library; async code offers again
    /// after a short sleep.
    pub fn offer_within(&self, batch: Batch, timeout: Duration) -> Offer {
        let batch = self.clean(batch);
        let size_bytes = batch.size_bytes();
        let deadline = Instant::now() + timeout;
        let mut queue = self.shared.queue.lock();
        loop {
            if queue.outlet_gone || !self.gate.open.load(Ordering::SeqCst) {
                return Offer::Closed(batch);
            }
            if queue.num_bytes == 0 || queue.num_bytes + size_bytes <= self.shared.capacity_bytes {
                self.push(&mut queue, batch, size_bytes);
                return Offer::Taken;
            }
            if self.shared.drained.wait_until(&mut queue, deadline).timed_out() {
                return Offer::Full(batch);
            }
        }
    }

    fn clean(&self, mut batch: Batch) -> Batch {
        if let Some(redactor) = self.shared.redactor.get() {
            redactor.clean_batch(&mut batch);
        }
        batch
    }

    fn push(&self, queue: &mut Queue, batch: Batch, size_bytes: usize) {
        if let Some(kind) = batch.item_kind() {
            self.gate.counters.received[kind.index()].fetch_add(batch.num_items(), Ordering::SeqCst);
            self.gate.counters.queued[kind.index()].fetch_add(batch.num_items(), Ordering::SeqCst);
        }
        queue.num_bytes += size_bytes;
        queue.batches.push_back((Arc::clone(&self.gate), batch, size_bytes));
        self.shared.filled.notify_one();
    }

    /// Whether a batch of this size would find room now.
    pub fn has_room(&self, size_bytes: usize) -> bool {
        let queue = self.shared.queue.lock();
        queue.num_bytes == 0 || queue.num_bytes + size_bytes <= self.shared.capacity_bytes
    }

    /// Counts items that arrived and were turned away with an answer that says so.
    pub fn refuse(&self, kind: ItemKind, num_items: u64) {
        self.gate.counters.received[kind.index()].fetch_add(num_items, Ordering::SeqCst);
        self.gate.counters.refused[kind.index()].fetch_add(num_items, Ordering::SeqCst);
    }

    /// Counts items that arrived and are folded: counted and not kept, as meant.
    pub fn fold(&self, kind: ItemKind, num_items: u64) {
        self.gate.counters.received[kind.index()].fetch_add(num_items, Ordering::SeqCst);
        self.gate.counters.folded[kind.index()].fetch_add(num_items, Ordering::SeqCst);
    }

    /// Counts a request that could not be decoded.
    pub fn undecodable(&self, size_bytes: u64) {
        self.gate.counters.undecodable_requests.fetch_add(1, Ordering::SeqCst);
        self.gate.counters.undecodable_bytes.fetch_add(size_bytes, Ordering::SeqCst);
    }

    /// Says how the source is doing. Never refused for want of room: of a source only the newest waits.
    pub fn status(&self, mut status: SourceStatus) {
        if let Some(redactor) = self.shared.redactor.get() {
            redactor.clean_status(&mut status);
        }
        let mut queue = self.shared.queue.lock();
        if queue.outlet_gone || !self.gate.open.load(Ordering::SeqCst) {
            return;
        }
        queue.statuses.retain(|waiting| waiting.source != status.source);
        queue.statuses.push_back(status);
        self.shared.filled.notify_one();
    }

    /// Whether the session closed this source: the collector should end.
    pub fn is_closed(&self) -> bool {
        !self.gate.open.load(Ordering::SeqCst)
    }
}

/// One thing that comes out of the queue.
#[derive(Debug)]
pub enum Input {
    /// A batch.
    Batch(Batch),
    /// How a source is doing.
    Status(SourceStatus),
}

/// Wakes the engine's thread from its wait.
#[derive(Clone)]
pub struct Waker {
    shared: Arc<Shared>,
}

impl Waker {
    /// Ends the outlet's wait at once.
    pub fn wake(&self) {
        self.shared.queue.lock().woken = true;
        self.shared.filled.notify_one();
    }
}

/// The engine's end of the queue.
pub struct Outlet {
    shared: Arc<Shared>,
}

impl Outlet {
    /// Takes the next input, waiting at most so long. `None` after the time, or when woken.
    pub fn recv(&mut self, timeout: Duration) -> Option<Input> {
        let deadline = Instant::now() + timeout;
        let mut queue = self.shared.queue.lock();
        loop {
            if let Some(status) = queue.statuses.pop_front() {
                return Some(Input::Status(status));
            }
            if let Some((gate, batch, size_bytes)) = queue.batches.pop_front() {
                queue.num_bytes -= size_bytes;
                if let Some(kind) = batch.item_kind() {
                    gate.counters.queued[kind.index()].fetch_sub(batch.num_items(), Ordering::SeqCst);
                }
                self.shared.drained.notify_all();
                return Some(Input::Batch(batch));
            }
            if std::mem::take(&mut queue.woken) || self.shared.filled.wait_until(&mut queue, deadline).timed_out() {
                return None;
            }
        }
    }

    /// A handle that ends the wait.
    pub fn waker(&self) -> Waker {
        Waker { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.shared.queue.lock().outlet_gone = true;
        self.shared.drained.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchHeader, Fact, FactBatch, HealthFact, HealthState};

    fn batch(num_facts: usize) -> Batch {
        let fact = Fact::Health(HealthFact { endpoint: "e".into(), service: None, asked: String::new(), state: HealthState::Serving });
        Batch::Facts(FactBatch { header: BatchHeader::default(), facts: vec![fact; num_facts] })
    }

    #[test]
    fn full_is_told_and_every_item_is_counted() {
        let (intake, mut outlet) = channel(batch(4).size_bytes() * 2);
        let sink = intake.sink(SourceId(1));
        assert!(matches!(sink.offer(batch(4)), Offer::Taken));
        assert!(matches!(sink.offer(batch(4)), Offer::Taken));
        assert!(matches!(sink.offer(batch(4)), Offer::Full(_)));
        sink.refuse(ItemKind::Fact, 4);
        assert!(outlet.recv(Duration::ZERO).is_some());
        let counts = intake.counts()[0].1;
        let fact = ItemKind::Fact.index();
        assert_eq!((counts.received[fact], counts.refused[fact], counts.queued[fact]), (12, 4, 4));
    }

    #[test]
    fn nothing_passes_a_closed_gate() {
        let (intake, mut outlet) = channel(1 << 20);
        let sink = intake.sink(SourceId(1));
        intake.close(SourceId(1));
        assert!(matches!(sink.offer(batch(1)), Offer::Closed(_)));
        assert!(outlet.recv(Duration::ZERO).is_none());
        let again = intake.sink(SourceId(1));
        assert!(matches!(again.offer(batch(1)), Offer::Taken));
        assert!(sink.is_closed());
    }

    #[test]
    fn a_waiting_offer_goes_on_when_there_is_room() {
        let (intake, mut outlet) = channel(batch(4).size_bytes());
        let sink = intake.sink(SourceId(1));
        assert!(matches!(sink.offer(batch(4)), Offer::Taken));
        let waiting = std::thread::spawn(move || sink.offer_within(batch(4), Duration::from_secs(30)));
        assert!(outlet.recv(Duration::from_secs(1)).is_some());
        assert!(matches!(waiting.join().expect("no panic"), Offer::Taken));
    }
}
