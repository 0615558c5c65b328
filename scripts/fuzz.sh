#!/usr/bin/env bash
# Fuzzes with libFuzzer, AddressSanitizer and UBSan:
#   scripts/fuzz.sh [MINUTES [problem]]      the problem reader and all planners behind it; 20 minutes if not given
#   scripts/fuzz.sh MINUTES multicast        datagrams and statuses of the reliable multicast
# What must hold stands in tests/fuzz/*_fuzz.h. What is found stays in build/fuzz: crash-* ends the run, corpus/
# holds the inputs that reached new code. Needs clang-19 and libclang-rt-19-dev; not part of ./test, which mutates the
# same inputs for a few seconds.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
minutes=${1:-20}
target=${2:-problem}
[[ $minutes =~ ^[1-9][0-9]*$ && $target =~ ^(problem|multicast)$ ]] ||
  { echo "usage: $0 [MINUTES [problem|multicast]]" >&2; exit 2; }
command -v clang++-19 >/dev/null || {
  echo "fuzz.sh: clang++-19 is not installed; apt-get install clang-19 libclang-rt-19-dev" >&2
  exit 2
}

build=build/fuzz
mkdir -p "$build/objects" "$build/corpus/$target"
if [[ $target == problem ]]; then
  mapfile -t sources < <(
    find selmcast/base selmcast/plan -name '*.cpp' -not -name '*_test.cpp' -not -name '*_testing.cpp'
    printf '%s\n' selmcast/sync/rate_allocator.cpp selmcast/cli/*{problem_json,problem_reader,strict_json}.cpp \
      selmcast/cli/*{plan_json,plan_run,plan_table,_text}.cpp)
  more=(-max_len=4096 -dict=tests/fuzz/problem.dict tests/fuzz/corpus tests/data/plan)
else
  mapfile -t sources < <(
    find selmcast/base -name '*.cpp' -not -name '*_test.cpp'
    printf '%s\n' selmcast/mcast/{datagram,receiver,segment_set,sender,status}.cpp selmcast/wire/frame.cpp)
  more=(-max_len=8192)
fi
sources+=("tests/fuzz/${target}_fuzz.cpp")
compile() {
  clang++-19 -std=c++23 -Wno-deprecated-declarations -g1 -O1 -I. \
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -c "$1" -o "build/fuzz/objects/${1//\//_}.o"
}
export -f compile
rm -f "$build"/objects/*
printf '%s\0' "${sources[@]}" | sort -zu | xargs -0 -n 1 -P "$(nproc)" bash -c 'compile "$0"'
clang++-19 -fsanitize=fuzzer,address,undefined "$build"/objects/*.o -lfmt -lisal -o "$build/${target}_fuzz"

nice -n 19 "$build/${target}_fuzz" -max_total_time=$((60 * minutes)) -timeout=20 -print_final_stats=1 \
  -artifact_prefix="$build/" "$build/corpus/$target" "${more[@]}"
