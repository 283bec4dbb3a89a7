//! What came of something that was sent: who worked on it and for how long, which records were written and who read them, what was logged. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use switchboard_desk::send::{Sent, draft::RequestKind};
use switchboard_engine::view::{ChannelKey, ConversationItem, GroupView, LagVerdict, LogView, NodeKind, RecordView, Snapshot, SpanView, Timing, TraceView};
use switchboard_model::{FAILURE_DIALECTS, FailureDialect, FailureField, SpanId, SpanKind, is_dead_letter_name};

use crate::{
    figures,
    ink::{Glyph, Tone},
    sanitise::visible,
    view::{Target, ViewAction},
    widgets::{
        detail::{Row, goto},
        payload::bytes_in_line,
    },
    words::traces::took,
};

/// Spans that are shown; the rest is the trace's own view's to show.
pub(super) const WAY_MAX: usize = 16;
/// Rows of each other part.
const ROWS_MAX: usize = 8;
/// From this severity on a log is shown (OTLP: WARN).
const SEVERITY_MIN: u8 = 13;
/// From this one on it tells of an error.
const SEVERITY_ERROR: u8 = 17;

/// What came of it. All text in it is safe to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Caused {
    /// Who worked on it, in order.
    pub way: Vec<WayRow>,
    /// How many spans are not shown.
    pub num_left_out: usize,
    /// All spans that are known.
    pub num_spans: usize,
    /// Services that worked on it.
    pub num_services: usize,
    /// When the last of all this was heard of, ns since the Unix epoch.
    pub last_ns: Option<i64>,
    /// Records that were written because of it.
    pub records: Vec<Row>,
    /// All of them.
    pub num_records: usize,
    /// Of these, dead letters.
    pub num_dead: usize,
    /// Groups that read them.
    pub readers: Vec<Row>,
    /// How many of so many groups have read.
    pub num_read: (usize, usize),
    /// What was logged, from warnings up.
    pub logs: Vec<Row>,
    /// All that was logged.
    pub num_logs: usize,
    /// The service that answered, as its spans call it.
    pub service: Option<String>,
}

/// A row of the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct WayRow {
    /// How deep it stands.
    pub depth: usize,
    /// The service, safe to show.
    pub service: String,
    /// What it did, safe to show.
    pub name: String,
    /// Why it failed, safe to show; `None` = it did not.
    pub failure: Option<String>,
    /// Where its bar begins, 0 to 1.
    pub from: f32,
    /// Where it ends.
    pub to: f32,
    /// Where what it worked on was left for it: from there on it waited.
    pub waited_from: Option<f32>,
    /// How long it took, or why that cannot be told.
    pub took: String,
    /// The span.
    pub target: Option<Target>,
}

impl WayRow {
    /// As a screen reader is told.
    pub(super) fn words(&self) -> String {
        let failure = self.failure.as_ref().map(|failure| format!(", failed: {failure}")).unwrap_or_default();
        format!("{} {}, {}{failure}", self.service, self.name, self.took)
    }
}

/// What is known of it, as it was answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known<'a> {
    /// Its trace.
    pub trace: Option<&'a TraceView>,
    /// What has its correlation id.
    pub conversation: &'a [ConversationItem],
}

impl Caused {
    /// Puts together what is known.
    pub(super) fn of(known: &Known<'_>, snapshot: &Snapshot) -> Self {
        let (spans, records, logs) = all_of(known);
        let (way, num_left_out) = way(&spans);
        let (readers, num_read) = readers(&records, &spans, snapshot);
        let received =
            spans.iter().map(|span| span.received_ns).chain(records.iter().map(|record| record.received_ns)).chain(logs.iter().map(|log| log.received_ns));
        let services: BTreeSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
        let told: Vec<&&LogView> = logs.iter().filter(|log| log.severity >= SEVERITY_MIN).collect();
        Self {
            num_left_out,
            num_spans: spans.len(),
            num_services: services.len(),
            last_ns: received.max(),
            num_records: records.len(),
            records: limited(records.iter().map(|record| record_row(record, is_dead(record, snapshot))), records.len()),
            num_dead: records.iter().filter(|record| is_dead(record, snapshot)).count(),
            readers,
            num_read,
            num_logs: logs.len(),
            logs: limited(told.iter().map(|log| log_row(log)), told.len()),
            service: way.first().map(|row| row.service.clone()),
            way,
        }
    }

