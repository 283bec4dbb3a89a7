//! A long text that is edited: the text, its rows, its caret and what is selected. Pure.

use std::ops::Range;

use super::{
    history::{Edit, History},
    rows::{Measure, Rows, is_boundary},
};
use crate::widgets::ends::common_ends_of_texts;

/// Of a word that is longer so much is selected at once before the pointer and behind it, bytes.
pub(super) const WORD_BYTES_MAX: usize = 64 << 10;

/// Where keys go in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Caret {
    /// The place, bytes.
    pub at: usize,
    /// The other end of what is selected, bytes: the same where nothing is.
    pub anchor: usize,
    /// Between two rows of one line it stands at the end of the first.
    pub leans_back: bool,
}

impl Caret {
    /// At a place, with nothing selected.
    pub(super) fn one(at: usize) -> Self {
        Self { at, anchor: at, leans_back: false }
    }

    /// What is selected, bytes.
    pub(super) fn range(self) -> Range<usize> {
        self.at.min(self.anchor)..self.at.max(self.anchor)
    }
}

/// What the pointer selects at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Grain {
    #[default]
    Character,
    Word,
    Line,
}

/// A way for the caret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Left,
    Right,
    WordLeft,
    WordRight,
    /// So many rows.
    Up(usize),
    Down(usize),
    RowStart,
    RowEnd,
    LineStart,
    LineEnd,
    Start,
    End,
}

/// The text.
#[derive(Clone, Debug)]
pub(super) struct LongText {
    text: String,
    rows: Rows,
    width_pt: f32,
    caret: Caret,
    /// How far from the left the caret would like to be, points, while it goes up and down.
    wished_x: Option<f32>,
    /// What an input method has written and may still write otherwise, bytes.
    composed: Option<Range<usize>>,
    /// What the pointer selects at once, as long as nothing else moves the caret.
    grain: Grain,
    /// The word or the line that it was pressed on, bytes: that stays selected, whichever way it goes. Empty: there is none.
    kept: Range<usize>,
    history: History,
}

impl LongText {
    /// In a field so wide, points, with the caret at its end.
    pub(super) fn new(text: &str, width_pt: f32, measure: &mut Measure<'_>) -> Self {
        let rows = Rows::of(text, width_pt, measure);
        let caret = Caret::one(text.len());
        let text = text.to_owned();
        Self { text, rows, width_pt, caret, wished_x: None, composed: None, grain: Grain::default(), kept: 0..0, history: History::default() }
    }

    /// As it is now.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Its rows.
    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// The caret.
    pub(super) fn caret(&self) -> Caret {
        self.caret
    }

    /// What is selected.
    pub(super) fn selected(&self) -> &str {
        &self.text[self.caret.range()]
    }

    /// What an input method is writing, bytes.
    pub(super) fn composed(&self) -> Option<Range<usize>> {
        self.composed.clone()
    }

    /// The row that the caret is in.
    pub(super) fn caret_row(&self) -> usize {
        let row = self.rows.row_of(self.caret.at);
        row - usize::from(self.caret.leans_back && row > 0 && self.rows.start(row) == self.caret.at)
    }

    /// Puts it in a field of another width, points, or of another face.
    pub(super) fn wrap(&mut self, width_pt: f32, measure: &mut Measure<'_>) {
        (self.width_pt, self.wished_x) = (width_pt, None);
        self.rows = Rows::of(&self.text, width_pt, measure);
        self.caret.leans_back = false;
    }

    /// Takes in that somebody else has changed it. Where only white space is another that can be undone; otherwise it is another text.
    pub(super) fn take(&mut self, text: &str, measure: &mut Measure<'_>) {
        if self.text == text {
            return;
        }
        self.settle();
        let (before, behind) = common_ends_of_texts(&self.text, text);
        let (range, with) = (before..self.text.len() - behind, &text[before..text.len() - behind]);
        let at = text.floor_char_boundary(self.caret.at);
        if ink(&self.text[range.clone()]).eq(ink(with)) {
            self.edit(range, with, false, measure);
        } else {
            self.history.clear();
            self.splice(range, with, measure);
        }
        self.put(Caret::one(at));
    }

