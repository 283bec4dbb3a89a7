//! Reads records again by their offsets, byte for byte: by assignment, each partition in one pass, bounded in bytes and time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_model::{OriginalRecord, Place, RawHash, RawHeader, Redactor, SeenRecord, Skipped, TimestampType};

use crate::asking::{Ask, BrokerAsker, PartitionName, Patience, Which};
use crate::cancel::{Cancel, CancelOnDrop};
use crate::client::{self, Role};
use crate::config::Config;
use crate::convert::{RawRecord, timestamp_type_of};
use crate::failure::{BrokerErrors, CallError, Code, describe};
use crate::native::{self, RecordQueue, RecordView};
use crate::reaper;

/// What one reading may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of keys, values and headers of all records that are handed out.
    pub max_bytes: u64,
    /// Time from the call to the answer.
    pub timeout: Duration,
}

impl Default for ReadLimits {
    /// 64 MiB and 30 s.
    fn default() -> Self {
        Self { max_bytes: 64 << 20, timeout: Duration::from_secs(30) }
    }
}

/// Records taken from the library at once.
const MOST_AT_ONCE: usize = 256;
/// Offsets between two wanted records from which on it is quicker to ask for the next one than to read what lies between.
const LONG_WAY: i64 = 2_000;
/// How soon a cancel is noticed.
const LOOK: Duration = Duration::from_millis(50);
/// How long the reading may take to end once it was cancelled; what holds it up longer, as a command that is asked for a token, is left
/// behind and ends by itself.
const FOLLOWED_WITHIN: Duration = Duration::from_millis(100);

/// Reads records again from their channel: the answers stand in the order of the records. A record is handed out only if its raw
/// bytes have the hash they had when it was stored, where that is known. Needs no permit, joins no group and commits nothing. Ends within 200 ms after a
/// cancel, or when the future is dropped.
pub async fn read_originals(
    config: &Config,
    redactor: Arc<Redactor>,
    seen: Vec<SeenRecord>,
    limits: ReadLimits,
    cancel: Cancel,
) -> Vec<Result<OriginalRecord, Skipped>> {
    let num_records = seen.len();
    if num_records == 0 {
        return Vec::new();
    }
    let refused = |why: String| vec![Err(Skipped::Refused(why)); num_records];
    let (answer, answered) = tokio::sync::oneshot::channel();
    let dropped = CancelOnDrop(Cancel::default());
    let ends = [cancel.clone(), dropped.0.clone()];
    let config = config.clone();
    let spawned = std::thread::Builder::new().name("kafka-originals".to_owned()).spawn(move || {
        let is_cancelled = || ends.iter().any(Cancel::is_cancelled);
        let _ = answer.send(Reading::new(&config, &redactor, seen, limits).run(&is_cancelled));
    });
    match spawned {
        Ok(_) => tokio::select! {
            biased;
            answer = answered => answer.unwrap_or_else(|_| refused("the reading ended unexpectedly. Try again".to_owned())),
            () = is_overdue(&cancel) => vec![Err(Skipped::Cancelled); num_records],
        },
        Err(error) => refused(format!("no thread could be started: {error}. Raise the limit on threads of this user")),
    }
}

/// Comes back once a cancel was not followed in time.
async fn is_overdue(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(LOOK).await;
    }
    tokio::time::sleep(FOLLOWED_WITHIN).await;
}

/// A partition with the records wanted from it.
struct Part {
    topic: String,
    partition: i32,
    /// Offset, and index of the record that is asked for; sorted.
    wanted: Vec<(i64, usize)>,
    /// How many of them are settled.
    num_settled: usize,
    /// What the brokers said: first and end offset, or why not.
    low: Option<Result<i64, Code>>,
    high: Option<Result<i64, Code>>,
    is_assigned: bool,
    /// Where it stands is far from what is wanted next, or is not there any more.
    is_astray: bool,
}

impl Part {
    fn next(&self) -> Option<i64> {
        self.wanted.get(self.num_settled).map(|(offset, _)| *offset)
    }

    fn key(&self) -> (String, i32) {
        (self.topic.clone(), self.partition)
    }
}

struct Reading<'a> {
    config: &'a Config,
    redactor: &'a Redactor,
    limits: ReadLimits,
    deadline: Instant,
    seen: Vec<SeenRecord>,
    settled: Vec<Option<Result<OriginalRecord, Skipped>>>,
    parts: Vec<Part>,
    by_key: HashMap<(String, i32), usize>,
    num_bytes: u64,
    is_full: bool,
    errors: Arc<BrokerErrors>,
}

