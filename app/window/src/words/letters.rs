//! Where dead letters stand: the one place that counts how many are open. What was seen is the engine's word, what was done about it the
//! ledger's. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_desk::send::replay::{HandledAs, KindKey, LetterCause, ReplayBoard};
use switchboard_engine::view::DeadLetterView;

use crate::figures;

/// Letters by where they stand. Their sum is all that were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Nobody has dealt with them.
    pub untouched: u64,
    /// They may have been sent: not sent again unless that is asked for, somebody has to look for them.
    pub possibly: u64,
    /// Sent, not yet seen to be read.
    pub sent: u64,
    /// Sent and read.
    pub consumed: u64,
    /// Sent, and back as another letter, which counts by itself.
    pub dead_again: u64,
    /// Put aside.
    pub parked: u64,
}

impl Standing {
    /// How many wait for somebody. One that came back is not among them, for the letter as which it came back is.
    pub(crate) fn open(self) -> u64 {
        self.untouched + self.possibly
    }

    /// Where those stand that somebody dealt with, by the ledger's words, the most urgent first.
    pub(crate) fn dealt_with(self) -> [(u64, HandledAs); 5] {
        [
            (self.possibly, HandledAs::Possibly),
            (self.dead_again, HandledAs::DeadAgain),
            (self.sent, HandledAs::Sent),
            (self.parked, HandledAs::Parked),
            (self.consumed, HandledAs::Consumed),
        ]
    }

    /// The same in words: `5 dead again · 12 sent`; empty if nobody dealt with any.
    pub(crate) fn dealt_with_words(self) -> String {
        let parts = self.dealt_with().into_iter().filter(|(num, _)| *num > 0);
        parts.map(|(num, as_what)| format!("{} {}", figures::count(num), as_what.word())).collect::<Vec<_>>().join(" · ")
    }

    /// Of several causes.
    pub(crate) fn sum(all: impl Iterator<Item = Self>) -> Self {
        all.fold(Self::default(), |sum, of| Self {
            untouched: sum.untouched + of.untouched,
            possibly: sum.possibly + of.possibly,
            sent: sum.sent + of.sent,
            consumed: sum.consumed + of.consumed,
            dead_again: sum.dead_again + of.dead_again,
            parked: sum.parked + of.parked,
        })
    }

    fn of_mut(&mut self, handled: HandledAs) -> &mut u64 {
        match handled {
            HandledAs::Possibly => &mut self.possibly,
            HandledAs::Sent => &mut self.sent,
            HandledAs::Consumed => &mut self.consumed,
            HandledAs::DeadAgain => &mut self.dead_again,
            HandledAs::Parked => &mut self.parked,
        }
    }
}

/// Letters that died of the same.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LettersOf {
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

/// All letters by what they died of: one row a cause, whichever headers prove them.
pub(crate) fn by_cause(letters: &[DeadLetterView], board: &ReplayBoard) -> Vec<LettersOf> {
    let mut causes: BTreeMap<LetterCause, LettersOf> = BTreeMap::new();
    for view in letters {
        let cause = LetterCause::of(view);
        let of = causes.entry(cause).or_insert_with_key(|cause| LettersOf {
            cause: cause.clone(),
            standing: Standing::default(),
            total: 0,
            first_ns: view.first_ns,
            last_ns: view.last_ns,
        });
        of.total += view.count;
        (of.first_ns, of.last_ns) = (of.first_ns.min(view.first_ns), of.last_ns.max(view.last_ns));
    }
    causes.into_values().map(|of| of.counted(board)).collect()
}

impl LettersOf {
    fn counted(mut self, board: &ReplayBoard) -> Self {
        let key = KindKey { cluster: self.cause.cluster.clone(), channel: self.cause.channel.clone(), kind: self.cause.kind() };
        // What the ledger knows of before the first that was seen has left its channel meanwhile.
        let is_seen = |timestamp_ns: Option<i64>| timestamp_ns.is_none_or(|at_ns| (self.first_ns..=self.last_ns).contains(&at_ns));
        let (mut standing, mut left) = (Standing::default(), self.total);
        for handled in board.handled.get(&key).into_iter().flatten().filter(|handled| is_seen(handled.timestamp_ns)) {
            *standing.of_mut(handled.outcome) += u64::from(left > 0);
            left = left.saturating_sub(1);
        }
        standing.untouched = left;
        self.standing = standing;
        self
    }
}

/// The engine's dead letters with how many of them are open, made anew when either of both changes.
#[derive(Default)]
pub(crate) struct OpenLetters {
    made_of: Option<(Arc<Vec<DeadLetterView>>, u64)>,
    made: Arc<Vec<DeadLetterView>>,
}

impl OpenLetters {
    /// As of this board.
    pub(crate) fn of(&mut self, letters: &Arc<Vec<DeadLetterView>>, board: &ReplayBoard) -> Arc<Vec<DeadLetterView>> {
        let is_made = self.made_of.as_ref().is_some_and(|(of, version)| Arc::ptr_eq(of, letters) && *version == board.letters_version);
        if !is_made {
            self.made_of = Some((Arc::clone(letters), board.letters_version));
            self.made = with_open(letters, board);
        }
        Arc::clone(&self.made)
    }
}

