//! Which letters a command is for: some, or all open ones of the cause. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::letters::LetterRow;
use switchboard_desk::{
    ledger::{LetterKey, LetterState},
    send::replay::{AskedLetter, AskedLetters, LetterCause, ReplayBoard},
};

use crate::replay::Marked;

/// Letters of a cause that are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    /// All of them.
    pub num: u64,
    /// Of these, how many somebody dealt with.
    pub num_dealt_with: u64,
    /// When the last came here, ns since the Unix epoch; `None` = none is stored.
    pub last_ns: Option<i64>,
}

/// Letters that are marked.
#[derive(Clone, Debug)]
pub(crate) enum Marks {
    /// These, also on other pages.
    These(BTreeMap<LetterKey, LetterRow>),
    /// All that were open then, on whichever page, but for some. What died later is not marked.
    AllOpen {
        /// When the last of them came here, ns since the Unix epoch.
        until_ns: i64,
        /// What was stored then.
        then: Stored,
        /// Those that were taken out.
        except: BTreeSet<LetterKey>,
    },
}

impl Default for Marks {
    fn default() -> Self {
        Self::These(BTreeMap::new())
    }
}

impl Marks {
    /// Whether a letter is marked.
    pub(crate) fn has(&self, row: &LetterRow) -> bool {
        match self {
            Self::These(rows) => rows.contains_key(&row.key),
            Self::AllOpen { until_ns, except, .. } => row.state.is_open() && row.view.received_ns <= *until_ns && !except.contains(&row.key),
        }
    }

    /// Whether none is.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::These(rows) if rows.is_empty())
    }

    /// Marks a letter, or takes its mark away.
    pub(crate) fn toggle(&mut self, row: &LetterRow) {
        match self {
            Self::These(rows) => {
                if rows.remove(&row.key).is_none() {
                    rows.insert(row.key.clone(), row.clone());
                }
            }
            Self::AllOpen { until_ns, except, .. } if row.state.is_open() && row.view.received_ns <= *until_ns => {
                if !except.remove(&row.key) {
                    except.insert(row.key.clone());
                }
            }
            Self::AllOpen { .. } => {}
        }
    }

    /// Marks all that are open now, or none where these are marked already.
    pub(crate) fn toggle_all(&mut self, stored: Stored) {
        let now_ns = stored.last_ns.unwrap_or(i64::MIN);
        *self = match self {
            Self::AllOpen { except, until_ns, .. } if except.is_empty() && *until_ns == now_ns => Self::default(),
            _ => Self::AllOpen { until_ns: now_ns, then: stored, except: BTreeSet::new() },
        };
    }

    /// How many are meant: those marked, else the selected one. `stored` is what is stored now.
    pub(crate) fn count(&self, selected: Option<&LetterRow>, stored: Stored, board: &ReplayBoard) -> Marked {
        if let Self::AllOpen { then, except, .. } = self {
            let dealt_with_since = stored.num_dealt_with.saturating_sub(then.num_dealt_with);
            let open_then = then.num.saturating_sub(then.num_dealt_with);
            let num = open_then.saturating_sub(dealt_with_since).saturating_sub(except.len() as u64) as usize;
            return Marked { num, num_open: num, ..Marked::default() };
        }
        let meant = self.these(selected);
        let states = || meant.iter().map(|row| board.state(&row.key));
        Marked {
            num: meant.len(),
            is_selection: self.is_empty() && !meant.is_empty(),
            num_open: states().filter(|state| state.is_open()).count(),
            num_parked: states().filter(|state| matches!(state, LetterState::Parked(_))).count(),
            are_records: false,
        }
    }

    /// The letters that are meant, where they are named one by one.
    pub(crate) fn these<'a>(&'a self, selected: Option<&'a LetterRow>) -> Vec<&'a LetterRow> {
        match self {
            Self::These(rows) if rows.is_empty() => selected.into_iter().collect(),
            Self::These(rows) => rows.values().collect(),
            Self::AllOpen { .. } => Vec::new(),
        }
    }

    /// The open letters that are meant, as replaying asks for them; `None` = none is.
    pub(crate) fn open(&self, selected: Option<&LetterRow>, cause: &LetterCause, board: &ReplayBoard) -> Option<AskedLetters> {
        if let Self::AllOpen { until_ns, except, .. } = self {
            return Some(AskedLetters::AllOpen { cause: cause.clone(), until_ns: *until_ns, except: except.clone() });
        }
        let kind = cause.kind();
        let mut open: Vec<&LetterRow> = self.these(selected).into_iter().filter(|row| board.state(&row.key).is_open()).collect();
        open.sort_by_key(|row| (row.view.timestamp_ns, row.view.row));
        let open: Vec<AskedLetter> = open.into_iter().map(|row| AskedLetter::of(&row.view, kind)).collect();
        (!open.is_empty()).then_some(AskedLetters::These(open))
    }
}
