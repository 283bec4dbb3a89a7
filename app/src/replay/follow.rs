//! What became of what was sent: read by the group that failed, or back among the dead.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_engine::view::{Answer, ConversationItem, GroupDetail, LetterView, Query, Snapshot, SpanView};
use switchboard_model::{CorrelationId, SpanId, SpanKind, TraceId};

use crate::ledger::{Fate, FateLine, Ledger, LedgerError, LetterKey, LetterRecord, LetterState, SendId, SentState};
use crate::replay::Observed;

/// Letters of which a span is looked for in one round.
const MAX_LOOKED_FOR: usize = 200;
/// A letter that was read is still looked for among the dead so long, and a span of one that was sent, ns.
const LOOKED_FOR_NS: i64 = 600_000_000_000;
/// Items of a conversation that are looked at.
const MAX_ITEMS: usize = 64;
/// Dead letters asked for at a time.
const LISTED_AT_ONCE: usize = 5_000;
/// Who wrote a dead letter may have a clock that is so much behind this machine's, ns.
const CLOCKS_DIFFER_NS: i64 = 60_000_000_000;

/// What is remembered from round to round.
#[derive(Default)]
pub(super) struct Follower {
    /// Dead letters counted by the engine when they were last looked through, and the ledger's version then.
    looked_through: Option<(u64, u64)>,
    /// The letter of which a span was looked for last.
    last_looked_for: Option<LetterKey>,
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
        self.look_among_the_dead(ledger, observed, &snapshot, &looked_for, now_ns).await?;
        self.look_for_spans(ledger, observed, &looked_for, traced, now_ns).await
    }

    /// Looks for letters among the dead, where there are more dead or more sent than the last time.
    async fn look_among_the_dead(
        &mut self,
        ledger: &Ledger,
        observed: &dyn Observed,
        snapshot: &Snapshot,
        letters: &[(&LetterKey, &LetterRecord)],
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let num_dead: u64 = snapshot.dead_letters.iter().map(|view| view.count).sum();
        let is_of = (num_dead, ledger.version());
        if self.looked_through == Some(is_of) || letters.is_empty() {
            return Ok(());
        }
        let clusters: BTreeSet<&str> = letters.iter().map(|(letter, _)| letter.cluster.as_str()).collect();
        for cluster in clusters {
            let of_cluster = || letters.iter().filter(|(letter, _)| letter.cluster == cluster);
            let since_ns = of_cluster().map(|(_, record)| record.intended_ns).min().unwrap_or(now_ns);
            // Nobody answered: the next round looks again.
            let Some(came) = came_since(observed, cluster, since_ns.saturating_sub(CLOCKS_DIFFER_NS)).await else { return Ok(()) };
            let came = Came::new(&came);
            for (letter, record) in of_cluster() {
                if let (Some((view, how)), Some(send_id)) = (came.back(letter, record), record.send_id) {
                    let evidence = format!("back on {} {}@{}{how}", view.channel, view.partition, view.offset);
                    ledger.follow(send_id, letter, FateLine { fate: Fate::DeadAgain, evidence, at_ns: now_ns }).await?;
                }
            }
        }
        self.looked_through = Some(is_of);
        Ok(())
    }

    /// Looks for the spans that consumed letters: of those whose new trace is wanted, and of those nobody was seen to read.
    async fn look_for_spans(
        &mut self,
        ledger: &Ledger,
        observed: &dyn Observed,
        letters: &[(&LetterKey, &LetterRecord)],
        traced: &BTreeSet<String>,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let is_wanted = |record: &LetterRecord| {
            let is_unseen = matches!(record.state, LetterState::Sent(_)) && now_ns.saturating_sub(record.intended_ns) <= LOOKED_FOR_NS;
            record.position.is_some() && (is_unseen || traced.contains(&record.replay_id)) && !self.new_traces.contains_key(&record.replay_id)
        };
        let wanted: Vec<_> = letters.iter().filter(|(_, record)| is_wanted(record)).collect();
        // In turn, where there are more than fit into a round.
        let first = wanted.partition_point(|(letter, _)| self.last_looked_for.as_ref().is_some_and(|last| *letter <= last));
        for (letter, record) in wanted.iter().cycle().skip(first).take(wanted.len().min(MAX_LOOKED_FOR)) {
            self.last_looked_for = Some((*letter).clone());
            let query = Query::Conversation { id: CorrelationId::Text(record.replay_id.clone()), limit: MAX_ITEMS };
            let Some(Answer::Conversation(items)) = observed.query(query).await else { continue };
            let Some(span) = consumed_in(&items, record) else { continue };
            self.new_traces.insert(record.replay_id.clone(), (span.trace_id, span.span_id));
            if let (LetterState::Sent(_), Some(send_id)) = (&record.state, record.send_id) {
                Self::consumed_by_span(ledger, send_id, letter, span, now_ns).await?;
            }
        }
        Ok(())
    }

    /// A span that names the record proves that it was read, where no group's offsets tell.
    async fn consumed_by_span(ledger: &Ledger, send_id: SendId, letter: &LetterKey, span: &SpanView, now_ns: i64) -> Result<(), LedgerError> {
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

/// Dead letters of a cluster that came since.
async fn came_since(observed: &dyn Observed, cluster: &str, since_ns: i64) -> Option<Vec<LetterView>> {
    let mut came = Vec::new();
    loop {
        let query = Query::DeadLettersSince { cluster: cluster.to_owned(), since_ns, skip: came.len(), limit: LISTED_AT_ONCE };
        let Answer::DeadLetters(page) = observed.query(query).await? else { return None };
        let is_last = page.letters.is_empty() || page.num_left() == 0;
        came.extend(page.letters);
        if is_last {
            return Some(came);
        }
    }
}

/// Dead letters, by the two things that tell which record each was.
struct Came<'a> {
    by_replay_id: BTreeMap<&'a str, Vec<&'a LetterView>>,
    by_origin: BTreeMap<(&'a str, i32, i64), Vec<&'a LetterView>>,
}

impl<'a> Came<'a> {
    fn new(letters: &'a [LetterView]) -> Self {
        let mut came = Self { by_replay_id: BTreeMap::new(), by_origin: BTreeMap::new() };
        for view in letters {
            if let Some(replay_id) = &view.replay_id {
                came.by_replay_id.entry(replay_id).or_default().push(view);
            }
            if let (Some(origin), Some(partition), Some(offset)) = (&view.origin, view.origin_partition, view.origin_offset) {
                came.by_origin.entry((origin, partition, offset)).or_default().push(view);
            }
        }
        came
    }

    /// The dead letter that a record has become, and how that is known where it does not bear the record's own id: a consumer may
    /// have left the headers out, but says from which place of which channel it gave the record up.
    fn back(&self, letter: &LetterKey, record: &LetterRecord) -> Option<(&'a LetterView, String)> {
        let is_another = |view: &&&LetterView| {
            let is_the_letter = (view.channel.as_str(), view.partition, view.offset) == (letter.channel.as_str(), letter.partition, letter.offset);
            !is_the_letter && view.channel != record.target
        };
        let marked = self.by_replay_id.get(record.replay_id.as_str()).and_then(|views| views.iter().find(is_another));
        if let Some(view) = marked {
            return Some((view, String::new()));
        }
        let (partition, offset) = record.position?;
        // A channel made anew counts from 0 again: an older letter is not meant.
        let is_later = |view: &LetterView| view.timestamp_ns.is_some_and(|at_ns| at_ns >= record.intended_ns.saturating_sub(CLOCKS_DIFFER_NS));
        let views = self.by_origin.get(&(record.target.as_str(), partition, offset))?;
        let view = views.iter().find(|view| is_another(view) && is_later(view))?;
        Some((view, format!(", which came from {} {partition}@{offset}", record.target)))
    }
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

    fn dead(change: impl FnOnce(&mut LetterView)) -> LetterView {
        let mut view = LetterView { channel: "orders-dlt".into(), offset: 9, timestamp_ns: Some(2 * CLOCKS_DIFFER_NS), ..LetterView::default() };
        change(&mut view);
        view
    }

    #[test]
    fn a_letter_that_came_back_is_known_by_its_id_or_by_the_place_it_was_sent_to() {
        let from = |origin: &str, partition: i32, offset: i64, at_ns: i64| {
            let origin = origin.to_owned();
            dead(|view| {
                view.origin = Some(origin);
                (view.origin_partition, view.origin_offset, view.timestamp_ns) = (Some(partition), Some(offset), Some(at_ns));
            })
        };
        let marked = |id: &str| dead(|view| view.replay_id = Some(id.to_owned()));
        let record = LetterRecord { intended_ns: 2 * CLOCKS_DIFFER_NS, ..record(None) };
        for (name, view, is_back) in [
            ("its id", marked("r-1.1"), true),
            ("another's id", marked("r-1.2"), false),
            ("the letter itself", LetterView { offset: 7, ..marked("r-1.1") }, false),
            ("the record itself", LetterView { channel: "orders".into(), ..marked("r-1.1") }, false),
            ("its place", from("orders", 2, 100, 3 * CLOCKS_DIFFER_NS), true),
            ("its place, by a clock that is behind", from("orders", 2, 100, CLOCKS_DIFFER_NS + 1), true),
            ("its place, before it was sent", from("orders", 2, 100, CLOCKS_DIFFER_NS - 1), false),
            ("another partition", from("orders", 1, 100, 3 * CLOCKS_DIFFER_NS), false),
            ("another offset", from("orders", 2, 99, 3 * CLOCKS_DIFFER_NS), false),
            ("another channel", from("payments", 2, 100, 3 * CLOCKS_DIFFER_NS), false),
        ] {
            let views = [view];
            assert_eq!(Came::new(&views).back(&letter(), &record).is_some(), is_back, "{name}");
        }
        let views = [from("orders", 2, 100, 3 * CLOCKS_DIFFER_NS)];
        let nowhere = LetterRecord { position: None, ..record };
        assert!(Came::new(&views).back(&letter(), &nowhere).is_none(), "the broker did not tell where it was written");
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
