use std::path::PathBuf;

/// What one lab is started with.
#[derive(Clone, Debug)]
pub struct LabConfig {
    /// Bootstrap servers (`host:port`) of an Apache Kafka that already runs; `None` starts librdkafka's mock cluster inside the lab.
    pub kafka: Option<String>,
    /// Where the books are written (JSON) on `stop`, `books` and at the end; `None` writes none.
    pub books: Option<PathBuf>,
    /// Port on 127.0.0.1 that takes OTLP over gRPC; 0 = off, then all exporters use HTTP.
    pub otlp_grpc_port: u16,
    /// Port on 127.0.0.1 that takes OTLP over HTTP; 0 = off, then all exporters use gRPC.
    pub otlp_http_port: u16,
    /// Orders per second the generator sends, 0.1 to 1,000.
    pub rate: f64,
    /// Whether the fault script runs.
    pub script: bool,
    /// Whether generator and script wait for the line `go` on standard input.
    pub hold: bool,
    /// Seed of the business's dice: which orders are poison, which payment fails. The order in which services throw is not fixed.
    pub seed: u64,
}

impl Default for LabConfig {
    fn default() -> Self {
        Self { kafka: None, books: None, otlp_grpc_port: 4317, otlp_http_port: 4318, rate: 20.0, script: true, hold: false, seed: 1 }
    }
}
