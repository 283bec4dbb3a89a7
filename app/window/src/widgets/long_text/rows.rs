//! Where the rows of a text begin: after each end of a line, and wherever a line is too wide for its field. Pure.

use std::ops::Range;

use unicode_segmentation::GraphemeCursor;

/// A row has no more characters than this, however narrow they are.
const ROW_CHARS_MAX: usize = 2_048;

/// Characters beyond ASCII whose width is remembered.
const NUM_REMEMBERED: usize = 4_096;

/// How wide characters are, as far as it was asked, points.
#[derive(Clone, Debug)]
pub(super) struct Widths {
    /// Those of ASCII.
    pub ascii: [f32; 128],
    /// Others, each in a place of its own or of a few that share it.
    remembered: Vec<Option<(char, f32)>>,
}

impl Widths {
    /// With those of ASCII known.
    pub(super) fn of(ascii: &[f32; 128]) -> Self {
        Self { ascii: *ascii, remembered: vec![None; NUM_REMEMBERED] }
    }
}

/// Tells how wide characters are.
pub(super) struct Measure<'a> {
    /// What is known.
    pub widths: &'a mut Widths,
    /// Where it is asked otherwise.
    pub font: &'a mut dyn FnMut(char) -> f32,
}

impl Measure<'_> {
    /// Of a character, points.
    pub(super) fn of(&mut self, c: char) -> f32 {
        if let Some(wide) = self.widths.ascii.get(c as usize) {
            return *wide;
        }
        let place = &mut self.widths.remembered[c as usize % NUM_REMEMBERED];
        if let Some((of, wide)) = *place
            && of == c
        {
            return wide;
        }
        let wide = (self.font)(c);
        *place = Some((c, wide));
        wide
    }

    /// Whether these characters are no longer as wide as they were.
    pub(super) fn is_outdated(&mut self, text: &str) -> bool {
        text.chars().filter(|c| !c.is_ascii()).any(|c| (self.of(c) - (self.font)(c)).abs() > 0.01)
    }
}

/// Whether the text can be parted there: no character that is seen as one is torn.
pub(super) fn is_boundary(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    if let (Some(before), Some(behind)) = (at.checked_sub(1).map(|before| bytes[before]), bytes.get(at))
        && before.is_ascii()
        && behind.is_ascii()
    {
        return (before, *behind) != (b'\r', b'\n');
    }
    // It is given the whole text, so it never asks for more.
    text.is_char_boundary(at) && GraphemeCursor::new(at, text.len(), true).is_boundary(text, 0).unwrap_or(true)
}

/// The rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rows {
    /// Where each begins, bytes; the first at 0.
    starts: Vec<usize>,
}

impl Rows {
    /// Of a text in a field so wide, points.
    pub(super) fn of(text: &str, width_pt: f32, measure: &mut Measure<'_>) -> Self {
        let mut starts = vec![0];
        break_lines(text, 0..text.len(), width_pt, measure, &mut starts);
        Self { starts }
    }

    /// Takes in an edit at a place of the text, which is as it is after that: so many bytes were there, and so many are now.
    pub(super) fn take_edit(&mut self, text: &str, at: usize, num_removed: usize, num_inserted: usize, width_pt: f32, measure: &mut Measure<'_>) {
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = text[at + num_inserted..].find('\n').map_or(text.len(), |len| at + num_inserted + len);
        let end_before = end - num_inserted + num_removed;
        let first = self.starts.partition_point(|row| *row <= start);
        let behind = self.starts.partition_point(|row| *row <= end_before);
        for row in &mut self.starts[behind..] {
            *row = *row - num_removed + num_inserted;
        }
        let mut starts = Vec::new();
        break_lines(text, start..end, width_pt, measure, &mut starts);
        self.starts.splice(first..behind, starts);
    }

    /// How many there are: one at least.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Where a row begins, bytes.
    pub(super) fn start(&self, row: usize) -> usize {
        self.starts[row]
    }

    /// Where the next one begins, or the text ends, bytes.
    pub(super) fn next_start(&self, row: usize, text: &str) -> usize {
        self.starts.get(row + 1).copied().unwrap_or(text.len())
    }

    /// What is seen of a row, without the end of its line, bytes.
    pub(super) fn seen(&self, row: usize, text: &str) -> Range<usize> {
        let start = self.start(row);
        let row = &text[start..self.next_start(row, text)];
        let seen = row.strip_suffix('\n').map_or(row, |row| row.strip_suffix('\r').unwrap_or(row));
        start..start + seen.len()
    }

    /// The row that a place is in.
    pub(super) fn row_of(&self, at: usize) -> usize {
        self.starts.partition_point(|row| *row <= at) - 1
    }
}

/// Where rows begin within these lines, but for the first.
fn break_lines(text: &str, lines: Range<usize>, width_pt: f32, measure: &mut Measure<'_>, starts: &mut Vec<usize>) {
    let (mut row, mut num_chars, mut x) = (lines.start, 0, 0.0);
    // The place after the last space, and how far from the left it is.
    let mut word: Option<(usize, f32)> = None;
    for (offset, c) in text[lines.clone()].char_indices() {
        let at = lines.start + offset;
        if c == '\n' {
            (row, num_chars, x, word) = (at + 1, 0, 0.0, None);
            starts.push(row);
            continue;
        }
        // The end of a line may be two characters.
        let wide = if c == '\r' && text[at..].starts_with("\r\n") { 0.0 } else { measure.of(c) };
        if at > row && (x + wide > width_pt && wide > 0.0 && is_boundary(text, at) || num_chars >= ROW_CHARS_MAX) {
            // A word is torn only where it takes half of the row.
            let (from, left) = word.filter(|(_, left)| *left * 2.0 >= width_pt && num_chars < ROW_CHARS_MAX).unwrap_or((at, x));
            (row, num_chars, x, word) = (from, text[from..at].chars().count(), x - left, None);
            starts.push(row);
        }
        x += wide;
        num_chars += 1;
        if c == ' ' && is_boundary(text, at + 1) {
            word = Some((at + 1, x));
        }
    }
}
