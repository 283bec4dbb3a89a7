//! The groups view: a table, and what is known of the selected group.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use egui::{Rect, Sense, Stroke, WidgetInfo, accesskit::Role, pos2, vec2};
use switchboard_desk::sources::Family;
use switchboard_engine::view::{Answer, GroupDetail, GroupView, PointQuery, Query, Snapshot};

use super::{
    group_detail,
    rows::{Courses, GroupKey, natural, seconds, sort_key, summary, verdict},
};
use crate::{
    figures, fonts,
    ink::{Tone, glyph, tone_inks},
    sanitise::visible,
    theme::{DesignTokens, Ink, ROW_HEIGHT_PT, TEXT_MIN_PT},
    view::{CopyForm, Slot, Target, UiCommand, View, ViewAction, ViewContext, ViewKind},
    widgets::{
        blocks::blocks_ui,
        detail::{self, Detail},
        empty_state::{EmptyState, empty_state_ui},
        heat_strip::{self, PartitionCell},
        kept_order::KeptOrder,
        sparkline::{self, Point},
        split,
        table::{Column, HEAD_PT, Order, Row, Table, TableState, Way, Width},
        time_axis::{self, TimeAxis, WHOLE_NS},
        view_head::{told_ui, view_head_ui},
    },
    words::groups::{cells, num_members_words},
};

/// Width of the detail at first, points.
const DETAIL_PT: f32 = 390.0;

const COLUMNS: [Column; 7] = [
    Column::left("group", Width::Share(0.16)),
    Column::left("topic", Width::Share(0.18)),
    Column::right("behind", Width::Points(72.0)),
    Column::right("in time", Width::Points(66.0)),
    Column::left("verdict", Width::Share(0.42)),
    Column::right("members", Width::Points(62.0)),
    Column::left("lag", Width::Share(0.24)).headed_by_view(),
];
/// The column of courses.
const COURSE: usize = 6;

/// Below this width members and course are left out, points: the detail has them.
const WIDE_FROM_PT: f32 = 760.0;
/// Groups whose beginnings are asked for at a time, one for each row in view.
const BEGUN_AT_ONCE: usize = 32;
/// Height of the chart of a group's course, points.
const CHART_PT: f32 = 88.0;
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
    /// Rows that were in view.
    visible: Range<usize>,
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
        self.begin_courses(context);
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
        let standing = context.asker.standing(Slot::GroupOpen, &query);
        let detail = match standing.answer {
            Some(Answer::Group(Some(detail))) if standing.is_of_this_question => Some((**detail).clone()),
            _ => None,
        };
        let words = group_detail::detail(view, detail.as_ref(), context.snapshot, context.now_ns);
        self.opened = Some(Opened { view: view.clone(), detail, words });
    }

    /// Asks how the groups in view went before the window looked.
    fn begin_courses(&mut self, context: &mut ViewContext<'_>) {
        for row in self.visible.clone().take(BEGUN_AT_ONCE) {
            let Some(group) = self.order.item(row).filter(|group| self.courses.lacks_beginning(group)) else { continue };
            let query = Query::Point(PointQuery::Group { cluster: group.cluster.clone(), group: group.group.clone(), topic: group.topic.clone() });
            let standing = context.asker.once(Slot::GroupCourse((row % BEGUN_AT_ONCE) as u8), &query);
            if let (true, Some(Answer::Group(detail))) = (standing.is_of_this_question, standing.answer) {
                self.courses.begin(group, detail.as_ref().map_or(&[], |detail| detail.history.as_slice()));
            }
        }
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
        let axis = courses.axis(context.now_ns);
        let (column, pointed) = (Cell::new(None), Cell::new(None));
        let mut state = std::mem::take(&mut self.table);
        let room = ui.available_rect_before_wrap();
        let response = table.ui(ui, &mut state, context.tokens, |row, index| {
            let Some(group) = order.item(index) else { return String::new() };
            let words = row_ui(row, group);
            if is_wide {
                column.set(Some(row.cell(COURSE).x_range()));
                let point = course_cell_ui(row, group, courses.of(group), axis);
                pointed.set(pointed.get().or(point));
            }
            if !context.news.is_fresh_group(group) {
                return words;
            }
            row.mark_new();
            words + ", new"
        });
        self.visible = response.visible.clone();
        if let Some(column) = column.get() {
            let head = Rect::from_x_y_ranges(column, egui::Rangef::new(room.top(), room.top() + HEAD_PT));
            time_axis::head_ui(ui.painter(), head, axis, "lag", context.tokens);
        }
        if let Some(point) = pointed.get() {
            pointed_ui(ui, point, room, response.visible.len(), axis, context.tokens);
        }
        self.table = state;
        if let Some(row) = response.clicked {
            self.selected = self.order.key(row).cloned();
        }
    }
}

/// Paints a group but for its course.
fn row_ui(row: &Row<'_>, group: &GroupView) -> String {
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
    if row.has(5) {
        row.data(5, &members, if group.members.is_some() || !group.readers.is_empty() { Ink::Dim } else { Ink::Faint });
    }
    format!("group {name} on {topic}, {lag} behind, {time}, {}, members {members}", judged.text)
}

