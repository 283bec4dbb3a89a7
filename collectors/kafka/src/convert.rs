//! Records of the client library become rows of a batch: raw hash, redaction, limits, trace context, correlation ids.

use std::sync::Arc;

use hashbrown::HashMap;
use switchboard_model::{
    Attrs, BATCH_VERSION, BatchHeader, ChannelRow, ClusterRef, CorrelationId, CorrelationRow, HeaderRow, MAX_RUN_ROWS, NO_TIME, PlaceRow, RawHash, RecordBatch,
    RecordRow, Redactor, SourceId, Str, TextArena, TimestampType,
};

use crate::dialect::{NameMeaning, NameMeanings, TraceHeaders};

/// Longest value, key or header value that is kept, in bytes.
pub(crate) const LONGEST_VALUE: usize = 64 * 1024;
/// From so many records on, a batch is a sign that as many will follow.
const MANY_RECORDS: usize = 512;
/// Longest correlation id, in bytes; what is longer is no id.
const LONGEST_CORRELATION: usize = 256;

/// A record as it lies on the broker.
pub(crate) struct RawRecord<'a> {
    pub partition: i32,
    pub offset: i64,
    /// ms since the Unix epoch; −1 = none.
    pub timestamp_ms: i64,
    pub timestamp_type: TimestampType,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// In their order.
    pub headers: &'a [(&'a [u8], Option<&'a [u8]>)],
}

impl<'a> RawRecord<'a> {
    /// What it weighs, in bytes.
    pub fn size_bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.map_or(0, <[u8]>::len)).sum();
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len) + headers
    }

    /// Keyed hash over key, value and each header's name and value, in this order, as they lie on the broker.
    pub fn raw_hash(&self, redactor: &Redactor) -> RawHash {
        const FEW: usize = 16;
        let len = 2 + 2 * self.headers.len();
        if self.headers.len() <= FEW {
            let mut parts = [None; 2 + 2 * FEW];
            self.put_parts(&mut parts[..len]);
            redactor.hash(&parts[..len])
        } else {
            let mut parts = vec![None; len];
            self.put_parts(&mut parts);
            redactor.hash(&parts)
        }
    }

    fn put_parts(&self, parts: &mut [Option<&'a [u8]>]) {
        (parts[0], parts[1]) = (self.key, self.value);
        for (pair, (name, value)) in parts[2..].chunks_exact_mut(2).zip(self.headers) {
            (pair[0], pair[1]) = (Some(*name), *value);
        }
    }
}

/// What the library's number for a timestamp's kind means.
pub(crate) fn timestamp_type_of(kind: u32) -> TimestampType {
    match kind {
        1 => TimestampType::Create,
        2 => TimestampType::LogAppend,
        _ => TimestampType::Unknown,
    }
}

/// Fills batches.
pub(crate) struct RecordBuilder {
    source: SourceId,
    cluster: ClusterRef,
    redactor: Arc<Redactor>,
    meanings: NameMeanings,
    batch: RecordBatch,
    /// Numbers of the batch's channels: a broker may have any number of them.
    channels: HashMap<Box<str>, u32>,
    /// Header names of the last record by position: most records of a topic have the same ones.
    last_names: Vec<(Str, NameMeaning)>,
    text_bytes: usize,
    num_unreadable: u64,
}

impl RecordBuilder {
    pub fn new(source: SourceId, cluster: ClusterRef, redactor: Arc<Redactor>) -> Self {
        Self {
            source,
            cluster,
            redactor,
            meanings: NameMeanings::default(),
            batch: RecordBatch::default(),
            channels: HashMap::new(),
            last_names: Vec::new(),
            text_bytes: 0,
            num_unreadable: 0,
        }
    }

    /// How many records wait in the batch.
    pub fn len(&self) -> usize {
        self.batch.records.len()
    }

