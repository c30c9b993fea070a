"""`python -m evals.endpoint` serves a local model as Bedrock Runtime would."""

import sys

from evals.endpoint.cli import main

sys.exit(main())
