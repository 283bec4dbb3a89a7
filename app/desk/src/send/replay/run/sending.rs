//! What is sent: the first few, then, once those were read, the rest. Each is intended in the ledger before it goes and settled there after.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{OriginalRecord, Outcome, Skipped};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use crate::ledger::{Ending, Intent, LedgerError, LetterKey, LetterState, RunId, SendId, Settled, SettledAs, Settlement};
use crate::send::access::Queued;
use crate::send::replay::board::{CanaryLine, RunBoard, RunPhase};
use crate::send::replay::halt::{Verdict, canary_verdict, halt_reason};
use crate::send::replay::pace::Ramp;
use crate::send::replay::plan::{Built, Way};
use crate::send::replay::prepare::{Reading, seen};
use crate::send::replay::readers::Readers;
use crate::send::replay::run::{GONE, Run, Stop, Wanted, stop_wanted};
use crate::send::replay::{Planned, RecordSender, Sighting};

/// Records on their way at once.
const MAX_IN_FLIGHT: usize = 64;
/// Letters read again at a time, shortly before they are sent.
const PAGE: usize = 50;
/// All on its way comes back within 200 ms of a cancel; what does not is taken for possibly written after this long.
const CANCEL_GUARD: Duration = Duration::from_secs(1);

type Read = (usize, Result<OriginalRecord, Skipped>);
type Landed = (usize, SendId, Outcome);
/// Outcomes on their way into the ledger.
type Writes = JoinSet<Result<(), LedgerError>>;

/// The sending part of a run, once it is connected.
pub(super) struct Sending<'a> {
    run: &'a Run,
    run_id: RunId,
    sender: Arc<dyn RecordSender>,
    /// Of the channels that are sent to.
    num_partitions: BTreeMap<String, i32>,
    reading: Reading<usize>,
    /// Read, and not yet sent.
    read: VecDeque<Read>,
    in_flight: JoinSet<Landed>,
    /// Of those in flight, by their place.
    flying: Vec<(usize, SendId)>,
    pub(super) board: RunBoard,
    /// Who read when the run began or went on, and what their lag was when it was first known.
    before: Readers,
    /// Letters that had come back when the operator said to go on.
    dead_before: usize,
}
impl<'a> Sending<'a> {
    pub(super) fn new(run: &'a Run, run_id: RunId, sender: Arc<dyn RecordSender>, num_partitions: BTreeMap<String, i32>, board: RunBoard) -> Self {
        let letters = run.preview.planned.iter().enumerate().map(|(index, planned)| (index, seen(&planned.asked)));
        Self {
            run,
            run_id,
            sender,
            num_partitions,
            reading: Reading::new(letters, PAGE),
            read: VecDeque::new(),
            in_flight: JoinSet::new(),
            flying: Vec::new(),
            board,
            // What fails until now has nothing to do with what is sent from here on.
            before: Readers { calls: run.readers().calls, ..run.preview.readers.clone() },
            dead_before: 0,
        }
    }

    /// Sends until all is sent, or it is stopped, or it stops itself; how it ended, and why.
    pub(super) async fn all(&mut self) -> (Ending, String) {
        let went = self.canary_then_rest().await;
        let is_cut = matches!(went, Err(Stop::Wanted | Stop::Gone));
        let mut ended = went.map_or_else(Stop::ending, |()| (Ending::Finished, String::new()));
        if is_cut {
            self.phase(RunPhase::Stopping);
            self.sender.cancel();
            if let Some(failure) = self.land(CANCEL_GUARD).await {
                ended.1 = if ended.1.is_empty() { failure } else { format!("{}. {failure}", ended.1) };
            }
        } else {
            // What was sent is not taken back, but may be: the operator can still stop.
            let mut wanted = self.run.wanted.clone();
            let mut writes = Writes::new();
            while !self.in_flight.is_empty() || !writes.is_empty() {
                tokio::select! {
                    biased;
                    stop = stop_wanted(&mut wanted), if !self.in_flight.is_empty() => {
                        self.sender.cancel();
                        if matches!(stop, Stop::Gone) && ended.0 == Ending::Finished {
                            ended = stop.ending();
                        }
                        if let (Some(failure), Ending::Finished) = (self.land(CANCEL_GUARD).await, ended.0) {
                            ended = (Ending::Halted, failure);
                        }
                    }
                    Some(written) = writes.join_next() => {
                        if let (Ok(Err(error)), Ending::Finished) = (written, ended.0) {
                            ended = (Ending::Halted, error.to_string());
                        }
                        self.run.show(&self.board);
                    }
                    Some(landed) = self.in_flight.join_next() => {
                        if let Ok(landed) = landed {
                            self.write(landed, &mut writes);
                        }
                    }
                }
            }
        }
        ended
    }

