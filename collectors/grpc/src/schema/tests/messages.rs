//! Messages as they are begun, written and read.

use prost::Message as _;
use prost_reflect::prost_types::Any;
use prost_reflect::prost_types::field_descriptor_proto::Type;
use switchboard_measure::growth::assert_linear;

use super::super::*;
use super::{field, file, message, opened, shop};

#[test]
fn methods_are_told_with_what_they_take_and_give() {
    let methods = shop().methods();
    let told: Vec<_> = methods.iter().map(|one| (one.path.as_str(), one.client_streaming, one.server_streaming, one.input.as_str(), one.deprecated)).collect();
    let expected = [
        ("/shop.Shop/Chat", true, true, "shop.Item", false),
        ("/shop.Shop/Get", false, false, "shop.Order", false),
        ("/shop.Shop/List", false, true, "google.protobuf.Empty", true),
        ("/shop.Shop/Name", false, false, "google.protobuf.StringValue", false),
        ("/shop.Shop/Put", true, false, "shop.Item", false),
    ];
    assert_eq!(told, expected);
    assert_eq!(shop().method("/shop.Shop/Put").expect("a method").output, "shop.Order");
    for path in ["", "/", "shop.Shop/Get", "/shop.Shop/get", "/shop.Shop/Get/", "/Shop/Get"] {
        assert_eq!(shop().method(path), None, "{path}");
        assert!(matches!(shop().template(path), Err(SchemaError::NoSuchMethod(_))), "{path}");
    }
}

#[test]
fn a_template_goes_to_bytes_and_back() {
    let schema = shop();
    for method in schema.methods() {
        let template = schema.template(&method.path).expect("a template");
        let bytes = schema.encode(&method.path, &template).unwrap_or_else(|error| panic!("{}: {error}\n{template}", method.path));
        let decoded = schema.decode(&method.path, true, &bytes).expect("a message");
        assert_eq!((decoded.num_unknown_fields, decoded.num_opaque), (0, 0));
        assert_eq!(schema.encode(&method.path, &decoded.json).expect("again"), bytes, "{}", decoded.json);
    }
    let template = schema.template("/shop.Shop/Get").expect("a template");
    for part in [
        "\"id\": \"0\"",
        "\"color\": \"COLOR_UNKNOWN\"",
        "\"orderName\": \"\"",
        "\"at\": \"1970-01-01T00:00:00Z\"",
        "\"within\": \"0s\"",
        "\"card\": \"\"",
        "\"left\": null",
        "\"children\": []",
        "\"@type\"",
        "\"false\": \"0\"",
    ] {
        assert!(template.contains(part), "{part} is not in\n{template}");
    }
    assert!(!template.contains("voucher"), "a oneof is its first member\n{template}");
}

#[test]
fn a_template_is_bounded_however_wide_and_deep_messages_are() {
    // Each message holds 30 of the next.
    let holder = |level: usize| {
        let inner = format!(".wide.M{}", level + 1);
        message(&format!("M{level}"), (1..=30).map(|number| field(&format!("f{number}"), number, Type::Message, Some(&inner))).collect())
    };
    let mut messages: Vec<_> = (0..40).map(holder).collect();
    messages.push(message(
        "M40",
        (1..=20_000).filter(|number| !(19_000..20_000).contains(number)).map(|number| field(&format!("s{number}"), number, Type::String, None)).collect(),
    ));
    let mut wide = file("wide", &[], messages);
    let method = |name: &str, input: &str| prost_reflect::prost_types::MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(input.to_owned()),
        output_type: Some(input.to_owned()),
        ..Default::default()
    };
    wide.service.push(prost_reflect::prost_types::ServiceDescriptorProto {
        name: Some("S".to_owned()),
        method: vec![method("Deep", ".wide.M0"), method("Wide", ".wide.M40")],
        ..Default::default()
    });
    let schema = opened(vec![wide]);
    for path in ["/wide.S/Deep", "/wide.S/Wide"] {
        let template = schema.template(path).expect("a template");
        assert!((1_000..=64 << 10).contains(&template.len()), "{path}: {} bytes", template.len());
        schema.encode(path, &template).expect("still the message");
    }
}

