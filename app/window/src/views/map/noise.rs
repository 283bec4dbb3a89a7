//! What is folded away: probes, scrapers, what a broker keeps for itself, retries. Rules by name, which can be changed. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switchboard_engine::view::{NodeId, NodeKind, Topology};

/// More rules than this are not kept.
const RULES_MAX: usize = 200;
/// A longer pattern is cut.
const PATTERN_CHARS_MAX: usize = 200;

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoiseOf {
    /// Services, callers and externals.
    Service,
    /// Channels.
    Channel,
    /// Consumer groups.
    Group,
}

impl NoiseOf {
    /// All of them, in the order in which they are offered.
    pub(crate) const ALL: [Self; 3] = [Self::Service, Self::Channel, Self::Group];

    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Channel => "channel",
            Self::Group => "group",
        }
    }

    fn of(kind: NodeKind) -> Option<Self> {
        match kind {
            NodeKind::Service | NodeKind::External | NodeKind::User => Some(Self::Service),
            NodeKind::Channel => Some(Self::Channel),
            NodeKind::Group => Some(Self::Group),
            NodeKind::Database | NodeKind::Missing | NodeKind::Other => None,
        }
    }
}

/// A rule: what has such a name is not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NoiseRule {
    /// What it is about.
    pub of: NoiseOf,
    /// The name; `*` stands for any text, `?` for one character, `#` for a number. Upper and lower case are the same.
    pub pattern: String,
    /// Whether it holds.
    pub is_on: bool,
}

/// All rules; the first that matches hides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct NoiseRules(pub Vec<NoiseRule>);

impl Default for NoiseRules {
    fn default() -> Self {
        let rules = [
            (NoiseOf::Service, "switchboard"),
            (NoiseOf::Service, "kube-probe*"),
            (NoiseOf::Service, "*-healthcheck"),
            (NoiseOf::Service, "blackbox*"),
            (NoiseOf::Service, "prometheus*"),
            (NoiseOf::Service, "*-exporter"),
            (NoiseOf::Service, "otel-collector*"),
            (NoiseOf::Channel, "__*"),
            (NoiseOf::Channel, "_schemas*"),
            (NoiseOf::Channel, "_confluent*"),
            (NoiseOf::Channel, "*-changelog"),
            (NoiseOf::Channel, "*-repartition"),
            (NoiseOf::Channel, "*-retry-#"),
            (NoiseOf::Group, "console-consumer-#"),
            (NoiseOf::Group, "_confluent*"),
            (NoiseOf::Group, "schema-registry*"),
        ];
        Self(rules.into_iter().map(|(of, pattern)| NoiseRule { of, pattern: pattern.to_owned(), is_on: true }).collect())
    }
}

impl NoiseRules {
    /// What was remembered, within bounds.
    pub(crate) fn within_bounds(mut self) -> Self {
        self.0.truncate(RULES_MAX);
        for rule in &mut self.0 {
            if rule.pattern.chars().nth(PATTERN_CHARS_MAX).is_some() {
                rule.pattern = rule.pattern.chars().take(PATTERN_CHARS_MAX).collect();
            }
        }
        self
    }

    /// Adds a rule, unless it stands there already or there is nothing to match; whether it was added.
    pub(crate) fn add(&mut self, of: NoiseOf, pattern: &str) -> bool {
        let rule = NoiseRule { of, pattern: pattern.trim().to_owned(), is_on: true };
        let is_new = !rule.pattern.is_empty() && rule.pattern.chars().any(|c| !matches!(c, '*' | '?')) && !self.0.contains(&rule) && self.0.len() < RULES_MAX;
        if is_new {
            self.0.push(rule);
        }
        is_new
    }

    /// What is hidden, and by which rule. What is part of another node anyway does not count.
    pub(crate) fn hidden(&self, topology: &Topology) -> BTreeMap<NodeId, usize> {
        let rule_of = |kind: NodeKind, name: &str| {
            let of = NoiseOf::of(kind)?;
            self.0.iter().position(|rule| rule.is_on && rule.of == of && matches(&rule.pattern, name))
        };
        let shown_itself = topology.nodes.iter().filter(|node| node.folded_into.is_none());
        shown_itself.filter_map(|node| Some((node.node_id, rule_of(node.kind, &node.name)?))).collect()
    }
}

