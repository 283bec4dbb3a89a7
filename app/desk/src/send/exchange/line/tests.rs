//! Every line is run by a real shell, in which curl, grpcurl and kcat write down what they are given. What that means to them is read again here, by
//! their own rules, and is to be what was planned; no field may have run anything.

mod run;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use proptest::prelude::*;
use switchboard_model::{Origin, OutgoingCall, OutgoingRecord, OutgoingRequest, RawHeader, Redactor, Route};

use super::shell::{is_plain, printed, variable};
use super::{to_curl, to_grpcurl, to_kcat};
use crate::send::draft::{Auth, SchemaFrom, TlsDraft};
use crate::send::exchange::OF_THE_CONNECTION;
use crate::send::plan::{Plan, Planned, PlannedCall, PlannedRecord, PlannedRequest};
use run::{Given, SECRET, shell, shells};

fn request(method: &str, url: &str, headers: HeaderMap, body: &[u8], auth: Auth) -> Plan {
    let (origin, path) = Origin::parse(url).expect("an address");
    let request = OutgoingRequest { origin, method: method.parse().expect("a method"), path, headers, body: Bytes::copy_from_slice(body) };
    planned(Planned::Http(Box::new(PlannedRequest { request, auth, timeout_s: 30.0, tls: TlsDraft::default() })))
}

fn planned(what: Planned) -> Plan {
    Plan { what, trace_id: None, correlation_id: None }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).expect("a value"))).collect()
}

/// What a request is to curl, by its manual.
#[derive(Debug, Default, PartialEq)]
struct Curl {
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    user: Option<String>,
}

fn curl_of(given: &Given) -> Curl {
    let mut curl = Curl::default();
    let mut words = given.words.iter();
    let next = |words: &mut std::slice::Iter<'_, Vec<u8>>| words.next().expect("a value").clone();
    let header = |curl: &mut Curl, line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':');
        match colon {
            // It takes away what curl adds by itself.
            Some(at) if line[at + 1..].trim_ascii().is_empty() => {}
            Some(at) => curl.headers.push((text(&line[..at]), line[at + 1..].trim_ascii().to_vec())),
            None => curl.headers.push((text(line.strip_suffix(b";").expect("a header without a value")), Vec::new())),
        }
    };
    while let Some(word) = words.next() {
        match word.as_slice() {
            b"-X" => curl.method = text(&next(&mut words)),
            b"--head" => curl.method = text(b"HEAD"),
            b"--url" => curl.url = text(&next(&mut words)),
            b"--data-raw" => curl.body = next(&mut words),
            b"--data-binary" => {
                assert_eq!(next(&mut words), b"@-");
                curl.body.clone_from(&given.input);
            }
            b"-u" => curl.user = Some(text(&next(&mut words))),
            b"-H" => match next(&mut words).as_slice() {
                b"@-" => given.input.split_inclusive(|byte| *byte == b'\n').for_each(|line| header(&mut curl, line.trim_ascii_end())),
                b"@/dev/fd/3" => given.third.split_inclusive(|byte| *byte == b'\n').for_each(|line| header(&mut curl, line.trim_ascii_end())),
                line => {
                    assert!(!line.starts_with(b"@"), "a header is no file");
                    header(&mut curl, line);
                }
            },
            b"--max-time" => drop(next(&mut words)),
            b"--compressed" | b"--globoff" | b"--path-as-is" => {}
            other => panic!("{} is no option of curl's", text(other)),
        }
    }
    if curl.method.is_empty() {
        curl.method = text(b"GET");
    }
    curl.headers.sort();
    curl
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// What a plan is to be to curl.
fn meant(plan: &Plan) -> Curl {
    let Planned::Http(planned) = &plan.what else { unreachable!("a request") };
    let request = &planned.request;
    let of_connection = |name: &&HeaderName| OF_THE_CONNECTION.contains(&name.as_str());
    let headers = request.headers.iter().filter(|(name, _)| !of_connection(name));
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().trim_ascii().to_vec())).collect();
    headers.sort();
    Curl { method: request.method.to_string(), url: format!("{}{}", request.origin, request.path), headers, body: request.body.to_vec(), user: None }
}

/// Nothing in a line is there that a terminal, or a shell that reads no comments, would take for something else.
fn assert_harmless(line: &str) {
    assert!(is_plain(line), "{line:?}");
    for comment in line.lines().take_while(|line| line.starts_with("# ")) {
        assert!(comment[1..].chars().all(|c| c.is_ascii_alphanumeric() || " .,:_-/;".contains(c)), "{comment}");
    }
}

