//! Who reads what is sent: groups, and behind each of them calls and breakers on their way.

use switchboard_desk::send::replay::{BreakerOnTheWay, CallsOnTheWay, Reader, Readers};
use switchboard_engine::view::{LagVerdict, Severity, breaker_word, group_kind_word};
use switchboard_model::GroupKind;

use super::NAMED_MAX;
use crate::{
    figures,
    ink::{
        Tone,
        signs::{state_glyph, state_tone, verdict_glyph},
    },
    sanitise::visible,
    widgets::detail::{Row, Section},
};

/// Calls behind a group that are listed.
const CALLS_MAX: usize = 6;
/// Groups of which it is listed what is behind them.
const GROUPS_MAX: usize = 8;

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
    let handled = handled_by(&reader.services);
    let row = Row::link(&reader.group, &lag_words(reader), None).explained(&format!("{on}{role}{kind}{members}{handled}{standing}")).toned(tone);
    match verdict_glyph(reader.verdict).filter(|_| reader.severity >= Severity::Warning) {
        Some(sign) => row.signed(sign),
        None => row,
    }
}

/// The services that work for a group, in words; empty = none is known.
fn handled_by(services: &[String]) -> String {
    let named: Vec<String> = services.iter().take(NAMED_MAX).map(|service| visible(service).into_owned()).collect();
    let more = services.len().saturating_sub(NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if named.is_empty() { String::new() } else { format!(" · handled by {}{more}", named.join(", ")) }
}

/// What is behind each group: the breakers of the services that work for it, and what they process, answer and ask for, those with the most failures first.
/// What is behind several stands with the first of them. Groups that failed come first, then those behind which something fails.
pub(super) fn behind_sections(readers: &Readers) -> Vec<Section> {
    let mut groups: Vec<&str> = Vec::new();
    let told = readers.breakers.iter().map(|breaker| &breaker.groups).chain(readers.calls.iter().map(|calls| &calls.groups));
    for group in told.map(|groups| first(groups)) {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let fails = |group: &str| {
        readers.breakers.iter().any(|breaker| first(&breaker.groups) == group && state_tone(breaker.state) > Tone::Quiet)
            || readers.calls.iter().any(|calls| first(&calls.groups) == group && calls.num_recent_errors > 0)
    };
    let place = |group: &str| readers.groups.iter().position(|reader| reader.group == group).unwrap_or(usize::MAX);
    groups.sort_by_key(|group| (!readers.groups.iter().any(|reader| reader.has_failed && reader.group == *group), !fails(group), place(group)));
    let num_more = groups.len().saturating_sub(GROUPS_MAX);
    let mut sections: Vec<Section> = groups.into_iter().take(GROUPS_MAX).map(|group| behind_section(readers, group)).collect();
    if let (Some(last), 1..) = (sections.last_mut(), num_more) {
        last.rows.push(Row::text(&format!("What is behind {} is not listed", figures::things(num_more as u64, "more group", "more groups"))));
    }
    sections
}

/// The group with which something is told; empty = none is known.
fn first(groups: &[String]) -> &str {
    groups.first().map_or("", String::as_str)
}

fn behind_section(readers: &Readers, group: &str) -> Section {
    let mut rows: Vec<Row> = readers.breakers.iter().filter(|breaker| first(&breaker.groups) == group).map(breaker_row).collect();
    let mut calls: Vec<&CallsOnTheWay> = readers.calls.iter().filter(|calls| first(&calls.groups) == group).collect();
    calls.sort_by_key(|calls| std::cmp::Reverse(calls.num_recent_errors));
    rows.extend(calls.iter().take(CALLS_MAX).map(|calls| calls_row(calls)));
    rows.extend(Row::more(calls.len(), CALLS_MAX));
    let title = if group.is_empty() { "Behind them".to_owned() } else { format!("Behind {}", visible(group)) };
    let section = Section::new(&title, rows);
    if calls.is_empty() { section } else { section.noted("calls in the last minute") }
}

/// Behind which other groups something is, in words; empty = behind none.
fn also_behind(groups: &[String]) -> String {
    let others: Vec<String> = groups.iter().skip(1).take(NAMED_MAX).map(|group| visible(group).into_owned()).collect();
    let more = groups.len().saturating_sub(1 + NAMED_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if others.is_empty() { String::new() } else { format!("also behind {}{more}", others.join(", ")) }
}

fn calls_row(calls: &CallsOnTheWay) -> Row {
    let value = match (calls.num_recent, calls.num_recent_errors) {
        (0, _) => "none".to_owned(),
        (num, 0) => format!("{} well", figures::count(num)),
        (num, errors) => format!("{} of {} failed", figures::count(errors), figures::count(num)),
    };
    let tone = if calls.num_recent_errors > 0 { Tone::Warn } else { Tone::Quiet };
    Row::link(&format!("{} → {}", calls.from, calls.to), &value, None).explained(&also_behind(&calls.groups)).toned(tone)
}

fn breaker_row(breaker: &BreakerOnTheWay) -> Row {
    let word = breaker_word(breaker.state);
    let (num, of) = breaker.instances;
    let value = if of > 1 { format!("{word} {num}/{of}") } else { word.to_owned() };
    let also = also_behind(&breaker.groups);
    let explained = if also.is_empty() { "circuit breaker".to_owned() } else { format!("circuit breaker, {also}") };
    let row = Row::link(&format!("{} → {}", breaker.caller, breaker.guards), &value, None).explained(&explained).toned(state_tone(breaker.state));
    match state_glyph(breaker.state) {
        Some(sign) => row.signed(sign),
        None => row,
    }
}
