//! A breaker's states over time, as pieces of a strip. What is not known is a gap, never a guess.

use egui::{Rect, Stroke, pos2};
use switchboard_engine::view::{BreakerView, Severity, breaker_severity, breaker_word};
use switchboard_model::BreakerState;

use crate::{
    ink::{StrokeMesh, tone_inks},
    theme::{DesignTokens, Ink},
    widgets::time_axis::{TimeAxis, WHOLE_NS, hair_ui, instant_words, told_ui},
};

/// A piece of a strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// From when on, ns since the Unix epoch.
    pub from_ns: i64,
    /// Until when.
    pub to_ns: i64,
    /// The state; `None` = not known.
    pub state: Option<BreakerState>,
}

/// The strip of a breaker along an axis.
pub(crate) fn strip(breaker: &BreakerView, axis: TimeAxis) -> Vec<Piece> {
    pieces(breaker, axis.from_ns, axis.to_ns)
}

/// The axis that strips of these breakers share.
pub(crate) fn axis_of<'a>(breakers: impl IntoIterator<Item = &'a BreakerView>, as_of_ns: i64) -> TimeAxis {
    TimeAxis::of(breakers.into_iter().filter_map(known_from_ns).min(), as_of_ns, WHOLE_NS)
}

/// From when on a state of a breaker is known, ns since the Unix epoch; `None` = none is.
pub(crate) fn known_from_ns(breaker: &BreakerView) -> Option<i64> {
    let now_known = breaker.state.map(|_| breaker.since_ns.unwrap_or(breaker.confirmed_ns));
    breaker.transitions.iter().map(|(at_ns, _)| *at_ns).chain(now_known).min()
}

/// What a strip shows at an instant: `open, since 14:03:05, 58 s ago`, `unknown`.
pub(crate) fn words_at(pieces: &[Piece], at_ns: i64, axis: TimeAxis) -> String {
    let found = pieces.iter().find(|piece| (piece.from_ns..piece.to_ns).contains(&at_ns)).or_else(|| pieces.last());
    match found {
        Some(Piece { state: Some(state), from_ns, .. }) if *from_ns > axis.from_ns => {
            format!("{} since {}", breaker_word(Some(*state)), instant_words(*from_ns, axis))
        }
        Some(Piece { state, .. }) => breaker_word(*state).to_owned(),
        None => breaker_word(None).to_owned(),
    }
}

/// The pieces that cover a time span without a hole, oldest first.
///
/// Before the first change that was seen nothing is known, unless the state now is older than it. After the last confirmation of
/// a state that went stale nothing is known either.
fn pieces(breaker: &BreakerView, from_ns: i64, to_ns: i64) -> Vec<Piece> {
    let known_until_ns = if breaker.stale || breaker.state.is_none() { breaker.confirmed_ns.min(to_ns) } else { to_ns };
    let mut changes: Vec<(i64, BreakerState)> = breaker.transitions.clone();
    changes.sort_by_key(|(at_ns, _)| *at_ns);
    match (breaker.state, breaker.since_ns) {
        (Some(state), Some(since_ns)) if changes.last().is_none_or(|(_, last)| *last != state) => changes.push((since_ns, state)),
        // Since when is not told: it is known from its confirmation on.
        (Some(state), None) if changes.last().is_none_or(|(_, last)| *last != state) => changes.push((breaker.confirmed_ns, state)),
        _ => {}
    }
    changes.sort_by_key(|(at_ns, _)| *at_ns);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut push = |start_ns: i64, end_ns: i64, state: Option<BreakerState>| {
        let (start_ns, end_ns) = (start_ns.max(from_ns), end_ns.min(to_ns));
        if start_ns >= end_ns {
            return;
        }
        match pieces.last_mut() {
            Some(last) if last.state == state => last.to_ns = end_ns,
            _ => pieces.push(Piece { from_ns: start_ns, to_ns: end_ns, state }),
        }
    };
    push(from_ns, changes.first().map_or(to_ns, |(at_ns, _)| *at_ns), None);
    for (index, (at_ns, state)) in changes.iter().enumerate() {
        let end_ns = changes.get(index + 1).map_or(to_ns, |(next_ns, _)| *next_ns);
        // What was confirmed last is known until then; an earlier change is proof of itself.
        let known_ns = end_ns.min(known_until_ns.max(*at_ns));
        push(*at_ns, known_ns, Some(*state));
        push(known_ns, end_ns, None);
    }
    pieces
}

