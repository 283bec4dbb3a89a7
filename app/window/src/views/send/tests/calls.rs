//! Calls while they go on and what came of them: streams that are written into by hand, and calls of one message.

use super::*;
use switchboard_desk::{ledger::Settled, send::ByHand};
use switchboard_model::Outcome;

const NEXT: &str = "Next message";

fn streams(of: Vec<Sent>, by_hand: Option<ByHand>) -> SendBoard {
    SendBoard { sent: of.into_iter().map(Arc::new).chain(sample::board().sent).collect(), by_hand, ..sample::board() }
}

fn stream(by_hand: Option<ByHand>) -> SendBoard {
    streams(vec![sample::open_stream()], by_hand)
}

fn became(number: u64, refused: Option<&str>) -> ByHand {
    ByHand { sent_id: SentId(7), number, refused: refused.map(str::to_owned) }
}

fn next(harness: &Window) -> String {
    value(harness, Role::MultilineTextInput, NEXT)
}

fn has_focus(harness: &Window, role: Role, label: &str) -> bool {
    harness.get_by_role_and_label(role, label).accesskit_node().is_focused()
}

/// An older stream, and the call that was made after it.
fn older_stream() -> (FixedSource, Window) {
    let (source, mut harness) = open(streams(vec![Sent { sent_id: SentId(8), ..sample::answered() }, sample::open_stream()], None));
    harness.get_by_label_contains("sent Watch at").click();
    settle(&mut harness);
    (source, harness)
}

#[test]
fn messages_are_written_into_an_open_stream_by_keys_and_stay_until_they_are_taken() {
    let (source, mut harness) = open(stream(None));
    harness.get_by_label_contains("{\"sku\":\"lamp\",\"stock\":3}");
    write(&mut harness, Role::MultilineTextInput, NEXT, "{\"sku\":1}");
    ctrl(&mut harness, Key::Enter);
    let first = SendCommand::Message(SentId(7), "{\"sku\":1}".to_owned());
    assert_eq!(asked(&source), std::slice::from_ref(&first), "no second call begins");
    assert_eq!(next(&harness), "{\"sku\":1}", "it stays until it was taken");
    ctrl(&mut harness, Key::Enter);
    assert_eq!(asked(&source), std::slice::from_ref(&first), "it is on its way once");
    source.show_send(stream(Some(became(1, Some("sku: a number where a text belongs")))));
    settle(&mut harness);
    harness.get_by_label("Not sent: sku: a number where a text belongs");
    assert_eq!(next(&harness), "{\"sku\":1}");
    assert!(has_focus(&harness, Role::MultilineTextInput, NEXT));
    // The next try takes the error away, and what was taken makes room.
    ctrl(&mut harness, Key::Enter);
    assert_eq!(asked(&source), [first.clone(), first]);
    assert!(harness.query_by_label_contains("Not sent:").is_none());
    source.show_send(stream(Some(became(2, None))));
    settle(&mut harness);
    assert_eq!(next(&harness), "");
    harness.event(Event::Text("{}".to_owned()));
    settle(&mut harness);
    assert_eq!(next(&harness), "{}", "the keys are where the next one is written");
}

#[test]
fn a_message_that_never_came_to_the_desk_can_be_given_again_as_often_as_that_happens() {
    let (source, mut harness) = open(stream(None));
    write(&mut harness, Role::MultilineTextInput, NEXT, "{}");
    for (num_given, num_lost) in (1..=3).zip(1..) {
        ctrl(&mut harness, Key::Enter);
        assert_eq!(asked(&source).len(), num_given);
        source.show_send(SendBoard { refusal: Some("too many commands wait".to_owned()), num_lost, ..stream(None) });
        settle(&mut harness);
        assert_eq!(next(&harness), "{}");
    }
}

