//! What became of what was sent: processed by the group that failed, being tried again, or back among the dead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use switchboard_engine::view::{Answer, ConversationItem, GroupView, LetterView, PointQuery, Query, ScanQuery, Snapshot};
use switchboard_model::{CorrelationId, MessageRef, Place, ToldPlace};

use crate::ledger::{Fate, FateLine, Ledger, LedgerError, LetterKey, LetterRecord, LetterState, SentState};
use crate::replay::Observed;
use crate::replay::sighting::{At, GroupReading, Proof, Retried, RetryChannels, Settles, Sighting, is_of_group, processed, retry_channels, retry_of, settles};

/// Letters of which spans and retries are looked for in one round.
const MAX_LOOKED_FOR: usize = 200;
/// A letter that was read is still known among the dead by its place so long, and a span of one that was sent is looked for, ns.
const LOOKED_FOR_NS: i64 = 600_000_000_000;
/// Items of a conversation that are looked at.
const MAX_ITEMS: usize = 256;
/// Dead letters asked for at a time.
const LISTED_AT_ONCE: usize = 5_000;
/// What came here so long ago may be answered only now, ns. And where nothing but a dead letter's own time tells when it was written: the clock
/// of who wrote it may be so much behind this machine's.
const CLOCKS_DIFFER_NS: i64 = 60_000_000_000;

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
    /// Where a run is about to send: cluster and channel.
    pub target: Option<(&'a str, &'a str)>,
    /// Replay ids of letters whose traces are wanted.
    pub traced: &'a BTreeSet<String>,
    /// Replay ids of this session's runs.
    pub own_runs: &'a BTreeSet<String>,
    /// By run of this session: where dead-letter channels ended before it sent anything.
    pub ends: &'a BTreeMap<String, Arc<Ends>>,
    /// Of letters of these runs, by replay id: how long one was tried again before it died the last time, ns.
    pub retried_ns: &'a BTreeMap<String, i64>,
    /// So long after the group that failed had read a record a retry or a dead letter of it would have shown, ns.
    pub quiet_ns: i64,
}

/// By channel: where its partitions end.
pub(super) type Ends = BTreeMap<String, Vec<i64>>;

type Sent<'a> = (&'a LetterKey, &'a LetterRecord);

/// By cluster and channel.
type ByChannel<T> = BTreeMap<(String, String), T>;

/// What groups have committed, by their names.
type Commits = ByChannel<BTreeMap<String, GroupReading>>;

impl Follower {
    /// One round over all letters that were sent to clusters that are in reach. First it is looked whether they are tried again
    /// or dead, then whether they were read: who gives a record up writes it elsewhere before it commits.
    pub(super) async fn round(&mut self, ledger: &Ledger, observed: &dyn Observed, round: &Round<'_>) -> Result<(), LedgerError> {
        let now_ns = observed.now_ns();
        let letters = ledger.letters();
        let here = |letter: &LetterKey, record: &LetterRecord| round.cluster_ids.get(&letter.at.cluster).is_some_and(|id| *id == record.cluster_id);
        let sent: Vec<Sent<'_>> =
            letters.iter().filter(|(letter, record)| matches!(record.state, LetterState::Sent(_) | LetterState::Consumed) && here(letter, record)).collect();
        // Also those that count as consumed and are tried again after all.
        let is_waiting = |record: &LetterRecord| match record.state {
            LetterState::Sent(SentState::Persisted) => true,
            LetterState::Consumed => self.sightings.get(&record.replay_id).is_some_and(Sighting::is_being_retried),
            _ => false,
        };
        let waiting: Vec<Sent<'_>> = sent.iter().copied().filter(|(_, record)| record.written_to.is_some() && is_waiting(record)).collect();
        let kept: BTreeSet<&str> = waiting.iter().map(|(_, record)| record.replay_id.as_str()).collect();
        self.sightings.retain(|replay_id, seen| kept.contains(replay_id.as_str()) || round.traced.contains(replay_id) || seen.died_elsewhere.is_some());
        self.read_again.retain(|replay_id, _| kept.contains(replay_id.as_str()));

        let snapshot = observed.snapshot();
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
        self.look_for_spans_and_retries(observed, &channels, &sent, round, now_ns).await;
        for (letter, record) in &waiting {
            self.weigh(letter, record, &commits, now_ns);
        }
        if is_known_who_died {
            self.write_consumed(ledger, observed, &channels, &waiting, round, now_ns).await?;
        }
        Ok(())
    }

