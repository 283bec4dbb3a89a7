//! Made-up letters, previews and runs, for tests and pictures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use switchboard_engine::view::{
    Answer, DeadLetterView, LagVerdict, LetterOrder, LetterPage, LetterView, LettersOnly, PointQuery, Query, RecordView, RowId, ScanQuery, Snapshot,
};
use switchboard_model::{
    BreakerState, HeaderChange, HeaderChangeKind, HeaderDiff, MessageRef, OriginalRecord, Place, RawHash, Redactor, SeenRecord, ShownValue, SpanId,
    TimestampType, ToldPlace, TraceId,
};

use switchboard_desk::{
    ledger::{Ending, KindHash, LetterKey, LetterRecord, LetterState, SendId, SentState, SettledAs},
    send::edit::{Change, Changes, Difference, MaskedRecord},
    send::replay::{
        AskedLetter, AskedLetters, BreakerOnTheWay, CallsOnTheWay, CanaryLine, ChosenPace, ClusterBoard, EditBoard, Handled, HandledAs, KeyOrder, KindKey,
        PaceBounds, PartitionRule, Planned, Preview, Reader, Readers, RecordPart, ReplayAsk, ReplayBoard, ReplayOptions, RunBoard, RunPhase, SentCounts,
        ShownRecord, Sighting, SkippedLetter, TargetPlan, Writing,
    },
};

use crate::testing::{self, NOW_NS};

pub(super) const CLUSTER: &str = "lab-kafka";
pub(super) const CHANNEL: &str = "orders.placed-dlt";
const ORIGIN: &str = "orders.placed";
pub(super) const CAUSE: &str = "NullPointerException at OrderMapper:88";
const MINUTE_NS: i64 = 60_000_000_000;
const NUM_LETTERS: i64 = 298;
/// Letters of a cause that fills more than two pages.
pub(super) const NUM_MANY: i64 = 2_345;

fn dead(fingerprint: &str, count: u64, from_min: i64, to_min: i64) -> DeadLetterView {
    DeadLetterView {
        channel: CHANNEL.into(),
        channel_node: None,
        origin: Some(ORIGIN.into()),
        origin_node: None,
        fingerprint: fingerprint.into(),
        count,
        num_open: count,
        first_ns: NOW_NS - from_min * MINUTE_NS,
        last_ns: NOW_NS - to_min * MINUTE_NS,
        dialect: Some("spring".into()),
        cluster: CLUSTER.into(),
        is_among_others: false,
    }
}

/// The order business with three causes.
pub(crate) fn snapshot() -> Snapshot {
    let causes =
        vec![dead(CAUSE, 298, 29, 8), dead("UnknownSkuException: sku … is not known", 3, 300, 14), dead("schema id … unknown to the reader", 11, 15, 0)];
    Snapshot { dead_letters: Arc::new(causes), ..testing::order_business() }
}

fn letter(number: i64) -> LetterView {
    LetterView {
        row: RowId(number as u64 + 1),
        at: MessageRef { cluster: CLUSTER.into(), channel: CHANNEL.into(), place: Place::at(0, 7_718 + 3 * number) },
        timestamp_ns: Some(NOW_NS - 29 * MINUTE_NS + number * 4_000_000_000),
        received_ns: NOW_NS - 29 * MINUTE_NS + number * 4_000_000_000,
        key: Some(format!("{}", 4_702 + number).into_bytes()),
        value_size_bytes: 412,
        origin: Some(ORIGIN.into()),
        origin_place: ToldPlace::of(Some((number % 4) as i32), Some(18_190 + 7 * number)),
        origin_group: Some("inventory".into()),
        exception: Some("java.lang.NullPointerException".into()),
        message: Some("shipTo is null".into()),
        attempts: Some(10),
        schema_id: Some(57),
        trace_id: Some(TraceId(0x19ab_4c20_c470_0000_0000_0000_0000_0001 + number as u128)),
        raw_hash: RawHash(number as u128),
        dialect: Some("spring".into()),
        ..LetterView::default()
    }
}

