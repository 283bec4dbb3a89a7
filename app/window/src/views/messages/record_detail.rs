//! What is known of a record, in sections. Pure.

use switchboard_engine::view::RecordView;
use switchboard_model::{CorrelationId, MessageRef, Place};

use crate::{
    figures,
    ink::Tone,
    sanitise::visible,
    view::{Target, ViewAction},
    widgets::{
        detail::{Detail, Row, Section},
        payload::{Framing, bytes_in_line, header_value, hex},
    },
};

/// Headers beyond this are counted.
const HEADERS_MAX: usize = 200;

/// All that is known of a record but its value.
pub(crate) fn detail(record: &RecordView) -> Detail {
    let key = bytes_in_line(record.key.as_deref());
    let title = figures::place(&record.at.place);
    let kind = format!("{} · {}", visible(&record.at.channel), visible(&record.at.cluster));
    let mut verdict = Vec::new();
    if record.redacted {
        verdict.push(("Secrets in it were replaced when it came in; equal ones still look equal".to_owned(), Tone::Unknown));
    }
    if record.truncated {
        verdict.push(("It was cut at a limit: not all of it is stored".to_owned(), Tone::Unknown));
    }
    if !record.headers_readable {
        verdict.push(("Its headers could not be read: their names are no text".to_owned(), Tone::Warn));
    }
    let mut about = vec![
        Row::pair("key", &key.text).read(key.how),
        Row::pair("written", &record.timestamp_ns.map_or_else(|| "unknown".to_owned(), figures::instant)),
        Row::pair("received", &figures::instant(record.received_ns)),
        Row::pair("value", &size(record)),
    ];
    if record.key_size_bytes > 0 {
        about.push(Row::pair("key size", &format!("{} B", figures::count(u64::from(record.key_size_bytes)))));
    }
    if let Some(framing) = record.value.as_deref().map(Framing::read).and_then(|framing| framing.in_words()) {
        about.push(Row::pair("framing", &framing));
    }
    let sections = vec![
        Section::new("Record", about),
        Section::new("Leads to", links(record)),
        Section::new(&format!("Headers as they are · {}", record.headers.len()), headers(record)),
        Section::new("Ids", ids(record)).noted("a click copies"),
    ];
    let sections = sections.into_iter().filter(|section| !section.rows.is_empty()).collect();
    Detail { title, kind, verdict, sections }
}

fn size(record: &RecordView) -> String {
    match &record.value {
        None => "null, a tombstone".to_owned(),
        Some(_) => format!("{} B", figures::count(u64::from(record.value_size_bytes))),
    }
}

fn links(record: &RecordView) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(trace_id) = record.trace_id {
        rows.push(Row::link("its trace", &trace_id.to_string(), Some(ViewAction::Goto(Target::Trace { trace_id, span_id: None }))));
    }
    for (header, id) in &record.correlations {
        if let Some(id_read) = CorrelationId::parse(id.as_bytes()) {
            let action = ViewAction::Goto(Target::Conversation(id_read));
            rows.push(Row::link(&format!("story of {id}"), "", Some(action)).explained(&format!("by {header}")));
        }
    }
    rows
}

fn headers(record: &RecordView) -> Vec<Row> {
    let row = |(name, value): &(String, Option<Vec<u8>>)| {
        let shown = header_value(name, value.as_deref());
        let is_redacted = shown.text.contains("redacted:");
        Row::pair(name, &shown.text).read(if is_redacted { "redacted" } else { shown.how })
    };
    let mut rows: Vec<Row> = record.headers.iter().take(HEADERS_MAX).map(row).collect();
    if record.headers.len() > HEADERS_MAX {
        rows.push(Row::text(&format!("and {} more", figures::count((record.headers.len() - HEADERS_MAX) as u64))));
    }
    rows
}

fn ids(record: &RecordView) -> Vec<Row> {
    let copying = |key: &str, value: &str| Row::pair(key, value).doing(Some(ViewAction::Copy(value.to_owned())));
    let MessageRef { channel, place, .. } = &record.at;
    let mut rows = vec![copying("topic", channel)];
    if *place != Place::None {
        rows.push(copying("position", &record.at.to_string()));
    }
    if let Place::Offset { partition, offset } = place {
        rows.push(copying("for kcat", &format!("kcat -C -t {} -p {partition} -o {offset} -c 1 -J", shell_word(channel))));
    }
    if let Some(trace_id) = record.trace_id {
        rows.push(copying("trace", &trace_id.to_string()));
    }
    rows
}

