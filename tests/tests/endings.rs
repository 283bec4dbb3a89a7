//! How the program ends: by itself, told to, with its output gone, with its lab gone, with a command of its profile that does not answer.
//! Whatever it was asked to write is written, and nothing that it started stays.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use switchboard_tests::agreement::unaccounted;
use switchboard_tests::program::{Program, free_ports, read_json, signal, wait_until};

/// Waits may be long on a busy machine; nothing waits so long otherwise.
const LONG: Duration = Duration::from_mins(2);

/// `watch --headless` on free ports.
fn watch_args(more: &[&str]) -> Vec<String> {
    let (grpc_port, http_port) = free_ports().expect("free ports");
    let ports = [("--otlp-grpc-port", grpc_port), ("--otlp-http-port", http_port)];
    let mut args = vec!["watch".to_owned(), "--headless".to_owned()];
    args.extend(ports.into_iter().flat_map(|(name, port)| [name.to_owned(), port.to_string()]));
    args.extend(more.iter().map(|arg| (*arg).to_owned()));
    args
}

fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes a profile; the name of its file.
    fn profile(&self, text: &str) -> String {
        std::fs::write(self.path("profile.toml"), text).expect("written");
        self.name("profile.toml")
    }

    /// Whether a whole report was written, and nothing else left behind.
    fn check_report(&self) {
        let report = read_json(&self.path("r.json")).expect("a report");
        assert_eq!(report["schema"], 1);
        assert_eq!(unaccounted(&report), Vec::<String>::new());
        let parts = std::fs::read_dir(self.0.path()).expect("a folder").flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "part"));
        assert_eq!(parts.count(), 0);
    }
}

/// A time to sleep that no other run of these tests has.
fn mark(number: u32) -> String {
    format!("8643{number}{:07}", std::process::id())
}

/// Whether a process with this in its command line runs.
fn runs(mark: &str) -> bool {
    std::fs::read_dir("/proc").expect("/proc").flatten().any(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(mark)
    })
}

#[test]
fn a_lab_that_is_killed_is_told_and_leaves_no_zombie() {
    let folder = Folder::new();
    let (report, books) = (folder.name("r.json"), folder.name("b.json"));
    let mut program = Program::start(&["demo", "--headless", "--for", "10m", "--report", &report, "--books", &books]).expect("starts");
    program.wait_for_line("lab · going", LONG).expect("begins");
    program.wait_for_line("7 services", LONG).expect("sees something");
    let labs = program.children();
    let [lab] = labs[..] else { panic!("one child, the lab: {labs:?}") };
    signal(lab, "KILL").expect("killed");
    program.wait_for_line("The demo's lab has ended by itself (signal: 9 (SIGKILL))", LONG).expect("told");
    // The report takes some seconds yet: meanwhile the lab is waited for, so that nothing of it is left.
    assert!(!Path::new(&format!("/proc/{lab}")).exists(), "a zombie");
    assert_eq!(program.wait(LONG).expect("ends"), 1, "{}", program.output());
    assert!(program.output().contains("switchboard: the demo's lab ended by itself (signal: 9 (SIGKILL))"), "{}", program.output());
    folder.check_report();
    assert_eq!(read_json(Path::new(&report)).expect("a report")["schema"], 1);
}

#[test]
fn the_lab_ends_with_the_program_however_that_ends() {
    for how in ["TERM", "HUP", "INT", "KILL"] {
        let mut program = Program::start(&["demo", "--headless", "--no-script"]).expect("starts");
        program.wait_for_line("lab · going", LONG).expect("begins");
        let labs = program.children();
        assert_eq!(labs.len(), 1, "{how}");
        program.signal(how).expect("told");
        let ended = program.wait(LONG);
        assert_eq!(ended.is_ok_and(|code| code == 0), how != "KILL", "{how}: {}", program.output());
        wait_until("the lab is gone", LONG, || !Path::new(&format!("/proc/{}", labs[0])).exists()).expect(how);
    }
}

