//! A desk on a cluster of the test's own making: what is asked of it, and what is waited for.

use super::*;

/// A desk on a world, with its ledger in a folder that goes with it.
pub(super) struct Desk {
    pub(super) world: Arc<World>,
    pub(super) desk: ReplayDesk,
    pub(super) changed: Arc<Notify>,
    pub(super) operations: Operations,
    pub(super) folder: tempfile::TempDir,
}

impl Desk {
    pub(super) fn new(world: World) -> Self {
        Self::in_folder(world, tempfile::tempdir().expect("a folder"))
    }

    pub(super) fn in_folder(world: World, folder: tempfile::TempDir) -> Self {
        let world = Arc::new(world);
        let changed = Arc::new(Notify::new());
        let operations = Operations::new(&tokio::runtime::Handle::current(), Box::new(|| {}));
        let config = ReplayDeskConfig {
            ledger: LazyLedger::new(Some(LedgerPlace::own(&folder.path().join("ledger.sqlite")))),
            profile: "shop".into(),
            operator: "ada".into(),
            redactor: redactor(),
            operations: operations.clone(),
            observed: Arc::new(Eyes(Arc::clone(&world))),
            pace: Pace {
                num_canary: 5,
                rate_per_s: 500,
                quiet: Duration::from_millis(20),
                lag_margin: 500,
                look_every: Duration::from_millis(10),
                // What is told of a difference is the same on a busy machine.
                compared_within: Duration::from_secs(10),
            },
        };
        let on_change = {
            let changed = Arc::clone(&changed);
            Box::new(move || changed.notify_one())
        };
        let desk = ReplayDesk::start(config, &tokio::runtime::Handle::current(), on_change);
        desk.add_cluster(CLUSTER, Arc::clone(&world) as Arc<dyn ClusterAccess>);
        Self { world, desk, changed, operations, folder }
    }

    pub(super) async fn until(&self, what: &str, is_there: impl Fn(&ReplayBoard) -> bool) -> Arc<ReplayBoard> {
        let deadline = Instant::now() + WITHIN;
        loop {
            let board = self.desk.board();
            if is_there(&board) {
                return board;
            }
            assert!(Instant::now() < deadline, "no {what}: {board:#?}");
            let _again = tokio::time::timeout(Duration::from_millis(50), self.changed.notified()).await;
        }
    }

    pub(super) async fn until_operations(&self, what: &str, is_there: impl Fn(&OperationsBoard) -> bool) -> Arc<OperationsBoard> {
        let deadline = Instant::now() + WITHIN;
        loop {
            let board = self.operations.board();
            if is_there(&board) {
                return board;
            }
            assert!(Instant::now() < deadline, "no {what}: {board:#?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(super) async fn preview(&self, offsets: impl IntoIterator<Item = i64>) -> Arc<ReplayBoard> {
        let told = |offset: i64| AskedLetter { failed_group: self.world.failed_group.clone(), retried_ns: self.world.retried_ns, ..asked(offset) };
        self.desk.command(ask(CLUSTER, TARGET, AskedLetters::These(offsets.into_iter().map(told).collect())));
        self.until("preview", |board| board.preview.is_some() || board.refusal.is_some()).await
    }

    pub(super) async fn previewed(&self, ask: ReplayAsk) -> Arc<ReplayBoard> {
        let before = self.desk.board().preview.as_ref().map(|preview| preview.replay_id.clone());
        self.desk.command(ReplayCommand::Preview(ask));
        let is_new = |board: &ReplayBoard| board.preview.as_ref().is_some_and(|preview| Some(&preview.replay_id) != before.as_ref());
        self.until("preview", |board| is_new(board) || board.refusal.is_some()).await
    }

    /// Sends all of the preview, of which nobody is seen to read the first few; of what never was a dead letter, all that is there is read.
    pub(super) async fn send_all(&self, board: &ReplayBoard) -> Arc<ReplayBoard> {
        self.start(board, None);
        let num = board.preview.as_ref().expect("a preview").planned.len().min(5);
        let is_told = move |board: &ReplayBoard| {
            let run = board.run.as_ref();
            let is_watched = |run: &RunBoard| run.counts.persisted >= num && run.phase == RunPhase::Watching;
            run.is_some_and(|run| run.phase.is_ended() || (is_watched(run) && (run.is_untellable || run.is_of_the_living())))
        };
        let board = self.until("the first few", is_told).await;
        if board.run.as_ref().is_some_and(|run| run.is_of_the_living()) {
            self.world.read_all();
        }
        self.desk.command(ReplayCommand::Continue);
        self.until_phase(is_ended).await
    }

    pub(super) fn start(&self, board: &ReplayBoard, typed_name: Option<&str>) {
        let replay_id = board.preview.as_ref().expect("a preview").replay_id.clone();
        self.desk.command(ReplayCommand::Start { replay_id, typed_name: typed_name.map(str::to_owned) });
    }

    /// Previews all twelve and sends the first five; the run's id.
    pub(super) async fn send_first(&self) -> String {
        let board = self.preview(0..12).await;
        self.start(&board, None);
        let board = self.until("canary", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
        board.run.as_ref().expect("a run").replay_id.clone()
    }

    /// Waits until the first few are watched and this is said to be waited for.
    pub(super) async fn until_waits_for(&self, what: &str) -> Arc<ReplayBoard> {
        self.until(what, |board| board.run.as_ref().is_some_and(|run| run.phase == RunPhase::Watching && run.waits_for.contains(what))).await
    }

    pub(super) async fn until_phase(&self, phase: fn(&RunPhase) -> bool) -> Arc<ReplayBoard> {
        self.until("phase", |board| board.run.as_ref().is_some_and(|run| phase(&run.phase))).await
    }

    pub(super) fn ledger(&self) -> Ledger {
        Ledger::open(&self.folder.path().join("ledger.sqlite")).expect("a ledger")
    }

    pub(super) async fn outcomes(&self) -> Vec<(i64, SettledAs)> {
        let lines = self.ledger().lines(1_000).await.expect("lines");
        lines.into_iter().map(|line| (line.letter.and_then(|letter| letter.at.place.offset()).unwrap_or(-1), line.settled.counts_as())).collect()
    }
}

pub(super) fn is_ended(phase: &RunPhase) -> bool {
    phase.is_ended()
}

pub(super) fn ending(board: &ReplayBoard) -> (Ending, String) {
    match &board.run.as_ref().expect("a run").phase {
        RunPhase::Ended(ending, reason) => (*ending, reason.clone()),
        phase => panic!("not ended: {phase:?}"),
    }
}
