//! What is known of a span, in sections. Pure.

use switchboard_engine::view::{ChannelKey, EventView, LogView, RecordView, SpanLink, SpanView, Timing, TraceView};
use switchboard_model::{CorrelationId, Place, SpanKind, is_believable_at};

use super::{
    tree::{NodeOf, Tree},
    waterfall::SEVERITY_ERROR,
};
use crate::{
    figures,
    ink::Tone,
    sanitise::{lines, visible},
    view::{Target, ViewAction},
    widgets::detail::{Detail, Row, Section},
    words::traces::took,
};

/// Children, links and logs beyond this are counted.
const ROWS_MAX: usize = 12;
/// Attributes beyond this are counted.
const ATTRIBUTES_MAX: usize = 200;
/// Characters of what a span says of its failure.
const REASON_CHARS_MAX: usize = 1_000;
/// A span that comes so long after its end came late, ns.
const LATE_NS: i64 = 30_000_000_000;

/// The word for a kind of span.
pub(crate) fn kind_word(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::Unspecified => "kind not said",
        SpanKind::Internal => "internal",
        SpanKind::Server => "server",
        SpanKind::Client => "client",
        SpanKind::Producer => "producer",
        SpanKind::Consumer => "consumer",
    }
}

/// The word for a severity number (OTLP).
pub(crate) fn severity_word(severity: u8) -> &'static str {
    match severity {
        0 => "–",
        1..=4 => "TRACE",
        5..=8 => "DEBUG",
        9..=12 => "INFO",
        13..=16 => "WARN",
        17..=20 => "ERROR",
        _ => "FATAL",
    }
}

/// How urgent a log is.
pub(crate) fn severity_tone(severity: u8) -> Tone {
    match severity {
        13..SEVERITY_ERROR => Tone::Warn,
        SEVERITY_ERROR.. => Tone::Bad,
        _ => Tone::Quiet,
    }
}

/// All that is known of a node.
pub(crate) fn detail(tree: &Tree, view: &TraceView, place: u32, now_ns: i64) -> Detail {
    match tree.nodes[place as usize].of {
        NodeOf::Span(index) => span_detail(tree, view, (place, &view.spans[index as usize]), now_ns),
        NodeOf::Missing(span_id) => Detail {
            title: "Missing parent".to_owned(),
            kind: format!("span {span_id}"),
            verdict: vec![(
                "Others name it as their parent, and it was not received: its service sends no spans, dropped it, has not sent it yet, or it was evicted"
                    .to_owned(),
                Tone::Unknown,
            )],
            sections: vec![Section::new("Children", children(tree, view, place)), Section::new("Ids", vec![copying("span", &span_id.to_string())])],
        },
    }
}

fn span_detail(tree: &Tree, view: &TraceView, (place, span): (u32, &SpanView), now_ns: i64) -> Detail {
    let instance = span.instance.as_deref().unwrap_or("instance unknown");
    let mut kind = format!("{} · {} · {}", visible(&span.service), kind_word(span.kind), visible(instance));
    for more in [span.version.as_deref(), Some(span.scope.as_str())].into_iter().flatten().filter(|more| !more.is_empty()) {
        kind.push_str(&format!(" · {}", visible(more)));
    }
    let mut sections =
        vec![Section::new("When", when(tree, span)), Section::new(&format!("Attributes as sent · {}", span.attributes.len()), pairs(&span.attributes))];
    if !span.normalised.is_empty() {
        sections.push(Section::new("The same by their current names", pairs(&span.normalised)));
    }
    let records = records(span, &view.records);
    if !records.is_empty() {
        sections.push(Section::new("Records", records));
    }
    sections.push(Section::new("Caused by, and causes", causes(tree, view, place, span)));
    if !span.events.is_empty() {
        sections.push(Section::new("Events", events(span)));
    }
    let logs = logs(span, &view.logs, now_ns);
    if !logs.is_empty() {
        sections.push(Section::new("Logs", logs));
    }
    sections.push(Section::new("Ids", ids(span)).noted("a click copies"));
    sections.retain(|section| !section.rows.is_empty());
    Detail { title: visible(&span.name).into_owned(), kind, verdict: verdict(tree, view, place, span), sections }
}

