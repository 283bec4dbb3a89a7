//! How a derived fact is known, and what a figure rests on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a figure rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// Observations.
    pub n: u64,
    /// Share of the real traffic that was seen, 1 = all; null = unknown.
    pub sampled_share: Option<f64>,
}

/// How a derived fact is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// How often each rule made it: `parent`, `link`, `record`, `message id`, `peer`, `root`, `missing parent`, `group offsets`.
    pub rules: BTreeMap<String, u64>,
    /// Up to 8 examples, the lowest by hash of (trace, span).
    pub exemplars: Vec<Exemplar>,
}

/// An example span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemplar {
    /// Its trace, 32 hex digits.
    pub trace_id: String,
    /// The span, 16 hex digits.
    pub span_id: String,
}
