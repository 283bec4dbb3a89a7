//! Whom a circuit breaker guards: the one whom its caller calls where the breaker refused. Evidence, not names: under the
//! operation that was refused, or under the same operation above it, calls go to exactly one peer. Nothing here depends on
//! the order in which spans arrived: what is kept under a cap are the lowest by name or rank, and what came beyond a cap
//! proves nothing.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};
use switchboard_model::SourceId;

use crate::extract::Role;
use crate::figures::{End, RowId, RowKey, Rows, SpanKey};
use crate::flow::hot::{Entry, Hot, Seq};
use crate::flow::{Arrival, Flow, Older};
use crate::names::{Gone, OperationId, PeerId, ServiceId, Via};
use crate::source_shares::{SharedMap, Shares};

/// Breakers that are followed, shared out by source; refusals of further ones are counted.
const MAX_BREAKERS: usize = 1_000;
/// Operations of one breaker, and spans around its refusals.
const MAX_OPERATIONS: usize = 32;
/// Targets of an operation: with more of them nothing is proved anyway.
const MAX_TARGETS: usize = 32;
/// Operations of which the calls are remembered once they left, shared out by source, beside those that were refused; further ones are
/// counted.
const MAX_CALLING: usize = 16 << 10;
/// How many of a source leave at once for another's, for each time all are looked at.
const LEAVE_AT_ONCE: usize = 64;

/// Whom a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    to: End,
    is_database: bool,
}

impl Target {
    /// Whom this span calls, if it is a call by this service to someone who is told.
    fn of(call: &Entry, caller: ServiceId, rows: &Rows) -> Option<Self> {
        if call.role != Role::Client || call.service != caller || call.row == RowId::NONE {
            return None;
        }
        let RowKey::Call { to, via, .. } = rows.get(call.row).key else { return None };
        (to != End::Unknown).then_some(Self { to, is_database: via == Via::Database })
    }
}

/// Whom calls go to.
#[derive(Clone, Debug, Default, PartialEq)]
struct Targets {
    known: Vec<Target>,
    /// Whether there were more than are kept, or some that are not told apart.
    has_more: bool,
}

impl Targets {
    fn add(&mut self, target: Target) {
        let is_apart = !matches!(target.to, End::Service(ServiceId::OTHER) | End::Peer(PeerId::OTHER));
        if is_apart && self.known.contains(&target) {
            return;
        }
        if is_apart && self.known.len() < MAX_TARGETS {
            self.known.push(target);
        } else {
            self.has_more = true;
        }
    }
}

impl Targets {
    /// Whoever is gone is not told from others.
    fn forget(&mut self, gone: &Gone) {
        let num_known = self.known.len();
        self.known.retain(|target| match target.to {
            End::Service(service) => !gone.has_service(service),
            End::Peer(peer) => gone.peer(peer) == peer,
            End::Unknown | End::Root | End::Missing => true,
        });
        self.has_more |= self.known.len() < num_known;
    }
}

/// A span around a refused one.
#[derive(Clone, Copy, Debug)]
struct Around {
    rank: u64,
    span: SpanKey,
    /// Its operation as it was when it was no longer among the last arrivals.
    operation: Option<OperationId>,
}

/// Where a breaker refused.
#[derive(Debug, Default)]
struct Places {
    /// Whom refused calls were to go to.
    targets: Targets,
    /// The operations that were refused, the first by name.
    refused: Vec<OperationId>,
    /// Spans around the refused ones, the lowest by rank.
    around: Vec<Around>,
}

/// How well a callee is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Proof {
    /// The refused spans say it themselves.
    Refused,
    /// The refused operation calls no one else.
    Operation,
    /// The operation around the refused one calls no one else, but for databases.
    Around,
}

/// Names of databases that are not those which their callers give them.
#[derive(Debug, Default)]
pub(crate) struct DatabaseNames(HashMap<PeerId, String>);

/// What may be a breaker's callee.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Callees {
    /// The service that holds the breaker.
    pub(crate) caller: ServiceId,
    /// The breaker's name.
    pub(crate) breaker: String,
    /// Best first: whom each operation (or all refused spans together) calls. Exactly one is proof.
    candidates: Vec<(Proof, Targets)>,
}

