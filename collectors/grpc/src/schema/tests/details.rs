//! Details of a status.

use prost::Message as _;
use prost_reflect::prost_types::Any;
use tonic_types::pb;

use super::super::*;
use super::shop;

#[test]
fn details_of_a_status_are_read_or_given_as_they_came() {
    let any = |name: &str, value: Vec<u8>| Any { type_url: format!("type.googleapis.com/{name}"), value };
    let schema = shop();
    let item = schema.encode("/shop.Shop/Chat", r#"{"sku": "A-17"}"#).expect("an item");
    let violation = pb::bad_request::FieldViolation { field: "order.id".to_owned(), description: "must be positive".to_owned(), ..Default::default() };
    let delay = prost_reflect::prost_types::Duration { seconds: 1, nanos: 500_000_000 };
    let standard: Vec<(&str, Vec<u8>, &str)> = vec![
        ("BadRequest", pb::BadRequest { field_violations: vec![violation] }.encode_to_vec(), "order.id=must be positive"),
        (
            "ErrorInfo",
            pb::ErrorInfo { reason: "EMPTY".to_owned(), domain: "shop".to_owned(), metadata: [("sku".to_owned(), "A".to_owned())].into() }.encode_to_vec(),
            "reason=EMPTY domain=shop sku=A",
        ),
        ("RetryInfo", pb::RetryInfo { retry_delay: Some(delay) }.encode_to_vec(), "retry after=1.500s"),
        ("DebugInfo", pb::DebugInfo { stack_entries: vec!["at a".to_owned()], detail: "d".to_owned() }.encode_to_vec(), "detail=d stack=at a"),
        (
            "QuotaFailure",
            pb::QuotaFailure { violations: vec![pb::quota_failure::Violation { subject: "s".to_owned(), description: "d".to_owned(), ..Default::default() }] }
                .encode_to_vec(),
            "s=d",
        ),
        (
            "PreconditionFailure",
            pb::PreconditionFailure {
                violations: vec![pb::precondition_failure::Violation { r#type: "TOS".to_owned(), subject: "s".to_owned(), description: "d".to_owned() }],
            }
            .encode_to_vec(),
            "TOS s=d",
        ),
        ("RequestInfo", pb::RequestInfo { request_id: "r".to_owned(), serving_data: String::new() }.encode_to_vec(), "request=r"),
        (
            "ResourceInfo",
            pb::ResourceInfo { resource_type: "t".to_owned(), resource_name: "n".to_owned(), ..Default::default() }.encode_to_vec(),
            "type=t name=n",
        ),
        ("Help", pb::Help { links: vec![pb::help::Link { description: "d".to_owned(), url: "https://a/".to_owned() }] }.encode_to_vec(), "d=https://a/"),
        ("LocalizedMessage", pb::LocalizedMessage { locale: "de".to_owned(), message: "leer".to_owned() }.encode_to_vec(), "de=leer"),
    ];
    let details: Vec<_> = standard.iter().map(|(name, value, _)| any(&format!("google.rpc.{name}"), value.clone())).collect();
    let others = [any("shop.Item", item.to_vec()), any("shop.Nothing", vec![1, 0xab]), any("google.rpc.BadRequest", vec![0xff, 1])];
    let status = pb::Status { code: 3, message: String::new(), details: details.into_iter().chain(others).collect() }.encode_to_vec();
    let told = schema.status_details(&status);
    for ((name, _, words), detail) in standard.iter().zip(&told) {
        let StatusDetailContent::Standard(pairs) = &detail.content else { panic!("{name}: {detail:?}") };
        assert_eq!(&pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "), words, "{name}");
    }
    let hex = |digits: &str| StatusDetailContent::Hex { digits: digits.to_owned(), num_bytes: digits.len() / 2 };
    let rest: Vec<_> = told[standard.len()..].iter().map(|detail| detail.content.clone()).collect();
    assert_eq!(rest, [StatusDetailContent::Json("{\n  \"sku\": \"A-17\"\n}".to_owned()), hex("01ab"), hex("ff01")]);
    assert_eq!(told.last().expect("a detail").type_url, "type.googleapis.com/google.rpc.BadRequest");
    assert_eq!(schema.status_details(b"\xff\xff"), [StatusDetail { type_url: String::new(), content: hex("ffff") }]);
    assert_eq!(Schema::empty().status_details(b""), []);
    assert_eq!(schema.unknown_details(&status), ["shop.Nothing", "google.rpc.BadRequest"]);
    assert_eq!((schema.unknown_details(b"\xff\xff"), schema.unknown_details(b"")), (Vec::new(), Vec::new()));
}
