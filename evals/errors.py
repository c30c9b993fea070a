"""The errors of `evals`; every message names the value and the next step.

    EvalsError
      ├── AnalystError        there is no such analyst, prompt or recording
      ├── ComparisonError     two runs can't be compared
      ├── DatasetError        a dataset can't be scored: missing, empty, invalid, altered
      ├── GateError           the gate can't judge a run, or a promotion is refused
      ├── PrerequisiteError   something the run needs is not installed
      ├── RunError            a stored run or its journal can't be read or taken up again
      ├── ScenarioError       a scenario of the lab is not valid, or its job did not fail as its label says
      └── TrackingError       the tracking server can't be used

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


class AnalystError(EvalsError):
    """There is no such analyst, or something it needs is missing; the message says what to give."""


class RunError(EvalsError):
    """A stored run or its journal can't be read or taken up again; the message names the file."""


class ComparisonError(EvalsError):
    """Two runs can't be compared; the message names both values and the next step."""


class GateError(EvalsError):
    """The gate can't judge a run, or a promotion is refused; the message says why."""


class TrackingError(EvalsError):
    """The tracking server can't be used; the message names it."""
