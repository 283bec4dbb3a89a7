//! The engine: takes batches and statuses in, gives snapshots, answers and reports out. No clock of its own: time enters
//! only as data, so that the same inputs in the same order give the same answers.

mod answers;

use std::collections::BTreeMap;
use std::hint::black_box;

use switchboard_model::{
    Batch, BatchHeader, Fact, FactBatch, Input, IntakeCounts, ItemKind, LogBatch, RecordBatch, SourceId, SourceInfo, SpanBatch, SpanStatus, WellKnown,
    is_believable_at,
};

use crate::chart::{Chart, Observed};
use crate::extract::{Extractor, LinkFacts, Role, rows};
use crate::figures::SpanKey;
use crate::flow::{Arrival, Flow};
use crate::left_out::LeftOuts;
use crate::old_spans::{OldSpanReader, StoredSpans};
use crate::state::{Breakers, DeadLetters, Groups, KindNumber, ReaderSpan, Sources, SpanReaders, Whereabouts, dues};
use crate::store::{Inserted, Store};
use crate::view::{CountsReport, Report, Snapshot, SourceReport, source_severity, source_word};

/// What an engine is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// Budget of all that is kept, in bytes: spans 50 %, records 30 %, logs 10 %, aggregates and queues 10 %.
    pub memory_bytes: usize,
    /// When the session began, ns since the Unix epoch.
    pub started_ns: i64,
}

/// Items of a kind by [`ItemKind::index`].
type ByKind = [u64; ItemKind::ALL.len()];

/// A clock that runs further ahead is not believed: what it tells happened at the latest when it arrived.
const MAX_AHEAD_NS: i64 = 60_000_000_000;

/// So many spans' partners are brought near at once.
const STRIDE: usize = 64;

/// What was observed, and what follows from it.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    now_ns: i64,
    store: Store,
    flow: Flow,
    groups: Groups,
    breakers: Breakers,
    dead_letters: DeadLetters,
    span_readers: SpanReaders,
    sources: Sources,
    infos: BTreeMap<SourceId, SourceInfo>,
    /// Own traffic, by source: counted, not kept.
    folded: BTreeMap<SourceId, ByKind>,
    extractor: Extractor,
    old_spans: OldSpanReader,
    inserted: Vec<Inserted>,
    /// What the records of the batch in hand died of.
    letter_kinds: Vec<Option<KindNumber>>,
    links: Vec<(SpanKey, LinkFacts)>,
    chart: Chart,
}

impl Engine {
    /// An engine that has seen nothing.
    pub fn new(config: EngineConfig) -> Self {
        Self {
            config,
            now_ns: config.started_ns,
            store: Store::new(config.memory_bytes),
            // The other half of the tenth is the queue's.
            flow: Flow::new((config.memory_bytes / 20).max(4 << 20)),
            groups: Groups::default(),
            breakers: Breakers::default(),
            dead_letters: DeadLetters::default(),
            span_readers: SpanReaders::default(),
            sources: Sources::default(),
            infos: BTreeMap::new(),
            folded: BTreeMap::new(),
            extractor: Extractor::new(),
            old_spans: OldSpanReader::new(),
            inserted: Vec::new(),
            letter_kinds: Vec::new(),
            links: Vec::new(),
            chart: Chart::new(config.started_ns),
        }
    }

    /// A source that the session has made. Told before its first batch, it names the environment of that batch.
    pub fn add_source(&mut self, source: SourceInfo) {
        self.sources.add(source.clone());
        self.infos.insert(source.id, source);
        self.chart.state_changed();
    }

    /// Takes a channel for one of dead letters whatever its name, because the profile says so. Told before its first record.
    pub fn add_dead_letter_channel(&mut self, channel: &str) {
        self.dead_letters.choose(channel);
    }

