//! [`Ask`] by krafka's admin client, which is bounded in time by itself and survives restarts of the brokers.

use std::cell::RefCell;
use std::collections::HashMap as StdHashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use hashbrown::HashMap;
use krafka::admin::{
    AdminClient, ConfigResource, DescribeConfigsOptions, DescribeConsumerGroupsOptions, DescribeProducersOptions, DescribeShareGroupOffsetsOptions,
    DescribeStreamsGroupsOptions, DescribeTopicsOptions, DescribeTransactionsOptions, ListConsumerGroupOffsetsOptions, ListConsumerGroupsOptions,
    ListOffsetsOptions, ListTopicsOptions, ListTransactionsOptions, OffsetSpec, TopicPartition,
};
use krafka::auth::AuthConfig;
use krafka::error::KrafkaError;
use krafka::{Kafka, ProxyConfig};
use switchboard_model::{FailureKind, GroupKind, OWN_USER_AGENT, OpenTransaction};

use super::answer::{call_error, code_of, kind_of, member_of, reads, streams_description, told, topic_id_text};
use super::gate::Handshake;
use super::{Ask, CommittedOffset, EachOffset, GroupDescription, GroupListing, ListedGroup, OffsetsOf, PartitionName, Patience, Which, gate, security};
use crate::config::Config;
use crate::failure::{BrokerErrors, CallError, Code, Failure};
use crate::trust::Trust;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one request may wait for its answer. A call is bounded by its patience besides.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
/// Largest answer that is taken.
const MOST_RESPONSE_BYTES: usize = 64 << 20;
/// Groups whose offsets are asked for at the same time.
const GROUPS_AT_ONCE: usize = 4;
/// How soon a stop is noticed.
const LOOK: Duration = Duration::from_millis(50);
/// Partitions whose open transaction is asked for at once, and transactions that are described.
const MOST_TRANSACTIONS: usize = 64;

/// Asks by a client of its own, whose work is done on the thread that waits: it needs no other one.
pub(crate) struct BrokerAsker {
    /// There until this goes.
    runtime: Option<tokio::runtime::Runtime>,
    brokers: String,
    security: AuthConfig,
    trust: Trust,
    errors: Arc<BrokerErrors>,
    /// Where the profile holds credentials, certificates name no hosts, or the brokers are old, connections lead through this door.
    gate: RefCell<Option<ProxyConfig>>,
    old_gate: RefCell<Option<ProxyConfig>>,
    /// `None` until the first call finds a broker.
    client: RefCell<Option<Arc<AdminClient>>>,
}

