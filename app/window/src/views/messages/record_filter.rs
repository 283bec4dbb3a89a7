//! Looking for a text in all records that are stored of the open channel. The engine looks, piece by piece; this keeps what was
//! found, how far it was looked, and what a look could not see.

use switchboard_engine::view::{ChannelKey, Query, RecordLine, RecordMatches, RowId, ScanQuery};

use crate::figures;

/// Lines that are kept; while the end is followed the oldest go first.
pub(crate) const LINES_MAX: usize = 1_500_000;
/// Found in one piece at most.
const PIECE_LINES: usize = 10_000;

/// What is looked for, and how far it was looked.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RecordFilter {
    /// What is looked for; empty = everything is shown.
    pub text: String,
    matches: Vec<RecordLine>,
    /// The last record that was looked at.
    up_to: Option<RowId>,
    num_looked: u64,
    num_cut: u64,
    num_binary: u64,
    num_redacted: u64,
    is_at_end: bool,
}

impl RecordFilter {
    /// Looks for another text, from the beginning.
    pub(crate) fn set(&mut self, text: &str) {
        if self.text != text {
            *self = Self { text: text.to_owned(), ..Self::default() };
        }
    }

    /// The lines that match, in order of arrival; `None` = all are shown.
    pub(crate) fn matches(&self) -> Option<&[RecordLine]> {
        (!self.text.is_empty()).then_some(&self.matches[..])
    }

    /// Whether all that is stored was looked at.
    pub(crate) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// The next piece to be looked at, also at the end, for more may come; `None` = nothing is looked for, or too much was found.
    pub(crate) fn query(&self, channel: &ChannelKey) -> Option<Query> {
        let is_wanted = !self.text.is_empty() && self.matches.len() < LINES_MAX;
        is_wanted.then(|| Query::Scan(ScanQuery::RecordMatches { channel: channel.clone(), text: self.text.clone(), after: self.up_to, limit: PIECE_LINES }))
    }

    /// Takes in the answer to [`Self::query`]; whether it came further.
    pub(crate) fn take(&mut self, found: &RecordMatches) -> bool {
        self.is_at_end = !found.has_more;
        // The same answer may be taken twice: rows rise.
        let Some(up_to) = found.up_to.filter(|up_to| self.up_to.is_none_or(|before| before < *up_to)) else { return false };
        self.up_to = Some(up_to);
        self.matches.extend_from_slice(&found.rows);
        self.num_looked += found.looked_at;
        self.num_cut += found.num_cut;
        self.num_binary += found.num_binary;
        self.num_redacted += found.num_redacted;
        true
    }

    /// How much was found, how far it was looked, and what no look could see.
    pub(crate) fn words(&self, total_stored: u64, evicted: u64) -> Vec<String> {
        let mut words = vec![format!("{} match", figures::count(self.matches.len() as u64))];
        let looked = figures::count(self.num_looked);
        if self.matches.len() >= LINES_MAX {
            words.push(format!("{looked} looked at; no more are looked for"));
        } else if self.is_at_end {
            words.push(format!("{looked} looked at, all that are stored"));
        } else {
            words.push(format!("{looked} of {} looked at so far", figures::count(total_stored.max(self.num_looked))));
        }
        words.extend(self.blind_spots(evicted));
        words
    }

    /// What no look could see.
    pub(crate) fn blind_spots(&self, evicted: u64) -> Vec<String> {
        let of = |num: u64, one: &str, many: &str| (num > 0).then(|| format!("{} {}", figures::count(num), if num == 1 { one } else { many }));
        [
            of(evicted, "was evicted", "were evicted"),
            of(self.num_cut, "is cut: only its beginning is stored", "are cut: only their beginnings are stored"),
            of(
                self.num_binary,
                "holds bytes that are no text: of these, hex digits were looked at",
                "hold bytes that are no text: of these, hex digits were looked at",
            ),
            of(self.num_redacted, "holds redacted values", "hold redacted values"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use switchboard_model::Place;

    use super::*;

    fn lines(rows: &[u64]) -> Vec<RecordLine> {
        rows.iter().map(|row| RecordLine { row: RowId(*row), place: Place::at(0, *row as i64), timestamp_ns: None, size_bytes: 10 }).collect()
    }

    fn found(rows: &[u64], looked_at: u64, up_to: u64, has_more: bool) -> RecordMatches {
        RecordMatches { rows: lines(rows), looked_at, up_to: Some(RowId(up_to)), has_more, ..RecordMatches::default() }
    }

    #[test]
    fn records_are_looked_at_piece_by_piece_and_go_on_with_what_comes() {
        let channel = ChannelKey { cluster: None, name: "orders".to_owned() };
        let mut filter = RecordFilter::default();
        assert_eq!((filter.query(&channel), filter.matches()), (None, None), "nothing is looked for");
        filter.set("b");
        let ask = |text: &str, after: Option<u64>| {
            Some(Query::Scan(ScanQuery::RecordMatches { channel: channel.clone(), text: text.to_owned(), after: after.map(RowId), limit: PIECE_LINES }))
        };
        assert_eq!(filter.query(&channel), ask("b", None));
        let piece = RecordMatches { num_cut: 1, num_binary: 2, ..found(&[3, 5], 900, 40, true) };
        assert!(filter.take(&piece) && !filter.take(&piece), "an answer counts once");
        assert_eq!(filter.words(2_000, 0)[..2], ["2 match", "900 of 2,000 looked at so far"]);
        assert_eq!(filter.query(&channel), ask("b", Some(40)));
        assert!(filter.take(&found(&[70], 1_100, 90, false)) && filter.is_at_end());
        assert_eq!(filter.query(&channel), ask("b", Some(90)), "what comes is looked at too");
        assert!(!filter.take(&RecordMatches::default()));
        assert_eq!(filter.matches().map(|lines| lines.iter().map(|line| line.row.0).collect()), Some(vec![3, 5, 70]));
        let words = [
            "3 match",
            "2,000 looked at, all that are stored",
            "24 were evicted",
            "1 is cut: only its beginning is stored",
            "2 hold bytes that are no text: of these, hex digits were looked at",
        ];
        assert_eq!(filter.words(2_000, 24), words);
        filter.set("bc");
        assert_eq!((filter.query(&channel), filter.matches(), filter.is_at_end()), (ask("bc", None), Some(&[][..]), false));
    }
}
