//! With the pointer: a right click offers an object's commands in every view, text is selected and copied, and the pointer shows what it is on.

use egui::{CursorIcon, Event, Key, Modifiers, PointerButton, Pos2, Rect, accesskit::Role, pos2, vec2};
use egui_kittest::{
    Harness,
    kittest::{By, NodeT as _, Queryable as _},
};

use super::{
    harness::{Step, copied, press, settle},
    tables::{self, go, window, within},
};
use crate::{
    WindowApp,
    shell::object_menu::of_object,
    view::{UiCommand, ViewKind},
};

type Window = Harness<'static, WindowApp>;

/// Moves there and clicks.
pub(crate) fn click(harness: &mut Window, at: Pos2, button: PointerButton) {
    harness.hover_at(at);
    harness.run_steps(2);
    for pressed in [true, false] {
        harness.event(Event::PointerButton { pos: at, button, pressed, modifiers: Modifiers::NONE });
        harness.run_steps(2);
    }
    settle(harness);
}

fn cursor(harness: &mut Window, at: Pos2) -> CursorIcon {
    harness.hover_at(at);
    harness.run_steps(3);
    harness.output().platform_output.cursor_icon
}

fn menu(harness: &Window) -> Vec<String> {
    harness.query_all(By::new().role(Role::MenuItem)).filter_map(|item| item.accesskit_node().label()).collect()
}

/// Where an object of a view stands: a box of the map, a row of the others.
fn an_object(harness: &mut Window, view: ViewKind) -> Pos2 {
    if view == ViewKind::Map {
        return harness.get_by_label_contains("service orders, ").rect().center();
    }
    if view == ViewKind::Send {
        return harness.get_by_label_contains("sent POST /checkout at 10:59:20").rect().center();
    }
    let place = tables::all().into_iter().find(|place| matches!(place.steps[..], [Step::Run(UiCommand::Show(of))] if of == view));
    let place = place.unwrap_or_else(|| panic!("{view:?} has a table"));
    within(harness, place.name, Role::ListItem)[0].1.center()
}

#[test]
fn a_right_click_on_an_object_of_every_view_selects_it_and_offers_its_commands() {
    for view in ViewKind::ALL {
        let mut harness = window();
        go(&mut harness, &[Step::Run(UiCommand::Show(view))]);
        let at = an_object(&mut harness, view);
        click(&mut harness, at, PointerButton::Secondary);
        let offered = menu(&harness);
        let (copy, commands): (Vec<String>, Vec<String>) = offered.into_iter().partition(|text| text.starts_with("Copy “"));
        assert_eq!(commands, of_object(view).map(|command| command.text().to_owned()).collect::<Vec<_>>(), "{view:?}");
        assert!(copy.len() <= 1, "{copy:?}");
        assert!(harness.state().window.unavailable(UiCommand::CopyText).is_none(), "{view:?}: something is selected");
        harness.get_by_role_and_label(Role::MenuItem, "Copy as text").click();
        harness.step();
        assert!(copied(&harness).is_some_and(|text| !text.is_empty()), "{view:?}: it is copied");
        settle(&mut harness);
        assert!(menu(&harness).is_empty(), "{view:?}: the menu is closed again");
    }
}

#[test]
fn the_menu_of_what_is_selected_opens_by_keyboard_and_a_command_in_it_has_the_focus() {
    for view in ViewKind::ALL {
        let mut harness = window();
        go(&mut harness, &[Step::Run(UiCommand::Show(view))]);
        press(&mut harness, &[if view == ViewKind::Map { Key::ArrowRight } else { Key::ArrowDown }]);
        harness.key_press_modifiers(Modifiers::SHIFT, Key::F10);
        settle(&mut harness);
        assert_eq!(menu(&harness), of_object(view).map(|command| command.text().to_owned()).collect::<Vec<_>>(), "{view:?}");
        let focused = harness.query_all(By::new().role(Role::MenuItem)).filter(egui_kittest::Node::is_focused).count();
        assert_eq!(focused, 1, "{view:?}");
        press(&mut harness, &[Key::Escape]);
        assert!(menu(&harness).is_empty(), "{view:?}");
    }
}

#[test]
fn where_a_click_leads_elsewhere_a_right_click_offers_the_way_and_the_copy() {
    let mut harness = window();
    go(&mut harness, &[Step::Run(UiCommand::Show(ViewKind::Groups))]);
    press(&mut harness, &[Key::ArrowDown]);
    let before = harness.state().window.target();
    let link = harness.get_by_role_and_label(Role::Button, "records of orders.placed").rect();
    assert_eq!(cursor(&mut harness, link.center()), CursorIcon::PointingHand);
    click(&mut harness, link.center(), PointerButton::Secondary);
    assert_eq!(menu(&harness)[..2], ["Go there".to_owned(), "Copy “records of orders.placed”".to_owned()], "{:?}", menu(&harness));
    assert_eq!(harness.state().window.target(), before, "a right click leads nowhere by itself");
    harness.get_by_label("Go there").click();
    settle(&mut harness);
    assert_ne!(harness.state().window.target(), before);
}

