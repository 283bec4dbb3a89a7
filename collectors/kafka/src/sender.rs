//! Sends records to the one cluster a permit names, each at most once, and tells what became of each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use parking_lot::Mutex;
use switchboard_model::{Outcome, OutgoingRecord, SendPermit};
use tokio::sync::{Semaphore, oneshot};

use crate::client::{self, Role};
use crate::config::Config;
use crate::delivery::outcome;
use crate::failure::{BrokerErrors, Code, Failure, describe};
use crate::native::{DeliveryQueue, DeliveryReport};
use crate::reaper;

/// How long sending may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderOptions {
    /// From queueing a record to the broker's answer. What was not answered by then is possibly persisted.
    pub delivery_timeout: Duration,
    /// From the call to the check of the cluster's id.
    pub connect_timeout: Duration,
    /// How many bytes a batch of several records may have at most, as the topic says that is sent to; `None` = as many as the library lets. A single
    /// record that is larger is sent all the same: the broker says what becomes of it.
    pub batch_bytes: Option<u64>,
}

impl Default for SenderOptions {
    /// 30 s for a record, 10 s to connect, batches as the library makes them.
    fn default() -> Self {
        Self { delivery_timeout: Duration::from_secs(30), connect_timeout: Duration::from_secs(10), batch_bytes: None }
    }
}

/// Why nothing is sent, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderRefused {
    /// The client could not be made, or the brokers did not answer.
    #[error("{detail}. {next_step}")]
    NotConnected {
        /// What failed and why.
        detail: String,
        /// What to do.
        next_step: String,
    },
    /// The brokers belong to another cluster than the permit is for.
    #[error(
        "`{source_name}` leads to cluster {found} by now, but leave was given to write to cluster {permitted}. Check the brokers in the profile, and start again"
    )]
    OtherCluster {
        /// The source.
        source_name: String,
        /// Id of the cluster that may be written to.
        permitted: String,
        /// Id of the cluster that answered.
        found: String,
    },
    /// The topic is not there; topics are never created.
    #[error("topic `{topic}` is not there, and Switchboard creates none. Check its name, or create it")]
    NoSuchTopic {
        /// The topic.
        topic: String,
    },
}

/// How many KiB may be in flight.
const ROOM_KIB: u32 = 16 * 1024;
/// How often the thread looks after cancels while no report comes.
const LOOK: Duration = Duration::from_millis(25);
/// How long after a cancel the library's own reports are waited for.
const REPORTS_WITHIN: Duration = Duration::from_millis(120);
/// How long after its time-out a report is waited for once the sender is gone.
const GRACE: Duration = Duration::from_secs(5);

/// Reports that are taken in at once: for so long a record that is to be queued waits.
const REPORTS_AT_ONCE: usize = 256;

/// A record that is in flight.
struct Waiting {
    answer: oneshot::Sender<Outcome>,
    /// What it takes of the room, KiB.
    room_kib: u32,
}

#[derive(Default)]
struct State {
    waiting: HashMap<usize, Waiting>,
    last_ticket: usize,
    cancelled_at: Option<Instant>,
}

/// What the sender shares with its thread.
struct Flight {
    /// Taken when it ends, for the reaper.
    queue: Option<DeliveryQueue>,
    state: Mutex<State>,
    room: Semaphore,
    is_left: AtomicBool,
    brokers: String,
    options: SenderOptions,
    errors: Arc<BrokerErrors>,
}

/// Sends records to one cluster. Made anew for each run, so that the cluster is checked before each. Records go out in the order they were
/// queued; each goes over the wire at most once, and what is in doubt is told as possibly persisted.
pub struct Sender {
    flight: Arc<Flight>,
    permit: SendPermit,
}

impl Sender {
    /// Makes a producer for the cluster that the permit names, and asks the brokers whether they belong to it. Nothing is sent yet.
    pub async fn connect(config: &Config, permit: SendPermit, options: SenderOptions) -> Result<Self, SenderRefused> {
        let config = config.clone();
        let (flight, permit) = on_a_thread("kafka-sender-check", move || connect(&config, permit, options)).await??;
        let reporting = Arc::clone(&flight);
        std::thread::Builder::new().name("kafka-sender".to_owned()).spawn(move || reporting.run()).map_err(|error| no_thread(&error))?;
        Ok(Self { flight, permit })
    }

    /// The permit it sends by.
    pub fn permit(&self) -> &SendPermit {
        &self.permit
    }

    /// How many partitions a topic has, as the brokers say now.
    pub async fn num_partitions(&self, topic: &str) -> Result<i32, SenderRefused> {
        let (flight, topic) = (Arc::clone(&self.flight), topic.to_owned());
        on_a_thread("kafka-sender-check", move || flight.num_partitions(&topic)).await?
    }

    /// Where a topic's partitions end, by their numbers, as the brokers say now.
    pub async fn ends(&self, topic: &str) -> Result<Vec<i64>, SenderRefused> {
        let (flight, topic) = (Arc::clone(&self.flight), topic.to_owned());
        on_a_thread("kafka-sender-check", move || flight.ends(&topic)).await?
    }

