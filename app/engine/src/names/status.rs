//! What a call ended with, as a number.

/// A status as a number: HTTP's and gRPC's own codes, and words by their place among the names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StatusId(u16);

const FIRST_RPC: u16 = 1_000;
const FIRST_WORD: u16 = 2_000;

/// What a status is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusKind {
    /// Nothing tells.
    None,
    /// One kind too many, or a code that its protocol does not have.
    Other,
    /// The span says that all went well, and nothing more.
    Ok,
    /// The span says that it failed, and nothing more.
    Failed,
    /// It was not due yet, and waited.
    Waiting,
    /// Its caller gave up waiting.
    GivenUp,
    /// An HTTP status.
    Http(u16),
    /// gRPC's number of a status.
    Rpc(u16),
    /// A word: `error.type`, the type of an exception, the status of another RPC. Its place among the names.
    Word(u16),
}

impl StatusId {
    /// Nothing tells.
    pub(crate) const NONE: Self = Self(0);
    /// One kind too many.
    pub(crate) const OTHER: Self = Self(1);
    /// The span says that all went well, and nothing more.
    pub(crate) const OK: Self = Self(2);
    /// The span says that it failed, and nothing more.
    pub(crate) const FAILED: Self = Self(3);
    /// It was not due yet, and waited.
    pub(crate) const WAITING: Self = Self(4);
    /// Its caller gave up waiting.
    pub(crate) const GIVEN_UP: Self = Self(5);

    /// An HTTP status.
    pub(crate) fn http(status: i64) -> Self {
        if (100..1_000).contains(&status) { Self(status as u16) } else { Self::OTHER }
    }

    /// A gRPC status by its number.
    pub(crate) fn rpc(code: i64) -> Self {
        if (0..17).contains(&code) { Self(FIRST_RPC + code as u16) } else { Self::OTHER }
    }

    /// A word by its place among the names.
    pub(crate) fn word(place: u16) -> Self {
        if place < 2 { Self::OTHER } else { Self(FIRST_WORD + place) }
    }

    /// The place of a word; `None` = it is none.
    pub(crate) fn place(self) -> Option<u16> {
        self.0.checked_sub(FIRST_WORD)
    }

    /// What it is.
    pub(crate) fn kind(self) -> StatusKind {
        match self.0 {
            0 => StatusKind::None,
            2 => StatusKind::Ok,
            3 => StatusKind::Failed,
            4 => StatusKind::Waiting,
            5 => StatusKind::GivenUp,
            100..FIRST_RPC => StatusKind::Http(self.0),
            FIRST_RPC..FIRST_WORD => StatusKind::Rpc(self.0 - FIRST_RPC),
            FIRST_WORD.. => StatusKind::Word(self.0 - FIRST_WORD),
            _ => StatusKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_told_from_all_others() {
        for (status, kind) in [
            (StatusId::NONE, StatusKind::None),
            (StatusId::OTHER, StatusKind::Other),
            (StatusId::OK, StatusKind::Ok),
            (StatusId::FAILED, StatusKind::Failed),
            (StatusId::WAITING, StatusKind::Waiting),
            (StatusId::GIVEN_UP, StatusKind::GivenUp),
            (StatusId::http(100), StatusKind::Http(100)),
            (StatusId::http(999), StatusKind::Http(999)),
            (StatusId::http(99), StatusKind::Other),
            (StatusId::http(-1), StatusKind::Other),
            (StatusId::rpc(0), StatusKind::Rpc(0)),
            (StatusId::rpc(16), StatusKind::Rpc(16)),
            (StatusId::rpc(i64::MAX), StatusKind::Other),
            (StatusId::word(1), StatusKind::Other),
            (StatusId::word(2), StatusKind::Word(2)),
        ] {
            assert_eq!(status.kind(), kind);
        }
    }
}
