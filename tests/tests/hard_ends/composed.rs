//! `switchboard send` of many copies of a record is killed from outside at random moments; then the broker's own log is compared with the ledger.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use switchboard_desk::ledger::{HashKey, Ledger, LedgerLine, SettledAs};
use switchboard_kafka::testing::sending::read_all;
use switchboard_model::Place;
use switchboard_tests::program::Program;

use crate::kills::Random;
use crate::letters::{Cluster, SOURCE, WITHIN};

/// Of a send that is left alone.
const NUM_COPIES: usize = 1_000;
/// Of one that is killed: however long whoever kills it is kept from it, it is not done by then.
const NUM_KILLED_COPIES: usize = 3_000;
/// So many a second: intents and outcomes of half as many share a commit, so that there are blocks before, after and under way.
const RATE_PER_S: usize = 500;
/// Of a send that is killed it is waited for so many at most.
const NUM_BEFORE: usize = 700;
/// At most six blocks are written down of which not all outcomes are, and a block is what goes in half a second: so many are in doubt after a kill, at most.
const MOST_IN_DOUBT: usize = 6 * RATE_PER_S / 2;
/// With fewer kills not each kind of moment comes.
const NUM_KILLS_MIN: usize = 4;

/// Lines by the hash of their record, which no other has: each begins a trace of its own.
type Lines = BTreeMap<String, LedgerLine>;
/// Where records lie, by their hash.
type Lying = BTreeMap<String, Place>;

/// What the ledger says, and the key of its hashes.
fn lines(folder: &Path) -> (Lines, HashKey) {
    let ledger = Ledger::open(&folder.join("ledger.sqlite")).expect("a ledger is whole after a kill");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut lines = Lines::new();
    for line in runtime.block_on(ledger.lines(1_000_000)).expect("lines") {
        let twice = lines.insert(line.hash.clone(), line);
        assert!(twice.is_none(), "a record has two lines: {twice:?}");
    }
    (lines, ledger.hash_key().clone())
}

/// Where the record of each hash lies; fails where one lies twice.
fn lying(cluster: &Cluster, key: &HashKey) -> Lying {
    let mut lying = Lying::new();
    for record in read_all(&cluster.brokers, &cluster.target, 0) {
        let (hash, place) = (format!("{:032x}", key.hash_parts(&record.parts()).0), record.seen.at.place);
        if let Some(before) = lying.insert(hash, place.clone()) {
            panic!("what lies at {before} was sent once more, to {place}");
        }
    }
    lying
}

/// Fails where the broker and the ledger contradict each other, or the ledger what it said before.
fn agree(cluster: &Cluster, folder: &Path, before: &Lines, when: &str) -> (Lines, Lying) {
    let (lines, key) = lines(folder);
    let lying = lying(cluster, &key);
    for (hash, place) in &lying {
        assert!(lines.contains_key(hash), "{when}: what lies at {place} has no line");
    }
    for (hash, line) in &lines {
        let lies_at = lying.get(hash);
        match line.settled.counts_as() {
            SettledAs::Possibly => {}
            SettledAs::Done if lies_at.is_some() && line.settled.place() == lies_at => {}
            SettledAs::NotDone if lies_at.is_none() => {}
            _ => panic!("{when}: {:?} is said of what lies at {lies_at:?}", line.settled),
        }
    }
    for (hash, line) in before {
        assert_eq!(lines.get(hash), Some(line), "{when}: what was known of a send that was over is another");
    }
    (lines, lying)
}

fn num(lines: &Lines, wanted: SettledAs) -> usize {
    lines.values().filter(|line| line.settled.counts_as() == wanted).count()
}

