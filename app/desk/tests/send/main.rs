//! Requests and records sent by a whole session: what arrives, what the ledger says, and that nothing goes where there is no leave.

mod by_hand;
mod calls;
mod cancels;
mod counting;
mod guard_rails;
mod many;
mod records;
mod requests;
mod sending;
