//! A source of the profile, made ready and started: secrets are fetched first, which may take its time; starting never does.

use std::sync::Arc;

use switchboard_grpc::GrpcHealth;
use switchboard_http::HttpPoller;
use switchboard_kafka::KafkaCollector;
use switchboard_model::{Redactor, Sink, SourceCommand};
use switchboard_otlp::OtlpReceiver;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::profile::{Profile, ProfileError};
use crate::send::replay::{Caps, ClusterAccess};
use crate::session::allowed::{Allowed, is_production};
use crate::session::kafka_access::KafkaAccess;
pub(crate) use crate::sources::Prepared;
use crate::sources::{ReplayProfile, SourceProfile};

impl Prepared {
    /// Makes a source ready: fetches its secrets, which may ask a command; only then it has to be waited for.
    pub(crate) async fn of(source: SourceProfile, profile: Profile, memory_bytes: usize) -> Result<Self, ProfileError> {
        source.prepare(profile.environment.as_deref(), memory_bytes).await
    }

    /// How replaying reaches what is connected to; `None` = it has no records to send again.
    pub(super) fn cluster_access(
        &self,
        source: &SourceProfile,
        profile: &Profile,
        redactor: &Arc<Redactor>,
        allowed: &Allowed,
    ) -> Option<Arc<dyn ClusterAccess>> {
        match self {
            Self::Kafka(config) => Some(Arc::new(KafkaAccess {
                config: Arc::new(config.clone()),
                redactor: Arc::clone(redactor),
                leave: profile.leave(source),
                caps: caps(source.replay()),
                allowed: allowed.clone(),
                is_production: is_production(profile.environment.as_deref()),
            })),
            Self::Otlp(_) | Self::Http(_) | Self::Grpc(_) => None,
        }
    }

    /// Starts the collector.
    pub(crate) fn start(self, sink: Sink, redactor: Arc<Redactor>, runtime: &Handle) -> Collector {
        match self {
            Self::Otlp(config) => Collector::Otlp(OtlpReceiver::start(config, sink, redactor, runtime)),
            Self::Kafka(config) => Collector::Kafka(KafkaCollector::start(config, sink, redactor, runtime)),
            Self::Http(config) => Collector::Http(HttpPoller::start(config, sink, redactor, runtime)),
            Self::Grpc(config) => Collector::Grpc(GrpcHealth::start(config, sink, redactor, runtime)),
        }
    }
}

/// How carefully records are replayed, as a profile says it.
fn caps(said: ReplayProfile) -> Caps {
    let number = |said: u32| usize::try_from(said).unwrap_or(usize::MAX);
    Caps { num_first: said.first.map(number), rate_per_s: said.per_second, num_most: said.at_most.map(number) }
}

/// A running collector.
pub(crate) enum Collector {
    Otlp(OtlpReceiver),
    Kafka(KafkaCollector),
    Http(HttpPoller),
    Grpc(GrpcHealth),
    /// Its secrets are being fetched.
    Preparing(JoinHandle<()>),
    /// Could not be made at all; its status says why.
    Unusable,
}

impl Collector {
    pub(crate) fn command(&self, command: SourceCommand) {
        match self {
            Self::Otlp(collector) => collector.command(command),
            Self::Kafka(collector) => collector.command(command),
            Self::Http(collector) => collector.command(command),
            Self::Grpc(collector) => collector.command(command),
            Self::Preparing(_) | Self::Unusable => {}
        }
    }

    pub(crate) async fn stop(self) {
        match self {
            Self::Otlp(collector) => collector.stop().await,
            Self::Kafka(collector) => collector.stop().await,
            Self::Http(collector) => collector.stop().await,
            Self::Grpc(collector) => collector.stop().await,
            Self::Preparing(task) => {
                task.abort();
                // Once it has ended, so has the command that it asked.
                let _aborted = task.await;
            }
            Self::Unusable => {}
        }
    }
}
