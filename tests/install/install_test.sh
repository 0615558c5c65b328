#!/usr/bin/env bash
# Installs into an empty folder, builds examples/worker out of tree against that, and trains with what was installed.
# usage: install_test.sh SOURCE_DIR BUILD_DIR CMAKE CXX_COMPILER
set -euo pipefail
source_dir=$1 build_dir=$2 cmake=$3 compiler=$4

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() {
  echo "FAILED: $1" >&2
  exit 1
}

"$cmake" --install "$build_dir" --prefix "$scratch/prefix" >/dev/null

echo "-- the installed headers are the public ones and no more"
headers=$(cd "$scratch/prefix/include" && find . -name '*.h' | sort | tr '\n' ' ')
[[ $headers == "./selmcast/base/error.h ./selmcast/base/ids.h ./selmcast/base/units.h ./selmcast/c/selmcast.h ./selmcast/payload/format.h ./selmcast/wire/mixing.h ./selmcast/worker/worker.h " ]] ||
  fail "headers: $headers"

echo "-- the example builds against the installed package alone"
"$cmake" -S "$source_dir/examples/worker" -B "$scratch/example" -G Ninja -DCMAKE_PREFIX_PATH="$scratch/prefix" \
  -DCMAKE_CXX_COMPILER="$compiler" >/dev/null
grep -q "^selmcast_DIR:PATH=$scratch/prefix/" "$scratch/example/CMakeCache.txt" || fail "found another selmcast"
"$cmake" --build "$scratch/example"

echo "-- a C program builds against the installed header and library alone"
cc -std=c11 -I"$scratch/prefix/include" "$source_dir/selmcast/c/c_api_test.c" -o "$scratch/c_api_test" \
  -L"$scratch/prefix/lib" -lselmcast -pthread -lm -Wl,-rpath,"$scratch/prefix/lib"
"$scratch/c_api_test"

echo "-- three of them train with the installed manager"
"$(dirname "$0")/three_workers.sh" "$scratch/prefix/bin/selmcast" "$scratch/example/worker_example"
