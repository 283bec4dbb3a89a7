//! The groups view: a table, and what is known of the selected group.

use std::borrow::Cow;
use std::sync::Arc;

use egui::{Rect, Sense, Stroke, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_desk::sources::Family;
use switchboard_engine::view::{Answer, GroupDetail, GroupView, PointQuery, Query, Snapshot};

use super::{
    group_detail,
    rows::{COURSE_NS, Courses, GroupKey, natural, reach_words, seconds, sort_key, summary, verdict},
};
use crate::{
    figures, fonts,
    ink::{Tone, glyph, tone_inks},
    sanitise::visible,
    theme::{DesignTokens, Ink},
    view::{CopyForm, Slot, Target, UiCommand, View, ViewAction, ViewContext, ViewKind},
    widgets::{
        detail::{self, Detail},
        empty_state::{EmptyState, empty_state_ui},
        heat_strip::{self, PartitionCell},
        kept_order::KeptOrder,
        sparkline, split,
        table::{Column, Order, Row, Table, TableState, Way, Width},
        view_head::{told_ui, view_head_ui},
    },
    words::groups::{cells, num_members_words},
};

/// Width of the detail at first, points.
const DETAIL_PT: f32 = 390.0;

const COLUMNS: [Column; 7] = [
    Column::left("group", Width::Share(0.22)),
    Column::left("topic", Width::Share(0.25)),
    Column::right("behind", Width::Points(72.0)),
    Column::right("in time", Width::Points(66.0)),
    Column::left("verdict", Width::Share(0.53)),
    Column::right("members", Width::Points(62.0)),
    Column::left("lag, 15 min", Width::Points(86.0)),
];

/// Below this width members and course are left out, points: the detail has them.
const WIDE_FROM_PT: f32 = 760.0;
/// Columns that are left then.
const NARROW: [Column; 5] = [
    Column::left("group", Width::Share(0.28)),
    Column::left("topic", Width::Share(0.26)),
    Column::right("behind", Width::Points(56.0)),
    Column::right("in time", Width::Points(56.0)),
    Column::left("verdict", Width::Share(0.46)),
];

/// The groups view.
#[derive(Default)]
pub(crate) struct GroupsView {
    courses: Courses,
    /// How many groups there are, and how they stand.
    summary: (String, String),
    generation: Option<u64>,
    order: KeptOrder<GroupKey, GroupView>,
    selected: Option<GroupKey>,
    table: TableState,
    /// The selected group, for copying.
    opened: Option<Opened>,
}

struct Opened {
    view: GroupView,
    detail: Option<GroupDetail>,
    words: Detail,
}

impl View for GroupsView {
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction> {
        let tokens = context.tokens;
        ui.painter().rect_filled(ui.max_rect(), 0.0, tokens.ink(Ink::Background));
        let snapshot = context.snapshot;
        if self.generation != Some(snapshot.generation) {
            self.generation = Some(snapshot.generation);
            self.summary = summary(&snapshot.groups);
        }
        if snapshot.groups.is_empty() {
            return empty_state_ui(ui, &no_groups(snapshot), tokens).into_iter().collect();
        }
        self.arrange(&snapshot.groups);
        self.open(context);
        view_head_ui(ui, "groups head", tokens, |ui| {
            ui.horizontal(|ui| told_ui(ui, &self.summary.0, &self.summary.1, tokens));
        });
        let mut actions: Vec<ViewAction> = Vec::new();
        if let Some(opened) = &self.opened {
            actions.extend(detail_ui(ui, opened, &self.courses, context));
        }
        self.table_ui(ui, context);
        actions
    }

    fn goto(&mut self, target: &Target) {
        if let Target::Group { cluster, group, topic } = target {
            let wanted = GroupKey { cluster: cluster.clone(), group: group.clone(), topic: topic.clone() };
            if let Some(row) = self.order.row_of(&wanted) {
                self.table.reveal(row);
            }
            self.selected = Some(wanted);
        }
    }

    fn target(&self) -> Option<Target> {
        let key = self.selected.clone()?;
        Some(Target::Group { cluster: key.cluster, group: key.group, topic: key.topic })
    }

    fn run(&mut self, command: UiCommand) -> bool {
        self.order.walk(command, &mut self.table, &mut self.selected)
    }

    fn copy(&self, _context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        let opened = self.opened.as_ref()?;
        match form {
            CopyForm::Text => Some(opened.words.to_text()),
            CopyForm::Markdown => Some(opened.words.to_markdown()),
            CopyForm::Json => serde_json::to_string_pretty(&group_detail::to_json(&opened.view, opened.detail.as_ref())).ok(),
        }
    }

    fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        match command {
            _ if (command.copies() || command == UiCommand::Open) && self.selected.is_none() => Some(Cow::Borrowed("no group is selected")),
            UiCommand::Open => Some(Cow::Borrowed("its detail is open")),
            _ => None,
        }
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        vec![(UiCommand::WalkDown, "rows"), (UiCommand::CopyText, "copy"), (UiCommand::ClearSelection, "clear")]
    }
}

