//! An order business on loopback, made of real servers, clients, consumers and exporters, with faults that can be switched on.
//!
//! It is something to look at, and something to be measured against: what it really did stands in its books, which business
//! code writes, never the telemetry. `run` is the whole program; everything else is private.

mod actuator;
mod books;
mod breaker;
mod broker;
mod business;
mod command;
mod config;
mod dice;
mod faults;
mod generator;
mod http_call;
mod lab;
mod orders;
mod outbox;
mod profile;
mod requests;
mod script;
mod services;
mod shop;
mod telemetry;
mod zoned;

pub use config::LabConfig;
pub use lab::run;
