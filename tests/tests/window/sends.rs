//! What README's tour sends, by keys alone: an order and what it caused; the same by gRPC; and one as a record, which dies, is mended, sent again and
//! consumed.

use switchboard_tests::display::until;

use crate::eyes::Thing;
use crate::hands::demo_of;
use crate::window::{LOOKS, Window, is_driven};
use switchboard_tests::program;

#[test]
fn an_order_is_placed_by_keys_alone_and_what_it_caused_is_seen() {
    if !is_driven() {
        return;
    }
    let (window, _report) = demo_of(&["--no-script", "--rate", "2"]);
    window.press_until("the view", &["ctrl+5"], || window.thing("page tab", "view Send").is("checked"));
    let saved = |window: &crate::window::Window| window.thing("list item", "saved POST place an order");
    window.press_until("the saved order is selected", &["Down"], || saved(&window).is("checked") || saved(&window).is("selected"));
    let is_composed = || window.eyes.look().iter().any(|thing| thing.text.as_deref() == Some("{{base}}/checkout"));
    window.press_until("it is composed", &["Return"], is_composed);
    // It may change something, so it is asked about once.
    window.press_until("it is asked", &["ctrl+Return"], || window.eyes.look().iter().any(|thing| thing.name == "Send it?"));
    window.press_until("it is sent", &["Return"], || window.eyes.look().iter().any(|thing| thing.name.starts_with("sent POST /checkout")));
    until("it was answered", || {
        let mut is_answered = false;
        let _late = program::wait_until("an answer", LOOKS, || {
            is_answered = window.thing("list item", "sent POST /checkout").name.ends_with("200");
            is_answered
        });
        is_answered.then_some(())
    });
    // Who worked on it, from the shop to whoever reads what it published.
    for part in ["storefront POST /checkout", "orders shop.v1.Orders/PlaceOrder", "shipping process orders.placed"] {
        window.eyes.wait_for(part, |thing| thing.name.starts_with(part));
    }
    window.eyes.wait_for("the record that was written", |thing| thing.name.starts_with("orders.placed"));
}

/// Whether such a thing is seen now.
fn is_seen(window: &Window, is_it: impl Fn(&Thing) -> bool) -> bool {
    window.eyes.look().iter().any(is_it)
}

/// Whether such a text stands in a field.
fn is_entered(window: &Window, field: Option<&str>, text: &str) -> bool {
    let is_field = |thing: &Thing| thing.role == "entry" && field.is_none_or(|field| thing.name == field);
    is_seen(window, |thing| is_field(thing) && thing.text.as_deref() == Some(text))
}

/// Presses a key once, where a second time would do something else.
#[track_caller]
fn press_once(window: &Window, key: &str, what: &str, is_so: impl Fn() -> bool) {
    window.display.press(&[key]);
    until(what, || is_so().then_some(()));
}

/// Takes a saved request, in whose address such a text stands, sends it, and waits until it has come to an end.
#[track_caller]
fn sends(window: &Window, (saved, address): (&str, &str), sent: &str, has_come: impl Fn(&str) -> bool) {
    // No field has the keys then, and no row is selected: Down goes from the first on, one at a time.
    window.display.press(&["Escape"]);
    let selected = || {
        let is_selected = |thing: &Thing| thing.role == "list item" && thing.name.starts_with("saved ") && (thing.is("checked") || thing.is("selected"));
        window.eyes.look().into_iter().find(is_selected).map(|thing| thing.name)
    };
    until("no row is selected", || selected().is_none().then_some(()));
    let mut passed: Vec<String> = Vec::new();
    while passed.last().is_none_or(|name| !name.starts_with(saved)) {
        window.display.press(&["Down"]);
        let before = passed.last().cloned();
        let now = until(&format!("another row than {before:?} is selected, on the way to {saved}"), || {
            let now = selected();
            (now != before).then_some(now)
        });
        let now = now.unwrap_or_else(|| panic!("{saved} is not among what is saved: behind {passed:?} no row is selected"));
        assert!(!passed.contains(&now), "{saved} is not among what is saved: {now} comes again behind {passed:?}");
        passed.push(now);
    }
    let num_sent = || window.eyes.look().iter().filter(|thing| thing.role == "list item" && thing.name.starts_with(sent)).count();
    let num_before = num_sent();
    let is_asked = || is_seen(window, |thing| thing.name == "Send it?");
    press_once(window, "Return", &format!("{saved} is composed"), || is_entered(window, None, address));
    press_once(window, "ctrl+Return", &format!("{saved} is sent, or asked about"), || is_asked() || num_sent() > num_before);
    if is_asked() {
        press_once(window, "Return", &format!("{saved} is sent"), || num_sent() > num_before);
    }
    window.eyes.wait_for(&format!("{sent} has come to its end"), |thing| thing.role == "list item" && thing.name.starts_with(sent) && has_come(&thing.name));
}

