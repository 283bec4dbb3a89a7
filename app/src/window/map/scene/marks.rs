//! What is unusual, as signs with numbers.

use switchboard_engine::view::{Figure, GroupView, LagVerdict, Snapshot};
use switchboard_model::BreakerState;

use super::{Badge, BreakerMark, Glyph, Tone};
use crate::window::figures;

/// Offsets read longer ago than this tell nothing of now.
const STALE_AFTER_NS: i64 = 60_000_000_000;
/// Below so many calls a share means little: failures are told as `1 of 3 failed`.
const CALLS_FOR_SHARE: u64 = 5;
/// From this share of failures on something is wrong.
const BAD_SHARE: f64 = 0.05;
/// From this share of failures on something is going wrong.
const WARN_SHARE: f64 = 0.01;

/// Failures of the last minute, where they are worth a sign.
pub(crate) fn failure_badge(figure: &Figure) -> Option<Badge> {
    let (calls, errors) = (figure.recent_calls, figure.recent_errors);
    if errors == 0 || calls == 0 {
        return None;
    }
    if calls < CALLS_FOR_SHARE {
        return Some(Badge { glyph: Glyph::Cross, text: format!("{errors} of {calls} failed"), tone: Tone::Warn });
    }
    let share = errors as f64 / calls as f64;
    let tone = match share {
        share if share >= BAD_SHARE => Tone::Bad,
        share if share >= WARN_SHARE => Tone::Warn,
        _ => return None,
    };
    Some(Badge { glyph: Glyph::Cross, text: figures::percent(share), tone })
}

/// A group's lag, where it is unusual: `1,204 · 38 s`.
pub(crate) fn lag_badge(group: &GroupView) -> Option<Badge> {
    let behind = group.lag.unwrap_or(0) > 0;
    let (glyph, tone) = match group.verdict {
        LagVerdict::Ok | LagVerdict::Unknown => return None,
        LagVerdict::Growing => (Glyph::Rising, Tone::Warn),
        LagVerdict::Stuck => (Glyph::Stuck, Tone::Bad),
        LagVerdict::NoMembers => (Glyph::Nobody, if behind { Tone::Bad } else { Tone::Unknown }),
    };
    let text = match (group.verdict, group.lag) {
        (LagVerdict::NoMembers, Some(lag)) if behind => format!("{} · nobody reads", figures::count(lag)),
        (LagVerdict::NoMembers, _) => "nobody reads".to_owned(),
        _ => lag_numbers(group),
    };
    Some(Badge { glyph, text, tone })
}

/// The same, but offsets that were read too long ago are told with their age instead: they may look healthy and not be.
pub(crate) fn lag_badge_at(group: &GroupView, now_ns: i64) -> Option<Badge> {
    match group.read_ns.map(|read_ns| now_ns - read_ns).filter(|age_ns| *age_ns > STALE_AFTER_NS) {
        Some(age_ns) => Some(Badge { glyph: Glyph::Question, text: format!("lag of {} ago", figures::age(age_ns)), tone: Tone::Unknown }),
        None => lag_badge(group),
    }
}

/// How far a group is behind, in messages and time: `1,204 · 38 s`.
pub(crate) fn lag_numbers(group: &GroupView) -> String {
    let count = group.lag.map_or_else(|| "?".to_owned(), figures::count);
    match group.lag_s.filter(|lag_s| *lag_s >= 1.0) {
        Some(lag_s) => format!("{count} · {}", figures::age_s(lag_s)),
        None => count,
    }
}

/// The worst of some breakers, and in how many instances they are not closed.
pub(super) fn breaker_mark(snapshot: &Snapshot, rows: Vec<usize>) -> BreakerMark {
    let mut glyph = Glyph::BreakerUnknown;
    let mut tone = Tone::Quiet;
    let mut num_tripped = 0;
    for &row in &rows {
        let breaker = &snapshot.breakers[row];
        let (own_glyph, own_tone, tripped) = match (breaker.stale, breaker.state) {
            (true, _) | (_, None) => (Glyph::BreakerUnknown, Tone::Unknown, false),
            (_, Some(BreakerState::Closed | BreakerState::Disabled)) => continue,
            (_, Some(BreakerState::HalfOpen)) => (Glyph::BreakerHalfOpen, Tone::Warn, true),
            (_, Some(BreakerState::Open)) => (Glyph::BreakerOpen, Tone::Bad, true),
            (_, Some(BreakerState::ForcedOpen)) => (Glyph::BreakerForced, Tone::Bad, true),
        };
        num_tripped += usize::from(tripped);
        if own_tone > tone {
            (glyph, tone) = (own_glyph, own_tone);
        }
    }
    BreakerMark { glyph, tone, num_tripped, num_instances: rows.len(), rows }
}
