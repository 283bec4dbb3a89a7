//! Pieces that several views are made of, one file each.

pub(crate) mod table;
