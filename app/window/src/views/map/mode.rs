//! How much of the map is shown.

use serde::{Deserialize, Serialize};

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// What is unusual and the ways to it; the rest in groups, where there is much of it.
    #[default]
    Problems,
    /// What is a few steps from one box.
    Neighbourhood,
    /// Everything.
    All,
}

impl Mode {
    /// All of them, in the order of their keys.
    pub(crate) const ALL: [Self; 3] = [Self::Problems, Self::Neighbourhood, Self::All];

    /// What it is called.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Problems => "Problems",
            Self::Neighbourhood => "Neighbourhood",
            Self::All => "All",
        }
    }
}
