//! Layers inside of the window: shell, views, and what is below them.

use std::collections::BTreeSet;
use std::path::Path;

use crate::house::{from_root, package_in};
use crate::source::Source;

/// What the window's package shows of its shell.
const OF_THE_SHELL: &[&str] = &["ScreenshotError", "ScreenshotOptions", "Stroke", "Strokes", "WindowApp", "run_window", "screenshot"];

/// What a file of the window names that lies above it or beside it: nothing below the views knows a view or the shell around them, no view knows
/// the shell or another view.
fn looks_up(file: &str, source: &Source) -> Vec<String> {
    let mut module: Vec<&str> = file.trim_start_matches("app/window/src/").trim_end_matches(".rs").split('/').collect();
    if matches!(module.last(), Some(&("mod" | "lib"))) {
        module.pop();
    }
    let is_above = |path: &[&str]| match (&module[..], path) {
        ([] | ["shell" | "testing", ..], _) => false,
        (_, ["shell" | "*", ..]) => true,
        (_, [name, ..]) if OF_THE_SHELL.contains(name) => true,
        (["views", view, ..], ["views", named, ..]) => view != named,
        (["views"], _) => false,
        (_, ["views", ..]) => true,
        _ => false,
    };
    let mut found = Vec::new();
    for path in source.paths() {
        let path: Vec<&str> = path.split("::").collect();
        let num_up = path.iter().take_while(|part| **part == "super").count();
        let of_crate = match path[0] {
            "crate" => path[1..].to_vec(),
            "super" => [&module[..module.len().saturating_sub(num_up)], &path[num_up..]].concat(),
            _ => continue,
        };
        if is_above(&of_crate) {
            found.push(of_crate.join("::"));
        }
    }
    found
}

#[test]
fn in_the_window_no_view_knows_another_one_and_nothing_below_knows_any() {
    let seen = |file: &str, text: &str| looks_up(file, &Source::new(Path::new("src/lib.rs"), text)).join(" ");
    for (file, text, found) in [
        ("views/map/panel/edge.rs", "use crate::{figures, views::{groups::cells, map::scene::find}};", "views::groups::cells"),
        ("views/map/panel/edge.rs", "use super::super::super::groups::cells;", "views::groups::cells"),
        ("views/map/panel/edge.rs", "use super::super::scene::find;", ""),
        ("views/map/mod.rs", "use super::groups;", "views::groups"),
        ("views/log/view.rs", "use crate::shell::settings::Settings;", "shell::settings::Settings"),
        ("widgets/detail/ui.rs", "use crate::views::breakers::strip_ui;", "views::breakers::strip_ui"),
        ("widgets/detail/ui.rs", "use crate::{WindowApp, figures};", "WindowApp"),
        ("widgets/detail/ui.rs", "use egui::Stroke;", ""),
        ("figures.rs", "use super::views::map;", "views::map"),
        ("views.rs", "use map::MapPane; use crate::view::View;", ""),
        ("shell/app.rs", "use crate::views::{Views, map};", ""),
    ] {
        assert_eq!(seen(&format!("app/window/src/{file}"), text), found, "{file}: {text}");
    }
    let window = package_in("app/window");
    let files: Vec<(String, &Source)> = window.product.iter().map(|source| (from_root(&source.path), source)).collect();
    let of_view = |file: &String| file.strip_prefix("app/window/src/views/")?.split_once('/').map(|(view, _)| view.to_owned());
    let views: BTreeSet<String> = files.iter().filter_map(|(file, _)| of_view(file)).collect();
    assert!(views.len() >= 8 && views.contains("map"), "{views:?}");
    for (file, source) in &files {
        let found = looks_up(file, source);
        assert!(found.is_empty(), "{file} must not know {found:?}");
    }
}
