use std::{sync::mpsc, thread, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use krafka::{
    Kafka,
    admin::{CreateTopicsOptions, NewTopic},
    error::{ErrorCode, KrafkaError},
};
use rdkafka::mocking::MockCluster;

use crate::broker::{CHANNELS, NUM_PARTITIONS};

/// Brokers of the mock cluster.
const MOCK_BROKERS: i32 = 3;

/// The brokers: librdkafka's mock cluster inside this process, or a Kafka that runs elsewhere.
pub(crate) struct Cluster {
    bootstrap: String,
    /// Commands to the mock's thread; `None` for a Kafka that runs elsewhere.
    mock: Option<mpsc::SyncSender<MockCommand>>,
}

enum MockCommand {
    Down(bool),
}

impl Cluster {
    /// Starts the mock cluster on a thread of its own, and its channels.
    pub(crate) fn start_mock() -> anyhow::Result<Self> {
        let (commands, inbox) = mpsc::sync_channel(8);
        let (report, started) = mpsc::sync_channel(1);
        // The mock's handle may not leave the thread it was made on.
        thread::Builder::new().name("lab-mock-kafka".to_owned()).spawn(move || {
            let cluster = match make_mock() {
                Ok(cluster) => cluster,
                Err(error) => {
                    let _ = report.send(Err(error));
                    return;
                }
            };
            let _ = report.send(Ok(cluster.bootstrap_servers()));
            while let Ok(MockCommand::Down(is_down)) = inbox.recv() {
                // The mock refuses this for unknown brokers only, and −1 means all.
                let _ = if is_down { cluster.broker_down(-1) } else { cluster.broker_up(-1) };
            }
        })?;
        let bootstrap = started.recv().context("the mock cluster's thread ended before it started")??;
        Ok(Self { bootstrap, mock: Some(commands) })
    }

    /// Uses a Kafka that runs elsewhere, and makes the channels it does not have yet.
    pub(crate) async fn connect(bootstrap: &str) -> anyhow::Result<Self> {
        let not_made = || format!("Kafka at {bootstrap} did not create the lab's topics; is it running, and is that its address?");
        // By krafka, for no admin call of the program goes through librdkafka.
        let kafka = Kafka::builder(bootstrap)
            .client_id("lab-admin")
            .connect_timeout(Duration::from_secs(5))
            .request_timeout(Duration::from_secs(15))
            .connect()
            .await
            .with_context(not_made)?;
        // As many copies as the brokers make by themselves.
        let topics = CHANNELS.into_iter().map(|name| NewTopic::new(name, NUM_PARTITIONS, -1)).collect::<Result<Vec<_>, _>>()?;
        let options = CreateTopicsOptions::default().timeout(Duration::from_secs(15));
        let results = kafka.admin().create_topics(topics, options).await.with_context(not_made)?;
        for (topic, result) in results {
            match result {
                Ok(()) | Err(KrafkaError::Broker { code: ErrorCode::TopicAlreadyExists, .. }) => {}
                Err(error) => bail!("Kafka at {bootstrap} did not create topic {topic}: {error}"),
            }
        }
        Ok(Self { bootstrap: bootstrap.to_owned(), mock: None })
    }

    pub(crate) fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Takes all brokers down, or up again; fails for a Kafka that is not the lab's.
    pub(crate) fn set_down(&self, is_down: bool) -> anyhow::Result<()> {
        let mock = self.mock.as_ref().ok_or_else(|| anyhow!("the brokers at {} are not the lab's", self.bootstrap))?;
        mock.try_send(MockCommand::Down(is_down)).context("the mock cluster is busy or gone")
    }
}

fn make_mock() -> anyhow::Result<MockCluster<'static, rdkafka::producer::DefaultProducerContext>> {
    let cluster = MockCluster::new(MOCK_BROKERS).context("the mock cluster does not start")?;
    for channel in CHANNELS {
        cluster.create_topic(channel, NUM_PARTITIONS, MOCK_BROKERS).with_context(|| format!("the mock cluster refused topic {channel}"))?;
    }
    Ok(cluster)
}