pub(super) fn key(number: i64) -> LetterKey {
    LetterKey::of(&letter(number))
}

fn record(number: i64) -> RecordView {
    let value = format!(
        "{{\"orderId\":{},\"customer\":\"c-1182\",\"lines\":[{{\"sku\":\"AX-19\",\"quantity\":2}}],\"shipTo\":null,\"placedAt\":\"2026-11-21T13:41:34.731Z\"}}",
        4_702 + number
    );
    let header = |name: &str, value: &[u8]| (name.to_owned(), Some(value.to_vec()));
    RecordView {
        row: RowId(number as u64 + 1),
        at: MessageRef { cluster: CLUSTER.into(), channel: CHANNEL.into(), place: Place::None },
        value_size_bytes: value.len() as u32,
        value: Some(value.into_bytes()),
        headers: vec![
            header("traceparent", b"00-19ab4c20c4700000000000000000000a-b7ad6b7169203331-01"),
            header("ce_type", b"OrderPlaced"),
            header("kafka_dlt-original-topic", ORIGIN.as_bytes()),
            header("kafka_dlt-original-offset", &18_204_i64.to_be_bytes()),
            header("kafka_dlt-exception-message", b"shipTo is null"),
            header("authorization", b"redacted:ab12cd"),
        ],
        headers_readable: true,
        ..RecordView::default()
    }
}

/// So many letters, as an engine would list them.
pub(super) fn page(num: i64, order: &LetterOrder, skip: usize, limit: usize) -> Answer {
    let place = |view: &LetterView| (view.at.clone(), view.timestamp_ns);
    let mut letters: Vec<LetterView> = (0..num).map(letter).collect();
    let mut page = LetterPage { skipped: skip as u64, num_stored: num as u64, ..LetterPage::default() };
    page.last_received_ns = letters.last().map(|view| view.received_ns);
    if let LetterOrder::OpenFirst { dealt_with, only } = order {
        page.num_dealt_with = letters.iter().filter(|view| dealt_with.contains(&place(view))).count() as u64;
        letters.retain(|view| match only {
            LettersOnly::All => true,
            LettersOnly::Open => !dealt_with.contains(&place(view)),
            LettersOnly::These(these) => these.contains(&place(view)),
        });
        letters.reverse();
        letters.sort_by_key(|view| dealt_with.contains(&place(view)));
    }
    page.total = letters.len() as u64;
    page.letters = letters.into_iter().skip(skip).take(limit).collect();
    Answer::DeadLetters(page)
}

/// Answers as where a cause has more letters than fit on a page.
pub(super) fn answer_of_many(query: &Query) -> Option<Answer> {
    match query {
        Query::Scan(ScanQuery::DeadLetters { order, skip, limit, .. }) => Some(page(NUM_MANY, order, *skip, *limit)),
        other => answer(other),
    }
}

/// Answers what the view asks.
pub(crate) fn answer(query: &Query) -> Option<Answer> {
    match query {
        Query::Scan(ScanQuery::DeadLetters { fingerprint, order, skip, limit, .. }) => {
            Some(page(if fingerprint == CAUSE { NUM_LETTERS } else { 3 }, order, *skip, *limit))
        }
        Query::Point(PointQuery::RecordDetails { rows }) => Some(Answer::RecordDetails(rows.iter().map(|row| Some(record(row.0 as i64 - 1))).collect())),
        Query::Point(PointQuery::Conversation { .. }) => Some(Answer::Conversation(Vec::new())),
        _ => None,
    }
}

/// Nothing was done yet, and the cluster may be written to as said.
pub(crate) fn board(writing: Writing) -> ReplayBoard {
    ReplayBoard { version: 1, letters_version: 1, clusters: Arc::new(vec![ClusterBoard { name: CLUSTER.into(), writing }]), ..ReplayBoard::default() }
}