impl GroupsView {
    /// Takes in a snapshot, whether the view is shown or not: so its courses are there when it is opened.
    pub(crate) fn take(&mut self, snapshot: &Snapshot) {
        self.courses.take(&snapshot.groups, snapshot.started_ns, snapshot.as_of_ns);
    }

    /// Puts the rows in order, unless the pointer rests on them: what is pointed at does not move.
    fn arrange(&mut self, groups: &Arc<Vec<GroupView>>) {
        let courses = &self.courses;
        self.order.take(groups, &self.table, GroupKey::of, natural, |group, title| sort_key(group, title, courses.of(group)));
        if let Some(selected) = &self.selected
            && selected.cluster.is_none()
            && let Some(found) = groups.iter().find(|group| selected.names(group))
        {
            self.selected = Some(GroupKey::of(found));
        }
    }

    fn selected_row(&self) -> Option<usize> {
        self.order.row_of(self.selected.as_ref()?)
    }

    /// Asks for the selected group.
    fn open(&mut self, context: &mut ViewContext<'_>) {
        let Some(key) = &self.selected else {
            self.opened = None;
            return;
        };
        let Some(view) = context.snapshot.groups.iter().find(|group| key.names(group)) else {
            self.opened = None;
            return;
        };
        let query = Query::Point(PointQuery::Group { cluster: view.cluster.clone(), group: view.group.clone(), topic: view.topic.clone() });
        let standing = if context.is_paused { context.asker.once(Slot::GroupOpen, &query) } else { context.asker.standing(Slot::GroupOpen, &query) };
        let detail = match standing.answer {
            Some(Answer::Group(Some(detail))) if standing.is_of_this_question => Some((**detail).clone()),
            _ => None,
        };
        let words = group_detail::detail(view, detail.as_ref(), context.snapshot, context.now_ns);
        self.opened = Some(Opened { view: view.clone(), detail, words });
    }

    fn table_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>) {
        let is_wide = ui.available_width() >= WIDE_FROM_PT;
        let columns: &[Column] = if is_wide { &COLUMNS } else { &NARROW };
        let table = Table {
            name: "groups",
            columns,
            num_rows: self.order.len(),
            selected: self.selected_row(),
            order: Order::Rows { natural: Some(("verdict", Way::Down)) },
        };
        let (order, courses) = (&self.order, &self.courses);
        let mut state = std::mem::take(&mut self.table);
        let response = table.ui(ui, &mut state, context.tokens, |row, index| match order.item(index) {
            Some(group) if context.news.is_fresh_group(group) => {
                row.mark_new();
                row_ui(row, group, is_wide.then(|| courses.of(group)), context.as_of_ns) + ", new"
            }
            Some(group) => row_ui(row, group, is_wide.then(|| courses.of(group)), context.as_of_ns),
            None => String::new(),
        });
        self.table = state;
        if let Some(row) = response.clicked {
            self.selected = self.order.key(row).cloned();
        }
    }
}

/// Paints a group; without a course there is room for the first columns only.
fn row_ui(row: &Row<'_>, group: &GroupView, course: Option<&[(i64, Option<f64>)]>, as_of_ns: i64) -> String {
    let topic = if group.topic.is_empty() { "not told" } else { &group.topic };
    let (name, topic) = (visible(&group.group), visible(topic));
    let judged = verdict(group);
    let ink = if judged.tone == Tone::Quiet { Ink::Dim } else { tone_inks(judged.tone).0 };
    row.strong(0, &name, Ink::Text);
    row.words(1, &topic, Ink::Dim);
    let lag = group.lag.map_or_else(|| "unknown".to_owned(), figures::count);
    let behind_ink = if judged.tone > Tone::Unknown { ink } else { Ink::Text };
    row.data(2, &lag, if group.lag.is_some() { behind_ink } else { Ink::Faint });
    let time = seconds(group);
    row.data(3, &time, if group.lag_s.is_some() { behind_ink } else { Ink::Faint });
    let mut cell = row.cell(4);
    if let Some(sign) = judged.glyph {
        glyph::paint(row.painter(), sign, pos2(cell.left() + 5.0, cell.center().y), 4.5, row.tokens.ink(ink));
        cell.min.x += 16.0;
    }
    row.standing_in(4, cell, [group.verdict.word(), &judged.text], &fonts::words(12.5), row.tokens.ink(ink));
    let members = num_members_words(group);
    if let Some(course) = course {
        row.data(5, &members, if group.members.is_some() || !group.readers.is_empty() { Ink::Dim } else { Ink::Faint });
        course_ui(
            row.painter(),
            row.cell(6).shrink2(vec2(0.0, 6.0)),
            course,
            as_of_ns,
            row.tokens.ink(if judged.tone > Tone::Unknown { ink } else { Ink::Faint }),
        );
    }
    format!("group {name} on {topic}, {lag} behind, {time}, {}, members {members}", judged.text)
}

