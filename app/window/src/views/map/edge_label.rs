//! What stands on every edge, where the user wants it: one figure, of the range that was chosen. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchboard_engine::view::{EdgeId, Figure, HistoryBucket, HistoryOf, PointQuery, Query, Range};

use super::scene::SceneEdge;
use crate::figures;

/// What stands on edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EdgeLabel {
    /// Nothing but what is unusual, and how often where the map is near enough.
    #[default]
    #[serde(alias = "none")]
    Auto,
    /// How often.
    Rate,
    /// How long at most, of nineteen in twenty.
    P95,
    /// What share failed.
    Errors,
}

impl EdgeLabel {
    /// All of them, in the order in which they follow each other.
    pub(crate) const ALL: [Self; 4] = [Self::Auto, Self::Rate, Self::P95, Self::Errors];

    /// What it is called.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Rate => "rate",
            Self::P95 => "p95",
            Self::Errors => "errors",
        }
    }

    /// The one after it; after the last the first.
    pub(crate) fn next(self) -> Self {
        let place = Self::ALL.iter().position(|label| *label == self).unwrap_or_default();
        Self::ALL[(place + 1) % Self::ALL.len()]
    }
}

/// Figures of an edge over the range that was chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct EdgeFigure {
    calls: u64,
    errors: u64,
    rate_per_s: f64,
    p95_ns: Option<i64>,
}

impl From<&Figure> for EdgeFigure {
    fn from(figure: &Figure) -> Self {
        Self { calls: figure.recent_calls, errors: figure.recent_errors, rate_per_s: figure.rate_per_s, p95_ns: figure.p95_ns }
    }
}

impl EdgeFigure {
    /// What is known of a range; `None` where nothing is.
    pub(crate) fn of_range(bucket: &HistoryBucket) -> Option<Self> {
        let known_s = bucket.known_ns as f64 / 1e9;
        (known_s > 0.0).then(|| Self { calls: bucket.calls, errors: bucket.errors, rate_per_s: bucket.calls as f64 / known_s, p95_ns: bucket.p95_ns })
    }
}

/// What stands on edges, and from which figures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EdgeLabels<'a> {
    /// What.
    pub label: EdgeLabel,
    /// Figures of the range; `None` = the last minute's, which each edge has.
    pub of_range: Option<&'a BTreeMap<EdgeId, EdgeFigure>>,
}

impl EdgeLabels<'_> {
    /// What stands on an edge; `None` where it is not known.
    pub(crate) fn of(&self, edge: &SceneEdge) -> Option<String> {
        let figure = match self.of_range {
            Some(known) => *known.get(&edge.edge_id)?,
            None => EdgeFigure::from(&edge.figure),
        };
        if figure.calls == 0 {
            return None;
        }
        match self.label {
            EdgeLabel::Auto => None,
            EdgeLabel::Rate => Some(format!("{}/s", figures::rate(figure.rate_per_s))),
            EdgeLabel::P95 => figure.p95_ns.map(figures::duration),
            EdgeLabel::Errors => Some(figures::percent(figure.errors as f64 / figure.calls as f64)),
        }
    }
}

/// The question for the figures of an edge over a range; those of a group's edge are of its processing where it is known.
pub(crate) fn question(edge: &SceneEdge, range: Range) -> Query {
    let hop = edge.process.filter(|_| edge.figure.total_calls > 0).unwrap_or(edge.edge_id);
    Query::Point(PointQuery::History { of: HistoryOf::Edge(hop), range })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        testing::{self, NOW_NS},
        views::map::scene::Scene,
    };

    #[test]
    fn what_is_not_known_of_an_edge_does_not_stand_on_it() {
        let scene = Scene::build(&testing::order_business(), NOW_NS);
        let edge = scene.edges.iter().find(|edge| scene.edge_title(edge) == "orders → payments").expect("an edge");
        let of = |label, known: Option<&BTreeMap<EdgeId, EdgeFigure>>| EdgeLabels { label, of_range: known }.of(edge);
        assert!(EdgeLabel::ALL[1..].iter().all(|label| of(*label, None).is_some()));
        assert_eq!(of(EdgeLabel::Auto, None), None);
        let bucket = HistoryBucket { known_ns: 60_000_000_000, calls: 120, errors: 3, ..HistoryBucket::default() };
        let known: BTreeMap<_, _> = EdgeFigure::of_range(&bucket).into_iter().map(|figure| (edge.edge_id, figure)).collect();
        let all = EdgeLabel::ALL.map(|label| of(label, Some(&known)));
        assert_eq!(all, [None, Some("2.0/s".to_owned()), None, Some("2.5 %".to_owned())], "its durations are not known");
        assert_eq!(of(EdgeLabel::Rate, Some(&BTreeMap::new())), None, "no answer yet");
        assert_eq!(EdgeFigure::of_range(&HistoryBucket::default()), None);
        let quiet = BTreeMap::from([(edge.edge_id, EdgeFigure { calls: 0, errors: 0, rate_per_s: 0.0, p95_ns: None })]);
        assert!(EdgeLabel::ALL.iter().all(|label| of(*label, Some(&quiet)).is_none()));
    }

    #[test]
    fn each_label_follows_another() {
        let mut label = EdgeLabel::Auto;
        let all = EdgeLabel::ALL.map(|_| {
            let next = label.next();
            std::mem::replace(&mut label, next)
        });
        assert_eq!((all, label), (EdgeLabel::ALL, EdgeLabel::Auto));
    }
}