fn verdict(tree: &Tree, view: &TraceView, place: u32, span: &SpanView) -> Vec<(String, Tone)> {
    let node = &tree.nodes[place as usize];
    let mut sentences = Vec::new();
    if let Some(failure) = &span.failure {
        // What decided, and what was said beside it.
        let told = [failure.as_str(), span.status_message.as_str()].map(|text| lines(text, REASON_CHARS_MAX));
        let told: Vec<&str> = told.iter().map(AsRef::as_ref).filter(|text| !text.is_empty() && *text != "failed").collect();
        let reason = if told.is_empty() { "no reason given".to_owned() } else { told.join(", ") };
        sentences.push((format!("Failed: {reason}"), Tone::Bad));
        if node.num_errors_below > 0 {
            sentences.push((
                format!("So did {} below it; the failure began there", figures::things(u64::from(node.num_errors_below), "span", "spans")),
                Tone::Quiet,
            ));
        }
    }
    for child in tree.children(Some(place)) {
        let callee = &tree.nodes[child as usize];
        if let (Some(until_ns), Some(called)) = (callee.caller_waits_until_ns, tree.span(child, view)) {
            let text = format!(
                "It took {}, though {} had answered in {}: {} lie between its answer and the end of the call",
                took(span),
                visible(&called.service),
                took(called),
                figures::duration(until_ns.saturating_sub(callee.end_ns)),
            );
            sentences.push((text, Tone::Warn));
        }
    }
    if let Some(before_ns) = node.before_parent_ns {
        sentences.push((format!("It starts {} before its parent: the clocks differ, and nothing was corrected", figures::duration(before_ns)), Tone::Warn));
    }
    match span.timing() {
        Timing::Took(_) => {}
        Timing::NoEnd => sentences.push(("No end was sent: how long it took is not known".to_owned(), Tone::Unknown)),
        Timing::EndsBeforeStart => sentences.push(("Its sender says that it ends before it starts: how long it took is not known".to_owned(), Tone::Unknown)),
        Timing::NotBelievable => sentences.push((
            "Its time is not believable: more than a year from when it arrived; perhaps it was sent in another unit than nanoseconds".to_owned(),
            Tone::Unknown,
        )),
    }
    let marks = [
        (node.is_loop, "Its parents lead back to itself; it is shown at the top"),
        (span.collision, "Another span of the same id has other content; both are kept"),
        (span.truncated, "It was cut at a limit; not all that was sent is here"),
        (
            node.odd_time.is_none() && span.start_ns.saturating_add(span.duration_ns).saturating_add(LATE_NS) < span.received_ns,
            "It came late, or its sender's clock runs behind",
        ),
    ];
    sentences.extend(marks.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| (text.to_owned(), Tone::Unknown)));
    sentences
}

fn when(tree: &Tree, span: &SpanView) -> Vec<Row> {
    let unknown = || "unknown".to_owned();
    let into_trace = if span.is_start_believable() { figures::duration(span.start_ns.saturating_sub(tree.start_ns)) } else { unknown() };
    let received = match span.timing() {
        Timing::Took(took_ns) => match span.received_ns.saturating_sub(span.start_ns.saturating_add(took_ns)) {
            // Its clock runs ahead: that is no duration.
            after_ns if after_ns < 0 => Row::pair("received", &format!("{} before it ended, by its clock", figures::duration(after_ns.saturating_neg()))),
            after_ns => Row::pair("received after", &figures::duration(after_ns)),
        },
        _ => Row::pair("received after", &unknown()),
    };
    vec![Row::pair("start", &figures::instant(span.start_ns)), Row::pair("into the trace", &into_trace), Row::pair("duration", &took(span)), received]
}

