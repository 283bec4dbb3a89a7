//! Over what a call goes.

/// The protocol of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Via {
    /// Not told.
    #[default]
    Call,
    /// HTTP.
    Http,
    /// gRPC.
    Grpc,
    /// Another RPC system.
    Rpc,
    /// A database's own.
    Database,
}

impl Via {
    /// Name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Rpc => "rpc",
            Self::Database => "database",
        }
    }
}
