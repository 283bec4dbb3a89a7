//! Switchboard, a live map of services, channels and what is wrong with them: the parts of the program.

pub mod cli;
pub mod demo;
#[cfg(test)]
#[path = "../../collectors/model/tests/growth/mod.rs"]
mod growth;
pub mod headless;
mod hidden;
pub mod interruptions;
pub mod ledger;
pub mod links;
pub mod live;
pub mod own_log;
pub mod profile;
pub mod remembered;
pub mod replay;
mod secret_command;
pub mod session;
pub mod sources;
pub mod terminal;
pub mod window;
pub mod written;
