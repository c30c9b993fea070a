"""`python -m evals.triage --output datasets/triage` makes the cases anew."""

import sys

from evals.triage.cli import main

if __name__ == "__main__":
    sys.exit(main())
