//! What Resilience4j's actuator endpoints answer: pure readers of their JSON, which may come from anywhere.

use serde_json::{Map, Value};
use switchboard_model::{BreakerEventKind, BreakerState};

use crate::java_time::parse_zoned_date_time;

/// The most breakers read from one answer.
pub(crate) const MOST_BREAKERS: usize = 1000;

/// The longest breaker name kept, in bytes.
const LONGEST_NAME_BYTES: usize = 256;

/// A breaker as `circuitbreakers` tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BreakerReading {
    /// Its name.
    pub name: String,
    /// Its state; `None` = not told, or none that is known.
    pub state: Option<BreakerState>,
    /// Failure rate in percent; `None` = not enough calls (the library says -1), or not told.
    pub failure_rate_percent: Option<f64>,
    /// Calls in the window.
    pub buffered_calls: Option<u64>,
    /// Failed calls in the window.
    pub failed_calls: Option<u64>,
    /// Calls refused since the breaker's last change of state.
    pub not_permitted_calls: Option<u64>,
}

/// The answer of `circuitbreakers`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct BreakersAnswer {
    /// The breakers that could be read, by name.
    pub breakers: Vec<BreakerReading>,
    /// Whether it is Resilience4j 1.x's list of names, which tells no states.
    pub names_only: bool,
    /// How many entries could not be read.
    pub num_unreadable: u64,
    /// How many breakers lie beyond [`MOST_BREAKERS`].
    pub num_beyond_limit: u64,
}

/// An event as `circuitbreakerevents` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventReading {
    /// The breaker's name.
    pub name: String,
    /// `creationTime`, `type` and `stateTransition` as they were sent: with the name, what tells events apart.
    pub key: [String; 3],
    /// When, ns since the Unix epoch; `None` = the time cannot be read.
    pub at_ns: Option<i64>,
    /// What happened.
    pub kind: BreakerEventKind,
}

/// The answer of `circuitbreakerevents`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct EventsAnswer {
    /// The events that could be read, in the order sent.
    pub events: Vec<EventReading>,
    /// How many entries could not be read at all.
    pub num_unreadable: u64,
}

/// Reads `circuitbreakers`: a map of details (2.x), or a list of names (1.x). `None` if it is neither.
pub(crate) fn read_breakers(answer: &Value) -> Option<BreakersAnswer> {
    let mut read = BreakersAnswer::default();
    match answer.get("circuitBreakers")? {
        Value::Object(breakers) => {
            for (name, details) in breakers {
                read.add(name, details.as_object());
            }
        }
        Value::Array(breakers) => {
            read.names_only = breakers.iter().any(Value::is_string);
            for breaker in breakers {
                let details = breaker.as_object();
                let name = breaker.as_str().or_else(|| details?.get("name")?.as_str());
                match name {
                    Some(name) if details.is_some() => read.add(name, details),
                    Some(name) => read.add(name, Some(&Map::new())),
                    None => read.num_unreadable += 1,
                }
            }
        }
        _ => return None,
    }
    Some(read)
}

impl BreakersAnswer {
    fn add(&mut self, name: &str, details: Option<&Map<String, Value>>) {
        let (Some(details), Some(name)) = (details, read_name(name)) else {
            self.num_unreadable += 1;
            return;
        };
        if self.breakers.len() == MOST_BREAKERS {
            self.num_beyond_limit += 1;
            return;
        }
        let count = |field: &str| details.get(field).and_then(read_count);
        self.breakers.push(BreakerReading {
            name,
            state: details.get("state").and_then(Value::as_str).and_then(read_state),
            failure_rate_percent: details.get("failureRate").and_then(read_percent),
            buffered_calls: count("bufferedCalls"),
            failed_calls: count("failedCalls"),
            not_permitted_calls: count("notPermittedCalls"),
        });
    }
}

