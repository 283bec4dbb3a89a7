//! What can be undone, and done again. Pure.

use std::collections::VecDeque;

use super::text::Caret;

/// Texts that are kept to undo and redo, bytes: twice the longest that a field takes, in the widest characters. What is older is given up.
const KEPT_BYTES_MAX: usize = 32 << 20;
/// Edits that are kept.
const KEPT_MAX: usize = 1_000;

/// A part of the text that became another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edit {
    /// Where, bytes.
    pub at: usize,
    /// What stood there.
    pub removed: String,
    /// What stands there instead.
    pub inserted: String,
    /// The caret before.
    pub before: Caret,
    /// The caret after.
    pub after: Caret,
}

impl Edit {
    fn num_bytes(&self) -> usize {
        self.removed.len() + self.inserted.len()
    }

    /// Takes in the next one, where both are one word that is typed, or one way of deleting.
    fn join(&mut self, next: &Self) -> bool {
        let is_typed = next.removed.is_empty() && !self.inserted.is_empty() && next.at == self.at + self.inserted.len();
        let begins_word = self.inserted.ends_with(char::is_whitespace) && !next.inserted.starts_with(char::is_whitespace);
        let is_deleted = next.inserted.is_empty() && self.inserted.is_empty();
        if is_typed && !begins_word && !next.inserted.contains('\n') {
            self.inserted.push_str(&next.inserted);
        } else if is_deleted && next.at == self.at {
            self.removed.push_str(&next.removed);
        } else if is_deleted && next.at + next.removed.len() == self.at {
            self.removed.insert_str(0, &next.removed);
            self.at = next.at;
        } else {
            return false;
        }
        self.after = next.after;
        true
    }
}

/// The edits.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    done: VecDeque<Edit>,
    undone: Vec<Edit>,
    num_bytes: usize,
    /// Whether the next small edit may be one with the last.
    is_open: bool,
}

impl History {
    /// Something was edited. `is_small`: by a key, so that what follows may be one with it.
    pub(super) fn push(&mut self, edit: Edit, is_small: bool) {
        self.num_bytes -= self.undone.drain(..).map(|edit| edit.num_bytes()).sum::<usize>();
        self.num_bytes += edit.num_bytes();
        let is_joined = self.is_open && is_small && self.done.back_mut().is_some_and(|last| last.join(&edit));
        if !is_joined {
            self.done.push_back(edit);
        }
        self.is_open = is_small;
        while self.done.len() > KEPT_MAX || self.num_bytes > KEPT_BYTES_MAX {
            let Some(oldest) = self.done.pop_front() else { break };
            self.num_bytes -= oldest.num_bytes();
        }
    }

    /// What is typed next is undone by itself.
    pub(super) fn close(&mut self) {
        self.is_open = false;
    }

    /// The last edit, which is undone now.
    pub(super) fn undo(&mut self) -> Option<&Edit> {
        self.is_open = false;
        let edit = self.done.pop_back()?;
        self.undone.push(edit);
        self.undone.last()
    }

    /// The last that was undone, which is done again now.
    pub(super) fn redo(&mut self) -> Option<&Edit> {
        self.is_open = false;
        let edit = self.undone.pop()?;
        self.done.push_back(edit);
        self.done.back()
    }

    /// Nothing can be undone any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(at: usize, inserted: &str) -> Edit {
        Edit { at, removed: String::new(), inserted: inserted.to_owned(), before: Caret::default(), after: Caret::default() }
    }

    #[test]
    fn a_word_is_undone_at_once_and_what_was_pasted_by_itself() {
        let mut history = History::default();
        for (at, letter) in "one two".char_indices() {
            history.push(typed(at, &letter.to_string()), true);
        }
        history.push(typed(7, "pasted"), false);
        let undone: Vec<String> = std::iter::from_fn(|| history.undo().map(|edit| edit.inserted.clone())).collect();
        assert_eq!(undone, ["pasted", "two", "one "]);
        assert_eq!(history.redo().map(|edit| edit.inserted.as_str()), Some("one "));
        history.push(typed(4, "x"), true);
        assert_eq!(history.redo(), None, "what was undone is gone once something else is typed");
    }

    #[test]
    fn the_oldest_is_given_up_where_too_much_is_kept() {
        let mut history = History::default();
        let part = "x".repeat(KEPT_BYTES_MAX / 4);
        (0..9).for_each(|number| history.push(typed(number, &part), false));
        assert_eq!(history.num_bytes, KEPT_BYTES_MAX);
        assert_eq!(std::iter::from_fn(|| history.undo().map(|edit| edit.at)).collect::<Vec<_>>(), [8, 7, 6, 5]);
        let mut history = History::default();
        (0..KEPT_MAX + 7).for_each(|number| history.push(typed(number, "x"), false));
        assert_eq!(std::iter::from_fn(|| history.undo().map(|_| ())).count(), KEPT_MAX);
    }
}
