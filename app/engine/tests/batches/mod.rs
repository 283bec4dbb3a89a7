//! Builds batches by hand, as collectors fill them: every distinct string once, attribute meanings told.

#![allow(dead_code, clippy::allow_attributes, clippy::allow_attributes_without_reason, reason = "each test uses another part")]

use std::collections::HashMap;

use switchboard_engine::{Engine, EngineConfig};
use switchboard_model::{
    AttrRow, Attrs, Batch, BatchHeader, ChannelRow, ClusterRef, CorrelationId, CorrelationRow, EventRow, Fact, FactBatch, GroupFact, GroupOffset, HeaderRow,
    Input, InstanceSource, IntakeCounts, ItemKind, LinkRow, PartitionFact, PlaceRow, RawHash, RecordBatch, RecordRow, ResourceRow, SourceId, SourceInfo,
    SourceKind, SpanBatch, SpanContext, SpanId, SpanKind, SpanRow, SpanStatus, Str, TailState, TextArena, TimestampType, TopicFact, TraceId, Value, WellKnown,
};

/// When the tests' sessions begin, ns since the Unix epoch.
pub const START_NS: i64 = 1_795_258_800_000_000_000;
/// A millisecond in ns.
pub const MS: i64 = 1_000_000;
/// A second in ns.
pub const SECOND: i64 = 1_000_000_000;

