use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::command::Command;

/// The table that belongs to the lab.
pub(crate) const DEFAULT: &str = include_str!("../script");

/// A table of faults, each at its second, that begins again after `cycle`.
#[derive(Debug, PartialEq)]
pub(crate) struct Script {
    /// The faults in the order of their time since the cycle's begin.
    pub(crate) steps: Vec<(Duration, Command)>,
    /// How long one round lasts.
    pub(crate) cycle: Duration,
}

impl Script {
    /// Reads lines of `second fault`, in rising order, the last of them `second again`; `#` begins a comment.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut steps: Vec<(Duration, Command)> = Vec::new();
        let mut cycle = None;
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let place = || format!("script line {}: `{line}`", number + 1);
            if cycle.is_some() {
                bail!("{}: nothing may follow `again`", place());
            }
            let (second, fault) = line.split_once(char::is_whitespace).with_context(|| format!("{}: expected `second fault`", place()))?;
            let second: u32 = second.parse().with_context(|| format!("{}: the second is not a whole number", place()))?;
            let at = Duration::from_secs(second.into());
            if steps.last().is_some_and(|(last, _)| *last > at) {
                bail!("{}: seconds must not fall", place());
            }
            if fault.trim() == "again" {
                if at.is_zero() {
                    bail!("{}: a round must last at least a second", place());
                }
                cycle = Some(at);
            } else {
                let command = Command::parse(fault).with_context(|| format!("{}: unknown fault", place()))?;
                steps.push((at, command));
            }
        }
        let cycle = cycle.context("script: the last line must be `second again`")?;
        Ok(Self { steps, cycle })
    }

    /// The n-th step since the start over all rounds, and when it is due after the start; `None` for a table without steps.
    pub(crate) fn step(&self, n: usize) -> Option<(Duration, Command)> {
        let (at, command) = self.steps.get(n.checked_rem(self.steps.len())?)?;
        let round = u32::try_from(n / self.steps.len()).ok()?;
        Some((self.cycle * round + *at, command.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labs_own_table_restores_all_it_breaks() {
        let script = Script::parse(DEFAULT).unwrap();
        assert_eq!(script.cycle, Duration::from_mins(1));
        let at = |command: &Command| script.steps.iter().find(|(_, c)| c == command).map(|(at, _)| at.as_secs());
        for (on, off, from, to) in [
            (Command::Poison(true), Command::Poison(false), 5, 60),
            (Command::SlowConsumer(true), Command::SlowConsumer(false), 10, 58),
            (Command::PaymentsDown(true), Command::PaymentsDown(false), 25, 44),
            (Command::Kill, Command::Restart, 45, 49),
            (Command::BrokerDown(true), Command::BrokerDown(false), 50, 55),
        ] {
            assert_eq!((at(&on), at(&off)), (Some(from), Some(to)), "{on}");
        }
        assert_eq!(at(&Command::DuplicateDelivery), Some(15));
    }

    #[test]
    fn the_table_begins_again_after_its_cycle() {
        let script = Script::parse("1 poison on\n3 poison off # back\n\n10 again").unwrap();
        let due: Vec<u64> = (0..5).filter_map(|n| script.step(n)).map(|(at, _)| at.as_secs()).collect();
        assert_eq!(due, [1, 3, 11, 13, 21]);
        assert_eq!(script.step(3).map(|(_, c)| c), Some(Command::Poison(false)));
        assert_eq!(Script::parse("5 again").unwrap().step(0), None);
    }

    #[test]
    fn a_wrong_table_names_its_line() {
        for (text, says) in [
            ("1 poison on", "last line must be"),
            ("5 poison on\n4 poison off\n9 again", "line 2: `4 poison off`: seconds must not fall"),
            ("x poison on\n9 again", "not a whole number"),
            ("1 dance\n9 again", "unknown fault"),
            ("7\n9 again", "expected `second fault`"),
            ("0 again", "at least a second"),
            ("9 again\n10 poison on", "nothing may follow"),
        ] {
            let error = Script::parse(text).unwrap_err();
            assert!(format!("{error:#}").contains(says), "{text}: {error:#}");
        }
    }
}