/// How long it was in a state within a time span, ns, of what is known.
pub(crate) fn time_in(pieces: &[Piece], state: BreakerState) -> i64 {
    pieces.iter().filter(|piece| piece.state == Some(state)).map(|piece| piece.to_ns - piece.from_ns).sum()
}

/// How high a state stands in a strip, of 1, and its colour: what is urgent has the colour of that.
pub(crate) fn bar_of(state: BreakerState) -> (f32, Ink) {
    let share = match state {
        BreakerState::Closed | BreakerState::Disabled | BreakerState::MetricsOnly => 0.34,
        BreakerState::HalfOpen => 0.67,
        BreakerState::Open | BreakerState::ForcedOpen => 1.0,
    };
    let ink = match breaker_severity(Some(state)) {
        Severity::Quiet => Ink::Edge,
        Severity::Notice => Ink::Faint,
        severity => tone_inks(severity.into()).0,
    };
    (share, ink)
}

/// Paints a strip: open full and high, half-open half as high, closed low, unknown a gap. Told apart by height, not by colour.
pub(crate) fn strip_ui(painter: &egui::Painter, room: Rect, pieces: &[Piece], tokens: &DesignTokens) {
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return };
    if room.width() < 8.0 {
        return;
    }
    let axis = TimeAxis { from_ns: first.from_ns, to_ns: last.to_ns };
    let x = |at_ns: i64| axis.x(room.x_range(), at_ns);
    painter.hline(room.x_range(), room.bottom() - 0.5, Stroke::new(1.0, tokens.ink(Ink::Hairline)));
    for piece in pieces {
        let Some(state) = piece.state else { continue };
        let (share, ink) = bar_of(state);
        let left = x(piece.from_ns);
        let right = x(piece.to_ns).max(left + 2.0).min(room.right());
        let bar = Rect::from_min_max(pos2(left.min(right - 1.0), room.bottom() - room.height() * share), pos2(right, room.bottom()));
        painter.rect_filled(bar, 1.0, tokens.ink(ink));
        if state == BreakerState::ForcedOpen {
            // By hand: ruled across.
            let mut mesh = StrokeMesh::new(painter.pixels_per_point());
            mesh.line(&[bar.left_center(), bar.right_center()], 1.5, tokens.ink(Ink::Background));
            painter.add(egui::Shape::mesh(mesh.into_mesh()));
        }
    }
}

