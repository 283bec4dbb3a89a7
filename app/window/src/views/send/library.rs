//! What is kept in files, as folders and requests, and what was sent lately. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use switchboard_desk::send::draft::{Draft, Request};

use crate::sanitise::visible;

/// A row of what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SavedRow {
    /// A folder.
    Folder {
        /// Its path.
        path: String,
        /// Its own name, safe to show.
        name: String,
        /// How deep it lies.
        depth: usize,
        /// Whether what is in it is shown.
        is_open: bool,
    },
    /// A request.
    Saved {
        /// Its path.
        path: String,
        /// What it is called, safe to show.
        name: String,
        /// How deep it lies.
        depth: usize,
        /// What it is.
        tag: Tag,
    },
}

/// What a request is, in a word: a method of HTTP, `gRPC`, `record`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag(pub String);

impl Tag {
    /// Of a request.
    pub(super) fn of(draft: &Draft) -> Self {
        Self(match &draft.request {
            Request::Http(http) => visible(&http.method).chars().take(8).collect(),
            Request::Grpc(_) | Request::Record(_) => draft.kind().word().to_owned(),
        })
    }
}

/// All requests by their folders; of folders that are closed only themselves.
pub(super) fn saved_rows(requests: &BTreeMap<String, Arc<Draft>>, closed: &BTreeSet<String>) -> Vec<SavedRow> {
    let mut rows = Vec::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for (path, draft) in requests {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        let mut is_hidden = false;
        let mut depth = 0;
        for folder in folders {
            let is_open = !closed.contains(folder);
            if !is_hidden && told.insert(folder) {
                rows.push(SavedRow::Folder { path: folder.to_owned(), name: visible(last(folder)).into_owned(), depth, is_open });
            }
            is_hidden |= !is_open;
            depth += 1;
        }
        if !is_hidden {
            let name = if draft.name.is_empty() { last(path) } else { &draft.name };
            rows.push(SavedRow::Saved { path: path.clone(), name: visible(name).into_owned(), depth, tag: Tag::of(draft) });
        }
    }
    rows
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path below the folder of requests that can be saved to; what is wrong with it.
pub(super) fn path_mistake(path: &str) -> Option<&'static str> {
    let parts = || path.split('/');
    if path.trim().is_empty() {
        Some("write a folder and a name, such as orders/place an order")
    } else if parts().any(|part| part.trim().is_empty()) {
        Some("a folder or the name is empty")
    } else if parts().any(|part| part.starts_with('.')) || path.contains('\\') {
        Some("no part of it begins with a dot, and folders are told apart by /")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_desk::send::draft::RequestKind;

    fn requests(paths: &[&str]) -> BTreeMap<String, Arc<Draft>> {
        let kind = |path: &str| if path.ends_with("rec") { RequestKind::Record } else { RequestKind::Http };
        paths.iter().map(|path| ((*path).to_owned(), Arc::new(Draft::blank(kind(path))))).collect()
    }

    fn told(rows: &[SavedRow]) -> Vec<String> {
        rows.iter()
            .map(|row| match row {
                SavedRow::Folder { name, depth, is_open, .. } => format!("{depth} {} {name}", if *is_open { "-" } else { "+" }),
                SavedRow::Saved { name, depth, tag, .. } => format!("{depth} {} {name}", tag.0),
            })
            .collect()
    }

    #[test]
    fn requests_stand_in_their_folders() {
        let requests = requests(&["health", "orders/place", "orders/deep/rec", "orders-old/x"]);
        let closed = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        assert_eq!(
            told(&saved_rows(&requests, &closed(&[]))),
            ["0 GET health", "0 - orders-old", "1 GET x", "0 - orders", "1 - deep", "2 record rec", "1 GET place"]
        );
        assert_eq!(told(&saved_rows(&requests, &closed(&["orders"]))), ["0 GET health", "0 - orders-old", "1 GET x", "0 + orders"]);
        assert_eq!(told(&saved_rows(&requests, &closed(&["orders/deep"])))[4..], ["1 + deep", "1 GET place"]);
    }

    #[test]
    fn a_path_that_cannot_be_saved_to_says_why() {
        for path in ["", " ", "a//b", "/a", "a/", ".a", "a/../b", "a\\b"] {
            assert!(path_mistake(path).is_some(), "{path}");
        }
        assert_eq!(path_mistake("orders/place an order"), None);
    }
}
