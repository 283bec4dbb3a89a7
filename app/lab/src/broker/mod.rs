//! The lab's Kafka: the cluster, what is written to it and by which groups it is read.

mod cluster;
mod headers;
mod progress;
mod publisher;
mod reader;
mod shares;

pub(crate) use cluster::Cluster;
pub(crate) use headers::{DeadLetter, Headers, dead_letter_headers};
pub(crate) use progress::Progress;
pub(crate) use publisher::{Outgoing, Publisher};
pub(crate) use reader::{GroupReader, Groups, Received};

/// The channel of orders that were accepted, and of orders taken back (without payload).
pub(crate) const ORDERS_PLACED: &str = "orders.placed";
/// The channel inventory answers on.
pub(crate) const INVENTORY_RESERVED: &str = "inventory.reserved";
/// Where shipping puts what it cannot ship.
pub(crate) const ORDERS_PLACED_DLT: &str = "orders.placed-dlt";

/// All channels.
pub(crate) const CHANNELS: [&str; 3] = [ORDERS_PLACED, INVENTORY_RESERVED, ORDERS_PLACED_DLT];
/// Partitions of each channel.
pub(crate) const NUM_PARTITIONS: i32 = 4;

/// Which group reads which channel.
pub(crate) const SUBSCRIPTIONS: [(&str, &str); 6] = [
    ("inventory", ORDERS_PLACED),
    ("shipping", ORDERS_PLACED),
    ("notifications", ORDERS_PLACED),
    ("fraud", ORDERS_PLACED),
    ("billing", ORDERS_PLACED),
    ("orders", INVENTORY_RESERVED),
];

/// What every client of the lab says to the brokers; reconnects come soon, for outages here last seconds.
pub(crate) fn client_config(brokers: &str, client_id: &str) -> rdkafka::ClientConfig {
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("client.id", client_id).set("reconnect.backoff.ms", "100").set("reconnect.backoff.max.ms", "500");
    config
}
