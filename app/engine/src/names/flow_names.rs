//! Who and what is named: services with their instances, peers, channels, groups, operations. Interned, capped, shared out by
//! source; what was not seen for longest leaves for what comes after a cap, and is "other".

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;
use switchboard_model::{RPC_STATUSES, SourceId};

use crate::intern::{Marks, Namer, Numbers, Registry};
use crate::names::operations::Operations;
use crate::names::service::{Seen, Service};
use crate::names::{ChannelId, Gone, GroupId, OperationId, PeerId, ServiceId, StatusId, StatusKind};
use crate::source_shares::Shares;

/// What a caller's attributes name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peer {
    /// A service's name, or `address:port`, or a database's name.
    pub(crate) text: String,
    /// Whether it is a service's name (`service.peer.name`).
    pub(crate) is_name: bool,
    /// Whether it tells where it is: `text` is an address.
    pub(crate) has_host: bool,
    /// The database system, where it is a database; else empty.
    pub(crate) system: String,
}

/// A channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Channel {
    /// `messaging.system`; empty = unknown.
    pub(crate) system: String,
    /// Cluster id, where spans tell it; else empty.
    pub(crate) cluster_id: String,
    /// Its name.
    pub(crate) name: String,
    /// Hash of the name, for positions in it.
    pub(crate) name_hash: u64,
}

/// What the SDKs call a service without a name.
const NAMELESS: &str = "unknown_service";
/// Services kept apart.
const MAX_SERVICES: usize = 5_000;
/// Peers, channels and groups kept apart, each.
const MAX_NAMED: usize = 5_000;
/// Words that calls ended with, kept apart.
const MAX_STATUS_WORDS: usize = 1_000;
/// Instances of all services kept apart.
const MAX_ALL_INSTANCES: usize = 20_000;
/// Names are told apart by so many bytes.
const MAX_NAME_BYTES: usize = 512;

fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(MAX_NAME_BYTES)]
}

/// All names of the flow.
#[derive(Debug)]
pub(crate) struct FlowNames {
    hasher: DefaultHashBuilder,
    services: Registry<Service>,
    peers: Registry<Peer>,
    channels: Registry<Channel>,
    groups: Registry<String>,
    status_words: Registry<String>,
    operations: Operations,
    /// Instances and operations that found no room in their service.
    crowded: Shares,
    num_instances: usize,
    version: u64,
    namer: Namer,
}

impl FlowNames {
    /// Keeps at most so many operations over all services.
    pub(crate) fn new(max_operations: usize) -> Self {
        let mut names = Self {
            hasher: DefaultHashBuilder::default(),
            services: Registry::new(MAX_SERVICES),
            peers: Registry::new(MAX_NAMED),
            channels: Registry::new(MAX_NAMED),
            groups: Registry::new(MAX_NAMED),
            status_words: Registry::new(MAX_STATUS_WORDS),
            operations: Operations::new(max_operations),
            crowded: Shares::default(),
            num_instances: 0,
            version: 1,
            namer: Namer { source: SourceId(0), tick: 0 },
        };
        OTHER_NAME.clone_into(&mut names.services.items[1].name);
        OTHER_NAME.clone_into(&mut names.peers.items[1].text);
        OTHER_NAME.clone_into(&mut names.channels.items[1].name);
        OTHER_NAME.clone_into(&mut names.groups.items[1]);
        names
    }

    /// Whose batch is read from now on.
    pub(crate) fn set_namer(&mut self, source: SourceId) {
        self.namer = Namer { source, tick: self.namer.tick.wrapping_add(1) };
    }

    /// Whose batch is read.
    pub(crate) fn namer(&self) -> Namer {
        self.namer
    }

