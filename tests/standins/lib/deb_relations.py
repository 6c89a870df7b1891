#!/usr/bin/python3
"""deb_relations.py CONTROL PRESENT: rewrites the dependencies of a DEB package for a genuine image. PRESENT lists the names that
the image's packages have and provide. A dependency on anything else is dropped, and so is every bound on a version that is not
the vendor's. Names of the vendor's own packages stay: the bundle has them."""
import re
import sys
from pathlib import Path

FIELDS = ("Depends", "Pre-Depends")
# Packages that the bundle itself brings (lib/bundle_deb.sh).
OWN = re.compile(r"mlnx-.*|mft|mstflint|ofed-scripts|opensm.*|libopensm.*|ucx|perftest|knem.*|.*-dkms|rdma-core|libib.*|ibverbs-.*|"
                 r"libmlx[45]-1|librdmacm.*|rdmacm-utils|infiniband-diags.*|ibacm|srptools")
VENDOR_VERSION = re.compile(r"mlnx|MLNX|OFED|\.\d{5}$|^\d+\.\d+-\d+\.\d+\.\d+\.\d+$")


def loosened(relation, present):
    """One alternative without the bound that the image need not meet; None when nothing has the name."""
    name, _, bound = relation.strip().partition(" ")
    if not OWN.fullmatch(name) and name not in present:
        return None
    version = bound.strip("()").split(" ")[-1]
    return f"{name} {bound}" if bound and VENDOR_VERSION.search(version) else name


def rewrite(value, present):
    clauses = []
    for clause in value.split(","):
        kept = [text for text in (loosened(relation, present) for relation in clause.split("|")) if text]
        if kept:
            clauses.append(" | ".join(kept))
    return ", ".join(clauses)


def main(control, present):
    names = set(Path(present).read_text().splitlines())
    lines = []
    for line in Path(control).read_text().splitlines():
        field, _, value = line.partition(": ")
        if field in FIELDS:
            line = f"{field}: {rewrite(value, names)}"
            if line.endswith(": "):
                continue
        lines.append(line)
    Path(control).write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