    /// Takes over what a field before this one could undo: its texts, the oldest first, each before the next, the last before the one that is edited.
    pub(super) fn remember(&mut self, texts: &[String]) {
        let next = texts.iter().skip(1).map(String::as_str).chain([self.text.as_str()]);
        for (was, now) in texts.iter().zip(next) {
            let (at, behind) = common_ends_of_texts(was, now);
            let (removed, inserted) = (was[at..was.len() - behind].to_owned(), now[at..now.len() - behind].to_owned());
            let (before, after) = (Caret::one(at + removed.len()), Caret::one(at + inserted.len()));
            self.history.push(Edit { at, removed, inserted, before, after }, false);
        }
    }

    /// Puts the caret somewhere.
    pub(super) fn put(&mut self, caret: Caret) {
        self.caret = caret;
        self.wished_x = None;
        (self.grain, self.kept) = (Grain::default(), 0..0);
        self.history.close();
    }

    /// Puts the caret into a row.
    fn put_in_row(&mut self, row: usize, at: usize, anchor: usize) {
        let leans_back = at > self.rows.start(row) && at < self.text.len() && self.rows.row_of(at) > row;
        self.put(Caret { at, anchor, leans_back });
    }

    /// The pointer is pressed on a place of a row. `extends`: what is selected goes on up to there.
    pub(super) fn press(&mut self, row: usize, at: usize, grain: Grain, extends: bool) {
        let kept = if extends { self.kept() } else { self.unit(at, grain) };
        self.reach(row, at, grain, kept);
    }

    /// The pointer, still pressed, is at a place of a row.
    pub(super) fn drag(&mut self, row: usize, at: usize) {
        self.reach(row, at, self.grain, self.kept());
    }

    /// What stays selected wherever the pointer goes.
    fn kept(&self) -> Range<usize> {
        if self.kept.is_empty() { self.caret.anchor..self.caret.anchor } else { self.kept.clone() }
    }

    fn reach(&mut self, row: usize, at: usize, grain: Grain, kept: Range<usize>) {
        let unit = self.unit(at, grain);
        let (at, anchor) = match at {
            at if at < kept.start => (unit.start, kept.end),
            at if at > kept.end || kept.is_empty() => (unit.end, kept.start),
            _ => (kept.end, kept.start),
        };
        self.put_in_row(row, at, anchor);
        (self.grain, self.kept) = (grain, kept);
    }

    /// Selects all.
    pub(super) fn select_all(&mut self) {
        self.put(Caret { at: self.text.len(), anchor: 0, leans_back: false });
    }

    /// What is selected at once at a place, bytes: its word or what stands there between two words, or its line without the end of it.
    fn unit(&self, at: usize, grain: Grain) -> Range<usize> {
        match grain {
            Grain::Character => at..at,
            Grain::Line => self.line_of(at),
            Grain::Word => {
                let (from, to) = (self.text.ceil_char_boundary(at.saturating_sub(WORD_BYTES_MAX)), self.text.floor_char_boundary(at + WORD_BYTES_MAX));
                let before = self.text[from..at].rsplit('\n').next().unwrap_or_default();
                let behind = self.text[at..to].split('\n').next().unwrap_or_default();
                let is_end = matches!(self.text.as_bytes().get(at + behind.len()), None | Some(b'\n'));
                let behind = if is_end { behind.strip_suffix('\r').unwrap_or(behind) } else { behind };
                let kind = |c: char| (is_of_word(c), c.is_whitespace());
                let Some(of) = behind.chars().next().or_else(|| before.chars().next_back()).map(kind) else { return at..at };
                let num_before: usize = before.chars().rev().take_while(|c| kind(*c) == of).map(char::len_utf8).sum();
                let num_behind: usize = behind.chars().take_while(|c| kind(*c) == of).map(char::len_utf8).sum();
                at - num_before..at + num_behind
            }
        }
    }

    /// The line at a place without its end, bytes.
    fn line_of(&self, at: usize) -> Range<usize> {
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = self.text[at..].find('\n').map_or(self.text.len(), |len| at + len);
        start..end - usize::from(end > at && self.text[..end].ends_with('\r'))
    }

