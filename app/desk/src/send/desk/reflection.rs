//! What methods take, as their server tells it by reflection: a call as any other. It goes where there is leave, stands in the ledger before it does, and
//! what became of it is written after. A call whose schema is known asks nobody.

use std::convert::Infallible;
use std::sync::Arc;

use http::HeaderMap;
use switchboard_model::{CallNews, FailureKind, OperationFailure, Outcome, Receipt, Target};
use tokio::time::Instant;

use super::leave::Way;
use super::live::Live;
use super::named::{authorise, call_tls, read_files, schema};
use super::request::given_up;
use super::sending::{Stop, in_time, make_plan, random, send_name, server, settle_call};
use super::{Asked, Office, Then};
use crate::ledger::{ComposedIntent, Ledger, LedgerError, NewRun, RunId, SendId};
use crate::operations::Teller;
use crate::send::access::{MethodSchema, TlsFiles};
use crate::send::board::{Asking, SchemaBoard, SchemaKey};
use crate::send::command::SendAsk;
use crate::send::draft::{Draft, GrpcDraft, Request, SchemaFrom};
use crate::send::plan::{Files, Mistake, Plan, Planned};
use crate::send::rows::Rows;

/// As which call it stands in the ledger, also where the server knows no version but v1alpha.
const METHOD: &str = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
/// What is waited for before a call can be made.
const TOLD: &str = "the server had told what its methods take (reflection)";

/// For what it is asked what methods take.
pub(super) struct SchemaWanted<'a> {
    /// The way to the server, for which there is leave.
    pub way: &'a Way,
    /// Under which name it may be known already; `None` = it is asked again in any case.
    pub known: Option<&'a SchemaKey>,
    /// When the call began for which it is asked: it is within its deadline. `None` = it is asked for by itself.
    pub begun: Option<Instant>,
    /// Tells when it is to be given up.
    pub teller: &'a Teller<()>,
}

impl SchemaWanted<'_> {
    /// Waits for something that is needed, as long as the call has and nobody gives it up.
    pub(super) async fn wait<T>(&self, plan: &Plan, what: &str, work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
        let bounded = async {
            match self.begun {
                Some(begun) => in_time(plan, begun, what, work).await,
                None => work.await,
            }
        };
        tokio::select! {
            biased;
            () = self.teller.cancelled() => Err(stopped()),
            done = bounded => done,
        }
    }
}

fn stopped() -> Stop {
    Stop::Refused(FailureKind::Limit, "it was stopped; ask again".to_owned())
}

fn unwritten(error: &LedgerError) -> Stop {
    Stop::Refused(FailureKind::Internal, error.to_string())
}

/// A question what methods take: of whom it is asked, for which types besides, and how.
pub(super) struct Inquiry {
    /// For which there is leave.
    pub way: Way,
    pub metadata: HeaderMap,
    pub types: Vec<String>,
    pub tls: TlsFiles,
}

/// Asks the server, and for these types besides.
pub(super) async fn reflected(
    office: &Office,
    plan: &Plan,
    files: &Files,
    types: Vec<String>,
    wanted: &SchemaWanted<'_>,
) -> Result<Arc<dyn MethodSchema>, Stop> {
    let Planned::Grpc(planned) = &plan.what else { return Err(Stop::refused("this is no call")) };
    let mut metadata = planned.call.metadata.clone();
    // It is no part of what is being debugged.
    metadata.remove("traceparent");
    let tls = call_tls(planned, files)?;
    wanted.wait(plan, "its credential was fetched", authorise(office, &planned.auth, &planned.call.authority, &mut metadata)).await?;
    let ledger = office.config.ledger.open().await.map_err(|error| unwritten(&error))?;
    let over = async {
        match wanted.wait(plan, TOLD, std::future::pending::<Result<Infallible, Stop>>()).await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    };
    inquire(office, &ledger, Inquiry { way: wanted.way.clone(), metadata, types, tls }, wanted.teller, over).await
}

/// Asks because of what an answer holds, until then: an error says in words why it is not known.
pub(super) async fn asked_again(office: &Office, ledger: &Ledger, inquiry: Inquiry, by: Instant, teller: &Teller<()>) -> Result<Arc<dyn MethodSchema>, String> {
    let over = async {
        tokio::select! {
            biased;
            () = teller.cancelled() => stopped(),
            () = tokio::time::sleep_until(by) => Stop::Refused(FailureKind::Limit, "the server did not tell it in time".to_owned()),
        }
    };
    inquire(office, ledger, inquiry, teller, over).await.map_err(|stop| match stop {
        Stop::Mistake(untold) => format!("the server does not tell it: {}", untold.reason),
        other => other.reason(),
    })
}

