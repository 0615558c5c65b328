#!/usr/bin/env bash
# Runs clang-tidy (.clang-tidy) over our own code: scripts/clang_tidy.sh [FILE...]
# Needs clang-tidy-19 (package clang-tidy-19: older ones do not know C++23); not part of ./test, because it takes minutes. LibTorch's clients are left out for the same reason.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
command -v clang-tidy-19 >/dev/null || { echo "clang_tidy.sh: clang-tidy-19 is not installed" >&2; exit 2; }

build=build/clang-tidy
cmake --preset dev -B "$build" -DSELMCAST_TRAIN=OFF >/dev/null
cmake --build "$build" --target selmcast_wire_pb >/dev/null  # generates the headers of control.proto
if (($# == 0)); then
  mapfile -t files < <(find selmcast -name '*.cpp' -not -path 'selmcast/train/*' | sort)
else
  files=("$@")
fi
printf '%s\0' "${files[@]}" | xargs -0 -n 4 -P "$(nproc)" clang-tidy-19 -p "$build" --quiet \
  --extra-arg=-Wno-unknown-warning-option
