//! The engine: what was observed, and what follows from it. No network, no disk, no async, no drawing.

mod chart;
mod engine;
mod extract;
mod figures;
mod flow;
mod guarded;
mod intern;
mod left_out;
mod names;
mod old_spans;
mod queries;
mod source_shares;
mod state;
pub mod store;
mod thread;
pub mod view;
mod words;

pub use engine::{Engine, EngineConfig};
pub use thread::{EngineState, EngineThread, Queries, Snapshots};
