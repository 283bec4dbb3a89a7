//! Channels as rows: how much is in them, how fast it comes, and whether it is read.

use switchboard_engine::view::{ChannelFigures, ChannelKey, Figure, NodeId, NodeKind, Snapshot};

use crate::{
    figures,
    ink::{Glyph, glyph},
    sanitise::visible,
    theme::{Ink, TEXT_SMALL_PT},
    widgets::table::{Column, Row, SortKey, Width},
};

/// Columns of the list.
pub(crate) const COLUMNS: [Column; 3] =
    [Column::left("topic", Width::Share(1.0)), Column::right("records", Width::Points(66.0)), Column::right("rate", Width::Points(52.0))];

/// How many of the columns are drawn in this much room, points: the name, and what leaves it some 140.
pub(crate) fn num_columns(width: f32) -> usize {
    match width {
        width if width < 256.0 => 1,
        width if width < 322.0 => 2,
        _ => COLUMNS.len(),
    }
}

/// What a topic is sorted by in a column.
pub(crate) fn sort_key(topic: &Topic, title: &'static str) -> SortKey {
    match title {
        "records" => SortKey::number(topic.records.map(|records| records as f64)),
        "rate" => SortKey::number(topic.rate_per_s),
        _ => SortKey::text(&topic.name),
    }
}

/// A channel.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Topic {
    /// Its node.
    pub node_id: NodeId,
    /// Its name as it is.
    pub name: String,
    /// Name of the source that reads its cluster; `None` = it is known from spans only.
    pub cluster: Option<String>,
    /// Whether another has the same name, on another cluster.
    pub shares_name: bool,
    /// Partitions; unknown = `None`.
    pub partitions: Option<u64>,
    /// Records in the broker; unknown = `None`.
    pub records: Option<u64>,
    /// Records a second; unknown = `None`.
    pub rate_per_s: Option<f64>,
    /// Why its records are not read; `None` = they are.
    pub not_tailed: Option<String>,
    /// Whether dead letters lie in it that are open.
    pub has_dead_letters: bool,
}

/// All channels by name; those of the broker's own at the end.
pub(crate) fn topics(snapshot: &Snapshot) -> Vec<Topic> {
    let broker: std::collections::HashMap<NodeId, &ChannelFigures> = snapshot.figures.channels.iter().map(|channel| (channel.node_id, channel)).collect();
    let flow: std::collections::HashMap<NodeId, &Figure> = snapshot.figures.nodes.iter().map(|row| (row.node_id, &row.figure)).collect();
    let dead: std::collections::HashSet<NodeId> =
        snapshot.dead_letters.iter().filter(|letters| letters.num_open > 0).filter_map(|letters| letters.channel_node).collect();
    let mut topics: Vec<Topic> = snapshot
        .topology
        .nodes
        .iter()
        .filter(|node| node.kind == NodeKind::Channel)
        .map(|node| {
            let broker = broker.get(&node.node_id);
            let flow = flow.get(&node.node_id).filter(|figure| figure.last_ns.is_some());
            Topic {
                node_id: node.node_id,
                name: node.name.clone(),
                cluster: broker.and_then(|channel| channel.cluster.clone()),
                shares_name: false,
                partitions: broker.and_then(|channel| channel.partitions),
                records: broker.and_then(|channel| channel.records),
                rate_per_s: flow.map(|figure| figure.rate_per_s),
                not_tailed: match broker {
                    Some(channel) => channel.not_tailed.clone(),
                    None => Some("known from spans only; no source reads its broker".to_owned()),
                },
                has_dead_letters: dead.contains(&node.node_id),
            }
        })
        .collect();
    topics.sort_by(|one, other| {
        let key = |topic: &Topic| (topic.name.starts_with('_'), topic.name.clone(), topic.cluster.clone(), topic.node_id);
        key(one).cmp(&key(other))
    });
    for place in 1..topics.len() {
        if topics[place].name == topics[place - 1].name {
            (topics[place - 1].shares_name, topics[place].shares_name) = (true, true);
        }
    }
    topics
}

impl Topic {
    /// Its name on its cluster.
    pub(crate) fn key(&self) -> ChannelKey {
        ChannelKey { cluster: self.cluster.clone(), name: self.name.clone() }
    }

    /// Whether a key means it: one without a cluster means any of the name.
    pub(crate) fn is(&self, key: &ChannelKey) -> bool {
        self.name == key.name && (key.cluster.is_none() || key.cluster == self.cluster)
    }

