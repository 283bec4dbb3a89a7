//! Whether one and the same instance answers behind an address.

use std::time::{Duration, Instant};

/// How long a change of instance is told after its last sign.
pub(crate) const TOLD_FOR: Duration = Duration::from_mins(2);

/// How long signs that prove nothing alone are added up, and how many of them are taken as proof.
const WEAK_SIGNS_WITHIN: Duration = Duration::from_mins(1);
const WEAK_SIGNS_NEEDED: usize = 3;

/// The most instances remembered by name.
const MOST_INSTANCES: usize = 16;

/// What is known about who answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Another instance answered here before, within the last minutes.
    pub changing: bool,
    /// Instances take turns, so that what one answer says need not hold for who answers next.
    pub alternating: bool,
    /// Instances that named themselves within the last minutes, in order of name.
    pub instances: Vec<String>,
    /// What gave it away, where none named itself.
    pub sign: Option<&'static str>,
}

/// Watches who answers.
#[derive(Debug, Default)]
pub(crate) struct InstanceWatch {
    current: Option<String>,
    named: Vec<(String, Instant)>,
    changed_at: Option<Instant>,
    alternated_at: Option<Instant>,
    sign: Option<&'static str>,
    weak_signs: Vec<Instant>,
    /// Per breaker the last two counts of refused calls.
    refused: std::collections::BTreeMap<String, [Option<u64>; 2]>,
}

impl InstanceWatch {
    /// An answer named its instance.
    pub fn named(&mut self, instance: &str, now: Instant) {
        if self.current.as_deref() != Some(instance) {
            if self.current.is_some() {
                self.changed_at = Some(now);
            }
            if self.named.iter().any(|(name, at)| name == instance && now.duration_since(*at) < TOLD_FOR) {
                self.alternated_at = Some(now);
            }
            self.current = Some(instance.to_owned());
        }
        self.named.retain(|(name, at)| name != instance && now.duration_since(*at) < TOLD_FOR);
        if self.named.len() == MOST_INSTANCES {
            self.named.remove(0);
        }
        self.named.push((instance.to_owned(), now));
    }

    /// Something that one instance alone cannot have answered.
    pub fn proved(&mut self, sign: &'static str, now: Instant) {
        self.changed_at = Some(now);
        self.alternated_at = Some(now);
        self.sign = Some(sign);
    }

    /// Counts of refused calls by breaker, where no events are told. A breaker's own changes reset its count; a count that
    /// falls and is back above its old value one poll later, again and again, is rather another breaker's.
    pub fn counted<'a>(&mut self, refused: impl Iterator<Item = (&'a str, u64)>, now: Instant) {
        let before = std::mem::take(&mut self.refused);
        let mut is_dip = false;
        for (name, count) in refused {
            let [older, newer] = before.get(name).copied().unwrap_or_default();
            is_dip |= matches!((older, newer), (Some(older), Some(newer)) if newer < older && older <= count);
            self.refused.insert(name.to_owned(), [newer, Some(count)]);
        }
        self.weak_signs.retain(|at| now.duration_since(*at) < WEAK_SIGNS_WITHIN);
        if is_dip {
            self.weak_signs.push(now);
            if self.weak_signs.len() >= WEAK_SIGNS_NEEDED {
                self.weak_signs.clear();
                self.proved("counts of refused calls went back and forth", now);
            }
        }
    }

    /// The instance that named itself last.
    pub fn current(&self) -> Option<&str> {
        self.current.as_deref()
    }

    /// What is known now.
    pub fn verdict(&self, now: Instant) -> Verdict {
        let is_recent = |at: Option<Instant>| at.is_some_and(|at| now.duration_since(at) < TOLD_FOR);
        let changing = is_recent(self.changed_at);
        let mut instances: Vec<String> = self.named.iter().filter(|(_, at)| now.duration_since(*at) < TOLD_FOR).map(|(name, _)| name.clone()).collect();
        instances.sort();
        Verdict { changing, alternating: is_recent(self.alternated_at), instances, sign: self.sign.filter(|_| changing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_replaces_another_is_a_change_and_taking_turns_is_more() {
        let mut watch = InstanceWatch::default();
        let start = Instant::now();
        let second = |number| start + Duration::from_secs(number);
        watch.named("a", start);
        watch.named("a", second(1));
        assert_eq!(watch.verdict(second(1)), Verdict { instances: vec!["a".into()], ..Verdict::default() });
        watch.named("b", second(2));
        let replaced = watch.verdict(second(2));
        assert!(replaced.changing && !replaced.alternating);
        assert_eq!(replaced.instances, ["a", "b"]);
        watch.named("a", second(3));
        assert!(watch.verdict(second(3)).alternating);
        for number in 4..130 {
            watch.named("a", second(number));
        }
        assert_eq!(watch.verdict(second(130)), Verdict { instances: vec!["a".into()], ..Verdict::default() }, "told for two minutes");
    }

    #[test]
    fn counts_that_jump_between_two_breakers_are_noticed_and_resets_are_not() {
        let start = Instant::now();
        let second = |number| start + Duration::from_secs(number);
        let mut watch = InstanceWatch::default();
        for (number, count) in [5, 9, 14, 0, 3, 7, 0, 0, 2, 8, 0].into_iter().enumerate() {
            watch.counted([("payments", count)].into_iter(), second(number as u64));
        }
        assert!(!watch.verdict(second(11)).changing, "a breaker that opens, closes and opens");
        let mut watch = InstanceWatch::default();
        for (number, count) in [50, 3, 52, 4, 55, 6, 58].into_iter().enumerate() {
            watch.counted([("payments", count)].into_iter(), second(number as u64));
        }
        let verdict = watch.verdict(second(7));
        assert!(verdict.changing && verdict.alternating);
        assert_eq!(verdict.sign, Some("counts of refused calls went back and forth"));
    }

    #[test]
    fn names_are_bounded() {
        let mut watch = InstanceWatch::default();
        let now = Instant::now();
        for number in 0..100 {
            watch.named(&format!("pod-{number}"), now);
        }
        assert_eq!(watch.verdict(now).instances.len(), MOST_INSTANCES);
    }
}