/// Name, then value: a number where it reads as one.
pub type Pairs = Vec<(&'static str, String)>;

/// A span in the making.
#[derive(Clone, Debug)]
pub struct Span {
    pub service: &'static str,
    pub instance: String,
    pub name: String,
    pub kind: SpanKind,
    pub status: SpanStatus,
    pub status_message: String,
    pub trace: u128,
    pub id: u64,
    pub parent: u64,
    /// After [`START_NS`].
    pub start_ns: i64,
    pub duration_ns: i64,
    pub attrs: Pairs,
    pub links: Vec<(u128, u64, Pairs)>,
    pub events: Vec<(&'static str, Pairs)>,
    pub weight: f32,
}

pub fn pairs(of: &[(&'static str, &str)]) -> Pairs {
    of.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

impl Span {
    pub fn new(service: &'static str, kind: SpanKind, trace: u128, id: u64, parent: u64) -> Self {
        Self {
            service,
            instance: format!("{service}-1"),
            name: "operation".to_owned(),
            kind,
            status: SpanStatus::Unset,
            status_message: String::new(),
            trace,
            id,
            parent,
            start_ns: 1_000 * MS,
            duration_ns: 10 * MS,
            attrs: Vec::new(),
            links: Vec::new(),
            events: Vec::new(),
            weight: 1.0,
        }
    }

    pub fn client(service: &'static str, trace: u128, id: u64, parent: u64) -> Self {
        Self::new(service, SpanKind::Client, trace, id, parent).with(&[("http.request.method", "GET")])
    }

    pub fn server(service: &'static str, trace: u128, id: u64, parent: u64) -> Self {
        Self::new(service, SpanKind::Server, trace, id, parent).with(&[("http.request.method", "GET")])
    }

    pub fn producer(service: &'static str, topic: &str, trace: u128, id: u64, parent: u64) -> Self {
        Self::new(service, SpanKind::Producer, trace, id, parent).with(&[
            ("messaging.system", "kafka"),
            ("messaging.operation.type", "send"),
            ("messaging.destination.name", topic),
        ])
    }

    pub fn process(service: &'static str, topic: &str, group: &str, trace: u128, id: u64, parent: u64) -> Self {
        Self::new(service, SpanKind::Consumer, trace, id, parent)
            .with(&[
                ("messaging.system", "kafka"),
                ("messaging.operation.type", "process"),
                ("messaging.destination.name", topic),
                ("messaging.consumer.group.name", group),
            ])
            .at(1_050, 5)
    }

    pub fn with(mut self, attrs: &[(&'static str, &str)]) -> Self {
        for (name, value) in attrs {
            self.attrs.retain(|(known, _)| known != name);
            self.attrs.push((name, (*value).to_owned()));
        }
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.attrs.retain(|(known, _)| *known != name);
        self
    }

    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    pub fn on(mut self, instance: &str) -> Self {
        instance.clone_into(&mut self.instance);
        self
    }

    /// Start and duration in ms.
    pub fn at(mut self, start_ms: i64, duration_ms: i64) -> Self {
        (self.start_ns, self.duration_ns) = (start_ms * MS, duration_ms * MS);
        self
    }

    pub fn failed(mut self, message: &str) -> Self {
        self.status = SpanStatus::Error;
        message.clone_into(&mut self.status_message);
        self
    }

    pub fn linked(mut self, trace: u128, id: u64, attrs: &[(&'static str, &str)]) -> Self {
        self.links.push((trace, id, pairs(attrs)));
        self
    }

    pub fn exception(mut self, class: &str, message: &str) -> Self {
        self.events.push(("exception", pairs(&[("exception.type", class), ("exception.message", message)])));
        self
    }
}

struct Texts {
    arena: TextArena,
    known: HashMap<Vec<u8>, Str>,
}

impl Texts {
    fn new() -> Self {
        Self { arena: TextArena::default(), known: HashMap::new() }
    }

    fn put(&mut self, text: &[u8]) -> Str {
        let arena = &mut self.arena;
        *self.known.entry(text.to_vec()).or_insert_with(|| arena.push(text))
    }

    fn attrs(&mut self, pairs: &Pairs, rows: &mut Vec<AttrRow>) -> Attrs {
        let start = rows.len() as u32;
        for (name, value) in pairs {
            let value = match value.parse() {
                Ok(number) => Value::I64(number),
                Err(_) => Value::Str(self.put(value.as_bytes())),
            };
            rows.push(AttrRow::new(self.put(name.as_bytes()), WellKnown::trusted(name), value));
        }
        Attrs { start, end: rows.len() as u32 }
    }
}

pub fn header(received_ms: i64) -> BatchHeader {
    BatchHeader { source: SourceId(1), received_ns: START_NS + received_ms * MS, ..BatchHeader::default() }
}

/// Spans that arrived so many ms after the start.
pub fn spans(received_ms: i64, of: &[Span]) -> Batch {
    let mut texts = Texts::new();
    let mut batch = SpanBatch { header: header(received_ms), ..SpanBatch::default() };
    let mut resources: HashMap<(&str, &str), u32> = HashMap::new();
    for span in of {
        let resource = *resources.entry((span.service, &span.instance)).or_insert_with(|| {
            batch.resources.push(ResourceRow {
                service_name: texts.put(span.service.as_bytes()),
                instance: texts.put(span.instance.as_bytes()),
                instance_source: InstanceSource::InstanceId,
                ..ResourceRow::default()
            });
            batch.resources.len() as u32 - 1
        });
        let attrs = texts.attrs(&span.attrs, &mut batch.attrs);
        let first_link = batch.links.len() as u32;
        for (trace, id, pairs) in &span.links {
            let attrs = texts.attrs(pairs, &mut batch.attrs);
            batch.links.push(LinkRow { trace_id: TraceId(*trace), span_id: SpanId(*id), attrs });
        }
        let first_event = batch.events.len() as u32;
        for (name, pairs) in &span.events {
            let attrs = texts.attrs(pairs, &mut batch.attrs);
            batch.events.push(EventRow { time_ns: START_NS + span.start_ns, name: texts.put(name.as_bytes()), attrs });
        }
        batch.spans.push(SpanRow {
            trace_id: TraceId(span.trace),
            span_id: SpanId(span.id),
            parent_span_id: SpanId(span.parent),
            start_ns: START_NS + span.start_ns,
            end_ns: START_NS + span.start_ns + span.duration_ns,
            name: texts.put(span.name.as_bytes()),
            kind: span.kind,
            status: span.status,
            status_message: texts.put(span.status_message.as_bytes()),
            trace_state: Str::EMPTY,
            flags: 0,
            scope: Str::EMPTY,
            resource,
            attrs,
            links: Attrs { start: first_link, end: batch.links.len() as u32 },
            events: Attrs { start: first_event, end: batch.events.len() as u32 },
            sample_weight: span.weight,
            truncated: false,
        });
    }
    batch.text = texts.arena;
    Batch::Spans(batch)
}

/// A record of a topic.
#[derive(Clone, Debug)]
pub struct Record {
    pub topic: &'static str,
    pub partition: i32,
    pub offset: i64,
    pub trace: Option<(u128, u64)>,
    pub correlation: Option<&'static str>,
    pub headers: Pairs,
}

pub fn cluster() -> ClusterRef {
    ClusterRef { system: "kafka".to_owned(), cluster_id: Some("cluster-1".to_owned()), name: "broker".to_owned() }
}

pub fn records(received_ms: i64, of: &[Record]) -> Batch {
    let mut texts = Texts::new();
    let mut batch = RecordBatch { header: header(received_ms), cluster: cluster(), ..RecordBatch::default() };
    for record in of {
        let name = texts.put(record.topic.as_bytes());
        let channel = batch.channels.iter().position(|known| known.name == name).unwrap_or_else(|| {
            batch.channels.push(ChannelRow { name });
            batch.channels.len() - 1
        });
        let first = batch.correlations.len() as u32;
        if let Some(value) = record.correlation.and_then(|id| CorrelationId::parse(id.as_bytes())) {
            batch.correlations.push(CorrelationRow { name: texts.put(b"kafka_correlationId"), value });
        }
        let first_header = batch.headers.len() as u32;
        for (name, value) in &record.headers {
            let row = HeaderRow { name: texts.put(name.as_bytes()), value: Some(texts.put(value.as_bytes())), redacted: false };
            batch.headers.push(row);
        }
        batch.records.push(RecordRow {
            channel: channel as u32,
            place: PlaceRow::Offset { partition: record.partition, offset: record.offset },
            timestamp_ns: START_NS,
            timestamp_type: TimestampType::Create,
            key: None,
            value: None,
            key_size_bytes: 0,
            value_size_bytes: 0,
            headers: Attrs { start: first_header, end: batch.headers.len() as u32 },
            headers_readable: true,
            trace: record.trace.map(|(trace, id)| SpanContext { trace_id: TraceId(trace), span_id: SpanId(id) }),
            correlations: Attrs { start: first, end: batch.correlations.len() as u32 },
            raw_hash: RawHash(u128::from(record.offset.unsigned_abs()) << 32 | u128::from(record.partition.unsigned_abs())),
            redacted: false,
            truncated: false,
        });
    }
    batch.text = texts.arena;
    Batch::Records(batch)
}

pub fn facts(received_ms: i64, facts: Vec<Fact>) -> Batch {
    Batch::Facts(FactBatch { header: header(received_ms), facts })
}

pub fn topic(name: &str, high: i64) -> Fact {
    let partition = PartitionFact { partition: 0, leader: Some(1), low: Some(0), high: Some(high) };
    Fact::Topic(TopicFact {
        cluster: cluster(),
        topic: name.to_owned(),
        partitions: vec![partition],
        tail: TailState::Tailed,
        topic_id: None,
        made_again_ns: None,
    })
}

pub fn group(name: &str, topic: &str, committed: i64, end: i64, read_ms: i64) -> Fact {
    Fact::Group(GroupFact {
        cluster: cluster(),
        group: name.to_owned(),
        kind: None,
        state: Some("Stable".to_owned()),
        members: Some(Vec::new()),
        members_reason: None,
        offsets: vec![GroupOffset {
            topic: topic.to_owned(),
            partition: 0,
            committed: Some(committed),
            end: Some(end),
            low: Some(0),
            ..GroupOffset::default()
        }],
        read_ns: START_NS + read_ms * MS,
        error: None,
    })
}

pub fn tick(received_ms: i64) -> Batch {
    Batch::Tick(header(received_ms))
}

pub fn engine_of(memory_bytes: usize) -> Engine {
    let mut engine = Engine::new(EngineConfig { memory_bytes, started_ns: START_NS });
    engine.add_source(SourceInfo { id: SourceId(1), name: "test".to_owned(), kind: SourceKind::Otlp, environment: None });
    engine
}

pub fn engine() -> Engine {
    engine_of(512 << 20)
}

pub fn apply(engine: &mut Engine, batches: &[Batch]) {
    for batch in batches {
        engine.apply(Input::Batch(batch.clone()));
    }
}

/// The queue's counts, had all of these batches come through it.
pub fn intake(batches: &[Batch]) -> Vec<(SourceId, IntakeCounts)> {
    let mut counts = IntakeCounts::default();
    for batch in batches {
        if let Some(kind) = batch.item_kind() {
            counts.received[kind.index()] += batch.num_items();
        }
    }
    vec![(SourceId(1), counts)]
}

/// Whether no item is missing in the counts, kind by kind.
pub fn assert_conserved(engine: &mut Engine, batches: &[Batch]) {
    let report = engine.report(&intake(batches));
    let source = &report.sources[0];
    for (kind, counts) in source.by_kind.iter().chain([(&"all".to_owned(), &source.counts)]) {
        let sum = counts.stored + counts.evicted + counts.folded + counts.duplicate + counts.refused + counts.queued;
        assert_eq!(counts.received, sum, "{kind}: {counts:?}");
    }
    let received: u64 = ItemKind::ALL.iter().map(|kind| intake(batches)[0].1.received[kind.index()]).sum();
    assert_eq!(source.counts.received, received);
}
