//! One vocabulary for what states come to: how urgent each is, the word for it, and what it means. Views draw from this and decide
//! nothing of it; the report carries the same words.

use switchboard_model::{BreakerState, GroupKind, SourcePhase};

use crate::view::{BreakerView, DeadLetterView, Figure, GroupView, LagVerdict, PartitionLag, Severity, SourceView, StateSource};
use crate::words;

const SECOND_NS: i64 = 1_000_000_000;

/// Offsets that were read longer ago say nothing of now, ns.
pub const GROUP_STALE_NS: i64 = 30 * SECOND_NS;
/// A service that sent nothing for so long counts as silent, ns.
pub const SILENT_AFTER_NS: i64 = 60 * SECOND_NS;
/// Below so many calls a share means little: failures are told as `1 of 3 failed`.
const CALLS_FOR_SHARE: u64 = 5;
/// From this share of failures on something is wrong.
const BAD_SHARE: f64 = 0.05;
/// From this share of failures on something is going wrong.
const WARN_SHARE: f64 = 0.01;

/// When nothing will wait any more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CatchUp {
    /// Nothing waits.
    Done,
    /// In so many seconds, at the pace of the last readings.
    In(f64),
    /// Never at that pace.
    Never,
    /// Not while the group is judged so.
    NotWhile(LagVerdict),
    /// Too little is known.
    Unknown,
}

impl GroupView {
    /// How long the verdict has held when it was read, ns.
    pub fn lasted_ns(&self) -> Option<i64> {
        Some(self.read_ns?.saturating_sub(self.since_ns?).max(0))
    }

    /// How urgent it is.
    pub fn severity(&self) -> Severity {
        // What waits on a partition without a commit is in no lag.
        let is_of_a_partition = self.verdict == LagVerdict::NoMembers && self.partition.is_some();
        self.verdict.severity(if is_of_a_partition { Some(self.lag.unwrap_or(0).max(1)) } else { self.lag }, self.lasted_ns())
    }

    /// The verdict and why: `stuck: behind by 4,711 records`, `falls behind by 187 records`.
    pub fn sentence(&self) -> String {
        let word = self.verdict.word();
        match self.reason.strip_prefix("behind ").filter(|_| word.ends_with("behind")) {
            Some(by) => format!("{word} {by}"),
            None if self.reason.is_empty() => word.to_owned(),
            None => format!("{word}: {}", self.reason),
        }
    }

    /// Whether the group is one of those that do not get their work done.
    pub fn is_behind(&self) -> bool {
        self.severity() >= Severity::Warning
    }

    /// When it has caught up, by the pace that its reason is told by.
    pub fn catch_up(&self) -> CatchUp {
        match (self.verdict, self.lag, self.pace) {
            (LagVerdict::Ok | LagVerdict::Growing, Some(0), _) => CatchUp::Done,
            (LagVerdict::Ok | LagVerdict::Growing, Some(lag), Some(pace)) => match pace.handled.checked_sub(pace.came_in) {
                None | Some(0) => CatchUp::Never,
                Some(gained) => CatchUp::In(lag as f64 / gained as f64 * (pace.over_ns as f64 / 1e9)),
            },
            (LagVerdict::Ok | LagVerdict::Growing | LagVerdict::Unknown, ..) => CatchUp::Unknown,
            (verdict, ..) => CatchUp::NotWhile(verdict),
        }
    }
}

impl PartitionLag {
    /// How urgent it is.
    pub fn severity(&self) -> Severity {
        // What waits without a commit is in no lag.
        self.verdict.severity(self.lag.or(Some(1)), None)
    }
}

/// What a kind of group is called: `share group`.
pub fn group_kind_word(kind: Option<&GroupKind>) -> &'static str {
    match kind {
        None | Some(GroupKind::Classic | GroupKind::Consumer) => "consumer group",
        Some(GroupKind::Share) => "share group",
        Some(GroupKind::Streams) => "streams group",
        Some(GroupKind::Other(_)) => "group of another kind",
    }
}

