//! Requests of all kinds composed and sent by keys alone: nothing is clicked, and nothing is sought by its label but to look at it.

use super::*;

#[test]
fn keys_lead_into_a_body_of_any_form() {
    for (form, role, name) in [
        ("body as form", Role::TextInput, "Name of field 1"),
        ("body as multipart", Role::TextInput, "Name of part 1"),
        ("body as file", Role::TextInput, "Body"),
        ("body as GraphQL", Role::MultilineTextInput, "Body"),
    ] {
        let (_, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
        click(&mut harness, Role::RadioButton, form);
        ctrl(&mut harness, Key::B);
        assert!(harness.get_by_role_and_label(role, name).accesskit_node().is_focused(), "{form}");
        assert!(harness.state().window.has_form(), "{form}");
    }
}

fn alt(harness: &mut Window, key: Key) {
    harness.key_press_modifiers(Modifiers::ALT, key);
    settle(harness);
}

fn types(harness: &mut Window, text: &str) {
    harness.event(Event::Text(text.to_owned()));
    settle(harness);
}

/// By its name in the palette.
fn chosen(harness: &mut Window, command: UiCommand) {
    ctrl(harness, Key::P);
    types(harness, command.text());
    press(harness, &[Key::Enter]);
}

fn tab_to(harness: &mut Window, role: Role, label: &str) {
    for _ in 0..60 {
        let is_there = harness.query_by_role_and_label(role, label).is_some_and(|node| node.accesskit_node().is_focused());
        if is_there {
            return;
        }
        press(harness, &[Key::Tab]);
    }
    panic!("Tab does not lead to {label}");
}

fn board(sent: Vec<Arc<Sent>>) -> SendBoard {
    let key = SchemaKey { url: "http://localhost:50051".to_owned(), authority: String::new(), from: switchboard_desk::send::draft::SchemaFrom::Reflection };
    SendBoard { sent, schemas: [(key, SchemaBoard::Known(Arc::new(sample::schema())))].into(), ..sample::board() }
}

fn call(ask: &SendAsk) -> switchboard_desk::send::draft::GrpcDraft {
    match &ask.draft.request {
        Request::Grpc(grpc) => grpc.clone(),
        other => panic!("a call, not {other:?}"),
    }
}

/// A call whose method was found by these words.
fn begins_a_call(harness: &mut Window, words: &str) {
    chosen(harness, UiCommand::NewGrpcCall);
    types(harness, "http://localhost:50051");
    ctrl(harness, Key::M);
    types(harness, words);
    press(harness, &[Key::Enter]);
    ctrl(harness, Key::T);
}

#[test]
fn a_unary_call_is_composed_and_sent() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), schemas: std::collections::BTreeMap::default(), ..sample::board() });
    chosen(&mut harness, UiCommand::NewGrpcCall);
    types(&mut harness, "http://localhost:50051");
    ctrl(&mut harness, Key::D);
    assert!(matches!(asked(&source).pop(), Some(SendCommand::Describe(grpc, _)) if grpc.url == "http://localhost:50051"));
    source.show_send(board(Vec::new()));
    settle(&mut harness);
    ctrl(&mut harness, Key::M);
    types(&mut harness, "place");
    press(&mut harness, &[Key::Enter]);
    ctrl(&mut harness, Key::T);
    ctrl(&mut harness, Key::Enter);
    let grpc = call(&sent(&source));
    assert_eq!((grpc.method.as_str(), grpc.messages), ("shop.v1.Orders/PlaceOrder", vec!["{\n  \"of\": \"shop.v1.Orders.PlaceOrderRequest\"\n}".to_owned()]));
}

#[test]
fn a_stream_of_the_client_has_its_messages_and_one_of_both_is_spoken_into_and_half_closed() {
    let (source, mut harness) = open(board(Vec::new()));
    begins_a_call(&mut harness, "import");
    chosen(&mut harness, UiCommand::AddMessage);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    settle(&mut harness);
    types(&mut harness, "{\"sku\":\"lamp\"}");
    ctrl(&mut harness, Key::Enter);
    let grpc = call(&sent(&source));
    assert_eq!((grpc.method.as_str(), grpc.messages.len(), grpc.messages[1].as_str()), ("shop.v1.Stock/Import", 2, "{\"sku\":\"lamp\"}"));
    begins_a_call(&mut harness, "watch");
    chosen(&mut harness, UiCommand::KeepStreamOpen);
    ctrl(&mut harness, Key::Enter);
    let ask = sent(&source);
    assert_eq!((call(&ask).method.as_str(), ask.by_hand), ("shop.v1.Stock/Watch", true));
    source.show_send(board(vec![Arc::new(sample::open_stream())]));
    settle(&mut harness);
    alt(&mut harness, Key::Enter);
    types(&mut harness, "{\"sku\":\"lamp\"}");
    alt(&mut harness, Key::Enter);
    alt(&mut harness, Key::End);
    let asked = asked(&source);
    assert_eq!(asked[asked.len() - 2..], [SendCommand::Message(SentId(7), "{\"sku\":\"lamp\"}".to_owned()), SendCommand::HalfClose(SentId(7))]);
}

