//! What the map remembers from one start to the next: rules, modes, and where boxes stand, by profile.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{edge_label::EdgeLabel, grouping::GroupBy, mode::Mode, noise::NoiseRules, place::Remembered};

/// Of more profiles the places are not kept.
const PROFILES_MAX: usize = 16;
/// Of more boxes of a profile the places are not kept.
const BOXES_MAX: usize = 2_000;
/// A longer label is none.
const LABEL_BYTES_MAX: usize = 512;
/// More open groups are not kept.
const OPEN_MAX: usize = 100;

/// What the map remembers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MapSettings {
    /// What is hidden.
    pub noise: NoiseRules,
    /// What is shown.
    pub mode: Mode,
    /// How far around a box, steps.
    pub num_hops: NumHops,
    /// Which services stand together.
    pub group_by: GroupBy,
    /// What stands on edges.
    pub edge_label: EdgeLabel,
    /// Whether nothing on the map moves by itself.
    pub is_still: bool,
    /// By the name of the profile.
    pub profiles: BTreeMap<String, Places>,
}

/// How far around a box is looked, steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct NumHops(pub usize);

impl NumHops {
    /// The farthest.
    pub(crate) const MAX: usize = 6;

    /// Within bounds.
    pub(crate) fn of(num_hops: usize) -> Self {
        Self(num_hops.clamp(1, Self::MAX))
    }
}

impl Default for NumHops {
    fn default() -> Self {
        Self(2)
    }
}

/// Where boxes stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Places {
    /// Among problems.
    pub problems: BTreeMap<String, Remembered>,
    /// Among all.
    pub all: BTreeMap<String, Remembered>,
    /// Groups that stand open.
    pub open: BTreeSet<String>,
}

impl MapSettings {
    /// The same, each value within its bounds: what is read may have been written by anybody.
    pub(crate) fn within_bounds(mut self) -> Self {
        self.noise = self.noise.within_bounds();
        self.num_hops = NumHops::of(self.num_hops.0);
        if matches!(&self.group_by, GroupBy::Label(name) if name.len() > LABEL_BYTES_MAX) {
            self.group_by = GroupBy::Auto;
        }
        while self.profiles.len() > PROFILES_MAX {
            self.profiles.pop_last();
        }
        for places in self.profiles.values_mut() {
            for boxes in [&mut places.problems, &mut places.all] {
                while boxes.len() > BOXES_MAX {
                    boxes.pop_last();
                }
            }
            while places.open.len() > OPEN_MAX {
                places.open.pop_last();
            }
        }
        self
    }
}
