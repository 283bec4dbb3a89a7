//! Whether something may go where it is to go: the way there, leave to take it, and whether it has to be confirmed.

use switchboard_model::{PermitRefused, Target};

use super::Office;
use crate::ledger::{Refusal, TargetKind};
use crate::send::access::Server;
use crate::send::board::Question;
use crate::send::plan::Plan;
use crate::send::replay::Reach;

/// Where something goes, as it is reached now.
#[derive(Clone)]
pub(super) enum Way {
    /// To a server.
    Server(Server),
    /// To a cluster, by what it calls itself; `None` = it has not told.
    Cluster(Reach, Option<String>),
}

impl Way {
    /// What the target is called: an origin, or the name of a source.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Server(server) => server.target.to_string(),
            Self::Cluster(reach, _) => reach.name().to_owned(),
        }
    }

    /// What the target is known by in the ledger: an origin, or what the cluster calls itself.
    pub(super) fn target_id(&self) -> String {
        match self {
            Self::Server(server) => server.target.to_string(),
            Self::Cluster(_, cluster_id) => cluster_id.clone().unwrap_or_default(),
        }
    }

    /// What kind of target it is.
    pub(super) fn kind(&self) -> TargetKind {
        match self {
            Self::Server(Server { target: Target::Authority(_), .. }) => TargetKind::Grpc,
            Self::Server(_) => TargetKind::Http,
            Self::Cluster(..) => TargetKind::Channel,
        }
    }

    /// Whether it is production.
    pub(super) fn is_production(&self, office: &Office) -> bool {
        match self {
            Self::Server(server) => office.config.servers.type_name(&server.target).is_some(),
            Self::Cluster(reach, _) => reach.access().is_production(),
        }
    }

    /// Whether there is leave to send there. Nothing is connected to.
    pub(super) fn may_send(&self, office: &Office) -> Result<(), PermitRefused> {
        match self {
            Self::Server(server) => office.config.servers.may_send(server, None),
            Self::Cluster(reach, cluster_id) => reach.access().may_write(cluster_id.as_deref(), None),
        }
    }

    /// Allows it for this session.
    pub(super) fn allow(&self, office: &Office, typed_name: Option<&str>) -> Result<(), PermitRefused> {
        match self {
            Self::Server(server) => office.config.servers.allow(server, typed_name),
            Self::Cluster(reach, cluster_id) => reach.access().allow(cluster_id.as_deref(), typed_name),
        }
    }

    /// Somebody confirmed that what may change something is meant. On this machine that holds for the session.
    pub(super) fn confirmed(&self, office: &Office) {
        if let Self::Server(server) = self
            && server.is_loopback()
            && let Target::Origin(origin) | Target::Authority(origin) = &server.target
        {
            office.confirmed.lock().insert(origin.clone());
        }
    }

    /// What has to be asked where there is no leave; `None` = nobody can give it.
    pub(super) fn question(&self, office: &Office, refused: &PermitRefused) -> Option<Question> {
        if !matches!(refused, PermitRefused::ReadOnly { .. } | PermitRefused::NotConfirmed { .. }) {
            return None;
        }
        let type_name = match self {
            Self::Server(server) => office.config.servers.type_name(&server.target),
            Self::Cluster(reach, _) => reach.access().is_production().then(|| reach.name().to_owned()),
        };
        let what = match self.kind() {
            TargetKind::Channel => "records can be written to its topics from this window, and whoever reads them will act on them",
            TargetKind::Http | TargetKind::Grpc => "requests go to it from this window as they would from any of its clients, and it will act on them",
        };
        let means = format!("Until the session ends {what}. Each is a line of the ledger. The profile is not changed");
        Some(Question::Allow { type_name, means })
    }

    /// What has to be confirmed before this goes there; `None` = nothing.
    pub(super) fn confirmation(&self, office: &Office, plan: &Plan, num: u64) -> Option<Question> {
        let (call, name) = (plan.call(), self.name());
        match self {
            Self::Server(server) => {
                let (Target::Origin(origin) | Target::Authority(origin)) = &server.target else { return None };
                let is_many = num > 1 && !server.is_loopback();
                if !(plan.changes_something() || is_many) || server.is_loopback() && office.confirmed.lock().contains(origin) {
                    return None;
                }
                let times = if num > 1 { format!("{num} × ") } else { String::new() };
                let may = if plan.changes_something() { " may change something there" } else { "" };
                let once = if server.is_loopback() { ". It is on this machine, where a tunnel may lead elsewhere; asked once a session" } else { "" };
                Some(Question::Confirm { what: format!("{times}{call} to {name}{may}{once}"), is_here: server.is_loopback() })
            }
            Self::Cluster(..) => (num > 1).then(|| Question::Confirm { what: format!("{num} records to {call} of {name}"), is_here: false }),
        }
    }

    /// What has to be confirmed before a probe goes there that may change something.
    pub(super) fn probe_question(&self, plan: &Plan, every_s: f64) -> Question {
        let is_here = matches!(self, Self::Server(server) if server.is_loopback());
        let what = format!("{} to {} once in {every_s} s, until it is stopped or the session ends; each may change something there", plan.call(), self.name());
        Question::Confirm { what, is_here }
    }

    /// Writes down that something was not allowed.
    pub(super) async fn refused(&self, office: &Office, plan: &Plan, num: u64, reason: &str) -> Result<(), String> {
        let ledger = office.config.ledger.open().await.map_err(|error| error.to_string())?;
        let refusal = Refusal {
            profile: office.config.profile.clone(),
            operator: office.config.operator.clone(),
            cluster: self.name(),
            command: "send".to_owned(),
            target: plan.call(),
            num_letters: num,
            reason: reason.to_owned(),
            at_ns: office.now_ns(),
        };
        ledger.refuse(refusal).await.map_err(|error| error.to_string())
    }
}
