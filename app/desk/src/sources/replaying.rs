//! How carefully records are replayed to a cluster, as a profile says it.

use serde::{Deserialize, Serialize};

use crate::profile_error::ProfileError;
use crate::send::replay::{FIRST_MAX, RATE_MAX};

/// What a profile says of replaying to a cluster; `None` = it does not say, and that is as it is everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayProfile {
    /// How many go first, and are followed before the rest goes: 1 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
    /// How many the rest goes at, a second: 1 to 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u32>,
    /// How many one run sends at most, from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u32>,
}

impl ReplayProfile {
    /// Whether it says nothing.
    pub(super) fn is_unsaid(&self) -> bool {
        *self == Self::default()
    }

    /// Whether its values make sense; `table` is named where not.
    pub(super) fn check(&self, table: &str) -> Result<(), ProfileError> {
        for (key, said, most) in [("first", self.first, FIRST_MAX), ("per_second", self.per_second, RATE_MAX), ("at_most", self.at_most, u32::MAX)] {
            if let Some(said) = said.filter(|said| !(1..=most).contains(said)) {
                let reason = if most == u32::MAX { "write 1 or more".to_owned() } else { format!("write a number from 1 to {most}") };
                return Err(ProfileError::value(&format!("{table}.replay.{key}"), &said.to_string(), &reason));
            }
        }
        Ok(())
    }
}
