//! Calls of gRPC: to servers of grpc-go and grpcio, which tell what they take by reflection.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_desk::send::access::Method;

use crate::peer::{go_peer, python_peer};
use crate::sent::{Desk, Sent, has_pair};

/// All that JSON of protobuf has rules for, as the standard writes it.
const EVERYTHING: &str = r#"{
  "text": "größer \" \\ \u0000 \ud83d\ude00", "raw": "AP8Q", "yes": true, "small": -7, "large": "-9223372036854775808", "larger": "18446744073709551615",
  "signed": -3, "fixed": "42", "signedFixed": -42, "single": 1.5, "real": -2.5e-300, "colour": "COLOUR_BLUE",
  "colours": ["COLOUR_RED", "COLOUR_UNSPECIFIED"], "numbers": ["1", "-1", "9007199254740993"],
  "item": {"sku": "A-1", "quantity": 2, "part": {"sku": "A-1-1", "part": {"sku": "A-1-1-1"}}}, "items": [{}, {"sku": "B"}],
  "stock": {"": "0", "A-1": "5", "ü": "-1"}, "byNumber": {"-1": {"sku": "minus"}, "7": {}}, "byAnswer": {"true": "COLOUR_RED", "false": "COLOUR_BLUE"},
  "voucher": {"sku": "V"}, "perhaps": 0, "at": "2024-02-29T12:34:56.000000001Z", "took": "-1.500s",
  "free": {"a": [1, "two", null, {"b": false}], "c": null}, "value": null, "list": [1.5, "x", []],
  "any": {"@type": "type.googleapis.com/peers.v1.Item", "sku": "boxed", "quantity": 1},
  "several": [{"@type": "type.googleapis.com/google.protobuf.Duration", "value": "3s"}, {"@type": "type.googleapis.com/peers.v1.Everything", "item": {}}],
  "wrappedText": "", "wrappedNumber": "0", "wrappedAnswer": false, "wrappedRaw": "", "wrappedReal": "NaN", "mask": "text,wrappedText", "nothing": {},
  "otherName": "by its own name"
}"#;

/// A call in the text of its file.
fn call(address: &str, method: &str, messages: &[&str], more: &str) -> String {
    let messages: Vec<String> = messages.iter().map(|message| format!("'''{message}'''")).collect();
    format!("[grpc]\nurl = \"http://{address}\"\nmethod = \"peers.v1.Shop/{method}\"\nmessages = [{}]\n{more}", messages.join(", "))
}

