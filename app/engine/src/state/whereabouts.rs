//! Where a process is, as far as somebody tells: enough to see that two names are of one instance.

use std::collections::BTreeSet;

use switchboard_model::{SpanBatch, SpanKind, SpanRow, WellKnown};

/// Hosts and ports kept of one instance, each.
const MAX_PARTS: usize = 8;

/// Hosts, ports and the process id of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Whereabouts {
    hosts: BTreeSet<String>,
    ports: BTreeSet<u16>,
    process_ids: BTreeSet<u64>,
}

impl Whereabouts {
    /// What an address tells that is polled, as `http://10.0.0.7:8081/actuator`.
    pub(crate) fn of_address(address: &str, process_id: Option<u64>) -> Self {
        let mut whereabouts = Self::default();
        let authority = crate::extract::authority(address);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
            _ => (authority, None),
        };
        let default = if address.starts_with("https:") { 443 } else { 80 };
        whereabouts.see_host(host.trim_start_matches('[').trim_end_matches(']'));
        whereabouts.ports.insert(port.unwrap_or(default));
        whereabouts.process_ids.extend(process_id);
        whereabouts
    }

    /// What a span's resource tells, and of a span that answers a call its own address.
    pub(crate) fn of_span(batch: &SpanBatch, span: &SpanRow) -> Self {
        let mut whereabouts = Self::default();
        let resource = batch.resources.get(span.resource as usize).copied().unwrap_or_default();
        for attr in batch.attrs.get(resource.attrs.start as usize..resource.attrs.end as usize).unwrap_or_default() {
            match attr.known {
                WellKnown::HostName => whereabouts.see_host(&attr.value.to_text(&batch.text)),
                WellKnown::ProcessPid => attr.value.to_i64(&batch.text).into_iter().for_each(|id| whereabouts.see_process(id)),
                _ if matches!(batch.text.get(attr.key), "k8s.pod.ip" | "k8s.pod.name" | "container.id") => {
                    whereabouts.see_host(&attr.value.to_text(&batch.text));
                }
                _ => {}
            }
        }
        let own = batch.attrs.get(span.attrs.start as usize..span.attrs.end as usize).unwrap_or_default();
        for attr in own.iter().filter(|_| span.kind == SpanKind::Server) {
            match attr.known {
                WellKnown::ServerAddress => whereabouts.see_host(&attr.value.to_text(&batch.text)),
                WellKnown::ServerPort => attr.value.to_i64(&batch.text).into_iter().for_each(|port| whereabouts.see_port(port)),
                _ => {}
            }
        }
        whereabouts
    }

    /// A name or an address of its host.
    pub(crate) fn see_host(&mut self, host: &str) {
        if !host.is_empty() && self.hosts.len() < MAX_PARTS {
            self.hosts.insert(host.to_ascii_lowercase());
        }
    }

    /// A port at which it serves.
    pub(crate) fn see_port(&mut self, port: i64) {
        if self.ports.len() < MAX_PARTS {
            self.ports.extend(u16::try_from(port).ok().filter(|port| *port > 0));
        }
    }

    /// Its process id.
    pub(crate) fn see_process(&mut self, process_id: i64) {
        if self.process_ids.len() < MAX_PARTS {
            self.process_ids.extend(u64::try_from(process_id).ok());
        }
    }

    /// Takes over what another tells of the same.
    pub(crate) fn add(&mut self, other: &Self) {
        other.hosts.iter().for_each(|host| self.see_host(host));
        other.ports.iter().for_each(|port| self.see_port(i64::from(*port)));
        other.process_ids.iter().filter_map(|id| i64::try_from(*id).ok()).for_each(|id| self.see_process(id));
    }

    /// Whether the two may be one: the same process id (but that of a container's first process), the same host, or the same port
    /// where a host is only known as this machine.
    pub(crate) fn is_near(&self, other: &Self) -> bool {
        let is_loopback = |one: &Self| one.hosts.iter().all(|host| matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1"));
        let process = self.process_ids.intersection(&other.process_ids).any(|id| *id > 1);
        let host = self.hosts.intersection(&other.hosts).any(|host| !matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1"));
        let port = self.ports.intersection(&other.ports).next().is_some();
        let is_contradicted = !self.process_ids.is_empty() && !other.process_ids.is_empty() && self.process_ids.is_disjoint(&other.process_ids);
        process || (!is_contradicted && (host || (port && (is_loopback(self) || is_loopback(other)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(hosts: &[&str], ports: &[i64], process_id: Option<i64>) -> Whereabouts {
        let mut whereabouts = Whereabouts::default();
        for host in hosts {
            whereabouts.see_host(host);
        }
        for port in ports {
            whereabouts.see_port(*port);
        }
        if let Some(id) = process_id {
            whereabouts.see_process(id);
        }
        whereabouts
    }

    #[test]
    fn two_names_are_of_one_instance_where_process_host_or_port_say_so() {
        let local = Whereabouts::of_address("http://localhost:8081/actuator", Some(4711));
        for (read, seen, is_near) in [
            (&local, seen(&["my-laptop"], &[], Some(4711)), true),
            (&local, seen(&["my-laptop"], &[8081], None), true),
            (&local, seen(&["my-laptop"], &[8082], None), false),
            (&local, seen(&["my-laptop"], &[8081], Some(4712)), false),
            (&local, seen(&["localhost"], &[], None), false),
            (&Whereabouts::of_address("http://10.0.0.7:8081", None), seen(&["shop-5f", "10.0.0.7"], &[], None), true),
            (&Whereabouts::of_address("http://10.0.0.7:8081", None), seen(&["10.0.0.8"], &[8081], None), false),
            (&Whereabouts::of_address("http://Shop-1:8081", Some(1)), seen(&["shop-1"], &[], Some(1)), true),
            (&Whereabouts::of_address("http://shop-1:8081", Some(1)), seen(&["shop-2"], &[], Some(1)), false),
            (&Whereabouts::of_address("http://[::1]:8081/actuator", None), seen(&["my-laptop"], &[8081], None), true),
            (&Whereabouts::of_address("https://localhost", None), seen(&[], &[443], None), true),
        ] {
            assert_eq!(read.is_near(&seen), is_near, "{read:?} {seen:?}");
        }
    }
}
