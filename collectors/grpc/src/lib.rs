//! Asks gRPC servers how they are: the standard health service `grpc.health.v1`, watched where the server offers that and
//! checked besides.

mod board;
mod config;
mod endpoint;
mod failure;
mod follow;
#[cfg(test)]
#[path = "../../model/tests/growth/mod.rs"]
mod growth;
mod health;

pub use config::Config;
pub use health::GrpcHealth;
