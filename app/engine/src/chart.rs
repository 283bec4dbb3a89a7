//! What the window and the report show, drawn from the engine's parts. Parts that did not change stay the same `Arc`.

mod history;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use switchboard_model::SourceId;

use crate::figures::BUCKET_NS;
use crate::flow::{Brokers, DRAINED_AFTER_NS, Flow, Ids, Plan, Scope, Summaries, evidence_of, flow_report};
use crate::guarded;
use crate::left_out::LeftOuts;
use crate::state::{Breakers, ChannelState, DeadLetters, Groups, Guarded, Sources, SpanReaders};
use crate::store::Store;
use crate::view::{
    BreakerReport, BreakerView, ChannelFigures, ClockSetReport, DeadLetterReport, DeadLetterView, Figures, GroupReport, GroupView, Health, HopKind,
    InteractionView, LagVerdict, LimitsReport, NodeBasis, NodeFigure, NodeId, NodeKind, REPORT_SCHEMA, Range, Report, Snapshot, SourceView, SpanReader,
    Topology, Totals, channel_word, rfc3339,
};

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

/// What brokers and breakers tell at an instant.
#[derive(Debug, Default)]
struct Told {
    channels: Vec<ChannelState>,
    /// Those of brokers; behind them, once they are shown, those that only spans name. There may be many: the snapshot shares
    /// them.
    groups: Arc<Vec<GroupView>>,
    num_broker_groups: usize,
    /// By group and topic, who reads by what spans say.
    readers: BTreeMap<(String, String), Vec<SpanReader>>,
    dead_letters: Vec<DeadLetterView>,
    breakers: Vec<BreakerView>,
    /// By caller and callee.
    guarded: BTreeMap<(String, String), Guarded>,
}

impl Told {
    fn broker_groups(&self) -> &[GroupView] {
        &self.groups[..self.num_broker_groups]
    }

    fn readers_of(&self, group: &str, topic: &str) -> Vec<SpanReader> {
        self.readers.get(&(group.to_owned(), topic.to_owned())).cloned().unwrap_or_default()
    }

