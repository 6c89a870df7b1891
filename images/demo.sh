#!/usr/bin/env bash
# Runs the main job on stand-ins: installs the packages it needs, builds bake, makes two stand-in guests and their bundles,
# bakes and verifies both. Leaves build/demo/ubuntu.vhd, build/demo/centos.vhd and their manifests. Needs apt and root or sudo.
set -euo pipefail
cd "$(dirname "$0")/.."

# Emulation works everywhere. If KVM works, set these variables (docs/environment.md) before you run the script.
export LIBGUESTFS_BACKEND="${LIBGUESTFS_BACKEND:-direct}"
export LIBGUESTFS_BACKEND_SETTINGS="${LIBGUESTFS_BACKEND_SETTINGS:-force_tcg}"
demo=build/demo
bake=build/dev/bin/bake
export BAKE_STORE="$PWD/$demo/store"

say() { printf '\n== %s\n' "$*"; }

# bake_one NAME GUEST BUNDLE KEYRING: the commands of the README.
bake_one() {
  local name=$1 guest=$2 bundle=$3 keyring=$4
  say "$name: add the bundle to the store"
  "$bake" bundle trust "$keyring"
  "$bake" bundle add "$bundle" --sha256 "$(cut -d' ' -f1 "$bundle.sha256")"
  say "$name: write a recipe for the disk"
  "$bake" init "$guest" --vm-size Standard_HB120rs_v2 >"$demo/$name.yaml"
  say "$name: plan"
  "$bake" plan "$demo/$name.yaml"
  say "$name: bake"
  "$bake" image "$demo/$name.yaml" -o "$demo/$name.vhd" --force
  say "$name: verify"
  "$bake" verify "$demo/$name.vhd"
}

say "install packages and build; a fresh machine downloads about 300 MB"
./tests/install-deps.sh --demo
cmake --preset dev
cmake --build --preset dev --target bake

say "make stand-in guests and bundles"
mkdir -p "$demo"
ubuntu=$(./tests/standins/deb-guest.sh)
centos=$(./tests/standins/rpm-guest.sh)
ubuntu_bundle=$(./tests/standins/bundle.sh 5.5-1.0.3.2-ubuntu20.04)
centos_bundle=$(./tests/standins/bundle.sh 5.5-1.0.3.2-rhel7.7)
keyring=build/standins/keys/trusted.gpg

bake_one ubuntu "$ubuntu" "$ubuntu_bundle" "$keyring"
bake_one centos "$centos" "$centos_bundle" "$keyring"

say "done"
ls -lsh "$demo"/*.vhd "$demo"/*.manifest.json
