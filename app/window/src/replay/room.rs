//! What a view keeps of a replay: what is typed, chosen and edited beside its panel, and what its commands ask for.

use std::sync::Arc;

use switchboard_desk::{
    ledger::LetterKey,
    send::{
        edit::Changes,
        replay::{AskedLetter, AskedLetters, ReplayAsk, ReplayBoard, ReplayCommand, RunPhase, Writing},
    },
};

use super::{
    changed::LookedAt,
    changed_ui::changed_records_ui,
    editor::Editor,
    form::ReplayForm,
    form_ui::{FormAsked, editor_ui, form_ui},
    pace_form::PaceForm,
    panel::ReplayPanel,
    panel_ui::{Asked, PaceEntry, Typed, panel_ui},
    range_form::Which,
};
use crate::{
    SessionCommand,
    theme::DesignTokens,
    view::{UiCommand, ViewAction},
    widgets::text_field::TextField,
};

/// To the session.
pub(crate) fn send(command: ReplayCommand) -> ViewAction {
    ViewAction::Send(SessionCommand::Replay(Box::new(command)))
}

/// What is kept.
#[derive(Default)]
pub(crate) struct ReplayRoom {
    /// The cluster's name as far as it was typed.
    pub typed_name: String,
    /// Whether it is asked for.
    pub asks_name: bool,
    form: Option<ReplayForm>,
    editor: Option<Editor>,
    /// The record that was asked for to be edited.
    wants_to_edit: Option<LetterKey>,
    /// What is asked for once it is edited, where nothing is previewed.
    ask_of_edited: Option<ReplayAsk>,
    /// What is typed of the pace of the preview.
    pace: PaceForm,
    /// Whether the keys are to go there.
    seeks_pace: bool,
    last_preview: Option<String>,
    looked_at: LookedAt,
}

impl ReplayRoom {
    /// Takes in what is new.
    pub(crate) fn take(&mut self, board: &ReplayBoard) {
        let preview = board.preview.as_ref().map(|preview| preview.replay_id.clone());
        if self.last_preview != preview {
            self.typed_name.clear();
            self.last_preview = preview;
            // From here on it is of the same records as the preview, whatever is marked by now.
            if let (Some(form), Some(preview)) = (&mut self.form, &board.preview) {
                // Those that were marked can still be chosen instead of a range.
                let marked = (form.range.which != Which::AsAsked).then(|| (form.of.letters.clone(), form.of.num_stored));
                form.of = ReplayAsk::clone(&preview.ask);
                if let Some((letters, num_stored)) = marked {
                    (form.of.letters, form.of.num_stored) = (letters, num_stored);
                }
            }
        }
        self.pace.take(board.preview.as_deref());
        if let (Some(form), Some(preview)) = (&mut self.form, &board.preview)
            && form.of.options.pace != preview.options().pace
        {
            form.of.options.pace = preview.options().pace;
        }
        if board.run.is_some() {
            self.form = None;
        }
        match &board.editing {
            Some(editing) if self.wants_to_edit.as_ref() == Some(&editing.letter) => {
                if self.editor.as_ref().is_none_or(|editor| editor.letter != editing.letter) {
                    self.editor = Editor::of(editing);
                }
            }
            _ => self.editor = None,
        }
    }

    /// Whether something is filled in.
    pub(crate) fn has_form(&self) -> bool {
        self.asks_name || self.form.is_some() || self.wants_to_edit.is_some()
    }

    /// Opens or closes the form of the preview, or of what would be asked for.
    fn turn_form(&mut self, board: &ReplayBoard, ask: impl FnOnce() -> Option<ReplayAsk>) {
        self.form = match (&self.form, &board.preview) {
            (None, Some(preview)) => Some(ReplayForm::of(&preview.ask)),
            (None, None) => ask().as_ref().map(ReplayForm::of),
            (Some(_), _) => None,
        };
    }

    /// Closes the form, and with it what was filled in.
    pub(crate) fn close_form(&mut self) {
        self.form = None;
    }

    /// A range is to be typed of this channel, where nothing is marked.
    pub(crate) fn range_of(&mut self, channel: &str) {
        if let Some(form) = &mut self.form
            && matches!(&form.of.letters, AskedLetters::These(letters) if letters.is_empty())
        {
            channel.clone_into(&mut form.range.channel);
        }
    }

