//! What is known of a group on a topic, in sections. Pure.

use switchboard_engine::view::{
    ChannelKey, GroupDetail, GroupView, MemberView, Node, NodeKind, PartitionLag, Snapshot, SpanReader, channel_word, group_kind_word,
};

use super::rows::{catch_up_words, pace_words, seconds, verdict};
use crate::{
    figures,
    ink::Tone,
    sanitise::visible,
    view::{Target, ViewAction},
    widgets::{
        detail::{Detail, Row, Section},
        heat_strip::PartitionCell,
    },
};

/// Rows of a list.
const ROWS_MAX: usize = 64;

/// The partitions as cells.
pub(crate) fn cells(detail: &GroupDetail, snapshot: &Snapshot, now_ns: i64) -> Vec<PartitionCell> {
    let cell = |partition: &PartitionLag| {
        let lag = partition.lag.map_or_else(|| "lag unknown".to_owned(), |lag| format!("{} behind", figures::count(lag)));
        let owner = match (&partition.member_id, &detail.view.members) {
            (Some(member_id), Some(members)) => match members.iter().find(|member| *member.member_id == **member_id) {
                Some(member) => format!("read by {}", reader(member, &detail.view, snapshot)),
                None => format!("read by {}", visible(member_id)),
            },
            (Some(member_id), None) => format!("read by {}", visible(member_id)),
            (None, Some(_)) => "read by nobody".to_owned(),
            (None, None) => match reader_of(&detail.view, partition.partition) {
                Some(reader) => format!("read by {} (from spans)", visible(reader.client_id.as_deref().unwrap_or(&reader.service))),
                None => "reader unknown".to_owned(),
            },
        };
        let committed = committed_words(partition, now_ns);
        let tone = Tone::from(partition.severity());
        let word = if tone > Tone::Unknown { format!("{}, ", partition.verdict.word()) } else { String::new() };
        let words = format!("partition {}: {word}{lag}, {owner}, {committed}", partition.partition);
        PartitionCell { partition: partition.partition, lag: partition.lag, words, tone }
    };
    detail.partitions.iter().map(cell).collect()
}

/// Who reads a partition by what spans say.
pub(crate) fn reader_of(group: &GroupView, partition: i32) -> Option<&SpanReader> {
    group.readers.iter().find(|reader| reader.partitions.binary_search(&partition).is_ok())
}

fn committed_words(partition: &PartitionLag, now_ns: i64) -> String {
    match (partition.committed, partition.committed_ns) {
        (None, _) => "no commit".to_owned(),
        (Some(offset), Some(at_ns)) => format!("committed {offset}, {} ago", figures::age(now_ns.saturating_sub(at_ns))),
        (Some(offset), None) => format!("committed {offset}, not seen to move"),
    }
}

/// The instance that a member is, as far as its client id, its address or the spans of the group's service tell.
pub(crate) struct Joined<'a> {
    /// The service.
    pub service: &'a Node,
    /// Its instance.
    pub instance: &'a str,
    /// What tells it.
    pub by: &'static str,
}

/// Looks for the instance that a member is. Nothing is guessed: an instance has to be named in the client id or has to be the
/// only one of the only service that works for the group.
pub(crate) fn joined<'a>(member: &MemberView, group: &GroupView, snapshot: &'a Snapshot) -> Option<Joined<'a>> {
    let services = || snapshot.topology.nodes.iter().filter(|node| node.kind == NodeKind::Service);
    let host = member.host.trim_start_matches('/');
    for (told, by) in [(&*member.client_id, "client id"), (host, "host"), (&*member.member_id, "member id")] {
        let found = services().flat_map(|service| service.instances.iter().map(move |instance| (service, instance.instance.as_str())));
        let mut named = found.filter(|(_, instance)| names(told, instance));
        if let (Some((service, instance)), None) = (named.next(), named.next()) {
            return Some(Joined { service, instance, by });
        }
    }
    let node_id = group.node_id?;
    let mut works = snapshot.topology.edges.iter().filter(|edge| edge.from == node_id).filter_map(|edge| services().find(|node| node.node_id == edge.to));
    let service = works.next().filter(|_| works.next().is_none())?;
    let [instance] = service.instances.as_slice() else { return None };
    Some(Joined { service, instance: &instance.instance, by: "spans: it is the only instance of the only service that works for the group" })
}

/// Whether a text names an instance as a word of its own: `orders-1` in `consumer-orders-1`, not in `orders-12`.
fn names(text: &str, instance: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric();
    instance.len() >= 3
        && text.match_indices(instance).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + instance.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
}

fn reader(member: &MemberView, group: &GroupView, snapshot: &Snapshot) -> String {
    match joined(member, group, snapshot) {
        Some(joined) => visible(joined.instance).into_owned(),
        None => format!("{} at {}", visible(&member.client_id), visible(member.host.trim_start_matches('/'))),
    }
}

