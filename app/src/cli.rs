//! Every subcommand and flag.

use std::path::PathBuf;
use std::time::Duration;

use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use switchboard_window::{ThemeChoice, ViewKind};

/// See how services talk to one another: traces, topics, lag and circuit breakers on one live map.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do; without one the window opens on the last profile.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to watch, where no subcommand is given.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a small business of real services on loopback and watch it
    Demo(DemoArgs),
    /// Watch real systems: those of a profile, and whatever sends OTLP
    Watch(WatchArgs),
    /// Run the demo's services alone, as a process of their own
    Lab(LabArgs),
    /// Send one request from its file, and tell what was answered (JSON)
    ///
    /// Exit code 0: it was answered well. 1: it was not sent. 4: it was answered with a failure, or not to its end, its
    /// reply did not come, or not all of several were sent. 5: it may have been sent, and nobody knows.
    Send(SendArgs),

    /// Send the records of a plan that the window saved, or of a file, and tell what became of them (JSON)
    ///
    /// The first few go first; the rest once they were read by the group that failed. Asked for again, it sends what the ledger does not know to
    /// have been sent. Exit code 0: all was sent and none came back. 1: nothing was sent. 4: not all of it was, or some came back dead. 5: of some nobody knows.
    Replay(ReplayArgs),
}

/// What to replay.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// The plan (JSON), as the window saves it
    #[arg(long, value_name = "FILE", required_unless_present = "file", conflicts_with = "file")]
    pub plan: Option<PathBuf>,
    /// Records, one a line, as the window exports them or kcat -J writes them
    #[arg(long, value_name = "FILE", requires = "to")]
    pub file: Option<PathBuf>,
    /// The cluster to which the records of the file go, by the name of its source
    #[arg(long, value_name = "NAME", requires = "file")]
    pub to: Option<String>,
    /// The topic to which all of the file go; without it each goes to its own
    #[arg(long, value_name = "TOPIC", requires = "file")]
    pub target: Option<String>,
    /// Each of the file keeps its time
    #[arg(long, requires = "file")]
    pub keep_time: bool,
    /// Each of the file goes by its key, not to its old partition
    #[arg(long, requires = "file")]
    pub by_key: bool,
    /// Also those of the file that were sent before, or may have been
    #[arg(long, requires = "file")]
    pub again: bool,
    /// The profile with the clusters that it is about
    #[arg(long, value_name = "FILE")]
    pub profile: PathBuf,
    /// Read the records again and tell what would be sent; send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The name of the cluster that it goes to, where that has to be confirmed
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// Send the rest also where nobody can be seen to read the first few
    #[arg(long)]
    pub unseen: bool,
    /// How long to wait until the first few were read, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub wait: u64,
}

/// What to send.
#[derive(Clone, Debug, Args)]
pub struct SendArgs {
    /// The request (TOML), as the window saves it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The profile with the cluster that it goes to, its secrets, and what may be sent to
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// The environment whose variables fill it in, of environments.toml beside the request
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// A variable of its own; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_variable)]
    pub variables: Vec<(String, String)>,
    /// The name of what it goes to, where that has to be confirmed: a source's, or host:port
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    text.split_once('=').map(|(name, value)| (name.trim().to_owned(), value.to_owned())).ok_or_else(|| format!("`{text}` has no =; write name=value"))
}

/// How to watch.
#[derive(Clone, Debug, Args)]
pub struct WatchArgs {
    /// What to connect to (TOML); without it only the OTLP ports listen
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// Port for OTLP over gRPC, instead of the profile's (0 = off)
    #[arg(long, value_name = "PORT")]
    pub otlp_grpc_port: Option<u16>,
    /// Port for OTLP over HTTP, instead of the profile's (0 = off)
    #[arg(long, value_name = "PORT")]
    pub otlp_http_port: Option<u16>,
    /// How to run and what to leave behind.
    #[command(flatten)]
    pub run: RunArgs,
}

/// How to run the demo.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Use this Kafka instead of the built-in mock cluster
    #[arg(long, value_name = "HOST:PORT")]
    pub kafka: Option<String>,
    /// Write what the demo's business did by its own books (JSON)
    #[arg(long, value_name = "FILE")]
    pub books: Option<PathBuf>,
    /// Orders per second
    #[arg(long, value_name = "N", default_value_t = 20.0)]
    pub rate: f64,
    /// Leave the faults to you instead of the script
    #[arg(long)]
    pub no_script: bool,
    /// How to run and what to leave behind.
    #[command(flatten)]
    pub run: RunArgs,
}

