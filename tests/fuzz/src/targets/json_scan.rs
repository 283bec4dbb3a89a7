//! Where the parts of a JSON text stand, found by hand: another way than that of what is fuzzed. The text is known to be JSON.

use std::ops::Range;

/// A member of an object, or an element of an array.
pub struct Part {
    /// Where its name stands, with its quotes; an element of an array has none.
    pub name: Option<Range<usize>>,
    /// Where its value stands.
    pub value: Range<usize>,
}

impl Part {
    /// All of it.
    pub fn whole(&self) -> Range<usize> {
        self.name.as_ref().map_or(self.value.start, |name| name.start)..self.value.end
    }

    /// What it is called; a name that is no Unicode has none.
    pub fn name(&self, text: &str) -> Option<String> {
        serde_json::from_str(&text[self.name.clone()?]).ok()
    }
}

/// Where the value stands that begins here or after some space.
pub fn value(text: &str, from: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let start = space(bytes, from);
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        match bytes[at] {
            b'"' => at = string(bytes, at),
            b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
            b'}' | b']' => (at, depth) = (at + 1, depth - 1),
            _ if depth > 0 => at += 1,
            _ => at += bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count(),
        }
        if depth == 0 {
            return start..at;
        }
    }
}

/// What stands in an object or an array; `None` = it is neither.
pub fn parts(text: &str, of: &Range<usize>) -> Option<Vec<Part>> {
    let bytes = text.as_bytes();
    let is_object = match bytes[of.start] {
        b'{' => true,
        b'[' => false,
        _ => return None,
    };
    let (mut found, mut at) = (Vec::new(), space(bytes, of.start + 1));
    while at + 1 < of.end {
        let name = is_object.then(|| at..string(bytes, at));
        if let Some(name) = &name {
            // Behind the colon.
            at = space(bytes, name.end) + 1;
        }
        let value = value(text, at);
        // Behind the comma, where there is one.
        at = space(bytes, value.end);
        at = space(bytes, at + usize::from(bytes[at] == b','));
        found.push(Part { name, value });
    }
    Some(found)
}

fn space(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| b" \t\r\n".contains(byte)).count()
}

/// Behind the string that begins here.
fn string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}
