#!/usr/bin/env bash
# Formats our C++ after .clang-format (clang-format 14): all of it, or the files given.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
if (($# == 0)); then
  mapfile -t files < <(find selmcast bench tests examples python -name '*.h' -o -name '*.cpp' | sort)
  set -- "${files[@]}"
fi
clang-format -i "$@"
