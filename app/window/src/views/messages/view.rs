//! The messages view: topics left, records in the middle, the open one right.

use std::borrow::Cow;
use std::sync::Arc;

use switchboard_desk::sources::Family;
use switchboard_engine::view::{Answer, ChannelKey, NodeId, PointQuery, Query, RecordView, RowId, Snapshot};

use super::{
    filing::Filing,
    head_ui::{bar_ui, head_ui},
    marked::Elsewhere,
    record_detail,
    records::{Columns, Records},
    replaying::{Beside, is_of_replay},
    topics::{self, Topic, topics},
};
use crate::{
    figures,
    replay::ReplayRoom,
    sanitise::visible,
    theme::{DesignTokens, Ink},
    view::{CopyForm, Seen, Slot, StoredRecord, Target, UiCommand, View, ViewAction, ViewContext, ViewKind},
    widgets::{
        blocks::blocks_ui,
        detail,
        empty_state::{EmptyState, empty_state_ui},
        kept_order::KeptOrder,
        payload::{Payload, PayloadUi, payload_ui},
        split,
        table::{Order, Row, Table, TableState, Way},
    },
};

/// Width of the topics at first, as a part of the view and in points.
const TOPICS_SHARE: f32 = 0.24;
const TOPICS_PT: std::ops::RangeInclusive<f32> = 264.0..=400.0;
/// Width of the detail at first, points.
const DETAIL_PT: f32 = 372.0;
/// Height of a value at most, points.
const PAYLOAD_PT: f32 = 300.0;

const ORDER: Order = Order::Asked { by: Some(("offset", Way::Up)), can: &[], why: "Records stand as they arrived, the newest last" };

/// Where the keys go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Side {
    #[default]
    Topics,
    Records,
}

/// The messages view.
#[derive(Default)]
pub(crate) struct MessagesView {
    pub(super) topics: Arc<Vec<Topic>>,
    topics_order: KeptOrder<NodeId, Topic>,
    /// Session and state that the topics are of.
    topics_are_of: Option<(i64, u64)>,
    topics_table: TableState,
    side: Side,
    pub(super) records: Option<Records>,
    /// What is marked on topics that were open before.
    pub(super) elsewhere: Elsewhere,
    opened: Option<Opened>,
    filter_text: String,
    payload: PayloadUi,
    /// The replay of records, beside.
    pub(super) room: ReplayRoom,
    /// Commands of it that wait for the next frame.
    pub(super) pending: Vec<UiCommand>,
    /// Whether it is to be asked where what is marked shall go.
    pub(super) is_to_be_asked: bool,
    /// What stands beside the records.
    pub(super) beside: Beside,
    /// Whether it was shown in the last frame.
    pub(super) shows_replay: bool,
    /// Which file is asked for.
    pub(super) filing: Filing,
    /// Whether what that is for is to be done, as keys said.
    pub(super) is_filing_done: bool,
    /// Why commands of it can not be used, as of the last frame.
    pub(super) unavailable: Vec<(UiCommand, String)>,
}

/// The open record.
struct Opened {
    row: RowId,
    record: Option<RecordView>,
    payload: Payload,
    detail: detail::Detail,
}

impl View for MessagesView {
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction> {
        let mut actions = Vec::new();
        let tokens = context.tokens;
        ui.painter().rect_filled(ui.max_rect(), 0.0, tokens.ink(Ink::Background));
        let state = (context.snapshot.started_ns, context.snapshot.generation);
        if self.topics_are_of != Some(state) {
            self.topics_are_of = Some(state);
            self.topics = Arc::new(topics(context.snapshot));
        }
        self.filing_ui(ui, context, &mut actions);
        let by_name = |topics: &[Topic]| (0..topics.len()).collect();
        self.topics_order.take(&self.topics, &self.topics_table, |topic| topic.node_id, by_name, topics::sort_key);
        let has_topics = !self.topics.is_empty() || self.records.is_some();
        if has_topics {
            self.topics_ui(ui, tokens);
        }
        if let Some(records) = &mut self.records {
            load(records, context);
            self.open_selected(context);
        }
        self.take_replay(context, &mut actions);
        if !self.shows_replay {
            self.note_nothing_shown(context.replay);
        }
        if self.shows_replay {
            self.replay_ui(ui, context, &mut actions);
        }
        if self.records.is_none() {
            let none = if has_topics {
                EmptyState::new("No topic is open", &["Choose a topic: its records appear here, the newest at the end"])
            } else {
                no_topics(context.snapshot)
            };
            let none = none.button("Replay a file…", ViewAction::Run(UiCommand::ReplayFile));
            actions.extend(empty_state_ui(ui, &none, tokens));
            return actions;
        }
        if !self.shows_replay && self.opened.is_some() {
            actions.extend(self.detail_ui(ui, tokens));
        }
        actions.extend(self.records_ui(ui, context));
        actions
    }

