//! Reads the command line and starts what it names.
fn main() {}
