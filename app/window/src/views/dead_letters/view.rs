//! What is looked at: a cause, a letter of it, those that are marked, and the replay beside.

use std::borrow::Cow;

use switchboard_engine::view::{Answer, ChannelKey, PointQuery, Query, RecordView};
use switchboard_model::{CorrelationId, SpanId, TraceId};

use super::{
    act::is_own,
    inbox::inbox,
    letter_detail::{Letter, headers, take_stacks},
    letter_list::{LetterList, PAGE},
    letters::LetterRow,
    state_filter::{AskedOrder, StateFilter},
};
use switchboard_desk::{
    ledger::{LetterKey, LetterState},
    send::replay::{At, LetterCause, Readers, ReplayBoard, consumed_in, readers},
    sources::Family,
};

use crate::{
    replay::{Asking, Marked, ReplayRoom, panel},
    sanitise::visible,
    view::{CopyForm, Seen, Slot, Target, UiCommand, View, ViewAction, ViewContext, ViewKind},
    widgets::{
        detail::{Row, Section},
        empty_state::{EmptyState, empty_state_ui},
        payload::{Payload, PayloadUi},
    },
    words::letters::LettersOf,
};

/// Items of a letter's conversation that are looked through for the span that consumed it.
const STORY_MAX: usize = 64;

/// Which list the keys move in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Keys {
    /// The causes.
    Causes,
    /// The letters.
    #[default]
    Letters,
}

/// The view of dead letters.
#[derive(Default)]
pub(crate) struct DeadLettersView {
    pub(super) inbox: Cached<(u64, u64), Vec<LettersOf>>,
    /// The second in which it was counted last.
    counted_s: Option<i64>,
    pub(super) list: LetterList,
    /// Which letters are listed, of any cause.
    pub(super) filter: StateFilter,
    order: AskedOrder,
    pub(super) cause: Option<LetterCause>,
    wanted: Option<(ChannelKey, Option<String>)>,
    pub(super) keys: Keys,
    pub(super) reveal_cause: bool,
    /// The note that is being written.
    pub(super) note: Option<String>,
    /// The replay beside.
    pub(super) room: ReplayRoom,
    pub(super) open: Option<OpenLetter>,
    pub(super) pending: Vec<UiCommand>,
    /// Why commands can not be used, as of the last frame.
    pub(super) unavailable: Vec<(UiCommand, String)>,
    /// Letters of the preview that somebody dealt with since.
    num_changed: Cached<(String, u64), usize>,
    /// What was asked for in the panel.
    pub(super) asked: Vec<ViewAction>,
}

/// Something derived, until what it is derived from changes.
pub(super) struct Cached<K, T> {
    key: Option<K>,
    pub(super) value: T,
}

impl<K, T: Default> Default for Cached<K, T> {
    fn default() -> Self {
        Self { key: None, value: T::default() }
    }
}

impl<K: PartialEq, T> Cached<K, T> {
    fn update(&mut self, key: K, make: impl FnOnce() -> T) {
        if self.key.as_ref() != Some(&key) {
            self.value = make();
            self.key = Some(key);
        }
    }
}

/// The letter that is looked at.
pub(super) struct OpenLetter {
    pub(super) key: LetterKey,
    pub(super) record: Option<RecordView>,
    /// Whether it is known what is stored of it: until then nothing is said of its contents.
    pub(super) is_known: bool,
    /// Its headers, or what a replay makes of them.
    pub(super) headers: Section,
    /// The stack traces that were among them.
    pub(super) stacks: Vec<Row>,
    /// Of which bytes the payload is: those of the preview, or those stored.
    source: (Option<String>, Option<u64>),
    pub(super) payload: Payload,
    pub(super) payload_ui: PayloadUi,
    pub(super) new_trace: Option<(TraceId, SpanId)>,
}

