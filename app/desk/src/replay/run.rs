//! A run: the first few, then, once they were read, the rest at a steady pace. Every record is intended in the ledger before
//! it is sent and settled after; what may have been written is left alone.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{OriginalRecord, Outcome, Redactor, Skipped};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::ledger::{Ending, Intent, Ledger, LedgerError, LetterKey, LetterState, NewRun, RunId, SendId, Settled, SettledAs, Settlement};
use crate::replay::board::{CanaryLine, RunBoard, RunPhase, SentCounts};
use crate::replay::desk::{Pace, Reach, Shared};
use crate::replay::follow::Ends;
use crate::replay::halt::{Verdict, canary_verdict, halt_reason, waits_for};
use crate::replay::plan::{Built, build};
use crate::replay::prepare::{Reading, seen};
use crate::replay::readers::{Readers, readers};
use crate::replay::{Observed, Planned, Preview, RecordSender, Sighting};

/// Records on their way at once.
const MAX_IN_FLIGHT: usize = 64;
/// Letters read again at a time, shortly before they are sent.
const PAGE: usize = 50;
/// All on its way comes back within 200 ms of a cancel; what does not is taken for possibly written after this long.
const CANCEL_GUARD: Duration = Duration::from_secs(1);

/// Dead-letter channels of which it is asked where they end, before anything is sent.
const MAX_CHANNELS: usize = 64;
/// What does not tell by then is left out.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// Why nothing more goes to a cluster that is reached no more, or otherwise than when it was begun.
pub(super) const GONE: &str = "its source was changed or removed";

/// What the operator wants of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The first few.
    Canary,
    /// All.
    Rest,
    /// No more.
    Stop,
    /// No more: the source of its cluster was changed or removed.
    Gone,
}

/// A run that goes on.
pub(super) struct Run {
    pub preview: Arc<Preview>,
    pub reach: Reach,
    pub typed_name: Option<String>,
    pub ledger: Ledger,
    pub observed: Arc<dyn Observed>,
    pub redactor: Arc<Redactor>,
    pub profile: String,
    pub operator: String,
    pub shared: Arc<Shared>,
    pub wanted: watch::Receiver<Wanted>,
    pub pace: Pace,
}

/// Why sending ends before its time.
enum Stop {
    Wanted,
    Gone,
    Halt(String),
}

impl Stop {
    fn ending(self) -> (Ending, String) {
        match self {
            Self::Wanted => (Ending::Stopped, String::new()),
            Self::Gone => (Ending::Halted, GONE.to_owned()),
            Self::Halt(reason) => (Ending::Halted, reason),
        }
    }
}

type Read = (usize, Result<OriginalRecord, Skipped>);
type Landed = (usize, SendId, Outcome);
/// Outcomes on their way into the ledger.
type Writes = JoinSet<Result<(), LedgerError>>;

/// The sending part of a run, once it is connected.
struct Sending<'a> {
    run: &'a Run,
    run_id: RunId,
    sender: Arc<dyn RecordSender>,
    num_partitions: i32,
    reading: Reading<usize>,
    /// Read, and not yet sent.
    read: VecDeque<Read>,
    in_flight: JoinSet<Landed>,
    /// Of those in flight, by their place.
    flying: Vec<(usize, SendId)>,
    board: RunBoard,
    /// Who read when the run began, and what their lag was when it was first known.
    before: Readers,
    sent: Vec<usize>,
}

impl Run {
    /// Runs until all is sent, or it is stopped, or it stops itself; then watches what becomes of it until it is dismissed.
    pub(super) async fn run(mut self) {
        let started_ns = self.observed.now_ns();
        let board = self.first_board(started_ns);
        self.show(&board);
        let new_run = NewRun {
            replay_id: self.preview.replay_id.clone(),
            profile: self.profile.clone(),
            operator: self.operator.clone(),
            cluster: self.preview.cluster.clone(),
            cluster_id: self.preview.cluster_id.clone().unwrap_or_default(),
            target: self.preview.target.clone(),
            num_planned: self.preview.planned.len() as u64,
            at_ns: started_ns,
        };
        let run_id = match self.ledger.begin_run(new_run).await {
            Ok(run_id) => run_id,
            Err(error) => return self.show(&RunBoard { phase: RunPhase::Ended(Ending::Halted, error.to_string()), ended_ns: Some(started_ns), ..board }),
        };
        let (mut board, ending, reason) = match self.connect().await {
            Ok((sender, num_partitions)) => {
                let mut sending = self.sending(run_id, sender, num_partitions, board);
                let (ending, reason) = sending.all().await;
                (sending.board, ending, reason)
            }
            Err(stop) => {
                let (ending, reason) = stop.ending();
                (board, ending, reason)
            }
        };
        let ended_ns = self.observed.now_ns();
        let reason = match self.ledger.end_run(run_id, ending, &reason, ended_ns).await {
            Ok(()) => reason,
            Err(error) => match error.to_string() {
                told if reason.is_empty() || reason == told => told,
                told => format!("{reason}. {told}"),
            },
        };
        board.phase = RunPhase::Ended(ending, reason);
        board.ended_ns = Some(ended_ns);
        self.observe(&mut board);
        self.show(&board);
        self.watch(board).await;
    }

