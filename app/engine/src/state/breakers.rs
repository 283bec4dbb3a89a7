//! Circuit breakers: one row per caller, instance and name.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_model::{BreakerEventFact, BreakerEventKind, BreakerFact, BreakerState, InstanceFact, SourceId};

use crate::source_shares::{SharedMap, Shares};
use crate::state::breaker_history::{Folded, History, Report, STALE_NS};
use crate::state::inferred_breaker::{breaker_from_exception, breaker_from_response_flags};
use crate::state::sources::Sources;
use crate::state::told_events::ToldEvents;
use crate::state::whereabouts::Whereabouts;
use crate::view::{BreakerView, StateSource};
use crate::words;

/// Breakers kept, shared out by source; what finds no room is counted.
const MAX_BREAKERS: usize = 2_000;
/// One that was seen within this time does not leave for another of its source, ns: longer than between two polls.
const PATIENCE_NS: i64 = 3_000_000_000;
/// Callees kept per breaker.
const MAX_CALLEES: usize = 8;
/// The longest name kept.
const MAX_NAME_CHARS: usize = 200;
/// A confirmation by another's clock is not believed beyond this distance ahead of ours.
const MAX_AHEAD_NS: i64 = 60_000_000_000;
/// The name of a breaker whose exception does not give one.
const UNNAMED: &str = "unnamed";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct BreakerKey {
    caller: Option<String>,
    name: String,
    instance: Option<String>,
}

/// What guards calls, in one instance, and whether it is their retries that are told of or their time-outs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GuardKey {
    caller: Option<String>,
    name: String,
    instance: Option<String>,
    is_retry: bool,
}

/// What happened to calls, as what guards them tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Guarded {
    /// Calls made once more.
    pub(crate) retries: u64,
    /// Calls that took too long.
    pub(crate) time_outs: u64,
}

/// A breaker's history, and what follows from it until something new comes.
#[derive(Debug, Default)]
struct Row {
    history: History,
    folded: Option<Folded>,
}

/// All breakers.
#[derive(Debug)]
pub(crate) struct Breakers {
    rows: SharedMap<BreakerKey, Row>,
    /// By caller and breaker: for each service that it may guard, how much speaks for it.
    callees: BTreeMap<(Option<String>, String), BTreeMap<String, i64>>,
    /// By caller and name: calls that were retried and that timed out, as what guards them tells.
    guarded: SharedMap<(Option<String>, String), Guarded>,
    /// Which of their events were counted.
    told: SharedMap<GuardKey, ToldEvents>,
    /// Where the processes are that sources read, and when that was told; `None` = several answer.
    whereabouts_read: BTreeMap<SourceId, (i64, Option<Whereabouts>)>,
    /// Where spans say that instances are that refused calls, by caller and instance.
    whereabouts_seen: SharedMap<(String, String), Whereabouts>,
    /// Who tells now, and when that arrived, ns.
    teller: (SourceId, i64),
}

impl Default for Breakers {
    fn default() -> Self {
        Self {
            rows: SharedMap::new(MAX_BREAKERS, PATIENCE_NS),
            callees: BTreeMap::new(),
            guarded: SharedMap::new(MAX_BREAKERS, PATIENCE_NS),
            told: SharedMap::new(MAX_BREAKERS, PATIENCE_NS),
            whereabouts_read: BTreeMap::new(),
            whereabouts_seen: SharedMap::new(MAX_BREAKERS, 0),
            teller: (SourceId(0), 0),
        }
    }
}

impl Breakers {
    /// Who tells what comes next, and when it arrived.
    pub(crate) fn set_teller(&mut self, source: SourceId, received_ns: i64) {
        self.teller = (source, received_ns);
    }

    /// What found no room: breakers, other guards of calls, and what was told of these.
    pub(crate) fn shares(&self) -> [&Shares; 3] {
        [self.rows.shares(), self.guarded.shares(), self.told.shares()]
    }

    /// A report of the state now.
    pub(crate) fn apply_report(&mut self, fact: &BreakerFact, source: SourceId, received_ns: i64) {
        self.set_teller(source, received_ns);
        if let Some(history) = self.history(fact.caller.as_deref(), fact.instance.as_deref(), &fact.name) {
            history.report(Report { received_ns, source, state: fact.state, not_permitted: fact.not_permitted_calls });
        }
    }

