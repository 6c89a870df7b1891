#!/usr/bin/env bash
# run.sh [GROUP [WORD]]: tries to break bake with hostile input and faults, and prints one line for each try: group, try, what is
# expected, what was seen, seconds, peak memory of bake. GROUP is trust, guests, host or faults; WORD selects tries by name. Ends
# with the counts and the peak memory of each group, and the counts of all; exit status 1 when a try saw anything else than it should, 77 when none could run.
#   HOSTILE_KILLS=N   kills at N random moments in the group faults (50)
#   HOSTILE_SEED=N    the seed of these moments (1)
#   HOSTILE_LIMIT=N   seconds that a try with an appliance may take (600)
set -euo pipefail
exec /usr/bin/python3 -W ignore "$(dirname "$0")/tries.py" "$@"
