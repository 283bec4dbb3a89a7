//! Records, carried: a run from its beginning to its end, at the rate that was asked for.

use std::collections::BTreeSet;
use std::sync::Arc;

use switchboard_model::{FailureKind, Outcome, Receipt, Route};

use super::Office;
use super::flight::{Flight, Maker};
use super::leave::Way;
use super::replies::Awaiting;
use super::sending::{Ready, Sending, Stop, random, send_name};
use crate::ledger::{Ending, Ledger, LedgerError, NewRun, RunLock, Settled};
use crate::operations::Teller;
use crate::send::command::SendAsk;
use crate::send::draft::Request;
use crate::send::plan::{Planned, topic};
use crate::send::replay::{ClusterAccess, TARGETS_MAX, size_limits};
use crate::send::rows::Rows;
use crate::send::variables::Variables;

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
        let shown = self.shows(&ready);
        let connecting = async {
            let size_limit = self.size_limit(&ready, reach.access()).await;
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

    /// How many bytes several of its records may have together: what the topic takes of theirs that takes least; `None` = nobody knows. One by itself
    /// makes no batch that could be too large.
    async fn size_limit(&self, ready: &Ready, access: &dyn ClusterAccess) -> Option<u64> {
        let (Planned::Record(first), Request::Record(draft)) = (&ready.plan.what, &self.ask.draft.request) else { return None };
        if ready.num < 2 {
            return None;
        }
        let mut channels = BTreeSet::from([first.record.channel.clone()]);
        if draft.topic.contains("{{") {
            let (office, ask, rows, num) = (Arc::clone(&self.office), self.ask.clone(), Arc::clone(&ready.rows), ready.num);
            channels.extend(tokio::task::spawn_blocking(move || topics(&office, &ask, &rows, num)).await.unwrap_or_default());
        }
        size_limits(access, &channels).await.into_values().filter_map(Result::ok).min()
    }
}

/// The topics that the records of a draft go to; of very many the first. One that cannot be told is told of when its record is made.
fn topics(office: &Office, ask: &SendAsk, rows: &Rows, num: u64) -> BTreeSet<String> {
    let Request::Record(draft) = &ask.draft.request else { return BTreeSet::new() };
    let named = office.variables(ask);
    let mut topics = BTreeSet::new();
    // Beyond its last row a file begins again.
    for counter in 1..=num.min(rows.len().max(TARGETS_MAX) as u64) {
        let row = rows.row(counter - 1);
        let variables = Variables { named: &named, row: &row, counter, now_ns: office.now_ns(), random: &|| random().unwrap_or(1) };
        topics.extend(topic(draft, &variables));
        if topics.len() == TARGETS_MAX {
            break;
        }
    }
    topics
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