impl View for DeadLettersView {
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction> {
        let mut actions = Vec::new();
        self.take(context);
        let board = context.replay.clone();
        for command in std::mem::take(&mut self.pending) {
            self.carry_out(command, &board, &mut actions);
        }
        self.room.asks_name = false;
        if self.inbox.value.is_empty() && board.run.is_none() {
            actions.extend(empty_state_ui(ui, &empty(context), context.tokens));
            return actions;
        }
        let readers = self.readers(context);
        let cluster = self.cause.as_ref().map(|cause| cause.cluster.as_str());
        let num_changed = self.num_changed.value;
        let plan_file = board.plan_file.as_ref().map(|(_, path)| visible(&path.display().to_string()).into_owned());
        let asking = Asking { marked: self.marked(&board), cluster, readers, typed_name: &self.room.typed_name, num_changed, plan_file: plan_file.as_deref() };
        let mut shown = panel(&board, &asking, context.clock_ns);
        self.room.fit_buttons(&mut shown, &board);
        if context.is_paused && (board.run.is_some() || board.preparing.is_some()) {
            // What the user set going is told as it goes; all else stands still.
            shown.phase.push_str(" · told as of now, though the window is paused");
        }
        self.note_unavailable(&shown, &board);
        self.lay_out(ui, context, &board, &shown, &mut actions);
        actions.append(&mut self.asked);
        actions
    }

    fn goto(&mut self, target: &Target) {
        if let Target::DeadLetters { channel, fingerprint } = target {
            self.wanted = Some((channel.clone(), fingerprint.clone()));
        }
    }

    fn target(&self) -> Option<Target> {
        let cause = self.cause.as_ref()?;
        Some(Target::DeadLetters { channel: cause.channel_key(), fingerprint: Some(cause.fingerprint.clone()) })
    }

    fn seen(&self) -> Seen<'_> {
        let Some(row) = self.list.selected() else { return Seen::Nothing };
        let open = self.open.as_ref().filter(|open| open.key == row.key);
        Seen::Letter(&row.view, open.filter(|open| open.is_known).map(|open| open.record.as_ref()))
    }

    fn begin_anew(&mut self) {
        self.list.forget_rows();
        self.open = None;
    }

    fn has_form(&self) -> bool {
        self.note.is_some() || self.room.has_form()
    }

    fn run(&mut self, command: UiCommand) -> bool {
        let is_own = is_own(command);
        if is_own {
            self.pending.push(command);
        }
        is_own
    }

    fn unavailable(&self, command: UiCommand) -> Option<Cow<'static, str>> {
        if command.copies() && self.list.selected().is_none() {
            return Some(Cow::Borrowed("no letter is selected"));
        }
        self.unavailable.iter().find(|(of, _)| *of == command).map(|(_, why)| Cow::Owned(why.clone()))
    }

    fn copy(&self, context: &ViewContext<'_>, form: CopyForm) -> Option<String> {
        let row = self.list.selected()?;
        let open = self.open.as_ref().filter(|open| open.key == row.key);
        let letter = Letter::new(row, open, context.replay);
        Some(match form {
            CopyForm::Text => letter.detail(context.now_ns).to_text(),
            CopyForm::Json => letter.json(),
            CopyForm::Markdown => letter.detail(context.now_ns).to_markdown(),
        })
    }

    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        vec![
            (UiCommand::MarkLetter, "mark"),
            (UiCommand::MarkAllLetters, "all"),
            (UiCommand::NextLetterState, "state"),
            (UiCommand::PreviewReplay, "preview"),
            (UiCommand::ChangeReplay, "change"),
            (UiCommand::SendReplay, "send"),
            (UiCommand::StopReplay, "stop"),
            (UiCommand::ParkLetters, "park"),
            (UiCommand::LetterTrace, "trace"),
        ]
    }
}

