//! Who reads what is sent: groups, and breakers on the way.

use switchboard_desk::send::replay::{BreakerOnTheWay, CallsOnTheWay, Reader, Readers};
use switchboard_engine::view::{LagVerdict, Severity, breaker_word, group_kind_word};
use switchboard_model::GroupKind;

use crate::{
    figures,
    ink::{
        Tone,
        signs::{state_glyph, state_tone, verdict_glyph},
    },
    sanitise::visible,
    widgets::detail::{Row, Section},
};

/// Calls that are listed.
const CALLS_MAX: usize = 6;

pub(super) fn readers_section(readers: &Readers, title: &str) -> Section {
    if readers.groups.is_empty() {
        return Section::new(title, vec![Row::text("No consumer group is known to read it").toned(Tone::Unknown)]);
    }
    let num_others = readers.others().count();
    let note = if num_others > 0 { figures::things(num_others as u64, "other group", "other groups") } else { String::new() };
    let is_of_several = readers.are_of_several();
    Section::new(title, readers.groups.iter().map(|reader| reader_row(reader, is_of_several)).collect()).noted(&note)
}

/// `1,204 · 38 s ▲` in words and sign.
fn lag_words(reader: &Reader) -> String {
    match (reader.lag, reader.lag_s) {
        (Some(lag), Some(lag_s)) if lag > 0 => format!("lag {} · {}", figures::count(lag), figures::age_s(lag_s)),
        (Some(lag), _) => format!("lag {}", figures::count(lag)),
        (None, _) => "lag unknown".to_owned(),
    }
}

fn reader_row(reader: &Reader, is_of_several: bool) -> Row {
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
    let on = if is_of_several && !reader.topic.is_empty() { format!("{} · ", visible(&reader.topic)) } else { String::new() };
    let standing = if reader.verdict == LagVerdict::Ok { String::new() } else { format!(" · {}", visible(&reader.sentence)) };
    let row = Row::link(&reader.group, &lag_words(reader), None).explained(&format!("{on}{role}{kind}{members}{standing}")).toned(tone);
    match verdict_glyph(reader.verdict).filter(|_| reader.severity >= Severity::Warning) {
        Some(sign) => row.signed(sign),
        None => row,
    }
}

/// What the services behind the groups process, answer and ask for, those with the most failures first; `None` = nothing is known of it.
pub(super) fn calls_section(readers: &Readers) -> Option<Section> {
    let mut calls: Vec<&CallsOnTheWay> = readers.calls.iter().collect();
    calls.sort_by_key(|calls| std::cmp::Reverse(calls.num_recent_errors));
    let mut rows: Vec<Row> = calls.iter().take(CALLS_MAX).map(|calls| calls_row(calls)).collect();
    rows.extend(Row::more(calls.len(), CALLS_MAX));
    (!rows.is_empty()).then(|| Section::new("Calls behind them", rows).noted("in the last minute"))
}

fn calls_row(calls: &CallsOnTheWay) -> Row {
    let value = match (calls.num_recent, calls.num_recent_errors) {
        (0, _) => "none".to_owned(),
        (num, 0) => format!("{} well", figures::count(num)),
        (num, errors) => format!("{} of {} failed", figures::count(errors), figures::count(num)),
    };
    let tone = if calls.num_recent_errors > 0 { Tone::Warn } else { Tone::Quiet };
    Row::link(&format!("{} → {}", calls.from, calls.to), &value, None).toned(tone)
}

/// The breakers on the way; `None` = there are none.
pub(super) fn breakers_section(readers: &Readers) -> Option<Section> {
    let rows: Vec<Row> = readers.breakers.iter().map(breaker_row).collect();
    (!rows.is_empty()).then(|| Section::new("Breakers on the way", rows))
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
