use std::fmt::Write as _;

use time::{OffsetDateTime, UtcOffset};

/// A time zone without summer time, as Java prints it behind a `ZonedDateTime`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zone {
    /// The zone's id, e.g. `Etc/UTC`.
    pub(crate) id: &'static str,
    /// Its offset from UTC in minutes.
    pub(crate) offset_minutes: i32,
}

/// UTC as a container usually has it.
pub(crate) const UTC: Zone = Zone { id: "Etc/UTC", offset_minutes: 0 };
/// A zone whose offset is not a whole hour.
pub(crate) const KOLKATA: Zone = Zone { id: "Asia/Kolkata", offset_minutes: 330 };

/// `java.time.ZonedDateTime.toString()` of an instant: seconds are left out when they and the fraction are 0, the fraction has
/// 3, 6 or 9 digits, UTC is `Z`, and the zone's id follows in brackets. A time outside the calendar's range gives the epoch.
pub(crate) fn zoned_date_time(at_ns: i64, zone: Zone) -> String {
    let offset = UtcOffset::from_whole_seconds(zone.offset_minutes * 60).unwrap_or(UtcOffset::UTC);
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_ns)).unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(offset);
    let mut text = format!("{:04}-{:02}-{:02}T{:02}:{:02}", at.year(), u8::from(at.month()), at.day(), at.hour(), at.minute());
    let nanosecond = at.nanosecond();
    if at.second() > 0 || nanosecond > 0 {
        let _ = write!(text, ":{:02}", at.second());
    }
    if nanosecond > 0 {
        let _ = match nanosecond {
            n if n % 1_000_000 == 0 => write!(text, ".{:03}", n / 1_000_000),
            n if n % 1_000 == 0 => write!(text, ".{:06}", n / 1_000),
            n => write!(text, ".{n:09}"),
        };
    }
    let minutes = zone.offset_minutes.abs();
    let _ = match zone.offset_minutes {
        0 => write!(text, "Z"),
        n => write!(text, "{}{:02}:{:02}", if n < 0 { '-' } else { '+' }, minutes / 60, minutes % 60),
    };
    let _ = write!(text, "[{}]", zone.id);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_java_prints() {
        const SECOND: i64 = 1_000_000_000;
        let midday = 1_795_262_400 * SECOND; // 2026-11-21T12:00:00Z
        let new_york = Zone { id: "America/New_York", offset_minutes: -300 };
        for (at_ns, zone, text) in [
            (midday, UTC, "2026-11-21T12:00Z[Etc/UTC]"),
            (midday + 5 * SECOND, UTC, "2026-11-21T12:00:05Z[Etc/UTC]"),
            (midday + 120_000_000, UTC, "2026-11-21T12:00:00.120Z[Etc/UTC]"),
            (midday + 120_034_000, UTC, "2026-11-21T12:00:00.120034Z[Etc/UTC]"),
            (midday + 120_034_005, KOLKATA, "2026-11-21T17:30:00.120034005+05:30[Asia/Kolkata]"),
            (midday, new_york, "2026-11-21T07:00-05:00[America/New_York]"),
        ] {
            assert_eq!(zoned_date_time(at_ns, zone), text);
        }
    }
}
