//! The headers in which frameworks write down why a record died: one table, by which dead letters are told from others, read,
//! and stripped before they are sent again.

use crate::java_big_integer;

/// How a header's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderDecoder {
    /// UTF-8.
    Text,
    /// A signed integer of 4 bytes, big-endian.
    Be32,
    /// The same; older writers used 1 byte.
    Count,
    /// A signed integer of 8 bytes, big-endian.
    Be64,
    /// Java's `BigInteger.toByteArray()`: big-endian, as short as possible.
    BigInteger,
    /// Decimal digits.
    AsciiDecimal,
}

/// What a header tells of a record that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureField {
    /// The channel it came from.
    Origin,
    /// Its partition there.
    Partition,
    /// Its offset there.
    Offset,
    /// Its time there, ms since the Unix epoch.
    TimestampMs,
    /// Class of the exception.
    Exception,
    /// Class of what caused it.
    Cause,
    /// The exception's message.
    Message,
    /// The cause's message.
    CauseMessage,
    /// A word for why, where there is no message.
    Reason,
    /// The stack trace.
    Stack,
    /// How often it was tried.
    Attempts,
    /// The number of the try that comes next: one more than it was tried.
    NextAttempt,
    /// When the tries began, ms since the Unix epoch.
    FirstTryMs,
    /// When it is to be tried again, ms since the Unix epoch.
    DueMs,
    /// The consumer group, connector or consumer that gave it up.
    Group,
}

impl FailureField {
    /// How many there are.
    pub const NUM: usize = Self::Group as usize + 1;

    /// Whether it tells why a record failed, or where that was thrown; copies may name a place, too.
    fn tells_failure(self) -> bool {
        matches!(self, Self::Exception | Self::Cause | Self::Message | Self::CauseMessage | Self::Reason | Self::Stack)
    }
}

/// The headers of one framework.
#[derive(Debug)]
pub struct FailureDialect {
    /// Its name, as it is shown.
    pub name: &'static str,
    /// Origins are appended on each pass: the first is the true one. Else the last of equal names counts.
    pub appends_origin: bool,
    /// Headers of it that must be there; 1 where the names are its own, 2 where others could use them too.
    pub min_headers: usize,
    /// Those that are read: name, meaning and writing.
    pub headers: &'static [(&'static str, FailureField, HeaderDecoder)],
    /// Names that go when a record is sent again.
    pub stripped: &'static [&'static str],
    /// Beginnings of such names.
    pub stripped_prefixes: &'static [&'static str],
}

use FailureField::{
    Attempts, Cause, CauseMessage, DueMs, Exception, FirstTryMs, Group, Message, NextAttempt, Offset, Origin, Partition, Reason, Stack, TimestampMs,
};
use HeaderDecoder::{AsciiDecimal, Be32, Be64, BigInteger, Count, Text};

impl FailureDialect {
    /// Whether a header goes when a record is sent again. Headers of identity, type and trace are not among them: `__TypeId__`,
    /// `MessageId`, `traceparent` and their like stay.
    pub fn strips(&self, name: &str) -> bool {
        self.stripped.contains(&name) || self.stripped_prefixes.iter().any(|prefix| name.starts_with(prefix))
    }

    /// Whether these fields prove that a record is dead, wherever it lies. What names only a place is borne by copies, too, unless
    /// the names are the framework's own.
    pub fn proves(&self, has: impl Fn(FailureField) -> bool) -> bool {
        let tells_why = self.headers.iter().any(|(_, field, _)| field.tells_failure() && has(*field));
        tells_why || has(if self.min_headers > 1 { Attempts } else { Origin })
    }
}

