//! What is being sent, and what became of what was.

use std::collections::BTreeSet;

use switchboard_desk::{
    ledger::{Ending, LetterState, SentState, SettledAs},
    send::replay::{CanaryLine, GroupsAt, Retry, RunBoard, RunPhase},
};
use switchboard_engine::view::Severity;
use switchboard_model::Place;

use super::{
    NAMED_MAX, PanelButton, Progress, ReplayPanel, are_of_several, button, figure, num_row, outcome_row, place_words,
    readers::{behind_sections, readers_section},
};
use crate::{
    figures,
    ink::Tone,
    sanitise::visible,
    view::{Target, UiCommand, ViewAction},
    widgets::detail::{Row, Section},
};

pub(super) fn of_run(run: &RunBoard, now_ns: i64) -> ReplayPanel {
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
    ];
    // Of dead letters and others in one run each is counted as what it is.
    if run.is_of_the_living() || run.num_read > 0 {
        told.push(num_row("read by every group", Severity::Quiet, run.num_read));
    }
    if !run.is_of_the_living() || run.is_of_both() || run.num_consumed > 0 {
        told.push(num_row(LetterState::Consumed.word(), LetterState::Consumed.severity(), run.num_consumed));
    }
    if run.num_retried > 0 {
        told.push(figure("being tried again", &figures::count(run.num_retried as u64)).toned(Tone::Warn));
    }
    told.push(num_row(dead_word(run), LetterState::DeadAgain.severity(), run.num_dead_again));
    if !run.others.is_empty() {
        told.push(Row::text(&others_words(&run.others)).toned(Tone::Quiet));
    }
    if !run.held_back.is_empty() {
        told.push(Row::text(&visible(&run.held_back)).toned(SettledAs::Skipped.severity().into()));
    }
    if counts.possibly_persisted > 0 {
        let doubtful = SettledAs::Possibly;
        let text = format!("What is {} is not sent again unless that is asked for: look for it on the target", doubtful.word());
        told.push(Row::text(&text).toned(doubtful.severity().into()));
    }
    sections.insert(told_at, Section::new("What became of them", told));
    sections.extend(behind_sections(&run.readers));
    let tried = num - counts.waiting;
    let left_s = counts.waiting as u64 / u64::from(run.rate_per_s.max(1));
    let right = match &run.phase {
        RunPhase::Rest => format!("{} {} · {left_s} s left", run.num_dead_again, dead_word(run)),
        _ => format!("{} {}", run.num_dead_again, dead_word(run)),
    };
    let elapsed = figures::age(run.ended_ns.unwrap_or(now_ns).saturating_sub(run.started_ns));
    ReplayPanel {
        title: format!("Replay of {} to {}", figures::count(num as u64), visible(&run.target_words())),
        phase,
        phase_tone,
        sections,
        progress: Some(Progress { counts, left: format!("{} of {} tried", figures::count(tried as u64), figures::count(num as u64)), right }),
        buttons: run_buttons(run),
        foot: format!(
            "{} · {elapsed} · up to {} /s, pauses when a group lags {} more than before, more calls behind it fail, a breaker opens or one comes back dead",
            run.replay_id, run.rate_per_s, run.lag_limit
        ),
        ..ReplayPanel::default()
    }
}