    fn first_board(&self, started_ns: i64) -> RunBoard {
        RunBoard {
            replay_id: self.preview.replay_id.clone(),
            cluster: self.preview.cluster.clone(),
            target: self.preview.target.clone(),
            phase: RunPhase::Connecting,
            counts: SentCounts { waiting: self.preview.planned.len(), ..SentCounts::default() },
            num_consumed: 0,
            num_retried: 0,
            num_dead_again: 0,
            canary: Vec::new(),
            others: BTreeSet::new(),
            waits_for: String::new(),
            is_untellable: false,
            readers: self.preview.readers.clone(),
            started_ns,
            ended_ns: None,
            rate_per_s: self.pace.rate_per_s,
            lag_limit: self.pace.lag_margin,
        }
    }

    async fn connect(&mut self) -> Result<(Arc<dyn RecordSender>, i32), Stop> {
        let (access, preview) = (Arc::clone(&self.reach.access), Arc::clone(&self.preview));
        let typed_name = self.typed_name.take();
        let (shared, channels) = (Arc::clone(&self.shared), self.dead_letter_channels());
        let connecting = async {
            let sender = access.connect(preview.cluster_id.clone(), typed_name).await?;
            let num_partitions = sender.num_partitions(&preview.target).await?;
            shared.begins(&preview.replay_id, ends(sender.as_ref(), channels).await);
            Ok::<_, String>((sender, num_partitions))
        };
        let mut wanted = self.wanted.clone();
        tokio::select! {
            biased;
            stop = stop_wanted(&mut wanted) => Err(stop),
            connected = connecting => connected.map_err(Stop::Halt),
        }
    }

    /// The channels on which the letters lie, then the others of the cluster where some are known to lie.
    fn dead_letter_channels(&self) -> Vec<String> {
        let snapshot = self.observed.snapshot();
        let own: BTreeSet<&str> = self.preview.planned.iter().map(|planned| planned.asked.letter.at.channel.as_str()).collect();
        let of_cluster = snapshot.dead_letters.iter().filter(|view| view.cluster == self.preview.cluster);
        let known: BTreeSet<&str> = of_cluster.map(|view| view.channel.as_str()).collect();
        own.iter().chain(known.difference(&own)).take(MAX_CHANNELS).map(|channel| (*channel).to_owned()).collect()
    }