/// Where breakers refused, and who is called there.
#[derive(Debug)]
pub(crate) struct Refusals {
    places: SharedMap<(ServiceId, String), Places>,
    /// The spans around refused ones, by the low half of their trace id.
    awaited: HashSet<SpanKey>,
    calling: Calling,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { places: SharedMap::new(MAX_BREAKERS, 0), awaited: HashSet::new(), calling: Calling::default() }
    }
}

/// Who was called under an operation, by spans that are no longer among the last arrivals.
#[derive(Debug, Default)]
struct Calling {
    known: HashMap<OperationId, (SourceId, Targets)>,
    /// Operations of which some calls found no room: what is known of them proves nothing.
    incomplete: HashSet<OperationId>,
    shares: Shares,
}

impl Calling {
    /// A call left; `source` tells whose the operation is.
    fn note(&mut self, operation: OperationId, target: Target, source: impl FnOnce() -> SourceId) {
        if let Some((_, targets)) = self.known.get_mut(&operation) {
            targets.add(target);
            return;
        }
        if operation == OperationId::OVERFLOW || self.incomplete.contains(&operation) {
            return;
        }
        let source = source();
        if !self.make_room(source) {
            return self.leave_out(operation, source);
        }
        let mut targets = Targets::default();
        targets.add(target);
        self.known.insert(operation, (source, targets));
        self.shares.take(source);
    }

    /// From now on all calls of an operation are remembered.
    fn begin(&mut self, operation: OperationId, source: SourceId) {
        if !self.known.contains_key(&operation) {
            self.known.insert(operation, (source, Targets::default()));
            self.shares.take(source);
        }
    }

    fn make_room(&mut self, source: SourceId) -> bool {
        let Some(from) = self.shares.yields_to(source, MAX_CALLING) else { return true };
        if from == source {
            return false;
        }
        let spare = self.shares.of(from).saturating_sub(self.shares.share(source, MAX_CALLING)).clamp(1, LEAVE_AT_ONCE);
        let mut of_other: Vec<OperationId> = self.known.iter().filter(|(_, (known, _))| *known == from).map(|(operation, _)| *operation).collect();
        of_other.sort_unstable();
        for operation in of_other.into_iter().take(spare) {
            self.known.remove(&operation);
            self.shares.give_back(from);
            self.leave_out(operation, from);
        }
        true
    }

    fn leave_out(&mut self, operation: OperationId, source: SourceId) {
        if self.incomplete.insert(operation) {
            self.shares.leave_out(source, 1);
        }
    }

    /// Whom an operation called.
    fn of(&self, operation: OperationId) -> Targets {
        let mut targets = self.known.get(&operation).map(|(_, targets)| targets.clone()).unwrap_or_default();
        targets.has_more |= self.incomplete.contains(&operation);
        targets
    }

    fn forget(&mut self, gone: &Gone) {
        let Self { known, incomplete, shares } = self;
        known.retain(|operation, (source, targets)| {
            targets.forget(gone);
            let is_here = gone.operation(*operation) == *operation;
            if !is_here {
                shares.give_back(*source);
            }
            is_here
        });
        incomplete.retain(|operation| gone.operation(*operation) == *operation);
    }

    fn size_bytes(&self) -> usize {
        self.known.capacity() * (size_of::<(OperationId, (SourceId, Targets))>() + 2 * size_of::<Target>())
            + self.incomplete.capacity() * size_of::<OperationId>()
    }
}

impl Refusals {
    /// Whether anything was ever refused.
    fn is_watching(&self) -> bool {
        self.places.len() > 0
    }

    /// Breakers that found no room.
    pub(super) fn shares(&self) -> &Shares {
        self.places.shares()
    }

    /// Operations whose calls found no room.
    pub(super) fn shares_of_calling(&self) -> &Shares {
        &self.calling.shares
    }

    /// What it holds, in bytes, roughly.
    pub(super) fn size_bytes(&self) -> usize {
        self.calling.size_bytes() + self.awaited.capacity() * size_of::<SpanKey>()
    }

