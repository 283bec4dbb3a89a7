//! A range of a channel as what is to be sent again: which places it has now. Nothing of it has to have been read before.

use std::ops::Range;

use switchboard_model::{MessageRef, OperationFailure, Place};

use crate::send::replay::{AskedLetter, ClusterAccess};

/// So many places of all ranges are looked at.
pub(super) const PLACES_MAX: usize = 50_000;

/// A range of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedRange {
    /// The channel.
    pub channel: String,
    /// What of it.
    pub of: RangeOf,
}

/// What of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeOf {
    /// These offsets of a partition.
    Offsets {
        /// The partition.
        partition: i32,
        /// The first.
        from: i64,
        /// The last.
        to: i64,
    },
    /// What bears a time of this span, in all partitions, as far as the first record that is as late as its end.
    Times {
        /// Its begin, ns since the Unix epoch.
        from_ns: i64,
        /// Its end, which is no part of it, ns since the Unix epoch.
        to_ns: i64,
    },
}

/// What ranges came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangesFound {
    /// Places that were looked at.
    pub num_places: usize,
    /// Of these, such at which no record lies: it was compacted away, or a transaction's marker lies there.
    pub num_empty: usize,
    /// Of these, such at which a record of another time lies.
    pub num_outside: usize,
    /// Partitions of which none is known, so that nothing of them was looked at; the notes say why.
    pub num_partitions_left_out: usize,
    /// What of them is not there, and where they are cut, in words.
    pub notes: Vec<String>,
}

/// A place of a range, and the times (ms since the Unix epoch) of which its record has to be; `None` = of any.
pub(super) type PlaceOfRange = (AskedLetter, Option<Range<i64>>);

impl AskedRange {
    /// Offsets of a partition, from the first to the last, as they are typed; the reason where they are none.
    pub fn typed_offsets(channel: &str, partition: &str, from: &str, to: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().replace(',', "").parse::<i64>().map_err(|_| format!("{text:?} is no offset; write a number"));
        let partition = partition.trim().parse().map_err(|_| format!("{partition:?} is no partition; write a number from 0 on"))?;
        let range = Self { channel: channel.to_owned(), of: RangeOf::Offsets { partition, from: number(from)?, to: number(to)? } };
        range.mistake().map_or(Ok(range), Err)
    }

    /// A span of time, its end left out, as it is typed (RFC 3339); the reason where it is none.
    pub fn typed_times(channel: &str, from: &str, to: &str) -> Result<Self, String> {
        let time = |text: &str| {
            let time = time::OffsetDateTime::parse(text.trim(), &time::format_description::well_known::Rfc3339).ok();
            let ns = time.and_then(|time| i64::try_from(time.unix_timestamp_nanos()).ok());
            ns.ok_or_else(|| format!("{text:?} is no time; write RFC 3339, such as 2026-11-21T10:00:00Z"))
        };
        let range = Self { channel: channel.to_owned(), of: RangeOf::Times { from_ns: time(from)?, to_ns: time(to)? } };
        range.mistake().map_or(Ok(range), Err)
    }

    /// Why it is no range; `None` = it is one.
    pub(super) fn mistake(&self) -> Option<String> {
        let of = match self.of {
            _ if self.channel.is_empty() => "name its channel",
            RangeOf::Offsets { partition, .. } if partition < 0 => "partitions begin with 0",
            RangeOf::Offsets { from, .. } if from < 0 => "offsets begin with 0",
            RangeOf::Offsets { from, to, .. } if from > to => "its last offset lies before its first; swap them",
            RangeOf::Times { from_ns, to_ns } if from_ns >= to_ns => "it ends before it begins; swap the two",
            RangeOf::Offsets { .. } | RangeOf::Times { .. } => return None,
        };
        Some(format!("{self} is no range: {of}"))
    }

    fn times_ms(&self) -> Option<Range<i64>> {
        match self.of {
            RangeOf::Offsets { .. } => None,
            // Records bear whole milliseconds: the first one that is not before the time.
            // Times before 1970 are words of the brokers' for other things, such as the end.
            RangeOf::Times { from_ns, to_ns } => Some(ceil_ms(from_ns).max(0)..ceil_ms(to_ns).max(0)),
        }
    }

