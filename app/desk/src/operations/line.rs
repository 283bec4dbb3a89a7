//! Between an operation's work and whoever asked for it: news one way, the word to stop the other.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use switchboard_model::{OperationEnd, OperationId, OperationNews, Progress};
use tokio::sync::{Notify, watch};

use super::registry::Shared;

/// Pages that wait to be taken, bytes in all.
pub(super) const PAGES_BYTES: usize = 4 << 20;
/// As so much a page counts at least, bytes: so their number has a bound too.
const PAGE_BYTES_MIN: usize = 256;

/// What both ends hold.
pub(super) struct Line<P> {
    told: Mutex<Told<P>>,
    /// There may be news.
    news: Notify,
    /// Whether it has ended for everybody but the work itself.
    is_over: watch::Sender<bool>,
}

/// What is told and was not taken yet.
struct Told<P> {
    progress: Option<Progress>,
    /// Each with what it counts as, bytes.
    pages: VecDeque<(P, usize)>,
    num_bytes: usize,
    end: Option<OperationEnd>,
}

impl<P> Default for Line<P> {
    fn default() -> Self {
        let told = Told { progress: None, pages: VecDeque::new(), num_bytes: 0, end: None };
        Self { told: Mutex::new(told), news: Notify::new(), is_over: watch::Sender::new(false) }
    }
}

impl<P> Line<P> {
    /// Waits until it has ended for everybody but the work itself.
    pub(super) async fn over(&self) {
        let mut is_over = self.is_over.subscribe();
        // It can not fail: the sender is held here.
        let _told = is_over.wait_for(|is_over| *is_over).await;
    }
}

/// An operation that can be ended, whatever its pages are.
pub(super) trait Ends: Send + Sync {
    /// Nothing that is told from now on counts.
    fn end(&self, how: &OperationEnd);
}

impl<P: Send> Ends for Line<P> {
    fn end(&self, how: &OperationEnd) {
        self.told.lock().end.get_or_insert_with(|| how.clone());
        self.is_over.send_replace(true);
        self.news.notify_one();
    }
}

/// The work's end: here it tells how far it is and what it found, and hears that it is to stop.
pub struct Teller<P> {
    pub(super) id: OperationId,
    pub(super) line: Arc<Line<P>>,
    pub(super) shared: Arc<Shared>,
}

impl<P> Clone for Teller<P> {
    fn clone(&self) -> Self {
        Self { id: self.id, line: Arc::clone(&self.line), shared: Arc::clone(&self.shared) }
    }
}

impl<P> Teller<P> {
    /// It is so far; what was told before of it is forgotten.
    pub fn progress(&self, progress: Progress) {
        let mut told = self.line.told.lock();
        if told.end.is_none() {
            told.progress = Some(progress);
            drop(told);
            self.line.news.notify_one();
            self.shared.change(self.id, |view| view.progress = Some(progress));
        }
    }

    /// Hands over a part of what was found, of so many bytes. False where it found no room, or came after the end: then it is gone, and
    /// counted.
    pub fn page(&self, page: P, size_bytes: usize) -> bool {
        let size_bytes = size_bytes.max(PAGE_BYTES_MIN);
        let mut told = self.line.told.lock();
        let is_late = told.end.is_some();
        if is_late || told.num_bytes + size_bytes > PAGES_BYTES {
            drop(told);
            self.shared.change(self.id, |view| if is_late { view.num_late += 1 } else { view.num_lost += 1 });
            return false;
        }
        told.num_bytes += size_bytes;
        told.pages.push_back((page, size_bytes));
        drop(told);
        self.line.news.notify_one();
        true
    }

    /// Whether it is to stop: nothing that is told from now on counts.
    pub fn is_cancelled(&self) -> bool {
        *self.line.is_over.borrow()
    }

    /// Waits until it is to stop. The work is dropped soon after in any case.
    pub async fn cancelled(&self) {
        self.line.over().await;
    }
}

/// The other end, for whoever asked for the operation. Dropping it stops nothing.
pub struct OperationHandle<P> {
    pub(super) id: OperationId,
    pub(super) line: Arc<Line<P>>,
    pub(super) shared: Arc<Shared>,
    pub(super) is_start_told: bool,
    pub(super) is_end_told: bool,
}

impl<P> OperationHandle<P> {
    /// Which operation it is.
    pub fn id(&self) -> OperationId {
        self.id
    }

    /// Stops it.
    pub fn cancel(&self) {
        self.shared.end(self.id, OperationEnd::Cancelled);
    }

    /// The next news; `None` once its end was told. Nothing is lost where this is given up before it comes.
    pub async fn next(&mut self) -> Option<OperationNews<P>> {
        while !self.is_end_told {
            if let Some(news) = self.take() {
                return Some(news);
            }
            self.line.news.notified().await;
        }
        None
    }

    /// Waits for its end, whatever else it tells.
    pub async fn end(&mut self) -> OperationEnd {
        loop {
            if let Some(end) = self.ended() {
                return end;
            }
            self.line.news.notified().await;
        }
    }

    /// How it ended; `None` = it runs.
    pub fn ended(&self) -> Option<OperationEnd> {
        self.line.told.lock().end.clone()
    }

    fn take(&mut self) -> Option<OperationNews<P>> {
        if !std::mem::replace(&mut self.is_start_told, true) {
            return Some(OperationNews::Started);
        }
        let mut told = self.line.told.lock();
        if let Some(progress) = told.progress.take() {
            return Some(OperationNews::Progress(progress));
        }
        if let Some((page, size_bytes)) = told.pages.pop_front() {
            told.num_bytes -= size_bytes;
            return Some(OperationNews::Page(page));
        }
        let end = told.end.clone()?;
        self.is_end_told = true;
        Some(OperationNews::Ended(end))
    }
}
