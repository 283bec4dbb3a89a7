//! Where an answer says that one should go instead. Nobody follows that by itself: it becomes a request that somebody sends, or does not. Pure.

use http::Method;
use switchboard_model::Origin;
use url::Url;

use crate::send::board::{Sent, Status};
use crate::send::draft::{Auth, Body, Draft, HttpDraft, RepeatDraft, Request, TlsDraft};
use crate::send::exchange::literal;

/// The longest address that is read.
const LOCATION_BYTES_MAX: usize = 8 << 10;
/// Headers that say what is asked for and what is sent. All others may be there to say who asks, which is no other server's affair.
const SAYS_NOT_WHO: [&str; 7] = ["accept", "accept-charset", "accept-encoding", "accept-language", "content-language", "content-type", "user-agent"];

/// Where an answer leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The server, and what is asked for there.
    url: Url,
    /// Whether that is the server that answered.
    pub is_same_server: bool,
    /// By which method.
    pub method: Method,
}

/// Where the answer to a request leads (RFC 9110, 15.4): `None` = nowhere, it does not say; an error says why nobody goes there.
pub fn redirect(sent: &Sent) -> Option<Result<Redirect, String>> {
    let (Some(Status::Http { status, .. }), Request::Http(_)) = (&sent.answer.status, &sent.ask.draft.request) else { return None };
    // 304 tells that nothing changed, 305 and 306 stand for nothing any more.
    if !matches!(status, 300..=303 | 307 | 308) {
        return None;
    }
    let (_, location) = sent.answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
    Some(resolved(sent, *status, location))
}

fn resolved(sent: &Sent, status: u16, location: &str) -> Result<Redirect, String> {
    if location.len() > LOCATION_BYTES_MAX {
        return Err(format!("its Location is longer than {} KiB", LOCATION_BYTES_MAX >> 10));
    }
    let (method, path) = sent.call.split_once(' ').unwrap_or(("GET", "/"));
    let unreadable = |error: &dyn std::fmt::Display| format!("its Location is no address ({error})");
    let url = Url::parse(&format!("{}{path}", sent.target)).and_then(|base| base.join(location.trim())).map_err(|error| unreadable(&error))?;
    // No other scheme, and no user: the same that is let be sent to.
    let (origin, _) = Origin::parse(url.as_str()).map_err(|refused| format!("its Location is not gone to: {refused}"))?;
    let is_same_server = Origin::parse(&sent.target).is_ok_and(|(from, _)| from == origin);
    let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
    let method = match status {
        303 if method != Method::HEAD => Method::GET,
        // As all clients do it (RFC 9110, 15.4.2 and 15.4.3).
        301 | 302 if method == Method::POST => Method::GET,
        _ => method,
    };
    Ok(Redirect { url, is_same_server, method })
}

impl Redirect {
    /// The address, as it is written.
    pub fn address(&self) -> &str {
        self.url.as_str()
    }

