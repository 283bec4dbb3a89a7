//! Records on their way. They go in blocks, each written down before any of it goes; while one is on its way the next is made and written down, and so
//! is what became of those before: neither broker nor disk waits for the other.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use switchboard_model::{FailureKind, Outcome, OutgoingRecord, Progress, Receipt, Route};
use tokio::time::Instant;

use super::Office;
use super::live::SHOW_EVERY;
use super::records::Counts;
use super::sending::{OnTheBoard, Stop, make_plan, random};
use crate::ledger::{ComposedIntent, HashKey, Ledger, LedgerError, RunId, SendId, Settled, Settlement, TargetKind};
use crate::operations::Teller;
use crate::send::access::{Queued, RecordSender, Waiting};
use crate::send::board::Status;
use crate::send::command::SendAsk;
use crate::send::plan::{Files, Plan, Planned};
use crate::send::rows::Rows;

/// Records of which the intents share a commit, at most.
const BLOCK: u64 = 2_000;
/// Bytes of them, about.
const BLOCK_BYTES: u64 = 8 << 20;
/// Blocks of which not every outcome is on the disk: one that is made, one that is written down, some that are on their way, and one whose outcomes are
/// written down. So much is held, and but for the first one in doubt where the program is killed.
const MAX_BLOCKS: usize = 6;
/// So long before the first of it is to go a block is made.
const AHEAD: Duration = Duration::from_millis(100);
/// Records that are queued before anything else is looked at.
const MAX_QUEUED_AT_ONCE: usize = 64;
/// All that is on its way comes back within 200 ms of a cancel; what does not is taken for possibly written after this long.
const CANCEL_GUARD: Duration = Duration::from_millis(190);

const NOT_SENT: &str = "cancelled before it was sent";

/// Makes the records of a draft one after another.
pub(super) struct Maker {
    pub office: Arc<Office>,
    pub ask: SendAsk,
    pub files: Files,
    pub rows: Arc<Rows>,
    /// The one that was planned: what it carries stands on the board.
    pub first: Plan,
    pub send_name: String,
    pub hash_key: HashKey,
}

/// Records that are made, each with what is written down of it.
type Block = Vec<(ComposedIntent, OutgoingRecord)>;

impl Maker {
    /// Makes these, or as many of the first of them as are of so many bytes.
    fn block(&self, copies: RangeInclusive<u64>) -> Result<Block, Stop> {
        random().map_err(Stop::refused)?;
        let (named, at_ns) = (self.office.variables(&self.ask), self.office.now_ns());
        let made = |copy: u64| {
            let plan = if copy == 1 { self.first.clone() } else { make_plan(&self.office, &self.ask, &named, &self.files, &self.rows, copy)? };
            let Planned::Record(planned) = plan.what else { return Err(Stop::refused("this is no record")) };
            let record = planned.record;
            let intent = ComposedIntent {
                target_kind: TargetKind::Channel,
                target: record.channel.clone(),
                call: String::new(),
                partition: if let Route::Partition(partition) = record.route { Some(partition) } else { None },
                hash: format!("{:032x}", self.hash_key.hash(&record).0),
                size_bytes: record.size_bytes() as u64,
                send_name: format!("{}.{copy}", self.send_name),
                at_ns,
            };
            Ok((intent, record))
        };
        let (mut block, mut num_bytes) = (Block::new(), 0);
        for copy in copies {
            let one = made(copy)?;
            num_bytes += one.0.size_bytes;
            block.push(one);
            if num_bytes >= BLOCK_BYTES {
                break;
            }
        }
        Ok(block)
    }
}

/// One that is queued, or has left.
struct InTheAir {
    send_id: SendId,
    outcome: Waiting<Outcome>,
}

impl Future for InTheAir {
    type Output = (SendId, Outcome);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.outcome.as_mut().poll(context).map(|outcome| (self.send_id, outcome))
    }
}

/// Records that may go, each with its line.
type MayGo = Vec<(SendId, OutgoingRecord)>;

/// Records on their way.
pub(super) struct Flight<'a> {
    maker: Arc<Maker>,
    ledger: &'a Ledger,
    run_id: RunId,
    sender: Arc<dyn RecordSender>,
    shown: &'a OnTheBoard,
    pub(super) counts: Counts,
    rate_per_s: u32,
    /// When the next one is to go.
    due: Instant,
    /// Written down, and not queued yet.
    waiting: VecDeque<(SendId, OutgoingRecord)>,
    /// The one that waits for room: those after it wait until it is queued, so that they go in their order.
    queueing: Option<(SendId, Waiting<Queued>)>,
    flying: FuturesUnordered<InTheAir>,
    /// What became of those that ended, as long as that is not written down.
    settled: Vec<(SendId, Settlement)>,
    /// Whether the ledger did not take something: nothing more goes.
    is_stopped: bool,
}

