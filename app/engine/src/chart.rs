//! What the window and the report show, drawn from the engine's parts. Parts that did not change stay the same `Arc`.

mod history;
mod parts;
mod report;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use switchboard_model::SourceId;

use crate::chart::parts::{breakers, dead_letters, figures, interactions, put, put_topology, show_groups};
use crate::chart::told::Told;
use crate::figures::BUCKET_NS;
use crate::flow::{DRAINED_AFTER_NS, Flow, Ids, Plan, Summaries};
use crate::guarded;
use crate::left_out::LeftOuts;
use crate::state::{Breakers, DeadLetters, Groups, Sources, SpanReaders};
use crate::store::Store;
use crate::view::{BreakerView, GroupView, LagVerdict, LimitsReport, Snapshot, SourceView, Totals};

/// What a chart is drawn from.
pub(crate) struct Observed<'a> {
    /// The engine's time.
    pub(crate) now_ns: i64,
    /// Spans joined and counted.
    pub(crate) flow: &'a mut Flow,
    /// Topics and groups.
    pub(crate) groups: &'a mut Groups,
    /// Circuit breakers.
    pub(crate) breakers: &'a mut Breakers,
    /// Dead letters.
    pub(crate) dead_letters: &'a DeadLetters,
    /// Who reads by what spans say.
    pub(crate) span_readers: &'a SpanReaders,
    /// Sources.
    pub(crate) sources: &'a Sources,
    /// What is stored.
    pub(crate) store: &'a Store,
    /// The sources as they are shown, but for what they told of that found no room.
    pub(crate) source_views: Vec<(SourceId, SourceView)>,
    /// Items folded as noise.
    pub(crate) num_folded: u64,
    /// What found no room.
    pub(crate) left_out: LeftOuts,
}

/// Caller and breaker, and its callee with the weight of what speaks for it.
type Evidence = BTreeMap<(String, String), (String, i64)>;

/// Weight of a callee that spans prove.
const PROVED: i64 = 10;
/// Weight of a callee of which only the breaker's name tells.
const BY_NAME: i64 = 1;
/// An instance that sent no span for so long is not counted among those that hold breakers, ns.
const INSTANCE_LIVES_NS: i64 = 60_000_000_000;
/// Buckets that a history has at most.
const MAX_HISTORY: i32 = 186;

/// Draws snapshots and reports.
#[derive(Debug)]
pub(crate) struct Chart {
    started_ns: i64,
    snapshot: Snapshot,
    ids: Ids,
    plan: Plan,
    /// What the plan was made from: when none of it moved, neither does the plan.
    planned_from: Option<(u64, u64, u64, u64)>,
    /// Whether rows came or went since it was made, or something was held back from it.
    is_plan_old: bool,
    summaries: Summaries,
    /// What brokers and breakers told when the state last changed or time went on.
    told: Told,
    /// What was told to the breakers of their callees.
    evidence: Evidence,
    is_flow_changed: bool,
    is_state_changed: bool,
    is_ticked: bool,
    /// Whether the figures shown hold nothing that time alone changes.
    is_at_rest: bool,
    /// When the flow last changed, by the engine's time.
    flow_changed_ns: i64,
    nodes_left_out: BTreeMap<SourceId, u64>,
    /// Rows had moved so often when the plan was made.
    num_moves: u64,
}

impl Chart {
    /// An empty chart of a session that began then.
    pub(crate) fn new(started_ns: i64) -> Self {
        Self {
            started_ns,
            snapshot: Snapshot { started_ns, as_of_ns: started_ns, ..Snapshot::default() },
            ids: Ids::default(),
            plan: Plan::default(),
            planned_from: None,
            is_plan_old: false,
            summaries: Summaries::default(),
            told: Told::default(),
            evidence: Evidence::new(),
            is_flow_changed: false,
            is_state_changed: false,
            is_ticked: false,
            is_at_rest: true,
            flow_changed_ns: i64::MIN,
            nodes_left_out: BTreeMap::new(),
            num_moves: 0,
        }
    }

    /// Spans or records came.
    pub(crate) fn flow_changed(&mut self, now_ns: i64) {
        self.is_flow_changed = true;
        self.flow_changed_ns = self.flow_changed_ns.max(now_ns);
    }

    /// Facts, statuses or logs came.
    pub(crate) fn state_changed(&mut self) {
        self.is_state_changed = true;
    }

    /// Time went on.
    pub(crate) fn ticked(&mut self) {
        self.is_ticked = true;
    }

    /// What spans call the channel that is shown under a name.
    pub(crate) fn called_channels(&self, flow: &Flow, shown: &str) -> BTreeSet<String> {
        let named = flow.names.channels().filter(|(channel, _)| self.plan.channel_name(*channel) == Some(shown));
        named.map(|(_, known)| known.name.clone()).collect()
    }

