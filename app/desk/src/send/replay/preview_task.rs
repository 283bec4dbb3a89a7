//! Making a preview: the letters are read again from the broker, and what would be sent is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use switchboard_engine::view::{NodeKind, Snapshot};
use switchboard_model::{FailureKind, OperationFailure, Progress, Redactor};

use crate::ledger::{HashKey, Letters};
use crate::operations::Teller;
use crate::send::replay::board::{Preparing, ReplayBoard};
use crate::send::replay::clusters::writing;
use crate::send::replay::desk::Shared;
use crate::send::replay::key_order::KeyOrders;
use crate::send::replay::look::{Look, last_of};
use crate::send::replay::pace::Pace;
use crate::send::replay::plan::{Planner, Preview, There};
use crate::send::replay::prepare::{Reading, seen};
use crate::send::replay::range::{PlaceOfRange, resolve};
use crate::send::replay::readers::readers_of_all;
use crate::send::replay::run::failed_groups;
use crate::send::replay::source::Source;
use crate::send::replay::target::{first_of_each, size_limits};
use crate::send::replay::{AskedLetter, AskedRange, ClusterAccess, Observed, PaceBounds, ReplayAsk, ReplayTarget, SkippedLetter};

/// Letters read again at a time.
const PAGE: usize = 200;

/// What is to be read.
pub(super) enum Chosen {
    /// These; and those that are skipped without being read.
    Letters(Vec<AskedLetter>, Vec<SkippedLetter>),
    /// What lies in these ranges.
    Ranges(Vec<AskedRange>),
}

impl Chosen {
    /// How many are asked for, where that is known.
    pub(super) fn num(&self) -> Option<usize> {
        match self {
            Self::Letters(letters, _) => Some(letters.len()),
            Self::Ranges(_) => None,
        }
    }

    /// The channels that they may go to; where nothing is to be read, those that were asked for.
    pub(super) fn targets(&self, ask: &ReplayAsk) -> BTreeSet<String> {
        match (self, &ask.target) {
            (Self::Letters(letters, _), own @ ReplayTarget::Own(_)) if !letters.is_empty() => {
                let channels: BTreeSet<&str> = letters.iter().map(|asked| own.of(asked.own_channel())).collect();
                channels.into_iter().map(str::to_owned).collect()
            }
            _ => ask.targets().into_iter().map(str::to_owned).collect(),
        }
    }
}

/// Reads the letters again and says what would be sent.
pub(super) struct PreviewTask {
    pub from: String,
    pub cluster: String,
    /// The channels that may be sent to.
    pub targets: BTreeSet<String>,
    pub num_stored: u64,
    pub ask: Arc<ReplayAsk>,
    pub chosen: Chosen,
    pub from_id: Option<String>,
    pub cluster_id: Option<String>,
    pub replay_id: String,
    /// To read from.
    pub source: Source,
    /// To send to.
    pub to: Arc<dyn ClusterAccess>,
    pub letters: Letters,
    pub observed: Arc<dyn Observed>,
    pub redactor: Arc<Redactor>,
    pub hash_key: HashKey,
    pub pace: Pace,
    pub bounds: PaceBounds,
}

