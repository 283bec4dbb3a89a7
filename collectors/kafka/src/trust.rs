//! Which hosts get the profile's credentials. Brokers name one another, and one that is not what it seems may name any host: with
//! credentials, only hosts that the profile names, or that lie in the domain of a bootstrap broker, are connected to.

use crate::config::Config;

/// The hosts that may be connected to.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    /// Without credentials there is nothing to keep: any host.
    is_open: bool,
    /// Hosts, lower case.
    hosts: Vec<String>,
    /// Domains, with the dot before them.
    domains: Vec<String>,
}

impl Trust {
    pub fn of(config: &Config) -> Self {
        let mut trust = Self { is_open: !config.has_credentials(), hosts: Vec::new(), domains: Vec::new() };
        for broker in config.brokers.split(',') {
            let host = host_of(broker);
            if is_loopback(&host) {
                trust.hosts.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
            } else if let Some(domain) = domain_of(&host) {
                trust.domains.push(domain);
            }
            trust.hosts.push(host);
        }
        for named in &config.trusted_hosts {
            let named = named.trim().to_ascii_lowercase();
            match named.strip_prefix('*').unwrap_or(&named) {
                domain if domain.starts_with('.') => trust.domains.push(domain.to_owned()),
                host => trust.hosts.push(host_of(host)),
            }
        }
        trust
    }

    /// Whether there is anything to refuse.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether a host may be connected to.
    pub fn covers(&self, host: &str) -> bool {
        let host = host_of(host);
        self.is_open || self.hosts.contains(&host) || (!is_address(&host) && self.domains.iter().any(|domain| host.ends_with(domain.as_str())))
    }
}

/// The host of `[protocol://]host[:port]`, without brackets and without a dot at its end, lower case.
fn host_of(broker: &str) -> String {
    let broker = broker.trim();
    let broker = broker.split_once("://").map_or(broker, |(_, rest)| rest);
    let host = match broker.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None if broker.matches(':').count() == 1 => broker.split_once(':').map_or(broker, |(host, _)| host),
        None => broker,
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

fn is_address(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What follows a host's first label, with the dot before it, where that is one owner's: no more than what a registry gives out to
/// anybody (the Public Suffix List) is too little to tell owners apart.
fn domain_of(host: &str) -> Option<String> {
    let (_, domain) = host.split_once('.')?;
    (!is_address(host) && psl::domain_str(domain).is_some()).then(|| format!(".{domain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(brokers: &str, trusted: &[&str], has_password: bool) -> Trust {
        let mut config = Config::new("k", brokers);
        config.password = has_password.then(|| "pw".to_owned());
        config.trusted_hosts = trusted.iter().map(|host| (*host).to_owned()).collect();
        Trust::of(&config)
    }

    #[test]
    fn credentials_go_where_the_profile_says_and_no_further() {
        type Hosts = &'static [&'static str];
        let cases: &[(&str, Hosts, Hosts, Hosts)] = &[
            (
                "b-1.shop.kafka.example.com:9098,b-2.shop.kafka.example.com:9098",
                &[],
                &["b-3.shop.kafka.example.com", "B-1.SHOP.kafka.example.com."],
                &["kafka.example.com", "evil.example", "evilshop.kafka.example.com", "b-1.shop.kafka.example.com.evil.example", "10.0.0.1"],
            ),
            ("pkc-1.eu.aws.cloud.example:9092", &[], &["b0-pkc-1.eu.aws.cloud.example"], &["b0.us.aws.cloud.example"]),
            ("localhost:9092", &[], &["127.0.0.1", "localhost", "::1"], &["10.0.0.1", "kafka"]),
            ("SASL_SSL://10.0.0.1:9092", &[], &["10.0.0.1"], &["10.0.0.2", "a.0.0.1"]),
            ("kafka.com:9092", &[], &["kafka.com"], &["evil.com"]),
            ("kafka.co.uk:9092", &[], &["kafka.co.uk"], &["evil.co.uk"]),
            ("x.ngrok.io:9092", &[], &["x.ngrok.io"], &["evil.ngrok.io"]),
            ("kafka-1.shop.co.uk:9092", &[], &["kafka-2.shop.co.uk"], &["evil.co.uk"]),
            ("kafka-1.shop.internal:9092", &[], &["kafka-2.shop.internal"], &["shop.internal", "kafka.other.internal"]),
            ("kafka:9092", &["10.0.0.2", "*.brokers.internal"], &["kafka", "10.0.0.2", "b1.brokers.internal"], &["brokers.internal", "10.0.0.3"]),
            ("[fd00::1]:9092", &[], &["fd00::1"], &["fd00::2"]),
        ];
        for (brokers, named, covered, refused) in cases {
            let trust = trust(brokers, named, true);
            for host in *covered {
                assert!(trust.covers(host), "{brokers} covers {host}");
            }
            for host in *refused {
                assert!(!trust.covers(host), "{brokers} must not cover {host}");
            }
        }
    }

    #[test]
    fn without_credentials_any_host_will_do() {
        assert!(trust("kafka:9092", &[], false).covers("evil.example"));
    }
}