fn pairs(attributes: &[(String, String)]) -> Vec<Row> {
    let mut rows: Vec<Row> = attributes.iter().take(ATTRIBUTES_MAX).map(|(key, value)| attribute(key, value)).collect();
    more(&mut rows, attributes.len(), ATTRIBUTES_MAX);
    rows
}

/// An attribute; one that names a conversation leads there.
pub(crate) fn attribute(key: &str, value: &str) -> Row {
    let folded = key.to_ascii_lowercase();
    let names_conversation = folded.contains("correlation") || folded.contains("conversation");
    let is_error = folded == "error.type" || folded == "exception.type";
    let target = CorrelationId::parse(value.as_bytes()).filter(|_| names_conversation && !is_redacted(value)).map(Target::Conversation);
    let row = Row::pair(key, value).doing(target.map(ViewAction::Goto));
    let row = if is_redacted(value) { row.read("redacted") } else { row };
    if is_error { row.toned(Tone::Bad) } else { row }
}

/// Whether a value was replaced when it came in.
pub(crate) fn is_redacted(value: &str) -> bool {
    value.contains("redacted:")
}

/// The records that this span sent or handled, by topic, partition and offset.
fn records(span: &SpanView, records: &[RecordView]) -> Vec<Row> {
    let said = |names: &[&str]| span.normalised.iter().chain(&span.attributes).find(|(key, _)| names.contains(&key.as_str())).map(|(_, value)| value.as_str());
    let topic = said(&["messaging.destination.name", "messaging.destination"]);
    let partition =
        said(&["messaging.destination.partition.id", "messaging.kafka.destination.partition", "messaging.kafka.partition"]).and_then(|text| text.parse().ok());
    let offset: Option<i64> = said(&["messaging.kafka.offset", "messaging.kafka.message.offset"]).and_then(|text| text.parse().ok());
    let place = partition.zip(offset).map(|(partition, offset)| Place::at(partition, offset));
    let is_it = |record: &&RecordView| Some(record.at.channel.as_str()) == topic && Some(&record.at.place) == place.as_ref();
    records.iter().filter(is_it).take(ROWS_MAX).map(record_link).collect()
}

/// A record that can be opened.
pub(crate) fn record_link(record: &RecordView) -> Row {
    let action = ViewAction::Goto(Target::Record { channel: ChannelKey::of(&record.at), row: record.row });
    Row::link(&record.at.to_string(), &figures::bytes(u64::from(record.value_size_bytes)), Some(action))
}

fn causes(tree: &Tree, view: &TraceView, place: u32, span: &SpanView) -> Vec<Row> {
    let mut rows = Vec::new();
    match tree.nodes[place as usize].parent {
        Some(parent) => match tree.span(parent, view) {
            Some(parent) => rows.push(span_row("parent", parent)),
            None => rows.push(Row::text(&format!("parent {} was not received", span.parent_span_id)).toned(Tone::Unknown)),
        },
        None => rows.push(Row::text("It has no parent: the trace begins here")),
    }
    rows.extend(children(tree, view, place));
    for (word, links) in [("links to", &span.links), ("linked by", &span.linked_by)] {
        let mut linked: Vec<Row> = links.iter().take(ROWS_MAX).map(|link| link_row(word, link, tree, view)).collect();
        more(&mut linked, links.len(), ROWS_MAX);
        rows.extend(linked);
    }
    rows
}

fn children(tree: &Tree, view: &TraceView, place: u32) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut num = 0;
    for child in tree.children(Some(place)).filter_map(|child| tree.span(child, view)) {
        if num < ROWS_MAX {
            rows.push(span_row("child", child));
        }
        num += 1;
    }
    more(&mut rows, num, ROWS_MAX);
    rows
}

