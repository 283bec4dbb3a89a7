//! For tests of this package and of the whole program: a mock cluster with its request log, the address of an Apache Kafka and a
//! proxy that stands before it, a collector and a sender at work, and the reaper's end.

mod broker;
mod proxy;
mod record;
pub mod sending;
pub mod session;

pub use broker::Broker;
pub use proxy::Proxy;
pub use record::record_batch;

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::mocking::MockCluster;

use crate::client::Role;
use crate::config::Config;
use crate::native;

/// librdkafka's mock cluster, which lives in this process and ends with this value.
pub struct MockKafka {
    /// The client that holds the cluster. It is used for nothing else.
    host: BaseConsumer,
}

impl MockKafka {
    /// Starts a cluster of so many brokers, numbered from 1.
    pub fn new(num_brokers: u32) -> KafkaResult<Self> {
        let mut settings = ClientConfig::new();
        settings.set("test.mock.num.brokers", num_brokers.to_string()).set("enable.metrics.push", "false");
        settings.create().map(|host| Self { host })
    }

    /// The cluster's handle: topics, leaders, errors, brokers up and down.
    pub fn cluster(&self) -> MockCluster<'_, impl rdkafka::ClientContext> {
        self.host.client().mock_cluster().expect("the client was made with a mock cluster")
    }

    /// Its bootstrap addresses.
    pub fn brokers(&self) -> String {
        self.cluster().bootstrap_servers()
    }

    /// Starts the request log, or empties it.
    pub fn track_requests(&self) {
        native::track_mock_requests(self.host.client());
    }

    /// API keys of the requests since then, by all clients.
    pub fn requests(&self) -> Vec<i16> {
        native::mock_requests(self.host.client())
    }
}

/// The address of an Apache Kafka to test against, which `SWITCHBOARD_TEST_KAFKA` names as `host:port`; `None` after saying that the
/// test is skipped. `CI_PEERS=1` demands one: then it panics.
pub fn apache_kafka(test: &str) -> Option<String> {
    let address = std::env::var("SWITCHBOARD_TEST_KAFKA").ok().map(|address| address.trim().to_owned()).filter(|address| !address.is_empty());
    if address.is_none() {
        assert!(std::env::var("CI_PEERS").as_deref() != Ok("1"), "CI_PEERS=1, but SWITCHBOARD_TEST_KAFKA names no broker");
        eprintln!("skipped: {test} needs Apache Kafka; set SWITCHBOARD_TEST_KAFKA=host:port (tests/peers/kafka.sh start DIR prints one)");
    }
    address
}

/// Waits until all clients of stopped collectors are destroyed; false after the time.
pub fn wait_until_reaped(timeout: Duration) -> bool {
    crate::reaper::wait_until_idle(timeout)
}

/// The settings a collector's tail would use, for benches that compare with a bare consumer on the same ones.
pub fn tail_settings(config: &Config) -> Result<ClientConfig, String> {
    crate::client::settings(config, Role::Tail).map_err(|failure| failure.detail)
}

/// Queues a record with one header whose name is raw bytes; flush the producer to send it.
pub fn produce_with_raw_header(producer: &rdkafka::producer::BaseProducer, topic: &str, partition: i32, name: &[u8], value: &[u8]) -> Result<(), String> {
    use rdkafka::producer::Producer as _;
    native::produce_with_raw_header(producer.client(), topic, partition, name, value).map_err(|error| error.text)
}
