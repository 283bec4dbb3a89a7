//! The rows of a waterfall, and where bars stand in them. Pure: the rows are made once per answer, zoom and change of what is
//! collapsed, in one pass over what shows; bars are made for the rows in view only.

use std::collections::HashSet;

use switchboard_engine::view::{SpanView, TraceView};

use super::tree::{NodeKey, Tree};

/// What is narrower than this is folded, points.
const FOLD_BELOW_PT: f64 = 3.0;
/// How many in a row are folded.
const FOLD_MIN: u32 = 4;
/// A bar is at least so wide, points.
const BAR_MIN_PT: f32 = 2.0;

/// A time span on screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TimeView {
    /// Its left end, ns since the Unix epoch.
    pub from_ns: i64,
    /// Its right end, after the left one.
    pub to_ns: i64,
    /// How wide it is drawn, points.
    pub width_pt: f32,
}

impl TimeView {
    /// All of a trace.
    pub(crate) fn whole(tree: &Tree, width_pt: f32) -> Self {
        Self { from_ns: tree.start_ns, to_ns: tree.end_ns.max(tree.start_ns.saturating_add(1)), width_pt }
    }

    /// How much time a point is, ns.
    pub(crate) fn ns_per_pt(&self) -> f64 {
        self.length_ns() / f64::from(self.width_pt.max(1.0))
    }

    /// Where an instant stands, points from the left end; may lie outside.
    pub(crate) fn x(&self, at_ns: i64) -> f32 {
        let offset_ns = i128::from(at_ns) - i128::from(self.from_ns);
        (offset_ns as f64 / self.ns_per_pt()) as f32
    }

    /// The instant at a place.
    pub(crate) fn at_ns(&self, x_pt: f32) -> i64 {
        let offset_ns = (f64::from(x_pt) * self.ns_per_pt()) as i64;
        self.from_ns.saturating_add(offset_ns)
    }

    /// Shows more or less time around an instant, never beyond the trace and never less than 100 ns.
    pub(crate) fn zoomed(&self, factor: f64, around_ns: i64, tree: &Tree) -> Self {
        let whole = Self::whole(tree, self.width_pt);
        let length_ns = (self.length_ns() * factor).clamp(100.0_f64.min(whole.length_ns()), whole.length_ns());
        let share = ((i128::from(around_ns) - i128::from(self.from_ns)) as f64 / self.length_ns()).clamp(0.0, 1.0);
        let from_ns = around_ns.saturating_sub((length_ns * share) as i64);
        Self { from_ns, to_ns: from_ns.saturating_add(length_ns as i64), ..*self }.within(&whole)
    }

    /// Shows earlier or later time.
    pub(crate) fn moved(&self, by_pt: f32, tree: &Tree) -> Self {
        let by_ns = (f64::from(by_pt) * self.ns_per_pt()) as i64;
        let moved = Self { from_ns: self.from_ns.saturating_add(by_ns), to_ns: self.to_ns.saturating_add(by_ns), ..*self };
        moved.within(&Self::whole(tree, self.width_pt))
    }

    fn within(self, whole: &Self) -> Self {
        let length_ns = self.to_ns.saturating_sub(self.from_ns).max(1);
        let from_ns = self.from_ns.min(whole.to_ns.saturating_sub(length_ns)).max(whole.from_ns);
        let to_ns = from_ns.saturating_add(length_ns).min(whole.to_ns).max(from_ns.saturating_add(1));
        Self { from_ns, to_ns, ..self }
    }

    fn length_ns(&self) -> f64 {
        (i128::from(self.to_ns) - i128::from(self.from_ns)).max(1) as f64
    }
}

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowOf {
    /// A node; `is_collapsed` hides what is below it.
    Node {
        /// Whether what is below it is hidden.
        is_collapsed: bool,
    },
    /// Several in a row that are too narrow to tell apart, with all that is below them.
    Folded {
        /// The place after the last of them.
        end: u32,
        /// How many stand side by side.
        num: u32,
        /// How many spans failed in them.
        num_errors: u32,
        /// Whether all have one service and one name.
        is_alike: bool,
    },
    /// After the callee answered, its caller still waited.
    Waiting,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The node's place, or that of the first one folded.
    pub node: u32,
    /// What it shows.
    pub of: RowOf,
}

