//! The content of a record: what it is, and its lines as JSON, text or hex. `framing` reads what stands before a value, `json`
//! breaks JSON into lines without changing a digit, `bytes` shows a key or a header in one line. All pure, but for `ui`.

mod bytes;
mod framing;
mod json;
mod ui;

pub(crate) use bytes::{bytes_in_line, header_value, hex};
pub(crate) use framing::Framing;
pub(crate) use json::{Ink as JsonInk, Piece};
pub(crate) use ui::{PayloadUi, payload_ui};

use crate::{figures, sanitise::visible};

/// More lines than this are not laid out; the rest is counted.
const LINES_MAX: usize = 20_000;
/// Characters of a line of text; longer ones go on in the next.
const TEXT_CHARS_MAX: usize = 160;
/// Bytes of a line of hex.
const HEX_BYTES: usize = 16;

/// How a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// JSON, a member a line.
    Json,
    /// Text as it is, line by line.
    Text,
    /// Bytes.
    Hex,
}

impl Form {
    /// All of them, in the order of the tabs.
    pub(crate) const ALL: [Self; 3] = [Self::Json, Self::Text, Self::Hex];

    /// What it is called.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Text => "Text",
            Self::Hex => "Hex",
        }
    }
}

/// A line of a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Line {
    /// How deep it stands.
    pub depth: u16,
    /// What it says.
    pub pieces: Vec<Piece>,
}

impl Line {
    fn plain(text: impl Into<String>) -> Self {
        Self { depth: 0, pieces: vec![Piece { text: text.into(), ink: JsonInk::Plain }] }
    }

    /// The line as text, two spaces a depth.
    pub(crate) fn to_text(&self) -> String {
        let mut text = "  ".repeat(usize::from(self.depth));
        self.pieces.iter().for_each(|piece| text.push_str(&piece.text));
        text
    }
}

/// A value, read once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Payload {
    /// What stands before the value.
    pub framing: Framing,
    /// The form that shows it best.
    pub best: Form,
    /// What it is, in words: `JSON, 412 B`.
    pub kind: String,
    /// Lines by form, each made when it is asked for.
    lines: [Option<Lines>; 3],
    bytes: Vec<u8>,
    /// What they say in an encoding that is none of UTF-8; `None` = they are read as they are.
    text: Option<Vec<u8>>,
    is_cut: bool,
    /// Whether it is cut because no more came, and all that came is here.
    is_all_that_came: bool,
}

/// Lines in one form.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lines {
    /// The lines.
    pub lines: Vec<Line>,
    /// What is not among them, in words; empty if all is.
    pub left_out: String,
}

impl Payload {
    /// Reads a value; `None` = null. `is_cut` = the store kept only its beginning, `size_bytes` = as it was sent.
    pub(crate) fn read(value: Option<&[u8]>, size_bytes: u64, is_cut: bool) -> Self {
        let Some(bytes) = value else {
            return Self {
                framing: Framing::None,
                best: Form::Text,
                kind: "null, a tombstone".to_owned(),
                lines: [None, None, None],
                bytes: Vec::new(),
                text: None,
                is_cut: false,
                is_all_that_came: false,
            };
        };
        let framing = Framing::read(bytes);
        let body = &bytes[framing.len()..];
        let size = format!("{} B", figures::count(size_bytes));
        let (best, kind) = match (std::str::from_utf8(body), &framing) {
            _ if bytes.is_empty() => (Form::Text, "empty".to_owned()),
            (Ok(text), _) if is_json(text, is_cut) => (Form::Json, format!("JSON, {size}")),
            (Ok(_), Framing::None) if is_plain(body) => (Form::Text, format!("text, {size}")),
            (_, Framing::Confluent { .. } | Framing::ConfluentGuid { .. } | Framing::Glue { .. }) => {
                (Form::Hex, format!("binary, {size}: Avro or Protobuf by its framing; shown as bytes, for no schema registry is asked"))
            }
            (_, Framing::Compressed(how)) => (Form::Hex, format!("binary, {size}: compressed with {how}")),
            (Ok(text), Framing::None) if is_cut && is_plain(text.as_bytes()) => (Form::Text, format!("text, {size}")),
            (Err(error), Framing::None) if is_cut && error.error_len().is_none() && is_plain(&body[..error.valid_up_to()]) => {
                // Cut within a character.
                let text = std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default();
                if is_json(text, true) { (Form::Json, format!("JSON, {size}")) } else { (Form::Text, format!("text, {size}")) }
            }
            _ => (Form::Hex, format!("binary, {size}")),
        };
        Self { framing, best, kind, lines: [None, None, None], bytes: bytes.to_vec(), text: None, is_cut, is_all_that_came: false }
    }

