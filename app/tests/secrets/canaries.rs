//! What is put in: secrets that must not be found again anywhere, and plain words beside them that must.

use serde_json::{Value, json};

/// Part of every secret. Letters that base64url, hex and AWS key ids leave as they are.
pub const CANARY: &str = "ZQ7CANARY";
/// The trace of the spans.
pub const TRACE_ID: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

/// Secrets are numbered, so that a leak tells which it is.
pub fn secret(number: u32) -> String {
    format!("{CANARY}{number:03}q7z")
}

/// A word that is no secret.
pub fn plain(number: u32) -> String {
    format!("plainword{number:03}")
}

/// Plain words that the window shows. Attributes of a log, the eighth, are not shown and only found.
pub const PLAIN: [u32; 11] = [1, 2, 3, 4, 6, 7, 9, 20, 21, 30, 31];
/// Plain words that a search finds.
pub const FOUND: [u32; 6] = [1, 3, 4, 8, 9, 21];

/// How a text would betray a canary: as it is in any case, in hex, in base64 at any offset.
pub fn betrays(text: &str) -> Option<String> {
    let folded = text.to_ascii_uppercase();
    let spellings = [CANARY.to_owned(), hex(CANARY.as_bytes()), base64_middle(0), base64_middle(1), base64_middle(2)];
    let found = spellings.iter().find_map(|spelling| folded.find(&spelling.to_ascii_uppercase()))?;
    let from = (0..=found.saturating_sub(60)).rev().find(|at| folded.is_char_boundary(*at)).unwrap_or(0);
    Some(folded[from..].chars().take(140).collect())
}

/// Two digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).map(char::from).collect()
}

/// The part of the canary's base64 that does not depend on what stands around it, `before` bytes into a group of three.
fn base64_middle(before: usize) -> String {
    let bytes = &CANARY.as_bytes()[(3 - before) % 3..];
    base64(&bytes[..bytes.len() / 3 * 3])
}