/// Where the pointer rests on a strip: a hair line there, and beside the pointer what was then.
pub(crate) fn pointed_ui(ui: &egui::Ui, response: &egui::Response, room: Rect, pieces: &[Piece], tokens: &DesignTokens) {
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return };
    let Some(at) = response.hover_pos().filter(|at| room.expand2(egui::vec2(0.0, 4.0)).contains(*at)) else { return };
    let axis = TimeAxis { from_ns: first.from_ns, to_ns: last.to_ns };
    let at_ns = axis.at_ns(room.x_range(), at.x);
    hair_ui(ui.painter(), at.x, room.y_range().expand(3.0), tokens);
    told_ui(ui.ctx(), ui.layer_id(), response.id.with("strip"), &format!("{}\n{}", instant_words(at_ns, axis), words_at(pieces, at_ns, axis)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ink::{Tone, signs::state_tone};
    use switchboard_engine::view::StateSource;

    fn breaker(state: Option<BreakerState>, since_ns: Option<i64>, transitions: Vec<(i64, BreakerState)>) -> BreakerView {
        BreakerView {
            caller: None,
            caller_node: None,
            instance: None,
            name: "payment-client".to_owned(),
            callee: None,
            callee_node: None,
            state,
            since_ns,
            since_at_least: false,
            source: StateSource::Event,
            confirmed_ns: 95,
            stale: false,
            disagreement: None,
            not_permitted: None,
            transitions,
        }
    }

    fn shown(breaker: &BreakerView) -> Vec<(i64, i64, Option<BreakerState>)> {
        pieces(breaker, 0, 100).into_iter().map(|piece| (piece.from_ns, piece.to_ns, piece.state)).collect()
    }

    #[test]
    fn states_follow_one_another_and_the_time_before_is_unknown() {
        use BreakerState::{Closed, HalfOpen, Open};
        let opened = breaker(Some(Open), Some(60), vec![(20, Closed), (40, Open), (50, HalfOpen), (60, Open)]);
        assert_eq!(shown(&opened), [(0, 20, None), (20, 40, Some(Closed)), (40, 50, Some(Open)), (50, 60, Some(HalfOpen)), (60, 100, Some(Open))]);
        assert_eq!(time_in(&pieces(&opened, 0, 100), Open), 50);
        assert_eq!(shown(&breaker(Some(Closed), Some(-500), Vec::new())), [(0, 100, Some(Closed))]);
    }

    #[test]
    fn what_went_stale_is_unknown_from_its_last_confirmation_on() {
        let stale = BreakerView { stale: true, confirmed_ns: 70, ..breaker(Some(BreakerState::Open), Some(40), vec![(40, BreakerState::Open)]) };
        assert_eq!(shown(&stale), [(0, 40, None), (40, 70, Some(BreakerState::Open)), (70, 100, None)]);
        let never_told = BreakerView { confirmed_ns: 70, ..breaker(None, None, Vec::new()) };
        assert_eq!(shown(&never_told), [(0, 100, None)]);
    }

    #[test]
    fn a_state_without_a_beginning_is_known_from_its_confirmation_on() {
        assert_eq!(shown(&breaker(Some(BreakerState::Closed), None, Vec::new())), [(0, 95, None), (95, 100, Some(BreakerState::Closed))]);
    }

    #[test]
    fn changes_in_any_order_and_outside_the_time_do_no_harm() {
        let odd =
            breaker(Some(BreakerState::Open), Some(i64::MAX), vec![(i64::MAX, BreakerState::Open), (i64::MIN, BreakerState::Closed), (30, BreakerState::Open)]);
        let pieces = pieces(&odd, 0, 100);
        assert_eq!((pieces.first().map(|piece| piece.from_ns), pieces.last().map(|piece| piece.to_ns)), (Some(0), Some(100)));
        assert!(pieces.windows(2).all(|pair| pair[0].to_ns == pair[1].from_ns && pair[0].state != pair[1].state), "{pieces:?}");
    }

    #[test]
    fn a_strip_has_the_colour_of_what_is_urgent_and_none_of_it_for_the_rest() {
        use BreakerState::{Closed, Disabled, ForcedOpen, HalfOpen, MetricsOnly, Open};
        for state in [Closed, Open, HalfOpen, ForcedOpen, Disabled, MetricsOnly] {
            let (tone, (_, ink)) = (state_tone(Some(state)), bar_of(state));
            assert_eq!(ink == tone_inks(tone).0, tone > Tone::Quiet, "{state:?}: {ink:?}");
            assert_eq!(matches!(ink, Ink::Warn | Ink::Bad), tone >= Tone::Warn, "{state:?}: {ink:?}");
        }
    }

    #[test]
    fn strips_begin_where_the_first_state_is_known_and_say_what_was_when() {
        use BreakerState::{Closed, Open};
        const S: i64 = 1_000_000_000;
        let now_ns = 1_700_000_000 * S;
        let known = |back_s: i64| breaker(Some(Open), Some(now_ns - 30 * S), vec![(now_ns - back_s * S, Closed), (now_ns - 30 * S, Open)]);
        assert_eq!(axis_of([&known(70), &known(110)], now_ns).words(), "last 2 min");
        assert_eq!(axis_of([&known(70), &breaker(None, None, Vec::new())], now_ns).words(), "last 2 min", "one that nothing is known of has no part in it");
        assert_eq!(axis_of([], now_ns).words(), "last 1 min");
        let axis = axis_of([&known(70)], now_ns);
        let pieces = strip(&known(70), axis);
        for (back_s, words) in
            [(119, "unknown"), (60, "closed since 22:12:10, 1 min ago"), (10, "open since 22:12:50, 30 s ago"), (0, "open since 22:12:50, 30 s ago")]
        {
            assert_eq!(words_at(&pieces, now_ns - back_s * S, axis), words, "{back_s} s ago");
        }
        assert_eq!(words_at(&[], now_ns, axis), "unknown");
    }
}
