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

const NUM_COPIES: usize = 1_000;
/// So many a second: intents and outcomes of half as many share a commit, so that there are blocks before, after and under way.
const RATE_PER_S: usize = 500;
/// Of a send that is killed at most so many arrive before.
const NUM_BEFORE: usize = 700;

/// Lines by the hash of their record, which no other has: each begins a trace of its own.
type Lines = BTreeMap<String, LedgerLine>;

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
fn lying(cluster: &Cluster, key: &HashKey) -> BTreeMap<String, Place> {
    let mut lying = BTreeMap::new();
    for record in read_all(&cluster.brokers, &cluster.target, 0) {
        let (hash, place) = (format!("{:032x}", key.hash_parts(&record.parts()).0), record.seen.at.place);
        if let Some(before) = lying.insert(hash, place.clone()) {
            panic!("what lies at {before} was sent once more, to {place}");
        }
    }
    lying
}

/// Fails where the broker and the ledger contradict each other, or the ledger what it said before.
fn agree(cluster: &Cluster, folder: &Path, before: &Lines, when: &str) -> Lines {
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
    lines
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
    let draft = folder.path().join("orders.toml");
    let value = "value = { json = '{\"order\":{{counter}},\"id\":\"{{uuid}}\"}' }";
    let text = format!(
        "[record]\ntopic = \"{}\"\nkey = {{ text = \"{{{{counter}}}}\" }}\n{value}\ncopies = {NUM_COPIES}\nrate_per_s = {RATE_PER_S}\n",
        cluster.target
    );
    std::fs::write(&draft, text).expect("written");
    let args = ["send", &draft.display().to_string(), "--profile", &profile, "--confirm", SOURCE];

    let (mut known, mut num_midst) = (Lines::new(), 0);
    for kill in 0..num_kills {
        let mut program = Program::start(&args).expect("starts");
        // Of four, one is killed while it begins. The others have sent a few, or more and more, up to most of what they are to send; of these, each second
        // one while the outcomes of what has arrived are being written down.
        let share = NUM_BEFORE / num_kills;
        let (num_more, moments_us) = match kill % 4 {
            0 => (0, random.below(1_500_000)),
            of_four => (1 + kill * share + random.below(share.max(1) as u64) as usize, random.below(if of_four == 2 { 2_000 } else { 120_000 })),
        };
        let when = format!("kill {kill} of the seed {seed}, {moments_us} µs after {num_more} had arrived");
        let (num_before, deadline) = (cluster.num_arrived(), Instant::now() + WITHIN);
        while cluster.num_arrived() < num_before + num_more {
            assert!(program.is_running().expect("its state"), "{when}: it ended by itself:\n{}", program.output());
            assert!(Instant::now() < deadline, "{when}: nothing more arrives");
        }
        std::thread::sleep(Duration::from_micros(moments_us));
        assert!(program.is_running().expect("its state"), "{when}: it ended by itself:\n{}", program.output());
        program.kill().expect("killed");
        assert!(program.wait(WITHIN).is_err_and(|error| error.to_string().contains("signal: 9")), "{when}");
        let lines = agree(cluster, folder.path(), &known, &when);
        assert!(lines.len() <= known.len() + NUM_COPIES, "{when}: {} lines, {} of them new", lines.len(), lines.len() - known.len());
        num_midst += usize::from(cluster.num_arrived() > num_before);
        known = lines;
    }
    let (num_done, num_doubtful, num_lying) = (num(&known, SettledAs::Done), num(&known, SettledAs::Possibly), cluster.num_arrived());
    eprintln!("{num_lying} arrived once each, of {} lines; {num_done} were known to, {num_doubtful} were in doubt", known.len());
    assert!(num_midst > num_kills / 2 && num_done > 0 && num_doubtful > 0, "seed {seed}: {num_midst} were killed in the midst");

    // What was begun before stays as it is, and new ones go, all of them.
    let mut program = Program::start(&args).expect("starts");
    let code = program.wait(WITHIN).expect("ends");
    let said: Value = serde_json::from_str(&program.output()).unwrap_or_else(|error| panic!("{code} {error}: {}", program.output()));
    assert_eq!((code, said["answer"]["num_persisted"].as_u64()), (0, Some(NUM_COPIES as u64)), "{said}");
    let lines = agree(cluster, folder.path(), &known, "in the end");
    assert_eq!((lines.len(), num(&lines, SettledAs::Done)), (known.len() + NUM_COPIES, num_done + NUM_COPIES));
    assert_eq!(cluster.num_arrived(), num_lying + NUM_COPIES);
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

    use super::{Cluster, killed};
    use crate::kills::num_kills;

    #[test]
    fn a_thousand_copies_of_a_record_that_are_killed_again_and_again_have_a_line_each_and_none_is_sent_twice() {
        let Some(broker) = apache_kafka("a_thousand_copies_of_a_record_that_are_killed_again_and_again") else { return };
        killed(&Cluster::apache(broker), num_kills());
    }
}
