//! What a replay would do, and what it does: heading, sections, progress and buttons. Pure.
//!
//! `preview` is what would be sent (`order` what becomes of the order of records), `run` what is being sent and what became of it, `readers` who reads it.

mod order;
mod preview;
mod readers;
mod run;
#[cfg(test)]
mod tests;

use switchboard_desk::{
    ledger::SettledAs,
    send::replay::{Readers, ReplayBoard, SentCounts, Writing},
};
use switchboard_engine::view::Severity;
use switchboard_model::MessageRef;

use crate::{
    figures,
    ink::Tone,
    sanitise::visible,
    view::UiCommand,
    widgets::detail::{Row, Section},
};
use preview::of_preview;
use readers::readers_section;
use run::of_run;

/// Skipped letters named one by one below their reason, and others who read.
const NAMED_MAX: usize = 3;

/// The panel. All text in it is safe to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ReplayPanel {
    /// What it is about.
    pub title: String,
    /// Where it is.
    pub phase: String,
    /// How urgent that is.
    pub phase_tone: Tone,
    /// Something to be told above all.
    pub warning: Option<String>,
    /// What it says.
    pub sections: Vec<Section>,
    /// How far it is.
    pub progress: Option<Progress>,
    /// The name that has to be typed before anything is sent.
    pub asks_name: Option<String>,
    /// What can be done.
    pub buttons: Vec<PanelButton>,
    /// Below all.
    pub foot: String,
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// What became of its records.
    pub counts: SentCounts,
    /// Left below the bar.
    pub left: String,
    /// Right below the bar.
    pub right: String,
}

/// A button.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PanelButton {
    /// What it says.
    pub text: String,
    /// What it does.
    pub command: UiCommand,
    /// Whether it is the one to press.
    pub is_primary: bool,
    /// Why it can not be pressed; empty = it can.
    pub unavailable: String,
}

/// What is selected in the list beside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marked {
    /// Letters marked, or the selected one.
    pub num: usize,
    /// Whether it is the selected one, for none is marked.
    pub is_selection: bool,
    /// Of these, open.
    pub num_open: usize,
    /// Of these, parked.
    pub num_parked: usize,
    /// Whether they are records, not dead letters: of these all are open, and none is parked.
    pub are_records: bool,
}

/// What would be asked for.
pub(crate) struct Asking<'a> {
    /// The letters.
    pub marked: Marked,
    /// Name of the source; `None` = nothing is looked at.
    pub cluster: Option<&'a str>,
    /// Who reads the channel they came from; `None` = they do not tell it.
    pub readers: Option<Readers>,
    /// The cluster's name as far as it was typed.
    pub typed_name: &'a str,
    /// Letters of the preview that somebody dealt with since it was made.
    pub num_changed: usize,
    /// Where the plan was written that is shown; `None` = it was not.
    pub plan_file: Option<&'a str>,
}

fn button(text: &str, command: UiCommand, is_primary: bool, unavailable: &str) -> PanelButton {
    PanelButton { text: text.to_owned(), command, is_primary, unavailable: unavailable.to_owned() }
}

/// A figure and what it is of.
fn figure(name: &str, value: &str) -> Row {
    Row::link(name, value, None)
}

/// How many came to what is called and judged so.
fn num_row(word: &str, severity: Severity, num: usize) -> Row {
    figure(word, &figures::count(num as u64)).toned(if num > 0 { severity.into() } else { Tone::Quiet })
}

/// Whether records lie on several channels, so that the place alone does not tell which is meant.
pub(super) fn are_of_several<'a>(places: impl Iterator<Item = &'a MessageRef>) -> bool {
    let mut places = places.map(|at| &at.channel);
    places.next().is_some_and(|first| places.any(|other| other != first))
}

/// Where a record lies, with its channel where it is one of several.
pub(super) fn place_words(at: &MessageRef, are_of_several: bool) -> String {
    if are_of_several { format!("{} {}", visible(&at.channel), at.place) } else { at.place.to_string() }
}

