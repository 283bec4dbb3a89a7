//! What became of what was sent: read by the group that failed, or back among the dead.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_engine::view::{Answer, ConversationItem, GroupDetail, Query, RecordView, Snapshot, SpanView};
use switchboard_model::{CorrelationId, REPLAY_ID_HEADER, SpanId, SpanKind, TraceId};

use crate::ledger::{Fate, FateLine, Ledger, LedgerError, LetterKey, LetterRecord, LetterState, SendId, SentState};
use crate::replay::Observed;

/// Letters looked for among the dead in one round.
const MAX_LOOKED_FOR: usize = 200;
/// A letter that was read is still looked for among the dead so long, ns.
const LOOKED_FOR_NS: i64 = 600_000_000_000;
/// Items of a conversation that are looked at.
const MAX_ITEMS: usize = 64;

/// What is remembered from round to round.
#[derive(Default)]
pub(super) struct Follower {
    /// Dead letters counted by the engine when the last look through all letters began.
    num_dead: Option<u64>,
    /// The look that is going on: their number when it began, and the last letter that was looked for.
    looking: Option<(u64, Option<LetterKey>)>,
    /// Where letters were consumed, by their replay ids.
    pub(super) new_traces: BTreeMap<String, (TraceId, SpanId)>,
}

/// Committed offsets: of a group on a topic, by partition.
type Commits = BTreeMap<(String, String, String), BTreeMap<i32, i64>>;

impl Follower {
    /// One round over all letters that were sent to clusters that are in reach. `traced`: replay ids whose new trace is wanted.
    pub(super) async fn round(
        &mut self,
        ledger: &Ledger,
        observed: &dyn Observed,
        cluster_ids: &BTreeMap<String, String>,
        traced: &BTreeSet<String>,
    ) -> Result<(), LedgerError> {
        let snapshot = observed.snapshot();
        let now_ns = observed.now_ns();
        let letters = ledger.letters();
        let here = |letter: &LetterKey, record: &LetterRecord| cluster_ids.get(&letter.cluster).is_some_and(|id| *id == record.cluster_id);
        let waiting: Vec<(&LetterKey, &LetterRecord)> = letters
            .iter()
            .filter(|(letter, record)| record.state == LetterState::Sent(SentState::Persisted) && record.position.is_some() && here(letter, record))
            .collect();
        if !waiting.is_empty() {
            let commits = commits(observed, &snapshot, &waiting).await;
            for (letter, record) in waiting {
                if let (Some(send_id), Some(evidence)) = (record.send_id, read_by(&commits, letter, record)) {
                    ledger.follow(send_id, letter, FateLine { fate: Fate::Consumed, evidence, at_ns: now_ns }).await?;
                }
            }
        }
        let looked_for: Vec<(&LetterKey, &LetterRecord)> = letters
            .iter()
            .filter(|(letter, record)| {
                let is_out = match record.state {
                    LetterState::Sent(_) => true,
                    LetterState::Consumed => now_ns.saturating_sub(record.intended_ns) <= LOOKED_FOR_NS,
                    LetterState::Open | LetterState::DeadAgain | LetterState::Parked(_) => false,
                };
                is_out && here(letter, record)
            })
            .collect();
        self.look_for(ledger, observed, &snapshot, &looked_for, traced, now_ns).await
    }

