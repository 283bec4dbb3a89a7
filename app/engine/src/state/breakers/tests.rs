use BreakerState::{Closed, Disabled, ForcedOpen, HalfOpen, MetricsOnly, Open};
use proptest::prelude::*;
use switchboard_model::{SourceInfo, SourceKind, SourcePhase, SourceStatus};

use super::*;

mod homes;

const S: i64 = 1_000_000_000;
const ACTUATOR: SourceId = SourceId(1);

fn ns(second: f64) -> i64 {
    (second * 1e9) as i64
}

#[derive(Clone, Debug)]
enum Said {
    /// Source, second, state, calls refused so far.
    Report(u32, f64, Option<BreakerState>, Option<u64>),
    /// Second of the library, second of arrival, states.
    Event(f64, f64, BreakerState, BreakerState),
    Refused(f64, f64),
    /// Second, exception's text.
    Exception(f64, &'static str),
}

use Said::{Event, Exception, Refused, Report};

const SAYS_OPEN: &str = "CircuitBreaker 'payments' is OPEN and does not permit further calls";

fn apply(breakers: &mut Breakers, instance: &str, said: &Said) {
    let (caller, name) = (Some("orders".to_owned()), "payments".to_owned());
    let event = |at: f64, kind| BreakerEventFact { caller: caller.clone(), instance: Some(instance.into()), name: name.clone(), kind, at_ns: ns(at) };
    match said {
        Report(source, second, state, not_permitted_calls) => {
            let fact = BreakerFact {
                caller: caller.clone(),
                instance: Some(instance.into()),
                name: name.clone(),
                state: *state,
                failure_rate_percent: None,
                not_permitted_calls: *not_permitted_calls,
                buffered_calls: None,
                failed_calls: None,
                origin: "actuator".into(),
            };
            breakers.apply_report(&fact, SourceId(*source), ns(*second));
        }
        Event(at, received, from, to) => breakers.apply_event(&event(*at, BreakerEventKind::Transition { from: *from, to: *to }), ACTUATOR, ns(*received)),
        Refused(at, received) => breakers.apply_event(&event(*at, BreakerEventKind::NotPermitted), ACTUATOR, ns(*received)),
        Exception(second, text) => {
            breakers.set_teller(ACTUATOR, ns(*second));
            breakers.observe_exception("orders", Some(instance), "", text, ns(*second)).expect("a breaker's refusal");
        }
    }
}

fn breakers(said: &[Said]) -> Breakers {
    let mut breakers = Breakers::default();
    for one in said {
        apply(&mut breakers, "orders-1", one);
    }
    breakers
}

fn row(said: &[Said], now: f64) -> BreakerView {
    let mut rows = breakers(said).views(ns(now), &Sources::default(), &|_| 0);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

#[test]
fn states_by_what_was_said() {
    type Case = (&'static str, Vec<Said>, Option<BreakerState>, Option<f64>, StateSource);
    let report = |second, state| Report(1, second, Some(state), None);
    let table: Vec<Case> = vec![
        ("a report", vec![report(2.0, Closed), report(4.0, Closed)], Some(Closed), Some(2.0), StateSource::Report),
        ("reports change", vec![report(2.0, Closed), report(4.0, Open), report(6.0, Open)], Some(Open), Some(4.0), StateSource::Report),
        ("an event", vec![Event(1.5, 2.0, Closed, Open)], Some(Open), Some(1.5), StateSource::Event),
        ("a report confirms an event", vec![Event(1.5, 2.0, Closed, Open), report(2.0, Open)], Some(Open), Some(1.5), StateSource::Report),
        ("an event comes after the report that shows it", vec![report(2.0, Open), Event(1.5, 2.1, Closed, Open)], Some(Open), Some(1.5), StateSource::Event),
        ("an event newer than the report", vec![report(2.0, Closed), Event(2.5, 4.0, Closed, Open)], Some(Open), Some(2.5), StateSource::Event),
        ("a report against an older event", vec![Event(1.0, 2.0, Closed, Open), report(9.0, Closed)], Some(Closed), Some(9.0), StateSource::Report),
        (
            "a library whose clock is an hour ahead",
            vec![Event(3600.0, 2.0, Closed, Open), report(2.0, Open), report(4.0, Open)],
            Some(Open),
            Some(3600.0),
            StateSource::Report,
        ),
        (
            "a library whose clock is behind",
            vec![report(102.0, Closed), Event(1.0, 104.0, Closed, Open), report(104.0, Open)],
            Some(Open),
            Some(1.0),
            StateSource::Report,
        ),
        ("a change to itself", vec![Event(1.0, 2.0, Closed, Open), Event(5.0, 6.0, Open, Open)], Some(Open), Some(1.0), StateSource::Event),
        ("only a change to itself", vec![Event(5.0, 6.0, Open, Open)], Some(Open), Some(5.0), StateSource::Event),
        ("an exception", vec![Exception(3.0, SAYS_OPEN)], Some(Open), None, StateSource::Exception),
        ("names without states", vec![Report(1, 2.0, None, None)], None, None, StateSource::Report),
        ("names without states and an exception", vec![Report(1, 2.0, None, None), Exception(3.0, SAYS_OPEN)], Some(Open), None, StateSource::Exception),
        ("a refused call", vec![Refused(3.0, 4.0)], Some(Open), None, StateSource::Event),
        ("a report beats an exception", vec![report(2.0, ForcedOpen), Exception(3.0, SAYS_OPEN)], Some(ForcedOpen), Some(2.0), StateSource::Report),
        ("disabled", vec![report(2.0, Disabled)], Some(Disabled), Some(2.0), StateSource::Report),
        ("metrics only", vec![report(2.0, MetricsOnly)], Some(MetricsOnly), Some(2.0), StateSource::Report),
    ];
    for (name, said, state, since, source) in table {
        for said in [said.clone(), said.into_iter().rev().collect()] {
            let row = row(&said, 10.0);
            assert_eq!((row.state, row.since_ns, row.source), (state, since.map(ns), source), "{name}");
            assert_eq!((row.caller.as_deref(), row.instance.as_deref(), row.name.as_str()), (Some("orders"), Some("orders-1"), "payments"));
        }
    }
}

#[test]
fn what_was_so_when_it_was_first_read_is_so_at_least_since_then() {
    let report = |second, state| Report(1, second, Some(state), None);
    let table: [(&str, Vec<Said>, Option<f64>, bool); 7] = [
        ("first read", vec![report(2.0, Open), report(4.0, Open)], Some(2.0), true),
        ("its ring of events has rolled over", vec![Refused(1.0, 2.0), report(2.0, Open)], Some(2.0), true),
        ("an event tells", vec![Event(1.5, 2.0, Closed, Open), report(2.0, Open)], Some(1.5), false),
        ("a change between two polls", vec![report(2.0, Closed), report(4.0, Open)], Some(4.0), false),
        ("a change to itself", vec![Event(5.0, 6.0, Open, Open)], Some(5.0), true),
        ("a change to itself after its opening", vec![Event(1.0, 2.0, Closed, Open), Event(5.0, 6.0, Open, Open)], Some(1.0), false),
        ("only exceptions", vec![Exception(3.0, SAYS_OPEN)], None, false),
    ];
    for (name, said, since, is_at_least) in table {
        let row = row(&said, 10.0);
        assert_eq!((row.since_ns, row.since_at_least), (since.map(ns), is_at_least), "{name}");
    }
}

#[test]
fn a_flap_shorter_than_the_poll_stands_in_the_transitions() {
    let said = [
        Report(1, 2.0, Some(Closed), Some(0)),
        Event(2.3, 4.0, Closed, Open),
        Event(3.1, 4.0, Open, HalfOpen),
        Event(3.2, 4.0, HalfOpen, Closed),
        Report(1, 4.0, Some(Closed), Some(7)),
    ];
    let row = row(&said, 5.0);
    assert_eq!(row.transitions, [(ns(2.3), Open), (ns(3.1), HalfOpen), (ns(3.2), Closed)]);
    assert_eq!((row.state, row.since_ns, row.source, row.disagreement), (Some(Closed), Some(ns(3.2)), StateSource::Report, None));
}

#[test]
fn events_that_come_again_with_every_poll_count_once() {
    let mut said = vec![];
    for poll in 2..20 {
        said.push(Event(1.5, f64::from(poll), Closed, Open));
        said.push(Report(1, f64::from(poll), Some(Open), None));
    }
    let row = row(&said, 20.0);
    assert_eq!((row.transitions.len(), row.confirmed_ns, row.stale), (1, ns(19.0), false));
}

#[test]
fn changes_that_only_reports_show_are_transitions_and_those_that_events_tell_are_not_doubled() {
    let reports = [(0.0, Closed), (22.0, Open), (24.0, Open), (50.5, Closed)].map(|(second, state)| Report(1, second, Some(state), None));
    assert_eq!(row(&reports, 51.0).transitions, [(ns(22.0), Open), (ns(50.5), Closed)]);
    let late = [Event(20.0, 60.0, Closed, Open), Event(50.0, 60.0, Open, Closed)];
    let row = row(&[reports.as_slice(), &late, &[Report(1, 60.0, Some(Closed), None)]].concat(), 61.0);
    assert_eq!(row.transitions, [(ns(20.0), Open), (ns(50.0), Closed)]);
    assert_eq!((row.state, row.since_ns), (Some(Closed), Some(ns(50.0))));
}

#[test]
fn a_process_that_begins_anew_closed_and_opens_again_is_told_in_order() {
    let said = [
        Event(40.0, 42.0, Closed, Open),
        Report(1, 42.0, Some(Open), None),
        Report(1, 47.0, Some(Closed), None),
        Event(48.0, 49.0, Closed, Open),
        Event(50.5, 51.0, Open, HalfOpen),
        Event(50.9, 51.0, HalfOpen, Closed),
        Report(1, 51.0, Some(Closed), None),
    ];
    assert_eq!(row(&said, 52.0).transitions.iter().map(|(_, state)| *state).collect::<Vec<_>>(), [Open, Closed, Open, HalfOpen, Closed]);
}

#[test]
fn refused_calls_between_two_reports_that_say_closed_prove_an_opening() {
    let closed = |second, refused| Report(1, second, Some(Closed), Some(refused));
    let hidden = row(&[closed(2.0, 3), closed(4.0, 10), closed(6.0, 10)], 7.0);
    assert_eq!(hidden.state, Some(Closed));
    assert_eq!(hidden.disagreement.as_deref(), Some("7 calls were refused between two reports 2 s apart that both say closed: it was open in between"));
    let told = row(&[closed(2.0, 3), Event(2.5, 4.0, Closed, Open), Event(3.0, 4.0, Open, Closed), closed(4.0, 10)], 7.0);
    assert_eq!(told.disagreement, None, "the events tell of it");
    assert_eq!(row(&[closed(2.0, 3), closed(4.0, 10), closed(70.0, 10)], 70.0).disagreement, None, "long ago");
    assert_eq!(row(&[closed(2.0, 3), closed(4.0, 0)], 7.0).disagreement, None, "the process began again");
}

#[test]
fn sources_that_disagree_are_both_told() {
    let report = |second, state| Report(1, second, Some(state), None);
    let fresh = row(&[report(2.0, Closed), Exception(6.0, SAYS_OPEN)], 7.0);
    assert_eq!((fresh.state, fresh.source), (Some(Closed), StateSource::Report));
    assert_eq!(fresh.disagreement.as_deref(), Some("an exception said open, 4 s after the last report, which says closed"));
    let before = row(&[report(2.0, Closed), Exception(6.0, SAYS_OPEN), report(8.0, Closed)], 9.0);
    assert_eq!(before.disagreement.as_deref(), Some("an exception said open, 2 s before the last report, which says closed"));
    assert_eq!(row(&[report(2.0, Open), Exception(6.0, SAYS_OPEN), report(8.0, Closed)], 9.0).disagreement, None, "it was open at that time");
    assert_eq!(row(&[report(2.0, HalfOpen), Exception(3.0, SAYS_OPEN)], 9.0).disagreement, None, "half-open refuses too");
    assert_eq!(row(&[report(2.0, Closed), Exception(6.0, SAYS_OPEN), report(80.0, Closed)], 80.0).disagreement, None, "long ago");
    let two =
        row(&[Report(1, 4.0, Some(Closed), None), Report(2, 4.5, Some(Open), None), Report(2, 6.5, Some(Open), None), Report(1, 6.0, Some(Closed), None)], 7.0);
    assert_eq!((two.state, two.transitions.len()), (Some(Closed), 0));
    assert_eq!(two.disagreement.as_deref(), Some("a second source reports open, read 0.5 s later"));
    let refused = row(&[Event(1.0, 2.0, Open, Closed), Refused(5.0, 6.0)], 7.0);
    assert_eq!(refused.disagreement.as_deref(), Some("a call was refused 4 s after it told of its closing"));
}

#[test]
fn knowledge_that_is_not_confirmed_turns_stale_and_is_kept() {
    let said = [Report(1, 2.0, Some(Open), None)];
    assert!(!row(&said, 17.0).stale);
    let row = row(&said, 17.1);
    assert_eq!((row.stale, row.state), (true, Some(Open)));
    assert!(self::row(&[Exception(2.0, SAYS_OPEN)], 18.0).stale);
    assert!(!self::row(&[Exception(50.0, SAYS_OPEN)], 18.0).stale, "clocks differ a little");
    assert!(self::row(&[Exception(9e8, SAYS_OPEN)], 18.0).stale, "that clock cannot be believed");
}

#[test]
fn what_exceptions_say_is_as_fresh_as_its_arrival_whatever_the_sender_s_clock() {
    for told in [70.0, 2.0, 102.0] {
        // Twice the same: what came first counts, in either order.
        for order in [[100.0, 105.0], [105.0, 100.0]] {
            let mut known = Breakers::default();
            for received in order {
                known.set_teller(ACTUATOR, ns(received));
                known.observe_exception("orders", Some("orders-1"), "", SAYS_OPEN, ns(told)).expect("a breaker's refusal");
            }
            let mut row = |now: f64| known.views(ns(now), &Sources::default(), &|_| 0).remove(0);
            let fresh = row(115.0);
            assert_eq!((fresh.state, fresh.stale, fresh.confirmed_ns), (Some(Open), false, ns(100.0)), "{told} {order:?}");
            assert!(row(115.1).stale, "{told} {order:?}");
        }
    }
    // The next one confirms it.
    let mut known = Breakers::default();
    for received in [100.0, 110.0] {
        known.set_teller(ACTUATOR, ns(received));
        known.observe_exception("orders", Some("orders-1"), "", SAYS_OPEN, ns(received - 98.0)).expect("a breaker's refusal");
    }
    assert!(!known.views(ns(125.0), &Sources::default(), &|_| 0)[0].stale);
}

#[test]
fn where_only_events_are_exposed_the_silence_of_a_live_source_confirms() {
    let mut sources = Sources::default();
    sources.add(SourceInfo { id: ACTUATOR, name: "a".into(), kind: SourceKind::Http, environment: None });
    let mut known = breakers(&[Event(1.0, 2.0, Closed, Open)]);
    assert!(known.views(ns(60.0), &sources, &|_| 0)[0].stale);
    let status = |phase| SourceStatus { source: ACTUATOR, at_ns: 50 * S, phase, failure: None, detail: String::new(), next_step: String::new() };
    sources.apply_status(&status(SourcePhase::Live));
    assert!(!known.views(ns(60.0), &sources, &|_| 0)[0].stale);
}

#[test]
fn two_instances_are_two_rows_that_may_differ() {
    let mut known = Breakers::default();
    apply(&mut known, "orders-1", &Report(1, 2.0, Some(Open), None));
    apply(&mut known, "orders-2", &Report(2, 2.0, Some(Closed), None));
    known.observe_exception("orders", Some("orders-2"), "", "CircuitBreaker 'other' is OPEN and does not permit further calls", 3);
    let told: Vec<_> = known.views(3 * S, &Sources::default(), &|_| 0).into_iter().map(|row| (row.name, row.instance, row.state)).collect();
    let instance = |name: &str| Some(name.to_owned());
    assert_eq!(
        told,
        [
            ("other".into(), instance("orders-2"), Some(Open)),
            ("payments".into(), instance("orders-1"), Some(Open)),
            ("payments".into(), instance("orders-2"), Some(Closed))
        ]
    );
}

#[test]
fn what_an_exception_leaves_out_is_filled_in_only_where_it_is_certain() {
    let rows = |instances: &[&str], instance: Option<&str>, text: &str| {
        let mut known = Breakers::default();
        for instance in instances {
            apply(&mut known, instance, &Report(1, 2.0, Some(Closed), None));
        }
        known.observe_exception("orders", instance, "", text, ns(2.5));
        known.views(ns(3.0), &Sources::default(), &|_| 0).into_iter().map(|row| (row.name, row.instance)).collect::<Vec<_>>()
    };
    let row = |name: &str, instance: Option<&str>| (name.to_owned(), instance.map(str::to_owned));
    let nameless = "circuit breaker is open";
    assert_eq!(rows(&["a"], Some("a"), nameless), [row("payments", Some("a"))]);
    assert_eq!(rows(&["a"], None, SAYS_OPEN), [row("payments", Some("a"))]);
    assert_eq!(rows(&["a", "b"], None, SAYS_OPEN), [row("payments", None), row("payments", Some("a")), row("payments", Some("b"))]);
    assert_eq!(rows(&["a"], Some("b"), nameless), [row("payments", Some("a")), row("unnamed", Some("b"))]);
    assert_eq!(rows(&[], Some("b"), nameless), [row("unnamed", Some("b"))]);
}

#[test]
fn envoys_flags_make_a_row_under_the_upstreams_name() {
    let mut known = Breakers::default();
    assert!(known.observe_response_flags("front", None, "outbound|80||orders", "UO", 5));
    assert!(!known.observe_response_flags("front", None, "outbound|80||orders", "UF", 6));
    let rows = known.views(6, &Sources::default(), &|_| 0);
    assert_eq!((rows.len(), rows[0].name.as_str(), rows[0].state, rows[0].source), (1, "outbound|80||orders", Some(Open), StateSource::Exception));
}

#[test]
fn a_callee_needs_evidence_and_the_most_of_it() {
    let mut known = breakers(&[Report(1, 2.0, Some(Closed), None)]);
    let callee = |known: &mut Breakers| known.views(3 * S, &Sources::default(), &|_| 0)[0].callee.clone();
    assert_eq!(callee(&mut known), None);
    known.callee_evidence(Some("orders"), "payments", "billing", 2);
    assert_eq!(callee(&mut known).as_deref(), Some("billing"));
    known.callee_evidence(Some("orders"), "payments", "payments", 2);
    assert_eq!(callee(&mut known), None, "equally much speaks for both");
    known.callee_evidence(Some("orders"), "payments", "billing", -2);
    assert_eq!(callee(&mut known).as_deref(), Some("payments"));
    for number in 0..20 {
        known.callee_evidence(Some("orders"), "payments", &format!("passing-{number}"), 1);
        known.callee_evidence(Some("orders"), "payments", &format!("passing-{number}"), -1);
    }
    known.callee_evidence(Some("orders"), "payments", "late", 5);
    assert_eq!(callee(&mut known).as_deref(), Some("late"), "what was taken back takes no room");
    known.callee_evidence(Some("orders"), "payments", "late", -5);
    known.callee_evidence(Some("storefront"), "payments", "other", 9);
    assert_eq!(callee(&mut known).as_deref(), Some("payments"), "another caller's breaker is another breaker");
}

#[test]
fn retries_count_once_however_many_sources_tell_of_them_and_each_instance_by_itself() {
    let mut known = Breakers::default();
    known.callee_evidence(Some("orders"), "payments", "billing", 1);
    let mut tell = |source: u32, instance: &str, kind, second: f64| {
        let (caller, name) = (Some("orders".to_owned()), "payments".to_owned());
        let event = BreakerEventFact { caller, instance: Some(instance.into()), name, kind, at_ns: ns(second) };
        known.apply_event(&event, SourceId(source), ns(60.0));
    };
    // Two sources read one actuator, and a third one takes the place of the first.
    for source in 1..=3 {
        for second in [1.0, 2.0, 2.0, 3.0] {
            tell(source, "orders-1", BreakerEventKind::Retried, second);
        }
        tell(source, "orders-1", BreakerEventKind::TimedOut, 2.0);
    }
    tell(3, "orders-1", BreakerEventKind::Retried, 4.0);
    tell(4, "orders-2", BreakerEventKind::Retried, 2.0);
    let guarded = known.guarded();
    assert_eq!(guarded[&("orders".to_owned(), "billing".to_owned())], Guarded { retries: 6, time_outs: 1 });
}

#[test]
fn a_flood_of_names_stays_bounded_and_is_counted() {
    let mut known = Breakers::default();
    for number in 0..MAX_BREAKERS + 50 {
        let text = format!("CircuitBreaker 'b{number}' is OPEN and does not permit further calls");
        known.observe_exception("orders", None, "", &text, 1);
    }
    let rows = known.views(2, &Sources::default(), &|_| 0);
    assert_eq!((rows.len(), rows.iter().any(|row| row.name == "other")), (MAX_BREAKERS, false));
    assert_eq!(known.shares().map(Shares::num_left_out), [50, 0, 0]);
}

#[test]
fn long_histories_stay_bounded_and_keep_their_end() {
    let mut said = Vec::new();
    for number in 0..5000 {
        let state = if number % 500 < 20 { Open } else { Closed };
        said.push(Report(1, f64::from(number), Some(state), Some(0)));
    }
    let row = row(&said, 5000.0);
    assert_eq!((row.state, row.since_ns), (Some(Closed), Some(ns(4520.0))));
    assert!(row.transitions.len() >= 2 && row.transitions.len() <= 64, "{}", row.transitions.len());
    let events: Vec<Said> = (0..3000).map(|number| Event(f64::from(number), f64::from(number), Closed, if number % 2 == 0 { Open } else { Closed })).collect();
    assert_eq!(self::row(&events, 3000.0).transitions.len(), 64);
}

fn any_state() -> impl Strategy<Value = BreakerState> {
    prop::sample::select(vec![Closed, Open, HalfOpen, ForcedOpen, Disabled, MetricsOnly])
}

fn any_said() -> impl Strategy<Value = Said> {
    let second = || (0_i32..40).prop_map(f64::from);
    prop_oneof![
        (1_u32..3, second(), prop::option::of(any_state()), prop::option::of(0_u64..5))
            .prop_map(|(source, second, state, num)| Report(source, second, state, num)),
        (second(), second(), any_state(), any_state()).prop_map(|(at, received, from, to)| Event(at, received, from, to)),
        (second(), second()).prop_map(|(at, received)| Refused(at, received)),
        second().prop_map(|second| Exception(second, SAYS_OPEN)),
        second().prop_map(|second| Exception(second, "circuit breaker is open")),
    ]
}

proptest! {
    #[test]
    fn order_of_arrival_does_not_matter(said in prop::collection::vec(any_said(), 1..40).prop_flat_map(|said| (Just(said.clone()), Just(said).prop_shuffle())), now in 0_i32..60) {
        let told = |said: &[Said]| breakers(said).views(ns(f64::from(now)), &Sources::default(), &|_| 0);
        prop_assert_eq!(told(&said.0), told(&said.1));
    }
}
