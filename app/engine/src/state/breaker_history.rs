//! What was said of one breaker, and the state, times and contradictions that follow from it.

use std::collections::BTreeMap;

use switchboard_model::{BreakerState, SourceId};

use crate::view::StateSource;
use crate::words;

const SECOND_NS: i64 = 1_000_000_000;

/// Reports kept raw; beyond it the older half is thinned to its changes, then the oldest go.
const MAX_REPORTS: usize = 256;
/// Events kept, the newest.
const MAX_EVENTS: usize = 256;
/// Refusals told by exceptions kept, the newest.
const MAX_REFUSALS: usize = 64;
/// Changes of state shown, the newest.
const MAX_TRANSITIONS: usize = 64;
/// An event may arrive so long after the report that already shows its outcome.
const LATE_EVENT_NS: i64 = 5 * SECOND_NS;
/// Two sources are compared within this distance: a poll and the difference of two clocks.
const SLACK_NS: i64 = 2_500_000_000;
/// A contradiction is told for so long.
const TOLD_NS: i64 = 60 * SECOND_NS;
/// Knowledge that was not confirmed for so long is stale.
pub(crate) const STALE_NS: i64 = 15 * SECOND_NS;

/// A report of the state, as polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Report {
    pub(crate) received_ns: i64,
    pub(crate) source: SourceId,
    pub(crate) state: Option<BreakerState>,
    pub(crate) not_permitted: Option<u64>,
}

/// A change of state with the library's own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at_ns: i64,
    from: BreakerState,
    to: BreakerState,
}

/// All that was said of one breaker of one instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Sorted.
    reports: Vec<Report>,
    /// Events and when each was first received.
    events: BTreeMap<Event, i64>,
    /// Last time that an event of the breaker was received, and from which source.
    events_confirmed: Option<(i64, SourceId)>,
    /// Last call refused as an event says: the library's time, and when it was received.
    not_permitted: Option<(i64, i64)>,
    /// Calls refused as exceptions say, by the sender's time, and when each was first received.
    refusals: BTreeMap<(i64, BreakerState), i64>,
}

/// What follows from a history, apart from its age.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Folded {
    pub(crate) state: Option<BreakerState>,
    pub(crate) since_ns: Option<i64>,
    pub(crate) since_at_least: bool,
    pub(crate) source: StateSource,
    pub(crate) confirmed_ns: i64,
    /// The source whose silence says that nothing changed: that of events, where nothing is reported.
    pub(crate) silent_source: Option<SourceId>,
    pub(crate) disagreement: Option<String>,
    pub(crate) not_permitted: Option<u64>,
    pub(crate) transitions: Vec<(i64, BreakerState)>,
}

impl Folded {
    /// Whether what exceptions said last of another fits what is known of this one.
    pub(crate) fn fits(&self, other: &History) -> bool {
        let (Some((&(at_ns, told), _)), Some(current)) = (other.refusals.last_key_value(), self.state) else { return false };
        states_around(at_ns, None, current, &self.transitions).iter().any(|known| agree(told, *known))
    }
}

impl History {
    pub(crate) fn report(&mut self, report: Report) {
        if let Err(at) = self.reports.binary_search(&report) {
            self.reports.insert(at, report);
        }
        if self.reports.len() > MAX_REPORTS {
            self.thin_reports();
        }
    }

    pub(crate) fn transition(&mut self, at_ns: i64, from: BreakerState, to: BreakerState, received_ns: i64) {
        let first = self.events.entry(Event { at_ns, from, to }).or_insert(received_ns);
        *first = (*first).min(received_ns);
        if self.events.len() > MAX_EVENTS {
            self.events.pop_first();
        }
    }

    pub(crate) fn refused_by_event(&mut self, at_ns: i64, received_ns: i64) {
        self.not_permitted = self.not_permitted.max(Some((at_ns, received_ns)));
    }

    pub(crate) fn confirm_events(&mut self, received_ns: i64, source: SourceId) {
        self.events_confirmed = self.events_confirmed.max(Some((received_ns, source)));
    }

    pub(crate) fn refusal(&mut self, at_ns: i64, state: BreakerState, received_ns: i64) {
        let first = self.refusals.entry((at_ns, state)).or_insert(received_ns);
        *first = (*first).min(received_ns);
        if self.refusals.len() > MAX_REFUSALS {
            self.refusals.pop_first();
        }
    }

