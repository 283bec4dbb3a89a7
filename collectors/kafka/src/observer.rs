//! Polls a cluster: metadata, groups with their committed offsets, then watermarks; tells facts, status and what to tail.

mod ahead;
mod judge;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::{HashMap, HashSet};
use switchboard_model::{
    BATCH_VERSION, Batch, BatchHeader, Broker, ClusterFact, ClusterRef, Condition, Fact, FactBatch, FailureKind, Offer, OpenTransaction, Sink, Teller, now_ns,
};

use rdkafka::metadata::MetadataTopic;

use crate::asking::{Ask, BrokerAsker, PartitionName, Patience, Which};
use crate::catalogue::{Catalogue, ListedTopic, TopicId};
use crate::client::{self, Role};
use crate::config::Config;
use crate::control::{Control, Wishes};
use crate::count::Counter;
use crate::failure::{BrokerErrors, CallError, Code, Failure, describe};
use crate::groups::Groups;
use crate::native::{self, EventQueue, NativeClient};
use crate::plan::Planner;
use crate::read_group::{Ahead, ReadGroup};
use crate::reaper;
use crate::tail_control::TailControl;

/// Bound of one call to the brokers.
const CALL_TIMEOUT: Duration = Duration::from_secs(3);
/// Pace of reading low watermarks; they move only when records expire.
const LOW_INTERVAL: Duration = Duration::from_secs(10);
/// Pace of reading the ids of topics: one that is made again between two polls is seen by them alone, and is to be read within 10 s.
const IDS_INTERVAL: Duration = Duration::from_secs(3);
/// Longest pause between polls that failed. Short, so that a cluster that is back is seen to be back.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Longest pause between polls that take long themselves.
const LONGEST_REST: Duration = Duration::from_secs(8);
/// Facts are offered in batches of about this size, in bytes.
const FACT_BATCH_BYTES: usize = 512 * 1024;
/// How long the sink may have no room for records before the status says so.
const FULL_AFTER: Duration = Duration::from_secs(5);

/// A topic whose records may not be read is tried again after this time: it may have been allowed since.
const DENIED_FOR: Duration = Duration::from_mins(1);

/// The observer's thread.
pub(crate) struct Observer {
    config: Arc<Config>,
    control: Arc<Control>,
    tail_control: Arc<TailControl>,
    errors: Arc<BrokerErrors>,
    sink: Sink,
    cluster: ClusterRef,
    catalogue: Catalogue,
    groups: Groups,
    planner: Planner,
    wishes: Wishes,
    version: u64,
    /// Facts that must not be lost and found no room yet.
    owed: Vec<Fact>,
    forgotten: Vec<Arc<str>>,
    /// As the newest metadata name them.
    brokers: Vec<Broker>,
    lows_due: Instant,
    ids_due: Instant,
    counter: Counter,
    /// Open transactions of partitions, with the last stable offset that they hold back.
    transactions: HashMap<(TopicId, i32), (i64, OpenTransaction)>,
    is_down: bool,
    num_failed: u32,
    teller: Teller,
}

/// What a poll found.
#[derive(Default)]
struct Poll {
    num_brokers: usize,
    num_unknown_ends: usize,
    num_ends: usize,
    failure: Option<Failure>,
}

impl Observer {
    pub fn new(config: Arc<Config>, control: Arc<Control>, tail_control: Arc<TailControl>, errors: Arc<BrokerErrors>, sink: Sink) -> Self {
        let cluster = ClusterRef { system: "kafka".to_owned(), cluster_id: None, name: config.name.clone() };
        let planner = Planner::new(config.max_tailed_partitions);
        let groups = Groups::new(config.max_groups_by_offsets);
        let teller = Teller::new(sink.clone());
        Self {
            config,
            control,
            tail_control,
            errors,
            sink,
            cluster,
            catalogue: Catalogue::default(),
            groups,
            planner,
            wishes: Wishes::default(),
            version: 0,
            owed: Vec::new(),
            forgotten: Vec::new(),
            brokers: Vec::new(),
            lows_due: Instant::now(),
            ids_due: Instant::now(),
            counter: Counter::default(),
            transactions: HashMap::new(),
            is_down: false,
            num_failed: 0,
            teller,
        }
    }

