//! Letters sent again by the session that watches the business.

use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_desk::ledger::{Ending, KindHash, LetterState};
use switchboard_desk::send::replay::{AskedLetter, AskedLetters, LetterCause, ReplayAsk, ReplayBoard, ReplayCommand, ReplayOptions, RunPhase};
use switchboard_engine::view::{Answer, DeadLetterView, LetterOrder, LetterView};
use switchboard_tests::spring::Spring;

use super::{AGREES_WITHIN, CLUSTER, RESTS_WITHIN, Watched, until_none, until_some};

/// Letters are sent again while their cause lasts, and after it was mended.
pub(super) async fn replayed(watched: &mut Watched, spring: &mut Spring, channel: &'static str, target: &'static str, num: usize) {
    let scenario = format!("replay of {channel}");
    if let Some((ending, is_passed, board)) = watched.replay(channel, target, num).await {
        let states: Vec<LetterState> = board.run.iter().flat_map(|run| &run.canary).map(|line| line.state.clone()).collect();
        if ending != Ending::Halted || is_passed || !states.contains(&LetterState::DeadAgain) {
            watched.note(&scenario, format!("its cause lasts, and it ended as {ending:?}, the rest let go: {is_passed}, the first few: {states:?}"));
        }
    }
    watched.agrees(&scenario, spring).await;
    spring.tell_shipping("heal on").expect("told");
    if let Some((ending, is_passed, board)) = watched.replay(channel, target, num).await {
        let planned = board.preview.as_ref().map_or(0, |preview| preview.planned.len());
        let consumed = async || {
            let board = watched.session.replay_board();
            let states: Vec<LetterState> = board.run.iter().flat_map(|run| &run.canary).map(|line| line.state.clone()).collect();
            if states.is_empty() || states.iter().any(|state| *state != LetterState::Consumed) { vec![format!("{states:?}")] } else { vec![] }
        };
        let states = until_none(AGREES_WITHIN, consumed).await;
        if ending != Ending::Finished || !is_passed || !states.is_empty() || planned < num {
            watched.note(&scenario, format!("its cause is mended, and it ended as {ending:?}, the rest let go: {is_passed}, {planned} planned, {states:?}"));
        }
    }
    watched.agrees(&scenario, spring).await;
    spring.tell_shipping("heal off").expect("told");
}

impl Watched {
    /// The oldest letters of a cause.
    pub(super) fn letters(&self, of: &DeadLetterView) -> Vec<LetterView> {
        let query = LetterCause::of(of).query(LetterOrder::OldestFirst, 0, 1000);
        match self.session.query(query).recv_timeout(Duration::from_secs(5)) {
            Ok(Answer::DeadLetters(page)) => page.letters.clone(),
            _ => Vec::new(),
        }
    }

    /// Asks for all letters of a channel that are open.
    async fn preview(&mut self, channel: &str, target: &str, num: usize) -> Option<Arc<ReplayBoard>> {
        let found = until_some(AGREES_WITHIN, || {
            let view = self.session.snapshot().dead_letters.iter().find(|view| view.channel == channel && view.count >= num as u64).cloned()?;
            Some(self.letters(&view)).filter(|letters| !letters.is_empty())
        });
        let Some(letters) = found.await else {
            self.note("replay", format!("{num} letters of {channel} of one cause are not known"));
            return None;
        };
        let ask = ReplayAsk {
            cluster: CLUSTER.into(),
            target: target.into(),
            num_stored: letters.len() as u64,
            plan_key: None,
            options: ReplayOptions::default(),
            letters: AskedLetters::These(letters.iter().map(|letter| AskedLetter::of(letter, KindHash(1))).collect()),
        };
        self.previewed(ask).await
    }

    /// What is asked for, once it is known what would be sent.
    pub(super) async fn previewed(&mut self, ask: ReplayAsk) -> Option<Arc<ReplayBoard>> {
        self.session.replay(ReplayCommand::Dismiss);
        let before = self.session.replay_board().preview.as_ref().map(|preview| preview.replay_id.clone());
        self.session.replay(ReplayCommand::Preview(ask));
        let is_new = |board: &ReplayBoard| board.preview.as_ref().is_some_and(|preview| Some(&preview.replay_id) != before.as_ref());
        let board = until_some(2 * AGREES_WITHIN, || Some(self.session.replay_board()).filter(|board| is_new(board))).await;
        if board.is_none() {
            self.note("replay", format!("no preview: {:?}", self.session.replay_board().refusal));
        }
        board
    }

    /// Sends the letters of a channel again, the rest after the first few; how it ended, and whether the gate opened.
    async fn replay(&mut self, channel: &'static str, target: &'static str, num: usize) -> Option<(Ending, bool, Arc<ReplayBoard>)> {
        let board = self.preview(channel, target, num).await?;
        let replay_id = board.preview.as_ref()?.replay_id.clone();
        self.session.replay(ReplayCommand::Start { replay_id, typed_name: None });
        let deadline = Instant::now() + RESTS_WITHIN;
        let mut is_passed = false;
        loop {
            let board = self.session.replay_board();
            match board.run.as_ref().map(|run| run.phase.clone()) {
                Some(RunPhase::Passed) => {
                    is_passed = true;
                    self.session.replay(ReplayCommand::Continue);
                }
                Some(RunPhase::Ended(ending, reason)) => {
                    let num_sent = board.run.as_ref().map_or(0, |run| run.counts.persisted);
                    eprintln!("replay of {channel}: {ending:?} {reason:?}, {num_sent} sent");
                    self.replayed.push((target, num_sent));
                    return Some((ending, is_passed, board));
                }
                _ if Instant::now() > deadline => {
                    self.note("replay", format!("the replay of {channel} does not end: {:?} {:?}", board.run.as_ref().map(|run| &run.phase), board.refusal));
                    return None;
                }
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}
