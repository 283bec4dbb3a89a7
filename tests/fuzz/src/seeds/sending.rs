//! Seeds of what leads to something that is sent, and of bodies of answers.

use switchboard_desk::send::draft::{Draft, RequestKind};

use super::parts;

/// What is pasted.
pub const IMPORTS: [&str; 9] = [
    r#"curl 'https://shop.example/api/checkout?x=1' \
  -X 'PUT' \
  -H 'accept: */*' \
  -b 'session=hunter2Zq7' \
  -H 'content-type: application/json' \
  --data-raw $'{"note":"it\'s \u0021 {{x}}","n":1}' \
  --compressed"#,
    "curl h -F a=1 -F 'f=@x/a.png;type=image/png' -u joe:hunter2Zq7 --cacert 'ca.pem' -m 2.5 -G; printf '%s' 'a=1' | curl h -d @- 2>/dev/null | jq .",
    "curl --json '{\"a\":1}' -H \"authorization: Bearer $TOKEN\" -sSLXPOST http://[::1]:8080/a",
    "$ grpcurl -plaintext -d '{\"order\": 7}' -H 'authorization: Bearer ${TOKEN}' -max-time 3 localhost:50051 shop.v1.Orders/PlaceOrder",
    "grpcurl -import-path p -proto a/b.proto -cacert ca.pem -d @ h:443 a.B.C <<EOF\n{}\nEOF",
    r#"{"log":{"version":"1.2","entries":[{
"request":{"method":"POST","url":"https://u:p@shop.example/a?access_token=hunter2Zq7",
"headers":[{"name":":authority","value":"h"},{"name":"content-type","value":"application/json"},{"name":"x-tmpl","value":"{{7*7}}"}],
"postData":{"mimeType":"application/json","text":"{\"sku\":\"lamp {{x}}\"}"}},"response":{}},
{"request":{"method":"POST","url":"http://h/f","postData":{"mimeType":"multipart/form-data",
"params":[{"name":"a","value":"b","fileName":"x","contentType":"t/x"}]}}},{}]}}"#,
    r##"{"openapi":"3.0.3","servers":[{"url":"https://{host}/v1/","variables":{"host":{"default":"shop.example"}}}],
"security":[{"k":[]}],"paths":{"/orders/{id}":{"parameters":[{"name":"id","in":"path","schema":{"type":"string","format":"uuid"}}],
"put":{"operationId":"put","requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/O"}}}}}}},
"components":{"schemas":{"O":{"allOf":[{"type":"object","properties":{"n":{"type":"integer","minimum":3},
"o":{"$ref":"#/components/schemas/O"}}}]}},
"securitySchemes":{"k":{"type":"apiKey","in":"header","name":"x-key"}}}}"##,
    r#"openapi: 3.1.0
info: {title: Shop}
servers:
  - url: https://other.example
paths:
  /uuid/{uuid}:
    post:
      parameters:
        - {name: x-tenant, in: header, required: true, example: "{{tenant}}"}
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema: {type: object, properties: {a: &a {type: [integer, "null"]}, b: *a}}
"#,
    "curl ^\"http://h^\" ^\n  -H ^\"a: b^\"",
];

/// Files of requests; behind `===` rows, and a name.
pub const DRAFTS: [&str; 8] = [
    r#"name = "an order"
[http]
method = "POST"
url = "{{base}}/orders?a=1"
timeout_s = 2.5
[http.body]
json = '{"order": "{{uuid}}", "n": {{counter}}}'
[[http.headers]]
name = "Accept"
value = "application/json"
[[http.query]]
name = "q"
value = "é"
off = true
[http.auth.basic]
user = "joe"
secret = "token"
"#,
    r#"[http]
method = "PUT"
url = "https://h"
[http.body.graphql]
query = "query A { a }"
variables = "{}"
operation = "A"
[http.tls]
root_certificates = "ca.pem"
unchecked = true
"#,
    r#"[http]
url = "http://h/{{row.id}}"
[http.repeat]
times = 3
rows = "rows.csv"
[[http.body.multipart]]
name = "a"
value = "{{sku}}"

===
id,sku
1,"a ""b"""
2,
===
rows.csv"#,
    r#"[grpc]
url = "https://h:443"
method = "shop.v1.Orders/PlaceOrder"
messages = ["{}", '{"a": {{random}}}']
compression = "gzip"
[[grpc.metadata]]
name = "a-bin"
value = "AAEC"
[grpc.schema.protos]
files = ["a.proto"]
roots = ["."]
"#,
    r#"[record]
topic = "orders.placed"
partition = 2
timestamp_ms = 1
copies = 3
reply_topic = "replies"
value = "null"
[record.key]
text = "{{order}}"
[[record.headers]]
name = "h"
value = { hex = "0aff" }
[record.reply]
id_as = "text"
within_s = 1.5
[record.carries]
traceparent = false
"#,
    r#"{{a}} \{{a}} {{now}} {{{uuid}}}
===
{"a": 1.0000000000000000000001}

{"b": [null]}
===
a/../../b"#,
    "[http]\nurl = \"{{\"\n\n===\na,b\n\n===\n./a/b.json",
    "[http]\n[record]\n",
];

