//! A disk that is full: what the ledger cannot take is not sent, and the program says so. The limit of a file's size stands for the disk: what goes beyond
//! it is not written, wherever in a commit that is.

use serde_json::Value;
use switchboard_tests::program::Program;

use crate::letters::{Cluster, WITHIN, agree, in_doubt, plan, told};

/// Runs the program, of which no file may become longer than so many KiB: its exit code, and what it said.
fn run_within(kib: u64, args: &[&str]) -> (i32, String) {
    // Blocks of POSIX; the signal would end the program before it hears of the error.
    let first = format!("trap '' XFSZ; ulimit -f {}", kib * 2);
    let mut program = Program::start_after(&first, args).expect("starts");
    let code = program.wait(WITHIN).expect("ends");
    (code, program.output())
}

/// Whether it says that the ledger is what kept it from sending, and what to do.
fn says_why(said: &str) -> bool {
    let is_unwritten = said.contains("could not be written") && said.contains("Nothing more is sent; ");
    let is_unusable = said.contains("cannot be used") && said.contains("Nothing is sent without it; ");
    said.contains("ledger.sqlite") && (is_unwritten || is_unusable)
}

#[test]
fn a_replay_stops_and_says_so_and_no_letter_goes_without_its_line() {
    const NUM_LETTERS: usize = 120;
    let cluster = Cluster::mock();
    let folder = tempfile::tempdir().expect("a folder");
    cluster.dead_letters(NUM_LETTERS);
    let profile = cluster.profile(folder.path());
    let plan = plan(&cluster, &profile, NUM_LETTERS).display().to_string();
    let of_plan = ["replay", "--plan", &plan, "--profile", &profile.display().to_string(), "--unseen"];
    let mut num_sent_before_it_was_full = 0;
    for kib in [36, 100, 200, 350, 600] {
        let before = cluster.num_arrived();
        let (code, said) = run_within(kib, &of_plan);
        assert!(code != 0 && says_why(&said), "{kib} KiB: {code} {said}");
        let (told, arrived) = (told(folder.path()), cluster.arrived(before));
        agree(&told, &arrived, &format!("{kib} KiB"));
        // The outcome of one may have found no room, and of those that were on their way with it.
        assert!(in_doubt(&told) <= 3 * 5, "{kib} KiB: {} in doubt", in_doubt(&told));
        num_sent_before_it_was_full += usize::from(arrived.len() > before);
    }
    assert!(num_sent_before_it_was_full >= 2, "it was full before anything was sent");
    // There is room again.
    let mut program = Program::start(&of_plan).expect("starts");
    program.wait(WITHIN).expect("ends");
    let said: Value = serde_json::from_str(&program.output()).expect("JSON");
    assert_eq!(said["ended"], "finished", "{said}");
    let (told, arrived) = (told(folder.path()), cluster.arrived(NUM_LETTERS - 15));
    agree(&told, &arrived, "in the end");
    assert_eq!(told.len(), NUM_LETTERS);
}
