//! What something is sent to: a cluster by the id that its brokers tell, an HTTP origin, or a gRPC authority.

use std::fmt;
use std::net::IpAddr;

use http::uri::PathAndQuery;
use url::{Host, Url};

/// What a send is for. Leave to send is given for one of these.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A cluster, by the id that its brokers tell.
    Cluster(String),
    /// An HTTP server.
    Origin(Origin),
    /// A gRPC server.
    Authority(Origin),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(cluster_id) => f.write_str(cluster_id),
            Self::Origin(origin) | Self::Authority(origin) => origin.fmt(f),
        }
    }
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// In plain text.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As an address begins.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where an address names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port (RFC 6454): what a server is known by, without path, query or credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    /// In lower case, in ASCII; an address of IPv6 in brackets.
    host: String,
    port: u16,
}

/// Why a text is no address that something can be sent to. No part of it is repeated that may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    /// It cannot be read.
    #[error("this is no address ({0}). Write it as http://host:port/path")]
    Unreadable(String),
    /// It begins with something else than `http://` or `https://`.
    #[error("addresses that begin with {0}: are not sent to. Write http:// or https://")]
    Scheme(String),
    /// It holds a user or a password.
    #[error("this address holds credentials. Name a secret of the profile instead, so that they are not written down")]
    Credentials,
}

impl Origin {
    /// Reads an address: its origin, and what is asked for there. A fragment is left out, for it is never sent.
    pub fn parse(address: &str) -> Result<(Self, PathAndQuery), AddressRefused> {
        let unreadable = |reason: &dyn fmt::Display| AddressRefused::Unreadable(reason.to_string());
        let url = Url::parse(address.trim()).map_err(|error| unreadable(&error))?;
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            other => return Err(AddressRefused::Scheme(other.to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressRefused::Credentials);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| unreadable(&"it names no host"))?;
        let port = url.port_or_known_default().filter(|port| *port != 0).ok_or_else(|| unreadable(&"it names no port that can be reached"))?;
        let asked_for = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let path = asked_for.parse().map_err(|error| unreadable(&error))?;
        Ok((Self { scheme, host: host.to_owned(), port }, path))
    }

    /// How it is spoken to.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, as names are looked up: an address of IPv6 without brackets.
    pub fn host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address that the host is, where it is no name.
    pub fn address(&self) -> Option<IpAddr> {
        match Host::parse(&self.host).ok()? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// Host and port, as `Host` and `:authority` have them: without the port that goes without saying.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.word(), self.authority())
    }
}

/// Whether an address is of this machine: 127.0.0.0/8 and `::1`, also where one is written as the other.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_origin_and_what_is_asked_for_there() {
        for (address, origin, path) in [
            ("http://localhost:8080/checkout?a=1&b=%20x", "http://localhost:8080", "/checkout?a=1&b=%20x"),
            ("HTTPS://Shop.Example", "https://shop.example", "/"),
            ("https://shop.example:443/a#fragment", "https://shop.example", "/a"),
            ("http://[::1]:80", "http://[::1]", "/"),
            (" http://127.1/ü ", "http://127.0.0.1", "/%C3%BC"),
            ("http://bücher.example/", "http://xn--bcher-kva.example", "/"),
        ] {
            let (read, asked_for) = Origin::parse(address).expect(address);
            assert_eq!((read.to_string().as_str(), asked_for.as_str()), (origin, path), "{address}");
        }
        let (six, _) = Origin::parse("https://[::1]:8443/").expect("an address");
        assert_eq!((six.host(), six.port(), six.authority().as_str()), ("::1", 8443, "[::1]:8443"));
        assert_eq!(six.address(), Some("::1".parse().expect("an address")));
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_secrets() {
        for address in ["file:///etc/passwd", "ftp://h", "javascript:alert(1)", "gopher://h/"] {
            assert!(matches!(Origin::parse(address), Err(AddressRefused::Scheme(_))), "{address}");
        }
        for address in ["", "localhost", "http://", "http://h:99999", "http://h:0", "http:// h/", "//h/"] {
            assert!(matches!(Origin::parse(address), Err(AddressRefused::Unreadable(_))), "{address}");
        }
        let refused = Origin::parse("http://joe:hunter2Zq7@h/").expect_err("credentials");
        assert!(refused == AddressRefused::Credentials && !format!("{refused} {refused:?}").contains("hunter"));
        assert_eq!(Origin::parse("http://joe@h/"), Err(AddressRefused::Credentials));
    }

    #[test]
    fn line_breaks_cannot_come_into_what_is_asked_for() {
        for address in ["http://h/a\r\nx: y", "http://h/a\nb", "http://h/?a=\r\n"] {
            let (_, asked_for) = Origin::parse(address).expect("they are left out, as browsers do");
            assert!(!asked_for.as_str().contains(['\r', '\n']), "{address:?}");
        }
        let (origin, _) = Origin::parse("http://h\r\nb/").expect("they are left out");
        assert_eq!(origin.host(), "hb");
    }

    #[test]
    fn loopback_is_told_by_the_address() {
        for (address, is) in [("127.0.0.1", true), ("127.8.9.1", true), ("::1", true), ("::ffff:127.0.0.1", true), ("10.0.0.1", false), ("::", false)] {
            assert_eq!(is_loopback(address.parse().expect("an address")), is, "{address}");
        }
    }
}
