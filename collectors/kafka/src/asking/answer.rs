//! What krafka answers, in the words of this program.

use krafka::admin::{ConsumerGroupListing, ConsumerGroupMember, DescribedStreamsGroup, GroupType};
use krafka::error::{KrafkaError, ProtocolErrorKind};
use switchboard_model::{GroupKind, GroupMember};

use super::GroupDescription;
use crate::failure::{CallError, Code};
use crate::native;

pub(super) fn code_of(error: &KrafkaError) -> Code {
    match error {
        KrafkaError::Broker { code, .. } => Code(i32::from(code.to_i16())),
        KrafkaError::Timeout { .. } => Code::TIMED_OUT,
        KrafkaError::Network(_) => Code::TRANSPORT,
        KrafkaError::Auth { .. } => Code::AUTHENTICATION,
        other if other.protocol_error_kind() == Some(ProtocolErrorKind::UnknownApiVersion) => Code::UNSUPPORTED_FEATURE,
        other if other.protocol_error_kind().is_some() => Code::BAD_MESSAGE,
        _ => Code::INVALID_ARGUMENT,
    }
}

pub(super) fn call_error(error: &KrafkaError) -> CallError {
    let code = code_of(error);
    let text = if matches!(error, KrafkaError::Broker { .. }) { native::code_text(code) } else { error.to_string() };
    CallError { code, text }
}

/// Whether it is a group of readers. The workers of Kafka Connect, for one, form a group that reads nothing.
pub(super) fn reads(group: &ConsumerGroupListing) -> bool {
    match &group.group_type {
        None | Some(GroupType::Classic) => matches!(group.protocol_type.as_str(), "" | "consumer"),
        Some(_) => true,
    }
}

pub(super) fn kind_of(kind: &GroupType) -> GroupKind {
    match kind {
        GroupType::Classic => GroupKind::Classic,
        GroupType::Consumer => GroupKind::Consumer,
        other => match other.to_string().to_ascii_lowercase().as_str() {
            "share" => GroupKind::Share,
            "streams" => GroupKind::Streams,
            name => GroupKind::Other(name.to_owned()),
        },
    }
}

pub(super) fn told(state: String) -> Option<String> {
    (!state.is_empty() && state != "Unknown").then_some(state)
}

pub(super) fn member_of(member: ConsumerGroupMember) -> GroupMember {
    let assigned = member.assignment.unwrap_or_default().into_iter();
    GroupMember {
        member_id: member.member_id,
        client_id: member.client_id,
        host: member.client_host,
        assignment: assigned.flat_map(|topic| topic.partitions.into_iter().map(move |partition| (topic.topic_name.clone(), partition))).collect(),
    }
}

/// A Streams group: what its members work on is told by subtopologies, whose topics the topology names.
pub(super) fn streams_description(group: DescribedStreamsGroup) -> GroupDescription {
    let topology = group.topology;
    let topics_of = |subtopology: &str| -> Vec<String> {
        let found = topology.iter().flat_map(|topology| &topology.subtopologies).flatten().find(|known| known.subtopology_id == subtopology);
        found
            .map(|found| found.source_topics.iter().cloned().chain(found.repartition_source_topics.iter().map(|topic| topic.name.clone())).collect())
            .unwrap_or_default()
    };
    let members = group.members.into_iter().map(|member| {
        let mut assignment = Vec::new();
        for tasks in &member.assignment.active_tasks {
            for topic in topics_of(&tasks.subtopology_id) {
                assignment.extend(tasks.partitions.iter().map(|partition| (topic.clone(), *partition)));
            }
        }
        GroupMember { member_id: member.member_id, client_id: member.client_id, host: member.client_host, assignment }
    });
    GroupDescription { kind: Some(GroupKind::Streams), members: Ok(members.collect()), state: told(group.group_state) }
}

/// An id as Kafka's own tools write it: base64 for URLs, without padding; all zeros mean none.
pub(super) fn topic_id_text(id: [u8; 16]) -> Option<String> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    if id == [0; 16] {
        return None;
    }
    let number = u128::from_be_bytes(id);
    // 128 bits are 21 digits of 6 bits and one of 2.
    let high = (0..21).map(|at| (number >> (122 - 6 * at)) & 63);
    let last = (number & 3) << 4;
    Some(high.chain([last]).map(|digit| char::from(DIGITS[usize::try_from(digit).unwrap_or(0)])).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ids_are_written_as_kafka_writes_them() {
        let id = [0x9a, 0x3f, 0x01, 0x7c, 0x55, 0x12, 0x4e, 0x21, 0x8b, 0x00, 0xff, 0x10, 0x20, 0x30, 0x40, 0x51];
        assert_eq!(topic_id_text(id).as_deref(), Some("mj8BfFUSTiGLAP8QIDBAUQ"));
        assert_eq!(topic_id_text([0; 16]), None);
    }

    #[test]
    fn errors_keep_their_meaning() {
        let broker = KrafkaError::broker(krafka::error::ErrorCode::GroupAuthorizationFailed, "no");
        assert!(code_of(&broker).is_refused() && call_error(&broker).text.contains("authorization"));
        assert!(code_of(&KrafkaError::timeout("x")).is_unreachable());
        assert!(code_of(&KrafkaError::network(std::io::Error::other("x"))).is_unreachable());
        assert_eq!(code_of(&KrafkaError::protocol_kind(ProtocolErrorKind::UnknownApiVersion, "x")), Code::UNSUPPORTED_FEATURE);
    }
}
