"""Confidence of right verdicts: a right answer that nobody may trust helps nobody."""

from typing import Final

from evals.agreement import accepts
from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score

CONFIDENT: Final = 0.8
"""From here on an on-call engineer acts on the verdict without reading the logs."""


def assurance(case: Case, outcome: Outcome) -> Score:
    """Score right verdicts (accepted category): 1.0 when their confidence is at least `CONFIDENT`."""
    if outcome.diagnosis is None or not accepts(case.metadata, outcome.diagnosis.category):
        return Score(value=None, reason="not a right verdict")
    confidence = outcome.diagnosis.confidence
    return Score(value=float(confidence >= CONFIDENT), reason=f"right at confidence {confidence:.2f}")
