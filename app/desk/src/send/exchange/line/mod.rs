//! What is sent, as a line for a POSIX shell. Every field is one word there, whatever it holds; a credential is a variable of the shell.

mod curl;
mod grpcurl;
mod kcat;
mod shell;
#[cfg(all(test, unix))]
mod tests;

pub use curl::to_curl;
pub use grpcurl::to_grpcurl;
pub use kcat::to_kcat;