#[test]
fn ctrl_c_lets_the_lab_come_to_rest_and_write_its_books() {
    let folder = Folder::new();
    let (report, books) = (folder.name("r.json"), folder.name("b.json"));
    // A terminal sends it to the whole group of processes.
    let leader = |command: &mut Command| {
        std::os::unix::process::CommandExt::process_group(command, 0);
    };
    let mut program = Program::start_as(&["demo", "--headless", "--no-script", "--report", &report, "--books", &books], leader).expect("starts");
    program.wait_for_line("7 services", LONG).expect("sees something");
    signal_group(program.pid(), "INT");
    assert_eq!(program.wait(LONG).expect("ends"), 0, "{}", program.output());
    folder.check_report();
    let found = switchboard_tests::agreement::differences(&read_json(Path::new(&report)).expect("a report"), &read_json(Path::new(&books)).expect("books"));
    assert!(found.is_empty(), "report and books differ:\n{}", found.join("\n"));
}

fn signal_group(leader: u32, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} -{leader}")]).status().expect("sh");
    assert!(status.success());
}

#[test]
fn told_to_end_it_writes_its_report_first() {
    for how in ["TERM", "HUP", "INT"] {
        let folder = Folder::new();
        let args = watch_args(&["--report", &folder.name("r.json")]);
        let mut program = Program::start(&strs(&args)).expect("starts");
        program.wait_for_line("OTLP · live", LONG).expect("listens");
        program.signal(how).expect("told");
        assert_eq!(program.wait(LONG).expect("ends"), 0, "{how}: {}", program.output());
        folder.check_report();
    }
}

#[test]
fn a_run_that_is_to_outlive_its_terminal_does() {
    let folder = Folder::new();
    let args = watch_args(&["--for", "10m", "--report", &folder.name("r.json")]);
    let mut program = Program::start_after("trap '' HUP", &strs(&args)).expect("starts");
    program.wait_for_line("OTLP · live", LONG).expect("listens");
    program.signal("HUP").expect("told");
    // Nothing is to happen: one that ends by it does so at once.
    std::thread::sleep(Duration::from_secs(3));
    assert!(program.is_running().expect("asked"), "it ended: {}", program.output());
    program.signal("TERM").expect("told");
    assert_eq!(program.wait(LONG).expect("ends"), 0, "{}", program.output());
    folder.check_report();
}

#[test]
fn output_that_is_closed_or_full_costs_no_report() {
    for out in ["closed", "full", "unread"] {
        let folder = Folder::new();
        let args = watch_args(&["--for", "4s", "--report", &folder.name("r.json")]);
        let (kept, pipe) = std::io::pipe().expect("a pipe");
        let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let surround = |command: &mut Command| {
            command.env("SWITCHBOARD_LOG", "debug");
            match out {
                "full" => command.stdout(full()).stderr(full()),
                _ => command.stdout(pipe.try_clone().expect("a pipe")).stderr(pipe),
            };
        };
        let _unread = (out == "unread").then_some(kept);
        let mut program = Program::start_as(&strs(&args), surround).expect("starts");
        assert_eq!(program.wait(LONG).unwrap_or_else(|error| panic!("{out}: {error}")), 0, "{out}");
        folder.check_report();
    }
}

#[test]
fn lines_that_nobody_reads_end_a_run_without_an_end_of_its_own() {
    let folder = Folder::new();
    let args = watch_args(&["--report", &folder.name("r.json")]);
    let (unread, out) = std::io::pipe().expect("a pipe");
    drop(unread);
    let mut program = Program::start_as(&strs(&args), |command| {
        command.stdout(out);
    })
    .expect("starts");
    assert_eq!(program.wait(LONG).expect("ends"), 0, "{}", program.output());
    folder.check_report();
}

#[test]
fn a_report_on_standard_output_stands_there_alone() {
    let folder = Folder::new();
    let args = watch_args(&["--report", "-"]);
    let out = std::fs::File::create(folder.path("out")).expect("a file");
    let mut program = Program::start_as(&strs(&args), |command| {
        command.stdout(out);
    })
    .expect("starts");
    // Status lines go to standard error, which alone is read here.
    program.wait_for_line("OTLP · live", LONG).expect("listens");
    program.signal("TERM").expect("told");
    assert_eq!(program.wait(LONG).expect("ends"), 0, "{}", program.output());
    let report = read_json(&folder.path("out")).expect("one JSON value");
    assert_eq!(report["schema"], 1);
}

