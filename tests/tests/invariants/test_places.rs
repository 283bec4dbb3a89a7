//! Where tests stand, by the one rule that CONTRIBUTING has: where Rust looks for them without being told.

use std::collections::BTreeSet;
use std::path::Path;

use crate::house::{files, from_root, packages, read, root};
use crate::source::tokens;

/// Modules that are told where they stand: the file that declares them, and their path.
const TOLD: &[(&str, &str)] = &[
    // What fuzzes is a workspace of its own, and no package that could be depended on here.
    ("tests/tests/corpora.rs", "../fuzz/src/seeds/mod.rs"),
    ("tests/tests/corpora.rs", "../fuzz/src/targets/mod.rs"),
    // Benches of two packages measure the processor's time alike; no library needs that.
    ("tests/benches/ingest.rs", "../../collectors/otlp/benches/processor_time/mod.rs"),
    ("tests/benches/loopback.rs", "../../collectors/otlp/benches/processor_time/mod.rs"),
    // All test programs of the engine make batches by it, those with parts too; the engine knows nothing of them, and has no feature for it.
    ("app/engine/tests/cases_calls/main.rs", "../batches/mod.rs"),
    ("app/engine/tests/queries/main.rs", "../batches/mod.rs"),
];

/// Paths that modules of a source are told to stand at.
fn paths_told(text: &str) -> Vec<&str> {
    let is_told = |window: &&[&str]| matches!(window, ["[" | ",", "path", "=", path] if path.starts_with('"'));
    tokens(text).windows(4).filter(is_told).map(|window| window[3].trim_matches('"')).collect()
}

#[test]
fn no_module_is_told_where_it_stands() {
    let text = "#[cfg(test)]\n#[path = \"a.rs\"]\nmod a;\n#[cfg_attr(test, path = \"b.rs\")] mod b; // #[path = \"c.rs\"]\nlet path = \"#[path = d]\";";
    assert_eq!(paths_told(text), ["a.rs", "b.rs"]);
    let mut found = BTreeSet::new();
    for file in files(&root(), "rs") {
        let text = read(&file);
        found.extend(paths_told(&text).into_iter().map(|path| (from_root(&file), path.to_owned())));
    }
    let told: BTreeSet<(String, String)> = TOLD.iter().map(|(file, path)| ((*file).to_owned(), (*path).to_owned())).collect();
    assert_eq!(found, told);
}

/// Whether a file may hold tests that are all it is for, by its path from the package's sources.
fn is_place_of_tests(file: &Path) -> bool {
    file.ends_with("tests.rs") || file.components().any(|part| part.as_os_str() == "tests")
}

/// Whether a source has a test.
fn has_tests(text: &str) -> bool {
    tokens(text).windows(3).any(|window| matches!(window, ["[" | "::", "test", "]" | "("] | ["proptest", "!", _]))
}

#[test]
fn unit_tests_that_have_a_file_are_the_module_tests_or_below_it() {
    for (file, is_place) in [
        ("flow/tests.rs", true),
        ("flow/tests/calls.rs", true),
        ("flow/tests/mod.rs", true),
        ("flow/calls_tests.rs", false),
        ("flow/attests.rs", false),
        ("flow/sample.rs", false),
    ] {
        assert_eq!(is_place_of_tests(Path::new(file)), is_place, "{file}");
    }
    for text in ["#[test]\nfn f() {}", "#[tokio::test(flavor = \"multi_thread\")]\nasync fn f() {}", "proptest! { fn f() {} }"] {
        assert!(has_tests(text), "{text}");
    }
    assert!(!has_tests("// #[test]\nfn test() { \"#[test]\" }"));
    let mut num_found = 0;
    for package in packages() {
        let sources = root().join(&package.folder).join("src");
        for file in package.unit_tests.iter().filter(|file| has_tests(&read(file))) {
            num_found += 1;
            let path = file.strip_prefix(&sources).expect("a module of the package");
            assert!(is_place_of_tests(path), "{} is not where Rust looks for tests", from_root(file));
        }
    }
    assert!(num_found >= 30, "only {num_found} files were found");
}

/// Names of modules and files of tests that say by their end what their place should.
fn named_after_tests<'t>(file: &'t Path, text: &'t str) -> Vec<&'t str> {
    let tokens = tokens(text);
    let modules = tokens.windows(2).filter_map(|window| if let ["mod", name] = window { Some(*name) } else { None });
    let names = file.file_stem().and_then(|stem| stem.to_str()).into_iter().chain(modules);
    names.filter(|name| name.ends_with("_tests") || name.ends_with("_test")).collect()
}

#[test]
fn no_module_of_tests_has_a_name_of_its_own() {
    let named = named_after_tests(Path::new("src/map/panel_tests.rs"), "mod tests;\nmod unit_tests { fn one_test() {} }");
    assert_eq!(named, ["panel_tests", "unit_tests"]);
    for file in files(&root(), "rs") {
        let text = read(&file);
        let found = named_after_tests(&file, &text);
        assert!(found.is_empty(), "{}: {found:?} stands where Rust does not look for tests", from_root(&file));
    }
}
