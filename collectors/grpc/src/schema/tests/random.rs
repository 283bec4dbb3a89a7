//! Messages and descriptors that nobody wrote.

use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::prost_types::field_descriptor_proto::Label;
use prost_reflect::prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet, MessageOptions};

use super::super::*;
use super::{shop_descriptors, shop_once};

/// JSON of an item and of an order's simpler fields.
fn orders() -> impl Strategy<Value = serde_json::Value> {
    let item = ("[a-zé\\\\\"\n]{0,8}", any::<i32>(), any::<Option<bool>>()).prop_map(|(sku, quantity, gift)| {
        let mut item = serde_json::json!({"sku": sku, "quantity": quantity});
        if let Some(gift) = gift {
            item["gift"] = gift.into();
        }
        item
    });
    let lists = (prop::collection::vec(item.clone(), 0..4), prop::collection::hash_map("[a-z]{0,3}", item, 0..4));
    (any::<i64>(), any::<u64>(), any::<f64>(), 0..3_i32, lists, any::<bool>()).prop_map(|(id, total, price, color, (items, by_sku), paid)| {
        let color = ["COLOR_UNKNOWN", "RED"].get(color as usize).map_or(serde_json::json!(9), |name| serde_json::json!(name));
        serde_json::json!({"id": id.to_string(), "total": total.to_string(), "price": if price.is_finite() { price } else { 0.5 },
            "color": color, "items": items, "bySku": by_sku, "paid": paid})
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded_to_the_same(order in orders()) {
        let schema = shop_once();
        let bytes = schema.encode("/shop.Shop/Get", &order.to_string()).expect("a message");
        let decoded = schema.decode("/shop.Shop/Get", true, &bytes).expect("a message");
        prop_assert_eq!((decoded.num_unknown_fields, decoded.num_opaque), (0, 0));
        let read: serde_json::Value = serde_json::from_str(&decoded.json).expect("JSON");
        // What has its default value is left out of canonical JSON.
        for (name, value) in read.as_object().expect("an object") {
            if name != "items" && name != "bySku" {
                prop_assert_eq!(value, &order[name]);
            }
        }
        prop_assert_eq!(schema.encode("/shop.Shop/Get", &decoded.json).expect("again").len(), bytes.len());
    }

    #[test]
    fn no_bytes_break_the_reader_of_messages(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let schema = shop_once();
        if let Ok(decoded) = schema.decode("/shop.Shop/Get", true, &bytes) {
            serde_json::from_str::<serde_json::Value>(&decoded.json).expect("JSON");
        }
        let _ = schema.status_details(&bytes);
    }

    #[test]
    fn no_descriptors_break_their_reader(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..17, -2..30), 1..6)) {
        let mut set = FileDescriptorSet::decode(shop_descriptors()).expect("descriptors");
        for (message, field, what, number) in edits {
            edit(&mut set.file[0], message, field, what, number);
        }
        read_all(&set.encode_to_vec());
    }

    #[test]
    fn no_bytes_break_the_reader_of_descriptors(edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let mut bytes = shop_descriptors().to_vec();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_all(&bytes);
    }
}

/// Does all that can be done with a schema.
fn read_all(bytes: &[u8]) {
    let Ok(schema) = Schema::from_descriptor_set(bytes) else { return };
    for method in schema.methods() {
        let _ = schema.outline(&method.input);
        let template = schema.template(&method.path).expect("a template");
        if let Ok(bytes) = schema.encode(&method.path, &template) {
            let _ = schema.decode(&method.path, true, &bytes);
            let _ = schema.decode(&method.path, false, &bytes);
        }
    }
}

/// Makes a field, or the message around it, say something that no compiler would.
fn edit(file: &mut FileDescriptorProto, message: prop::sample::Index, field: prop::sample::Index, what: i32, number: i32) {
    let mut names = vec![".shop.Order.ByNumberEntry", ".shop.Color", ".shop.Order", ".google.protobuf.Any", ".google.protobuf.NullValue", "Order", "", "."];
    names.push(".shop.Tree.NamedEntry");
    let mut messages: Vec<&mut DescriptorProto> = Vec::new();
    for message in &mut file.message_type {
        // Its entries of maps are messages, too; one of them at a time.
        if number % 2 == 0 && !message.nested_type.is_empty() {
            messages.extend(message.nested_type.iter_mut());
        } else {
            messages.push(message);
        }
    }
    let at = message.index(messages.len());
    let message = &mut *messages[at];
    let num_fields = message.field.len();
    if num_fields == 0 {
        return;
    }
    let field = &mut message.field[field.index(num_fields)];
    match what {
        0 => field.r#type = Some(number),
        1 => field.r#type = None,
        2 => field.label = Some(number),
        3 => field.type_name = Some(names[number.unsigned_abs() as usize % names.len()].to_owned()),
        4 => field.type_name = None,
        5 => field.oneof_index = Some(number),
        6 => field.proto3_optional = Some(true),
        7 => field.number = Some(number),
        8 => field.number = None,
        9 => field.default_value = Some(["", "1", "nan", "RED", "\\"][number.unsigned_abs() as usize % 5].to_owned()),
        10 => field.json_name = Some(["", "a", "id"][number.unsigned_abs() as usize % 3].to_owned()),
        11 => field.options.get_or_insert_default().packed = Some(true),
        12 => field.label = Some(Label::Repeated as i32),
        13 => message.options = Some(MessageOptions { map_entry: Some(number > 3), ..MessageOptions::default() }),
        14 => message.oneof_decl.truncate(number.unsigned_abs() as usize % 3),
        15 => file.syntax = Some(["proto2", "proto3", "editions", ""][number.unsigned_abs() as usize % 4].to_owned()),
        _ => field.extendee = Some(".shop.Item".to_owned()),
    }
}
