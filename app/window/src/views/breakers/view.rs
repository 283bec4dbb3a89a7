//! The breakers view: a table with a strip for each, and what is known of the selected one.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

use egui::{Rangef, Rect, Sense, Stroke, StrokeKind, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_engine::view::{BreakerView, Snapshot, breaker_word};
use switchboard_model::BreakerState;

use super::rows::{self, BreakerKey, since, sort_key, sorted, source_words, state_word, state_words, strip_words, summary};
use crate::{
    figures, fonts,
    ink::{Tone, fitted, glyph, tone_inks},
    sanitise::visible,
    theme::{DesignTokens, Ink, ROW_HEIGHT_PT},
    view::{CopyForm, Target, UiCommand, View, ViewAction, ViewContext, ViewKind},
    widgets::{
        blocks::blocks_ui,
        breaker_strip::{axis_of, bar_of, known_from_ns, pointed_ui, strip, strip_ui, words_at},
        detail,
        empty_state::{EmptyState, empty_state_ui},
        kept_order::KeptOrder,
        split,
        table::{Column, HEAD_PT, Order, Row, Table, TableState, Way, Width},
        time_axis::{self, TimeAxis, WHOLE_NS, instant_words},
        view_head::{told_ui, view_head_ui},
    },
};

/// Width of the detail at first, points.
const DETAIL_PT: f32 = 370.0;
/// Instances whose strips are shown below each other.
const STRIPS_MAX: usize = 24;

const COLUMNS: [Column; 9] = [
    Column::left("caller", Width::Share(0.13)),
    Column::left("instance", Width::Share(0.17)),
    Column::left("breaker", Width::Share(0.26)),
    Column::left("guards", Width::Share(0.13)),
    Column::left("state", Width::Points(108.0)).whole(),
    Column::right("since", Width::Points(58.0)),
    Column::left("how it went", Width::Share(0.3)).headed_by_view(),
    Column::left("known by", Width::Points(66.0)).whole(),
    Column::right("age", Width::Points(50.0)),
];

/// The column of strips.
const STRIP: usize = 6;

/// The breakers view.
#[derive(Default)]
pub(crate) struct BreakersView {
    order: KeptOrder<BreakerKey, BreakerView>,
    selected: Option<BreakerKey>,
    /// Whether the selection came without an instance: the most urgent one is meant.
    means_any: bool,
    table: TableState,
    opened: Option<(BreakerView, detail::Detail)>,
    /// From when on a state of any of these is known.
    known_from: (Arc<Vec<BreakerView>>, Option<i64>),
}

impl View for BreakersView {
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction> {
        let tokens = context.tokens;
        ui.painter().rect_filled(ui.max_rect(), 0.0, tokens.ink(Ink::Background));
        let breakers = &context.snapshot.breakers;
        if breakers.is_empty() {
            return empty_state_ui(ui, &no_breakers(context.snapshot), tokens).into_iter().collect();
        }
        self.arrange(breakers, context.now_ns);
        let found = self.selected.as_ref().and_then(|key| breakers.iter().find(|breaker| BreakerKey::of(breaker) == *key));
        self.opened = found.map(|breaker| (breaker.clone(), rows::detail(breaker, context.snapshot, context.now_ns)));
        let (title, note) = summary(breakers);
        view_head_ui(ui, "breakers head", tokens, |ui| {
            ui.horizontal(|ui| told_ui(ui, &title, &note, tokens));
        });
        let mut actions = Vec::new();
        if let Some((breaker, detail)) = &self.opened {
            actions.extend(detail_ui(ui, breaker, detail, context));
        }
        self.table_ui(ui, context);
        actions
    }

    fn goto(&mut self, target: &Target) {
        if let Target::Breaker { caller, instance, name } = target {
            self.means_any = instance.is_none();
            self.selected = Some(BreakerKey { caller: caller.clone(), name: name.clone(), instance: instance.clone() });
            if let Some(row) = self.selected_row() {
                self.table.reveal(row);
            }
        }
    }

    fn target(&self) -> Option<Target> {
        let key = self.selected.clone()?;
        Some(Target::Breaker { caller: key.caller, instance: key.instance, name: key.name })
    }

    fn run(&mut self, command: UiCommand) -> bool {
        self.order.walk(command, &mut self.table, &mut self.selected)
    }

    fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        match command {
            _ if (command.copies() || command == UiCommand::Open) && self.selected.is_none() => Some(Cow::Borrowed("no breaker is selected")),
            UiCommand::Open => Some(Cow::Borrowed("its detail is open")),
            _ => None,
        }
    }

    fn copy(&self, _context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        let (breaker, detail) = self.opened.as_ref()?;
        match form {
            CopyForm::Text => Some(detail.to_text()),
            CopyForm::Markdown => Some(detail.to_markdown()),
            CopyForm::Json => serde_json::to_string_pretty(&rows::to_json(breaker)).ok(),
        }
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        vec![(UiCommand::WalkDown, "rows"), (UiCommand::CopyText, "copy"), (UiCommand::ClearSelection, "clear")]
    }
}