    /// Something that happened, with the library's own time. The same event may come with every poll.
    pub(crate) fn apply_event(&mut self, fact: &BreakerEventFact, source: SourceId, received_ns: i64) {
        self.set_teller(source, received_ns);
        if matches!(fact.kind, BreakerEventKind::Retried | BreakerEventKind::TimedOut) {
            return self.guard(fact);
        }
        let Some(history) = self.history(fact.caller.as_deref(), fact.instance.as_deref(), &fact.name) else { return };
        history.confirm_events(received_ns, source);
        match fact.kind {
            BreakerEventKind::Transition { from, to } => history.transition(fact.at_ns, from, to, received_ns),
            BreakerEventKind::NotPermitted => history.refused_by_event(fact.at_ns, received_ns),
            BreakerEventKind::Error | BreakerEventKind::Success | BreakerEventKind::Other | BreakerEventKind::Retried | BreakerEventKind::TimedOut => {}
        }
    }

    fn guard(&mut self, fact: &BreakerEventFact) {
        let cut = |text: &str| words::visible(text, MAX_NAME_CHARS);
        let key = (fact.caller.clone(), cut(&fact.name));
        let (source, now_ns) = self.teller;
        let is_retry = fact.kind == BreakerEventKind::Retried;
        let in_instance = GuardKey { caller: key.0.clone(), name: key.1.clone(), instance: fact.instance.as_deref().map(cut), is_retry };
        let Some(told) = self.told.see(&in_instance, source, now_ns) else { return };
        let num_new = u64::from(told.is_new(fact.at_ns, source));
        let Some(tally) = self.guarded.see(&key, source, now_ns) else { return };
        *(if is_retry { &mut tally.retries } else { &mut tally.time_outs }) += num_new;
    }