    /// Whether a library or its endpoint was read, and not only exceptions.
    pub(crate) fn is_read(&self) -> bool {
        !self.reports.is_empty() || self.events_confirmed.is_some()
    }

    /// When it was read last, and from which source.
    pub(crate) fn last_read(&self) -> Option<(i64, SourceId)> {
        self.reports.last().map(|report| (report.received_ns, report.source)).max(self.events_confirmed)
    }

    /// Takes over what exceptions said of a breaker that turned out to be this one.
    pub(crate) fn take_refusals(&mut self, other: &Self) {
        for (&(at_ns, state), &received_ns) in &other.refusals {
            self.refusal(at_ns, state, received_ns);
        }
    }

    /// In the older half, reports between two equal ones say nothing.
    fn thin_reports(&mut self) {
        let half = self.reports.len() / 2;
        let same = |left: &Report, right: &Report| {
            left.source == right.source && left.state == right.state && (left.not_permitted == right.not_permitted || left.state != Some(BreakerState::Closed))
        };
        let mut thinned: Vec<Report> = Vec::with_capacity(self.reports.len());
        for (index, report) in self.reports.iter().enumerate() {
            let inside = index < half && thinned.last().is_some_and(|last| same(last, report)) && same(report, &self.reports[index + 1]);
            if !inside {
                thinned.push(*report);
            }
        }
        if thinned.len() > MAX_REPORTS {
            thinned.remove(0);
        }
        self.reports = thinned;
    }

    /// The source whose reports are followed: of those that report now, the first of the profile.
    fn followed(&self) -> Option<SourceId> {
        let newest_ns = self.reports.last()?.received_ns;
        self.reports.iter().filter(|report| newest_ns.saturating_sub(report.received_ns) <= STALE_NS).map(|report| report.source).min()
    }

    /// State, times and contradictions.
    pub(crate) fn fold(&self) -> Folded {
        let followed = self.followed();
        let reports: Vec<Report> = self.reports.iter().filter(|report| Some(report.source) == followed).copied().collect();
        let mut walk = Walk::default();
        for said in self.timeline(&reports) {
            walk.step(said, &self.events);
        }
        let transitions = walk.transitions();
        let reported_ns = self.reports.last().map(|report| report.received_ns);
        let read_ns = reported_ns.max(self.events_confirmed.map(|(received_ns, _)| received_ns));
        let last_refusal = self.refusals.last_key_value().map(|(&(_, state), &received_ns)| (received_ns, state));

        let (state, since_ns, source) = match (walk.current, last_refusal, self.not_permitted) {
            (Some(state), ..) => (Some(state), walk.since_ns, walk.source),
            (None, Some((_, state)), _) => (Some(state), None, StateSource::Exception),
            (None, None, Some(_)) => (Some(BreakerState::Open), None, StateSource::Event),
            (None, None, None) => (None, None, if reported_ns.is_some() { StateSource::Report } else { StateSource::Event }),
        };
        let confirmed_ns = match source {
            StateSource::Exception => last_refusal.map_or(0, |(received_ns, _)| received_ns),
            _ => read_ns.unwrap_or(0),
        };
        let mut shown = transitions.clone();
        shown.drain(..shown.len().saturating_sub(MAX_TRANSITIONS));
        Folded {
            disagreement: walk.current.and_then(|current| self.disagreement(current, &walk, &transitions, &reports)),
            silent_source: if reported_ns.is_none() { self.events_confirmed.map(|(_, source)| source) } else { None },
            not_permitted: reports.last().and_then(|report| report.not_permitted),
            transitions: shown,
            since_at_least: since_ns.is_some() && walk.is_at_least,
            state,
            since_ns,
            source,
            confirmed_ns,
        }
    }

    /// Events and reports in the order in which they became known: clocks of hosts may differ, so that their times are not
    /// compared. Of one poll, events come first, for the report was read after them.
    fn timeline(&self, reports: &[Report]) -> Vec<Said> {
        let mut said: Vec<Said> = self.events.iter().map(|(event, received_ns)| Said::Event(*received_ns, *event)).collect();
        said.extend(reports.iter().filter_map(|report| Some(Said::Report(report.received_ns, report.state?))));
        said.sort_unstable();
        said.sort_by_key(Said::received_ns);
        said
    }

