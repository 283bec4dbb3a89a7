//! Numbers as people read them.

pub(crate) use switchboard_engine::view::count;
use switchboard_model::Place;

/// Where a message lies: `2@100`, `no place`.
pub(crate) fn place(place: &Place) -> String {
    if *place == Place::None { "no place".to_owned() } else { place.to_string() }
}

/// What a column shows of a place: its partition, or its offset; nothing where it has none.
pub(crate) fn part_of_place(part: Option<impl ToString>) -> String {
    part.map(|part| part.to_string()).unwrap_or_default()
}

/// A number of things: `1 service`, `12 services`.
pub(crate) fn things(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A rate without its unit: `0.3`, `42`, `1,204`.
pub(crate) fn rate(per_s: f64) -> String {
    if per_s <= 0.0 {
        "0".to_owned()
    } else if per_s < 0.05 {
        "<0.1".to_owned()
    } else if per_s < 9.95 {
        format!("{per_s:.1}")
    } else {
        count(per_s.round() as u64)
    }
}

/// A share: `12 %`, `0.2 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 {
        "<0.1 %".to_owned()
    } else if percent < 9.95 && percent.fract().abs() > 0.05 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// A duration with three digits: `350 µs`, `41 ms`, `2.00 s`, `3.2 min`.
pub(crate) fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "−" } else { "" };
    let us = (ns as f64 / 1e3).abs();
    let text = match us {
        us if us < 999.5 => format!("{us:.0} µs"),
        us if us < 9_995.0 => format!("{:.1} ms", us / 1e3),
        us if us < 999_500.0 => format!("{:.0} ms", us / 1e3),
        us if us < 99_500_000.0 => format!("{:.2} s", us / 1e6),
        us => format!("{:.1} min", us / 6e7),
    };
    format!("{sign}{text}")
}

/// How long ago: `2 s`, `3 min`, `2 h`, `4 d`; what is in the future is `0 s`.
pub(crate) fn age(ns: i64) -> String {
    match ns.max(0) / 1_000_000_000 {
        s @ 0..60 => format!("{s} s"),
        s @ 60..3_600 => format!("{} min", s / 60),
        s @ 3_600..172_800 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

/// How long ago, as a clock that runs for the first minute: `00:12`, `3 min`.
pub(crate) fn running_age(ns: i64) -> String {
    match ns.max(0) / 1_000_000_000 {
        s @ 0..60 => format!("00:{s:02}"),
        _ => age(ns),
    }
}

/// Seconds as an age.
pub(crate) fn age_s(s: f64) -> String {
    age((s * 1e9) as i64)
}

const DAY_NS: i64 = 86_400_000_000_000;

/// A moment, UTC, as seen at another: its time of day, with the date wherever that is another day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    ns: i64,
    now_ns: i64,
}

/// When something happened, both in ns since the Unix epoch. The one place that says a time of day.
pub(crate) fn when(ns: i64, now_ns: i64) -> Moment {
    Moment { ns, now_ns }
}

impl Moment {
    /// To the millisecond: `14:03:07.412`, `2026-11-18 14:03:07.412`.
    pub(crate) fn to_ms(self) -> String {
        self.dated(12)
    }

    /// To the second: `14:03:07`, `2026-11-18 14:03:07`.
    pub(crate) fn to_s(self) -> String {
        self.dated(8)
    }

    /// To the minute: `14:03`, `2026-11-18 14:03`.
    pub(crate) fn to_min(self) -> String {
        self.dated(5)
    }

    /// In 12 characters at most: `14:03:07.412`, `Nov 18 14:03`, `2025-11-18`.
    pub(crate) fn in_12(self) -> String {
        match self.date() {
            None => self.time(12),
            Some(date) if self.is_same_year() => format!("{} {} {}", month(date), date.day(), self.time(5)),
            Some(date) => iso(date),
        }
    }

    /// In 8 characters at most: `14:03:07`, `Nov 18`, `Nov 2025`.
    pub(crate) fn in_8(self) -> String {
        match self.date() {
            None => self.time(8),
            Some(date) if self.is_same_year() => format!("{} {}", month(date), date.day()),
            Some(date) => format!("{} {}", month(date), date.year()),
        }
    }

    fn dated(self, num_chars: usize) -> String {
        let time = self.time(num_chars);
        self.date().map_or(time.clone(), |date| format!("{} {time}", iso(date)))
    }

    fn time(self, num_chars: usize) -> String {
        let ms = self.ns.div_euclid(1_000_000).rem_euclid(86_400_000);
        let whole = format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000);
        whole[..num_chars.min(whole.len())].to_owned()
    }

    /// The date; `None` = today.
    fn date(self) -> Option<time::Date> {
        (self.ns.div_euclid(DAY_NS) != self.now_ns.div_euclid(DAY_NS)).then(|| date(self.ns))
    }

    fn is_same_year(self) -> bool {
        date(self.ns).year() == date(self.now_ns).year()
    }
}

