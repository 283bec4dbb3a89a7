//! Whatever is composed lies on the broker as it was composed, byte for byte, and is seen so; what it carries besides comes after what is its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use proptest::prelude::*;
use switchboard_desk::send::draft::{Draft, HeaderDraft, Payload, RecordDraft, Request};
use switchboard_desk::send::{SendAsk, SendCommand, Status};
use switchboard_kafka::testing::sending::read_all;
use switchboard_model::{OriginalRecord, RawHeader};

use crate::byte_exact::{NUM_PARTITIONS, browsed, bytes, hold, name, shows};
use crate::cluster::Cluster;
use crate::session::{Replaying, until};

/// The most records that are composed in one session.
const NUM_RECORDS: usize = 12;
/// What a record carries besides, unless it has a header of this name: in this order.
const CARRIED: [&str; 2] = ["traceparent", "x-correlation-id"];
/// The seconds that it may say it was written before now.
const AGO_S: u64 = 3_600;

/// A way to write a payload.
#[derive(Clone, Debug)]
enum Written {
    Null,
    Text(String),
    Json(String),
    /// With spaces between, and in capitals or not.
    Hex(Vec<u8>, bool),
    File(Vec<u8>),
}

/// A record that is composed.
#[derive(Clone, Debug)]
struct Case {
    key: Written,
    value: Written,
    headers: Vec<(String, Written)>,
    partition: Option<i32>,
    ago_ms: Option<u64>,
    carries: bool,
}

/// Text in which no variable stands.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,40}", "[\\x00-\\x7f]{0,40}", Just(String::new())].prop_filter("a variable", |text| !text.contains("{{"))
}

fn json() -> impl Strategy<Value = String> {
    r#"[ \n\t]{0,3}(\{ ?"é" ?:[ ]{0,2}"\\u00e9\\/",\n?"parcels":[ ]{0,3}-?[1-9][0-9]{0,30}\.50e\+3 ?\}|\[null , "[a-z]{0,9}"\]|true)[ \n]{0,2}"#
}

fn written() -> impl Strategy<Value = Written> {
    prop_oneof![
        1 => Just(Written::Null),
        2 => text().prop_map(Written::Text),
        2 => json().prop_map(Written::Json),
        2 => (bytes(), any::<bool>()).prop_map(|(bytes, is_upper)| Written::Hex(bytes, is_upper)),
        1 => bytes().prop_map(Written::File),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let headers = prop::collection::vec((name().prop_filter("a variable", |name| !name.contains("{{")), written()), 0..6);
    let partition = prop::option::of(0..NUM_PARTITIONS);
    let fields = (written(), written(), headers, partition, prop::option::of(0..AGO_S * 1_000), any::<bool>());
    fields.prop_map(|(key, value, headers, partition, ago_ms, carries)| Case { key, value, headers, partition, ago_ms, carries })
}

impl Written {
    /// As a draft has it; files are written into the folder under new names.
    fn payload(&self, folder: &Path, num_files: &mut usize) -> Payload {
        match self {
            Self::Null => Payload::Null,
            Self::Text(text) => Payload::Text(text.clone()),
            Self::Json(text) => Payload::Json(text.clone()),
            Self::Hex(bytes, is_upper) => {
                let digits = |byte: &u8| if *is_upper { format!("{byte:02X} ") } else { format!("{byte:02x}") };
                Payload::Hex(bytes.iter().map(digits).collect())
            }
            Self::File(bytes) => {
                *num_files += 1;
                let name = format!("body-{num_files}.bin");
                std::fs::write(folder.join(&name), bytes).expect("written");
                Payload::File(name)
            }
        }
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Null => None,
            Self::Text(text) | Self::Json(text) => Some(text.clone().into_bytes()),
            Self::Hex(bytes, _) | Self::File(bytes) => Some(bytes.clone()),
        }
    }
}

