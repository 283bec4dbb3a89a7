//! Reads records by assignment and offers them, each once, as fast as the sink and the cap let it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_model::{Batch, ClusterRef, Offer, RecordBatch, Redactor, Sink, now_ns};

use crate::client::{self, Role};
use crate::config::Config;
use crate::control::Control;
use crate::convert::{RawRecord, RecordBuilder, timestamp_type_of};
use crate::failure::{BrokerErrors, CallError, Code};
use crate::native::{RecordQueue, RecordView};
use crate::plan::TailPlan;
use crate::progress::{AllProgress, STALLED_AFTER};
use crate::rate_cap::RateCap;
use crate::reaper;
use crate::tail_control::TailControl;

/// Size at which a batch is cut, in bytes.
const BATCH_BYTES: usize = 1 << 20;
/// Headers of a record that are looked at without taking memory for them.
const FEW_HEADERS: usize = 16;
/// Records taken from the library at once.
const MOST_AT_ONCE: usize = 256;
/// Pause before a position that is not there, or a client that failed, is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Turns records into batches and keeps the progress.
struct Intake {
    builder: RecordBuilder,
    progress: AllProgress,
    ready: VecDeque<RecordBatch>,
    epoch: u64,
    num_bytes: usize,
    /// Partitions of the records at hand by the library's topic handle.
    at_hand: Vec<(usize, i32, usize)>,
    denied: Vec<Arc<str>>,
    is_fatal: Option<String>,
}

impl Intake {
    fn take(&mut self, view: &RecordView<'_>) {
        let Some(at) = self.find(view) else { return };
        if let Some(code) = view.error() {
            return self.take_error(at, code, view);
        }
        let progress = self.progress.get_mut(at);
        if !progress.is_wanted || !progress.pass(view.offset()) {
            return;
        }
        if progress.channel.0 != self.epoch {
            progress.channel = (self.epoch, self.builder.channel(&progress.key.0));
        }
        let mut few = [(&[][..], None); FEW_HEADERS];
        let many: Vec<(&[u8], Option<&[u8]>)>;
        let mut rest = view.headers();
        let num_few = few.iter_mut().zip(&mut rest).map(|(place, header)| *place = header).count();
        let headers = match rest.next() {
            None => &few[..num_few],
            Some(next) => {
                many = few.into_iter().chain([next]).chain(rest).collect();
                &many
            }
        };
        let (timestamp_ms, timestamp_type) = view.timestamp();
        let raw = RawRecord {
            partition: view.partition(),
            offset: view.offset(),
            timestamp_ms,
            timestamp_type: timestamp_type_of(timestamp_type),
            key: view.key(),
            value: view.value(),
            headers,
        };
        self.num_bytes += raw.size_bytes();
        self.builder.add(progress.channel.1, &raw);
        if self.builder.size_bytes() >= BATCH_BYTES {
            self.cut();
        }
    }

    fn take_error(&mut self, at: usize, code: Code, view: &RecordView<'_>) {
        let progress = self.progress.get_mut(at);
        match code {
            Code::PARTITION_EOF => progress.end_seen = view.offset(),
            Code::OFFSET_OUT_OF_RANGE | Code::AUTO_OFFSET_RESET | Code::LOG_TRUNCATION => progress.is_lost = true,
            Code::TOPIC_AUTHORIZATION_FAILED => self.denied.push(Arc::clone(&progress.key.0)),
            Code::FATAL => self.is_fatal = Some(String::from_utf8_lossy(view.value().unwrap_or_default()).into_owned()),
            // The topic went (metadata will say so) or a broker is away (the library tries again).
            Code::UNKNOWN_TOPIC | Code::UNKNOWN_PARTITION | Code::UNKNOWN_TOPIC_OR_PARTITION => {}
            other => tracing::debug!(code = other.0, topic = &*progress.key.0, partition = progress.key.1, "a partition's fetch failed"),
        }
    }

    fn find(&mut self, view: &RecordView<'_>) -> Option<usize> {
        let (handle, partition) = (view.topic_handle(), view.partition());
        if let Some((.., at)) = self.at_hand.iter().rev().find(|known| (known.0, known.1) == (handle, partition)) {
            return Some(*at);
        }
        let at = self.progress.find(&view.topic(), partition)?;
        self.at_hand.push((handle, partition, at));
        Some(at)
    }

    fn cut(&mut self) {
        if self.builder.len() > 0 {
            self.ready.push_back(self.builder.finish(now_ns()));
            self.epoch += 1;
        }
    }
}

/// The tail's thread.
pub(crate) struct Tail {
    config: Arc<Config>,
    control: Arc<Control>,
    tail_control: Arc<TailControl>,
    errors: Arc<BrokerErrors>,
    sink: Sink,
    intake: Intake,
    queue: Option<RecordQueue>,
    rate_cap: Option<RateCap>,
    version: u64,
    plan: Arc<TailPlan>,
    try_again: Option<Instant>,
    /// When stalled partitions are looked for next.
    look_at: Instant,
}