#[test]
fn an_outline_says_what_fields_are_in_words() {
    let outline = shop().outline("shop.Order").expect("an outline");
    let words = |name: &str| outline.iter().find(|field| field.name == name).expect("a field");
    for (name, type_words) in [
        ("id", "int64"),
        ("items", "list of shop.Item"),
        ("by_sku", "map from string to shop.Item"),
        ("color", "shop.Color"),
        ("at", "google.protobuf.Timestamp"),
    ] {
        assert_eq!(words(name).type_words, type_words);
    }
    for (name, choices) in [
        ("color", &["\"COLOR_UNKNOWN\"", "\"RED\""][..]),
        ("colors", &["\"COLOR_UNKNOWN\"", "\"RED\""]),
        ("nothing", &["null"]),
        ("mask", &["\"sku,quantity,gift\"", "\"name,children,left,named\""]),
        ("id", &[]),
    ] {
        assert_eq!(words(name).choices, choices);
    }
    assert_eq!((words("card").oneof.as_deref(), words("id").oneof.as_deref()), (Some("payment"), None));
    assert_eq!((words("by_sku").message.as_deref(), words("order_name").json_name.as_str()), (Some("shop.Item"), "orderName"));
    assert_eq!(outline.first().map(|field| field.name.as_str()), Some("id"));
    assert_eq!(shop().outline("shop.Item").expect("an outline")[2].oneof, None, "optional is no group");
    assert_eq!(shop().outline("shop.Nothing"), None);
}

#[test]
fn what_is_offered_of_a_field_is_a_message_that_can_be_sent() {
    let schema = shop();
    for message in ["shop.Order", "shop.Tree"] {
        for field in schema.outline(message).expect("an outline") {
            assert!(!field.example.is_empty(), "{}", field.name);
            for value in field.choices.iter().chain([&field.example]) {
                let value = match field.map_key {
                    Some(key) => format!("{{\"{key}\": {value}}}"),
                    None if field.is_repeated => format!("[{value}]"),
                    None => value.clone(),
                };
                let json = format!("{{\"{}\": {value}}}", field.json_name);
                let json = if message == "shop.Tree" { format!("{{\"tree\": {json}}}") } else { json };
                assert!(schema.encode("/shop.Shop/Get", &json).is_ok(), "{json}: {:?}", schema.encode("/shop.Shop/Get", &json));
            }
        }
    }
    let types = schema.types();
    assert!(types.is_sorted() && types.iter().any(|name| name == "shop.Item") && types.iter().all(|name| !name.ends_with("Entry")), "{types:?}");
    for name in types.iter().filter(|name| name.starts_with("shop.") || name.ends_with("Duration") || name.ends_with("Empty")) {
        let json = format!("{{\"any\": {}}}", schema.any_example(name).expect("it is known"));
        assert!(json.contains(name.as_str()) && schema.encode("/shop.Shop/Get", &json).is_ok(), "{json}: {:?}", schema.encode("/shop.Shop/Get", &json));
    }
    assert_eq!(schema.any_example("shop.Nothing"), None);
}

#[test]
fn what_is_wrong_in_a_message_is_told_with_its_place() {
    let schema = shop();
    for (json, line, told) in [
        ("{\n  \"id\": \"1\",\n  \"ordrName\": \"\"\n}", 3, "ordrName"),
        ("{\"id\": \"x\"}", 1, "digit"),
        ("{\"color\": \"GREEN\"}", 1, "GREEN"),
        ("{\"items\": {}}", 1, ""),
        ("{", 1, "EOF"),
        ("", 1, "EOF"),
        ("{} {}", 1, "trailing"),
        ("{\"any\": {\"@type\": \"type.googleapis.com/a.B\"}}", 1, "a.B"),
        ("{\"at\": \"yesterday\"}", 1, ""),
    ] {
        match schema.encode("/shop.Shop/Get", json) {
            Err(SchemaError::Json { line: at, reason, .. }) => {
                assert!(reason.contains(told) && !reason.contains(" at line "), "{json}: {reason}");
                assert!(at == line || json.is_empty(), "{json}: line {at}");
            }
            other => panic!("{json}: {other:?}"),
        }
    }
    let deep = format!("{{\"tree\":{{\"left\":{}", "{\"left\":".repeat(10_000));
    assert!(matches!(schema.encode("/shop.Shop/Get", &deep), Err(SchemaError::Json { reason, .. }) if reason.contains("recursion")));
    let deep = format!("{{\"anything\":{}", "[".repeat(10_000));
    assert!(matches!(schema.encode("/shop.Shop/Get", &deep), Err(SchemaError::Json { reason, .. }) if reason.contains("recursion")));
}

