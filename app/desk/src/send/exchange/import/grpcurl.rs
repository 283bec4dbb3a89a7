//! A line of grpcurl, whose options are written as Go's programs have them: `-d text`, `-d=text`, with one dash or two.

use super::auth::{Credentials, Header};
use super::body::file_below;
use super::notes::{Notes, told};
use super::words::Word;
use super::{ImportError, literal};
use crate::send::draft::{DEFAULT_TIMEOUT_S, Draft, GrpcDraft, Pair, Request, SchemaFrom, TlsDraft};

/// Flags that change nothing of what is sent, or only how it is shown.
const IGNORED: [&str; 9] = ["v", "vv", "emit-defaults", "format-error", "msg-template", "use-reflection", "allow-unknown-fields", "help", "version"];
/// Options with a value that change nothing of what is sent.
const IGNORED_WITH_VALUE: [&str; 5] = ["connect-timeout", "keepalive-time", "max-msg-sz", "protoset-out", "proto-out-dir"];
/// Flags without a counterpart.
const TOLD: [&str; 4] = ["alts", "expand-headers", "unix", "xds"];
/// Options with a value that have none.
const TOLD_WITH_VALUE: [&str; 6] = ["servername", "user-agent", "reflect-header", "format", "alts-handshaker-service", "alts-target-service-account"];

/// Reads the arguments of one grpcurl. `printed` is what was piped into it.
pub(super) fn read(words: &[Word], printed: &mut [Vec<u8>], notes: &mut Notes) -> Result<Option<Draft>, ImportError> {
    let mut line = GrpcurlLine {
        printed,
        plain: false,
        metadata: Vec::new(),
        data: None,
        files: Vec::new(),
        roots: Vec::new(),
        descriptors: None,
        credentials: Credentials::new(),
        tls: TlsDraft::default(),
        authority: String::new(),
        deadline_s: None,
    };
    let rest = line.read(words, notes);
    let rest: Vec<&str> = rest.iter().filter_map(|word| word.text()).collect();
    match rest[..] {
        [_, "list" | "describe", ..] | ["list" | "describe", ..] => {
            Err(ImportError::Empty("list and describe make no call. Choose Reflection in a call instead"))
        }
        [address, method] => Ok(Some(line.draft(address, method, notes))),
        [address, method, ..] => {
            notes.add("What stands behind the method was left out.");
            Ok(Some(line.draft(address, method, notes)))
        }
        _ => Err(ImportError::Empty("a line of grpcurl ends with an address and a method")),
    }
}

/// What the options of a line say.
struct GrpcurlLine<'a> {
    printed: &'a mut [Vec<u8>],
    plain: bool,
    metadata: Vec<Pair>,
    data: Option<String>,
    files: Vec<String>,
    roots: Vec<String>,
    descriptors: Option<String>,
    credentials: Credentials,
    tls: TlsDraft,
    authority: String,
    deadline_s: Option<f64>,
}

