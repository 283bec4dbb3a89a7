//! A session: starts the engine and the collectors of a profile, carries commands to them, and ends them. The only place
//! where collectors meet the engine, and the same for window and headless.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use switchboard_engine::view::{Answer, HopKind, NodeKind, Query, Report, Snapshot, Topology};
use switchboard_engine::{EngineConfig, EngineState, EngineThread};
pub use switchboard_model::now_ns;
use switchboard_model::{Batch, BatchHeader, Condition, FailureKind, Intake, Redactor, SourceCommand, SourceId, SourceInfo, SourcePhase, Teller, channel};

use crate::ledger::{LazyLedger, LedgerBoard, LedgerDesk, LedgerExport, LedgerLook, LedgerPlace};
use crate::operations::Operations;
use crate::profile::{Profile, ProfileError};
use crate::send::access::{Observed, ServerAccess};
use crate::send::replay::{Pace, ReplayBoard, ReplayClusters, ReplayCommand, ReplayDesk, ReplayDeskConfig};
use crate::send::{SendBoard, SendCommand, SendDesk, SendDeskConfig};
use crate::session::allowed::Allowed;
use crate::session::clock::{Clocks, Untold};
use crate::session::collector::{Collector, Prepared};
use crate::session::observed::SessionObserved;
use crate::session::servers::Servers;
use crate::session::told::Told;
use crate::sources::SourceProfile;

mod allowed;
mod clock;
pub(crate) mod collector;
mod kafka_access;
mod kept_callers;
mod observed;
mod servers;
mod told;

/// How long a collector may take to end.
const STOP_WITHIN: Duration = Duration::from_millis(500);

/// A running session.
pub struct Session {
    engine: EngineThread,
    runtime: tokio::runtime::Handle,
    memory_bytes: usize,
    starter: Starter,
    operations: Operations,
    replay: ReplayDesk,
    sends: SendDesk,
    ledger: LedgerDesk,
    ticker: tokio::task::JoinHandle<()>,
}

/// The sources that run, and the id given last: ids are never used again.
#[derive(Default)]
struct Sources {
    running: Vec<Source>,
    last_id: u32,
    /// Rises with each collector that is started.
    num_starts: usize,
}

/// Starts collectors, at once or when their secrets are there.
#[derive(Clone)]
struct Starter {
    intake: Intake,
    redactor: Arc<Redactor>,
    runtime: tokio::runtime::Handle,
    sources: Arc<Mutex<Sources>>,
    clusters: ReplayClusters,
    allowed: Allowed,
    servers: Arc<Servers>,
}

impl Starter {
    /// Starts the collector of a source that has its place; one that was removed meanwhile is not started.
    fn start(&self, sources: &mut Sources, source_id: SourceId, source: &SourceProfile, profile: &Profile, prepared: Result<Prepared, ProfileError>) {
        let Some(running) = sources.running.iter_mut().find(|running| running.source_id == source_id) else { return };
        if let Some(access) = prepared.as_ref().ok().and_then(|prepared| prepared.cluster_access(source, profile, &self.redactor, &self.allowed)) {
            self.clusters.add(source.name(), access);
        }
        let sink = self.intake.sink(source_id);
        running.collector = match prepared {
            Ok(prepared) => prepared.start(sink, Arc::clone(&self.redactor), &self.runtime),
            Err(error) => {
                let next_step = "Mend it under Sources, or in the profile";
                Teller::new(sink).tell(Condition::failed(FailureKind::Authenticate, error.to_string(), next_step));
                Collector::Unusable
            }
        };
        sources.num_starts += 1;
    }
}

struct Source {
    source_id: SourceId,
    name: String,
    collector: Collector,
}

impl Session {
    /// Starts the engine and all sources of the profile. In `data_folder` lies the ledger of profiles that name none of their own. `on_publish`
    /// is called, on the engine's thread, after each new snapshot. A source that cannot be started is a failed source, not an error.
    pub fn start(
        profile: &Profile,
        data_folder: Option<&Path>,
        memory_bytes: usize,
        runtime: &tokio::runtime::Handle,
        on_publish: Box<dyn Fn() + Send>,
    ) -> anyhow::Result<Self> {
        Self::start_reading(profile, &|_| true, data_folder, memory_bytes, runtime, on_publish)
    }

