//! A record as a line for kcat (1.7), whose producer reads keys and values from its standard input, divided by bytes that are told to it.

use switchboard_model::{OutgoingRecord, RawHeader, Redactor, Route};

use super::shell::{ARGUMENT_BYTES_MAX, Line, Unspeakable, is_plain, told};
use crate::send::plan::{Plan, Planned, PlannedRecord};

/// What is sent, as a line for kcat and a POSIX shell. A plan of another kind, or a record that kcat cannot write, is a comment that says so; what else
/// kcat cannot express is told in comments before the line.
pub fn to_kcat(plan: &Plan, brokers: &str) -> String {
    let mut line = Line::new("kcat");
    let Planned::Record(planned) = &plan.what else { return line.unspeakable("kcat sends records; this is none") };
    match write(&mut line, planned, brokers) {
        Ok(input) => line.finish(Some(&input), None),
        Err(Cannot::Say(field)) => line.unspeakable(&format!("the {field} of this record holds what no argument of a program can hold")),
        Err(Cannot::Send(what)) => line.unspeakable(&format!("kcat cannot send {what}")),
    }
}

/// Why there is no line.
enum Cannot {
    Say(&'static str),
    Send(&'static str),
}

impl From<Unspeakable> for Cannot {
    fn from(Unspeakable(field): Unspeakable) -> Self {
        Self::Say(field)
    }
}

fn write(line: &mut Line, planned: &PlannedRecord, brokers: &str) -> Result<Vec<u8>, Cannot> {
    let record = &planned.record;
    line.word("-P");
    line.option("-b", "brokers", brokers)?;
    line.option("-t", "topic", &record.channel)?;
    match record.route {
        Route::Partition(partition) => line.option("-p", "partition", &partition.to_string())?,
        // Librdkafka's own choice is another one than that of Java's clients.
        Route::Key => line.option("-X", "partitioner", "partitioner=murmur2_random")?,
        Route::Exchange { .. } => return Err(Cannot::Send("through an exchange")),
    }
    if record.timestamp_ms.is_some() {
        line.comment("kcat sets no timestamp: the record carries the time at which it is sent");
    }
    headers(line, &record.headers)?;
    payload(line, record)
}

fn headers(line: &mut Line, headers: &[RawHeader]) -> Result<(), Unspeakable> {
    let redactor = Redactor::new([0; 16], &[]);
    for header in headers {
        let name = header.name.as_str();
        let value =
            header.value.as_deref().map(|bytes| std::str::from_utf8(bytes).ok().filter(|text| is_plain(text) && name.len() + text.len() < ARGUMENT_BYTES_MAX));
        if name.is_empty() || name.contains('=') || !is_plain(name) || name.len() > ARGUMENT_BYTES_MAX {
            line.comment(&format!("kcat can send no header of the name {}: it is left out", told(name)));
        } else if value.is_some() && redactor.is_secret_name(name) {
            line.secret("-H", "headers", &format!("{name}="), name)?;
        } else {
            match value {
                // A name alone is a header of which the value is null.
                None => line.option("-H", "headers", name)?,
                Some(Some(text)) => line.option("-H", "headers", &format!("{name}={text}"))?,
                Some(None) => line.comment(&format!("kcat can send neither bytes nor a long text in a header: {} is left out", told(name))),
            }
        }
    }
    Ok(())
}

/// Says how key and value are read; gives back what is read.
fn payload(line: &mut Line, record: &OutgoingRecord) -> Result<Vec<u8>, Cannot> {
    // Kcat passes by an input that is empty. With a divider between key and value it is not; then -Z tells null from empty.
    let (key, value) = (record.key.as_deref(), record.value.as_deref());
    let argument = key.and_then(|key| std::str::from_utf8(key).ok()).filter(|key| is_plain(key) && key.len() <= ARGUMENT_BYTES_MAX);
    let divides = match (key, value) {
        (None, Some(b"")) => return Err(Cannot::Send("a record without key of which the value is empty")),
        (_, None | Some(b"")) => true,
        (Some(_), _) => argument.is_none(),
        (None, _) => false,
    };
    let mut input = Vec::new();
    if divides {
        if value.is_none() {
            line.word("-Z");
        }
        match (key, argument) {
            // An empty key would be null by -Z, were it read.
            (Some(b""), _) if value.is_none() => line.option("-k", "key", "")?,
            (Some(key), _) => input.extend_from_slice(key),
            (None, _) => {}
        }
        let divider = absent_from(&input, 0x1f).ok_or(Cannot::Send("a key that holds every byte"))?;
        line.option("-K", "divider", &written(&divider))?;
        input.extend_from_slice(&divider);
    } else if let Some(key) = argument {
        line.option("-k", "key", key)?;
    }
    input.extend_from_slice(value.unwrap_or_default());
    if input.contains(&b'\n') {
        let end = absent_from(&input, 0x1e).ok_or(Cannot::Send("a value that holds every sequence of bytes by which it could end"))?;
        line.option("-D", "divider", &written(&end))?;
    }
    Ok(input)
}

/// A sequence that bytes do not hold, of one byte where possible: `first`, or another.
fn absent_from(bytes: &[u8], first: u8) -> Option<Vec<u8>> {
    // Neither NUL, which ends kcat's texts, nor what its escapes are made of.
    let may_divide = |byte: &u8| !matches!(byte, 0 | b'\\');
    let mut has = [false; 256];
    for byte in bytes {
        has[usize::from(*byte)] = true;
    }
    if let Some(byte) = std::iter::once(first).chain(1..=255).filter(may_divide).find(|byte| !has[usize::from(*byte)]) {
        return Some(vec![byte]);
    }
    // Of three bytes there are more sequences than a record of Kafka's has bytes.
    let mut has = vec![0_u64; 1 << 18];
    for window in bytes.windows(3) {
        let at = usize::from(window[0]) << 16 | usize::from(window[1]) << 8 | usize::from(window[2]);
        has[at >> 6] |= 1 << (at & 63);
    }
    let absent = (0..1_usize << 24).map(|at| (at, [(at >> 16) as u8, (at >> 8) as u8, at as u8]));
    // All three differ, so that none begins within another, or across the edge of what it divides.
    let mut absent = absent.filter(|(at, three)| has[at >> 6] & 1 << (at & 63) == 0 && three.iter().all(may_divide));
    absent.find(|(_, [a, b, c])| a != b && b != c && a != c).map(|(_, three)| three.to_vec())
}

/// Bytes as kcat's options have them.
fn written(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |written, byte| written + &format!("\\x{byte:02x}"))
}
