use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context, KeyValue,
    logs::{LogRecord as _, Logger as _, LoggerProvider as _, Severity},
    trace::{Link, SpanBuilder, SpanKind, TraceContextExt as _, Tracer as _, TracerProvider as _},
};
use opentelemetry_sdk::{
    Resource,
    logs::{SdkLogger, SdkLoggerProvider},
    trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider},
};

use crate::{
    books::{Clerk, TelemetryPage},
    telemetry::{
        Wire,
        exporter::{LabExporter, Outlet, log_exporter},
    },
};

/// More spans than the lab makes in a minute, so that a slow receiver costs none.
const QUEUE_SPANS: usize = 65_536;

/// The scope that all spans of the lab are made by.
const SCOPE: &str = "shop";

/// The ports on 127.0.0.1 that take OTLP; 0 = off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) grpc: u16,
    pub(crate) http: u16,
}

/// How one instance sends its telemetry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity {
    pub(crate) version: &'static str,
    pub(crate) wire: Wire,
    /// How long spans wait for a batch to fill.
    pub(crate) delay: Duration,
    /// Each n-th batch is sent twice.
    pub(crate) twice_every: Option<u64>,
}

/// Tracer and logger of one service instance. Clones share them.
#[derive(Clone)]
pub(crate) struct Telemetry {
    tracer: SdkTracer,
    logger: Option<SdkLogger>,
    provider: SdkTracerProvider,
    logs: Option<SdkLoggerProvider>,
    outlet: Arc<Outlet>,
    clerk: Clerk,
}

impl Telemetry {
    /// Starts an instance's telemetry on the current runtime; fails when an exporter cannot be built.
    pub(crate) fn new(identity: Identity, ports: Ports, clerk: &Clerk) -> anyhow::Result<Self> {
        let outlet = Arc::new(Outlet::default());
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", clerk.service()),
                KeyValue::new("service.namespace", "shop"),
                KeyValue::new("service.version", identity.version),
                KeyValue::new("service.instance.id", clerk.instance()),
                KeyValue::new("deployment.environment.name", "lab"),
                KeyValue::new("telemetry.sdk.language", "rust"),
                KeyValue::new("telemetry.sdk.name", "opentelemetry"),
            ])
            .build();
        let mut provider = SdkTracerProvider::builder().with_resource(resource.clone()).with_sampler(Sampler::AlwaysOn);
        if ports.grpc != 0 || ports.http != 0 {
            let exporter = LabExporter::new(identity.wire, ports, outlet.clone(), clerk.clone(), identity.twice_every)?;
            let config = BatchConfigBuilder::default().with_max_queue_size(QUEUE_SPANS).with_max_export_batch_size(2_048).with_scheduled_delay(identity.delay);
            provider = provider.with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(config.build()).build());
        }
        let provider = provider.build();
        let logs = log_exporter(ports)?.map(|exporter| SdkLoggerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build());
        let logger = logs.as_ref().map(|logs| logs.logger(SCOPE));
        Ok(Self { tracer: provider.tracer(SCOPE), logger, provider, logs, outlet, clerk: clerk.clone() })
    }

    /// A span as a child of `parent` (a root where that is empty), current in the context returned.
    pub(crate) fn start(&self, name: impl Into<Cow<'static, str>>, kind: SpanKind, parent: &Context, attributes: Vec<KeyValue>) -> Context {
        self.start_linked(name, kind, parent, attributes, Vec::new())
    }

    /// The same, with links to what caused it.
    pub(crate) fn start_linked(
        &self,
        name: impl Into<Cow<'static, str>>,
        kind: SpanKind,
        parent: &Context,
        attributes: Vec<KeyValue>,
        links: Vec<Link>,
    ) -> Context {
        let builder = SpanBuilder::from_name(name).with_kind(kind).with_attributes(attributes).with_links(links);
        parent.with_span(self.tracer.build_with_context(builder, parent))
    }

    /// Writes a log record that belongs to the span of `cx`.
    pub(crate) fn log(&self, severity: Severity, cx: &Context, body: String, attributes: Vec<(&'static str, String)>) {
        let Some(logger) = &self.logger else { return };
        let mut record = logger.create_log_record();
        let now = SystemTime::now();
        record.set_timestamp(now);
        record.set_observed_timestamp(now);
        record.set_severity_number(severity);
        record.set_severity_text(severity.name());
        record.set_body(body.into());
        record.add_attributes(attributes);
        let span = cx.span();
        let span = span.span_context();
        if span.is_valid() {
            record.set_trace_context(span.trace_id(), span.span_id(), Some(span.trace_flags()));
        }
        logger.emit(record);
    }

    /// Sends all ended spans and log records; blocks for up to 10 s where nobody takes them.
    pub(crate) fn flush(&self) {
        // What could not be sent is counted by the exporter and stands in the books.
        let _ = self.provider.force_flush();
        if let Some(logs) = &self.logs {
            let _ = logs.force_flush();
        }
    }

    /// From now on nothing leaves this instance, whatever is still ended or flushed.
    pub(crate) fn cut(&self) {
        self.outlet.is_dead.store(true, Ordering::Release);
    }

    /// Whether calls, records or deliveries of this instance are in progress.
    pub(crate) fn is_busy(&self) -> bool {
        self.clerk.num_open() > 0
    }

    /// What its exporter says of itself.
    pub(crate) fn page(&self) -> TelemetryPage {
        TelemetryPage {
            service: self.clerk.service(),
            instance: self.clerk.instance(),
            exported_spans: self.outlet.exported_spans.load(Ordering::Relaxed),
            failed_spans: self.outlet.failed_spans.load(Ordering::Relaxed),
            duplicate_batches: self.outlet.duplicate_batches.load(Ordering::Relaxed),
        }
    }
}
