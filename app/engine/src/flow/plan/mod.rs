//! Which rows make which nodes, edges and interactions of the map.

mod draft;
mod ids;
mod messages;
mod nodes;
mod planned;
mod room;
mod style;

pub(crate) use ids::Ids;
pub(crate) use planned::{Brokers, Plan, PlannedInteraction, PlannedNode};
