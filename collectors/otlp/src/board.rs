//! How the receiver is doing, as one sentence from the states of its parts.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use switchboard_model::{FailureKind, Sink, SourcePhase, SourceStatus, now_ns};

use crate::config::Bound;

/// The two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Port {
    Grpc,
    Http,
}

impl Port {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Grpc => "gRPC",
            Self::Http => "HTTP",
        }
    }

    fn setting(self) -> &'static str {
        match self {
            Self::Grpc => "grpc_port",
            Self::Http => "http_port",
        }
    }
}

/// An address that is wanted and not listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    pub(crate) address: SocketAddr,
    pub(crate) why: String,
    pub(crate) kind: FailureKind,
}

/// How a port is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PortState {
    pub(crate) bound: Vec<SocketAddr>,
    pub(crate) missing: Vec<Missing>,
    /// Whether binding was tried at all.
    pub(crate) is_tried: bool,
}

/// How passing on is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ForwardState {
    pub(crate) endpoint: String,
    /// Why nothing is passed on at all, if so.
    pub(crate) refused: Option<String>,
    /// What the endpoint's last answer failed with; `None` = it takes what it gets.
    pub(crate) failing: Option<String>,
    /// Requests that were not passed on and never will be.
    pub(crate) num_lost: u64,
    /// Why the last of them was lost.
    pub(crate) lost_why: String,
    /// Whether some were lost lately.
    pub(crate) is_losing: bool,
}

#[derive(Default)]
struct Parts {
    grpc: Option<PortState>,
    http: Option<PortState>,
    forward: Option<ForwardState>,
    said: Option<(SourcePhase, Option<FailureKind>, String)>,
}

/// Collects the states of the parts and says what follows from them whenever it changes.
#[derive(Clone)]
pub(crate) struct Board {
    sink: Sink,
    parts: Arc<Mutex<Parts>>,
}

impl Board {
    /// A board for these ports. Says that the source is connecting.
    pub(crate) fn new(sink: Sink, has_grpc: bool, has_http: bool) -> Self {
        let parts = Parts { grpc: has_grpc.then(PortState::default), http: has_http.then(PortState::default), ..Parts::default() };
        let board = Self { sink, parts: Arc::new(Mutex::new(parts)) };
        board.say(SourcePhase::Connecting, None, "Opening the OTLP ports".to_owned(), String::new());
        board.update();
        board
    }

    pub(crate) fn port(&self, port: Port, state: PortState) {
        match port {
            Port::Grpc => self.parts.lock().grpc = Some(state),
            Port::Http => self.parts.lock().http = Some(state),
        }
        self.update();
    }

    pub(crate) fn forward(&self, state: &ForwardState) {
        let mut parts = self.parts.lock();
        if parts.forward.as_ref() == Some(state) {
            return;
        }
        parts.forward = Some(state.clone());
        drop(parts);
        self.update();
    }

    /// The addresses listened on, once binding was tried for every port.
    pub(crate) fn bound(&self) -> Option<Bound> {
        let parts = self.parts.lock();
        if [&parts.grpc, &parts.http].into_iter().flatten().any(|state| !state.is_tried) {
            return None;
        }
        let addresses = |state: &Option<PortState>| state.as_ref().map(|state| state.bound.clone()).unwrap_or_default();
        Some(Bound { grpc: addresses(&parts.grpc), http: addresses(&parts.http) })
    }

    fn update(&self) {
        let mut parts = self.parts.lock();
        let Some(verdict) = verdict(&parts) else { return };
        let said = (verdict.phase, verdict.failure, verdict.detail.clone());
        if parts.said.as_ref() == Some(&said) {
            return;
        }
        parts.said = Some(said);
        // Said under the lock, so that what is said last is what is so.
        self.say(verdict.phase, verdict.failure, verdict.detail, verdict.next_step);
    }

    fn say(&self, phase: SourcePhase, failure: Option<FailureKind>, detail: String, next_step: String) {
        self.sink.status(SourceStatus { source: self.sink.source(), at_ns: now_ns(), phase, failure, detail, next_step });
    }
}

struct Verdict {
    phase: SourcePhase,
    failure: Option<FailureKind>,
    detail: String,
    next_step: String,
}

fn verdict(parts: &Parts) -> Option<Verdict> {
    let ports: Vec<(Port, &PortState)> =
        [(Port::Grpc, &parts.grpc), (Port::Http, &parts.http)].into_iter().filter_map(|(port, state)| Some((port, state.as_ref()?))).collect();
    if ports.is_empty() {
        return Some(Verdict {
            phase: SourcePhase::Failed,
            failure: Some(FailureKind::Connect),
            detail: "No port is set, so nothing can be received".to_owned(),
            next_step: "Set grpc_port or http_port in the profile's [otlp]".to_owned(),
        });
    }
    if ports.iter().any(|(_, state)| !state.is_tried) {
        return None;
    }
    let mut sentences = Vec::new();
    let mut next_steps = Vec::new();
    let mut failure = None;
    for (port, state) in &ports {
        if !state.bound.is_empty() {
            let addresses: Vec<String> = state.bound.iter().map(ToString::to_string).collect();
            sentences.push(format!("Listening for OTLP over {} on {}", port.name(), addresses.join(" and ")));
        }
        for missing in &state.missing {
            sentences.push(format!("{} ({}) cannot be listened on: {}", missing.address, port.name(), missing.why));
            failure = failure.or(Some(missing.kind));
            next_steps.push(if missing.address.ip().is_loopback() {
                format!("Stop what uses port {}, or set another {} in the profile; it is tried again by itself", missing.address.port(), port.setting())
            } else {
                "Start Docker, or set docker_bridge = false in the profile; it is tried again by itself".to_owned()
            });
        }
        if let Some(open) = state.bound.iter().find(|address| !address.ip().is_loopback()) {
            sentences.push(format!("Every container on Docker's bridge can send to {open}"));
        }
    }
    if let Some(forward) = &parts.forward {
        failure = failure.or(forward_sentences(forward, &mut sentences, &mut next_steps));
    }
    let num_open = ports.iter().filter(|(_, state)| !state.bound.is_empty()).count();
    let phase = match failure {
        _ if num_open == 0 => SourcePhase::Failed,
        Some(_) => SourcePhase::Degraded,
        None => SourcePhase::Live,
    };
    next_steps.dedup();
    Some(Verdict { phase, failure, detail: sentences.join(". "), next_step: next_steps.join(". ") })
}

fn forward_sentences(forward: &ForwardState, sentences: &mut Vec<String>, next_steps: &mut Vec<String>) -> Option<FailureKind> {
    let ForwardState { endpoint, refused, failing, num_lost, lost_why, is_losing } = forward;
    match (refused, failing) {
        (Some(why), _) => {
            sentences.push(format!("Nothing is passed on to {endpoint}: {why}"));
            next_steps.push("Set forward in the profile to another endpoint, such as \"http://localhost:5318\"".to_owned());
        }
        (None, None) => sentences.push(format!("Passing requests on to {endpoint}")),
        (None, Some(why)) => {
            sentences.push(format!("Passing requests on to {endpoint} fails: {why}"));
            next_steps.push(format!("Look whether {endpoint} runs; what waits is sent again by itself"));
        }
    }
    if *num_lost > 0 {
        let requests = if *num_lost == 1 { "request was" } else { "requests were" };
        sentences.push(format!("{num_lost} {requests} not passed on: {lost_why}"));
    }
    if refused.is_some() {
        Some(FailureKind::Connect)
    } else if failing.is_some() {
        Some(FailureKind::Peer)
    } else {
        is_losing.then_some(FailureKind::Limit)
    }
}
