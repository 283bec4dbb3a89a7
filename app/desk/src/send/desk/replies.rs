//! The reply to a record, looked for among what the session reads anyway: nothing is connected to for it.

use std::sync::Arc;
use std::time::Duration;

use switchboard_engine::view::{Answer, ChannelKey, NodeKind, PointQuery, Query, RecordView, RowId, ScanQuery, Snapshot};
use switchboard_model::CorrelationId;

use super::Office;
use crate::operations::Teller;
use crate::send::access::RecordSender;
use crate::send::board::{Reply, SentId};
use crate::send::plan::AwaitedReply;

/// Between two looks whether it came.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// Records that hold the id and are looked at closer in one look.
const CANDIDATES_MAX: usize = 64;

/// A reply that is awaited from before its record is sent.
pub(super) struct Awaiting<'a> {
    office: &'a Arc<Office>,
    cluster: String,
    reply: AwaitedReply,
    /// What lay there before was looked at up to here.
    up_to: Option<RowId>,
    since_ns: i64,
}

impl<'a> Awaiting<'a> {
    /// Notes how far the topic was read before anything is sent.
    pub(super) async fn begin(office: &'a Arc<Office>, cluster: &str, reply: &AwaitedReply, teller: &Teller<()>) -> Self {
        let mut awaiting = Self { office, cluster: cluster.to_owned(), reply: reply.clone(), up_to: None, since_ns: 0 };
        tokio::select! {
            biased;
            () = teller.cancelled() => {}
            () = async { while awaiting.look().await.1 {} } => {}
        }
        awaiting.since_ns = office.now_ns();
        awaiting
    }

    /// Waits for it, and shows it or why none came. Told to stop, it is not waited for any longer.
    pub(super) async fn reply(mut self, sent_id: SentId, sender: &dyn RecordSender, teller: &Teller<()>) {
        let office = self.office;
        let is_awaited = office.board.lock().sent.iter().any(|sent| sent.sent_id == sent_id && sent.reply == Some(Reply::Awaited));
        if !is_awaited {
            return;
        }
        let reply = tokio::select! {
            biased;
            () = teller.cancelled() => Reply::Missing("It was not waited for any longer".to_owned()),
            reply = self.wait(sender) => reply,
        };
        office.ends(sent_id, |sent| sent.reply = Some(reply));
    }

    async fn wait(&mut self, sender: &dyn RecordSender) -> Reply {
        let topic = self.reply.topic.clone();
        if let Reading::NotRead(reason) = reading(&self.office.config.observed.snapshot(), &self.cluster, &topic) {
            return Reply::Missing(not_read(&topic, &reason));
        }
        let until = tokio::time::Instant::now() + Duration::from_secs_f64(self.reply.within_s);
        loop {
            let (found, has_more) = self.look().await;
            if let Some(record) = found {
                let took_ns = (record.received_ns - self.since_ns).max(0);
                return Reply::Came { record: Arc::new(record), took_ns };
            }
            if tokio::time::Instant::now() >= until {
                break;
            }
            if !has_more {
                tokio::time::sleep_until((tokio::time::Instant::now() + LOOK_EVERY).min(until)).await;
            }
        }
        let within = format!("No reply within {} s. ", self.reply.within_s);
        Reply::Missing(match reading(&self.office.config.observed.snapshot(), &self.cluster, &topic) {
            Reading::NotRead(reason) => within + &not_read(&topic, &reason),
            Reading::Unknown => match sender.num_partitions(&topic).await {
                Ok(_) => within + &not_read(&topic, "the session knows nothing of it yet"),
                Err(reason) => format!("{within}{topic} may not be there: {reason}. Make it, or name another reply topic"),
            },
            Reading::Read => format!(
                "{within}{topic} is read, and nothing on it had this id in {}. Whoever answers may be slow, may not have read the record, or writes the id into another header",
                self.reply.id_header
            ),
        })
    }

