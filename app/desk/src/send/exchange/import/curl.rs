//! A line of curl: its options one by one, and the draft that they come to.

mod data;
mod draft;
mod options;

use super::auth::{Credentials, Header, of_user};
use super::body::file_below;
use super::literal;
use super::notes::{Notes, told};
use super::words::Word;
use crate::send::draft::{Auth, Draft, Pair, Part, TlsDraft};
use data::Piece;
use options::{Known, Meaning};

/// Addresses of one line at most.
const MAX_URLS: usize = 100;
/// What is said of several addresses at once at most, bytes.
const REPEATED_BYTES_MAX: usize = 8 << 20;

/// Reads the arguments of one curl; those after `--next` are another request. `printed` is what was piped into it.
pub(super) fn read(words: &[Word], printed: &mut [Vec<u8>], notes: &mut Notes) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let printed_bytes: usize = printed.iter().map(Vec::len).sum();
    for words in words.split(|word| matches!(word.text(), Some("--next" | "-:"))) {
        let num_bytes = printed_bytes + words.iter().map(|word| word.bytes.len()).sum::<usize>();
        let mut line = CurlLine::new(printed);
        line.read(words, notes);
        // All that a line says is said again of each of its addresses.
        drafts.extend(line.drafts((REPEATED_BYTES_MAX / num_bytes.max(1)).clamp(1, MAX_URLS), notes));
    }
    drafts
}

/// What the options of a line say.
struct CurlLine<'a> {
    /// What was piped into it; once read it is empty.
    printed: &'a mut [Vec<u8>],
    urls: Vec<String>,
    method: Option<String>,
    headers: Vec<Pair>,
    data: Vec<Piece>,
    /// Whether there was data, also where it was left out: then it is no GET.
    has_data: bool,
    is_json: bool,
    parts: Vec<Part>,
    is_form: bool,
    in_query: bool,
    is_head: bool,
    query: Vec<Vec<u8>>,
    credentials: Credentials,
    tls: TlsDraft,
    timeout_s: Option<f64>,
    takes_braces: bool,
}

impl<'a> CurlLine<'a> {
    fn new(printed: &'a mut [Vec<u8>]) -> Self {
        Self {
            printed,
            urls: Vec::new(),
            method: None,
            headers: Vec::new(),
            data: Vec::new(),
            has_data: false,
            is_json: false,
            parts: Vec::new(),
            is_form: false,
            in_query: false,
            is_head: false,
            query: Vec::new(),
            credentials: Credentials::new(),
            tls: TlsDraft::default(),
            timeout_s: None,
            takes_braces: false,
        }
    }

    fn read(&mut self, words: &[Word], notes: &mut Notes) {
        let mut words = words.iter();
        let mut only_addresses = false;
        while let Some(word) = words.next() {
            let Some(text) = word.text().filter(|text| !only_addresses && text.len() > 1 && text.starts_with('-')) else {
                self.url(word, notes);
                continue;
            };
            if text == "--" {
                only_addresses = true;
            } else if let Some(name) = text.strip_prefix("--") {
                self.long(name, word, &mut words, notes);
            } else {
                self.short(text, word, &mut words, notes);
            }
        }
    }

