//! Consumer groups: how far they are behind and why, partition by partition, and who reads what.
//!
//! `rows` says what the table shows and `group_detail` what is known of one group (both pure), `view` draws them.

mod group_detail;
mod rows;
#[cfg(test)]
mod tests;
mod view;

#[cfg(test)]
pub(crate) use group_detail::{detail, to_json};
#[cfg(test)]
pub(crate) use rows::verdict;
pub(crate) use view::GroupsView;
