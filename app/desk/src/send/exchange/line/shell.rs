//! Words for a POSIX shell (XCU, 2.2), made so that they stay what they are also where they are pasted into an interactive one.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The longest argument that is written; Linux takes 128 KiB.
pub(super) const ARGUMENT_BYTES_MAX: usize = 96 << 10;

/// Names that a shell itself goes by: a secret that is called so gets another.
const OF_THE_SHELL: [&str; 26] = [
    "BASH", "CDPATH", "COLUMNS", "ENV", "EUID", "FPATH", "HISTFILE", "HOME", "HOST", "HOSTNAME", "IFS", "LANG", "LINES", "LOGNAME", "MAIL", "OLDPWD", "PATH",
    "PPID", "PS1", "PS2", "PWD", "RANDOM", "SECONDS", "SHELL", "UID", "USER",
];

/// A field that no argument can hold; it is told in a comment instead.
#[derive(Debug)]
pub(super) struct Unspeakable(pub &'static str);

/// Whether a text can stand in a line as it is: no NUL, which ends an argument, no control character, by which a terminal may take the rest of what is
/// pasted for typed, and none that shows a line in another order than it has.
pub(super) fn is_plain(text: &str) -> bool {
    let misleads = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    text.chars().all(|c| c == '\n' || !(c.is_control() || misleads(c)))
}

/// A text as one word. Between single quotes nothing means anything but their end, which is written as `'\''`.
fn quoted(text: &str) -> Cow<'_, str> {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b':' | b'-');
    if !text.is_empty() && text.bytes().all(is_bare) { Cow::Borrowed(text) } else { Cow::Owned(format!("'{}'", text.replace('\'', "'\\''"))) }
}

/// A command that prints these bytes, whichever they are.
pub(super) fn printed(bytes: &[u8]) -> String {
    if let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| is_plain(text)) {
        return format!("printf '%s' {}", quoted(text));
    }
    let mut line = String::with_capacity(bytes.len() * 2 + 16);
    line.push_str("printf '");
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'%' => line.push_str("%%"),
            // A first dash would be an option.
            b'-' if at == 0 => line.push_str("\\055"),
            b' '..=b'~' if !matches!(byte, b'\\' | b'\'') => line.push(char::from(*byte)),
            _ => drop(write!(line, "\\{byte:03o}")),
        }
    }
    line.push('\'');
    line
}

/// Name of the shell's variable that stands for a secret: `payments token` is `PAYMENTS_TOKEN`.
pub(super) fn variable(secret: &str) -> String {
    let mut name: String = secret.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).take(64).collect();
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) || OF_THE_SHELL.contains(&name.as_str()) {
        name.insert_str(0, "SECRET_");
    }
    name
}

/// A line that is put together: comments, and a command that may be given something to read.
pub(super) struct Line {
    comments: Vec<String>,
    words: String,
}

impl Line {
    /// Begins with a program.
    pub fn new(program: &'static str) -> Self {
        Self { comments: Vec::new(), words: program.to_owned() }
    }

    /// Tells something in a line of its own. A shell that reads no comments runs nothing of it either: only letters, digits and dots come into it.
    pub fn comment(&mut self, text: &str) {
        let is_harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | ',' | ':' | '_' | '-' | '/');
        let text = text.chars().take(400).map(|c| if is_harmless(c) { c } else { '_' }).collect();
        if !self.comments.contains(&text) && self.comments.len() < 40 {
            self.comments.push(text);
        }
    }

    /// Adds an option that has no value, or one of this program's own.
    pub fn word(&mut self, word: &'static str) {
        self.words.push(' ');
        self.words.push_str(word);
    }

    /// Adds an argument that comes from a field.
    pub fn argument(&mut self, field: &'static str, value: &str) -> Result<(), Unspeakable> {
        if !is_plain(value) || value.len() > ARGUMENT_BYTES_MAX {
            return Err(Unspeakable(field));
        }
        self.words.push(' ');
        self.words.push_str(&quoted(value));
        Ok(())
    }

    /// Adds an option and its value, which comes from a field.
    pub fn option(&mut self, option: &'static str, field: &'static str, value: &str) -> Result<(), Unspeakable> {
        self.words.push_str(" \\\n  ");
        self.words.push_str(option);
        self.argument(field, value)
    }

    /// Adds an option whose value ends with a secret: a variable of the shell, the only thing that means something to it.
    pub fn secret(&mut self, option: &'static str, field: &'static str, before: &str, secret: &str) -> Result<(), Unspeakable> {
        let name = variable(secret);
        if before.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b':' | b'-' | b'_' | b'.')) {
            self.words.push_str(&format!(" \\\n  {option} \"{before}${name}\""));
        } else {
            self.option(option, field, before)?;
            self.words.push_str(&format!("\"${name}\""));
        }
        self.comment(&format!("{name} is a secret, which is not copied: set it before"));
        Ok(())
    }

    /// The whole text. `input` is what the command reads from its standard input, `third` what it reads from its descriptor 3.
    pub fn finish(self, input: Option<&[u8]>, third: Option<&[u8]>) -> String {
        let Self { comments, words } = self;
        let mut text = told_in_lines(&comments);
        let mut run = match input {
            Some(bytes) => format!("{} | {words}", printed(bytes)),
            None => words,
        };
        if let Some(bytes) = third {
            run = format!("{} | {{ {run}; }} 3<&0", printed(bytes));
        }
        text.push_str(&run);
        text.push('\n');
        text
    }

    /// The comments alone: what there is to send cannot be said by this program.
    pub fn unspeakable(mut self, why: &str) -> String {
        self.comments.clear();
        self.comment(why);
        told_in_lines(&self.comments)
    }
}

fn told_in_lines(comments: &[String]) -> String {
    comments.iter().flat_map(|comment| ["# ", comment.as_str(), "\n"]).collect()
}

/// A name or a number for a comment, kept short.
pub(super) fn told(name: &str) -> String {
    name.chars().take(60).collect()
}