fn more(rows: &mut Vec<Row>, num: usize, most: usize) {
    if num > most {
        rows.push(Row::text(&format!("and {} more", figures::count((num - most) as u64))));
    }
}

/// A span of this trace that can be opened.
fn span_row(word: &str, span: &SpanView) -> Row {
    let action = ViewAction::Goto(Target::Trace { trace_id: span.trace_id, span_id: Some(span.span_id) });
    let row = Row::link(&format!("{word}  {} {}", span.service, span.name), &took(span), Some(action));
    if span.failure.is_some() { row.toned(Tone::Bad) } else { row }
}

fn link_row(word: &str, link: &SpanLink, tree: &Tree, view: &TraceView) -> Row {
    let here = tree.find_span(link.span_id).and_then(|place| tree.span(place, view)).filter(|span| span.trace_id == link.trace_id);
    if let Some(span) = here {
        return span_row(word, span);
    }
    let action = ViewAction::Goto(Target::Trace { trace_id: link.trace_id, span_id: Some(link.span_id) });
    Row::link(&format!("{word}  another trace"), &link.trace_id.to_string(), Some(action)).explained(&format!("span {}", link.span_id))
}

fn events(span: &SpanView) -> Vec<Row> {
    let mut rows = Vec::new();
    for event in span.events.iter().take(ROWS_MAX) {
        let tone = if event.name == "exception" { Tone::Bad } else { Tone::Quiet };
        rows.push(Row::link(&event.name, &event_time(event, span), None).toned(tone));
        rows.extend(event.attributes.iter().take(ROWS_MAX).map(|(key, value)| attribute(key, value)));
        rows.extend(Row::more(event.attributes.len(), ROWS_MAX));
    }
    more(&mut rows, span.events.len(), ROWS_MAX);
    rows
}

/// When an event was, from its span's start on; a moment that no duration lies before is no figure.
fn event_time(event: &EventView, span: &SpanView) -> String {
    let after_ns = event.time_ns.saturating_sub(span.start_ns);
    if event.time_ns == 0 {
        "no time".to_owned()
    } else if !is_believable_at(event.time_ns, span.received_ns) {
        "its time is not believable".to_owned()
    } else if !span.is_start_believable() {
        "after an unknown time".to_owned()
    } else if after_ns < 0 {
        "before its span starts".to_owned()
    } else {
        format!("after {}", figures::duration(after_ns))
    }
}

fn logs(span: &SpanView, logs: &[LogView], now_ns: i64) -> Vec<Row> {
    let own: Vec<&LogView> = logs.iter().filter(|log| log.span_id == span.span_id).collect();
    let mut rows: Vec<Row> = own.iter().take(ROWS_MAX).flat_map(|log| std::iter::once(log_row(log, now_ns)).chain(log_stacks(log))).collect();
    more(&mut rows, own.len(), ROWS_MAX);
    rows
}

/// The stack traces that a log brings, in its text or beside it.
fn log_stacks(log: &LogView) -> impl Iterator<Item = Row> {
    let told = log.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain([("its text", log.body.as_str())]);
    told.map(|(key, value)| Row::pair(key, value)).filter(|row| matches!(row, Row::Stack { .. }))
}

/// A log, its text below its time.
pub(crate) fn log_row(log: &LogView, now_ns: i64) -> Row {
    Row::link(&format!("{} {}", severity_word(log.severity), log.service), &figures::when(log.at_ns(), now_ns).to_ms(), None)
        .explained(&log.body)
        .toned(severity_tone(log.severity))
}

fn copying(key: &str, value: &str) -> Row {
    Row::pair(key, value).doing(Some(ViewAction::Copy(value.to_owned())))
}

fn ids(span: &SpanView) -> Vec<Row> {
    let mut rows = vec![copying("trace", &span.trace_id.to_string()), copying("span", &span.span_id.to_string())];
    if span.parent_span_id.is_some() {
        rows.push(copying("parent", &span.parent_span_id.to_string()));
    }
    rows.push(copying("traceparent", &format!("00-{}-{}-01", span.trace_id, span.span_id)));
    rows.push(copying("for curl", &format!("-H 'traceparent: 00-{}-{}-01'", span.trace_id, span.span_id)));
    rows
}

