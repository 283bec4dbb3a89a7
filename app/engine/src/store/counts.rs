//! What became of the items that reached the store.

use switchboard_model::{ItemKind, SourceId};

use super::shelf::Segment;

/// Of one source and kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindCounts {
    /// Kept now.
    pub stored: u64,
    /// Kept and given up for room.
    pub evicted: u64,
    /// Had been kept already, with the same content.
    pub duplicate: u64,
    /// Of those stored or evicted: cut at a limit.
    pub truncated: u64,
}

/// By source and kind, sorted by source.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    by_source: Vec<(SourceId, [KindCounts; ItemKind::ALL.len()])>,
}

impl Counts {
    /// The counts of a source and kind.
    pub(crate) fn of_mut(&mut self, source: SourceId, kind: ItemKind) -> &mut KindCounts {
        let at = match self.by_source.binary_search_by_key(&source, |(source, _)| *source) {
            Ok(at) => at,
            Err(at) => {
                self.by_source.insert(at, (source, [KindCounts::default(); ItemKind::ALL.len()]));
                at
            }
        };
        &mut self.by_source[at].1[kind.index()]
    }

    /// A segment of this kind was given up.
    pub(crate) fn evicted(&mut self, segment: &impl Segment, kind: ItemKind) {
        for gone in segment.tallies() {
            let counts = self.of_mut(gone.source, kind);
            counts.stored -= gone.num_items;
            counts.evicted += gone.num_items;
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[(SourceId, [KindCounts; ItemKind::ALL.len()])] {
        &self.by_source
    }
}