    /// Takes one thing in.
    pub fn apply(&mut self, input: Input) {
        match input {
            Input::Status(status) => {
                self.sources.apply_status(&status);
                self.chart.state_changed();
            }
            Input::Batch(batch) => {
                self.advance(batch.header());
                match &batch {
                    Batch::Spans(batch) => self.spans(batch),
                    Batch::Records(batch) => self.records(batch),
                    Batch::Logs(batch) => self.logs(batch),
                    Batch::Facts(batch) => self.facts(batch),
                    Batch::Tick(_) => self.chart.ticked(),
                }
            }
        }
    }

    fn advance(&mut self, header: BatchHeader) {
        self.now_ns = self.now_ns.max(header.received_ns);
        self.flow.advance(self.now_ns);
    }

    /// A batch of joining and counting begins.
    fn begin_flow(&mut self, header: BatchHeader) {
        let Flow { names, rows, conversations, .. } = &mut self.flow;
        names.set_namer(header.source);
        rows.set_namer(names.namer());
        conversations.set_teller(header.source, header.received_ns);
    }

    /// It ends: names that left for newer ones are forgotten wherever they are held.
    fn end_flow(&mut self) {
        self.flow.end_batch(&mut StoredSpans { store: &self.store, reader: &mut self.old_spans });
        if let Some(gone) = self.flow.forget() {
            self.span_readers.forget(&gone);
        }
        self.chart.flow_changed(self.now_ns);
    }

    fn fold(&mut self, source: SourceId, kind: ItemKind, num: u64) {
        self.folded.entry(source).or_default()[kind.index()] += num;
    }

    fn spans(&mut self, batch: &SpanBatch) {
        self.begin_flow(batch.header);
        let environment = self.infos.get(&batch.header.source).and_then(|source| source.environment.as_deref());
        self.extractor.read(batch, environment, &mut self.flow.names);
        let Extractor { services, own, facts, .. } = &self.extractor;
        let service_of = |resource: usize| services.get(resource).map_or(0, |service| service.0);
        self.store.insert_weighed(batch, service_of, |row| facts[row].error, |row| own[row], &mut self.inserted);
        let mut num_own = 0;
        let mut links = std::mem::take(&mut self.links);
        for (row, span) in batch.spans.iter().enumerate() {
            if row % STRIDE == 0 {
                let next = &batch.spans[row..(row + STRIDE).min(batch.spans.len())];
                let ids = next.iter().flat_map(|span| [span.span_id, span.parent_span_id].map(|span_id| SpanKey { trace_id: span.trace_id, span_id }));
                black_box(self.flow.approach(ids, next.len()));
            }
            match self.inserted[row] {
                // What came first tells when it arrived; here, out of order, that may be the later one.
                Inserted::Duplicate(_) if batch.header.received_ns >= self.now_ns => continue,
                Inserted::New(_) | Inserted::Collision(_) | Inserted::Duplicate(_) => {}
                Inserted::Skipped => {
                    num_own += 1;
                    continue;
                }
            }
            let facts = self.extractor.facts[row];
            if matches!(facts.role, Role::Process | Role::Receive) && facts.group.is_some() && facts.channel.is_some() {
                self.reader(batch, row);
            }
            links.clear();
            if matches!(facts.role, Role::Publish | Role::Process | Role::Receive) {
                for link in rows(&batch.links, span.links) {
                    let of_link = self.extractor.link(batch, link.attrs, &facts, &mut self.flow.names);
                    links.push((SpanKey { trace_id: link.trace_id, span_id: link.span_id }, of_link));
                }
            }
            let arrival = Arrival {
                key: SpanKey { trace_id: span.trace_id, span_id: span.span_id },
                parent: span.parent_span_id,
                start_ns: span.start_ns,
                end_ns: span.end_ns,
                received_ns: batch.header.received_ns,
                facts: &facts,
                links: &links,
            };
            let mut older = StoredSpans { store: &self.store, reader: &mut self.old_spans };
            if matches!(self.inserted[row], Inserted::Duplicate(_)) {
                self.flow.span_again(&arrival, &mut older);
                if facts.refused {
                    self.refusals(batch, row);
                }
                continue;
            }
            self.flow.span(&arrival, &mut older);
            if facts.refused
                && let Some(breaker) = self.refusals(batch, row)
            {
                self.flow.refused(&arrival, &breaker, &mut StoredSpans { store: &self.store, reader: &mut self.old_spans });
            }
        }
        self.links = links;
        self.end_flow();
        if num_own > 0 {
            self.fold(batch.header.source, ItemKind::Span, num_own);
        }
    }

