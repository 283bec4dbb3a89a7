//! When the first few have passed, and when a run stops by itself. Pure.

use crate::ledger::{LetterState, SettledAs};
use crate::send::replay::{CallsOnTheWay, CanaryLine, Reader, Readers};

/// So many failures make a difference.
const ERRORS_MIN: u64 = 5;
/// By so much, of all, more have to fail than before.
const ERROR_MARGIN: f64 = 0.1;

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
/// none may have come. One that waits to be tried again passes only once all its tries are over, and not while it lies unread.
pub(super) fn canary_verdict(lines: &[CanaryLine], now_ns: i64, quiet_ns: i64) -> Verdict {
    if let Some(dead) = lines.iter().find(|line| line.state == LetterState::DeadAgain) {
        return Verdict::Halt(format!("{} came back dead: {}", dead.letter, dead.evidence));
    }
    if let Some((line, how)) = lines.iter().find_map(|line| Some((line, line.seen.died_elsewhere.as_ref()?))) {
        return Verdict::Halt(format!("{} is {how}", line.letter));
    }
    if lines.iter().any(|line| line.outcome.is_none()) {
        return Verdict::Wait;
    }
    let mut persisted = lines.iter().filter(|line| line.outcome == Some(SettledAs::Done)).peekable();
    if persisted.peek().is_none() {
        let tried = lines.iter().filter(|line| line.outcome != Some(SettledAs::Skipped)).count();
        let what = if tried == 0 { "all of the first were skipped" } else { "none of the first was acknowledged" };
        return Verdict::Halt(what.to_owned());
    }
    let is_over = |line: &CanaryLine| match line.seen.retry.as_ref().filter(|_| line.is_being_retried()) {
        Some(retry) => retry.over_ns.is_some_and(|over_ns| now_ns >= over_ns) && !line.seen.is_unread,
        // What never was a dead letter is not called consumed: every group has read it.
        None if line.seen.groups.is_some() => line.seen.proof.as_ref().is_some_and(|proof| proof.has_settled),
        None => line.state == LetterState::Consumed && now_ns.saturating_sub(line.at_ns) >= quiet_ns,
    };
    if persisted.all(is_over) { Verdict::Passed } else { Verdict::Wait }
}

/// What the first few wait for, in words (empty where there is nothing to say), and whether waiting can not tell.
pub(super) fn waits_for(lines: &[CanaryLine], now_ns: i64) -> (String, bool) {
    let open = || lines.iter().filter(|line| line.outcome == Some(SettledAs::Done) && line.state != LetterState::DeadAgain);
    let retried: Vec<&CanaryLine> = open().filter(|line| line.is_being_retried()).collect();
    let is_told = |line: &CanaryLine| line.state != LetterState::Consumed && !line.seen.waits_for.is_empty();
    let is_untellable = open().any(|line| line.seen.is_untellable && (line.state != LetterState::Consumed || line.is_being_retried()));
    let words = match retried.first().and_then(|line| line.seen.retry.as_ref()) {
        Some(first) => {
            let over_ns = retried.iter().map(|line| line.seen.retry.as_ref().and_then(|retry| retry.over_ns)).collect::<Option<Vec<i64>>>();
            let unread = retried.iter().find(|line| line.seen.is_unread && !line.seen.waits_for.is_empty());
            let but = unread.map(|line| format!(", but {}", line.seen.waits_for)).unwrap_or_default();
            let until = match over_ns.and_then(|over| over.into_iter().max()) {
                Some(over_ns) if over_ns > now_ns => format!("all tries are over in {} s", (over_ns - now_ns) / 1_000_000_000 + 1),
                Some(_) => format!("all tries should be over by now{but}"),
                None => "how long that goes on is not told".to_owned(),
            };
            format!("{} of the first {} being tried again on {}; {until}", retried.len(), if retried.len() == 1 { "is" } else { "are" }, first.at.channel)
        }
        None => open().find(|line| is_told(line)).map(|line| line.seen.waits_for.clone()).unwrap_or_default(),
    };
    (words, is_untellable)
}