impl BrokerAsker {
    /// Makes it. Fails only over its configuration: connecting comes with the first call. Hosts that get no credentials are noted
    /// among the errors.
    pub fn new(config: &Config, errors: &Arc<BrokerErrors>) -> Result<Self, Failure> {
        let security = security::of(config)?;
        let local = |error: std::io::Error| Failure {
            kind: FailureKind::Limit,
            detail: format!("The brokers cannot be asked: {error}"),
            next_step: "Raise the limits of this user on open files and threads".to_owned(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).thread_keep_alive(Duration::from_secs(1)).build();
        let runtime = runtime.map_err(local)?;
        let trust = Trust::of(config);
        let errors = Arc::clone(errors);
        let gate = if trust.is_open() && security.of_door.is_none() {
            None
        } else {
            Some(runtime.block_on(gate::open(trust.clone(), Arc::clone(&errors), Handshake::Theirs, security.of_door)).map_err(local)?)
        };
        Ok(Self {
            runtime: Some(runtime),
            brokers: config.brokers.clone(),
            security: security.auth,
            trust,
            errors,
            gate: RefCell::new(gate),
            old_gate: RefCell::default(),
            client: RefCell::new(None),
        })
    }

    /// Waits for a call, which gets the client; connects first where there is none yet.
    fn call<T, F>(&self, patience: &Patience<'_>, call: impl FnOnce(Arc<AdminClient>) -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let Some(runtime) = &self.runtime else { return Err(CallError::stopped()) };
        runtime.block_on(async {
            let work = async {
                let client = self.client(patience.timeout).await?;
                call(client).await
            };
            // The client ends its calls by itself; the grace is for what it does besides.
            let work = tokio::time::timeout(patience.timeout + REQUEST_TIMEOUT, work);
            tokio::pin!(work);
            loop {
                tokio::select! {
                    done = &mut work => return done.unwrap_or_else(|_| Err(timed_out())),
                    () = tokio::time::sleep(LOOK) => {
                        if (patience.stopped)() {
                            return Err(CallError::stopped());
                        }
                    }
                }
            }
        })
    }

    /// A setting of a topic as it is in effect; `None` = it is not told.
    pub fn topic_setting(&self, topic: &str, setting: &str, patience: &Patience<'_>) -> Result<Option<String>, CallError> {
        let options = DescribeConfigsOptions::default().timeout(patience.timeout).config_names(vec![setting.to_owned()]);
        let resource = ConfigResource::topic(topic);
        let mut told = self.call(patience, async |client| client.describe_configs([resource.clone()], options).await.map_err(|error| call_error(&error)))?;
        let settings = told.remove(&resource).ok_or_else(timed_out)?.map_err(|error| call_error(&error))?;
        Ok(settings.into_iter().find(|told| told.name == setting).and_then(|told| told.value))
    }

    /// What the brokers said went wrong. Whoever asks them beside this one adds to it.
    pub fn errors(&self) -> &Arc<BrokerErrors> {
        &self.errors
    }

    /// The partitions of a topic, and whether each has a leader.
    pub fn partitions(&self, topic: &str, patience: &Patience<'_>) -> Result<Vec<(i32, bool)>, CallError> {
        let options = DescribeTopicsOptions::default().timeout(patience.timeout);
        let mut told = self.call(patience, async |client| client.describe_topics([topic], options).await.map_err(|error| call_error(&error)))?;
        let described = told.remove(topic).ok_or_else(timed_out)?.map_err(|error| call_error(&error))?;
        Ok(described.partitions.into_iter().map(|partition| (partition.partition, partition.leader.is_some())).collect())
    }

    async fn client(&self, timeout: Duration) -> Result<Arc<AdminClient>, CallError> {
        let known = self.client.borrow().clone();
        if let Some(client) = known {
            return Ok(client);
        }
        let gate = self.gate.borrow().clone();
        let has_gate = gate.is_some();
        let connected = tokio::time::timeout(timeout, self.connect(gate)).await.map_err(|_| timed_out())?;
        let is_plain = !self.security.requires_tls() && !self.security.requires_sasl();
        let kafka = match connected {
            Err(error) if is_plain && may_be_garbled(&error) && !has_gate => {
                let gate = self.old_gate().await?;
                let connected = tokio::time::timeout(timeout, self.connect(Some(gate.clone()))).await.map_err(|_| timed_out())?;
                if connected.is_ok() {
                    *self.gate.borrow_mut() = Some(gate);
                }
                connected
            }
            connected => connected,
        };
        let kafka = kafka.map_err(|error| call_error(&error))?;
        let client = Arc::new(kafka.admin());
        *self.client.borrow_mut() = Some(Arc::clone(&client));
        Ok(client)
    }
}

impl BrokerAsker {
    /// The door for brokers that are old, opened once: it stays open as long as this lives.
    async fn old_gate(&self) -> Result<ProxyConfig, CallError> {
        let known = self.old_gate.borrow().clone();
        if let Some(gate) = known {
            return Ok(gate);
        }
        let gate = gate::open(self.trust.clone(), Arc::clone(&self.errors), Handshake::Old, None).await;
        let gate = gate.map_err(|error| CallError::local(&error.to_string()))?;
        *self.old_gate.borrow_mut() = Some(gate.clone());
        Ok(gate)
    }

