//! The list of traces: what it is asked for, what is shown of the answer, and its rows.

use std::collections::HashSet;

use egui::{RichText, WidgetInfo, accesskit::Role, pos2};
use switchboard_engine::view::{NodeKind, Snapshot, TraceList, TraceOrder, TraceRow};
use switchboard_model::TraceId;

use super::filter::{FilterState, parse_duration};
use crate::{
    figures, fonts,
    ink::{Glyph, fitted, glyph},
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_SMALL_PT},
    widgets::{
        table::{Column, Order, Row, Table, TableResponse, TableState, Way, Width},
        text_field::{TextEntry, TextField},
    },
    words::traces::{part_took, trace_took},
};

const COLUMNS: [Column; 6] = columns("duration");
/// Where the calls between two are asked for.
const COLUMNS_OF_CALLS: [Column; 6] = columns("that call took");
/// Where a service or an operation is asked for.
const COLUMNS_OF_SPANS: [Column; 6] = columns("its longest span there");

const STARTED: &str = "started (UTC)";
const FAILED: &str = "failed";
/// By which of them traces can be asked for: when they started, that one failed, how long they took.
const CAN: [&str; 3] = [STARTED, FAILED, COLUMNS[5].title];
const CAN_OF_CALLS: [&str; 3] = [STARTED, FAILED, COLUMNS_OF_CALLS[5].title];
const CAN_OF_SPANS: [&str; 3] = [STARTED, FAILED, COLUMNS_OF_SPANS[5].title];

const fn columns(duration: &'static str) -> [Column; 6] {
    [
        Column::left(STARTED, Width::Points(92.0)).whole(),
        Column::left("trace", Width::Share(0.46)),
        Column::left("services", Width::Share(0.3)),
        Column::right("spans", Width::Points(58.0)),
        Column::right(FAILED, Width::Points(62.0)),
        Column::right(duration, Width::Share(0.24)),
    ]
}

/// The list as it is shown.
#[derive(Default)]
pub(crate) struct TraceListState {
    /// What it is asked for.
    pub filter: FilterState,
    /// The selected trace.
    pub selected: Option<TraceId>,
    /// Its rows, and what is to be said of them.
    pub list: Option<TraceList>,
    /// Where the rows stand.
    pub table: TableState,
    /// Traces that wait until the pointer has left the rows.
    pub num_waiting: usize,
    revision: Option<u64>,
    /// What the rows were asked for.
    taken_for: Option<FilterState>,
    longest_ns: i64,
}

impl TraceListState {
    /// Takes in an answer, unless the pointer rests on a row: what is pointed at does not move.
    pub(crate) fn take(&mut self, list: &TraceList, revision: u64, is_of_this_question: bool) {
        if self.revision == Some(revision) {
            return;
        }
        let known: HashSet<TraceId> = self.list.iter().flat_map(|list| &list.rows).map(|row| row.trace_id).collect();
        let is_same = is_of_this_question && self.taken_for.as_ref() == Some(&self.filter);
        if is_same && self.list.is_some() && self.table.is_pointer_inside() {
            self.num_waiting = list.rows.iter().filter(|row| !known.contains(&row.trace_id)).count();
            if self.num_waiting > 0 || list.rows.len() != known.len() {
                return;
            }
        }
        let mut list = list.clone();
        if self.filter.order == TraceOrder::Newest {
            // They come by their last arrival; what is read beside them is when they started.
            list.rows.sort_by_key(|row| std::cmp::Reverse((row.start_ns, row.trace_id)));
        }
        let first = self.list.as_ref().and_then(|list| list.rows.first()).map(|row| row.trace_id);
        let num_above = list.rows.iter().position(|row| Some(row.trace_id) == first).unwrap_or(0);
        if is_same {
            self.table.rows_came_above(num_above);
        }
        self.taken_for = is_of_this_question.then(|| self.filter.clone());
        self.revision = Some(revision);
        self.num_waiting = 0;
        self.longest_ns = list.rows.iter().filter_map(shown_ns).max().unwrap_or(0).max(1);
        self.list = Some(list);
    }

    /// The place of the selected row.
    pub(crate) fn selected_row(&self) -> Option<usize> {
        let selected = self.selected?;
        self.rows().iter().position(|row| row.trace_id == selected)
    }

    /// The rows.
    pub(crate) fn rows(&self) -> &[TraceRow] {
        self.list.as_ref().map_or(&[], |list| &list.rows)
    }

