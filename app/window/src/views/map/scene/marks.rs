//! What is unusual, as signs with numbers.

use switchboard_engine::view::{Figure, GROUP_STALE_NS, GroupView, LagVerdict, Severity, Snapshot, breaker_refuses};
use switchboard_model::BreakerState;

use super::{Badge, BreakerMark};
use crate::{
    figures,
    ink::{
        Glyph, Tone,
        signs::{breaker_glyph, breaker_tone, group_tone, verdict_glyph},
    },
};

/// Failures of the last minute, where they are worth a sign.
pub(crate) fn failure_badge(figure: &Figure) -> Option<Badge> {
    let failures = figure.failures()?;
    let text = failures.share.map_or_else(|| format!("{} of {} failed", failures.errors, failures.calls), figures::percent);
    Some(Badge { glyph: Glyph::Cross, text, tone: failures.severity.into() })
}

/// A group's lag, where it is unusual: `1,204 · 38 s`.
pub(crate) fn lag_badge(group: &GroupView) -> Option<Badge> {
    let is_shown = group.severity() >= Severity::Warning || group.verdict == LagVerdict::NoMembers;
    let glyph = verdict_glyph(group.verdict).filter(|_| is_shown)?;
    let word = group.verdict.word();
    let text = match (group.verdict, group.lag.filter(|lag| *lag > 0)) {
        (LagVerdict::Growing | LagVerdict::Stuck, _) => lag_numbers(group),
        (_, Some(lag)) => format!("{} · {word}", figures::count(lag)),
        (_, None) => word.to_owned(),
    };
    Some(Badge { glyph, text, tone: group_tone(group) })
}

/// The same, but offsets that were read too long ago are told with their age instead: they may look healthy and not be.
pub(crate) fn lag_badge_at(group: &GroupView, now_ns: i64) -> Option<Badge> {
    match group.read_ns.map(|read_ns| now_ns - read_ns).filter(|age_ns| *age_ns > GROUP_STALE_NS) {
        Some(age_ns) => Some(Badge { glyph: Glyph::Question, text: format!("lag of {} ago", figures::age(age_ns)), tone: Severity::Unknown.into() }),
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
        let Some(own_glyph) = breaker_glyph(breaker) else { continue };
        let state = breaker.state_now();
        num_tripped += usize::from(breaker_refuses(state) || state == Some(BreakerState::HalfOpen));
        let own_tone = breaker_tone(breaker);
        if own_tone > tone {
            (glyph, tone) = (own_glyph, own_tone);
        }
    }
    BreakerMark { glyph, tone, num_tripped, num_instances: rows.len(), rows }
}
