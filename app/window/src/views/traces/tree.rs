//! A trace as a tree: who caused whom, as far as the spans say. Pure, and linear in the number of spans but for one sort;
//! nothing recurses, and every span stands in it exactly once, whatever its sender says.

use std::collections::HashMap;

use switchboard_engine::view::{SpanView, Timing, TraceView};
use switchboard_model::{SpanId, SpanKind};

use crate::words::traces::odd_time;

/// Spans of one id that are looked at when a parent is sought; more have no say.
const TWINS_MAX: usize = 8;
/// A caller that waits so much longer than its callee worked is worth a row: at least so long, ns …
const GAP_MIN_NS: i64 = 50_000_000;
/// … and at least this part of the call.
const GAP_SHARE: f64 = 0.5;

/// What a node stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeOf {
    /// A span, by its place in the answer.
    Span(u32),
    /// A parent that others name and that was not received.
    Missing(SpanId),
}

/// A node again after the answer came anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeKey {
    /// Its span's id.
    pub span_id: SpanId,
    /// Which of the spans of that id, by start.
    pub nth: u32,
    /// Whether the span itself is missing.
    pub is_missing: bool,
}

/// A node. Those below it follow it directly.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TreeNode {
    /// What it stands for.
    pub of: NodeOf,
    /// Its name for good.
    pub key: NodeKey,
    /// A number for its service and operation: equal where both are; `None` = it was not received.
    pub name: Option<u32>,
    /// Its parent's place; `None` = it stands at the top.
    pub parent: Option<u32>,
    /// How deep it stands.
    pub depth: u32,
    /// How many nodes are below it.
    pub num_below: u32,
    /// How many of these failed.
    pub num_errors_below: u32,
    /// Start, ns since the Unix epoch.
    pub start_ns: i64,
    /// End; never before the start.
    pub end_ns: i64,
    /// First start of it and all below it.
    pub first_ns: i64,
    /// Last end of it and all below it.
    pub last_ns: i64,
    /// Whether it failed.
    pub is_error: bool,
    /// What is wrong with its own start and end; where its start is not believed, it is drawn at its parent's.
    pub odd_time: Option<&'static str>,
    /// Whether its parents lead back to itself: it was put at the top.
    pub is_loop: bool,
    /// How long before its parent it starts, ns, where they are of different services: clocks differ.
    pub before_parent_ns: Option<i64>,
    /// After this callee answered, its caller waited until then, ns since the Unix epoch.
    pub caller_waits_until_ns: Option<i64>,
}

impl TreeNode {
    /// Whether the failure began here: it failed, and nothing below it did.
    pub(crate) fn is_origin_of_error(&self) -> bool {
        self.is_error && self.num_errors_below == 0
    }
}

/// How far a service's clock stands from its caller's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ClockDifference {
    /// The service.
    pub service: String,
    /// Whose clock it is compared with.
    pub caller: String,
    /// Its clock − the caller's, ns.
    pub offset_ns: i64,
    /// How exactly that is known, ns.
    pub plus_minus_ns: i64,
    /// How many pairs of spans tell it.
    pub num_pairs: u32,
}

/// A trace as a tree.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tree {
    /// Nodes, each followed by what is below it.
    pub nodes: Vec<TreeNode>,
    /// First start, ns since the Unix epoch.
    pub start_ns: i64,
    /// Last end.
    pub end_ns: i64,
    /// Spans that failed.
    pub num_errors: u32,
    /// Parents that are named and were not received.
    pub num_missing: u32,
    /// Loops of parents that were cut.
    pub num_loops: u32,
    /// Services, by first start.
    pub services: Vec<String>,
    /// Clocks that differ by more than the calls allow.
    pub clocks: Vec<ClockDifference>,
}

