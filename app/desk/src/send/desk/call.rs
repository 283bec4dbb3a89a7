//! A gRPC call, carried: its messages are encoded before anything is sent, and decoded as they come.

use std::sync::Arc;

use bytes::Bytes;
use switchboard_model::CallNews;
use tokio::sync::mpsc;

use super::leave::Way;
use super::live::Live;
use super::request::{carried, ended};
use super::sending::{Ready, Sending, Stop, authorise, schema, schema_key, send_name, settle_call};
use super::{Office, OpenStream};
use crate::ledger::Ledger;
use crate::operations::Teller;
use crate::send::access::{MethodSchema, Tell};
use crate::send::board::Status;
use crate::send::draft::Request;
use crate::send::plan::{Mistake, Planned};

/// Messages that wait to be taken by the server.
const MAX_WAITING: usize = 64;

impl Sending {
    pub(super) async fn carry_call(&self, ready: Ready, ledger: &Ledger, teller: &Teller<()>) -> Result<(), Stop> {
        let (Planned::Grpc(planned), Way::Server(server), Request::Grpc(draft)) = (&ready.plan.what, &ready.way, &self.ask.draft.request) else {
            return Err(Stop::refused("this is no call"));
        };
        let key = schema_key(draft);
        let schema = tokio::select! {
            biased;
            () = teller.cancelled() => return Ok(()),
            schema = schema(&self.office, &ready.plan, &ready.files, Some(&key)) => schema?,
        };
        let method = planned.call.method.path().trim_start_matches('/').to_owned();
        let known = schema.methods().iter().find(|known| known.path() == method);
        let known =
            known.ok_or_else(|| Stop::Mistake(Mistake::new("method", format!("the server tells of no method {method}; choose one that it tells of"))))?;
        if !known.client_streaming && planned.messages.len() != 1 {
            return Err(Stop::Mistake(Mistake::new("messages", format!("{method} takes one message; there are {}", planned.messages.len()))));
        }
        let stays_open = self.ask.by_hand && known.client_streaming;
        let encode = |message: &String| schema.encode(&method, message).map_err(|error| Stop::Mistake(Mistake::new("messages", error)));
        let messages = planned.messages.iter().map(encode).collect::<Result<Vec<Bytes>, Stop>>()?;
        let parts: Vec<Option<&[u8]>> = std::iter::once(method.as_bytes()).chain(messages.iter().map(|message| &message[..])).map(Some).collect();
        let hash = format!("{:032x}", ledger.hash_key().hash_parts(&parts).0);
        let mut call = planned.call.clone();
        authorise(&self.office, &planned.auth, &call.authority.clone(), &mut call.metadata).await?;
        let ids = self.intend_call(&ready, ledger, send_name()?, hash).await?;
        let shown = self.shows(&ready, stays_open);
        let live = shown.live.clone();
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        if stays_open {
            let stream = OpenStream { messages: sender.clone(), method: method.clone(), schema: Arc::clone(&schema), live: live.clone() };
            self.office.open.lock().insert(self.sent_id, stream);
        }
        let writing = write(messages, planned.messages.clone(), sender, live.clone(), Arc::clone(&self.office));
        let tell: Tell<CallNews> = {
            let (live, office) = (live.clone(), Arc::clone(&self.office));
            Box::new(move |news| told(&live, &office, &*schema, &method, news))
        };
        let answering = self.office.config.servers.call(server.clone(), call, ready.tls.clone(), receiver, None, tell);
        let both = Box::pin(async move {
            let mut answering = answering;
            tokio::select! {
                biased;
                outcome = &mut answering => outcome,
                () = writing => answering.await,
            }
        });
        let outcome = carried(both, &live, teller, || shown.look()).await;
        // The answer need not wait for the disk.
        shown.look();
        let settled = settle_call(&self.office, ledger, ids, outcome).await;
        ended(shown, settled)
    }
}

/// Hands the messages over that were drafted; without others by hand that is the end of them.
async fn write(messages: Vec<Bytes>, texts: Vec<String>, sender: mpsc::Sender<Bytes>, live: Live, office: Arc<Office>) {
    for (message, text) in messages.into_iter().zip(texts) {
        let size_bytes = message.len();
        if sender.send(message).await.is_err() {
            return;
        }
        live.message(true, text, size_bytes, office.now_ns());
    }
}

pub(super) fn told(live: &Live, office: &Office, schema: &dyn MethodSchema, method: &str, news: CallNews) {
    match news {
        CallNews::Took(phase, took) => live.took(phase, took),
        CallNews::Leaves => live.leaves(),
        CallNews::Headers(headers) => live.headers(&headers),
        CallNews::Message(bytes) => {
            let text = schema.decode(method, false, &bytes).unwrap_or_else(|_| bytes.escape_ascii().to_string());
            live.message(false, text, bytes.len(), office.now_ns());
        }
        CallNews::Ended(end) => {
            let details = if end.details.is_empty() { Vec::new() } else { schema.details(&end.details) };
            live.trailers(&end.trailers, details);
            live.status(Status::Grpc { code: end.code, message: end.message });
        }
    }
}