    fn sending(&self, run_id: RunId, sender: Arc<dyn RecordSender>, num_partitions: i32, board: RunBoard) -> Sending<'_> {
        let letters = self.preview.planned.iter().enumerate().map(|(index, planned)| (index, seen(&planned.asked)));
        Sending {
            run: self,
            run_id,
            sender,
            num_partitions,
            reading: Reading::new(letters, PAGE),
            read: VecDeque::new(),
            in_flight: JoinSet::new(),
            flying: Vec::new(),
            board,
            before: self.preview.readers.clone(),
            sent: Vec::new(),
        }
    }

    fn show(&self, board: &RunBoard) {
        let board = Arc::new(board.clone());
        self.shared.update(|shown| shown.run = Some(board));
    }

    /// Takes over what the ledger and the brokers say by now. Why nothing more should be sent, where a letter came back.
    fn observe(&self, board: &mut RunBoard) -> Option<String> {
        let (mut num_consumed, mut num_retried, mut num_dead_again, mut dead) = (0, 0, 0, None);
        let (letters, sightings) = (self.ledger.letters(), self.shared.sightings());
        for planned in &self.preview.planned {
            let Some(record) = letters.get(&planned.asked.letter).filter(|record| record.replay_id == planned.replay_id) else { continue };
            let seen = sightings.get(&planned.replay_id);
            let is_being_retried = seen.is_some_and(Sighting::is_being_retried);
            match &record.state {
                LetterState::DeadAgain => {
                    num_dead_again += 1;
                    dead.get_or_insert_with(|| format!("{} came back dead", planned.asked.letter));
                }
                LetterState::Consumed | LetterState::Sent(_) if is_being_retried => num_retried += 1,
                LetterState::Consumed => num_consumed += 1,
                _ => {}
            }
            if let Some(how) = seen.and_then(|seen| seen.died_elsewhere.as_ref()) {
                dead.get_or_insert_with(|| format!("{} is {how}", planned.asked.letter));
            }
            board.others.extend(seen.into_iter().flat_map(|seen| &seen.others).cloned());
            if let Some(line) = board.canary.iter_mut().find(|line| line.letter == planned.asked.letter) {
                line.state = record.state.clone();
                line.evidence.clone_from(&record.reason);
                line.at_ns = record.at_ns;
                line.seen = seen.cloned().unwrap_or_default();
                let failed_in = planned.asked.trace_id;
                line.seen.new_trace = line.seen.new_trace.filter(|(trace_id, _)| failed_in.is_none_or(|failed_in| !failed_in.matches(*trace_id)));
            }
        }
        (board.num_consumed, board.num_retried, board.num_dead_again) = (num_consumed, num_retried, num_dead_again);
        self.observe_readers(board);
        dead
    }

    fn observe_readers(&self, board: &mut RunBoard) {
        (board.waits_for, board.is_untellable) = waits_for(&board.canary, self.observed.now_ns());
        let preview = &self.preview;
        board.readers = readers(&self.observed.snapshot(), &preview.cluster, &preview.target, &preview.failed_groups);
    }

    /// Nothing more is sent; what becomes of what was is still shown, until the run is dismissed: what was consumed may come back
    /// dead all the same.
    async fn watch(&self, mut board: RunBoard) {
        let mut interval = tokio::time::interval(self.pace.look_every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = (self.ledger.version(), self.shared.sightings());
        self.observe(&mut board);
        loop {
            interval.tick().await;
            let before = board.clone();
            let now = (self.ledger.version(), self.shared.sightings());
            if now.0 != known.0 || !Arc::ptr_eq(&now.1, &known.1) {
                self.observe(&mut board);
                known = now;
            } else {
                self.observe_readers(&mut board);
            }
            if board != before {
                self.show(&board);
            }
        }
    }
}

/// Where channels end now: what lies before was there already, whenever it is read.
async fn ends(sender: &dyn RecordSender, channels: Vec<String>) -> Ends {
    let mut ends = Ends::new();
    let deadline = Instant::now() + ENDS_WITHIN;
    for channel in channels {
        let Ok(told) = tokio::time::timeout_at(deadline, sender.ends(&channel)).await else { break };
        match told {
            Ok(found) => {
                ends.insert(channel, found);
            }
            Err(reason) => tracing::debug!("nobody knows where {channel} ends: {reason}"),
        }
    }
    ends
}

async fn stop_wanted(wanted: &mut watch::Receiver<Wanted>) -> Stop {
    match wanted.wait_for(|wanted| matches!(wanted, Wanted::Stop | Wanted::Gone)).await.as_deref() {
        Ok(Wanted::Gone) => Stop::Gone,
        // Nobody can want anything any more: as if it was stopped.
        _ => Stop::Wanted,
    }
}

