# shellcheck shell=bash
# The throw-away key that replaces the vendor's. Needs lib/common.sh and $scratch.

gpg_quietly() { gpg --batch --quiet --no-auto-check-trustdb "$@"; }

make_key() { gpg_quietly --pinentry-mode loopback --passphrase '' --quick-gen-key "$1" rsa2048 sign never 2>/dev/null; }

# use_signing_key OUT: makes OUT/keys once and opens a private GNUPGHOME for this run.
#   keys/RPM-GPG-KEY-Mellanox   the public key as bundles carry it (ASCII armour)
#   keys/trusted.gpg            the same as a key ring, for a user's ring of trusted signers
#   keys/fingerprint            40 hexadecimal digits
#   keys/RPM-GPG-KEY-distribution  another key: the one that an EL guest's own rpm database trusts
use_signing_key() {
  local keys=$1/keys
  GNUPGHOME=$(mktemp -d /tmp/gnupg.XXXXXX) # short: the agent's socket must fit in 108 characters
  export GNUPGHOME
  trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"; rm -rf --one-file-system "$scratch"' EXIT
  exec 8>"$1/cache/.lock-keys"
  flock 8
  if [ ! -e "$keys/fingerprint" ]; then
    mkdir -p "$keys"
    make_key 'stand-in distribution <distribution@bake.test>'
    gpg_quietly --armor --export >"$keys/RPM-GPG-KEY-distribution"
    gpgconf --kill all
    rm -rf "${GNUPGHOME:?}"/*
    make_key 'bake test signer <signer@bake.test>'
    gpg_quietly --armor --export-secret-keys >"$keys/secret.asc"
    gpg_quietly --armor --export >"$keys/RPM-GPG-KEY-Mellanox"
    gpg_quietly --export >"$keys/trusted.gpg"
    gpg_quietly --with-colons --list-keys | awk -F: '$1 == "fpr" { print $10; exit }' >"$keys/fingerprint"
    hand_over "$keys"
  else
    gpg_quietly --import "$keys/secret.asc"
  fi
  flock -u 8
  fingerprint=$(cat "$keys/fingerprint")
}

# sign_detached FILE SIGNATURE
sign_detached() { gpg_quietly --yes --local-user "$fingerprint" --digest-algo SHA256 --armor --detach-sign -o "$2" "$1"; }

# sign_rpms FILE…
sign_rpms() {
  run_quietly "$scratch/rpmsign.log" rpmsign --define "_gpg_name $fingerprint" --define "_gpg_path $GNUPGHOME" \
    --define "_gpg_digest_algo sha256" --define "__gpg $(command -v gpg)" --addsign "$@"
}