    /// Names that are gone are followed no more, and prove nothing.
    pub(super) fn forget(&mut self, gone: &Gone) {
        let mut left: Vec<Around> = Vec::new();
        self.places.retain(|(caller, _), places| {
            let is_here = !gone.has_service(*caller);
            if is_here {
                places.targets.forget(gone);
                places.refused.retain(|operation| gone.operation(*operation) == *operation);
                places.around.iter_mut().for_each(|known| known.operation = known.operation.map(|operation| gone.operation(operation)));
            } else {
                left.append(&mut places.around);
            }
            is_here
        });
        self.stop_waiting(&left);
        self.calling.forget(gone);
    }

    /// A span was around a refused one of this breaker.
    fn put_around(&mut self, of_breaker: &(ServiceId, String), span: SpanKey, operation: Option<OperationId>) {
        let Some(places) = self.places.get_mut(of_breaker) else { return };
        let rank = span.rank();
        let Err(at) = places.around.binary_search_by_key(&(rank, span), |known| (known.rank, known.span)) else { return };
        places.around.insert(at, Around { rank, span, operation });
        let dropped = if places.around.len() > MAX_OPERATIONS { places.around.pop() } else { None };
        self.awaited.insert(span.narrow());
        self.stop_waiting(dropped.as_slice());
    }

    /// These are no longer around a refused span, if they are around no other.
    fn stop_waiting(&mut self, dropped: &[Around]) {
        for narrow in dropped.iter().map(|dropped| dropped.span.narrow()) {
            if !self.places.iter().flat_map(|(_, places)| &places.around).any(|known| known.span.narrow() == narrow) {
                self.awaited.remove(&narrow);
            }
        }
    }

    /// A span of this id will no longer be found among the last arrivals.
    fn left(&mut self, entry: &Entry) {
        let narrow = entry.key().narrow();
        if self.awaited.is_empty() || !self.awaited.contains(&narrow) {
            return;
        }
        for ((caller, _), places) in self.places.iter_mut() {
            for known in places.around.iter_mut().filter(|known| *caller == entry.service && known.span.narrow() == narrow) {
                // Of the two sides of a shared id the answering one works on.
                if known.operation.is_none() || entry.is_callee() {
                    known.operation = Some(entry.operation);
                }
            }
        }
    }
}

/// What a service does in the span of this id, if it is among the last arrivals.
fn operation_of(hot: &Hot, key: SpanKey, service: ServiceId) -> Option<OperationId> {
    let sides = hot.find(key);
    let here = |side: Seq| hot.get(side).filter(|entry| entry.role != Role::Unseen && entry.service == service);
    here(sides.callee).or_else(|| here(sides.caller)).map(|entry| entry.operation)
}

impl Flow {
    /// A span says that a breaker refused what it wanted to do.
    pub(crate) fn refused(&mut self, arrival: &Arrival<'_>, breaker: &str, older: &mut dyn Older) {
        let facts = arrival.facts;
        let of_breaker = (facts.service, breaker.to_owned());
        let mut left: Vec<Around> = Vec::new();
        let source = self.names.namer().source;
        let Some(places) = self.refusals.places.see_and(&of_breaker, source, arrival.received_ns, |_, places| left = places.around) else { return };
        if facts.role == Role::Client && facts.peer.is_some() {
            places.targets.add(Target { to: End::Peer(facts.peer), is_database: facts.via == Via::Database });
        }
        if facts.operation != OperationId::OVERFLOW && !places.refused.contains(&facts.operation) {
            let names = &self.names;
            let at = places.refused.partition_point(|known| names.get_operation(*known) < names.get_operation(facts.operation));
            places.refused.insert(at, facts.operation);
            places.refused.truncate(MAX_OPERATIONS);
            // Whatever is remembered already, of this one all is.
            self.refusals.calling.begin(facts.operation, source);
        }
        self.refusals.stop_waiting(&left);
        let parent = SpanKey { span_id: arrival.parent, ..arrival.key };
        if !arrival.parent.is_some() || parent == arrival.key {
            return;
        }
        let is_here = operation_of(&self.hot, parent, facts.service).is_some();
        let old = if is_here || !self.hot.is_full() { None } else { older.find(parent, &mut self.names) };
        let operation = old.filter(|old| old.facts.service == facts.service).map(|old| old.facts.operation);
        self.refusals.put_around(&of_breaker, parent, operation);
    }