impl GrpcurlLine<'_> {
    /// Reads options; gives back what stands behind them.
    fn read<'w>(&mut self, words: &'w [Word], notes: &mut Notes) -> &'w [Word] {
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let Some(name) = word.text().and_then(|text| text.strip_prefix('-')).filter(|name| !name.is_empty()) else { break };
            at += 1;
            if name == "-" {
                break;
            }
            let name = name.strip_prefix('-').unwrap_or(name);
            let (name, attached) = name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
            if self.flag(name, notes) {
                continue;
            }
            let (value, is_live) = if attached.is_some() {
                (attached, word.is_live)
            } else {
                let next = words.get(at);
                at += 1;
                (next.and_then(Word::text), next.is_some_and(|word| word.is_live))
            };
            match value {
                Some(value) => self.value(name, value, is_live, notes),
                None => notes.add(format!("The value of -{} is missing or no text; it was left out.", told(name))),
            }
        }
        words.get(at..).unwrap_or_default()
    }

    /// Takes an option that has no value; `false` where it is none of these.
    fn flag(&mut self, name: &str, notes: &mut Notes) -> bool {
        match name {
            "plaintext" => self.plain = true,
            "insecure" => {
                self.tls.unchecked = true;
                notes.add("The server's certificate is not looked at, as the line says (-insecure). Undo that where the server can prove who it is.");
            }
            _ if IGNORED.contains(&name) => {}
            _ if TOLD.contains(&name) => notes.add(format!("The option -{name} has no counterpart; it was left out.")),
            _ => return false,
        }
        true
    }

    fn value(&mut self, name: &str, value: &str, is_live: bool, notes: &mut Notes) {
        let mut file = |option: &str| {
            let below = file_below(value);
            if below.is_none() {
                notes.add(format!("The file of -{option} was left out: it lies outside the folder of requests. Copy it there and name it."));
            }
            below
        };
        match name {
            "proto" => self.files.extend(file(name)),
            "import-path" if value == "." || value == "./" || value == "./." => self.roots.push(".".to_owned()),
            "import-path" => self.roots.extend(file(name)),
            "protoset" => self.descriptors = file(name).or(self.descriptors.take()),
            "cacert" => self.tls.root_certificates = file(name).unwrap_or_default(),
            "cert" => {
                self.tls.identity = file(name).unwrap_or_default();
                notes.add("The file of the identity has to hold the certificate and its key, both PEM.");
            }
            "key" => {}
            "authority" => self.authority = literal(value),
            "d" => self.data = self.messages(value, is_live, notes),
            "H" | "rpc-header" => self.header(value, is_live, notes),
            "max-time" => match value.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds <= 3_600.0) {
                Some(seconds) => self.deadline_s = Some(seconds),
                None => notes.add("The value of -max-time is no number of seconds up to an hour; it was left out."),
            },
            _ if IGNORED_WITH_VALUE.contains(&name) => {}
            _ if TOLD_WITH_VALUE.contains(&name) => notes.add(format!("The option -{name} has no counterpart; it was left out.")),
            _ => notes.add(format!("The option -{} is not known; it was left out, with what stands behind it.", told(name))),
        }
    }

    fn messages(&mut self, value: &str, is_live: bool, notes: &mut Notes) -> Option<String> {
        if value == "@" {
            let printed = self.printed.last_mut().and_then(|printed| String::from_utf8(std::mem::take(printed)).ok());
            if printed.is_none() {
                notes.add("The messages come from the standard input, which is not read (-d @): paste them.");
            }
            return printed;
        }
        if is_live {
            notes.add("What a shell would put in the place of $ or ` stands as it is written. Make it a variable in double braces.");
        }
        Some(value.to_owned())
    }

    fn header(&mut self, value: &str, is_live: bool, notes: &mut Notes) {
        let (name, value) = value.split_once(':').unwrap_or((value, ""));
        let (name, value) = (name.trim(), value.trim());
        match self.credentials.typed(name, value, is_live, notes) {
            Header::Kept => self.metadata.push(Pair::new(literal(name), literal(value))),
            Header::Auth(auth) => self.credentials.take(auth, notes),
            Header::Dropped => {}
        }
    }

    fn draft(self, address: &str, method: &str, notes: &mut Notes) -> Draft {
        if address.contains("://") || address.starts_with("unix:") || address.starts_with("dns:") {
            notes.add("The address names how it is looked up, which has no counterpart. Write host and port.");
        }
        let messages = match &self.data {
            None => vec!["{}".to_owned()],
            Some(data) => messages(data, notes),
        };
        let schema = match self.descriptors {
            Some(name) => {
                if !self.files.is_empty() {
                    notes.add("The schema comes from one place; the .proto files were left out.");
                }
                SchemaFrom::DescriptorSet(name)
            }
            None if self.files.is_empty() => SchemaFrom::Reflection,
            None => {
                let is_own = self.roots == ["."];
                SchemaFrom::Protos { files: self.files, roots: if is_own { Vec::new() } else { self.roots } }
            }
        };
        let auth = self.credentials.finish(notes);
        let grpc = GrpcDraft {
            url: format!("{}://{}", if self.plain { "http" } else { "https" }, literal(address)),
            method: literal(method),
            schema,
            metadata: self.metadata,
            auth,
            messages,
            deadline_s: self.deadline_s.unwrap_or(DEFAULT_TIMEOUT_S),
            authority: self.authority,
            tls: self.tls,
            ..GrpcDraft::default()
        };
        Draft { name: String::new(), request: Request::Grpc(grpc) }
    }
}

/// The messages of a text in which one JSON value stands behind another.
fn messages(text: &str, notes: &mut Notes) -> Vec<String> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    let (mut messages, mut begin) = (Vec::new(), 0);
    while let Some(read) = values.next() {
        if read.is_err() {
            notes.add("What is sent is no JSON. Correct the message.");
            messages.push(literal(text[begin..].trim()));
            break;
        }
        let end = values.byte_offset();
        messages.push(literal(text[begin..end].trim()));
        begin = end;
    }
    messages
}
