//! Typing into every place that takes text, as a keyboard does it: each letter as a key and as a text. All of it is written, and nothing else happens.

use egui::{Event, Key, Modifiers, Pos2, accesskit::Role, vec2};
use egui_kittest::{
    Harness,
    kittest::{By, NodeT as _, Queryable as _},
};
use switchboard_desk::{
    profile::Profile,
    send::replay::{ReplayCommand, Writing},
    sources_desk::SourcesBoard,
};

use crate::{
    SessionCommand, Strokes, TextField, WindowApp,
    testing::{self, FixedSource},
    tests::harness::{harness, press, settle},
    view::{UiCommand, ViewKind},
    views::{dead_letters::sample, ledger, send},
};

/// Every letter, every digit, spaces, and what commands have as keys besides.
const TEXT: &str = "second apex jumps quickly over the lazy brown fox 0123456789 [a] + - = / A";

fn source(field: TextField) -> FixedSource {
    if field.view() == Some(ViewKind::DeadLetters) {
        let source = FixedSource::new(sample::snapshot());
        source.answer_with(sample::answer);
        let is_previewed = matches!(field, TextField::ReplayFirst | TextField::ReplayRate);
        source.show_replay(if is_previewed { sample::previewed(Writing::Allowed) } else { sample::board(Writing::AsksForName) });
        return source;
    }
    let source = FixedSource::new(testing::order_business());
    source.show_send(send::sample::board());
    source.show_ledger(|look| ledger::sample::answer(look, &ledger::sample::lines()));
    let profile = "name = \"x\"\n[[kafka]]\nname = \"lab-kafka\"\nbrokers = \"h:1\"";
    source.show_sources(SourcesBoard { profile: Profile::parse(profile, "x").expect("valid"), ..SourcesBoard::default() });
    source
}

/// The window with the keys in a field, by the keys that its table has.
fn opened(field: TextField) -> (FixedSource, Harness<'static, WindowApp>) {
    let source = source(field);
    let mut harness = harness(&source, UiCommand::Show(field.view().unwrap_or(ViewKind::Map)));
    let strokes: Strokes = field.keys().parse().expect("keys");
    for stroke in strokes.0 {
        for event in stroke.events() {
            harness.event(event);
        }
        settle(&mut harness);
    }
    if field == TextField::ClusterName {
        // What the session answers to the key.
        source.show_replay(sample::previewed(Writing::AsksForName));
        settle(&mut harness);
    }
    if field == TextField::ReplayText {
        let edit = |command: SessionCommand| match command {
            SessionCommand::Replay(command) => match *command {
                ReplayCommand::Edit(asked) => Some(asked),
                _ => None,
            },
            _ => None,
        };
        let asked = source.commands().into_iter().find_map(edit).expect("a letter is read again");
        source.show_replay(sample::editing(&asked, b"", false));
        settle(&mut harness);
    }
    if field == TextField::SendTypedName {
        source.show_send(send::sample::asking(send::sample::type_name()));
        settle(&mut harness);
    }
    (source, harness)
}

/// A letter as a keyboard sends it: its key, what is typed by that, and the key's release.
fn letter_events(letter: char) -> Vec<Event> {
    let key = if letter == ' ' { Some(Key::Space) } else { Key::from_name(&letter.to_uppercase().to_string()) };
    let modifiers = if letter.is_uppercase() { Modifiers::SHIFT } else { Modifiers::NONE };
    let press = |pressed| key.map(|key| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers });
    press(true).into_iter().chain([Event::Text(letter.to_string())]).chain(press(false)).collect()
}

fn type_in(harness: &mut Harness<'static, WindowApp>, text: &str) {
    for letter in text.chars() {
        for event in letter_events(letter) {
            harness.event(event);
        }
        harness.step();
    }
    settle(harness);
}

/// Role, name and text of what has the keys.
fn focused(harness: &Harness<'_, WindowApp>) -> Option<(Role, String, String)> {
    let node = harness.query_all(By::new()).find(|node| node.accesskit_node().is_focused())?;
    let node = node.accesskit_node();
    Some((node.role(), node.label().unwrap_or_default(), node.value().unwrap_or_default()))
}

