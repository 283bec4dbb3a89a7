//! The inbox: what letters died of, and how many of them still wait for somebody. Pure.

use switchboard_desk::send::replay::ReplayBoard;
use switchboard_engine::view::{Severity, Snapshot, channel_word};

use crate::{
    figures,
    sanitise::visible,
    words::letters::{LettersOf, Standing, by_cause},
};

/// The inbox: those with open letters first, the most letters first, so that none moves while it is being worked off; then the rest.
pub(crate) fn inbox(snapshot: &Snapshot, board: &ReplayBoard) -> Vec<LettersOf> {
    let mut rows = by_cause(&snapshot.dead_letters, board);
    let has_open = |row: &LettersOf| row.standing.open() > 0;
    rows.sort_by(|a, b| has_open(b).cmp(&has_open(a)).then_with(|| b.total.cmp(&a.total)).then_with(|| a.cause.cmp(&b.cause)));
    rows
}

impl LettersOf {
    /// The state, in a word or two, and how urgent that is.
    pub(crate) fn state_word(&self) -> (&'static str, Severity) {
        let open = self.standing.open();
        let severity = channel_word(open).1;
        if open > 0 {
            return ("open", severity);
        }
        let first = self.standing.dealt_with().into_iter().find(|(num, _)| *num > 0);
        (first.map_or("none", |(_, as_what)| as_what.word()), severity)
    }

    /// Where they lie, where they came from, and when.
    pub(crate) fn place_words(&self, now_ns: i64) -> String {
        let time = |ns: i64| figures::when(ns, now_ns).to_min();
        let origin = match self.cause.origin.as_deref() {
            None => " · origin unknown".to_owned(),
            // The channel's own name tells it.
            Some(origin) if self.cause.channel.starts_with(origin) => String::new(),
            Some(origin) => format!(" · from {}", visible(origin)),
        };
        format!("{}{origin} · {} – {}", visible(&self.cause.channel), time(self.first_ns), time(self.last_ns))
    }

    /// All of it, for screen readers.
    pub(crate) fn words(&self, now_ns: i64) -> String {
        let done = self.standing.dealt_with_words();
        let done = if done.is_empty() { String::new() } else { format!(", {done}") };
        format!("{} open of {}{done}: {}, {}", self.standing.open(), self.total, visible(&self.cause.fingerprint), self.place_words(now_ns))
    }
}

/// The sentence above the inbox.
pub(crate) fn sentence(rows: &[LettersOf]) -> String {
    let mut channels: Vec<&str> = rows.iter().map(|row| row.cause.channel.as_str()).collect();
    channels.sort_unstable();
    channels.dedup();
    let place = match channels.as_slice() {
        [one] => visible(one).into_owned(),
        many => figures::things(many.len() as u64, "channel", "channels"),
    };
    let all = Standing::sum(rows.iter().map(|row| row.standing));
    let letters = figures::things(rows.iter().map(|row| row.total).sum(), "letter", "letters");
    let causes = figures::things(rows.len() as u64, "cause", "causes");
    let text = format!("{} of {letters} open on {place} · {causes}", figures::count(all.open()));
    let done = all.dealt_with_words();
    if done.is_empty() { text } else { format!("{text} · {done}") }
}
