//! How the frameworks write down why a record died: a table of headers, and its reader. Values are bytes of strangers.

use crate::state::fingerprint;
use crate::state::words;

/// How a header's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decoder {
    /// UTF-8.
    Text,
    /// A signed integer of 4 bytes, big-endian; older writers of counts used 1 byte.
    Be32,
    /// A signed integer of 8 bytes, big-endian.
    Be64,
    /// Java's `BigInteger.toByteArray()`: big-endian, as short as possible.
    BigInteger,
    /// Decimal digits.
    AsciiDecimal,
}

/// What a header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Origin,
    Partition,
    Offset,
    TimestampMs,
    Exception,
    Cause,
    Message,
    CauseMessage,
    Stack,
    Attempts,
    Group,
}

const NUM_FIELDS: usize = Field::Group as usize + 1;

/// The headers of one framework.
struct Dialect {
    name: &'static str,
    /// Origins are appended on each pass: the first is the true one. Else the last of equal names counts.
    appends_origin: bool,
    /// Headers of it that must be there; 1 where the names are its own, 2 where others could use them too.
    min_headers: usize,
    headers: &'static [(&'static str, Field, Decoder)],
}

use Decoder::{AsciiDecimal, Be32, Be64, BigInteger, Text};
use Field::{Attempts, Cause, CauseMessage, Exception, Group, Message, Offset, Origin, Partition, Stack, TimestampMs};

/// The dialects. Of two that fit equally well, the first is taken.
static DIALECTS: &[Dialect] = &[
    // Spring Kafka: DeadLetterPublishingRecoverer (KafkaHeaders).
    Dialect {
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
            ("retry_topic-attempts", Attempts, Be32),
        ],
    },
    // Spring Kafka: retry topics (RetryTopicHeaders); the group's header keeps the other prefix.
    Dialect {
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
            ("retry_topic-attempts", Attempts, Be32),
            ("retry_topic-original-timestamp", TimestampMs, BigInteger),
        ],
    },
    // Spring Cloud Stream's Kafka binder (KafkaMessageChannelBinder).
    Dialect {
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
    },
    // Kafka Connect sinks (DeadLetterQueueReporter).
    Dialect {
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
    },
    // Kafka Streams (KIP-1034, ExceptionHandlerUtils).
    Dialect {
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
    },
    // Share groups (KIP-1191).
    Dialect {
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
    },
    // SmallRye Reactive Messaging (Quarkus).
    Dialect {
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
    },
    // Karafka Pro.
    Dialect {
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
    },
    // NServiceBus.
    Dialect {
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
    },
    // MassTransit (`_error` and `_skipped` queues).
    Dialect {
        name: "masstransit",
        appends_origin: false,
        min_headers: 1,
        headers: &[
            ("MT-Fault-ExceptionType", Exception, Text),
            ("MT-Fault-Message", Message, Text),
            ("MT-Fault-StackTrace", Stack, Text),
            ("MT-Fault-RetryCount", Attempts, AsciiDecimal),
            ("MT-Fault-ConsumerType", Group, Text),
        ],
    },
    // RabbitMQ, where a bridge carries its headers over as text.
    Dialect {
        name: "rabbitmq",
        appends_origin: false,
        min_headers: 1,
        headers: &[("x-first-death-queue", Origin, Text), ("x-first-death-reason", Message, Text)],
    },
    // Smaller libraries whose names were met in the wild.
    Dialect {
        name: "eventferry",
        appends_origin: false,
        min_headers: 2,
        headers: &[
            ("dlq-original-topic", Origin, Text),
            ("dlq-error-class", Exception, Text),
            ("dlq-reason", Message, Text),
            ("dlq-attempts", Attempts, AsciiDecimal),
        ],
    },
    Dialect { name: "monoscope", appends_origin: false, min_headers: 2, headers: &[("original-topic", Origin, Text), ("error-reason", Message, Text)] },
];

/// Headers of a record that are looked at.
const MAX_HEADERS: usize = 512;
/// Bytes of a text that are looked at.
const MAX_TEXT_BYTES: usize = 4096;
/// Bytes of a stack trace that are looked at.
const MAX_STACK_BYTES: usize = 64 * 1024;
/// Characters of a name that are kept.
const MAX_NAME_CHARS: usize = 255;
/// Characters of a message that are kept.
const MAX_MESSAGE_CHARS: usize = 1000;

/// What a dead letter's headers tell. All text is safe to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeadLetterInfo {
    /// The dialect that proves it.
    pub(crate) dialect: &'static str,
    /// The channel it truly came from.
    pub(crate) origin: Option<String>,
    /// Its partition there.
    pub(crate) origin_partition: Option<i32>,
    /// Its offset there.
    pub(crate) origin_offset: Option<i64>,
    /// Its timestamp there, ns since the Unix epoch.
    pub(crate) origin_timestamp_ns: Option<i64>,
    /// Class of the exception.
    pub(crate) exception: Option<String>,
    /// Class of what caused it, which tells more where the framework wraps what the application threw.
    pub(crate) cause: Option<String>,
    /// Message that belongs to the cause, or else to the exception.
    pub(crate) message: Option<String>,
    /// Where that was thrown: type and function.
    pub(crate) stack_top_frame: Option<String>,
    /// How often it was tried.
    pub(crate) attempts: Option<u64>,
    /// The consumer group (or connector, or consumer) that gave it up.
    pub(crate) group: Option<String>,
}