    /// Polls until the stop.
    pub fn run(mut self) {
        self.teller.tell(Condition::connecting(format!("Connecting to {}", self.config.brokers)));
        let control = Arc::clone(&self.control);
        if !reaper::admit(&move || control.is_stopped()) {
            return;
        }
        let made = client::make(&self.config, Role::Observe, &self.errors);
        let client = made.and_then(|client| EventQueue::new(client).map_err(|error| describe(&self.config.brokers, &error)));
        let (client, ask) = match client.and_then(|client| Ok((client, BrokerAsker::new(&self.config, &self.errors)?))) {
            Ok(both) => both,
            Err(failure) => {
                // Only another profile helps, so it is not tried again.
                self.teller.tell(failure.failed());
                return;
            }
        };
        while !self.control.is_stopped() && !self.sink.is_closed() {
            let began = Instant::now();
            let is_well = self.poll_guarded(&client, &ask);
            self.num_failed = if is_well { 0 } else { self.num_failed.saturating_add(1) };
            let pause = if is_well { pause_after(self.config.poll_interval, began.elapsed()) } else { self.backoff() };
            self.rest(&client, pause);
        }
        reaper::retire(Box::new(client));
    }

    /// Waits for the next poll; new wishes are planned at once, by what is known.
    fn rest(&mut self, client: &EventQueue, pause: Duration) {
        let until = Instant::now() + pause;
        loop {
            // Serves the client's own events: log lines and errors.
            client.events(|event| self.errors.hear(event));
            if self.control.wait(until.saturating_duration_since(Instant::now()), self.version) {
                return;
            }
            if self.control.is_stopped() {
                return;
            }
            if let Some(wishes) = self.control.wishes_since(&mut self.version) {
                self.wishes = wishes;
                if !self.is_down {
                    self.plan(client.client());
                    self.tell_topics();
                }
            }
        }
    }

    fn backoff(&self) -> Duration {
        let longest = LONGEST_PAUSE.min(Duration::from_millis(500) * 2_u32.saturating_pow(self.num_failed.min(8)));
        // The jitter keeps several sources from knocking in step.
        let share = 500 + (now_ns() / 1_000).rem_euclid(500) as u32;
        longest * share / 1_000
    }

    /// The library unwraps names that a hostile broker may have made other than UTF-8: that must not end the thread.
    fn poll_guarded(&mut self, client: &EventQueue, ask: &dyn Ask) -> bool {
        if let Ok(is_well) = catch_unwind(AssertUnwindSafe(|| self.poll(client, ask))) {
            is_well
        } else {
            let detail = "A broker answered with names that are not UTF-8";
            self.teller.tell(Condition::failed(FailureKind::Protocol, detail, "Check that the address is a Kafka broker's"));
            false
        }
    }

    fn poll(&mut self, client: &EventQueue, ask: &dyn Ask) -> bool {
        if let Some(wishes) = self.control.wishes_since(&mut self.version) {
            self.wishes = wishes;
        }
        // A token that the client waits for is asked for here; without it no broker answers.
        client.events(|event| self.errors.hear(event));
        let listed = self.list(client.client(), ask);
        client.events(|event| self.errors.hear(event));
        let num_brokers = match listed {
            Ok(num_brokers) => num_brokers,
            Err(error) => {
                if !self.control.is_stopped() {
                    self.go_down(&error);
                }
                return false;
            }
        };
        if std::mem::take(&mut self.is_down) {
            self.catalogue.tell_again();
            (self.lows_due, self.ids_due) = (Instant::now(), Instant::now());
        }
        let mut poll = Poll { num_brokers, ..Poll::default() };
        let control = Arc::clone(&self.control);
        let stopped = move || control.is_stopped();
        let patience = Patience { timeout: CALL_TIMEOUT, stopped: &stopped };
        self.identify_topics(ask, &patience);
        let gone = self.groups.list(ask, &self.wishes.groups, &patience);
        self.owed.extend(gone.into_iter().map(|group| Fact::GroupGone { cluster: self.cluster.clone(), group }));
        self.read_round(ask, &patience, &mut poll);
        if self.control.is_stopped() {
            return true;
        }
        self.plan(client.client());
        self.tail_control.set_ends(&self.catalogue);
        self.tell_topics();
        client.events(|event| self.errors.hear(event));
        self.judge(&poll)
    }