pub(super) fn read_only() -> Writing {
    Writing::ReadOnly("`lab-kafka` is read-only: its profile does not allow writes. Set write = true in its [[kafka]] table in the profile".into())
}

fn readers(lag: u64) -> Readers {
    let reader = |group: &str, lag: u64, verdict: LagVerdict| Reader {
        group: group.into(),
        has_failed: group == "inventory",
        lag: Some(lag),
        lag_s: Some(lag as f64 / 30.0),
        verdict,
        severity: verdict.severity(Some(lag), None),
        sentence: verdict.word().to_owned(),
        num_members: Some(2),
        services: vec![group.into()],
        ..Reader::default()
    };
    let call = |from: &str, to: &str, num_recent: u64, num_recent_errors: u64| CallsOnTheWay {
        from: from.into(),
        to: to.into(),
        num_recent,
        num_recent_errors,
        num: 40 * num_recent,
        num_errors: 10 * num_recent_errors,
        groups: vec![from.into()],
    };
    let breaker = |caller: &str, guards: &str, state: BreakerState| BreakerOnTheWay {
        caller: caller.into(),
        guards: guards.into(),
        state: Some(state),
        instances: (1, 2),
        groups: vec![caller.into()],
    };
    Readers {
        groups: vec![
            reader("inventory", lag, if lag > 100 { LagVerdict::Growing } else { LagVerdict::Ok }),
            reader("fraud", 212, LagVerdict::Ok),
            reader("notifications", 0, LagVerdict::Ok),
            reader("shipping", 0, LagVerdict::Ok),
        ],
        calls: vec![call("inventory", "postgres", 120, 0), call("fraud", "scores", 48, 2), call("shipping", "ups-gateway", 31, 0)],
        breakers: vec![breaker("inventory", "postgres", BreakerState::Closed), breaker("shipping", "ups-gateway", BreakerState::HalfOpen)],
    }
}

fn change(name: &str, kind: HeaderChangeKind, value: &[u8], redacted: bool) -> HeaderChange {
    let shown = Some(ShownValue { bytes: Some(value.to_vec()), redacted });
    match kind {
        HeaderChangeKind::Removed { .. } => HeaderChange { name: name.into(), kind, before: shown, after: None },
        HeaderChangeKind::Added => HeaderChange { name: name.into(), kind, before: None, after: shown },
        _ => HeaderChange { name: name.into(), kind, before: shown.clone(), after: shown },
    }
}

fn planned(number: i64) -> Planned {
    let spring = HeaderChangeKind::Removed { dialect: "spring" };
    let changes = vec![
        change("traceparent", HeaderChangeKind::Kept, b"00-19ab4c20c4700000000000000000000a-b7ad6b7169203331-01", false),
        change("ce_type", HeaderChangeKind::Kept, b"OrderPlaced", false),
        change("kafka_dlt-original-topic", spring, ORIGIN.as_bytes(), false),
        change("kafka_dlt-original-offset", spring, &18_204_i64.to_be_bytes(), false),
        change("kafka_dlt-exception-message", spring, b"shipTo is null", false),
        change("authorization", HeaderChangeKind::Kept, b"redacted:ab12cd", true),
        change("x-switchboard-replay-id", HeaderChangeKind::Added, format!("r-7f3k9q2m1a.{}", number + 1).as_bytes(), false),
        change("x-switchboard-source", HeaderChangeKind::Added, b"orders.placed-dlt/0/7718", false),
        change("x-switchboard-replay-count", HeaderChangeKind::Added, b"1", false),
    ];
    let value = record(number).value;
    let shown = ShownRecord {
        key: None,
        value_size_bytes: value.as_ref().map_or(0, Vec::len),
        value,
        redacted: false,
        changed: Vec::new(),
        diff: HeaderDiff { changes },
    };
    Planned {
        asked: AskedLetter {
            letter: key(number),
            kind: KindHash::of(Some(ORIGIN), CAUSE),
            is_dead: true,
            raw_hash: RawHash(number as u128),
            planned_hash: None,
            origin: Some(ORIGIN.into()),
            origin_place: Some(ToldPlace::Partition(0)),
            failed_group: Some("inventory".into()),
            replay_count: 0,
            trace_id: None,
            retried_ns: None,
        },
        target: ORIGIN.into(),
        replay_id: format!("r-7f3k9q2m1a.{}", number + 1),
        hash: RawHash(0x9f86_d081_884c_7d65_9a2f_eaa0_c55a_d015 + number as u128),
        source_hash: RawHash(7 + number as u128),
        edited: false,
        size_bytes: 613,
        partition: Some(0),
        replay_count: 1,
        shown: Some(Arc::new(shown)),
    }
}

