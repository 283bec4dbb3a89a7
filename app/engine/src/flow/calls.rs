//! Calls: each counts once, on its client span; on the server span where there is none. Both sides' latencies are kept.

use hashbrown::{HashMap, HashSet};

use crate::extract::Role;
use crate::figures::{End, RowId, RowKey, Rule, SpanKey};
use crate::flow::hot::{Entry, Mark, Seq};
use crate::flow::{Flow, Older};
use crate::names::{Gone, PeerId, ServiceId, Via};

/// How often a pair of spans proved that a peer is a service.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    services: HashMap<PeerId, Vec<(ServiceId, u64)>>,
    version: u64,
}

impl Proofs {
    fn add(&mut self, peer: PeerId, service: ServiceId) {
        if !peer.is_some() || peer == PeerId::OTHER {
            return;
        }
        let services = self.services.entry(peer).or_default();
        if let Some((_, num)) = services.iter_mut().find(|(known, _)| *known == service) {
            *num += 1;
        } else {
            services.push((service, 1));
            self.version += 1;
        }
    }

    fn remove(&mut self, peer: PeerId, service: ServiceId) {
        let Some(services) = self.services.get_mut(&peer) else { return };
        let Some(at) = services.iter().position(|(known, _)| *known == service) else { return };
        services[at].1 -= 1;
        if services[at].1 == 0 {
            services.swap_remove(at);
            self.version += 1;
        }
    }

    /// Names that are gone prove nothing.
    pub(super) fn forget(&mut self, gone: &Gone) {
        self.services.retain(|peer, services| {
            services.retain(|(service, _)| !gone.has_service(*service));
            gone.peer(*peer) == *peer && !services.is_empty()
        });
        self.version += 1;
    }

    /// The one service that a peer was proved to be.
    pub(crate) fn service(&self, peer: PeerId) -> Option<ServiceId> {
        match self.services.get(&peer)?.as_slice() {
            [(service, _)] => Some(*service),
            _ => None,
        }
    }

    /// All peers of which any was proved.
    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.services.keys().copied()
    }

    /// Rises when another peer is proved, or no longer.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }
}

impl Entry {
    /// Trace and id of its parent.
    pub(super) fn parent_key(&self) -> SpanKey {
        SpanKey { span_id: self.parent, ..self.key() }
    }

    /// The rule under which a server span counts as received.
    pub(super) fn rule_received(&self) -> Rule {
        if self.parent.is_some() { Rule::Parent } else { Rule::Root }
    }
}

impl Flow {
    /// A server span counts as received by its service, or no longer: what a sidecar received counts once.
    pub(super) fn set_received(&mut self, seq: Seq, yes: bool) {
        let Some(entry) = self.hot.get_mut(seq).filter(|entry| entry.is(Mark::Received) != yes) else { return };
        entry.set(Mark::Received, yes);
        let (sample, rule, key) = (entry.sample(), entry.rule_received(), entry.key());
        let row = self.rows.row(RowKey::Received { service: entry.service });
        if yes {
            self.rows.add(row, &sample, rule, Some(key));
        } else {
            self.rows.subtract(row, &sample, rule, Some(key));
        }
    }

    /// Enters a span among the children of its parent, which may not have come yet. Gives back the parent.
    pub(super) fn join_parent(&mut self, seq: Seq) -> Seq {
        let Some(entry) = self.hot.get(seq) else { return Seq::NONE };
        if !entry.parent.is_some() || entry.parent == entry.key().span_id {
            return Seq::NONE;
        }
        let key = entry.parent_key();
        let is_joined = entry.is_joined();
        let sides = self.hot.find(key);
        let mut parent = if sides.inner() == seq { sides.caller } else { sides.inner() };
        if is_joined {
            return parent;
        }
        if parent == Seq::NONE {
            parent = self.push(Entry::unseen(key));
        }
        let Some(of_parent) = self.hot.get_mut(parent) else { return Seq::NONE };
        let first = std::mem::replace(&mut of_parent.first_child, seq);
        if let Some(entry) = self.hot.get_mut(seq) {
            entry.next_sibling = first;
            entry.set_joined(true);
        }
        parent
    }

    /// Takes a span out of the children of its parent.
    pub(super) fn leave_parent(&mut self, seq: Seq) {
        let Some(entry) = self.hot.get(seq).copied().filter(Entry::is_joined) else { return };
        let sides = self.hot.find(entry.parent_key());
        for parent in [sides.caller, sides.callee] {
            let mut before = Seq::NONE;
            let mut next = Seq::NONE;
            for (child, _) in self.hot.children(parent) {
                next = child;
                if child == seq {
                    break;
                }
                before = child;
            }
            if next == seq {
                match self.hot.get_mut(before) {
                    Some(child) => child.next_sibling = entry.next_sibling,
                    None => {
                        if let Some(parent) = self.hot.get_mut(parent) {
                            parent.first_child = entry.next_sibling;
                        }
                    }
                }
            }
        }
        if let Some(entry) = self.hot.get_mut(seq) {
            entry.next_sibling = Seq::NONE;
            entry.set_joined(false);
        }
    }

