//! An X server without a screen, and hands on it: keys and pointer from `xdotool`, the clipboard from `xclip`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take that is waited for.
pub const DEADLINE: Duration = Duration::from_mins(3);

/// Ends a child when dropped.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, which is what we want.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

/// An X server whose screen is a file.
pub struct Display {
    _server: Running,
    /// As `DISPLAY` has it.
    pub name: String,
    screen: tempfile::TempDir,
}

impl Display {
    /// One of 1440 × 900.
    pub fn start() -> Self {
        let screen = tempfile::tempdir().expect("a folder");
        // Else it begins anew whenever its last client goes, which `xdotool` is again and again until there is a window.
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-noreset", "-screen", "0", "1440x900x24", "-nolisten", "tcp", "-fbdir"])
            .arg(screen.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb is installed");
        let mut number = String::new();
        BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut number).expect("a display");
        Self { _server: Running(server), name: format!(":{}", number.trim()), screen }
    }

    /// Whether something is drawn in its lower left corner, which is black before.
    pub fn is_drawn(&self) -> bool {
        let corner = || {
            // XWD: a head of big-endian words, a table of colours of 12 bytes each, then the pixels, row by row.
            let mut screen = File::open(self.screen.path().join("Xvfb_screen0"))?;
            let mut head = [0; 80];
            screen.read_exact(&mut head)?;
            let word = |at: usize| u64::from(u32::from_be_bytes([head[at * 4], head[at * 4 + 1], head[at * 4 + 2], head[at * 4 + 3]]));
            let (head_bytes, num_rows, row_bytes, num_colours) = (word(0), word(5), word(12), word(19));
            screen.seek(SeekFrom::Start(head_bytes + num_colours * 12 + (num_rows - 1) * row_bytes))?;
            let mut colour = [0; 3];
            screen.read_exact(&mut colour)?;
            std::io::Result::Ok(colour)
        };
        corner().is_ok_and(|colour| colour != [0; 3])
    }

    /// A program on it.
    pub fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env("DISPLAY", &self.name).env_remove("WAYLAND_DISPLAY").stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// What xdotool prints.
    pub fn xdotool(&self, args: &[&str]) -> String {
        let output = self.command("xdotool", args).output().expect("xdotool is installed");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A window manager, while the child lives: without one nothing is minimised, and nobody asks a window to close.
    pub fn manage(&self) -> Running {
        let manager = Running(self.command("openbox", &["--sm-disable"]).stdout(Stdio::null()).spawn().expect("openbox is installed"));
        until("a window manager is there", || self.xdotool(&["get_num_desktops"]).parse::<u32>().ok());
        manager
    }

    /// Puts the pointer somewhere on the screen. (`--sync` would wait for ever where it is there already.)
    pub fn point(&self, (x, y): (i32, i32)) {
        self.xdotool(&["mousemove", &x.to_string(), &y.to_string()]);
    }

    /// Clicks there: 1 is the left button, 3 the right one, 4 and 5 are the wheel.
    pub fn click(&self, at: (i32, i32), button: u8) {
        self.point(at);
        self.xdotool(&["click", &button.to_string()]);
    }

    /// Clicks there twice, as fast as a hand does.
    pub fn click_twice(&self, at: (i32, i32)) {
        self.point(at);
        self.xdotool(&["click", "--repeat", "2", "--delay", "60", "1"]);
    }

    /// Drags from one place to another, in steps and at the pace of a hand: what comes within one frame of the window's is no drag.
    pub fn drag(&self, from: (i32, i32), to: (i32, i32)) {
        self.point(from);
        let mut strokes = vec!["mousedown".to_owned(), "1".to_owned()];
        for step in 1..=8 {
            let at = [from.0 + (to.0 - from.0) * step / 8, from.1 + (to.1 - from.1) * step / 8];
            strokes.extend(["sleep".to_owned(), "0.1".to_owned(), "mousemove".to_owned()]);
            strokes.extend(at.map(|at| at.to_string()));
        }
        strokes.extend(["sleep", "0.1", "mouseup", "1"].map(str::to_owned));
        self.xdotool(&strokes.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Types a text, key by key.
    pub fn write(&self, text: &str) {
        self.xdotool(&["type", "--delay", "12", "--", text]);
    }

    /// Presses keys one after another, as `xdotool` calls them.
    pub fn press(&self, keys: &[&str]) {
        for key in keys {
            self.xdotool(&["key", "--clearmodifiers", key]);
        }
    }

    /// What is on the clipboard, as another program reads it.
    pub fn clipboard(&self) -> String {
        let output = self.command("timeout", &["5", "xclip", "-o", "-selection", "clipboard"]).output().expect("xclip is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Another program puts a text there, which stays while the child lives.
    pub fn offer(&self, text: &str) -> Running {
        let mut child = self.command("xclip", &["-i", "-selection", "clipboard", "-quiet"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("xclip");
        child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("xclip reads");
        let child = Running(child);
        until("the clipboard holds what was offered", || (self.clipboard() == text).then_some(()));
        child
    }
}

/// Asks again and again until there is an answer.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
