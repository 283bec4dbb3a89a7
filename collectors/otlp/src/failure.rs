//! Why a request is answered with an error, and what the answer says.

use std::time::Duration;

use http::StatusCode;

use crate::decode::{Signal, Undecodable};

/// What a refused request said about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) host: Option<String>,
    pub(crate) origin: Option<String>,
}

/// Where requests are taken now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// For HTTP.
    pub(crate) http: Option<String>,
    /// For gRPC.
    pub(crate) grpc: Option<String>,
    /// Whether the request was one of gRPC.
    pub(crate) is_grpc: bool,
}

impl Addresses {
    /// What an exporter that asked for this path is to be set to.
    fn next_step(&self, path: &str) -> String {
        // Both protocols are taken on either port.
        if self.is_grpc {
            let address = self.grpc.as_ref().or(self.http.as_ref()).map_or("localhost", String::as_str);
            return format!("Set the exporter's gRPC endpoint to http://{address} without a path");
        }
        let address = self.http.as_ref().or(self.grpc.as_ref()).map_or("localhost", String::as_str);
        match signal_meant(path) {
            Some(meant) => format!("Set the exporter's endpoint to http://{address} without a path, or for this signal alone to http://{address}{meant}"),
            None => format!("Set the exporter's endpoint to http://{address} without a path, or to the signal's own path such as http://{address}/v1/traces"),
        }
    }
}

/// The path that one near it means.
fn signal_meant(path: &str) -> Option<&'static str> {
    let path = path.to_ascii_lowercase();
    let signals = [("trace", "/v1/traces"), ("span", "/v1/traces"), ("log", "/v1/logs"), ("metric", "/v1/metrics")];
    signals.iter().find(|(word, _)| path.contains(word)).map(|(_, meant)| *meant)
}

/// gRPC's status codes, as far as they are answered here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum GrpcCode {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
}