/// A preview of all letters of the first cause, of which two have expired.
pub(crate) fn previewed(writing: Writing) -> ReplayBoard {
    let reason = "expired: the partition begins at offset 7724 by now".to_owned();
    let letters = AskedLetters::These((0..NUM_LETTERS).map(|number| planned(number).asked).collect());
    let ask = ReplayAsk {
        cluster: CLUSTER.into(),
        target: ORIGIN.into(),
        letters,
        num_stored: NUM_LETTERS as u64,
        plan_key: None,
        options: ReplayOptions::default(),
    };
    let preview = Preview {
        file: None,
        ask: Arc::new(ask),
        from: CLUSTER.into(),
        from_id: Some("lkc-7d1f".into()),
        replay_id: "r-7f3k9q2m1a".into(),
        cluster: CLUSTER.into(),
        cluster_id: Some("lkc-7d1f".into()),
        targets: vec![TargetPlan {
            channel: ORIGIN.into(),
            num: NUM_LETTERS as usize - 2,
            size_bytes: 613 * (NUM_LETTERS as usize - 2),
            partitions: PartitionRule::AsOriginal { num_partitions: 4 },
            size_limit: Ok(1_048_588),
        }],
        planned: (2..NUM_LETTERS).map(planned).collect(),
        key_order: KeyOrder { num_keys: 41, num_kept: 39, num_turned: 2, num_unread: 2, ..KeyOrder::default() },
        skipped: (0..2).map(|number| SkippedLetter { letter: key(number), reason: reason.clone() }).collect(),
        num_stored: NUM_LETTERS as u64,
        ranges: None,
        num_first: 5,
        rate_per_s: 10,
        bounds: PaceBounds { num_first: 5, rate_per_s: 10, rate_cap: Some(50) },
        readers: readers(0),
        failed_groups: BTreeMap::from([(ORIGIN.to_owned(), BTreeSet::from(["inventory".to_owned()]))]),
        writing: writing.clone(),
        read_ns: NOW_NS,
    };
    ReplayBoard { version: 2, preview: Some(Arc::new(preview)), ..board(writing) }
}

/// The same preview at a pace that was chosen.
pub(crate) fn paced(num_first: Option<u32>, rate_per_s: Option<u32>) -> ReplayBoard {
    let mut board = previewed(Writing::Allowed);
    let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
    let pace = ChosenPace { num_first, rate_per_s };
    (preview.num_first, preview.rate_per_s) = preview.bounds.choose(pace).expect("it is let");
    let options = ReplayOptions { pace, ..preview.options().clone() };
    preview.ask = Arc::new(ReplayAsk { options, ..ReplayAsk::clone(&preview.ask) });
    ReplayBoard { version: 4, ..board }
}

