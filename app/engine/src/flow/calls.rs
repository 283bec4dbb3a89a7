//! Calls: each counts once, on its client span; on the server span where there is none. Both sides' latencies are kept.

use hashbrown::HashMap;

use crate::extract::Role;
use crate::figures::{End, RowKey, Rule, SpanKey};
use crate::flow::hot::{Entry, Seq};
use crate::flow::{Flow, Older, PeerId, Via};
use crate::intern::ServiceId;

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
        match services.iter_mut().find(|(known, _)| *known == service) {
            Some((_, num)) => *num += 1,
            None => {
                services.push((service, 1));
                self.version += 1;
            }
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

    /// The one service that a peer was proved to be.
    pub(crate) fn service(&self, peer: PeerId) -> Option<ServiceId> {
        match self.services.get(&peer)?.as_slice() {
            [(service, _)] => Some(*service),
            _ => None,
        }
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
    /// A server span counts as received by its service.
    pub(super) fn count_received(&mut self, seq: Seq) {
        let Some(entry) = self.hot.get(seq).copied() else { return };
        let row = self.rows.row(RowKey::Received { service: entry.service });
        self.rows.add(row, &entry.sample(), entry.rule_received(), Some(entry.key()));
    }

    /// Enters a span among the children of its parent, which may not have come yet.
    pub(super) fn join_parent(&mut self, seq: Seq) {
        let Some(entry) = self.hot.get(seq).copied() else { return };
        if !entry.parent.is_some() || entry.is_joined() || entry.parent == entry.key().span_id {
            return;
        }
        let key = entry.parent_key();
        let sides = self.hot.find(key);
        let mut parent = if sides.inner() == seq { sides.caller } else { sides.inner() };
        if parent == Seq::NONE {
            parent = self.push(Entry::unseen(key));
        }
        let Some(of_parent) = self.hot.get_mut(parent) else { return };
        let first = std::mem::replace(&mut of_parent.first_child, seq);
        if let Some(entry) = self.hot.get_mut(seq) {
            entry.next_sibling = first;
            entry.set_joined(true);
        }
    }

    /// Takes a span out of the children of its parent.
    pub(super) fn leave_parent(&mut self, seq: Seq) {
        let Some(entry) = self.hot.get(seq).copied().filter(Entry::is_joined) else { return };
        let sides = self.hot.find(entry.parent_key());
        for parent in [sides.caller, sides.callee] {
            let mut before = Seq::NONE;
            let mut next = self.hot.get(parent).map_or(Seq::NONE, |entry| entry.first_child);
            while next != seq
                && let Some(child) = self.hot.get(next)
            {
                (before, next) = (next, child.next_sibling);
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
        let Some(entry) = self.hot.get(seq).copied() else { return };
        let own = self.hot.find(entry.key());
        let to = End::Service(entry.service);
        let call = |from: End, rule: Rule| Some((RowKey::Call { from, to, via: entry.via }, rule));
        // A Zipkin client shares its id with the server.
        if self.hot.get(own.caller).is_some_and(|shared| shared.role == Role::Client) {
            return self.evaluate_client(own.caller);
        }
        if !entry.parent.is_some() {
            return self.recount(seq, call(End::Root, Rule::Root));
        }
        if entry.parent == entry.key().span_id {
            return self.recount(seq, call(End::Missing, Rule::MissingParent));
        }
        let parent_key = entry.parent_key();
        let sides = self.hot.find(parent_key);
        let parent = if sides.inner() == seq { sides.caller } else { sides.inner() };
        match self.hot.get(parent).copied() {
            Some(caller) if caller.role == Role::Client => self.offer_callee(parent, seq),
            Some(caller) if caller.role != Role::Unseen => {
                let to = if caller.service == entry.service { None } else { call(End::Service(caller.service), Rule::Parent) };
                self.recount(seq, to);
            }
            _ => {
                let old = if self.hot.is_full() { older.find(parent_key, &mut self.names) } else { None };
                match old {
                    None => self.recount(seq, call(End::Missing, Rule::MissingParent)),
                    // The call itself was counted by its peer when it left; its peer is now proved.
                    Some(old) if old.facts.role == Role::Client => {
                        let via = if old.facts.via == Via::Call { entry.via } else { old.facts.via };
                        self.proofs.add(old.facts.peer, entry.service);
                        self.recount(seq, Some((RowKey::Callee { from: old.facts.service, to: entry.service, via }, Rule::Parent)));
                    }
                    Some(old) if old.facts.service == entry.service => self.recount(seq, None),
                    Some(old) => self.recount(seq, call(End::Service(old.facts.service), Rule::Parent)),
                }
            }
        }
    }

    /// A server span says that this call is its caller: of several the first to start is counted with the call.
    fn offer_callee(&mut self, call: Seq, server: Seq) {
        let (Some(caller), Some(offered)) = (self.hot.get(call).copied(), self.hot.get(server).copied()) else { return };
        match self.hot.get(caller.callee).copied() {
            Some(_) if caller.callee == server => self.pair(call, server),
            Some(known) if is_before(&known, &offered) => self.count_second(&caller, server),
            Some(known) => {
                let known_seq = caller.callee;
                self.release_callee(call);
                self.pair(call, server);
                if known.role == Role::Server {
                    self.count_second(&caller, known_seq);
                }
            }
            // The one that it was counted with has left; it stays counted so.
            None if caller.callee != Seq::NONE => self.count_second(&caller, server),
            None => self.pair(call, server),
        }
    }

    /// A further server span under one client span: a call that has no client span of its own.
    fn count_second(&mut self, caller: &Entry, server: Seq) {
        let Some(entry) = self.hot.get(server).copied() else { return };
        let via = if caller.via == Via::Call { entry.via } else { caller.via };
        let key = RowKey::Call { from: End::Service(caller.service), to: End::Service(entry.service), via };
        self.recount(server, Some((key, Rule::Parent)));
    }

    fn pair(&mut self, call: Seq, server: Seq) {
        let (Some(caller), Some(callee)) = (self.hot.get(call).copied(), self.hot.get(server).copied()) else { return };
        let (from, to) = (caller.service, callee.service);
        let via = if caller.via == Via::Call { callee.via } else { caller.via };
        if caller.callee != server {
            self.proofs.add(caller.peer, to);
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
        let Some(entry) = self.hot.get(seq).copied() else { return };
        if entry.role != Role::Client {
            return;
        }
        let shared = self.hot.find(entry.key()).callee;
        let callee = if self.hot.get(shared).is_some_and(|callee| callee.role == Role::Server) {
            Some(shared)
        } else {
            let servers = self.hot.children(seq).filter(|(_, child)| child.role == Role::Server);
            servers.min_by_key(|(_, child)| (child.start_ns, child.key())).map(|(seq, _)| seq)
        };
        match callee {
            Some(callee) => {
                if entry.callee != callee && self.hot.get(entry.callee).is_some() {
                    self.release_callee(seq);
                }
                self.pair(seq, callee);
                let others: Vec<Seq> =
                    self.hot.children(seq).filter(|(child, entry)| *child != callee && entry.role == Role::Server).map(|(child, _)| child).collect();
                for other in others {
                    if shared == callee {
                        // Children of the shared id are children of its answering side.
                        let is_inner = self.hot.get(other).map(|entry| entry.service) == self.hot.get(callee).map(|entry| entry.service);
                        if is_inner {
                            self.recount(other, None);
                            continue;
                        }
                    }
                    self.count_second(&entry, other);
                }
            }
            None if entry.callee != Seq::NONE => {}
            None if self.is_outer_call(seq) => self.recount(seq, None),
            None => {
                let to = if entry.peer.is_some() { End::Peer(entry.peer) } else { End::Unknown };
                self.recount(seq, Some((RowKey::Call { from: End::Service(entry.service), to, via: entry.via }, Rule::Peer)));
            }
        }
    }

    /// Whether a client span only wraps another of the same service: then the inner one is the call.
    fn is_outer_call(&self, seq: Seq) -> bool {
        let Some(outer) = self.hot.get(seq) else { return false };
        self.hot.children(seq).any(|(_, inner)| self.wraps(outer, inner))
    }

    fn wraps(&self, outer: &Entry, inner: &Entry) -> bool {
        let is_same = outer.role == Role::Client && inner.role == Role::Client && outer.service == inner.service;
        let is_same_kind = (outer.via == Via::Database) == (inner.via == Via::Database);
        let host = |peer: PeerId| {
            let text = &self.names.get_peer(peer).text;
            text.rsplit_once(':').map_or(text.as_str(), |(host, _)| host)
        };
        is_same && is_same_kind && (!outer.peer.is_some() || outer.peer == inner.peer || host(outer.peer) == host(inner.peer))
    }

    /// A client span came: the one around it may no longer count.
    pub(super) fn tell_outer_call(&mut self, seq: Seq) {
        let Some(inner) = self.hot.get(seq).copied().filter(|entry| entry.parent.is_some()) else { return };
        let parent = self.hot.find(inner.parent_key()).inner();
        if let Some(outer) = self.hot.get(parent)
            && outer.callee == Seq::NONE
            && self.wraps(outer, &inner)
        {
            self.recount(parent, None);
        }
    }
}

fn is_before(one: &Entry, other: &Entry) -> bool {
    (one.start_ns, one.key()) <= (other.start_ns, other.key())
}
