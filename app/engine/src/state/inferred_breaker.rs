//! A breaker's state from the exception with which it refuses a call. Each text is that of the library's own source or
//! documentation; where a text says less, less is told.

use switchboard_model::BreakerState;

/// The longest message that is looked at, in bytes.
const MAX_MESSAGE_BYTES: usize = 4096;
/// The longest name that a text may give.
const MAX_NAME_CHARS: usize = 200;

/// The breaker's name, where the text gives it, and its state; `None` where this is no refusal by a breaker.
/// `exception_type` may be empty (a span's status has only text).
pub(crate) fn breaker_from_exception(exception_type: &str, message: &str) -> Option<(Option<String>, BreakerState)> {
    let message = cut(message).trim();
    let class = class_name(exception_type);
    resilience4j(class, message)
        .or_else(|| polly(class, message).map(|state| (None, state)))
        .or_else(|| hystrix(message))
        .or_else(|| open_by_phrase(class, message))
        .or_else(|| open_by_class(class, message).map(|state| (None, state)))
        .or_else(|| envoy_body(message).map(|state| (None, state)))
}

/// What Envoy's response flags say: `UO` = a limit is full, `UH` = no host is left that may be called.
pub(crate) fn breaker_from_response_flags(flags: &str) -> Option<BreakerState> {
    cut(flags).split([',', ' ']).any(|flag| matches!(flag, "UO" | "UH")).then_some(BreakerState::Open)
}

/// Resilience4j: `CircuitBreaker '<name>' is <STATE> and does not permit further calls`, also inside another text.
fn resilience4j(class: &str, message: &str) -> Option<(Option<String>, BreakerState)> {
    let told = message.split_once("CircuitBreaker '").and_then(|(_, rest)| {
        let (rest, _) = rest.split_once(" and does not permit further calls")?;
        let (name, state) = rest.rsplit_once("' is ")?;
        let state = match state {
            "OPEN" => BreakerState::Open,
            "HALF_OPEN" => BreakerState::HalfOpen,
            "FORCED_OPEN" => BreakerState::ForcedOpen,
            "CLOSED" => BreakerState::Closed,
            "DISABLED" => BreakerState::Disabled,
            "METRICS_ONLY" => BreakerState::MetricsOnly,
            _ => return None,
        };
        Some((named(name), state))
    });
    told.or_else(|| (class == "CallNotPermittedException").then_some((None, BreakerState::Open)))
}

/// Polly: held open by hand is another exception than open. The words beside are those of version 7 and 8.
fn polly(class: &str, message: &str) -> Option<BreakerState> {
    if class == "IsolatedCircuitException" || message.contains("circuit is manually held open and is not allowing calls") {
        return Some(BreakerState::ForcedOpen);
    }
    (class == "BrokenCircuitException" || message.contains("circuit is now open and is not allowing calls")).then_some(BreakerState::Open)
}

/// Hystrix: `<command> short-circuited and fallback failed.`, `… and no fallback available.`; its cause is
/// `Hystrix circuit short-circuited and is OPEN`.
fn hystrix(message: &str) -> Option<(Option<String>, BreakerState)> {
    let (before, _) = message.split_once(" short-circuited and ")?;
    let command = before.rsplit([':', ' ']).next().unwrap_or(before);
    let name = if before.ends_with("Hystrix circuit") { None } else { named(command) };
    Some((name, BreakerState::Open))
}

/// Texts that end in "breaker is open": gobreaker (`circuit breaker is open`), opossum (`Breaker is open`), `MicroProfile`
/// (`<method> circuit breaker is open`).
fn open_by_phrase(class: &str, message: &str) -> Option<(Option<String>, BreakerState)> {
    let before = before_suffix(message.trim_end_matches('.'), "breaker is open")?;
    let before = before_suffix(before, "circuit ").unwrap_or(before).trim_end();
    let name = if class == "CircuitBreakerOpenException" { named(before) } else { None };
    Some((name, BreakerState::Open))
}

/// Classes and codes that mean nothing else. gobreaker's "too many requests" is said by many, so that it counts only as the
/// bare sentinel error of a Go program.
fn open_by_class(class: &str, message: &str) -> Option<BreakerState> {
    match class {
        "CircuitBreakerOpenException" | "DegradeException" | "EOPENBREAKER" => Some(BreakerState::Open),
        "errorString" if message == "too many requests" => Some(BreakerState::HalfOpen),
        _ => None,
    }
}

/// The body of Envoy's 503.
fn envoy_body(message: &str) -> Option<BreakerState> {
    let overflow = message.contains("reset reason: overflow") || message.contains("upstream_reset_before_response_started{overflow}");
    (overflow || message.ends_with("no healthy upstream")).then_some(BreakerState::Open)
}

/// What stands before a suffix of ASCII letters in any case.
fn before_suffix<'a>(text: &'a str, suffix: &str) -> Option<&'a str> {
    let (before, tail) = text.split_at_checked(text.len().checked_sub(suffix.len())?)?;
    tail.eq_ignore_ascii_case(suffix).then_some(before)
}

/// A name, unless it is empty or too long to be one.
fn named(name: &str) -> Option<String> {
    let name = name.trim();
    (!name.is_empty() && name.chars().nth(MAX_NAME_CHARS).is_none()).then(|| name.to_owned())
}

