//! `switchboard replay` is killed from outside at random moments of a long run and asked for again until it is done; then the broker's own log is compared
//! with the ledger.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use switchboard_desk::ledger::SettledAs;
use switchboard_tests::program::{Program, wait_until};

use crate::letters::{Cluster, WITHIN, agree, in_doubt, plan, told};

/// All letters, a gate and a margin, at ten a second.
const RUN_WITHIN: Duration = Duration::from_mins(5);
/// A letter goes only once the one before is queued, and what is queued is on its way for a moment: at most so many are in doubt after a kill.
const MOST_IN_DOUBT: usize = 3;

/// How often a program is killed on Apache Kafka, unless `SWITCHBOARD_KILLS` says otherwise.
const NUM_KILLS: usize = 50;

/// How often a program is killed on Apache Kafka.
pub fn num_kills() -> usize {
    std::env::var("SWITCHBOARD_KILLS").ok().and_then(|told| told.parse().ok()).unwrap_or(NUM_KILLS)
}

/// Numbers that look random, the same ones for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Sends all letters by a program that is killed so often, at random moments, and then left alone.
fn killed(cluster: &Cluster, num_letters: usize, num_kills: usize) {
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |since| since.as_nanos() as u64);
    eprintln!("killed {num_kills} times by the seed {seed}");
    let mut random = Random(seed);
    let folder = tempfile::tempdir().expect("a folder");
    cluster.dead_letters(num_letters);
    let profile = cluster.profile(folder.path());
    let plan = plan(cluster, &profile, num_letters);
    let (plan, profile) = (plan.display().to_string(), profile.display().to_string());
    let of_plan = ["replay", "--plan", &plan, "--profile", &profile, "--unseen"];

    let (mut num_arrived, mut num_midst) = (0, 0);
    for kill in 1..=num_kills {
        let mut program = Program::start(&of_plan).expect("starts");
        // Of four, one is killed while it begins, the others once some records have arrived: one at any time until the next one goes, two while the outcome
        // of the last one is being written down.
        let (num_more, moments_us) = match random.below(4) {
            0 => (0, random.below(1_500_000)),
            1 => (1 + random.below(10) as usize, random.below(120_000)),
            _ => (1 + random.below(10) as usize, random.below(2_000)),
        };
        let when = format!("kill {kill} of the seed {seed}, {moments_us} µs after {num_more} more had arrived");
        let deadline = Instant::now() + WITHIN;
        while num_more > 0 && cluster.num_arrived() < num_arrived + num_more {
            assert!(program.is_running().expect("its state"), "{when}: it ended by itself:\n{}", program.output());
            assert!(Instant::now() < deadline, "{when}: nothing more arrives");
        }
        std::thread::sleep(Duration::from_micros(moments_us));
        assert!(program.is_running().expect("its state"), "{when}: it ended by itself:\n{}", program.output());
        program.kill().expect("killed");
        assert!(program.wait(WITHIN).is_err_and(|error| error.to_string().contains("signal: 9")), "{when}");
        let arrived = cluster.arrived(num_arrived);
        let told = told(folder.path());
        agree(&told, &arrived, &when);
        assert!(in_doubt(&told) <= MOST_IN_DOUBT * kill, "{when}: {} of {} are in doubt", in_doubt(&told), told.len());
        num_midst += usize::from(arrived.len() > num_arrived);
        num_arrived = arrived.len();
    }
    assert!(num_midst > 0 && num_arrived < num_letters, "seed {seed}: {num_midst} were killed in the midst, and {num_arrived} letters arrived before the last");
    until_done(cluster, folder.path(), &of_plan, num_letters, seed);
}

