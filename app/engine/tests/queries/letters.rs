//! Lists of dead letters.

use super::*;

fn letter(offset: i64, message: &str) -> Record {
    let headers = pairs(&[
        ("dead-letter-topic", "orders"),
        ("dead-letter-partition", "2"),
        ("dead-letter-offset", "77"),
        ("dead-letter-exception-class-name", "com.shop.NoStock"),
        ("dead-letter-reason", message),
        ("delayed-retry-count", "3"),
    ]);
    Record { headers, ..record("orders-dlq", 0, offset) }
}

fn letters(engine: &mut Engine, fingerprint: &str, origin: Option<&str>, skip: usize, limit: usize) -> LetterPage {
    ordered(engine, (fingerprint, origin), LetterOrder::OldestFirst, (skip, limit))
}

fn ordered(engine: &mut Engine, (fingerprint, origin): (&str, Option<&str>), order: LetterOrder, (skip, limit): (usize, usize)) -> LetterPage {
    let (origin, fingerprint) = (origin.map(str::to_owned), fingerprint.to_owned());
    let query = Query::Scan(ScanQuery::DeadLetters { channel: key("orders-dlq"), origin, fingerprint, order, skip, limit });
    ask!(engine, query, DeadLetters)
}

#[test]
fn open_letters_come_first_and_the_newest_of_them_and_some_are_listed_alone() {
    let mut engine = engine();
    for offset in 1..=5 {
        apply(&mut engine, &[records(10 * offset, &[letter(offset, "out of stock: 4711")])]);
    }
    let fingerprint = engine.snapshot(&[]).dead_letters[0].fingerprint.clone();
    let all = letters(&mut engine, &fingerprint, Some("orders"), 0, 10);
    let keys = |offsets: &[i64]| {
        let letter = |offset: &i64| all.letters.iter().find(|letter| letter.at.place.offset() == Some(*offset)).expect("it is stored");
        DealtWith::new(offsets.iter().map(letter).map(|letter| (letter.at.clone(), letter.timestamp_ns)).collect())
    };
    let mut listed = |dealt_with: &[i64], only: LettersOnly, skip: usize, limit: usize| {
        let order = LetterOrder::OpenFirst { dealt_with: keys(dealt_with), only };
        let page = ordered(&mut engine, (&fingerprint, Some("orders")), order, (skip, limit));
        assert_eq!((page.num_stored, page.num_dealt_with), (5, dealt_with.len() as u64));
        assert_eq!(page.last_received_ns, all.letters.iter().map(|letter| letter.received_ns).max());
        (page.letters.iter().filter_map(|letter| letter.at.place.offset()).collect::<Vec<_>>(), page.total)
    };
    assert_eq!(listed(&[], LettersOnly::All, 0, 10), (vec![5, 4, 3, 2, 1], 5));
    assert_eq!(listed(&[4, 2], LettersOnly::All, 0, 10), (vec![5, 3, 1, 4, 2], 5));
    assert_eq!(listed(&[4, 2], LettersOnly::All, 2, 2), (vec![1, 4], 5));
    assert_eq!(listed(&[4, 2], LettersOnly::Open, 0, 10), (vec![5, 3, 1], 3));
    assert_eq!(listed(&[4, 2], LettersOnly::These(keys(&[2])), 0, 10), (vec![2], 1));
    assert_eq!(listed(&[], LettersOnly::These(keys(&[])), 0, 10), (vec![], 0));
    assert!(listed(&[1, 2, 3, 4, 5], LettersOnly::Open, 0, 10).0.is_empty());
}