    /// Moves the caret. `selects`: up to there is selected.
    pub(super) fn go(&mut self, step: Step, selects: bool, measure: &mut Measure<'_>) {
        self.settle();
        let selected = self.caret.range();
        if !selects && !selected.is_empty() && matches!(step, Step::Left | Step::Right) {
            self.put(Caret::one(if step == Step::Left { selected.start } else { selected.end }));
            return;
        }
        let (row, last) = (self.caret_row(), self.rows.len() - 1);
        match step {
            Step::Up(num) if row > 0 => self.go_to_row(row.saturating_sub(num), selects, measure),
            Step::Down(num) if row < last => self.go_to_row((row + num).min(last), selects, measure),
            Step::RowEnd => {
                let end = self.rows.seen(row, &self.text).end;
                self.put_in_row(row, end, if selects { self.caret.anchor } else { end });
            }
            _ => {
                let at = self.reached(step);
                self.put(Caret { at, anchor: if selects { self.caret.anchor } else { at }, leans_back: false });
            }
        }
    }

    /// Where a step leads that goes along the text.
    fn reached(&self, step: Step) -> usize {
        let (text, at) = (&self.text, self.caret.at);
        let back = |while_true: fn(char) -> bool, at: usize| text[..at].trim_end_matches(while_true).len();
        let on = |while_true: fn(char) -> bool, at: usize| text.len() - text[at..].trim_start_matches(while_true).len();
        match step {
            Step::Left => text[..at].char_indices().rev().map(|(at, _)| at).find(|at| is_boundary(text, *at)).unwrap_or(0),
            Step::Right => text[at..].char_indices().skip(1).map(|(len, _)| at + len).find(|at| is_boundary(text, *at)).unwrap_or(text.len()),
            Step::WordLeft => back(is_of_word, back(|c| !is_of_word(c), at)),
            Step::WordRight => on(is_of_word, on(|c| !is_of_word(c), at)),
            Step::RowStart => self.rows.start(self.caret_row()),
            Step::LineStart => self.line_of(at).start,
            Step::LineEnd => self.line_of(at).end,
            Step::RowEnd => self.rows.seen(self.caret_row(), text).end,
            Step::Start | Step::Up(_) => 0,
            Step::End | Step::Down(_) => text.len(),
        }
    }

    /// Into a row, as far from the left as is wished.
    fn go_to_row(&mut self, row: usize, selects: bool, measure: &mut Measure<'_>) {
        let from = self.rows.start(self.caret_row());
        let x = self.wished_x.unwrap_or_else(|| self.text[from..self.caret.at].chars().map(|c| measure.of(c)).sum());
        let at = self.at_x(row, x, measure);
        self.put_in_row(row, at, if selects { self.caret.anchor } else { at });
        self.wished_x = Some(x);
    }

    /// The place in a row that is so far from the left, points.
    pub(super) fn at_x(&self, row: usize, x: f32, measure: &mut Measure<'_>) -> usize {
        let seen = self.rows.seen(row, &self.text);
        let mut left = 0.0;
        for (len, c) in self.text[seen.clone()].char_indices() {
            let wide = measure.of(c);
            if x < left + wide * 0.5 && is_boundary(&self.text, seen.start + len) {
                return seen.start + len;
            }
            left += wide;
        }
        seen.end
    }

    /// Writes something in the place of what is selected, as far as there is room for it. `is_typed`: by a key.
    pub(super) fn write(&mut self, with: &str, is_typed: bool, chars_max: usize, measure: &mut Measure<'_>) {
        self.settle();
        let range = self.caret.range();
        let mut with = with;
        // A character takes a byte at least.
        if self.text.len() - range.len() + with.len() > chars_max {
            let num_kept = self.text[..range.start].chars().count() + self.text[range.end..].chars().count();
            let end = with.char_indices().nth(chars_max.saturating_sub(num_kept)).map_or(with.len(), |(end, _)| end);
            with = &with[..end];
        }
        self.edit(range, with, is_typed, measure);
    }