impl Tree {
    /// Builds it.
    pub(crate) fn build(view: &TraceView) -> Self {
        let links = Links::find(&view.spans);
        let nodes = links.arrange(&view.spans);
        let mut tree = Self { nodes, ..Self::default() };
        tree.sum_up();
        tree.place_without_start();
        tree.mark(&view.spans);
        tree.number_names(&view.spans);
        tree.start_ns = tree.nodes.iter().map(|node| node.start_ns).min().unwrap_or(0);
        tree.end_ns = tree.nodes.iter().map(|node| node.end_ns).max().unwrap_or(0);
        tree.num_errors = tree.nodes.iter().filter(|node| node.is_error).count() as u32;
        tree.num_missing = tree.nodes.iter().filter(|node| matches!(node.of, NodeOf::Missing(_))).count() as u32;
        tree.num_loops = tree.nodes.iter().filter(|node| node.is_loop).count() as u32;
        tree.services = services(&view.spans);
        tree.clocks = tree.clock_differences(&view.spans);
        tree
    }

    /// How many spans were received.
    pub(crate) fn num_spans(&self) -> u64 {
        (self.nodes.len() as u64).saturating_sub(u64::from(self.num_missing))
    }

    fn number_names(&mut self, spans: &[SpanView]) {
        let mut numbers: HashMap<(&str, &str), u32> = HashMap::new();
        for node in &mut self.nodes {
            let NodeOf::Span(index) = node.of else { continue };
            let span = &spans[index as usize];
            let next = numbers.len() as u32;
            node.name = Some(*numbers.entry((&span.service, &span.name)).or_insert(next));
        }
    }

    /// The place of a node.
    pub(crate) fn find(&self, key: NodeKey) -> Option<u32> {
        self.nodes.iter().position(|node| node.key == key).map(|place| place as u32)
    }

