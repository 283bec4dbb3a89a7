//! Whom a circuit breaker guards: the one whom its caller calls where the breaker refused. Evidence, not names: under the
//! operation that was refused, or under the same operation above it, calls go to exactly one peer.

use std::collections::BTreeSet;

use hashbrown::HashMap;

use crate::extract::Role;
use crate::figures::{End, RowId, RowKey, SpanKey};
use crate::flow::hot::Entry;
use crate::flow::{Arrival, Flow};
use crate::intern::{OperationId, ServiceId};

/// Breakers that are followed.
const MAX_BREAKERS: usize = 1_000;
/// Operations of one breaker, and spans around its refusals.
const MAX_OPERATIONS: usize = 32;
/// Targets of an operation: with more of them nothing is proved anyway.
const MAX_TARGETS: usize = 32;

/// Where a breaker refused.
#[derive(Debug, Default)]
struct Places {
    /// Whom refused calls were to go to.
    targets: Vec<End>,
    /// The operations that were refused.
    refused: Vec<OperationId>,
    /// Spans around the refused ones, the lowest by rank, and their operations as far as they came.
    around: Vec<(u64, SpanKey, Option<OperationId>)>,
}

/// How well a callee is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Proof {
    /// The refused spans say it themselves.
    Refused,
    /// The refused operation calls no one else.
    Operation,
    /// The operation around the refused one calls no one else.
    Around,
}

/// What may be a breaker's callee.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Callees {
    /// The service that holds the breaker.
    pub(crate) caller: ServiceId,
    /// The breaker's name.
    pub(crate) breaker: String,
    /// Best first: whom each operation (or all refused spans together) names. Exactly one is proof.
    pub(crate) candidates: Vec<(Proof, Vec<End>)>,
}

/// Where breakers refused, and who is called there.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    places: HashMap<(ServiceId, String), Places>,
    /// Operations that matter, and who was called under them by spans that have left.
    operations: HashMap<OperationId, Vec<End>>,
}

impl Refusals {
    /// Whether anything was ever refused.
    pub(super) fn is_watching(&self) -> bool {
        !self.places.is_empty()
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T, most: usize) {
    if list.len() < most && !list.contains(&item) {
        list.push(item);
    }
}

impl Flow {
    /// A span says that a breaker refused what it wanted to do.
    pub(crate) fn refused(&mut self, arrival: &Arrival<'_>, breaker: &str) {
        let facts = arrival.facts;
        let of_breaker = (facts.service, breaker.to_owned());
        if self.refusals.places.len() >= MAX_BREAKERS && !self.refusals.places.contains_key(&of_breaker) {
            return;
        }
        let places = self.refusals.places.entry(of_breaker).or_default();
        if facts.role == Role::Client && facts.peer.is_some() {
            push_new(&mut places.targets, End::Peer(facts.peer), MAX_TARGETS);
        }
        push_new(&mut places.refused, facts.operation, MAX_OPERATIONS);
        if arrival.parent.is_some() {
            let parent = SpanKey { span_id: arrival.parent, ..arrival.key };
            let place = (parent.rank(), parent, None);
            if let Err(at) = places.around.binary_search_by_key(&(place.0, place.1), |(rank, parent, _)| (*rank, *parent)) {
                places.around.insert(at, place);
                places.around.truncate(MAX_OPERATIONS);
            }
        }
        self.refusals.operations.entry(facts.operation).or_default();
    }

    /// A call has left: if the operation above it matters, its target does.
    pub(super) fn note_target(&mut self, entry: &Entry) {
        if entry.role != Role::Client || entry.row == RowId::NONE || !entry.parent.is_some() {
            return;
        }
        let Some(parent) = self.hot.get(self.hot.find(entry.parent_key()).inner()) else { return };
        if parent.service == entry.service
            && let Some(targets) = self.refusals.operations.get_mut(&parent.operation)
            && let RowKey::Call { to, .. } = self.rows.get(entry.row).key
            && to != End::Unknown
        {
            push_new(targets, to, MAX_TARGETS);
        }
    }

    /// The name of an end: a service's, or what its callers name.
    pub(crate) fn end_name(&self, end: End) -> Option<&str> {
        match end {
            End::Service(service) => Some(&self.names.get_service(service).name),
            End::Peer(peer) => Some(self.proofs.service(peer).map_or(&self.names.get_peer(peer).text, |service| &self.names.get_service(service).name)),
            End::Unknown | End::Root | End::Missing => None,
        }
    }

    /// Whom services of this name call, by name.
    pub(crate) fn called_by(&self, caller: &str) -> BTreeSet<&str> {
        let rows = self.rows.held().filter_map(|(_, row)| match row.key {
            RowKey::Call { from: End::Service(service), to, .. } if self.names.get_service(service).name == caller => self.end_name(to),
            _ => None,
        });
        rows.collect()
    }

    /// What may be the callee of each breaker that refused, by caller and name.
    pub(crate) fn callees(&mut self) -> Vec<Callees> {
        if !self.refusals.is_watching() {
            return Vec::new();
        }
        let Refusals { places, operations } = &mut self.refusals;
        for (_, parent, operation) in places.values_mut().flat_map(|places| &mut places.around) {
            if let Some(entry) = self.hot.get(self.hot.find(*parent).inner()).filter(|entry| entry.role != Role::Unseen) {
                *operation = Some(entry.operation);
                operations.entry(entry.operation).or_default();
            }
        }
        operations.remove(&OperationId::OVERFLOW);
        let mut targets = operations.clone();
        for (seq, entry) in self.hot.iter() {
            let Some(targets) = targets.get_mut(&entry.operation) else { continue };
            for (_, call) in self.hot.children(seq) {
                if call.role == Role::Client
                    && call.service == entry.service
                    && call.row != RowId::NONE
                    && let RowKey::Call { to, .. } = self.rows.get(call.row).key
                    && to != End::Unknown
                {
                    push_new(targets, to, MAX_TARGETS);
                }
            }
        }
        let targets = |operation: &OperationId| targets.get(operation).cloned().unwrap_or_default();
        let mut callees: Vec<Callees> = Vec::new();
        for ((caller, breaker), places) in &self.refusals.places {
            let mut around: Vec<OperationId> = places.around.iter().filter_map(|(_, _, operation)| *operation).collect();
            around.sort_unstable();
            around.dedup();
            let mut candidates = vec![(Proof::Refused, places.targets.clone())];
            candidates.extend(places.refused.iter().map(|operation| (Proof::Operation, targets(operation))));
            candidates.extend(around.iter().map(|operation| (Proof::Around, targets(operation))));
            callees.push(Callees { caller: *caller, breaker: breaker.clone(), candidates });
        }
        callees.sort_by(|one, other| (one.caller, &one.breaker).cmp(&(other.caller, &other.breaker)));
        callees
    }
}
