//! The orders service: two instances on one table, each with its own runtime, ports, telemetry and breaker, so that one can die.

mod descriptor;
mod instance;
mod payment;
mod protocol;
mod relay;
mod replies;
mod service;

pub(crate) use instance::{OrdersInstance, OrdersPlan};
pub(crate) use protocol::{OrdersClient, PLACE_ORDER, PlaceOrderReply, PlaceOrderRequest, SERVICE_NAME, code_name};
