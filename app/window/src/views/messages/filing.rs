//! Records into a file, and out of one: the forms that ask which file, and what became of an export. `filing_ui` draws them.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use switchboard_desk::send::{
    RecordExport,
    replay::{AskedFile, AskedLetters, ReplayAsk, ReplayBoard, ReplayCommand, ReplayOptions, ReplayTarget},
};
use switchboard_desk::sources::Family;
use switchboard_model::MessageRef;

use super::{
    filing_ui::{FilingAsk, export_form_ui, exported_ui, file_form_ui},
    marked::{Meant, cluster_of},
    view::MessagesView,
};
use crate::{
    replay::send,
    view::{UiCommand, ViewAction, ViewContext},
    widgets::text_field::TextField,
};

/// What is asked for above the records.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Filing {
    /// Nothing.
    #[default]
    None,
    /// Into which file records are written; its name as far as it was typed.
    Export(String),
    /// Which file is replayed.
    Replay(FileForm),
}

/// Which file is replayed, and to where.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FileForm {
    /// Its path, as far as it was typed.
    pub path: String,
    /// The cluster that was chosen; `None` = the first that is offered.
    pub to: Option<String>,
    /// Since which board it was asked for; `None` = it was not yet.
    asked: Option<u64>,
    /// Why it is not previewed.
    pub wrong: Option<String>,
}

impl FileForm {
    /// The cluster that its records go to; `None` = there is none.
    pub(super) fn cluster<'a>(&'a self, open: Option<&'a str>, board: &'a ReplayBoard) -> Option<&'a str> {
        let is_there = |name: &&str| board.clusters.iter().any(|cluster| cluster.name == *name);
        let chosen = self.to.as_deref().or(open).filter(is_there);
        chosen.or_else(|| board.clusters.first().map(|cluster| cluster.name.as_str()))
    }

    /// What is asked for, each to its own topic; the reason and what to do where that is nothing yet.
    fn ask(&self, open: Option<&str>, board: &ReplayBoard) -> Result<ReplayAsk, String> {
        let path = PathBuf::from(self.path.trim());
        if path.as_os_str().is_empty() {
            return Err("Write the whole path of a file with a record a line, such as Export records… makes it".to_owned());
        }
        if !path.is_absolute() {
            return Err(format!("{} is no whole path: begin at the root of the disk", path.display()));
        }
        let none = || format!("There is no cluster to send to: add {} under Sources first", Family::one_with_channels());
        let cluster = self.cluster(open, board).ok_or_else(none)?;
        Ok(ReplayAsk {
            cluster: cluster.to_owned(),
            target: ReplayTarget::Own(BTreeMap::new()),
            letters: AskedLetters::File(AskedFile::at(path)),
            num_stored: 0,
            plan_key: None,
            options: ReplayOptions::default(),
        })
    }

    /// Takes in what the desk says to what was asked for; whether that is done.
    fn take(&mut self, board: &ReplayBoard) -> bool {
        let Some(asked) = self.asked.filter(|asked| board.version != *asked) else { return false };
        let is_of_file = board.preview.as_ref().is_some_and(|preview| preview.file.is_some());
        match &board.refusal {
            Some(reason) => (self.asked, self.wrong) = (None, Some(reason.clone())),
            None => self.asked = Some(asked),
        }
        self.asked.is_some() && (board.preparing.is_some() || is_of_file)
    }
}

