//! All that shares a correlation id, over traces, channels and logs, in the order of time.

use std::sync::Arc;

use egui::{RichText, pos2};
use switchboard_engine::view::{ChannelKey, ConversationItem};
use switchboard_model::{CorrelationId, TraceId};

use super::span_detail::{kind_word, severity_tone, severity_word};
use crate::{
    figures, fonts,
    ink::{Glyph, Tone, glyph, tone_inks},
    sanitise::{elide_middle, visible},
    theme::{DesignTokens, Ink, TEXT_HEADING_PT, TEXT_SMALL_PT},
    view::{StoredRecord, Target, UiCommand, ViewAction},
    widgets::{
        kept_order::KeptOrder,
        table::{Column, Order, Row, SortKey, Table, TableState, Way, Width},
    },
    words::traces::took,
};

/// Items that are asked for.
pub(crate) const ITEMS_MAX: usize = 5_000;

const COLUMNS: [Column; 5] = [
    Column::left("when (UTC)", Width::Points(92.0)).whole(),
    Column::left("what", Width::Points(92.0)).whole(),
    Column::left("where", Width::Share(0.3)),
    Column::left("what happened", Width::Share(0.7)),
    Column::right("trace", Width::Points(96.0)),
];

/// An item as a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoryRow {
    /// Its place in the order of time.
    pub number: usize,
    /// When, ns since the Unix epoch; `None` = not told.
    pub at_ns: Option<i64>,
    /// What it is: a kind of span, `record`, a severity.
    pub what: String,
    /// Service, or channel with partition and offset.
    pub place: String,
    /// What happened.
    pub text: String,
    /// How urgent.
    pub tone: Tone,
    /// Its trace.
    pub trace_id: Option<TraceId>,
    /// Where a click leads.
    pub target: Option<Target>,
}

/// A conversation that is open.
pub(crate) struct Story {
    /// Its id.
    pub id: CorrelationId,
    /// Its items, oldest first.
    pub rows: Arc<Vec<StoryRow>>,
    /// The records among them, in the order of time.
    pub records: Vec<StoredRecord>,
    /// The selected one, by its place in the order of time.
    pub selected: Option<usize>,
    /// In which order they are shown.
    pub order: KeptOrder<usize, StoryRow>,
    /// Where the rows stand.
    pub table: TableState,
    revision: Option<u64>,
}

/// An id as people write it.
pub(crate) fn id_words(id: &CorrelationId) -> String {
    match id {
        CorrelationId::Wide(id) => {
            let hex = format!("{id:032x}");
            format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
        }
        CorrelationId::Number(id) => id.to_string(),
        CorrelationId::Text(id) => visible(id).into_owned(),
    }
}

impl Story {
    /// A conversation of which nothing is known yet.
    pub(crate) fn new(id: CorrelationId) -> Self {
        Self { id, rows: Arc::default(), records: Vec::new(), selected: None, order: KeptOrder::default(), table: TableState::default(), revision: None }
    }

    /// Takes in an answer.
    pub(crate) fn take(&mut self, items: &[ConversationItem], revision: u64) {
        if self.revision == Some(revision) {
            return;
        }
        self.revision = Some(revision);
        let selected = self.selected.and_then(|place| self.rows.get(place)).cloned();
        self.rows = Arc::new(rows(items));
        self.records = records(items);
        self.selected = selected.and_then(|mut row| {
            self.rows.iter().position(|other| {
                row.number = other.number;
                *other == row
            })
        });
    }

    /// How much of what it is of.
    pub(crate) fn words(&self) -> String {
        let traces: std::collections::HashSet<TraceId> = self.rows.iter().filter_map(|row| row.trace_id).collect();
        let failed = self.rows.iter().filter(|row| row.tone == Tone::Bad).count() as u64;
        let mut parts = vec![
            figures::things(self.rows.len() as u64, "item", "items"),
            figures::things(traces.len() as u64, "trace", "traces"),
            format!("{} failed", figures::count(failed)),
        ];
        if let (Some(first_ns), Some(last_ns)) = (self.rows.iter().find_map(|row| row.at_ns), self.rows.iter().rev().find_map(|row| row.at_ns)) {
            parts.push(format!("over {}", figures::duration(last_ns.saturating_sub(first_ns))));
        }
        if self.rows.len() >= ITEMS_MAX {
            parts.push(format!("the first {} are shown", figures::count(ITEMS_MAX as u64)));
        }
        parts.join(" · ")
    }

    /// Where the selected item leads.
    pub(crate) fn target(&self) -> Option<Target> {
        self.rows.get(self.selected?)?.target.clone()
    }

