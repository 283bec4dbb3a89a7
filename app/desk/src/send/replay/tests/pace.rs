//! How many go first and how fast the rest goes, chosen for one run.

use super::*;
use crate::send::replay::{ChosenPace, PaceBounds, Preview, parse_plan, read_plan};

fn chosen(num_first: Option<u32>, rate_per_s: Option<u32>) -> ChosenPace {
    ChosenPace { num_first, rate_per_s }
}

fn asks(num: i64, pace: ChosenPace) -> ReplayAsk {
    let letters = AskedLetters::These((0..num).map(asked).collect());
    ReplayAsk {
        cluster: CLUSTER.into(),
        target: TARGET.into(),
        num_stored: 0,
        letters,
        plan_key: None,
        options: ReplayOptions { pace, ..ReplayOptions::default() },
    }
}

fn preview(board: &ReplayBoard) -> &Arc<Preview> {
    board.preview.as_ref().unwrap_or_else(|| panic!("no preview: {:?}", board.refusal))
}

impl Desk {
    /// Chooses a pace of the preview; what the board says then.
    async fn choose(&self, board: &ReplayBoard, pace: ChosenPace) -> Arc<ReplayBoard> {
        let replay_id = preview(board).replay_id.clone();
        self.desk.command(ReplayCommand::Pace { replay_id, pace });
        self.until("another pace", |board| board.refusal.is_some() || board.preview.as_ref().is_some_and(|preview| preview.options().pace == pace)).await
    }

    /// Asks for the pace that the preview has.
    async fn forget_refusal(&self, board: &ReplayBoard) {
        let (replay_id, pace) = (preview(board).replay_id.clone(), preview(board).options().pace);
        self.desk.command(ReplayCommand::Pace { replay_id, pace });
        self.until("no refusal", |board| board.refusal.is_none()).await;
    }

    /// Whether so many were sent and no more go, though it is looked several times what became of them.
    async fn stops_at_its_gate(&self, num: usize) -> Arc<ReplayBoard> {
        let is_watched = |board: &ReplayBoard| board.run.as_ref().is_some_and(|run| run.counts.persisted == num && run.phase == RunPhase::Watching);
        let watched = self.until("the gate", is_watched).await;
        let later = self.until("a few looks", |now| now.version > watched.version + 5).await;
        assert!(is_watched(&later) && self.world.sent().len() == num, "{later:#?}");
        later
    }
}

#[tokio::test]
async fn a_run_stops_at_its_gate_after_as_many_as_were_chosen_and_nothing_is_read_again_for_that() {
    let desk = Desk::new(World::new(12));
    let board = desk.previewed(asks(12, ChosenPace::default())).await;
    assert_eq!((preview(&board).num_first, preview(&board).rate_per_s), (5, 500));
    assert_eq!(preview(&board).bounds, PaceBounds { num_first: 5, rate_per_s: 500, rate_cap: None });
    let (num_reads, before) = (desk.world.num_reads.load(Ordering::Relaxed), Arc::clone(preview(&board)));
    let board = desk.choose(&board, chosen(Some(3), Some(2_000))).await;
    let paced = preview(&board);
    assert_eq!((paced.num_first, paced.rate_per_s, &paced.planned, &paced.replay_id), (3, 2_000, &before.planned, &before.replay_id));
    assert_eq!(desk.world.num_reads.load(Ordering::Relaxed), num_reads);
    desk.start(&board, None);
    let board = desk.stops_at_its_gate(3).await;
    let run = board.run.as_ref().expect("a run");
    assert_eq!((run.canary.len(), run.counts.waiting, run.rate_per_s), (3, 9, 2_000));
    // What goes on goes by what was shown.
    let board = desk.choose(&board, chosen(Some(9), None)).await;
    assert_eq!(board.refusal.as_deref(), Some("this preview was sent already; make another"));
    desk.world.read_all();
    desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    assert_eq!((ending(&board).0, desk.world.sent().len()), (Ending::Finished, 12));
}

#[tokio::test]
async fn more_can_go_first_than_the_profile_says_and_one_alone() {
    let caps = Caps { num_first: Some(4), ..Caps::default() };
    for num in [7, 1] {
        let desk = Desk::new(World { caps, ..World::new(12) });
        let board = desk.previewed(asks(12, chosen(Some(num), None))).await;
        desk.start(&board, None);
        desk.stops_at_its_gate(num as usize).await;
    }
}

