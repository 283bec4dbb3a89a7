//! Breakers as rows, and what is known of one. Pure.

use std::collections::BTreeMap;

use switchboard_engine::view::{BreakerView, Snapshot, StateSource, breaker_refuses, breaker_word};
use switchboard_model::BreakerState;

use crate::{
    figures,
    ink::{
        Glyph, Tone,
        signs::{breaker_glyph, breaker_tone, state_tone},
    },
    sanitise::visible,
    view::{Target, ViewAction},
    widgets::{
        breaker_strip::{Piece, strip, time_in},
        detail::{Detail, Row, Section},
        table::SortKey,
        time_axis::TimeAxis,
    },
    words::breakers::since_age,
};

/// Changes that are listed.
const CHANGES_MAX: usize = 24;

/// What names a breaker in an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct BreakerKey {
    /// The service that holds it.
    pub caller: Option<String>,
    /// Its own name.
    pub name: String,
    /// The instance that holds it.
    pub instance: Option<String>,
}

impl BreakerKey {
    /// The key of a breaker.
    pub(crate) fn of(breaker: &BreakerView) -> Self {
        Self { caller: breaker.caller.clone(), name: breaker.name.clone(), instance: breaker.instance.clone() }
    }
}

/// All states, the most urgent first.
const STATES: [BreakerState; 6] =
    [BreakerState::Open, BreakerState::ForcedOpen, BreakerState::HalfOpen, BreakerState::Closed, BreakerState::Disabled, BreakerState::MetricsOnly];

/// A state for the eye.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StateWords {
    /// Its sign; none for what is as usual.
    pub glyph: Option<Glyph>,
    /// The word.
    pub text: String,
    /// How urgent.
    pub tone: Tone,
}

/// The word for a state.
pub(crate) fn state_word(state: BreakerState) -> &'static str {
    breaker_word(Some(state))
}

/// The state of a breaker: what is stale says so and never looks healthy.
pub(crate) fn state_words(breaker: &BreakerView) -> StateWords {
    StateWords { glyph: breaker_glyph(breaker), text: breaker.word(), tone: breaker_tone(breaker) }
}

/// All breakers in a few words: how many, and in which states.
pub(crate) fn summary(breakers: &[BreakerView]) -> (String, String) {
    let title = figures::things(breakers.len() as u64, "breaker", "breakers");
    let known = |state: BreakerState| breakers.iter().filter(|breaker| !breaker.stale && breaker.state == Some(state)).count() as u64;
    let mut counts: Vec<(u64, &str)> = STATES.into_iter().map(|state| (known(state), state_word(state))).collect();
    let num_known: u64 = counts.iter().map(|(n, _)| n).sum();
    counts.push((breakers.len() as u64 - num_known, "of unknown state"));
    counts.push((breakers.iter().filter(|breaker| breaker.disagreement.is_some()).count() as u64, "on which sources disagree"));
    let parts: Vec<String> = counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", figures::count(n))).collect();
    (title, parts.join(" · "))
}

/// How a state is known, in words.
pub(crate) fn source_words(source: StateSource) -> &'static str {
    match source {
        StateSource::Event => "event",
        StateSource::Report => "report",
        StateSource::Exception => "exception",
    }
}

/// Since when, as an age: `58 s`, or `≥ 58 s` where it was so before it was first read.
pub(crate) fn since(breaker: &BreakerView, now_ns: i64) -> String {
    since_age(breaker, now_ns).unwrap_or_else(|| "unknown".to_owned())
}

/// Places in the order of the table: the most urgent first, instances of one breaker together.
pub(crate) fn sorted(breakers: &[BreakerView]) -> Vec<usize> {
    let named = |breaker: &BreakerView| (breaker.caller.clone(), breaker.name.clone());
    let mut worst: BTreeMap<_, Tone> = BTreeMap::new();
    for breaker in breakers {
        let tone = state_words(breaker).tone;
        worst.entry(named(breaker)).and_modify(|worst| *worst = tone.max(*worst)).or_insert(tone);
    }
    let mut order: Vec<usize> = (0..breakers.len()).collect();
    let keys: Vec<_> = breakers.iter().map(|breaker| (std::cmp::Reverse(worst.get(&named(breaker))), BreakerKey::of(breaker))).collect();
    order.sort_by(|one, other| keys[*one].cmp(&keys[*other]));
    order
}