    /// Why there is nothing to be sent yet, where no preview is shown; `None` = what is filled in is previewed first.
    pub(crate) fn why_nothing_to_send(&self) -> Option<String> {
        (!self.is_filled_in()).then(|| format!("make a preview first: {}", UiCommand::PreviewReplay.keys()))
    }

    /// Whether there is something that can be previewed.
    fn is_filled_in(&self) -> bool {
        self.form.is_some() || self.editor.is_some()
    }

    /// What is filled in can be previewed and closed, whatever is marked beside it; at a pace that cannot be nothing is sent or saved.
    pub(crate) fn fit_buttons(&self, panel: &mut ReplayPanel, board: &ReplayBoard) {
        if let Some(wrong) = self.wrong_pace(board) {
            let is_of_pace = |command: UiCommand| matches!(command, UiCommand::SendReplay | UiCommand::SaveReplayPlan);
            panel.buttons.iter_mut().filter(|button| is_of_pace(button.command)).for_each(|button| button.unavailable.clone_from(&wrong));
        }
        if self.is_filled_in() && board.preview.is_none() {
            let is_of_form = |command: UiCommand| matches!(command, UiCommand::PreviewReplay | UiCommand::ChangeReplay);
            panel.buttons.iter_mut().filter(|button| is_of_form(button.command)).for_each(|button| button.unavailable.clear());
        }
    }

    /// Why what is typed of the pace cannot be; `None` = it can, or nothing is typed of it now.
    fn wrong_pace(&self, board: &ReplayBoard) -> Option<String> {
        let preview = board.preview.as_ref().filter(|_| board.run.is_none() && self.wants_to_edit.is_none())?;
        self.pace.chosen(preview).err()
    }

