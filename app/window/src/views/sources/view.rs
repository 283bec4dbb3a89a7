//! Draws the list of sources and answers its keys.

use std::borrow::Cow;
use std::sync::Arc;

use egui::{Align, Layout, Stroke};
use serde_json::json;
use switchboard_engine::view::{Answer, PointQuery, Query, RefusalView};

use super::{
    detail_ui::{Detail, DetailAction},
    form::SourceForm,
    form_ui::{FormAction, form_ui},
    list::{SourceRow, counts, kind_word, rows, says, sort_key},
};
use crate::{
    SessionCommand, figures, fonts,
    ink::signs::phase_word,
    sanitise::visible,
    theme::Ink,
    view::{CopyForm, Seen, Slot, Target, UiCommand, View, ViewAction, ViewContext},
    widgets::{
        empty_state::{EmptyState, empty_state_ui},
        kept_order::KeptOrder,
        split::beside_pt,
        table::{Column, Order, Row, Table, TableState, Width},
        view_head::{told_in_ui, view_head_ui},
    },
};
use switchboard_desk::sources::Family;
use switchboard_desk::sources_desk::SourcesCommand;

const COLUMNS: [Column; 6] = [
    Column::left("source", Width::Share(0.9)),
    Column::left("kind", Width::Points(96.0)).whole(),
    Column::left("state", Width::Points(96.0)).whole(),
    Column::right("since", Width::Points(54.0)),
    Column::right("received", Width::Points(84.0)),
    Column::left("what it says", Width::Share(1.4)),
];
/// Below this width kind, age and figures are left out, points: the detail has them, and names keep their room.
const WIDE_FROM_PT: f32 = 620.0;
const NARROW: [Column; 3] =
    [Column::left("source", Width::Share(0.9)), Column::left("state", Width::Points(96.0)).whole(), Column::left("what it says", Width::Share(1.4))];
/// Refused connections that are listed at most.
const REFUSED_MAX: usize = 50;
const PANEL_PT: f32 = 380.0;

/// The sources view.
#[derive(Default)]
pub(crate) struct SourcesView {
    rows: KeptOrder<String, SourceRow>,
    refused: Vec<RefusalView>,
    refused_of: u64,
    selected: Option<String>,
    form: Option<SourceForm>,
    /// The form is to be saved, if what is typed makes sense.
    saves: bool,
    /// A source that is to be removed, once that is said again.
    removing: Option<String>,
    table: TableState,
    actions: Vec<ViewAction>,
}

impl SourcesView {
    fn selected_row(&self) -> Option<usize> {
        self.rows.row_of(self.selected.as_ref()?)
    }

    fn row(&self) -> Option<&SourceRow> {
        self.rows.item(self.selected_row()?)
    }

    fn send(&mut self, command: SourcesCommand) {
        self.actions.push(ViewAction::Send(SessionCommand::Sources(Box::new(command))));
    }

    fn refresh(&mut self, context: &mut ViewContext<'_>) {
        let standing = context.asker.standing(Slot::Refused, &Query::Point(PointQuery::Refused { limit: REFUSED_MAX }));
        if let Some(Answer::Refused(refused)) = standing.answer
            && self.refused_of != standing.revision
        {
            self.refused_of = standing.revision;
            self.refused.clone_from(refused);
        }
        let refused = &self.refused;
        let in_order = |rows: &[SourceRow]| (0..rows.len()).collect();
        let sort_key = |row: &SourceRow, title: &'static str| sort_key(row, title, refused);
        self.rows.take(&Arc::new(rows(context.snapshot, context.sources)), &self.table, |row| row.name.clone(), in_order, sort_key);
        // A form that was saved is done.
        let said_well = matches!(&context.sources.said, Some((_, false)));
        let is_there = |form: &SourceForm| form.source().ok().is_some_and(|source| self.rows.items().any(|row| row.profile.as_ref() == Some(&source)));
        if said_well && self.form.as_ref().is_some_and(is_there) {
            self.form = None;
        }
    }

