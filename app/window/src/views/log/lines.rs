//! Which lines are shown, and how one is written out. Pure.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::{figures, view::CopyForm};
use switchboard_desk::own_log::{LogLevel, LogLine};

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFilter {
    /// From this level up.
    pub level: LogLevel,
    /// Stands somewhere in the line as it is shown, in any case.
    pub text: String,
}

impl Default for LogFilter {
    fn default() -> Self {
        Self { level: LogLevel::Info, text: String::new() }
    }
}

/// The lines that pass, in their order.
pub(crate) fn passing(lines: &[Arc<LogLine>], filter: &LogFilter) -> Vec<Arc<LogLine>> {
    let text = filter.text.trim().to_lowercase();
    let contains = |part: &str| part.to_lowercase().contains(&text);
    let passes = |line: &&Arc<LogLine>| {
        line.level >= filter.level && (text.is_empty() || contains(&in_short(line)) || contains(&line.target) || contains(&figures::instant(line.at_ns)))
    };
    lines.iter().filter(passes).cloned().collect()
}

/// A line on one line: what it says, and its fields.
pub(crate) fn in_short(line: &LogLine) -> String {
    let mut text = line.message.clone();
    for (name, value) in &line.fields {
        let _infallible = write!(text, "{}{name}={value}", if text.is_empty() { "" } else { "  " });
    }
    text
}

/// A line to be copied.
pub(crate) fn copied(line: &LogLine, form: CopyForm) -> String {
    let at = figures::instant(line.at_ns);
    match form {
        CopyForm::Text => format!("{at} {} {} {}", line.level.text(), line.target, in_short(line)),
        CopyForm::Json => {
            let fields: Map<String, Value> = line.fields.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({ "time": at, "level": line.level.text(), "target": line.target, "message": line.message, "fields": fields }).to_string()
        }
        CopyForm::Markdown => {
            let mut text = format!("**{}** `{at}` {}\n\n{}\n", line.level.text(), line.target, line.message);
            for (name, value) in &line.fields {
                let _infallible = write!(text, "\n- {name}: `{}`", value.replace('`', "'"));
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: LogLevel, message: &str, fields: &[(&str, &str)]) -> Arc<LogLine> {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Arc::new(LogLine { at_ns: 1_795_258_800_000_000_000, level, target: "switchboard::session".to_owned(), message: message.to_owned(), fields })
    }

    #[test]
    fn lines_pass_by_level_and_by_text_anywhere_in_them() {
        let lines = [line(LogLevel::Debug, "a step", &[]), line(LogLevel::Warn, "Slow", &[("source", "Kafka")]), line(LogLevel::Error, "Lost", &[])];
        let passing = |level, text: &str| -> Vec<String> {
            let filter = LogFilter { level, text: text.to_owned() };
            passing(&lines, &filter).iter().map(|line| line.message.clone()).collect()
        };
        assert_eq!(passing(LogLevel::Info, ""), ["Slow", "Lost"]);
        assert_eq!(passing(LogLevel::Trace, " kafka "), ["Slow"]);
        assert_eq!(passing(LogLevel::Trace, "slow  source=kafka"), ["Slow"], "as it stands on the screen");
        assert_eq!(passing(LogLevel::Trace, "11:00:00").len(), 3);
        assert_eq!(passing(LogLevel::Trace, "SESSION").len(), 3);
        assert!(passing(LogLevel::Error, "slow").is_empty());
    }

    #[test]
    fn a_line_is_copied_in_three_forms() {
        let line = line(LogLevel::Warn, "The broker does not answer.", &[("source", "lab-kafka")]);
        assert_eq!(copied(&line, CopyForm::Text), "2026-11-21T11:00:00.000000Z warn switchboard::session The broker does not answer.  source=lab-kafka");
        let json: Value = serde_json::from_str(&copied(&line, CopyForm::Json)).expect("JSON");
        assert_eq!((&json["level"], &json["fields"]["source"]), (&json!("warn"), &json!("lab-kafka")));
        assert!(copied(&line, CopyForm::Markdown).contains("- source: `lab-kafka`"));
    }
}
