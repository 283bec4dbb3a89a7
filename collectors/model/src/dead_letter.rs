//! Channels that hold dead letters or records to be tried again, as their names tell.

/// What a channel's name says about dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DeadLetterName {
    /// That it holds them.
    Sure,
    /// That it may: only what the headers of a record prove counts.
    Perhaps,
    /// Nothing.
    No,
}

/// What a channel's name says. Sure are, in any case and with any separator: a word that begins or ends with `dlq` (general use,
/// Confluent's `dlq-lcc-…`), a last word that ends with `dlt` (Spring Kafka), `dead letter` or `deadletter` anywhere (`SmallRye`,
/// Azure, general use), and `error.<destination>.<group>` (Spring Cloud Stream). Perhaps are `…_error` and `…_skipped`
/// (`MassTransit`), `…-dead`, `…-failed` and a `dlt` in front: ordinary channels are called so too.
pub fn dead_letter_name(name: &str) -> DeadLetterName {
    let words = Words::of(name);
    let (mut dead_at, mut retry_at) = (None, None);
    for (at, word) in words.iter().enumerate() {
        if begins(word, "dlq") || ends(word, "dlq") || begins(word, "deadletter") || ends(word, "deadletter") || ends(word, "deadletters") {
            dead_at = Some(at);
        }
        if word.eq_ignore_ascii_case("dead") && words.get(at + 1).is_some_and(|next| begins(next, "letter")) {
            dead_at = Some(at);
        }
        if is_retry_word(word) {
            retry_at = Some(at);
        }
    }
    // A number or version at the end does not change what it is.
    let last = words.iter().rposition(|word| !is_version(word));
    if let Some(at) = last.filter(|at| *at > 0 || words.get(0).is_some_and(|word| word.len() > 3))
        && words.get(at).is_some_and(|word| ends(word, "dlt"))
    {
        dead_at = Some(at);
    }
    // What is tried again after it was given up is not dead.
    if let Some(dead_at) = dead_at {
        return if retry_at.is_some_and(|retry_at| retry_at > dead_at) { DeadLetterName::No } else { DeadLetterName::Sure };
    }
    if is_of_group(name) {
        return DeadLetterName::Sure;
    }
    let is_word = |word: &str, of: &[&str]| of.iter().any(|known| word.eq_ignore_ascii_case(known));
    let ends_so = last.filter(|at| *at > 0).and_then(|at| words.get(at)).is_some_and(|word| is_word(word, &["error", "errors", "skipped", "dead", "failed"]));
    let dlt_at = words.iter().position(|word| word.eq_ignore_ascii_case("dlt"));
    let has_dlt = dlt_at.is_some_and(|dlt_at| retry_at.is_none_or(|retry_at| retry_at < dlt_at));
    if ends_so || has_dlt { DeadLetterName::Perhaps } else { DeadLetterName::No }
}

/// Whether a channel's name says that it holds dead letters.
pub fn is_dead_letter_name(name: &str) -> bool {
    dead_letter_name(name) == DeadLetterName::Sure
}

/// Whether a channel's name says that it holds records to be tried again: a word that begins or ends with `retry` or `retries`
/// (Spring Kafka's `<topic>-retry-0`, `SmallRye`'s `delayed-retry-topic-<channel>-<ms>`, general use). Those of dead letters are not meant.
pub fn is_retry_name(name: &str) -> bool {
    Words::of(name).iter().any(is_retry_word) && !is_dead_letter_name(name)
}

/// How long records wait on a retry channel before they are tried again, in ms, where its name tells: `…-retry-1000` (Spring Kafka,
/// by delay), `…-retry-5m`, `delayed-retry-topic-orders-10000` (`SmallRye`). A small number is a place in the chain, not a time.
pub fn retry_delay_ms(name: &str) -> Option<u64> {
    const SMALLEST_DELAY_MS: u64 = 100;
    if !is_retry_name(name) {
        return None;
    }
    let words = Words::of(name);
    let (digits, unit) = words.iter().last().and_then(|word| word.split_at_checked(word.bytes().take_while(u8::is_ascii_digit).count()))?;
    let number: u64 = digits.parse().ok()?;
    let ms = match unit.to_ascii_lowercase().as_str() {
        "" => return (number >= SMALLEST_DELAY_MS).then_some(number),
        "ms" => 1,
        "s" | "sec" | "secs" => 1_000,
        "m" | "min" | "mins" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(ms)
}

/// The group in the name of Spring Cloud Stream's channel `error.<destination>.<group>`, where the destination is known.
pub fn group_in_name<'a>(channel: &'a str, origin: &str) -> Option<&'a str> {
    let rest = begins(channel, "error.").then(|| &channel["error.".len()..])?;
    rest.strip_prefix(origin)?.strip_prefix('.').filter(|group| !group.is_empty())
}

