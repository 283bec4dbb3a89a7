//! Requests of HTTP: to Go's `net/http`, and to Python's own server, which speaks HTTP/1.0.

use std::time::Duration;

use serde_json::json;

use crate::peer::{go_peer, python_peer};
use crate::sent::{Desk, has_pair, hex};

fn get(url: &str) -> String {
    format!("[http]\nurl = \"{url}\"\n")
}

#[test]
fn json_forms_and_parts_arrive_as_go_reads_them() {
    let Some(peer) = go_peer() else { return };
    let (desk, at) = (Desk::new(), format!("http://{}", peer.address("http")));

    let order = r#"{"sku": "größer \"A\"", "quantity": 12345678901234567890}"#;
    let sent = desk.send(&format!("[http]\nmethod = \"POST\"\nurl = \"{at}/json\"\nbody = {{ json = '''{order}''' }}\n"));
    assert_eq!(sent.codes(), (0, 200), "{}", sent.said);
    assert_eq!(sent.body()["fields"], json!([["sku", "größer \"A\""], ["quantity", "12345678901234567890"]]));
    assert!(has_pair(&sent.body()["headers"], "Content-Type", "application/json"), "{}", sent.said);

    let form = "body = { form = [{ name = \"a b\", value = \"1&2=3+4 %ü\" }, { name = \"a b\", value = \"\" }, { name = \"ü\", value = \"\\n\" }] }\n";
    let sent = desk.send(&format!("[http]\nmethod = \"POST\"\nurl = \"{at}/form\"\n{form}"));
    assert_eq!(sent.codes(), (0, 200), "{}", sent.said);
    assert_eq!(sent.body()["fields"], json!([["a b", "1&2=3+4 %ü"], ["a b", ""], ["ü", "\n"]]));

    let sent = desk.send(&parts(&desk, &format!("{at}/multipart")));
    assert_eq!(sent.codes(), (0, 200), "{}", sent.said);
    let body = sent.body();
    assert_eq!(body["fields"], json!([["note", "größer\r\n--"], ["note", "twice"]]), "{body:#}");
    let files = [
        json!({ "field": "picture", "name": "a \"b\".bin", "content_type": "image/png", "hex": hex(b"\x89PNG\r\n\x00\xff--\r\n") }),
        json!({ "field": "text", "name": "ü.txt", "content_type": "", "hex": "" }),
    ];
    // By RFC 7578 and browsers a quote in a name is written as %22, which Go leaves as it is.
    let told = body["files"].to_string().replace("%22", "\\\"");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&told).expect("JSON"), json!(files), "{body:#}");

    let draft = format!(
        "[http]\nmethod = \"PATCH\"\nurl = \"{at}/echo/a%2Fb/ü?x=1&y=%20#part\"\nquery = [{{ name = \"q\", value = \"ä &\" }}]\n\
         headers = [{{ name = \"X-Twice\", value = \"1\" }}, {{ name = \"X-Twice\", value = \"2\" }}, {{ name = \"X-Off\", value = \"1\", off = true }}]\n\
         body = {{ hex = \"00ff10\" }}\n"
    );
    let sent = desk.send(&draft);
    let body = sent.body();
    assert_eq!((body["method"].as_str(), body["target"].as_str()), (Some("PATCH"), Some("/echo/a%2Fb/%C3%BC?x=1&y=%20&q=%C3%A4+%26")), "{body:#}");
    assert_eq!((body["hex"].as_str(), body["length"].as_i64(), body["protocol"].as_str()), (Some("00ff10"), Some(3), Some("HTTP/1.1")), "{body:#}");
    for (name, value) in [("X-Twice", "1"), ("X-Twice", "2"), ("Content-Type", "application/octet-stream"), ("Accept-Encoding", "gzip, br, zstd")] {
        assert!(has_pair(&body["headers"], name, value), "{name}: {body:#}");
    }
    let told = sent.told();
    let trace_id = told["trace_id"].as_str().expect("a trace");
    assert!(body["headers"].to_string().contains(&format!("[\"Traceparent\",\"00-{trace_id}-")), "{body:#}");
    assert!(has_pair(&body["headers"], "X-Correlation-Id", told["correlation_id"].as_str().expect("an id")), "{body:#}");
    assert!(!body["headers"].to_string().contains("X-Off"), "{body:#}");

    for (method, status) in [("HEAD", 200), ("OPTIONS", 200), ("DELETE", 200), ("PUT", 200), ("PURGE", 200)] {
        let sent = desk.send(&format!("[http]\nmethod = \"{method}\"\nurl = \"{at}/echo/\"\n"));
        assert_eq!(sent.codes(), (0, status), "{method}: {}", sent.said);
        assert_eq!(sent.told()["body"].is_null(), method == "HEAD", "{method}: {}", sent.said);
    }
}

