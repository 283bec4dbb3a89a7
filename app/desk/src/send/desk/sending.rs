//! One send, from what was asked to what became of it: planned, looked whether there is leave and whether it is meant, written down, carried,
//! written down again.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use switchboard_model::{FailureKind, OperationFailure, Outcome, Target};
use tokio::time::Instant;

use super::leave::Way;
use super::live::Live;
use super::named::{call_tls, read_files, read_rows, secret, tls_files};
use super::{Asked, Office, OpenStream, Then};
use crate::ledger::{Ending, Ledger, NewRun, SendId, Settled, Settlement};
use crate::operations::Teller;
use crate::send::access::{Server, TlsFiles};
use crate::send::board::{Answer, Asking, Question, Reply, Sent, SentId};
use crate::send::command::SendAsk;
use crate::send::draft::{GrpcDraft, HttpDraft, RepeatDraft, Request};
use crate::send::plan::{Files, Mistake, Plan, Planned, plan_with_rows};
use crate::send::rows::Rows;
use crate::send::variables::Variables;

/// How long a name may take to be looked up.
const RESOLVE_WITHIN: Duration = Duration::from_secs(10);

/// The most times that a request is sent at one asking, the most a second, and the most at once.
const TIMES_MAX: u64 = 100_000;
const RATE_MAX: u32 = 1_000;
const AT_ONCE_MAX: u32 = 64;
/// Seconds between two of a probe, at least and at most.
const PROBE_S_MIN: f64 = 1.0;
const PROBE_S_MAX: f64 = 3_600.0;

/// Something that is to be sent.
pub(super) struct Sending {
    pub office: Arc<Office>,
    pub sent_id: SentId,
    pub ask: SendAsk,
    /// Whether somebody confirmed that it is meant.
    pub is_meant: bool,
}

/// Why nothing is sent.
pub(super) enum Stop {
    /// Something is wrong with the draft.
    Mistake(Mistake),
    /// It is not possible, or not allowed.
    Refused(FailureKind, String),
    /// Something has to be answered first.
    Asks(Box<Asked>),
}

impl Stop {
    pub(super) fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(FailureKind::Authorise, reason.into())
    }

    /// Why, in words.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Mistake(mistake) => mistake.to_string(),
            Self::Refused(_, reason) => reason.clone(),
            Self::Asks(_) => "something has to be answered first".to_owned(),
        }
    }
}

/// Something that is planned and may go.
pub(super) struct Ready {
    pub plan: Plan,
    pub way: Way,
    pub files: Files,
    pub tls: TlsFiles,
    /// How long the name took to be looked up.
    pub resolved_in: Option<Duration>,
    /// When it was begun: all that a call needs is part of the time that it may take.
    pub begun: Instant,
    /// How many requests or records.
    pub num: u64,
    /// Values for one after another.
    pub rows: Arc<Rows>,
}

