#!/usr/bin/env bash
# Fuzzes the problem reader and all planners behind it with libFuzzer, AddressSanitizer and UBSan:
#   scripts/fuzz.sh [MINUTES]        20 if not given
# What must hold stands in tests/fuzz/problem_fuzz.h. What is found stays in build/fuzz: crash-* ends the run, corpus/
# holds the inputs that reached new code. Needs clang-19 and libclang-rt-19-dev; not part of ./test, which mutates the
# same files for a few seconds.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
minutes=${1:-20}
[[ $minutes =~ ^[1-9][0-9]*$ ]] || { echo "usage: $0 [MINUTES]" >&2; exit 2; }
command -v clang++-19 >/dev/null || {
  echo "fuzz.sh: clang++-19 is not installed; apt-get install clang-19 libclang-rt-19-dev" >&2
  exit 2
}

build=build/fuzz
mkdir -p "$build/objects" "$build/corpus"
mapfile -t sources < <(
  find selmcast/base selmcast/plan -name '*.cpp' -not -name '*_test.cpp' -not -name '*_testing.cpp'
  printf '%s\n' selmcast/sync/rate_allocator.cpp selmcast/cli/*{problem_json,problem_reader,strict_json}.cpp \
    selmcast/cli/*{plan_json,plan_run,plan_table,_text}.cpp tests/fuzz/problem_fuzz.cpp)
compile() {
  clang++-19 -std=c++23 -Wno-deprecated-declarations -g1 -O1 -I. \
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -c "$1" -o "build/fuzz/objects/${1//\//_}.o"
}
export -f compile
rm -f "$build"/objects/*
printf '%s\0' "${sources[@]}" | sort -zu | xargs -0 -n 1 -P "$(nproc)" bash -c 'compile "$0"'
clang++-19 -fsanitize=fuzzer,address,undefined "$build"/objects/*.o -lfmt -o "$build/problem_fuzz"

nice -n 19 "$build/problem_fuzz" -max_total_time=$((60 * minutes)) -max_len=4096 -timeout=20 -print_final_stats=1 \
  -dict=tests/fuzz/problem.dict -artifact_prefix="$build/" "$build/corpus" tests/fuzz/corpus tests/data/plan
