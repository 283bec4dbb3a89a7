//! Records of the open channel: their lines, loaded piece by piece, and the contents of those in view.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use switchboard_engine::view::{ChannelKey, PointQuery, Query, RecordLine, RecordPage, RecordView, RowId};
use switchboard_model::Place;

use super::{
    marked::Marks,
    record_filter::{LINES_MAX, RecordFilter},
};
use crate::{
    figures,
    sanitise::visible,
    theme::Ink,
    widgets::{
        payload::{bytes_in_line, hex},
        table::{Column, Row, TableState, Width},
    },
};

/// Lines of one question.
const PAGE_LINES: usize = 50_000;
/// Lines that are left when too many were kept.
const LINES_KEPT: usize = 1_000_000;
/// Contents that are kept for painting.
const CONTENTS_MAX: usize = 4_000;
/// Characters of a value in its line.
const PREVIEW_CHARS: usize = 200;

/// Records that can be replayed at once.
pub(super) const REPLAYED_MAX: usize = 50_000;

/// Below this width time and size are left out, points.
const WIDE_FROM_PT: f32 = 560.0;

const PARTITION: Column = Column::right("part.", Width::Points(34.0));
const OFFSET: Column = Column::right("offset", Width::Points(78.0));
const KEY: Column = Column::left("key", Width::Share(0.24));
const VALUE: Column = Column::left("value", Width::Share(0.76));
const WIDE: [Column; 6] =
    [PARTITION, OFFSET, KEY, VALUE, Column::left("written (UTC)", Width::Points(92.0)).whole(), Column::right("size", Width::Points(62.0))];
/// Where there is little room a key still tells records apart, and of a value only its beginning is seen anyway.
const NARROW: [Column; 4] = [PARTITION, OFFSET, Column::left("key", Width::Share(0.38)), Column::left("value", Width::Share(0.62))];

/// The columns of the list: all, or those without which it is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    /// All of them.
    Wide,
    /// Partition, offset, key and value.
    Narrow,
}

impl Columns {
    /// Those that find room.
    pub(crate) fn of(width: f32) -> Self {
        if width < WIDE_FROM_PT { Self::Narrow } else { Self::Wide }
    }

    /// The columns, left to right.
    pub(crate) fn all(self) -> &'static [Column] {
        match self {
            Self::Wide => &WIDE,
            Self::Narrow => &NARROW,
        }
    }
}

/// What a line shows of its record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// The store has it no more.
    Evicted,
    /// It was read.
    Read {
        /// The key in one line.
        key: String,
        /// The beginning of the value in one line.
        value: String,
        /// Whether the value is no text.
        is_binary: bool,
        /// Whether it was redacted, or cut.
        marks: String,
    },
}

/// The open channel.
pub(crate) struct Records {
    /// Which.
    pub channel: ChannelKey,
    /// Lines in the order of their arrival.
    pub lines: Vec<RecordLine>,
    /// How many records are stored.
    pub total_stored: u64,
    /// How many were evicted.
    pub evicted: u64,
    /// Lines that were let go here.
    pub dropped: u64,
    /// The selected record.
    pub selected: Option<RowId>,
    /// Records that are marked: commands are for them.
    pub marks: Marks,
    /// A record to be brought into view once its line is there.
    pub wanted: Option<RowId>,
    /// Where the rows stand.
    pub table: TableState,
    /// What is looked for.
    pub filter: RecordFilter,
    /// Whether an answer came at all.
    pub is_known: bool,
    /// Whether all was loaded once: what comes from then on is new.
    is_caught_up: bool,
    last: Option<RowId>,
    has_more: bool,
    revision: Option<u64>,
    seen: usize,
    contents: HashMap<RowId, Content>,
    contents_revision: Option<u64>,
    /// The contents that were asked for and are on their way.
    asked: Option<Query>,
}

impl Records {
    /// A channel of which nothing is known yet; its end is followed.
    pub(crate) fn new(channel: ChannelKey) -> Self {
        let mut table = TableState::default();
        table.follow_end(true);
        Self {
            channel,
            lines: Vec::new(),
            total_stored: 0,
            evicted: 0,
            dropped: 0,
            selected: None,
            marks: Marks::new(),
            wanted: None,
            table,
            filter: RecordFilter::default(),
            is_known: false,
            is_caught_up: false,
            last: None,
            has_more: false,
            revision: None,
            seen: 0,
            contents: HashMap::new(),
            contents_revision: None,
            asked: None,
        }
    }

    /// The next question: what came after the last line.
    pub(crate) fn query(&self) -> Query {
        Query::Point(PointQuery::Records { channel: self.channel.clone(), after: self.last, limit: PAGE_LINES })
    }