/// How the lab runs.
#[derive(Clone, Debug, Args)]
pub struct LabArgs {
    /// Use this Kafka instead of the built-in mock cluster
    #[arg(long, value_name = "HOST:PORT")]
    pub kafka: Option<String>,
    /// Write what the business did by its own books (JSON)
    #[arg(long, value_name = "FILE")]
    pub books: Option<PathBuf>,
    /// Port to which spans go over gRPC
    #[arg(long, value_name = "PORT", default_value_t = 4317)]
    pub otlp_grpc_port: u16,
    /// Port to which spans go over HTTP
    #[arg(long, value_name = "PORT", default_value_t = 4318)]
    pub otlp_http_port: u16,
    /// Orders per second
    #[arg(long, value_name = "N", default_value_t = 20.0)]
    pub rate: f64,
    /// Leave the faults to lines on standard input instead of the script
    #[arg(long)]
    pub no_script: bool,
    /// Place no order before the line `go` on standard input
    #[arg(long)]
    pub hold: bool,
}

/// How a session runs and what it leaves behind.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// No window: status lines on standard output
    #[arg(long)]
    pub headless: bool,
    /// End after this long, as 40s, 10m or 1h
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub run_for: Option<Duration>,
    /// Write what was seen (JSON) at the end; - is standard output
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Draw the window into a PNG at the end
    #[arg(long, value_name = "FILE")]
    pub screenshot: Option<PathBuf>,
    /// Which view to draw
    #[arg(long, value_name = "VIEW", default_value = "map", value_parser = views())]
    pub view: ViewKind,
    /// What to press and type in it before, as 'Ctrl+K "4711" Enter'
    #[arg(long, value_name = "KEYS", default_value = "", hide_default_value = true)]
    pub keys: switchboard_window::Strokes,
    /// Its size in pixels
    #[arg(long, value_name = "WxH", default_value = "1600x1000", value_parser = parse_size)]
    pub size: (u32, u32),
    /// Its colours; without it dark in a picture, the remembered choice in the window
    #[arg(long, value_name = "THEME", value_parser = themes())]
    pub theme: Option<ThemeChoice>,
    /// Memory for what was observed, as 512MiB or 4GiB
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = parse_size_bytes)]
    pub memory: usize,
}

/// The views that can be drawn, by their names.
fn views() -> impl TypedValueParser<Value = ViewKind> {
    let values = ViewKind::ALL.map(|view| PossibleValue::new(view.name()).help(view.words()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<ViewKind>())
}

/// The themes that can be asked for.
fn themes() -> impl TypedValueParser<Value = ThemeChoice> {
    PossibleValuesParser::new(["dark", "light"]).map(|name| if name == "light" { ThemeChoice::Light } else { ThemeChoice::Dark })
}

/// Longer than any run; what is beyond, clocks and timers cannot tell.
const RUN_FOR_MAX: Duration = Duration::from_hours(366 * 24);

fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is no time; write 40s, 10m or 1h"))?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "s" | "" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(format!("`{unit}` is no unit of time; write 40s, 10m or 1h")),
    };
    let run_for = Duration::try_from_secs_f64(seconds).ok().filter(|run_for| *run_for <= RUN_FOR_MAX);
    run_for.ok_or_else(|| format!("`{text}` is longer than a year; leave --for out to run until Ctrl+C"))
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("`{text}` is no size; write 1600x1000 (each side from 320 to 8192)");
    let (width, height) = text.split_once(['x', 'X']).ok_or_else(wrong)?;
    let side = |text: &str| text.parse().ok().filter(|side| (320..=8192).contains(side));
    Ok((side(width).ok_or_else(wrong)?, side(height).ok_or_else(wrong)?))
}

