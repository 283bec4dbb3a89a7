//! The package that assets/package/build.sh made: it is installed, its program starts from it in a window, and nothing of it is left once it is
//! removed. It changes the machine that it runs on, so it runs as root, where no other Switchboard is installed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use switchboard_tests::display::{DEADLINE, Display, Running};
use switchboard_tests::program;

/// Far beyond what a first frame takes; the note of each run says how long it was.
const FIRST_FRAME_WITHIN: Duration = Duration::from_secs(20);

/// What a command prints; it must succeed.
#[track_caller]
fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {args:?}: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    text
}

/// The one package in the target folder.
fn package() -> PathBuf {
    let tests = std::env::current_exe().expect("a path");
    let made = tests.ancestors().nth(3).expect("a target folder").join("package");
    let packages = std::fs::read_dir(&made).into_iter().flatten().flatten().map(|entry| entry.path());
    let packages: Vec<PathBuf> = packages.filter(|path| path.extension().is_some_and(|end| end == "deb")).collect();
    let [package] = packages.as_slice() else { panic!("{} holds no package, or several; run assets/package/build.sh", made.display()) };
    package.clone()
}

/// Installs a package; what it needs comes with it.
struct Installed;

impl Installed {
    fn new(package: &Path) -> Self {
        assert_eq!(said("id", &["-u"]).trim(), "0", "only root can install a package");
        let there = Command::new("dpkg").args(["-s", "switchboard"]).output().expect("dpkg is there");
        assert!(!there.status.success(), "another Switchboard is installed, which this test would remove");
        said("apt-get", &["-q", "-y", "--no-install-recommends", "install", &package.display().to_string()]);
        Self
    }

    /// Its files, without folders.
    fn files() -> BTreeSet<PathBuf> {
        said("dpkg", &["-L", "switchboard"]).lines().map(PathBuf::from).filter(|path| !path.is_dir()).collect()
    }

    fn remove() {
        said("apt-get", &["-q", "-y", "purge", "switchboard"]);
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _removed = Command::new("dpkg").args(["--purge", "switchboard"]).output();
        }
    }
}

/// Starts the installed program until its first frame was drawn, and says what it said of it and when it was to be seen.
fn first_frame(display: &Display) -> (String, Duration) {
    let home = tempfile::tempdir().expect("a folder");
    let (grpc_port, http_port) = program::free_ports().expect("free ports");
    let log = home.path().join("log");
    let (grpc, http) = (grpc_port.to_string(), http_port.to_string());
    let mut command = display.command("/usr/bin/switchboard", &["--otlp-grpc-port", &grpc, "--otlp-http-port", &http]);
    command.env("SWITCHBOARD_LOG", "info");
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
        command.env(name, home.path());
    }
    command.stdout(Stdio::null()).stderr(std::fs::File::create(&log).expect("a file"));
    let read = || std::fs::read_to_string(&log).unwrap_or_default();
    let started = Instant::now();
    let mut running = Running(command.spawn().expect("starts"));
    while !display.is_drawn() {
        assert!(started.elapsed() < FIRST_FRAME_WITHIN, "no first frame within {FIRST_FRAME_WITHIN:?}:\n{}", read());
        std::thread::sleep(Duration::from_millis(2));
    }
    let seen_after = started.elapsed();
    program::wait_until("the program tells of its first frame", DEADLINE, || read().contains("The first frame was drawn")).expect("it tells");
    // A desktop finds the entry, and with it the icon, by the window's class.
    let found = display.xdotool(&["search", "--onlyvisible", "--class", "^switchboard$"]);
    assert!(!found.is_empty(), "no window has the class that its desktop entry names");
    program::signal(running.0.id(), "TERM").expect("told to end");
    assert!(running.0.wait().expect("ends").success(), "{}", read());
    let told = read().lines().find_map(|line| line.split_once("The first frame ").map(|(_, told)| told.to_owned())).expect("it told");
    (told, seen_after)
}

#[test]
fn the_package_is_installed_its_program_starts_in_a_window_and_nothing_is_left_of_it() {
    if std::env::var_os("CI_PEERS").is_none() {
        eprintln!("skipped: CI_PEERS is not set (this test installs what assets/package/build.sh made, as root, and needs fish, zsh, Xvfb and xdotool)");
        return;
    }
    let package = package();
    let held = said("dpkg-deb", &["--contents", &package.display().to_string()]);
    assert!(held.lines().all(|line| line.split_whitespace().nth(1) == Some("root/root")), "{held}");

    let installed = Installed::new(&package);
    let files = Installed::files();
    // What the package holds; some systems leave man pages and documentation out.
    for place in [
        "bin/switchboard",
        "share/applications/switchboard.desktop",
        "share/bash-completion/completions/switchboard",
        "share/doc/switchboard/CHANGELOG.md.gz",
        "share/doc/switchboard/copyright",
        "share/doc/switchboard/licences-of-crates.gz",
        "share/fish/vendor_completions.d/switchboard.fish",
        "share/icons/hicolor/256x256/apps/switchboard.png",
        "share/icons/hicolor/scalable/apps/switchboard.svg",
        "share/man/man1/switchboard-demo.1.gz",
        "share/man/man1/switchboard.1.gz",
        "share/zsh/vendor-completions/_switchboard",
    ] {
        assert!(held.contains(&format!(" ./usr/{place}\n")), "{place} is not in the package:\n{held}");
        assert!(files.contains(&Path::new("/usr").join(place)), "{place} belongs to no installed package");
    }
    said("desktop-file-validate", &["/usr/share/applications/switchboard.desktop"]);
    assert_eq!(said("/usr/bin/switchboard", &["--version"]).trim(), format!("switchboard {}", env!("CARGO_PKG_VERSION")));

    // The shells complete subcommands, options and values.
    let bash = ". /usr/share/bash-completion/completions/switchboard && complete -p switchboard && \
                COMP_WORDS=(switchboard demo --t) COMP_CWORD=2 && _switchboard switchboard --t demo && echo ${COMPREPLY[@]}";
    let completed = said("bash", &["--norc", "-c", bash]);
    assert!(completed.contains("_switchboard") && completed.ends_with("--theme\n"), "{completed}");
    said("zsh", &["-f", "-n", "/usr/share/zsh/vendor-completions/_switchboard"]);
    let completed = said("fish", &["--private", "-c", "complete -C 'switchboard demo --view dead'"]);
    assert!(completed.starts_with("dead-letters\t"), "{completed}");

    let display = Display::start();
    for start in ["first", "second", "third"] {
        let (told, seen_after) = first_frame(&display);
        eprintln!("{start} start: on the screen {} ms after it; the program says: the first frame {told}", seen_after.as_millis());
        program::wait_until("the screen is black again", DEADLINE, || !display.is_drawn()).expect("the window is gone");
    }

    Installed::remove();
    let left: Vec<&PathBuf> = files.iter().filter(|path| path.symlink_metadata().is_ok()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    assert!(!Path::new("/usr/share/doc/switchboard").exists());
    drop(installed);
}