/// A form of parts with values and files, and the files.
fn parts(desk: &Desk, url: &str) -> String {
    desk.file("a \"b\".bin", b"\x89PNG\r\n\x00\xff--\r\n");
    desk.file("ü.txt", "");
    format!(
        "[http]\nmethod = \"POST\"\nurl = \"{url}\"\n[[http.body.multipart]]\nname = \"note\"\nvalue = \"größer\\r\\n--\"\n\
         [[http.body.multipart]]\nname = \"picture\"\nfile = 'a \"b\".bin'\ncontent_type = \"image/png\"\n\
         [[http.body.multipart]]\nname = \"text\"\nfile = \"ü.txt\"\n[[http.body.multipart]]\nname = \"note\"\nvalue = \"twice\"\n"
    )
}

#[test]
fn pythons_server_reads_parts_and_ends_its_answers_with_the_connection() {
    let Some(peer) = python_peer() else { return };
    let (desk, at) = (Desk::new(), format!("http://{}", peer.address("http")));
    let sent = desk.send(&get(&format!("{at}/a?b=c")));
    assert_eq!((sent.codes(), sent.told()["answer"]["version"].as_str()), ((0, 200), Some("HTTP/1.0")), "{}", sent.said);
    assert_eq!(sent.body()["target"], "/a?b=c");
    let sent = desk.send(&parts(&desk, &format!("{at}/parts")));
    assert_eq!(sent.codes(), (0, 200), "{}", sent.said);
    let told = sent.body()["parts"].to_string().replace("%22", "\\\"");
    let expected = json!([
        ["note", null, hex("größer\r\n--")],
        ["picture", "a \"b\".bin", hex(b"\x89PNG\r\n\x00\xff--\r\n")],
        ["text", "ü.txt", ""],
        ["note", null, hex("twice")],
    ]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&told).expect("JSON"), expected, "{}", sent.said);
}