impl DeadLetterInfo {
    /// Exception, top frame and message without ids: what equal deaths have in common.
    pub(crate) fn fingerprint(&self) -> String {
        let class = self.cause.as_deref().or(self.exception.as_deref());
        fingerprint::fingerprint(class, self.stack_top_frame.as_deref(), self.message.as_deref())
    }
}

/// Reads a record's headers, in their order; `None` where no dialect fits.
pub(crate) fn parse<'a>(headers: impl IntoIterator<Item = (&'a str, Option<&'a [u8]>)>) -> Option<DeadLetterInfo> {
    let mut found = vec![([None::<&[u8]>; NUM_FIELDS], [Text; NUM_FIELDS], 0_usize); DIALECTS.len()];
    for (name, value) in headers.into_iter().take(MAX_HEADERS) {
        let Some(value) = value else { continue };
        for (dialect, (values, decoders, num)) in DIALECTS.iter().zip(&mut found) {
            let header = dialect.headers.iter().find(|(header, ..)| *header == name);
            let Some((_, field, decoder)) = header.filter(|(_, _, decoder)| decoder.reads(value)) else { continue };
            let slot = &mut values[*field as usize];
            *num += usize::from(slot.is_none());
            let first_counts = dialect.appends_origin && matches!(field, Origin | Partition | Offset | TimestampMs);
            if slot.is_none() || !first_counts {
                (*slot, decoders[*field as usize]) = (Some(value), *decoder);
            }
        }
    }
    let best = found.iter().zip(DIALECTS).rev().filter(|((_, _, num), dialect)| *num >= dialect.min_headers).max_by_key(|((_, _, num), _)| *num);
    let ((values, decoders, _), dialect) = best?;

    let text = |field: Field, max_bytes: usize| values[field as usize].map(|value| lossy(value, max_bytes)).filter(|text| !text.trim().is_empty());
    let number = |field: Field| values[field as usize].and_then(|value| decoders[field as usize].number(value)).filter(|number| *number >= 0);
    let name = |field: Field| text(field, MAX_TEXT_BYTES).map(|text| words::visible(text.trim(), MAX_NAME_CHARS));
    let stack = text(Stack, MAX_STACK_BYTES).unwrap_or_default();
    let thrown = fingerprint::Thrown::of(
        text(Exception, MAX_TEXT_BYTES).as_deref(),
        text(Cause, MAX_TEXT_BYTES).as_deref(),
        text(Message, MAX_TEXT_BYTES).as_deref(),
        text(CauseMessage, MAX_TEXT_BYTES).as_deref(),
        &stack,
    );
    Some(DeadLetterInfo {
        dialect: dialect.name,
        origin: name(Origin),
        origin_partition: number(Partition).and_then(|number| i32::try_from(number).ok()),
        origin_offset: number(Offset),
        origin_timestamp_ns: number(TimestampMs).and_then(|number| number.checked_mul(1_000_000)),
        exception: name(Exception),
        cause: thrown.cause.map(|cause| words::visible(cause.trim(), MAX_NAME_CHARS)),
        message: thrown.message.map(|message| words::visible(message.trim(), MAX_MESSAGE_CHARS)),
        stack_top_frame: thrown.top_frame.map(|frame| words::visible(&frame, MAX_NAME_CHARS)),
        attempts: number(Attempts).map(|number| number as u64),
        group: name(Group),
    })
}

impl Decoder {
    /// Whether the bytes can be what the dialect writes.
    fn reads(self, value: &[u8]) -> bool {
        self == Text || self.number(value).is_some()
    }

    fn number(self, value: &[u8]) -> Option<i64> {
        match (self, value.len()) {
            (Be32, 1 | 4) | (Be64, 8) | (BigInteger, 1..=8) => {
                let sign = if value[0] & 0x80 == 0 { 0 } else { -1 };
                Some(value.iter().fold(sign, |number: i64, byte| (number << 8) | i64::from(*byte)))
            }
            (AsciiDecimal, 1..=20) => std::str::from_utf8(value).ok()?.trim().parse().ok(),
            _ => None,
        }
    }
}

/// The text, cut, with a mark in the place of what is not UTF-8.
fn lossy(value: &[u8], max_bytes: usize) -> String {
    String::from_utf8_lossy(&value[..value.len().min(max_bytes)]).into_owned()
}

#[cfg(test)]
#[path = "dead_letter_dialect_tests.rs"]
mod tests;
