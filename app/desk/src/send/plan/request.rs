//! An HTTP request.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method};
use switchboard_model::{Origin, OutgoingRequest};

use super::body::Written;
use super::{Mistake, Plan, Planned, PlannedRequest, Planner};
use crate::send::draft::HttpDraft;

/// How long a request may take at most, seconds.
const TIMEOUT_S_MAX: f64 = 3_600.0;

impl Planner<'_> {
    pub(super) fn request(&self, draft: &HttpDraft) -> Result<Plan, Mistake> {
        let method = self.fill("method", &draft.method)?;
        let method = Method::from_bytes(method.trim().as_bytes()).map_err(|_| Mistake::new("method", "this is no method. Write GET, POST or another word"))?;
        if method == Method::CONNECT {
            return Err(Mistake::new("method", "CONNECT asks for a tunnel, which is not made here"));
        }
        let mut url = url::Url::parse(self.fill("url", &draft.url)?.trim())
            .map_err(|error| Mistake::new("url", format!("this is no address ({error}). Write it as http://host:port/path")))?;
        let query = self.pairs("query", &draft.query)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let (origin, path) = Origin::parse(url.as_str()).map_err(|error| Mistake::new("url", error.to_string()))?;
        let mut headers = self.headers("headers", &draft.headers)?;
        let Written { bytes: body, content_type } = self.body(&draft.body)?;
        if let Some(content_type) = content_type.filter(|_| !headers.contains_key(CONTENT_TYPE)) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(&content_type).map_err(|error| Mistake::new("body", error.to_string()))?);
        }
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        let (trace_id, correlation_id) = self.carried(&draft.carries)?.put_into(&mut headers)?;
        let timeout_s = timeout("timeout", draft.timeout_s)?;
        let request = OutgoingRequest { origin, method, path, headers, body };
        let planned = PlannedRequest { request, auth: draft.auth.clone(), timeout_s, tls: draft.tls.clone() };
        Ok(Plan { what: Planned::Http(Box::new(planned)), trace_id, correlation_id })
    }
}

/// Seconds that somebody wrote.
pub(super) fn timeout(field: &'static str, seconds: f64) -> Result<f64, Mistake> {
    if seconds > 0.0 && seconds <= TIMEOUT_S_MAX {
        Ok(seconds)
    } else {
        Err(Mistake::new(field, format!("write seconds, more than 0 and at most {TIMEOUT_S_MAX}")))
    }
}
