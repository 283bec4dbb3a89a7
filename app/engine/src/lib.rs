//! The engine: what was observed, and what follows from it. No network, no disk, no async, no drawing.

pub mod view;
