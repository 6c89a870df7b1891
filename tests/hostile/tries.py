"""Runs the groups of tries; run.sh explains the arguments."""
import sys

from hostile import main  # first, because it sets the path of the other imports

import faults
import guests
import host
import trust

if __name__ == "__main__":
    sys.exit(main([trust.tries, guests.tries, host.tries, faults.tries], sys.argv[1:]))
