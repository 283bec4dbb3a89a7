use std::sync::Arc;

use anyhow::Context as _;
use opentelemetry::{
    Context,
    trace::{SpanKind, TraceContextExt as _},
};
use rdkafka::{
    producer::{FutureProducer, FutureRecord},
    util::Timeout,
};

use crate::{
    books::Clerk,
    broker::{Headers, Progress, client_config},
    telemetry::{Telemetry, attribute, end, fail, traceparent},
};

/// A record to be written.
pub(crate) struct Outgoing<'a> {
    pub(crate) channel: &'static str,
    /// `None` lets the key choose.
    pub(crate) partition: Option<i32>,
    pub(crate) key: &'a str,
    /// `None` is a tombstone.
    pub(crate) payload: Option<&'a [u8]>,
    /// The publisher adds `traceparent`.
    pub(crate) headers: Headers,
    /// The message's own id.
    pub(crate) message_id: &'a str,
    /// The correlation id of the business conversation.
    pub(crate) conversation_id: &'a str,
}

/// Writes records, each with a PRODUCER span whose context it carries.
pub(crate) struct Publisher {
    producer: FutureProducer,
    telemetry: Telemetry,
    clerk: Clerk,
    progress: Arc<Progress>,
}

impl Publisher {
    /// Fails when librdkafka refuses its settings.
    pub(crate) fn new(brokers: &str, telemetry: &Telemetry, clerk: &Clerk, progress: &Arc<Progress>) -> anyhow::Result<Self> {
        let producer = client_config(brokers, clerk.instance())
            .set("enable.idempotence", "true")
            .set("linger.ms", "2")
            .set("message.timeout.ms", "120000")
            .create()
            .context("the producer does not start")?;
        Ok(Self { producer, telemetry: telemetry.clone(), clerk: clerk.clone(), progress: progress.clone() })
    }

    /// Writes one record and waits for its acknowledgement.
    pub(crate) async fn publish(&self, outgoing: Outgoing<'_>, parent: &Context) -> anyhow::Result<()> {
        let channel = outgoing.channel;
        let mut attributes = vec![
            attribute("messaging.system", "kafka"),
            attribute("messaging.destination.name", channel),
            attribute("messaging.operation.type", "send"),
            attribute("messaging.operation.name", "send"),
            attribute("messaging.client.id", self.clerk.instance()),
            attribute("messaging.kafka.message.key", outgoing.key.to_owned()),
            attribute("messaging.message.id", outgoing.message_id.to_owned()),
            attribute("messaging.message.conversation_id", outgoing.conversation_id.to_owned()),
        ];
        match outgoing.payload {
            Some(payload) => attributes.push(attribute("messaging.message.body.size", payload.len() as i64)),
            None => attributes.push(attribute("messaging.kafka.message.tombstone", true)),
        }
        let cx = self.telemetry.start(format!("send {channel}"), SpanKind::Producer, parent, attributes);
        let mut headers = outgoing.headers.without("traceparent");
        if let Some(traceparent) = traceparent(&cx) {
            headers = headers.text("traceparent", traceparent);
        }
        let mut record: FutureRecord<'_, str, [u8]> = FutureRecord::to(channel).key(outgoing.key).headers(headers.to_owned_headers());
        record.payload = outgoing.payload;
        record.partition = outgoing.partition;
        let open = self.clerk.record(channel);
        match self.producer.send(record, Timeout::Never).await {
            Ok(delivery) => {
                cx.span().set_attribute(attribute("messaging.destination.partition.id", delivery.partition.to_string()));
                cx.span().set_attribute(attribute("messaging.kafka.offset", delivery.offset));
                self.progress.written(channel, delivery.partition, delivery.offset);
                open.done();
                end(&cx);
                Ok(())
            }
            Err((error, _)) => {
                fail(&cx, "KafkaError", error.to_string());
                open.void();
                end(&cx);
                Err(error).with_context(|| format!("a record for {channel} was not acknowledged"))
            }
        }
    }
}
