//! A gRPC call, carried: its messages are encoded before anything is sent, and decoded as they come.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::maybe_done;
use http::HeaderMap;
use switchboard_model::CallNews;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::boxed::boxed_types;
use super::leave::Way;
use super::live::Live;
use super::named::{authorise, schema};
use super::reflection::{Inquiry, SchemaWanted, asked_again};
use super::request::{carried, ended};
use super::sending::{Ready, Sending, Stop, send_name, settle_call};
use super::unread::{self, Asked, Asking, ReadLater, Rereading, details_later, show_message};
use super::{Office, OpenStream};
use crate::ledger::Ledger;
use crate::operations::Teller;
use crate::send::access::{AsRead, MethodSchema, Tell};
use crate::send::board::{SchemaBoard, SchemaKey, Status};
use crate::send::draft::{DEFAULT_TIMEOUT_S, Request, SchemaFrom};
use crate::send::plan::{Mistake, Planned, PlannedCall};

/// Messages that wait to be taken by the server.
const MAX_WAITING: usize = 64;
/// How long a call without a deadline has until what it said is read no longer.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// How long a stream stays open that is written into by hand.
const BY_HAND_WITHIN: Duration = Duration::from_hours(1);
/// How long the server has to tell of what its answer holds, each time it is asked.
const TELLS_WITHIN: Duration = Duration::from_secs(5);
/// How long what it said last may still be read after that.
const READ_LAST_WITHIN: Duration = Duration::from_secs(1);

/// How long a call may take: one that somebody writes into is not cut off after what is right for those that are answered by themselves, unless
/// another deadline was written for it.
fn deadline(planned: Option<Duration>, stays_open: bool) -> Option<Duration> {
    let is_default = planned == Some(Duration::from_secs_f64(DEFAULT_TIMEOUT_S));
    if stays_open && is_default { Some(BY_HAND_WITHIN) } else { planned }
}

impl Sending {
    pub(super) async fn carry_call(&self, ready: Ready, ledger: &Ledger, teller: &Teller<()>) -> Result<(), Stop> {
        let (Planned::Grpc(planned), Way::Server(server), Request::Grpc(draft)) = (&ready.plan.what, &ready.way, &self.ask.draft.request) else {
            return Err(Stop::refused("this is no call"));
        };
        let key = SchemaKey::of(draft);
        let wanted = SchemaWanted { way: &ready.way, known: Some(&key), begun: Some(ready.begun), teller };
        let schema = match schema(&self.office, &ready.plan, &ready.files, &wanted).await {
            Err(_) if teller.is_cancelled() => return Ok(()),
            schema => schema?,
        };
        let method = planned.call.method.path().trim_start_matches('/').to_owned();
        let known = schema.methods().iter().find(|known| known.path() == method);
        let known = known.ok_or_else(|| Stop::Mistake(no_such_method(&*schema, &planned.schema, &method)))?;
        if !known.client_streaming && planned.messages.len() != 1 {
            return Err(Stop::Mistake(Mistake::new("messages", format!("{method} takes one message; there are {}", planned.messages.len()))));
        }
        let stays_open = self.ask.by_hand && known.client_streaming;
        let encode = |message: &String| schema.encode(&method, message).map_err(|error| Stop::Mistake(Mistake::new("messages", error)));
        let messages = planned.messages.iter().map(encode).collect::<Result<Vec<Bytes>, Stop>>()?;
        let parts: Vec<Option<&[u8]>> = std::iter::once(method.as_bytes()).chain(messages.iter().map(|message| &message[..])).map(Some).collect();
        let hash = format!("{:032x}", ledger.hash_key().hash_parts(&parts).0);
        let mut call = planned.call.clone();
        call.deadline = deadline(call.deadline, stays_open);
        let authority = call.authority.clone();
        let fetched = authorise(&self.office, &planned.auth, &authority, &mut call.metadata);
        match wanted.wait(&ready.plan, "its credential was fetched", fetched).await {
            Err(_) if teller.is_cancelled() => return Ok(()),
            fetched => fetched?,
        }
        let ids = self.intend_call(&ready, ledger, send_name()?, hash).await?;
        let mut shown = self.shows(&ready);
        let live = shown.live.clone();
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        if stays_open {
            let stream = OpenStream { messages: sender.clone(), method: method.clone(), schema: Arc::clone(&schema), live: live.clone() };
            shown.opens(stream);
        }
        let writing = write(messages, planned.messages.clone(), sender, live.clone(), Arc::clone(&self.office));
        let (later, unread) = unread::queue();
        let by = ready.begun + planned.call.deadline.unwrap_or(READ_WITHIN);
        let asker = Asker { sending: self, ready: &ready, way: ready.way.clone(), planned, metadata: &call.metadata, ledger, teller };
        let rereading = asker.rereading(by, key, (live.clone(), method.clone(), Arc::clone(&schema)));
        // What it is told last is still read.
        let reads_until = by + READ_LAST_WITHIN;
        // What fails of it is not the call's.
        let mut reading = std::pin::pin!(maybe_done(AssertUnwindSafe(rereading.run(unread)).catch_unwind()));
        let tell: Tell<CallNews> = {
            let (live, office) = (live.clone(), Arc::clone(&self.office));
            Box::new(move |news| told(&live, &office, (&*schema, &method), Some(&later), news))
        };
        call.spent = ready.begun.elapsed();
        let mut answering = self.office.config.servers.call(server.clone(), call, ready.tls.clone(), receiver, None, tell);
        let all = Box::pin(async {
            tokio::select! {
                biased;
                // What is there to be written goes with the call's beginning.
                () = async { tokio::join!(writing, reading.as_mut()); } => answering.await,
                outcome = &mut answering => outcome,
            }
        });
        let outcome = carried(all, &live, teller, || shown.look()).await;
        // The answer need not wait for the disk.
        shown.ends_now();
        let settled = settle_call(&self.office, ledger, ids, outcome).await;
        shown.became(&settled);
        // Nothing more is told of the call; what it said may still be read again, in the time that is left to it.
        tokio::select! {
            biased;
            () = unread::given_up(teller) => {}
            _ = tokio::time::timeout_at(reads_until, reading) => {}
        }
        ended(shown, settled)
    }
}

