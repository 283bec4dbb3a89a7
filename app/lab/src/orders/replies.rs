use std::sync::Arc;

use opentelemetry::trace::{SpanKind, TraceContextExt as _};

use crate::{
    books::Clerk,
    broker::GroupReader,
    business::InventoryReserved,
    dice::Uuid,
    shop::Shop,
    telemetry::{Telemetry, attribute, end, fail},
};

/// Reads inventory's answers and finds the order of each by its correlation id.
pub(crate) async fn read_replies(shop: Arc<Shop>, reader: GroupReader, telemetry: Telemetry, clerk: Clerk) {
    loop {
        let received = reader.next().await;
        let open = clerk.delivery(reader.group(), reader.channel());
        let mut attributes = reader.process_attributes();
        attributes.extend(received.message_attributes());
        let cx = telemetry.start(format!("process {}", reader.channel()), SpanKind::Consumer, &received.creation_context(), attributes);
        let reply = received.payload.as_deref().map(serde_json::from_slice::<InventoryReserved>);
        match (reply, Uuid::parse(received.conversation_id())) {
            (Some(Ok(reply)), Some(correlation_id)) => {
                let is_first = shop.table.answer(&reply.order_id, correlation_id);
                cx.span().set_attribute(attribute("order.is_first_answer", is_first));
                if is_first {
                    shop.books.order(|orders| orders.reserved += 1);
                }
            }
            (Some(Err(error)), _) => fail(&cx, "serde_json::Error", error.to_string()),
            _ => fail(&cx, "NoCorrelation", "an answer without payload or correlation id"),
        }
        open.done();
        end(&cx);
        reader.done(&received);
    }
}