    /// A span is no longer among the last arrivals: what it, or a call under it, says of who is called where is remembered.
    /// Always, for what is refused may come much later.
    pub(super) fn note_calls(&mut self, entry: &Entry) {
        let Self { hot, rows, refusals, names, .. } = self;
        if entry.role == Role::Unseen {
            return;
        }
        let source_of = |operation: OperationId| names.operation_source(operation).unwrap_or(names.namer().source);
        if let Some(target) = Target::of(entry, entry.service, rows)
            && entry.parent.is_some()
            && let Some(operation) = operation_of(hot, entry.parent_key(), entry.service)
        {
            refusals.calling.note(operation, target, || source_of(operation));
        }
        for (_, call) in hot.chain(entry.first_child) {
            if let Some(target) = Target::of(call, entry.service, rows) {
                refusals.calling.note(entry.operation, target, || source_of(entry.operation));
            }
        }
        refusals.left(entry);
    }

    /// What databases are called that bear the name of a service, or of another database: as the map shows them.
    pub(crate) fn databases_told_apart(&self) -> DatabaseNames {
        let mut bearers: HashMap<&str, HashSet<(&str, bool)>> = HashMap::new();
        for (_, service) in self.names.services() {
            bearers.entry(&service.name).or_default().insert(("", false));
        }
        for known in self.names.peers().filter(|known| known.is_name || !known.system.is_empty()) {
            // At one address is one database, however its system is spelt.
            let system = if known.has_host { "" } else { known.system.as_str() };
            bearers.entry(&known.text).or_default().insert((system, known.has_host));
        }
        let databases = self.names.numbered_peers().filter(|(_, known)| !known.system.is_empty() && known.system != known.text);
        let shared = databases.filter(|(_, known)| bearers.get(known.text.as_str()).is_some_and(|of_name| of_name.len() > 1));
        DatabaseNames(shared.map(|(peer, known)| (peer, format!("{} ({})", known.text, known.system))).collect())
    }

    /// The name of an end, as the map shows it: a service's, or what its callers name.
    fn end_name<'a>(&'a self, end: End, databases: &'a DatabaseNames) -> Option<&'a str> {
        let of_peer = |peer: PeerId| match (self.proofs.service(peer), databases.0.get(&peer)) {
            (Some(service), _) => &self.names.get_service(service).name,
            (None, Some(database)) => database,
            (None, None) => &self.names.get_peer(peer).text,
        };
        match end {
            End::Service(service) => Some(&self.names.get_service(service).name),
            End::Peer(peer) => Some(of_peer(peer)),
            End::Unknown | End::Root | End::Missing => None,
        }
    }

    /// Whom services of this name call, by name.
    pub(crate) fn called_by<'a>(&'a self, caller: &str, databases: &'a DatabaseNames) -> BTreeSet<&'a str> {
        let rows = self.rows.held().filter_map(|(_, row)| match row.key {
            RowKey::Call { from: End::Service(service), to, .. } if self.names.get_service(service).name == caller => self.end_name(to, databases),
            _ => None,
        });
        rows.collect()
    }

    /// Addresses that pairs of spans proved to be those of services of this name.
    pub(crate) fn addresses_of(&self, service: &str) -> BTreeSet<String> {
        let is_its = |peer: &PeerId| self.proofs.service(*peer).is_some_and(|proved| self.names.get_service(proved).name == service);
        self.proofs.peers().filter(is_its).map(|peer| self.names.get_peer(peer).text.clone()).collect()
    }