    /// Reads the body of an answer, of which so many bytes came: `body` is their beginning, and it is broken where the rest never came. `read_as`: what it
    /// says in an encoding that is none of UTF-8, and which.
    pub(crate) fn of_answer(body: &[u8], read_as: Option<(&str, &str)>, num_came: u64, is_broken: bool) -> Self {
        let is_all = body.len() as u64 == num_came;
        let text = read_as.map_or(body, |(text, _)| text.as_bytes());
        let read = Self::read(Some(text), num_came, is_broken || !is_all);
        let read = Self { is_all_that_came: is_broken && is_all, ..read };
        match read_as {
            None => read,
            Some((_, encoding)) => Self { kind: format!("{}, {encoding}", read.kind), text: Some(read.bytes), bytes: body.to_vec(), ..read },
        }
    }

    /// The lines in a form.
    pub(crate) fn lines(&mut self, form: Form) -> &Lines {
        let made = match &self.lines[form as usize] {
            Some(_) => None,
            None => Some(self.make(form)),
        };
        let kept = &mut self.lines[form as usize];
        if made.is_some() {
            *kept = made;
        }
        kept.get_or_insert_default()
    }

    fn body(&self) -> &[u8] {
        &self.text.as_ref().unwrap_or(&self.bytes)[self.framing.len()..]
    }

    fn make(&self, form: Form) -> Lines {
        let mut made = match form {
            Form::Json => json_lines(self.body(), self.is_cut),
            Form::Text => text_lines(self.body()),
            // Bytes are shown from the first on, framing too.
            Form::Hex => hex_lines(&self.bytes),
        };
        if self.is_cut {
            let num = figures::count(self.bytes.len() as u64);
            let note = if self.is_all_that_came { format!("no more than these {num} B came") } else { format!("only the first {num} B were kept") };
            made.left_out = if made.left_out.is_empty() { note } else { format!("{} · {note}", made.left_out) };
        }
        made
    }
}

/// Whether a text is a JSON object or array; a cut one counts if it is right as far as it goes.
fn is_json(text: &str, is_cut: bool) -> bool {
    text.trim_start().starts_with(['{', '[']) && json::pretty(text, LINES_MAX).error_at.is_none_or(|at| is_cut && at == text.len())
}

/// Whether bytes are text without control characters but for those of lines.
fn is_plain(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')))
}

fn json_lines(body: &[u8], is_cut: bool) -> Lines {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) if is_cut && error.error_len().is_none() => std::str::from_utf8(&body[..error.valid_up_to()]).unwrap_or_default(),
        Err(error) => return Lines { lines: Vec::new(), left_out: format!("No JSON: byte {} is no UTF-8", error.valid_up_to()) },
    };
    if text.trim().is_empty() {
        return Lines { lines: Vec::new(), left_out: "No JSON: there is nothing".to_owned() };
    }
    let pretty = json::pretty(text, LINES_MAX);
    let left_out = match pretty.error_at {
        Some(at) if !(is_cut && at == text.len()) => format!("No JSON from byte {at} on; see it as text"),
        _ if pretty.num_left_out > 0 => format!("{} more lines are not shown; see it as text", figures::count(pretty.num_left_out as u64)),
        _ => String::new(),
    };
    Lines { lines: pretty.lines, left_out }
}

fn text_lines(body: &[u8]) -> Lines {
    let text = String::from_utf8_lossy(body);
    let mut lines = Vec::new();
    let mut num_left_out = 0_u64;
    for line in text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
        let line = line.replace('\t', "    ");
        let mut rest = line.as_str();
        loop {
            let end = rest.char_indices().nth(TEXT_CHARS_MAX).map_or(rest.len(), |(at, _)| at);
            if lines.len() < LINES_MAX {
                lines.push(Line::plain(visible(&rest[..end])));
            } else {
                num_left_out += 1;
            }
            rest = &rest[end..];
            if rest.is_empty() {
                break;
            }
        }
    }
    if body.is_empty() {
        lines.clear();
    }
    let left_out = if num_left_out > 0 { format!("{} more lines are not shown", figures::count(num_left_out)) } else { String::new() };
    Lines { lines, left_out }
}

