//! What is known of an object as lines, as Markdown and as JSON, with the ids that lead back to it.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Detail, Row, Section};
use crate::view::{Target, ViewAction};

impl Detail {
    /// All of it as lines.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.title, self.kind);
        for (sentence, _) in &self.verdict {
            text.push_str(&format!("{sentence}\n"));
        }
        for section in &self.sections {
            let heading = section.heading();
            text.push_str(&if heading.is_empty() { "\n".to_owned() } else { format!("\n{heading}\n") });
            for row in &section.rows {
                text.push_str(&match row {
                    Row::Pair { key, value, how, .. } if how.is_empty() => format!("  {key}  {}\n", below(value)),
                    Row::Pair { key, value, how, .. } => format!("  {key}  {}  ({how})\n", below(value)),
                    Row::Stack { key, stack, .. } => format!("  {key}  {}\n", below(stack.text.trim_end())),
                    row => format!("  {}\n", joined(&row.parts(), "  ")),
                });
            }
        }
        text
    }

    /// All of it as Markdown.
    pub(crate) fn to_markdown(&self) -> String {
        let mut text = format!("### {}\n\n{}\n", escaped(&self.title), escaped(&self.kind));
        for (sentence, _) in &self.verdict {
            text.push_str(&format!("\n{}\n", escaped(sentence)));
        }
        for section in &self.sections {
            let heading = section.heading();
            text.push_str(&if heading.is_empty() { "\n".to_owned() } else { format!("\n**{}**\n\n", escaped(&heading)) });
            for row in &section.rows {
                text.push_str(&match row {
                    Row::Stack { key, stack, .. } => format!("- {}:\n\n{}", escaped(key), fenced(stack.text.trim_end())),
                    Row::Pair { key, value, .. } if value.contains('\n') => format!("- {}:\n\n{}", escaped(key), fenced(value)),
                    Row::Pair { key, value, how, .. } if how.is_empty() => format!("- {}: {}\n", escaped(key), code(value)),
                    Row::Pair { key, value, how, .. } => format!("- {}: {} ({how})\n", escaped(key), code(value)),
                    Row::Paste { text } => format!("- {}\n", code(text)),
                    row => format!("- {}\n", escaped(&joined(&row.parts(), " · "))),
                });
            }
        }
        text
    }

    /// All of it as JSON: what is shown, and the ids of what it leads to.
    pub(crate) fn to_json(&self) -> Value {
        let sections = self.sections.iter().map(|section| {
            let rows: Vec<Value> = section.rows.iter().map(Row::to_json).collect();
            json!({ "title": section.title, "note": section.note, "rows": rows })
        });
        json!({
            "title": self.title,
            "kind": self.kind,
            "verdict": self.verdict.iter().map(|(sentence, _)| sentence).collect::<Vec<_>>(),
            "sections": sections.collect::<Vec<_>>(),
        })
    }
}

impl Section {
    fn heading(&self) -> String {
        joined(&[self.title.clone(), self.note.clone()], " · ")
    }
}

impl Row {
    /// What it says, part by part, and the id of what it leads to.
    fn parts(&self) -> Vec<String> {
        let said = |parts: &[&String]| {
            let id = self.trace_id().filter(|id| parts.iter().all(|part| !part.contains(id))).map(|id| format!("trace {id}"));
            parts.iter().map(|part| (*part).clone()).chain(id).collect()
        };
        match self {
            Self::Pair { key, value, how, .. } => said(&[key, value, how]),
            Self::Stack { key, how, stack } => said(&[key, &stack.text, how]),
            Self::Text { text, .. } | Self::Paste { text } => said(&[text]),
            Self::Link { label, value, detail, .. } | Self::Bar { label, value, detail, .. } | Self::Strip { label, value, detail, .. } => {
                said(&[label, value, detail])
            }
            Self::Figure { label, value, other, .. } | Self::Spark { label, value, change: other, .. } => said(&[label, value, other]),
            Self::Share { label, value, .. } => said(&[label, value]),
            Self::Heat { cells } => cells.iter().map(|cell| cell.words.clone()).collect(),
        }
    }

    /// The id of the whole trace that it leads to: of other things the name says as much.
    fn trace_id(&self) -> Option<String> {
        match self.action()? {
            ViewAction::Goto(Target::Trace { trace_id, span_id: None }) => Some(format!("{:032x}", trace_id.0)),
            _ => None,
        }
    }

