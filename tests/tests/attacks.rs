//! The attack list in short form: hostile actuators, health servers, brokers and silent peers, and beside them one kind of hostile sender
//! after the other, each on a program of its own with 64 MiB. It goes on, stays within its memory, stores what is good, and after each attack
//! every item is accounted for: what it says that it received is what was sent. (kill -9 of replay: see the replay's own tests.)

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use switchboard_tests::agreement::unaccounted;
use switchboard_tests::program::{Program, free_ports, read_json, wait_until};

const WITHIN: Duration = Duration::from_mins(1);
/// Memory that was given, and what the program itself needs (tests are built without optimisation).
const MOST_RSS_BYTES: u64 = (64 + 150) << 20;
/// Where spans stand in a request: resources, scopes (in the older form too), spans.
const LEVELS: &[&[u32]] = &[&[1], &[2, 1_000], &[2]];
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Numbers that are the same in each run.
struct Lots(u64);

impl Lots {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) }), ..KeyValue::default() }
}

fn request(service: &str, name: &str, first: u64, num_spans: u64) -> ExportTraceServiceRequest {
    let now_ns = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
    let span = |number: u64| Span {
        trace_id: (u128::from(number) << 64 | 0xbad).to_be_bytes().to_vec(),
        span_id: (number + 1).to_be_bytes().to_vec(),
        name: format!("{name} {number}"),
        kind: 2,
        start_time_unix_nano: now_ns,
        end_time_unix_nano: now_ns + 1_000_000,
        attributes: vec![attribute("note", &format!("{{\"token\":{{\"a\":{number}")), attribute(&format!("key.{number}"), "value")],
        ..Span::default()
    };
    let resource = Resource { attributes: vec![attribute("service.name", service)], ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans: (first..first + num_spans).map(span).collect(), ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() }] }
}

/// A connection that is kept for many requests.
struct Sender {
    port: u16,
    stream: Option<TcpStream>,
}

impl Sender {
    fn to(port: u16) -> Self {
        Self { port, stream: None }
    }

    /// Sends a body and gives the answer: its status, and what it says.
    fn post(&mut self, content: &str, encoding: &str, body: &[u8]) -> std::io::Result<(u16, String)> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(("127.0.0.1", self.port))?;
                stream.set_read_timeout(Some(WITHIN))?;
                none.insert(stream)
            }
        };
        let head = format!(
            "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content}\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let answered = stream.write_all(&[head.as_bytes(), body].concat()).and_then(|()| read_answer(stream));
        if answered.is_err() {
            self.stream = None;
        }
        answered
    }
}

fn read_answer(stream: &mut TcpStream) -> std::io::Result<(u16, String)> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(std::io::ErrorKind::InvalidData)?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// How many spans a request in protobuf holds, of which nothing but what stands around them need be whole; `None` = not even that is.
/// `fields` are those in which the next level stands, from the request inwards.
fn spans_in_protobuf(mut message: &[u8], fields: &[&[u32]]) -> Option<u64> {
    let Some((of_this, inner)) = fields.split_first() else { return Some(1) };
    let mut num_spans = 0;
    while !message.is_empty() {
        let (field, wire_type) = decode_key(&mut message).ok()?;
        if wire_type == WireType::LengthDelimited && of_this.contains(&field) {
            let length = usize::try_from(decode_varint(&mut message).ok()?).ok()?;
            let (part, rest) = message.split_at_checked(length)?;
            num_spans += spans_in_protobuf(part, inner)?;
            message = rest;
        } else {
            skip_field(wire_type, field, &mut message, DecodeContext::default()).ok()?;
        }
    }
    Some(num_spans)
}

/// The same of a request in JSON, in which what is no UTF-8 does not count.
fn spans_in_json(body: &[u8]) -> Option<u64> {
    let json: serde_json::Value = serde_json::from_str(&String::from_utf8_lossy(body)).ok()?;
    let mut level = vec![&json];
    // A bit makes the second of these of the first; both are taken.
    for names in [&["resourceSpans"][..], &["scopeSpans", "scopespans"], &["spans"]] {
        level = level.into_iter().flat_map(move |value| names.iter().filter_map(move |name| value.get(name)?.as_array())).flatten().collect();
    }
    Some(level.len() as u64)
}