    fn goto(&mut self, target: &Target) {
        match target {
            Target::Channel(channel) => {
                self.open_channel(channel.clone());
                self.side = Side::Records;
            }
            Target::Record { channel, row } => {
                self.open_channel(channel.clone());
                self.side = Side::Records;
                self.filter_text.clear();
                if let Some(records) = &mut self.records {
                    records.filter.set("");
                    records.follow(false);
                    records.selected = Some(*row);
                    match records.place(*row) {
                        Some(place) => records.table.reveal(place),
                        None => records.wanted = Some(*row),
                    }
                }
            }
            Target::Replay(stored) => self.mark(stored),
            Target::ReplayFile => self.ask_for_file(),
            _ => {}
        }
    }

    fn target(&self) -> Option<Target> {
        let records = self.records.as_ref()?;
        let channel = records.channel.clone();
        Some(match records.selected {
            Some(row) => Target::Record { channel, row },
            None => Target::Channel(channel),
        })
    }

    fn seen(&self) -> Seen<'_> {
        let selected = self.records.as_ref().and_then(|records| records.selected);
        let opened = self.opened.as_ref().filter(|opened| Some(opened.row) == selected);
        opened.and_then(|opened| opened.record.as_ref()).map_or(Seen::Nothing, Seen::Record)
    }

    fn begin_anew(&mut self) {
        self.records = self.records.take().map(|records| Records::new(records.channel));
        self.elsewhere.clear();
        self.opened = None;
        self.pending.clear();
        self.is_to_be_asked = false;
        self.filing = Filing::None;
    }

    fn run(&mut self, command: UiCommand) -> bool {
        if self.run_filing(command) {
            return true;
        }
        match (command, self.side) {
            (UiCommand::FollowRecords, _) => {
                let Some(records) = &mut self.records else { return false };
                let follows = records.table.follows_end();
                records.follow(!follows);
            }
            (UiCommand::WalkLeft, Side::Records) => self.side = Side::Topics,
            (UiCommand::WalkRight | UiCommand::Open, Side::Topics) if self.records.is_some() => {
                self.side = Side::Records;
                if let Some(records) = &mut self.records
                    && records.selected.is_none()
                {
                    records.selected = records.num_rows().checked_sub(1).and_then(|last| records.line(last)).map(|line| line.row);
                }
            }
            (UiCommand::MarkLetter, _) => {
                let Some(records) = &mut self.records else { return false };
                records.toggle_mark();
            }
            (UiCommand::MarkAllLetters, _) => {
                let Some(records) = &mut self.records else { return false };
                records.toggle_all();
            }
            (command, _) if is_of_replay(command) => {
                if self.records.is_none() && !self.shows_replay {
                    return false;
                }
                self.pending.push(command);
            }
            // What is beside is left first.
            (UiCommand::ClearSelection, _) if self.shows_replay => self.pending.push(UiCommand::StopReplay),
            (UiCommand::ClearSelection, _) => {
                let Some(records) = &mut self.records else { return false };
                if records.selected.take().is_none() {
                    self.records = None;
                    self.elsewhere.clear();
                    self.side = Side::Topics;
                }
                self.opened = None;
            }
            (_, Side::Topics) => {
                let selected = self.selected_topic();
                let Some(row) = self.topics_table.run(command, selected, self.topics_order.len()) else { return false };
                self.open_topic(row);
            }
            (_, Side::Records) => {
                let Some(records) = &mut self.records else { return false };
                let (selected, num_rows) = (records.selected_row(), records.num_rows());
                let selected = selected.or_else(|| num_rows.checked_sub(1).filter(|_| records.table.follows_end()));
                let Some(row) = records.table.run(command, selected, num_rows) else { return false };
                records.selected = records.line(row).map(|line| line.row);
            }
        }
        true
    }

    fn has_form(&self) -> bool {
        self.is_filing() || (self.shows_replay && self.room.has_form())
    }

    fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        // What is noted is of the topic that was open before.
        if self.is_filing() && matches!(command, UiCommand::StopReplay | UiCommand::ClearSelection | UiCommand::SendReplay) {
            return None;
        }
        if self.records.is_none() && !self.shows_replay && is_of_replay(command) {
            return Some(Cow::Borrowed("no topic is open"));
        }
        if let Some((_, why)) = self.unavailable.iter().find(|(of, _)| *of == command) {
            return Some(Cow::Owned(why.clone()));
        }
        match (command, &self.records) {
            (UiCommand::FollowRecords | UiCommand::Open | UiCommand::ExportRecords, None) => Some(Cow::Borrowed("no topic is open")),
            (_, None) if command.copies() => Some(Cow::Borrowed("no topic is selected")),
            (UiCommand::Open, Some(_)) if self.side == Side::Records => Some(Cow::Borrowed("its detail is open")),
            _ => None,
        }
    }

    fn copy(&self, _context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        if let Some(opened) = &self.opened
            && let Some(record) = &opened.record
        {
            return copy_record(opened, record, form);
        }
        let topic = self.topics_order.item(self.selected_topic()?)?;
        let records = topic.records.map_or_else(|| "unknown".to_owned(), figures::count);
        let partitions = topic.partitions.map_or_else(|| "unknown".to_owned(), figures::count);
        let read = topic.not_tailed.as_ref().map_or_else(|| "read".to_owned(), |reason| format!("not read: {}", visible(reason)));
        let name = visible(&topic.name);
        match form {
            CopyForm::Text => Some(format!("{name}\n{records} records in {partitions} partitions, {read}\n")),
            CopyForm::Markdown => Some(format!("`{name}`: {records} records in {partitions} partitions, {read}\n")),
            CopyForm::Json => serde_json::to_string_pretty(&serde_json::json!({
                "topic": topic.name, "records": topic.records, "partitions": topic.partitions, "rate_per_s": topic.rate_per_s, "not_read_because": topic.not_tailed,
            }))
            .ok(),
        }
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        let mut hints = vec![(UiCommand::WalkDown, "walk")];
        if let Some(records) = &self.records {
            hints.push((UiCommand::FollowRecords, if records.table.follows_end() { "hold still" } else { "follow the end" }));
        }
        hints.push((UiCommand::CopyText, "copy"));
        if self.side == Side::Records {
            hints.extend([(UiCommand::MarkLetter, "mark"), (UiCommand::PreviewReplay, "replay"), (UiCommand::ChangeReplay, "change")]);
        }
        hints
    }
}

