//! Pieces that several views are made of, one file each.

pub(crate) mod breaker_strip;
pub(crate) mod detail;
pub(crate) mod empty_state;
pub(crate) mod heat_strip;
pub(crate) mod kept_order;
pub(crate) mod object_menu;
pub(crate) mod payload;
pub(crate) mod selectable;
pub(crate) mod sparkline;
pub(crate) mod split;
pub(crate) mod table;
pub(crate) mod view_head;