    /// The request that goes there, made of the one that was answered. To another server goes nothing that may say who asks: no credential, no client
    /// certificate, and of the headers those are switched off that are not known to say something else.
    pub fn draft(&self, sent: &Sent) -> Draft {
        let Request::Http(before) = &sent.ask.draft.request else { return (*sent.ask.draft).clone() };
        let mut url = self.url.clone();
        url.set_fragment(None);
        let mut http =
            HttpDraft { method: self.method.to_string(), url: literal(url.as_str()), query: Vec::new(), repeat: RepeatDraft::default(), ..before.clone() };
        let is_asked_anew = matches!(self.method, Method::GET | Method::HEAD) && !before.method.eq_ignore_ascii_case(self.method.as_str());
        if is_asked_anew {
            http.body = Body::None;
            http.headers.retain(|header| !header.name.to_ascii_lowercase().starts_with("content-"));
        }
        if !self.is_same_server {
            (http.auth, http.tls) = (Auth::None, TlsDraft::default());
            for header in &mut http.headers {
                header.off |= !SAYS_NOT_WHO.contains(&header.name.trim().to_ascii_lowercase().as_str());
            }
        }
        Draft { name: String::new(), request: Request::Http(http) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::send::board::{Answer, SentId};
    use crate::send::command::SendAsk;
    use crate::send::draft::Pair;

    fn answered(method: &str, status: u16, location: Option<&str>) -> Sent {
        let http = HttpDraft {
            method: method.to_owned(),
            url: "{{base}}/shop/cart?id=1".to_owned(),
            query: vec![Pair::new("q", "1")],
            headers: vec![Pair::new("Accept", "text/plain"), Pair::new("Content-Encoding", "gzip"), Pair::new("X-Key", "{{key}}"), Pair::new("Cookie", "a=b")],
            auth: Auth::Bearer { secret: "token".to_owned() },
            body: Body::Json("{}".to_owned()),
            tls: TlsDraft { identity: "id.pem".to_owned(), unchecked: true, ..TlsDraft::default() },
            repeat: RepeatDraft { times: 50, ..RepeatDraft::default() },
            ..HttpDraft::default()
        };
        let draft = Arc::new(Draft { name: "cart".to_owned(), request: Request::Http(http) });
        let headers = location.map(|location| ("location".to_owned(), location.to_owned())).into_iter().collect();
        Sent {
            sent_id: SentId(1),
            ask: SendAsk { draft, environment: None, given: BTreeMap::new(), by_hand: false, is_probe: false },
            call: format!("{method} /shop/cart"),
            target: "http://shop.example:8080".to_owned(),
            num: 1,
            at_ns: 0,
            trace_id: None,
            correlation_id: None,
            settled: None,
            ended_ns: None,
            is_open: false,
            answer: Answer { status: Some(Status::Http { status, version: "HTTP/1.1" }), headers, ..Answer::default() },
            reply: None,
            figures: None,
        }
    }

    fn leads(method: &str, status: u16, location: &str) -> (Redirect, HttpDraft) {
        let sent = answered(method, status, Some(location));
        let redirect = redirect(&sent).expect("it leads somewhere").unwrap_or_else(|reason| panic!("{location}: {reason}"));
        let Request::Http(http) = redirect.draft(&sent).request else { unreachable!("a request") };
        (redirect, http)
    }

    #[test]
    fn addresses_are_resolved_against_the_one_that_answered() {
        for (location, url, is_same_server) in [
            ("/", "http://shop.example:8080/", true),
            ("paid", "http://shop.example:8080/shop/paid", true),
            ("../?a={{b}}#c", "http://shop.example:8080/?a=\\{{b}}", true),
            ("?page=2", "http://shop.example:8080/shop/cart?page=2", true),
            (" http://SHOP.example:8080/x ", "http://shop.example:8080/x", true),
            ("https://shop.example:8080/x", "https://shop.example:8080/x", false),
            ("http://shop.example/x", "http://shop.example/x", false),
            ("//evil.example/x", "http://evil.example/x", false),
            ("\\\\evil.example\\x", "http://evil.example/x", false),
        ] {
            let (redirect, http) = leads("GET", 302, location);
            // What stands in an address is no variable: braces that the address has not encoded are written out.
            assert_eq!((http.url.replace("%7B%7Bb%7D%7D", "\\{{b}}").as_str(), redirect.is_same_server), (url, is_same_server), "{location}");
            assert!(http.query.is_empty() && http.repeat == RepeatDraft::default());
        }
    }

    #[test]
    fn the_method_is_what_the_status_says() {
        for (method, status, becomes) in [
            ("POST", 303, "GET"),
            ("PUT", 303, "GET"),
            ("HEAD", 303, "HEAD"),
            ("POST", 301, "GET"),
            ("POST", 302, "GET"),
            ("DELETE", 302, "DELETE"),
            ("POST", 307, "POST"),
            ("PATCH", 308, "PATCH"),
            ("GET", 300, "GET"),
        ] {
            let (_, http) = leads(method, status, "/x");
            assert_eq!(http.method, becomes, "{method} {status}");
            let is_kept = method == becomes;
            assert_eq!((http.body != Body::None, http.headers.len()), (is_kept, if is_kept { 4 } else { 3 }), "{method} {status}");
            assert_eq!(http.auth, Auth::Bearer { secret: "token".to_owned() }, "the same server");
        }
    }

    #[test]
    fn to_another_server_goes_nothing_that_may_say_who_asks() {
        let (_, http) = leads("POST", 308, "http://shop.example:8081/x");
        assert_eq!((http.auth, http.tls), (Auth::None, TlsDraft::default()));
        let sent: Vec<&str> = http.headers.iter().filter(|header| !header.off).map(|header| header.name.as_str()).collect();
        assert_eq!(sent, ["Accept"]);
    }

    #[test]
    fn nobody_goes_where_no_request_goes() {
        for location in
            ["file:///etc/passwd", "javascript:alert(1)", "ftp://h/x", "http://joe:hunter2@h/", "http://", "http://h:0/", &"/x".repeat(LOCATION_BYTES_MAX)]
        {
            let refused = redirect(&answered("GET", 302, Some(location))).expect("it says where").expect_err("refused");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        for status in [200, 201, 304, 305, 306, 399, 404] {
            assert!(redirect(&answered("GET", status, Some("/x"))).is_none(), "{status}");
        }
        assert!(redirect(&answered("GET", 302, None)).is_none());
    }
}
