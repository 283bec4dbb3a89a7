//! Records, carried: in blocks, of which each is written down before any of it goes, at the rate that was asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{FailureKind, Outcome, OutgoingRecord, Progress, Receipt, Route};
use tokio::task::JoinSet;

use super::leave::Way;
use super::live::SHOW_EVERY;
use super::replies::Awaiting;
use super::sending::{OnTheBoard, Ready, Sending, Stop, send_name};
use crate::ledger::{ComposedIntent, Ending, Ledger, LedgerError, NewRun, RunId, RunLock, SendId, Settled, Settlement, TargetKind};
use crate::operations::Teller;
use crate::send::access::{Queued, RecordSender, Waiting};
use crate::send::board::Status;
use crate::send::draft::Request;
use crate::send::plan::Planned;

/// Records of which the intents share a commit, at most.
const BLOCK: u64 = 2_000;
/// Bytes of them, about: all of a block are held at once.
const BLOCK_BYTES: u64 = 64 << 20;
/// The most that may be asked for in a second.
const RATE_MAX: u32 = 100_000;
/// All that is on its way comes back within 200 ms of a cancel; what does not is taken for possibly written after this long.
const CANCEL_GUARD: Duration = Duration::from_millis(190);

impl Sending {
    pub(super) async fn carry_records(&self, ready: Ready, ledger: &Ledger, teller: &Teller<()>) -> Result<(), Stop> {
        let (Way::Cluster(reach, cluster_id), Planned::Record(first), Request::Record(draft)) = (&ready.way, &ready.plan.what, &self.ask.draft.request) else {
            return Err(Stop::refused("this is no record"));
        };
        let unwritten = |error: LedgerError| Stop::Refused(FailureKind::Internal, error.to_string());
        // One record by hand is no run; several keep to themselves what a cluster bears.
        let held = cluster_id.as_deref().unwrap_or_else(|| reach.name());
        let _lock = if ready.num > 1 { Some(RunLock::take(ledger.path(), held).map_err(Stop::refused)?) } else { None };
        let send_name = send_name()?;
        let run: NewRun = self.new_run(&ready, &send_name);
        let run_id = ledger.begin_run(run).await.map_err(unwritten)?;
        let shown = self.shows(&ready, false);
        let connecting = async {
            // One by itself makes no batch that could be too large.
            let size_limit = if ready.num > 1 { reach.access().size_limit(&first.record.channel).await.ok() } else { None };
            let sender = reach.access().connect(cluster_id.clone(), None, size_limit).await?;
            let num_partitions = sender.num_partitions(&first.record.channel).await?;
            if let Route::Partition(partition) = first.record.route
                && partition >= num_partitions
            {
                return Err(format!("{} has the partitions 0 to {}, and no {partition}", first.record.channel, num_partitions - 1));
            }
            Ok::<_, String>(sender)
        };
        let connected = tokio::select! {
            biased;
            () = teller.cancelled() => Err("cancelled before anything was sent".to_owned()),
            connected = connecting => connected,
        };
        let sender = match connected {
            Ok(sender) => sender,
            Err(reason) => {
                let ended = ledger.end_run(run_id, Ending::Halted, &reason, self.office.now_ns()).await.map_err(unwritten);
                shown.settle(Settled::Tried(Outcome::NotDone(reason.clone())));
                return ended.and(Err(Stop::Refused(FailureKind::Connect, reason)));
            }
        };
        let awaiting = match &first.reply {
            Some(reply) => Some(Awaiting::begin(&self.office, reach.name(), reply, teller).await),
            None => None,
        };
        let mut flight = Flight { sending: self, ready: &ready, ledger, run_id, send_name: &send_name, sender, shown: &shown, counts: Counts::default() };
        let went = flight.all(ready.num, draft.rate_per_s.clamp(1, RATE_MAX), teller).await;
        if let Err(stop) = &went {
            flight.counts.stop(stop);
        }
        let (ending, reason) = match &went {
            Ok(()) if teller.is_cancelled() => (Ending::Stopped, String::new()),
            Ok(()) => (Ending::Finished, String::new()),
            Err(Stop::Refused(_, reason)) => (Ending::Halted, reason.clone()),
            Err(Stop::Mistake(mistake)) => (Ending::Halted, mistake.to_string()),
            Err(Stop::Asks(_)) => (Ending::Halted, String::new()),
        };
        let settled = flight.counts.settled();
        let sender = Arc::clone(&flight.sender);
        let ended = ledger.end_run(run_id, ending, &reason, self.office.now_ns()).await.map_err(unwritten);
        shown.settle(settled);
        if let Some(awaiting) = awaiting {
            awaiting.reply(self.sent_id, &*sender, teller).await;
        }
        went.and(ended)
    }
}

