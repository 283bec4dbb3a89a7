//! Which dead letters are those that were sent: by the ids they bear, or by the place that they were given up from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use switchboard_engine::view::{Answer, LetterView, Query, ScanQuery, Snapshot};
use switchboard_model::{MessageRef, Place, ToldPlace};

use crate::ledger::{Fate, FateLine, Ledger, LedgerError, LetterKey, LetterRecord, LetterState};
use crate::send::replay::Observed;
use crate::send::replay::follow::{Ends, Follower, LOOKED_FOR_NS, Round, Sent, in_a_log, is_own};
use crate::send::replay::sighting::{Retried, is_of_group};

/// Dead letters asked for at a time.
const LISTED_AT_ONCE: usize = 5_000;
/// What came here so long ago may be answered only now, ns. And where nothing but a dead letter's own time tells when it was written: the clock
/// of who wrote it may be so much behind this machine's.
pub(super) const CLOCKS_DIFFER_NS: i64 = 60_000_000_000;

impl Follower {
    /// Looks for letters among the dead that came since the last time. False = nobody answered, so it is not known.
    pub(super) async fn look_among_the_dead(
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
        let clusters: BTreeSet<&str> = letters.iter().map(|sent| sent.cluster).collect();
        for cluster in clusters {
            let of_cluster = || letters.iter().filter(|sent| sent.cluster == cluster);
            // What an earlier session sent may have come back at any time by this one's clock: the wall's may have been set in between.
            let from_ns = |record: &LetterRecord| if is_own(record, round) { record.intended_ns } else { 0 };
            let oldest_ns = of_cluster().map(|sent| from_ns(sent.record)).min().unwrap_or(now_ns).saturating_sub(CLOCKS_DIFFER_NS);
            let since_ns = self.looked_until.get(cluster).map_or(oldest_ns, |until_ns| oldest_ns.max(until_ns.saturating_sub(CLOCKS_DIFFER_NS)));
            // Nobody answered: the next round looks again.
            let Some(came) = came_since(observed, cluster, since_ns).await else { return Ok(false) };
            let came = Came::new(&came);
            for Sent { letter, record, .. } in of_cluster() {
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
}

/// Where dead-letter channels ended before the run of this session that sent it sent anything; `None` = an earlier session sent it.
fn ends_before<'a>(record: &LetterRecord, round: &Round<'a>) -> Option<&'a Ends> {
    round.ends.get(record.replay_id.rsplit_once('.')?.0).map(Arc::as_ref)
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
pub(super) struct Came<'a> {
    by_place: BTreeMap<&'a MessageRef, &'a LetterView>,
    by_replay_id: BTreeMap<&'a str, Vec<&'a LetterView>>,
    by_origin: BTreeMap<(&'a str, &'a Place), Vec<&'a LetterView>>,
}

impl<'a> Came<'a> {
    pub(super) fn new(letters: &'a [LetterView]) -> Self {
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
    pub(super) fn back(&self, letter: &LetterKey, record: &LetterRecord, ends: Option<&Ends>) -> Option<(&'a LetterView, String)> {
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
    let lies_beside = (&view.at.cluster, &view.at.channel) == (&letter.at.cluster, &letter.at.channel);
    let is_before_it = lies_beside && in_a_log(&view.at.place).zip(in_a_log(&letter.at.place)).is_some_and(is_before);
    // By the clock of who wrote that one it is younger; one without a time may have come back, unless it is known to have been consumed.
    let not_before_ns = record.intended_ns.saturating_sub(CLOCKS_DIFFER_NS).min(letter.timestamp_ns.unwrap_or(i64::MAX));
    let by_its_time = view.timestamp_ns.map_or(record.state != LetterState::Consumed, |at_ns| (not_before_ns..=not_after_ns).contains(&at_ns));
    !is_before_it && by_its_time
}
