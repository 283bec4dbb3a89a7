//! What is kept and was sent lately, and what is pasted and copied.

use super::*;

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
fn a_proto_that_is_pasted_is_kept_and_its_first_method_is_composed() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    let proto = "syntax = \"proto3\";\npackage shop.v1;\nservice Orders { rpc Place (A) returns (A); }\nmessage A {}";
    harness.event(Event::Paste(proto.to_owned()));
    settle(&mut harness);
    assert_eq!(value(&harness, Role::TextInput, "Method"), "shop.v1.Orders/Place");
    harness.get_by_label("It is kept as imported/shop.v1.Orders.proto in the folder of requests");
    let asked = asked(&source);
    let [SendCommand::SaveProto { path, text }, SendCommand::Describe(grpc, _)] = &asked[..] else { panic!("it is kept, then read: {asked:?}") };
    assert_eq!((path.as_str(), &**text), ("imported/shop.v1.Orders.proto", proto));
    assert_eq!(grpc.schema, switchboard_desk::send::draft::SchemaFrom::Protos { files: vec![path.clone()], roots: Vec::new() });
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

#[test]
fn a_request_is_pasted_into_an_empty_address_and_what_was_pasted_is_brought_back() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), secrets: Vec::new(), ..sample::board() });
    let paste = |harness: &mut Window, text: &str| {
        harness.event(Event::Paste(text.to_owned()));
        settle(harness);
    };
    ctrl(&mut harness, Key::N);
    paste(&mut harness, "http://localhost:8080/orders");
    assert_eq!(http_of(&harness), "http://localhost:8080/orders", "an address is pasted as such");
    let line = "curl -X PUT http://localhost:8080/orders/1 -H 'Authorization: Bearer hunter2Zq7'";
    paste(&mut harness, line);
    assert!(http_of(&harness).contains("curl"), "nor is anything taken that is pasted behind another text");
    ctrl(&mut harness, Key::N);
    paste(&mut harness, line);
    assert_eq!(http_of(&harness), "http://localhost:8080/orders/1");
    harness.get_by_label_contains("What was pasted was taken as a request");
    ctrl(&mut harness, Key::Z);
    assert_eq!(http_of(&harness), line);
    assert!(harness.query_by_label_contains("What was pasted was taken as a request").is_none());
    // What was left out is said until the secret that is named for it stands in the profile.
    ctrl(&mut harness, Key::N);
    paste(&mut harness, line);
    harness.get_by_label_contains("The credential was left out");
    source.show_send(SendBoard { sent: Vec::new(), ..sample::board() });
    settle(&mut harness);
    assert!(harness.query_by_label_contains("The credential was left out").is_none());
}

#[test]
fn an_entry_of_a_har_that_is_pasted_into_an_empty_address_is_composed_without_its_credential() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    ctrl(&mut harness, Key::N);
    let entry = r#"{"startedDateTime": "2026-05-01T10:00:00.000Z", "request": {"method": "PUT", "url": "http://localhost:8080/orders/1?dry=1",
        "headers": [{"name": "x-tenant", "value": "{{shop}}"}, {"name": "Authorization", "value": "Bearer hunter2Zq7"}],
        "postData": {"mimeType": "application/json", "text": "{\"sku\":\"lamp\"}"}}, "response": {"status": 200}}"#;
    harness.event(Event::Paste(entry.to_owned()));
    settle(&mut harness);
    assert_eq!(http_of(&harness), "http://localhost:8080/orders/1?dry=1");
    harness.get_by_label_contains("What was pasted was taken as a request");
    harness.get_by_label_contains("The header authorization stands in the HAR and was left out");
    assert_eq!(asked(&source), [], "nothing is sent or saved by itself");
    ctrl(&mut harness, Key::Enter);
    let ask = sent(&source);
    let sent = http(&ask);
    assert_eq!((sent.method.as_str(), sent.headers), ("PUT", vec![Pair::new("x-tenant", "\\{{shop}}")]));
    assert_eq!((sent.body, sent.auth), (Body::Json("{\"sku\":\"lamp\"}".to_owned()), Auth::None));
    assert!(!format!("{ask:?}").contains("hunter"), "{ask:?}");
}

#[test]
fn of_an_openapi_document_that_is_pasted_into_an_empty_address_the_first_operation_is_composed_and_saving_is_asked_about() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    ctrl(&mut harness, Key::N);
    let document = "openapi: 3.1.0
servers: [{url: 'http://localhost:8080/v1'}]
paths:
  /orders/{orderId}:
    get:
      operationId: getOrder
      parameters: [{name: orderId, in: path, required: true, example: '4711'}]
  /stock:
    get: {operationId: listStock}
  /stock/{sku}:
    put: {operationId: putStock}
