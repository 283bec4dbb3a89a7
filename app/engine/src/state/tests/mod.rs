//! Tests of several files together.

mod growth;
