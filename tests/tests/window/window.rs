//! The program in a window of its own, as a hand and a screen reader have it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use switchboard_model::now_ns;
use switchboard_tests::display::{DEADLINE, Display, until};
use switchboard_tests::program::{self, Program};

use crate::eyes::{Eyes, Thing};

/// How long keys are given to take effect before they are pressed again.
pub const LOOKS: Duration = Duration::from_secs(3);
/// Two windows that are drawn in software at once would wait for one another.
static ONE_WINDOW: Mutex<()> = Mutex::new(());
/// The trace that tests send.
pub const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Whether tests drive windows.
pub fn is_driven() -> bool {
    let is_asked = std::env::var_os("CI_PEERS").is_some();
    if !is_asked {
        eprintln!("skipped: CI_PEERS is not set (this test needs Xvfb, openbox, xdotool, xclip, at-spi2-core, python3-gi and a Vulkan driver)");
    }
    is_asked
}

/// The program in a window, with a stand-in for the desktop's browser.
pub struct Window {
    pub display: Display,
    pub eyes: Eyes,
    pub program: Program,
    pub folder: tempfile::TempDir,
    http_port: u16,
    number: String,
    _alone: MutexGuard<'static, ()>,
}

impl Window {
    /// Watches what is sent to it, with links of a profile.
    pub fn watch() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let profile = folder.path().join("profile.toml");
        std::fs::write(&profile, "name = \"window test\"\n[links]\ntrace = \"http://links.test/trace/{trace_id}?span={span_id}\"\n").expect("written");
        let (grpc_port, http_port) = program::free_ports().expect("free ports");
        let (profile, grpc, http) = (profile.display().to_string(), grpc_port.to_string(), http_port.to_string());
        Self::start(folder, http_port, &["watch", "--profile", &profile, "--otlp-grpc-port", &grpc, "--otlp-http-port", &http])
    }

    pub fn start(folder: tempfile::TempDir, http_port: u16, args: &[&str]) -> Self {
        let alone = ONE_WINDOW.lock().unwrap_or_else(PoisonError::into_inner);
        let (display, eyes) = (Display::start(), Eyes::open());
        let browser = folder.path().join("xdg-open");
        std::fs::write(&browser, format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{}'\n", folder.path().join("opened").display())).expect("written");
        std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).expect("executable");
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let in_a_window = |command: &mut Command| {
            command.env("DISPLAY", &display.name).env("SWITCHBOARD_LOG", "info").env("BROWSER", &browser).env("DBUS_SESSION_BUS_ADDRESS", &eyes.bus_address);
            command.stdout(log.try_clone().expect("a file")).stderr(log);
        };
        let mut program = Program::start_as(args, in_a_window).expect("starts");
        let logged = || std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        let mut found = String::new();
        let opened = program::wait_until("a window", DEADLINE, || {
            assert!(program.is_running().expect("known"), "it ended before it had a window:\n{}", logged());
            found = display.xdotool(&["search", "--onlyvisible", "--name", "Switchboard"]);
            !found.is_empty()
        });
        let number = found.lines().next().unwrap_or_else(|| panic!("{opened:?}:\n{}", logged())).to_owned();
        // Without a window manager nobody else gives it the keys.
        display.xdotool(&["windowfocus", "--sync", &number]);
        eyes.wait_for("the window is drawn", |thing| thing.role == "page tab");
        Self { display, eyes, program, folder, http_port, number, _alone: alone }
    }

    /// Waits until a thing is there whose name begins so, and has a place.
    #[track_caller]
    pub fn thing(&self, role: &str, name: &str) -> Thing {
        self.eyes.wait_for(&format!("{role} {name}"), |thing| thing.role == role && thing.name.starts_with(name) && thing.place.is_some())
    }

    /// Clicks on such a thing once it is there.
    #[track_caller]
    pub fn click(&self, role: &str, name: &str) {
        self.display.click(self.thing(role, name).middle(), 1);
    }

    /// Tells the window manager something of this window.
    pub fn manage(&self, what: &str) {
        self.display.xdotool(&[what, &self.number]);
    }

    /// Whether the palette or Find lies over it.
    pub fn is_covered(&self) -> bool {
        self.eyes.look().iter().any(|thing| thing.role == "dialog")
    }

    /// Opens what lies over the window, by a key that is pressed once: pressed again it would close it.
    #[track_caller]
    pub fn open(&self, what: &str, key: &str) {
        self.display.press(&[key]);
        until(what, || self.is_covered().then_some(()));
    }

    /// Presses keys until what they do can be seen: keys that come before what they are for is there do nothing.
    #[track_caller]
    pub fn press_until(&self, what: &str, keys: &[&str], is_so: impl Fn() -> bool) {
        until(what, || {
            self.display.press(keys);
            program::wait_until(what, LOOKS, &is_so).ok()
        });
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The demo's lab, by its process id, while it runs.
    pub fn lab(&self) -> Option<u32> {
        let is_lab = |pid: &u32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == b"lab"));
        self.program.children().into_iter().find(is_lab)
    }

    /// Sends spans until they are taken.
    pub fn send(&self, spans: &Value) {
        let body = json!({"resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "注文"}}]},
            "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}],
        }]});
        let request = self.path("request.json");
        std::fs::write(&request, body.to_string()).expect("written");
        until("the spans are taken", || post(self.http_port, &request).then_some(()));
    }

    /// Sends a trace of one span of 42 ms.
    pub fn send_one(&self) {
        let start = now_ns();
        self.send(&json!([{
            "traceId": TRACE, "spanId": "00f067aa0ba902b7", "name": "POST /checkout", "kind": 2,
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 42_000_000).to_string(),
        }]));
    }

    /// A command by its name, from the palette, once it can be used.
    #[track_caller]
    pub fn run(&self, command: &str) {
        self.open("the palette is open", "ctrl+p");
        self.display.write(command);
        self.press_until(command, &["Return"], || !self.is_covered());
    }

    /// Acts until what is copied is as it should be: a key that came before the row was there did nothing.
    #[track_caller]
    pub fn copied(&self, act: impl Fn(), is_it: impl Fn(&str) -> bool) -> String {
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