    /// The span of a node.
    pub(crate) fn span<'a>(&self, place: u32, view: &'a TraceView) -> Option<&'a SpanView> {
        match self.nodes.get(place as usize)?.of {
            NodeOf::Span(index) => view.spans.get(index as usize),
            NodeOf::Missing(_) => None,
        }
    }

    /// The place of the first span of this id.
    pub(crate) fn find_span(&self, span_id: SpanId) -> Option<u32> {
        self.find(NodeKey { span_id, nth: 0, is_missing: false })
    }

    /// The nodes directly below one, or at the top.
    pub(crate) fn children(&self, place: Option<u32>) -> impl Iterator<Item = u32> + '_ {
        let (mut next, end) = match place {
            Some(place) => (place + 1, place + 1 + self.nodes[place as usize].num_below),
            None => (0, self.nodes.len() as u32),
        };
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next += 1 + self.nodes[child as usize].num_below;
            Some(child)
        })
    }

    /// Sums over what is below each node, from the last to the first.
    fn sum_up(&mut self) {
        for place in (0..self.nodes.len()).rev() {
            let node = &self.nodes[place];
            let (below, errors, first_ns, last_ns) = (1 + node.num_below, u32::from(node.is_error) + node.num_errors_below, node.first_ns, node.last_ns);
            let Some(parent) = node.parent else { continue };
            let parent = &mut self.nodes[parent as usize];
            parent.num_below += below;
            parent.num_errors_below += errors;
            parent.first_ns = parent.first_ns.min(first_ns);
            parent.last_ns = parent.last_ns.max(last_ns);
            if matches!(parent.of, NodeOf::Missing(_)) {
                // What is not there spans what names it.
                (parent.start_ns, parent.end_ns) = (parent.first_ns, parent.last_ns);
            }
        }
    }

    /// What has no start that is believed stands where its parent starts, else where what is below it does.
    fn place_without_start(&mut self) {
        let first_ns = self.nodes.iter().map(|node| node.start_ns).min().filter(|first_ns| *first_ns != i64::MAX).unwrap_or(0);
        for place in 0..self.nodes.len() {
            let node = &self.nodes[place];
            if node.start_ns != i64::MAX {
                continue;
            }
            let at_ns = node.parent.map_or(node.first_ns.min(node.last_ns), |parent| self.nodes[parent as usize].start_ns);
            let at_ns = if at_ns == i64::MAX || at_ns == i64::MIN { first_ns } else { at_ns };
            let node = &mut self.nodes[place];
            (node.start_ns, node.end_ns) = (at_ns, at_ns);
            (node.first_ns, node.last_ns) = (node.first_ns.min(at_ns), node.last_ns.max(at_ns));
        }
    }

    /// Marks what only parent and child together tell.
    fn mark(&mut self, spans: &[SpanView]) {
        for place in 0..self.nodes.len() {
            let Some((parent, own)) = self.pair(place, spans) else { continue };
            let (caller, callee) = (&self.nodes[parent as usize], &self.nodes[place]);
            let NodeOf::Span(caller_index) = caller.of else { continue };
            let caller_span = &spans[caller_index as usize];
            let before_ns = caller.start_ns.saturating_sub(callee.start_ns);
            let is_other = caller_span.service != own.service || caller_span.instance != own.instance;
            let waited_ns = caller.end_ns.saturating_sub(callee.end_ns);
            let is_call = caller_span.kind == SpanKind::Client && own.kind == SpanKind::Server;
            let call_ns = caller.end_ns.saturating_sub(caller.start_ns);
            let waits = is_call && waited_ns >= GAP_MIN_NS && waited_ns as f64 >= call_ns as f64 * GAP_SHARE;
            let until_ns = waits.then_some(caller.end_ns);
            let node = &mut self.nodes[place];
            node.before_parent_ns = (is_other && before_ns > 0).then_some(before_ns);
            node.caller_waits_until_ns = until_ns;
        }
    }

    fn pair<'a>(&self, place: usize, spans: &'a [SpanView]) -> Option<(u32, &'a SpanView)> {
        let node = &self.nodes[place];
        let NodeOf::Span(index) = node.of else { return None };
        Some((node.parent?, &spans[index as usize]))
    }

    /// Each call that the callee says took no longer than the caller says bounds the difference of their clocks; where the
    /// bounds leave out zero, the clocks differ.
    fn clock_differences(&self, spans: &[SpanView]) -> Vec<ClockDifference> {
        let mut bounds: HashMap<(&str, &str), (i64, i64, u32)> = HashMap::new();
        for place in 0..self.nodes.len() {
            let Some((parent, callee)) = self.pair(place, spans) else { continue };
            let NodeOf::Span(caller) = self.nodes[parent as usize].of else { continue };
            let caller = &spans[caller as usize];
            let slack_ns = caller.duration_ns.saturating_sub(callee.duration_ns);
            let is_call = caller.kind == SpanKind::Client && callee.kind == SpanKind::Server && caller.service != callee.service;
            let is_timed = [caller, callee].iter().all(|span| matches!(span.timing(), Timing::Took(_)));
            if !is_call || slack_ns < 0 || !is_timed {
                continue;
            }
            let most_ns = callee.start_ns.saturating_sub(caller.start_ns);
            let least_ns = most_ns.saturating_sub(slack_ns);
            let (least, most, num_pairs) = bounds.entry((&callee.service, &caller.service)).or_insert((i64::MIN, i64::MAX, 0));
            (*least, *most, *num_pairs) = ((*least).max(least_ns), (*most).min(most_ns), *num_pairs + 1);
        }
        let mut differences: Vec<ClockDifference> = bounds
            .into_iter()
            .filter(|(_, (least, most, _))| least.min(most) > &0 || least.max(most) < &0)
            .map(|((service, caller), (least, most, num_pairs))| ClockDifference {
                service: service.to_owned(),
                caller: caller.to_owned(),
                offset_ns: i128::midpoint(i128::from(least), i128::from(most)) as i64,
                plus_minus_ns: ((i128::from(most) - i128::from(least)).abs() / 2) as i64,
                num_pairs,
            })
            .collect();
        differences.sort_by(|one, other| (&one.service, &one.caller).cmp(&(&other.service, &other.caller)));
        differences
    }
}

/// Names of services, by first start.
fn services(spans: &[SpanView]) -> Vec<String> {
    let mut first: HashMap<&str, i64> = HashMap::new();
    for span in spans {
        let own_ns = if span.is_start_believable() { span.start_ns } else { span.received_ns };
        let start_ns = first.entry(&span.service).or_insert(own_ns);
        *start_ns = (*start_ns).min(own_ns);
    }
    let mut services: Vec<(i64, &str)> = first.into_iter().map(|(service, start_ns)| (start_ns, service)).collect();
    services.sort_unstable();
    services.into_iter().map(|(_, service)| service.to_owned()).collect()
}

