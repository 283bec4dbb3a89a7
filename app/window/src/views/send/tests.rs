//! The sending view through labels and keys, and as pictures.

use std::sync::Arc;

use egui::{Event, Key, Modifiers, accesskit::Role};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};
use switchboard_desk::send::{
    Mistake, Question, SchemaBoard, SchemaKey, SendAsk, SendBoard, SendCommand, Sent, SentId,
    draft::{Auth, Body, Draft, HttpDraft, Pair, Payload, ReplyId, Request, RequestKind, SchemaFrom},
};

use super::sample;
use crate::{
    SessionCommand, ThemeChoice, WindowApp,
    testing::{self, FixedSource},
    tests::harness::{Step, copied, goto, harness, picture, press, run, settle},
    view::{Target, UiCommand, ViewKind},
    views::traces::sample as traces,
};

type Window = Harness<'static, WindowApp>;

fn source(board: SendBoard) -> FixedSource {
    let source = FixedSource::new(testing::order_business());
    source.answer_with(sample::answer);
    source.show_send(board);
    source
}

fn open(board: SendBoard) -> (FixedSource, Window) {
    let source = source(board);
    let harness = harness(&source, UiCommand::Show(ViewKind::Send));
    (source, harness)
}

fn click(harness: &mut Window, role: Role, label: &str) {
    harness.get_by_role_and_label(role, label).click();
    settle(harness);
}

fn write(harness: &mut Window, role: Role, label: &str, text: &str) {
    harness.get_by_role_and_label(role, label).focus();
    settle(harness);
    harness.event(Event::Text(text.to_owned()));
    settle(harness);
}

fn line(harness: &mut Window, label: &str, text: &str) {
    write(harness, Role::TextInput, label, text);
}

fn ctrl(harness: &mut Window, key: Key) {
    harness.key_press_modifiers(Modifiers::COMMAND, key);
    settle(harness);
}

/// What was asked of sending.
fn asked(source: &FixedSource) -> Vec<SendCommand> {
    let of_sending = |command: SessionCommand| if let SessionCommand::Send(command) = command { Some(*command) } else { None };
    source.commands().into_iter().filter_map(of_sending).collect()
}

fn sent(source: &FixedSource) -> SendAsk {
    match asked(source).pop() {
        Some(SendCommand::Send(ask)) => ask,
        other => panic!("something is sent, not {other:?}"),
    }
}

fn http(ask: &SendAsk) -> HttpDraft {
    match &ask.draft.request {
        Request::Http(http) => http.clone(),
        other => panic!("a request of HTTP, not {other:?}"),
    }
}

fn value(harness: &Window, role: Role, label: &str) -> String {
    harness.get_by_role_and_label(role, label).accesskit_node().value().unwrap_or_default()
}

#[test]
fn a_request_of_http_is_sent_as_it_was_composed() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    ctrl(&mut harness, Key::N);
    harness.event(Event::Text("http://localhost:8080/orders".to_owned()));
    settle(&mut harness);
    click(&mut harness, Role::RadioButton, "body as JSON");
    write(&mut harness, Role::MultilineTextInput, "Body", "{\"a\":1}");
    click(&mut harness, Role::Tab, "request Headers 0");
    line(&mut harness, "Name of header 1", "x-tenant");
    line(&mut harness, "Value of header 1", "shop");
    line(&mut harness, "Name of header 2", "x-debug");
    click(&mut harness, Role::CheckBox, "header 2 is sent");
    click(&mut harness, Role::Tab, "request Query 0");
    line(&mut harness, "Name of parameter 1", "dry");
    click(&mut harness, Role::Tab, "request Auth none");
    click(&mut harness, Role::RadioButton, "who asks: bearer");
    click(&mut harness, Role::Tab, "request Options");
    line(&mut harness, "Root certificates", "ca.pem");
    click(&mut harness, Role::CheckBox, "carries x-correlation-id");
    ctrl(&mut harness, Key::Enter);
    let ask = sent(&source);
    assert_eq!((ask.environment.as_deref(), ask.by_hand), (Some("local"), false));
    let http = http(&ask);
    assert_eq!((http.method.as_str(), http.url.as_str()), ("GET", "http://localhost:8080/orders"));
    assert_eq!(http.body, Body::Json("{\"a\":1}".to_owned()));
    assert_eq!(http.headers, [Pair::new("x-tenant", "shop"), Pair { off: true, ..Pair::new("x-debug", "") }]);
    assert_eq!(http.query, [Pair::new("dry", "")]);
    assert_eq!(http.auth, Auth::Bearer { secret: "token".to_owned() });
    assert_eq!((http.tls.root_certificates.as_str(), http.carries.traceparent, http.carries.correlation_header.as_str()), ("ca.pem", true, ""));
}

