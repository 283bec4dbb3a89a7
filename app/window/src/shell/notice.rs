//! What stands at the foot until it is read or over: what has stopped, connections that are lost, what changed while nobody looked. Pure.

use std::collections::BTreeMap;

use switchboard_engine::view::{BreakerView, GroupView, NodeKind, Severity, Snapshot, breaker_refuses};
use switchboard_model::SourcePhase;

use crate::{
    figures,
    sanitise::visible,
    view::{Target, UiCommand, ViewKind},
};

/// More lost connections are summed up in one line.
const LOST_NAMED_MAX: usize = 3;

/// Where a click on a part leads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Leads {
    /// To a view.
    View(ViewKind),
    /// To an object.
    Object(Target),
}

/// One thing to be said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Notice {
    /// What it is of, to be closed by; `None` = it stays until it is over.
    pub name: Option<String>,
    /// What it begins with; may be empty.
    pub lead: String,
    /// What it says.
    pub parts: Vec<NoticePart>,
    /// Whether something is wrong now.
    pub is_bad: bool,
    /// What can be done about it, and the words for that.
    pub button: Option<(UiCommand, &'static str)>,
}

impl Notice {
    /// Something has stopped, and what is to be said of it.
    pub(crate) fn stopped(lead: &str, plain: &[&str], button: Option<(UiCommand, &'static str)>) -> Self {
        let parts = plain.iter().map(|text| NoticePart { text: visible(text).into_owned(), leads: None, is_bad: false }).collect();
        Self { name: None, lead: lead.to_owned(), parts, is_bad: true, button }
    }
}

/// A part of a notice.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NoticePart {
    /// Words.
    pub text: String,
    /// Where a click leads; `None` = nowhere.
    pub leads: Option<Leads>,
    /// Whether it is something wrong.
    pub is_bad: bool,
}

/// Caller, instance and name.
type BreakerKey = (Option<String>, Option<String>, String);

