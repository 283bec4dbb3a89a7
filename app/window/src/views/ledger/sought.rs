//! Whether a record that the ledger names is stored here: it is looked for by its place, piece by piece.

use switchboard_engine::view::{Answer, ChannelKey, Query, RowId, ScanQuery};
use switchboard_model::Place;

use crate::view::{Slot, ViewContext};

/// Of one piece so many records at most: the place may also stand in what others hold.
const PIECE: usize = 200;

/// A record that is looked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SoughtRecord {
    wanted: Option<(ChannelKey, Place)>,
    up_to: Option<RowId>,
    found: Option<RowId>,
    is_over: bool,
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Stored {
    /// Nobody says where it lies.
    #[default]
    NoPlace,
    /// It is being looked for.
    Looking,
    /// It is stored.
    Here(ChannelKey, RowId),
    /// It is not, or no more.
    Nowhere,
}

impl SoughtRecord {
    /// Looks for the record at this place of a channel; `None` = there is none to be looked for.
    pub(super) fn of(&mut self, wanted: Option<(ChannelKey, Place)>, slot: Slot, context: &mut ViewContext<'_>) -> Stored {
        let wanted = wanted.filter(|(_, place)| *place != Place::None);
        if self.wanted != wanted {
            *self = Self { wanted, ..Self::default() };
        }
        let Some((channel, place)) = &self.wanted else { return Stored::NoPlace };
        if !self.is_over {
            let query = |after: Option<RowId>| {
                let scan = ScanQuery::RecordMatches { channel: channel.clone(), text: place.to_string(), after, limit: PIECE };
                Query::Scan(scan)
            };
            let standing = context.asker.once(slot, &query(self.up_to));
            if let (true, Some(Answer::RecordMatches(found))) = (standing.is_of_this_question, standing.answer) {
                self.found = found.rows.iter().find(|record| record.place == *place).map(|record| record.row);
                self.is_over = self.found.is_some() || !found.has_more || found.up_to.is_none() || found.up_to == self.up_to;
                self.up_to = found.up_to;
                if !self.is_over {
                    // The next piece is asked for with this frame, not with the next.
                    let _asked = context.asker.once(slot, &query(self.up_to));
                }
            }
        }
        match (self.found, self.is_over) {
            (Some(row), _) => Stored::Here(channel.clone(), row),
            (None, true) => Stored::Nowhere,
            (None, false) => Stored::Looking,
        }
    }
}
