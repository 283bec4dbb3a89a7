//! Lines that are copied for curl, grpcurl and kcat, run by a shell: a server sees of them what it sees of `switchboard send`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use switchboard_desk::send::draft::Draft;
use switchboard_desk::send::exchange::{from_text, to_curl, to_grpcurl, to_kcat};
use switchboard_desk::send::{Plan, Variables, plan};
use switchboard_tests::program::{Program, free_ports};

use crate::peer::{Peer, go_peer, has_peers, python_peer, script};
use crate::sent::{Desk, Sent, variable};

/// What a request carries by itself, written by hand: so it is the same however often it is sent.
const CARRIED: &str = "{ name = \"traceparent\", value = \"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\" }, \
    { name = \"x-correlation-id\", value = \"4711\" }";

/// What a draft comes to; files that it names lie in the folder.
fn planned(draft: &str, folder: &Path, files: &[&str]) -> Plan {
    let draft = Draft::parse(draft).unwrap_or_else(|error| panic!("{error}: {draft}"));
    let none = BTreeMap::new();
    let files = files.iter().map(|name| ((*name).to_owned(), std::fs::read(folder.join(name)).expect("a file").into())).collect();
    plan(&draft, &Variables { named: &none, row: &none, counter: 1, now_ns: 0, random: &|| 4711 }, &files)
        .unwrap_or_else(|mistake| panic!("{mistake}: {draft:?}"))
}

/// Runs a line by a shell that knows grpcurl, in the folder of requests.
fn run(line: &str, folder: &Path, secrets: &[(&str, &str)]) -> Output {
    assert!(!line.trim().is_empty() && line.lines().any(|line| !line.starts_with('#')), "there is no such line: {line}");
    let script_path = folder.join("line.sh");
    std::fs::write(&script_path, format!("grpcurl() {{ '{}' grpcurl \"$@\"; }}\n{line}", script().display())).expect("written");
    let mut command = Command::new("sh");
    command.arg(&script_path).current_dir(folder).stdin(Stdio::null()).envs(secrets.iter().map(|(name, value)| (variable(name), value)));
    command.output().expect("a shell")
}

/// What a server of HTTP saw, but for who asked.
#[track_caller]
fn seen_by_http(body: &[u8], line: &str) -> Value {
    let mut seen: Value = serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error}: {}\n{line}", String::from_utf8_lossy(body)));
    let headers = seen["headers"].as_array_mut().expect("headers");
    for pair in headers.iter_mut() {
        // Upper and lower case of names are the same (RFC 9110, 5.1).
        pair[0] = json!(pair[0].as_str().unwrap_or_default().to_ascii_lowercase());
    }
    headers.retain(|pair| !["user-agent", "accept-encoding"].contains(&pair[0].as_str().unwrap_or_default()));
    headers.sort_by_key(ToString::to_string);
    seen
}

/// What a shop saw, but for who asked and how long was left.
fn seen_by_shop(mut message: Value) -> Value {
    let fields = message.as_object_mut().expect("a message");
    // What came back is not what was sent; grpcurl prints its fields by the names that they have in the file.
    for name in ["deadlineMs", "deadline_ms", "encoding", "seen"] {
        fields.remove(name);
    }
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_array_mut) {
        metadata.retain(|pair| {
            !["user-agent:", "grpc-accept-encoding:", "accept-encoding:"].iter().any(|name| pair.as_str().unwrap_or_default().starts_with(name))
        });
    }
    // Written with other spaces by each run.
    if let Some(json) = fields.get_mut("json") {
        *json = serde_json::from_str(json.as_str().expect("text")).expect("JSON");
    }
    message
}