#[test]
fn each_kind_of_body_has_its_fields() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    ctrl(&mut harness, Key::N);
    harness.event(Event::Text("http://h/".to_owned()));
    settle(&mut harness);
    let send = |harness: &mut Window| {
        ctrl(harness, Key::Enter);
        http(&sent(&source)).body
    };
    click(&mut harness, Role::RadioButton, "body as text");
    write(&mut harness, Role::MultilineTextInput, "Body", "plain");
    assert_eq!(send(&mut harness), Body::Text("plain".to_owned()));
    click(&mut harness, Role::RadioButton, "body as hex");
    assert_eq!(send(&mut harness), Body::Hex("plain".to_owned()), "what was typed stays");
    click(&mut harness, Role::RadioButton, "body as form");
    line(&mut harness, "Name of field 1", "a");
    assert_eq!(send(&mut harness), Body::Form(vec![Pair::new("a", "")]));
    click(&mut harness, Role::RadioButton, "body as multipart");
    line(&mut harness, "Name of part 1", "file");
    line(&mut harness, "File of part 1", "a.png");
    assert!(matches!(send(&mut harness), Body::Multipart(parts) if parts.len() == 1 && parts[0].file == "a.png"));
    click(&mut harness, Role::RadioButton, "body as file");
    line(&mut harness, "Body", "big.bin");
    assert_eq!(send(&mut harness), Body::File("big.bin".to_owned()));
    click(&mut harness, Role::RadioButton, "body as GraphQL");
    write(&mut harness, Role::MultilineTextInput, "Body", "{ orders }");
    write(&mut harness, Role::MultilineTextInput, "Variables", "{}");
    line(&mut harness, "Operation", "All");
    assert_eq!(send(&mut harness), Body::Graphql { query: "{ orders }".to_owned(), variables: "{}".to_owned(), operation: "All".to_owned() });
}

#[test]
fn json_is_formatted_on_request_and_its_mistake_is_told_while_it_is_typed() {
    let (_, mut harness) = open(sample::board());
    click(&mut harness, Role::RadioButton, "body as JSON");
    write(&mut harness, Role::MultilineTextInput, "Body", "{\"a\":[1,2],\"b\":{{x}}");
    harness.get_by_label_contains("No JSON at line 1, column 20");
    harness.event(Event::Text("}".to_owned()));
    settle(&mut harness);
    click(&mut harness, Role::Button, "Format Body");
    assert_eq!(value(&harness, Role::MultilineTextInput, "Body"), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {{x}}\n}");
}

#[test]
fn a_record_is_sent_as_it_was_composed() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    click(&mut harness, Role::RadioButton, "kind record");
    line(&mut harness, "Topic", "orders.placed");
    click(&mut harness, Role::RadioButton, "Key as text");
    line(&mut harness, "Key", "4711");
    click(&mut harness, Role::RadioButton, "Value as null");
    click(&mut harness, Role::Tab, "request Headers 0");
    line(&mut harness, "Name of header 1", "ce_type");
    line(&mut harness, "Value of header 1", "OrderPlaced");
    click(&mut harness, Role::Tab, "request Options");
    line(&mut harness, "Partition", "3");
    line(&mut harness, "Reply topic", "replies");
    click(&mut harness, Role::RadioButton, "id of the reply as text");
    line(&mut harness, "File with rows", "orders.csv");
    harness.get_by_role_and_label(Role::Tab, "request Options × rows");
    ctrl(&mut harness, Key::Enter);
    let Request::Record(record) = &sent(&source).draft.request else { panic!("a record") };
    assert_eq!((record.reply.id_as, record.rows.as_str(), record.copies), (ReplyId::Text, "orders.csv", 0));
    assert_eq!((record.topic.as_str(), record.partition, record.reply_topic.as_str()), ("orders.placed", Some(3), "replies"));
    assert_eq!((&record.key, &record.value), (&Payload::Text("4711".to_owned()), &Payload::Null));
    assert_eq!((record.headers[0].name.as_str(), &record.headers[0].value), ("ce_type", &Payload::Text("OrderPlaced".to_owned())));
}

