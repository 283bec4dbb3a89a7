//! Addresses of a profile.

use crate::profile_error::ProfileError;

/// Whether an address can be asked; `field` is named where not.
pub(super) fn check(field: &str, url: &str) -> Result<(), ProfileError> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(ProfileError::value(field, url, "write http://host:port or https://host:port"));
    }
    if has_user_info(url) {
        return Err(ProfileError::value(field, url, "a profile holds no secret; use username and password = { env = \"…\" }"));
    }
    Ok(())
}

/// Whether an address holds a user, and a password perhaps.
pub(super) fn has_user_info(url: &str) -> bool {
    url.split("://").nth(1).is_some_and(|rest| rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')))
}