/// What became of records until now.
#[derive(Default)]
pub(super) struct Counts {
    num_persisted: u64,
    not_done: Option<String>,
    possibly: Option<String>,
    last: Option<Outcome>,
}

impl Counts {
    pub(super) fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Done(receipt) => {
                self.num_persisted += u64::from(matches!(receipt, Receipt::Persisted { .. }));
                self.last = Some(outcome.clone());
            }
            Outcome::NotDone(reason) => drop(self.not_done.get_or_insert_with(|| reason.clone())),
            Outcome::Possibly(reason) => drop(self.possibly.get_or_insert_with(|| reason.clone())),
        }
    }

    /// Nothing more goes: what was to be sent besides is not.
    pub(super) fn stop(&mut self, stop: &Stop) {
        let reason = match stop {
            Stop::Refused(_, reason) => reason.clone(),
            Stop::Mistake(mistake) => mistake.to_string(),
            Stop::Asks(_) => "something has to be answered first".to_owned(),
        };
        self.not_done.get_or_insert(reason);
    }

    /// What became of the last ones could not be written down.
    pub(super) fn unwritten(&mut self, error: &LedgerError) {
        self.possibly.get_or_insert_with(|| error.to_string());
    }

    /// The worst that became of any.
    pub(super) fn settled(&self) -> Settled {
        Settled::Tried(match (&self.possibly, &self.not_done, &self.last) {
            (Some(reason), ..) => Outcome::Possibly(reason.clone()),
            (None, Some(reason), _) => Outcome::NotDone(reason.clone()),
            (None, None, Some(last)) => last.clone(),
            (None, None, None) => Outcome::NotDone("cancelled before anything was sent".to_owned()),
        })
    }
}

/// Records on their way.
struct Flight<'a> {
    sending: &'a Sending,
    ready: &'a Ready,
    ledger: &'a Ledger,
    run_id: RunId,
    send_name: &'a str,
    sender: Arc<dyn RecordSender>,
    shown: &'a OnTheBoard,
    counts: Counts,
}

