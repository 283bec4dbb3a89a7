//! A gRPC call.

use std::time::Duration;

use http::uri::PathAndQuery;
use switchboard_model::{Compression, Origin, OutgoingCall};

use super::request::timeout;
use super::{Mistake, Plan, Planned, PlannedCall, Planner, check_json};
use crate::send::draft::GrpcDraft;

/// Messages of one call at most.
const MAX_MESSAGES: usize = 10_000;

impl Planner<'_> {
    pub(super) fn call(&self, draft: &GrpcDraft) -> Result<Plan, Mistake> {
        let (authority, _) = Origin::parse(&self.fill("url", &draft.url)?).map_err(|error| Mistake::new("url", error.to_string()))?;
        let method = method(&self.fill("method", &draft.method)?)?;
        let mut metadata = self.headers("metadata", &draft.metadata)?;
        let (trace_id, correlation_id) = self.carried(&draft.carries)?.put_into(&mut metadata)?;
        if draft.messages.len() > MAX_MESSAGES {
            return Err(Mistake::new("messages", format!("there are {}; {MAX_MESSAGES} are the most", draft.messages.len())));
        }
        let messages = draft.messages.iter().map(|message| {
            let message = self.fill("messages", message)?;
            check_json("messages", &message)?;
            Ok(message)
        });
        let messages = messages.collect::<Result<Vec<String>, Mistake>>()?;
        let compression = match draft.compression.trim() {
            "" => None,
            "gzip" => Some(Compression::Gzip),
            "zstd" => Some(Compression::Zstd),
            _ => return Err(Mistake::new("compression", "write gzip or zstd, or leave it empty")),
        };
        let deadline = Some(Duration::from_secs_f64(timeout("deadline", draft.deadline_s)?));
        let call = OutgoingCall { authority, method, metadata, deadline, spent: Duration::ZERO, compression };
        let planned = PlannedCall { call, messages, schema: draft.schema.clone(), auth: draft.auth.clone(), tls: draft.tls.clone() };
        Ok(Plan { what: Planned::Grpc(Box::new(planned)), trace_id, correlation_id })
    }
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