    /// Draws the rows.
    pub(crate) fn rows_ui(&mut self, ui: &mut egui::Ui, now_ns: i64, tokens: &DesignTokens) -> TableResponse {
        let selected = self.selected_row();
        let rows = self.list.as_ref().map_or(&[][..], |list| &list.rows);
        let longest_ns = self.longest_ns;
        let (columns, can): (&[Column; 6], &'static [&'static str; 3]) = match self.taken_for.as_ref().unwrap_or(&self.filter) {
            _ if rows.iter().all(|row| row.part.is_none()) => (&COLUMNS, &CAN),
            FilterState { through: Some(_), .. } => (&COLUMNS_OF_CALLS, &CAN_OF_CALLS),
            _ => (&COLUMNS_OF_SPANS, &CAN_OF_SPANS),
        };
        let [started, failed, duration] = *can;
        let by = match self.filter.order {
            TraceOrder::Newest => started,
            TraceOrder::Slowest => duration,
            TraceOrder::Failed => failed,
        };
        let why = "Traces are asked for with the newest, the slowest or the failed first";
        let table = Table { name: "traces", columns, num_rows: rows.len(), selected, order: Order::Asked { by: Some((by, Way::Down)), can, why } };
        let response = table.ui(ui, &mut self.table, tokens, |row, index| row_ui(row, &rows[index], longest_ns, now_ns));
        if let Some(title) = response.ask_by {
            let orders = [(started, TraceOrder::Newest), (failed, TraceOrder::Failed), (duration, TraceOrder::Slowest)];
            self.filter.order = orders.into_iter().find(|(of, _)| *of == title).map_or(self.filter.order, |(_, order)| order);
        }
        response
    }

    /// What is to be said of the rows: how many match, and how far it was looked.
    pub(crate) fn words(&self, now_ns: i64) -> String {
        let Some(list) = &self.list else { return String::new() };
        let num_shown = list.rows.len() as u64;
        let mut parts = if list.is_capped && list.matching <= num_shown {
            // The newest were found without a look at the rest.
            vec![format!("the newest {} are shown, older ones match too", figures::things(num_shown, "trace", "traces"))]
        } else {
            vec![format!("{} match", figures::things(list.matching, "trace", "traces"))]
        };
        if list.matching > num_shown {
            parts.push(format!("the first {} are shown", figures::count(num_shown)));
        }
        parts.push(format!("{} looked at", figures::things(list.looked_at_spans, "span", "spans")));
        if let Some(oldest_ns) = list.oldest_ns {
            parts.push(format!("spans reach back to {}", figures::when(oldest_ns, now_ns).to_s()));
        }
        if self.num_waiting > 0 {
            parts.push(format!("{} new wait until the pointer leaves the rows", figures::count(self.num_waiting as u64)));
        }
        parts.join(" · ")
    }
}

/// What is told of how long it took: of the part that is asked for, else of the whole.
fn shown_ns(trace: &TraceRow) -> Option<i64> {
    trace.part.map_or(trace.duration_ns, |part| part.duration_ns)
}

fn row_ui(row: &Row<'_>, trace: &TraceRow, longest_ns: i64, now_ns: i64) -> String {
    let (service, name) = (visible(&trace.root_service), visible(&trace.root_name));
    row.data(0, &figures::when(trace.start_ns, now_ns).in_12(), Ink::Dim);
    let cell = row.cell(1);
    let galley = fitted(row.painter(), &service, &fonts::strong(12.5), cell.width() * 0.55);
    let after = cell.left() + galley.size().x + 8.0;
    row.painter().galley(pos2(cell.left(), cell.center().y - galley.size().y / 2.0), galley, row.tokens.ink(Ink::Text));
    let what = if trace.has_root { name.to_string() } else { format!("{name} (its root was not received)") };
    let ink = if trace.has_root { Ink::Text } else { Ink::Dim };
    row.text_in(1, egui::Rect::from_min_max(pos2(after, cell.top()), cell.max), &what, fonts::words(12.5), row.tokens.ink(ink));
    let services = services(trace);
    row.words(2, &services, Ink::Dim);
    row.data(3, &figures::count(u64::from(trace.num_spans)), Ink::Dim);
    let failed = if trace.num_errors == 0 { "–".to_owned() } else { figures::count(u64::from(trace.num_errors)) };
    row.data(4, &failed, if trace.num_errors == 0 { Ink::Faint } else { Ink::Bad });
    if trace.num_errors > 0 {
        let cell = row.cell(4);
        glyph::paint(row.painter(), Glyph::Cross, pos2(cell.left() + 8.0, cell.center().y), 4.0, row.tokens.ink(Ink::Bad));
    }
    duration_ui(row, trace, longest_ns);
    let duration = match (trace.part, trace.duration_ns) {
        (None, _) => trace_took(trace),
        (Some(part), None) => part_took(part),
        (Some(part), Some(whole_ns)) => format!("{} in a trace of {}", part_took(part), figures::duration(whole_ns)),
    };
    let failed = if trace.num_errors > 0 { format!(", {} failed", figures::things(u64::from(trace.num_errors), "span", "spans")) } else { String::new() };
    let spans = figures::things(u64::from(trace.num_spans), "span", "spans");
    format!("{service} {what}, {duration}, {spans}{failed}, {} at {}", services, figures::when(trace.start_ns, now_ns).to_ms())
}