impl Meant<'_> {
    /// How many records an export is of, and whether they are marked; the reason where it is not known where they lie. Costs little, however many there are.
    pub(super) fn num_to_export(self, board: &ReplayBoard) -> Result<(usize, bool), String> {
        let num_marked = self.num_marked();
        let mut channels: Vec<_> = self.channels().collect();
        if num_marked == 0 {
            channels = vec![&self.records.channel];
        }
        if channels.into_iter().any(|channel| cluster_of(channel, board).is_none()) {
            return Err("it is not known on which cluster this topic lies".to_owned());
        }
        match (num_marked, self.records.num_listed()) {
            (0, 0) => Err("no record is listed".to_owned()),
            (0, num_listed) => Ok((num_listed, false)),
            (num_marked, _) => Ok((num_marked, true)),
        }
    }

    /// The records that an export is of: those that are marked, on all topics, or all that are listed. The reason where it is not known where they lie.
    pub(super) fn to_export(self, board: &ReplayBoard) -> Result<Vec<MessageRef>, String> {
        let marked = self.marked_by_topic();
        let by_topic = if marked.is_empty() { vec![(&self.records.channel, self.records.listed())] } else { marked };
        let mut records = Vec::new();
        for (channel, places) in by_topic {
            let cluster = cluster_of(channel, board).ok_or("it is not known on which cluster this topic lies")?;
            records.extend(places.into_iter().map(|place| MessageRef { cluster: cluster.to_owned(), channel: channel.name.clone(), place }));
        }
        if records.is_empty() { Err("no record is listed".to_owned()) } else { Ok(records) }
    }
}

impl MessagesView {
    /// Whether a form is open above the records.
    pub(super) fn is_filing(&self) -> bool {
        self.filing != Filing::None
    }

    /// Asks which file is to be replayed.
    pub(super) fn ask_for_file(&mut self) {
        if !matches!(self.filing, Filing::Replay(_)) {
            self.filing = Filing::Replay(FileForm::default());
        }
    }

    /// Carries out a command that is about a file; whether it was one.
    pub(super) fn run_filing(&mut self, command: UiCommand) -> bool {
        match command {
            UiCommand::ExportRecords => self.filing = Filing::Export(String::new()),
            UiCommand::StopReplay | UiCommand::ClearSelection if self.is_filing() => self.filing = Filing::None,
            // The keys that do what a form is for never send anything past it.
            UiCommand::SendReplay if self.is_filing() => self.is_filing_done = true,
            _ => return false,
        }
        true
    }

    /// Draws what is asked about files, above all else.
    pub(super) fn filing_ui(&mut self, ui: &mut egui::Ui, context: &ViewContext<'_>, actions: &mut Vec<ViewAction>) {
        let (board, tokens) = (context.replay, context.tokens);
        let open = self.records.as_ref().and_then(|records| records.channel.cluster.clone());
        let mut filing = std::mem::take(&mut self.filing);
        let asked = match &mut filing {
            Filing::None => board.export.as_ref().and_then(|export| exported_ui(ui, export, tokens)),
            Filing::Export(typed) => {
                let meant = self.meant().map(|meant| meant.num_to_export(board));
                export_form_ui(ui, typed, meant.as_ref(), tokens)
            }
            Filing::Replay(form) => {
                let (was_wrong, is_done) = (form.wrong.is_some(), form.take(board));
                if form.wrong.is_some() && !was_wrong {
                    TextField::ReplayFile.seek(ui.ctx());
                }
                if is_done { Some(FilingAsk::Close) } else { file_form_ui(ui, form, open.as_deref(), board, tokens) }
            }
        };
        let is_done = std::mem::take(&mut self.is_filing_done) && filing != Filing::None;
        match (if is_done { Some(FilingAsk::Do) } else { asked }, &mut filing) {
            (None, _) | (Some(FilingAsk::Do), Filing::None) => {}
            (Some(FilingAsk::Close), Filing::None) => actions.push(send(ReplayCommand::CloseExport)),
            (Some(FilingAsk::Close), _) => filing = Filing::None,
            (Some(FilingAsk::Action(action)), _) => actions.push(action),
            (Some(FilingAsk::Do), Filing::Export(typed)) => {
                if let Some(Ok(records)) = self.meant().map(|meant| meant.to_export(board)) {
                    actions.push(send(ReplayCommand::Export(RecordExport { records, file: std::mem::take(typed) })));
                    filing = Filing::None;
                }
            }
            (Some(FilingAsk::Do), Filing::Replay(form)) => match form.ask(open.as_deref(), board) {
                Ok(ask) => {
                    (form.asked, form.wrong) = (Some(board.version), None);
                    actions.push(send(ReplayCommand::Preview(ask)));
                }
                Err(wrong) => {
                    form.wrong = Some(wrong);
                    TextField::ReplayFile.seek(ui.ctx());
                }
            },
        }
        self.filing = filing;
    }
}