/// What a breaker is sorted by in a column; a strip by how long it refused calls.
pub(crate) fn sort_key(breaker: &BreakerView, title: &'static str, axis: TimeAxis) -> SortKey {
    let text = |text: &Option<String>| SortKey::text(text.as_deref().unwrap_or_default());
    match title {
        "caller" => text(&breaker.caller),
        "instance" => text(&breaker.instance),
        "breaker" => SortKey::text(&breaker.name),
        "guards" => text(&breaker.callee),
        "state" => SortKey::Number(f64::from(breaker.severity() as u8)),
        // Ages: what began first is the oldest.
        "since" => SortKey::number(breaker.since_ns.map(|since_ns| -(since_ns as f64))),
        "age" => SortKey::Number(-(breaker.confirmed_ns as f64)),
        "how it went" => {
            let pieces = strip(breaker, axis);
            SortKey::Number([BreakerState::Open, BreakerState::ForcedOpen].into_iter().map(|state| time_in(&pieces, state) as f64).sum())
        }
        "known by" => SortKey::text(source_words(breaker.source)),
        _ => SortKey::Unknown,
    }
}

/// A strip in words: `open 58 s, closed 6 min, unknown 8 min of the last 15 min`.
pub(crate) fn strip_words(pieces: &[Piece], axis: TimeAxis) -> String {
    let mut parts: Vec<(i64, String)> = STATES.into_iter().map(|state| (time_in(pieces, state), state_word(state).to_owned())).collect();
    let unknown_ns: i64 = pieces.iter().filter(|piece| piece.state.is_none()).map(|piece| piece.to_ns - piece.from_ns).sum();
    parts.push((unknown_ns, breaker_word(None).to_owned()));
    let words: Vec<String> = parts.into_iter().filter(|(ns, _)| *ns > 0).map(|(ns, word)| format!("{word} {}", figures::age(ns))).collect();
    format!("{} of the {}", words.join(", "), axis.words())
}

/// All that is known of a breaker in an instance.
pub(crate) fn detail(breaker: &BreakerView, snapshot: &Snapshot, now_ns: i64) -> Detail {
    let state = state_words(breaker);
    let (caller, instance) = (breaker.caller.as_deref().unwrap_or("caller unknown"), breaker.instance.as_deref().unwrap_or("instance unknown"));
    let kind = format!("circuit breaker of {} · {}", visible(caller), visible(instance));
    let mut verdict = vec![(sentence(breaker, now_ns), state.tone)];
    if breaker.stale {
        let text = format!("Nothing confirmed it for {}: it is too old to be relied on", figures::age(now_ns.saturating_sub(breaker.confirmed_ns)));
        verdict.push((text, Tone::Unknown));
    }
    if let Some(disagreement) = &breaker.disagreement {
        verdict.push((format!("Sources disagree: {}", visible(disagreement)), Tone::Warn));
    }
    let about = vec![
        Row::pair("guards", breaker.callee.as_deref().unwrap_or("unknown: no call shows it yet")),
        Row::pair(if breaker.since_at_least { "at least since" } else { "since" }, &breaker.since_ns.map_or_else(|| "unknown".to_owned(), figures::instant)),
        Row::pair("confirmed", &format!("{} ago", figures::age(now_ns.saturating_sub(breaker.confirmed_ns)))),
        Row::pair("known by", source_words(breaker.source)),
        Row::text(breaker.cause()),
    ];
    let sections = vec![
        Section::new("State", about),
        Section::new("In the other instances", others(breaker, snapshot, now_ns)),
        Section::new("Changes", changes(breaker, now_ns)),
        Section::new("Leads to", links(breaker, snapshot)),
    ];
    let sections = sections.into_iter().filter(|section| !section.rows.is_empty()).collect();
    Detail { title: visible(&breaker.name).into_owned(), kind, verdict, sections }
}

/// `Open for 58 s: calls to payments are refused`.
fn sentence(breaker: &BreakerView, now_ns: i64) -> String {
    let at_least = if breaker.since_at_least { "at least " } else { "" };
    let since = breaker
        .since_ns
        .filter(|_| !breaker.stale)
        .map(|since_ns| format!(" for {at_least}{}", figures::age(now_ns.saturating_sub(since_ns))))
        .unwrap_or_default();
    let word = breaker.word();
    let mut letters = word.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    format!("{capital}{since}: {}", visible(&breaker.meaning()))
}