    /// Reads metadata: brokers, topics, partitions, leaders.
    fn list(&mut self, client: &NativeClient, ask: &dyn Ask) -> Result<usize, CallError> {
        let metadata = client.fetch_metadata(None, CALL_TIMEOUT)?;
        if metadata.brokers().is_empty() {
            return Err(CallError { code: Code::ALL_BROKERS_DOWN, text: "metadata name no broker".to_owned() });
        }
        if self.cluster.cluster_id.is_none() {
            self.cluster.cluster_id = client.fetch_cluster_id(Duration::from_millis(200)).filter(|id| !id.is_empty());
        }
        let mut brokers: Vec<Broker> = metadata
            .brokers()
            .iter()
            .map(|broker| Broker { broker_id: broker.id(), host: broker.host().to_owned(), port: u16::try_from(broker.port()).unwrap_or(0) })
            .collect();
        brokers.sort_by_key(|broker| broker.broker_id);
        // A topic in trouble is there nevertheless.
        let is_there = |topic: &&MetadataTopic| topic.error().is_none_or(|error| error as i32 != Code::UNKNOWN_TOPIC_OR_PARTITION.0);
        let gone = self.catalogue.list(metadata.topics().iter().filter(is_there).map(|topic| ListedTopic {
            name: topic.name(),
            partitions: topic.partitions().iter().map(|p| (p.id(), (p.leader() >= 0).then(|| p.leader()))).collect(),
        }));
        for id in gone {
            self.planner.forget(id);
            self.owed.push(self.catalogue.gone_fact(id, &self.cluster));
        }
        let num_brokers = brokers.len();
        if self.brokers != brokers {
            let control = Arc::clone(&self.control);
            ask.brokers_changed(&Patience { timeout: CALL_TIMEOUT, stopped: &move || control.is_stopped() });
            self.brokers.clone_from(&brokers);
        }
        self.tell(vec![Fact::Cluster(ClusterFact { cluster: self.cluster.clone(), brokers })]);
        Ok(num_brokers)
    }

    /// Asks for the ids of topics: of those that are new or back at once, of all at a slow pace. One that was made again under its name
    /// is read from its beginning.
    fn identify_topics(&mut self, ask: &dyn Ask, patience: &Patience<'_>) {
        let is_due = Instant::now() >= self.ids_due;
        let asked = self.catalogue.asked_for_ids(is_due);
        if asked.is_empty() {
            return;
        }
        let began = Instant::now();
        let names: Vec<&str> = asked.iter().map(|topic| &**topic).collect();
        let ids = ask.topic_ids(&names, patience);
        if let Err(error) = &ids {
            tracing::debug!("ids of topics are unknown: {error}");
        }
        if is_due {
            self.ids_due = began + IDS_INTERVAL.max(began.elapsed() * 10);
        }
        for id in self.catalogue.identify(ids.as_ref().ok(), now_ns()) {
            self.planner.forget(id);
            self.forgotten.push(Arc::clone(&self.catalogue.topic(id).name));
        }
    }

    /// One round over all groups: committed offsets of a few groups, then end offsets, then their facts; and so on.
    fn read_round(&mut self, ask: &dyn Ask, patience: &Patience<'_>, poll: &mut Poll) {
        let mut num_left = self.groups.len();
        let mut is_first = true;
        self.counter.begin_round();
        loop {
            let (turn, num_passed) = self.groups.read_turn(ask, &mut self.catalogue, num_left, patience);
            num_left = num_left.saturating_sub(num_passed);
            if (patience.stopped)() {
                return;
            }
            let partitions: Option<HashSet<(TopicId, i32)>> = (!is_first).then(|| turn.iter().flat_map(ReadGroup::partitions).collect());
            self.read_ends(ask, partitions.as_ref(), patience, poll);
            if is_first {
                self.read_lows(ask, patience);
            }
            is_first = false;
            let ahead = self.look_ahead(ask, &turn, patience);
            self.tell_groups(turn, &ahead);
            if num_left == 0 || !self.groups.may_go_on() {
                return;
            }
        }
    }