#[test]
fn the_button_that_sends_a_message_leaves_the_keys_in_its_field() {
    let (source, mut harness) = open(stream(None));
    write(&mut harness, Role::MultilineTextInput, NEXT, "{}");
    harness.get_by_role_and_label(Role::Button, "Send message").focus();
    settle(&mut harness);
    press(&mut harness, &[Key::Enter]);
    assert_eq!(asked(&source), [SendCommand::Message(SentId(7), "{}".to_owned())]);
    source.show_send(stream(Some(became(1, None))));
    settle(&mut harness);
    assert!(has_focus(&harness, Role::MultilineTextInput, NEXT));
    click(&mut harness, Role::Button, "Half-close");
    assert_eq!(asked(&source).last(), Some(&SendCommand::HalfClose(SentId(7))));
    // With the stream its error goes.
    source.show_send(stream(Some(became(2, Some("this stream is not open any more")))));
    settle(&mut harness);
    harness.get_by_label_contains("Not sent: this stream");
    source.show_send(streams(vec![Sent { is_open: false, ..sample::open_stream() }], Some(became(2, Some("this stream is not open any more")))));
    settle(&mut harness);
    assert!(harness.query_by_label_contains("Not sent:").is_none());
}

#[test]
fn beside_an_open_stream_no_second_one_of_the_same_call_begins_unasked() {
    let mut watch = sample::open_stream();
    let Request::Grpc(grpc) = sample::place_order().request else { panic!("a call") };
    let draft =
        Draft { name: String::new(), request: Request::Grpc(switchboard_desk::send::draft::GrpcDraft { method: "shop.v1.Stock/Watch".to_owned(), ..grpc }) };
    watch.ask.draft = Arc::new(draft.clone());
    let (source, mut harness) = open(streams(vec![Sent { sent_id: SentId(8), ..sample::answered() }, watch], None));
    goto(&mut harness, &Target::Draft(Box::new(draft)));
    ctrl(&mut harness, Key::Enter);
    assert_eq!(asked(&source), []);
    assert_eq!(harness.state().window.target(), Some(Target::Sent(SentId(7))), "the open one is shown");
    harness.get_by_label_contains("This call still goes on");
    ctrl(&mut harness, Key::Enter);
    assert!(matches!(asked(&source).as_slice(), [SendCommand::Send(_)]), "asked for again it is sent");
}

#[test]
fn what_is_looked_at_is_cancelled_also_where_another_one_came_after_it() {
    let (source, mut harness) = older_stream();
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source), [SendCommand::Cancel(SentId(7))]);
    assert_eq!(harness.state().window.target(), Some(Target::Sent(SentId(7))), "it is still looked at");
    click(&mut harness, Role::Button, "Cancel");
    click(&mut harness, Role::Button, "Cancel the call");
    assert_eq!(asked(&source), vec![SendCommand::Cancel(SentId(7)); 3]);
    let over = Sent { is_open: false, settled: sample::answered().settled, ..sample::open_stream() };
    source.show_send(streams(vec![Sent { sent_id: SentId(8), ..sample::answered() }, over], None));
    settle(&mut harness);
    press(&mut harness, &[Key::Escape, Key::Escape]);
    assert_eq!(harness.state().window.target(), Some(Target::Sent(SentId(7))), "nor does another one jump in its place");
    assert!(harness.query_by_role_and_label(Role::Button, "Cancel").is_none(), "nothing goes on");
}

#[test]
fn escape_cancels_at_once_what_goes_on_but_out_of_a_stream_that_is_written_into_only_after_its_field() {
    let (source, mut harness) = open(SendBoard { sent: vec![Arc::new(sample::going())], ..sample::board() });
    harness.get_by_role_and_label(Role::TextInput, "URL").focus();
    settle(&mut harness);
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source), [SendCommand::Cancel(SentId(6))], "as the button says");
    let (source, mut harness) = open(stream(None));
    write(&mut harness, Role::MultilineTextInput, NEXT, "{}");
    press(&mut harness, &[Key::Escape]);
    assert_eq!((asked(&source), next(&harness).as_str()), (Vec::new(), "{}"));
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source), [SendCommand::Cancel(SentId(7))]);
}