    /// A consumer span tells who reads.
    fn reader(&mut self, batch: &SpanBatch, row: usize) {
        let (facts, span) = (&self.extractor.facts[row], &batch.spans[row]);
        let attrs = rows(&batch.attrs, span.attrs);
        let client_id = attrs.iter().find(|attr| attr.known == WellKnown::MessagingClientId).map(|attr| attr.value.to_text(&batch.text)).unwrap_or_default();
        let resource = batch.resources.get(span.resource as usize).copied().unwrap_or_default();
        let reader = ReaderSpan {
            group: facts.group,
            channel: facts.channel,
            service: facts.service,
            instance: batch.text.get(resource.instance),
            client_id: &client_id,
            partition: facts.partition,
        };
        self.span_readers.observe(reader, batch.header.source, batch.header.received_ns);
    }

    /// Exceptions and texts of a span in which a circuit breaker may say that it refused: the name of the one that does.
    fn refusals(&mut self, batch: &SpanBatch, row: usize) -> Option<String> {
        let span = &batch.spans[row];
        let text = |value: switchboard_model::Value| value.to_text(&batch.text);
        let caller = self.flow.names.get_service(self.extractor.facts[row].service).name.clone();
        let resource = batch.resources.get(span.resource as usize).copied().unwrap_or_default();
        let instance = Some(batch.text.get(resource.instance)).filter(|instance| !instance.is_empty());
        let received_ns = batch.header.received_ns;
        self.breakers.set_teller(batch.header.source, received_ns);
        let is_told = |told_ns: i64| is_believable_at(told_ns, received_ns) && told_ns.saturating_sub(received_ns) <= MAX_AHEAD_NS;
        let at_ns = |told_ns: i64| if is_told(told_ns) { told_ns } else { received_ns };
        let mut refused = None;
        for event in rows(&batch.events, span.events) {
            let attrs = rows(&batch.attrs, event.attrs);
            let told = |known: WellKnown| attrs.iter().find(|attr| attr.known == known).map(|attr| text(attr.value)).unwrap_or_default();
            let (exception_type, message) = (told(WellKnown::ExceptionType), told(WellKnown::ExceptionMessage));
            if (!exception_type.is_empty() || !message.is_empty())
                && let Some((name, _)) = self.breakers.observe_exception(&caller, instance, &exception_type, &message, at_ns(event.time_ns))
            {
                refused = Some(name);
            }
        }
        if refused.is_none() && span.status == SpanStatus::Error && !span.status_message.is_empty() {
            let message = batch.text.get(span.status_message);
            refused = self.breakers.observe_exception(&caller, instance, "", message, at_ns(span.end_ns)).map(|(name, _)| name);
        }
        let attrs = rows(&batch.attrs, span.attrs);
        if let Some(flags) = attrs.iter().find(|attr| attr.known == WellKnown::EnvoyResponseFlags) {
            let upstream = attrs.iter().find(|attr| batch.text.get(attr.key) == "upstream_cluster").map(|attr| text(attr.value)).unwrap_or_default();
            if self.breakers.observe_response_flags(&caller, instance, &upstream, &text(flags.value), at_ns(span.end_ns)) {
                self.chart.state_changed();
            }
        }
        if refused.is_some() {
            self.chart.state_changed();
            if let Some(instance) = instance {
                self.breakers.see_whereabouts(&caller, instance, &Whereabouts::of_span(batch, span));
            }
        }
        refused.map(|name| name.unwrap_or_else(|| "unnamed".to_owned()))
    }