    fn head_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>) {
        let tokens = context.tokens;
        view_head_ui(ui, "sources head", tokens, |ui| {
            // What came of a change stands where the profile's file does otherwise.
            let place = || match &context.sources.path {
                Some(path) => format!("kept in {}", path.display()),
                None => "no profile file: changes last as long as this session".to_owned(),
            };
            let (note, ink) = match &context.sources.said {
                Some((said, is_bad)) => (said.clone(), if *is_bad { Ink::Bad } else { Ink::Dim }),
                None => (place(), Ink::Dim),
            };
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.menu_button("Add a source…", |ui| {
                    for family in Family::menu() {
                        if ui.button(family.word).clicked() {
                            self.begin(SourceForm::new(family.kind));
                            ui.close();
                        }
                    }
                });
                let live = self.rows.items().filter(|row| row.live.as_ref().is_some_and(|live| live.phase == switchboard_model::SourcePhase::Live)).count();
                let title = format!("{}, {live} live", figures::things(self.rows.len() as u64, "source", "sources"));
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| told_in_ui(ui, &title, &visible(&note), ink, tokens));
            });
        });
    }

    fn begin(&mut self, form: SourceForm) {
        self.removing = None;
        self.form = Some(form);
    }

    fn side_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>) {
        let tokens = context.tokens;
        let frame = egui::Frame::new().fill(tokens.ink(Ink::Panel)).stroke(Stroke::NONE);
        let room_pt = ui.available_width();
        let most_pt = (room_pt * 0.6).max(260.0);
        let panel = egui::Panel::right("source").resizable(true).default_size(beside_pt(room_pt, PANEL_PT)).size_range(240.0..=most_pt).frame(frame);
        panel.show(ui, |ui| {
            if let Some(form) = &mut self.form {
                match form_ui(ui, form, std::mem::take(&mut self.saves), context) {
                    Some(FormAction::Save(source)) => {
                        let before = form.name_before().map(str::to_owned);
                        self.selected = Some(source.name().to_owned());
                        self.send(SourcesCommand::Put { before, source });
                    }
                    Some(FormAction::Test(source)) => self.send(SourcesCommand::Test(source)),
                    Some(FormAction::CancelTest) => self.send(SourcesCommand::CancelTest),
                    Some(FormAction::Close) => self.form = None,
                    None => {}
                }
                return;
            }
            let row = self.row();
            let detail = Detail { row, refused: &self.refused, removing: self.removing.as_deref(), context };
            match detail.ui(ui) {
                Some(DetailAction::Edit) => self.edit(),
                Some(DetailAction::Test) => self.test(),
                Some(DetailAction::CancelTest) => self.send(SourcesCommand::CancelTest),
                Some(DetailAction::Remove) => self.remove(),
                Some(DetailAction::Keep) => self.removing = None,
                None => {}
            }
        });
    }

    fn edit(&mut self) {
        if let Some(source) = self.row().and_then(|row| row.profile.as_ref()) {
            let form = SourceForm::of(source);
            self.begin(form);
        }
    }

    fn test(&mut self) {
        if let Some(source) = self.row().and_then(|row| row.profile.clone()) {
            self.send(SourcesCommand::Test(source));
        }
    }

    /// The first time asks, the second time does.
    fn remove(&mut self) {
        let Some(name) = self.row().filter(|row| row.profile.is_some()).map(|row| row.name.clone()) else { return };
        if self.removing.as_ref() == Some(&name) {
            self.removing = None;
            self.send(SourcesCommand::Remove(name));
        } else {
            self.removing = Some(name);
        }
    }

    fn table_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>) {
        let (rows, refused) = (&self.rows, &self.refused);
        let is_wide = ui.available_width() >= WIDE_FROM_PT;
        let columns: &[Column] = if is_wide { &COLUMNS } else { &NARROW };
        let table = Table { name: "sources", columns, num_rows: rows.len(), selected: self.selected_row(), order: Order::Rows { natural: None } };
        let response = table.ui(ui, &mut self.table, context.tokens, |cell, index| {
            let Some(row) = rows.item(index) else { return String::new() };
            let (word, ink) = row.live.as_ref().map_or(("not heard of", Ink::Dim), |live| phase_word(live.phase));
            let age = row.live.as_ref().map_or_else(|| "–".to_owned(), |live| figures::age(context.now_ns.saturating_sub(live.at_ns)));
            let received = row.live.as_ref().map_or_else(|| "–".to_owned(), |live| figures::count(live.counts.received));
            let (says, is_refusing) = says(row, refused);
            let says_in = |cell: &Row<'_>, column: usize| {
                let color = cell.tokens.ink(if is_refusing { Ink::Warn } else { Ink::Dim });
                cell.standing_in(column, cell.cell(column), ["", &visible(&says)], &fonts::words(12.5), color);
            };
            cell.strong(0, &visible(&row.name), Ink::Text);
            if is_wide {
                cell.words(1, kind_word(row.kind), Ink::Dim);
                cell.words(2, word, ink);
                cell.data(3, &age, Ink::Dim);
                cell.data(4, &received, Ink::Text);
                says_in(cell, 5);
            } else {
                cell.words(1, word, ink);
                says_in(cell, 2);
            }
            format!("source {}, {}, {word} for {age}, {received} received, {}", visible(&row.name), kind_word(row.kind), visible(&says))
        });
        if let Some(index) = response.clicked.or(response.opened) {
            self.select(index);
        }
        if response.opened.is_some() {
            self.edit();
        }
    }

    fn select(&mut self, index: usize) {
        self.selected = self.rows.key(index).cloned();
        self.removing = None;
    }
}

