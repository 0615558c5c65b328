#!/usr/bin/env bash
# Fuzzes with libFuzzer, AddressSanitizer and UBSan:
#   scripts/fuzz.sh [MINUTES [problem]]      the problem reader and all planners behind it; 20 minutes if not given
#   scripts/fuzz.sh MINUTES multicast        datagrams and statuses of the reliable multicast
#   scripts/fuzz.sh MINUTES peers            what workers, managers and peers say to each other, and lines of journals
#   scripts/fuzz.sh MINUTES files            files of clusters, testbeds, data sets, snapshots, journals, run folders
# It ends when it has had so many minutes of processor time, however busy the machine is, and says what it did.
# What must hold stands in tests/fuzz/*_fuzz.h. What is found stays in build/fuzz: crash-* ends the run, corpus/
# holds the inputs that reached new code. Needs clang-19 and libclang-rt-19-dev; not part of ./test, which mutates the
# same inputs for a few seconds.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
minutes=${1:-20}
target=${2:-problem}
[[ $minutes =~ ^[1-9][0-9]*$ && $target =~ ^(problem|multicast|peers|files)$ ]] ||
  { echo "usage: $0 [MINUTES [problem|multicast|peers|files]]" >&2; exit 2; }
command -v clang++-19 >/dev/null || {
  echo "fuzz.sh: clang++-19 is not installed; apt-get install clang-19 libclang-rt-19-dev" >&2
  exit 2
}

build=build/fuzz
mkdir -p "$build/objects" "$build/corpus/$target"
# credentials.cpp is all that asks for gRPC's library.
core_sources() {
  find "$@" -name '*.cpp' -not -name '*_test.cpp' -not -name '*_testing.cpp' -not -name '*_bench.cpp' \
    -not -name credentials.cpp
}
libraries=(-lfmt -lisal)
case $target in
problem)
  mapfile -t sources < <(
    core_sources selmcast/base selmcast/plan
    printf '%s\n' selmcast/sync/rate_allocator.cpp selmcast/mip/cbc_{model,solver}.cpp \
      selmcast/cli/*{problem_json,problem_reader,strict_json}.cpp \
      selmcast/cli/*{plan_json,plan_run,plan_table,_text}.cpp selmcast/cli/unequal_run.cpp)
  libraries+=(-lCbcSolver -lCbc -lCgl -lOsiClp -lClpSolver -lClp -lOsi -lCoinUtils)
  more=(-max_len=4096 -dict=tests/fuzz/problem.dict tests/fuzz/corpus tests/data/plan)
  ;;
multicast)
  mapfile -t sources < <(
    core_sources selmcast/base
    printf '%s\n' selmcast/mcast/{datagram,receiver,segment_set,sender,status}.cpp selmcast/wire/frame.cpp)
  more=(-max_len=8192)
  ;;
peers)
  mkdir -p "$build/generated"
  protoc --cpp_out="$build/generated" selmcast/wire/control.proto
  mapfile -t sources < <(
    core_sources selmcast/base selmcast/plan selmcast/maxmin selmcast/sync selmcast/payload selmcast/wire
    printf '%s\n' selmcast/mcast/{datagram,receiver,segment_set,sender,status}.cpp selmcast/net/frame_parser.cpp \
      selmcast/manager/{durable_manager,input,journal_json,manager_core,manager_core_joining,multicast_probing}.cpp \
      selmcast/worker/{inbox,local_address,manager_link,mass_book,mix_sum,mixer,stripe_map}.cpp \
      selmcast/worker/worker_core*.cpp \
      "$build/generated/selmcast/wire/control.pb.cc" | grep -v -e _test.cpp -e _testing.cpp)
  libraries+=(-lprotobuf)
  # Conversations that are right, to begin with, where the tests are built.
  seeds=build/release/tests/fuzz/peers_fuzz_test
  [[ ! -x $seeds ]] || SELMCAST_FUZZ_SEEDS="$build/corpus/$target" "$seeds" --gtest_filter='*Right*' >/dev/null
  more=(-max_len=8192)
  ;;
files)
  mkdir -p "$build/generated"
  protoc --cpp_out="$build/generated" selmcast/wire/control.proto
  mapfile -t sources < <(
    core_sources selmcast/base selmcast/plan selmcast/maxmin selmcast/sync selmcast/payload selmcast/wire
    printf '%s\n' selmcast/manager/{durable_manager,input,journal,journal_json}.cpp \
      selmcast/manager/{manager_core,manager_core_joining,multicast_probing}.cpp \
      selmcast/cli/{cluster_files,problem_reader,strict_json}.cpp selmcast/cli/testbed/description_json.cpp \
      selmcast/cli/report/{json_fields,run_record,true_links}.cpp selmcast/sim/{bandwidth,compute_times}.cpp \
      selmcast/testbed/{commands,description,registry}.cpp selmcast/train/{idx_dataset,snapshot}.cpp \
      "$build/generated/selmcast/wire/control.pb.cc" | sort -u)
  libraries+=(-lprotobuf -lz)
  seeds=build/release/tests/fuzz/files_fuzz_test
  [[ ! -x $seeds ]] || SELMCAST_FUZZ_SEEDS="$build/corpus/$target" "$seeds" --gtest_filter='*Right*' >/dev/null
  more=(-max_len=8192)
  ;;
esac
sources+=("tests/fuzz/${target}_fuzz.cpp")
compile() {
  $(command -v ccache) clang++-19 -std=c++23 -Wno-deprecated-declarations -g1 -O1 -I. -Ibuild/fuzz/generated \
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -c "$1" -o "build/fuzz/objects/${1//\//_}.o"
}
export -f compile
rm -f "$build"/objects/*
printf '%s\0' "${sources[@]}" | sort -zu | xargs -0 -n 1 -P "$(nproc)" bash -c 'compile "$0"'
clang++-19 -fsanitize=fuzzer,address,undefined "$build"/objects/*.o "${libraries[@]}" -o "$build/${target}_fuzz"

# libFuzzer knows the clock of the wall only: a low limit would stop it where the machine is busy.
export LSAN_OPTIONS=suppressions=tests/lsan.supp:print_suppressions=0
nice -n 19 "$build/${target}_fuzz" -timeout=1200 -print_final_stats=1 -artifact_prefix="$build/" "$build/corpus/$target" \
  "${more[@]}" &
fuzzer=$!
trap 'kill "$fuzzer" 2>/dev/null || true' EXIT
ticks=$(getconf CLK_TCK)
while [[ -r /proc/$fuzzer/stat ]]; do
  read -r -a stat < "/proc/$fuzzer/stat" || break
  ((stat[13] + stat[14] >= 60 * minutes * ticks)) && { kill -USR1 "$fuzzer"; break; }
  sleep 2
done
wait "$fuzzer"