    /// Counts a server span by what is known of its caller.
    pub(super) fn evaluate_server(&mut self, seq: Seq, older: &mut dyn Older) {
        let Some(entry) = self.hot.get(seq) else { return };
        let shared = self.hot.find(entry.key()).caller;
        let sides = self.hot.find(entry.parent_key());
        let parent = if sides.inner() == seq { sides.caller } else { sides.inner() };
        self.evaluate_server_under(seq, shared, parent, older);
    }

    /// Counts a server span under this parent, if it came; `shared` is the calling side of its own id.
    pub(super) fn evaluate_server_under(&mut self, seq: Seq, shared: Seq, parent: Seq, older: &mut dyn Older) {
        let Some(entry) = self.hot.get(seq).copied() else { return };
        let to = End::Service(entry.service);
        let via = entry.via;
        let call = |from: End, rule: Rule| Some((RowKey::Call { from, to, via }, rule));
        self.prove(seq, PeerId::NONE);
        // A Zipkin client shares its id with the server.
        let is_shared = self.hot.get(shared).is_some_and(|shared| shared.role == Role::Client);
        let is_under = |outer: &Entry| outer.role == Role::Server && outer.service == entry.service;
        let is_inner = !is_shared && parent != seq && self.hot.get(parent).is_some_and(is_under);
        self.set_received(seq, !is_inner);
        if is_shared {
            return self.evaluate_call(shared, seq);
        }
        if !entry.parent.is_some() {
            return self.recount(seq, if entry.peer.is_some() { call(End::Peer(entry.peer), Rule::Peer) } else { call(End::Root, Rule::Root) });
        }
        // Whoever called may be named where his span is missing.
        let missing = if entry.peer.is_some() { End::Peer(entry.peer) } else { End::Missing };
        if entry.parent == entry.key().span_id {
            return self.recount(seq, call(End::Missing, Rule::MissingParent));
        }
        match self.hot.get(parent) {
            Some(caller) if caller.role == Role::Client => self.offer_callee(parent, seq),
            Some(caller) if caller.role != Role::Unseen => {
                let to = if caller.service == entry.service { None } else { call(End::Service(caller.service), Rule::Parent) };
                self.recount(seq, to);
            }
            _ => {
                let old = if self.hot.is_full() { older.find(entry.parent_key(), &mut self.names) } else { None };
                match old {
                    None => self.recount(seq, call(missing, Rule::MissingParent)),
                    // The call itself was counted by its peer when it left; its peer is now proved.
                    Some(old) if old.facts.role == Role::Client => {
                        let via = if old.facts.via == Via::Call { via } else { old.facts.via };
                        let to = entry.service;
                        self.prove(seq, old.facts.peer);
                        self.recount(seq, Some((RowKey::Callee { from: old.facts.service, to, via }, Rule::Parent)));
                    }
                    Some(old) if old.facts.service == entry.service => {
                        self.set_received(seq, old.facts.role != Role::Server);
                        self.recount(seq, None);
                    }
                    Some(old) => self.recount(seq, call(End::Service(old.facts.service), Rule::Parent)),
                }
            }
        }
    }

    /// A server span proves what a call that has left names: this peer, and no longer the one that it proved before.
    pub(super) fn prove(&mut self, server: Seq, peer: PeerId) {
        let Some(entry) = self.hot.get_mut(server) else { return };
        let service = entry.service;
        let known = std::mem::replace(&mut entry.proved, peer);
        if known != peer {
            self.proofs.remove(known, service);
            self.proofs.add(peer, service);
        }
    }

    /// A call leaves the last arrivals without the server span of whom it called.
    pub(super) fn leave_unpaired(&mut self, entry: &Entry) {
        let is_database = |row: RowId| matches!(self.rows.get(row).key, RowKey::Call { via: Via::Database, .. });
        if entry.row != RowId::NONE && entry.rule == Rule::Peer && !is_database(entry.row) {
            *self.left_calls.entry(entry.peer).or_default() += 1;
        }
    }

    /// Calls that left before the server span of whom they called came. Whoever sends no spans, as databases and services of
    /// others, has none that could come.
    pub(super) fn num_left_calls(&self) -> u64 {
        self.num_left_calls_to(|_| true)
    }

    /// The same, of some peers.
    pub(super) fn num_left_calls_to(&self, is_meant: impl Fn(PeerId) -> bool) -> u64 {
        let services: HashSet<&str> = self.names.services().map(|(_, service)| service.name.as_str()).collect();
        let sends_spans = |peer: PeerId| {
            let known = self.names.get_peer(peer);
            !peer.is_some() || self.proofs.service(peer).is_some() || (known.is_name && services.contains(known.text.as_str()))
        };
        self.left_calls.iter().filter(|(peer, _)| is_meant(**peer) && sends_spans(**peer)).map(|(_, num)| num).sum()
    }

