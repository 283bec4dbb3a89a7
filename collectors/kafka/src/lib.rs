//! Observes Kafka clusters: brokers, topics, watermarks, consumer groups with lag, and records. It reads by assignment, never
//! joins a group, never commits and never creates a topic.

mod admin;
mod catalogue;
mod client;
mod collector;
mod config;
mod control;
mod convert;
mod dialect;
mod failure;
mod groups;
mod observer;
mod plan;
mod progress;
mod reaper;
mod tail;
#[cfg(feature = "testing")]
pub mod testing;

pub use collector::KafkaCollector;
pub use config::{Config, PropertyRefused};
