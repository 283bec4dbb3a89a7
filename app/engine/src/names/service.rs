//! A service and its instances, as its resources tell of them.

use std::collections::BTreeMap;

use crate::names::clock::Clock;

/// Labels of a service; the first by name are kept.
const MAX_LABELS: usize = 12;
/// Instances of a service kept apart.
const MAX_INSTANCES: usize = 500;

/// A service.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Service {
    /// `deployment.environment.name`, else the source's; empty = unknown.
    pub(crate) environment: String,
    /// `service.namespace`; empty = unknown.
    pub(crate) namespace: String,
    /// `service.name`.
    pub(crate) name: String,
    /// Version, and when it was last seen, ns.
    pub(crate) version: (i64, String),
    /// Instances: identity, version, last seen.
    pub(crate) instances: Vec<Instance>,
    /// When the first span of it arrived, ns.
    pub(crate) first_seen_ns: i64,
    /// When the last one did, ns.
    pub(crate) last_seen_ns: i64,
    /// To what it belongs, by attribute: when that was last told, ns, and what.
    pub(crate) labels: BTreeMap<String, (i64, String)>,
    /// How far its clock is off.
    pub(crate) clock: Clock,
}

/// An instance of a service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Instance {
    /// Its identity.
    pub(crate) instance: String,
    /// Version, and when it was last seen, ns.
    pub(crate) version: (i64, String),
}

/// What became of an instance that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was known.
    Known,
    /// It is one more.
    New,
    /// It took the place of the one that was not seen for longest.
    InPlaceOfOldest,
    /// It found no room, for all others were seen later.
    LeftOut,
}

impl Service {
    /// Its version was told; whether it is another than before. What was told last holds.
    pub(super) fn see_version(&mut self, version: &str, received_ns: i64) -> bool {
        if version.is_empty() || (received_ns, version) <= (self.version.0, self.version.1.as_str()) {
            return false;
        }
        let is_other = self.version.1 != version;
        self.version = (received_ns, version.to_owned());
        is_other
    }

    /// An instance of it was seen. `has_room` says whether all services have room for one more.
    pub(super) fn see_instance(&mut self, instance: &str, version: &str, received_ns: i64, has_room: bool) -> Seen {
        let is_crowded = self.instances.len() >= MAX_INSTANCES || !has_room;
        if let Some(known) = self.instances.iter_mut().find(|known| known.instance == instance) {
            if (received_ns, version) > (known.version.0, known.version.1.as_str()) {
                known.version = (received_ns, version.to_owned());
            }
            return Seen::Known;
        }
        let new = Instance { instance: instance.to_owned(), version: (received_ns, version.to_owned()) };
        let oldest = self.instances.iter_mut().min_by(|one, other| (one.version.0, &one.instance).cmp(&(other.version.0, &other.instance)));
        match oldest.filter(|_| is_crowded) {
            Some(oldest) if oldest.version.0 > received_ns => Seen::LeftOut,
            Some(oldest) => {
                *oldest = new;
                Seen::InPlaceOfOldest
            }
            None => {
                self.instances.push(new);
                Seen::New
            }
        }
    }

    /// A resource of it told to what it belongs; whether that changed anything. What was told last holds.
    pub(super) fn see_label(&mut self, key: &str, value: &str, received_ns: i64) -> bool {
        match self.labels.get_mut(key) {
            Some(known) if (received_ns, value) > (known.0, known.1.as_str()) => {
                let is_other = known.1 != value;
                *known = (received_ns, value.to_owned());
                is_other
            }
            Some(_) => false,
            None => {
                self.labels.insert(key.to_owned(), (received_ns, value.to_owned()));
                let is_one_too_many = self.labels.len() > MAX_LABELS;
                !is_one_too_many || self.labels.pop_last().is_some_and(|(last, _)| last != key)
            }
        }
    }
}
