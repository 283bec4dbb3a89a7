use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{books::Clerk, broker::ORDERS_PLACED, shop::Shop};

/// Billing reads orders and sends no spans at all: it is known by its group's offsets only.
pub(crate) fn start_billing(shop: &Arc<Shop>) -> anyhow::Result<()> {
    let clerk = Clerk::new(&shop.books, "billing", "billing-1");
    let reader = shop.groups.reader("billing", ORDERS_PLACED, "billing-1")?;
    let shop = shop.clone();
    tokio::spawn(async move {
        loop {
            let received = reader.next().await;
            let open = clerk.delivery(reader.group(), reader.channel());
            if !shop.faults.hurry() {
                sleep(Duration::from_millis(1)).await;
            }
            open.done();
            reader.done(&received);
        }
    });
    Ok(())
}