#[test]
fn answers_come_decoded_streamed_and_bounded() {
    let Some(peer) = go_peer() else { return };
    let (desk, at) = (Desk::new(), format!("http://{}", peer.address("http")));
    let story = "An order came, was paid for, and left the house; ".repeat(10_000);
    for encoding in ["gzip", "br", "zstd", "deflate", "raw"] {
        let sent = desk.send(&get(&format!("{at}/encoded/{encoding}")));
        assert_eq!(sent.codes(), (0, 200), "{encoding}: {}", sent.head());
        let told = sent.told();
        assert!(told["body"] == story && told["cut"].is_null(), "{encoding}: {}", sent.head());
        // A bomb of the same: 1 GiB, of which 64 MiB are taken.
        let sent = desk.send(&get(&format!("{at}/bomb/{encoding}")));
        let told = sent.told();
        assert_eq!((sent.code, told["answer"]["status"].as_i64(), told["body_bytes"].as_u64()), (4, Some(200), Some(64 << 20)), "{encoding}: {}", sent.head());
        assert!(told["cut"].as_str().is_some_and(|cut| cut.contains("longer than 64 MiB")), "{encoding}: {}", told["cut"]);
    }
    let sent = desk.send(&get(&format!("{at}/large?mib=63")));
    let told = sent.told();
    assert_eq!((sent.codes(), told["body_bytes"].as_u64(), &told["cut"]), ((0, 200), Some(63 << 20), &json!(null)));
    let sent = desk.send(&get(&format!("{at}/large?mib=200")));
    let told = sent.told();
    assert_eq!((sent.code, told["body_bytes"].as_u64()), (4, Some(64 << 20)));
    assert!(told["cut"].as_str().is_some_and(|cut| cut.contains("longer than 64 MiB; the rest was not read")), "{}", told["cut"]);

    let sent = desk.send(&get(&format!("{at}/events")));
    let expected = (1..=5).fold(String::new(), |text, number| text + &format!("event: tick\nid: {number}\ndata: {{\"number\":{number}}}\n\n"));
    assert_eq!((sent.codes(), sent.told()["body"].as_str()), ((0, 200), Some(expected.as_str())), "{}", sent.said);
    // Events that never end are told until the time is over.
    let sent = desk.send(&format!("[http]\nurl = \"{at}/events?forever\"\ntimeout_s = 1.5\n"));
    let told = sent.told();
    assert_eq!((sent.code, told["body"].as_str()), (4, Some(expected.as_str())), "{told:#}");
    assert!(told["cut"].as_str().is_some_and(|cut| cut.contains("cut off after 1.5 s")), "{told:#}");
    assert!(sent.took < Duration::from_secs(15), "{:?}", sent.took);

    let sent = desk.send(&get(&format!("{at}/chunked")));
    let told = sent.told();
    assert_eq!((sent.codes(), told["body"].as_str().map(str::len)), ((0, 200), Some(790)), "{told:#}");
    assert!(has_pair(&told["trailers"], "checksum", "abc123"), "{told:#}");
    let sent = desk.send(&get(&format!("{at}/early")));
    assert_eq!((sent.codes(), &sent.told()["body"]), ((0, 204), &json!(null)), "what comes before the answer is none: {}", sent.said);
}

#[test]
fn redirects_are_shown_and_failures_are_failures() {
    let Some(peer) = go_peer() else { return };
    let address = peer.address("http");
    let at = format!("http://{address}");
    let secrets = [("user password", at.as_str()), ("api token", at.as_str())];
    let desk = Desk::with_secrets(&secrets);
    for (path, status, location) in [("/moved", 302, "/echo/arrived"), ("/loop", 308, "/loop"), ("/echo", 301, "/echo/")] {
        let sent = desk.send(&get(&format!("{at}{path}")));
        assert_eq!(sent.codes(), (0, status), "{}", sent.said);
        assert!(has_pair(&sent.told()["headers"], "location", location), "{}", sent.said);
    }
    for (path, status, body) in [("/missing", 404, "404 page not found\n"), ("/fails", 500, "the database is gone\n"), ("/basic", 401, "who asks?\n")] {
        let sent = desk.send(&get(&format!("{at}{path}")));
        assert_eq!((sent.codes(), sent.told()["body"].as_str()), ((4, status), Some(body)), "{}", sent.said);
    }
    let sent = desk.send(&get(&format!("{at}/panics")));
    assert_eq!((sent.code, sent.told()["outcome"].as_str()), (5, Some("possibly sent")), "{}", sent.said);
    assert!(sent.said.contains("ended the connection without an answer"), "{}", sent.said);

    let basic = format!("[http]\nurl = \"{at}/basic\"\nauth = {{ basic = {{ user = \"ann\", secret = \"user password\" }} }}\n");
    let bearer = format!("[http]\nurl = \"{at}/bearer\"\nauth = {{ bearer = {{ secret = \"api token\" }} }}\n");
    let values = [("user password", "p:ä ss"), ("api token", "token-4711")];
    for draft in [&basic, &bearer] {
        let sent = desk.send_with(draft, &values);
        assert_eq!((sent.codes(), sent.told()["body"].as_str()), ((0, 200), Some("welcome")), "{}", sent.said);
        assert!(!sent.said.contains("4711") && !sent.said.contains("p:ä ss"), "{}", sent.said);
    }
    let sent = desk.send_with(&basic, &[("user password", "wrong")]);
    assert_eq!(sent.codes(), (4, 401), "{}", sent.said);
    let sent = desk.send_with(&bearer, &[("api token", "token-4712")]);
    assert_eq!(sent.codes(), (4, 403), "{}", sent.said);
}