fn copy_record(opened: &Opened, record: &RecordView, form: CopyForm) -> Option<String> {
    let value = || {
        let mut payload = opened.payload.clone();
        let best = payload.best;
        payload.lines(best).lines.iter().map(|line| line.to_text() + "\n").collect::<String>()
    };
    match form {
        CopyForm::Json => serde_json::to_string_pretty(&record_detail::to_json(record)).ok(),
        CopyForm::Text => Some(format!("{}\nValue · {}\n{}", opened.detail.to_text(), opened.payload.kind, value())),
        CopyForm::Markdown => Some(format!("{}\n**Value** · {}\n\n````\n{}````\n", opened.detail.to_markdown(), opened.payload.kind, value())),
    }
}

/// Loads lines, contents of those in view, and a piece of what is looked for.
fn load(records: &mut Records, context: &mut ViewContext<'_>) {
    if records.has_room() {
        let query = records.query();
        let standing = context.asker.standing(Slot::RecordLines, &query);
        let came = match standing.answer {
            Some(Answer::Records(page)) if standing.is_of_this_question => records.take(page, standing.revision),
            _ => false,
        };
        if came && !context.is_paused {
            // The next piece is asked for with this frame, not with the next.
            let _asked = context.asker.standing(Slot::RecordLines, &records.query());
        }
    }
    if let Some(query) = records.filter.query(&records.channel) {
        let standing = context.asker.standing(Slot::RecordFilter, &query);
        if let Some(Answer::RecordMatches(found)) = standing.answer.filter(|_| standing.is_of_this_question)
            && records.filter.take(found)
            && let Some(next) = records.filter.query(&records.channel).filter(|_| !context.is_paused || !records.filter.is_at_end())
        {
            // The next piece is asked for with this frame, not with the next.
            let _asked = context.asker.standing(Slot::RecordFilter, &next);
        }
    }
}

/// Loads the contents of the rows in view, those that came into it meanwhile behind those that are on their way.
fn load_contents(ui: &egui::Ui, records: &mut Records, visible: &std::ops::Range<usize>, context: &mut ViewContext<'_>) {
    let Some(query) = records.contents_query(visible) else { return };
    let standing = context.asker.once(Slot::RecordDetails, &query);
    match standing.answer {
        Some(Answer::RecordDetails(found)) if standing.is_of_this_question => {
            records.take_contents(found, standing.revision, visible);
            ui.ctx().request_repaint();
            if let Some(next) = records.contents_query(visible) {
                // The next ones are asked for with this frame, not with the next.
                let _asked = context.asker.once(Slot::RecordDetails, &next);
            }
        }
        _ if !standing.is_waiting => records.give_up_contents(),
        _ => {}
    }
}

