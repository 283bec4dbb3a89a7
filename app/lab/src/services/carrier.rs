use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, routing::post};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    business::LabelRequest,
    shop::{Shop, bind, serve},
};

/// The parcel carrier is somebody else's: a plain HTTP server that sends no spans and passes no context on.
pub(crate) async fn start_carrier(shop: &Arc<Shop>) -> anyhow::Result<SocketAddr> {
    let (listener, address) = bind(0).await?;
    serve(listener, Router::new().route("/labels", post(label)).with_state(shop.clone()));
    Ok(address)
}

async fn label(State(shop): State<Arc<Shop>>, Json(request): Json<LabelRequest>) -> Result<Json<Value>, StatusCode> {
    sleep(Duration::from_millis(2 + shop.dice.below(4))).await;
    if shop.dice.chance(0.01) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let number = format!("{}{:09}", request.country, shop.dice.below(1_000_000_000));
    Ok(Json(json!({ "order_id": request.order_id, "tracking_number": number })))
}