/// The span as JSON.
pub(crate) fn to_json(span: &SpanView) -> serde_json::Value {
    let object = |pairs: &[(String, String)]| pairs.iter().map(|(key, value)| serde_json::json!({ "name": key, "value": value })).collect::<Vec<_>>();
    let links = |links: &[SpanLink]| {
        links.iter().map(|link| serde_json::json!({ "trace_id": link.trace_id.to_string(), "span_id": link.span_id.to_string() })).collect::<Vec<_>>()
    };
    serde_json::json!({
        "trace_id": span.trace_id.to_string(),
        "span_id": span.span_id.to_string(),
        "parent_span_id": span.parent_span_id.is_some().then(|| span.parent_span_id.to_string()),
        "service": span.service,
        "instance": span.instance,
        "version": span.version,
        "scope": span.scope,
        "name": span.name,
        "kind": kind_word(span.kind),
        "failed": span.failure.is_some(),
        "failure": span.failure,
        "status_message": span.status_message,
        "start": figures::instant(span.start_ns),
        "start_ns": span.start_ns,
        "duration_ns": if let Timing::Took(took_ns) = span.timing() { Some(took_ns) } else { None },
        "received_ns": span.received_ns,
        "attributes": object(&span.attributes),
        "current_names": object(&span.normalised),
        "events": span.events.iter().map(|event| serde_json::json!({ "time_ns": event.time_ns, "name": event.name, "attributes": object(&event.attributes) })).collect::<Vec<_>>(),
        "links": links(&span.links),
        "linked_by": links(&span.linked_by),
        "collision": span.collision,
        "truncated": span.truncated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testing::NOW_NS, views::traces::sample};
    use switchboard_model::SpanId;

    fn of(span_id: u64) -> Detail {
        let view = sample::checkout();
        let tree = Tree::build(&view);
        detail(&tree, &view, tree.find_span(SpanId(span_id)).expect("it is there"), NOW_NS)
    }

    #[test]
    fn a_time_out_says_where_the_time_went() {
        let detail = of(4);
        assert_eq!(detail.verdict[0], ("Failed: timed out after 2000 ms".to_owned(), Tone::Bad));
        assert_eq!(detail.verdict[1].0, "It took 2.00 s, though payments had answered in 40 ms: 1.94 s lie between its answer and the end of the call");
        insta::assert_snapshot!(detail.to_text());
    }

    #[test]
    fn a_moment_that_makes_no_duration_is_told_in_words() {
        let view = sample::checkout();
        let span = sample::span(1, 0, "orders", "pay", 0, 40);
        let at = |time_ns: i64| EventView { time_ns, ..EventView::default() };
        for (time_ns, told) in [
            (sample::START_NS + 12_000_000, "after 12 ms"),
            (0, "no time"),
            (sample::START_NS / 1_000, "its time is not believable"),
            (i64::MAX, "its time is not believable"),
            (sample::START_NS - 1, "before its span starts"),
        ] {
            assert_eq!(event_time(&at(time_ns), &span), told, "{time_ns}");
        }
        let of_1970 = SpanView { start_ns: sample::START_NS / 1_000_000, ..span.clone() };
        assert_eq!(event_time(&at(sample::START_NS), &of_1970), "after an unknown time");
        let tree = Tree::build(&view);
        let ahead = SpanView { received_ns: sample::START_NS - 300_000_000_000, ..span };
        assert_eq!(when(&tree, &ahead).last(), Some(&Row::pair("received", "5.0 min before it ended, by its clock")));
    }

    #[test]
    fn a_span_without_a_duration_says_why() {
        for (duration_ns, word, sentence) in [
            (-sample::START_NS, "no end", "No end was sent: how long it took is not known"),
            (-1, "ends before it starts", "Its sender says that it ends before it starts: how long it took is not known"),
        ] {
            let odd = SpanView { duration_ns, ..sample::span(1, 0, "orders", "pay", 0, 40) };
            let view = TraceView { spans: vec![odd.clone()], ..TraceView::default() };
            let tree = Tree::build(&view);
            assert_eq!(took(&odd), word);
            assert_eq!(when(&tree, &odd)[2..], [Row::pair("duration", word), Row::pair("received after", "unknown")]);
            let told = detail(&tree, &view, tree.find_span(SpanId(1)).expect("it is there"), NOW_NS);
            assert!(told.verdict.contains(&(sentence.to_owned(), Tone::Unknown)), "{:?}", told.verdict);
        }
    }

    #[test]
    fn a_message_leads_to_its_record_and_links_lead_both_ways() {
        let published = of(9);
        let actions = |detail: &Detail, title: &str| {
            let section = detail.sections.iter().find(|section| section.title == title).map(|section| section.rows.clone()).unwrap_or_default();
            section
                .into_iter()
                .filter_map(|row| if let Row::Link { label, action: Some(ViewAction::Goto(target)), .. } = row { Some((label, target)) } else { None })
                .collect::<Vec<_>>()
        };
        let record = sample::record();
        let channel = ChannelKey { cluster: Some("lab-kafka".to_owned()), name: "orders.placed".to_owned() };
        assert_eq!(actions(&published, "Records"), [("orders.placed 0@18204".to_owned(), Target::Record { channel, row: record.row })]);
        let to = |span_id: u64| Target::Trace { trace_id: sample::TRACE, span_id: Some(SpanId(span_id)) };
        let linked_by = actions(&published, "Caused by, and causes").into_iter().find(|(label, _)| label.starts_with("linked by"));
        assert_eq!(linked_by.map(|(_, target)| target), Some(to(12)));
        let handled = actions(&of(12), "Caused by, and causes");
        assert!(handled.iter().any(|(label, target)| label.starts_with("links to  orders") && *target == to(9)), "{handled:?}");
        assert!(handled.iter().any(|(label, _)| label == "links to  another trace"), "{handled:?}");
    }

    #[test]
    fn logs_bring_their_stack_traces() {
        let stack = "ShopError: gone\n\tat com.shop.A.b(A.java:1)\n\tat java.base/java.lang.Thread.run(Thread.java:1)\n";
        let log = LogView { attributes: vec![("exception.stacktrace".to_owned(), stack.to_owned()), ("n".to_owned(), "1".to_owned())], ..LogView::default() };
        let in_text = LogView { body: stack.to_owned(), ..LogView::default() };
        let keys = |log: &LogView| log_stacks(log).map(|row| if let Row::Stack { key, .. } = row { key } else { String::new() }).collect::<Vec<_>>();
        assert_eq!((keys(&log), keys(&in_text)), (vec!["exception.stacktrace".to_owned()], vec!["its text".to_owned()]));
        assert_eq!(log_row(&in_text, 0), log_row(&LogView { body: stack.replace("\n\t", "\n    "), ..in_text.clone() }, 0), "its lines are lines");
    }

    #[test]
    fn odd_spans_are_told_to_be_odd() {
        assert!(of(11).verdict.iter().any(|(text, _)| text.starts_with("Another span of the same id")));
        assert!(of(7).verdict.iter().any(|(text, _)| text == "It starts 5.0 ms before its parent: the clocks differ, and nothing was corrected"));
        let view = sample::checkout();
        let tree = Tree::build(&view);
        let missing = tree.nodes.iter().position(|node| matches!(node.of, NodeOf::Missing(_))).expect("one is missing");
        assert_eq!(detail(&tree, &view, missing as u32, NOW_NS).title, "Missing parent");
    }
}
