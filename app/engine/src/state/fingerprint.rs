//! What equal failures have in common: exception, where it was thrown, and the message without ids.

use crate::words;

/// Characters of a message in a fingerprint.
const MAX_MESSAGE_CHARS: usize = 160;
/// Characters of a quoted string that stay.
const MAX_QUOTED_CHARS: usize = 24;
/// Hexadecimal runs from this length on are ids, if they hold a digit.
const MIN_HEX_CHARS: usize = 8;
/// Runs of letters and digits mixed from this length on are ids.
const MIN_MIXED_CHARS: usize = 16;
/// Lines of a stack trace that are looked at.
const MAX_LINES: usize = 2000;

/// Exceptions by which frameworks wrap what the application threw.
const WRAPPERS: &[&str] = &[
    "ListenerExecutionFailedException",
    "TimestampedException",
    "MessagingException",
    "MessageHandlingException",
    "MessageDeliveryException",
    "KafkaException",
    "ConnectException",
    "StreamsException",
    "CompletionException",
    "ExecutionException",
    "InvocationTargetException",
    "UndeclaredThrowableException",
    "RuntimeException",
    "AggregateException",
    "TargetInvocationException",
];

/// What was thrown, as headers and stack trace tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Thrown {
    /// Class of the cause, where there is one that tells more than the exception.
    pub(crate) cause: Option<String>,
    /// Message of the cause, or else of the exception.
    pub(crate) message: Option<String>,
    /// Type and function that threw it.
    pub(crate) top_frame: Option<String>,
}

impl Thrown {
    /// Prefers the cause to the exception: the frameworks wrap what the application threw.
    pub(crate) fn of(exception: Option<&str>, cause: Option<&str>, message: Option<&str>, cause_message: Option<&str>, stack: &str) -> Self {
        let sections = sections(stack);
        let wrapped = exception.is_none_or(|class| WRAPPERS.contains(&short_class(class)));
        let told = cause.map(str::trim).filter(|cause| !cause.is_empty());
        // A header that names the same class again tells nothing.
        let told = told.filter(|cause| exception.is_none_or(|exception| exception.trim() != *cause));
        let section = match told {
            Some(cause) => sections.iter().rev().find(|section| short_class(section.class) == short_class(cause)),
            None if wrapped => sections.last(),
            None => sections.first(),
        };
        let cause = told.or_else(|| {
            let inner = section.filter(|_| wrapped).map(|section| section.class)?;
            (!inner.is_empty() && exception.is_none_or(|exception| short_class(exception) != short_class(inner))).then_some(inner)
        });
        let inner_message = section.filter(|_| cause.is_some()).map(|section| section.message).filter(|message| !message.is_empty());
        Self {
            cause: cause.map(str::to_owned),
            message: cause_message.filter(|_| cause.is_some()).or(inner_message).or(message).map(str::to_owned),
            top_frame: section.or(sections.first()).and_then(|section| section.top_frame.clone()).or_else(|| python_frame(stack)),
        }
    }
}

/// One exception of a stack trace.
#[derive(Debug)]
struct Section<'a> {
    class: &'a str,
    message: &'a str,
    top_frame: Option<String>,
}

/// The exceptions of a stack trace, outermost first: those of the JVM (`Caused by:`) and of .NET (` ---> `).
fn sections(stack: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in stack.lines().take(MAX_LINES).map(str::trim) {
        if let Some(frame) = line.strip_prefix("at ") {
            if let Some(section) = sections.last_mut().filter(|section| section.top_frame.is_none()) {
                section.top_frame = frame_name(frame);
            } else if sections.is_empty() {
                sections.push(Section { class: "", message: "", top_frame: frame_name(frame) });
            }
            continue;
        }
        let caused = line.strip_prefix("Caused by:").or_else(|| line.strip_prefix("---> "));
        if sections.is_empty() || caused.is_some() {
            for part in caused.unwrap_or(line).split(" ---> ").filter(|part| !part.trim().is_empty()) {
                let (class, message) = part.trim().split_once(':').unwrap_or((part.trim(), ""));
                if is_class(class) {
                    sections.push(Section { class: class.trim(), message: message.trim(), top_frame: None });
                }
            }
        }
    }
    sections
}

/// Whether a text can be the name of a class.
fn is_class(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.len() <= 255 && text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '$' | '`' | '+'))
}

/// `java.base/com.shop.Checker.check(Checker.java:42)` → `Checker.check`; line numbers change with every release.
fn frame_name(frame: &str) -> Option<String> {
    let name = frame.split(['(', ' ', '[']).next()?;
    let name = name.rsplit('/').next()?;
    let mut parts: Vec<&str> = name.rsplitn(3, '.').take(2).collect();
    parts.reverse();
    let name = parts.join(".");
    (!name.is_empty()).then_some(name)
}

/// Python tells the innermost frame last: `File "/app/pay.py", line 3, in check` → `pay.check`.
fn python_frame(stack: &str) -> Option<String> {
    let lines = stack.lines().take(MAX_LINES).map(str::trim);
    let (file, function) = lines.filter_map(|line| line.strip_prefix("File \"")?.split_once("\", line ")).last()?;
    let file = file.rsplit(['/', '\\']).next()?.trim_end_matches(".py");
    let function = function.rsplit_once(" in ")?.1;
    Some(format!("{file}.{function}"))
}