    /// The service of these parts. A service without a name is what the SDKs call it by default.
    pub(crate) fn service(&mut self, environment: &str, namespace: &str, name: &str, received_ns: i64) -> ServiceId {
        let (environment, namespace, name) = (cut(environment), cut(namespace), if name.is_empty() { NAMELESS } else { cut(name) });
        let hasher = &self.hasher;
        let hash = |environment: &str, namespace: &str, name: &str| hasher.hash_one((environment, namespace, name));
        let before = self.services.numbers.num_given();
        let number = self.services.intern(
            hash(environment, namespace, name),
            self.namer,
            |known| known.name == name && known.namespace == namespace && known.environment == environment,
            || Service {
                environment: environment.to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                first_seen_ns: received_ns,
                ..Service::default()
            },
            |known| hash(&known.environment, &known.namespace, &known.name),
        );
        self.version += u64::from(self.services.numbers.num_given() != before);
        let service = &mut self.services.items[number as usize];
        service.first_seen_ns = service.first_seen_ns.min(received_ns);
        service.last_seen_ns = service.last_seen_ns.max(received_ns);
        ServiceId(number)
    }

    /// An instance of a service was seen.
    pub(crate) fn see_instance(&mut self, service: ServiceId, instance: &str, version: &str, received_ns: i64) {
        let (instance, version) = (cut(instance), cut(version));
        let service = &mut self.services.items[service.0 as usize];
        self.version += u64::from(service.see_version(version, received_ns));
        if instance.is_empty() {
            return;
        }
        let seen = service.see_instance(instance, version, received_ns, self.num_instances < MAX_ALL_INSTANCES);
        self.num_instances += usize::from(seen == Seen::New);
        self.version += u64::from(matches!(seen, Seen::New | Seen::InPlaceOfOldest));
        if matches!(seen, Seen::InPlaceOfOldest | Seen::LeftOut) {
            self.crowded.leave_out(self.namer.source, 1);
        }
    }

    /// A span of a service arrived whose end lay so far ahead of that, ns.
    pub(crate) fn see_clock(&mut self, service: ServiceId, received_ns: i64, ahead_ns: i64) {
        self.services.items[service.0 as usize].clock.see(received_ns, ahead_ns);
    }

    /// How many instances of services of this name sent spans from a time on.
    pub(crate) fn num_instances_since(&self, name: &str, from_ns: i64) -> usize {
        let of_name = self.services().map(|(_, service)| service).filter(|service| service.name == name);
        of_name.flat_map(|service| &service.instances).filter(|instance| instance.version.0 >= from_ns).count()
    }

    /// A resource of a service told to what it belongs. What was told last holds.
    pub(crate) fn see_label(&mut self, service: ServiceId, key: &str, value: &str, received_ns: i64) {
        if !value.is_empty() && service != ServiceId::OTHER {
            self.version += u64::from(self.services.items[service.0 as usize].see_label(cut(key), cut(value), received_ns));
        }
    }

    /// The status of a word: a type of error, a status that no protocol numbers.
    pub(crate) fn status_word(&mut self, word: &str) -> StatusId {
        let word = cut(word);
        let hasher = &self.hasher;
        let hash = |word: &str| hasher.hash_one(word);
        StatusId::word(self.status_words.intern(hash(word), self.namer, |known| known == word, || word.to_owned(), |known| hash(known)))
    }