    /// Queues a record, waiting for room, and answers with what will become of it. An answer that nobody waits for changes nothing.
    pub async fn enqueue(&self, record: OutgoingRecord) -> Delivery {
        self.flight.enqueue(record).await
    }

    /// Queues a record and waits for what becomes of it. Many may be under way at the same time; they are queued in the order in which
    /// their futures are first polled.
    pub fn send(&self, record: OutgoingRecord) -> impl Future<Output = Outcome> + Send + 'static {
        let flight = Arc::clone(&self.flight);
        async move { flight.enqueue(record).await.outcome().await }
    }

    /// How many records are in flight.
    pub fn num_in_flight(&self) -> usize {
        self.flight.state.lock().waiting.len()
    }

    /// Takes back what is queued and gives up what is on its way; all of it is told within 200 ms. What comes later is not sent. Never
    /// blocks.
    pub fn cancel(&self) {
        self.flight.cancel();
    }
}

impl Drop for Sender {
    /// What is in flight still comes to its end.
    fn drop(&mut self) {
        self.flight.is_left.store(true, Ordering::Release);
    }
}

/// What will become of a record that was queued.
#[derive(Debug)]
pub struct Delivery(DeliveryState);

#[derive(Debug)]
enum DeliveryState {
    Known(Outcome),
    InFlight(oneshot::Receiver<Outcome>),
}

impl Delivery {
    /// Waits for it. Ends by itself: acknowledged, refused, cancelled or timed out.
    pub async fn outcome(self) -> Outcome {
        match self.0 {
            DeliveryState::Known(outcome) => outcome,
            DeliveryState::InFlight(answer) => answer.await.unwrap_or_else(|_| Outcome::Possibly("the sender ended before the broker answered".to_owned())),
        }
    }
}

fn connect(config: &Config, permit: SendPermit, options: SenderOptions) -> Result<(Arc<Flight>, SendPermit), SenderRefused> {
    let deadline = Instant::now() + options.connect_timeout;
    if !reaper::admit(&|| Instant::now() >= deadline) {
        let (detail, next_step) = ("Too many clients wait to be destroyed", "Wait a little, and start again");
        return Err(SenderRefused::NotConnected { detail: detail.to_owned(), next_step: next_step.to_owned() });
    }
    let errors = Arc::new(BrokerErrors::default());
    let producer = client::make(config, Role::Send { delivery_timeout: options.delivery_timeout, batch_bytes: options.batch_bytes }, &errors)?;
    let queue = DeliveryQueue::new(producer).map_err(|error| describe(&config.brokers, &error))?;
    let state = Mutex::new(State::default());
    let room = Semaphore::new(ROOM_KIB as usize);
    // From here on the producer ends on the reaper's threads.
    let flight = Arc::new(Flight {
        queue: Some(queue),
        state,
        room,
        is_left: AtomicBool::new(false),
        brokers: config.brokers.clone(),
        options,
        errors: Arc::clone(&errors),
    });
    // What the client asks for by itself is served in between: without its token it connects to nobody.
    let found = loop {
        flight.hear();
        let left = deadline.saturating_duration_since(Instant::now());
        let found = flight.queue().client().fetch_cluster_id(left.min(LOOK)).filter(|id| !id.is_empty());
        if found.is_some() || left.is_zero() {
            break found;
        }
    };
    let Some(found) = found else {
        flight.hear();
        let failure = errors.explain(&config.brokers, None);
        return Err(failure.map_or_else(
            || SenderRefused::NotConnected {
                detail: format!("{} did not tell the cluster's id within {} s", config.brokers, options.connect_timeout.as_secs()),
                next_step: "Check that the brokers are up and reachable from this machine".to_owned(),
            },
            SenderRefused::from,
        ));
    };
    if found != permit.cluster_id() {
        return Err(SenderRefused::OtherCluster { source_name: permit.name().to_owned(), permitted: permit.cluster_id().to_owned(), found });
    }
    Ok((flight, permit))
}

impl Flight {
    /// The producer's queue, which is there until the flight goes.
    fn queue(&self) -> &DeliveryQueue {
        self.queue.as_ref().expect("taken only when the flight goes")
    }

    /// Takes in what the client says by itself, as far as it is there.
    fn hear(&self) {
        while self.poll(Duration::ZERO) {}
    }

    fn poll(&self, timeout: Duration) -> bool {
        let mut reports = Vec::new();
        let was_there = self.queue().poll(timeout, &mut reports, |event| self.errors.hear(event));
        reports.chunks(REPORTS_AT_ONCE).for_each(|reports| self.settle(reports));
        was_there
    }

    fn num_partitions(&self, topic: &str) -> Result<i32, SenderRefused> {
        let client = self.queue().client();
        let metadata = client.fetch_metadata(Some(topic), self.options.connect_timeout).map_err(|error| describe(&self.brokers, &error.into()))?;
        let told = metadata.topics().iter().find(|told| told.name() == topic && told.error().is_none());
        let num_partitions = told.map_or(0, |told| i32::try_from(told.partitions().len()).unwrap_or(i32::MAX));
        if num_partitions == 0 { Err(SenderRefused::NoSuchTopic { topic: topic.to_owned() }) } else { Ok(num_partitions) }
    }

