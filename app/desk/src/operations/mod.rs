//! What touches the world because somebody asked for it, in one place: it is started here, tells how far it is, hands over what it found
//! in pages, can be stopped, and ends in one of three ways. All that runs and what ended lately stands on one board.

mod board;
mod line;
mod registry;
#[cfg(test)]
mod tests;

pub use board::{OperationEnded, OperationView, OperationsBoard};
pub use line::{OperationHandle, Teller};
pub use registry::{MAX_ENDED, MAX_RUNNING, Operations};
