//! A family of sources has one home. What the program says of it stands in its one file, and it is named in the few places that are listed
//! here: whoever adds a family touches these, its crate and the sample profile, and nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// The families, as the folders of their collectors are called.
fn families() -> Vec<String> {
    let folders = std::fs::read_dir(root().join("collectors")).expect("a folder");
    let names = folders.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut families: Vec<String> = names.filter(|name| name != "model").collect();
    families.sort();
    families
}

/// The code of the program below a folder, without tests and what they are made with: each file's path from the workspace, and its text.
fn product(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if ["target", "tests", "testing", "benches"].contains(&stem.as_str()) || stem.ends_with("_tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("text");
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
                found.push((path.strip_prefix(root()).expect("inside").to_string_lossy().replace('\\', "/"), code));
            }
        }
    }
    found
}

/// Whether code names a family: its kind, its settings, or its collector.
fn names(code: &str, family: &str) -> bool {
    let variant = family[..1].to_uppercase() + &family[1..];
    let words = ["SourceKind::", "SourceProfile::", "Prepared::"].map(|of| format!("{of}{variant}"));
    words.iter().chain([&format!("{variant}Profile"), &format!("switchboard_{family}")]).any(|word| code.contains(word.as_str()))
}

#[test]
fn a_family_is_named_in_its_home_and_where_families_are_listed() {
    let files = product("app");
    assert!(files.len() > 100 && families().len() >= 4);
    for family in families() {
        let mut expected = BTreeSet::from([
            // All that is said of it.
            format!("app/desk/src/sources/{family}.rs"),
            // The one list, which everything else asks.
            "app/desk/src/sources.rs".to_owned(),
            // Its collector's start.
            "app/desk/src/session/collector.rs".to_owned(),
        ]);
        expected.extend(
            match family.as_str() {
                // Its ports can be given on the command line.
                "otlp" => &["app/src/main.rs"][..],
                // Records are read again from it and sent to it; replaying asks for its id.
                "kafka" => &["app/desk/src/session/kafka_access.rs", "app/desk/src/replay/desk.rs"],
                _ => &[],
            }
            .iter()
            .map(|file| (*file).to_owned()),
        );
        let found: BTreeSet<String> = files.iter().filter(|(_, code)| names(code, &family)).map(|(path, _)| path.clone()).collect();
        assert_eq!(found, expected, "{family}");
    }
}

#[test]
fn a_family_is_seen_however_it_is_named() {
    for code in ["source.kind == SourceKind::Kafka", "SourceProfile::Kafka(kafka)", "use x::KafkaProfile;", "switchboard_kafka::Config"] {
        assert!(names(code, "kafka") && !names(code, "grpc"), "{code}");
    }
    assert!(!names("let kafka = \"Kafka\";", "kafka"));
}
