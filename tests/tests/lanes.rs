//! Each test that needs more than Rust (a broker, a JVM, packages of other languages) is run by exactly one lane of `.ci/lane`, and
//! a lane is run again once what it depends on has changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every source file below a folder; none where there is no such folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// A function of a source file that rustfmt has been over.
#[derive(Debug)]
struct Function {
    /// With its modules, as the test runner prints it.
    name: String,
    is_test: bool,
    body: String,
}

/// The functions of a file whose own module is given, those of modules and impls inside included.
fn functions(text: &str, module: &str) -> Vec<Function> {
    let mut found = Vec::new();
    let mut modules: Vec<(String, usize)> = Vec::new();
    let mut is_test = false;
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if trimmed == "}" {
            modules.retain(|(_, opened)| *opened < indent);
        }
        let words: Vec<&str> = trimmed.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        if trimmed.starts_with("#[test]") || trimmed.starts_with("#[tokio::test") {
            is_test = true;
        } else if words[0] == "mod" && trimmed.ends_with('{') {
            modules.push((words[1].to_owned(), indent));
        } else if let Some(name) = words.iter().position(|word| *word == "fn").and_then(|fn_at| words.get(fn_at + 1)).filter(|_| !trimmed.starts_with("//")) {
            let end = lines[at..].iter().position(|line| line.len() == indent + 1 && line.trim_start() == "}").map_or(at, |length| at + length);
            let path = std::iter::once(module).filter(|module| !module.is_empty()).chain(modules.iter().map(|(name, _)| name.as_str())).chain([*name]);
            // One that ends on its own line has no line that is only a brace, and the next such line is another's.
            let end = if trimmed.ends_with('}') || trimmed.ends_with(';') { at } else { end };
            found.push(Function { name: path.collect::<Vec<_>>().join("::"), is_test, body: lines[at + usize::from(end > at)..=end].join("\n") });
            is_test = false;
            at = end;
        }
        at += 1;
    }
    found
}

/// Whether a text holds a word that is no part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Constants whose value holds one of the words.
fn constants(text: &str, words: &BTreeSet<String>) -> Vec<String> {
    let of_line = |line: &str| {
        let (name, value) = line.trim_start().strip_prefix("pub ").unwrap_or(line.trim_start()).strip_prefix("const ")?.split_once(':')?;
        words.iter().any(|word| has_word(value, word)).then(|| name.to_owned())
    };
    text.lines().filter_map(of_line).collect()
}

/// A test file of a package with all that belongs to it.
struct Target {
    name: String,
    package: String,
    /// Each file's text, with its module.
    files: Vec<(String, String)>,
}

/// The packages' folders.
fn members() -> Vec<String> {
    let manifest: toml::Table = read(&root().join("Cargo.toml")).parse().expect("valid");
    let members = manifest["workspace"]["members"].as_array().expect("members");
    members.iter().map(|member| member.as_str().expect("a path").to_owned()).collect()
}

fn targets() -> Vec<Target> {
    let mut targets = Vec::new();
    for package in members() {
        let folder = root().join(&package).join("tests");
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let (main, parts) = if path.is_dir() { (path.join("main.rs"), path) } else { (path.clone(), folder.join(&name)) };
            // This file only speaks of what the others ask.
            if !main.is_file() || main.extension().is_none_or(|extension| extension != "rs") || name == "lanes" {
                continue;
            }
            let mut files = vec![(read(&main), String::new())];
            for part in sources(&parts).into_iter().filter(|part| *part != main) {
                let module = part.strip_prefix(&parts).expect("inside").with_extension("");
                let module = module.components().map(|part| part.as_os_str().to_string_lossy()).filter(|part| part != "mod").collect::<Vec<_>>().join("::");
                files.push((read(&part), module));
            }
            targets.push(Target { name, package: package.clone(), files });
        }
    }
    targets
}

/// What tests share that ask whether something more is there.
fn shared() -> Vec<(String, String)> {
    let files = sources(&root().join("tests/src")).into_iter().chain(sources(&root().join("collectors/kafka/src/testing")));
    files.map(|path| (read(&path), String::new())).collect()
}