enum Flush {
    Done,
    Full,
    Closed,
}

impl Tail {
    pub fn new(
        config: Arc<Config>,
        control: Arc<Control>,
        tail_control: Arc<TailControl>,
        errors: Arc<BrokerErrors>,
        sink: Sink,
        redactor: Arc<Redactor>,
    ) -> Self {
        let builder = RecordBuilder::new(sink.source(), ClusterRef::default(), redactor);
        let intake = Intake {
            builder,
            progress: AllProgress::default(),
            ready: VecDeque::new(),
            epoch: 0,
            num_bytes: 0,
            at_hand: Vec::new(),
            denied: Vec::new(),
            is_fatal: None,
        };
        let rate_cap = config.rate_cap_bytes_per_s.map(RateCap::new);
        Self {
            config,
            control,
            tail_control,
            errors,
            sink,
            intake,
            queue: None,
            rate_cap,
            version: 0,
            plan: Arc::default(),
            try_again: None,
            look_at: Instant::now(),
        }
    }

    /// Reads until the stop.
    pub fn run(mut self) {
        while !self.control.is_stopped() {
            self.take_orders();
            if self.try_again.is_some_and(|at| Instant::now() >= at) {
                self.try_again = None;
                self.mend();
            }
            if self.queue.is_none() {
                self.wait_for_orders();
                continue;
            }
            match self.flush() {
                Flush::Done => {}
                Flush::Full => continue,
                Flush::Closed => break,
            }
            self.read();
            self.look_for_stalled();
        }
        if let Some(queue) = self.queue.take() {
            reaper::retire(Box::new(queue));
        }
    }

    fn read(&mut self) {
        let Some(queue) = &self.queue else { return };
        queue.events(|event| self.errors.hear(event));
        if let Some(cap) = &mut self.rate_cap {
            let wait = cap.wait(Instant::now());
            if !wait.is_zero() {
                self.intake.cut();
                self.tail_control.report.lock().capped_at = Some(Instant::now());
                std::thread::sleep(wait.min(Duration::from_millis(20)));
                return;
            }
        }
        let intake = &mut self.intake;
        intake.at_hand.clear();
        let mut num_taken = queue.take(MOST_AT_ONCE, Duration::ZERO, |view| intake.take(view));
        if num_taken == 0 {
            // Nothing more for now: what was read goes on its way.
            intake.cut();
            if intake.ready.is_empty() {
                num_taken = queue.take(1, Duration::from_millis(100), |view| intake.take(view));
            }
        }
        if num_taken > 0 {
            self.after_taking();
        }
    }

    fn after_taking(&mut self) {
        let num_bytes = std::mem::take(&mut self.intake.num_bytes);
        if let Some(cap) = &mut self.rate_cap {
            cap.spend(num_bytes);
        }
        let is_troubled = !self.intake.denied.is_empty() || self.intake.is_fatal.is_some();
        let mut report = self.tail_control.report.lock();
        report.num_unreadable = self.intake.builder.num_unreadable();
        if is_troubled {
            report.denied.extend(self.intake.denied.drain(..).map(|topic| (topic, Instant::now())));
            if let Some(why) = self.intake.is_fatal.take() {
                report.trouble = Some(format!("records cannot be read: {why}"));
                drop(report);
                self.drop_client();
                return;
            }
        } else {
            report.trouble = None;
        }
        drop(report);
        if self.try_again.is_none() && self.intake.progress.iter().any(|progress| progress.is_lost) {
            self.try_again = Some(Instant::now());
        }
    }

    /// Offers what is ready, waiting a little for room.
    fn flush(&mut self) -> Flush {
        while let Some(batch) = self.intake.ready.pop_front() {
            match self.sink.offer_within(Batch::Records(batch), Duration::from_millis(50)) {
                Offer::Taken => {
                    let mut report = self.tail_control.report.lock();
                    report.full_since = None;
                }
                Offer::Full(Batch::Records(batch)) => {
                    self.intake.ready.push_front(batch);
                    self.tail_control.report.lock().full_since.get_or_insert_with(Instant::now);
                    return Flush::Full;
                }
                Offer::Full(_) | Offer::Closed(_) => return Flush::Closed,
            }
        }
        Flush::Done
    }

    fn wait_for_orders(&self) {
        let mut orders = self.tail_control.orders.lock();
        if orders.version == self.version {
            self.tail_control.changed.wait_for(&mut orders, Duration::from_millis(100));
        }
    }

    fn take_orders(&mut self) {
        let orders = {
            let mut orders = self.tail_control.orders.lock();
            if orders.version == self.version {
                return;
            }
            let taken = orders.clone();
            orders.forgotten.clear();
            taken
        };
        self.version = orders.version;
        self.plan = orders.plan;
        // What is in the batch was read under the cluster's old name.
        self.intake.cut();
        self.intake.builder.set_cluster(orders.cluster);
        for topic in &orders.forgotten {
            self.intake.progress.forget(topic);
        }
        self.apply_plan();
    }

