//! What is new since a view was looked at: a mark on its tab until it is, and on the rows until it is left. Pure.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_engine::view::{BreakerView, GroupView, Snapshot, breaker_refuses};
use switchboard_model::SourcePhase;

use crate::view::ViewKind;

/// Views in which something can be new.
const WATCHED: [ViewKind; 4] = [ViewKind::Groups, ViewKind::DeadLetters, ViewKind::Breakers, ViewKind::Sources];
/// It is looked for at most this often, s.
const LOOK_EVERY_S: f64 = 1.0;
/// A new mark fades in so long, s.
pub(crate) const FADES_FOR_S: f64 = 1.2;

/// What stands for a breaker.
fn breaker_name(breaker: &BreakerView) -> String {
    format!("{:?} {:?} {}", breaker.caller, breaker.instance, breaker.name)
}

/// What stands for a group.
fn group_name(group: &GroupView) -> String {
    format!("{:?} {} {}", group.cluster, group.group, group.topic)
}

/// Names that stand for what is unusual in a view, and how many dead letters are open.
#[derive(Clone, Debug, Default, PartialEq)]
struct Unusual {
    of_view: BTreeMap<ViewKind, BTreeSet<String>>,
    num_dead: u64,
}

impl Unusual {
    fn of(snapshot: &Snapshot) -> Self {
        let open = snapshot.breakers.iter().filter(|breaker| breaker_refuses(breaker.state));
        let breakers = open.map(breaker_name).collect();
        let behind = snapshot.groups.iter().filter(|group| group.is_behind());
        let groups = behind.map(group_name).collect();
        let failed = snapshot.sources.iter().filter(|source| source.phase == SourcePhase::Failed);
        let sources = failed.map(|source| source.name.clone()).collect();
        let of_view = BTreeMap::from([(ViewKind::Breakers, breakers), (ViewKind::Groups, groups), (ViewKind::Sources, sources)]);
        Self { of_view, num_dead: snapshot.dead_letters.iter().map(|letters| letters.num_open).sum() }
    }

    /// Whether a view has something that it had not when it was looked at last.
    fn is_new_in(&self, view: ViewKind, seen: &Self) -> bool {
        let names = |unusual: &Self| unusual.of_view.get(&view).cloned().unwrap_or_default();
        if view == ViewKind::DeadLetters { self.num_dead > seen.num_dead } else { !names(self).is_subset(&names(seen)) }
    }

    /// What is over can be new again.
    fn forget_over(&mut self, now: &Self) {
        self.num_dead = self.num_dead.min(now.num_dead);
        for (view, names) in &mut self.of_view {
            names.retain(|name| now.of_view.get(view).is_some_and(|now| now.contains(name)));
        }
    }
}

/// Keeps what was seen of each view, and which views have something new.
#[derive(Default)]
pub(crate) struct News {
    session_ns: Option<i64>,
    looked: Option<(u64, f64)>,
    now: Unusual,
    seen: BTreeMap<ViewKind, Unusual>,
    marked_s: BTreeMap<ViewKind, f64>,
    /// What was new when a view was opened, and came since, until it is left.
    fresh: BTreeMap<ViewKind, BTreeSet<String>>,
}

impl News {
    /// Takes in a snapshot at the time `now_s`, and which views are looked at.
    pub(crate) fn take(&mut self, snapshot: &Snapshot, shown: &[ViewKind], now_s: f64) {
        if self.session_ns != Some(snapshot.started_ns) {
            // What is there at first is not new.
            let now = Unusual::of(snapshot);
            let seen = WATCHED.into_iter().map(|view| (view, now.clone())).collect();
            *self = Self { session_ns: Some(snapshot.started_ns), looked: Some((snapshot.generation, now_s)), now, seen, ..Self::default() };
        }
        if self.looked.is_none_or(|(generation, looked_s)| generation != snapshot.generation && now_s - looked_s >= LOOK_EVERY_S) {
            self.looked = Some((snapshot.generation, now_s));
            self.now = Unusual::of(snapshot);
        }
        for view in WATCHED {
            let Some(seen) = self.seen.get_mut(&view) else { continue };
            if shown.contains(&view) {
                if *seen != self.now {
                    let names = |unusual: &Unusual| unusual.of_view.get(&view).cloned().unwrap_or_default();
                    self.fresh.entry(view).or_default().extend(names(&self.now).difference(&names(seen)).cloned());
                    seen.clone_from(&self.now);
                }
                self.marked_s.remove(&view);
                continue;
            }
            self.fresh.remove(&view);
            if self.now.is_new_in(view, seen) {
                self.marked_s.entry(view).or_insert(now_s);
            } else {
                seen.forget_over(&self.now);
            }
        }
    }