/// A bar against the longest in the list, and the duration.
fn duration_ui(row: &Row<'_>, trace: &TraceRow, longest_ns: i64) {
    let cell = row.cell(5);
    row.data(5, &trace.part.map_or_else(|| trace_took(trace), part_took), Ink::Text);
    let Some(shown_ns) = shown_ns(trace).filter(|shown_ns| *shown_ns >= 0) else { return };
    let track = egui::Rect::from_min_max(pos2(cell.left(), cell.center().y - 3.0), pos2(cell.right() - 70.0, cell.center().y + 3.0));
    if track.width() < 16.0 {
        return;
    }
    let share = (shown_ns as f64 / longest_ns as f64) as f32;
    let bar = egui::Rect::from_min_max(track.min, pos2(track.left() + (track.width() * share).max(2.0), track.bottom()));
    row.painter().rect_filled(track, 3.0, row.tokens.ink(Ink::Hairline));
    row.painter().rect_filled(bar, 3.0, row.tokens.ink(if trace.part.map_or(trace.num_errors > 0, |part| part.is_failed) { Ink::Bad } else { Ink::Edge }));
}

/// Names of services, and how many more.
fn services(trace: &TraceRow) -> String {
    let mut names: Vec<String> = trace.services.iter().map(|service| visible(service).into_owned()).collect();
    let more = (trace.num_services as usize).saturating_sub(names.len());
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// What was done with the filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilterResponse {
    /// The text is meant as an id: Enter was pressed, or an id was pasted.
    pub follows_text: bool,
}

/// Draws the filter.
pub(crate) fn filter_ui(ui: &mut egui::Ui, filter: &mut FilterState, snapshot: &Snapshot, now_ns: i64, tokens: &DesignTokens) -> FilterResponse {
    let mut done = FilterResponse::default();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(8.0, 6.0);
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            for (order, text) in [(TraceOrder::Newest, "Newest"), (TraceOrder::Slowest, "Slowest"), (TraceOrder::Failed, "Failed first")] {
                let is_chosen = filter.order == order;
                let ink = if is_chosen { Ink::Text } else { Ink::Dim };
                let response = ui.add(egui::Button::new(RichText::new(text).color(tokens.ink(ink))).selected(is_chosen).frame_when_inactive(false));
                response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, is_chosen, text));
                if response.clicked() {
                    filter.order = order;
                }
            }
        });
        service_ui(ui, filter, snapshot);
        let typed = TextEntry::new(TextField::TraceFilter, &mut filter.text).width(210.0).ui(ui, tokens);
        done.follows_text = typed.is_done || (typed.response.changed() && super::filter::parse_id(&filter.text).is_some());
        let is_understood = filter.min_duration.trim().is_empty() || parse_duration(&filter.min_duration).is_some();
        let ink = if is_understood { Ink::Text } else { Ink::Bad };
        let _typed = TextEntry::new(TextField::TraceDuration, &mut filter.min_duration).hint("From, as 250 ms").width(124.0).ink(ink).ui(ui, tokens);
        if !is_understood {
            ui.label(RichText::new("a number and ns, µs, ms, s or min").size(TEXT_SMALL_PT).color(tokens.ink(Ink::Bad)));
        }
        ui.checkbox(&mut filter.failed_only, "Failed only");
        if let Some(instance) = filter.instance.clone()
            && ui.button(format!("of {}  ×", visible(&instance))).on_hover_text("Also those of other instances").clicked()
        {
            filter.instance = None;
        }
        if let Some((from, to)) = filter.through.clone() {
            let text = format!("through {} → {}  ×", visible(&from), visible(&to));
            if ui.button(text).on_hover_text("Also those that do not go this way").clicked() {
                filter.through = None;
            }
        }
        if let Some(range) = filter.range {
            let text = format!("{} to {}  ×", figures::when(range.from_ns, now_ns).to_s(), figures::when(range.to_ns, now_ns).to_s());
            if ui.button(text).on_hover_text("The window's range again").clicked() {
                filter.range = None;
            }
        }
        if !filter.is_open() && ui.button("Clear").on_hover_text("All traces of the range").clicked() {
            *filter = FilterState { order: filter.order, ..FilterState::default() };
        }
    });
    done
}

fn service_ui(ui: &mut egui::Ui, filter: &mut FilterState, snapshot: &Snapshot) {
    let shown = if filter.service.is_empty() { "All services".to_owned() } else { visible(&filter.service).into_owned() };
    let response = egui::ComboBox::from_id_salt("service of traces").width(130.0).selected_text(&shown).show_ui(ui, |ui| {
        ui.selectable_value(&mut filter.service, String::new(), "All services");
        let mut names: Vec<&str> = snapshot.topology.nodes.iter().filter(|node| node.kind == NodeKind::Service).map(|node| node.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            ui.selectable_value(&mut filter.service, name.to_owned(), visible(name));
        }
    });
    response.response.widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("Service: {shown}")));
}
