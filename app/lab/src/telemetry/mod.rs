//! Each service instance's own OpenTelemetry SDK: tracer and logger provider, resource, and exporter over the network.

mod exporter;
mod instance;
mod span;

pub(crate) use exporter::Wire;
pub(crate) use instance::{Identity, Ports, Telemetry};
pub(crate) use span::{attribute, context_from, end, exception, fail, header_text, link_to, server_status, traceparent};

/// Nanoseconds since the Unix epoch by the wall clock.
pub(crate) fn now_ns() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
}
