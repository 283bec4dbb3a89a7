//! Consumer groups in words: pace, readers, partition by partition. Pure.

use switchboard_engine::view::{CatchUp, GroupDetail, GroupView, MemberView, Node, NodeKind, PartitionLag, Snapshot, SpanReader};

use crate::{
    figures,
    ink::Tone,
    sanitise::visible,
    view::Target,
    widgets::{
        detail::{Row, goto},
        heat_strip::PartitionCell,
    },
};

/// When it has caught up, in words: `in 12 s at this pace`.
pub(crate) fn catch_up_words(group: &GroupView) -> String {
    match group.catch_up() {
        CatchUp::Done => "nothing waits".to_owned(),
        CatchUp::In(needed_s) => format!("in {} at this pace", figures::age_s(needed_s)),
        CatchUp::Never => "never at this pace".to_owned(),
        CatchUp::NotWhile(verdict) => format!("not while this lasts: {}", verdict.word()),
        CatchUp::Unknown => "unknown: too few readings yet".to_owned(),
    }
}

/// What came in and what was handled, in one span of time: `370 in 18 s · 20.6/s`.
pub(crate) fn pace_words(group: &GroupView) -> Option<(String, String)> {
    let pace = group.pace?;
    let words = |num: u64, per_s: f64| format!("{} in {} · {}/s", figures::count(num), figures::age(pace.over_ns), figures::rate(per_s));
    let (comes, handled) = pace.per_s();
    Some((words(pace.came_in, comes), words(pace.handled, handled)))
}

/// How many read: `3`, `2 from spans`, `unknown`.
pub(crate) fn num_members_words(group: &GroupView) -> String {
    match (&group.members, group.readers.len()) {
        (Some(members), _) => figures::count(members.len() as u64),
        (None, 0) => "unknown".to_owned(),
        (None, num) => format!("{} from spans", figures::count(num as u64)),
    }
}

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

/// Who reads by what spans say, and that they say it.
pub(crate) fn reader_rows(group: &GroupView, snapshot: &Snapshot, most: usize) -> Vec<Row> {
    if group.readers.is_empty() {
        return Vec::new();
    }
    let row = |reader: &SpanReader| {
        let name = reader.client_id.as_deref().or(reader.instance.as_deref()).unwrap_or(&reader.service);
        let who = reader.instance.as_ref().map_or_else(|| reader.service.clone(), |instance| format!("{} · {instance}", reader.service));
        let service = snapshot.topology.nodes.iter().find(|node| node.kind == NodeKind::Service && node.name == reader.service);
        let target = service.zip(reader.instance.clone()).map(|(service, instance)| Target::Instance { node_id: service.node_id, instance });
        Row::link(name, &partition_words(&reader.partitions), goto(target)).explained(&format!("{who} · from spans"))
    };
    let mut rows = vec![Row::text("From spans, of the last 5 min: who handled records, and the partitions they were the last to handle")];
    rows.extend(group.readers.iter().take(most).map(row));
    if group.readers.len() > most {
        rows.push(Row::text(&format!("and {} more", group.readers.len() - most)));
    }
    rows
}

/// `p0 p3 p4`.
pub(crate) fn partition_words(partitions: &[i32]) -> String {
    if partitions.is_empty() {
        return "no partition told".to_owned();
    }
    let numbers: Vec<String> = partitions.iter().take(16).map(|partition| format!("p{partition}")).collect();
    let more = partitions.len().saturating_sub(16);
    if more > 0 { format!("{} and {more} more", numbers.join(" ")) } else { numbers.join(" ") }
}

#[cfg(test)]
mod tests {
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
