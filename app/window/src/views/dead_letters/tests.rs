//! The inbox and a replay through labels and keys, and as pictures.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use switchboard_engine::view::{ChannelKey, Query, ScanQuery, Snapshot};
use switchboard_model::{RawHeader, ToldPlace};

use super::sample;
use switchboard_desk::{
    ledger::{Ending, LetterState},
    send::replay::{AskedLetters, ReplayAsk, ReplayBoard, ReplayCommand, RunPhase, Writing},
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

#[test]
fn the_inbox_says_what_died_of_what_and_what_is_still_open() {
    let (_source, harness) = inbox(sample::parked(sample::running(&RunPhase::Rest, 40)));
    harness.get_by_label_contains("270 of 312 letters open on orders.placed-dlt · 3 causes · 1 sent? · 11 sent · 3 parked · 28 consumed");
    harness.get_by_label_contains("259 open of 298, 1 sent? · 11 sent · 28 consumed: NullPointerException at OrderMapper:88");
    harness.get_by_label_contains("0 open of 3, 3 parked: UnknownSkuException");
    harness.get_by_label_contains("11 open of 11: schema id … unknown to the reader");
}

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
fn a_preview_tells_its_age_and_is_made_again_of_the_same_letters() {
    let (source, mut harness) = inbox(sample::board(Writing::Allowed));
    press(&mut harness, &[Key::Space, Key::Space, Key::R]);
    let first = asked(&source);
    let mut board = sample::previewed(Writing::Allowed);
    Arc::make_mut(board.preview.as_mut().expect("a preview")).ask = Arc::new(previewed_last(&source));
    source.show_replay(board);
    settle(&mut harness);
    assert!(harness.query_by_role_and_label(Role::Button, "Make it again").is_none(), "it is as new as can be");
    source.advance_s(75);
    settle(&mut harness);
    harness.get_by_label_contains("nothing has been sent · read 1 min ago");
    harness.get_by_role_and_label(Role::Button, "Make it again").click();
    settle(&mut harness);
    assert_eq!(asked(&source), [first.clone(), first].concat());
    // One of its letters is dealt with: it is not as it was.
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    let changed = ReplayBoard { letters_version: 9, ..sample::running(&RunPhase::Watching, 5) };
    source.show_replay(ReplayBoard { run: None, ..changed });
    settle(&mut harness);
    harness.get_by_label("5 letters were dealt with since it was made and will be skipped");
    harness.get_by_role_and_label(Role::Button, "Make it again");
}

#[test]
fn a_preview_of_which_nothing_would_be_sent_says_so_and_why() {
    let mut board = sample::previewed(Writing::Allowed);
    Arc::make_mut(board.preview.as_mut().expect("a preview")).planned.clear();
    let (_source, harness) = inbox(board);
    harness.get_by_label_contains("nothing would be sent: every letter is skipped");
    harness.get_by_label("0@7718, 0@7721, 2, expired: the partition begins at offset 7724 by now");
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
fn a_preview_says_what_is_sent_what_is_skipped_and_who_reads_it_again() {
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    harness.get_by_role_and_label(Role::Heading, "Replay 296 to orders.placed");
    harness.get_by_label_contains("dry run · nothing has been sent · read ");
    harness.get_by_label("will be sent, 296 of 298");
    harness.get_by_label("skipped, 2");
    harness.get_by_label("0@7718, 0@7721, 2, expired: the partition begins at offset 7724 by now");
    harness.get_by_label("inventory, lag 0, the one that failed · 2 members");
    harness.get_by_label("fraud, lag 212 · 7 s, reads them twice, unless it began later · 2 members");
    harness.get_by_label("inventory → ups-gateway, half-open 1/2");
    press(&mut harness, &[Key::End]);
    harness.get_by_label("The preview leaves it out: expired: the partition begins at offset 7724 by now");
    press(&mut harness, &[Key::ArrowUp, Key::ArrowUp]);
    harness.get_by_label("kafka_dlt-original-offset 18204, stripped · spring");
    harness.get_by_label("x-switchboard-replay-id r-7f3k9q2m1a.3, added");
    harness.get_by_label("authorization redacted:ab12cd, kept, sent as it is on the broker");
    press_with_command(&mut harness, Key::Enter);
    assert_eq!(asked(&source), [ReplayCommand::Start { replay_id: "r-7f3k9q2m1a".into(), typed_name: None }]);
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source).last(), Some(&ReplayCommand::Dismiss));
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
fn a_read_only_profile_says_why_and_an_attempt_goes_to_the_session_which_refuses_it() {
    let (source, mut harness) = inbox(sample::previewed(sample::read_only()));
    harness.get_by_label_contains("Set write = true in its [[kafka]] table");
    press_with_command(&mut harness, Key::Enter);
    assert_eq!(asked(&source).len(), 1, "every attempt is written down by the session");
    let mut refused = sample::previewed(sample::read_only());
    refused.refusal = Some("`lab-kafka` is read-only".into());
    refused.version = 9;
    source.show_replay(refused);
    settle(&mut harness);
    harness.get_by_label("`lab-kafka` is read-only");
}

#[test]
fn what_nothing_allows_can_be_allowed_for_this_session() {
    for asks_for_name in [false, true] {
        let locked = Writing::Locked { reason: "`lab-kafka` is read-only".into(), asks_for_name };
        let (source, mut harness) = inbox(sample::previewed(locked));
        harness.get_by_label("`lab-kafka` is read-only");
        harness.get_by_role_and_label(Role::Button, "Allow sending to lab-kafka for this session");
        if asks_for_name {
            harness.get_by_role_and_label(Role::TextInput, "The cluster's name").focus();
            settle(&mut harness);
            harness.get_by_role_and_label(Role::TextInput, "The cluster's name").type_text("lab-kafka");
            settle(&mut harness);
        }
        press_with_command(&mut harness, Key::Enter);
        let typed_name = asks_for_name.then(|| "lab-kafka".to_owned());
        assert_eq!(asked(&source), [ReplayCommand::Allow { replay_id: "r-7f3k9q2m1a".into(), typed_name }]);
    }
}

#[test]
fn production_asks_for_the_clusters_name() {
    let (source, mut harness) = inbox(sample::previewed(Writing::AsksForName));
    harness.get_by_label("Type lab-kafka to send to this production cluster");
    let name = harness.get_by_role_and_label(Role::TextInput, "The cluster's name");
    name.focus();
    settle(&mut harness);
    harness.get_by_role_and_label(Role::TextInput, "The cluster's name").type_text("lab-kafka");
    settle(&mut harness);
    press_with_command(&mut harness, Key::Enter);
    assert_eq!(asked(&source), [ReplayCommand::Start { replay_id: "r-7f3k9q2m1a".into(), typed_name: Some("lab-kafka".into()) }]);
}

#[test]
fn a_run_shows_the_first_and_the_rest_goes_and_stops_by_a_key() {
    let (source, mut harness) = inbox(sample::running(&RunPhase::Watching, 5));
    harness.get_by_label("the first few are sent; waiting to see the group that failed process them, and none come back");
    harness.get_by_label_contains("0@7724, ✓ consumed");
    harness.get_by_label_contains("0@7736, · persisted, waiting");
    harness.get_by_label_contains("inventory, lag 142 · 4 s");
    let rest = harness.get_by_role_and_label(Role::Button, "Send the rest");
    assert!(rest.accesskit_node().is_disabled());
    press_with_command(&mut harness, Key::Enter);
    assert_eq!(asked(&source), [], "not before the first were read");
    source.show_replay(sample::running(&RunPhase::Passed, 5));
    settle(&mut harness);
    press_with_command(&mut harness, Key::Enter);
    assert_eq!(asked(&source), [ReplayCommand::Continue]);
    source.show_replay(sample::running(&RunPhase::Rest, 40));
    settle(&mut harness);
    harness.get_by_label("40 of 296 tried, 0 dead again · 25 s left");
    harness.get_by_label("possibly persisted, 1");
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source).last(), Some(&ReplayCommand::Stop));
    let halted = RunPhase::Ended(Ending::Halted, "orders.placed-dlt 0@7730 came back dead".into());
    source.show_replay(sample::running(&halted, 5));
    settle(&mut harness);
    harness.get_by_label("stopped by itself: orders.placed-dlt 0@7730 came back dead");
    harness.get_by_label_contains("✕ dead again");
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source).last(), Some(&ReplayCommand::Dismiss));
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

