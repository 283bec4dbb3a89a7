//! What the services tell one another.

use serde::{Deserialize, Serialize};

/// A shopper's wish, as the storefront takes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checkout {
    pub(crate) customer: String,
    /// ISO 3166 code; shipping knows those of `COUNTRIES`.
    pub(crate) country: String,
    /// Into how many parcels the order is split; 0 cannot be shipped.
    pub(crate) parcels: u32,
    pub(crate) amount_cents: u64,
    pub(crate) sku: String,
    /// Whether the shopper takes the order back at once.
    pub(crate) is_withdrawn: bool,
}

/// Countries that shipping delivers to.
pub(crate) const COUNTRIES: [&str; 5] = ["AT", "DE", "FR", "NL", "SE"];

/// A customer that orders refuses.
pub(crate) const BLOCKED_CUSTOMER: &str = "customer-13";

/// The event on `orders.placed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OrderPlaced {
    pub(crate) order_id: String,
    pub(crate) customer: String,
    pub(crate) country: String,
    pub(crate) parcels: u32,
    pub(crate) amount_cents: u64,
    pub(crate) sku: String,
    /// `paid` or `payment_later`.
    pub(crate) payment: String,
}

/// The answer on `inventory.reserved`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct InventoryReserved {
    pub(crate) order_id: String,
    pub(crate) sku: String,
    pub(crate) shelf: u64,
}

/// What payments is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) order_id: String,
    pub(crate) amount_cents: u64,
}

/// What the carrier is asked, once a parcel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LabelRequest {
    pub(crate) order_id: String,
    pub(crate) country: String,
}
