//! Whom a span names: whom it calls, who called it, where it sends. Names before addresses, today's names before older ones,
//! the peer itself before what stands between.

use std::borrow::Cow;
use std::hash::BuildHasher;

use switchboard_model::{TextArena, Value, WellKnown};

use crate::extract::told::{DATABASE, HTTP, ROUTING, RPC, Told, is_told};
use crate::extract::{Extractor, code};
use crate::names::{ChannelId, FlowNames, PeerId};

/// What names a peer.
enum Named {
    /// A service, or whatever its caller calls it.
    Name(Value),
    /// A host, and its port.
    Address(Value, Option<Value>),
    /// A URL.
    Url(Value),
    /// A database that no host is told of.
    Database(Option<Value>),
}

/// How `RabbitMQ`'s default exchange is called: what is published there goes to the queue that the routing key names.
const DEFAULT_EXCHANGES: [&str; 4] = ["", "<default>", "amq.default", "(AMQP default)"];
/// What names of temporary queues begin with: `RabbitMQ`, Spring AMQP, NATS, JMS.
const TEMPORARY: [&str; 7] = ["amq.gen-", "amq.rabbitmq.reply-to", "spring.gen-", "_INBOX.", "temp-queue://", "temp-topic://", "queue://ID:"];

impl Extractor {
    /// Whom a client span calls: the peer's name, else its address, else what names a database.
    #[inline]
    pub(super) fn peer(&mut self, told: &Told<'_>, text: &TextArena, names: &mut FlowNames) -> PeerId {
        let is_database = told.has(DATABASE);
        let system = if is_database { told.get(WellKnown::DbSystem) } else { None };
        let get = |known: WellKnown| told.get(known).filter(|value| is_told(*value));
        let port = |known: WellKnown| told.all(known).find(|port| is_port(*port, text));
        let named = if let Some(name) = get(WellKnown::PeerName) {
            Named::Name(name)
        } else if let Some(address) = get(WellKnown::ServerAddress) {
            Named::Address(address, port(WellKnown::ServerPort))
        } else if let Some(url) = get(WellKnown::UrlFull).filter(|url| !authority(&url.to_text(text)).is_empty()) {
            Named::Url(url)
        } else if let Some(address) = get(WellKnown::NetworkPeerAddress) {
            Named::Address(address, port(WellKnown::NetworkPeerPort))
        } else if is_database {
            Named::Database(told.all(WellKnown::DbNamespace).find(|name| is_name(*name, text)))
        } else {
            return PeerId::NONE;
        };
        let codes = match named {
            Named::Name(name) => [code(Some(name)), 0, 0],
            Named::Address(address, port) => [0, code(Some(address)), code(port)],
            Named::Url(url) => [0, code(Some(url)), u32::MAX >> 1],
            Named::Database(name) => [0, 0, code(name)],
        };
        let system_code = if is_database && system.is_none() { 3 << 29 } else { code(system) };
        let memo = [codes[0], codes[1], codes[2], system_code];
        let is_exact = memo.iter().all(|code| code & 1 << 31 == 0);
        if is_exact && let Some(known) = self.peers.get(&memo) {
            return *known;
        }
        let system = match system {
            Some(system) if is_told(system) => system.to_text(text),
            _ if is_database => "database".into(),
            _ => "".into(),
        };
        let peer = match named {
            Named::Name(name) => names.peer(&name.to_text(text), true, &system),
            Named::Address(address, port) => {
                let address = address.to_text(text);
                // Some give a whole URL where a host belongs.
                let address = if address.contains("://") { authority(&address) } else { &address };
                names.peer(&with_port(address, port.map(|port| port.to_text(text))), false, &system)
            }
            Named::Url(url) => names.peer(authority(&url.to_text(text)), false, &system),
            Named::Database(Some(name)) => names.peer_without_host(&name.to_text(text), &system),
            Named::Database(None) => names.peer_without_host(&system, &system),
        };
        if is_exact {
            self.peers.insert(memo, peer);
        }
        peer
    }

    /// Who a server span says called it.
    #[inline]
    pub(super) fn caller(&mut self, told: &Told<'_>, text: &TextArena, names: &mut FlowNames) -> PeerId {
        let Some(name) = told.get(WellKnown::PeerName).filter(|name| is_told(*name)) else { return PeerId::NONE };
        let memo = [code(Some(name)), 0, 0, 0];
        if let Some(known) = self.peers.get(&memo).filter(|_| memo[0] & 1 << 31 == 0) {
            return *known;
        }
        let peer = names.peer(&name.to_text(text), true, "");
        if memo[0] & 1 << 31 == 0 {
            self.peers.insert(memo, peer);
        }
        peer
    }

