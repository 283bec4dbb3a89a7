//! One call that several spans of one service tell of: a library's span around the one of its HTTP client, a sidecar's under
//! the one of its application. The innermost is the call; what stands around it says what it is.

use crate::extract::Role;
use crate::figures::{End, RowId, SpanKey};
use crate::flow::Flow;
use crate::flow::hot::{Entry, Mark, Seq};
use crate::names::{PeerId, Via};

/// Spans around one call that are looked at.
const MAX_AROUND: usize = 8;
/// Calls that are told at once what stands around them.
const MAX_TOLD: usize = 4096;
/// Messaging systems that are spoken to over HTTP or gRPC: the call under a publishing span is its way, no call of its own.
const OVER_HTTP: [&str; 10] = ["AmazonSNS", "AmazonSQS", "aws.sns", "aws_sns", "aws_sqs", "eventgrid", "eventhubs", "gcp_pubsub", "servicebus", "aws.sqs"];

fn host(text: &str) -> &str {
    text.rsplit_once(':').map_or(text, |(host, _)| host)
}

/// A call as all its spans tell it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    /// Over what.
    pub(super) via: Via,
    /// It is how a message is published, and counted there.
    pub(super) is_transport: bool,
    /// What its innermost span names.
    inner: PeerId,
    /// What the outermost span that names one calls it.
    name: PeerId,
    /// The database that a span around it names.
    database: PeerId,
    /// What the nearest span around it names.
    outer: PeerId,
}

impl Flow {
    /// The spans of a call, from the inside out.
    pub(super) fn around(&self, call: Seq) -> Whole {
        let mut whole = Whole { via: Via::Call, is_transport: false, inner: PeerId::NONE, name: PeerId::NONE, database: PeerId::NONE, outer: PeerId::NONE };
        let Some(mut inner) = self.hot.get(call) else { return whole };
        (whole.via, whole.inner) = (inner.via, inner.peer);
        let mut seq = call;
        for _ in 0..MAX_AROUND {
            if !inner.is(Mark::Wrapped) {
                break;
            }
            let sides = self.hot.find(inner.parent_key());
            let parent = if sides.inner() == seq { sides.caller } else { sides.inner() };
            let Some(outer) = self.hot.get(parent) else { break };
            whole.is_transport |= outer.role == Role::Publish;
            if outer.via == Via::Database && whole.via != Via::Database {
                (whole.via, whole.database) = (Via::Database, outer.peer);
            }
            if whole.via == Via::Http && matches!(outer.via, Via::Grpc | Via::Rpc) {
                whole.via = outer.via;
            }
            if self.names.get_peer(outer.peer).is_name {
                whole.name = outer.peer;
            }
            if !whole.outer.is_some() {
                whole.outer = outer.peer;
            }
            (seq, inner) = (parent, outer);
        }
        whole
    }

    /// Whom the spans of a call name: the name that one of them gives, else where the innermost goes.
    pub(super) fn target(&mut self, whole: &Whole) -> End {
        let inner = self.names.get_peer(whole.inner);
        let peer = if inner.is_name {
            whole.inner
        } else if whole.name.is_some() {
            whole.name
        } else if whole.database.is_some() && inner.has_host {
            let (text, system) = (inner.text.clone(), self.names.get_peer(whole.database).system.clone());
            self.names.peer(&text, false, &system)
        } else if whole.database.is_some() {
            whole.database
        } else if whole.inner.is_some() && (inner.has_host || !self.names.get_peer(whole.outer).has_host) {
            whole.inner
        } else {
            whole.outer
        };
        if peer.is_some() { End::Peer(peer) } else { End::Unknown }
    }

    /// Whether a client span only wraps another of the same service: then the inner one is the call.
    pub(super) fn is_outer_call(&self, seq: Seq) -> bool {
        let Some(outer) = self.hot.get(seq) else { return false };
        self.hot.children(seq).any(|(_, inner)| self.wraps(outer, inner))
    }

    /// Whether two spans, one under the other, tell of one call.
    fn wraps(&self, outer: &Entry, inner: &Entry) -> bool {
        if inner.role != Role::Client || outer.service != inner.service {
            return false;
        }
        if outer.role == Role::Publish {
            return OVER_HTTP.contains(&self.names.get_channel(outer.channel).system.as_str());
        }
        if outer.role != Role::Client || (inner.via == Via::Database && outer.via != Via::Database) {
            return false;
        }
        let (around, within) = (self.names.get_peer(outer.peer), self.names.get_peer(inner.peer));
        let is_same = outer.peer == inner.peer || (outer.request != 0 && outer.request == inner.request) || host(&around.text) == host(&within.text);
        let is_database = outer.via == Via::Database;
        is_same || !outer.peer.is_some() || (is_database && !around.has_host)
    }

