//! The top level, and what the pages name.

use crate::house::{read, root};

/// What is allowed at the top, beside what begins with a dot.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "app",
    "assets",
    "collectors",
    "screenshots",
    "target",
    "tests",
];

#[test]
fn the_top_level_is_tidy() {
    for entry in std::fs::read_dir(root()).expect("a folder") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || TOP.contains(&name.as_str()), "{name} does not belong at the top");
    }
}

/// Paths from the workspace's folder that a page names in backticks; those with a `*` or a `…` are meant for many.
fn paths_named(page: &str) -> Vec<&str> {
    let is_path = |text: &&str| {
        let first = text.split('/').next().unwrap_or_default();
        text.contains('/') && (["app", "assets", "collectors", "screenshots", "tests"].contains(&first) || text.starts_with(".ci/"))
    };
    let quoted = page.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    let words = quoted.filter_map(|text| text.split_whitespace().next());
    words.filter(is_path).filter(|text| !text.contains(['*', '…', '<', '$'])).collect()
}

#[test]
fn what_pages_name_is_there() {
    assert_eq!(paths_named("see `app/gone.rs` and `.ci/lane NAME`, not `a/b`, `app/*` or app/x"), ["app/gone.rs", ".ci/lane"]);
    for page in ["README.md", "CONTRIBUTING.md", "app/ARCHITECTURE.md"] {
        let text = read(&root().join(page));
        let gone: Vec<&str> = paths_named(&text).into_iter().filter(|path| !root().join(path).exists()).collect();
        assert!(gone.is_empty(), "{page} names {gone:?}, which is not there");
    }
}
