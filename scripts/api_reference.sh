#!/usr/bin/env bash
# The API reference as HTML, made from what the public headers and the docstrings say: C++ and C by doxygen, Python by
# Sphinx. Nothing has to be built. Needs Debian's doxygen and python3-sphinx.
# usage: scripts/api_reference.sh [OUT]        OUT: a folder, by default build/reference; start at OUT/index.html
set -euo pipefail
[[ ${1:-} != -* ]] || { sed -n '2,4s/^# //p' "$0"; [[ $1 == -h || $1 == --help ]]; exit; }
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."
out=$(realpath -m "${1:-build/reference}")
for need in doxygen:doxygen sphinx-build:python3-sphinx; do
  command -v "${need%:*}" >/dev/null || { echo "api_reference.sh: needs ${need%:*}: apt-get install ${need#*:}" >&2; exit 1; }
done
mkdir -p "$out"
rm -rf "$out/cpp" "$out/python"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The headers that are installed.
doxygen - <<DOXYGEN
PROJECT_NAME = SelMcast
PROJECT_BRIEF = "Workers, the C interface, and their types"
INPUT = selmcast/worker/worker.h selmcast/c/selmcast.h selmcast/payload/format.h selmcast/wire/mixing.h selmcast/base/error.h selmcast/base/ids.h selmcast/base/units.h
FILTER_PATTERNS = *.h="awk -f scripts/doc_comments.awk"
STRIP_FROM_PATH = .
EXTRACT_ALL = YES
EXTRACT_STATIC = YES
JAVADOC_AUTOBRIEF = YES
SHOW_INCLUDE_FILES = NO
SOURCE_BROWSER = NO
ENABLE_PREPROCESSING = YES
MACRO_EXPANSION = YES
PREDEFINED = SELMCAST_API=
HAVE_DOT = NO
GENERATE_LATEX = NO
OUTPUT_DIRECTORY = $out
HTML_OUTPUT = cpp
QUIET = YES
WARN_IF_UNDOCUMENTED = NO
WARN_AS_ERROR = FAIL_ON_WARNINGS
DOXYGEN

cat >"$scratch/conf.py" <<'PYTHON'
import os, sys
sys.path.insert(0, os.environ["SELMCAST_SOURCE"] + "/python")
project = "SelMcast"
extensions = ["sphinx.ext.autodoc"]
autodoc_mock_imports = ["selmcast._core"] + ([] if os.environ["HAS_TORCH"] == "1" else ["torch", "numpy"])
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
html_theme = "classic"
PYTHON
cat >"$scratch/index.rst" <<'RST'
SelMcast for Python
===================

.. automodule:: selmcast
   :members:
   :imported-members:
   :undoc-members:

selmcast.torch
--------------

.. automodule:: selmcast.torch
   :members:
   :imported-members:
RST
has_torch=0
/usr/bin/python3 -c "import torch, numpy" 2>/dev/null && has_torch=1
SELMCAST_SOURCE=$PWD HAS_TORCH=$has_torch /usr/bin/python3 -m sphinx -q -b html "$scratch" "$out/python"

cat >"$out/index.html" <<'HTML'
<!doctype html><html lang="en"><meta charset="utf-8"><title>SelMcast: reference</title>
<h1>SelMcast: reference</h1>
<ul><li><a href="cpp/worker_8h.html">C++</a>: <code>selmcast/worker/worker.h</code>
<li><a href="cpp/selmcast_8h.html">C</a>: <code>selmcast/c/selmcast.h</code>
<li><a href="python/index.html">Python</a>: <code>selmcast</code>, <code>selmcast.torch</code></ul>
HTML
for page in cpp/worker_8h.html cpp/selmcast_8h.html python/index.html; do
  [[ -s $out/$page ]] || { echo "api_reference.sh: $page was not made" >&2; exit 1; }
done
echo "$out/index.html"