    /// Its offsets, partition by partition, as they are now; what is not there, and which partitions are left out, is noted. The reason where nothing is known.
    async fn offsets(&self, access: &dyn ClusterAccess, found: &mut RangesFound) -> Result<Vec<(i32, Range<i64>)>, OperationFailure> {
        let channel = &self.channel;
        let times_ms = match (self.of, self.times_ms()) {
            (RangeOf::Offsets { partition, from, to }, _) => {
                let lies = access.extent(channel, partition).await?;
                return Ok(vec![(partition, self.within(partition, from..to.saturating_add(1), &lies, &mut found.notes))]);
            }
            (RangeOf::Times { .. }, times_ms) => times_ms.unwrap_or_default(),
        };
        let mut offsets = Vec::new();
        for (partition, extent) in access.extents(channel, times_ms).await? {
            match extent {
                Ok(extent) => offsets.push((partition, extent)),
                // The others can be sent all the same: what was sent is known by its place when the range is asked for again.
                Err(reason) => {
                    found.num_partitions_left_out += 1;
                    found.notes.push(format!("partition {partition} of {channel} is left out: {reason}. Ask for the range again once it can be read"));
                }
            }
        }
        Ok(offsets)
    }

    /// Of what lies in a partition, what is meant; what is not there is noted.
    fn within(&self, partition: i32, meant: Range<i64>, lies: &Range<i64>, notes: &mut Vec<String>) -> Range<i64> {
        let channel = &self.channel;
        if meant.start < lies.start {
            notes.push(format!("{channel} {partition} begins at offset {} by now: what was before has expired", lies.start));
        }
        if meant.end > lies.end {
            notes.push(format!("{channel} {partition} ends before offset {}: nothing lies there yet", lies.end));
        }
        let start = meant.start.clamp(lies.start, lies.end);
        start..meant.end.clamp(start, lies.end)
    }
}

fn ceil_ms(ns: i64) -> i64 {
    ns.div_euclid(1_000_000) + i64::from(ns.rem_euclid(1_000_000) > 0)
}

impl std::fmt::Display for AskedRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.of {
            RangeOf::Offsets { partition, from, to } => write!(f, "{} {partition}@{from} to {partition}@{to}", self.channel),
            RangeOf::Times { from_ns, to_ns } => write!(f, "{} from {from_ns} to {to_ns} ns since 1970", self.channel),
        }
    }
}