/// What was sent, by what the answers say.
#[derive(Default)]
struct Sent {
    /// Spans that were taken or turned away.
    spans: u64,
    /// Requests that could not be read, or for which there was no room to.
    undecodable: u64,
    /// Requests without an answer, of one span at most: they may have arrived or not.
    unanswered: u64,
}

impl Sent {
    /// Counts an answered request, which held so many spans.
    fn count(&mut self, (status, says): &(u16, String), num_spans: u64) {
        // What is turned away for a full queue, or span by span, was read; of all else nobody knows what it held.
        if *status == 200 || says.contains("the queue to the store stayed full") || says.contains("none of the ") {
            self.spans += num_spans;
        } else {
            self.undecodable += 1;
        }
    }

    /// What the program says that it received is what was sent.
    fn check(&self, what: &str, report: &serde_json::Value) {
        let otlp = report["sources"].as_array().into_iter().flatten().find(|source| source["kind"] == "otlp").expect("the receiver");
        let told = [&otlp["by_kind"]["span"]["received"], &otlp["undecodable_requests"]].map(|count| count.as_u64().expect("a count"));
        for (sent, told) in [self.spans, self.undecodable].into_iter().zip(told) {
            assert!((sent..=sent + self.unanswered).contains(&told), "{what}: {sent} sent, {} without an answer, {told} told: {otlp}", self.unanswered);
        }
    }
}

/// A server that answers each connection in its own manner until the process ends; its port.
fn server(answer: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let answer = std::sync::Arc::new(answer);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = std::sync::Arc::clone(&answer);
            std::thread::spawn(move || answer(&mut stream));
        }
    });
    port
}

/// Answers any request over HTTP with this head, and a part of a body so many times.
fn http_server(head: &'static str, part: Vec<u8>, num_parts: usize) -> u16 {
    server(move |stream| {
        let mut asked = [0; 4096];
        if stream.read(&mut asked).is_ok() && stream.write_all(head.as_bytes()).is_ok() {
            for _ in 0..num_parts {
                if stream.write_all(&part).is_err() {
                    return;
                }
            }
        }
    })
}

/// Blocks of zstd that say a byte 131,072 times each: 4 bytes for 128 KiB.
fn zstd_bomb(num_blocks: usize) -> Vec<u8> {
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    for number in 0..num_blocks {
        let head = 131_072_u32 << 3 | 1 << 1 | u32::from(number + 1 == num_blocks);
        bomb.extend_from_slice(&head.to_le_bytes()[..3]);
        bomb.push(0);
    }
    bomb
}

/// Zeros as gzip in members of 32 MiB each, some 33 KB of it: what is read on after the first is part of the same body.
fn gzip_bomb(num_members: usize) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![0; 32 << 20]).expect("into memory");
    encoder.finish().expect("into memory").repeat(num_members)
}

/// The gRPC status that a call gets whose one message has this encoding; an error where the connection ends before.
async fn call(port: u16, encoding: &str, message: &[u8]) -> anyhow::Result<String> {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let frame = [&[1_u8][..], &u32::try_from(message.len())?.to_be_bytes(), message].concat();
    let request = http::Request::post("http://localhost/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-encoding", encoding)
        .body(Full::new(Bytes::from(frame)))?;
    let (head, body) = tokio::time::timeout(WITHIN, sender.send_request(request)).await??.into_parts();
    let trailers = tokio::time::timeout(WITHIN, body.collect()).await??.trailers().cloned().unwrap_or_default();
    driver.abort();
    let status = trailers.get("grpc-status").or_else(|| head.headers.get("grpc-status")).context("no gRPC status")?;
    Ok(status.to_str()?.to_owned())
}

