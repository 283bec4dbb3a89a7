//! The whole program against real peers: what its tests share.

pub mod agreement;
pub mod display;
pub mod lab;
pub mod program;
pub mod spring;
