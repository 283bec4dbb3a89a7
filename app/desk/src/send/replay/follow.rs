//! What became of what was sent: processed by the group that failed, being tried again, or back among the dead.
//!
//! `commits` is what groups have committed, `conversation` what spans and retries tell of a letter, `came_back` which dead letters are
//! those that were sent.

mod came_back;
mod commits;
mod conversation;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use switchboard_engine::view::Snapshot;
use switchboard_model::Place;

use crate::ledger::{Fate, FateLine, KindHash, Ledger, LedgerError, LetterKey, LetterRecord, LetterState, SentState};
use crate::send::replay::Observed;
use crate::send::replay::follow::commits::Commits;
use crate::send::replay::follow::conversation::{channels_of, conversation};
use crate::send::replay::sighting::{At, Proof, Retried, RetryChannels, Settles, Sighting, settles};

/// Letters of which spans and retries are looked for in one round.
const MAX_LOOKED_FOR: usize = 200;
/// A letter that was read is still known among the dead by its place so long, and a span of one that was sent is looked for, ns.
const LOOKED_FOR_NS: i64 = 600_000_000_000;

/// What is remembered from round to round.
#[derive(Default)]
pub(super) struct Follower {
    /// Dead letters counted by the engine when they were last looked through, and the ledger's version then.
    looked_through: Option<(u64, u64)>,
    /// By cluster: dead letters that came before this were looked through, ns since the Unix epoch.
    looked_until: BTreeMap<String, i64>,
    /// The letter of which spans and retries were looked for last.
    last_looked_for: Option<LetterKey>,
    /// By cluster and group: since when nobody was seen in it, ns since the Unix epoch.
    empty_since: BTreeMap<(String, String), i64>,
    /// What groups had committed when that was last answered.
    commits: Commits,
    /// What letters that an earlier session sent tell of their tries, where they were read again; by replay ids.
    read_again: BTreeMap<String, Retried>,
    /// What was seen of letters that were sent, by their replay ids.
    pub(super) sightings: BTreeMap<String, Sighting>,
}

/// What is asked of a round beside the ledger.
pub(super) struct Round<'a> {
    /// What the clusters in reach call themselves, by the names of their sources.
    pub cluster_ids: &'a BTreeMap<String, String>,
    /// Where a run is about to send: cluster and channels.
    pub targets: Vec<(&'a str, &'a str)>,
    /// Replay ids of letters whose traces are wanted.
    pub traced: &'a BTreeSet<String>,
    /// Replay ids of this session's runs.
    pub own_runs: &'a BTreeSet<String>,
    /// By run of this session: where dead-letter channels ended before it sent anything.
    pub ends: &'a BTreeMap<String, Arc<Ends>>,
    /// Of letters of these runs, by replay id: how long one was tried again before it died the last time, ns.
    pub retried_ns: &'a BTreeMap<String, i64>,
    /// How long after the group that failed had read a record a retry or a dead letter of it would have shown, ns.
    pub quiet_ns: i64,
    /// Whether a channel of a cluster in reach is for dead letters, by its name or as the profile says.
    pub is_for_the_dead: &'a (dyn Fn(&str, &str) -> bool + Sync),
}

/// Channels of which what was chosen on them never was a dead letter, by cluster and name.
pub(super) struct Living(BTreeSet<(String, String)>);

