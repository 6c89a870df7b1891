#!/usr/bin/env bash
# Builds and runs the microbenchmarks, prints their figures, and writes build/bench/micro.json.
#   tests/bench/micro.sh [OPTION…]    options of Google Benchmark: --benchmark_filter=REGEX, --benchmark_repetitions=N
# Run it on a quiet machine. compare.py of Google Benchmark (package libbenchmark-tools) compares two such files.
# Benchmarks named …_genuine are skipped if their material is missing (tests/support/genuine_data.hpp); the others make
# their input.
set -euo pipefail
cd "$(dirname "$0")/../.."

./tests/install-deps.sh --bench
cmake --preset dev >/dev/null
cmake --build --preset dev --target micro_bench

mkdir -p build/bench
build/dev/bin/micro_bench --benchmark_out=build/bench/micro.json.partial --benchmark_out_format=json "$@"
mv build/bench/micro.json.partial build/bench/micro.json