/// The frameworks. Of two that fit equally well, the first is taken.
pub static FAILURE_DIALECTS: &[FailureDialect] = &[
    // Spring Kafka: DeadLetterPublishingRecoverer (KafkaHeaders), retry topics (RetryTopicHeaders), deserialisation (KafkaUtils).
    FailureDialect {
        name: "spring",
        appends_origin: true,
        min_headers: 1,
        headers: &[
            ("kafka_dlt-original-topic", Origin, Text),
            ("kafka_dlt-original-partition", Partition, Be32),
            ("kafka_dlt-original-offset", Offset, Be64),
            ("kafka_dlt-original-timestamp", TimestampMs, Be64),
            ("kafka_dlt-original-consumer-group", Group, Text),
            ("kafka_dlt-exception-fqcn", Exception, Text),
            ("kafka_dlt-exception-cause-fqcn", Cause, Text),
            ("kafka_dlt-exception-message", Message, Text),
            ("kafka_dlt-exception-stacktrace", Stack, Text),
            ("kafka_dlt-key-exception-fqcn", Exception, Text),
            ("kafka_dlt-key-exception-message", Message, Text),
            ("kafka_dlt-key-exception-stacktrace", Stack, Text),
            ("retry_topic-attempts", NextAttempt, Count),
            ("retry_topic-original-timestamp", FirstTryMs, BigInteger),
            ("retry_topic-backoff-timestamp", DueMs, BigInteger),
        ],
        stripped: &[
            "retry_topic-attempts",
            "retry_topic-original-timestamp",
            "retry_topic-backoff-timestamp",
            "springDeserializerExceptionKey",
            "springDeserializerExceptionValue",
        ],
        stripped_prefixes: &["kafka_dlt-", "kafka_original-", "kafka_exception-", "kafka_key-exception-"],
    },
    // Spring Kafka: retry topics; the group's header keeps the other prefix.
    FailureDialect {
        name: "spring retry",
        appends_origin: true,
        min_headers: 1,
        headers: &[
            ("kafka_original-topic", Origin, Text),
            ("kafka_original-partition", Partition, Be32),
            ("kafka_original-offset", Offset, Be64),
            ("kafka_original-timestamp", TimestampMs, Be64),
            ("kafka_exception-fqcn", Exception, Text),
            ("kafka_exception-cause-fqcn", Cause, Text),
            ("kafka_exception-message", Message, Text),
            ("kafka_exception-stacktrace", Stack, Text),
            ("kafka_dlt-original-consumer-group", Group, Text),
            ("retry_topic-attempts", NextAttempt, Count),
            ("retry_topic-original-timestamp", FirstTryMs, BigInteger),
            ("retry_topic-backoff-timestamp", DueMs, BigInteger),
        ],
        stripped: &[],
        stripped_prefixes: &[],
    },
    // Spring Cloud Stream's Kafka binder (KafkaMessageChannelBinder).
    FailureDialect {
        name: "spring cloud stream",
        appends_origin: false,
        min_headers: 2,
        headers: &[
            ("x-original-topic", Origin, Text),
            ("x-original-partition", Partition, Be32),
            ("x-original-offset", Offset, Be64),
            ("x-original-timestamp", TimestampMs, Be64),
            ("x-exception-fqcn", Exception, Text),
            ("x-exception-message", Message, Text),
            ("x-exception-stacktrace", Stack, Text),
        ],
        stripped: &[
            "x-original-topic",
            "x-original-partition",
            "x-original-offset",
            "x-original-timestamp",
            "x-original-timestamp-type",
            "x-exception-fqcn",
            "x-exception-message",
            "x-exception-stacktrace",
        ],
        stripped_prefixes: &[],
    },
    // Kafka Connect sinks (DeadLetterQueueReporter), which do not write over a name that is there already.
    FailureDialect {
        name: "kafka connect",
        appends_origin: false,
        min_headers: 1,
        headers: &[
            ("__connect.errors.topic", Origin, Text),
            ("__connect.errors.partition", Partition, AsciiDecimal),
            ("__connect.errors.offset", Offset, AsciiDecimal),
            ("__connect.errors.connector.name", Group, Text),
            ("__connect.errors.exception.class.name", Exception, Text),
            ("__connect.errors.exception.message", Message, Text),
            ("__connect.errors.exception.stacktrace", Stack, Text),
        ],
        stripped: &[],
        stripped_prefixes: &["__connect.errors."],
    },
    // Kafka Streams (KIP-1034, ExceptionHandlerUtils).
    FailureDialect {
        name: "kafka streams",
        appends_origin: false,
        min_headers: 1,
        headers: &[
            ("__streams.errors.topic", Origin, Text),
            ("__streams.errors.partition", Partition, AsciiDecimal),
            ("__streams.errors.offset", Offset, AsciiDecimal),
            ("__streams.errors.exception", Exception, Text),
            ("__streams.errors.message", Message, Text),
            ("__streams.errors.stacktrace", Stack, Text),
        ],
        stripped: &[],
        stripped_prefixes: &["__streams.errors."],
    },
    // Share groups (KIP-1191).
    FailureDialect {
        name: "share group",
        appends_origin: false,
        min_headers: 1,
        headers: &[
            ("__dlq.errors.topic", Origin, Text),
            ("__dlq.errors.partition", Partition, AsciiDecimal),
            ("__dlq.errors.offset", Offset, AsciiDecimal),
            ("__dlq.errors.group", Group, Text),
            ("__dlq.errors.delivery.count", Attempts, AsciiDecimal),
            ("__dlq.errors.message", Message, Text),
        ],
        stripped: &[],
        stripped_prefixes: &["__dlq.errors."],
    },
    // SmallRye Reactive Messaging (Quarkus): KafkaDeadLetterQueue.
    FailureDialect {
        name: "smallrye",
        appends_origin: false,
        min_headers: 1,
        headers: &[
            ("dead-letter-topic", Origin, Text),
            ("dead-letter-partition", Partition, AsciiDecimal),
            ("dead-letter-offset", Offset, AsciiDecimal),
            ("dead-letter-exception-class-name", Exception, Text),
            ("dead-letter-cause-class-name", Cause, Text),
            ("dead-letter-reason", Message, Text),
            ("dead-letter-cause", CauseMessage, Text),
            ("delayed-retry-count", Attempts, AsciiDecimal),
        ],
        stripped: &[
            "dead-letter-reason",
            "dead-letter-cause",
            "dead-letter-exception-class-name",
            "dead-letter-cause-class-name",
            "dead-letter-topic",
            "dead-letter-partition",
            "dead-letter-offset",
        ],
        stripped_prefixes: &["delayed-retry-", "deserialization-failure-"],
    },
    // SmallRye: KafkaDelayedRetryTopic, whose headers stay on what is given up in the end and name the true origin.
    FailureDialect {
        name: "smallrye retry",
        appends_origin: false,
        min_headers: 2,
        headers: &[
            ("delayed-retry-topic", Origin, Text),
            ("delayed-retry-partition", Partition, AsciiDecimal),
            ("delayed-retry-offset", Offset, AsciiDecimal),
            ("delayed-retry-original-timestamp", TimestampMs, AsciiDecimal),
            ("delayed-retry-first-processing-timestamp", FirstTryMs, AsciiDecimal),
            ("delayed-retry-exception-class-name", Exception, Text),
            ("delayed-retry-cause-class-name", Cause, Text),
            ("delayed-retry-reason", Message, Text),
            ("delayed-retry-cause", CauseMessage, Text),
            ("delayed-retry-count", Attempts, AsciiDecimal),
        ],
        stripped: &[],
        stripped_prefixes: &[],
    },
    // SmallRye: DeserializationFailureHandler, where a record could not even be read.
    FailureDialect {
        name: "smallrye deserialization",
        appends_origin: false,
        min_headers: 1,
        headers: &[
            ("deserialization-failure-topic", Origin, Text),
            ("deserialization-failure-reason", Message, Text),
            ("deserialization-failure-cause", CauseMessage, Text),
            ("dead-letter-partition", Partition, AsciiDecimal),
            ("dead-letter-offset", Offset, AsciiDecimal),
            ("dead-letter-exception-class-name", Exception, Text),
            ("dead-letter-cause-class-name", Cause, Text),
        ],
        stripped: &[],
        stripped_prefixes: &[],
    },
    // Karafka Pro.
    FailureDialect {
        name: "karafka",
        appends_origin: false,
        min_headers: 2,
        headers: &[
            ("source_topic", Origin, Text),
            ("source_partition", Partition, AsciiDecimal),
            ("source_offset", Offset, AsciiDecimal),
            ("source_consumer_group", Group, Text),
            ("source_attempts", Attempts, AsciiDecimal),
        ],
        stripped: &["source_topic", "source_partition", "source_offset", "source_consumer_group", "source_attempts", "source_trace_id"],
        stripped_prefixes: &[],
    },
    // NServiceBus: ServiceControl strips the same on retry.
    FailureDialect {
        name: "nservicebus",
        appends_origin: false,
        min_headers: 1,
        headers: &[
            ("NServiceBus.FailedQ", Origin, Text),
            ("NServiceBus.ExceptionInfo.ExceptionType", Exception, Text),
            ("NServiceBus.ExceptionInfo.InnerExceptionType", Cause, Text),
            ("NServiceBus.ExceptionInfo.Message", Message, Text),
            ("NServiceBus.ExceptionInfo.StackTrace", Stack, Text),
            ("NServiceBus.FLRetries", Attempts, AsciiDecimal),
            ("NServiceBus.Retries", Attempts, AsciiDecimal),
        ],
        stripped: &[
            "NServiceBus.FailedQ",
            "NServiceBus.TimeOfFailure",
            "NServiceBus.Retries",
            "NServiceBus.Retries.Timestamp",
            "NServiceBus.FLRetries",
            "ServiceControl.Retry.UniqueMessageId",
            "ServiceControl.Retry.AcknowledgementQueue",
        ],
        stripped_prefixes: &["NServiceBus.ExceptionInfo."],
    },
    // MassTransit (`_error` and `_skipped` queues).
    FailureDialect {
        name: "masstransit",
        appends_origin: false,
        min_headers: 1,
        headers: &[
            ("MT-Reason", Reason, Text),
            ("MT-Fault-ExceptionType", Exception, Text),
            ("MT-Fault-Message", Message, Text),
            ("MT-Fault-StackTrace", Stack, Text),
            ("MT-Fault-RetryCount", Attempts, AsciiDecimal),
            ("MT-Fault-ConsumerType", Group, Text),
        ],
        stripped: &["MT-Reason", "MT-Redelivery-Count"],
        stripped_prefixes: &["MT-Fault-"],
    },
    // RabbitMQ, where a bridge carries its headers over as text.
    FailureDialect {
        name: "rabbitmq",
        appends_origin: false,
        min_headers: 1,
        headers: &[("x-first-death-queue", Origin, Text), ("x-first-death-reason", Message, Text)],
        stripped: &["x-death", "x-delivery-count"],
        stripped_prefixes: &["x-first-death-", "x-last-death-"],
    },
    // Smaller libraries whose names were met in the wild.
    FailureDialect {
        name: "eventferry",
        appends_origin: false,
        min_headers: 2,
        headers: &[
            ("dlq-original-topic", Origin, Text),
            ("dlq-error-class", Exception, Text),
            ("dlq-reason", Message, Text),
            ("dlq-attempts", Attempts, AsciiDecimal),
        ],
        stripped: &["dlq-original-topic", "dlq-error-class", "dlq-reason", "dlq-attempts"],
        stripped_prefixes: &[],
    },
    FailureDialect {
        name: "monoscope",
        appends_origin: false,
        min_headers: 2,
        headers: &[("original-topic", Origin, Text), ("error-reason", Message, Text)],
        stripped: &["original-topic", "error-reason", "failed-at"],
        stripped_prefixes: &[],
    },
];