/// The number in bytes of Java's `BigInteger.toByteArray()`: big-endian, as short as possible. `None` where it is none of 64 bits.
pub fn java_big_integer(bytes: &[u8]) -> Option<i64> {
    let first = bytes.first().filter(|_| bytes.len() <= 8)?;
    let sign = if first & 0x80 == 0 { 0 } else { -1 };
    Some(bytes.iter().fold(sign, |number: i64, byte| (number << 8) | i64::from(*byte)))
}

/// The words of a name, between its separators; of very long names the first few.
struct Words<'a> {
    words: [&'a str; Words::MOST],
    num: usize,
}

impl<'a> Words<'a> {
    /// A name on Kafka has 249 characters at most.
    const MOST: usize = 32;

    fn of(name: &'a str) -> Self {
        let mut found = Words { words: [""; Self::MOST], num: 0 };
        for word in name.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
            if found.num == Self::MOST {
                // The last word tells most.
                found.words[Self::MOST - 1] = word;
            } else {
                found.words[found.num] = word;
                found.num += 1;
            }
        }
        found
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &'a str> + ExactSizeIterator {
        self.words[..self.num].iter().copied()
    }

    fn get(&self, at: usize) -> Option<&'a str> {
        self.words[..self.num].get(at).copied()
    }
}

fn begins(word: &str, with: &str) -> bool {
    word.as_bytes().get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
}

fn ends(word: &str, with: &str) -> bool {
    word.len().checked_sub(with.len()).and_then(|at| word.as_bytes().get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(with.as_bytes()))
}

fn is_retry_word(word: &str) -> bool {
    ["retry", "retries"].into_iter().any(|retry| begins(word, retry) || ends(word, retry))
}

