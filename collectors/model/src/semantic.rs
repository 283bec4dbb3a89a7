//! What attribute names mean, whatever version of the semantic conventions the sender speaks.

use serde::{Deserialize, Serialize};

/// Meanings that the engine joins by. Sources: OpenTelemetry semantic conventions 1.44 and the older names that its
/// schema files and instrumentations carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum WellKnown {
    /// None of the below: only the raw name says what it is.
    #[default]
    Other,
    /// Name of the service.
    ServiceName,
    /// Namespace of the service.
    ServiceNamespace,
    /// Id of the instance.
    ServiceInstanceId,
    /// Version of the service.
    ServiceVersion,
    /// Deployment environment.
    Environment,
    /// Kubernetes pod uid.
    PodUid,
    /// Name of the host.
    HostName,
    /// Process id.
    ProcessPid,
    /// Name of the called service.
    PeerName,
    /// Namespace of the called service.
    PeerNamespace,
    /// Host that was called.
    ServerAddress,
    /// Port that was called.
    ServerPort,
    /// Host that called.
    ClientAddress,
    /// Address of the connection's other end.
    NetworkPeerAddress,
    /// Port of the connection's other end.
    NetworkPeerPort,
    /// HTTP method.
    HttpMethod,
    /// HTTP status code.
    HttpStatus,
    /// HTTP route template.
    HttpRoute,
    /// Whole URL.
    UrlFull,
    /// Path of the URL.
    UrlPath,
    /// Scheme of the URL.
    UrlScheme,
    /// Which retry this request is; absent or 0 = the first try.
    HttpResendCount,
    /// User agent.
    UserAgent,
    /// RPC system.
    RpcSystem,
    /// RPC method.
    RpcMethod,
    /// RPC service (older; now part of the method).
    RpcService,
    /// RPC status, text or number.
    RpcStatus,
    /// Attempts before this one (`grpc-previous-rpc-attempts`).
    RpcPreviousAttempts,
    /// Database system.
    DbSystem,
    /// Database name.
    DbNamespace,
    /// Table or collection.
    DbCollection,
    /// Database operation.
    DbOperation,
    /// Query text.
    DbQuery,
    /// Messaging system.
    MessagingSystem,
    /// Topic, queue or exchange.
    MessagingDestination,
    /// Partition, text or number.
    MessagingPartition,
    /// Subscription.
    MessagingSubscription,
    /// What was done with the message: create, send, receive, process, settle.
    MessagingOperationType,
    /// Older `messaging.operation`: publish, create, receive, process, deliver.
    MessagingOperationOld,
    /// The system's own word for it.
    MessagingOperationName,
    /// Message id.
    MessagingMessageId,
    /// Conversation (correlation) id.
    MessagingConversationId,
    /// Messages in the batch.
    MessagingBatchCount,
    /// Consumer group.
    MessagingGroup,
    /// Client id.
    MessagingClientId,
    /// Offset of the record.
    MessagingKafkaOffset,
    /// Key of the record.
    MessagingKafkaKey,
    /// Whether the record's value is null.
    MessagingKafkaTombstone,
    /// Cluster id.
    MessagingKafkaClusterId,
    /// Class of the error.
    ErrorType,
    /// Older flag `error`.
    ErrorFlag,
    /// Class of the exception.
    ExceptionType,
    /// Message of the exception.
    ExceptionMessage,
    /// Stack trace of the exception.
    ExceptionStacktrace,
    /// Envoy's response flags (UO, UH …).
    EnvoyResponseFlags,
    /// Query of the URL.
    UrlQuery,
}

