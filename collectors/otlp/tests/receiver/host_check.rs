//! Host × Origin × content type, over both ports.

use http::{Method, StatusCode};
use prost::Message;
use switchboard_model::ItemKind;
use switchboard_otlp::{Config, Limits};

use crate::loopback::{GRPC_TRACES, Loopback, TRACES, framed, free_ports, good_span, http1, http2, request};

fn config() -> Config {
    Config { allowed_hosts: vec!["collector.test".to_owned()], allowed_origins: vec!["http://localhost:*".to_owned()], ..free_ports() }
}

/// (as sent, whether it may pass); `{port}` is the port.
const HOSTS: [(&str, bool); 9] = [
    ("localhost:{port}", true),
    ("127.0.0.1:{port}", true),
    ("[::1]:{port}", true),
    ("collector.test", true),
    ("evil.example", false),
    ("localhost.evil.example:{port}", false),
    ("host.docker.internal:{port}", false),
    ("127.0.0.2", false),
    ("me@localhost", false),
];

const ORIGINS: [(Option<&str>, bool); 5] = [
    (None, true),
    (Some("http://localhost:3000"), true),
    (Some("http://evil.example"), false),
    (Some("null"), false),
    (Some("http://localhost.evil.example:3000"), false),
];

const TYPES: [(Option<&str>, bool); 8] = [
    (Some("application/x-protobuf"), true),
    (Some("Application/X-Protobuf; charset=utf-8"), true),
    (Some("application/json"), true),
    (Some("application/json;charset=UTF-8"), true),
    (Some("text/plain"), false),
    (Some("application/x-www-form-urlencoded"), false),
    (Some("application/jsonp"), false),
    (None, false),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1() {
    let mut loopback = Loopback::with(config(), Limits::default(), 64 << 20).await;
    let (mut num_cases, mut num_stored, mut num_refused) = (0, 0, 0);
    for to in [loopback.http(), loopback.grpc()] {
        for (host, good_host) in HOSTS {
            for (origin, good_origin) in ORIGINS {
                for (content_type, good_type) in TYPES {
                    let host = host.replace("{port}", &to.port().to_string());
                    let mut headers = vec![("host", host.as_str())];
                    headers.extend(origin.map(|origin| ("origin", origin)));
                    headers.extend(content_type.map(|content_type| ("content-type", content_type)));
                    let body = request(vec![good_span(1)]);
                    let is_json = content_type.is_some_and(|content_type| content_type.starts_with("application/json"));
                    let body = if is_json { serde_json::to_vec(&body).unwrap() } else { body.encode_to_vec() };
                    let answer = http1(to, Method::POST, TRACES, &headers, body).await;
                    let expected = match (good_host && good_origin, good_type) {
                        (false, _) => StatusCode::FORBIDDEN,
                        (true, false) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
                        (true, true) => StatusCode::OK,
                    };
                    let case = format!("{host} {origin:?} {content_type:?} on {to}");
                    assert_eq!(answer.status, expected, "{case}: {answer:?}");
                    let may_read = good_host && good_origin && origin.is_some();
                    assert_eq!(answer.header("access-control-allow-origin"), if may_read { origin.unwrap() } else { "" }, "{case}");
                    num_cases += 1;
                    num_stored += u64::from(expected == StatusCode::OK);
                    num_refused += u64::from(expected != StatusCode::OK);
                }
            }
        }
    }
    assert_eq!(num_cases, 720);
    // What is refused at the door is no item of anybody's: it is listed, not counted among the spans.
    assert_eq!(loopback.figures(ItemKind::Span), (num_stored, 0, 0, 0));
    loopback.wait_for("every refusal", |loopback| loopback.refusals.iter().map(|refusal| refusal.count).sum::<u64>() == num_refused).await;
    let docker = loopback.refusals.iter().find(|refusal| refusal.host.as_deref().is_some_and(|host| host.starts_with("host.docker"))).expect("listed");
    assert_eq!((docker.rule.as_str(), docker.peer.as_str()), ("host", "127.0.0.1"));
    assert!(docker.next_step.contains("docker_bridge"), "{}", docker.next_step);
    let origin = loopback.refusals.iter().find(|refusal| refusal.rule == "origin").expect("listed");
    assert!(origin.next_step.contains("allowed_origins"), "{}", origin.next_step);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2_and_grpc() {
    let loopback = Loopback::with(config(), Limits::default(), 64 << 20).await;
    let types: [(&str, StatusCode, u16); 6] = [
        ("application/grpc", StatusCode::OK, 0),
        ("application/grpc+proto", StatusCode::OK, 0),
        ("application/grpc+json", StatusCode::UNSUPPORTED_MEDIA_TYPE, 3),
        ("application/grpc-web+proto", StatusCode::UNSUPPORTED_MEDIA_TYPE, 3),
        ("application/json", StatusCode::UNSUPPORTED_MEDIA_TYPE, u16::MAX),
        ("text/plain", StatusCode::UNSUPPORTED_MEDIA_TYPE, u16::MAX),
    ];
    let (mut num_cases, mut num_stored) = (0, 0);
    for to in [loopback.http(), loopback.grpc()] {
        for (host, good_host) in HOSTS {
            for (origin, good_origin) in ORIGINS {
                for (content_type, type_status, grpc_status) in types {
                    let host = host.replace("{port}", &to.port().to_string());
                    let mut headers = vec![("content-type", content_type), ("te", "trailers")];
                    headers.extend(origin.map(|origin| ("origin", origin)));
                    let body = framed(&request(vec![good_span(1)]).encode_to_vec());
                    let answer = http2(to, &host, Method::POST, GRPC_TRACES, &headers, body).await;
                    let case = format!("{host} {origin:?} {content_type:?} on {to}");
                    let may_pass = good_host && good_origin;
                    assert_eq!(answer.status, if may_pass { type_status } else { StatusCode::FORBIDDEN }, "{case}: {answer:?}");
                    if grpc_status != u16::MAX {
                        assert_eq!(answer.grpc_status(), if may_pass { grpc_status } else { 7 }, "{case}");
                    }
                    num_cases += 1;
                    num_stored += u64::from(may_pass && type_status == StatusCode::OK);
                }
            }
        }
    }
    assert_eq!(num_cases, 540);
    assert_eq!(loopback.figures(ItemKind::Span), (num_stored, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_or_no_hosts_and_origins() {
    let loopback = Loopback::with(config(), Limits::default(), 64 << 20).await;
    let to = loopback.http();
    let body = || request(vec![good_span(1)]).encode_to_vec();
    let proto = ("content-type", "application/x-protobuf");
    for headers in [
        vec![proto],
        vec![proto, ("host", "localhost"), ("host", "evil.example")],
        vec![proto, ("host", "localhost"), ("origin", "http://localhost:1"), ("origin", "http://evil.example")],
        vec![proto, ("host", "localhost"), ("origin", "http://evil.example"), ("origin", "http://localhost:1")],
        vec![proto, ("host", "localhost"), ("origin", "http://localhost:1"), ("origin", "http://localhost:1")],
    ] {
        let answer = http1(to, Method::POST, TRACES, &headers, body()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    // An authority that is ours beside a host that is not.
    let answer = http2(to, "localhost", Method::POST, TRACES, &[proto, ("host", "evil.example")], body()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let answer = http1(to, Method::POST, TRACES, &[proto, ("content-type", "text/plain"), ("host", "localhost")], body()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(loopback.figures(ItemKind::Span), (0, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_listed_pages_pass_the_preflight() {
    let loopback = Loopback::with(config(), Limits::default(), 64 << 20).await;
    let to = loopback.http();
    let ask = |origin: &'static str| async move {
        let headers = [
            ("host", "localhost"),
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "content-type,traceparent"),
        ];
        http1(to, Method::OPTIONS, TRACES, &headers, Vec::new()).await
    };
    let allowed = ask("http://localhost:3000").await;
    assert_eq!(allowed.status, StatusCode::NO_CONTENT);
    assert_eq!(allowed.header("access-control-allow-origin"), "http://localhost:3000");
    assert_eq!(allowed.header("access-control-allow-methods"), "POST");
    assert_eq!(allowed.header("access-control-allow-headers"), "content-type,traceparent");
    assert_eq!(allowed.header("access-control-allow-private-network"), "");
    let refused = ask("http://evil.example").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.header("access-control-allow-origin"), "");
    let without_origin = http1(to, Method::OPTIONS, TRACES, &[("host", "localhost")], Vec::new()).await;
    assert_eq!(without_origin.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_methods_and_encodings() {
    let loopback = Loopback::start().await;
    let to = loopback.http();
    let proto = ("content-type", "application/x-protobuf");
    for (method, path, expected) in [
        (Method::GET, TRACES, StatusCode::METHOD_NOT_ALLOWED),
        (Method::PUT, "/v1/logs", StatusCode::METHOD_NOT_ALLOWED),
        (Method::DELETE, "/v1/metrics", StatusCode::METHOD_NOT_ALLOWED),
        (Method::POST, "/", StatusCode::NOT_FOUND),
        (Method::GET, "/", StatusCode::NOT_FOUND),
        (Method::POST, "/v1/traces/v1/traces", StatusCode::NOT_FOUND),
        (Method::POST, "/v1development/profiles", StatusCode::NOT_FOUND),
        (Method::POST, "/v1/traces?x=1", StatusCode::OK),
        (Method::POST, "/v1/logs", StatusCode::OK),
        (Method::POST, "/v1/metrics", StatusCode::OK),
    ] {
        let answer = http1(to, method.clone(), path, &[("host", "localhost"), proto], Vec::new()).await;
        assert_eq!(answer.status, expected, "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/x-protobuf", "{method} {path}");
        if expected == StatusCode::METHOD_NOT_ALLOWED {
            assert_eq!(answer.header("allow"), "POST");
        }
    }
    for encoding in ["br", "deflate", "gzip, gzip", "snappy"] {
        let answer = http1(to, Method::POST, TRACES, &[("host", "localhost"), proto, ("content-encoding", encoding)], vec![1]).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{encoding}");
        assert_eq!(answer.header("accept-encoding"), "gzip, zstd");
        let answer = crate::loopback::grpc(loopback.grpc(), GRPC_TRACES, &[("grpc-encoding", encoding)], framed(&[])).await;
        assert_eq!((answer.status, answer.grpc_status()), (StatusCode::OK, 12), "{encoding}");
        assert_eq!(answer.header("grpc-accept-encoding"), "identity,gzip,zstd");
    }
    let unknown =
        crate::loopback::grpc(loopback.grpc(), "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export", &[], framed(&[])).await;
    assert_eq!(unknown.grpc_status(), 12);
    // gRPC's frames over HTTP/1.1 are no gRPC.
    let answer = http1(to, Method::POST, GRPC_TRACES, &[("host", "localhost"), ("content-type", "application/grpc")], framed(&[])).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(loopback.figures(ItemKind::Span), (0, 0, 0, 0));
}