    /// Whether more lines fit; while rows are read and the most are kept, no more are loaded.
    pub(crate) fn has_room(&self) -> bool {
        self.lines.len() < LINES_MAX || self.table.follows_end()
    }

    /// Takes in an answer to [`Self::query`]; whether lines came.
    pub(crate) fn take(&mut self, page: &RecordPage, revision: u64) -> bool {
        if self.revision == Some(revision) {
            return false;
        }
        self.revision = Some(revision);
        (self.is_known, self.total_stored, self.evicted, self.has_more) = (true, page.total_stored, page.evicted, page.has_more);
        let before = self.lines.len();
        // The same question may be answered twice: rows rise, so what is known is left out.
        let from = page.rows.partition_point(|line| self.last.is_some_and(|last| line.row <= last));
        self.lines.extend_from_slice(&page.rows[from..]);
        self.last = self.lines.last().map(|line| line.row).or(self.last);
        if self.lines.len() > LINES_MAX && self.table.follows_end() {
            let gone = self.lines.len() - LINES_KEPT;
            self.lines.drain(..gone);
            self.dropped += gone as u64;
            self.seen = self.seen.saturating_sub(gone);
        }
        if self.table.follows_end() || !self.is_caught_up {
            self.seen = self.lines.len();
        }
        self.is_caught_up |= !page.has_more;
        if let Some(place) = self.wanted.and_then(|row| self.place(row)) {
            self.wanted = None;
            self.selected = Some(self.lines[place].row);
            if let Some(row) = self.row_of(self.lines[place].row) {
                self.table.reveal(row);
            }
        }
        self.lines.len() != before || from < page.rows.len()
    }

    /// Whether lines are still being loaded.
    pub(crate) fn is_loading(&self) -> bool {
        self.has_more && self.has_room()
    }

    /// The place of a record among the lines.
    pub(crate) fn place(&self, row: RowId) -> Option<usize> {
        self.lines.binary_search_by_key(&row, |line| line.row).ok()
    }

    /// How many rows the list has.
    pub(crate) fn num_rows(&self) -> usize {
        self.filter.matches().unwrap_or(&self.lines).len()
    }

    /// The line of a row of the list.
    pub(crate) fn line(&self, row: usize) -> Option<&RecordLine> {
        self.filter.matches().unwrap_or(&self.lines).get(row)
    }

    /// The row of the selected record.
    pub(crate) fn selected_row(&self) -> Option<usize> {
        self.row_of(self.selected?)
    }

    /// The row of the list in which a record stands.
    fn row_of(&self, row: RowId) -> Option<usize> {
        self.filter.matches().unwrap_or(&self.lines).binary_search_by_key(&row, |line| line.row).ok()
    }

    /// Marks the selected record, or takes its mark away.
    pub(crate) fn toggle_mark(&mut self) {
        if let Some(row) = self.selected
            && self.marks.remove(&row).is_none()
            && let Some(line) = self.selected_line()
        {
            let place = line.place.clone();
            self.marks.insert(row, place);
        }
    }

    /// Marks all that are listed, up to as many as can be replayed at once; a second time none.
    pub(crate) fn toggle_all(&mut self) {
        if self.marks.is_empty() {
            let listed = self.filter.matches().unwrap_or(&self.lines);
            self.marks = listed.iter().rev().take(REPLAYED_MAX).map(|line| (line.row, line.place.clone())).collect();
        } else {
            self.marks.clear();
        }
    }

    /// How many records a command is for.
    pub(crate) fn num_meant(&self) -> usize {
        if self.marks.is_empty() { usize::from(self.selected.is_some()) } else { self.marks.len() }
    }

    /// Where the marked records lie, or the selected one, in the order of their arrival.
    pub(crate) fn meant(&self) -> Vec<Place> {
        if self.marks.is_empty() {
            return self.selected_line().map(|line| line.place.clone()).into_iter().collect();
        }
        self.marks.values().cloned().collect()
    }

    /// Where all lie that are listed, in the order of their arrival.
    pub(crate) fn listed(&self) -> Vec<Place> {
        self.filter.matches().unwrap_or(&self.lines).iter().map(|line| line.place.clone()).collect()
    }

    /// How many are listed.
    pub(crate) fn num_listed(&self) -> usize {
        self.filter.matches().map_or(self.lines.len(), <[RecordLine]>::len)
    }

    /// Whether anything is meant that is loaded.
    pub(crate) fn means_any(&self) -> bool {
        !self.marks.is_empty() || self.selected_line().is_some()
    }

    /// The line of the selected record; `None` = it is not loaded.
    pub(crate) fn selected_line(&self) -> Option<&RecordLine> {
        let loaded = self.place(self.selected?).map(|place| &self.lines[place]);
        loaded.or_else(|| self.line(self.selected_row()?))
    }