    /// Nodes that found no room when the map was drawn last, by source.
    pub(crate) fn nodes_left_out(&self) -> &BTreeMap<SourceId, u64> {
        &self.nodes_left_out
    }

    /// Whether a new snapshot may differ from the last.
    pub(crate) fn is_dirty(&self) -> bool {
        self.is_flow_changed || self.is_state_changed || self.is_ticked
    }

    /// The last snapshot.
    pub(crate) fn last(&self) -> Snapshot {
        self.snapshot.clone()
    }

    fn told(&mut self, observed: &mut Observed<'_>) -> Told {
        self.tell_callees(observed);
        let mut groups = observed.groups.views(observed.now_ns, observed.sources);
        tell_waiting(&mut groups, observed.flow);
        let mut readers = observed.span_readers.of(&observed.flow.names, observed.now_ns);
        // A broker that tells of the members knows better.
        if !readers.is_empty() {
            for group in groups.iter_mut().filter(|group| group.members.is_none()) {
                group.readers = readers.get(&(group.group.clone(), group.topic.clone())).cloned().unwrap_or_default();
            }
            for group in groups.iter().filter(|group| group.members.is_some()) {
                readers.remove(&(group.group.clone(), group.topic.clone()));
            }
        }
        Told {
            channels: observed.groups.channels(),
            num_broker_groups: groups.len(),
            readers,
            groups: Arc::new(groups),
            dead_letters: observed.dead_letters.views(),
            breakers: breaker_views(observed),
            guarded: observed.breakers.guarded(),
        }
    }

    /// Tells the breakers what spans prove of their callees, and takes back what they no longer do.
    fn tell_callees(&mut self, observed: &mut Observed<'_>) {
        let views = breaker_views(observed);
        let flow = &*observed.flow;
        // Services of one name, in several namespaces, may hold breakers of one name: they must agree.
        let mut proved: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        let databases = flow.databases_told_apart();
        for known in &flow.callees() {
            let key = (flow.names.get_service(known.caller).name.clone(), known.breaker.clone());
            proved.entry(key).or_default().extend(flow.proved_callee(known, &databases).map(str::to_owned));
        }
        let mut evidence = Evidence::new();
        for (key, mut callees) in proved.into_iter().filter(|(_, callees)| callees.len() == 1) {
            evidence.extend(callees.pop_first().map(|callee| (key, (callee, PROVED))));
        }
        let mut called = BTreeMap::new();
        let of_guards: Vec<(String, String)> = observed.breakers.guard_names().map(|(caller, name)| (caller.to_owned(), name.to_owned())).collect();
        for key in views.into_iter().filter_map(|view| Some((view.caller?, view.name))).chain(of_guards) {
            if evidence.contains_key(&key) {
                continue;
            }
            let peers = called.entry(key.0.clone()).or_insert_with(|| flow.called_by(&key.0, &databases));
            if let Some(callee) = only_named(peers, &key.1) {
                let callee = callee.to_owned();
                evidence.insert(key, (callee, BY_NAME));
            }
        }
        for (key, (callee, weight)) in &self.evidence {
            if evidence.get(key) != Some(&(callee.clone(), *weight)) {
                observed.breakers.callee_evidence(Some(&key.0), &key.1, callee, -weight);
            }
        }
        for (key, (callee, weight)) in &evidence {
            if self.evidence.get(key) != Some(&(callee.clone(), *weight)) {
                observed.breakers.callee_evidence(Some(&key.0), &key.1, callee, *weight);
            }
        }
        self.evidence = evidence;
    }

