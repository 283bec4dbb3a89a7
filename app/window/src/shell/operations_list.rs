//! Operations as rows of a list and as a word in the bar. Pure.

use switchboard_desk::operations::{OperationView, OperationsBoard};
use switchboard_model::{OperationEnd, OperationId, Progress};

use crate::{figures, sanitise::visible, theme::Ink};

/// An operation in the list. All text in it is safe to show.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OperationRow {
    /// Which.
    pub id: OperationId,
    /// What it does.
    pub what: String,
    /// With which source.
    pub source: String,
    /// How it is, and how urgent that is.
    pub state: (&'static str, Ink),
    /// For how long it runs, or how long it took and when that was.
    pub time: String,
    /// The part that is done, from 0 to 1; `None` = the whole is not known.
    pub share: Option<f64>,
    /// How far it is; empty where it has not told.
    pub progress: String,
    /// What failed and why; empty where nothing did.
    pub reason: String,
    /// What to do next; empty where nothing is to be done.
    pub next_step: String,
    /// What of its results is gone; empty where nothing is.
    pub lost: String,
    /// Whether it can be stopped.
    pub is_running: bool,
}

/// Those that run, then those that ended, the last one first.
pub(crate) fn rows(board: &OperationsBoard, now_ns: i64) -> Vec<OperationRow> {
    board.running.iter().chain(&board.ended).map(|view| row(view, now_ns)).collect()
}

fn row(view: &OperationView, now_ns: i64) -> OperationRow {
    let text = |text: &str| visible(text).into_owned();
    let (state, time) = match &view.end {
        None => (("running", Ink::Text), format!("{} so far", figures::age(now_ns - view.started_ns))),
        Some(end) => {
            let time = format!("took {}, {} ago", figures::duration(end.at_ns - view.started_ns), figures::age(now_ns - end.at_ns));
            (outcome(&end.how), time)
        }
    };
    let failure = match view.end.as_ref().map(|end| &end.how) {
        Some(OperationEnd::Failed(failure)) => Some(failure),
        _ => None,
    };
    OperationRow {
        id: view.id,
        what: text(&view.info.what),
        source: text(&view.info.source),
        state,
        time,
        share: view.progress.as_ref().and_then(Progress::share),
        progress: view.progress.as_ref().map(so_far).unwrap_or_default(),
        reason: failure.map(|failure| text(&failure.reason)).unwrap_or_default(),
        next_step: failure.map(|failure| text(&failure.next_step)).unwrap_or_default(),
        lost: lost(view),
        is_running: view.end.is_none(),
    }
}

fn outcome(how: &OperationEnd) -> (&'static str, Ink) {
    match how {
        OperationEnd::Done => ("done", Ink::Dim),
        OperationEnd::Cancelled => ("cancelled", Ink::Dim),
        OperationEnd::Failed(_) => ("failed", Ink::Bad),
    }
}

fn so_far(progress: &Progress) -> String {
    match progress.total {
        Some(total) => format!("{} of {} {}", figures::count(progress.done), figures::count(total), progress.unit),
        None => format!("{} so far: {}", progress.unit, figures::count(progress.done)),
    }
}

fn lost(view: &OperationView) -> String {
    let told = [(view.num_lost, "found no room"), (view.num_late, "came after its end")];
    let parts = told.into_iter().filter(|(num, _)| *num > 0).map(|(num, why)| format!("{} of results {why}", figures::things(num, "page", "pages")));
    parts.collect::<Vec<_>>().join("; ")
}

impl OperationRow {
    /// It in one line, for a screen reader.
    pub(crate) fn words(&self) -> String {
        let (state, _) = self.state;
        let parts = [&self.what, &self.source, state, &self.time, &self.progress, &self.reason, &self.next_step, &self.lost];
        parts.into_iter().filter(|part| !part.is_empty()).map(|part| part as &str).collect::<Vec<_>>().join(", ")
    }

    /// It as lines, to be copied.
    pub(crate) fn lines(&self) -> String {
        let (state, _) = self.state;
        let state = format!("{state}, {}", self.time);
        let lines = [
            ("operation", &self.what),
            ("source", &self.source),
            ("state", &state),
            ("progress", &self.progress),
            ("reason", &self.reason),
            ("next step", &self.next_step),
            ("lost", &self.lost),
        ];
        lines.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("\n")
    }
}

/// What the bar says of those that run, and of those that ended and are news; `None` = nothing.
pub(crate) fn in_the_bar<'a>(board: &OperationsBoard, news: impl Iterator<Item = &'a OperationView>) -> Option<(String, Ink)> {
    if !board.running.is_empty() {
        return Some((format!("{} running", board.running.len()), Ink::Text));
    }
    let (mut num_ended, mut num_failed) = (0_usize, 0_usize);
    for view in news {
        num_ended += 1;
        num_failed += usize::from(matches!(view.end.as_ref().map(|end| &end.how), Some(OperationEnd::Failed(_))));
    }
    match (num_failed, num_ended) {
        (0, 0) => None,
        (0, num) => Some((format!("{num} ended"), Ink::Dim)),
        (num, _) => Some((format!("{num} failed"), Ink::Bad)),
    }
}
