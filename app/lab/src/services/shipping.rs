use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use opentelemetry::{Context, logs::Severity, trace::SpanKind};
use opentelemetry_otlp::Compression;
use tokio::time::sleep;

use crate::{
    books::Clerk,
    broker::{DeadLetter, GroupReader, ORDERS_PLACED, ORDERS_PLACED_DLT, Outgoing, Publisher, Received, dead_letter_headers},
    business::{COUNTRIES, LabelRequest, OrderPlaced},
    http_call::HttpCaller,
    shop::Shop,
    telemetry::{Identity, Telemetry, Wire, end, exception, fail, link_to},
};

/// How often a record is tried before it is dead-lettered.
const ATTEMPTS: u32 = 3;
/// How long the carrier may take.
const CARRIER_TIMEOUT: Duration = Duration::from_secs(1);

/// Shipping orders a label at the carrier for each order: its spans are children of the order's and link to them too. What it
/// cannot ship after three attempts goes to the dead-letter channel as Spring Kafka does it.
pub(crate) fn start_shipping(shop: &Arc<Shop>, carrier: SocketAddr) -> anyhow::Result<Telemetry> {
    let wire = Wire::HttpProtobuf(Some(Compression::Zstd));
    let (clerk, telemetry) = shop.hire("shipping", "shipping-1", Identity { version: "2.0.1", wire, delay: Duration::from_millis(500), twice_every: None })?;
    let shipping = Shipping {
        reader: shop.groups.reader("shipping", ORDERS_PLACED, "shipping-1")?,
        publisher: Publisher::new(&shop.brokers, &telemetry, &clerk, &shop.progress)?,
        carrier: HttpCaller::new(&telemetry, &clerk, "carrier", carrier, CARRIER_TIMEOUT)?.with_peer_name(),
        shop: shop.clone(),
        clerk,
        telemetry,
    };
    let kept = shipping.telemetry.clone();
    tokio::spawn(async move {
        loop {
            let received = shipping.reader.next().await;
            shipping.handle(&received).await;
        }
    });
    Ok(kept)
}

struct Shipping {
    shop: Arc<Shop>,
    clerk: Clerk,
    telemetry: Telemetry,
    reader: GroupReader,
    publisher: Publisher,
    carrier: HttpCaller,
}

/// Why an order cannot be shipped, ever.
#[derive(Debug, PartialEq, Eq)]
enum Unshippable {
    Country { country: String, order_id: String },
    Parcels { order_id: String },
    Unreadable(String),
}

impl Unshippable {
    fn class(&self) -> &'static str {
        match self {
            Self::Country { .. } => "com.shop.shipping.UnknownCountryException",
            Self::Parcels { .. } => "java.lang.ArithmeticException",
            Self::Unreadable(_) => "com.fasterxml.jackson.databind.JsonMappingException",
        }
    }

    /// A stack trace as the JVM prints one.
    fn stacktrace(&self) -> String {
        let frames: &[&str] = match self {
            Self::Country { .. } => &["com.shop.shipping.Label.countryOf(Label.java:48)", "com.shop.shipping.Label.of(Label.java:31)"],
            Self::Parcels { .. } => &["com.shop.shipping.Parcel.split(Parcel.java:77)", "com.shop.shipping.Label.of(Label.java:35)"],
            Self::Unreadable(_) => &["com.shop.shipping.OrderReader.read(OrderReader.java:19)"],
        };
        let mut trace = format!("{}: {self}", self.class());
        for frame in frames.iter().chain(&["com.shop.shipping.OrderListener.onOrder(OrderListener.java:22)"]) {
            trace.push_str("\n\tat ");
            trace.push_str(frame);
        }
        trace
    }
}

impl fmt::Display for Unshippable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Country { country, order_id } => write!(f, "no carrier delivers to country '{country}' (order {order_id})"),
            Self::Parcels { order_id } => write!(f, "/ by zero (order {order_id})"),
            Self::Unreadable(reason) => write!(f, "not an order: {reason}"),
        }
    }
}

/// Reads an order and checks that it can be shipped.
fn shippable(payload: &[u8]) -> Result<OrderPlaced, Unshippable> {
    let order: OrderPlaced = serde_json::from_slice(payload).map_err(|error| Unshippable::Unreadable(error.to_string()))?;
    if !COUNTRIES.contains(&order.country.as_str()) {
        return Err(Unshippable::Country { country: order.country, order_id: order.order_id });
    }
    order.amount_cents.checked_div(order.parcels.into()).ok_or(Unshippable::Parcels { order_id: order.order_id.clone() })?;
    Ok(order)
}

