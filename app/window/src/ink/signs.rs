//! Tones and signs for what the engine says: how urgent a state is and what it is called is decided there, here it is only chosen how
//! that looks.

use switchboard_engine::view::{BreakerView, GroupView, LagVerdict, Severity, breaker_severity, source_severity, source_word};
use switchboard_model::{BreakerState, SourcePhase};

use super::{Glyph, Tone, tone_inks};
use crate::theme::Ink;

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Quiet | Severity::Notice => Self::Quiet,
            Severity::Unknown => Self::Unknown,
            Severity::Warning => Self::Warn,
            Severity::Bad => Self::Bad,
        }
    }
}

/// The sign of a verdict on lag; none for what is as it should be.
pub(crate) fn verdict_glyph(verdict: LagVerdict) -> Option<Glyph> {
    match verdict {
        LagVerdict::Ok => None,
        LagVerdict::Waits | LagVerdict::Rebalancing | LagVerdict::OpenTransaction => Some(Glyph::Dot),
        LagVerdict::NoOffsets | LagVerdict::Unknown => Some(Glyph::Question),
        LagVerdict::Growing => Some(Glyph::Rising),
        LagVerdict::Stuck => Some(Glyph::Stuck),
        LagVerdict::NoMembers | LagVerdict::BeyondEnd => Some(Glyph::Nobody),
    }
}

/// The tone of a group.
pub(crate) fn group_tone(group: &GroupView) -> Tone {
    group.severity().into()
}

/// The sign of a breaker's state, as known now; none where it is as it should be.
pub(crate) fn state_glyph(state_now: Option<BreakerState>) -> Option<Glyph> {
    match state_now {
        None => Some(Glyph::BreakerUnknown),
        Some(BreakerState::HalfOpen) => Some(Glyph::BreakerHalfOpen),
        Some(BreakerState::Open) => Some(Glyph::BreakerOpen),
        Some(BreakerState::ForcedOpen) => Some(Glyph::BreakerForced),
        Some(_) => None,
    }
}

/// The tone of a breaker's state, as known now.
pub(crate) fn state_tone(state_now: Option<BreakerState>) -> Tone {
    breaker_severity(state_now).into()
}

/// The sign of a breaker.
pub(crate) fn breaker_glyph(breaker: &BreakerView) -> Option<Glyph> {
    state_glyph(breaker.state_now())
}

/// The tone of a breaker.
pub(crate) fn breaker_tone(breaker: &BreakerView) -> Tone {
    breaker.severity().into()
}

/// How a source is doing, and the colour of that.
pub(crate) fn phase_word(phase: SourcePhase) -> (&'static str, Ink) {
    let ink = match phase {
        SourcePhase::Live => Ink::Good,
        _ => tone_inks(source_severity(phase).into()).0,
    };
    (source_word(phase), ink)
}
