//! Fifty texts that hold a secret, and forty names of one: each is put in wherever a sender can put a text.

use serde_json::{Value, json};

use crate::canaries::{CANARY, Record, secret};

/// The trace of the spans.
pub const TRACE_ID: u128 = 0x5eed_2f35_77b3_4da6_a3ce_929d_0e0e_4737;
/// Numbers of the secrets in the texts begin here, those behind the names behind them.
pub const FIRST: u32 = 600;

/// Texts in which `§` stands for the secret.
const TEXTS: [&str; 50] = [
    r#"{"password" : "§","pool":5}"#,
    r#"{"password":"§","pool":5}"#,
    r#"{"dbPassword":"§"}"#,
    r#"{"user_password":"§"}"#,
    r#"{"payload":"{\"password\":\"§\",\"a\":1}"}"#,
    r#"{"a":"{\"b\":\"{\\\"password\\\":\\\"§\\\"}\"}"}"#,
    r#"{"a":"{\u0022password\u0022:\u0022§\u0022}"}"#,
    r#"{"credentials":{"user":"joe","pin":"§"}}"#,
    r#"[{"name":"DB_PASSWORD","value":"§"}]"#,
    "{'password': '§'}",
    "password = §",
    "password: §",
    "password=\"§\"",
    "DB_PASSWORD=§",
    "SPRING_DATASOURCE_PASSWORD=§",
    "spring.datasource.password=§",
    "User(name=joe, password=§)",
    "{:password=>\"§\"}",
    "clientSecret: §",
    "api_key=§",
    "secretAccessKey = §",
    "sasl.jaas.config = org.apache.kafka.common.security.plain.PlainLoginModule required username=\"joe\" password=\"§\";",
    "Field error on field 'password': rejected value [§]; codes [Size]",
    "mysqldump --password § shop",
    "CREATE USER joe IDENTIFIED BY '§'",
    "Authorization: Token §",
    "Proxy-Authorization: Negotiate §",
    "GET / HTTP/1.1\nauthorization: Bearer §\nhost: shop",
    "X-Api-Key: §",
    "Cookie: JSESSIONID=§; theme=dark",
    "Set-Cookie: sid=§; Path=/",
    "login with bearer § failed",
    "Basic §",
    "<password>§</password>",
    "<wsse:Password Type=\"PasswordText\">§</wsse:Password>",
    "https://joe:§@db.local/x",
    "postgres://joe:§@db.local:5432/shop",
    "jdbc:oracle:thin:joe/§@db:1521/shop",
    "Server=db;User Id=sa;Password=§;Encrypt=true",
    "DefaultEndpointsProtocol=https;AccountKey=§Ab12345==",
    "https://a/b?access_token=§&page=2",
    "https://a/?next=https%3A%2F%2Fb%2F%3Ftoken%3D§",
    "pushed with ghp_§q7Zk3Wb9Xr5Tn1Vm8Ls2P",
    "pulled with glpat-§q7Zk3W",
    "xoxb-123456789012-§q7Zk3Wb9X",
    "charged with sk_live_§q7Zk3Wb9",
    "key=AIza§q7Zk3Wb9Xr5Tn1Vm8Ls2",
    "published with npm_§q7Zk3Wb9Xr5Tn1Vm8Ls2P",
    "eyJhbGciOiJIUzI1NiJ9.§abcd.dozjgNryP4J3jVmNHl0w5N",
    "-----BEGIN RSA PRIVATE KEY-----\n§\n-----END RSA PRIVATE KEY-----",
];

/// Names of secrets.
const NAMES: [&str; 40] = [
    "password",
    "db_password",
    "DB.PASSWORD",
    "dbPassword",
    "user-password",
    "PGPASSWORD",
    "MYSQL_PWD",
    "SPRING_DATASOURCE_PASSWORD",
    "ssl.key.password",
    "password_confirmation",
    "keyPassphrase",
    "passwd",
    "secret",
    "clientSecret",
    "client.secret",
    "secretAccessKey",
    "aws_secret_access_key",
    "AWSAccessKeyId",
    "api_key",
    "apiKey",
    "X-Api-Key",
    "http.request.header.x_api_key",
    "Ocp-Apim-Subscription-Key",
    "AccountKey",
    "private_key",
    "token",
    "user.access_token",
    "refreshToken",
    "idToken",
    "X-Vault-Token",
    "x-amz-security-token",
    "X-CSRF-Token",
    "http.request.header.authorization",
    "authorization-bin",
    "http.response.header.set_cookie",
    "cookie",
    "JSESSIONID",
    "db.credentials",
    "X-Hub-Signature",
    "card.cvv",
];

