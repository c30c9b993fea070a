"""Category, strict: the payload says exactly the labelled category."""

from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def category(case: Case, outcome: Outcome) -> Score:
    """Compare the category with the label; an errored case is wrong."""
    expected = case.metadata.category
    if outcome.diagnosis is None:
        return Score(value=0.0, reason=f"expected {expected}, got an error: {outcome.error}")
    got = outcome.diagnosis.category
    return Score(value=float(got == expected), reason=f"expected {expected}, got {got}")
