use std::cell::Cell;

use proptest::prelude::*;
use switchboard_model::Route;

use super::*;
use crate::send::draft::{Body, GrpcDraft, HeaderDraft, HttpDraft, Part, Payload, RecordDraft, ReplyId};

fn planned(draft: &Draft, files: &Files) -> Result<Plan, Mistake> {
    let named = BTreeMap::from([("base".to_owned(), "http://localhost:8080".to_owned()), ("crlf".to_owned(), "a\r\nx: y".to_owned())]);
    let (row, last) = (BTreeMap::new(), Cell::new(0_u128));
    let random = || {
        last.set(last.get() + 1);
        last.get()
    };
    plan(draft, &Variables { named: &named, row: &row, counter: 3, now_ns: 1_700_000_000_000_000_000, random: &random }, files)
}

fn http(change: impl FnOnce(&mut HttpDraft)) -> Draft {
    let mut draft = HttpDraft { url: "{{base}}/checkout".to_owned(), ..HttpDraft::default() };
    change(&mut draft);
    Draft { name: String::new(), request: Request::Http(draft) }
}

fn record(change: impl FnOnce(&mut RecordDraft)) -> Draft {
    let mut draft = RecordDraft { topic: "orders.placed".to_owned(), ..RecordDraft::default() };
    change(&mut draft);
    Draft { name: String::new(), request: Request::Record(draft) }
}

fn request_of(draft: &Draft) -> OutgoingRequest {
    match planned(draft, &Files::new()).expect("a plan").what {
        Planned::Http(planned) => planned.request,
        _ => unreachable!("a request was planned"),
    }
}

fn record_of(draft: &Draft) -> OutgoingRecord {
    match planned(draft, &Files::new()).expect("a plan").what {
        Planned::Record(planned) => planned.record,
        _ => unreachable!("a record was planned"),
    }
}

fn mistake(draft: &Draft) -> Mistake {
    planned(draft, &Files::new()).err().expect("a mistake")
}

fn bare() -> Carries {
    Carries { traceparent: false, correlation_header: String::new(), correlation_id: String::new() }
}

#[test]
fn a_request_is_sent_as_it_is_written() {
    let request = request_of(&http(|http| {
        http.method = "PUT".to_owned();
        http.url = "{{base}}/a b?x=1#f".to_owned();
        http.query = vec![Pair::new("q", "ü&="), Pair { off: true, ..Pair::new("no", "1") }, Pair::default()];
        http.headers = vec![Pair::new("X-Twice", "1"), Pair::new("x-twice", "{{counter}}")];
        http.body = Body::Json("{\"n\": 1.0000000000000000000001}".to_owned());
        http.carries = bare();
    }));
    assert_eq!((request.method.as_str(), request.origin.to_string().as_str()), ("PUT", "http://localhost:8080"));
    assert_eq!(request.path.as_str(), "/a%20b?x=1&q=%C3%BC%26%3D");
    assert_eq!(request.headers.get_all("x-twice").iter().collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!(request.headers["content-type"], "application/json");
    assert_eq!(&request.body[..], b"{\"n\": 1.0000000000000000000001}", "as it is written, to the last digit");
}

#[test]
fn bodies_of_all_kinds_say_what_they_are() {
    let files = Files::from([("a.bin".to_owned(), Bytes::from_static(b"\0\xff"))]);
    let parts = vec![
        Part { name: "a\"\r\nb".to_owned(), value: "v".to_owned(), ..Part::default() },
        Part { name: "f".to_owned(), file: "x/a.bin".to_owned(), content_type: "image/png".to_owned(), ..Part::default() },
    ];
    let boundary = format!("switchboard-{:032x}", 1);
    let multipart = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"a%22%0D%0Ab\"\r\n\r\nv\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"f\"; \
         filename=\"a.bin\"\r\nContent-Type: image/png\r\n\r\n\0\r\n--{boundary}--\r\n"
    );
    let graphql = Body::Graphql { query: "query A { a }".to_owned(), variables: "{\"x\":1}".to_owned(), operation: "A".to_owned() };
    for (body, bytes, content_type) in [
        (Body::None, "", None),
        (Body::Text("é".to_owned()), "é", Some("text/plain; charset=utf-8".to_owned())),
        (Body::Form(vec![Pair::new("a b", "&")]), "a+b=%26", Some("application/x-www-form-urlencoded".to_owned())),
        (Body::Hex("00 41".to_owned()), "\0A", Some("application/octet-stream".to_owned())),
        (graphql, "{\"operationName\":\"A\",\"query\":\"query A { a }\",\"variables\":{\"x\":1}}", Some("application/json".to_owned())),
        (Body::Multipart(parts), &multipart, Some(format!("multipart/form-data; boundary={boundary}"))),
    ] {
        let files = Files::from([("x/a.bin".to_owned(), Bytes::from_static(b"\0"))]);
        let Planned::Http(planned) = planned(&http(|http| (http.body, http.carries) = (body.clone(), bare())), &files).expect("a plan").what else {
            unreachable!("a request was planned")
        };
        assert_eq!(String::from_utf8_lossy(&planned.request.body), bytes, "{body:?}");
        assert_eq!(planned.request.headers.get("content-type").map(|value| value.to_str().expect("text")), content_type.as_deref(), "{body:?}");
    }
    let Planned::Http(planned) = planned(&http(|http| http.body = Body::File("a.bin".to_owned())), &files).expect("a plan").what else {
        unreachable!("a request was planned")
    };
    assert_eq!(&planned.request.body[..], b"\0\xff");
}