/// The word for a breaker's state.
pub fn breaker_word(state: Option<BreakerState>) -> &'static str {
    match state {
        None => "unknown",
        Some(BreakerState::Closed) => "closed",
        Some(BreakerState::Open) => "open",
        Some(BreakerState::HalfOpen) => "half-open",
        Some(BreakerState::ForcedOpen) => "forced open",
        Some(BreakerState::Disabled) => "disabled",
        Some(BreakerState::MetricsOnly) => "metrics only",
    }
}

/// How urgent a breaker's state is, where it is known of now.
pub fn breaker_severity(state: Option<BreakerState>) -> Severity {
    match state {
        None => Severity::Unknown,
        Some(BreakerState::Closed) => Severity::Quiet,
        Some(BreakerState::Disabled | BreakerState::MetricsOnly) => Severity::Notice,
        Some(BreakerState::HalfOpen) => Severity::Warning,
        Some(BreakerState::Open | BreakerState::ForcedOpen) => Severity::Bad,
    }
}

/// Whether a breaker in this state refuses calls.
pub fn breaker_refuses(state: Option<BreakerState>) -> bool {
    matches!(state, Some(BreakerState::Open | BreakerState::ForcedOpen))
}

impl BreakerView {
    /// How urgent it is: what is stale is not known.
    pub fn severity(&self) -> Severity {
        if self.stale { Severity::Unknown } else { breaker_severity(self.state) }
    }

    /// The state, where it is known of now.
    pub fn state_now(&self) -> Option<BreakerState> {
        self.state.filter(|_| !self.stale)
    }

    /// The word for its state: `open`; `was open` where nothing confirmed it lately.
    pub fn word(&self) -> String {
        match (self.stale, self.state) {
            (true, Some(state)) => format!("was {}", breaker_word(Some(state))),
            (_, state) => breaker_word(state).to_owned(),
        }
    }

    /// What the state means for calls.
    pub fn meaning(&self) -> String {
        let callee = self.callee.as_ref().map_or_else(|| "what it guards".to_owned(), |callee| words::visible(callee, usize::MAX));
        match (self.stale, self.state) {
            (_, None) => "the library names it and does not say its state".to_owned(),
            (true, _) => "nothing confirmed it lately".to_owned(),
            (_, Some(BreakerState::Closed)) => format!("calls to {callee} pass"),
            (_, Some(BreakerState::Open)) => format!("calls to {callee} are refused"),
            (_, Some(BreakerState::HalfOpen)) => format!("a few calls to {callee} are let through to try"),
            (_, Some(BreakerState::ForcedOpen)) => format!("held open by hand: calls to {callee} are refused until somebody lets go"),
            (_, Some(BreakerState::Disabled)) => format!("every call to {callee} passes"),
            (_, Some(BreakerState::MetricsOnly)) => format!("every call to {callee} passes and is counted, and it never opens by itself"),
        }
    }

    /// How its state is known, in a sentence.
    pub fn cause(&self) -> &'static str {
        match self.source {
            StateSource::Event => "An event of the library says so, with its own time",
            StateSource::Report => "A report of the current state says so: it may have changed and come back between two of them",
            StateSource::Exception => "The text of an exception in a span says so: it tells of refusals only, and not when they end",
        }
    }
}

/// Failures of the last minute that are worth a word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failures {
    /// How urgent.
    pub severity: Severity,
    /// How many failed.
    pub errors: u64,
    /// Of how many.
    pub calls: u64,
    /// The share, where the calls are enough for one.
    pub share: Option<f64>,
}

