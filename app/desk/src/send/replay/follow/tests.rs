use switchboard_engine::view::{Answer, ConversationItem, GroupDetail, GroupView, LetterView, PartitionLag, Query, RecordView, Snapshot};
use switchboard_model::{MessageRef, REPLAY_ID_HEADER, ToldPlace};

use super::came_back::{CLOCKS_DIFFER_NS, Came};
use super::*;
use crate::ledger::KindHash;

fn at(channel: &str, offset: i64) -> MessageRef {
    MessageRef { cluster: "c".into(), channel: channel.into(), place: Place::at(0, offset) }
}

fn letter() -> LetterKey {
    LetterKey { at: at("orders-dlt", 7), timestamp_ns: None }
}

fn record(failed_group: Option<&str>) -> LetterRecord {
    LetterRecord {
        state: LetterState::Sent(SentState::Persisted),
        kind: KindHash(1),
        replay_id: "r-1.1".into(),
        target: "orders".into(),
        written_to: Some(Place::at(2, 100)),
        failed_group: failed_group.map(str::to_owned),
        ..LetterRecord::default()
    }
}

fn dead(change: impl FnOnce(&mut LetterView)) -> LetterView {
    let mut view = LetterView { at: at("orders-dlt", 9), timestamp_ns: Some(2 * CLOCKS_DIFFER_NS), ..LetterView::default() };
    change(&mut view);
    view
}

#[test]
fn the_names_of_retry_channels_tell_a_chain_better_than_a_letter_that_had_lain_long_before_its_first_try() {
    const SECOND_NS: i64 = 1_000_000_000;
    let (cluster_ids, traced) = (BTreeMap::new(), BTreeSet::new());
    let (own_runs, retried_ns) = (BTreeSet::from(["r-1".to_owned()]), BTreeMap::from([("r-1.1".to_owned(), 3_600 * SECOND_NS)]));
    let (ends, quiet_ns) = (BTreeMap::new(), 3 * SECOND_NS);
    let round = Round {
        cluster_ids: &cluster_ids,
        targets: Vec::new(),
        traced: &traced,
        own_runs: &own_runs,
        ends: &ends,
        retried_ns: &retried_ns,
        quiet_ns,
        is_for_the_dead: &|_, _| false,
    };
    for (channel, over_s) in [("orders-retry-2000", 5), ("orders-retry-0", 3_603)] {
        let headers = vec![(REPLAY_ID_HEADER.to_owned(), Some(b"r-1.1".to_vec()))];
        let moved = RecordView { at: at(channel, 0), timestamp_ns: Some(0), headers, ..RecordView::default() };
        let channels = RetryChannels { names: [channel.to_owned()].into(), ..RetryChannels::default() };
        let mut follower = Follower::default();
        follower.take_retries(&[ConversationItem::Record(moved)], &record(None), &channels, &round);
        let retry = follower.sightings.get("r-1.1").and_then(|seen| seen.retry.clone()).expect("a retry");
        assert_eq!(retry.over_ns, Some(over_s * SECOND_NS), "{channel}");
    }
}

/// An engine that knows one group, and answers or does not.
struct Eyes {
    answers: bool,
    group: GroupView,
    committed: i64,
}

impl Observed for Eyes {
    fn snapshot(&self) -> Snapshot {
        Snapshot { groups: std::sync::Arc::new(vec![self.group.clone()]), ..Snapshot::default() }
    }

    fn query(&self, _: Query) -> crate::send::access::Answering {
        let partition = PartitionLag { partition: 2, committed: Some(self.committed), ..PartitionLag::default() };
        let detail = GroupDetail { view: self.group.clone(), partitions: vec![partition], history: Vec::new(), others: Vec::new() };
        let answer = self.answers.then(|| Answer::Group(Some(Box::new(detail))));
        Box::pin(async move { answer })
    }

    fn now_ns(&self) -> i64 {
        0
    }
}

#[tokio::test]
async fn a_group_that_nobody_answers_for_keeps_its_last_reading_with_its_age() {
    const SECOND_NS: i64 = 1_000_000_000;
    let group = GroupView { group: "stock".into(), topic: "orders".into(), cluster: Some("c".into()), ..GroupView::default() };
    let mut eyes = Eyes { answers: true, group, committed: 7 };
    let (letter, record) = (letter(), record(Some("stock")));
    let sent = Sent { letter: &letter, record: &record, cluster: "c" };
    let mut follower = Follower::default();
    let mut looked = Vec::new();
    for (at_s, answers, is_listed) in [(1, true, true), (5, false, true), (9, true, true), (10, false, true), (11, false, false)] {
        eyes.answers = answers;
        let snapshot = if is_listed { eyes.snapshot() } else { Snapshot::default() };
        let commits = follower.commits(&eyes, &snapshot, &[sent], at_s * SECOND_NS).await;
        follower.commits.clone_from(&commits);
        follower.weigh(sent, &commits, at_s * SECOND_NS);
        let seen = follower.sightings.get("r-1.1").expect("it is followed");
        looked.push((seen.waits_for.clone(), seen.is_untellable));
    }
    let stands = "stock stands at 2@7, before 2@100".to_owned();
    let aged = |age_s: u32| format!("{stands}, as it was {age_s} s ago: nobody has answered since");
    let nothing = "nothing is known of what stock has committed on orders".to_owned();
    assert_eq!(looked, [(stands.clone(), false), (aged(4), false), (stands.clone(), false), (aged(1), false), (nothing, true)]);
}