";
    harness.event(Event::Paste(document.to_owned()));
    settle(&mut harness);
    assert_eq!(http_of(&harness), "{{base}}/orders/{{orderId}}");
    harness.get_by_label_contains("What was pasted was taken as a request");
    harness.get_by_role_and_label(Role::Heading, "Save 3 requests?");
    harness.get_by_label_contains("imported: Get order, List stock, Put stock.");
    assert_eq!(value(&harness, Role::TextInput, "Server, as {{base}}"), "http://localhost:8080/v1");
    harness.get_by_label_contains("orderId = \"4711\"");
    assert_eq!(asked(&source), []);
    ctrl(&mut harness, Key::Z);
    assert_eq!(http_of(&harness), document.replace('\n', " "));
    assert!(harness.query_by_role_and_label(Role::Heading, "Save 3 requests?").is_none());
}

#[test]
fn what_was_pasted_is_brought_back_from_the_address_only_and_with_the_file_it_is_of() {
    let (_, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    goto(&mut harness, &Target::Saved("orders/place an order".to_owned()));
    harness.get_by_role_and_label(Role::TextInput, "URL").focus();
    settle(&mut harness);
    ctrl(&mut harness, Key::A);
    press(&mut harness, &[Key::Delete]);
    let line = "curl -X PUT http://localhost:8080/orders/1";
    harness.event(Event::Paste(line.to_owned()));
    settle(&mut harness);
    click(&mut harness, Role::Tab, "request Headers 0");
    harness.get_by_role_and_label(Role::TextInput, "Name of header 1").focus();
    settle(&mut harness);
    ctrl(&mut harness, Key::Z);
    assert_eq!(http_of(&harness), "http://localhost:8080/orders/1", "keys are for the field that has them");
    harness.get_by_role_and_label(Role::TextInput, "URL").focus();
    settle(&mut harness);
    ctrl(&mut harness, Key::Z);
    assert_eq!(http_of(&harness), line);
    assert!(harness.query_all_by_label_contains(", edited").any(|node| node.accesskit_node().role() == Role::Heading), "it is of its file again");
}

fn http_of(harness: &Window) -> String {
    value(harness, Role::TextInput, "URL")
}

/// Three operations, and no server.
pub(super) const DOCUMENT: &str =
    "openapi: 3.1.0\npaths:\n  /orders/{id}:\n    get: {operationId: getOrder}\n    put: {summary: Replace an order}\n  /orders:\n    get: {}\n";

/// A window into which a document of three operations was pasted.
fn with_document() -> (FixedSource, Window) {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    harness.event(Event::Paste(DOCUMENT.to_owned()));
    settle(&mut harness);
    (source, harness)
}

const QUESTION: &str = "Save 3 requests?";

fn is_asked_about(harness: &Window) -> bool {
    harness.query_by_role_and_label(Role::Heading, QUESTION).is_some()
}

#[test]
fn what_comes_to_several_files_is_asked_about_before_any_is_written() {
    let (source, mut harness) = with_document();
    assert_eq!(http_of(&harness), "{{base}}/orders");
    harness.get_by_role_and_label(Role::Heading, QUESTION);
    harness.get_by_label_contains("Saving writes 3 files into /work/shop/requests/imported: GET -orders, Get order, Replace an order.");
    assert_eq!(asked(&source), [], "nothing is written unasked");
    ctrl(&mut harness, Key::Enter);
    assert_eq!(sent(&source).given.get("base").map(String::as_str), Some("http://localhost"), "what is composed can be sent all the same");
    click(&mut harness, Role::Button, "Don't");
    assert!(!is_asked_about(&harness));
    ctrl(&mut harness, Key::Enter);
    let ask = sent(&source);
    assert_eq!((ask.environment.as_deref(), ask.given.len()), (Some("local"), 0), "the address is that of the environment, as it is shown");
    let (source, mut harness) = with_document();
    press(&mut harness, &[Key::Escape]);
    assert!(!is_asked_about(&harness));
    assert_eq!(asked(&source), []);
}

#[test]
fn escape_answers_what_is_to_be_sent_before_what_is_to_be_saved() {
    let (source, mut harness) = with_document();
    source.show_send(SendBoard { sent: Vec::new(), ..sample::asking(sample::confirm()) });
    settle(&mut harness);
    press(&mut harness, &[Key::Escape]);
    assert_eq!(asked(&source), [SendCommand::Withdraw]);
    assert!(is_asked_about(&harness));
    source.show_send(SendBoard { sent: Vec::new(), ..sample::board() });
    settle(&mut harness);
    press(&mut harness, &[Key::Escape]);
    assert!(!is_asked_about(&harness));
}

#[test]
fn what_is_asked_about_stays_until_another_document_is_pasted() {
    let (_, mut harness) = with_document();
    harness.event(Event::Paste("curl -X PUT http://localhost:8080/orders/1".to_owned()));
    settle(&mut harness);
    assert_eq!(http_of(&harness), "http://localhost:8080/orders/1");
    assert!(is_asked_about(&harness));
    harness.event(Event::Paste("openapi: 3.1.0\npaths: {/stock: {get: {}}}\n".to_owned()));
    settle(&mut harness);
    harness.get_by_role_and_label(Role::Heading, "Save 1 request?");
    harness.get_by_label_contains("3 requests that were pasted before were not saved");
    harness.get_by_role_and_label(Role::Button, "Save it");
}

/// The session's answer to what was to be saved.
fn save_all(source: &FixedSource, harness: &mut Window, command: &SendCommand) {
    let SendCommand::SaveImported { requests, environment, variables } = command else { panic!("to save: {command:?}") };
    let mut saved = sample::saved();
    saved.requests.extend(requests.iter().cloned());
    if !variables.is_empty() {
        saved.environments.insert(environment.clone(), variables.clone());
    }
    source.show_send(SendBoard { sent: Vec::new(), saved: Arc::new(saved), version: 9, ..sample::board() });
    settle(harness);
}

#[test]
fn what_is_imported_is_saved_with_the_address_of_its_server_in_an_environment_of_its_own() {
    let (source, mut harness) = with_document();
    // The environment that is chosen has another address, which stays.
    harness.get_by_label_contains("go into the environment imported of environments.toml; what is there stays");
    line(&mut harness, "Server, as {{base}}", ":9000");
    line(&mut harness, "URL", "?all");
    click(&mut harness, Role::Button, "Save them");
    let command = asked(&source).pop().expect("it is saved");
    let SendCommand::SaveImported { requests, environment, variables } = &command else { panic!("one command: {command:?}") };
    assert_eq!(requests.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["imported/GET -orders", "imported/Get order", "imported/Replace an order"]);
    let url = |draft: &Draft| if let Request::Http(http) = &draft.request { http.url.clone() } else { String::new() };
    assert_eq!(url(&requests[0].1), "{{base}}/orders?all", "as it is composed by now");
    assert_eq!((environment.as_str(), variables.get("base").map(String::as_str), variables.len()), ("imported", Some("http://localhost:9000"), 1));
    // Where it cannot be saved nothing is lost.
    let refused = SendBoard { sent: Vec::new(), version: 8, refusal: Some("environments.toml: mend it first".to_owned()), ..sample::board() };
    source.show_send(refused);
    settle(&mut harness);
    assert!(is_asked_about(&harness));
    click(&mut harness, Role::Button, "Save them");
    assert_eq!(asked(&source).iter().filter(|other| **other == command).count(), 2);
    save_all(&source, &mut harness, &command);
    assert!(!is_asked_about(&harness));
    harness.get_by_label("base is http://localhost:9000");
    assert!(harness.query_by_label("not saved").is_none(), "the first is its file");
    ctrl(&mut harness, Key::Enter);
    let ask = sent(&source);
    assert_eq!((ask.environment.as_deref(), ask.given.len()), (Some("imported"), 0));
}

#[test]
fn what_names_no_variables_is_saved_and_the_environment_stays() {
    let (source, mut harness) = open(SendBoard { sent: Vec::new(), ..sample::board() });
    let entry = |path: &str| format!(r#"{{"request": {{"method": "GET", "url": "http://localhost:8080/{path}"}}, "response": {{"status": 200}}}}"#);
    harness.event(Event::Paste(format!(r#"{{"log": {{"entries": [{}, {}]}}}}"#, entry("a"), entry("b"))));
    settle(&mut harness);
    assert!(harness.query_by_label_contains("of environments.toml; what is there stays").is_none());
    click(&mut harness, Role::Button, "Save them");
    let command = asked(&source).pop().expect("it is saved");
    save_all(&source, &mut harness, &command);
    assert!(harness.query_by_role_and_label(Role::Heading, "Save 2 requests?").is_none());
    ctrl(&mut harness, Key::Enter);
    assert_eq!(sent(&source).environment.as_deref(), Some("local"));
}

#[test]
fn the_folder_of_requests_is_told_and_read_again_when_the_window_gets_the_keys_back() {
    let (source, mut harness) = open(sample::board());
    harness.get_by_role_and_label(Role::Button, "Copy the folder's path, /work/shop/requests").click();
    let path = (0..6).find_map(|_| {
        harness.step();
        copied(&harness)
    });
    assert_eq!(path.as_deref(), Some("/work/shop/requests"));
    settle(&mut harness);
    let before = num_reloads(&source);
    harness.input_mut().focused = false;
    settle(&mut harness);
    assert_eq!(num_reloads(&source), before);
    harness.input_mut().focused = true;
    settle(&mut harness);
    assert_eq!(num_reloads(&source), before + 1);
}

#[test]
fn the_folder_of_requests_is_read_again_once_each_time_the_view_is_shown() {
    let source = source(sample::board());
    let mut harness = harness(&source, UiCommand::Show(ViewKind::Map));
    assert_eq!(num_reloads(&source), 0, "nobody looks");
    for num in 1..=3 {
        ctrl(&mut harness, Key::Num5);
        assert_eq!(num_reloads(&source), num);
        ctrl(&mut harness, Key::Num5);
        press(&mut harness, &[Key::ArrowDown, Key::ArrowUp]);
        assert_eq!(num_reloads(&source), num, "it was shown all the time");
        ctrl(&mut harness, Key::Num1);
        settle(&mut harness);
        assert_eq!(num_reloads(&source), num, "another view is shown");
    }
    goto(&mut harness, &Target::Saved("orders/place an order".to_owned()));
    assert_eq!((num_reloads(&source), asked(&source)), (4, Vec::new()));
}