#[test]
fn nothing_can_be_put_between_the_lines_of_a_request() {
    for (field, draft) in [
        ("headers", http(|http| http.headers = vec![Pair::new("x", "{{crlf}}")])),
        ("headers", http(|http| http.headers = vec![Pair::new("x: y\r\nz", "1")])),
        ("method", http(|http| http.method = "GET / HTTP/1.1\r\nx: y".to_owned())),
        ("method", http(|http| http.method = "CONNECT".to_owned())),
        ("carries", http(|http| http.carries.correlation_id = "{{crlf}}".to_owned())),
        ("url", http(|http| http.url = "file:///etc/passwd".to_owned())),
        ("url", http(|http| http.url = "http://joe:hunter2@h/".to_owned())),
    ] {
        let mistake = mistake(&draft);
        assert_eq!(mistake.field, field, "{mistake}");
        assert!(!mistake.reason.contains("hunter"), "{mistake}");
    }
    let in_path = request_of(&http(|http| http.url = "{{base}}/{{crlf}}".to_owned()));
    assert_eq!(in_path.path.as_str(), "/ax:%20y", "line breaks are left out of addresses");
    let grpc = |method: &str| Draft {
        name: String::new(),
        request: Request::Grpc(GrpcDraft { url: "http://h:1".to_owned(), method: method.to_owned(), ..GrpcDraft::default() }),
    };
    for method in ["", "a", "a/b/c", "a b/c", "/../x", "a/b?c", "a/b\r\nc"] {
        assert_eq!(mistake(&grpc(method)).field, "method", "{method}");
    }
    for method in ["shop.v1.Orders/PlaceOrder", "/shop.v1.Orders/PlaceOrder", "shop.v1.Orders.PlaceOrder"] {
        assert_eq!(planned(&grpc(method), &Files::new()).expect("a plan").call(), "shop.v1.Orders/PlaceOrder");
    }
}