    /// Draws it; what was asked for.
    pub(crate) fn ui(&mut self, ui: &mut egui::Ui, now_ns: i64, tokens: &DesignTokens) -> Option<ViewAction> {
        let mut asked = None;
        egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 8, bottom: 8 }).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(format!("Story of {}", id_words(&self.id))).font(fonts::strong(TEXT_HEADING_PT)).color(tokens.ink(Ink::Text)));
                ui.label(RichText::new(self.words()).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
                if !self.records.is_empty() {
                    let num = figures::things(self.records.len() as u64, "record", "records");
                    let command = UiCommand::ReplayRecords;
                    if ui.button(format!("Replay {num}…  {}", command.keys())).on_hover_text(command.tooltip()).clicked() {
                        asked = Some(ViewAction::Run(command));
                    }
                }
            });
        });
        self.order.take(&self.rows, &self.table, |row| row.number, |rows| (0..rows.len()).collect(), sort_key);
        let order = &self.order;
        let selected = self.selected.and_then(|place| order.row_of(&place));
        let by_time = Order::Rows { natural: Some((COLUMNS[0].title, Way::Up)) };
        let table = Table { name: "story", columns: &COLUMNS, num_rows: order.len(), selected, order: by_time };
        let response = table.ui(ui, &mut self.table, tokens, |row, index| order.item(index).map_or_else(String::new, |item| row_ui(row, item, now_ns)));
        if let Some(clicked) = response.clicked {
            self.selected = order.key(clicked).copied();
        }
        asked.or_else(|| response.opened.and_then(|index| order.item(index)?.target.clone()).map(ViewAction::Goto))
    }

    /// As lines.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("Story of {}\n{}\n\n", id_words(&self.id), self.words());
        for row in self.rows.iter() {
            let when = row.at_ns.map_or_else(|| "time unknown".to_owned(), figures::instant);
            let trace = row.trace_id.map(|trace_id| format!("  trace {trace_id}")).unwrap_or_default();
            text.push_str(&format!("{when}  {}  {}  {}{trace}\n", row.what, row.place, row.text));
        }
        text
    }

    /// As JSON.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let rows: Vec<serde_json::Value> = self
            .rows
            .iter()
            .map(|row| serde_json::json!({ "time_ns": row.at_ns, "what": row.what, "where": row.place, "text": row.text, "failed": row.tone == Tone::Bad, "trace_id": row.trace_id.map(|id| id.to_string()) }))
            .collect();
        serde_json::json!({ "correlation_id": id_words(&self.id), "items": rows })
    }
}

/// Items as rows, oldest first; what has no time stands last.
pub(crate) fn rows(items: &[ConversationItem]) -> Vec<StoryRow> {
    let mut rows: Vec<StoryRow> = items.iter().map(row).collect();
    rows.sort_by_key(|row| row.at_ns.unwrap_or(i64::MAX));
    for (number, row) in rows.iter_mut().enumerate() {
        row.number = number;
    }
    rows
}

/// The records among items, oldest first.
fn records(items: &[ConversationItem]) -> Vec<StoredRecord> {
    let mut records: Vec<_> = items.iter().filter_map(|item| if let ConversationItem::Record(record) = item { Some(record) } else { None }).collect();
    records.sort_by_key(|record| record.at_ns().unwrap_or(i64::MAX));
    records.into_iter().map(StoredRecord::of).collect()
}

/// What an item is sorted by in a column.
fn sort_key(row: &StoryRow, title: &'static str) -> SortKey {
    match title {
        "what" => SortKey::text(&row.what),
        "where" => SortKey::text(&row.place),
        "what happened" => SortKey::text(&row.text),
        "trace" => row.trace_id.map_or(SortKey::Unknown, |trace_id| SortKey::Text(trace_id.to_string())),
        _ => SortKey::number(row.at_ns.map(|at_ns| at_ns as f64)),
    }
}

