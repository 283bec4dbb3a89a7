//! The style of an interaction over a channel, and why.

use std::collections::{BTreeMap, BTreeSet};

use crate::figures::{RowKey, Rule};
use crate::flow::Flow;
use crate::flow::conversations::Conversations;
use crate::flow::plan::planned::{InteractionKey, Over, PlannedInteraction, PlannedNode};
use crate::names::ServiceId;
use crate::view::{NodeId, Style};

/// A style and why; unknown is `None`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Styled {
    /// The style.
    pub(crate) style: Option<Style>,
    /// Why, in words.
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug)]
struct Flowing {
    from: ServiceId,
    to: ServiceId,
    name_hash: u64,
}

/// Who publishes and who reads, channel by channel.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    groups: BTreeMap<NodeId, BTreeSet<String>>,
    groupless: BTreeMap<NodeId, BTreeSet<ServiceId>>,
    /// By service: channels that it reads, by the hash of the name.
    read_by: BTreeMap<ServiceId, BTreeMap<u64, NodeId>>,
    messages: BTreeMap<InteractionKey, Vec<Flowing>>,
}

impl Flows {
    /// A group reads a channel.
    pub(crate) fn reads(&mut self, channel: NodeId, group: &str) {
        self.groups.entry(channel).or_default().insert(group.to_owned());
    }

    /// A service reads a channel and does not say in which group.
    pub(crate) fn reads_without_group(&mut self, channel: NodeId, service: ServiceId) {
        self.groupless.entry(channel).or_default().insert(service);
    }

    /// A service reads a channel.
    pub(crate) fn consumes(&mut self, service: ServiceId, name_hash: u64, channel: NodeId) {
        self.read_by.entry(service).or_default().insert(name_hash, channel);
    }

    /// An interaction is of messages on a channel.
    pub(crate) fn message(&mut self, key: InteractionKey, from: ServiceId, to: ServiceId, name_hash: u64) {
        self.messages.entry(key).or_default().push(Flowing { from, to, name_hash });
    }

    fn num_readers(&self, channel: NodeId) -> usize {
        let num_groups = self.groups.get(&channel).map_or(0, BTreeSet::len);
        if num_groups > 0 { num_groups } else { self.groupless.get(&channel).map_or(0, BTreeSet::len) }
    }

    /// The channel on which `by` answers what `from` publishes, if `from` reads it.
    fn answered_on(&self, conversations: &Conversations, from: ServiceId, name_hash: u64, by: ServiceId) -> Option<NodeId> {
        let read = self.read_by.get(&from)?;
        conversations.answers(from, name_hash, by).iter().filter_map(|answer| read.get(answer)).min().copied()
    }

    /// The style of an interaction; `None` if it is not one of messages.
    pub(crate) fn style<'a>(&self, key: &InteractionKey, conversations: &Conversations, node: impl Fn(NodeId) -> Option<&'a PlannedNode>) -> Option<Styled> {
        let channel = match key.2 {
            Over::Protocol(_) => return None,
            Over::Channel(None) => return Some(Styled { style: None, reason: "no span names the channel".to_owned() }),
            Over::Channel(Some(channel)) => channel,
        };
        let flowing: &[Flowing] = self.messages.get(key).map_or(&[], Vec::as_slice);
        let name = |channel: NodeId| node(channel).map_or_else(String::new, |planned| planned.node.name.clone());
        let num_readers = self.num_readers(channel);
        let answer = |from: ServiceId, to: ServiceId, name_hash: u64| self.answered_on(conversations, from, name_hash, to);
        if num_readers >= 2 {
            // Whoever of the readers answers: the message as such is answered.
            let readers = self.read_by.iter().filter(|(_, read)| read.values().any(|known| *known == channel)).map(|(service, _)| *service);
            let answered = flowing
                .iter()
                .filter(|flowing| flowing.from != ServiceId::NONE)
                .find_map(|flowing| readers.clone().find_map(|reader| answer(flowing.from, reader, flowing.name_hash)));
            return Some(match answered {
                Some(on) => Styled {
                    style: Some(Style::PublishAsyncResponses),
                    reason: format!("{num_readers} groups read it, and answers with the same correlation id come back on {}", name(on)),
                },
                None => Styled { style: Some(Style::PublishSubscribe), reason: format!("{num_readers} groups read it") },
            });
        }
        for flowing in flowing.iter().filter(|flowing| flowing.from != ServiceId::NONE) {
            if let Some(on) = answer(flowing.from, flowing.to, flowing.name_hash) {
                let reason = format!("answers with the same correlation id come back on {}", name(on));
                return Some(Styled { style: Some(Style::AsyncRequestResponse), reason });
            }
            let is_asked = |request: &&Flowing| {
                (request.from, request.to) == (flowing.to, flowing.from)
                    && conversations.answers(request.from, request.name_hash, request.to).contains(&flowing.name_hash)
            };
            let asked = self.messages.iter().find(|(_, requests)| requests.iter().any(|request| is_asked(&request)));
            if let Some(((_, _, Over::Channel(Some(on))), _)) = asked {
                let reason = format!("it carries the answers to {}, with the same correlation id", name(*on));
                return Some(Styled { style: Some(Style::AsyncRequestResponse), reason });
            }
        }
        Some(if num_readers == 1 {
            Styled { style: Some(Style::OneWayNotification), reason: "one group reads it, and no answer was seen".to_owned() }
        } else {
            Styled { style: None, reason: "nothing tells who reads it".to_owned() }
        })
    }
}

impl Styled {
    /// A call: its very kind says that an answer is awaited.
    pub(super) fn of_call(flow: &Flow, interaction: &PlannedInteraction) -> Self {
        let is_call = interaction.rows.iter().any(|row| matches!(flow.rows.get(*row).key, RowKey::Call { .. }));
        if !is_call {
            return Self { style: None, reason: "nothing tells".to_owned() };
        }
        let num_paired: u64 = interaction.rows.iter().map(|row| flow.rows.get(*row).rules[Rule::Parent as usize]).sum();
        let reason = if num_paired > 0 {
            format!("{num_paired} calls were seen with their server spans")
        } else {
            "the spans' kind says that an answer is awaited; only one side sends spans".to_owned()
        };
        Self { style: Some(Style::RequestResponse), reason }
    }
}