    /// What a status is called; empty where nothing tells.
    pub(crate) fn status_name(&self, status: StatusId) -> Cow<'_, str> {
        match status.kind() {
            StatusKind::None => "".into(),
            StatusKind::Other => OTHER_NAME.into(),
            StatusKind::Ok => "OK".into(),
            StatusKind::Failed => "failed".into(),
            StatusKind::Waiting => "waiting".into(),
            StatusKind::GivenUp => "timeout".into(),
            StatusKind::Http(status) => status.to_string().into(),
            StatusKind::Rpc(code) => RPC_STATUSES[code as usize].into(),
            StatusKind::Word(place) => self.status_words.items[place as usize].as_str().into(),
        }
    }

    /// The peer of this text: a name, or else an address; `system` only for databases.
    pub(crate) fn peer(&mut self, text: &str, is_name: bool, system: &str) -> PeerId {
        self.intern_peer(text, (is_name, !is_name), system)
    }

    /// A database of which only name or system are told.
    pub(crate) fn peer_without_host(&mut self, text: &str, system: &str) -> PeerId {
        self.intern_peer(text, (false, false), system)
    }

    fn intern_peer(&mut self, text: &str, (is_name, has_host): (bool, bool), system: &str) -> PeerId {
        let (text, system) = (cut(text), cut(system));
        let hasher = &self.hasher;
        let hash = |text: &str, is_name: bool, has_host: bool, system: &str| hasher.hash_one((text, is_name, has_host, system));
        PeerId(self.peers.intern(
            hash(text, is_name, has_host, system),
            self.namer,
            |known| known.text == text && known.is_name == is_name && known.has_host == has_host && known.system == system,
            || Peer { text: text.to_owned(), is_name, has_host, system: system.to_owned() },
            |known| hash(&known.text, known.is_name, known.has_host, &known.system),
        ))
    }

    /// The channel of these parts.
    pub(crate) fn channel(&mut self, system: &str, cluster_id: &str, name: &str) -> ChannelId {
        let (system, cluster_id, name) = (cut(system), cut(cluster_id), cut(name));
        let hasher = &self.hasher;
        let hash = |system: &str, cluster_id: &str, name: &str| hasher.hash_one((system, cluster_id, name));
        ChannelId(self.channels.intern(
            hash(system, cluster_id, name),
            self.namer,
            |known| known.name == name && known.system == system && known.cluster_id == cluster_id,
            || Channel { system: system.to_owned(), cluster_id: cluster_id.to_owned(), name: name.to_owned(), name_hash: hasher.hash_one(name) },
            |known| hash(&known.system, &known.cluster_id, &known.name),
        ))
    }

    /// The hash of a channel's name, as in [`Channel::name_hash`].
    pub(crate) fn name_hash(&self, name: &str) -> u64 {
        self.hasher.hash_one(cut(name))
    }

    /// The group of this name.
    pub(crate) fn group(&mut self, name: &str) -> GroupId {
        let name = cut(name);
        let hasher = &self.hasher;
        GroupId(self.groups.intern(hasher.hash_one(name), self.namer, |known| known == name, || name.to_owned(), |known| hasher.hash_one(known.as_str())))
    }

    /// The operation of a service.
    #[inline]
    pub(crate) fn operation(&mut self, service: ServiceId, name: &str) -> OperationId {
        self.operations.intern(&self.hasher, (service, cut(name)), self.namer, &mut self.crowded)
    }

    /// An operation's name; empty for those that came after the cap.
    pub(crate) fn get_operation(&self, operation: OperationId) -> &str {
        self.operations.name(operation)
    }

    /// A service.
    pub(crate) fn get_service(&self, service: ServiceId) -> &Service {
        &self.services.items[service.0 as usize]
    }

    /// A peer.
    pub(crate) fn get_peer(&self, peer: PeerId) -> &Peer {
        &self.peers.items[peer.0 as usize]
    }

    /// A channel.
    pub(crate) fn get_channel(&self, channel: ChannelId) -> &Channel {
        &self.channels.items[channel.0 as usize]
    }

    /// All channels that spans name, but for those beyond the cap.
    pub(crate) fn channels(&self) -> impl Iterator<Item = (ChannelId, &Channel)> {
        self.channels.iter().map(|(number, channel)| (ChannelId(number), channel))
    }

    /// All peers by number, but for those beyond the cap.
    pub(crate) fn numbered_peers(&self) -> impl Iterator<Item = (PeerId, &Peer)> {
        self.peers.iter().map(|(number, peer)| (PeerId(number), peer))
    }

    /// All peers, but for those beyond the cap.
    pub(crate) fn peers(&self) -> impl Iterator<Item = &Peer> {
        self.peers.iter().map(|(_, peer)| peer)
    }

    /// A group's name; empty where it is not told.
    pub(crate) fn get_group(&self, group: GroupId) -> &str {
        &self.groups.items[group.0 as usize]
    }

    /// All services that sent spans.
    pub(crate) fn services(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        self.services.iter().map(|(number, service)| (ServiceId(number), service))
    }

    /// Rises when services, versions or instances come.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// What found no room, by what it is.
    pub(crate) fn shares(&self) -> [(&'static str, &Shares); 7] {
        [
            ("services", self.services.numbers.shares()),
            ("called addresses", self.peers.numbers.shares()),
            ("channels of spans", self.channels.numbers.shares()),
            ("groups of spans", self.groups.numbers.shares()),
            ("statuses", self.status_words.numbers.shares()),
            ("operations", self.operations.numbers.shares()),
            ("instances and operations of one service", &self.crowded),
        ]
    }

    /// Tells a service from another that had its number before.
    pub(crate) fn serial(&self, service: ServiceId) -> u32 {
        self.services.numbers.serial(u32::from(service.0))
    }

    /// When a service was seen last, by the number of the batch.
    pub(crate) fn seen(&self, service: ServiceId) -> u32 {
        self.services.numbers.seen(u32::from(service.0))
    }

    /// The source that told of a service first.
    pub(crate) fn service_source(&self, service: ServiceId) -> Option<SourceId> {
        self.services.numbers.source(u32::from(service.0))
    }

    /// The source that told of an operation first.
    pub(crate) fn operation_source(&self, operation: OperationId) -> Option<SourceId> {
        self.operations.numbers.source(operation.0)
    }

    /// The source that told of a peer first.
    pub(crate) fn peer_source(&self, peer: PeerId) -> Option<SourceId> {
        self.peers.numbers.source(u32::from(peer.0))
    }

    /// The source that told of a channel first.
    pub(crate) fn channel_source(&self, channel: ChannelId) -> Option<SourceId> {
        self.channels.numbers.source(u32::from(channel.0))
    }

    /// The source that told of a group first.
    pub(crate) fn group_source(&self, group: GroupId) -> Option<SourceId> {
        self.groups.numbers.source(u32::from(group.0))
    }

    /// How many things that may be on the map each source tells of.
    pub(crate) fn num_held(&self) -> impl Iterator<Item = (SourceId, usize)> {
        let kinds = [&self.services.numbers, &self.peers.numbers, &self.channels.numbers, &self.groups.numbers];
        kinds.into_iter().flat_map(|numbers| numbers.shares().held())
    }

    /// Whether a service is called so: the one that has this number now may be another than the one that had it.
    pub(crate) fn is_called(&self, service: ServiceId, name: &str) -> bool {
        let known = &self.get_service(service).name;
        *known == cut(name) || (name.is_empty() && known == NAMELESS)
    }

    /// Whether anything leaves at the end of the batch.
    pub(crate) fn has_leaving(&self) -> bool {
        let registries =
            [&self.services.numbers, &self.peers.numbers, &self.channels.numbers, &self.groups.numbers, &self.status_words.numbers, &self.operations.numbers];
        registries.into_iter().any(Numbers::has_leaving)
    }

    /// Peers that leave at the end of the batch.
    pub(crate) fn leaving_peers(&self) -> Marks {
        self.peers.numbers.leaving().collect()
    }

    /// What leaves now: its numbers are given again, so that nothing may hold them any more.
    pub(crate) fn forget(&mut self) -> Gone {
        if self.services.numbers.has_leaving() {
            let Self { services, operations, hasher, .. } = self;
            operations.leave_with(hasher, |service| service.0 > 1 && !services.numbers.is_here(u32::from(service.0)));
        }
        let left = self.services.numbers.leaving().map(|number| self.services.items[number as usize].instances.len()).sum::<usize>();
        self.num_instances -= left;
        self.version += 1;
        Gone {
            services: self.services.forget(),
            peers: self.peers.forget(),
            channels: self.channels.forget(),
            groups: self.groups.forget(),
            status_words: self.status_words.forget(),
            operations: self.operations.numbers.forget(),
        }
    }
}

/// The name of all that came after a cap.
pub(crate) const OTHER_NAME: &str = "other";
