//! Who looks at the items of a request, and what stands around them.

use std::ops::ControlFlow;

use serde::Deserialize;

use super::fields::JsonAttrs;
use super::text::Text;
use crate::decode::columns::Columns;
use crate::decode::tally::Lost;

/// Longest item that is read, the longest message that OTLP's receivers take by default. Its texts are there up to three times while they
/// are read.
pub(super) const MAX_ITEM_BYTES: usize = 4 << 20;
/// Longest resource and longest scope.
pub(super) const MAX_AROUND_BYTES: usize = 2 << 20;

/// What stands around items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Around {
    Resource,
    Scope,
}

/// Whoever looks at the items of a JSON request.
pub(super) trait Visit {
    /// What stands around the next items, so many bytes long: whether it is read. Where it is not, items come without it.
    fn reads(&mut self, _around: Around, _num_bytes: usize) -> bool {
        true
    }

    /// Another resource begins. It comes again with every item, for the batch that needs it.
    fn resource(&mut self) {}

    /// Another scope begins.
    fn scope(&mut self) {}

    /// What around the items could not be read.
    fn lost(&mut self, _lost: Lost) {}

    /// An item, as its text.
    fn item(&mut self, resource: &Resource<'_>, scope_name: &str, item: &str) -> ControlFlow<()>;
}

/// An OTLP/JSON `InstrumentationScope`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Scope<'a> {
    #[serde(borrow)]
    pub(super) name: Text<'a>,
}

/// An OTLP/JSON `Resource`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Resource<'a> {
    #[serde(borrow)]
    pub(super) attributes: JsonAttrs<'a>,
}

impl Resource<'_> {
    pub(super) fn write(&self, columns: &mut Columns<'_>) -> u32 {
        let start = columns.attrs.len() as u32;
        columns.begin_resource();
        self.attributes.write(columns);
        columns.push_resource(start)
    }
}