    /// Deletes what is selected, or what a step goes over.
    pub(super) fn delete(&mut self, step: Step, measure: &mut Measure<'_>) {
        self.settle();
        let mut range = self.caret.range();
        if range.is_empty() {
            let reached = self.reached(step);
            range = reached.min(self.caret.at)..reached.max(self.caret.at);
        }
        self.edit(range, "", true, measure);
    }

    /// Deletes so many characters before the caret and behind it.
    pub(super) fn delete_around(&mut self, chars_before: usize, chars_behind: usize, measure: &mut Measure<'_>) {
        self.settle();
        let at = self.caret.at;
        let from = chars_before.checked_sub(1).map_or(at, |nth| self.text[..at].char_indices().rev().nth(nth).map_or(0, |(from, _)| from));
        let to = self.text[at..].char_indices().nth(chars_behind).map_or(self.text.len(), |(len, _)| at + len);
        self.edit(from..to, "", false, measure);
        self.caret = Caret::one(from);
    }

    /// An input method writes something that it may still write otherwise.
    pub(super) fn compose(&mut self, with: &str, measure: &mut Measure<'_>) {
        if self.composed.is_none() {
            if with.is_empty() {
                return;
            }
            self.edit(self.caret.range(), "", false, measure);
        }
        let range = self.composed.take().unwrap_or(self.caret.at..self.caret.at);
        self.splice(range.clone(), with, measure);
        self.caret = Caret::one(range.start + with.len());
        self.composed = (!with.is_empty()).then_some(range.start..self.caret.at);
    }

    /// What an input method wrote at last, instead of what it wrote before.
    pub(super) fn commit(&mut self, with: &str, chars_max: usize, measure: &mut Measure<'_>) {
        if let Some(range) = self.composed.take() {
            self.splice(range.clone(), "", measure);
            self.caret = Caret::one(range.start);
        } else if with.is_empty() {
            return;
        }
        self.write(with, true, chars_max, measure);
    }

    /// What an input method wrote stays as it is.
    pub(super) fn settle(&mut self) {
        if let Some(range) = self.composed.take() {
            let inserted = self.text[range.clone()].to_owned();
            self.history.push(Edit { at: range.start, removed: String::new(), inserted, before: Caret::one(range.start), after: self.caret }, false);
        }
    }

    /// Undoes the last edit; false if there is none.
    pub(super) fn undo(&mut self, measure: &mut Measure<'_>) -> bool {
        self.settle();
        let Some(edit) = self.history.undo().cloned() else { return false };
        self.splice(edit.at..edit.at + edit.inserted.len(), &edit.removed, measure);
        (self.caret, self.wished_x) = (edit.before, None);
        true
    }

    /// Does again what was undone last; false if nothing was.
    pub(super) fn redo(&mut self, measure: &mut Measure<'_>) -> bool {
        self.settle();
        let Some(edit) = self.history.redo().cloned() else { return false };
        self.splice(edit.at..edit.at + edit.removed.len(), &edit.inserted, measure);
        (self.caret, self.wished_x) = (edit.after, None);
        true
    }

    fn edit(&mut self, range: Range<usize>, with: &str, is_small: bool, measure: &mut Measure<'_>) {
        if range.is_empty() && with.is_empty() {
            return;
        }
        let (at, before, removed) = (range.start, self.caret, self.text[range.clone()].to_owned());
        self.splice(range, with, measure);
        self.caret = Caret::one(at + with.len());
        self.history.push(Edit { at, removed, inserted: with.to_owned(), before, after: self.caret }, is_small);
    }

    fn splice(&mut self, range: Range<usize>, with: &str, measure: &mut Measure<'_>) {
        self.text.replace_range(range.clone(), with);
        self.rows.take_edit(&self.text, range.start, range.len(), with.len(), self.width_pt, measure);
        self.wished_x = None;
        (self.grain, self.kept) = (Grain::default(), 0..0);
    }
}

/// Whether a character is part of a word. Accents that are written behind their letter are.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || ('\u{300}'..='\u{36f}').contains(&c)
}

/// What is seen of a text.
fn ink(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !c.is_whitespace())
}
