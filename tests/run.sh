#!/usr/bin/env bash
# Installs what is needed, builds, runs the tests, and ends with the line "N passed, N failed, N skipped";
# a skipped test is named with its reason.
#   tests/run.sh                      all tests but the nightly tier: unit, contract, integration, end to end
#   tests/run.sh REGEX                only tests whose name matches
#   tests/run.sh --nightly [REGEX]    also what takes too long for every change: an image of each of the fifteen releases,
#                                     the genuine EL7 and EL8 userlands, the acceptance suite, a fleet on Slurm, Packer,
#                                     hostile input and faults, and every fuzz target
set -euo pipefail
cd "$(dirname "$0")/.."

# The appliance of libguestfs runs under emulation unless the caller knows that KVM works here.
export LIBGUESTFS_BACKEND="${LIBGUESTFS_BACKEND:-direct}"
export LIBGUESTFS_BACKEND_SETTINGS="${LIBGUESTFS_BACKEND_SETTINGS:-force_tcg}"
# Each appliance takes a processor and 1 GiB of memory, more for a DKMS build.
jobs=$(nproc)
[ "$jobs" -le 4 ] || jobs=4
results=build/dev/test-results.xml
preset=dev
if [ "${1:-}" = --nightly ]; then
  preset=nightly
  export STANDIN_MODULES="${STANDIN_MODULES:-2200}" FLEET_IMAGES="${FLEET_IMAGES:-6}"
  shift
fi

./tests/install-deps.sh
cmake --preset dev
cmake --build --preset dev
rm -f "$results"
status=0
ctest --preset "$preset" -j "$jobs" --output-junit "$PWD/$results" ${1:+-R "$1"} || status=$?
./tests/count-results.py "$results"
exit "$status"
