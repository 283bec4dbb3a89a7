use std::cell::Cell;

use http::HeaderName;
use proptest::prelude::*;
use switchboard_model::Redactor;

use super::*;
use crate::send::draft::{Carries, Pair, Part, RepeatDraft, SchemaFrom, TlsDraft};
use crate::send::exchange::{OF_THE_CONNECTION, to_curl, to_grpcurl};
use crate::send::plan::{Files, Plan, Planned, plan};
use crate::send::variables::Variables;

/// What a draft comes to; a random number is another one each time.
fn planned(draft: &Draft, seed: u128) -> Option<Plan> {
    let (none, last) = (BTreeMap::new(), Cell::new(seed));
    let random = || {
        last.set(last.get() + 1);
        last.get()
    };
    plan(draft, &Variables { named: &none, row: &none, counter: 1, now_ns: 0, random: &random }, &Files::new()).ok()
}

/// Text that a header may hold.
fn value() -> impl Strategy<Value = String> {
    "[ -~é¡ÿ]{0,20}".prop_map(|text| literal(text.trim()))
}

fn name() -> impl Strategy<Value = String> {
    let redactor = Redactor::new([0; 16], &[]);
    "[a-z!$%&'*+.^`|~-][a-zA-Z0-9-]{0,10}".prop_filter("another header", move |name| {
        !redactor.is_secret_name(name) && !OF_THE_CONNECTION.contains(&name.to_ascii_lowercase().as_str()) && name.parse::<HeaderName>().is_ok()
    })
}

fn auth() -> impl Strategy<Value = Auth> {
    let secret = "[a-z][a-z0-9_]{2,10}x";
    prop_oneof![
        Just(Auth::None),
        secret.prop_map(|secret| Auth::Bearer { secret }),
        ("[ -9;-~é]{0,10}", secret).prop_map(|(user, secret)| Auth::Basic { user, secret }),
        ("x-[a-z]{1,8}", secret).prop_map(|(header, secret)| Auth::ApiKey { header, secret }),
    ]
}

fn pairs() -> impl Strategy<Value = Vec<Pair>> {
    prop::collection::vec(("\\PC{0,8}", "\\PC{0,8}"), 0..4)
        .prop_map(|pairs| pairs.into_iter().map(|(name, value)| Pair::new(literal(&name), literal(&value))).collect())
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        Just(Body::None),
        any::<Vec<u8>>().prop_map(|bytes| Body::Hex(bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))),
        ".{0,40}".prop_map(|text| Body::Text(literal(&text))),
        "(?s).{0,40}".prop_map(|text| Body::Json(literal(&serde_json::json!({ "text": text }).to_string()))),
        pairs().prop_map(Body::Form),
        pairs().prop_map(|pairs| Body::Multipart(pairs.into_iter().map(|Pair { name, value, .. }| Part { name, value, ..Part::default() }).collect())),
        "\\PC{0,20}".prop_map(|query| Body::Graphql { query: literal(&query), variables: String::new(), operation: "A".to_owned() }),
    ]
}

fn tls() -> impl Strategy<Value = TlsDraft> {
    ("([a-z][a-z .']{0,6}/)?[a-z]{1,5}\\.pem|", any::<bool>(), "[a-z]{1,5}\\.pem|").prop_map(|(root_certificates, unchecked, identity)| TlsDraft {
        root_certificates,
        unchecked,
        identity,
    })
}

fn request() -> impl Strategy<Value = Draft> {
    let url = "https?://[a-z]{1,8}(:[1-9][0-9]{0,3})?/[!-~é]{0,20}".prop_map(|url| literal(&url));
    let method = prop_oneof![Just("GET".to_owned()), Just("POST".to_owned()), Just("HEAD".to_owned()), "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,10}"];
    let timeout = prop_oneof![Just(30.0), 0.001..3_600.0];
    let headers = prop::collection::vec((name(), value()).prop_map(|(name, value)| Pair::new(literal(&name), value)), 0..5);
    (method, url, pairs(), headers, auth(), body(), timeout, tls()).prop_map(|(method, url, query, headers, auth, body, timeout_s, tls)| Draft {
        name: String::new(),
        request: Request::Http(HttpDraft {
            method,
            url,
            query,
            headers,
            auth,
            body,
            timeout_s,
            tls,
            repeat: RepeatDraft::default(),
            carries: Carries::default(),
        }),
    })
}

