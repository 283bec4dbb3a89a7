//! What the window and the headless run both stand on: the profile, the sources it names, the session that reads them, sending, and the
//! ledger of what was sent. Nothing here draws.

pub mod hidden;
pub mod lab;
pub mod ledger;
pub mod links;
mod new_file;
pub mod operations;
pub mod own_log;
pub mod profile;
mod profile_error;
pub mod secret;
mod secret_command;
pub mod send;
pub mod session;
pub mod sources;
pub mod sources_desk;