    fn ends(&self, topic: &str) -> Result<Vec<i64>, SenderRefused> {
        let num_partitions = self.num_partitions(topic)?;
        let deadline = Instant::now() + self.options.connect_timeout;
        let mut ends = Vec::new();
        for partition in 0..num_partitions {
            let left = deadline.saturating_duration_since(Instant::now());
            let watermarks = self.queue().client().fetch_watermarks(topic, partition, left);
            ends.push(watermarks.map_err(|error| describe(&self.brokers, &error.into()))?.1);
        }
        Ok(ends)
    }

    async fn enqueue(&self, record: OutgoingRecord) -> Delivery {
        let known = |outcome| Delivery(DeliveryState::Known(outcome));
        let room_kib = u32::try_from(record.size_bytes().div_ceil(1024)).unwrap_or(u32::MAX).clamp(1, ROOM_KIB);
        let Ok(room) = self.room.acquire_many(room_kib).await else {
            return known(Outcome::NotDone("cancelled before it was sent".to_owned()));
        };
        let mut state = self.state.lock();
        if state.cancelled_at.is_some() {
            return known(Outcome::NotDone("cancelled before it was sent".to_owned()));
        }
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        // Queued under the lock, so that no cancel comes in between.
        if let Err(error) = self.queue().enqueue(ticket, &record) {
            return known(Outcome::NotDone(format!("not queued: {}", error.text)));
        }
        let (answer, answered) = oneshot::channel();
        state.waiting.insert(ticket, Waiting { answer, room_kib });
        // Given back when it is settled.
        room.forget();
        Delivery(DeliveryState::InFlight(answered))
    }

    fn cancel(&self) {
        {
            let mut state = self.state.lock();
            if state.cancelled_at.is_some() {
                return;
            }
            state.cancelled_at = Some(Instant::now());
        }
        self.room.close();
        self.queue().purge();
    }

    fn settle(&self, reports: &[DeliveryReport]) {
        let waiting: Vec<Option<Waiting>> = {
            let mut state = self.state.lock();
            reports.iter().map(|report| state.waiting.remove(&report.ticket)).collect()
        };
        let mut room_kib = 0;
        for (report, waiting) in reports.iter().zip(waiting) {
            if report.code != Code::NONE {
                tracing::debug!(code = report.code.0, "a record was not acknowledged");
            }
            if let Some(waiting) = waiting {
                room_kib += waiting.room_kib as usize;
                let _ = waiting.answer.send(outcome(report));
            }
        }
        self.room.add_permits(room_kib);
    }

    /// Tells all that is in flight the same.
    fn settle_all(&self, why: &str) {
        let waiting = std::mem::take(&mut self.state.lock().waiting);
        let mut room_kib = 0;
        for (_, waiting) in waiting {
            room_kib += waiting.room_kib as usize;
            let _ = waiting.answer.send(Outcome::Possibly(why.to_owned()));
        }
        self.room.add_permits(room_kib);
    }

    /// Hands reports out until the sender is gone and nothing is in flight.
    fn run(&self) {
        let mut left_at = None;
        loop {
            self.poll(LOOK);
            let cancelled_at = self.state.lock().cancelled_at;
            if cancelled_at.is_some_and(|at| at.elapsed() >= REPORTS_WITHIN) {
                self.settle_all("cancelled, and the client did not say how far it was");
            }
            if !self.is_left.load(Ordering::Acquire) {
                continue;
            }
            let left_at = *left_at.get_or_insert_with(Instant::now);
            if left_at.elapsed() > self.options.delivery_timeout + GRACE {
                self.settle_all("the client did not say what became of it");
            }
            if self.state.lock().waiting.is_empty() {
                return;
            }
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            reaper::retire(Box::new(queue));
        }
    }
}

impl From<Failure> for SenderRefused {
    fn from(failure: Failure) -> Self {
        Self::NotConnected { detail: failure.detail, next_step: failure.next_step }
    }
}

fn no_thread(error: &std::io::Error) -> SenderRefused {
    let next_step = "Raise the limit on threads of this user".to_owned();
    SenderRefused::NotConnected { detail: format!("No thread could be started: {error}"), next_step }
}

/// Makes a call that blocks, away from the runtime's threads.
async fn on_a_thread<T: Send + 'static>(name: &str, call: impl FnOnce() -> T + Send + 'static) -> Result<T, SenderRefused> {
    let (answer, answered) = oneshot::channel();
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _ = answer.send(call());
    });
    spawned.map_err(|error| no_thread(&error))?;
    answered.await.map_err(|_| {
        let (detail, next_step) = ("The check ended unexpectedly".to_owned(), "Try again".to_owned());
        SenderRefused::NotConnected { detail, next_step }
    })
}
