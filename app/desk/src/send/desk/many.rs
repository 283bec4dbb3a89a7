//! A request or a call, carried many times: at the rate that was asked for, some at once, each with a line of its own; or as a probe, again and
//! again until it is stopped.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use parking_lot::Mutex;
use switchboard_model::{FailureKind, Outcome, OutgoingCall, OutgoingRequest, Progress, TraceId};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::call::{Asker, no_such_method};
use super::leave::Way;
use super::live::{Live, SHOW_EVERY};
use super::named::{authorise, schema};
use super::records::Counts;
use super::reflection::SchemaWanted;
use super::request::given_up;
use super::sending::{OnTheBoard, Ready, Sending, Stop, send_name, way};
use super::unread::{self, ReadLater};
use super::{call, request};
use crate::ledger::{ComposedIntent, Ending, Ledger, LedgerError, RunId, SendId, Settled, Settlement};
use crate::operations::Teller;
use crate::send::access::{MethodSchema, Server, Waiting};
use crate::send::board::SchemaKey;
use crate::send::draft::{RepeatDraft, Request};
use crate::send::figures::{Counting, Ended, One};
use crate::send::plan::{Mistake, Plan, Planned};

/// Between two looks at what they came to.
const COUNT_EVERY: Duration = Duration::from_millis(200);
/// Requests of which the intents share a commit, at most, and of which the outcomes do.
const BLOCK: u64 = 500;
/// Bytes of them, about.
const BLOCK_BYTES: u64 = 8 << 20;
/// How long it is waited for that an answer is read again.
const READ_AGAIN_WITHIN: Duration = Duration::from_secs(10);

fn unwritten(error: &LedgerError) -> Stop {
    Stop::Refused(FailureKind::Internal, error.to_string())
}

impl Sending {
    pub(super) async fn carry_many(&self, ready: Ready, ledger: &Ledger, teller: &Teller<()>) -> Result<(), Stop> {
        let (Some(repeat), Way::Server(server)) = (self.ask.draft.repeat(), &ready.way) else { return Err(Stop::refused("this is a record")) };
        let made_ready = match self.credential_and_schema(&ready, teller).await {
            Err(_) if teller.is_cancelled() => return Ok(()),
            made_ready => made_ready?,
        };
        let send_name = send_name()?;
        let run_id = ledger.begin_run(self.new_run(&ready, &send_name)).await.map_err(|error| unwritten(&error))?;
        let shown = self.shows(&ready);
        let mut many = Many {
            sending: self,
            ready: &ready,
            server: server.clone(),
            ledger,
            teller,
            run_id,
            send_name,
            credential: made_ready.0,
            typed: made_ready.1.map(Typed::new),
            shown: &shown,
            begun: Instant::now(),
            counts: Counts::default(),
            counting: Counting::default(),
            settled: Vec::new(),
        };
        let went = if self.ask.is_probe { many.probe(Duration::from_secs_f64(repeat.every_s), teller).await } else { many.all(repeat, teller).await };
        if let Err(stop) = &went {
            many.counts.stop(stop);
        }
        let written = many.write_settled().await;
        many.show();
        let (ending, reason) = match &went {
            Ok(()) if teller.is_cancelled() => (Ending::Stopped, String::new()),
            Ok(()) => (Ending::Finished, String::new()),
            Err(Stop::Refused(_, reason)) => (Ending::Halted, reason.clone()),
            Err(Stop::Mistake(mistake)) => (Ending::Halted, mistake.to_string()),
            Err(Stop::Asks(_)) => (Ending::Halted, String::new()),
        };
        let settled = many.counts.settled();
        let ended = ledger.end_run(run_id, ending, &reason, self.office.now_ns()).await.map_err(|error| unwritten(&error));
        shown.settle(settled);
        went.and(written).and(ended)
    }

