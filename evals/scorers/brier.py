"""Brier score of one verdict: (confidence - right)², 0 is best (Brier 1950, Monthly Weather Review 78)."""

from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score
from evals.scorers.acceptance import acceptance


def brier(case: Case, outcome: Outcome) -> Score:
    """Square the distance of confidence from being right (accepted category); no verdict, no score."""
    if outcome.diagnosis is None:
        return Score(value=None, reason=f"no verdict: {outcome.error}")
    right = acceptance(case, outcome).value or 0.0
    confidence = outcome.diagnosis.confidence
    return Score(value=(confidence - right) ** 2, reason=f"confidence {confidence:.2f}, right {right:.0f}")
