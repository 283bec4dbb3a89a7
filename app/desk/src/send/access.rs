//! What sending needs of the session: servers and clusters, each with leave, and what was observed.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use switchboard_engine::view::{Answer, Query, Snapshot};
use switchboard_model::{
    AnswerNews, CallNews, OperationFailure, Origin, OriginalRecord, Outcome, OutgoingCall, OutgoingRecord, OutgoingRequest, PermitRefused, SeenRecord, Skipped,
    Target, is_dead_letter_name,
};
use tokio::sync::mpsc;

/// What is waited for.
pub type Waiting<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How carefully records are replayed to a cluster; `None` = as it is everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// How many go first.
    pub num_first: Option<usize>,
    /// How many the rest goes at, a second.
    pub rate_per_s: Option<u32>,
    /// How many one run sends at most; `None` = all that are meant.
    pub num_most: Option<usize>,
}

/// Partitions, and between which offsets each has records, the end left out; or why that is not known of it.
pub type Extents = Vec<(i32, Result<Range<i64>, String>)>;

/// A cluster of the profile.
pub trait ClusterAccess: Send + Sync {
    /// Reads records again, in the order in which they are asked for. Dropping it ends the reading.
    fn read(&self, seen: Vec<SeenRecord>) -> Waiting<Vec<Result<OriginalRecord, Skipped>>>;

    /// Between which offsets a partition of a channel has records now, the end left out. No other partition is asked. Dropping it ends the question.
    fn extent(&self, channel: &str, partition: i32) -> Waiting<Result<Range<i64>, OperationFailure>>;

    /// Of each partition of a channel, where a span of time lies (ms since the Unix epoch, its end left out): from the first record that is as late as its
    /// begin to before the first one as late as its end. An error says why it is known of none. Dropping it ends the question.
    fn extents(&self, channel: &str, times_ms: Range<i64>) -> Waiting<Result<Extents, OperationFailure>>;

    /// Whether there is leave to write to this cluster, with what was typed to confirm it. Nothing is connected to.
    fn may_write(&self, cluster_id: Option<&str>, typed_name: Option<&str>) -> Result<(), PermitRefused>;

    /// Allows sending to it for this session, where the profile does not forbid that; in production once its name was typed.
    fn allow(&self, cluster_id: Option<&str>, typed_name: Option<&str>) -> Result<(), PermitRefused>;

    /// Whether its name has to be typed before each run.
    fn asks_for_name(&self) -> bool;

    /// Whether it is production: its name has to be typed before sending to it is allowed.
    fn is_production(&self) -> bool;

    /// Whether a channel holds dead letters, by its name or by what the profile says: what is sent there is dead before anybody has read it.
    fn is_dead_letter_channel(&self, channel: &str) -> bool {
        is_dead_letter_name(channel)
    }

    /// How carefully records are replayed to it.
    fn caps(&self) -> Caps;

    /// How many bytes a record may take on a channel, as [`Self::size_there`] counts them; an error says why nobody knows. Dropping it ends the question.
    fn size_limit(&self, channel: &str) -> Waiting<Result<u64, String>>;

    /// How many bytes a record takes as it is written there.
    fn size_there(&self, record: &OutgoingRecord) -> u64;

    /// Makes what sends, for one run, where there is leave to; the reason in words where there is none. What several records may take together as they are
    /// written, bytes, is what [`Self::size_limit`] tells of the channel; `None` = nobody knows.
    fn connect(&self, cluster_id: Option<String>, typed_name: Option<String>, size_limit: Option<u64>) -> Waiting<Result<Arc<dyn RecordSender>, String>>;
}

/// Sends records to one cluster.
pub trait RecordSender: Send + Sync {
    /// How many partitions a topic has, as the brokers say now.
    fn num_partitions(&self, topic: &str) -> Waiting<Result<i32, String>>;

    /// Where a topic's partitions end, by their numbers, as the brokers say now.
    fn ends(&self, topic: &str) -> Waiting<Result<Vec<i64>, String>>;