impl BreakersView {
    /// Puts the rows in order, unless the pointer rests on them: what is pointed at does not move.
    fn arrange(&mut self, breakers: &Arc<Vec<BreakerView>>, as_of_ns: i64) {
        if !Arc::ptr_eq(&self.known_from.0, breakers) {
            self.known_from = (Arc::clone(breakers), breakers.iter().filter_map(known_from_ns).min());
        }
        let axis = TimeAxis::of(self.known_from.1, as_of_ns, WHOLE_NS);
        self.order.take(breakers, &self.table, BreakerKey::of, sorted, |breaker, title| sort_key(breaker, title, axis));
        if std::mem::take(&mut self.means_any)
            && let Some(selected) = &self.selected
            && let Some(found) = self.order.keys().iter().find(|key| key.name == selected.name && (selected.caller.is_none() || key.caller == selected.caller))
        {
            self.selected = Some(found.clone());
            if let Some(row) = self.selected_row() {
                self.table.reveal(row);
            }
        }
    }

    fn selected_row(&self) -> Option<usize> {
        self.order.row_of(self.selected.as_ref()?)
    }

    fn table_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>) {
        let order = Order::Rows { natural: Some(("state", Way::Down)) };
        let table = Table { name: "breakers", columns: &COLUMNS, num_rows: self.order.len(), selected: self.selected_row(), order };
        let order = &self.order;
        let axis = TimeAxis::of(self.known_from.1, context.now_ns, WHOLE_NS);
        let (column, pointed) = (Cell::new(None), RefCell::new(None));
        let mut state = std::mem::take(&mut self.table);
        let room = ui.available_rect_before_wrap();
        let response = table.ui(ui, &mut state, context.tokens, |row, index| {
            let Some(breaker) = order.item(index) else { return String::new() };
            let words = row_ui(row, breaker, context.now_ns);
            let cell = row.cell(STRIP);
            column.set(Some(cell.x_range()));
            let pieces = strip(breaker, axis);
            strip_ui(row.painter(), cell.shrink2(vec2(0.0, 9.0)), &pieces, row.tokens);
            if let Some(at) = row.pointer_in(STRIP) {
                let at_ns = axis.at_ns(cell.x_range(), at.x);
                pointed.replace(Some((at.x, format!("{}\n{}", instant_words(at_ns, axis), words_at(&pieces, at_ns, axis)))));
            }
            if !context.news.is_fresh_breaker(breaker) {
                return words;
            }
            row.mark_new();
            words + ", new"
        });
        self.table = state;
        if let Some(column) = column.get() {
            let head = Rect::from_x_y_ranges(column, Rangef::new(room.top(), room.top() + HEAD_PT));
            time_axis::head_ui(ui.painter(), head, axis, "", context.tokens);
        }
        if let Some((x, words)) = pointed.into_inner() {
            // The line goes through all rows, for they share an axis.
            let rows_pt = response.visible.len() as f32 * ROW_HEIGHT_PT;
            let rows = Rangef::new(room.top() + HEAD_PT, (room.top() + HEAD_PT + rows_pt).min(room.bottom()));
            time_axis::hair_ui(ui.painter(), x, rows, context.tokens);
            time_axis::told_ui(ui.ctx(), ui.layer_id(), ui.scope_id().with("strip"), &words);
        }
        if let Some(row) = response.clicked {
            self.selected = self.order.key(row).cloned();
        }
    }
}

