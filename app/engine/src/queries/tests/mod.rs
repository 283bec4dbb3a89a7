//! Questions beside naive models of them.

mod find;
mod most_used;
mod record_matches;
mod traces;