/// Whether a header may be one of the table: a quick look, so that records without any are not read further.
pub fn may_tell_failure(name: &str) -> bool {
    // Every name of the table begins with one of these, which a test sees to.
    const BEGINNINGS: [&str; 15] = [
        "kafka_",
        "retry_topic-",
        "x-original-",
        "x-exception-",
        "x-first-death-",
        "__connect.errors.",
        "__streams.errors.",
        "__dlq.errors.",
        "dead-letter-",
        "delayed-retry-",
        "deserialization-failure-",
        "source_",
        "NServiceBus.",
        "MT-",
        "dlq-",
    ];
    match name.as_bytes().first() {
        Some(b'k' | b'r' | b'x' | b'_' | b'd' | b's' | b'N' | b'M') => BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)),
        Some(b'o' | b'e') => name == "original-topic" || name == "error-reason",
        _ => false,
    }
}

/// How the value of a header of the table is written; `None` where the name is of no dialect.
pub fn failure_header(name: &str) -> Option<(FailureField, HeaderDecoder)> {
    if !may_tell_failure(name) {
        return None;
    }
    let all = FAILURE_DIALECTS.iter().flat_map(|dialect| dialect.headers);
    all.into_iter().find(|(known, ..)| *known == name).map(|(_, field, decoder)| (*field, *decoder))
}