    /// What all of them need, fetched once.
    async fn credential_and_schema(&self, ready: &Ready, teller: &Teller<()>) -> Result<(HeaderMap, Option<Arc<dyn MethodSchema>>), Stop> {
        let key = if let Request::Grpc(draft) = &self.ask.draft.request { Some(SchemaKey::of(draft)) } else { None };
        let wanted = SchemaWanted { way: &ready.way, known: key.as_ref(), begun: Some(ready.begun), teller };
        let mut credential = HeaderMap::new();
        if let Some(origin) = ready.plan.origin() {
            let fetched = authorise(&self.office, ready.plan.auth(), origin, &mut credential);
            wanted.wait(&ready.plan, "its credential was fetched", fetched).await?;
        }
        if key.is_none() {
            return Ok((credential, None));
        }
        let schema = schema(&self.office, &ready.plan, &ready.files, &wanted).await?;
        Ok((credential, Some(schema)))
    }
}

/// One that is ready to go.
struct Load {
    what: Laden,
    hash: String,
    size_bytes: u64,
    trace_id: Option<TraceId>,
    correlation_id: Option<String>,
}

enum Laden {
    Http(OutgoingRequest, Duration),
    Grpc(OutgoingCall, Vec<Bytes>, Arc<dyn MethodSchema>),
}

/// What tells of the types of messages.
struct Typed {
    known: Arc<Mutex<Arc<dyn MethodSchema>>>,
    /// Whether an answer held what is not known: the server is asked because of one, and not because of each.
    has_asked: Arc<AtomicBool>,
    /// Reads that one again.
    reading: JoinSet<()>,
}

impl Typed {
    fn new(schema: Arc<dyn MethodSchema>) -> Self {
        Self { known: Arc::new(Mutex::new(schema)), has_asked: Arc::default(), reading: JoinSet::new() }
    }

    /// What is known by now.
    fn schema(&self) -> Arc<dyn MethodSchema> {
        Arc::clone(&self.known.lock())
    }
}

/// One that is on its way.
struct Flying {
    live: Live,
    at_ns: i64,
    trace_id: Option<TraceId>,
}

/// How one landed: which, what became of it, and how long it took.
type Landed = (SendId, Outcome, Duration);

/// Many on their way.
struct Many<'a> {
    /// What tells of the types of messages; one answer is read again, and what is learnt of it is so for all after it.
    typed: Option<Typed>,
    sending: &'a Sending,
    ready: &'a Ready,
    server: Server,
    ledger: &'a Ledger,
    teller: &'a Teller<()>,
    run_id: RunId,
    send_name: String,
    credential: HeaderMap,
    shown: &'a OnTheBoard,
    begun: Instant,
    counts: Counts,
    counting: Counting,
    /// What became of those that ended, as long as that is not written down.
    settled: Vec<(SendId, Settlement)>,
}