    fn records(&mut self, batch: &RecordBatch) {
        self.dead_letters.kinds_of(batch, &mut self.letter_kinds);
        self.store.insert_records(batch, &self.letter_kinds, &mut self.inserted);
        for ((record, kind), inserted) in batch.records.iter().zip(&self.letter_kinds).zip(&self.inserted) {
            if let (Inserted::New(_) | Inserted::Collision(_), Some(kind)) = (inserted, kind) {
                self.dead_letters.count(*kind, record.timestamp_ns, batch.header.received_ns);
            }
        }
        self.groups.set_teller(batch.header.source, batch.header.received_ns);
        for (topic, partition, offset, due_ns) in dues(batch) {
            self.groups.record_due(&batch.cluster, topic, (partition, offset), due_ns);
        }
        self.begin_flow(batch.header);
        let extractor = &self.extractor;
        self.flow.records(batch, |id| extractor.conversation_key(id));
        self.end_flow();
        self.chart.state_changed();
    }

    fn logs(&mut self, batch: &LogBatch) {
        self.store.insert_logs(batch, &mut self.inserted);
        self.chart.state_changed();
    }

    fn facts(&mut self, batch: &FactBatch) {
        let BatchHeader { source, received_ns, .. } = batch.header;
        self.groups.set_teller(source, received_ns);
        for fact in &batch.facts {
            match fact {
                Fact::Cluster(fact) => self.groups.apply_cluster(fact, received_ns),
                Fact::Topic(fact) => self.groups.apply_topic(fact, received_ns),
                Fact::TopicGone { cluster, topic } => self.groups.topic_gone(cluster, topic, received_ns),
                Fact::Group(fact) => self.groups.apply_group(fact, received_ns),
                Fact::GroupGone { cluster, group } => self.groups.group_gone(cluster, group, received_ns),
                Fact::Breaker(fact) => self.breakers.apply_report(fact, source, received_ns),
                Fact::BreakerEvent(fact) => self.breakers.apply_event(fact, source, received_ns),
                Fact::Instance(fact) => {
                    self.breakers.apply_instance(source, fact, received_ns);
                    self.sources.apply_instance(source, fact, received_ns);
                }
                Fact::Health(fact) => self.sources.apply_health(source, fact, received_ns),
                Fact::Refused(refusal) => self.sources.apply_refusal(source, refusal, received_ns),
                Fact::ClockSet { by_ns } => {
                    self.sources.apply_clock_set(received_ns, *by_ns);
                    self.groups.clock_set(*by_ns);
                }
            }
        }
        // A fact becomes part of a state; it is not kept by itself.
        self.fold(source, ItemKind::Fact, batch.facts.len() as u64);
        self.chart.state_changed();
    }

    /// The counts of a source and kind: what the queue saw, what was folded here, what became of the rest in the store.
    fn counts(&self, source: SourceId, kind: ItemKind, intake: &IntakeCounts) -> CountsReport {
        let stored = self.store.counts_of(source, kind);
        let at = kind.index();
        CountsReport {
            received: intake.received[at],
            stored: stored.stored,
            evicted: stored.evicted,
            folded: intake.folded[at] + self.folded.get(&source).map_or(0, |folded| folded[at]),
            duplicate: stored.duplicate,
            refused: intake.refused[at],
            queued: intake.queued[at],
            truncated: stored.truncated,
        }
    }

    fn counts_of(&self, source: SourceId, intake: &[(SourceId, IntakeCounts)]) -> (CountsReport, Vec<(ItemKind, CountsReport)>, IntakeCounts) {
        let intake = intake.iter().find(|(known, _)| *known == source).map(|(_, counts)| *counts).unwrap_or_default();
        let mut sum = CountsReport::default();
        let mut by_kind = Vec::new();
        for kind in ItemKind::ALL {
            let counts = self.counts(source, kind, &intake);
            if counts != CountsReport::default() {
                by_kind.push((kind, counts));
            }
            sum.received += counts.received;
            sum.stored += counts.stored;
            sum.evicted += counts.evicted;
            sum.folded += counts.folded;
            sum.duplicate += counts.duplicate;
            sum.refused += counts.refused;
            sum.queued += counts.queued;
            sum.truncated += counts.truncated;
        }
        (sum, by_kind, intake)
    }