/// Who is whose parent, by places: spans first, then missing parents.
struct Links {
    parents: Vec<Option<u32>>,
    missing: Vec<SpanId>,
    nth: Vec<u32>,
    /// All places by start.
    by_start: Vec<u32>,
    points_at_itself: Vec<bool>,
}

/// Spans of one id: the first few, and how many.
#[derive(Default)]
struct Twins {
    places: Vec<u32>,
    num: u32,
}

impl Links {
    fn find(spans: &[SpanView]) -> Self {
        let mut by_start: Vec<u32> = (0..spans.len() as u32).collect();
        let start = |place: u32| (spans[place as usize].start_ns, std::cmp::Reverse(spans[place as usize].duration_ns), place);
        by_start.sort_by_key(|place| start(*place));
        let mut twins: HashMap<SpanId, Twins> = HashMap::with_capacity(spans.len());
        let mut nth = vec![0; spans.len()];
        for &place in &by_start {
            let own = twins.entry(spans[place as usize].span_id).or_default();
            nth[place as usize] = own.num;
            own.num += 1;
            if own.places.len() < TWINS_MAX {
                own.places.push(place);
            }
        }
        let mut links = Self { parents: vec![None; spans.len()], missing: Vec::new(), nth, by_start, points_at_itself: vec![false; spans.len()] };
        let mut missing: HashMap<SpanId, u32> = HashMap::new();
        for index in 0..links.by_start.len() {
            let place = links.by_start[index];
            let span = &spans[place as usize];
            if let Some(half) = twins.get(&span.span_id).and_then(|twins| calling_half(span, twins, spans)) {
                links.parents[place as usize] = Some(half);
            } else if span.parent_span_id.is_some() {
                let parent = twins.get(&span.parent_span_id).map(|twins| parent_among(span, place, twins, spans));
                links.parents[place as usize] = match parent {
                    Some(Some(parent)) => Some(parent),
                    Some(None) => {
                        links.points_at_itself[place as usize] = true;
                        None
                    }
                    None => Some(*missing.entry(span.parent_span_id).or_insert_with(|| {
                        links.missing.push(span.parent_span_id);
                        (spans.len() + links.missing.len() - 1) as u32
                    })),
                };
            }
        }
        links
    }

    /// All nodes in the order in which they are drawn.
    fn arrange(&self, spans: &[SpanView]) -> Vec<TreeNode> {
        let num_nodes = spans.len() + self.missing.len();
        let (children, first_child) = self.children(num_nodes);
        let mut nodes: Vec<TreeNode> = Vec::with_capacity(num_nodes);
        let mut is_placed = vec![false; num_nodes];
        let mut open: Vec<(u32, Option<u32>)> = Vec::new();
        let mut place_all = |root: u32, is_loop: bool, nodes: &mut Vec<TreeNode>, is_placed: &mut Vec<bool>| {
            open.push((root, None));
            while let Some((place, parent)) = open.pop() {
                if std::mem::replace(&mut is_placed[place as usize], true) {
                    continue;
                }
                let depth = parent.map_or(0, |parent| nodes[parent as usize].depth + 1);
                let own = nodes.len() as u32;
                nodes.push(TreeNode { parent, depth, is_loop: parent.is_none() && is_loop, ..self.node(place, spans) });
                let below = first_child[place as usize] as usize..first_child[place as usize + 1] as usize;
                open.extend(children[below].iter().rev().map(|child| (*child, Some(own))));
            }
        };
        for root in self.roots(spans) {
            let is_loop = self.points_at_itself.get(root as usize).copied().unwrap_or(false);
            place_all(root, is_loop, &mut nodes, &mut is_placed);
        }
        // What is left hangs on a loop of parents: it is cut where one comes back to.
        let mut walked = vec![u32::MAX; num_nodes];
        for &place in &self.by_start {
            if is_placed[place as usize] {
                continue;
            }
            let mut at = place;
            while walked[at as usize] != place {
                walked[at as usize] = place;
                at = self.parents.get(at as usize).copied().flatten().unwrap_or(at);
            }
            place_all(at, true, &mut nodes, &mut is_placed);
        }
        nodes
    }