    async fn connect(&self, gate: Option<ProxyConfig>) -> krafka::Result<Kafka> {
        let mut builder = Kafka::builder(&self.brokers)
            .client_id(format!("{OWN_USER_AGENT}-asker"))
            .security(self.security.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .request_timeout(REQUEST_TIMEOUT)
            .max_response_size(MOST_RESPONSE_BYTES);
        if let Some(gate) = gate {
            builder = builder.proxy(gate);
        }
        builder.connect().await
    }
}

impl Drop for BrokerAsker {
    /// Waits for nothing: a name that is looked up, or a command that is asked for a token, ends by itself. There are two of them at most.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Whether a broker answered, or may have, what is no answer. The client asks several at once and wraps the last failure into one
/// about all: one that answers nothing in time hides what another answered.
fn may_be_garbled(error: &KrafkaError) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        let known = error.downcast_ref::<KrafkaError>();
        if known.is_some_and(|error| error.protocol_error_kind().is_some() || matches!(error, KrafkaError::Timeout { .. })) {
            return true;
        }
        next = error.source();
    }
    false
}

fn timed_out() -> CallError {
    CallError { code: Code::TIMED_OUT, text: "no answer within the time-out".to_owned() }
}

fn partition_of((topic, partition): &PartitionName) -> TopicPartition {
    TopicPartition::new(&**topic, *partition)
}

async fn committed_of(client: &AdminClient, asked: &OffsetsOf<'_>, timeout: Duration) -> Result<Vec<CommittedOffset>, CallError> {
    let partitions = asked.partitions.map(|partitions| partitions.iter().map(partition_of).collect::<Vec<_>>());
    if asked.kind == Some(&GroupKind::Share) {
        let mut options = DescribeShareGroupOffsetsOptions::default().timeout(timeout);
        if let Some(partitions) = partitions {
            options = options.partitions(partitions);
        }
        let offsets = client.describe_share_group_offsets(asked.group, options).await.map_err(|error| call_error(&error))?;
        return Ok(offsets
            .into_iter()
            .map(|(at, offset)| CommittedOffset {
                topic: at.topic,
                partition: at.partition,
                waiting: offset.as_ref().ok().and_then(|offset| offset.lag).and_then(|lag| u64::try_from(lag).ok()),
                // Records are acknowledged one by one: where the group begins is no commit.
                offset: offset.map(|_| None).map_err(|error| code_of(&error)),
            })
            .collect());
    }
    let mut options = ListConsumerGroupOffsetsOptions::default().timeout(timeout);
    if let Some(partitions) = partitions {
        options = options.partitions(partitions);
    }
    let offsets = client.list_consumer_group_offsets(asked.group, options).await.map_err(|error| call_error(&error))?;
    Ok(offsets
        .into_iter()
        .map(|(at, offset)| CommittedOffset {
            topic: at.topic,
            partition: at.partition,
            offset: offset.map(|offset| offset.offset).map_err(|error| code_of(&error)),
            waiting: None,
        })
        .collect())
}

impl Ask for BrokerAsker {
    fn brokers_changed(&self, patience: &Patience<'_>) {
        let timeout = patience.timeout;
        if self.client.borrow().is_none() {
            return;
        }
        // Listing topics reads the metadata anew, which is what calls to single brokers go by.
        let read = self.call(patience, async |client| {
            client.list_topics(ListTopicsOptions::default().timeout(timeout)).await.map(drop).map_err(|error| call_error(&error))
        });
        if let Err(error) = read {
            tracing::debug!("metadata were not read anew: {error}");
        }
    }

    fn list_groups(&self, patience: &Patience<'_>) -> Result<GroupListing, CallError> {
        let options = ListConsumerGroupsOptions::default().timeout(patience.timeout);
        let by_broker = self.call(patience, async |client| client.list_consumer_groups(options).await.map_err(|error| call_error(&error)))?;
        let mut listing = GroupListing::default();
        for listed in by_broker.into_values() {
            match listed {
                Ok(groups) => listing.groups.extend(groups.into_iter().filter(reads).map(|group| ListedGroup {
                    kind: group.group_type.as_ref().map(kind_of),
                    state: group.state.and_then(told),
                    name: group.group_id,
                })),
                Err(error) => listing.errors.push(call_error(&error)),
            }
        }
        Ok(listing)
    }

