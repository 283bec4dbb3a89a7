//! What else was observed of a letter that was sent: spans that processed it, and records of its that wait to be tried again.

use std::collections::BTreeSet;

use switchboard_engine::view::{Answer, ConversationItem, PointQuery, Query, Snapshot};
use switchboard_model::CorrelationId;

use crate::ledger::{LetterRecord, LetterState};
use crate::send::replay::Observed;
use crate::send::replay::follow::{ByChannel, Follower, LOOKED_FOR_NS, Living, MAX_LOOKED_FOR, Round, Sent, is_own};
use crate::send::replay::sighting::{Proof, Retried, RetryChannels, is_of_group, processed, retry_channels, retry_of};

/// Items of a conversation that are looked at.
const MAX_ITEMS: usize = 256;

impl Follower {
    /// Looks for spans that processed letters and for retries of them: of those whose traces are wanted, and of those that nobody
    /// was seen to read.
    pub(super) async fn look_for_spans_and_retries(
        &mut self,
        observed: &dyn Observed,
        channels: &ByChannel<RetryChannels>,
        letters: &[Sent<'_>],
        living: &Living,
        round: &Round<'_>,
        now_ns: i64,
    ) {
        let is_wanted = |record: &LetterRecord| {
            let is_unseen = matches!(record.state, LetterState::Sent(_)) && now_ns.saturating_sub(record.intended_ns) <= LOOKED_FOR_NS;
            record.written_to.is_some() && (is_unseen || round.traced.contains(&record.replay_id))
        };
        let wanted: Vec<_> = letters.iter().filter(|sent| is_wanted(sent.record)).collect();
        // In turn, where there are more than fit into a round.
        let first = wanted.partition_point(|sent| self.last_looked_for.as_ref().is_some_and(|last| sent.letter <= last));
        for Sent { letter, record, cluster } in wanted.iter().cycle().skip(first).take(wanted.len().min(MAX_LOOKED_FOR)) {
            self.last_looked_for = Some((*letter).clone());
            let Some(items) = conversation(observed, &record.replay_id).await else { continue };
            if let Some(channels) = channels.get(&((*cluster).to_owned(), record.target.clone())) {
                self.take_retries(&items, record, channels, round);
            }
            // Of what never was a dead letter every group's commits tell who has read it, and no group is the one that failed.
            if !living.has(letter, record) {
                self.take_spans(&items, record, now_ns);
            }
        }
    }

    pub(super) fn take_retries(&mut self, items: &[ConversationItem], record: &LetterRecord, channels: &RetryChannels, round: &Round<'_>) {
        for item in items {
            let ConversationItem::Record(moved) = item else { continue };
            let Some(mut retry) = retry_of(moved, &record.replay_id, &record.target) else { continue };
            // What the letter tells counts from when its record was written, however long that lay before its first try.
            let whole_ns = channels.whole_delay_ns().or_else(|| self.retried(record, round).ns());
            let due_ns = retry.due_ns.unwrap_or(retry.since_ns);
            retry.over_ns = whole_ns.map(|ns| record.intended_ns.saturating_add(ns).max(due_ns).saturating_add(round.quiet_ns));
            self.sightings.entry(record.replay_id.clone()).or_default().retried(retry);
        }
    }

    /// How long the letter was tried again before it died the last time.
    pub(super) fn retried(&self, record: &LetterRecord, round: &Round<'_>) -> Retried {
        if is_own(record, round) {
            return Retried::of(round.retried_ns.get(&record.replay_id).copied());
        }
        self.read_again.get(&record.replay_id).copied().unwrap_or_default()
    }

    /// A span of the group that failed which names the record, and no error, proves that it was processed.
    fn take_spans(&mut self, items: &[ConversationItem], record: &LetterRecord, now_ns: i64) {
        let Some((sighting, at)) = self.sighting(record) else { return };
        let own = |group: &str| record.failed_group.as_ref().is_some_and(|failed| is_of_group(group, failed));
        for of in processed(items, &at) {
            match of.group {
                Some(group) if own(group) => {
                    if !of.has_failed {
                        sighting.new_trace = Some((of.span.trace_id, of.span.span_id));
                        let evidence = format!("{} processed it for {group}: {}", of.span.service, of.span.name);
                        sighting.proved(Proof { evidence, at: at.clone(), since_ns: now_ns, has_settled: false });
                    }
                }
                Some(group) => drop(sighting.others.insert(group.to_owned())),
                None => drop(sighting.others.insert(format!("{}, which does not say for which group", of.span.service))),
            }
        }
    }
}

/// The retry channels of the channels that letters were sent to, of those that are still followed.
pub(super) fn channels_of(snapshot: &Snapshot, letters: &[Sent<'_>], is_followed: impl Fn(&LetterRecord) -> bool) -> ByChannel<RetryChannels> {
    let followed = letters.iter().filter(|sent| is_followed(sent.record));
    let targets: BTreeSet<(&str, &str)> = followed.map(|sent| (sent.cluster, sent.record.target.as_str())).collect();
    let all = if targets.is_empty() { Vec::new() } else { retry_channels(snapshot) };
    let of = |(cluster, target): (&str, &str)| ((cluster.to_owned(), target.to_owned()), RetryChannels::of(&all, cluster, target));
    targets.into_iter().map(of).collect()
}

/// The records and spans that bear the id of a letter that was sent; `None` = nobody answered.
pub(super) async fn conversation(observed: &dyn Observed, replay_id: &str) -> Option<Vec<ConversationItem>> {
    let query = Query::Point(PointQuery::Conversation { id: CorrelationId::Text(replay_id.to_owned()), limit: MAX_ITEMS });
    match observed.query(query).await {
        Some(Answer::Conversation(items)) => Some(items),
        _ => None,
    }
}