#[test]
fn every_field_takes_all_that_is_typed_and_nothing_else_happens() {
    for field in TextField::ALL {
        let (source, mut harness) = opened(field);
        let is_setting = matches!(field, TextField::SourceLine | TextField::SourceLines | TextField::SourceSecret);
        let (role, name, text) = focused(&harness).unwrap_or_else(|| panic!("{field:?}: nothing has the keys after {}", field.keys()));
        assert!(is_setting || name == field.name(), "{field:?}: {} lead to {name}", field.keys());
        assert_eq!(
            role == Role::MultilineTextInput,
            matches!(field, TextField::SourceLines | TextField::SendText | TextField::ReplayText),
            "{field:?} is {role:?} {name}"
        );
        assert_eq!(text, "", "{field:?}");
        let seen = |harness: &Harness<'_, WindowApp>| {
            let window = &harness.state().window;
            (window.ran.len(), source.commands().len(), window.settings(), window.focus(), window.has_form())
        };
        let before = seen(&harness);
        type_in(&mut harness, TEXT);
        assert_eq!(focused(&harness), Some((role, name.clone(), TEXT.to_owned())), "{field:?}");
        assert_eq!(seen(&harness), before, "{field:?}: {:?} ran", harness.state().window.ran);
        if field != TextField::Find && field != TextField::Command {
            continue;
        }
        press(&mut harness, &[Key::Escape]);
        assert!(harness.query_by_label(field.name()).is_none(), "{field:?} is closed");
    }
}

#[test]
fn a_field_takes_all_that_is_typed_though_its_keys_come_in_the_same_frame() {
    // Names are asked for by the session, which answers later; so does the broker of whose record something is edited.
    let is_answered_later = |field: &TextField| matches!(field, TextField::ClusterName | TextField::SendTypedName | TextField::ReplayText);
    for field in TextField::ALL.into_iter().filter(|field| !is_answered_later(field)) {
        let mut harness = harness(&source(field), UiCommand::Show(field.view().unwrap_or(ViewKind::Map)));
        let strokes: Strokes = field.keys().parse().expect("keys");
        let events = strokes.0.iter().flat_map(crate::Stroke::events).chain(TEXT.chars().flat_map(letter_events));
        harness.input_mut().events.extend(events);
        harness.run_steps(40);
        settle(&mut harness);
        let text = focused(&harness).map(|(_, _, text)| text);
        assert_eq!(text.as_deref(), Some(TEXT), "{field:?}: {:?} ran", harness.state().window.ran);
    }
}

#[test]
fn what_was_looked_for_last_is_typed_over_or_looked_for_again() {
    for field in [TextField::Find, TextField::TraceFilter, TextField::LogFilter, TextField::RecordFilter, TextField::LedgerSearch] {
        let (_, mut harness) = opened(field);
        type_in(&mut harness, "before");
        press(&mut harness, &[Key::Escape]);
        let again = |harness: &mut Harness<'static, WindowApp>| {
            let strokes: Strokes = field.keys().parse().expect("keys");
            for event in strokes.0.last().expect("one").events() {
                harness.event(event);
            }
            settle(harness);
            focused(harness).map(|(_, _, text)| text)
        };
        assert_eq!(again(&mut harness).as_deref(), Some("before"), "{field:?}");
        type_in(&mut harness, "now");
        assert_eq!(focused(&harness).map(|(_, _, text)| text).as_deref(), Some("now"), "{field:?}");
    }
}

