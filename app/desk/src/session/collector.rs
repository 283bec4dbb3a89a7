//! A source of the profile, made ready and started: secrets are fetched first, which may take its time; starting never does.

use std::sync::Arc;

use switchboard_grpc::GrpcHealth;
use switchboard_http::HttpPoller;
use switchboard_kafka::KafkaCollector;
use switchboard_model::{Redactor, Sink, SourceCommand};
use switchboard_otlp::OtlpReceiver;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::profile::{GrpcProfile, HttpProfile, KafkaProfile, OtlpProfile, Profile, ProfileError, seconds};
use crate::secret::Secret;
use crate::sources::SourceProfile;

/// What a collector is started with.
#[derive(Clone)]
pub(crate) enum Prepared {
    Otlp(switchboard_otlp::Config),
    Kafka(switchboard_kafka::Config),
    Http(switchboard_http::Config),
    Grpc(switchboard_grpc::Config),
}

impl Prepared {
    /// Makes a source ready: fetches its secrets, which may ask a command; only then it has to be waited for.
    pub(crate) async fn of(source: SourceProfile, profile: Profile, memory_bytes: usize) -> Result<Self, ProfileError> {
        Ok(match &source {
            SourceProfile::Otlp(otlp) => Self::Otlp(otlp_config(otlp, &profile, memory_bytes)),
            SourceProfile::Kafka(kafka) => Self::Kafka(kafka_config(kafka, &profile).await?),
            SourceProfile::Http(http) => Self::Http(http_config(http).await?),
            SourceProfile::Grpc(grpc) => Self::Grpc(grpc_config(grpc)),
        })
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

fn otlp_config(otlp: &OtlpProfile, profile: &Profile, memory_bytes: usize) -> switchboard_otlp::Config {
    let port = |port: u16| (port != 0).then_some(port);
    switchboard_otlp::Config {
        grpc_port: port(otlp.grpc_port),
        http_port: port(otlp.http_port),
        allowed_hosts: otlp.allowed_hosts.clone(),
        allowed_origins: otlp.allowed_origins.clone(),
        docker_bridge: otlp.docker_bridge,
        forward: otlp.forward.clone(),
        in_flight_bytes: if memory_bytes < 128 << 20 { switchboard_otlp::SMALL_IN_FLIGHT_BYTES } else { switchboard_otlp::DEFAULT_IN_FLIGHT_BYTES },
        environment: profile.environment.clone(),
    }
}

async fn kafka_config(profile: &KafkaProfile, of: &Profile) -> Result<switchboard_kafka::Config, ProfileError> {
    let tail = profile.tail.iter().map(|tail| Ok((tail.channel.clone(), tail.tail_from()?))).collect::<Result<_, ProfileError>>()?;
    Ok(switchboard_kafka::Config {
        environment: of.environment.clone(),
        groups: profile.groups.clone(),
        dead_letter_channels: profile.dead_letter_channels.clone(),
        tail,
        properties: profile.properties.clone(),
        username: Secret::fetch_if(profile.username.as_ref(), "username", &profile.name).await?,
        password: Secret::fetch_if(profile.password.as_ref(), "password", &profile.name).await?,
        key_password: Secret::fetch_if(profile.key_password.as_ref(), "key_password", &profile.name).await?,
        token: profile.token.clone().map(|secret| {
            let field = format!("token of {}", profile.name);
            let runtime = Handle::current();
            switchboard_kafka::TokenSource::new(move || secret.wait(&field, &runtime))
        }),
        trusted_hosts: profile.trusted_hosts.clone(),
        poll_interval: seconds(profile.poll_s),
        ..switchboard_kafka::Config::new(&profile.name, &profile.brokers)
    })
}

async fn http_config(profile: &HttpProfile) -> Result<switchboard_http::Config, ProfileError> {
    let auth = if let Some(token) = Secret::fetch_if(profile.bearer.as_ref(), "bearer", &profile.name).await? {
        switchboard_http::Auth::Bearer(token)
    } else if let Some(user) = Secret::fetch_if(profile.username.as_ref(), "username", &profile.name).await? {
        let password = Secret::fetch_if(profile.password.as_ref(), "password", &profile.name).await?.unwrap_or_default();
        switchboard_http::Auth::Basic { user, password }
    } else {
        switchboard_http::Auth::None
    };
    Ok(switchboard_http::Config {
        name: profile.name.clone(),
        url: profile.url.clone(),
        service: profile.service.clone(),
        instance: profile.instance.clone(),
        auth,
        poll_interval: seconds(profile.poll_s),
        ..switchboard_http::Config::default()
    })
}

fn grpc_config(profile: &GrpcProfile) -> switchboard_grpc::Config {
    switchboard_grpc::Config {
        name: profile.name.clone(),
        url: profile.url.clone(),
        service: profile.service.clone(),
        asked: profile.health.clone(),
        ..switchboard_grpc::Config::default()
    }
}
