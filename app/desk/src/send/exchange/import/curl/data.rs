//! What the options of a line say of the body.

use url::form_urlencoded;

use super::super::body::file_below;
use super::super::literal;
use super::super::notes::{Notes, told};
use crate::send::draft::Part;

/// Settings of a part of a form, but for its type.
const SETTINGS: [&str; 4] = ["filename", "encoder", "headers", "type"];

/// Which option it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `--data`: after `@` a file, of which line breaks are left out.
    Text,
    /// `--data-raw`: as it is.
    Raw,
    /// `--data-binary`: after `@` a file.
    Binary,
    /// `--data-urlencode`.
    Encoded,
    /// `--json`.
    Json,
}

/// A piece of a body.
pub(super) enum Piece {
    /// These bytes; pieces of JSON are not divided by `&`.
    Bytes(Vec<u8>),
    /// A file below the folder of requests.
    File(String),
}

/// A piece of a body, as its option says it; `None` where it was left out, which is told.
pub(super) fn piece(kind: Kind, bytes: Vec<u8>, printed: &mut [Vec<u8>], notes: &mut Notes) -> Option<Piece> {
    if kind == Kind::Encoded {
        return urlencoded(&bytes, notes).map(Piece::Bytes);
    }
    let Some(file) = bytes.strip_prefix(b"@").filter(|_| kind != Kind::Raw) else { return Some(Piece::Bytes(bytes)) };
    if file == b"-" {
        let Some(mut printed) = printed.last_mut().map(std::mem::take) else {
            notes.add("The body comes from the standard input, which is not read (@-): paste it.");
            return None;
        };
        if kind == Kind::Text {
            printed.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
        }
        return Some(Piece::Bytes(printed));
    }
    let Some(name) = std::str::from_utf8(file).ok().and_then(file_below) else {
        notes.add("A body's file was left out: it lies outside the folder of requests. Copy it there and name it.");
        return None;
    };
    if kind == Kind::Text {
        notes.add("Curl leaves line breaks out of the body's file (--data @…); here it is sent as it is.");
    }
    Some(Piece::File(name))
}

/// What `--data-urlencode` comes to.
pub(super) fn urlencoded(bytes: &[u8], notes: &mut Notes) -> Option<Vec<u8>> {
    let (name, content) = match bytes.iter().position(|byte| matches!(byte, b'=' | b'@')) {
        Some(at) if bytes[at] == b'@' => {
            notes.add("A file of which the content is encoded was left out (--data-urlencode @…): paste it.");
            return None;
        }
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (&b""[..], bytes),
    };
    let mut piece = name.to_vec();
    if !name.is_empty() {
        piece.push(b'=');
    }
    form_urlencoded::byte_serialize(content).for_each(|part| piece.extend_from_slice(part.as_bytes()));
    Some(piece)
}

/// A part of a form: `name=value`, `name=@file;type=image/png`.
pub(super) fn part(text: &str, takes_files: bool, notes: &mut Notes) -> Option<Part> {
    let Some((name, content)) = text.split_once('=') else {
        notes.add(format!("{} is no part of a form; it was left out.", told(text)));
        return None;
    };
    let mut part = Part { name: literal(name), ..Part::default() };
    if !takes_files {
        part.value = literal(content);
        return Some(part);
    }
    let (content, is_file) = match content.strip_prefix(['@', '<']) {
        Some(file) => (file, true),
        None => (content, false),
    };
    let (content, rest) = quoted_or_to_semicolon(content);
    let mut of_type = false;
    for setting in rest.split(';').map(str::trim).filter(|setting| !setting.is_empty()) {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        match key {
            "type" => part.content_type = literal(value),
            // What follows a type and is no setting of curl's is a parameter of it.
            _ if of_type && !SETTINGS.contains(&key) => part.content_type += &format!("; {}", literal(setting)),
            _ => notes.add(format!("The setting {} of the part {} of a form has no counterpart; it was left out.", told(key), told(name))),
        }
        of_type = key == "type" || of_type && !SETTINGS.contains(&key);
    }
    if is_file {
        let Some(name) = file_below(&content) else {
            notes.add("A file of a form was left out: it lies outside the folder of requests. Copy it there and name it.");
            return None;
        };
        part.file = name;
    } else {
        part.value = literal(&content);
    }
    Some(part)
}

/// The content of a part, and the settings behind it.
fn quoted_or_to_semicolon(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let at = text.find(';').unwrap_or(text.len());
        return (text[..at].to_owned(), &text[at..]);
    };
    let (mut content, mut chars) = (String::new(), quoted.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (content, &quoted[at + 1..]),
            '\\' => content.extend(chars.next().map(|(_, c)| c)),
            _ => content.push(c),
        }
    }
    (text.to_owned(), "")
}
