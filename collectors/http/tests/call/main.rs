//! Requests that are sent to real servers on loopback: good ones, slow ones, and hostile ones.

mod answers;
mod compressed;
mod ends;
mod hostile;
mod server;
mod tls;