    /// Whether nothing came of it yet.
    pub(super) fn is_nothing(&self) -> bool {
        self.num_spans == 0 && self.num_records == 0 && self.num_logs == 0
    }

    /// `11 spans, 5 services, 2 records · nothing new for 3 s`.
    pub(super) fn words(&self, now_ns: i64) -> String {
        let mut parts = vec![figures::things(self.num_spans as u64, "span", "spans"), figures::things(self.num_services as u64, "service", "services")];
        if self.num_records > 0 {
            parts.push(figures::things(self.num_records as u64, "record", "records"));
        }
        let quiet = self.last_ns.map(|last_ns| format!(" · nothing new for {}", figures::age(now_ns.saturating_sub(last_ns)))).unwrap_or_default();
        format!("{}{quiet}", parts.join(", "))
    }
}

fn limited(rows: impl Iterator<Item = Row>, num: usize) -> Vec<Row> {
    rows.take(ROWS_MAX).chain(Row::more(num, ROWS_MAX)).collect()
}

/// Spans by start, records and logs by time, each once.
fn all_of<'a>(known: &Known<'a>) -> (Vec<&'a SpanView>, Vec<&'a RecordView>, Vec<&'a LogView>) {
    let (mut spans, mut records, mut logs): (Vec<&SpanView>, Vec<&RecordView>, Vec<&LogView>) = Default::default();
    if let Some(trace) = known.trace {
        spans.extend(&trace.spans);
        records.extend(&trace.records);
        logs.extend(&trace.logs);
    }
    for item in known.conversation {
        match item {
            ConversationItem::Span(span) => spans.push(span),
            ConversationItem::Record(record) => records.push(record),
            ConversationItem::Log(log) => logs.push(log),
        }
    }
    spans.sort_by_key(|span| (span.start_ns, span.span_id.0, span.kind as u8));
    spans.dedup_by_key(|span| (span.start_ns, span.span_id.0, span.kind as u8));
    records.sort_by_key(|record| (record.at_ns(), record.row));
    let mut seen = BTreeSet::new();
    records.retain(|record| seen.insert(record.row));
    logs.sort_by_key(|log| (log.at_ns(), log.row));
    let mut seen = BTreeSet::new();
    logs.retain(|log| seen.insert(log.row));
    (spans, records, logs)
}

/// Whether a span is worth a row: what only wraps another of the same call is told by that one, unless its caller alone saw it fail.
/// `server`: the span of who answered, and whether it failed.
fn tells(span: &SpanView, server: Option<bool>) -> bool {
    match span.kind {
        SpanKind::Client => server.is_none_or(|has_failed| span.failure.is_some() && !has_failed),
        SpanKind::Internal => span.failure.is_some(),
        _ => true,
    }
}

