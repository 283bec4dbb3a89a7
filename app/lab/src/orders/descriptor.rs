use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
    field_descriptor_proto::{Label, Type},
};

/// What orders says of itself when it is asked (`grpc.reflection`): the messages of `protocol.rs`, field by field.
pub(crate) fn descriptor_set() -> FileDescriptorSet {
    let request = [
        ("order_id", Type::String),
        ("customer", Type::String),
        ("country", Type::String),
        ("parcels", Type::Uint32),
        ("amount_cents", Type::Uint64),
        ("sku", Type::String),
        ("is_withdrawn", Type::Bool),
    ];
    let method = MethodDescriptorProto {
        name: Some("PlaceOrder".to_owned()),
        input_type: Some(".shop.v1.PlaceOrderRequest".to_owned()),
        output_type: Some(".shop.v1.PlaceOrderReply".to_owned()),
        ..MethodDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        name: Some("shop/v1/orders.proto".to_owned()),
        package: Some("shop.v1".to_owned()),
        message_type: vec![message("PlaceOrderRequest", &request), message("PlaceOrderReply", &[("payment", Type::String)])],
        service: vec![ServiceDescriptorProto { name: Some("Orders".to_owned()), method: vec![method], ..ServiceDescriptorProto::default() }],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    };
    FileDescriptorSet { file: vec![file] }
}

fn message(name: &str, fields: &[(&str, Type)]) -> DescriptorProto {
    let field = |(number, (name, kind)): (i32, &(&str, Type))| FieldDescriptorProto {
        name: Some((*name).to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some((*kind).into()),
        ..FieldDescriptorProto::default()
    };
    DescriptorProto { name: Some(name.to_owned()), field: (1..).zip(fields).map(field).collect(), ..DescriptorProto::default() }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::orders::{PLACE_ORDER, PlaceOrderRequest};

    #[test]
    fn what_orders_says_of_itself_is_what_it_takes() {
        let set = descriptor_set();
        let (file, service) = (&set.file[0], &set.file[0].service[0]);
        assert_eq!(format!("{}.{}/{}", file.package(), service.name(), service.method[0].name()), PLACE_ORDER);
        // Each field as the wire has it: its number, and whether it is a number or a text.
        let told: Vec<(i32, bool)> = file.message_type[0].field.iter().map(|field| (field.number(), field.r#type() == Type::String)).collect();
        let text = || "x".to_owned();
        let all = PlaceOrderRequest { order_id: text(), customer: text(), country: text(), parcels: 1, amount_cents: 1, sku: text(), is_withdrawn: true };
        let (bytes, mut at, mut wire) = (all.encode_to_vec(), 0, Vec::new());
        while at < bytes.len() {
            let is_text = bytes[at] & 7 == 2;
            wire.push((i32::from(bytes[at] >> 3), is_text));
            at += if is_text { 3 } else { 2 };
        }
        assert_eq!(told, wire);
    }
}
