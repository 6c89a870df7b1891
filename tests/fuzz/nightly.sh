#!/usr/bin/env bash
# nightly.sh: runs every fuzz target for FUZZ_SECONDS seconds (600). Exit status 77 where there is no libFuzzer.
set -euo pipefail
if ! command -v clang++ >/dev/null ||
  ! echo 'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }' |
  clang++ -x c++ -fsanitize=fuzzer -o /dev/null - 2>/dev/null; then
  echo "skipped: clang with libFuzzer is not installed"
  exit 77
fi
exec "$(dirname "$0")/run.sh" "${FUZZ_SECONDS:-600}"