impl MessagesView {
    fn selected_topic(&self) -> Option<usize> {
        let channel = &self.records.as_ref()?.channel;
        self.topics_order.items().position(|topic| topic.is(channel))
    }

    fn open_topic(&mut self, row: usize) {
        if let Some(topic) = self.topics_order.item(row) {
            self.open_channel(topic.key());
        }
    }

    /// Whether topics of several clusters bear a name.
    fn shares_name(&self, name: &str) -> bool {
        self.topics.iter().any(|topic| topic.name == name && topic.shares_name)
    }

    fn open_channel(&mut self, channel: ChannelKey) {
        let shares_name = self.shares_name(&channel.name);
        let is_open = self.records.as_ref().is_some_and(|records| {
            let (open, asked) = (&records.channel.cluster, &channel.cluster);
            records.channel.name == channel.name && (open == asked || asked.is_none() || (open.is_none() && !shares_name))
        });
        if !is_open {
            if let Some(left) = self.records.take() {
                // Of which cluster they are is known while no other topic bears the name.
                let known = self.topics.iter().find(|topic| topic.is(&left.channel) && !topic.shares_name).map(Topic::key);
                self.elsewhere.put(known.unwrap_or(left.channel), left.marks);
            }
            let mut records = Records::new(channel);
            records.marks = self.elsewhere.take(&records.channel, shares_name);
            self.records = Some(records);
            self.opened = None;
            self.filter_text.clear();
        }
    }

    /// Marks these records and no others, and asks where they shall go.
    fn mark(&mut self, stored: &[StoredRecord]) {
        let Some(first) = stored.first() else { return };
        self.elsewhere.clear();
        if let Some(records) = &mut self.records {
            records.marks.clear();
        }
        for record in stored {
            self.elsewhere.put(record.channel.clone(), [(record.row, record.place.clone())].into());
        }
        self.goto(&Target::Record { channel: first.channel.clone(), row: first.row });
        // Where the topic was open already its marks are still among those of others.
        let shares_name = self.shares_name(&first.channel.name);
        if let Some(records) = &mut self.records {
            let marks = self.elsewhere.take(&records.channel, shares_name);
            records.marks.extend(marks);
        }
        self.is_to_be_asked = true;
    }