/// Names of a target's tests that ask for more than Rust, themselves or through a function of theirs.
fn gated(target: &Target, shared: &[(String, String)]) -> Vec<String> {
    let mut words = BTreeSet::from(["CI_PEERS".to_owned()]);
    let all: Vec<&(String, String)> = target.files.iter().chain(shared).collect();
    let functions: Vec<Function> = all.iter().flat_map(|(text, module)| functions(text, module)).collect();
    loop {
        let known = words.len();
        words.extend(all.iter().flat_map(|(text, _)| constants(text, &words)).collect::<Vec<_>>());
        let asks = |function: &&Function| !function.is_test && words.iter().any(|word| has_word(&function.body, word));
        let more: Vec<String> = functions.iter().filter(asks).map(|function| format!("{}(", function.name.rsplit("::").next().expect("a name"))).collect();
        words.extend(more);
        if words.len() == known {
            break;
        }
    }
    let own = target.files.iter().flat_map(|(text, module)| self::functions(text, module)).filter(|function| function.is_test);
    own.filter(|function| words.iter().any(|word| has_word(&function.body, word))).map(|function| function.name).collect()
}

/// What a lane runs: `--test TARGET -- FILTER… --skip WORD…`.
#[derive(Debug)]
struct Run {
    lane: String,
    target: String,
    filters: Vec<String>,
    skipped: Vec<String>,
}

impl Run {
    fn selects(&self, test: &str) -> bool {
        (self.filters.is_empty() || self.filters.iter().any(|filter| test.contains(filter.as_str())))
            && !self.skipped.iter().any(|word| test.contains(word.as_str()))
    }
}

fn runs(script: &str) -> Vec<Run> {
    let mut found = Vec::new();
    let mut lane = None;
    for line in script.lines() {
        if let Some(name) = line.strip_prefix("lane_").and_then(|rest| rest.strip_suffix("() {")) {
            lane = Some(name.to_owned());
        } else if line == "}" {
            lane = None;
        }
        let (Some(lane), Some((_, rest))) = (&lane, line.split_once("--test ")) else { continue };
        let mut words = rest.split_whitespace();
        let target = words.next().expect("a target").to_owned();
        let mut run = Run { lane: lane.clone(), target, filters: Vec::new(), skipped: Vec::new() };
        while let Some(word) = words.next() {
            match word {
                "--skip" => run.skipped.push(words.next().expect("a word").to_owned()),
                option if option.starts_with('-') => {}
                filter => run.filters.push(filter.to_owned()),
            }
        }
        found.push(run);
    }
    found
}

fn lane_script() -> String {
    read(&root().join(".ci/lane"))
}