#[test]
fn while_a_form_is_open_letters_are_no_commands_wherever_was_clicked_and_escape_closes_it() {
    let forms = TextField::ALL.into_iter().filter(|field| opened(*field).1.state().window.has_form());
    let forms: Vec<TextField> = forms.collect();
    let of_requests = [TextField::SendAddress, TextField::SendLine, TextField::SendText, TextField::SendPath, TextField::SendTypedName];
    assert!(of_requests.iter().all(|field| forms.contains(field)), "{forms:?}");
    assert!(forms.contains(&TextField::ParkingNote) && forms.contains(&TextField::ClusterName) && forms.contains(&TextField::SourceLine), "{forms:?}");
    for field in forms {
        let (source, mut harness) = opened(field);
        let (role, name, _) = focused(&harness).expect("the field");
        type_in(&mut harness, "ab");
        // A click beside it takes the keys away from it.
        let beside = harness.get_by_role_and_label(role, &name).rect().center_top() - vec2(0.0, 9.0);
        click(&mut harness, beside);
        assert!(focused(&harness).is_none_or(|(_, focused, _)| focused != name), "{field:?}");
        let before = (harness.state().window.ran.len(), source.commands().len());
        type_in(&mut harness, TEXT);
        press(&mut harness, &[Key::Delete, Key::Backspace]);
        assert_eq!((harness.state().window.ran.len(), source.commands().len()), before, "{field:?}: {:?} ran", harness.state().window.ran);
        let text = harness.get_by_role_and_label(role, &name).accesskit_node().value();
        assert_eq!(text.as_deref(), Some("ab"), "{field:?} is still there");
        press(&mut harness, &[Key::Escape]);
        if field == TextField::ClusterName {
            // The preview is the session's.
            source.show_replay(sample::board(Writing::AsksForName));
            settle(&mut harness);
        }
        if field == TextField::SendTypedName {
            source.show_send(send::sample::board());
            settle(&mut harness);
        }
        assert!(!harness.state().window.has_form(), "{field:?} is closed");
    }
}

fn click(harness: &mut Harness<'static, WindowApp>, pos: Pos2) {
    for pressed in [true, false] {
        harness.event(Event::PointerMoved(pos));
        harness.event(Event::PointerButton { pos, button: egui::PointerButton::Primary, pressed, modifiers: Modifiers::NONE });
        harness.step();
    }
    settle(harness);
}

#[test]
fn escape_leaves_a_filter_and_clears_nothing_else() {
    for view in [ViewKind::Traces, ViewKind::Log, ViewKind::Ledger, ViewKind::Map] {
        let field = TextField::filter_of(view).expect("a filter");
        let (_, mut harness) = opened(field);
        type_in(&mut harness, "abc");
        let num_ran = harness.state().window.ran.len();
        press(&mut harness, &[Key::Escape]);
        assert_eq!(focused(&harness), None, "{view:?}");
        assert_eq!(harness.state().window.ran.len(), num_ran, "{view:?}: nothing is cleared by it");
        assert_eq!(harness.get_by_label(field.name()).accesskit_node().value().as_deref(), Some("abc"), "{view:?}");
    }
}

#[test]
fn what_had_the_focus_gets_it_back_from_a_box_above_and_from_a_form() {
    let mut harness = harness(&source(TextField::SourceLine), UiCommand::Show(ViewKind::Sources));
    harness.query_all_by_label_contains("lab-kafka").next().expect("its row").click();
    settle(&mut harness);
    harness.get_by_label("Edit…").focus();
    settle(&mut harness);
    let named = |harness: &Harness<'_, WindowApp>| focused(harness).map(|(_, name, _)| name);
    assert_eq!(named(&harness).as_deref(), Some("Edit…"));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    settle(&mut harness);
    assert_eq!(named(&harness).as_deref(), Some("Find anything"));
    press(&mut harness, &[Key::Escape]);
    assert_eq!(named(&harness).as_deref(), Some("Edit…"));
    press(&mut harness, &[Key::Enter]);
    assert_eq!(named(&harness).as_deref(), Some("name"), "the first field of the form has it");
    press(&mut harness, &[Key::Tab]);
    assert_eq!(named(&harness).as_deref(), Some("brokers"));
    press(&mut harness, &[Key::Escape]);
    assert_eq!(named(&harness).as_deref(), Some("Edit…"));
}

#[test]
fn the_key_after_the_one_that_closes_a_box_is_a_command_again() {
    let mut harness = harness(&source(TextField::Find), UiCommand::Show(ViewKind::Map));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    settle(&mut harness);
    let key = |key: Key| Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers: Modifiers::NONE };
    harness.input_mut().events.extend([key(Key::Escape), key(Key::N)]);
    settle(&mut harness);
    assert_eq!(harness.state().window.ran.last(), Some(&UiCommand::NextProblem));
}
