//! What is told of answers that are as they should be, and that exactly what was asked for is sent.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use switchboard_http::{CallConfig, CallRefused, Caller};
use switchboard_model::{AnswerNews, Leave, Origin, Outcome, Phase, Receipt, SendPermit, SendRules, Target};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::server::{Server, call, caller, caller_with, end, get, get_from, read_head, request, run};

/// Answers with the request's method, headers and body.
pub async fn echo(request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    let host = head.uri.authority().map(ToString::to_string).or_else(|| Some(head.headers.get("host")?.to_str().ok()?.to_owned()));
    let mut headers = HeaderMap::new();
    headers.insert("x-method", head.method.as_str().parse().expect("a value"));
    headers.insert("x-path", head.uri.path_and_query().expect("a path").as_str().parse().expect("a value"));
    headers.insert("x-host", host.unwrap_or_default().parse().expect("a value"));
    for (name, value) in &head.headers {
        headers.append(HeaderName::try_from(format!("x-sent-{name}")).expect("a name"), value.clone());
    }
    (headers, body).into_response()
}

/// A server that echoes, and its address.
async fn echoing() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(echo)).await });
    address
}

#[test]
fn each_method_is_sent_with_its_body_and_the_answer_told() {
    run(async {
        let address = echoing().await;
        let url = format!("http://{address}/orders?id=4711");
        let caller = caller_with(&url, address, CallConfig::default());
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"] {
            let told = call(&caller, request(method.parse().expect("a method"), &url, "a body")).await;
            assert_eq!(told.outcome, Outcome::Done(Receipt::Answered(200)));
            let (status, version, headers) = told.head();
            assert_eq!((status, version), (200, "HTTP/1.1"));
            assert_eq!(
                (&headers["x-method"], &headers["x-path"], &headers["x-host"]),
                (
                    &HeaderValue::from_str(method).expect("a value"),
                    &HeaderValue::from_static("/orders?id=4711"),
                    &HeaderValue::from_str(&address.to_string()).expect("a value")
                )
            );
            assert_eq!(headers["x-sent-user-agent"], format!("switchboard-send/{}", env!("CARGO_PKG_VERSION")));
            assert_eq!(headers["x-sent-accept-encoding"], "gzip, br, zstd");
            assert_eq!(headers["x-sent-content-length"], "6");
            assert_eq!((told.body().as_slice(), told.end().wire_bytes, told.end().body_bytes), (&b"a body"[..], 6, 6));
            assert_eq!(told.end().cut, None);
        }
        let told = call(&caller, request(Method::POST, &url, "")).await;
        assert_eq!(told.head().2["x-sent-content-length"], "0");
    });
}

#[test]
fn values_and_bodies_go_out_and_come_back_byte_by_byte() {
    run(async {
        let address = echoing().await;
        let url = format!("http://{address}/");
        let value = prop::collection::vec(prop_oneof![33_u8..127, 128_u8..=255], 0..200);
        let body = prop::collection::vec(any::<u8>(), 0..100_000);
        let caller = caller_with(&url, address, CallConfig::default());
        let mut runner = TestRunner::default();
        for _ in 0..32 {
            let (value, body) = (&value, &body).new_tree(&mut runner).expect("a value").current();
            let mut sent = request(Method::POST, &url, body.clone());
            sent.headers.append("x-value", HeaderValue::from_bytes(&value).expect("a value"));
            sent.headers.append("x-value", HeaderValue::from_static("another"));
            let told = call(&caller, sent).await;
            let came: Vec<_> = told.head().2.get_all("x-sent-x-value").iter().map(HeaderValue::as_bytes).collect();
            assert_eq!(came, [&value[..], b"another"]);
            assert!(told.body() == body && told.end().cut.is_none());
        }
    });
}