    /// Callers and names of what guards calls, breakers or not.
    pub(crate) fn guard_names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.guarded.iter().filter_map(|((caller, name), _)| Some((caller.as_deref()?, name.as_str())))
    }

    /// Calls that were retried and that timed out, by caller and callee, where it is known whom the guard of this name guards.
    pub(crate) fn guarded(&self) -> BTreeMap<(String, String), Guarded> {
        let mut guarded: BTreeMap<(String, String), Guarded> = BTreeMap::new();
        for (key, tally) in self.guarded.iter() {
            let (Some(caller), Some(callee)) = (&key.0, callee(self.callees.get(key))) else { continue };
            let sum = guarded.entry((caller.clone(), callee)).or_default();
            sum.retries += tally.retries;
            sum.time_outs += tally.time_outs;
        }
        guarded
    }

    /// What answers behind the address that a source reads.
    pub(crate) fn apply_instance(&mut self, source: SourceId, fact: &InstanceFact, received_ns: i64) {
        // As many as there are sources.
        let told = (received_ns, (!fact.changing).then(|| Whereabouts::of_address(&fact.address, fact.process_id)));
        let known = self.whereabouts_read.entry(source).or_insert((i64::MIN, None));
        if told > *known {
            *known = told;
        }
    }

    /// Where spans say that an instance is in which a breaker refused.
    pub(crate) fn see_whereabouts(&mut self, caller: &str, instance: &str, whereabouts: &Whereabouts) {
        let key = (caller.to_owned(), words::visible(instance, MAX_NAME_CHARS));
        let (source, now_ns) = self.teller;
        if let Some(known) = self.whereabouts_seen.see(&key, source, now_ns) {
            known.add(whereabouts);
        }
    }

    /// An exception, or the text of a failed span's status (`exception_type` empty), of a service. If a breaker refused the
    /// call: its name, where told, and its state.
    pub(crate) fn observe_exception(
        &mut self,
        caller: &str,
        instance: Option<&str>,
        exception_type: &str,
        message: &str,
        at_ns: i64,
    ) -> Option<(Option<String>, BreakerState)> {
        let (name, state) = breaker_from_exception(exception_type, message)?;
        let (_, received_ns) = self.teller;
        if let Some(history) = self.history(Some(caller), instance, name.as_deref().unwrap_or(UNNAMED)) {
            history.refusal(at_ns, state, received_ns);
        }
        Some((name, state))
    }

    /// Envoy's response flags of a call, and the upstream cluster that they are about. Whether they tell of a full limit or
    /// of no host that may be called.
    pub(crate) fn observe_response_flags(&mut self, caller: &str, instance: Option<&str>, upstream: &str, flags: &str, at_ns: i64) -> bool {
        let Some(state) = breaker_from_response_flags(flags) else { return false };
        let name = if upstream.is_empty() { "envoy" } else { upstream };
        let (_, received_ns) = self.teller;
        if let Some(history) = self.history(Some(caller), instance, name) {
            history.refusal(at_ns, state, received_ns);
        }
        true
    }

    /// Speaks for (or, below 0, takes back what spoke for) a callee of a breaker, in all instances of its caller. The one with
    /// most in its favour is shown; of two with equally much, none.
    pub(crate) fn callee_evidence(&mut self, caller: Option<&str>, name: &str, callee: &str, weight: i64) {
        let key = (caller.map(str::to_owned), words::visible(name, MAX_NAME_CHARS));
        let callees = self.callees.entry(key.clone()).or_default();
        if callees.len() < MAX_CALLEES || callees.contains_key(callee) {
            let tally = callees.entry(callee.to_owned()).or_default();
            *tally = tally.saturating_add(weight);
        }
        callees.retain(|_, weight| *weight != 0);
        if callees.is_empty() {
            self.callees.remove(&key);
        }
    }

    /// One row a breaker and instance, by caller, name and instance. `num_live` tells how many instances of a caller send spans.
    pub(crate) fn views(&mut self, now_ns: i64, sources: &Sources, num_live: &dyn Fn(&str) -> usize) -> Vec<BreakerView> {
        let homes = self.homes(now_ns, num_live);
        let mut adopted: BTreeMap<BreakerKey, History> = BTreeMap::new();
        for (stray, home) in &homes {
            let Some(home) = home else { continue };
            let (Some(from), Some(to)) = (self.rows.get(stray), self.rows.get(home)) else { continue };
            adopted.entry(home.clone()).or_insert_with(|| to.history.clone()).take_refusals(&from.history);
        }
        let mut views = Vec::with_capacity(self.rows.len());
        for (key, row) in self.rows.iter_mut() {
            if homes.contains_key(key) {
                continue;
            }
            let folded = match adopted.get(key) {
                Some(history) => history.fold(),
                None => row.folded.get_or_insert_with(|| row.history.fold()).clone(),
            };
            let fresh_ns = now_ns.saturating_sub(folded.confirmed_ns);
            let told_by_silence = folded.source == StateSource::Event && folded.silent_source.is_some_and(|source| sources.is_live(source));
            views.push(BreakerView {
                caller: key.caller.clone(),
                caller_node: None,
                instance: key.instance.clone(),
                name: key.name.clone(),
                callee: callee(self.callees.get(&(key.caller.clone(), key.name.clone()))),
                callee_node: None,
                state: folded.state,
                since_ns: folded.since_ns,
                since_at_least: folded.since_at_least,
                source: folded.source,
                confirmed_ns: folded.confirmed_ns,
                stale: (fresh_ns > STALE_NS && !told_by_silence) || fresh_ns < -MAX_AHEAD_NS,
                disagreement: folded.disagreement,
                not_permitted: folded.not_permitted,
                transitions: folded.transitions,
            });
        }
        views
    }

    /// Where rows that only exceptions made belong: an exception without a name belongs to the caller's only breaker that has
    /// one; one without an instance, or of the only instance that throws, to the only row that is read; one of an instance that
    /// lies where a source reads to that source's row. Where every instance of the caller is read, one whose instance has another
    /// name there belongs to a row that says the same, or to none: what is read knows better. What is not certain stays a row of its own.
    fn homes(&self, now_ns: i64, num_live: &dyn Fn(&str) -> usize) -> BTreeMap<BreakerKey, Option<BreakerKey>> {
        let mut read: BTreeMap<&Option<String>, Vec<&BreakerKey>> = BTreeMap::new();
        let mut read_now: BTreeMap<&Option<String>, BTreeSet<&Option<String>>> = BTreeMap::new();
        for (key, row) in self.rows.iter().filter(|(_, row)| row.history.is_read()) {
            read.entry(&key.caller).or_default().push(key);
            if row.history.last_read().is_some_and(|(read_ns, _)| now_ns.saturating_sub(read_ns) <= STALE_NS) {
                read_now.entry(&key.caller).or_default().insert(&key.instance);
            }
        }
        let is_all_read = |caller: &Option<String>| {
            let num_read = read_now.get(caller).map_or(0, BTreeSet::len);
            let num_live = caller.as_deref().map_or(0, num_live);
            num_live > 0 && num_live <= num_read
        };
        let mut homes = BTreeMap::new();
        for (key, _) in self.rows.iter().filter(|(_, row)| !row.history.is_read()) {
            let of_caller = read.get(&key.caller).into_iter().flatten().copied();
            let candidates: Vec<&BreakerKey> = of_caller.filter(|other| key.name == UNNAMED || other.name == key.name).collect();
            let Some(first) = candidates.first() else { continue };
            if candidates.iter().any(|other| other.name != first.name) {
                continue;
            }
            let same = candidates.iter().find(|other| other.instance == key.instance);
            let fits = candidates.len() == 1 && (key.instance.is_none() || (first.instance.is_none() && self.num_throwing(key) == 1));
            let home = same.or(fits.then_some(first)).copied().or_else(|| self.neighbour(key, &candidates));
            if let Some(home) = home {
                homes.insert(key.clone(), Some(home.clone()));
            } else if key.instance.is_some() && is_all_read(&key.caller) {
                let home = if candidates.len() == 1 { Some(*first) } else { self.agreeing(key, &candidates) };
                homes.insert(key.clone(), home.cloned());
            }
        }
        homes
    }

    /// The only one of these rows whose source reads where spans say that this instance is, if it lies there alone.
    fn neighbour<'a>(&self, stray: &BreakerKey, candidates: &[&'a BreakerKey]) -> Option<&'a BreakerKey> {
        let caller = stray.caller.as_ref()?;
        let seen = self.whereabouts_seen.get(&(caller.clone(), stray.instance.clone()?))?;
        let read = |key: &BreakerKey| {
            self.rows.get(key).and_then(|row| row.history.last_read()).and_then(|(_, source)| self.whereabouts_read.get(&source)?.1.as_ref())
        };
        let mut near = candidates.iter().filter(|candidate| read(candidate).is_some_and(|there| there.is_near(seen)));
        let (home, None) = (near.next()?, near.next()) else { return None };
        let there = read(home)?;
        let from = (caller.clone(), String::new());
        let num_there = self.whereabouts_seen.from(&from).take_while(|((other, _), _)| other == caller).filter(|(_, other)| there.is_near(other)).count();
        (num_there == 1).then_some(*home)
    }

    /// The first of these rows of which is known what exceptions said.
    fn agreeing<'a>(&self, stray: &BreakerKey, candidates: &[&'a BreakerKey]) -> Option<&'a BreakerKey> {
        let said = &self.rows.get(stray)?.history;
        candidates.iter().copied().find(|candidate| self.rows.get(candidate).is_some_and(|row| row.history.fold().fits(said)))
    }

    /// In how many instances only exceptions tell of this breaker.
    fn num_throwing(&self, key: &BreakerKey) -> usize {
        let first = BreakerKey { instance: None, ..key.clone() };
        let of_name = self.rows.from(&first).take_while(|(other, _)| other.caller == key.caller && other.name == key.name);
        of_name.filter(|(_, row)| !row.history.is_read()).count()
    }

    fn history(&mut self, caller: Option<&str>, instance: Option<&str>, name: &str) -> Option<&mut History> {
        let cut = |text: &str| words::visible(text, MAX_NAME_CHARS);
        let key = BreakerKey { caller: caller.map(str::to_owned), name: cut(name), instance: instance.map(cut) };
        let (source, now_ns) = self.teller;
        let row = self.rows.see(&key, source, now_ns)?;
        row.folded = None;
        Some(&mut row.history)
    }
}

/// The callee with strictly most in its favour.
fn callee(callees: Option<&BTreeMap<String, i64>>) -> Option<String> {
    let mut ranked: Vec<(&String, i64)> = callees?.iter().map(|(callee, weight)| (callee, *weight)).filter(|(_, weight)| *weight > 0).collect();
    ranked.sort_by_key(|(callee, weight)| (std::cmp::Reverse(*weight), *callee));
    match ranked.as_slice() {
        [(callee, _)] => Some((*callee).clone()),
        [(callee, most), (_, next), ..] if most > next => Some((*callee).clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
