//! libFuzzer's program: it fuzzes the target that `SWITCHBOARD_FUZZ_TARGET` names.

#![no_main]

mod targets;

use std::sync::LazyLock;

use targets::Target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("SWITCHBOARD_FUZZ_TARGET").unwrap_or_default();
    targets::TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| {
        let names: Vec<&str> = targets::TARGETS.iter().map(|target| target.name).collect();
        panic!("SWITCHBOARD_FUZZ_TARGET names none of {}", names.join(", "))
    })
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| (TARGET.read)(bytes));