/// A plan with a change to all and one to one.
const PLAN: &str = r#"{"switchboard_plan":1,"from":"lab","to":"lab","to_id":"c-1","target":"orders.placed","keeps_time":true,"by_key":false,"again":false,"key_id":"k",
"changes":[{"set":{"path":"parcels","json":"1"}},{"set_header":{"name":"x","value":{"text":"y"}}},{"key":"null"}],"num_records":1,"num_bytes":20,
"readers":[{"group":"shipping","has_failed":true,"lag":3,"members":null,"state":"keeps up"}],"breakers":[{"caller":"a","guards":"b","is_open":true}],
"skipped":[{"at":"orders-dlt 0@1","reason":"gone"}],"records":[{"channel":"orders-dlt","partition":0,"offset":7,"time_ns":1790000000000000000,"is_dead":true,
"kind":-5,"failed_group":"shipping","origin_partition":2,"origin_offset":null,"replay_count":1,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","retried_ns":1,
"hash":"0af7","size_bytes":20,"to_partition":2,"edited":true,"changes":[{"remove":{"path":"a[0].b"}},{"rename":{"path":"c","to":"d"}},
{"replace":{"find":"x","with":"y"}},{"value":{"hex":"00ff"}},{"remove_header":{"name":"h"}},{"rename_header":{"name":"h","to":"i"}}]}]}"#;

/// One of several topics, and one of what lies in ranges of them.
const PLANS_OF_SEVERAL: [&str; 2] = [
    r#"{"switchboard_plan":1,"from":"lab","to":"other","targets":{"payments":"payments.again"},"key_id":"k","records":[
{"channel":"orders-dlt","partition":0,"offset":7,"time_ns":1,"is_dead":true,"origin":"orders","to":"orders","hash":"0af7","size_bytes":20,"to_partition":2},
{"channel":"payments","partition":1,"offset":8,"time_ns":null,"to":"payments.again","hash":"1","size_bytes":9,"to_partition":null}]}"#,
    r#"{"switchboard_plan":1,"from":"lab","targets":{"orders":"orders.again"},"first":20,"per_second":50,"changes":[{"remove":{"path":"a"}}],"ranges":[
{"channel":"orders","partition":0,"from":100,"to":109},
{"channel":"payments","from_time":"2026-11-21T10:00:00Z","to_time":"2026-11-21T10:01:00Z"}]}"#,
];

/// A plan of a file's records.
const PLAN_OF_FILE: &str = r#"{"switchboard_plan":1,"to":"lab","targets":{"orders":"orders.again"},"file":"orders.jsonl","file_hash":"0af7","key_id":"k",
"changes":[{"remove":{"path":"a"}}],"lines":[{"line":3,"changes":[{"value":{"text":"{}"}}]},
{"line":4,"changes":[{"value_around":[{"text":"{"},{"kept":{"from":1,"size":4}},{"hex":"7d"}]},
{"headers":[{"around":{"name":"a","nth":0,"to":"b","pieces":[{"kept":{"from":0,"size":1}}]}}]}]}]}"#;

/// Files of records: as they are exported, as somebody writes them, as kcat writes them, and such as are none.
const RECORD_FILES: [&str; 6] = [
    r#"{"cluster":"lkc-1","topic":"orders-dlt","partition":0,"offset":7,"timestamp_ms":1790000000000,"timestamp_type":"create","key":{"hex":"00ff"},
"value":"null"}"#,
    r#"{"cluster":"lkc-1","topic":"orders-dlt","partition":0,"offset":7,"timestamp_ms":1790000000000,"timestamp_type":"log_append","key":{"hex":"00ff"},"value":{"text":"{\"parcels\":0}\n"},"headers":[{"name":"a","value":"null"},{"name":"a","value":{"text":""}}]}

{"topic":"orders","value":"null"}
{"topic":"orders","partition":3,"key":{"text":"k"},"value":{"hex":" 0 0 "}}
"#,
    r#"{"topic":"orders","partition":1,"offset":9,"tstype":"create","ts":1790000000000,"broker":1,"headers":["a","1","a",null],"key":null,"payload":"x"}"#,
    r#"{"topic":"orders","value":{"hex":"0"}}"#,
    r#"{"topic":"","value":{"text":"x"}}"#,
    r#"{"topic":"orders","value":"hunter2Zq7","password":1}"#,
];

const ORDER: &[u8] = b"{\n  \"order\" : 4704, \"total\": 1.10,\n  \"parcels\": 0,\n  \"to\": {\"zip\":\"0815\",\"lines\":[\"a\", \"b\"]}, \"a\\u0062\":[] }\n";

