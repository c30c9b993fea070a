"""`python -m diagnose`: the command line."""

import sys

from diagnose.cli import main

if __name__ == "__main__":
    sys.exit(main())
