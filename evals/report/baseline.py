"""The run that a report is read against, with what differs. Pure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.run import Run

if TYPE_CHECKING:
    from evals.comparison import Comparison


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Both are needed: the comparison says what changed, the run has the answers with their excerpts."""

    run: Run
    comparison: "Comparison"
    """This run is its baseline."""