impl HeaderDecoder {
    /// Whether the bytes can be what is written so.
    pub fn reads(self, value: &[u8]) -> bool {
        self == Text || self.number(value).is_some()
    }

    /// How these bytes are written: who takes over a framework's names often writes digits. A number of as many bytes that are all digits
    /// would be a partition or an offset that no topic has, or a time that has not come.
    #[must_use]
    pub fn of(self, value: &[u8]) -> Self {
        let is_digits = || !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        match self {
            Be32 | Be64 if is_digits() => AsciiDecimal,
            BigInteger if value.len() > 8 && is_digits() => AsciiDecimal,
            as_the_framework => as_the_framework,
        }
    }

    /// The number that the bytes stand for.
    pub fn number(self, value: &[u8]) -> Option<i64> {
        match (self.of(value), value.len()) {
            (Be32, 4) | (Count, 1 | 4) | (Be64, 8) | (BigInteger, 1..=8) => java_big_integer(value),
            (AsciiDecimal, 1..=20) => std::str::from_utf8(value).ok()?.trim().parse().ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_that_is_read_is_stripped_before_a_record_is_sent_again() {
        for (name, ..) in FAILURE_DIALECTS.iter().flat_map(|dialect| dialect.headers) {
            assert!(FAILURE_DIALECTS.iter().any(|dialect| dialect.strips(name)), "{name}");
            assert!(may_tell_failure(name), "{name}");
        }
        for name in ["", "traceparent", "kafka-correlation", "content-type", "original-topics", "errors", "x-request-id", "source"] {
            assert!(!may_tell_failure(name), "{name}");
        }
    }

    #[test]
    fn a_name_means_the_same_in_every_dialect_that_has_it() {
        let all: Vec<_> = FAILURE_DIALECTS.iter().flat_map(|dialect| dialect.headers).collect();
        for (name, field, decoder) in &all {
            assert!(all.iter().filter(|(other, ..)| other == name).all(|other| (other.1, other.2) == (*field, *decoder)), "{name}");
            assert_eq!(failure_header(name), Some((*field, *decoder)));
        }
        assert_eq!((failure_header("kafka_receivedTopic"), failure_header("traceparent")), (None, None));
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (decoder, bytes, number) in [
            (Be32, &[0, 0, 0, 3][..], Some(3)),
            (Be32, &[3], None),
            (Be32, &[0, 3], None),
            (Be32, b"1", Some(1)),
            (Be32, b"1024", Some(1024)),
            (Count, &[0, 0, 0, 3], Some(3)),
            (Count, &[3], Some(3)),
            (Count, b"1", Some(0x31)),
            (Be64, &[0, 0, 0, 0, 0, 0, 1, 0], Some(256)),
            (Be64, &[1, 0], None),
            (Be64, b"124", Some(124)),
            (Be64, b"20480000", Some(20_480_000)),
            (Be64, b"1795818477568", Some(1_795_818_477_568)),
            (Be64, b"", None),
            (Be64, b"123456789012345678901", None),
            (BigInteger, &[0x01, 0xa2, 0x1f, 0x1f, 0x58, 0x00], Some(1_795_818_477_568)),
            (BigInteger, b"1795818477568", Some(1_795_818_477_568)),
            (BigInteger, &[], None),
            (AsciiDecimal, b" 42 ", Some(42)),
            (AsciiDecimal, b"4e2", None),
            (Text, b"42", None),
        ] {
            assert_eq!(decoder.number(bytes), number, "{decoder:?} {bytes:?}");
        }
    }
}