    /// Looks for letters among the dead, where there are more dead than the last time, and for the traces that are wanted.
    async fn look_for(
        &mut self,
        ledger: &Ledger,
        observed: &dyn Observed,
        snapshot: &Snapshot,
        letters: &[(&LetterKey, &LetterRecord)],
        traced: &BTreeSet<String>,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let num_dead: u64 = snapshot.dead_letters.iter().map(|view| view.count).sum();
        if self.looking.is_none() && self.num_dead != Some(num_dead) {
            self.looking = Some((num_dead, None));
        }
        let dead_channels: BTreeSet<&str> = snapshot.dead_letters.iter().map(|view| view.channel.as_str()).collect();
        let mut num_looked = 0;
        for (letter, record) in letters {
            let wants_trace = traced.contains(&record.replay_id) && !self.new_traces.contains_key(&record.replay_id);
            let is_due = self.looking.as_ref().is_some_and(|(_, last)| last.as_ref().is_none_or(|last| *letter > last));
            if !(wants_trace || is_due) {
                continue;
            }
            num_looked += 1;
            if num_looked > MAX_LOOKED_FOR {
                return Ok(());
            }
            if let Some((_, last)) = self.looking.as_mut().filter(|_| is_due) {
                *last = Some((*letter).clone());
            }
            let query = Query::Conversation { id: CorrelationId::Text(record.replay_id.clone()), limit: MAX_ITEMS };
            let Some(Answer::Conversation(items)) = observed.query(query).await else { continue };
            if let Some(back) = came_back(&items, letter, record, &dead_channels)
                && let Some(send_id) = record.send_id
            {
                let evidence = format!("back on {} {}@{}", back.channel, back.partition, back.offset);
                ledger.follow(send_id, letter, FateLine { fate: Fate::DeadAgain, evidence, at_ns: now_ns }).await?;
            } else if let Some(span) = consumed_in(&items, record) {
                self.new_traces.insert(record.replay_id.clone(), (span.trace_id, span.span_id));
                if let (LetterState::Sent(_), Some(send_id)) = (&record.state, record.send_id) {
                    self.consumed_by_span(ledger, send_id, letter, span, now_ns).await?;
                }
            }
        }
        if let Some((num_dead, _)) = self.looking.take() {
            self.num_dead = Some(num_dead);
        }
        Ok(())
    }

    /// A span that names the record proves that it was read, where no group's offsets tell.
    async fn consumed_by_span(&self, ledger: &Ledger, send_id: SendId, letter: &LetterKey, span: &SpanView, now_ns: i64) -> Result<(), LedgerError> {
        let evidence = format!("{} read it: {}", span.service, span.name);
        ledger.follow(send_id, letter, FateLine { fate: Fate::Consumed, evidence, at_ns: now_ns }).await
    }
}

/// What the groups on the topics that were sent to have committed.
async fn commits(observed: &dyn Observed, snapshot: &Snapshot, waiting: &[(&LetterKey, &LetterRecord)]) -> Commits {
    let topics: BTreeSet<(&str, &str)> = waiting.iter().map(|(letter, record)| (letter.cluster.as_str(), record.target.as_str())).collect();
    let mut commits = Commits::new();
    for (cluster, topic) in topics {
        let groups: BTreeSet<&str> = snapshot
            .groups
            .iter()
            .filter(|group| group.topic == topic && group.cluster.as_deref().is_none_or(|name| name == cluster))
            .map(|group| group.group.as_str())
            .collect();
        for group in groups {
            let query = Query::Group { cluster: Some(cluster.to_owned()), group: group.to_owned(), topic: topic.to_owned() };
            if let Some(Answer::Group(Some(detail))) = observed.query(query).await {
                commits.insert((cluster.to_owned(), topic.to_owned(), group.to_owned()), committed(&detail));
            }
        }
    }
    commits
}

fn committed(detail: &GroupDetail) -> BTreeMap<i32, i64> {
    detail.partitions.iter().filter_map(|partition| partition.committed.map(|offset| (partition.partition, offset))).collect()
}

/// Whether a record was read, and how that is known: by the group that failed; where that is unknown, by all that read the topic.
fn read_by(commits: &Commits, letter: &LetterKey, record: &LetterRecord) -> Option<String> {
    let (partition, offset) = record.position?;
    let on_topic = commits.iter().filter(|((cluster, topic, _), _)| (cluster, topic) == (&letter.cluster, &record.target));
    let mut told: Vec<(&str, i64)> = on_topic
        .filter(|((.., group), _)| record.failed_group.as_ref().is_none_or(|failed| failed == group))
        .filter_map(|((.., group), by_partition)| by_partition.get(&partition).map(|committed| (group.as_str(), *committed)))
        .collect();
    told.sort_unstable();
    let is_past = !told.is_empty() && told.iter().all(|(_, committed)| *committed > offset);
    let groups: Vec<&str> = told.iter().map(|(group, _)| *group).collect();
    is_past.then(|| format!("{} past {partition}@{offset}", groups.join(", ")))
}