/// How many sends came to this.
fn outcome_row(outcome: SettledAs, num: usize) -> Row {
    num_row(outcome.word(), outcome.severity(), num)
}

/// The panel as of now.
pub(crate) fn panel(board: &ReplayBoard, asking: &Asking<'_>, now_ns: i64) -> ReplayPanel {
    let warning = board.refusal.clone().or_else(|| board.ledger_failure.clone()).map(|text| visible(&text).into_owned());
    let panel = if let Some(run) = &board.run {
        of_run(run, now_ns)
    } else if let Some(preview) = &board.preview {
        of_preview(preview, asking, now_ns)
    } else if let Some(preparing) = board.preparing {
        let phase = match preparing.num_asked {
            Some(num) => format!("reading {} of {} again from the broker", figures::count(preparing.num_read as u64), figures::count(num as u64)),
            None => "asking the brokers what lies in the range now".to_owned(),
        };
        ReplayPanel {
            title: "Replay".to_owned(),
            phase,
            buttons: vec![button("Cancel", UiCommand::StopReplay, false, "")],
            foot: "nothing is sent".to_owned(),
            ..ReplayPanel::default()
        }
    } else {
        of_nothing(board, asking)
    };
    ReplayPanel { warning, ..panel }
}

fn of_nothing(board: &ReplayBoard, asking: &Asking<'_>) -> ReplayPanel {
    let marked = asking.marked;
    let writing = asking.cluster.and_then(|cluster| board.writing(cluster));
    let may = match writing {
        Some(Writing::ReadOnly(reason)) => Row::text(reason).toned(Tone::Warn),
        Some(Writing::Locked { .. }) => Row::text("Read-only until you allow sending to it for this session: a preview offers that"),
        Some(Writing::AsksForName) => Row::text("Production: the cluster's name has to be typed before anything is sent"),
        Some(Writing::Allowed) => Row::text("The profile lets this cluster be written to"),
        None => Row::text("Nothing can be sent to this cluster: the profile does not name it").toned(Tone::Warn),
    };
    let [one, several] = if marked.are_records { ["record", "records"] } else { ["letter", "letters"] };
    let how =
        format!("A preview reads the {several} again from the broker and shows the very bytes, who will read them, and what is skipped. It sends nothing");
    let none = match (marked.num, marked.are_records) {
        (0, false) => "mark letters first: Space, or A for all open ones",
        (0, true) => "mark records first: Space, or A for all",
        _ => "",
    };
    let none_open = match (none.is_empty(), marked.num_open) {
        (true, 0) => "none of them is open",
        _ => none,
    };
    let num = figures::count(marked.num_open as u64);
    let things = figures::things(marked.num_open as u64, one, several);
    let preview = if marked.num_open > 0 { format!("Preview {things}…") } else { "Preview…".to_owned() };
    let mut buttons = vec![button(&preview, UiCommand::PreviewReplay, true, none_open), button("Change…", UiCommand::ChangeReplay, false, none_open)];
    if !marked.are_records {
        buttons.push(button("Park…", UiCommand::ParkLetters, false, none_open));
    }
    if marked.num_parked > 0 {
        buttons.push(button("Take out", UiCommand::UnparkLetters, false, ""));
    }
    ReplayPanel {
        title: "Replay".to_owned(),
        phase: if marked.is_selection {
            "the selected letter; Space marks several, A all open ones".to_owned()
        } else if marked.are_records {
            format!("{} marked or selected", figures::things(marked.num as u64, one, several))
        } else {
            format!("{} marked, {num} of them open", figures::count(marked.num as u64))
        },
        sections: std::iter::once(Section::new("Sending", vec![may, Row::text(&how)]))
            .chain(asking.readers.iter().map(|readers| readers_section(readers, "Who would read them again")))
            .collect(),
        buttons,
        ..ReplayPanel::default()
    }
}