#[test]
fn a_call_is_composed_from_what_the_server_tells() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), schemas: std::collections::BTreeMap::default(), ..sample::board() });
    click(&mut harness, Role::RadioButton, "kind gRPC");
    line(&mut harness, "Server", "http://localhost:50051");
    harness.get_by_label("Ask the server").click();
    settle(&mut harness);
    let Some(SendCommand::Describe(grpc, environment)) = asked(&source).pop() else { panic!("it is asked") };
    assert_eq!((grpc.url.as_str(), environment.as_deref()), ("http://localhost:50051", Some("local")));
    let key = SchemaKey { url: grpc.url.clone(), from: SchemaFrom::Reflection };
    let board = |schema: SchemaBoard| SendBoard { sent: Vec::new(), schemas: [(key.clone(), schema)].into(), ..sample::board() };
    source.show_send(board(SchemaBoard::Failed("the server has no reflection: name .proto files".to_owned())));
    settle(&mut harness);
    harness.get_by_label_contains("the server has no reflection");
    source.show_send(board(SchemaBoard::Known(Arc::new(sample::large_schema(10_000)))));
    settle(&mut harness);
    click(&mut harness, Role::Button, "Choose a method");
    let listed = harness.query_all_by_label_contains("method shop.v1.Service").count();
    assert!((8..=16).contains(&listed), "only the rows in view are laid out: {listed}");
    harness.event(Event::Text("method9999".to_owned()));
    settle(&mut harness);
    click(&mut harness, Role::MenuItem, "method shop.v1.Service499/Method9999, unary");
    assert_eq!(value(&harness, Role::TextInput, "Method"), "shop.v1.Service499/Method9999");
    click(&mut harness, Role::Button, "Template");
    ctrl(&mut harness, Key::Enter);
    let Request::Grpc(grpc) = &sent(&source).draft.request else { panic!("a call") };
    assert_eq!((grpc.method.as_str(), grpc.messages.clone()), ("shop.v1.Service499/Method9999", vec!["{\n  \"of\": \"In\"\n}".to_owned()]));
}

#[test]
fn messages_are_written_into_an_open_stream_by_hand() {
    let (source, mut harness) = open(SendBoard { sent: vec![Arc::new(sample::open_stream())], ..sample::board() });
    harness.get_by_label_contains("{\"sku\":\"lamp\",\"stock\":3}");
    write(&mut harness, Role::MultilineTextInput, "Next message", "{}");
    click(&mut harness, Role::Button, "Send message");
    click(&mut harness, Role::Button, "Half-close");
    assert_eq!(asked(&source), [SendCommand::Message(SentId(7), "{}".to_owned()), SendCommand::HalfClose(SentId(7))]);
    assert_eq!(value(&harness, Role::MultilineTextInput, "Next message"), "", "the next one begins anew");
}

#[test]
fn what_may_change_something_is_confirmed_by_enter_or_withdrawn_by_escape() {
    let (source, mut harness) = open(sample::board());
    press(&mut harness, &[Key::E]);
    source.show_send(sample::asking(sample::confirm()));
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "Send it?");
    harness.get_by_label("POST /checkout to http://localhost:8080, once");
    press(&mut harness, &[Key::Enter]);
    assert_eq!(asked(&source), [SendCommand::Confirm { typed_name: None }]);
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source).last(), Some(&SendCommand::Withdraw));
    click(&mut harness, Role::Button, "Send it");
    click(&mut harness, Role::Button, "Don't");
    assert_eq!(asked(&source).len(), 4);
}

#[test]
fn production_is_allowed_only_once_its_name_was_typed() {
    let (source, mut harness) = open(sample::asking(sample::type_name()));
    harness.get_by_role_and_label(Role::Heading, "Nothing allows sending to http://localhost:8080 yet");
    harness.event(Event::Text("shop.exampl".to_owned()));
    settle(&mut harness);
    press(&mut harness, &[Key::Enter]);
    assert_eq!(asked(&source), []);
    line(&mut harness, "Name of the target", "e");
    press(&mut harness, &[Key::Enter]);
    assert_eq!(asked(&source), [SendCommand::Confirm { typed_name: Some("shop.example".to_owned()) }]);
    let allow = Question::Allow { type_name: None, means: "Requests may change what is stored there".to_owned() };
    source.show_send(sample::asking(allow));
    settle(&mut harness);
    click(&mut harness, Role::Button, "Allow for this session");
    assert_eq!(asked(&source).last(), Some(&SendCommand::Confirm { typed_name: None }));
}

