use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::time::sleep;

use crate::{
    broker::{ORDERS_PLACED, Outgoing, Publisher},
    outbox::OutboxRow,
    shop::Shop,
    telemetry::context_from,
};

/// How many rows are published at once.
const ROWS_AT_ONCE: usize = 64;

/// Publishes what lies in the outbox, in its order, each event in the trace it was written in.
pub(crate) async fn relay(shop: Arc<Shop>, instance: &'static str, publisher: Publisher) {
    loop {
        let rows = shop.table.take(instance, ROWS_AT_ONCE).await;
        let results = join_all(rows.iter().map(|row| publish(&publisher, row))).await;
        let mut is_refused = false;
        // The oldest refused row goes back last, so that it comes first again.
        for (row, result) in rows.iter().zip(&results).rev() {
            if result.is_ok() {
                shop.table.published(row.row_id);
            } else {
                is_refused = true;
                shop.table.put_back(row.row_id);
            }
        }
        if is_refused {
            sleep(Duration::from_millis(500)).await;
        }
    }
}

async fn publish(publisher: &Publisher, row: &OutboxRow) -> anyhow::Result<()> {
    let outgoing = Outgoing {
        channel: ORDERS_PLACED,
        partition: None,
        key: &row.order_id,
        payload: row.payload.as_deref(),
        headers: row.headers.clone(),
        message_id: &row.event_id.to_string(),
        conversation_id: &row.correlation_id.to_string(),
    };
    publisher.publish(outgoing, &context_from(row.traceparent.as_deref())).await
}
