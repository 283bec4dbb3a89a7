//! Draws the log and answers its keys.

use std::borrow::Cow;
use std::sync::Arc;

use egui::{Align, Layout, RichText, WidgetInfo, accesskit::Role};

use super::lines::{LogFilter, copied, in_short, passing};
use crate::{
    figures, fonts,
    sanitise::visible,
    theme::{DesignTokens, Ink, TEXT_SMALL_PT, margin},
    view::{CopyForm, Target, UiCommand, View, ViewAction, ViewContext},
    widgets::{
        empty_state::{EmptyState, empty_state_ui},
        table::{Column, Order, Table, TableState, Way, Width},
        text_field::{TextEntry, TextField},
        view_head::view_head_ui,
    },
};
use switchboard_desk::own_log::{LogLevel, LogLine, OwnLogPage};

const COLUMNS: [Column; 4] = [
    Column::left("time, UTC", Width::Points(92.0)).whole(),
    Column::left("level", Width::Points(44.0)).whole(),
    Column::left("part", Width::Points(190.0)),
    Column::left("what", Width::Share(1.0)),
];

const ORDER: Order = Order::Asked { by: Some(("time, UTC", Way::Up)), can: &[], why: "Lines stand as they came, the newest last" };

/// The log view.
pub(crate) struct LogView {
    filter: LogFilter,
    page: OwnLogPage,
    shown: Vec<Arc<LogLine>>,
    /// Of which lines and filter `shown` is.
    shown_of: Option<(u64, LogFilter)>,
    selected: Option<Arc<LogLine>>,
    table: TableState,
    actions: Vec<ViewAction>,
}

impl Default for LogView {
    fn default() -> Self {
        let mut table = TableState::default();
        table.follow_end(true);
        Self { filter: LogFilter::default(), page: OwnLogPage::default(), shown: Vec::new(), shown_of: None, selected: None, table, actions: Vec::new() }
    }
}

impl LogView {
    fn selected_row(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        self.shown.iter().position(|line| Arc::ptr_eq(line, selected))
    }

    /// Takes new lines in and filters anew, where one of the two changed. While it is paused these are the lines of then.
    fn refresh(&mut self, context: &ViewContext<'_>) {
        let log = &context.options.own_log;
        match context.paused_log {
            Some(page) if page.revision != self.page.revision => self.page.clone_from(page),
            None if log.revision() != self.page.revision => self.page = log.page(),
            _ => {}
        }
        let of = (self.page.revision, self.filter.clone());
        if self.shown_of.as_ref() != Some(&of) {
            self.shown = passing(&self.page.lines, &self.filter);
            self.shown_of = Some(of);
        }
    }

    fn head_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>) {
        let tokens = context.tokens;
        view_head_ui(ui, "log head", tokens, |ui| {
            ui.horizontal(|ui| {
                for level in LogLevel::ALL.into_iter().rev() {
                    let text = RichText::new(level.text()).size(12.5);
                    let chosen = ui.selectable_label(self.filter.level == level, text).on_hover_text("This level and all above it");
                    chosen.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, self.filter.level == level, format!("level {}", level.text())));
                    if chosen.clicked() {
                        self.filter.level = level;
                    }
                }
                ui.add_space(10.0);
                let _typed = TextEntry::new(TextField::LogFilter, &mut self.filter.text).width(220.0).ui(ui, tokens);
                // What is counted and drawn below is what passes now.
                self.refresh(context);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if ui.button("Copy all").on_hover_text("The lines that are shown").clicked() {
                        let lines: Vec<String> = self.shown.iter().map(|line| copied(line, CopyForm::Text)).collect();
                        self.actions.push(ViewAction::Copy(lines.join("\n")));
                    }
                    if !self.table.follows_end() && !self.table.is_at_end(self.shown.len()) && ui.button("To the newest").clicked() {
                        self.table.follow_end(true);
                    }
                    let mut text = format!("{} of {}", figures::count(self.shown.len() as u64), figures::things(self.page.lines.len() as u64, "line", "lines"));
                    if self.page.dropped > 0 {
                        text.push_str(&format!(" · {} dropped", figures::count(self.page.dropped)));
                    }
                    ui.label(RichText::new(text).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)));
                });
            });
        });
    }

    /// The whole of the selected line.
    fn detail_ui(&self, ui: &mut egui::Ui, tokens: &DesignTokens) {
        let Some(line) = &self.selected else { return };
        let frame = egui::Frame::new().fill(tokens.ink(Ink::Panel)).inner_margin(margin(18, 12));
        let panel = egui::Panel::bottom("log line").resizable(true).default_size(150.0).size_range(80.0..=420.0).frame(frame);
        panel.show(ui, |ui| {
            egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| {
                ui.label(
                    RichText::new(format!("{} · {}", figures::instant(line.at_ns), visible(&line.target))).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Dim)),
                );
                ui.add(egui::Label::new(RichText::new(visible(&line.message)).color(tokens.ink(Ink::Text))).wrap());
                for (name, value) in &line.fields {
                    ui.horizontal_wrapped(|ui| {
                        ui.label(RichText::new(visible(name)).font(fonts::data(12.0)).color(tokens.ink(Ink::Dim)));
                        ui.add(egui::Label::new(RichText::new(visible(value)).font(fonts::data(12.0)).color(tokens.ink(Ink::Text))).wrap());
                    });
                }
            });
        });
    }
}

