//! A file in protobuf's language: which methods it has. What they take is read by whoever reads such files; here it is only told from other texts.

use super::{ImportError, Imported, PastedProto};
use crate::send::draft::{Draft, GrpcDraft, Request, SchemaFrom};

/// A longer file is not read, bytes.
const PROTO_BYTES_MAX: usize = 4 << 20;
/// Letters of its name.
const NAME_MAX: usize = 80;

/// A piece of such a text: a name, a sign, or a quoted text, of which nothing is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    Sign(char),
    Quoted,
}

/// Pieces of a text, without comments.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.rest = self.rest.trim_start();
            if let Some(comment) = self.rest.strip_prefix("//") {
                self.rest = comment.find('\n').map_or("", |end| &comment[end..]);
            } else if let Some(comment) = self.rest.strip_prefix("/*") {
                self.rest = comment.find("*/").map_or("", |end| &comment[end + 2..]);
            } else {
                break;
            }
        }
        let first = self.rest.chars().next()?;
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        if is_of_name(first) {
            let end = self.rest.find(|c: char| !is_of_name(c)).unwrap_or(self.rest.len());
            let (name, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(Token::Name(name));
        }
        self.rest = &self.rest[first.len_utf8()..];
        if !matches!(first, '"' | '\'') {
            return Some(Token::Sign(first));
        }
        let mut is_escaped = false;
        let end = self.rest.char_indices().find(|(_, c)| {
            let ends = *c == '\n' || (*c == first && !is_escaped);
            is_escaped = *c == '\\' && !is_escaped;
            ends
        });
        self.rest = end.map_or("", |(at, c)| &self.rest[at + c.len_utf8()..]);
        Some(Token::Quoted)
    }
}

/// Whether a text is such a file: by its first words.
pub(super) fn is_proto(text: &str) -> bool {
    let mut tokens = Tokens { rest: text };
    let (first, second, third) = (tokens.next(), tokens.next(), tokens.next());
    matches!(
        (first, second, third),
        (Some(Token::Name("syntax" | "edition")), Some(Token::Sign('=')), Some(Token::Quoted))
            | (Some(Token::Name("message" | "service" | "enum")), Some(Token::Name(_)), Some(Token::Sign('{')))
            | (Some(Token::Name("package")), Some(Token::Name(_)), Some(Token::Sign(';')))
            | (Some(Token::Name("import")), Some(Token::Quoted), Some(Token::Sign(';')))
            | (Some(Token::Name("option")), Some(Token::Name(_)), Some(Token::Sign('=')))
    )
}

