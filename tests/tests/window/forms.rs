//! What is typed into any field of the window stands there, letter by letter, and does nothing else.

use std::process::Stdio;

use switchboard_tests::program::{self, Program};
use switchboard_window::{TextField, ViewKind};

use crate::eyes::Thing;
use crate::window::{LOOKS, Window, is_driven};
use switchboard_tests::display::{DEADLINE, until};

/// Keys of many commands, and what they are pressed with.
const TEXT: &str = "second apex jumps quickly over the lazy brown fox 0123456789 [a] + - = / A";

/// A lab, and a window that watches it as a production system that may be written to: so that the cluster's name is asked for, too.
fn shop() -> (Program, Window) {
    let (grpc_port, http_port) = program::free_ports().expect("free ports");
    let (grpc, http) = (grpc_port.to_string(), http_port.to_string());
    let args = ["lab", "--otlp-grpc-port", &grpc, "--otlp-http-port", &http];
    // It lives as long as its standard input.
    let mut lab = Program::start_as(&args, |command| {
        command.stdin(Stdio::piped());
    })
    .expect("starts");
    lab.wait_for_line("# ready", DEADLINE).expect("a lab");
    let printed = lab.output();
    let profile = printed.split("# ready").next().expect("a profile").replace("environment = \"lab\"", "environment = \"production\"");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("shop.toml");
    std::fs::write(&path, profile).expect("written");
    let path = path.display().to_string();
    let window = Window::start(folder, http_port, &["watch", "--profile", &path]);
    (lab, window)
}

/// Presses a field's keys, and types what stands in quotes among them.
fn lead_into(window: &Window, field: TextField) {
    for part in field.keys().split_inclusive('"').collect::<Vec<_>>().chunks(2) {
        match part {
            [keys, text] => {
                press(window, keys.trim_end_matches('"'));
                window.display.write(text.trim_end_matches('"'));
            }
            [keys] => press(window, keys),
            _ => {}
        }
    }
}

/// Presses keys, as `xdotool` calls them.
fn press(window: &Window, keys: &str) {
    let word = |stroke: &str| match stroke.split_once('+') {
        Some((modifier, "Enter")) => format!("{}+Return", modifier.to_lowercase()),
        Some((modifier, key)) => format!("{}+{}", modifier.to_lowercase(), key.to_lowercase()),
        None if stroke.len() == 1 => stroke.to_lowercase(),
        None if stroke == "Space" => "space".to_owned(),
        None => stroke.to_owned(),
    };
    let strokes: Vec<String> = keys.split_whitespace().map(word).collect();
    if !strokes.is_empty() {
        window.display.press(&strokes.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

fn tab(view: ViewKind) -> String {
    format!("view {}", view.text())
}

/// The field that has the keys.
fn focused(window: &Window) -> Option<Thing> {
    window.eyes.look().into_iter().find(|thing| thing.text.is_some() && thing.is("focused") && matches!(thing.role.as_str(), "entry" | "text"))
}

#[test]
fn each_letter_that_is_typed_into_a_field_stands_there_and_does_nothing_else() {
    if !is_driven() {
        return;
    }
    let (_lab, window) = shop();
    // There are dead letters from the fifth second on.
    window.click("page tab", &tab(ViewKind::DeadLetters));
    window.eyes.wait_for("a dead letter", |thing| thing.role == "list item" && thing.name.contains("orders.placed-dlt"));
    for field in TextField::ALL {
        let tab = tab(field.view().unwrap_or(ViewKind::Map));
        let is_shown = || window.thing("page tab", &tab).is("checked");
        until(&format!("{tab} is shown"), || {
            window.click("page tab", &tab);
            program::wait_until("a view", LOOKS, is_shown).ok()
        });
        // Each setting of a source has a name of its own.
        let name = match field {
            TextField::SourceLine => "name",
            TextField::SourceLines => "settings",
            TextField::SourceSecret => "user name comes from",
            _ => field.name(),
        };
        if matches!(field, TextField::ReplayFirst | TextField::ReplayRate) {
            // They stand in a preview, which asks for the cluster's name first.
            until("a preview", || {
                window.display.press(&["r"]);
                program::wait_until("a preview", LOOKS * 5, || focused(&window).is_some_and(|thing| thing.name == TextField::ClusterName.name())).ok()
            });
        }
        let opened = until(&format!("{field:?} has the keys after {}", field.keys()), || {
            // Keys that come late would be typed into what the next ones open, so they are given long.
            lead_into(&window, field);
            let mut found = None;
            let _late = program::wait_until("a field", LOOKS * 5, || {
                found = focused(&window).filter(|thing| thing.name == name);
                found.is_some()
            });
            found
        });
        if field == TextField::ReplayText {
            // There stands what is edited.
            window.display.press(&["ctrl+a", "Delete"]);
            until("an empty text", || focused(&window).filter(|thing| thing.text.as_deref() == Some("")).map(drop));
        } else {
            assert_eq!(opened.text.as_deref(), Some(""), "{field:?}");
        }
        window.display.write(TEXT);
        until(&format!("what was typed stands in {field:?}: {:?}", focused(&window)), || {
            focused(&window).filter(|thing| thing.name == name && thing.text.as_deref() == Some(TEXT))
        });
        assert!(is_shown(), "{field:?}: nothing else happened");
        // Filters are left as they are, forms and what lies over the views close.
        window.display.press(&["Escape"]);
        until(&format!("{field:?} is left"), || focused(&window).is_none().then_some(()));
    }
    let opened = std::fs::read_to_string(window.path("opened")).unwrap_or_default();
    assert_eq!(opened, "", "nothing was opened elsewhere");
}