/// Base64 of whole groups of three bytes, or padded.
pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let all = group.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(all >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

fn jwt(number: u32) -> String {
    format!("eyJhbGciOiJIUzI1NiJ9.{}abcd.dozjgNryP4J3jVmNHl0w5N", secret(number))
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// Attributes that are secret by name or by shape, from this number on, and a plain one.
fn attributes(from: u32, plain_number: u32) -> Vec<Value> {
    let s = |number: u32| secret(from + number);
    vec![
        text("http.request.header.authorization", &format!("Bearer {}", s(0))),
        text("http.request.header.cookie", &format!("session={}", s(1))),
        json!({ "key": "http.request.header.x-api-key", "value": { "arrayValue": { "values": [{ "stringValue": s(2) }] } } }),
        text("rpc.grpc.request.metadata.authorization", &s(3)),
        text("db.password", &s(4)),
        text("clientSecret", &s(5)),
        text("url.full", &format!("https://joe:{}@shop.local/orders?token={}&page={}", s(6), s(7), plain(plain_number))),
        text("note", &format!("login with Bearer {} failed", s(8))),
        text("claim", &jwt(from + 9)),
        text("key.id", &format!("AKIA{CANARY}0009999")[..20]),
        text("config", &format!("{{\"password\":\"{}\",\"pool\":5}}", s(10))),
        text("pem", &format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", s(11))),
        json!({ "key": "settings", "value": { "kvlistValue": { "values": [text("password", &s(12)), text("user", "joe")] } } }),
        json!({ "key": "raw", "value": { "bytesValue": base64(format!("Bearer {}", s(13)).as_bytes()) } }),
        json!({ "key": "parts", "value": { "arrayValue": { "values": [{ "bytesValue": base64(format!("Bearer {}", s(16)).as_bytes()) }, { "stringValue": format!("Basic {}", s(17)) }] } } }),
        text("process.command_line", &format!("java -Dspring.datasource.password={} -jar orders.jar", s(14))),
        text("tenant.word", &s(15)),
        text("plain", &plain(plain_number)),
    ]
}

/// Spans that name the canaries wherever a sender can put them.
pub fn spans(now_ns: i64) -> Value {
    let span_id = |number: u64| format!("{number:016x}");
    let span = |number: u64, parent: u64, service_kind: u32, attributes: Vec<Value>| {
        json!({
            "traceId": format!("{TRACE_ID:032x}"), "spanId": span_id(number), "parentSpanId": if parent == 0 { String::new() } else { span_id(parent) },
            "traceState": format!("vendor={}", "ok"),
            "name": format!("GET https://joe:{}@shop.local/{}?token={}", secret(100 + number as u32), plain(2), secret(110 + number as u32)),
            "kind": service_kind, "startTimeUnixNano": (now_ns - 5_000_000).to_string(), "endTimeUnixNano": now_ns.to_string(),
            "attributes": attributes,
            "status": { "code": 2, "message": format!("401 for Bearer {} {}", secret(120 + number as u32), plain(3)) },
            "events": [{
                "timeUnixNano": now_ns.to_string(), "name": format!("exception Bearer {}", secret(130)),
                "attributes": [
                    text("exception.type", "AuthException"),
                    text("exception.message", &format!("{} password={}", plain(4), secret(131))),
                    text("exception.stacktrace", &format!("at Orders\n  url https://joe:{}@db.local/x", secret(132))),
                ],
            }],
            "links": [{ "traceId": format!("{:032x}", 7), "spanId": span_id(9), "attributes": [text("authorization", &secret(133))] }],
        })
    };
    let resource = |service: &str, number: u32| {
        json!({ "attributes": [
            text("service.name", service), text("service.instance.id", &format!("{service}-1")),
            text("auth.token", &secret(number)), text("process.command_args", &format!("--password={}", secret(number + 1))),
        ] })
    };
    json!({ "resourceSpans": [
        { "resource": resource("checkout", 140), "scopeSpans": [{ "scope": { "name": format!("tracer Bearer {}", secret(142)), "attributes": [text("password", &secret(143))] }, "spans": [span(1, 0, 2, attributes(200, 1)), span(2, 1, 3, attributes(220, 6))] }] },
        { "resource": resource("payments", 150), "scopeSpans": [{ "spans": [span(3, 2, 2, attributes(240, 7))] }] },
    ] })
}

/// Log records.
pub fn logs(now_ns: i64) -> Value {
    let record = |body: Value, number: u32| {
        json!({
            "timeUnixNano": now_ns.to_string(), "severityNumber": 17, "severityText": "ERROR", "body": body,
            "traceId": format!("{TRACE_ID:032x}"), "spanId": format!("{:016x}", 3), "attributes": attributes(number, 8),
        })
    };
    let line = format!("{} failed: password={} and Bearer {}", plain(9), secret(300), secret(301));
    json!({ "resourceLogs": [{
        "resource": { "attributes": [text("service.name", "payments"), text("secret", &secret(302))] },
        "scopeLogs": [{ "logRecords": [
            record(json!({ "stringValue": line }), 310),
            record(json!({ "kvlistValue": { "values": [text("password", &secret(303)), text("order", "4711")] } }), 330),
        ] }],
    }] })
}

/// A record: key, value and headers.
pub type Record = (Vec<u8>, Vec<u8>, Vec<(String, Vec<u8>)>);

/// Records of a topic.
pub fn records() -> Vec<Record> {
    let header = |name: &str, value: String| (name.to_owned(), value.into_bytes());
    let headers = |from: u32| {
        vec![
            header("traceparent", format!("00-{TRACE_ID:032x}-0000000000000002-01")),
            header("authorization", format!("Bearer {}", secret(from))),
            header("Cookie", secret(from + 1)),
            header("x-api-key", secret(from + 2)),
            header("note", format!("{} Bearer {}", plain(20), secret(from + 3))),
            header("tenant-word", secret(from + 4)),
        ]
    };
    let mut framed = vec![0, 0, 0, 0, 57];
    framed.extend(format!("{{\"password\":\"{}\",\"a\":1}}", secret(410)).into_bytes());
    vec![
        (
            format!("token={}", secret(400)).into_bytes(),
            format!("{{\"password\":\"{}\",\"user\":\"{}\",\"url\":\"https://joe:{}@db/x\"}}", secret(401), plain(21), secret(402)).into_bytes(),
            headers(403),
        ),
        (b"plain".to_vec(), framed, headers(411)),
        (jwt(420).into_bytes(), format!("AKIA{CANARY}0004444").into_bytes(), headers(421)),
    ]
}

/// Dead letters, as Spring gives a record up.
pub fn dead_letters(origin: &str, group: &str) -> Vec<Record> {
    let letter = |number: u32| {
        let failure = [
            ("kafka_dlt-original-topic", origin.as_bytes().to_vec()),
            ("kafka_dlt-original-partition", 0_i32.to_be_bytes().to_vec()),
            ("kafka_dlt-original-offset", i64::from(number).to_be_bytes().to_vec()),
            ("kafka_dlt-original-consumer-group", group.as_bytes().to_vec()),
            ("kafka_dlt-exception-fqcn", b"shop.AuthException".to_vec()),
            ("kafka_dlt-exception-message", format!("{} 401 for Bearer {}", plain(30), secret(500 + number)).into_bytes()),
            ("kafka_dlt-exception-stacktrace", format!("shop.AuthException: password={}\n at shop.Pay(Pay.java:7)", secret(510 + number)).into_bytes()),
        ];
        let (key, value, mut headers) = records().swap_remove(0);
        headers.extend(failure.map(|(name, value)| (name.to_owned(), value)));
        (key, value, headers)
    };
    (0..3).map(letter).collect()
}