    /// About how much it holds, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.text_bytes + self.batch.records.len() * size_of::<RecordRow>() + self.batch.headers.len() * size_of::<HeaderRow>()
    }

    /// Records with a header name that is not UTF-8, so far.
    pub fn num_unreadable(&self) -> u64 {
        self.num_unreadable
    }

    /// The cluster's id became known.
    pub fn set_cluster(&mut self, cluster: ClusterRef) {
        self.cluster = cluster;
    }

    /// The batch's number for a channel.
    pub fn channel(&mut self, name: &str) -> u32 {
        if let Some(number) = self.channels.get(name) {
            return *number;
        }
        let number = self.batch.channels.len() as u32;
        self.channels.insert(name.into(), number);
        let name = self.push(name.as_bytes());
        self.batch.channels.push(ChannelRow { name });
        number
    }

    /// Adds a record.
    pub fn add(&mut self, channel: u32, raw: &RawRecord<'_>) {
        let raw_hash = raw.raw_hash(&self.redactor);
        let mut flags = Flags::default();
        let key = raw.key.map(|key| self.push_value(key, &mut flags));
        let value = raw.value.map(|value| self.push_value(value, &mut flags));
        let first_header = self.batch.headers.len();
        let first_correlation = self.batch.correlations.len();
        let mut trace = TraceHeaders::default();
        let headers_readable = self.add_headers(raw, &mut trace, &mut flags);
        if !headers_readable {
            self.batch.headers.truncate(first_header);
            self.batch.correlations.truncate(first_correlation);
            self.num_unreadable += 1;
        }
        let size = |part: Option<&[u8]>| part.map_or(0, |bytes| u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.batch.records.push(RecordRow {
            channel,
            place: PlaceRow::Offset { partition: raw.partition, offset: raw.offset },
            timestamp_ns: if raw.timestamp_ms < 0 { NO_TIME } else { raw.timestamp_ms.saturating_mul(1_000_000) },
            timestamp_type: if raw.timestamp_ms < 0 { TimestampType::Unknown } else { raw.timestamp_type },
            key,
            value,
            key_size_bytes: size(raw.key),
            value_size_bytes: size(raw.value),
            headers: Attrs { start: first_header as u32, end: self.batch.headers.len() as u32 },
            headers_readable,
            trace: if headers_readable { trace.context() } else { None },
            correlations: Attrs { start: first_correlation as u32, end: self.batch.correlations.len() as u32 },
            raw_hash,
            redacted: flags.redacted,
            truncated: flags.truncated,
        });
    }

    /// Takes the batch out, stamped with the time of arrival.
    pub fn finish(&mut self, received_ns: i64) -> RecordBatch {
        let mut batch = std::mem::take(&mut self.batch);
        // Where records come thick, the next batch will be like this one; where they come singly, room is not taken for nothing.
        if batch.records.len() >= MANY_RECORDS {
            self.batch.text = TextArena::with_capacity(self.text_bytes, batch.text.num_strings());
            self.batch.records.reserve(batch.records.len());
            self.batch.headers.reserve(batch.headers.len());
            self.batch.correlations.reserve(batch.correlations.len());
        } else {
            batch.shrink_to_fit();
        }
        batch.header = BatchHeader { version: BATCH_VERSION, source: self.source, received_ns };
        batch.cluster = self.cluster.clone();
        self.channels.clear();
        self.last_names.clear();
        self.text_bytes = 0;
        batch
    }

    fn add_headers<'a>(&mut self, raw: &RawRecord<'a>, trace: &mut TraceHeaders<'a>, flags: &mut Flags) -> bool {
        for (at, &(name, value)) in raw.headers.iter().enumerate() {
            if at >= MAX_RUN_ROWS {
                flags.truncated = true;
                // The rest is not kept, but a name that cannot be read still makes the headers unreadable.
                return raw.headers[at..].iter().all(|(name, _)| std::str::from_utf8(name).is_ok());
            }
            let Some((name, meaning)) = self.header_name(at, name) else { return false };
            if let Some(header) = meaning.trace {
                trace.put(header, value);
            }
            let mut own = Flags::default();
            let kept = value.map(|value| {
                if meaning.is_secret {
                    own.redacted = true;
                    let replacement = self.redactor.replacement(value);
                    self.push(replacement.as_bytes())
                } else {
                    self.push_value(value, &mut own)
                }
            });
            if meaning.is_correlation
                && !own.redacted
                && let Some(id) = value.filter(|value| value.len() <= LONGEST_CORRELATION).and_then(CorrelationId::parse)
            {
                self.batch.correlations.push(CorrelationRow { name, value: id });
            }
            flags.redacted |= own.redacted;
            flags.truncated |= own.truncated;
            self.batch.headers.push(HeaderRow { name, value: kept, redacted: own.redacted });
        }
        true
    }

    /// A header's name in the arena and what it means; `None` = not UTF-8.
    fn header_name(&mut self, at: usize, name: &[u8]) -> Option<(Str, NameMeaning)> {
        if let Some(&(known, meaning)) = self.last_names.get(at)
            && self.batch.text.bytes(known) == name
        {
            return Some((known, meaning));
        }
        let text = std::str::from_utf8(name).ok()?;
        let meaning = self.meanings.of(text, &self.redactor);
        let name = match self.redactor.redact_text(text) {
            Some(clean) => self.push(clean.as_bytes()),
            None => self.push(name),
        };
        if at < self.last_names.len() {
            self.last_names[at] = (name, meaning);
        } else if at == self.last_names.len() {
            self.last_names.push((name, meaning));
        }
        Some((name, meaning))
    }

    fn push(&mut self, bytes: &[u8]) -> Str {
        self.text_bytes += bytes.len() + size_of::<u32>();
        self.batch.text.push(bytes)
    }

    fn push_value(&mut self, value: &[u8], flags: &mut Flags) -> Str {
        let kept = self.redactor.keep(value, LONGEST_VALUE);
        flags.redacted |= kept.redacted;
        flags.truncated |= kept.cut;
        self.text_bytes += kept.bytes.len() + size_of::<u32>();
        self.batch.text.push(&kept.bytes)
    }
}

