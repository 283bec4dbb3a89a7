//! How the receiver is doing, as one sentence from the states of its parts.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use switchboard_model::{Condition, FailureKind, Sink, SourcePhase, Teller};

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
}

/// Collects the states of the parts and tells what follows from them whenever it changes.
#[derive(Clone)]
pub(crate) struct Board {
    state: Arc<Mutex<(Parts, Teller)>>,
}

impl Board {
    /// A board for these ports. Tells that the source is connecting.
    pub(crate) fn new(sink: Sink, has_grpc: bool, has_http: bool) -> Self {
        let parts = Parts { grpc: has_grpc.then(PortState::default), http: has_http.then(PortState::default), forward: None };
        let mut teller = Teller::new(sink);
        teller.tell(Condition::connecting("Opening the OTLP ports"));
        let board = Self { state: Arc::new(Mutex::new((parts, teller))) };
        board.change(|_| ());
        board
    }

    pub(crate) fn port(&self, port: Port, state: PortState) {
        self.change(|parts| match port {
            Port::Grpc => parts.grpc = Some(state),
            Port::Http => parts.http = Some(state),
        });
    }

    pub(crate) fn forward(&self, state: &ForwardState) {
        if self.state.lock().0.forward.as_ref() != Some(state) {
            self.change(|parts| parts.forward = Some(state.clone()));
        }
    }

    /// The addresses listened on, once binding was tried for every port.
    pub(crate) fn bound(&self) -> Option<Bound> {
        let (parts, _) = &*self.state.lock();
        if parts.ports().any(|(_, state)| !state.is_tried) {
            return None;
        }
        let addresses = |state: &Option<PortState>| state.as_ref().map(|state| state.bound.clone()).unwrap_or_default();
        Some(Bound { grpc: addresses(&parts.grpc), http: addresses(&parts.http) })
    }

    fn change(&self, change: impl FnOnce(&mut Parts)) {
        let (parts, teller) = &mut *self.state.lock();
        change(parts);
        if let Some(condition) = parts.condition() {
            // Told under the lock, so that what is told last is what is so.
            teller.tell(condition);
        }
    }
}

impl Parts {
    fn ports(&self) -> impl Iterator<Item = (Port, &PortState)> {
        [(Port::Grpc, &self.grpc), (Port::Http, &self.http)].into_iter().filter_map(|(port, state)| Some((port, state.as_ref()?)))
    }

    /// How the receiver is doing; `None` while a port is still to be opened.
    fn condition(&self) -> Option<Condition> {
        if self.ports().next().is_none() {
            let next_step = "Set grpc_port or http_port in the profile's [otlp]";
            return Some(Condition::failed(FailureKind::Connect, "No port is set, so nothing can be received", next_step));
        }
        if self.ports().any(|(_, state)| !state.is_tried) {
            return None;
        }
        let ports = self.ports().flat_map(|(port, state)| port_conditions(port, state));
        let mut all = ports.chain(self.forward.iter().flat_map(forward_conditions)).reduce(Condition::and)?;
        if self.ports().all(|(_, state)| state.bound.is_empty()) {
            all.phase = SourcePhase::Failed;
        }
        Some(all)
    }
}

fn port_conditions(port: Port, state: &PortState) -> Vec<Condition> {
    let mut all = Vec::new();
    if !state.bound.is_empty() {
        let addresses: Vec<String> = state.bound.iter().map(ToString::to_string).collect();
        all.push(Condition::live(format!("Listening for OTLP over {} on {}", port.name(), addresses.join(" and "))));
    }
    for Missing { address, why, kind } in &state.missing {
        let next_step = if address.ip().is_loopback() {
            format!("Stop what uses port {}, or set another {} in the profile; it is tried again by itself", address.port(), port.setting())
        } else {
            "Start Docker, or set docker_bridge = false in the profile; it is tried again by itself".to_owned()
        };
        all.push(Condition::degraded(*kind, format!("{address} ({}) cannot be listened on: {why}", port.name()), next_step));
    }
    if let Some(open) = state.bound.iter().find(|address| !address.ip().is_loopback()) {
        all.push(Condition::live(format!("Every container on Docker's bridge can send to {open}")));
    }
    all
}

fn forward_conditions(forward: &ForwardState) -> Vec<Condition> {
    let ForwardState { endpoint, refused, failing, num_lost, lost_why, is_losing } = forward;
    let mut all = vec![match (refused, failing) {
        (Some(why), _) => {
            let next_step = "Set forward in the profile to another endpoint, such as \"http://localhost:5318\"";
            Condition::degraded(FailureKind::Connect, format!("Nothing is passed on to {endpoint}: {why}"), next_step)
        }
        (None, Some(why)) => {
            let next_step = format!("Look whether {endpoint} runs; what waits is sent again by itself");
            Condition::degraded(FailureKind::Peer, format!("Passing requests on to {endpoint} fails: {why}"), next_step)
        }
        (None, None) => Condition::live(format!("Passing requests on to {endpoint}")),
    }];
    let requests = if *num_lost == 1 { "request was" } else { "requests were" };
    let lost = if *num_lost > 0 { format!("{num_lost} {requests} not passed on: {lost_why}") } else { String::new() };
    all.push(if *is_losing { Condition::degraded(FailureKind::Limit, lost, "") } else { Condition::live(lost) });
    all
}