/// What the user opened and closed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Openness {
    /// Nodes whose children are hidden.
    pub collapsed: HashSet<NodeKey>,
    /// Nodes whose children are never folded; `None` = the top.
    pub unfolded: HashSet<Option<NodeKey>>,
}

/// The rows, from top to bottom.
pub(crate) fn rows(tree: &Tree, openness: &Openness, ns_per_pt: f64) -> Vec<Row> {
    let narrow_ns = ns_per_pt * FOLD_BELOW_PT;
    let mut rows = Vec::new();
    let mut waiting: Vec<(u32, u32)> = Vec::new();
    let num_nodes = tree.nodes.len() as u32;
    let mut place = 0;
    loop {
        // A caller's wait stands below its callee and all that this did.
        while let Some(&(end, callee)) = waiting.last()
            && end <= place
        {
            waiting.pop();
            rows.push(Row { node: callee, of: RowOf::Waiting });
        }
        if place >= num_nodes {
            return rows;
        }
        let node = &tree.nodes[place as usize];
        let end = place + 1 + node.num_below;
        if let Some(folded) = folded(tree, openness, place, narrow_ns) {
            let RowOf::Folded { end, .. } = folded.of else { return rows };
            rows.push(folded);
            place = end;
            continue;
        }
        let is_collapsed = node.num_below > 0 && openness.collapsed.contains(&node.key);
        rows.push(Row { node: place, of: RowOf::Node { is_collapsed } });
        if node.caller_waits_until_ns.is_some() {
            waiting.push((end, place));
        }
        place = if is_collapsed { end } else { place + 1 };
    }
}

/// The run of narrow siblings that begins here, if it is worth a fold.
fn folded(tree: &Tree, openness: &Openness, first: u32, narrow_ns: f64) -> Option<Row> {
    let node = |place: u32| &tree.nodes[place as usize];
    let length_ns = |place: u32| (i128::from(node(place).last_ns) - i128::from(node(place).first_ns)) as f64;
    if length_ns(first) >= narrow_ns {
        return None;
    }
    let parent = node(first).parent;
    if openness.unfolded.contains(&parent.map(|parent| node(parent).key)) {
        return None;
    }
    let name = node(first).name;
    let (mut num, mut num_errors, mut is_alike) = (0, 0, true);
    let mut last_ns = node(first).first_ns;
    let mut next = first;
    while (next as usize) < tree.nodes.len() && node(next).parent == parent {
        let gap_ns = (i128::from(node(next).first_ns) - i128::from(last_ns)) as f64;
        if length_ns(next) >= narrow_ns || gap_ns >= narrow_ns {
            break;
        }
        last_ns = last_ns.max(node(next).last_ns);
        num += 1;
        num_errors += u32::from(node(next).is_error) + node(next).num_errors_below;
        is_alike = is_alike && name.is_some() && node(next).name == name;
        next += 1 + node(next).num_below;
    }
    (num >= FOLD_MIN).then_some(Row { node: first, of: RowOf::Folded { end: next, num, num_errors, is_alike } })
}

/// Opens what hides a node: collapsed ancestors, and folds it stands in.
pub(crate) fn reveal(tree: &Tree, openness: &mut Openness, place: u32) {
    let mut at = Some(place);
    while let Some(place) = at {
        let node = &tree.nodes[place as usize];
        let parent = node.parent.map(|parent| tree.nodes[parent as usize].key);
        openness.unfolded.insert(parent);
        if let Some(parent) = parent {
            openness.collapsed.remove(&parent);
        }
        at = node.parent;
    }
}

/// The row that shows a node, or that it is hidden in.
pub(crate) fn row_of(tree: &Tree, rows: &[Row], place: u32) -> Option<usize> {
    let after = rows.partition_point(|row| row.node <= place);
    rows[..after].iter().rposition(|row| match row.of {
        RowOf::Node { is_collapsed } => row.node == place || (is_collapsed && place <= row.node + tree.nodes[row.node as usize].num_below),
        RowOf::Folded { end, .. } => place < end,
        RowOf::Waiting => false,
    })
}

/// Where a bar stands, points from the left end of the view.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bar {
    /// Left end.
    pub left: f32,
    /// Right end, at least two points further.
    pub right: f32,
}