/// What changed between two snapshots of one session, the worst first.
pub(crate) fn changes(before: &Snapshot, now: &Snapshot) -> Vec<NoticePart> {
    if before.started_ns != now.started_ns {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut add = |n: u64, text: String, view: ViewKind, is_bad: bool| {
        if n > 0 {
            parts.push(NoticePart { text, leads: Some(Leads::View(view)), is_bad });
        }
    };
    // Whether one refused as it was last heard of, and whether it does now: what nobody confirmed lately has neither opened nor closed.
    let breakers = |snapshot: &Snapshot| -> BTreeMap<BreakerKey, (bool, Option<bool>)> {
        let refuses = |breaker: &BreakerView| (breaker_refuses(breaker.state), breaker.state_now().map(|state| breaker_refuses(Some(state))));
        snapshot.breakers.iter().map(|breaker| ((breaker.caller.clone(), breaker.instance.clone(), breaker.name.clone()), refuses(breaker))).collect()
    };
    let (were, are) = (breakers(before), breakers(now));
    let opened = are.iter().filter(|(key, (_, now))| *now == Some(true) && !were.get(*key).is_some_and(|(heard, _)| *heard)).count() as u64;
    let closed = were.iter().filter(|(key, (heard, _))| *heard && are.get(*key).is_some_and(|(_, now)| *now == Some(false))).count() as u64;
    add(opened, format!("{} opened", figures::things(opened, "breaker", "breakers")), ViewKind::Breakers, true);

    let dead = |snapshot: &Snapshot| snapshot.dead_letters.iter().map(|letters| letters.num_open).sum::<u64>();
    let letters = dead(now).saturating_sub(dead(before));
    add(letters, format!("{} new {}", figures::count(letters), if letters == 1 { "dead letter" } else { "dead letters" }), ViewKind::DeadLetters, true);

    // Whether one is behind, and whether it is as it should be: of what is not known any more neither is so.
    let behind = |snapshot: &Snapshot| -> BTreeMap<(Option<String>, String, String), (bool, bool)> {
        let stands = |group: &GroupView| (group.is_behind(), group.severity() == Severity::Quiet);
        snapshot.groups.iter().map(|group| ((group.cluster.clone(), group.group.clone(), group.topic.clone()), stands(group))).collect()
    };
    let (were, are) = (behind(before), behind(now));
    let fell = are.iter().filter(|(key, (is_behind, _))| *is_behind && !were.get(*key).is_some_and(|(was_behind, _)| *was_behind)).count() as u64;
    let caught = were.iter().filter(|(key, (was_behind, _))| *was_behind && are.get(*key).is_some_and(|(_, is_well)| *is_well)).count() as u64;
    add(fell, format!("{} fell behind", figures::things(fell, "group", "groups")), ViewKind::Groups, true);

    let lost = |snapshot: &Snapshot| -> Vec<String> { failed(snapshot).map(|source| source.name.clone()).collect() };
    let before_lost = lost(before);
    let lost = lost(now).iter().filter(|name| !before_lost.contains(name)).count() as u64;
    add(lost, format!("{} lost", figures::things(lost, "connection", "connections")), ViewKind::Sources, true);

    add(closed, format!("{} closed", figures::things(closed, "breaker", "breakers")), ViewKind::Breakers, false);
    add(caught, format!("{} caught up", figures::things(caught, "group", "groups")), ViewKind::Groups, false);
    let services = |snapshot: &Snapshot| snapshot.topology.nodes.iter().filter(|node| node.kind == NodeKind::Service).count() as u64;
    let new = services(now).saturating_sub(services(before));
    add(new, format!("{} new {}", figures::count(new), if new == 1 { "service" } else { "services" }), ViewKind::Map, false);
    parts
}

fn failed(snapshot: &Snapshot) -> impl Iterator<Item = &switchboard_engine::view::SourceView> {
    snapshot.sources.iter().filter(|source| source.phase == SourcePhase::Failed)
}

/// Failures that were closed: a source, and when it said so.
pub(crate) type Closed = Vec<(String, i64)>;

/// One line for each connection that is lost and was not closed, or one for all where they are many.
pub(crate) fn lost(snapshot: &Snapshot, closed: &Closed, now_ns: i64) -> Vec<NoticePart> {
    let failed: Vec<_> = failed(snapshot).filter(|source| !closed.contains(&(source.name.clone(), source.at_ns))).collect();
    if failed.len() > LOST_NAMED_MAX {
        let text = format!("{} of {} sources have failed", failed.len(), snapshot.sources.len());
        return vec![NoticePart { text, leads: Some(Leads::View(ViewKind::Sources)), is_bad: true }];
    }
    let line = |source: &&switchboard_engine::view::SourceView| {
        let mut text = format!("{} failed {} ago", visible(&source.name), figures::age(now_ns - source.at_ns));
        for part in [&source.detail, &source.next_step].into_iter().filter(|part| !part.is_empty()) {
            text.push_str(" · ");
            text.push_str(&visible(part));
        }
        NoticePart { text, leads: Some(Leads::Object(Target::Source(source.name.clone()))), is_bad: true }
    };
    failed.iter().map(line).collect()
}

/// All failures of now, to be closed.
pub(crate) fn all_failed(snapshot: &Snapshot) -> Closed {
    failed(snapshot).map(|source| (source.name.clone(), source.at_ns)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, NOW_NS};
    use std::sync::Arc;
    use switchboard_engine::view::LagVerdict;
    use switchboard_model::BreakerState;

    fn texts(parts: &[NoticePart]) -> Vec<&str> {
        parts.iter().map(|part| part.text.as_str()).collect()
    }

    #[test]
    fn what_changed_is_told_the_worst_first() {
        let before = testing::order_business();
        assert!(changes(&before, &before).is_empty(), "nothing changed");
        let mut now = before.clone();
        let breakers = Arc::make_mut(&mut now.breakers);
        for breaker in breakers.iter_mut() {
            breaker.state = Some(match breaker.state {
                Some(BreakerState::Open) => BreakerState::Closed,
                _ => BreakerState::Open,
            });
        }
        Arc::make_mut(&mut now.dead_letters)[0].num_open += 12;
        for group in Arc::make_mut(&mut now.groups).iter_mut() {
            group.verdict = if group.verdict == LagVerdict::Growing { LagVerdict::Ok } else { group.verdict };
        }
        assert_eq!(texts(&changes(&before, &now)), ["1 breaker opened", "12 new dead letters", "1 breaker closed", "1 group caught up"]);
        let other = Snapshot { started_ns: 1, ..now };
        assert!(changes(&before, &other).is_empty(), "another session is no change");
    }

    #[test]
    fn what_is_not_known_any_more_has_neither_closed_nor_caught_up() {
        let before = testing::order_business();
        let mut now = before.clone();
        for breaker in Arc::make_mut(&mut now.breakers).iter_mut() {
            breaker.stale = true;
        }
        for group in Arc::make_mut(&mut now.groups).iter_mut() {
            group.verdict = LagVerdict::Unknown;
        }
        assert!(changes(&before, &now).is_empty(), "{:?}", texts(&changes(&before, &now)));
        for breaker in Arc::make_mut(&mut now.breakers).iter_mut() {
            breaker.state = None;
        }
        assert!(changes(&before, &now).is_empty(), "{:?}", texts(&changes(&before, &now)));
        // One that is first heard of by an old word has not opened now; one that is known again was open all the time.
        let heard_long_ago = Snapshot { breakers: Arc::new(Vec::new()), ..before.clone() };
        let mut stale = before.clone();
        for breaker in Arc::make_mut(&mut stale.breakers) {
            breaker.stale = true;
        }
        assert!(changes(&heard_long_ago, &stale).is_empty() && changes(&stale, &before).is_empty());
        assert_eq!(texts(&changes(&heard_long_ago, &before)), ["1 breaker opened"]);
    }

    #[test]
    fn a_lost_connection_is_one_line_until_it_is_closed_or_fails_anew() {
        let mut snapshot = testing::order_business();
        assert!(lost(&snapshot, &Vec::new(), NOW_NS).is_empty());
        let sources = Arc::make_mut(&mut snapshot.sources);
        sources[1].phase = SourcePhase::Failed;
        sources[1].detail = "connection refused".to_owned();
        sources[1].next_step = "Start the broker".to_owned();
        sources[1].at_ns = NOW_NS - 12_000_000_000;
        assert_eq!(texts(&lost(&snapshot, &Vec::new(), NOW_NS)), ["lab-kafka failed 12 s ago · connection refused · Start the broker"]);
        let closed = all_failed(&snapshot);
        assert!(lost(&snapshot, &closed, NOW_NS).is_empty());
        Arc::make_mut(&mut snapshot.sources)[1].at_ns += 1;
        assert_eq!(lost(&snapshot, &closed, NOW_NS).len(), 1, "it failed anew");
        let one = snapshot.sources[1].clone();
        snapshot.sources = Arc::new((0..9).map(|n| switchboard_engine::view::SourceView { name: format!("s{n}"), ..one.clone() }).collect());
        assert_eq!(texts(&lost(&snapshot, &Vec::new(), NOW_NS)), ["9 of 9 sources have failed"]);
    }
}