fn sent(number: i64, state: LetterState) -> (LetterKey, LetterRecord) {
    let record = LetterRecord {
        kind: KindHash::of(Some(ORIGIN), CAUSE),
        send_id: Some(SendId(number)),
        cluster_id: "lkc-7d1f".into(),
        target_cluster_id: "lkc-7d1f".into(),
        failed_group: Some("inventory".into()),
        intended_ns: NOW_NS - MINUTE_NS,
        replay_id: format!("r-7f3k9q2m1a.{}", number + 1),
        target: ORIGIN.into(),
        written_to: Some(Place::at(0, 20_000 + number)),
        reason: match state {
            LetterState::Consumed => format!("inventory past 0@{}", 20_000 + number),
            LetterState::DeadAgain => "back on orders.placed-dlt 0@8812".into(),
            _ => String::new(),
        },
        at_ns: NOW_NS - 30_000_000_000,
        parked_by: None,
        state,
    };
    (key(number), record)
}

/// A run with so many tried: the first five as they stand, the others consumed, sent or in doubt.
pub(crate) fn running(phase: &RunPhase, num_tried: usize) -> ReplayBoard {
    let state = |number: i64| match (phase, number - 2) {
        (RunPhase::Canary | RunPhase::Watching, 4) => LetterState::Sent(SentState::Persisted),
        (RunPhase::Ended(Ending::Halted, _), 2) => LetterState::DeadAgain,
        (_, 7) => LetterState::Sent(SentState::Possibly),
        (RunPhase::Rest, place) if place as usize + 12 > num_tried => LetterState::Sent(SentState::Persisted),
        _ => LetterState::Consumed,
    };
    let mut letters: BTreeMap<LetterKey, LetterRecord> = (2..2 + num_tried as i64).map(|number| sent(number, state(number))).collect();
    if num_tried > 5 {
        let (letter, record) = sent(9, LetterState::Sent(SentState::Possibly));
        letters.insert(letter, record);
    }
    let canary = (2..7_i64)
        .map(|number| CanaryLine {
            letter: key(number),
            outcome: Some(SettledAs::Done),
            state: state(number),
            evidence: sent(number, state(number)).1.reason,
            seen: Sighting {
                new_trace: (state(number) == LetterState::Consumed).then_some((TraceId(0x5be0_0000_0000_0000_0000_0000_0000_00a0 + number as u128), SpanId(7))),
                ..Sighting::default()
            },
            at_ns: NOW_NS - 30_000_000_000,
        })
        .collect();
    let count = |wanted: fn(&LetterState) -> bool| letters.values().filter(|record| wanted(&record.state)).count();
    let possibly_persisted = count(|state| *state == LetterState::Sent(SentState::Possibly));
    let counts = SentCounts { waiting: 296 - num_tried, persisted: num_tried - possibly_persisted, possibly_persisted, ..SentCounts::default() };
    let handled: Vec<Handled> = letters
        .iter()
        .map(|(letter, record)| Handled { timestamp_ns: letter.timestamp_ns, outcome: HandledAs::of(&record.state).expect("it was dealt with") })
        .collect();
    let kind = KindKey { cluster: CLUSTER.into(), channel: CHANNEL.into(), kind: KindHash::of(Some(ORIGIN), CAUSE) };
    let run = RunBoard {
        replay_id: "r-7f3k9q2m1a".into(),
        cluster: CLUSTER.into(),
        targets: vec![ORIGIN.into()],
        ended_ns: phase.is_ended().then_some(NOW_NS),
        phase: phase.clone(),
        counts,
        num_consumed: count(|state| *state == LetterState::Consumed),
        num_read: 0,
        num_retried: 0,
        num_dead_again: count(|state| *state == LetterState::DeadAgain),
        canary,
        held_back: String::new(),
        others: BTreeSet::new(),
        waits_for: String::new(),
        is_untellable: false,
        readers: readers(142),
        started_ns: NOW_NS - 48_000_000_000,
        rate_per_s: 10,
        lag_limit: 500,
    };
    ReplayBoard {
        version: 3,
        letters_version: 3,
        letters: Arc::new(letters),
        handled: Arc::new(BTreeMap::from([(kind, handled)])),
        run: Some(Arc::new(run)),
        ..previewed(Writing::Allowed)
    }
}

