//! The inbox: what letters died of, and how many of them still wait for somebody. Pure.

use switchboard_engine::view::{DeadLetterView, Snapshot};

use switchboard_desk::replay::{HandledAs, KindKey, LetterCause, ReplayBoard};

use crate::{figures, sanitise::visible};

/// Letters by where they stand. Their sum is all that were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Wait for somebody.
    pub open: u64,
    /// Sent, not yet seen to be read.
    pub sent: u64,
    /// Sent and read.
    pub consumed: u64,
    /// Sent, and back as another letter.
    pub dead_again: u64,
    /// Put aside.
    pub parked: u64,
}

/// A line of the inbox.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InboxRow {
    /// What they died of.
    pub cause: LetterCause,
    /// Where they stand.
    pub standing: Standing,
    /// All that were seen.
    pub total: u64,
    /// First seen, ns since the Unix epoch.
    pub first_ns: i64,
    /// Last seen, ns since the Unix epoch.
    pub last_ns: i64,
}

/// The inbox: those with open letters first, the most letters first, so that none moves while it is being worked off; then the rest.
pub(crate) fn inbox(snapshot: &Snapshot, board: &ReplayBoard) -> Vec<InboxRow> {
    let mut rows: Vec<InboxRow> = snapshot.dead_letters.iter().map(|view| row(view, board)).collect();
    let has_open = |row: &InboxRow| row.standing.open > 0;
    rows.sort_by(|a, b| has_open(b).cmp(&has_open(a)).then_with(|| b.total.cmp(&a.total)).then_with(|| a.cause.cmp(&b.cause)));
    rows
}

fn row(view: &DeadLetterView, board: &ReplayBoard) -> InboxRow {
    let cause = LetterCause::of(view);
    let key = KindKey { cluster: cause.cluster.clone(), channel: cause.channel.clone(), kind: cause.kind() };
    let mut standing = Standing::default();
    // What the ledger knows of before the first that was seen has left its channel meanwhile.
    let seen = |timestamp_ns: Option<i64>| timestamp_ns.is_none_or(|at_ns| (view.first_ns..=view.last_ns).contains(&at_ns));
    for handled in board.handled.get(&key).into_iter().flatten().filter(|handled| seen(handled.timestamp_ns)) {
        *(match handled.outcome {
            HandledAs::Sent | HandledAs::Possibly => &mut standing.sent,
            HandledAs::Consumed => &mut standing.consumed,
            HandledAs::DeadAgain => &mut standing.dead_again,
            HandledAs::Parked => &mut standing.parked,
        }) += 1;
    }
    standing.open = view.count.saturating_sub(standing.sent + standing.consumed + standing.dead_again + standing.parked);
    InboxRow { cause, standing, total: view.count, first_ns: view.first_ns, last_ns: view.last_ns }
}

impl InboxRow {
    /// The state, in a word or two.
    pub(crate) fn state_word(&self) -> &'static str {
        let Standing { open, sent, consumed, dead_again, parked } = self.standing;
        match () {
            () if open > 0 => "open",
            () if sent > 0 => "sent",
            () if parked > 0 => "parked",
            () if consumed > 0 => "consumed",
            () if dead_again > 0 => "dead again",
            () => "none",
        }
    }

    /// Where those stand that are no longer open; empty if all are.
    pub(crate) fn done_words(&self) -> String {
        let Standing { sent, consumed, dead_again, parked, .. } = self.standing;
        let parts = [(sent, "sent"), (consumed, "consumed"), (dead_again, "dead again"), (parked, "parked")];
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", figures::count(*n))).collect::<Vec<_>>().join(" · ")
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
        let done = self.done_words();
        let done = if done.is_empty() { String::new() } else { format!(", {done}") };
        format!("{} open of {}{done}: {}, {}", self.standing.open, self.total, visible(&self.cause.fingerprint), self.place_words(now_ns))
    }
}

/// The sentence above the inbox.
pub(crate) fn sentence(rows: &[InboxRow]) -> String {
    let sum = |of: fn(&Standing) -> u64| rows.iter().map(|row| of(&row.standing)).sum::<u64>();
    let total: u64 = rows.iter().map(|row| row.total).sum();
    let causes = rows.len() as u64;
    let mut channels: Vec<&str> = rows.iter().map(|row| row.cause.channel.as_str()).collect();
    channels.sort_unstable();
    channels.dedup();
    let place = match channels.as_slice() {
        [one] => visible(one).into_owned(),
        many => figures::things(many.len() as u64, "channel", "channels"),
    };
    let mut text = format!(
        "{} of {} open on {place} · {}",
        figures::count(sum(|standing| standing.open)),
        figures::things(total, "letter", "letters"),
        figures::things(causes, "cause", "causes")
    );
    for (n, word) in [
        (sum(|standing| standing.sent), "sent"),
        (sum(|standing| standing.consumed), "consumed"),
        (sum(|standing| standing.dead_again), "dead again"),
        (sum(|standing| standing.parked), "parked"),
    ] {
        if n > 0 {
            text.push_str(&format!(" · {} {word}", figures::count(n)));
        }
    }
    text
}
