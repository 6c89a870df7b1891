#!/usr/bin/env bash
# run.sh SECONDS [TARGET…]: builds the libFuzzer targets (clang, ASan, UBSan; preset fuzz) and runs each of them, or those
# named, for SECONDS with its seeds. What they find worth keeping stays in build/fuzz/corpus, what crashes in
# build/fuzz/crashes, what they say in build/fuzz/logs. Ends in one line for each target; exit status 1 when one crashed.
set -euo pipefail
cd "$(dirname "$0")/../.."

usage() {
  sed -n '2,4s/^# //p' "$0" >&2
  exit 2
}

mapfile -t known < <(sed -n 's/^bake_fuzz(\([a-z0-9_]*\) .*/\1/p' tests/fuzz/CMakeLists.txt)
[[ ${1:-} =~ ^[1-9][0-9]*$ ]] || usage
seconds=$1
shift
targets=("${@:-${known[@]}}")
for target in "${targets[@]}"; do
  [[ " ${known[*]} " == *" $target "* ]] || { echo "no fuzz target '$target'; there are: ${known[*]}" >&2; exit 2; }
done

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz --target "${targets[@]}"

export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"
mkdir -p build/fuzz/{logs,crashes}
summary=
failed=0
for target in "${targets[@]}"; do
  log=build/fuzz/logs/$target.log
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus"
  places=("$corpus")
  for seeds in "tests/fuzz/seeds/${target%_fuzz}" "tests/fuzz/${target%_fuzz}"; do
    [[ ! -d $seeds ]] || places+=("$seeds")
  done
  touch build/fuzz/started
  status=0
  echo "running $target for $seconds s"
  "build/fuzz/bin/$target" -max_total_time="$seconds" -timeout=30 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/crashes/$target-" "${places[@]}" >"$log" 2>&1 || status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  crashes=$(find build/fuzz/crashes -name "$target-*" -newer build/fuzz/started | wc -l)
  summary+=$(printf '%-30s %12s executions %3s crashes' "$target" "${executions:-no}" "$crashes")
  [[ $status == 0 ]] || { failed=1; summary+="  exit $status, see $log"; }
  summary+=$'\n'
done
printf '%s' "$summary"
exit "$failed"