/// The day of an instant; each of 64 bits has one.
fn date(ns: i64) -> time::Date {
    time::OffsetDateTime::from_unix_timestamp(ns.div_euclid(1_000_000_000)).unwrap_or(time::OffsetDateTime::UNIX_EPOCH).date()
}

fn month(date: time::Date) -> String {
    date.month().to_string().chars().take(3).collect()
}

fn iso(date: time::Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// An instant, UTC, to the microsecond: `2026-11-21T14:03:07.412000Z`.
pub(crate) fn instant(ns: i64) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(ns)).ok();
    at.and_then(|at| at.format(&format).ok()).unwrap_or_else(|| format!("{ns} ns"))
}

/// A size: `412 B`, `12.4 KiB`, `3.1 MiB`.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_024 => format!("{n} B"),
        1_024..1_048_576 => format!("{:.1} KiB", n as f64 / 1_024.0),
        n => format!("{:.1} MiB", n as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!([count(0), count(999), count(1_204), count(12_345_678)], ["0", "999", "1,204", "12,345,678"]);
        assert_eq!([things(1, "service", "services"), things(12, "service", "services")], ["1 service", "12 services"]);
        assert_eq!([rate(0.0), rate(0.01), rate(0.31), rate(9.97), rate(42.4), rate(1_204.2)], ["0", "<0.1", "0.3", "10", "42", "1,204"]);
        assert_eq!([percent(0.12), percent(0.002), percent(1.0), percent(0.000_1), percent(0.05)], ["12 %", "0.2 %", "100 %", "<0.1 %", "5 %"]);
        assert_eq!([duration(350_000), duration(41_400_000), duration(2_003_000_000), duration(4_100_000)], ["350 µs", "41 ms", "2.00 s", "4.1 ms"]);
        assert_eq!([running_age(12_900_000_000), running_age(3_665_000_000_000), running_age(-1)], ["00:12", "1 h", "00:00"]);
        assert_eq!(duration(-3_000_000), "−3.0 ms");
        assert_eq!([age(2_400_000_000), age(-5), age(61_000_000_000), age(7_200_000_000_000), age(i64::MAX)], ["2 s", "0 s", "1 min", "2 h", "106751 d"]);
    }

    #[test]
    fn a_moment_has_its_date_wherever_it_is_not_today() {
        /// 2026-11-21 11:00.
        const NOW_NS: i64 = 1_795_258_800_000_000_000;
        let said = |ns: i64, now_ns: i64| {
            let at = when(ns, now_ns);
            [at.to_ms(), at.to_s(), at.to_min(), at.in_12(), at.in_8()]
        };
        for (name, ns, told) in [
            ("now", NOW_NS, ["11:00:00.000", "11:00:00", "11:00", "11:00:00.000", "11:00:00"]),
            ("the first of today", NOW_NS - 11 * 3_600_000_000_000, ["00:00:00.000", "00:00:00", "00:00", "00:00:00.000", "00:00:00"]),
            (
                "the last of yesterday",
                NOW_NS - 11 * 3_600_000_000_000 - 1,
                ["2026-11-20 23:59:59.999", "2026-11-20 23:59:59", "2026-11-20 23:59", "Nov 20 23:59", "Nov 20"],
            ),
            ("three days ago", NOW_NS - 3 * DAY_NS, ["2026-11-18 11:00:00.000", "2026-11-18 11:00:00", "2026-11-18 11:00", "Nov 18 11:00", "Nov 18"]),
            ("tomorrow", NOW_NS + DAY_NS, ["2026-11-22 11:00:00.000", "2026-11-22 11:00:00", "2026-11-22 11:00", "Nov 22 11:00", "Nov 22"]),
            ("last year", NOW_NS - 365 * DAY_NS, ["2025-11-21 11:00:00.000", "2025-11-21 11:00:00", "2025-11-21 11:00", "2025-11-21", "Nov 2025"]),
            ("1970", 0, ["1970-01-01 00:00:00.000", "1970-01-01 00:00:00", "1970-01-01 00:00", "1970-01-01", "Jan 1970"]),
            ("before that", -1, ["1969-12-31 23:59:59.999", "1969-12-31 23:59:59", "1969-12-31 23:59", "1969-12-31", "Dec 1969"]),
        ] {
            assert_eq!(said(ns, NOW_NS), told, "{name}");
        }
        for ns in [i64::MIN, i64::MAX] {
            let [.., in_12, in_8] = said(ns, 0);
            assert!(in_12.len() <= 12 && in_8.len() <= 8, "{in_12} {in_8}");
        }
    }

    #[test]
    fn instants_and_sizes_read_as_people_write_them() {
        assert_eq!(instant(1_795_258_800_412_000_001), "2026-11-21T11:00:00.412000Z");
        assert_eq!([instant(i64::MIN), instant(i64::MAX)].map(|text| text.len()), [27, 27]);
        assert_eq!([bytes(412), bytes(12_700), bytes(3_250_585)], ["412 B", "12.4 KiB", "3.1 MiB"]);
    }
}
