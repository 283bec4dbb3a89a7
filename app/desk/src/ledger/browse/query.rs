//! What is asked of the ledger: which lines, and which of their sends.

use switchboard_model::{Outcome, WrittenPlace};

use crate::ledger::{RunId, Settled, SettledAs, TargetKind};

/// Lines of one page at most.
pub const PAGE: usize = 500;
/// Of a text so much is looked for, characters.
const TEXT_CHARS_MAX: usize = 200;

/// What became of a send, as it is counted and chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Became {
    /// It was taken: persisted, answered, called.
    Done,
    /// It was surely not taken.
    NotDone,
    /// Nobody knows, or no outcome was written.
    Possibly,
    /// It was not tried.
    Skipped,
    /// It was not allowed.
    Refused,
    /// It was sent, and the group that failed has read past it.
    Consumed,
    /// It was sent, and came back to a dead-letter channel.
    DeadAgain,
}

impl Became {
    /// All of them.
    pub const ALL: [Self; 7] = [Self::Done, Self::NotDone, Self::Possibly, Self::Skipped, Self::Refused, Self::Consumed, Self::DeadAgain];

    /// As the outcome of which it is; `None` = it is a fate.
    pub fn settled_as(self) -> Option<SettledAs> {
        match self {
            Self::Done => Some(SettledAs::Done),
            Self::NotDone => Some(SettledAs::NotDone),
            Self::Possibly => Some(SettledAs::Possibly),
            Self::Skipped => Some(SettledAs::Skipped),
            Self::Refused => Some(SettledAs::Refused),
            Self::Consumed | Self::DeadAgain => None,
        }
    }

    /// A condition on `sends` under which it is so.
    pub(super) fn sql(self) -> &'static str {
        match self {
            Self::Done => "outcome IN ('persisted', 'answered', 'called')",
            Self::NotDone => "outcome = 'not persisted'",
            // And what a later version may write.
            Self::Possibly => "(outcome IS NULL OR outcome NOT IN ('persisted', 'answered', 'called', 'not persisted', 'skipped', 'refused'))",
            Self::Skipped => "outcome = 'skipped'",
            Self::Refused => "outcome = 'refused'",
            Self::Consumed => "fate = 'consumed'",
            Self::DeadAgain => "fate = 'dead again'",
        }
    }
}

/// What became of a send to a target of this kind is called so: only what goes to a broker is persisted or not.
pub fn outcome_word(settled: &Settled, kind: TargetKind) -> &'static str {
    match (settled, kind) {
        (Settled::Tried(outcome), TargetKind::Http | TargetKind::Grpc) => match outcome {
            Outcome::Done(_) => outcome.word(),
            Outcome::NotDone(_) => "not sent",
            Outcome::Possibly(_) => "possibly sent",
        },
        _ => settled.word(),
    }
}

/// Which lines are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LedgerFilter {
    /// Looked for, whatever the case of its letters, in target, call, replay id, cluster, profile, operator, reason, evidence, and as the place of
    /// a letter (`orders-dlt@0@17`); empty = all lines.
    pub text: String,
    /// What was sent to; `None` = to whatever.
    pub target_kind: Option<TargetKind>,
    /// The very target, of a run or of one of its sends; `None` = any.
    pub target: Option<String>,
    /// What became of it, or of one of its sends; `None` = whatever.
    pub became: Option<Became>,
}

impl LedgerFilter {
    /// Whether all lines pass.
    pub fn is_empty(&self) -> bool {
        self.sought().is_none() && self.target_kind.is_none() && self.target.is_none() && self.became.is_none()
    }

    /// What is looked for.
    pub(super) fn sought(&self) -> Option<Sought> {
        let text: String = self.text.trim().chars().take(TEXT_CHARS_MAX).collect();
        (!text.is_empty()).then(|| Sought::of(&text))
    }
}

/// A text, as `SQLite` looks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sought {
    /// For `LIKE`, with a backslash before what means something there.
    pub(super) pattern: String,
    /// The place that it tells.
    pub(super) place: Option<WrittenPlace>,
}

impl Sought {
    fn of(text: &str) -> Self {
        let mut pattern = String::from("%");
        for letter in text.chars() {
            if matches!(letter, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
        pattern.push('%');
        Self { pattern, place: WrittenPlace::parse(text) }
    }
}

/// Runs and refusals, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RunsQuery {
    /// Which.
    pub filter: LedgerFilter,
    /// So many of the newest are left out.
    pub skip: usize,
}

/// Sends of a run, in the order in which they were sent: those that the filter's text and outcome mean, where it means any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SendsQuery {
    /// Of this run.
    pub run_id: RunId,
    /// So many of the first are left out.
    pub skip: usize,
}

/// All that is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct LedgerLook {
    /// Lines.
    pub runs: RunsQuery,
    /// Sends of one of them; `None` = of none.
    pub sends: Option<SendsQuery>,
}

/// What passes a filter is to be written into a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerExport {
    /// Which lines.
    pub filter: LedgerFilter,
    /// An absolute path, or a name in the folder `exports` beside the ledger; empty = one of the time.
    pub file: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_model::{Place, Receipt};

    #[test]
    fn only_what_goes_to_a_broker_is_called_persisted() {
        let not_done = Settled::Tried(Outcome::NotDone(String::new()));
        let possibly = Settled::Tried(Outcome::Possibly(String::new()));
        let answered = Settled::Tried(Outcome::Done(Receipt::Answered(200)));
        for (settled, kind, word) in [
            (&not_done, TargetKind::Channel, "not persisted"),
            (&not_done, TargetKind::Http, "not sent"),
            (&not_done, TargetKind::Grpc, "not sent"),
            (&possibly, TargetKind::Channel, "possibly persisted"),
            (&possibly, TargetKind::Http, "possibly sent"),
            (&answered, TargetKind::Http, "answered"),
            (&Settled::Skipped(String::new()), TargetKind::Grpc, "skipped"),
        ] {
            assert_eq!(outcome_word(settled, kind), word, "{settled:?}");
        }
    }

    #[test]
    fn a_text_is_taken_as_it_is_written_and_as_the_place_that_it_tells() {
        let sought = |text: &str| LedgerFilter { text: text.to_owned(), ..LedgerFilter::default() }.sought();
        assert_eq!(sought("  "), None);
        assert_eq!(sought("50%_\\").map(|sought| sought.pattern).as_deref(), Some("%50\\%\\_\\\\%"));
        let place = sought("orders-dlt@0@17").and_then(|sought| sought.place);
        assert_eq!(place, Some(WrittenPlace { channel: Some("orders-dlt".to_owned()), place: Place::at(0, 17) }));
        assert_eq!(sought(&"x".repeat(1_000)).map(|sought| sought.pattern.len()), Some(TEXT_CHARS_MAX + 2));
    }
}