/// The places of ranges as they are now, partition by partition in their order, and what they came to; the reason where that is not known.
pub(super) async fn resolve(ranges: &[AskedRange], cluster: &str, access: &dyn ClusterAccess) -> Result<(Vec<PlaceOfRange>, RangesFound), OperationFailure> {
    let (mut places, mut found) = (Vec::new(), RangesFound::default());
    'ranges: for range in ranges {
        if places.len() >= PLACES_MAX {
            found.notes.push(format!("cut at {PLACES_MAX} places: {range} and what follows is left for another plan"));
            break;
        }
        let times_ms = range.times_ms();
        for (partition, offsets) in range.offsets(access, &mut found).await? {
            if places.len() >= PLACES_MAX && !offsets.is_empty() {
                found.notes.push(format!("cut at {PLACES_MAX} places: {} from partition {partition} on is left for another plan", range.channel));
                break 'ranges;
            }
            let room = i64::try_from(PLACES_MAX - places.len()).unwrap_or(i64::MAX);
            let cut = offsets.end.min(offsets.start.saturating_add(room));
            if cut < offsets.end {
                let (channel, last) = (&range.channel, offsets.end - 1);
                found.notes.push(format!("cut at {PLACES_MAX} places: {channel} {partition} from offset {cut} to {last} is left for another range"));
            }
            let at = |offset: i64| MessageRef { cluster: cluster.to_owned(), channel: range.channel.clone(), place: Place::at(partition, offset) };
            places.extend((offsets.start..cut).map(|offset| (AskedLetter::at(at(offset)), times_ms.clone())));
        }
    }
    found.num_places = places.len();
    Ok((places, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_offsets(partition: i32, from: i64, to: i64) -> AskedRange {
        AskedRange { channel: "orders".into(), of: RangeOf::Offsets { partition, from, to } }
    }

    #[test]
    fn what_is_no_range_says_why() {
        let times = |from_ns, to_ns| AskedRange { channel: "orders".into(), of: RangeOf::Times { from_ns, to_ns } };
        for (range, why) in [
            (of_offsets(0, 7, 7), None),
            (of_offsets(0, 8, 7), Some("orders 0@8 to 0@7 is no range: its last offset lies before its first; swap them")),
            (of_offsets(-1, 0, 7), Some("orders -1@0 to -1@7 is no range: partitions begin with 0")),
            (of_offsets(0, -2, 7), Some("orders 0@-2 to 0@7 is no range: offsets begin with 0")),
            (times(1, 2), None),
            (times(2, 2), Some("orders from 2 to 2 ns since 1970 is no range: it ends before it begins; swap the two")),
            (AskedRange { channel: String::new(), ..times(1, 2) }, Some(" from 1 to 2 ns since 1970 is no range: name its channel")),
        ] {
            assert_eq!(range.mistake().as_deref(), why);
        }
    }

    #[test]
    fn a_range_is_what_lies_there_of_it_and_what_does_not_is_noted() {
        for (range, offsets, noted) in [
            (of_offsets(0, 12, 15), 12..16, vec![]),
            (of_offsets(0, 3, 11), 10..12, vec!["orders 0 begins at offset 10 by now: what was before has expired"]),
            (of_offsets(0, 18, 25), 18..20, vec!["orders 0 ends before offset 20: nothing lies there yet"]),
            (of_offsets(0, 30, 40), 20..20, vec!["orders 0 ends before offset 20: nothing lies there yet"]),
            (of_offsets(0, 1, 2), 10..10, vec!["orders 0 begins at offset 10 by now: what was before has expired"]),
            (
                of_offsets(0, 0, i64::MAX),
                10..20,
                vec!["orders 0 begins at offset 10 by now: what was before has expired", "orders 0 ends before offset 20: nothing lies there yet"],
            ),
        ] {
            let mut notes = Vec::new();
            let RangeOf::Offsets { partition, from, to } = range.of else { panic!("{range}") };
            assert_eq!(range.within(partition, from..to.saturating_add(1), &(10..20), &mut notes), offsets, "{range}");
            assert_eq!(notes, noted, "{range}");
        }
    }

    #[test]
    fn what_is_typed_becomes_a_range_or_says_why_not() {
        assert_eq!(AskedRange::typed_offsets("orders", " 2", "1,204 ", "1300"), Ok(of_offsets(2, 1_204, 1_300)));
        let second = AskedRange { channel: "orders".into(), of: RangeOf::Times { from_ns: 1_000_000_000, to_ns: 2_000_000_000 } };
        assert_eq!(AskedRange::typed_times("orders", "1970-01-01T00:00:01Z", " 1970-01-01T01:00:02+01:00"), Ok(second));
        for (typed, why) in [
            (AskedRange::typed_offsets("orders", "", "1", "2"), "\"\" is no partition; write a number from 0 on"),
            (AskedRange::typed_offsets("orders", "0", "x", "2"), "\"x\" is no offset; write a number"),
            (AskedRange::typed_offsets("orders", "0", "3", "2"), "orders 0@3 to 0@2 is no range: its last offset lies before its first; swap them"),
            (AskedRange::typed_times("orders", "noon", "1970-01-01T00:00:01Z"), "\"noon\" is no time; write RFC 3339, such as 2026-11-21T10:00:00Z"),
            (
                AskedRange::typed_times("orders", "1970-01-01T00:00:01Z", "9999-01-01T00:00:00Z"),
                "\"9999-01-01T00:00:00Z\" is no time; write RFC 3339, such as 2026-11-21T10:00:00Z",
            ),
        ] {
            assert_eq!(typed, Err(why.to_owned()));
        }
    }

    #[test]
    fn times_are_of_whole_milliseconds_and_never_before_1970() {
        let early = AskedRange { channel: "orders".into(), of: RangeOf::Times { from_ns: -5_000_001, to_ns: 1_500_000 } };
        assert_eq!(early.times_ms(), Some(0..2));
        assert_eq!([0, 1, 999_999, 1_000_000, 1_000_001, -1, -1_000_000].map(ceil_ms), [0, 1, 1, 1, 2, 0, -1]);
    }
}
