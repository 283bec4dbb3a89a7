//! JSON broken into lines, token by token: digits, order, spelling and repeated names stay as they were sent. Nothing recurses.

use super::Line;
use crate::sanitise::visible;

/// Containers of scalars up to this many characters stay in one line.
const INLINE_CHARS_MAX: usize = 64;
/// Deeper containers than this stand at this depth.
const DEPTH_SHOWN_MAX: usize = 60;
/// Deeper containers than this are refused.
const DEPTH_MAX: usize = 10_000;

/// The colour of a piece, by meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Text of a value.
    Plain,
    /// A member's name.
    Key,
    /// A number.
    Number,
    /// `true`, `false`, `null`.
    Word,
    /// Brackets, commas, addresses.
    Mark,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    /// What it says, safe to show.
    pub text: String,
    /// Its colour.
    pub ink: Ink,
}

/// JSON in lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pretty {
    /// The lines.
    pub lines: Vec<Line>,
    /// Lines beyond the most that were asked for.
    pub num_left_out: usize,
    /// From which byte on it is no JSON; the length of the text if only its end is missing. `None` = it is.
    pub error_at: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenKind {
    Open,
    Close,
    Comma,
    Colon,
    Key,
    Text,
    Number,
    Word,
}

#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    kind: TokenKind,
    text: &'a str,
}

/// Breaks a text into lines; as far as it is JSON.
pub(crate) fn pretty(text: &str, lines_max: usize) -> Pretty {
    let (tokens, error_at) = tokens(text);
    let (lines, num_left_out) = lines(&tokens, lines_max);
    Pretty { lines, num_left_out, error_at }
}

/// What may come next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Value,
    ValueOrClose,
    Key,
    KeyOrClose,
    Colon,
    CommaOrClose,
    End,
}

/// The tokens in order, and where it stops being JSON.
fn tokens(text: &str) -> (Vec<Token<'_>>, Option<usize>) {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut open: Vec<u8> = Vec::new();
    let mut expected = Expected::Value;
    let mut at = 0;
    loop {
        while bytes.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            at += 1;
        }
        let Some(&byte) = bytes.get(at) else {
            return (tokens, (expected != Expected::End).then_some(bytes.len()));
        };
        let is_value = matches!(expected, Expected::Value | Expected::ValueOrClose);
        let is_key = matches!(expected, Expected::Key | Expected::KeyOrClose);
        let after_value = |open: &[u8]| if open.is_empty() { Expected::End } else { Expected::CommaOrClose };
        let (kind, len, next) = match byte {
            b'{' | b'[' if is_value && open.len() < DEPTH_MAX => {
                open.push(byte);
                (TokenKind::Open, 1, if byte == b'{' { Expected::KeyOrClose } else { Expected::ValueOrClose })
            }
            b'}' if matches!(expected, Expected::KeyOrClose | Expected::CommaOrClose) && open.last() == Some(&b'{') => {
                open.pop();
                (TokenKind::Close, 1, after_value(&open))
            }
            b']' if matches!(expected, Expected::ValueOrClose | Expected::CommaOrClose) && open.last() == Some(&b'[') => {
                open.pop();
                (TokenKind::Close, 1, after_value(&open))
            }
            b',' if expected == Expected::CommaOrClose => (TokenKind::Comma, 1, if open.last() == Some(&b'{') { Expected::Key } else { Expected::Value }),
            b':' if expected == Expected::Colon => (TokenKind::Colon, 1, Expected::Value),
            b'"' if is_value || is_key => match string_len(&bytes[at..]) {
                StringEnd::At(len) if is_key => (TokenKind::Key, len, Expected::Colon),
                StringEnd::At(len) => (TokenKind::Text, len, after_value(&open)),
                StringEnd::Missing => return (tokens, Some(bytes.len())),
                StringEnd::Wrong(offset) => return (tokens, Some(at + offset)),
            },
            b'-' | b'0'..=b'9' if is_value => {
                let len = bytes[at..].iter().take_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')).count();
                if !is_number(&bytes[at..at + len]) {
                    return (tokens, Some(if at + len == bytes.len() { bytes.len() } else { at }));
                }
                (TokenKind::Number, len, after_value(&open))
            }
            b't' | b'f' | b'n' if is_value => {
                let rest = &text[at..];
                match ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word)) {
                    Some(word) => (TokenKind::Word, word.len(), after_value(&open)),
                    None if ["true", "false", "null"].into_iter().any(|word| word.starts_with(rest)) => return (tokens, Some(bytes.len())),
                    None => return (tokens, Some(at)),
                }
            }
            _ => return (tokens, Some(at)),
        };
        tokens.push(Token { kind, text: &text[at..at + len] });
        expected = next;
        at += len;
    }
}

