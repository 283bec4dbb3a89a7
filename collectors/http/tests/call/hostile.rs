//! Servers that answer what is no HTTP, or far too much of it.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use switchboard_http::CallConfig;
use switchboard_model::{Outcome, Receipt};
use tokio::io::AsyncWriteExt as _;

use crate::server::{Server, call, caller_with, get, get_from, impatient, read_head, run};

#[test]
fn an_endless_body_is_cut_at_the_limit_and_the_connection_closed() {
    run(async {
        for head in ["Transfer-Encoding: chunked\r\n\r\n", "Content-Length: 99999999999\r\n\r\n", "\r\n"] {
            let (tell_closed, mut closed) = tokio::sync::mpsc::channel(1);
            let server = Server::start(move |mut stream| {
                let tell_closed = tell_closed.clone();
                async move {
                    read_head(&mut stream).await;
                    stream.write_all(format!("HTTP/1.1 200 OK\r\n{head}").as_bytes()).await.expect("written");
                    let part = [b"10000\r\n", vec![b'x'; 65_536].as_slice(), b"\r\n"].concat();
                    while stream.write_all(&part).await.is_ok() {}
                    tell_closed.send(()).await.expect("the test is there");
                }
            })
            .await;
            let config = CallConfig { body_bytes_max: 300_000, ..CallConfig::default() };
            let told = call(&caller_with(&server.url(), server.address, config), get(&server.url())).await;
            assert_eq!((told.outcome.clone(), told.body().len()), (Outcome::Done(Receipt::Answered(200)), 300_000));
            assert!(told.cut().starts_with("the body is longer than 300000 bytes"), "{}", told.cut());
            closed.recv().await.expect("the server saw it");
        }
    });
}

/// So many headers.
fn lines(num_lines: usize) -> String {
    (0..num_lines).map(|number| format!("X-{number}: 1\r\n")).collect::<Vec<_>>().concat()
}

#[test]
fn heads_without_end_are_refused() {
    run(async {
        let one_long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(10 << 20));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", lines(10_000));
        for answer in [one_long.clone(), one_long.replace("X-Long: ", ""), many.clone(), one_long.replace("200 OK\r\nX-Long: ", "200 ")] {
            get_from(&Server::answers(answer).await).await.assert_possibly("the head of the answer is longer than 256 KiB or 1000 lines");
        }
        let answer = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", lines(900));
        assert_eq!(get_from(&Server::answers(answer).await).await.head().2.len(), 901);
        let trailers = |lines: &str| format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n{lines}\r\n");
        for lines in [format!("X-Long: {}\r\n", "x".repeat(10 << 20)), many["HTTP/1.1 200 OK\r\n".len()..].to_owned()] {
            let told = get_from(&Server::answers(trailers(&lines)).await).await;
            assert!(told.cut().starts_with("the body could not be read on after 1 bytes") && told.end().trailers.is_empty(), "{}", told.cut());
        }
    });
}

#[test]
fn sizes_of_chunks_that_are_none_cut_the_body() {
    run(async {
        for size in ["xyz", "-1", "ffffffffffffffffff", "1 1", ";", "0x3", &"0".repeat(100_000)] {
            let server = Server::answers(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n{size}\r\nabc\r\n0\r\n\r\n")).await;
            let told = get_from(&server).await;
            assert_eq!((told.outcome.clone(), told.body()), (Outcome::Done(Receipt::Answered(200)), b"abc".to_vec()), "{size:.20}");
            assert!(told.cut().starts_with("the body could not be read on after 3 bytes ("), "{size:.20}: {}", told.cut());
        }
    });
}

#[test]
fn what_is_no_http_is_named_with_what_to_do() {
    run(async {
        for (answer, expected) in [
            (&b"SSH-2.0-OpenSSH_9.6\r\n\r\n"[..], "the server speaks SSH there, and not HTTP. Correct the port"),
            (b"220 mail.example ESMTP\r\n", "the server greets as one for mail (SMTP) or files (FTP) does"),
            (b"+OK ready\r\n", "it answered what is no HTTP ("),
            (b"HTTP/9.9 200 OK\r\n\r\n", "it answered what is no HTTP ("),
            (b"HTTP/1.1 abc\r\n\r\n", "it answered what is no HTTP ("),
            (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "it answered what is no HTTP ("),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "it answered what is no HTTP ("),
            (b"\x15\x03\x01\x00\x02\x02\x46", "the server answered in TLS where plain text was spoken. Write https:// instead of http://"),
            (b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64", "the server speaks only HTTP/2 there"),
        ] {
            get_from(&Server::answers(answer).await).await.assert_possibly(expected);
        }
    });
}

#[test]
fn a_protocol_that_nobody_asked_for_is_no_answer() {
    run(async {
        for (upgrade, expected) in [
            ("Upgrade: websocket\r\n", "it switched to another protocol (websocket) that nobody asked for"),
            ("", "it switched to another protocol (which it does not name) that nobody asked for"),
        ] {
            let server = Server::answers(format!("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n{upgrade}\r\nwhatever it says")).await;
            let caller = caller_with(&server.url(), server.address, impatient(2_000));
            for num_connections in 1..=2 {
                let told = call(&caller, get(&server.url())).await;
                assert_eq!((told.outcome.clone(), told.head().0, told.body()), (Outcome::Done(Receipt::Answered(101)), 101, Vec::new()));
                assert!(told.cut().starts_with(expected), "{}", told.cut());
                assert_eq!(server.num_connections(), num_connections, "no other request goes over what speaks something else");
            }
        }
    });
}

#[test]
fn no_answer_makes_it_panic_or_hang() {
    run(async {
        let text = prop::collection::vec(
            prop_oneof![
                Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
                Just(b"\r\n".to_vec()),
                Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
                Just(b"Content-Length: 5\r\n".to_vec()),
                Just(b"Content-Encoding: gzip, br\r\n".to_vec()),
                Just(b"Content-Encoding: zstd\r\n".to_vec()),
                Just(b"Connection: upgrade\r\nUpgrade: x\r\n".to_vec()),
                Just(b"HTTP/1.1 101 Switching Protocols\r\n".to_vec()),
                Just(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
                Just(b"5\r\nabcde\r\n".to_vec()),
                Just(b"0\r\n\r\n".to_vec()),
                prop::collection::vec(any::<u8>(), 0..40),
            ],
            0..12,
        );
        let mut runner = TestRunner::default();
        for _ in 0..200 {
            let answer = text.new_tree(&mut runner).expect("a value").current().concat();
            let server = Server::answers(Bytes::from(answer)).await;
            // In what order things are told is checked with each call.
            call(&caller_with(&server.url(), server.address, impatient(2_000)), get(&server.url())).await;
        }
    });
}
