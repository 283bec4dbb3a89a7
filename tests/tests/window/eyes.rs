//! What a screen reader sees of the window: names, places and texts of all that is accessible, through the desktop's own bus.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use switchboard_tests::display::{Running, until};
use switchboard_tests::program;

/// How long the launcher may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// Something accessible.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// What it is, in AT-SPI's words: `push button`, `entry`, `list item`.
    pub role: String,
    pub name: String,
    /// What stands in it, where it can be edited or read as text.
    pub text: Option<String>,
    /// Left, top, width and height on the screen, pixels.
    pub place: Option<[i32; 4]>,
    pub states: Vec<String>,
}

impl Thing {
    fn read(value: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let numbers = |value: &Value| value.as_array().and_then(|all| all.iter().map(|one| one.as_i64().map(|one| one as i32)).collect::<Option<Vec<_>>>());
        Self {
            role: text(&value["role"]).unwrap_or_default(),
            name: text(&value["name"]).unwrap_or_default(),
            text: text(&value["text"]),
            place: numbers(&value["place"]).and_then(|all| all.try_into().ok()),
            states: value["states"].as_array().into_iter().flatten().filter_map(text).collect(),
        }
    }

    /// Its middle on the screen, pixels.
    #[track_caller]
    pub fn middle(&self) -> (i32, i32) {
        let [x, y, width, height] = self.place.unwrap_or_else(|| panic!("it has no place: {self:?}"));
        (x + width / 2, y + height / 2)
    }

    pub fn is_below(&self, (_, y): (i32, i32)) -> bool {
        self.place.is_some() && self.middle().1 > y
    }

    pub fn is(&self, state: &str) -> bool {
        self.states.iter().any(|own| own == state)
    }
}

/// A session bus with accessibility switched on, and a reader on it.
pub struct Eyes {
    /// Where programs find the bus.
    pub bus_address: String,
    reader: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    launcher: Running,
    _others: [Running; 2],
}

impl Drop for Eyes {
    /// Told to end, the launcher takes the bus of what is accessible with it; killed, it leaves that behind.
    fn drop(&mut self) {
        let _told = program::signal(self.launcher.0.id(), "TERM");
        let _late = program::wait_until("the launcher ends", ENDS_WITHIN, || !matches!(self.launcher.0.try_wait(), Ok(None)));
    }
}

impl Eyes {
    pub fn open() -> Self {
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().expect("a pipe")).read_line(&mut address).expect("an address");
        let bus_address = address.trim().to_owned();
        let on_the_bus = |program: &str| {
            let mut command = Command::new(program);
            command.env("DBUS_SESSION_BUS_ADDRESS", &bus_address).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").stderr(Stdio::null());
            command
        };
        let launcher = on_the_bus("/usr/libexec/at-spi-bus-launcher")
            .arg("--launch-immediately")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("at-spi2-core is installed");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/eyes.py");
        // Debian's own Python has Debian's own bindings.
        let mut reader = on_the_bus("/usr/bin/python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 is installed");
        let (input, output) = (reader.stdin.take().expect("a pipe"), reader.stdout.take().expect("a pipe"));
        let mut lines = BufReader::new(output).lines();
        assert!(lines.next().is_some_and(|line| line.is_ok()), "accessibility can be switched on: python3-gi is installed");
        Self { bus_address, reader: Mutex::new((input, lines)), launcher: Running(launcher), _others: [Running(reader), Running(bus)] }
    }

    /// All that is there now, what holds others before what it holds.
    pub fn look(&self) -> Vec<Thing> {
        let mut reader = self.reader.lock().expect("one at a time");
        reader.0.write_all(b"look\n").expect("the reader lives");
        let line = reader.1.next().expect("the reader lives").expect("a line");
        let all: Value = serde_json::from_str(&line).expect("JSON");
        all.as_array().into_iter().flatten().map(Thing::read).collect()
    }

    /// Waits until something is there.
    #[track_caller]
    pub fn wait_for(&self, what: &str, is_it: impl Fn(&Thing) -> bool) -> Thing {
        until(what, || self.look().into_iter().find(&is_it))
    }
}