/// Paints a group's course into its cell; what of it the pointer rests on.
fn course_cell_ui(row: &Row<'_>, group: &GroupView, course: &[(i64, Option<f64>)], axis: TimeAxis) -> Option<Point> {
    let tone = verdict(group).tone;
    let ink = if tone > Tone::Unknown { tone_inks(tone).0 } else { Ink::Faint };
    let runs = course_ui(row.painter(), row.cell(COURSE).shrink2(vec2(0.0, 6.0)), course, axis, row.tokens.ink(ink));
    sparkline::nearest(&runs, row.pointer_in(COURSE)?.x)
}

fn course_ui(painter: &egui::Painter, room: Rect, course: &[(i64, Option<f64>)], axis: TimeAxis, color: egui::Color32) -> Vec<sparkline::Run> {
    if room.width() < 12.0 || course.len() < 2 {
        return Vec::new();
    }
    let runs = sparkline::runs(room, axis, course.iter().copied());
    sparkline::paint(painter, &runs, color);
    runs
}

/// The reading that the pointer rests on: a line through all rows, for they share an axis, and what it was in words.
fn pointed_ui(ui: &egui::Ui, point: Point, table: Rect, num_rows: usize, axis: TimeAxis, tokens: &DesignTokens) {
    let rows = egui::Rangef::new(table.top() + HEAD_PT, (table.top() + HEAD_PT + num_rows as f32 * ROW_HEIGHT_PT).min(table.bottom()));
    time_axis::hair_ui(ui.painter(), point.at.x, rows, tokens);
    ui.painter().circle_filled(point.at, 2.5, tokens.ink(Ink::Text));
    time_axis::told_ui(ui.ctx(), ui.layer_id(), ui.scope_id().with("course"), &point_words(point, axis));
}

/// A reading in words: when, and how far behind.
fn point_words(point: Point, axis: TimeAxis) -> String {
    format!("{}\n{} behind", time_axis::instant_words(point.at_ns, axis), figures::count(point.value as u64))
}

fn detail_ui(ui: &mut egui::Ui, opened: &Opened, courses: &Courses, context: &ViewContext<'_>) -> Option<ViewAction> {
    let tokens = context.tokens;
    split::detail_ui(ui, "group", DETAIL_PT, tokens, |ui| {
        let asked = detail::head_ui(ui, &opened.words, tokens);
        let sections = &opened.words.sections;
        // Course and partitions stand behind the first section.
        let in_blocks = blocks_ui(ui, "group", sections.len() + 2, tokens, |ui, index| match index {
            0 => sections.first().and_then(|section| detail::section_ui(ui, section, tokens)),
            1 => {
                course_section_ui(ui, opened, courses, context);
                None
            }
            2 => {
                let cells = opened.detail.as_ref().map(|group| cells(group, context.snapshot, context.now_ns)).unwrap_or_default();
                partitions_ui(ui, &cells, tokens);
                None
            }
            _ => sections.get(index - 2).and_then(|section| detail::section_ui(ui, section, tokens)),
        });
        in_blocks.or(asked)
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
    let axis = TimeAxis::of(Some(first(course)), context.now_ns, WHOLE_NS);
    let most = course.iter().filter(|(at_ns, _)| *at_ns >= axis.from_ns).filter_map(|(_, lag)| *lag).fold(0.0, f64::max);
    let note = format!("{} · at most {}", axis.words(), figures::count(most as u64));
    detail::framed_ui(ui, "How it went", &note, context.tokens, |ui| {
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), CHART_PT + time_axis::FOOT_PT), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("Lag over the {note}")));
        chart_ui(ui, &response, rect, course, (axis, most), verdict(&opened.view).tone, context.tokens);
    });
}

/// The chart of a group's course: nothing and the most at its left, time below.
fn chart_ui(
    ui: &egui::Ui,
    response: &egui::Response,
    rect: Rect,
    course: &[(i64, Option<f64>)],
    (axis, most): (TimeAxis, f64),
    tone: Tone,
    tokens: &DesignTokens,
) {
    let painter = ui.painter();
    let label = |text: String| painter.layout_no_wrap(text, fonts::data(TEXT_MIN_PT), tokens.ink(Ink::Faint));
    let labels = [label(figures::count(most as u64)), label("0".to_owned())];
    let gutter = labels.iter().map(|galley| galley.size().x).fold(0.0, f32::max) + 8.0;
    let room = Rect::from_min_max(pos2(rect.left() + gutter, rect.top() + 6.0), pos2(rect.right(), rect.top() + CHART_PT));
    for (galley, y) in labels.into_iter().zip([room.top(), room.bottom()]) {
        painter.hline(room.x_range(), y, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
        painter.galley(pos2(room.left() - 8.0 - galley.size().x, y - galley.size().y / 2.0), galley, tokens.ink(Ink::Faint));
    }
    time_axis::foot_ui(painter, room.x_range(), room.bottom(), axis, tokens);
    let ink = if tone > Tone::Unknown { tone_inks(tone).0 } else { Ink::Dim };
    let runs = course_ui(painter, room, course, axis, tokens.ink(ink));
    if let Some(point) = response.hover_pos().and_then(|at| sparkline::nearest(&runs, at.x)) {
        time_axis::hair_ui(painter, point.at.x, room.y_range(), tokens);
        painter.circle_filled(point.at, 3.0, tokens.ink(ink));
        time_axis::told_ui(ui.ctx(), ui.layer_id(), response.id.with("reading"), &point_words(point, axis));
    }
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
