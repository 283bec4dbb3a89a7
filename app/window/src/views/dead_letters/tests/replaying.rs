//! What a preview says, who may send, and a run.

use super::*;

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
fn a_preview_says_what_is_sent_what_is_skipped_and_who_reads_it_again() {
    let (source, mut harness) = inbox(sample::previewed(Writing::Allowed));
    // So high that all of it is in view.
    harness.set_size(egui::vec2(1_280.0, 1_800.0));
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "Replay 296 to orders.placed");
    harness.get_by_label_contains("dry run · nothing has been sent · read ");
    harness.get_by_label("will be sent, 296 of 298");
    harness.get_by_label("skipped, 2");
    harness.get_by_label("0@7718, 0@7721, 2, expired: the partition begins at offset 7724 by now");
    harness.get_by_label_contains("inventory, lag 0, the one that failed · 2 members");
    harness.get_by_label_contains("fraud, lag 212 · 7 s, reads them twice, unless it began later · 2 members");
    harness.get_by_label_contains("ups-gateway, half-open 1/2");
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
