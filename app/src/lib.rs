//! Switchboard, a live map of services, channels and what is wrong with them: the parts of the program.

pub mod cli;
pub mod profile;
pub mod remembered;
