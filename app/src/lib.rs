//! The program: its command line, the demo's lab, a session for a window that stays while sessions come and go, and a run without one.

pub mod cli;
pub mod demo;
pub mod folders;
pub mod headless;
pub mod interruptions;
pub mod live;
pub mod remembered;
pub mod replay;
pub mod send;
pub mod terminal;
pub mod written;
