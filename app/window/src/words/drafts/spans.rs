//! A request out of a span: what was called, with what of it spans carry. They carry no body. Pure.

use std::collections::BTreeMap;

use switchboard_desk::send::{
    MADE,
    draft::{Draft, GrpcDraft, HttpDraft, Pair, Request},
    exchange::CREDENTIAL_LEFT_OUT,
};
use switchboard_engine::view::{ChannelKey, MostUsed, SpanView};
use switchboard_model::Redactor;

use super::{NOT_COPIED, literal, record_to};
use crate::{figures, view::Begun};

/// Prefixes under which spans record what a request carried.
const RECORDED: [&str; 3] = ["http.request.header.", "rpc.grpc.request.metadata.", "rpc.request.metadata."];
/// Headers that whoever sends a request writes anew: those of the connection, and the body's own.
const MADE_ANEW: [&str; 10] =
    ["host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "proxy-connection", "accept-encoding"];

/// The call that a span is of.
pub(super) fn of_span(span: &SpanView) -> Option<Begun> {
    let told = Told(span);
    if let Some(method) = told.rpc_method() {
        let authority = told.authority();
        let url = if authority.is_empty() { String::new() } else { format!("http://{authority}") };
        let (metadata, notes) = told.headers();
        let grpc = GrpcDraft { url, method, metadata, ..GrpcDraft::default() };
        let unknown = "The message is unknown: spans do not carry it. Ask the server what the method takes; a template begins one";
        let draft = Draft { name: String::new(), request: Request::Grpc(grpc) };
        return Some(Begun { notes, unknown: Some(unknown.to_owned()), ..Begun::from(draft) });
    }
    if let Some(method) = told.text(&["http.request.method", "http.method"]) {
        let url = told.text(&["url.full", "http.url"]).map_or_else(|| told.url(&literal(&told.path_and_query())), literal);
        return Some(told.http(method, url));
    }
    let channel = told.text(&["messaging.destination.name", "messaging.destination"])?;
    let unknown = "Key and value are unknown: spans do not carry them. A record of the topic, looked at in Messages, brings them along";
    let draft = record_to(&ChannelKey { cluster: None, name: channel.to_owned() });
    Some(Begun { unknown: Some(unknown.to_owned()), ..Begun::from(draft) })
}

/// The request that is asked most; `callee` names who is asked, `address` where that listens as far as the map tells.
pub(crate) fn most_used(found: &MostUsed, callee: &str, address: Option<&str>) -> Option<Begun> {
    let span = &found.example;
    let told = Told(span);
    let mut begun = of_span(span)?;
    match &mut begun.draft.request {
        Request::Http(http) => {
            if let Some((path, given)) = told.templated() {
                http.url = told.url(&path);
                for (name, value) in &given {
                    let value: String = value.chars().take(60).collect();
                    begun.notes.push(format!("{{{{{name}}}}} is {value}, as in the last such call: write another in its place, or put it into an environment"));
                }
                begun.given = given;
            }
            if !http.url.contains("://") {
                match address {
                    Some(address) => http.url.insert_str(0, address.trim_end_matches('/')),
                    None => begun.notes.push("No span tells where it listens: write its address before the path".to_owned()),
                }
            }
        }
        Request::Grpc(grpc) if grpc.url.is_empty() => match address {
            Some(address) => address.trim_end_matches('/').clone_into(&mut grpc.url),
            None => begun.notes.push("No span tells where it listens: write its address".to_owned()),
        },
        Request::Grpc(_) | Request::Record(_) => {}
    }
    let (num, all) = (figures::count(found.num), figures::things(found.num_all, "call", "calls"));
    begun.notes.insert(0, format!("What {callee} is asked most: {num} of {all} that are stored"));
    Some(begun)
}

/// What a span tells.
#[derive(Clone, Copy)]
struct Told<'a>(&'a SpanView);