/// Whether a name fits a pattern. An empty pattern fits nothing.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().flat_map(char::to_lowercase).collect();
    let name: Vec<char> = name.chars().flat_map(char::to_lowercase).collect();
    if pattern.is_empty() {
        return false;
    }
    // Counted once: a star before them would have them counted from each of them on.
    let mut num_digits = vec![0; name.len() + 1];
    for at in (0..name.len()).rev().filter(|_| pattern.contains(&'#')) {
        num_digits[at] = if name[at].is_ascii_digit() { num_digits[at + 1] + 1 } else { 0 };
    }
    let (mut at, mut in_name) = (0, 0);
    // Where the last star stands, and up to where of the name it has taken.
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() || at < pattern.len() {
        let step = match pattern.get(at) {
            Some('*') => {
                star = Some((at, in_name));
                at += 1;
                continue;
            }
            Some('#') => {
                let digits = num_digits[in_name];
                (digits > 0).then_some(digits)
            }
            Some('?') => (in_name < name.len()).then_some(1),
            Some(c) => (name.get(in_name) == Some(c)).then_some(1),
            None => None,
        };
        match (step, star) {
            (Some(step), _) => {
                at += 1;
                in_name += step;
            }
            (None, Some((star_at, taken))) if taken < name.len() => {
                star = Some((star_at, taken + 1));
                (at, in_name) = (star_at + 1, taken + 1);
            }
            (None, _) => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use switchboard_engine::view::NodeBasis;

    use super::*;
    use crate::testing::{Business, figure};

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, fits) in [
            ("__*", "__consumer_offsets", true),
            ("__*", "orders__placed", false),
            ("*-retry-#", "orders.placed-retry-3", true),
            ("*-retry-#", "orders.placed-retry-1000", true),
            ("*-retry-#", "orders.placed-retry-3x", false),
            ("*-retry-#", "orders.placed-retry-", false),
            ("*-retry-#", "a-retry-b-retry-7", true),
            ("console-consumer-#", "console-consumer-72114", true),
            ("console-consumer-#", "console-consumer", false),
            ("*-changelog", "app-KSTREAM-AGGREGATE-STATE-STORE-0003-changelog", true),
            ("prometheus*", "Prometheus-0", true),
            ("orders", "orders-2", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "anything", true),
            ("", "", false),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} on {name}");
        }
    }

    #[test]
    fn twice_the_name_takes_twice_the_time() {
        for pattern in ["*#x", "*1#x", "*a*a*a*b", "*?#?", "#", "*-retry-#", "a?c"] {
            for part in ["1", "a", "-retry-1", "a1", "é", "\u{301}", "-", "*", "#"] {
                let name = |len: usize| part.repeat(len / part.len());
                switchboard_measure::growth::assert_linear(&format!("{pattern} on {part:?}"), 1 << 14, name, |name| matches(pattern, name));
            }
        }
    }

    #[test]
    fn what_brokers_and_probes_leave_is_hidden_and_the_business_is_not() {
        let mut business = Business::default();
        let orders = business.service("orders", 1, figure(60, 0, 1, 2));
        let own = figure(60, 0, 0, 0);
        for name in ["__consumer_offsets", "_schemas", "orders.placed-retry-0", "totals-changelog", "orders.placed", "orders-retry-policy"] {
            business.channel(name, own);
        }
        let probe = business.node(NodeKind::User, "kube-probe/1.31", NodeBasis::Inferred, 0, own);
        business.call(probe, orders, "http", own, None);
        let placed = business.nodes_mut()[5].node_id;
        business.group("console-consumer-4711", placed, None, own, (0, 0.0, switchboard_engine::view::LagVerdict::Ok));
        let snapshot = business.snapshot();
        let rules = NoiseRules::default();
        let hidden = rules.hidden(&snapshot.topology);
        let names: Vec<&str> = snapshot.topology.nodes.iter().filter(|node| hidden.contains_key(&node.node_id)).map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["__consumer_offsets", "_schemas", "orders.placed-retry-0", "totals-changelog", "kube-probe/1.31", "console-consumer-4711"]);
        let off = NoiseRules(rules.0.into_iter().map(|rule| NoiseRule { is_on: false, ..rule }).collect());
        assert!(off.hidden(&snapshot.topology).is_empty());
    }

    #[test]
    fn a_rule_that_would_hide_everything_or_stands_there_is_not_added() {
        let mut rules = NoiseRules::default();
        let before = rules.clone();
        assert!(!rules.add(NoiseOf::Service, " ** ") && !rules.add(NoiseOf::Service, "") && !rules.add(NoiseOf::Channel, "__*"));
        assert_eq!(rules, before);
        assert!(rules.add(NoiseOf::Service, " load-* "));
        assert_eq!(rules.0.last().map(|rule| rule.pattern.as_str()), Some("load-*"));
    }

    proptest! {
        #[test]
        fn a_name_fits_itself_and_any_part_of_it_between_stars(name in "[a-z0-9._-]{1,24}", from in 0_usize..24, to in 0_usize..24) {
            prop_assert!(matches(&name, &name));
            let (from, to) = (from.min(name.len()), to.min(name.len()));
            let part = format!("*{}*", &name[from.min(to)..from.max(to)]);
            prop_assert!(matches(&part, &name));
        }

        #[test]
        fn hostile_patterns_end(pattern in "[*#?a1]{0,60}", name in "[a1]{0,200}") {
            let _ = matches(&pattern, &name);
        }
    }
}
