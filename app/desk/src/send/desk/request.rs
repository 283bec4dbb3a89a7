//! An HTTP request, carried.

use std::time::Duration;

use switchboard_model::{AnswerNews, FailureKind, Outcome, Receipt};
use tokio::time::Instant;

use super::leave::Way;
use super::live::{Live, SHOW_EVERY};
use super::named::authorise;
use super::sending::{OnTheBoard, Ready, Sending, Stop, send_name, settle_call};
use crate::ledger::{ComposedIntent, Ledger, RunId, SendId, Settled};
use crate::operations::Teller;
use crate::send::access::Tell;
use crate::send::board::Status;
use crate::send::plan::Planned;

impl Sending {
    pub(super) async fn carry_request(&self, ready: Ready, ledger: &Ledger, teller: &Teller<()>) -> Result<(), Stop> {
        let (Planned::Http(planned), Way::Server(server)) = (&ready.plan.what, &ready.way) else { return Err(Stop::refused("this is no request")) };
        let mut request = planned.request.clone();
        // What is hashed is what was composed: a credential is not.
        let parts = [request.method.as_str().as_bytes(), request.path.as_str().as_bytes(), &request.body];
        let hash = format!("{:032x}", ledger.hash_key().hash_parts(&parts.map(Some)).0);
        let origin = request.origin.clone();
        tokio::select! {
            biased;
            () = teller.cancelled() => return Ok(()),
            fetched = authorise(&self.office, &planned.auth, &origin, &mut request.headers) => fetched?,
        }
        let send_name = send_name()?;
        let ids = self.intend_call(&ready, ledger, send_name, hash).await?;
        let shown = self.shows(&ready);
        let live = shown.live.clone();
        let tell: Tell<AnswerNews> = {
            let live = live.clone();
            Box::new(move |news| told(&live, news))
        };
        let timeout = Duration::from_secs_f64(planned.timeout_s);
        let answering = self.office.config.servers.request(server.clone(), request, ready.tls.clone(), timeout, None, tell);
        let outcome = carried(answering, &live, teller, || shown.look()).await;
        // The answer need not wait for the disk.
        shown.look();
        let settled = settle_call(&self.office, ledger, ids, outcome).await;
        ended(shown, settled)
    }

    /// Writes down that a request or a call is about to be sent: nothing goes where that fails.
    pub(super) async fn intend_call(&self, ready: &Ready, ledger: &Ledger, send_name: String, hash: String) -> Result<(RunId, SendId), Stop> {
        let run = self.new_run(ready, &send_name);
        let intent = ComposedIntent {
            target_kind: ready.way.kind(),
            target: ready.way.name(),
            call: ready.plan.call(),
            partition: None,
            hash,
            size_bytes: ready.plan.size_bytes(),
            send_name,
            at_ns: run.at_ns,
        };
        ledger.begin_call(run, intent).await.map_err(|error| Stop::Refused(FailureKind::Internal, error.to_string()))
    }
}

/// Shows what became of it, also where that could not be written down.
pub(super) fn ended(shown: OnTheBoard, settled: Result<Settled, Stop>) -> Result<(), Stop> {
    match settled {
        Ok(settled) => {
            shown.settle(settled);
            Ok(())
        }
        Err(stop) => {
            let reason = if let Stop::Refused(_, reason) = &stop { reason.clone() } else { "the ledger could not be written".to_owned() };
            shown.settle(Settled::Tried(Outcome::Possibly(reason)));
            Err(stop)
        }
    }
}

pub(super) fn told(live: &Live, news: AnswerNews) {
    match news {
        AnswerNews::Took(phase, took) => live.took(phase, took),
        AnswerNews::Leaves => live.leaves(),
        AnswerNews::Head { status, version, headers } => {
            live.headers(&headers);
            live.status(Status::Http { status, version });
        }
        AnswerNews::Body(part) => live.body(&part),
        AnswerNews::Ended(end) => live.ended(end.wire_bytes, end.cut, &end.trailers),
    }
}

/// Waits for what becomes of it, and shows what comes meanwhile. Told to stop, it is given up at once: what had not left was not sent.
pub(super) async fn carried(mut answering: impl Future<Output = Outcome> + Unpin, live: &Live, teller: &Teller<()>, look: impl Fn()) -> Outcome {
    let mut looks = tokio::time::interval_at(Instant::now() + SHOW_EVERY, SHOW_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = teller.cancelled() => break,
            outcome = &mut answering => return outcome,
            _ = looks.tick() => look(),
        }
    }
    drop(answering);
    given_up(live)
}

/// What became of something that was given up.
pub(super) fn given_up(live: &Live) -> Outcome {
    live.cancels();
    match live.status_now() {
        Some(Status::Http { status, .. }) => Outcome::Done(Receipt::Answered(status)),
        _ if live.has_left() => Outcome::Possibly("cancelled after it had left".to_owned()),
        _ => Outcome::NotDone("cancelled before it was sent".to_owned()),
    }
}