impl<'a> Told<'a> {
    /// The first of these attributes that it has and that says something.
    fn text(self, names: &[&str]) -> Option<&'a str> {
        let all = || self.0.normalised.iter().chain(&self.0.attributes);
        names.iter().find_map(|name| all().find(|(key, value)| key == name && !value.is_empty())).map(|(_, value)| value.as_str())
    }

    /// Host and port of the server; empty = not told.
    fn authority(self) -> String {
        let host = self.text(&["server.address", "net.peer.name", "net.host.name"]).unwrap_or_default();
        let bracketed = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        match self.text(&["server.port", "net.peer.port", "net.host.port"]) {
            _ if host.is_empty() => String::new(),
            Some(port) => literal(&format!("{bracketed}:{port}")),
            None => literal(&bracketed),
        }
    }

    /// `package.Service/Method`: today's name of the method has the service in it.
    fn rpc_method(self) -> Option<String> {
        let method = self.text(&["rpc.method"])?;
        let whole = if method.contains('/') { method.trim_start_matches('/').to_owned() } else { format!("{}/{method}", self.text(&["rpc.service"])?) };
        Some(literal(&whole))
    }

    fn path_and_query(self) -> String {
        let path = self.text(&["url.path", "http.target", "http.route"]).unwrap_or("/");
        match self.text(&["url.query"]) {
            Some(query) if !path.contains('?') => format!("{path}?{query}"),
            _ => path.to_owned(),
        }
    }

    /// A path with the address before it, where that is told.
    fn url(self, path: &str) -> String {
        let authority = self.authority();
        let scheme = if self.text(&["url.scheme", "http.scheme"]) == Some("https") { "https" } else { "http" };
        if authority.is_empty() { path.to_owned() } else { format!("{scheme}://{authority}{path}") }
    }

    fn http(self, method: &str, url: String) -> Begun {
        let (headers, notes) = self.headers();
        let draft = Draft { name: String::new(), request: Request::Http(HttpDraft { method: method.to_owned(), url, headers, ..HttpDraft::default() }) };
        let size = self.text(&["http.request.body.size", "http.request_content_length"]).and_then(|size| size.parse::<u64>().ok());
        let may_have_body = matches!(method.to_ascii_uppercase().as_str(), "POST" | "PUT" | "PATCH");
        let unknown = match size {
            Some(0) => None,
            Some(size) => Some(format!("The body is unknown: spans do not carry it. That of this call had {}", figures::bytes(size))),
            None => may_have_body.then(|| "The body is unknown: spans do not carry it. Where it takes one, write it under Body".to_owned()),
        };
        Begun { notes, unknown, ..Begun::from(draft) }
    }

    /// The headers that were recorded, without credentials and without what is made anew; and what is to be said of them.
    fn headers(self) -> (Vec<Pair>, Vec<String>) {
        let redactor = Redactor::new([0; 16], &[]);
        let (mut headers, mut secret) = (Vec::new(), Vec::new());
        for (key, value) in &self.0.attributes {
            let Some((prefix, name)) = RECORDED.iter().find_map(|prefix| Some((*prefix, key.strip_prefix(prefix)?))) else { continue };
            let mut lower = name.to_ascii_lowercase();
            if prefix == RECORDED[0] {
                // Older conventions write a dash so.
                lower = lower.replace('_', "-");
            }
            if NOT_COPIED.contains(&lower.as_str()) || MADE_ANEW.contains(&lower.as_str()) {
                continue;
            }
            let is_secret = ["cookie", "authorization", "proxy-authorization"].contains(&lower.as_str()) || redactor.is_secret_name(&lower);
            for value in listed(value) {
                if is_secret || value.contains("redacted:") || redactor.redact_text(&value).is_some() {
                    secret.push(lower.clone());
                } else {
                    headers.push(Pair::new(lower.clone(), literal(&value)));
                }
            }
        }
        secret.sort();
        secret.dedup();
        let note = match secret.as_slice() {
            [] => None,
            [one] => Some(format!("{CREDENTIAL_LEFT_OUT}: the header {one}. Name a secret of the profile under Auth")),
            several => Some(format!("{CREDENTIAL_LEFT_OUT}: the headers {}. Name a secret of the profile under Auth", several.join(", "))),
        };
        (headers, note.into_iter().collect())
    }

    /// The path as its route has it, each parameter as a variable, and their values in this call; `None` = the route does not tell, or is not this path's.
    fn templated(self) -> Option<(String, BTreeMap<String, String>)> {
        let route = self.text(&["http.route"])?;
        let path = self.text(&["url.path", "http.target"]).map(str::to_owned).or_else(|| path_of(self.text(&["url.full", "http.url"])?));
        let mut given = BTreeMap::new();
        let parts: Vec<&str> = route.trim_matches('/').split('/').collect();
        let Some(path) = path else {
            let named = parts.iter().map(|part| match RoutePart::of(part) {
                RoutePart::Fixed => Some(literal(part)),
                RoutePart::Named(name) => Some(format!("{{{{{name}}}}}")),
                RoutePart::Other => None,
            });
            return Some((format!("/{}", named.collect::<Option<Vec<_>>>()?.join("/")), given));
        };
        let whole: Vec<&str> = path.split(['?', '#']).next().unwrap_or_default().trim_start_matches('/').split('/').collect();
        // What stands before is where the service is mounted.
        let before = whole.len().checked_sub(parts.len())?;
        let mut filled: Vec<String> = whole[..before].iter().map(|part| literal(part)).collect();
        for (part, value) in parts.iter().zip(&whole[before..]) {
            match RoutePart::of(part) {
                RoutePart::Fixed if part == value => filled.push(literal(part)),
                RoutePart::Named(name) => {
                    filled.push(format!("{{{{{name}}}}}"));
                    given.insert(name, (*value).to_owned());
                }
                RoutePart::Fixed | RoutePart::Other => return None,
            }
        }
        Some((format!("/{}", filled.join("/")), given))
    }
}