impl WellKnown {
    /// The meaning of an attribute name.
    pub fn of(name: &str) -> Self {
        match name {
            "service.name" => Self::ServiceName,
            "service.namespace" => Self::ServiceNamespace,
            "service.instance.id" => Self::ServiceInstanceId,
            "service.version" => Self::ServiceVersion,
            "deployment.environment.name" | "deployment.environment" => Self::Environment,
            "k8s.pod.uid" => Self::PodUid,
            "host.name" | "host.id" => Self::HostName,
            "process.pid" => Self::ProcessPid,
            "service.peer.name" | "peer.service" => Self::PeerName,
            "service.peer.namespace" => Self::PeerNamespace,
            "server.address" | "net.peer.name" | "net.host.name" | "net.sock.peer.name" | "http.host" | "http.server_name" => Self::ServerAddress,
            "server.port" | "net.peer.port" | "net.host.port" => Self::ServerPort,
            "client.address" | "http.client_ip" => Self::ClientAddress,
            "network.peer.address" | "net.peer.ip" | "net.sock.peer.addr" => Self::NetworkPeerAddress,
            "network.peer.port" | "net.sock.peer.port" => Self::NetworkPeerPort,
            "http.request.method" | "http.method" => Self::HttpMethod,
            "http.response.status_code" | "http.status_code" => Self::HttpStatus,
            "http.route" => Self::HttpRoute,
            "url.full" | "http.url" => Self::UrlFull,
            "url.path" | "http.target" => Self::UrlPath,
            "url.scheme" | "http.scheme" => Self::UrlScheme,
            "http.request.resend_count" => Self::HttpResendCount,
            "user_agent.original" | "http.user_agent" => Self::UserAgent,
            "rpc.system.name" | "rpc.system" => Self::RpcSystem,
            "rpc.method" => Self::RpcMethod,
            "rpc.service" => Self::RpcService,
            "rpc.status_code" | "rpc.response.status_code" | "rpc.grpc.status_code" | "rpc.connect_rpc.error_code" | "rpc.jsonrpc.error_code" => {
                Self::RpcStatus
            }
            "rpc.grpc.request.metadata.grpc-previous-rpc-attempts" => Self::RpcPreviousAttempts,
            "db.system.name" | "db.system" => Self::DbSystem,
            "db.namespace" | "db.name" | "db.redis.database_index" => Self::DbNamespace,
            "db.collection.name" | "db.sql.table" | "db.mongodb.collection" | "db.cassandra.table" => Self::DbCollection,
            "db.operation.name" | "db.operation" => Self::DbOperation,
            "db.query.text" | "db.statement" => Self::DbQuery,
            "messaging.system" => Self::MessagingSystem,
            "messaging.destination.name"
            | "messaging.destination"
            | "messaging.destination_publish.name"
            | "messaging.source.name"
            | "messaging.kafka.source.name" => Self::MessagingDestination,
            "messaging.destination.partition.id"
            | "messaging.kafka.destination.partition"
            | "messaging.kafka.partition"
            | "messaging.kafka.source.partition" => Self::MessagingPartition,
            "messaging.destination.subscription.name" => Self::MessagingSubscription,
            "messaging.operation.type" => Self::MessagingOperationType,
            "messaging.operation" => Self::MessagingOperationOld,
            "messaging.operation.name" => Self::MessagingOperationName,
            "messaging.message.id" | "messaging.message_id" => Self::MessagingMessageId,
            "messaging.message.conversation_id" | "messaging.conversation_id" => Self::MessagingConversationId,
            "messaging.batch.message_count" => Self::MessagingBatchCount,
            "messaging.consumer.group.name"
            | "messaging.kafka.consumer.group"
            | "messaging.kafka.consumer_group"
            | "messaging.eventhubs.consumer.group"
            | "messaging.rocketmq.client_group" => Self::MessagingGroup,
            "messaging.client.id" | "messaging.client_id" | "messaging.kafka.client_id" | "messaging.consumer_id" => Self::MessagingClientId,
            "messaging.kafka.offset" | "messaging.kafka.message.offset" => Self::MessagingKafkaOffset,
            "messaging.kafka.message.key" | "messaging.kafka.message_key" => Self::MessagingKafkaKey,
            "messaging.kafka.message.tombstone" | "messaging.kafka.tombstone" => Self::MessagingKafkaTombstone,
            "messaging.kafka.cluster.id" => Self::MessagingKafkaClusterId,
            "error.type" => Self::ErrorType,
            "error" => Self::ErrorFlag,
            "exception.type" => Self::ExceptionType,
            "exception.message" => Self::ExceptionMessage,
            "exception.stacktrace" => Self::ExceptionStacktrace,
            "response_flags" => Self::EnvoyResponseFlags,
            "url.query" => Self::UrlQuery,
            _ => Self::Other,
        }
    }

    /// The name in today's conventions; empty for [`WellKnown::Other`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Other => "",
            Self::ServiceName => "service.name",
            Self::ServiceNamespace => "service.namespace",
            Self::ServiceInstanceId => "service.instance.id",
            Self::ServiceVersion => "service.version",
            Self::Environment => "deployment.environment.name",
            Self::PodUid => "k8s.pod.uid",
            Self::HostName => "host.name",
            Self::ProcessPid => "process.pid",
            Self::PeerName => "service.peer.name",
            Self::PeerNamespace => "service.peer.namespace",
            Self::ServerAddress => "server.address",
            Self::ServerPort => "server.port",
            Self::ClientAddress => "client.address",
            Self::NetworkPeerAddress => "network.peer.address",
            Self::NetworkPeerPort => "network.peer.port",
            Self::HttpMethod => "http.request.method",
            Self::HttpStatus => "http.response.status_code",
            Self::HttpRoute => "http.route",
            Self::UrlFull => "url.full",
            Self::UrlPath => "url.path",
            Self::UrlScheme => "url.scheme",
            Self::HttpResendCount => "http.request.resend_count",
            Self::UserAgent => "user_agent.original",
            Self::RpcSystem => "rpc.system.name",
            Self::RpcMethod => "rpc.method",
            Self::RpcService => "rpc.service",
            Self::RpcStatus => "rpc.status_code",
            Self::RpcPreviousAttempts => "rpc.grpc.request.metadata.grpc-previous-rpc-attempts",
            Self::DbSystem => "db.system.name",
            Self::DbNamespace => "db.namespace",
            Self::DbCollection => "db.collection.name",
            Self::DbOperation => "db.operation.name",
            Self::DbQuery => "db.query.text",
            Self::MessagingSystem => "messaging.system",
            Self::MessagingDestination => "messaging.destination.name",
            Self::MessagingPartition => "messaging.destination.partition.id",
            Self::MessagingSubscription => "messaging.destination.subscription.name",
            Self::MessagingOperationType => "messaging.operation.type",
            Self::MessagingOperationOld => "messaging.operation",
            Self::MessagingOperationName => "messaging.operation.name",
            Self::MessagingMessageId => "messaging.message.id",
            Self::MessagingConversationId => "messaging.message.conversation_id",
            Self::MessagingBatchCount => "messaging.batch.message_count",
            Self::MessagingGroup => "messaging.consumer.group.name",
            Self::MessagingClientId => "messaging.client.id",
            Self::MessagingKafkaOffset => "messaging.kafka.offset",
            Self::MessagingKafkaKey => "messaging.kafka.message.key",
            Self::MessagingKafkaTombstone => "messaging.kafka.message.tombstone",
            Self::MessagingKafkaClusterId => "messaging.kafka.cluster.id",
            Self::ErrorType => "error.type",
            Self::ErrorFlag => "error",
            Self::ExceptionType => "exception.type",
            Self::ExceptionMessage => "exception.message",
            Self::ExceptionStacktrace => "exception.stacktrace",
            Self::EnvoyResponseFlags => "response_flags",
            Self::UrlQuery => "url.query",
        }
    }
}
