"""Category, accepted: the labelled category or another one that a fair reader could give."""

from evals.agreement import accepts
from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def acceptance(case: Case, outcome: Outcome) -> Score:
    """Compare the category with the label and its `accept` list; an errored case is wrong."""
    expected = " or ".join((case.metadata.category, *case.metadata.accept))
    if outcome.diagnosis is None:
        return Score(value=0.0, reason=f"expected {expected}, got an error: {outcome.error}")
    got = outcome.diagnosis.category
    return Score(value=float(accepts(case.metadata, got)), reason=f"expected {expected}, got {got}")
