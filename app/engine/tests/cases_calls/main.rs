//! Small inputs from real systems, as OTLP/JSON, and what is right: calls, and messages.

#![expect(clippy::needless_pass_by_value, reason = "a case is written where it is used")]

#[path = "../batches/mod.rs"]
mod batches;
mod calls;
mod messages;
mod wire;