/// What is said of one that is among the dead after it was sent.
fn dead_word(run: &RunBoard) -> &'static str {
    if run.is_of_the_living() { "dead" } else { LetterState::DeadAgain.word() }
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
        RunPhase::Watching if run.is_of_both() => quiet("the first few are sent; waiting to see them read or processed, and none come back"),
        RunPhase::Watching if run.is_of_the_living() => quiet("the first few are sent and read by every group that is known; waiting whether any comes back"),
        RunPhase::Watching => quiet("the first few are sent; waiting to see the group that failed process them, and none come back"),
        RunPhase::Passed if run.canary.iter().any(CanaryLine::is_being_retried) => {
            ("the first few were tried again, and none came back within the time that takes: the rest may go".to_owned(), Tone::Warn)
        }
        RunPhase::Passed if run.is_of_both() => quiet("the first few were read or processed, and none came back: the rest may go"),
        RunPhase::Passed if run.is_of_the_living() => quiet("every group that is known has read the first few, and none came back: the rest may go"),
        RunPhase::Passed => quiet("the group that failed processed the first few, and none came back: the rest may go"),
        RunPhase::Rest => quiet("sending the rest"),
        RunPhase::Paused(reason) => (format!("paused: {}. Nothing goes until you say so", visible(reason)), Tone::Warn),
        RunPhase::Stopping => ("stopping: what is on its way is waited for".to_owned(), Tone::Warn),
        RunPhase::Ended(Ending::Finished, _) => quiet("all was sent"),
        RunPhase::Ended(Ending::Stopped, _) => ("stopped; what was not tried is still open".to_owned(), Tone::Warn),
        RunPhase::Ended(Ending::Halted, reason) => (format!("stopped by itself: {}", visible(reason)), Tone::Bad),
    }
}

/// The sign of what became of a send.
pub(super) fn outcome_sign(outcome: SettledAs) -> char {
    match outcome {
        SettledAs::Done => '·',
        SettledAs::NotDone => '✕',
        SettledAs::Possibly => '?',
        SettledAs::Skipped | SettledAs::Refused => '–',
    }
}

fn canary_rows(run: &RunBoard, now_ns: i64) -> Vec<Row> {
    if run.canary.is_empty() {
        return vec![Row::text("None was sent yet")];
    }
    let are_of_several = are_of_several(run.canary.iter().map(|line| &line.letter.at));
    let row = |line: &CanaryLine| {
        let at = figures::when(line.at_ns, now_ns).to_s();
        let word = line.state.word();
        // What the ledger knows to be written is so, whatever was said of it before.
        let is_written = line.state == LetterState::Sent(SentState::Persisted);
        let outcome = line.outcome.map(|outcome| if is_written { SettledAs::Done } else { outcome });
        let (text, severity) = match (&line.state, outcome) {
            (LetterState::DeadAgain, _) => (format!("✕ {word} {at}"), line.state.severity()),
            _ if line.is_being_retried() => ("· being tried again".to_owned(), Severity::Warning),
            _ if line.seen.is_read_by_all() => ("✓ read by every group".to_owned(), Severity::Quiet),
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
        let read = line.seen.groups.as_ref().filter(|_| line.seen.is_read_by_all() && line.seen.waits_for.is_empty()).map(GroupsAt::words);
        let told = [retry.as_deref(), elsewhere, waits_for, read.as_deref(), trace.as_deref(), Some(line.evidence.as_str())];
        let detail: Vec<&str> = told.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        Row::link(&place_words(&line.letter.at, are_of_several), &text, action).explained(&detail.join(" · ")).toned(severity.into())
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
        RunPhase::Passed | RunPhase::Paused(_) => "",
        RunPhase::Watching if nobody_reads => "",
        RunPhase::Rest | RunPhase::Stopping => "it is being sent",
        _ if run.is_of_both() => "the first few have to be read or processed first",
        _ if run.is_of_the_living() => "every group that is known has to read the first few first",
        _ => "the group that failed has to process the first few first",
    };
    let words = match &run.phase {
        RunPhase::Paused(_) => "Go on",
        _ if nobody_reads => "Send the rest unseen",
        _ => "Send the rest",
    };
    let mut buttons = Vec::new();
    if is_waiting && !matches!(run.phase, RunPhase::Rest | RunPhase::Stopping) {
        buttons.push(button(words, UiCommand::SendReplay, true, rest));
    } else if nobody_reads {
        // Nothing is left to send: what is seen of it later shows all the same.
        buttons.push(button("Done", UiCommand::SendReplay, true, ""));
    }
    buttons.push(button("Stop", UiCommand::StopReplay, false, if run.phase == RunPhase::Stopping { "it is stopping" } else { "" }));
    buttons
}
