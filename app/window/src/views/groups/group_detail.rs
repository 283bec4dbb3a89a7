//! What is known of a group on a topic, in sections. Pure.

use switchboard_engine::view::{ChannelKey, GroupDetail, GroupView, MemberView, PartitionLag, Snapshot, channel_word, group_kind_word};

use super::rows::{seconds, verdict};
use crate::{
    figures,
    ink::Tone,
    sanitise::visible,
    view::{Target, ViewAction},
    widgets::detail::{Detail, Row, Section},
    words::{
        groups::{catch_up_words, joined, pace_words, partition_words, reader_rows},
        letters::open_words,
    },
};

/// Rows of a list.
const ROWS_MAX: usize = 64;

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

fn members(group: &GroupView, snapshot: &Snapshot) -> Vec<Row> {
    let Some(members) = &group.members else {
        let reason = group.members_reason.as_deref().unwrap_or("the broker has not told of them yet");
        let mut rows = vec![Row::text(&format!("Members unknown: {reason}")).toned(Tone::Unknown)];
        rows.extend(reader_rows(group, snapshot, ROWS_MAX));
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
                let action = ViewAction::Goto(Target::Instance { node_id: joined.service.node_id, instance: joined.instance.to_owned() });
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
    let letters = snapshot.dead_letters.iter().filter(|letters| letters.origin.as_deref() == Some(group.topic.as_str()));
    let (dead, open) = letters.fold((0, 0), |(dead, open), letters| (dead + letters.count, open + letters.num_open));
    if dead > 0 {
        let action = ViewAction::Goto(Target::DeadLetters { channel, fingerprint: None });
        rows.push(Row::link("dead letters of the topic", &open_words(open, dead), Some(action)).toned(channel_word(open).1.into()));
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
