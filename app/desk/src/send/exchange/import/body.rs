//! A body out of bytes and what they are said to be, so that what is planned of it is the same bytes.

use std::fmt::Write as _;
use std::path::{Component, Path};

use url::form_urlencoded;

use super::literal;
use crate::send::draft::{Body, Pair};

/// Pairs of a form that are shown as such; more stay text, and so does what a plan would refuse.
const MAX_PAIRS: usize = 500;

/// The body, and whether its type goes without saying, so that no header need tell it.
pub(super) fn body(bytes: &[u8], content_type: &str) -> (Body, bool) {
    if bytes.is_empty() {
        return (Body::None, false);
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        let mut hex = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            let _ = write!(hex, "{byte:02x}");
        }
        return (Body::Hex(hex), content_type == "application/octet-stream");
    };
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if (kind == "application/json" || kind.ends_with("+json")) && is_json(text) {
        return (Body::Json(literal(text)), content_type == "application/json");
    }
    if kind == "application/x-www-form-urlencoded" {
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), value.into_owned())).take(MAX_PAIRS + 1).collect();
        let again = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        // A pair of two empty texts is not sent.
        if pairs.len() <= MAX_PAIRS && again == text && !pairs.contains(&(String::new(), String::new())) {
            let pairs = pairs.into_iter().map(|(name, value)| Pair::new(literal(&name), literal(&value))).collect();
            return (Body::Form(pairs), content_type == kind);
        }
    }
    (Body::Text(literal(text)), content_type == "text/plain; charset=utf-8")
}

/// Whether a text is JSON.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// A file's name, where it leads to one below the folder of requests.
pub(super) fn file_below(name: &str) -> Option<String> {
    let stays = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
    let is_below = !name.is_empty() && name.len() <= 1_000 && !name.contains(['\\', '\0', '~', ':']) && Path::new(name).components().all(stays);
    let name = name.trim_start_matches("./");
    (is_below && !name.is_empty()).then(|| name.to_owned())
}