/// The profile of all who answer, and the names of those that answer nothing that makes sense.
fn profile(folder: &Path) -> (String, Vec<&'static str>) {
    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
    let http = |head, part: &str, num| http_server(head, part.as_bytes().to_vec(), num);
    let many_names: Vec<String> = (0..20_000).map(|number| format!("\"breaker-{number}\":{{\"state\":\"OPEN\"}},")).collect();
    let many_names = many_names.concat();
    let actuators = [
        ("endless", http(OK, "{\"circuitBreakers\":{\"a\":", usize::MAX)),
        ("deep", http(OK, &"[".repeat(1 << 20), 1)),
        ("names", http(OK, &format!("{{\"circuitBreakers\":{{{many_names}\"last\":{{\"state\":\"OPEN\"}}}}}}"), 1)),
        ("head", http("HTTP/1.1 200 OK\r\n", "x-filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", usize::MAX)),
        ("elsewhere", http("HTTP/1.1 302 Found\r\nlocation: http://joe:hunter2Zq7@10.0.0.1/\r\nconnection: close\r\n\r\n", "", 0)),
        ("garbage", http("\0\u{1}\u{2}garbage", "\u{7f}", 1 << 16)),
        ("silent", server(|_| std::thread::sleep(Duration::from_mins(10)))),
    ];
    let frame = |length: i32| {
        server(move |stream| {
            let mut asked = [0; 4096];
            while stream.read(&mut asked).is_ok_and(|num| num > 0) {
                if stream.write_all(&length.to_be_bytes()).and_then(|()| stream.write_all(&vec![0xff; 1 << 16])).is_err() {
                    return;
                }
            }
        })
    };
    let brokers = [("long frames", frame(i32::MAX)), ("negative frames", frame(-1)), ("short frames", frame(3)), ("garbage frames", frame(60_000))];
    let healths = [
        ("health garbage", http("\0\u{1}\u{2}garbage", "\u{7f}", 1 << 16)),
        (
            "health endless",
            server(|stream| {
                // Settings, then headers of a stream that nobody opened, for ever.
                let mut all = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
                all.extend([0, 0, 1, 1, 0, 0, 0, 0, 2, 0x88].repeat(1 << 12));
                while stream.write_all(&all).is_ok() {}
            }),
        ),
        ("health silent", server(|_| std::thread::sleep(Duration::from_mins(10)))),
    ];
    let names = brokers.iter().chain(&actuators).chain(&healths).map(|(name, _)| *name);
    // Too many breakers are breakers all the same.
    let hostile = names.filter(|name| *name != "names").collect();
    let mut text = format!("name = \"attacks\"\nledger = '{}'\n", folder.join("ledger.sqlite").display());
    for (name, port) in brokers {
        text.push_str(&format!("[[kafka]]\nname = \"{name}\"\nbrokers = \"127.0.0.1:{port}\"\npoll_s = 0.5\n"));
    }
    for (name, port) in actuators {
        text.push_str(&format!("[[http]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:{port}/actuator\"\npoll_s = 0.5\n"));
    }
    for (name, port) in healths {
        text.push_str(&format!("[[grpc]]\nname = \"{name}\"\nurl = \"http://127.0.0.1:{port}\"\n"));
    }
    (text, hostile)
}

/// Waits until the program has told by itself of each of these that it does not work: to judge some takes longer than the attack does.
fn wait_until_judged(program: &Program, names: &[&str]) {
    let is_judged = |output: &str, name: &str| {
        let says =
            |line: &str| line.trim_start().strip_prefix(name)?.strip_prefix(" · ").map(|rest| rest.starts_with("failed") || rest.starts_with("works in part"));
        output.lines().any(|line| says(line) == Some(true))
    };
    let unjudged = || {
        let output = program.output();
        names.iter().filter(|name| !is_judged(&output, name)).copied().collect::<Vec<_>>()
    };
    if let Err(error) = wait_until("each is judged", WITHIN * 2, || unjudged().is_empty()) {
        panic!("{error}: {:?} are not:\n{}", unjudged(), program.output());
    }
}

fn peak_rss_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

