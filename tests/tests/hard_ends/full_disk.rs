//! A disk that is full: what the ledger cannot take is not sent, and the program says so. The limit of a file's size stands for the disk: what goes beyond
//! it is not written, wherever in a commit that is.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use switchboard_desk::ledger::{Ledger, SettledAs};
use switchboard_tests::program::Program;

use crate::letters::{Cluster, SOURCE, WITHIN, agree, in_doubt, plan, told};

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

/// How the sends of the ledger in a folder ended; none where there is no ledger that can be read.
fn settled(folder: &Path) -> Vec<SettledAs> {
    let path = folder.join("ledger.sqlite");
    let Ok(ledger) = Ledger::open(&path) else { return Vec::new() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(ledger.lines(100_000)).expect("lines").iter().map(|line| line.settled.counts_as()).collect()
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

#[test]
fn many_composed_records_stop_and_none_of_them_goes_without_its_line() {
    const NUM_COPIES: usize = 4_000;
    let mut num_cut = 0;
    for kib in [36, 150, 300, 600] {
        let cluster = Cluster::mock();
        let folder = tempfile::tempdir().expect("a folder");
        let profile = cluster.profile(folder.path()).display().to_string();
        let draft = folder.path().join("orders.toml");
        let text = format!("[record]\ntopic = \"{}\"\nvalue = {{ text = \"{{{{counter}}}}\" }}\ncopies = {NUM_COPIES}\nrate_per_s = 2000\n", cluster.target);
        std::fs::write(&draft, text).expect("written");
        let (code, said) = run_within(kib, &["send", &draft.display().to_string(), "--profile", &profile, "--confirm", SOURCE]);
        assert!(code != 0 && says_why(&said), "{kib} KiB: {code} {said}");
        let (settled, num_arrived) = (settled(folder.path()), cluster.num_arrived());
        let num = |wanted: SettledAs| settled.iter().filter(|settled| **settled == wanted).count();
        let (done, possibly) = (num(SettledAs::Done), num(SettledAs::Possibly));
        assert!((done..=done + possibly).contains(&num_arrived), "{kib} KiB: {num_arrived} arrived, {done} are said to, and {possibly} may have");
        num_cut += usize::from(num_arrived > 0 && num_arrived < NUM_COPIES);
    }
    assert!(num_cut > 0, "none was full in the midst");
}

/// A server that counts what it was asked, and answers well.
fn server() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let num_asked = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&num_asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            if stream.read(&mut [0; 4096]).is_ok_and(|len| len > 0) {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        }
    });
    (address, num_asked)
}

#[test]
fn a_request_goes_only_once_its_line_is_on_the_disk() {
    let (address, num_asked) = server();
    let (mut num_refused, mut num_sent) = (0, 0);
    // From a disk on which there is no room for an empty ledger to one that has enough for a line and its outcome.
    for kib in (8..=260).step_by(12) {
        let folder = tempfile::tempdir().expect("a folder");
        let profile = folder.path().join("p.toml");
        let ledger = folder.path().join("ledger.sqlite").display().to_string();
        std::fs::write(&profile, format!("name = \"p\"\nledger = {ledger:?}\n")).expect("written");
        let draft = folder.path().join("pay.toml");
        std::fs::write(&draft, format!("[http]\nmethod = \"POST\"\nurl = \"http://{address}/pay\"\n")).expect("written");
        let before = num_asked.load(Ordering::SeqCst);
        let (code, said) = run_within(kib, &["send", &draft.display().to_string(), "--profile", &profile.display().to_string()]);
        let settled = settled(folder.path());
        match num_asked.load(Ordering::SeqCst) - before {
            0 => {
                num_refused += 1;
                assert!(code != 0 && says_why(&said), "{kib} KiB: {code} {said}");
                assert!(settled.iter().all(|settled| *settled == SettledAs::Possibly), "{kib} KiB: {settled:?}");
            }
            1 => {
                num_sent += 1;
                let is_well = code == 0 && settled == [SettledAs::Done];
                assert!(is_well || (settled == [SettledAs::Possibly] && says_why(&said)), "{kib} KiB: {code} {settled:?} {said}");
            }
            num => panic!("{kib} KiB: it was asked {num} times"),
        }
    }
    assert!(num_refused > 2 && num_sent > 2, "{num_refused} were refused and {num_sent} were sent");
}
