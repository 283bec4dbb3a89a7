//! The OTLP receiver: traces, logs and metrics over gRPC and HTTP, from the wire straight into batches.
//!
//! It listens on loopback, looks at `Host` and `Origin` before it reads anything, holds no more bytes than it was given,
//! and turns nothing away without an answer and a count.

mod activity;
mod answer;
mod board;
mod body;
mod budget;
mod config;
mod connection;
mod decode;
mod decompress;
mod failure;
mod forward;
mod host_check;
mod listener;
mod peers;
mod protobuf;
mod receiver;
mod refusals;
mod service;
mod stopping;
#[doc(hidden)]
pub mod testing;

pub use config::{Bound, Config, DEFAULT_IN_FLIGHT_BYTES, Limits, SMALL_IN_FLIGHT_BYTES};
pub use receiver::OtlpReceiver;