impl<'a> Reading<'a> {
    fn new(config: &'a Config, redactor: &'a Redactor, seen: Vec<SeenRecord>, limits: ReadLimits) -> Self {
        let mut wanted: BTreeMap<(&str, i32), Vec<(i64, usize)>> = BTreeMap::new();
        let mut settled = vec![None; seen.len()];
        for (at, record) in seen.iter().enumerate() {
            if let Place::Offset { partition, offset } = record.at.place {
                wanted.entry((&record.at.channel, partition)).or_default().push((offset, at));
            } else {
                let why = "its place is no partition and offset: it was not read from Kafka. Choose what a Kafka source has read";
                settled[at] = Some(Err(Skipped::Refused(why.to_owned())));
            }
        }
        let parts: Vec<Part> = wanted
            .into_iter()
            .map(|((topic, partition), mut wanted)| {
                wanted.sort_unstable();
                Part { topic: topic.to_owned(), partition, wanted, num_settled: 0, low: None, high: None, is_assigned: false, is_astray: false }
            })
            .collect();
        Self {
            config,
            redactor,
            limits,
            deadline: Instant::now() + limits.timeout,
            settled,
            seen,
            by_key: parts.iter().enumerate().map(|(at, part)| (part.key(), at)).collect(),
            parts,
            num_bytes: 0,
            is_full: false,
            errors: Arc::default(),
        }
    }

    fn run(mut self, is_cancelled: &dyn Fn() -> bool) -> Vec<Result<OriginalRecord, Skipped>> {
        let refused = self.read(is_cancelled).err().filter(|_| !is_cancelled());
        let rest = if is_cancelled() {
            Skipped::Cancelled
        } else if self.is_full {
            Skipped::TooManyBytes { limit_bytes: self.limits.max_bytes }
        } else if let Some(why) = refused {
            Skipped::Refused(why)
        } else {
            Skipped::TimedOut { seconds: self.limits.timeout.as_secs() }
        };
        self.settled.into_iter().map(|settled| settled.unwrap_or_else(|| Err(rest.clone()))).collect()
    }

    /// Reads until all is settled, the time is over, or there is no more room. An error is why nothing more can be read.
    fn read(&mut self, is_cancelled: &dyn Fn() -> bool) -> Result<(), String> {
        if self.parts.is_empty() || !reaper::admit(is_cancelled) {
            return Ok(());
        }
        let words = |failure: crate::failure::Failure| format!("{}. {}", failure.detail, failure.next_step);
        let ask = BrokerAsker::new(self.config, &self.errors).map_err(words)?;
        let client = client::make(self.config, Role::Reread, &self.errors).map_err(words)?;
        let queue = RecordQueue::new(client).map_err(|error| words(describe(&self.config.brokers, &error)))?;
        let done = self.locate(&ask, is_cancelled).map_err(|error| {
            queue.events(|event| self.errors.hear(event));
            let failure = self.errors.explain(&self.config.brokers, Some(&error));
            words(failure.unwrap_or_else(|| describe(&self.config.brokers, &error)))
        });
        let done = done.and_then(|()| self.read_from(&queue, &ask, is_cancelled));
        reaper::retire(Box::new(queue));
        done
    }

    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    fn is_over(&self, is_cancelled: &dyn Fn() -> bool) -> bool {
        is_cancelled() || self.is_full || self.time_left().is_zero() || self.parts.iter().all(|part| part.next().is_none())
    }

    /// Asks where the partitions begin and end, and settles what lies before or behind.
    fn locate(&mut self, ask: &dyn Ask, is_cancelled: &dyn Fn() -> bool) -> Result<(), CallError> {
        for which in [Which::Earliest, Which::End] {
            let patience = Patience { timeout: self.time_left(), stopped: is_cancelled };
            let (parts, by_key) = (&mut self.parts, &self.by_key);
            let asked: Vec<PartitionName> =
                parts.iter().filter(|part| part.next().is_some()).map(|part| (part.topic.as_str().into(), part.partition)).collect();
            ask.offsets(&asked, which, &patience, &mut |topic, partition, offset| {
                if let Some(at) = by_key.get(&(topic.to_owned(), partition)) {
                    let part = &mut parts[*at];
                    *(if which == Which::Earliest { &mut part.low } else { &mut part.high }) = Some(offset);
                }
            })?;
        }
        for at in 0..self.parts.len() {
            let (low, high) = match (self.parts[at].low, self.parts[at].high) {
                (Some(Ok(low)), Some(Ok(high))) => (low, high),
                (Some(Err(code)), _) | (_, Some(Err(code))) => {
                    self.refuse(at, code);
                    continue;
                }
                _ => continue,
            };
            while self.parts[at].next().is_some_and(|next| next < low) {
                self.settle_next(at, &Skipped::Expired { low_watermark: low });
            }
            let part = &mut self.parts[at];
            let end = part.wanted.partition_point(|(offset, _)| *offset < high).max(part.num_settled);
            for (_, index) in part.wanted.drain(end..) {
                self.settled[index] = Some(Err(Skipped::Gone));
            }
            self.parts[at].is_astray = true;
        }
        Ok(())
    }

