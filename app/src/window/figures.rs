//! Numbers as people read them.

/// `1,204`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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

/// The time of day, UTC, to the millisecond: `14:03:07.412`.
pub(crate) fn time_of_day(ns: i64) -> String {
    let ms = ns.div_euclid(1_000_000).rem_euclid(86_400_000);
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000)
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
    fn instants_and_sizes_read_as_people_write_them() {
        assert_eq!(time_of_day(1_795_258_800_000_000_000), "11:00:00.000");
        assert_eq!(time_of_day(-1), "23:59:59.999");
        assert_eq!(instant(1_795_258_800_412_000_001), "2026-11-21T11:00:00.412000Z");
        assert_eq!([instant(i64::MIN), instant(i64::MAX)].map(|text| text.len()), [27, 27]);
        assert_eq!([bytes(412), bytes(12_700), bytes(3_250_585)], ["412 B", "12.4 KiB", "3.1 MiB"]);
    }
}