#[test]
fn what_goes_on_is_cancelled_and_what_was_refused_says_why() {
    let going = SendBoard { sent: vec![Arc::new(sample::going())], ..sample::board() };
    let (source, mut harness) = open(going);
    click(&mut harness, Role::Button, "Cancel");
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source), [SendCommand::Cancel(SentId(6)), SendCommand::Cancel(SentId(6))]);
    source.show_send(SendBoard { refusal: Some("`write = \"never\"` stands in the profile".to_owned()), ..sample::board() });
    settle(&mut harness);
    harness.get_by_label("`write = \"never\"` stands in the profile");
    assert!(harness.query_by_role_and_label(Role::Button, "Cancel").is_none());
}

#[test]
fn a_mistake_stands_at_its_field_until_the_request_is_changed() {
    let (source, mut harness) = open(sample::board());
    click(&mut harness, Role::ListItem, "saved POST place an order");
    ctrl(&mut harness, Key::Enter);
    let mistake = Mistake { field: "headers", reason: "`x tenant` is no name of a header".to_owned() };
    source.show_send(SendBoard { mistake: Some(mistake), ..sample::board() });
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Tab, "request Headers 2, something is wrong here");
    harness.get_by_label("`x tenant` is no name of a header");
    assert_eq!(value(&harness, Role::TextInput, "Name of header 1"), "x-tenant", "its part is shown");
    line(&mut harness, "Name of header 4", "y");
    assert!(harness.query_by_label("`x tenant` is no name of a header").is_none());
}

#[test]
fn saved_and_sent_requests_are_copied_in_and_what_was_edited_is_not_lost() {
    let (source, mut harness) = open(sample::board());
    click(&mut harness, Role::ListItem, "saved POST place an order");
    assert_eq!(value(&harness, Role::TextInput, "URL"), "{{base}}/checkout");
    harness.get_by_role_and_label(Role::Heading, "place an order");
    line(&mut harness, "URL", "?dry=1");
    harness.get_by_role_and_label(Role::Heading, "place an order, edited");
    harness.get_by_label_contains("sent PlaceOrder at").click();
    settle(&mut harness);
    assert_eq!(harness.state().window.target(), Some(Target::Sent(SentId(2))));
    assert_eq!(value(&harness, Role::TextInput, "URL"), "{{base}}/checkout?dry=1", "to look at one changes nothing");
    press(&mut harness, &[Key::Enter]);
    assert_eq!(value(&harness, Role::TextInput, "Method"), "shop.v1.Orders/PlaceOrder");
    harness.get_by_label("given up: place an order").click();
    settle(&mut harness);
    assert_eq!(value(&harness, Role::TextInput, "URL"), "{{base}}/checkout?dry=1");
    assert_eq!(asked(&source), []);
}

#[test]
fn a_request_is_saved_under_a_path_and_removed_on_the_second_request() {
    let (source, mut harness) = open(sample::board());
    click(&mut harness, Role::ListItem, "saved POST place an order");
    line(&mut harness, "URL", "?x");
    ctrl(&mut harness, Key::S);
    assert_eq!(value(&harness, Role::TextInput, "Path of the request"), "orders/place an order");
    harness.get_by_label("There is a request of this name, which is replaced");
    line(&mut harness, "Path of the request", " twice");
    press(&mut harness, &[Key::Enter]);
    let Some(SendCommand::Save { path, draft }) = asked(&source).pop() else { panic!("it is saved") };
    assert_eq!(path, "orders/place an order twice");
    harness.get_by_role_and_label(Role::Heading, "place an order, edited");
    let mut saved = sample::saved();
    saved.requests.insert(path, draft);
    source.show_send(SendBoard { saved: Arc::new(saved), ..sample::board() });
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "place an order");
    press(&mut harness, &[Key::Escape, Key::Home, Key::Delete]);
    assert!(!asked(&source).iter().any(|command| matches!(command, SendCommand::Remove(_))), "it asks first");
    harness.get_by_role_and_label(Role::ListItem, "saved gRPC PlaceOrder, a second time removes it");
    press(&mut harness, &[Key::Delete]);
    assert_eq!(asked(&source).last(), Some(&SendCommand::Remove("orders/PlaceOrder".to_owned())));
}

#[test]
fn the_environment_is_chosen_and_its_variables_are_told() {
    let (source, mut harness) = open(sample::board());
    harness.get_by_label("base is http://localhost:8080");
    harness.get_by_label_contains("base, orders, sku · counter, uuid, now, now_ms, random");
    click(&mut harness, Role::ComboBox, "Environment: local");
    harness.get_by_label("staging").click();
    settle(&mut harness);
    harness.get_by_label("base is https://staging.shop.example");
    click(&mut harness, Role::ListItem, "saved POST place an order");
    ctrl(&mut harness, Key::Enter);
    assert_eq!(sent(&source).environment.as_deref(), Some("staging"));
}

