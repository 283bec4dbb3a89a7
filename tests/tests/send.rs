//! `switchboard send`: the requests that the lab has to try out arrive, what may not be sent is not, and no proxy is asked to carry any.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use bytes::Bytes;

use serde_json::Value;
use switchboard_tests::lab::quiet_lab;
use switchboard_tests::program::Program;

const WITHIN: Duration = Duration::from_mins(1);

/// Runs `switchboard send`: its exit code, and what it said.
fn send(args: &[&str]) -> (i32, String) {
    send_with(args, &[])
}

/// The same with these variables in its environment.
fn send_with(args: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let args = [&["send"], args].concat();
    let mut program = Program::start_as(&args, |command| {
        command.envs(variables.iter().copied());
    })
    .expect("starts");
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

/// A server of HTTP that answers whatever it is asked.
fn http_server() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // A request without a body is shorter.
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
            });
        }
    });
    address
}

/// A server of gRPC that answers whatever it is asked with an empty message.
async fn grpc_server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await?;
                while let Some(asked) = connection.accept().await {
                    let (_, mut respond) = asked?;
                    let head = http::Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
                    let mut body = respond.send_response(head, false)?;
                    body.send_data(Bytes::from_static(&[0; 5]), false)?;
                    let well = (http::HeaderName::from_static("grpc-status"), http::HeaderValue::from_static("0"));
                    body.send_trailers(http::HeaderMap::from_iter([well]))?;
                }
                Ok::<_, h2::Error>(())
            });
        }
    });
    address
}

#[test]
fn no_proxy_that_the_environment_names_is_asked_to_carry_anything() {
    let runtime = tokio::runtime::Runtime::new().expect("threads");
    let (http, grpc) = (http_server(), runtime.block_on(grpc_server()));
    let proxy = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = proxy.local_addr().expect("an address");
    let url = format!("http://{address}");
    let names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "grpc_proxy", "GRPC_PROXY"];
    // What whoever runs the tests lets pass by a proxy is not this.
    let variables: Vec<(&str, &str)> = names.map(|name| (name, url.as_str())).into_iter().chain([("no_proxy", ""), ("NO_PROXY", "")]).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let send = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        let (code, said) = send_with(&[&path.display().to_string()], &variables);
        // One that is not answered has a last word behind the JSON.
        (code, serde_json::Deserializer::from_str(&said).into_iter::<Value>().next().and_then(Result::ok).unwrap_or_else(|| panic!("{said}")))
    };
    let (code, told) = send("http.toml", format!("[http]\nurl = \"http://{http}/\"\n"));
    assert_eq!((code, &told["answer"]["status"], &told["body"]), (0, &200.into(), &"ok".into()), "{told}");
    std::fs::write(folder.path().join("a.proto"), "syntax = \"proto3\"; package a; message M { } service S { rpc Ask (M) returns (M); }").expect("written");
    let call = |scheme: &str| {
        format!("[grpc]\nurl = \"{scheme}://{grpc}\"\nmethod = \"a.S/Ask\"\nmessages = [\"{{}}\"]\nschema = {{ protos = {{ files = [\"a.proto\"] }} }}\n")
    };
    let (code, told) = send("grpc.toml", call("http"));
    assert_eq!((code, &told["outcome"], &told["answer"]["code"]), (0, &"called".into(), &0.into()), "{told}");
    // For TLS a proxy is asked otherwise, before there is any.
    for (name, text) in [("https.toml", format!("[http]\nurl = \"https://{http}/\"\n")), ("grpcs.toml", call("https"))] {
        let (code, told) = send(name, text);
        assert!(code == 1 && told["reason"].as_str().is_some_and(|reason| reason.contains("answered in plain text where TLS was spoken")), "{name}: {told}");
    }
    // Whoever connected to the proxy would be there by now, and before this.
    let own = TcpStream::connect(address).expect("it listens");
    let (_, first) = proxy.accept().expect("a connection");
    assert_eq!(first, own.local_addr().expect("an address"), "a proxy was asked");
}