/// Values of a header: a list as spans write it, or a text.
fn listed(value: &str) -> Vec<String> {
    if value.starts_with('[')
        && let Ok(values) = serde_json::from_str::<Vec<String>>(value)
    {
        return values;
    }
    vec![value.to_owned()]
}

/// The path of an address.
fn path_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    Some(rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned()))
}

/// A part of a route.
#[derive(Clone, Debug, PartialEq)]
enum RoutePart {
    /// It stands in the path as it is.
    Fixed,
    /// It stands for one part of the path, and is called so.
    Named(String),
    /// It stands for several parts, or for a piece of one.
    Other,
}

impl RoutePart {
    /// Of a part, as frameworks write them: `{id}`, `{id:[0-9]+}`, `:id`, `<int:id>`, `[id]`.
    fn of(part: &str) -> Self {
        let within = |open: char, close: char| part.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
        let inner = if let Some(inner) = within('{', '}') {
            inner.split([':', '=']).next().unwrap_or_default()
        } else if let Some(inner) = within('<', '>') {
            inner.rsplit(':').next().unwrap_or_default()
        } else if let Some(inner) = within('[', ']') {
            inner
        } else if let Some(inner) = part.strip_prefix(':') {
            inner
        } else if part.contains(['{', '<', '*']) {
            return Self::Other;
        } else {
            return Self::Fixed;
        };
        let inner = inner.trim_end_matches('?');
        let is_name = !inner.is_empty() && inner.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if !is_name {
            return Self::Other;
        }
        // A name that stands for something made anew would be filled with that.
        let is_made = MADE.iter().any(|(made, _)| *made == inner);
        Self::Named(if is_made { format!("path_{inner}") } else { inner.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(pairs: &[(&str, &str)]) -> SpanView {
        SpanView { attributes: pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(), ..SpanView::default() }
    }

    fn http(begun: &Begun) -> &HttpDraft {
        match &begun.draft.request {
            Request::Http(http) => http,
            other => panic!("a request of HTTP, not {other:?}"),
        }
    }

    fn found(pairs: &[(&str, &str)]) -> MostUsed {
        MostUsed { example: span(pairs), num: 1_412, num_all: 1_530 }
    }

    #[test]
    fn what_a_span_does_not_carry_is_said() {
        let unknown = |pairs: &[(&str, &str)]| of_span(&span(pairs)).expect("a request").unknown.unwrap_or_default();
        assert!(unknown(&[("http.request.method", "POST"), ("url.path", "/orders")]).starts_with("The body is unknown: spans do not carry it"));
        assert!(unknown(&[("http.request.method", "PUT"), ("http.request.body.size", "2048")]).ends_with("had 2.0 KiB"), "its size is told");
        assert_eq!(unknown(&[("http.request.method", "POST"), ("http.request.body.size", "0")]), "");
        assert_eq!(unknown(&[("http.request.method", "GET")]), "");
        assert!(unknown(&[("rpc.method", "shop.v1.Orders/Place")]).starts_with("The message is unknown"));
        assert!(unknown(&[("messaging.destination.name", "orders")]).starts_with("Key and value are unknown"));
    }

    #[test]
    fn headers_that_were_recorded_are_taken_over_and_credentials_are_not() {
        let begun = of_span(&span(&[
            ("http.request.method", "POST"),
            ("http.request.header.content-type", "[\"application/json\"]"),
            ("http.request.header.x_tenant", "[\"shop\",\"{{base}}\"]"),
            ("http.request.header.authorization", "[\"Bearer hunter2Zq7\"]"),
            ("http.request.header.cookie", "a=b"),
            ("http.request.header.x-api-key", "[\"redacted:12ab34\"]"),
            ("http.request.header.host", "[\"orders\"]"),
            ("http.request.header.traceparent", "[\"00-1-2-01\"]"),
            ("http.response.header.server", "[\"x\"]"),
        ]))
        .expect("a request");
        let headers: Vec<(&str, &str)> = http(&begun).headers.iter().map(|pair| (pair.name.as_str(), pair.value.as_str())).collect();
        assert_eq!(headers, [("content-type", "application/json"), ("x-tenant", "shop"), ("x-tenant", "\\{{base}}")]);
        assert_eq!(begun.notes, ["The credential was left out: the headers authorization, cookie, x-api-key. Name a secret of the profile under Auth"]);
        assert!(!format!("{:?}", begun.draft).contains("hunter2"));
    }

    #[test]
    fn the_most_used_request_has_its_route_as_variables_with_the_values_of_a_call() {
        let of = found(&[
            ("http.request.method", "GET"),
            ("http.route", "/orders/{orderId}/lines/{uuid}"),
            ("url.path", "/shop/orders/4711/lines/7"),
            ("server.address", "orders"),
            ("server.port", "8080"),
        ]);
        let begun = most_used(&of, "orders", None).expect("a request");
        assert_eq!(http(&begun).url, "http://orders:8080/shop/orders/{{orderId}}/lines/{{path_uuid}}");
        assert_eq!(begun.given, BTreeMap::from([("orderId".to_owned(), "4711".to_owned()), ("path_uuid".to_owned(), "7".to_owned())]));
        assert_eq!(begun.notes[0], "What orders is asked most: 1,412 of 1,530 calls that are stored");
        assert!(begun.notes[1].starts_with("{{orderId}} is 4711"), "{:?}", begun.notes);
    }

    #[test]
    fn where_no_span_tells_its_address_the_maps_is_taken_or_it_is_said() {
        let of = found(&[("http.request.method", "GET"), ("http.route", "/health"), ("url.path", "/health")]);
        assert_eq!(http(&most_used(&of, "orders", Some("http://localhost:8080/")).expect("a request")).url, "http://localhost:8080/health");
        let begun = most_used(&of, "orders", None).expect("a request");
        assert_eq!(http(&begun).url, "/health");
        assert!(begun.notes[1].starts_with("No span tells where it listens"), "{:?}", begun.notes);
        let rpc = found(&[("rpc.service", "shop.v1.Orders"), ("rpc.method", "Place")]);
        let Request::Grpc(grpc) = most_used(&rpc, "orders", Some("http://localhost:50051/")).expect("a call").draft.request else { panic!("a call") };
        assert_eq!((grpc.url.as_str(), grpc.method.as_str()), ("http://localhost:50051", "shop.v1.Orders/Place"));
        assert_eq!(most_used(&found(&[("db.system", "postgresql")]), "db", None), None);
    }

    #[test]
    fn a_route_that_is_not_the_paths_leaves_the_path_as_it_was() {
        for (route, path, url) in [
            ("/orders/{id}", "/other/1", "/other/1"),
            ("/files/{path...}", "/files/a/b", "/files/a/b"),
            ("/files/*", "/files/a", "/files/a"),
            ("/a/b/c", "/b/c", "/b/c"),
            ("/orders/:id", "/orders/%7B%7B", "/orders/{{id}}"),
            ("orders/<int:id>", "/orders/7?x=1", "/orders/{{id}}"),
            ("/orders/{id:[0-9]+}", "/orders/7", "/orders/{{id}}"),
            ("/o/{{x}}", "/o/{{x}}", "/o/\\{{x}}"),
        ] {
            let begun = most_used(&found(&[("http.method", "GET"), ("http.route", route), ("http.target", path)]), "x", None).expect("a request");
            assert_eq!(http(&begun).url, url, "{route} {path}");
        }
    }
}