#[test]
fn what_runs_besides_is_seen() {
    for line in ["curl $(touch canary)", "curl; touch canary", "curl a; curl b", "curl; nobody", "curl; /usr/bin/env"] {
        assert!(std::panic::catch_unwind(|| shell(line)).is_err(), "{line}");
    }
    assert_eq!(shell("curl ''").words, [b"".to_vec()]);
}

#[test]
fn all_bytes_are_printed_by_all_shells() {
    let all: Vec<u8> = (0..=255).collect();
    let twice: Vec<u8> = (0..=255).flat_map(|byte| [byte, b'%', byte, b'7']).collect();
    for shell in shells() {
        for bytes in [&all[..], &twice, b"", b"-n", b"-", b"\\055", b"%s%n%%", b"a\n\n", b"\0", b"--", b"'\\''"] {
            let output = shell.output(&printed(bytes));
            assert_eq!(output, bytes, "{shell:?}");
        }
    }
}

#[test]
fn a_request_is_the_same_to_curl() {
    for (plan, line) in [
        (
            request("GET", "http://h:8080/a?b=1", headers(&[("accept", "*/*")]), b"", Auth::None),
            "curl \\\n  --url 'http://h:8080/a?b=1' \\\n  -H 'accept: */*' \\\n  --max-time 30\n",
        ),
        (
            request(
                "POST",
                "https://h/a",
                headers(&[("accept", "a"), ("content-type", "application/json")]),
                b"{\"it's\": 1}",
                Auth::Bearer { secret: "api token".to_owned() },
            ),
            "# API_TOKEN is a secret, which is not copied: set it before\ncurl -X POST \\\n  --url https://h/a \\\n  -H 'accept: a' \\\n  -H 'content-type: application/json' \\\n  \
             -H \"Authorization: Bearer $API_TOKEN\" \\\n  --data-raw '{\"it'\\''s\": 1}' \\\n  --max-time 30\n",
        ),
    ] {
        assert_eq!(to_curl(&plan), line);
    }
    let head = request("HEAD", "http://h/[a]", headers(&[("accept", "a"), ("x-empty", "")]), b"", Auth::None);
    let given = shell(&to_curl(&head));
    assert_eq!(curl_of(&given), meant(&head));
    assert!(given.words.contains(&b"--globoff".to_vec()) && given.words.contains(&b"x-empty;".to_vec()));
    let both = request("POST", "http://h/", headers(&[("accept", "a"), ("x-bytes", "\u{e9}\t\u{9b}"), ("content-type", "b")]), b"\0\xff", Auth::None);
    let line = to_curl(&both);
    assert!(line.contains("@/dev/fd/3") && line.contains("@-"), "{line}");
    assert_eq!(curl_of(&shell(&line)), meant(&both));
    let long = request("PUT", "http://h/", headers(&[("accept", "a"), ("content-type", "b")]), "a'".repeat(200_000).as_bytes(), Auth::None);
    assert_eq!(curl_of(&shell(&to_curl(&long))), meant(&long), "more than an argument can hold");
}

#[test]
fn a_credential_is_a_variable_and_its_value_stays_one_word() {
    let typed = headers(&[("accept", "a"), ("authorization", "Bearer hunter2Zq7"), ("cookie", "session=hunter2Zq7"), ("x-api-key", "hunter2Zq7")]);
    for (auth, header) in [
        (Auth::None, None),
        (Auth::Bearer { secret: "to'ken $(touch canary)".to_owned() }, Some(format!("Bearer {SECRET}"))),
        (Auth::ApiKey { header: "x-key".to_owned(), secret: "to'ken $(touch canary)".to_owned() }, Some(SECRET.to_owned())),
    ] {
        let line = to_curl(&request("GET", "http://h/", typed.clone(), b"", auth.clone()));
        assert!(!line.contains("hunter"), "{line}");
        let curl = curl_of(&shell(&line));
        if let Some(header) = header {
            assert!(curl.headers.iter().any(|(_, value)| *value == header.as_bytes()), "{auth:?}: {curl:?}");
        }
    }
    let basic = Auth::Basic { user: "jo'e $(touch canary)".to_owned(), secret: "TO_KEN___TOUCH_CANARY_".to_owned() };
    let curl = curl_of(&shell(&to_curl(&request("GET", "http://h/", HeaderMap::new(), b"", basic))));
    assert_eq!(curl.user, Some(format!("jo'e $(touch canary):{SECRET}")));
    for (secret, name) in
        [("path", "SECRET_PATH"), ("payments token", "PAYMENTS_TOKEN"), ("1", "SECRET_1"), ("", "SECRET_"), ("_x", "SECRET__X"), ("é", "SECRET__")]
    {
        assert_eq!(variable(secret), name);
    }
}

