//! A run: connects, sends, ends, and then watches what becomes of what was sent. `sending` is what goes: the first few, then, once they were
//! read, the rest. What may have been written is left alone.

mod sending;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use switchboard_model::Redactor;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::ledger::{Ending, Ledger, LetterState, NewRun, RunLock};
use crate::send::replay::board::{RunBoard, RunPhase, SentCounts};
use crate::send::replay::clusters::Reach;
use crate::send::replay::desk::Shared;
use crate::send::replay::follow::Ends;
use crate::send::replay::halt::waits_for;
use crate::send::replay::pace::Pace;
use crate::send::replay::readers::readers_of_all;
use crate::send::replay::run::sending::Sending;
use crate::send::replay::source::Source;
use crate::send::replay::{Observed, Planned, Preview, Readers, RecordSender, Sighting, TargetPlan};

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
    /// To send to.
    pub reach: Reach,
    /// To read from.
    pub from: Source,
    /// Held while it sends.
    pub lock: Option<RunLock>,
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

/// Letters that came back.
#[derive(Debug, Default)]
pub(super) struct Dead {
    /// How many.
    pub num: usize,
    /// The first of them, and how, in words.
    pub how: String,
}

impl Dead {
    fn one_more(&mut self, how: impl FnOnce() -> String) {
        if self.num == 0 {
            self.how = how();
        }
        self.num += 1;
    }
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
            target: self.preview.target_words(),
            num_planned: self.preview.planned.len() as u64,
            at_ns: started_ns,
        };
        let run_id = match self.ledger.begin_run(new_run).await {
            Ok(run_id) => run_id,
            Err(error) => return self.show(&RunBoard { phase: RunPhase::Ended(Ending::Halted, error.to_string()), ended_ns: Some(started_ns), ..board }),
        };
        let (mut board, ending, reason) = match self.connect().await {
            Ok((sender, num_partitions)) => {
                let mut sending = Sending::new(&self, run_id, sender, num_partitions, board);
                let (ending, reason) = sending.all().await;
                (sending.board, ending, reason)
            }
            Err(stop) => {
                let (ending, reason) = stop.ending();
                (board, ending, reason)
            }
        };
        drop(self.lock.take());
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
            targets: self.preview.targets.iter().map(|target| target.channel.clone()).collect(),
            phase: RunPhase::Connecting,
            counts: SentCounts { waiting: self.preview.planned.len(), ..SentCounts::default() },
            num_consumed: 0,
            num_read: 0,
            num_retried: 0,
            num_dead_again: 0,
            canary: Vec::new(),
            held_back: String::new(),
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

    /// What sends, and how many partitions each of its channels has.
    async fn connect(&mut self) -> Result<(Arc<dyn RecordSender>, BTreeMap<String, i32>), Stop> {
        let (access, preview) = (Arc::clone(&self.reach.access), Arc::clone(&self.preview));
        let typed_name = self.typed_name.take();
        let (shared, channels) = (Arc::clone(&self.shared), self.dead_letter_channels());
        let connecting = async {
            // Several in a batch fit where the least is taken; one alone goes as large as it is, and what its own channel does not take was skipped.
            let size_limit = preview.targets.iter().filter_map(|target| target.size_limit.as_ref().ok().copied()).min();
            let sender = access.connect(preview.cluster_id.clone(), typed_name, size_limit).await?;
            let mut num_partitions = BTreeMap::new();
            for TargetPlan { channel, .. } in &preview.targets {
                num_partitions.insert(channel.clone(), sender.num_partitions(channel).await?);
            }
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

    /// The dead-letter channels on which the letters lie, then the others of the cluster where some are known to lie.
    fn dead_letter_channels(&self) -> Vec<String> {
        let snapshot = self.observed.snapshot();
        let lies = match &self.from {
            Source::Cluster(reach) => reach.access(),
            Source::File(_) => self.reach.access(),
        };
        let is_dead = |planned: &&Planned| planned.asked.is_dead || lies.is_dead_letter_channel(&planned.asked.letter.at.channel);
        let own: BTreeSet<&str> = self.preview.planned.iter().filter(is_dead).map(|planned| planned.asked.letter.at.channel.as_str()).collect();
        let of_cluster = snapshot.dead_letters.iter().filter(|view| view.cluster == self.preview.cluster);
        let known: BTreeSet<&str> = of_cluster.map(|view| view.channel.as_str()).collect();
        own.iter().chain(known.difference(&own)).take(MAX_CHANNELS).map(|channel| (*channel).to_owned()).collect()
    }

    fn show(&self, board: &RunBoard) {
        let board = Arc::new(board.clone());
        self.shared.update(|shown| shown.run = Some(board));
    }

    /// Takes over what the ledger and the brokers say by now. How many letters came back, and which did last, where any did.
    fn observe(&self, board: &mut RunBoard) -> Option<Dead> {
        let (mut num_consumed, mut num_retried, mut num_dead_again, mut dead) = (0, 0, 0, Dead::default());
        board.num_read = 0;
        let (letters, sightings) = (self.ledger.letters(), self.shared.sightings());
        for planned in &self.preview.planned {
            let Some(record) = letters.get(&planned.asked.letter).filter(|record| record.replay_id == planned.replay_id) else { continue };
            let seen = sightings.get(&planned.replay_id);
            let is_being_retried = seen.is_some_and(Sighting::is_being_retried);
            match &record.state {
                LetterState::DeadAgain => {
                    num_dead_again += 1;
                    dead.one_more(|| format!("{} came back dead", planned.asked.letter));
                }
                LetterState::Consumed | LetterState::Sent(_) if is_being_retried => num_retried += 1,
                LetterState::Consumed => num_consumed += 1,
                LetterState::Sent(_) if seen.is_some_and(Sighting::is_read_by_all) => board.num_read += 1,
                _ => {}
            }
            if let Some(how) = seen.and_then(|seen| seen.died_elsewhere.as_ref()) {
                dead.one_more(|| format!("{} is {how}", planned.asked.letter));
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
        (dead.num > 0).then_some(dead)
    }

    fn observe_readers(&self, board: &mut RunBoard) {
        (board.waits_for, board.is_untellable) = waits_for(&board.canary, self.observed.now_ns());
        board.readers = self.readers();
    }

    /// Who reads what is sent to now.
    fn readers(&self) -> Readers {
        let preview = &self.preview;
        readers_of_all(&self.observed.snapshot(), &preview.cluster, &preview.failed_groups)
    }

    /// Nothing more is sent; what becomes of what was is still shown, until the run is dismissed: what was consumed may come back
    /// dead all the same.
    async fn watch(&self, mut board: RunBoard) {
        let mut look = self.pace.looks();
        let mut known = None;
        loop {
            look.tick().await;
            let before = board.clone();
            let now = (self.ledger.version(), self.shared.sightings());
            let is_known = known.as_ref().is_some_and(|(version, sightings)| *version == now.0 && Arc::ptr_eq(sightings, &now.1));
            if is_known {
                self.observe_readers(&mut board);
            } else {
                self.observe(&mut board);
                known = Some(now);
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

/// By channel that is sent to: the groups that letters died in which go there.
pub(super) fn failed_groups(targets: &[TargetPlan], planned: &[Planned]) -> BTreeMap<String, BTreeSet<String>> {
    let mut failed: BTreeMap<String, BTreeSet<String>> = targets.iter().map(|target| (target.channel.clone(), BTreeSet::new())).collect();
    for planned in planned {
        if let (Some(groups), Some(group)) = (failed.get_mut(&planned.target), &planned.asked.failed_group)
            && !groups.contains(group)
        {
            groups.insert(group.clone());
        }
    }
    failed
}
