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
    /// A plain `status` (Micrometer): HTTP's, where it reads as one.
    PlainStatus,
    /// How it ended, in a word: `outcome` (Micrometer), `otel.status_code`.
    Outcome,
    /// Routing key of a `RabbitMQ` message: with an empty exchange it names the queue.
    RoutingKey,
    /// Whether the destination is temporary or anonymous.
    DestinationTemporary,
    /// The sender's own host (`net.host.name`): never whom it calls.
    LocalAddress,
    /// The sender's own port.
    LocalPort,
    /// Whether the exception left the span.
    ExceptionEscaped,
}

impl WellKnown {
    /// The meaning of an attribute name.
    pub fn of(name: &str) -> Self {
        Self::trusted(name).0
    }

    /// The meaning of an attribute name, and the place of the name among those of one meaning: 0 is the one that is believed
    /// first. Today's names come before older ones, names before addresses, the peer itself before what stands between.
    pub fn trusted(name: &str) -> (Self, u8) {
        match name {
            "service.name" => (Self::ServiceName, 0),
            "service.namespace" => (Self::ServiceNamespace, 0),
            "service.instance.id" => (Self::ServiceInstanceId, 0),
            "service.version" => (Self::ServiceVersion, 0),
            "deployment.environment.name" => (Self::Environment, 0),
            "deployment.environment" => (Self::Environment, 1),
            "k8s.pod.uid" => (Self::PodUid, 0),
            "host.name" => (Self::HostName, 0),
            "host.id" => (Self::HostName, 1),
            "process.pid" => (Self::ProcessPid, 0),
            "service.peer.name" => (Self::PeerName, 0),
            "peer.service" => (Self::PeerName, 1),
            "service.peer.namespace" => (Self::PeerNamespace, 0),
            "server.address" => (Self::ServerAddress, 0),
            "net.peer.name" => (Self::ServerAddress, 1),
            "http.host" => (Self::ServerAddress, 2),
            "peer.hostname" => (Self::ServerAddress, 3),
            "server.port" => (Self::ServerPort, 0),
            "net.peer.port" => (Self::ServerPort, 1),
            "peer.port" => (Self::ServerPort, 2),
            "client.address" => (Self::ClientAddress, 0),
            "http.client_ip" => (Self::ClientAddress, 1),
            "network.peer.address" => (Self::NetworkPeerAddress, 0),
            "net.sock.peer.name" => (Self::NetworkPeerAddress, 1),
            "net.sock.peer.addr" => (Self::NetworkPeerAddress, 2),
            "net.peer.ip" => (Self::NetworkPeerAddress, 3),
            "upstream_address" => (Self::NetworkPeerAddress, 4),
            "network.peer.port" => (Self::NetworkPeerPort, 0),
            "net.sock.peer.port" => (Self::NetworkPeerPort, 1),
            "http.request.method" => (Self::HttpMethod, 0),
            "http.method" => (Self::HttpMethod, 1),
            "http.response.status_code" => (Self::HttpStatus, 0),
            "http.status_code" => (Self::HttpStatus, 1),
            "http.route" => (Self::HttpRoute, 0),
            "url.full" => (Self::UrlFull, 0),
            "http.url" => (Self::UrlFull, 1),
            "url.path" => (Self::UrlPath, 0),
            "http.target" => (Self::UrlPath, 1),
            "url.scheme" => (Self::UrlScheme, 0),
            "http.scheme" => (Self::UrlScheme, 1),
            "http.request.resend_count" => (Self::HttpResendCount, 0),
            "user_agent.original" => (Self::UserAgent, 0),
            "http.user_agent" => (Self::UserAgent, 1),
            "rpc.system.name" => (Self::RpcSystem, 0),
            "rpc.system" => (Self::RpcSystem, 1),
            "rpc.method" => (Self::RpcMethod, 0),
            "rpc.service" => (Self::RpcService, 0),
            "rpc.status_code" => (Self::RpcStatus, 0),
            "rpc.response.status_code" => (Self::RpcStatus, 1),
            "rpc.grpc.status_code" => (Self::RpcStatus, 2),
            "rpc.connect_rpc.error_code" => (Self::RpcStatus, 3),
            "rpc.jsonrpc.error_code" => (Self::RpcStatus, 4),
            "grpc.status_code" => (Self::RpcStatus, 5),
            "rpc.grpc.request.metadata.grpc-previous-rpc-attempts" => (Self::RpcPreviousAttempts, 0),
            "db.system.name" => (Self::DbSystem, 0),
            "db.system" => (Self::DbSystem, 1),
            "db.namespace" => (Self::DbNamespace, 0),
            "db.name" => (Self::DbNamespace, 1),
            "db.redis.database_index" => (Self::DbNamespace, 2),
            "db.collection.name" => (Self::DbCollection, 0),
            "db.sql.table" => (Self::DbCollection, 1),
            "db.mongodb.collection" => (Self::DbCollection, 2),
            "db.cassandra.table" => (Self::DbCollection, 3),
            "db.operation.name" => (Self::DbOperation, 0),
            "db.operation" => (Self::DbOperation, 1),
            "db.query.text" => (Self::DbQuery, 0),
            "db.statement" => (Self::DbQuery, 1),
            "messaging.system" => (Self::MessagingSystem, 0),
            "messaging.destination.name" => (Self::MessagingDestination, 0),
            "messaging.destination" => (Self::MessagingDestination, 1),
            "messaging.destination_publish.name" => (Self::MessagingDestination, 2),
            "messaging.source.name" => (Self::MessagingDestination, 3),
            "messaging.kafka.source.name" => (Self::MessagingDestination, 4),
            "messaging.destination.partition.id" => (Self::MessagingPartition, 0),
            "messaging.kafka.destination.partition" => (Self::MessagingPartition, 1),
            "messaging.kafka.partition" => (Self::MessagingPartition, 2),
            "messaging.kafka.source.partition" => (Self::MessagingPartition, 3),
            "messaging.destination.subscription.name" => (Self::MessagingSubscription, 0),
            "messaging.operation.type" => (Self::MessagingOperationType, 0),
            "messaging.operation" => (Self::MessagingOperationOld, 0),
            "messaging.operation.name" => (Self::MessagingOperationName, 0),
            "messaging.message.id" => (Self::MessagingMessageId, 0),
            "messaging.message_id" => (Self::MessagingMessageId, 1),
            "messaging.message.conversation_id" => (Self::MessagingConversationId, 0),
            "messaging.conversation_id" => (Self::MessagingConversationId, 1),
            "messaging.batch.message_count" => (Self::MessagingBatchCount, 0),
            "messaging.consumer.group.name" => (Self::MessagingGroup, 0),
            "messaging.kafka.consumer.group" => (Self::MessagingGroup, 1),
            "messaging.kafka.consumer_group" => (Self::MessagingGroup, 2),
            "messaging.eventhubs.consumer.group" => (Self::MessagingGroup, 3),
            "messaging.rocketmq.client_group" => (Self::MessagingGroup, 4),
            "messaging.client.id" => (Self::MessagingClientId, 0),
            "messaging.client_id" => (Self::MessagingClientId, 1),
            "messaging.kafka.client_id" => (Self::MessagingClientId, 2),
            "messaging.consumer_id" => (Self::MessagingClientId, 3),
            "messaging.kafka.offset" => (Self::MessagingKafkaOffset, 0),
            "messaging.kafka.message.offset" => (Self::MessagingKafkaOffset, 1),
            "messaging.kafka.message.key" => (Self::MessagingKafkaKey, 0),
            "messaging.kafka.message_key" => (Self::MessagingKafkaKey, 1),
            "messaging.kafka.message.tombstone" => (Self::MessagingKafkaTombstone, 0),
            "messaging.kafka.tombstone" => (Self::MessagingKafkaTombstone, 1),
            "messaging.kafka.cluster.id" => (Self::MessagingKafkaClusterId, 0),
            "error.type" => (Self::ErrorType, 0),
            "exception" => (Self::ErrorType, 1),
            "error" => (Self::ErrorFlag, 0),
            "exception.type" => (Self::ExceptionType, 0),
            "exception.message" => (Self::ExceptionMessage, 0),
            "exception.stacktrace" => (Self::ExceptionStacktrace, 0),
            "response_flags" => (Self::EnvoyResponseFlags, 0),
            "url.query" => (Self::UrlQuery, 0),
            "status" => (Self::PlainStatus, 0),
            "outcome" => (Self::Outcome, 0),
            "otel.status_code" => (Self::Outcome, 1),
            "messaging.rabbitmq.destination.routing_key" => (Self::RoutingKey, 0),
            "messaging.rabbitmq.routing_key" => (Self::RoutingKey, 1),
            "messaging.destination.temporary" => (Self::DestinationTemporary, 0),
            "messaging.destination.anonymous" => (Self::DestinationTemporary, 1),
            "messaging.temp_destination" => (Self::DestinationTemporary, 2),
            "net.host.name" => (Self::LocalAddress, 0),
            "http.server_name" => (Self::LocalAddress, 1),
            "net.host.port" => (Self::LocalPort, 0),
            "exception.escaped" => (Self::ExceptionEscaped, 0),
            _ => (Self::Other, 0),
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
            Self::PlainStatus => "status",
            Self::Outcome => "outcome",
            Self::RoutingKey => "messaging.rabbitmq.destination.routing_key",
            Self::DestinationTemporary => "messaging.destination.temporary",
            Self::LocalAddress => "net.host.name",
            Self::LocalPort => "net.host.port",
            Self::ExceptionEscaped => "exception.escaped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_order_of_trust_among_names_of_one_meaning() {
        let orders: &[&[&str]] = &[
            &["server.address", "net.peer.name", "http.host"],
            &["server.port", "net.peer.port"],
            &["network.peer.address", "net.sock.peer.addr", "net.peer.ip"],
            &["service.peer.name", "peer.service"],
            &["http.response.status_code", "http.status_code"],
            &["rpc.status_code", "rpc.grpc.status_code", "grpc.status_code"],
            &["url.full", "http.url"],
            &["db.namespace", "db.name", "db.redis.database_index"],
            &["messaging.destination.name", "messaging.destination", "messaging.source.name"],
            &["messaging.consumer.group.name", "messaging.kafka.consumer.group"],
            &["messaging.kafka.offset", "messaging.kafka.message.offset"],
        ];
        for names in orders {
            let told: Vec<(WellKnown, u8)> = names.iter().map(|name| WellKnown::trusted(name)).collect();
            assert!(told.iter().all(|(known, _)| *known == told[0].0 && *known != WellKnown::Other), "{names:?}");
            assert!(told.windows(2).all(|pair| pair[0].1 < pair[1].1), "{names:?}: {told:?}");
            assert_eq!(told[0].0.name(), names[0]);
        }
        for own in ["net.host.name", "net.host.port", "http.server_name"] {
            assert!(!matches!(WellKnown::of(own), WellKnown::ServerAddress | WellKnown::ServerPort | WellKnown::NetworkPeerAddress), "{own}");
        }
    }
}