fn with_open(letters: &Arc<Vec<DeadLetterView>>, board: &ReplayBoard) -> Arc<Vec<DeadLetterView>> {
    if board.handled.is_empty() {
        return Arc::clone(letters);
    }
    let mut open: BTreeMap<LetterCause, u64> = by_cause(letters, board).into_iter().map(|of| (of.cause, of.standing.open())).collect();
    let counted = letters.iter().map(|view| {
        // Of those that died of the same the ledger does not know by which headers.
        let left = open.get_mut(&LetterCause::of(view));
        let num_open = left.map_or(view.count, |left| {
            let num = view.count.min(*left);
            *left -= num;
            num
        });
        DeadLetterView { num_open, ..view.clone() }
    });
    Arc::new(counted.collect())
}

/// `31 open of 64`, `64` where all are open, `none open of 64`.
pub(crate) fn open_words(num_open: u64, num: u64) -> String {
    match num_open {
        0 => format!("none open of {}", figures::count(num)),
        open if open >= num => figures::count(num),
        open => format!("{} open of {}", figures::count(open), figures::count(num)),
    }
}

#[cfg(test)]
mod tests {
    use switchboard_desk::send::replay::Handled;

    use super::*;
    use crate::testing;

    fn board(handled: &[(&DeadLetterView, Option<i64>, HandledAs)]) -> ReplayBoard {
        let mut of: BTreeMap<KindKey, Vec<Handled>> = BTreeMap::new();
        for (view, timestamp_ns, outcome) in handled {
            let cause = LetterCause::of(view);
            let key = KindKey { cluster: cause.cluster.clone(), channel: cause.channel.clone(), kind: cause.kind() };
            of.entry(key).or_default().push(Handled { timestamp_ns: *timestamp_ns, outcome: *outcome });
        }
        ReplayBoard { letters_version: 1, handled: Arc::new(of), ..ReplayBoard::default() }
    }

    #[test]
    fn what_somebody_dealt_with_is_not_open_and_what_is_in_doubt_or_was_never_seen_is() {
        let letters = testing::order_business().dead_letters;
        let view = &letters[0];
        let seen = Some(view.first_ns);
        let handled = [
            (view, seen, HandledAs::Sent),
            (view, seen, HandledAs::Possibly),
            (view, None, HandledAs::Consumed),
            (view, seen, HandledAs::Parked),
            (view, seen, HandledAs::DeadAgain),
            (view, Some(view.first_ns - 1), HandledAs::Consumed),
        ];
        let of = by_cause(&letters, &board(&handled)).into_iter().find(|of| of.cause == LetterCause::of(view)).expect("it is there");
        assert_eq!(of.standing, Standing { untouched: 6, possibly: 1, sent: 1, consumed: 1, dead_again: 1, parked: 1 });
        assert_eq!((of.standing.open(), of.total), (7, 11));
        assert_eq!(of.standing.dealt_with_words(), "1 sent? · 1 dead again · 1 sent · 1 parked · 1 consumed");
        let open: Vec<u64> = OpenLetters::default().of(&letters, &board(&handled)).iter().map(|view| view.num_open).collect();
        assert_eq!(open, [7, 3]);
    }

    #[test]
    fn a_cause_that_two_kinds_of_headers_prove_is_one_and_nothing_is_taken_off_twice() {
        let mut letters = Arc::clone(&testing::order_business().dead_letters);
        let first = letters[0].clone();
        Arc::make_mut(&mut letters).push(DeadLetterView { dialect: None, count: 4, num_open: 4, ..first.clone() });
        let board = board(&vec![(&first, Some(first.first_ns), HandledAs::Consumed); 13]);
        let of = by_cause(&letters, &board).into_iter().find(|of| of.cause == LetterCause::of(&first)).expect("it is there");
        assert_eq!((of.standing.open(), of.total), (2, 15));
        let open = OpenLetters::default().of(&letters, &board);
        assert_eq!(open.iter().filter(|view| view.fingerprint == first.fingerprint).map(|view| view.num_open).sum::<u64>(), 2);
        // More than were seen are no fewer than none.
        let all = super::tests::board(&vec![(&first, None, HandledAs::Parked); 99]);
        let of = by_cause(&letters, &all).into_iter().find(|of| of.cause == LetterCause::of(&first)).expect("it is there");
        assert_eq!((of.standing.open(), of.standing.parked), (0, 15));
    }

    #[test]
    fn it_is_made_anew_only_where_something_changed() {
        let letters = testing::order_business().dead_letters;
        let mut open = OpenLetters::default();
        let board = board(&[(&letters[0], None, HandledAs::Consumed)]);
        let first = open.of(&letters, &board);
        assert!(Arc::ptr_eq(&first, &open.of(&letters, &board)));
        let undone = ReplayBoard { letters_version: 2, ..ReplayBoard::default() };
        assert_eq!(open.of(&letters, &undone)[0].num_open, 11);
        assert_eq!([open_words(0, 64), open_words(31, 64), open_words(64, 64)], ["none open of 64", "31 open of 64", "64"]);
    }
}
