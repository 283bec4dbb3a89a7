//! A server of many methods, for benches.

use std::sync::Arc;

use bytes::Bytes;
use switchboard_desk::send::{
    SchemaBoard, SchemaKey, SendBoard,
    access::{AsRead, Field, Method, MethodSchema},
    draft::SchemaFrom,
};

const UNKNOWN: &str = "nothing is known of it but its name";

/// Methods by their names, and no more.
#[derive(Debug)]
struct Names(Vec<Method>);

/// What the session shows once the server at this address has told so many methods, twenty a service.
pub(super) fn told_by(url: &str, num: usize) -> SendBoard {
    let method = |number: usize| Method {
        service: format!("shop.inventory.v1.Service{:03}", number / 20),
        name: format!("CountWhatIsOnShelf{number}"),
        client_streaming: false,
        server_streaming: number.is_multiple_of(7),
        input: "shop.inventory.v1.CountRequest".to_owned(),
        output: "shop.inventory.v1.CountAnswer".to_owned(),
    };
    let schema: Arc<dyn MethodSchema> = Arc::new(Names((0..num).map(method).collect()));
    let key = SchemaKey { url: url.to_owned(), authority: String::new(), from: SchemaFrom::Reflection };
    SendBoard { schemas: [(key, SchemaBoard::Known(schema))].into(), ..SendBoard::default() }
}

impl MethodSchema for Names {
    fn methods(&self) -> &[Method] {
        &self.0
    }

    fn notes(&self) -> &[String] {
        &[]
    }

    fn knows(&self, _message: &str) -> bool {
        false
    }

    fn template(&self, _method: &str) -> Result<String, String> {
        Err(UNKNOWN.to_owned())
    }

    fn fields(&self, _message: &str) -> Vec<Field> {
        Vec::new()
    }

    fn types(&self) -> &[String] {
        &[]
    }

    fn any_example(&self, _message: &str) -> Option<String> {
        None
    }

    fn encode(&self, _method: &str, _json: &str) -> Result<Bytes, String> {
        Err(UNKNOWN.to_owned())
    }

    fn decode(&self, _method: &str, _is_input: bool, _bytes: &[u8]) -> Result<AsRead<String>, String> {
        Err(UNKNOWN.to_owned())
    }

    fn details(&self, _bytes: &[u8]) -> AsRead<Vec<(String, String)>> {
        AsRead::default()
    }
}