fn row(item: &ConversationItem) -> StoryRow {
    match item {
        ConversationItem::Span(span) => {
            let failed = span.failure.is_some();
            let mut text = format!("{} · {}", visible(&span.name), took(span));
            if failed && !span.status_message.is_empty() {
                text.push_str(&format!(" · {}", visible(&span.status_message)));
            }
            StoryRow {
                number: 0,
                // As in its trace: a moment that cannot be stands where it arrived.
                at_ns: Some(if span.is_start_believable() { span.start_ns } else { span.received_ns }),
                what: kind_word(span.kind).to_owned(),
                place: visible(&span.service).into_owned(),
                text,
                tone: if failed { Tone::Bad } else { Tone::Quiet },
                trace_id: Some(span.trace_id),
                target: Some(Target::Trace { trace_id: span.trace_id, span_id: Some(span.span_id) }),
            }
        }
        ConversationItem::Record(record) => StoryRow {
            number: 0,
            at_ns: record.at_ns(),
            what: "record".to_owned(),
            place: visible(&record.at.channel).into_owned(),
            text: format!("{} · {}", figures::place(&record.at.place), figures::bytes(u64::from(record.value_size_bytes))),
            tone: Tone::Quiet,
            trace_id: record.trace_id,
            target: Some(Target::Record { channel: ChannelKey::of(&record.at), row: record.row }),
        },
        ConversationItem::Log(log) => {
            let has_trace = log.trace_id != TraceId::default();
            StoryRow {
                number: 0,
                at_ns: Some(log.at_ns()),
                what: severity_word(log.severity).to_owned(),
                place: visible(&log.service).into_owned(),
                text: visible(&log.body).into_owned(),
                tone: severity_tone(log.severity),
                trace_id: has_trace.then_some(log.trace_id),
                target: has_trace.then(|| Target::Trace { trace_id: log.trace_id, span_id: log.span_id.is_some().then_some(log.span_id) }),
            }
        }
    }
}

fn row_ui(row: &Row<'_>, item: &StoryRow, now_ns: i64) -> String {
    let ink = if item.tone == Tone::Quiet { Ink::Text } else { tone_inks(item.tone).0 };
    let when = item.at_ns.map_or_else(|| "unknown".to_owned(), |ns| figures::when(ns, now_ns).in_12());
    row.data(0, &when, Ink::Dim);
    row.words(1, &item.what, if item.tone == Tone::Quiet { Ink::Dim } else { ink });
    row.name_in(2, row.cell(2), &item.place, &fonts::strong(12.5), row.tokens.ink(Ink::Text));
    let mut cell = row.cell(3);
    if item.tone == Tone::Bad {
        glyph::paint(row.painter(), Glyph::Cross, pos2(cell.left() + 5.0, cell.center().y), 4.0, row.tokens.ink(ink));
        cell.min.x += 15.0;
    }
    row.text_in(3, cell, &item.text, fonts::words(12.5), row.tokens.ink(ink));
    let trace = item.trace_id.map(|trace_id| elide_middle(&trace_id.to_string(), 11).into_owned()).unwrap_or_default();
    row.data(4, &trace, Ink::Faint);
    let failed = if item.tone == Tone::Bad { ", failed" } else { "" };
    format!("{when} {} {} {}{failed}", item.what, item.place, item.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::traces::sample;

    #[test]
    fn a_moment_that_cannot_be_stands_where_it_arrived() {
        let view = sample::checkout();
        let sent_in_ms = switchboard_engine::view::SpanView { start_ns: view.spans[0].start_ns / 1_000_000, ..view.spans[0].clone() };
        let log = switchboard_engine::view::LogView { time_ns: view.logs[0].time_ns / 1_000_000, ..view.logs[0].clone() };
        let record = switchboard_engine::view::RecordView { timestamp_ns: Some(0), ..sample::record() };
        let items = [
            ConversationItem::Span(sent_in_ms.clone()),
            ConversationItem::Span(view.spans[1].clone()),
            ConversationItem::Log(log.clone()),
            ConversationItem::Record(record.clone()),
        ];
        let mut story = Story::new(CorrelationId::Number(4704));
        story.take(&items, 1);
        let of = |arrived_ns: i64| story.rows.iter().find(|row| row.at_ns == Some(arrived_ns)).expect("it stands where it arrived");
        let span = of(sent_in_ms.received_ns);
        assert!(span.text.contains("its time is not believable"), "{}", span.text);
        assert_eq!((of(log.received_ns).text.as_str(), of(record.received_ns).what.as_str()), (log.body.as_str(), "record"));
        assert!(!story.words().contains("min"), "{}", story.words());
    }

    #[test]
    fn a_conversation_is_told_in_the_order_of_time() {
        let view = sample::checkout();
        let mut items: Vec<ConversationItem> = view.logs.iter().cloned().map(ConversationItem::Log).collect();
        items.push(ConversationItem::Record(sample::record()));
        items.extend(view.spans.iter().filter(|span| span.span_id.0 < 12).cloned().map(ConversationItem::Span));
        let mut story = Story::new(CorrelationId::Number(4704));
        story.take(&items, 1);
        assert!(story.rows.windows(2).all(|pair| pair[0].at_ns <= pair[1].at_ns));
        insta::assert_snapshot!(story.to_text());
        assert_eq!(id_words(&CorrelationId::Wide(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736)), "4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
    }
}