    /// The same where only some of the profile's sources are read; what it says of sending to the others holds all the same.
    pub fn start_reading(
        profile: &Profile,
        reads: &dyn Fn(&SourceProfile) -> bool,
        data_folder: Option<&Path>,
        memory_bytes: usize,
        runtime: &tokio::runtime::Handle,
        on_publish: Box<dyn Fn() + Send>,
    ) -> anyhow::Result<Self> {
        let mut key = [0; 16];
        getrandom::fill(&mut key).map_err(|error| anyhow::anyhow!("the system gives no random numbers, which redaction needs: {error}"))?;
        // A tenth of the memory is for aggregates and queues; the queue has half of that, 4 MiB at least.
        let (intake, outlet) = channel((memory_bytes / 20).clamp(4 << 20, 64 << 20));
        let config = EngineConfig { memory_bytes, started_ns: now_ns() };
        // The engine's thread, the replaying and the operations tell of changes.
        let on_change = Arc::new(Mutex::new(on_publish));
        let telling = || {
            let on_change = Arc::clone(&on_change);
            Box::new(move || on_change.lock()())
        };
        let on_publish = telling();
        let engine = EngineThread::spawn(config, Vec::new(), outlet, intake.clone(), on_publish);
        let redactor = Arc::new(Redactor::new(key, &profile.secret_names));
        intake.redact_with(Arc::clone(&redactor));
        let operations = Operations::new(runtime, telling());
        let place = profile.ledger.as_deref().map(LedgerPlace::own).or_else(|| data_folder.map(LedgerPlace::shared_in));
        let (ledger, operator) = (LazyLedger::new(place.clone()), operator());
        let browsed = LedgerDesk::start(place, operations.clone(), runtime, telling());
        let observed: Arc<dyn Observed> = Arc::new(SessionObserved { snapshots: engine.snapshots(), queries: engine.queries() });
        let allowed = Allowed::default();
        let servers = Arc::new(Servers::new(profile, allowed.clone()));
        let desk = ReplayDeskConfig {
            ledger: ledger.clone(),
            profile: profile.name.clone(),
            operator: operator.clone(),
            redactor: Arc::clone(&redactor),
            operations: operations.clone(),
            observed: Arc::clone(&observed),
            pace: Pace::default(),
        };
        let replay = ReplayDesk::start(desk, runtime, telling());
        let desk = SendDeskConfig {
            ledger,
            profile: profile.name.clone(),
            operator,
            operations: operations.clone(),
            observed,
            clusters: replay.clusters(),
            servers: Arc::clone(&servers) as Arc<dyn ServerAccess>,
            requests: profile.requests.clone(),
            secrets: profile.secrets.clone(),
        };
        let sends = SendDesk::start(desk, runtime, telling());
        let starter = Starter { intake, redactor, runtime: runtime.clone(), sources: Arc::default(), clusters: replay.clusters(), allowed, servers };
        let mut session =
            Self { engine, runtime: runtime.clone(), memory_bytes, starter, operations, replay, sends, ledger: browsed, ticker: runtime.spawn(async {}) };
        session.add_some_sources(profile, reads);
        session.ticker = session.spawn_ticker();
        tracing::info!(profile = profile.name, memory_bytes, "The session begins.");
        Ok(session)
    }

    /// Starts the sources of a profile beside those that run. One whose secrets come from a command is started once that has answered;
    /// nothing waits for it.
    pub fn add_sources(&self, profile: &Profile) {
        self.add_some_sources(profile, &|_| true);
    }