/// Changes to records: kind, where, what, key, value, and headers.
const EDITS: [(&[u8], &[u8], &[u8]); 14] = [
    (b"s", b"parcels", b"1"),
    (b"s", b"to/lines/#1", b"{\"x\":null}"),
    (b"s", b"to/country", b"\"DE\""),
    (b"s", b"", b"7"),
    (b"r", b"order", b""),
    (b"r", b"to/lines/#0", b""),
    (b"r", b"ab", b""),
    (b"n", b"total", b"sum \"x\""),
    (b"t", b"0", b"00"),
    (b"h", b"x-request-id", b"1"),
    (b"g", b"x-request-id", b""),
    (b"m", b"x-request-id", b"y"),
    (b"k", b"$.a[\"b.c\"][0]", b"4711"),
    (b"v", b"a.b", b""),
];

/// All of them: target, name and bytes.
pub fn all() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut found: Vec<(&'static str, String, Vec<u8>)> = Vec::new();
    let mut texts = |target, texts: &[String]| {
        found.extend(texts.iter().enumerate().map(|(number, text)| (target, format!("seed-{number:02}"), text.clone().into_bytes())));
    };
    texts("import", &IMPORTS.map(str::to_owned));
    let blank = RequestKind::ALL.map(|kind| Draft::blank(kind).to_text());
    texts("draft", &[&DRAFTS.map(str::to_owned)[..], &blank[..]].concat());
    texts("plan_file", &[&[PLAN.to_owned()][..], &PLANS_OF_SEVERAL.map(str::to_owned)[..], &[PLAN_OF_FILE.to_owned()][..]].concat());
    texts("record_file", &RECORD_FILES.map(str::to_owned));
    let headers: [Option<&[u8]>; 6] = [Some(b"x-request-id"), Some(b"1"), Some(b"x-request-id"), None, Some(b"traceparent"), Some(b"\xff")];
    for (number, (kind, path, with)) in EDITS.iter().enumerate() {
        let record = [&[Some(*kind), Some(*path), Some(*with), Some(b"4711"), Some(ORDER)][..], &headers[..]].concat();
        found.push(("edit", format!("seed-{number:02}"), parts(&record)));
    }
    for (name, part_bytes, encoding, body) in BODIES {
        found.push(("http_body", (*name).to_owned(), [&[*part_bytes][..], encoding.as_bytes(), b"\n", body].concat()));
    }
    found
}

/// Bodies of answers: in parts of how many bytes they come, their encoding, and what came. The text is `hello, hello, hello`.
const BODIES: &[(&str, u8, &str, &[u8])] = &[
    ("plain", 7, "", b"hello, hello, hello"),
    ("unknown", 7, "compress", b"hello"),
    ("gzip", 3, "gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcbH\xcd\xc9\xc9\xd7Q\xc8@\xa2\x00\x9f\xa1\xca\x09\x13\x00\x00\x00"),
    ("gzip-twice", 0, "x-gzip, gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x93\xef\xe6`\x00\x01&\xe6\xd3\x1egO\x9e\xbc\x1ex\xc2a\x11\xc3\xfc\x85\xa78\x85\x81\x82\x00\xf2^\xa1%\x1d\x00\x00\x00"),
    ("gzip-members", 5, "gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcbH\xcd\xc9\xc9\xd7Q\xc8@\xa2\x00\x9f\xa1\xca\x09\x13\x00\x00\x00\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcbH\xcd\xc9\xc9\xd7Q\xc8@\xa2\x00\x9f\xa1\xca\x09\x13\x00\x00\x00"),
    ("deflate", 1, "deflate", b"x\x9c\xcbH\xcd\xc9\xc9\xd7Q\xc8@\xa2\x00D(\x06\xd5"),
    ("deflate-headless", 0, "deflate", b"\xcbH\xcd\xc9\xc9\xd7Q\xc8@\xa2\x00"),
    ("brotli", 4, "br", b" \x01\x10hello, hello, hello\x03"),
    ("zstd", 6, "zstd", b"(\xb5/\xfd \x13\x99\x00\x00hello, hello, hello"),
    ("zstd-frames", 0, "identity, zstd", b"(\xb5/\xfd \x13\x99\x00\x00hello, hello, hello(\xb5/\xfd \x13\x99\x00\x00hello, hello, hello"),
    ("three-layers", 9, "zstd, br, gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xdb\xc0(\xa0\xb1U\xff\xaf\x82\xf0L\x06\x86\x8c\xd4\x9c\x9c|\x1d\x05d\x8a\x19\x00\x1a\x12\xf7\x87 \x00\x00\x00"),
    ("bomb", 0, "gzip, gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x93\xef\xe6`\x00\x01&\xe6\xb7\x07\x0d\x19\x81\x8cC\x0b\xbe\xfa\xe7r\xc4/`\x18\x05\xa3`\x14\x8c8`\xc7,\xf3\xcab9\x03\x83\x00\x03\x00#\xf0\xb4\x90\x1b\x04\x00\x00"),
];
