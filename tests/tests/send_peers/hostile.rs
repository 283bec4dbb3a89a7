//! Servers that do what none should: whatever they do, it ends in time with an exit code and a reason, within bounded memory.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::sent::{Desk, Sent};

/// How long a request may take that time is to end, seconds.
const TIMEOUT_S: f64 = 1.5;
/// How long others may take: a busy machine is slow.
const PATIENT_S: f64 = 20.0;
/// What comes on top: a program that starts and ends beside others.
const SLACK: Duration = Duration::from_secs(15);

/// A server that answers each connection in its own manner until the process ends; its address.
fn server(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let answer = std::sync::Arc::new(answer);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = std::sync::Arc::clone(&answer);
            std::thread::spawn(move || answer(&mut stream));
        }
    });
    address
}

/// Reads a request's head, and whatever of its body comes with it.
fn read_request(stream: &mut TcpStream) {
    let (mut came, mut bytes) = (Vec::new(), [0; 4096]);
    while !came.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut bytes) {
            Ok(num_bytes) if num_bytes > 0 => came.extend_from_slice(&bytes[..num_bytes]),
            _ => return,
        }
    }
}

/// Waits until the other side has closed.
fn wait_for_end(stream: &mut TcpStream) {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).is_ok_and(|num_bytes| num_bytes > 0) {}
}

/// Writes so many times what is given, or until nobody takes it.
fn pour(stream: &mut TcpStream, first: &[u8], part: &[u8], num_parts: usize) {
    if stream.write_all(first).is_ok() {
        for _ in 0..num_parts {
            if stream.write_all(part).is_err() {
                return;
            }
        }
    }
}

/// Reads a request, answers with these bytes, and closes.
fn answering(answer: impl Into<Vec<u8>>) -> String {
    let answer = answer.into();
    server(move |stream| {
        read_request(stream);
        let _ = stream.write_all(&answer);
    })
}

#[track_caller]
fn get(desk: &Desk, address: &str) -> Sent {
    get_within(desk, address, PATIENT_S)
}

#[track_caller]
fn get_within(desk: &Desk, address: &str, timeout_s: f64) -> Sent {
    let sent = desk.send(&format!("[http]\nurl = \"http://{address}/\"\ntimeout_s = {timeout_s:?}\n"));
    assert!(sent.took < Duration::from_secs_f64(timeout_s) + SLACK, "{:?}: {}", sent.took, sent.head());
    sent
}

/// What is given to a request that ends for one of these reasons, of which one may be that time is over.
fn timeout_s(reasons: &[&str]) -> f64 {
    let late = format!("{TIMEOUT_S} s");
    if reasons.iter().any(|reason| reason.contains(&late)) { TIMEOUT_S } else { PATIENT_S }
}

/// It was answered, and its body is not whole for this reason.
#[track_caller]
fn assert_cut(desk: &Desk, address: &str, reasons: &[&str]) {
    let sent = get_within(desk, address, timeout_s(reasons));
    let told = sent.told();
    let cut = told["cut"].as_str().unwrap_or_else(|| panic!("nothing was cut: {}", sent.head()));
    assert!(reasons.iter().any(|reason| cut.contains(reason)), "{reasons:?}: {cut}");
    assert_eq!((sent.code, told["answer"]["status"].as_i64()), (4, Some(200)), "{}", sent.head());
}

/// It left, and what came is no answer, for this reason.
#[track_caller]
fn assert_no_answer(desk: &Desk, address: &str, reason: &str) {
    let sent = get_within(desk, address, timeout_s(&[reason]));
    assert!(sent.code == 5 && sent.told()["reason"].as_str().is_some_and(|told| told.contains(reason)), "{reason}: {} {}", sent.code, sent.head());
}

/// A zstd frame of blocks that say a byte 131,072 times each, 4 bytes for 128 KiB.
fn zstd_bomb(num_blocks: usize) -> Vec<u8> {
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    for number in 0..num_blocks {
        let header = (131_072_u32 << 3) | (1 << 1) | u32::from(number + 1 == num_blocks);
        bomb.extend_from_slice(&header.to_le_bytes()[..3]);
        bomb.push(b'0');
    }
    bomb
}

fn gzip_bomb(num_bytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..num_bytes >> 20 {
        encoder.write_all(&zeros).expect("into memory");
    }
    encoder.finish().expect("into memory")
}

