//! Files of descriptors and `.proto` files, whole and broken.

use std::time::{Duration, Instant};

use prost::Message as _;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MessageOptions};

use super::super::*;
use super::{compiled, field, file, message, opened};

#[test]
fn a_file_that_is_broken_costs_itself_and_what_needs_it() {
    let good = file("good", &[], vec![message("Good", vec![])]);
    let bad = file("bad", &["good"], vec![message("Bad", vec![field("f", 1, Type::Message, Some(".nowhere.Nothing"))])]);
    let needs = file("needs", &["bad"], vec![message("Needs", vec![field("f", 1, Type::Message, Some(".bad.Bad"))])]);
    // Needs nothing of what is missing: an import for options alone, as many have that servers do not serve.
    let merely = file("merely", &["validate", "good"], vec![message("Merely", vec![field("f", 1, Type::Message, Some(".good.Good"))])]);
    let schema = opened(vec![needs, bad, merely, good]);
    let known = |name: &str| schema.outline(name).is_some();
    assert!(known("good.Good") && known("merely.Merely") && !known("bad.Bad") && !known("needs.Needs"));
    for part in ["bad.proto was left out", "needs.proto was left out", "merely.proto imports validate.proto, which is not there"] {
        assert!(schema.notes().iter().any(|note| note.contains(part)), "{part}: {:?}", schema.notes());
    }
}

#[test]
fn files_that_import_each_other_in_a_circle_are_left_out() {
    let circle = |name: &str, other: &str| file(name, &[other], vec![message("M", vec![])]);
    let schema =
        opened(vec![circle("a", "b"), circle("b", "c"), circle("c", "a"), circle("d", "a"), circle("own", "own"), file("e", &[], vec![message("M", vec![])])]);
    assert!(schema.outline("e.M").is_some() && schema.outline("a.M").is_none());
    assert_eq!(schema.notes().len(), 5, "{:?}", schema.notes());
}

#[test]
fn public_imports_are_seen_through_as_many_files_as_they_pass() {
    let mut files = vec![file("f0", &[], vec![message("M", vec![])])];
    for level in 1..1_000 {
        let mut next = file(&format!("f{level}"), &[&format!("f{}", level - 1)], vec![]);
        next.public_dependency = vec![0];
        files.push(next);
    }
    files.push(file("last", &["f999"], vec![message("Last", vec![field("f", 1, Type::Message, Some(".f0.M"))])]));
    let schema = opened(files);
    assert!(schema.outline("last.Last").is_some(), "{:?}", schema.notes());
}