#[test]
fn a_letter_that_came_back_is_known_by_its_id_or_by_the_place_it_was_sent_to() {
    let from = |origin: &str, partition: i32, offset: i64, received_ns: i64| {
        let origin = origin.to_owned();
        dead(|view| {
            view.origin = Some(origin);
            (view.origin_place, view.received_ns) = (ToldPlace::of(Some(partition), Some(offset)), received_ns);
        })
    };
    let marked = |id: &str| dead(|view| view.replay_id = Some(id.to_owned()));
    let record = LetterRecord { intended_ns: 2 * CLOCKS_DIFFER_NS, ..record(None) };
    for (name, view, is_back) in [
        ("its id", marked("r-1.1"), true),
        ("another's id", marked("r-1.2"), false),
        ("the letter itself", LetterView { at: letter().at, ..marked("r-1.1") }, false),
        ("the record itself", LetterView { at: at("orders", 9), ..marked("r-1.1") }, false),
        ("its place", from("orders", 2, 100, 3 * CLOCKS_DIFFER_NS), true),
        ("its place, read before it was sent", from("orders", 2, 100, 2 * CLOCKS_DIFFER_NS - 1), false),
        ("another partition", from("orders", 1, 100, 3 * CLOCKS_DIFFER_NS), false),
        ("another offset", from("orders", 2, 99, 3 * CLOCKS_DIFFER_NS), false),
        ("its offset alone", LetterView { origin_place: Some(ToldPlace::Offset(100)), ..from("orders", 2, 100, 3 * CLOCKS_DIFFER_NS) }, false),
        ("another channel", from("payments", 2, 100, 3 * CLOCKS_DIFFER_NS), false),
    ] {
        let views = [view];
        assert_eq!(Came::new(&views).back(&letter(), &record, Some(&Ends::new())).is_some(), is_back, "{name}");
    }
    let views = [from("orders", 2, 100, 3 * CLOCKS_DIFFER_NS)];
    let nowhere = LetterRecord { written_to: None, ..record };
    assert!(Came::new(&views).back(&letter(), &nowhere, Some(&Ends::new())).is_none(), "the broker did not tell where it was written");
}

#[test]
fn whether_a_letter_came_back_is_told_by_its_arrival_and_its_place_and_not_by_the_clock_of_who_wrote_it() {
    const MINUTE_NS: i64 = 60_000_000_000;
    const SENT_NS: i64 = 10_000 * MINUTE_NS;
    let came = |offset: i64, timestamp_ns: Option<i64>, received_ns: i64| {
        dead(|view| {
            view.origin = Some("orders".into());
            view.origin_place = ToldPlace::of(Some(2), Some(100));
            (view.at, view.timestamp_ns, view.received_ns) = (at("orders-dlt", offset), timestamp_ns, received_ns);
        })
    };
    let sent = LetterRecord { intended_ns: SENT_NS, ..record(Some("stock")) };
    let consumed = LetterRecord { state: LetterState::Consumed, ..sent.clone() };
    let just_died = LetterKey { timestamp_ns: Some(SENT_NS - 7 * MINUTE_NS), ..letter() };
    // The channel ended at 9 when the run began.
    let own = Ends::from([("orders-dlt".to_owned(), vec![9])]);
    let elsewhere = Ends::from([("another-dlt".to_owned(), vec![50])]);
    let soon_ns = SENT_NS + MINUTE_NS;
    for (name, view, record, ends, is_back) in [
        ("its clock is right", came(9, Some(SENT_NS + 1), soon_ns), &sent, Some(&own), true),
        ("its clock is 5 min behind", came(9, Some(SENT_NS - 5 * MINUTE_NS), soon_ns), &sent, Some(&own), true),
        ("its clock was set back by a month", came(9, Some(SENT_NS - 43_200 * MINUTE_NS), soon_ns), &sent, Some(&own), true),
        ("its clock is ahead, and it was called consumed", came(9, Some(SENT_NS + 60 * MINUTE_NS), soon_ns), &consumed, Some(&own), true),
        ("it has no time", came(9, None, soon_ns), &sent, Some(&own), true),
        ("it has no time, and was called consumed", came(9, None, soon_ns), &consumed, Some(&own), true),
        ("long after it was consumed: of a channel made anew", came(9, Some(SENT_NS), SENT_NS + 60 * MINUTE_NS), &consumed, Some(&own), false),
        ("it lay there before, and is read only now", came(8, Some(SENT_NS + 1), soon_ns), &sent, Some(&own), false),
        ("it lay there before and has no time", came(8, None, soon_ns), &sent, Some(&own), false),
        ("it was read before", came(9, Some(SENT_NS + 1), SENT_NS - 1), &sent, Some(&own), false),
        ("on a channel that did not tell where it ends", came(8, None, soon_ns), &sent, Some(&elsewhere), true),
        ("on such a channel, read before", came(8, None, SENT_NS - 1), &sent, Some(&elsewhere), false),
        // Of what an earlier session sent, all is read anew, and the wall may have been set back since.
        ("earlier, its clock is 5 min behind", came(9, Some(SENT_NS - 5 * MINUTE_NS), 1), &sent, None, true),
        ("earlier, it has no time", came(9, None, 1), &sent, None, true),
        ("earlier, before the letter that was sent", came(6, Some(SENT_NS + 1), soon_ns), &sent, None, false),
        ("earlier, older than the letter that was sent", came(9, Some(SENT_NS - 8 * MINUTE_NS), soon_ns), &sent, None, false),
        ("earlier, consumed, and long after that", came(9, Some(SENT_NS + 60 * MINUTE_NS), soon_ns), &consumed, None, false),
    ] {
        let views = [view];
        assert_eq!(Came::new(&views).back(&just_died, record, ends).is_some(), is_back, "{name}");
    }
}
