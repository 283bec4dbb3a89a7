//! The services, one file each. All are started once and live as long as the lab; only orders can be killed, and has a folder.

mod billing;
mod carrier;
mod fraud;
mod inventory;
mod notifications;
mod payments;
mod shipping;
mod storefront;

pub(crate) use billing::start_billing;
pub(crate) use carrier::start_carrier;
pub(crate) use fraud::start_fraud;
pub(crate) use inventory::start_inventory;
pub(crate) use notifications::start_notifications;
pub(crate) use payments::start_payments;
pub(crate) use shipping::start_shipping;
pub(crate) use storefront::start_storefront;
