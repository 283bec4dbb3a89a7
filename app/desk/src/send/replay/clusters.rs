//! Which clusters replaying reaches, and whether they may be written to.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use switchboard_model::PermitRefused;

use crate::ledger::ClusterIds;
use crate::send::replay::ClusterAccess;
use crate::send::replay::board::{ClusterBoard, Writing};

/// The clusters that replaying reaches. Cheap to clone.
#[derive(Clone, Default)]
pub struct ReplayClusters(Arc<Mutex<BTreeMap<String, Arc<dyn ClusterAccess>>>>);

impl ReplayClusters {
    /// A cluster of the profile.
    pub fn add(&self, name: &str, access: Arc<dyn ClusterAccess>) {
        self.0.lock().insert(name.to_owned(), access);
    }

    /// It is no longer reached.
    pub(super) fn remove(&self, name: &str) {
        self.0.lock().remove(name);
    }

    /// Where each stands; `ids` are what they call themselves.
    pub(super) fn boards(&self, ids: &ClusterIds) -> Vec<ClusterBoard> {
        self.0.lock().iter().map(|(name, access)| ClusterBoard { name: name.clone(), writing: writing(access.as_ref(), ids.get(name)) }).collect()
    }

    /// Their names.
    pub(in crate::send) fn names(&self) -> Vec<String> {
        self.0.lock().keys().cloned().collect()
    }

    /// A cluster as it is reached now.
    pub(in crate::send) fn reach(&self, cluster: &str) -> Result<Reach, String> {
        let access = self.0.lock().get(cluster).cloned().ok_or_else(|| format!("no source of the profile is called {cluster}"))?;
        Ok(Reach { name: cluster.to_owned(), access, clusters: self.clone() })
    }
}

/// A cluster as it was reached when something was begun on it.
#[derive(Clone)]
pub(in crate::send) struct Reach {
    name: String,
    pub(super) access: Arc<dyn ClusterAccess>,
    clusters: ReplayClusters,
}

impl Reach {
    /// Name of its source.
    pub(in crate::send) fn name(&self) -> &str {
        &self.name
    }

    /// What is reached.
    pub(in crate::send) fn access(&self) -> &dyn ClusterAccess {
        self.access.as_ref()
    }

    /// Whether it still is: another may have its name by now.
    pub(super) fn is_there(&self) -> bool {
        self.clusters.0.lock().get(&self.name).is_some_and(|now| Arc::ptr_eq(now, &self.access))
    }
}

/// Whether a cluster may be written to.
pub(super) fn writing(access: &dyn ClusterAccess, cluster_id: Option<&String>) -> Writing {
    if access.asks_for_name() {
        return Writing::AsksForName;
    }
    match access.may_write(cluster_id.map(String::as_str), None) {
        Ok(()) => Writing::Allowed,
        Err(refused @ PermitRefused::ReadOnly { .. }) => Writing::Locked { reason: refused.to_string(), asks_for_name: access.is_production() },
        Err(refused) => Writing::ReadOnly(refused.to_string()),
    }
}