impl Case {
    fn draft(&self, channel: &str, folder: &Path, now_ms: i64, num_files: &mut usize) -> Draft {
        let mut record = RecordDraft {
            topic: channel.to_owned(),
            partition: self.partition,
            key: self.key.payload(folder, num_files),
            value: self.value.payload(folder, num_files),
            headers: Vec::new(),
            timestamp_ms: self.ago_ms.map(|ago_ms| now_ms - ago_ms.cast_signed()),
            ..RecordDraft::default()
        };
        record.headers =
            self.headers.iter().map(|(name, value)| HeaderDraft { name: name.clone(), value: value.payload(folder, num_files), off: false }).collect();
        if !self.carries {
            (record.carries.traceparent, record.carries.correlation_header) = (false, String::new());
        }
        Draft { name: String::new(), request: Request::Record(record) }
    }

    /// Fails unless this is what lies there.
    fn lies(&self, lies: &OriginalRecord, now_ms: i64) {
        assert_eq!((&lies.key, &lies.value), (&self.key.bytes(), &self.value.bytes()));
        let own: Vec<RawHeader> = self.headers.iter().map(|(name, value)| RawHeader { name: name.clone(), value: value.bytes() }).collect();
        let (first, rest) = lies.headers.split_at_checked(own.len()).expect("its headers");
        assert!(first == own, "{first:?}\n{own:?}");
        let carried: Vec<&str> = CARRIED.into_iter().filter(|name| self.carries && !own.iter().any(|own| own.name.eq_ignore_ascii_case(name))).collect();
        assert_eq!(rest.iter().map(|header| header.name.as_str()).collect::<Vec<_>>(), carried);
        assert!(rest.iter().all(|header| header.value.as_ref().is_some_and(|value| !value.is_empty())), "{rest:?}");
        match self.ago_ms {
            Some(ago_ms) => assert_eq!(lies.timestamp_ms, Some(now_ms - ago_ms.cast_signed())),
            None => assert!(lies.timestamp_ms >= Some(now_ms)),
        }
    }
}

pub async fn any_record(cluster: impl AsyncFn() -> Cluster) {
    hold(prop::collection::vec(case(), 1..=NUM_RECORDS), cluster, async |cluster, cases| arrive(cluster, cases).await).await;
}

/// Records are composed, sent one after the other, and read.
async fn arrive(cluster: &Cluster, cases: &[Case]) {
    let channel = cluster.place.target.clone();
    let folder = tempfile::tempdir().expect("a folder");
    let replaying = Replaying::start_reading(&cluster.place, folder.path(), &channel);
    until("cluster id", || replaying.session.snapshot().sources.iter().any(|source| source.cluster_id.is_some()).then_some(())).await;
    let now_ms = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let (mut places, mut num_files) = (BTreeMap::new(), 0);
    for case in cases {
        let place = sent(&replaying, case.draft(&channel, folder.path(), now_ms, &mut num_files)).await;
        assert!(case.partition.is_none_or(|partition| partition == place.0), "{place:?}");
        assert!(places.insert(place, case).is_none(), "two lie at {place:?}");
    }
    let all = read_all(cluster.brokers(), &channel, cases.len());
    assert_eq!(all.len(), cases.len());
    let browsed = until("records", || Some(browsed(&replaying, &channel)).filter(|found| found.len() == all.len())).await;
    for record in &all {
        let place = (record.seen.at.place.partition().expect("a partition"), record.seen.at.place.offset().expect("an offset"));
        places.get(&place).expect("it was sent").lies(record, now_ms);
        shows(&browsed[&place], record);
    }
    replaying.session.stop().await;
}

/// Sends a record by hand; where it lies, as the broker told.
async fn sent(replaying: &Replaying, draft: Draft) -> (i32, i64) {
    let num_before = replaying.session.send_board().sent.len();
    let ask = SendAsk { draft: Arc::new(draft), environment: None, given: BTreeMap::new(), by_hand: false, is_probe: false };
    replaying.session.send(SendCommand::Send(ask));
    let sent = until("outcome", || {
        let board = replaying.session.send_board();
        let is_asked = board.asking.is_some() || board.mistake.is_some() || board.refusal.is_some();
        assert!(!is_asked, "{:?} {:?} {:?}", board.asking, board.mistake, board.refusal);
        board.sent.first().filter(|sent| board.sent.len() > num_before && !sent.is_going()).cloned()
    });
    let sent = sent.await;
    match &sent.answer.status {
        Some(Status::Persisted { at: Some(place) }) => (place.partition().expect("a partition"), place.offset().expect("an offset")),
        other => panic!("{other:?} {:?}", sent.settled),
    }
}
