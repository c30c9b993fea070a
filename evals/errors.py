"""The errors of `evals`; every message names the value and the next step.

    EvalsError
      ├── DatasetError        a dataset can't be scored: missing, empty, invalid, altered
      ├── PrerequisiteError   something the run needs is not installed
      └── ScenarioError       a scenario of the lab is not valid, or its job did not fail as its label says

The command line turns each into exit code 2 and one line on standard error.
"""


class EvalsError(Exception):
    """Base class: catch this to catch every error the package raises on purpose."""


class DatasetError(EvalsError):
    """A dataset can't be scored; the message names the place, the case and what to do."""


class PrerequisiteError(EvalsError):
    """Something the run needs is missing; the message says how to get it."""


class ScenarioError(EvalsError):
    """A scenario of the lab can't become a case; the message names the scenario and what to change."""