/// Who asks a server again, for what its answer holds: by the way and the leave of the call.
pub(super) struct Asker<'a> {
    pub sending: &'a Sending,
    pub ready: &'a Ready,
    /// That of the call, which is looked up anew for each of a probe.
    pub way: Way,
    pub planned: &'a PlannedCall,
    /// That of the call.
    pub metadata: &'a HeaderMap,
    pub ledger: &'a Ledger,
    pub teller: &'a Teller<()>,
}

impl Asker<'_> {
    /// What reads again what the schema does not know yet, and asks for it until then.
    pub(super) fn rereading(&self, by: Instant, key: SchemaKey, (live, method, schema): (Live, String, Arc<dyn MethodSchema>)) -> Rereading {
        let office = Arc::clone(&self.sending.office);
        let learnt = move |schema: Arc<dyn MethodSchema>| {
            office.update(|board| {
                if let Some(known @ SchemaBoard::Known(_)) = board.schemas.get_mut(&key) {
                    *known = SchemaBoard::Known(Arc::clone(&schema));
                }
            });
        };
        let asking = (self.planned.schema == SchemaFrom::Reflection).then(|| self.asking(by));
        Rereading { live, method, schema, asking, learnt: Box::new(learnt) }
    }

    fn asking(&self, by: Instant) -> Asking {
        let mut metadata = self.metadata.clone();
        // It is no part of what is being debugged.
        metadata.remove("traceparent");
        let (office, ledger, teller) = (Arc::clone(&self.sending.office), self.ledger.clone(), self.teller.clone());
        let (way, tls) = (self.way.clone(), self.ready.tls.clone());
        let ask = move |types| -> Asked {
            let inquiry = Inquiry { way: way.clone(), metadata: metadata.clone(), types, tls: tls.clone() };
            let (office, ledger, teller, by) = (Arc::clone(&office), ledger.clone(), teller.clone(), by.min(Instant::now() + TELLS_WITHIN));
            // By itself: what became of it is written down, also where nobody waits for it any longer.
            let asked = tokio::spawn(async move { asked_again(&office, &ledger, inquiry, by, &teller).await });
            Box::pin(async move { asked.await.unwrap_or_else(|_| Err("the program itself failed".to_owned())) })
        };
        Asking { types: boxed_types(&self.planned.messages), ask: Box::new(ask) }
    }
}

/// That a method is not among those that are known, and what of the schema could not be read: it may be there.
pub(super) fn no_such_method(schema: &dyn MethodSchema, from: &SchemaFrom, method: &str) -> Mistake {
    let who = if *from == SchemaFrom::Reflection { "the server tells" } else { "the schema knows" };
    let left_out = match schema.notes() {
        [] => String::new(),
        [only] => format!(". Part of the schema could not be read: {only}"),
        [first, rest @ ..] => format!(". {} parts of the schema could not be read, the first: {first}", rest.len() + 1),
    };
    Mistake::new("method", format!("{who} of no method {method}; choose one that it tells of{left_out}"))
}

/// Hands the messages over that were drafted; without others by hand that is the end of them.
async fn write(messages: Vec<Bytes>, texts: Vec<String>, sender: mpsc::Sender<Bytes>, live: Live, office: Arc<Office>) {
    for (message, text) in messages.into_iter().zip(texts) {
        let Ok(room) = sender.reserve().await else { return };
        // Before it goes: what is answered stands below it, however quick the answer is.
        let _ = live.message(true, text, message.len(), office.now_ns());
        room.send(message);
    }
}

/// Shows what is told of a call. `later` takes what is to be read again, where somebody does that.
pub(super) fn told(live: &Live, office: &Office, (schema, method): (&dyn MethodSchema, &str), later: Option<&ReadLater>, news: CallNews) {
    match news {
        CallNews::Took(phase, took) => live.took(phase, took),
        CallNews::Leaves => live.leaves(),
        CallNews::Headers(headers) => live.headers(&headers),
        CallNews::Message(bytes) => {
            let as_it_came = |_| AsRead { says: bytes.escape_ascii().to_string(), unknown_types: Vec::new() };
            let read = schema.decode(method, false, &bytes).unwrap_or_else(as_it_came);
            show_message(live, later, read, bytes, office.now_ns());
        }
        CallNews::Ended(end) => {
            let details = if end.details.is_empty() { AsRead::default() } else { schema.details(&end.details) };
            live.trailers(&end.trailers, details.says.clone());
            details_later(later, &details, &end.details);
            live.status(Status::Grpc { code: end.code, message: end.message });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_is_written_into_has_an_hour_unless_another_deadline_is_written() {
        let of_default = Some(Duration::from_secs(30));
        for (planned, stays_open, expected) in [
            (of_default, true, Some(BY_HAND_WITHIN)),
            (of_default, false, of_default),
            (Some(Duration::from_secs(7)), true, Some(Duration::from_secs(7))),
            (None, true, None),
        ] {
            assert_eq!(deadline(planned, stays_open), expected);
        }
    }
}
