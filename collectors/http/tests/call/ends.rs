//! How calls end that do not end well: when it is sure that nothing was sent, and when not; in time, and at once where somebody cancels.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use switchboard_http::{CallConfig, Caller};
use switchboard_model::{AnswerNews, Outcome, Receipt};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, oneshot};

use crate::server::{DeadPort, Server, call, caller, caller_with, end, get, get_from, impatient, permit, read_head, request, run};

/// A body that no buffer between here and the server holds.
fn large() -> Bytes {
    Bytes::from(vec![7; 64 << 20])
}

#[test]
fn where_nothing_listens_nothing_was_sent() {
    run(async {
        let dead = DeadPort::new();
        let address = dead.address;
        let url = format!("http://{address}/");
        let told = call(&caller_with(&url, address, CallConfig::default()), get(&url)).await;
        told.assert_not_done(&format!("http://{address}: connection refused, nothing listens at {address}. Start the server, or correct the port"));
        assert!(told.news.is_empty());
    });
}

#[test]
fn addresses_are_tried_in_their_order() {
    run(async {
        let server = Server::answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let dead = DeadPort::new();
        let url = "http://shop.invalid/";
        let made = |addresses: &[SocketAddr]| Caller::new(permit(url, addresses), CallConfig::default()).expect("a caller");
        let told = call(&made(&[dead.address, server.address]), get(url)).await;
        assert_eq!(told.outcome, Outcome::Done(Receipt::Answered(200)));
        call(&made(&[dead.address, dead.address]), get(url)).await.assert_not_done("(2 addresses were tried)");
    });
}

#[test]
fn a_reset_before_the_answer_leaves_it_open() {
    run(async {
        let server = Server::start(|mut stream| async move {
            read_head(&mut stream).await;
            stream.set_zero_linger().expect("set");
        })
        .await;
        get_from(&server).await.assert_possibly("it reset the connection before it answered. Look into the server's log. Write https://");
        let server = Server::answers("").await;
        get_from(&server).await.assert_possibly("it ended the connection without an answer");
        let server = Server::answers("HTTP/1.1 200 OK\r\nContent-Le").await;
        get_from(&server).await.assert_possibly("it ended the connection within the head of its answer");
    });
}