    /// Follows the end, or stays where it is.
    pub(crate) fn follow(&mut self, follows: bool) {
        self.table.follow_end(follows);
        self.seen = self.lines.len();
    }

    /// How many came since the end was last in view.
    pub(crate) fn num_new(&mut self) -> usize {
        if self.table.follows_end() {
            self.seen = self.lines.len();
        }
        self.lines.len().saturating_sub(self.seen)
    }

    /// The question for the contents of these rows; `None` if all are known. One that is on its way is waited for: while records come in
    /// other rows are in view with each frame, and no answer would ever be to the question of now.
    pub(crate) fn contents_query(&mut self, visible: &Range<usize>) -> Option<Query> {
        if self.asked.is_none() {
            let is_unknown = |row: &RowId| !self.contents.contains_key(row);
            let rows: Vec<RowId> = visible.clone().filter_map(|row| self.line(row)).map(|line| line.row).filter(is_unknown).collect();
            self.asked = (!rows.is_empty()).then_some(Query::Point(PointQuery::RecordDetails { rows }));
        }
        self.asked.clone()
    }

    /// Nobody answers what was asked for: it can be asked for again.
    pub(crate) fn give_up_contents(&mut self) {
        self.asked = None;
    }

    /// Takes in contents that were asked for. What is in view keeps what it shows, however much is kept.
    pub(crate) fn take_contents(&mut self, records: &[Option<RecordView>], revision: u64, visible: &Range<usize>) {
        if self.contents_revision == Some(revision) {
            return;
        }
        self.contents_revision = Some(revision);
        let Some(Query::Point(PointQuery::RecordDetails { rows })) = self.asked.take() else { return };
        if self.contents.len() + records.len() > CONTENTS_MAX {
            let in_view: HashSet<RowId> = visible.clone().filter_map(|row| self.line(row)).map(|line| line.row).collect();
            self.contents.retain(|row, _| in_view.contains(row));
        }
        self.contents.extend(rows.into_iter().zip(records.iter().map(|record| content(record.as_ref()))));
    }

    /// Paints a row of the list; what it says.
    pub(crate) fn row_ui(&self, row: &Row<'_>, index: usize, columns: Columns, now_ns: i64) -> String {
        let Some(line) = self.line(index) else { return String::new() };
        let is_marked = self.marks.contains_key(&line.row);
        row.data(0, &figures::part_of_place(line.place.partition()), Ink::Dim);
        let offset = figures::part_of_place(line.place.offset());
        if is_marked {
            row.data(1, &format!("✓ {offset}"), Ink::Accent);
        } else {
            row.data(1, &offset, Ink::Text);
        }
        let when = line.timestamp_ns.map_or_else(|| "unknown".to_owned(), |ns| figures::when(ns, now_ns).in_12());
        let size = figures::bytes(u64::from(line.size_bytes));
        if columns == Columns::Wide {
            row.data(4, &when, Ink::Dim);
            row.data(5, &size, Ink::Dim);
        }
        let said = match self.contents.get(&line.row) {
            // It comes with one of the next frames.
            None => String::new(),
            Some(Content::Evicted) => {
                row.words(3, "evicted from the store", Ink::Faint);
                ", evicted from the store".to_owned()
            }
            Some(Content::Read { key, value, is_binary, marks }) => {
                row.data(2, key, Ink::Text);
                row.data(3, value, if *is_binary { Ink::Faint } else { Ink::Dim });
                format!(", key {key}{}", if marks.is_empty() { String::new() } else { format!(", {marks}") })
            }
        };
        let marked = if is_marked { ", marked" } else { "" };
        format!("record {}{marked}, {when}, {size}{said}", figures::place(&line.place))
    }
}

fn content(record: Option<&RecordView>) -> Content {
    let Some(record) = record else { return Content::Evicted };
    let (value, is_binary) = preview(record.value.as_deref());
    let marks =
        [(record.redacted, "redacted"), (record.truncated, "cut")].into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect::<Vec<_>>().join(", ");
    Content::Read { key: bytes_in_line(record.key.as_deref()).text, value, is_binary, marks }
}