#[test]
fn fields_of_the_message_are_found_walked_and_put_into_it() {
    let (source, mut harness) = open(board(Vec::new()));
    begins_a_call(&mut harness, "place");
    ctrl(&mut harness, Key::L);
    harness.get_by_role_and_label(Role::MenuItem, "field card, shop.v1.Card · one of payment");
    types(&mut harness, "paid");
    press(&mut harness, &[Key::Enter]);
    harness.get_by_label("state is set in the message");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    settle(&mut harness);
    types(&mut harness, "payment");
    press(&mut harness, &[Key::ArrowDown, Key::Enter]);
    // The fields of the card, behind the row back.
    harness.get_by_role_and_label(Role::MenuItem, "back to the message");
    press(&mut harness, &[Key::Enter]);
    ctrl(&mut harness, Key::Enter);
    let message = |source: &FixedSource| serde_json::from_str::<serde_json::Value>(&call(&sent(source)).messages[0]).expect("JSON");
    assert_eq!(message(&source), serde_json::json!({ "of": "shop.v1.Orders.PlaceOrderRequest", "state": "PAID", "card": { "number": "" } }));
    press(&mut harness, &[Key::ArrowUp, Key::Enter]);
    types(&mut harness, "cash");
    press(&mut harness, &[Key::Enter]);
    ctrl(&mut harness, Key::Enter);
    assert_eq!(message(&source), serde_json::json!({ "of": "shop.v1.Orders.PlaceOrderRequest", "state": "PAID", "cash": false }));
    ctrl(&mut harness, Key::L);
    assert!(harness.query_by_role_and_label(Role::MenuItem, "field cash, bool · one of payment").is_none());
}

#[test]
fn fields_are_put_into_the_message_that_was_written_last() {
    let (_, mut harness) = open(board(Vec::new()));
    begins_a_call(&mut harness, "import");
    chosen(&mut harness, UiCommand::AddMessage);
    write(&mut harness, Role::MultilineTextInput, "Message 1", " ");
    ctrl(&mut harness, Key::L);
    press(&mut harness, &[Key::Enter]);
    let text = |number: usize| value(&harness, Role::MultilineTextInput, &format!("Message {number}"));
    assert!(text(1).contains("\"sku\": \"\"") && text(2) == "{}", "{} {}", text(1), text(2));
}

#[test]
fn a_record_is_composed_and_sent() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    chosen(&mut harness, UiCommand::NewRecord);
    types(&mut harness, "orders.placed");
    ctrl(&mut harness, Key::B);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    settle(&mut harness);
    types(&mut harness, "{\"id\":1}");
    alt(&mut harness, Key::PageDown);
    tab_to(&mut harness, Role::TextInput, "Name of header 1");
    types(&mut harness, "ce_type");
    alt(&mut harness, Key::PageUp);
    ctrl(&mut harness, Key::Enter);
    let Request::Record(record) = &sent(&source).draft.request else { panic!("a record") };
    assert_eq!((record.topic.as_str(), &record.value, record.headers.len()), ("orders.placed", &Payload::Json("{\"id\":1}".to_owned()), 1));
}

#[test]
fn a_request_is_repeated_and_sent_as_a_probe() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    chosen(&mut harness, UiCommand::NewHttpRequest);
    types(&mut harness, "http://localhost:8080/health");
    alt(&mut harness, Key::PageUp);
    tab_to(&mut harness, Role::TextInput, "Times");
    types(&mut harness, "5");
    ctrl(&mut harness, Key::Enter);
    let ask = sent(&source);
    assert_eq!((http(&ask).repeat.times, ask.is_probe), (5, false));
    chosen(&mut harness, UiCommand::StartProbe);
    assert!(sent(&source).is_probe);
    source.show_send(SendBoard { sent: vec![Arc::new(sample::probe())], ..sample::board() });
    settle(&mut harness);
    chosen(&mut harness, UiCommand::StopProbe);
    assert_eq!(asked(&source).last(), Some(&SendCommand::Cancel(SentId(10))));
}
