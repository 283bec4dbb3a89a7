//! What is chosen and changed before it is sent, by rules and one by one.

use switchboard_desk::send::edit::{Change, NewBytes};
use switchboard_model::RawHeader;

use super::*;

fn write(harness: &mut Harness, role: Role, label: &str, text: &str) {
    harness.get_by_role_and_label(role, label).focus();
    settle(harness);
    harness.event(egui::Event::Text(text.to_owned()));
    settle(harness);
}

fn click(harness: &mut Harness, role: Role, label: &str) {
    harness.get_by_role_and_label(role, label).click();
    settle(harness);
}

#[test]
fn what_is_chosen_and_changed_is_previewed_before_anything_of_it_is_sent() {
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    press(&mut harness, &[Key::E]);
    // The keys go to the first change.
    harness.event(egui::Event::Text("parcels".to_owned()));
    settle(&mut harness);
    write(&mut harness, Role::TextInput, "Channel to send to", ".again");
    write(&mut harness, Role::TextInput, "Becomes, JSON", "one");
    click(&mut harness, Role::Button, "Add the change");
    harness.get_by_label_contains("is no JSON value");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    write(&mut harness, Role::TextInput, "Becomes, JSON", "");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.event(egui::Event::Text("1".to_owned()));
    settle(&mut harness);
    click(&mut harness, Role::Button, "Add the change");
    harness.get_by_role_and_label(Role::Button, "Take out: set parcels to 1");
    click(&mut harness, Role::RadioButton, "change remove header");
    write(&mut harness, Role::TextInput, "Header", "x-debug");
    harness.get_by_role_and_label(Role::CheckBox, "Each keeps its time").click();
    settle(&mut harness);
    // What was typed and not added yet is meant as well, and nothing goes before it was previewed.
    press_with_command(&mut harness, Key::Enter);
    let ask = previewed_last(&source);
    let changes: Vec<String> = ask.options.changes.to_all.iter().map(ToString::to_string).collect();
    assert_eq!((&ask.target, changes), (&"orders.placed.again".into(), vec!["set parcels to 1".to_owned(), "header x-debug goes".to_owned()]));
    assert!(ask.options.keeps_time && !ask.options.by_key && !ask.options.again);
    click(&mut harness, Role::Button, "Take out: set parcels to 1");
    click(&mut harness, Role::Button, "Preview with this");
    assert_eq!(previewed_last(&source).options.changes.to_all.len(), 1);
    press(&mut harness, &[Key::Escape]);
    assert!(harness.query_by_label("Preview with this").is_none(), "the form is left first");
    assert!(!asked(&source).contains(&ReplayCommand::Dismiss));
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source).last(), Some(&ReplayCommand::Dismiss));
}

#[test]
fn with_nothing_previewed_yet_a_change_that_was_typed_goes_along_or_is_told() {
    let (source, mut harness) = inbox(sample::board(Writing::Allowed));
    // The panel names the key that leads to the changes, as it does of the others.
    harness.get_by_role_and_label(Role::Button, "Change…");
    press_with_command(&mut harness, Key::Enter);
    assert!(harness.query_all_by_label_contains("make a preview first: R").count() > 0);
    assert!(asked(&source).is_empty(), "{:?}", asked(&source));
    press(&mut harness, &[Key::E]);
    write(&mut harness, Role::TextInput, "Path in the JSON", "parcels");
    write(&mut harness, Role::TextInput, "Becomes, JSON", "one");
    let preview = |harness: &mut Harness| click(harness, Role::Button, "Preview 1 letter…");
    preview(&mut harness);
    let told = |harness: &Harness| harness.query_all_by_label_contains("The change in the field is not added yet: \"one\" is no JSON value").count();
    assert_eq!(told(&harness), 1);
    press_with_command(&mut harness, Key::Enter);
    assert_eq!(told(&harness), 1);
    assert!(asked(&source).is_empty(), "{:?}", asked(&source));
    harness.get_by_role_and_label(Role::TextInput, "Becomes, JSON").focus();
    settle(&mut harness);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.event(egui::Event::Text("1".to_owned()));
    settle(&mut harness);
    let changes = |source: &FixedSource| previewed_last(source).options.changes.to_all.iter().map(ToString::to_string).collect::<Vec<_>>();
    preview(&mut harness);
    assert_eq!(changes(&source), ["set parcels to 1"]);
    write(&mut harness, Role::TextInput, "Path in the JSON", "express");
    write(&mut harness, Role::TextInput, "Becomes, JSON", "true");
    press_with_command(&mut harness, Key::Enter);
    assert_eq!(changes(&source), ["set parcels to 1", "set express to true"]);
}

