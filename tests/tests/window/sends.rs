//! An order placed by keys alone, and what it caused.

use switchboard_tests::display::until;

use crate::hands::demo_of;
use crate::window::{LOOKS, is_driven};
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