#[test]
fn an_answer_is_shown_with_its_parts_and_is_copied() {
    let (_, mut harness) = open(sample::board());
    harness.get_by_label_contains("200 OK · 8.8 ms · 68 B · application/json");
    harness.get_by_label_contains("\"state\": \"placed\"");
    harness.get_by_label("resolve 200 µs, connect 300 µs, first byte 8.1 ms, rest 200 µs");
    click(&mut harness, Role::Tab, "answer Headers 3");
    harness.get_by_label("server storefront");
    click(&mut harness, Role::Button, "Copy the body");
    harness.get_by_label_contains("sent orders.placed × 23 at").click();
    settle(&mut harness);
    harness.get_by_label_contains("orders.placed 3@18190 · 2.30 s · 23 persisted");
    harness.get_by_role_and_label(Role::Button, "orders.placed 3@18190, the last one").click();
    settle(&mut harness);
    assert!(matches!(harness.state().window.target(), Some(Target::Channel(channel)) if channel.name == "orders.placed"));
    let (_, mut harness) = open(sample::board());
    harness.event(Event::Copy);
    harness.step();
    assert!(copied(&harness).is_some_and(|text| text.starts_with("POST /checkout\n") && text.contains("trace: 19ab4c11")));
}

#[test]
fn the_body_of_an_answer_is_written_into_a_file() {
    let (source, mut harness) = open(sample::board());
    click(&mut harness, Role::Button, "Body to a file…");
    line(&mut harness, "File for the body", "/tmp/answer.json");
    press(&mut harness, &[Key::Enter]);
    assert_eq!(asked(&source), [SendCommand::SaveBody(SentId(5), "/tmp/answer.json".to_owned())]);
    source.show_send(SendBoard { written: Some((SentId(5), "/tmp/answer.json".to_owned())), ..sample::board() });
    settle(&mut harness);
    harness.get_by_label("The body lies in /tmp/answer.json, readable by you alone");
    click(&mut harness, Role::Button, "Body to a file…");
    press(&mut harness, &[Key::Escape, Key::Escape]);
    assert!(harness.query_by_role_and_label(Role::TextInput, "File for the body").is_none());
}

#[test]
fn an_answer_is_compared_with_the_one_before() {
    let (_, mut harness) = open(sample::compared());
    click(&mut harness, Role::Button, "Compare with the one before");
    for words in ["gone: 200 OK", "new: 503 Service Unavailable", "gone:   \"state\": \"placed\"", "new:   \"state\": \"refused\","] {
        harness.get_by_label(words);
    }
    harness.get_by_label_contains("against the one at ");
    click(&mut harness, Role::Button, "Show the answer");
    harness.get_by_label_contains("\"reason\": \"no carrier\"");
    let (_, harness) = open(SendBoard { sent: vec![Arc::new(sample::answered())], ..sample::board() });
    assert!(harness.query_by_role_and_label(Role::Button, "Compare with the one before").is_none(), "there is none before");
}

#[test]
fn a_request_is_sent_many_times_or_as_a_probe() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    click(&mut harness, Role::ListItem, "saved POST place an order");
    click(&mut harness, Role::Tab, "request Repeat");
    line(&mut harness, "Times", "100");
    line(&mut harness, "File with rows", "orders.csv");
    harness.get_by_role_and_label(Role::Tab, "request Repeat × 100");
    ctrl(&mut harness, Key::Enter);
    let ask = sent(&source);
    let repeat = http(&ask).repeat;
    assert_eq!((repeat.times, repeat.rate_per_s, repeat.rows.as_str(), ask.is_probe), (100, 10, "orders.csv", false));
    click(&mut harness, Role::Button, "Start the probe");
    let ask = sent(&source);
    assert!(ask.is_probe && (http(&ask).repeat.every_s - 30.0).abs() < 1e-9);
}

#[test]
fn figures_of_many_are_told_above_the_first_answer() {
    let (_, harness) = open(SendBoard { sent: vec![Arc::new(sample::many())], ..sample::board() });
    harness.get_by_label_contains("100 sent · 9.8/s · 3 failed (3 %) · 200 × 97 · 503 × 3");
    for words in ["p50 7.9 ms", "p95 18 ms", "p99 61 ms", "longest 82 ms"] {
        harness.get_by_label(words);
    }
    harness.get_by_role_and_label(Role::Image, "100 of them took from 4.2 ms to 82 ms");
    harness.get_by_label_contains("sent POST /checkout × 100 at");
    harness.get_by_label_contains("\"state\": \"placed\"");
}

