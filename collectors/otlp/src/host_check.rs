//! Who may send: loopback is not a trust boundary, since every web page in a browser can reach it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::request::Parts;
use http::{HeaderMap, HeaderName, header};

use crate::config::Config;
use crate::failure::{Failure, Refused};

/// The rules about `Host`, `:authority` and `Origin`.
#[derive(Debug)]
pub(crate) struct HostCheck {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl HostCheck {
    pub(crate) fn new(config: &Config) -> Self {
        let mut hosts: Vec<String> = config.allowed_hosts.iter().map(|host| host.trim().to_ascii_lowercase()).collect();
        if config.docker_bridge {
            hosts.push("host.docker.internal".to_owned());
        }
        let origins = config.allowed_origins.iter().map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase()).collect();
        Self { hosts, origins }
    }

    /// Looks at who a request says it is for and from. `local` is the address that it came in on. The allowed origin is
    /// returned, where there is one.
    pub(crate) fn check(&self, head: &Parts, local: IpAddr) -> Result<Option<String>, Failure> {
        let hosts = named_hosts(head);
        if hosts.is_empty() {
            return Err(Failure::Host("no host".to_owned()));
        }
        if let Some(refused) = hosts.iter().find(|host| !self.takes_host(host, local)) {
            return Err(Failure::Host(refused.clone()));
        }
        let mut origins = all(&head.headers, header::ORIGIN);
        match (origins.pop(), origins.is_empty()) {
            (None, _) => Ok(None),
            (Some(origin), true) if self.takes_origin(&origin) => Ok(Some(origin)),
            (Some(origin), _) => Err(Failure::Origin(origin)),
        }
    }

    fn takes_host(&self, authority: &str, local: IpAddr) -> bool {
        let Some(name) = host_name(authority) else { return false };
        let is_listed = |listed: &String| listed.eq_ignore_ascii_case(name) || listed.eq_ignore_ascii_case(authority);
        if name.eq_ignore_ascii_case("localhost") || self.hosts.iter().any(is_listed) {
            return true;
        }
        let address = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => name.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        };
        address.is_some_and(|address| address == Ipv4Addr::LOCALHOST || address == Ipv6Addr::LOCALHOST || address == local)
    }

    fn takes_origin(&self, origin: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.origins.iter().any(|allowed| match allowed.strip_suffix(":*") {
            Some(any_port) => origin.strip_prefix(any_port).is_some_and(|port| port.is_empty() || port.strip_prefix(':').is_some_and(is_port)),
            None => *allowed == origin,
        })
    }
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// The host of `host[:port]`, brackets included; `None` if it is not of that form.
fn host_name(authority: &str) -> Option<&str> {
    let (name, port) = if authority.starts_with('[') {
        let end = authority.find(']')? + 1;
        (&authority[..end], &authority[end..])
    } else {
        authority.find(':').map_or((authority, ""), |at| authority.split_at(at))
    };
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'[' | b']' | b':'));
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    (is_plain && is_port).then_some(name)
}

/// Every host a request names: `:authority` (or the target's) and `Host`.
fn named_hosts(head: &Parts) -> Vec<String> {
    head.uri.authority().map(|authority| authority.as_str().to_owned()).into_iter().chain(all(&head.headers, header::HOST)).collect()
}

fn all(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
}

/// What a list of refusals says about a request.
pub(crate) fn refused(head: &Parts) -> Refused {
    Refused { host: named_hosts(head).into_iter().next(), origin: all(&head.headers, header::ORIGIN).into_iter().next() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_check() -> HostCheck {
        HostCheck::new(&Config {
            allowed_hosts: vec!["Collector.internal".to_owned(), "shop:4318".to_owned(), "10.1.2.3".to_owned()],
            allowed_origins: vec!["http://localhost:*".to_owned(), "https://Shop.example/".to_owned(), "*".to_owned()],
            ..Config::default()
        })
    }

    #[test]
    fn hosts() {
        let local = IpAddr::V4(Ipv4Addr::new(172, 17, 0, 1));
        for good in [
            "localhost",
            "LOCALHOST:4318",
            "127.0.0.1",
            "127.0.0.1:4317",
            "[::1]",
            "[::1]:4318",
            "[0:0:0:0:0:0:0:1]:1",
            "172.17.0.1:4317",
            "collector.INTERNAL:9",
            "shop:4318",
            "10.1.2.3",
        ] {
            assert!(host_check().takes_host(good, local), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example",
            "localhost:4318:1",
            "localhost:",
            "localhost:x",
            "me@localhost",
            "localhost/",
            "127.0.0.2",
            "127.1",
            "0.0.0.0",
            "0177.0.0.1",
            "2130706433",
            "[::ffff:127.0.0.1]",
            "[::2]",
            "[::1",
            "::1",
            "host.docker.internal",
            "shop",
            "shop:4317",
            " localhost",
            "local\u{17f}ost",
        ] {
            assert!(!host_check().takes_host(bad, local), "{bad}");
        }
        let with_bridge = HostCheck::new(&Config { docker_bridge: true, ..Config::default() });
        assert!(with_bridge.takes_host("host.docker.internal:4318", local));
    }

    #[test]
    fn origins() {
        for good in ["http://localhost", "http://localhost:3000", "http://LOCALHOST:80", "https://shop.example"] {
            assert!(host_check().takes_origin(good), "{good}");
        }
        for bad in ["null", "", "http://evil.example", "http://localhost.evil.example", "http://localhost:3000x", "http://localhost:", "https://localhost"] {
            assert!(!host_check().takes_origin(bad), "{bad}");
        }
    }
}
