//! Records of several channels in one replay, each to its own.

use rusqlite::Connection;

use super::*;
use crate::send::replay::{AskedRange, PartitionRule, RangeOf, ReplayTarget, TargetPlan, read_plan};

const PAYMENTS: &str = "payments";
const COPY: &str = "payments-copy";
const SHIPMENTS: &str = "shipments";

/// Each to its own, but those of payments to a copy.
fn own() -> ReplayTarget {
    ReplayTarget::Own(BTreeMap::from([(PAYMENTS.to_owned(), COPY.to_owned())]))
}

fn asks(target: ReplayTarget, letters: AskedLetters) -> ReplayAsk {
    ReplayAsk { cluster: CLUSTER.into(), target, num_stored: 7, letters, plan_key: None, options: ReplayOptions::default() }
}

/// A record by its place alone.
fn lies(channel: &str, offset: i64) -> AskedLetter {
    AskedLetter::at(at(channel, offset))
}

fn planned(board: &ReplayBoard) -> Vec<(i64, &str)> {
    let preview = board.preview.as_ref().unwrap_or_else(|| panic!("{:?}", board.refusal));
    preview.planned.iter().map(|planned| (planned.asked.letter.at.place.offset().unwrap_or(-1), planned.target.as_str())).collect()
}

#[tokio::test]
async fn each_record_goes_to_its_own_channel_and_stands_so_in_the_ledger() {
    let world = World { smaller: BTreeMap::from([(SHIPMENTS.to_owned(), 8), (COPY.to_owned(), 100_000)]), ..World::new(12) };
    world.group("audit", COPY, Some(0), Some(1));
    world.group("shippers", SHIPMENTS, Some(0), Some(1));
    world.group("billing", PAYMENTS, Some(0), Some(1));
    let desk = Desk::new(world);
    let mut letters: Vec<AskedLetter> = (0..5).map(asked).collect();
    // What lies among the dead and is known by its place alone has nowhere to go, and one is too large there.
    letters.extend([lies(TARGET, 5), lies(PAYMENTS, 6), lies(DEAD, 7), lies(SHIPMENTS, 8), lies(PAYMENTS, 9)]);
    let board = desk.previewed(asks(own(), AskedLetters::These(letters))).await;
    // The first five are of as many channels as can be; of each channel the order stays.
    let order = [(0, TARGET), (1, TARGET), (2, TARGET), (6, COPY), (9, COPY), (3, TARGET), (4, TARGET), (5, TARGET)];
    assert_eq!(planned(&board), order);
    let preview = Arc::clone(board.preview.as_ref().expect("a preview"));
    let size_bytes = |target: &str| preview.planned.iter().filter(|planned| planned.target == target).map(|planned| planned.size_bytes).sum();
    let plan = |channel: &str, num: usize, partitions: PartitionRule| TargetPlan {
        channel: channel.to_owned(),
        num,
        size_bytes: size_bytes(channel),
        partitions,
        size_limit: Ok(if channel == COPY { 100_000 } else { 1 << 20 }),
    };
    let of_orders = plan(TARGET, 6, PartitionRule::AsOriginal { num_partitions: 1 });
    assert_eq!(preview.targets, [of_orders, plan(COPY, 2, PartitionRule::ByKey { num_unknown: 2, num_partitions: None })]);
    assert_eq!((preview.target_words(), preview.size_bytes()), ("2 topics".to_owned(), size_bytes(TARGET) + size_bytes(COPY)));
    let skipped: Vec<(&str, &str)> = preview.skipped.iter().map(|skipped| (skipped.letter.at.channel.as_str(), skipped.reason.as_str())).collect();
    assert!(
        matches!(skipped[..], [(DEAD, dead), (SHIPMENTS, large)] if dead.starts_with("orders-dlt is a dead-letter channel") && large.contains("shipments takes 8 bytes"))
    );
    // Nobody who reads what nothing goes to is named.
    let readers: Vec<(&str, &str, bool)> =
        preview.readers.groups.iter().map(|reader| (reader.group.as_str(), reader.topic.as_str(), reader.has_failed)).collect();
    assert_eq!(readers, [(GROUP, TARGET, true), ("audit", COPY, false)]);

    desk.start(&board, None);
    desk.until("the first few", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    // The group that failed reads the letters, and whoever reads the copy the others.
    desk.world.group(GROUP, TARGET, Some(5), None);
    desk.world.group("audit", COPY, Some(5), Some(1));
    let board = desk.until_phase(|phase| *phase == RunPhase::Passed).await;
    let run = board.run.as_ref().expect("a run");
    assert_eq!((run.targets.clone(), run.target_words()), (vec![TARGET.to_owned(), COPY.to_owned()], "2 topics".to_owned()));
    assert_eq!(run.canary.iter().filter(|line| line.letter.at.channel == PAYMENTS).count(), 2);
    desk.desk.command(ReplayCommand::Continue);
    let board = desk.until_phase(is_ended).await;
    assert_eq!(ending(&board), (Ending::Finished, String::new()));
    let sent: Vec<String> = desk.world.sent().into_iter().map(|record| record.channel).collect();
    assert_eq!(sent, order.map(|(_, channel)| channel));
    assert_eq!(*desk.world.batch_limits.lock(), [Some(100_000)], "several together are no larger than the one takes that takes least");
    let lines = desk.ledger().lines(100).await.expect("lines");
    let ledger: BTreeSet<(i64, &str)> =
        lines.iter().map(|line| (line.letter.as_ref().and_then(|letter| letter.at.place.offset()).unwrap_or(-1), line.target.as_str())).collect();
    assert_eq!(ledger, order.into_iter().collect());
    let file = Connection::open(desk.folder.path().join("ledger.sqlite")).expect("it is there");
    let told: String = file.query_row("SELECT target FROM runs", [], |row| row.get(0)).expect("a run");
    assert_eq!(told, "2 topics");
}

#[tokio::test]
async fn where_none_has_a_channel_to_go_to_nothing_is_read() {
    let desk = Desk::new(World::new(3));
    let untold = AskedLetter { origin: None, ..asked(1) };
    let to_the_dead = ReplayTarget::Own(BTreeMap::from([(TARGET.to_owned(), FAILED.to_owned())]));
    let ranges = |channel: &str| AskedLetters::Ranges(vec![AskedRange { channel: channel.into(), of: RangeOf::Offsets { partition: 0, from: 0, to: 1 } }]);
    for (target, letters, told) in [
        (own(), AskedLetters::These(vec![lies(DEAD, 0)]), "orders-dlt is a dead-letter channel"),
        (own(), AskedLetters::These(vec![untold.clone()]), "Name one for those of orders-dlt, or one for all"),
        (to_the_dead, AskedLetters::These(vec![asked(0)]), "orders.rejected is a dead-letter channel"),
        (own(), ranges(DEAD), "orders-dlt is a dead-letter channel"),
    ] {
        let board = desk.previewed(asks(target, letters)).await;
        assert!(board.refusal.as_ref().is_some_and(|refusal| refusal.contains(told)), "{told}: {:?}", board.refusal);
        desk.desk.command(ReplayCommand::Dismiss);
        desk.until("no refusal", |board| board.refusal.is_none()).await;
    }
    assert_eq!(desk.world.num_reads.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_plan_of_several_channels_is_written_down_and_asks_for_the_same_again() {
    let desk = Desk::new(World::new(6));
    let letters = vec![asked(0), lies(PAYMENTS, 1), lies(SHIPMENTS, 2)];
    let board = desk.previewed(asks(own(), AskedLetters::These(letters))).await;
    let before: Vec<(i64, String)> = planned(&board).into_iter().map(|(offset, channel)| (offset, channel.to_owned())).collect();
    desk.desk.command(ReplayCommand::WritePlan { replay_id: board.preview.as_ref().expect("a preview").replay_id.clone() });
    let (_, path) = desk.until("the file", |board| board.plan_file.is_some()).await.plan_file.clone().expect("a file");
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).expect("it is there")).expect("JSON");
    assert!(file["target"].is_null() && file["targets"][PAYMENTS] == COPY && file["switchboard_plan"] == 1, "{file:#}");
    let told = |list: &str, name: &str| file[list].as_array().expect("a list").iter().map(|line| line[name].clone()).collect::<Vec<_>>();
    assert_eq!(told("records", "to"), [TARGET, COPY, SHIPMENTS]);
    assert_eq!(
        (told("goes_to", "channel"), told("goes_to", "num_records")),
        ([TARGET, COPY, SHIPMENTS].map(Into::into).to_vec(), vec![1.into(), 1.into(), 1.into()])
    );
    let read = read_plan(&path).expect("a plan");
    assert_eq!(read.target, own());
    let board = desk.previewed(read).await;
    assert_eq!(planned(&board).into_iter().map(|(offset, channel)| (offset, channel.to_owned())).collect::<Vec<_>>(), before);
    assert!(board.preview.as_ref().is_some_and(|preview| preview.skipped.is_empty()));
}

#[tokio::test]
async fn ranges_of_several_channels_go_each_to_its_own() {
    let world = World::new(6);
    world.records.lock().get_mut(&1).expect("it lies there").headers.push(header(REPLAY_ID_HEADER, "r-1.2"));
    let desk = Desk::new(world);
    let range = |channel: &str, from: i64, to: i64| AskedRange { channel: channel.into(), of: RangeOf::Offsets { partition: 0, from, to } };
    let board = desk.previewed(asks(own(), AskedLetters::Ranges(vec![range(TARGET, 0, 2), range(PAYMENTS, 1, 3)]))).await;
    // What a replay put into its own channel does not go round; in another one it is new.
    let mut all = planned(&board);
    all.sort_unstable();
    assert_eq!(all, [(0, TARGET), (1, COPY), (2, TARGET), (2, COPY), (3, COPY)]);
    let skipped = board.preview.as_ref().map(|preview| preview.skipped.clone()).unwrap_or_default();
    assert!(matches!(&skipped[..], [one] if one.letter.at.channel == TARGET && one.reason.starts_with("a replay put it there")), "{skipped:?}");
    // Nor does it where two channels go to each other.
    let swapped = ReplayTarget::Own(BTreeMap::from([(TARGET.to_owned(), PAYMENTS.to_owned()), (PAYMENTS.to_owned(), TARGET.to_owned())]));
    let board = desk.previewed(asks(swapped, AskedLetters::Ranges(vec![range(TARGET, 0, 2), range(PAYMENTS, 1, 3)]))).await;
    let mut all = planned(&board);
    all.sort_unstable();
    assert_eq!(all, [(0, PAYMENTS), (2, TARGET), (2, PAYMENTS), (3, TARGET)]);
    let path = desk.folder.path().join("ranges.json");
    let text = r#"{"switchboard_plan":1,"from":"local","targets":{"payments":"payments-copy"},"ranges":[
        {"channel":"orders","partition":0,"from":0,"to":2},{"channel":"payments","partition":0,"from":1,"to":3}]}"#;
    std::fs::write(&path, text).expect("written");
    let expected = ReplayAsk { num_stored: 0, ..asks(own(), AskedLetters::Ranges(vec![range(TARGET, 0, 2), range(PAYMENTS, 1, 3)])) };
    assert_eq!(read_plan(&path), Ok(expected));
}
