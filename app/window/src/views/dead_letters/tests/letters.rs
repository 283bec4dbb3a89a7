//! The letters: how they are walked, listed, marked, parked and copied.

use std::sync::atomic::{AtomicI64, Ordering};

use switchboard_desk::ledger::LetterState;
use switchboard_desk::send::{
    SendCommand,
    draft::{Payload, RecordDraft, Request},
    replay::AskedLetters,
};
use switchboard_engine::view::{Answer, Query, ScanQuery};
use switchboard_model::ToldPlace;

use super::*;
use crate::tests::objects;

#[test]
fn letters_are_marked_and_previewed_by_keyboard_alone() {
    let (source, mut harness) = inbox(sample::board(Writing::Allowed));
    harness.get_by_label_contains("orders.placed-dlt 0@8609, key 4999, open, origin 1@20269, tried 10");
    harness.get_by_role_and_label(Role::Heading, "orders.placed-dlt 0@8609 · key 4999");
    press(&mut harness, &[Key::Space, Key::ArrowDown, Key::Space, Key::R]);
    let [ReplayCommand::Preview(ask)] = &asked(&source)[..] else { panic!("{:?}", asked(&source)) };
    let AskedLetters::These(letters) = &ask.letters else { panic!("{ask:?}") };
    let offsets: Vec<i64> = letters.iter().filter_map(|asked| asked.letter.at.place.offset()).collect();
    assert_eq!((ask.cluster.as_str(), &ask.target, offsets), (sample::CLUSTER, &"orders.placed".into(), vec![8_603, 8_609]));
    assert_eq!(
        (letters[0].origin_place.as_ref().and_then(ToldPlace::partition), letters[0].failed_group.as_deref(), ask.num_stored),
        (Some(3), Some("inventory"), 298)
    );
    press(&mut harness, &[Key::A]);
    harness.get_by_label("298 marked, 298 of them open");
    press(&mut harness, &[Key::R]);
    assert!(all_but(&source).is_empty(), "all of the cause are meant");
    press(&mut harness, &[Key::Home, Key::Space]);
    harness.get_by_label("297 marked, 297 of them open");
    press(&mut harness, &[Key::R]);
    assert_eq!(all_but(&source), [8_609], "but for those that were taken out");
}

