//! A record.

use switchboard_model::{OutgoingRecord, RawHeader, Route};

use super::{Mistake, Plan, Planned, PlannedRecord, Planner, check_json, from_hex};
use crate::send::draft::{Payload, RecordDraft};

/// Where a reply is awaited, for whoever answers: as Spring's clients write it.
pub(crate) const REPLY_TOPIC_HEADER: &str = "kafka_replyTopic";
/// By which a reply is known, as Spring's clients write it.
pub(crate) const REPLY_CORRELATION_HEADER: &str = "kafka_correlationId";

impl Planner<'_> {
    pub(super) fn record(&self, draft: &RecordDraft) -> Result<Plan, Mistake> {
        let topic = self.fill("topic", &draft.topic)?;
        let topic = topic.trim();
        let is_topic = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if topic.is_empty() || topic.len() > 249 || !topic.chars().all(is_topic) || matches!(topic, "." | "..") {
            return Err(Mistake::new("topic", "write the name of a topic: letters, digits, dots, dashes, underscores, at most 249"));
        }
        let route = match draft.partition {
            None => Route::Key,
            Some(partition) if partition >= 0 => Route::Partition(partition),
            Some(_) => return Err(Mistake::new("partition", "a partition is a number from 0; leave it empty to go by the key")),
        };
        let mut headers = Vec::new();
        for header in draft.headers.iter().filter(|header| !header.off && !header.name.is_empty()) {
            headers.push(RawHeader { name: self.fill("headers", &header.name)?, value: self.payload("headers", &header.value)? });
        }
        let carried = self.carried(&draft.carries)?;
        let (mut trace_id, mut correlation_id) = (carried.trace_id, carried.correlation_id);
        for (name, value) in carried.headers {
            // What was written by hand is sent as it is written, and says which trace it is.
            match headers.iter().find(|header| header.name.eq_ignore_ascii_case(&name)) {
                Some(own) => {
                    let own = own.value.as_deref().and_then(|value| std::str::from_utf8(value).ok());
                    if name == "traceparent" {
                        trace_id = own.and_then(switchboard_model::parse_traceparent).map(|context| context.trace_id);
                    } else {
                        correlation_id = own.map(str::to_owned);
                    }
                }
                None => headers.push(RawHeader { name, value: Some(value.into_bytes()) }),
            }
        }
        let reply_topic = self.fill("reply topic", &draft.reply_topic)?;
        if !reply_topic.is_empty() {
            let has = |name: &str| headers.iter().any(|header| header.name == name);
            let (has_topic, has_correlation) = (has(REPLY_TOPIC_HEADER), has(REPLY_CORRELATION_HEADER));
            if !has_topic {
                headers.push(RawHeader { name: REPLY_TOPIC_HEADER.to_owned(), value: Some(reply_topic.into_bytes()) });
            }
            if let Some(correlation_id) = correlation_id.as_ref().filter(|_| !has_correlation) {
                headers.push(RawHeader { name: REPLY_CORRELATION_HEADER.to_owned(), value: Some(correlation_id.clone().into_bytes()) });
            }
        }
        let record = OutgoingRecord {
            channel: topic.to_owned(),
            route,
            key: self.payload("key", &draft.key)?,
            value: self.payload("value", &draft.value)?,
            headers,
            timestamp_ms: draft.timestamp_ms,
        };
        let planned = PlannedRecord { cluster: self.fill("cluster", &draft.cluster)?, record };
        Ok(Plan { what: Planned::Record(Box::new(planned)), trace_id, correlation_id })
    }

    fn payload(&self, field: &'static str, payload: &Payload) -> Result<Option<Vec<u8>>, Mistake> {
        Ok(match payload {
            Payload::Null => None,
            Payload::Text(text) => Some(self.fill(field, text)?.into_bytes()),
            Payload::Json(text) => {
                let text = self.fill(field, text)?;
                check_json(field, &text)?;
                Some(text.into_bytes())
            }
            Payload::Hex(text) => Some(from_hex(field, &self.fill(field, text)?)?),
            Payload::File(name) => Some(self.file(field, name)?.to_vec()),
        })
    }
}
