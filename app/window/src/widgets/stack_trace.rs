//! A stack trace, line by line: what was thrown, which frames are the service's own, and runs of frames of libraries that are folded. `frame`
//! tells frames and whose they are, `ui` draws. All pure, but for `ui`.

mod frame;
#[cfg(test)]
mod tests;
mod ui;

use std::borrow::Cow;
use std::ops::Range;

pub(crate) use frame::Whose;
pub(crate) use ui::stack_ui;

use crate::{figures, sanitise};

/// Characters of a line that are shown.
const LINE_CHARS_MAX: usize = 1_000;
/// Lines that are looked at; the rest is only copied.
const LINES_MAX: usize = 4_000;
/// Own frames of one run that are seen at first: a recursion has thousands that say the same.
const OWN_FRAMES_MAX: usize = 8;
/// Libraries named of a folded run.
const NAMED_MAX: usize = 3;

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// What was thrown, and its message.
    Thrown,
    /// A frame. What stands below and belongs to it is of it.
    Frame(Whose),
    /// The second and further lines of a frame.
    OfFrame(Whose),
    /// Words between: `... 12 more`, `Traceback (most recent call last):`.
    Note,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// What it says, safe to show, without what it is indented by.
    pub text: String,
    /// What it is.
    pub what: What,
    /// Characters that it is indented by.
    indent: usize,
}

/// Lines that are shown or folded together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Which lines.
    pub lines: Range<usize>,
    /// What it is called while it is folded: `12 frames of org.springframework, java.base`; `None` = it is always shown.
    pub folded: Option<String>,
}

/// A stack trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StackTrace {
    /// All lines, in their order.
    pub lines: Vec<Line>,
    /// The same, put together.
    pub blocks: Vec<Block>,
    /// What began it, where several were thrown one because of the other.
    pub cause: Option<String>,
    /// How many lines more there are.
    pub num_left_out: usize,
    /// All of it, with lines as lines, to be copied.
    pub text: String,
}

impl StackTrace {
    /// Reads a text; `None` = it is no stack trace.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = unescaped(text);
        let mut source = text.lines();
        let taken: Vec<&str> = source.by_ref().take(LINES_MAX).collect();
        let lines = read_lines(&taken);
        let num_frames = lines.iter().filter(|line| matches!(line.what, What::Frame(_))).count();
        let is_stack = num_frames > 1 || (num_frames == 1 && lines.iter().any(|line| line.what == What::Thrown));
        if !is_stack {
            return None;
        }
        let cause = cause(&lines);
        Some(Self { blocks: blocks(&lines), cause, num_left_out: source.count(), text: sanitise::lines(&text, usize::MAX).into_owned(), lines })
    }

    /// How many lines it has.
    pub(crate) fn num_lines(&self) -> usize {
        self.lines.len() + self.num_left_out
    }
}

/// The text with lines as lines: some loggers and headers have them written out, `\n\tat`.
fn unescaped(text: &str) -> Cow<'_, str> {
    if text.contains('\n') || !text.contains("\\n") {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\""))
}