/// JSON in which 1 and 1.0 are the same, as they are for whoever reads it.
fn plain(json: &Value) -> Value {
    match json {
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect::<serde_json::Map<_, _>>().into(),
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

/// What a server says that it saw is what was sent, each field and nothing else; and so is what it gives back.
#[track_caller]
fn assert_everything_seen(told: &Value) {
    let sent = serde_json::from_str::<Value>(EVERYTHING).expect("JSON");
    let seen = serde_json::from_str::<Value>(told["json"].as_str().expect("text")).expect("JSON");
    assert_eq!(plain(&seen), plain(&sent), "as the server has it");
    assert_eq!(plain(&told["seen"]), plain(&sent), "as it is told here");
}

fn assert_ends(sent: &Sent, by: &str) {
    let told = sent.told();
    assert!(has_pair(&told["headers"], "served-by", by), "{told:#}");
    let costs = told["trailers"].as_array().expect("trailers").iter().filter(|pair| pair[0] == "cost").map(|pair| pair[1].clone()).collect::<Vec<_>>();
    assert_eq!(costs, ["1", "2"], "{told:#}");
    // Padded by some and not by others.
    assert!(has_pair(&told["trailers"], "proof-bin", "AP8Q"), "{told:#}");
}

/// The four kinds of calls, and what comes around their messages.
fn assert_each_kind(desk: &Desk, address: &str, by: &str) {
    let sent = desk.send(&call(address, "Echo", &[EVERYTHING], ""));
    assert_eq!(sent.codes(), (0, 0), "{}", sent.said);
    assert_everything_seen(&sent.messages()[0]);
    assert_ends(&sent, by);

    let sent = desk.send(&call(address, "Collect", &[r#"{"text": "a"}"#, r#"{"text": "b"}"#, r#"{"text": "c", "small": 3}"#], ""));
    assert_eq!(sent.codes(), (0, 0), "{}", sent.said);
    let messages = sent.messages();
    // "a,b,c"
    assert_eq!((messages.len(), &messages[0]["number"], &messages[0]["payload"]), (1, &json!(3), &json!("YSxiLGM=")), "{}", sent.said);
    assert_ends(&sent, by);
    let sent = desk.send(&call(address, "Collect", &[], ""));
    assert_eq!((sent.codes(), sent.messages()[0].get("number")), ((0, 0), None), "a stream of nothing: {}", sent.said);

    let sent = desk.send(&call(address, "Count", &[r#"{"to": 500, "payloadBytes": 3}"#], ""));
    assert_eq!(sent.codes(), (0, 0), "{}", sent.said);
    let numbers: Vec<i64> = sent.messages().iter().map(|message| message["number"].as_i64().expect("a number")).collect();
    assert_eq!(numbers, (1..=500).collect::<Vec<_>>());
    assert_ends(&sent, by);
    let sent = desk.send(&call(address, "Count", &[r#"{"to": 5, "failAfter": 2}"#], ""));
    assert_eq!((sent.codes(), sent.messages().len()), ((4, 15), 2), "{}", sent.said);
    assert_eq!(sent.told()["answer"]["message"], "lost after 2, 100% sure: ü");
    assert_ends(&sent, by);

    let sent = desk.send(&call(address, "Chat", &[r#"{"text": "one"}"#, r#"{"text": "two"}"#, "{}"], ""));
    assert_eq!(sent.codes(), (0, 0), "{}", sent.said);
    let texts: Vec<Value> = sent.messages().iter().map(|message| message["seen"]["text"].clone()).collect();
    assert_eq!(texts, [json!("one"), json!("two"), Value::Null], "{}", sent.said);
    assert_ends(&sent, by);
}

#[test]
fn each_kind_of_call_is_made_on_go_by_both_versions_of_reflection() {
    let Some(peer) = go_peer() else { return };
    let desk = Desk::new();
    for name in ["grpc_v1", "grpc_v1alpha"] {
        assert_each_kind(&desk, peer.address(name), "go");
    }
}

#[test]
fn each_kind_of_call_is_made_on_python() {
    let Some(peer) = python_peer() else { return };
    let (desk, address) = (Desk::new(), peer.address("grpc"));
    assert_each_kind(&desk, address, "python");

    let sent = desk.send(&call(address, "Fail", &[r#"{"code": 9, "message": "not that many: größer"}"#], ""));
    assert_eq!(sent.codes(), (4, 9), "{}", sent.said);
    let told = sent.told();
    assert_eq!(told["answer"]["message"], "not that many: größer");
    let details = told["details"].to_string();
    assert!(["ErrorInfo", "OUT_OF_STOCK", "shop.example", "BadRequest", "more than there are"].iter().all(|word| details.contains(word)), "{told:#}");

    // It compresses what it answers, and takes what is compressed.
    let sent = desk.send(&call(address, "Echo", &[r#"{"text": "squeezed"}"#], "compression = \"gzip\"\ndeadline_s = 20\n"));
    assert_eq!(sent.codes(), (0, 0), "{}", sent.said);
    let message = &sent.messages()[0];
    assert_eq!(message["seen"]["text"], "squeezed");
    let left_ms: i64 = message["deadlineMs"].as_str().expect("a number").parse().expect("a number");
    assert!((1..=20_000).contains(&left_ms), "{message:#}");
    assert!(has_pair(&sent.told()["headers"], "grpc-encoding", "gzip"), "{}", sent.said);
    let sent = desk.send(&call(address, "Echo", &["{}"], "compression = \"zstd\"\n"));
    assert_eq!(sent.codes(), (4, 13), "it takes no zstd, and says so: {}", sent.said);

    assert_deadline(&desk, address);
}

/// A deadline ends a call on either side, whichever is first; nobody waits for longer.
fn assert_deadline(desk: &Desk, address: &str) {
    let sent = desk.send(&call(address, "Wait", &["{}"], "deadline_s = 1.5\n"));
    let told = sent.told();
    let is_ours = (sent.code, told["outcome"].as_str(), told["answer"]["code"].as_i64()) == (5, Some("possibly sent"), Some(4));
    assert!(is_ours || sent.codes() == (4, 4), "{told:#}");
    assert!(!is_ours || told["reason"].as_str().is_some_and(|reason| reason.contains("deadline (1.5s) was over")), "{told:#}");
    assert!(sent.took < Duration::from_secs(15), "{:?}", sent.took);
}

#[test]
fn failures_of_go_come_with_their_details_and_no_call_outlasts_its_deadline() {
    let Some(peer) = go_peer() else { return };
    let (desk, address) = (Desk::new(), peer.address("grpc_v1"));
    let request = r#"{"code": 5, "message": "no such order\n100% größer", "details": ["standard", "own", "unknown", "broken"]}"#;
    let sent = desk.send(&call(address, "Fail", &[request], ""));
    assert_eq!(sent.codes(), (4, 5), "{}", sent.said);
    let told = sent.told();
    assert_eq!(told["answer"]["message"], "no such order\n100% größer");
    assert_ends(&sent, "go");
    let details = told["details"].as_array().expect("details");
    let detail = |number: usize| (details[number][0].as_str().unwrap_or_default(), details[number][1].as_str().unwrap_or_default());
    let expected: [(&str, &[&str]); 6] = [
        ("google.rpc.ErrorInfo", &["OUT_OF_STOCK", "shop.example", "sku", "A-1"]),
        ("google.rpc.BadRequest", &["quantity", "more than there are"]),
        ("google.rpc.RetryInfo", &["1.500s"]),
        ("peers.v1.Item", &["\"sku\": \"A-1\"", "\"quantity\": 3"]),
        ("peers.v1.Hidden", &["\"secretIngredient\": \"salt\"", "\"grams\": \"3\""]),
        ("google.rpc.ErrorInfo", &["ff"]),
    ];
    assert_eq!(details.len(), expected.len(), "{told:#}");
    for (number, (name, words)) in expected.into_iter().enumerate() {
        let (type_url, text) = detail(number);
        assert!(type_url.ends_with(name) && words.iter().all(|word| text.contains(word)), "{name} {words:?}: {told:#}");
    }

    for code in 1..=16 {
        let sent = desk.send(&call(address, "Fail", &[&format!("{{\"code\": {code}}}")], ""));
        assert_eq!(sent.codes(), (4, code), "{}", sent.said);
    }
    // One that gRPC has no name for.
    let sent = desk.send(&call(address, "Fail", &[r#"{"code": 77, "message": "own"}"#], ""));
    assert_eq!((sent.codes(), &sent.told()["answer"]["message"]), ((4, 77), &json!("own")), "{}", sent.said);
    assert_deadline(&desk, address);
}

#[test]
fn what_goes_with_a_call_arrives_and_large_messages_come_within_their_bounds() {
    let Some(peer) = go_peer() else { return };
    let (desk, address) = (Desk::new(), peer.address("grpc_v1"));
    let more = "compression = \"gzip\"\ndeadline_s = 20\n\
        metadata = [{ name = \"x-tenant\", value = \"one\" }, { name = \"x-tenant\", value = \"two\" }, { name = \"seal-bin\", value = \"AP8Q\" }]\n";
    let sent = desk.send(&call(address, "Echo", &[r#"{"text": "squeezed"}"#], more));
    assert_eq!(sent.codes(), (0, 0), "{}", sent.said);
    let message = &sent.messages()[0];
    assert_eq!(message["encoding"], "gzip", "{message:#}");
    let left_ms: i64 = message["deadlineMs"].as_str().expect("a number").parse().expect("a number");
    assert!((1..=20_000).contains(&left_ms), "{message:#}");
    let metadata: Vec<&str> = message["metadata"].as_array().expect("metadata").iter().filter_map(Value::as_str).collect();
    for pair in ["x-tenant: one", "x-tenant: two", "seal-bin: AP8Q"] {
        assert!(metadata.contains(&pair), "{pair}: {metadata:?}");
    }
    let told = sent.told();
    let trace_id = told["trace_id"].as_str().expect("a trace");
    assert!(metadata.iter().any(|pair| pair.starts_with(&format!("traceparent: 00-{trace_id}-"))), "{metadata:?}");
    let correlation_id = format!("x-correlation-id: {}", told["correlation_id"].as_str().expect("an id"));
    assert!(metadata.contains(&correlation_id.as_str()), "{metadata:?}");
    assert!(has_pair(&told["headers"], "grpc-encoding", "gzip"), "{told:#}");
    let sent = desk.send(&call(address, "Echo", &["{}"], "compression = \"zstd\"\n"));
    assert_eq!(sent.codes(), (4, 12), "it takes no zstd, and says so: {}", sent.said);

    // Beyond what most let come (4 MiB), and beyond what is kept to be told (8 MiB, 5,000 messages).
    let sent = desk.send(&call(address, "Count", &[r#"{"to": 2, "payloadBytes": 6000000}"#], ""));
    assert_eq!((sent.codes(), sent.messages().len(), &sent.told()["messages_left_out"]), ((0, 0), 1, &json!(1)), "{}", sent.head());
    let sent = desk.send(&call(address, "Count", &[r#"{"to": 6000}"#], ""));
    assert_eq!((sent.codes(), sent.messages().len(), &sent.told()["messages_left_out"]), ((0, 0), 4_999, &json!(1_001)), "{}", sent.head());
    let large = format!("{{\"raw\": \"{}\"}}", "AAAA".repeat(1_000_000 / 2));
    let sent = desk.send(&call(address, "Chat", &[large.as_str(); 2], ""));
    assert_eq!(sent.codes(), (0, 0), "{}", sent.head());
    let sent = desk.send(&call(address, "Count", &[r#"{"to": 1, "payloadBytes": 70000000}"#], ""));
    let told = sent.told();
    assert_eq!((sent.code, told["answer"]["code"].as_i64()), (5, Some(8)), "{}", sent.head());
    assert!(told["reason"].as_str().is_some_and(|reason| reason.contains("came, more than the 67108864 that are taken")), "{}", sent.head());
}

#[test]
fn a_server_that_does_not_tell_what_it_takes_is_called_by_files() {
    let Some(peer) = go_peer() else { return };
    let (desk, address) = (Desk::new(), peer.address("grpc_silent"));
    let sent = desk.send(&call(address, "Echo", &["{}"], ""));
    assert!(sent.code == 1 && sent.said.contains("does not offer reflection (grpc.reflection.v1, v1alpha)"), "{sent:#?}");
    assert!(sent.said.contains("Name .proto files"), "{sent:#?}");
    desk.file("peers.proto", include_str!("../../peers/send/peers.proto"));
    let sent = desk.send(&call(address, "Echo", &[EVERYTHING], "schema = { protos = { files = [\"peers.proto\"] } }\n"));
    assert_eq!(sent.codes(), (0, 0), "{}", sent.said);
    assert_everything_seen(&sent.messages()[0]);

    for (method, message, reason) in [
        ("Sell", "{}", "no method peers.v1.Shop/Sell"),
        ("Echo", r#"{"txet": "x"}"#, "txet"),
        ("Echo", r#"{"small": 2147483648}"#, "column 20: out of range"),
        ("Echo", r#"{"at": "yesterday"}"#, "column 18: invalid rfc3339 timestamp"),
    ] {
        let sent = desk.send(&call(peer.address("grpc_v1"), method, &[message], ""));
        assert!(sent.code == 1 && sent.said.contains(reason), "{method} {message}: {sent:#?}");
    }
}

/// Descriptors that are broken cost themselves: what is whole is called, and of each of the others it is told what is wrong.
fn assert_broken_cost_themselves(address: &str, by: &str) {
    let desk = Desk::new();
    assert_each_kind(&desk, address, by);
    let schema = desk.described(address);
    let methods: Vec<String> = schema.methods().iter().map(Method::path).filter(|path| !path.starts_with("grpc.reflection.")).collect();
    assert_eq!(methods, ["Chat", "Collect", "Count", "Echo", "Fail", "Wait"].map(|name| format!("peers.v1.Shop/{name}")), "{:#?}", schema.notes());
    for told in [
        "the service broken.v1.Garbled is no descriptor, and was left out",
        "the file broken/nowhere.proto is listed or needed, and the server does not tell it: NotFound",
        "broken/wanting.proto imports broken/nowhere.proto, which is not there",
        "broken/circular.proto was left out: its imports lead back to themselves",
        "broken/back.proto was left out: its imports lead back to themselves",
        "broken/dangling.proto was left out: ",
        "the service broken.v1.Absent is listed or needed, and the server does not tell it: NotFound",
    ] {
        assert!(schema.notes().iter().any(|note| note.starts_with(told)), "{told}\n{:#?}", schema.notes());
    }
    for service in ["Garbled", "Wanting", "Circular", "Dangling", "Absent"] {
        let told = format!("the service broken.v1.{service} is listed, and is in no file that could be used");
        assert!(schema.notes().contains(&told), "{told}\n{:#?}", schema.notes());
        let sent = desk.send(&call(address, "Echo", &["{}"], "").replace("peers.v1.Shop/Echo", &format!("broken.v1.{service}/Ask")));
        assert!(sent.code == 1 && sent.said.contains(&format!("no method broken.v1.{service}/Ask")), "{sent:#?}");
    }
}

#[test]
fn broken_descriptors_of_go_cost_themselves_and_what_is_whole_is_called() {
    let Some(peer) = go_peer() else { return };
    assert_broken_cost_themselves(peer.address("grpc_broken"), "go");
}

#[test]
fn broken_descriptors_of_python_cost_themselves_and_what_is_whole_is_called() {
    let Some(peer) = python_peer() else { return };
    assert_broken_cost_themselves(peer.address("grpc_broken"), "python");
}

#[test]
fn messages_in_any_that_no_service_names_are_sent_and_told() {
    let Some(peer) = go_peer() else { return };
    let desk = Desk::new();
    let message = r#"{"any": {"@type": "type.googleapis.com/peers.v1.Hidden", "secretIngredient": "salt", "grams": "3"}}"#;
    for name in ["grpc_v1", "grpc_v1alpha"] {
        let sent = desk.send(&call(peer.address(name), "Echo", &[message], ""));
        assert_eq!(sent.codes(), (0, 0), "{}", sent.said);
        assert_eq!(sent.messages()[0]["seen"], serde_json::from_str::<Value>(message).expect("JSON"), "{}", sent.said);
        // What only the answer holds is asked for; what nobody knows stays as it came, with the reason.
        let sent = desk.send(&call(peer.address(name), "Echo", &[r#"{"text": "boxed"}"#], ""));
        let told = sent.told();
        let (json, reason) = told["messages"][1]["message"].as_str().and_then(|text| text.split_once("\n// ")).expect("a reason");
        let message: Value = serde_json::from_str(json).expect("JSON");
        let hidden = json!({"@type": "type.googleapis.com/peers.v1.Hidden", "secretIngredient": "salt", "grams": "3"});
        assert_eq!((sent.codes(), &message["seen"]["any"]), ((0, 0), &hidden), "{told:#}");
        assert_eq!(message["seen"]["several"], json!([{"@type": "type.googleapis.com/peers.v1.Nowhere", "value": "CAE="}]), "{told:#}");
        assert!(reason.starts_with("peers.v1.Nowhere: the server does not tell it: NotFound"), "{told:#}");
        // So it is where the call is made several times: because of the answer that is shown.
        let sent = desk.send(&call(peer.address(name), "Echo", &[r#"{"text": "boxed"}"#], "repeat = { times = 3, rate_per_s = 1000, at_once = 1 }\n"));
        let told = sent.told();
        let text = told["messages"][0]["message"].as_str().expect("an answer");
        assert!(text.contains("secretIngredient") && text.contains("// peers.v1.Nowhere: the server does not tell it: NotFound"), "{told:#}");
    }
}

#[test]
fn a_private_authority_is_trusted_where_it_is_named_and_the_wrong_scheme_is_told() {
    let Some(peer) = go_peer() else { return };
    let desk = Desk::new();
    std::fs::copy(peer.folder().join("ca.pem"), desk.folder().join("ca.pem")).expect("copied");
    let address = peer.address("grpc_tls");
    let over_tls = |more: &str| call(address, "Echo", &[r#"{"text": "secured"}"#], more).replace("http://", "https://");
    for tls in ["tls = { root_certificates = \"ca.pem\" }\n", "tls = { unchecked = true }\n"] {
        let sent = desk.send(&over_tls(tls));
        assert_eq!((sent.codes(), &sent.messages()[0]["seen"]["text"]), ((0, 0), &json!("secured")), "{}", sent.said);
    }
    for (draft, reason) in [
        (over_tls(""), "its certificate is not trusted"),
        (call(address, "Echo", &["{}"], ""), "The server may speak TLS. Write https:// instead of http://"),
        (
            call(peer.address("grpc_v1"), "Echo", &["{}"], "").replace("http://", "https://"),
            "answered in plain text where TLS was spoken. Write http://, or correct the port",
        ),
        (call(peer.address("http"), "Echo", &["{}"], ""), "speaks HTTP/1, which carries no gRPC"),
        (call(peer.address("https"), "Echo", &["{}"], "tls = { unchecked = true }\n").replace("http://", "https://"), "does not offer reflection"),
        (call(peer.address("https_1"), "Echo", &["{}"], "tls = { unchecked = true }\n").replace("http://", "https://"), "speaks HTTP/1 only"),
    ] {
        let sent = desk.send(&draft);
        assert!(sent.code == 1 && sent.said.contains(reason), "{reason}\n{sent:#?}");
    }
}
