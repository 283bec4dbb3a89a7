//! The traces view: a list, an open trace, or a conversation.

use std::borrow::Cow;

use egui::{RichText, Stroke};
use switchboard_engine::view::{Answer, PointQuery, Query, ScanQuery, TraceOrder, TracePart, TraceRow, TraceView};
use switchboard_model::{CorrelationId, TraceId};

use super::{
    filter::{FilterState, parse_id},
    list::{TraceListState, filter_ui},
    open_trace::OpenTrace,
    span_detail,
    story::{ITEMS_MAX, Story, id_words},
    waterfall_ui::waterfall_ui,
};
use crate::{
    figures, fonts,
    sanitise::{elide_middle, visible},
    theme::{Ink, TEXT_HEADING_PT, TEXT_SMALL_PT},
    view::{CopyForm, Seen, Slot, StoredRecord, Target, UiCommand, View, ViewAction, ViewContext, ViewKind},
    widgets::{
        blocks::blocks_ui,
        detail,
        empty_state::{EmptyState, empty_state_ui},
        split,
    },
    words::traces::{part_took, trace_took},
};

/// An open trace is asked for anew each second, a longer one that many times less often.
const SPANS_A_SECOND: f64 = 5_000.0;
/// Width of the detail at first, points.
const DETAIL_PT: f32 = 380.0;
/// Of a service's name in the head; the figures behind it are never cut.
const SERVICE_CHARS: usize = 32;

/// The traces view.
#[derive(Default)]
pub(crate) struct TracesView {
    list: TraceListState,
    open: Option<OpenTrace>,
    story: Option<Story>,
    hides_detail: bool,
    asked: Vec<ViewAction>,
    /// Whether a replay stood in the last frame, or a record was being edited for one.
    replay_stands: bool,
}

impl View for TracesView {
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction> {
        let mut actions = std::mem::take(&mut self.asked);
        self.replay_stands = context.replay.stands();
        ui.painter().rect_filled(ui.max_rect(), 0.0, context.tokens.ink(Ink::Background));
        if self.open.is_some() {
            self.open_ui(ui, context, &mut actions);
        } else if self.story.is_some() {
            self.story_ui(ui, context, &mut actions);
        } else {
            self.list_ui(ui, context, &mut actions);
        }
        actions
    }

    fn goto(&mut self, target: &Target) {
        match target {
            Target::Trace { trace_id, span_id } => {
                self.list.selected = Some(*trace_id);
                match self.open.as_mut().filter(|open| open.trace_id == *trace_id) {
                    Some(open) => open.wanted = *span_id,
                    None => self.open = Some(OpenTrace::new(*trace_id, *span_id)),
                }
            }
            Target::Conversation(id) => {
                self.open = None;
                if self.story.as_ref().is_none_or(|story| story.id != *id) {
                    self.story = Some(Story::new(id.clone()));
                }
            }
            Target::Traces(filter) => {
                (self.open, self.story) = (None, None);
                self.list.filter = FilterState::from_filter(filter, self.list.filter.order);
            }
            _ => {}
        }
    }

    fn target(&self) -> Option<Target> {
        if let Some(open) = &self.open {
            let span_id = open.selected.map(|place| open.key(place)).filter(|key| !key.is_missing).map(|key| key.span_id);
            return Some(Target::Trace { trace_id: open.trace_id, span_id });
        }
        if let Some(story) = &self.story {
            return Some(Target::Conversation(story.id.clone()));
        }
        let Query::Scan(ScanQuery::Traces { filter, .. }) = self.list.filter.query(None) else { return None };
        Some(Target::Traces(filter))
    }

    fn run(&mut self, command: UiCommand) -> bool {
        match command {
            UiCommand::Open => return self.enter(),
            UiCommand::ClearSelection => return self.leave(),
            UiCommand::ReplayRecords => {
                let records = self.records();
                if !records.is_empty() {
                    self.asked.push(ViewAction::Goto(Target::Replay(records)));
                }
            }
            UiCommand::TracesNewest => self.order(TraceOrder::Newest),
            UiCommand::TracesSlowest => self.order(TraceOrder::Slowest),
            UiCommand::TracesFailed => self.order(TraceOrder::Failed),
            _ => {
                if let Some(open) = &mut self.open {
                    return open.run(command);
                }
                if let Some(story) = &mut self.story {
                    return story.order.walk(command, &mut story.table, &mut story.selected);
                }
                let num_rows = self.list.rows().len();
                let Some(row) = self.list.table.run(command, self.list.selected_row(), num_rows) else { return false };
                self.list.selected = self.list.rows().get(row).map(|row| row.trace_id);
            }
        }
        true
    }

    fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        let told = |reason: &'static str| Some(Cow::Borrowed(reason));
        match command {
            UiCommand::NextError | UiCommand::ToggleCriticalPath | UiCommand::ZoomTraceIn | UiCommand::ZoomTraceOut | UiCommand::FitTrace
                if self.open.is_none() =>
            {
                told("no trace is open")
            }
            UiCommand::ReplayRecords if self.open.is_none() && self.story.is_none() => told("no trace or conversation is open"),
            UiCommand::ReplayRecords if self.records().is_empty() => told("no stored record belongs to it"),
            // Where others shall go can not be asked beside it.
            UiCommand::ReplayRecords if self.replay_stands => told("a replay stands already: close it first"),
            UiCommand::NextError if self.open.as_ref().is_some_and(|open| open.tree.num_errors == 0) => told("nothing failed in this trace"),
            _ if command.copies() && self.open.is_none() && self.story.is_none() && self.list.selected_row().is_none() => told("no trace is selected"),
            UiCommand::Open if self.open.is_none() && self.story.is_none() && self.list.selected_row().is_none() => told("no trace is selected"),
            _ => None,
        }
    }

    fn copy(&self, _context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        if let Some(open) = &self.open {
            return copy_open(open, form);
        }
        if let Some(story) = &self.story {
            return match form {
                CopyForm::Json => serde_json::to_string_pretty(&story.to_json()).ok(),
                CopyForm::Text => Some(story.to_text()),
                CopyForm::Markdown => Some(format!("### Story of {}\n\n```\n{}```\n", id_words(&story.id), story.to_text())),
            };
        }
        let row = self.list.rows().get(self.list.selected_row()?)?;
        let (service, name) = (visible(&row.root_service), visible(&row.root_name));
        let line = format!("{service} {name}");
        let part = row.part.map(|part| format!("{} of it asked for · ", part_took(part))).unwrap_or_default();
        let figures = format!(
            "{part}{} · {} · {} failed · {}",
            trace_took(row),
            figures::things(u64::from(row.num_spans), "span", "spans"),
            row.num_errors,
            figures::instant(row.start_ns)
        );
        match form {
            CopyForm::Text => Some(format!("{line}\n{figures}\ntrace {}\n", row.trace_id)),
            CopyForm::Markdown => Some(format!("**{line}** · {figures} · trace `{}`\n", row.trace_id)),
            CopyForm::Json => serde_json::to_string_pretty(&serde_json::json!({
                "trace_id": row.trace_id.to_string(),
                "service": row.root_service,
                "operation": row.root_name,
                "root_received": row.has_root,
                "start": figures::instant(row.start_ns),
                "start_ns": row.start_ns,
                "duration_ns": row.duration_ns,
                "asked_for": row.part.map(part_json),
                "spans": row.num_spans,
                "failed_spans": row.num_errors,
                "services": row.services,
            }))
            .ok(),
        }
    }

    fn seen(&self) -> Seen<'_> {
        let span = self.open.as_ref().filter(|open| open.selected.is_some()).and_then(|open| open.span.as_deref());
        span.map_or(Seen::Nothing, Seen::Span)
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        if self.open.is_some() {
            let has_records = self.open.as_ref().is_some_and(|open| !open.view.records.is_empty());
            let replay = has_records.then_some((UiCommand::ReplayRecords, "replay"));
            let walk = [
                (UiCommand::WalkDown, "walk and fold"),
                (UiCommand::NextError, "next failure"),
                (UiCommand::ToggleCriticalPath, "critical path"),
                (UiCommand::ZoomTraceIn, "zoom"),
            ];
            return walk.into_iter().chain(replay).chain([(UiCommand::Open, "detail"), (UiCommand::Back, "back")]).collect();
        }
        vec![(UiCommand::WalkDown, "rows"), (UiCommand::Open, "open"), (UiCommand::TracesSlowest, "slowest"), (UiCommand::TracesFailed, "failed first")]
    }
}

/// The part of a trace that is asked for; what its sender has the wrong way round is no duration.
fn part_json(part: TracePart) -> serde_json::Value {
    let duration_ns = part.duration_ns.filter(|duration_ns| *duration_ns >= 0);
    serde_json::json!({ "span_id": part.span_id.to_string(), "duration_ns": duration_ns, "failed": part.is_failed })
}

