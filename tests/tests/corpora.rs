//! What fuzzing begins with, and whatever it found: each file of `tests/fuzz/corpus` is read by its target. So an input that once broke something
//! is read at every landing, where libFuzzer itself runs only in a lane of its own.

#[path = "../fuzz/src/seeds.rs"]
mod seeds;
#[path = "../fuzz/src/targets.rs"]
mod targets;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

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