/// The spans that tell, each below what caused it, and how many are left out.
fn way(spans: &[&SpanView]) -> (Vec<WayRow>, usize) {
    let by_id: HashMap<SpanId, usize> = spans.iter().enumerate().rev().map(|(at, span)| (span.span_id, at)).collect();
    let parent = |at: usize| -> Option<usize> {
        let span = spans[at];
        let linked = || span.links.iter().find_map(|link| by_id.get(&link.span_id));
        by_id.get(&span.parent_span_id).or_else(linked).copied().filter(|parent| *parent != at)
    };
    let mut servers: Vec<Option<bool>> = vec![None; spans.len()];
    for (at, span) in spans.iter().enumerate() {
        if span.kind == SpanKind::Server
            && let Some(caller) = parent(at)
        {
            servers[caller] = Some(servers[caller].unwrap_or(false) || span.failure.is_some());
        }
    }
    // A failure is told once: by the first of its kind below one parent.
    let mut told_failures: BTreeSet<(Option<usize>, &str, &str)> = BTreeSet::new();
    let shown: Vec<bool> = (0..spans.len())
        .map(|at| {
            let span = spans[at];
            let is_again = span.kind == SpanKind::Internal && !told_failures.insert((parent(at), &span.service, &span.name));
            tells(span, servers[at]) && !is_again
        })
        .collect();
    // The nearest above that is shown; parents that lead round in a circle end somewhere.
    let above = |at: usize| {
        let mut next = parent(at);
        for _ in 0..=spans.len().min(64) {
            match next {
                Some(one) if !shown[one] => next = parent(one),
                other => return other,
            }
        }
        None
    };
    let mut below: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for at in (0..spans.len()).filter(|at| shown[*at]) {
        below.entry(above(at)).or_default().push(at);
    }
    let mut order: Vec<(usize, usize)> = Vec::new();
    let mut open: Vec<(usize, usize)> = below.get(&None).into_iter().flatten().rev().map(|at| (*at, 0)).collect();
    let mut seen = vec![false; spans.len()];
    while let Some((at, depth)) = open.pop() {
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        order.push((at, depth));
        open.extend(below.get(&Some(at)).into_iter().flatten().rev().map(|child| (*child, depth + 1)));
    }
    let num_told = shown.iter().filter(|shown| **shown).count();
    keep_most_telling(&mut order, spans);
    let end_ns = |span: &SpanView| match span.timing() {
        Timing::Took(took_ns) => span.start_ns.saturating_add(took_ns),
        _ => span.start_ns,
    };
    let first_ns = order.iter().map(|(at, _)| spans[*at].start_ns).min().unwrap_or(0);
    let last_ns = order.iter().map(|(at, _)| end_ns(spans[*at])).max().unwrap_or(0).max(first_ns.saturating_add(1));
    let share = |at_ns: i64| ((i128::from(at_ns) - i128::from(first_ns)) as f64 / (i128::from(last_ns) - i128::from(first_ns)) as f64) as f32;
    let rows = order.iter().map(|(at, depth)| {
        let span = spans[*at];
        let left_by = above(*at).map(|above| spans[above]).filter(|above| above.kind == SpanKind::Producer);
        let failure = span.failure.as_ref().map(|failure| if span.status_message.is_empty() { failure } else { &span.status_message });
        WayRow {
            depth: *depth,
            service: visible(&span.service).into_owned(),
            name: visible(&span.name).into_owned(),
            failure: failure.map(|failure| visible(failure).into_owned()),
            from: share(span.start_ns),
            to: share(end_ns(span)),
            waited_from: left_by.map(|producer| share(end_ns(producer))).filter(|from| *from < share(span.start_ns)),
            took: took(span),
            target: Some(Target::Trace { trace_id: span.trace_id, span_id: Some(span.span_id) }),
        }
    });
    (rows.collect(), num_told - order.len())
}

/// Of too many rows those stay that failed, and of the others the ones nearest to where it began.
fn keep_most_telling(order: &mut Vec<(usize, usize)>, spans: &[&SpanView]) {
    if order.len() <= WAY_MAX {
        return;
    }
    let mut by_weight: Vec<usize> = (0..order.len()).collect();
    by_weight.sort_by_key(|place| (spans[order[*place].0].failure.is_none(), order[*place].1, *place));
    let kept: BTreeSet<usize> = by_weight.into_iter().take(WAY_MAX).collect();
    let mut place = 0;
    order.retain(|_| {
        place += 1;
        kept.contains(&(place - 1))
    });
}

/// Whether it is a dead letter: its channel is one, or it lies among others and its headers prove it.
fn is_dead(record: &RecordView, snapshot: &Snapshot) -> bool {
    let mut known = snapshot.dead_letters.iter().filter(|letters| letters.channel == record.at.channel && letters.cluster == record.at.cluster);
    let has = |dialect: &FailureDialect, field: FailureField| {
        let mut names = dialect.headers.iter().filter(|(_, of, _)| *of == field).map(|(name, ..)| *name);
        names.any(|name| record.headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name)))
    };
    let proves = || FAILURE_DIALECTS.iter().any(|dialect| dialect.proves(|field| has(dialect, field)));
    is_dead_letter_name(&record.at.channel) || known.clone().any(|letters| !letters.is_among_others) || known.next().is_some() && proves()
}

fn record_row(record: &RecordView, is_dead: bool) -> Row {
    let key = bytes_in_line(record.key.as_deref());
    let size = figures::bytes(u64::from(record.value_size_bytes));
    let target = Target::Record { channel: ChannelKey::of(&record.at), row: record.row };
    let key = if record.key.is_some() { format!("key {} · ", key.text.chars().take(24).collect::<String>()) } else { String::new() };
    let place = format!("{} {}", record.at.channel, figures::place(&record.at.place));
    let row = Row::link(&place, &format!("{key}{size}"), goto(target));
    if is_dead { row.explained("a dead letter").signed(Glyph::Envelope).toned(Tone::Bad) } else { row }
}