    fn brokers(&self) -> Brokers<'_> {
        Brokers { channels: &self.channels, groups: self.broker_groups(), dead_letters: &self.dead_letters }
    }
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

    /// The report of the session, or of a range of time.
    pub(crate) fn report(&mut self, observed: &mut Observed<'_>, range: Option<Range>) -> Report {
        observed.flow.mend_examples();
        let told = self.told(observed);
        let flow = &*observed.flow;
        let plan = flow.plan(&mut self.ids, told.brokers(), false);
        self.nodes_left_out.clone_from(&plan.left_out);
        observed.left_out.set_shown(&plan.left_out, observed.groups.rows_left_out());
        let scope =
            range.map_or(Scope::Session, |range| Scope::Buckets(bucket_of_any(range.from_ns), bucket_of_any(range.to_ns.saturating_add(BUCKET_NS - 1))));
        let now_ns = observed.now_ns;
        let mut report = Report {
            schema: REPORT_SCHEMA,
            duration_s: now_ns.saturating_sub(self.started_ns).max(0) as f64 / 1e9,
            breakers: told.breakers.iter().map(|breaker| BreakerReport::of(breaker, now_ns)).collect(),
            dead_letters: dead_letter_reports(&told.dead_letters),
            refused: observed.sources.refused(),
            clock_set: observed.sources.clock_set().iter().map(|set| ClockSetReport { at: rfc3339(set.at_ns), by_s: set.by_ns as f64 / 1e9 }).collect(),
            limits: LimitsReport { capped: observed.left_out.total(), ..flow.limits() },
            ..Report::default()
        };
        let mut groups: Vec<GroupReport> =
            told.broker_groups().iter().cloned().chain(groups_of_spans(&plan, &told)).map(|group| GroupReport::of(group, now_ns)).collect();
        groups.sort_by(|one, other| (&one.group, &one.topic, &one.cluster).cmp(&(&other.group, &other.topic, &other.cluster)));
        report.groups = groups;
        report.breakers.sort_by(|one, other| (&one.caller, &one.instance, &one.name).cmp(&(&other.caller, &other.instance, &other.name)));
        flow_report(&mut report, flow, &plan, (told.channels.as_slice(), observed.sources), scope, &mut self.summaries);
        self.tell_verdicts(&mut report, flow, &plan, &told, now_ns);
        if range.is_none() {
            guarded::report(&told.guarded, &mut report.interactions);
        }
        report
    }

    /// Words and urgency of services and channels, as the map has them.
    fn tell_verdicts(&mut self, report: &mut Report, flow: &Flow, plan: &Plan, told: &Told, now_ns: i64) {
        let mut health: BTreeMap<(String, Option<String>, Option<String>), Health> = BTreeMap::new();
        // What only its own spans tell: that it called, published, or worked for a group.
        let mut heard: BTreeMap<NodeId, i64> = BTreeMap::new();
        for planned in plan.edges.iter().filter(|planned| !planned.edge.inferred && planned.edge.kind != HopKind::Deliver) {
            let actor = if planned.edge.kind == HopKind::Process { planned.edge.to } else { planned.edge.from };
            let last_ns = self.summaries.figure(&flow.rows, &planned.rows, &planned.rows, planned.num_more, now_ns, self.started_ns).last_ns;
            if let Some(last_ns) = last_ns {
                let known = heard.entry(actor).or_insert(last_ns);
                *known = (*known).max(last_ns);
            }
        }
        for planned in plan.nodes.iter().filter(|planned| planned.node.kind == NodeKind::Service) {
            let figure = self.summaries.figure(&flow.rows, &planned.rows, &planned.rows, planned.num_more, now_ns, self.started_ns);
            let node = &planned.node;
            let key = (node.name.clone(), node.namespace.clone(), node.environment.clone());
            let seen = node.instances.iter().map(|instance| instance.last_seen_ns);
            let heard_ns = seen.chain(figure.last_ns).chain(heard.get(&node.node_id).copied()).max().filter(|_| node.basis == NodeBasis::Traced);
            health.insert(key, Health::of(&figure, heard_ns, now_ns));
        }
        for service in &mut report.services {
            let key = (service.name.clone(), service.namespace.clone(), service.environment.clone());
            let health = health.get(&key).copied().unwrap_or(Health::Usual);
            (service.word, service.severity) = (health.word().to_owned(), health.severity());
        }
        for channel in &mut report.channels {
            let is_its = |letters: &&DeadLetterView| {
                channel.cluster.as_ref().is_none_or(|cluster| *cluster == letters.cluster)
                    && letters.origin.as_deref().unwrap_or(&letters.channel) == channel.name
            };
            let (word, severity) = channel_word(told.dead_letters.iter().filter(is_its).map(|letters| letters.count).sum());
            (channel.word, channel.severity) = (word.to_owned(), severity);
        }
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

/// Puts the plan's nodes and edges in place if they differ; whether they did. When instances were last seen moves all the
/// time: it is shown anew with each tick, under the same version, so that nobody draws the same shape again.
fn put_topology(place: &mut Arc<Topology>, plan: &Plan, is_ticked: bool) -> bool {
    let nodes = plan.nodes.iter().map(|planned| planned.node.clone()).collect();
    let edges = plan.edges.iter().map(|planned| planned.edge.clone()).collect();
    let topology = Topology { version: place.version, nodes, edges };
    if same_shape(place, &topology) {
        let has_aged = is_ticked && place.nodes != topology.nodes;
        if has_aged {
            *place = Arc::new(topology);
        }
        return has_aged;
    }
    *place = Arc::new(Topology { version: place.version + 1, ..topology });
    true
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

/// Gives each group its node, and adds those that only spans name.
fn show_groups(plan: &Plan, told: &mut Told) {
    let of_spans = groups_of_spans(plan, told);
    let groups = Arc::make_mut(&mut told.groups);
    groups.truncate(told.num_broker_groups);
    for group in &mut *groups {
        group.node_id = plan.group_on(group.cluster.as_deref().unwrap_or_default(), &group.group);
    }
    groups.extend(of_spans);
}

fn breakers(plan: &Plan, told: &Told) -> Vec<BreakerView> {
    let mut breakers = told.breakers.clone();
    for breaker in &mut breakers {
        breaker.caller_node = breaker.caller.as_deref().and_then(|caller| plan.service_named(caller));
        breaker.callee_node = breaker.callee.as_deref().and_then(|callee| plan.callee_named(callee));
    }
    breakers
}

fn dead_letters(plan: &Plan, told: &Told) -> Vec<DeadLetterView> {
    let mut dead_letters = told.dead_letters.clone();
    for letters in &mut dead_letters {
        letters.channel_node = plan.channel_on(&letters.cluster, &letters.channel);
        letters.origin_node = letters.origin.as_deref().and_then(|origin| plan.channel_on(&letters.cluster, origin));
    }
    dead_letters
}

/// Puts a part in place if it differs; whether it did.
fn put<T: PartialEq>(place: &mut Arc<T>, part: T) -> bool {
    if **place == part {
        return false;
    }
    *place = Arc::new(part);
    true
}

/// Whether two topologies are the same but for what moves all the time: when instances were last seen.
fn same_shape(known: &Topology, new: &Topology) -> bool {
    let is_same_node = |(one, other): (&crate::view::Node, &crate::view::Node)| {
        let instances = |node: &crate::view::Node| node.instances.iter().map(|known| (known.instance.clone(), known.version.clone())).collect::<Vec<_>>();
        (one.node_id, one.kind, &one.name, &one.namespace, &one.environment, &one.system, &one.version, one.basis, one.folded_into)
            == (other.node_id, other.kind, &other.name, &other.namespace, &other.environment, &other.system, &other.version, other.basis, other.folded_into)
            && (one.instances.len() == other.instances.len() && instances(one) == instances(other))
    };
    known.edges == new.edges && known.nodes.len() == new.nodes.len() && known.nodes.iter().zip(&new.nodes).all(is_same_node)
}

fn figures(plan: &Plan, flow: &Flow, (told, sources): (&Told, &Sources), summaries: &mut Summaries, now_ns: i64, started_ns: i64) -> Figures {
    let mut figures = Figures::default();
    for planned in &plan.nodes {
        let figure = summaries.figure(&flow.rows, &planned.rows, &planned.rows, planned.num_more, now_ns, started_ns);
        let node_id = planned.node.node_id;
        figures.nodes.push(NodeFigure { node_id, figure, clock_ahead_ns: planned.clock_ahead_ns(flow, sources) });
        if planned.node.kind == NodeKind::Channel {
            let state = planned.channel.and_then(|at| told.channels.get(at));
            figures.channels.push(ChannelFigures {
                node_id,
                cluster: state.map(|state| state.cluster.name.clone()),
                partitions: state.and_then(|state| state.partitions),
                records: state.and_then(|state| state.records),
                not_tailed: match state.map(|state| &state.tail) {
                    Some(switchboard_model::TailState::Tailed) => None,
                    Some(switchboard_model::TailState::NotTailed(reason)) => Some(reason.clone()),
                    None => Some("no broker source reads it".to_owned()),
                },
                made_again_ns: state.and_then(|state| state.made_again_ns),
            });
        }
    }
    for planned in &plan.edges {
        let timed = planned.latencies.as_deref().unwrap_or(&planned.rows);
        let figure = summaries.figure(&flow.rows, &planned.rows, timed, planned.num_more, now_ns, started_ns);
        figures.edges.push((planned.edge.edge_id, figure, evidence_of(&flow.rows, &planned.rows, planned.num_more)));
    }
    figures
}

fn interactions(plan: &Plan, flow: &Flow, summaries: &mut Summaries, now_ns: i64, started_ns: i64) -> Vec<InteractionView> {
    let mut views = Vec::with_capacity(plan.interactions.len());
    for planned in &plan.interactions {
        let figure = summaries.figure(&flow.rows, &planned.rows, &planned.rows, planned.num_more, now_ns, started_ns);
        if figure.total_calls == 0 {
            continue;
        }
        let callee = |summaries: &mut Summaries| summaries.figure(&flow.rows, &planned.callee, &planned.callee, 0, now_ns, started_ns);
        let counts = summaries.of(&flow.rows, &planned.rows, &planned.rows, Scope::Session).counts;
        views.push(InteractionView {
            from: planned.from,
            to: planned.to,
            via: planned.via.clone(),
            style: planned.style,
            style_reason: planned.style_reason.clone(),
            figure,
            callee_figure: (!planned.callee.is_empty()).then(|| callee(summaries)),
            retries: counts.retries,
            timeouts: counts.timeouts,
            sampled_share: counts.sampled_share().filter(|_| planned.num_more == 0),
            evidence: evidence_of(&flow.rows, &planned.rows, planned.num_more),
        });
    }
    views
}

/// Groups that only spans name: nobody tells their lag.
fn groups_of_spans(plan: &Plan, told: &Told) -> Vec<GroupView> {
    let mut groups = Vec::new();
    let told_groups: HashSet<(&str, &str, Option<&str>)> =
        told.broker_groups().iter().map(|known| (known.group.as_str(), known.topic.as_str(), known.cluster.as_deref())).collect();
    for planned in plan.edges.iter().filter(|planned| planned.edge.kind == HopKind::Deliver) {
        let (Some(channel), Some(group)) = (plan.node(planned.edge.from), plan.node(planned.edge.to)) else { continue };
        let cluster = channel.channel.and_then(|at| told.channels.get(at)).map(|state| state.cluster.name.clone());
        let is_told = told_groups.contains(&(group.node.name.as_str(), channel.node.name.as_str(), cluster.as_deref()));
        if is_told || group.node.kind != NodeKind::Group {
            continue;
        }
        let reason = match &cluster {
            Some(cluster) => format!("only spans name it; {cluster} has told no offsets of it"),
            None => "only spans name it; no broker source reads its channel".to_owned(),
        };
        groups.push(GroupView {
            node_id: Some(planned.edge.to),
            group: group.node.name.clone(),
            topic: channel.node.name.clone(),
            members_reason: Some("no broker source tells of it".to_owned()),
            readers: told.readers_of(&group.node.name, &channel.node.name),
            reason: reason.into(),
            ..GroupView::default()
        });
    }
    groups
}

/// All breakers, with what spans tell of the instances that hold them.
fn breaker_views(observed: &mut Observed<'_>) -> Vec<BreakerView> {
    let (flow, seen_from_ns) = (&*observed.flow, observed.now_ns.saturating_sub(INSTANCE_LIVES_NS));
    observed.breakers.views(observed.now_ns, observed.sources, &|caller| flow.names.num_instances_since(caller, seen_from_ns))
}

/// By channel, origin and fingerprint, whatever the cluster.
fn dead_letter_reports(views: &[DeadLetterView]) -> Vec<DeadLetterReport> {
    let mut sums: BTreeMap<(String, Option<String>, String, Option<String>), u64> = BTreeMap::new();
    for view in views {
        *sums.entry((view.channel.clone(), view.origin.clone(), view.fingerprint.clone(), view.dialect.clone())).or_insert(0) += view.count;
    }
    let report = |((channel, origin, fingerprint, dialect), count)| DeadLetterReport { channel, origin, fingerprint, count, dialect };
    sums.into_iter().map(report).collect()
}
