//! The attributes of a span by their meaning.

use switchboard_model::{AttrRow, TextArena, Value, WellKnown};

/// Where the attributes of each meaning stand in a run of attributes. Filled without a branch an attribute.
pub(super) struct Told<'a> {
    attrs: &'a [AttrRow],
    /// By meaning: trust of the name above, place in `attrs` from the end below, so that the lowest is the one that is
    /// believed: the most trusted name, of one name the last.
    places: [u16; 64],
    /// By meaning that an attribute says something of: one bit.
    meanings: u64,
    /// Meanings of which several attributes say something.
    repeated: u64,
}

const _: () = assert!((WellKnown::ExceptionEscaped as usize) < 64, "a meaning is a bit of a word");

/// Attributes that are looked at, and their places.
const PLACE_BITS: u32 = 10;
const LAST_PLACE: u16 = (1 << PLACE_BITS) - 1;
/// No attribute has this meaning.
const NOWHERE: u16 = u16::MAX;

/// Whether a value says something: what is null comes as an empty text.
pub(super) fn is_told(value: Value) -> bool {
    !matches!(value, Value::Str(at) if at.is_empty())
}

const fn bit(known: WellKnown) -> u64 {
    1 << known as u64
}

pub(super) const HTTP: u64 = bit(WellKnown::UrlFull) | bit(WellKnown::HttpMethod) | bit(WellKnown::HttpRoute) | bit(WellKnown::HttpStatus);
pub(super) const RPC: u64 = bit(WellKnown::RpcSystem) | bit(WellKnown::RpcMethod) | bit(WellKnown::RpcService) | bit(WellKnown::RpcStatus);
pub(super) const DATABASE: u64 = bit(WellKnown::DbSystem) | bit(WellKnown::DbNamespace) | bit(WellKnown::DbOperation) | bit(WellKnown::DbQuery);
pub(super) const MESSAGING: u64 = bit(WellKnown::MessagingSystem) | bit(WellKnown::MessagingDestination);
/// What says how a span ended, beside its own status and its events.
pub(super) const ENDING: u64 = bit(WellKnown::RpcStatus)
    | bit(WellKnown::HttpStatus)
    | bit(WellKnown::PlainStatus)
    | bit(WellKnown::ErrorType)
    | bit(WellKnown::ErrorFlag)
    | bit(WellKnown::Outcome);
/// What makes a channel more than the name of its destination.
pub(super) const ROUTING: u64 = bit(WellKnown::RoutingKey) | bit(WellKnown::DestinationTemporary);

impl<'a> Told<'a> {
    #[inline]
    pub(super) fn new(attrs: &'a [AttrRow]) -> Self {
        let attrs = &attrs[..attrs.len().min(1 << PLACE_BITS)];
        let mut told = Self { attrs, places: [NOWHERE; 64], meanings: 0, repeated: 0 };
        for (at, attr) in attrs.iter().enumerate() {
            let slot = &mut told.places[attr.known as usize & 63];
            *slot = (*slot).min(u16::from(attr.trust) << PLACE_BITS | (LAST_PLACE - at as u16));
            // What is empty or null is not set.
            let bit = bit(attr.known) * u64::from(is_told(attr.value));
            told.repeated |= told.meanings & bit;
            told.meanings |= bit;
        }
        told
    }

    #[inline]
    pub(super) fn has(&self, any_of: u64) -> bool {
        self.meanings & any_of != 0
    }

    /// The value that is believed.
    #[inline]
    pub(super) fn get(&self, known: WellKnown) -> Option<Value> {
        match self.places[known as usize & 63] {
            NOWHERE => None,
            place => Some(self.attrs[(LAST_PLACE - (place & LAST_PLACE)) as usize].value),
        }
    }

    /// All values of a meaning, the one that is believed first. Few spans say a thing twice.
    pub(super) fn all(&self, known: WellKnown) -> impl Iterator<Item = Value> {
        let others = if self.repeated & bit(known) == 0 { &[][..] } else { self.attrs };
        let believed = self.places[known as usize & 63];
        let is_other = move |(at, attr): &(usize, &AttrRow)| attr.known == known && LAST_PLACE - *at as u16 != believed & LAST_PLACE;
        self.get(known).into_iter().chain(others.iter().enumerate().filter(is_other).map(|(_, attr)| attr.value))
    }

    /// The value that is believed, if it is text that says something.
    pub(super) fn text<'t>(&self, known: WellKnown, text: &'t TextArena) -> Option<&'t str> {
        match self.get(known) {
            Some(Value::Str(at)) if !at.is_empty() => Some(text.get(at)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_trusted_name_is_believed_wherever_it_stands_unless_it_says_nothing() {
        let mut text = TextArena::default();
        let mut row = |name: &str, value: &str| {
            let value = Value::Str(text.push(value.as_bytes()));
            AttrRow::new(text.push(name.as_bytes()), WellKnown::trusted(name), value)
        };
        let (new, old, header) = (row("server.address", "payments"), row("net.peer.name", "pay"), row("http.host", "pay:8080"));
        let (empty, again) = (row("server.address", ""), row("server.address", "billing"));
        let own = row("net.host.name", "laptop");
        for (attrs, expected) in [
            (vec![new, old, header], "payments"),
            (vec![header, old, new], "payments"),
            (vec![old, header, own], "pay"),
            (vec![own, header], "pay:8080"),
            (vec![empty, old], "pay"),
            (vec![old, empty], "pay"),
            (vec![new, again, old], "billing"),
        ] {
            let told = Told::new(&attrs);
            assert_eq!(told.text(WellKnown::ServerAddress, &text), Some(expected));
            assert_eq!(told.all(WellKnown::ServerAddress).next(), told.get(WellKnown::ServerAddress));
            let says = |attr: &&AttrRow| attr.known == WellKnown::ServerAddress && is_told(attr.value);
            assert_eq!(told.all(WellKnown::ServerAddress).filter(|value| is_told(*value)).count(), attrs.iter().filter(says).count());
        }
        assert_eq!(Told::new(&[own]).get(WellKnown::ServerAddress), None);
        assert!(!Told::new(&[empty]).has(bit(WellKnown::ServerAddress)) && Told::new(&[empty, old]).has(bit(WellKnown::ServerAddress)));
        assert!(Told::new(&vec![old; 5_000]).get(WellKnown::ServerAddress).is_some());
    }
}
