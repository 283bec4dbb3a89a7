//! The inbox and a replay through labels and keys, and as pictures: the inbox as a whole here, its parts beside.

mod changing;
mod letters;
mod pace;
mod replaying;

use std::sync::Arc;

use egui::{Event, Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use switchboard_engine::view::{ChannelKey, Snapshot};

use super::sample;
use switchboard_desk::{
    ledger::Ending,
    send::replay::{ReplayAsk, ReplayBoard, ReplayCommand, RunPhase, Writing},
};

use crate::{
    SessionCommand, ThemeChoice, WindowApp,
    testing::FixedSource,
    tests::harness::{Step, copied, goto, harness, picture, press, run, settle, stays_while_answers_are_late},
    view::{Target, UiCommand, ViewKind},
};

type Harness = egui_kittest::Harness<'static, WindowApp>;

fn source(board: ReplayBoard) -> FixedSource {
    let source = FixedSource::new(sample::snapshot());
    source.answer_with(sample::answer);
    source.show_replay(board);
    source
}

fn inbox(board: ReplayBoard) -> (FixedSource, Harness) {
    let source = source(board);
    let harness = harness(&source, UiCommand::Show(ViewKind::DeadLetters));
    (source, harness)
}

/// What was asked of replaying, oldest first.
fn asked(source: &FixedSource) -> Vec<ReplayCommand> {
    let replay = |command: SessionCommand| match command {
        SessionCommand::Replay(command) => Some(*command),
        _ => None,
    };
    source.commands().into_iter().filter_map(replay).collect()
}

fn press_with_command(harness: &mut Harness, key: Key) {
    harness.key_press_modifiers(Modifiers::COMMAND, key);
    settle(harness);
}

fn previewed_last(source: &FixedSource) -> ReplayAsk {
    match asked(source).pop() {
        Some(ReplayCommand::Preview(ask)) => ask,
        other => panic!("something is previewed, not {other:?}"),
    }
}

#[test]
fn the_inbox_says_what_died_of_what_and_what_is_still_open() {
    let (_source, harness) = inbox(sample::parked(sample::running(&RunPhase::Rest, 40)));
    harness.get_by_label_contains("270 of 312 letters open on orders.placed-dlt · 3 causes · 1 sent? · 11 sent · 3 parked · 28 consumed");
    harness.get_by_label_contains("259 open of 298, 1 sent? · 11 sent · 28 consumed: NullPointerException at OrderMapper:88");
    harness.get_by_label_contains("0 open of 3, 3 parked: UnknownSkuException");
    harness.get_by_label_contains("11 open of 11: schema id … unknown to the reader");
}

#[test]
fn the_map_counts_down_as_letters_are_dealt_with_and_is_quiet_once_none_is_open() {
    let source = source(sample::board(Writing::Allowed));
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Map));
    harness.get_by_label("312 dead");
    source.show_replay(sample::running(&RunPhase::Rest, 40));
    settle(&mut harness);
    harness.get_by_label("273 dead");
    harness.get_by_label_contains("NullPointerException at OrderMapper:88 · 259 open of 298");
    let done = sample::all_parked();
    source.show_replay(done);
    settle(&mut harness);
    assert!(harness.query_all_by_label_contains(" dead").next().is_none(), "nothing is open");
}

#[test]
fn what_is_seen_of_letters_stays_while_it_is_asked_anew() {
    let (source, mut harness) = inbox(sample::running(&RunPhase::Rest, 40));
    stays_while_answers_are_late(&mut harness, &source);
}

#[test]
fn causes_are_walked_and_a_jump_leads_to_one() {
    let (_source, mut harness) = inbox(sample::board(Writing::Allowed));
    press(&mut harness, &[Key::ArrowLeft, Key::ArrowDown]);
    let chosen = harness.get_by_label_contains("11 open of 11: schema id");
    assert_eq!(chosen.accesskit_node().toggled(), Some(egui::accesskit::Toggled::True));
    let channel = ChannelKey { cluster: None, name: "orders.placed".to_owned() };
    goto(&mut harness, &Target::DeadLetters { channel, fingerprint: Some("UnknownSkuException: sku … is not known".to_owned()) });
    assert_eq!(harness.get_by_label_contains("3 open of 3: UnknownSku").accesskit_node().toggled(), Some(egui::accesskit::Toggled::True));
}

#[test]
fn keys_do_nothing_behind_an_open_menu_and_escape_closes_it_alone() {
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    for (button, entry) in [("Menu", "Session"), ("range 1 min", "15 min")] {
        harness.get_by_role_and_label(Role::Button, button).click();
        settle(&mut harness);
        press(&mut harness, &[Key::R, Key::Slash]);
        press_with_command(&mut harness, Key::Enter);
        assert!(harness.query_by_label(entry).is_some(), "`{button}` is open");
        press(&mut harness, &[Key::Escape]);
        assert!(harness.query_by_label(entry).is_none(), "`{button}` is closed");
        assert!(asked(&source).is_empty(), "the preview is as it was");
        assert!(harness.query_by_role_and_label(Role::SearchInput, "Find anything").is_none());
        harness.get_by_role_and_label(Role::Heading, "Replay 296 to orders.placed");
    }
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source), [ReplayCommand::Dismiss], "without a menu it is the preview that is closed");
}

