//! The ten tasks of README's tour on the demo, whose script breaks it: once by keyboard alone, once by pointer alone. Each step is counted: a key,
//! a text that is typed, a click, a turn of the wheel.

use std::cell::Cell;

use switchboard_tests::display::until;
use switchboard_tests::program;

use crate::eyes::Thing;
use crate::hands::demo_of;
use crate::window::{LOOKS, Window, is_driven};

/// Turns of the wheel until a row is in view.
const TURNS_MAX: usize = 200;
/// What lies lower is not in view.
const PANEL_END_PX: i32 = 850;

/// A window, and the steps that were taken in it.
struct Tour {
    window: Window,
    steps: Cell<usize>,
    all: Cell<usize>,
}

impl Tour {
    /// Begins once the demo's broken parts are to be seen.
    fn begin() -> Self {
        let (window, _report) = demo_of(&[]);
        let tour = Self { window, steps: Cell::new(0), all: Cell::new(0) };
        tour.sees("push button", "inventory on orders.placed, falls behind");
        tour
    }

    fn step(&self) {
        self.steps.set(self.steps.get() + 1);
    }

    fn press(&self, keys: &[&str]) {
        for key in keys {
            self.step();
            self.window.display.press(&[key]);
        }
    }

    fn write(&self, text: &str) {
        self.step();
        self.window.display.write(text);
    }

    #[track_caller]
    fn click(&self, role: &str, name: &str) {
        self.step();
        self.window.click(role, name);
    }

    fn is_seen(&self, role: &str, name: &str) -> bool {
        self.window.eyes.look().iter().any(|thing| thing.role == role && thing.name.starts_with(name))
    }

    fn is_trace_open(&self) -> bool {
        self.is_seen("image", "The whole trace")
    }

    /// Asks for a preview until there is one: the script has the broker down for five seconds of each minute.
    fn preview(&self, ask: impl Fn(), dismiss: impl Fn()) {
        until("a preview", || {
            if self.is_seen("push button", "Preview ") {
                ask();
            } else if self.is_seen("label", "nothing would be sent") {
                dismiss();
            }
            program::wait_until("a preview", LOOKS, || self.is_seen("push button", "Send the first 5")).ok()
        });
    }

    fn click_on(&self, thing: &Thing) {
        self.step();
        self.window.display.click(thing.middle(), 1);
    }

    #[track_caller]
    fn sees(&self, role: &str, name: &str) -> Thing {
        self.window.thing(role, name)
    }

    /// A command by its name.
    #[track_caller]
    fn command(&self, name: &str) {
        self.press(&["ctrl+p"]);
        self.sees("entry", "Find a command");
        self.write(name);
        self.sees("list item", name);
        self.press(&["Return"]);
    }

    /// Turns the wheel over a table until such a row is seen.
    #[track_caller]
    fn wheel_to(&self, table: &str, is_it: impl Fn(&Thing) -> bool) -> Thing {
        let over = self.sees("table", table).middle();
        for _ in 0..TURNS_MAX {
            if let Some(found) = self.window.eyes.look().into_iter().find(|thing| thing.role == "list item" && thing.place.is_some() && is_it(thing)) {
                return found;
            }
            self.step();
            self.window.display.click(over, 5);
        }
        panic!("{table}: no such row within {TURNS_MAX} turns of the wheel");
    }

    /// What is copied by what was done, once it is as it should be.
    #[track_caller]
    fn copied(&self, is_it: impl Fn(&str) -> bool) -> String {
        until("something is copied", || Some(self.window.display.clipboard()).filter(|text| is_it(text)))
    }

    /// A task is done.
    fn done(&self, task: &str) {
        let steps = self.steps.take();
        self.all.set(self.all.get() + steps);
        eprintln!("{steps:>4}  {task}");
    }
}

const TASKS: [&str; 10] = [
    "how each connection is doing",
    "the line that makes a silent service send",
    "where order 4711 stopped",
    "its trace, and the failure in it",
    "a call that fails, and what it costs",
    "one of its failed traces",
    "why a group lags",
    "the records of its topic",
    "dead letters, sent again",
    "map and traces side by side",
];

fn heading_of_a_call(thing: &Thing) -> bool {
    thing.role == "heading" && thing.name.contains(" → ")
}

