//! What the receiver is told.

use std::net::SocketAddr;
use std::time::Duration;

/// In-flight budget where the profile does not say otherwise.
pub const DEFAULT_IN_FLIGHT_BYTES: usize = 128 << 20;

/// In-flight budget below `--memory 128MiB`: one request of the largest size still fits.
pub const SMALL_IN_FLIGHT_BYTES: usize = 72 << 20;

/// What an OTLP receiver is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Port for OTLP over gRPC, by convention 4317; 0 = any free one, `None` = not wanted.
    pub grpc_port: Option<u16>,
    /// Port for OTLP over HTTP, by convention 4318; 0 = any free one, `None` = not wanted.
    pub http_port: Option<u16>,
    /// Hosts that requests may name besides the loopback's: `name`, `name:port` or an address.
    pub allowed_hosts: Vec<String>,
    /// Origins that web pages may send from, such as `http://localhost:3000`; a port `*` takes any. Nothing else is a
    /// wildcard.
    pub allowed_origins: Vec<String>,
    /// Listen on the address of Docker's bridge too, and take `host.docker.internal` as a host.
    pub docker_bridge: bool,
    /// Where accepted requests are passed on to, unchanged: `http://host:port` (OTLP over HTTP) or `grpc://host:port`.
    pub forward: Option<String>,
    /// Bytes that all requests in flight may hold together, outside the engine's memory.
    pub in_flight_bytes: usize,
    /// The environment of resources that name none; `None` = unknown.
    pub environment: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            grpc_port: Some(4317),
            http_port: Some(4318),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            docker_bridge: false,
            forward: None,
            in_flight_bytes: DEFAULT_IN_FLIGHT_BYTES,
            environment: None,
        }
    }
}

/// The addresses that are listened on now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// For gRPC; 127.0.0.1 first.
    pub grpc: Vec<SocketAddr>,
    /// For HTTP; 127.0.0.1 first.
    pub http: Vec<SocketAddr>,
}

/// Bounds of what a peer can ask for. Not part of the profile: changing them is for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request after decompression (OTLP specification 1.11: 64 MiB recommended).
    pub request_bytes: usize,
    /// Above so many bytes a body may not be `ratio` times as long as it was compressed.
    pub ratio_from_bytes: usize,
    /// How many times as long as compressed a body may be.
    pub ratio: usize,
    /// Connections at a time, over all ports.
    pub connections: usize,
    /// Time for the head of a request, and for the first request of a connection.
    pub head: Duration,
    /// Time after which a connection without a request is closed.
    pub idle: Duration,
    /// Time for a whole body.
    pub body: Duration,
    /// Time after which a body must have come with at least 1 KiB/s.
    pub body_grace: Duration,
    /// How long a request's batches wait for room in the queue to the engine.
    pub queue_wait: Duration,
    /// Bytes that wait to be passed on.
    pub forward_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 64 << 20,
            ratio_from_bytes: 1 << 20,
            ratio: 200,
            // A few hundred instances keep a connection each for as long as they live.
            connections: 512,
            head: Duration::from_secs(10),
            idle: Duration::from_mins(5),
            body: Duration::from_mins(1),
            body_grace: Duration::from_secs(5),
            queue_wait: Duration::from_secs(5),
            forward_bytes: 32 << 20,
        }
    }
}