/// Offsets of the letters that are left out where all open ones were asked for last.
fn all_but(source: &FixedSource) -> Vec<i64> {
    match asked(source).pop() {
        Some(ReplayCommand::Preview(ReplayAsk { letters: AskedLetters::AllOpen { cause, except, .. }, .. })) if cause.fingerprint == sample::CAUSE => {
            except.iter().filter_map(|letter| letter.at.place.offset()).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn more_letters_than_a_page_are_walked_over_its_ends_and_marked_all_at_once() {
    let source = source(sample::board(Writing::Allowed));
    source.answer_with(sample::answer_of_many);
    let mut harness = harness(&source, UiCommand::Show(ViewKind::DeadLetters));
    harness.get_by_label("1 – 1,000 of 2,345, open and newest first");
    assert!(harness.get_by_role_and_label(Role::Button, "Letters before").accesskit_node().is_disabled());
    harness.get_by_role_and_label(Role::Button, "Letters after").click();
    settle(&mut harness);
    harness.get_by_label("1,001 – 2,000 of 2,345, open and newest first");
    harness.get_by_role_and_label(Role::Heading, "orders.placed-dlt 0@11750 · key 6046");
    // Up from the first of the page to the last of the one before, and down again.
    press(&mut harness, &[Key::Space, Key::ArrowUp, Key::ArrowUp]);
    harness.get_by_label("1 – 1,000 of 2,345, open and newest first");
    harness.get_by_role_and_label(Role::Heading, "orders.placed-dlt 0@11753 · key 6047");
    press(&mut harness, &[Key::Space]);
    harness.get_by_label("1,001 – 2,000 of 2,345, open and newest first");
    harness.get_by_label("2 marked, 2 of them open");
    press(&mut harness, &[Key::End]);
    harness.get_by_label("2,001 – 2,345 of 2,345, open and newest first");
    press(&mut harness, &[Key::R]);
    let Some(ReplayCommand::Preview(ReplayAsk { letters: AskedLetters::These(letters), num_stored, .. })) = asked(&source).pop() else {
        panic!("no preview was asked for")
    };
    assert_eq!((letters.iter().filter_map(|asked| asked.letter.at.place.offset()).collect::<Vec<_>>(), num_stored), (vec![11_750, 11_753], 2_345));
    press(&mut harness, &[Key::A, Key::R]);
    assert!(all_but(&source).is_empty());
}

/// The rows of the list, top to bottom, by offset, and the word for each state.
fn listed(harness: &Harness) -> Vec<(String, String)> {
    let row = |label: String| {
        let (place, rest) = label.strip_prefix("orders.placed-dlt ")?.split_once(", key ")?;
        Some((place.to_owned(), rest.split(", ").nth(1)?.to_owned()))
    };
    harness.query_all_by_role(Role::ListItem).filter_map(|node| row(node.accesskit_node().label()?)).collect()
}

#[test]
fn open_letters_stand_on_top_and_a_key_lists_those_of_each_state() {
    let (_source, mut harness) = inbox(sample::running(&RunPhase::Rest, 40));
    let chosen = |harness: &Harness, choice: &str| {
        harness.get_by_role_and_label(Role::RadioButton, choice).accesskit_node().toggled() == Some(egui::accesskit::Toggled::True)
    };
    assert!(chosen(&harness, "letters: all, 298"));
    assert_eq!(listed(&harness)[0], ("0@8609".to_owned(), "open".to_owned()), "the newest of those that are open");
    press(&mut harness, &[Key::End]);
    assert_eq!(listed(&harness).last(), Some(&("0@7724".to_owned(), "consumed".to_owned())), "what is dealt with stands below");
    press(&mut harness, &[Key::F]);
    assert!(chosen(&harness, "letters: open, 258"));
    assert!(listed(&harness).iter().all(|(_, state)| state == "open"));
    press(&mut harness, &[Key::F]);
    assert!(chosen(&harness, "letters: sent?, 1"));
    assert_eq!(listed(&harness), [("0@7745".to_owned(), "sent?".to_owned())]);
    harness.get_by_role_and_label(Role::RadioButton, "letters: sent, 11").click();
    settle(&mut harness);
    assert_eq!(listed(&harness).len(), 11);
    assert!(harness.query_by_label_contains("letters: parked").is_none(), "there is none to list");
    // The choice is the view's: another cause is listed by it, too.
    press(&mut harness, &[Key::ArrowLeft, Key::ArrowDown]);
    assert!(chosen(&harness, "letters: sent, 0"));
    harness.get_by_label("No stored letter of this cause is sent");
}

#[test]
fn what_dies_after_all_were_marked_is_not_marked() {
    let num = Arc::new(AtomicI64::new(298));
    let source = source(sample::board(Writing::Allowed));
    let now = Arc::clone(&num);
    source.answer_with(move |query| match query {
        Query::Scan(ScanQuery::DeadLetters { order, skip, limit, .. }) => Some(sample::page(now.load(Ordering::Relaxed), order, *skip, *limit)),
        other => sample::answer(other),
    });
    let mut harness = harness(&source, UiCommand::Show(ViewKind::DeadLetters));
    press(&mut harness, &[Key::A]);
    harness.get_by_label("298 marked, 298 of them open");
    num.store(301, Ordering::Relaxed);
    source.publish(sample::snapshot());
    for _ in 0..3 {
        settle(&mut harness);
    }
    press(&mut harness, &[Key::Home]);
    harness.get_by_label_contains("orders.placed-dlt 0@8618, key 5002, open, origin");
    harness.get_by_label_contains("orders.placed-dlt 0@8609, key 4999, open, marked");
    harness.get_by_label("298 marked, 298 of them open");
    press(&mut harness, &[Key::R]);
    let Some(ReplayCommand::Preview(ReplayAsk { letters: AskedLetters::AllOpen { until_ns, .. }, .. })) = asked(&source).pop() else { panic!("no preview") };
    let last_ns = sample::key(297).timestamp_ns.expect("a time");
    assert_eq!(until_ns, last_ns, "as of when they were marked");
    press(&mut harness, &[Key::A]);
    harness.get_by_label("301 marked, 301 of them open");
}

#[test]
fn letters_are_parked_with_a_note_and_taken_out_again() {
    let (source, mut harness) = inbox(sample::board(Writing::Allowed));
    press(&mut harness, &[Key::Space, Key::Space, Key::P]);
    harness.get_by_role_and_label(Role::TextInput, "Note").type_text("ask the catalog team");
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Button, "Park").click();
    settle(&mut harness);
    let [ReplayCommand::Park { letters: AskedLetters::These(letters), note }] = &asked(&source)[..] else { panic!("{:?}", asked(&source)) };
    assert_eq!((letters.len(), note.as_str()), (2, "ask the catalog team"));

    let mut parked = sample::board(Writing::Allowed);
    let record = switchboard_desk::ledger::LetterRecord {
        state: LetterState::Parked("ask the catalog team".into()),
        kind: letters[0].kind,
        ..switchboard_desk::ledger::LetterRecord::default()
    };
    parked.letters = std::sync::Arc::new([(sample::key(0), record)].into_iter().collect());
    parked.letters_version = 9;
    source.show_replay(parked);
    run(&mut harness, UiCommand::WalkLast);
    harness.get_by_label_contains("orders.placed-dlt 0@7718, key 4702, parked: ask the catalog team");
    run(&mut harness, UiCommand::UnparkLetters);
    assert!(matches!(asked(&source).last(), Some(ReplayCommand::Unpark { letters }) if letters.len() == 1));
}

#[test]
fn a_letter_is_copied_with_ids_and_times() {
    let (_source, mut harness) = inbox(sample::board(Writing::Allowed));
    run(&mut harness, UiCommand::WalkLast);
    let ctx = harness.ctx.clone();
    let _asked = harness.state_mut().window.run(&ctx, UiCommand::CopyJson);
    harness.step();
    let json: serde_json::Value = serde_json::from_str(&copied(&harness).expect("copied")).expect("JSON");
    assert_eq!((json["offset"].as_i64(), json["origin_offset"].as_i64(), json["attempts"].as_i64()), (Some(7_718), Some(18_190), Some(10)));
    assert!(json["trace_id"].as_str().is_some_and(|id| id.len() == 32) && json["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{json}");
    let _asked = harness.state_mut().window.run(&ctx, UiCommand::CopyMarkdown);
    harness.step();
    assert!(copied(&harness).is_some_and(|text| text.starts_with("### orders.placed-dlt 0@7718") && text.contains("shipTo is null")));
}

/// What was asked to be sent last.
fn record_sent(source: &FixedSource) -> RecordDraft {
    let send = |command: SessionCommand| match command {
        SessionCommand::Send(command) => match *command {
            SendCommand::Send(ask) => Some(ask.draft.request.clone()),
            _ => None,
        },
        _ => None,
    };
    match source.commands().into_iter().rev().find_map(send) {
        Some(Request::Record(record)) => record,
        other => panic!("a record is sent, not {other:?}"),
    }
}

/// The letter that is looked at becomes the record that is composed, by the menu of its row or from the palette.
fn composed_from_a_letter(source: &FixedSource, by_pointer: bool) -> Harness {
    let mut harness = harness(source, UiCommand::Show(ViewKind::DeadLetters));
    if by_pointer {
        let at = harness.get_by_label_contains("orders.placed-dlt 0@8603, key 4997").rect().center();
        objects::click(&mut harness, at, egui::PointerButton::Secondary);
        harness.get_by_role_and_label(Role::MenuItem, "Send to this…").click();
        settle(&mut harness);
    } else {
        press(&mut harness, &[Key::ArrowDown, Key::ArrowDown]);
        press_with_command(&mut harness, Key::P);
        harness.event(Event::Text("Send to this".to_owned()));
        settle(&mut harness);
        press(&mut harness, &[Key::Enter]);
    }
    assert_eq!(harness.state().window.focus(), ViewKind::Send);
    harness
}

#[test]
fn a_letter_is_composed_as_a_record_by_pointer_and_by_keys() {
    for by_pointer in [true, false] {
        let source = source(sample::board(Writing::Allowed));
        let mut harness = composed_from_a_letter(&source, by_pointer);
        harness.get_by_label_contains("It goes to orders.placed, where the letter of orders.placed-dlt came from");
        harness.get_by_label_contains("What tells of its failure was left out: 3 headers");
        press_with_command(&mut harness, Key::Enter);
        let record = record_sent(&source);
        assert_eq!((record.cluster.as_str(), record.topic.as_str()), (sample::CLUSTER, "orders.placed"));
        assert!(matches!(&record.value, Payload::Json(json) if json.starts_with("{\"orderId\":4997,")), "{:?}", record.value);
        let names: Vec<&str> = record.headers.iter().map(|header| header.name.as_str()).collect();
        assert_eq!(names, ["ce_type", "authorization"], "by pointer: {by_pointer}");
    }
}

#[test]
fn of_a_letter_with_secrets_nothing_is_taken_over_but_where_it_goes() {
    let source = source(sample::board(Writing::Allowed));
    source.answer_with(|query| {
        let mut answer = sample::answer(query);
        if let Some(Answer::RecordDetails(records)) = &mut answer {
            records.iter_mut().flatten().for_each(|record| record.redacted = true);
        }
        answer
    });
    let mut harness = composed_from_a_letter(&source, false);
    harness.get_by_label_contains("the record holds secrets, which are not kept. Replay it in Dead letters, where it is read again from the broker");
    press_with_command(&mut harness, Key::Enter);
    let record = record_sent(&source);
    assert_eq!((record.topic.as_str(), record.value, record.headers.len()), ("orders.placed", Payload::Json("{}".to_owned()), 0));
}