    fn read_from(&mut self, queue: &RecordQueue, ask: &dyn Ask, is_cancelled: &dyn Fn() -> bool) -> Result<(), String> {
        let mut handles: HashMap<(usize, i32), usize> = HashMap::new();
        while !self.is_over(is_cancelled) {
            self.assign(queue)?;
            queue.events(|event| self.errors.hear(event));
            let mut lost = Vec::new();
            // Handles are told apart only as long as their records live.
            handles.clear();
            queue.take(MOST_AT_ONCE, LOOK.min(self.time_left()), |view| {
                let key = (view.topic_handle(), view.partition());
                let at = match handles.get(&key) {
                    Some(at) => *at,
                    None => match self.by_key.get(&(view.topic().into_owned(), view.partition())) {
                        Some(at) => *handles.entry(key).or_insert(*at),
                        None => return,
                    },
                };
                match view.error() {
                    None => self.take(at, view),
                    Some(Code::PARTITION_EOF) => self.pass(at, view.offset()),
                    Some(Code::OFFSET_OUT_OF_RANGE | Code::AUTO_OFFSET_RESET | Code::LOG_TRUNCATION) => lost.push(at),
                    Some(code @ (Code::TOPIC_AUTHORIZATION_FAILED | Code::UNKNOWN_TOPIC | Code::UNKNOWN_PARTITION | Code::UNKNOWN_TOPIC_OR_PARTITION)) => {
                        self.refuse(at, code);
                    }
                    Some(code) => tracing::debug!(code = code.0, "a partition's fetch failed while reading again; the library tries again"),
                }
            });
            if !lost.is_empty() && !self.is_over(is_cancelled) {
                // Retention moved the beginning while this was read.
                self.locate(ask, is_cancelled).map_err(|error| error.text)?;
            }
        }
        Ok(())
    }

    /// Brings the assignment in line with what is still wanted.
    fn assign(&mut self, queue: &RecordQueue) -> Result<(), String> {
        for part in &mut self.parts {
            let next = part.next();
            if part.is_assigned && (next.is_none() || part.is_astray) {
                queue.stop(&part.topic, part.partition);
                part.is_assigned = false;
            }
            if let Some(next) = next
                && !part.is_assigned
            {
                queue.start(&part.topic, part.partition, next).map_err(|error| format!("the client cannot be told what to read: {error}"))?;
                part.is_assigned = true;
            }
            part.is_astray = false;
        }
        Ok(())
    }

    /// No record lies before this offset any more that was not handed out.
    fn pass(&mut self, at: usize, offset: i64) {
        while !self.is_full && self.parts[at].next().is_some_and(|next| next < offset) {
            self.settle_next(at, &Skipped::Gone);
        }
    }

    fn take(&mut self, at: usize, view: &RecordView<'_>) {
        let offset = view.offset();
        if self.is_full {
            return;
        }
        self.pass(at, offset);
        let headers: Vec<(&[u8], Option<&[u8]>)> = view.headers().collect();
        let (timestamp_ms, timestamp_type) = view.timestamp();
        let raw = RawRecord {
            partition: view.partition(),
            offset,
            timestamp_ms,
            timestamp_type: timestamp_type_of(timestamp_type),
            key: view.key(),
            value: view.value(),
            headers: &headers,
        };
        let mut hash = None;
        while self.parts[at].next() == Some(offset) {
            let (_, index) = self.parts[at].wanted[self.parts[at].num_settled];
            let hash = *hash.get_or_insert_with(|| raw.raw_hash(self.redactor));
            let wanted = self.seen[index].raw_hash;
            let answer = if wanted == RawHash::UNKNOWN || hash == wanted { original(&self.seen[index], &raw) } else { Err(Skipped::Changed) };
            if answer.is_ok() {
                self.num_bytes += raw.size_bytes() as u64;
                if self.num_bytes > self.limits.max_bytes {
                    self.is_full = true;
                    return;
                }
            }
            self.settled[index] = Some(answer);
            self.parts[at].num_settled += 1;
        }
        let part = &mut self.parts[at];
        part.is_astray |= part.next().is_some_and(|next| next - offset > LONG_WAY);
    }

    fn settle_next(&mut self, at: usize, why: &Skipped) {
        let part = &mut self.parts[at];
        if let Some((_, index)) = part.wanted.get(part.num_settled) {
            self.settled[*index] = Some(Err(why.clone()));
            part.num_settled += 1;
        }
    }

    /// The brokers do not hand this partition out.
    fn refuse(&mut self, at: usize, code: Code) {
        let part = &self.parts[at];
        let why = Skipped::Refused(format!("{}/{}: {}", part.topic, part.partition, native::code_text(code)));
        while self.parts[at].next().is_some() {
            self.settle_next(at, &why);
        }
    }
}

fn original(seen: &SeenRecord, raw: &RawRecord<'_>) -> Result<OriginalRecord, Skipped> {
    let headers = raw.headers.iter().map(|(name, value)| {
        let name = std::str::from_utf8(name).map_err(|_| Skipped::HeadersUnreadable)?.to_owned();
        Ok(RawHeader { name, value: value.map(<[u8]>::to_vec) })
    });
    Ok(OriginalRecord {
        seen: seen.clone(),
        key: raw.key.map(<[u8]>::to_vec),
        value: raw.value.map(<[u8]>::to_vec),
        headers: headers.collect::<Result<_, _>>()?,
        timestamp_ms: (raw.timestamp_ms >= 0).then_some(raw.timestamp_ms),
        timestamp_type: if raw.timestamp_ms < 0 { TimestampType::Unknown } else { raw.timestamp_type },
    })
}
