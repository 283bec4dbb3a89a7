//! A source of the profile, made ready and started: secrets are fetched first, which may take its time; starting never does.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use switchboard_grpc::GrpcHealth;
use switchboard_http::HttpPoller;
use switchboard_kafka::KafkaCollector;
use switchboard_model::{Redactor, Sink, SourceCommand};
use switchboard_otlp::OtlpReceiver;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::profile::{GrpcProfile, HttpProfile, KafkaProfile, OtlpProfile, Profile, ProfileError, Secret, seconds};
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
        username: fetch(profile.username.as_ref(), &profile.name, "username").await?,
        password: fetch(profile.password.as_ref(), &profile.name, "password").await?,
        key_password: fetch(profile.key_password.as_ref(), &profile.name, "key_password").await?,
        token: profile.token.clone().map(|secret| {
            let field = format!("token of {}", profile.name);
            let runtime = Handle::current();
            switchboard_kafka::TokenSource::new(move || token(&secret, &field, &runtime))
        }),
        trusted_hosts: profile.trusted_hosts.clone(),
        poll_interval: seconds(profile.poll_s),
        ..switchboard_kafka::Config::new(&profile.name, &profile.brokers)
    })
}

async fn http_config(profile: &HttpProfile) -> Result<switchboard_http::Config, ProfileError> {
    let auth = if let Some(token) = fetch(profile.bearer.as_ref(), &profile.name, "bearer").await? {
        switchboard_http::Auth::Bearer(token)
    } else if let Some(user) = fetch(profile.username.as_ref(), &profile.name, "username").await? {
        let password = fetch(profile.password.as_ref(), &profile.name, "password").await?.unwrap_or_default();
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

async fn fetch(secret: Option<&Secret>, source_name: &str, field: &str) -> Result<Option<String>, ProfileError> {
    match secret {
        Some(secret) => secret.fetch(&format!("{field} of {source_name}")).await.map(Some),
        None => Ok(None),
    }
}

/// Waits for a token, on a client's own thread. It is fetched by the runtime, which ends what is asked for it when it ends itself: the
/// thread may be left behind.
fn token(secret: &Secret, field: &str, runtime: &Handle) -> Result<String, String> {
    let (tell, told) = sync_channel(1);
    let (secret, field) = (secret.clone(), field.to_owned());
    runtime.spawn(async move {
        let fetched = secret.fetch(&field).await.map_err(|error| error.to_string());
        let _waited_for = tell.send(fetched);
    });
    told.recv().unwrap_or_else(|_| Err("the program ends".to_owned()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::path::Path;
    use std::time::{Duration, Instant};

    /// Waits for a state.
    fn wait_for<T>(what: &str, state: impl Fn() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(state) = state() {
                return state;
            }
            assert!(Instant::now() < deadline, "{what} did not come");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What a process was started with; `None` once it has ended.
    fn command_line(process_id: &str) -> Option<Vec<u8>> {
        std::fs::read(Path::new("/proc").join(process_id).join("cmdline")).ok().filter(|line| !line.is_empty())
    }

    #[test]
    fn a_token_that_is_being_asked_for_ends_with_the_program() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let said = token(&Secret::Command("printf said".to_owned()), "token", runtime.handle());
        assert_eq!(said, Ok("said".to_owned()));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("process");
        let hangs = Secret::Command(format!("echo $$ > '{}'; exec sleep 97534.25", path.display()));
        let handle = runtime.handle().clone();
        let waiting = std::thread::spawn(move || token(&hangs, "token", &handle));
        let process_id = wait_for("the command", || {
            let text = std::fs::read_to_string(&path).ok()?;
            text.strip_suffix('\n').map(str::to_owned)
        });
        wait_for("what hangs", || command_line(&process_id).filter(|line| line.starts_with(b"sleep")));
        runtime.shutdown_timeout(Duration::from_secs(5));
        assert_eq!(waiting.join().expect("no panic"), Err("the program ends".to_owned()));
        wait_for("its end", || command_line(&process_id).is_none().then_some(()));
    }
}
