//! Numbers of what spans name. The first stand for what is not told, and for all that came after a cap.

/// A service. The number of services is capped; all that come later are [`ServiceId::OTHER`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ServiceId(pub(crate) u16);

impl ServiceId {
    /// No service.
    pub(crate) const NONE: Self = Self(0);
    /// All that came after the cap was reached.
    pub(crate) const OTHER: Self = Self(1);
}

/// The name of a span within its service, capped per service and in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct OperationId(pub(crate) u32);

impl OperationId {
    /// Came after the cap was reached.
    pub(crate) const OVERFLOW: Self = Self(u32::MAX);
}

/// A channel as spans name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ChannelId(pub(crate) u16);

/// A consumer group (or subscription) as spans name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct GroupId(pub(crate) u16);

/// What a caller's attributes name: a service by name, or an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PeerId(pub(crate) u16);

macro_rules! reserved {
    ($($id:ident),*) => {$(
        impl $id {
            /// Not told.
            pub(crate) const NONE: Self = Self(0);
            /// All that came after the cap was reached.
            pub(crate) const OTHER: Self = Self(1);

            /// Whether it is told.
            pub(crate) fn is_some(self) -> bool {
                self != Self::NONE
            }
        }
    )*};
}
reserved!(ChannelId, GroupId, PeerId);