#[test]
fn without_dead_letters_it_says_what_would_bring_them() {
    let source = FixedSource::new(Snapshot::default());
    let harness = harness(&source, UiCommand::Show(ViewKind::DeadLetters));
    harness.get_by_label("No dead letters");
    harness.get_by_label_contains("Add a Kafka cluster");
}

#[test]
fn pictures_of_the_inbox_stay_as_they_are() {
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
    picture("inbox-after-light", ThemeChoice::Light, (1280, 800), &after, &show);
    let changed = source(sample::edited());
    let form = [Step::Run(UiCommand::Show(ViewKind::DeadLetters)), Step::Run(UiCommand::ChangeReplay)];
    picture("inbox-changes-dark", ThemeChoice::Dark, (1280, 1000), &changed, &form);
    let value = b"{\n  \"orderId\": 4999,\n  \"customer\": \"customer-3\",\n  \"parcels\": 0,\n  \"shipTo\": { \"country\": \"DE\" }\n}";
    let edited = source(sample::editing(&sample::asked(297), value, false));
    let editor = [Step::Run(UiCommand::Show(ViewKind::DeadLetters)), Step::Run(UiCommand::EditRecord)];
    picture("inbox-editor-light", ThemeChoice::Light, (1280, 800), &edited, &editor);
}

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

fn previewed_last(source: &FixedSource) -> ReplayAsk {
    match asked(source).pop() {
        Some(ReplayCommand::Preview(ask)) => ask,
        other => panic!("something is previewed, not {other:?}"),
    }
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