#[test]
fn of_a_call_of_one_message_the_response_comes_first_and_what_was_received_is_copied_and_written() {
    let (source, mut harness) = open(SendBoard { sent: vec![Arc::new(sample::called_with_lines(17))], ..sample::board() });
    harness.get_by_role_and_label(Role::Tab, "answer Response");
    let first = harness.get_by_label_contains("\"line0\": 0").rect();
    assert!(first.bottom() < 800.0 && first.top() > harness.get_by_role_and_label(Role::Tab, "answer Response").rect().top(), "it is in view: {first}");
    assert!(harness.query_by_label_contains("an order as it was sent").is_none(), "what was sent is not in its way");
    click(&mut harness, Role::Button, "Show what was sent");
    harness.get_by_label_contains("an order as it was sent");
    click(&mut harness, Role::Tab, "answer Headers 1");
    harness.get_by_label("content-type application/grpc");
    assert!(harness.query_by_label_contains("x-took").is_none());
    click(&mut harness, Role::Tab, "answer Trailers 1");
    harness.get_by_label("x-took 4 ms");
    harness.get_by_role_and_label(Role::Button, "Copy the body").click();
    let text = (0..6).find_map(|_| {
        harness.step();
        copied(&harness)
    });
    let text = text.expect("it is copied");
    assert!(text.starts_with("{\"line0\":0,\"line1\":1,") && text.ends_with("\"line16\":16}\n") && text.lines().count() == 1, "{text}");
    settle(&mut harness);
    click(&mut harness, Role::Button, "Body to a file…");
    line(&mut harness, "File for the body", "received.jsonl");
    press(&mut harness, &[Key::Enter]);
    assert_eq!(asked(&source), [SendCommand::SaveBody(SentId(2), "received.jsonl".to_owned())]);
}

#[test]
fn of_a_stream_the_newest_message_is_in_view() {
    let mut long = sample::open_stream();
    let message = long.answer.messages[1].clone();
    for number in 0..60 {
        long.answer.messages.push(switchboard_desk::send::Message { text: format!("{{\"number\":{number}}}"), ..message.clone() });
    }
    let (source, mut harness) = open(streams(vec![long.clone()], None));
    let is_in_view = |harness: &Window, label: &str| {
        let tabs = harness.get_by_role_and_label(Role::Tab, "answer Headers 0").rect();
        let rect = harness.get_by_label(label).rect();
        rect.top() > tabs.bottom() && rect.bottom() < 800.0
    };
    harness.get_by_role_and_label(Role::Tab, "answer Messages 63");
    assert!(is_in_view(&harness, "{\"number\":59}") && !is_in_view(&harness, "{\"number\":0}"));
    long.answer.messages.push(switchboard_desk::send::Message { text: "{\"number\":60}".to_owned(), ..message });
    source.show_send(streams(vec![long], None));
    settle(&mut harness);
    assert!(is_in_view(&harness, "{\"number\":60}"));
}

#[test]
fn a_stream_that_is_scrolled_away_from_its_newest_message_stays_there_until_it_is_scrolled_back() {
    let mut long = sample::open_stream();
    let message =
        |number: usize| switchboard_desk::send::Message { text: format!("{{\"number\":{number}}}"), ..sample::open_stream().answer.messages[1].clone() };
    long.answer.messages.extend((0..60).map(message));
    let (source, mut harness) = open(streams(vec![long.clone()], None));
    let top = |harness: &Window, number: usize| harness.get_by_label(&format!("{{\"number\":{number}}}")).rect().top();
    let wheel = |harness: &mut Window, up_pt: f32| {
        let event = egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: egui::vec2(0.0, up_pt),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        };
        harness.event(event);
        settle(harness);
    };
    let newest = top(&harness, 59);
    harness.event(Event::PointerMoved(harness.get_by_label("{\"number\":58}").rect().center()));
    settle(&mut harness);
    wheel(&mut harness, 200.0);
    let before = top(&harness, 40);
    assert!(top(&harness, 59) > newest + 100.0, "it is scrolled away from");
    for number in 60..70 {
        long.answer.messages.push(message(number));
        source.show_send(streams(vec![long.clone()], None));
        settle(&mut harness);
        assert!((top(&harness, 40) - before).abs() < 0.5, "{number}: what is looked at stays where it is");
    }
    // Back at the end the newest is followed again.
    wheel(&mut harness, -5_000.0);
    assert!((top(&harness, 69) - newest).abs() < 0.5);
    long.answer.messages.push(message(70));
    source.show_send(streams(vec![long], None));
    settle(&mut harness);
    assert!((top(&harness, 70) - newest).abs() < 0.5);
}

