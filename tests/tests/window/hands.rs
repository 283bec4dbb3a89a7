//! What a hand does with pointer and wheel: click, drag, zoom, resize, minimise, close.

use switchboard_tests::program;

use crate::eyes::Thing;
use crate::window::{LOOKS, Window, is_driven};
use switchboard_tests::display::{DEADLINE, until};

/// The demo with nothing broken, and what it writes at its end.
fn demo() -> (Window, std::path::PathBuf) {
    demo_of(&["--no-script", "--rate", "5"])
}

/// The demo, and what it writes at its end.
pub fn demo_of(args: &[&str]) -> (Window, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let report_arg = report.display().to_string();
    (Window::start(folder, 0, &[&["demo", "--report", &report_arg], args].concat()), report)
}

fn left(thing: &Thing) -> i32 {
    thing.place.map_or(0, |[left, ..]| left)
}

#[test]
fn a_box_is_dragged_the_wheel_zooms_and_a_panel_is_resized() {
    if !is_driven() {
        return;
    }
    let (window, _report) = demo();
    let display = &window.display;
    let fraud = || window.thing("toggle button", "service fraud");
    // What the map is made of comes bit by bit: it stands once nothing has moved for a while.
    let _groups = window.thing("toggle button", "channel inventory.reserved");
    let (mut before, mut num_alike) = (fraud(), 0);
    until("the map stands still", || {
        let now = fraud();
        num_alike = if now.place == before.place { num_alike + 1 } else { 0 };
        before = now;
        (num_alike >= 10).then_some(())
    });

    let (x, y) = before.middle();
    let to = (x - 60, y + 90);
    let is_there = |thing: &Thing| (thing.middle().0 - to.0).abs() <= 4 && (thing.middle().1 - to.1).abs() <= 4;
    let dragged = until("the box is where it was dropped", || {
        display.drag(fraud().middle(), to);
        let _late = program::wait_until("a drop", LOOKS, || is_there(&fraud()));
        Some(fraud()).filter(is_there)
    });

    // Zooming happens around the pointer: it stays over the box.
    let width = |thing: &Thing| thing.place.map_or(0, |[_, _, width, _]| width);
    for (button, is_so) in [(4, (|now, before| now > before) as fn(i32, i32) -> bool), (5, |now, before| now <= before)] {
        let from = width(&fraud());
        until("the wheel zooms", || {
            display.click(dragged.middle(), button);
            let now = fraud();
            (is_so(width(&now), from) && (now.middle().0 - dragged.middle().0).abs() < 40).then_some(())
        });
    }

    let heading = || left(&window.thing("heading", "Problems"));
    let (before, after) = until("the panel is wider", || {
        let (x, y) = window.thing("separator", "Resize panel").middle();
        let before = heading();
        display.drag((x, y), (x - 120, y));
        program::wait_until("a wider panel", LOOKS, || heading() < before - 80).ok().map(|()| (before, heading()))
    });
    assert!(before - after <= 130, "as far as it was dragged: {before} {after}");
}

#[test]
fn a_text_is_selected_a_right_click_offers_what_can_be_done_and_panes_are_made_wider() {
    if !is_driven() {
        return;
    }
    let window = Window::watch();
    let (display, eyes) = (&window.display, &window.eyes);
    window.send_one();
    window.click("page tab", "view Traces");
    let row = window.thing("list item", "注文 POST /checkout");

    // All of a line of text, from before its first letter to behind its last.
    let line = window.thing("label", "1 trace match");
    let [x, y, width, height] = line.place.expect("a place");
    let text = window.copied(
        || {
            display.drag((x + 1, y + height / 2), (x + width - 1, y + height / 2));
            display.press(&["ctrl+c"]);
        },
        |text| text == line.name,
    );
    assert!(text.contains("1 span looked at"), "{text}");

    // The menu of a row, and one of its commands.
    display.click(row.middle(), 3);
    for item in ["Open", "Copy as text", "Copy as JSON"] {
        window.thing("menu item", item);
    }
    window.click("menu item", "Copy as Markdown");
    window.copied(|| (), |text| text.starts_with("**注文 POST /checkout**"));
    until("the menu is gone", || (!eyes.look().iter().any(|thing| thing.role == "menu item")).then_some(()));

    // Two panes; what lies between them is dragged.
    display.press(&["ctrl+2"]);
    let pane = || window.thing("page tab", "pane Traces");
    let (before, after) = until("the right pane is wider", || {
        let (x, y) = (left(&pane()) - 1, line.middle().1 / 2);
        display.drag((x, y), (x - 150, y));
        program::wait_until("a wider pane", LOOKS, || left(&pane()) < x - 100).ok().map(|()| (x, left(&pane())))
    });
    assert!(before - after < 200, "as far as it was dragged: {before} {after}");
}

#[test]
fn each_view_is_opened_by_its_tab_and_what_is_minimised_comes_back_and_ends_with_its_report() {
    if !is_driven() {
        return;
    }
    let (mut window, report) = demo();
    let _manager = window.display.manage();
    let tabs: Vec<String> = until("tabs", || {
        let tabs: Vec<_> =
            window.eyes.look().into_iter().filter(|thing| thing.role == "page tab" && thing.name.starts_with("view ")).map(|thing| thing.name).collect();
        (!tabs.is_empty()).then_some(tabs)
    });
    for tab in &tabs {
        window.click("page tab", tab);
        window.eyes.wait_for(&format!("{tab} is shown"), |thing| thing.role == "page tab" && thing.name.starts_with(tab.as_str()) && thing.is("checked"));
    }
    window.click("page tab", "view Sources");

    window.manage("windowminimize");
    until("it is minimised", || {
        let visible = window.display.xdotool(&["search", "--onlyvisible", "--name", "Switchboard"]);
        visible.is_empty().then_some(())
    });
    let received = |window: &Window| window.thing("list item", "source OTLP").name;
    window.manage("windowmap");
    window.manage("windowactivate");
    until("it is back", || {
        let visible = window.display.xdotool(&["search", "--onlyvisible", "--name", "Switchboard"]);
        (!visible.is_empty()).then_some(())
    });
    // It goes on: figures move, and it is where it was.
    let before = received(&window);
    until("figures move again", || (received(&window) != before).then_some(()));

    // The window manager's own key for closing.
    window.manage("windowfocus");
    window.display.press(&["alt+F4"]);
    assert_eq!(window.program.wait(DEADLINE).expect("ends"), 0, "{}", window.log());
    let report = program::read_json(&report).expect("a report");
    assert_eq!(switchboard_tests::agreement::unaccounted(&report), Vec::<String>::new());
    assert!(report["services"].as_array().is_some_and(|rows| !rows.is_empty()), "{}", window.log());
}
