//! A probe that fails: what is told of it, and of which box of the map it is. Pure.

use switchboard_desk::send::{Ended, One, Sent, SentId};
use switchboard_engine::view::{Node, NodeId, NodeKind, Topology};
use switchboard_model::Origin;

use super::statuses::grpc_word;
use crate::{figures, sanitise::visible};

/// A probe whose last request failed. Its texts are safe to show.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FailingProbe {
    /// Which.
    pub sent_id: SentId,
    /// What it sends: `GET /health`.
    pub call: String,
    /// Where it sends it: the server's address.
    pub target: String,
    /// Since when each failed, ns since the Unix epoch.
    pub since_ns: i64,
    /// Whether those before are not remembered, and may have failed as well.
    pub is_since_longer: bool,
    /// How many were sent.
    pub num: u64,
    /// Of these so many failed.
    pub num_failed: u64,
    /// Why the last one did.
    pub why: String,
    /// The service that answered one of them, as its trace tells; `None` = that is not known.
    pub service: Option<String>,
}

impl FailingProbe {
    /// Of something that is being sent; `None` = it is no probe, has ended, or its last request went well.
    pub(crate) fn of(sent: &Sent) -> Option<Self> {
        let told = sent.figures.as_ref().filter(|_| sent.is_probe() && sent.is_going())?;
        let failed: Vec<&One> = told.last.iter().rev().take_while(|one| one.ended.is_failure()).collect();
        let (newest, oldest) = (failed.first()?, failed.last()?);
        Some(Self {
            sent_id: sent.sent_id,
            call: visible(&sent.call).into_owned(),
            target: visible(&sent.target).into_owned(),
            since_ns: oldest.at_ns,
            is_since_longer: failed.len() == told.last.len() && told.num > told.last.len() as u64,
            num: told.num,
            num_failed: told.num_failed,
            why: why(newest),
            service: None,
        })
    }

    /// `3/40`.
    pub(crate) fn short(&self) -> String {
        format!("{}/{}", figures::count(self.num_failed), figures::count(self.num))
    }

    /// `probe GET /health fails`.
    pub(crate) fn title(&self) -> String {
        format!("probe {} fails", self.call)
    }

    /// Where, since when, how many of how many, and why the last one.
    pub(crate) fn detail(&self, now_ns: i64) -> String {
        let since = figures::when(self.since_ns, now_ns).to_s();
        let longer = if self.is_since_longer { " or longer" } else { "" };
        let (failed, num) = (figures::count(self.num_failed), figures::count(self.num));
        format!("{} · since {since}{longer} · {failed} of {num} failed · {}", self.target, self.why)
    }

    /// The box that the map has for where it goes: the service that answered it, or the one that is known by that address.
    pub(crate) fn node(&self, topology: &Topology) -> Option<NodeId> {
        if let Some(service) = &self.service
            && let Some(node) = topology.nodes.iter().find(|node| node.kind == NodeKind::Service && node.name == *service)
        {
            return Some(node.node_id);
        }
        let (origin, _) = Origin::parse(&self.target).ok()?;
        let is_it = |name: &str| is_address(name, &origin);
        let mut known = topology.nodes.iter().filter(|node| {
            let by_name = matches!(node.kind, NodeKind::Service | NodeKind::External) && is_it(&node.name);
            by_name || node.kind == NodeKind::Service && node.instances.iter().any(|instance| is_it(&instance.instance))
        });
        // Of several at one address nobody knows which it is.
        match (known.next(), known.next()) {
            (Some(Node { node_id, .. }), None) => Some(*node_id),
            _ => None,
        }
    }
}

/// Why one failed: what the server said, or why nothing was answered.
fn why(one: &One) -> String {
    match one.ended {
        _ if !one.why.is_empty() => visible(&one.why).into_owned(),
        Ended::Http(status) => format!("answered with {status}"),
        Ended::Grpc(code) => format!("ended with {}", grpc_word(code)),
        Ended::NotSent => "not sent".to_owned(),
        Ended::Possibly => "not answered".to_owned(),
    }
}

/// Whether a name is the address of a server, as `host:port`; this machine has several names.
fn is_address(name: &str, origin: &Origin) -> bool {
    let Some((host, port)) = name.rsplit_once(':') else { return false };
    let plain = |host: &str| match host.trim_matches(['[', ']']).to_ascii_lowercase().as_str() {
        "localhost" | "127.0.0.1" | "::1" => "localhost".to_owned(),
        other => other.to_owned(),
    };
    port.parse::<u16>() == Ok(origin.port()) && plain(host) == plain(origin.host())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use switchboard_desk::send::RepeatFigures;
    use switchboard_engine::view::{Figure, NodeBasis};

    use super::*;
    use crate::{
        testing::{self, Business, NOW_NS},
        views::send::sample,
    };

    const SECOND_NS: i64 = 1_000_000_000;

    fn with(sent: Sent, change: impl FnOnce(&mut RepeatFigures)) -> Sent {
        let mut figures = RepeatFigures::clone(sent.figures.as_deref().expect("figures"));
        change(&mut figures);
        Sent { figures: Some(Arc::new(figures)), ..sent }
    }

    #[test]
    fn a_probe_fails_as_long_as_its_last_request_did() {
        assert_eq!(FailingProbe::of(&sample::probe()), None, "the last one went well");
        let failing = sample::failing_probe();
        let told = FailingProbe::of(&failing).expect("it fails");
        assert_eq!((told.short().as_str(), told.title().as_str()), ("6/40", "probe GET /health fails"));
        let since = figures::when(NOW_NS - 120 * SECOND_NS, NOW_NS).to_s();
        assert_eq!(told.detail(NOW_NS), format!("http://localhost:8080 · since {since} · 6 of 40 failed · nobody listens on localhost:8080"));
        assert_eq!((NOW_NS - told.since_ns) / SECOND_NS, 120);
        let stopped = Sent { settled: sample::board().sent[0].settled.clone(), ..failing.clone() };
        assert_eq!(FailingProbe::of(&stopped), None);
        let longer = with(failing, |figures| {
            figures.last.iter_mut().for_each(|one| (one.ended, one.why) = (Ended::Grpc(14), String::new()));
            (figures.num, figures.num_failed) = (100, 77);
        });
        let told = FailingProbe::of(&longer).expect("it fails");
        assert!(told.detail(NOW_NS).ends_with(" or longer · 77 of 100 failed · ended with UNAVAILABLE"), "{}", told.detail(NOW_NS));
    }

    #[test]
    fn its_box_is_the_service_that_answered_or_the_one_known_at_that_address() {
        let told = FailingProbe::of(&sample::failing_probe()).expect("it fails");
        let business = testing::order_business();
        assert_eq!(told.node(&business.topology), None, "nothing is known at that address");
        let answered = FailingProbe { service: Some("orders".into()), ..told.clone() };
        let orders = business.topology.nodes.iter().find(|node| node.name == "orders").map(|node| node.node_id);
        assert_eq!(answered.node(&business.topology), orders);
        let of = |names: &[&str]| {
            let mut business = Business::default();
            for name in names {
                business.node(NodeKind::External, name, NodeBasis::Inferred, 0, Figure::default());
            }
            told.node(&business.snapshot().topology).map(|node_id| node_id.0)
        };
        assert_eq!([of(&["localhost:8080"]), of(&["a:1", "127.0.0.1:8080"]), of(&["[::1]:8080"])], [Some(0), Some(1), Some(0)]);
        assert_eq!([of(&["localhost:8081"]), of(&["localhost"]), of(&["127.0.0.1:8080", "localhost:8080"])], [None, None, None]);
    }
}
