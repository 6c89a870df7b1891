#!/usr/bin/python3
"""xfs_proto.py DIRECTORY: prints a prototype file with which mkfs.xfs -p fills a file system from DIRECTORY (mkfs.xfs(8)).
Prototypes know no sticky bit, no hard links and no blanks in names: the first is listed on standard error for chmod, the
others are refused or copied."""
import os
import stat
import sys

TYPES = {stat.S_IFREG: "-", stat.S_IFDIR: "d", stat.S_IFLNK: "l", stat.S_IFCHR: "c", stat.S_IFBLK: "b", stat.S_IFIFO: "p"}


def mode_of(status):
    mode = status.st_mode
    flags = ("u" if mode & stat.S_ISUID else "-") + ("g" if mode & stat.S_ISGID else "-")
    return f"{TYPES[stat.S_IFMT(mode)]}{flags}{mode & 0o777:03o} {status.st_uid} {status.st_gid}"


def emit(path, top, depth):
    """The entries of a directory, each with what its type needs, then the end mark of the directory."""
    indent = " " * depth
    for entry in sorted(os.scandir(path), key=lambda item: item.name):
        if any(character.isspace() for character in entry.path):
            sys.exit(f"xfs_proto: a blank in the name '{entry.path}'")
        status = entry.stat(follow_symlinks=False)
        line = f"{indent}{entry.name} {mode_of(status)}"
        if entry.is_symlink():
            print(line, os.readlink(entry.path))
        elif entry.is_dir(follow_symlinks=False):
            print(line)
            if status.st_mode & stat.S_ISVTX:
                print("/" + os.path.relpath(entry.path, top), file=sys.stderr)
            emit(entry.path, top, depth + 1)
            print(f"{indent}$")
        elif stat.S_ISREG(status.st_mode):
            print(line, entry.path)
        elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            print(line, os.major(status.st_rdev), os.minor(status.st_rdev))
        else:
            print(line)


if __name__ == "__main__":
    directory = os.path.abspath(sys.argv[1])
    if os.lstat(directory).st_mode & stat.S_ISVTX:
        print("/", file=sys.stderr)
    print("/dev/null\n0 0")
    print(mode_of(os.lstat(directory)))
    emit(directory, directory, 1)
    print("$")
