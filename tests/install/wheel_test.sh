#!/usr/bin/env bash
# A wheel of the Python package is made from this build, installed into an empty environment without a network, and trains
# there under its own `selmcast run`. usage: wheel_test.sh SOURCE BUILD PYTHON
set -euo pipefail
source=$1 build=$2 python=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
unset PYTHONPATH SELMCAST_PROGRAM

echo "-- the wheel is built by pip with what the system has"
SELMCAST_BUILD=$build "$python" -m pip wheel --quiet --disable-pip-version-check --no-index --no-build-isolation --no-deps \
  --wheel-dir "$scratch" "$source"
wheels=("$scratch"/selmcast-*.whl)
[[ ${#wheels[@]} == 1 && -f ${wheels[0]} ]] || { echo "FAILED: wheels: ${wheels[*]}"; exit 1; }

echo "-- and installed"
"$python" -m venv --system-site-packages "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check --no-index "${wheels[0]}"

echo "-- ranks find the package and each other"
cd "$scratch"
where=$("$scratch/venv/bin/python" -c 'import selmcast.torch; print(selmcast.__file__)')
[[ $where == "$scratch/venv/"* ]] || { echo "FAILED: imported from $where"; exit 1; }
"$scratch/venv/bin/selmcast" run -n 2 -- "$scratch/venv/bin/python" "$source/python/tests/job_script.py" | sort | tee out
[[ $(<out) == $'[0] rank 0 of 2: 0.50\n[1] rank 1 of 2: 0.50' ]] || { echo "FAILED: not the mean of 0 and 1"; exit 1; }
