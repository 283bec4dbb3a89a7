use std::{sync::Arc, time::Duration};

use opentelemetry::{Context, trace::SpanKind};
use opentelemetry_otlp::Compression;
use tokio::time::sleep;

use crate::{
    books::Clerk,
    broker::{GroupReader, Headers, INVENTORY_RESERVED, ORDERS_PLACED, Outgoing, Publisher, Received},
    business::{InventoryReserved, OrderPlaced},
    dice::Uuid,
    shop::Shop,
    telemetry::{Identity, Telemetry, Wire, end, fail},
};

/// How many records of each partition are handled again when a delivery is duplicated.
const RECORDS_AGAIN: i64 = 3;

/// Inventory reserves what was ordered, one record at a time as a child of the order's trace, and answers on a channel of its
/// own with the order's correlation id. Every fifth batch of its spans is sent twice.
pub(crate) fn start_inventory(shop: &Arc<Shop>) -> anyhow::Result<Telemetry> {
    let wire = Wire::HttpProtobuf(Some(Compression::Gzip));
    let identity = Identity { version: "4.2.0", wire, delay: Duration::from_millis(500), twice_every: Some(5) };
    let (clerk, telemetry) = shop.hire("inventory", "inventory-1", identity)?;
    let reader = shop.groups.reader("inventory", ORDERS_PLACED, "inventory-1")?;
    let publisher = Publisher::new(&shop.brokers, &telemetry, &clerk, &shop.progress)?;
    let inventory = Inventory { shop: shop.clone(), clerk, telemetry, reader, publisher };
    let kept = inventory.telemetry.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                biased;
                () = inventory.shop.faults.duplicate_delivery.notified() => {
                    inventory.reader.rewind(RECORDS_AGAIN).await;
                }
                received = inventory.reader.next() => inventory.handle(&received).await,
            }
        }
    });
    Ok(kept)
}

struct Inventory {
    shop: Arc<Shop>,
    clerk: Clerk,
    telemetry: Telemetry,
    reader: GroupReader,
    publisher: Publisher,
}

impl Inventory {
    async fn handle(&self, received: &Received) {
        let open = self.clerk.delivery(self.reader.group(), self.reader.channel());
        let mut attributes = self.reader.process_attributes();
        attributes.extend(received.message_attributes());
        let cx = self.telemetry.start(format!("process {ORDERS_PLACED}"), SpanKind::Consumer, &received.creation_context(), attributes);
        let faults = &self.shop.faults;
        if faults.slow_consumer() {
            sleep(Duration::from_millis(90)).await;
        } else if !faults.hurry() {
            sleep(Duration::from_millis(2)).await;
        }
        if let Some(payload) = &received.payload
            && let Err(error) = self.answer(received, payload, &cx).await
        {
            fail(&cx, "reply failed", error.to_string());
        }
        open.done();
        end(&cx);
        self.reader.done(received);
    }

    async fn answer(&self, received: &Received, payload: &[u8], cx: &Context) -> anyhow::Result<()> {
        let order: OrderPlaced = serde_json::from_slice(payload)?;
        let reply = InventoryReserved { order_id: order.order_id.clone(), sku: order.sku, shelf: self.shop.dice.below(400) };
        let conversation_id = received.conversation_id();
        let message_id = self.shop.dice.uuid().to_string();
        let mut headers = Headers::default()
            .text("ce_specversion", "1.0")
            .text("ce_id", &message_id)
            .text("ce_type", "shop.inventory.reserved.v1")
            .text("ce_source", "/inventory")
            .text("content-type", "application/json")
            .text("x-correlation-id", conversation_id);
        // As Spring's ReplyingKafkaTemplate writes it: the UUID's 16 raw bytes.
        if let Some(correlation_id) = Uuid::parse(conversation_id) {
            headers = headers.bytes("kafka_correlationId", correlation_id.0);
        }
        let payload = serde_json::to_vec(&reply)?;
        let outgoing = Outgoing {
            channel: INVENTORY_RESERVED,
            partition: None,
            key: &reply.order_id,
            payload: Some(&payload),
            headers,
            message_id: &message_id,
            conversation_id,
        };
        self.publisher.publish(outgoing, cx).await
    }
}