/// Sent by the program and by curl, it is the same request; and the line, pasted, becomes a draft that sends it once more.
#[track_caller]
fn assert_same_by_curl(desk: &Desk, draft: &str, files: &[&str], secrets: &[(&str, &str)]) {
    let line = to_curl(&planned(draft, desk.folder(), files));
    let ours = desk.send_with(draft, secrets);
    assert_eq!(ours.codes(), (0, 200), "{}", ours.said);
    let ours = seen_by_http(ours.told()["body"].as_str().expect("a body").as_bytes(), draft);
    let output = run(&line, desk.folder(), secrets);
    assert!(output.status.success(), "{line}\n{output:?}");
    let theirs = seen_by_http(&output.stdout, &line);
    assert_eq!(theirs, ours, "{line}");
    if secrets.is_empty() {
        let imported = from_text(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let again = desk.send(&imported.drafts[0].to_text());
        assert_eq!(again.codes(), (0, 200), "{line}\n{}", again.said);
        assert_eq!(seen_by_http(again.told()["body"].as_str().expect("a body").as_bytes(), &line), ours, "{line}");
    }
}

fn requests(at: &str) -> Vec<String> {
    let body = |method: &str, rest: &str| format!("[http]\nmethod = \"{method}\"\nurl = \"{at}\"\nheaders = [{CARRIED}]\n{rest}\n");
    vec![
        body("GET", "query = [{ name = \"a[0]\", value = \"{1,2}\" }, { name = \"ü\", value = \"%\" }]"),
        body("POST", "body = { json = '''{\"text\": \"it's größer \\\\n $(touch canary) `touch canary` !! \\u0000\"}''' }"),
        body("PUT", "body = { text = '''@not-a-file\n'one' \"two\" \\three''' }"),
        body("POST", "body = { form = [{ name = \"a b\", value = \"1&2=3+4\" }, { name = \"ü\", value = \"\" }] }"),
        body("POST", "body = { multipart = [{ name = \"a\\\"b\", value = \"one\" }, { name = \"file\", file = \"file.bin\", content_type = \"image/png\" }] }"),
        body("PATCH", "body = { hex = \"00ff100a0d27\" }"),
        body("POST", "body = { file = \"file.bin\" }"),
        body("POST", "body = { graphql = { query = \"query A { a(b: \\\"c\\\") }\", variables = \"{\\\"d\\\": 1}\" } }"),
        body("DELETE", ""),
        body("POST", ""),
        body("OPTIONS", "body = { text = \"x\" }"),
    ]
}

#[test]
fn curl_sends_the_same_request_to_go() {
    let Some(peer) = go_peer() else { return };
    let desk = Desk::new();
    let mut bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    bytes.extend(b"\r\n'\"");
    desk.file("file.bin", &bytes);
    let at = format!("http://{}/echo/a%20b/../c/./d", peer.address("http"));
    for draft in requests(&at) {
        // A boundary is another one each time.
        if !draft.contains("multipart") {
            assert_same_by_curl(&desk, &draft, &["file.bin"], &[]);
        }
    }
    let headers = "{ name = \"X-Empty\", value = \"\" }, { name = \"X-Same\", value = \"1\" }, { name = \"X-Same\", value = \"2\" }, \
        { name = \"X-Quoted\", value = \"it's \\\"$HOME\\\" `x` \\\\ ;\" }, { name = \"X-Wide\", value = \"größer\" }, { name = \"Accept\", value = \"text/*\" }, \
        { name = \"Content-Type\", value = \"application/x-own\" }, { name = \"Expect\", value = \"\" }";
    assert_same_by_curl(&desk, &format!("[http]\nmethod = \"POST\"\nurl = \"{at}\"\nheaders = [{CARRIED}, {headers}]\nbody = {{ text = \"x\" }}\n"), &[], &[]);
    std::fs::copy(peer.folder().join("ca.pem"), desk.folder().join("ca.pem")).expect("copied");
    let secured = format!("https://{}/echo/", peer.address("https"));
    for tls in ["tls = { root_certificates = \"ca.pem\" }", "tls = { unchecked = true }"] {
        let draft = format!("[http]\nmethod = \"POST\"\nurl = \"{secured}\"\nheaders = [{CARRIED}]\nbody = {{ json = \"{{}}\" }}\n{tls}\n");
        assert_same_by_curl(&desk, &draft, &["ca.pem"], &[]);
    }
}

#[test]
fn curl_sends_the_same_parts_and_credentials() {
    let Some(peer) = go_peer() else { return };
    let at = format!("http://{}", peer.address("http"));
    let desk = Desk::with_secrets(&[("user password", &at), ("api token", &at)]);
    desk.file("file.bin", (0..=255).collect::<Vec<u8>>());
    let draft = requests(&format!("{at}/multipart")).into_iter().find(|draft| draft.contains("multipart =")).expect("one");
    let ours = desk.send(&draft);
    assert_eq!(ours.codes(), (0, 200), "{}", ours.said);
    let line = to_curl(&planned(&draft, desk.folder(), &["file.bin"]));
    let output = run(&line, desk.folder(), &[]);
    let theirs: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}\n{line}"));
    let ours = ours.body();
    assert!(ours["files"].as_array().is_some_and(|files| files.len() == 1) && ours["fields"].as_array().is_some_and(|fields| fields.len() == 1), "{ours:#}");
    for part in ["fields", "files", "method", "target", "length"] {
        assert_eq!(theirs[part], ours[part], "{line}");
    }
    let values = [("user password", "p:ä ss'\"$x"), ("api token", "token-4711")];
    for auth in [
        "{ basic = { user = \"ann o'neil\", secret = \"user password\" } }",
        "{ bearer = { secret = \"api token\" } }",
        "{ api_key = { header = \"X-Api-Key\", secret = \"api token\" } }",
    ] {
        let draft = format!("[http]\nmethod = \"POST\"\nurl = \"{at}/echo/\"\nheaders = [{CARRIED}]\nauth = {auth}\nbody = {{ json = \"{{}}\" }}\n");
        assert_same_by_curl(&desk, &draft, &[], &values);
    }
}

