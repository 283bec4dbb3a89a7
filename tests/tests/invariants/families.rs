//! A family of sources has one home. What the program says of it stands in its one file, and it is named in the few places that are listed
//! here: whoever adds a family touches these, its crate and the sample profile, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use switchboard_desk::sources::Family;

use crate::checks::names_last;
use crate::house::{Package, packages, where_it_is};
use crate::source::Source;

/// Where all that is said of a family stands.
pub fn home(family: &str) -> String {
    format!("app/desk/src/sources/{family}.rs")
}

/// Where it is named besides.
fn named_in(family: &str) -> &'static [&'static str] {
    // The one list, which everything else asks, and its collector's start.
    match family {
        // Its ports can be given on the command line.
        "otlp" => &["app/desk/src/sources.rs", "app/desk/src/session/collector.rs", "app/src/main.rs"],
        // Records are read again from it and sent to it.
        "kafka" => &["app/desk/src/sources.rs", "app/desk/src/session/collector.rs", "app/desk/src/session/kafka_access.rs"],
        // Requests are sent to it.
        "http" => &["app/desk/src/sources.rs", "app/desk/src/session/collector.rs", "app/desk/src/session/servers.rs"],
        // Calls are sent to it, over connections that are kept.
        "grpc" => &["app/desk/src/sources.rs", "app/desk/src/session/collector.rs", "app/desk/src/session/kept_callers.rs", "app/desk/src/session/servers.rs"],
        _ => &["app/desk/src/sources.rs", "app/desk/src/session/collector.rs"],
    }
}

/// Whether code names a family: its kind, its settings, or its collector.
fn names(source: &Source, family: &str) -> bool {
    let variant = family[..1].to_uppercase() + &family[1..];
    ["SourceKind", "SourceProfile", "Prepared"].iter().any(|of| names_last(source, &format!("{of}::{variant}")))
        || source.has_word(&format!("{variant}Profile"))
        || source.names(&format!("switchboard_{family}"))
}

#[test]
fn a_family_is_named_in_its_home_and_where_families_are_listed() {
    let packages = packages();
    let families: Vec<&str> = packages.iter().filter(|package| package.is_collector()).map(Package::family).collect();
    assert!(families.contains(&"kafka"), "{families:?}");
    for family in families {
        let expected: BTreeSet<String> = named_in(family).iter().map(|file| (*file).to_owned()).chain([home(family)]).collect();
        let program = packages.iter().filter(|package| package.folder.starts_with("app"));
        let mut found = where_it_is(program, |source| names(source, family));
        // What tests are made with.
        found.retain(|file| !file.contains("/testing/"));
        assert_eq!(found, expected, "{family}");
    }
}

/// Names that others have: a product, and attributes of OpenTelemetry.
const NAMES_OF_OTHERS: &[&str] = &["kafka-ui", "messaging.kafka."];

/// Whether a text of the code names a family, in whatever case: as it is called, or as its table of the profile is.
fn says(source: &Source, family: &Family) -> bool {
    let texts = source.code.iter().filter(|token| token.contains('"'));
    let mut own = texts.map(|text| NAMES_OF_OTHERS.iter().fold(text.to_lowercase(), |text, name| text.replace(name, "")));
    let names = [family.word, family.table].map(str::to_lowercase);
    own.any(|text| names.iter().any(|name| text.contains(name)))
}

#[test]
fn the_window_leaves_the_names_of_brokers_to_their_families() {
    let packages = packages();
    for family in Family::ALL.iter().filter(|family| family.kind.has_channels()) {
        let window = packages.iter().filter(|package| package.folder == "app/window");
        let mut found = where_it_is(window, |source| says(source, family));
        // Whose frames in a stack trace are a library's is told by the libraries' names.
        found.retain(|file| !file.contains("/testing/") && file != "app/window/src/widgets/stack_trace/frame.rs");
        assert!(found.is_empty(), "{found:?} name {} in a text: it is one of many brokers", family.word);
    }
    let kafka = Family::ALL.iter().find(|family| family.word == "Kafka").expect("a family");
    let said = |code: &str| says(&Source::new(Path::new("src/lib.rs"), code), kafka);
    assert!(said("fn f() { text(\"Add Kafka\") }") && said("const A: &str = r#\"Kafka\"#;") && said("text(\"Add a [[kafka]] table\")"));
    assert!(!said("// \"Kafka\"\nfn f() { SourceKind::Kafka }") && !said("text(\"Grafana, kafka-ui\"); get(\"messaging.kafka.offset\")"));
}

#[test]
fn a_family_is_seen_however_it_is_named() {
    for code in ["fn f() { s.kind == SourceKind::Kafka }", "fn f() { SourceProfile::Kafka(k) }", "use x::KafkaProfile;", "use switchboard_kafka as k;"] {
        let source = Source::new(Path::new("src/lib.rs"), code);
        assert!(names(&source, "kafka") && !names(&source, "grpc"), "{code}");
    }
    assert!(!names(&Source::new(Path::new("src/lib.rs"), "let kafka = \"SourceKind::Kafka\";"), "kafka"));
}
