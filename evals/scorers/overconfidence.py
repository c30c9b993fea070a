"""Overconfidence: a wrong verdict that an engineer would act on."""

from evals.agreement import accepts
from evals.case import Case
from evals.outcome import Outcome
from evals.score import Score
from evals.scorers.assurance import CONFIDENT


def overconfidence(case: Case, outcome: Outcome) -> Score:
    """Score every case: 0.0 when the category is wrong at a confidence of at least `CONFIDENT`."""
    if outcome.diagnosis is None:
        return Score(value=1.0, reason=f"no verdict: {outcome.error}")
    confidence = outcome.diagnosis.confidence
    right = accepts(case.metadata, outcome.diagnosis.category)
    bad = not right and confidence >= CONFIDENT
    return Score(
        value=float(not bad), reason=f"{'right' if right else 'wrong'} at confidence {confidence:.2f}"
    )