    fn to_json(&self) -> Value {
        let mut row = match self {
            Self::Pair { key, value, how, .. } => json!({ "label": key, "value": value, "detail": how }),
            Self::Stack { key, how, stack } => json!({ "label": key, "value": stack.text, "detail": how }),
            Self::Text { text, .. } | Self::Paste { text } => json!({ "text": text }),
            Self::Link { label, value, detail, .. } | Self::Bar { label, value, detail, .. } => json!({ "label": label, "value": value, "detail": detail }),
            Self::Figure { label, value, other, .. } => json!({ "label": label, "value": value, "other": other }),
            Self::Spark { label, value, change, points, num_before, .. } => {
                json!({ "label": label, "value": value, "change": change, "points": points, "points_before": num_before })
            }
            Self::Heat { cells } => {
                let cells = cells.iter().map(|cell| json!({ "partition": cell.partition, "lag": cell.lag, "words": cell.words }));
                json!({ "partitions": cells.collect::<Vec<_>>() })
            }
            Self::Share { label, value, share, .. } => json!({ "label": label, "value": value, "share": share }),
            Self::Strip { label, value, detail, pieces, .. } => {
                let pieces = pieces.iter().map(|piece| json!({ "from_ns": piece.from_ns, "to_ns": piece.to_ns, "state": piece.state }));
                json!({ "label": label, "value": value, "detail": detail, "states": pieces.collect::<Vec<_>>() })
            }
        };
        if let (Some(row), Some(ViewAction::Goto(target))) = (row.as_object_mut(), self.action()) {
            match target {
                Target::Trace { trace_id, .. } => drop(row.insert("trace_id".to_owned(), json!(format!("{:032x}", trace_id.0)))),
                Target::Node(node_id) => drop(row.insert("node".to_owned(), json!(node_id.0))),
                Target::Edge(edge_id) => drop(row.insert("edge".to_owned(), json!(edge_id.0))),
                _ => {}
            }
        }
        row
    }
}

fn joined(parts: &[String], by: &str) -> String {
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(by)
}

/// Text in which Markdown sees no markup.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!') {
            shown.push('\\');
        }
        shown.push(c);
    }
    shown
}

/// A value of several lines: the second and further ones stand below the first.
fn below(value: &str) -> Cow<'_, str> {
    if value.contains('\n') { Cow::Owned(value.replace('\n', "\n    ")) } else { Cow::Borrowed(value) }
}

/// Lines as a block of code of a list's item.
fn fenced(text: &str) -> String {
    let fence = "`".repeat(longest_backticks(text).max(2) + 1);
    format!("  {fence}\n  {}\n  {fence}\n", text.replace('\n', "\n  "))
}

/// Text as code, whatever backticks are in it.
fn code(text: &str) -> String {
    let longest = longest_backticks(text);
    let fence = "`".repeat(longest + 1);
    if longest == 0 { format!("{fence}{text}{fence}") } else { format!("{fence} {text} {fence}") }
}

/// How many backticks follow one another at most.
fn longest_backticks(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ink::Tone;

    fn detail() -> Detail {
        Detail {
            title: "POST /pay".to_owned(),
            kind: "client · orders-1".to_owned(),
            verdict: vec![("Timed out".to_owned(), Tone::Bad)],
            sections: vec![
                Section::new("Attributes", vec![Row::pair("url.full", "http://payments/`pay`"), Row::pair("offset", "18204").read("8 bytes, big-endian")]),
                Section::new("Links", vec![Row::link("shipping", "71 ms", None).explained("batch of 40")]).noted("1"),
            ],
        }
    }

    #[test]
    fn an_object_is_copied_as_lines_and_as_markdown() {
        insta::assert_snapshot!(detail().to_text(), @r"
        POST /pay
        client · orders-1
        Timed out

        Attributes
          url.full  http://payments/`pay`
          offset  18204  (8 bytes, big-endian)

        Links · 1
          shipping  71 ms  batch of 40
        ");
        insta::assert_snapshot!(detail().to_markdown(), @r"
        ### POST /pay

        client · orders-1

        Timed out

        **Attributes**

        - url.full: `` http://payments/`pay` ``
        - offset: `18204` (8 bytes, big-endian)

        **Links · 1**

        - shipping · 71 ms · batch of 40
        ");
    }

    #[test]
    fn values_of_several_lines_are_copied_line_by_line() {
        let rows =
            vec![Row::pair("db.statement", "SELECT 1\nFROM ```x"), Row::pair("stack", "A: b\\n\\tat com.shop.A.b(A.java:1)\\n\\tat com.shop.C.d(C.java:2)")];
        let detail = Detail { title: "x".to_owned(), sections: vec![Section::new("", rows)], ..Detail::default() };
        insta::assert_snapshot!(detail.to_text(), @r"
        x


          db.statement  SELECT 1
            FROM ```x
          stack  A: b
                at com.shop.A.b(A.java:1)
                at com.shop.C.d(C.java:2)
        ");
        insta::assert_snapshot!(detail.to_markdown(), @r"
        ### x



        - db.statement:

          ````
          SELECT 1
          FROM ```x
          ````
        - stack:

          ```
          A: b
              at com.shop.A.b(A.java:1)
              at com.shop.C.d(C.java:2)
          ```
        ");
    }

    #[test]
    fn text_from_elsewhere_makes_no_markup() {
        let evil = Detail { title: "<b>*x*</b> [a](http://b)".to_owned(), ..Detail::default() };
        assert_eq!(evil.to_markdown().lines().next(), Some("### \\<b\\>\\*x\\*\\</b\\> \\[a\\](http://b)"));
    }
}