#[test]
fn files_of_a_connection_are_words_of_their_own() {
    let mut plan = request("GET", "https://h/", headers(&[("accept", "a")]), b"", Auth::None);
    if let Planned::Http(planned) = &mut plan.what {
        planned.tls = TlsDraft { root_certificates: "-ca $(touch canary).pem".to_owned(), unchecked: true, identity: "a:b\\c'.pem".to_owned() };
    }
    let words = shell(&to_curl(&plan)).words;
    let after = |option: &[u8]| text(&words[words.iter().position(|word| word == option).expect("there") + 1]);
    assert_eq!((after(b"--cacert").as_str(), after(b"--cert").as_str()), ("./-ca $(touch canary).pem", "./a\\:b\\\\c'.pem"));
}

#[test]
fn a_plan_of_another_kind_is_a_comment() {
    let plan = request("GET", "http://h/", HeaderMap::new(), b"", Auth::None);
    for line in [to_grpcurl(&plan), to_kcat(&plan, "b:9092"), to_curl(&record(None, None, Vec::new()))] {
        assert!(line.starts_with("# ") && line.lines().count() == 1, "{line}");
        assert_harmless(&line);
    }
}

fn call(messages: Vec<String>, metadata: HeaderMap, schema: SchemaFrom, auth: Auth) -> Plan {
    let call = OutgoingCall {
        authority: Origin::parse("http://-h:50051").expect("an address").0,
        method: PathAndQuery::from_static("/shop.v1.Orders/PlaceOrder"),
        metadata,
        deadline: Some(std::time::Duration::from_millis(1_500)),
        spent: std::time::Duration::ZERO,
        compression: None,
    };
    planned(Planned::Grpc(Box::new(PlannedCall {
        call,
        messages,
        schema,
        auth,
        authority: Some("$(touch canary).test:1".to_owned()),
        tls: TlsDraft::default(),
    })))
}

/// Options of a line as Go's programs read them, and what stands behind.
fn go_options(words: &[Vec<u8>]) -> (Vec<(String, Vec<u8>)>, Vec<String>) {
    let (mut options, mut at) = (Vec::new(), 0);
    while at < words.len() && words[at].starts_with(b"-") {
        let name = text(&words[at]);
        at += 1;
        match name.as_str() {
            "--" => break,
            "-plaintext" | "-insecure" => options.push((name, Vec::new())),
            _ => {
                options.push((name, words[at].clone()));
                at += 1;
            }
        }
    }
    (options, words[at..].iter().map(|word| text(word)).collect())
}

#[test]
fn a_call_is_the_same_to_grpcurl() {
    let schema = SchemaFrom::Protos { files: vec!["a $(touch canary).proto".to_owned()], roots: Vec::new() };
    let plan = call(
        vec!["{\"a\":\"it's\"}".to_owned(), "{}".to_owned()],
        headers(&[("x-a", "1"), ("x-bin", "AAE=")]),
        schema,
        Auth::Bearer { secret: "token".to_owned() },
    );
    let line = to_grpcurl(&plan);
    assert!(line.contains("-H \"Authorization: Bearer $TOKEN\""), "{line}");
    let given = shell(&line);
    let (options, rest) = go_options(&given.words);
    assert_eq!(rest, ["-h:50051", "shop.v1.Orders/PlaceOrder"]);
    let value = |name: &str| options.iter().find(|(known, _)| known == name).map(|(_, value)| text(value));
    assert_eq!(value("-authority").as_deref(), Some("$(touch canary).test:1"));
    assert_eq!(value("-d").as_deref(), Some("{\"a\":\"it's\"}\n{}"));
    assert_eq!(
        (value("-proto").as_deref(), value("-max-time").as_deref(), value("-plaintext").as_deref()),
        (Some("a $(touch canary).proto"), Some("1.5"), Some(""))
    );
}

fn record(key: Option<&[u8]>, value: Option<&[u8]>, headers: Vec<RawHeader>) -> Plan {
    let record = OutgoingRecord {
        channel: "orders.placed".to_owned(),
        route: Route::Partition(2),
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
        headers,
        timestamp_ms: None,
    };
    planned(Planned::Record(Box::new(PlannedRecord { cluster: String::new(), record, reply: None })))
}

/// Key, value and headers.
type Produced = (Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>);

