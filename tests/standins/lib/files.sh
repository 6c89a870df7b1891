# shellcheck shell=bash
# Small files for packages to carry.

# put FILE MODE: standard input becomes the file.
put() {
  mkdir -p "$(dirname "$1")"
  cat >"$1"
  chmod "$2" "$1"
}

# put_program FILE TEXT: a program that only says what it is.
put_program() { printf '#!/bin/sh\necho "%s (stand-in): $*"\n' "$2" | put "$1" 0755; }

# put_library DIRECTORY SONAME: a real, empty shared object.
put_library() {
  mkdir -p "$1"
  : | gcc -shared -nostdlib -x c -Wl,-soname,"$2" -o "$1/$2" -
  chmod 0755 "$1/$2"
}

# put_incompressible FILE MEGABYTES: the firmware updater's bulk; the same bytes every time.
put_incompressible() {
  mkdir -p "$(dirname "$1")"
  python3 -c 'import random, sys; sys.stdout.buffer.write(random.Random(5).randbytes(int(sys.argv[1]) << 20))' "$2" >"$1"
}
