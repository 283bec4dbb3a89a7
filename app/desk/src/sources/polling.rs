//! How often a source is looked at, in seconds of a profile.

use std::time::Duration;

use crate::profile_error::ProfileError;

/// Seconds between two looks where a profile says nothing.
pub(super) fn default_s() -> f64 {
    2.0
}

/// Whether these seconds make sense; `field` is named where not.
pub(super) fn check(field: &str, poll_s: f64) -> Result<(), ProfileError> {
    if (0.1..=3600.0).contains(&poll_s) { Ok(()) } else { Err(ProfileError::value(field, &poll_s.to_string(), "write seconds from 0.1 to 3600")) }
}

/// The same as a duration; they were checked.
pub(super) fn interval(poll_s: f64) -> Duration {
    Duration::from_secs_f64(poll_s)
}
