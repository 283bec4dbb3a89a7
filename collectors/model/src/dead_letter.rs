//! Channels that hold dead letters, as their names tell.

/// Whether a channel's name says that it holds dead letters, by the conventions of Spring Kafka (`-dlt`, `.DLT`), general
/// use (`-dlq`, `.dlq`), `MassTransit` (`_error`, `_skipped`), `SmallRye` (`dead-letter-topic-…`) and Spring Cloud Stream
/// (`error.<destination>.<group>`). Case does not matter.
pub fn is_dead_letter_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let ends = |with: &str| bytes.len() > with.len() && bytes[bytes.len() - with.len()..].eq_ignore_ascii_case(with.as_bytes());
    let after = |with: &str| bytes.split_at_checked(with.len()).filter(|(start, _)| start.eq_ignore_ascii_case(with.as_bytes())).map(|(_, rest)| rest);
    let is_of_group = |rest: &[u8]| {
        let dot = rest.iter().rposition(|byte| *byte == b'.');
        dot.is_some_and(|dot| dot > 0 && dot + 1 < rest.len())
    };
    ["-dlt", ".dlt", "-dlq", ".dlq", "_error", "_skipped"].into_iter().any(ends)
        || after("dead-letter-topic-").is_some_and(|rest| !rest.is_empty())
        || after("error.").is_some_and(is_of_group)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_conventions_of_each_framework() {
        let dead = [
            "orders-dlt",
            "orders.DLT",
            "orders-DLQ",
            "orders.dlq",
            "queue_error",
            "queue_skipped",
            "Queue_Skipped",
            "error.orders.group",
            "Error.orders.eu.group",
            "dead-letter-topic-orders",
            "DEAD-LETTER-TOPIC-orders",
            "bestellungen-größe-dlt",
        ];
        for name in dead {
            assert!(is_dead_letter_name(name), "{name}");
        }
        let alive = [
            "",
            "orders",
            "dlt",
            "-dlt",
            ".dlq",
            "_error",
            "_skipped",
            "error",
            "error.",
            "error.x",
            "error..",
            "error.orders.",
            "error..group",
            "errors.orders.group",
            "my-dead-letter-topic",
            "dead-letter-topic-",
            "orders-dlt-retry",
            "skipped",
            "größe",
        ];
        for name in alive {
            assert!(!is_dead_letter_name(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_told_without_a_panic_and_whatever_its_case(name in "\\PC{0,40}|(error\\.|dead-letter-topic-)?[a-zß.ß-]{0,12}(-dlt|_skipped)?") {
            prop_assert_eq!(is_dead_letter_name(&name), is_dead_letter_name(&name.to_ascii_uppercase()));
        }
    }
}
