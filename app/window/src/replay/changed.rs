//! What changes change in the records of a preview: in the first, the last and the one that is chosen. Pure.

use switchboard_desk::{
    ledger::LetterKey,
    send::{
        edit::Difference,
        replay::{Planned, Preview, RecordPart, ReplayBoard, ReplayCommand, ShownRecord},
    },
};
use switchboard_model::{HeaderChange, HeaderChangeKind};

use super::panel::{are_of_several, place_words};
use crate::sanitise::visible;

/// Header changes of a record that are told one by one.
const HEADERS_MAX: usize = 12;

/// A record, and what is told of its changes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ChangedRecord<'a> {
    /// Which: `first · 0@7724`.
    pub place: String,
    /// What is told.
    pub told: Told<'a>,
}

/// What is told of the changes to a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told<'a> {
    /// What is another: key and value place by place, and headers in words.
    Changes(Vec<(RecordPart, &'a Difference)>, Vec<String>),
    /// It is being read again.
    Reading,
    /// It was not read again yet.
    Unread,
    /// Why it cannot be looked at.
    Failed(&'a str),
}

/// Which records of a preview are looked at: their places in it, found once for each choice.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LookedAt {
    /// Of which preview, how many of it go first (by which its order may be another), and which is chosen.
    of: Option<(String, usize, Option<LetterKey>)>,
    first: Option<usize>,
    last: Option<usize>,
    chosen: Option<usize>,
    are_of_several: bool,
    /// Which was asked to be read last.
    asked: Option<(String, LetterKey)>,
}

impl LookedAt {
    /// Finds the first and the last that are changed, and the one that is chosen.
    fn find(&mut self, preview: &Preview, selected: Option<&LetterKey>) {
        let (replay_id, planned) = (&preview.replay_id, &preview.planned);
        let is_same = self.of.as_ref().is_some_and(|(of, num_first, _)| of == replay_id && *num_first == preview.num_first);
        if is_same && self.of.as_ref().is_some_and(|(.., chosen)| chosen.as_ref() == selected) {
            return;
        }
        if !is_same {
            self.first = planned.iter().position(|planned| planned.edited);
            self.last = planned.iter().rposition(|planned| planned.edited);
            self.are_of_several = are_of_several(planned.iter().map(|planned| &planned.asked.letter.at));
        }
        self.chosen = selected.and_then(|selected| planned.iter().position(|planned| planned.asked.letter == *selected));
        self.of = Some((replay_id.clone(), preview.num_first, selected.cloned()));
        self.asked = self.asked.take().filter(|(of, letter)| Some(letter) == selected && of == replay_id);
    }

    /// Asks for the chosen one where it was not read yet, once.
    pub(super) fn ask(&mut self, board: &ReplayBoard, selected: Option<&LetterKey>) -> Option<ReplayCommand> {
        let preview = board.preview.as_ref().filter(|_| board.run.is_none())?;
        self.find(preview, selected);
        let planned = &preview.planned[self.chosen?];
        let asked = (preview.replay_id.clone(), planned.asked.letter.clone());
        let is_there = planned.shown.is_some() || board.looked_at.as_ref().is_some_and(|look| look.replay_id == asked.0 && look.letter == asked.1);
        if is_there || self.asked.as_ref() == Some(&asked) {
            return None;
        }
        self.asked = Some(asked.clone());
        let (replay_id, letter) = asked;
        Some(ReplayCommand::Look { replay_id, letter })
    }

    /// What the changes change in the first record, the last and the chosen one; empty where nothing is changed.
    pub(super) fn changed<'a>(&mut self, board: &'a ReplayBoard, selected: Option<&LetterKey>) -> Vec<ChangedRecord<'a>> {
        let Some(preview) = &board.preview else { return Vec::new() };
        self.find(preview, selected);
        let chosen = self.chosen.filter(|place| preview.planned[*place].edited);
        let mut places: Vec<usize> = Vec::new();
        let mut told = Vec::new();
        for (word, place) in [("first", self.first), ("last", self.last), ("selected", chosen)] {
            let Some(place) = place.filter(|place| !places.contains(place)) else { continue };
            places.push(place);
            let planned = &preview.planned[place];
            told.push(ChangedRecord {
                place: format!("{word} · {}", place_words(&planned.asked.letter.at, self.are_of_several)),
                told: told_of(board, planned),
            });
        }
        told
    }
}

fn told_of<'a>(board: &'a ReplayBoard, planned: &'a Planned) -> Told<'a> {
    match board.shown(planned) {
        Some(Ok(shown)) => changes(shown),
        Some(Err(why)) => Told::Failed(why),
        None if board.looked_at.as_ref().is_some_and(|look| look.letter == planned.asked.letter) => Told::Reading,
        None => Told::Unread,
    }
}