impl Many<'_> {
    /// Sends all of them, at most so many at once, until it is told to stop.
    async fn all(&mut self, repeat: &RepeatDraft, teller: &Teller<()>) -> Result<(), Stop> {
        let num = self.ready.num;
        // A block is what goes in half a second, so that little was written down that is not sent where it stops.
        let block = u64::from(repeat.rate_per_s / 2).min(BLOCK).min(BLOCK_BYTES / self.ready.plan.size_bytes().max(1)).max(1);
        let step = Duration::from_secs(1) / repeat.rate_per_s.max(1);
        let (mut planned, mut due) = (0, Instant::now());
        let mut waiting: VecDeque<(SendId, Load)> = VecDeque::new();
        let mut flying: BTreeMap<SendId, Flying> = BTreeMap::new();
        let mut tasks: JoinSet<Landed> = JoinSet::new();
        let (mut looks, mut counts) = (tokio::time::interval(SHOW_EVERY), tokio::time::interval(COUNT_EVERY));
        let mut went = Ok(());
        while !teller.is_cancelled() {
            if waiting.is_empty() && planned < num && went.is_ok() {
                match self.intend(planned + 1..=(planned + block).min(num)).await {
                    Ok(loads) => {
                        planned += loads.len() as u64;
                        waiting = loads.into();
                    }
                    // Nothing more goes; what is on its way is waited for.
                    Err(stop) => went = Err(stop),
                }
            }
            if waiting.is_empty() && flying.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                () = teller.cancelled() => break,
                Some(landed) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Ok((send_id, outcome, took)) = landed
                        && let Some(one) = flying.remove(&send_id)
                    {
                        self.land(send_id, &one, outcome, took);
                    }
                }
                () = tokio::time::sleep_until(due), if !waiting.is_empty() && flying.len() < repeat.at_once as usize => {
                    if let Some((send_id, load)) = waiting.pop_front() {
                        let is_shown = self.counting.num() == 0 && flying.is_empty();
                        let live = if is_shown { self.shown.live.clone() } else { Live::default() };
                        flying.insert(send_id, self.launch(send_id, load, (live, is_shown), &mut tasks));
                        // What could not go in time is not made good by a burst.
                        due = (due + step).max(Instant::now());
                    }
                }
                _ = looks.tick() => self.shown.look(),
                _ = counts.tick() => {
                    self.show();
                    teller.progress(Progress { done: self.counting.num(), total: Some(num), unit: "requests" });
                    self.write_settled().await?;
                }
            }
        }
        tasks.shutdown().await;
        for (send_id, one) in std::mem::take(&mut flying) {
            let took = Duration::from_nanos((self.sending.office.now_ns() - one.at_ns).max(0) as u64);
            let outcome = given_up(&one.live);
            self.land(send_id, &one, outcome, took);
        }
        for (send_id, _) in waiting {
            self.settle(send_id, Outcome::NotDone("cancelled before it was sent".to_owned()));
        }
        let written = self.write_settled().await;
        self.read_again(teller).await;
        went.and(written)
    }

    /// Sends one after another, each once in so long, until it is told to stop.
    async fn probe(&mut self, every: Duration, teller: &Teller<()>) -> Result<(), Stop> {
        let office = Arc::clone(&self.sending.office);
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut copy = 0;
        loop {
            tokio::select! {
                biased;
                () = teller.cancelled() => return Ok(()),
                _ = ticks.tick() => {}
            }
            copy += 1;
            let looked_up = tokio::select! {
                biased;
                () = teller.cancelled() => return Ok(()),
                looked_up = way(&office, &self.ready.plan) => looked_up,
            };
            match looked_up {
                Ok(Way::Server(server)) if server.is_loopback() == self.server.is_loopback() => self.server = server,
                Ok(_) => return Err(Stop::refused(format!("{} leads elsewhere now, so it is probed no longer", self.ready.way.name()))),
                Err(Stop::Refused(_, why)) => {
                    // Nothing was sent, so there is no line of it.
                    self.counting.count(One { at_ns: office.now_ns(), took: Duration::ZERO, ended: Ended::NotSent, why, trace_id: None });
                    self.show();
                    continue;
                }
                Err(stop) => return Err(stop),
            }
            if let Err(refused) = self.ready.way.may_send(&office) {
                return Err(Stop::refused(refused.to_string()));
            }
            let mut loads = self.intend(copy..=copy).await?;
            let Some((send_id, load)) = loads.pop() else { continue };
            let (live, mut tasks) = (Live::default(), JoinSet::new());
            let (trace_id, correlation_id) = (load.trace_id, load.correlation_id.clone());
            let one = self.launch(send_id, load, (live.clone(), true), &mut tasks);
            let landed = tokio::select! {
                biased;
                () = teller.cancelled() => None,
                landed = tasks.join_next() => landed.and_then(Result::ok),
            };
            tasks.shutdown().await;
            let (outcome, took) = landed.map_or_else(|| (given_up(&live), Duration::ZERO), |(_, outcome, took)| (outcome, took));
            self.land(send_id, &one, outcome, took);
            self.write_settled().await?;
            self.read_again(teller).await;
            self.show();
            // The answer is that of the last one, and after what is shown of all.
            live.show(&office, self.sending.sent_id);
            office.change(self.sending.sent_id, |sent| (sent.trace_id, sent.correlation_id) = (trace_id, correlation_id));
        }
    }

    /// Plans these, or as many of the first of them as are of so many bytes, and writes down that they are about to go.
    async fn intend(&self, copies: std::ops::RangeInclusive<u64>) -> Result<Vec<(SendId, Load)>, Stop> {
        let at_ns = self.sending.office.now_ns();
        let first = *copies.start();
        let (mut loads, mut num_bytes) = (Vec::new(), 0);
        for copy in copies {
            let load = self.load(copy)?;
            num_bytes += load.size_bytes;
            loads.push(load);
            if num_bytes >= BLOCK_BYTES {
                break;
            }
        }
        let intent = |(index, load): (usize, &Load)| ComposedIntent {
            target_kind: self.ready.way.kind(),
            target: self.ready.way.name(),
            call: self.ready.plan.call(),
            partition: None,
            hash: load.hash.clone(),
            size_bytes: load.size_bytes,
            send_name: format!("{}.{}", self.send_name, first + index as u64),
            at_ns,
        };
        let intents = loads.iter().enumerate().map(intent).collect();
        let send_ids = self.ledger.intend_composed(self.run_id, intents).await.map_err(|error| unwritten(&error))?;
        Ok(send_ids.into_iter().zip(loads).collect())
    }

    /// One of them, with its credential; it goes where the first one goes.
    fn load(&self, copy: u64) -> Result<Load, Stop> {
        // The first is the one that was planned: what it carries stands on the board.
        let plan = if copy == 1 { self.ready.plan.clone() } else { self.sending.plan(&self.ready.files, &self.ready.rows, copy)? };
        if plan.origin() != self.ready.plan.origin() {
            return Err(Stop::Mistake(Mistake::new("url", format!("number {copy} would go to another server than the first; send it by itself"))));
        }
        let size_bytes = plan.size_bytes();
        let Plan { what, trace_id, correlation_id } = plan;
        let key = self.ledger.hash_key();
        let (what, hash) = match what {
            Planned::Http(planned) => {
                let mut request = planned.request;
                let parts = [request.method.as_str().as_bytes(), request.path.as_str().as_bytes(), &request.body];
                let hash = key.hash_parts(&parts.map(Some));
                self.authorise(&mut request.headers);
                (Laden::Http(request, Duration::from_secs_f64(planned.timeout_s)), hash)
            }
            Planned::Grpc(planned) => {
                let Some(schema) = self.typed.as_ref().map(Typed::schema) else { return Err(Stop::refused("what the method takes is not known")) };
                let method = planned.call.method.path().trim_start_matches('/').to_owned();
                let encode = |message: &String| schema.encode(&method, message).map_err(|error| Stop::Mistake(Mistake::new("messages", error)));
                let messages = planned.messages.iter().map(encode).collect::<Result<Vec<Bytes>, Stop>>()?;
                let known = schema.methods().iter().find(|known| known.path() == method);
                let known = known.ok_or_else(|| Stop::Mistake(no_such_method(&*schema, &planned.schema, &method)))?;
                if !known.client_streaming && messages.len() != 1 {
                    return Err(Stop::Mistake(Mistake::new("messages", format!("{method} takes one message; there are {}", messages.len()))));
                }
                let parts: Vec<Option<&[u8]>> = std::iter::once(method.as_bytes()).chain(messages.iter().map(|message| &message[..])).map(Some).collect();
                let hash = key.hash_parts(&parts);
                let mut call = planned.call;
                self.authorise(&mut call.metadata);
                (Laden::Grpc(call, messages, schema), hash)
            }
            Planned::Record(_) => return Err(Stop::refused("this is a record")),
        };
        Ok(Load { what, hash: format!("{:032x}", hash.0), size_bytes, trace_id, correlation_id })
    }

    fn authorise(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.credential {
            headers.insert(name, value.clone());
        }
    }

    /// Sends one; its time is taken where it runs, whatever the ledger does meanwhile. `is_shown`: whether somebody sees its answer.
    fn launch(&mut self, send_id: SendId, load: Load, (live, is_shown): (Live, bool), tasks: &mut JoinSet<Landed>) -> Flying {
        let later = if is_shown { self.reads_later(&load.what, &live) } else { None };
        let answering = self.answering(load.what, &live, later);
        tasks.spawn(async move {
            let begun = Instant::now();
            let outcome = answering.await;
            (send_id, outcome, begun.elapsed())
        });
        Flying { live, at_ns: self.sending.office.now_ns(), trace_id: load.trace_id }
    }

    /// Takes what an answer holds of types that are not known, where it is the first that does.
    fn reads_later(&mut self, what: &Laden, live: &Live) -> Option<ReadLater> {
        let (Laden::Grpc(outgoing, _, schema), Some(typed)) = (what, &mut self.typed) else { return None };
        let (Planned::Grpc(planned), Request::Grpc(draft)) = (&self.ready.plan.what, &self.sending.ask.draft.request) else { return None };
        if typed.has_asked.load(Ordering::SeqCst) {
            return None;
        }
        let method = outgoing.method.path().trim_start_matches('/').to_owned();
        let by = Instant::now() + outgoing.deadline.unwrap_or(READ_AGAIN_WITHIN);
        let way = Way::Server(self.server.clone());
        let asker = Asker { sending: self.sending, ready: self.ready, way, planned, metadata: &outgoing.metadata, ledger: self.ledger, teller: self.teller };
        let mut rereading = asker.rereading(by, SchemaKey::of(draft), (live.clone(), method, Arc::clone(schema)));
        let (known, learnt) = (Arc::clone(&typed.known), rereading.learnt);
        rereading.learnt = Box::new(move |schema| {
            *known.lock() = Arc::clone(&schema);
            learnt(schema);
        });
        let ((later, mut first), (again, unread)) = (unread::queue(), unread::queue());
        let has_asked = Arc::clone(&typed.has_asked);
        typed.reading.spawn(async move {
            let passing = async move {
                while let Some(one) = first.recv().await {
                    has_asked.store(true, Ordering::SeqCst);
                    if again.send(one).await.is_err() {
                        break;
                    }
                }
            };
            tokio::join!(rereading.run(unread), passing);
        });
        Some(later)
    }

    /// Waits until what an answer holds is read again, which is over at once where all of it is known.
    async fn read_again(&mut self, teller: &Teller<()>) {
        let Some(typed) = &mut self.typed else { return };
        let read = async { while typed.reading.join_next().await.is_some() {} };
        tokio::select! {
            biased;
            () = unread::given_up(teller) => {}
            _ = tokio::time::timeout(READ_AGAIN_WITHIN, read) => {}
        }
        typed.reading.abort_all();
    }

    fn answering(&self, what: Laden, live: &Live, later: Option<ReadLater>) -> Waiting<Outcome> {
        let office = Arc::clone(&self.sending.office);
        let (server, tls, live) = (self.server.clone(), self.ready.tls.clone(), live.clone());
        match what {
            Laden::Http(outgoing, timeout) => {
                office.config.servers.request(server, outgoing, tls, timeout, None, Box::new(move |news| request::told(&live, news)))
            }
            Laden::Grpc(outgoing, messages, schema) => {
                let method = outgoing.method.path().trim_start_matches('/').to_owned();
                let (sender, receiver) = mpsc::channel(messages.len().max(1));
                for message in messages {
                    // There is room for all of them.
                    let _ = sender.try_send(message);
                }
                let told = Arc::clone(&office);
                office.config.servers.call(
                    server,
                    outgoing,
                    tls,
                    receiver,
                    None,
                    Box::new(move |news| call::told(&live, &told, (&*schema, &method), later.as_ref(), news)),
                )
            }
        }
    }

    fn land(&mut self, send_id: SendId, one: &Flying, outcome: Outcome, took: Duration) {
        let why = match &outcome {
            Outcome::Done(_) => String::new(),
            Outcome::NotDone(why) | Outcome::Possibly(why) => why.clone(),
        };
        self.counting.count(One { at_ns: one.at_ns, took, ended: Ended::of(&outcome), why, trace_id: one.trace_id });
        self.settle(send_id, outcome);
    }

    fn settle(&mut self, send_id: SendId, outcome: Outcome) {
        self.counts.count(&outcome);
        self.settled.push((send_id, Settlement { settled: Settled::Tried(outcome), at_ns: self.sending.office.now_ns() }));
    }

    async fn write_settled(&mut self) -> Result<(), Stop> {
        let settled = std::mem::take(&mut self.settled);
        if settled.is_empty() {
            return Ok(());
        }
        self.ledger.settle_composed(settled).await.map_err(|error| {
            self.counts.unwritten(&error);
            unwritten(&error)
        })
    }

    fn show(&self) {
        self.shown.look();
        let figures = Arc::new(self.counting.figures(self.begun.elapsed()));
        self.sending.office.change(self.sending.sent_id, |sent| {
            if sent.figures.as_ref().is_none_or(|shown| shown.num != figures.num) {
                sent.figures = Some(figures);
            }
        });
    }
}