/// Paints a breaker but for its strip.
fn row_ui(row: &Row<'_>, breaker: &BreakerView, now_ns: i64) -> String {
    let told = |text: &Option<String>| text.as_ref().map(|text| visible(text).into_owned());
    let name = |column: usize, text: Option<&str>, ink: Ink| {
        let color = row.tokens.ink(if text.is_some() { ink } else { Ink::Faint });
        row.name_in(column, row.cell(column), text.unwrap_or("unknown"), &fonts::words(12.5), color);
    };
    let (caller, instance, callee) = (told(&breaker.caller), told(&breaker.instance), told(&breaker.callee));
    name(0, caller.as_deref(), Ink::Text);
    name(1, instance.as_deref(), Ink::Dim);
    name(2, Some(&visible(&breaker.name)), Ink::Text);
    name(3, callee.as_deref(), Ink::Dim);
    let state = state_words(breaker);
    let ink = if state.tone == Tone::Quiet { Ink::Dim } else { tone_inks(state.tone).0 };
    let mut cell = row.cell(4);
    if let Some(sign) = state.glyph {
        glyph::paint(row.painter(), sign, pos2(cell.left() + 5.0, cell.center().y), 5.0, row.tokens.ink(ink));
    }
    cell.min.x += 16.0;
    if breaker.disagreement.is_some() {
        // The dot of those who say otherwise.
        cell.max.x -= 10.0;
    }
    row.text_in(4, cell, &state.text, fonts::words(12.5), row.tokens.ink(ink));
    let since = since(breaker, now_ns);
    row.data(5, &since, if breaker.since_ns.is_some() { ink } else { Ink::Faint });
    row.words(7, source_words(breaker.source), Ink::Dim);
    let age = figures::age(now_ns.saturating_sub(breaker.confirmed_ns));
    row.data(8, &age, if breaker.stale { Ink::Warn } else { Ink::Dim });
    let mut words = format!(
        "breaker {} of {} in {}, guards {}, {}, since {since}, by {}, {age} old",
        visible(&breaker.name),
        caller.as_deref().unwrap_or("unknown"),
        instance.as_deref().unwrap_or("unknown"),
        callee.as_deref().unwrap_or("unknown"),
        state.text,
        source_words(breaker.source),
    );
    if breaker.stale {
        words.push_str(", stale");
    }
    if let Some(disagreement) = &breaker.disagreement {
        words.push_str(&format!(", sources disagree: {}", visible(disagreement)));
        let cell = row.cell(4);
        row.painter().circle_filled(pos2(cell.right() - 4.0, cell.center().y), 3.0, row.tokens.ink(Ink::Warn));
    }
    words
}

fn detail_ui(ui: &mut egui::Ui, breaker: &BreakerView, words: &detail::Detail, context: &ViewContext<'_>) -> Option<ViewAction> {
    let tokens = context.tokens;
    split::detail_ui(ui, "breaker", DETAIL_PT, tokens, |ui| {
        let asked = detail::head_ui(ui, words, tokens);
        let is_same = |other: &&BreakerView| other.caller == breaker.caller && other.name == breaker.name;
        let shown = || context.snapshot.breakers.iter().filter(is_same).take(STRIPS_MAX);
        let axis = axis_of(shown(), context.now_ns);
        let strips_ui = |ui: &mut egui::Ui| {
            detail::framed_ui(ui, "How it went", &axis.words(), tokens, |ui| {
                for other in shown() {
                    instance_ui(ui, other, other.instance == breaker.instance, axis, context);
                }
                let (foot, _) = ui.allocate_exact_size(vec2(ui.available_width(), time_axis::FOOT_PT), Sense::hover());
                time_axis::foot_ui(ui.painter(), foot.x_range(), foot.top(), axis, tokens);
                legend_ui(ui, tokens);
            });
        };
        let in_blocks = blocks_ui(ui, "breaker", words.sections.len() + 1, tokens, |ui, index| {
            if index == 0 {
                strips_ui(ui);
                return None;
            }
            detail::section_ui(ui, &words.sections[index - 1], tokens)
        });
        in_blocks.or(asked)
    })
}

