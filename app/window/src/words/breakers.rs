//! Breakers in words. Pure.

use switchboard_engine::view::BreakerView;

use crate::figures;

/// Since when, as an age: `58 s`, or `≥ 58 s` where it was so before it was first read; `None` = unknown.
pub(crate) fn since_age(breaker: &BreakerView, now_ns: i64) -> Option<String> {
    let age = figures::age(now_ns.saturating_sub(breaker.since_ns?));
    Some(if breaker.since_at_least { format!("≥ {age}") } else { age })
}
