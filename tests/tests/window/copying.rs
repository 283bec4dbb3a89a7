//! What is copied is on the desktop's clipboard, what is on it can be pasted, and an object is opened in the browser.

use serde_json::Value;

use crate::window::{TRACE, Window, is_driven};

#[test]
fn what_is_copied_leaves_the_window_what_is_pasted_comes_in_and_an_object_is_opened_elsewhere() {
    if !is_driven() {
        return;
    }
    let window = Window::watch();
    let display = &window.display;
    window.send_one();

    // The three forms of copying, read by another program.
    window.run("Show traces");
    let text = window.copied(|| display.press(&["Home", "c"]), |text| text.contains(&format!("trace {TRACE}")));
    assert!(text.starts_with("注文 POST /checkout\n42 ms · 1 span"), "{text}");
    let copied = window.copied(|| window.run("Copy as JSON"), |text| text.trim_start().starts_with('{') && text.contains(TRACE));
    let copied: Value = serde_json::from_str(&copied).expect("JSON");
    assert_eq!((copied["trace_id"].as_str(), copied["service"].as_str()), (Some(TRACE), Some("注文")));
    let text = window.copied(|| window.run("Copy as Markdown"), |text| text.starts_with("**") && text.contains(TRACE));
    assert!(text.contains(&format!("trace `{TRACE}`")), "{text}");

    // What another program copied is pasted into Find; what is found is opened.
    let offered = display.offer(TRACE);
    window.open("Find is open", "ctrl+k");
    display.press(&["ctrl+v"]);
    window.press_until("what is found is opened", &["Return"], || !window.is_covered());
    let text = window.copied(|| display.press(&["c"]), |text| text != TRACE && text.contains(&format!("trace {TRACE}\n")));
    assert!(text.contains("POST /checkout"), "the span is open: {text}");
    drop(offered);

    // The open trace in another program.
    let opened = || std::fs::read_to_string(window.path("opened")).unwrap_or_default();
    window.press_until("the browser is called", &["o"], || opened().ends_with('\n'));
    let opened = opened();
    assert!(opened.lines().all(|line| line.starts_with(&format!("http://links.test/trace/{TRACE}?span="))), "{opened}");
}
