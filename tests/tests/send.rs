//! `switchboard send`: the requests that the lab has to try out arrive, and what may not be sent is not.

use std::time::Duration;

use serde_json::Value;
use switchboard_tests::lab::quiet_lab;
use switchboard_tests::program::Program;

const WITHIN: Duration = Duration::from_mins(1);

/// Runs `switchboard send`: its exit code, and what it said.
fn send(args: &[&str]) -> (i32, String) {
    let mut program = Program::start(&[&["send"], args].concat()).expect("starts");
    let code = program.wait(WITHIN).expect("ends");
    (code, program.output())
}

fn json(said: &str) -> Value {
    serde_json::from_str(said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[test]
fn an_order_arrives_by_http_by_grpc_and_as_a_record() {
    let (_lab, profile) = quiet_lab(WITHIN);
    let profile: toml::Table = profile.parse().expect("its profile");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lab.toml");
    std::fs::write(&path, toml::to_string(&profile).expect("text")).expect("written");
    let requests = profile["requests"].as_str().expect("a folder").to_owned();
    let request = |name: &str| format!("{requests}/orders/{name}.toml");
    let path = path.display().to_string();
    let of_lab = ["--profile", &path, "--environment", "demo"];

    let (code, said) = send(&[&[request("place an order").as_str()], &of_lab[..]].concat());
    assert_eq!(code, 0, "{said}");
    let told = json(&said);
    assert_eq!((told["answer"]["status"].as_u64(), told["outcome"].as_str()), (Some(200), Some("answered")), "{said}");
    assert_eq!(told["trace_id"].as_str().map(str::len), Some(32), "{said}");
    let body = json(told["body"].as_str().expect("a body"));
    assert!(body["order_id"].is_string() && body["result"].is_string(), "{said}");

    let (code, said) = send(&[&[request("place an order by gRPC").as_str()], &of_lab[..]].concat());
    let told = json(&said);
    assert_eq!((code, told["answer"]["code"].as_i64()), (0, Some(0)), "{said}");
    let answered = told["messages"].as_array().and_then(|messages| messages.iter().find(|message| message["ours"] == false)).expect("an answer");
    assert!(json(answered["message"].as_str().expect("text"))["payment"].is_string(), "{said}");

    // The same with a field that its server refuses: an answer, and a failure.
    let refused = std::fs::read_to_string(request("place an order by gRPC")).expect("its file").replace("customer-3", "customer-13");
    let refused_path = folder.path().join("refused.toml");
    std::fs::write(&refused_path, refused).expect("written");
    let environments = format!("{requests}/environments.toml");
    std::fs::copy(environments, folder.path().join("environments.toml")).expect("copied");
    let (code, said) = send(&[&[refused_path.display().to_string().as_str()], &of_lab[..]].concat());
    assert_eq!((code, json(&said)["answer"]["code"].as_i64()), (4, Some(9)), "{said}");

    let record = std::fs::read_to_string(request("an order that cannot be shipped")).expect("its file").replace("\"XX\"", "\"{{country}}\"");
    let record_path = folder.path().join("record.toml");
    std::fs::write(&record_path, record).expect("written");
    let (code, said) = send(&[&[record_path.display().to_string().as_str()], &of_lab[..], &["--set", "country=SE"]].concat());
    let told = json(&said);
    assert_eq!((code, told["outcome"].as_str(), told["answer"]["num_persisted"].as_u64()), (0, Some("persisted"), Some(1)), "{said}");
}

#[test]
fn what_may_not_be_sent_says_why_and_ends_with_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    // A network of documentation (RFC 5737), to which nobody is to connect.
    let elsewhere = write("elsewhere.toml", "[http]\nmethod = \"POST\"\nurl = \"http://192.0.2.1:9/pay\"\n");
    let record = write("record.toml", "[record]\ntopic = \"orders\"\n");
    let unknown = write("unknown.toml", "[http]\nurl = \"{{base}}/\"\n");
    let none = write("none.toml", "[http]\nurll = \"x\"\n");
    let never = write("never.toml", "name = \"p\"\nwrite = \"never\"\n[otlp]\ngrpc_port = 0\nhttp_port = 0\n");
    for (args, told) in [
        (vec![elsewhere.as_str()], "nothing allows sending to http://192.0.2.1:9"),
        (vec![elsewhere.as_str(), "--confirm", "192.0.2.2:9"], "give --confirm \"192.0.2.1:9\""),
        (vec![elsewhere.as_str(), "--profile", &never, "--confirm", "192.0.2.1:9"], "the profile forbids sending"),
        (vec![record.as_str()], "the profile has no source that records can be sent to"),
        (vec![unknown.as_str()], "no variable is called `base`"),
        (vec![none.as_str()], "unknown field `urll`"),
        (vec!["no-such-file.toml"], "cannot read no-such-file.toml"),
    ] {
        let (code, said) = send(&args);
        assert!(code == 1 && said.contains(told), "{args:?}: {code} {said}");
    }
}
