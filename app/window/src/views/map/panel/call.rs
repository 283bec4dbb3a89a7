//! What a call ended with, and the breakers on its way.

use switchboard_engine::view::{BreakerView, HopKind, StateSource, StatusClass};

use super::{
    About,
    rows::{capped, section},
};
use crate::{
    figures,
    ink::{Tone, signs::breaker_tone},
    sanitise::visible,
    view::Target,
    views::map::scene::{BreakerMark, SceneEdge},
    widgets::{
        breaker_strip::{axis_of, strip},
        detail::{Row, Section, goto},
        time_axis::TimeAxis,
    },
    words::breakers::since_age,
};

impl About<'_> {
    /// How often calls over the range ended with which status, failures first; and what breakers turned away.
    pub(super) fn status_section(&self, edge: &SceneEdge) -> Section {
        let answers = self.known.answers;
        let (Some(statuses), Some(range)) = (answers.statuses.as_ref(), answers.range) else { return Section::default() };
        let total = statuses.rows.iter().map(|row| row.count).sum::<u64>() + statuses.not_told;
        if total == 0 || (statuses.rows.is_empty() && edge.kind != HopKind::Call) {
            return Section::default();
        }
        let share = |count: u64| count as f32 / total as f32;
        let times = |count: u64| format!("× {}", figures::count(count));
        let mut kinds: Vec<_> = statuses.rows.iter().collect();
        kinds.sort_by_key(|kind| (std::cmp::Reverse(kind.class), std::cmp::Reverse(kind.count)));
        let mut rows: Vec<Row> = kinds
            .into_iter()
            .map(|kind| {
                let tone = match kind.class {
                    StatusClass::Failure => Tone::Bad,
                    StatusClass::Rejection => Tone::Warn,
                    StatusClass::Success | StatusClass::Unknown => Tone::Quiet,
                };
                Row::Share { label: visible(&kind.status).into_owned(), value: times(kind.count), share: share(kind.count), tone }
            })
            .collect();
        if statuses.not_told > 0 {
            rows.push(Row::Share { label: "none told".to_owned(), value: times(statuses.not_told), share: share(statuses.not_told), tone: Tone::Unknown });
        }
        let refused: Vec<u64> = edge.breaker.iter().flat_map(|mark| &mark.rows).filter_map(|row| self.snapshot.breakers[*row].not_permitted).collect();
        let num_refused: u64 = refused.iter().sum();
        if num_refused > 0 {
            rows.push(Row::Share { label: "not permitted".to_owned(), value: times(num_refused), share: share(num_refused).min(1.0), tone: Tone::Warn });
            rows.push(Row::text("Not permitted: turned away by the breakers since they opened, as they say; these are no calls"));
        }
        section("Status", &format!("last {} · n = {}", figures::age(range.to_ns - range.from_ns), figures::count(total)), rows)
    }

    /// How the state of each instance's breaker went.
    pub(super) fn breaker_strips(&self, mark: &BreakerMark) -> Section {
        let breakers: Vec<&BreakerView> = mark.rows.iter().map(|row| &self.snapshot.breakers[*row]).collect();
        let is_one = breakers.iter().all(|breaker| breaker.name == breakers[0].name);
        let title = match breakers.first() {
            Some(first) if is_one => format!("Circuit breaker {}", visible(&first.name)),
            _ => "Circuit breakers".to_owned(),
        };
        let axis = axis_of(breakers.iter().copied(), self.known.now_ns);
        // How it is known is told once where it is the same of all.
        let is_alike = breakers.windows(2).all(|pair| self.known_by(pair[0]) == self.known_by(pair[1]));
        let mut rows = capped(breakers.iter().map(|breaker| self.breaker_strip(breaker, axis, !is_one, !is_alike)).collect());
        rows.extend(breakers.first().filter(|_| is_alike).map(|first| Row::text(&format!("Known by {}", self.known_by(first)))));
        section(&title, &axis.words(), rows)
    }

    fn known_by(&self, breaker: &BreakerView) -> String {
        format!("{}, {} ago", source_words(breaker), figures::age(self.now_ns - breaker.confirmed_ns))
    }

    fn breaker_strip(&self, breaker: &BreakerView, axis: TimeAxis, is_named: bool, is_source_told: bool) -> Row {
        let since = since_age(breaker, self.now_ns).map(|age| format!(" {age}")).unwrap_or_default();
        let mut detail: Vec<String> = is_named.then(|| visible(&breaker.name).into_owned()).into_iter().collect();
        detail.extend(is_source_told.then(|| self.known_by(breaker)));
        if breaker.stale {
            detail.push("too old to rely on".to_owned());
        }
        detail.extend(breaker.disagreement.as_deref().map(|text| visible(text).into_owned()));
        Row::Strip {
            label: breaker.instance.as_deref().map_or_else(|| "instance not known".to_owned(), |instance| visible(instance).into_owned()),
            value: format!("{}{since}", breaker.word()),
            detail: detail.join(" · "),
            tone: breaker_tone(breaker),
            pieces: strip(breaker, axis),
            action: goto(Target::Breaker { caller: breaker.caller.clone(), instance: breaker.instance.clone(), name: breaker.name.clone() }),
        }
    }
}

/// What the state of a breaker is known by.
fn source_words(breaker: &BreakerView) -> &'static str {
    match breaker.source {
        StateSource::Event => "its own events",
        StateSource::Report => "what its service reports",
        StateSource::Exception => "exceptions in spans",
    }
}

/// How the state of a breaker is known, in a word or two.
pub(super) fn source_word(breaker: &BreakerView) -> &'static str {
    match breaker.source {
        StateSource::Event => "its own event",
        StateSource::Report => "reported",
        StateSource::Exception => "seen in an exception",
    }
}
