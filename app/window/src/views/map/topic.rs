//! What the sentence above the map speaks of: each of its parts can be asked for as a list.

use super::scene::Selection;

/// What is listed in the side panel while nothing is selected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// Everything unusual.
    #[default]
    Problems,
    /// All services.
    Services,
    /// Services that send spans.
    Traced,
    /// Services that only a broker tells of.
    BrokerOnly,
    /// Services that only their callers tell of.
    Untraced,
    /// Services that sent spans and do so no more.
    Silent,
    /// Channels.
    Channels,
    /// Breakers that are not closed.
    Breakers,
    /// Groups that fall behind.
    Behind,
    /// Calls and deliveries that fail.
    Failing,
    /// Dead letters.
    Dead,
    /// What was as usual again a short while ago.
    Recovered,
    /// What share of the traffic was seen.
    Sampling,
    /// What is not shown, and the rules for it.
    Hidden,
    /// Where the data come from, and how old they are.
    Sources,
}

/// What a click on a part of the sentence asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ask {
    /// One thing.
    Select(Selection),
    /// A list.
    List(Topic),
}