    fn describe_groups(&self, groups: &[ListedGroup], patience: &Patience<'_>) -> HashMap<String, Result<GroupDescription, CallError>> {
        let timeout = patience.timeout;
        let mut described = HashMap::with_capacity(groups.len());
        let (mut readers, mut streams) = (Vec::new(), Vec::new());
        for group in groups {
            match &group.kind {
                // Its codec is not public in the client library.
                Some(GroupKind::Share) => {
                    let members = Err("members of a share group cannot be asked for".to_owned());
                    described.insert(group.name.clone(), Ok(GroupDescription { kind: Some(GroupKind::Share), state: group.state.clone(), members }));
                }
                Some(GroupKind::Streams) => streams.push(&group.name),
                _ => readers.push(&group.name),
            }
        }
        if !readers.is_empty() {
            let options = DescribeConsumerGroupsOptions::default().timeout(timeout);
            let answers =
                self.call(patience, async |client| client.describe_consumer_groups(readers.iter(), options).await.map_err(|error| call_error(&error)));
            take_descriptions(&mut described, &readers, answers, |group| GroupDescription {
                kind: Some(kind_of(&group.group_type)),
                state: told(group.state),
                members: Ok(group.members.into_iter().map(member_of).collect()),
            });
        }
        if !streams.is_empty() {
            let options = DescribeStreamsGroupsOptions::default().timeout(timeout);
            let answers = self.call(patience, async |client| client.describe_streams_groups(streams.iter(), options).await.map_err(|error| call_error(&error)));
            take_descriptions(&mut described, &streams, answers, streams_description);
        }
        described
    }