    /// A server span says that this call is its caller: of several the first to start is counted with the call.
    fn offer_callee(&mut self, call: Seq, server: Seq) {
        let (Some(caller), Some(offered)) = (self.hot.get(call), self.hot.get(server)) else { return };
        let known_seq = caller.callee;
        match self.hot.get(known_seq) {
            Some(_) if known_seq == server => self.pair(call, server),
            Some(known) if is_before(known, offered) => self.count_second(call, server),
            Some(known) => {
                let is_server = known.role == Role::Server;
                self.release_callee(call);
                self.pair(call, server);
                if is_server {
                    self.count_second(call, known_seq);
                }
            }
            // The one that it was counted with has left; it stays counted so.
            None if known_seq != Seq::NONE => self.count_second(call, server),
            None => self.pair(call, server),
        }
    }

    /// A further server span under one client span: a call that has no client span of its own.
    fn count_second(&mut self, call: Seq, server: Seq) {
        let (Some(caller), Some(entry)) = (self.hot.get(call), self.hot.get(server)) else { return };
        let via = if caller.via == Via::Call { entry.via } else { caller.via };
        let key = RowKey::Call { from: End::Service(caller.service), to: End::Service(entry.service), via };
        self.recount(server, Some((key, Rule::Parent)));
    }

    fn pair(&mut self, call: Seq, server: Seq) {
        let (Some(caller), Some(callee)) = (self.hot.get(call), self.hot.get(server)) else { return };
        let (from, to, peer) = (caller.service, callee.service, caller.peer);
        let via = match self.around(call).via {
            Via::Call => callee.via,
            via => via,
        };
        if caller.callee != server {
            self.proofs.add(peer, to);
            if let Some(entry) = self.hot.get_mut(call) {
                entry.callee = server;
            }
        }
        self.recount(call, Some((RowKey::Call { from: End::Service(from), to: End::Service(to), via }, Rule::Parent)));
        self.recount(server, Some((RowKey::Callee { from, to, via }, Rule::Parent)));
    }

    /// A call is no longer counted with the server span it was counted with.
    pub(super) fn release_callee(&mut self, call: Seq) {
        let Some(caller) = self.hot.get_mut(call) else { return };
        let (peer, callee) = (caller.peer, std::mem::replace(&mut caller.callee, Seq::NONE));
        if let Some(service) = self.hot.get(callee).map(|entry| entry.service) {
            self.proofs.remove(peer, service);
            self.recount(callee, None);
        }
    }

    /// Counts a client span by what is known of its callee.
    pub(super) fn evaluate_client(&mut self, seq: Seq) {
        if let Some(entry) = self.hot.get(seq)
            && entry.role == Role::Client
        {
            let shared = self.hot.find(entry.key()).callee;
            self.evaluate_call(seq, shared);
        }
    }

    /// Counts a client span; `shared` is the answering side of its own id.
    pub(super) fn evaluate_call(&mut self, seq: Seq, shared: Seq) {
        let Some(entry) = self.hot.get(seq) else { return };
        let is_shared = self.hot.get(shared).is_some_and(|callee| callee.role == Role::Server);
        let servers = self.hot.children(seq).filter(|(_, child)| child.role == Role::Server);
        let first = servers.min_by_key(|(_, child)| (child.start_ns, child.key())).map(|(seq, _)| seq);
        let known = entry.callee;
        match if is_shared { Some(shared) } else { first } {
            Some(callee) => {
                if known != callee && self.hot.get(known).is_some() {
                    self.release_callee(seq);
                }
                self.pair(seq, callee);
                let service = self.hot.get(callee).map(|entry| entry.service);
                let others: Vec<(Seq, bool)> = self
                    .hot
                    .children(seq)
                    .filter(|(child, entry)| *child != callee && entry.role == Role::Server)
                    .map(|(child, entry)| (child, is_shared && Some(entry.service) == service))
                    .collect();
                for (other, is_inner) in others {
                    // Children of a shared id are children of its answering side.
                    if is_inner {
                        self.recount(other, None);
                    } else {
                        self.count_second(seq, other);
                    }
                }
            }
            None if known != Seq::NONE => {}
            None if self.is_outer_call(seq) => self.recount(seq, None),
            None => {
                let from = End::Service(entry.service);
                let whole = self.around(seq);
                let to = self.target(&whole);
                let key = RowKey::Call { from, to, via: whole.via };
                self.recount(seq, (!whole.is_transport).then_some((key, Rule::Peer)));
            }
        }
    }
}

fn is_before(one: &Entry, other: &Entry) -> bool {
    (one.start_ns, one.key()) <= (other.start_ns, other.key())
}