    /// Queues a record, waiting for room: what is queued later goes out later. Given up before that, it is surely not sent. What is given back
    /// comes once it is known, as far as it can be, what became of it.
    fn queue(&self, record: OutgoingRecord) -> Waiting<Queued>;

    /// Takes back what is queued. All that is on its way comes back within 200 ms.
    fn cancel(&self);
}

/// A record that is queued.
pub struct Queued(Waiting<Outcome>);

impl Queued {
    /// One of which this becomes.
    pub fn new(outcome: impl Future<Output = Outcome> + Send + 'static) -> Self {
        Self(Box::pin(outcome))
    }

    /// Waits until it is known what became of it.
    pub async fn outcome(self) -> Outcome {
        self.0.await
    }
}

/// What was observed.
pub trait Observed: Send + Sync {
    /// The newest snapshot.
    fn snapshot(&self) -> Snapshot;

    /// Asks the engine; `None` if nobody answers.
    fn query(&self, query: Query) -> Answering;

    /// The time on the wall, ns since the Unix epoch.
    fn now_ns(&self) -> i64;
}

/// An answer that is waited for.
pub type Answering = Waiting<Option<Answer>>;

/// A server, by the addresses that its name led to: nothing else is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Whether it is called over HTTP or gRPC.
    pub target: Target,
    /// Where its name led to.
    pub addresses: Vec<SocketAddr>,
}

impl Server {
    /// Whether all of that is this machine.
    pub fn is_loopback(&self) -> bool {
        !self.addresses.is_empty() && self.addresses.iter().all(|address| switchboard_model::is_loopback(address.ip()))
    }
}

/// How TLS is spoken, its files read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates that are trusted besides the system's (PEM).
    pub root_certificates: Option<Vec<u8>>,
    /// Whether the server's certificate is not looked at.
    pub unchecked: bool,
    /// A certificate and key by which we prove who we are (PEM).
    pub identity: Option<Vec<u8>>,
    /// What a gRPC server is asked for as, and its certificate has to name; `None` = its address.
    pub authority: Option<String>,
}

/// Takes what is told of an answer while it comes.
pub type Tell<N> = Box<dyn FnMut(N) + Send>;

/// Servers that requests and calls go to.
pub trait ServerAccess: Send + Sync {
    /// Looks a server's name up.
    fn resolve(&self, origin: &Origin) -> Waiting<Result<Vec<SocketAddr>, String>>;

    /// Whether there is leave to send to it, with what was typed to confirm it. Nothing is connected to.
    fn may_send(&self, server: &Server, typed_name: Option<&str>) -> Result<(), PermitRefused>;

    /// Allows sending to it for this session, where the profile does not forbid that; in production once its name was typed.
    fn allow(&self, server: &Server, typed_name: Option<&str>) -> Result<(), PermitRefused>;

    /// What has to be typed in production; `None` = nothing.
    fn type_name(&self, target: &Target) -> Option<String>;

    /// Sends a request once. Giving it up ends the connection.
    fn request(
        &self,
        server: Server,
        request: OutgoingRequest,
        tls: TlsFiles,
        timeout: Duration,
        typed_name: Option<String>,
        tell: Tell<AnswerNews>,
    ) -> Waiting<Outcome>;

    /// Makes a call once; the end of `messages` is the end of ours. Giving it up ends the connection.
    fn call(
        &self,
        server: Server,
        call: OutgoingCall,
        tls: TlsFiles,
        messages: mpsc::Receiver<Bytes>,
        typed_name: Option<String>,
        tell: Tell<CallNews>,
    ) -> Waiting<Outcome>;

    /// Asks a server what its methods take, and for messages by their full names: a call, which needs leave as any other. Told is when it leaves. Giving it
    /// up ends the connection.
    fn reflect(
        &self,
        server: Server,
        metadata: HeaderMap,
        types: Vec<String>,
        tls: TlsFiles,
        tell: Tell<CallNews>,
    ) -> Waiting<Result<Arc<dyn MethodSchema>, Untold>>;

    /// Reads what methods take from files.
    fn schema_of(&self, files: SchemaFiles) -> Result<Arc<dyn MethodSchema>, String>;
}