#[tokio::test]
async fn a_run_is_no_faster_than_was_chosen() {
    let desk = Desk::new(World::new(6));
    let board = desk.previewed(asks(6, ChosenPace::default())).await;
    let board = desk.choose(&board, chosen(Some(6), Some(20))).await;
    let began = Instant::now();
    desk.start(&board, None);
    let board = desk.until("all", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 6)).await;
    // Between six are five times a twentieth of a second; at the profile's rate it would be 10 ms.
    assert!(began.elapsed() >= Duration::from_millis(250), "{:?}", began.elapsed());
    assert_eq!(board.run.as_ref().map(|run| run.rate_per_s), Some(20));
}

#[tokio::test]
async fn what_the_profile_does_not_let_is_refused_and_changes_nothing() {
    let caps = Caps { rate_per_s: Some(50), ..Caps::default() };
    let desk = Desk::new(World { caps, ..World::new(3) });
    let board = desk.previewed(asks(3, chosen(None, Some(20)))).await;
    assert_eq!((preview(&board).num_first, preview(&board).rate_per_s), (5, 20));
    let too_fast = "51 a second is more than the profile lets go to this cluster, 50 (replay.per_second). Choose 50 or fewer, or raise it there";
    for (pace, why) in [(chosen(None, Some(51)), too_fast), (chosen(Some(101), None), "101 cannot go first: choose 1 to 100")] {
        let refused = desk.choose(&board, pace).await;
        assert!(refused.refusal.as_ref().is_some_and(|told| told.starts_with(why)), "{:?}", refused.refusal);
        assert_eq!(preview(&refused), preview(&board));
        desk.forget_refusal(&board).await;
        // Neither is it previewed like that.
        let num_reads = desk.world.num_reads.load(Ordering::Relaxed);
        desk.desk.command(ReplayCommand::Preview(asks(3, pace)));
        let refused = desk.until("a refusal", |now| now.refusal.is_some()).await;
        assert!(refused.refusal.as_ref().is_some_and(|told| told.starts_with(why)), "{:?}", refused.refusal);
        assert_eq!((preview(&refused), desk.world.num_reads.load(Ordering::Relaxed)), (preview(&board), num_reads));
        desk.forget_refusal(&board).await;
    }
    desk.desk.command(ReplayCommand::Pace { replay_id: "another".into(), pace: chosen(Some(1), None) });
    desk.until("a refusal", |board| board.refusal.as_deref() == Some("the preview is gone; make it again")).await;
}

#[tokio::test]
async fn a_plan_has_the_pace_that_was_chosen_and_one_without_goes_by_the_profile() {
    let desk = Desk::new(World::new(6));
    let pace = chosen(Some(2), Some(40));
    let board = desk.previewed(asks(6, ChosenPace::default())).await;
    let write = |board: &ReplayBoard| ReplayCommand::WritePlan { replay_id: preview(board).replay_id.clone() };
    desk.desk.command(write(&board));
    let board = desk.until("the file", |board| board.plan_file.is_some()).await;
    let path = board.plan_file.as_ref().expect("a file").1.clone();
    let text = |path: &std::path::Path| std::fs::read_to_string(path).expect("it is there");
    assert!(!text(&path).contains("\"first\"") && !text(&path).contains("\"per_second\""), "{}", text(&path));
    assert_eq!(read_plan(&path).expect("a plan").options.pace, ChosenPace::default());
    // What was saved is no plan of what is shown from here on.
    let board = desk.choose(&board, pace).await;
    assert_eq!(board.plan_file, None);
    desk.desk.command(write(&board));
    desk.until("the file", |board| board.plan_file.is_some()).await;
    assert!(text(&path).contains("\"first\": 2,\n  \"per_second\": 40"), "{}", text(&path));
    let ask = read_plan(&path).expect("a plan");
    assert_eq!(ask.options.pace, pace);
    let board = desk.previewed(ask).await;
    assert_eq!((preview(&board).num_first, preview(&board).rate_per_s), (2, 40));
    desk.start(&board, None);
    desk.stops_at_its_gate(2).await;
    // Plans of ranges and of files are written by hand.
    let by_hand =
        |of: &str| parse_plan(format!("{{\"switchboard_plan\":1,\"target\":\"t\",\"first\":2,\"per_second\":40,{of}}}").as_bytes()).map(|ask| ask.options);
    for of in ["\"from\":\"a\",\"to\":\"b\",\"ranges\":[{\"channel\":\"o\",\"partition\":0,\"from\":1,\"to\":2}]", "\"to\":\"b\",\"file\":\"orders.jsonl\""] {
        let options = by_hand(of).expect("a plan");
        assert_eq!((options.pace, options.to.is_some()), (pace, of.contains("from")), "{of}");
    }
    let negative = b"{\"switchboard_plan\":1,\"target\":\"t\",\"first\":-1,\"from\":\"a\",\"ranges\":[]}";
    assert!(parse_plan(negative).is_err_and(|told| told.contains("-1")));
}
