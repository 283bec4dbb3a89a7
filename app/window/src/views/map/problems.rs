//! What is unusual now, the most urgent first: what the side panel lists while nothing is selected. Pure.

use std::collections::BTreeMap;

use switchboard_engine::view::{BreakerView, Health, Severity, Snapshot};

use super::scene::{Scene, Selection, failure_badge, lag_badge_at, lag_numbers};
use crate::{
    figures,
    ink::{
        Glyph, Tone,
        signs::{breaker_glyph, breaker_tone},
    },
    sanitise::visible,
    words::{breakers::since_age, letters::open_words},
};

/// Something unusual.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// Where it is on the map; `None` where it is not on it.
    pub selects: Option<Selection>,
    /// How urgent.
    pub tone: Tone,
    /// Its sign.
    pub glyph: Glyph,
    /// What is wrong, in a few words.
    pub title: String,
    /// Figures, reason, next step.
    pub detail: String,
}

/// How long it is told that the machine's clock was set, ns.
const CLOCK_SET_TOLD_NS: i64 = 15 * 60 * 1_000_000_000;

/// Everything unusual, most urgent first; within one urgency breakers, groups, failures, probes, dead letters, sources, silence.
pub(crate) fn problems(scene: &Scene, snapshot: &Snapshot, now_ns: i64) -> Vec<Problem> {
    let mut found = breakers(scene, snapshot, now_ns);
    found.extend(groups(scene, snapshot, now_ns));
    found.extend(failures(scene));
    found.extend(probes(scene));
    found.extend(dead_letters(scene, snapshot, now_ns));
    found.extend(sources(snapshot));
    found.extend(scene.nodes.iter().filter_map(|node| {
        let silent_ns = node.silent_ns?;
        Some(Problem {
            selects: Some(Selection::Node(node.node_id)),
            tone: Health::Silent(silent_ns).severity().into(),
            glyph: Glyph::Question,
            title: format!("{} is {}", node.name, Health::Silent(silent_ns).word()),
            detail: format!("no spans for {}", figures::age(silent_ns)),
        })
    }));
    found.extend(clocks(scene, snapshot));
    found.extend(clock_set(snapshot, now_ns));
    found.sort_by_key(|problem| std::cmp::Reverse(problem.tone));
    found
}

/// The clock of this machine was set not long ago.
fn clock_set(snapshot: &Snapshot, now_ns: i64) -> Option<Problem> {
    let set = snapshot.totals.clock_set.filter(|set| now_ns.saturating_sub(set.at_ns) < CLOCK_SET_TOLD_NS)?;
    let way = if set.by_ns > 0 { "ahead" } else { "back" };
    Some(Problem {
        selects: None,
        tone: Tone::Unknown,
        glyph: Glyph::Dot,
        title: format!("this machine's clock was set {} {way}", figures::age(set.by_ns.saturating_abs())),
        detail: format!("{} ago; figures go on by a clock that does not jump", figures::age(now_ns.saturating_sub(set.at_ns))),
    })
}

/// Services whose clock is not this machine's.
fn clocks<'a>(scene: &'a Scene, snapshot: &'a Snapshot) -> impl Iterator<Item = Problem> + 'a {
    scene.nodes.iter().filter_map(|node| {
        let rows = &snapshot.figures.nodes;
        let row = rows.binary_search_by_key(&node.node_id, |row| row.node_id).ok()?;
        let ahead_ns = rows[row].clock_ahead_ns?;
        let off = figures::age(ahead_ns.saturating_abs());
        let (title, detail) = if ahead_ns > 0 {
            (format!("{}'s clock is off", node.name), format!("it runs {off} ahead of this machine's; its spans count when they arrive"))
        } else {
            (format!("{}'s spans come late", node.name), format!("{off} after they ended: its clock runs behind this machine's, or they are held back"))
        };
        Some(Problem { selects: Some(Selection::Node(node.node_id)), tone: Tone::Unknown, glyph: Glyph::Dot, title, detail })
    })
}