fn course_ui(painter: &egui::Painter, room: Rect, course: &[(i64, Option<f64>)], as_of_ns: i64, color: egui::Color32) {
    if room.width() < 12.0 || course.len() < 2 {
        return;
    }
    let runs = sparkline::runs(room, as_of_ns.saturating_sub(COURSE_NS), as_of_ns, course.iter().copied());
    sparkline::paint(painter, runs, color);
}

fn detail_ui(ui: &mut egui::Ui, opened: &Opened, courses: &Courses, context: &ViewContext<'_>) -> Option<ViewAction> {
    let tokens = context.tokens;
    split::detail_ui(ui, "group", DETAIL_PT, tokens, |ui| {
        let mut asked = detail::head_ui(ui, &opened.words, tokens);
        let (lag, rest) = opened.words.sections.split_at(opened.words.sections.len().min(1));
        for section in lag {
            asked = detail::section_ui(ui, section, tokens).or(asked);
        }
        course_section_ui(ui, opened, courses, context);
        if let Some(group) = &opened.detail {
            partitions_ui(ui, &cells(group, context.snapshot, context.now_ns), tokens);
        }
        for section in rest {
            asked = detail::section_ui(ui, section, tokens).or(asked);
        }
        asked
    })
}

/// How the lag went: of the engine's history where it reaches back further than what was seen here.
fn course_section_ui(ui: &mut egui::Ui, opened: &Opened, courses: &Courses, context: &ViewContext<'_>) {
    let told: Vec<(i64, Option<f64>)> =
        opened.detail.iter().flat_map(|detail| &detail.history).map(|point| (point.at_ns, point.lag.map(|lag| lag as f64))).collect();
    let seen = courses.of(&opened.view);
    let first = |course: &[(i64, Option<f64>)]| course.first().map_or(i64::MAX, |(at_ns, _)| *at_ns);
    let course = if first(&told) <= first(seen) { told.as_slice() } else { seen };
    if course.len() < 2 {
        return;
    }
    let most = course.iter().filter_map(|(_, lag)| *lag).fold(0.0, f64::max);
    let reach = reach_words(course, context.as_of_ns).map(|words| format!(" · {words}")).unwrap_or_default();
    let note = format!("15 min{reach} · at most {}", figures::count(most as u64));
    detail::framed_ui(ui, "How it went", &note, context.tokens, |ui| {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 44.0), Sense::hover());
        ui.painter().hline(rect.x_range(), rect.bottom() - 0.5, Stroke::new(1.0, context.tokens.ink(Ink::Hairline)));
        let tone = verdict(&opened.view).tone;
        let ink = if tone > Tone::Unknown { tone_inks(tone).0 } else { Ink::Dim };
        course_ui(ui.painter(), rect, course, context.as_of_ns, context.tokens.ink(ink));
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("Lag over {note}")));
    });
}

/// A cell a partition.
fn partitions_ui(ui: &mut egui::Ui, cells: &[PartitionCell], tokens: &DesignTokens) {
    if cells.is_empty() {
        return;
    }
    let note = figures::things(cells.len() as u64, "partition", "partitions");
    detail::framed_ui(ui, "Partitions", &note, tokens, |ui| {
        heat_strip::ui(ui, cells, tokens);
    });
}

fn no_groups(snapshot: &Snapshot) -> EmptyState {
    let has_broker = snapshot.sources.iter().any(|source| source.kind.has_channels());
    let text = if has_broker {
        "A broker is among the sources; groups appear once their offsets are read, or once one commits".to_owned()
    } else {
        format!("Add {}: its groups appear here with their lag. Observing leaves no trace on the broker", Family::one_with_channels())
    };
    EmptyState::new("No consumer groups yet", &[&text]).button("Show sources", ViewAction::Run(UiCommand::Show(ViewKind::Sources)))
}