#[test]
fn a_cause_that_is_being_worked_off_keeps_its_place_until_nothing_of_it_is_open() {
    let place = |harness: &Harness, text: &str| harness.get_by_label_contains(text).rect().top();
    let (source, mut harness) = inbox(sample::running(&RunPhase::Rest, 40));
    assert!(place(&harness, "259 open of 298") < place(&harness, "11 open of 11"));
    let done = sample::running(&RunPhase::Ended(Ending::Finished, String::new()), 296);
    source.show_replay(ReplayBoard { letters_version: done.letters_version + 1, ..done });
    settle(&mut harness);
    assert!(place(&harness, "3 open of 298") < place(&harness, "11 open of 11"));
}

#[test]
fn without_dead_letters_it_says_what_would_bring_them() {
    let source = FixedSource::new(Snapshot::default());
    let harness = harness(&source, UiCommand::Show(ViewKind::DeadLetters));
    harness.get_by_label("No dead letters");
    harness.get_by_label_contains("Add a Kafka cluster");
}

#[test]
fn pictures_of_the_inbox_stay_as_they_are() {
    let key = |key: Key, modifiers: Modifiers| Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers };
    let show = [Step::Run(UiCommand::Show(ViewKind::DeadLetters))];
    let all = [
        Step::Run(UiCommand::Show(ViewKind::DeadLetters)),
        Step::Run(UiCommand::MarkAllLetters),
        Step::Run(UiCommand::WalkDown),
        Step::Run(UiCommand::WalkDown),
    ];
    let before = source(sample::parked(sample::board(Writing::Allowed)));
    let previewed = source(sample::parked(sample::previewed(Writing::Allowed)));
    let after = source(sample::parked(sample::running(&RunPhase::Rest, 180)));
    picture("inbox-before-light", ThemeChoice::Light, (1280, 800), &before, &show);
    picture("inbox-preview-dark", ThemeChoice::Dark, (1280, 800), &previewed, &all);
    let paced = source(sample::paced(Some(20), None));
    let chosen = [
        Step::Run(UiCommand::Show(ViewKind::DeadLetters)),
        Step::Run(UiCommand::PaceReplay),
        Step::Type(vec![key(Key::Tab, Modifiers::NONE)]),
        Step::Type(vec![Event::Text("80".into())]),
    ];
    picture("inbox-pace-dark", ThemeChoice::Dark, (1280, 800), &paced, &chosen);
    picture("inbox-pace-light", ThemeChoice::Light, (1280, 800), &paced, &chosen);
    picture("inbox-after-light", ThemeChoice::Light, (1280, 800), &after, &show);
    let changed = source(sample::edited());
    let form = [Step::Run(UiCommand::Show(ViewKind::DeadLetters)), Step::Run(UiCommand::ChangeReplay)];
    picture("inbox-changes-dark", ThemeChoice::Dark, (1280, 1000), &changed, &form);
    let value = b"{\n  \"orderId\": 4999,\n  \"customer\": \"customer-3\",\n  \"parcels\": 0,\n  \"shipTo\": { \"country\": \"DE\" }\n}";
    let edited = source(sample::editing(&sample::asked(297), value, false));
    let editor = [Step::Run(UiCommand::Show(ViewKind::DeadLetters)), Step::Run(UiCommand::EditRecord)];
    picture("inbox-editor-light", ThemeChoice::Light, (1280, 800), &edited, &editor);
    let value = b"{\n  \"orderId\": 4999,\n  \"parcels\": 0,\n  \"token\": \"eyJhbGciOiJIUzI1NiJ9\",\n  \"shipTo\": { \"country\": \"DE\" }\n}";
    let masked = source(sample::editing_masked(&sample::asked(297), value));
    let down = |lines: usize| -> Vec<Event> {
        let begin = key(Key::ArrowUp, Modifiers::COMMAND);
        std::iter::once(begin).chain((0..lines).map(|_| key(Key::ArrowDown, Modifiers::NONE))).chain([key(Key::End, Modifiers::NONE)]).collect()
    };
    // Another number in the third line, and the country in the fifth.
    let back = |num: usize| (0..num).map(|_| key(Key::Backspace, Modifiers::NONE)).collect::<Vec<Event>>();
    let parcels = [down(2), back(2), vec![Event::Text("12,".into())]].concat();
    let country = [down(4), back(5), vec![Event::Text("AT\" }".into())]].concat();
    let typed = [&editor[..], &[Step::Type(parcels), Step::Type(country)]].concat();
    picture("inbox-editor-masked-dark", ThemeChoice::Dark, (1280, 1000), &masked, &typed);
    picture("inbox-editor-masked-light", ThemeChoice::Light, (1280, 1000), &masked, &typed);
    picture("inbox-changes-light", ThemeChoice::Light, (1280, 1000), &changed, &form);
    picture("inbox-preview-light", ThemeChoice::Light, (1280, 800), &previewed, &all);
}