/// Its methods, and the file that it is to be kept in.
pub(super) fn read(text: &str) -> Result<Imported, ImportError> {
    if text.len() > PROTO_BYTES_MAX {
        return Err(ImportError::TooLong(PROTO_BYTES_MAX));
    }
    let (mut package, mut service, mut depth) = ("", "", 0_usize);
    let (mut first, mut num_methods, mut services) = (None, 0_usize, Vec::new());
    let mut before = None;
    for token in (Tokens { rest: text }) {
        match (before, token) {
            (Some(Token::Name("package")), Token::Name(name)) if depth == 0 => package = name,
            (Some(Token::Name("service")), Token::Name(name)) if depth == 0 => {
                service = name;
                services.push(name);
            }
            (Some(Token::Name("rpc")), Token::Name(name)) if depth == 1 && !service.is_empty() => {
                num_methods += 1;
                first.get_or_insert((service, name));
            }
            (_, Token::Sign('{')) => depth += 1,
            (_, Token::Sign('}')) => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    service = "";
                }
            }
            _ => {}
        }
        before = Some(token);
    }
    let Some((service, method)) = first else {
        return Err(ImportError::Empty("the .proto has no service with a method. Paste the file that has, or name its files under Schema of a gRPC call"));
    };
    let service = if package.is_empty() { service.to_owned() } else { format!("{package}.{service}") };
    let name: String = service.chars().take(NAME_MAX).collect();
    let name = name.trim_matches('.');
    let path = format!("imported/{}.proto", if name.is_empty() { "pasted" } else { name });
    let schema = SchemaFrom::Protos { files: vec![path.clone()], roots: Vec::new() };
    let grpc = GrpcDraft { method: format!("{service}/{method}"), schema, ..GrpcDraft::default() };
    let word = |num: usize, one: &str, many: &str| format!("{num} {}", if num == 1 { one } else { many });
    let note = format!(
        "{} of {}: choose one, write the server's address, and take a template of what it takes. What it imports has to lie in a folder named under Schema",
        word(num_methods, "method", "methods"),
        word(services.len(), "service", "services")
    );
    let drafts = vec![Draft { name: String::new(), request: Request::Grpc(grpc) }];
    Ok(Imported { drafts, notes: vec![note], proto: Some(PastedProto { path, text: text.into() }), ..Imported::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::exchange::from_text;

    const ORDERS: &str = r#"
        // service Old { rpc Gone(A) returns (A); }
        syntax = "proto3"; /* package not.this; */
        package shop.v1;
        option java_package = "com.shop // { not a comment";
        message Service { string rpc = 1; message Inner { string service = 1; } }
        service Orders {
          rpc Place (Order) returns (Placed) { option (http) = { post: "/orders" }; }
          rpc Watch (stream Order) returns (stream Placed);
        }
        service Stock { rpc Import (stream Order) returns (Placed); }
    "#;

    fn grpc(imported: &Imported) -> &GrpcDraft {
        match &imported.drafts[0].request {
            Request::Grpc(grpc) => grpc,
            other => panic!("a call, not {other:?}"),
        }
    }

    #[test]
    fn a_pasted_proto_becomes_a_call_of_its_first_method_and_a_file() {
        let imported = from_text(ORDERS).expect("it is read");
        let grpc = grpc(&imported);
        assert_eq!(grpc.method, "shop.v1.Orders/Place");
        assert_eq!(grpc.schema, SchemaFrom::Protos { files: vec!["imported/shop.v1.Orders.proto".to_owned()], roots: Vec::new() });
        assert!(imported.notes[0].starts_with("3 methods of 2 services"), "{:?}", imported.notes);
        let proto = imported.proto.expect("a file");
        assert_eq!((proto.path.as_str(), &*proto.text), ("imported/shop.v1.Orders.proto", ORDERS.trim()));
    }

    #[test]
    fn what_has_no_method_says_so_and_what_is_no_proto_is_not_taken_for_one() {
        let told = |text: &str| from_text(text).expect_err("no request").to_string();
        assert!(told("syntax = \"proto3\"; message A {}").contains("no service with a method"));
        assert!(told("message A { service B }").contains("no service with a method"));
        for text in ["service nginx restart", "package main", "import os", "message", "syntax", "options = 1", "enum"] {
            assert!(!is_proto(text), "{text}");
        }
        assert!(is_proto("edition = \"2023\";") && is_proto("import 'a.proto';") && is_proto("option x = 1;"));
    }

    #[test]
    fn no_text_leads_out_of_the_folder_or_never_ends() {
        for (package, service) in [("..", "A"), ("a..b", "A"), ("", "A.B"), ("....", "..")] {
            let text = format!("package {package}; service {service} {{ rpc M (A) returns (A); }}");
            if let Ok(imported) = read(&text) {
                let path = imported.proto.expect("a file").path;
                let name = path.strip_prefix("imported/").expect("below");
                assert!(!name.contains('/') && !name.starts_with('.'), "{path}");
            }
        }
        for text in ["service A { rpc", "\"", "/*", "//", "service A {{{{", "}}}}", "'\\", "\u{1f600}"] {
            let _result = (is_proto(text), read(text));
        }
        assert_eq!(read(&format!("syntax = \"{}\";", "x".repeat(PROTO_BYTES_MAX))).expect_err("too long"), ImportError::TooLong(PROTO_BYTES_MAX));
    }
}