#[test]
fn what_is_answered_is_told_as_json_however_long_and_whatever_it_is() {
    let desk = Desk::new();
    let text = format!("{} \u{202e}\u{9b}31m\u{7f}\u{feff} \u{1b}]0;title\u{7}\r\n\u{2028}größer 😀", "x".repeat(100_000));
    let address = answering(format!("HTTP/1.1 200 OK\r\nx-note: a\tb\r\ncontent-length: {}\r\n\r\n{text}", text.len()));
    let sent = get(&desk, &address);
    assert_eq!((sent.codes(), sent.told()["body"].as_str()), ((0, 200), Some(text.as_str())), "{}", sent.head());
    let is_obeyed = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{2028}' | '\u{feff}'));
    assert!(!sent.said.contains(is_obeyed), "{}", sent.head());
    // More lines than wait for a terminal.
    let headers = (0..900).fold(String::new(), |headers, number| headers + &format!("x-{number}: {number}\r\n"));
    let sent = get(&desk, &answering(format!("HTTP/1.1 204 No Content\r\n{headers}\r\n")));
    assert_eq!((sent.codes(), sent.told()["headers"].as_array().map(Vec::len)), ((0, 204), Some(900)), "{}", sent.head());
}

#[test]
fn bodies_without_end_or_measure_are_cut() {
    let desk = Desk::new();
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let megabyte = [format!("{:x}\r\n", 1 << 20).into_bytes(), vec![b'x'; 1 << 20], b"\r\n".to_vec()].concat();
    let (in_chunks, until_closed) = (megabyte.clone(), megabyte.clone());
    let too_long = &["longer than 64 MiB; the rest was not read", "cut off after 1.5 s"];
    assert_cut(&desk, &server(move |stream| (read_request(stream), pour(stream, chunked.as_bytes(), &in_chunks, usize::MAX)).1), too_long);
    assert_cut(&desk, &server(move |stream| (read_request(stream), pour(stream, b"HTTP/1.1 200 OK\r\n\r\n", &until_closed, usize::MAX)).1), too_long);
    let declared = b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n";
    // Either way it is no answer of which something could be told wrongly.
    let sent = get_within(&desk, &server(move |stream| (read_request(stream), pour(stream, declared, &megabyte, usize::MAX)).1), TIMEOUT_S);
    assert!(matches!(sent.code, 4 | 5), "{}", sent.head());
    // A byte a chunk, and chunks of nothing but extensions.
    assert_cut(&desk, &server(move |stream| (read_request(stream), pour(stream, chunked.as_bytes(), b"1\r\nx\r\n", usize::MAX)).1), too_long);
    let extended = [b"1;".as_slice(), &[b'e'; 1000], b"\r\nx\r\n"].concat();
    let cut = &["cut off after 1.5 s", "could not be read on", "longer than 64 MiB"];
    assert_cut(&desk, &server(move |stream| (read_request(stream), pour(stream, chunked.as_bytes(), &extended, usize::MAX)).1), cut);
    let trailers = [chunked.as_bytes(), b"1\r\nx\r\n0\r\n"].concat();
    let cut = &["could not be read on", "cut off after 1.5 s"];
    assert_cut(&desk, &server(move |stream| (read_request(stream), pour(stream, &trailers, b"x-trailer: and another one\r\n", usize::MAX)).1), cut);
    for size in ["zz", "FFFFFFFFFFFFFFFFF", "-1", "0x5", "", "1 x", "5"] {
        let broken = &["could not be read on", "before it was whole"];
        assert_cut(&desk, &answering(format!("{chunked}{size}\r\nx")), broken);
    }
}

#[test]
fn compressed_bodies_cost_no_more_than_what_is_taken_of_them() {
    let desk = Desk::new();
    let of = |encoding: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n", body.len());
        answering([head.as_bytes(), body].concat())
    };
    let (gzip, zstd) = (gzip_bomb(1 << 30), zstd_bomb(1 << 14));
    let mut twice = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    twice.write_all(&gzip).expect("into memory");
    let twice = twice.finish().expect("into memory");
    for (encoding, body) in [("gzip", &gzip), ("zstd", &zstd), ("gzip, gzip", &twice)] {
        assert_cut(&desk, &of(encoding, body), &["longer than 64 MiB", "cut off after 1.5 s"]);
    }
    for encoding in ["gzip", "br", "zstd", "deflate", "gzip, br"] {
        assert_cut(&desk, &of(encoding, b"this is no such thing at all"), &["the compressed body"]);
    }
    assert_cut(&desk, &of("gzip", &gzip[..gzip.len() / 64]), &["ends before it is whole"]);
    // What is unknown is told as it came.
    let sent = get(&desk, &of("sdch", b"as it came"));
    assert_eq!((sent.codes(), sent.told()["body"].as_str()), ((0, 200), Some("as it came")), "{}", sent.head());
}

