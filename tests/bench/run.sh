#!/usr/bin/env bash
# Measures bake against the scripts that people use today. Results: JSON files and pictures in build/bench.
#   tests/bench/run.sh [deb|el8] [PAIRS [WAY…]] runs in turn of bake and the peers, or of these ways (default: deb, 3)
#   tests/bench/run.sh sizes [SIZE…]            the same data in a disk of 30 GiB and of 1 TiB
#   tests/bench/run.sh fleet [IMAGES [JOBS…]]   8 images one by one, and as one fleet
#   tests/bench/run.sh again                    plan, image --if-needed and verify on files that did not change
# Run it on a quiet machine.
set -euo pipefail
cd "$(dirname "$0")/../.."
export LIBGUESTFS_BACKEND="${LIBGUESTFS_BACKEND:-direct}"
export LIBGUESTFS_BACKEND_SETTINGS="${LIBGUESTFS_BACKEND_SETTINGS:-force_tcg}"
case ${1:-} in
sizes | fleet | again) exec /usr/bin/python3 "tests/bench/$1.py" "${@:2}" ;;
*) exec /usr/bin/python3 tests/bench/peers.py "$@" ;;
esac