    async fn canary_then_rest(&mut self) -> Result<(), Stop> {
        self.phase(RunPhase::Canary);
        self.stretch(Some(self.run.pace.num_canary)).await?;
        loop {
            self.watch_canary().await?;
            if self.is_done() {
                return Ok(());
            }
            if self.wait_for_go().await? {
                break;
            }
        }
        self.phase(RunPhase::Rest);
        self.stretch(None).await
    }

    fn is_done(&self) -> bool {
        self.reading.is_done() && self.read.is_empty()
    }

    fn phase(&mut self, phase: RunPhase) {
        self.board.phase = phase;
        self.run.show(&self.board);
    }

    /// Sends until the wanted number was tried; `None` = all.
    async fn stretch(&mut self, num_wanted: Option<usize>) -> Result<(), Stop> {
        let mut pace = Ramp::new(&self.run.pace, num_wanted.is_some());
        let mut look = self.run.pace.looks();
        let mut wanted = self.run.wanted.clone();
        let mut num_tried = 0;
        let is_canary = num_wanted.is_some();
        while num_wanted.is_none_or(|wanted| num_tried < wanted) && !self.is_done() {
            if self.read.is_empty() {
                let run = self.run;
                tokio::select! {
                    biased;
                    stop = stop_wanted(&mut wanted) => return Err(stop),
                    page = self.reading.next(&run.from) => self.read.extend(page),
                }
                continue;
            }
            tokio::select! {
                biased;
                stop = stop_wanted(&mut wanted) => return Err(stop),
                Some(landed) = self.in_flight.join_next() => self.settle(landed).await?,
                _ = look.tick() => {
                    if let Some(reason) = self.look(is_canary) {
                        self.pause(reason).await?;
                        pace = Ramp::new(&self.run.pace, is_canary);
                    }
                }
                () = pace.next(), if self.in_flight.len() < MAX_IN_FLIGHT => {
                    if let Some(read) = self.read.pop_front()
                        && self.send(read, is_canary).await?
                    {
                        num_tried += 1;
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks whether to go on; why not.
    fn look(&mut self, is_canary: bool) -> Option<String> {
        let dead = self.run.observe(&mut self.board).filter(|dead| dead.num > self.dead_before);
        self.run.show(&self.board);
        if is_canary {
            return None;
        }
        halt_reason(dead.map(|dead| dead.how), &mut self.before, &self.board.readers, self.run.pace.lag_margin)
    }

    /// Sends nothing until the operator says so; what is on its way is waited for.
    async fn pause(&mut self, reason: String) -> Result<(), Stop> {
        let mut look = self.run.pace.looks();
        let mut wanted = self.run.wanted.clone();
        let mut told = self.run.wanted.clone();
        told.mark_unchanged();
        self.phase(RunPhase::Paused(reason));
        loop {
            tokio::select! {
                biased;
                stop = stop_wanted(&mut wanted) => return Err(stop),
                Ok(()) = told.changed() => if *told.borrow_and_update() == Wanted::Rest { break },
                Some(landed) = self.in_flight.join_next() => self.settle(landed).await?,
                _ = look.tick() => {
                    self.run.observe(&mut self.board);
                    self.run.show(&self.board);
                }
            }
        }
        // What made it pause is known now; what gets worse from here on makes it pause again.
        self.dead_before = self.run.observe(&mut self.board).map_or(0, |dead| dead.num);
        self.before = self.board.readers.clone();
        self.phase(RunPhase::Rest);
        Ok(())
    }

    /// Watches the first few until they were read and stayed away.
    async fn watch_canary(&mut self) -> Result<(), Stop> {
        let mut look = self.run.pace.looks();
        let mut wanted = self.run.wanted.clone();
        let mut told = self.run.wanted.clone();
        told.mark_unchanged();
        self.phase(RunPhase::Watching);
        let mut is_let_go = false;
        loop {
            tokio::select! {
                biased;
                stop = stop_wanted(&mut wanted) => return Err(stop),
                Some(landed) = self.in_flight.join_next() => self.settle(landed).await?,
                _ = look.tick() => {}
            }
            // Only who was told that waiting can not tell decides, also while some are on their way; an earlier word to go on waits for the group that
            // failed.
            is_let_go |= told.has_changed().unwrap_or(false) && *told.borrow_and_update() == Wanted::Rest && self.is_told_untellable();
            let _dead = self.run.observe(&mut self.board);
            self.run.show(&self.board);
            match self.canary_verdict() {
                Verdict::Wait if (is_let_go && self.in_flight.is_empty()) || self.is_left_to_itself() => return Ok(()),
                Verdict::Wait => {}
                Verdict::Passed => return Ok(()),
                Verdict::Halt(reason) => return Err(Stop::Halt(reason)),
            }
        }
    }

    fn canary_verdict(&self) -> Verdict {
        let quiet_ns = i64::try_from(self.run.pace.quiet.as_nanos()).unwrap_or(i64::MAX);
        canary_verdict(&self.board.canary, self.run.observed.now_ns(), quiet_ns)
    }

    /// Where nobody can be seen to consume, as it was shown last, the operator decides.
    fn is_told_untellable(&self) -> bool {
        self.board.readers.groups.is_empty() || self.board.is_untellable
    }

    /// Whether all went and nobody is known who could read it: there is nothing to wait for, and nothing to decide.
    fn is_left_to_itself(&self) -> bool {
        self.is_done() && self.in_flight.is_empty() && self.board.readers.groups.is_empty()
    }

    /// Waits for the word to go on; false where the first few turn out not to have passed after all.
    async fn wait_for_go(&mut self) -> Result<bool, Stop> {
        self.phase(RunPhase::Passed);
        let mut look = self.run.pace.looks();
        let mut wanted = self.run.wanted.clone();
        loop {
            tokio::select! {
                biased;
                changed = wanted.wait_for(|wanted| *wanted != Wanted::Canary) => match changed.as_deref() {
                    Ok(Wanted::Rest) => return Ok(true),
                    Ok(Wanted::Gone) => return Err(Stop::Gone),
                    _ => return Err(Stop::Wanted),
                },
                _ = look.tick() => {
                    if let Some(dead) = self.run.observe(&mut self.board) {
                        return Err(Stop::Halt(dead.how));
                    }
                    self.run.show(&self.board);
                    match self.canary_verdict() {
                        Verdict::Halt(reason) => return Err(Stop::Halt(reason)),
                        Verdict::Wait => return Ok(false),
                        Verdict::Passed => {}
                    }
                }
            }
        }
    }

    /// Intends a record and lets it go; false if it was skipped.
    async fn send(&mut self, (index, read): Read, is_canary: bool) -> Result<bool, Stop> {
        let run = self.run;
        if !run.reach.is_there() || !run.from.is_there() {
            return Err(Stop::Gone);
        }
        let planned = &run.preview.planned[index];
        let built = self.rebuild(planned, read);
        self.board.counts.waiting -= 1;
        self.board.counts.in_flight += 1;
        let intent = Intent {
            run_id: self.run_id,
            letter: planned.asked.letter.clone(),
            kind: planned.asked.kind,
            failed_group: planned.asked.failed_group.clone(),
            target: planned.target.clone(),
            target_partition: planned.partition,
            hash: format!("{:032x}", planned.hash.0),
            size_bytes: planned.size_bytes as u64,
            replay_count: planned.replay_count,
            replay_id: planned.replay_id.clone(),
            cluster_id: run.from.cluster_id(&planned.asked.letter.at, run.preview.from_id.as_ref()),
            edited: planned.edited,
            again: run.preview.options().again.then(|| "asked for once more".to_owned()),
            at_ns: run.observed.now_ns(),
        };
        let send_id = match run.ledger.intend(intent).await {
            Ok(send_id) => send_id,
            Err(error @ LedgerError::SentBefore { .. }) => {
                self.board.counts.settle(SettledAs::Skipped);
                self.board.held_back = error.to_string();
                return Ok(false);
            }
            Err(error) => {
                // Nothing was sent, and nothing more will be.
                self.board.counts.in_flight -= 1;
                self.board.counts.waiting += 1;
                return Err(Stop::Halt(error.to_string()));
            }
        };
        // The ledger may have been waited for.
        let built = if run.reach.is_there() { built } else { Err(format!("not sent: {GONE}")) };
        let built = match built {
            Ok(built) => built,
            Err(reason) => {
                let settlement = Settlement { settled: Settled::Skipped(reason), at_ns: run.observed.now_ns() };
                self.board.counts.settle(SettledAs::Skipped);
                let settled = run.ledger.settle(send_id, &planned.asked.letter, settlement).await;
                return settled.map(|()| false).map_err(|error| Stop::Halt(error.to_string()));
            }
        };
        if is_canary {
            self.board.canary.push(CanaryLine {
                letter: planned.asked.letter.clone(),
                outcome: None,
                state: LetterState::default(),
                evidence: String::new(),
                seen: Sighting::default(),
                at_ns: run.observed.now_ns(),
            });
        }
        run.shared.sends(planned, is_canary);
        self.flying.push((index, send_id));
        // Records go in their order, so the next one waits until this one is queued; what is stopped before that is surely not sent.
        let mut wanted = run.wanted.clone();
        let queued = tokio::select! {
            biased;
            _ = stop_wanted(&mut wanted) => Queued::new(std::future::ready(Outcome::NotDone("stopped before it was queued".to_owned()))),
            queued = self.sender.queue(built.outgoing) => queued,
        };
        self.in_flight.spawn(async move { (index, send_id, queued.outcome().await) });
        run.show(&self.board);
        Ok(true)
    }

    /// Makes the record again from what was read just now; it has to be the one that was previewed.
    fn rebuild(&self, planned: &Planned, read: Result<OriginalRecord, Skipped>) -> Result<Built, String> {
        let original = read.map_err(|reason| reason.to_string())?;
        let way = Way {
            target: &planned.target,
            num_partitions: self.num_partitions.get(&planned.target).copied(),
            options: self.run.preview.options(),
            redactor: &self.run.redactor,
            hash_key: self.run.ledger.hash_key(),
        };
        let built = way.build(&planned.asked, original, &planned.replay_id)?;
        if built.hash == planned.hash { Ok(built) } else { Err("changed: its bytes are not those of the preview".to_owned()) }
    }

    /// Writes an outcome down; of a send that did not come to its end there is none.
    async fn settle(&mut self, landed: Result<Landed, JoinError>) -> Result<(), Stop> {
        let Ok(landed) = landed else { return Ok(()) };
        let (send_id, letter, settlement) = self.take(landed);
        let settled = self.run.ledger.settle(send_id, &letter, settlement).await;
        settled.map_err(|error| Stop::Halt(error.to_string()))
    }

    /// Has an outcome written beside others: while somebody holds the file, they wait for it together and not one after the other.
    fn write(&mut self, landed: Landed, writes: &mut Writes) {
        let (send_id, letter, settlement) = self.take(landed);
        let ledger = self.run.ledger.clone();
        writes.spawn(async move { ledger.settle(send_id, &letter, settlement).await });
    }

    /// Counts an outcome, and gives what is to be written of it.
    fn take(&mut self, (index, send_id, outcome): Landed) -> (SendId, LetterKey, Settlement) {
        let settled = Settled::Tried(outcome);
        self.flying.retain(|(_, flying)| *flying != send_id);
        self.board.counts.settle(settled.counts_as());
        let letter = self.run.preview.planned[index].asked.letter.clone();
        let at_ns = self.run.observed.now_ns();
        if let Some(line) = self.board.canary.iter_mut().find(|line| line.letter == letter) {
            line.outcome = Some(settled.counts_as());
            settled.reason().clone_into(&mut line.evidence);
            line.at_ns = at_ns;
        }
        (send_id, letter, Settlement { settled, at_ns })
    }

    /// Waits for all that is on its way; what does not come back in time may have been written. Why some of it does not stand in the
    /// ledger, where that is so: there it reads as possibly persisted, which is the truth then.
    async fn land(&mut self, within: Duration) -> Option<String> {
        let deadline = Instant::now() + within;
        let mut writes = Writes::new();
        while let Ok(Some(landed)) = tokio::time::timeout_at(deadline, self.in_flight.join_next()).await {
            if let Ok(landed) = landed {
                self.write(landed, &mut writes);
            }
        }
        // What comes from here on is not listened to.
        self.in_flight.shutdown().await;
        for (index, send_id) in std::mem::take(&mut self.flying) {
            let reason = "the client did not say what became of it when it was stopped".to_owned();
            self.write((index, send_id, Outcome::Possibly(reason)), &mut writes);
        }
        let mut failure = None;
        while let Some(written) = writes.join_next().await {
            if let Ok(Err(error)) = written {
                failure.get_or_insert_with(|| error.to_string());
            }
        }
        self.run.show(&self.board);
        failure
    }
}