#[test]
fn one_letter_is_edited_as_it_lies_on_the_broker_with_its_secrets_only_where_that_is_asked_for() {
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    press_with_command(&mut harness, Key::E);
    let Some(ReplayCommand::Edit(letter)) = asked(&source).pop() else { panic!("{:?}", asked(&source)) };
    press_with_command(&mut harness, Key::Enter);
    assert_eq!(asked(&source).pop(), Some(ReplayCommand::Edit(letter.clone())), "until it is read nothing goes unedited");
    source.show_replay(sample::editing(&letter, b"{\"order\":4999,\"password\":\"hunter2\"}", true));
    settle(&mut harness);
    let value =
        |harness: &Harness| harness.query_by_role_and_label(Role::MultilineTextInput, "Value of the record").and_then(|node| node.accesskit_node().value());
    assert!(value(&harness).is_none() && harness.query_by_label_contains("hunter2").is_none());
    click(&mut harness, Role::Button, "Show its secrets and edit");
    assert_eq!(value(&harness).as_deref(), Some("{\"order\":4999,\"password\":\"hunter2\"}"));
    write(&mut harness, Role::MultilineTextInput, "Value of the record", " ");
    click(&mut harness, Role::Button, "Preview with this");
    let commands = asked(&source);
    assert!(commands.contains(&ReplayCommand::EndEdit));
    let ask = previewed_last(&source);
    let changes = ask.options.changes.to_one.get(&letter.letter).expect("to this one");
    assert!(changes.len() == 1 && ask.options.changes.to_all.is_empty(), "{changes:?}");
    // Left, it is as it was.
    press_with_command(&mut harness, Key::E);
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source).last(), Some(&ReplayCommand::EndEdit));
}

#[test]
fn a_letter_with_secrets_is_edited_while_they_stay_masked_and_what_is_another_is_told_beside() {
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    press_with_command(&mut harness, Key::E);
    let Some(ReplayCommand::Edit(letter)) = asked(&source).pop() else { panic!("{:?}", asked(&source)) };
    source.show_replay(sample::editing_masked(&letter, b"{\"password\":\"hunter2\",\"order\":4999}"));
    settle(&mut harness);
    harness.get_by_label_contains("Its secrets are masked");
    assert!(harness.query_by_label_contains("hunter2").is_none() && harness.query_by_label_contains("now: ").is_none());
    write(&mut harness, Role::MultilineTextInput, "Value of the record", " ");
    harness.get_by_label_contains("now: …");
    press_with_command(&mut harness, Key::Enter);
    let changes = previewed_last(&source).options.changes.to_one.get(&letter.letter).cloned().expect("to this one");
    assert_eq!(changes, [Change::Value(NewBytes::Text("{\"password\":\"hunter2\",\"order\":4999} ".to_owned()))]);
}

