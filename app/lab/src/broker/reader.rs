use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use opentelemetry::{Context, KeyValue};
use parking_lot::Mutex;
use rdkafka::{
    ClientContext, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance, StreamConsumer},
    error::KafkaResult,
    message::BorrowedMessage,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    broker::{
        Headers, Progress, client_config,
        shares::{Seat, Shares},
    },
    telemetry::{attribute, context_from},
};

/// A record as a consumer got it.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) channel: &'static str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub(crate) payload: Option<Vec<u8>>,
    pub(crate) headers: Headers,
}

impl Received {
    fn new(channel: &'static str, message: &BorrowedMessage<'_>) -> Self {
        Self {
            channel,
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
            key: message.key().map(<[u8]>::to_vec),
            payload: message.payload().map(<[u8]>::to_vec),
            headers: message.headers().map(Headers::from).unwrap_or_default(),
        }
    }

    /// The key as text; empty where it has none.
    pub(crate) fn key_text(&self) -> String {
        self.key.as_deref().map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default()
    }

    /// The producer's span as its headers name it.
    pub(crate) fn creation_context(&self) -> Context {
        context_from(self.headers.last_text("traceparent"))
    }

    /// The correlation id; empty where it has none.
    pub(crate) fn conversation_id(&self) -> &str {
        self.headers.last_text("x-correlation-id").unwrap_or_default()
    }

    /// What tells this record apart from the others of its batch.
    pub(crate) fn message_attributes(&self) -> Vec<KeyValue> {
        let mut attributes = vec![
            attribute("messaging.destination.partition.id", self.partition.to_string()),
            attribute("messaging.kafka.offset", self.offset),
            attribute("messaging.kafka.message.key", self.key_text()),
            attribute("messaging.message.conversation_id", self.conversation_id().to_owned()),
        ];
        if let Some(message_id) = self.headers.last_text("ce_id") {
            attributes.push(attribute("messaging.message.id", message_id.to_owned()));
        }
        if self.payload.is_none() {
            attributes.push(attribute("messaging.kafka.message.tombstone", true));
        }
        attributes
    }
}

/// How the groups of a lab read.
pub(crate) struct Groups {
    brokers: String,
    progress: Arc<Progress>,
    /// Who reads which partition of the mock cluster, where nobody may join a group; at a real broker the readers join.
    shares: Option<Arc<Shares>>,
    /// Whether records are handed out.
    is_open: watch::Sender<bool>,
}

impl Groups {
    pub(crate) fn new(brokers: &str, is_mock: bool, progress: &Arc<Progress>) -> Self {
        Self { brokers: brokers.to_owned(), progress: progress.clone(), shares: is_mock.then(Arc::default), is_open: watch::Sender::new(true) }
    }

    /// Hands records out to all readers, or keeps them back: then what is being handled is the last.
    pub(crate) fn set_open(&self, is_open: bool) {
        self.is_open.send_replace(is_open);
    }

    /// A reader of a channel for a group; fails when librdkafka refuses the settings. Must be called on the runtime that will poll it.
    pub(crate) fn reader(&self, group: &'static str, channel: &'static str, client_id: &'static str) -> anyhow::Result<GroupReader> {
        let context = ReaderContext { group, channel, positions: Mutex::default(), progress: self.progress.clone() };
        let consumer: StreamConsumer<ReaderContext> = client_config(&self.brokers, client_id)
            .set("group.id", group)
            // The commits are librdkafka's, for it tells of no others; the offsets are stored by hand once they are handled.
            .set("enable.auto.commit", "true")
            .set("auto.commit.interval.ms", "200")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "1000")
            .set("allow.auto.create.topics", "false")
            .create_with_context(context)
            .with_context(|| format!("the consumer of group {group} does not start"))?;
        let seat = self.shares.as_ref().map(|shares| shares.sit(group, client_id));
        if seat.is_none() {
            consumer.subscribe(&[channel])?;
        }
        Ok(GroupReader { consumer: Arc::new(consumer), seat, is_open: self.is_open.subscribe(), group, channel, client_id })
    }
}

/// Offsets that were handled since the last rebalance, by partition, each the next to read.
type Positions = BTreeMap<i32, i64>;

struct ReaderContext {
    group: &'static str,
    channel: &'static str,
    positions: Mutex<Positions>,
    progress: Arc<Progress>,
}

impl ClientContext for ReaderContext {}

impl ConsumerContext for ReaderContext {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(_) = rebalance {
            self.positions.lock().clear();
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        // What failed is committed again by librdkafka.
        if result.is_err() {
            return;
        }
        for element in offsets.elements() {
            if let (Ok(()), Offset::Offset(next)) = (element.error(), element.offset()) {
                self.progress.committed(self.group, self.channel, element.partition(), next);
            }
        }
    }
}