    fn topics_ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens) {
        let frame = egui::Frame::new().fill(tokens.ink(Ink::Panel));
        let width = (ui.available_width() * TOPICS_SHARE).clamp(*TOPICS_PT.start(), *TOPICS_PT.end()).min(ui.available_width() * 0.36);
        let panel = egui::Panel::left("topics").resizable(true).default_size(width).size_range(140.0..=480.0).frame(frame);
        let clicked = panel
            .show(ui, |ui| {
                let num_columns = topics::num_columns(ui.available_width());
                let table = Table {
                    name: "topics",
                    columns: &topics::COLUMNS[..num_columns],
                    num_rows: self.topics_order.len(),
                    selected: self.selected_topic(),
                    order: Order::Rows { natural: Some(("topic", Way::Up)) },
                };
                let topics = &self.topics_order;
                let paint = |row: &Row<'_>, index: usize| topics.item(index).map_or_else(String::new, |topic| topics::row_ui(row, topic, num_columns));
                table.ui(ui, &mut self.topics_table, tokens, paint).clicked
            })
            .inner;
        if let Some(row) = clicked {
            self.side = Side::Topics;
            self.open_topic(row);
        }
    }

    /// Asks for the selected record and reads its value once.
    fn open_selected(&mut self, context: &mut ViewContext<'_>) {
        let Some(row) = self.records.as_ref().and_then(|records| records.selected) else {
            self.opened = None;
            return;
        };
        let is_open = self.opened.as_ref().is_some_and(|opened| opened.row == row);
        if is_open {
            return;
        }
        let standing = context.asker.once(Slot::RecordOpen, &Query::Point(PointQuery::RecordDetails { rows: vec![row] }));
        if let Some(Answer::RecordDetails(found)) = standing.answer.filter(|_| standing.is_of_this_question) {
            let record = found.first().cloned().flatten();
            let payload = match &record {
                Some(record) => {
                    let is_cut = record.value.as_ref().is_some_and(|value| (value.len() as u64) < u64::from(record.value_size_bytes) && record.truncated);
                    Payload::read(record.value.as_deref(), u64::from(record.value_size_bytes), is_cut)
                }
                None => Payload::read(None, 0, false),
            };
            let detail = record.as_ref().map(record_detail::detail).unwrap_or_default();
            self.opened = Some(Opened { row, record, payload, detail });
        }
    }

    fn detail_ui(&mut self, ui: &mut egui::Ui, tokens: &DesignTokens) -> Option<ViewAction> {
        let Some(opened) = &mut self.opened else { return None };
        let payload_state = &mut self.payload;
        split::detail_ui(ui, "record", DETAIL_PT, tokens, |ui| {
            if opened.record.is_none() {
                let state = EmptyState::new("This record is no longer stored", &["It was evicted to make room for newer ones. It may still be in its topic"]);
                return empty_state_ui(ui, &state, tokens);
            }
            let asked = detail::head_ui(ui, &opened.detail, tokens);
            let sections = &opened.detail.sections;
            // The value stands behind the first section.
            let in_blocks = blocks_ui(ui, "record", sections.len() + 1, tokens, |ui, index| {
                if index == sections.len().min(1) {
                    detail::framed_ui(ui, "Value", "", tokens, |ui| payload_ui(ui, payload_state, &mut opened.payload, PAYLOAD_PT, tokens));
                    return None;
                }
                detail::section_ui(ui, &sections[index.saturating_sub(usize::from(index > 0))], tokens)
            });
            in_blocks.or(asked)
        })
    }

    fn records_ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Option<ViewAction> {
        let tokens = context.tokens;
        let records = self.records.as_mut()?;
        let topic = self.topics.iter().find(|topic| topic.is(&records.channel));
        let mut asked = None;
        let frame = egui::Frame::new().inner_margin(egui::Margin { left: 18, right: 18, top: 9, bottom: 7 });
        frame.show(ui, |ui| {
            asked = head_ui(ui, records, topic, context.snapshot, tokens);
            let in_bar = bar_ui(ui, records, &mut self.elsewhere, &mut self.filter_text, tokens);
            asked = in_bar.or(asked.take());
        });
        records.filter.set(self.filter_text.trim());
        if records.num_rows() == 0 {
            if records.is_known {
                asked = empty_state_ui(ui, &no_records(records, topic), tokens).or(asked);
            }
            return asked;
        }
        let selected = records.selected_row();
        let (columns, now_ns) = (Columns::of(ui.available_width()), context.now_ns);
        let table = Table { name: "records", columns: columns.all(), num_rows: records.num_rows(), selected, order: ORDER };
        let mut state = std::mem::take(&mut records.table);
        let response = table.ui(ui, &mut state, tokens, |row, index| records.row_ui(row, index, columns, now_ns));
        records.table = state;
        if let Some(row) = response.clicked {
            self.side = Side::Records;
            records.selected = records.line(row).map(|line| line.row);
        }
        load_contents(ui, records, &response.visible, context);
        asked
    }
}

fn no_topics(snapshot: &Snapshot) -> EmptyState {
    let has_broker = snapshot.sources.iter().any(|source| source.kind.has_channels());
    let text = if has_broker {
        "A broker is among the sources; its topics appear once they are read".to_owned()
    } else {
        format!("Add {}: its topics, groups and records appear here. Spans that name a topic bring it here too", Family::one_with_channels())
    };
    EmptyState::new("No topics yet", &[&text]).button("Show sources", ViewAction::Run(UiCommand::Show(ViewKind::Sources)))
}

fn no_records(records: &Records, topic: Option<&Topic>) -> EmptyState {
    if !records.filter.text.is_empty() {
        let looked = records.filter.words(records.total_stored, records.evicted).split_off(1).join(" · ");
        let title = if records.filter.is_at_end() { "No stored record of this topic holds this text" } else { "Looking" };
        return EmptyState::new(title, &[&looked, "What was never read is not among them"])
            .button("Find it everywhere", ViewAction::Goto(Target::Find(records.filter.text.clone())));
    }
    match topic.and_then(|topic| topic.not_tailed.as_ref()) {
        Some(reason) => EmptyState::new("Its records are not read", &[&visible(reason), "What is read is set with the source"])
            .button("Show sources", ViewAction::Run(UiCommand::Show(ViewKind::Sources))),
        None if records.evicted > 0 => {
            EmptyState::new("All its records were evicted", &["Newer ones of other topics took their room; more memory keeps more of them (--memory)"])
        }
        None => EmptyState::new(
            "No record came in since the session began",
            &["The next one appears here at once. Older ones are read if the source is set to begin before its end"],
        )
        .button("Show sources", ViewAction::Run(UiCommand::Show(ViewKind::Sources))),
    }
}