    fn add_some_sources(&self, profile: &Profile, reads: &dyn Fn(&SourceProfile) -> bool) {
        let _in_runtime = self.runtime.enter();
        for source in profile.active_sources().filter(|source| reads(source)) {
            let mut preparing = Box::pin(Prepared::of(source.clone(), profile.clone(), self.memory_bytes));
            match preparing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(prepared) => self.add_source(source, profile, prepared),
                Poll::Pending => self.add_source_later(source, profile, preparing),
            }
        }
    }

    /// Starts a source beside those that run; one that could not be made ready is a failed one.
    pub(crate) fn add_source(&self, source: &SourceProfile, profile: &Profile, prepared: Result<Prepared, ProfileError>) {
        let mut sources = self.starter.sources.lock();
        let source_id = self.announce(&mut sources, source, profile, Collector::Unusable);
        self.starter.start(&mut sources, source_id, source, profile, prepared);
    }

    fn add_source_later(&self, source: &SourceProfile, profile: &Profile, preparing: impl Future<Output = Result<Prepared, ProfileError>> + Send + 'static) {
        let (starter, of) = (self.starter.clone(), (source.clone(), profile.clone()));
        let mut sources = self.starter.sources.lock();
        let source_id = SourceId(sources.last_id + 1);
        let task = self.runtime.spawn(async move {
            let prepared = preparing.await;
            starter.start(&mut starter.sources.lock(), source_id, &of.0, &of.1, prepared);
        });
        self.announce(&mut sources, source, profile, Collector::Preparing(task));
        Teller::new(self.starter.intake.sink(source_id)).tell(Condition::connecting("A command is asked for its secrets"));
    }

    /// Gives a source its place among the others.
    fn announce(&self, sources: &mut Sources, source: &SourceProfile, profile: &Profile, collector: Collector) -> SourceId {
        let name = source.name().to_owned();
        self.starter.servers.add(source, profile);
        sources.last_id += 1;
        let source_id = SourceId(sources.last_id);
        for channel in source.dead_letter_channels() {
            self.engine.add_dead_letter_channel(channel);
        }
        self.engine.add_source(SourceInfo { id: source_id, name: name.clone(), kind: source.kind(), environment: profile.environment.clone() });
        sources.running.push(Source { source_id, name, collector });
        source_id
    }

    /// Ends a source: nothing comes from it any more, and nothing is sent to its cluster. What came from it stays.
    pub(crate) fn remove_source(&self, name: &str) {
        let mut sources = self.starter.sources.lock();
        let Some(place) = sources.running.iter().position(|source| source.name == name) else { return };
        let source = sources.running.remove(place);
        drop(sources);
        self.replay.remove_cluster(name);
        self.starter.servers.remove(name);
        Teller::new(self.starter.intake.sink(source.source_id)).tell(Condition::stopped("Removed"));
        self.starter.intake.close(source.source_id);
        self.runtime.spawn(async move {
            if tokio::time::timeout(STOP_WITHIN, source.collector.stop()).await.is_err() {
                tracing::warn!(source = source.name, "A removed source took longer than 500 ms to end and was left behind.");
            }
        });
    }

    /// A source is about to be changed or removed: nothing is sent to its cluster any more, however long that takes.
    pub(crate) fn leave_cluster(&self, name: &str) {
        self.replay.remove_cluster(name);
        self.starter.servers.remove(name);
    }

    /// How values are redacted in this session.
    pub(crate) fn redactor(&self) -> Arc<Redactor> {
        Arc::clone(&self.starter.redactor)
    }

    /// The session's second hand: tells the engine the time, and the Kafka sources what spans named.
    fn spawn_ticker(&self) -> tokio::task::JoinHandle<()> {
        let sink = self.starter.intake.sink(SourceId(0));
        let sources = Arc::clone(&self.starter.sources);
        let snapshots = self.engine.snapshots();
        self.runtime.spawn(async move {
            let mut seen = Seen::default();
            let mut told = Told::default();
            let (mut clocks, mut untold) = (Clocks::new(), Untold::default());
            let mut interval = tokio::time::interval(Duration::from_secs(1));
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                interval.tick().await;
                // A tick that finds no room is made up for by the batches that fill the queue: they carry the time too.
                if let Some(by_ns) = clocks.look() {
                    untold.add(by_ns);
                }
                let header = BatchHeader { received_ns: now_ns(), source: sink.source(), ..BatchHeader::default() };
                let _full_or_taken = sink.offer(Batch::Tick(header));
                untold.tell(header, &sink);
                let snapshot = snapshots.latest();
                told.news(&snapshot);
                let sources = sources.lock();
                if let Some(command) = seen.news(&snapshot, sources.num_starts) {
                    for source in &sources.running {
                        source.collector.command(command.clone());
                    }
                }
            }
        })
    }

    /// Whether no source is still connecting, but for those whose secrets are not there yet: then all that can listen listens.
    pub fn is_listening(&self) -> bool {
        let snapshot = self.snapshot();
        let sources = self.starter.sources.lock();
        let is_preparing = |name: &str| sources.running.iter().any(|source| source.name == name && matches!(source.collector, Collector::Preparing(_)));
        snapshot.sources.len() >= sources.last_id as usize
            && snapshot.sources.iter().all(|source| source.phase != SourcePhase::Connecting || is_preparing(&source.name))
    }

    /// Tells every source something.
    pub fn command(&self, command: &SourceCommand) {
        for source in &self.starter.sources.lock().running {
            source.collector.command(command.clone());
        }
    }

    /// Something about dead letters and sending them again.
    pub fn replay(&self, command: ReplayCommand) {
        self.replay.command(command);
    }

    /// What can be seen of replaying.
    pub fn replay_board(&self) -> Arc<ReplayBoard> {
        self.replay.board()
    }

    /// Something about sending.
    pub fn send(&self, command: SendCommand) {
        self.sends.command(command);
    }

    /// What can be seen of sending.
    pub fn send_board(&self) -> Arc<SendBoard> {
        self.sends.board()
    }

    /// What can be seen of the ledger, while this is looked at; `None` = nobody looks.
    pub fn ledger(&self, look: Option<&LedgerLook>) -> Arc<LedgerBoard> {
        self.ledger.look(look)
    }

    /// Lines of the ledger are written into a file.
    pub fn export_ledger(&self, export: LedgerExport) {
        self.ledger.export(export);
    }

    /// What touches the world because somebody asked for it.
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Snapshot {
        self.engine.snapshot()
    }

    /// Asks the engine; the receiver is disconnected without an answer if it has ended.
    pub fn query(&self, query: Query) -> Receiver<Answer> {
        self.engine.query(query)
    }

    /// Whether the engine runs.
    pub fn engine_state(&self) -> EngineState {
        self.engine.state()
    }

    /// The report as of now; an error if the engine has ended.
    pub fn report(&self) -> anyhow::Result<Report> {
        self.engine.report().recv_timeout(Duration::from_secs(30)).map_err(|_| match self.engine.state() {
            EngineState::Panicked(text) => anyhow::anyhow!("the engine stopped: {text}. What was observed is lost; start again"),
            EngineState::Running => anyhow::anyhow!("the engine did not answer within 30 s; the machine is overloaded"),
        })
    }

    /// How many bytes wait for the engine.
    pub fn num_bytes_queued(&self) -> usize {
        self.starter.intake.num_bytes_queued()
    }

    /// Ends what is being sent and all operations, then all sources, each within 500 ms, then the engine.
    pub async fn stop(self) {
        self.ticker.abort();
        // What is being sent ends first: its outcome is still written down.
        self.replay.stop().await;
        self.sends.stop().await;
        self.operations.end_all().await;
        let sources = std::mem::take(&mut self.starter.sources.lock().running);
        for source in &sources {
            self.starter.intake.close(source.source_id);
        }
        let stops = sources.into_iter().map(|source| tokio::spawn(async move { tokio::time::timeout(STOP_WITHIN, source.collector.stop()).await }));
        for stop in stops.collect::<Vec<_>>() {
            match stop.await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => tracing::warn!("A source took longer than 500 ms to end and was left behind."),
                Err(error) => tracing::error!(%error, "A source ended badly."),
            }
        }
    }
}

