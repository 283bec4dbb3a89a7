#!/usr/bin/env bash
# Fuzzes: `tests/fuzz/run.sh SECONDS [TARGET…]`, each target (all that src/targets/mod.rs lists, or those named) for so long, as many at once as there are
# cores. Prints each one's closing line, and for what broke a target the input in base64: that becomes a file of corpus/TARGET, with the mended reader.
#
# libFuzzer, on stable Rust: its runtime is C++ that cargo builds, and rustc counts what is reached. What was found new is kept below the target
# folder, and a later run goes on from there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage="usage: tests/fuzz/run.sh SECONDS [TARGET…]"
seconds=${1:?$usage}
shift
# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(sed -n 's/^ *Target { name: "\([a-z_]*\)".*/\1/p' src/targets/mod.rs)
for target in "$@"; do
    [ -d "corpus/$target" ] || { echo "no corpus: $target" >&2; exit 2; }
done

# Built apart from the program: other flags, and debug assertions.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
flags=(-Cpasses=sancov-module)
for flag in level=4 inline-8bit-counters pc-table trace-compares; do flags+=("-Cllvm-args=-sanitizer-coverage-$flag"); done
# The workspace's lock file; cargo adds libFuzzer to it, whose version the manifest names.
cp ../../Cargo.lock Cargo.lock
env -u RUSTC_WORKSPACE_WRAPPER RUSTFLAGS="${flags[*]}" cargo build --release --target "$host"
[ "$seconds" -gt 0 ] || exit 0

work=$(mktemp -d "${TMPDIR:-/tmp}/switchboard-fuzz-XXXXXX")
trap 'rm -rf "$work"' EXIT
export SECONDS_EACH=$seconds FUZZ=$CARGO_TARGET_DIR/$host/release/fuzz WORK=$work FOUND=$CARGO_TARGET_DIR/found

fuzz_one() {
    local target=$1 log=$WORK/$1.log code=0
    mkdir -p "$FOUND/$target" "$WORK/$target"
    SWITCHBOARD_FUZZ_TARGET=$target "$FUZZ" -max_total_time="$SECONDS_EACH" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -print_final_stats=1 \
        -artifact_prefix="$WORK/$target/" "$FOUND/$target" "corpus/$target" >"$log" 2>&1 </dev/null || code=$?
    if [ "$code" -eq 0 ]; then
        echo "fuzz $target: $(grep -E '^Done [0-9]+ runs' "$log"), $(grep -oE 'cov: [0-9]+' "$log" | tail -n 1)"
        return 0
    fi
    {
        echo "fuzz $target: BROKEN (exit code $code)"
        grep -vE '^#[0-9]+' "$log" | tail -n 40
        for input in "$WORK/$target"/*; do
            [ -f "$input" ] || continue
            echo "fuzz $target: $(basename "$input") in base64, kept in $FOUND: $(base64 -w 0 "$input")"
            cp "$input" "$FOUND/"
        done
    } >"$log.told"
    cat "$log.told"
    echo "$target" >>"$WORK/broken"
}
export -f fuzz_one

printf '%s\n' "$@" | xargs -P "$(nproc)" -I '{}' bash -c 'fuzz_one {}'
broken=0
[ ! -f "$work/broken" ] || broken=$(wc -l <"$work/broken")
echo "$(($# - broken)) passed, $broken failed"
[ "$broken" -eq 0 ]
