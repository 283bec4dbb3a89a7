//! The receiver over real sockets: real exporters, raw clients that send what no exporter would, taken ports, full
//! queues, an endpoint behind it.
#![expect(clippy::unwrap_used, reason = "in a test a failure is a panic")]

mod exporters;
mod forwarding;
mod host_check;
mod hostile;
mod loopback;
mod odd_values;
mod ports;
mod pressure;