    fn disagreement(&self, current: BreakerState, walk: &Walk, transitions: &[(i64, BreakerState)], reports: &[Report]) -> Option<String> {
        self.other_source_disagrees(current, reports)
            .or_else(|| self.exception_disagrees(current, walk, transitions, reports))
            .or_else(|| hidden_opening(transitions, reports))
            .or_else(|| self.refusal_disagrees(current, transitions))
    }

    /// Another source that reports now, and something else.
    fn other_source_disagrees(&self, current: BreakerState, reports: &[Report]) -> Option<String> {
        let followed = reports.last()?;
        let other = self.reports.iter().rev().find(|other| other.source != followed.source && other.state.is_some())?;
        let apart_ns = other.received_ns.saturating_sub(followed.received_ns);
        let told = other.state.filter(|state| *state != current && apart_ns.abs() <= LATE_EVENT_NS)?;
        Some(format!("a second source reports {}, read {}", word(told), apart(apart_ns)))
    }

    /// An exception that says something else than was known for its time.
    fn exception_disagrees(&self, current: BreakerState, walk: &Walk, transitions: &[(i64, BreakerState)], reports: &[Report]) -> Option<String> {
        let (&(at_ns, told), _) = self.refusals.last_key_value()?;
        let read_ns = reports.last().map_or(0, |report| report.received_ns).max(self.events_confirmed.map_or(0, |(received_ns, _)| received_ns));
        let known = states_around(at_ns, walk.initial, current, transitions);
        if read_ns.saturating_sub(at_ns) > TOLD_NS || known.iter().any(|state| agree(told, *state)) {
            return None;
        }
        let what = if reports.is_empty() { "event" } else { "report" };
        Some(format!("an exception said {}, {} the last {what}, which says {}", word(told), apart_by(at_ns.saturating_sub(read_ns)), word(current)))
    }

    /// A call that was refused, by the library's clock, after it told of its closing.
    fn refusal_disagrees(&self, current: BreakerState, transitions: &[(i64, BreakerState)]) -> Option<String> {
        let (at_ns, received_ns) = self.not_permitted?;
        let (closed_ns, state) = *transitions.last()?;
        let read_ns = self.events_confirmed?.0.max(self.reports.last().map_or(0, |report| report.received_ns));
        let disagrees = current == BreakerState::Closed
            && state == BreakerState::Closed
            && self.events.keys().any(|event| event.at_ns == closed_ns && event.to == state)
            && at_ns > closed_ns
            && read_ns.saturating_sub(received_ns) <= TOLD_NS;
        disagrees.then(|| format!("a call was refused {} after it told of its closing", words::duration(at_ns.saturating_sub(closed_ns))))
    }
}

/// Refused calls between two reports that both say closed: it was open in between, and neither poll nor event showed it.
fn hidden_opening(transitions: &[(i64, BreakerState)], reports: &[Report]) -> Option<String> {
    let newest_ns = reports.last()?.received_ns;
    let pair = reports.windows(2).rev().find(|pair| {
        let closed = pair.iter().all(|report| report.state == Some(BreakerState::Closed));
        closed && pair[0].not_permitted.is_some() && pair[0].not_permitted < pair[1].not_permitted
    })?;
    let (from_ns, to_ns) = (pair[0].received_ns, pair[1].received_ns);
    let told = |&(at_ns, state): &(i64, BreakerState)| refuses(state) && at_ns >= from_ns.saturating_sub(SLACK_NS) && at_ns <= to_ns.saturating_add(SLACK_NS);
    if newest_ns.saturating_sub(to_ns) > TOLD_NS || transitions.iter().any(told) {
        return None;
    }
    let refused = pair[1].not_permitted?.saturating_sub(pair[0].not_permitted?);
    let calls = if refused == 1 { "1 call was".into() } else { format!("{} calls were", words::count(refused)) };
    let apart = words::duration(to_ns.saturating_sub(from_ns));
    Some(format!("{calls} refused between two reports {apart} apart that both say closed: it was open in between"))
}

/// One thing said of the breaker, and when it was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Event(i64, Event),
    Report(i64, BreakerState),
}

impl Said {
    fn received_ns(&self) -> i64 {
        match self {
            Self::Event(received_ns, _) | Self::Report(received_ns, _) => *received_ns,
        }
    }
}