/// A word that no shell reads as anything else.
fn shell_word(text: &str) -> String {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if is_plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// The record as JSON; bytes that are no text as hex.
pub(crate) fn to_json(record: &RecordView) -> serde_json::Value {
    let bytes = |bytes: Option<&[u8]>| match bytes.map(|bytes| (std::str::from_utf8(bytes), bytes)) {
        None => serde_json::Value::Null,
        Some((Ok(text), _)) => serde_json::json!({ "text": text }),
        Some((Err(_), bytes)) => serde_json::json!({ "hex": hex(bytes) }),
    };
    serde_json::json!({
        "cluster": record.at.cluster,
        "topic": record.at.channel,
        "place": record.at.place.to_string(),
        "partition": record.at.place.partition(),
        "offset": record.at.place.offset(),
        "written": record.timestamp_ns.map(figures::instant),
        "written_ns": record.timestamp_ns,
        "received_ns": record.received_ns,
        "key": bytes(record.key.as_deref()),
        "headers": record.headers.iter().map(|(name, value)| serde_json::json!({ "name": name, "value": bytes(value.as_deref()) })).collect::<Vec<_>>(),
        "value": bytes(record.value.as_deref()),
        "value_size_bytes": record.value_size_bytes,
        "redacted": record.redacted,
        "truncated": record.truncated,
        "trace_id": record.trace_id.map(|trace_id| trace_id.to_string()),
        "correlations": record.correlations.iter().map(|(header, id)| serde_json::json!({ "header": header, "id": id })).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::traces::sample;

    #[test]
    fn a_record_that_lies_elsewhere_says_so_and_offers_no_offset() {
        for (place, title, position, offset) in [
            (Place::at(0, 7), "0@7\n", Some("position  orders.placed 0@7\n"), Some(7)),
            (Place::Opaque(vec![0x0a, 0x7f]), "0x0a7f\n", Some("position  orders.placed 0x0a7f\n"), None),
            (Place::None, "no place\n", None, None),
        ] {
            let mut record = sample::record();
            record.at.place = place;
            let (text, json) = (detail(&record).to_text(), to_json(&record));
            assert!(text.starts_with(title) && position.is_none_or(|position| text.contains(position)), "{text}");
            assert_eq!((text.contains("position"), text.contains("kcat -C")), (position.is_some(), offset.is_some()), "{text}");
            assert_eq!((json["place"].as_str(), json["offset"].as_i64()), (Some(record.at.place.to_string().as_str()), offset));
        }
    }

    #[test]
    fn a_record_says_what_it_holds_and_where_it_leads() {
        insta::assert_snapshot!(detail(&sample::record()).to_text());
        let targets: Vec<Target> = links(&sample::record())
            .into_iter()
            .filter_map(|row| if let Row::Link { action: Some(ViewAction::Goto(target)), .. } = row { Some(target) } else { None })
            .collect();
        assert_eq!(targets, [Target::Trace { trace_id: sample::TRACE, span_id: None }, Target::Conversation(CorrelationId::Number(4_704))]);
    }

    #[test]
    fn what_is_pasted_into_a_shell_is_one_word() {
        assert_eq!(shell_word("orders.placed"), "orders.placed");
        assert_eq!(shell_word("a; rm -rf '/'"), "'a; rm -rf '\\''/'\\'''");
    }

    #[test]
    fn bytes_are_text_or_hex_in_json() {
        let json = to_json(&sample::record());
        assert_eq!(json["key"], serde_json::json!({ "text": "4704" }));
        assert_eq!(json["headers"][2]["value"], serde_json::json!({ "text": "\0\0\0\u{2}" }));
        assert_eq!(to_json(&RecordView { key: Some(vec![0xff]), value: None, ..sample::record() })["key"], serde_json::json!({ "hex": "ff" }));
    }
}