/// `00000010  7b 22 6f 72 …  {"or`.
fn hex_lines(bytes: &[u8]) -> Lines {
    let line = |(index, chunk): (usize, &[u8])| {
        let mut hex = String::with_capacity(HEX_BYTES * 3 + 1);
        for place in 0..HEX_BYTES {
            if place == HEX_BYTES / 2 {
                hex.push(' ');
            }
            match chunk.get(place) {
                Some(byte) => hex.push_str(&format!("{byte:02x} ")),
                None => hex.push_str("   "),
            }
        }
        let text = chunk.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '·' }).collect();
        let piece = |text: String, ink: JsonInk| Piece { text, ink };
        Line { depth: 0, pieces: vec![piece(format!("{:06x}  ", index * HEX_BYTES), JsonInk::Mark), piece(hex, JsonInk::Plain), piece(text, JsonInk::Key)] }
    };
    let num_lines = bytes.len().div_ceil(HEX_BYTES);
    let lines: Vec<Line> = bytes.chunks(HEX_BYTES).enumerate().take(LINES_MAX).map(line).collect();
    let left_out = match num_lines - lines.len() {
        0 => String::new(),
        left => format!("{} more lines are not shown", figures::count(left as u64)),
    };
    Lines { lines, left_out }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Payload {
        Payload::read(Some(bytes), bytes.len() as u64, false)
    }

    fn text(payload: &mut Payload, form: Form) -> String {
        payload.lines(form).lines.iter().map(Line::to_text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_value_is_shown_in_the_form_that_tells_most() {
        assert_eq!((read(br#"{"a":1}"#).best, read(br#"{"a":1}"#).kind.as_str()), (Form::Json, "JSON, 7 B"));
        assert_eq!((read(b"hello\nworld").best, read(b"hello\nworld").kind.as_str()), (Form::Text, "text, 11 B"));
        assert_eq!(read(b"4711").best, Form::Text, "a number alone is text");
        assert_eq!((read(&[0xff, 0, 1]).best, read(&[0xff, 0, 1]).kind.as_str()), (Form::Hex, "binary, 3 B"));
        assert_eq!(Payload::read(None, 0, false).kind, "null, a tombstone");
        assert_eq!(read(b"").kind, "empty");
        assert_eq!(read(b"a\x1b[31m").best, Form::Hex, "terminal codes are no text");
    }

    #[test]
    fn a_framed_value_keeps_its_schema_id_and_is_named() {
        let mut avro = read(&[0, 0, 0, 0, 57, 0x08, 0xfe]);
        assert_eq!((avro.framing.clone(), avro.best), (Framing::Confluent { schema_id: 57 }, Form::Hex));
        assert!(avro.kind.contains("Avro or Protobuf"), "{}", avro.kind);
        assert_eq!(text(&mut avro, Form::Hex), "000000  00 00 00 00 39 08 fe                             ····9··");
        let mut json = read(b"\0\0\0\x01\x02{\"a\":1}");
        assert_eq!((json.framing.clone(), json.best), (Framing::Confluent { schema_id: 258 }, Form::Json));
        assert_eq!(text(&mut json, Form::Json), r#"{ "a": 1 }"#);
    }

    #[test]
    fn of_an_answer_that_broke_off_it_is_said_what_came_and_what_was_kept() {
        let mut broken = Payload::of_answer(b"{\"a\":[1,2", None, 9, true);
        assert_eq!((broken.best, broken.lines(Form::Text).left_out.as_str()), (Form::Json, "no more than these 9 B came"));
        let mut long = Payload::of_answer(b"abc", None, 5_000, true);
        assert_eq!(long.lines(Form::Text).left_out, "only the first 3 B were kept");
        assert!(Payload::of_answer(b"abc", None, 3, false).lines(Form::Text).left_out.is_empty());
    }

    #[test]
    fn a_body_in_another_encoding_is_text_and_its_bytes_stay_to_be_seen() {
        let body = b"{\"street\":\"Stra\xdfe\"}";
        let mut json = Payload::of_answer(body, Some(("{\"street\":\"Straße\"}", "ISO-8859-1")), body.len() as u64, false);
        assert_eq!((json.best, json.kind.as_str()), (Form::Json, "JSON, 19 B, ISO-8859-1"));
        assert_eq!(text(&mut json, Form::Json), r#"{ "street": "Straße" }"#);
        assert!(text(&mut json, Form::Hex).contains("72 61 df"), "{}", text(&mut json, Form::Hex));
        assert_eq!(Payload::of_answer(b"\xdf", None, 1, false).best, Form::Hex, "nobody says how it is to be read");
    }

    #[test]
    fn what_the_store_cut_is_shown_as_far_as_it_goes_and_said() {
        let mut cut = Payload::read(Some(br#"{"lines":[{"sku":"AX-19","quantity":2},{"sku":"B"#), 5_000, true);
        assert_eq!((cut.best, cut.kind.as_str()), (Form::Json, "JSON, 5,000 B"));
        assert_eq!(cut.lines(Form::Json).left_out, "only the first 48 B were kept");
        assert!(text(&mut cut, Form::Json).contains(r#"{ "sku": "AX-19", "quantity": 2 }"#), "{}", text(&mut cut, Form::Json));
        let mut in_a_character = Payload::read(Some(&"Zürich".as_bytes()[..2]), 7, true);
        assert_eq!(in_a_character.best, Form::Text);
        assert!(!in_a_character.lines(Form::Text).lines.is_empty());
    }

    #[test]
    fn long_lines_go_on_below_and_nothing_is_lost() {
        let long = "x".repeat(1_000);
        let mut payload = read(long.as_bytes());
        assert_eq!(payload.lines(Form::Text).lines.len(), 7);
        assert_eq!(text(&mut payload, Form::Text).replace('\n', ""), long);
        let mut many = read("a\n".repeat(30_000).as_bytes());
        assert_eq!((many.lines(Form::Text).lines.len(), many.lines(Form::Text).left_out.as_str()), (20_000, "10,001 more lines are not shown"));
    }

    #[test]
    fn what_deceives_the_eye_is_written_out() {
        assert_eq!(text(&mut read("a\u{202e}b\tc".as_bytes()), Form::Text), "a\\u{202e}b    c");
        assert_eq!(text(&mut read("{\"a\":\"\u{202e}\"}".as_bytes()), Form::Json), r#"{ "a": "\u{202e}" }"#);
    }

    #[test]
    fn no_json_says_from_where_on() {
        assert_eq!(read(br#"{"a":}"#).lines(Form::Json).left_out, "No JSON from byte 5 on; see it as text");
        assert_eq!(read(&[0xff]).lines(Form::Json).left_out, "No JSON: byte 0 is no UTF-8");
    }

    #[test]
    fn twice_the_value_takes_twice_the_time() {
        const PARTS: &[&str] = &[
            "[",
            "{",
            "[]",
            "{}",
            "[1],",
            "[[",
            "{\"a\":",
            "{\"a\":[",
            "\"",
            "\"a\",",
            "\\",
            "\"\\",
            "\"\\u",
            "\"\\u0041",
            "1",
            "-",
            "1.",
            "1e",
            "1,",
            ",",
            ":",
            "t",
            "true,",
            "nul",
            "a",
            " ",
            "\t",
            "\n",
            "\r\n",
            "é",
            "e\u{301}",
            "\u{301}",
            "\u{202e}",
            "\u{200d}",
            "日",
            "😀",
            "\0",
            "<a>",
            "<",
            "<a b='",
            "&",
            "]",
        ];
        for part in PARTS {
            for begin in ["", "[", "[[[", "{\"a\":\"", "\0\0\0\0\u{1}["] {
                let value = |len: usize| (begin.to_owned() + &part.repeat(len / part.len())).into_bytes();
                switchboard_measure::growth::assert_linear(&format!("{begin:?} and {part:?}"), 1 << 14, value, |value| {
                    let mut payload = read(value);
                    (Form::ALL.map(|form| payload.lines(form).lines.len()), bytes_in_line(Some(value)))
                });
            }
        }
    }
}