/// Asks for the rest until nothing is left, and compares what the program, the ledger and the broker say.
fn until_done(cluster: &Cluster, folder: &Path, of_plan: &[&str], num_letters: usize, seed: u64) {
    let last = loop {
        let mut program = Program::start(of_plan).expect("starts");
        let code = program.wait(RUN_WITHIN).expect("ends");
        let said = program.output();
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("seed {seed}: exit code {code}, {error}: {said}"));
        if said["num_records"] == 0 {
            break said;
        }
        let before = said["outcomes"]["persisted"].as_u64();
        assert!(before.is_some_and(|persisted| persisted > 0), "seed {seed}: nothing more is sent: {said}");
    };
    let (told, arrived) = (told(folder), cluster.arrived(0));
    agree(&told, &arrived, &format!("in the end of the seed {seed}"));
    // Each letter is in one state, and the program says which when it is asked for once more.
    let skipped: BTreeMap<&str, &str> =
        last["skipped"].as_array().into_iter().flatten().filter_map(|line| Some((line["at"].as_str()?, line["reason"].as_str()?))).collect();
    assert_eq!((told.len(), skipped.len(), last["skipped"].as_array().map(Vec::len)), (num_letters, num_letters, Some(num_letters)), "seed {seed}");
    for ((partition, offset), said) in &told {
        let reason = skipped.iter().find(|(at, _)| at.ends_with(&format!(" {partition}@{offset}"))).map(|(_, reason)| *reason).unwrap_or_default();
        let right = match said {
            SettledAs::Done => "sent before",
            SettledAs::Possibly => "may have been sent before; it is not sent twice",
            _ => panic!("seed {seed}: {partition}@{offset} is {said:?} and is not sent"),
        };
        assert_eq!(reason, right, "seed {seed}: {partition}@{offset}");
    }
    let num_doubtful = in_doubt(&told);
    let num_lost = told.keys().filter(|lies| !arrived.contains_key(lies)).count();
    eprintln!("{} letters arrived once each; {num_doubtful} were in doubt, of which {num_lost} had not left", arrived.len());
}

mod mock {
    use super::*;

    #[test]
    fn a_replay_that_is_killed_from_outside_sends_nothing_twice_and_tells_of_each_letter() {
        killed(&Cluster::mock(), 150, 5);
    }

    #[test]
    fn a_replay_that_is_told_to_end_says_what_was_sent_and_sends_the_rest_when_it_is_asked_again() {
        const NUM_LETTERS: usize = 60;
        let (cluster, folder) = (Cluster::mock(), tempfile::tempdir().expect("a folder"));
        cluster.dead_letters(NUM_LETTERS);
        let profile = cluster.profile(folder.path());
        let plan = plan(&cluster, &profile, NUM_LETTERS).display().to_string();
        let profile = profile.display().to_string();
        let of_plan = ["replay", "--plan", &plan, "--profile", &profile, "--unseen"];
        let mut program = Program::start(&of_plan).expect("starts");
        wait_until("some arrive", WITHIN, || cluster.num_arrived() >= 3).expect("they do");
        program.signal("TERM").expect("told to end");
        let code = program.wait(WITHIN).expect("ends");
        let said = program.output();
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("exit code {code}, {error}: {said}"));
        let (told, arrived) = (told(folder.path()), cluster.arrived(0));
        agree(&told, &arrived, "told to end");
        let num_done = told.values().filter(|said| **said == SettledAs::Done).count() as u64;
        assert!(matches!(code, 4 | 5) && said["ended"] == "stopped" && num_done >= 1, "{code}: {said}");
        assert_eq!(said["outcomes"]["persisted"].as_u64(), Some(num_done), "{said}");
        until_done(&cluster, folder.path(), &of_plan, NUM_LETTERS, 0);
    }
}

mod apache {
    use switchboard_kafka::testing::apache_kafka;

    use super::{Cluster, killed, num_kills};

    #[test]
    fn a_run_of_a_thousand_that_is_killed_again_and_again_sends_nothing_twice_and_tells_of_each_letter() {
        let Some(broker) = apache_kafka("a_run_of_a_thousand_that_is_killed_again_and_again") else { return };
        killed(&Cluster::apache(broker), 1_000, num_kills());
    }
}