/// A program with 64 MiB that watches all who are hostile, while many connections say nothing.
struct Attacked {
    what: &'static str,
    program: Program,
    grpc_port: u16,
    http_port: u16,
    report: PathBuf,
    silent: Vec<TcpStream>,
    good: Sender,
    num_good: u64,
    sent: Sent,
}

impl Attacked {
    fn start(what: &'static str, folder: &Path, profile: &Path) -> Self {
        let (grpc_port, http_port) = free_ports().expect("free ports");
        let report = folder.join(format!("{what}.json"));
        let (grpc, http) = (grpc_port.to_string(), http_port.to_string());
        let (report_arg, profile_arg) = (report.display().to_string(), profile.display().to_string());
        let args = ["watch", "--headless", "--memory", "64MiB", "--profile", &profile_arg, "--report", &report_arg];
        let args = [&args[..], &["--otlp-grpc-port", &grpc, "--otlp-http-port", &http]].concat();
        let mut program = Program::start(&args).expect("starts");
        program.wait_for_line("OTLP · live", WITHIN).expect("listens");
        let silent = (0..300)
            .filter_map(|number| {
                let mut stream = TcpStream::connect(("127.0.0.1", if number % 2 == 0 { grpc_port } else { http_port })).ok()?;
                (number % 3 == 0 || stream.write_all(PREFACE).is_ok()).then_some(stream)
            })
            .collect();
        let mut attacked = Self { what, program, grpc_port, http_port, report, silent, good: Sender::to(http_port), num_good: 0, sent: Sent::default() };
        attacked.takes_what_is_good("before");
        attacked
    }

    fn takes_what_is_good(&mut self, when: &str) {
        let what = self.what;
        let asked = Instant::now();
        self.num_good += 1;
        let body = request("good", "good", 1 << 40 | self.num_good, 1).encode_to_vec();
        // Whoever held the place before may have been cut off for it.
        let answered = (0..5).find_map(|_| {
            let answer = self.good.post("application/x-protobuf", "identity", &body).ok();
            self.sent.unanswered += u64::from(answer.is_none());
            answer
        });
        let Some(answer @ (200, _)) = &answered else { panic!("{when} {what}: {answered:?}") };
        self.sent.count(answer, 1);
        assert!(asked.elapsed() < Duration::from_secs(10), "{when} {what}: {:?}", asked.elapsed());
    }

    /// Ends it, and gives its report, in which nothing is missing.
    fn end(mut self) -> serde_json::Value {
        self.takes_what_is_good("after");
        drop(self.silent);
        let rss = peak_rss_bytes(self.program.pid());
        self.program.signal("TERM").expect("told to end");
        assert_eq!(self.program.wait(WITHIN).expect("ends"), 0, "{}: {}", self.what, self.program.output());
        let report = read_json(&self.report).expect("a report");
        assert_eq!(unaccounted(&report), Vec::<String>::new(), "{}", self.what);
        self.sent.check(self.what, &report);
        if let Some(rss) = rss {
            assert!(rss <= MOST_RSS_BYTES, "{}: {} MiB", self.what, rss >> 20);
        }
        assert!(!report.to_string().contains("hunter2"), "{}: a redirect's credentials are told", self.what);
        report
    }
}

fn bombs(attacked: &mut Attacked) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for (encoding, bomb) in [("zstd", zstd_bomb(25_000)), ("gzip", gzip_bomb(3))] {
        assert!(bomb.len() < 128 << 10, "{encoding}: {} bytes", bomb.len());
        let mut bomber = Sender::to(attacked.http_port);
        let statuses: Vec<u16> = (0..20).filter_map(|_| bomber.post("application/x-protobuf", encoding, &bomb).ok()).map(|(status, _)| status).collect();
        assert!(!statuses.is_empty() && statuses.iter().all(|status| *status == 413), "{encoding} over HTTP: {statuses:?}");
        let codes: Vec<String> = (0..20).filter_map(|_| runtime.block_on(call(attacked.grpc_port, encoding, &bomb)).ok()).collect();
        // Resource exhausted, as a request that is too large.
        assert!(!codes.is_empty() && codes.iter().all(|code| code == "8"), "{encoding} over gRPC: {codes:?}");
        let num_answered = (statuses.len() + codes.len()) as u64;
        attacked.sent.undecodable += num_answered;
        attacked.sent.unanswered += 40 - num_answered;
    }
}