#[test]
fn a_server_may_be_written_as_grpcurl_writes_it_and_what_is_none_says_how() {
    let called = |url: &str| {
        let grpc = GrpcDraft { url: url.to_owned(), method: "a.B/C".to_owned(), ..GrpcDraft::default() };
        planned(&Draft { name: String::new(), request: Request::Grpc(grpc) }, &Files::new()).map(|plan| plan.origin().expect("a server").to_string())
    };
    for (url, origin) in [
        ("127.0.0.1:50061", "http://127.0.0.1:50061"),
        (" localhost:50061 ", "http://localhost:50061"),
        ("[::1]:50061", "http://[::1]:50061"),
        ("orders.shop.example:443", "http://orders.shop.example:443"),
        ("https://h:1/", "https://h:1"),
    ] {
        assert_eq!(called(url).as_deref(), Ok(origin), "{url}");
    }
    for url in ["localhost", "localhost:", ":50061", "localhost:70000", "::1:50061", "dns:h:1", "ftp://h:1", "joe@h:1"] {
        let mistake = called(url).expect_err(url);
        assert!(mistake.field == "url" && mistake.reason.contains("Write host:port or http://host:port"), "{url}: {mistake}");
    }
    assert!(called("http://joe:hunter2@h:1").expect_err("credentials").reason.contains("credentials"));
}

