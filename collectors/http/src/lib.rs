//! HTTP, both ways. Reads circuit breakers where an application tells of them: Resilience4j through Spring Boot's actuator. And, with a permit,
//! sends requests and tells of their answers ([`Caller`]).
//!
//! Polls each instance at its own address, tells of every event once with the library's own time, and notices when several
//! instances answer behind one address.

mod actuator;
mod call;
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

pub use call::{CallConfig, CallRefused, Caller, Tls, TlsCheck};
pub use config::{Auth, Config};
pub use poller::HttpPoller;
