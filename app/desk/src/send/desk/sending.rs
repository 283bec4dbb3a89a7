//! One send, from what was asked to what became of it: planned, looked whether there is leave and whether it is meant, written down, carried,
//! written down again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use switchboard_model::{FailureKind, OperationFailure, Origin, Outcome, Target};
use tokio::time::Instant;

use super::boxed::boxed_types;
use super::leave::Way;
use super::live::Live;
use super::reflection::{SchemaWanted, reflected};
use super::{Asked, Office, Then};
use crate::ledger::{Ending, Ledger, NewRun, SendId, Settled, Settlement};
use crate::operations::Teller;
use crate::profile::NamedSecret;
use crate::send::access::{MethodSchema, SchemaFiles, Server, TlsFiles};
use crate::send::board::{Answer, Asking, Question, Reply, SchemaBoard, Sent, SentId};
use crate::send::command::SendAsk;
use crate::send::draft::{Auth, Body, GrpcDraft, HttpDraft, Payload, RepeatDraft, Request, SchemaFrom, TlsDraft};
use crate::send::plan::{Files, Mistake, Plan, Planned, PlannedCall, plan_with_rows};
use crate::send::rows::Rows;
use crate::send::saved;
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
        let carried = match &ready.plan.what {
            Planned::Http(_) | Planned::Grpc(_) if ready.num > 1 || self.ask.is_probe => self.carry_many(ready, &ledger, &teller).await,
            Planned::Http(_) => self.carry_request(ready, &ledger, &teller).await,
            Planned::Grpc(_) => self.carry_call(ready, &ledger, &teller).await,
            Planned::Record(_) => self.carry_records(ready, &ledger, &teller).await,
        };
        carried.or_else(|stop| self.stopped(stop))
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
    pub(super) fn shows(&self, ready: &Ready, is_open: bool) -> OnTheBoard {
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
            is_open,
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

    /// It is over now, whatever is still done with what came: nothing more is written to it.
    pub(super) fn ends_now(&mut self) {
        self.ended_ns = Some(self.office.now_ns());
        self.office.open.lock().remove(&self.sent_id);
        self.office.change(self.sent_id, |sent| sent.is_open = false);
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
        self.office.open.lock().remove(&self.sent_id);
        let ended_ns = self.ended_ns.unwrap_or_else(|| self.office.now_ns());
        self.office.change(self.sent_id, |sent| {
            (sent.settled, sent.ended_ns, sent.is_open) = (Some(settled), Some(ended_ns), false);
            // Where none was written, none is awaited.
            if sent.answer.num_persisted == 0 {
                sent.reply = None;
            }
        });
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

/// Reads all files that a draft names.
pub(super) async fn read_files(office: &Office, ask: &SendAsk) -> Result<Files, Stop> {
    if named_files(&ask.draft.request).is_empty() {
        return Ok(Files::default());
    }
    let (ask, folder) = (ask.clone(), office.config.requests.clone());
    let read = tokio::task::spawn_blocking(move || saved::files(folder.as_deref(), &named_files(&ask.draft.request)));
    let read = read.await.unwrap_or_else(|_| Err("the program itself failed".to_owned()));
    read.map_err(|reason| Stop::Mistake(Mistake::new("file", reason)))
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

/// The rows that a draft names, out of their file.
async fn read_rows(ask: &SendAsk, files: &Files) -> Result<Rows, Stop> {
    let Some((name, bytes)) = rows_file(&ask.draft.request).and_then(|name| Some((name.to_owned(), files.get(name)?.clone()))) else {
        return Ok(Rows::default());
    };
    let told = name.clone();
    let read = tokio::task::spawn_blocking(move || Rows::parse(&name, &bytes)).await.unwrap_or_else(|_| Err("the program itself failed".to_owned()));
    read.map_err(|reason| Stop::Mistake(Mistake::new("rows", format!("{told}: {reason}"))))
}

/// Name of the file with the rows of a draft; `None` = it has none.
fn rows_file(request: &Request) -> Option<&str> {
    let name = match request {
        Request::Record(record) => &record.rows,
        Request::Http(HttpDraft { repeat, .. }) | Request::Grpc(GrpcDraft { repeat, .. }) => &repeat.rows,
    };
    Some(name.as_str()).filter(|name| !name.is_empty())
}

/// The names of the files that a request is made of.
fn named_files(request: &Request) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    match request {
        Request::Http(http) => {
            match &http.body {
                Body::File(name) => names.push(name),
                Body::Multipart(parts) => names.extend(parts.iter().map(|part| part.file.as_str())),
                _ => {}
            }
            names.extend([http.tls.root_certificates.as_str(), http.tls.identity.as_str()]);
        }
        Request::Grpc(grpc) => {
            names.extend([grpc.tls.root_certificates.as_str(), grpc.tls.identity.as_str()]);
            if let SchemaFrom::DescriptorSet(name) = &grpc.schema {
                names.push(name);
            }
        }
        Request::Record(record) => {
            let payloads = [&record.key, &record.value].into_iter().chain(record.headers.iter().filter(|header| !header.off).map(|header| &header.value));
            names.extend(payloads.filter_map(|payload| if let Payload::File(name) = payload { Some(name.as_str()) } else { None }));
        }
    }
    names.extend(rows_file(request));
    names.retain(|name| !name.is_empty());
    names
}

fn tls_files(tls: &TlsDraft, files: &Files) -> Result<TlsFiles, Stop> {
    let file = |name: &str| -> Result<Option<Vec<u8>>, Stop> {
        if name.is_empty() {
            return Ok(None);
        }
        let read = files.get(name).ok_or_else(|| Stop::Mistake(Mistake::new("tls", format!("the file {name} was not read"))))?;
        Ok(Some(read.to_vec()))
    };
    Ok(TlsFiles { root_certificates: file(&tls.root_certificates)?, unchecked: tls.unchecked, identity: file(&tls.identity)?, authority: None })
}

/// How TLS is spoken with the server of a call, and what it is asked for as, also without.
pub(super) fn call_tls(planned: &PlannedCall, files: &Files) -> Result<TlsFiles, Stop> {
    Ok(TlsFiles { authority: planned.authority.clone(), ..tls_files(&planned.tls, files)? })
}

/// The secret that a draft names, if the profile has it and lets it go to this server; `None` = it names none. It is not fetched.
fn secret<'a>(office: &'a Office, auth: &Auth, origin: &Origin) -> Result<Option<&'a NamedSecret>, Stop> {
    let Some(name) = auth.secret() else { return Ok(None) };
    let mistake = |reason: String| Stop::Mistake(Mistake::new("auth", reason));
    let known = office.config.secrets.iter().find(|secret| secret.name == name);
    let known = known.ok_or_else(|| mistake(format!("the profile has no secret called `{name}`: add a [[secrets]] table with name, server and from")))?;
    let bound = Origin::parse(&known.server).map_err(|error| mistake(error.to_string()))?.0;
    if bound != *origin {
        return Err(mistake(format!("the secret `{name}` goes to {bound} alone, as the profile says; this request goes to {origin}")));
    }
    Ok(Some(known))
}

