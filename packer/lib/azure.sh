# shellcheck shell=bash
# Messages, az commands and dry runs of packer/publish and packer/deploy. The scripts that source this file set:
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

# show COMMAND…: prints a command in the form in which a user would type it.
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

# ask ASSUMED JMESPATH COMMAND…: prints the answer of az COMMAND, tab separated. In a dry run it prints ASSUMED, and shows the
# command on descriptor 3, the standard output of the script, because callers use ask in command substitutions.
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