/// Channels and groups that the map shows, as last told to the sources.
#[derive(Default)]
struct Seen {
    topology_version: u64,
    num_sources: usize,
    channels: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl Seen {
    /// What to tell the sources, if a channel or group came, or a source.
    fn news(&mut self, snapshot: &Snapshot, num_sources: usize) -> Option<SourceCommand> {
        if snapshot.topology.version == self.topology_version && num_sources == self.num_sources {
            return None;
        }
        self.topology_version = snapshot.topology.version;
        let names =
            |kind: NodeKind| -> BTreeSet<String> { snapshot.topology.nodes.iter().filter(|node| node.kind == kind).map(|node| node.name.clone()).collect() };
        let (channels, groups) = (channels_in_spans(&snapshot.topology), names(NodeKind::Group));
        if channels == self.channels && groups == self.groups && num_sources == self.num_sources {
            return None;
        }
        self.num_sources = num_sources;
        self.channels.clone_from(&channels);
        self.groups.clone_from(&groups);
        Some(SourceCommand::Seen { channels: channels.into_iter().collect(), groups: groups.into_iter().collect() })
    }
}

/// Channels that a span published to or consumed from.
fn channels_in_spans(topology: &Topology) -> BTreeSet<String> {
    let in_spans: BTreeSet<_> = topology
        .edges
        .iter()
        .filter(|edge| !edge.inferred)
        .filter_map(|edge| match edge.kind {
            HopKind::Publish => Some(edge.to),
            HopKind::Deliver => Some(edge.from),
            HopKind::Call | HopKind::Process => None,
        })
        .collect();
    topology.nodes.iter().filter(|node| node.kind == NodeKind::Channel && in_spans.contains(&node.node_id)).map(|node| node.name.clone()).collect()
}

/// The user's name on this machine, for the ledger.
fn operator() -> String {
    let told = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    told.unwrap_or_else(|| "unknown".to_owned())
}