#[test]
fn while_a_stream_is_compared_with_the_one_before_alt_and_enter_lead_back_to_its_messages_or_send_what_is_written() {
    let status = Some(Status::Grpc { code: 0, message: String::new() });
    let answer = switchboard_desk::send::Answer { status, ..sample::open_stream().answer };
    let ended = Sent { sent_id: SentId(6), is_open: false, answer, settled: sample::answered().settled, ..sample::open_stream() };
    let (source, mut harness) = open(SendBoard { sent: vec![Arc::new(sample::open_stream()), Arc::new(ended)], ..sample::board() });
    let is_compared = |harness: &Window| harness.query_by_label_contains("against the one at").is_some();
    let has_next = |harness: &Window| harness.query_by_role_and_label(Role::MultilineTextInput, NEXT).is_some();
    press(&mut harness, &[Key::C]);
    assert!(is_compared(&harness) && !has_next(&harness), "nothing can be written there");
    // Nothing is written yet: the keys go to where it is.
    harness.key_press_modifiers(Modifiers::ALT, Key::Enter);
    settle(&mut harness);
    assert!(!is_compared(&harness) && has_focus(&harness, Role::MultilineTextInput, NEXT));
    harness.event(Event::Text("{\"sku\":1}".to_owned()));
    settle(&mut harness);
    press(&mut harness, &[Key::Escape, Key::C]);
    assert!(is_compared(&harness) && asked(&source).is_empty());
    harness.key_press_modifiers(Modifiers::ALT, Key::Enter);
    settle(&mut harness);
    assert_eq!(asked(&source), [SendCommand::Message(SentId(7), "{\"sku\":1}".to_owned())]);
    assert!(!is_compared(&harness) && next(&harness) == "{\"sku\":1}", "what became of it is seen");
}

#[test]
fn details_of_a_status_have_their_lines_and_a_server_may_be_written_without_its_scheme() {
    let mut failed = sample::called_with_lines(1);
    failed.answer.details = vec![("BadRequest".to_owned(), "{\n  \"field\": \"sku\"\n}".to_owned())];
    let (_, mut harness) = open(SendBoard { sent: vec![Arc::new(failed)], ..sample::board() });
    harness.get_by_label("BadRequest: {\n  \"field\": \"sku\"\n}");
    click(&mut harness, Role::RadioButton, "kind gRPC");
    line(&mut harness, "Server", "localhost:50061");
    harness.get_by_label("Taken as http://localhost:50061, without TLS; write https:// before it for TLS");
}

#[test]
fn messages_of_a_call_that_was_not_sent_are_told_as_such() {
    let mut refused = Sent { is_open: false, settled: Some(Settled::Tried(Outcome::NotDone("nobody listens".to_owned()))), ..sample::open_stream() };
    refused.answer.messages.truncate(1);
    let (source, mut harness) = open(streams(vec![refused.clone()], None));
    click(&mut harness, Role::Button, "Show what was to be sent");
    harness.get_by_role_and_label(Role::Label, "ours, not sent");
    harness.get_by_label("not sent");
    let lost = Settled::Tried(Outcome::Possibly("the connection broke off".to_owned()));
    refused.settled = Some(lost);
    source.show_send(streams(vec![refused], None));
    settle(&mut harness);
    click(&mut harness, Role::Button, "Hide what was sent");
    click(&mut harness, Role::Button, "Show what was sent");
    harness.get_by_role_and_label(Role::Label, "ours");
}