/// The walk over the timeline.
struct Walk {
    initial: Option<BreakerState>,
    current: Option<BreakerState>,
    since_ns: Option<i64>,
    /// Whether it was so before.
    is_at_least: bool,
    source: StateSource,
    /// Time, whether by a report alone, state.
    changes: Vec<(i64, bool, BreakerState)>,
}

impl Default for Walk {
    fn default() -> Self {
        Self { initial: None, current: None, since_ns: None, is_at_least: false, source: StateSource::Report, changes: Vec::new() }
    }
}

impl Walk {
    fn step(&mut self, said: Said, events: &BTreeMap<Event, i64>) {
        match said {
            Said::Event(_, Event { at_ns, from, to }) => {
                self.initial.get_or_insert(from);
                self.source = StateSource::Event;
                // A change to itself says nothing new, unless the change before it was missed.
                if self.current != Some(to) || from != to {
                    self.changes.push((at_ns, false, to));
                    self.since_ns = Some(at_ns);
                    self.is_at_least = from == to;
                }
                self.current = Some(to);
            }
            Said::Report(received_ns, state) => {
                self.source = StateSource::Report;
                if self.current == Some(state) {
                    return;
                }
                let next = events.iter().filter(|(_, event_ns)| **event_ns > received_ns).min_by_key(|(event, event_ns)| (**event_ns, **event));
                let explained = next.is_some_and(|(event, event_ns)| event.to == state && event_ns.saturating_sub(received_ns) <= LATE_EVENT_NS);
                if self.current.is_some() && !explained {
                    self.changes.push((received_ns, true, state));
                }
                // What is read first began before; a change between two reports is known to a poll.
                self.is_at_least = self.current.is_none();
                self.initial.get_or_insert(state);
                self.since_ns = Some(received_ns);
                self.current = Some(state);
            }
        }
    }

    /// Changes by time. What a report showed late is left out where an event tells of the same change.
    fn transitions(&self) -> Vec<(i64, BreakerState)> {
        let mut changes = self.changes.clone();
        changes.sort_by_key(|(at_ns, by_report, _)| (*at_ns, *by_report));
        let mut transitions: Vec<(i64, BreakerState)> = Vec::with_capacity(changes.len());
        for (at_ns, by_report, state) in changes {
            if !(by_report && transitions.last().is_some_and(|(_, last)| *last == state)) {
                transitions.push((at_ns, state));
            }
        }
        transitions
    }
}

/// The states known for a time, give or take the slack.
fn states_around(at_ns: i64, initial: Option<BreakerState>, current: BreakerState, transitions: &[(i64, BreakerState)]) -> Vec<BreakerState> {
    let (from_ns, to_ns) = (at_ns.saturating_sub(SLACK_NS), at_ns.saturating_add(SLACK_NS));
    let before = transitions.iter().rev().find(|(change_ns, _)| *change_ns <= from_ns).map(|(_, state)| *state);
    let mut states: Vec<BreakerState> = before.or(initial).into_iter().collect();
    states.extend(transitions.iter().filter(|(change_ns, _)| *change_ns > from_ns && *change_ns <= to_ns).map(|(_, state)| *state));
    if states.is_empty() {
        states.push(current);
    }
    states
}

/// Whether a breaker in this state refuses calls, all or some.
fn refuses(state: BreakerState) -> bool {
    matches!(state, BreakerState::Open | BreakerState::ForcedOpen | BreakerState::HalfOpen)
}

/// Whether an exception's word fits a known state: refusing is refusing, by whatever name.
fn agree(told: BreakerState, known: BreakerState) -> bool {
    told == known || (refuses(told) && refuses(known))
}

/// A state in words.
pub(crate) fn word(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half-open",
        BreakerState::ForcedOpen => "forced open",
        BreakerState::Disabled => "disabled",
        BreakerState::MetricsOnly => "metrics only",
    }
}

/// `1 s after`, `2 s before`, `at the time of`.
fn apart_by(apart_ns: i64) -> String {
    match apart_ns {
        0 => "at the time of".into(),
        1.. => format!("{} after", words::duration(apart_ns)),
        _ => format!("{} before", words::duration(apart_ns.saturating_neg())),
    }
}

/// The same, standing alone.
fn apart(apart_ns: i64) -> String {
    match apart_ns {
        0 => "at the same time".into(),
        1.. => format!("{} later", words::duration(apart_ns)),
        _ => format!("{} earlier", words::duration(apart_ns.saturating_neg())),
    }
}
