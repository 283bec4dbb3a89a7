//! The one sentence on top: how all is. Pure.

use switchboard_engine::view::{NodeBasis, NodeKind, Snapshot};

use crate::window::{
    figures,
    map::{
        problems::{Problem, problems},
        scene::{Glyph, Scene, Selection, Tone},
    },
    sanitise::visible,
};

/// More groups than this are summed up.
const GROUPS_NAMED_MAX: usize = 2;
/// Data older than this are not called live.
const LIVE_WITHIN_NS: i64 = 10_000_000_000;

/// A part of the sentence.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// Words.
    pub text: String,
    /// How urgent.
    pub tone: Tone,
    /// Whether it is second to the others.
    pub dim: bool,
    /// What a click selects.
    pub selects: Option<Selection>,
}

/// When something was last heard of anything, ns since the Unix epoch.
pub(crate) fn newest_ns(snapshot: &Snapshot) -> Option<i64> {
    let figures = snapshot.figures.nodes.iter().filter_map(|row| row.figure.last_ns);
    let edges = snapshot.figures.edges.iter().filter_map(|row| row.1.last_ns);
    let groups = snapshot.groups.iter().filter_map(|group| group.read_ns);
    let breakers = snapshot.breakers.iter().map(|breaker| breaker.confirmed_ns);
    let instances = snapshot.topology.nodes.iter().flat_map(|node| &node.instances).map(|instance| instance.last_seen_ns);
    figures.chain(edges).chain(groups).chain(breakers).chain(instances).max()
}

/// How fresh the data are: `live`, or how old; and whether that is as it should be.
pub(crate) fn freshness(snapshot: &Snapshot, now_ns: i64) -> (String, bool) {
    match newest_ns(snapshot).map(|newest_ns| now_ns - newest_ns) {
        None => ("waiting for data".to_owned(), false),
        Some(age_ns) if age_ns <= LIVE_WITHIN_NS => (format!("live, {} old", figures::age(age_ns)), true),
        Some(age_ns) => (format!("nothing new for {}", figures::age(age_ns)), false),
    }
}

/// The sentence.
pub(crate) fn sentence(scene: &Scene, snapshot: &Snapshot, now_ns: i64) -> Vec<Part> {
    let found = problems(scene, snapshot, now_ns);
    let plain = |text: String, dim: bool| Part { text, tone: Tone::Quiet, dim, selects: None };
    let mut parts = services(scene, snapshot).into_iter().enumerate().map(|(index, text)| plain(text, index > 0)).collect::<Vec<_>>();

    let breakers: Vec<&Problem> = of(&found, &[Glyph::BreakerOpen, Glyph::BreakerForced]);
    parts.extend(summed(&breakers, |n| format!("{} open", figures::things(n, "breaker", "breakers"))));
    let half_open: Vec<&Problem> = of(&found, &[Glyph::BreakerHalfOpen]);
    parts.extend(summed(&half_open, |n| format!("{n} half-open")));

    parts.extend(behind(&found, snapshot));
    let failing: Vec<&Problem> = of(&found, &[Glyph::Cross]).into_iter().filter(|problem| problem.selects.is_some() && problem.tone == Tone::Bad).collect();
    parts.extend(summed(&failing, |n| format!("{n} failing")));
    let dead: u64 = snapshot.dead_letters.iter().map(|letters| letters.count).sum();
    if dead > 0 {
        let selects = of(&found, &[Glyph::Envelope]).first().and_then(|problem| problem.selects);
        parts.push(Part { text: format!("{} dead", figures::count(dead)), tone: Tone::Bad, dim: false, selects });
    }
    let sources: Vec<&Problem> = found.iter().filter(|problem| problem.glyph == Glyph::Cross && problem.selects.is_none()).collect();
    parts.extend(sources.iter().take(2).map(|problem| Part { text: problem.title.clone(), tone: problem.tone, dim: false, selects: None }));

    let share = snapshot.interactions.iter().filter_map(|interaction| interaction.sampled_share).reduce(f64::min);
    if let Some(share) = share.filter(|share| *share < 0.995) {
        parts.push(plain(format!("{} sampled", figures::percent(share)), true));
    }
    parts
}

/// `12 services`, `9 traced`, `2 known from the broker only`, `1 silent`.
fn services(scene: &Scene, snapshot: &Snapshot) -> Vec<String> {
    let shown = |kind: NodeKind| scene.nodes.iter().filter(move |node| node.kind == kind);
    let services: Vec<_> = snapshot.topology.nodes.iter().filter(|node| node.kind == NodeKind::Service).collect();
    let silent = shown(NodeKind::Service).filter(|node| node.silent_ns.is_some()).count() as u64;
    let known = |basis: NodeBasis| services.iter().filter(|node| node.basis == basis).count() as u64;
    let traced = known(NodeBasis::Traced).saturating_sub(silent);
    let mut texts = vec![figures::things(services.len() as u64, "service", "services")];
    let parts =
        [(traced, "traced"), (known(NodeBasis::Broker), "known from the broker only"), (known(NodeBasis::Inferred), "without spans"), (silent, "silent")];
    if parts[0].0 != services.len() as u64 {
        texts.extend(parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")));
    } else if traced > 0 {
        texts.push("all traced".to_owned());
    }
    let channels = shown(NodeKind::Channel).count() as u64;
    if channels > 0 {
        texts.push(figures::things(channels, "channel", "channels"));
    }
    texts
}

/// Groups by name if they are few: `inventory 38 s behind`.
fn behind(found: &[Problem], snapshot: &Snapshot) -> Vec<Part> {
    let groups = of(found, &[Glyph::Rising, Glyph::Stuck, Glyph::Nobody]);
    if groups.len() > GROUPS_NAMED_MAX {
        return summed(&groups, |n| format!("{n} groups behind")).into_iter().collect();
    }
    let part = |problem: &&Problem| {
        let group = snapshot.groups.iter().find(|group| problem.title == format!("{} on {}", visible(&group.group), visible(&group.topic)))?;
        let much = match (group.lag_s, group.lag) {
            (Some(lag_s), _) if lag_s >= 1.0 => figures::age_s(lag_s),
            (_, Some(lag)) => figures::count(lag),
            _ => String::new(),
        };
        let text = match problem.glyph {
            Glyph::Nobody => format!("nobody reads for {}", visible(&group.group)),
            _ => format!("{} {much} behind", visible(&group.group)),
        };
        Some(Part { text, tone: problem.tone, dim: false, selects: problem.selects })
    };
    groups.iter().filter_map(part).collect()
}

fn of<'a>(found: &'a [Problem], glyphs: &[Glyph]) -> Vec<&'a Problem> {
    found.iter().filter(|problem| glyphs.contains(&problem.glyph)).collect()
}

fn summed(found: &[&Problem], text: impl Fn(u64) -> String) -> Option<Part> {
    let first = found.first()?;
    Some(Part { text: text(found.len() as u64), tone: first.tone, dim: false, selects: first.selects })
}
