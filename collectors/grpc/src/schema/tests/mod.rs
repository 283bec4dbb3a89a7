//! Schemas as servers and files bring them.

mod details;
mod files;
mod messages;
mod random;

use prost::Message as _;
use prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use prost_reflect::prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};

use super::*;

const SHOP: &str = r#"
    syntax = "proto3";
    package shop;
    import "google/protobuf/any.proto";
    import "google/protobuf/duration.proto";
    import "google/protobuf/empty.proto";
    import "google/protobuf/field_mask.proto";
    import "google/protobuf/struct.proto";
    import "google/protobuf/timestamp.proto";
    import "google/protobuf/wrappers.proto";
    enum Color { COLOR_UNKNOWN = 0; RED = 1; }
    message Item { string sku = 1; int32 quantity = 2; optional bool gift = 3; }
    message Tree { string name = 1; repeated Tree children = 2; Tree left = 3; map<string, Tree> named = 4; }
    message Order {
        int64 id = 1;
        uint64 total = 2;
        double price = 3;
        bytes proof = 4;
        bool paid = 5;
        Color color = 6;
        repeated Color colors = 7;
        repeated Item items = 8;
        map<string, Item> by_sku = 9;
        map<int32, string> by_number = 10;
        map<bool, int64> by_truth = 11;
        oneof payment { string card = 12; Item voucher = 13; }
        Tree tree = 14;
        google.protobuf.Timestamp at = 15;
        google.protobuf.Duration within = 16;
        google.protobuf.StringValue note = 17;
        google.protobuf.Int64Value big = 18;
        google.protobuf.DoubleValue ratio = 19;
        google.protobuf.Struct extra = 20;
        google.protobuf.Value anything = 21;
        google.protobuf.ListValue list = 22;
        google.protobuf.Any any = 23;
        google.protobuf.FieldMask mask = 24;
        google.protobuf.Empty empty = 25;
        google.protobuf.NullValue nothing = 26;
        float weight = 27;
        string order_name = 28;
    }
    service Shop {
        rpc Get(Order) returns (Item);
        rpc Put(stream Item) returns (Order);
        rpc List(google.protobuf.Empty) returns (stream Item) { option deprecated = true; }
        rpc Chat(stream Item) returns (stream Item);
        rpc Name(google.protobuf.StringValue) returns (google.protobuf.Timestamp);
    }
"#;

fn compiled(files: &[(&str, &str)]) -> Result<Schema, SchemaError> {
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<_> = files.iter().map(|(name, _)| folder.path().join(name)).collect();
    for ((_, text), path) in files.iter().zip(&paths) {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    Schema::from_protos(&paths[..1], &[folder.path().to_owned()])
}

fn shop() -> Schema {
    compiled(&[("shop.proto", SHOP)]).expect("a schema")
}

/// Descriptors of files as a compiler makes them, well-known ones included.
fn descriptors(name: &str, text: &str) -> FileDescriptorSet {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(name), text).expect("a file");
    protox::compile([folder.path().join(name)], [folder.path()]).expect("compiles")
}

fn opened(files: Vec<FileDescriptorProto>) -> Schema {
    Schema::from_descriptor_set(&FileDescriptorSet { file: files }.encode_to_vec()).expect("a schema")
}

fn file(name: &str, imports: &[&str], messages: Vec<DescriptorProto>) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(format!("{name}.proto")),
        package: Some(name.to_owned()),
        dependency: imports.iter().map(|import| format!("{import}.proto")).collect(),
        message_type: messages,
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    }
}

fn message(name: &str, fields: Vec<FieldDescriptorProto>) -> DescriptorProto {
    DescriptorProto { name: Some(name.to_owned()), field: fields, ..DescriptorProto::default() }
}

fn field(name: &str, number: i32, kind: Type, type_name: Option<&str>) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional as i32),
        r#type: Some(kind as i32),
        type_name: type_name.map(str::to_owned),
        ..FieldDescriptorProto::default()
    }
}

fn shop_once() -> &'static Schema {
    static SHOP: std::sync::OnceLock<Schema> = std::sync::OnceLock::new();
    SHOP.get_or_init(shop)
}

/// Descriptors of the shop alone, without what it imports.
fn shop_descriptors() -> &'static [u8] {
    static BYTES: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    BYTES.get_or_init(|| {
        let set = descriptors("shop.proto", SHOP);
        FileDescriptorSet { file: set.file.into_iter().filter(|file| file.name() == "shop.proto").collect() }.encode_to_vec()
    })
}
