//! How many of a preview go first, and how fast the rest goes, chosen beside it by keys.

use switchboard_desk::send::replay::ChosenPace;

use super::*;

fn type_text(harness: &mut Harness, text: &str) {
    for letter in text.chars() {
        harness.event(Event::Text(letter.to_string()));
        settle(harness);
    }
}

fn value(harness: &Harness, field: &str) -> (Option<String>, bool) {
    let node = harness.get_by_role_and_label(Role::TextInput, field);
    (node.accesskit_node().value(), node.accesskit_node().is_focused())
}

fn pace(num_first: Option<u32>, rate_per_s: Option<u32>) -> ReplayCommand {
    ReplayCommand::Pace { replay_id: "r-7f3k9q2m1a".into(), pace: ChosenPace { num_first, rate_per_s } }
}

fn is_available(harness: &Harness, button: &str) -> bool {
    !harness.get_by_role_and_label(Role::Button, button).accesskit_node().is_disabled()
}

#[test]
fn both_are_chosen_by_keys_and_the_run_begins_once_the_preview_shows_them() {
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    harness.set_size(egui::vec2(1_280.0, 1_800.0));
    settle(&mut harness);
    harness.get_by_label_contains("5 first, then 10 /s, the rest waits until the first were consumed; it begins slowly and takes about 32 s");
    press_with_command(&mut harness, Key::G);
    assert_eq!(value(&harness, "First"), (Some(String::new()), true));
    type_text(&mut harness, "20");
    assert_eq!(asked(&source), [pace(Some(2), None), pace(Some(20), None)]);
    // What the preview does not show yet is not sent, but asked for again.
    press_with_command(&mut harness, Key::Enter);
    assert_eq!(asked(&source).pop(), Some(pace(Some(20), None)));
    source.show_replay(sample::paced(Some(20), None));
    settle(&mut harness);
    assert!(is_available(&harness, "Send the first 20"));
    press(&mut harness, &[Key::Tab]);
    assert_eq!((value(&harness, "First").0.as_deref(), value(&harness, "Rate")), (Some("20"), (Some(String::new()), true)));
    type_text(&mut harness, "50");
    assert_eq!(asked(&source).pop(), Some(pace(Some(20), Some(50))));
    source.show_replay(ReplayBoard { version: 5, ..sample::paced(Some(20), Some(50)) });
    settle(&mut harness);
    harness.get_by_label_contains("20 first, then 50 /s");
    harness.get_by_label_contains("takes about 8 s · chosen for this run, else 5 first, then 10 /s");
    let num_asked = asked(&source).len();
    press_with_command(&mut harness, Key::Enter);
    assert_eq!(asked(&source)[num_asked..], [ReplayCommand::Start { replay_id: "r-7f3k9q2m1a".into(), typed_name: None }]);
    // Leaving the field is not yet leaving the preview.
    press(&mut harness, &[Key::Escape]);
    assert_eq!((value(&harness, "Rate").1, asked(&source).len()), (false, num_asked + 1));
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source).pop(), Some(ReplayCommand::Dismiss));
    source.show_replay(sample::running(&RunPhase::Watching, 5));
    settle(&mut harness);
    assert!(harness.query_by_role_and_label(Role::TextInput, "First").is_none());
    press_with_command(&mut harness, Key::G);
    assert!(harness.query_all_by_label_contains("a run keeps the pace that it was begun with").next().is_some());
}

#[test]
fn what_is_not_let_says_why_and_nothing_is_sent_or_saved_meanwhile() {
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    for (field, typed, why) in [
        ("First", "0", "0 cannot go first: choose 1 to 100, for each of these is followed before the rest goes"),
        ("First", "few", "First: \"few\" is no number from 1 to 100. Write one, or leave it empty"),
        ("Rate", "x", "Rate: \"x\" is no number from 1 to 10000. Write one, or leave it empty"),
        ("Rate", "80", "80 a second is more than the profile lets go to this cluster, 50 (replay.per_second). Choose 50 or fewer, or raise it there"),
    ] {
        press_with_command(&mut harness, Key::G);
        if field == "Rate" {
            press(&mut harness, &[Key::Tab]);
        }
        harness.event(Event::Text(typed.to_owned()));
        settle(&mut harness);
        assert_eq!(harness.query_all_by_label(why).count(), 1, "{why}");
        assert!(!is_available(&harness, "Send the first 5") && !is_available(&harness, "Save plan"), "{typed}");
        press_with_command(&mut harness, Key::Enter);
        assert!(asked(&source).is_empty(), "{typed}: {:?}", asked(&source));
        harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        press(&mut harness, &[Key::Backspace]);
        assert!(is_available(&harness, "Send the first 5") && is_available(&harness, "Save plan"), "{typed}");
    }
    press(&mut harness, &[Key::Escape]);
    harness.get_by_role_and_label(Role::Button, "Save plan").click();
    settle(&mut harness);
    assert_eq!(asked(&source), [ReplayCommand::WritePlan { replay_id: "r-7f3k9q2m1a".into() }]);
}

#[test]
fn what_is_changed_besides_is_previewed_at_the_chosen_pace() {
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    press(&mut harness, &[Key::E]);
    press_with_command(&mut harness, Key::G);
    type_text(&mut harness, "7");
    assert_eq!(asked(&source), [pace(Some(7), None)]);
    source.show_replay(sample::paced(Some(7), None));
    settle(&mut harness);
    harness.get_by_role_and_label(Role::CheckBox, "Each keeps its time").click();
    settle(&mut harness);
    press_with_command(&mut harness, Key::Enter);
    let options = previewed_last(&source).options;
    assert_eq!((options.keeps_time, options.pace), (true, ChosenPace { num_first: Some(7), rate_per_s: None }));
}