    /// Looks through what came since the last look; whether there is more to look through.
    async fn look(&mut self) -> (Option<RecordView>, bool) {
        let channel = ChannelKey { cluster: Some(self.cluster.clone()), name: self.reply.topic.clone() };
        let query = ScanQuery::RecordMatches { channel, text: id_text(&self.reply.id), after: self.up_to, limit: CANDIDATES_MAX };
        let Some(Answer::RecordMatches(found)) = self.office.config.observed.query(Query::Scan(query)).await else { return (None, false) };
        let is_further = found.up_to > self.up_to;
        self.up_to = self.up_to.max(found.up_to);
        // Before anything was sent nothing can be its reply.
        let rows: Vec<RowId> = if self.since_ns == 0 { Vec::new() } else { found.rows.iter().map(|line| line.row).collect() };
        if !rows.is_empty()
            && let Some(Answer::RecordDetails(records)) = self.office.config.observed.query(Query::Point(PointQuery::RecordDetails { rows })).await
            && let Some(record) = records.into_iter().flatten().find(|record| is_reply(record, &self.reply))
        {
            return (Some(record), false);
        }
        (None, found.has_more && is_further)
    }
}

/// The id as a scan finds it.
fn id_text(id: &[u8]) -> String {
    match std::str::from_utf8(id) {
        Ok(text) if !text.bytes().any(|byte| byte.is_ascii_control()) => text.to_owned(),
        _ => match CorrelationId::parse(id) {
            Some(CorrelationId::Wide(wide)) => uuid_text(wide),
            Some(other) => other.to_string(),
            None => String::new(),
        },
    }
}

fn uuid_text(wide: u128) -> String {
    let hex = format!("{wide:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// Whether a record has the id in the header that is meant, however it is written.
fn is_reply(record: &RecordView, reply: &AwaitedReply) -> bool {
    let wanted = CorrelationId::parse(&reply.id);
    let is_it = |value: &[u8]| value == reply.id || CorrelationId::parse(value) == wanted;
    record.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case(&reply.id_header) && value.as_deref().is_some_and(is_it))
}

/// Whether a topic's records are read here.
#[derive(Debug, PartialEq)]
enum Reading {
    Read,
    NotRead(String),
    Unknown,
}

fn reading(snapshot: &Snapshot, cluster: &str, topic: &str) -> Reading {
    let is_topic = |node_id| snapshot.topology.nodes.iter().any(|node| node.node_id == node_id && node.kind == NodeKind::Channel && node.name == topic);
    let known = snapshot.figures.channels.iter().find(|channel| channel.cluster.as_deref() == Some(cluster) && is_topic(channel.node_id));
    match known.map(|channel| channel.not_tailed.clone()) {
        Some(None) => Reading::Read,
        Some(Some(reason)) => Reading::NotRead(reason),
        None => Reading::Unknown,
    }
}

fn not_read(topic: &str, reason: &str) -> String {
    format!("The records of {topic} are not read here ({reason}), so a reply cannot be seen. Set it to be read with its source, and send again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn awaited(id: &[u8]) -> AwaitedReply {
        AwaitedReply { topic: "replies".to_owned(), id_header: "kafka_correlationId".to_owned(), id: id.to_vec(), within_s: 10.0 }
    }

    #[test]
    fn a_reply_is_known_by_its_id_however_that_is_written() {
        let raw: [u8; 16] = std::array::from_fn(|at| at as u8 * 16 + 3);
        let text = uuid_text(u128::from_be_bytes(raw));
        let record = |name: &str, value: &[u8]| RecordView { headers: vec![(name.to_owned(), Some(value.to_vec()))], ..RecordView::default() };
        for (of, reply, is_one) in [
            (&raw[..], record("kafka_correlationId", &raw), true),
            (&raw[..], record("KAFKA_CORRELATIONID", text.as_bytes()), true),
            (text.as_bytes(), record("kafka_correlationId", &raw), true),
            (b"order-1", record("kafka_correlationId", b"order-1"), true),
            (b"order-1", record("kafka_correlationId", b"order-11"), false),
            (b"order-1", record("x-other", b"order-1"), false),
        ] {
            assert_eq!(is_reply(&reply, &awaited(of)), is_one, "{reply:?}");
        }
        assert_eq!((id_text(&raw), id_text(b"order-1").as_str(), id_text(&[0xff, 1]).as_str()), (text, "order-1", "ff01"));
    }

    #[test]
    fn a_topic_that_nobody_knows_of_is_neither_read_nor_not_read() {
        assert_eq!(reading(&Snapshot::default(), "shop", "replies"), Reading::Unknown);
    }
}