#[test]
fn once_secrets_are_shown_their_masks_do_not_come_back_by_undoing() {
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    press_with_command(&mut harness, Key::E);
    let Some(ReplayCommand::Edit(letter)) = asked(&source).pop() else { panic!("{:?}", asked(&source)) };
    source.show_replay(sample::editing_masked(&letter, b"{\"password\":\"hunter2\",\"order\":4999}"));
    settle(&mut harness);
    write(&mut harness, Role::MultilineTextInput, "Value of the record", " ");
    click(&mut harness, Role::Button, "Show its secrets");
    write(&mut harness, Role::MultilineTextInput, "Value of the record", " ");
    for _ in 0..4 {
        press_with_command(&mut harness, Key::Z);
    }
    press_with_command(&mut harness, Key::Enter);
    let changes = previewed_last(&source).options.changes.to_one.get(&letter.letter).cloned().expect("to this one");
    assert_eq!(changes, [Change::Value(NewBytes::Text("{\"password\":\"hunter2\",\"order\":4999} ".to_owned()))]);
}

#[test]
fn headers_of_one_letter_are_edited_one_by_one_and_what_is_no_json_any_longer_is_told_and_can_be_meant() {
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    press_with_command(&mut harness, Key::E);
    let Some(ReplayCommand::Edit(letter)) = asked(&source).pop() else { panic!("{:?}", asked(&source)) };
    let mut board = sample::editing(&letter, b"{\"order\":4999}", false);
    let header = |name: &str, value: &[u8]| RawHeader { name: name.into(), value: Some(value.to_vec()) };
    let editing = Arc::make_mut(board.editing.as_mut().expect("it is edited"));
    let record = editing.read.as_mut().and_then(|read| read.as_mut().ok()).expect("it was read");
    record.headers = vec![header("traceparent", b"00-1"), header("kafka_dlt-original-topic", b"orders.placed"), header("kind", b"old")];
    source.show_replay(board);
    settle(&mut harness);
    harness.get_by_label_contains("1 other of its failure or of a replay");
    assert!(harness.query_by_label_contains("No JSON").is_none());
    write(&mut harness, Role::MultilineTextInput, "Value of the record", ",");
    harness.get_by_label_contains("No JSON at line 1, column 15");
    write(&mut harness, Role::TextInput, "Value of header 2", "er");
    let press_button = |harness: &mut Harness, label: &str| {
        harness.get_by_role_and_label(Role::Button, label).click_accesskit();
        settle(harness);
    };
    press_button(&mut harness, "Take header 1 away");
    harness.get_by_role_and_label(Role::Button, "Keep header 1");
    press_button(&mut harness, "Add a header");
    write(&mut harness, Role::TextInput, "Name of header 3", "note");
    write(&mut harness, Role::TextInput, "Value of header 3", "mended");
    press_with_command(&mut harness, Key::Enter);
    let changes = previewed_last(&source).options.changes.to_one.get(&letter.letter).cloned().expect("to this one");
    let told: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let headers = "headers by hand: traceparent goes; kind becomes \"older\"; note is added, \"mended\"";
    assert_eq!(told, ["the value becomes \"{\\\"order\\\":4999},\"", headers]);
}

#[test]
fn what_is_edited_is_told_and_a_plan_is_saved_and_a_pause_is_ended() {
    let (source, mut harness) = inbox(sample::edited());
    harness.get_by_label_contains("first · 0@7724");
    assert!(harness.query_all_by_label_contains("\"parcels\":1").count() > 0);
    click(&mut harness, Role::Button, "Save plan");
    assert_eq!(asked(&source).last(), Some(&ReplayCommand::WritePlan { replay_id: "r-7f3k9q2m1a".into() }));
    source.show_replay(ReplayBoard { plan_file: Some(("r-7f3k9q2m1a".into(), "/home/ada/plans/r-7f3k9q2m1a.json".into())), ..sample::edited() });
    settle(&mut harness);
    harness.get_by_label_contains("/home/ada/plans/r-7f3k9q2m1a.json");
    source.show_replay(sample::running(&RunPhase::Paused("inventory is 541 behind, more than 540".into()), 40));
    settle(&mut harness);
    harness.get_by_label_contains("paused: inventory is 541 behind");
    click(&mut harness, Role::Button, "Go on");
    assert_eq!(asked(&source).last(), Some(&ReplayCommand::Continue));
}
