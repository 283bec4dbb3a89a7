//! When the first few have passed, and when a run stops by itself. Pure.

use crate::ledger::{LetterState, Outcome};
use crate::replay::{CanaryLine, Readers};

/// What the first few come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Not all of it is known.
    Wait,
    /// All that was written was read, and none came back.
    Passed,
    /// The run ends, for this reason.
    Halt(String),
}

/// What the first few come to. `quiet_ns`: a letter that was read may still be on its way back; so long after the last was read
/// none may have come.
pub(super) fn canary_verdict(lines: &[CanaryLine], now_ns: i64, quiet_ns: i64) -> Verdict {
    if let Some(dead) = lines.iter().find(|line| line.state == LetterState::DeadAgain) {
        return Verdict::Halt(format!("{} came back dead: {}", dead.letter, dead.evidence));
    }
    if lines.iter().any(|line| line.outcome.is_none()) {
        return Verdict::Wait;
    }
    let mut persisted = lines.iter().filter(|line| line.outcome == Some(Outcome::Persisted)).peekable();
    if persisted.peek().is_none() {
        let tried = lines.iter().filter(|line| line.outcome != Some(Outcome::Skipped)).count();
        let what = if tried == 0 { "every letter was skipped" } else { "none of the first was acknowledged" };
        return Verdict::Halt(what.to_owned());
    }
    let is_over = persisted.all(|line| line.state == LetterState::Consumed && now_ns.saturating_sub(line.at_ns) >= quiet_ns);
    if is_over { Verdict::Passed } else { Verdict::Wait }
}

/// Why the rest stops by itself; `None` = it goes on. `before`: who read when the run began.
pub(super) fn halt_reason(dead_again: Option<String>, before: &Readers, now: &Readers, lag_margin: u64) -> Option<String> {
    if let Some(dead) = dead_again {
        return Some(format!("{dead} came back dead"));
    }
    for breaker in now.breakers.iter().filter(|breaker| breaker.is_open()) {
        let known = before.breakers.iter().any(|other| (&other.caller, &other.guards) == (&breaker.caller, &breaker.guards) && other.is_open());
        if !known {
            return Some(format!("the breaker {} → {} opened", breaker.caller, breaker.guards));
        }
    }
    for reader in &now.groups {
        let lag_before = before.groups.iter().find(|other| other.group == reader.group).and_then(|other| other.lag).unwrap_or(0);
        let limit = lag_before.saturating_add(lag_margin);
        if let Some(lag) = reader.lag.filter(|lag| *lag > limit) {
            return Some(format!("{} is {lag} behind, more than {limit}", reader.group));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{LetterKey, SentState};
    use crate::replay::{BreakerOnTheWay, Reader};
    use switchboard_engine::view::LagVerdict;
    use switchboard_model::BreakerState;

    fn line(outcome: Option<Outcome>, state: LetterState, at_ns: i64) -> CanaryLine {
        let letter = LetterKey { cluster: "c".into(), channel: "t-dlt".into(), partition: 0, offset: 7, timestamp_ns: None };
        CanaryLine { letter, outcome, state, evidence: "back on t-dlt 0@9".into(), new_trace: None, at_ns }
    }

    #[test]
    fn the_first_few_pass_once_all_that_was_written_was_read_and_stayed_away() {
        use LetterState::{Consumed, DeadAgain, Open, Sent};
        let sent = Sent(SentState::Persisted);
        let possibly = Sent(SentState::Possibly);
        let persisted = Some(Outcome::Persisted);
        for (name, lines, verdict) in [
            ("not yet sent", vec![line(None, sent.clone(), 0)], Verdict::Wait),
            ("not yet read", vec![line(persisted, Consumed, 0), line(persisted, sent.clone(), 0)], Verdict::Wait),
            ("just read", vec![line(persisted, Consumed, 95)], Verdict::Wait),
            ("read", vec![line(persisted, Consumed, 10), line(persisted, Consumed, 90)], Verdict::Passed),
            ("a doubtful one beside", vec![line(persisted, Consumed, 10), line(Some(Outcome::PossiblyPersisted), possibly, 0)], Verdict::Passed),
            ("none written", vec![line(Some(Outcome::NotPersisted), Open, 0)], Verdict::Halt("none of the first was acknowledged".into())),
            ("none tried", vec![line(Some(Outcome::Skipped), Open, 0)], Verdict::Halt("every letter was skipped".into())),
            (
                "one dead, another still on its way",
                vec![line(None, sent, 0), line(persisted, DeadAgain, 0)],
                Verdict::Halt("t-dlt 0@7 came back dead: back on t-dlt 0@9".into()),
            ),
        ] {
            assert_eq!(canary_verdict(&lines, 100, 10), verdict, "{name}");
        }
    }

    #[test]
    fn the_rest_stops_when_something_gets_worse_but_not_for_what_was_bad_before() {
        let readers = |lag: Option<u64>, state: BreakerState| Readers {
            groups: vec![Reader { group: "inventory".into(), has_failed: true, lag, lag_s: None, verdict: LagVerdict::Ok, num_members: None }],
            breakers: vec![BreakerOnTheWay { caller: "inventory".into(), guards: "postgres".into(), state: Some(state), instances: (1, 1) }],
        };
        let before = readers(Some(40), BreakerState::Closed);
        for (now, reason) in [
            (readers(Some(540), BreakerState::HalfOpen), None),
            (readers(None, BreakerState::Closed), None),
            (readers(Some(541), BreakerState::Closed), Some("inventory is 541 behind, more than 540")),
            (readers(Some(0), BreakerState::Open), Some("the breaker inventory → postgres opened")),
            (readers(Some(0), BreakerState::ForcedOpen), Some("the breaker inventory → postgres opened")),
        ] {
            assert_eq!(halt_reason(None, &before, &now, 500).as_deref(), reason);
        }
        let open = readers(Some(0), BreakerState::Open);
        assert_eq!(halt_reason(None, &open, &open, 500), None);
        assert_eq!(halt_reason(Some("t-dlt 0@7".into()), &open, &open, 500).as_deref(), Some("t-dlt 0@7 came back dead"));
    }
}
