use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, sleep_until},
};

use crate::{
    books::{Clerk, Outcome, Way},
    business::{BLOCKED_CUSTOMER, COUNTRIES, Checkout},
    http_call::loopback_client,
    shop::{ORDERS_BEFORE, Shop},
};

/// While there is poison this order is poison in any case: the one that the guide follows.
const POISON_FOR_SURE: u64 = 4_711;
/// How many shoppers may wait at once; beyond it the next one comes later.
const SHOPPERS: u32 = 256;

/// The shoppers: a client without instrumentation that sends checkouts at a steady rate.
pub(crate) struct Generator {
    rate: watch::Sender<Option<f64>>,
    shoppers: Arc<Semaphore>,
}

impl Generator {
    /// Starts it, at rest.
    pub(crate) fn start(shop: &Arc<Shop>, storefront: SocketAddr) -> anyhow::Result<Self> {
        let client = loopback_client().user_agent("shopper/1.0").timeout(Duration::from_secs(10)).build()?;
        let (rate, changes) = watch::channel(None);
        let shoppers = Arc::new(Semaphore::new(SHOPPERS as usize));
        let shopping = Shopping {
            clerk: Clerk::new(&shop.books, "shoppers", "shoppers"),
            shop: shop.clone(),
            client,
            url: format!("http://{storefront}/checkout"),
            num_wishes: AtomicU64::new(0),
        };
        tokio::spawn(shop_on(Arc::new(shopping), changes, shoppers.clone()));
        Ok(Self { rate, shoppers })
    }

    /// Orders per second from now on; `None` sends none.
    pub(crate) fn set_rate(&self, rate: Option<f64>) {
        self.rate.send_replace(rate);
    }

    /// Whether every checkout that was sent has been answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.shoppers.available_permits() == SHOPPERS as usize
    }
}

async fn shop_on(shopping: Arc<Shopping>, mut rate: watch::Receiver<Option<f64>>, shoppers: Arc<Semaphore>) {
    let mut due = Instant::now();
    loop {
        let Some(per_s) = *rate.borrow_and_update() else {
            if rate.changed().await.is_err() {
                return;
            }
            due = Instant::now();
            continue;
        };
        // A lab that could not keep up does not make up for it with a rush.
        due = (due + Duration::from_secs_f64(1.0 / per_s)).max(Instant::now() - Duration::from_millis(100));
        tokio::select! {
            changed = rate.changed() => {
                if changed.is_err() {
                    return;
                }
                due = Instant::now();
                continue;
            }
            () = sleep_until(due) => {}
        }
        let Ok(permit) = shoppers.clone().acquire_owned().await else { return };
        if rate.borrow().is_none() {
            continue;
        }
        let shopping = shopping.clone();
        tokio::spawn(async move {
            shopping.check_out().await;
            drop(permit);
        });
    }
}

struct Shopping {
    shop: Arc<Shop>,
    clerk: Clerk,
    client: reqwest::Client,
    url: String,
    num_wishes: AtomicU64,
}

impl Shopping {
    async fn check_out(&self) {
        let nth = self.num_wishes.fetch_add(1, Ordering::Relaxed);
        let wish = self.wish(nth);
        let open = self.clerk.call(Way { from: None, to: "storefront", via: "http" }, false);
        let result = match self.client.post(&self.url).json(&wish).send().await {
            Ok(response) => {
                let status = response.status();
                response.json::<Value>().await.map(|body| (status, body))
            }
            Err(error) => Err(error),
        };
        let word = match &result {
            Ok((status, body)) if status.is_success() => body["result"].as_str().unwrap_or_default(),
            _ => "",
        };
        self.shop.books.order(|orders| {
            orders.sent += 1;
            *match word {
                "paid" => &mut orders.paid,
                "payment_later" => &mut orders.payment_later,
                "rejected" => &mut orders.rejected,
                _ => &mut orders.failed,
            } += 1;
        });
        open.end(match &result {
            Ok((status, _)) if status.is_success() => Outcome::Good,
            Err(error) if error.is_timeout() => Outcome::TimedOut,
            _ => Outcome::Failed,
        });
    }

    fn wish(&self, nth: u64) -> Checkout {
        let dice = &self.shop.dice;
        let mut wish = Checkout {
            customer: format!("customer-{}", dice.below(100)),
            country: COUNTRIES[dice.below(COUNTRIES.len() as u64) as usize].to_owned(),
            parcels: 1 + dice.below(3) as u32,
            amount_cents: 500 + dice.below(20_000),
            sku: ["lamp", "chair", "kettle", "rug"][dice.below(4) as usize].to_owned(),
            is_withdrawn: nth % 60 == 30,
        };
        let poison = self.shop.faults.poison();
        if poison && ORDERS_BEFORE + nth + 1 == POISON_FOR_SURE {
            "customer-7".clone_into(&mut wish.customer);
            "XX".clone_into(&mut wish.country);
        } else if poison && wish.customer != BLOCKED_CUSTOMER && dice.chance(0.08) {
            if dice.chance(0.5) {
                "XX".clone_into(&mut wish.country);
            } else {
                wish.parcels = 0;
            }
        }
        wish
    }
}
