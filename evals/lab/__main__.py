"""`python -m evals.lab` is the laboratory's command."""

import sys

from evals.lab.cli import main

sys.exit(main())
