//! What sending costs by the whole desk (plan, permit, ledger before and after, board) beside what it stands on, alone and in the same run: records beside a
//! bare producer, a request beside reqwest, a call beside tonic, and what a commit of the ledger takes; and the pages of a ledger of 10⁵ sends.
//!
//! `cargo bench -p switchboard-tests --bench sends`

#![expect(clippy::print_stdout, reason = "prints its figures")]

mod desk;
mod ledger;
mod records;
mod servers;

use std::time::Duration;

/// The part of a list below which so many hundredths of it lie.
fn percentile(took: &mut [Duration], hundredths: usize) -> Duration {
    took.sort_unstable();
    took[(took.len() * hundredths / 100).min(took.len() - 1)]
}

fn us(took: Duration) -> f64 {
    took.as_secs_f64() * 1e6
}

fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    records::measure();
    servers::measure();
    ledger::measure();
}
