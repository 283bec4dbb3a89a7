//! Reads circuit breakers where an application tells of them over HTTP: Resilience4j through Spring Boot's actuator.
//!
//! Polls each instance at its own address, tells of every event once with the library's own time, and notices when several
//! instances answer behind one address.

mod actuator;
mod client;
mod config;
mod event_memory;
mod failure;
#[doc(hidden)]
pub mod fuzzing;
mod instance_watch;
mod java_time;
mod outbox;
mod poll;
mod poller;

pub use config::{Auth, Config};
pub use poller::HttpPoller;
