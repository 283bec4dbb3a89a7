//! Until when something has to be over, and how long that was in words.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// Until when something has to be over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    /// `None` = it may take as long as it likes.
    at: Option<Instant>,
    /// How long it may take in all.
    within: Duration,
}

/// It was not over in time; it may have taken this long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Late(pub Duration);

impl Deadline {
    /// So much from now on; `None` = never.
    pub fn after(within: Option<Duration>) -> Self {
        let at = within.and_then(|within| Instant::now().checked_add(within));
        Self { at, within: within.unwrap_or(Duration::MAX) }
    }

    /// This, or so much from now on, whichever is first.
    pub fn or_after(self, within: Duration) -> Self {
        let other = Self::after(Some(within));
        match (self.at, other.at) {
            (Some(at), Some(other_at)) if at <= other_at => self,
            (_, Some(_)) => other,
            (_, None) => self,
        }
    }

    /// One of so many equal parts of what is left.
    pub fn part(self, num_parts: usize) -> Self {
        let left = self.at.map(|at| at.saturating_duration_since(Instant::now()) / u32::try_from(num_parts.max(1)).unwrap_or(u32::MAX));
        Self { at: left.and_then(|left| Instant::now().checked_add(left)).or(self.at), within: self.within }
    }

    /// Fails where it is over. Work that never has to wait asks this by itself.
    pub fn check(self) -> Result<(), Late> {
        match self.at {
            Some(at) if at <= Instant::now() => Err(Late(self.within)),
            _ => Ok(()),
        }
    }

    /// Waits for it, and no longer.
    pub async fn run<T>(self, work: impl Future<Output = T>) -> Result<T, Late> {
        self.check()?;
        match self.at {
            Some(at) => timeout_at(at, work).await.map_err(|_elapsed| Late(self.within)),
            None => Ok(work.await),
        }
    }
}

/// A duration as it is said in a sentence, such as `30 s` or `250 ms`.
pub(super) fn in_words(duration: Duration) -> String {
    if duration.subsec_millis() == 0 && duration.as_secs() > 0 {
        format!("{} s", duration.as_secs())
    } else if duration.as_secs() > 0 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_as_somebody_set_them() {
        for (duration, words) in [(30_000, "30 s"), (1_500, "1.5 s"), (250, "250 ms"), (0, "0 ms")] {
            assert_eq!(in_words(Duration::from_millis(duration)), words);
        }
    }

    #[test]
    fn the_sooner_of_two_holds_and_what_is_too_long_never_ends() {
        let long = Deadline::after(Some(Duration::from_mins(1)));
        assert_eq!(long.or_after(Duration::from_secs(5)).within, Duration::from_secs(5));
        assert_eq!(long.or_after(Duration::from_secs(90)).within, Duration::from_mins(1));
        assert_eq!(Deadline::after(None).or_after(Duration::from_secs(5)).within, Duration::from_secs(5));
        assert!(Deadline::after(Some(Duration::MAX)).at.is_none());
        assert!(Deadline::after(Some(Duration::ZERO)).check().is_err());
    }
}
