//! What reading a request takes beside it is asked for before it is taken, whatever part of the request it is for.

use std::ops::ControlFlow;

use switchboard_model::{BatchHeader, Redactor};

use crate::decode::{Context, Encoding, Signal, Undecodable, decode};

const LONG: usize = 3 << 19;

/// What room a request asks for, in bytes, and whether it is decoded where it gets it or not.
fn asked(signal: Signal, encoding: Encoding, request: &[u8], has_room: bool) -> (usize, Result<u64, Undecodable>) {
    let redactor = Redactor::new([7; 16], &[]);
    let context = Context { header: BatchHeader::default(), redactor: &redactor, environment: "test" };
    let mut num_bytes = 0;
    let mut room = |more: usize| {
        num_bytes += more;
        has_room
    };
    let tally = decode(signal, encoding, request.into(), context, &mut room, &mut |_| ControlFlow::Continue(()));
    (num_bytes, tally.map(|tally| tally.num_items))
}

fn json(resource: &str, scope: &str, name: &str) -> Vec<u8> {
    let id = "1".repeat(32);
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"a","value":{{"stringValue":"{resource}"}}}}]}},"scopeSpans":[{{"scope":{{"name":"{scope}"}},"spans":[{{"traceId":"{id}","spanId":"{}","name":"{name}"}}]}}]}}]}}"#,
        &id[..16]
    )
    .into_bytes()
}

#[test]
fn a_long_part_of_json_is_asked_for_whichever_it_is() {
    let long = "\\n".repeat(LONG / 2);
    let (_, short) = asked(Signal::Traces, Encoding::Json, &json("r", "s", "n"), true);
    assert_eq!(short, Ok(1));
    for (what, request, times) in [
        ("a resource", json(&long, "s", "n"), 1),
        ("a scope", json("r", &long, "n"), 1),
        ("an item", json("r", "s", &long), 1),
        ("all three", json(&long, &long, &long), 3),
    ] {
        let (num_bytes, tally) = asked(Signal::Traces, Encoding::Json, &request, true);
        assert_eq!(tally, Ok(1), "{what}");
        assert!((2 * LONG * times..2 * LONG * times + 4096).contains(&num_bytes), "{what}: {num_bytes}");
        assert_eq!(asked(Signal::Traces, Encoding::Json, &request, false).1, Err(Undecodable::NoRoom), "{what}");
    }
    // Points are counted without a look at what stands around them.
    let metrics = String::from_utf8(json(&long, &long, "n")).expect("text").replace("resourceSpans", "resourceMetrics").replace("scopeSpans", "scopeMetrics");
    assert_eq!(asked(Signal::Metrics, Encoding::Json, metrics.as_bytes(), false), (0, Ok(0)));
}

/// A field of protobuf that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend_from_slice(bytes);
    field
}

#[test]
fn a_resource_in_parts_is_asked_for_before_it_is_put_together() {
    let text = field(1, &vec![b'x'; LONG]);
    let attribute = field(1, &[field(1, b"a"), field(2, &text)].concat());
    let part = field(1, &attribute);
    for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
        assert_eq!(asked(signal, Encoding::Protobuf, &field(1, &part), true), (0, Ok(0)), "{signal:?}");
        let parts = field(1, &[part.clone(), part.clone()].concat());
        assert_eq!(asked(signal, Encoding::Protobuf, &parts, true), (2 * attribute.len(), Ok(0)), "{signal:?}");
        assert_eq!(asked(signal, Encoding::Protobuf, &parts, false).1, Err(Undecodable::NoRoom), "{signal:?}");
        // One that is this long is not put together for anybody.
        let parts = field(1, &part.repeat(6));
        assert!(matches!(asked(signal, Encoding::Protobuf, &parts, true), (0, Err(Undecodable::Protobuf(_)))), "{signal:?}");
    }
}
