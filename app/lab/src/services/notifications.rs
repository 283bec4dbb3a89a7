use std::{sync::Arc, time::Duration};

use opentelemetry::{
    Context,
    trace::{Link, SpanKind},
};
use opentelemetry_otlp::Compression;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    broker::ORDERS_PLACED,
    shop::Shop,
    telemetry::{Identity, Telemetry, Wire, attribute, end, link_to},
};

/// How many records make a full batch.
const BATCH_RECORDS: usize = 40;
/// How long a batch waits to be full.
const BATCH_WAIT: Duration = Duration::from_millis(300);

/// Notifications writes to shoppers, a batch at a time: one span in a new trace, with a link to each message's own.
pub(crate) fn start_notifications(shop: &Arc<Shop>) -> anyhow::Result<Telemetry> {
    let wire = Wire::HttpProtobuf(Some(Compression::Gzip));
    let identity = Identity { version: "1.1.3", wire, delay: Duration::from_millis(500), twice_every: None };
    let (clerk, telemetry) = shop.hire("notifications", "notifications-1", identity)?;
    let reader = shop.groups.reader("notifications", ORDERS_PLACED, "notifications-1")?;
    let shop = shop.clone();
    let kept = telemetry.clone();
    tokio::spawn(async move {
        loop {
            let mut batch = vec![reader.next().await];
            let full_by = Instant::now() + BATCH_WAIT;
            while batch.len() < BATCH_RECORDS
                && let Ok(received) = timeout_at(full_by, reader.next()).await
            {
                batch.push(received);
            }
            let open: Vec<_> = batch.iter().map(|_| clerk.delivery(reader.group(), reader.channel())).collect();
            let links: Vec<Link> = batch.iter().filter_map(|received| link_to(&received.creation_context(), received.message_attributes())).collect();
            let mut attributes = reader.process_attributes();
            attributes.push(attribute("messaging.batch.message_count", batch.len() as i64));
            let cx = telemetry.start_linked(format!("process {ORDERS_PLACED}"), SpanKind::Consumer, &Context::new(), attributes, links);
            if !shop.faults.hurry() {
                sleep(Duration::from_millis(5)).await;
            }
            for (open, received) in open.into_iter().zip(&batch) {
                open.done();
                reader.done(received);
            }
            end(&cx);
        }
    });
    Ok(kept)
}