    /// Reads end offsets of these partitions, or of all.
    fn read_ends(&mut self, ask: &dyn Ask, only: Option<&HashSet<(TopicId, i32)>>, patience: &Patience<'_>, poll: &mut Poll) {
        let asked: Vec<PartitionName> = match only {
            Some(only) => only
                .iter()
                .filter(|(topic, partition)| self.catalogue.topic(*topic).partition(*partition).is_some_and(|p| p.leader.is_some()))
                .map(|(topic, partition)| (Arc::clone(&self.catalogue.topic(*topic).name), *partition))
                .collect(),
            None => self.catalogue.led_partitions().map(|(topic, partition)| (topic.into(), partition)).collect(),
        };
        if only.is_none() {
            self.catalogue.forget_highs();
            poll.num_ends = self.catalogue.present().map(|(_, topic)| topic.partitions.len()).sum();
            poll.num_unknown_ends = poll.num_ends;
        }
        if asked.is_empty() {
            return;
        }
        // What is not answered is unknown, and must not look like the value of before.
        for (topic, partition) in &asked {
            self.catalogue.set_high(topic, *partition, None);
        }
        let catalogue = &mut self.catalogue;
        let mut num_known = 0;
        let mut first_error = None;
        let done = ask.offsets(&asked, Which::End, patience, &mut |topic, partition, offset| {
            // That a partition has no leader is told by itself: only another reason stands before it.
            first_error = first_error.or(offset.err().filter(|code| *code != Code::LEADER_NOT_AVAILABLE));
            let high = offset.ok().filter(|high| *high >= 0);
            num_known += usize::from(high.is_some());
            catalogue.set_high(topic, partition, high);
        });
        if only.is_none() {
            poll.num_unknown_ends = poll.num_ends.saturating_sub(num_known);
        }
        let error = done.err().or_else(|| first_error.map(|code| CallError { code, text: native::code_text(code) }));
        if let Some(error) = error.filter(|error| error.code != Code::DESTROYED) {
            poll.failure.get_or_insert_with(|| describe("End offsets", &error));
        }
    }

    /// Reads low watermarks: of all partitions at their own pace, of new ones at once.
    fn read_lows(&mut self, ask: &dyn Ask, patience: &Patience<'_>) {
        let is_due = Instant::now() >= self.lows_due;
        let asked: Vec<PartitionName> = self
            .catalogue
            .present()
            .flat_map(|(_, topic)| {
                let wanted = topic.partitions.iter().filter(|p| p.leader.is_some() && p.high.is_some() && (is_due || p.low.is_none()));
                wanted.map(|p| (Arc::clone(&topic.name), p.partition))
            })
            .collect();
        if asked.is_empty() {
            return;
        }
        let began = Instant::now();
        let catalogue = &mut self.catalogue;
        let done = ask.offsets(&asked, Which::Earliest, patience, &mut |topic, partition, offset| {
            catalogue.set_low(topic, partition, offset.ok().filter(|low| *low >= 0));
        });
        match done {
            Ok(()) if is_due => self.lows_due = began + LOW_INTERVAL.max(began.elapsed() * 10),
            Ok(()) => {}
            Err(error) => tracing::debug!("low watermarks are unknown: {error}"),
        }
    }

    /// Decides what is tailed and tells the tail.
    fn plan(&mut self, client: &NativeClient) {
        let denied = self.tail_control.denied(DENIED_FOR);
        let mut offsets_at = |topic: &str, partitions: &[i32], time_ms: i64| {
            let found = native::offsets_for_time(client, topic, partitions, time_ms.max(0), CALL_TIMEOUT);
            found.unwrap_or_else(|error| {
                tracing::debug!(topic, "offsets by time are unknown: {error}");
                HashMap::new()
            })
        };
        let plan = self.planner.plan(&mut self.catalogue, &self.wishes, &denied, &mut offsets_at);
        self.tail_control.order(plan, &self.cluster, std::mem::take(&mut self.forgotten));
    }