    /// The view for the window.
    pub(crate) fn snapshot(&mut self, observed: &mut Observed<'_>) -> Snapshot {
        let now_ns = observed.now_ns;
        let is_told_anew = self.is_state_changed || self.is_ticked;
        if is_told_anew {
            self.told = self.told(observed);
        }
        let flow = &*observed.flow;
        let from = (flow.rows.shape(), flow.names.version(), flow.proofs.version(), flow.conversations.version());
        // With the seconds comes what was held back and found no partner, and goes what found one.
        self.is_plan_old |= self.is_flow_changed;
        let is_planned_anew = self.planned_from != Some(from) || self.is_state_changed || (self.is_ticked && self.is_plan_old);
        let mut is_changed = false;
        if is_planned_anew {
            self.plan_anew(flow);
            self.planned_from = Some(from);
            self.is_plan_old = self.plan.has_held_back;
            is_changed = put_topology(&mut self.snapshot.topology, &self.plan, self.is_ticked);
        }
        if is_told_anew || is_planned_anew {
            // One after the other, so that of each part at most two are held at a time: there may be many groups.
            let told = &mut self.told;
            show_groups(&self.plan, told);
            let is_same = *self.snapshot.groups == *told.groups;
            let (newer, older) = if is_same { (&self.snapshot.groups, &mut told.groups) } else { (&told.groups, &mut self.snapshot.groups) };
            *older = Arc::clone(newer);
            is_changed |= !is_same;
            is_changed |= put(&mut self.snapshot.breakers, breakers(&self.plan, told));
            is_changed |= put(&mut self.snapshot.dead_letters, dead_letters(&self.plan, told));
        }
        let told = &self.told;
        if self.is_flow_changed || is_planned_anew || !self.is_at_rest {
            self.is_at_rest = now_ns.saturating_sub(self.flow_changed_ns) > DRAINED_AFTER_NS;
            is_changed |= put(&mut self.snapshot.figures, figures(&self.plan, flow, (told, observed.sources), &mut self.summaries, now_ns, self.started_ns));
            let mut views = interactions(&self.plan, flow, &mut self.summaries, now_ns, self.started_ns);
            guarded::show(&self.plan, &told.guarded, &mut views);
            is_changed |= put(&mut self.snapshot.interactions, views);
        }
        observed.left_out.set_shown(&self.nodes_left_out, observed.groups.rows_left_out());
        let left_out = &observed.left_out;
        let told_of = |(source, view): (SourceId, SourceView)| SourceView { left_out: left_out.of_source(source), ..view };
        is_changed |= put(&mut self.snapshot.sources, std::mem::take(&mut observed.source_views).into_iter().map(told_of).collect());
        let totals = Totals {
            stored: observed.store.num_items(),
            stored_bytes: observed.store.size_bytes() as u64,
            oldest_span_ns: observed.store.oldest_span_ns(),
            folded: observed.num_folded,
            limits: LimitsReport { capped: observed.left_out.total(), ..flow.limits() },
            clock_set: observed.sources.clock_set().last().copied(),
        };
        is_changed |= std::mem::replace(&mut self.snapshot.totals, totals) != totals;
        if is_changed {
            self.snapshot.generation += 1;
        }
        self.snapshot.as_of_ns = now_ns;
        (self.is_flow_changed, self.is_state_changed, self.is_ticked) = (false, false, false);
        self.snapshot.clone()
    }

    fn plan_anew(&mut self, flow: &Flow) {
        self.plan = flow.plan(&mut self.ids, self.told.brokers(), true);
        self.nodes_left_out.clone_from(&self.plan.left_out);
        self.num_moves = flow.rows.num_moves();
    }
}

/// The one of these that bears a breaker's name: as its own, else as whole words of it (`payments` of `payments:8080`).
fn only_named<'a>(peers: &BTreeSet<&'a str>, breaker: &str) -> Option<&'a str> {
    let words =
        |name: &str| -> Vec<String> { name.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect() };
    let wanted = words(breaker);
    if wanted.is_empty() {
        return None;
    }
    let is_same = |peer: &&&str| peer.eq_ignore_ascii_case(breaker);
    let has_words = |peer: &&&str| words(peer).windows(wanted.len()).any(|of_peer| of_peer == wanted);
    let only = |mut named: Vec<&'a str>| if named.len() == 1 { named.pop() } else { None };
    let same: Vec<&str> = peers.iter().filter(is_same).copied().collect();
    if same.is_empty() { only(peers.iter().filter(has_words).copied().collect()) } else { only(same) }
}

/// The bucket of an instant; the first or last there is for one before or after all.
fn bucket_of_any(at_ns: i64) -> i32 {
    i32::try_from(at_ns.div_euclid(BUCKET_NS)).unwrap_or(if at_ns < 0 { i32::MIN } else { i32::MAX })
}

/// What a group says of the back-off of a retry topic explains why records wait there: it does not fall behind.
fn tell_waiting(groups: &mut [GroupView], flow: &Flow) {
    let waiting = flow.waiting();
    for group in groups.iter_mut().filter(|group| matches!(group.verdict, LagVerdict::Growing | LagVerdict::Stuck)) {
        if waiting.contains(&(group.topic.as_str(), group.group.as_str())) {
            group.verdict = LagVerdict::Waits;
            (group.partition, group.since_ns) = (None, None);
            group.reason = format!("waits until its records are due; {}", group.reason).into();
        }
    }
}

/// All breakers, with what spans tell of the instances that hold them.
fn breaker_views(observed: &mut Observed<'_>) -> Vec<BreakerView> {
    let (flow, seen_from_ns) = (&*observed.flow, observed.now_ns.saturating_sub(INSTANCE_LIVES_NS));
    observed.breakers.views(observed.now_ns, observed.sources, &|caller| flow.names.num_instances_since(caller, seen_from_ns))
}
