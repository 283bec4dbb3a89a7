//! A request to begin with, out of an object that is looked at: what is known of it, and what is not.

use std::collections::BTreeMap;

use switchboard_desk::send::draft::Draft;
use switchboard_engine::view::UsedOf;

/// A request to begin with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Begun {
    /// The request, as far as it is known.
    pub draft: Draft,
    /// What is to be said of it: where it is from, what was left out, what to do next.
    pub notes: Vec<String>,
    /// Why its body, message or contents are not known; `None` = they are, or there are none. It holds until somebody writes them.
    pub unknown: Option<String>,
    /// Values of variables that the request names, from a call that was seen.
    pub given: BTreeMap<String, String>,
    /// Whose most used request it is to become, once that is known.
    pub most_used: Option<UsedOf>,
}

impl From<Draft> for Begun {
    fn from(draft: Draft) -> Self {
        Self { draft, notes: Vec::new(), unknown: None, given: BTreeMap::new(), most_used: None }
    }
}
