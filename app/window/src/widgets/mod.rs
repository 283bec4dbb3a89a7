//! Pieces that several views are made of, one file each.

pub(crate) mod blocks;
pub(crate) mod breaker_strip;
pub(crate) mod detail;
pub(crate) mod empty_state;
pub(crate) mod ends;
pub(crate) mod focus_ring;
pub(crate) mod heat_strip;
pub(crate) mod json_look;
pub(crate) mod json_text;
pub(crate) mod kept_order;
pub(crate) mod long_text;
pub(crate) mod object_menu;
pub(crate) mod payload;
pub(crate) mod row_ground;
pub(crate) mod selectable;
pub(crate) mod sparkline;
pub(crate) mod split;
pub(crate) mod stack_trace;
pub(crate) mod strip;
pub(crate) mod table;
pub(crate) mod text_field;
pub(crate) mod time_axis;
pub(crate) mod view_head;
