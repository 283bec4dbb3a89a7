use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry_otlp::{Compression, Protocol, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{SpanData, SpanExporter},
};
use tokio::runtime::Handle;

use crate::{
    books::Clerk,
    http_call::loopback_client,
    telemetry::{Ports, now_ns},
};

/// How long one export may take, retries included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// A span that ended this long before an export began is surely part of it.
const ENQUEUE_SLACK_NS: i64 = 50_000_000;

/// How an instance speaks OTLP.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wire {
    Grpc(Option<Compression>),
    HttpProtobuf(Option<Compression>),
    HttpJson,
}

impl Wire {
    /// The same, but over the other transport when its own is off.
    fn fit(self, ports: Ports) -> Self {
        match self {
            Self::Grpc(compression) if ports.grpc == 0 => Self::HttpProtobuf(compression),
            Self::HttpProtobuf(compression) if ports.http == 0 => Self::Grpc(compression),
            Self::HttpJson if ports.http == 0 => Self::Grpc(None),
            wire => wire,
        }
    }

    fn build(self, ports: Ports) -> anyhow::Result<opentelemetry_otlp::SpanExporter> {
        let builder = opentelemetry_otlp::SpanExporter::builder();
        let grpc_endpoint = format!("http://127.0.0.1:{}", ports.grpc);
        let http_endpoint = format!("http://127.0.0.1:{}/v1/traces", ports.http);
        Ok(match self.fit(ports) {
            Self::Grpc(compression) => {
                let builder = builder.with_tonic().with_endpoint(grpc_endpoint).with_timeout(EXPORT_TIMEOUT);
                match compression {
                    Some(compression) => builder.with_compression(compression).build()?,
                    None => builder.build()?,
                }
            }
            Self::HttpProtobuf(compression) => {
                let client = loopback_client().timeout(EXPORT_TIMEOUT).build()?;
                let builder = builder.with_http().with_http_client(client).with_protocol(Protocol::HttpBinary);
                let builder = builder.with_endpoint(http_endpoint).with_timeout(EXPORT_TIMEOUT);
                match compression {
                    Some(compression) => builder.with_compression(compression).build()?,
                    None => builder.build()?,
                }
            }
            Self::HttpJson => {
                let client = loopback_client().timeout(EXPORT_TIMEOUT).build()?;
                let builder = builder.with_http().with_http_client(client).with_protocol(Protocol::HttpJson);
                builder.with_endpoint(http_endpoint).with_timeout(EXPORT_TIMEOUT).build()?
            }
        })
    }
}

/// What is known about an exporter from outside.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    /// Set when the instance is aborted: from then on nothing leaves it.
    pub(crate) is_dead: AtomicBool,
    pub(crate) exported_spans: AtomicU64,
    pub(crate) failed_spans: AtomicU64,
    pub(crate) duplicate_batches: AtomicU64,
}

/// The SDK's OTLP exporter, run on the instance's runtime, with an outlet that can be cut and batches that may go out twice.
pub(crate) struct LabExporter {
    inner: Arc<opentelemetry_otlp::SpanExporter>,
    runtime: Handle,
    outlet: Arc<Outlet>,
    clerk: Clerk,
    twice_every: Option<u64>,
    num_batches: AtomicU64,
}

impl std::fmt::Debug for LabExporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LabExporter").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl LabExporter {
    /// `twice_every`: each n-th batch is sent twice, as exporters do that retry after a lost answer.
    pub(crate) fn new(wire: Wire, ports: Ports, outlet: Arc<Outlet>, clerk: Clerk, twice_every: Option<u64>) -> anyhow::Result<Self> {
        let inner = Arc::new(wire.build(ports)?);
        Ok(Self { inner, runtime: Handle::current(), outlet, clerk, twice_every, num_batches: AtomicU64::new(0) })
    }

    async fn send(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        // The SDK calls from a thread of its own, but the HTTP client needs a reactor around it.
        let inner = self.inner.clone();
        match self.runtime.spawn(async move { inner.export(batch).await }).await {
            Ok(result) => result,
            Err(gone) => Err(OTelSdkError::InternalFailure(gone.to_string())),
        }
    }
}

impl SpanExporter for LabExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if self.outlet.is_dead.load(Ordering::Acquire) {
            return Ok(());
        }
        let begun_ns = now_ns();
        let num_spans = batch.len() as u64;
        let nth = self.num_batches.fetch_add(1, Ordering::Relaxed) + 1;
        let again = self.twice_every.is_some_and(|every| nth.is_multiple_of(every)).then(|| batch.clone());
        let result = self.send(batch).await;
        if result.is_err() {
            self.outlet.failed_spans.fetch_add(num_spans, Ordering::Relaxed);
            return result;
        }
        self.outlet.exported_spans.fetch_add(num_spans, Ordering::Relaxed);
        if !self.outlet.is_dead.load(Ordering::Acquire) {
            self.clerk.exported(begun_ns - ENQUEUE_SLACK_NS);
        }
        if let Some(again) = again
            && self.send(again).await.is_ok()
        {
            self.outlet.duplicate_batches.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.set_resource(resource);
        }
    }
}

/// The log exporter of an instance, over gRPC; `None` when that is off.
pub(crate) fn log_exporter(ports: Ports) -> anyhow::Result<Option<opentelemetry_otlp::LogExporter>> {
    if ports.grpc == 0 {
        return Ok(None);
    }
    let builder = opentelemetry_otlp::LogExporter::builder().with_tonic();
    Ok(Some(builder.with_endpoint(format!("http://127.0.0.1:{}", ports.grpc)).with_timeout(EXPORT_TIMEOUT).build()?))
}