    /// What a call asks for: the path of its URL, or the method of its RPC, which over HTTP are the same. 0 = not told.
    #[inline]
    pub(super) fn request(&self, told: &Told<'_>, text: &TextArena) -> u32 {
        if !told.has(HTTP | RPC) {
            return 0;
        }
        let get = |known: WellKnown| told.text(known, text);
        let (path, query) = if let Some(url) = get(WellKnown::UrlFull) {
            let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
            let path = rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]);
            split_query(path, None)
        } else if let Some(path) = get(WellKnown::UrlPath) {
            split_query(path, get(WellKnown::UrlQuery))
        } else if let Some(method) = get(WellKnown::RpcMethod) {
            match get(WellKnown::RpcService) {
                Some(service) if !method.contains('/') => return self.hash_of_request((service.as_bytes(), method.as_bytes(), &[])),
                _ => (method, ""),
            }
        } else {
            return 0;
        };
        let path = path.strip_prefix('/').unwrap_or(path);
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.hash_of_request((folder.as_bytes(), name.as_bytes(), query.as_bytes()))
    }

    fn hash_of_request(&self, parts: (&[u8], &[u8], &[u8])) -> u32 {
        (self.hasher.hash_one(parts) as u32).max(1)
    }

    /// The channel that a span or link names.
    #[inline]
    pub(super) fn channel(&mut self, told: &Told<'_>, system: Option<Value>, cluster_id: Option<Value>, text: &TextArena, names: &mut FlowNames) -> ChannelId {
        let get = |value: Option<Value>| value.map(|value| value.to_text(text)).unwrap_or_default();
        if told.has(ROUTING) {
            let system = get(system);
            return channel_name(told, text, &system).map_or(ChannelId::NONE, |name| names.channel(&system, &get(cluster_id), &name));
        }
        let Some(name) = told.get(WellKnown::MessagingDestination) else { return ChannelId::NONE };
        let memo = [code(system), code(Some(name)), code(cluster_id)];
        let is_exact = memo.iter().all(|code| code & 1 << 31 == 0);
        if is_exact && let Some(known) = self.channels.get(&memo) {
            return *known;
        }
        let system = get(system);
        let channel = channel_name(told, text, &system).map_or(ChannelId::NONE, |name| names.channel(&system, &get(cluster_id), &name));
        if is_exact {
            self.channels.insert(memo, channel);
        }
        channel
    }
}

/// What a channel is called: its destination; with `RabbitMQ`'s default exchange the queue; temporary queues have one name.
pub(super) fn channel_name<'a>(told: &Told<'_>, text: &'a TextArena, system: &str) -> Option<Cow<'a, str>> {
    let destination = told.get(WellKnown::MessagingDestination).map(|name| name.to_text(text)).unwrap_or_default();
    let routing_key = told.text(WellKnown::RoutingKey, text).unwrap_or_default();
    let is_yes = |value: Value| matches!(value, Value::Bool(true)) || value.to_text(text).eq_ignore_ascii_case("true");
    let is_said = told.all(WellKnown::DestinationTemporary).any(is_yes);
    channel_called(destination, routing_key, is_said, system)
}

/// The same, from what it is made of; `is_said`: whether the queue is said to be a temporary one.
pub(crate) fn channel_called<'a>(destination: Cow<'a, str>, routing_key: &'a str, is_said: bool, system: &str) -> Option<Cow<'a, str>> {
    let name = if !routing_key.is_empty() && DEFAULT_EXCHANGES.contains(&&*destination) { Cow::Borrowed(routing_key) } else { destination };
    if name.is_empty() && !is_said {
        return None;
    }
    // Where an exchange and a key stand before a queue without a name of its own, they go on telling where it reads.
    let queue_at = name.rfind(':').filter(|_| system == "rabbitmq").map_or(0, |at| at + 1);
    let is_temporary = is_said || TEMPORARY.iter().any(|prefix| name.starts_with(prefix) || name[queue_at..].starts_with(prefix));
    if !is_temporary {
        return Some(name);
    }
    let temporary = if system.is_empty() { "temporary queues".to_owned() } else { format!("temporary queues of {system}") };
    Some(Cow::Owned(format!("{}{temporary}", &name[..queue_at])))
}

/// Whether a value is a port that something may listen on.
fn is_port(value: Value, text: &TextArena) -> bool {
    value.to_i64(text).is_some_and(|port| (1..=65_535).contains(&port))
}

/// Whether a value names a database: what is only a number is an index.
fn is_name(value: Value, text: &TextArena) -> bool {
    matches!(value, Value::Str(at) if !at.is_empty() && !text.bytes(at).iter().all(u8::is_ascii_digit))
}

/// Host and port of a URL.
pub(crate) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

/// Path and query of a URL's end.
fn split_query<'a>(path: &'a str, query: Option<&'a str>) -> (&'a str, &'a str) {
    let path = path.split('#').next().unwrap_or_default();
    match path.split_once('?') {
        Some((path, query)) => (path, query),
        None => (path, query.unwrap_or_default().trim_start_matches('?')),
    }
}

/// `host:port`, unless the host bears its port already; an IPv6 address stands in brackets before one.
fn with_port<'a>(address: &'a str, port: Option<Cow<'_, str>>) -> Cow<'a, str> {
    let after_bracket = address.strip_prefix('[').map(|rest| rest.rsplit_once(']').map_or("", |(_, rest)| rest));
    let has_port = match after_bracket {
        Some(rest) => rest.starts_with(':'),
        None => {
            matches!(address.split_once(':'), Some((host, port)) if !host.is_empty() && !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()))
        }
    };
    match port {
        Some(port) if !has_port && after_bracket.is_none() && address.contains(':') => format!("[{address}]:{port}").into(),
        Some(port) if !has_port => format!("{address}:{port}").into(),
        _ => address.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_port() {
        for (address, port, expected) in [
            ("payments", Some("8080"), "payments:8080"),
            ("payments:8080", Some("9000"), "payments:8080"),
            ("payments:8080", None, "payments:8080"),
            ("payments", None, "payments"),
            ("::1", Some("80"), "[::1]:80"),
            ("[::1]", Some("80"), "[::1]:80"),
            ("[::1]:8080", Some("80"), "[::1]:8080"),
            ("fe80::1", None, "fe80::1"),
        ] {
            assert_eq!(with_port(address, port.map(Into::into)), expected);
        }
    }
}
