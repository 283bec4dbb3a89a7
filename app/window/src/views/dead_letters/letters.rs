//! The letters of a cause, one row each. Pure.

use switchboard_engine::view::LetterView;
use switchboard_model::ToldPlace;

use switchboard_desk::{
    ledger::{LetterKey, LetterState, SentState},
    send::replay::ReplayBoard,
};

use crate::{
    figures,
    ink::tone_inks,
    sanitise::{lines, visible},
    theme::Ink,
    widgets::payload::bytes_in_line,
};

/// Characters of a key in a row.
const KEY_CHARS_MAX: usize = 80;

/// Characters of a parking note in a row; where it finds no room the pointer tells it.
const NOTE_CHARS_MAX: usize = 1_000;

/// A letter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LetterRow {
    /// Which.
    pub key: LetterKey,
    /// All that is known of it.
    pub view: LetterView,
    /// Where it stands.
    pub state: LetterState,
    /// Its own key, safe to show.
    pub key_text: String,
}

/// One row a letter, in their order.
pub(crate) fn rows(letters: &[LetterView], board: &ReplayBoard) -> Vec<LetterRow> {
    let row = |view: &LetterView| {
        let key = LetterKey::of(view);
        let key_text = bytes_in_line(view.key.as_deref()).text.chars().take(KEY_CHARS_MAX).collect();
        LetterRow { state: board.state(&key).clone(), key, view: view.clone(), key_text }
    };
    letters.iter().map(row).collect()
}

/// The colour of a state; the word says it too. What is urgent has the colour of that.
pub(crate) fn state_ink(state: &LetterState) -> Ink {
    match state {
        LetterState::Open => Ink::Text,
        LetterState::Sent(SentState::Persisted) => Ink::Accent,
        LetterState::Consumed => Ink::Good,
        LetterState::Parked(_) => Ink::Faint,
        LetterState::Sent(SentState::Possibly) | LetterState::DeadAgain => tone_inks(state.severity().into()).0,
    }
}

impl LetterRow {
    /// Where it lies: `orders-dlt 2@100`.
    pub(crate) fn place_text(&self) -> String {
        let channel = visible(&self.view.at.channel);
        self.view.at.place.on(&channel).to_string()
    }

    /// The word for where it stands, and with why: a parking note is part of it.
    pub(crate) fn state_text(&self) -> String {
        match &self.state {
            LetterState::Parked(note) if !note.is_empty() => format!("{}: {}", self.state.word(), lines(note, NOTE_CHARS_MAX).replace('\n', " ")),
            state => state.word().to_owned(),
        }
    }

    /// `2@18204`, or as much of it as is told: `p2`, `@18204`; `–` where nothing is.
    pub(crate) fn origin_text(&self) -> String {
        self.view.origin_place.as_ref().map_or_else(|| "–".to_owned(), ToldPlace::to_string)
    }

    /// How often it was tried; `–` where it is not told.
    pub(crate) fn attempts_text(&self) -> String {
        self.view.attempts.map_or_else(|| "–".to_owned(), |attempts| figures::count(u64::from(attempts)))
    }

    /// When it died.
    pub(crate) fn time_text(&self, now_ns: i64) -> String {
        self.view.timestamp_ns.map_or_else(|| "–".to_owned(), |ns| figures::when(ns, now_ns).in_8())
    }

    /// All of it, for screen readers.
    pub(crate) fn words(&self, is_marked: bool) -> String {
        let marked = if is_marked { ", marked" } else { "" };
        let (state, place) = (self.state_text(), self.place_text());
        format!("{place}, key {}, {state}{marked}, origin {}, tried {}", self.key_text, self.origin_text(), self.attempts_text())
    }
}