#[track_caller]
fn messages_of(output: &Output, line: &str) -> Vec<Value> {
    let told = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>().collect::<Result<Vec<_>, _>>();
    told.unwrap_or_else(|error| panic!("{error}: {output:?}\n{line}"))
}

/// Sent by the program and by grpcurl, it is the same call.
#[track_caller]
fn assert_same_by_grpcurl(desk: &Desk, draft: &str, secrets: &[(&str, &str)]) -> Sent {
    let line = to_grpcurl(&planned(draft, desk.folder(), &[]));
    let sent = desk.send_with(draft, secrets);
    let output = run(&line, desk.folder(), secrets);
    // By default it exits with 64 and the code.
    let code = i64::from(output.status.code().unwrap_or(-1));
    assert_eq!(if code > 64 { code - 64 } else { code }, sent.codes().1, "{line}\n{output:?}\n{}", sent.said);
    let theirs: Vec<Value> = messages_of(&output, &line).into_iter().map(seen_by_shop).collect();
    let ours: Vec<Value> = sent.messages().into_iter().map(seen_by_shop).collect();
    assert_eq!(theirs, ours, "{line}");
    if secrets.is_empty() {
        let imported = from_text(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let again = desk.send(&imported.drafts[0].to_text());
        let again: Vec<Value> = again.messages().into_iter().map(seen_by_shop).collect();
        assert_eq!(again, ours, "{line}");
    }
    sent
}

fn calls(peer: &Peer, name: &str) -> Vec<String> {
    let call = |method: &str, messages: &[&str], rest: &str| {
        let messages: Vec<String> = messages.iter().map(|message| format!("'''{message}'''")).collect();
        let metadata = format!("metadata = [{CARRIED}, {{ name = \"x-note\", value = \"it's $HOME\" }}, {{ name = \"seal-bin\", value = \"AP8Q\" }}]\n");
        let address = peer.address(name);
        format!("[grpc]\nurl = \"http://{address}\"\nmethod = \"peers.v1.Shop/{method}\"\nmessages = [{}]\n{metadata}{rest}", messages.join(", "))
    };
    vec![
        call("Echo", &[r#"{"text": "it is größer \" \\ $(touch canary)", "raw": "AP8Q", "large": "-9223372036854775808", "stock": {"a": "1"}}"#], ""),
        call("Echo", &[r#"{"at": "2024-02-29T12:34:56.5Z", "took": "1.5s", "wrappedText": "", "value": null, "card": "x", "perhaps": 0}"#], ""),
        call("Collect", &[r#"{"text": "a"}"#, r#"{"text": "b"}"#], ""),
        call("Count", &[r#"{"to": 3, "payloadBytes": 2}"#], ""),
        call("Count", &[r#"{"to": 3, "failAfter": 2}"#], ""),
        call("Chat", &[r#"{"text": "a"}"#, "{}", r#"{"text": "c"}"#], ""),
        call("Fail", &[r#"{"code": 9, "message": "no"}"#], ""),
    ]
}

#[test]
fn grpcurl_makes_the_same_calls() {
    let (Some(go), Some(python)) = (go_peer(), python_peer()) else { return };
    let desk = Desk::new();
    for draft in [calls(&go, "grpc_v1"), calls(&go, "grpc_v1alpha"), calls(&python, "grpc")].concat() {
        assert_same_by_grpcurl(&desk, &draft, &[]);
    }
    desk.file("peers.proto", include_str!("../../peers/send/peers.proto"));
    let first = calls(&go, "grpc_silent").swap_remove(0);
    assert_same_by_grpcurl(&desk, &format!("{first}schema = {{ protos = {{ files = [\"peers.proto\"] }} }}\n"), &[]);
    std::fs::copy(go.folder().join("ca.pem"), desk.folder().join("ca.pem")).expect("copied");
    let secured = first.replace(go.address("grpc_silent"), go.address("grpc_tls")).replace("http://", "https://");
    for tls in ["tls = { root_certificates = \"ca.pem\" }\n", "tls = { unchecked = true }\n"] {
        assert_same_by_grpcurl(&desk, &format!("{secured}{tls}"), &[]);
    }
    let at = format!("http://{}", go.address("grpc_v1"));
    let desk = Desk::with_secrets(&[("api token", &at)]);
    let first = calls(&go, "grpc_v1").swap_remove(0);
    for auth in ["{ bearer = { secret = \"api token\" } }", "{ api_key = { header = \"X-Api-Key\", secret = \"api token\" } }"] {
        let sent = assert_same_by_grpcurl(&desk, &format!("{first}auth = {auth}\n"), &[("api token", "token 47'11")]);
        assert!(sent.said.contains("token 47'11"), "the server saw it, and says so: {}", sent.said);
    }
}

/// What lies in a topic, as kcat reads it: in the order of offsets, without what differs each time.
fn records(brokers: &str, topic: &str) -> Vec<Value> {
    let output = Command::new("timeout").args(["60", "kcat", "-C", "-q", "-J", "-e", "-o", "beginning", "-b", brokers, "-t", topic]).output().expect("kcat");
    assert!(output.status.success(), "{output:?}");
    let mut records = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>().collect::<Result<Vec<_>, _>>().expect("JSON");
    records.sort_by_key(|record| record["offset"].as_i64());
    for record in &mut records {
        let fields = record.as_object_mut().expect("a record");
        for name in ["offset", "ts", "tstype", "topic"] {
            fields.remove(name);
        }
    }
    records
}

#[test]
fn kcat_sends_the_same_records() {
    if !has_peers() {
        return;
    }
    let (grpc_port, http_port) = free_ports().expect("ports");
    let ports = (grpc_port.to_string(), http_port.to_string());
    // It ends when its standard input does.
    let mut lab = Program::start_as(&["lab", "--rate", "0.1", "--no-script", "--otlp-grpc-port", &ports.0, "--otlp-http-port", &ports.1], |command| {
        command.stdin(Stdio::piped());
    })
    .expect("starts");
    lab.wait_for_line("# ready", Duration::from_mins(1)).expect("the lab");
    let profile: toml::Table = lab.output().split("# ready").next().unwrap_or_default().parse().expect("its profile");
    let brokers = profile["kafka"][0]["brokers"].as_str().expect("brokers");
    let desk = Desk::new();
    std::fs::write(desk.folder().join("profile.toml"), toml::to_string(&profile).expect("text")).expect("written");
    for (number, payload) in [
        "key = { text = \"customer-3\" }\nvalue = { json = '''{\"text\": \"it's größer $(touch canary)\"}''' }\n\
         headers = [{ name = \"x-note\", value = { text = \"it's $HOME\" } }, { name = \"x-note\", value = { text = \"\" } }, { name = \"x-null\" }]\n",
        "key = { text = \"ü\" }\nvalue = { text = \"line one\\nline two\\n\" }\npartition = 1\n",
        "value = { text = \"no key\" }\npartition = 0\n",
        "key = { text = \"dead\" }\nvalue = \"null\"\n",
        "key = { text = \"empty\" }\nvalue = { text = \"\" }\n",
        "key = { hex = \"0102\" }\nvalue = { hex = \"7f0a1f0d\" }\n",
    ]
    .into_iter()
    .enumerate()
    {
        let topic = format!("lines.{number}");
        let carries = "[record.carries]\ntraceparent = false\ncorrelation_header = \"\"\n";
        let draft = format!("[record]\ntopic = \"{topic}\"\n{payload}{carries}");
        // Where kcat sends to, the mock cluster makes a topic; this program makes none.
        let line = to_kcat(&planned(&draft, desk.folder(), &[]), brokers);
        let output = run(&line, desk.folder(), &[]);
        assert!(output.status.success(), "{line}\n{output:?}");
        let sent = desk.send(&draft);
        assert_eq!((sent.code, sent.told()["outcome"].as_str()), (0, Some("persisted")), "{line}\n{}", sent.said);
        let records = records(brokers, &topic);
        assert_eq!(records.len(), 2, "{line}\n{records:#?}");
        assert_eq!(records[0], records[1], "what kcat sent, and what we did: {line}");
    }
}