    /// What may be the callee of each breaker that refused.
    pub(crate) fn callees(&self) -> Vec<Callees> {
        if !self.refusals.is_watching() {
            return Vec::new();
        }
        let Refusals { places, calling, .. } = &self.refusals;
        let mut of_breakers: Vec<(&(ServiceId, String), &Places, Vec<OperationId>)> = Vec::with_capacity(places.len());
        for (of_breaker, places) in places.iter() {
            let operation = |known: &Around| operation_of(&self.hot, known.span, of_breaker.0).or(known.operation);
            let mut around: Vec<OperationId> = places.around.iter().filter_map(operation).collect();
            around.sort_unstable();
            around.dedup();
            of_breakers.push((of_breaker, places, around));
        }
        let wanted = of_breakers.iter().flat_map(|(_, places, around)| places.refused.iter().chain(around));
        let mut targets: HashMap<OperationId, Targets> = wanted.map(|operation| (*operation, calling.of(*operation))).collect();
        targets.remove(&OperationId::OVERFLOW);
        for (_, entry) in self.hot.iter() {
            let Some(targets) = targets.get_mut(&entry.operation) else { continue };
            // Under a shared id, calls stand under the side that had come when they came.
            let sides = self.hot.find(entry.key());
            for (_, call) in [sides.caller, sides.callee].into_iter().flat_map(|side| self.hot.children(side)) {
                if let Some(target) = Target::of(call, entry.service, &self.rows) {
                    targets.add(target);
                }
            }
        }
        let targets = |operation: &OperationId| targets.get(operation).cloned().unwrap_or_default();
        let callees = |((caller, breaker), places, around): (&(ServiceId, String), &Places, Vec<OperationId>)| {
            let mut candidates = vec![(Proof::Refused, places.targets.clone())];
            candidates.extend(places.refused.iter().map(|operation| (Proof::Operation, targets(operation))));
            candidates.extend(around.iter().map(|operation| {
                let mut targets = targets(operation);
                // A query beside the refused call is no sign of what was refused.
                targets.known.retain(|target| !target.is_database);
                (Proof::Around, targets)
            }));
            Callees { caller: *caller, breaker: breaker.clone(), candidates }
        };
        of_breakers.into_iter().map(callees).collect()
    }

    /// The one callee that the best evidence names.
    pub(crate) fn proved_callee<'a>(&'a self, known: &Callees, databases: &'a DatabaseNames) -> Option<&'a str> {
        for proof in [Proof::Refused, Proof::Operation, Proof::Around] {
            let mut agreed = BTreeSet::new();
            for (_, targets) in known.candidates.iter().filter(|(of_proof, targets)| *of_proof == proof && !targets.has_more) {
                let names: BTreeSet<&str> = targets.known.iter().filter_map(|target| self.end_name(target.to, databases)).collect();
                if names.len() == 1 {
                    agreed.extend(names);
                }
            }
            if !agreed.is_empty() {
                return if agreed.len() == 1 { agreed.pop_first() } else { None };
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_whose_calls_are_remembered_are_shared_out_and_what_found_no_room_proves_nothing() {
        let target = |number: u16| Target { to: End::Service(ServiceId(number)), is_database: false };
        let mut calling = Calling::default();
        let most = MAX_CALLING as u32;
        for operation in 0..most + 100 {
            // Each calls twice: it is left out once.
            (0..2).for_each(|_| calling.note(OperationId(operation + 2), target(5), || SourceId(1)));
        }
        assert_eq!((calling.known.len(), calling.shares.num_left_out()), (MAX_CALLING, 100));
        assert_eq!((calling.of(OperationId(2)).known, calling.of(OperationId(2)).has_more), (vec![target(5)], false));
        assert!(calling.of(OperationId(most + 50)).has_more);
        // Another source finds its share: those of the first that leave for it prove nothing from then on.
        for operation in 0..200 {
            calling.note(OperationId(100_000 + operation), target(6), || SourceId(2));
        }
        assert!((0..200).all(|operation| !calling.of(OperationId(100_000 + operation)).has_more));
        assert!(calling.known.len() <= MAX_CALLING && calling.of(OperationId(2)).has_more && calling.of(OperationId(2)).known.is_empty());
        assert_eq!(calling.shares.left_out().get(&SourceId(2)), None);
        // One that was refused is remembered from now on, but not all of it is known.
        calling.begin(OperationId(most + 50), SourceId(1));
        calling.note(OperationId(most + 50), target(7), || SourceId(1));
        assert_eq!((calling.of(OperationId(most + 50)).known, calling.of(OperationId(most + 50)).has_more), (vec![target(7)], true));
    }
}