/// All that is known of a group; `detail` = `None` while the engine has not answered yet.
pub(crate) fn detail(group: &GroupView, detail: Option<&GroupDetail>, snapshot: &Snapshot, now_ns: i64) -> Detail {
    let judged = verdict(group);
    let of_kind = group_kind_word(group.kind.as_ref());
    let mut kind = if group.topic.is_empty() { format!("{of_kind} on topics that are not told") } else { format!("{of_kind} on {}", visible(&group.topic)) };
    for more in [group.cluster.as_deref(), group.state.as_deref()].into_iter().flatten() {
        kind.push_str(&format!(" · {}", visible(more)));
    }
    let age = group.read_ns.map_or_else(|| "never read".to_owned(), |read_ns| format!("read {} ago", figures::age(now_ns.saturating_sub(read_ns))));
    let mut about = vec![
        Row::pair("messages behind", &group.lag.map_or_else(|| "unknown".to_owned(), figures::count)).toned(if group.lag == Some(0) {
            Tone::Quiet
        } else {
            judged.tone
        }),
        Row::pair("time behind", &seconds(group)),
    ];
    let mut sections = Vec::new();
    let mut last = Vec::new();
    if let Some((comes, handled)) = pace_words(group) {
        about.push(Row::pair("come in", &comes));
        about.push(Row::pair("are handled", &handled));
    }
    about.push(Row::pair("caught up", &catch_up_words(group)));
    if let Some(detail) = detail {
        last = commits(detail, now_ns);
    }
    if let Some(committed) = group.committed_since_start {
        about.push(Row::pair("committed so far", &figures::count(committed)));
    }
    sections.push(Section::new("Lag", about).noted(&age));
    sections.push(Section::new("Members", members(group, snapshot)));
    sections.push(Section::new("Last commits", last));
    sections.push(Section::new("Leads to", links(group, detail, snapshot)));
    sections.retain(|section| !section.rows.is_empty());
    Detail { title: visible(&group.group).into_owned(), kind, verdict: vec![(judged.text, judged.tone)], sections }
}

/// Who reads by what spans say, and that they say it.
pub(crate) fn reader_rows(group: &GroupView, most: usize) -> Vec<Row> {
    if group.readers.is_empty() {
        return Vec::new();
    }
    let row = |reader: &SpanReader| {
        let name = reader.client_id.as_deref().or(reader.instance.as_deref()).unwrap_or(&reader.service);
        let who = reader.instance.as_ref().map_or_else(|| reader.service.clone(), |instance| format!("{} · {instance}", reader.service));
        Row::link(name, &partition_words(&reader.partitions), None).explained(&format!("{who} · from spans"))
    };
    let mut rows = vec![Row::text("From spans, of the last 5 min: who handled records, and the partitions they were the last to handle")];
    rows.extend(group.readers.iter().take(most).map(row));
    if group.readers.len() > most {
        rows.push(Row::text(&format!("and {} more", group.readers.len() - most)));
    }
    rows
}

/// `p0 p3 p4`.
fn partition_words(partitions: &[i32]) -> String {
    if partitions.is_empty() {
        return "no partition told".to_owned();
    }
    let numbers: Vec<String> = partitions.iter().take(16).map(|partition| format!("p{partition}")).collect();
    let more = partitions.len().saturating_sub(16);
    if more > 0 { format!("{} and {more} more", numbers.join(" ")) } else { numbers.join(" ") }
}

fn members(group: &GroupView, snapshot: &Snapshot) -> Vec<Row> {
    let Some(members) = &group.members else {
        let reason = group.members_reason.as_deref().unwrap_or("the broker has not told of them yet");
        let mut rows = vec![Row::text(&format!("Members unknown: {reason}")).toned(Tone::Unknown)];
        rows.extend(reader_rows(group, ROWS_MAX));
        return rows;
    };
    if members.is_empty() {
        return vec![Row::text("No member: nobody reads").toned(verdict(group).tone)];
    }
    let row = |member: &MemberView| {
        let partitions = if member.partitions.is_empty() { "no partition".to_owned() } else { partition_words(&member.partitions) };
        let from = format!("client id {}, from {}", member.client_id, member.host.trim_start_matches('/'));
        match joined(member, group, snapshot) {
            Some(joined) => {
                let action = ViewAction::Goto(Target::Node(joined.service.node_id));
                Row::link(joined.instance, &partitions, Some(action)).explained(&format!("{from} · joined by {}", joined.by))
            }
            None => {
                Row::link(&member.client_id, &partitions, None).explained(&format!("from {} · its instance is unknown", member.host.trim_start_matches('/')))
            }
        }
    };
    let mut rows: Vec<Row> = members.iter().take(ROWS_MAX).map(row).collect();
    if members.len() > ROWS_MAX {
        rows.push(Row::text(&format!("and {} more", members.len() - ROWS_MAX)));
    }
    rows
}

