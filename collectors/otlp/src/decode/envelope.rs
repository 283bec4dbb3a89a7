//! The three levels that traces, logs and metrics share on the wire: request, resource, scope; with the items in them.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::wire::{Malformed, Reader};

/// `ResourceSpans.scope_spans`, `ResourceLogs.scope_logs`, `ResourceMetrics.scope_metrics`.
const SCOPES: u32 = 2 << 3 | 2;
/// The same, as senders before OTLP 0.16 wrote them on.
const OLD_SCOPES: u32 = 1000 << 3 | 2;
/// The first field of every level, as a message.
const FIRST: u32 = 1 << 3 | 2;
/// The items of a scope.
const ITEMS: u32 = 2 << 3 | 2;

/// Whoever looks at the items of a request.
pub(crate) trait Visit<'b> {
    /// Another resource begins. Its bytes come again with every item, for the batch that needs them.
    fn resource(&mut self, resource: &[u8]) -> Result<(), Malformed>;

    /// Another scope begins.
    fn scope(&mut self);

    /// An item, of a resource and of a scope of that name.
    fn item(&mut self, resource: &[u8], scope_name: &[u8], item: &'b [u8]) -> ControlFlow<()>;
}

/// Walks a request. An error means that what stands around the items is broken; items are not looked into.
pub(crate) fn walk<'b>(request: &'b [u8], visit: &mut impl Visit<'b>) -> Result<ControlFlow<()>, Malformed> {
    let mut reader = Reader::new(request);
    while let Some(tag) = reader.tag()? {
        if tag != FIRST {
            reader.skip(tag)?;
            continue;
        }
        let of_resource = reader.bytes()?;
        let resource = merged_first(of_resource)?;
        visit.resource(&resource)?;
        let mut scopes = Reader::new(of_resource);
        while let Some(tag) = scopes.tag()? {
            if tag != SCOPES && tag != OLD_SCOPES {
                scopes.skip(tag)?;
                continue;
            }
            let of_scope = scopes.bytes()?;
            let scope_name = scope_name(of_scope)?;
            visit.scope();
            let mut items = Reader::new(of_scope);
            while let Some(tag) = items.tag()? {
                if tag != ITEMS {
                    items.skip(tag)?;
                } else if visit.item(&resource, scope_name, items.bytes()?).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// How many bytes the longest resource takes that came in parts, and so has to be put together beside the request.
pub(crate) fn num_bytes_beside(request: &[u8]) -> Result<usize, Malformed> {
    let mut longest = 0;
    let mut reader = Reader::new(request);
    while let Some(tag) = reader.tag()? {
        if tag != FIRST {
            reader.skip(tag)?;
            continue;
        }
        let (mut num_parts, mut num_bytes) = (0, 0);
        let mut parts = Reader::new(reader.bytes()?);
        while let Some(tag) = parts.tag()? {
            if tag == FIRST {
                num_bytes += parts.bytes()?.len();
                num_parts += 1;
            } else {
                parts.skip(tag)?;
            }
        }
        if num_parts > 1 {
            longest = num_bytes.max(longest);
        }
    }
    Ok(longest)
}

/// The message in field 1; sent more than once it is merged, which on the wire is putting the parts end to end.
fn merged_first(message: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    let mut merged: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    let mut reader = Reader::new(message);
    while let Some(tag) = reader.tag()? {
        if tag != FIRST {
            reader.skip(tag)?;
            continue;
        }
        let part = reader.bytes()?;
        if merged.is_empty() {
            merged = Cow::Borrowed(part);
        } else {
            merged.to_mut().extend_from_slice(part);
        }
    }
    Ok(merged)
}

/// The name of the scope. It stands first in what every library sends; only where it does not are the items passed over
/// to find it.
fn scope_name(of_scope: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(of_scope);
    let mut name: &[u8] = &[];
    while let Some(tag) = reader.tag()? {
        if tag != FIRST {
            reader.skip(tag)?;
            continue;
        }
        let mut scope = Reader::new(reader.bytes()?);
        while let Some(tag) = scope.tag()? {
            if tag == FIRST {
                name = scope.bytes()?;
            } else {
                scope.skip(tag)?;
            }
        }
        break;
    }
    Ok(name)
}

/// Counts the items of a request, and looks at all that stands around them, before any of them is stored.
pub(crate) fn survey(request: &[u8]) -> Result<u64, Malformed> {
    struct Count(u64);
    impl Visit<'_> for Count {
        fn resource(&mut self, resource: &[u8]) -> Result<(), Malformed> {
            check_resource(resource)
        }

        fn scope(&mut self) {}

        fn item(&mut self, _resource: &[u8], _scope_name: &[u8], _item: &[u8]) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }
    }
    let mut count = Count(0);
    walk(request, &mut count)?.is_break();
    Ok(count.0)
}

/// What stands around a resource's attributes; one that is broken costs itself.
fn check_resource(resource: &[u8]) -> Result<(), Malformed> {
    let mut reader = Reader::new(resource);
    while let Some(tag) = reader.tag()? {
        reader.skip(tag)?;
    }
    Ok(())
}