/// One reader of a channel for a group. What was handled, and nothing else, is committed every 200 ms.
pub(crate) struct GroupReader {
    consumer: Arc<StreamConsumer<ReaderContext>>,
    /// Its place among the readers of the group, where they do not join it; let go of after the consumer has ended.
    seat: Option<Arc<Seat>>,
    is_open: watch::Receiver<bool>,
    group: &'static str,
    channel: &'static str,
    client_id: &'static str,
}

impl GroupReader {
    pub(crate) fn group(&self) -> &'static str {
        self.group
    }

    pub(crate) fn channel(&self) -> &'static str {
        self.channel
    }

    /// What every process span of this group says; what tells messages apart comes beside it.
    pub(crate) fn process_attributes(&self) -> Vec<KeyValue> {
        vec![
            attribute("messaging.system", "kafka"),
            attribute("messaging.destination.name", self.channel),
            attribute("messaging.operation.type", "process"),
            attribute("messaging.operation.name", "process"),
            attribute("messaging.consumer.group.name", self.group),
            attribute("messaging.client.id", self.client_id),
        ]
    }

    /// Waits for the next record, and until records are handed out. Nothing is lost when it is given up waiting for while they are.
    pub(crate) async fn next(&self) -> Received {
        loop {
            tokio::select! {
                biased;
                () = self.share() => {}
                message = self.consumer.recv() => match message {
                    Ok(message) => {
                        let received = Received::new(self.channel, &message);
                        // The sender lives as long as the lab.
                        let _ = self.is_open.clone().wait_for(|is_open| *is_open).await;
                        return received;
                    }
                    // Brokers that are away say so here; librdkafka itself tries again.
                    Err(_) => sleep(Duration::from_millis(50)).await,
                },
            }
        }
    }

    /// Takes and lets go of partitions as the group's readers come and go; ends when that may have changed again.
    async fn share(&self) {
        let Some(seat) = &self.seat else { return std::future::pending().await };
        let mut news = seat.news();
        let turn = seat.turn(Instant::now());
        if !turn.take.is_empty() {
            self.consumer.context().positions.lock().retain(|partition, _| !turn.take.contains(partition));
            if self.partitions(&turn.take, |_| Offset::Stored).and_then(|taken| self.consumer.incremental_assign(&taken)).is_err() {
                // A client that is about to end takes nothing more.
                seat.released(&turn.take);
                sleep(Duration::from_millis(200)).await;
                return;
            }
        }
        if !turn.release.is_empty() {
            self.release(seat.clone(), turn.release);
        }
        let again = async {
            match turn.again_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The readers' table lives as long as the lab.
            _ = news.changed() => {}
            () = again => {}
        }
    }

    /// Commits what was handled of these partitions, reads them no more and says so, beside everything else.
    fn release(&self, seat: Arc<Seat>, partitions: Vec<i32>) {
        let consumer = self.consumer.clone();
        let handled: Positions = partitions.iter().filter_map(|p| Some((*p, *self.consumer.context().positions.lock().get(p)?))).collect();
        let lists = (
            self.partitions(&partitions, |_| Offset::Invalid),
            self.partitions(&handled.keys().copied().collect::<Vec<_>>(), |p| handled.get(&p).map_or(Offset::Invalid, |next| Offset::Offset(*next))),
        );
        tokio::task::spawn_blocking(move || {
            if let (Ok(all), Ok(positions)) = lists {
                // What cannot be committed now is handed over again.
                let _ = consumer.incremental_unassign(&all);
                if !handled.is_empty() && consumer.commit(&positions, CommitMode::Sync).is_ok() {
                    let context = consumer.context();
                    for (partition, next) in handled {
                        context.progress.committed(context.group, context.channel, partition, next);
                    }
                }
            }
            seat.released(&partitions);
        });
    }

    fn partitions(&self, partitions: &[i32], offset: impl Fn(i32) -> Offset) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition_offset(self.channel, *partition, offset(*partition))?;
        }
        Ok(list)
    }

    /// The record was handled: it may be committed.
    pub(crate) fn done(&self, received: &Received) {
        let mut positions = self.consumer.context().positions.lock();
        let next = positions.entry(received.partition).or_default();
        if received.offset >= *next {
            *next = received.offset + 1;
            // A partition that was taken away meanwhile is refused: its next owner handles the record again.
            let _ = self.consumer.store_offset(received.channel, received.partition, received.offset);
        }
    }

    /// Goes back up to `num_records` on each partition read so far, so that they are handed over again. Returns how many they are.
    pub(crate) async fn rewind(&self, num_records: i64) -> i64 {
        let back: Vec<(i32, i64, i64)> =
            self.consumer.context().positions.lock().iter().map(|(&partition, &next)| (partition, next, (next - num_records).max(0))).collect();
        let consumer = self.consumer.clone();
        let channel = self.channel;
        let seeks = tokio::task::spawn_blocking(move || {
            let seek = |to: i64, partition: i32| consumer.seek(channel, partition, Offset::Offset(to), Duration::from_secs(1)).is_ok();
            back.iter().filter(|(partition, _, to)| seek(*to, *partition)).map(|(_, next, to)| next - to).sum()
        });
        seeks.await.unwrap_or(0)
    }
}