/// Reads `circuitbreakerevents`. `None` if it is none.
pub(crate) fn read_events(answer: &Value) -> Option<EventsAnswer> {
    let mut read = EventsAnswer::default();
    for event in answer.get("circuitBreakerEvents")?.as_array()? {
        let text = |field: &str| event.get(field).and_then(Value::as_str).unwrap_or_default();
        let Some(name) = read_name(text("circuitBreakerName")) else {
            read.num_unreadable += 1;
            continue;
        };
        let (created, kind, transition) = (text("creationTime"), text("type"), text("stateTransition"));
        read.events.push(EventReading {
            name,
            key: [created.to_owned(), kind.to_owned(), transition.to_owned()],
            at_ns: parse_zoned_date_time(created),
            kind: read_event_kind(kind, transition),
        });
    }
    Some(read)
}

/// What guards calls beside breakers, and tells what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    /// Its endpoint.
    pub endpoint: &'static str,
    list: &'static str,
    name: &'static str,
    /// The only type of event that is told.
    wanted: &'static str,
    kind: BreakerEventKind,
}

/// All of them.
pub(crate) const GUARDS: [Guard; 2] = [
    Guard { endpoint: "retryevents", list: "retryEvents", name: "retryName", wanted: "RETRY", kind: BreakerEventKind::Retried },
    Guard { endpoint: "timelimiterevents", list: "timeLimiterEvents", name: "timeLimiterName", wanted: "TIMEOUT", kind: BreakerEventKind::TimedOut },
];

/// Reads `retryevents` or `timelimiterevents`: those events that are told of. `None` if it is none.
pub(crate) fn read_guard_events(answer: &Value, guard: &Guard) -> Option<EventsAnswer> {
    let mut read = EventsAnswer::default();
    for event in answer.get(guard.list)?.as_array()? {
        let text = |field: &str| event.get(field).and_then(Value::as_str).unwrap_or_default();
        let Some(name) = read_name(text(guard.name)) else {
            read.num_unreadable += 1;
            continue;
        };
        if text("type") == guard.wanted {
            let created = text("creationTime");
            let attempt = event.get("numberOfAttempts").map(Value::to_string).unwrap_or_default();
            read.events.push(EventReading {
                name,
                key: [created.to_owned(), guard.wanted.to_owned(), attempt],
                at_ns: parse_zoned_date_time(created),
                kind: guard.kind,
            });
        }
    }
    Some(read)
}

/// Which instance answered, where `info` tells: as `instance`, `instanceId` or their like at the top or under `app` or
/// `service`.
pub(crate) fn read_instance(info: &Value) -> Option<String> {
    [Some(info), info.get("app"), info.get("service")].into_iter().flatten().find_map(|place| {
        ["instance", "instanceId", "instance_id", "instance-id", "instance.id"].into_iter().find_map(|field| {
            let found = place.get(field)?;
            let found = found.get("id").unwrap_or(found);
            read_name(found.as_str()?)
        })
    })
}

/// The process that answered, where `info` tells (Spring Boot 3.3 and later, if asked to).
pub(crate) fn read_process_id(info: &Value) -> Option<u64> {
    info.get("process")?.get("pid")?.as_u64()
}

/// Whether the actuator's list of links names this endpoint; `None` if it is no list of links.
pub(crate) fn lists_endpoint(links: &Value, endpoint: &str) -> Option<bool> {
    Some(links.get("_links")?.as_object()?.contains_key(endpoint))
}

/// A name of at most 256 bytes without control characters; whatever names an instance or a breaker must be a line of text.
pub(crate) fn read_name(text: &str) -> Option<String> {
    let name = text.trim();
    (!name.is_empty() && name.len() <= LONGEST_NAME_BYTES && !name.chars().any(char::is_control)).then(|| name.to_owned())
}

/// A state by the library's own name.
fn read_state(text: &str) -> Option<BreakerState> {
    Some(match text {
        "CLOSED" => BreakerState::Closed,
        "OPEN" => BreakerState::Open,
        "HALF_OPEN" => BreakerState::HalfOpen,
        "FORCED_OPEN" => BreakerState::ForcedOpen,
        "DISABLED" => BreakerState::Disabled,
        "METRICS_ONLY" => BreakerState::MetricsOnly,
        _ => return None,
    })
}