    /// Looks what follows for a call from the span above it.
    pub(super) fn look_around(&mut self, call: Seq, parent: Seq) {
        let (Some(inner), Some(outer)) = (self.hot.get(call), self.hot.get(parent)) else { return };
        let is_wrapped = self.wraps(outer, inner);
        let is_in_time = inner.start_ns < outer.end_ns && inner.end_ns > outer.end_ns;
        let above = outer.key();
        let is_abandoned = outer.gave_up() && outer.role != Role::Client && outer.service == inner.service && is_in_time;
        if let Some(entry) = self.hot.get_mut(call) {
            entry.set(Mark::Wrapped, is_wrapped);
        }
        if self.mark(call, Mark::Abandoned, is_abandoned) {
            self.settle_all_attempts(self.hot.find(above));
        }
    }

    /// A span came, or came to be another: calls under it may mean something else now.
    pub(super) fn tell_calls(&mut self, key: SpanKey, is_other: bool) {
        let sides = self.hot.find(key);
        let mut num_left = MAX_TOLD;
        for side in [sides.caller, sides.callee] {
            let matters = |entry: &Entry| is_other || entry.gave_up() || matches!(entry.role, Role::Client | Role::Publish);
            if !self.hot.get(side).is_some_and(matters) {
                continue;
            }
            self.tell_calls_under(side, sides.inner(), 0, &mut num_left);
        }
        // Children stand under the side that had come when they came.
        if [sides.caller, sides.callee].iter().all(|side| *side != Seq::NONE)
            && [sides.caller, sides.callee].iter().any(|side| self.hot.get(*side).is_some_and(|entry| entry.is(Mark::HasFailed)))
        {
            self.settle_all_attempts(sides);
        }
    }

    fn tell_calls_under(&mut self, side: Seq, parent: Seq, depth: usize, num_left: &mut usize) {
        let calls: Vec<Seq> = self.hot.children(side).filter(|(_, child)| child.role == Role::Client).map(|(call, _)| call).take(*num_left).collect();
        *num_left -= calls.len();
        for call in calls {
            let parent = if parent == call { side } else { parent };
            if depth == 0 {
                self.look_around(call, parent);
            }
            self.evaluate_client(call);
            // What stands around several spans is told to the innermost.
            if depth < MAX_AROUND && self.hot.get(call).is_some_and(|entry| entry.is(Mark::Wrapped)) {
                self.tell_calls_under(call, call, depth + 1, num_left);
            }
        }
        if depth == 0 {
            self.settle_failure_around(side, 0);
        }
    }

    /// A failure that only a span around a call tells of is the call's: of several calls within it the last one's, unless one of them
    /// failed by itself. So a gRPC status is the status of the HTTP call that carried it.
    pub(super) fn settle_failure_around(&mut self, outer: Seq, depth: usize) {
        let Some(above) = self.hot.get(outer).copied() else { return };
        let failure = above.failure().filter(|_| above.role == Role::Client);
        let calls: Vec<(Seq, Entry)> = self.calls_under(self.hot.find(above.key())).map(|(call, entry)| (call, *entry)).collect();
        let within = || calls.iter().filter(|(_, entry)| entry.is(Mark::Wrapped));
        let is_told = within().any(|(_, entry)| entry.has_failed());
        let last = within().max_by_key(|(_, entry)| (entry.start_ns, entry.key())).map(|(call, _)| *call);
        for (call, entry) in &calls {
            let follows = failure.filter(|_| !is_told && last == Some(*call));
            if entry.failed_around() == follows {
                continue;
            }
            self.recount_as(*call, |entry| entry.set_failed_around(follows));
            if depth < MAX_AROUND {
                self.settle_failure_around(*call, depth + 1);
            }
        }
    }

    /// A client span came: the one around it may no longer count.
    pub(super) fn tell_outer_call(&mut self, seq: Seq, parent: Seq) {
        if let (Some(inner), Some(outer)) = (self.hot.get(seq), self.hot.get(parent))
            && outer.role == Role::Client
            && outer.callee == Seq::NONE
            && self.wraps(outer, inner)
        {
            self.recount(parent, None);
        }
    }

    /// What follows for a span from those around it changes how it is counted. Whether it changed.
    pub(super) fn mark(&mut self, seq: Seq, mark: Mark, yes: bool) -> bool {
        let is_other = self.hot.get(seq).is_some_and(|entry| entry.is(mark) != yes);
        if is_other {
            self.recount_as(seq, |entry| entry.set(mark, yes));
        }
        is_other
    }

    /// Counts a span anew, where it is counted, after a change of it.
    fn recount_as(&mut self, seq: Seq, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.hot.get(seq) else { return };
        let counted = (entry.row != RowId::NONE).then(|| (self.rows.get(entry.row).key, entry.rule));
        self.recount(seq, None);
        if let Some(entry) = self.hot.get_mut(seq) {
            change(entry);
        }
        self.recount(seq, counted);
    }
}