#[test]
fn each_row_is_a_message_of_one_call_where_that_is_asked_for() {
    let named = BTreeMap::from([("unit".to_owned(), "pieces".to_owned())]);
    let none = BTreeMap::new();
    let of = |row_messages: bool, messages: &[&str], rows: &Rows| {
        let variables = Variables { named: &named, row: &none, counter: 7, now_ns: 0, random: &|| 1 };
        let messages = messages.iter().map(|message| (*message).to_owned()).collect();
        let grpc = GrpcDraft { url: "http://h:1".to_owned(), method: "shop.v1.Stock/Import".to_owned(), messages, row_messages, ..GrpcDraft::default() };
        let draft = Draft { name: String::new(), request: Request::Grpc(grpc) };
        plan_with_rows(&draft, &variables, &Files::new(), rows).map(|plan| match plan.what {
            Planned::Grpc(planned) => planned.messages,
            _ => unreachable!("a call was planned"),
        })
    };
    let rows = Rows::parse("stock.csv", b"sku,num\nlamp,3\nchair,4\n").expect("rows");
    let message = r#"{"n":{{counter}},"sku":"{{row.sku}}","num":{{num}},"unit":"{{unit}}"}"#;
    let made = [r#"{"n":1,"sku":"lamp","num":3,"unit":"pieces"}"#, r#"{"n":2,"sku":"chair","num":4,"unit":"pieces"}"#];
    assert_eq!(of(true, &[message], &rows).expect("a plan"), made);
    assert_eq!(of(true, &[message, "{}"], &rows).expect("a plan"), [made[0], "{}", made[1], "{}"]);
    assert_eq!(of(false, &["{\"n\":{{counter}}}"], &rows).expect("a plan"), ["{\"n\":7}"], "each row is a call of its own");
    let mistake = of(true, &["{\"sku\":{{row.sku}}}"], &rows).expect_err("no JSON");
    assert!(mistake.field == "messages" && mistake.reason.starts_with("row 1: this is no JSON"), "{mistake}");
    let mistake = of(true, &["{\"sku\":\"{{row.skew}}\"}"], &rows).expect_err("no such column");
    assert!(mistake.reason.contains("row 1: the row has no value called `skew`"), "{mistake}");
    let many = Rows::parse("many.csv", ("n\n".to_owned() + &"1\n".repeat(10_001)).as_bytes()).expect("rows");
    assert!(of(true, &["{}"], &many).expect_err("too many").reason.contains("there are 10001; 10000 are the most"));
    let long = format!("\"{}\"", "x".repeat(1 << 20));
    let rows = Rows::parse("few.csv", ("n\n".to_owned() + &"1\n".repeat(65)).as_bytes()).expect("rows");
    assert!(of(true, &[&long], &rows).expect_err("too long").reason.contains("together they are longer than 64 MiB"));
}

#[test]
fn what_was_put_in_the_place_of_a_secret_is_not_sent() {
    let placeholder = "Bearer redacted:0a1b2c".to_owned();
    for draft in [
        http(|http| http.headers = vec![Pair::new("authorization", &placeholder)]),
        http(|http| http.body = Body::Text(placeholder.clone())),
        http(|http| http.url = format!("http://h/?t={placeholder}")),
        record(|record| record.value = Payload::Text(placeholder.clone())),
        record(|record| record.headers = vec![HeaderDraft { name: "t".to_owned(), value: Payload::Text(placeholder.clone()), off: false }]),
    ] {
        assert!(mistake(&draft).reason.contains("placeholder for a secret"));
    }
    for innocent in ["redacted:", "redacted:0a1b2", "redacted:0A1B2C", "redacted: 0a1b2c"] {
        assert!(!holds_placeholder(innocent.as_bytes()), "{innocent}");
    }
}

#[test]
fn each_request_begins_a_trace_of_its_own_unless_it_says_otherwise() {
    let plan = |draft: &Draft| planned(draft, &Files::new()).expect("a plan");
    let carried = plan(&http(|_| {}));
    assert_eq!(carried.trace_id, Some(TraceId(1)));
    let request = request_of(&http(|_| {}));
    assert_eq!(request.headers["traceparent"], "00-00000000000000000000000000000001-0000000000000002-01");
    assert_eq!(Some(request.headers["x-correlation-id"].to_str().expect("text").to_owned()), carried.correlation_id);
    let own = plan(&http(|http| http.headers = vec![Pair::new("traceparent", "00-0000000000000000000000000000abcd-0000000000000001-01")]));
    assert_eq!(own.trace_id, Some(TraceId(0xabcd)), "what is written by hand says which trace it is");
    let none = plan(&http(|http| http.carries = bare()));
    assert_eq!((none.trace_id, none.correlation_id), (None, None));
    let named = plan(&record(|record| record.carries.correlation_id = "order-{{counter}}".to_owned()));
    assert_eq!(named.correlation_id.as_deref(), Some("order-3"));
}

#[test]
fn a_record_that_awaits_a_reply_says_where_and_by_which_id() {
    let of = |change: &dyn Fn(&mut RecordDraft)| {
        let Planned::Record(planned) =
            planned(&record(|record| ("replies".clone_into(&mut record.reply_topic), change(record)).1), &Files::new()).expect("a plan").what
        else {
            unreachable!("a record was planned")
        };
        let header = |name: &str| planned.record.headers.iter().find(|header| header.name == name).map(|header| header.value.clone().unwrap_or_default());
        let reply = planned.reply.clone().expect("one is awaited");
        (header("kafka_replyTopic"), header(&reply.id_header), reply)
    };
    let (topic, id, reply) = of(&|record| "c".clone_into(&mut record.carries.correlation_id));
    assert_eq!((topic, id, reply.id), (Some(b"replies".to_vec()), Some(b"c".to_vec()), b"c".to_vec()), "what is no UUID is text");
    let uuid = "8a0f4c98-9ab0-42e1-9540-5fb08035e729";
    let (_, id, _) = of(&|record| uuid.clone_into(&mut record.carries.correlation_id));
    assert_eq!(id, Some(0x8a0f_4c98_9ab0_42e1_9540_5fb0_8035_e729_u128.to_be_bytes().to_vec()), "a UUID goes as its bytes");
    let (_, id, _) = of(&|record| (record.carries.correlation_id, record.reply.id_as) = (uuid.to_owned(), ReplyId::Text));
    assert_eq!(id, Some(uuid.as_bytes().to_vec()));
    let (topic, id, _) = of(&|record| (record.carries, record.reply.topic_header) = (bare(), String::new()));
    assert_eq!((topic, id.map(|id| id.len())), (None, Some(16)), "without a correlation id it has one of its own");
    let (_, _, reply) = of(&|record| {
        record.reply.id_header = "x-id".to_owned();
        record.headers = vec![HeaderDraft { name: "x-id".to_owned(), value: Payload::Text("by hand".to_owned()), off: false }];
    });
    assert_eq!((reply.id_header.as_str(), &reply.id[..]), ("x-id", &b"by hand"[..]), "what is written by hand is the id");
}

#[test]
fn what_cannot_be_a_record_is_told_at_its_field() {
    for (field, draft) in [
        ("topic", record(|record| record.topic = String::new())),
        ("topic", record(|record| record.topic = "a b".to_owned())),
        ("topic", record(|record| record.topic = "..".to_owned())),
        ("partition", record(|record| record.partition = Some(-1))),
        ("value", record(|record| record.value = Payload::Json("{".to_owned()))),
        ("key", record(|record| record.key = Payload::Hex("0".to_owned()))),
        ("key", record(|record| record.key = Payload::Hex("zz".to_owned()))),
        ("value", record(|record| record.value = Payload::Text("{{nobody}}".to_owned()))),
        ("value", record(|record| record.value = Payload::File("a".to_owned()))),
        ("reply topic", record(|record| (record.reply_topic, record.reply.within_s) = ("r".to_owned(), 0.0))),
        ("reply topic", record(|record| (record.reply_topic, record.reply.id_header) = ("r".to_owned(), String::new()))),
    ] {
        assert_eq!(mistake(&draft).field, field);
    }
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![Just(Payload::Null), "[^{\\\\]{0,40}".prop_map(Payload::Text), any::<Vec<u8>>().prop_map(|bytes| Payload::Hex(hex(&bytes))),]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn bytes_of(payload: &Payload) -> Option<Vec<u8>> {
    match payload {
        Payload::Text(text) => Some(text.clone().into_bytes()),
        Payload::Hex(text) => Some((0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex")).collect()),
        _ => None,
    }
}

proptest! {
    #[test]
    fn a_record_is_what_was_composed_byte_for_byte(key in payload(), value in payload(), headers in prop::collection::vec(("[^{\\\\]{1,8}", payload()), 0..6)) {
        let sent = record_of(&record(|record| {
            (record.key, record.value, record.carries, record.partition) = (key.clone(), value.clone(), bare(), Some(1));
            record.headers = headers.iter().map(|(name, value)| HeaderDraft { name: name.clone(), value: value.clone(), off: false }).collect();
        }));
        prop_assert_eq!((sent.key, sent.value, sent.route), (bytes_of(&key), bytes_of(&value), Route::Partition(1)));
        let expected: Vec<(String, Option<Vec<u8>>)> = headers.iter().map(|(name, value)| (name.clone(), bytes_of(value))).collect();
        prop_assert_eq!(sent.headers.into_iter().map(|header| (header.name, header.value)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn no_text_in_any_field_makes_a_plan_panic(text in ".{0,60}") {
        let mut draft = HttpDraft { url: text.clone(), method: text.clone(), headers: vec![Pair::new(&text, &text)], query: vec![Pair::new(&text, &text)], ..HttpDraft::default() };
        let _ = planned(&Draft { name: text.clone(), request: Request::Http(draft.clone()) }, &Files::new());
        draft.url = "http://h/".to_owned();
        draft.method = "POST".to_owned();
        draft.body = Body::Multipart(vec![Part { name: text.clone(), value: text.clone(), file: String::new(), content_type: text.clone() }]);
        let _ = planned(&Draft { name: text.clone(), request: Request::Http(draft) }, &Files::new());
        let grpc = GrpcDraft { url: text.clone(), method: text.clone(), messages: vec![text.clone()], compression: text.clone(), ..GrpcDraft::default() };
        let _ = planned(&Draft { name: text.clone(), request: Request::Grpc(grpc) }, &Files::new());
        let record = RecordDraft { topic: text.clone(), key: Payload::Json(text.clone()), value: Payload::Hex(text), ..RecordDraft::default() };
        let _ = planned(&Draft { name: String::new(), request: Request::Record(record) }, &Files::new());
    }
}
