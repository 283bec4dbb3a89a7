//! Times as Java's `ZonedDateTime` writes them.

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// Reads `2026-11-21T10:15:30.123456789+01:00[Europe/Berlin]` as ns since the Unix epoch. Seconds and their fraction may be
/// missing (Java leaves out zeros), the offset may be `Z` or have seconds, the zone's name in brackets may be missing and is
/// not needed. `None` for anything else, and for times outside the years 1678 to 2262.
pub(crate) fn parse_zoned_date_time(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = match text.split_once('[') {
        Some((instant, zone)) => zone.ends_with(']').then_some(instant)?,
        None => text,
    };
    let (date, rest) = text.split_once('T')?;
    let date = parse_date(date)?;
    let offset_at = rest.find(['Z', '+', '-'])?;
    let time = parse_time(&rest[..offset_at])?;
    let offset = parse_offset(&rest[offset_at..])?;
    OffsetDateTime::new_in_offset(date, time, offset).unix_timestamp_nanos().try_into().ok()
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let year = number(parts.next()?, 4)?;
    let month = Month::try_from(number(parts.next()?, 2)? as u8).ok()?;
    let day = number(parts.next()?, 2)?;
    parts.next().is_none().then_some(())?;
    Date::from_calendar_date(year as i32, month, day as u8).ok()
}

fn parse_time(text: &str) -> Option<Time> {
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = text.split(':');
    let hour = number(parts.next()?, 2)?;
    let minute = number(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |second| number(second, 2))?;
    (parts.next().is_none() && (1..=9).contains(&fraction.len())).then_some(())?;
    let nanosecond = number(fraction, fraction.len())? * 10_u32.pow(9 - fraction.len() as u32);
    Time::from_hms_nano(hour as u8, minute as u8, second as u8, nanosecond).ok()
}

fn parse_offset(text: &str) -> Option<UtcOffset> {
    if text == "Z" {
        return Some(UtcOffset::UTC);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let mut parts = text.get(1..)?.split(':').map(|part| number(part, 2));
    let seconds = parts.try_fold((0_i32, 3600), |(sum, unit), part| (unit > 0).then_some((sum + part? as i32 * unit, unit / 60)))?.0;
    UtcOffset::from_whole_seconds(sign * seconds).ok()
}

/// Exactly so many decimal digits.
fn number(text: &str, num_digits: usize) -> Option<u32> {
    (text.len() == num_digits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_that_java_writes() {
        let second = 1_795_252_530_000_000_000;
        for (text, expected) in [
            ("2026-11-21T10:15:30+01:00[Europe/Berlin]", second),
            ("2026-11-21T10:15:30.123456789+01:00[Europe/Berlin]", second + 123_456_789),
            ("2026-11-21T10:15:30.123456+01:00[Europe/Berlin]", second + 123_456_000),
            ("2026-11-21T09:15:30.5Z[UTC]", second + 500_000_000),
            ("2026-11-21T09:15:30Z", second),
            ("2026-11-21T04:15:30-05:00", second),
            ("2026-11-21T09:15Z[Etc/UTC]", second - 30_000_000_000),
            ("2026-11-21T14:45:30+05:30[Asia/Kolkata]", second),
            ("1970-01-01T00:00Z", 0),
            ("1969-12-31T23:59:59.999999999Z", -1),
            ("1890-01-01T00:53:28+00:53:28[Europe/Berlin]", -2_524_521_600_000_000_000),
        ] {
            assert_eq!(parse_zoned_date_time(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "now",
            "2026-11-21",
            "2026-11-21T10:15:30",
            "2026-11-21 10:15:30Z",
            "2026-02-30T10:15:30Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T10:15:60Z",
            "2026-11-21T10:15:30.Z",
            "2026-11-21T10:15:30.1234567890Z",
            "2026-11-21T10:15:30Z[UTC",
            "2026-11-21T10:15:30+99:00",
            "2026-11-21T10:15:30+",
            "9999-12-31T23:59:59Z",
            "+12026-11-21T10:15:30Z",
            "2026-1é-21T10:15:30Z",
        ] {
            assert_eq!(parse_zoned_date_time(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9T:.+\\-Z\\[\\]é]{0,40}") {
            let _ = parse_zoned_date_time(&text);
        }
    }
}