impl Living {
    /// Of those that letters were sent from: none that is for dead letters, or on which some were seen, among others or not.
    fn of(snapshot: &Snapshot, sent: &[Sent<'_>], round: &Round<'_>) -> Self {
        let dead: BTreeSet<(&str, &str)> = snapshot.dead_letters.iter().map(|view| (view.cluster.as_str(), view.channel.as_str())).collect();
        let by_place = sent.iter().filter(|sent| sent.record.kind == KindHash::default());
        let channels: BTreeSet<(&str, &str)> = by_place.map(|sent| (sent.letter.at.cluster.as_str(), sent.letter.at.channel.as_str())).collect();
        let living = channels.into_iter().filter(|channel| !dead.contains(channel) && !(round.is_for_the_dead)(channel.0, channel.1));
        Self(living.map(|(cluster, channel)| (cluster.to_owned(), channel.to_owned())).collect())
    }

    /// Whether a record that was sent never was a dead letter.
    fn has(&self, letter: &LetterKey, record: &LetterRecord) -> bool {
        record.kind == KindHash::default()
            && record.failed_group.is_none()
            && self.0.iter().any(|(cluster, channel)| *cluster == letter.at.cluster && *channel == letter.at.channel)
    }
}

/// By channel: where its partitions end.
pub(super) type Ends = BTreeMap<String, Vec<i64>>;

/// A letter that was sent.
#[derive(Clone, Copy)]
struct Sent<'a> {
    letter: &'a LetterKey,
    record: &'a LetterRecord,
    /// The cluster that it was sent to, by the name of its source: there it is followed.
    cluster: &'a str,
}

/// By cluster and channel.
type ByChannel<T> = BTreeMap<(String, String), T>;

impl Round<'_> {
    /// The cluster that a letter was sent to, by the name of its source; `None` = it is not in reach.
    fn cluster<'a>(&'a self, letter: &'a LetterKey, record: &LetterRecord) -> Option<&'a str> {
        let is_it = |id: &String| *id == record.target_cluster_id;
        if self.cluster_ids.get(&letter.at.cluster).is_some_and(is_it) {
            return Some(&letter.at.cluster);
        }
        self.cluster_ids.iter().find(|(_, id)| is_it(id)).map(|(name, _)| name.as_str())
    }
}

impl Follower {
    /// One round over all letters that were sent to clusters that are in reach. First it is looked whether they are tried again
    /// or dead, then whether they were read: who gives a record up writes it elsewhere before it commits.
    pub(super) async fn round(&mut self, ledger: &Ledger, observed: &dyn Observed, round: &Round<'_>) -> Result<(), LedgerError> {
        let now_ns = observed.now_ns();
        let letters = ledger.letters();
        let followed = letters.iter().filter(|(_, record)| matches!(record.state, LetterState::Sent(_) | LetterState::Consumed));
        let sent: Vec<Sent<'_>> = followed.filter_map(|(letter, record)| Some(Sent { letter, record, cluster: round.cluster(letter, record)? })).collect();
        // Also those that count as consumed and are tried again after all.
        let is_waiting = |record: &LetterRecord| match record.state {
            LetterState::Sent(SentState::Persisted) => true,
            LetterState::Consumed => self.sightings.get(&record.replay_id).is_some_and(Sighting::is_being_retried),
            _ => false,
        };
        let waiting: Vec<Sent<'_>> = sent.iter().copied().filter(|sent| sent.record.written_to.is_some() && is_waiting(sent.record)).collect();
        let kept: BTreeSet<&str> = waiting.iter().map(|sent| sent.record.replay_id.as_str()).collect();
        self.sightings.retain(|replay_id, seen| kept.contains(replay_id.as_str()) || round.traced.contains(replay_id) || seen.died_elsewhere.is_some());
        self.read_again.retain(|replay_id, _| kept.contains(replay_id.as_str()));

        let snapshot = observed.snapshot();
        let living = Living::of(&snapshot, &sent, round);
        self.note_who_is_empty(&snapshot, &waiting, round, now_ns);
        // Commits are read before what would disprove them.
        let commits = self.commits(observed, &snapshot, &waiting, now_ns).await;
        self.commits.clone_from(&commits);
        let is_known_who_died = self.look_among_the_dead(ledger, observed, &snapshot, &sent, round, now_ns).await?;
        // Of what has settled nothing is looked for any more.
        let channels = channels_of(&snapshot, &sent, |record| {
            let replay_id = &record.replay_id;
            matches!(record.state, LetterState::Sent(_)) || kept.contains(replay_id.as_str()) || round.traced.contains(replay_id)
        });
        self.look_for_spans_and_retries(observed, &channels, &sent, &living, round, now_ns).await;
        for sent in &waiting {
            if living.has(sent.letter, sent.record) {
                self.weigh_groups(*sent, &snapshot, &commits, now_ns);
            } else {
                self.weigh(*sent, &commits, now_ns);
            }
        }
        if is_known_who_died {
            self.settle(ledger, observed, &channels, &waiting, round, now_ns).await?;
        }
        Ok(())
    }

