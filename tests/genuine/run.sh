#!/usr/bin/env bash
# run.sh DIR [NAME…]: compares bake with real disk images. For every DIR/NAME.yaml there is a disk image DIR/NAME.vhd (or .vhdx,
# .qcow2, .raw, .img); the file says what is true of the image and what bake must do with it (docs/acceptance.md). Each image is
# inspected, planned and baked with a stand-in driver bundle that is made for it, so that only bake can be at fault; the result
# is verified by bake and looked at by virt-inspector and guestfish. Prints one table; the exit status is 1 when anything
# differs and 2 when an expectations file is wrong. The images are never written to.
#
#   BAKE_BINARY     the program to test (default: build/dev/bin/bake)
#   GENUINE_WORK    where bundles, stores and baked images go (default: build/genuine); keeps the baked images with
#                   GENUINE_KEEP=1
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LIBGUESTFS_BACKEND="${LIBGUESTFS_BACKEND:-direct}"
export LIBGUESTFS_BACKEND_SETTINGS="${LIBGUESTFS_BACKEND_SETTINGS:-force_tcg}"
case ${1:-} in
"" | -h | --help)
  sed -n '2,/^set -/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
  ;;
esac
exec python3 -W ignore "$here/acceptance.py" "$@"
