//! What became of the items of a request.

/// Why one item was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// The trace id has not 16 bytes or is all zero.
    TraceId,
    /// The span id has not 8 bytes or is all zero.
    SpanId,
    /// The parent's id is there and has not 8 bytes.
    ParentId,
    /// Its bytes are broken.
    Malformed,
    /// It is an item of another signal.
    OtherSignal,
}

/// Characters of what could not be read that are told.
const MAX_TOLD_CHARS: usize = 120;

/// Why something could not be read, without what stood there, which may be a secret, and where in the text it stood, which says
/// nothing to anybody.
fn without_values(why: &dyn std::fmt::Display) -> String {
    let why = why.to_string();
    why.split(" at line ").next().unwrap_or_default().split(['"', '`']).next().unwrap_or_default().trim_end().to_owned()
}

/// A part of an item that may be left out without the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Attribute,
    Event,
    Link,
    Body,
}

impl Part {
    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::Event => "event",
            Self::Link => "link",
            Self::Body => "body",
        }
    }
}

/// Parts of stored items that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// By [`Part`].
    pub(crate) num: [u64; 4],
    /// The first of them, and why it could not be read.
    pub(crate) first: Option<(Part, String)>,
}

impl Lost {
    /// A part could not be read. `name` is its own, as far as it is known.
    pub(crate) fn add(&mut self, part: Part, name: &str, why: &dyn std::fmt::Display) {
        self.num[part as usize] += 1;
        if self.first.is_none() {
            let why = without_values(why);
            let told = if name.is_empty() { format!("{}: {why}", part.name()) } else { format!("{} {name:?}: {why}", part.name()) };
            self.first = Some((part, told.chars().take(MAX_TOLD_CHARS).collect()));
        }
    }

    /// Adds what another part of the request lost.
    pub(crate) fn merge(&mut self, other: Self) {
        for (num, more) in self.num.iter_mut().zip(other.num) {
            *num += more;
        }
        self.first = self.first.take().or(other.first);
    }

    pub(crate) fn num_all(&self) -> u64 {
        self.num.iter().sum()
    }

    /// What was lost, in English: "2 attributes, 1 event (attribute "x": …)".
    pub(crate) fn summary(&self) -> String {
        let parts = [Part::Attribute, Part::Event, Part::Link, Part::Body].map(|part| (part, self.num[part as usize]));
        let plural = |(part, num): &(Part, u64)| match (part, num) {
            (Part::Body, 2..) => format!("{num} bodies"),
            (part, num) => format!("{num} {}{}", part.name(), if *num == 1 { "" } else { "s" }),
        };
        let counts: Vec<String> = parts.iter().filter(|(_, num)| *num > 0).map(plural).collect();
        let first = self.first.as_ref().map_or("", |(_, first)| first);
        format!("{} ({first})", counts.join(", "))
    }
}

/// The items of a request: how many there are, and how many were left out for which reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// All items, those included that were not looked at because nobody took the batches any more.
    pub(crate) num_items: u64,
    /// Items left out, by [`Rejection`].
    rejected: [u64; 5],
    /// Whether the sender's JSON was read only by lenience (base64 ids).
    pub(crate) has_base64_ids: bool,
    /// What of the stored items could not be read.
    pub(crate) lost: Lost,
    /// Why the first item that could not be decoded could not.
    pub(crate) first_malformed: Option<String>,
}

impl Tally {
    pub(crate) fn of_items(num_items: u64) -> Self {
        Self { num_items, ..Self::default() }
    }

    pub(crate) fn reject(&mut self, why: Rejection) {
        self.rejected[why as usize] += 1;
    }

    /// An item that could not be decoded is left out; why.
    pub(crate) fn note_malformed(&mut self, why: &dyn std::fmt::Display) {
        self.first_malformed.get_or_insert_with(|| without_values(why).chars().take(MAX_TOLD_CHARS).collect());
    }

    /// The rule by which items were left out, in a word or two.
    pub(crate) fn rule(&self) -> &'static str {
        let num_ids = self.of(Rejection::TraceId) + self.of(Rejection::SpanId) + self.of(Rejection::ParentId);
        match self.num_rejected() {
            num if num == self.of(Rejection::OtherSignal) => "other signal",
            _ if num_ids > 0 => "ids",
            _ => "undecodable item",
        }
    }

    pub(crate) fn num_rejected(&self) -> u64 {
        self.rejected.iter().sum()
    }

    pub(crate) fn of(&self, why: Rejection) -> u64 {
        self.rejected[why as usize]
    }

    /// The rejections in English, for the developer who reads the sender's log.
    pub(crate) fn reasons(&self) -> String {
        const SENTENCES: [&str; 5] = [
            "without a valid trace id (16 bytes, not all zero)",
            "without a valid span id (8 bytes, not all zero)",
            "with a parent span id that has not 8 bytes",
            "that could not be decoded",
            "of another signal",
        ];
        let parts: Vec<String> =
            self.rejected.iter().zip(SENTENCES).filter(|(count, _)| **count > 0).map(|(count, sentence)| format!("{count} {sentence}")).collect();
        let malformed = self.first_malformed.as_ref().filter(|_| self.of(Rejection::Malformed) > 0);
        parts.join(", ") + &malformed.map(|why| format!(" ({why})")).unwrap_or_default()
    }
}