/// Puts the credential that a draft names among headers. It goes to the server that the profile binds it to, and to no other.
pub(super) async fn authorise(office: &Office, auth: &Auth, origin: &Origin, headers: &mut HeaderMap) -> Result<(), Stop> {
    let Some(known) = secret(office, auth, origin)? else { return Ok(()) };
    let mistake = |reason: String| Stop::Mistake(Mistake::new("auth", reason));
    let name = &known.name;
    let secret = known.from.fetch(&format!("the secret {name}")).await.map_err(|error| mistake(error.to_string()))?;
    let (header, value) = match auth {
        Auth::None => return Ok(()),
        Auth::Bearer { .. } => (AUTHORIZATION, format!("Bearer {secret}")),
        Auth::Basic { user, .. } => (AUTHORIZATION, format!("Basic {}", base64(format!("{user}:{secret}").as_bytes()))),
        Auth::ApiKey { header, .. } => {
            let header =
                HeaderName::from_bytes(header.as_bytes()).map_err(|_| mistake("the API key's header has no name that a header can have".to_owned()))?;
            (header, secret)
        }
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| mistake(format!("the secret `{name}` holds a character that no header can hold")))?;
    value.set_sensitive(true);
    headers.insert(header, value);
    Ok(())
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// What a call's method takes and gives: as it is known already, from files, or as the server tells.
pub(super) async fn schema(office: &Office, plan: &Plan, files: &Files, wanted: &SchemaWanted<'_>) -> Result<Arc<dyn MethodSchema>, Stop> {
    let Planned::Grpc(planned) = &plan.what else { return Err(Stop::refused("this is no call")) };
    let types = boxed_types(&planned.messages);
    if let Some(SchemaBoard::Known(schema)) = wanted.known.and_then(|key| office.board.lock().schemas.get(key).cloned())
        && (planned.schema != SchemaFrom::Reflection || types.iter().all(|name| schema.knows(name)))
    {
        return Ok(schema);
    }
    let wrong = |reason: String| Stop::Mistake(Mistake::new("schema", reason));
    let named = match &planned.schema {
        SchemaFrom::Reflection => return reflected(office, plan, files, types, wanted).await,
        SchemaFrom::Protos { files, roots } => {
            let folder = office.config.requests.clone().ok_or_else(|| wrong("these requests lie in no folder. Save the request first".to_owned()))?;
            let (files, roots) = proto_files(&folder, files, roots).map_err(wrong)?;
            SchemaFiles::Protos(files, roots)
        }
        SchemaFrom::DescriptorSet(name) => SchemaFiles::DescriptorSet(files.get(name).cloned().ok_or_else(|| wrong("name the file".to_owned()))?),
    };
    wanted.wait(plan, "the files were read that tell what its method takes", read_schema(office, named)).await
}

/// Files in protobuf's language and the folders in which imports are looked for, below the folder of requests. A file is named from that folder on, or
/// from a folder for imports on, as others import it and as `protoc` has it.
fn proto_files(folder: &Path, files: &[String], roots: &[String]) -> Result<(Vec<PathBuf>, Vec<PathBuf>), String> {
    let named = |names: &[String]| names.iter().filter(|name| !name.trim().is_empty()).cloned().collect::<Vec<_>>();
    let (files, roots) = (named(files), named(roots));
    if files.is_empty() {
        return Err("name the file".to_owned());
    }
    let file = |name: &String| {
        let path = saved::inside(folder, name)?;
        let below_roots = roots.iter().filter_map(|root| saved::inside(folder, &format!("{}/{name}", root.trim_end_matches('/'))).ok());
        let is_there = |path: &PathBuf| path.is_file();
        Ok::<_, String>(if is_there(&path) { path } else { below_roots.into_iter().find(is_there).unwrap_or(path) })
    };
    let files = files.iter().map(file).collect::<Result<Vec<_>, String>>()?;
    let mut roots = roots.iter().map(|root| saved::inside(folder, root)).collect::<Result<Vec<_>, String>>()?;
    if roots.is_empty() {
        roots.push(folder.to_owned());
    }
    Ok((files, roots))
}

async fn read_schema(office: &Office, files: SchemaFiles) -> Result<Arc<dyn MethodSchema>, Stop> {
    let servers = Arc::clone(&office.config.servers);
    let read = tokio::task::spawn_blocking(move || servers.schema_of(files)).await.unwrap_or_else(|_| Err("the program itself failed".to_owned()));
    read.map_err(|reason| Stop::Mistake(Mistake::new("schema", reason)))
}