impl<'a> Flight<'a> {
    pub(super) fn new(maker: Maker, ledger: &'a Ledger, run_id: RunId, sender: Arc<dyn RecordSender>, shown: &'a OnTheBoard, rate_per_s: u32) -> Self {
        Self {
            maker: Arc::new(maker),
            ledger,
            run_id,
            sender,
            shown,
            counts: Counts::default(),
            rate_per_s,
            due: Instant::now(),
            waiting: VecDeque::new(),
            queueing: None,
            flying: FuturesUnordered::new(),
            settled: Vec::new(),
            is_stopped: false,
        }
    }

    /// Sends all of them, until it is told to stop.
    pub(super) async fn all(&mut self, num: u64, teller: &Teller<()>) -> Result<(), Stop> {
        // A block is what goes in half a second, so that little was written down that is not sent where it stops.
        let block = u64::from(self.rate_per_s / 2).min(BLOCK).min(BLOCK_BYTES / self.maker.first.size_bytes().max(1)).max(1);
        // How many were made, of how many all is written down, and where blocks end of which it is not.
        let (mut num_made, mut num_done, mut ends) = (0, 0, VecDeque::new());
        let (mut went, mut cancelled_at) = (Ok(()), None);
        let (mut making, mut made): (Option<Waiting<Result<Block, Stop>>>, Option<Block>) = (None, None);
        let mut intending: Option<Waiting<Result<MayGo, LedgerError>>> = None;
        let mut writing: Option<(u64, Waiting<Result<(), LedgerError>>)> = None;
        let mut looks = tokio::time::interval(SHOW_EVERY);
        let cancelled = teller.cancelled();
        tokio::pin!(cancelled);
        loop {
            if cancelled_at.is_some() || self.is_stopped {
                (making, made) = (None, None);
            }
            let is_last = went.is_err() || cancelled_at.is_some() || num_made == num;
            let may_make = making.is_none() && made.is_none() && !is_last && ends.len() < MAX_BLOCKS;
            let next_due = self.due + self.step() * u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
            let make_at = next_due.checked_sub(AHEAD).unwrap_or(next_due);
            if may_make && make_at <= Instant::now() {
                making = Some(self.make(num_made + 1..=(num_made + block).min(num)));
            }
            if intending.is_none()
                && let Some(block) = made.take()
            {
                intending = Some(self.intend(block));
            }
            let have_landed = self.waiting.is_empty() && self.queueing.is_none() && self.flying.is_empty();
            if writing.is_none() && !self.settled.is_empty() && (have_landed || self.settled.len() as u64 >= block) {
                let (settled, ledger) = (std::mem::take(&mut self.settled), self.ledger.clone());
                writing = Some((settled.len() as u64, Box::pin(async move { ledger.settle_composed(settled).await })));
            }
            if have_landed && writing.is_none() && making.is_none() && intending.is_none() && is_last {
                return went;
            }
            tokio::select! {
                biased;
                () = &mut cancelled, if cancelled_at.is_none() => {
                    cancelled_at = Some(Instant::now());
                    self.give_up(NOT_SENT);
                    self.sender.cancel();
                }
                done = pending(making.as_mut()), if making.is_some() => {
                    making = None;
                    match done {
                        Ok(block) => {
                            num_made += block.len() as u64;
                            ends.push_back(num_made);
                            made = Some(block);
                        }
                        // All that was made before goes.
                        Err(stop) => went = went.and(Err(stop)),
                    }
                }
                intended = pending(intending.as_mut()), if intending.is_some() => {
                    intending = None;
                    match intended {
                        Ok(may_go) => {
                            self.waiting.extend(may_go);
                            if cancelled_at.is_some() {
                                self.give_up(NOT_SENT);
                            } else if let (true, Err(stop)) = (self.is_stopped, &went) {
                                self.give_up(&stop.reason());
                            }
                        }
                        Err(error) => self.stop(&error, &mut went),
                    }
                }
                written = pending(writing.as_mut().map(|(_, written)| written)), if writing.is_some() => {
                    num_done += writing.take().map_or(0, |(num, _)| num);
                    while ends.front().is_some_and(|end| *end <= num_done) {
                        ends.pop_front();
                    }
                    match written {
                        Ok(()) => teller.progress(Progress { done: num_done, total: Some(num), unit: "records" }),
                        Err(error) => {
                            self.counts.unwritten(&error);
                            self.stop(&error, &mut went);
                        }
                    }
                }
                Some(landed) = self.flying.next(), if !self.flying.is_empty() => {
                    self.land(landed);
                    while let Poll::Ready(Some(landed)) = futures::poll!(self.flying.next()) {
                        self.land(landed);
                    }
                }
                queued = pending(self.queueing.as_mut().map(|(_, queueing)| queueing)), if self.queueing.is_some() => {
                    if let Some((send_id, _)) = self.queueing.take() {
                        self.fly(send_id, queued);
                    }
                }
                () = until(self.due), if !self.waiting.is_empty() && self.queueing.is_none() => self.queue_what_is_due().await,
                () = until(make_at), if may_make && making.is_none() => {}
                () = until(cancelled_at.map_or(self.due, |at| at + CANCEL_GUARD)), if cancelled_at.is_some() && !self.flying.is_empty() => {
                    for one in std::mem::take(&mut self.flying) {
                        self.land((one.send_id, Outcome::Possibly("cancelled, and it was not told in time how far it was".to_owned())));
                    }
                }
                _ = looks.tick() => self.shown.look(),
            }
        }
    }