#[test]
fn what_cannot_be_written_is_told_before_anything_starts() {
    let folder = Folder::new();
    let nowhere = folder.name("no/such/folder/file");
    for (what, args) in [
        ("report", watch_args(&["--for", "10m", "--report", &nowhere])),
        ("report", watch_args(&["--for", "10m", "--report", &folder.0.path().display().to_string()])),
        ("screenshot", watch_args(&["--for", "10m", "--screenshot", &nowhere])),
        ("books", ["demo", "--headless", "--for", "10m", "--books", &nowhere].map(str::to_owned).to_vec()),
    ] {
        let mut program = Program::start(&strs(&args)).expect("starts");
        assert_eq!(program.wait(LONG).expect("ends"), 1);
        let output = program.output();
        assert!(output.contains(&format!("the {what} cannot be written to")) && output.contains("choose a file"), "{output}");
        assert!(!output.contains("live"), "nothing was started: {output}");
    }
}

#[test]
fn a_report_that_finds_the_disk_full_leaves_the_former_one() {
    let folder = Folder::new();
    let report = folder.path("r.json");
    std::fs::write(&report, "the former").expect("written");
    // A limit on the size of files stands for a full disk: the signal that comes with it is ignored, as a full disk sends none.
    let args = watch_args(&["--for", "3s", "--report", &folder.name("r.json")]);
    let mut program = Program::start_after("trap '' XFSZ; ulimit -f 0", &strs(&args)).expect("starts");
    assert_eq!(program.wait(LONG).expect("ends"), 1, "{}", program.output());
    assert!(program.output().contains("the report could not be written"), "{}", program.output());
    assert_eq!(std::fs::read_to_string(&report).expect("there"), "the former");
    assert_eq!(std::fs::read_dir(folder.0.path()).expect("a folder").count(), 1, "no part is left behind");
}

#[test]
fn surroundings_that_cannot_be_used_are_told_without_a_panic() {
    for (name, value, code) in
        [("TOKIO_WORKER_THREADS", "0", 1), ("TOKIO_WORKER_THREADS", "many", 1), ("TOKIO_WORKER_THREADS", "1", 0), ("SWITCHBOARD_LOG", "=[", 0)]
    {
        let args = watch_args(&["--for", "2s"]);
        let mut program = Program::start_as(&strs(&args), |command| {
            command.env(name, value);
        })
        .expect("starts");
        assert_eq!(program.wait(LONG).expect("ends"), code, "{name}={value}: {}", program.output());
        assert!(!program.output().contains("panicked"), "{}", program.output());
        assert_eq!(program.output().contains("TOKIO_WORKER_THREADS is"), code == 1, "{}", program.output());
    }
    for beyond in ["9223372036854775807s", "99999999999999999999h"] {
        let mut program = Program::start(&["watch", "--headless", "--for", beyond]).expect("starts");
        assert_eq!(program.wait(LONG).expect("ends"), 2);
        assert!(program.output().contains("leave --for out"), "{}", program.output());
    }
}

#[test]
fn a_command_for_a_secret_delays_nothing_and_ends_with_the_program() {
    let folder = Folder::new();
    let mark = mark(1);
    let profile = folder.profile(&format!(
        "name = \"x\"\n[[http]]\nname = \"slow\"\nurl = \"http://127.0.0.1:9\"\nbearer = {{ command = \"sleep {mark}.25 & sleep {mark}.75\" }}\n\
         [[kafka]]\nname = \"broker\"\nbrokers = \"127.0.0.1:9\"\nusername = {{ env = \"HOME\" }}\npassword = {{ command = \"sleep {mark}.35\" }}\n",
    ));
    for how in ["for", "TERM"] {
        let mut args = watch_args(&["--profile", &profile, "--report", &folder.name("r.json")]);
        if how == "for" {
            // Longer than it takes to see both, shorter than the 10 s after which they are given up.
            args.extend(["--for".to_owned(), "8s".to_owned()]);
        }
        let begun = Instant::now();
        let mut program = Program::start(&strs(&args)).expect("starts");
        program.wait_for_line("OTLP · live", LONG).expect("listens");
        wait_until("both are asked", LONG, || runs(&format!("{mark}.75")) && runs(&format!("{mark}.35"))).expect("at once");
        if how == "TERM" {
            program.signal("TERM").expect("told");
        }
        assert_eq!(program.wait(LONG).expect("ends"), 0, "{}", program.output());
        // The command alone takes 10 s until it is given up; generous, for a busy machine starts programs slowly.
        assert!(begun.elapsed() < Duration::from_mins(1), "{how}: {:?}", begun.elapsed());
        wait_until("what it started is gone", LONG, || !runs(&mark)).expect(how);
        folder.check_report();
    }
}

