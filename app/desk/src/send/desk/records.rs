//! Records, carried: a run from its beginning to its end, at the rate that was asked for.

use std::sync::Arc;

use switchboard_model::{FailureKind, Outcome, Receipt, Route};

use super::flight::{Flight, Maker};
use super::leave::Way;
use super::replies::Awaiting;
use super::sending::{Ready, Sending, Stop, send_name};
use crate::ledger::{Ending, Ledger, LedgerError, NewRun, RunLock, Settled};
use crate::operations::Teller;
use crate::send::draft::Request;
use crate::send::plan::Planned;

/// The most that may be asked for in a second.
const RATE_MAX: u32 = 100_000;

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
        let maker = Maker {
            office: Arc::clone(&self.office),
            ask: self.ask.clone(),
            files: ready.files,
            rows: ready.rows,
            first: ready.plan.clone(),
            send_name,
            hash_key: ledger.hash_key().clone(),
        };
        let mut flight = Flight::new(maker, ledger, run_id, Arc::clone(&sender), &shown, draft.rate_per_s.clamp(1, RATE_MAX));
        let went = flight.all(ready.num, teller).await;
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

    pub(super) fn num_persisted(&self) -> u64 {
        self.num_persisted
    }

    /// Nothing more goes: what was to be sent besides is not.
    pub(super) fn stop(&mut self, stop: &Stop) {
        self.not_done.get_or_insert_with(|| stop.reason());
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