/// The dead letter that a record has become.
fn came_back<'a>(items: &'a [ConversationItem], letter: &LetterKey, record: &LetterRecord, dead_channels: &BTreeSet<&str>) -> Option<&'a RecordView> {
    items.iter().find_map(|item| match item {
        ConversationItem::Record(found) => {
            let is_marked = found.headers.iter().any(|(name, value)| name == REPLAY_ID_HEADER && value.as_deref() == Some(record.replay_id.as_bytes()));
            let is_the_letter = (found.channel.as_str(), found.partition, found.offset) == (letter.channel.as_str(), letter.partition, letter.offset);
            (is_marked && !is_the_letter && found.channel != record.target && dead_channels.contains(found.channel.as_str())).then_some(found)
        }
        ConversationItem::Span(_) | ConversationItem::Log(_) => None,
    })
}

/// The span that consumed a record at its new place.
pub(crate) fn consumed_in<'a>(items: &'a [ConversationItem], record: &LetterRecord) -> Option<&'a SpanView> {
    let (partition, offset) = record.position?;
    let (partition, offset) = (partition.to_string(), offset.to_string());
    items.iter().find_map(|item| {
        let ConversationItem::Span(span) = item else { return None };
        let value = |names: &[&str]| span.attributes.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str());
        let is_there = value(&["messaging.kafka.offset", "messaging.kafka.message.offset"]) == Some(offset.as_str())
            && value(&["messaging.destination.partition.id", "messaging.kafka.destination.partition", "messaging.kafka.partition"])
                .is_none_or(|told| told == partition)
            && value(&["messaging.destination.name", "messaging.destination"]).is_none_or(|told| told == record.target);
        (span.kind == SpanKind::Consumer && is_there).then_some(span)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::KindHash;

    fn letter() -> LetterKey {
        LetterKey { cluster: "c".into(), channel: "orders-dlt".into(), partition: 0, offset: 7, timestamp_ns: None }
    }

    fn record(failed_group: Option<&str>) -> LetterRecord {
        LetterRecord {
            state: LetterState::Sent(SentState::Persisted),
            kind: KindHash(1),
            replay_id: "r-1.1".into(),
            target: "orders".into(),
            position: Some((2, 100)),
            failed_group: failed_group.map(str::to_owned),
            ..LetterRecord::default()
        }
    }

    fn commits(of: &[(&str, i64)]) -> Commits {
        of.iter().map(|(group, committed)| (("c".to_owned(), "orders".to_owned(), (*group).to_owned()), BTreeMap::from([(2, *committed)]))).collect()
    }

    #[test]
    fn a_record_was_read_once_the_group_that_failed_has_committed_past_it() {
        for (failed, committed, read) in [
            (Some("stock"), vec![("stock", 101)], true),
            (Some("stock"), vec![("stock", 100), ("mail", 500)], false),
            (Some("stock"), vec![("mail", 500)], false),
            (None, vec![("stock", 101), ("mail", 101)], true),
            (None, vec![("stock", 101), ("mail", 100)], false),
            (None, vec![], false),
        ] {
            assert_eq!(read_by(&commits(&committed), &letter(), &record(failed)).is_some(), read, "{failed:?} {committed:?}");
        }
        let elsewhere = LetterRecord { target: "other".into(), ..record(None) };
        assert_eq!(read_by(&commits(&[("stock", 101)]), &letter(), &elsewhere), None);
        let nowhere = LetterRecord { position: None, ..record(None) };
        assert_eq!(read_by(&commits(&[("stock", 101)]), &letter(), &nowhere), None);
    }
}