/// The texts, each with a secret of its own.
pub fn texts() -> impl Iterator<Item = String> {
    TEXTS.iter().zip(FIRST..).map(|(text, number)| text.replace('§', &secret(number)))
}

fn named() -> impl Iterator<Item = (&'static str, String)> {
    NAMES.into_iter().zip(FIRST + TEXTS.len() as u32..).map(|(name, number)| (name, secret(number)))
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn named_attributes() -> Vec<Value> {
    named().map(|(name, secret)| text(name, &secret)).collect()
}

/// Spans, a minute old, so that they stand behind all others.
pub fn spans(now_ns: i64) -> Value {
    let at_ns = now_ns - 60_000_000_000;
    let span = |(number, shape): (usize, String)| {
        json!({
            "traceId": format!("{TRACE_ID:032x}"), "spanId": format!("{:016x}", number + 1), "name": shape, "kind": 3, "traceState": format!("vendor={shape}"),
            "startTimeUnixNano": (at_ns - 5_000_000).to_string(), "endTimeUnixNano": at_ns.to_string(),
            "attributes": [text("note", &shape), text(&shape, "named so"), text("server.address", &shape), text("url.full", &shape),
                { "key": "list", "value": { "arrayValue": { "values": [{ "stringValue": shape }] } } },
                { "key": "map", "value": { "kvlistValue": { "values": [text("note", &shape), text(&shape, "named so")] } } }],
            "status": { "code": 2, "message": shape },
            "events": [{ "timeUnixNano": at_ns.to_string(), "name": shape, "attributes": [
                text("exception.type", &shape), text("exception.message", &shape), text("exception.stacktrace", &format!("shop.Failure: {shape}\n\tat shop.Pay(Pay.java:7)")),
            ] }],
            "links": [{ "traceId": format!("{:032x}", 7), "spanId": format!("{:016x}", 9), "attributes": [text("note", &shape)] }],
        })
    };
    let mut all: Vec<Value> = texts().enumerate().map(span).collect();
    let mut last = span((TEXTS.len(), "named".to_owned()));
    last["attributes"] = named_attributes().into();
    all.push(last);
    let mut of_resource: Vec<Value> = texts().enumerate().map(|(number, shape)| text(&format!("note.{number}"), &shape)).collect();
    of_resource.extend(named_attributes());
    of_resource.push(text("service.name", "shapes"));
    let scopes: Vec<Value> = texts().zip(all.chunks(1)).map(|(shape, spans)| json!({ "scope": { "name": shape }, "spans": spans })).collect();
    json!({ "resourceSpans": [
        { "resource": { "attributes": of_resource }, "scopeSpans": scopes },
        { "resource": { "attributes": [text("service.name", "shapes")] }, "scopeSpans": [{ "spans": all[TEXTS.len()..] }] },
    ] })
}

/// Log records, as old.
pub fn logs(now_ns: i64) -> Value {
    let record = |body: Value, attributes: Vec<Value>| json!({ "timeUnixNano": (now_ns - 60_000_000_000).to_string(), "severityNumber": 9, "severityText": "INFO", "body": body, "attributes": attributes });
    let mut all = Vec::new();
    for shape in texts() {
        all.push(record(json!({ "stringValue": shape }), vec![text("log.record.original", &shape)]));
        all.push(record(json!({ "kvlistValue": { "values": [text("message", &shape)] } }), vec![]));
    }
    let fields = json!({ "kvlistValue": { "values": named_attributes() } });
    all.push(record(fields, named_attributes()));
    json!({ "resourceLogs": [{ "resource": { "attributes": [text("service.name", "shapes")] }, "scopeLogs": [{ "logRecords": all }] }] })
}

/// Records of a topic.
pub fn records() -> Vec<Record> {
    let mut all: Vec<Record> = texts()
        .map(|shape| {
            (shape.clone().into_bytes(), shape.clone().into_bytes(), vec![("note".to_owned(), shape.clone().into_bytes()), (shape, b"named so".to_vec())])
        })
        .collect();
    let headers = named().map(|(name, secret)| (name.to_owned(), secret.into_bytes())).collect();
    let value: serde_json::Map<String, Value> = named().map(|(name, secret)| (name.to_owned(), secret.into())).collect();
    all.push((b"named".to_vec(), Value::Object(value).to_string().into_bytes(), headers));
    all
}

#[test]
fn each_shape_holds_the_canary() {
    assert!(texts().all(|text| text.contains(CANARY)) && named().count() == NAMES.len());
}