#[test]
fn a_command_for_a_secret_that_hangs_or_floods_is_a_failed_source() {
    let folder = Folder::new();
    let mark = mark(2);
    let profile = folder.profile(&format!(
        "name = \"x\"\n[[http]]\nname = \"hangs\"\nurl = \"http://127.0.0.1:9\"\nbearer = {{ command = \"sleep {mark}.25\" }}\n\
         [[http]]\nname = \"floods\"\nurl = \"http://127.0.0.1:9\"\nbearer = {{ command = \"head -c 1000000000 /dev/zero\" }}\n",
    ));
    let args = watch_args(&["--profile", &profile]);
    let mut program = Program::start(&strs(&args)).expect("starts");
    program.wait_for_line("floods · failed", LONG).expect("noticed");
    program.wait_for_line("hangs · failed", LONG).expect("noticed");
    let output = program.output();
    assert!(output.contains("it printed more than 64 KiB") && output.contains("it did not end within 10 s"), "{output}");
    wait_until("what hung is gone", LONG, || !runs(&mark)).expect("it was ended");
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).expect("runs");
    let peak_kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<u64>().ok()).expect("known");
    assert!(peak_kib < 400 << 10, "peak {} MiB", peak_kib >> 10);
}

#[test]
fn what_a_profile_names_reaches_the_terminal_written_out() {
    let folder = Folder::new();
    let profile = folder.profile(
        "name = \"x\"\n[[http]]\nname = \"act\\u202Exe.tac \\u001B[31mred\"\nurl = \"http://127.0.0.1:9\"\nbearer = { env = \"NO_\\u202E_SUCH\\u001B[2J\" }\n",
    );
    let args = watch_args(&["--profile", &profile]);
    let surround = |command: &mut Command| {
        command.env("SWITCHBOARD_LOG", "debug");
    };
    let mut program = Program::start_as(&strs(&args), surround).expect("starts");
    program.wait_for_line("act\\u{202e}xe.tac", LONG).expect("told");
    program.wait_for_line(" · failed", LONG).expect("told why");
    program.signal("TERM").expect("told");
    assert_eq!(program.wait(LONG).expect("ends"), 0, "{}", program.output());
    let output = program.output();
    assert!(output.contains("act\\u{202e}xe.tac"), "{output}");
    assert!(!output.contains(['\u{202e}', '\u{1b}']), "{output:?}");
    // A profile that is refused, too.
    let refused = folder.profile("name = \"x\"\n\"a\u{202e}b\" = 1\n");
    let mut program = Program::start(&["watch", "--headless", "--profile", &refused]).expect("starts");
    assert_eq!(program.wait(LONG).expect("ends"), 1);
    assert!(!program.output().contains('\u{202e}'), "{:?}", program.output());
}

#[test]
fn what_it_keeps_it_keeps_in_the_home_of_whoever_started_it() {
    let folder = Folder::new();
    let profile = folder.profile("name = \"x\"\n");
    // What version 1 kept there is taken over into the ledger of all profiles, which is the first that a session opens.
    let with_a_ledger = |command: &mut Command| {
        let data = command.get_envs().find_map(|(name, value)| value.filter(|_| name == "XDG_DATA_HOME")).expect("a home");
        let before = Path::new(data).join("switchboard/ledgers");
        std::fs::create_dir_all(&before).expect("made");
        let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/desk/tests/fixtures/ledger-v1.sqlite");
        std::fs::copy(old, before.join("x.sqlite")).expect("copied");
    };
    let mut program = Program::start_as(&strs(&watch_args(&["--profile", &profile])), with_a_ledger).expect("starts");
    let kept = |name: &str| program.home().join("switchboard").join(name).exists();
    wait_until("the ledger of all profiles", LONG, || kept("ledger.sqlite") && kept("ledger.key")).expect("there");
    assert!(kept("last-profile"));
    program.signal("TERM").expect("told");
    assert_eq!(program.wait(LONG).expect("ends"), 0, "{}", program.output());
}