/// What stands where there is no dead letter.
fn empty(context: &ViewContext<'_>) -> EmptyState {
    let has_broker = context.snapshot.sources.iter().any(|source| source.kind.has_channels());
    if has_broker {
        EmptyState::new(
            "No dead letters",
            &[
                "Channels named as dead-letter channels usually are (-dlt, .DLT, dlq-…, _dlq, dead-letter-…) are read from their beginning",
                "On any other channel that is read, a record counts whose headers say that a framework gave it up",
                "One of another name is taken in by the profile: dead_letter_channels = [\"orders.failed\"] in its source's table",
            ],
        )
    } else {
        let add = format!("Add {} under Sources, or its table to the profile", Family::one_with_channels());
        EmptyState::new("No dead letters", &["They are read from brokers, and none is among the sources", &add])
    }
    .button("Show sources", ViewAction::Run(UiCommand::Show(ViewKind::Sources)))
    .button("Replay a file…", ViewAction::Run(UiCommand::ReplayFile))
}

impl DeadLettersView {
    /// Takes in what is new, and asks for what is looked at.
    fn take(&mut self, context: &mut ViewContext<'_>) {
        let board = context.replay;
        // Figures change at most once a second, but what the user does shows at once.
        let second = context.now_ns.div_euclid(1_000_000_000);
        let is_due = self.counted_s != Some(second) || self.inbox.key.is_none_or(|(_, letters)| letters != board.letters_version);
        if is_due || context.in_place {
            self.counted_s = Some(second);
            self.inbox.update((context.snapshot.generation, board.letters_version), || inbox(context.snapshot, board));
        }
        if self.wanted.is_some() {
            self.go_where_wanted();
        }
        if self.cause.as_ref().is_none_or(|cause| !self.inbox.value.iter().any(|row| row.cause == *cause)) {
            self.choose(self.inbox.value.first().map(|row| row.cause.clone()));
        }
        self.room.take(board);
        if let Some(preview) = &board.preview {
            self.num_changed.update((preview.replay_id.clone(), board.letters_version), || {
                preview.planned.iter().filter(|planned| !board.state(&planned.asked.letter).is_open()).count()
            });
        }
        self.take_letters(context);
        self.take_open(context);
    }

    fn go_where_wanted(&mut self) {
        let Some((channel, fingerprint)) = &self.wanted else { return };
        let is_meant = |row: &&LettersOf| {
            let cause = &row.cause;
            let on_channel = cause.channel == channel.name || cause.origin.as_ref() == Some(&channel.name);
            on_channel
                && channel.cluster.as_ref().is_none_or(|cluster| *cluster == cause.cluster)
                && fingerprint.as_ref().is_none_or(|told| *told == cause.fingerprint)
        };
        if let Some(cause) = self.inbox.value.iter().find(is_meant).map(|row| row.cause.clone()) {
            self.wanted = None;
            self.choose(Some(cause));
            self.reveal_cause = true;
        }
    }

    pub(super) fn choose(&mut self, cause: Option<LetterCause>) {
        if self.cause != cause {
            self.cause = cause;
            self.note = None;
            self.list = LetterList::default();
        }
    }

    /// Lists others of the same letters.
    pub(super) fn list_only(&mut self, filter: StateFilter) {
        if self.filter != filter {
            self.filter = filter;
            self.list.begin();
        }
    }

    /// What is looked at, as the inbox has it.
    pub(super) fn chosen(&self) -> Option<&LettersOf> {
        let cause = self.cause.as_ref()?;
        self.inbox.value.iter().find(|row| row.cause == *cause)
    }

    fn take_letters(&mut self, context: &mut ViewContext<'_>) {
        let Some(cause) = &self.cause else { return };
        let now = (context.now_ns as f64 / 1e9, context.in_place);
        let order = self.order.of(cause, self.filter, context.replay, now).clone();
        let standing = context.asker.standing(Slot::Letters, &cause.query(order, self.list.skip(), PAGE));
        if let (Some(Answer::DeadLetters(page)), true) = (standing.answer, standing.is_of_this_question) {
            self.list.take(page, standing.revision, context.replay);
        }
    }