/// Sends copies of a record by a program that is killed so often, each time others, and then some by one that is left alone.
fn killed(cluster: &Cluster, num_kills: usize) {
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
    eprintln!("killed {num_kills} times by the seed {seed}");
    let mut random = Random(seed);
    let folder = tempfile::tempdir().expect("a folder");
    let profile = cluster.profile(folder.path()).display().to_string();
    let draft = |name: &str, num_copies: usize| {
        let value = "value = { json = '{\"order\":{{counter}},\"id\":\"{{uuid}}\"}' }";
        let of = format!("topic = \"{}\"\nkey = {{ text = \"{{{{counter}}}}\" }}\n{value}", cluster.target);
        let path = folder.path().join(name);
        std::fs::write(&path, format!("[record]\n{of}\ncopies = {num_copies}\nrate_per_s = {RATE_PER_S}\n")).expect("written");
        path.display().to_string()
    };
    let (killed, whole) = (draft("killed.toml", NUM_KILLED_COPIES), draft("whole.toml", NUM_COPIES));
    let send = |draft: &str| Program::start(&["send", draft, "--profile", &profile, "--confirm", SOURCE]).expect("starts");

    let (mut known, mut lay, mut num_midst) = (Lines::new(), Lying::new(), 0);
    for kill in 0..num_kills {
        let mut program = send(&killed);
        // Of four, one is killed while it begins. The others have sent a few, or more and more, up to most of what they are to send; of these, each second
        // one while the outcomes of what has arrived are being written down.
        let share = NUM_BEFORE / num_kills;
        let (num_more, moments_us) = match kill % 4 {
            0 => (0, random.below(1_500_000)),
            of_four => {
                (1 + kill * NUM_BEFORE / num_kills + random.below(share.max(1) as u64) as usize, random.below(if of_four == 2 { 2_000 } else { 120_000 }))
            }
        };
        let when = format!("kill {kill} of the seed {seed}, {moments_us} µs after {num_more} had arrived");
        let (num_before, deadline) = (cluster.num_arrived(), Instant::now() + WITHIN);
        while cluster.num_arrived() < num_before + num_more {
            assert!(program.is_running().expect("its state"), "{when}: it ended by itself:\n{}", program.output());
            assert!(Instant::now() < deadline, "{when}: nothing more arrives");
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_micros(moments_us));
        assert!(program.is_running().expect("its state"), "{when}: it ended by itself:\n{}", program.output());
        program.kill().expect("killed");
        assert!(program.wait(WITHIN).is_err_and(|error| error.to_string().contains("signal: 9")), "{when}");
        let lines;
        (lines, lay) = agree(cluster, folder.path(), &known, &when);
        let new: Lines = lines.iter().filter(|(hash, _)| !known.contains_key(*hash)).map(|(hash, line)| (hash.clone(), line.clone())).collect();
        let num_doubtful = num(&new, SettledAs::Possibly);
        assert!(new.len() <= NUM_KILLED_COPIES && num_doubtful <= MOST_IN_DOUBT, "{when}: {} new lines, {num_doubtful} of them in doubt", new.len());
        // What a program before had sent may have arrived since, and is none of this one.
        num_midst += usize::from(new.keys().any(|hash| lay.contains_key(hash)));
        known = lines;
    }
    let (num_done, num_doubtful) = (num(&known, SettledAs::Done), num(&known, SettledAs::Possibly));
    eprintln!("{} arrived once each, of {} lines; {num_done} were known to, {num_doubtful} were in doubt", lay.len(), known.len());
    assert!(num_midst > num_kills / 2 && num_done > 0 && num_doubtful > 0, "seed {seed}: {num_midst} were killed in the midst");

    // What was begun before stays as it is, and new ones go, all of them.
    let mut program = send(&whole);
    let code = program.wait(WITHIN).expect("ends");
    let said: Value = serde_json::from_str(&program.output()).unwrap_or_else(|error| panic!("{code} {error}: {}", program.output()));
    assert_eq!((code, said["answer"]["num_persisted"].as_u64()), (0, Some(NUM_COPIES as u64)), "{said}");
    let (lines, lies) = agree(cluster, folder.path(), &known, "in the end");
    let new: Lines = lines.into_iter().filter(|(hash, _)| !known.contains_key(hash)).collect();
    assert_eq!((new.len(), num(&new, SettledAs::Done)), (NUM_COPIES, NUM_COPIES));
    // What was on its way when a program was killed may have come since; that was in doubt, and nothing else comes.
    assert!(lay.iter().all(|(hash, place)| lies.get(hash) == Some(place)), "what lay there still does");
    let late = lies.keys().filter(|hash| !lay.contains_key(*hash) && !new.contains_key(*hash));
    let late: Vec<&String> = late.filter(|hash| known.get(*hash).is_none_or(|line| line.settled.counts_as() != SettledAs::Possibly)).collect();
    assert!(late.is_empty(), "nobody asked for {late:?}");
}

mod mock {
    use super::{Cluster, killed};

    #[test]
    fn copies_of_a_record_that_are_killed_from_outside_have_a_line_each_and_none_is_sent_twice() {
        killed(&Cluster::mock(), 8);
    }
}

mod apache {
    use switchboard_kafka::testing::apache_kafka;

    use super::{Cluster, NUM_KILLS_MIN, killed};
    use crate::kills::num_kills;

    #[test]
    fn a_thousand_copies_of_a_record_that_are_killed_again_and_again_have_a_line_each_and_none_is_sent_twice() {
        let Some(broker) = apache_kafka("a_thousand_copies_of_a_record_that_are_killed_again_and_again") else { return };
        killed(&Cluster::apache(broker), num_kills().max(NUM_KILLS_MIN));
    }
}
