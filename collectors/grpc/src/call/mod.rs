//! Calls of any method, as bytes, and what a server says of itself by reflection. Connected to are the addresses that somebody looked up and allowed,
//! and no others. Nothing is sent twice.

mod answers;
mod caller;
mod codec;
mod config;
mod connection;
mod dial;
mod end;
mod reflect;
mod tap;
mod tls;
mod trouble;
mod watched;

pub use caller::{CallRefused, Caller};
pub use config::{CallConfig, Tls, TlsCheck};
pub use reflect::reflect;
pub use trouble::ReflectFailure;