fn log_row(log: &LogView) -> Row {
    let tone = if log.severity >= SEVERITY_ERROR { Tone::Bad } else { Tone::Warn };
    let target = (log.trace_id.0 != 0).then(|| Target::Trace { trace_id: log.trace_id, span_id: Some(log.span_id).filter(|span_id| span_id.0 != 0) });
    let first = log.body.lines().next().unwrap_or_default();
    Row::link(first, &figures::when(log.at_ns(), log.at_ns()).to_ms(), goto(target)).explained(&log.service).toned(tone)
}

/// Groups that read the channels that were written to, by what spans and brokers tell; how many of how many have read.
fn readers(records: &[&RecordView], spans: &[&SpanView], snapshot: &Snapshot) -> (Vec<Row>, (usize, usize)) {
    let attribute = |span: &SpanView, names: [&str; 2]| {
        let all = || span.normalised.iter().chain(&span.attributes);
        names.iter().find_map(|name| all().find(|(key, _)| key == name)).map(|(_, value)| value.clone())
    };
    let mut channels: BTreeSet<&str> = records.iter().map(|record| record.at.channel.as_str()).collect();
    let named: Vec<String> = spans
        .iter()
        .filter(|span| span.kind == SpanKind::Producer)
        .filter_map(|span| attribute(span, ["messaging.destination.name", "messaging.destination"]))
        .collect();
    channels.extend(named.iter().map(String::as_str));
    let consumers: Vec<&&SpanView> = spans.iter().filter(|span| span.kind == SpanKind::Consumer).collect();
    // Who has read, by the name of the group or else of the service.
    let mut read: BTreeMap<String, Vec<&SpanView>> = BTreeMap::new();
    for span in &consumers {
        let group = attribute(span, ["messaging.consumer.group.name", "messaging.kafka.consumer.group"]).unwrap_or_else(|| span.service.clone());
        read.entry(group).or_default().push(span);
    }
    let mut rows = Vec::new();
    let mut num_read = 0;
    for (group, spans) in &read {
        num_read += 1;
        let last = spans.last().copied();
        let failed = spans.iter().rev().find(|span| span.failure.is_some());
        let known = snapshot.groups.iter().find(|known| known.group == *group && channels.contains(known.topic.as_str()));
        let target = known.map(|known| Target::Group { cluster: known.cluster.clone(), group: group.clone(), topic: known.topic.clone() });
        let target = target.or_else(|| last.map(|span| Target::Trace { trace_id: span.trace_id, span_id: Some(span.span_id) }));
        rows.push(match failed {
            Some(span) => {
                let why = if span.status_message.is_empty() { span.failure.as_deref().unwrap_or_default() } else { &span.status_message };
                let tries = if spans.len() > 1 { format!("✕ failed, {} tries", spans.len()) } else { "✕ failed".to_owned() };
                Row::link(group, &tries, goto(target)).explained(why).toned(Tone::Bad)
            }
            None => Row::link(group, &format!("✓ {}", last.map(took).unwrap_or_default()), goto(target)),
        });
    }
    // Of a channel that only a span names it is not known on which cluster it lies.
    let may_lie_there = |group: &GroupView| {
        let mut known = records.iter().filter(|record| record.at.channel == group.topic).peekable();
        known.peek().is_none() || known.any(|record| is_on(record, group))
    };
    let of_channels = snapshot.groups.iter().filter(|group| channels.contains(group.topic.as_str()) && may_lie_there(group));
    let waiting: Vec<_> = of_channels.filter(|group| !read.contains_key(&group.group)).collect();
    for group in &waiting {
        let target = Target::Group { cluster: group.cluster.clone(), group: group.group.clone(), topic: group.topic.clone() };
        if has_read_all(group, records) {
            num_read += 1;
            rows.push(Row::link(&group.group, "✓ by its commits", goto(target)));
            continue;
        }
        // What it has committed of this one place is not told here: it may have read it, and be behind by what came since.
        let behind = group.lag.filter(|lag| *lag > 0).map(|lag| format!(" · {} behind", figures::count(lag))).unwrap_or_default();
        let tone = if behind.is_empty() || group.verdict == LagVerdict::Ok { Tone::Quiet } else { Tone::Warn };
        rows.push(Row::link(&group.group, &format!("no span yet{behind}"), goto(target)).toned(tone));
    }
    let num = rows.len();
    (limited(rows.into_iter(), num), (num_read, num))
}