fn changes(shown: &ShownRecord) -> Told<'_> {
    let by_hand = shown.diff.changes.iter().filter(|change| change.kind != HeaderChangeKind::Kept && is_by_hand(change));
    let mut headers: Vec<String> = by_hand.clone().take(HEADERS_MAX).map(header_words).collect();
    let num_more = by_hand.count().saturating_sub(HEADERS_MAX);
    if num_more > 0 {
        headers.push(format!("and {num_more} more headers"));
    }
    Told::Changes(shown.changed.iter().map(|(part, difference)| (*part, difference)).collect(), headers)
}

fn header_words(change: &HeaderChange) -> String {
    let what = match change.kind {
        HeaderChangeKind::Kept => "stays",
        HeaderChangeKind::Removed { .. } => "goes",
        HeaderChangeKind::Added => "is added",
        HeaderChangeKind::Changed => "is another",
    };
    format!("header {} {what}", visible(&change.name))
}

fn is_by_hand(change: &HeaderChange) -> bool {
    match change.kind {
        HeaderChangeKind::Removed { dialect } => dialect == "your change",
        _ => !change.name.starts_with("x-switchboard-"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use switchboard_desk::send::replay::LookBoard;

    use super::*;
    use crate::views::dead_letters::sample;

    #[test]
    fn the_first_the_last_and_the_chosen_one_are_told_and_what_is_not_there_is_asked_for_once() {
        let mut board = sample::edited();
        let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
        for planned in &mut preview.planned[200..295] {
            planned.shown = None;
        }
        let (num, chosen, shown) = (preview.planned.len(), preview.planned[250].asked.letter.clone(), preview.planned[0].shown.clone());
        let near = preview.planned[3].asked.letter.clone();
        let replay_id = preview.replay_id.clone();
        let mut looked_at = LookedAt::default();
        let words = |looked_at: &mut LookedAt, board: &ReplayBoard, selected: &LetterKey| -> Vec<(String, &'static str)> {
            let word = |told: &Told<'_>| match told {
                Told::Changes(parts, headers) if parts.len() == 1 && headers.is_empty() => "value",
                Told::Changes(..) => "another",
                Told::Reading => "reading",
                Told::Unread => "unread",
                Told::Failed(_) => "failed",
            };
            let told = looked_at.changed(board, Some(selected));
            told.iter().map(|record| (record.place.split(' ').next().unwrap_or_default().to_owned(), word(&record.told))).collect()
        };
        let is = |words: &[(String, &'static str)], last: &'static str| {
            let told: Vec<(&str, &str)> = words.iter().map(|(word, told)| (word.as_str(), *told)).collect();
            assert_eq!(told, [("first", "value"), ("last", "value"), ("selected", last)]);
        };
        assert_eq!(num, 296);
        is(&words(&mut looked_at, &board, &near), "value");
        assert_eq!(looked_at.ask(&board, Some(&near)), None, "it is there");
        is(&words(&mut looked_at, &board, &chosen), "unread");
        let look = ReplayCommand::Look { replay_id: replay_id.clone(), letter: chosen.clone() };
        assert_eq!(looked_at.ask(&board, Some(&chosen)), Some(look.clone()));
        assert_eq!(looked_at.ask(&board, Some(&chosen)), None, "it was asked for");
        let mut look_board = LookBoard { replay_id, letter: chosen.clone(), read: None };
        board.looked_at = Some(Arc::new(look_board.clone()));
        is(&words(&mut looked_at, &board, &chosen), "reading");
        look_board.read = Some(Ok(shown.expect("shown")));
        board.looked_at = Some(Arc::new(look_board.clone()));
        is(&words(&mut looked_at, &board, &chosen), "value");
        look_board.read = Some(Err("expired: the partition begins later by now".into()));
        board.looked_at = Some(Arc::new(look_board));
        is(&words(&mut looked_at, &board, &chosen), "failed");
        // Whoever comes back to it once another was looked at asks again.
        assert_eq!(looked_at.ask(&board, Some(&near)), None);
        board.looked_at = None;
        assert_eq!(looked_at.ask(&board, Some(&chosen)), Some(look));
    }

    #[test]
    fn a_header_that_is_changed_is_told_by_name_and_our_own_are_not() {
        let board = sample::edited();
        let mut shown = ShownRecord::clone(board.preview.as_ref().expect("a preview").planned[0].shown.as_ref().expect("shown"));
        shown.changed.clear();
        let value = switchboard_model::ShownValue { bytes: Some(b"2".to_vec()), redacted: false };
        let change = |name: &str, kind| HeaderChange { name: name.into(), kind, before: None, after: Some(value.clone()) };
        shown.diff.changes.extend([
            change("ce_type", HeaderChangeKind::Changed),
            change("note", HeaderChangeKind::Added),
            change("old", HeaderChangeKind::Removed { dialect: "your change" }),
            change("x-switchboard-edited", HeaderChangeKind::Added),
        ]);
        let Told::Changes(parts, headers) = changes(&shown) else { panic!("changes") };
        assert_eq!((parts.len(), headers.join(", ").as_str()), (0, "header ce_type is another, header note is added, header old goes"));
    }
}
