use std::{sync::Arc, time::Duration};

use opentelemetry::{
    Context,
    trace::{SpanKind, TraceContextExt as _},
};
use opentelemetry_otlp::Compression;
use tokio::time::sleep;

use crate::{
    broker::ORDERS_PLACED,
    shop::Shop,
    telemetry::{Identity, Telemetry, Wire, attribute, end, link_to},
};

/// Fraud looks long at each order, in a trace of its own that links to the order's.
pub(crate) fn start_fraud(shop: &Arc<Shop>) -> anyhow::Result<Telemetry> {
    let wire = Wire::Grpc(Some(Compression::Gzip));
    let (clerk, telemetry) = shop.hire("fraud", "fraud-1", Identity { version: "0.9.0", wire, delay: Duration::from_millis(500), twice_every: None })?;
    let reader = shop.groups.reader("fraud", ORDERS_PLACED, "fraud-1")?;
    let shop = shop.clone();
    let kept = telemetry.clone();
    tokio::spawn(async move {
        loop {
            let received = reader.next().await;
            let open = clerk.delivery(reader.group(), reader.channel());
            let mut attributes = reader.process_attributes();
            attributes.extend(received.message_attributes());
            let links = link_to(&received.creation_context(), Vec::new()).into_iter().collect();
            let cx = telemetry.start_linked(format!("process {ORDERS_PLACED}"), SpanKind::Consumer, &Context::new(), attributes, links);
            if !shop.faults.hurry() {
                sleep(Duration::from_millis(20 + shop.dice.below(15))).await;
            }
            cx.span().set_attribute(attribute("fraud.score", shop.dice.below(100) as i64));
            open.done();
            end(&cx);
            reader.done(&received);
        }
    });
    Ok(kept)
}