    /// Children of all, by start, one after another; and where each one's begin.
    fn children(&self, num_nodes: usize) -> (Vec<u32>, Vec<u32>) {
        let mut first_child = vec![0_u32; num_nodes + 1];
        for parent in self.parents.iter().flatten() {
            first_child[*parent as usize + 1] += 1;
        }
        for place in 0..num_nodes {
            first_child[place + 1] += first_child[place];
        }
        let mut next = first_child.clone();
        let mut children = vec![0_u32; first_child[num_nodes] as usize];
        for &place in &self.by_start {
            if let Some(parent) = self.parents[place as usize] {
                children[next[parent as usize] as usize] = place;
                next[parent as usize] += 1;
            }
        }
        (children, first_child)
    }

    /// What stands at the top, by start; a missing parent where its first child does.
    fn roots(&self, spans: &[SpanView]) -> Vec<u32> {
        let mut roots = Vec::new();
        let mut is_seen = vec![false; self.missing.len()];
        for &place in &self.by_start {
            match self.parents[place as usize] {
                None => roots.push(place),
                Some(parent) if parent as usize >= spans.len() => {
                    if !std::mem::replace(&mut is_seen[parent as usize - spans.len()], true) {
                        roots.push(parent);
                    }
                }
                Some(_) => {}
            }
        }
        roots
    }

    fn node(&self, place: u32, spans: &[SpanView]) -> TreeNode {
        let (of, key, start_ns, end_ns, is_error, odd_time) = if let Some(span) = spans.get(place as usize) {
            let took_ns = if let Timing::Took(took_ns) = span.timing() { took_ns } else { 0 };
            let (start_ns, end_ns) = if span.is_start_believable() { (span.start_ns, span.start_ns.saturating_add(took_ns)) } else { (i64::MAX, i64::MIN) };
            let key = NodeKey { span_id: span.span_id, nth: self.nth[place as usize], is_missing: false };
            (NodeOf::Span(place), key, start_ns, end_ns, span.failure.is_some(), odd_time(span))
        } else {
            let span_id = self.missing[place as usize - spans.len()];
            (NodeOf::Missing(span_id), NodeKey { span_id, nth: 0, is_missing: true }, i64::MAX, i64::MIN, false, None)
        };
        TreeNode {
            of,
            key,
            name: None,
            parent: None,
            depth: 0,
            num_below: 0,
            num_errors_below: 0,
            start_ns,
            end_ns,
            first_ns: start_ns,
            last_ns: end_ns,
            is_error,
            odd_time,
            is_loop: false,
            before_parent_ns: None,
            caller_waits_until_ns: None,
        }
    }
}

/// Zipkin gives both halves of a call one id: the calling half is the parent of the answering one.
fn calling_half(span: &SpanView, twins: &Twins, spans: &[SpanView]) -> Option<u32> {
    let calls = match span.kind {
        SpanKind::Server => SpanKind::Client,
        SpanKind::Consumer => SpanKind::Producer,
        _ => return None,
    };
    twins.places.iter().copied().find(|twin| spans[*twin as usize].kind == calls)
}

/// Which of the spans of the parent's id it is: one of the same service, else one that answers, else the first. `None` = only
/// the span itself.
fn parent_among(span: &SpanView, own: u32, twins: &Twins, spans: &[SpanView]) -> Option<u32> {
    let others = || twins.places.iter().copied().filter(|twin| *twin != own);
    let of = |fits: &dyn Fn(&SpanView) -> bool| others().find(|twin| fits(&spans[*twin as usize]));
    of(&|twin| twin.service == span.service && twin.span_id != span.span_id)
        .or_else(|| of(&|twin| matches!(twin.kind, SpanKind::Server | SpanKind::Consumer)))
        .or_else(|| others().next())
}
