//! Questions beside naive models of them.

mod find;
mod record_matches;
mod traces;