    fn long<'w>(&mut self, name: &str, word: &Word, words: &mut impl Iterator<Item = &'w Word>, notes: &mut Notes) {
        let (name, attached) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
        let Some(known) = options::long(name) else {
            notes.add(format!("The option --{} is not known; it was left out.", told(name)));
            return;
        };
        if !known.has_value {
            return self.flag(known, notes);
        }
        let value = match attached {
            Some(value) => Some(Word { bytes: value.as_bytes().to_vec(), is_live: word.is_live }),
            None => words.next().cloned(),
        };
        self.value(known, value, notes);
    }

    /// Flags may stand together, and a value right behind its option: `-sSLXPOST`.
    fn short<'w>(&mut self, text: &str, word: &Word, words: &mut impl Iterator<Item = &'w Word>, notes: &mut Notes) {
        for (at, letter) in text.char_indices().skip(1) {
            let Some(known) = options::short(letter) else {
                notes.add(format!("The option -{} is not known; it was left out.", told(&letter.to_string())));
                continue;
            };
            if !known.has_value {
                self.flag(known, notes);
                continue;
            }
            let attached = &text[at + letter.len_utf8()..];
            let value = if attached.is_empty() { words.next().cloned() } else { Some(Word { bytes: attached.as_bytes().to_vec(), is_live: word.is_live }) };
            return self.value(known, value, notes);
        }
    }

    fn flag(&mut self, known: Known, notes: &mut Notes) {
        match known.meaning {
            Meaning::Get => self.in_query = true,
            Meaning::Head => self.is_head = true,
            Meaning::Insecure => {
                self.tls.unchecked = true;
                notes.add("The server's certificate is not looked at, as the line says (--insecure). Undo that where the server can prove who it is.");
            }
            Meaning::BracesAsTheyAre => self.takes_braces = true,
            Meaning::Redirects => notes.add("An answer that leads elsewhere is shown and not followed (--location was left out)."),
            Meaning::Told => notes.add(format!("The option {} has no counterpart; it was left out.", known.told())),
            _ => {}
        }
    }

    fn value(&mut self, known: Known, value: Option<Word>, notes: &mut Notes) {
        let Some(value) = value else {
            notes.add(format!("The option {} has no value; it was left out.", known.told()));
            return;
        };
        match known.meaning {
            Meaning::Url => return self.url(&value, notes),
            Meaning::Header => return self.header(&value, notes),
            Meaning::Data(kind) => {
                tell_live(&value, notes);
                self.is_json |= kind == data::Kind::Json;
                self.has_data = true;
                return self.data.extend(data::piece(kind, value.bytes, self.printed, notes));
            }
            Meaning::Cookie => return notes.add("Cookies were left out. Write the header again where they are no secret."),
            Meaning::Told => return notes.add(format!("The option {} has no counterpart; it was left out.", known.told())),
            Meaning::Ignored => return,
            _ => {}
        }
        let Some(text) = value.text() else {
            notes.add(format!("The value of {} is no text; it was left out.", known.told()));
            return;
        };
        match known.meaning {
            Meaning::User => return self.credentials.take(of_user(text, value.is_live), notes),
            Meaning::Bearer => {
                let secret = super::auth::variable(text).filter(|_| value.is_live).unwrap_or_else(|| "token".to_owned());
                return self.credentials.take(Auth::Bearer { secret }, notes);
            }
            _ => tell_live(&value, notes),
        }
        match known.meaning {
            Meaning::Method => self.method = Some(text.to_owned()),
            Meaning::Form => {
                self.is_form = true;
                self.parts.extend(data::part(text, true, notes));
            }
            Meaning::FormString => {
                self.is_form = true;
                self.parts.extend(data::part(text, false, notes));
            }
            Meaning::Query => self.query.extend(data::urlencoded(text.strip_prefix('+').unwrap_or(text).as_bytes(), notes)),
            Meaning::Agent => self.headers.push(Pair::new("User-Agent", literal(text))),
            Meaning::Referer => self.headers.push(Pair::new("Referer", literal(text.trim_end_matches(";auto")))),
            Meaning::Timeout => self.timeout(text, notes),
            Meaning::RootCertificates => match file_below(text) {
                Some(name) => self.tls.root_certificates = name,
                None => tell_file(known.name, notes),
            },
            Meaning::Identity => self.identity(text, notes),
            _ => {}
        }
    }

    fn identity(&mut self, text: &str, notes: &mut Notes) {
        let (mut name, mut has_password, mut chars) = (String::new(), false, text.chars().peekable());
        while let Some(c) = chars.next() {
            match c {
                '\\' if matches!(chars.peek(), Some('\\' | ':')) => name.extend(chars.next()),
                ':' => {
                    has_password = true;
                    break;
                }
                _ => name.push(c),
            }
        }
        if has_password {
            notes.add("The password of a certificate was left out; the file has to open without one.");
        }
        match file_below(&name) {
            Some(name) => {
                self.tls.identity = name;
                notes.add("The file of the identity has to hold the certificate and its key, both PEM.");
            }
            None => tell_file("--cert", notes),
        }
    }

    fn timeout(&mut self, text: &str, notes: &mut Notes) {
        match text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && seconds.is_finite()) {
            Some(seconds) if seconds <= 3_600.0 => self.timeout_s = Some(seconds),
            Some(_) => {
                self.timeout_s = Some(3_600.0);
                notes.add("A request may take an hour at most; the line allows more.");
            }
            None => notes.add("The value of --max-time is no number of seconds; it was left out."),
        }
    }

    fn url(&mut self, word: &Word, notes: &mut Notes) {
        tell_live(word, notes);
        match word.text() {
            Some(url) => self.urls.push(url.to_owned()),
            None => notes.add("An address is no text; it was left out."),
        }
    }

    fn header(&mut self, word: &Word, notes: &mut Notes) {
        match word.bytes.strip_prefix(b"@") {
            Some(b"-") => self.read_headers(1, notes),
            Some(b"/dev/fd/3") => self.read_headers(2, notes),
            Some(_) => notes.add("Headers in a file were left out (-H @…): paste them."),
            None => self.one_header(&word.bytes, word.is_live, notes),
        }
    }

    /// Reads headers out of what was printed, `from_end` commands before.
    fn read_headers(&mut self, from_end: usize, notes: &mut Notes) {
        let at = self.printed.len().checked_sub(from_end);
        match at.and_then(|at| self.printed.get_mut(at)).map(std::mem::take) {
            Some(printed) => printed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).for_each(|line| self.one_header(line, false, notes)),
            None => notes.add("Headers in a file were left out (-H @…): paste them."),
        }
    }

    fn one_header(&mut self, bytes: &[u8], is_live: bool, notes: &mut Notes) {
        let Ok(text) = std::str::from_utf8(bytes) else {
            let name = bytes.split(|byte| *byte == b':').next().unwrap_or_default();
            notes.add(format!("The value of the header {} is no text; it was left out.", told(&String::from_utf8_lossy(name))));
            return;
        };
        let (name, value) = match text.split_once(':') {
            // A name without a value takes away what curl would add by itself.
            Some((name, value)) if value.trim().is_empty() => {
                if name.eq_ignore_ascii_case("content-type") {
                    notes.add("A body is always sent with its type; the line sends none.");
                }
                return;
            }
            Some((name, value)) => (name, value),
            None => match text.trim_end().strip_suffix(';') {
                Some(name) => (name, ""),
                None => return notes.add(format!("{} is no header; it was left out.", told(text))),
            },
        };
        let (name, value) = (name.trim(), value.trim());
        match self.credentials.typed(name, value, is_live, notes) {
            Header::Kept => {
                if is_live {
                    notes.add(LIVE);
                }
                self.headers.push(Pair::new(literal(name), literal(value)));
            }
            Header::Auth(auth) => self.credentials.take(auth, notes),
            Header::Dropped => {}
        }
    }
}

/// What is told of a word in which a shell would put something.
const LIVE: &str = "What a shell would put in the place of $ or ` stands as it is written. Make it a variable in double braces.";

fn tell_live(word: &Word, notes: &mut Notes) {
    if word.is_live {
        notes.add(LIVE);
    }
}

fn tell_file(option: &str, notes: &mut Notes) {
    notes.add(format!("The file of {option} was left out: it lies outside the folder of requests. Copy it there and name it."));
}
