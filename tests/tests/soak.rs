//! The demo for a long time beside busy processes: nothing of it dies, and what it reports is what the business booked. Run where
//! `SWITCHBOARD_SOAK_S` says for how long, or for a minute where `CI_PEERS` is set.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use switchboard_tests::agreement::{beyond_losses, unaccounted};
use switchboard_tests::program::{Program, read_json};

/// How long without being told, seconds: once through the script.
const DEFAULT_S: u64 = 70;
/// Processes that do nothing but keep the machine busy.
const NUM_BUSY: usize = 6;

/// Ended when it is dropped.
struct Busy(Child);

impl Busy {
    fn start() -> Self {
        Self(Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn().expect("sh"))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

#[test]
fn beside_busy_processes_the_demo_lives_and_tells_the_truth() {
    let asked_s = std::env::var("SWITCHBOARD_SOAK_S").ok().map(|text| text.parse::<u64>().expect("SWITCHBOARD_SOAK_S is a number of seconds"));
    let Some(soak_s) = asked_s.or_else(|| std::env::var_os("CI_PEERS").map(|_| DEFAULT_S)) else {
        println!("skipped: set SWITCHBOARD_SOAK_S to a number of seconds");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (report, books, run_for) = (file("r.json"), file("b.json"), format!("{soak_s}s"));
    let mut program = Program::start(&["demo", "--headless", "--for", &run_for, "--report", &report, "--books", &books]).expect("starts");
    // A machine that is busy from the start may take longer than the lab is given to start; it is the living that is tried here.
    program.wait_for_line("lab · going", Duration::from_mins(2)).expect("begins");
    let begun = Instant::now();
    let busy: Vec<Busy> = (0..NUM_BUSY).map(|_| Busy::start()).collect();
    let ended = program.wait(Duration::from_secs(soak_s + 60));
    drop(busy);
    // Its end has its own time-outs, and the machine is quiet again.
    let code = ended.or_else(|_| program.wait(Duration::from_mins(2))).expect("ends");
    println!("{:.0} s beside {NUM_BUSY} busy processes, last lines:\n{}", begun.elapsed().as_secs_f64(), tail(&program.output()));
    assert_eq!(code, 0, "{}", program.output());
    let (report, books) = (read_json(Path::new(&report)).expect("a report"), read_json(Path::new(&books)).expect("books"));
    println!("orders {}, deaths {}, outages {}", books["orders"], rows(&books["lost_spans_possible"]), rows(&books["broker_outages"]));
    assert_eq!(unaccounted(&report), Vec::<String>::new());
    let found = beyond_losses(&report, &books);
    assert!(found.is_empty(), "report and books differ:\n{}", found.join("\n"));
}

fn rows(array: &serde_json::Value) -> usize {
    array.as_array().map_or(0, Vec::len)
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines[lines.len().saturating_sub(4)..].join("\n")
}
