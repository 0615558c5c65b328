#!/usr/bin/env bash
# Installs what building, testing and demonstrating SelMcast needs on Debian 12, if something of it is missing.
# Needs root or sudo, and the package mirror, only in that case. --list prints the packages and does nothing.
set -euo pipefail

packages=(
  # Compiling
  g++ cmake ninja-build ccache mold
  # Control plane. What libgrpc++-dev's CMake files look for besides (absl, re2, c-ares, OpenSSL), it depends on itself.
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc pkg-config
  # Data plane: sockets, CRC32C
  libasio-dev libisal-dev
  # Command line, JSON, text
  libcli11-dev nlohmann-json3-dev libfmt-dev
  # State of a manager
  libsqlite3-dev
  # Planning with unequal volumes: a solver of mixed-integer programs. Measuring: Google Benchmark
  coinor-libcbc-dev libbenchmark-dev
  # Training: LibTorch, a BLAS that is 20 times as fast as the reference one, gzip, and the data
  libtorch-dev libopenblas0-pthread zlib1g-dev dataset-fashion-mnist
  # Python package: the binding; numpy, torch, Open MPI and Slurm for its tests
  pybind11-dev python3-dev python3-numpy python3-torch openmpi-bin slurm-wlm
  # and its wheel
  python3-pip python3-setuptools python3-venv python3-wheel
  # Plots of the report
  gnuplot-nox
  # Testbeds: network namespaces and shapers
  iproute2
  # Rivals of selmcast bench net, besides torch and Open MPI
  python3-mpi4py
  # Rivals of selmcast bench multicast, and the loss that it makes
  libnorm1 uftp nftables
  # Tests; clang-format for the one that looks at the style
  libgtest-dev libgmock-dev clang-format
  # Referee of the max-min solver
  libsimgrid-dev
)

complain() {
  echo "install_dependencies.sh: $1" >&2
  exit 1
}

case "${1:-}" in
  "") ;;
  --list) printf '%s\n' "${packages[@]}"; exit 0 ;;
  *) echo "usage: $0 [--list]" >&2; exit 2 ;;
esac

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
  complain "this is not a Debian system; install the equivalents of: ${packages[*]}"

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) || status=""
  [[ $status == installed ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

as_root=(env)
if ((EUID != 0)); then
  command -v sudo >/dev/null ||
    complain "missing packages, and neither root nor sudo to install them. As root: apt-get install ${missing[*]}"
  as_root=(sudo env)
fi

echo "Installing ${#missing[@]} packages: ${missing[*]}" >&2
apt() {
  "${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get --quiet "$@" </dev/null >&2
}
# A mirror that fails for a moment, or one broken source among several, is not the end: what counts is the install.
apt -o Acquire::Retries=3 update || echo "install_dependencies.sh: apt-get update had errors; trying to go on" >&2
apt -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "${missing[@]}" ||
  complain "could not install ${missing[*]}; see apt's message above"