    /// Why a command cannot be used; `None` = it can, or is none of the replay's. `selected`: whether a record is.
    pub(crate) fn unavailable(board: &ReplayBoard, command: UiCommand, selected: bool) -> Option<&'static str> {
        let is_going = board.run.is_some() || board.preparing.is_some();
        match command {
            UiCommand::ChangeReplay | UiCommand::EditRecord if is_going => Some("close the replay first"),
            UiCommand::SaveReplayPlan | UiCommand::PaceReplay if board.preview.is_none() => Some("make a preview first"),
            UiCommand::PaceReplay if board.run.is_some() => Some("a run keeps the pace that it was begun with"),
            UiCommand::PaceReplay if board.editing.is_some() => Some("leave the record that is edited first"),
            UiCommand::ChangeReplay if board.preview.is_none() && !selected => Some("mark records first: Space, or A for all"),
            UiCommand::EditRecord if !selected => Some("select a record first"),
            _ => None,
        }
    }

    /// Carries out a command of the panel; `None` = it is the view's. `ask`: what would be asked for, where nothing is previewed.
    pub(crate) fn run(
        &mut self,
        command: UiCommand,
        board: &ReplayBoard,
        ask: impl FnOnce() -> Option<ReplayAsk>,
        selected: impl FnOnce() -> Option<AskedLetter>,
    ) -> Option<Vec<ReplayCommand>> {
        let preview = board.preview.as_ref();
        let commands = match command {
            // What is edited is previewed before anything of it is sent.
            UiCommand::PreviewReplay | UiCommand::SendReplay if self.editor.is_some() => return Some(self.take_edit(board)),
            UiCommand::PaceReplay => {
                self.seeks_pace = preview.is_some() && board.run.is_none();
                None
            }
            // Nothing goes or is saved at a pace that cannot be, or that is not shown yet.
            UiCommand::SendReplay | UiCommand::SaveReplayPlan if self.wrong_pace(board).is_some() => return Some(Vec::new()),
            UiCommand::SendReplay if preview.is_some() && board.run.is_none() && self.ask_pace(board).is_some() => self.ask_pace(board),
            // Not read, or not to be read: nothing goes unedited.
            UiCommand::SendReplay if self.wants_to_edit.is_some() => return Some(Vec::new()),
            UiCommand::PreviewReplay => {
                // What makes no sense yet stays in its form, which says why.
                if self.form.as_mut().is_some_and(|form| !form.is_whole()) {
                    return Some(Vec::new());
                }
                if self.wrong_pace(board).is_some() {
                    return Some(Vec::new());
                }
                // What is made again is of the same records, whatever is marked by now, and at the pace that is typed.
                let again = self.form.as_ref().map(ReplayForm::ask).or_else(|| preview.map(|preview| ReplayAsk::clone(&preview.ask)));
                let pace = preview.and_then(|preview| self.pace.chosen(preview).ok());
                let again = again.map(|mut ask| {
                    ask.options.pace = pace.unwrap_or(ask.options.pace);
                    ask
                });
                again.or_else(ask).map(ReplayCommand::Preview)
            }
            UiCommand::ChangeReplay => {
                self.turn_form(board, ask);
                None
            }
            UiCommand::EditRecord => selected().map(|asked| {
                self.ask_of_edited = if preview.is_none() { ask() } else { None };
                self.wants_to_edit = Some(asked.letter.clone());
                ReplayCommand::Edit(asked)
            }),
            UiCommand::SaveReplayPlan => {
                let write = preview.map(|preview| ReplayCommand::WritePlan { replay_id: preview.replay_id.clone() });
                return Some(self.ask_pace(board).into_iter().chain(write).collect());
            }
            UiCommand::SendReplay => self.go_on(board),
            _ => return None,
        };
        Some(commands.into_iter().collect())
    }

    /// The pace that is typed, where the preview has another.
    fn ask_pace(&mut self, board: &ReplayBoard) -> Option<ReplayCommand> {
        let preview = board.preview.as_ref()?;
        let pace = self.pace.ask(preview)?;
        Some(ReplayCommand::Pace { replay_id: preview.replay_id.clone(), pace })
    }

    /// The first few of a preview, or the rest of a run.
    fn go_on(&mut self, board: &ReplayBoard) -> Option<ReplayCommand> {
        match (&board.run, &board.preview) {
            (Some(run), _) if !run.phase.is_ended() => Some(ReplayCommand::Continue),
            (None, preview) if self.form.is_some() => {
                // What was chosen since is previewed before anything of it is sent.
                let form = self.form.as_mut()?;
                if !form.is_whole() {
                    return None;
                }
                let ask = form.ask();
                let is_previewed = preview.as_ref().is_some_and(|preview| ReplayAsk { plan_key: None, ..ReplayAsk::clone(&preview.ask) } == ask);
                if is_previewed {
                    self.form = None;
                    return self.go_on(board);
                }
                Some(ReplayCommand::Preview(ask))
            }
            (None, Some(preview)) => {
                let typed_name = (!self.typed_name.is_empty()).then(|| self.typed_name.clone());
                let replay_id = preview.replay_id.clone();
                Some(match preview.writing {
                    Writing::Locked { .. } => ReplayCommand::Allow { replay_id, typed_name },
                    _ => ReplayCommand::Start { replay_id, typed_name },
                })
            }
            _ => None,
        }
    }

    /// Leaves what is edited or chosen, or stops what goes on, or closes what has ended; `None` = there is nothing of it.
    pub(crate) fn step_back(&mut self, board: &ReplayBoard) -> Option<Vec<ReplayCommand>> {
        if self.wants_to_edit.take().is_some() {
            self.editor = None;
            return Some(vec![ReplayCommand::EndEdit]);
        }
        if self.form.take().is_some() {
            return Some(Vec::new());
        }
        let command = match &board.run {
            Some(run) if run.phase.is_ended() => ReplayCommand::Dismiss,
            Some(run) if run.phase == RunPhase::Stopping => return Some(Vec::new()),
            Some(_) => ReplayCommand::Stop,
            None if board.preview.is_some() || board.preparing.is_some() => ReplayCommand::Dismiss,
            None => return None,
        };
        Some(vec![command])
    }

    /// Draws the panel, with what can be chosen and edited in it.
    pub(crate) fn ui(
        &mut self,
        ui: &mut egui::Ui,
        panel: &ReplayPanel,
        board: &ReplayBoard,
        selected: Option<&LetterKey>,
        tokens: &DesignTokens,
    ) -> (Option<UiCommand>, Vec<ViewAction>) {
        self.asks_name = panel.asks_name.is_some();
        let (mut actions, mut command) = (Vec::new(), None);
        actions.extend(self.looked_at.ask(board, selected).map(send));
        if std::mem::take(&mut self.seeks_pace) {
            TextField::ReplayFirst.seek(ui.ctx());
        }
        let (previewed, wrong_pace) = (board.preview.as_ref().filter(|_| board.run.is_none()), self.wrong_pace(board));
        let (form, editor, typed_name, looked_at) = (&mut self.form, &mut self.editor, &mut self.typed_name, &mut self.looked_at);
        let pace = &mut self.pace;
        let is_edited = self.wants_to_edit.is_some();
        let mut form_asked = None;
        let wrong_pace = wrong_pace.as_deref();
        // While a record is edited its room is needed.
        let pace = previewed.filter(|_| !is_edited).map(|preview| PaceEntry { form: pace, bounds: preview.bounds, wrong: wrong_pace });
        let asked = panel_ui(ui, panel, Typed { name: typed_name, pace }, tokens, |ui| {
            if is_edited {
                form_asked = editor_ui(ui, board, editor.as_mut(), tokens);
            } else if let Some(form) = form {
                form_asked = form_ui(ui, form, board, tokens);
            }
            let changed = if is_edited { Vec::new() } else { looked_at.changed(board, selected) };
            if !changed.is_empty() {
                changed_records_ui(ui, &changed, tokens);
            }
        });
        match asked {
            Some(Asked::Command(asked)) => command = Some(asked),
            Some(Asked::Action(action)) => actions.push(action),
            Some(Asked::Pace) => actions.extend(self.ask_pace(board).map(send)),
            None => {}
        }
        match form_asked {
            Some(FormAsked::Preview) => command = Some(UiCommand::PreviewReplay),
            Some(FormAsked::Edited) => actions.extend(self.take_edit(board).into_iter().map(send)),
            Some(FormAsked::Leave) => command = Some(UiCommand::StopReplay),
            None => {}
        }
        (command, actions)
    }

    /// Takes over what was edited: the record is previewed with it, among others where there are.
    fn take_edit(&mut self, board: &ReplayBoard) -> Vec<ReplayCommand> {
        let Some(editor) = &mut self.editor else { return Vec::new() };
        if let Some(form) = &mut self.form
            && !form.is_whole()
        {
            editor.wrong.clone_from(&form.wrong);
            return Vec::new();
        }
        let changes = match editor.changes() {
            Ok(changes) => changes,
            Err(wrong) => {
                editor.wrong = Some(wrong);
                return Vec::new();
            }
        };
        let letter = editor.letter.clone();
        (self.editor, self.wants_to_edit) = (None, None);
        let mut commands = vec![ReplayCommand::EndEdit];
        let of_form = self.form.as_ref().map(ReplayForm::ask);
        let of_preview = of_form.or_else(|| board.preview.as_ref().map(|preview| ReplayAsk::clone(&preview.ask)));
        if let Some(mut ask) = of_preview.or_else(|| self.ask_of_edited.take()) {
            let mut all = Changes::clone(&ask.options.changes);
            if changes.is_empty() {
                all.to_one.remove(&letter);
            } else {
                all.to_one.insert(letter, changes);
            }
            ask.options.changes = Arc::new(all);
            if self.form.is_some() {
                self.form = Some(ReplayForm::of(&ask));
            }
            commands.push(ReplayCommand::Preview(ask));
        }
        commands
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::dead_letters::sample;

    #[test]
    fn what_was_marked_can_be_chosen_again_once_a_range_was_previewed() {
        let mut board = sample::previewed(Writing::Allowed);
        let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
        let marked = ReplayAsk { letters: AskedLetters::These(vec![sample::asked(1)]), num_stored: 1, ..ReplayAsk::clone(&preview.ask) };
        let mut form = ReplayForm::of(&marked);
        form.range.which = Which::Offsets;
        (form.range.from, form.range.to) = ("100".into(), "109".into());
        preview.ask = Arc::new(form.ask());
        let mut room = ReplayRoom { form: Some(form), ..ReplayRoom::default() };
        room.take(&board);
        let form = room.form.as_mut().expect("it stays open");
        assert!(matches!(form.ask().letters, AskedLetters::Ranges(_)));
        form.range.which = Which::AsAsked;
        assert_eq!(form.ask(), marked);
    }
}
