//! Sends one HTTP request to one server, and tells of the answer as it comes: each phase with its time, each part of the body when it is there.
//!
//! Nothing is sent without a permit, to no other address than the permit's, and never a second time. No proxy is asked, no redirect followed, no
//! cookie kept, and no variable of the environment read.

mod body;
mod brotli;
mod caller;
mod config;
mod connection;
mod deadline;
mod decode;
mod failure;
pub(crate) mod fuzzing;
mod open;
mod refused;
mod request;
mod tasks;
mod tls;
mod watch;

pub use caller::Caller;
pub use config::{CallConfig, Tls, TlsCheck};
pub use refused::CallRefused;
