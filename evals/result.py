"""One judged case: the label, what the product made of it, and every score."""

from collections.abc import Mapping
from dataclasses import dataclass

from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


@dataclass(frozen=True, kw_only=True)
class Result:
    """A row of the report."""

    case: Case
    outcome: Outcome
    scores: Mapping[str, Score]
