//! A request as it goes over the wire.

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, USER_AGENT,
};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::Full;
use switchboard_model::{Origin, OutgoingRequest, SENT_USER_AGENT};

/// Headers that are about one connection, or about how long the body is: who speaks there says them, not who asks (RFC 9110, 7.6.1).
const OF_THE_CONNECTION: [HeaderName; 9] = [
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    UPGRADE,
    TE,
    TRAILER,
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHORIZATION,
];

/// A request with all headers that it is sent with.
pub(super) struct Prepared {
    origin: Origin,
    pub method: Method,
    path: PathAndQuery,
    /// Without `Host`.
    headers: HeaderMap,
    host: HeaderValue,
    body: Bytes,
}

impl Prepared {
    /// Adds what is missing and leaves out what is for the connection to say; fails where it cannot be sent at all, in words.
    pub fn new(request: OutgoingRequest) -> Result<Self, String> {
        let OutgoingRequest { origin, method, path, mut headers, body } = request;
        if method == Method::CONNECT {
            return Err("CONNECT asks for a tunnel, which is not made here. Use another method".to_owned());
        }
        for name in OF_THE_CONNECTION {
            headers.remove(name);
        }
        let host = match headers.remove(HOST) {
            Some(host) => host,
            None => HeaderValue::from_str(&origin.authority()).map_err(|error| format!("the host cannot be written into a header ({error}). Correct it"))?,
        };
        let user_agent = HeaderValue::from_str(&format!("{SENT_USER_AGENT}/{}", env!("CARGO_PKG_VERSION")));
        let user_agent = user_agent.unwrap_or_else(|_| HeaderValue::from_static(SENT_USER_AGENT));
        let mut defaults = vec![(ACCEPT_ENCODING, HeaderValue::from_static("gzip, br, zstd")), (USER_AGENT, user_agent)];
        if body.is_empty() && [Method::POST, Method::PUT, Method::PATCH].contains(&method) {
            // Some servers refuse what has no length, even where it has no body (RFC 9110, 8.6).
            defaults.push((CONTENT_LENGTH, HeaderValue::from_static("0")));
        }
        for (name, value) in defaults {
            if !headers.contains_key(&name) {
                headers.try_insert(name, value).map_err(|_| "it has more headers than can be sent. Leave some out".to_owned())?;
            }
        }
        Ok(Self { origin, method, path, headers, host, body })
    }

    /// As HTTP/1.1 has it: only path and query are asked for, `Host` is a header.
    pub fn for_http1(&self) -> Result<Request<Full<Bytes>>, String> {
        let mut request = self.with_uri(Uri::from(self.path.clone()));
        request.headers_mut().try_insert(HOST, self.host.clone()).map_err(|_| "it has more headers than can be sent. Leave some out".to_owned())?;
        Ok(request)
    }

    /// As HTTP/2 has it: the host is part of what is asked for.
    pub fn for_http2(&self) -> Result<Request<Full<Bytes>>, String> {
        let authority = Authority::try_from(self.host.as_bytes());
        let authority = authority.map_err(|_| "the header Host is no host and port, which HTTP/2 needs. Correct it, or leave it out".to_owned())?;
        let uri = Uri::builder().scheme(self.origin.scheme().word()).authority(authority).path_and_query(self.path.clone()).build();
        Ok(self.with_uri(uri.map_err(|error| format!("what is asked for cannot be written as HTTP/2 does ({error}). Correct the path"))?))
    }

    fn with_uri(&self, uri: Uri) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(address: &str, headers: &[(&'static str, &'static str)]) -> Prepared {
        let (origin, path) = Origin::parse(address).expect("an address");
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect();
        Prepared::new(OutgoingRequest { origin, method: Method::POST, path, headers, body: Bytes::new() }).expect("it can be sent")
    }

    #[test]
    fn what_is_missing_is_added_and_what_is_of_the_connection_left_out() {
        let own = [("connection", "x"), ("te", "trailers"), ("transfer-encoding", "chunked"), ("content-length", "7"), ("keep-alive", "1")];
        let sent = prepared("http://shop.example:8080/a?b=1", &own).for_http1().expect("a request");
        let mut headers: Vec<_> = sent.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
        headers.sort();
        let agent = format!("user-agent: switchboard-send/{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(headers, ["accept-encoding: gzip, br, zstd", "content-length: 0", "host: shop.example:8080", agent.as_str()]);
        assert_eq!(sent.uri(), "/a?b=1");
    }

    #[test]
    fn what_is_given_stays() {
        let own = [("host", "other.example"), ("accept-encoding", "identity"), ("user-agent", "x")];
        let prepared = prepared("https://shop.example/a", &own);
        let sent = prepared.for_http1().expect("a request");
        assert!(own.iter().all(|(name, value)| sent.headers()[*name] == value));
        let sent = prepared.for_http2().expect("a request");
        assert_eq!((sent.uri().to_string().as_str(), sent.headers().get("host")), ("https://other.example/a", None));
    }
}
