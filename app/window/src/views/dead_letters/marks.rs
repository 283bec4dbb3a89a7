//! Which letters a command is for: some, or all open ones of the cause. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::{inbox::InboxRow, letters::LetterRow, replay_panel::Marked};
use switchboard_desk::{
    ledger::{LetterKey, LetterState},
    replay::{AskedLetter, AskedLetters, LetterCause, ReplayBoard},
};

/// Letters that are marked.
#[derive(Clone, Debug)]
pub(crate) enum Marks {
    /// These, also on other pages.
    These(BTreeMap<LetterKey, LetterRow>),
    /// All that are open, on whichever page and also such as come later, but for some.
    AllOpen {
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
            Self::AllOpen { except } => row.state.is_open() && !except.contains(&row.key),
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
            Self::AllOpen { except } if row.state.is_open() => {
                if !except.remove(&row.key) {
                    except.insert(row.key.clone());
                }
            }
            Self::AllOpen { .. } => {}
        }
    }

    /// Marks all open ones, or none where that is so already.
    pub(crate) fn toggle_all(&mut self) {
        *self = match self {
            Self::AllOpen { except } if except.is_empty() => Self::default(),
            _ => Self::AllOpen { except: BTreeSet::new() },
        };
    }

    /// How many are meant: those marked, else the selected one. `stored`: letters of the cause that are stored.
    pub(crate) fn count(&self, selected: Option<&LetterRow>, inbox: Option<&InboxRow>, stored: u64, board: &ReplayBoard) -> Marked {
        if let Self::AllOpen { except } = self {
            let not_open = inbox.map_or(0, |row| row.total - row.standing.open);
            let num = stored.saturating_sub(not_open).saturating_sub(except.len() as u64) as usize;
            return Marked { num, is_selection: false, num_open: num, num_parked: 0 };
        }
        let meant = self.these(selected);
        let states = || meant.iter().map(|row| board.state(&row.key));
        Marked {
            num: meant.len(),
            is_selection: self.is_empty() && !meant.is_empty(),
            num_open: states().filter(|state| state.is_open()).count(),
            num_parked: states().filter(|state| matches!(state, LetterState::Parked(_))).count(),
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
        if let Self::AllOpen { except } = self {
            return Some(AskedLetters::AllOpen { cause: cause.clone(), until_ns: i64::MAX, except: except.clone() });
        }
        let kind = cause.kind();
        let mut open: Vec<&LetterRow> = self.these(selected).into_iter().filter(|row| board.state(&row.key).is_open()).collect();
        open.sort_by_key(|row| (row.view.timestamp_ns, row.view.row));
        let open: Vec<AskedLetter> = open.into_iter().map(|row| AskedLetter::of(&row.view, kind)).collect();
        (!open.is_empty()).then_some(AskedLetters::These(open))
    }
}
