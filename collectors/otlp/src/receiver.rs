//! The receiver as the session sees it.

use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{Redactor, Sink, SourceCommand};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;

use crate::board::{Board, Port};
use crate::budget::Budget;
use crate::config::{Bound, Config, Limits};
use crate::forward::Forwarder;
use crate::host_check::HostCheck;
use crate::listener::PortTask;
use crate::peers::Peers;
use crate::refusals::Refusals;
use crate::service::Service;
use crate::stopping::Stop;

/// Time that tasks have to end by themselves when the source is closed.
const STOP: Duration = Duration::from_millis(300);

/// Receives OTLP over gRPC and HTTP and puts what came into the sink.
pub struct OtlpReceiver {
    again: Arc<Notify>,
    bound: watch::Receiver<Option<Bound>>,
    stop: Stop,
    tasks: Vec<JoinHandle<()>>,
}

impl OtlpReceiver {
    /// Begins to listen. Never fails: a port that is taken is a state, and is tried again.
    pub fn start(config: Config, sink: Sink, redactor: Arc<Redactor>, runtime: &Handle) -> Self {
        Self::start_with_limits(config, Limits::default(), sink, redactor, runtime)
    }

    /// The same with other bounds than the usual ones.
    pub fn start_with_limits(config: Config, limits: Limits, sink: Sink, redactor: Arc<Redactor>, runtime: &Handle) -> Self {
        let (stop, stopping) = Stop::new();
        let (bound_sender, bound) = watch::channel(None);
        let again = Arc::new(Notify::new());
        let board = Board::new(sink.clone(), config.grpc_port.is_some(), config.http_port.is_some());
        let refusals = Refusals::default();
        let forwarder = config.forward.as_ref().map(|_| Forwarder::new(&limits));
        let num_workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).max(2);
        let max_connections = limits.connections;
        let service = Arc::new(Service {
            host_check: HostCheck::new(&config),
            budget: Budget::new(config.in_flight_bytes),
            limits,
            sink: sink.clone(),
            redactor,
            environment: config.environment.clone().unwrap_or_default(),
            refusals: refusals.clone(),
            forwarder: forwarder.clone(),
            bound: bound.clone(),
            workers: Semaphore::new(num_workers),
        });
        let peers = Peers::new(max_connections);
        let mut tasks = vec![runtime.spawn(refusals.tell(sink, stopping.clone()))];
        for (port, number) in [(Port::Grpc, config.grpc_port), (Port::Http, config.http_port)] {
            let Some(number) = number else { continue };
            let task = PortTask {
                port,
                number,
                docker_bridge: config.docker_bridge,
                service: Arc::clone(&service),
                board: board.clone(),
                bound: bound_sender.clone(),
                again: Arc::clone(&again),
                peers: Arc::clone(&peers),
                stopping: stopping.clone(),
            };
            tasks.push(runtime.spawn(task.run()));
        }
        if let (Some(forwarder), Some(endpoint)) = (forwarder, config.forward) {
            tasks.push(runtime.spawn(forwarder.run(endpoint, board, bound.clone(), stopping)));
        }
        Self { again, bound, stop, tasks }
    }

    /// Takes a command: `Refresh` tries ports that are taken again at once.
    #[expect(clippy::needless_pass_by_value, reason = "every collector takes its commands by value")]
    pub fn command(&self, command: SourceCommand) {
        if matches!(command, SourceCommand::Refresh) {
            self.again.notify_waiters();
        }
    }

    /// The addresses that are listened on, once every port was tried; `None` if there is none.
    pub async fn bound(&self) -> Option<Bound> {
        let mut bound = self.bound.clone();
        let bound = bound.wait_for(Option::is_some).await.ok()?.clone()?;
        (!bound.grpc.is_empty() || !bound.http.is_empty()).then_some(bound)
    }

    /// The addresses that are listened on as they change; `None` until every port was tried.
    pub fn watch_bound(&self) -> watch::Receiver<Option<Bound>> {
        self.bound.clone()
    }

    /// Closes ports and connections. Requests in work are answered UNAVAILABLE, and nothing of them is counted.
    pub async fn stop(mut self) {
        self.stop.tell();
        let tasks = std::mem::take(&mut self.tasks);
        let aborts: Vec<_> = tasks.iter().map(JoinHandle::abort_handle).collect();
        let all = async {
            for task in tasks {
                // A task that panicked has ended too.
                task.await.ok();
            }
        };
        if tokio::time::timeout(STOP, all).await.is_err() {
            for abort in aborts {
                abort.abort();
            }
        }
    }
}

impl Drop for OtlpReceiver {
    fn drop(&mut self) {
        self.stop.tell();
    }
}