#[test]
fn dead_letters_that_died_of_the_same_are_told_one_by_one() {
    let mut engine = engine();
    let mut replayed = letter(3, "out of stock: 4713");
    replayed.headers.extend(pairs(&[("x-switchboard-replay-id", "r-1"), ("x-switchboard-replay-count", "2")]));
    let other = letter(2, "no such customer");
    let Batch::Records(mut batch) = records(10, &[letter(1, "out of stock: 4711"), other, replayed, record("orders-dlq", 0, 4), record("orders", 0, 1)]) else {
        unreachable!("records were made")
    };
    batch.records[0].value = Some(batch.text.push(&[0, 0, 0, 1, 2, b'{']));
    batch.records[0].timestamp_ns = START_NS + 5 * SECOND;
    batch.records[0].redacted = true;
    apply(&mut engine, &[Batch::Records(batch)]);
    let snapshot = engine.snapshot(&[]);
    let kinds: Vec<(&str, Option<&str>, u64)> =
        snapshot.dead_letters.iter().map(|view| (view.fingerprint.as_str(), view.origin.as_deref(), view.count)).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    for (fingerprint, origin, count) in &kinds {
        let page = letters(&mut engine, fingerprint, *origin, 0, 10);
        assert_eq!((page.total, page.letters.len() as u64, page.num_left()), (*count, *count, 0), "{fingerprint}");
    }
    let (stock, ..) = kinds.iter().find(|(.., count)| *count == 2).expect("two alike");
    let page = letters(&mut engine, stock, Some("orders"), 0, 10);
    // The replayed one bears the earlier time.
    let [second, first] = page.letters.as_slice() else { panic!("{page:?}") };
    assert_eq!((&first.at.place, first.schema_id, first.redacted, first.timestamp_ns), (&Place::at(0, 1), Some(0x0102), true, Some(START_NS + 5 * SECOND)));
    assert_eq!((first.origin.as_deref(), &first.origin_place, first.attempts), (Some("orders"), &Some(ToldPlace::Whole(Place::at(2, 77))), Some(3)));
    assert_eq!((first.exception.as_deref(), first.message.as_deref()), (Some("com.shop.NoStock"), Some("out of stock: 4711")));
    assert_eq!((first.replay_id.as_deref(), first.replay_count, first.dialect.as_deref()), (None, 0, Some("smallrye")));
    assert_eq!((&second.at.place, second.replay_id.as_deref(), second.replay_count, second.schema_id), (&Place::at(0, 3), Some("r-1"), 2, None));
    assert_eq!((first.received_ns, second.received_ns), (START_NS + 10 * MS, START_NS + 10 * MS));
    assert_eq!((second.at.cluster.as_str(), second.at.channel.as_str(), second.raw_hash), ("broker", "orders-dlq", RawHash(3 << 32)));
    for (skip, offsets, num_left) in [(0, vec![3], 1), (1, vec![1], 0), (2, vec![], 0)] {
        let page = letters(&mut engine, stock, Some("orders"), skip, 1);
        assert_eq!(
            (page.letters.iter().map(|letter| letter.at.place.offset().expect("an offset")).collect::<Vec<_>>(), page.num_left(), page.total),
            (offsets, num_left, 2)
        );
    }
    assert_eq!(letters(&mut engine, stock, None, 0, 10).total, 0);
    // The same again are duplicates, which are neither counted nor listed.
    apply(&mut engine, &[records(20, &[letter(2, "no such customer")])]);
    apply(&mut engine, &[records(30, &[letter(5, "out of stock: 4714")])]);
    let mut since = |since_ns: i64| {
        let query = Query::Scan(ScanQuery::DeadLettersSince { cluster: "broker".to_owned(), since_ns, skip: 0, limit: 10 });
        ask!(engine, query, DeadLetters).letters.iter().map(|letter| letter.at.place.offset().expect("an offset")).collect::<Vec<_>>()
    };
    assert_eq!(since(i64::MIN).len(), 5);
    assert_eq!(since(START_NS + 30 * MS), [5], "those that came before are left out");
}

#[test]
fn a_dead_letter_tells_as_much_of_where_it_lay_as_its_headers_name() {
    let mut engine = engine();
    let without = |offset: i64, left_out: &[&str]| {
        let mut letter = letter(offset, "out of stock");
        letter.headers.retain(|(name, _)| !left_out.contains(name));
        letter
    };
    let (partition, offset) = ("dead-letter-partition", "dead-letter-offset");
    let all = [without(1, &[]), without(2, &[offset]), without(3, &[partition]), without(4, &[partition, offset])];
    apply(&mut engine, &[records(10, &all)]);
    let query = Query::Scan(ScanQuery::DeadLettersSince { cluster: "broker".to_owned(), since_ns: i64::MIN, skip: 0, limit: 10 });
    let told: Vec<Option<ToldPlace>> = ask!(engine, query, DeadLetters).letters.into_iter().map(|letter| letter.origin_place).collect();
    assert_eq!(told, [Some(ToldPlace::Whole(Place::at(2, 77))), Some(ToldPlace::Partition(2)), Some(ToldPlace::Offset(77)), None]);
}

#[test]
fn letters_that_are_not_told_apart_are_told_too() {
    let mut engine = engine();
    // More kinds than are kept: words, for numbers are taken for ids.
    let word = |number: usize| (0..4).map(|place| char::from(b'a' + (number / 26_usize.pow(place) % 26) as u8)).collect::<String>();
    let of: Vec<Record> = (0..2_010).map(|number| letter(number as i64, &format!("reason {}", word(number)))).collect();
    apply(&mut engine, &[records(10, &of)]);
    let snapshot = engine.snapshot(&[]);
    let others = snapshot.dead_letters.iter().find(|view| view.origin.is_none()).expect("a row of others");
    let page = letters(&mut engine, &others.fingerprint.clone(), None, 0, 100);
    assert_eq!((page.total, others.count), (10, 10));
    // Those that were not seen for longest.
    assert_eq!(page.letters.iter().map(|letter| letter.at.place.offset().expect("an offset")).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
}