/// Whether a record lies where a group reads.
fn is_on(record: &RecordView, group: &GroupView) -> bool {
    record.at.channel == group.topic && group.cluster.as_ref().is_none_or(|cluster| *cluster == record.at.cluster)
}

/// Whether a group had nothing left to read when it was looked at, after these records had come.
fn has_read_all(group: &GroupView, records: &[&RecordView]) -> bool {
    let came = records.iter().filter(|record| is_on(record, group)).map(|record| record.received_ns).max();
    group.lag == Some(0) && came.zip(group.read_ns).is_some_and(|(came_ns, read_ns)| came_ns < read_ns)
}

/// Where it went, on the map: the service that answered, or the channel.
pub(super) fn on_the_map(sent: &Sent, caused: &Caused, snapshot: &Snapshot) -> Option<ViewAction> {
    let is_record = sent.ask.draft.kind() == RequestKind::Record;
    let (kind, name) = if is_record { (NodeKind::Channel, Some(sent.call.as_str())) } else { (NodeKind::Service, caused.service.as_deref()) };
    let node = snapshot.topology.nodes.iter().find(|node| node.kind == kind && Some(node.name.as_str()) == name)?;
    Some(ViewAction::Goto(Target::Node(node.node_id)))
}

#[cfg(test)]
mod tests {
    use switchboard_engine::view::DeadLetterView;
    use switchboard_model::MessageRef;

    use super::*;
    use crate::{
        testing::{self, NOW_NS},
        views::{send::sample, traces::sample as traces},
    };

    fn of_checkout() -> Caused {
        let trace = traces::checkout();
        Caused::of(&Known { trace: Some(&trace), conversation: &[] }, &testing::order_business())
    }

