"""Brier score of one verdict: (confidence - right)², 0 is best (Brier 1950, Monthly Weather Review 78)."""

from evals.agreement import accepts
from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score


def brier(case: Case, outcome: Outcome) -> Score:
    """Square the distance of confidence from being right (accepted category); no verdict, no score."""
    if outcome.diagnosis is None:
        return Score(value=None, reason=f"no verdict: {outcome.error}")
    right = accepts(case.metadata, outcome.diagnosis.category)
    confidence = outcome.diagnosis.confidence
    return Score(
        value=(confidence - right) ** 2,
        reason=f"confidence {confidence:.2f}, {'right' if right else 'wrong'}",
    )