    fn take_open(&mut self, context: &mut ViewContext<'_>) {
        let Some(row) = self.list.selected() else {
            self.open = None;
            return;
        };
        let (key, stored) = (row.key.clone(), row.view.row);
        let standing = context.asker.once(Slot::LetterOpen, &Query::Point(PointQuery::RecordDetails { rows: vec![stored] }));
        let told = match (standing.answer, standing.is_of_this_question) {
            (Some(Answer::RecordDetails(records)), true) => Some(records.first().and_then(Option::as_ref)),
            _ => None,
        };
        let revision = told.map(|_| standing.revision);
        let board = context.replay;
        let planned = board.preview.as_ref().and_then(|preview| preview.planned.iter().find(|planned| planned.asked.letter == key));
        let shown = planned.and_then(|planned| board.shown(planned)?.ok().cloned());
        let source = (planned.filter(|_| shown.is_some()).map(|planned| planned.replay_id.clone()), revision);
        let is_made = self.open.as_ref().is_some_and(|open| open.key == key && open.source == source);
        let record = told.flatten().filter(|_| !is_made).cloned();
        let is_known = told.is_some();
        let new_trace = new_trace(context, board, &key).filter(|(trace_id, _)| row.view.trace_id.is_none_or(|failed_in| !failed_in.matches(*trace_id)));
        match &mut self.open {
            Some(open) if open.key == key && open.source == source => open.new_trace = new_trace,
            open => {
                let payload = match (&shown, &record) {
                    (Some(shown), _) => {
                        let kept = shown.value.as_ref().map_or(0, Vec::len);
                        Payload::read(shown.value.as_deref(), shown.value_size_bytes as u64, kept < shown.value_size_bytes && kept >= 64 << 10)
                    }
                    (None, Some(record)) => Payload::read(record.value.as_deref(), u64::from(record.value_size_bytes), record.truncated),
                    (None, None) => Payload::read(None, 0, false),
                };
                let payload_ui = open.as_ref().map(|open| open.payload_ui).unwrap_or_default();
                let mut headers = headers(shown.as_deref(), record.as_ref());
                let stacks = take_stacks(&mut headers);
                *open = Some(OpenLetter { key, record, is_known, headers, stacks, source, payload, payload_ui, new_trace });
            }
        }
    }

    /// Who reads the channel that the letters came from.
    fn readers(&self, context: &ViewContext<'_>) -> Option<Readers> {
        let cause = self.cause.as_ref()?;
        let failed = self.list.meant().iter().filter_map(|row| row.view.origin_group.clone()).collect();
        Some(readers(context.snapshot, &cause.cluster, cause.origin.as_deref()?, &failed))
    }

    /// How many letters a command is for.
    pub(super) fn marked(&self, board: &ReplayBoard) -> Marked {
        self.list.marks.count(self.list.selected(), self.list.stored(), board)
    }
}

/// To the record in the messages.
pub(super) fn record_action(row: &LetterRow) -> ViewAction {
    ViewAction::Goto(Target::Record { channel: ChannelKey::of(&row.view.at), row: row.view.row })
}

/// Where the group that failed processed a letter after it was sent.
fn new_trace(context: &mut ViewContext<'_>, board: &ReplayBoard, key: &LetterKey) -> Option<(TraceId, SpanId)> {
    let record =
        board.letters.get(key).filter(|record| !record.replay_id.is_empty() && matches!(record.state, LetterState::Sent(_) | LetterState::Consumed))?;
    let at = At::of(&record.target, record.written_to.as_ref()?)?;
    let query = Query::Point(PointQuery::Conversation { id: CorrelationId::Text(record.replay_id.clone()), limit: STORY_MAX });
    let standing = context.asker.standing(Slot::LetterStory, &query);
    match (standing.answer, standing.is_of_this_question) {
        (Some(Answer::Conversation(items)), true) => consumed_in(items, &at, record.failed_group.as_deref()).map(|span| (span.trace_id, span.span_id)),
        _ => None,
    }
}