fn read_event_kind(kind: &str, transition: &str) -> BreakerEventKind {
    match kind {
        "STATE_TRANSITION" => {
            let states = transition.split_once("_TO_").and_then(|(from, to)| Some((read_state(from)?, read_state(to)?)));
            states.map_or(BreakerEventKind::Other, |(from, to)| BreakerEventKind::Transition { from, to })
        }
        "NOT_PERMITTED" => BreakerEventKind::NotPermitted,
        "ERROR" => BreakerEventKind::Error,
        "SUCCESS" => BreakerEventKind::Success,
        _ => BreakerEventKind::Other,
    }
}

/// `"50.0%"`, or a plain number; negative means that there were too few calls.
fn read_percent(value: &Value) -> Option<f64> {
    let percent = value.as_f64().or_else(|| value.as_str()?.trim().trim_end_matches('%').trim().parse().ok())?;
    (percent.is_finite() && percent >= 0.0).then_some(percent)
}

fn read_count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use switchboard_measure::growth::assert_linear;

    #[test]
    fn a_map_of_details_is_read() {
        let answer = json!({"circuitBreakers": {
            "payments": {"failureRate": "62.5%", "slowCallRate": "-1.0%", "failureRateThreshold": "50.0%", "slowCallRateThreshold": "100.0%",
                "bufferedCalls": 8, "failedCalls": 5, "slowCalls": 0, "slowFailedCalls": 0, "notPermittedCalls": 17, "state": "OPEN"},
            "fresh": {"failureRate": "-1.0%", "bufferedCalls": 0, "failedCalls": 0, "notPermittedCalls": 0, "state": "METRICS_ONLY"},
            "new-kind": {"state": "SIDEWAYS", "failureRate": {}, "bufferedCalls": -1},
            "broken": 7,
        }});
        let read = read_breakers(&answer).expect("the shape of 2.x");
        assert!(!read.names_only);
        assert_eq!(read.num_unreadable, 1);
        let reading = |name: &str, state| BreakerReading { name: name.into(), state, ..BreakerReading::default() };
        assert_eq!(
            read.breakers,
            [
                BreakerReading {
                    buffered_calls: Some(0),
                    failed_calls: Some(0),
                    not_permitted_calls: Some(0),
                    ..reading("fresh", Some(BreakerState::MetricsOnly))
                },
                reading("new-kind", None),
                BreakerReading {
                    failure_rate_percent: Some(62.5),
                    buffered_calls: Some(8),
                    failed_calls: Some(5),
                    not_permitted_calls: Some(17),
                    ..reading("payments", Some(BreakerState::Open))
                },
            ]
        );
    }

    #[test]
    fn a_list_of_names_is_read() {
        let read = read_breakers(&json!({"circuitBreakers": ["userServices", "", 4]})).expect("the shape of 1.x");
        assert!(read.names_only);
        assert_eq!(read.num_unreadable, 2);
        assert_eq!(read.breakers, [BreakerReading { name: "userServices".into(), ..BreakerReading::default() }]);
        assert!(!read_breakers(&json!({"circuitBreakers": []})).expect("empty").names_only);
    }

    #[test]
    fn other_shapes_are_refused() {
        for answer in [json!({}), json!([]), json!(null), json!({"circuitBreakers": "OPEN"}), json!({"status": "UP"})] {
            assert_eq!(read_breakers(&answer), None, "{answer}");
            assert_eq!(read_events(&answer), None, "{answer}");
        }
        assert_eq!(read_events(&json!({"circuitBreakerEvents": {}})), None);
    }

    #[test]
    fn more_breakers_than_the_limit_are_counted() {
        let names: Vec<String> = (0..MOST_BREAKERS + 5).map(|number| format!("b{number}")).collect();
        let read = read_breakers(&json!({ "circuitBreakers": names })).expect("a list");
        assert_eq!((read.breakers.len(), read.num_beyond_limit), (MOST_BREAKERS, 5));
    }

    #[test]
    fn states_and_transitions_by_their_names() {
        use BreakerState::{Closed, Disabled, ForcedOpen, HalfOpen, MetricsOnly, Open};
        for (transition, expected) in [
            ("CLOSED_TO_OPEN", Some((Closed, Open))),
            ("OPEN_TO_OPEN", Some((Open, Open))),
            ("OPEN_TO_HALF_OPEN", Some((Open, HalfOpen))),
            ("HALF_OPEN_TO_CLOSED", Some((HalfOpen, Closed))),
            ("FORCED_OPEN_TO_METRICS_ONLY", Some((ForcedOpen, MetricsOnly))),
            ("METRICS_ONLY_TO_DISABLED", Some((MetricsOnly, Disabled))),
            ("CLOSED", None),
            ("CLOSED_TO_SIDEWAYS", None),
        ] {
            let expected = expected.map_or(BreakerEventKind::Other, |(from, to)| BreakerEventKind::Transition { from, to });
            assert_eq!(read_event_kind("STATE_TRANSITION", transition), expected, "{transition}");
        }
        assert_eq!(read_event_kind("FAILURE_RATE_EXCEEDED", ""), BreakerEventKind::Other);
        assert_eq!(read_event_kind("NOT_PERMITTED", ""), BreakerEventKind::NotPermitted);
    }

    #[test]
    fn events_keep_what_tells_them_apart() {
        let answer = json!({"circuitBreakerEvents": [
            {"circuitBreakerName": "payments", "type": "STATE_TRANSITION", "creationTime": "2026-11-21T10:15:30.5+01:00[Europe/Berlin]",
                "errorMessage": null, "durationInMs": null, "stateTransition": "CLOSED_TO_OPEN"},
            {"circuitBreakerName": "payments", "type": "ERROR", "creationTime": "yesterday"},
            {"type": "ERROR"},
            "ERROR",
        ]});
        let read = read_events(&answer).expect("events");
        assert_eq!(read.num_unreadable, 2);
        assert_eq!(read.events.len(), 2);
        assert_eq!(read.events[0].at_ns, Some(1_795_252_530_500_000_000));
        assert_eq!(read.events[0].kind, BreakerEventKind::Transition { from: BreakerState::Closed, to: BreakerState::Open });
        assert_eq!((read.events[1].at_ns, read.events[1].kind), (None, BreakerEventKind::Error));
    }

    #[test]
    fn retries_and_time_outs_are_read_and_nothing_else_of_their_events() {
        let at = "2026-11-21T10:15:30.5+01:00[Europe/Berlin]";
        let retries = json!({"retryEvents": [
            {"retryName": "payments", "type": "RETRY", "creationTime": at, "errorMessage": "java.io.IOException: refused", "numberOfAttempts": 1},
            {"retryName": "payments", "type": "SUCCESS", "creationTime": at, "errorMessage": null, "numberOfAttempts": 1},
            {"retryName": "payments", "type": "ERROR", "creationTime": at, "numberOfAttempts": 3},
            {"type": "RETRY"},
        ]});
        let read = read_guard_events(&retries, &GUARDS[0]).expect("events");
        assert_eq!((read.events.len(), read.num_unreadable), (1, 1));
        assert_eq!(
            (read.events[0].kind, read.events[0].at_ns, read.events[0].key[2].as_str()),
            (BreakerEventKind::Retried, Some(1_795_252_530_500_000_000), "1")
        );
        let limits = json!({"timeLimiterEvents": [
            {"timeLimiterName": "payments", "type": "TIMEOUT", "creationTime": at},
            {"timeLimiterName": "payments", "type": "SUCCESS", "creationTime": at},
        ]});
        assert_eq!(
            read_guard_events(&limits, &GUARDS[1]).map(|read| read.events.iter().map(|event| event.kind).collect()),
            Some(vec![BreakerEventKind::TimedOut])
        );
        assert_eq!(read_guard_events(&retries, &GUARDS[1]), None);
    }

    #[test]
    fn instances_where_info_tells_them() {
        for (info, expected) in [
            (json!({"instance": "orders-1"}), Some("orders-1")),
            (json!({"app": {"instance-id": "orders-2"}}), Some("orders-2")),
            (json!({"service": {"instance": {"id": "orders-3"}}}), Some("orders-3")),
            (json!({"instance": "two\nlines"}), None),
            (json!({"build": {"version": "1"}}), None),
            (json!([]), None),
        ] {
            assert_eq!(read_instance(&info).as_deref(), expected, "{info}");
        }
        assert_eq!(read_process_id(&json!({"process": {"pid": 4711}})), Some(4711));
        assert_eq!(lists_endpoint(&json!({"_links": {"health": {}}}), "circuitbreakers"), Some(false));
        assert_eq!(lists_endpoint(&json!({"status": 404}), "circuitbreakers"), None);
    }

    proptest! {
        #[test]
        fn no_json_makes_it_panic(text in r#"[{}\[\]",:a-zA-Z0-9%._\-]{0,80}"#, inner in ".{0,40}") {
            for value in [serde_json::from_str(&text).unwrap_or(json!({})), json!({"circuitBreakers": {inner.clone(): {"state": inner, "failureRate": inner}}}),
                json!({"circuitBreakerEvents": [{"circuitBreakerName": inner, "type": "STATE_TRANSITION", "stateTransition": inner, "creationTime": inner}]})] {
                let _ = (read_breakers(&value), read_events(&value), read_instance(&value));
            }
        }
    }

    #[test]
    fn twice_the_answer_takes_twice_the_time() {
        let long = |part: &str, len: usize| part.repeat(len / part.len());
        let answers: [(&str, &dyn Fn(usize) -> String); 12] = [
            ("breakers", &|num| {
                json!({ "circuitBreakers": (0..num).map(|n| (format!("b{n}"), json!({"state": "OPEN", "failureRate": "1%"}))).collect::<Map<_, _>>() })
                    .to_string()
            }),
            ("one breaker again and again", &|num| format!(r#"{{"circuitBreakers":{{{}"a":0}}}}"#, r#""b":{"state":"OPEN"},"#.repeat(num))),
            ("names", &|num| json!({ "circuitBreakers": vec!["b"; num] }).to_string()),
            ("long names", &|num| json!({ "circuitBreakers": vec![long(" a", num * 16)] }).to_string()),
            ("fields of one", &|num| json!({"circuitBreakers": {"b": (0..num).map(|n| (format!("f{n}"), json!(n))).collect::<Map<_, _>>()}}).to_string()),
            ("rates", &|num| json!({"circuitBreakers": {"b": {"failureRate": long("% ", num * 16), "bufferedCalls": long("1 ", num * 16)}}}).to_string()),
            ("digits", &|num| format!(r#"{{"circuitBreakers":{{"b":{{"bufferedCalls":{}}}}}}}"#, "1".repeat(num * 16))),
            ("events", &|num| {
                json!({ "circuitBreakerEvents": vec![json!({"circuitBreakerName": "b", "type": "STATE_TRANSITION", "stateTransition": "OPEN_TO_CLOSED", "creationTime": "2026-11-21T09:15Z"}); num] }).to_string()
            }),
            ("transitions", &|num| {
                json!({"circuitBreakerEvents": [{"circuitBreakerName": "b", "type": "STATE_TRANSITION", "stateTransition": long("_TO_", num * 16)}]})
                    .to_string()
            }),
            ("lists in lists", &|num| "[".repeat(num * 16)),
            ("maps in maps", &|num| r#"{"circuitBreakers":"#.repeat(num)),
            ("escapes", &|num| format!(r#"{{"circuitBreakers":"{}"}}"#, r"\u0041\n\ud83d\ude00".repeat(num))),
        ];
        for (what, answer) in answers {
            assert_linear(what, 2_048, answer, |text| {
                let answer: Value = serde_json::from_str(text).unwrap_or_default();
                let guards = GUARDS.iter().filter_map(|guard| read_guard_events(&answer, guard)).count();
                (read_breakers(&answer), read_events(&answer), read_instance(&answer), lists_endpoint(&answer, "a"), guards)
            });
        }
    }

    #[test]
    fn twice_the_time_of_day_takes_twice_the_time_to_read() {
        for part in ["0", "1", "-", ":", ".", "T", "Z", "+", "[", "]", "[]", "é", " ", "2026-", "2026-11-21T", "2026-11-21T09:15:30.", "+01:00", "Z["] {
            for begin in ["", "2026-11-21T", "2026-11-21T09:15:30.", "2026-11-21T09:15:30+", "2026-11-21T09:15:30Z["] {
                let text = |len: usize| begin.to_owned() + &part.repeat(len / part.len());
                assert_linear(&format!("{begin:?} and {part:?}"), 1 << 18, text, |text| parse_zoned_date_time(text));
            }
        }
    }
}