#[test]
fn a_probe_goes_on_beside_and_shows_what_failed() {
    let probed = SendBoard { sent: std::iter::once(Arc::new(sample::probe())).chain(sample::board().sent).collect(), ..sample::board() };
    let (source, mut harness) = open(probed);
    harness.get_by_role_and_label(Role::Heading, "Probes");
    harness.get_by_label_contains("probe GET /health at");
    harness.get_by_role_and_label(Role::Image, "the last 40: 3 failed");
    harness.get_by_label_contains("not sent, 2.8 ms, nobody listens on localhost:8080");
    assert!(harness.query_by_role_and_label(Role::Button, "Cancel").is_none(), "another can be sent meanwhile");
    click(&mut harness, Role::Button, "Stop the probe");
    assert_eq!(asked(&source), [SendCommand::Cancel(SentId(10))]);
    harness.get_by_label_contains("sent PlaceOrder at").click();
    settle(&mut harness);
    assert!(harness.query_by_role_and_label(Role::Image, "the last 40: 3 failed").is_none());
}

#[test]
fn the_reply_to_a_record_is_awaited_shown_or_said_to_be_missing() {
    let with = |sent: Sent| SendBoard { sent: vec![Arc::new(sent)], ..sample::board() };
    let (source, mut harness) = open(with(sample::awaiting()));
    harness.get_by_label("Awaited for 10 s; none came yet");
    click(&mut harness, Role::Button, "Cancel");
    assert_eq!(asked(&source), [SendCommand::Cancel(SentId(8))]);
    source.show_send(with(sample::replied()));
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "Reply");
    harness.get_by_label("key 4711");
    harness.get_by_label_contains("kafka_correlationId 8a0f4c98-9ab0-42e1-9540-5fb08035e729");
    harness.get_by_label_contains("\"shelf\": 87");
    harness.get_by_role_and_label(Role::Button, "inventory.reserved 2@311, after 41 ms").click();
    settle(&mut harness);
    assert!(matches!(harness.state().window.target(), Some(Target::Record { channel, .. }) if channel.name == "inventory.reserved"));
    let why = "No reply within 10 s. The records of inventory.reserved are not read here (it matches no pattern of the source)";
    let (_, harness) = open(with(Sent { reply: Some(switchboard_desk::send::Reply::Missing(why.to_owned())), ..sample::awaiting() }));
    harness.get_by_label(why);
    assert!(harness.query_by_role_and_label(Role::Button, "Cancel").is_none(), "nothing goes on");
}

#[test]
fn whatever_was_answered_the_panes_stay_as_wide_as_they_are() {
    let board = sample::board();
    for sent in &board.sent {
        let (_source, mut harness) = open(SendBoard { sent: vec![Arc::clone(sent)], ..board.clone() });
        for tab in ["", "Headers 3"] {
            if harness.query_by_role_and_label(Role::Tab, tab).is_some() {
                click(&mut harness, Role::Tab, tab);
            }
            let left = |harness: &Window| harness.get_by_role_and_label(Role::Heading, "What it caused").rect().left();
            let before = left(&harness);
            for _ in 0..12 {
                harness.step();
            }
            assert!((left(&harness) - before).abs() < 1.0, "{} {tab}: {before} {}", sent.call, left(&harness));
        }
    }
}

#[test]
fn a_line_of_curl_is_pasted_and_a_request_is_copied_as_one() {
    let (source, mut harness) = open(SendBoard::default());
    harness.event(Event::Paste("curl -X PUT 'http://localhost:8080/orders/1?x={{y}}' -H 'Authorization: Bearer hunter2Zq7' --json '{\"a\":1}'".to_owned()));
    settle(&mut harness);
    assert_eq!(value(&harness, Role::TextInput, "URL"), "http://localhost:8080/orders/1?x=\\{{y}}");
    ctrl(&mut harness, Key::Enter);
    let ask = sent(&source);
    let http = http(&ask);
    assert_eq!((http.method.as_str(), &http.body), ("PUT", &Body::Json("{\"a\":1}".to_owned())));
    assert!(matches!(&http.auth, Auth::Bearer { .. }) && !format!("{ask:?}").contains("hunter"), "{ask:?}");
    harness.event(Event::Paste("hello".to_owned()));
    settle(&mut harness);
    assert_eq!(http_of(&harness), "http://localhost:8080/orders/1?x=\\{{y}}", "what is no request changes nothing");
    let ctx = harness.ctx.clone();
    harness.state_mut().window.run(&ctx, UiCommand::CopyRequestLine);
    harness.step();
    let line = copied(&harness).expect("a line");
    assert!(line.starts_with("# TOKEN is a secret") && !line.contains("hunter"), "{line}");
    assert!(line.contains("\ncurl -X PUT ") && line.contains("http://localhost:8080/orders/1?x=") && !line.contains("traceparent"), "{line}");
}