fn read_lines(taken: &[&str]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::with_capacity(taken.len());
    // Of the frame above: how far it is indented, and whose it is.
    let mut above: Option<(usize, Whose)> = None;
    for (index, line) in taken.iter().enumerate() {
        let text = line.trim();
        if text.is_empty() {
            above = None;
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let what = if let Some(whose) = frame::frame(line, taken.get(index + 1).copied()).filter(|_| !belongs(line, above.as_ref())) {
            above = Some((indent, whose.clone()));
            What::Frame(whose)
        } else if is_note(text) {
            above = None;
            What::Note
        } else if let Some((_, whose)) = above.as_ref().filter(|(of, _)| indent > *of) {
            What::OfFrame(whose.clone())
        } else {
            above = None;
            What::Thrown
        };
        lines.push(Line { text: sanitise::visible_within(text, LINE_CHARS_MAX).into_owned(), what, indent });
    }
    lines
}

/// Whether a line that looks like a frame only says where the one above it stands: `at src/pay.rs:12:5` of Rust.
fn belongs(line: &str, above: Option<&(usize, Whose)>) -> bool {
    let indent = line.len() - line.trim_start().len();
    above.is_some_and(|(of, _)| indent > *of + 4 && line.trim_start().starts_with("at "))
}

/// Words between frames, which are neither thrown nor frames.
fn is_note(text: &str) -> bool {
    const STARTS: &[&str] = &[
        "... ",
        "Traceback (most recent call last)",
        "The above exception was the direct cause",
        "During handling of the above exception",
        "--- End of",
        "goroutine ",
        "stack backtrace:",
        "Stack trace:",
        "[CIRCULAR REFERENCE",
        "note: ",
        "exit status ",
    ];
    STARTS.iter().any(|start| text.starts_with(start)) || (text.starts_with('#') && text.ends_with("{main}"))
}

/// What began it: the last that others were caused by; with Python, which tells the first thing first, the first.
fn cause(lines: &[Line]) -> Option<String> {
    let mut thrown = lines.iter().filter(|line| line.what == What::Thrown);
    let is_told_first = lines.iter().any(|line| line.text.starts_with("The above exception was the direct cause"));
    if is_told_first {
        return thrown.next().map(|line| line.text.clone());
    }
    let caused = thrown.filter_map(|line| {
        let text = line.text.as_str();
        let told = ["Caused by: ", "---> ", "[cause]: "].iter().find_map(|word| text.strip_prefix(word));
        Some((line.indent, told.or_else(|| text.split_once(" ---> ").map(|(_, inner)| inner))?))
    });
    // What is indented further was suppressed: it began nothing.
    let (mut least, mut last) = (usize::MAX, None);
    for (indent, told) in caused {
        if indent <= least {
            (least, last) = (indent, Some(told));
        }
    }
    last.map(|told| told.rsplit_once(" ---> ").map_or(told, |(_, inner)| inner).to_owned())
}

/// Runs of frames of libraries are folded; own ones are seen, but for a recursion's.
fn blocks(lines: &[Line]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut from = 0;
    while from < lines.len() {
        let kind = kind(&lines[from]);
        let to = lines[from..].iter().position(|line| self::kind(line) != kind).map_or(lines.len(), |len| from + len);
        let frames = || (from..to).filter(|index| matches!(lines[*index].what, What::Frame(_)));
        match kind {
            Kind::Library => blocks.push(Block { lines: from..to, folded: (frames().count() > 1).then(|| named(&lines[from..to])) }),
            Kind::Own if frames().count() > OWN_FRAMES_MAX + 1 => {
                let seen_to = frames().nth(OWN_FRAMES_MAX).unwrap_or(to);
                blocks.push(Block { lines: from..seen_to, folded: None });
                let num = frames().count() - OWN_FRAMES_MAX;
                blocks.push(Block { lines: seen_to..to, folded: Some(format!("{} more", figures::things(num as u64, "own frame", "own frames"))) });
            }
            Kind::Own | Kind::Words => blocks.push(Block { lines: from..to, folded: None }),
        }
        from = to;
    }
    blocks
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Words,
    Own,
    Library,
}

fn kind(line: &Line) -> Kind {
    match &line.what {
        What::Thrown | What::Note => Kind::Words,
        What::Frame(Whose::Own) | What::OfFrame(Whose::Own) => Kind::Own,
        What::Frame(Whose::Library(_)) | What::OfFrame(Whose::Library(_)) => Kind::Library,
    }
}

/// `12 frames of org.springframework, java.base`, in the order in which they are met.
fn named(lines: &[Line]) -> String {
    let mut names: Vec<&str> = Vec::new();
    let (mut num, mut has_more) = (0, false);
    for line in lines {
        let What::Frame(Whose::Library(name)) = &line.what else { continue };
        num += 1;
        if !names.contains(&name.as_str()) {
            if names.len() < NAMED_MAX {
                names.push(name);
            } else {
                has_more = true;
            }
        }
    }
    let more = if has_more { " and others" } else { "" };
    format!("{} of {}{more}", figures::things(num, "frame", "frames"), sanitise::visible(&names.join(", ")))
}
