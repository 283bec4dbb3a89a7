//! Observes Kafka clusters: brokers, topics, watermarks, consumer groups with lag, and records. It reads by assignment, never
//! joins a group, never commits and never creates a topic. With a permit it also sends: a [`Sender`] writes records to the one
//! cluster that the permit names.

mod asking;
mod cancel;
mod catalogue;
mod client;
mod collector;
mod config;
mod control;
mod convert;
mod count;
mod delivery;
mod dialect;
mod extents;
mod failure;
mod groups;
mod native;
mod observer;
mod originals;
mod plan;
mod progress;
mod rate_cap;
mod read_group;
mod reaper;
mod record_size;
mod sender;
mod tail;
mod tail_control;
#[doc(hidden)]
pub mod testing;
mod token;
mod trust;

pub use cancel::Cancel;
pub use collector::KafkaCollector;
pub use config::{Config, PropertyRefused};
pub use extents::{Extent, extent, extents_of_times};
pub use originals::{ReadLimits, read_originals};
pub use record_size::{batch_bytes, batch_limit};
pub use sender::{Delivery, Sender, SenderOptions, SenderRefused};
pub use token::TokenSource;