/// Where a row of the list leads: to the part that is asked for.
fn list_target(row: &TraceRow) -> Target {
    Target::Trace { trace_id: row.trace_id, span_id: row.part.map(|part| part.span_id) }
}

fn copy_open(open: &OpenTrace, form: CopyForm) -> Option<String> {
    let detail = open.detail.as_ref().filter(|_| open.selected.is_some());
    match (form, detail, &open.span) {
        (CopyForm::Text, Some(detail), _) => Some(format!("{}\ntrace {}\n", detail.to_text(), open.trace_id)),
        (CopyForm::Markdown, Some(detail), _) => Some(format!("{}\ntrace `{}`\n", detail.to_markdown(), open.trace_id)),
        (CopyForm::Json, Some(_), Some(span)) => serde_json::to_string_pretty(&span_detail::to_json(span)).ok(),
        (CopyForm::Text, None, _) => Some(format!("trace {}\n{}\n", open.trace_id, summary(open))),
        (CopyForm::Markdown, None, _) => Some(format!("trace `{}` · {}\n", open.trace_id, summary(open))),
        (CopyForm::Json, _, _) => serde_json::to_string_pretty(&serde_json::json!({
            "trace_id": open.trace_id.to_string(),
            "start": figures::instant(open.tree.start_ns),
            "start_ns": open.tree.start_ns,
            "duration_ns": open.tree.end_ns.saturating_sub(open.tree.start_ns),
            "spans": open.tree.num_spans(),
            "failed_spans": open.tree.num_errors,
            "services": open.tree.services,
            "missing_parents": open.tree.num_missing,
        }))
        .ok(),
    }
}

/// `2.21 s · 24 spans · 7 services · 12 failed`.
fn summary(open: &OpenTrace) -> String {
    let tree = &open.tree;
    let mut parts = vec![
        figures::duration(tree.end_ns.saturating_sub(tree.start_ns)),
        figures::things(open.tree.num_spans(), "span", "spans"),
        figures::things(tree.services.len() as u64, "service", "services"),
    ];
    if tree.num_errors > 0 {
        parts.push(format!("{} failed", figures::count(u64::from(tree.num_errors))));
    }
    parts.join(" · ")
}

impl TracesView {
    /// Whether a tree is built beside the window, for tests and benches.
    pub(crate) fn is_computing(&self) -> bool {
        self.open.as_ref().is_some_and(OpenTrace::is_pending)
    }

    /// The records of the open trace or conversation.
    fn records(&self) -> Vec<StoredRecord> {
        match (&self.open, &self.story) {
            (Some(open), _) => open.view.records.iter().map(StoredRecord::of).collect(),
            (None, Some(story)) => story.records.clone(),
            (None, None) => Vec::new(),
        }
    }

    fn order(&mut self, order: TraceOrder) {
        (self.open, self.story) = (None, None);
        self.list.filter.order = order;
    }

    /// Opens what is selected, or shows its detail.
    fn enter(&mut self) -> bool {
        if let Some(open) = &mut self.open {
            let row = open.selected_row().map(|row| open.rows[row]);
            match row {
                Some(row) if matches!(row.of, super::waterfall::RowOf::Folded { .. }) => open.toggle(row),
                Some(_) => self.hides_detail = !self.hides_detail,
                None => return false,
            }
            return true;
        }
        let target = match &self.story {
            Some(story) => story.target(),
            None => self.list.selected_row().map(|row| list_target(&self.list.rows()[row])),
        };
        let is_some = target.is_some();
        self.asked.extend(target.map(ViewAction::Goto));
        is_some
    }

    /// Leaves what was entered last: the part, the selection, the trace, the conversation.
    fn leave(&mut self) -> bool {
        if let Some(open) = &mut self.open {
            if open.part.is_some() {
                open.part = None;
            } else if open.selected.is_some() {
                open.choose(None);
            } else {
                self.open = None;
            }
            return true;
        }
        let left = self.story.take().is_some() || self.list.selected.is_some();
        if !left {
            return false;
        }
        self.list.selected = None;
        true
    }

