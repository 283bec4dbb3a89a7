//! Switchboard, a live map of services, channels and what is wrong with them: the parts of the program.

pub mod cli;
pub mod demo;
pub mod headless;
pub mod ledger;
pub mod links;
pub mod live;
pub mod own_log;
pub mod profile;
pub mod remembered;
pub mod replay;
pub mod session;
pub mod sources;
pub mod window;
