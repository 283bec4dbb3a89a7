//! What was left out of a schema, in words.

/// The most notes that are kept; how many more there were is one of them.
const NOTES_MAX: usize = 100;
/// The longest text of others that is repeated in one line, in characters.
const REPEATED_CHARS_MAX: usize = 200;

/// Notes, of which there may be more than anybody reads.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    kept: Vec<String>,
    num_more: usize,
}

impl Notes {
    /// Adds one.
    pub fn add(&mut self, note: String) {
        if self.kept.len() < NOTES_MAX {
            self.kept.push(note);
        } else {
            self.num_more += 1;
        }
    }

    /// All that were kept, and how many were not.
    pub fn into_lines(mut self) -> Vec<String> {
        if self.num_more > 0 {
            self.kept.push(format!("and {} more", self.num_more));
        }
        self.kept
    }
}

/// What others say, as one line of bounded length.
pub(crate) fn one_line(text: &str) -> String {
    let mut chars = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = chars.by_ref().take(REPEATED_CHARS_MAX).collect();
    if chars.next().is_some() {
        line.push('…');
    }
    line
}