/// The class without package, generic arity and pointer: `*a.B[int]` and `` a.B`1 `` → `B`.
fn class_name(exception_type: &str) -> &str {
    let plain = cut(exception_type).trim().split(['`', '<', '[', '(']).next().unwrap_or_default();
    plain.rsplit(['.', '/', ':', '+', '$', '*', '\\']).next().unwrap_or_default()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_MESSAGE_BYTES)]
}

#[cfg(test)]
mod tests {
    use BreakerState::{Closed, ForcedOpen, HalfOpen, MetricsOnly, Open};
    use proptest::prelude::*;

    use super::*;

    /// Type, message, and what they tell.
    type Case = (&'static str, &'static str, Option<(Option<&'static str>, BreakerState)>);

    #[test]
    fn every_library_s_refusal_is_read() {
        let r4j = "io.github.resilience4j.circuitbreaker.CallNotPermittedException";
        let table: &[Case] = &[
            (r4j, "CircuitBreaker 'payments' is OPEN and does not permit further calls", Some((Some("payments"), Open))),
            (r4j, "CircuitBreaker 'payments' is HALF_OPEN and does not permit further calls", Some((Some("payments"), HalfOpen))),
            (r4j, "CircuitBreaker 'it's' is FORCED_OPEN and does not permit further calls", Some((Some("it's"), ForcedOpen))),
            (r4j, "CircuitBreaker 'p' is CLOSED and does not permit further calls", Some((Some("p"), Closed))),
            (r4j, "CircuitBreaker 'p' is METRICS_ONLY and does not permit further calls", Some((Some("p"), MetricsOnly))),
            (r4j, "CircuitBreaker 'p' is MELTED and does not permit further calls", Some((None, Open))),
            ("", "UNAVAILABLE: CircuitBreaker 'payments-cb' is OPEN and does not permit further calls", Some((Some("payments-cb"), Open))),
            (r4j, "", Some((None, Open))),
            ("", "CircuitBreaker '' is OPEN and does not permit further calls", Some((None, Open))),
            ("Polly.CircuitBreaker.BrokenCircuitException", "The circuit is now open and is not allowing calls.", Some((None, Open))),
            ("Polly.CircuitBreaker.BrokenCircuitException`1[[System.Int32]]", "", Some((None, Open))),
            ("BrokenCircuitException", "The circuit is now open and is not allowing calls. It can be retried after '00:00:05'.", Some((None, Open))),
            ("Polly.CircuitBreaker.IsolatedCircuitException", "The circuit is manually held open and is not allowing calls.", Some((None, ForcedOpen))),
            ("*errors.errorString", "circuit breaker is open", Some((None, Open))),
            ("*fmt.wrapError", "call payments: circuit breaker is open", Some((None, Open))),
            ("*errors.errorString", "too many requests", Some((None, HalfOpen))),
            ("HttpError", "too many requests", None),
            ("Error", "Breaker is open", Some((None, Open))),
            ("EOPENBREAKER", "", Some((None, Open))),
            ("ETIMEDOUT", "Timed out after 3000ms", None),
            ("ESEMLOCKED", "Semaphore locked", None),
            ("com.netflix.hystrix.exception.HystrixRuntimeException", "GetOrder short-circuited and no fallback available.", Some((Some("GetOrder"), Open))),
            ("java.lang.RuntimeException", "Hystrix circuit short-circuited and is OPEN", Some((None, Open))),
            ("org.eclipse.microprofile.faulttolerance.exceptions.CircuitBreakerOpenException", "", Some((None, Open))),
            (
                "org.eclipse.microprofile.faulttolerance.exceptions.CircuitBreakerOpenException",
                "shop.Payments#pay circuit breaker is open",
                Some((Some("shop.Payments#pay"), Open)),
            ),
            ("com.alibaba.csp.sentinel.slots.block.degrade.DegradeException", "", Some((None, Open))),
            ("", "upstream connect error or disconnect/reset before headers. reset reason: overflow", Some((None, Open))),
            ("", "no healthy upstream", Some((None, Open))),
            ("java.net.ConnectException", "Connection refused", None),
            ("", "", None),
            ("", "the circuit breaker is open for business", None),
        ];
        for (exception_type, message, expected) in table {
            let told = breaker_from_exception(exception_type, message);
            assert_eq!(told, expected.map(|(name, state)| (name.map(str::to_owned), state)), "{exception_type} {message}");
        }
    }

    #[test]
    fn response_flags_tell_of_full_limits_and_missing_hosts() {
        for (flags, expected) in [("UO", Some(Open)), ("UF,UH", Some(Open)), ("UF", None), ("-", None), ("", None), ("UOX", None)] {
            assert_eq!(breaker_from_response_flags(flags), expected, "{flags}");
        }
    }

    proptest! {
        #[test]
        fn no_text_can_panic_it(exception_type in "\\PC{0,80}", message in "(\\PC|CircuitBreaker '|' is | and does not permit further calls| short-circuited and |breaker is open){0,12}") {
            if let Some((Some(name), _)) = breaker_from_exception(&exception_type, &message) {
                prop_assert!(!name.is_empty() && name.chars().count() <= MAX_NAME_CHARS);
            }
        }
    }

    #[test]
    fn an_endless_name_is_no_name() {
        let message = format!("CircuitBreaker '{}' is OPEN and does not permit further calls", "x".repeat(1_000_000));
        assert_eq!(breaker_from_exception("", &message), None);
        let message = format!("CircuitBreaker '{}' is OPEN and does not permit further calls", "x".repeat(1000));
        assert_eq!(breaker_from_exception("", &message), Some((None, Open)));
    }
}