impl Sending {
    /// Sends it, or says why not. An error is that of the operation; what the board shows is told besides.
    pub(super) async fn run(self, teller: Teller<()>) -> Result<(), OperationFailure> {
        let ready = tokio::select! {
            biased;
            () = teller.cancelled() => return Ok(()),
            ready = self.ready() => ready,
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(stop) => return self.stopped(stop),
        };
        let ledger = match self.office.config.ledger.open().await {
            Ok(ledger) => ledger,
            Err(error) => return self.stopped(Stop::Refused(FailureKind::Internal, error.to_string())),
        };
        // Each on its own: together they are large, and are moved as a whole where this begins.
        let carried: Pin<Box<dyn Future<Output = Result<(), Stop>> + Send + '_>> = match &ready.plan.what {
            Planned::Http(_) | Planned::Grpc(_) if ready.num > 1 || self.ask.is_probe => Box::pin(self.carry_many(ready, &ledger, &teller)),
            Planned::Http(_) => Box::pin(self.carry_request(ready, &ledger, &teller)),
            Planned::Grpc(_) => Box::pin(self.carry_call(ready, &ledger, &teller)),
            Planned::Record(_) => Box::pin(self.carry_records(ready, &ledger, &teller)),
        };
        carried.await.or_else(|stop| self.stopped(stop))
    }

    fn stopped(&self, stop: Stop) -> Result<(), OperationFailure> {
        let failure = |kind: FailureKind, reason: String| Err(OperationFailure { kind, reason, next_step: String::new() });
        match stop {
            Stop::Mistake(mistake) => {
                let reason = mistake.to_string();
                self.office.update(|board| board.mistake = Some(mistake));
                failure(FailureKind::Protocol, reason)
            }
            Stop::Refused(kind, reason) => {
                // What stands in the answer is told there.
                if !self.is_told(&reason) {
                    self.office.refuse(reason.as_str());
                }
                failure(kind, reason)
            }
            Stop::Asks(asked) => {
                self.office.asks(*asked);
                Ok(())
            }
        }
    }

    /// Whether it stands on the board for this reason.
    fn is_told(&self, reason: &str) -> bool {
        let board = Arc::clone(&self.office.board.lock());
        let settled = board.sent.iter().find(|sent| sent.sent_id == self.sent_id).and_then(|sent| sent.settled.as_ref());
        settled.is_some_and(|settled| settled.reason() == reason)
    }

    /// Plans it, and looks whether it may go.
    async fn ready(&self) -> Result<Ready, Stop> {
        let begun = Instant::now();
        let files = read_files(&self.office, &self.ask).await?;
        let rows = Arc::new(read_rows(&self.ask, &files).await?);
        let plan = self.plan(&files, &rows, 1)?;
        if let Some(origin) = plan.origin() {
            // Nobody is asked about what cannot go.
            secret(&self.office, plan.auth(), origin)?;
        }
        let num = match &self.ask.draft.request {
            Request::Record(record) if record.copies == 0 => rows.len().max(1) as u64,
            Request::Record(record) => u64::from(record.copies),
            Request::Http(HttpDraft { repeat, .. }) | Request::Grpc(GrpcDraft { repeat, .. }) => times(&self.ask, repeat, &rows)?,
        };
        let looked_up = Instant::now();
        let way = in_time(&plan, begun, "it was known where its name leads", way(&self.office, &plan)).await?;
        let resolved_in = matches!(way, Way::Server(_)).then(|| looked_up.elapsed());
        if self.ask.is_probe && way.is_production(&self.office) {
            let reason = format!("{} is production, and nothing is probed there: a probe sends by itself, again and again", way.name());
            self.write_refusal(&way, &plan, num, &reason).await?;
            return Err(Stop::refused(reason));
        }
        if let Err(refused) = way.may_send(&self.office) {
            self.write_refusal(&way, &plan, num, &refused.to_string()).await?;
            return Err(match way.question(&self.office, &refused) {
                Some(question) => self.asks(way, question),
                None => Stop::refused(refused.to_string()),
            });
        }
        let question = match self.ask.draft.repeat() {
            // It goes by itself, so it is asked about each time one is started, also on this machine.
            Some(repeat) if self.ask.is_probe && plan.changes_something() => Some(way.probe_question(&plan, repeat.every_s)),
            _ => way.confirmation(&self.office, &plan, num),
        };
        if let Some(question) = question.filter(|_| !self.is_meant) {
            return Err(self.asks(way, question));
        }
        let tls = match &plan.what {
            Planned::Http(planned) => tls_files(&planned.tls, &files)?,
            Planned::Grpc(planned) => call_tls(planned, &files)?,
            Planned::Record(_) => TlsFiles::default(),
        };
        Ok(Ready { plan, way, files, tls, resolved_in, begun, num, rows })
    }

    /// Writes down that it is not allowed.
    async fn write_refusal(&self, way: &Way, plan: &Plan, num: u64, reason: &str) -> Result<(), Stop> {
        way.refused(&self.office, plan, num, reason).await.map_err(|error| Stop::Refused(FailureKind::Internal, error))
    }

    fn asks(&self, way: Way, question: Question) -> Stop {
        Stop::Asks(Box::new(Asked { asking: Asking { ask: self.ask.clone(), target: way.name(), question }, way, then: Then::Send }))
    }

    /// What the draft comes to, for one of its copies.
    pub(super) fn plan(&self, files: &Files, rows: &Rows, counter: u64) -> Result<Plan, Stop> {
        // Tried once before: what a plan draws from has no way to fail.
        random().map_err(Stop::refused)?;
        make_plan(&self.office, &self.ask, &self.office.variables(&self.ask), files, rows, counter)
    }

    /// The run that this is in the ledger.
    pub(super) fn new_run(&self, ready: &Ready, send_name: &str) -> NewRun {
        let config = &self.office.config;
        NewRun {
            replay_id: send_name.to_owned(),
            profile: config.profile.clone(),
            operator: config.operator.clone(),
            cluster: ready.way.name(),
            cluster_id: ready.way.target_id(),
            target: if ready.plan.origin().is_some() { ready.way.name() } else { ready.plan.call() },
            num_planned: ready.num,
            at_ns: self.office.now_ns(),
        }
    }

    /// It stands on the board from now on, until what is given back is told what became of it.
    pub(super) fn shows(&self, ready: &Ready) -> OnTheBoard {
        let live = if ready.num == 1 && !self.ask.is_probe { Live::whole() } else { Live::default() };
        if let Some(took) = ready.resolved_in {
            live.took(switchboard_model::Phase::Resolve, took);
        }
        self.office.begins(Sent {
            sent_id: self.sent_id,
            ask: self.ask.clone(),
            call: ready.plan.call(),
            target: ready.way.name(),
            num: ready.num,
            at_ns: self.office.now_ns(),
            trace_id: ready.plan.trace_id,
            correlation_id: ready.plan.correlation_id.clone(),
            settled: None,
            ended_ns: None,
            is_open: false,
            answer: Answer::default(),
            figures: None,
            reply: matches!(&ready.plan.what, Planned::Record(planned) if planned.reply.is_some()).then_some(Reply::Awaited),
        });
        OnTheBoard { office: Arc::clone(&self.office), sent_id: self.sent_id, live, ended_ns: None, known: None, is_settled: false }
    }
}

