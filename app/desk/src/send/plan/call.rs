//! A gRPC call.

use std::borrow::Cow;
use std::time::Duration;

use http::uri::{Authority, PathAndQuery};
use switchboard_model::{AddressRefused, Compression, Origin, OutgoingCall};

use super::request::timeout;
use super::{Mistake, Plan, Planned, PlannedCall, Planner, check_json};
use crate::send::draft::GrpcDraft;
use crate::send::variables::Variables;

/// Messages of one call at most.
const MAX_MESSAGES: usize = 10_000;
/// Bytes of their texts at most.
const MESSAGES_BYTES_MAX: usize = 64 << 20;

impl Planner<'_> {
    pub(super) fn call(&self, draft: &GrpcDraft) -> Result<Plan, Mistake> {
        let authority = server(&self.fill("url", &draft.url)?)?;
        let method = method(&self.fill("method", &draft.method)?)?;
        let mut metadata = self.headers("metadata", &draft.metadata)?;
        let (trace_id, correlation_id) = self.carried(&draft.carries)?.put_into(&mut metadata)?;
        let messages = self.messages(draft)?;
        let compression = match draft.compression.trim() {
            "" => None,
            "gzip" => Some(Compression::Gzip),
            "zstd" => Some(Compression::Zstd),
            _ => return Err(Mistake::new("compression", "write gzip or zstd, or leave it empty")),
        };
        let deadline = Some(Duration::from_secs_f64(timeout("deadline", draft.deadline_s)?));
        let call = OutgoingCall { authority, method, metadata, deadline, spent: Duration::ZERO, compression };
        let asked_as = asked_as(&self.fill("authority", &draft.authority)?)?;
        let planned = PlannedCall { call, messages, schema: draft.schema.clone(), auth: draft.auth.clone(), authority: asked_as, tls: draft.tls.clone() };
        Ok(Plan { what: Planned::Grpc(Box::new(planned)), trace_id, correlation_id })
    }
}

impl Planner<'_> {
    /// The messages as they are written, or, where each row makes some, once for each row.
    fn messages(&self, draft: &GrpcDraft) -> Result<Vec<String>, Mistake> {
        let is_by_row = draft.row_messages && !self.rows.is_empty();
        let num_rows = if is_by_row { self.rows.len() } else { 1 };
        let num = draft.messages.len().saturating_mul(num_rows);
        if num > MAX_MESSAGES {
            return Err(Mistake::new("messages", format!("there are {num}; {MAX_MESSAGES} are the most")));
        }
        let (mut messages, mut num_bytes) = (Vec::with_capacity(num), 0);
        for index in 0..num_rows as u64 {
            let row = self.rows.row(index);
            let of_row = Variables { row: &row, counter: index + 1, ..*self.variables };
            let planner = Planner { variables: if is_by_row { &of_row } else { self.variables }, ..*self };
            for message in &draft.messages {
                let made = planner.fill("messages", message).and_then(|message| check_json("messages", &message).map(|()| message));
                let of_its_row =
                    |mistake: Mistake| if is_by_row { Mistake { reason: format!("row {}: {}", index + 1, mistake.reason), ..mistake } } else { mistake };
                let made = made.map_err(of_its_row)?;
                num_bytes += made.len();
                if num_bytes > MESSAGES_BYTES_MAX {
                    return Err(Mistake::new("messages", format!("together they are longer than {} MiB", MESSAGES_BYTES_MAX >> 20)));
                }
                messages.push(made);
            }
        }
        Ok(messages)
    }
}

/// What a server is asked for as, where that is not its address.
fn asked_as(text: &str) -> Result<Option<String>, Mistake> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let is_one = text.parse::<Authority>().is_ok_and(|authority| !authority.host().is_empty() && !text.contains('@'));
    if is_one { Ok(Some(text.to_owned())) } else { Err(Mistake::new("authority", "write host or host:port, without a user")) }
}

/// The address of a server of gRPC as it is meant: `host:port`, as grpcurl writes it, is `http://host:port`, so without TLS. Others are as they are.
pub fn server_address(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    let is_host = |host: &str| !host.is_empty() && (!host.contains(':') || host.starts_with('[') && host.ends_with(']'));
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    let is_bare = !text.contains(['/', '\\', '@', '?', '#', '{', '}']) && text.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && is_port(port));
    if is_bare { Cow::Owned(format!("http://{text}")) } else { Cow::Borrowed(text) }
}

/// Where a call goes.
fn server(text: &str) -> Result<Origin, Mistake> {
    let address = server_address(text);
    let how = "Write host:port or http://host:port for a server without TLS, https://host:port for one with it";
    Origin::parse(&address).map(|(origin, _)| origin).map_err(|error| match error {
        AddressRefused::Unreadable(reason) => Mistake::new("url", format!("this is no address of a server ({reason}). {how}")),
        AddressRefused::Scheme(scheme) => Mistake::new("url", format!("addresses that begin with {scheme}: are not called. {how}")),
        error @ AddressRefused::Credentials => Mistake::new("url", error.to_string()),
    })
}

/// `/package.Service/Method`, also where it is written without its first slash, or with a dot before the method.
pub(crate) fn method(text: &str) -> Result<PathAndQuery, Mistake> {
    let wrong = || Mistake::new("method", "write package.Service/Method, or choose one that the server tells of");
    let text = text.trim().trim_start_matches('/');
    let (service, method) = text.split_once('/').or_else(|| text.rsplit_once('.')).ok_or_else(wrong)?;
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !service.split('.').all(is_name) || !is_name(method) {
        return Err(wrong());
    }
    format!("/{service}/{method}").parse().map_err(|_| wrong())
}