/// Why a request is not accepted.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The host named is not one of ours.
    Host(String),
    /// A web page sent it, from an origin that is not allowed.
    Origin(String),
    /// There is nothing at this path; where there is something.
    Path(String, Addresses),
    /// Only POST is taken.
    Method(String),
    /// Neither protobuf nor JSON.
    ContentType(String),
    /// gRPC over HTTP/1.
    GrpcNeedsHttp2,
    /// Neither identity nor gzip nor zstd.
    ContentEncoding(String),
    /// Larger than a request may be.
    TooLarge { limit_bytes: usize },
    /// Blown up more than a request may be.
    Ratio { ratio: usize },
    /// No room among the requests in flight.
    NoRoom,
    /// The queue to the engine stayed full.
    QueueFull,
    /// The body came too slowly.
    SlowBody,
    /// The body ended in the middle.
    BodyCut(String),
    /// The frame around a gRPC message is not as it should be.
    Frame(&'static str),
    /// A compressed message of which nobody says how it is compressed.
    FrameEncoding,
    /// The body cannot be decompressed.
    Compression(String),
    /// The body cannot be decoded.
    Undecodable(Undecodable),
    /// Every item of the request was left out.
    AllRejected { signal: Signal, num_items: u64, reasons: String, rule: &'static str, is_other_signal: bool },
    /// The source is being closed.
    Stopping,
}

impl Failure {
    /// The rule, in a word or two, as the list of refusals has it.
    pub(crate) fn rule(&self) -> &'static str {
        match self {
            Self::Host(_) => "host",
            Self::Origin(_) => "origin",
            Self::Path(..) => "path",
            Self::Method(_) => "method",
            Self::ContentType(_) | Self::GrpcNeedsHttp2 => "content type",
            Self::ContentEncoding(_) | Self::FrameEncoding => "content encoding",
            Self::TooLarge { .. } => "size",
            Self::Ratio { .. } => "compression ratio",
            Self::NoRoom => "budget",
            Self::QueueFull => "queue",
            Self::SlowBody => "slow body",
            Self::BodyCut(_) => "body cut",
            Self::Frame(_) => "frame",
            Self::Compression(_) => "compression",
            Self::Undecodable(_) => "undecodable",
            Self::AllRejected { rule, .. } => rule,
            Self::Stopping => "stopping",
        }
    }

    pub(crate) fn http_status(&self) -> StatusCode {
        match self {
            Self::Host(_) | Self::Origin(_) => StatusCode::FORBIDDEN,
            Self::Path(..) => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::ContentType(_) | Self::GrpcNeedsHttp2 | Self::ContentEncoding(_) | Self::FrameEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } | Self::Ratio { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoRoom | Self::QueueFull | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::BodyCut(_) | Self::Frame(_) | Self::Compression(_) | Self::Undecodable(_) | Self::AllRejected { .. } => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) fn grpc_code(&self) -> GrpcCode {
        match self {
            Self::Host(_) | Self::Origin(_) => GrpcCode::PermissionDenied,
            Self::Path(..) | Self::Method(_) | Self::ContentEncoding(_) => GrpcCode::Unimplemented,
            Self::TooLarge { .. } | Self::Ratio { .. } => GrpcCode::ResourceExhausted,
            Self::NoRoom | Self::QueueFull | Self::Stopping => GrpcCode::Unavailable,
            Self::SlowBody => GrpcCode::DeadlineExceeded,
            Self::FrameEncoding => GrpcCode::Internal,
            Self::ContentType(_)
            | Self::GrpcNeedsHttp2
            | Self::BodyCut(_)
            | Self::Frame(_)
            | Self::Compression(_)
            | Self::Undecodable(_)
            | Self::AllRejected { .. } => GrpcCode::InvalidArgument,
        }
    }

    /// When the sender may try again. Everything else it must not send again.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        matches!(self, Self::NoRoom | Self::QueueFull | Self::Stopping).then_some(Duration::from_secs(1))
    }

    /// What failed and why, for the developer who reads the sender's log.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Host(host) => format!("the host {host:?} is not this receiver's: it takes localhost, 127.0.0.1, [::1] and the profile's allowed_hosts"),
            Self::Origin(origin) => format!("web pages from {origin:?} may not send here: the profile's allowed_origins does not list them"),
            Self::Path(path, addresses) => format!(
                "nothing is at {path}: OTLP over HTTP has /v1/traces, /v1/logs and /v1/metrics, over gRPC the Export services. {}",
                addresses.next_step(path)
            ),
            Self::Method(method) => format!("{method} is not taken: OTLP requests are POSTs"),
            Self::ContentType(found) => {
                format!("the content type {found:?} is not OTLP's: application/x-protobuf or application/json, over gRPC application/grpc")
            }
            Self::GrpcNeedsHttp2 => "gRPC needs HTTP/2".to_owned(),
            Self::ContentEncoding(found) => format!("the encoding {found:?} is not known: identity, gzip and zstd are"),
            Self::TooLarge { limit_bytes } => format!("the request has more than {} MiB", limit_bytes >> 20),
            Self::Ratio { ratio } => format!("the request is more than {ratio} times as long as compressed"),
            Self::NoRoom => "too many bytes are in flight already; send it again later".to_owned(),
            Self::QueueFull => "the queue to the store stayed full; send it again later".to_owned(),
            Self::SlowBody => "the body came slower than 1 KiB/s, or took more than a minute".to_owned(),
            Self::BodyCut(why) => format!("the body ended before its end: {why}"),
            Self::Frame(why) => format!("the gRPC frame is broken: {why}"),
            Self::FrameEncoding => "the message says that it is compressed, but grpc-encoding does not say how".to_owned(),
            Self::Compression(why) => format!("the body cannot be decompressed: {why}"),
            Self::Undecodable(why) => format!("the request cannot be decoded: {why}"),
            Self::AllRejected { signal, num_items, reasons, is_other_signal, .. } => {
                let (items, path) = match signal {
                    Signal::Traces => ("spans", "traces"),
                    Signal::Logs => ("log records", "logs"),
                    Signal::Metrics => ("metrics", "metrics"),
                };
                let hint = match (is_other_signal, signal) {
                    (true, Signal::Traces) => "; these look like log records: they belong to /v1/logs (LogsService)",
                    (true, _) => "; these look like spans: they belong to /v1/traces (TraceService)",
                    (false, Signal::Traces) => "; if these are log records or metrics, they belong to /v1/logs or /v1/metrics",
                    (false, _) => "",
                };
                format!("none of the {num_items} {items} that came in for {path} could be stored: {reasons}{hint}")
            }
            Self::Stopping => "this receiver is being closed".to_owned(),
        }
    }

    /// What the user of Switchboard can do, if it was meant to pass.
    pub(crate) fn next_step(&self) -> String {
        match self {
            Self::Host(host) if host.starts_with("host.docker.internal") => {
                "Set docker_bridge = true in the profile's [otlp], or add \"host.docker.internal\" to its allowed_hosts".to_owned()
            }
            Self::Host(host) => format!("Point the sender at localhost, or add {host:?} to allowed_hosts in the profile's [otlp]"),
            Self::Origin(origin) => format!("Add {origin:?} to allowed_origins in the profile's [otlp], if this page is yours"),
            Self::Path(path, addresses) => addresses.next_step(path),
            Self::Method(_) => "Send OTLP with POST".to_owned(),
            Self::ContentType(_) => "Set the exporter's protocol to http/protobuf, http/json or grpc".to_owned(),
            Self::GrpcNeedsHttp2 => "Use a gRPC client that speaks HTTP/2, or the protocol http/protobuf".to_owned(),
            Self::ContentEncoding(_) | Self::FrameEncoding | Self::Compression(_) => "Set the exporter's compression to gzip, zstd or none".to_owned(),
            Self::TooLarge { .. } | Self::Ratio { .. } => "Let the exporter send smaller batches (OTEL_BSP_MAX_EXPORT_BATCH_SIZE)".to_owned(),
            Self::NoRoom | Self::QueueFull => "Sample, or give --memory more, unless it is rare: exporters send again".to_owned(),
            Self::SlowBody | Self::BodyCut(_) => "Look at the sender and at what stands between".to_owned(),
            Self::Frame(_) | Self::Undecodable(_) => "Look whether sender and endpoint speak the same protocol (grpc, http/protobuf, http/json)".to_owned(),
            Self::AllRejected { is_other_signal: true, .. } => "Point each signal's exporter at its own path".to_owned(),
            Self::AllRejected { rule: "ids", .. } => "Look how the sender makes its ids: 16 bytes a trace, 8 bytes a span, not all zero".to_owned(),
            Self::AllRejected { reasons, .. } => format!("Look how the sender writes its items: {reasons}"),
            Self::Stopping => String::new(),
        }
    }
}