#[test]
fn phases_are_told_and_a_connection_serves_the_next_call_too() {
    run(async {
        let server = Server::start(|mut stream| async move {
            while read_head(&mut stream).await.starts_with("GET") {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.expect("written");
            }
        })
        .await;
        let caller = caller(&server);
        let told = call(&caller, get(&server.url())).await;
        assert_eq!(told.phases(), [Phase::Connect, Phase::FirstByte, Phase::Rest]);
        for _ in 0..20 {
            let told = call(&caller, get(&server.url())).await;
            assert_eq!((told.phases(), told.body()), (vec![Phase::FirstByte, Phase::Rest], b"ok".to_vec()));
        }
        assert_eq!(server.num_connections(), 1);
    });
}

#[test]
fn a_server_that_ends_connections_gets_no_request_twice() {
    run(async {
        let num_requests = Arc::<Mutex<usize>>::default();
        let counted = Arc::clone(&num_requests);
        let server = Server::start(move |mut stream| {
            let counted = Arc::clone(&counted);
            async move {
                if read_head(&mut stream).await.starts_with("POST") {
                    *counted.lock().expect("a count") += 1;
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                }
            }
        })
        .await;
        let caller = caller(&server);
        let (mut num_done, mut num_left) = (0, 0);
        for _ in 0..50 {
            let told = call(&caller, request(Method::POST, &server.url(), "")).await;
            num_left += usize::from(told.has_left());
            match told.outcome {
                Outcome::Done(_) => num_done += 1,
                // It went out in the very moment in which the server ended the connection.
                Outcome::Possibly(_) => {}
                Outcome::NotDone(reason) => panic!("{reason}"),
            }
        }
        let num_requests = *num_requests.lock().expect("a count");
        assert!((num_done..=num_left).contains(&num_requests) && num_done >= 25, "{num_done} done, {num_left} left, {num_requests} came");
    });
}

#[test]
fn connection_close_is_heeded() {
    run(async {
        let server = Server::answers("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it").await;
        let caller = caller(&server);
        for number in 1..4 {
            let told = call(&caller, get(&server.url())).await;
            assert_eq!((told.body(), &told.end().cut, server.num_connections()), (b"all of it".to_vec(), &None, number));
        }
        let server = Server::answers("HTTP/1.0 200 OK\r\n\r\nas of old").await;
        let told = get_from(&server).await;
        assert_eq!((told.head().1, told.body()), ("HTTP/1.0", b"as of old".to_vec()));
    });
}

#[test]
fn only_the_pinned_address_is_connected_to() {
    run(async {
        let address = echoing().await;
        let url = "http://does-not-exist.invalid:8080/a";
        let told = call(&caller_with(url, address, CallConfig::default()), get(url)).await;
        assert_eq!(told.head().2["x-host"], "does-not-exist.invalid:8080");
    });
}

#[test]
fn a_permit_for_another_origin_connects_to_nothing() {
    run(async {
        let server = Server::answers("HTTP/1.1 200 OK\r\n\r\n").await;
        let caller = caller(&server);
        for other in ["http://127.0.0.1:1/", &server.url().replace("http", "https"), &server.url().replace("127.0.0.1", "localhost")] {
            let told = call(&caller, get(other)).await;
            told.assert_not_done("leave to send is for http://127.0.0.1:");
            assert!(told.news.is_empty());
        }
        let told = call(&caller, request(Method::CONNECT, &server.url(), "")).await;
        told.assert_not_done("CONNECT asks for a tunnel");
        assert_eq!(server.num_connections(), 0);
    });
}

#[test]
fn permits_of_other_kinds_are_refused() {
    let (origin, _) = Origin::parse("http://localhost:1").expect("an address");
    let rules = |target| SendRules {
        name: "shop",
        target: Some(target),
        addresses: &[],
        leave: Leave::Given,
        is_unlocked: false,
        is_production: false,
        typed_name: None,
    };
    let name = "shop".to_owned();
    for (target, refused) in [
        (Target::Cluster("abc".to_owned()), CallRefused::NoOrigin { name: name.clone() }),
        (Target::Authority(origin.clone()), CallRefused::NoOrigin { name: name.clone() }),
        (Target::Origin(origin), CallRefused::NoAddresses { name }),
    ] {
        let permit = SendPermit::from_rules(&rules(target)).expect("a permit");
        assert_eq!(Caller::new(permit, CallConfig::default()).expect_err("refused"), refused);
    }
}

