//! What a replay would do, and what it does: heading, sections, progress and buttons. Pure.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_engine::view::{LagVerdict, Severity, breaker_word, group_kind_word};
use switchboard_model::{GroupKind, Place};

use switchboard_desk::{
    ledger::{Ending, LetterState, SentState, SettledAs},
    replay::{BreakerOnTheWay, CanaryLine, PartitionRule, Preview, Reader, Readers, ReplayBoard, Retry, RunBoard, RunPhase, SentCounts, Writing},
};

use crate::{
    figures,
    ink::{
        Tone,
        signs::{state_glyph, state_tone, verdict_glyph},
    },
    sanitise::visible,
    view::{Target, UiCommand, ViewAction},
    widgets::detail::{Row, Section},
};

/// Reasons for skipping that are listed.
const REASONS_MAX: usize = 6;
/// Skipped letters named one by one below their reason.
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

/// How many sends came to this.
fn outcome_row(outcome: SettledAs, num: usize) -> Row {
    num_row(outcome.word(), outcome.severity(), num)
}

/// The sign of what became of a send.
fn outcome_sign(outcome: SettledAs) -> char {
    match outcome {
        SettledAs::Done => '·',
        SettledAs::NotDone => '✕',
        SettledAs::Possibly => '?',
        SettledAs::Skipped | SettledAs::Refused => '–',
    }
}