    /// Makes records, away from the runtime's threads.
    fn make(&self, copies: RangeInclusive<u64>) -> Waiting<Result<Block, Stop>> {
        let maker = Arc::clone(&self.maker);
        let failed = |_| Err(Stop::Refused(FailureKind::Internal, "the program itself failed".to_owned()));
        Box::pin(async move { tokio::task::spawn_blocking(move || maker.block(copies)).await.unwrap_or_else(failed) })
    }

    /// Writes down that these are about to go.
    fn intend(&self, block: Block) -> Waiting<Result<MayGo, LedgerError>> {
        let (ledger, run_id) = (self.ledger.clone(), self.run_id);
        Box::pin(async move {
            let (intents, records): (Vec<ComposedIntent>, Vec<OutgoingRecord>) = block.into_iter().unzip();
            Ok(ledger.intend_composed(run_id, intents).await?.into_iter().zip(records).collect())
        })
    }

    /// The ledger does not take what it is to take, so nothing more goes.
    fn stop(&mut self, error: &LedgerError, went: &mut Result<(), Stop>) {
        let reason = error.to_string();
        self.is_stopped = true;
        self.give_up(&reason);
        if went.is_ok() {
            *went = Err(Stop::Refused(FailureKind::Internal, reason));
        }
    }

    /// What is not queued yet does not go.
    fn give_up(&mut self, reason: &str) {
        let queueing = self.queueing.take().map(|(send_id, _)| send_id);
        let waiting = std::mem::take(&mut self.waiting).into_iter().map(|(send_id, _)| send_id);
        for send_id in queueing.into_iter().chain(waiting) {
            self.land((send_id, Outcome::NotDone(reason.to_owned())));
        }
    }

    /// Between two of them.
    fn step(&self) -> Duration {
        Duration::from_secs(1) / self.rate_per_s
    }

    async fn queue_what_is_due(&mut self) {
        let now = Instant::now();
        for _ in 0..MAX_QUEUED_AT_ONCE {
            if self.due > now {
                return;
            }
            let Some((send_id, record)) = self.waiting.pop_front() else { return };
            self.due += self.step();
            let mut queueing = self.sender.queue(record);
            match futures::poll!(&mut queueing) {
                Poll::Ready(queued) => self.fly(send_id, queued),
                Poll::Pending => {
                    self.queueing = Some((send_id, queueing));
                    return;
                }
            }
        }
    }

    fn fly(&mut self, send_id: SendId, queued: Queued) {
        self.flying.push(InTheAir { send_id, outcome: Box::pin(queued.outcome()) });
    }

    fn land(&mut self, (send_id, outcome): (SendId, Outcome)) {
        self.counts.count(&outcome);
        if let Outcome::Done(Receipt::Persisted { at }) = &outcome {
            self.shown.live.persisted(Status::Persisted { at: at.clone() }, self.counts.num_persisted());
        }
        self.settled.push((send_id, Settlement { settled: Settled::Tried(outcome), at_ns: self.maker.office.now_ns() }));
    }
}

/// Waits for something that is under way; where nothing is, for ever.
async fn pending<T>(under_way: Option<&mut Waiting<T>>) -> T {
    match under_way {
        Some(waiting) => waiting.await,
        None => poll_fn(|_| Poll::Pending).await,
    }
}

/// Waits until then; not at all where that is over.
async fn until(at: Instant) {
    if at > Instant::now() {
        tokio::time::sleep_until(at).await;
    }
}