/// The strip of an instance, its name above it.
fn instance_ui(ui: &mut egui::Ui, breaker: &BreakerView, is_this: bool, axis: TimeAxis, context: &ViewContext<'_>) {
    let tokens = context.tokens;
    let pieces = strip(breaker, axis);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 34.0), Sense::hover());
    let instance = breaker.instance.as_ref().map_or_else(|| "instance unknown".to_owned(), |instance| visible(instance).into_owned());
    let galley = fitted(ui.painter(), &instance, &fonts::words(12.0), rect.width() * 0.6);
    ui.painter().galley(rect.left_top(), galley, tokens.ink(if is_this { Ink::Text } else { Ink::Dim }));
    let state = state_words(breaker);
    let ink = if state.tone == Tone::Quiet { Ink::Dim } else { tone_inks(state.tone).0 };
    let text = format!("{} {}", state.text, since(breaker, context.now_ns));
    ui.painter().text(rect.right_top(), egui::Align2::RIGHT_TOP, text, fonts::data(12.0), tokens.ink(ink));
    let room = Rect::from_min_max(pos2(rect.left(), rect.top() + 18.0), pos2(rect.right(), rect.top() + 31.0));
    strip_ui(ui.painter(), room, &pieces, tokens);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{instance}: {}", strip_words(&pieces, axis))));
    pointed_ui(ui, &response, room, &pieces, tokens);
}

/// What the heights mean.
fn legend_ui(ui: &mut egui::Ui, tokens: &DesignTokens) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 18.0), Sense::hover());
    let mut left = rect.left();
    let states = [BreakerState::Open, BreakerState::HalfOpen, BreakerState::Closed];
    let [open, half_open, closed] = states.map(state_word);
    let [high, half_high, low] = states.map(bar_of);
    let gap = format!("gap: {}", breaker_word(None));
    for (bar, text) in [(Some(high), open), (Some(half_high), half_open), (Some(low), closed), (None, gap.as_str())] {
        if let Some((share, ink)) = bar {
            let bottom = rect.center().y + 5.0;
            let bar = Rect::from_min_max(pos2(left, bottom - 10.0 * share), pos2(left + 9.0, bottom));
            ui.painter().rect(bar, 1.0, tokens.ink(ink), Stroke::NONE, StrokeKind::Inside);
            left += 14.0;
        }
        let galley = ui.painter().layout_no_wrap(text.to_owned(), fonts::words(crate::theme::TEXT_SMALL_PT), tokens.ink(Ink::Faint));
        let width = galley.size().x;
        ui.painter().galley(pos2(left, rect.center().y - galley.size().y / 2.0), galley, tokens.ink(Ink::Faint));
        left += width + 14.0;
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("High is {open}, half as high {half_open}, low {closed}; a {gap}")));
}

fn no_breakers(snapshot: &Snapshot) -> EmptyState {
    let services = snapshot.topology.nodes.iter().any(|node| node.kind == switchboard_engine::view::NodeKind::Service);
    let text = if services { "None of the services seen tells of a circuit breaker" } else { "No service is known yet" };
    EmptyState::new(
        "No circuit breakers yet",
        &[
            text,
            "They come from Resilience4j's actuator (add an HTTP source with its address), from breaker metrics sent over OTLP, or from the exceptions of refused calls in spans",
        ],
    )
    .button("Show sources", ViewAction::Run(UiCommand::Show(ViewKind::Sources)))
}