/// What kcat's producer makes of what it is given (kcat.c, `producer_run`).
fn kcat_of(given: &Given) -> Produced {
    let mut options = BTreeMap::new();
    let mut headers = Vec::new();
    let mut words = given.words.iter();
    while let Some(word) = words.next() {
        let name = text(word);
        match name.as_str() {
            "-P" | "-Z" => drop(options.insert(name, Vec::new())),
            "-H" => {
                let header = words.next().expect("a header");
                let at = header.iter().position(|byte| *byte == b'=');
                headers.push((text(&header[..at.unwrap_or(header.len())]), at.map(|at| header[at + 1..].to_vec())));
            }
            "-b" | "-t" | "-p" | "-X" | "-k" | "-K" | "-D" => drop(options.insert(name, words.next().expect("a value").clone())),
            other => panic!("{other} is no option of kcat's producer"),
        }
    }
    let bytes_of = |written: &[u8]| -> Vec<u8> { text(written).split("\\x").skip(1).map(|hex| u8::from_str_radix(hex, 16).expect("hex")).collect() };
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
    let end = options.get("-D").map_or(b"\n".to_vec(), |end| bytes_of(end));
    assert_eq!(find(&given.input, &end), None, "one message, which ends with the input");
    assert!(!given.input.is_empty(), "kcat passes by what is empty");
    let (mut key, mut value) = (None, Some(given.input.clone()));
    if let Some(divider) = options.get("-K").map(|divider| bytes_of(divider)) {
        let at = find(&given.input, &divider).expect("a divider");
        (key, value) = (Some(given.input[..at].to_vec()), Some(given.input[at + divider.len()..].to_vec()));
        if options.contains_key("-Z") {
            (key, value) = (key.filter(|key| !key.is_empty()), value.filter(|value| !value.is_empty()));
        }
    }
    (key.or_else(|| options.get("-k").cloned()), value, headers)
}

#[test]
fn a_record_is_the_same_to_kcat_or_it_says_why_not() {
    let all: Vec<u8> = (0..=255).collect();
    let pieces: [Option<&[u8]>; 7] = [None, Some(b""), Some(b"key"), Some(b"a\nb"), Some(b"\0"), Some(&all), Some(b"\xff\x1f\x1e\n")];
    for key in pieces {
        for value in pieces {
            let line = to_kcat(&record(key, value, Vec::new()), "b:9092");
            assert_harmless(&line);
            if key.is_none() && value == Some(b"") {
                assert!(line.starts_with("# kcat cannot send") && line.lines().count() == 1, "{line}");
                continue;
            }
            let (read_key, read_value, _) = kcat_of(&shell(&line));
            assert_eq!((read_key.as_deref(), read_value.as_deref()), (key, value), "{line}");
        }
    }
    let header = |name: &str, value: Option<&[u8]>| RawHeader { name: name.to_owned(), value: value.map(<[u8]>::to_vec) };
    let headers = vec![
        header("a", Some(b"1=2")),
        header("null", None),
        header("empty", Some(b"")),
        header("bytes", Some(b"\0")),
        header("=", Some(b"")),
        header("a", Some(b"it's")),
    ];
    let line = to_kcat(&record(None, Some(b"v"), headers), "b:9092,c:9092");
    assert_eq!(line.lines().filter(|line| line.starts_with("# ")).count(), 2, "{line}");
    let text = |text: &str| Some(text.as_bytes().to_vec());
    let expected = [("a", text("1=2")), ("null", None), ("empty", text("")), ("a", text("it's"))].map(|(name, value)| (name.to_owned(), value));
    assert_eq!(kcat_of(&shell(&line)).2, expected);
    let secret = to_kcat(&record(None, Some(b"v"), vec![header("authorization", Some(b"hunter2Zq7"))]), "b");
    assert!(secret.contains("-H 'authorization='\"$AUTHORIZATION\"") && !secret.contains("hunter"), "{secret}");
}

/// What has been tried against programs that write command lines.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let texts = [
        "$(touch canary)",
        "`touch canary`",
        "';touch canary;'",
        "\";touch canary;\"",
        "\ntouch canary\n",
        "|touch canary",
        "&touch canary&",
        ">canary",
        "a'b\"c\\",
        "\\",
        "'",
        "''",
        "!!",
        "-x",
        "--output=canary",
        "@/etc/passwd",
        "@-",
        "%s%n%d",
        "\\057",
        "{}[]",
        "~root",
        "*",
        "# x",
        "=ls",
        "$HOME",
        "${IFS}",
        "\u{1b}[201~touch canary\n",
        "\r\ntouch canary\r\n",
        "$'\\n'",
        "\u{202e}",
        "é",
        " ",
        "",
    ];
    prop_oneof![
        3 => prop::sample::select(texts.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(prop::sample::select(texts.to_vec()), 0..4).prop_map(|texts| texts.concat().into_bytes()),
        2 => prop::collection::vec(any::<u8>(), 0..40),
    ]
}