fn parse_size_bytes(text: &str) -> Result<usize, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor: usize = match unit.to_ascii_lowercase().as_str() {
        "mib" | "mb" | "m" | "" => 1 << 20,
        "gib" | "gb" | "g" => 1 << 30,
        _ => return Err(format!("`{unit}` is no unit of memory; write 512MiB or 4GiB")),
    };
    let size_bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(factor));
    size_bytes.filter(|size_bytes| *size_bytes >= 16 << 20).ok_or_else(|| format!("`{text}` is no size of at least 16MiB; write 512MiB or 4GiB"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use clap_complete::{Generator as _, Shell};
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Completions and man pages as clap makes them, by their paths below `assets/package`.
    fn pages() -> Vec<(String, Vec<u8>)> {
        let mut pages = Vec::new();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut page = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "switchboard", &mut page);
            pages.push((format!("completions/{}", shell.file_name("switchboard")), page));
        }
        let mut cli = Cli::command().disable_help_subcommand(true);
        cli.build();
        for command in std::iter::once(&cli).chain(cli.get_subcommands()) {
            let man = clap_mangen::Man::new(command.clone()).manual("Switchboard");
            let mut page = Vec::new();
            man.render(&mut page).expect("memory takes it");
            if command.get_name() == cli.get_name() {
                page.extend_from_slice(include_bytes!("../../assets/package/more.1"));
            }
            pages.push((format!("man/{}", man.get_filename()), page));
        }
        pages
    }

    #[test]
    fn completions_and_man_pages_are_those_of_this_command_line() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/package");
        let pages = pages();
        assert_eq!(pages.len(), 9, "three shells, the program and its five subcommands");
        for (name, page) in &pages {
            let path = folder.join(name);
            if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
                std::fs::write(&path, page).expect("written");
            }
            let kept = std::fs::read(&path).unwrap_or_default();
            assert!(kept == *page, "assets/package/{name} is another command line's; UPDATE_SNAPSHOTS=1 writes it anew, then look at it");
        }
        // What clap writes is what is wanted: each subcommand and each option is found in each of them.
        let cli = Cli::command();
        let names: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
        let options = cli.get_subcommands().chain([&cli]).flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long);
        let options: BTreeSet<&str> = options.collect();
        assert!(names.len() == 5 && options.contains("report") && options.contains("books"));
        let text = |is_wanted: &dyn Fn(&str) -> bool| {
            let pages = pages.iter().filter(|(name, _)| is_wanted(name)).map(|(_, page)| String::from_utf8_lossy(page).replace('\\', ""));
            pages.collect::<String>()
        };
        for place in ["bash", "_switchboard", "fish", "man/"] {
            let text = text(&|name| name.contains(place));
            for word in names.iter().chain(&options) {
                assert!(text.contains(word), "{place} does not name {word}");
            }
        }
    }

    #[test]
    fn views_and_themes_are_named_as_the_readme_names_them() {
        let watch = |flag, value| Cli::try_parse_from(["switchboard", flag, value]).map(|cli| cli.watch.run);
        for view in ViewKind::ALL {
            assert_eq!(watch("--view", view.name()).map(|args| args.view).ok(), Some(view));
        }
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&format!("draws a view at the end ({})", ViewKind::ALL.map(ViewKind::name).join(", "))));
        assert_eq!(watch("--theme", "light").map(|args| args.theme).ok(), Some(Some(ThemeChoice::Light)));
        assert_eq!(watch("--theme", "dark").map(|args| args.theme).ok(), Some(Some(ThemeChoice::Dark)));
        assert!(watch("--view", "maps").is_err() && watch("--theme", "system").is_err());
    }

    #[test]
    fn durations_sizes_and_memory() {
        assert_eq!(parse_duration("40s"), Ok(Duration::from_secs(40)));
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
        assert!(parse_duration("soon").is_err() && parse_duration("3d").is_err());
        assert_eq!(parse_duration("8784h"), Ok(RUN_FOR_MAX));
        for beyond in ["9223372036854775807s", "8785h", "99999999999999999999999999999999999999999h", "1e999s", "-1s"] {
            let told = parse_duration(beyond).expect_err(beyond);
            assert!(told.contains("leave --for out") || told.contains("write 40s"), "{beyond}: {told}");
        }
        assert_eq!(parse_size("1280x800"), Ok((1280, 800)));
        assert!(parse_size("1280").is_err() && parse_size("1x1").is_err());
        assert_eq!(parse_size_bytes("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size_bytes("4GiB"), Ok(4 << 30));
        assert!(parse_size_bytes("1MiB").is_err() && parse_size_bytes("lots").is_err());
    }
}
