//! A record.

use switchboard_model::{CorrelationId, OutgoingRecord, RawHeader, Route};

use super::request::timeout;
use super::{AwaitedReply, Mistake, Plan, Planned, PlannedRecord, Planner, check_json, from_hex};
use crate::send::draft::{Payload, RecordDraft, ReplyDraft, ReplyId};
use crate::send::variables::uuid;

impl Planner<'_> {
    /// Puts among the headers where a reply is awaited and by which id it is known, but for what was written there by hand.
    fn awaited(&self, draft: &RecordDraft, headers: &mut Vec<RawHeader>, correlation_id: &mut Option<String>) -> Result<Option<AwaitedReply>, Mistake> {
        let topic = self.fill("reply topic", &draft.reply_topic)?.trim().to_owned();
        if topic.is_empty() {
            return Ok(None);
        }
        let ReplyDraft { topic_header, id_header, id_as, within_s } = &draft.reply;
        let (topic_header, id_header) = (self.fill("reply topic", topic_header)?, self.fill("reply topic", id_header)?);
        if id_header.is_empty() {
            return Err(Mistake::new("reply topic", "name the header with the id by which the reply is known, such as kafka_correlationId"));
        }
        let within_s = timeout("reply topic", *within_s)?;
        if !topic_header.is_empty() && !headers.iter().any(|header| header.name == topic_header) {
            headers.push(RawHeader { name: topic_header, value: Some(topic.clone().into_bytes()) });
        }
        let own = headers.iter().find(|header| header.name == id_header).map(|header| header.value.clone().unwrap_or_default());
        let id = match own {
            Some(id) if !id.is_empty() => id,
            Some(_) => return Err(Mistake::new("headers", format!("{id_header} is empty, so no reply can be known by it"))),
            None => {
                let text = correlation_id.get_or_insert_with(|| uuid((self.variables.random)()));
                let id = match (id_as, CorrelationId::parse(text.as_bytes())) {
                    (ReplyId::Bytes, Some(CorrelationId::Wide(wide))) => wide.to_be_bytes().to_vec(),
                    _ => text.clone().into_bytes(),
                };
                headers.push(RawHeader { name: id_header.clone(), value: Some(id.clone()) });
                id
            }
        };
        Ok(Some(AwaitedReply { topic, id_header, id, within_s }))
    }

    /// The topic that it goes to.
    pub(super) fn topic(&self, draft: &RecordDraft) -> Result<String, Mistake> {
        let topic = self.fill("topic", &draft.topic)?;
        let topic = topic.trim();
        let is_topic = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if topic.is_empty() || topic.len() > 249 || !topic.chars().all(is_topic) || matches!(topic, "." | "..") {
            return Err(Mistake::new("topic", "write the name of a topic: letters, digits, dots, dashes, underscores, at most 249"));
        }
        Ok(topic.to_owned())
    }

    pub(super) fn record(&self, draft: &RecordDraft) -> Result<Plan, Mistake> {
        let topic = self.topic(draft)?;
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
        let reply = self.awaited(draft, &mut headers, &mut correlation_id)?;
        let record = OutgoingRecord {
            channel: topic,
            route,
            key: self.payload("key", &draft.key)?,
            value: self.payload("value", &draft.value)?,
            headers,
            timestamp_ms: draft.timestamp_ms,
        };
        let planned = PlannedRecord { cluster: self.fill("cluster", &draft.cluster)?, record, reply };
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