    /// Takes in what the groups on a letter's channel have committed.
    fn weigh(&mut self, letter: &LetterKey, record: &LetterRecord, commits: &Commits, now_ns: i64) {
        let Some(sent_to) = place(record) else { return };
        let sighting = self.sightings.entry(record.replay_id.clone()).or_default();
        let at = sighting.retry.as_ref().map_or(sent_to, |retry| retry.at.clone());
        let none = BTreeMap::new();
        let known = commits.get(&(letter.at.cluster.clone(), at.channel.clone()));
        // Where it was moved to this round, it is looked for readers from the next one on.
        sighting.is_unread = known.is_none();
        let groups = known.unwrap_or(&none);
        let Some(failed) = &record.failed_group else {
            sighting.others.extend(groups.iter().filter(|(_, reading)| reading.is_past(&at)).map(|(group, _)| group.clone()));
            (sighting.waits_for, sighting.is_untellable) = ("its headers do not tell in which group it died".to_owned(), true);
            return;
        };
        let own = |group: &str| is_of_group(group, failed);
        sighting.others.extend(groups.iter().filter(|(group, reading)| !own(group) && reading.is_past(&at)).map(|(group, _)| group.clone()));
        if sighting.proof.as_ref().is_some_and(|proof| proof.at == at) {
            (sighting.waits_for, sighting.is_untellable) = (String::new(), false);
            return;
        }
        let sent_ns = sighting.retry.as_ref().map_or(record.intended_ns, |retry| retry.since_ns);
        let own_readings = groups.iter().filter(|(group, _)| own(group));
        let has_read = |group: &str, reading: &GroupReading| reading.has_read(group, &at, sent_ns).map_err(|why| reading.with_age(why, now_ns));
        let mut readings = own_readings.map(|(group, reading)| (has_read(group, reading), reading.is_past(&at))).peekable();
        sighting.is_untellable = readings.peek().is_none() && sighting.retry.as_ref().is_none_or(|retry| retry.over_ns.is_none());
        sighting.waits_for = match readings.peek() {
            None if sighting.retry.is_some() => format!("no group is known that reads {} for {failed}", at.channel),
            None => format!("nothing is known of what {failed} has committed on {}", at.channel),
            Some(_) => String::new(),
        };
        for (reading, is_past) in readings {
            match reading {
                Ok(evidence) => {
                    (sighting.is_unread, sighting.is_untellable) = (false, false);
                    return sighting.proved(Proof { evidence, at: at.clone(), since_ns: now_ns });
                }
                Err(why) => (sighting.waits_for, sighting.is_unread) = (why, true),
            }
            // Who was moved past a record will not come back to it.
            sighting.is_untellable |= is_past && sighting.retry.is_some();
        }
    }