/// Why the rest stops by itself; `None` = it goes on. `dead_again`: that a letter came back, in words. `before`: who read when the run began; a lag that
/// was not known then is measured by what it is when it becomes known.
pub(super) fn halt_reason(dead_again: Option<String>, before: &mut Readers, now: &Readers, lag_margin: u64) -> Option<String> {
    if dead_again.is_some() {
        return dead_again;
    }
    for breaker in now.breakers.iter().filter(|breaker| breaker.is_open()) {
        let known = before.breakers.iter().any(|other| (&other.caller, &other.guards) == (&breaker.caller, &breaker.guards) && other.is_open());
        if !known {
            return Some(format!("the breaker {} → {} opened{}", breaker.caller, breaker.guards, behind(&breaker.groups)));
        }
    }
    if let Some(reason) = now.calls.iter().find_map(|calls| fails_more(&before.calls, calls)) {
        return Some(reason);
    }
    for reader in &now.groups {
        let Some(lag) = reader.lag else { continue };
        let is_same = |other: &&mut Reader| (&other.group, &other.topic) == (&reader.group, &reader.topic);
        let lag_before = if let Some(known) = before.groups.iter_mut().find(is_same) {
            *known.lag.get_or_insert(lag)
        } else {
            before.groups.push(reader.clone());
            lag
        };
        let limit = lag_before.saturating_add(lag_margin);
        if lag > limit {
            let on = if now.are_of_several() && !reader.topic.is_empty() { format!(" on {}", reader.topic) } else { String::new() };
            return Some(format!("{} is {lag} behind{on}, more than {limit}", reader.group));
        }
    }
    None
}

/// That more of these calls fail than before, in words; `None` = it is not so, as far as can be told.
fn fails_more(before: &[CallsOnTheWay], now: &CallsOnTheWay) -> Option<String> {
    let before = before.iter().find(|known| (&known.from, &known.to) == (&now.from, &now.to));
    // What the last minute has of the time before is no reason.
    let num_since = now.num_errors.saturating_sub(before.map_or(0, |before| before.num_errors));
    if num_since.min(now.num_recent_errors) < ERRORS_MIN {
        return None;
    }
    let share_before = before.and_then(CallsOnTheWay::error_share);
    if now.error_share()? <= share_before.unwrap_or_default() + ERROR_MARGIN {
        return None;
    }
    let told_before = share_before.map_or_else(|| "of before nothing is known".to_owned(), |share| format!("{:.0} % before", share * 100.0));
    let behind = behind(now.groups.iter().filter(|group| **group != now.from));
    Some(format!("{} → {} fails more{behind}: {} of {} in the last minute, {told_before}", now.from, now.to, now.num_recent_errors, now.num_recent))
}