fn level_ink(level: LogLevel) -> Ink {
    match level {
        LogLevel::Error => Ink::Bad,
        LogLevel::Warn => Ink::Warn,
        LogLevel::Info => Ink::Text,
        LogLevel::Debug | LogLevel::Trace => Ink::Dim,
    }
}

impl View for LogView {
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction> {
        let tokens = context.tokens;
        self.head_ui(ui, context);
        self.detail_ui(ui, tokens);
        if self.shown.is_empty() {
            let state = if self.page.lines.is_empty() {
                let lines = [
                    "What it notices about sources, the engine and itself stands here; SWITCHBOARD_LOG sets what also goes to the terminal",
                    "Logs of services stand elsewhere: Find looks through all of them, and the panel of a service on the map has its own",
                ];
                EmptyState::new("Switchboard has said nothing yet", &lines).button("Find in the logs of services…", ViewAction::Run(UiCommand::Find))
            } else {
                EmptyState::new("No line passes", &["Choose a lower level or another text", "Logs of services are not among these lines: Find has them"])
            };
            self.actions.extend(empty_state_ui(ui, &state, tokens));
        } else {
            let (shown, now_ns) = (&self.shown, context.now_ns);
            let table = Table { name: "log", columns: &COLUMNS, num_rows: shown.len(), selected: self.selected_row(), order: ORDER };
            let response = table.ui(ui, &mut self.table, tokens, |row, index| {
                let line = &shown[index];
                let (time, what) = (figures::when(line.at_ns, now_ns).in_12(), in_short(line));
                row.data(0, &time, Ink::Dim);
                row.words(1, line.level.text(), level_ink(line.level));
                row.words(2, &visible(&line.target), Ink::Dim);
                row.words(3, &visible(&what), if line.level >= LogLevel::Info { Ink::Text } else { Ink::Dim });
                format!("{} {time} {}", line.level.text(), visible(&what))
            });
            if let Some(index) = response.clicked {
                self.selected = self.shown.get(index).cloned();
            }
        }
        std::mem::take(&mut self.actions)
    }

    fn goto(&mut self, _target: &Target) {}

    fn run(&mut self, command: UiCommand) -> bool {
        if command == UiCommand::ClearSelection {
            self.selected = None;
            return true;
        }
        let Some(row) = self.table.run(command, self.selected_row(), self.shown.len()) else { return false };
        self.selected = self.shown.get(row).cloned();
        true
    }

    fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        match command {
            _ if (command.copies() || command == UiCommand::Open) && self.selected.is_none() => Some(Cow::Borrowed("no line is selected")),
            UiCommand::Open => Some(Cow::Borrowed("all of the line is shown")),
            _ => None,
        }
    }

    fn copy(&self, _context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        self.selected.as_ref().map(|line| copied(line, form))
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        vec![(UiCommand::WalkDown, "lines"), (UiCommand::CopyText, "copy"), (UiCommand::ClearSelection, "clear")]
    }
}
