//! What has the keyboard's focus is seen, whatever it is, and is told apart from what is under the pointer.

use egui::{Color32, Event, Key, Modifiers, Rect, Shape, Stroke, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{By, NodeT as _, Queryable as _},
};

use crate::{
    ThemeChoice, WindowApp,
    testing::{self, FixedSource},
    tests::harness::{harness, press, run, settle},
    theme::Themes,
    view::{UiCommand, ViewKind},
};

/// The rings that a frame paints.
fn rings(harness: &Harness<'_, WindowApp>, ring: Stroke) -> Vec<Rect> {
    let shapes = harness.output().shapes.iter().map(|clipped| &clipped.shape);
    let drawn = |shape: &Shape| match shape {
        Shape::Rect(rect) if rect.stroke == ring && rect.fill == Color32::TRANSPARENT => Some(rect.rect),
        _ => None,
    };
    shapes.filter_map(drawn).collect()
}

#[test]
fn all_that_is_reached_by_tab_has_a_ring_until_the_pointer_is_used() {
    for (theme, command) in [(ThemeChoice::Dark, UiCommand::ThemeDark), (ThemeChoice::Light, UiCommand::ThemeLight)] {
        let egui_theme = if theme == ThemeChoice::Dark { egui::Theme::Dark } else { egui::Theme::Light };
        let ring = Themes::load().tokens(egui_theme).focus_stroke();
        for view in ViewKind::ALL {
            let mut harness = harness(&FixedSource::new(testing::order_business()), UiCommand::Show(view));
            run(&mut harness, command);
            assert_eq!(rings(&harness, ring), [], "{view:?}: nothing has the focus");
            let (mut num_ringed, mut roles) = (0, Vec::new());
            for _ in 0..40 {
                harness.key_press(Key::Tab);
                harness.step();
                harness.step();
                let Some(node) = harness.query_all(By::new()).find(|node| node.accesskit_node().is_focused()) else { continue };
                let (role, label, rect) = (node.accesskit_node().role(), node.accesskit_node().label(), node.rect());
                if matches!(role, Role::TextInput | Role::SearchInput | Role::MultilineTextInput) {
                    continue;
                }
                let around = |drawn: &Rect| drawn.expand(1.0).contains_rect(rect.intersect(harness.ctx.content_rect()));
                assert_eq!(rings(&harness, ring).iter().filter(|drawn| around(drawn)).count(), 1, "{theme:?} {view:?}: {role:?} {label:?} at {rect:?}");
                num_ringed += 1;
                roles.push(role);
            }
            assert!(num_ringed > 10 && roles.contains(&Role::Tab) && roles.contains(&Role::Button), "{view:?}: {roles:?}");
            harness.event(Event::PointerButton { pos: egui::pos2(4.0, 4.0), button: egui::PointerButton::Primary, pressed: true, modifiers: Modifiers::NONE });
            settle(&mut harness);
            assert_eq!(rings(&harness, ring), [], "{view:?}: the pointer is used");
        }
    }
}

#[test]
fn a_key_leads_into_the_details_and_enter_follows_the_link_that_has_the_focus() {
    let mut harness = harness(&FixedSource::new(testing::order_business()), UiCommand::Show(ViewKind::Map));
    let focused = |harness: &Harness<'_, WindowApp>| {
        let node = harness.query_all(By::new()).find(|node| node.accesskit_node().is_focused());
        node.map(|node| (node.accesskit_node().role(), node.accesskit_node().label().unwrap_or_default()))
    };
    press(&mut harness, &[Key::D]);
    let (role, problem) = focused(&harness).expect("the first link has it");
    assert!(role == Role::Button && problem.starts_with("orders → payments"), "{role:?} {problem}");
    press(&mut harness, &[Key::Tab]);
    assert_ne!(focused(&harness).map(|(_, label)| label).as_deref(), Some(problem.as_str()), "Tab walks on");
    press(&mut harness, &[Key::D, Key::Enter]);
    harness.get_by_role_and_label(Role::Heading, "orders → payments");
    run(&mut harness, UiCommand::Show(ViewKind::Log));
    press(&mut harness, &[Key::D]);
    assert_eq!(focused(&harness), None);
    harness.get_by_label_contains("Nothing that is told here leads anywhere");
}

#[test]
fn a_box_of_the_map_that_keys_walk_to_has_a_ring_and_one_that_is_clicked_has_none() {
    let ring = Themes::load().tokens(egui::Theme::Dark).focus_stroke();
    let mut harness = harness(&FixedSource::new(testing::order_business()), UiCommand::ThemeDark);
    // To who calls from outside, along the call, to the service.
    press(&mut harness, &[Key::ArrowRight, Key::ArrowRight, Key::ArrowRight]);
    let focused = harness.query_all(By::new()).find(|node| node.accesskit_node().is_focused()).and_then(|node| node.accesskit_node().label());
    assert_eq!(rings(&harness, ring).len(), 1, "{focused:?} has the focus, {:?} is selected", harness.state().window.target());
    harness.get_by_label_contains("service orders,").click();
    settle(&mut harness);
    assert_eq!(rings(&harness, ring), []);
}
