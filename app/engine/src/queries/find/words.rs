//! What was looked at and what not, in words.

/// What was observed but is not stored.
#[derive(Clone, Debug, Default)]
pub(crate) struct NotKept {
    /// Spans, records and logs that were given up to keep within the budget.
    pub(crate) evicted: [u64; 3],
    /// Items that were counted and not kept.
    pub(crate) folded: u64,
    /// Channels whose records are not read: the first of them.
    pub(crate) not_tailed: Vec<String>,
    /// How many more of those there are.
    pub(crate) num_more_not_tailed: usize,
}

impl NotKept {
    /// In words.
    pub(crate) fn in_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        for (kind, num) in self.evicted.into_iter().enumerate().filter(|(_, num)| *num > 0) {
            let (one, many) = NAMES[kind];
            words.push(format!("{} evicted {}", number(num), if num == 1 { one } else { many }));
        }
        if self.folded > 0 {
            words.push(format!(
                "{} of own polls and metrics, which are not kept",
                if self.folded == 1 { "1 item".to_owned() } else { number(self.folded) + " items" }
            ));
        }
        words.extend(self.not_tailed.iter().map(|channel| format!("{channel}: not tailed")));
        if self.num_more_not_tailed > 0 {
            words.push(format!("{} more channels: not tailed", number(self.num_more_not_tailed as u64)));
        }
        words
    }
}

/// Of one and of many: spans, records and logs.
const NAMES: [(&str, &str); 3] = [("span", "spans"), ("record", "records"), ("log", "logs")];

/// "12,003 spans".
pub(crate) fn items(kind: usize, num: u64) -> String {
    let (one, many) = NAMES[kind];
    format!("{} {}", number(num), if num == 1 { one } else { many })
}

/// "1 record is", "2 records are".
pub(crate) fn are(kind: usize, num: u64) -> String {
    items(kind, num) + if num == 1 { " is" } else { " are" }
}

/// "1 record holds", "2 records hold".
pub(crate) fn hold(kind: usize, num: u64) -> String {
    items(kind, num) + if num == 1 { " holds" } else { " hold" }
}

/// "200 hits".
pub(crate) fn hits(num: u64) -> String {
    format!("{} {}", number(num), if num == 1 { "hit" } else { "hits" })
}

/// What was looked at, of each kind of which there is any.
pub(crate) fn looked(rows: [u64; 3]) -> Vec<String> {
    rows.into_iter().enumerate().filter(|(_, num)| *num > 0).map(|(kind, num)| items(kind, num)).collect()
}

/// A million and more with one decimal, all else with its thousands set apart.
pub(crate) fn number(num: u64) -> String {
    if num >= 1_000_000 {
        return format!("{}.{} M", num / 1_000_000, num / 100_000 % 10);
    }
    if num >= 1_000 { format!("{},{:03}", num / 1_000, num % 1_000) } else { num.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(looked([2_149_999, 12_003, 1]), ["2.1 M spans", "12,003 records", "1 log"]);
        assert_eq!(looked([0, 999, 0]), ["999 records"]);
        let not_kept = NotKept { evicted: [12_003, 0, 1], folded: 7, not_tailed: vec!["orders.audit".to_owned()], num_more_not_tailed: 3 };
        assert_eq!(
            not_kept.in_words(),
            [
                "12,003 evicted spans",
                "1 evicted log",
                "7 items of own polls and metrics, which are not kept",
                "orders.audit: not tailed",
                "3 more channels: not tailed"
            ]
        );
    }
}
