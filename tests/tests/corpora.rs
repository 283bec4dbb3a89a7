//! What fuzzing begins with, and whatever it found: each file of `tests/fuzz/corpus` is read by its target. So an input that once broke something
//! is read at every landing, where libFuzzer itself runs only in a lane of its own.

#[path = "../fuzz/src/seeds/mod.rs"]
mod seeds;
#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use targets::TARGETS;

/// What all corpora may weigh together, in bytes.
const CORPORA_BYTES_MAX: u64 = 300_000;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn every_input_is_read_by_its_target() {
    if std::env::var_os("UPDATE_CORPORA").is_some() {
        for seed in seeds::seeds() {
            let folder = corpora().join(seed.target);
            std::fs::create_dir_all(&folder).expect("made");
            std::fs::write(folder.join(&seed.name), &seed.bytes).expect("written");
        }
    }
    let mut num_bytes = 0;
    for target in TARGETS {
        let inputs = entries(&corpora().join(target.name));
        assert!(!inputs.is_empty(), "{} has no input", target.name);
        for input in inputs {
            let bytes = std::fs::read(&input).expect("an input");
            num_bytes += bytes.len() as u64;
            assert!(catch_unwind(AssertUnwindSafe(|| (target.read)(&bytes))).is_ok(), "{} breaks on {}", target.name, input.display());
        }
    }
    assert!(num_bytes <= CORPORA_BYTES_MAX, "the corpora weigh {num_bytes} bytes");
}

#[test]
fn every_corpus_has_its_target_and_every_target_its_seeds() {
    let names = |paths: Vec<PathBuf>| paths.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect::<BTreeSet<_>>();
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names(entries(&corpora())), targets);
    assert_eq!(seeds::seeds().iter().map(|seed| seed.target.to_owned()).collect::<BTreeSet<_>>(), targets);
}

/// Where the numbers of a batch stand that is written down, but those of its text's bytes, which are most.
fn numbers(written: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let (mut at, mut is_text) = (0, false);
    let bytes = written.as_bytes();
    while at < bytes.len() {
        let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
        match bytes[at] {
            b'"' => is_text = !is_text,
            b'[' if written[..at].ends_with("\"bytes\":") => at += written[at..].find(']').expect("an end"),
            _ if length > 0 && !is_text => found.push(at..at + length),
            _ => {}
        }
        at += length.max(1);
    }
    found
}

/// What may stand in a number's place: the edges of what is looked for there, and another number of the batch.
const OTHERS: [&str; 18] = [
    "0",
    "1",
    "2",
    "3",
    "5",
    "24",
    "255",
    "1024",
    "65535",
    "2147483647",
    "4294967295",
    "9223372036854775807",
    "-1",
    "-2147483648",
    "-9223372036854775808",
    "18446744073709551615",
    "1e300",
    "null",
];

static BATCHES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let written = seeds::seeds().into_iter().filter(|seed| seed.target == "batch");
    written.map(|seed| String::from_utf8(seed.bytes).expect("JSON")).collect()
});

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn a_batch_with_other_numbers_is_refused_or_the_engine_takes_it(
        of in any::<Index>(),
        changes in prop::collection::vec((any::<Index>(), 0..2 * OTHERS.len(), any::<Index>()), 1..3),
    ) {
        let mut written = of.get(&BATCHES).clone();
        for (at, other, as_at) in changes {
            let numbers = numbers(&written);
            let other = OTHERS.get(other).map_or_else(|| written[as_at.get(&numbers).clone()].to_owned(), |other| (*other).to_owned());
            written.replace_range(at.get(&numbers).clone(), &other);
        }
        let target = TARGETS.iter().find(|target| target.name == "batch").expect("the target");
        prop_assert!(catch_unwind(AssertUnwindSafe(|| (target.read)(written.as_bytes()))).is_ok(), "the engine breaks on {}", written);
    }
}
