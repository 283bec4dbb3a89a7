//! Asks gRPC servers how they are: the standard health service `grpc.health.v1`, watched where the server offers that and
//! checked besides. What they can be asked is learnt from reflection or files, and with a permit any of their methods is called.

mod board;
mod call;
mod config;
mod endpoint;
mod failure;
mod follow;
mod health;
mod schema;

pub use call::{CallConfig, CallRefused, Caller, ReflectFailure, Tls, TlsCheck, reflect};
pub use config::Config;
pub use health::GrpcHealth;
pub use schema::{Decoded, FieldOutline, Method, Schema, SchemaError, StatusDetail, StatusDetailContent};
