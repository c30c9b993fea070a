"""`python -m evals.synthesis`."""

import sys

from evals.synthesis.cli import main

sys.exit(main())