/// A bar in the room there is; `None` = it lies outside.
pub(crate) fn bar(view: &TimeView, from_ns: i64, to_ns: i64) -> Option<Bar> {
    if to_ns < view.from_ns || from_ns > view.to_ns {
        return None;
    }
    let left = view.x(from_ns.max(view.from_ns)).min(view.width_pt - BAR_MIN_PT).max(0.0);
    let right = view.x(to_ns.min(view.to_ns)).max(left + BAR_MIN_PT);
    Some(Bar { left, right })
}

/// The time that a row covers.
pub(crate) fn extent_ns(tree: &Tree, row: Row) -> (i64, i64) {
    let node = &tree.nodes[row.node as usize];
    match row.of {
        RowOf::Node { .. } => (node.start_ns, node.end_ns),
        RowOf::Folded { end, .. } => {
            // Siblings by start: only the last end has to be looked for, and only among those shown as one.
            let mut last_ns = node.last_ns;
            let mut next = row.node;
            while next < end {
                last_ns = last_ns.max(tree.nodes[next as usize].last_ns);
                next += 1 + tree.nodes[next as usize].num_below;
            }
            (node.first_ns, last_ns)
        }
        RowOf::Waiting => (node.end_ns, node.caller_waits_until_ns.unwrap_or(node.end_ns)),
    }
}

/// A small mark on a bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tick {
    /// Where, points from the left end.
    pub x: f32,
    /// Whether it tells of something bad.
    pub is_bad: bool,
    /// Whether it is a log; else an event of the span.
    pub is_log: bool,
}

/// Severity number from which on a log tells of an error (OTLP).
pub(crate) const SEVERITY_ERROR: u8 = 17;

/// Events and logs of a span as marks, at most one for each two points and kind.
pub(crate) fn ticks(view: &TimeView, span: &SpanView, logs: impl Iterator<Item = (i64, u8)>) -> Vec<Tick> {
    let events = span.events.iter().map(|event| (event.time_ns, event.name == "exception", false));
    let logs = logs.map(|(at_ns, severity)| (at_ns, severity >= SEVERITY_ERROR, true));
    let mut ticks: Vec<Tick> = Vec::new();
    for (at_ns, is_bad, is_log) in events.chain(logs).filter(|(at_ns, ..)| (view.from_ns..=view.to_ns).contains(at_ns)) {
        let x = view.x(at_ns);
        match ticks.iter_mut().find(|tick| tick.is_log == is_log && (tick.x - x).abs() < 2.0) {
            Some(tick) => tick.is_bad |= is_bad,
            None => ticks.push(Tick { x, is_bad, is_log }),
        }
    }
    ticks
}

/// Marks of the axis: place and time since the trace began, ns.
pub(crate) fn axis(view: &TimeView, start_ns: i64) -> Vec<(f32, i64)> {
    const APART_PT: f64 = 110.0;
    let least_ns = view.ns_per_pt() * APART_PT;
    let mut step_ns = 1_i64;
    for factor in [2, 5, 10].into_iter().cycle() {
        if step_ns as f64 >= least_ns || step_ns >= 5_000_000_000_000_000_000 {
            break;
        }
        let decade = 10_i64.pow(step_ns.ilog10());
        step_ns = decade * factor;
    }
    let first = view.from_ns.saturating_sub(start_ns).div_euclid(step_ns);
    (0..64)
        // Beyond the last instant that can be told there are no marks.
        .map_while(|number| (first + number).checked_mul(step_ns))
        .map_while(|offset_ns| start_ns.checked_add(offset_ns).map(|at_ns| (view.x(at_ns), offset_ns)))
        .skip_while(|(x, _)| *x < -0.5)
        .take_while(|(x, _)| *x <= view.width_pt + 0.5)
        .collect()
}

/// What a node is called: service, and what it did.
pub(crate) fn name_of<'a>(tree: &Tree, place: u32, view: &'a TraceView) -> Option<(&'a str, &'a str)> {
    tree.span(place, view).map(|span| (span.service.as_str(), span.name.as_str()))
}

/// The next node that failed by itself, after a place and round again.
pub(crate) fn next_error(tree: &Tree, after: Option<u32>) -> Option<u32> {
    let is_origin = |place: &u32| tree.nodes[*place as usize].is_origin_of_error();
    let from = after.map_or(0, |after| after + 1);
    (from..tree.nodes.len() as u32).find(is_origin).or_else(|| (0..from.min(tree.nodes.len() as u32)).find(is_origin))
}
