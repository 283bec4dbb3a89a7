//! A server of many methods, for benches.

use std::sync::Arc;

use switchboard_desk::send::{
    SchemaBoard, SchemaKey, SendBoard,
    access::MethodSchema,
    draft::SchemaFrom,
    testing::{MadeUpSchema, method},
};

/// What the session shows once the server at this address has told so many methods, twenty a service.
pub(super) fn told_by(url: &str, num: usize) -> SendBoard {
    let of = |number: usize| {
        let (service, name) = (format!("shop.inventory.v1.Service{:03}", number / 20), format!("CountWhatIsOnShelf{number}"));
        method(&service, &name, (false, number.is_multiple_of(7)), "shop.inventory.v1.CountRequest", "shop.inventory.v1.CountAnswer")
    };
    let schema: Arc<dyn MethodSchema> = Arc::new(MadeUpSchema::of((0..num).map(of).collect()));
    let key = SchemaKey { url: url.to_owned(), authority: String::new(), from: SchemaFrom::Reflection };
    SendBoard { schemas: [(key, SchemaBoard::Known(schema))].into(), ..SendBoard::default() }
}
