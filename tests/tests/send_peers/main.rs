//! `switchboard send` against servers of other languages, as they come: gRPC in Go and Python, HTTP in both, and the lines that are copied for curl,
//! grpcurl and kcat run by those programs themselves. `hostile` has servers that do what none should, and needs nothing but Rust.

mod calls;
mod hostile;
mod lines;
mod peer;
mod requests;
mod sent;