/// What stands on the board; dropped before its end is known, it may have been sent.
pub(super) struct OnTheBoard {
    office: Arc<Office>,
    sent_id: SentId,
    pub(super) live: Live,
    /// When it was over, where that is not when it is settled.
    ended_ns: Option<i64>,
    /// What became of it, where that is known before it is settled.
    known: Option<Settled>,
    is_settled: bool,
}

impl OnTheBoard {
    /// Shows what came since the last look.
    pub(super) fn look(&self) {
        self.live.show(&self.office, self.sent_id);
    }

    /// Messages can be added from now on.
    pub(super) fn opens(&self, stream: OpenStream) {
        self.office.open.lock().insert(self.sent_id, stream);
        self.office.change(self.sent_id, |sent| sent.is_open = true);
    }

    /// It is over now, whatever is still done with what came: nothing more is written to it. Shows what came since the last look.
    pub(super) fn ends_now(&mut self) {
        self.ended_ns = Some(self.office.now_ns());
        if self.office.open.lock().contains_key(&self.sent_id) {
            self.office.change(self.sent_id, |sent| sent.is_open = false);
            self.office.open.lock().remove(&self.sent_id);
        }
        self.look();
    }

    /// What became of it, whatever is still done with what came.
    pub(super) fn became(&mut self, settled: &Result<Settled, Stop>) {
        self.known = settled.as_ref().ok().cloned();
    }

    /// Nothing more comes.
    pub(super) fn settle(mut self, settled: Settled) {
        self.end(settled);
    }

    fn end(&mut self, settled: Settled) {
        self.is_settled = true;
        self.look();
        if let Some(body) = self.live.take_whole() {
            self.office.keep_body(self.sent_id, body);
        }
        let ended_ns = self.ended_ns.unwrap_or_else(|| self.office.now_ns());
        self.office.ends(self.sent_id, |sent| {
            (sent.settled, sent.ended_ns, sent.is_open) = (Some(settled), Some(ended_ns), false);
            // Where none was written, none is awaited.
            if sent.answer.num_persisted == 0 {
                sent.reply = None;
            }
        });
        self.office.open.lock().remove(&self.sent_id);
    }
}

impl Drop for OnTheBoard {
    fn drop(&mut self) {
        if !self.is_settled {
            let unknown = || Settled::Tried(Outcome::Possibly("it was given up before what became of it was known".to_owned()));
            let settled = self.known.take().unwrap_or_else(unknown);
            self.end(settled);
        }
    }
}

/// Writes down what became of a request or a call, and of the run that it is.
pub(super) async fn settle_call(office: &Office, ledger: &Ledger, ids: (crate::ledger::RunId, SendId), outcome: Outcome) -> Result<Settled, Stop> {
    let (settled, at_ns) = (Settled::Tried(outcome), office.now_ns());
    let settlement = Settlement { settled: settled.clone(), at_ns };
    match ledger.end_call(ids, settlement, Ending::Finished).await {
        Ok(()) => Ok(settled),
        Err(error) => Err(Stop::Refused(FailureKind::Internal, error.to_string())),
    }
}

/// A name for a send, which tells it apart over all sessions.
pub(super) fn send_name() -> Result<String, Stop> {
    let bits = random().map_err(Stop::refused)?;
    Ok(format!("s-{:020x}", bits >> 48))
}

/// Random bits.
pub(super) fn random() -> Result<u128, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    Ok(u128::from_ne_bytes(bytes))
}

