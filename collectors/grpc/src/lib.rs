//! Asks gRPC servers how they are: the standard health service `grpc.health.v1`, watched where the server offers that and
//! checked besides.

mod board;
mod config;
mod endpoint;
mod failure;
mod follow;
mod health;

pub use config::Config;
pub use health::GrpcHealth;
