//! Which offsets of a topic's partitions hold records: of one partition now, and of a span of time in all of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use switchboard_model::{FailureKind, OperationFailure};

use crate::asking::{Ask, BrokerAsker, EachOffset, PartitionName, Patience, Unanswered, Which, once};
use crate::client::{self, Role};
use crate::config::Config;
use crate::failure::{BrokerErrors, CallError, Code};
use crate::native::{self, EventQueue};
use crate::reaper;

/// How long the brokers may take for each of their answers.
const WITHIN: Duration = Duration::from_secs(10);
/// How often what a client asks for by itself is looked after while it connects.
const LOOK: Duration = Duration::from_millis(25);
/// Why nothing is known of a partition that nobody leads.
const NO_LEADER: &str = "it has no leader now";
const WAIT_FOR_LEADER: &str = "Wait until a broker leads it again, or start the one that does";

/// A partition, and the offsets between which it has records: the first one, and the one behind the last; or why that is not known of it.
pub type Extent = (i32, Result<Range<i64>, String>);

/// Between which offsets a partition of a topic has records now: the first one, and the one behind the last. No other partition is asked. Asked once and
/// bounded in time; it ends when the future is dropped.
pub async fn extent(config: &Config, topic: &str, partition: i32) -> Result<Range<i64>, OperationFailure> {
    let asked: Arc<str> = topic.into();
    once(config, WITHIN, move |asker, patience| ask_one(asker, &asked, partition, patience)).await.unwrap_or_else(|unanswered| Err(failure(topic, unanswered)))
}

/// Of each partition of a topic, between which offsets lies what is of a span of time (ms since the Unix epoch, its end left out): from the first
/// record that is as late as its begin to before the first one as late as its end. A partition of which that is not known says why; an error says why
/// it is known of none. Asked once and bounded in time; it ends when the future is dropped.
pub async fn extents_of_times(config: &Config, topic: &str, times_ms: Range<i64>) -> Result<Vec<Extent>, OperationFailure> {
    let (asked, own): (Arc<str>, Config) = (topic.into(), config.clone());
    let told = once(config, WITHIN, move |asker, patience| ask_times(&own, asker, &asked, &times_ms, patience)).await;
    told.unwrap_or_else(|unanswered| Err(failure(topic, unanswered)))
}

fn failure(topic: &str, unanswered: Unanswered) -> OperationFailure {
    match unanswered.code {
        Code::UNKNOWN_TOPIC_OR_PARTITION => told(format!("there is no topic {topic}"), "Check its name"),
        Code::LEADER_NOT_AVAILABLE => told(unanswered.failure.detail, WAIT_FOR_LEADER),
        _ => unanswered.failure.into(),
    }
}

/// What the brokers told, and why it is no answer.
fn told(reason: String, next_step: &str) -> OperationFailure {
    OperationFailure { kind: FailureKind::Peer, reason, next_step: next_step.to_owned() }
}

fn ask_one(asker: &BrokerAsker, topic: &Arc<str>, partition: i32, patience: &Patience<'_>) -> Result<Result<Range<i64>, OperationFailure>, CallError> {
    let partitions = asker.partitions(topic, patience)?;
    let Some((_, has_leader)) = partitions.iter().find(|(known, _)| *known == partition) else {
        return Ok(Err(told(format!("{topic} has no partition {partition}: it has {}, from 0 on", partitions.len()), "Correct the range")));
    };
    if !has_leader {
        return Ok(Err(told(format!("partition {partition} of {topic} cannot be read: {NO_LEADER}"), WAIT_FOR_LEADER)));
    }
    let mut bounds = bounds(asker, &[(Arc::clone(topic), partition)], patience)?;
    let lies = bounds.remove(&partition).unwrap_or(Err(Code::TIMED_OUT));
    lies.map(Ok).map_err(|code| CallError { code, text: format!("partition {partition} of {topic}: {}", native::code_text(code)) })
}

