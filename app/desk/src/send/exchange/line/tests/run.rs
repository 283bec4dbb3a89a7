//! Runs lines by a shell.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What every secret is in the shell's variables.
pub const SECRET: &str = "s3cret $(touch canary) 'x\" `touch canary`";

/// What a program was given.
#[derive(Debug, Default)]
pub struct Given {
    /// Its arguments.
    pub words: Vec<Vec<u8>>,
    /// What it read from its standard input.
    pub input: Vec<u8>,
    /// What it read from its descriptor 3, where there is one.
    pub third: Vec<u8>,
}

/// Functions that stand for the programs and write down what they are given. No program of theirs can run: none is to be found.
const PROGRAMS: &str = "given() {
for word do printf '%s\\0' \"$word\"; done > \"$GIVEN/words\"
cat > \"$GIVEN/input\"
if { true <&3; } 2> /dev/null; then cat <&3 > \"$GIVEN/third\"; fi
printf x >> \"$GIVEN/ran\"
}
curl() { given \"$@\"; }
grpcurl() { given \"$@\"; }
kcat() { given \"$@\"; }
";

/// Runs a line; one program ran, and nothing else left a trace.
pub fn shell(line: &str) -> Given {
    let folder = TempDir::new().expect("a folder");
    let (programs, given, work) = (folder.path().join("programs"), folder.path().join("given"), folder.path().join("work"));
    for path in [&programs, &given, &work] {
        std::fs::create_dir(path).expect("made");
    }
    for name in ["cat", "touch"] {
        let found = ["/usr/bin", "/bin"].iter().map(|folder| Path::new(folder).join(name)).find(|path| path.exists()).expect("a system's program");
        std::os::unix::fs::symlink(found, programs.join(name)).expect("made");
    }
    let script = folder.path().join("line.sh");
    std::fs::write(&script, format!("{PROGRAMS}{line}")).expect("written");
    let mut command = Command::new("/bin/sh");
    command.arg(&script).current_dir(&work).stdin(Stdio::null()).env_clear().env("PATH", &programs).env("GIVEN", &given);
    for name in ["API_TOKEN", "TOKEN", "TO_KEN___TOUCH_CANARY_"] {
        command.env(name, SECRET);
    }
    let output = command.output().expect("a shell");
    assert!(output.status.success() && output.stderr.is_empty() && output.stdout.is_empty(), "{line}\n{output:?}");
    assert_eq!(std::fs::read_dir(&work).expect("a folder").count(), 0, "something else ran:\n{line}");
    assert_eq!(std::fs::read(given.join("ran")).unwrap_or_default(), b"x", "one program, once:\n{line}");
    let read = |name: &str| std::fs::read(given.join(name)).unwrap_or_default();
    let words = read("words");
    let words = words.strip_suffix(b"\0").map(|words| words.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()).unwrap_or_default();
    Given { words, input: read("input"), third: read("third") }
}

/// A shell that is there.
#[derive(Debug)]
pub struct Shell(&'static str);

/// The shells of this machine: `sh` is one everywhere.
pub fn shells() -> Vec<Shell> {
    let is_there = |name: &&str| Command::new(name).args(["-c", ":"]).stdin(Stdio::null()).output().is_ok_and(|output| output.status.success());
    let found: Vec<Shell> = ["sh", "dash", "bash", "zsh", "ksh", "mksh"].into_iter().filter(is_there).map(Shell).collect();
    assert!(found.iter().any(|shell| shell.0 == "sh"));
    found
}

impl Shell {
    /// What a line prints.
    pub fn output(&self, line: &str) -> Vec<u8> {
        Command::new(self.0).args(["-c", line]).stdin(Stdio::null()).output().expect("a shell").stdout
    }
}
