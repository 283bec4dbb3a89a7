//! Leave to send. Observing needs none; without a permit nothing is ever made that sends.

use std::fmt;
use std::net::SocketAddr;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::Target;

/// What a profile says of sending to one of its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Leave {
    /// Nothing: read-only, until somebody allows it for a session.
    #[default]
    Unsaid,
    /// It is allowed.
    Given,
    /// It is never allowed, whoever asks.
    Never,
}

impl Leave {
    /// How a profile says that it is never allowed.
    const NEVER: &str = "never";
}

impl Serialize for Leave {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unsaid => serializer.serialize_bool(false),
            Self::Given => serializer.serialize_bool(true),
            Self::Never => serializer.serialize_str(Self::NEVER),
        }
    }
}

/// Reads `true`, `false` or `"never"`; what else stands there may be a secret, and is not repeated.
struct LeaveVisitor;

impl Visitor<'_> for LeaveVisitor {
    type Value = Leave;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("true, false or \"never\"")
    }

    fn visit_bool<E: Error>(self, is_given: bool) -> Result<Leave, E> {
        Ok(if is_given { Leave::Given } else { Leave::Unsaid })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Leave, E> {
        if text == Leave::NEVER { Ok(Leave::Never) } else { Err(E::custom("write true, false or \"never\"")) }
    }
}

impl<'de> Deserialize<'de> for Leave {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LeaveVisitor)
    }
}

/// What is known of a target when leave to send to it is asked for.
#[derive(Clone, Debug)]
pub struct SendRules<'a> {
    /// What the target is called here: the name of its source in the profile, or its host. In production it has to be typed.
    pub name: &'a str,
    /// The target; `None` = its brokers have not told their cluster's id yet.
    pub target: Option<Target>,
    /// Where its name led to, where it was looked up: nothing else is connected to. Empty for a cluster, which its source's brokers lead to.
    pub addresses: &'a [SocketAddr],
    /// What the profile says.
    pub leave: Leave,
    /// Whether somebody allowed it for this session, in production by typing its name.
    pub is_unlocked: bool,
    /// Whether the profile calls what it connects to production.
    pub is_production: bool,
    /// The name as it was typed to confirm this send.
    pub typed_name: Option<&'a str>,
}

/// Leave to send to one target. It can be neither copied nor written down, and only the session makes it.
#[derive(Debug)]
pub struct SendPermit {
    name: String,
    target: Target,
    addresses: Vec<SocketAddr>,
}

/// Why there is no leave to send, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermitRefused {
    /// The profile says nothing, and nobody allowed it for this session.
    #[error("`{name}` is read-only: nothing allows sending to it. Allow it for this session, or set write = true in its table of the profile")]
    ReadOnly {
        /// What the target is called.
        name: String,
    },
    /// The profile forbids it.
    #[error("the profile forbids sending to `{name}`: write = \"never\". Nothing but the profile can change that")]
    Never {
        /// What the target is called.
        name: String,
    },
    /// The brokers have not told the cluster's id, so that what is sent to could not be checked.
    #[error("the brokers of `{name}` have not told their cluster's id, so it cannot be checked what would be sent to. Wait until the source is live")]
    ClusterUnknown {
        /// The source.
        name: String,
    },
    /// In production the name was not typed, or not right.
    #[error("`{name}` is production: type its name to send to it")]
    NotConfirmed {
        /// What the target is called.
        name: String,
    },
}

impl SendRules<'_> {
    /// Whether all that its name led to is this machine. What was not looked up is not.
    pub fn is_loopback(&self) -> bool {
        !self.addresses.is_empty() && self.addresses.iter().all(|address| crate::is_loopback(address.ip()))
    }
}

impl SendPermit {
    /// Makes a permit where the profile or the user allows sending, the target is known, and a name in production was typed. Servers on this
    /// machine need no allowing outside production: they are what one develops.
    ///
    /// This is the one way to a permit, and only the session takes it: a test holds the sources to that.
    pub fn from_rules(rules: &SendRules<'_>) -> Result<Self, PermitRefused> {
        let name = rules.name.to_owned();
        let needs_no_allowing = rules.is_loopback() && !rules.is_production;
        match rules.leave {
            Leave::Never => return Err(PermitRefused::Never { name }),
            Leave::Unsaid if !rules.is_unlocked && !needs_no_allowing => return Err(PermitRefused::ReadOnly { name }),
            Leave::Unsaid | Leave::Given => {}
        }
        let target = match &rules.target {
            Some(Target::Cluster(cluster_id)) if cluster_id.is_empty() => None,
            target => target.clone(),
        };
        let Some(target) = target else { return Err(PermitRefused::ClusterUnknown { name }) };
        if rules.is_production && !rules.is_unlocked && rules.typed_name != Some(rules.name) {
            return Err(PermitRefused::NotConfirmed { name });
        }
        Ok(Self { name, target, addresses: rules.addresses.to_vec() })
    }