/// One line for each breaker (caller, name, callee) that is not closed somewhere.
fn breakers(scene: &Scene, snapshot: &Snapshot, now_ns: i64) -> Vec<Problem> {
    type Key<'a> = (Option<&'a str>, &'a str, Option<&'a str>);
    let mut by_name: BTreeMap<Key<'_>, Vec<&BreakerView>> = BTreeMap::new();
    for breaker in snapshot.breakers.iter() {
        by_name.entry((breaker.caller.as_deref(), &breaker.name, breaker.callee.as_deref())).or_default().push(breaker);
    }
    let mut found = Vec::new();
    for ((caller, name, callee), rows) in by_name {
        let Some(worst) = rows.iter().max_by_key(|row| breaker_tone(row)) else { continue };
        let tone = breaker_tone(worst);
        if tone == Tone::Quiet {
            continue;
        }
        let num_same = rows.iter().filter(|row| row.state == worst.state && row.stale == worst.stale).count();
        let word = worst.word();
        let since = since_age(worst, now_ns).map(|age| format!(" · {age}")).unwrap_or_default();
        let caller_index = worst.caller_node.and_then(|node_id| scene.node_index(node_id));
        let callee_index = worst.callee_node.and_then(|node_id| scene.node_index(node_id));
        let edge = scene.edges.iter().find(|edge| Some(edge.from) == caller_index && Some(edge.to) == callee_index && edge.breaker.is_some());
        let node = caller_index.map(|index| Selection::Node(scene.nodes[index].node_id));
        found.push(Problem {
            selects: edge.map(|edge| Selection::Edge(edge.edge_id)).or(node),
            tone,
            glyph: breaker_glyph(worst).unwrap_or(Glyph::BreakerUnknown),
            title: format!("{} → {}", visible(caller.unwrap_or("?")), visible(callee.unwrap_or("?"))),
            detail: format!("breaker {} {word} in {num_same} of {}{since}", visible(name), rows.len()),
        });
    }
    found
}

fn groups(scene: &Scene, snapshot: &Snapshot, now_ns: i64) -> Vec<Problem> {
    // Of several edges to a group the first is meant. All are gone through once, however many groups are behind.
    let edges: BTreeMap<usize, Selection> = scene.edges.iter().rev().filter_map(|edge| Some((edge.group_row?, Selection::Edge(edge.edge_id)))).collect();
    let problem = |(row, group): (usize, &switchboard_engine::view::GroupView)| {
        if group.severity() < Severity::Warning {
            return None;
        }
        let badge = lag_badge_at(group, now_ns)?;
        let edge = edges.get(&row).copied();
        let node = group.node_id.filter(|node_id| scene.node_index(*node_id).is_some()).map(Selection::Node);
        Some(Problem {
            selects: edge.or(node),
            tone: badge.tone,
            glyph: badge.glyph,
            title: format!("{} on {}", visible(&group.group), visible(&group.topic)),
            detail: format!("{} · {}", group.verdict.word(), lag_numbers(group)),
        })
    };
    snapshot.groups.iter().enumerate().filter_map(problem).collect()
}

fn failures(scene: &Scene) -> Vec<Problem> {
    let problem = |edge: &super::scene::SceneEdge| {
        let badge = failure_badge(&edge.figure)?;
        let figure = &edge.figure;
        Some(Problem {
            selects: Some(Selection::Edge(edge.edge_id)),
            tone: badge.tone,
            glyph: Glyph::Cross,
            title: scene.edge_title(edge),
            detail: format!("{} of {} failed in the last minute", figures::count(figure.recent_errors), figures::count(figure.recent_calls)),
        })
    };
    scene.edges.iter().filter_map(problem).collect()
}

/// Probes of ours that fail. One without a box is told here alone, and that it is so.
fn probes(scene: &Scene) -> impl Iterator<Item = Problem> + '_ {
    scene.probes.iter().map(|probe| Problem {
        selects: probe.node.map(Selection::Node),
        tone: Tone::Warn,
        glyph: Glyph::Probe,
        title: probe.title.clone(),
        detail: if probe.node.is_some() { probe.detail.clone() } else { format!("{} · no box of the map is known to be there", probe.detail) },
    })
}

fn dead_letters(scene: &Scene, snapshot: &Snapshot, now_ns: i64) -> Vec<Problem> {
    let problem = |letters: &switchboard_engine::view::DeadLetterView| {
        let node_id = letters.origin_node.or(letters.channel_node).filter(|node_id| scene.node_index(*node_id).is_some());
        let origin = letters.origin.as_deref().unwrap_or(&letters.channel);
        let is_part = letters.num_open < letters.count;
        let of_all = if is_part { format!(" · {}", open_words(letters.num_open, letters.count)) } else { String::new() };
        Problem {
            selects: node_id.map(Selection::Node),
            tone: letters.severity().into(),
            glyph: Glyph::Envelope,
            title: format!("{} dead on {}", figures::count(letters.num_open), visible(origin)),
            detail: format!("{}{} · {} ago", visible(&letters.fingerprint), of_all, figures::age(now_ns.saturating_sub(letters.last_ns))),
        }
    };
    snapshot.dead_letters.iter().filter(|letters| letters.num_open > 0).map(problem).collect()
}

fn sources(snapshot: &Snapshot) -> Vec<Problem> {
    let problem = |source: &switchboard_engine::view::SourceView| {
        if source.severity() < Severity::Warning {
            return None;
        }
        let parts: Vec<_> = [&source.detail, &source.next_step].into_iter().filter(|text| !text.is_empty()).map(|text| visible(text)).collect();
        Some(Problem {
            selects: None,
            tone: source.severity().into(),
            glyph: Glyph::Cross,
            title: format!("source {} {}", visible(&source.name), source.word()),
            detail: parts.join(" · "),
        })
    };
    snapshot.sources.iter().filter_map(problem).collect()
}