/// Behind which groups that is, in words; empty where it is told already.
fn behind<'a>(groups: impl IntoIterator<Item = &'a String>) -> String {
    let mut groups = groups.into_iter();
    let Some(first) = groups.next() else { return String::new() };
    match groups.count() {
        0 => format!(" behind {first}"),
        more => format!(" behind {first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_model::{MessageRef, Place};

    use crate::ledger::{LetterKey, SentState};
    use crate::send::replay::sighting::Proof;
    use crate::send::replay::{At, BreakerOnTheWay, GroupsAt, Retry, Sighting};
    use switchboard_engine::view::LagVerdict;
    use switchboard_model::BreakerState;

    fn line(outcome: Option<SettledAs>, state: LetterState, at_ns: i64) -> CanaryLine {
        let at = MessageRef { cluster: "c".into(), channel: "t-dlt".into(), place: Place::at(0, 7) };
        CanaryLine { letter: LetterKey { at, timestamp_ns: None }, outcome, state, evidence: "back on t-dlt 0@9".into(), seen: Sighting::default(), at_ns }
    }

    #[test]
    fn the_first_few_pass_once_all_that_was_written_was_read_and_stayed_away() {
        use LetterState::{Consumed, DeadAgain, Open, Sent};
        let sent = Sent(SentState::Persisted);
        let possibly = Sent(SentState::Possibly);
        let persisted = Some(SettledAs::Done);
        for (name, lines, verdict) in [
            ("not yet sent", vec![line(None, sent.clone(), 0)], Verdict::Wait),
            ("not yet read", vec![line(persisted, Consumed, 0), line(persisted, sent.clone(), 0)], Verdict::Wait),
            ("just read", vec![line(persisted, Consumed, 95)], Verdict::Wait),
            ("read", vec![line(persisted, Consumed, 10), line(persisted, Consumed, 90)], Verdict::Passed),
            ("a doubtful one beside", vec![line(persisted, Consumed, 10), line(Some(SettledAs::Possibly), possibly, 0)], Verdict::Passed),
            ("none written", vec![line(Some(SettledAs::NotDone), Open, 0)], Verdict::Halt("none of the first was acknowledged".into())),
            ("none tried", vec![line(Some(SettledAs::Skipped), Open, 0)], Verdict::Halt("all of the first were skipped".into())),
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
    fn what_is_tried_again_passes_only_once_all_its_tries_are_over() {
        let retried = |over_ns: Option<i64>, state: LetterState| {
            let at = At { channel: "t-retry-0".into(), partition: 0, offset: 3 };
            let retry = Retry { at, next_try: Some(2), due_ns: None, since_ns: 0, over_ns };
            CanaryLine { seen: Sighting { retry: Some(retry), ..Sighting::default() }, ..line(Some(SettledAs::Done), state, 0) }
        };
        let consumed = || line(Some(SettledAs::Done), LetterState::Consumed, 0);
        let sent = LetterState::Sent(SentState::Persisted);
        let unread = |over_ns: i64| {
            let mut line = retried(Some(over_ns), LetterState::Sent(SentState::Persisted));
            (line.seen.is_unread, line.seen.waits_for) = (true, "stock-retry-0 has no members".into());
            line
        };
        let died = |how: &str| CanaryLine { seen: Sighting { died_elsewhere: Some(how.into()), ..Sighting::default() }, ..consumed() };
        for (name, lines, verdict) in [
            ("its tries go on", vec![consumed(), retried(Some(101), sent.clone())], Verdict::Wait),
            ("its tries are over", vec![consumed(), retried(Some(100), sent.clone())], Verdict::Passed),
            ("its tries should be over, but nobody reads it", vec![consumed(), unread(100)], Verdict::Wait),
            ("how long they go on is not told", vec![retried(None, sent.clone())], Verdict::Wait),
            ("it counted as consumed before it was seen to be tried again", vec![retried(Some(101), LetterState::Consumed)], Verdict::Wait),
            ("it came back", vec![retried(Some(101), LetterState::DeadAgain)], Verdict::Halt("t-dlt 0@7 came back dead: back on t-dlt 0@9".into())),
            ("it died in another group", vec![died("dead in mail")], Verdict::Halt("t-dlt 0@7 is dead in mail".into())),
        ] {
            assert_eq!(canary_verdict(&lines, 100, 10), verdict, "{name}");
        }
        for (lines, now_ns, told) in [
            (vec![consumed()], 0, ("", false)),
            (vec![retried(Some(4_500_000_000), sent.clone())], 0, ("1 of the first is being tried again on t-retry-0; all tries are over in 5 s", false)),
            (
                vec![retried(Some(4_500_000_000), sent.clone()), retried(Some(1), sent.clone())],
                5_000_000_000,
                ("2 of the first are being tried again on t-retry-0; all tries should be over by now", false),
            ),
            (
                vec![retried(Some(1), sent.clone()), unread(1)],
                1,
                ("2 of the first are being tried again on t-retry-0; all tries should be over by now, but stock-retry-0 has no members", false),
            ),
            (vec![retried(None, sent.clone())], 0, ("1 of the first is being tried again on t-retry-0; how long that goes on is not told", false)),
            (vec![retried(None, LetterState::DeadAgain)], 0, ("", false)),
        ] {
            assert_eq!(waits_for(&lines, now_ns), (told.0.to_owned(), told.1));
        }
        let unknown = Sighting { waits_for: "its headers do not tell in which group it died".into(), is_untellable: true, ..Sighting::default() };
        let line = CanaryLine { seen: unknown, ..line(Some(SettledAs::Done), sent, 0) };
        assert_eq!(waits_for(&[line], 0), ("its headers do not tell in which group it died".to_owned(), true));
    }

    #[test]
    fn what_never_was_a_dead_letter_passes_once_every_group_has_read_it_and_stays_sent() {
        let groups = |read_by: &[&str], unread_by: &[&str]| GroupsAt {
            read_by: read_by.iter().map(|group| (*group).to_owned()).collect(),
            unread_by: unread_by.iter().map(|group| (*group).to_owned()).collect(),
            ..GroupsAt::default()
        };
        let at = || At { channel: "orders".into(), partition: 0, offset: 3 };
        let proof = |has_settled: bool| Some(Proof { evidence: "read by billing".into(), at: at(), since_ns: 0, has_settled });
        let sent = |groups: GroupsAt, proof: Option<Proof>, waits_for: &str| {
            let seen = Sighting { groups: Some(groups), proof, waits_for: waits_for.into(), ..Sighting::default() };
            CanaryLine { seen, ..line(Some(SettledAs::Done), LetterState::Sent(SentState::Persisted), 0) }
        };
        let all = || sent(groups(&["billing"], &[]), proof(true), "");
        let some = || sent(groups(&["billing"], &["audit"]), None, "read by billing; not yet by audit");
        let just = || sent(groups(&["billing"], &[]), proof(false), "");
        for (lines, verdict, words) in [
            (vec![all(), all()], Verdict::Passed, ""),
            (vec![all(), some()], Verdict::Wait, "read by billing; not yet by audit"),
            (vec![all(), just()], Verdict::Wait, ""),
        ] {
            assert_eq!((canary_verdict(&lines, 100, 10), waits_for(&lines, 100)), (verdict, (words.to_owned(), false)));
        }
        // It was moved to be tried again since.
        let mut again = all();
        again.seen.retry = Some(Retry { at: At { channel: "orders-retry-0".into(), ..at() }, next_try: None, due_ns: None, since_ns: 0, over_ns: Some(200) });
        assert_eq!(canary_verdict(&[again], 100, 10), Verdict::Wait);
    }

    #[test]
    fn the_rest_stops_when_something_gets_worse_but_not_for_what_was_bad_before() {
        let readers = |lag: Option<u64>, state: BreakerState| Readers {
            groups: vec![Reader { group: "inventory".into(), has_failed: true, lag, lag_s: None, verdict: LagVerdict::Ok, ..Reader::default() }],
            calls: Vec::new(),
            breakers: vec![BreakerOnTheWay {
                caller: "inventory".into(),
                guards: "postgres".into(),
                state: Some(state),
                instances: (1, 1),
                groups: vec!["stock".into()],
            }],
        };
        let before = readers(Some(40), BreakerState::Closed);
        for (now, reason) in [
            (readers(Some(540), BreakerState::HalfOpen), None),
            (readers(None, BreakerState::Closed), None),
            (readers(Some(541), BreakerState::Closed), Some("inventory is 541 behind, more than 540")),
            (readers(Some(0), BreakerState::Open), Some("the breaker inventory → postgres opened behind stock")),
            (readers(Some(0), BreakerState::ForcedOpen), Some("the breaker inventory → postgres opened behind stock")),
        ] {
            assert_eq!(halt_reason(None, &mut before.clone(), &now, 500).as_deref(), reason);
        }
        let open = readers(Some(0), BreakerState::Open);
        assert_eq!(halt_reason(None, &mut open.clone(), &open, 500), None);
        let came_back = || Some("t-dlt 0@7 came back dead".to_owned());
        assert_eq!(halt_reason(came_back(), &mut open.clone(), &open, 500), came_back());
        // One that reads several is measured on each.
        let on = |topic: &str, lag: u64| Reader { topic: topic.into(), lag: Some(lag), ..before.groups[0].clone() };
        let of_two = |lags: [u64; 2]| Readers { groups: vec![on("orders", lags[0]), on("payments", lags[1])], ..Readers::default() };
        assert_eq!(halt_reason(None, &mut of_two([700, 0]), &of_two([700, 500]), 500), None);
        let worse = halt_reason(None, &mut of_two([700, 0]), &of_two([0, 501]), 500);
        assert_eq!(worse.as_deref(), Some("inventory is 501 behind on payments, more than 500"));
        // What was not known when the run began was not 0.
        for mut before in [readers(None, BreakerState::Closed), Readers::default()] {
            assert_eq!(halt_reason(None, &mut before, &readers(Some(9_000), BreakerState::Closed), 500), None);
            let worse = halt_reason(None, &mut before, &readers(Some(9_501), BreakerState::Closed), 500);
            assert_eq!(worse.as_deref(), Some("inventory is 9501 behind, more than 9500"));
        }
    }

    #[test]
    fn the_rest_stops_where_more_fails_than_before_the_run() {
        let calls = |recent: (u64, u64), session: (u64, u64)| CallsOnTheWay {
            from: "inventory".into(),
            to: "stock".into(),
            num_recent: recent.0,
            num_recent_errors: recent.1,
            num: session.0,
            num_errors: session.1,
            groups: vec!["inventory".into()],
        };
        let readers = |calls: &CallsOnTheWay| Readers { calls: vec![calls.clone()], ..Readers::default() };
        let quiet = calls((100, 2), (900, 9));
        for (name, before, now, reason) in [
            ("as before", Some(&quiet), calls((100, 2), (1_000, 11)), None),
            ("too few to tell", Some(&quiet), calls((8, 4), (1_000, 13)), None),
            ("within the margin", Some(&quiet), calls((100, 12), (1_000, 21)), None),
            ("more", Some(&quiet), calls((100, 13), (1_000, 22)), Some("inventory → stock fails more: 13 of 100 in the last minute, 2 % before")),
            ("those are of before", Some(&quiet), calls((20, 9), (920, 13)), None),
            // In a quiet minute the session tells how it was.
            ("bad already", Some(&calls((0, 0), (10, 5))), calls((10, 6), (20, 11)), None),
            (
                "worse than that",
                Some(&calls((0, 0), (10, 5))),
                calls((10, 7), (20, 12)),
                Some("inventory → stock fails more: 7 of 10 in the last minute, 50 % before"),
            ),
            ("new", None, calls((5, 5), (5, 5)), Some("inventory → stock fails more: 5 of 5 in the last minute, of before nothing is known")),
            ("new, and well", None, calls((50, 5), (50, 5)), None),
        ] {
            let mut before = before.map(readers).unwrap_or_default();
            assert_eq!(halt_reason(None, &mut before, &readers(&now), 500).as_deref(), reason, "{name}");
            // Said once and gone on with, it is how it is.
            assert_eq!(halt_reason(None, &mut readers(&now), &readers(&now), 500), None, "{name}");
        }
        let deeper = CallsOnTheWay { groups: vec!["audit".into(), "mail".into()], ..calls((5, 5), (5, 5)) };
        let told = halt_reason(None, &mut Readers::default(), &readers(&deeper), 500);
        assert_eq!(told.as_deref(), Some("inventory → stock fails more behind audit and 1 more: 5 of 5 in the last minute, of before nothing is known"));
    }
}
