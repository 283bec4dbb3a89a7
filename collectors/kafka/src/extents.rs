//! Which offsets of a topic's partitions hold records, now and of a span of time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::asking::{Ask, BrokerAsker, EachOffset, PartitionName, Patience, Which, once};
use crate::config::Config;
use crate::failure::{CallError, Code};
use crate::native;

/// How long the brokers may take for each of their answers.
const WITHIN: Duration = Duration::from_secs(10);

/// A partition, and the offsets between which it has records: the first one, and the one behind the last.
pub type Extent = (i32, Range<i64>);

/// Of each partition of a topic, between which offsets it has records now; of a span of time (ms since the Unix epoch, its end left out), from the first
/// record that is as late as its begin to before the first one as late as its end. An error says why that is not known. Asked once and bounded in
/// time; it ends when the future is dropped.
pub async fn extents(config: &Config, topic: &str, times_ms: Option<Range<i64>>) -> Result<Vec<Extent>, String> {
    let asked: Arc<str> = topic.into();
    once(config, WITHIN, move |asker, patience| ask(asker, &asked, times_ms, patience)).await.map_err(|unanswered| match unanswered.code {
        Code::UNKNOWN_TOPIC_OR_PARTITION => format!("there is no topic {topic}. Check its name"),
        _ => unanswered.words,
    })
}

fn ask(asker: &BrokerAsker, topic: &Arc<str>, times_ms: Option<Range<i64>>, patience: &Patience<'_>) -> Result<Vec<Extent>, CallError> {
    let partitions: Vec<PartitionName> = asker.partitions(topic, patience)?.into_iter().map(|partition| (Arc::clone(topic), partition)).collect();
    let first = whole(&partitions, |each| asker.offsets(&partitions, Which::Earliest, patience, each))?;
    let end = whole(&partitions, |each| asker.offsets(&partitions, Which::End, patience, each))?;
    let mut extents: BTreeMap<i32, Range<i64>> = first.into_iter().map(|(partition, first)| (partition, first..end[&partition].max(first))).collect();
    if let Some(times_ms) = times_ms {
        let from = whole(&partitions, |each| asker.offsets_at(&partitions, times_ms.start, patience, each))?;
        let until = whole(&partitions, |each| asker.offsets_at(&partitions, times_ms.end, patience, each))?;
        for (partition, extent) in &mut extents {
            // Below zero: no record is as late as that.
            let within = |offset: i64| if offset < 0 { extent.end } else { offset.clamp(extent.start, extent.end) };
            let (from, until) = (within(from[partition]), within(until[partition]));
            *extent = from..until.max(from);
        }
    }
    Ok(extents.into_iter().collect())
}

/// The answer for each partition; an error where one has none.
fn whole(partitions: &[PartitionName], ask: impl FnOnce(&mut EachOffset<'_>) -> Result<(), CallError>) -> Result<BTreeMap<i32, i64>, CallError> {
    let (mut told, mut failure) = (BTreeMap::new(), None);
    ask(&mut |_, partition, offset| match offset {
        Ok(offset) => {
            told.insert(partition, offset);
        }
        Err(code) => failure = Some(CallError { code, text: format!("partition {partition}: {}", native::code_text(code)) }),
    })?;
    let missing = partitions.iter().find(|(_, partition)| !told.contains_key(partition));
    let unanswered = |(_, partition): &PartitionName| CallError { code: Code::TIMED_OUT, text: format!("partition {partition} was not answered for") };
    failure.or_else(|| missing.map(unanswered)).map_or(Ok(told), Err)
}