#[test]
fn public_imports_that_cross_take_no_time_without_measure() {
    // Each of 60 layers imports both files of the one below, and all before: followed one by one these are 2^60 ways.
    let mut files: Vec<FileDescriptorProto> = Vec::new();
    for layer in 0..60 {
        let imports: Vec<String> = files.iter().rev().map(|file| file.package().to_owned()).collect();
        for side in ["l", "r"] {
            let imports: Vec<_> = imports.iter().map(String::as_str).collect();
            let mut next = file(&format!("{side}{layer}"), &imports, vec![]);
            next.public_dependency = (0..imports.len() as i32).collect();
            files.push(next);
        }
    }
    let began = Instant::now();
    let _ = opened(files);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn descriptors_that_cost_more_than_they_hold_are_left_out() {
    let values = |count: i32| (0..count).rev().map(|number| EnumValueDescriptorProto { name: Some(format!("V{number}")), number: Some(number), options: None });
    let mut hostile = Vec::new();
    let mut large = file("large", &[], vec![]);
    large.enum_type.push(EnumDescriptorProto { name: Some("E".to_owned()), value: values(200_000).collect(), ..EnumDescriptorProto::default() });
    hostile.push(large);
    let mut empty = file("empty", &[], vec![]);
    empty.enum_type.push(EnumDescriptorProto { name: Some("E".to_owned()), ..EnumDescriptorProto::default() });
    hostile.push(empty);
    hostile.push(file("long", &[], vec![message(&"M".repeat(2_000), vec![])]));
    hostile.push(FileDescriptorProto { package: Some("a.".repeat(100_000)), ..file("dots", &[], vec![]) });
    for (name, fields) in [
        ("none", vec![]),
        ("one", vec![field("key", 1, Type::String, None)]),
        ("double", vec![field("key", 1, Type::Double, None), field("value", 2, Type::String, None)]),
        ("numbers", vec![field("key", 3, Type::String, None), field("value", 4, Type::String, None)]),
    ] {
        let mut entry = message("FEntry", fields);
        entry.options = Some(MessageOptions { map_entry: Some(true), ..MessageOptions::default() });
        let mut holder = message("M", vec![FieldDescriptorProto { label: Some(Label::Repeated as i32), ..field("f", 1, Type::Message, Some(".x.M.FEntry")) }]);
        holder.nested_type.push(entry);
        hostile.push(FileDescriptorProto { package: Some("x".to_owned()), ..file(&format!("entry_{name}"), &[], vec![holder]) });
    }
    let num_hostile = hostile.len();
    hostile.push(file("good", &[], vec![message("M", vec![])]));
    let began = Instant::now();
    let schema = opened(hostile);
    assert!(schema.outline("good.M").is_some() && schema.outline("x.M").is_none());
    assert_eq!(schema.notes().len(), num_hostile, "{:?}", schema.notes());
    assert!(schema.notes().iter().all(|note| note.len() < 1_000) && began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn thousands_of_broken_files_are_not_tried_one_by_one() {
    let files = (0..5_000).map(|number| file(&format!("f{number}"), &[], vec![message("M", vec![field("f", 1, Type::Message, Some(".no.M"))])]));
    let began = Instant::now();
    let schema = opened(files.collect());
    assert_eq!(schema.notes().len(), 101);
    assert!(schema.notes()[100].contains("4900 more") && began.elapsed() < Duration::from_secs(5), "{:?}: {:?}", began.elapsed(), schema.notes().last());
}

#[test]
fn ten_thousand_types_open_within_a_second() {
    let files = ten_thousand();
    let bytes = FileDescriptorSet { file: files }.encode_to_vec();
    let began = Instant::now();
    let schema = Schema::from_descriptor_set(&bytes).expect("a schema");
    let took = began.elapsed();
    println!("10,000 types, {} bytes: {took:?}", bytes.len());
    assert!(schema.outline("p99.M99").is_some() && schema.notes().is_empty(), "{:?}", schema.notes());
    assert!(took < Duration::from_secs(1), "{took:?}");
}

fn ten_thousand() -> Vec<FileDescriptorProto> {
    let types = |number: usize| {
        let types = (0..100).map(|at| {
            let other = format!(".p{}.M{at}", number.saturating_sub(1));
            let held = (number > 0).then(|| field("held", 4, Type::Message, Some(&other)));
            let fields = [("id", Type::Int64), ("name", Type::String), ("paid", Type::Bool)];
            let fields = fields.iter().zip(1..).map(|((name, kind), number)| field(name, number, *kind, None)).chain(held);
            message(&format!("M{at}"), fields.collect())
        });
        types.collect::<Vec<_>>()
    };
    (0..100).map(|number| file(&format!("p{number}"), &[format!("p{}", number.max(1) - 1).as_str()][..usize::from(number > 0)], types(number))).collect()
}

#[test]
fn errors_of_proto_files_name_their_place() {
    let error = |files: &[(&str, &str)]| compiled(files).expect_err("an error").to_string();
    let told = error(&[("a.proto", "syntax = \"proto3\";\n\nmessage A { strin name = 1; }\n")]);
    assert!(told.starts_with("a.proto:3:") && told.contains("strin"), "{told}");
    let told = error(&[("b/a.proto", "syntax = \"proto3\";\nmessage {")]);
    assert!(told.starts_with("b/a.proto:2:"), "{told}");
    let told = error(&[("a.proto", "syntax = \"proto3\";\nimport \"other/b.proto\";\n")]);
    assert!(told.starts_with("a.proto:2:") && told.contains("other/b.proto") && told.contains("folder"), "{told}");
    let told = error(&[("a.proto", "import \"b.proto\";"), ("b.proto", "import \"a.proto\";")]);
    assert!(told.contains("cycle"), "{told}");
    let told = Schema::from_protos(&["/nowhere/a.proto".into()], &[]).expect_err("an error").to_string();
    assert!(told.contains("/nowhere/a.proto") && told.contains("folder"), "{told}");
    let deep = format!("syntax = \"proto3\"; option java_package = {}", "{".repeat(100_000));
    assert!(error(&[("a.proto", &deep)]).contains("brackets"));
    let told = error(&[("a.proto", "import \"../a.proto\";")]);
    assert!(told.starts_with("a.proto:1:8"), "{told}");
}

#[test]
fn files_are_found_in_several_folders() {
    let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    std::fs::write(one.path().join("a.proto"), "syntax = \"proto3\"; import \"b.proto\"; service S { rpc M(B) returns (B); }").expect("a file");
    std::fs::write(other.path().join("b.proto"), "syntax = \"proto3\"; message B { string s = 1; }").expect("a file");
    let schema = Schema::from_protos(&[one.path().join("a.proto")], &[one.path().to_owned(), other.path().to_owned()]).expect("a schema");
    assert_eq!(schema.methods()[0].path, "/S/M");
}

#[test]
fn files_of_an_edition_are_read_as_proto3_whose_fields_tell_whether_they_are_set() {
    let mut edition = file("edition", &[], vec![message("M", vec![field("name", 1, Type::String, None)])]);
    edition.syntax = Some("editions".to_owned());
    let schema = opened(vec![edition]);
    assert!(schema.outline("edition.M").is_some(), "{:?}", schema.notes());
}

#[test]
fn what_is_no_set_of_descriptors_is_told() {
    for bytes in [&b""[..], b"hello", &[0x0a, 0xff]] {
        assert!(matches!(Schema::from_descriptor_set(bytes), Err(SchemaError::NoDescriptors(_))), "{bytes:?}");
    }
    assert!(matches!(Schema::from_descriptor_set(&vec![0; SCHEMA_BYTES_MAX + 1]), Err(SchemaError::TooLarge(_))));
}
