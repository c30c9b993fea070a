"""Failure type: the payload says the labelled fine word."""

from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def kind(case: Case, outcome: Outcome) -> Score:
    """Compare the failure type with the label; an errored case is wrong."""
    expected = case.metadata.failure_type
    if outcome.diagnosis is None:
        return Score(value=0.0, reason=f"expected {expected}, got an error: {outcome.error}")
    got = outcome.diagnosis.failure_type
    return Score(value=float(got == expected), reason=f"expected {expected}, got {got}")