fn http_of(harness: &Window) -> String {
    value(harness, Role::TextInput, "URL")
}

#[test]
fn what_it_caused_stands_beside_and_leads_there() {
    let (_, mut harness) = open(sample::board());
    harness.get_by_role_and_label(Role::Heading, "What it caused");
    harness.get_by_label_contains("24 spans, 7 services, 1 record");
    harness.get_by_label_contains("inventory process OrderPlaced, 11 ms, failed: shipTo is null");
    harness.get_by_role_and_label(Role::Button, "orders.placed 0@18204, key 4704 · 88 B");
    harness.get_by_label_contains("payment call timed out after 2000 ms");
    press(&mut harness, &[Key::T]);
    assert_eq!(harness.state().window.target(), Some(Target::Trace { trace_id: traces::TRACE, span_id: None }));
    run(&mut harness, UiCommand::Show(ViewKind::Send));
    press(&mut harness, &[Key::S]);
    assert!(matches!(harness.state().window.target(), Some(Target::Conversation(_))));
}

#[test]
fn where_nothing_came_it_says_so_and_after_ten_seconds_why() {
    let fresh = Sent {
        trace_id: Some(switchboard_model::TraceId(7)),
        correlation_id: None,
        at_ns: testing::NOW_NS - 1_000_000_000,
        ended_ns: Some(testing::NOW_NS - 900_000_000),
        ..sample::answered()
    };
    let (source, mut harness) = open(SendBoard { sent: vec![Arc::new(fresh)], ..sample::board() });
    harness.get_by_label("Nothing came of it yet");
    source.advance_s(12);
    settle(&mut harness);
    harness.get_by_label("Nothing came of it within 10 s");
    harness.get_by_label_contains("http://localhost:8080 is not instrumented");
    let by_id = Sent { trace_id: Some(switchboard_model::TraceId(7)), at_ns: testing::NOW_NS - 60_000_000_000, ..sample::answered() };
    source.show_send(SendBoard { sent: vec![Arc::new(by_id)], ..sample::board() });
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Button, "orders.placed 0@18204, key 4704 · 88 B");
    harness.get_by_label_contains("No span of it has come: what stands below has its correlation id");
}

#[test]
fn the_last_draft_of_elsewhere_is_composed_and_sent_to() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    run(&mut harness, UiCommand::Show(ViewKind::Map));
    press(&mut harness, &[Key::ArrowRight, Key::ArrowRight, Key::ArrowRight]);
    run(&mut harness, UiCommand::SendToThis);
    assert_eq!(harness.state().window.focus(), ViewKind::Send);
    harness.event(Event::Text("http://localhost:8080/".to_owned()));
    settle(&mut harness);
    ctrl(&mut harness, Key::Enter);
    assert_eq!(http(&sent(&source)).url, "http://localhost:8080/");
    goto(&mut harness, &Target::Draft(Box::new(sample::placed())));
    assert_eq!(value(&harness, Role::TextInput, "Topic"), "orders.placed");
}

#[test]
fn in_a_narrow_pane_what_is_kept_is_behind_a_button_and_the_rest_stands_below() {
    let (_, mut harness) = open(sample::board());
    run(&mut harness, UiCommand::LayoutTraces);
    run(&mut harness, UiCommand::Show(ViewKind::Send));
    assert!(harness.query_by_role_and_label(Role::Heading, "Saved").is_none());
    click(&mut harness, Role::Button, "Saved and sent…");
    click(&mut harness, Role::ListItem, "saved POST place an order");
    assert_eq!(value(&harness, Role::TextInput, "URL"), "{{base}}/checkout");
    let (answer, caused) =
        (harness.get_by_role_and_label(Role::Heading, "Answer").rect(), harness.get_by_role_and_label(Role::Heading, "What it caused").rect());
    assert!(caused.top() > answer.bottom() && (caused.left() - answer.left()).abs() < 8.0);
}

