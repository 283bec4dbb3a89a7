//! Whatever text comes: characters stay whole, and the time grows no faster than it.

use std::time::Duration;

use super::redactor;

/// Parts of texts that a scanner may stumble over.
const PARTS: &[&str] = &[
    "\"token\":{",
    "\"token\":[",
    "\"token\":\"",
    "\"password\":",
    "\\\"token\\\":{",
    "\\\\\\\"token\\\\\\\":\\\\\\\"",
    "\\u0022token\\u0022:\\u0022",
    "token=",
    "token:",
    "auth:",
    "sig=",
    "password = ",
    "password: a,",
    "password=a,b",
    "password '",
    "password('",
    "--token ",
    "--token,a",
    "--user,a",
    "--user a",
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----",
    "eyJ",
    "eyJhbGciOi.",
    "AKIA",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_",
    "ghp_aaaaaaaaaaaaaaa-",
    "a-",
    "aaaaaaaaaaaaaaaa.",
    "aaaaaaaaaaaaaaaa/",
    "://",
    "://a:b",
    "://a:b/",
    "joe:pw@",
    ":thin:a/",
    "bearer ",
    "bearer aaaaaaaaa ",
    "basic a.",
    "<password>",
    "<password><",
    "<credentials> <",
    "</password>",
    "<token",
    "<",
    "Authorization: ",
    "Authorization:",
    "Cookie: a=\"",
    "cookie:b",
    "4111 ",
    "4111-",
    "1",
    "1 ",
    "12 ",
    "4111111111111111 ",
    "\"",
    "'",
    "\\",
    "\\\"",
    "%3D",
    "token%3D",
    "token%3Da",
    "\"name\":\"token\",\"value\":",
    "\"value\":",
    "rejected value [",
    "password: rejected value [",
    "[",
    "{",
    "]",
    "a b ",
    " ",
    "_",
    "é",
    "->",
    "token -> ",
    ":=",
    "=>",
    "::",
    "${",
    "b'",
    "&quot;token&quot;:&quot;",
    "%22token%22:%22",
    "\n",
    "a1",
    "session id ",
    "cookie: a",
    r"https:\/\/a:b",
    r":\/\/a:b\/",
    r":\\\\\\\\",
    r"://hooks.slack.com\/services\/",
    "<b key=\"password\">",
    "<b key=\"password\"> <",
    " key=\"password\">",
    "<b key=\"password\"",
    "<b name=\"password\" value=\"",
    " name=\"password\" value=\"",
    "- name: token\n  value: ",
    r"- name: token\n  value: ",
    "\n value:",
    "name=token, value=",
    r"\u003cpassword",
    r"\u003cpassword\u003e",
    r"\u003Cpassword\u003E",
    r"\u003cpassword\u003e\u003c",
    r"\u003ccredentials\u003e \u003c",
    r"\u003cpassword\u003e\u003c![CDATA[",
    r#"\u003cb key=\"password\"\u003e"#,
    r#" key=\"password\"\u003e"#,
    r"\u003c",
    r"\u003e",
    r"\\\\u003c",
    r"token\u003d",
    r"token\u003da\u0026",
    r"\u",
];

#[test]
fn twice_the_text_takes_twice_the_time_and_no_text_takes_long() {
    let redactor = redactor();
    for part in PARTS {
        let text = |len: usize| part.repeat(len / part.len() + 1);
        let took = switchboard_measure::growth::assert_linear(part, 1 << 19, text, |text| redactor.redact_text(text));
        assert!(took < Duration::from_millis(1_500), "{part:?}: {took:?} for 1 MiB");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_comes_characters_stay_whole_and_a_second_look_finds_nothing_new(parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..24)) {
        let text = parts.concat();
        if let Some(clean) = redactor().redact_text(&text) {
            proptest::prop_assert!(!clean.contains('\u{fffd}'), "{}", clean);
        }
        for most in [7, 20, 64] {
            let kept = redactor().keep(text.as_bytes(), most);
            proptest::prop_assert!(std::str::from_utf8(&kept.bytes).is_ok());
            proptest::prop_assert_eq!(kept.cut, text.len() > most);
        }
    }
}
