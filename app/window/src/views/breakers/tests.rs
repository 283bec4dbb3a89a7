//! The breakers view through labels and keys, and as pictures.

use egui::{Key, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use switchboard_engine::view::{BreakerView, Snapshot, StateSource};
use switchboard_model::BreakerState;

use crate::{
    ThemeChoice, WindowApp,
    testing::{self, FixedSource, NOW_NS},
    tests::harness::{Step, copied, goto, harness, picture, press, settle},
    view::{Target, UiCommand, ViewKind},
};

type Harness = egui_kittest::Harness<'static, WindowApp>;

const SECOND_NS: i64 = 1_000_000_000;

/// The order business with breakers in every state, one stale, one that sources disagree on, one that nothing is known of.
fn business() -> Snapshot {
    use BreakerState::{Closed, Disabled, ForcedOpen, HalfOpen, Open};
    let mut business = testing::order_business();
    let mut breakers = business.breakers.to_vec();
    let ago = |seconds: i64| NOW_NS - seconds * SECOND_NS;
    breakers[0].transitions =
        vec![(ago(700), Closed), (ago(300), Open), (ago(240), HalfOpen), (ago(238), Closed), (ago(70), Open), (ago(60), HalfOpen), (ago(58), Open)];
    breakers[0].disagreement = Some("the actuator's report of 12 s ago says closed".to_owned());
    let like = |instance: &str, name: &str, state: Option<BreakerState>, for_s: i64| BreakerView {
        instance: Some(instance.to_owned()),
        name: name.to_owned(),
        state,
        since_ns: state.map(|_| ago(for_s)),
        disagreement: None,
        not_permitted: None,
        transitions: state.map(|state| (ago(for_s), state)).into_iter().collect(),
        ..breakers[1].clone()
    };
    let stale = BreakerView { stale: true, confirmed_ns: ago(400), ..like("orders-3", "payment-client", Some(Closed), 800) };
    let half_open = BreakerView {
        caller: Some("storefront".to_owned()),
        source: StateSource::Report,
        callee: None,
        callee_node: None,
        ..like("storefront-1", "search", Some(HalfOpen), 4)
    };
    let forced = BreakerView { caller: Some("shipping".to_owned()), ..like("shipping-1", "ups", Some(ForcedOpen), 600) };
    let unknown = BreakerView { caller: None, instance: None, callee: None, ..like("", "legacy", None, 0) };
    let disabled = BreakerView { source: StateSource::Exception, ..like("orders-1", "pricing", Some(Disabled), 900) };
    breakers.extend([stale, half_open, forced, BreakerView { instance: None, ..unknown }, disabled]);
    business.breakers = breakers.into();
    business
}

fn rows(harness: &Harness) -> Vec<String> {
    harness.get_all_by_role(Role::ListItem).filter_map(|row| row.accesskit_node().label()).collect()
}

fn breakers() -> Harness {
    harness(&FixedSource::new(business()), UiCommand::Show(ViewKind::Breakers))
}

#[test]
fn the_open_ones_stand_first_and_the_instances_of_one_together() {
    let harness = breakers();
    harness.get_by_label("7 breakers");
    harness.get_by_label("1 open · 1 forced open · 1 half-open · 1 closed · 1 disabled · 2 of unknown state · 1 on which sources disagree");
    let rows = rows(&harness);
    assert_eq!(
        rows[0],
        "breaker payment-client of orders in orders-1, guards payments, open, since 58 s, by event, 1 s old, sources disagree: the actuator's report of 12 s ago says closed"
    );
    assert_eq!(rows[1], "breaker payment-client of orders in orders-2, guards payments, closed, since 6 min, by event, 1 s old");
    assert_eq!(rows[2], "breaker payment-client of orders in orders-3, guards payments, was closed, since 13 min, by event, 6 min old, stale");
    assert_eq!(rows[3], "breaker ups of shipping in shipping-1, guards payments, forced open, since 10 min, by event, 1 s old");
    assert_eq!(rows[4], "breaker search of storefront in storefront-1, guards unknown, half-open, since 4 s, by report, 1 s old");
    assert_eq!(rows[5], "breaker legacy of unknown in unknown, guards unknown, unknown, since unknown, by event, 1 s old");
}

#[test]
fn a_breaker_tells_how_it_went_and_what_is_doubtful() {
    let mut harness = breakers();
    press(&mut harness, &[Key::ArrowDown]);
    harness.get_by_role_and_label(Role::Heading, "payment-client");
    harness.get_by_label("Open for 58 s: calls to payments are refused");
    harness.get_by_label("Sources disagree: the actuator's report of 12 s ago says closed");
    harness.get_by_label("orders-1: open 2 min, half-open 4 s, closed 9 min, unknown 3 min of the last 15 min");
    harness.get_by_label("orders-3: closed 6 min, unknown 8 min of the last 15 min");
    harness.get_by_label("orders-2, closed · 6 min").click();
    settle(&mut harness);
    harness.get_by_label("Closed for 6 min: calls to payments pass");
    press(&mut harness, &[Key::ArrowDown]);
    harness.get_by_label("Was closed: nothing confirmed it lately");
    harness.get_by_label("Nothing confirmed it for 6 min: it is too old to be relied on");
    harness.get_by_label("the call orders → payments");
    press(&mut harness, &[Key::Escape]);
    assert!(harness.query_by_role_and_label(Role::Heading, "payment-client").is_none());
}

#[test]
fn a_state_that_may_be_older_than_what_was_read_is_told_as_at_least_so_old() {
    let mut business = business();
    let first = &mut std::sync::Arc::make_mut(&mut business.breakers)[0];
    first.since_at_least = true;
    let since = crate::figures::instant(first.since_ns.expect("known"));
    let mut harness = harness(&FixedSource::new(business), UiCommand::Show(ViewKind::Breakers));
    let row = rows(&harness).swap_remove(0);
    assert!(row.contains(" in orders-1, guards payments, open, since ≥ 58 s, by event, "), "{row}");
    press(&mut harness, &[Key::ArrowDown]);
    harness.get_by_label("Open for at least 58 s: calls to payments are refused");
    harness.get_by_label(&format!("at least since {since}"));
    press(&mut harness, &[Key::ArrowDown]);
    harness.get_by_label("orders-1, open · ≥ 58 s");
}

#[test]
fn a_jump_without_an_instance_finds_the_most_urgent_one() {
    let mut harness = breakers();
    goto(&mut harness, &Target::Breaker { caller: Some("orders".to_owned()), instance: None, name: "payment-client".to_owned() });
    harness.get_by_label("Open for 58 s: calls to payments are refused");
    let ctx = harness.ctx.clone();
    harness.state_mut().window.run(&ctx, UiCommand::CopyJson);
    harness.step();
    let json: serde_json::Value = serde_json::from_str(&copied(&harness).expect("copied")).expect("JSON");
    assert_eq!((json["instance"].as_str(), json["state"].as_str()), (Some("orders-1"), Some("open")));
}

#[test]
fn without_breakers_it_says_where_they_come_from() {
    let mut harness = harness(&FixedSource::new(Snapshot::default()), UiCommand::Show(ViewKind::Breakers));
    harness.get_by_label("No circuit breakers yet");
    press(&mut harness, &[Key::ArrowDown, Key::Enter, Key::Escape]);
}

#[test]
fn strips_share_a_heading_that_is_as_long_as_what_is_known_and_say_what_was_when() {
    let mut business = business();
    // All of it is of the last two minutes.
    let breakers = std::sync::Arc::make_mut(&mut business.breakers);
    breakers.truncate(2);
    for breaker in breakers.iter_mut() {
        let ago = |seconds: i64| NOW_NS - seconds * SECOND_NS;
        breaker.since_ns = Some(ago(58));
        breaker.transitions = vec![(ago(100), BreakerState::Closed), (ago(58), breaker.state.expect("known"))];
    }
    let mut harness = harness(&FixedSource::new(business), UiCommand::Show(ViewKind::Breakers));
    let painted = |harness: &Harness| testing::painted_lines(harness.output());
    assert!(painted(&harness).iter().any(|text| text == "last 2 min"), "{:?}", painted(&harness));
    press(&mut harness, &[Key::ArrowDown]);
    let strip = harness.get_by_label("orders-1: open 58 s, closed 42 s, unknown 20 s of the last 2 min").rect();
    harness.event(egui::Event::PointerMoved(egui::pos2(strip.right() - 3.0, strip.bottom() - 8.0)));
    settle(&mut harness);
    let told = painted(&harness);
    assert!(told.iter().any(|text| text.starts_with("open since ") && text.ends_with("58 s ago")), "{told:?}");
    harness.event(egui::Event::PointerMoved(egui::pos2(strip.left() + 2.0, strip.bottom() - 8.0)));
    settle(&mut harness);
    let told = painted(&harness);
    assert!(!told.iter().any(|text| text.starts_with("open since ")) && told.iter().any(|text| text == "unknown"), "{told:?}");
}

#[test]
fn pictures_of_breakers_stay_as_they_are() {
    let source = FixedSource::new(business());
    let steps = [Step::Goto(Target::Breaker { caller: Some("orders".to_owned()), instance: None, name: "payment-client".to_owned() })];
    picture("breakers-dark", ThemeChoice::Dark, (1280, 800), &source, &steps);
}