#[test]
fn the_way_back_stops_nothing_that_goes_on() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    run(&mut harness, UiCommand::Show(ViewKind::Map));
    source.show_send(SendBoard { sent: vec![Arc::new(sample::going())], ..sample::board() });
    run(&mut harness, UiCommand::Back);
    assert_eq!((harness.state().window.focus(), asked(&source)), (ViewKind::Send, Vec::new()));
    run(&mut harness, UiCommand::ClearSelection);
    assert_eq!(asked(&source), []);
}

#[test]
fn without_anything_it_says_what_to_do() {
    let (_, harness) = open(SendBoard::default());
    harness.get_by_label_contains("Nothing was sent yet");
    harness.get_by_label_contains("no request can be saved beside it");
    harness.get_by_label("What is sent is listed here, with what was answered");
    assert!(harness.state().window.unavailable(UiCommand::SendRequest).is_some_and(|why| why == "there is no URL yet"));
    assert!(harness.state().window.unavailable(UiCommand::CopyText).is_some());
}

#[test]
fn the_key_of_the_view_shows_it() {
    let mut harness = harness(&source(sample::board()), UiCommand::Show(ViewKind::Map));
    ctrl(&mut harness, Key::Num5);
    assert_eq!(harness.state().window.focus(), ViewKind::Send);
    run(&mut harness, UiCommand::NewRequest);
    assert_eq!(Draft::blank(RequestKind::Http).title(), "GET /");
}

#[test]
fn pictures_of_sending_stay_as_they_are() {
    let composed = |draft: Draft| [Step::Run(UiCommand::Show(ViewKind::Send)), Step::Goto(Target::Draft(Box::new(draft)))];
    let (small, large) = ((1280, 800), (1600, 1000));
    let saved = [Step::Goto(Target::Saved("orders/place an order".to_owned()))];
    let answered = source(sample::board());
    picture("send-dark", ThemeChoice::Dark, large, &answered, &saved);
    picture("send-light", ThemeChoice::Light, small, &answered, &saved);
    picture("send-wide-dark", ThemeChoice::Dark, (2560, 1440), &answered, &saved);
    let confirm = source(sample::asking(sample::type_name()));
    picture("send-asking-light", ThemeChoice::Light, large, &confirm, &saved);
    let stream = source(SendBoard { sent: std::iter::once(Arc::new(sample::open_stream())).chain(sample::board().sent).collect(), ..sample::board() });
    picture("send-stream-dark", ThemeChoice::Dark, small, &stream, &composed(sample::place_order()));
    let mistake = Mistake { field: "topic", reason: "write the name of a topic: letters, digits, dots, dashes, underscores, at most 249".to_owned() };
    let wrong = source(SendBoard { mistake: Some(mistake), ..sample::board() });
    let third = [Step::Run(UiCommand::WalkDown), Step::Run(UiCommand::WalkLast), Step::Run(UiCommand::WalkUp)];
    let record: Vec<Step> = [Step::Run(UiCommand::ThemeLight)].into_iter().chain(composed(sample::placed())).chain(third).collect();
    picture("send-record-light", ThemeChoice::Light, small, &wrong, &record);
    let with = |sent: Sent| source(SendBoard { sent: std::iter::once(Arc::new(sent)).chain(sample::board().sent).collect(), ..sample::board() });
    picture("send-reply-dark", ThemeChoice::Dark, small, &with(sample::replied()), &composed(sample::placed()));
    let show = [Step::Run(UiCommand::Show(ViewKind::Send))];
    picture("send-many-dark", ThemeChoice::Dark, small, &with(sample::many()), &show);
    picture("send-many-light", ThemeChoice::Light, large, &with(sample::many()), &show);
    picture("send-probe-dark", ThemeChoice::Dark, large, &with(sample::probe()), &show);
    picture("send-probe-light", ThemeChoice::Light, small, &with(sample::probe()), &show);
    picture("send-reply-light", ThemeChoice::Light, large, &with(sample::replied()), &show);
    let compared = [Step::Run(UiCommand::Show(ViewKind::Send)), Step::Run(UiCommand::CompareSent)];
    picture("send-compared-dark", ThemeChoice::Dark, small, &source(sample::compared()), &compared);
    picture("send-compared-light", ThemeChoice::Light, small, &source(sample::compared()), &compared);
    let narrow = [Step::Run(UiCommand::LayoutTraces), Step::Goto(Target::Saved("orders/place an order".to_owned()))];
    picture("send-narrow-light", ThemeChoice::Light, small, &answered, &narrow);
    picture("send-empty-dark", ThemeChoice::Dark, small, &source(SendBoard::default()), &[Step::Run(UiCommand::Show(ViewKind::Send))]);
}