fn others(breaker: &BreakerView, snapshot: &Snapshot, now_ns: i64) -> Vec<Row> {
    let is_other = |other: &&BreakerView| other.caller == breaker.caller && other.name == breaker.name && other.instance != breaker.instance;
    let row = |other: &BreakerView| {
        let state = state_words(other);
        let target = Target::Breaker { caller: other.caller.clone(), instance: other.instance.clone(), name: other.name.clone() };
        let row = Row::link(
            other.instance.as_deref().unwrap_or("instance unknown"),
            &format!("{} · {}", state.text, since(other, now_ns)),
            Some(ViewAction::Goto(target)),
        );
        let row = row.toned(state.tone);
        state.glyph.map_or(row.clone(), |sign| row.signed(sign))
    };
    let mut rows: Vec<Row> = snapshot.breakers.iter().filter(is_other).take(CHANGES_MAX).map(row).collect();
    rows.extend(Row::more(snapshot.breakers.iter().filter(is_other).count(), CHANGES_MAX));
    rows
}

fn changes(breaker: &BreakerView, now_ns: i64) -> Vec<Row> {
    let mut rows: Vec<Row> = breaker
        .transitions
        .iter()
        .rev()
        .take(CHANGES_MAX)
        .map(|(at_ns, state)| {
            let tone = if breaker_refuses(Some(*state)) { state_tone(Some(*state)) } else { Tone::Quiet };
            Row::pair(&figures::when(*at_ns, now_ns).to_ms(), state_word(*state))
                .toned(tone)
                .read(&format!("{} ago", figures::age(now_ns.saturating_sub(*at_ns))))
        })
        .collect();
    if rows.is_empty() {
        rows.push(Row::text("No change was seen"));
    } else if breaker.transitions.len() > CHANGES_MAX {
        rows.push(Row::text(&format!("and {} before", breaker.transitions.len() - CHANGES_MAX)));
    }
    rows
}

fn links(breaker: &BreakerView, snapshot: &Snapshot) -> Vec<Row> {
    let mut rows = Vec::new();
    let call =
        breaker.caller_node.zip(breaker.callee_node).and_then(|(from, to)| snapshot.topology.edges.iter().find(|edge| edge.from == from && edge.to == to));
    if let (Some(edge), Some(caller), Some(callee)) = (call, &breaker.caller, &breaker.callee) {
        rows.push(Row::link(&format!("the call {caller} → {callee}"), "", Some(ViewAction::Goto(Target::Edge(edge.edge_id)))));
        let filter = switchboard_engine::view::TraceFilter { failed_only: true, through: Some((caller.clone(), callee.clone())), ..Default::default() };
        rows.push(Row::link("its failed traces", "", Some(ViewAction::Goto(Target::Traces(filter)))));
    }
    if let (Some(node_id), Some(instance)) = (breaker.caller_node, &breaker.instance) {
        let target = Target::Instance { node_id, instance: instance.clone() };
        rows.push(Row::link(&format!("instance {instance}"), "", Some(ViewAction::Goto(target))));
    }
    for (word, node, name) in [("caller", breaker.caller_node, &breaker.caller), ("callee", breaker.callee_node, &breaker.callee)] {
        if let (Some(node_id), Some(name)) = (node, name) {
            rows.push(Row::link(&format!("{word} {name}"), "", Some(ViewAction::Goto(Target::Node(node_id)))));
        }
    }
    rows
}

/// The breaker as JSON.
pub(crate) fn to_json(breaker: &BreakerView) -> serde_json::Value {
    serde_json::json!({
        "caller": breaker.caller,
        "instance": breaker.instance,
        "name": breaker.name,
        "callee": breaker.callee,
        "state": breaker.state.map(state_word),
        "word": breaker.word(),
        "severity": breaker.severity(),
        "since": breaker.since_ns.map(figures::instant),
        "since_ns": breaker.since_ns,
        "since_at_least": breaker.since_at_least,
        "known_by": source_words(breaker.source),
        "confirmed": figures::instant(breaker.confirmed_ns),
        "confirmed_ns": breaker.confirmed_ns,
        "stale": breaker.stale,
        "disagreement": breaker.disagreement,
        "changes": breaker.transitions.iter().map(|(at_ns, state)| serde_json::json!({ "time_ns": at_ns, "state": state_word(*state) })).collect::<Vec<_>>(),
    })
}