#[test]
fn an_order_by_http_by_grpc_and_as_a_record_that_dies_is_mended_and_consumed_by_keys_alone() {
    if !is_driven() {
        return;
    }
    let (window, _report) = demo_of(&["--no-script", "--rate", "1"]);
    window.press_until("the view", &["ctrl+5"], || window.thing("page tab", "view Send").is("checked"));
    window.thing("list item", "saved ");
    sends(&window, ("saved POST place an order", "{{base}}/checkout"), "sent POST /checkout", |name| name.ends_with(", 200"));
    sends(&window, ("saved gRPC place an order by gRPC", "{{orders}}"), "sent PlaceOrder", |name| name.ends_with(", OK"));
    sends(&window, ("saved record an order that cannot be shipped", "orders.placed"), "sent orders.placed", |name| name.contains('@'));
    window.eyes.wait_for("shipping gives up on it", |thing| thing.name.starts_with("orders.placed-dlt"));

    // It is the only one: nothing else is broken.
    window.press_until("dead letters", &["ctrl+4"], || window.thing("page tab", "view Dead letters").is("checked"));
    let of_cause = |thing: &Thing| thing.role == "list item" && thing.name.contains("UnknownCountryException");
    window.eyes.wait_for("its cause", |thing| of_cause(thing) && thing.name.starts_with("1 open of 1"));
    let is_letter = |thing: &Thing| thing.role == "list item" && thing.name.starts_with("orders.placed-dlt ") && thing.is("checked");
    window.eyes.wait_for("the letter is selected", is_letter);
    let has_keys = |field: &str| is_seen(&window, |thing| thing.role == "entry" && thing.name == field && thing.is("focused"));
    press_once(&window, "e", "what can be changed", || has_keys("Path in the JSON"));
    window.display.write("country");
    until("the path stands there", || is_entered(&window, Some("Path in the JSON"), "country").then_some(()));
    press_once(&window, "Tab", "the next field", || has_keys("Becomes, JSON"));
    window.display.write("\"FR\"");
    until("the value stands there", || is_entered(&window, Some("Becomes, JSON"), "\"FR\"").then_some(()));
    let is_previewed = || is_seen(&window, |thing| thing.role == "push button" && thing.name.starts_with("Send 1 letter"));
    press_once(&window, "ctrl+Return", "a preview", is_previewed);
    window.eyes.wait_for("that it is changed", |thing| thing.role == "label" && thing.name.starts_with("edited, 1"));
    // Where the preview fails, its button is gone, too.
    let is_run = || is_seen(&window, |thing| thing.role == "heading" && thing.name.starts_with("Replay of 1 to "));
    press_once(&window, "ctrl+Return", "it is sent again", is_run);
    window.eyes.wait_for("it is consumed", |thing| of_cause(thing) && thing.name.starts_with("0 open of 1, 1 consumed"));
    window.press_until("the ledger", &["ctrl+6"], || window.thing("page tab", "view Ledger").is("checked"));
    let is_line = |thing: &Thing, begins: &str, ends: &str| thing.role == "list item" && thing.name.starts_with(begins) && thing.name.ends_with(ends);
    for (begins, ends) in [
        ("replay to orders.placed,", "persisted · consumed"),
        ("record to orders.placed,", "persisted"),
        ("call to shop.v1.Orders/PlaceOrder ", "called OK"),
        ("request to POST /checkout ", "answered 200"),
    ] {
        window.eyes.wait_for(&format!("the line of a {begins}"), |thing| is_line(thing, begins, ends));
    }
}