fn token() -> impl Strategy<Value = String> {
    prop_oneof![Just("$(touch".replace('(', "")), Just("`touch`".to_owned()), Just("'|touch&".to_owned()), "[-!#$%&'*+.^_`|~0-9A-Za-z]{1,12}"]
}

/// Bytes that a header can hold.
fn value() -> impl Strategy<Value = HeaderValue> {
    hostile().prop_map(|mut bytes| {
        bytes.retain(|byte| *byte >= 0x20 && *byte != 0x7f);
        HeaderValue::from_bytes(&bytes).expect("a value")
    })
}

fn header_map() -> impl Strategy<Value = HeaderMap> {
    let redactor = Redactor::new([0; 16], &[]);
    let name = token().prop_filter("no secret", move |name| !redactor.is_secret_name(name)).prop_map(|name| name.parse::<HeaderName>().expect("a name"));
    // Lines of a file that begin with a number sign are comments to curl.
    prop::collection::vec((name, value()), 0..6).prop_map(|pairs| pairs.into_iter().filter(|(name, _)| !name.as_str().starts_with('#')).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn whatever_a_request_holds_is_the_same_to_curl_and_runs_nothing(
        method in token(), path in "[!-~]{0,30}", headers in header_map(), body in hostile(), secret in ".{0,20}",
    ) {
        let Ok(path) = format!("/{path}").parse::<PathAndQuery>() else { return Ok(()) };
        let mut plan = request("GET", "http://h:81/", headers, &body, Auth::None);
        if let Planned::Http(planned) = &mut plan.what {
            (planned.request.method, planned.request.path) = (Method::from_bytes(method.as_bytes()).expect("a method"), path);
        }
        let line = to_curl(&plan);
        assert_harmless(&line);
        prop_assert_eq!(curl_of(&shell(&line)), meant(&plan), "{}", line);
        if let Planned::Http(planned) = &mut plan.what {
            planned.auth = Auth::ApiKey { header: method, secret };
        }
        let line = to_curl(&plan);
        assert_harmless(&line);
        curl_of(&shell(&line));
    }

    #[test]
    fn whatever_a_call_holds_is_the_same_to_grpcurl_and_runs_nothing(messages in prop::collection::vec(hostile(), 0..3), headers in header_map()) {
        let messages: Vec<String> = messages.iter().map(|message| String::from_utf8_lossy(message).into_owned()).collect();
        let plan = call(messages.clone(), headers.clone(), SchemaFrom::Reflection, Auth::None);
        let line = to_grpcurl(&plan);
        assert_harmless(&line);
        let given = shell(&line);
        let (options, rest) = go_options(&given.words);
        prop_assert_eq!(rest, ["-h:50051", "shop.v1.Orders/PlaceOrder"]);
        let data = options.iter().find(|(name, _)| name == "-d").expect("data").1.clone();
        prop_assert_eq!(text(if data == b"@" { &given.input } else { &data }), messages.join("\n"));
        let sent: Vec<String> = options.into_iter().filter(|(name, _)| name == "-H").map(|(_, value)| text(&value)).collect();
        let meant: Vec<String> = headers.iter().filter_map(|(name, value)| Some(format!("{name}: {}", value.to_str().ok()?))).collect();
        prop_assert_eq!(sent, meant);
    }

    #[test]
    fn whatever_a_record_holds_is_the_same_to_kcat_and_runs_nothing(
        key in prop::option::of(hostile()), value in prop::option::of(hostile()), brokers in "[ -~]{1,20}", name in hostile(), header in prop::option::of(hostile()),
    ) {
        let name = String::from_utf8_lossy(&name).into_owned();
        if key.is_none() && value.as_deref() == Some(b"") || Redactor::new([0; 16], &[]).is_secret_name(&name) {
            return Ok(());
        }
        let plan = record(key.as_deref(), value.as_deref(), vec![RawHeader { name: name.clone(), value: header.clone() }]);
        let line = to_kcat(&plan, &brokers);
        assert_harmless(&line);
        let given = shell(&line);
        let (read_key, read_value, headers) = kcat_of(&given);
        prop_assert_eq!((read_key, read_value), (key, value), "{}", line);
        prop_assert!(given.words.windows(2).any(|words| words[0] == b"-b" && words[1] == brokers.as_bytes()));
        let can = !name.is_empty() && !name.contains('=') && is_plain(&name) && header.as_deref().is_none_or(|value| std::str::from_utf8(value).is_ok_and(is_plain));
        let expected = if can { vec![(name, header)] } else { Vec::new() };
        prop_assert_eq!(headers, expected, "{}", line);
    }
}
