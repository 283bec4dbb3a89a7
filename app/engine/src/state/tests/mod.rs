//! What is not of one file alone.

mod growth;
