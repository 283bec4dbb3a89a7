//! What is known of an object: heading, sentences, and sections of rows. Pure; `text` makes it something to be copied, `ui`
//! draws it.

mod text;
mod ui;

pub(crate) use ui::{framed_ui, head_ui, section_ui, seek_link};

use std::sync::Arc;

use crate::{
    figures,
    ink::{Glyph, Tone},
    sanitise::{lines, visible},
    view::{Target, ViewAction},
    widgets::{breaker_strip::Piece, heat_strip::PartitionCell, stack_trace::StackTrace},
};

/// Characters that are kept of a value.
const VALUE_CHARS_MAX: usize = 64 << 10;
/// Characters that are kept of sentences.
const TEXT_CHARS_MAX: usize = 2_000;
/// Lines and characters that are told of what stands below a name.
const DETAIL_LINES_MAX: usize = 6;
const DETAIL_CHARS_MAX: usize = 400;

/// What is known of an object. All text in it is safe to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Detail {
    /// Its name.
    pub title: String,
    /// What it is.
    pub kind: String,
    /// What to think of it, in sentences.
    pub verdict: Vec<(String, Tone)>,
    /// The rest.
    pub sections: Vec<Section>,
}

/// A section.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Section {
    /// Its heading.
    pub title: String,
    /// Right of the heading, faint.
    pub note: String,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Row {
    /// A name and what it is.
    Pair {
        /// The name.
        key: String,
        /// What it is.
        value: String,
        /// How it was read, faint; empty where that is plain.
        how: String,
        /// How urgent.
        tone: Tone,
        /// What a click does.
        action: Option<ViewAction>,
    },
    /// A name, and a stack trace below it.
    Stack {
        /// The name.
        key: String,
        /// How it was read, faint; empty where that is plain.
        how: String,
        /// The stack trace.
        stack: Arc<StackTrace>,
    },
    /// A sentence.
    Text {
        /// The sentence.
        text: String,
        /// How urgent.
        tone: Tone,
    },
    /// One of a list.
    Link {
        /// Its sign.
        glyph: Option<Glyph>,
        /// Its name.
        label: String,
        /// Its figure.
        value: String,
        /// More about it, below.
        detail: String,
        /// How urgent.
        tone: Tone,
        /// What a click does.
        action: Option<ViewAction>,
    },
    /// A figure.
    Figure {
        /// What it measures.
        label: String,
        /// As measured.
        value: String,
        /// As measured at the other end; empty where there is none.
        other: String,
        /// How unusual it is.
        tone: Tone,
    },
    /// A figure and how it ran.
    Spark {
        /// What it measures.
        label: String,
        /// As measured.
        value: String,
        /// Against as long before.
        change: String,
        /// How unusual that is.
        tone: Tone,
        /// Bucket by bucket, the oldest first; `None` = nothing to measure.
        points: Vec<Option<f64>>,
        /// How many of them are of the time before.
        num_before: usize,
    },
    /// A part of something, with a bar below.
    Bar {
        /// Which part.
        label: String,
        /// Whose it is; may be empty.
        detail: String,
        /// As measured.
        value: String,
        /// How long the bar is, 0 to 1; `None` = not known.
        share: Option<f32>,
        /// How unusual it is.
        tone: Tone,
        /// What a click does.
        action: Option<ViewAction>,
    },
    /// One kind of many, with a bar between its name and its number.
    Share {
        /// Which kind.
        label: String,
        /// How many.
        value: String,
        /// How long the bar is, 0 to 1.
        share: f32,
        /// How unusual it is.
        tone: Tone,
    },
    /// A breaker's states over time.
    Strip {
        /// Whose.
        label: String,
        /// The state now.
        value: String,
        /// More about it, below; may be empty.
        detail: String,
        /// How urgent.
        tone: Tone,
        /// What was known when, oldest first.
        pieces: Vec<Piece>,
        /// What a click does.
        action: Option<ViewAction>,
    },
    /// Partitions, one cell each.
    Heat {
        /// By number.
        cells: Vec<PartitionCell>,
    },
    /// A line to be pasted somewhere.
    Paste {
        /// The line.
        text: String,
    },
}

impl Row {
    /// A name and what it is: with its lines as lines, and as a stack trace where it is one.
    pub(crate) fn pair(key: &str, value: &str) -> Self {
        let (key, how) = (visible(key).into_owned(), String::new());
        // One line is no trace, unless its lines are written out.
        let stack = (value.contains('\n') || value.contains("\\n")).then(|| StackTrace::read(value)).flatten();
        match stack {
            Some(stack) => Self::Stack { key, how, stack: Arc::new(stack) },
            None => Self::Pair { key, value: lines(value, VALUE_CHARS_MAX).into_owned(), how, tone: Tone::Quiet, action: None },
        }
    }

    /// A sentence, or several lines of them.
    pub(crate) fn text(text: &str) -> Self {
        Self::Text { text: lines(text, TEXT_CHARS_MAX).into_owned(), tone: Tone::Quiet }
    }

