use std::{net::SocketAddr, path::Path};

use anyhow::Context as _;

use crate::profile::quoted;

/// An order by HTTP, as a shopper places it.
const BY_HTTP: &str = r#"name = "place an order"

[http]
method = "POST"
url = "{{base}}/checkout"

[http.body]
json = '''
{
  "customer": "customer-3",
  "country": "{{country}}",
  "parcels": 1,
  "amount_cents": 9889,
  "sku": "{{sku}}",
  "is_withdrawn": false
}'''
"#;

/// The same by gRPC, as the storefront does. What the method takes, the server tells.
const BY_GRPC: &str = r#"name = "place an order by gRPC"

[grpc]
url = "{{orders}}"
method = "shop.v1.Orders/PlaceOrder"
messages = ['''
{
  "orderId": "by-hand-{{random}}",
  "customer": "customer-3",
  "country": "{{country}}",
  "parcels": 1,
  "amountCents": "9889",
  "sku": "{{sku}}"
}''']
"#;

/// The event that an order is placed, as orders publishes it. This one cannot be shipped, and dies.
const POISON: &str = r#"name = "an order that cannot be shipped"

[record]
topic = "orders.placed"
headers = [{ name = "content-type", value = { text = "application/json" } }]

[record.key]
text = "customer-3"

[record.value]
json = '''
{
  "order_id": "by-hand-{{random}}",
  "customer": "customer-3",
  "country": "XX",
  "parcels": 1,
  "amount_cents": 9889,
  "sku": "{{sku}}",
  "payment": "paid"
}'''
"#;

/// Requests to try out, in a folder that goes with the lab.
pub(crate) struct Requests(tempfile::TempDir);

impl Requests {
    /// Writes them, and an environment with the addresses of this lab.
    pub(crate) fn write(storefront: SocketAddr, orders_grpc_port: u16) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("switchboard-lab-").tempdir().context("no folder for requests to try out")?;
        let environment = format!(
            "# The demo's own addresses: others at each start.\n[demo]\nbase = {}\norders = {}\ncountry = \"FR\"\nsku = \"lamp\"\n",
            quoted(&format!("http://{storefront}")),
            quoted(&format!("http://127.0.0.1:{orders_grpc_port}")),
        );
        let files = [
            ("environments.toml", environment.as_str()),
            ("orders/place an order.toml", BY_HTTP),
            ("orders/place an order by gRPC.toml", BY_GRPC),
            ("orders/an order that cannot be shipped.toml", POISON),
        ];
        for (name, text) in files {
            let path = folder.path().join(name);
            if let Some(parent) = path.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(Self(folder))
    }

    /// Where they lie.
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }
}
