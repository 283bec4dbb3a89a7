//! Details of a status (google.rpc.Status): what kind of error it was, in more than a code.

use std::fmt::Write as _;

use prost::Message;
use prost_reflect::DescriptorPool;
use tonic_types::pb;

use super::decode::note_unknown;
use super::one_line;

/// The most details that are told; the bound of headers keeps them fewer.
const DETAILS_MAX: usize = 256;
/// The most bytes that are written as hexadecimal digits.
const HEX_BYTES_MAX: usize = 4 << 10;

/// One detail of a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusDetail {
    /// Its type, such as `type.googleapis.com/google.rpc.BadRequest`; empty where the details as a whole cannot be read.
    pub type_url: String,
    /// What it says.
    pub content: StatusDetailContent,
}

/// What a detail of a status says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusDetailContent {
    /// One of the standard kinds, as pairs of what something is called and what it is.
    Standard(Vec<(String, String)>),
    /// A message that the schema knows, in JSON.
    Json(String),
    /// What cannot be read: hexadecimal digits of the first 4,096 bytes.
    Hex {
        /// The digits.
        digits: String,
        /// How many bytes there are.
        num_bytes: usize,
    },
}

/// Reads details. Nothing that comes fails: what is not understood is given in digits.
pub(super) fn status_details(pool: &DescriptorPool, details: &[u8]) -> Vec<StatusDetail> {
    if details.is_empty() {
        return Vec::new();
    }
    let Ok(status) = pb::Status::decode(details) else { return vec![StatusDetail { type_url: String::new(), content: hex(details) }] };
    let told = status.details.iter().take(DETAILS_MAX).map(|detail| StatusDetail {
        type_url: one_line(&detail.type_url),
        content: content(pool, &detail.type_url, &detail.value).unwrap_or_else(|| hex(&detail.value)),
    });
    told.collect()
}

/// Types of details that neither the pool nor we know, and those that messages in details hold.
pub(super) fn unknown_details(pool: &DescriptorPool, details: &[u8]) -> Vec<String> {
    let mut types = Vec::new();
    for detail in pb::Status::decode(details).unwrap_or_default().details.iter().take(DETAILS_MAX) {
        let name = detail.type_url.rsplit('/').next().unwrap_or_default();
        if name.strip_prefix("google.rpc.").is_some_and(|name| standard(name, &detail.value).is_some()) {
            continue;
        }
        match pool.get_message_by_name(name) {
            None => note_unknown(&mut types, name),
            Some(message) => {
                let within = super::decode::decode(&message, &detail.value).map(|decoded| decoded.unknown_types).unwrap_or_default();
                for name in &within {
                    note_unknown(&mut types, name);
                }
            }
        }
    }
    types
}

fn content(pool: &DescriptorPool, type_url: &str, value: &[u8]) -> Option<StatusDetailContent> {
    let name = type_url.rsplit('/').next()?;
    if let Some(name) = name.strip_prefix("google.rpc.")
        && let Some(pairs) = standard(name, value)
    {
        return Some(StatusDetailContent::Standard(pairs));
    }
    let message = pool.get_message_by_name(name)?;
    super::decode::decode(&message, value).ok().map(|decoded| StatusDetailContent::Json(decoded.json))
}

fn standard(name: &str, value: &[u8]) -> Option<Vec<(String, String)>> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut pairs = match name {
        "BadRequest" => read::<pb::BadRequest>(value)?.field_violations.iter().map(|one| pair(&one.field, &one.description)).collect(),
        "ErrorInfo" => {
            let info: pb::ErrorInfo = read(value)?;
            let mut metadata: Vec<_> = info.metadata.into_iter().collect();
            metadata.sort();
            [pair("reason", &info.reason), pair("domain", &info.domain)].into_iter().chain(metadata).collect()
        }
        "RetryInfo" => {
            let delay = read::<pb::RetryInfo>(value)?.retry_delay.unwrap_or_default();
            vec![("retry after".to_owned(), delay.to_string())]
        }
        "DebugInfo" => {
            let info: pb::DebugInfo = read(value)?;
            std::iter::once(pair("detail", &info.detail)).chain(info.stack_entries.iter().map(|entry| pair("stack", entry))).collect()
        }
        "QuotaFailure" => read::<pb::QuotaFailure>(value)?.violations.iter().map(|one| pair(&one.subject, &one.description)).collect(),
        "PreconditionFailure" => {
            let violation = |one: &pb::precondition_failure::Violation| (format!("{} {}", one.r#type, one.subject).trim().to_owned(), one.description.clone());
            read::<pb::PreconditionFailure>(value)?.violations.iter().map(violation).collect()
        }
        "RequestInfo" => {
            let info: pb::RequestInfo = read(value)?;
            vec![pair("request", &info.request_id), pair("serving data", &info.serving_data)]
        }
        "ResourceInfo" => {
            let info: pb::ResourceInfo = read(value)?;
            let told = [("type", &info.resource_type), ("name", &info.resource_name), ("owner", &info.owner), ("description", &info.description)];
            told.into_iter().map(|(name, value)| pair(name, value)).collect()
        }
        "Help" => read::<pb::Help>(value)?.links.iter().map(|link| pair(&link.description, &link.url)).collect(),
        "LocalizedMessage" => {
            let message: pb::LocalizedMessage = read(value)?;
            vec![pair(&message.locale, &message.message)]
        }
        _ => return None,
    };
    pairs.retain(|(_, value)| !value.is_empty());
    Some(pairs)
}

fn read<T: Message + Default>(value: &[u8]) -> Option<T> {
    T::decode(value).ok()
}

fn hex(bytes: &[u8]) -> StatusDetailContent {
    let mut digits = String::with_capacity(2 * bytes.len().min(HEX_BYTES_MAX));
    for byte in bytes.iter().take(HEX_BYTES_MAX) {
        // Writing into memory does not fail.
        let _ = write!(digits, "{byte:02x}");
    }
    StatusDetailContent::Hex { digits, num_bytes: bytes.len() }
}
