//! Leave to write to a cluster. Observing needs none; without a permit no producer is ever made.

/// What a profile says about writing to one of its clusters, and what the user confirmed.
#[derive(Clone, Copy, Debug)]
pub struct WriteRules<'a> {
    /// Name of the source in the profile.
    pub source: &'a str,
    /// Id of the cluster as its brokers told it; `None` = not told yet.
    pub cluster_id: Option<&'a str>,
    /// Whether the profile lets this source be written to. Read-only is the default of every profile.
    pub writes_allowed: bool,
    /// Whether the profile calls this a production cluster, so that its name has to be typed.
    pub is_production: bool,
    /// The cluster's name as the user typed it to confirm.
    pub typed_name: Option<&'a str>,
}

/// Leave to write to one cluster, known by the id its brokers tell. It can be neither copied nor written down, and only the
/// session makes it.
#[derive(Debug)]
pub struct WritePermit {
    source: String,
    cluster_id: String,
}

/// Why there is no leave to write, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermitRefused {
    /// The profile says nothing, or says read-only.
    #[error("`{source_name}` is read-only: its profile does not allow writes. Set write = true in its [[kafka]] table in the profile")]
    ReadOnly {
        /// The source.
        source_name: String,
    },
    /// The brokers have not told the cluster's id, so that what is written to could not be checked.
    #[error("the brokers of `{source_name}` have not told their cluster's id, so it cannot be checked what would be written to. Wait until the source is live")]
    ClusterUnknown {
        /// The source.
        source_name: String,
    },
    /// A production cluster's name was not typed, or not right.
    #[error("`{source_name}` is a production cluster: type its name to write to it")]
    NotConfirmed {
        /// The source.
        source_name: String,
    },
}

impl WritePermit {
    /// Makes a permit where the profile allows writes, the cluster's id is known, and a production cluster's name was typed.
    ///
    /// This is the one way to a permit, and only the session takes it: a test holds the sources to that.
    pub fn from_profile(rules: &WriteRules<'_>) -> Result<Self, PermitRefused> {
        let source_name = rules.source.to_owned();
        if !rules.writes_allowed {
            return Err(PermitRefused::ReadOnly { source_name });
        }
        let Some(cluster_id) = rules.cluster_id.filter(|id| !id.is_empty()) else {
            return Err(PermitRefused::ClusterUnknown { source_name });
        };
        if rules.is_production && rules.typed_name != Some(rules.source) {
            return Err(PermitRefused::NotConfirmed { source_name });
        }
        Ok(Self { source: source_name, cluster_id: cluster_id.to_owned() })
    }

    /// Name of the source it is for.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Id of the cluster it is for.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: WriteRules<'_> = WriteRules { source: "shop", cluster_id: Some("abc"), writes_allowed: true, is_production: false, typed_name: None };

    #[test]
    fn a_permit_names_its_cluster() {
        let permit = WritePermit::from_profile(&ALLOWED).expect("allowed");
        assert_eq!((permit.source(), permit.cluster_id()), ("shop", "abc"));
        let typed = WriteRules { is_production: true, typed_name: Some("shop"), ..ALLOWED };
        assert!(WritePermit::from_profile(&typed).is_ok());
    }

    #[test]
    fn without_leave_id_or_name_there_is_none() {
        let source_name = "shop".to_owned();
        let refused = |rules: WriteRules<'_>| WritePermit::from_profile(&rules).expect_err("refused");
        assert_eq!(refused(WriteRules { writes_allowed: false, ..ALLOWED }), PermitRefused::ReadOnly { source_name: source_name.clone() });
        for cluster_id in [None, Some("")] {
            assert_eq!(refused(WriteRules { cluster_id, ..ALLOWED }), PermitRefused::ClusterUnknown { source_name: source_name.clone() });
        }
        for typed_name in [None, Some(""), Some("Shop"), Some("shop ")] {
            let rules = WriteRules { is_production: true, typed_name, ..ALLOWED };
            assert_eq!(refused(rules), PermitRefused::NotConfirmed { source_name: source_name.clone() });
        }
    }
}
