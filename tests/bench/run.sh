#!/usr/bin/env bash
# Measures bake against the scripts that people use today. Results: build/bench/results.json and results.svg.
#   tests/bench/run.sh [deb|el8] [PAIRS]    pairs of runs, peer and bake in turn (default: deb, 3)
# Run it on a quiet machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LIBGUESTFS_BACKEND="${LIBGUESTFS_BACKEND:-direct}"
export LIBGUESTFS_BACKEND_SETTINGS="${LIBGUESTFS_BACKEND_SETTINGS:-force_tcg}"
exec /usr/bin/python3 tests/bench/peers.py "$@"
