//! Fills batches with items and gives each away when it is full: what spans and log records have in common.

use std::ops::ControlFlow;

use switchboard_model::{Attrs, Batch, Str};

use super::columns::{Columns, Shared};
use super::context::{Context, Emit};
use super::envelope::Visit;
use super::tally::{Lost, Rejection, Tally};
use super::wire::Malformed;

/// The most items that room is made for before they are read.
const MAX_EXPECTED: u64 = 2_048;

/// The rows of one kind of item, and how such an item is read.
pub(crate) trait Rows: Default {
    /// Makes room for so many more items.
    fn reserve(&mut self, _num_items: usize) {}

    /// Where the columns stand, those of attributes at `attrs`.
    fn mark(&self, attrs: usize) -> Mark;

    /// Takes back what an item left behind since the mark.
    fn back_to(&mut self, mark: Mark);

    /// What the rows weigh, in bytes.
    fn num_bytes(&self) -> usize;

    /// Takes all rows for a batch, with the columns that every batch has; `None` = there are none.
    fn take(&mut self, shared: Shared) -> Option<Batch>;

    /// Reads an item of protobuf, whose columns go on from the mark.
    fn read_protobuf(builder: &mut Builder<'_, Self>, mark: Mark, item: &[u8]) -> Result<(), Rejection>;
}

/// Where the columns stood before an item, to go back to.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mark {
    /// Where its attributes begin.
    pub(crate) attrs: usize,
    /// Where a span's links begin.
    pub(crate) links: usize,
    /// Where a span's events begin.
    pub(crate) events: usize,
}

/// Fills batches of one kind.
pub(crate) struct Builder<'c, R> {
    pub(crate) columns: Columns<'c>,
    pub(crate) rows: R,
    emit: &'c mut Emit<'c>,
    tally: Tally,
    /// How many items are still to come, as far as it is known.
    num_expected: u64,
    /// The present resource and scope, once the present batch has them.
    resource: Option<u32>,
    /// Whether the present resource was not read before.
    is_new_resource: bool,
    scope: Option<Str>,
}

impl<'c, R: Rows> Builder<'c, R> {
    pub(crate) fn new(context: Context<'c>, num_expected: u64, emit: &'c mut Emit<'c>) -> Self {
        let mut builder = Self {
            columns: Columns::new(context),
            rows: R::default(),
            emit,
            tally: Tally::default(),
            num_expected,
            resource: None,
            is_new_resource: true,
            scope: None,
        };
        builder.reserve();
        builder
    }

    fn reserve(&mut self) {
        let num_items = self.num_expected.min(MAX_EXPECTED) as usize;
        self.columns.reserve(num_items);
        self.rows.reserve(num_items);
    }

    /// Gives the last batch away, and says what became of the items.
    pub(crate) fn finish(mut self) -> Tally {
        self.give_away().is_break();
        self.tally.lost = std::mem::take(&mut self.columns.lost);
        self.tally
    }

    pub(crate) fn begin_resource(&mut self) {
        self.resource = None;
        self.is_new_resource = true;
    }

    pub(crate) fn begin_scope(&mut self) {
        self.scope = None;
    }

    /// The present resource in this batch; 0 where there is none.
    #[inline]
    pub(crate) fn resource(&self) -> u32 {
        self.resource.unwrap_or(0)
    }

    /// The present scope's name; empty where there is none.
    #[inline]
    pub(crate) fn scope(&self) -> Str {
        self.scope.unwrap_or(Str::EMPTY)
    }

    /// Sees to it that the present batch has the present resource. `write` gives its number there, and is told whether it is written for
    /// the first time.
    #[inline]
    pub(crate) fn set_resource(&mut self, write: impl FnOnce(&mut Columns<'c>, bool) -> Option<u32>) {
        if self.resource.is_none() {
            self.resource = write(&mut self.columns, std::mem::take(&mut self.is_new_resource));
        }
    }

    #[inline]
    pub(crate) fn set_scope(&mut self, name: &[u8]) {
        if self.scope.is_none() {
            self.scope = Some(self.columns.shared_text(name));
        }
    }

    /// Begins an item: its columns go on from here.
    #[inline]
    pub(crate) fn begin_item(&mut self) -> Mark {
        self.columns.begin_item();
        self.rows.mark(self.columns.attrs.len())
    }

    /// The attributes since `start`.
    #[inline]
    pub(crate) fn attrs_since(&self, start: usize) -> Attrs {
        Attrs { start: start as u32, end: self.columns.attrs.len() as u32 }
    }

    #[inline]
    pub(crate) fn num_attrs(&self) -> usize {
        self.columns.attrs.len()
    }

    /// Counts what became of an item, and gives the batch away if it is full.
    #[inline]
    pub(crate) fn account(&mut self, mark: Mark, outcome: Result<(), Rejection>) -> ControlFlow<()> {
        self.tally.num_items += 1;
        self.num_expected = self.num_expected.saturating_sub(1);
        if let Err(why) = outcome {
            self.columns.attrs.truncate(mark.attrs);
            self.rows.back_to(mark);
            self.tally.reject(why);
        }
        if self.columns.is_full(self.rows.num_bytes()) {
            self.give_away()?;
            self.reserve();
        }
        ControlFlow::Continue(())
    }

    /// What around the items could not be read.
    pub(crate) fn note_lost(&mut self, lost: Lost) {
        self.columns.lost.merge(lost);
    }

    /// The present item cannot be decoded; why.
    pub(crate) fn note_malformed(&mut self, why: &dyn std::fmt::Display) -> Rejection {
        self.tally.note_malformed(why);
        Rejection::Malformed
    }

    pub(crate) fn note_base64_ids(&mut self) {
        self.tally.has_base64_ids = true;
    }

    fn give_away(&mut self) -> ControlFlow<()> {
        self.resource = None;
        self.scope = None;
        match self.rows.take(self.columns.take()) {
            Some(batch) => (self.emit)(batch),
            None => ControlFlow::Continue(()),
        }
    }
}

impl<'b, R: Rows> Visit<'b> for Builder<'_, R> {
    fn resource(&mut self, _resource: &[u8]) -> Result<(), Malformed> {
        self.begin_resource();
        Ok(())
    }

    fn scope(&mut self) {
        self.begin_scope();
    }

    fn item(&mut self, resource: &[u8], scope_name: &[u8], item: &'b [u8]) -> ControlFlow<()> {
        // The survey has looked at the resource: it is whole.
        self.set_resource(|columns, is_new| columns.protobuf_resource(resource, is_new).ok());
        self.set_scope(scope_name);
        let mark = self.begin_item();
        let outcome = R::read_protobuf(self, mark, item);
        self.account(mark, outcome)
    }
}