    /// What the target is called here.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Id of the cluster it is for; empty where it is for none, which no cluster calls itself.
    pub fn cluster_id(&self) -> &str {
        match &self.target {
            Target::Cluster(cluster_id) => cluster_id,
            Target::Origin(_) | Target::Authority(_) => "",
        }
    }

    /// Where the server's name led to: nothing else is connected to.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    fn rules(target: Option<Target>) -> SendRules<'static> {
        SendRules { name: "shop", target, addresses: &[], leave: Leave::Given, is_unlocked: false, is_production: false, typed_name: None }
    }

    fn cluster() -> Target {
        Target::Cluster("abc".to_owned())
    }

    fn refused(rules: &SendRules<'_>) -> PermitRefused {
        SendPermit::from_rules(rules).expect_err("refused")
    }

    #[test]
    fn what_a_profile_says_is_read_as_it_is_written() {
        for (written, leave) in [("false", Leave::Unsaid), ("true", Leave::Given), ("\"never\"", Leave::Never)] {
            assert_eq!(serde_json::from_str::<Leave>(written).expect("read"), leave);
            assert_eq!(serde_json::to_string(&leave).expect("written"), written);
        }
        let told = serde_json::from_str::<Leave>("\"hunter2\"").expect_err("something else").to_string();
        assert!(told.contains("write true, false") && !told.contains("hunter"), "{told}");
    }

    #[test]
    fn a_permit_names_its_target() {
        let permit = SendPermit::from_rules(&rules(Some(cluster()))).expect("allowed");
        assert_eq!((permit.name(), permit.cluster_id()), ("shop", "abc"));
        let typed = SendRules { is_production: true, typed_name: Some("shop"), ..rules(Some(cluster())) };
        assert!(SendPermit::from_rules(&typed).is_ok());
        let unlocked = SendRules { is_production: true, is_unlocked: true, leave: Leave::Unsaid, ..rules(Some(cluster())) };
        assert!(SendPermit::from_rules(&unlocked).is_ok(), "its name was typed when it was unlocked");
    }

    #[test]
    fn without_leave_id_or_name_there_is_none() {
        let name = "shop".to_owned();
        assert_eq!(refused(&SendRules { leave: Leave::Unsaid, ..rules(Some(cluster())) }), PermitRefused::ReadOnly { name: name.clone() });
        for target in [None, Some(Target::Cluster(String::new()))] {
            assert_eq!(refused(&rules(target)), PermitRefused::ClusterUnknown { name: name.clone() });
        }
        for typed_name in [None, Some(""), Some("Shop"), Some("shop ")] {
            let rules = SendRules { is_production: true, typed_name, ..rules(Some(cluster())) };
            assert_eq!(refused(&rules), PermitRefused::NotConfirmed { name: name.clone() });
        }
    }

    #[test]
    fn what_is_forbidden_stays_so_whoever_asks() {
        for is_production in [false, true] {
            let rules = SendRules { leave: Leave::Never, is_unlocked: true, is_production, typed_name: Some("shop"), ..rules(Some(cluster())) };
            assert_eq!(refused(&rules), PermitRefused::Never { name: "shop".to_owned() });
        }
    }

    #[test]
    fn servers_of_this_machine_need_no_allowing_outside_production() {
        let here = ["127.0.0.1:80".parse().expect("an address"), "[::1]:80".parse().expect("an address")];
        let tunnel = ["127.0.0.1:80".parse().expect("an address"), "10.0.0.1:80".parse().expect("an address")];
        let (origin, _) = Origin::parse("http://localhost/").expect("an address");
        let rules = |addresses, is_production| SendRules { addresses, is_production, leave: Leave::Unsaid, ..rules(Some(Target::Origin(origin.clone()))) };
        assert!(SendPermit::from_rules(&rules(&here, false)).is_ok());
        for rules in [rules(&here, true), rules(&tunnel, false), rules(&[], false)] {
            assert_eq!(refused(&rules), PermitRefused::ReadOnly { name: "shop".to_owned() });
        }
    }
}