    /// Its cluster, where the name alone does not tell it.
    pub(crate) fn told_cluster(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.shares_name.then(|| self.cluster.as_deref().map_or("no broker known".into(), visible))
    }
}

/// Paints a topic in its first columns; what it says.
pub(crate) fn row_ui(row: &Row<'_>, topic: &Topic, num_columns: usize) -> String {
    let name = visible(&topic.name);
    let mut cell = row.cell(0);
    if topic.has_dead_letters {
        glyph::paint(row.painter(), Glyph::Envelope, egui::pos2(cell.left() + 6.0, cell.center().y), 5.0, row.tokens.ink(Ink::Bad));
        cell.min.x += 18.0;
    }
    let is_read = topic.not_tailed.is_none();
    let ink = if is_read { Ink::Text } else { Ink::Dim };
    let place = topic.told_cluster();
    if let Some(place) = &place {
        // The cluster is what tells it from the other: it keeps its room.
        let galley = crate::ink::fitted(row.painter(), place, &crate::fonts::words(TEXT_SMALL_PT), cell.width() * 0.45);
        cell.max.x -= galley.size().x;
        row.painter().galley(egui::pos2(cell.right(), cell.center().y - galley.size().y / 2.0), galley, row.tokens.ink(Ink::Dim));
        cell.max.x -= 8.0;
    }
    row.name_in(0, cell, &name, &crate::fonts::words(12.5), row.tokens.ink(ink));
    let records = topic.records.map_or_else(|| "unknown".to_owned(), figures::count);
    let font = if topic.records.is_some() { crate::fonts::data(12.0) } else { crate::fonts::words(TEXT_SMALL_PT) };
    if num_columns > 1 {
        row.text_in(1, row.cell(1), &records, font, row.tokens.ink(Ink::Dim));
    }
    let rate = topic.rate_per_s.map_or_else(|| "–".to_owned(), |rate| format!("{}/s", figures::rate(rate)));
    if num_columns > 2 {
        row.data(2, &rate, Ink::Dim);
    }
    let read = match &topic.not_tailed {
        None => "read".to_owned(),
        Some(reason) => format!("not read: {}", visible(reason)),
    };
    let dead = if topic.has_dead_letters { ", dead letters" } else { "" };
    let on = place.map(|place| format!(" on {place}")).unwrap_or_default();
    format!("topic {name}{on}, {records} records, {rate}, {read}{dead}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn topics_of_one_name_on_two_clusters_are_two() {
        let mut business = testing::Business::default();
        let one = business.channel("orders", testing::figure(60, 0, 1, 2));
        let other = business.channel("orders", testing::figure(120, 0, 1, 2));
        business.channel("payments", testing::figure(60, 0, 1, 2));
        let mut snapshot = business.snapshot();
        let figures = std::sync::Arc::make_mut(&mut snapshot.figures);
        for channel in &mut figures.channels {
            channel.cluster = Some(if channel.node_id == other { "west" } else { "east" }.to_owned());
        }
        let topics = topics(&snapshot);
        let told: Vec<_> = topics.iter().map(|topic| (topic.node_id, topic.name.as_str(), topic.told_cluster().map(std::borrow::Cow::into_owned))).collect();
        assert_eq!(told[..2], [(one, "orders", Some("east".to_owned())), (other, "orders", Some("west".to_owned()))]);
        assert_eq!(told[2].2, None, "a name of its own tells enough");
        let west = ChannelKey { cluster: Some("west".to_owned()), name: "orders".to_owned() };
        assert_eq!(topics.iter().map(|topic| topic.is(&west)).collect::<Vec<_>>(), [false, true, false]);
        let any = ChannelKey { cluster: None, ..west };
        assert_eq!(topics.iter().map(|topic| topic.is(&any)).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn topics_stand_by_name_with_what_the_broker_says_of_them() {
        let topics = topics(&testing::order_business());
        assert_eq!(topics.iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>(), ["inventory.reserved", "orders.placed", "orders.placed-dlt"]);
        assert_eq!((topics[1].partitions, topics[1].records, topics[1].not_tailed.as_deref()), (Some(4), Some(15_960), None));
        assert_eq!(topics.iter().map(|topic| topic.has_dead_letters).collect::<Vec<_>>(), [false, false, true]);
    }
}
