use std::{net::SocketAddr, time::Duration};

use opentelemetry::{
    Context,
    trace::{SpanKind, TraceContextExt as _},
};
use serde::Serialize;

use crate::{
    books::{Clerk, Outcome, Way},
    telemetry::{Telemetry, attribute, end, fail, traceparent},
};

/// An instrumented HTTP client for one callee.
pub(crate) struct HttpCaller {
    client: reqwest::Client,
    telemetry: Telemetry,
    clerk: Clerk,
    way: Way,
    address: SocketAddr,
    timeout: Duration,
    /// Named on the span where the callee cannot say it itself.
    peer_name: Option<&'static str>,
}

/// How a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    Status(u16),
    TimedOut,
    Connection(String),
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Status(status) => write!(f, "HTTP status {status}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Connection(reason) => write!(f, "connection failed: {reason}"),
        }
    }
}

/// A client on loopback, where all is plain HTTP: the desktop's certificates, of which there are hundreds, are not read for it.
pub(crate) fn loopback_client() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().tls_certs_only([])
}

impl HttpCaller {
    /// Fails when the HTTP client cannot be built.
    pub(crate) fn new(telemetry: &Telemetry, clerk: &Clerk, to: &'static str, address: SocketAddr, timeout: Duration) -> anyhow::Result<Self> {
        let client = loopback_client().user_agent(concat!("shop/", env!("CARGO_PKG_VERSION"))).build()?;
        let way = Way { from: Some(clerk.service()), to, via: "http" };
        Ok(Self { client, telemetry: telemetry.clone(), clerk: clerk.clone(), way, address, timeout, peer_name: None })
    }

    /// For a callee that sends no spans of its own.
    pub(crate) fn with_peer_name(mut self) -> Self {
        self.peer_name = Some(self.way.to);
        self
    }

    /// Posts JSON; `resend_count` is 0 for a first try.
    pub(crate) async fn post(&self, path: &str, body: &impl Serialize, parent: &Context, resend_count: u32) -> Result<(), CallError> {
        let url = format!("http://{}{path}", self.address);
        let mut attributes = vec![
            attribute("http.request.method", "POST"),
            attribute("url.full", url.clone()),
            attribute("server.address", self.address.ip().to_string()),
            attribute("server.port", i64::from(self.address.port())),
        ];
        if resend_count > 0 {
            attributes.push(attribute("http.request.resend_count", i64::from(resend_count)));
        }
        attributes.extend(self.peer_name.map(|name| attribute("service.peer.name", name)));
        let cx = self.telemetry.start("POST", SpanKind::Client, parent, attributes);
        let mut request = self.client.post(url).timeout(self.timeout).json(body);
        if let Some(traceparent) = traceparent(&cx) {
            request = request.header("traceparent", traceparent);
        }
        let open = self.clerk.call(self.way, resend_count > 0);
        // The time-out covers the body, so an attempt ends as a whole or not at all.
        let answer = match request.send().await {
            Ok(response) => {
                let status = response.status();
                response.bytes().await.map(|_| status)
            }
            Err(error) => Err(error),
        };
        let result = match answer {
            Ok(status) => {
                cx.span().set_attribute(attribute("http.response.status_code", i64::from(status.as_u16())));
                if status.is_client_error() || status.is_server_error() {
                    fail(&cx, status.as_u16().to_string(), "");
                    Err(CallError::Status(status.as_u16()))
                } else {
                    Ok(())
                }
            }
            Err(error) if error.is_timeout() => {
                fail(&cx, "timeout", format!("no answer within {} ms", self.timeout.as_millis()));
                Err(CallError::TimedOut)
            }
            Err(error) => {
                fail(&cx, "reqwest::Error", error.to_string());
                Err(CallError::Connection(error.to_string()))
            }
        };
        open.end(match &result {
            Ok(()) => Outcome::Good,
            Err(CallError::TimedOut) => Outcome::TimedOut,
            Err(_) => Outcome::Failed,
        });
        end(&cx);
        result
    }
}
