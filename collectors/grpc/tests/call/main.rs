//! Reflection and calls against servers on loopback.

mod calls;
mod endings;
mod hostile;
mod permits;
mod reflection;
mod server;
mod told;
mod transport;