impl Shipping {
    async fn handle(&self, received: &Received) {
        let open = self.clerk.delivery(self.reader.group(), self.reader.channel());
        let parent = received.creation_context();
        let mut attributes = self.reader.process_attributes();
        attributes.extend(received.message_attributes());
        let links = link_to(&parent, Vec::new()).into_iter().collect();
        let cx = self.telemetry.start_linked(format!("process {ORDERS_PLACED}"), SpanKind::Consumer, &parent, attributes, links);
        if let Some(payload) = &received.payload {
            self.ship(received, payload, &cx).await;
        }
        open.done();
        end(&cx);
        self.reader.done(received);
    }

    async fn ship(&self, received: &Received, payload: &[u8], cx: &Context) {
        for attempt in 1..=ATTEMPTS {
            match shippable(payload) {
                Ok(order) => {
                    let request = LabelRequest { order_id: order.order_id.clone(), country: order.country };
                    // Without a label now the parcel waits for the carrier's daily file; the order itself is fine.
                    if let Err(error) = self.carrier.post("/labels", &request, cx, 0).await {
                        self.telemetry.log(Severity::Warn, cx, format!("no label from the carrier: {error}"), vec![("order.id", order.order_id)]);
                    }
                    return;
                }
                Err(why) => {
                    exception(cx, why.class(), &why.to_string(), Some(why.stacktrace()));
                    if attempt == ATTEMPTS {
                        fail(cx, why.class(), why.to_string());
                        self.dead_letter(received, payload, &why, cx).await;
                    } else if !self.shop.faults.hurry() {
                        sleep(Duration::from_millis(5)).await;
                    }
                }
            }
        }
    }

    /// Publishes to the dead-letter channel until the broker takes it; the record is not committed before.
    async fn dead_letter(&self, received: &Received, payload: &[u8], why: &Unshippable, cx: &Context) {
        let message = why.to_string();
        let stacktrace = why.stacktrace();
        let dead = DeadLetter {
            topic: received.channel,
            partition: received.partition,
            offset: received.offset,
            timestamp_ms: received.timestamp_ms,
            group: self.reader.group(),
            cause_class: why.class(),
            message: &message,
            stacktrace: &stacktrace,
        };
        let key = received.key_text();
        loop {
            let outgoing = Outgoing {
                channel: ORDERS_PLACED_DLT,
                partition: Some(received.partition),
                key: &key,
                payload: Some(payload),
                headers: dead_letter_headers(received.headers.clone(), &dead),
                message_id: received.headers.last_text("ce_id").unwrap_or_default(),
                conversation_id: received.conversation_id(),
            };
            match self.publisher.publish(outgoing, cx).await {
                Ok(()) => break,
                Err(_) => sleep(Duration::from_millis(500)).await,
            }
        }
        self.shop.books.dead_letter(ORDERS_PLACED_DLT);
        let attributes = vec![("order.id", key), ("exception.type", why.class().to_owned())];
        self.telemetry.log(Severity::Error, cx, format!("dead-lettered after {ATTEMPTS} attempts: {message}"), attributes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(country: &str, parcels: u32) -> Vec<u8> {
        let order = OrderPlaced {
            order_id: "order-1".to_owned(),
            customer: "customer-1".to_owned(),
            country: country.to_owned(),
            parcels,
            amount_cents: 100,
            sku: "lamp".to_owned(),
            payment: "paid".to_owned(),
        };
        serde_json::to_vec(&order).unwrap()
    }

    #[test]
    fn poison_is_told_apart_by_class_and_top_frame() {
        assert!(shippable(&order("AT", 2)).is_ok());
        for (payload, class, frame) in [
            (order("XX", 1), "com.shop.shipping.UnknownCountryException", "Label.countryOf"),
            (order("AT", 0), "java.lang.ArithmeticException", "Parcel.split"),
            (b"{".to_vec(), "com.fasterxml.jackson.databind.JsonMappingException", "OrderReader.read"),
        ] {
            let why = shippable(&payload).unwrap_err();
            assert_eq!(why.class(), class);
            let trace = why.stacktrace();
            assert!(trace.starts_with(&format!("{class}: {why}\n\tat ")), "{trace}");
            assert!(trace.lines().nth(1).is_some_and(|line| line.contains(frame)), "{trace}");
        }
    }
}