/// Requests with a byte or a few changed, each in both encodings.
fn flipped_bytes(attacked: &mut Attacked) {
    let mut lots = Lots(4_711);
    let whole = request("flipped", "flipped", 0, 3);
    let bodies = [("application/x-protobuf", whole.encode_to_vec()), ("application/json", serde_json::to_vec(&whole).expect("JSON"))];
    assert_eq!((spans_in_protobuf(&bodies[0].1, LEVELS), spans_in_json(&bodies[1].1)), (Some(3), Some(3)));
    let mut flipper = Sender::to(attacked.http_port);
    let (mut num_taken, mut num_refused) = (0, 0);
    for number in 0..10_000 {
        let (content, body) = &bodies[number % 2];
        let mut body = body.clone();
        for _ in 0..=lots.below(4) {
            let at = lots.below(body.len());
            body[at] ^= 1 << lots.below(8);
        }
        let answer = flipper.post(content, "identity", &body).unwrap_or_else(|error| panic!("request {number}: {error}"));
        match answer.0 {
            200 => num_taken += 1,
            400 => num_refused += 1,
            status => panic!("request {number} was answered {status}"),
        }
        let num_spans = if number % 2 == 0 { spans_in_protobuf(&body, LEVELS) } else { spans_in_json(&body) };
        attacked.sent.count(&answer, num_spans.unwrap_or_default());
    }
    assert!(num_taken > 100 && num_refused > 100, "{num_taken} taken, {num_refused} refused");
}

/// Names that nobody has twice: services, operations, attributes.
fn flood_of_names(attacked: &mut Attacked) {
    let mut flooder = Sender::to(attacked.http_port);
    for number in 0..1_500 {
        let body = request(&format!("service-{number}"), "GET", number * 40, 40).encode_to_vec();
        let answer = flooder.post("application/x-protobuf", "identity", &body).expect("an answer");
        assert!([200, 503].contains(&answer.0), "{answer:?}");
        attacked.sent.count(&answer, 40);
    }
}

#[test]
fn a_program_under_attack_goes_on_and_accounts_for_everything() {
    if std::env::var_os("CI_PEERS").is_none() {
        println!("skipped: CI_PEERS is not set (this test takes a minute)");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let profile_path = folder.path().join("p.toml");
    let (profile_text, hostile) = profile(folder.path());
    std::fs::write(&profile_path, profile_text).expect("written");
    let start = |what| Attacked::start(what, folder.path(), &profile_path);
    start("silent peers").end();
    let mut attacked = start("bombs");
    bombs(&mut attacked);
    attacked.end();
    let mut attacked = start("flipped bytes");
    flipped_bytes(&mut attacked);
    attacked.end();
    let mut attacked = start("a flood of names");
    flood_of_names(&mut attacked);
    wait_until_judged(&attacked.program, &hostile);
    let report = attacked.end();

    let sources = report["sources"].as_array().expect("sources");
    assert_eq!(sources.len(), 15, "{sources:?}");
    for name in hostile {
        let source = sources.iter().find(|source| source["name"] == name).unwrap_or_else(|| panic!("{name} is not told: {sources:?}"));
        assert_ne!(source["state"], "live", "{source}");
        assert!(source["next_step"].as_str().is_some_and(|step| !step.is_empty()), "{source}");
    }
}

/// A device that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let (grpc_port, http_port) = free_ports().expect("free ports");
    let (grpc, http) = (grpc_port.to_string(), http_port.to_string());
    let args = ["watch", "--headless", "--otlp-grpc-port", &grpc, "--otlp-http-port", &http, "--for", "1s", "--report", "/dev/full"];
    let mut program = Program::start(&args).expect("starts");
    let code = program.wait(WITHIN).expect("ends by itself");
    assert_ne!(code, 0, "{}", program.output());
    assert!(program.output().contains("/dev/full"), "{}", program.output());
}