impl Flight<'_> {
    /// Sends all copies, block by block, until it is told to stop.
    async fn all(&mut self, num: u64, rate_per_s: u32, teller: &Teller<()>) -> Result<(), Stop> {
        // A block is what goes in half a second, so that little was written down that is not sent where it stops.
        let room = BLOCK_BYTES / self.ready.plan.size_bytes().max(1);
        let block = u64::from(rate_per_s / 2).min(BLOCK).min(room).max(1);
        let mut due = tokio::time::Instant::now();
        let mut done = 0;
        while done < num && !teller.is_cancelled() {
            let copies = done + 1..=(done + block).min(num);
            let len = copies.end() - done;
            let records = copies.map(|copy| self.record(copy)).collect::<Result<Vec<OutgoingRecord>, Stop>>()?;
            self.block(done, records, rate_per_s, &mut due, teller).await?;
            done += len;
            teller.progress(Progress { done, total: Some(num), unit: "records" });
        }
        Ok(())
    }

    fn record(&self, copy: u64) -> Result<OutgoingRecord, Stop> {
        // The first is the one that was planned: what it carries stands on the board.
        let plan = if copy == 1 { self.ready.plan.clone() } else { self.sending.plan(&self.ready.files, &self.ready.rows, copy)? };
        match plan.what {
            Planned::Record(planned) => Ok(planned.record),
            Planned::Http(_) | Planned::Grpc(_) => Err(Stop::refused("this is no record")),
        }
    }

    async fn block(
        &mut self,
        before: u64,
        records: Vec<OutgoingRecord>,
        rate_per_s: u32,
        due: &mut tokio::time::Instant,
        teller: &Teller<()>,
    ) -> Result<(), Stop> {
        let unwritten = |error: LedgerError| Stop::Refused(FailureKind::Internal, error.to_string());
        let at_ns = self.sending.office.now_ns();
        let intents = records.iter().enumerate().map(|(index, record)| ComposedIntent {
            target_kind: TargetKind::Channel,
            target: record.channel.clone(),
            call: String::new(),
            partition: if let Route::Partition(partition) = record.route { Some(partition) } else { None },
            hash: format!("{:032x}", self.ledger.hash_key().hash(record).0),
            size_bytes: record.size_bytes() as u64,
            send_name: format!("{}.{}", self.send_name, before + index as u64 + 1),
            at_ns,
        });
        let send_ids = self.ledger.intend_composed(self.run_id, intents.collect()).await.map_err(unwritten)?;
        // Whether each has left, as long as its end is not known.
        let mut left: BTreeMap<SendId, bool> = send_ids.iter().map(|send_id| (*send_id, false)).collect();
        let mut waiting = send_ids.into_iter().zip(records);
        let mut flying: JoinSet<(SendId, Outcome)> = JoinSet::new();
        let (mut settled, mut looks) = (Vec::new(), tokio::time::interval(SHOW_EVERY));
        let mut next = waiting.next();
        let mut cancelled_at: Option<tokio::time::Instant> = None;
        let mut queueing: Option<(SendId, Waiting<Queued>)> = None;
        while !flying.is_empty() || next.is_some() || queueing.is_some() {
            tokio::select! {
                biased;
                () = teller.cancelled(), if cancelled_at.is_none() => {
                    cancelled_at = Some(tokio::time::Instant::now());
                    next = None;
                    // Not queued yet, so it is not sent.
                    if let Some((send_id, _)) = queueing.take() {
                        left.insert(send_id, false);
                    }
                    self.sender.cancel();
                }
                Some(landed) = flying.join_next() => {
                    if let Ok((send_id, outcome)) = landed {
                        self.land(send_id, outcome, &mut settled, &mut left);
                    }
                }
                queued = queued(&mut queueing), if queueing.is_some() => {
                    if let Some((send_id, _)) = queueing.take() {
                        flying.spawn(async move { (send_id, queued.outcome().await) });
                    }
                }
                // The next one waits until this one is queued, so that they go in their order.
                () = tokio::time::sleep_until(*due), if next.is_some() && queueing.is_none() => {
                    if let Some((send_id, record)) = next.take() {
                        left.insert(send_id, true);
                        queueing = Some((send_id, self.sender.queue(record)));
                    }
                    next = waiting.next();
                    *due += Duration::from_secs(1) / rate_per_s;
                }
                () = tokio::time::sleep_until(cancelled_at.unwrap_or_else(tokio::time::Instant::now) + CANCEL_GUARD), if cancelled_at.is_some() => break,
                _ = looks.tick() => self.shown.look(),
            }
        }
        // What was written down and did not go, or of which nothing is known.
        for (send_id, has_left) in std::mem::take(&mut left) {
            let outcome = if has_left {
                Outcome::Possibly("cancelled, and it was not told in time how far it was".to_owned())
            } else {
                Outcome::NotDone("cancelled before it was sent".to_owned())
            };
            self.land(send_id, outcome, &mut settled, &mut BTreeMap::new());
        }
        self.ledger.settle_composed(settled).await.map_err(|error| {
            self.counts.unwritten(&error);
            unwritten(error)
        })
    }

    fn land(&mut self, send_id: SendId, outcome: Outcome, settled: &mut Vec<(SendId, Settlement)>, left: &mut BTreeMap<SendId, bool>) {
        left.remove(&send_id);
        self.counts.count(&outcome);
        if let Outcome::Done(Receipt::Persisted { at }) = &outcome {
            self.shown.live.persisted(Status::Persisted { at: at.clone() }, self.counts.num_persisted);
        }
        settled.push((send_id, Settlement { settled: Settled::Tried(outcome), at_ns: self.sending.office.now_ns() }));
    }
}

/// Waits until what is being queued is; without anything for ever.
async fn queued(queueing: &mut Option<(SendId, Waiting<Queued>)>) -> Queued {
    match queueing {
        Some((_, queueing)) => queueing.await,
        None => std::future::pending().await,
    }
}