enum StringEnd {
    At(usize),
    Missing,
    Wrong(usize),
}

/// Length of a string with both its quotes.
fn string_len(bytes: &[u8]) -> StringEnd {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return StringEnd::At(at + 1),
            b'\\' => match bytes.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                Some(b'u') => {
                    let digits = &bytes[(at + 2).min(bytes.len())..(at + 6).min(bytes.len())];
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return StringEnd::Wrong(at);
                    }
                    at += 6;
                }
                Some(_) => return StringEnd::Wrong(at),
                None => return StringEnd::Missing,
            },
            0..0x20 => return StringEnd::Wrong(at),
            _ => at += 1,
        }
    }
    StringEnd::Missing
}

/// Whether it is a number by RFC 8259: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
fn is_number(bytes: &[u8]) -> bool {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut rest = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let whole = digits(rest);
    if whole == 0 || (whole > 1 && rest[0] == b'0') {
        return false;
    }
    rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let len = digits(fraction);
        if len == 0 {
            return false;
        }
        rest = &fraction[len..];
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let len = digits(exponent);
        if len == 0 {
            return false;
        }
        rest = &exponent[len..];
    }
    rest.is_empty()
}

/// How many tokens a container of scalars has that fits into one line, brackets included.
fn inline_len(tokens: &[Token<'_>]) -> Option<usize> {
    let mut num_chars = 0;
    for (place, token) in tokens.iter().enumerate() {
        num_chars += token.text.len() + 1;
        match token.kind {
            TokenKind::Close => return Some(place + 1),
            TokenKind::Open if place > 0 => return None,
            _ if num_chars > INLINE_CHARS_MAX => return None,
            _ => {}
        }
    }
    None
}

fn lines(tokens: &[Token<'_>], lines_max: usize) -> (Vec<Line>, usize) {
    let mut lines = Vec::new();
    let mut num_left_out = 0;
    let mut line = Line::default();
    let mut depth = 0_usize;
    let shown_depth = |depth: usize| depth.min(DEPTH_SHOWN_MAX) as u16;
    let mut end_line = |line: &mut Line, depth: usize| {
        let ended = std::mem::replace(line, Line { depth: shown_depth(depth), pieces: Vec::new() });
        if ended.pieces.is_empty() {
            return;
        }
        if lines.len() < lines_max {
            lines.push(ended);
        } else {
            num_left_out += 1;
        }
    };
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.kind {
            TokenKind::Open => {
                if let Some(len) = inline_len(&tokens[at..]) {
                    inline(&mut line, &tokens[at..at + len]);
                    at += len;
                    continue;
                }
                line.pieces.push(piece(*token));
                depth += 1;
                end_line(&mut line, depth);
            }
            TokenKind::Close => {
                depth = depth.saturating_sub(1);
                end_line(&mut line, depth);
                line.depth = shown_depth(depth);
                line.pieces.push(piece(*token));
            }
            TokenKind::Comma => {
                line.pieces.push(piece(*token));
                end_line(&mut line, depth);
            }
            TokenKind::Colon => line.pieces.push(Piece { text: ": ".to_owned(), ink: Ink::Mark }),
            TokenKind::Key | TokenKind::Text | TokenKind::Number | TokenKind::Word => line.pieces.push(piece(*token)),
        }
        at += 1;
    }
    end_line(&mut line, 0);
    (lines, num_left_out)
}

/// `{ "sku": "AX-19", "quantity": 2 }`, `[1, 2]`, `{}`.
fn inline(line: &mut Line, tokens: &[Token<'_>]) {
    let spaced = tokens.len() > 2 && tokens[0].text == "{";
    let space = |line: &mut Line| line.pieces.push(Piece { text: " ".to_owned(), ink: Ink::Mark });
    for (place, token) in tokens.iter().enumerate() {
        if spaced && place + 1 == tokens.len() {
            space(line);
        }
        line.pieces.push(match token.kind {
            TokenKind::Comma => Piece { text: ", ".to_owned(), ink: Ink::Mark },
            TokenKind::Colon => Piece { text: ": ".to_owned(), ink: Ink::Mark },
            _ => piece(*token),
        });
        if spaced && place == 0 {
            space(line);
        }
    }
}

fn piece(token: Token<'_>) -> Piece {
    let ink = match token.kind {
        TokenKind::Key => Ink::Key,
        TokenKind::Text => Ink::Plain,
        TokenKind::Number => Ink::Number,
        TokenKind::Word => Ink::Word,
        TokenKind::Open | TokenKind::Close | TokenKind::Comma | TokenKind::Colon => Ink::Mark,
    };
    Piece { text: visible(token.text).into_owned(), ink }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> String {
        pretty(json, 1_000).lines.iter().map(Line::to_text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn members_stand_below_one_another_and_small_containers_in_one_line() {
        let order = r#"{"orderId":4704,"customer":"c-1182","lines":[{"sku":"AX-19","quantity":2}],"shipTo":null,"placedAt":"2026-11-21T13:41:34.731Z"}"#;
        let expected = r#"{
  "orderId": 4704,
  "customer": "c-1182",
  "lines": [
    { "sku": "AX-19", "quantity": 2 }
  ],
  "shipTo": null,
  "placedAt": "2026-11-21T13:41:34.731Z"
}"#;
        assert_eq!(text(order), expected);
        assert_eq!([text("{}"), text("[]"), text("[1,2]"), text("[[1],[]]")], ["{}", "[]", "[1, 2]", "[\n  [1],\n  []\n]"]);
    }

    #[test]
    fn digits_order_and_repeated_names_stay_as_they_were() {
        assert_eq!(text(r#"{"b":12345678901234567890.10,"a":1e400,"a":-0}"#), r#"{ "b": 12345678901234567890.10, "a": 1e400, "a": -0 }"#);
        assert_eq!(text(r#"{"a":"\u0041\n"}"#), r#"{ "a": "\u0041\n" }"#);
    }

    #[test]
    fn what_is_no_json_is_told_by_its_place() {
        for (json, at) in [
            (r#"{"a":1"#, Some(6)),
            (r#"{"a":"x"#, Some(7)),
            (r#"{"a":tr"#, Some(7)),
            (r#"{"a":1.}"#, Some(5)),
            (r#"{"a":01}"#, Some(5)),
            (r#"{"a" 1}"#, Some(5)),
            (r#"{"a":1,}"#, Some(7)),
            ("[1,]", Some(3)),
            ("[1}", Some(2)),
            ("{} x", Some(3)),
            ("\"a\u{1}\"", Some(2)),
            (r#""\x""#, Some(1)),
            ("", Some(0)),
            ("{}", None),
            (" [ 1 , true ] ", None),
            ("-1.5e+3", None),
        ] {
            assert_eq!(pretty(json, 100).error_at, at, "{json}");
        }
    }

    #[test]
    fn it_agrees_with_a_parser_on_what_is_json() {
        let mut state = 7_u64;
        let alphabet = br#"{}[]:,"\ue0123.-+ truefalsn"#;
        for _ in 0..20_000 {
            let mut json = String::new();
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut bits = state;
            for _ in 0..(state >> 60) {
                bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                json.push(char::from(alphabet[(bits >> 33) as usize % alphabet.len()]));
            }
            let parsed = serde_json::from_str::<serde::de::IgnoredAny>(&json).is_ok();
            assert_eq!(pretty(&json, 100).error_at.is_none(), parsed, "{json}");
        }
    }

    #[test]
    fn depth_and_length_have_bounds() {
        let deep = "[".repeat(5_000) + "1" + &"]".repeat(5_000);
        let shown = pretty(&deep, 100);
        assert_eq!((shown.lines.len(), shown.num_left_out, shown.error_at), (100, 9_899, None));
        assert!(shown.lines.iter().all(|line| usize::from(line.depth) <= DEPTH_SHOWN_MAX));
        let deeper = "[".repeat(20_000);
        assert_eq!(pretty(&deeper, 100).error_at, Some(DEPTH_MAX));
        let long = format!("[\"{}\"]", "x".repeat(100_000));
        assert!(pretty(&long, 100).lines.iter().all(|line| line.to_text().chars().count() < 450));
    }
}