impl PreviewTask {
    pub(super) async fn run(self, shared: Arc<Shared>, teller: Teller<()>) -> Result<(), OperationFailure> {
        // Once it is to stop, the board is others' to change.
        let show = |change: &mut dyn FnMut(&mut ReplayBoard)| {
            shared.update(|board| {
                if !teller.is_cancelled() {
                    change(board);
                }
            });
        };
        let (chosen, skipped, ranges) = match self.chosen {
            Chosen::Letters(letters, skipped) => (letters.into_iter().map(|asked| (asked, None)).collect(), skipped, None),
            Chosen::Ranges(ranges) => {
                let Source::Cluster(reach) = &self.source else { return Ok(()) };
                let found = tokio::select! {
                    biased;
                    () = teller.cancelled() => return Ok(()),
                    found = resolve(&ranges, &self.from, reach.access.as_ref()) => found,
                };
                let (places, found) = found?;
                (places, Vec::new(), Some(found))
            }
        };
        let num_asked = chosen.len();
        let unit = if self.ask.is_of_the_dead() { "letters" } else { "records" };
        let progress = |num_read: usize| teller.progress(Progress { done: num_read as u64, total: Some(num_asked as u64), unit });
        let mut reading = Reading::new(
            chosen.into_iter().map(|place: PlaceOfRange| {
                let seen = seen(&place.0);
                (place, seen)
            }),
            PAGE,
        );
        let mut num_read = 0;
        progress(num_read);
        show(&mut |board| board.preparing = Some(Preparing { num_read: 0, num_asked: Some(num_asked) }));
        let snapshot = self.observed.snapshot();
        let size_limits = tokio::select! {
            biased;
            () = teller.cancelled() => return Ok(()),
            size_limits = size_limits(self.to.as_ref(), &self.targets) => size_limits,
        };
        let there = |(channel, size_limit): (String, Result<u64, String>)| {
            let num_partitions = num_partitions(&snapshot, &self.cluster, &channel);
            (channel, There { num_partitions, size_limit })
        };
        let of_cluster = snapshot.dead_letters.iter().filter(|view| view.cluster == self.from);
        let known: BTreeSet<&str> = of_cluster.map(|view| view.channel.as_str()).collect();
        let from = self.source.clone();
        let holds_the_dead = |channel: &str| known.contains(channel) || from.is_dead_letter_channel(channel);
        let mut planner = Planner {
            target: &self.ask.target,
            there: size_limits.into_iter().map(there).collect(),
            options: &self.ask.options,
            redactor: &self.redactor,
            hash_key: &self.hash_key,
            replay_id: &self.replay_id,
            letters: &self.letters,
            holds_the_dead: &holds_the_dead,
            num_most: self.to.caps().num_most,
            access: self.to.as_ref(),
            planned: Vec::new(),
            skipped,
            ranges,
            taken: BTreeSet::new(),
            num_first: self.pace.num_canary,
            num_to: BTreeMap::new(),
            key_orders: KeyOrders::default(),
            compared_within: self.pace.compared_within,
        };
        // What one run would not send is not read.
        while !reading.is_done() && !planner.is_full() {
            let page = tokio::select! {
                biased;
                () = teller.cancelled() => return Ok(()),
                page = reading.next(&self.source) => page,
            };
            for ((asked, times_ms), read) in page {
                planner.take_of_range(asked, times_ms.as_ref(), read);
                num_read += 1;
            }
            progress(num_read);
            show(&mut |board| board.preparing = Some(Preparing { num_read, num_asked: Some(num_asked) }));
        }
        reading.left().for_each(|(asked, _)| planner.leave_unread(asked));
        let targets = planner.targets();
        let key_order =
            planner.key_orders.told(planner.skipped.len(), |target| planner.num_partitions(target), |own| num_partitions(&snapshot, &self.from, own));
        let Planner { planned, skipped, ranges, .. } = planner;
        let mut planned = first_of_each(planned, self.pace.num_canary);
        // Whoever looks at a few looks at the last, too.
        let last = last_of(&planned);
        if !last.is_empty() {
            let look = Look {
                source: &self.source,
                options: &self.ask.options,
                redactor: &self.redactor,
                hash_key: &self.hash_key,
                compared_within: self.pace.compared_within,
            };
            let read = tokio::select! {
                biased;
                () = teller.cancelled() => return Ok(()),
                read = async { look.at(&last.iter().map(|place| &planned[*place]).collect::<Vec<_>>()).await } => read,
            };
            for (place, read) in last.into_iter().zip(read) {
                // What cannot be read now says so once it is chosen, or when it is sent.
                planned[place].shown = read.ok();
            }
        }
        let num_stored = ranges.as_ref().map_or(self.num_stored, |found| (found.num_places - found.num_empty - found.num_outside) as u64);
        let failed_groups = failed_groups(&targets, &planned);
        let preview = Arc::new(Preview {
            readers: readers_of_all(&self.observed.snapshot(), &self.cluster, &failed_groups),
            writing: writing(self.to.as_ref(), self.cluster_id.as_ref()),
            replay_id: self.replay_id,
            from: self.from,
            file: if let Source::File(file) = &self.source { Some(Arc::clone(file)) } else { None },
            cluster: self.cluster,
            cluster_id: self.cluster_id,
            from_id: self.from_id,
            ask: self.ask,
            targets,
            planned,
            key_order,
            skipped,
            num_stored,
            ranges,
            num_first: self.pace.num_canary,
            rate_per_s: self.pace.rate_per_s,
            bounds: self.bounds,
            failed_groups,
            read_ns: self.observed.now_ns(),
        });
        show(&mut |board| (board.preparing, board.preview) = (None, Some(Arc::clone(&preview))));
        preview.nothing().map_or(Ok(()), Err)
    }
}

impl Preview {
    /// Why nothing would be sent; `None` = something would.
    fn nothing(&self) -> Option<OperationFailure> {
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for skipped in &self.skipped {
            *reasons.entry(&skipped.reason).or_default() += 1;
        }
        let (reason, num) = reasons.into_iter().max_by_key(|(_, num)| *num).filter(|_| self.planned.is_empty())?;
        let all = if num < self.skipped.len() { format!("{num} of {}", self.skipped.len()) } else { format!("{num}") };
        let one = if self.is_of_the_dead() { "letter" } else { "record" };
        Some(OperationFailure {
            kind: FailureKind::Limit,
            reason: format!("nothing would be sent: every {one} is skipped, {all} of them because: {reason}"),
            next_step: "The preview lists all of them with their reasons".to_owned(),
        })
    }
}

/// Partitions of a channel of a cluster, as the brokers told.
fn num_partitions(snapshot: &Snapshot, cluster: &str, channel: &str) -> Option<i32> {
    let named = |node_id| snapshot.topology.nodes.iter().any(|node| node.node_id == node_id && node.kind == NodeKind::Channel && node.name == channel);
    let of_cluster = snapshot.figures.channels.iter().filter(|figures| figures.cluster.as_deref().is_none_or(|name| name == cluster));
    let mut known = of_cluster.filter(|figures| named(figures.node_id));
    known.find_map(|figures| figures.partitions).and_then(|partitions| i32::try_from(partitions).ok())
}