#[test]
fn what_ends_or_speaks_before_it_is_asked_was_sent_nothing() {
    run(async {
        for (greeting, expected) in [
            (&b"220 mail.example ESMTP\r\n"[..], "the server greets as one for mail (SMTP) or files (FTP) does, and not in HTTP. Correct the port"),
            (b"SSH-2.0-OpenSSH_9.6\r\n", "the server speaks SSH there, and not HTTP. Correct the port"),
            (b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x64", "the server speaks only HTTP/2 there, as for gRPC"),
        ] {
            let server = Server::start(move |mut stream| async move {
                stream.write_all(greeting).await.expect("written");
                end(stream).await;
            })
            .await;
            let told = call(&caller(&server), request(Method::POST, &server.url(), "")).await;
            // Whether the request went out first makes no other words of it.
            if told.has_left() {
                told.assert_possibly(expected);
            } else {
                told.assert_not_done(expected);
            }
        }
        let server = Server::start(|mut stream| async move {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("written");
            std::future::pending::<()>().await;
        })
        .await;
        let told = call(&caller(&server), request(Method::POST, &server.url(), "")).await;
        if !told.has_left() {
            told.assert_not_done("it spoke before it was asked anything");
        }
        let server = Server::start(|stream| async move { drop(stream) }).await;
        let told = call(&caller(&server), request(Method::POST, &server.url(), "")).await;
        if told.has_left() {
            assert!(matches!(told.outcome, Outcome::Possibly(_)));
        } else {
            told.assert_not_done("it took the connection and ended it before the request left");
        }
    });
}

#[test]
fn a_reset_within_the_body_is_told_with_what_came() {
    run(async {
        for chunked in [false, true] {
            let server = Server::start(move |mut stream| async move {
                read_head(&mut stream).await;
                let begin: &[u8] = if chunked { b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nde" } else { b"Content-Length: 100\r\n\r\nabcde" };
                stream.write_all(&[b"HTTP/1.1 200 OK\r\n", begin].concat()).await.expect("written");
                end(stream).await;
            })
            .await;
            let told = get_from(&server).await;
            assert_eq!((told.outcome.clone(), told.body()), (Outcome::Done(Receipt::Answered(200)), b"abcde".to_vec()));
            assert!(told.cut().starts_with("the connection ended after 5 bytes of the body, before it was whole"), "{}", told.cut());
        }
        let seen = Arc::new(Notify::new());
        let may_reset = Arc::clone(&seen);
        let server = Server::start(move |mut stream| {
            let may_reset = Arc::clone(&may_reset);
            async move {
                read_head(&mut stream).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabcde").await.expect("written");
                may_reset.notified().await;
                stream.set_zero_linger().expect("set");
            }
        })
        .await;
        let mut cut = None;
        let mut told = |news| match news {
            AnswerNews::Body(_) => seen.notify_one(),
            AnswerNews::Ended(end) => cut = end.cut,
            _ => {}
        };
        caller(&server).call(get(&server.url()), &mut told).await;
        assert_eq!(cut.as_deref(), Some("the connection was reset after 5 bytes of the body. Look into the server's log"));
    });
}

#[test]
fn without_an_answer_it_ends_in_time() {
    run(async {
        let silent = Server::start(|mut stream| async move {
            read_head(&mut stream).await;
            std::future::pending::<()>().await;
        })
        .await;
        let drips = Server::start(|mut stream| async move {
            read_head(&mut stream).await;
            let mut head = b"HTTP/1.1 200 OK\r\nX-Slow: ".to_vec();
            while stream.write_all(&head).await.is_ok() {
                head = b"x".to_vec();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        for server in [silent, drips] {
            let began = Instant::now();
            let told = call(&caller_with(&server.url(), server.address, impatient(300)), get(&server.url())).await;
            told.assert_possibly("no answer within 300 ms. Look whether the server hangs or is paused in a debugger, or allow it more time");
            assert!((Duration::from_millis(300)..Duration::from_secs(5)).contains(&began.elapsed()));
        }
    });
}

#[test]
fn a_body_that_goes_on_is_cut_off_in_time() {
    run(async {
        let server = Server::start(|mut stream| async move {
            read_head(&mut stream).await;
            let mut part = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            // Members of gzip that hold nothing: no limit of bytes is ever met.
            let nothing = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()).finish().expect("compressed");
            while stream.write_all(&part).await.is_ok() {
                part = [format!("{:x}\r\n", nothing.len()).as_bytes(), &nothing, b"\r\n"].concat();
            }
        })
        .await;
        let told = call(&caller_with(&server.url(), server.address, impatient(300)), get(&server.url())).await;
        assert_eq!(told.outcome, Outcome::Done(Receipt::Answered(200)));
        assert_eq!(told.cut(), "cut off after 300 ms, while it still came; allow it more time to see all of it");
        assert!(told.end().wire_bytes > 0 && told.body().is_empty());
    });
}

#[test]
fn a_body_that_nobody_reads_ends_by_the_time_allowed() {
    run(async {
        let server = Server::start(|stream| async move {
            let _open = stream;
            std::future::pending::<()>().await;
        })
        .await;
        let began = Instant::now();
        let told = call(&caller_with(&server.url(), server.address, impatient(300)), request(Method::POST, &server.url(), large())).await;
        told.assert_possibly("no answer within 300 ms");
        assert!(began.elapsed() < Duration::from_secs(5));
    });
}

#[test]
fn who_cancels_closes_the_connection_at_once() {
    run(async {
        // Before an answer, while a body is sent that nobody reads; and while the answer comes.
        for answer in [&b""[..], b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabcde"] {
            let dropped = Arc::new(Notify::new());
            let (tell_closed, closed) = oneshot::channel();
            let mut given = Some((Arc::clone(&dropped), tell_closed));
            let server = Server::start(move |mut stream| {
                let (dropped, tell_closed) = given.take().expect("one connection");
                async move {
                    read_head(&mut stream).await;
                    stream.write_all(answer).await.expect("written");
                    dropped.notified().await;
                    let mut buffer = vec![0; 1 << 20];
                    while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
                    let _ = tell_closed.send(Instant::now());
                }
            })
            .await;
            let caller = caller(&server);
            let under_way = Notify::new();
            let mut told = |news| match news {
                AnswerNews::Leaves if answer.is_empty() => under_way.notify_one(),
                AnswerNews::Body(_) => under_way.notify_one(),
                _ => {}
            };
            tokio::select! {
                outcome = caller.call(request(Method::POST, &server.url(), large()), &mut told) => panic!("{outcome:?}"),
                () = under_way.notified() => {}
            }
            let began = Instant::now();
            dropped.notify_one();
            let took = closed.await.expect("closed").duration_since(began);
            assert!(took < Duration::from_secs(1), "{took:?}");
        }
    });
}
