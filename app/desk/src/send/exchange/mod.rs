//! Requests from elsewhere and for elsewhere: what is sent as a command line of curl, grpcurl or kcat, and drafts out of what somebody pastes. Pure:
//! nothing is read, run or fetched.
//!
//! `line` writes command lines, of which no field can become a second word; `import` reads them, HAR, `OpenAPI` and `.proto` files. What is imported is data: it holds no
//! credential and no template but those that this program put there.

mod import;
mod line;

/// Headers that whoever speaks over a connection says (RFC 9110, 7.6.1), so that they are neither written down nor taken over.
const OF_THE_CONNECTION: [&str; 9] =
    ["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "proxy-connection", "proxy-authorization"];

/// How a note begins which says that a credential was left out.
pub const CREDENTIAL_LEFT_OUT: &str = "The credential was left out";

pub(in crate::send) use import::literal;
pub use import::{IMPORT_BYTES_MAX, ImportError, Imported, OPENAPI_BYTES_MAX, PastedProto, from_text};
pub use line::{to_curl, to_grpcurl, to_kcat};
