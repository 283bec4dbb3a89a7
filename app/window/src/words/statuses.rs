//! What servers answer with, by name. Pure.

use switchboard_desk::ledger::TargetKind;
use switchboard_model::RPC_STATUSES;

/// A code of gRPC by its name (google.rpc.Code).
pub(crate) fn grpc_word(code: i32) -> String {
    usize::try_from(code).ok().and_then(|code| RPC_STATUSES.get(code)).map_or_else(|| format!("code {code}"), |name| (*name).to_owned())
}

/// The status that a server of a kind answered with: a number of HTTP, a name of gRPC.
pub(crate) fn status_word(kind: TargetKind, status: i32) -> String {
    if kind == TargetKind::Grpc { grpc_word(status) } else { status.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_names() {
        assert_eq!([grpc_word(0), grpc_word(14), grpc_word(99), grpc_word(-1)], ["OK", "UNAVAILABLE", "code 99", "code -1"]);
        assert_eq!((status_word(TargetKind::Http, 14), status_word(TargetKind::Grpc, 14)), ("14".to_owned(), "UNAVAILABLE".to_owned()));
    }
}
