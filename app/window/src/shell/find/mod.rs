//! Find: one field for everything that is stored, over whichever view is shown.
//!
//! `hits` puts what was found in order (pure), `overlay` draws it and answers its keys.

mod hits;
mod overlay;
#[cfg(test)]
mod tests;

pub(crate) use overlay::FindOverlay;