/// `0`, `12`, `v2`.
fn is_version(word: &str) -> bool {
    let digits = word.strip_prefix(['v', 'V']).unwrap_or(word);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// `error.<destination>.<group>`, of Spring Cloud Stream.
fn is_of_group(name: &str) -> bool {
    let rest = name.as_bytes().split_at_checked(6).filter(|(start, _)| start.eq_ignore_ascii_case(b"error.")).map(|(_, rest)| rest);
    rest.is_some_and(|rest| rest.iter().rposition(|byte| *byte == b'.').is_some_and(|dot| dot > 0 && dot + 1 < rest.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_forms_are_known_whatever_their_case_and_separators() {
        let dead = [
            // Spring Kafka.
            "orders-dlt",
            "orders.DLT",
            "orders_dlt",
            "orders-inventory-dlt",
            "orders-retry-dlt",
            "orders-deserialization-dlt",
            "orders-dlt-0",
            "orders.dlt.v2",
            "ordersDlt",
            "bestellungen-größe-dlt",
            // Confluent Cloud, Kafka Connect, general use.
            "dlq-lcc-8w3kq",
            "dlq.orders",
            "DLQ_orders",
            "dlq",
            "orders-DLQ",
            "orders.dlq",
            "orders_dlq",
            "orders_DLQ_eu",
            "prod.dlq.orders",
            "ordersdlq",
            "dlq1.orders",
            "orders-retry-dlq",
            // `SmallRye`, Azure, general use.
            "dead-letter-topic-orders",
            "DEAD-LETTER-TOPIC-orders",
            "orders-dead-letter",
            "orders-dead-letters",
            "orders_dead_letter_queue",
            "orders.dead.letter",
            "my-dead-letter-topic",
            "dead-letter-queue-orders",
            "orders-deadletter",
            "orders/$deadletterqueue",
            "OrdersDeadLetter",
            "DeadLetterQueue",
            "deadletters",
            // Spring Cloud Stream.
            "error.orders.group",
            "Error.orders.eu.group",
        ];
        for name in dead {
            assert_eq!(dead_letter_name(name), DeadLetterName::Sure, "{name}");
            assert!(is_dead_letter_name(name) && !is_retry_name(name), "{name}");
        }
    }

    #[test]
    fn names_that_ordinary_channels_have_too_have_to_be_proved() {
        let perhaps = [
            "user_error",
            "validation_skipped",
            "queue_error",
            "Queue_Skipped",
            "orders.error",
            "orders-errors",
            "orders_failed",
            "orders-dead",
            "dlt",
            "-dlt",
            "dlt-bronze-orders",
            "dlt.orders",
        ];
        for name in perhaps {
            assert_eq!(dead_letter_name(name), DeadLetterName::Perhaps, "{name}");
        }
    }

    #[test]
    fn other_names_say_nothing() {
        let alive = [
            "",
            "-",
            "orders",
            "_error",
            "_skipped",
            "error",
            "errors",
            "error.",
            "error.x",
            "error..",
            "error.orders.",
            "error..group",
            "errors.orders.group",
            "orders-dlt-retry",
            "orders-dlq-retry-0",
            "skipped",
            "errors-per-minute",
            "failed-logins",
            "deadline-orders",
            "dead-stock-letters",
            "newsletter",
            "adult-orders",
            "größe",
        ];
        for name in alive {
            assert_eq!(dead_letter_name(name), DeadLetterName::No, "{name}");
        }
    }

    #[test]
    fn retry_channels_and_how_long_they_wait() {
        for (name, delay_ms) in [
            ("orders-retry", None),
            ("orders-retry-0", None),
            ("orders-retry-12", None),
            ("orders-retry-1000", Some(1_000)),
            ("orders-inventory-retry-30000", Some(30_000)),
            ("orders.RETRY.5m", Some(300_000)),
            ("orders_retry_30s", Some(30_000)),
            ("orders-retry-500ms", Some(500)),
            ("orders-retry-1h", Some(3_600_000)),
            ("orders-retry-5x", None),
            ("orders-retry-99999999999999999999", None),
            ("orders-retry-18446744073709551615h", None),
            ("orders-retries-2", None),
            ("retry.orders", None),
            ("delayed-retry-topic-orders-10000", Some(10_000)),
            ("orders-dlt-retry", None),
        ] {
            assert!(is_retry_name(name), "{name}");
            assert_eq!(retry_delay_ms(name), delay_ms, "{name}");
        }
        for name in ["orders", "orders-1000", "poetry", "registry", "orders-retry-dlt", "retry-dlq", "", "re-try"] {
            assert!(!is_retry_name(name) && retry_delay_ms(name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_group_stands_in_the_name_of_a_channel_of_spring_cloud_stream() {
        for (channel, origin, group) in [
            ("error.orders.stock", "orders", Some("stock")),
            ("error.orders.eu.stock.x", "orders.eu", Some("stock.x")),
            ("Error.orders.stock", "orders", Some("stock")),
            ("error.orders.", "orders", None),
            ("error.orders.stock", "payments", None),
            ("error.ordersx.stock", "orders", None),
            ("orders-dlt", "orders", None),
            ("größe", "orders", None),
        ] {
            assert_eq!(group_in_name(channel, origin), group, "{channel}");
        }
    }

    #[test]
    fn numbers_as_java_writes_them() {
        for (bytes, number) in [
            (&[][..], None),
            (&[0], Some(0)),
            (&[0x7f], Some(127)),
            (&[0x00, 0x80], Some(128)),
            (&[0xff], Some(-1)),
            // 2026-11-28, in milliseconds: six bytes.
            (&[0x01, 0xa2, 0x1f, 0x1f, 0x58, 0x00], Some(1_795_818_477_568)),
            (&[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Some(i64::MAX)),
            (&[0; 9], None),
        ] {
            assert_eq!(java_big_integer(bytes), number, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_told_without_a_panic_and_whatever_its_case(name in "\\PC{0,40}|(error\\.|dead-letter-topic-|dlq-)?[a-zß.ß-]{0,12}(-dlt|_skipped|-retry-[0-9]{0,5})?|([a-z]?-){0,80}dlq") {
            let other = name.to_ascii_uppercase();
            prop_assert_eq!(dead_letter_name(&name), dead_letter_name(&other));
            prop_assert_eq!((is_retry_name(&name), retry_delay_ms(&name)), (is_retry_name(&other), retry_delay_ms(&other)));
        }
    }
}
