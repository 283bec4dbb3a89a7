//! Which records are replayed: those that are marked, or a range of their channel. Pure.

use switchboard_desk::send::replay::{AskedLetters, AskedRange, RangeOf, ReplayAsk, ReplayTarget};

/// Which records are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those that were asked for.
    AsAsked,
    /// Offsets of a partition.
    Offsets,
    /// A span of time.
    Times,
}

impl Which {
    /// All, as they are called where these were asked for.
    pub(super) fn all(asked: &AskedLetters) -> [(Self, &'static str); 3] {
        let as_asked = if matches!(asked, AskedLetters::Ranges(_)) { "as asked for" } else { "as marked" };
        [(Self::AsAsked, as_asked), (Self::Offsets, "offsets"), (Self::Times, "a time")]
    }
}

/// What is chosen, and what is typed of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RangeForm {
    /// The channel.
    pub channel: String,
    /// Which records are meant.
    pub which: Which,
    /// The partition.
    pub partition: String,
    /// The first offset.
    pub from: String,
    /// The last offset.
    pub to: String,
    /// Where the span of time begins.
    pub from_time: String,
    /// Where it ends.
    pub to_time: String,
}

impl RangeForm {
    /// As something was asked for; where nothing is marked, a range is to be typed.
    pub(super) fn of(ask: &ReplayAsk) -> Self {
        let blank = Self {
            channel: if let ReplayTarget::One(channel) = &ask.target { channel.clone() } else { String::new() },
            which: Which::AsAsked,
            partition: "0".to_owned(),
            from: String::new(),
            to: String::new(),
            from_time: String::new(),
            to_time: String::new(),
        };
        match &ask.letters {
            AskedLetters::These(letters) => match letters.first() {
                Some(first) => Self { channel: first.letter.at.channel.clone(), ..blank },
                None => Self { which: Which::Offsets, ..blank },
            },
            AskedLetters::File(_) => blank,
            AskedLetters::AllOpen { cause, .. } => Self { channel: cause.channel.clone(), ..blank },
            AskedLetters::Ranges(ranges) => match ranges.as_slice() {
                [AskedRange { channel, of: RangeOf::Offsets { partition, from, to } }] => Self {
                    channel: channel.clone(),
                    which: Which::Offsets,
                    partition: partition.to_string(),
                    from: from.to_string(),
                    to: to.to_string(),
                    ..blank
                },
                // Their times were typed here, or stand in a plan's file.
                ranges => Self { channel: ranges.first().map_or(blank.channel.clone(), |range| range.channel.clone()), ..blank },
            },
        }
    }

    /// The records that are meant; the reason where what was typed is no range.
    pub(super) fn letters(&self, asked: &AskedLetters) -> Result<AskedLetters, String> {
        let range = match self.which {
            Which::AsAsked if matches!(asked, AskedLetters::These(letters) if letters.is_empty()) => {
                return Err("nothing is marked: mark records first (Space, or A for all), or choose offsets or a time".to_owned());
            }
            Which::AsAsked => return Ok(asked.clone()),
            Which::Offsets => AskedRange::typed_offsets(&self.channel, &self.partition, &self.from, &self.to)?,
            Which::Times => AskedRange::typed_times(&self.channel, &self.from_time, &self.to_time)?,
        };
        Ok(AskedLetters::Ranges(vec![range]))
    }
}