/// Partitions, the one that has not moved for longest first.
fn commits(detail: &GroupDetail, now_ns: i64) -> Vec<Row> {
    let mut partitions: Vec<&PartitionLag> = detail.partitions.iter().collect();
    partitions.sort_by_key(|partition| {
        (std::cmp::Reverse(partition.severity()), partition.lag.unwrap_or(0) == 0, partition.committed_ns.unwrap_or(i64::MIN), partition.partition)
    });
    let mut rows: Vec<Row> = partitions
        .iter()
        .take(8)
        .map(|partition| {
            let value = match (partition.committed, partition.end) {
                (Some(committed), Some(end)) => format!("{committed} of {end}"),
                (Some(committed), None) => format!("{committed} of unknown"),
                (None, Some(end)) => format!("none of {end}"),
                (None, None) => "unknown".to_owned(),
            };
            let moved = match partition.committed_ns {
                Some(at_ns) => format!("{} ago", figures::age(now_ns.saturating_sub(at_ns))),
                None => "not seen to move".to_owned(),
            };
            let tone = Tone::from(partition.severity());
            let row = Row::pair(&format!("p{}", partition.partition), &value);
            if tone > Tone::Unknown { row.read(&format!("{} · {moved}", partition.verdict.word())).toned(tone) } else { row.read(&moved) }
        })
        .collect();
    if partitions.len() > 8 {
        rows.push(Row::text(&format!("and {} more", partitions.len() - 8)));
    }
    rows
}

fn links(group: &GroupView, detail: Option<&GroupDetail>, snapshot: &Snapshot) -> Vec<Row> {
    let channel = ChannelKey { cluster: group.cluster.clone(), name: group.topic.clone() };
    let mut rows = vec![Row::link(&format!("records of {}", group.topic), "", Some(ViewAction::Goto(Target::Channel(channel.clone()))))];
    if let Some(node_id) = group.node_id {
        rows.push(Row::link("on the map", "", Some(ViewAction::Goto(Target::Node(node_id)))));
    }
    let dead: u64 = snapshot.dead_letters.iter().filter(|letters| letters.origin.as_deref() == Some(group.topic.as_str())).map(|letters| letters.count).sum();
    if dead > 0 {
        let action = ViewAction::Goto(Target::DeadLetters { channel, fingerprint: None });
        rows.push(Row::link("dead letters of the topic", &figures::count(dead), Some(action)).toned(channel_word(dead).1.into()));
    }
    for other in detail.iter().flat_map(|detail| &detail.others).take(ROWS_MAX) {
        let target = Target::Group { cluster: group.cluster.clone(), group: other.clone(), topic: group.topic.clone() };
        rows.push(Row::link(&format!("{other} reads it too"), "", Some(ViewAction::Goto(target))));
    }
    rows.extend(Row::more(detail.map_or(0, |detail| detail.others.len()), ROWS_MAX));
    rows
}

/// The group as JSON.
pub(crate) fn to_json(group: &GroupView, detail: Option<&GroupDetail>) -> serde_json::Value {
    let partitions = |detail: &GroupDetail| {
        let row = |partition: &PartitionLag| {
            serde_json::json!({
                "partition": partition.partition, "low": partition.low, "end": partition.end, "committed": partition.committed,
                "lag": partition.lag, "verdict": partition.verdict, "word": partition.verdict.word(), "member_id": partition.member_id, "committed_ns": partition.committed_ns,
            })
        };
        detail.partitions.iter().map(row).collect::<Vec<_>>()
    };
    let member = |member: &MemberView| serde_json::json!({ "member_id": *member.member_id, "client_id": *member.client_id, "host": *member.host, "partitions": &*member.partitions });
    serde_json::json!({
        "cluster": group.cluster,
        "group": group.group,
        "topic": group.topic,
        "kind": group_kind_word(group.kind.as_ref()),
        "state": group.state.as_deref(),
        "lag": group.lag,
        "lag_s": group.lag_s,
        "verdict": group.verdict,
        "word": group.verdict.word(),
        "severity": group.severity(),
        "partition": group.partition,
        "reason": &*group.reason,
        "pace": group.pace,
        "read": group.read_ns.map(figures::instant),
        "read_ns": group.read_ns,
        "members": group.members.as_ref().map(|members| members.iter().map(member).collect::<Vec<_>>()),
        "members_unknown_because": group.members_reason,
        "readers_from_spans": group.readers,
        "partitions": detail.map(partitions),
        "other_groups": detail.map(|detail| &detail.others),
    })
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn an_instance_is_named_as_a_word_or_not_at_all() {
        for (text, instance, found) in [
            ("consumer-orders-1", "orders-1", true),
            ("orders-12", "orders-1", false),
            ("myorders-1", "orders-1", false),
            ("orders-1", "orders-1", true),
            ("10.0.0.7", "10.0.0.7", true),
            ("a1", "a1", false),
        ] {
            assert_eq!(names(text, instance), found, "{instance} in {text}");
        }
    }
}