#[test]
fn what_json_has_no_word_for_is_told_and_not_lost() {
    let schema = shop();
    let order = |bytes: &[u8]| schema.decode("/shop.Shop/Get", true, bytes).expect("a message");
    // Field 1,000 with a varint, at the top and within an item (8).
    let unknown = [0xc0, 0x3e, 0x05, 0x42, 0x03, 0xc0, 0x3e, 0x05];
    let decoded = order(&unknown);
    assert_eq!((decoded.num_unknown_fields, decoded.num_unknown_bytes, decoded.num_opaque), (2, 6, 0));
    // Color 77; weight NaN; price -Infinity; id is 2^53 + 1.
    let numbers =
        [&[0x30, 77][..], &[0xdd, 0x01], &f32::NAN.to_le_bytes(), &[0x19], &f64::NEG_INFINITY.to_le_bytes(), b"\x08\x81\x80\x80\x80\x80\x80\x80\x10"].concat();
    let decoded = order(&numbers);
    let json: serde_json::Value = serde_json::from_str(&decoded.json).expect("JSON");
    assert_eq!(json, serde_json::json!({"id": "9007199254740993", "price": "-Infinity", "color": 77, "weight": "NaN"}));
    assert_eq!(schema.encode("/shop.Shop/Get", &decoded.json).expect("again").len(), numbers.len());
    // A time beyond year 9999, and an Any of a type that nobody knows.
    let mut time = vec![0x7a, 0x0b, 0x08];
    prost::encoding::encode_varint(i64::MAX as u64, &mut time);
    time[1] = (time.len() - 2) as u8;
    let any = Any { type_url: "type.googleapis.com/a.B".to_owned(), value: vec![1, 2, 3] }.encode_to_vec();
    let mut bytes = time.clone();
    bytes.extend([0xba, 0x01, any.len() as u8]);
    bytes.extend(any);
    let decoded = order(&bytes);
    assert_eq!(decoded.num_opaque, 2, "{}", decoded.json);
    assert_eq!(decoded.unknown_types, ["a.B"]);
    assert!(decoded.json.contains("\"AQID\"") && decoded.json.contains("9223372036854775807"), "{}", decoded.json);
}

#[test]
fn types_that_an_any_names_and_nobody_knows_are_told_by_their_names() {
    let schema = shop();
    // One in the other, so that the innermost is found.
    let types = |url: &str| {
        let inner = Any { type_url: url.to_owned(), value: vec![0x0a, 1, b'a'] }.encode_to_vec();
        let outer = Any { type_url: "x/google.protobuf.Any".to_owned(), value: inner }.encode_to_vec();
        let mut order = vec![0xba, 0x01];
        prost::encoding::encode_varint(outer.len() as u64, &mut order);
        order.extend(outer);
        schema.decode("/shop.Shop/Get", true, &order).expect("a message").unknown_types
    };
    assert_eq!(types("type.googleapis.com/a.B"), ["a.B"]);
    for no_name in ["", "x/", "x/a..B", "x/a.B C", "x/1", &"a".repeat(2_000)] {
        assert_eq!(types(no_name), [""; 0], "{no_name:.20}");
    }
    assert_eq!(types("x/shop.Item"), [""; 0], "what is known is not told");
}

#[test]
fn bytes_that_are_no_message_are_an_error_in_words() {
    let schema = shop();
    for bytes in [&[0xff][..], &[0x08], &[0x42, 0x05, 1], b"hello world", &[0xe2, 0x01, 0x01, 0xff]] {
        match schema.decode("/shop.Shop/Get", true, bytes) {
            Err(SchemaError::Wire { message, .. }) => assert_eq!(message, "shop.Order"),
            other => panic!("{bytes:?}: {other:?}"),
        }
    }
}

#[test]
fn an_any_in_an_any_ends_somewhere() {
    let schema = shop();
    let mut bytes = Vec::new();
    for _ in 0..20_000 {
        let any = Any { type_url: "type.googleapis.com/google.protobuf.Any".to_owned(), value: bytes };
        bytes = any.encode_to_vec();
    }
    let mut order = vec![0xba, 0x01];
    prost::encoding::encode_varint(bytes.len() as u64, &mut order);
    order.extend(bytes);
    let decoded = schema.decode("/shop.Shop/Get", true, &order).expect("a message");
    assert_eq!(decoded.num_opaque, 1);
    // 64 levels of 60 bytes and more, and one that is not read.
    assert!(decoded.json.len() < 4_000_000, "{} bytes", decoded.json.len());
}

#[test]
fn a_message_that_would_fill_the_memory_is_refused() {
    let schema = shop();
    // A byte each, packed colours (7), and two bytes each, empty items (8).
    let mut colors = vec![0x3a];
    prost::encoding::encode_varint(8 << 20, &mut colors);
    colors.resize(colors.len() + (8 << 20), 1);
    let items = [0x42, 0].repeat(2 << 20);
    for bytes in [colors, items] {
        assert!(matches!(schema.decode("/shop.Shop/Get", true, &bytes), Err(SchemaError::TooLarge(_))));
    }
}

#[test]
fn a_message_is_decoded_in_a_time_that_grows_with_it() {
    let schema = shop();
    let item = |number: usize| format!("\x42\x0a\x0a\x06sku{:03}\x10\x02", number % 1_000).into_bytes();
    let bytes = |len: usize| (0..len / 12).flat_map(item).collect::<Vec<_>>();
    assert_linear("items", 1 << 16, bytes, |bytes| schema.decode("/shop.Shop/Get", true, bytes).map(|decoded| decoded.json.len()));
}