/// From where to where there is text in a row that can be selected, as the pointer tells.
fn texts_in(harness: &mut Window, row: Rect) -> Vec<(f32, f32)> {
    let mut texts: Vec<(f32, f32)> = Vec::new();
    let mut was_text = false;
    for x in (row.left() as i32..row.right() as i32).step_by(2).map(|x| x as f32) {
        let is_text = cursor(harness, pos2(x, row.center().y)) == CursorIcon::Text;
        match texts.last_mut() {
            Some(text) if is_text && was_text => text.1 = x,
            _ if is_text => texts.push((x, x)),
            _ => {}
        }
        was_text = is_text;
    }
    texts
}

#[test]
fn a_value_is_selected_with_the_mouse_and_copied_instead_of_the_object() {
    let mut harness = window();
    go(&mut harness, &[Step::Run(UiCommand::Show(ViewKind::Groups))]);
    press(&mut harness, &[Key::ArrowDown]);
    let before = harness.state().window.target();
    let row = harness.get_by_label("messages behind 1,204").rect();
    // Left the name, then what it is.
    let texts = texts_in(&mut harness, row);
    let &[_, (left, right)] = texts.as_slice() else { panic!("a name and a value, not {texts:?}") };
    let (from, to) = (pos2(right, row.center().y), pos2(left, row.center().y));
    let copy = |harness: &mut Window| {
        harness.event(Event::Copy);
        harness.step();
        copied(harness)
    };
    assert!(copy(&mut harness).is_some_and(|text| text.starts_with("inventory")), "without a selection it is the object");
    harness.drag_at(from);
    harness.run_steps(2);
    let link = harness.get_by_role_and_label(Role::Button, "records of orders.placed").rect();
    for at in [from - vec2(8.0, 0.0), to] {
        harness.hover_at(at);
        harness.run_steps(2);
    }
    harness.drop_at(to);
    settle(&mut harness);
    let text = copy(&mut harness).expect("the selection is copied");
    assert!(text.len() >= 2 && "1,204".ends_with(&text), "{text}");
    harness.drag_at(from);
    harness.run_steps(2);
    harness.hover_at(link.center());
    harness.run_steps(2);
    harness.drop_at(link.center());
    settle(&mut harness);
    assert_eq!(harness.state().window.target(), before, "what ends on a link is no click on it");
    click(&mut harness, row.left_center() + vec2(3.0, 30.0), PointerButton::Primary);
    assert!(copy(&mut harness).is_some_and(|text| text.starts_with("inventory")), "a click ends the selection");
}

#[test]
fn the_pointer_shows_what_it_is_on() {
    let mut harness = window();
    go(&mut harness, &[Step::Run(UiCommand::Show(ViewKind::Map))]);
    let service = harness.get_by_label_contains("service orders, ").rect();
    assert_eq!(cursor(&mut harness, service.center()), CursorIcon::PointingHand);
    let map = harness.get_by_label("map").rect();
    let grid = (1..12).flat_map(|x| (1..8).map(move |y| map.min + map.size() * vec2(x as f32 / 12.0, y as f32 / 8.0)));
    let free = grid.into_iter().find(|at| cursor(&mut harness, *at) == CursorIcon::Grab).expect("the map can be taken hold of beside its boxes");
    harness.drag_at(free);
    harness.run_steps(2);
    assert_eq!(cursor(&mut harness, free + vec2(30.0, -10.0)), CursorIcon::Grabbing);
    harness.drop_at(free);
    settle(&mut harness);
    let tab = harness.get_by_label("view Groups").rect();
    assert_eq!(cursor(&mut harness, tab.center()), CursorIcon::PointingHand);
}

#[test]
fn a_hit_of_the_search_has_its_menu() {
    let mut harness = window();
    go(&mut harness, &[Step::Run(UiCommand::Find)]);
    harness.get_by_role_and_label(Role::SearchInput, "Find anything").type_text("orders");
    settle(&mut harness);
    let hit = harness.get_all_by_role(Role::ListBoxOption).next().expect("a hit").rect();
    click(&mut harness, hit.center(), PointerButton::Secondary);
    assert_eq!(menu(&harness).first().map(String::as_str), Some("Go there"), "{:?}", menu(&harness));
    harness.get_by_label("Go there").click();
    settle(&mut harness);
    assert!(harness.state().window.target().is_some(), "it leads where the hit does");
    assert!(harness.query_by_role_and_label(Role::SearchInput, "Find anything").is_none(), "and nothing lies over it");
}