#[derive(Clone, Copy, Default)]
struct Flags {
    redacted: bool,
    truncated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_measure::growth::assert_linear;

    /// Names and values.
    type Headers = Vec<(Vec<u8>, Vec<u8>)>;
    /// Topic, key and value, headers.
    type Sent = (String, Vec<u8>, Headers);
    /// What some are called, and so many of them.
    type Kind<'k> = (&'static str, &'k dyn Fn(usize) -> Vec<Sent>);

    fn builder() -> RecordBuilder {
        let cluster = ClusterRef { system: "kafka".to_owned(), cluster_id: None, name: "k".to_owned() };
        RecordBuilder::new(SourceId(3), cluster, Arc::new(Redactor::new([1; 16], &[])))
    }

    fn raw<'a>(key: Option<&'a [u8]>, value: Option<&'a [u8]>, headers: &'a [(&'a [u8], Option<&'a [u8]>)]) -> RawRecord<'a> {
        RawRecord { partition: 2, offset: 7, timestamp_ms: 1_700_000_000_123, timestamp_type: TimestampType::Create, key, value, headers }
    }

    #[test]
    fn headers_keep_order_duplicates_null_and_empty() {
        let mut builder = builder();
        let channel = builder.channel("orders");
        let headers: [(&[u8], Option<&[u8]>); 4] = [(b"a", Some(b"1")), (b"b", None), (b"a", Some(b"")), (b"a", Some(b"\xff\x00"))];
        builder.add(channel, &raw(None, Some(b""), &headers));
        builder.add(channel, &raw(Some(b""), None, &headers));
        let batch = builder.finish(5);
        for row in &batch.records {
            let kept: Vec<(&str, Option<&[u8]>)> =
                batch.headers[row.headers.range()].iter().map(|h| (batch.text.get(h.name), h.value.map(|value| batch.text.bytes(value)))).collect();
            assert_eq!(kept, [("a", Some(&b"1"[..])), ("b", None), ("a", Some(&b""[..])), ("a", Some(&b"\xff\x00"[..]))]);
            assert!(row.headers_readable && !row.redacted && !row.truncated);
        }
        assert_eq!((batch.records[0].key, batch.records[0].value), (None, Some(Str::EMPTY)));
        assert_eq!((batch.records[1].key, batch.records[1].value), (Some(Str::EMPTY), None));
        assert_ne!(batch.records[0].raw_hash, batch.records[1].raw_hash);
        assert_eq!((batch.header.source, batch.header.received_ns), (SourceId(3), 5));
        assert_eq!(batch.records[0].timestamp_ns, 1_700_000_000_123_000_000);
    }

    #[test]
    fn a_name_that_is_not_utf8_makes_headers_unreadable_and_leaves_the_rest() {
        let mut builder = builder();
        let channel = builder.channel("orders");
        let hostile: [(&[u8], Option<&[u8]>); 2] = [(b"correlation-id", Some(b"42")), (b"bad\xff", Some(b"2"))];
        builder.add(channel, &raw(Some(b"k"), Some(b"v"), &hostile));
        let good: [(&[u8], Option<&[u8]>); 1] = [(b"correlation-id", Some(b"42"))];
        builder.add(channel, &raw(Some(b"k"), Some(b"v"), &good));
        assert_eq!(builder.num_unreadable(), 1);
        let batch = builder.finish(0);
        assert!(!batch.records[0].headers_readable && batch.records[0].headers.is_empty() && batch.records[0].correlations.is_empty());
        assert!(batch.records[1].headers_readable);
        assert_eq!(batch.correlations[batch.records[1].correlations.range()][0].value, CorrelationId::Number(42));
        assert_eq!(batch.text.bytes(batch.records[0].value.expect("a value")), b"v");
    }

    #[test]
    fn secrets_go_by_name_and_by_shape_and_the_raw_hash_is_of_what_was() {
        let mut builder = builder();
        let channel = builder.channel("orders");
        let headers: [(&[u8], Option<&[u8]>); 2] = [(b"Authorization", Some(b"Basic c2VjcmV0OnB3")), (b"plain", Some(b"x"))];
        let secret = raw(Some(b"k"), Some(br#"{"password":"hunter2"}"#), &headers);
        builder.add(channel, &secret);
        let mut framed = b"\x00\xff\x00\x01".to_vec();
        framed.extend_from_slice(br#"{"password":"hunter2"}"#);
        framed.push(0xfe);
        builder.add(channel, &raw(None, Some(&framed), &[]));
        let batch = builder.finish(0);
        let row = &batch.records[0];
        let text = |at: Option<Str>| String::from_utf8_lossy(batch.text.bytes(at.expect("a value"))).into_owned();
        assert!(row.redacted);
        assert!(!text(row.value).contains("hunter2") && text(row.value).contains("redacted:"));
        let kept = &batch.headers[row.headers.range()];
        assert!(kept[0].redacted && text(kept[0].value).starts_with("redacted:") && !kept[1].redacted);
        assert_eq!(row.raw_hash, secret.raw_hash(&Redactor::new([1; 16], &[])));
        let framed = batch.text.bytes(batch.records[1].value.expect("a value"));
        assert!(batch.records[1].redacted && framed.starts_with(b"\x00\xff\x00\x01{") && framed.ends_with(b"}\xfe"));
        assert!(!String::from_utf8_lossy(framed).contains("hunter2"));
    }

    #[test]
    fn long_values_are_cut_and_marked_and_their_size_is_kept() {
        let mut builder = builder();
        let channel = builder.channel("orders");
        let mut long = vec![b'x'; LONGEST_VALUE - 1];
        long.extend_from_slice("é and more".as_bytes());
        builder.add(channel, &raw(None, Some(&long), &[]));
        let mut at_the_cut = vec![b'x'; LONGEST_VALUE - 10];
        at_the_cut.extend_from_slice(b" AKIAIOSFODNN7EXAMPLE end");
        builder.add(channel, &raw(None, Some(&at_the_cut), &[]));
        let batch = builder.finish(0);
        let row = &batch.records[0];
        assert!(row.truncated && !row.redacted);
        assert_eq!(batch.text.bytes(row.value.expect("a value")).len(), LONGEST_VALUE - 1);
        assert_eq!(row.value_size_bytes as usize, long.len());
        let row = &batch.records[1];
        assert!(row.truncated && row.redacted);
        assert!(!batch.text.get(row.value.expect("a value")).contains("AKIA"));
    }

    #[test]
    fn correlation_ids_are_normalised_and_raw_bytes_are_a_uuid() {
        let mut builder = builder();
        let channel = builder.channel("orders");
        let id = 0x0123_4567_89ab_cdef_0011_2233_4455_6677_u128;
        let bytes = id.to_be_bytes();
        let headers: [(&[u8], Option<&[u8]>); 4] = [
            (b"kafka_correlationId", Some(&bytes)),
            (b"X-Correlation-ID", Some(b"01234567-89ab-cdef-0011-223344556677")),
            (b"causation_id", None),
            (b"other", Some(b"1")),
        ];
        builder.add(channel, &raw(None, None, &headers));
        let batch = builder.finish(0);
        let found: Vec<&CorrelationId> = batch.correlations.iter().map(|row| &row.value).collect();
        assert_eq!(found, [&CorrelationId::Wide(id), &CorrelationId::Wide(id)]);
    }

    proptest::proptest! {
        #[test]
        fn any_record_becomes_a_row_within_the_limits(
            key in proptest::option::of(proptest::collection::vec(proptest::num::u8::ANY, 0..40)),
            value in proptest::option::of(proptest::collection::vec(proptest::num::u8::ANY, 0..400)),
            headers in proptest::collection::vec((proptest::collection::vec(1_u8..=255, 0..20), proptest::option::of(proptest::collection::vec(proptest::num::u8::ANY, 0..40))), 0..40),
        ) {
            let mut builder = builder();
            let channel = builder.channel("t");
            let lent: Vec<(&[u8], Option<&[u8]>)> = headers.iter().map(|(name, value)| (name.as_slice(), value.as_deref())).collect();
            builder.add(channel, &raw(key.as_deref(), value.as_deref(), &lent));
            let batch = builder.finish(0);
            let row = &batch.records[0];
            let readable = headers.iter().all(|(name, _)| std::str::from_utf8(name).is_ok());
            proptest::prop_assert_eq!(row.headers_readable, readable);
            proptest::prop_assert_eq!(row.headers.len(), if readable { headers.len() } else { 0 });
            proptest::prop_assert_eq!(row.key.is_some(), key.is_some());
            proptest::prop_assert_eq!(row.value.is_some(), value.is_some());
            if !row.redacted {
                proptest::prop_assert_eq!(batch.text.bytes(row.value.unwrap_or_default()), value.as_deref().unwrap_or_default());
            }
        }
    }

    #[test]
    fn twice_the_records_take_twice_the_time() {
        let build = |records: &[Sent]| {
            let mut builder = builder();
            for (topic, value, headers) in records {
                let channel = builder.channel(topic);
                let headers: Vec<(&[u8], Option<&[u8]>)> = headers.iter().map(|(name, value)| (name.as_slice(), Some(value.as_slice()))).collect();
                builder.add(channel, &raw(Some(value), Some(value), &headers));
            }
            builder.finish(1)
        };
        let header = |name: String| (name.into_bytes(), b"a-1".to_vec());
        let kinds: [Kind<'_>; 8] = [
            ("topics", &|num| (0..num).map(|number| (format!("t{number}"), Vec::new(), Vec::new())).collect()),
            ("records", &|num| (0..num).map(|_| ("t".to_owned(), b"{\"token\":{".to_vec(), vec![header("traceparent".to_owned())])).collect()),
            ("names of headers", &|num| (0..num).map(|number| ("t".to_owned(), Vec::new(), vec![header(format!("n{number}"))])).collect()),
            ("headers of one", &|num| vec![("t".to_owned(), Vec::new(), (0..num).map(|number| header(format!("n{number}"))).collect())]),
            ("ids of one", &|num| vec![("t".to_owned(), Vec::new(), (0..num).map(|_| header("correlation-id".to_owned())).collect())]),
            ("a long value", &|num| vec![("t".to_owned(), b"\"token\":{".repeat(num), Vec::new())]),
            ("a long name", &|num| vec![("t".to_owned(), Vec::new(), vec![header("token-".repeat(num))])]),
            ("a long id", &|num| vec![("t".to_owned(), Vec::new(), vec![(b"uber-trace-id".to_vec(), b"%3A".repeat(num))])]),
        ];
        for (what, make) in kinds {
            assert_linear(what, 4_096, make, |records| build(records));
        }
    }
}
