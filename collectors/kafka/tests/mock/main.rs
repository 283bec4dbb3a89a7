//! The collector against librdkafka's mock cluster and against addresses that do not answer as they should.

mod faults;
mod groups;
mod lifecycle;
mod records;
mod refusals;
mod rereading;
mod scale;
mod sending;