impl Figure {
    /// Failures of the last minute, where they are worth a word.
    pub fn failures(&self) -> Option<Failures> {
        let (calls, errors) = (self.recent_calls, self.recent_errors);
        if errors == 0 || calls == 0 {
            return None;
        }
        if calls < CALLS_FOR_SHARE {
            return Some(Failures { severity: Severity::Warning, errors, calls, share: None });
        }
        let share = errors as f64 / calls as f64;
        let severity = match share {
            share if share >= BAD_SHARE => Severity::Bad,
            share if share >= WARN_SHARE => Severity::Warning,
            _ => return None,
        };
        Some(Failures { severity, errors, calls, share: Some(share) })
    }
}

/// For how long a service that was last heard of then has been silent, ns; `None` = it is not.
pub fn silent_for_ns(heard_ns: i64, now_ns: i64) -> Option<i64> {
    Some(now_ns.saturating_sub(heard_ns)).filter(|silent_ns| *silent_ns > SILENT_AFTER_NS)
}

/// What the last minute of a service, or of a call, comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Health {
    /// Nothing is unusual.
    Usual,
    /// It sent nothing for so long, ns.
    Silent(i64),
    /// Calls fail.
    Fails(Failures),
}

impl Health {
    /// Of a figure; `heard_ns` is when it was last heard of, of one that sends spans itself and so can fall silent.
    pub fn of(figure: &Figure, heard_ns: Option<i64>, now_ns: i64) -> Self {
        match (figure.failures(), heard_ns.and_then(|heard_ns| silent_for_ns(heard_ns, now_ns))) {
            (Some(failures), _) => Self::Fails(failures),
            (None, Some(silent_ns)) => Self::Silent(silent_ns),
            (None, None) => Self::Usual,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Usual => "as usual",
            Self::Silent(_) => "silent",
            Self::Fails(_) => "fails",
        }
    }

    /// How urgent it is.
    pub fn severity(self) -> Severity {
        match self {
            Self::Usual => Severity::Quiet,
            Self::Silent(_) => Severity::Unknown,
            Self::Fails(failures) => failures.severity,
        }
    }
}

/// The word for a channel of which so many dead letters are open, and how urgent that is.
pub fn channel_word(num_open: u64) -> (&'static str, Severity) {
    if num_open > 0 { ("has dead letters", Severity::Bad) } else { ("as usual", Severity::Quiet) }
}

impl DeadLetterView {
    /// How urgent letters are that died: those that are dealt with are not.
    pub fn severity(&self) -> Severity {
        channel_word(self.num_open).1
    }
}

/// How urgent a source's phase is.
pub fn source_severity(phase: SourcePhase) -> Severity {
    match phase {
        SourcePhase::Live => Severity::Quiet,
        SourcePhase::Connecting => Severity::Notice,
        SourcePhase::Stopped => Severity::Unknown,
        SourcePhase::Degraded => Severity::Warning,
        SourcePhase::Failed => Severity::Bad,
    }
}

/// The word for a source's phase.
pub fn source_word(phase: SourcePhase) -> &'static str {
    match phase {
        SourcePhase::Live => "live",
        SourcePhase::Connecting => "connecting",
        SourcePhase::Stopped => "stopped",
        SourcePhase::Degraded => "works in part",
        SourcePhase::Failed => "failed",
    }
}

impl SourceView {
    /// How urgent it is.
    pub fn severity(&self) -> Severity {
        source_severity(self.phase)
    }

    /// The word for how it is doing.
    pub fn word(&self) -> &'static str {
        source_word(self.phase)
    }

    /// What of it found no room, in words; `None` = all did.
    pub fn left_out_words(&self) -> Option<String> {
        let kinds: Vec<String> = self.left_out.iter().map(|left| format!("{} {}", words::count(left.num), left.what)).collect();
        (!kinds.is_empty()).then(|| format!("no room for all it tells of; left out so far: {}", kinds.join(", ")))
    }

    /// How much of it found no room.
    pub fn num_left_out(&self) -> u64 {
        self.left_out.iter().fold(0, |sum, left| sum.saturating_add(left.num))
    }
}
