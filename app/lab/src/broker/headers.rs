use rdkafka::message::{BorrowedHeaders, Header, Headers as _, OwnedHeaders};

/// A record's headers: names in their order, with duplicates, and values that may be null.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Headers(pub(crate) Vec<(String, Option<Vec<u8>>)>);

impl Headers {
    /// Adds a text.
    pub(crate) fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), Some(value.into().into_bytes())));
        self
    }

    /// Adds raw bytes.
    pub(crate) fn bytes(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.0.push((name.to_owned(), Some(value.into())));
        self
    }

    /// Adds a null.
    pub(crate) fn null(mut self, name: &str) -> Self {
        self.0.push((name.to_owned(), None));
        self
    }

    /// The last value of this name as text, as Kafka's `lastHeader` finds it.
    pub(crate) fn last_text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().rev().find(|(n, _)| n == name)?;
        std::str::from_utf8(value.as_deref()?).ok()
    }

    /// Takes all headers of this name away.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(n, _)| n != name);
        self
    }

    pub(crate) fn to_owned_headers(&self) -> OwnedHeaders {
        self.0.iter().fold(OwnedHeaders::new_with_capacity(self.0.len()), |headers, (key, value)| headers.insert(Header { key, value: value.as_ref() }))
    }
}

impl From<&BorrowedHeaders> for Headers {
    fn from(headers: &BorrowedHeaders) -> Self {
        Self(headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect())
    }
}

/// Why and from where a record is dead-lettered.
#[derive(Debug)]
pub(crate) struct DeadLetter<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: i64,
    pub(crate) group: &'a str,
    pub(crate) cause_class: &'a str,
    pub(crate) message: &'a str,
    pub(crate) stacktrace: &'a str,
}

/// The class Spring wraps a listener's exception in.
const LISTENER_EXCEPTION: &str = "org.springframework.kafka.listener.ListenerExecutionFailedException";

/// The headers that Spring Kafka's `DeadLetterPublishingRecoverer` adds: partition as a 4-byte, offset and timestamp as 8-byte
/// big-endian numbers, all else as text.
pub(crate) fn dead_letter_headers(headers: Headers, dead: &DeadLetter<'_>) -> Headers {
    headers
        .text("kafka_dlt-original-topic", dead.topic)
        .bytes("kafka_dlt-original-partition", dead.partition.to_be_bytes())
        .bytes("kafka_dlt-original-offset", dead.offset.to_be_bytes())
        .bytes("kafka_dlt-original-timestamp", dead.timestamp_ms.to_be_bytes())
        .text("kafka_dlt-original-timestamp-type", "CreateTime")
        .text("kafka_dlt-original-consumer-group", dead.group)
        .text("kafka_dlt-exception-fqcn", LISTENER_EXCEPTION)
        .text("kafka_dlt-exception-cause-fqcn", dead.cause_class)
        .text("kafka_dlt-exception-message", format!("Listener failed; {}", dead.message))
        .text("kafka_dlt-exception-stacktrace", format!("{LISTENER_EXCEPTION}: Listener failed; {}\nCaused by: {}", dead.message, dead.stacktrace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn springs_numbers_are_big_endian_bytes_and_the_rest_text() {
        let dead = DeadLetter {
            topic: "orders.placed",
            partition: 3,
            offset: 258,
            timestamp_ms: 1_795_262_400_000,
            group: "shipping",
            cause_class: "com.shop.UnknownCountryException",
            message: "no such country",
            stacktrace: "com.shop.UnknownCountryException: no such country\n\tat com.shop.Label.of(Label.java:17)",
        };
        let headers = dead_letter_headers(Headers::default().text("ce_id", "1").null("x-tenant"), &dead);
        let value = |name: &str| headers.0.iter().find(|(n, _)| n == name).and_then(|(_, v)| v.clone());
        assert_eq!(headers.0[1], ("x-tenant".to_owned(), None), "what was there stays, in its order");
        assert_eq!(value("kafka_dlt-original-partition"), Some(vec![0, 0, 0, 3]));
        assert_eq!(value("kafka_dlt-original-offset"), Some(vec![0, 0, 0, 0, 0, 0, 1, 2]));
        assert_eq!(value("kafka_dlt-original-timestamp"), Some(1_795_262_400_000_i64.to_be_bytes().to_vec()));
        assert_eq!(headers.last_text("kafka_dlt-original-topic"), Some("orders.placed"));
        assert_eq!(headers.last_text("kafka_dlt-original-timestamp-type"), Some("CreateTime"));
        assert_eq!(headers.last_text("kafka_dlt-exception-cause-fqcn"), Some("com.shop.UnknownCountryException"));
        assert!(headers.last_text("kafka_dlt-exception-stacktrace").is_some_and(|trace| trace.contains("Caused by: com.shop")));
    }

    #[test]
    fn headers_keep_order_duplicates_and_nulls_on_the_wire() {
        let headers = Headers::default().text("a", "1").null("b").text("a", "2").bytes("c", vec![0, 255]);
        assert_eq!(Headers::from(headers.to_owned_headers().as_borrowed()), headers);
        assert_eq!(headers.last_text("a"), Some("2"));
        assert_eq!(headers.last_text("c"), None, "not text");
        assert_eq!(headers.without("a").0.len(), 2);
    }
}
