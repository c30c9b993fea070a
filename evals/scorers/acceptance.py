"""Category, accepted: the labelled category or another one that a fair reader could give."""

from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def acceptance(case: Case, outcome: Outcome) -> Score:
    """Compare the category with the label and its `accept` list; an errored case is wrong."""
    accepted = (case.metadata.category, *case.metadata.accept)
    expected = " or ".join(accepted)
    if outcome.diagnosis is None:
        return Score(value=0.0, reason=f"expected {expected}, got an error: {outcome.error}")
    got = outcome.diagnosis.category
    return Score(value=float(got in accepted), reason=f"expected {expected}, got {got}")
