//! The way back: what was looked at before.

use crate::{
    view::{Target, ViewKind},
    views::map::mode::Mode,
};

/// More places are forgotten, the oldest first.
const PLACES_MAX: usize = 100;

/// A place that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    /// The view that had the keys.
    pub view: ViewKind,
    /// What was selected in it.
    pub target: Option<Target>,
    /// How much of the map was shown; `None` in other views.
    pub map_mode: Option<Mode>,
}

/// The places before and after the present one.
#[derive(Default)]
pub(crate) struct History {
    before: Vec<Place>,
    after: Vec<Place>,
}

impl History {
    /// The present place is left for a new one.
    pub(crate) fn leave(&mut self, present: Place) {
        self.after.clear();
        if self.before.last() != Some(&present) {
            self.before.push(present);
        }
        if self.before.len() > PLACES_MAX {
            self.before.remove(0);
        }
    }

    /// The place before, if there is one.
    pub(crate) fn back(&mut self, present: Place) -> Option<Place> {
        step(&mut self.before, &mut self.after, present)
    }

    /// The place from which one went back, if there is one.
    pub(crate) fn forward(&mut self, present: Place) -> Option<Place> {
        step(&mut self.after, &mut self.before, present)
    }

    /// Whether there is a place before.
    pub(crate) fn can_go_back(&self) -> bool {
        !self.before.is_empty()
    }

    /// Whether one went back.
    pub(crate) fn can_go_forward(&self) -> bool {
        !self.after.is_empty()
    }
}

fn step(from: &mut Vec<Place>, to: &mut Vec<Place>, present: Place) -> Option<Place> {
    while let Some(place) = from.pop() {
        // Where one is already is no step.
        if place != present {
            to.push(present);
            return Some(place);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> Place {
        Place { view: ViewKind::Sources, target: Some(Target::Source(name.to_owned())), map_mode: None }
    }

    #[test]
    fn back_and_forward_walk_the_same_way() {
        let mut history = History::default();
        history.leave(place("a"));
        history.leave(place("b"));
        assert_eq!(history.back(place("c")), Some(place("b")));
        assert_eq!(history.back(place("b")), Some(place("a")));
        assert_eq!(history.back(place("a")), None);
        assert_eq!(history.forward(place("a")), Some(place("b")));
        history.leave(place("b"));
        assert!(!history.can_go_forward(), "a new way ends the old one");
        assert_eq!(history.back(place("d")), Some(place("b")));
    }

    #[test]
    fn only_so_many_places_are_kept() {
        let mut history = History::default();
        for n in 0..1_000 {
            history.leave(place(&n.to_string()));
        }
        assert_eq!(history.before.len(), PLACES_MAX);
        assert_eq!(history.back(place("now")), Some(place("999")));
    }
}