#[test]
fn the_tasks_of_the_tour_are_done_by_keyboard_alone() {
    if !is_driven() {
        return;
    }
    let tour = Tour::begin();
    let eyes = &tour.window.eyes;

    tour.command("Show sources");
    tour.sees("list item", "source OTLP");
    tour.done(TASKS[0]);

    tour.press(&["ctrl+k"]);
    tour.sees("entry", "Find anything");
    tour.write("carrier");
    tour.sees("list item", "carrier, ");
    tour.press(&["Return"]);
    tour.sees("heading", "carrier");
    tour.press(&["c"]);
    tour.copied(|text| text.contains("OTEL_EXPORTER_OTLP_ENDPOINT"));
    tour.done(TASKS[1]);

    tour.press(&["ctrl+k"]);
    tour.sees("entry", "Find anything");
    tour.write("4711");
    tour.sees("list item", "4711, everything");
    tour.press(&["Return"]);
    tour.sees("label", "Story of 4711");
    eyes.wait_for("where it stopped", |thing| thing.role == "list item" && thing.name.contains("no carrier delivers"));
    tour.done(TASKS[2]);

    tour.press(&["Down", "Return"]);
    tour.sees("image", "The whole trace");
    tour.press(&["n"]);
    tour.sees("label", "Failed: com.shop.shipping.UnknownCountryException");
    tour.done(TASKS[3]);

    tour.press(&["ctrl+1"]);
    tour.sees("toggle button", "service carrier");
    until("a call with failed traces", || {
        tour.press(&["n"]);
        let is_one = || eyes.look().iter().any(heading_of_a_call) && tour.is_seen("label", "Failed traces");
        program::wait_until("a call", LOOKS, is_one).ok()
    });
    tour.done(TASKS[4]);

    // What the panel tells changes meanwhile, and with it what has the focus.
    let focused = || eyes.look().into_iter().find(|thing| thing.role == "push button" && thing.is("focused")).map(|thing| thing.name);
    until("a failed trace is open", || {
        let mut key = "d";
        while focused().is_none_or(|name| !name.contains(" failed")) {
            let before = focused();
            tour.press(&[key]);
            let _late = program::wait_until("the next link", LOOKS, || focused().is_some_and(|now| Some(now) != before));
            key = if focused().is_some() { "Tab" } else { "d" };
        }
        tour.press(&["Return"]);
        program::wait_until("a trace", LOOKS, || tour.is_trace_open()).ok()
    });
    tour.done(TASKS[5]);

    tour.command("Show groups");
    tour.sees("table", "groups");
    // It stands first, unless the broker has just been down.
    let is_it = |thing: &Thing| thing.role == "list item" && thing.name.starts_with("group inventory on orders.placed") && thing.is("checked");
    until("the group is selected", || {
        tour.press(&["Down"]);
        program::wait_until("a group", LOOKS, || eyes.look().iter().any(is_it)).ok()
    });
    tour.sees("label", "messages behind");
    tour.done(TASKS[6]);

    tour.press(&["ctrl+k"]);
    tour.sees("entry", "Find anything");
    tour.write("orders.placed 2@100");
    tour.sees("list item", "orders.placed 2@100");
    // Below the spans that sent and handled it.
    let is_meant = |thing: &Thing| thing.role == "list item" && thing.is("checked") && !thing.name.starts_with("group ");
    let meant = || eyes.wait_for("a hit is meant", is_meant).name;
    while !meant().starts_with("orders.placed 2@100") {
        let before = meant();
        tour.press(&["Down"]);
        until("the next hit is meant", || (meant() != before).then_some(()));
    }
    tour.press(&["Return"]);
    eyes.wait_for("the record", |thing| thing.role == "list item" && thing.name.starts_with("record 2@100") && thing.is("checked"));
    tour.done(TASKS[7]);

    tour.press(&["ctrl+4"]);
    eyes.wait_for("dead letters", |thing| thing.role == "list item" && thing.name.starts_with("orders.placed-dlt"));
    tour.press(&["a"]);
    tour.preview(|| tour.press(&["r"]), || tour.press(&["Escape"]));
    tour.press(&["ctrl+Return"]);
    eyes.wait_for("what became of the first five", |thing| thing.role == "label" && thing.name.starts_with("stopped by itself"));
    tour.done(TASKS[8]);

    tour.press(&["Escape", "ctrl+2"]);
    tour.sees("page tab", "pane Map");
    tour.sees("page tab", "pane Traces");
    tour.done(TASKS[9]);
    eprintln!("{:>4}  steps by keyboard in all", tour.all.get());
}