/// The third cause is parked.
pub(super) fn parked(mut board: ReplayBoard) -> ReplayBoard {
    board.letters_version += 1;
    let kind = KindKey { cluster: CLUSTER.into(), channel: CHANNEL.into(), kind: KindHash::of(Some(ORIGIN), "UnknownSkuException: sku … is not known") };
    let mut handled = BTreeMap::clone(&board.handled);
    handled.insert(kind, vec![Handled { timestamp_ns: None, outcome: HandledAs::Parked }; 3]);
    board.handled = Arc::new(handled);
    board
}

/// Everything is parked.
pub(super) fn all_parked() -> ReplayBoard {
    let parked = |view: &DeadLetterView| {
        let kind = KindHash::of(view.origin.as_deref(), &view.fingerprint);
        let key = KindKey { cluster: view.cluster.clone(), channel: view.channel.clone(), kind };
        (key, vec![Handled { timestamp_ns: None, outcome: HandledAs::Parked }; view.count as usize])
    };
    let handled = snapshot().dead_letters.iter().map(parked).collect();
    ReplayBoard { letters_version: 20, handled: Arc::new(handled), ..board(Writing::Allowed) }
}

/// A letter as it is asked for.
pub(crate) fn asked(number: i64) -> AskedLetter {
    AskedLetter::of(&letter(number), KindHash::of(Some(ORIGIN), CAUSE))
}

/// A preview in which every letter is edited.
pub(crate) fn edited() -> ReplayBoard {
    let mut board = previewed(Writing::Allowed);
    let preview = Arc::make_mut(board.preview.as_mut().expect("a preview"));
    let order =
        |parcels: u8| Some(format!("{{\"order\":4704,\"customer\":\"customer-3\",\"parcels\":{parcels},\"shipTo\":{{\"country\":\"DE\"}}}}").into_bytes());
    for planned in &mut preview.planned {
        planned.edited = true;
        if let Some(shown) = &mut planned.shown {
            let shown = Arc::make_mut(shown);
            shown.value = order(1);
            let difference = Difference::of(order(0).as_deref(), shown.value.as_deref(), std::time::Duration::from_secs(1)).expect("another");
            shown.changed = vec![(RecordPart::Value, difference)];
        }
    }
    let changes = Changes { to_all: vec![Change::Set { path: "parcels".parse().expect("a path"), json: "1".into() }], ..Changes::default() };
    let ask = ReplayAsk { options: ReplayOptions { changes: Arc::new(changes), ..ReplayOptions::default() }, ..ReplayAsk::clone(&preview.ask) };
    preview.ask = Arc::new(ask);
    board
}

/// The same preview, beside which a letter was read again to be edited.
pub(crate) fn editing(asked: &AskedLetter, value: &[u8], has_secrets: bool) -> ReplayBoard {
    let record = OriginalRecord {
        seen: SeenRecord { at: asked.letter.at.clone(), raw_hash: asked.raw_hash },
        key: Some(b"4999".to_vec()),
        value: Some(value.to_vec()),
        headers: Vec::new(),
        timestamp_ms: None,
        timestamp_type: TimestampType::Create,
    };
    let editing = EditBoard { letter: asked.letter.clone(), read: Some(Ok(record)), has_secrets, masked: None };
    ReplayBoard { editing: Some(Arc::new(editing)), ..previewed(Writing::Allowed) }
}

/// The same, with the secrets that are found in it masked.
pub(crate) fn editing_masked(asked: &AskedLetter, value: &[u8]) -> ReplayBoard {
    let mut board = editing(asked, value, true);
    let editing = Arc::make_mut(board.editing.as_mut().expect("it is edited"));
    let record = editing.read.as_ref().and_then(|read| read.as_ref().ok()).expect("it was read");
    editing.masked = MaskedRecord::of(record, &Redactor::new([7; 16], &[])).map(Arc::new);
    board
}
