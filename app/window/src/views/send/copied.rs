//! What is copied of something that was sent, with ids and times. Pure.

use serde_json::json;
use switchboard_desk::send::Sent;

use super::answer::{status_line, why};
use crate::{figures, sanitise::visible, view::CopyForm};

/// In this form.
pub(super) fn copied(sent: &Sent, form: CopyForm, now_ns: i64) -> String {
    let (lead, rest) = status_line(sent, now_ns);
    let status = format!("{} · {}", lead.word, rest.join(" · "));
    let trace_id = sent.trace_id.map(|trace_id| trace_id.to_string());
    let received = sent.answer.received();
    let text = sent.answer.text();
    let body = text.as_ref().map(|(text, _)| &**text).filter(|body| !body.is_empty()).or(received.as_deref());
    let mut lines = vec![("sent", figures::instant(sent.at_ns)), ("to", visible(&sent.target).into_owned()), ("answered", status)];
    lines.extend(trace_id.clone().map(|trace_id| ("trace", trace_id)));
    lines.extend(sent.correlation_id.as_ref().map(|id| ("correlation id", visible(id).into_owned())));
    lines.extend(why(sent).map(|(why, _)| ("because", why)));
    let title = visible(&sent.call).into_owned();
    match form {
        CopyForm::Text => {
            let lines: Vec<String> = lines.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            let body = body.map(|body| format!("\n\n{body}")).unwrap_or_default();
            format!("{title}\n{}{body}\n", lines.join("\n"))
        }
        CopyForm::Markdown => {
            let lines: Vec<String> = lines.iter().map(|(name, value)| format!("- {name}: {value}")).collect();
            let body = body.map(|body| format!("\n\n```\n{body}\n```")).unwrap_or_default();
            format!("**{title}**\n\n{}{body}\n", lines.join("\n"))
        }
        CopyForm::Json => json!({
            "call": sent.call,
            "to": sent.target,
            "sent": figures::instant(sent.at_ns),
            "sent_ns": sent.at_ns,
            "took_ns": sent.took_ns(now_ns),
            "outcome": sent.outcome_word(),
            "because": why(sent).map(|(why, _)| why),
            "answered": lead.word,
            "trace_id": trace_id,
            "correlation_id": sent.correlation_id,
            "headers": sent.answer.headers,
            "trailers": sent.answer.trailers,
            "body": body,
            "body_bytes": sent.answer.body_bytes,
        })
        .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testing::NOW_NS, views::send::sample};

    #[test]
    fn a_copy_has_ids_and_times() {
        let board = sample::board();
        let text = copied(&board.sent[0], CopyForm::Text, NOW_NS);
        assert!(text.starts_with("POST /checkout\nsent: 2026-11-21T10:59:20") && text.contains("trace: 19ab4c110b774d208c0177aa11c20c47"), "{text}");
        assert!(text.contains("correlation id: 4704") && text.contains("\"state\""), "{text}");
        let json: serde_json::Value = serde_json::from_str(&copied(&board.sent[4], CopyForm::Json, NOW_NS)).expect("JSON");
        assert_eq!(json["because"], "nobody listens on localhost:9999");
        assert!(copied(&board.sent[1], CopyForm::Markdown, NOW_NS).starts_with("**POST /checkout**"));
    }
}
