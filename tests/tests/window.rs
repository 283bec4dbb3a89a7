//! The built program in a real window: what is copied is on the desktop's clipboard, what is on it can be pasted, and an object is
//! opened in the browser; and a lab that was killed is started again. Without a person: an X server without a screen, and keys from
//! `xdotool`.

use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard_model::now_ns;
use switchboard_tests::program::{self, Program};

/// How long anything may take that is waited for.
const DEADLINE: Duration = Duration::from_mins(3);
/// How long keys are given to take effect before they are pressed again.
const LOOKS: Duration = Duration::from_secs(3);
/// Two windows that are drawn in software at once would wait for one another.
static ONE_WINDOW: Mutex<()> = Mutex::new(());
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Ends a child when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is what we want.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// An X server whose screen is a file.
struct Display {
    _server: Running,
    name: String,
    folder: tempfile::TempDir,
}

impl Display {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1440x900x24", "-nolisten", "tcp", "-fbdir"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed");
        let mut number = String::new();
        BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut number).expect("a display");
        Self { _server: Running(server), name: format!(":{}", number.trim()), folder }
    }

    /// The colour of the screen's lower left corner, where the foot of the window lies.
    fn corner(&self) -> std::io::Result<[u8; 3]> {
        // XWD: a head of big-endian words, a table of colours of 12 bytes each, then the pixels, row by row.
        let mut screen = std::fs::File::open(self.folder.path().join("Xvfb_screen0"))?;
        let mut head = [0; 80];
        screen.read_exact(&mut head)?;
        let word = |at: usize| u64::from(u32::from_be_bytes([head[at * 4], head[at * 4 + 1], head[at * 4 + 2], head[at * 4 + 3]]));
        let (head_bytes, num_rows, row_bytes, num_colours) = (word(0), word(5), word(12), word(19));
        screen.seek(SeekFrom::Start(head_bytes + num_colours * 12 + (num_rows - 1) * row_bytes))?;
        let mut colour = [0; 3];
        screen.read_exact(&mut colour)?;
        Ok(colour)
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env("DISPLAY", &self.name).env_remove("WAYLAND_DISPLAY").stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn xdotool(&self, args: &[&str]) -> String {
        let output = self.command("xdotool", args).output().expect("xdotool is installed");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn press(&self, keys: &[&str]) {
        for key in keys {
            self.xdotool(&["key", "--clearmodifiers", key]);
        }
    }

    /// What is on the clipboard, as another program reads it.
    fn clipboard(&self) -> String {
        let output = self.command("timeout", &["5", "xclip", "-o", "-selection", "clipboard"]).output().expect("xclip is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Another program puts a text there, which stays while the child lives.
    fn offer(&self, text: &str) -> Running {
        let mut child = self.command("xclip", &["-i", "-selection", "clipboard", "-quiet"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("xclip");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("xclip reads");
        let child = Running(child);
        until("the clipboard holds what was offered", || (self.clipboard() == text).then_some(()));
        child
    }
}

/// Asks again and again until there is an answer.
#[track_caller]
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn is_asked_for() -> bool {
    let is_asked = std::env::var_os("CI_PEERS").is_some();
    if !is_asked {
        eprintln!("skipped: CI_PEERS is not set (this test needs Xvfb, xdotool, xclip and a Vulkan driver)");
    }
    is_asked
}

/// The program in a window, with a stand-in for the desktop's browser.
struct Window {
    display: Display,
    program: Program,
    folder: tempfile::TempDir,
    http_port: u16,
    /// The colour of its corner while nothing lies over it.
    plain: [u8; 3],
}

impl Window {
    /// Watches what is sent to it, with links of a profile.
    fn watch() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let profile = folder.path().join("profile.toml");
        std::fs::write(&profile, "name = \"window test\"\n[links]\ntrace = \"http://links.test/trace/{trace_id}?span={span_id}\"\n").expect("written");
        let (grpc_port, http_port) = program::free_ports().expect("free ports");
        let (profile, grpc, http) = (profile.display().to_string(), grpc_port.to_string(), http_port.to_string());
        Self::start(folder, http_port, &["watch", "--profile", &profile, "--otlp-grpc-port", &grpc, "--otlp-http-port", &http])
    }

    fn start(folder: tempfile::TempDir, http_port: u16, args: &[&str]) -> Self {
        let display = Display::start();
        let browser = folder.path().join("browser");
        std::fs::write(&browser, format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{}'\n", folder.path().join("opened").display())).expect("written");
        std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).expect("executable");
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let in_a_window = |command: &mut Command| {
            command.env("DISPLAY", &display.name).env("SWITCHBOARD_LOG", "info").env("BROWSER", &browser);
            command.stdout(log.try_clone().expect("a file")).stderr(log);
        };
        let program = Program::start_as(args, in_a_window).expect("starts");
        let number = until("a window", || Some(display.xdotool(&["search", "--onlyvisible", "--name", "Switchboard"])).filter(|found| !found.is_empty()));
        let number = number.lines().next().expect("one").to_owned();
        // Without a window manager nobody else gives it the keys.
        display.xdotool(&["windowfocus", "--sync", &number]);
        let plain = until("the window is drawn", || display.corner().ok().filter(|colour| *colour != [0; 3]));
        Self { display, program, folder, http_port, plain }
    }

    /// Whether the palette or Find lies over it: all around it is darker then.
    fn is_covered(&self) -> bool {
        self.display.corner().is_ok_and(|colour| colour != self.plain)
    }

    /// Opens what lies over the window, by a key that is pressed once: pressed again it would close it.
    #[track_caller]
    fn open(&self, what: &str, key: &str) {
        self.display.press(&[key]);
        until(what, || self.is_covered().then_some(()));
    }

    /// Presses keys until what they do can be seen: keys that come before what they are for is there do nothing.
    #[track_caller]
    fn press_until(&self, what: &str, keys: &[&str], is_so: impl Fn() -> bool) {
        until(what, || {
            self.display.press(keys);
            program::wait_until(what, LOOKS, &is_so).ok()
        });
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What it logged.
    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The demo's lab, by its process id, while it runs.
    fn lab(&self) -> Option<u32> {
        let is_lab = |pid: &u32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == b"lab"));
        self.program.children().into_iter().find(is_lab)
    }

    /// Sends spans until they are taken.
    fn send(&self, spans: &Value) {
        let body = json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "注文"}}]},
            "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}],
        }]});
        let request = self.path("request.json");
        std::fs::write(&request, body.to_string()).expect("written");
        until("the spans are taken", || post(self.http_port, &request).then_some(()));
    }

    /// A command by its name, from the palette, once it can be used.
    #[track_caller]
    fn run(&self, command: &str) {
        self.open("the palette is open", "ctrl+p");
        self.display.xdotool(&["type", "--delay", "20", command]);
        self.press_until(command, &["Return"], || !self.is_covered());
    }

    /// Acts until what is copied is as it should be: a key that came before the row was there did nothing.
    #[track_caller]
    fn copied(&self, act: impl Fn(), is_it: impl Fn(&str) -> bool) -> String {
        until(&format!("something is copied as it should be; the log says:\n{}", self.log()), || {
            act();
            Some(self.display.clipboard()).filter(|text| is_it(text))
        })
    }
}