    /// Writes down which letters the group that failed has processed, once a retry or a death of theirs would have shown.
    async fn write_consumed(
        &mut self,
        ledger: &Ledger,
        observed: &dyn Observed,
        channels: &ByChannel<RetryChannels>,
        waiting: &[Sent<'_>],
        round: &Round<'_>,
        now_ns: i64,
    ) -> Result<(), LedgerError> {
        let mut num_looked_at = 0;
        for (letter, record) in waiting {
            let Some(send_id) = record.send_id else { continue };
            let Some(proof) = self.sightings.get(&record.replay_id).and_then(|sighting| sighting.proof.clone()) else { continue };
            let none = RetryChannels::default();
            let channels = channels.get(&(letter.at.cluster.clone(), record.target.clone())).unwrap_or(&none);
            let settles = settles(channels, self.retried(record, round), round.quiet_ns);
            let Some(sighting) = self.sightings.get_mut(&record.replay_id) else { continue };
            match settles {
                Settles::Unknown(why) => {
                    (sighting.waits_for, sighting.is_untellable) = (format!("{}, but {why}", proof.evidence), true);
                    continue;
                }
                Settles::After(ns) if now_ns.saturating_sub(proof.since_ns) < ns => {
                    let is_long = ns > round.quiet_ns;
                    // So long may be much longer than its tries take: the letter had lain there before its first.
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
            let is_still_so = self.sightings.get(&record.replay_id).is_some_and(|sighting| sighting.proof.as_ref() == Some(&proof));
            if is_still_so {
                let line = FateLine { fate: Fate::Consumed, evidence: proof.evidence, at_ns: proof.since_ns };
                ledger.follow(send_id, letter, line).await?;
            }
        }
        Ok(())
    }

    /// Looks for letters among the dead that came since the last time. False = nobody answered, so it is not known.
    async fn look_among_the_dead(
        &mut self,
        ledger: &Ledger,
        observed: &dyn Observed,
        snapshot: &Snapshot,
        letters: &[Sent<'_>],
        round: &Round<'_>,
        now_ns: i64,
    ) -> Result<bool, LedgerError> {
        let num_dead: u64 = snapshot.dead_letters.iter().map(|view| view.count).sum();
        let is_of = (num_dead, ledger.version());
        if self.looked_through == Some(is_of) || letters.is_empty() {
            return Ok(true);
        }
        let clusters: BTreeSet<&str> = letters.iter().map(|(letter, _)| letter.at.cluster.as_str()).collect();
        for cluster in clusters {
            let of_cluster = || letters.iter().filter(|(letter, _)| letter.at.cluster == cluster);
            // What an earlier session sent may have come back at any time by this one's clock: the wall's may have been set in between.
            let from_ns = |record: &LetterRecord| if is_own(record, round) { record.intended_ns } else { 0 };
            let oldest_ns = of_cluster().map(|(_, record)| from_ns(record)).min().unwrap_or(now_ns).saturating_sub(CLOCKS_DIFFER_NS);
            let since_ns = self.looked_until.get(cluster).map_or(oldest_ns, |until_ns| oldest_ns.max(until_ns.saturating_sub(CLOCKS_DIFFER_NS)));
            // Nobody answered: the next round looks again.
            let Some(came) = came_since(observed, cluster, since_ns).await else { return Ok(false) };
            let came = Came::new(&came);
            for (letter, record) in of_cluster() {
                if !is_own(record, round)
                    && let Some(view) = came.itself(letter)
                {
                    self.read_again.insert(record.replay_id.clone(), Retried::of(view.retried_ns));
                }
                let Some((view, how)) = came.back(letter, record, ends_before(record, round)) else { continue };
                let evidence = format!("back on {}{how}", view.at);
                match (&record.failed_group, &view.origin_group) {
                    // The group that failed has not given it up: another has.
                    (Some(failed), Some(group)) if !is_of_group(group, failed) => {
                        let sighting = self.sightings.entry(record.replay_id.clone()).or_default();
                        sighting.died_elsewhere = Some(format!("dead in {group}, another group: {evidence}"));
                    }
                    _ => {
                        if let Some(send_id) = record.send_id {
                            ledger.follow(send_id, letter, FateLine { fate: Fate::DeadAgain, evidence, at_ns: now_ns }).await?;
                        }
                    }
                }
            }
            self.looked_until.insert(cluster.to_owned(), now_ns);
        }
        self.looked_through = Some(is_of);
        Ok(true)
    }

    /// Looks for spans that processed letters and for retries of them: of those whose traces are wanted, and of those that nobody
    /// was seen to read.
    async fn look_for_spans_and_retries(
        &mut self,
        observed: &dyn Observed,
        channels: &ByChannel<RetryChannels>,
        letters: &[Sent<'_>],
        round: &Round<'_>,
        now_ns: i64,
    ) {
        let is_wanted = |record: &LetterRecord| {
            let is_unseen = matches!(record.state, LetterState::Sent(_)) && now_ns.saturating_sub(record.intended_ns) <= LOOKED_FOR_NS;
            record.written_to.is_some() && (is_unseen || round.traced.contains(&record.replay_id))
        };
        let wanted: Vec<_> = letters.iter().filter(|(_, record)| is_wanted(record)).collect();
        // In turn, where there are more than fit into a round.
        let first = wanted.partition_point(|(letter, _)| self.last_looked_for.as_ref().is_some_and(|last| *letter <= last));
        for (letter, record) in wanted.iter().cycle().skip(first).take(wanted.len().min(MAX_LOOKED_FOR)) {
            self.last_looked_for = Some((*letter).clone());
            let Some(items) = conversation(observed, &record.replay_id).await else { continue };
            if let Some(channels) = channels.get(&(letter.at.cluster.clone(), record.target.clone())) {
                self.take_retries(&items, record, channels, round);
            }
            self.take_spans(&items, record, now_ns);
        }
    }

    fn take_retries(&mut self, items: &[ConversationItem], record: &LetterRecord, channels: &RetryChannels, round: &Round<'_>) {
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
    fn retried(&self, record: &LetterRecord, round: &Round<'_>) -> Retried {
        if is_own(record, round) {
            return Retried::of(round.retried_ns.get(&record.replay_id).copied());
        }
        self.read_again.get(&record.replay_id).copied().unwrap_or_default()
    }

    /// A span of the group that failed which names the record, and no error, proves that it was processed.
    fn take_spans(&mut self, items: &[ConversationItem], record: &LetterRecord, now_ns: i64) {
        let Some(sent_to) = place(record) else { return };
        let sighting = self.sightings.entry(record.replay_id.clone()).or_default();
        let at = sighting.retry.as_ref().map_or(sent_to, |retry| retry.at.clone());
        let own = |group: &str| record.failed_group.as_ref().is_some_and(|failed| is_of_group(group, failed));
        for of in processed(items, &at) {
            match of.group {
                Some(group) if own(group) => {
                    if !of.has_failed {
                        sighting.new_trace = Some((of.span.trace_id, of.span.span_id));
                        let evidence = format!("{} processed it for {group}: {}", of.span.service, of.span.name);
                        sighting.proved(Proof { evidence, at: at.clone(), since_ns: now_ns });
                    }
                }
                Some(group) => drop(sighting.others.insert(group.to_owned())),
                None => drop(sighting.others.insert(format!("{}, which does not say for which group", of.span.service))),
            }
        }
    }

    /// What the groups on the channels where letters wait have committed.
    async fn commits(&self, observed: &dyn Observed, snapshot: &Snapshot, waiting: &[Sent<'_>], now_ns: i64) -> Commits {
        let channels: BTreeSet<(String, String)> =
            waiting.iter().map(|(letter, record)| (letter.at.cluster.clone(), self.channel(record).to_owned())).collect();
        let mut commits = Commits::new();
        for (cluster, channel) in channels {
            let before = self.commits.get(&(cluster.clone(), channel.clone()));
            let is_there = |group: &&GroupView| group.topic == channel && group.cluster.as_deref().is_none_or(|name| name == cluster);
            let groups: BTreeSet<&str> = snapshot.groups.iter().filter(is_there).map(|group| group.group.as_str()).collect();
            let mut readings = BTreeMap::new();
            for group in groups {
                let query = Query::Point(PointQuery::Group { cluster: Some(cluster.clone()), group: group.to_owned(), topic: channel.clone() });
                match observed.query(query).await {
                    Some(Answer::Group(Some(detail))) => {
                        let is_empty_since = self.empty_since.get(&(cluster.clone(), group.to_owned())).copied();
                        readings.insert(group.to_owned(), GroupReading::of(&detail, is_empty_since, now_ns));
                    }
                    // Nobody answered: what was known holds on, with its age.
                    None => readings.extend(before.and_then(|known| known.get(group)).map(|known| (group.to_owned(), known.clone()))),
                    Some(_) => {}
                }
            }
            commits.insert((cluster, channel), readings);
        }
        commits
    }

    /// The channel where a record waits.
    fn channel<'a>(&'a self, record: &'a LetterRecord) -> &'a str {
        let retry = self.sightings.get(&record.replay_id).and_then(|sighting| sighting.retry.as_ref());
        retry.map_or(record.target.as_str(), |retry| retry.at.channel.as_str())
    }

    /// Remembers since when nobody is in the groups on the channels where letters wait, or will: what such a group commits was set
    /// from outside.
    fn note_who_is_empty(&mut self, snapshot: &Snapshot, waiting: &[Sent<'_>], round: &Round<'_>, now_ns: i64) {
        let mut channels: BTreeSet<(&str, &str)> = waiting.iter().map(|(letter, record)| (letter.at.cluster.as_str(), self.channel(record))).collect();
        channels.extend(round.target);
        let mut empty_since = BTreeMap::new();
        for group in snapshot.groups.iter().filter(|group| group.members.as_ref().is_some_and(Vec::is_empty)) {
            let on = channels.iter().filter(|(cluster, topic)| group.topic == *topic && group.cluster.as_deref().is_none_or(|name| name == *cluster));
            for (cluster, _) in on {
                let key = ((*cluster).to_owned(), group.group.clone());
                let since_ns = self.empty_since.get(&key).copied().unwrap_or_else(|| group.read_ns.unwrap_or(now_ns));
                empty_since.insert(key, since_ns);
            }
        }
        self.empty_since = empty_since;
    }
}

/// Whether a run of this session sent it.
fn is_own(record: &LetterRecord, round: &Round<'_>) -> bool {
    record.replay_id.rsplit_once('.').is_some_and(|(run, _)| round.own_runs.contains(run))
}

/// Where dead-letter channels ended before the run of this session that sent it sent anything; `None` = an earlier session sent it.
fn ends_before<'a>(record: &LetterRecord, round: &Round<'a>) -> Option<&'a Ends> {
    round.ends.get(record.replay_id.rsplit_once('.')?.0).map(Arc::as_ref)
}

/// The retry channels of the channels that letters were sent to, of those that are still followed.
fn channels_of(snapshot: &Snapshot, letters: &[Sent<'_>], is_followed: impl Fn(&LetterRecord) -> bool) -> ByChannel<RetryChannels> {
    let followed = letters.iter().filter(|(_, record)| is_followed(record));
    let targets: BTreeSet<(&str, &str)> = followed.map(|(letter, record)| (letter.at.cluster.as_str(), record.target.as_str())).collect();
    let all = if targets.is_empty() { Vec::new() } else { retry_channels(snapshot) };
    let of = |(cluster, target): (&str, &str)| ((cluster.to_owned(), target.to_owned()), RetryChannels::of(&all, cluster, target));
    targets.into_iter().map(of).collect()
}

/// Where a record was written to.
fn place(record: &LetterRecord) -> Option<At> {
    At::of(&record.target, record.written_to.as_ref()?)
}

/// Partition and offset of a place that has them: commits and dead letters' headers tell nothing of others.
fn in_a_log(place: &Place) -> Option<(i32, i64)> {
    place.partition().zip(place.offset())
}

async fn conversation(observed: &dyn Observed, replay_id: &str) -> Option<Vec<ConversationItem>> {
    let query = Query::Point(PointQuery::Conversation { id: CorrelationId::Text(replay_id.to_owned()), limit: MAX_ITEMS });
    match observed.query(query).await {
        Some(Answer::Conversation(items)) => Some(items),
        _ => None,
    }
}

/// Dead letters of a cluster that came since.
async fn came_since(observed: &dyn Observed, cluster: &str, since_ns: i64) -> Option<Vec<LetterView>> {
    let mut came = Vec::new();
    loop {
        let query = Query::Scan(ScanQuery::DeadLettersSince { cluster: cluster.to_owned(), since_ns, skip: came.len(), limit: LISTED_AT_ONCE });
        let Answer::DeadLetters(page) = observed.query(query).await? else { return None };
        let is_last = page.letters.is_empty() || page.num_left() == 0;
        came.extend(page.letters);
        if is_last {
            return Some(came);
        }
    }
}

/// Dead letters, by where they lie, and by the two things that tell which record each was.
struct Came<'a> {
    by_place: BTreeMap<&'a MessageRef, &'a LetterView>,
    by_replay_id: BTreeMap<&'a str, Vec<&'a LetterView>>,
    by_origin: BTreeMap<(&'a str, &'a Place), Vec<&'a LetterView>>,
}

impl<'a> Came<'a> {
    fn new(letters: &'a [LetterView]) -> Self {
        let mut came = Self { by_place: BTreeMap::new(), by_replay_id: BTreeMap::new(), by_origin: BTreeMap::new() };
        for view in letters {
            came.by_place.insert(&view.at, view);
            if let Some(replay_id) = &view.replay_id {
                came.by_replay_id.entry(replay_id).or_default().push(view);
            }
            if let Some((origin, place)) = view.origin.as_ref().zip(view.origin_place.as_ref().and_then(ToldPlace::whole)) {
                came.by_origin.entry((origin, place)).or_default().push(view);
            }
        }
        came
    }

    /// The letter itself, where it was read again.
    fn itself(&self, letter: &LetterKey) -> Option<&'a LetterView> {
        let view = *self.by_place.get(&letter.at)?;
        (LetterKey::of(view) == *letter).then_some(view)
    }

    /// The dead letter that a record has become, and how that is known where it does not bear the record's own id: a consumer may
    /// have left the headers out, but says from which place of which channel it gave the record up.
    fn back(&self, letter: &LetterKey, record: &LetterRecord, ends: Option<&Ends>) -> Option<(&'a LetterView, String)> {
        let is_another = |view: &&&LetterView| view.at != letter.at && view.at.channel != record.target;
        let marked = self.by_replay_id.get(record.replay_id.as_str()).and_then(|views| views.iter().find(is_another));
        if let Some(view) = marked {
            return Some((view, String::new()));
        }
        let written_to = record.written_to.as_ref()?;
        let views = self.by_origin.get(&(record.target.as_str(), written_to))?;
        let view = views.iter().find(|view| is_another(view) && is_later(view, letter, record, ends))?;
        Some((view, format!(", which came from {}", written_to.on(&record.target))))
    }
}

/// Whether a dead letter that names the place where a record was written came after that: a channel made anew counts from 0 again, and
/// neither an older letter is meant nor one that is much later than a record that was consumed. Of what this session sent, the order on the
/// channel and the arrival here tell that, whatever the clock of who wrote the letter says.
fn is_later(view: &LetterView, letter: &LetterKey, record: &LetterRecord, ends: Option<&Ends>) -> bool {
    let not_after_ns = if record.state == LetterState::Consumed { record.intended_ns.saturating_add(LOOKED_FOR_NS) } else { i64::MAX };
    if let Some(ends) = ends {
        // What lay there before may be read only now.
        let was_there = ends.get(&view.at.channel).zip(in_a_log(&view.at.place)).is_some_and(|(ends, (partition, offset))| {
            let end = usize::try_from(partition).ok().and_then(|partition| ends.get(partition));
            end.is_some_and(|end| offset < *end)
        });
        return !was_there && (record.intended_ns..=not_after_ns).contains(&view.received_ns);
    }
    // All that is there was read in this session, long after an earlier one sent. The letter that was sent lay there before.
    let is_before = |(place, than): ((i32, i64), (i32, i64))| place.0 == than.0 && place.1 < than.1;
    let is_before_it = view.at.channel == letter.at.channel && in_a_log(&view.at.place).zip(in_a_log(&letter.at.place)).is_some_and(is_before);
    // By the clock of who wrote that one it is younger; one without a time may have come back, unless it is known to have been consumed.
    let not_before_ns = record.intended_ns.saturating_sub(CLOCKS_DIFFER_NS).min(letter.timestamp_ns.unwrap_or(i64::MAX));
    let by_its_time = view.timestamp_ns.map_or(record.state != LetterState::Consumed, |at_ns| (not_before_ns..=not_after_ns).contains(&at_ns));
    !is_before_it && by_its_time
}

#[cfg(test)]
mod tests {
    use switchboard_engine::view::{GroupDetail, PartitionLag, RecordView};
    use switchboard_model::REPLAY_ID_HEADER;

    use super::*;
    use crate::ledger::KindHash;

    fn at(channel: &str, offset: i64) -> MessageRef {
        MessageRef { cluster: "c".into(), channel: channel.into(), place: Place::at(0, offset) }
    }

    fn letter() -> LetterKey {
        LetterKey { at: at("orders-dlt", 7), timestamp_ns: None }
    }

    fn record(failed_group: Option<&str>) -> LetterRecord {
        LetterRecord {
            state: LetterState::Sent(SentState::Persisted),
            kind: KindHash(1),
            replay_id: "r-1.1".into(),
            target: "orders".into(),
            written_to: Some(Place::at(2, 100)),
            failed_group: failed_group.map(str::to_owned),
            ..LetterRecord::default()
        }
    }

    fn dead(change: impl FnOnce(&mut LetterView)) -> LetterView {
        let mut view = LetterView { at: at("orders-dlt", 9), timestamp_ns: Some(2 * CLOCKS_DIFFER_NS), ..LetterView::default() };
        change(&mut view);
        view
    }

    #[test]
    fn the_names_of_retry_channels_tell_a_chain_better_than_a_letter_that_had_lain_long_before_its_first_try() {
        const SECOND_NS: i64 = 1_000_000_000;
        let (cluster_ids, traced) = (BTreeMap::new(), BTreeSet::new());
        let (own_runs, retried_ns) = (BTreeSet::from(["r-1".to_owned()]), BTreeMap::from([("r-1.1".to_owned(), 3_600 * SECOND_NS)]));
        let (target, ends, quiet_ns) = (None, BTreeMap::new(), 3 * SECOND_NS);
        let round = Round { cluster_ids: &cluster_ids, target, traced: &traced, own_runs: &own_runs, ends: &ends, retried_ns: &retried_ns, quiet_ns };
        for (channel, over_s) in [("orders-retry-2000", 5), ("orders-retry-0", 3_603)] {
            let headers = vec![(REPLAY_ID_HEADER.to_owned(), Some(b"r-1.1".to_vec()))];
            let moved = RecordView { at: at(channel, 0), timestamp_ns: Some(0), headers, ..RecordView::default() };
            let channels = RetryChannels { names: [channel.to_owned()].into(), ..RetryChannels::default() };
            let mut follower = Follower::default();
            follower.take_retries(&[ConversationItem::Record(moved)], &record(None), &channels, &round);
            let retry = follower.sightings.get("r-1.1").and_then(|seen| seen.retry.clone()).expect("a retry");
            assert_eq!(retry.over_ns, Some(over_s * SECOND_NS), "{channel}");
        }
    }

    /// An engine that knows one group, and answers or does not.
    struct Eyes {
        answers: bool,
        group: GroupView,
        committed: i64,
    }

    impl Observed for Eyes {
        fn snapshot(&self) -> Snapshot {
            Snapshot { groups: std::sync::Arc::new(vec![self.group.clone()]), ..Snapshot::default() }
        }

        fn query(&self, _: Query) -> crate::replay::access::Answering {
            let partition = PartitionLag { partition: 2, committed: Some(self.committed), ..PartitionLag::default() };
            let detail = GroupDetail { view: self.group.clone(), partitions: vec![partition], history: Vec::new(), others: Vec::new() };
            let answer = self.answers.then(|| Answer::Group(Some(Box::new(detail))));
            Box::pin(async move { answer })
        }

        fn now_ns(&self) -> i64 {
            0
        }
    }

    #[tokio::test]
    async fn a_group_that_nobody_answers_for_keeps_its_last_reading_with_its_age() {
        const SECOND_NS: i64 = 1_000_000_000;
        let group = GroupView { group: "stock".into(), topic: "orders".into(), cluster: Some("c".into()), ..GroupView::default() };
        let mut eyes = Eyes { answers: true, group, committed: 7 };
        let (letter, record) = (letter(), record(Some("stock")));
        let mut follower = Follower::default();
        let mut looked = Vec::new();
        for (at_s, answers, is_listed) in [(1, true, true), (5, false, true), (9, true, true), (10, false, true), (11, false, false)] {
            eyes.answers = answers;
            let snapshot = if is_listed { eyes.snapshot() } else { Snapshot::default() };
            let commits = follower.commits(&eyes, &snapshot, &[(&letter, &record)], at_s * SECOND_NS).await;
            follower.commits.clone_from(&commits);
            follower.weigh(&letter, &record, &commits, at_s * SECOND_NS);
            let seen = follower.sightings.get("r-1.1").expect("it is followed");
            looked.push((seen.waits_for.clone(), seen.is_untellable));
        }
        let stands = "stock stands at 2@7, before 2@100".to_owned();
        let aged = |age_s: u32| format!("{stands}, as it was {age_s} s ago: nobody has answered since");
        let nothing = "nothing is known of what stock has committed on orders".to_owned();
        assert_eq!(looked, [(stands.clone(), false), (aged(4), false), (stands.clone(), false), (aged(1), false), (nothing, true)]);
    }

    #[test]
    fn a_letter_that_came_back_is_known_by_its_id_or_by_the_place_it_was_sent_to() {
        let from = |origin: &str, partition: i32, offset: i64, received_ns: i64| {
            let origin = origin.to_owned();
            dead(|view| {
                view.origin = Some(origin);
                (view.origin_place, view.received_ns) = (ToldPlace::of(Some(partition), Some(offset)), received_ns);
            })
        };
        let marked = |id: &str| dead(|view| view.replay_id = Some(id.to_owned()));
        let record = LetterRecord { intended_ns: 2 * CLOCKS_DIFFER_NS, ..record(None) };
        for (name, view, is_back) in [
            ("its id", marked("r-1.1"), true),
            ("another's id", marked("r-1.2"), false),
            ("the letter itself", LetterView { at: letter().at, ..marked("r-1.1") }, false),
            ("the record itself", LetterView { at: at("orders", 9), ..marked("r-1.1") }, false),
            ("its place", from("orders", 2, 100, 3 * CLOCKS_DIFFER_NS), true),
            ("its place, read before it was sent", from("orders", 2, 100, 2 * CLOCKS_DIFFER_NS - 1), false),
            ("another partition", from("orders", 1, 100, 3 * CLOCKS_DIFFER_NS), false),
            ("another offset", from("orders", 2, 99, 3 * CLOCKS_DIFFER_NS), false),
            ("another channel", from("payments", 2, 100, 3 * CLOCKS_DIFFER_NS), false),
            ("its offset alone", LetterView { origin_place: Some(ToldPlace::Offset(100)), ..from("orders", 2, 100, 3 * CLOCKS_DIFFER_NS) }, false),
        ] {
            let views = [view];
            assert_eq!(Came::new(&views).back(&letter(), &record, Some(&Ends::new())).is_some(), is_back, "{name}");
        }
        let views = [from("orders", 2, 100, 3 * CLOCKS_DIFFER_NS)];
        let nowhere = LetterRecord { written_to: None, ..record };
        assert!(Came::new(&views).back(&letter(), &nowhere, Some(&Ends::new())).is_none(), "the broker did not tell where it was written");
    }

    #[test]
    fn whether_a_letter_came_back_is_told_by_its_arrival_and_its_place_and_not_by_the_clock_of_who_wrote_it() {
        const MINUTE_NS: i64 = 60_000_000_000;
        const SENT_NS: i64 = 10_000 * MINUTE_NS;
        let came = |offset: i64, timestamp_ns: Option<i64>, received_ns: i64| {
            dead(|view| {
                view.origin = Some("orders".into());
                view.origin_place = ToldPlace::of(Some(2), Some(100));
                (view.at, view.timestamp_ns, view.received_ns) = (at("orders-dlt", offset), timestamp_ns, received_ns);
            })
        };
        let sent = LetterRecord { intended_ns: SENT_NS, ..record(Some("stock")) };
        let consumed = LetterRecord { state: LetterState::Consumed, ..sent.clone() };
        let just_died = LetterKey { timestamp_ns: Some(SENT_NS - 7 * MINUTE_NS), ..letter() };
        // The channel ended at 9 when the run began.
        let own = Ends::from([("orders-dlt".to_owned(), vec![9])]);
        let elsewhere = Ends::from([("another-dlt".to_owned(), vec![50])]);
        let soon_ns = SENT_NS + MINUTE_NS;
        for (name, view, record, ends, is_back) in [
            ("its clock is right", came(9, Some(SENT_NS + 1), soon_ns), &sent, Some(&own), true),
            ("its clock is 5 min behind", came(9, Some(SENT_NS - 5 * MINUTE_NS), soon_ns), &sent, Some(&own), true),
            ("its clock was set back by a month", came(9, Some(SENT_NS - 43_200 * MINUTE_NS), soon_ns), &sent, Some(&own), true),
            ("its clock is ahead, and it was called consumed", came(9, Some(SENT_NS + 60 * MINUTE_NS), soon_ns), &consumed, Some(&own), true),
            ("it has no time", came(9, None, soon_ns), &sent, Some(&own), true),
            ("it has no time, and was called consumed", came(9, None, soon_ns), &consumed, Some(&own), true),
            ("long after it was consumed: of a channel made anew", came(9, Some(SENT_NS), SENT_NS + 60 * MINUTE_NS), &consumed, Some(&own), false),
            ("it lay there before, and is read only now", came(8, Some(SENT_NS + 1), soon_ns), &sent, Some(&own), false),
            ("it lay there before and has no time", came(8, None, soon_ns), &sent, Some(&own), false),
            ("it was read before", came(9, Some(SENT_NS + 1), SENT_NS - 1), &sent, Some(&own), false),
            ("on a channel that did not tell where it ends", came(8, None, soon_ns), &sent, Some(&elsewhere), true),
            ("on such a channel, read before", came(8, None, SENT_NS - 1), &sent, Some(&elsewhere), false),
            // Of what an earlier session sent, all is read anew, and the wall may have been set back since.
            ("earlier, its clock is 5 min behind", came(9, Some(SENT_NS - 5 * MINUTE_NS), 1), &sent, None, true),
            ("earlier, it has no time", came(9, None, 1), &sent, None, true),
            ("earlier, before the letter that was sent", came(6, Some(SENT_NS + 1), soon_ns), &sent, None, false),
            ("earlier, older than the letter that was sent", came(9, Some(SENT_NS - 8 * MINUTE_NS), soon_ns), &sent, None, false),
            ("earlier, consumed, and long after that", came(9, Some(SENT_NS + 60 * MINUTE_NS), soon_ns), &consumed, None, false),
        ] {
            let views = [view];
            assert_eq!(Came::new(&views).back(&just_died, record, ends).is_some(), is_back, "{name}");
        }
    }
}