    fn num_folded(&self, intake: &[(SourceId, IntakeCounts)]) -> u64 {
        let own: u64 = self.folded.values().map(|folded| folded.iter().sum::<u64>() - folded[ItemKind::Fact.index()]).sum();
        own + intake.iter().map(|(_, counts)| counts.folded.iter().sum::<u64>()).sum::<u64>()
    }

    /// What found no room; of what is shown as it was shown last.
    fn left_out(&self) -> LeftOuts {
        let mut left_out = LeftOuts::of(&self.flow, &self.groups, &self.breakers, &self.dead_letters, (&self.span_readers, &self.sources, &self.store));
        left_out.set_shown(self.chart.nodes_left_out(), self.groups.rows_left_out());
        left_out
    }

    /// Runs `call` with the chart and all that it draws from.
    fn with_chart<T>(&mut self, intake: &[(SourceId, IntakeCounts)], call: impl FnOnce(&mut Chart, &mut Observed<'_>) -> T) -> T {
        let counts = |source| {
            let (sum, by_kind, _) = self.counts_of(source, intake);
            (sum, by_kind)
        };
        let views = self.sources.views(counts, |name| self.groups.cluster_id(name));
        let source_views = self.infos.keys().copied().zip(views).collect();
        let left_out = self.left_out();
        let num_folded = self.num_folded(intake);
        let mut observed = Observed {
            now_ns: self.now_ns,
            flow: &mut self.flow,
            groups: &mut self.groups,
            breakers: &mut self.breakers,
            dead_letters: &self.dead_letters,
            span_readers: &self.span_readers,
            sources: &self.sources,
            store: &self.store,
            source_views,
            num_folded,
            left_out,
        };
        call(&mut self.chart, &mut observed)
    }

    /// Whether a snapshot taken now may differ from the last one.
    pub fn is_dirty(&self) -> bool {
        self.chart.is_dirty()
    }

    /// The view for the window. Only what changed is made anew; its `generation` rises only if anything did. `intake` are
    /// the counts of the queue.
    pub fn snapshot(&mut self, intake: &[(SourceId, IntakeCounts)]) -> Snapshot {
        if !self.is_dirty() {
            return self.chart.last();
        }
        self.with_chart(intake, super::chart::Chart::snapshot)
    }

    /// The report of the whole session so far. `intake` are the counts of the queue.
    pub fn report(&mut self, intake: &[(SourceId, IntakeCounts)]) -> Report {
        let mut report = self.with_chart(intake, |chart, observed| chart.report(observed, None));
        report.sources = self.source_reports(intake);
        report
    }

    fn source_reports(&self, intake: &[(SourceId, IntakeCounts)]) -> Vec<SourceReport> {
        let views = self.sources.views(|_| Default::default(), |_| None);
        let left_out = self.left_out();
        let mut reports: Vec<SourceReport> = self
            .infos
            .keys()
            .zip(views)
            .map(|(source, view)| {
                let (counts, by_kind, intake) = self.counts_of(*source, intake);
                SourceReport {
                    name: view.name,
                    kind: view.kind,
                    state: view.phase,
                    word: source_word(view.phase).to_owned(),
                    severity: source_severity(view.phase),
                    detail: view.detail,
                    next_step: view.next_step,
                    counts,
                    by_kind: by_kind.into_iter().map(|(kind, counts)| (kind.name().to_owned(), counts)).collect(),
                    undecodable_requests: intake.undecodable_requests,
                    undecodable_bytes: intake.undecodable_bytes,
                    left_out: left_out.of_source(*source),
                }
            })
            .collect();
        reports.sort_by(|one, other| one.name.cmp(&other.name));
        reports
    }

    /// The engine's time: of the newest batch or tick, ns since the Unix epoch.
    pub fn now_ns(&self) -> i64 {
        self.now_ns
    }

    /// The budget and the start that it was made with.
    pub fn config(&self) -> EngineConfig {
        self.config
    }

    /// Bytes held by store and aggregates, roughly by capacity.
    pub fn size_bytes(&self) -> usize {
        self.store.size_bytes() + self.flow.size_bytes()
    }
}
