"""`python -m evals` is the command `evals`."""

import sys

from evals.cli import main

sys.exit(main())
