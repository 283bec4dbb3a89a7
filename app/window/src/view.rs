//! What a view is: its kind, what it gets to draw with, what it asks for in return, and what one can jump to. It knows no view.

mod action;
mod asker;
mod begun;
mod beside;
mod commands;
mod context;
mod current_sources;
mod freshness;
pub(crate) mod news;
mod range;
mod table;
mod target;

pub(crate) use action::ViewAction;
pub(crate) use asker::{Asker, Slot, Standing};
pub(crate) use begun::Begun;
pub(crate) use beside::Beside;
pub(crate) use commands::{Keys, Menu, Scope, UiCommand};
pub(crate) use context::ViewContext;
pub(crate) use current_sources::CurrentSources;
pub(crate) use freshness::{Freshness, newest_ns};
pub(crate) use news::News;
pub(crate) use range::TimeRange;
pub use table::ViewKind;
pub(crate) use target::{StoredRecord, Target};

use std::borrow::Cow;

use switchboard_desk::sources::SourceProfile;
use switchboard_engine::view::{LetterView, RecordView, SpanView};

/// How an object is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyForm {
    /// Lines.
    Text,
    /// One JSON value.
    Json,
    /// For an issue or a chat.
    Markdown,
}

/// What a view has at hand of the selected object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen<'a> {
    /// No more than which it is.
    Nothing,
    /// The span.
    Span(&'a SpanView),
    /// The record.
    Record(&'a RecordView),
    /// The dead letter that is looked at of those that are selected, and what is stored of it; `None` = that is not known yet.
    Letter(&'a LetterView, Option<Stored<'a>>),
    /// The source, as the profile has it.
    Source(&'a SourceProfile),
}

/// What is stored of something; `None` = nothing is any more.
pub(crate) type Stored<'a> = Option<&'a RecordView>;

/// A view. It keeps only what belongs to the screen.
pub(crate) trait View {
    /// Draws it into all the room there is.
    fn ui(&mut self, ui: &mut egui::Ui, context: &mut ViewContext<'_>) -> Vec<ViewAction>;

    /// Shows and selects something; told only what [`Target::view`] sends here.
    fn goto(&mut self, target: &Target);

    /// What is selected, for the way back, for copying and for other programs; `None` = nothing.
    fn target(&self) -> Option<Target> {
        None
    }

    /// What is at hand of that.
    fn seen(&self) -> Seen<'_> {
        Seen::Nothing
    }

    /// Another session is looked at, which gives its ids anew: those of the former are forgotten.
    fn begin_anew(&mut self) {}

    /// Obeys a command; false if it is none of its own. What follows from it is returned by the next `ui`.
    fn run(&mut self, command: UiCommand) -> bool;

    /// Why a command of this view's can not be used now, in a few words; `None` = it can.
    fn unavailable(&self, _command: UiCommand) -> Option<Cow<'static, str>> {
        None
    }

    /// Whether a form is open in it: then letters are typed, and no commands.
    fn has_form(&self) -> bool {
        false
    }

    /// The selected object, with ids and times; `None` if nothing is selected.
    fn copy(&self, context: &ViewContext<'_>, form: CopyForm) -> Option<String>;

    /// Commands whose keys stand at the foot, with a word for each.
    fn hints(&self) -> Vec<(UiCommand, &'static str)> {
        Vec::new()
    }
}