    /// Brings the client's assignment in line with the plan.
    fn apply_plan(&mut self) {
        for progress in self.intake.progress.iter_mut() {
            progress.is_wanted = self.plan.contains_key(&progress.key);
        }
        for (key, start) in &*self.plan {
            self.intake.progress.want(key, *start);
        }
        if self.queue.is_none() {
            if self.plan.is_empty() {
                return;
            }
            if let Err(why) = self.make_client() {
                self.fail(why);
                return;
            }
        }
        if let Some(queue) = &self.queue {
            for progress in self.intake.progress.iter_mut() {
                if progress.is_assigned && (!progress.is_wanted || progress.is_moved) {
                    queue.stop(&progress.key.0, progress.key.1);
                    progress.is_assigned = false;
                }
                progress.is_moved = false;
            }
        }
        self.assign();
    }

    /// Gives the client all that is wanted and not read yet.
    fn assign(&mut self) {
        let Some(queue) = &self.queue else { return };
        let mut done = Ok(());
        for progress in self.intake.progress.iter_mut().filter(|progress| progress.is_wanted && !progress.is_assigned && !progress.is_lost) {
            done = queue.start(&progress.key.0, progress.key.1, progress.next);
            if done.is_err() {
                break;
            }
            progress.is_assigned = true;
        }
        if let Err(error) = done {
            // A client in doubt is replaced; positions are kept.
            self.tail_control.report.lock().trouble = Some(format!("records cannot be read: {error}"));
            self.drop_client();
        }
    }

    /// Replaces the client if a partition gives nothing though the brokers say that there is more.
    fn look_for_stalled(&mut self) {
        let now = Instant::now();
        if now < self.look_at {
            return;
        }
        // While the sink was full nobody read, and nothing stood still for the library's sake.
        let was_held = now.duration_since(self.look_at) > Duration::from_secs(1);
        self.look_at = now + Duration::from_millis(500);
        let is_capped = self.rate_cap.is_some() && self.tail_control.report.lock().capped_at.is_some_and(|at| at.elapsed() < STALLED_AFTER);
        let is_held = was_held || is_capped;
        let ends = self.tail_control.ends.lock();
        let is_stalled = self.intake.progress.is_any_stalled((!is_held).then_some(&*ends), now);
        drop(ends);
        if !is_stalled {
            return;
        }
        tracing::info!("a partition gives nothing though there is more in it; its client is replaced");
        self.drop_client();
    }

    fn make_client(&mut self) -> Result<(), String> {
        let control = Arc::clone(&self.control);
        if !reaper::admit(&move || control.is_stopped()) {
            return Err("stopped".to_owned());
        }
        let client = client::make(&self.config, Role::Tail, &self.errors).map_err(|failure| failure.detail)?;
        self.queue = Some(RecordQueue::new(client).map_err(|error: CallError| error.text)?);
        Ok(())
    }

    fn drop_client(&mut self) {
        if let Some(queue) = self.queue.take() {
            reaper::retire(Box::new(queue));
        }
        for progress in self.intake.progress.iter_mut() {
            progress.is_assigned = false;
            progress.stalled_since = None;
        }
        self.try_again = Some(Instant::now() + TRY_AGAIN);
    }

    fn fail(&mut self, why: String) {
        self.tail_control.report.lock().trouble = Some(why);
        self.try_again = Some(Instant::now() + TRY_AGAIN);
    }

    /// Makes a client that is missing, and finds positions that are not there any more.
    fn mend(&mut self) {
        if self.queue.is_none() {
            if self.plan.is_empty() {
                return;
            }
            if let Err(why) = self.make_client() {
                return self.fail(why);
            }
        }
        let Some(queue) = &self.queue else { return };
        let mut num_expired = 0_i64;
        for progress in self.intake.progress.iter_mut().filter(|progress| progress.is_wanted && progress.is_lost) {
            match queue.client().fetch_watermarks(&progress.key.0, progress.key.1, TRY_AGAIN) {
                Ok((low, high)) => {
                    num_expired = num_expired.saturating_add(progress.relocate(low, high));
                    if std::mem::take(&mut progress.is_assigned) {
                        queue.stop(&progress.key.0, progress.key.1);
                    }
                }
                Err(error) => {
                    tracing::debug!(topic = &*progress.key.0, "watermarks of a lost position are unknown: {error}");
                    self.try_again = Some(Instant::now() + TRY_AGAIN);
                    break;
                }
            }
            if self.control.is_stopped() {
                return;
            }
        }
        {
            let mut report = self.tail_control.report.lock();
            report.num_expired = report.num_expired.saturating_add(num_expired);
        }
        self.assign();
    }
}