    /// Since when a view has something new, s; `None` = it has not.
    pub(crate) fn marked_s(&self, view: ViewKind) -> Option<f64> {
        self.marked_s.get(&view).copied()
    }

    /// Whether a breaker opened since it was looked at last.
    pub(crate) fn is_fresh_breaker(&self, breaker: &BreakerView) -> bool {
        self.fresh.get(&ViewKind::Breakers).is_some_and(|fresh| !fresh.is_empty() && fresh.contains(&breaker_name(breaker)))
    }

    /// Whether a group fell behind since it was looked at last.
    pub(crate) fn is_fresh_group(&self, group: &GroupView) -> bool {
        self.fresh.get(&ViewKind::Groups).is_some_and(|fresh| !fresh.is_empty() && fresh.contains(&group_name(group)))
    }

    /// Whether a mark came so lately that it fades.
    pub(crate) fn is_fading(&self, now_s: f64) -> bool {
        self.marked_s.values().any(|marked_s| (0.0..FADES_FOR_S).contains(&(now_s - marked_s)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use switchboard_model::BreakerState;

    use super::*;
    use crate::testing;

    fn with(generation: u64, num_dead: u64, state: BreakerState) -> Snapshot {
        let mut snapshot = testing::order_business();
        snapshot.generation = generation;
        Arc::make_mut(&mut snapshot.dead_letters)[0].num_open = num_dead;
        Arc::make_mut(&mut snapshot.breakers)[1].state = Some(state);
        snapshot
    }

    #[test]
    fn what_comes_while_a_view_is_not_shown_is_marked_until_it_is() {
        let mut news = News::default();
        let marked = |news: &News| WATCHED.into_iter().filter(|view| news.marked_s(*view).is_some()).collect::<Vec<_>>();
        news.take(&with(1, 11, BreakerState::Closed), &[ViewKind::Map], 0.0);
        assert_eq!(marked(&news), [], "what is there at first is not new");
        news.take(&with(2, 12, BreakerState::Open), &[ViewKind::Map], 1.0);
        assert_eq!(marked(&news), [ViewKind::DeadLetters, ViewKind::Breakers]);
        assert!(news.is_fading(1.5) && !news.is_fading(3.0));
        news.take(&with(3, 12, BreakerState::Closed), &[ViewKind::Map], 2.0);
        assert_eq!(marked(&news), [ViewKind::DeadLetters, ViewKind::Breakers], "what has recovered was not seen yet");
        news.take(&with(3, 12, BreakerState::Closed), &[ViewKind::Breakers], 3.0);
        assert_eq!(marked(&news), [ViewKind::DeadLetters]);
        let opened = |news: &News| news.is_fresh_breaker(&with(1, 0, BreakerState::Open).breakers[1]);
        assert!(!opened(&news), "it is closed again");
        news.take(&with(3, 12, BreakerState::Closed), &[ViewKind::Map], 3.5);
        news.take(&with(4, 12, BreakerState::Open), &[ViewKind::DeadLetters], 4.0);
        assert_eq!(marked(&news), [ViewKind::Breakers], "it opened again");
        news.take(&with(4, 12, BreakerState::Open), &[ViewKind::Breakers], 4.5);
        assert!(marked(&news).is_empty() && opened(&news), "its row is marked");
        news.take(&with(4, 12, BreakerState::Open), &[ViewKind::Map], 4.6);
        assert!(!opened(&news), "it was seen");
        news.take(&Snapshot { started_ns: 7, ..with(1, 40, BreakerState::Open) }, &[ViewKind::Map], 5.0);
        assert_eq!(marked(&news), [], "another session");
    }
}