fn ask_times(
    config: &Config,
    asker: &BrokerAsker,
    topic: &Arc<str>,
    times_ms: &Range<i64>,
    patience: &Patience<'_>,
) -> Result<Result<Vec<Extent>, OperationFailure>, CallError> {
    let partitions = asker.partitions(topic, patience)?;
    let led: Vec<PartitionName> = partitions.iter().filter(|(_, has_leader)| *has_leader).map(|(partition, _)| (Arc::clone(topic), *partition)).collect();
    let bounds = bounds(asker, &led, patience)?;
    let known: Vec<i32> = bounds.iter().filter(|(_, lies)| lies.is_ok()).map(|(partition, _)| *partition).collect();
    if known.is_empty() {
        let code = bounds.values().find_map(|lies| lies.as_ref().err().copied());
        let no_leader = || Ok(Err(told(format!("no partition of {topic} has a leader now"), WAIT_FOR_LEADER)));
        return code.map_or_else(no_leader, |code| Err(CallError { code, text: native::code_text(code) }));
    }
    let [from, until] = offsets_at(config, topic, &known, times_ms, asker.errors(), patience)?;
    let extents = partitions.into_iter().map(|(partition, _)| {
        let extent = match bounds.get(&partition) {
            None => Err(NO_LEADER.to_owned()),
            Some(Err(code)) => Err(native::code_text(*code)),
            Some(Ok(lies)) => {
                // Below zero: no record is as late as that.
                let within = |offset: i64| if offset < 0 { lies.end } else { offset.clamp(lies.start, lies.end) };
                let both = from.get(&partition).zip(until.get(&partition)).map(|(from, until)| (within(*from), within(*until)));
                both.map(|(from, until)| from..until.max(from)).ok_or_else(|| "its leader did not say which of its records are of that time".to_owned())
            }
        };
        (partition, extent)
    });
    Ok(Ok(extents.collect()))
}

/// Between which offsets partitions have records now, or the code of why that is not known.
fn bounds(asker: &BrokerAsker, partitions: &[PartitionName], patience: &Patience<'_>) -> Result<BTreeMap<i32, Result<Range<i64>, Code>>, CallError> {
    let first = answers(partitions, |each| asker.offsets(partitions, Which::Earliest, patience, each))?;
    // Who did not tell the one is not asked for the other.
    let left: Vec<PartitionName> = partitions.iter().filter(|(_, partition)| first[partition].is_ok()).cloned().collect();
    let end = answers(&left, |each| asker.offsets(&left, Which::End, patience, each))?;
    let lies = |partition: i32, first: Result<i64, Code>| {
        let first = first?;
        Ok(first..end.get(&partition).copied().unwrap_or(Err(Code::TIMED_OUT))?.max(first))
    };
    Ok(first.into_iter().map(|(partition, first)| (partition, lies(partition, first))).collect())
}

/// The answer for each partition, or the code of why it has none.
fn answers(
    partitions: &[PartitionName],
    ask: impl FnOnce(&mut EachOffset<'_>) -> Result<(), CallError>,
) -> Result<BTreeMap<i32, Result<i64, Code>>, CallError> {
    let mut told: BTreeMap<i32, Result<i64, Code>> = partitions.iter().map(|(_, partition)| (*partition, Err(Code::TIMED_OUT))).collect();
    if !partitions.is_empty() {
        ask(&mut |_, partition, offset| {
            told.insert(partition, offset);
        })?;
    }
    Ok(told)
}

/// The first offsets of partitions that are as late as the begin and the end of a span; below zero where no record is. By librdkafka, for which that is an
/// answer: krafka takes it for a failure, and asks again until its time is over.
fn offsets_at(
    config: &Config,
    topic: &str,
    partitions: &[i32],
    times_ms: &Range<i64>,
    errors: &Arc<BrokerErrors>,
    patience: &Patience<'_>,
) -> Result<[HashMap<i32, i64>; 2], CallError> {
    if !reaper::admit(patience.stopped) {
        return Err(CallError::stopped());
    }
    let client = client::make(config, Role::Observe, errors).map_err(|failure| CallError::local(&failure.detail))?;
    let queue = EventQueue::new(client)?;
    let found = connect(&queue, errors, patience).and_then(|()| {
        let at = |time_ms| {
            if (patience.stopped)() {
                Err(CallError::stopped())
            } else {
                native::offsets_for_time(queue.client(), topic, partitions, time_ms, patience.timeout)
            }
        };
        Ok([at(times_ms.start)?, at(times_ms.end)?])
    });
    queue.events(|event| errors.hear(event));
    reaper::retire(Box::new(queue));
    found
}

/// Waits until a client is connected. What it asks for by itself is served in between: without its token it connects to nobody.
fn connect(queue: &EventQueue, errors: &BrokerErrors, patience: &Patience<'_>) -> Result<(), CallError> {
    let deadline = Instant::now() + patience.timeout;
    loop {
        queue.events(|event| errors.hear(event));
        let left = deadline.saturating_duration_since(Instant::now());
        if queue.client().fetch_cluster_id(left.min(LOOK)).is_some_and(|id| !id.is_empty()) {
            return Ok(());
        }
        if (patience.stopped)() {
            return Err(CallError::stopped());
        }
        if left.is_zero() {
            return Err(CallError { code: Code::TIMED_OUT, text: "no answer within the time-out".to_owned() });
        }
    }
}