impl View for SourcesView {
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction> {
        self.refresh(context);
        self.head_ui(ui, context);
        if self.form.is_some() || self.rows.len() > 0 || !self.refused.is_empty() {
            self.side_ui(ui, context);
        }
        if self.rows.len() == 0 {
            self.actions.extend(empty_state_ui(ui, &no_source(), context.tokens));
        } else {
            self.table_ui(ui, context);
        }
        std::mem::take(&mut self.actions)
    }

    fn goto(&mut self, target: &Target) {
        if let Target::Source(name) = target {
            self.selected = Some(name.clone());
            self.form = None;
            self.removing = None;
        }
    }

    fn target(&self) -> Option<Target> {
        self.selected.clone().map(Target::Source)
    }

    fn seen(&self) -> Seen<'_> {
        self.row().and_then(|row| row.profile.as_ref()).map_or(Seen::Nothing, Seen::Source)
    }

    fn has_form(&self) -> bool {
        self.form.is_some()
    }

    fn run(&mut self, command: UiCommand) -> bool {
        match command {
            UiCommand::AddSource => self.begin(SourceForm::new(Family::menu()[0].kind)),
            UiCommand::SaveSource => self.saves = self.form.is_some(),
            UiCommand::Open if self.form.is_some() => self.saves = true,
            UiCommand::EditSource | UiCommand::Open => self.edit(),
            UiCommand::TestSource => self.test(),
            UiCommand::RemoveSource => self.remove(),
            UiCommand::ClearSelection => {
                if self.form.take().is_none() && self.removing.take().is_none() {
                    self.selected = None;
                }
            }
            command => {
                let Some(row) = self.table.run(command, self.selected_row(), self.rows.len()) else { return false };
                self.select(row);
            }
        }
        true
    }

    fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        let needs_one = matches!(command, UiCommand::EditSource | UiCommand::TestSource | UiCommand::RemoveSource | UiCommand::Open);
        match self.row() {
            _ if command == UiCommand::SaveSource => self.form.is_none().then_some(Cow::Borrowed("no form is open")),
            None if needs_one || command.copies() => Some(Cow::Borrowed("no source is selected")),
            Some(row) if needs_one && row.profile.is_none() => Some(Cow::Borrowed("the profile does not have this source")),
            _ => None,
        }
    }

    fn copy(&self, _context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        let row = self.row()?;
        let live = row.live.as_ref();
        let (word, _) = live.map_or(("not heard of", Ink::Dim), |live| phase_word(live.phase));
        let figures: Vec<(&str, String)> = live.map(|live| counts(&live.counts)).unwrap_or_default();
        let (detail, next_step) = live.map_or(("", ""), |live| (live.detail.as_str(), live.next_step.as_str()));
        let at = live.map_or_else(|| "unknown".to_owned(), |live| figures::instant(live.at_ns));
        let head =
            [("source", row.name.as_str()), ("kind", kind_word(row.kind)), ("state", word), ("since", &at), ("detail", detail), ("next step", next_step)];
        Some(match form {
            CopyForm::Text => {
                let lines = head.iter().map(|(name, value)| format!("{name}: {value}")).chain(figures.iter().map(|(name, n)| format!("{name}: {n}")));
                lines.collect::<Vec<_>>().join("\n")
            }
            CopyForm::Json => {
                let counts = live.map(|live| serde_json::to_value(live.counts).unwrap_or_default());
                let by_kind = live.map(|live| live.by_kind.iter().map(|(kind, counts)| (kind.name(), counts)).collect::<std::collections::BTreeMap<_, _>>());
                json!({
                    "source": row.name, "kind": kind_word(row.kind), "state": word, "since": at, "detail": detail, "next_step": next_step,
                    "counts": counts, "by_kind": by_kind,
                })
                .to_string()
            }
            CopyForm::Markdown => {
                let lines =
                    head.iter().skip(1).map(|(name, value)| format!("- {name}: {value}")).chain(figures.iter().map(|(name, n)| format!("- {name}: {n}")));
                format!("**{}**\n\n{}", row.name, lines.collect::<Vec<_>>().join("\n"))
            }
        })
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        if self.form.is_some() {
            return vec![(UiCommand::SaveSource, "save"), (UiCommand::ClearSelection, "close the form")];
        }
        vec![
            (UiCommand::WalkDown, "sources"),
            (UiCommand::AddSource, "add"),
            (UiCommand::EditSource, "edit"),
            (UiCommand::TestSource, "test"),
            (UiCommand::RemoveSource, "remove"),
        ]
    }
}

fn no_source() -> EmptyState {
    let line = format!("{}: what they tell appears in every view", one_of_each());
    EmptyState::new("No source yet", &[&line]).button(&format!("Add {}…", Family::menu()[0].one), ViewAction::Run(UiCommand::AddSource))
}

/// What can be a source, as the beginning of a sentence.
fn one_of_each() -> String {
    let families = Family::ALL.map(|family| family.one);
    let [others @ .., last] = &families;
    let all = format!("{} or {last}", others.join(", "));
    all[..1].to_uppercase() + &all[1..]
}
