//! What is read in texts of strangers takes time that grows with their length and no faster.

use crate::state::fingerprint::{Thrown, fingerprint, without_ids};
use crate::state::inferred_breaker::{breaker_from_exception, breaker_from_response_flags};
use crate::state::{Whereabouts, dead_letter_dialect};
use crate::words;
use switchboard_measure::growth::assert_linear;

/// What messages and stack traces may be made of to make a reader look again and again.
const PARTS: &[&str] = &[
    "a",
    " ",
    "\t",
    "\n",
    "-",
    "_",
    ".",
    ":",
    "'",
    "\"",
    "`",
    "'a",
    "\"a\n",
    "'\"`",
    "' \" ` ",
    "a'",
    "a-",
    "1-",
    "1",
    "f0",
    "0x",
    "a1",
    "é",
    "e\u{301}",
    "\u{202e}",
    "\u{200b}",
    "日",
    "😀",
    "\0",
    "018f2c3e-",
    "018f2c3e-7a1b-7c2d-8e3f-",
    "018f2c3e-7a1b-7c2d-8e3f-0123456789ab-",
    "Caused by: ",
    "Caused by: a.B: c\n",
    "\n---> ",
    " ---> ",
    " ---> a.B",
    "---> a.B: c",
    "at ",
    "at a.b.c(",
    "\n\tat a.B.c(B.java:1)\n",
    "File \"",
    "  File \"a\", line 1, in b\n",
    "a.",
    "a$",
    "a/",
    "a.B: ",
    "[",
    "(",
    "{",
    "Wrapped by: ",
    "nested exception is ",
    "CircuitBreaker '",
    "' is ",
    "' is OPEN and does not permit further calls",
    " short-circuited and ",
    "breaker is open",
    "circuit ",
    "UO,",
    "://",
    "@",
];

/// What is read, and its reader.
type Reader<'r> = (&'static str, &'r dyn Fn(&str));

#[test]
fn twice_the_text_takes_twice_the_time() {
    let readers: [Reader<'_>; 9] = [
        ("what was thrown, by its stack", &|text| drop(Thrown::of(None, None, None, None, text))),
        ("what was thrown, by its cause", &|text| drop(Thrown::of(Some("RuntimeException"), Some("a.B"), Some(text), None, text))),
        ("what was thrown, by names", &|text| drop(Thrown::of(Some(text), Some(text), Some(text), Some(text), ""))),
        ("a fingerprint", &|text| drop(fingerprint(Some(text), Some(text), Some(text)))),
        ("a message without ids", &|text| drop(without_ids(text))),
        ("a refusal by a breaker", &|text| drop(breaker_from_exception(text, text))),
        ("response flags", &|text| assert!(breaker_from_response_flags(text).is_none() || !text.is_empty())),
        ("a visible text", &|text| drop(words::visible(text, usize::MAX))),
        ("whereabouts", &|text| drop(Whereabouts::of_address(text, None))),
    ];
    for part in PARTS {
        for (what, read) in readers {
            assert_linear(&format!("{what} of {part:?}"), 1 << 17, |len| part.repeat(len / part.len() + 1), |text| read(text));
        }
    }
}

#[test]
fn twice_the_headers_of_a_dead_letter_take_twice_the_time() {
    let names =
        ["kafka_dlt-exception-stacktrace", "kafka_dlt-original-topic", "kafka_dlt-other", "MT-Fault-Message", "x-exception-message", "dlq-reason", "other"];
    for part in ["a", "'", "Caused by: a.B\n", " ---> a", "\u{301}"] {
        for name in names {
            let header = |len: usize| part.repeat(len / part.len());
            assert_linear(&format!("{name} of {part:?}"), 1 << 15, header, |value| dead_letter_dialect::parse([(name, Some(value.as_bytes()))]));
            let headers = |num: usize| vec![(name, Some(part.as_bytes())); num];
            assert_linear(&format!("many {name}"), 1 << 12, headers, |headers| dead_letter_dialect::parse(headers.iter().copied()));
        }
    }
}
