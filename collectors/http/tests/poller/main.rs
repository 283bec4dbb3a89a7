//! The poller against real servers.

mod actuator;
mod application;
mod observed;
mod troubles;