    /// The cluster does not answer: all it said becomes unknown.
    fn go_down(&mut self, error: &CallError) {
        let failure = self.errors.explain(&self.config.brokers, Some(error)).unwrap_or_else(|| describe(&self.config.brokers, error));
        if !std::mem::replace(&mut self.is_down, true) {
            self.catalogue.forget_all();
            let why = format!("the brokers do not answer: {}", failure.detail);
            let unknown = self.groups.unknown_facts(&self.catalogue, &self.cluster, &why);
            // Whoever shows lag must learn that it is unknown now, so these wait for room if need be.
            self.owed.extend(unknown.into_iter().map(Fact::Group));
        }
        self.tell_topics();
        self.teller.tell(failure.failed());
    }

    fn tell_topics(&mut self) {
        let untold = self.catalogue.untold(&self.cluster);
        let mut batch: Vec<(TopicId, Fact)> = Vec::new();
        let mut num_bytes = 0;
        let mut untold = untold.into_iter().peekable();
        while let Some((id, fact)) = untold.next() {
            let fact = Fact::Topic(fact);
            num_bytes += fact.size_bytes();
            batch.push((id, fact));
            if num_bytes >= FACT_BATCH_BYTES || untold.peek().is_none() {
                let taken = std::mem::take(&mut batch);
                let facts = taken.iter().map(|(_, fact)| fact.clone()).collect();
                if !self.tell(facts) {
                    // No room: they are still untold, and will be told by their newest values.
                    return;
                }
                for (id, fact) in taken {
                    if let Fact::Topic(fact) = fact {
                        self.catalogue.told(id, fact);
                    }
                }
                num_bytes = 0;
            }
        }
    }

    fn tell_groups(&mut self, turn: Vec<ReadGroup>, ahead: &Ahead) {
        let mut facts = Vec::new();
        let mut names = Vec::new();
        let mut num_bytes = 0;
        let mut turn = turn.into_iter().peekable();
        while let Some(read) = turn.next() {
            names.push(read.group.clone());
            let fact = Fact::Group(read.into_fact(&self.catalogue, ahead, &self.cluster));
            num_bytes += fact.size_bytes();
            facts.push(fact);
            if num_bytes >= FACT_BATCH_BYTES || turn.peek().is_none() {
                if self.tell(std::mem::take(&mut facts)) {
                    for name in names.drain(..) {
                        self.groups.told(&name);
                    }
                }
                names.clear();
                num_bytes = 0;
            }
        }
    }

    /// Offers facts, those owed from before first. False if there was no room: then nothing was taken.
    fn tell(&mut self, facts: Vec<Fact>) -> bool {
        let num_owed = self.owed.len();
        let mut all = std::mem::take(&mut self.owed);
        all.extend(facts);
        if all.is_empty() {
            return true;
        }
        let header = BatchHeader { version: BATCH_VERSION, source: self.sink.source(), received_ns: now_ns() };
        let mut batch = Batch::Facts(FactBatch { header, facts: all });
        for _ in 0..10 {
            match self.sink.offer_within(batch, Duration::from_millis(50)) {
                Offer::Taken => return true,
                Offer::Closed(_) => return false,
                Offer::Full(back) => batch = back,
            }
            if self.control.is_stopped() {
                return false;
            }
        }
        if let Batch::Facts(back) = batch {
            self.owed = back.facts;
            self.owed.truncate(num_owed);
        }
        false
    }
}

/// A poll that took long is followed by as long a rest, so that a large cluster is not asked without end.
fn pause_after(interval: Duration, took: Duration) -> Duration {
    interval.saturating_sub(took).max(took.min(LONGEST_REST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_poll_is_followed_by_a_rest() {
        let seconds = Duration::from_secs;
        assert_eq!(pause_after(seconds(2), Duration::from_millis(10)), Duration::from_millis(1_990));
        assert_eq!(pause_after(seconds(2), seconds(5)), seconds(5));
        assert_eq!(pause_after(seconds(2), seconds(60)), LONGEST_REST);
    }
}
