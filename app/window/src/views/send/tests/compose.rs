//! What is composed is what is sent: requests, records, calls, and messages by hand.

use super::*;

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
fn parameters_of_the_address_are_counted_and_listed_with_the_others() {
    let (_, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    ctrl(&mut harness, Key::N);
    harness.event(Event::Text("http://h/orders?a=1&b={{sku}}&#c?d".to_owned()));
    settle(&mut harness);
    click(&mut harness, Role::Tab, "request Query 2");
    harness.get_by_label("in the URL: b={{sku}}");
    line(&mut harness, "Name of parameter 1", "dry");
    harness.get_by_role_and_label(Role::Tab, "request Query 3");
    let left = |harness: &Window, row: u32| harness.get_by_role_and_label(Role::TextInput, &format!("Name of parameter {row}")).rect().left();
    assert!((left(&harness, 1) - left(&harness, 2)).abs() < 0.5, "rows stand below one another");
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
    click(&mut harness, Role::Tab, "request Options");
    line(&mut harness, "Authority", "orders.test");
    click(&mut harness, Role::Tab, "request Message");
    assert!(asked(&source).is_empty(), "nobody is asked by what is typed");
    harness.get_by_label("Ask the server").click();
    settle(&mut harness);
    let Some(SendCommand::Describe(grpc, environment)) = asked(&source).pop() else { panic!("it is asked") };
    assert_eq!((grpc.url.as_str(), environment.as_deref()), ("http://localhost:50051", Some("local")));
    assert_eq!(grpc.authority, "orders.test");
    let key = SchemaKey::of(&grpc);
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
fn messages_of_one_call_are_made_of_the_rows_of_a_file() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), schemas: std::collections::BTreeMap::default(), ..sample::board() });
    click(&mut harness, Role::RadioButton, "kind gRPC");
    line(&mut harness, "Server", "http://localhost:50051");
    line(&mut harness, "Method", "shop.v1.Stock/Import");
    click(&mut harness, Role::CheckBox, "Once for each row of a file");
    line(&mut harness, "File with rows", "stock.csv");
    harness.get_by_role_and_label(Role::Tab, "request Messages × rows");
    click(&mut harness, Role::Tab, "request Repeat");
    assert!(harness.query_by_role_and_label(Role::TextInput, "File with rows").is_none(), "rows are no calls");
    ctrl(&mut harness, Key::Enter);
    let Request::Grpc(grpc) = &sent(&source).draft.request else { panic!("a call") };
    assert_eq!((grpc.row_messages, grpc.repeat.rows.as_str(), grpc.repeat.times), (true, "stock.csv", 0));
    // What is wrong with the file is told where it is named.
    let mistake = Mistake { field: "rows", reason: "`stock.csv` has no rows".to_owned() };
    source.show_send(SendBoard { sent: Vec::new(), schemas: std::collections::BTreeMap::default(), mistake: Some(mistake), ..sample::board() });
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Tab, "request Messages × rows, something is wrong here");
    harness.get_by_label("`stock.csv` has no rows");
}