/// What a draft comes to with these values; whether there are random numbers was looked at before.
pub(super) fn make_plan(office: &Office, ask: &SendAsk, named: &BTreeMap<String, String>, files: &Files, rows: &Rows, counter: u64) -> Result<Plan, Stop> {
    // Where rows are messages of one call, none of them is the call's.
    let row = if has_row_messages(&ask.draft.request) { BTreeMap::new() } else { rows.row(counter.saturating_sub(1)) };
    let variables = Variables { named, row: &row, counter, now_ns: office.now_ns(), random: &|| random().unwrap_or(1) };
    plan_with_rows(&ask.draft, &variables, files, rows).map_err(Stop::Mistake)
}

/// Waits for something that a call needs, no longer than the call may take. Where that is over, it is not made.
pub(super) async fn in_time<T>(plan: &Plan, begun: Instant, what: &str, work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    let Some(deadline) = plan.deadline() else { return work.await };
    tokio::time::timeout_at(begun + deadline, work).await.unwrap_or_else(|_| {
        let reason =
            format!("the deadline ({deadline:?}) was over before {what}, so the call was not made. Look whether the server hangs, or allow it more time");
        Err(Stop::Refused(FailureKind::Limit, reason))
    })
}

/// Where it goes: a server's name is looked up, a cluster is one of the profile's.
pub(super) async fn way(office: &Office, plan: &Plan) -> Result<Way, Stop> {
    match &plan.what {
        Planned::Http(planned) => server(office, Target::Origin(planned.request.origin.clone())).await.map(Way::Server),
        Planned::Grpc(planned) => server(office, Target::Authority(planned.call.authority.clone())).await.map(Way::Server),
        Planned::Record(planned) => {
            let names = office.config.clusters.names();
            let name = match (planned.cluster.as_str(), &names[..]) {
                ("", [only]) => only.clone(),
                ("", []) => return Err(Stop::Mistake(Mistake::new("cluster", "the profile has no source that records can be sent to; add one under Sources"))),
                ("", _) => return Err(Stop::Mistake(Mistake::new("cluster", format!("choose one of {}", names.join(", "))))),
                (name, _) => name.to_owned(),
            };
            let reach = office.config.clusters.reach(&name).map_err(|error| Stop::Mistake(Mistake::new("cluster", error)))?;
            let cluster_id = office.cluster_id(&name);
            Ok(Way::Cluster(reach, cluster_id))
        }
    }
}

pub(super) async fn server(office: &Office, target: Target) -> Result<Server, Stop> {
    let (Target::Origin(origin) | Target::Authority(origin)) = &target else { return Err(Stop::refused("this is no server")) };
    let unknown = |reason: String| Stop::Refused(FailureKind::Connect, reason);
    let addresses = tokio::time::timeout(RESOLVE_WITHIN, office.config.servers.resolve(origin))
        .await
        .map_err(|_| unknown(format!("the name {} could not be looked up within {} s", origin.host(), RESOLVE_WITHIN.as_secs())))?
        .map_err(unknown)?;
    Ok(Server { target, addresses })
}

/// How many times a request or a call is sent.
fn times(ask: &SendAsk, repeat: &RepeatDraft, rows: &Rows) -> Result<u64, Stop> {
    let mistake = |reason: String| Err(Stop::Mistake(Mistake::new("repeat", reason)));
    if ask.is_probe {
        return match repeat.every_s {
            every_s if (PROBE_S_MIN..=PROBE_S_MAX).contains(&every_s) => Ok(1),
            _ => mistake(format!("a probe is sent once in {PROBE_S_MIN} to {PROBE_S_MAX} s")),
        };
    }
    let times = match repeat.times {
        0 if has_row_messages(&ask.draft.request) => 1,
        0 => rows.len().max(1) as u64,
        times => u64::from(times),
    };
    if times > TIMES_MAX {
        return mistake(format!("it would be sent {times} times; {TIMES_MAX} are the most"));
    }
    if times > 1 && !((1..=RATE_MAX).contains(&repeat.rate_per_s) && (1..=AT_ONCE_MAX).contains(&repeat.at_once)) {
        return mistake(format!("write a rate of 1 to {RATE_MAX} a second, and 1 to {AT_ONCE_MAX} at once"));
    }
    if times > 1 && ask.by_hand {
        return mistake("a stream that is open for messages by hand is sent once".to_owned());
    }
    Ok(times)
}

/// Whether rows are messages of one call.
fn has_row_messages(request: &Request) -> bool {
    matches!(request, Request::Grpc(grpc) if grpc.row_messages)
}