/// POSTs a file as OTLP/JSON; whether it was taken.
fn post(port: u16, file: &Path) -> bool {
    let body = std::fs::read(file).expect("written");
    let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) else { return false };
    let head =
        format!("POST /v1/traces HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
        return false;
    }
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).is_ok() && status.contains(" 200 ")
}

#[test]
fn what_is_copied_leaves_the_window_what_is_pasted_comes_in_and_an_object_is_opened_elsewhere() {
    if !is_asked_for() {
        return;
    }
    let _alone = ONE_WINDOW.lock().unwrap_or_else(PoisonError::into_inner);
    let window = Window::watch();
    let display = &window.display;
    let start = now_ns();
    window.send(&json!([{
        "traceId": TRACE, "spanId": "00f067aa0ba902b7", "name": "POST /checkout", "kind": 2,
        "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 42_000_000).to_string(),
    }]));

    // The three forms of copying, read by another program.
    window.run("Show traces");
    let text = window.copied(|| display.press(&["Home", "c"]), |text| text.contains(&format!("trace {TRACE}")));
    assert!(text.starts_with("注文 POST /checkout\n42 ms · 1 span"), "{text}");
    let copied = window.copied(|| window.run("Copy as JSON"), |text| text.trim_start().starts_with('{') && text.contains(TRACE));
    let copied: Value = serde_json::from_str(&copied).expect("JSON");
    assert_eq!((copied["trace_id"].as_str(), copied["service"].as_str()), (Some(TRACE), Some("注文")));
    let text = window.copied(|| window.run("Copy as Markdown"), |text| text.starts_with("**") && text.contains(TRACE));
    assert!(text.contains(&format!("trace `{TRACE}`")), "{text}");

    // What another program copied is pasted into Find; what is found is opened.
    let offered = display.offer(TRACE);
    window.open("Find is open", "ctrl+k");
    display.press(&["ctrl+v"]);
    window.press_until("what is found is opened", &["Return"], || !window.is_covered());
    let text = window.copied(|| display.press(&["c"]), |text| text != TRACE && text.contains(&format!("trace {TRACE}\n")));
    assert!(text.contains("POST /checkout"), "the span is open: {text}");
    drop(offered);

    // The open trace in another program.
    let opened = || std::fs::read_to_string(window.path("opened")).unwrap_or_default();
    window.press_until("the browser is called", &["o"], || opened().ends_with('\n'));
    let opened = opened();
    assert!(opened.lines().all(|line| line.starts_with(&format!("http://links.test/trace/{TRACE}?span="))), "{opened}");
}