/// Asks, with a line in the ledger before and after. `over` ends where it is waited for no longer, and says why.
async fn inquire(
    office: &Office,
    ledger: &Ledger,
    inquiry: Inquiry,
    teller: &Teller<()>,
    over: impl Future<Output = Stop>,
) -> Result<Arc<dyn MethodSchema>, Stop> {
    let Inquiry { way, metadata, types, tls } = inquiry;
    let Way::Server(server) = &way else { return Err(Stop::refused("this is no call")) };
    let ids = intend(office, ledger, &way, &types).await?;
    let live = Live::default();
    let tell = {
        let live = live.clone();
        Box::new(move |news| {
            if let CallNews::Leaves = news {
                live.leaves();
            }
        })
    };
    let asking = office.config.servers.reflect(server.clone(), metadata, types, tls, tell);
    let (outcome, told) = tokio::select! {
        biased;
        stop = over => {
            let outcome = match stop.reason() {
                _ if teller.is_cancelled() => given_up(&live),
                reason if live.has_left() => Outcome::Possibly(reason),
                reason => Outcome::NotDone(reason),
            };
            (outcome, Err(stop))
        }
        told = asking => match told {
            Ok(schema) => (Outcome::Done(Receipt::Called(0)), Ok(schema)),
            Err(untold) => (untold.outcome, Err(Stop::Mistake(Mistake::new("schema", untold.reason)))),
        },
    };
    settle_call(office, ledger, ids, outcome).await?;
    told
}

/// Writes down that a server is about to be asked: nothing goes where that fails.
async fn intend(office: &Office, ledger: &Ledger, way: &Way, types: &[String]) -> Result<(RunId, SendId), Stop> {
    let config = &office.config;
    let (send_name, at_ns) = (send_name()?, office.now_ns());
    let parts: Vec<Option<&[u8]>> = std::iter::once(METHOD).chain(types.iter().map(String::as_str)).map(|part| Some(part.as_bytes())).collect();
    let run = NewRun {
        replay_id: send_name.clone(),
        profile: config.profile.clone(),
        operator: config.operator.clone(),
        cluster: way.name(),
        cluster_id: way.target_id(),
        target: way.name(),
        num_planned: 1,
        at_ns,
    };
    let intent = ComposedIntent {
        target_kind: way.kind(),
        target: way.name(),
        call: METHOD.to_owned(),
        partition: None,
        hash: format!("{:032x}", ledger.hash_key().hash_parts(&parts).0),
        size_bytes: types.iter().map(|name| name.len() as u64).sum(),
        send_name,
        at_ns,
    };
    ledger.begin_call(run, intent).await.map_err(|error| unwritten(&error))
}

/// Finds out what methods take because somebody asked for that, and shows it. Where files tell, nobody is asked; where there is no leave to ask, that has a
/// line in the ledger, and leave can be given as for a call.
pub(super) async fn describe(office: Arc<Office>, ask: SendAsk, teller: Teller<()>) -> Result<(), OperationFailure> {
    let Request::Grpc(draft) = &ask.draft.request else { return Ok(()) };
    let key = SchemaKey::of(draft);
    let (board, ended) = match described(&office, &ask, draft, &teller).await {
        Ok(schema) => (Some(SchemaBoard::Known(schema)), Ok(())),
        Err(Stop::Asks(asked)) => {
            office.asks(*asked);
            (None, Ok(()))
        }
        Err(stop) => {
            let reason = match stop {
                Stop::Mistake(mistake) => mistake.reason,
                other => other.reason(),
            };
            let failure = OperationFailure { kind: FailureKind::Peer, reason: reason.clone(), next_step: String::new() };
            (Some(SchemaBoard::Failed(reason)), Err(failure))
        }
    };
    office.update(|shown| {
        match board {
            Some(board) => shown.schemas.insert(key, board),
            None => shown.schemas.remove(&key),
        };
    });
    ended
}

async fn described(office: &Office, ask: &SendAsk, draft: &GrpcDraft, teller: &Teller<()>) -> Result<Arc<dyn MethodSchema>, Stop> {
    // What is asked is what can be called, so nothing is yet.
    let asked = GrpcDraft { method: METHOD.to_owned(), messages: Vec::new(), ..draft.clone() };
    let asking = SendAsk { draft: Arc::new(Draft { name: String::new(), request: Request::Grpc(asked) }), ..ask.clone() };
    let making_ready = async {
        let files = read_files(office, &asking).await?;
        random().map_err(Stop::refused)?;
        let plan = make_plan(office, &asking, &office.variables(&asking), &files, &Rows::default(), 1)?;
        let Some(authority) = plan.origin().cloned() else { return Err(Stop::refused("this is no call")) };
        // Files tell it without a word to the server, whose name need not lead anywhere.
        let is_asked = draft.schema == SchemaFrom::Reflection;
        let target = Target::Authority(authority);
        let way = if is_asked { server(office, target).await? } else { crate::send::access::Server { target, addresses: Vec::new() } };
        Ok((files, plan, Way::Server(way), is_asked))
    };
    let (files, plan, way, is_asked) = tokio::select! {
        biased;
        () = teller.cancelled() => return Err(stopped()),
        ready = making_ready => ready?,
    };
    if is_asked && let Err(refused) = way.may_send(office) {
        let reason = refused.to_string();
        way.refused(office, &plan, 1, &reason).await.map_err(|error| Stop::Refused(FailureKind::Internal, error))?;
        return Err(match way.question(office, &refused) {
            Some(question) => {
                let asking = Asking { ask: ask.clone(), target: way.name(), question };
                Stop::Asks(Box::new(Asked { asking, way, then: Then::Describe }))
            }
            None => Stop::refused(reason),
        });
    }
    schema(office, &plan, &files, &SchemaWanted { way: &way, known: None, begun: None, teller }).await
}