#[test]
fn redirects_are_told_and_not_followed() {
    run(async {
        let elsewhere = Server::answers("HTTP/1.1 200 OK\r\n\r\n").await;
        let server = Server::answers(format!("HTTP/1.1 302 Found\r\nLocation: {}/x\r\nContent-Length: 0\r\n\r\n", elsewhere.url())).await;
        let told = get_from(&server).await;
        assert_eq!(told.outcome, Outcome::Done(Receipt::Answered(302)));
        assert_eq!(told.head().2["location"], format!("{}/x", elsewhere.url()));
        assert_eq!((server.num_connections(), elsewhere.num_connections()), (1, 0));
    });
}

#[test]
fn events_come_one_by_one_as_they_are_sent() {
    run(async {
        let (seen, wait) = mpsc::channel::<()>(10);
        let mut given = Some(wait);
        let server = Server::start(move |mut stream| {
            let mut wait = given.take().expect("one connection");
            async move {
                read_head(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n").await.expect("written");
                for number in 0..10 {
                    let event = format!("data: {number}\n\n");
                    stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await.expect("written");
                    wait.recv().await.expect("the test saw it");
                }
                stream.write_all(b"0\r\n\r\n").await.expect("written");
                end(stream).await;
            }
        })
        .await;
        let mut events = Vec::new();
        let mut told = |news| {
            if let AnswerNews::Body(piece) = news {
                events.push(String::from_utf8(piece.to_vec()).expect("text"));
                seen.try_send(()).expect("room");
            }
        };
        let outcome = caller(&server).call(get(&server.url()), &mut told).await;
        assert_eq!(outcome, Outcome::Done(Receipt::Answered(200)));
        assert_eq!(events, (0..10).map(|number| format!("data: {number}\n\n")).collect::<Vec<_>>());
    });
}

#[test]
fn interim_answers_are_passed_by() {
    run(async {
        let server =
            Server::answers("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx")
                .await;
        let told = get_from(&server).await;
        assert_eq!((told.head().0, told.head().2.get("link"), told.body()), (201, None, b"x".to_vec()));
    });
}

#[test]
fn some_answers_have_no_body_whatever_they_say() {
    run(async {
        let head = "Content-Length: 1000\r\nContent-Encoding: gzip\r\n\r\n";
        for (method, status) in [(Method::HEAD, 200), (Method::GET, 304), (Method::HEAD, 404)] {
            let server = Server::answers(format!("HTTP/1.1 {status} x\r\n{head}")).await;
            let told = call(&caller(&server), request(method, &server.url(), "")).await;
            assert_eq!((told.head().0, told.end().cut.as_deref(), told.end().wire_bytes, told.body().len()), (status, None, 0, 0));
            assert_eq!(told.head().2["content-length"], "1000");
        }
        let server = Server::answers("HTTP/1.1 204 No Content\r\nContent-Encoding: br\r\n\r\n").await;
        assert_eq!(get_from(&server).await.end().cut, None);
    });
}

#[test]
fn headers_come_in_their_order_and_trailers_after_the_body() {
    run(async {
        let server = Server::answers(
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nX-Raw: \u{e9}\r\nset-cookie: b=2\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
             3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n",
        )
        .await;
        let told = get_from(&server).await;
        let (_, _, headers) = told.head();
        assert_eq!(headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert_eq!(headers["x-raw"].as_bytes(), "\u{e9}".as_bytes());
        assert_eq!((told.body(), &told.end().trailers["x-sum"], told.end().wire_bytes), (b"abc".to_vec(), &HeaderValue::from_static("7"), 3));
    });
}

#[test]
fn an_answer_that_comes_before_the_request_is_read_is_told() {
    run(async {
        let server = Server::start(|mut stream| async move {
            read_head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno!").await.expect("written");
            std::future::pending::<()>().await;
        })
        .await;
        let told = call(&caller(&server), request(Method::POST, &server.url(), Bytes::from(vec![7; 64 << 20]))).await;
        assert_eq!((told.outcome.clone(), told.body()), (Outcome::Done(Receipt::Answered(413)), b"no!".to_vec()));
    });
}
