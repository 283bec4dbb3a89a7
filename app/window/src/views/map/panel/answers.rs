//! What the engine is asked for the side panel, and what it has answered so far.

use switchboard_engine::view::{
    Answer, GroupDetail, History, HistoryOf, HopKind, LogView, NodeKind, PointQuery, Query, Range, ScanQuery, Snapshot, StatusCounts, TraceFilter, TraceList,
    TraceOrder,
};

use crate::{
    view::{Asker, Slot, TimeRange},
    views::map::scene::{Scene, Selection, find},
};

/// Traces of a list in the panel.
const TRACES_MAX: usize = 5;
/// Log records in the panel.
const LOGS_MAX: usize = 6;
/// OTLP's severity number of warnings.
const WARN: u8 = 13;
/// With no range chosen, so much is compared with as much before, ns.
const ALL_NS: i64 = 900_000_000_000;

/// Answers about what is selected; what is not answered yet is `None`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    /// Figures over the range and as long before it.
    pub history: Option<History>,
    /// The same of a call as its callee saw it.
    pub callee: Option<History>,
    /// What calls over the range ended with.
    pub statuses: Option<StatusCounts>,
    /// Traces with a failure.
    pub failed: Option<TraceList>,
    /// The slowest traces.
    pub slowest: Option<TraceList>,
    /// Log records from warnings up.
    pub logs: Option<Vec<LogView>>,
    /// The consumer group of an edge.
    pub group: Option<GroupDetail>,
    /// The range, ns since the Unix epoch: its start and its end.
    pub range: Option<Range>,
    /// Of which answers these are, so that a panel is made anew only for others.
    pub revisions: Revisions,
}

/// How many answers came to each of the questions.
pub(crate) type Revisions = [u64; 7];

/// The name of a service or channel as the engine knows it.
fn raw_name(snapshot: &Snapshot, scene: &Scene, index: usize) -> Option<String> {
    find(&snapshot.topology, scene.nodes[index].node_id).map(|node| node.name.clone())
}

/// The range that figures are of.
pub(crate) fn figures_range(range: TimeRange, as_of_ns: i64) -> Range {
    range.range(as_of_ns).unwrap_or_else(|| {
        let to_ns = TimeRange::M15.range(as_of_ns).map_or(as_of_ns, |range| range.to_ns);
        Range { from_ns: to_ns.saturating_sub(ALL_NS), to_ns }
    })
}

/// The range that figures are of, and the questions about a selection, or about an instance of the selected service.
pub(crate) fn questions(
    scene: &Scene,
    snapshot: &Snapshot,
    (selection, instance): (Selection, Option<&str>),
    range: TimeRange,
    as_of_ns: i64,
) -> (Range, Vec<(Slot, Query)>) {
    let own = figures_range(range, as_of_ns);
    let mut asked = Vec::new();
    let mut traces = |filter: TraceFilter| {
        let filter = TraceFilter { range: range.range(as_of_ns), ..filter };
        let failed = TraceFilter { failed_only: true, ..filter.clone() };
        asked.push((Slot::PanelTraces, Query::Scan(ScanQuery::Traces { filter: failed, order: TraceOrder::Newest, limit: TRACES_MAX })));
        asked.push((Slot::PanelSlowest, Query::Scan(ScanQuery::Traces { filter, order: TraceOrder::Slowest, limit: TRACES_MAX })));
    };
    match selection {
        Selection::Node(node_id) => {
            let instance = instance.map(str::to_owned);
            if let Some(index) = scene.node_index(node_id) {
                let node = &scene.nodes[index];
                let name = raw_name(snapshot, scene, index);
                if let (NodeKind::Service, Some(name)) = (node.kind, name) {
                    traces(TraceFilter { service: Some(name.clone()), instance: instance.clone(), ..TraceFilter::default() });
                    asked.push((
                        Slot::ServiceLogs,
                        Query::Scan(ScanQuery::Logs { service: Some(name), instance: instance.clone(), min_severity: WARN, limit: LOGS_MAX }),
                    ));
                }
                if instance.is_none() {
                    // Figures are kept of services, not of their instances.
                    asked.push((Slot::NodeHistory, Query::Point(PointQuery::History { of: HistoryOf::Node(node.node_id), range: own })));
                }
            }
        }
        Selection::Edge(edge_id) => {
            if let Some(edge) = scene.edge_index(edge_id).map(|index| &scene.edges[index]) {
                let service =
                    |index: usize| raw_name(snapshot, scene, index).filter(|_| matches!(scene.nodes[index].kind, NodeKind::Service | NodeKind::Channel));
                if let (Some(from), Some(to)) = (service(edge.from), service(edge.to)) {
                    traces(TraceFilter { through: Some((from, to)), ..TraceFilter::default() });
                }
                let hop = edge.process.filter(|_| edge.figure.total_calls > 0).unwrap_or(edge.edge_id);
                asked.push((Slot::EdgeHistory, Query::Point(PointQuery::History { of: HistoryOf::Edge(hop), range: own })));
                asked.push((Slot::EdgeStatuses, Query::Point(PointQuery::Statuses { of: HistoryOf::Edge(hop), range: own })));
                if edge.kind == HopKind::Call {
                    asked.push((Slot::CalleeHistory, Query::Point(PointQuery::History { of: HistoryOf::Callee(hop), range: own })));
                }
                if let Some(group) = edge.group_row.and_then(|row| snapshot.groups.get(row)) {
                    let query = Query::Point(PointQuery::Group { cluster: group.cluster.clone(), group: group.group.clone(), topic: group.topic.clone() });
                    asked.push((Slot::PanelGroup, query));
                }
            }
        }
    }
    (own, asked)
}

impl Answers {
    /// Asks what is to be known, and takes what has been answered. An answer to another question is none.
    pub(crate) fn ask(&mut self, asker: &mut Asker, range: Range, questions: &[(Slot, Query)]) {
        let mut next = Self { range: Some(range), ..Self::default() };
        for (slot, query) in questions {
            let place = match slot {
                Slot::NodeHistory | Slot::EdgeHistory => 0,
                Slot::PanelTraces => 1,
                Slot::PanelSlowest => 2,
                Slot::ServiceLogs => 3,
                Slot::CalleeHistory => 5,
                Slot::EdgeStatuses => 6,
                _ => 4,
            };
            let standing = asker.standing(*slot, query);
            // A range that moves on asks anew all the time; the answer before is of the same thing a moment ago.
            let is_same_thing = standing.is_of_this_question || self.revisions[place] == standing.revision && standing.revision > 0;
            if !is_same_thing {
                continue;
            }
            next.revisions[place] = standing.revision;
            match standing.answer {
                Some(Answer::History(history)) if place == 5 => next.callee = Some(history.clone()),
                Some(Answer::Statuses(statuses)) => next.statuses = Some(statuses.clone()),
                Some(Answer::History(history)) => next.history = Some(history.clone()),
                Some(Answer::Traces(traces)) if place == 1 => next.failed = Some(traces.clone()),
                Some(Answer::Traces(traces)) => next.slowest = Some(traces.clone()),
                Some(Answer::Logs(logs)) => next.logs = Some(logs.clone()),
                Some(Answer::Group(group)) => next.group = group.as_deref().cloned(),
                _ => {}
            }
        }
        *self = next;
    }
}