    fn labels(rows: &[Row]) -> Vec<String> {
        let told = |row: &Row| match row {
            Row::Link { label, value, detail, .. } => {
                [label.as_str(), value, detail].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" | ")
            }
            Row::Text { text, .. } => text.clone(),
            other => format!("{other:?}"),
        };
        rows.iter().map(told).collect()
    }

    #[test]
    fn the_way_shows_who_worked_on_it_each_below_what_caused_it() {
        let caused = of_checkout();
        let told: Vec<String> = caused
            .way
            .iter()
            .map(|row| format!("{}{} {}{}", "  ".repeat(row.depth), row.service, row.name, if row.failure.is_some() { " ✕" } else { "" }))
            .collect();
        insta::assert_snapshot!(told.join("\n"));
        assert!(caused.way.iter().all(|row| (0.0..=1.0).contains(&row.from) && row.from <= row.to && row.to <= 1.0));
        assert!(caused.way.iter().any(|row| row.waited_from.is_some()), "a reader waits for what was published");
        assert_eq!(caused.words(NOW_NS), "24 spans, 7 services, 1 record · nothing new for 36 s");
        assert_eq!(caused.service.as_deref(), Some("web-bff"));
    }

    #[test]
    fn records_readers_and_logs_are_told_with_where_they_lead() {
        let caused = of_checkout();
        assert_eq!(labels(&caused.records), ["orders.placed 0@18204 | key 4704 · 88 B"]);
        insta::assert_snapshot!(labels(&caused.readers).join("\n"));
        assert_eq!(
            labels(&caused.logs),
            ["pool exhausted, waiting (20/20) | 10:59:20.130 | orders", "payment call timed out after 2000 ms | 10:59:22.123 | orders"]
        );
        assert_eq!(caused.num_logs, 4);
    }

    #[test]
    fn a_dead_letter_is_told_from_other_records() {
        let business = testing::order_business();
        let letters = business.dead_letters.iter().find(|letters| !letters.is_among_others).expect("dead letters");
        let record = |channel: &str, headers: &[&str]| RecordView {
            at: MessageRef { cluster: letters.cluster.clone(), channel: channel.to_owned(), ..MessageRef::default() },
            headers: headers.iter().map(|name| ((*name).to_owned(), None)).collect(),
            ..RecordView::default()
        };
        let dead = record_row(&record(&letters.channel, &[]), is_dead(&record(&letters.channel, &[]), &business));
        assert!(matches!(&dead, Row::Link { glyph: Some(Glyph::Envelope), tone: Tone::Bad, detail, .. } if detail == "a dead letter"), "{dead:?}");
        assert!(is_dead(&record("payments-dlt", &[]), &Snapshot::default()), "by its name, before anything is known of it");
        let headers = ["kafka_dlt-original-topic", "kafka_dlt-original-partition", "kafka_dlt-original-offset", "kafka_dlt-exception-fqcn"];
        assert!(!is_dead(&record("orders.placed", &headers), &Snapshot::default()));
        let among = DeadLetterView { channel: "orders.placed".to_owned(), is_among_others: true, ..letters.clone() };
        let snapshot = Snapshot { dead_letters: std::sync::Arc::new(vec![among]), ..Snapshot::default() };
        assert!(is_dead(&record("orders.placed", &headers), &snapshot));
        assert!(!is_dead(&record("orders.placed", &["content-type"]), &snapshot), "what lies beside is not dead");
    }

    #[test]
    fn a_group_that_sends_no_spans_has_read_once_nothing_was_left_to_it_since() {
        let record = RecordView { at: MessageRef { channel: "orders".to_owned(), ..MessageRef::default() }, received_ns: 100, ..RecordView::default() };
        for (lag, read_ns, verdict, told) in [
            (Some(0), Some(101), LagVerdict::Ok, ("✓ by its commits", 1)),
            (Some(0), Some(100), LagVerdict::Ok, ("no span yet", 0)),
            (Some(2), Some(101), LagVerdict::Ok, ("no span yet · 2 behind", 0)),
            (None, None, LagVerdict::Unknown, ("no span yet", 0)),
        ] {
            let group = GroupView { group: "fraud".to_owned(), topic: "orders".to_owned(), lag, read_ns, verdict, ..GroupView::default() };
            let snapshot = Snapshot { groups: std::sync::Arc::new(vec![group]), ..Snapshot::default() };
            let (rows, (num_read, _)) = readers(&[&record], &[], &snapshot);
            assert_eq!((labels(&rows), num_read), (vec![format!("fraud | {}", told.0)], told.1));
        }
        // A topic of the same name on another cluster is another.
        let group = GroupView {
            group: "fraud".to_owned(),
            topic: "orders".to_owned(),
            cluster: Some("elsewhere".to_owned()),
            lag: Some(0),
            read_ns: Some(101),
            ..GroupView::default()
        };
        let snapshot = Snapshot { groups: std::sync::Arc::new(vec![group]), ..Snapshot::default() };
        assert_eq!(readers(&[&record], &[], &snapshot), (Vec::new(), (0, 0)));
    }

    #[test]
    fn of_many_spans_those_that_failed_and_those_at_the_top_are_shown() {
        let trace = traces::large(6_000);
        let caused = Caused::of(&Known { trace: Some(&trace), conversation: &[] }, &Snapshot::default());
        assert_eq!((caused.way.len(), caused.num_spans), (WAY_MAX, 6_000));
        assert!(caused.num_left_out > 1_000 && caused.way[0].depth == 0);
        assert!(caused.way.iter().any(|row| row.failure.is_some()));
    }

    #[test]
    fn twice_the_spans_take_twice_the_time_and_circles_end() {
        switchboard_measure::growth::assert_linear("spans", 1 << 12, |num| traces::large(num as u64), |trace| way(&trace.spans.iter().collect::<Vec<_>>()).1);
        let mut circle = [traces::span(1, 2, "a", "x", 0, 1), traces::span(2, 1, "b", "y", 0, 1)];
        for span in &mut circle {
            span.kind = SpanKind::Server;
        }
        assert!(way(&circle.iter().collect::<Vec<_>>()).0.len() <= 2);
    }

    #[test]
    fn where_it_went_is_on_the_map_once_that_is_known() {
        let (business, record) = (testing::order_business(), sample::board().sent[2].clone());
        let caused = Caused::of(&Known::default(), &business);
        assert!(caused.is_nothing());
        assert!(on_the_map(&record, &caused, &business).is_some() && on_the_map(&sample::answered(), &caused, &business).is_none());
    }
}
