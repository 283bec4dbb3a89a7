//! The house as its folders are: packages, what they depend on, and their sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::source::Source;

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// A file's text.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A package.
pub struct Package {
    /// Its folder, from the workspace's: `collectors/model`.
    pub folder: String,
    /// Its name: `switchboard-model`.
    pub name: String,
    /// Packages that it depends on, by their own names, without those of its tests.
    pub dependencies: BTreeSet<String>,
    /// Whether it is a workspace of its own.
    pub is_apart: bool,
    /// What is compiled beside tests, features included.
    pub product: Vec<Source>,
    /// Files that are compiled for tests alone.
    pub unit_tests: BTreeSet<PathBuf>,
}

impl Package {
    /// The package's name as code writes it.
    pub fn crate_name(&self) -> String {
        self.name.replace('-', "_")
    }

    /// The family of sources that it reads, as its folder is called.
    pub fn family(&self) -> &str {
        self.folder.trim_start_matches("collectors/")
    }

    /// Whether it reads a family of sources.
    pub fn is_collector(&self) -> bool {
        self.folder.starts_with("collectors/") && self.folder != "collectors/model"
    }
}

/// All packages that there are, found by their manifests.
pub fn packages() -> Vec<Package> {
    let renamed = renamed(&parsed(&root().join("Cargo.toml"))["workspace"]["dependencies"]);
    let mut manifests: Vec<PathBuf> =
        files(&root(), "toml").into_iter().filter(|path| path.ends_with("Cargo.toml") && *path != root().join("Cargo.toml")).collect();
    manifests.sort();
    manifests.iter().map(|manifest| package(manifest, &renamed)).collect()
}

/// The package of this folder.
pub fn package_in(folder: &str) -> Package {
    packages().into_iter().find(|package| package.folder == folder).unwrap_or_else(|| panic!("no package lies in {folder}"))
}

fn parsed(manifest: &Path) -> toml::Table {
    read(manifest).parse().unwrap_or_else(|error| panic!("{}: {error}", manifest.display()))
}

/// Names under which others are known.
fn renamed(dependencies: &toml::Value) -> BTreeMap<String, String> {
    let table = dependencies.as_table().expect("a table");
    table.iter().filter_map(|(name, value)| Some((name.clone(), value.get("package")?.as_str()?.to_owned()))).collect()
}

/// What a manifest depends on beside its tests, on whatever system.
pub fn dependencies(manifest: &toml::Table, renamed_in_workspace: &BTreeMap<String, String>) -> BTreeSet<String> {
    let of_targets =
        manifest.get("target").and_then(|targets| targets.as_table()).into_iter().flat_map(|targets| targets.values().filter_map(|target| target.as_table()));
    let tables = std::iter::once(manifest).chain(of_targets);
    let lists = tables.flat_map(|table| ["dependencies", "build-dependencies"].into_iter().filter_map(|kind| table.get(kind)));
    let mut found = BTreeSet::new();
    for list in lists {
        let renamed = renamed(list);
        let names = list.as_table().expect("a table").keys();
        found.extend(names.map(|name| renamed.get(name).or_else(|| renamed_in_workspace.get(name)).unwrap_or(name).clone()));
    }
    found
}

fn package(path: &Path, renamed: &BTreeMap<String, String>) -> Package {
    let manifest = parsed(path);
    let folder = path.parent().expect("a folder");
    let mut package = Package {
        folder: from_root(folder),
        name: manifest["package"]["name"].as_str().expect("a name").to_owned(),
        dependencies: dependencies(&manifest, renamed),
        is_apart: manifest.contains_key("workspace"),
        product: Vec::new(),
        unit_tests: BTreeSet::new(),
    };
    let roots = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file));
    let mut left: Vec<(PathBuf, bool)> = roots.into_iter().filter(|file| file.is_file()).map(|file| (file, false)).collect();
    while let Some((path, is_for_tests)) = left.pop() {
        let source = Source::new(&path, &read(&path));
        left.extend(source.modules.iter().map(|module| (module.path.clone(), is_for_tests || module.is_for_tests)));
        if is_for_tests {
            package.unit_tests.insert(path);
        } else {
            package.product.push(source);
        }
    }
    package
}

/// A path from the workspace's folder, with `/`.
pub fn from_root(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// Every file below a folder whose name ends so, but for what is built and what is hidden.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        let is_passed_by = path.file_name().is_some_and(|name| name == "target" || name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !is_passed_by {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

/// Files of packages whose code is so, from the workspace's folder.
pub fn where_it_is<'p>(packages: impl IntoIterator<Item = &'p Package>, is_so: impl Fn(&Source) -> bool) -> BTreeSet<String> {
    let sources = packages.into_iter().flat_map(|package| &package.product);
    sources.filter(|source| is_so(source)).map(|source| from_root(&source.path)).collect()
}

/// The same of one package.
pub fn where_in(folder: &str, is_so: impl Fn(&Source) -> bool) -> BTreeSet<String> {
    where_it_is([&package_in(folder)], is_so)
}

pub fn none() -> BTreeSet<String> {
    BTreeSet::new()
}

pub fn these<const N: usize>(files: [&str; N]) -> BTreeSet<String> {
    files.map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_is_known_by_its_own_name() {
        let manifest = "[dependencies]\nserde.workspace = true\nquick = { package = \"tokio\", version = \"1\" }\n[target.'cfg(unix)'.dependencies]\nnix = \"1\"\n\
            [build-dependencies]\ncc = \"1\"\nhidden.workspace = true\n[dev-dependencies]\ntempfile = \"3\"\n";
        let renamed = BTreeMap::from([("hidden".to_owned(), "reqwest".to_owned())]);
        let found = dependencies(&manifest.parse().expect("valid"), &renamed);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["cc", "nix", "reqwest", "serde", "tokio"]);
    }

    #[test]
    fn every_source_file_belongs_to_its_package() {
        for package in packages() {
            let folder = root().join(&package.folder).join("src");
            if package.is_apart {
                continue;
            }
            for file in files(&folder, "rs") {
                let is_product = package.product.iter().any(|source| source.path == file);
                assert!(is_product || package.unit_tests.contains(&file), "{} is of no module of {}", from_root(&file), package.name);
            }
        }
    }
}