    /// Writes down which letters the group that failed has processed, once a retry or a death of theirs would have shown. That every group has read
    /// what never was a dead letter is no group's word that it dealt with it: that settles too, and is not written down.
    async fn settle(
        &mut self,
        ledger: &Ledger,
        observed: &dyn Observed,
        channels: &ByChannel<RetryChannels>,
        waiting: &[Sent<'_>],
        round: &Round<'_>,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let mut num_looked_at = 0;
        for Sent { letter, record, cluster } in waiting {
            let Some(send_id) = record.send_id else { continue };
            let Some(proof) = self.sightings.get(&record.replay_id).and_then(|sighting| sighting.proof.clone()).filter(|proof| !proof.has_settled) else {
                continue;
            };
            let none = RetryChannels::default();
            let channels = channels.get(&((*cluster).to_owned(), record.target.clone())).unwrap_or(&none);
            let settles = settles(channels, self.retried(record, round), round.quiet_ns);
            let Some(sighting) = self.sightings.get_mut(&record.replay_id) else { continue };
            match settles {
                Settles::Unknown(why) => {
                    (sighting.waits_for, sighting.is_untellable) = (format!("{}, but {why}", proof.evidence), true);
                    continue;
                }
                Settles::After(ns) if now_ns.saturating_sub(proof.since_ns) < ns => {
                    let is_long = ns > round.quiet_ns;
                    // That may be much longer than its tries take: the letter had lain there before its first.
                    sighting.is_untellable = is_long;
                    let text = || format!("{}; nobody sees whether it is tried again, so it may come back for {} s", proof.evidence, ns / 1_000_000_000);
                    sighting.waits_for = if is_long { text() } else { String::new() };
                    continue;
                }
                Settles::After(_) if num_looked_at >= MAX_LOOKED_FOR => continue,
                Settles::After(_) => num_looked_at += 1,
            }
            // Once more, for what came while it settled.
            let Some(items) = conversation(observed, &record.replay_id).await else { continue };
            self.take_retries(&items, record, channels, round);
            let Some(sighting) = self.sightings.get_mut(&record.replay_id).filter(|sighting| sighting.proof.as_ref() == Some(&proof)) else { continue };
            if sighting.groups.is_some() {
                sighting.proof = Some(Proof { has_settled: true, ..proof });
            } else {
                let line = FateLine { fate: Fate::Consumed, evidence: proof.evidence, at_ns: proof.since_ns };
                ledger.follow(send_id, letter, line).await?;
            }
        }
        Ok(())
    }

    /// What was seen of a record, and where it lies by now: where it was written to, or on the retry channel it was moved to last. `None` = the
    /// broker did not tell where it was written.
    fn sighting(&mut self, record: &LetterRecord) -> Option<(&mut Sighting, At)> {
        let sent_to = place(record)?;
        let sighting = self.sightings.entry(record.replay_id.clone()).or_default();
        let at = sighting.retry.as_ref().map_or(sent_to, |retry| retry.at.clone());
        Some((sighting, at))
    }
}

/// Whether a run of this session sent it.
fn is_own(record: &LetterRecord, round: &Round<'_>) -> bool {
    record.replay_id.rsplit_once('.').is_some_and(|(run, _)| round.own_runs.contains(run))
}

/// Where a record was written to.
fn place(record: &LetterRecord) -> Option<At> {
    At::of(&record.target, record.written_to.as_ref()?)
}

/// Partition and offset of a place that has them: commits and dead letters' headers tell nothing of others.
fn in_a_log(place: &Place) -> Option<(i32, i64)> {
    place.partition().zip(place.offset())
}
