//! The store against a naive one, and by example.

pub(crate) mod batches;
mod evictions;
mod model;
mod round_trip;
