//! The body of an HTTP request, and its type where that goes without saying.

use bytes::Bytes;
use url::form_urlencoded;

use super::{Mistake, Planner, check_json, from_hex};
use crate::send::draft::{Body, Part};

/// A body, written.
pub(super) struct Written {
    pub bytes: Bytes,
    pub content_type: Option<String>,
}

impl Written {
    fn new(bytes: impl Into<Bytes>, content_type: &str) -> Self {
        Self { bytes: bytes.into(), content_type: (!content_type.is_empty()).then(|| content_type.to_owned()) }
    }
}

impl Planner<'_> {
    pub(super) fn body(&self, body: &Body) -> Result<Written, Mistake> {
        Ok(match body {
            Body::None => Written::new(Bytes::new(), ""),
            Body::Json(text) => {
                let text = self.fill("body", text)?;
                check_json("body", &text)?;
                Written::new(text, "application/json")
            }
            Body::Text(text) => Written::new(self.fill("body", text)?, "text/plain; charset=utf-8"),
            Body::Form(pairs) => {
                let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(self.pairs("body", pairs)?).finish();
                Written::new(form, "application/x-www-form-urlencoded")
            }
            Body::Multipart(parts) => self.multipart(parts)?,
            Body::Hex(text) => Written::new(from_hex("body", &self.fill("body", text)?)?, "application/octet-stream"),
            Body::File(name) => Written::new(self.file("body", name)?, "application/octet-stream"),
            Body::Graphql { query, variables, operation } => self.graphql(query, variables, operation)?,
        })
    }

    /// GraphQL over HTTP: one JSON object.
    fn graphql(&self, query: &str, variables: &str, operation: &str) -> Result<Written, Mistake> {
        let (query, variables, operation) = (self.fill("body", query)?, self.fill("variables", variables)?, self.fill("operation", operation)?);
        let mut object = serde_json::Map::from_iter([("query".to_owned(), query.into())]);
        if !variables.trim().is_empty() {
            let read: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&variables).map_err(|error| Mistake::new("variables", format!("these are no JSON object: {error}")))?;
            object.insert("variables".to_owned(), read.into());
        }
        if !operation.is_empty() {
            object.insert("operationName".to_owned(), operation.into());
        }
        Ok(Written::new(serde_json::Value::from(object).to_string(), "application/json"))
    }

    /// RFC 7578; names and file names are written so that they cannot end before their end.
    fn multipart(&self, parts: &[Part]) -> Result<Written, Mistake> {
        let boundary = format!("switchboard-{:032x}", (self.variables.random)());
        let mut body = Vec::new();
        for part in parts {
            let name = self.fill("body", &part.name)?;
            body.extend_from_slice(format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&name)).as_bytes());
            let value = if part.file.is_empty() {
                Bytes::from(self.fill("body", &part.value)?)
            } else {
                let file_name = part.file.rsplit(['/', '\\']).next().unwrap_or_default();
                body.extend_from_slice(format!("; filename=\"{}\"", quoted(file_name)).as_bytes());
                self.file("body", &part.file)?
            };
            if !part.content_type.is_empty() {
                let (_, content_type) = super::header("body", "content-type", &self.fill("body", &part.content_type)?)?;
                body.extend_from_slice(b"\r\nContent-Type: ");
                body.extend_from_slice(content_type.as_bytes());
            }
            body.extend_from_slice(b"\r\n\r\n");
            body.extend_from_slice(&value);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Ok(Written::new(body, &format!("multipart/form-data; boundary={boundary}")))
    }
}

/// A name between quotes, as browsers write it (WHATWG HTML, multipart/form-data encoding algorithm).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