#[test]
fn the_tasks_of_the_tour_are_done_by_pointer_alone() {
    if !is_driven() {
        return;
    }
    let tour = Tour::begin();
    let eyes = &tour.window.eyes;

    tour.click("page tab", "view Sources");
    tour.sees("list item", "source OTLP");
    tour.done(TASKS[0]);

    tour.click("page tab", "view Map");
    tour.click("toggle button", "service carrier");
    tour.sees("heading", "carrier");
    tour.click("push button", "Copy line");
    tour.copied(|text| text.contains("OTEL_EXPORTER_OTLP_ENDPOINT"));
    tour.done(TASKS[1]);

    tour.click("page tab", "view Dead letters");
    tour.click_on(&eyes.wait_for("its cause", |thing| thing.role == "list item" && thing.name.contains("UnknownCountryException")));
    tour.wheel_to("dead letters", |thing| thing.name.contains(", key 4711, "));
    let row = eyes.wait_for("the letter", |thing| thing.role == "list item" && thing.name.contains(", key 4711, "));
    tour.step();
    tour.window.display.click(row.middle(), 3);
    tour.click("menu item", "To the letter's record");
    tour.click("push button", "story of ");
    tour.sees("label", "Story of ");
    let stopped = eyes.wait_for("where it stopped", |thing| thing.role == "list item" && thing.name.contains("no carrier delivers"));
    tour.done(TASKS[2]);

    until("its trace is open", || {
        tour.step();
        tour.step();
        tour.window.display.click_twice(stopped.middle());
        program::wait_until("a trace", LOOKS, || tour.is_trace_open()).ok()
    });
    tour.done(TASKS[3]);

    tour.click("page tab", "view Map");
    let fails = |thing: &Thing| thing.name.starts_with("call ") && (thing.name.contains(" failed") || thing.name.contains("breaker"));
    tour.click_on(&eyes.wait_for("a call that fails", |thing| thing.role == "push button" && fails(thing) && thing.place.is_some()));
    eyes.wait_for("a call", heading_of_a_call);
    tour.done(TASKS[4]);

    // It stands below what is in view of the panel.
    let heading = eyes.wait_for("its heading", heading_of_a_call).middle();
    let first = || {
        let failed = tour.sees("label", "Failed traces").middle();
        eyes.wait_for("a failed trace", |thing| thing.role == "push button" && thing.name.contains(" failed") && thing.is_below(failed))
    };
    while first().middle().1 > PANEL_END_PX {
        let before = first().middle();
        tour.step();
        tour.window.display.click((heading.0, heading.1 + 300), 5);
        until("the panel is scrolled", || (first().middle() != before).then_some(()));
    }
    // One that failed meanwhile may have come before it.
    until("its trace is open", || {
        tour.click_on(&first());
        program::wait_until("a trace", LOOKS, || tour.is_trace_open()).ok()
    });
    tour.done(TASKS[5]);

    tour.click("page tab", "view Groups");
    tour.click("list item", "group inventory on orders.placed");
    tour.sees("label", "messages behind");
    tour.done(TASKS[6]);

    tour.click("page tab", "view Messages");
    tour.click("list item", "topic orders.placed, ");
    // One in the middle: the first in view may stand half below the heading.
    let table = tour.sees("table", "records").middle();
    let is_record = |thing: &Thing| thing.role == "list item" && thing.name.starts_with("record ") && thing.is_below(table);
    tour.click_on(&eyes.wait_for("a record", is_record));
    tour.sees("page tab", "Payload as JSON");
    tour.done(TASKS[7]);

    tour.click("page tab", "view Dead letters");
    tour.click("push button", "Mark all open letters");
    tour.preview(|| tour.click("push button", "Preview "), || tour.click("push button", "Dismiss"));
    tour.click("push button", "Send the first 5");
    eyes.wait_for("what became of the first five", |thing| thing.role == "label" && thing.name.starts_with("stopped by itself"));
    tour.click("push button", "Close");
    tour.done(TASKS[8]);

    tour.click("push button", "Menu");
    tour.click("push button", "Looks");
    tour.click("menu item", "Layout: map and traces");
    tour.sees("page tab", "pane Map");
    tour.sees("page tab", "pane Traces");
    tour.done(TASKS[9]);
    eprintln!("{:>4}  steps by pointer in all", tour.all.get());
}
