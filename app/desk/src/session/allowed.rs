//! What somebody allowed to be sent to for as long as the session lasts, and what counts as production.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use switchboard_model::Target;

/// The environments in which a name has to be typed.
const PRODUCTION: &[&str] = &["production", "prod"];

/// Targets that were allowed. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Allowed(Arc<Mutex<BTreeSet<Target>>>);

impl Allowed {
    /// Sending there is allowed from now on.
    pub(super) fn allow(&self, target: Target) {
        self.0.lock().insert(target);
    }

    /// Whether it was.
    pub(super) fn has(&self, target: Option<&Target>) -> bool {
        target.is_some_and(|target| self.0.lock().contains(target))
    }
}

/// Whether an environment is called production.
pub(super) fn is_production(environment: Option<&str>) -> bool {
    environment.is_some_and(|name| PRODUCTION.iter().any(|production| production.eq_ignore_ascii_case(name.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_production_in_any_case_asks_for_its_name() {
        for (environment, is) in [(Some("production"), true), (Some(" Prod "), true), (Some("staging"), false), (Some("preproduction"), false), (None, false)] {
            assert_eq!(is_production(environment), is, "{environment:?}");
        }
    }
}