#[test]
fn told_to_end_while_a_window_is_open_it_writes_its_report_first() {
    if !is_asked_for() {
        return;
    }
    let _alone = ONE_WINDOW.lock().unwrap_or_else(PoisonError::into_inner);
    for how in ["TERM", "HUP"] {
        let folder = tempfile::tempdir().expect("a folder");
        let report = folder.path().join("report.json");
        let (grpc_port, http_port) = program::free_ports().expect("free ports");
        let (report_arg, grpc, http) = (report.display().to_string(), grpc_port.to_string(), http_port.to_string());
        let mut window = Window::start(folder, http_port, &["watch", "--report", &report_arg, "--otlp-grpc-port", &grpc, "--otlp-http-port", &http]);
        let start = now_ns();
        window.send(&json!([{
            "traceId": TRACE, "spanId": "00f067aa0ba902b7", "name": "POST /checkout", "kind": 2,
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 42_000_000).to_string(),
        }]));

        program::signal(window.program.pid(), how).expect("told");
        assert_eq!(window.program.wait(DEADLINE).expect("ends"), 0, "{how}: {}", window.log());
        let written = program::read_json(&report).expect("a report");
        assert_eq!(written["schema"], 1, "{how}");
        assert_eq!(switchboard_tests::agreement::unaccounted(&written), Vec::<String>::new(), "{how}");
        assert!(written.to_string().contains("注文"), "{how}: what came before it was told to end is in it");
        let parts = std::fs::read_dir(window.folder.path()).expect("a folder").flatten();
        assert_eq!(parts.filter(|entry| entry.path().extension().is_some_and(|end| end == "part")).count(), 0, "{how}: nothing half written stays");
    }
}

#[test]
fn a_lab_that_was_killed_is_started_again_from_the_window() {
    if !is_asked_for() {
        return;
    }
    let _alone = ONE_WINDOW.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let report_arg = report.display().to_string();
    let mut window = Window::start(folder, 0, &["demo", "--no-script", "--rate", "5", "--report", &report_arg]);
    // Rows that the pointer rests on stay as they are.
    window.display.xdotool(&["mousemove", "0", "0"]);
    // Waits until the window shows a trace that began later: then a lab is at work.
    let trace_since = |since_ns: i64| {
        window.run("Show traces");
        let newest = || {
            window.display.press(&["Home"]);
            window.run("Copy as JSON");
        };
        let begins = |text: &str| serde_json::from_str::<Value>(text).ok().and_then(|trace| trace["start_ns"].as_i64());
        window.copied(newest, |text| begins(text).is_some_and(|start_ns| start_ns > since_ns));
    };
    trace_since(0);
    let killed = window.lab().expect("the lab");
    program::signal(killed, "KILL").expect("killed");
    until("the end of the lab is told", || window.log().contains("The demo's lab has ended by itself (signal: 9 (SIGKILL))").then_some(()));
    let ended_ns = now_ns();

    // The command can be chosen only once the window itself knows of that end.
    window.run("Start the demo's lab again");
    let again = until("another lab runs", || window.lab());
    assert_ne!(again, killed);
    // It was told to go, and a session that began with it watches it.
    until("a session begins anew", || (window.log().matches("The session begins").count() == 2).then_some(()));
    trace_since(ended_ns);
    assert_eq!(window.lab(), Some(again), "one is enough");

    program::signal(window.program.pid(), "TERM").expect("told to end");
    assert_eq!(window.program.wait(DEADLINE).expect("ends"), 0, "{}", window.log());
    let report = program::read_json(&report).expect("a report");
    assert_eq!(switchboard_tests::agreement::unaccounted(&report), Vec::<String>::new());
    for array in ["services", "channels", "interactions", "groups"] {
        assert!(report[array].as_array().is_some_and(|rows| !rows.is_empty()), "{array} is empty: {}", window.log());
    }
}
