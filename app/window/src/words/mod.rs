//! What more than one view says of the same object, so that it is said in the same words: a file for each kind of object.

pub(crate) mod breakers;
pub(crate) mod drafts;
pub(crate) mod groups;
pub(crate) mod letters;
pub(crate) mod probes;
pub(crate) mod statuses;
pub(crate) mod traces;
