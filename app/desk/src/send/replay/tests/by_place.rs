//! What is chosen by its place alone: what is learnt of it once it is read, what is shown of it, and what is asked before it is sent.

use super::*;
use crate::send::replay::{AskedRange, RangeOf, ReplayTarget};

fn asks(target: ReplayTarget, letters: AskedLetters) -> ReplayAsk {
    ReplayAsk { cluster: CLUSTER.into(), target, num_stored: 0, letters, plan_key: None, options: ReplayOptions::default() }
}

/// Records of one channel by their places.
fn lying(channel: &str, offsets: Range<i64>) -> Vec<AskedLetter> {
    offsets.map(|offset| AskedLetter::at(at(channel, offset))).collect()
}

/// A world whose records bear what Spring writes where a listener of this group gives up.
fn given_up(num: i64, group: &str) -> World {
    let world = World::new(num);
    for record in world.records.lock().values_mut() {
        let told = [
            ("kafka_dlt-original-topic", TARGET),
            ("kafka_dlt-exception-fqcn", "java.lang.NullPointerException"),
            ("kafka_dlt-original-consumer-group", group),
        ];
        record.headers.extend(told.map(|(name, value)| header(name, value)));
    }
    world
}

#[tokio::test]
async fn a_dead_letter_that_is_chosen_by_its_place_tells_its_group_once_it_is_read_and_is_followed_in_it() {
    let ranges = || AskedLetters::Ranges(vec![AskedRange { channel: DEAD.into(), of: RangeOf::Offsets { partition: 0, from: 0, to: 6 } }]);
    // Marked in Messages it is known by its bytes, too.
    let marked = |offset: i64| {
        let view = RecordView { at: at(DEAD, offset), timestamp_ns: Some(offset), raw_hash: RawHash(offset as u128 + 1), ..RecordView::default() };
        AskedLetter::of_record(&view)
    };
    for letters in [ranges(), AskedLetters::These(lying(DEAD, 0..7)), AskedLetters::These((0..7).map(marked).collect())] {
        let desk = Desk::new(given_up(7, GROUP));
        desk.world.group("audit", TARGET, Some(0), Some(1));
        let board = desk.previewed(asks(TARGET.into(), letters)).await;
        let preview = board.preview.as_ref().expect("a preview");
        assert!(preview.planned.len() == 7 && preview.planned.iter().all(|planned| planned.asked.failed_group.as_deref() == Some(GROUP)), "{preview:#?}");
        let readers: Vec<(&str, bool)> = preview.readers.groups.iter().map(|reader| (reader.group.as_str(), reader.has_failed)).collect();
        assert_eq!(readers, [(GROUP, true), ("audit", false)]);
        desk.start(&board, None);
        desk.until("the first few", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
        // Who else reads them says nothing of it.
        desk.world.group("audit", TARGET, Some(5), Some(1));
        desk.until_waits_for("inventory stands at 0@0").await;
        desk.world.read_all();
        let board = desk.until_phase(|phase| *phase == RunPhase::Passed).await;
        assert_eq!(board.run.as_ref().map(|run| (run.num_consumed, run.is_of_the_living())), Some((5, false)));
    }
}

#[tokio::test]
async fn what_lies_where_no_dead_letters_do_and_what_is_back_where_it_came_from_died_in_no_group() {
    let desk = Desk::new(given_up(3, GROUP));
    for channel in [TARGET, "payments"] {
        let board = desk.previewed(asks("copy".into(), AskedLetters::These(lying(channel, 0..3)))).await;
        let preview = board.preview.as_ref().expect("a preview");
        assert!(preview.planned.len() == 3 && preview.planned.iter().all(|planned| planned.asked.failed_group.is_none()), "{preview:#?}");
    }
}

#[tokio::test]
async fn of_each_of_several_topics_the_first_few_can_be_looked_at_however_many_go_before() {
    let desk = Desk::new(World::new(230));
    let letters = lying(TARGET, 0..210).into_iter().chain(lying("payments", 210..230)).collect();
    let board = desk.previewed(asks(ReplayTarget::Own(BTreeMap::new()), AskedLetters::These(letters))).await;
    let preview = board.preview.as_ref().expect("a preview");
    let shown = |target: &str| preview.planned.iter().filter(|planned| planned.target == target && planned.shown.is_some()).count();
    // The last one of all can be looked at, too.
    assert_eq!((shown(TARGET), shown("payments"), preview.planned.len()), (200, 6, 230));
}

#[tokio::test]
async fn where_every_record_is_skipped_it_says_record_unless_a_dead_letter_is_among_them() {
    let desk = Desk::new(World::new(3));
    for (num, letters, one, unit) in
        [(1, lying(TARGET, 70..72), "record", "records"), (2, lying(TARGET, 70..72).into_iter().chain([asked(80)]).collect(), "letter", "letters")]
    {
        desk.previewed(asks("copy".into(), AskedLetters::These(letters))).await;
        let board = desk.until_operations("failure", |board| board.ended.len() == num).await;
        let view = &board.ended[0];
        let Some(OperationEnd::Failed(failure)) = view.end.as_ref().map(|end| &end.how) else { panic!("{view:?}") };
        assert!(failure.reason.starts_with(&format!("nothing would be sent: every {one} is skipped")), "{failure}");
        assert_eq!(view.progress.map(|progress| progress.unit), Some(unit));
    }
}

#[tokio::test]
async fn where_dead_letter_channels_end_is_asked_before_anything_is_sent_and_of_no_other_channel() {
    let desk = Desk::new(World::new(100));
    // They lie on more topics than are asked about.
    let letters = (0..70).flat_map(|number| lying(&format!("a-{number:02}"), number..number + 1)).collect();
    let board = desk.previewed(asks(TARGET.into(), AskedLetters::These(letters))).await;
    desk.start(&board, None);
    desk.until("the first few", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    assert_eq!(*desk.world.ends_asked.lock(), [(DEAD.to_owned(), 0)]);

    // One that the profile calls so comes first where they lie on it.
    let desk = Desk::new(World::new(100));
    let letters = lying("a", 0..3).into_iter().chain(lying(FAILED, 3..6)).collect();
    let board = desk.previewed(asks(TARGET.into(), AskedLetters::These(letters))).await;
    desk.start(&board, None);
    desk.until("the first few", |board| board.run.as_ref().is_some_and(|run| run.counts.persisted == 5)).await;
    assert_eq!(*desk.world.ends_asked.lock(), [(FAILED.to_owned(), 0), (DEAD.to_owned(), 0)]);
}