#[test]
fn each_gated_test_is_in_exactly_one_lane_and_no_lane_repeats_what_the_quick_part_runs() {
    let runs = runs(&lane_script());
    let (targets, shared) = (targets(), shared());
    let mut wrong = Vec::new();
    let mut num_gated = 0;
    for target in &targets {
        let gated = gated(target, &shared);
        num_gated += gated.len();
        let of_target: Vec<&Run> = runs.iter().filter(|run| run.target == target.name).collect();
        for test in &gated {
            let lanes: Vec<&str> = of_target.iter().filter(|run| run.selects(test)).map(|run| run.lane.as_str()).collect();
            if lanes.len() != 1 {
                wrong.push(format!("{} {}: {test} is run by {lanes:?}", target.package, target.name));
            }
        }
        let others = target.files.iter().flat_map(|(text, module)| functions(text, module)).filter(|function| function.is_test);
        for test in others.map(|function| function.name).filter(|name| !gated.contains(name)) {
            for run in of_target.iter().filter(|run| run.selects(&test)) {
                wrong.push(format!("{} {}: {test} asks for nothing more than Rust, and is run by {} once more", target.package, target.name, run.lane));
            }
        }
    }
    for run in &runs {
        let of_target = targets.iter().filter(|target| target.name == run.target);
        if !of_target.flat_map(|target| gated(target, &shared)).any(|test| run.selects(&test)) {
            wrong.push(format!("{run:?} runs no gated test"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(num_gated >= 10, "only {num_gated} gated tests were found");
}

#[test]
fn no_test_inside_a_package_asks_for_more_than_rust() {
    let shared = root().join("collectors/kafka/src/testing");
    for package in members() {
        for path in sources(&root().join(package).join("src")).iter().filter(|path| !path.starts_with(&shared)) {
            assert!(!read(path).contains("CI_PEERS"), "{} is in no lane", path.display());
        }
    }
}

#[test]
fn the_list_of_lanes_names_each_lane_and_what_it_depends_on() {
    let script = lane_script();
    let made: BTreeSet<&str> = script.lines().filter_map(|line| line.strip_prefix("lane_")?.strip_suffix("() {")).collect();
    let list = read(&root().join(".ci/lanes"));
    let mut listed = BTreeSet::from(["quick", "needs"]);
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let [lane, commit, paths @ ..] = words.as_slice() else { panic!("{line}: lane, commit and paths") };
        assert!(*commit == "-" || (commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit())), "{lane}: {commit} is no commit");
        assert!(listed.insert(lane), "{lane} is listed twice");
        // A feature that is dropped, or another version of what is built upon, changes what each lane proves.
        for path in ["Cargo.toml", "Cargo.lock"] {
            assert!(paths.contains(&path), "{lane} does not name {path}");
        }
        for path in paths {
            assert!(root().join(path).exists(), "{lane}: {path} does not exist");
            assert!(!path.starts_with(".ci/lanes") && *path != ".ci", "{lane}: {path} changes with every pass");
        }
    }
    assert_eq!(made, listed);
}

#[test]
fn what_ci_builds_is_what_the_lock_file_says() {
    for file in ["lane", "steps"] {
        for line in read(&root().join(".ci").join(file)).lines() {
            for verb in ["cargo clippy ", "cargo build ", "cargo check ", "cargo doc ", "cargo test ", "cargo install "] {
                let is_said = line.trim_start().starts_with('#') || line.contains(&format!("\"{verb}"));
                assert!(is_said || !line.contains(verb) || line.contains("--locked"), ".ci/{file}: {line}");
            }
        }
    }
}

#[test]
fn functions_are_found_with_their_modules() {
    let text = "const GATE: &str = \"CI_PEERS\";\nmod apache {\n    #[tokio::test(flavor = \"multi_thread\")]\n    async fn one() {\n        if true {\n        }\n        asked();\n    }\n}\n\nfn two() {}\n\n#[test]\nfn three() {\n    two();\n}\nfn asked() -> bool {\n    std::env::var_os(GATE).is_none()\n}\n";
    let target = Target { name: "t".into(), package: "p".into(), files: vec![(text.to_owned(), String::new()), (text.to_owned(), "inner".to_owned())] };
    let names: Vec<String> = functions(text, "inner").into_iter().filter(|function| function.is_test).map(|function| function.name).collect();
    assert_eq!(names, ["inner::apache::one", "inner::three"]);
    assert_eq!(gated(&target, &[]), ["apache::one", "inner::apache::one"]);
    let run = &runs("lane_a() {\n    peers 60 --test t -- apache --skip inner\n}\n")[0];
    assert_eq!((run.lane.as_str(), run.target.as_str(), run.selects("apache::one"), run.selects("inner::apache::one")), ("a", "t", true, false));
}

#[cfg(unix)]
#[test]
fn a_lane_is_stale_once_its_paths_changed_and_the_oldest_comes_first() {
    use std::process::Command;

    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let git = |args: &[&str], at_s: u32| {
        let date = format!("{at_s} +0000");
        let mut command = Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]).args(args).current_dir(&folder);
        let output = command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date).output().expect("git");
        assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    let commit = |at_s: u32| {
        git(&["add", "-A"], at_s);
        git(&["commit", "-q", "-m", "a change"], at_s);
        git(&["rev-parse", "HEAD"], at_s)
    };
    let stale = || {
        let output = Command::new("bash").arg(path(".ci/stale")).output().expect("bash");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect::<Vec<_>>()
    };
    git(&["init", "-q"], 0);
    std::fs::create_dir(path(".ci")).expect("made");
    std::fs::create_dir(path("a")).expect("made");
    std::fs::copy(root().join(".ci/stale"), path(".ci/stale")).expect("copied");
    for file in ["a/one", "two", "other"] {
        std::fs::write(path(file), "1").expect("written");
    }
    let first = commit(1_000_000_000);
    std::fs::write(path("other"), "2").expect("written");
    let second = commit(1_000_000_100);
    let unknown = "0123456789abcdef0123456789abcdef01234567";
    std::fs::write(
        path(".ci/lanes"),
        format!("# lanes\nlate {second} two a\nearly {first} two\nwell {first} other\nnever - a\ngone {unknown} a\nrests {second} other\n"),
    )
    .expect("written");
    commit(1_000_000_200);
    assert_eq!(stale(), ["never", "gone", "well"], "what changed since is stale, what did not is not");
    std::fs::write(path("two"), "2").expect("written");
    commit(1_000_000_300);
    assert_eq!(stale(), ["never", "gone", "early", "well", "late"], "both that depend on it, the oldest pass first");
}