/// `com.shop.PaymentException` → `PaymentException`.
fn short_class(class: &str) -> &str {
    let class = class.trim();
    class.rsplit(['.', '/', '+']).next().filter(|short| !short.is_empty()).unwrap_or(class)
}

/// `PaymentException at Checker.check: order # declined`, as much of it as is known.
pub(crate) fn fingerprint(class: Option<&str>, top_frame: Option<&str>, message: Option<&str>) -> String {
    let class = class.map(short_class).filter(|class| !class.is_empty());
    let message = message.map(without_ids).filter(|message| !message.is_empty());
    let head = match (class, top_frame) {
        (Some(class), Some(frame)) => format!("{class} at {frame}"),
        (Some(class), None) => class.to_owned(),
        (None, Some(frame)) => format!("at {frame}"),
        (None, None) => String::new(),
    };
    match (head.is_empty(), message) {
        (true, None) => "no cause told".into(),
        (true, Some(message)) => message,
        (false, None) => head,
        (false, Some(message)) => format!("{head}: {message}"),
    }
}

/// A message without what differs from case to case: numbers → `#`, UUIDs and other ids → `<id>`, long quoted strings cut,
/// white space folded, control and direction characters escaped.
pub(crate) fn without_ids(message: &str) -> String {
    let mut text = String::new();
    let mut rest = message.trim();
    let mut after_word = false;
    while let Some(first) = rest.chars().next() {
        if text.chars().nth(MAX_MESSAGE_CHARS).is_some() {
            break;
        }
        let length;
        if first.is_whitespace() {
            length = rest.find(|letter: char| !letter.is_whitespace()).unwrap_or(rest.len());
            text.push(' ');
        } else if is_word(first) {
            length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
            push_word(&mut text, &rest[..length]);
        } else if let Some(inner) = quoted(rest, first).filter(|_| !after_word) {
            length = inner.len() + 2 * first.len_utf8();
            let inner = without_ids(inner);
            text.push(first);
            text.extend(inner.chars().take(MAX_QUOTED_CHARS));
            if inner.chars().nth(MAX_QUOTED_CHARS).is_some() {
                text.push('…');
            }
            text.push(first);
        } else {
            length = first.len_utf8();
            words::push_visible(&mut text, first);
        }
        after_word = is_word(first);
        rest = &rest[length..];
    }
    words::visible(&text, MAX_MESSAGE_CHARS)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '-' | '_')
}

/// What stands between this quotation mark and the next of its kind, in the same line and not too far away.
fn quoted(text: &str, mark: char) -> Option<&str> {
    const MAX_QUOTED_BYTES: usize = 1000;
    if !matches!(mark, '\'' | '"' | '`') {
        return None;
    }
    let inner = &text[mark.len_utf8()..];
    let end = inner.find(['\n', mark]).filter(|end| *end <= MAX_QUOTED_BYTES)?;
    // Quotation marks inside would begin quotations of their own: one level is enough.
    (inner[end..].starts_with(mark) && !inner[..end].contains(['\'', '"', '`'])).then_some(&inner[..end])
}

fn push_word(text: &mut String, word: &str) {
    if let Some((before, after)) = around_uuid(word) {
        push_parts(text, before);
        text.push_str("<id>");
        return push_parts(text, after);
    }
    push_parts(text, word);
}

/// What stands before and after the first UUID of a word: `order-` in `order-018f2c3e-…`.
fn around_uuid(word: &str) -> Option<(&str, &str)> {
    let starts = std::iter::once(0).chain(word.match_indices(['-', '_']).map(|(at, _)| at + 1));
    starts.filter_map(|at| Some((at, word.get(at..at + 36)?))).find(|(_, part)| is_uuid(part)).map(|(at, _)| (&word[..at], &word[at + 36..]))
}

fn push_parts(text: &mut String, word: &str) {
    for (index, part) in word.split('-').enumerate() {
        if index > 0 {
            text.push('-');
        }
        if is_id(part) { text.push_str("<id>") } else { push_without_numbers(text, part) }
    }
}

fn is_uuid(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() == 36 && bytes.iter().enumerate().all(|(index, byte)| if matches!(index, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
}

fn is_id(word: &str) -> bool {
    let hex = word.strip_prefix("0x").unwrap_or(word);
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().filter(|letter| letter.is_alphabetic()).count();
    let is_hex = hex.len() >= MIN_HEX_CHARS && digits > 0 && letters > 0 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex || (word.chars().nth(MIN_MIXED_CHARS - 1).is_some() && digits >= 2 && letters >= 2)
}

fn push_without_numbers(text: &mut String, word: &str) {
    let mut in_number = false;
    for letter in word.chars() {
        let is_digit = letter.is_numeric();
        if !is_digit {
            words::push_visible(text, letter);
        } else if !in_number {
            text.push('#');
        }
        in_number = is_digit;
    }
}

#[cfg(test)]
mod tests;