    fn committed(&self, groups: &[OffsetsOf<'_>], patience: &Patience<'_>) -> Vec<Result<Vec<CommittedOffset>, CallError>> {
        let timeout = patience.timeout;
        let answers = self.call(patience, async |client| {
            let client = &client;
            Ok(futures::stream::iter(groups).map(async |group| committed_of(client, group, timeout).await).buffered(GROUPS_AT_ONCE).collect().await)
        });
        answers.unwrap_or_else(|error: CallError| groups.iter().map(|_| Err(error.clone())).collect())
    }

    fn offsets(&self, partitions: &[PartitionName], which: Which, patience: &Patience<'_>, each: &mut EachOffset<'_>) -> Result<(), CallError> {
        let spec = if which == Which::Earliest { OffsetSpec::Earliest } else { OffsetSpec::Latest };
        let options = ListOffsetsOptions::default().timeout(patience.timeout).read_committed(which == Which::LastStable);
        let asked = partitions.iter().map(|partition| (partition_of(partition), spec));
        let offsets = self.call(patience, async |client| client.list_offsets(asked, options).await.map_err(|error| call_error(&error)))?;
        for (at, offset) in offsets {
            each(&at.topic, at.partition, offset.map(|offset| offset.offset).map_err(|error| code_of(&error)));
        }
        Ok(())
    }

    fn topic_ids(&self, topics: &[&str], patience: &Patience<'_>) -> Result<HashMap<String, String>, CallError> {
        let options = DescribeTopicsOptions::default().timeout(patience.timeout);
        let described = self.call(patience, async |client| client.describe_topics(topics, options).await.map_err(|error| call_error(&error)))?;
        Ok(described.into_iter().filter_map(|(topic, described)| Some((topic, topic_id_text(described.ok()?.topic_id)?))).collect())
    }

    fn open_transactions(&self, partitions: &[PartitionName], patience: &Patience<'_>) -> Result<HashMap<(String, i32), OpenTransaction>, CallError> {
        let timeout = patience.timeout;
        let asked: Vec<TopicPartition> = partitions.iter().take(MOST_TRANSACTIONS).map(partition_of).collect();
        self.call(patience, async |client| {
            let producers = client.describe_producers(asked, DescribeProducersOptions::default().timeout(timeout)).await.map_err(|error| call_error(&error))?;
            // The oldest one is what holds the last stable offset.
            let oldest: Vec<(TopicPartition, i64, i64)> = producers
                .into_iter()
                .filter_map(|(at, producers)| {
                    let open = producers.ok()?.into_iter().filter_map(|p| Some((p.current_transaction_start_offset?, p.producer_id)));
                    open.min().map(|(first_offset, producer_id)| (at, first_offset, producer_id))
                })
                .collect();
            let names = transactional_ids(&client, oldest.iter().map(|(.., producer_id)| *producer_id).collect(), timeout).await;
            Ok(oldest
                .into_iter()
                .map(|(at, first_offset, producer_id)| {
                    let known = names.get(&producer_id);
                    let transaction = OpenTransaction {
                        transactional_id: known.map(|(name, _)| name.clone()),
                        since_ns: known.and_then(|(_, since_ms)| *since_ms).map(|ms| ms.saturating_mul(1_000_000)),
                        since_at_least: false,
                        first_offset: Some(first_offset),
                    };
                    ((at.topic, at.partition), transaction)
                })
                .collect())
        })
    }
}

/// Who these producers are, and since when each has had its transaction open (ms), as far as the coordinators say.
async fn transactional_ids(client: &AdminClient, mut producers: Vec<i64>, timeout: Duration) -> HashMap<i64, (String, Option<i64>)> {
    producers.sort_unstable();
    producers.dedup();
    if producers.is_empty() {
        return HashMap::new();
    }
    let listed = client.list_transactions(ListTransactionsOptions::default().timeout(timeout).producer_ids(producers)).await.unwrap_or_default();
    let mut names: HashMap<i64, (String, Option<i64>)> =
        listed.into_values().flatten().flatten().map(|listed| (listed.producer_id, (listed.transactional_id, None))).collect();
    let asked: Vec<&String> = names.values().map(|(name, _)| name).take(MOST_TRANSACTIONS).collect();
    if asked.is_empty() {
        return names;
    }
    let described = client.describe_transactions(asked, DescribeTransactionsOptions::default().timeout(timeout)).await.unwrap_or_default();
    for (name, since_ms) in names.values_mut() {
        *since_ms = described.get(name).and_then(|answer| answer.as_ref().ok()).map(|known| known.start_time_ms).filter(|ms| *ms > 0);
    }
    names
}

fn take_descriptions<T>(
    described: &mut HashMap<String, Result<GroupDescription, CallError>>,
    asked: &[&String],
    answers: Result<StdHashMap<String, krafka::Result<T>>, CallError>,
    describe: impl Fn(T) -> GroupDescription,
) {
    match answers {
        Ok(answers) => described.extend(answers.into_iter().map(|(group, answer)| (group, answer.map(&describe).map_err(|error| call_error(&error))))),
        Err(error) => described.extend(asked.iter().map(|group| ((*group).clone(), Err(error.clone())))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_at_once_whatever_its_threads_still_wait_for() {
        const LONG: Duration = Duration::from_secs(20);
        let asker = BrokerAsker::new(&Config::new("shop", "127.0.0.1:9"), &Arc::default()).expect("made");
        let ((let_go, waits), (begin, begun)) = (std::sync::mpsc::sync_channel::<()>(1), std::sync::mpsc::sync_channel(1));
        let runtime = asker.runtime.as_ref().expect("until it goes");
        let _goes_on = runtime.spawn_blocking(move || {
            begin.send(()).expect("heard");
            let _let_go = waits.recv_timeout(LONG);
        });
        begun.recv_timeout(LONG).expect("begun");
        drop(asker);
        let_go.send(()).expect("it still waits");
    }
}
