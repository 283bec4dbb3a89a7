//! Which group each box belongs to: by what services say of themselves, and for the rest by whom they talk to. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use switchboard_engine::view::{HopKind, NodeKind};

use super::GROUPS_MAX;
use crate::views::map::scene::{Scene, SceneNode};

/// The group for what is too rare for its own.
pub(super) const REST: &str = "others";
/// More labels are not offered.
const LABELS_MAX: usize = 12;
/// The label that Kubernetes' own attributes give.
const KUBERNETES_NAMESPACE: &str = "k8s.namespace.name";

/// What decides which services stand together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupBy {
    /// Namespaces where most services have one, else names.
    #[default]
    Auto,
    /// `service.namespace`.
    Namespace,
    /// `deployment.environment.name`.
    Environment,
    /// What the name begins with.
    Prefix,
    /// A label of their resources: the attribute's name.
    Label(String),
}

impl GroupBy {
    /// All of them but labels, in the order in which they are offered.
    pub(crate) const PLAIN: [Self; 4] = [Self::Auto, Self::Namespace, Self::Environment, Self::Prefix];

    /// What it is called.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Label(name) => label_text(name),
            Self::Auto => "automatic",
            Self::Namespace => "namespace",
            Self::Environment => "environment",
            Self::Prefix => "name",
        }
    }
}

/// The group that each box belongs to; `None` for what never is in one.
pub(super) fn homes(scene: &Scene, by: &GroupBy) -> Vec<Option<String>> {
    let services: Vec<usize> = (0..scene.nodes.len()).filter(|index| scene.nodes[*index].kind == NodeKind::Service).collect();
    let found;
    let by = if *by == GroupBy::Auto {
        found = best(scene, &services);
        &found
    } else {
        by
    };
    let mut homes: Vec<Option<String>> = vec![None; scene.nodes.len()];
    for &index in &services {
        let node = &scene.nodes[index];
        homes[index] = Some(match by {
            GroupBy::Namespace => node.namespace.clone().unwrap_or_else(|| "no namespace".to_owned()),
            GroupBy::Environment => node.environment.clone().unwrap_or_else(|| "no environment".to_owned()),
            GroupBy::Label(name) => node.label(name).map_or_else(|| format!("no {}", label_text(name)), str::to_owned),
            GroupBy::Auto | GroupBy::Prefix => first_word(&node.name).to_owned(),
        });
    }
    // Two groups are kept for what is no service and belongs to no single group.
    keep_largest(&mut homes, GROUPS_MAX - 2);
    join_neighbours(scene, &mut homes);
    homes
}

/// What most services tell and not all tell alike: their namespace, else that of Kubernetes, else what their names begin with.
fn best(scene: &Scene, services: &[usize]) -> GroupBy {
    let tells_apart = |read: &dyn Fn(&SceneNode) -> Option<String>| {
        let told: Vec<String> = services.iter().filter_map(|index| read(&scene.nodes[*index])).collect();
        told.len() * 2 > services.len() && told.iter().any(|value| *value != told[0])
    };
    if tells_apart(&|node| node.namespace.clone()) {
        GroupBy::Namespace
    } else if tells_apart(&|node| node.label(KUBERNETES_NAMESPACE).map(str::to_owned)) {
        GroupBy::Label(KUBERNETES_NAMESPACE.to_owned())
    } else {
        GroupBy::Prefix
    }
}

/// Labels that make groups: of more than one service and with more than one value, those of most services first.
pub(crate) fn labels(scene: &Scene) -> Vec<String> {
    let mut told: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for (name, value) in scene.nodes.iter().flat_map(|node| &node.labels) {
        let known = told.entry(name).or_default();
        known.0 += 1;
        known.1.insert(value);
    }
    let mut labels: Vec<(usize, &str)> = told.into_iter().filter(|(_, (_, values))| values.len() > 1).map(|(name, (num, _))| (num, name)).collect();
    labels.sort_by_key(|(num, name)| (std::cmp::Reverse(*num), *name));
    labels.into_iter().take(LABELS_MAX).map(|(_, name)| name.to_owned()).collect()
}

/// `app.kubernetes.io/part-of` of `k8s.pod.label.app.kubernetes.io/part-of`: a label's own name.
fn label_text(name: &str) -> &str {
    [".label.", ".labels."].into_iter().find_map(|mark| name.split_once(mark)).map_or(name, |(_, own)| own)
}

/// `orders` of `orders-api`.
fn first_word(name: &str) -> &str {
    name.split(['-', '.', '_', '/', ':']).find(|word| !word.is_empty()).unwrap_or(name)
}

/// The smallest groups become one, so that there are at most so many; of equally large ones the first by name stay.
fn keep_largest(homes: &mut [Option<String>], groups_max: usize) {
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    homes.iter().flatten().for_each(|home| *sizes.entry(home).or_default() += 1);
    if sizes.len() <= groups_max {
        return;
    }
    let mut by_size: Vec<(&str, usize)> = sizes.into_iter().filter(|(name, _)| *name != REST).collect();
    by_size.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let kept: BTreeSet<String> = by_size.into_iter().take(groups_max - 1).map(|(name, _)| name.to_owned()).collect();
    for home in homes.iter_mut().flatten() {
        if !kept.contains(home) {
            REST.clone_into(home);
        }
    }
}

/// Channels, consumer groups, databases and externals stand where most of those stand that they talk to, if one group has
/// more of them than any other; else with their like.
fn join_neighbours(scene: &Scene, homes: &mut [Option<String>]) {
    // Channels first: consumer groups are known by their channels.
    for round in [NodeKind::Channel, NodeKind::Group, NodeKind::Database, NodeKind::External] {
        let mut votes: BTreeMap<usize, BTreeMap<&str, usize>> = BTreeMap::new();
        for edge in &scene.edges {
            // A channel belongs to who writes to it, anything else to who uses it.
            let (own, other) = if scene.nodes[edge.to].kind == round { (edge.to, edge.from) } else { (edge.from, edge.to) };
            let is_writer = edge.kind == HopKind::Publish;
            if scene.nodes[own].kind != round {
                continue;
            }
            if let Some(home) = homes[other].as_deref() {
                *votes.entry(own).or_default().entry(home).or_default() += if is_writer { 100 } else { 1 };
            }
        }
        let found: Vec<(usize, String)> = votes
            .into_iter()
            .filter_map(|(own, votes)| {
                let most = votes.values().copied().max()?;
                let mut best = votes.iter().filter(|(_, n)| **n == most);
                let (home, _) = best.next()?;
                // Used by several groups alike: it belongs to none of them.
                best.next().is_none().then(|| (own, (*home).to_owned()))
            })
            .collect();
        for (own, home) in found {
            homes[own] = Some(home);
        }
        let shared = if round == NodeKind::External { "external" } else { "shared" };
        for index in (0..scene.nodes.len()).filter(|index| scene.nodes[*index].kind == round) {
            homes[index].get_or_insert_with(|| shared.to_owned());
        }
    }
}
