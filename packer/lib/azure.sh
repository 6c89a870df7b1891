# shellcheck shell=bash
# How packer/publish and packer/deploy speak: to people, to az, and about what they would do. Their scripts set these:
# shellcheck disable=SC2154  # dry_run, common

say() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# fail STATUS MESSAGE…
fail() {
  local status=$1
  shift
  printf '%s: error: %s\n' "${0##*/}" "$*" >&2
  exit "$status"
}

# A command as one would type it.
show() {
  local word line=''
  for word; do
    case $word in
      '' | *[!A-Za-z0-9_./=:,+@%-]*) line+=" ${word@Q}" ;;
      *) line+=" $word" ;;
    esac
  done
  printf '%s\n' "${line# }"
}

# change DOING COMMAND…: runs az COMMAND, which changes something in Azure.
change() {
  local doing=$1
  shift
  if [ -n "$dry_run" ]; then
    show az "$@" "${common[@]}" --output none
    return
  fi
  say "$doing"
  az "$@" "${common[@]}" --output none >&2 || fail 1 "$doing: az failed; its message is above"
}

# ask ASSUMED JMESPATH COMMAND…: prints what az COMMAND answers, tab separated; in a dry run prints ASSUMED, and shows the
# command on descriptor 3, the script's own standard output, since ask stands in substitutions.
ask() {
  local assumed=$1 query=$2
  shift 2
  if [ -n "$dry_run" ]; then
    show az "$@" --query "$query" "${common[@]}" --output tsv >&3
    printf '%s' "$assumed"
    return
  fi
  az "$@" --query "$query" "${common[@]}" --output tsv || fail 1 "asking az for '${*:1:3}': az failed; its message is above"
}
exec 3>&1
