#!/usr/bin/env bash
# Trains with a manager and three workers of examples/worker, over gRPC and TCP, and checks what they mixed.
# usage: three_workers.sh SELMCAST WORKER_EXAMPLE
set -euo pipefail
selmcast=$1 worker_example=$2

logs=$(mktemp -d)
manager=
workers=()
end() {
  kill $manager "${workers[@]}" 2>/dev/null || true
  rm -rf "$logs"
}
trap end EXIT
fail() {
  echo "FAILED: $1" >&2
  tail -n +1 "$logs"/* >&2
  exit 1
}

# Its only line on standard output is the address; the port is any free one.
exec {manager_output}< <(exec "$selmcast" manager --workers 3 --min-receivers 2 --port 0 2>"$logs/manager")
manager=$!
read -r -t 60 address <&"$manager_output" || fail "the manager printed no address"

for number in 0 1 2; do
  timeout 100 "$worker_example" "$address" "worker-$number" "$number" >"$logs/$number" 2>&1 &
  workers+=($!)
done
for number in 0 1 2; do
  wait "${workers[number]}" || fail "worker $number ended with status $?"
  # (0 + 1 + 2) / 3 = 1 after the first round, and the mean of ones is 1 after every other; main.cpp runs four.
  [[ $(grep -c "of 3 workers.* mixed with w. w., value 1.000$" "$logs/$number") == 4 ]] ||
    fail "worker $number did not mix to the mean in each round"
done
wait "$manager" || fail "the manager ended with status $?"
cat "$logs"/[012]
