//! What is told of an import besides its drafts.

use std::collections::HashSet;

/// Notes of one import at most: what is pasted may hold more mistakes than anybody reads.
const MAX_NOTES: usize = 100;

/// Notes, each once.
#[derive(Default)]
pub(super) struct Notes {
    lines: Vec<String>,
    known: HashSet<String>,
    num_more: usize,
}

impl Notes {
    /// Adds one.
    pub fn add(&mut self, note: impl Into<String>) {
        if self.lines.len() >= MAX_NOTES {
            self.num_more += 1;
            return;
        }
        let note = note.into();
        if !self.known.contains(&note) {
            self.known.insert(note.clone());
            self.lines.push(note);
        }
    }

    /// All of them, and how many more there were.
    pub fn finish(mut self) -> Vec<String> {
        if self.num_more > 0 {
            self.lines.push(format!("{} more notes are left out.", self.num_more));
        }
        self.lines
    }
}

/// A name out of what was pasted, kept short, nothing in it that a screen would not show.
pub(super) fn told(name: &str) -> String {
    told_whole(name).chars().take(60).collect()
}

/// The same of one that is not cut.
pub(super) fn told_whole(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') { '·' } else { c })
        .collect()
}