    fn list_ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let tokens = context.tokens;
        let query = self.list.filter.query(context.range.range(context.asked_at_ns));
        let standing = context.asker.standing(Slot::TraceList, &query);
        if let Some(Answer::Traces(list)) = standing.answer {
            self.list.take(list, standing.revision, standing.is_of_this_question);
        }
        let is_waiting = standing.is_waiting && standing.answer.is_none();
        let mut filter = self.list.filter.clone();
        let frame = egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 10, bottom: 8 });
        let done = frame.show(ui, |ui| filter_ui(ui, &mut filter, context.snapshot, context.now_ns, tokens)).inner;
        if done.follows_text
            && let Some(target) = followed(&filter.text)
        {
            filter.text.clear();
            actions.push(ViewAction::Goto(target));
        }
        self.list.filter = filter;
        ui.spacing_mut().item_spacing.y = 0.0;
        if self.list.rows().is_empty() {
            if !is_waiting {
                actions.extend(empty_state_ui(ui, &self.empty(context), tokens));
            }
            return;
        }
        let words = self.list.words(context.now_ns);
        egui::Panel::bottom("traces found")
            .exact_size(28.0)
            .frame(egui::Frame::new().inner_margin(egui::Margin::symmetric(18, 0)))
            .show_separator_line(false)
            .show(ui, |ui| {
                ui.painter().hline(ui.max_rect().x_range().expand(18.0), ui.max_rect().top(), Stroke::new(1.0, tokens.ink(Ink::Hairline)));
                ui.horizontal_centered(|ui| ui.add(egui::Label::new(RichText::new(&words).size(TEXT_SMALL_PT).color(tokens.ink(Ink::Faint))).truncate()));
            });
        let response = self.list.rows_ui(ui, context.now_ns, tokens);
        if let Some(row) = response.clicked {
            self.list.selected = self.list.rows().get(row).map(|row| row.trace_id);
        }
        if let Some(row) = response.opened.and_then(|row| self.list.rows().get(row)) {
            actions.push(ViewAction::Goto(list_target(row)));
        }
    }

    fn empty(&self, context: &ViewContext<'_>) -> EmptyState {
        if !self.list.filter.is_open() {
            let looked =
                self.list.list.as_ref().map_or_else(String::new, |list| format!("{} were looked at", figures::things(list.looked_at_spans, "span", "spans")));
            let state = EmptyState::new("No trace passes this filter", &["Clear it, choose a longer range, or wait for more", &looked]);
            let text = self.list.filter.text.trim();
            // Only operations are looked at here; a value stands elsewhere.
            return if text.is_empty() { state } else { state.button("Find it everywhere", ViewAction::Goto(Target::Find(text.to_owned()))) };
        }
        if context.snapshot.totals.oldest_span_ns.is_some() {
            let text = format!("Nothing ended in the chosen range ({})", context.range.text());
            return EmptyState::new("No traces in this time", &[&text]).button("Show the whole session", ViewAction::Run(UiCommand::RangeAll));
        }
        match context.options.otlp_setting() {
            Some(setting) => EmptyState::new("No traces yet", &["They appear with the first spans that a service sends. Set this where it runs", &setting])
                .button("Copy the OTLP endpoint", ViewAction::Run(UiCommand::CopyEndpoint)),
            None => EmptyState::new("No traces yet", &["The profile has no OTLP receiver, so none can come in. Add one under sources"])
                .button("Show sources", ViewAction::Run(UiCommand::Show(ViewKind::Sources))),
        }
    }

    fn story_ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let tokens = context.tokens;
        let Some(story) = &mut self.story else { return };
        let query = Query::Point(PointQuery::Conversation { id: story.id.clone(), limit: ITEMS_MAX });
        let standing = context.asker.standing(Slot::ConversationOpen, &query);
        let is_known = standing.is_of_this_question;
        if let (true, Some(Answer::Conversation(items))) = (is_known, standing.answer) {
            story.take(items, standing.revision);
        }
        if story.rows.is_empty() {
            if is_known {
                let title = format!("Nothing is known of {}", id_words(&story.id));
                let mut state = EmptyState::new(
                    &title,
                    &["No stored span, record or log carries this correlation id. It may have been evicted, not sampled, or not sent yet"],
                );
                if let CorrelationId::Wide(id) = story.id {
                    state = state.button("Look for a trace of this id", ViewAction::Goto(Target::Trace { trace_id: TraceId(id), span_id: None }));
                }
                state = state.button("Find it as text", ViewAction::Goto(Target::Find(id_words(&story.id))));
                actions.extend(empty_state_ui(ui, &state, tokens));
            }
            return;
        }
        actions.extend(story.ui(ui, context.now_ns, tokens));
    }

    fn open_ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let tokens = context.tokens;
        let Some(open) = &mut self.open else { return };
        let query = Query::Point(PointQuery::Trace { trace_id: open.trace_id });
        let anew_every_s = (open.view.spans.len() as f64 / SPANS_A_SECOND).max(1.0);
        let standing = context.asker.standing_each(Slot::TraceOpen, &query, anew_every_s);
        // Another trace is never drawn under this one's name.
        let is_known = standing.is_of_this_question;
        if let (true, Some(Answer::Trace(view))) = (is_known, standing.answer) {
            if view.spans.is_empty() {
                actions.extend(empty_state_ui(ui, &not_stored(open.trace_id, view), tokens));
                return;
            }
            let ctx = ui.ctx().clone();
            open.take(view, standing.revision, context.now_ns, (!context.in_place).then_some(&ctx));
            if open.is_pending() && open.view.spans.is_empty() {
                let title = format!("{} are put in order", figures::things(view.spans.len() as u64, "span", "spans"));
                actions.extend(empty_state_ui(ui, &EmptyState::new(&title, &[]), tokens));
            }
        }
        if open.view.spans.is_empty() {
            return;
        }
        let mut leaves = false;
        let frame = egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 8, bottom: 6 });
        frame.show(ui, |ui| leaves = head_ui(ui, open, tokens));
        if !self.hides_detail
            && let Some(detail) = open.detail.take()
        {
            let asked = split::detail_ui(ui, "trace", DETAIL_PT, tokens, |ui| {
                let asked = detail::head_ui(ui, &detail, tokens);
                let sections = &detail.sections;
                blocks_ui(ui, "span", sections.len(), tokens, |ui, index| detail::section_ui(ui, &sections[index], tokens)).or(asked)
            });
            actions.extend(asked);
            open.detail = Some(detail);
        }
        waterfall_ui(ui, open, tokens);
        if leaves {
            actions.push(ViewAction::Goto(self.list_target()));
        }
    }

    fn list_target(&self) -> Target {
        let Query::Scan(ScanQuery::Traces { filter, .. }) = self.list.filter.query(None) else {
            return Target::Traces(switchboard_engine::view::TraceFilter::default());
        };
        Target::Traces(filter)
    }
}

