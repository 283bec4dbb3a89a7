//! The attributes of a span by their meaning.

use switchboard_model::{AttrRow, Value, WellKnown};

/// Where the attributes of each meaning stand in a run of attributes. Filled without a branch an attribute.
pub(super) struct Told<'a> {
    attrs: &'a [AttrRow],
    /// By meaning: place in `attrs`, from 1; the last of several.
    places: [u16; 64],
    /// By meaning: one bit.
    meanings: u64,
}

const _: () = assert!((WellKnown::UrlQuery as usize) < 64, "a meaning is a bit of a word");

const fn bit(known: WellKnown) -> u64 {
    1 << known as u64
}

pub(super) const HTTP: u64 = bit(WellKnown::UrlFull) | bit(WellKnown::HttpMethod) | bit(WellKnown::HttpRoute) | bit(WellKnown::HttpStatus);
pub(super) const RPC: u64 = bit(WellKnown::RpcSystem) | bit(WellKnown::RpcMethod) | bit(WellKnown::RpcService) | bit(WellKnown::RpcStatus);
pub(super) const DATABASE: u64 = bit(WellKnown::DbSystem) | bit(WellKnown::DbNamespace) | bit(WellKnown::DbOperation) | bit(WellKnown::DbQuery);
pub(super) const MESSAGING: u64 = bit(WellKnown::MessagingSystem) | bit(WellKnown::MessagingDestination);

impl<'a> Told<'a> {
    #[inline]
    pub(super) fn new(attrs: &'a [AttrRow]) -> Self {
        let attrs = &attrs[..attrs.len().min(u16::MAX as usize - 1)];
        let mut told = Self { attrs, places: [0; 64], meanings: 0 };
        for (at, attr) in attrs.iter().enumerate() {
            told.places[attr.known as usize & 63] = at as u16 + 1;
            told.meanings |= bit(attr.known);
        }
        told
    }

    #[inline]
    pub(super) fn has(&self, any_of: u64) -> bool {
        self.meanings & any_of != 0
    }

    #[inline]
    pub(super) fn get(&self, known: WellKnown) -> Option<Value> {
        match self.places[known as usize & 63] {
            0 => None,
            place => Some(self.attrs[place as usize - 1].value),
        }
    }
}
