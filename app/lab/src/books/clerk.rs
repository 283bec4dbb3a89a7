//! Who writes the books: a clerk for each instance, and what it has begun and not yet seen the end of.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;

use super::{Books, BreakerPage, Fact, Lost, Outcome, Tally, Way};
use crate::{breaker::State, telemetry::now_ns};

/// How many facts of an instance are remembered until its spans arrived.
const JOURNAL_LIMIT: usize = 200_000;

/// One instance's hand in the books.
#[derive(Clone)]
pub(crate) struct Clerk(Arc<Desk>);

struct Desk {
    books: Arc<Books>,
    service: &'static str,
    instance: &'static str,
    journal: Mutex<Journal>,
    /// What has begun and not ended.
    num_open: AtomicUsize,
}

/// What an instance did lately, in case it is aborted before its spans arrive.
#[derive(Default)]
struct Journal {
    recent: VecDeque<(i64, Fact)>,
    exported_until_ns: i64,
    /// Which line of `lost` it has become, once it was aborted.
    lost: Option<usize>,
}

impl Clerk {
    pub(crate) fn new(books: &Arc<Books>, service: &'static str, instance: &'static str) -> Self {
        let journal = Mutex::new(Journal { exported_until_ns: now_ns(), ..Journal::default() });
        Self(Arc::new(Desk { books: books.clone(), service, instance, journal, num_open: AtomicUsize::new(0) }))
    }

    pub(crate) fn service(&self) -> &'static str {
        self.0.service
    }

    pub(crate) fn instance(&self) -> &'static str {
        self.0.instance
    }

    /// A call is being sent.
    pub(crate) fn call(&self, way: Way, is_retry: bool) -> OpenFact {
        self.begin(Fact::Call { way, is_retry, outcome: Outcome::Failed })
    }

    /// A record is being sent.
    pub(crate) fn record(&self, channel: &'static str) -> OpenFact {
        self.begin(Fact::Record { channel })
    }

    /// A record was handed to this instance's consumer.
    pub(crate) fn delivery(&self, group: &'static str, channel: &'static str) -> OpenFact {
        self.begin(Fact::Delivery { group, channel })
    }

    fn begin(&self, fact: Fact) -> OpenFact {
        self.0.num_open.fetch_add(1, Ordering::Relaxed);
        OpenFact { clerk: self.clone(), fact: Some(fact) }
    }

    /// How many calls, records and deliveries of this instance are in progress.
    pub(crate) fn num_open(&self) -> usize {
        self.0.num_open.load(Ordering::Relaxed)
    }

    /// A breaker of this instance entered a state.
    pub(crate) fn breaker(&self, name: &'static str, state: State, at_ns: i64) {
        let page = BreakerPage { caller: self.0.service, instance: self.0.instance, name, state: state.name(), at_ns };
        self.0.books.pages.lock().breakers.push(page);
    }

    /// All spans that ended before this time have surely arrived.
    pub(crate) fn exported(&self, until_ns: i64) {
        let mut journal = self.0.journal.lock();
        journal.exported_until_ns = journal.exported_until_ns.max(until_ns);
        while journal.recent.front().is_some_and(|(at_ns, _)| *at_ns < until_ns) {
            journal.recent.pop_front();
        }
    }

    /// The instance is aborted now: what its spans may never tell is set down.
    pub(crate) fn abort(&self) {
        let mut journal = self.0.journal.lock();
        let mut pages = self.0.books.pages.lock();
        let mut counted = Tally::default();
        for (_, fact) in journal.recent.drain(..) {
            counted.add(fact);
        }
        journal.lost = Some(pages.lost.len());
        pages.lost.push(Lost {
            service: self.0.service,
            instance: self.0.instance,
            from_ns: journal.exported_until_ns,
            to_ns: now_ns(),
            counted,
            unfinished: Tally::default(),
        });
    }

    fn count(&self, fact: Fact) {
        let mut journal = self.0.journal.lock();
        let mut pages = self.0.books.pages.lock();
        pages.total.add(fact);
        if let Some(lost) = journal.lost.and_then(|at| pages.lost.get_mut(at)) {
            lost.counted.add(fact);
        } else {
            if journal.recent.len() == JOURNAL_LIMIT {
                journal.recent.pop_front();
            }
            journal.recent.push_back((now_ns(), fact));
        }
    }

    fn leave_unfinished(&self, fact: Fact) {
        let journal = self.0.journal.lock();
        if let Some(at) = journal.lost
            && let Some(lost) = self.0.books.pages.lock().lost.get_mut(at)
        {
            lost.unfinished.add(fact);
        }
    }
}

/// Something that has begun. Dropped without an end it was never seen to end, as happens to an instance that is aborted.
#[must_use = "what is never ended is never counted"]
pub(crate) struct OpenFact {
    clerk: Clerk,
    fact: Option<Fact>,
}

impl OpenFact {
    /// A call ended like this.
    pub(crate) fn end(mut self, how: Outcome) {
        if let Some(mut fact) = self.fact.take() {
            if let Fact::Call { outcome, .. } = &mut fact {
                *outcome = how;
            }
            self.clerk.count(fact);
        }
    }

    /// A record was acknowledged, or a delivery handled.
    pub(crate) fn done(self) {
        self.end(Outcome::Good);
    }

    /// It came to nothing that counts: the broker refused the record for good.
    pub(crate) fn void(mut self) {
        self.fact = None;
    }
}

impl Drop for OpenFact {
    fn drop(&mut self) {
        self.clerk.0.num_open.fetch_sub(1, Ordering::Relaxed);
        if let Some(fact) = self.fact.take() {
            self.clerk.leave_unfinished(fact);
        }
    }
}
