#!/usr/bin/env bash
# Fuzzes every parser for a bounded time on the stable toolchain. Needs a C++ compiler (libFuzzer).
# usage: tests/fuzz/run.sh [SECONDS_PER_TARGET] [TARGET...]      default: 10 s each, all targets
# The seed corpora are in tests/fuzz/corpus/TARGET; what a run finds goes to target/fuzz, so that a
# run changes nothing in the tree. A crash leaves its input in target/fuzz/crashes and fails.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-10}; [ $# -eq 0 ] || shift
work=../../target/fuzz
mkdir -p "$work/crashes"

targets=("$@")
[ ${#targets[@]} -gt 0 ] || for file in fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done

# The flags cargo-fuzz passes, less the sanitizers: the crates under test forbid unsafe code, so
# panics, overflows, slowness and memory are what there is to find.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
  -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
cargo build --release --locked --target-dir "$work/build" --target "$(rustc -vV | sed -n 's/^host: //p')"

passed=0
for target in "${targets[@]}"; do
  mkdir -p "$work/corpus/$target" "corpus/$target"
  "$work"/build/*/release/"$target" "$work/corpus/$target" "corpus/$target" \
    -max_total_time="$seconds" -timeout=2 -rss_limit_mb=1024 -max_len=65536 \
    -artifact_prefix="$work/crashes/$target-" -print_final_stats=1 2>"$work/$target.log" ||
    { tail -40 "$work/$target.log"; echo "fuzz target $target failed"; exit 1; }
  grep -E 'stat::(number_of_executed_units|slowest_unit_time_sec|peak_rss_mb)' "$work/$target.log" |
    sed "s/^/$target /"
  passed=$((passed + 1))
done
echo "$passed passed, 0 failed"