/// The beginning of a value in one line, and whether it is no text.
fn preview(value: Option<&[u8]>) -> (String, bool) {
    let Some(value) = value else { return ("null".to_owned(), true) };
    let head = &value[..value.len().min(PREVIEW_CHARS * 4)];
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // Cut within a character.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
        Err(_) => "",
    };
    let is_text = !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_whitespace());
    if is_text || value.is_empty() {
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(PREVIEW_CHARS).collect();
        return (visible(&line).into_owned(), false);
    }
    (hex(&head[..head.len().min(40)]), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: std::ops::Range<u64>, has_more: bool) -> RecordPage {
        let line = |row: u64| RecordLine { row: RowId(row), place: Place::at(0, row as i64), timestamp_ns: None, size_bytes: 10 };
        RecordPage { rows: rows.map(line).collect(), total_stored: 9, evicted: 0, has_more }
    }

    fn records() -> Records {
        Records::new(ChannelKey { cluster: None, name: "orders.placed".to_owned() })
    }

    #[test]
    fn lines_are_loaded_piece_by_piece_and_never_twice() {
        let mut records = records();
        assert!(records.take(&page(1..4, true), 1));
        assert!(records.is_loading());
        assert_eq!(records.query(), Query::Point(PointQuery::Records { channel: records.channel.clone(), after: Some(RowId(3)), limit: PAGE_LINES }));
        assert!(!records.take(&page(1..4, true), 1), "the same answer");
        assert!(records.take(&page(3..6, false), 2), "an answer that overlaps");
        assert_eq!(records.lines.iter().map(|line| line.row.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(!records.take(&page(6..6, false), 3));
    }

    #[test]
    fn what_comes_while_the_end_is_not_followed_is_counted() {
        let mut records = records();
        records.take(&page(0..10, false), 1);
        assert_eq!(records.num_new(), 0);
        records.follow(false);
        records.take(&page(10..14, false), 2);
        assert_eq!(records.num_new(), 4);
        let mut jumped_into = super::Records::new(records.channel.clone());
        jumped_into.follow(false);
        jumped_into.take(&page(0..10, true), 1);
        jumped_into.take(&page(10..20, false), 2);
        assert_eq!(jumped_into.num_new(), 0, "what was there before is not new");
        records.follow(true);
        assert_eq!(records.num_new(), 0);
    }

    #[test]
    fn a_wanted_record_is_selected_once_its_line_is_there() {
        let mut records = records();
        records.wanted = Some(RowId(12));
        records.take(&page(0..10, true), 1);
        assert_eq!((records.selected, records.wanted), (None, Some(RowId(12))));
        records.take(&page(10..20, false), 2);
        assert_eq!((records.selected, records.wanted, records.selected_row()), (Some(RowId(12)), None, Some(12)));
    }

    #[test]
    fn only_so_many_lines_are_kept_and_what_went_is_counted() {
        let mut records = records();
        let mut revision = 0;
        for first in (0..1_600_000_u64).step_by(200_000) {
            revision += 1;
            records.take(&page(first..first + 200_000, true), revision);
        }
        assert_eq!((records.lines.len(), records.dropped), (LINES_KEPT, 600_000));
        assert_eq!(records.lines.last().map(|line| line.row.0), Some(1_599_999));
        records.follow(false);
        records.take(&page(1_600_000..2_200_000, true), 100);
        assert!(!records.has_room() && !records.is_loading(), "nothing is taken away under the reader");
    }

    #[test]
    fn contents_on_their_way_are_waited_for_and_those_in_view_stay() {
        let mut records = records();
        records.take(&page(0..9_000, false), 1);
        let rows = |query: Option<Query>| match query {
            Some(Query::Point(PointQuery::RecordDetails { rows })) => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        assert_eq!(rows(records.contents_query(&(0..2))), [0, 1]);
        assert_eq!(rows(records.contents_query(&(5..7))), [0, 1], "the rows in view are others by now");
        records.take_contents(&[None, None], 1, &(0..2));
        assert_eq!(rows(records.contents_query(&(0..3))), [2], "what is known is not asked for");
        records.give_up_contents();
        for (revision, from) in (100..9_000).step_by(100).enumerate() {
            let query = rows(records.contents_query(&(from..from + 100)));
            records.take_contents(&vec![None; query.len()], revision as u64 + 2, &(0..2));
        }
        assert!(records.contents.len() <= CONTENTS_MAX && records.contents_query(&(0..2)).is_none(), "in view all the time");
    }

    #[test]
    fn values_are_shown_in_one_line() {
        assert_eq!(preview(Some(b"{\n  \"a\": 1\n}")), ("{ \"a\": 1 }".to_owned(), false));
        assert_eq!(preview(None), ("null".to_owned(), true));
        assert_eq!(preview(Some(&[0, 1, 0xff])), ("0001ff".to_owned(), true));
        assert_eq!(preview(Some("Zürich\u{202e}".as_bytes())).0, "Zürich\\u{202e}");
        assert_eq!(preview(Some("ü".repeat(10_000).as_bytes())).0.chars().count(), PREVIEW_CHARS);
    }
}