/// Why a server did not tell what its methods take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// In words, with what to do.
    pub reason: String,
    /// What became of the call by which it was asked.
    pub outcome: Outcome,
}

/// Files that tell what methods take.
#[derive(Clone, Debug)]
pub enum SchemaFiles {
    /// Files in protobuf's language, and the folders in which imports are looked for.
    Protos(Vec<PathBuf>, Vec<PathBuf>),
    /// What a compiler wrote.
    DescriptorSet(Bytes),
}

/// A method that can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its service, with its package.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Whether the client sends a stream.
    pub client_streaming: bool,
    /// Whether the server answers with a stream.
    pub server_streaming: bool,
    /// What it takes.
    pub input: String,
    /// What it gives.
    pub output: String,
}

impl Method {
    /// `package.Service/Method`.
    pub fn path(&self) -> String {
        format!("{}/{}", self.service, self.name)
    }

    /// Of which kind it is, in words.
    pub fn kind(&self) -> &'static str {
        match (self.client_streaming, self.server_streaming) {
            (false, false) => "unary",
            (true, false) => "client streaming",
            (false, true) => "server streaming",
            (true, true) => "both streaming",
        }
    }
}

/// A field of a message, for whoever writes one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// As the `.proto` file names it.
    pub name: String,
    /// As JSON names it.
    pub json_name: String,
    /// Its type in words, such as `string`, `list of shop.Item` or `map from string to int64`.
    pub type_words: String,
    /// Full name of the message that it holds, or that its list or map is of; `None` = something else.
    pub message: Option<String>,
    /// Values that it, or an element of its list or map, can have, JSON: all of an enum, some of what has a form of its own.
    pub choices: Vec<String>,
    /// The group of which at most one field is set; `None` = it is in none.
    pub oneof: Option<String>,
    /// Whether it is a list.
    pub is_list: bool,
    /// Where it is a map, a key to begin with; `None` = it is none.
    pub map_key: Option<String>,
    /// A value to begin with, JSON; of a list or a map, one of an element.
    pub example: String,
}

impl Field {
    /// The message whose fields can be looked at; `None` = it has none, or a form of its own in JSON.
    pub fn leads_to(&self) -> Option<&str> {
        self.message.as_deref().filter(|message| !message.starts_with("google.protobuf."))
    }

    /// Whether it holds messages of any type.
    pub fn is_any(&self) -> bool {
        self.message.as_deref() == Some("google.protobuf.Any")
    }
}

/// What methods take and give.
pub trait MethodSchema: fmt::Debug + Send + Sync {
    /// All methods, by service and name.
    fn methods(&self) -> &[Method];

    /// What was left out, and why.
    fn notes(&self) -> &[String];

    /// Whether it knows a message, by its full name.
    fn knows(&self, message: &str) -> bool;

    /// A message to begin with, JSON, for a method (`package.Service/Method`).
    fn template(&self, method: &str) -> Result<String, String>;

    /// The fields of a message, by its full name, in the order of their numbers; of one that is not known there are none.
    fn fields(&self, message: &str) -> Vec<Field>;

    /// Full names of the messages that a `google.protobuf.Any` can hold, in order.
    fn types(&self) -> &[String];

    /// A `google.protobuf.Any` that holds a message, JSON, to begin with; `None` if the message is not known.
    fn any_example(&self, message: &str) -> Option<String>;

    /// A message as it goes over the wire.
    fn encode(&self, method: &str, json: &str) -> Result<Bytes, String>;

    /// A message as JSON; of our own where `is_input`.
    fn decode(&self, method: &str, is_input: bool, bytes: &[u8]) -> Result<AsRead<String>, String>;

    /// Details of a status: a type, and what it says.
    fn details(&self, bytes: &[u8]) -> AsRead<Vec<(String, String)>>;
}

/// What was read of bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AsRead<T> {
    /// What they say, as far as their types are known.
    pub says: T,
    /// Full names of messages in a `google.protobuf.Any` whose types are not known: what they hold stays digits. Whoever sent them wrote the names.
    pub unknown_types: Vec<String>,
}