#[test]
fn http2_is_spoken_over_tls_by_a_private_authority() {
    let Some(peer) = go_peer() else { return };
    let desk = Desk::new();
    std::fs::copy(peer.folder().join("ca.pem"), desk.folder().join("ca.pem")).expect("copied");
    for (name, version, protocol) in [("https", "HTTP/2", "HTTP/2.0"), ("https_1", "HTTP/1.1", "HTTP/1.1")] {
        let at = format!("https://{}", peer.address(name));
        let by_name = at.replace("127.0.0.1", "localhost");
        for url in [&at, &by_name] {
            let draft = format!(
                "[http]\nmethod = \"POST\"\nurl = \"{url}/echo/?a=b\"\nbody = {{ text = \"größer\" }}\ntls = {{ root_certificates = \"ca.pem\" }}\n\
                 headers = [{{ name = \"Connection\", value = \"close\" }}, {{ name = \"X-Own\", value = \"1\" }}]\n"
            );
            let sent = desk.send(&draft);
            assert_eq!((sent.codes(), sent.told()["answer"]["version"].as_str()), ((0, 200), Some(version)), "{}", sent.said);
            let body = sent.body();
            assert_eq!((body["protocol"].as_str(), body["hex"].as_str()), (Some(protocol), Some(hex("größer").as_str())), "{body:#}");
            assert_eq!(body["host"].as_str(), url.strip_prefix("https://"), "{body:#}");
            assert!(has_pair(&body["headers"], "X-Own", "1"), "{body:#}");
        }
        let sent = desk.send(&get(&format!("{at}/echo/")));
        assert!(sent.code == 1 && sent.said.contains("nobody who is trusted here issued its certificate"), "{sent:#?}");
        let sent = desk.send(&format!("{}tls = {{ unchecked = true }}\n", get(&format!("{at}/chunked"))));
        assert_eq!(sent.codes(), (0, 200), "{}", sent.said);
        assert!(has_pair(&sent.told()["trailers"], "checksum", "abc123"), "{}", sent.said);
        let sent = desk.send(&format!("{}tls = {{ unchecked = true }}\n", get(&format!("{at}/large?mib=200"))));
        assert_eq!((sent.code, sent.told()["body_bytes"].as_u64()), (4, Some(64 << 20)), "{}", sent.head());
        let sent = desk.send(&format!("{}tls = {{ unchecked = true }}\n", get(&format!("{at}/panics"))));
        assert_eq!(sent.code, 5, "{}", sent.said);
    }
    let plain = desk.send(&get(&format!("http://{}/echo/", peer.address("https"))));
    // Go says so in plain text, as HTTP.
    assert_eq!(plain.codes(), (4, 400), "{}", plain.said);
    let secured = desk.send(&get(&format!("https://{}/echo/", peer.address("http"))));
    assert!(secured.code == 1 && secured.said.contains("answered in plain text where TLS was spoken. Write http://"), "{secured:#?}");
    let grpc = desk.send(&get(&format!("http://{}/echo/", peer.address("grpc_v1"))));
    // Such a server speaks first: where that comes before the request has left, nothing was sent. It is told alike.
    assert!(matches!(grpc.code, 1 | 5) && grpc.said.contains("the server speaks only HTTP/2 there, as for gRPC"), "{grpc:#?}");
}