#[test]
fn heads_that_are_too_long_or_none_are_no_answer() {
    let desk = Desk::new();
    let long = "the head of the answer is longer than 256 KiB or 1000 lines";
    assert_no_answer(&desk, &answering(format!("HTTP/1.1 200 OK\r\nx-large: {}\r\n\r\n", "x".repeat(1 << 20))), long);
    assert_no_answer(&desk, &answering(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-more: 1\r\n".repeat(5_000))), long);
    assert_no_answer(&desk, &server(|stream| (read_request(stream), pour(stream, b"HTTP/1.1 200 OK\r\nx: ", &[b'y'; 4096], usize::MAX)).1), long);
    assert_no_answer(
        &desk,
        &server(|stream| (read_request(stream), pour(stream, b"", b"HTTP/1.1 100 Continue\r\n\r\n", usize::MAX)).1),
        "no answer within 1.5 s",
    );
    for garbage in ["\0\u{1}\u{2}\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n", "\r\n\r\n\r\nnot at all\r\n\r\n"] {
        assert_no_answer(&desk, &answering(garbage), "it answered what is no HTTP");
    }
    assert_no_answer(&desk, &answering("220 mail.example ESMTP\r\n"), "the server greets as one for mail (SMTP)");
    assert_no_answer(&desk, &answering("SSH-2.0-OpenSSH_9.2\r\n"), "the server speaks SSH there");
    for (head, reason) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", "no HTTP"),
        ("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nhello", "no HTTP"),
        ("HTTP/1.1 200 OK\r\nhalf", "it ended the connection within the head of its answer"),
        ("", "it ended the connection without an answer"),
    ] {
        assert_no_answer(&desk, &answering(head), reason);
    }
    // TLS where plain text was spoken: an alert.
    assert_no_answer(&desk, &answering([0x15, 3, 3, 0, 2, 2, 70]), "the server answered in TLS where plain text was spoken");
    // Not followed, wherever it leads.
    let sent = get(&desk, &answering("HTTP/1.1 302 Found\r\nlocation: http://192.0.2.1/\r\ncontent-length: 0\r\n\r\n"));
    assert_eq!(sent.codes(), (0, 302), "{}", sent.head());
}

#[test]
fn servers_that_are_slow_or_gone_are_not_waited_for() {
    let desk = Desk::new();
    assert_no_answer(&desk, &server(wait_for_end), "no answer within 1.5 s");
    let drip = |first: &'static str, drop: &'static str| {
        server(move |stream| {
            read_request(stream);
            let mut is_taken = stream.write_all(first.as_bytes()).is_ok();
            while is_taken {
                std::thread::sleep(Duration::from_millis(50));
                is_taken = stream.write_all(drop.as_bytes()).is_ok();
            }
        })
    };
    assert_no_answer(&desk, &drip("HTTP/1.1 200 OK\r\n", "x"), "no answer within 1.5 s");
    assert_cut(&desk, &drip("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", "x"), &["cut off after 1.5 s, while it still came"]);
    assert_cut(&desk, &drip("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n"), &["cut off after 1.5 s, while it still came"]);
    // Closed with bytes that nobody read, a connection is reset.
    let reset = |answer: &'static [u8]| {
        server(move |stream| {
            let _ = stream.peek(&mut [0; 1]);
            let _ = stream.write_all(answer);
        })
    };
    assert_no_answer(&desk, &reset(b""), "it reset the connection before it answered");
    let broken = &["the connection was reset", "the connection ended"];
    assert_cut(&desk, &reset(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"), broken);
    let ended = server(|stream| {
        read_request(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
        let _ = stream.shutdown(Shutdown::Write);
        wait_for_end(stream);
    });
    assert_cut(&desk, &ended, &["the connection ended after 4 bytes of the body, before it was whole"]);

    // Before anything left, or after: it depends on who is faster, and either is told.
    for at_once in [server(|_| {}), server(|stream| drop(stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")))] {
        let sent = get(&desk, &at_once);
        assert!(matches!(sent.code, 1 | 5) && sent.said.contains(&at_once), "{}", sent.head());
    }
    // Nobody listens there any more.
    let gone = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr().expect("an address").to_string();
    let sent = get(&desk, &gone);
    assert!(sent.code == 1 && sent.said.contains("connection refused, nothing listens"), "{}", sent.head());
    let silent = server(wait_for_end);
    let sent = desk.send(&format!("[http]\nurl = \"https://{silent}/\"\ntimeout_s = {TIMEOUT_S:?}\n"));
    assert!(sent.code == 1 && sent.said.contains("does not answer TLS within 1.5 s"), "{}", sent.head());
}

/// A frame of HTTP/2 (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short");
    [&length.to_be_bytes()[1..], &[kind, flags], &stream_id.to_be_bytes(), payload].concat()
}

#[test]
fn what_is_no_grpc_is_told_before_a_call_is_made() {
    let desk = Desk::new();
    let settings = frame(4, 0, 0, &[]);
    let after_settings = move |then: Vec<u8>| {
        let first = [settings.clone(), then].concat();
        server(move |stream| {
            let _ = stream.write_all(&first);
            wait_for_end(stream);
        })
    };
    // A field that is no number of any, frames that are too large, and for streams that nobody began.
    let cases: Vec<(String, &str)> = vec![
        (server(|_| {}), "closed the connection without a word of HTTP/2"),
        (answering("HTTP/1.1 400 Bad Request\r\n\r\n"), "speaks HTTP/1, which carries no gRPC"),
        (server(|stream| pour(stream, b"", b"garbage", 1 << 20)), "speaks something else than HTTP/2"),
        (server(wait_for_end), "was over before the server had told what its methods take"),
        (after_settings(frame(7, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11])), ""),
        (after_settings(frame(0, 1, 1, b"no head")), ""),
        (after_settings(frame(1, 4, 1, &[0xff; 64])), ""),
        (after_settings([&[0xff, 0xff, 0xff], &[0; 6][..]].concat()), ""),
        (after_settings(frame(3, 0, 1, &[0, 0, 0, 7])), ""),
    ];
    for (address, reason) in cases {
        let sent = desk.send(&format!("[grpc]\nurl = \"http://{address}\"\nmethod = \"a.B/C\"\ndeadline_s = {TIMEOUT_S:?}\n"));
        assert!(sent.code == 1 && sent.said.contains(reason), "{reason}: {}", sent.head());
        assert!(sent.took < Duration::from_secs_f64(TIMEOUT_S) + SLACK, "{:?}: {}", sent.took, sent.head());
    }
}

#[test]
fn who_is_told_to_end_tells_what_became_of_it() {
    let desk = Desk::new();
    let heard = std::sync::Arc::new(AtomicBool::new(false));
    let here = std::sync::Arc::clone(&heard);
    let silent = server(move |stream| {
        read_request(stream);
        here.store(true, Ordering::Release);
        wait_for_end(stream);
    });
    let draft = format!("[http]\nmethod = \"POST\"\nurl = \"http://{silent}/\"\ntimeout_s = 600.0\n");
    let sent = desk.send_until(&draft, &[], || heard.load(Ordering::Acquire));
    let told = sent.told();
    assert_eq!((sent.code, told["outcome"].as_str()), (5, Some("possibly sent")), "whoever sends it again may send it twice: {}", sent.head());
    // Of many those that went are told, too.
    let num = std::sync::Arc::new(AtomicUsize::new(0));
    let here = std::sync::Arc::clone(&num);
    let server = server(move |stream| {
        read_request(stream);
        here.fetch_add(1, Ordering::AcqRel);
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
    });
    let draft = format!("[http]\nurl = \"http://{server}/\"\n[http.repeat]\ntimes = 100000\nrate_per_s = 50\nat_once = 1\n");
    let sent = desk.send_until(&draft, &[], || num.load(Ordering::Acquire) >= 3);
    let told = sent.told();
    assert!(matches!(sent.code, 4 | 5) && told["figures"]["num"].as_u64().is_some_and(|num| num >= 3), "{}", sent.head());
}