/// The panel as of now.
pub(crate) fn panel(board: &ReplayBoard, asking: &Asking<'_>, now_ns: i64) -> ReplayPanel {
    let warning = board.refusal.clone().or_else(|| board.ledger_failure.clone()).map(|text| visible(&text).into_owned());
    let panel = if let Some(run) = &board.run {
        of_run(run, now_ns)
    } else if let Some(preview) = &board.preview {
        of_preview(preview, asking.typed_name)
    } else if let Some(preparing) = board.preparing {
        ReplayPanel {
            title: "Replay".to_owned(),
            phase: format!("reading {} of {} again from the broker", figures::count(preparing.num_read as u64), figures::count(preparing.num_asked as u64)),
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
        Some(Writing::AsksForName) => Row::text("Production: the cluster's name has to be typed before anything is sent"),
        Some(Writing::Allowed) => Row::text("The profile lets this cluster be written to"),
        None => Row::text("Nothing can be sent to this cluster: the profile does not name it").toned(Tone::Warn),
    };
    let how = "A preview reads the letters again from the broker and shows the very bytes, who will read them, and what is skipped. It sends nothing";
    let none = if marked.num == 0 { "mark letters first: Space, or A for all open ones" } else { "" };
    let none_open = match (none.is_empty(), marked.num_open) {
        (true, 0) => "none of them is open",
        _ => none,
    };
    let num = figures::count(marked.num_open as u64);
    let letters = figures::things(marked.num_open as u64, "letter", "letters");
    let preview = if marked.num_open > 0 { format!("Preview {letters}…") } else { "Preview…".to_owned() };
    let mut buttons = vec![button(&preview, UiCommand::PreviewReplay, true, none_open), button("Park…", UiCommand::ParkLetters, false, none_open)];
    if marked.num_parked > 0 {
        buttons.push(button("Take out", UiCommand::UnparkLetters, false, ""));
    }
    ReplayPanel {
        title: "Replay".to_owned(),
        phase: if marked.is_selection {
            "the selected letter; Space marks several, A all open ones".to_owned()
        } else {
            format!("{} marked, {num} of them open", figures::count(marked.num as u64))
        },
        sections: std::iter::once(Section::new("Sending", vec![may, Row::text(how)]))
            .chain(asking.readers.iter().map(|readers| readers_section(readers, "Who would read them again")))
            .collect(),
        buttons,
        ..ReplayPanel::default()
    }
}

fn of_preview(preview: &Preview, typed_name: &str) -> ReplayPanel {
    let target = visible(&preview.target).into_owned();
    let num = preview.planned.len();
    let num_others = preview.num_stored.saturating_sub((num + preview.skipped.len()) as u64);
    let mut what = vec![
        figure("will be sent", &format!("{} of {}", figures::count(num as u64), figures::count(preview.num_stored))),
        outcome_row(SettledAs::Skipped, preview.skipped.len()),
        figure("bytes, hash equal", &figures::bytes(preview.size_bytes() as u64)),
        partition_row(preview.partitions),
        figure("order", "as they died"),
        figure("timestamp", "of sending"),
    ];
    if num_others > 0 {
        what.insert(2, figure("not asked for", &figures::count(num_others)));
    }
    let mut sections = vec![Section::new("What", what).noted("read again from the broker")];
    if !preview.skipped.is_empty() {
        sections.push(Section::new("Skipped", skipped_rows(preview)));
    }
    sections.push(readers_section(&preview.readers, "Who will read them again"));
    if !preview.readers.breakers.is_empty() {
        sections.push(Section::new("Breakers on the way", preview.readers.breakers.iter().map(breaker_row).collect()));
    }
    let mut asks_name = None;
    // What is not allowed can still be asked for: the session refuses it and writes that down.
    let is_allowed = match &preview.writing {
        Writing::ReadOnly(reason) => {
            sections.insert(0, Section::new("Read-only", vec![Row::text(reason).toned(Tone::Warn)]));
            false
        }
        Writing::AsksForName => {
            asks_name = Some(preview.cluster.clone());
            typed_name == preview.cluster
        }
        Writing::Allowed => true,
    };
    let unavailable = if num == 0 { "nothing is left to send" } else { "" };
    let first = num.min(5);
    let text = if num > first { format!("Send the first {first}") } else { format!("Send {}", figures::things(num as u64, "letter", "letters")) };
    let cluster_id = preview.cluster_id.as_deref().map(|id| format!(" ({})", visible(id))).unwrap_or_default();
    ReplayPanel {
        title: format!("Replay {} to {target}", figures::count(num as u64)),
        phase: "dry run · nothing has been sent".to_owned(),
        sections,
        asks_name,
        buttons: vec![button(&text, UiCommand::SendReplay, is_allowed, unavailable), button("Dismiss", UiCommand::StopReplay, false, "")],
        foot: format!("{} · cluster {}{cluster_id}", preview.replay_id, visible(&preview.cluster)),
        ..ReplayPanel::default()
    }
}

fn partition_row(rule: PartitionRule) -> Row {
    match rule {
        PartitionRule::AsOriginal { num_partitions } => figure("partition", &format!("as original of {num_partitions}")),
        PartitionRule::ByKey { num_unknown, num_partitions: Some(num) } => figure("partition", &format!("as original of {num}"))
            .explained(&format!("{} by key: where they lay is unknown or not there", figures::count(num_unknown as u64))),
        PartitionRule::ByKey { .. } => figure("partition", "by key").explained("how many the target has is unknown"),
    }
}

fn skipped_rows(preview: &Preview) -> Vec<Row> {
    let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for skipped in &preview.skipped {
        by_reason.entry(&skipped.reason).or_default().push(skipped.letter.at.place.to_string());
    }
    let mut reasons: Vec<_> = by_reason.into_iter().collect();
    reasons.sort_by_key(|(_, letters)| std::cmp::Reverse(letters.len()));
    let num_more = reasons.len().saturating_sub(REASONS_MAX);
    let row = |(reason, letters): (&str, Vec<String>)| {
        let more = if letters.len() > NAMED_MAX { " …" } else { "" };
        let named = format!("{}{more}", letters[..letters.len().min(NAMED_MAX)].join(", "));
        Row::link(&named, &figures::count(letters.len() as u64), None).explained(reason).toned(SettledAs::Skipped.severity().into())
    };
    let mut rows: Vec<Row> = reasons.into_iter().take(REASONS_MAX).map(row).collect();
    if num_more > 0 {
        rows.push(Row::text(&format!("{num_more} further reasons")));
    }
    rows
}

fn readers_section(readers: &Readers, title: &str) -> Section {
    if readers.groups.is_empty() {
        return Section::new(title, vec![Row::text("No consumer group is known to read it").toned(Tone::Unknown)]);
    }
    let num_others = readers.others().count();
    let note = if num_others > 0 { figures::things(num_others as u64, "other group", "other groups") } else { String::new() };
    Section::new(title, readers.groups.iter().map(reader_row).collect()).noted(&note)
}

/// `1,204 · 38 s ▲` in words and sign.
fn lag_words(reader: &Reader) -> String {
    match (reader.lag, reader.lag_s) {
        (Some(lag), Some(lag_s)) if lag > 0 => format!("lag {} · {}", figures::count(lag), figures::age_s(lag_s)),
        (Some(lag), _) => format!("lag {}", figures::count(lag)),
        (None, _) => "lag unknown".to_owned(),
    }
}

fn reader_row(reader: &Reader) -> Row {
    // That a group reads them twice is worth a warning, however it stands.
    let role_tone = if reader.has_failed { Tone::Quiet } else { Tone::Warn };
    let tone = role_tone.max(reader.severity.into());
    let members = reader.num_members.map(|num| format!(" · {}", figures::things(num as u64, "member", "members"))).unwrap_or_default();
    let role = match (reader.has_failed, reader.has_untold_topics) {
        (true, _) => "the one that failed",
        (false, true) => "may read them too: its topics are not told",
        (false, false) => "reads them twice, unless it began later",
    };
    let kind = match &reader.kind {
        None | Some(GroupKind::Classic | GroupKind::Consumer) => String::new(),
        kind => format!(" · {}", group_kind_word(kind.as_ref())),
    };
    let standing = if reader.verdict == LagVerdict::Ok { String::new() } else { format!(" · {}", visible(&reader.sentence)) };
    let row = Row::link(&reader.group, &lag_words(reader), None).explained(&format!("{role}{kind}{members}{standing}")).toned(tone);
    match verdict_glyph(reader.verdict).filter(|_| reader.severity >= Severity::Warning) {
        Some(sign) => row.signed(sign),
        None => row,
    }
}

fn breaker_row(breaker: &BreakerOnTheWay) -> Row {
    let word = breaker_word(breaker.state);
    let (num, of) = breaker.instances;
    let value = if of > 1 { format!("{word} {num}/{of}") } else { word.to_owned() };
    let row = Row::link(&format!("{} → {}", breaker.caller, breaker.guards), &value, None).toned(state_tone(breaker.state));
    match state_glyph(breaker.state) {
        Some(sign) => row.signed(sign),
        None => row,
    }
}

fn of_run(run: &RunBoard, now_ns: i64) -> ReplayPanel {
    let (phase, phase_tone) = phase_words(run);
    let counts = run.counts;
    let num = counts.sum();
    let mut sections = vec![readers_section(&run.readers, "Who reads them"), Section::new("First", canary_rows(run, now_ns))];
    // Once the rest goes, what became of all tells more than the first few.
    let told_at = if matches!(run.phase, RunPhase::Rest | RunPhase::Stopping | RunPhase::Ended(Ending::Finished | Ending::Stopped, _)) { 1 } else { 2 };
    let mut told = vec![
        outcome_row(SettledAs::Done, counts.persisted),
        outcome_row(SettledAs::NotDone, counts.not_persisted),
        outcome_row(SettledAs::Possibly, counts.possibly_persisted),
        outcome_row(SettledAs::Skipped, counts.skipped),
        num_row(LetterState::Consumed.word(), LetterState::Consumed.severity(), run.num_consumed),
        num_row(LetterState::DeadAgain.word(), LetterState::DeadAgain.severity(), run.num_dead_again),
    ];
    if run.num_retried > 0 {
        told.insert(5, figure("being tried again", &figures::count(run.num_retried as u64)).toned(Tone::Warn));
    }
    if !run.others.is_empty() {
        told.push(Row::text(&others_words(&run.others)).toned(Tone::Quiet));
    }
    if counts.possibly_persisted > 0 {
        let doubtful = SettledAs::Possibly;
        let text = format!("What is {} is never sent again: look for it on the target", doubtful.word());
        told.push(Row::text(&text).toned(doubtful.severity().into()));
    }
    sections.insert(told_at, Section::new("What became of them", told));
    if !run.readers.breakers.is_empty() {
        sections.push(Section::new("Breakers on the way", run.readers.breakers.iter().map(breaker_row).collect()));
    }
    let tried = num - counts.waiting;
    let left_s = counts.waiting as u64 / u64::from(run.rate_per_s.max(1));
    let right = match &run.phase {
        RunPhase::Rest => format!("{} dead again · {left_s} s left", run.num_dead_again),
        _ => format!("{} dead again", run.num_dead_again),
    };
    let elapsed = figures::age(run.ended_ns.unwrap_or(now_ns).saturating_sub(run.started_ns));
    ReplayPanel {
        title: format!("Replay of {} to {}", figures::count(num as u64), visible(&run.target)),
        phase,
        phase_tone,
        sections,
        progress: Some(Progress { counts, left: format!("{} of {} tried", figures::count(tried as u64), figures::count(num as u64)), right }),
        buttons: run_buttons(run),
        foot: format!(
            "{} · {elapsed} · {} /s, stops by itself when a group lags {} more than before, a breaker opens or one comes back dead",
            run.replay_id, run.rate_per_s, run.lag_limit
        ),
        ..ReplayPanel::default()
    }
}

/// Who else read it: the first few by name.
fn others_words(others: &BTreeSet<String>) -> String {
    let named: Vec<String> = others.iter().take(NAMED_MAX).map(|name| visible(name).into_owned()).collect();
    let more = others.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("Others read it too, which says nothing of the group that failed: {}{more}", named.join(", "))
}

fn phase_words(run: &RunBoard) -> (String, Tone) {
    let quiet = |text: &str| (text.to_owned(), Tone::Quiet);
    match &run.phase {
        RunPhase::Connecting => quiet("connecting, and checking that it is the cluster of the preview"),
        RunPhase::Canary => quiet("sending the first few"),
        RunPhase::Watching if run.readers.groups.is_empty() => {
            ("the first few are sent; no group is known to read the target, so nobody can be seen to consume them".to_owned(), Tone::Warn)
        }
        RunPhase::Watching if !run.waits_for.is_empty() => (format!("the first few are sent; {}", visible(&run.waits_for)), Tone::Warn),
        RunPhase::Watching => quiet("the first few are sent; waiting to see the group that failed process them, and none come back"),
        RunPhase::Passed if run.canary.iter().any(CanaryLine::is_being_retried) => {
            ("the first few were tried again, and none came back within the time that takes: the rest may go".to_owned(), Tone::Warn)
        }
        RunPhase::Passed => quiet("the group that failed processed the first few, and none came back: the rest may go"),
        RunPhase::Rest => quiet("sending the rest"),
        RunPhase::Stopping => ("stopping: what is on its way is waited for".to_owned(), Tone::Warn),
        RunPhase::Ended(Ending::Finished, _) => quiet("all was sent"),
        RunPhase::Ended(Ending::Stopped, _) => ("stopped; what was not tried is still open".to_owned(), Tone::Warn),
        RunPhase::Ended(Ending::Halted, reason) => (format!("stopped by itself: {}", visible(reason)), Tone::Bad),
    }
}

fn canary_rows(run: &RunBoard, now_ns: i64) -> Vec<Row> {
    if run.canary.is_empty() {
        return vec![Row::text("None was sent yet")];
    }
    let row = |line: &CanaryLine| {
        let at = figures::when(line.at_ns, now_ns).to_s();
        let word = line.state.word();
        // What the ledger knows to be written is so, whatever was said of it before.
        let is_written = line.state == LetterState::Sent(SentState::Persisted);
        let outcome = line.outcome.map(|outcome| if is_written { SettledAs::Done } else { outcome });
        let (text, severity) = match (&line.state, outcome) {
            (LetterState::DeadAgain, _) => (format!("✕ {word} {at}"), line.state.severity()),
            _ if line.is_being_retried() => ("· being tried again".to_owned(), Severity::Warning),
            (LetterState::Consumed, _) => (format!("✓ {word} {at}"), line.state.severity()),
            (_, None) => ("· on its way".to_owned(), Severity::Quiet),
            (_, Some(outcome)) => {
                let waiting = if outcome == SettledAs::Done { ", waiting" } else { "" };
                (format!("{} {}{waiting}", outcome_sign(outcome), outcome.word()), outcome.severity())
            }
        };
        let action = line.seen.new_trace.map(|(trace_id, span_id)| ViewAction::Goto(Target::Trace { trace_id, span_id: Some(span_id) }));
        let trace = line.seen.new_trace.map(|(trace_id, _)| format!("new trace {}…", trace_id.to_string().chars().take(6).collect::<String>()));
        let retry = line.seen.retry.as_ref().filter(|_| line.is_being_retried()).map(|retry| retry_words(retry, now_ns));
        let waits_for = Some(line.seen.waits_for.as_str()).filter(|_| matches!(line.state, LetterState::Sent(_)) && retry.is_none());
        let elsewhere = line.seen.died_elsewhere.as_deref();
        let told = [retry.as_deref(), elsewhere, waits_for, trace.as_deref(), Some(line.evidence.as_str())];
        let detail: Vec<&str> = told.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        Row::link(&line.letter.at.place.to_string(), &text, action).explained(&detail.join(" · ")).toned(severity.into())
    };
    run.canary.iter().map(row).collect()
}

/// `on orders-retry-0 0@3, try 2 at 14:03:07`.
fn retry_words(retry: &Retry, now_ns: i64) -> String {
    let at = &retry.at;
    let next = match (retry.next_try, retry.due_ns) {
        (Some(next), Some(due_ns)) => format!(", try {next} at {}", figures::when(due_ns, now_ns).to_s()),
        (Some(next), None) => format!(", try {next}"),
        (None, Some(due_ns)) => format!(", at {}", figures::when(due_ns, now_ns).to_s()),
        (None, None) => String::new(),
    };
    format!("on {} {}{next}", visible(&at.channel), Place::at(at.partition, at.offset))
}

fn run_buttons(run: &RunBoard) -> Vec<PanelButton> {
    if run.phase.is_ended() {
        return vec![button("Close", UiCommand::StopReplay, false, "")];
    }
    // Where waiting can not tell, the operator decides.
    let nobody_reads = run.phase == RunPhase::Watching && (run.readers.groups.is_empty() || run.is_untellable) && run.counts.in_flight == 0;
    let is_waiting = run.counts.waiting > 0;
    let rest = match &run.phase {
        RunPhase::Passed => "",
        RunPhase::Watching if nobody_reads => "",
        RunPhase::Rest | RunPhase::Stopping => "it is being sent",
        _ => "the group that failed has to process the first few first",
    };
    let mut buttons = Vec::new();
    if is_waiting && !matches!(run.phase, RunPhase::Rest | RunPhase::Stopping) {
        buttons.push(button(if nobody_reads { "Send the rest unseen" } else { "Send the rest" }, UiCommand::SendReplay, true, rest));
    }
    buttons.push(button("Stop", UiCommand::StopReplay, false, if run.phase == RunPhase::Stopping { "it is stopping" } else { "" }));
    buttons
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{letters::state_ink, panel_ui::bar_parts, sample};
    use super::*;
    use switchboard_desk::replay::{At, Sighting};

    use crate::{ink::tone_inks, testing::NOW_NS, theme::Ink};

    /// All that the panel says of a run, changed a little.
    fn said(phase: &RunPhase, change: impl FnOnce(&mut RunBoard)) -> (ReplayPanel, String) {
        let mut board = sample::running(phase, 5);
        let run = Arc::make_mut(board.run.as_mut().expect("a run"));
        change(run);
        let asking = Asking { marked: Marked::default(), cluster: None, readers: None, typed_name: "" };
        let panel = panel(&board, &asking, NOW_NS);
        let text = format!("{} {:?}", panel.phase, panel.sections);
        (panel, text)
    }

    #[test]
    fn every_outcome_of_a_send_is_called_the_same_and_is_as_urgent_wherever_it_is_told() {
        for outcome in SettledAs::ALL {
            let (counts, counted_as) = match outcome {
                SettledAs::Done => (SentCounts { persisted: 1, ..SentCounts::default() }, outcome),
                SettledAs::NotDone => (SentCounts { not_persisted: 1, ..SentCounts::default() }, outcome),
                SettledAs::Possibly => (SentCounts { possibly_persisted: 1, ..SentCounts::default() }, outcome),
                SettledAs::Skipped | SettledAs::Refused => (SentCounts { skipped: 1, ..SentCounts::default() }, SettledAs::Skipped),
            };
            let tone = Tone::from(outcome.severity());
            let (panel, text) = said(&RunPhase::Rest, |run| {
                run.counts = counts;
                for line in &mut run.canary {
                    (line.outcome, line.state, line.seen) = (Some(outcome), LetterState::Open, Sighting::default());
                }
            });
            let links: Vec<(&str, &str, Tone)> = panel
                .sections
                .iter()
                .flat_map(|section| &section.rows)
                .filter_map(|row| match row {
                    Row::Link { label, value, tone, .. } => Some((label.as_str(), value.as_str(), *tone)),
                    _ => None,
                })
                .collect();
            let waiting = if outcome == SettledAs::Done { ", waiting" } else { "" };
            let told = format!("{} {}{waiting}", outcome_sign(outcome), outcome.word());
            let first: Vec<_> = links.iter().filter(|(label, ..)| label.contains('@')).collect();
            assert!(!first.is_empty() && first.iter().all(|(_, value, of)| *value == told && *of == tone), "{outcome:?}: {text}");
            let counted: Vec<_> = links.iter().filter(|(label, ..)| *label == counted_as.word()).collect();
            assert!(matches!(counted[..], [(_, "1", of)] if *of == tone), "{outcome:?}: {text}");
            let inks: Vec<Ink> = bar_parts(counts).into_iter().filter(|(num, _)| *num > 0).map(|(_, ink)| ink).collect();
            assert_eq!(inks, [if tone == Tone::Quiet { Ink::Good } else { tone_inks(tone).0 }], "{outcome:?}");
            assert_eq!(text.contains("is never sent again"), outcome == SettledAs::Possibly, "{outcome:?}: {text}");
        }
        let doubtful = LetterState::Sent(SentState::Possibly);
        assert_eq!(doubtful.severity(), SettledAs::Possibly.severity());
        assert_eq!(state_ink(&doubtful), tone_inks(doubtful.severity().into()).0);
    }

    #[test]
    fn what_is_tried_again_is_not_called_consumed_and_others_are_named_as_others() {
        let retry = Retry {
            at: At { channel: "orders.placed-retry-0".into(), partition: 1, offset: 3 },
            next_try: Some(2),
            due_ns: Some(NOW_NS + 86_400_000_000_000),
            since_ns: NOW_NS,
            over_ns: None,
        };
        let (_, text) = said(&RunPhase::Watching, |run| {
            for line in &mut run.canary {
                line.state = LetterState::Sent(SentState::Persisted);
                line.seen = Sighting { retry: Some(retry.clone()), ..Sighting::default() };
            }
            (run.num_consumed, run.num_retried) = (0, 5);
            run.waits_for = "5 of the first are being tried again on orders.placed-retry-0; how long that goes on is not told".into();
            run.others = ["audit".to_owned(), "mail".to_owned()].into();
        });
        for part in [
            "the first few are sent; 5 of the first are being tried again",
            "· being tried again",
            // It is due on another day.
            "on orders.placed-retry-0 1@3, try 2 at 2026-11-22 ",
            "which says nothing of the group that failed: audit, mail",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("✓ consumed"), "{text}");
    }

    #[test]
    fn where_waiting_can_not_tell_the_operator_is_told_why_and_decides() {
        let send = |panel: &ReplayPanel| panel.buttons.iter().find(|button| button.command == UiCommand::SendReplay).cloned().expect("a button");
        let (panel, text) = said(&RunPhase::Watching, |run| {
            run.waits_for = "its headers do not tell in which group it died".into();
            run.is_untellable = true;
        });
        assert!(text.contains("do not tell in which group"), "{text}");
        assert_eq!((send(&panel).text.as_str(), send(&panel).unavailable.as_str()), ("Send the rest unseen", ""));
        let (panel, _) = said(&RunPhase::Watching, |_| {});
        assert_eq!(send(&panel).unavailable, "the group that failed has to process the first few first");
    }

    #[test]
    fn a_run_that_has_ended_shows_what_has_died_since() {
        let ended = RunPhase::Ended(Ending::Halted, "orders.placed-dlt 0@7718 came back dead".into());
        let (panel, text) = said(&ended, |run| {
            run.canary.iter_mut().for_each(|line| line.state = LetterState::DeadAgain);
            (run.num_consumed, run.num_dead_again) = (0, 5);
        });
        assert_eq!(text.matches("✕ dead again").count(), 5, "{text}");
        assert!(panel.progress.is_some_and(|progress| progress.right == "5 dead again"));
    }
}