fn call() -> impl Strategy<Value = Draft> {
    let message = "(?s).{0,20}".prop_map(|text| literal(&serde_json::json!({ "text": text }).to_string()));
    let schema = prop_oneof![
        Just(SchemaFrom::Reflection),
        ("[a-z]{1,5}/[a-z]{1,5}\\.proto", prop::option::of("[a-z ]{0,5}[a-z]"))
            .prop_map(|(file, root)| SchemaFrom::Protos { files: vec![file], roots: root.into_iter().collect() }),
        "[a-z' ]{0,5}[a-z]\\.pb".prop_map(SchemaFrom::DescriptorSet),
    ];
    let metadata = prop::collection::vec((name(), "[ -~]{0,20}").prop_map(|(name, value)| Pair::new(literal(&name), literal(value.trim()))), 0..5);
    let bearer = prop_oneof![Just(Auth::None), "[a-z]{3,9}x".prop_map(|secret| Auth::Bearer { secret })];
    let messages = prop::collection::vec(message, 0..4);
    let address = ("https?://[a-z]{1,8}:[1-9][0-9]{0,3}", "|[a-z]{1,5}\\.test|[a-z$'*]{1,5}:[1-9][0-9]{0,3}");
    (address, "[a-z]{1,5}\\.[A-Z][a-z]{1,5}/[A-Z]{1,5}", schema, metadata, bearer, messages, 0.001..3_600.0).prop_map(
        |((url, authority), method, schema, metadata, auth, messages, deadline_s)| Draft {
            name: String::new(),
            request: Request::Grpc(GrpcDraft { url, method, schema, metadata, auth, messages, deadline_s, authority, ..GrpcDraft::default() }),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_request_that_is_written_for_curl_is_read_as_it_was(draft in request()) {
        let Some(first) = planned(&draft, 1) else { return Ok(()) };
        let line = to_curl(&first);
        let imported = from_text(&line).map_err(|error| TestCaseError::fail(format!("{error}: {line}")))?;
        prop_assert_eq!(imported.drafts.len(), 1, "{}", line);
        let second = planned(&imported.drafts[0], 1_000).ok_or_else(|| TestCaseError::fail(format!("no plan: {line}\n{:?}", imported.drafts[0])))?;
        let (Planned::Http(first_http), Planned::Http(second_http)) = (&first.what, &second.what) else { unreachable!("requests") };
        let (a, b) = (&first_http.request, &second_http.request);
        prop_assert_eq!((&a.method, &a.origin, &a.path), (&b.method, &b.origin, &b.path), "{}", line);
        // The credential that is named takes the place of a header of its name, when it is sent.
        let mut headers = a.headers.clone();
        if let Auth::ApiKey { header, .. } = &first_http.auth {
            headers.remove(header);
        }
        prop_assert_eq!(&headers, &b.headers, "{}", line);
        prop_assert_eq!(&a.body, &b.body, "{}", line);
        prop_assert_eq!((&first_http.auth, &first_http.tls), (&second_http.auth, &second_http.tls), "{}", line);
        prop_assert!((first_http.timeout_s - second_http.timeout_s).abs() < 1e-9);
        prop_assert_eq!((first.trace_id, first.correlation_id), (second.trace_id, second.correlation_id));
    }

    #[test]
    fn a_call_that_is_written_for_grpcurl_is_read_as_it_was(draft in call()) {
        let Some(first) = planned(&draft, 1) else { return Ok(()) };
        let line = to_grpcurl(&first);
        let imported = from_text(&line).map_err(|error| TestCaseError::fail(format!("{error}: {line}")))?;
        let second = planned(&imported.drafts[0], 1_000).ok_or_else(|| TestCaseError::fail(format!("no plan: {line}\n{:?}", imported.drafts[0])))?;
        let (Planned::Grpc(a), Planned::Grpc(b)) = (&first.what, &second.what) else { unreachable!("calls") };
        prop_assert_eq!(&a.authority, &b.authority, "{}", line);
        prop_assert_eq!((&a.call.authority, &a.call.method, &a.call.metadata), (&b.call.authority, &b.call.method, &b.call.metadata), "{}", line);
        prop_assert_eq!((&a.messages, &a.schema, &a.auth), (&b.messages, &b.schema, &b.auth), "{}", line);
    }
}