impl Sending<'_> {
    async fn all(&mut self) -> (Ending, String) {
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
            self.phase(RunPhase::Watching);
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

    /// Sends until so many were tried, or all.
    async fn stretch(&mut self, num_wanted: Option<usize>) -> Result<(), Stop> {
        let mut pace = tokio::time::interval(Duration::from_secs(1) / self.run.pace.rate_per_s.max(1));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = tokio::time::interval(self.run.pace.look_every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut wanted = self.run.wanted.clone();
        let mut num_tried = 0;
        let is_canary = num_wanted.is_some();
        while num_wanted.is_none_or(|wanted| num_tried < wanted) && !self.is_done() {
            if self.read.is_empty() {
                let run = self.run;
                tokio::select! {
                    biased;
                    stop = stop_wanted(&mut wanted) => return Err(stop),
                    page = self.reading.next(run.reach.access.as_ref()) => self.read.extend(page),
                }
                continue;
            }
            tokio::select! {
                biased;
                stop = stop_wanted(&mut wanted) => return Err(stop),
                Some(landed) = self.in_flight.join_next() => {
                    if let Ok(landed) = landed {
                        self.settle(landed).await?;
                    }
                }
                _ = look.tick() => self.look(is_canary)?,
                _ = pace.tick(), if self.in_flight.len() < MAX_IN_FLIGHT => {
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

    /// Looks whether to go on.
    fn look(&mut self, is_canary: bool) -> Result<(), Stop> {
        let dead = self.run.observe(&mut self.board);
        self.run.show(&self.board);
        if is_canary {
            return Ok(());
        }
        match halt_reason(dead, &mut self.before, &self.board.readers, self.run.pace.lag_margin) {
            Some(reason) => Err(Stop::Halt(reason)),
            None => Ok(()),
        }
    }

    /// Watches the first few until they were read and stayed away.
    async fn watch_canary(&mut self) -> Result<(), Stop> {
        let mut look = tokio::time::interval(self.run.pace.look_every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut wanted = self.run.wanted.clone();
        let mut told = self.run.wanted.clone();
        told.mark_unchanged();
        loop {
            tokio::select! {
                biased;
                stop = stop_wanted(&mut wanted) => return Err(stop),
                Some(landed) = self.in_flight.join_next() => {
                    if let Ok(landed) = landed {
                        self.settle(landed).await?;
                    }
                }
                _ = look.tick() => {}
            }
            // Only who was told that waiting can not tell decides; an earlier word to go on waits for the group that failed.
            let is_let_go = told.has_changed().unwrap_or(false) && *told.borrow_and_update() == Wanted::Rest && self.is_untellable();
            let _dead = self.run.observe(&mut self.board);
            self.run.show(&self.board);
            match self.canary_verdict() {
                Verdict::Wait if is_let_go => return Ok(()),
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

    /// Where nobody can be seen to consume, the operator decides.
    fn is_untellable(&self) -> bool {
        self.in_flight.is_empty() && (self.board.readers.groups.is_empty() || self.board.is_untellable)
    }

    /// Waits for the word to go on; false where the first few turn out not to have passed after all.
    async fn wait_for_go(&mut self) -> Result<bool, Stop> {
        self.phase(RunPhase::Passed);
        let mut look = tokio::time::interval(self.run.pace.look_every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
                        return Err(Stop::Halt(dead));
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
        if !run.reach.is_there() {
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
            target: run.preview.target.clone(),
            target_partition: planned.partition,
            hash: format!("{:032x}", planned.hash.0),
            size_bytes: planned.size_bytes as u64,
            replay_count: planned.replay_count,
            replay_id: planned.replay_id.clone(),
            at_ns: run.observed.now_ns(),
        };
        let send_id = match run.ledger.intend(intent).await {
            Ok(send_id) => send_id,
            Err(LedgerError::SentBefore { .. }) => {
                self.board.counts.settle(SettledAs::Skipped);
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
        self.sent.push(index);
        self.flying.push((index, send_id));
        let sending = self.sender.send(built.outgoing);
        self.in_flight.spawn(async move { (index, send_id, sending.await) });
        run.show(&self.board);
        Ok(true)
    }

    /// Makes the record again from what was read just now; it has to be the one that was previewed.
    fn rebuild(&self, planned: &Planned, read: Result<OriginalRecord, Skipped>) -> Result<Built, String> {
        let original = read.map_err(|reason| reason.to_string())?;
        let partition = planned.partition.filter(|partition| *partition < self.num_partitions);
        let (target, hash_key) = (&self.run.preview.target, self.run.ledger.hash_key());
        let built = build(original, target, partition, &planned.replay_id, &self.run.redactor, hash_key).map_err(|reason| reason.to_string())?;
        if built.hash == planned.hash { Ok(built) } else { Err("changed: its bytes are not those of the preview".to_owned()) }
    }

    async fn settle(&mut self, landed: Landed) -> Result<(), Stop> {
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

/// Groups that letters died in.
pub(super) fn failed_groups<'a>(letters: impl Iterator<Item = &'a Planned>) -> BTreeSet<String> {
    letters.filter_map(|planned| planned.asked.failed_group.clone()).collect()
}
