use std::fmt;

/// What the lab can be told, on standard input or by its script.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// Whether some orders cannot be shipped.
    Poison(bool),
    /// Whether inventory works slower than orders come.
    SlowConsumer(bool),
    /// Inventory goes back a few records on each partition and handles them again.
    DuplicateDelivery,
    /// Whether payments refuses and hangs.
    PaymentsDown(bool),
    /// Aborts orders-2 in the middle of its work.
    Kill,
    /// Starts orders-2 again on its old ports.
    Restart,
    /// Whether all brokers are gone.
    BrokerDown(bool),
    /// Orders per second from now on.
    Rate(f64),
    /// Lets generator and script begin, where they were held.
    Go,
    /// Ends the orders, drains every queue, flushes the exporters, writes the books.
    Stop,
    /// Writes the books now.
    Books,
    /// Ends the lab.
    Quit,
}

impl Command {
    /// Reads one line; `None` when it says nothing this lab knows.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        Some(match words[..] {
            ["poison", on] => Self::Poison(switch(on, "on", "off")?),
            ["slow-consumer", on] => Self::SlowConsumer(switch(on, "on", "off")?),
            ["duplicate-delivery"] => Self::DuplicateDelivery,
            ["payments", down] => Self::PaymentsDown(switch(down, "down", "up")?),
            ["kill", "orders-2"] => Self::Kill,
            ["restart", "orders-2"] => Self::Restart,
            ["broker", down] => Self::BrokerDown(switch(down, "down", "up")?),
            ["rate", rate] => Self::Rate(rate.parse().ok().filter(|r| is_rate(*r))?),
            ["go"] => Self::Go,
            ["stop"] => Self::Stop,
            ["books"] => Self::Books,
            ["quit"] => Self::Quit,
            _ => return None,
        })
    }
}

/// Whether so many orders per second can be asked of the lab.
pub(crate) fn is_rate(rate: f64) -> bool {
    (0.1..=1_000.0).contains(&rate)
}

fn switch(word: &str, yes: &str, no: &str) -> Option<bool> {
    (word == yes || word == no).then_some(word == yes)
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |on: bool| if on { "on" } else { "off" };
        let down = |down: bool| if down { "down" } else { "up" };
        match self {
            Self::Poison(is_on) => write!(f, "poison {}", on(*is_on)),
            Self::SlowConsumer(is_on) => write!(f, "slow-consumer {}", on(*is_on)),
            Self::DuplicateDelivery => f.write_str("duplicate-delivery"),
            Self::PaymentsDown(is_down) => write!(f, "payments {}", down(*is_down)),
            Self::Kill => f.write_str("kill orders-2"),
            Self::Restart => f.write_str("restart orders-2"),
            Self::BrokerDown(is_down) => write!(f, "broker {}", down(*is_down)),
            Self::Rate(rate) => write!(f, "rate {rate}"),
            Self::Go => f.write_str("go"),
            Self::Stop => f.write_str("stop"),
            Self::Books => f.write_str("books"),
            Self::Quit => f.write_str("quit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_reads_back_from_its_own_text() {
        let all = [
            Command::Poison(true),
            Command::Poison(false),
            Command::SlowConsumer(true),
            Command::DuplicateDelivery,
            Command::PaymentsDown(true),
            Command::PaymentsDown(false),
            Command::Kill,
            Command::Restart,
            Command::BrokerDown(true),
            Command::Rate(2.5),
            Command::Go,
            Command::Stop,
            Command::Books,
            Command::Quit,
        ];
        for command in all {
            assert_eq!(Command::parse(&format!("  {command} ")), Some(command));
        }
    }

    #[test]
    fn other_words_and_rates_out_of_range_are_refused() {
        for line in ["", "poison", "poison maybe", "kill payments", "rate", "rate -1", "rate NaN", "rate 1e9", "rate 0", "stop now", "payments on"] {
            assert_eq!(Command::parse(line), None, "{line}");
        }
    }
}