    /// How many more there are than so many, which are shown; `None` = there are not more.
    pub(crate) fn more(num: usize, most: usize) -> Option<Self> {
        (num > most).then(|| Self::text(&format!("and {} more", figures::count((num - most) as u64))))
    }

    /// One of a list.
    pub(crate) fn link(label: &str, value: &str, action: Option<ViewAction>) -> Self {
        let (label, value) = (visible(label).into_owned(), visible(value).into_owned());
        Self::Link { glyph: None, label, value, detail: String::new(), tone: Tone::Quiet, action }
    }

    /// A figure.
    pub(crate) fn figure(label: &str, value: String) -> Self {
        Self::Figure { label: label.to_owned(), value, other: String::new(), tone: Tone::Quiet }
    }

    /// A line to be pasted somewhere.
    pub(crate) fn paste(text: &str) -> Self {
        Self::Paste { text: visible(text).into_owned() }
    }

    /// The same, with how its value was read.
    pub(crate) fn read(mut self, by: &str) -> Self {
        if let Self::Pair { how, .. } | Self::Stack { how, .. } = &mut self {
            by.clone_into(how);
        }
        self
    }

    /// The same, of this urgency.
    pub(crate) fn toned(mut self, to: Tone) -> Self {
        match &mut self {
            Self::Pair { tone, .. }
            | Self::Text { tone, .. }
            | Self::Link { tone, .. }
            | Self::Figure { tone, .. }
            | Self::Spark { tone, .. }
            | Self::Bar { tone, .. }
            | Self::Share { tone, .. }
            | Self::Strip { tone, .. } => *tone = to,
            Self::Stack { .. } | Self::Heat { .. } | Self::Paste { .. } => {}
        }
        self
    }

    /// The same, with a sign.
    pub(crate) fn signed(mut self, sign: Glyph) -> Self {
        if let Self::Link { glyph, .. } = &mut self {
            *glyph = Some(sign);
        }
        self
    }

    /// The same, with a second line.
    pub(crate) fn explained(mut self, by: &str) -> Self {
        match &mut self {
            Self::Link { detail, .. } => *detail = first_lines(by),
            Self::Bar { detail, .. } | Self::Strip { detail, .. } => *detail = visible(by).into_owned(),
            _ => {}
        }
        self
    }

    /// The same, and a click does this.
    pub(crate) fn doing(mut self, what: Option<ViewAction>) -> Self {
        if let Self::Pair { action, .. } | Self::Link { action, .. } | Self::Bar { action, .. } | Self::Strip { action, .. } = &mut self {
            *action = what;
        }
        self
    }

    /// What a click does.
    pub(crate) fn action(&self) -> Option<&ViewAction> {
        match self {
            Self::Pair { action, .. } | Self::Link { action, .. } | Self::Bar { action, .. } | Self::Strip { action, .. } => action.as_ref(),
            _ => None,
        }
    }

    /// What it is called; empty where it is of no name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Pair { key, .. } | Self::Stack { key, .. } => key,
            Self::Link { label, .. }
            | Self::Figure { label, .. }
            | Self::Spark { label, .. }
            | Self::Bar { label, .. }
            | Self::Share { label, .. }
            | Self::Strip { label, .. } => label,
            Self::Text { .. } | Self::Heat { .. } | Self::Paste { .. } => "",
        }
    }

    /// What a right click offers to copy where the row is clicked: what it is, or its name.
    pub(crate) fn copied(&self) -> Option<&str> {
        match self {
            Self::Pair { value, .. } => Some(value),
            Self::Link { label, .. } | Self::Bar { label, .. } | Self::Strip { label, .. } => Some(label),
            _ => None,
        }
    }

    /// How urgent it is.
    pub(crate) fn tone(&self) -> Tone {
        match self {
            Self::Pair { tone, .. }
            | Self::Text { tone, .. }
            | Self::Link { tone, .. }
            | Self::Figure { tone, .. }
            | Self::Spark { tone, .. }
            | Self::Bar { tone, .. }
            | Self::Share { tone, .. }
            | Self::Strip { tone, .. } => *tone,
            Self::Stack { .. } | Self::Heat { .. } | Self::Paste { .. } => Tone::Quiet,
        }
    }
}

/// The beginning of a text, in a few lines.
fn first_lines(text: &str) -> String {
    let mut rest = text.trim_end().lines();
    let mut first: Vec<&str> = rest.by_ref().take(DETAIL_LINES_MAX).collect();
    if rest.next().is_some() {
        first.push("…");
    }
    lines(&first.join("\n"), DETAIL_CHARS_MAX).into_owned()
}

/// A click leads there, if there is a place to go.
pub(crate) fn goto(target: impl Into<Option<Target>>) -> Option<ViewAction> {
    target.into().map(ViewAction::Goto)
}

impl Section {
    /// A section of these rows.
    pub(crate) fn new(title: &str, rows: Vec<Row>) -> Self {
        Self { title: title.to_owned(), note: String::new(), rows }
    }

    /// The same, with a note.
    pub(crate) fn noted(self, note: &str) -> Self {
        Self { note: visible(note).into_owned(), ..self }
    }
}