/// Name and figures of the trace; whether the list is wanted.
fn head_ui(ui: &mut egui::Ui, open: &OpenTrace, tokens: &crate::theme::DesignTokens) -> bool {
    let mut leaves = false;
    let name = open.tree.children(None).find_map(|root| open.tree.span(root, &open.view));
    ui.horizontal(|ui| {
        leaves = ui.button("← Traces").on_hover_text("Back to the list").clicked();
        ui.add_space(2.0);
        let title = name.map_or(Cow::Borrowed("Trace"), |span| visible(&span.name));
        let service = name.map_or(Cow::Borrowed("unknown"), |span| visible(&span.service));
        ui.label(RichText::new(elide_middle(&title, 60)).font(fonts::strong(TEXT_HEADING_PT)).color(tokens.ink(Ink::Text)));
        let id = open.trace_id.to_string();
        let text = format!("{} · {} · {}", elide_middle(&id, 11), elide_middle(&service, SERVICE_CHARS), summary(open));
        ui.add(egui::Label::new(RichText::new(text).color(tokens.ink(Ink::Dim))).truncate()).on_hover_text(id);
    });
    leaves
}

/// What a text in the filter means once it is confirmed: an id, or a number that is followed as a correlation id.
fn followed(text: &str) -> Option<Target> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    parse_id(text).or_else(|| CorrelationId::parse(text.as_bytes()).filter(|_| is_number).map(Target::Conversation))
}

/// Nothing is stored of a trace.
fn not_stored(trace_id: TraceId, view: &TraceView) -> EmptyState {
    let title = format!("No span of trace {trace_id} is stored");
    let records = figures::things(view.records.len() as u64, "record names", "records name");
    let logs = figures::things(view.logs.len() as u64, "log names", "logs name");
    let known = format!("{records} it, and {logs} it");
    let why = "Its spans were evicted, not sampled, not sent yet, or sent elsewhere";
    let mut state = EmptyState::new(&title, &[why, &known]);
    if let Some(record) = view.records.first() {
        let channel = switchboard_engine::view::ChannelKey::of(&record.at);
        state = state.button("Show the record", ViewAction::Goto(Target::Record { channel, row: record.row }));
    }
    state
        .button("Follow it as a correlation id", ViewAction::Goto(Target::Conversation(CorrelationId::Wide(trace_id.0))))
        .button("Show all traces", ViewAction::Goto(Target::Traces(switchboard_engine::view::TraceFilter::default())))
}
